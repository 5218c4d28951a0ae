//! Values that are each valid but do not fit together, or do not fit this build.

use std::net::SocketAddr;

use toml::Value;

use super::entry::Entry;
use super::problem::{Origin, Problem};

/// All conflicts among the values, each at the place of the value to change.
pub(super) fn conflicts(entries: &[Entry]) -> Vec<Problem> {
    let found = [
        size(entries),
        comparison(entries),
        required(entries),
        broker(entries),
        password(entries),
        page(entries),
        builds(entries),
    ];
    found.into_iter().flatten().map(|(at, conflict)| Problem::Conflict { at, conflict }).collect()
}

type Conflict = Option<(Origin, String)>;

fn entry<'a>(entries: &'a [Entry], name: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key.name == name && entry.value.is_some())
}

fn size(entries: &[Entry]) -> Conflict {
    let (given, missing) = match (entry(entries, "source.width"), entry(entries, "source.height")) {
        (Some(width), None) => (width, "source.height"),
        (None, Some(height)) => (height, "source.width"),
        _ => return None,
    };
    Some((given.origin.clone(), format!("{} is set without {missing}; set both or neither", given.key.name)))
}

fn comparison(entries: &[Entry]) -> Conflict {
    let is = |name, wanted| entry(entries, name).filter(|entry| entry.value == Some(Value::Boolean(wanted)));
    let detect = is("detect.enabled", true)?;
    is("purifier.enabled", false)?;
    let conflict = "detect.enabled compares frames before and after the purifier, and purifier.enabled is false; \
                    change one of them";
    Some((detect.origin.clone(), conflict.to_owned()))
}

fn required(entries: &[Entry]) -> Conflict {
    let required = entry(entries, "output.required")?;
    let mut names = required.value.as_ref()?.as_array()?.iter().filter_map(Value::as_str);
    names.find_map(|name| {
        let key = if name == "mqtt" { "output.mqtt.url".to_owned() } else { format!("output.{name}") };
        let conflict = format!("output.required names '{name}', and {key} is not set; set it, or remove the name");
        entry(entries, &key).is_none().then(|| (required.origin.clone(), conflict))
    })
}

fn broker(entries: &[Entry]) -> Conflict {
    let given = |entry: &&Entry| entry.key.parts().0 == "output.mqtt" && entry.origin != Origin::Default;
    let given = entries.iter().find(given).filter(|_| entry(entries, "output.mqtt.url").is_none())?;
    Some((given.origin.clone(), format!("{} is set without output.mqtt.url, which names the broker", given.key.name)))
}

fn password(entries: &[Entry]) -> Conflict {
    let given =
        entry(entries, "output.mqtt.password_file").filter(|_| entry(entries, "output.mqtt.username").is_none())?;
    let conflict =
        "output.mqtt.password_file is set without output.mqtt.username; MQTT allows no password without a user name";
    Some((given.origin.clone(), conflict.to_owned()))
}

fn page(entries: &[Entry]) -> Conflict {
    let listen = entry(entries, "http.listen")?;
    let address: SocketAddr = listen.value.as_ref()?.as_str()?.parse().ok()?;
    let is_open = !address.ip().to_canonical().is_loopback() && entry(entries, "http.token_file").is_none();
    let conflict = format!(
        "http.listen = {address} can be reached from other machines, and http.token_file is not set; set a token file, \
         or listen on 127.0.0.1"
    );
    is_open.then(|| (listen.origin.clone(), conflict))
}

fn builds(entries: &[Entry]) -> Conflict {
    let lacks = |feature: &str, name: &str| {
        let given = entry(entries, name)?;
        let conflict = format!(
            "{name} is set, but this purecam was built without '{feature}'; build it with --features {feature}, or \
             remove the key"
        );
        Some((given.origin.clone(), conflict))
    };
    let page = if cfg!(feature = "http") { None } else { lacks("http", "http.listen") };
    page.or_else(|| if cfg!(feature = "mqtt") { None } else { lacks("mqtt", "output.mqtt.url") })
}
