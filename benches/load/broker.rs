//! A mosquitto that goes away and comes back.

use std::error::Error;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A broker on a port of its own.
pub struct Broker {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Broker {
    /// Why there is none.
    pub const MISSING: &str = "it needs mosquitto, and a build with --features mqtt";

    /// Starts it. `None` if mosquitto is not installed, or the service was built without MQTT.
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

    /// Its URL, for the service's configuration.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Ends it.
    pub fn go_away(&mut self) {
        // If it has ended by itself, there is nothing left to do.
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Starts it again on the same port.
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
            return Err("mosquitto did not start".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(child)
}
