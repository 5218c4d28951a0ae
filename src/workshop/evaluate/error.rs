//! What can go wrong in an evaluation.

use std::io;
use std::path::PathBuf;

use crate::engine::{InferenceError, ModelError};
use crate::workshop::classes::{OneName, Unlisted};
use crate::workshop::onnx::read;

/// Why an evaluation cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder of photographs is not usable.
    #[error("{}: {problem}", path.display())]
    Data {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        problem: FolderProblem,
    },
    /// A folder of photographs cannot be listed.
    #[error(transparent)]
    Unlisted(#[from] Unlisted),
    /// The classifier has two classes of one name.
    #[error("the classifier's labels: {0}")]
    Labels(#[source] OneName),
    /// The file of results is not usable.
    #[error("{}: {problem}", path.display())]
    Results {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        problem: ResultsProblem,
    },
    /// The engine that ships refuses a model.
    #[error(transparent)]
    Refused(#[from] ModelError),
    /// A model cannot be read with gradients.
    #[error(transparent)]
    Gradients(#[from] read::Error),
    /// The engine that ships failed on a picture.
    #[error(transparent)]
    Inference(#[from] InferenceError),
}

/// What is wrong with a folder of photographs.
#[derive(Debug, thiserror::Error)]
pub enum FolderProblem {
    /// A folder in it is not a class of the classifier.
    #[error("the folder '{folder}' is none of the classifier's classes; expected folders named {expected}")]
    UnknownClass {
        /// The folder's name.
        folder: String,
        /// The first classes in words.
        expected: String,
    },
    /// A folder's name is that of several classes.
    #[error(
        "the folder '{folder}' could be the class {first} or {second}; rename it to a WordNet identifier, or give the \
         classes names of their own"
    )]
    SeveralClasses {
        /// The folder's name.
        folder: String,
        /// The first class.
        first: String,
        /// The second one.
        second: String,
    },
    /// A class without a file.
    #[error("this class has no image; remove the folder or fill it")]
    EmptyClass,
    /// Two folders in it are one class.
    #[error("the folders '{first}' and '{second}' are both the class '{label}'")]
    SameClass {
        /// The folder that comes first.
        first: String,
        /// The other one.
        second: String,
        /// The class that both name.
        label: String,
    },
    /// It has no photograph.
    #[error("expected photographs in one folder per class (DATA/<class>/*.jpg), found none")]
    Empty,
}

/// What is wrong with a file of results.
#[derive(Debug, thiserror::Error)]
pub enum ResultsProblem {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Another process has it.
    #[error("another evaluation is writing it; wait for it or choose another --out")]
    Locked,
    /// The first line is not JSON.
    #[error("the first line is not a header: {0}")]
    Header(#[source] serde_json::Error),
    /// The header differs from this evaluation's.
    #[error("these are results of another evaluation ({differences}); choose another --out")]
    Other {
        /// The keys that differ, with both values.
        differences: String,
    },
    /// A line is not a record.
    #[error("line {number}: {source}")]
    Line {
        /// The line's number, counted from 1.
        number: usize,
        /// Why it is not a record.
        source: serde_json::Error,
    },
}
