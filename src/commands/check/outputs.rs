//! Where verdicts, pages and kept frames go: folders, the socket, secrets, the address.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::{Finding, Grade};
use crate::config::{Config, Mqtt};

/// Permission bits of a secret that only its owner may have: others' reading and writing.
const OTHERS: u32 = 0o006;

pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(config.output.file.as_deref().map(output_file));
    findings.extend(config.output.socket.as_deref().map(socket));
    findings.extend(config.output.mqtt.iter().flat_map(broker));
    findings.extend(config.http.token_file.as_deref().map(token));
    findings.extend(config.http.listen.map(listen));
    findings.extend(config.detect.keep_dir.as_deref().map(|folder| kept(folder, config.detect.keep_bytes)));
    findings
}

fn output_file(file: &Path) -> Finding {
    const ITEM: &str = "output.file";
    let path = file.display();
    // Opened as the service opens it, only not made where it is not there.
    match OpenOptions::new().append(true).open(file) {
        Ok(_) if !file.is_file() => {
            Finding::new(ITEM, Grade::Fail, format!("{path} is no ordinary file and cannot be rotated; name a file"))
        }
        Ok(_) => Finding::ok(ITEM, format!("{path}: goes on at its end")),
        Err(error) if error.kind() == ErrorKind::NotFound => in_folder(ITEM, folder_of(file), &format!("{path}: new")),
        Err(error) => {
            Finding::new(ITEM, Grade::Fail, format!("{path} cannot be written: {error}; change its owner or mode"))
        }
    }
}

/// Whether files can be made in a folder.
fn in_folder(item: &'static str, folder: &Path, good: &str) -> Finding {
    match tempfile::tempfile_in(folder) {
        Ok(_) => Finding::ok(item, good),
        Err(error) => {
            let detail =
                format!("the folder {} cannot be written: {error}; make it, or change its owner", folder.display());
            Finding::new(item, Grade::Fail, detail)
        }
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn socket(path: &Path) -> Finding {
    const ITEM: &str = "output.socket";
    let shown = path.display();
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            in_folder(ITEM, folder_of(path), &format!("{shown}: free"))
        }
        Err(error) => Finding::new(ITEM, Grade::Fail, format!("{shown} cannot be looked at: {error}")),
        Ok(found) if !found.file_type().is_socket() => Finding::new(
            ITEM,
            Grade::Hopeless,
            format!("{shown} is there and is no socket; name another path or remove it"),
        ),
        Ok(_) if UnixStream::connect(path).is_ok() => {
            let detail =
                format!("{shown}: another program answers there, perhaps a purecam that runs; name another path");
            Finding::new(ITEM, Grade::Fail, detail)
        }
        Ok(_) => in_folder(ITEM, folder_of(path), &format!("{shown}: left over, will be made anew")),
    }
}

fn broker(mqtt: &Mqtt) -> Vec<Finding> {
    const ITEM: &str = "output.mqtt";
    let is_local = mqtt.url.host == "localhost"
        || mqtt.url.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let mut findings = vec![match mqtt.password_file.is_some() && !mqtt.url.tls && !is_local {
        true => {
            let detail = format!("{}: the password crosses the network readable for all; use mqtts:", mqtt.url);
            Finding::new(ITEM, Grade::Warn, detail)
        }
        false => Finding::ok(ITEM, format!("{}, topic {}; not connected to", mqtt.url, mqtt.topic)),
    }];
    findings.extend(mqtt.password_file.as_deref().map(|file| secret("password_file", file)));
    findings.extend(mqtt.ca_file.as_deref().map(|file| match fs::read_to_string(file) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => Finding::ok("ca_file", file.display().to_string()),
        Ok(_) => Finding::new("ca_file", Grade::Hopeless, format!("{} has no certificate in PEM form", file.display())),
        Err(error) => Finding::new("ca_file", Grade::Hopeless, format!("{} cannot be read: {error}", file.display())),
    }));
    findings
}

/// A file with a secret in its first line.
fn secret(item: &'static str, file: &Path) -> Finding {
    let shown = file.display();
    let mode = fs::metadata(file).map(|found| found.permissions().mode());
    let text = fs::read_to_string(file);
    match (mode, text) {
        (Err(error), _) | (_, Err(error)) => Finding::new(
            item,
            Grade::Hopeless,
            format!("{shown} cannot be read: {error}; make it, or change its owner"),
        ),
        (Ok(_), Ok(text)) if text.lines().next().is_none_or(|line| line.trim().is_empty()) => {
            Finding::new(item, Grade::Hopeless, format!("{shown} has an empty first line; write the secret there"))
        }
        (Ok(mode), Ok(_)) if mode & OTHERS != 0 => {
            let detail =
                format!("{shown} can be read or written by every user (mode {:04o}); chmod 600 it", mode & 0o7777);
            Finding::new(item, Grade::Hopeless, detail)
        }
        (Ok(_), Ok(_)) => Finding::ok(item, shown.to_string()),
    }
}

/// What the live page would say of its token.
#[cfg(feature = "http")]
fn token(file: &Path) -> Finding {
    const ITEM: &str = "http.token_file";
    let anywhere = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    match crate::health::server::ServerSettings::new(anywhere, Some(file)) {
        Ok(_) => Finding::ok(ITEM, file.display().to_string()),
        Err(error) => Finding::new(ITEM, Grade::Hopeless, error.to_string()),
    }
}

#[cfg(not(feature = "http"))]
fn token(file: &Path) -> Finding {
    secret("http.token_file", file)
}

/// That an address other than this machine's own needs a token has been seen to by the configuration.
fn listen(address: std::net::SocketAddr) -> Finding {
    const ITEM: &str = "http.listen";
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(ITEM, format!("{address}: free")),
        Err(error) => {
            let advice = "another program has it, or this machine does not; choose another";
            Finding::new(ITEM, Grade::Fail, format!("{address} cannot be listened on: {error}; {advice}"))
        }
    }
}

fn kept(folder: &Path, wanted: u64) -> Finding {
    const ITEM: &str = "detect.keep_dir";
    let shown = folder.display();
    let finding = in_folder(ITEM, folder, &shown.to_string());
    let Some(free) = rustix::fs::statvfs(folder).ok().map(|system| system.f_bavail.saturating_mul(system.f_frsize))
    else {
        return finding;
    };
    if finding.grade > Grade::Ok || free >= wanted {
        return finding;
    }
    let detail = format!(
        "{shown} has {} MiB free and detect.keep_bytes asks for {}; when it is full, frames are only counted",
        free >> 20,
        wanted >> 20
    );
    Finding::new(ITEM, Grade::Warn, detail)
}
