//! The units, checked by systemd itself, and their consistency.

use std::path::Path;
use std::process::Command;

#[test]
fn the_units_hold_against_systemd_and_are_exposed_by_no_more_than_one_and_a_half() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/verify");
    let output = Command::new(script).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(69) => eprintln!("skipped: {said}"),
        code => assert_eq!(code, Some(0), "{said}"),
    }
}

#[test]
fn the_template_is_the_unit_with_names_of_its_own() {
    let unit = include_str!("../systemd/purecam.service");
    let template = include_str!("../systemd/purecam@.service");
    let settings = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.replace("-%i", "").replace("%i", "purecam"))
            .collect()
    };
    let different: Vec<_> = settings(unit).into_iter().zip(settings(template)).filter(|(a, b)| a != b).collect();
    assert_eq!(different.len(), 1, "{different:#?}");
    assert!(different[0].0.starts_with("Description="), "{different:?}");
    assert_eq!(unit.lines().count(), template.lines().count());
}

#[test]
fn a_failure_that_no_restart_repairs_is_not_restarted() {
    use purecam::commands::Failure;
    let unit = include_str!("../systemd/purecam.service");
    let mut codes = unit.lines().find_map(|line| line.strip_prefix("RestartPreventExitStatus=")).unwrap().split(' ');
    assert_eq!(codes.next(), Some(&*Failure::usage("").exit_code().to_string()));
    assert_eq!(codes.next(), Some(&*Failure::hopeless("").exit_code().to_string()));
    assert_eq!(codes.next(), None);
}
