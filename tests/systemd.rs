//! The units, checked by systemd itself, and their consistency; and what the service tells systemd.

mod models;

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

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

/// What a run of the demonstration tells the service manager at `NOTIFY_SOCKET=name`, and what it says itself.
fn notified(name: &str, socket: &UnixDatagram) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let (purifier, classifier) = models::write_pair(folder.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.args(["run", "demo:", "--frames", "20", "--json", "--purifier"]).arg(purifier).arg("--classifier");
    let output = command.arg(classifier).env("NOTIFY_SOCKET", name).output().unwrap();
    assert!(output.status.success());
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut bytes = [0; 4096];
    let messages = std::iter::from_fn(|| socket.recv(&mut bytes).ok().map(|length| bytes[..length].to_vec()));
    let messages = messages.map(|message| String::from_utf8(message).unwrap().trim_end().to_owned());
    (messages.collect(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_socket_with_a_path_and_one_with_an_abstract_name_hear_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let name = format!("purecam-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    for (name, socket) in [
        (path.display().to_string(), UnixDatagram::bind(&path).unwrap()),
        (format!("@{name}"), UnixDatagram::bind_addr(&address).unwrap()),
    ] {
        let (messages, said) = notified(&name, &socket);
        for expected in ["READY=1", "WATCHDOG=1", "STOPPING=1"] {
            assert!(messages.iter().any(|message| message == expected), "{name}: {expected}: {messages:?}");
        }
        assert!(messages.iter().any(|message| message.starts_with("STATUS=running")), "{name}: {messages:?}");
        assert!(!said.contains("cannot notify"), "{name}: {said}");
    }
}

#[test]
fn a_service_manager_that_is_not_there_is_named_and_ends_nothing() {
    let nobody = UnixDatagram::unbound().unwrap();
    let (_, said) = notified("@purecam-nobody-listens-here", &nobody);
    let named = said.matches("cannot notify systemd at NOTIFY_SOCKET=@purecam-nobody-listens-here").count();
    assert!((1..=4).contains(&named), "{said}");
    let (_, said) = notified("", &nobody);
    assert!(!said.contains("cannot notify"), "an empty variable is none: {said}");
}
