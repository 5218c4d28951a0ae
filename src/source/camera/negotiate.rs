//! Which of a camera's formats, sizes and rates to request, and whether the driver agrees to them.
//!
//! [`modes`] asks the driver for its modes, [`rank`] puts them in order, [`agree`] goes down that order until the
//! driver keeps its word. Ranking is a pure function, so that `purecam probe` shows what `purecam run` would do.

use super::device::{Agreed, Device, Fraction, Intervals, Sizes};
use super::fault::{Doing, fault};
use super::pixels::{Layout, PixelFormat};
use super::wanted::Wanted;
use crate::source::{Fault, FrameRate, Reason};

/// A rate reaches the wanted one if it is not lower by more than this share (29.97 counts as 30).
const RATE_TOLERANCE: f64 = 0.01;
/// How many of the best modes are tried. A driver that agrees to none of them will not agree to the rest.
const ATTEMPTS: usize = 8;
/// The most pixels of a frame. A broken driver could otherwise make purecam allocate gigabytes.
const MAX_PIXELS: u64 = 100_000_000;

/// A format and size that a camera offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Mode {
    /// A readable format.
    pub format: PixelFormat,
    /// Its sizes.
    pub sizes: Sizes,
    /// The intervals of each size of a list, or of that size of a range that is nearest to the wanted one.
    pub intervals: Vec<([u32; 2], Intervals)>,
}

/// A mode to request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The pixel format.
    pub format: PixelFormat,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The time between frames; `None` if the driver does not report it.
    pub interval: Option<Fraction>,
    /// The driver listed this size. If it did not, it may answer with another.
    pub firm: bool,
}

impl Candidate {
    /// Frames per second, if known.
    pub fn rate(&self) -> Option<f64> {
        self.interval.and_then(Fraction::rate)
    }
}

/// Asks a camera for its modes. A camera without a readable format is a fault.
pub fn modes(device: &mut dyn Device, wanted: &Wanted, name: &str) -> Result<Vec<Mode>, Fault> {
    let asking = |error| fault(name, Doing::Asking, error);
    let found = device.formats().map_err(asking)?;
    let mut modes = Vec::new();
    for format in found.iter().copied().filter_map(PixelFormat::of) {
        let sizes = device.sizes(format.fourcc()).map_err(asking)?;
        let listed = match &sizes {
            Sizes::List(sizes) => sizes.clone(),
            sizes => vec![nearest_size(sizes, wanted.size())],
        };
        let mut intervals = Vec::new();
        for [width, height] in listed {
            intervals.push(([width, height], device.intervals(format.fourcc(), width, height).map_err(asking)?));
        }
        modes.push(Mode { format, sizes, intervals });
    }
    if modes.is_empty() {
        let found: Vec<String> =
            found.into_iter().map(|code| String::from_utf8_lossy(&code.repr).into_owned()).collect();
        let found = if found.is_empty() { "none at all".to_owned() } else { found.join(", ") };
        let readable = PixelFormat::ALL.map(PixelFormat::name).join(", ");
        let detail = format!("offers no format that can be read: found {found}; expected one of {readable}");
        return Err(unusable(name, detail));
    }
    Ok(modes)
}

/// The modes that fit what is wanted, best first.
///
/// The criteria, most important first: colours; the nearest size; the wanted rate, or else the highest; raw rather than
/// compressed; no more frames than wanted; the format that is cheapest to read.
pub fn rank(modes: &[Mode], wanted: &Wanted) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = modes
        .iter()
        .filter(|mode| wanted.format.is_none_or(|format| format == mode.format))
        .flat_map(|mode| {
            let firm = mode.sizes != Sizes::Unknown;
            let candidate = move |([width, height], intervals): &([u32; 2], Intervals)| Candidate {
                format: mode.format,
                width: *width,
                height: *height,
                interval: nearest_interval(intervals, wanted.rate()),
                firm,
            };
            mode.intervals.iter().map(candidate)
        })
        .filter(|candidate| !candidate.firm || wanted.accepts_size([candidate.width, candidate.height]))
        .filter(|candidate| u64::from(candidate.width) * u64::from(candidate.height) <= MAX_PIXELS)
        .collect();
    candidates.sort_by(|a, b| cost(a, wanted).partial_cmp(&cost(b, wanted)).unwrap_or(std::cmp::Ordering::Equal));
    candidates
}

/// The best mode that fits what is wanted, or the fault that there is none.
pub fn best(modes: &[Mode], wanted: &Wanted, name: &str) -> Result<Candidate, Fault> {
    rank(modes, wanted).first().copied().ok_or_else(|| nothing_fits(modes, wanted, name))
}

fn nothing_fits(modes: &[Mode], wanted: &Wanted, name: &str) -> Fault {
    unusable(name, format!("offers no {wanted}; it offers {}", list(modes)))
}

/// In words, why a candidate is the best.
pub fn why(candidate: &Candidate, wanted: &Wanted) -> String {
    let [width, height] = wanted.size();
    let rate = wanted.rate();
    let requested = |is: bool| if is { "the requested size" } else { "the default size" };
    let size = match [candidate.width, candidate.height] == [width, height] {
        true => format!("{width}x{height} is {}", requested(wanted.width.or(wanted.height).is_some())),
        false => format!("the nearest to {width}x{height}"),
    };
    let speed = match candidate.rate() {
        None => "its rate is unknown".to_owned(),
        Some(found) if found >= rate * (1.0 - RATE_TOLERANCE) => format!("{rate} frames/s are reached"),
        Some(_) => format!("{rate} frames/s are not reached, this is the highest rate"),
    };
    let format = match candidate.format {
        format if wanted.format == Some(format) => "the requested format",
        PixelFormat::Mjpg => "no raw format does as well",
        PixelFormat::Grey => "no format with colours is offered",
        _ => "raw, so nothing needs to be decoded",
    };
    format!("{size}; {speed}; {format}")
}

/// What speaks against a mode, the most important first.
fn cost(candidate: &Candidate, wanted: &Wanted) -> (bool, u32, f64, bool, f64, PixelFormat) {
    let ([width, height], rate) = (wanted.size(), wanted.rate());
    let distance = candidate.width.abs_diff(width) + candidate.height.abs_diff(height);
    let (too_slow, too_fast) = match candidate.rate() {
        Some(found) if found >= rate * (1.0 - RATE_TOLERANCE) => (0.0, found - rate),
        Some(found) => (rate - found, 0.0),
        None => (0.0, 0.0),
    };
    let compressed = candidate.format == PixelFormat::Mjpg;
    (candidate.format == PixelFormat::Grey, distance, too_slow, compressed, too_fast, candidate.format)
}

fn nearest_size(sizes: &Sizes, size: [u32; 2]) -> [u32; 2] {
    let Sizes::Range { least, most, step } = sizes else { return size };
    [0, 1].map(|side| {
        let steps = size[side].clamp(least[side], most[side].max(least[side])) - least[side];
        least[side] + steps / step[side].max(1) * step[side].max(1)
    })
}

/// The interval whose rate is nearest to `rate`; one that reaches it is preferred to one that does not.
fn nearest_interval(intervals: &Intervals, rate: f64) -> Option<Fraction> {
    match intervals {
        Intervals::Unknown => None,
        Intervals::Range { least, most } => {
            let (fastest, slowest) = (least.rate()?, most.rate()?);
            Some(if rate >= fastest {
                *least
            } else if rate <= slowest {
                *most
            } else {
                Fraction::of_rate(rate)
            })
        }
        Intervals::List(list) => {
            let distance = |interval: &Fraction| {
                let found = interval.rate()?;
                Some((found < rate * (1.0 - RATE_TOLERANCE), (found - rate).abs()))
            };
            let known = list.iter().filter_map(|interval| Some((distance(interval)?, *interval)));
            known.min_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal)).map(|(_, best)| best)
        }
    }
}

/// What a camera and purecam agreed to.
#[derive(Clone, Copy, Debug)]
pub struct Agreement {
    /// Format, size and arrangement of the frames.
    pub layout: Layout,
    /// Frames per second; `None` if the driver does not report it.
    pub rate: Option<f64>,
}

/// Sets the best mode that the driver really gives, and then the rate, which the size may have changed.
pub fn agree(device: &mut dyn Device, wanted: &Wanted, name: &str) -> Result<Agreement, Fault> {
    let modes = modes(device, wanted, name)?;
    let candidates = rank(&modes, wanted);
    let mut objection = None;
    for candidate in candidates.iter().take(ATTEMPTS) {
        let Candidate { format, width, height, .. } = *candidate;
        let agreed = match device.set_format(format.fourcc(), width, height) {
            Ok(agreed) => agreed,
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                objection = Some(format!("refuses {} {width}x{height}", format.name()));
                continue;
            }
            Err(error) => return Err(fault(name, Doing::SettingUp, error)),
        };
        match check(candidate, &agreed, wanted) {
            Ok(layout) => {
                let rate = set_rate(device, candidate, wanted, name)?;
                return Ok(Agreement { layout, rate });
            }
            Err(problem) => {
                let problem = format!("was asked for {} {width}x{height} and {problem}", format.name());
                log::debug!("{name} {problem}");
                objection.get_or_insert(problem);
            }
        }
    }
    Err(objection.map_or_else(|| nothing_fits(&modes, wanted, name), |objection| unusable(name, objection)))
}

fn set_rate(device: &mut dyn Device, candidate: &Candidate, wanted: &Wanted, name: &str) -> Result<Option<f64>, Fault> {
    let interval = candidate.interval.or_else(|| wanted.fps.map(|rate| Fraction::of_rate(rate.per_second())));
    let rate = device
        .set_interval(interval)
        .map_err(|error| fault(name, Doing::SettingUp, error))?
        .and_then(Fraction::rate)
        .or(candidate.rate());
    if let (Some(asked), Some(rate)) = (wanted.fps.map(FrameRate::per_second), rate)
        && (rate - asked).abs() > asked * RATE_TOLERANCE
    {
        log::warn!("{name} gives {rate:.1} frames per second instead of {asked:.1}");
    }
    Ok(rate)
}

/// Compares the driver's choice with the request.
fn check(candidate: &Candidate, agreed: &Agreed, wanted: &Wanted) -> Result<Layout, String> {
    let Agreed { width, height, .. } = *agreed;
    let same_size = [width, height] == [candidate.width, candidate.height];
    let fits = same_size || !candidate.firm && wanted.accepts_size([width, height]);
    if agreed.format != candidate.format.fourcc() || !fits {
        return Err(format!("chose {} {width}x{height}", String::from_utf8_lossy(&agreed.format.repr)));
    }
    if width == 0 || height == 0 || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!("chose an impossible size, {width}x{height}"));
    }
    if !matches!(agreed.field, ANY_FIELD | PROGRESSIVE | INTERLACED | INTERLACED_TB | INTERLACED_BT) {
        return Err("gives each frame as two half pictures, which is not supported".to_owned());
    }
    let least = candidate.format.least_stride(width).unwrap_or(0);
    if least > 0 && agreed.bytes_per_line != 0 && agreed.bytes_per_line < least {
        return Err(format!("chose lines of {} bytes; {least} are needed", agreed.bytes_per_line));
    }
    let layout = Layout::new(candidate.format, agreed);
    if (agreed.size_image as usize) < layout.least_bytes() {
        return Err(format!("chose frames of {} bytes; {} are needed", agreed.size_image, layout.least_bytes()));
    }
    Ok(layout)
}

/// Values of `enum v4l2_field` that mean whole frames, however their lines were captured.
const ANY_FIELD: u32 = 0;
const PROGRESSIVE: u32 = 1;
const INTERLACED: u32 = 4;
const INTERLACED_TB: u32 = 8;
const INTERLACED_BT: u32 = 9;

/// A camera's modes in words.
fn list(modes: &[Mode]) -> String {
    let sizes = |mode: &Mode| match &mode.sizes {
        Sizes::Unknown => "in sizes that it does not name".to_owned(),
        Sizes::Range { least, most, .. } => format!("{}x{} to {}x{}", least[0], least[1], most[0], most[1]),
        Sizes::List(sizes) => {
            sizes.iter().map(|[width, height]| format!("{width}x{height}")).collect::<Vec<_>>().join(" ")
        }
    };
    modes.iter().map(|mode| format!("{} {}", mode.format.name(), sizes(mode))).collect::<Vec<_>>().join(", ")
}

fn unusable(name: &str, detail: String) -> Fault {
    Fault::new(Reason::Format, name, detail)
}
