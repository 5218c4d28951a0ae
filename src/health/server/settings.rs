//! Where the server listens, who may come in, and its bounds.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::access::Token;
use crate::secret::{Secret, SecretProblem};

/// The server's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: SocketAddr,
    /// What a client must show; without it, only this machine may listen.
    pub token: Option<Token>,
    pub bounds: Bounds,
}

/// What a client can have at most. Without them one that is slow or hostile could take memory, descriptors or time
/// without end.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub connections: usize,
    /// Of one request's line and headers.
    pub header_bytes: usize,
    /// For sending a request, counted from the connection's beginning or from the answer to the one before.
    pub request_time: Duration,
    /// For taking any byte of an answer that waits to be sent.
    pub stall_time: Duration,
    /// A stream with nothing new says so this often, so that a client that is gone is noticed.
    pub heartbeat: Duration,
    /// A snapshot that has not come after this is refused.
    pub picture_wait: Duration,
    /// At least this lies between two pictures that are encoded.
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
    #[error(
        "[http] listen = {0} is open to other machines and needs a token: name a file in [http] token_file, or listen on \
         127.0.0.1 and come through an SSH tunnel"
    )]
    NoToken(SocketAddr),
    #[error("[http] token_file {} {problem}", .file.display())]
    TokenFile { file: PathBuf, problem: TokenProblem },
    #[error("the live page cannot listen on {listen}: {cause}{}", advice(.cause))]
    Bind { listen: SocketAddr, cause: io::Error },
    #[error("the live page cannot start: {0}")]
    System(#[from] io::Error),
}

impl StartError {
    /// Whether it will fail the same way however often it is tried.
    pub fn is_hopeless(&self) -> bool {
        matches!(self, Self::NoToken(_) | Self::TokenFile { .. })
    }
}

/// What is wrong with a token file.
#[derive(Debug, thiserror::Error)]
pub enum TokenProblem {
    #[error(transparent)]
    Secret(#[from] SecretProblem),
    #[error("has {0} characters in its first line; expected 16 to 256, for instance from: openssl rand -hex 32")]
    Length(usize),
    #[error("has characters in its first line that a token cannot have; expected letters, digits and -._~+/=")]
    Characters,
}

fn advice(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => "; another program has this port: stop it, or choose another port",
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address: 'ip address' lists those that it has",
        io::ErrorKind::PermissionDenied => "; ports below 1024 are for root: choose one above",
        _ => "",
    }
}

impl Settings {
    /// Checks that nobody is let in by accident.
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
