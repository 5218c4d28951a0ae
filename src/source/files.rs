//! Frames from files: an image, the images of a folder in the order of their names, or a Motion JPEG file.
//!
//! Each is offered once, at a steady rate, and then the stream ends. Images that cannot be decoded are skipped and
//! named.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::rate::Pace;
use super::{FrameRate, FrameSource, Offer, SkipCause, Skipped, SourceError};
use crate::frame::listing::{self, Entry};
use crate::frame::{self, Frame, JpegStream, Picture};
use crate::time::{Clock, Stop};

/// The images of a folder and of the folders in it, sorted by path. Links to folders are not followed; hidden files and
/// folders, whose names begin with a dot, do not count.
///
/// # Errors
/// A folder that cannot be read, or without a single image.
pub fn images_in(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let mut images = Vec::new();
    collect(folder, &mut images)?;
    if images.is_empty() {
        return Err(SourceError::NoImages { path: folder.to_owned(), extensions: frame::EXTENSIONS.join(", ") });
    }
    images.sort();
    Ok(images)
}

fn collect(folder: &Path, images: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let failed = |cause| SourceError::Read { path: folder.to_owned(), cause };
    for Entry { path, .. } in listing::entries(folder).map_err(failed)? {
        if fs::symlink_metadata(&path).map_err(failed)?.is_dir() {
            collect(&path, images)?;
        } else if frame::is_image(&path) {
            images.push(path);
        }
    }
    Ok(())
}

/// Frames from files, at a steady rate.
pub struct Files {
    kind: Kind,
    clock: Arc<dyn Clock>,
    pace: Pace,
    /// The number of the next frame.
    sequence: u64,
}

enum Kind {
    /// The images that are left, the next one last.
    Images(Vec<PathBuf>),
    /// What is left of a Motion JPEG file.
    MotionJpeg(JpegStream<File>),
}

impl Files {
    /// Opens an image, a folder or a Motion JPEG file, to be offered at a steady rate.
    ///
    /// # Errors
    /// A path that cannot be read, that is neither a file nor a folder, or without an image.
    pub fn open(path: &Path, rate: FrameRate, clock: Arc<dyn Clock>) -> Result<Self, SourceError> {
        let read = |cause| SourceError::Read { path: path.to_owned(), cause };
        let kind_of_file = fs::metadata(path).map_err(read)?.file_type();
        if !kind_of_file.is_dir() && !kind_of_file.is_file() {
            return Err(SourceError::NotAFile(path.to_owned()));
        }
        let kind = if kind_of_file.is_dir() {
            let mut images = images_in(path)?;
            images.reverse();
            Kind::Images(images)
        } else if is_motion_jpeg(path).map_err(read)? {
            Kind::MotionJpeg(JpegStream::new(File::open(path).map_err(read)?))
        } else {
            frame::read(path).map_err(|cause| SourceError::NotAnImage { path: path.to_owned(), cause })?;
            Kind::Images(vec![path.to_owned()])
        };
        Ok(Self { kind, clock, pace: Pace::new(rate), sequence: 0 })
    }

    /// The next picture, or what is wrong with it; `None` at the end.
    fn read(&mut self) -> Option<Result<Picture, String>> {
        match &mut self.kind {
            Kind::Images(images) => {
                let path = images.pop()?;
                Some(frame::read(&path).map_err(|error| format!("{} {error}", path.display())))
            }
            Kind::MotionJpeg(stream) => match stream.next_image() {
                Ok(bytes) => Some(frame::decode(bytes?).map_err(|error| format!("frame {} {error}", self.sequence))),
                // The rest of a file that can no longer be read cannot be skipped: the stream ends with the reason.
                Err(error) => {
                    self.kind = Kind::Images(Vec::new());
                    Some(Err(format!("the stream broke off at frame {}: {error}", self.sequence)))
                }
            },
        }
    }
}

impl FrameSource for Files {
    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Offer, SourceError> {
        if !self.pace.wait(&*self.clock, stop) {
            return Ok(Offer::Ended);
        }
        let (captured, captured_at) = (self.clock.now(), self.clock.wall());
        let Some(outcome) = self.read() else { return Ok(Offer::Ended) };
        let sequence = self.sequence;
        self.sequence += 1;
        Ok(match outcome {
            Ok(picture) => {
                let decoding = self.clock.now().saturating_sub(captured);
                *frame = Frame { picture, sequence, captured, captured_at, decoding, staged: None };
                Offer::Frame
            }
            Err(problem) => Offer::Skipped(Skipped { cause: SkipCause::Corrupt, problem }),
        })
    }
}

/// Whether a file holds more than one JPEG image: by its name, or because it begins with one and a second follows.
fn is_motion_jpeg(path: &Path) -> std::io::Result<bool> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    if extension.is_some_and(|extension| matches!(extension.as_str(), "mjpeg" | "mjpg")) {
        return Ok(true);
    }
    let mut beginning = Vec::new();
    File::open(path)?.take(3).read_to_end(&mut beginning)?;
    if frame::is_image(path) || beginning != [0xFF, 0xD8, 0xFF] {
        return Ok(false);
    }
    let mut stream = JpegStream::new(File::open(path)?);
    Ok(stream.next_image()?.is_some() && stream.next_image()?.is_some())
}
