//! Runs in a virtual machine, on a real kernel: breaks cameras while the real purecam looks through them, and holds what it
//! does against what it promises. Prints a line for people and a JSON object for each fault.
//!
//! ```text
//! guest FOLDER [SCENARIO ...]        FOLDER has purecam, models/, small/ and camera.jpg
//! guest cameras PICTURE              USB cameras, by lines on the standard input: `plug PORT NAME`, `unplug PORT`
//! ```

mod camera;
mod clock;
mod purecam;
mod report;
mod scenarios;
mod trial;
mod usbip;
mod vivid;

use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What is wrong, for the person who reads the report.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        eprintln!("expected a folder with purecam, models, small and camera.jpg");
        return ExitCode::from(2);
    };
    if folder.as_os_str() == "cameras" {
        let picture = arguments.next().map(PathBuf::from).unwrap_or_default();
        let failed = cameras(&picture).inspect_err(|problem| eprintln!("{problem}")).is_err();
        return if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
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

/// Plugs cameras in and out as the standard input says, and all of them out at its end.
fn cameras(picture: &Path) -> Outcome {
    let picture = std::fs::read(picture).map_err(|error| format!("{}: {error}", picture.display()))?;
    let mut plugged = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let expected = || format!("expected plug PORT NAME or unplug PORT, found {line}");
        match line.splitn(3, ' ').collect::<Vec<_>>()[..] {
            ["plug", port, name] => {
                let port = port.parse().map_err(|_| expected())?;
                plugged.insert(port, scenarios::usb_camera(port, name, &picture)?);
            }
            ["unplug", port] => {
                let port: u32 = port.parse().map_err(|_| expected())?;
                plugged.remove(&port).ok_or_else(|| format!("no camera at port {port}"))?.unplug()?;
            }
            _ => return Err(expected()),
        }
    }
    plugged.into_values().try_for_each(camera::Camera::unplug)
}
