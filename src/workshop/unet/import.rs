//! A U-Net's weights back from its exported file, so that training can go on from a file that ships.

use burn::module::Param;
use burn::nn::conv::Conv2d;
use burn::prelude::*;

use super::network::{CENTRE, Unet};
use crate::workshop::onnx::read::{Error, Network};

impl Unet {
    /// The same network with the weights of an exported file.
    ///
    /// # Errors
    /// The file does not hold a U-Net of this shape; the first weight that it lacks is named.
    pub fn with_weights_of(mut self, file: &Network) -> Result<Self, Error> {
        load(&mut self.stem, "stem", file)?;
        load(&mut self.head, "head", file)?;
        for (way, scales) in [("down", &mut self.down), ("up", &mut self.up)] {
            for (i, scale) in scales.iter_mut().enumerate() {
                for (j, block) in scale.blocks.iter_mut().enumerate() {
                    load(&mut block.conv1, &format!("{way}.{i}.{j}.conv1"), file)?;
                    load(&mut block.conv2, &format!("{way}.{i}.{j}.conv2"), file)?;
                }
            }
        }
        for (way, between) in [("coarser", &mut self.coarser), ("finer", &mut self.finer)] {
            for (i, conv) in between.iter_mut().enumerate() {
                load(conv, &format!("{way}.{i}"), file)?;
            }
        }
        let (shape, device) = (self.told.dims(), self.told.val().device());
        self.told = Param::from_data(TensorData::new(file.weight("told.weight", &shape)?, shape), &device);
        // The export moves the centring of pixels into these two.
        let filters = file.weight("stem.weight", &self.stem.weight.dims())?;
        let per_output = filters.len() / self.stem.weight.dims()[0];
        let centring: Vec<f32> =
            filters.chunks_exact(per_output).map(|filter| filter.iter().sum::<f32>() * CENTRE).collect();
        shift(&mut self.stem, |output| centring[output]);
        shift(&mut self.head, |_| -CENTRE);
        Ok(self)
    }
}

/// Weights and bias of a convolution from the file's tensors of its name.
fn load(conv: &mut Conv2d, name: &str, file: &Network) -> Result<(), Error> {
    let (shape, device) = (conv.weight.dims(), conv.weight.val().device());
    let weight = file.weight(&format!("{name}.weight"), &shape)?;
    let bias = file.weight(&format!("{name}.bias"), &shape[..1])?;
    conv.weight = Param::from_data(TensorData::new(weight, shape), &device);
    conv.bias = Some(Param::from_data(TensorData::new(bias, [shape[0]]), &device));
    Ok(())
}

/// Adds a number to the bias of every output.
fn shift(conv: &mut Conv2d, by: impl Fn(usize) -> f32) {
    let Some(bias) = conv.bias.take() else { return };
    let (values, device) = (crate::workshop::pictures::values(bias.val()), bias.val().device());
    let shifted: Vec<f32> = values.iter().enumerate().map(|(output, bias)| bias + by(output)).collect();
    let count = shifted.len();
    conv.bias = Some(Param::from_data(TensorData::new(shifted, [count]), &device));
}
