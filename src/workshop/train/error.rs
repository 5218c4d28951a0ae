//! What can go wrong in training.

use std::io;
use std::path::PathBuf;

use burn::store::RecordError;

use crate::frame::{DecodeError, FitError};
use crate::workshop::classes::Unlisted;
use crate::workshop::onnx::read;

/// Why a training run cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The photographs are not usable.
    #[error("{}: {problem}", path.display())]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        problem: DataProblem,
    },
    /// A folder of photographs cannot be listed.
    #[error(transparent)]
    Unlisted(#[from] Unlisted),
    /// Too few photographs for the share that is held out.
    #[error(
        "{} photographs leave {training} for training and {validation} for validation; \
         both need some: change --held-out or add photographs",
        training + validation
    )]
    HeldOut {
        /// Photographs left for training.
        training: usize,
        /// Photographs held out for validation.
        validation: usize,
    },
    /// The run's folder is not usable.
    #[error("{}: {problem}", path.display())]
    Run {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        problem: RunProblem,
    },
    /// The loss is NaN or infinite.
    #[error("step {step}: the loss is {loss}; a lower --learning-rate usually cures it")]
    Diverged {
        /// The step, counted from 0.
        step: u64,
        /// The loss.
        loss: f32,
    },
    /// A perceptual network without a layer to compare.
    #[error("a perceptual network needs a layer")]
    NoLayer,
    /// A classifier cannot be run.
    #[error(transparent)]
    Network(#[from] read::Error),
}

/// What is wrong with photographs.
#[derive(Debug, thiserror::Error)]
pub enum DataProblem {
    /// The folder or file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// No class.
    #[error("expected one folder of photographs per class, found no folder")]
    NoClass,
    /// No file that could be a photograph.
    #[error("expected photographs in it or in the folders in it, found none")]
    NoPhotograph,
    /// One class.
    #[error("expected at least two classes, found one folder; a classifier of one class says nothing")]
    OneClass,
    /// Two classes with one name.
    #[error("the folders '{first}' and '{second}' have one name, '{label}'; rename one")]
    SameName {
        /// The folder that comes first.
        first: String,
        /// The other one.
        second: String,
        /// The name of both.
        label: String,
    },
    /// A class without a file.
    #[error("this class has no image; remove the folder or fill it")]
    EmptyClass,
    /// No file can be decoded.
    #[error("no image of this folder can be decoded")]
    NothingDecodes,
    /// More pixels than the bound on memory.
    #[error(
        "{photographs} photographs at this --side need about {needed} GiB of memory, the bound is {bound}; \
         choose a smaller --side or fewer photographs"
    )]
    TooLarge {
        /// The number of photographs.
        photographs: usize,
        /// GiB that they would need.
        needed: usize,
        /// GiB that they may need.
        bound: usize,
    },
}

/// Why a photograph cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read or decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It cannot be resized.
    #[error(transparent)]
    Fit(#[from] FitError),
}

/// What is wrong with the folder of a run.
#[derive(Debug, thiserror::Error)]
pub enum RunProblem {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It cannot be created.
    #[error("cannot be created: {0}")]
    Create(#[source] io::Error),
    /// Its lock cannot be taken.
    #[error("cannot be locked: {0}")]
    Lock(#[source] io::Error),
    /// Another process has it.
    #[error("another process trains in this folder; wait for it or choose another --out")]
    Busy,
    /// It has no settings.
    #[error("{0}; expected the folder of a training run")]
    NoSettings(#[source] io::Error),
    /// Its settings are not readable.
    #[error(transparent)]
    Settings(#[from] serde_json::Error),
    /// It holds a run with other settings.
    #[error(
        "holds a run with {key} = {there}, and {key} = {asked} is requested; \
         give the same settings to resume it, or choose another --out"
    )]
    OtherSettings {
        /// The first setting that differs, with its path.
        key: String,
        /// The stored value as JSON.
        there: String,
        /// The requested value as JSON.
        asked: String,
    },
    /// A part of it cannot be written.
    #[error("cannot be written: {0}; the previous one is intact")]
    Save(#[source] StoreError),
    /// A checkpoint cannot be read.
    #[error("this checkpoint cannot be read: {0}")]
    Checkpoint(#[source] StoreError),
    /// It has no weights to export.
    #[error("expected a folder of a training run with best-*, found none; let the run reach its first validation")]
    NoBest,
    /// The folder of the best weights has no step in its name.
    #[error("expected a name best-STEP")]
    NoStep,
    /// The best weights cannot be read.
    #[error("these weights cannot be read: {0}")]
    Weights(#[source] RecordError),
    /// A picture cannot be drawn.
    #[error("cannot be drawn: {0}")]
    Curves(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a part of a checkpoint cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The progress is not readable.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Weights or optimiser are not readable.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Error {
    pub(super) fn data(path: impl Into<PathBuf>, problem: impl Into<DataProblem>) -> Self {
        Self::Data { path: path.into(), problem: problem.into() }
    }

    pub(super) fn run(path: impl Into<PathBuf>, problem: impl Into<RunProblem>) -> Self {
        Self::Run { path: path.into(), problem: problem.into() }
    }
}
