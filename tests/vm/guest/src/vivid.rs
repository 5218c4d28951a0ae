//! vivid, the kernel's own virtual camera: raw formats, test patterns, and faults that are controls of its node.

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::Outcome;
use crate::clock::wait_for;

/// `V4L2_CID_*` of the driver's own class.
#[derive(Clone, Copy)]
pub enum Control {
    TestPattern = 0x00f0_f000,
    /// 2: no text in the picture.
    OsdTextMode = 0x00f0_f001,
    /// Sequence numbers begin 128 frames before they wrap, from the next start of the stream on.
    WrapSequence = 0x00f0_f026,
    /// Time stamps begin 16 s before they wrap, from the next start of the stream on (5.10: at once).
    WrapTimestamp = 0x00f0_f027,
    PercentageOfDroppedBuffers = 0x00f0_f040,
    Disconnect = 0x00f0_f041,
    BufferError = 0x00f0_f042,
    ReqbufsError = 0x00f0_f043,
    QbufError = 0x00f0_f044,
    StreamonError = 0x00f0_f045,
    FatalStreamingError = 0x00f0_f046,
}

/// `_IOWR('V', 28, struct v4l2_control)`.
const VIDIOC_S_CTRL: libc::c_ulong = 0xc008_561c;
const NODE: &str = "/dev/video0";
const DRIVER: &str = "/sys/bus/platform/drivers/vivid";

/// `struct v4l2_control`.
#[repr(C)]
struct ControlValue {
    id: u32,
    value: i32,
}

/// The driver, which has been loaded, with one camera, `/dev/video0`.
pub struct Vivid(());

impl Vivid {
    /// Loads the driver: one node that captures, as a webcam.
    pub fn load() -> Outcome<Self> {
        modprobe(&["vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0x0"])?;
        let vivid = Self(());
        vivid.wait(true)?;
        limit_its_thread()?;
        Ok(vivid)
    }

    pub fn set(&self, control: Control, value: i32) -> Outcome {
        let node = open(Path::new(NODE))?;
        let mut control = ControlValue { id: control as u32, value };
        // SAFETY: the request is that of a `struct v4l2_control`, which the kernel reads and writes during the call.
        let status = unsafe { libc::ioctl(node.as_raw_fd(), VIDIOC_S_CTRL as _, &raw mut control) };
        match status {
            0 => Ok(()),
            _ => Err(format!("vivid refuses control {:#x} = {value}: {}", control.id, std::io::Error::last_os_error())),
        }
    }

    /// Colour bars without text: the picture that a frame is compared with.
    pub fn show_bars(&self) -> Outcome {
        self.set(Control::TestPattern, 0)?;
        self.set(Control::OsdTextMode, 2)
    }

    /// What a cable that is pulled does.
    pub fn unbind(&self) -> Outcome {
        write(&format!("{DRIVER}/unbind"), "vivid.0")
    }

    pub fn bind(&self) -> Outcome {
        write(&format!("{DRIVER}/bind"), "vivid.0")?;
        self.wait(true)
    }

    /// Whether the driver ends a disconnect when its node is closed: it learnt that after 5.10.
    pub fn comes_back_by_itself(&self) -> Outcome<bool> {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").map_err(|error| error.to_string())?;
        let mut parts = release.split('.').map_while(|part| part.parse::<u32>().ok());
        let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        Ok((major, minor) >= (6, 1))
    }

    /// Until the node is there, or is not.
    fn wait(&self, there: bool) -> Outcome {
        wait_for("vivid's node", Duration::from_secs(20), || Ok((Path::new(NODE).exists() == there).then_some(())))
    }
}

/// vivid's thread waits for the time of its next frame by spinning, which an emulated processor does at the expense of all
/// others. A control group leaves it half of one.
fn limit_its_thread() -> Outcome {
    const GROUPS: &str = "/sys/fs/cgroup";
    let group = format!("{GROUPS}/vivid");
    if Path::new(&group).exists() {
        return Ok(());
    }
    let mounted = Command::new("mount").args(["-t", "cgroup2", "cgroup2", GROUPS]).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return Err(format!("no control groups at {GROUPS}"));
    }
    write(&format!("{GROUPS}/cgroup.subtree_control"), "+cpu")?;
    std::fs::create_dir(&group).map_err(|error| format!("{group} cannot be made: {error}"))?;
    write(&format!("{group}/cpu.max"), "10000 20000")?;
    // Each start of a stream makes a new thread.
    std::thread::spawn(move || {
        let mut newest = 0;
        loop {
            let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
            let numbers = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
            let mut unseen: Vec<u32> = numbers.filter(|number| *number > newest).collect();
            unseen.sort_unstable();
            for number in unseen {
                newest = number;
                let name = std::fs::read_to_string(format!("/proc/{number}/comm")).unwrap_or_default();
                if name.starts_with("vivid-") && name.contains("-vid-c") {
                    // It may have ended in between.
                    let _ = write(&format!("{group}/cgroup.procs"), &number.to_string());
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    Ok(())
}

pub fn modprobe(arguments: &[&str]) -> Outcome {
    match Command::new("modprobe").args(arguments).output() {
        Err(error) => Err(format!("modprobe cannot be started: {error}")),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("modprobe {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr))),
    }
}

pub fn write(path: &str, text: &str) -> Outcome {
    std::fs::write(path, text).map_err(|error| format!("{path} does not take '{text}': {error}"))
}

fn open(path: &Path) -> Outcome<File> {
    let opened = OpenOptions::new().read(true).write(true).open(path);
    opened.map_err(|error| format!("{} cannot be opened: {error}", path.display()))
}
