//! The built-in demonstration: seven free photographs, moving as a camera would see them, attacked every few seconds.
//!
//! The attack is a picture of the same size as the frame, `perturbation-*.png` in this folder, one for each photograph. It is
//! added to the finished frame, after the motion: an attacker between the camera and the models would do the same, and
//! this keeps the perturbation exact. `PERTURBATIONS.md` says how the perturbations were made.

use std::sync::Arc;
use std::time::Duration;

use super::rate::Pace;
use super::{BuiltInError, FrameRate, FrameSource, Offer, SourceError};
use crate::frame::{self, Fit, Frame, Picture, Staged};
use crate::time::{Clock, Stop};

/// A photograph of the demonstration.
#[derive(Debug)]
pub struct Photograph {
    /// Its file name in `demo/`.
    pub name: &'static str,
    /// The WordNet identifier of what it shows.
    pub wnid: &'static str,
    /// The photograph itself.
    pub jpeg: &'static [u8],
    /// A PNG, 8-bit RGB: the change of each channel plus 128, which is no change.
    pub perturbation: &'static [u8],
}

macro_rules! photograph {
    ($stem:literal, $wnid:literal) => {
        Photograph {
            name: concat!($stem, ".jpg"),
            wnid: $wnid,
            jpeg: include_bytes!(concat!("../../../demo/", $stem, ".jpg")),
            perturbation: include_bytes!(concat!("perturbation-", $stem, ".png")),
        }
    };
}

/// The photographs, in the order in which they are shown.
pub const PHOTOGRAPHS: [Photograph; 7] = [
    photograph!("garbage-truck", "n03417042"),
    photograph!("french-horn", "n03394916"),
    photograph!("church-white", "n03028079"),
    photograph!("parachute", "n03888257"),
    photograph!("church-facade", "n03028079"),
    photograph!("parachutes", "n03888257"),
    photograph!("church-tower", "n03028079"),
];

/// How long a photograph is shown: its first half clean, its second half attacked.
pub const SCENE: Duration = Duration::from_secs(8);

/// The demonstration as a source.
pub struct Demo {
    size: [usize; 2],
    photographs: Vec<Picture>,
    perturbations: Vec<Picture>,
    fit: Fit,
    clock: Arc<dyn Clock>,
    rate: FrameRate,
    pace: Pace,
    /// The number of the next frame.
    sequence: u64,
}

impl Demo {
    /// Renders frames of `size`, [height, width] in pixels, at a steady rate. The size is the models' own, so that
    /// nothing between here and the models resamples the perturbation.
    ///
    /// # Errors
    /// A built-in picture is damaged.
    pub fn new(size: [usize; 2], rate: FrameRate, clock: Arc<dyn Clock>) -> Result<Self, SourceError> {
        let mut fit = Fit::new(size);
        let mut photographs = Vec::new();
        let mut perturbations = Vec::new();
        for photograph in &PHOTOGRAPHS {
            let name = photograph.name;
            photographs.push(frame::decode(photograph.jpeg).map_err(|error| damaged(name, error))?);
            let perturbation = frame::decode(photograph.perturbation).map_err(|error| damaged(name, error))?;
            // Made for the shipped models' size; for others it is resampled, and loses some of its effect.
            let rgb = fit.rgb(&perturbation).map_err(|error| damaged(name, error))?.to_vec();
            perturbations.push(Picture { width: size[1] as u32, height: size[0] as u32, rgb });
        }
        Ok(Self { size, photographs, perturbations, fit, clock, rate, pace: Pace::new(rate), sequence: 0 })
    }

    /// Renders the demonstration at `time` after its beginning. After the last photograph it begins again.
    ///
    /// # Errors
    /// A built-in picture is damaged.
    pub fn render(&mut self, time: Duration, picture: &mut Picture) -> Result<Staged, SourceError> {
        let scene = (time.as_nanos() / SCENE.as_nanos()) as usize % PHOTOGRAPHS.len();
        let into_scene = Duration::from_nanos((time.as_nanos() % SCENE.as_nanos()) as u64);
        let attacked = into_scene >= SCENE / 2;
        self.render_clean(scene, into_scene, picture)?;
        if attacked {
            add(picture, &self.perturbations[scene]);
        }
        Ok(Staged { photograph: PHOTOGRAPHS[scene].name, wnid: PHOTOGRAPHS[scene].wnid, attacked })
    }

    /// Renders a photograph without its perturbation, as the camera sees it at `into_scene` after its scene began. A
    /// photograph moves the same way every time, so these are all the frames that its perturbation has to work on.
    ///
    /// # Errors
    /// A built-in picture is damaged.
    pub fn render_clean(
        &mut self,
        photograph: usize,
        into_scene: Duration,
        picture: &mut Picture,
    ) -> Result<(), SourceError> {
        let scene = photograph % PHOTOGRAPHS.len();
        let source = &self.photographs[scene];
        let view = view(SCENE * scene as u32 + into_scene, self.size, [source.height, source.width]);
        let name = PHOTOGRAPHS[scene].name;
        self.fit.part(source, view, picture).map_err(|error| damaged(name, error))
    }
}

fn damaged(name: &'static str, cause: impl Into<BuiltInError>) -> SourceError {
    SourceError::BuiltIn { name, cause: cause.into() }
}

impl FrameSource for Demo {
    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Offer, SourceError> {
        if !self.pace.wait(&*self.clock, stop) {
            return Ok(Offer::Ended);
        }
        frame.captured = self.clock.now();
        frame.captured_at = self.clock.wall();
        frame.sequence = self.sequence;
        let time = Duration::from_secs_f64(self.sequence as f64 / self.rate.per_second());
        frame.staged = Some(self.render(time, &mut frame.picture)?);
        frame.decoding = self.clock.now().saturating_sub(frame.captured);
        self.sequence += 1;
        Ok(Offer::Frame)
    }
}

/// The part of a photograph that the camera sees at `time`, [left, top, width, height]: a hand-held camera's slow sway,
/// between 82 % and 94 % of the photograph.
fn view(time: Duration, [height, width]: [usize; 2], [photo_height, photo_width]: [u32; 2]) -> [f64; 4] {
    let seconds = time.as_secs_f64();
    let wave = |period: f64, phase: f64| (std::f64::consts::TAU * seconds / period + phase).sin();
    let (photo_height, photo_width) = (f64::from(photo_height), f64::from(photo_width));
    let zoom = 0.88 + 0.06 * wave(11.0, 0.0);
    let scale = zoom * (photo_height / height as f64).min(photo_width / width as f64);
    let (part_height, part_width) = (scale * height as f64, scale * width as f64);
    let left = (photo_width - part_width) * (0.5 + 0.5 * wave(7.0, 1.0));
    let top = (photo_height - part_height) * (0.5 + 0.5 * wave(9.0, 2.0));
    [left, top, part_width, part_height]
}

/// Adds a perturbation to a picture of its size, staying within what a camera could deliver.
fn add(picture: &mut Picture, perturbation: &Picture) {
    for (value, change) in picture.rgb.iter_mut().zip(&perturbation.rgb) {
        *value = (i16::from(*value) + i16::from(*change) - 128).clamp(0, 255) as u8;
    }
}
