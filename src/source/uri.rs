//! A source as the user writes it: `camera:`, `camera:WHICH`, `file:PATH` or `demo:`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::camera::Which;
use crate::frame;

/// Which source to open. Read from its text once, where the text enters the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SourceUri {
    /// `camera:` for the first camera, or `camera:WHICH`.
    Camera(Which),
    /// `file:PATH`: an image, a folder of images or a Motion JPEG file.
    File(PathBuf),
    /// `demo:`, the built-in demonstration.
    Demo,
}

impl SourceUri {
    /// The accepted forms, to follow the word "expected".
    pub const EXPECTED: &str = "'camera:' (the first camera), 'camera:WHICH' (a path, a name or a number), 'file:PATH' \
                                (an image, a folder of images, a Motion JPEG file) or 'demo:'";
}

/// A text that is not a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a source: {advice}", advice = SourceUri::meant_by(.0).unwrap_or_else(|| format!("expected {}", SourceUri::EXPECTED)))]
pub struct NotASource(String);

impl SourceUri {
    /// What somebody should write who wrote `text`, which is no source; `None` if it does not say what was meant.
    pub fn meant_by(text: &str) -> Option<String> {
        let is_file = || frame::is_image(Path::new(text)) || text.contains('/') || Path::new(text).exists();
        let write = match text {
            "demo" => "demo:".to_owned(),
            "camera" => "camera:".to_owned(),
            _ if text.starts_with("/dev/") || text.parse::<u32>().is_ok() => format!("camera:{text}"),
            _ if text.contains("://") => {
                return Some(
                    "network cameras are not read; let another program write their pictures to a file or to a V4L2 loopback \
                     device, and name that"
                        .to_owned(),
                );
            }
            "" => return None,
            _ if is_file() => format!("file:{text}"),
            _ => return None,
        };
        Some(format!("write '{write}'"))
    }
}

impl FromStr for SourceUri {
    type Err = NotASource;

    fn from_str(text: &str) -> Result<Self, NotASource> {
        match text.split_once(':') {
            Some(("camera", which)) => Ok(Self::Camera(Which::parse(which))),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("demo", "")) => Ok(Self::Demo),
            _ => Err(NotASource(text.to_owned())),
        }
    }
}

/// The canonical text, which is read back as the same source. A path that is not UTF-8 is shown with replacement
/// characters; none comes from a configuration.
impl fmt::Display for SourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Camera(which) => write!(f, "camera:{which}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Demo => f.write_str("demo:"),
        }
    }
}

impl TryFrom<String> for SourceUri {
    type Error = NotASource;

    fn try_from(text: String) -> Result<Self, NotASource> {
        text.parse()
    }
}

impl From<SourceUri> for String {
    fn from(source: SourceUri) -> Self {
        source.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_as_the_same_source() {
        let cases = [
            ("camera:", SourceUri::Camera(Which::First), "camera:"),
            ("camera:3", SourceUri::Camera(Which::Number(3)), "camera:3"),
            ("camera:/dev/video3", SourceUri::Camera(Which::Number(3)), "camera:3"),
            ("camera:Front: left", SourceUri::Camera(Which::Name("Front: left".into())), "camera:Front: left"),
            (
                "camera:/dev/v4l/by-id/a:b",
                SourceUri::Camera(Which::Path("/dev/v4l/by-id/a:b".into())),
                "camera:/dev/v4l/by-id/a:b",
            ),
            ("file:a:b/c.jpg", SourceUri::File("a:b/c.jpg".into()), "file:a:b/c.jpg"),
            ("demo:", SourceUri::Demo, "demo:"),
        ];
        for (text, source, canonical) in cases {
            assert_eq!(text.parse(), Ok(source.clone()), "{text}");
            assert_eq!(source.to_string(), canonical);
            assert_eq!(canonical.parse(), Ok(source), "{canonical}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        let refusal = |text: &str| text.parse::<SourceUri>().unwrap_err().to_string();
        for text in ["", "file:", "demo:1", "Camera:", "-1"] {
            assert!(refusal(text).starts_with(&format!("'{text}' is not a source: expected 'camera:'")), "{text}");
        }
        let meant = [
            ("camera", "camera:"),
            ("demo", "demo:"),
            ("0", "camera:0"),
            ("/dev/video0", "camera:/dev/video0"),
            ("photo.jpg", "file:photo.jpg"),
            ("photos/today", "file:photos/today"),
        ];
        for (text, write) in meant {
            assert_eq!(refusal(text), format!("'{text}' is not a source: write '{write}'"));
        }
        assert!(refusal("rtsp://camera/1").contains("network cameras are not read"));
    }
}
