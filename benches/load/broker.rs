//! A mosquitto that goes away and comes back.

use std::error::Error;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub struct Broker {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Broker {
    pub const MISSING: &str = "it needs mosquitto, and a build with --features mqtt";

    /// Nothing where mosquitto is not installed, or the service would not speak to it.
    pub fn start() -> Result<Option<Self>, Box<dyn Error>> {
        if !cfg!(feature = "mqtt") || Command::new("mosquitto").arg("-h").stdout(Stdio::null()).status().is_err() {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = format!("listener {port} 127.0.0.1\npersistence false\nallow_anonymous true\nuser root\n");
        fs::write(folder.path().join("mosquitto.conf"), settings)?;
        let child = spawn(&folder, port)?;
        Ok(Some(Self { child, port, folder }))
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    pub fn go_away(&mut self) {
        // Where it has gone by itself there is nothing left to do.
        self.child.kill().ok();
        self.child.wait().ok();
    }

    pub fn come_back(&mut self) -> Result<(), Box<dyn Error>> {
        self.child = spawn(&self.folder, self.port)?;
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.go_away();
    }
}

/// Starts it, and waits until it listens.
fn spawn(folder: &TempDir, port: u16) -> Result<Child, Box<dyn Error>> {
    let mut child = Command::new("mosquitto")
        .arg("-c")
        .arg(folder.path().join("mosquitto.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if child.try_wait()?.is_some() || began.elapsed() > Duration::from_secs(20) {
            return Err("mosquitto does not start".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(child)
}
