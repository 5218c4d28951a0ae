//! Hostile clients: invalid methods, endless headers, half-open connections, one byte at a time.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::clients::{Clients, Leave, Tally};

/// How many threads attack.
const ATTACKERS: u64 = 4;

/// Connections that each attacker keeps half open at most; the server allows 64 in all.
const LINGERING: usize = 8;

/// Sends `requests` hostile requests, evenly over `lasts`.
pub fn clients(page: SocketAddr, requests: u64, lasts: Duration) -> Clients {
    let mut clients = Clients::default();
    for attacker in 0..ATTACKERS {
        clients.start(move |leave| attack(page, attacker, requests / ATTACKERS, lasts, leave));
    }
    clients
}

fn attack(page: SocketAddr, attacker: u64, requests: u64, lasts: Duration, leave: &Leave) -> Tally {
    let mut tally = Tally::default();
    let (mut half_open, mut slow) = (Vec::new(), Vec::new());
    let began = Instant::now();
    for number in 0..requests {
        let due = lasts.mul_f64(0.9 * number as f64 / requests as f64);
        thread::sleep(due.saturating_sub(began.elapsed()));
        if leave.is_now() {
            break;
        }
        let kind = (number * ATTACKERS + attacker) % 12;
        tally.count("hostile requests", 1);
        let Some(mut stream) = connect(page) else { continue };
        // The server may have closed the connection in the middle of it.
        drop(stream.write_all(request(kind).as_bytes()));
        // Every kind meets every ending: kinds repeat after three numbers, endings after nine.
        match number / 3 % 3 {
            _ if kind == SLOW_LORIS => slow.push(stream),
            0 => {}
            1 => {
                drop(stream.shutdown(Shutdown::Write));
                let mut beginning = [0; 12];
                if stream.read_exact(&mut beginning).is_ok() {
                    tally.count(&format!("answers {}", String::from_utf8_lossy(&beginning[9..])), 1);
                }
            }
            _ => half_open.push(stream),
        }
        slow.retain_mut(|stream| stream.write_all(b"x").is_ok());
        half_open.drain(..half_open.len().saturating_sub(LINGERING));
        slow.drain(..slow.len().saturating_sub(LINGERING));
    }
    while leave.sleep(Duration::from_millis(500)) {
        slow.retain_mut(|stream| stream.write_all(b"x").is_ok());
    }
    tally
}

fn connect(page: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect(page).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(50))).ok()?;
    stream.set_write_timeout(Some(Duration::from_millis(50))).ok()?;
    Some(stream)
}

/// The kind of request whose header is sent one byte at a time.
const SLOW_LORIS: u64 = 3;

fn request(kind: u64) -> String {
    let long = "a".repeat(24 << 10);
    match kind {
        0 => "BREW /coffee HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        1 => format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n"),
        2 => format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        SLOW_LORIS => "GET / HTTP/1.1\r\nHost: localhost\r\nX-Never-Ends: ".to_owned(),
        4 => "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3} this is TLS".to_owned(),
        5 => "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18446744073709551615\r\n\r\nx".to_owned(),
        6 => format!("GET / HTTP/1.1\r\n{}\r\n", "Host: localhost\r\n".repeat(200)),
        7 => "GET /stream.mjpg?raw HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        8 => "GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200),
        9 => "GET /api/status HTTP/1.1\r\nHost: rebound.example\r\n\r\n".to_owned(),
        10 => "GET /api/verdicts HTTP/1.1\r\nHost: localhost\r\nOrigin: http://elsewhere.example\r\n\r\n".to_owned(),
        _ => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    }
}
