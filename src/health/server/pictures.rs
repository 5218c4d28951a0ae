//! Pictures for browsers: JPEG, encoded on a thread of its own, once for all viewers and only while there are any.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use jpeg_encoder::{ColorType, Encoder};
use tokio::sync::watch;

use crate::contain::contain;
use crate::service::{Exhibit, Gallery};
use crate::time::Stop;

/// The boundary between the parts of a Motion JPEG stream.
pub(super) const BOUNDARY: &str = "frame";

/// JPEG quality of the raw picture: lower than a camera's, since nothing is measured on it.
const RAW_QUALITY: u8 = 85;

/// JPEG quality of the purified picture: it is small, and the verdict is about it.
const PURIFIED_QUALITY: u8 = 95;

/// Which of a frame's two pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Raw,
    Purified,
}

/// Why a picture cannot be shown.
#[derive(Debug, thiserror::Error)]
enum EncodeError {
    #[error("{width} x {height} pixels are more than JPEG allows, 65535 on a side")]
    Size { width: usize, height: usize },
    #[error(transparent)]
    Jpeg(#[from] jpeg_encoder::EncodingError),
    #[error("the encoder panicked: {0}")]
    Panic(String),
}

/// A picture that is ready to be sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Shot {
    /// The number of its frame.
    pub sequence: u64,
    /// The JPEG file.
    pub jpeg: Bytes,
    /// The same as a part of a Motion JPEG stream, followed by the boundary: browsers show a picture when its part
    /// ends.
    pub part: Bytes,
}

/// The newest pictures.
pub(super) struct Pictures {
    gallery: Arc<Gallery>,
    raw: watch::Sender<Shot>,
    purified: watch::Sender<Shot>,
    encoded: AtomicU64,
}

impl Pictures {
    /// Pictures from the exhibits of `gallery`.
    pub fn new(gallery: Arc<Gallery>) -> Self {
        let (raw, purified) = (watch::Sender::default(), watch::Sender::default());
        Self { gallery, raw, purified, encoded: AtomicU64::new(0) }
    }

    /// How many clients view pictures.
    pub fn viewers(&self) -> usize {
        self.gallery.viewers()
    }

    /// Pictures encoded so far.
    pub fn encoded(&self) -> u64 {
        self.encoded.load(Ordering::Relaxed)
    }

    /// A viewer of the coming pictures. The one before is not shown: it may date from the last time that somebody
    /// looked.
    pub fn look(self: &Arc<Self>, kind: Kind) -> Look {
        let shots = match kind {
            Kind::Raw => self.raw.subscribe(),
            Kind::Purified => self.purified.subscribe(),
        };
        self.gallery.enter();
        Look { shots, pictures: self.clone() }
    }

    /// Encodes until the gallery closes or the end is requested, with at least `interval` between two frames.
    pub fn run(&self, interval: Duration, stop: &Stop) {
        let mut rgb = Vec::new();
        let mut failures: u64 = 0;
        while let Some(exhibit) = self.gallery.newest().take() {
            let began = Instant::now();
            let outcome =
                contain(|| self.show(&exhibit, &mut rgb)).unwrap_or_else(|panic| Err(EncodeError::Panic(panic)));
            if let Err(problem) = outcome {
                failures += 1;
                if failures.is_power_of_two() {
                    log::warn!("cannot encode a picture: {problem} ({failures} so far)");
                }
            }
            self.gallery.newest().give_back(exhibit);
            if !stop.wait(interval.saturating_sub(began.elapsed())) {
                break;
            }
        }
    }

    /// Ends [`run`](Self::run).
    pub fn close(&self) {
        self.gallery.newest().close();
    }

    fn show(&self, exhibit: &Exhibit, rgb: &mut Vec<u8>) -> Result<(), EncodeError> {
        let sequence = exhibit.verdict.seq;
        if self.raw.receiver_count() > 0 {
            let picture = &exhibit.raw;
            let size = [picture.height as usize, picture.width as usize];
            self.raw.send_replace(self.shot(&picture.rgb, size, RAW_QUALITY, sequence)?);
        }
        if self.purified.receiver_count() > 0 {
            interleave(&exhibit.purified, rgb);
            self.purified.send_replace(self.shot(rgb, exhibit.size, PURIFIED_QUALITY, sequence)?);
        }
        Ok(())
    }

    fn shot(&self, rgb: &[u8], [height, width]: [usize; 2], quality: u8, sequence: u64) -> Result<Shot, EncodeError> {
        let (Ok(wide), Ok(high)) = (u16::try_from(width), u16::try_from(height)) else {
            return Err(EncodeError::Size { width, height });
        };
        let mut jpeg = Vec::with_capacity(rgb.len() / 8);
        Encoder::new(&mut jpeg, quality).encode(rgb, wide, high, ColorType::Rgb)?;
        self.encoded.fetch_add(1, Ordering::Relaxed);
        let length = jpeg.len();
        let head = format!("Content-Type: image/jpeg\r\nContent-Length: {length}\r\nPurecam-Frame: {sequence}\r\n\r\n");
        let part = Bytes::from([head.as_bytes(), &jpeg, format!("\r\n--{BOUNDARY}\r\n").as_bytes()].concat());
        Ok(Shot { sequence, jpeg: part.slice(head.len()..head.len() + length), part })
    }
}

/// Planes in 0..1, [3, height, width], as bytes, [height, width, 3].
fn interleave(planes: &[f32], rgb: &mut Vec<u8>) {
    let (red, others) = planes.split_at(planes.len() / 3);
    let (green, blue) = others.split_at(others.len() / 2);
    rgb.clear();
    for ((red, green), blue) in red.iter().zip(green).zip(blue) {
        // The conversion saturates.
        rgb.extend([red, green, blue].map(|value| (value * 255.0 + 0.5) as u8));
    }
}

/// A viewer, until dropped.
pub(super) struct Look {
    shots: watch::Receiver<Shot>,
    pictures: Arc<Pictures>,
}

impl Look {
    /// Waits for a picture that this viewer has not seen, and returns the newest. `None` once there are no more.
    pub async fn next(&mut self) -> Option<Shot> {
        self.shots.changed().await.ok()?;
        Some(self.shots.borrow_and_update().clone())
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.pictures.gallery.leave();
    }
}
