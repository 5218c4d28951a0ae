//! Who is let in: the token, and the checks that keep out requests of other web sites.
//!
//! A page of another site can send requests to any address that its visitor's browser reaches, this machine included.
//! Such requests are recognized by `Host` (the site's name, even if its DNS now points here), `Origin` and
//! `Sec-Fetch-Site`.

use std::fmt;
use std::net::IpAddr;

use hyper::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap, ORIGIN};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{StatusCode, Uri};
use sha2::{Digest, Sha256};

use crate::{host, sha256};

/// A secret token. Only digests of it are kept.
#[derive(Clone)]
pub struct Token {
    digest: [u8; 32],
    /// What the browser keeps instead of the token: whoever steals it does not have the token.
    cookie: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// `None` if `text` has a character that a bearer token cannot have (RFC 6750, section 2.1).
    pub fn new(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        let cookie = || sha256::sum(format!("purecam cookie\n{text}"));
        text.bytes().all(fits).then(|| Self { digest: Sha256::digest(text).into(), cookie: cookie() })
    }

    /// The cookie's value.
    pub(super) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Compares digests in constant time: the time must not reveal how much of a guess was right.
    fn is(&self, text: &str) -> bool {
        let found: [u8; 32] = Sha256::digest(text).into();
        equal(&found, &self.digest)
    }
}

fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is addressed to a name that this machine does not have.
    Host(String),
    /// It names no host, or several.
    NoHost,
    /// Another site's page sent it.
    Elsewhere,
    /// It has no token.
    NoToken,
    /// It has a wrong token.
    WrongToken,
}

impl Refusal {
    /// The status code of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Host(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::NoHost => StatusCode::BAD_REQUEST,
            Self::Elsewhere => StatusCode::FORBIDDEN,
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => {
                write!(f, "'{host}' is not a name of this machine; use its address, its host name or localhost")
            }
            Self::NoHost => f.write_str("expected one Host header"),
            Self::Elsewhere => f.write_str("requests from other sites are refused"),
            Self::NoToken => {
                f.write_str("expected the token, as 'Authorization: Bearer TOKEN' or once as ?token=TOKEN")
            }
            Self::WrongToken => f.write_str("wrong token"),
        }
    }
}

/// The rules of who is let in.
#[derive(Debug)]
pub(super) struct Access {
    /// What a client must show; `None` lets everybody in.
    pub token: Option<Token>,
    /// The name of the cookie that replaces the token in a browser. Browsers share cookies between ports: without the
    /// port in its name, two services on one machine would overwrite each other's cookie.
    cookie_name: String,
    /// The names of this machine, in lower case; the third is its host name.
    names: Vec<String>,
}

impl Access {
    /// The rules of a server that listens on `port`.
    pub fn new(token: Option<Token>, port: u16) -> Self {
        let mut names = vec!["localhost".to_owned()];
        if let Some(name) = host::name() {
            let name = name.to_ascii_lowercase();
            names.push(format!("{name}.local"));
            names.push(name);
        }
        Self { token, cookie_name: format!("purecam-{port}"), names }
    }

    /// The name of the cookie that replaces the token.
    pub fn cookie_name(&self) -> &str {
        &self.cookie_name
    }

    /// The host name of this machine.
    pub fn host_name(&self) -> Option<&str> {
        self.names.get(2).map(String::as_str)
    }

    /// Refuses a request that is not addressed to this machine, or that another site's page sent.
    pub fn check_site(&self, request: &Parts) -> Result<(), Refusal> {
        let host = self.host(&request.uri, &request.headers)?;
        let header = |name: &str| request.headers.get(name).map(|value| value.as_bytes());
        if let Some(origin) = request.headers.get(ORIGIN)
            && origin.as_bytes() != format!("http://{host}").as_bytes()
        {
            return Err(Refusal::Elsewhere);
        }
        match (header("sec-fetch-site"), header("sec-fetch-mode")) {
            // A link on another site may lead here; that site's page cannot read the answer.
            (None | Some(b"same-origin" | b"none"), _) | (_, Some(b"navigate")) => Ok(()),
            _ => Err(Refusal::Elsewhere),
        }
    }

    /// Refuses a request without the token in `query` (`?token=`), header or cookie.
    pub fn check_token(&self, request: &Parts, query: Option<&str>) -> Result<(), Refusal> {
        let Some(token) = &self.token else { return Ok(()) };
        let bearer = request.headers.get(AUTHORIZATION).map(|value| {
            let value = value.to_str().unwrap_or_default();
            value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map_or("", |(_, it)| it)
        });
        if let Some(shown) = query.or(bearer) {
            return if token.is(shown.trim()) { Ok(()) } else { Err(Refusal::WrongToken) };
        }
        let cookies = request.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut ours = cookies.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
        match ours.any(|(name, value)| name == self.cookie_name && equal(value.as_bytes(), token.cookie.as_bytes())) {
            true => Ok(()),
            false => Err(Refusal::NoToken),
        }
    }

    /// The host that the request is addressed to, if it is this machine. Any IP address is accepted: the connection has
    /// arrived here by it, and another site cannot use an address as its name.
    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<String, Refusal> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refusal::NoHost) };
        let host: Authority =
            host.as_bytes().try_into().map_err(|_| Refusal::Host(String::from_utf8_lossy(host.as_bytes()).into()))?;
        for authority in [Some(&host), uri.authority()].into_iter().flatten() {
            let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
            let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
            if address.parse::<IpAddr>().is_err() && !self.names.contains(&name) {
                return Err(Refusal::Host(name));
            }
        }
        Ok(host.as_str().to_owned())
    }
}
