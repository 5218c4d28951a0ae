//! Verdicts to a real broker (mosquitto) on the loopback: they arrive, the state is retained, and a broker that goes
//! comes back. If mosquitto is not installed, the tests that need it are skipped and say so.
#![cfg(feature = "mqtt")]

mod models;
mod service_parts;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use purecam::config::Mqtt;
use purecam::frame::Frame;
use purecam::sink::{Event, MqttError, MqttSink, Published, Sink};
use purecam::time::{Clock, SystemClock};
use service_parts::judgement;
use tempfile::{TempDir, tempdir};

const HEADER: &[u8] = b"{\"schema\":1}\n";

/// After this, what a test waits for will never come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between its fork and its exec a child holds copies of this process's sockets: one that is closed here still listens
/// there.
fn without_forks() -> MutexGuard<'static, ()> {
    static FORKS: Mutex<()> = Mutex::new(());
    FORKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a child; when this returns it runs its own program.
fn start(command: &mut Command) -> io::Result<Child> {
    let _alone = without_forks();
    command.spawn()
}

/// A port at which no process listens.
fn free_port() -> u16 {
    let _quiet = without_forks();
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A broker of a test's own.
struct Broker {
    child: Child,
    port: u16,
    folder: TempDir,
    settings: String,
}

impl Broker {
    /// `None` if mosquitto is not installed.
    fn start(settings: &str) -> Option<Self> {
        listen_to_the_log();
        Self::start_at(free_port(), tempdir().unwrap(), settings.to_owned())
    }

    fn start_at(port: u16, folder: TempDir, settings: String) -> Option<Self> {
        let file = folder.path().join("mosquitto.conf");
        // As this user: it would otherwise become one that cannot read the folder.
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        fs::write(&file, format!("listener {port} 127.0.0.1\npersistence false\nuser {user}\n{settings}")).unwrap();
        let mut command = Command::new("mosquitto");
        let spawned = start(command.arg("-c").arg(&file).stderr(Stdio::null()).stdout(Stdio::null()));
        let Ok(child) = spawned else {
            eprintln!("skipped: mosquitto is not installed");
            return None;
        };
        let mut broker = Self { child, port, folder, settings };
        wait_for("the broker", || {
            assert!(broker.child.try_wait().unwrap().is_none(), "the broker does not start");
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(broker)
    }

    /// Ends, and is what the next start needs.
    fn stop(mut self) -> (u16, TempDir, String) {
        self.kill();
        let folder = std::mem::replace(&mut self.folder, tempdir().unwrap());
        (self.port, folder, std::mem::take(&mut self.settings))
    }

    fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    fn mqtt(&self, more: &str) -> Mqtt {
        toml::from_str(&format!("url = 'mqtt://127.0.0.1:{}'\n{more}", self.port)).unwrap()
    }

    fn subscribe(&self) -> Subscriber {
        self.subscribe_with(&[])
    }

    fn subscribe_with(&self, args: &[&str]) -> Subscriber {
        let port = self.port.to_string();
        let mut command = Command::new("mosquitto_sub");
        command.args(["-h", "localhost", "-p", &port, "-t", "#", "-q", "2", "-F", "%r %t %p"]).args(args);
        let mut child = start(command.stdout(Stdio::piped())).unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (send, messages) = channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| send.send(line)));
        Subscriber { child, messages, seen: Vec::new() }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A client that hears everything: `RETAINED TOPIC MESSAGE` a line.
struct Subscriber {
    child: Child,
    messages: Receiver<String>,
    seen: Vec<String>,
}

impl Subscriber {
    /// Whether the message has come.
    fn has(&mut self, message: &str) -> bool {
        self.seen.extend(self.messages.try_iter());
        self.seen.iter().any(|seen| seen == message)
    }

    fn wait_for(&mut self, message: &str) {
        wait_for(message, || self.has(message));
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let began = Instant::now();
    while !there() {
        assert!(began.elapsed() < PATIENCE, "it does not come: {what}; log: {:#?}", LOG.lock().unwrap());
        thread::sleep(Duration::from_millis(10));
    }
}

/// The log lines of this process.
static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listener;

impl log::Log for Listener {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        LOG.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

fn listen_to_the_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Listener).unwrap();
        log::set_max_level(log::LevelFilter::Info);
    });
}

/// Waits for a log line with all of `parts`.
fn wait_for_log(parts: &[&str]) {
    wait_for(&parts.join(" ... "), || {
        LOG.lock().unwrap().iter().any(|line| parts.iter().all(|part| line.contains(part)))
    });
}

fn sink_with(mqtt: &Mqtt, state: Arc<Mutex<&'static str>>) -> MqttSink {
    let state = move || state.lock().unwrap().to_string();
    MqttSink::new(mqtt, HEADER, state, Duration::from_secs(1), Arc::new(SystemClock)).unwrap()
}

fn sink(mqtt: &Mqtt) -> MqttSink {
    sink_with(mqtt, Arc::new(Mutex::new("running")))
}

fn refused(mqtt: &Mqtt) -> MqttError {
    MqttSink::new(mqtt, HEADER, String::new, Duration::from_secs(1), Arc::new(SystemClock)).err().expect("it is taken")
}

fn publish(sink: &mut MqttSink, sequence: u64) {
    let verdict = judgement(&Frame { sequence, ..Frame::default() }, Duration::ZERO);
    let event = Event { verdict, raw: None, staged: None, verdicts: 0, replaced: 0, withheld: 0 };
    let line = format!("{{\"seq\":{sequence}}}\n").into_bytes();
    sink.publish(&Published { line, event: Some(event) }).unwrap();
}

/// Publishes one verdict after the other from `first` on until one of them has arrived. Returns the next number.
fn publish_until_one_arrives(sink: &mut MqttSink, subscriber: &mut Subscriber, first: u64) -> u64 {
    let mut sequence = first;
    wait_for("a verdict", || {
        publish(sink, sequence);
        sequence += 1;
        (first..sequence).any(|sequence| subscriber.has(&verdict(sequence)))
    });
    sequence
}

fn verdict(sequence: u64) -> String {
    format!("0 purecam/verdict {{\"seq\":{sequence}}}")
}

const OPEN: &str = "allow_anonymous true\n";

#[test]
fn verdicts_arrive_and_header_and_state_are_retained() {
    for qos in 0..=2 {
        let Some(broker) = Broker::start(OPEN) else { return };
        let mut subscriber = broker.subscribe();
        let mut sink = sink(&broker.mqtt(&format!("qos = {qos}")));
        let next = publish_until_one_arrives(&mut sink, &mut subscriber, 0);
        let dropped = sink.dropped();
        let sent = next..next + 20;
        sent.clone().for_each(|sequence| publish(&mut sink, sequence));
        sent.for_each(|sequence| subscriber.wait_for(&verdict(sequence)));
        assert_eq!(sink.dropped(), dropped, "verdicts to a broker that is there");
        let mut late = broker.subscribe();
        late.wait_for("1 purecam/header {\"schema\":1}");
        late.wait_for("1 purecam/state running");
        assert!(!late.seen.iter().any(|seen| seen.contains("verdict")), "a verdict is retained");
    }
}

#[test]
fn the_state_is_published_when_it_changes_and_offline_at_the_end() {
    let Some(broker) = Broker::start(OPEN) else { return };
    let mut subscriber = broker.subscribe();
    let state = Arc::new(Mutex::new("starting"));
    let mut sink = sink_with(&broker.mqtt("topic = 'robot/front'"), state.clone());
    let mut hear = |sink: &mut MqttSink, said: &str| {
        wait_for(said, || {
            sink.idle().unwrap();
            ["0", "1"].iter().any(|retained| subscriber.has(&format!("{retained} robot/front/state {said}")))
        });
    };
    hear(&mut sink, "starting");
    *state.lock().unwrap() = "degraded (slow)";
    hear(&mut sink, "degraded (slow)");
    drop(sink);
    subscriber.wait_for("0 robot/front/state offline");
    let times = subscriber.seen.iter().filter(|seen| seen.contains("offline")).count();
    assert_eq!(times, 1, "the last will came after a clean end");
    broker.subscribe().wait_for("1 robot/front/state offline");
}

#[test]
fn a_reload_says_the_new_header() {
    let Some(broker) = Broker::start(OPEN) else { return };
    let mut subscriber = broker.subscribe();
    let mut sink = sink(&broker.mqtt(""));
    publish_until_one_arrives(&mut sink, &mut subscriber, 0);
    sink.publish(&Published { line: b"{\"schema\":1,\"new\":true}\n".to_vec(), event: None }).unwrap();
    subscriber.wait_for("0 purecam/header {\"schema\":1,\"new\":true}");
}

#[test]
fn a_broker_that_goes_away_and_comes_back_gets_new_verdicts_and_no_old_ones() {
    let Some(broker) = Broker::start(OPEN) else { return };
    let mut subscriber = broker.subscribe();
    let mut sink = sink(&broker.mqtt("qos = 1"));
    let next = publish_until_one_arrives(&mut sink, &mut subscriber, 0);
    let (port, folder, settings) = broker.stop();
    let before = sink.dropped();
    let mut away = next;
    wait_for("the sink to notice", || {
        publish(&mut sink, away);
        away += 1;
        sink.dropped() > before + 50
    });
    let broker = Broker::start_at(port, folder, settings).unwrap();
    let mut subscriber = broker.subscribe();
    subscriber.has("");
    publish_until_one_arrives(&mut sink, &mut subscriber, away);
    broker.subscribe().wait_for("1 purecam/state running");
    let old: Vec<&String> =
        (next..away).filter_map(|sequence| subscriber.seen.iter().find(|seen| **seen == verdict(sequence))).collect();
    assert!(old.is_empty(), "{old:?} waited for the broker");
}

#[test]
fn the_last_will_says_offline_after_a_kill() {
    let Some(broker) = Broker::start(OPEN) else { return };
    let home = tempdir().unwrap();
    let (purifier, classifier) = models::write_pair(home.path());
    let config = home.path().join("purecam.toml");
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    fs::write(&config, format!("[output]\nstdout = false\n[output.mqtt]\nurl = '{url}'\n")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.args(["run", "demo:", "--json"]).arg("--config").arg(&config);
    command.arg("--purifier").arg(&purifier).arg("--classifier").arg(&classifier);
    let mut purecam = start(command.stderr(Stdio::null())).unwrap();
    let mut subscriber = broker.subscribe();
    wait_for("a verdict and the state", || {
        subscriber.has("");
        let seen = |part: &str| subscriber.seen.iter().any(|seen| seen.contains(part));
        seen("purecam/verdict {") && seen("purecam/state running") && seen("purecam/header {")
    });
    purecam.kill().unwrap();
    purecam.wait().unwrap();
    subscriber.wait_for("0 purecam/state offline");
    broker.subscribe().wait_for("1 purecam/state offline");
}

/// A broker of a few lines: accepts the connection, and then reads and answers nothing more.
fn silent_broker() -> (u16, thread::JoinHandle<TcpStream>) {
    let listener = {
        let _quiet = without_forks();
        TcpListener::bind("127.0.0.1:0").unwrap()
    };
    let port = listener.local_addr().unwrap().port();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The fixed header of CONNECT is two bytes here; the second is the length of the rest.
        let mut start = [0; 2];
        stream.read_exact(&mut start).unwrap();
        stream.read_exact(&mut vec![0; start[1].into()]).unwrap();
        stream.write_all(&[0x20, 2, 0, 0]).unwrap();
        stream
    });
    (port, serving)
}

#[test]
fn verdicts_that_still_wait_at_the_end_are_counted_and_logged() {
    listen_to_the_log();
    for qos in 0..=2 {
        let (port, serving) = silent_broker();
        let mut sink = sink(&toml::from_str(&format!("url = 'mqtt://127.0.0.1:{port}'\nqos = {qos}")).unwrap());
        let stream = serving.join().unwrap();
        let mut published = 0;
        // Before the connection is known, verdicts are dropped at once.
        wait_for("the connection", || {
            let before = sink.dropped();
            publish(&mut sink, published);
            published += 1;
            sink.dropped() == before
        });
        (0..30).for_each(|_| {
            publish(&mut sink, published);
            published += 1;
        });
        let before = sink.dropped();
        assert!(before < published, "all are dropped before the end");
        sink.finish();
        assert_eq!(sink.dropped(), published, "quality of service {qos}: the broker has acknowledged none");
        let missing = published - before;
        wait_for_log(&[&format!("127.0.0.1:{port}: {missing} verdicts still waited"), "not taken"]);
        sink.finish();
        assert_eq!(sink.dropped(), published, "counted twice");
        drop(stream);
    }
}

#[test]
fn at_a_clean_end_no_verdict_is_counted_that_the_broker_has_taken() {
    for qos in 0..=2 {
        let Some(broker) = Broker::start(OPEN) else { return };
        let mut subscriber = broker.subscribe();
        let mut sink = sink(&broker.mqtt(&format!("qos = {qos}")));
        let next = publish_until_one_arrives(&mut sink, &mut subscriber, 0);
        let dropped = sink.dropped();
        let sent = next..next + 40;
        sent.clone().for_each(|sequence| publish(&mut sink, sequence));
        sink.finish();
        assert_eq!(sink.dropped(), dropped, "quality of service {qos}");
        sent.for_each(|sequence| subscriber.wait_for(&verdict(sequence)));
    }
}

#[test]
fn the_last_line_of_a_run_counts_what_a_broker_has_not_taken() {
    let (port, serving) = silent_broker();
    let home = tempdir().unwrap();
    let (purifier, classifier) = models::write_pair(home.path());
    let config = home.path().join("purecam.toml");
    fs::write(&config, format!("[output.mqtt]\nurl = 'mqtt://127.0.0.1:{port}'\nqos = 1\n")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.args(["run", "demo:", "--json", "--frames", "20"]).arg("--config").arg(&config);
    command.arg("--purifier").arg(&purifier).arg("--classifier").arg(&classifier);
    let run = start(command.stdout(Stdio::null()).stderr(Stdio::piped())).unwrap();
    let _stream = serving.join().unwrap();
    let output = run.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("verdicts still waited for it at the end"), "{said}");
    assert!(said.lines().last().unwrap().contains("20 not taken by mqtt"), "{said}");
}

/// One MQTT packet: its first byte and the rest of it.
fn packet(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut byte = || -> io::Result<u8> {
        let mut byte = [0];
        stream.read_exact(&mut byte).map(|()| byte[0])
    };
    let (kind, mut length) = (byte()?, 0);
    for place in 0.. {
        let part = byte()?;
        length |= usize::from(part & 0x7f) << (7 * place);
        if part & 0x80 == 0 {
            break;
        }
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).map(|()| (kind, rest))
}

#[test]
fn a_broker_that_stood_still_gets_no_verdict_that_became_old_meanwhile() {
    const MAX_AGE: Duration = Duration::from_millis(300);
    const PUBLISH: u8 = 0x30;
    let (port, serving) = silent_broker();
    let mqtt: Mqtt = toml::from_str(&format!("url = 'mqtt://127.0.0.1:{port}'\nqos = 1")).unwrap();
    let mut sink = MqttSink::new(&mqtt, HEADER, || "running".to_owned(), MAX_AGE, Arc::new(SystemClock)).unwrap();
    let mut stream = serving.join().unwrap();
    let mut said = Vec::new();
    let mut publish = |sink: &mut MqttSink| {
        let now = SystemClock.now();
        let mut verdict = judgement(&Frame::default(), Duration::ZERO);
        verdict.captured_monotonic_ns = Some(now.as_nanos() as u64);
        let event = Event { verdict, raw: None, staged: None, verdicts: 0, replaced: 0, withheld: 0 };
        let line = format!("{{\"seq\":{}}}\n", said.len()).into_bytes();
        said.push(now);
        sink.publish(&Published { line, event: Some(event) }).unwrap();
        thread::sleep(Duration::from_millis(10));
    };
    // It stands still for a second and a half: sixteen messages are on their way, and no more are sent.
    (0..150).for_each(|_| publish(&mut sink));
    let woke = SystemClock.now();
    let reading = thread::spawn(move || {
        let mut got = Vec::new();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        while let Ok((kind, rest)) = packet(&mut stream) {
            if kind & 0xf0 != PUBLISH {
                continue;
            }
            let topic = 2 + usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            let text = std::str::from_utf8(&rest[topic + 2..]).unwrap();
            stream.write_all(&[0x40, 2, rest[topic], rest[topic + 1]]).unwrap();
            got.extend(
                text.strip_prefix("{\"seq\":").map(|number| number.trim_end_matches('}').parse::<usize>().unwrap()),
            );
            if got.last() == Some(&199) {
                break;
            }
        }
        got
    });
    (0..50).for_each(|_| publish(&mut sink));
    let until = Instant::now() + Duration::from_secs(5);
    while !reading.is_finished() && Instant::now() < until {
        sink.idle().unwrap();
        thread::sleep(Duration::from_millis(10));
    }
    drop(sink);
    let got = reading.join().unwrap();
    // What was sent or being sent when it fell asleep, which was young then.
    let asleep = got.iter().take_while(|number| woke.saturating_sub(said[**number]) > Duration::from_secs(1)).count();
    assert!(asleep <= 24, "{asleep} of {got:?}");
    let old: Vec<_> = got[asleep..].iter().filter(|number| woke > said[**number] + MAX_AGE).collect();
    assert!(old.is_empty(), "{old:?} of {got:?} were old when the broker woke up");
    assert_eq!(got.last(), Some(&199), "{got:?}");
}

/// A file that only its owner can read.
fn secret(path: PathBuf, content: &str) -> PathBuf {
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn a_password_opens_a_broker_and_a_wrong_one_is_named_in_the_log() {
    let folder = tempdir().unwrap();
    let passwords = folder.path().join("passwords");
    let mut make = Command::new("mosquitto_passwd");
    let Ok(mut made) = start(make.args(["-c", "-b"]).arg(&passwords).args(["robot", "right"])) else {
        eprintln!("skipped: mosquitto is not installed");
        return;
    };
    assert!(made.wait().unwrap().success());
    let settings = format!("allow_anonymous false\npassword_file {}\n", passwords.display());
    let Some(broker) = Broker::start(&settings) else { return };
    let word = secret(folder.path().join("word"), "right\nnot this\n");
    let settings = format!("username = 'robot'\npassword_file = '{}'", word.display());
    let mut subscriber = broker.subscribe_with(&["-u", "robot", "-P", "right"]);
    publish_until_one_arrives(&mut sink(&broker.mqtt(&settings)), &mut subscriber, 0);
    secret(word, "wrong\n");
    let mut locked_out = sink(&broker.mqtt(&settings));
    wait_for_log(&[&broker.port.to_string(), "return code"]);
    publish(&mut locked_out, 7);
    assert_eq!(locked_out.dropped(), 1);
}

/// A certificate authority, and a broker's key and certificate by it.
fn authority(folder: &Path, name: &str) {
    let script = format!(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN={name}' -keyout {name}.key -out {name}.pem && \
         openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout server.key -out server.csr && \
         printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > server.ext && \
         openssl x509 -req -in server.csr -CA {name}.pem -CAkey {name}.key -CAcreateserial -days 2 -extfile server.ext \
         -out server.pem"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::piped());
    let made = start(&mut command).unwrap().wait_with_output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn tls_trusts_the_authority_that_it_is_given_and_no_other() {
    let folder = tempdir().unwrap();
    let Ok(mut version) = start(Command::new("openssl").arg("version").stdout(Stdio::null())) else {
        eprintln!("skipped: openssl is not installed");
        return;
    };
    version.wait().unwrap();
    authority(folder.path(), "stranger");
    authority(folder.path(), "friend");
    let here = folder.path().display();
    let settings = format!("{OPEN}cafile {here}/friend.pem\ncertfile {here}/server.pem\nkeyfile {here}/server.key\n");
    let Some(broker) = Broker::start(&settings) else { return };
    let mqtt = |host: &str, authority: &str| -> Mqtt {
        let text = format!("url = 'mqtts://{host}:{}'\nca_file = '{here}/{authority}.pem'", broker.port);
        toml::from_str(&text).unwrap()
    };
    let trusted = format!("{here}/friend.pem");
    for host in ["localhost", "127.0.0.1"] {
        let mut subscriber = broker.subscribe_with(&["--cafile", &trusted]);
        publish_until_one_arrives(&mut sink(&mqtt(host, "friend")), &mut subscriber, 0);
    }
    let mut deceived = sink(&mqtt("localhost", "stranger"));
    wait_for_log(&[&broker.port.to_string(), "certificate"]);
    publish(&mut deceived, 7);
    assert_eq!(deceived.dropped(), 1);
}

#[test]
fn what_can_never_work_is_refused_with_its_key() {
    let folder = tempdir().unwrap();
    let mqtt = |more: &str| -> Mqtt { toml::from_str(&format!("url = 'mqtts://broker'\n{more}")).unwrap() };
    let word = secret(folder.path().join("word"), "hidden");
    let with_word = format!("username = 'robot'\npassword_file = '{}'\n", word.display());
    let cases = [
        ("topic = 'a/#'", "topic is 'a/#'"),
        ("qos = 3", "qos is 3"),
        ("password_file = 'word'", "username"),
        ("username = 'robot'\npassword_file = '/nowhere/word'", "/nowhere/word cannot be read"),
        ("ca_file = '/nowhere/ca.pem'", "/nowhere/ca.pem"),
        (&format!("ca_file = '{}'", word.display()), "has no certificate"),
    ];
    for (more, part) in cases {
        let error = refused(&mqtt(more)).to_string();
        assert!(error.contains(part), "{more}: {error}");
    }
    fs::set_permissions(&word, fs::Permissions::from_mode(0o644)).unwrap();
    let error = refused(&mqtt(&with_word)).to_string();
    assert!(error.contains("mode 0644"), "{error}");
}
