//! The cost of a frame's stages, compared with the two models.
//!
//! `cargo bench --profile release --bench stages` times every stage in turn, for many rounds, so that all of them meet
//! the same state of the machine, and prints the medians. `-- --count STAGE N` runs only one stage, N times: two such
//! runs under callgrind differ by the instructions of the stage (`benches/instructions` does that). `-- --list` lists
//! the stages.

mod scene;

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use purecam::engine::{Classifier, Description, NoiseSource, Purifier, Setup, Shipped};
use purecam::frame::{Fit, Picture};
use purecam::service::{Health, Smoothing, suspicion};
use purecam::sink::{Broadcast, Event, Published};
use purecam::source::camera::{Agreed, Converter, Layout, PixelFormat};
use purecam::time::{Clock, Stop};
use purecam::verdict::{ClassNames, Guess, Models, Verdict};

/// A camera's frames: width, height, format.
const CAMERAS: [(u32, u32, PixelFormat); 3] =
    [(640, 480, PixelFormat::Yuyv), (640, 480, PixelFormat::Mjpg), (1280, 720, PixelFormat::Mjpg)];

/// The stages after the two that depend on the camera, in the loop's order. The last two are the models.
const STAGES: [&str; 8] = ["rank", "smooth", "suspicion", "line", "broadcast", "health", "purify", "classify"];

/// The stages that only run if the configuration enables them.
const OPTIONAL: [&str; 2] = ["smooth", "suspicion"];

const MODELS: [&str; 2] = ["purify", "classify"];

/// The sides at which the general purifier, and the drawing of its noise alone, are measured.
const SIDES: [usize; 3] = [128, 160, 224];

/// A measurement lasts about this long; stages of microseconds are run many times in it.
const MEASUREMENT: Duration = Duration::from_millis(2);

type Work = Box<dyn FnMut()>;

#[derive(Parser)]
struct Arguments {
    /// Measurements of each stage
    #[arg(long, default_value_t = 200)]
    repeats: usize,
    /// Run one stage N times and nothing else
    #[arg(long, num_args = 2, value_names = ["STAGE", "N"])]
    count: Option<Vec<String>>,
    /// List the stages, one per line
    #[arg(long)]
    list: bool,
    /// Cargo passes this to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if arguments.list {
        names().iter().for_each(|name| println!("{name}"));
        return Ok(());
    }
    if let Some([name, times]) = arguments.count.as_deref() {
        let (times, mut work) = (times.parse::<u64>()?, stage(name)?);
        (0..times).for_each(|_| work());
        return Ok(());
    }
    let measured = measure(arguments.repeats)?;
    table(&measured);
    Ok(())
}

/// All stages: `convert` and `fit` for each camera, then the others.
fn names() -> Vec<String> {
    let cameras = CAMERAS.iter().flat_map(|camera| ["convert", "fit"].map(|stage| of_camera(stage, camera)));
    let general = SIDES.iter().flat_map(|side| ["noise", "general"].map(|stage| of_side(stage, *side)));
    cameras.chain(STAGES.map(str::to_owned)).chain(general).collect()
}

fn of_camera(stage: &str, (width, height, format): &(u32, u32, PixelFormat)) -> String {
    format!("{stage}-{}-{width}x{height}", format.name())
}

fn of_side(stage: &str, side: usize) -> String {
    format!("{stage}-{side}")
}

/// The median milliseconds of every stage.
fn measure(repeats: usize) -> Result<Vec<(String, f64)>, Box<dyn Error>> {
    let mut stages = Vec::new();
    for name in names() {
        let mut work = stage(&name)?;
        // The first run fills buffers and makes filters; the second shows how long one takes.
        work();
        let began = Instant::now();
        work();
        let times = (MEASUREMENT.as_secs_f64() / began.elapsed().as_secs_f64().max(1e-7)).clamp(1.0, 10_000.0) as u32;
        stages.push((name, work, times, Vec::with_capacity(repeats)));
    }
    for _ in 0..repeats {
        for (_, work, times, found) in &mut stages {
            let began = Instant::now();
            (0..*times).for_each(|_| work());
            found.push(began.elapsed().as_secs_f64() * 1e3 / f64::from(*times));
        }
    }
    let median = |mut found: Vec<f64>| {
        found.sort_by(f64::total_cmp);
        found[found.len() / 2]
    };
    Ok(stages.into_iter().map(|(name, _, _, found)| (name, median(found))).collect())
}

fn table(measured: &[(String, f64)]) {
    let of = |name: &str| measured.iter().find(|(found, _)| found == name).map_or(f64::NAN, |(_, ms)| *ms);
    let row =
        |name: &str, cells: [f64; 3]| println!("| {name} | {:.4} | {:.4} | {:.4} |", cells[0], cells[1], cells[2]);
    let models: f64 = MODELS.iter().map(|name| of(name)).sum();
    let camera = |stage: &str| CAMERAS.map(|camera| of(&of_camera(stage, &camera)));
    let always = STAGES.iter().filter(|name| !OPTIONAL.contains(name) && !MODELS.contains(name));
    let rest: f64 = always.clone().map(|name| of(name)).sum();
    let (convert, fit) = (camera("convert"), camera("fit"));
    let besides: Vec<f64> = convert.iter().zip(fit).map(|(convert, fit)| convert + fit + rest).collect();
    let cameras = CAMERAS.map(|(width, height, format)| format!("{} {width}x{height}", format.name()));
    println!("| ms per frame | {} |\n|---|---|---|---|", cameras.join(" | "));
    row("convert or decode", convert);
    row("fit", fit);
    always.for_each(|name| row(name, [of(name); 3]));
    row("all of these", [besides[0], besides[1], besides[2]]);
    MODELS.iter().for_each(|name| row(name, [of(name); 3]));
    let shares: Vec<String> =
        besides.iter().map(|besides| format!("{:.1} %", 100.0 * besides / (besides + models))).collect();
    println!("| share of the first | {} |", shares.join(" | "));
    println!();
    OPTIONAL.iter().for_each(|name| println!("{name}: {:.4} ms, if it is enabled", of(name)));
    println!("\n| ms, the general purifier | 128 x 128 | 160 x 160 | 224 x 224 |\n|---|---|---|---|");
    row("noise alone", SIDES.map(|side| of(&of_side("noise", side))));
    row("purify", SIDES.map(|side| of(&of_side("general", side))));
}

/// One stage, ready to run.
fn stage(name: &str) -> Result<Work, Box<dyn Error>> {
    for camera in CAMERAS {
        if name == of_camera("convert", &camera) {
            return convert(camera);
        }
        if name == of_camera("fit", &camera) {
            return fit(camera);
        }
    }
    for side in SIDES {
        if name == of_side("noise", side) {
            return Ok(noise(side));
        }
        if name == of_side("general", side) {
            return general(side);
        }
    }
    Ok(match name {
        "rank" => rank(),
        "smooth" => smooth(),
        "suspicion" => Box::new(|| _ = black_box(suspicion(black_box(&PROBABILITIES), black_box(&OTHERS)))),
        "line" => line(),
        "broadcast" => broadcast(),
        "health" => health(),
        "purify" => purify()?,
        "classify" => classify()?,
        _ => return Err(format!("'{name}' is not a stage; expected one of {}", names().join(", ")).into()),
    })
}

/// A camera's bytes as RGB.
fn convert((width, height, format): (u32, u32, PixelFormat)) -> Result<Work, Box<dyn Error>> {
    let picture = scene::picture(width, height, 0)?;
    let bytes = if format == PixelFormat::Mjpg { scene::jpeg(&picture)? } else { yuyv(&picture) };
    let mut converter = Converter::new(layout(width, height, format));
    let mut out = Picture::default();
    let mut convert = move || converter.convert(black_box(&bytes), &mut out);
    convert().map_err(|skipped| skipped.problem)?;
    // It has just succeeded on the same bytes.
    Ok(Box::new(move || drop(black_box(convert()))))
}

/// The format as a web camera reports it, with the kernel's default colours.
fn layout(width: u32, height: u32, format: PixelFormat) -> Layout {
    let (bytes_per_line, size_image) = (2 * width, 2 * width * height);
    let (field, colorspace, ycbcr_encoding, quantization) = (1, 0, 0, 0);
    let agreed = Agreed {
        format: format.fourcc(),
        width,
        height,
        bytes_per_line,
        size_image,
        field,
        colorspace,
        ycbcr_encoding,
        quantization,
    };
    Layout::new(format, &agreed)
}

/// Luma of every pixel and colour of every second one, BT.601.
fn yuyv(picture: &Picture) -> Vec<u8> {
    let sum = |pixel: &[u8], weights: [f64; 3], offset: f64| {
        let sum: f64 = pixel.iter().zip(weights).map(|(value, weight)| f64::from(*value) * weight).sum();
        (sum + offset).round() as u8
    };
    let luma = |pixel: &[u8]| sum(pixel, [0.257, 0.504, 0.098], 16.0);
    let pairs = picture.rgb.chunks_exact(6).map(|pair| pair.split_at(3));
    pairs
        .flat_map(|(left, right)| {
            let (blue, red) = (sum(left, [-0.148, -0.291, 0.439], 128.0), sum(left, [0.439, -0.368, -0.071], 128.0));
            [luma(left), blue, luma(right), red]
        })
        .collect()
}

/// A picture as the models' input.
fn fit((width, height, _): (u32, u32, PixelFormat)) -> Result<Work, Box<dyn Error>> {
    let picture = scene::picture(width, height, 0)?;
    let (mut fit, mut planes) = (Fit::new(SIZE), Vec::new());
    fit.planes(&picture, &mut planes)?;
    // It has just succeeded on the same picture.
    Ok(Box::new(move || drop(black_box(fit.planes(black_box(&picture), &mut planes)))))
}

/// Height and width of the shipped models' pictures.
const SIZE: [usize; 2] = [128, 128];

const PROBABILITIES: [f32; 10] = [0.02, 0.01, 0.62, 0.05, 0.1, 0.02, 0.03, 0.05, 0.06, 0.04];
const OTHERS: [f32; 10] = [0.05, 0.12, 0.22, 0.15, 0.1, 0.12, 0.03, 0.05, 0.06, 0.1];

fn class_names() -> ClassNames {
    let label = |index| purecam::engine::contract::Label { label: format!("class {index}"), wnid: None };
    ClassNames::new(&(0..PROBABILITIES.len()).map(label).collect::<Vec<_>>())
}

fn rank() -> Work {
    let (names, mut top) = (class_names(), Vec::new());
    Box::new(move || names.rank(black_box(&PROBABILITIES), 3, &mut top))
}

fn smooth() -> Work {
    let mut smoothing = Smoothing::new(5);
    let planes = vec![0.5; 3 * SIZE[0] * SIZE[1]];
    let mut at = Duration::ZERO;
    Box::new(move || {
        at += Duration::from_millis(33);
        black_box(smoothing.combine(at, black_box(&planes), SIZE, &PROBABILITIES));
    })
}

fn verdict() -> Verdict {
    let mut top: Vec<Guess> = Vec::new();
    class_names().rank(&PROBABILITIES, 3, &mut top);
    let models = Models { purifier: Some("a".repeat(64)), classifier: "b".repeat(64), ..Models::default() };
    let (label, captured_at) = (top[0].label.clone(), SystemTime::now());
    let models = Arc::new(models);
    Verdict { seq: 815, captured_at, age_ms: 34.567, label, confidence: 0.62, top, models, ..Verdict::default() }
}

/// A verdict as JSON.
fn line() -> Work {
    let (verdict, mut line) = (verdict(), Vec::new());
    Box::new(move || {
        line.clear();
        // Into memory; every field of a verdict has a JSON form.
        drop(black_box(serde_json::to_writer(&mut line, black_box(&verdict))));
    })
}

/// A line into the ring, and out of it to one reader, which has its own thread in the service.
fn broadcast() -> Work {
    let verdict = verdict();
    let line = serde_json::to_vec(&verdict).unwrap_or_default();
    let broadcast = Broadcast::new(b"{}\n");
    let (mut reader, mut read) = (broadcast.subscribe(), Published::default());
    Box::new(move || {
        broadcast.publish(|published| {
            published.line.extend_from_slice(&line);
            match &mut published.event {
                Some(event) => event.verdict.clone_from(&verdict),
                event => {
                    let verdict = verdict.clone();
                    *event = Some(Event { verdict, raw: None, staged: None, verdicts: 1, replaced: 0, withheld: 0 });
                }
            }
        });
        black_box(reader.next(Duration::ZERO, &mut read));
    })
}

/// The system's clock through the C library: the service reads the kernel's vDSO, which valgrind hides.
struct SinceStart(Instant);

impl Clock for SinceStart {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn wait_until(&self, until: Duration, stop: &Stop) -> bool {
        stop.wait(until.saturating_sub(self.now()))
    }
}

/// The health's entries for a frame and its verdict.
fn health() -> Work {
    let health = Health::new(Arc::new(SinceStart(Instant::now())), Arc::default());
    let verdict = verdict();
    Box::new(move || {
        health.capture.busy(health.clock().now());
        health.frame(0, 0);
        health.capture.idle();
        health.inference.busy(health.clock().now());
        black_box(health.verdict(black_box(&verdict)));
        health.inference.idle();
    })
}

fn purify() -> Result<Work, Box<dyn Error>> {
    purify_with(Purifier::load(&Shipped::find()?.purifier(), 1)?)
}

/// The general purifier before a classifier of `side` pixels.
fn general(side: usize) -> Result<Work, Box<dyn Error>> {
    let shipped = Shipped::find()?;
    let file = shipped.manifest.general.as_ref().ok_or("the manifest names no general purifier")?;
    let setup = Setup { seed: 1, size: Some([side; 2]), strength: None };
    purify_with(Purifier::load(&shipped.folder.join(file), setup)?)
}

/// The noise of one frame of `side` pixels.
fn noise(side: usize) -> Work {
    let (mut source, mut numbers, mut frame) = (NoiseSource::new(1), vec![0.0; 3 * side * side], 0);
    Box::new(move || {
        frame += 1;
        source.frame(frame);
        source.normal(black_box(&mut numbers));
    })
}

fn purify_with(mut purifier: Purifier) -> Result<Work, Box<dyn Error>> {
    let (image, mut purified) = (planes(purifier.size())?, Vec::new());
    let mut frame = 0;
    let mut purify = move || {
        frame += 1;
        purifier.purify(black_box(&image), frame, &mut purified)
    };
    purify()?;
    Ok(Box::new(move || drop(black_box(purify()))))
}

fn classify() -> Result<Work, Box<dyn Error>> {
    let mut classifier = Classifier::load(&Shipped::find()?.classifier(), &Description::default())?;
    let image = planes(classifier.size())?;
    classifier.classify(&image)?;
    Ok(Box::new(move || _ = black_box(classifier.classify(black_box(&image)))))
}

fn planes(size: [usize; 2]) -> Result<Vec<f32>, Box<dyn Error>> {
    let (mut fit, mut planes) = (Fit::new(size), Vec::new());
    fit.planes(&scene::picture(640, 480, 0)?, &mut planes)?;
    Ok(planes)
}
