//! Fixed sine-cosine encodings of patch positions, and the window of their table that an image uses.

use burn::prelude::*;

/// Encodings of `count` coordinates in `channels` channels: sines, then cosines, of falling frequency.
fn encode(count: usize, channels: usize) -> Vec<Vec<f32>> {
    let frequencies = channels / 2;
    let angle = |at: usize, k: usize| at as f64 * 10000_f64.powf(-(k as f64) / frequencies as f64);
    let row = |at| {
        let sines = (0..frequencies).map(move |k| angle(at, k).sin() as f32);
        sines.chain((0..frequencies).map(move |k| angle(at, k).cos() as f32)).collect()
    };
    (0..count).map(row).collect()
}

/// The positions of a `grid` x `grid` window that begins at `offset` (row, column), row-major, `width` values
/// per patch: the first half encodes the column, the second the row.
pub fn window(grid: usize, width: usize, offset: [usize; 2]) -> Vec<f32> {
    let axis = encode(grid + offset[0].max(offset[1]), width / 2);
    let mut values = Vec::with_capacity(grid * grid * width);
    for row in 0..grid {
        for column in 0..grid {
            values.extend_from_slice(&axis[offset[1] + column]);
            values.extend_from_slice(&axis[offset[0] + row]);
        }
    }
    values
}

/// The offset that evaluation uses on both axes, so that the window is in the middle of the table.
pub fn centre(positions: usize, grid: usize) -> usize {
    (positions - grid).div_ceil(2)
}

/// The positions of a batch, from one offset (row, column) per image; there must be at least one.
///
/// # Shapes
/// -> [batch, grid * grid, width], or [1, ..] if all images have the same offset
pub fn windows(grid: usize, width: usize, offsets: &[[usize; 2]], device: &Device) -> Tensor<3> {
    let distinct = if offsets.windows(2).all(|pair| pair[0] == pair[1]) { &offsets[..1] } else { offsets };
    let largest = distinct.iter().flatten().max().copied().unwrap_or(0);
    let table = window(grid + largest, width, [0, 0]);
    let table_row = (grid + largest) * width;
    let mut values = Vec::with_capacity(distinct.len() * grid * grid * width);
    for [top, left] in distinct {
        for row in *top..top + grid {
            let begin = row * table_row + left * width;
            values.extend_from_slice(&table[begin..begin + grid * width]);
        }
    }
    Tensor::from_data(TensorData::new(values, [distinct.len(), grid * grid, width]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_half_of_the_channels_encodes_the_column_and_the_second_the_row() {
        let values = window(3, 8, [0, 0]);
        let at = |row: usize, column: usize| &values[(row * 3 + column) * 8..][..8];
        assert_eq!(at(1, 2)[..4], at(0, 2)[..4]);
        assert_eq!(at(2, 1)[4..], at(2, 0)[4..]);
        let expected = [2_f32.sin(), 0.02_f32.sin(), 2_f32.cos(), 0.02_f32.cos()];
        for (found, expected) in at(0, 2)[..4].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_window_is_a_piece_of_the_table() {
        let device = Device::flex();
        let windows: Vec<f32> = windows(2, 8, &[[1, 3], [0, 2]], &device).into_data().try_to_vec().unwrap_or_default();
        assert_eq!(windows, [window(2, 8, [1, 3]), window(2, 8, [0, 2])].concat());
    }

    #[test]
    fn evaluation_uses_the_offsets_of_the_published_code() {
        let offsets = [8, 12, 14, 16, 20, 28].map(|grid| centre(28, grid));
        assert_eq!(offsets, [10, 8, 7, 6, 4, 0]);
    }
}
