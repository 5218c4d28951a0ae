//! The numbers of an evaluation: a JSON document for programs, tables for people.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use super::photographs::Photograph;
use super::protocol::{CLEAN, Protocol};
use super::results::{Record, Results};
use super::self_check::SelfCheck;
use super::statistics::Share;

/// All numbers of an evaluation.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The folder of photographs.
    pub data: String,
    /// The classifier's file.
    pub classifier: Model,
    /// The purifier's file, if there is one.
    pub purifier: Option<Model>,
    /// Whether the purifier knows the classifier from its training; `None` if its file does not say.
    pub pairing: Option<Pairing>,
    /// The conditions.
    pub protocol: Protocol,
    /// Photographs that could be read.
    pub photographs: usize,
    /// Photographs that could not, with the reason.
    pub skipped: Vec<(String, String)>,
    /// The share of all photographs that the classifier gets right, unattacked and unpurified.
    pub classifier_clean: Share,
    /// The number of photographs that the following shares are of.
    pub counted: usize,
    /// Which photographs they are: `right` or `all`.
    pub counted_are: &'static str,
    /// Attacks on the classifier alone; the first row is without an attack.
    pub transfer: Vec<Transfer>,
    /// Attacks on purifier and classifier together.
    pub adaptive: Vec<Adaptive>,
    /// Whether the attacks do what they must, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_check: Option<SelfCheck>,
}

/// A model's file.
#[derive(Clone, Debug, Serialize)]
pub struct Model {
    /// Its name without folders.
    pub file: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Model {
    /// Keeps the file's name only: its folder does not change what it does.
    pub fn new(path: &Path, sha256: &str) -> Self {
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self { file, sha256: sha256.to_owned() }
    }
}

/// What a purifier knows of the classifier behind it. Numbers of the two kinds never share a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pairing {
    /// The purifier was trained with this classifier.
    Matched,
    /// The purifier was trained without this classifier.
    Agnostic,
}

impl Pairing {
    /// Compares `partners`, the SHA-256 of the classifiers that the purifier was trained with.
    pub fn of(partners: &[String], classifier: &Model) -> Self {
        if partners.contains(&classifier.sha256) { Self::Matched } else { Self::Agnostic }
    }
}

/// A row of the table of transfer attacks.
#[derive(Clone, Debug, Serialize)]
pub struct Transfer {
    /// The attack's name, or `clean`.
    pub attack: String,
    /// Accuracy of the classifier alone.
    pub without_purifier: Share,
    /// Accuracy behind the purifier, if there is one.
    pub purified: Option<Share>,
    /// Mean PSNR of the purified picture against the clean one, in dB.
    pub psnr: Option<f64>,
}

/// A row of the table of adaptive attacks.
#[derive(Clone, Debug, Serialize)]
pub struct Adaptive {
    /// The attack's name.
    pub attack: String,
    /// Accuracy of the whole defence.
    pub accuracy: Share,
}

impl Report {
    /// Counts the results of `photographs` under `protocol`.
    pub fn new(
        data: String,
        classifier: Model,
        purifier: Option<Model>,
        pairing: Option<Pairing>,
        protocol: &Protocol,
        photographs: &[Photograph],
        results: &Results,
    ) -> Self {
        let records: Vec<&Record> = photographs.iter().filter_map(|photograph| results.get(&photograph.name)).collect();
        let skipped =
            records.iter().filter_map(|record| Some((record.image.clone(), record.skipped.clone()?))).collect();
        let readable: Vec<&Record> = records.into_iter().filter(|record| record.skipped.is_none()).collect();
        let right = |record: &&Record| record.raw.get(CLEAN) == Some(&Some(record.class));
        let counted: Vec<&Record> = readable.iter().copied().filter(|record| protocol.all || right(record)).collect();
        let names = std::iter::once(CLEAN.to_owned()).chain(protocol.transfer.iter().map(ToString::to_string));
        Self {
            data,
            photographs: readable.len(),
            skipped,
            classifier_clean: Share::new(readable.iter().copied().filter(right).count(), readable.len()),
            counted: counted.len(),
            counted_are: if protocol.all { "all" } else { "right" },
            transfer: names.map(|name| transfer(name, &counted, purifier.is_some())).collect(),
            adaptive: protocol.adaptive.iter().map(|attack| adaptive(attack.to_string(), &counted)).collect(),
            classifier,
            purifier,
            pairing,
            protocol: protocol.clone(),
            self_check: None,
        }
    }

    /// The tables. Transfer and adaptive results stand in tables of their own.
    pub fn table(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = self.write_table(&mut text);
        text
    }

    fn write_table(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "{}: {} photographs", self.data, self.photographs)?;
        writeln!(text, "classifier {}: {} right without an attack", self.classifier.file, show(self.classifier_clean))?;
        if let Some(purifier) = &self.purifier {
            let pairing = match self.pairing {
                Some(Pairing::Matched) => ", matched: trained with this classifier",
                Some(Pairing::Agnostic) => ", agnostic: trained without this classifier",
                None => "",
            };
            writeln!(text, "purifier   {}{pairing}", purifier.file)?;
        }
        for (image, reason) in self.skipped.iter().take(10) {
            writeln!(text, "skipped {image}: {reason}")?;
        }
        if self.skipped.len() > 10 {
            writeln!(text, "skipped {} photographs in all", self.skipped.len())?;
        }
        let which =
            if self.protocol.all { "all photographs" } else { "the photographs that the classifier gets right" };
        writeln!(
            text,
            "\nAccuracy in % on {which} (n = {}), in brackets the 95 % interval, seed {}",
            self.counted, self.protocol.seed
        )?;
        if let Some(among) = &self.protocol.among {
            writeln!(
                text,
                "Only the {} classes of the photographs compete; attacks are made for their outputs",
                among.len()
            )?;
        }
        if let Some(quality) = self.protocol.jpeg {
            let way = if self.protocol.camera { " of a camera with 640 x 480 pixels" } else { "" };
            writeln!(text, "Every picture goes through JPEG of quality {quality}, 4:2:0{way}, before the defence")?;
        }
        if let Some(strength) = self.protocol.strength {
            writeln!(text, "Strength of the purifier's noise: {strength} levels of 255")?;
        }
        self.write_transfer(text)?;
        self.write_adaptive(text)?;
        self.write_self_check(text)
    }

    /// What stands behind the numbers of the attacks on the whole defence.
    fn mark(&self) -> &'static str {
        if self.self_check.as_ref().is_some_and(|outcome| !outcome.holds()) { " !" } else { "" }
    }

    fn write_self_check(&self, text: &mut String) -> std::fmt::Result {
        let Some(outcome) = &self.self_check else { return Ok(()) };
        let (count, epsilon) = (outcome.photographs, outcome.epsilon);
        writeln!(text, "\nSelf-check of the attacks on {count} photographs at {epsilon}")?;
        for item in &outcome.items {
            let holds = if item.holds { "holds" } else { "FAILS" };
            writeln!(text, "  {holds}  {}: {}", item.expected, item.found)?;
        }
        match outcome.holds() {
            true => Ok(()),
            false => writeln!(text, "  ! The numbers so marked may overstate the defence"),
        }
    }

    fn write_transfer(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "\nTransfer: the attacker knows the classifier and not the purifier")?;
        let headings =
            if self.purifier.is_some() { ["without purifier", "purified", "PSNR"] } else { ["accuracy", "", ""] };
        writeln!(
            text,
            "{}",
            format!("  {:<22}{:<22}{:<22}{}", "attack", headings[0], headings[1], headings[2]).trim_end()
        )?;
        for row in &self.transfer {
            let attack = if row.attack == CLEAN { "none" } else { &row.attack };
            let purified = row.purified.map_or(String::new(), show);
            // Without a purifier the classifier is the whole defence.
            let mark = if self.purifier.is_none() && row.attack != CLEAN { self.mark() } else { "" };
            let alone = format!("{}{mark}", show(row.without_purifier));
            let psnr = row.psnr.map_or(String::new(), |psnr| format!("{psnr:.1} dB"));
            writeln!(text, "{}", format!("  {attack:<22}{alone:<22}{purified:<22}{psnr}").trim_end())?;
        }
        Ok(())
    }

    fn write_adaptive(&self, text: &mut String) -> std::fmt::Result {
        if self.adaptive.is_empty() {
            return Ok(());
        }
        match (&self.purifier, self.protocol.eot) {
            (Some(_), 1) => writeln!(text, "\nAdaptive: the attacker's gradient goes through purifier and classifier")?,
            (Some(_), eot) => {
                writeln!(
                    text,
                    "\nAdaptive: the gradient goes through purifier and classifier, averaged over {eot} draws of noise"
                )?;
            }
            (None, _) => writeln!(text, "\nAdaptive: the attacker knows the whole defence, the classifier")?,
        }
        writeln!(text, "  {:<22}accuracy", "attack")?;
        for row in &self.adaptive {
            writeln!(text, "  {:<22}{}{}", row.attack, show(row.accuracy), self.mark())?;
        }
        Ok(())
    }
}

fn show(share: Share) -> String {
    format!("{:5.1} ({:.1} - {:.1})", 100.0 * share.share, 100.0 * share.low, 100.0 * share.high)
}

fn transfer(attack: String, records: &[&Record], purifies: bool) -> Transfer {
    let share = |classes: &dyn Fn(&Record) -> Option<Option<usize>>| {
        Share::new(records.iter().filter(|record| classes(record) == Some(Some(record.class))).count(), records.len())
    };
    let psnr: Vec<f64> =
        records.iter().filter_map(|record| record.psnr.get(&attack)).map(|psnr| f64::from(*psnr)).collect();
    Transfer {
        without_purifier: share(&|record| record.raw.get(&attack).copied()),
        purified: purifies.then(|| share(&|record| record.purified.get(&attack).copied())),
        psnr: (purifies && !psnr.is_empty()).then(|| psnr.iter().sum::<f64>() / psnr.len() as f64),
        attack,
    }
}

fn adaptive(attack: String, records: &[&Record]) -> Adaptive {
    let right = records.iter().filter(|record| record.adaptive.get(&attack) == Some(&Some(record.class))).count();
    Adaptive { accuracy: Share::new(right, records.len()), attack }
}
