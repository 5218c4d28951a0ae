//! Which request gets which answer. `docs/reference/http.md` lists them for users.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION,
    REFERRER_POLICY, SET_COOKIE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::access::Refusal;
use super::context::Context;
use super::pictures::{BOUNDARY, Kind};
use super::streams::{Events, FileContent, MotionJpeg, Stream};
use crate::health::prometheus::{self, booted, metrics};
use crate::health::status::{Http, Status};
use crate::measure::Process;
use crate::sink::NotKept;

type Content = UnsyncBoxBody<Bytes, Infallible>;
type Answer = Response<Content>;

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JPEG: &str = "image/jpeg";
const JSON: &str = "application/json";

const INDEX: &str = include_str!("../page/index.html");
const LOGIN: &str = include_str!("../page/login.html");
const APP: &str = include_str!("../page/app.js");
const STATE: &str = include_str!("../page/state.js");
const CHARTS: &str = include_str!("../page/charts.js");
const STYLE: &str = include_str!("../page/style.css");
const ICON: &str = include_str!("../page/icon.svg");

/// What a 404 lists.
const PLACES: &str = "/ /livez /readyz /healthz /metrics /api/status /api/verdicts /snapshot.jpg?raw|purified \
                      /stream.mjpg?raw|purified /kept/NAME";

/// What the page may load: its own files, and pictures that its script has fetched.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Answers a request.
pub(super) async fn answer<B: Body>(request: Request<B>, context: Arc<Context>) -> Result<Answer, Infallible> {
    let has_body = !request.body().is_end_stream();
    let request = request.into_parts().0;
    let mut answer = if has_body {
        let mut answer = say(StatusCode::PAYLOAD_TOO_LARGE, "expected a request without a body\n");
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        answer
    } else if ![Method::GET, Method::HEAD].contains(&request.method) {
        let mut answer = say(StatusCode::METHOD_NOT_ALLOWED, "expected GET or HEAD\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        answer
    } else {
        match admit(&request, &context) {
            Ok(()) => route(&request, &context).await,
            Err(answer) => *answer,
        }
    };
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    Ok(answer)
}

/// Lets a request in, or gives the answer to it: the reason of the refusal, the login form, or a redirect that sets the
/// cookie.
fn admit(request: &Parts, context: &Context) -> Result<(), Box<Answer>> {
    let refuse = |refusal: Refusal| Box::new(say(refusal.status(), format!("{refusal}\n")));
    context.access.check_site(request).map_err(refuse)?;
    if let "/style.css" | "/icon.svg" = request.uri.path() {
        // The login form needs them.
        return Ok(());
    }
    let query = token_of(request);
    match (context.access.check_token(request, query.as_deref()), &context.access.token) {
        (Ok(()), Some(token)) if query.is_some() => {
            Err(Box::new(welcome(request, context.access.cookie_name(), token.cookie())))
        }
        (Ok(()), _) => Ok(()),
        (Err(refusal), _) if request.uri.path() == "/" => {
            let said = if refusal == Refusal::WrongToken { "Wrong token." } else { "" };
            let mut page = content(HTML, LOGIN.replace("{problem}", said));
            *page.status_mut() = refusal.status();
            Err(Box::new(page))
        }
        (Err(refusal), _) => {
            let mut answer = refuse(refusal);
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"purecam\""));
            Err(answer)
        }
    }
}

/// Redirects to the same place without the token, which would otherwise stay in the address bar and the history, and
/// sets the cookie.
fn welcome(request: &Parts, name: &str, cookie: &str) -> Answer {
    let rest: Vec<&str> = queries(request).filter(|part| !part.starts_with("token=")).collect();
    let to = if rest.is_empty() {
        request.uri.path().to_owned()
    } else {
        format!("{}?{}", request.uri.path(), rest.join("&"))
    };
    let cookie = format!("{name}={cookie}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000");
    let mut answer = say(StatusCode::SEE_OTHER, "");
    // The path of a parsed URI and a cookie of letters and digits are valid header values. Two slashes at the beginning
    // would lead to another machine.
    if let (Ok(to), Ok(cookie)) = (format!("/{}", to.trim_start_matches('/')).try_into(), cookie.try_into()) {
        answer.headers_mut().insert(LOCATION, to);
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
    answer
}

async fn route(request: &Parts, context: &Arc<Context>) -> Answer {
    match request.uri.path() {
        "/" => content(HTML, INDEX),
        "/app.js" => content(JAVASCRIPT, APP),
        "/state.js" => content(JAVASCRIPT, STATE),
        "/charts.js" => content(JAVASCRIPT, CHARTS),
        "/style.css" => content("text/css; charset=utf-8", STYLE),
        "/icon.svg" => content("image/svg+xml", ICON),
        "/livez" => verdict_of("live", context.health.snapshot().live()),
        // The older name, for monitors that have only one.
        "/readyz" | "/healthz" => verdict_of("ready", context.health.snapshot().ready()),
        "/metrics" => {
            let process = Process::now();
            content(prometheus::CONTENT_TYPE, metrics(&context.health.snapshot(), process.as_ref(), booted()))
        }
        "/api/status" => status(context),
        "/api/verdicts" => verdicts(request, context),
        "/snapshot.jpg" => match kind(request) {
            Ok(kind) => snapshot(request, kind, context).await,
            Err(answer) => *answer,
        },
        "/stream.mjpg" => match kind(request) {
            Ok(kind) => stream(request, kind, context),
            Err(answer) => *answer,
        },
        path => match path.strip_prefix("/kept/") {
            Some(name) => kept(request, name, context).await,
            None => say(StatusCode::NOT_FOUND, format!("not found; available: {PLACES}\n")),
        },
    }
}

/// 200, or 503 and why the service is not `what`, in one line.
fn verdict_of(what: &str, found: Result<(), String>) -> Answer {
    match found {
        Ok(()) => say(StatusCode::OK, format!("{what}\n")),
        // An error of the system may have several lines.
        Err(why) => say(StatusCode::SERVICE_UNAVAILABLE, format!("not {what}: {}\n", why.replace(['\r', '\n'], " "))),
    }
}

fn status(context: &Context) -> Answer {
    let (pictures, connections) = (&context.pictures, context.connections());
    let http = Http { connections, viewers: pictures.viewers(), encoded: pictures.encoded() };
    let (health, snapshot) = (&context.health, context.health.snapshot());
    let kept = context.album.as_ref().map(|album| album.latest());
    let status = Status::new(&snapshot, &health.identity, health.clock().wall(), kept.as_deref(), http);
    match serde_json::to_vec(&status) {
        Ok(json) => content(JSON, json),
        Err(error) => say(StatusCode::INTERNAL_SERVER_ERROR, format!("cannot write the status as JSON: {error}\n")),
    }
}

fn verdicts(request: &Parts, context: &Context) -> Answer {
    let kind = "text/event-stream";
    if request.method == Method::HEAD {
        return typed(kind, Stream::<Events>::unread().boxed_unsync());
    }
    let events = Events::new(context.lines.clone(), &context.broadcast, context.bounds.heartbeat);
    typed(kind, Stream::new(events).boxed_unsync())
}

/// The next picture; never one from before the request.
async fn snapshot(request: &Parts, kind: Kind, context: &Arc<Context>) -> Answer {
    if request.method == Method::HEAD {
        return typed(JPEG, Stream::<MotionJpeg>::unread().boxed_unsync());
    }
    let wait = context.bounds.picture_wait;
    match timeout(wait, context.pictures.look(kind).next()).await {
        Ok(Some(shot)) => {
            let mut answer = content(JPEG, shot.jpeg);
            answer.headers_mut().insert("purecam-frame", shot.sequence.into());
            answer
        }
        _ => {
            let state = context.health.state();
            let said = format!("no frame got a verdict within {} ms; state: {state}\n", wait.as_millis());
            say(StatusCode::SERVICE_UNAVAILABLE, said)
        }
    }
}

fn stream(request: &Parts, kind: Kind, context: &Arc<Context>) -> Answer {
    let media_type = format!("multipart/x-mixed-replace; boundary={BOUNDARY}");
    if request.method == Method::HEAD {
        return typed(&media_type, Stream::<MotionJpeg>::unread().boxed_unsync());
    }
    let stream = MotionJpeg::new(context.pictures.look(kind), context.bounds.heartbeat);
    typed(&media_type, Stream::new(stream).boxed_unsync())
}

/// A file of a kept frame, or, with `?small`, its small picture.
async fn kept(request: &Parts, name: &str, context: &Context) -> Answer {
    let Some(album) = context.album.clone() else {
        let said = "no frames are kept; [detect] enabled = true and keep_dir = \"FOLDER\" keep suspicious ones\n";
        return say(StatusCode::NOT_FOUND, said);
    };
    let missing = |error: NotKept| say(StatusCode::NOT_FOUND, format!("{error}\n"));
    match queries(request).next() {
        None => {}
        Some("small") => {
            return album.small(name).map_or_else(missing, |jpeg| content(JPEG, Bytes::copy_from_slice(&jpeg)));
        }
        Some(other) => return say(StatusCode::BAD_REQUEST, format!("expected ?small or nothing, found ?{other}\n")),
    }
    let kind = if name.ends_with(".png") { "image/png" } else { JSON };
    let name = name.to_owned();
    match spawn_blocking(move || album.open(&name)).await {
        Ok(Ok((file, length))) => {
            let body = match request.method {
                Method::HEAD => Stream::<FileContent>::unread(),
                _ => Stream::new(FileContent::new(file, length)),
            };
            let mut answer = typed(kind, body.boxed_unsync());
            answer.headers_mut().insert(CONTENT_LENGTH, length.into());
            answer
        }
        Ok(Err(error)) => missing(error),
        Err(error) => say(StatusCode::INTERNAL_SERVER_ERROR, format!("the file cannot be opened: {error}\n")),
    }
}

/// Which picture is requested: `?raw` or `?purified`; `?purified` is the default.
fn kind(request: &Parts) -> Result<Kind, Box<Answer>> {
    match queries(request).next() {
        Some("raw") => Ok(Kind::Raw),
        Some("purified") | None => Ok(Kind::Purified),
        Some(other) => {
            Err(Box::new(say(StatusCode::BAD_REQUEST, format!("expected ?raw or ?purified, found ?{other}\n"))))
        }
    }
}

fn queries(request: &Parts) -> impl Iterator<Item = &str> {
    request.uri.query().unwrap_or_default().split('&').filter(|part| !part.is_empty())
}

/// The token in the query, decoded from a browser's form encoding.
fn token_of(request: &Parts) -> Option<String> {
    let text = queries(request).find_map(|part| part.strip_prefix("token="))?;
    let mut bytes = text.bytes();
    let mut token = Vec::new();
    while let Some(byte) = bytes.next() {
        token.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                (16 * digit()? + digit()?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(token).ok()
}

fn say(code: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = content(TEXT, text);
    *answer.status_mut() = code;
    answer
}

fn content(kind: &(impl Display + ?Sized), body: impl Into<Bytes>) -> Answer {
    typed(kind, Full::new(body.into()).boxed_unsync())
}

fn typed(kind: &(impl Display + ?Sized), body: Content) -> Answer {
    let mut answer = Response::new(body);
    // The media types above are valid header values.
    if let Ok(kind) = HeaderValue::try_from(kind.to_string()) {
        answer.headers_mut().insert(CONTENT_TYPE, kind);
    }
    answer
}
