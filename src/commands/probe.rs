//! `purecam probe`: which cameras there are, what they offer, and which one `purecam run camera:` would open.

use std::fmt::Write as _;

use serde_json::json;

use super::{Failure, because};
use crate::cli;
use crate::console;
use crate::source::SourceUri;
use crate::source::camera::{Availability, Linux, Offered, Probe, Report, Which, probe as probe_machine};

/// What to check if there is no video node.
const NOTHING: &str = "no camera: this machine has no /dev/video*. Check that\n\
    \x20 - it is plugged in, and 'lsusb' lists it\n\
    \x20 - its driver is loaded ('sudo dmesg | grep -i video'; USB cameras need the module uvcvideo)\n\
    \x20 - a container was given the device (docker run --device /dev/video0), a service DeviceAllow=char-video4linux";

/// Lists the cameras.
///
/// # Errors
/// `purecam run` could not open one.
pub fn probe(args: &cli::Probe, json: bool) -> Result<(), Failure> {
    let config = args.settings.said().effective()?.config;
    let which = match &config.source.uri {
        Some(SourceUri::Camera(which)) => which.clone(),
        Some(other) if args.settings.source.uri.is_some() => {
            return Err(Failure::usage(format!("'{other}' is not a camera; expected 'camera:' or 'camera:WHICH'")));
        }
        // A configuration for another source: the first camera.
        _ => Which::First,
    };
    let found = probe_machine(&Linux, &which, &config.source.wanted());
    if json {
        let problem = found.chosen.as_ref().err().map(ToString::to_string);
        let chosen = found.chosen.as_ref().ok();
        console::print_line(json!({ "nodes": found.nodes, "chosen": chosen, "problem": problem }))?;
    } else {
        console::print(table(&found))?;
    }
    match found.chosen {
        Ok(_) => Ok(()),
        Err(_) if found.nodes.is_empty() => Err(Failure::failed(NOTHING)),
        Err(fault) => Err(Failure::failed(because("no camera can be opened", fault))),
    }
}

/// The report as text.
pub fn table(found: &Probe) -> String {
    let mut out = String::new();
    for node in &found.nodes {
        describe(node, &mut out);
    }
    if let Ok(chosen) = &found.chosen {
        let rate = chosen.rate.map_or(String::new(), |rate| format!(" at {} frames/s", short(rate)));
        let (path, format) = (chosen.path.display(), chosen.format);
        let line = format!("chosen: {path}, {format} {}x{}{rate}\n", chosen.width, chosen.height);
        out += &format!("{line}        ({})\n", chosen.why);
    }
    out
}

fn describe(node: &Report, out: &mut String) {
    let state = match (&node.problem, node.state) {
        (Some(problem), Availability::NoCamera) => format!("no camera: {problem}"),
        (Some(problem), Availability::Denied) => {
            format!("denied: {problem}; add this user to the group 'video' (sudo usermod -aG video USER)")
        }
        (Some(problem), _) => format!("failed: {problem}"),
        (None, Availability::Busy) => "in use by another program".to_owned(),
        (None, _) => "free".to_owned(),
    };
    let mut line = |text: &str| out.push_str(&format!("{text}\n"));
    line(format!("{}  {}", node.path.display(), node.card).trim_end());
    if !node.driver.is_empty() {
        line(&format!("  driver  {} at {}", node.driver, node.bus));
    }
    if let Some(by_id) = &node.by_id {
        line(&format!("  by-id   {}", by_id.display()));
    }
    line(&format!("  state   {state}"));
    for offered in &node.formats {
        line(&offer(offered));
    }
    line("");
}

fn offer(offered: &Offered) -> String {
    let Offered { format, readable, width, height, up_to, rates } = offered;
    let size = match up_to {
        Some([to_width, to_height]) => format!("{width}x{height} to {to_width}x{to_height}"),
        None => format!("{width}x{height}"),
    };
    let mut text = format!("  {format:<7} {size:<11}");
    let rates: Vec<String> = rates.iter().copied().map(short).collect();
    if !rates.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, "  {} frames/s", rates.join(" "));
    }
    if !readable {
        text += "  (not read by purecam)";
    }
    text
}

/// A rate with at most two decimals, without trailing zeros.
fn short(rate: f64) -> String {
    let text = format!("{rate:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
