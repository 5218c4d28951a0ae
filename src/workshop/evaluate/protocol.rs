//! What an evaluation measures.

use serde::Serialize;

use crate::workshop::attack::Attack;

/// Photographs that are attacked together. This is a part of the results: random starts are drawn by place in a batch.
pub const BATCH: usize = 16;

/// Pixels of the shorter side of a camera's frame: 640 x 480.
pub const CAMERA_SIDE: usize = 480;

/// The name of unattacked pictures in results.
pub const CLEAN: &str = "clean";

/// The conditions of an evaluation. They are stored with its results, which hold for no others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Protocol {
    /// Attacks on the classifier alone.
    pub transfer: Vec<Attack>,
    /// Attacks on purifier and classifier together.
    pub adaptive: Vec<Attack>,
    /// Draws of noise that an adaptive gradient is averaged over; at least 1.
    pub eot: usize,
    /// The classes that compete, ascending; `None`: all of the classifier's. Attacks are made for their outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub among: Option<Vec<usize>>,
    /// Quality of the JPEG, 4:2:0, that every picture goes through between attack and defence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jpeg: Option<u8>,
    /// Whether a camera of [`CAMERA_SIDE`] pixels sees the picture: the JPEG is of that size, and is fitted to the model's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub camera: bool,
    /// Standard deviation of the purifier's noise in 8-bit levels, if another than its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strength: Option<f32>,
    /// Attack all photographs, instead of only those that the classifier gets right.
    pub all: bool,
    /// Seed of random starts and noise.
    pub seed: u64,
}
