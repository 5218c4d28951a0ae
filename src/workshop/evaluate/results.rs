//! Results per photograph as JSON lines, so that an interrupted run can resume and tables can be made again.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{Error, ResultsProblem};

/// The results of one photograph. A class is `null` if the model answered with NaN or infinity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `<folder>/<file>`.
    pub image: String,
    /// The right class.
    pub class: usize,
    /// Why it could not be read; then the rest is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// The class without purifier, by the transfer attack's name (`clean` for none).
    #[serde(default)]
    pub raw: BTreeMap<String, Option<usize>>,
    /// The same pictures, purified.
    #[serde(default)]
    pub purified: BTreeMap<String, Option<usize>>,
    /// PSNR in dB of the purified picture against the clean one, by the same names.
    #[serde(default)]
    pub psnr: BTreeMap<String, f32>,
    /// The class after an attack on purifier and classifier together, by the attack's name.
    #[serde(default)]
    pub adaptive: BTreeMap<String, Option<usize>>,
}

/// The results of a run: in memory, and in a file if the run has a folder.
#[derive(Debug)]
pub struct Results {
    records: HashMap<String, Record>,
    file: Option<(PathBuf, File)>,
}

impl Results {
    /// Results that are kept in memory only.
    pub fn in_memory() -> Self {
        Self { records: HashMap::new(), file: None }
    }

    /// Opens `folder/results.jsonl`, whose first line is `header`, and reads the results of an earlier run.
    ///
    /// A last line without its end, left by a killed run, is cut off.
    ///
    /// # Errors
    /// A different header, with both shown; another run at work; a line that is not a result; an unwritable folder.
    pub fn open(folder: &Path, header: &Value) -> Result<Self, Error> {
        let path = folder.join("results.jsonl");
        match Self::read(folder, &path, header) {
            Ok((records, file)) => Ok(Self { records, file: Some((path, file)) }),
            Err(problem) => Err(Error::Results { path, problem }),
        }
    }

    fn read(folder: &Path, path: &Path, header: &Value) -> Result<(HashMap<String, Record>, File), ResultsProblem> {
        std::fs::create_dir_all(folder)?;
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        file.try_lock().map_err(|_| ResultsProblem::Locked)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).and_then(|()| file.rewind())?;
        }
        let mut lines = text[..whole].lines();
        match lines.next() {
            None => append(&mut file, &format!("{header}\n"))?,
            Some(found) => expect_header(found, header)?,
        }
        let mut records = HashMap::new();
        for (index, line) in lines.enumerate() {
            let number = index + 2;
            let record: Record =
                serde_json::from_str(line).map_err(|source| ResultsProblem::Line { number, source })?;
            records.insert(record.image.clone(), record);
        }
        Ok((records, file))
    }

    /// The record of the photograph with this name.
    pub fn get(&self, image: &str) -> Option<&Record> {
        self.records.get(image)
    }

    /// Adds records: all of them reach the disk as whole lines in one write.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn add(&mut self, records: Vec<Record>) -> Result<(), Error> {
        let mut lines = String::new();
        for record in &records {
            // A struct with string keys and finite numbers always has a JSON form.
            lines.push_str(&serde_json::json!(record).to_string());
            lines.push('\n');
        }
        if let Some((path, file)) = &mut self.file {
            append(file, &lines).map_err(|error| Error::Results { path: path.clone(), problem: error.into() })?;
        }
        self.records.extend(records.into_iter().map(|record| (record.image.clone(), record)));
        Ok(())
    }
}

fn append(file: &mut File, lines: &str) -> std::io::Result<()> {
    file.write_all(lines.as_bytes())?;
    file.sync_data()
}

/// Refuses the results of other models or settings.
fn expect_header(found: &str, expected: &Value) -> Result<(), ResultsProblem> {
    let found: Value = serde_json::from_str(found).map_err(ResultsProblem::Header)?;
    if found == *expected {
        return Ok(());
    }
    let empty = serde_json::Map::new();
    let (ours, theirs) = (expected.as_object().unwrap_or(&empty), found.as_object().unwrap_or(&empty));
    let keys = ours.keys().chain(theirs.keys().filter(|key| !ours.contains_key(*key)));
    let show = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
    let differences: Vec<String> = keys
        .filter(|key| ours.get(*key) != theirs.get(*key))
        .map(|key| format!("{key}: there {}, now {}", show(theirs.get(key)), show(ours.get(key))))
        .collect();
    Err(ResultsProblem::Other { differences: differences.join("; ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(image: &str) -> Record {
        Record { image: image.into(), raw: BTreeMap::from([("clean".to_owned(), Some(3))]), ..Record::default() }
    }

    #[test]
    fn a_run_finds_the_results_of_an_earlier_one_and_drops_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let header = serde_json::json!({"seed": 1});
        let mut results = Results::open(folder.path(), &header).unwrap();
        results.add(vec![record("a"), record("b")]).unwrap();
        drop(results);
        let path = folder.path().join("results.jsonl");
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{{\"image\":\"c\",\"cl")).unwrap();
        let mut results = Results::open(folder.path(), &header).unwrap();
        assert_eq!((results.get("a"), results.get("c")), (Some(&record("a")), None));
        results.add(vec![record("d")]).unwrap();
        drop(results);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
        assert!(Results::open(folder.path(), &header).unwrap().get("d").is_some());
    }

    #[test]
    fn results_of_other_settings_are_refused_with_both_shown() {
        let folder = tempfile::tempdir().unwrap();
        drop(Results::open(folder.path(), &serde_json::json!({"seed": 1, "eot": 1})).unwrap());
        let error = Results::open(folder.path(), &serde_json::json!({"seed": 2, "eot": 1})).unwrap_err().to_string();
        assert!(error.contains("seed: there 1, now 2") && !error.contains("eot"), "{error}");
    }

    #[test]
    fn two_evaluations_in_one_folder_are_kept_apart() {
        let folder = tempfile::tempdir().unwrap();
        let header = serde_json::json!({});
        let _first = Results::open(folder.path(), &header).unwrap();
        assert!(Results::open(folder.path(), &header).unwrap_err().to_string().contains("another evaluation"));
    }
}
