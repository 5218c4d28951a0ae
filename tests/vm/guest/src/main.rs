//! Runs in a virtual machine, on a real kernel: breaks cameras while the real purecam looks through them, and holds what it
//! does against what it promises. Prints a line for people and a JSON object for each fault.
//!
//! ```text
//! guest FOLDER [SCENARIO ...]        FOLDER has purecam, models/, small/ and camera.jpg
//! ```

mod camera;
mod clock;
mod purecam;
mod report;
mod scenarios;
mod trial;
mod usbip;
mod vivid;

use std::path::PathBuf;
use std::process::ExitCode;

/// What is wrong, for the person who reads the report.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        eprintln!("expected a folder with purecam, models, small and camera.jpg");
        return ExitCode::from(2);
    };
    let wanted: Vec<String> = arguments.map(|name| name.to_string_lossy().into_owned()).collect();
    let mut report = report::Report::default();
    for (name, scenario) in scenarios::ALL {
        let is_wanted = wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
        if is_wanted && let Err(problem) = scenario(&folder, &mut report) {
            report.failed(name, &problem);
        }
    }
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
