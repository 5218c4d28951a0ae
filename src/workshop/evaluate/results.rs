//! Results per photograph as JSON lines, so that a run that was interrupted goes on and tables can be made again.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Error;

/// What was found out about one photograph. A class is `null` where the model answered with NaN or infinity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `<folder>/<file>`.
    pub image: String,
    pub class: usize,
    /// Why it could not be read; then there is nothing else.
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
    pub psnr: BTreeMap<String, f64>,
    /// The class after an attack on all that there is, by the attack's name.
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
    /// Results that are kept in memory alone.
    pub fn in_memory() -> Self {
        Self { records: HashMap::new(), file: None }
    }

    /// Opens `folder/results.jsonl`, whose first line is `header`, and takes what an earlier run left there.
    ///
    /// A last line without its end, which a kill leaves, is cut off.
    ///
    /// # Errors
    /// Another header than ours, with both shown; another run at work; a line that is no result; an unwritable folder.
    pub fn open(folder: &Path, header: &Value) -> Result<Self, Error> {
        let path = folder.join("results.jsonl");
        let fail = |reason: String| Error::Results { path: path.clone(), reason };
        std::fs::create_dir_all(folder).map_err(|error| fail(error.to_string()))?;
        let opened = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let mut file = opened.map_err(|error| fail(error.to_string()))?;
        file.try_lock()
            .map_err(|_| fail("another evaluation is writing it; wait for it or take another --out".to_owned()))?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| fail(error.to_string()))?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).and_then(|()| file.rewind()).map_err(|error| fail(error.to_string()))?;
        }
        let mut results = Self { records: HashMap::new(), file: None };
        let mut lines = text[..whole].lines();
        match lines.next() {
            None => append(&mut file, &format!("{header}\n")).map_err(|error| fail(error.to_string()))?,
            Some(found) => same_header(found, header).map_err(fail)?,
        }
        for (number, line) in lines.enumerate() {
            let record: Record =
                serde_json::from_str(line).map_err(|error| fail(format!("line {}: {error}", number + 2)))?;
            results.records.insert(record.image.clone(), record);
        }
        results.file = Some((path, file));
        Ok(results)
    }

    pub fn get(&self, image: &str) -> Option<&Record> {
        self.records.get(image)
    }

    /// Adds records: all of them reach the disk as whole lines in one write.
    pub fn add(&mut self, records: Vec<Record>) -> Result<(), Error> {
        let mut lines = String::new();
        for record in &records {
            // A struct with string keys and finite numbers always has a JSON form.
            lines.push_str(&serde_json::json!(record).to_string());
            lines.push('\n');
        }
        if let Some((path, file)) = &mut self.file {
            append(file, &lines).map_err(|error| Error::Results { path: path.clone(), reason: error.to_string() })?;
        }
        self.records.extend(records.into_iter().map(|record| (record.image.clone(), record)));
        Ok(())
    }
}

fn append(file: &mut File, lines: &str) -> std::io::Result<()> {
    file.write_all(lines.as_bytes())?;
    file.sync_data()
}

/// Refuses results that other models or settings made.
fn same_header(found: &str, expected: &Value) -> Result<(), String> {
    let found: Value = serde_json::from_str(found).map_err(|error| format!("the first line is no header: {error}"))?;
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
    Err(format!("these are results of another evaluation ({}); take another --out", differences.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(image: &str) -> Record {
        Record { image: image.into(), raw: BTreeMap::from([("clean".to_owned(), Some(3))]), ..Record::default() }
    }

    #[test]
    fn a_run_finds_the_results_of_the_one_before_and_drops_a_torn_line() {
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
