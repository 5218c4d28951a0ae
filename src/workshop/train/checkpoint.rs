//! A run's folder: settings, checkpoints, best weights. Whatever kills the process, the folder is complete.
//!
//! ```text
//! settings.json          all that determines the run's outcome; other settings are refused
//! checkpoint-00000400/   model, average, optimiser and progress; appears by one rename, then the older one is removed
//! best-00000400/         the averaged weights with the best validation so far
//! metrics.jsonl          one line per validation or progress report
//! lock                   held while a process trains here
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{Error, RunProblem, StoreError};
use super::optimiser::adamw;

/// How far a run has come; all else follows from it and the settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// The step of the best validation so far.
    pub best_step: Option<u64>,
    /// The score of that validation.
    pub best_score: Option<f64>,
}

/// What is trained: the weights, their running average and the optimiser.
#[derive(Clone)]
pub struct Trained<M: Module> {
    /// The weights that steps change, on an autodiff device.
    pub model: M,
    /// Their running average, in evaluation mode.
    pub average: M,
    /// The optimiser with its moments.
    pub optimiser: ModuleOptimizer,
}

impl<M: Module> Trained<M> {
    /// A model before its first step.
    pub fn new(model: M, weight_decay: f64) -> Self {
        Self { average: model.valid(), model, optimiser: adamw(weight_decay) }
    }
}

/// The folder of one run, locked for this process.
pub struct RunFolder {
    path: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Opens or creates the folder. If it holds a run, `settings` must equal the settings of that run.
    ///
    /// # Errors
    /// A folder that cannot be created or locked, that another process trains in, or that holds a run with other
    /// settings.
    pub fn open<S: Serialize + DeserializeOwned>(path: &Path, settings: &S) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(|error| Error::run(path, RunProblem::Create(error)))?;
        let lock = File::create(path.join("lock")).map_err(|error| Error::run(path, RunProblem::Lock(error)))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => Error::run(path, RunProblem::Busy),
            fs::TryLockError::Error(error) => Error::run(path, RunProblem::Lock(error)),
        })?;
        let folder = Self { path: path.to_owned(), _lock: lock };
        folder.settle(settings)?;
        Ok(folder)
    }

    /// Writes the settings of a new run, or compares them with those of the run that is there.
    fn settle<S: Serialize + DeserializeOwned>(&self, settings: &S) -> Result<(), Error> {
        let file = self.path.join("settings.json");
        let asked = serde_json::json!(settings);
        let Ok(text) = fs::read_to_string(&file) else {
            let text = format!("{asked:#}\n");
            return crate::atomic::write(&file, text.as_bytes()).map_err(|error| Error::run(&file, error));
        };
        let there: Value = serde_json::from_str(&text).map_err(|error| Error::run(&file, error))?;
        // An older run may have written the same settings in another form.
        let there = serde_json::from_value::<S>(there.clone()).map_or(there, |read| serde_json::json!(read));
        match first_difference("", &there, &asked) {
            None => Ok(()),
            Some(problem) => Err(Error::run(&self.path, problem)),
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a whole checkpoint, then removes the previous one.
    ///
    /// # Errors
    /// A folder that cannot be written; the previous checkpoint is then still there.
    pub fn save<M: Module>(&self, progress: &Progress, trained: &Trained<M>) -> Result<(), Error> {
        self.replace(&format!("checkpoint-{:08}", progress.step), "checkpoint-", |folder| {
            trained.model.clone().save_file(folder.join("model"))?;
            trained.average.clone().save_file(folder.join("average"))?;
            trained.optimiser.save(folder.join("optimiser"))?;
            fs::write(folder.join("state.json"), serde_json::json!(progress).to_string())?;
            Ok(())
        })
    }

    /// Writes the weights that `export` reads, then removes the previous ones.
    ///
    /// # Errors
    /// A folder that cannot be written; the previous weights are then still there.
    pub fn save_best<M: Module>(&self, step: u64, weights: &M) -> Result<(), Error> {
        self.replace(&format!("best-{step:08}"), "best-", |folder| {
            weights.clone().save_file(folder.join("model"))?;
            Ok(())
        })
    }

    /// Fills a temporary folder, syncs it, renames it to `name`, then removes the other folders of the `family`.
    fn replace(
        &self,
        name: &str,
        family: &str,
        fill: impl FnOnce(&Path) -> Result<(), StoreError>,
    ) -> Result<(), Error> {
        let target = self.path.join(name);
        let write = || -> Result<(), StoreError> {
            let temporary = tempfile::Builder::new().prefix(".new-").tempdir_in(&self.path)?;
            fill(temporary.path())?;
            for entry in fs::read_dir(temporary.path())? {
                File::open(entry?.path())?.sync_all()?;
            }
            File::open(temporary.path())?.sync_all()?;
            if target.exists() {
                fs::remove_dir_all(&target)?;
            }
            fs::rename(temporary.path(), &target)?;
            File::open(&self.path)?.sync_all()?;
            for old in folders(&self.path, family)?.into_iter().filter(|old| *old != target) {
                fs::remove_dir_all(old)?;
            }
            Ok(())
        };
        write().map_err(|error| Error::run(&target, RunProblem::Save(error)))
    }

    /// The newest checkpoint, loaded into `blank`; `None` if there is none yet.
    ///
    /// # Errors
    /// A checkpoint that cannot be read.
    pub fn load<M: Module>(&self, blank: Trained<M>) -> Result<Option<(Progress, Trained<M>)>, Error> {
        self.sweep();
        let found = folders(&self.path, "checkpoint-").map_err(|error| Error::run(&self.path, error))?;
        let Some(folder) = found.into_iter().next_back() else { return Ok(None) };
        let read = || -> Result<(Progress, Trained<M>), StoreError> {
            let progress = serde_json::from_str(&fs::read_to_string(folder.join("state.json"))?)?;
            let model = blank.model.try_load_file(folder.join("model"))?;
            let average = blank.average.try_load_file(folder.join("average"))?;
            let optimiser = blank.optimiser.load(folder.join("optimiser"))?;
            Ok((progress, Trained { model, average, optimiser }))
        };
        read().map(Some).map_err(|error| Error::run(&folder, RunProblem::Checkpoint(error)))
    }

    /// Removes the half-written folders of a killed process; nothing reads their names.
    fn sweep(&self) {
        for half in folders(&self.path, ".new-").into_iter().flatten() {
            if let Err(error) = fs::remove_dir_all(&half) {
                log::warn!("{}: cannot be removed: {error}", half.display());
            }
        }
    }
}

/// Loads the best weights of a finished or interrupted run into `blank`; returns them with their step.
///
/// # Errors
/// A folder without best weights, or weights that do not fit the model.
pub fn load_best<M: Module>(run: &Path, blank: M) -> Result<(M, u64), Error> {
    let found = folders(run, "best-").map_err(|error| Error::run(run, error))?;
    let folder = found.into_iter().next_back().ok_or_else(|| Error::run(run, RunProblem::NoBest))?;
    let step = folder.file_name().and_then(|name| name.to_string_lossy().strip_prefix("best-")?.parse().ok());
    let step = step.ok_or_else(|| Error::run(&folder, RunProblem::NoStep))?;
    let file = folder.join("model");
    let model = blank.try_load_file(&file).map_err(|error| Error::run(&file, RunProblem::Weights(error)))?;
    Ok((model, step))
}

/// The settings that a run was started with.
///
/// # Errors
/// A folder without readable settings.
pub fn settings<S: DeserializeOwned>(run: &Path) -> Result<S, Error> {
    let file = run.join("settings.json");
    let text = fs::read_to_string(&file).map_err(|error| Error::run(&file, RunProblem::NoSettings(error)))?;
    serde_json::from_str(&text).map_err(|error| Error::run(&file, error))
}

/// Folders in `path` whose name begins with `family`, in the order of their numbers.
fn folders(path: &Path, family: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(family) && entry.path().is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The first key in which two settings differ, with both values.
fn first_difference(key: &str, there: &Value, asked: &Value) -> Option<RunProblem> {
    if let (Some(a), Some(b)) = (there.as_object(), asked.as_object()) {
        let keys = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k)));
        return keys.into_iter().find_map(|k| {
            let inner = if key.is_empty() { k.clone() } else { format!("{key}.{k}") };
            first_difference(&inner, a.get(k).unwrap_or(&Value::Null), b.get(k).unwrap_or(&Value::Null))
        });
    }
    (there != asked).then(|| RunProblem::OtherSettings {
        key: key.to_owned(),
        there: there.to_string(),
        asked: asked.to_string(),
    })
}
