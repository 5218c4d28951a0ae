//! Where in a camera's picture the models look, and how that part gets their proportions.

use serde::{Deserialize, Serialize};

use super::resample::Part;

/// How a part of other proportions than the models' picture becomes that picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proportions {
    /// The largest centred part with the models' proportions; what lies beside it is not seen.
    #[default]
    Crop,
    /// The whole part, with grey bars beside it.
    Pad,
    /// The whole part, stretched.
    Stretch,
}

/// A mirrored picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flip {
    /// As it is.
    #[default]
    None,
    /// Left and right exchanged.
    Horizontal,
    /// Top and bottom exchanged.
    Vertical,
}

/// Where the models look: the picture is turned, then mirrored, then the region is cut from it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Framing {
    /// Left, top, width and height as shares of the turned and mirrored picture.
    pub region: [f64; 4],
    /// How the region gets the models' proportions.
    pub fit: Proportions,
    /// Degrees clockwise: 0, 90, 180 or 270.
    pub rotate: u16,
    /// After turning.
    pub flip: Flip,
}

impl Default for Framing {
    fn default() -> Self {
        Self { region: [0.0, 0.0, 1.0, 1.0], fit: Proportions::default(), rotate: 0, flip: Flip::default() }
    }
}

/// A framing, worked out for one size of pictures and one target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    /// The part of the picture as it came.
    pub part: Part,
    /// Width and height that the part is resampled to, before it is turned.
    pub small: [u32; 2],
    /// Width and height of the same after turning.
    pub inner: [u32; 2],
    /// Left and top of that in the target.
    pub offset: [u32; 2],
}

impl Framing {
    /// The plan for pictures of `source` and a target, both width and height.
    pub(super) fn plan(&self, source: [u32; 2], target: [u32; 2]) -> Plan {
        let turned = if self.is_sideways() { [source[1], source[0]] } else { source };
        let [wide, high] = turned.map(f64::from);
        let [left, top, width, height] = self.region;
        let region = [left * wide, top * high, width * wide, height * high];
        let ratios = [region[2] / f64::from(target[0]), region[3] / f64::from(target[1])];
        let (mut part, mut inner) = (region, target);
        match self.fit {
            Proportions::Stretch => {}
            Proportions::Crop => {
                let scale = ratios[0].min(ratios[1]);
                let size = target.map(|side| scale * f64::from(side));
                let start = |axis: usize| region[axis] + (region[axis + 2] - size[axis]) / 2.0;
                part = [start(0), start(1), size[0], size[1]];
            }
            Proportions::Pad => {
                let scale = ratios[0].max(ratios[1]);
                let side = |axis: usize| ((region[axis + 2] / scale).round() as u32).clamp(1, target[axis]);
                inner = [side(0), side(1)];
            }
        }
        let offset = [(target[0] - inner[0]) / 2, (target[1] - inner[1]) / 2];
        let small = if self.is_sideways() { [inner[1], inner[0]] } else { inner };
        Plan { part: self.as_it_came(part, source, turned), small, inner, offset }
    }

    fn is_sideways(&self) -> bool {
        self.rotate == 90 || self.rotate == 270
    }

    /// Whether pictures keep their orientation.
    pub(super) fn is_upright(&self) -> bool {
        self.rotate == 0 && self.flip == Flip::None
    }

    /// A part of the turned and mirrored picture in the picture as it came.
    fn as_it_came(&self, [left, top, width, height]: Part, source: [u32; 2], turned: [u32; 2]) -> Part {
        let ([wide, high], [turned_wide, turned_high]) = (source.map(f64::from), turned.map(f64::from));
        let left = if self.flip == Flip::Horizontal { turned_wide - left - width } else { left };
        let top = if self.flip == Flip::Vertical { turned_high - top - height } else { top };
        let [left, top, width, height] = match self.rotate {
            90 => [top, high - left - width, height, width],
            180 => [wide - left - width, high - top - height, width, height],
            270 => [wide - top - height, left, height, width],
            _ => [left, top, width, height],
        };
        // Rounding must not lead outside of the picture.
        let inside = |start: f64, length: f64, side: f64| (start.clamp(0.0, side), length.min(side));
        let ((left, width), (top, height)) = (inside(left, width, wide), inside(top, height, high));
        [left.min(wide - width), top.min(high - height), width, height]
    }

    /// Turns and mirrors a small picture into its place in the target. Both are \[height, width, 3\] in bytes.
    pub(super) fn turn(&self, plan: &Plan, small: &[u8], target: &mut [u8], target_width: u32) {
        let [width, height] = plan.inner.map(|side| side as usize);
        let (pixels, stride) = (small.as_chunks::<3>().0, plan.small[0] as usize);
        let rows = target.chunks_exact_mut(3 * target_width as usize).skip(plan.offset[1] as usize);
        for (y, row) in rows.take(height).enumerate() {
            let y = if self.flip == Flip::Vertical { height - 1 - y } else { y };
            let row = row.as_chunks_mut::<3>().0.iter_mut().skip(plan.offset[0] as usize);
            for (x, pixel) in row.take(width).enumerate() {
                let x = if self.flip == Flip::Horizontal { width - 1 - x } else { x };
                let (from_x, from_y) = match self.rotate {
                    90 => (y, width - 1 - x),
                    180 => (width - 1 - x, height - 1 - y),
                    270 => (height - 1 - y, x),
                    _ => (x, y),
                };
                *pixel = pixels[from_y * stride + from_x];
            }
        }
    }
}
