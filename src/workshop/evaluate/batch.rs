//! A few photographs, loaded together.

use burn::prelude::*;
use rayon::prelude::*;

use super::photographs::{self, Photograph};
use crate::workshop::pictures;
use crate::workshop::train::LoadError;

/// The photographs of a batch that can be read, and those that cannot.
pub struct Batch {
    /// Places in the batch of the readable photographs.
    pub readable: Vec<usize>,
    /// Places in the batch of the others, with the reason.
    pub skipped: Vec<(usize, LoadError)>,
    pictures: Vec<Vec<u8>>,
    size: [usize; 2],
}

impl Batch {
    /// Loads photographs as the device would see them, each of `size` (height, width).
    pub fn load(photographs: &[Photograph], size: [usize; 2]) -> Self {
        let loaded: Vec<_> =
            photographs.par_iter().map(|photograph| photographs::load(&photograph.path, size)).collect();
        let mut batch = Self { readable: Vec::new(), skipped: Vec::new(), pictures: Vec::new(), size };
        for (place, picture) in loaded.into_iter().enumerate() {
            match picture {
                Ok(picture) => {
                    batch.readable.push(place);
                    batch.pictures.push(picture);
                }
                Err(error) => batch.skipped.push((place, error)),
            }
        }
        batch
    }

    /// The readable pictures, or `None` if there are none.
    ///
    /// # Shapes
    /// -> [readable, 3, height, width], RGB in 0..1, whole 8-bit levels
    pub fn clean(&self, device: &Device) -> Option<Tensor<4>> {
        (!self.pictures.is_empty()).then(|| pictures::to_tensor(&self.pictures, self.size, device))
    }
}
