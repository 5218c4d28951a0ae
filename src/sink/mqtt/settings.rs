//! From the `[output.mqtt]` table to the options of a connection.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{LastWill, MqttOptions, QoS, Transport};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

use crate::config::Mqtt;
use crate::host;
use crate::secret::{Secret, SecretError};

/// Messages that the broker has not acknowledged yet. By default mosquitto takes 20 of one client at a time and, in
/// this version of MQTT, silently discards more.
pub(super) const IN_FLIGHT: u16 = 16;

/// How often a silent connection is probed. A broker notices after one and a half times this that a client is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The longest verdict that is sent, in bytes. rumqttc ends the connection over a longer one.
pub(super) const LONGEST: usize = 256 << 10;

/// The longest message from the broker, in bytes. To a client without subscriptions it sends only short ones.
const LONGEST_INCOMING: usize = 4096;

/// The state after the end, and the last will.
pub(super) const OFFLINE: &str = "offline";

/// Why there can never be a connection.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// The topic has wildcards, or is empty.
    #[error("[output.mqtt] topic is '{0}'; expected a name without '+', '#' and NUL, as in purecam/front")]
    Topic(String),
    /// The quality of service is not one of MQTT's three.
    #[error("[output.mqtt] qos is {0}; expected 0, 1 or 2")]
    Qos(u8),
    /// MQTT has no password without a name.
    #[error("[output.mqtt] password_file is given without a username; give both")]
    NoUsername,
    /// The file with the password cannot be used.
    #[error("[output.mqtt] password_file {0}")]
    Password(#[from] SecretError),
    /// The file with the authorities cannot be opened or read.
    #[error("[output.mqtt] ca_file {} cannot be read: {cause}", .file.display())]
    OpenAuthorities {
        /// The file as configured.
        file: PathBuf,
        /// The system's error.
        #[source]
        cause: io::Error,
    },
    /// The file with the authorities is not PEM.
    #[error("[output.mqtt] ca_file {} cannot be read: {cause}", .file.display())]
    ReadAuthorities {
        /// The file as configured.
        file: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: pem::Error,
    },
    /// A certificate in the file with the authorities cannot be used.
    #[error("[output.mqtt] ca_file {} has a certificate that cannot be used: {cause}", .file.display())]
    Authority {
        /// The file as configured.
        file: PathBuf,
        /// What is wrong with the certificate.
        #[source]
        cause: rustls::Error,
    },
    /// The file with the authorities has no certificate.
    #[error("[output.mqtt] ca_file {} has no certificate in PEM form", .file.display())]
    EmptyAuthorities {
        /// The file as configured.
        file: PathBuf,
    },
    /// The system has no authorities.
    #[error("[output.mqtt] mqtts needs certificates to trust, and none of this system's can be read; give ca_file")]
    NoAuthorities,
    /// The TLS library refuses its settings.
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The system has no thread left.
    #[error("the connection's thread cannot be started: {0}")]
    Thread(#[source] io::Error),
}

/// What a connection is made of.
pub(super) struct Settings {
    pub options: MqttOptions,
    pub topics: Topics,
    /// Quality of service of the verdicts.
    pub qos: QoS,
}

/// The topics that are published.
pub(super) struct Topics {
    pub verdict: String,
    pub header: String,
    pub state: String,
}

impl Settings {
    /// Reads the files that the table names, and checks its values.
    ///
    /// # Errors
    /// Any of [`MqttError`] but `Thread`.
    pub fn new(mqtt: &Mqtt) -> Result<Self, MqttError> {
        let topics = Topics::new(&mqtt.topic)?;
        let qos = match mqtt.qos {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            2 => QoS::ExactlyOnce,
            other => return Err(MqttError::Qos(other)),
        };
        Ok(Self { options: options(mqtt, &topics)?, topics, qos })
    }
}

impl Topics {
    fn new(topic: &str) -> Result<Self, MqttError> {
        if topic.is_empty() || topic.contains(['+', '#', '\0']) {
            return Err(MqttError::Topic(topic.to_owned()));
        }
        let below = |name: &str| format!("{topic}/{name}");
        Ok(Self { verdict: below("verdict"), header: below("header"), state: below("state") })
    }
}

fn options(mqtt: &Mqtt, topics: &Topics) -> Result<MqttOptions, MqttError> {
    let default_id = || format!("purecam-{}", host::name().unwrap_or_else(|| "unnamed".to_owned()));
    let client_id = mqtt.client_id.clone().unwrap_or_else(default_id);
    let mut options = MqttOptions::new(client_id, &mqtt.url.host, mqtt.url.port);
    options.set_keep_alive(KEEP_ALIVE).set_inflight(IN_FLIGHT).set_clean_session(true);
    options.set_max_packet_size(LONGEST_INCOMING, LONGEST + 4096);
    options.set_last_will(LastWill::new(&topics.state, OFFLINE, QoS::AtLeastOnce, true));
    match (&mqtt.username, &mqtt.password_file) {
        (Some(username), Some(file)) => drop(options.set_credentials(username, Secret::read(file)?.text())),
        (Some(username), None) => drop(options.set_credentials(username, "")),
        (None, Some(_)) => return Err(MqttError::NoUsername),
        (None, None) => {}
    }
    if mqtt.url.tls {
        options.set_transport(Transport::tls_with_config(tls(mqtt.ca_file.as_deref())?.into()));
    }
    Ok(options)
}

/// TLS that trusts the authorities of a file, or the system's.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, MqttError> {
    let authorities = match ca_file {
        Some(file) => authorities_of(file)?,
        None => {
            let mut authorities = RootCertStore::empty();
            authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if authorities.is_empty() {
                return Err(MqttError::NoAuthorities);
            }
            authorities
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(authorities).with_no_client_auth())
}

fn authorities_of(file: &Path) -> Result<RootCertStore, MqttError> {
    let unreadable = |cause| match cause {
        pem::Error::Io(cause) => MqttError::OpenAuthorities { file: file.to_owned(), cause },
        cause => MqttError::ReadAuthorities { file: file.to_owned(), cause },
    };
    let unusable = |cause| MqttError::Authority { file: file.to_owned(), cause };
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
        authorities.add(certificate.map_err(unreadable)?).map_err(unusable)?;
    }
    match authorities.is_empty() {
        true => Err(MqttError::EmptyAuthorities { file: file.to_owned() }),
        false => Ok(authorities),
    }
}
