//! A thousand hostile clients. Alone in its process, because the test counts the process's threads and descriptors.
#![cfg(feature = "http")]

mod service_parts;
#[path = "service_parts/web.rs"]
mod web;

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use purecam::health::server::Bounds;
use web::{Client, Web};

/// What the process has open, and how many threads it runs.
fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// What a hostile client sends before it goes, or stays.
fn attack(number: usize) -> String {
    let long = "a".repeat(24 << 10);
    match number % 10 {
        0 => "BREW /coffee HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        1 => format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n"),
        2 => format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        3 => "GET / HTTP/1.1\r\nHost: localhost\r\nX-Never-Ends: ".to_owned(),
        4 => "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3} this is TLS".to_owned(),
        5 => "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18446744073709551615\r\n\r\nx".to_owned(),
        6 => format!("GET / HTTP/1.1\r\n{}\r\n", "Host: localhost\r\n".repeat(200)),
        7 => "GET /stream.mjpg?raw HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        8 => "GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200),
        _ => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    }
}

#[test]
fn a_thousand_hostile_clients_leave_nothing_behind_and_keep_nobody_out() {
    let soon = Duration::from_millis(100);
    let web = Web::bounded(Bounds { request_time: soon, stall_time: soon, ..Bounds::default() });
    assert_eq!(web.get("/style.css").code, 200);
    web.wait_for_connections(0);
    let before = (entries("/proc/self/task"), entries("/proc/self/fd"));

    let mut lingering: Vec<Client> = Vec::new();
    for number in 0..1000 {
        let mut client = web.client();
        // The server may have closed the connection in the middle of it.
        drop(client.stream.write_all(attack(number).as_bytes()));
        match number % 3 {
            0 => drop(client),
            1 => drop(client.stream.shutdown(Shutdown::Write)),
            _ => lingering.push(client),
        }
        lingering.truncate(50);
    }
    drop(lingering);
    web.wait_for_connections(0);
    web.wait_for_viewers(0);
    assert_eq!(web.get("/style.css").code, 200, "it still answers");
    web.wait_for_connections(0);
    assert_eq!((entries("/proc/self/task"), entries("/proc/self/fd")), before);
}
