//! The URL of an MQTT broker.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A broker: `mqtt://HOST[:PORT]`, or `mqtts://HOST[:PORT]` with TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BrokerUrl {
    /// Whether the connection is encrypted: `mqtts:`.
    pub tls: bool,
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    /// If the URL names none: 1883, or 8883 with TLS.
    pub port: u16,
}

/// Text that is not a [`BrokerUrl`].
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("expected mqtt://HOST:PORT or mqtts://HOST:PORT")]
pub struct InvalidBrokerUrl;

impl FromStr for BrokerUrl {
    type Err = InvalidBrokerUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBrokerUrl> {
        let (tls, rest) = match text.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => return Err(InvalidBrokerUrl),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or(InvalidBrokerUrl)?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_address = rest.starts_with('[') && host.parse::<std::net::Ipv6Addr>().is_ok();
        if host.is_empty() || !(is_address || host.bytes().all(is_host)) {
            return Err(InvalidBrokerUrl);
        }
        let port = match port {
            None if tls => 8883,
            None => 1883,
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(InvalidBrokerUrl)?,
        };
        Ok(Self { tls, host: host.to_owned(), port })
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tls, host, port } = self;
        let scheme = if *tls { "mqtts" } else { "mqtt" };
        match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}"),
            false => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

impl TryFrom<String> for BrokerUrl {
    type Error = InvalidBrokerUrl;

    fn try_from(text: String) -> Result<Self, InvalidBrokerUrl> {
        text.parse()
    }
}

impl From<BrokerUrl> for String {
    fn from(url: BrokerUrl) -> Self {
        url.to_string()
    }
}
