//! The live page's server, tested byte by byte: what it answers, whom it refuses, and what it costs.
#![cfg(feature = "http")]

mod service_parts;
#[path = "service_parts/web.rs"]
mod web;

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Parser;
use purecam::cli::{Cli, Command};
use purecam::frame::{Frame, Picture};
use purecam::health::server::{Bounds, Server, ServerSettings, StartError, Token};
use purecam::service::{Degradation, Gallery, Health, Input, Judge, Judgement, Withheld};
use purecam::sink::{Broadcast, KeepRing, Problem};
use purecam::source::Reason;
use purecam::time::SystemClock;
use purecam::verdict::Verdict;
use web::{Client, Web, stream, wait_until};

const TOKEN: &str = "a-token-of/enough+length==";

fn soon() -> Duration {
    Duration::from_millis(50)
}

#[test]
fn every_place_has_its_media_type_and_the_headers_that_keep_a_browser_safe() {
    let web = Web::open();
    let places = [
        ("/", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/state.js", "text/javascript; charset=utf-8"),
        ("/charts.js", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/api/status", "application/json"),
    ];
    for (place, media_type) in places {
        let answer = web.get(place);
        assert_eq!(answer.code, 200, "{place}");
        assert_eq!(answer.header("content-type"), Some(media_type), "{place}");
        assert!(!answer.body.is_empty(), "{place}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
    }
    let missing = web.get("/favicon.ico");
    assert_eq!(missing.code, 404);
    assert!(missing.text().contains("/metrics"), "it lists what there is: {}", missing.text());
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_no_script_in_its_html() {
    let web = Web::open();
    let html = web.get("/").text();
    let scripts: Vec<&str> = html.match_indices("<script").map(|(at, _)| &html[at..]).collect();
    let places = ["/charts.js", "/state.js", "/app.js"];
    assert_eq!(scripts.len(), places.len(), "a script in the page itself");
    for (script, place) in scripts.iter().zip(places) {
        assert!(script.starts_with(&format!("<script src=\"{place}\" defer></script>")), "not {place}: {script:.60}");
    }
    for place in ["/", "/app.js", "/state.js", "/charts.js", "/style.css"] {
        let text = web.get(place).text().replace("http://www.w3.org/2000/svg", "");
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("@import"), "{place}");
    }
    assert!(!html.contains(" style=") && !html.contains(" onclick="), "the policy would refuse it");
}

#[test]
fn a_head_request_gets_the_headers_alone_and_makes_nobody_look() {
    let web = Web::open();
    for place in ["/", "/metrics", "/api/status", "/api/verdicts", "/snapshot.jpg?raw", "/stream.mjpg?raw"] {
        let mut client = web.client();
        client.ask("HEAD", place, "");
        assert_eq!(client.head().code, 200, "{place}");
        // A body of the first answer would be read as the beginning of this one.
        assert_eq!(client.get("/style.css", "").code, 200, "{place}");
        assert_eq!(web.gallery.viewers(), 0, "{place}");
    }
}

#[test]
fn other_methods_and_bodies_are_refused() {
    let web = Web::open();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        let mut client = web.client();
        client.ask(method, "/", "");
        let answer = client.answer();
        assert_eq!((answer.code, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    for headers in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut client = web.client();
        let answer = client.get("/", headers);
        assert_eq!((answer.code, answer.header("connection")), (413, Some("close")), "{headers}");
        client.end();
    }
}

#[test]
fn headers_above_the_bound_are_refused_and_the_connection_ends() {
    let web = Web::open();
    let mut below = web.client();
    assert_eq!(below.get("/", &format!("X: {}\r\n", "a".repeat(15 << 10))).code, 200);
    for size in [17 << 10, 1 << 20] {
        let mut client = web.client();
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "a".repeat(size));
        // The server may have ended the connection before all of it was sent.
        drop(client.stream.write_all(request.as_bytes()));
        let said = client.end();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431 "), "{size}: {said}");
    }
    drop(below);
    web.wait_for_connections(0);
}

#[test]
fn a_request_that_is_not_finished_in_time_ends_its_connection() {
    let web = Web::bounded(Bounds { request_time: soon(), ..Bounds::default() });
    let begun = ["", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "];
    let mut clients: Vec<Client> = begun.iter().map(|_| web.client()).collect();
    clients.iter_mut().zip(begun).for_each(|(client, begun)| client.send(begun));
    let mut idle = web.client();
    assert_eq!(idle.get("/healthz", "").code, 503);
    clients.iter_mut().for_each(|client| drop(client.end()));
    idle.end();
    web.wait_for_connections(0);
}

#[test]
fn a_client_that_has_sent_its_last_byte_is_let_go() {
    let web = Web::open();
    let mut silent = web.client();
    silent.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(silent.end(), "");
    let mut watching = stream(&web, "raw");
    watching.stream.shutdown(Shutdown::Write).unwrap();
    watching.end();
    web.wait_for_viewers(0);
    web.wait_for_connections(0);
}

#[test]
fn the_connection_above_the_bound_is_turned_away_and_finds_a_place_when_one_is_free() {
    let web = Web::open();
    let mut seated: Vec<Client> = (0..64).map(|_| web.client()).collect();
    seated.iter_mut().for_each(|client| assert_eq!(client.get("/style.css", "").code, 200));
    let said = web.client().end();
    assert!(said.starts_with("HTTP/1.1 503 ") && said.ends_with("try later\n"), "{said}");
    assert_eq!(seated[0].get("/style.css", "").code, 200, "those who are in stay in");
    drop(seated.pop());
    web.wait_for_connections(63);
    assert_eq!(web.get("/style.css").code, 200);
}

#[test]
fn a_request_for_a_name_that_is_not_this_machines_is_refused() {
    let web = Web::open();
    let code = |request: &str| {
        let mut client = web.client();
        client.send(request);
        client.answer().code
    };
    let with_host = |host: &str| code(&format!("GET /style.css HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
    for host in ["localhost", "LOCALHOST:8080", "localhost.:1", "127.0.0.1:80", "[::1]:80", "192.168.1.7", &own] {
        assert_eq!(with_host(host), 200, "{host}");
    }
    for host in ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "2130706433x"] {
        assert_eq!(with_host(host), 421, "{host}");
    }
    assert_eq!(code("GET /style.css HTTP/1.1\r\n\r\n"), 400);
    assert_eq!(code("GET /style.css HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"), 400);
    assert_eq!(code("GET http://evil.example/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n"), 421);
}

#[test]
fn a_request_that_another_site_sends_is_refused() {
    let web = Web::open();
    let code = |headers: &str| web.client().get("/api/status", headers).code;
    assert_eq!(code("Origin: http://localhost\r\n"), 200);
    assert_eq!(code("Origin: http://evil.example\r\n"), 403);
    assert_eq!(code("Origin: https://localhost\r\n"), 403);
    assert_eq!(code("Origin: null\r\n"), 403);
    assert_eq!(code("Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n"), 200);
    assert_eq!(code("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"), 403);
    assert_eq!(code("Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: no-cors\r\n"), 403);
    assert_eq!(code("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n"), 200, "a link may lead here");
}

#[test]
fn with_a_token_only_those_who_show_it_come_in() {
    let web = Web::with(Bounds::default(), Token::new(TOKEN));
    let places = [
        "/livez",
        "/readyz",
        "/healthz",
        "/metrics",
        "/api/status",
        "/api/verdicts",
        "/snapshot.jpg",
        "/stream.mjpg",
        "/app.js",
        "/none",
    ];
    let kept = ["/kept/20261122T211645.042Z-0000000007-raw.png", "/kept/20261122T211645.042Z-0000000007-raw.png?small"];
    for place in places.into_iter().chain(kept) {
        let answer = web.get(place);
        assert_eq!(answer.code, 401, "{place}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"purecam\""));
    }
    let code = |headers: &str| web.client().get("/api/status", headers).code;
    assert_eq!(code(&format!("Authorization: Bearer {TOKEN}\r\n")), 200);
    assert_eq!(code(&format!("Authorization: bearer {TOKEN}\r\n")), 200);
    for wrong in ["Bearer", "Bearer ", "Bearer x", &format!("Bearer {TOKEN}x"), &format!("Basic {TOKEN}"), TOKEN] {
        assert_eq!(code(&format!("Authorization: {wrong}\r\n")), 401, "{wrong}");
    }
    let port = web.server.address().port();
    assert_eq!(code(&format!("Cookie: purecam-{port}={TOKEN}\r\n")), 401, "the cookie is not the token itself");
    assert_eq!(code(&format!("Cookie: purecam-{port}=\r\n")), 401);
}

#[test]
fn a_browser_signs_in_once_and_keeps_a_cookie_that_scripts_cannot_read() {
    let web = Web::with(Bounds::default(), Token::new(TOKEN));
    let form = web.get("/");
    assert_eq!(form.code, 401);
    assert!(form.text().contains("<form") && !form.text().contains("Wrong token"));
    assert_eq!(web.get("/style.css").code, 200, "the form needs its style");
    let wrong = web.get("/?token=wrong");
    assert_eq!((wrong.code, wrong.header("set-cookie")), (401, None));
    assert!(wrong.text().contains("Wrong token"));

    let in_a_form = TOKEN.replace('/', "%2F").replace('+', "%2b").replace('=', "%3D");
    let right = web.get(&format!("/stream.mjpg?token={in_a_form}&raw"));
    assert_eq!((right.code, right.header("location")), (303, Some("/stream.mjpg?raw")));
    assert_eq!(web.get(&format!("//evil.example/?token={in_a_form}")).header("location"), Some("/evil.example/"));
    let cookie = right.header("set-cookie").unwrap();
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    let (cookie, _) = cookie.split_once(';').unwrap();
    let page = web.client().get("/", &format!("Cookie: other=1; {cookie}\r\n"));
    assert_eq!(page.code, 200);
    assert!(page.text().contains("/app.js"));
}

#[test]
fn a_server_that_other_machines_reach_needs_a_token_from_a_file_that_others_cannot_read() {
    let everywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let error = ServerSettings::new(everywhere, None).unwrap_err();
    assert!(error.is_hopeless() && error.to_string().contains("token_file"), "{error}");
    assert!(ServerSettings::new("127.0.0.1:0".parse().unwrap(), None).is_ok());

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let refusal = |text: &str, mode: u32| {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        ServerSettings::new(everywhere, Some(&file)).map_err(|error| error.to_string())
    };
    assert!(refusal(&format!("{TOKEN}\nand a remark\n"), 0o600).unwrap().token.is_some());
    assert!(refusal(TOKEN, 0o640).is_ok());
    assert!(refusal(TOKEN, 0o644).unwrap_err().contains("mode 0644"));
    assert!(refusal("short\n", 0o600).unwrap_err().contains("has 5 characters"));
    assert!(refusal("", 0o600).unwrap_err().contains("empty first line"));
    assert!(refusal("twenty characters of blanks\n", 0o600).unwrap_err().contains("letters, digits"));
    std::fs::remove_file(&file).unwrap();
    let missing = ServerSettings::new(everywhere, Some(&file)).unwrap_err().to_string();
    assert!(missing.contains("token") && missing.contains("cannot be read"), "{missing}");
}

#[test]
fn a_port_alone_is_this_machines_own() {
    let read = |text: &str| match Cli::<Command>::try_parse_from(["purecam", "run", "--http", text]).unwrap().command {
        Command::Run(run) => run.settings.outputs.http.unwrap(),
        other => panic!("{other:?}"),
    };
    for text in ["8080", ":8080", "localhost:8080", "127.0.0.1:8080"] {
        assert_eq!(read(text), "127.0.0.1:8080", "{text}");
    }
    for text in ["0.0.0.0:80", "[::1]:80", "", ":", ":70000", "example.org:80"] {
        assert_eq!(read(text), text, "the configuration takes or refuses it");
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = ServerSettings::new(taken.local_addr().unwrap(), None).unwrap();
    let health = Arc::new(Health::new(Arc::new(SystemClock), Arc::default()));
    let error =
        Server::start(settings, health, Broadcast::new(b"{}\n"), Arc::new(Gallery::of_everything()), None).err();
    let error = error.expect("two programs cannot listen on one port");
    assert!(matches!(error, StartError::Bind { .. }) && !error.is_hopeless());
    let said = error.to_string();
    assert!(said.contains(&taken.local_addr().unwrap().to_string()) && said.contains("choose another port"), "{said}");
}

#[test]
fn ready_is_200_while_verdicts_are_made_and_live_until_a_restart_would_help() {
    let web = Web::open();
    let asked = |place: &str| {
        let answer = web.get(place);
        (answer.code, answer.text())
    };
    let expect = |code, ready: &str| {
        assert_eq!(asked("/readyz"), (code, format!("{ready}\n")));
        assert_eq!(asked("/healthz"), (code, format!("{ready}\n")), "the older name");
    };
    expect(503, "not ready: starting");
    assert_eq!(asked("/livez"), (200, "live\n".to_owned()));
    web.health.on(Input::Opened);
    expect(503, "not ready: warming-up");
    web.health.on(Input::Frame);
    expect(503, "not ready: no verdict yet; running");
    web.publish(1);
    expect(200, "ready");
    web.health.on(Input::Degraded(Degradation::Slow, true));
    expect(200, "ready");
    (0..10).for_each(|_| web.health.unusable());
    expect(503, "not ready: degraded (unusable)");
    web.health.on(Input::Fault(Reason::Unplugged));
    expect(503, "not ready: reconnecting (unplugged)");
    assert_eq!(asked("/livez"), (200, "live\n".to_owned()), "a restart brings no camera back");
    web.health.on(Input::Degraded(Degradation::Hung, true));
    let (code, said) = asked("/livez");
    assert!(code == 503 && said.starts_with("not live: hung: ") && said.ends_with("restart purecam\n"), "{said}");
    assert_eq!(said.lines().count(), 1);
    assert_eq!(asked("/readyz").0, 503);
    web.health.on(Input::Stop);
    expect(503, "not ready: stopping");
}

#[test]
fn a_required_output_that_fails_makes_the_service_not_ready_and_another_does_not() {
    let web = Web::open();
    web.health.on(Input::Opened);
    web.health.frame(0, 0);
    web.publish(1);
    let (other, required) = (web.health.add_sink("file", false), web.health.add_sink("mqtt", true));
    let status = || serde_json::from_slice::<serde_json::Value>(&web.get("/api/status").body).unwrap();
    let problem = |detail: &str| Some(Problem { kind: "unreachable", detail: detail.to_owned() });
    assert_eq!(status()["sinks"][1]["state"], "running");
    web.health.sink_problem(other, problem("no disk"));
    assert_eq!(web.get("/readyz").code, 200);
    web.health.sink_problem(required, problem("connection\nrefused"));
    let answer = web.get("/readyz");
    assert_eq!(
        (answer.code, answer.text()),
        (503, "not ready: output.mqtt unreachable: connection refused\n".to_owned())
    );
    let found = status();
    assert_eq!((&found["state"]["state"], &found["state"]["reason"]), (&"degraded".into(), &"output".into()));
    assert_eq!(found["not_ready"], "output.mqtt unreachable: connection\nrefused");
    let sink = &found["sinks"][1];
    assert_eq!(
        (&sink["state"], &sink["reason"], &sink["faults"]),
        (&"degraded".into(), &"unreachable".into(), &1.into())
    );
    assert!(sink["for_s"].as_f64().is_some_and(|seconds| seconds >= 0.0), "{sink}");
    web.health.sink_problem(required, None);
    web.health.sink_problem(other, None);
    assert_eq!(web.get("/readyz").code, 200);
    assert_eq!(status()["state"]["state"], "running");
}

#[test]
fn the_status_has_all_counts_and_the_history() {
    let web = Web::open();
    web.health.on(Input::Opened);
    web.health.frame(3, 2);
    web.health.withheld("stale");
    web.publish(7);
    let answer = web.get("/api/status");
    let status: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(status["schema"], 1);
    assert_eq!(status["state"]["state"], "running");
    let states: Vec<_> = status["history"].as_array().unwrap().iter().map(|change| &change["state"]).collect();
    assert_eq!(states, ["starting", "warming-up", "running"]);
    assert_eq!((&status["frames"]["arrived"], &status["frames"]["replaced"]), (&1.into(), &3.into()));
    assert_eq!(status["frames"]["missed"], 2);
    assert_eq!(status["verdicts"]["published"], 1);
    assert_eq!(status["verdicts"]["labels"]["tench"], 1);
    assert_eq!(status["verdicts"]["withheld"]["stale"], 1);
    assert_eq!(status["last"]["seq"], 7);
    assert_eq!(status["models"]["classifier"], "bb");
    assert_eq!(status["http"]["connections"], 1, "this one");
    let bounds = status["bounds"].as_array().unwrap().len();
    assert_eq!(status["stages"]["purify"]["counts"].as_array().unwrap().len(), bounds + 1);
}

/// A judge that measures suspicion.
struct Measuring;

impl Judge for Measuring {
    fn judge(&mut self, _: &Frame, _: &mut Judgement) -> Result<(), Withheld> {
        Ok(())
    }

    fn threshold(&self) -> Option<f32> {
        Some(0.35)
    }
}

#[test]
fn the_status_says_which_service_it_is_and_from_which_suspicion_on_a_verdict_is_suspicious() {
    let web = Web::open();
    let status = || serde_json::from_slice::<serde_json::Value>(&web.get("/api/status").body).unwrap();
    let found = status();
    assert_eq!((&found["source"], &found["host"]), (&"camera:1".into(), &"robot".into()));
    assert_eq!(found["instance"], "front");
    assert_eq!(found["files"]["classifier"]["name"], "classifier.onnx");
    assert_eq!(found["verdicts"]["threshold"], serde_json::Value::Null, "suspicion is not measured");
    assert_eq!((&found["framing"]["fit"], &found["framing"]["rotate"]), (&"crop".into(), &0.into()));
    web.health.set_judge(&Measuring);
    let found = status();
    assert_eq!(found["verdicts"]["threshold"].to_string(), "0.35");
    assert_eq!(found["models"]["classifier"], "bb", "a judge without models leaves those that were");
}

#[test]
fn a_verdict_that_is_published_arrives_as_an_event() {
    let web = Web::bounded(Bounds { heartbeat: soon(), ..Bounds::default() });
    web.publish(1);
    let mut client = web.client();
    client.ask("GET", "/api/verdicts", "");
    assert_eq!(client.head().header("content-type"), Some("text/event-stream"));
    client.until(b"event: header\ndata: {\"schema\":1}\n\n");
    client.until(b": nothing new\n\n");
    web.publish(2);
    client.until(b"event: verdict\nid: ");
    let event = String::from_utf8(client.until(b"\n\n")).unwrap();
    let (_, data) = event.split_once("data: ").unwrap();
    let verdict: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!((&verdict["seq"], &verdict["label"]), (&2.into(), &"tench".into()), "not the one from before");
    assert_eq!(verdict["raw"]["label"], "church");
    web.broadcast.publish_header(b"{\"schema\":1,\"new\":\"models\"}\n");
    client.until(b"event: header\n");
    client.until(b"data: {\"schema\":1,\"new\":\"models\"}\n\n");
}

#[test]
fn a_snapshot_is_the_next_frame_in_its_own_size_and_never_one_from_before() {
    let web = Web::open();
    for (seq, place, size) in
        [(5, "/snapshot.jpg?raw", (64, 40)), (6, "/snapshot.jpg?purified", (48, 32)), (7, "/snapshot.jpg", (48, 32))]
    {
        let mut client = web.client();
        client.ask("GET", place, "");
        web.wait_for_viewers(1);
        web.show(seq, [40, 64]);
        let answer = client.answer();
        assert_eq!((answer.code, answer.header("content-type")), (200, Some("image/jpeg")));
        assert_eq!(answer.header("purecam-frame"), Some(seq.to_string().as_str()), "{place}");
        let picture = image::load_from_memory_with_format(&answer.body, image::ImageFormat::Jpeg).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), size, "{place}");
        if size == (48, 32) {
            let [red, green, blue] = picture.get_pixel(20, 20).0;
            assert!(
                red < 6 && green.abs_diff(128) < 6 && blue > 249,
                "{red} {green} {blue} is not the picture's colour"
            );
        }
        web.wait_for_viewers(0);
    }
    assert_eq!(web.get("/snapshot.jpg?both").code, 400);
}

#[test]
fn a_snapshot_that_does_not_come_is_refused_with_the_state() {
    let web = Web::bounded(Bounds { picture_wait: soon(), ..Bounds::default() });
    web.health.on(Input::Fault(Reason::Absent));
    let answer = web.get("/snapshot.jpg?raw");
    assert_eq!(answer.code, 503);
    assert!(answer.text().contains("reconnecting (absent)"), "{}", answer.text());
    web.wait_for_viewers(0);
}

#[test]
fn a_motion_jpeg_stream_sends_frame_after_frame_and_repeats_the_last_if_none_come() {
    let web = Web::bounded(Bounds { heartbeat: soon(), ..Bounds::default() });
    let mut client = stream(&web, "raw");
    web.wait_for_viewers(1);
    for seq in [1, 2] {
        web.show(seq, [48, 64]);
        let mut part = client.part();
        while part.0 != seq {
            part = client.part();
        }
        let picture = image::load_from_memory_with_format(&part.1, image::ImageFormat::Jpeg).unwrap();
        assert_eq!((picture.width(), picture.height()), (64, 48));
    }
    assert_eq!(client.part().0, 2, "a viewer that is gone is noticed by this");
    drop(client);
    web.wait_for_viewers(0);
}

#[test]
fn a_picture_is_encoded_once_however_many_look_and_not_at_all_when_nobody_does() {
    let web = Web::open();
    web.show(0, [48, 64]);
    assert_eq!((web.gallery.viewers(), web.server.encoded()), (0, 0));
    let mut viewers: Vec<Client> = (0..3).map(|_| stream(&web, "raw")).collect();
    web.wait_for_viewers(3);
    for seq in 1..=5 {
        web.show(seq, [48, 64]);
        viewers.iter_mut().for_each(|viewer| assert_eq!(viewer.part().0, seq));
    }
    assert_eq!(web.server.encoded(), 5, "the purified picture, which nobody requested, was not encoded");
    drop(viewers);
    web.wait_for_viewers(0);
    web.show(6, [48, 64]);
    assert_eq!(web.server.encoded(), 5);
}

#[test]
fn a_viewer_that_reads_nothing_holds_up_nobody_and_is_let_go() {
    let web = Web::bounded(Bounds { stall_time: soon(), ..Bounds::default() });
    let stalled = stream(&web, "raw");
    let mut viewer = stream(&web, "raw");
    let mut seq = 0;
    // The system's buffers take megabytes of pictures before the server notices that nobody reads them.
    wait_until("the stalled connection's end", || {
        seq += 1;
        web.show(seq, [480, 640]);
        assert_eq!(viewer.part().0, seq, "the other sees every frame");
        web.server.connections() == 1
    });
    web.wait_for_viewers(1);
    drop(stalled);
}

#[test]
fn the_server_stops_at_once_despite_open_connections_and_frees_its_port() {
    let Web { server, health, broadcast, gallery } = Web::open();
    let address = server.address();
    let mut clients: Vec<Client> = ["/api/verdicts", "/stream.mjpg?raw", "/snapshot.jpg?raw", "/style.css"]
        .map(|place| {
            let mut client = Client::connect(address);
            client.ask("GET", place, "");
            client
        })
        .into();
    wait_until("viewers", || gallery.viewers() == 2);
    server.stop();
    clients.iter_mut().for_each(|client| drop(client.end()));
    assert_eq!(gallery.viewers(), 0);
    let settings = ServerSettings::new(address, None).unwrap();
    Server::start(settings, health, broadcast, Arc::new(Gallery::of_everything()), None).unwrap();
}

/// A ring of two frames, [width, height] in pixels, that has kept frames 1 to 3: the first is gone.
fn ring_of_two(folder: &Path, [width, height]: [u32; 2]) -> KeepRing {
    let mut ring = KeepRing::new(folder, 6, 1 << 30, Arc::new(SystemClock)).unwrap();
    for seq in 1..=3 {
        let captured_at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_382_198_042 + 1000 * seq);
        let verdict = Verdict { seq, captured_at, label: "tench".into(), suspicious: true, ..Verdict::default() };
        let rgb = (0..3 * width * height).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert!(ring.keep(&Picture { width, height, rgb }, (&[0.25; 12], [2, 2]), &verdict));
    }
    ring
}

const SECOND: &str = "20261122T211640.042Z-0000000002";

#[test]
fn the_files_of_a_kept_frame_are_served_as_they_are_and_its_pictures_small_too() {
    let folder = tempfile::tempdir().unwrap();
    // Larger than what is read at once.
    let ring = ring_of_two(folder.path(), [300, 200]);
    let web = Web::showing(Bounds::default(), None, Some(ring.album()));
    for (ending, media_type) in
        [("-raw.png", "image/png"), ("-purified.png", "image/png"), (".json", "application/json")]
    {
        let answer = web.get(&format!("/kept/{SECOND}{ending}"));
        assert_eq!((answer.code, answer.header("content-type")), (200, Some(media_type)), "{ending}");
        assert_eq!(answer.body, std::fs::read(folder.path().join(format!("{SECOND}{ending}"))).unwrap(), "{ending}");
    }
    assert!(std::fs::metadata(folder.path().join(format!("{SECOND}-raw.png"))).unwrap().len() > 128 << 10);
    for (ending, size) in [("-raw.png", (128, 85)), ("-purified.png", (2, 2))] {
        let answer = web.get(&format!("/kept/{SECOND}{ending}?small"));
        assert_eq!((answer.code, answer.header("content-type")), (200, Some("image/jpeg")), "{ending}");
        let picture = image::load_from_memory_with_format(&answer.body, image::ImageFormat::Jpeg).unwrap();
        assert_eq!((picture.width(), picture.height()), size, "{ending}");
    }
    let mut client = web.client();
    client.ask("HEAD", &format!("/kept/{SECOND}-raw.png"), "");
    let length = std::fs::metadata(folder.path().join(format!("{SECOND}-raw.png"))).unwrap().len().to_string();
    assert_eq!(client.head().header("content-length"), Some(length.as_str()));
    assert_eq!(client.get("/style.css", "").code, 200, "a body came with the head");
    assert_eq!(web.get(&format!("/kept/{SECOND}-raw.png?large")).code, 400);

    let status: serde_json::Value = serde_json::from_slice(&web.get("/api/status").body).unwrap();
    let names: Vec<_> = status["kept_frames"].as_array().unwrap().iter().map(|frame| &frame["name"]).collect();
    assert_eq!(names, [SECOND, "20261122T211641.042Z-0000000003"], "oldest first, and not the one that is gone");
    assert_eq!(status["kept_frames"][0]["captured_at"], "2026-11-22T21:16:40.042Z");
    assert_eq!(status["kept_frames"][0]["seq"], 2);
}

#[test]
fn a_kept_file_that_is_gone_was_never_there_or_is_not_kept_at_all_is_404_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = ring_of_two(folder.path(), [4, 4]);
    let web = Web::showing(Bounds::default(), None, Some(ring.album()));
    let refused = |web: &Web, place: &str, part: &str| {
        let answer = web.get(place);
        assert_eq!((answer.code, answer.header("content-type")), (404, Some("text/plain; charset=utf-8")), "{place}");
        assert!(answer.text().contains(part), "{place}: {}", answer.text());
    };
    let first = "/kept/20261122T211639.042Z-0000000001-raw.png";
    refused(&web, first, "is no longer kept: newer frames took its place, as detect.keep_files = 6");
    refused(&web, &format!("{first}?small"), "is no longer kept");
    refused(&web, "/kept/20261122T211642.042Z-0000000004-raw.png", "was not kept");
    refused(&web, &format!("/kept/{SECOND}.json?small"), "has no small picture");
    // The folder is changed behind the ring's back.
    std::fs::remove_file(folder.path().join(format!("{SECOND}.json"))).unwrap();
    refused(&web, &format!("/kept/{SECOND}.json"), "was kept, but cannot be read");
    // A frame that is listed goes with the ring.
    let verdict = Verdict { seq: 4, captured_at: SystemTime::now(), ..Verdict::default() };
    let picture = Picture { width: 1, height: 1, rgb: vec![0; 3] };
    assert!(ring.keep(&picture, (&[0.0; 12], [2, 2]), &verdict));
    refused(&web, &format!("/kept/{SECOND}-raw.png"), "is no longer kept");

    let without = Web::open();
    refused(&without, first, "[detect] enabled = true and keep_dir");
    let status: serde_json::Value = serde_json::from_slice(&without.get("/api/status").body).unwrap();
    assert_eq!(status["kept_frames"], serde_json::Value::Null);
}

#[test]
fn what_an_earlier_run_kept_is_served_and_listed_is_what_this_one_kept() {
    let folder = tempfile::tempdir().unwrap();
    drop(ring_of_two(folder.path(), [4, 4]));
    let ring = KeepRing::new(folder.path(), 6, 1 << 30, Arc::new(SystemClock)).unwrap();
    let web = Web::showing(Bounds::default(), None, Some(ring.album()));
    assert_eq!(web.get(&format!("/kept/{SECOND}-raw.png")).code, 200);
    assert_eq!(web.get(&format!("/kept/{SECOND}-raw.png?small")).code, 404);
    let status: serde_json::Value = serde_json::from_slice(&web.get("/api/status").body).unwrap();
    assert_eq!(status["kept_frames"], serde_json::json!([]));
}

#[test]
fn no_name_leads_out_of_the_ring() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("kept");
    let ring = ring_of_two(&folder, [4, 4]);
    let secret = "the secret";
    std::fs::write(home.path().join("secret.png"), secret).unwrap();
    // Files that the keeper has not written: another name, the name of a frame that was not kept, and below a folder.
    std::fs::write(folder.join("notes.json"), secret).unwrap();
    std::fs::write(folder.join("20261122T211642.042Z-0000000009-raw.png"), secret).unwrap();
    std::fs::create_dir(folder.join("inner")).unwrap();
    std::fs::write(folder.join(format!("inner/{SECOND}-raw.png")), secret).unwrap();
    // A link and a folder in the place of a frame's files.
    let own = |ending: &str| folder.join(format!("{SECOND}{ending}"));
    [own("-raw.png"), own(".json")].iter().for_each(|path| std::fs::remove_file(path).unwrap());
    symlink("../secret.png", own("-raw.png")).unwrap();
    std::fs::create_dir(own(".json")).unwrap();
    let web = Web::showing(Bounds::default(), None, Some(ring.album()));
    let absolute = format!("/kept/{}", home.path().join("secret.png").display());
    let places = [
        "/kept/",
        "/kept/.",
        "/kept/..",
        "/kept/../secret.png",
        "/kept/../../../../../../../../etc/passwd",
        "/kept/..%2fsecret.png",
        "/kept/%2e%2e/secret.png",
        "/kept/%2e%2e%2fsecret.png",
        "/kept/..%5csecret.png",
        "/kept/..;/secret.png",
        "/kept//etc/passwd",
        "/kept/notes.json",
        "/kept/20261122T211642.042Z-0000000009-raw.png",
        "/kept/20261122T211640.042Z-0000000002-raw.png/",
        "/kept/20261122T211640.042Z-0000000002-raw.png/../../secret.png",
        "/kept/20261122T211640.042Z-0000000002-raw.png%00.png",
        "/kept/20261122T211640.042Z-0000000002/../../secret-raw.png",
        "/kept/inner/20261122T211640.042Z-0000000002-raw.png",
        "/kept/20261122T211640.042Z-0000000002-raw.png",
        "/kept/20261122T211640.042Z-0000000002.json",
        "/kept/20261122t211640.042z-0000000002-raw.png",
        &absolute,
    ];
    for place in places {
        let answer = web.get(place);
        assert_eq!(answer.code, 404, "{place}: {}", answer.text());
        assert!(!answer.text().contains(secret) && !answer.text().contains("root:"), "{place}: {}", answer.text());
    }
    assert_eq!(web.get(&format!("/kept/{SECOND}-purified.png")).code, 200, "the ring is served at all");
}
