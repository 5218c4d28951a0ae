//! A run's folder: settings, checkpoints, best weights. Whatever kills the process, the folder holds a whole state.
//!
//! ```text
//! settings.json          what the run was asked for; another run's settings are refused
//! checkpoint-00000400/   model, average, optimiser and state; appears by one rename, the older one goes after it
//! best-00000400/         the averaged weights with the best validation so far
//! metrics.jsonl          one line a validation or progress report
//! lock                   held while a process trains here
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use serde::{Deserialize, Serialize};

use super::Error;

/// Where a run stands; all else follows from it and the settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Steps done.
    pub step: u64,
    pub best_step: Option<u64>,
    pub best_score: Option<f64>,
}

/// What is trained: the weights, their running average and the optimiser.
#[derive(Clone)]
pub struct Trained<M: Module> {
    pub model: M,
    pub average: M,
    pub optimiser: ModuleOptimizer,
}

/// The folder of one run, locked for this process.
pub struct RunFolder {
    path: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Opens or creates the folder. `settings` must equal those of the run that is there, if one is.
    pub fn open<S: Serialize>(path: &Path, settings: &S) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(|error| Error::run(path, format!("cannot be created: {error}")))?;
        let lock =
            File::create(path.join("lock")).map_err(|error| Error::run(path, format!("cannot be written: {error}")))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::run(
                    path,
                    "another process trains in this folder; wait for it or take another --out",
                ));
            }
            Err(fs::TryLockError::Error(error)) => return Err(Error::run(path, format!("cannot be locked: {error}"))),
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        folder.settle(serde_json::json!(settings))?;
        Ok(folder)
    }

    fn settle(&self, settings: serde_json::Value) -> Result<(), Error> {
        let file = self.path.join("settings.json");
        let Ok(text) = fs::read_to_string(&file) else {
            let text = format!("{settings:#}\n");
            return crate::atomic::write(&file, text.as_bytes()).map_err(|error| Error::run(&file, error));
        };
        let there: serde_json::Value = serde_json::from_str(&text).map_err(|error| Error::run(&file, error))?;
        match first_difference("", &there, &settings) {
            None => Ok(()),
            Some((key, there, asked)) => Err(Error::run(
                &self.path,
                format!(
                    "holds a run with {key} = {there}, and {key} = {asked} is asked for; give the same settings to go on with it, or another --out"
                ),
            )),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a checkpoint whole, then removes the one before.
    pub fn save<M: Module>(&self, state: &State, trained: &Trained<M>) -> Result<(), Error> {
        self.appear(&format!("checkpoint-{:08}", state.step), "checkpoint-", |folder| {
            trained.model.clone().save_file(folder.join("model")).map_err(|e| e.to_string())?;
            trained.average.clone().save_file(folder.join("average")).map_err(|e| e.to_string())?;
            trained.optimiser.save(folder.join("optimiser")).map_err(|e| e.to_string())?;
            fs::write(folder.join("state.json"), serde_json::json!(state).to_string()).map_err(|e| e.to_string())
        })
    }

    /// Writes the weights that `export` takes.
    pub fn save_best<M: Module>(&self, step: u64, weights: &M) -> Result<(), Error> {
        self.appear(&format!("best-{step:08}"), "best-", |folder| {
            weights.clone().save_file(folder.join("model")).map_err(|e| e.to_string())
        })
    }

    /// Fills a temporary folder, syncs and renames it, then removes its predecessors.
    fn appear(&self, name: &str, family: &str, fill: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), Error> {
        let target = self.path.join(name);
        let failed = |reason: String| {
            Error::run(&target, format!("cannot be written: {reason}; what was there before is whole"))
        };
        let temporary =
            tempfile::Builder::new().prefix(".new-").tempdir_in(&self.path).map_err(|e| failed(e.to_string()))?;
        fill(temporary.path()).map_err(failed)?;
        (|| {
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
            std::io::Result::Ok(())
        })()
        .map_err(|error| failed(error.to_string()))
    }

    /// The newest checkpoint, if there is one, loaded into `blank`.
    pub fn load<M: Module>(&self, blank: Trained<M>) -> Result<Option<(State, Trained<M>)>, Error> {
        self.sweep();
        let found = folders(&self.path, "checkpoint-").map_err(|error| Error::run(&self.path, error))?;
        let Some(folder) = found.into_iter().next_back() else { return Ok(None) };
        let failed = |reason: String| Error::run(&folder, format!("this checkpoint cannot be read: {reason}"));
        let text = fs::read_to_string(folder.join("state.json")).map_err(|e| failed(e.to_string()))?;
        let state = serde_json::from_str(&text).map_err(|e| failed(e.to_string()))?;
        let trained = Trained {
            model: blank.model.try_load_file(folder.join("model")).map_err(|e| failed(e.to_string()))?,
            average: blank.average.try_load_file(folder.join("average")).map_err(|e| failed(e.to_string()))?,
            optimiser: blank.optimiser.load(folder.join("optimiser")).map_err(|e| failed(e.to_string()))?,
        };
        Ok(Some((state, trained)))
    }

    /// Removes what a killed process left half-written; nothing reads those names.
    fn sweep(&self) {
        for half in folders(&self.path, ".new-").into_iter().flatten() {
            if let Err(error) = fs::remove_dir_all(&half) {
                log::warn!("{}: cannot be removed: {error}", half.display());
            }
        }
    }
}

/// Loads the best weights of a finished or interrupted run into `blank`; with them comes their step.
pub fn load_best<M: Module>(run: &Path, blank: M) -> Result<(M, u64), Error> {
    let found = folders(run, "best-").map_err(|error| Error::run(run, error))?;
    let folder = found.into_iter().next_back().ok_or_else(|| {
        Error::run(
            run,
            "expected a folder of a training run with best-*, found none; let the run reach its first validation",
        )
    })?;
    let step = folder.file_name().and_then(|name| name.to_string_lossy().strip_prefix("best-")?.parse().ok());
    let step = step.ok_or_else(|| Error::run(&folder, "expected a name best-STEP"))?;
    let file = folder.join("model");
    let model = blank
        .try_load_file(&file)
        .map_err(|error| Error::run(&file, format!("these weights cannot be read: {error}")))?;
    Ok((model, step))
}

/// The settings that a run was started with.
pub fn settings<S: for<'de> Deserialize<'de>>(run: &Path) -> Result<S, Error> {
    let file = run.join("settings.json");
    let text = fs::read_to_string(&file)
        .map_err(|error| Error::run(&file, format!("{error}; expected the folder of a training run")))?;
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
fn first_difference(
    key: &str,
    there: &serde_json::Value,
    asked: &serde_json::Value,
) -> Option<(String, String, String)> {
    if let (Some(a), Some(b)) = (there.as_object(), asked.as_object()) {
        let keys = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k)));
        let null = serde_json::Value::Null;
        return keys.into_iter().find_map(|k| {
            let inner = if key.is_empty() { k.clone() } else { format!("{key}.{k}") };
            first_difference(&inner, a.get(k).unwrap_or(&null), b.get(k).unwrap_or(&null))
        });
    }
    (there != asked).then(|| (key.to_owned(), there.to_string(), asked.to_string()))
}
