//! The device's side of USB/IP: what the kernel's `vhci_hcd` asks of a USB device, over one half of a socket pair.
//!
//! `vhci_hcd` is a USB host controller without a plug. It is given a socket and a port; every transfer that a driver
//! submits to the device at that port arrives on the socket as a command of 48 bytes, big-endian, and is answered there.
//! Documentation/usb/usbip_protocol.rst of the kernel's sources describes the packets.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::Outcome;

const CONTROLLER: &str = "/sys/devices/platform/vhci_hcd.0";
const HEADER: usize = 48;
const CMD_SUBMIT: u32 = 1;
const CMD_UNLINK: u32 = 2;
const RET_SUBMIT: u32 = 3;
const RET_UNLINK: u32 = 4;
/// `enum usb_device_speed`: 480 Mbit/s.
const HIGH_SPEED: u32 = 3;

/// A transfer that a driver has asked for.
pub struct Submit {
    pub sequence: u32,
    pub endpoint: u32,
    /// From the device to the host.
    pub inwards: bool,
    /// Bytes that the host expects or sends.
    pub length: u32,
    pub setup: Setup,
}

/// The eight bytes that begin a control transfer.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub request_type: u8,
    pub request: u8,
    pub value: u16,
    pub index: u16,
    pub length: u16,
}

/// What the host wants.
pub enum Command {
    Submit(Submit),
    /// The transfer of this number is wanted no more.
    Unlink {
        sequence: u32,
        victim: u32,
    },
}

/// How a transfer ended.
pub enum Status {
    Done,
    /// The device does not know the request (EPIPE).
    Stalled,
}

/// A device at a port of the virtual controller.
pub struct Link {
    port: u32,
    socket: UnixStream,
    received: Vec<u8>,
}

impl Link {
    /// Plugs a device into a port.
    pub fn attach(port: u32) -> Outcome<Self> {
        let (socket, kernels) = UnixStream::pair().map_err(|error| format!("no socket pair: {error}"))?;
        let device = (1 << 16) + port + 1;
        let request = format!("{port} {} {device} {HIGH_SPEED}", kernels.as_raw_fd());
        // The kernel takes a reference of its own, so that this process's half can be closed.
        crate::vivid::write(&format!("{CONTROLLER}/attach"), &request)?;
        Ok(Self { port, socket, received: Vec::new() })
    }

    /// Pulls it out.
    pub fn detach(self) -> Outcome {
        crate::vivid::write(&format!("{CONTROLLER}/detach"), &self.port.to_string())
    }

    /// The next command; nothing where there is none within `patience`. The controller's hanging up is an error.
    pub fn receive(&mut self, patience: Duration) -> Outcome<Option<Command>> {
        if let Some(command) = self.take_command() {
            return Ok(Some(command));
        }
        let patience = patience.max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(patience)).map_err(|error| error.to_string())?;
        let mut bytes = [0; 4096];
        match self.socket.read(&mut bytes) {
            Ok(0) => Err("the controller let go of the device".to_owned()),
            Ok(count) => {
                self.received.extend_from_slice(&bytes[..count]);
                Ok(self.take_command())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(format!("the controller cannot be heard: {error}")),
        }
    }

    fn take_command(&mut self) -> Option<Command> {
        let header: [u8; HEADER] = self.received.get(..HEADER)?.try_into().ok()?;
        let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let pair = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let sequence = word(4);
        match word(0) {
            CMD_UNLINK => {
                self.received.drain(..HEADER);
                Some(Command::Unlink { sequence, victim: word(20) })
            }
            CMD_SUBMIT => {
                let (inwards, endpoint, length) = (word(12) == 1, word(16), word(24));
                let payload = if inwards { 0 } else { length as usize };
                if self.received.len() < HEADER + payload {
                    return None;
                }
                self.received.drain(..HEADER + payload);
                let setup = Setup {
                    request_type: header[40],
                    request: header[41],
                    value: pair(42),
                    index: pair(44),
                    length: pair(46),
                };
                Some(Command::Submit(Submit { sequence, endpoint, inwards, length, setup }))
            }
            unknown => unreachable!("USB/IP knows no command {unknown}"),
        }
    }

    /// Answers a transfer to the device that took all of it, or one to the host with its data.
    pub fn answer(&mut self, submit: &Submit, status: &Status, data: &[u8]) -> Outcome {
        let (error, actual) = match status {
            Status::Stalled => (-libc::EPIPE, 0),
            Status::Done if submit.inwards => (0, data.len() as u32),
            Status::Done => (0, submit.length),
        };
        let mut packet = Vec::with_capacity(HEADER + data.len());
        packet.extend(RET_SUBMIT.to_be_bytes());
        packet.extend(submit.sequence.to_be_bytes());
        packet.extend([0; 12]);
        packet.extend(error.to_be_bytes());
        packet.extend(actual.to_be_bytes());
        packet.resize(HEADER, 0);
        packet.extend(data);
        self.send(&packet)
    }

    /// Says whether a transfer could still be taken back.
    pub fn answer_unlink(&mut self, sequence: u32, taken_back: bool) -> Outcome {
        let mut packet = Vec::with_capacity(HEADER);
        packet.extend(RET_UNLINK.to_be_bytes());
        packet.extend(sequence.to_be_bytes());
        packet.extend([0; 12]);
        packet.extend((if taken_back { -libc::ECONNRESET } else { 0 }).to_be_bytes());
        packet.resize(HEADER, 0);
        self.send(&packet)
    }

    fn send(&mut self, packet: &[u8]) -> Outcome {
        self.socket.write_all(packet).map_err(|error| format!("the controller cannot be told: {error}"))
    }
}
