//! What became of each fault: a line for people, and the same as a JSON object for the host's table.

use serde_json::{Map, Value, json};

use crate::Outcome;

/// How a fault went.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// Seconds from the fault to the state that shows it.
    pub noticed: Option<f64>,
    /// Seconds from the fault's end to the state running.
    pub running: Option<f64>,
    /// Seconds from the fault's end to the first verdict about a frame of afterwards.
    pub verdict: Option<f64>,
}

#[derive(Default)]
pub struct Report {
    failures: usize,
}

impl Report {
    /// A fault, or another thing that has to hold; `shows` is how purecam says it.
    pub fn row(&mut self, camera: &str, what: &str, shows: &str, outcome: Outcome<Times>) {
        let problem = outcome.as_ref().err().cloned();
        let times = outcome.unwrap_or_default();
        let seconds = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.2}"));
        println!(
            "{:4} {camera:6} {what:44} {shows:24} {:>7} {:>7} {:>7}",
            if problem.is_none() { "ok" } else { "FAIL" },
            seconds(times.noticed),
            seconds(times.running),
            seconds(times.verdict),
        );
        if let Some(problem) = &problem {
            self.failures += 1;
            println!("     {problem}");
        }
        let mut row = Map::new();
        row.insert("camera".to_owned(), json!(camera));
        row.insert("fault".to_owned(), json!(what));
        row.insert("shows".to_owned(), json!(shows));
        for (name, time) in [("noticed_s", times.noticed), ("running_s", times.running), ("verdict_s", times.verdict)] {
            row.insert(name.to_owned(), json!(time.map(|time| (time * 1e3).round() / 1e3)));
        }
        row.insert("problem".to_owned(), json!(problem));
        println!("{}", Value::Object(row));
    }

    /// A number that is not a fault's.
    pub fn number(&mut self, name: &str, value: f64) {
        println!("     {name}: {value:.2}");
        println!("{}", json!({ "number": name, "value": (value * 1e3).round() / 1e3 }));
    }

    /// A scenario that could not be gone through.
    pub fn failed(&mut self, scenario: &str, problem: &str) {
        self.row(scenario, "the scenario itself", "", Err(problem.to_owned()));
    }

    pub fn holds(&self) -> bool {
        self.failures == 0
    }
}
