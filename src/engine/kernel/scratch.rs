//! Memory that the convolutions of a thread share.

/// It grows to what the largest convolution needs, and stays.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// Pixels of a channel in the order in which they are needed.
    pub pixels: Vec<f32>,
    /// The right side of products.
    pub columns: Vec<f32>,
}

/// The first `count` numbers of a buffer, whatever they are.
pub fn grown(buffer: &mut Vec<f32>, count: usize) -> &mut [f32] {
    if buffer.len() < count {
        buffer.resize(count, 0.0);
    }
    &mut buffer[..count]
}
