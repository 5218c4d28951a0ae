//! Where the server listens, who is let in, and its bounds.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::access::Token;
use crate::secret::{Secret, SecretProblem};

/// The server's settings.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The address to listen on; port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// What a client must show. Without it, `listen` must be an address that only this machine reaches.
    pub token: Option<Token>,
    /// The bounds of its clients.
    pub bounds: Bounds,
}

/// What a client may use. Without these bounds a slow or hostile client could take memory, descriptors or time without
/// limit.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Open connections, of all clients together.
    pub connections: usize,
    /// Bytes of one request's line and headers.
    pub header_bytes: usize,
    /// Time to send a request, from the connection's beginning or from the answer to the request before.
    pub request_time: Duration,
    /// A client that reads nothing of a waiting answer for this time is disconnected.
    pub stall_time: Duration,
    /// A stream without news sends a sign of life this often, so that a client that is gone is noticed.
    pub heartbeat: Duration,
    /// A request for a snapshot is refused if there is no picture within this time.
    pub picture_wait: Duration,
    /// The least time between two pictures that are encoded.
    pub picture_interval: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 64,
            header_bytes: 16 << 10,
            request_time: Duration::from_secs(5),
            stall_time: Duration::from_secs(10),
            heartbeat: Duration::from_secs(5),
            picture_wait: Duration::from_secs(3),
            picture_interval: Duration::from_millis(60),
        }
    }
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Other machines could use the page without a token.
    #[error(
        "[http] listen = {0} is open to other machines and needs a token: name a file in [http] token_file, or listen on \
         127.0.0.1 and use an SSH tunnel"
    )]
    NoToken(SocketAddr),
    /// The token file cannot be used.
    #[error("[http] token_file {} {problem}", .file.display())]
    TokenFile {
        file: PathBuf,
        #[source]
        problem: TokenProblem,
    },
    /// The address cannot be used.
    #[error("the live page cannot listen on {listen}: {cause}{}", advice(.cause))]
    Bind {
        listen: SocketAddr,
        #[source]
        cause: io::Error,
    },
    /// The system lacks threads or descriptors.
    #[error("the live page cannot start: {0}")]
    System(#[from] io::Error),
}

impl StartError {
    /// Whether retrying is pointless: the configuration must change first.
    pub fn is_hopeless(&self) -> bool {
        matches!(self, Self::NoToken(_) | Self::TokenFile { .. })
    }
}

/// What is wrong with a token file.
#[derive(Debug, thiserror::Error)]
pub enum TokenProblem {
    /// It cannot be read, or is open to others.
    #[error(transparent)]
    Secret(#[from] SecretProblem),
    /// Too short or too long; its characters.
    #[error("has {0} characters in its first line; expected 16 to 256, for instance from: openssl rand -hex 32")]
    Length(usize),
    /// Characters that no HTTP header takes.
    #[error("has characters in its first line that a token cannot have; expected letters, digits and -._~+/=")]
    Characters,
}

fn advice(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => "; another program uses this port: stop it, or choose another port",
        io::ErrorKind::AddrNotAvailable => {
            "; this machine does not have this address: 'ip address' lists its addresses"
        }
        io::ErrorKind::PermissionDenied => "; ports below 1024 are reserved for root: choose a higher one",
        _ => "",
    }
}

impl ServerSettings {
    /// Settings with the default bounds, and the token from the first line of `token_file`.
    ///
    /// # Errors
    /// Other machines reach `listen` and there is no token, or the token file is unsafe or has no valid token.
    pub fn new(listen: SocketAddr, token_file: Option<&Path>) -> Result<Self, StartError> {
        let token = token_file.map(read_token).transpose()?;
        if token.is_none() && !listen.ip().to_canonical().is_loopback() {
            return Err(StartError::NoToken(listen));
        }
        Ok(Self { listen, token, bounds: Bounds::default() })
    }
}

fn read_token(file: &Path) -> Result<Token, StartError> {
    let refuse = |problem| StartError::TokenFile { file: file.to_owned(), problem };
    let secret = Secret::read(file).map_err(|error| refuse(error.problem.into()))?;
    let token = secret.text().trim();
    if !(16..=256).contains(&token.len()) {
        return Err(refuse(TokenProblem::Length(token.chars().count())));
    }
    Token::new(token).ok_or_else(|| refuse(TokenProblem::Characters))
}
