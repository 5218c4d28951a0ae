//! What is done to the cameras, in order.

use std::path::Path;
use std::time::Duration;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

use crate::Outcome;
use crate::camera::{self, Camera};
use crate::clock::{Moment, uptime};
use crate::purecam::{Models, Purecam};
use crate::report::{Report, Times};
use crate::trial::{Fault, Shows, Trial};
use crate::vivid::{Control, Vivid, modprobe};

type Scenario = fn(&Path, &mut Report) -> Outcome;

/// By name.
pub const ALL: [(&str, Scenario); 5] = [
    ("shipped", shipped),
    ("formats", formats),
    ("usb", usb_faults),
    ("vivid", vivid_faults),
    ("disconnect", disconnect),
];

/// The models have to be read and warmed up first.
const START: Duration = Duration::from_secs(120);
/// A raw camera and a compressed one, with the models that ship: a picture that is known, a verdict, a clean end; of a
/// photograph the label too.
fn shipped(folder: &Path, report: &mut Report) -> Outcome {
    raw(folder, report, Models::Shipped, &["YUYV"])?;
    let jpeg = camera_picture(folder)?;
    let camera = usb_camera(0, "Test camera", &jpeg)?;
    let flags = ["--pixel-format", "MJPG"];
    let outcome = see(folder, Models::Shipped, "camera:Test camera", &flags, report, |picture, label| {
        expect_same(picture, &jpeg)?;
        if label == LABEL { Ok(()) } else { Err(format!("it says '{label}' of a {LABEL}")) }
    });
    report.row("usb", "MJPG: picture, verdict, end", "-", outcome);
    camera.unplug()
}

/// The other raw formats.
fn formats(folder: &Path, report: &mut Report) -> Outcome {
    raw(folder, report, models(), &["UYVY", "NV12", "YU12", "RGB3", "BGR3", "GREY"])
}

fn raw(folder: &Path, report: &mut Report, models: Models, formats: &[&str]) -> Outcome {
    let vivid = Vivid::load()?;
    vivid.show_bars()?;
    for format in formats.iter().copied() {
        let flags = ["--width", "640", "--height", "480", "--fps", "5", "--pixel-format", format];
        let look = |picture: &[u8], _: &str| expect_bars(picture, format == "GREY");
        let outcome = see(folder, models, "camera:0", &flags, report, look);
        report.row("vivid", &format!("{format}: picture, verdict, end"), "-", outcome);
    }
    Ok(())
}

/// Runs purecam until its first verdict, and has a look at the picture and the label.
fn see(
    folder: &Path,
    models: Models,
    camera: &str,
    flags: &[&str],
    report: &mut Report,
    look: impl Fn(&[u8], &str) -> Outcome,
) -> Outcome<Times> {
    let begun = Moment::now();
    let mut purecam = Purecam::start(folder, models, camera, flags)?;
    // The page has a picture of the frame that gets a verdict while somebody waits for it.
    let picture = purecam.wait_for_raw_snapshot(START)?;
    let verdict = purecam.wait_for_verdict(begun, START)?;
    if models == Models::Shipped {
        report.number("seconds from the kernel's start to a verdict", uptime());
        report.number("seconds that a frame takes", verdict.total_ms / 1e3);
    }
    look(&picture, &verdict.label)?;
    purecam.end()?;
    Ok(Times { verdict: Some(verdict.read.since(begun)), ..Times::default() })
}

/// The models beneath which cameras are broken: small ones, or with `VM_MODELS=shipped` those that ship.
fn models() -> Models {
    if std::env::var_os("VM_MODELS").is_some_and(|models| models == "shipped") {
        Models::Shipped
    } else {
        Models::Small
    }
}

fn start_on_vivid(folder: &Path) -> Outcome<Purecam> {
    let mode = ["--width", "640", "--height", "480", "--pixel-format", "YUYV", "--fps", "10"];
    let begun = Moment::now();
    let mut purecam = Purecam::start(folder, models(), "camera:0", &mode)?;
    purecam.wait_for_verdict(begun, START)?;
    Ok(purecam)
}

/// Every fault that vivid can be told to have.
fn vivid_faults(folder: &Path, report: &mut Report) -> Outcome {
    let vivid = Vivid::load()?;
    let purecam = start_on_vivid(folder)?;
    let mut trial = Trial { purecam, camera: "vivid", report };
    let fatal = || vivid.set(Control::FatalStreamingError, 1);
    let also_fatal = |controls: &[Control]| {
        controls.iter().try_for_each(|control| vivid.set(*control, 1))?;
        fatal()
    };

    trial.passing("one frame with the error flag", Shows::Count("/frames/unusable/flagged"), || {
        vivid.set(Control::BufferError, 1)
    });
    trial.passing("one QBUF fails", Shows::Nothing, || vivid.set(Control::QbufError, 1));
    trial.passing("EIO for ever: the stream is started anew", Shows::Log("is started again"), fatal);
    trial.passing("EIO for ever, again", Shows::State("reconnecting", "io"), fatal);
    trial.passing("EIO, and the next STREAMON fails", Shows::Log("is started again"), || {
        also_fatal(&[Control::StreamonError])
    });
    trial.passing("EIO again, and the next REQBUFS fails", Shows::State("reconnecting", "refused"), || {
        also_fatal(&[Control::ReqbufsError])
    });
    trial.passing("EIO, and the next QBUF and STREAMON fail", Shows::State("reconnecting", "refused"), || {
        also_fatal(&[Control::QbufError, Control::StreamonError])
    });
    wraps(&mut trial, &vivid);
    trial.fault(
        &Fault { name: "every frame dropped", shows: Shows::State("reconnecting", "timed-out"), blinds: true },
        || vivid.set(Control::PercentageOfDroppedBuffers, 100),
        || vivid.set(Control::PercentageOfDroppedBuffers, 0),
    );
    trial.fault(
        &Fault {
            name: "driver unbound, bound 1 s later",
            shows: Shows::State("reconnecting", "unplugged"),
            blinds: true,
        },
        || vivid.unbind(),
        || {
            std::thread::sleep(Duration::from_secs(1));
            vivid.bind()
        },
    );
    end(trial)
}

/// Sequence numbers that wrap after 128 frames, time stamps that wrap after 16 s, and what else goes wrong meanwhile.
fn wraps(trial: &mut Trial<'_>, vivid: &Vivid) {
    let begun = Moment::now();
    trial.passing("sequence and time stamps before their wrap", Shows::Nothing, || {
        vivid.set(Control::WrapSequence, 1)?;
        vivid.set(Control::WrapTimestamp, 1)?;
        vivid.set(Control::FatalStreamingError, 1)
    });
    // Both are judged with every verdict: its number, its age, its time.
    let left = 18.0 - Moment::now().since(begun);
    std::thread::sleep(Duration::from_secs_f64(left.max(0.0)));
    trial.passing("sequence and time stamps after their wrap", Shows::Nothing, || {
        vivid.set(Control::WrapSequence, 0)?;
        vivid.set(Control::WrapTimestamp, 0)
    });
}

/// The camera goes and its node stays, until the last who has it open closes it; before 6.1, until the driver is bound
/// anew. The last scenario, because an old driver is not to be relied on afterwards.
fn disconnect(folder: &Path, report: &mut Report) -> Outcome {
    let vivid = Vivid::load()?;
    let purecam = start_on_vivid(folder)?;
    let mut trial = Trial { purecam, camera: "vivid", report };
    let (name, shows) = ("disconnect", Shows::State("reconnecting", "unplugged"));
    if vivid.comes_back_by_itself()? {
        trial.passing(name, shows, || vivid.set(Control::Disconnect, 1));
    } else {
        let disconnect = || vivid.set(Control::Disconnect, 1);
        trial.fault(&Fault { name, shows, blinds: true }, disconnect, || {
            vivid.unbind()?;
            vivid.bind()
        });
    }
    end(trial)
}

fn end(trial: Trial<'_>) -> Outcome {
    let Trial { purecam, camera, report } = trial;
    report.number("verdicts that were judged", purecam.verdicts() as f64);
    let outcome = purecam.end().map(|took| Times { noticed: Some(took.as_secs_f64()), ..Times::default() });
    report.row(camera, "SIGTERM", "exit code 0", outcome);
    Ok(())
}

/// A USB camera with MJPG: what it may send, and the cable.
fn usb_faults(folder: &Path, report: &mut Report) -> Outcome {
    let jpeg = camera_picture(folder)?;
    let camera = usb_camera(0, "Test camera", &jpeg)?;
    let begun = Moment::now();
    let mut purecam = Purecam::start(folder, models(), "camera:Test camera", &["--pixel-format", "MJPG"])?;
    purecam.wait_for_verdict(begun, START)?;
    let mut trial = Trial { purecam, camera: "usb", report };

    let faults = [
        ("every frame garbage", camera::Fault::Garbage, Shows::State("degraded", "unusable")),
        ("every frame cut in half", camera::Fault::Truncated, Shows::State("reconnecting", "format")),
        ("error bit in every payload", camera::Fault::ErrorBit, Shows::State("reconnecting", "timed-out")),
        ("transfers stall", camera::Fault::Stall, Shows::State("reconnecting", "timed-out")),
    ];
    for (name, fault, shows) in faults {
        let set = |fault| {
            camera.set(fault);
            Ok(())
        };
        trial.fault(&Fault { name, shows, blinds: true }, || set(fault), || set(camera::Fault::None));
    }
    let (mut other, mut again) = (None, None);
    trial.fault(
        &Fault {
            name: "unplugged, back as another number",
            shows: Shows::State("reconnecting", "unplugged"),
            blinds: true,
        },
        || camera.unplug(),
        || {
            // The other one takes the number, and must not take the place.
            other = Some(Camera::plug(1, "Another camera", &jpeg)?);
            std::thread::sleep(Duration::from_secs(1));
            again = Some(Camera::plug(0, "Test camera", &jpeg)?);
            Ok(())
        },
    );
    end(trial)?;
    for camera in [other, again].into_iter().flatten() {
        camera.unplug()?;
    }
    Ok(())
}

/// What the classifier that ships says of `camera.jpg`, with 92 %.
const LABEL: &str = "garbage truck";

fn camera_picture(folder: &Path) -> Outcome<Vec<u8>> {
    std::fs::read(folder.join("camera.jpg")).map_err(|error| format!("camera.jpg cannot be read: {error}"))
}

/// A camera in software at a port of the virtual USB controller.
pub fn usb_camera(port: u32, name: &str, jpeg: &[u8]) -> Outcome<Camera> {
    modprobe(&["uvcvideo"])?;
    modprobe(&["vhci-hcd"])?;
    Camera::plug(port, name, jpeg)
}

/// vivid's 75 % colour bars, from left to right.
const BARS: [[u8; 3]; 8] =
    [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191], [0, 0, 0]];
/// JPEG and limited range cost some.
const TOLERANCE: u8 = 10;

/// Holds the middle of each bar against its colour, or its luminance.
fn expect_bars(jpeg: &[u8], grey: bool) -> Outcome {
    let (pixels, width, height) = decode(jpeg)?;
    // vivid makes grey with the weights of Rec. 709.
    let luminance = |[red, green, blue]: [u8; 3]| {
        (0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue)).round() as u8
    };
    for (index, bar) in BARS.into_iter().enumerate() {
        let at = (height / 2 * width + (2 * index + 1) * width / 16) * 3;
        let found = pixels.get(at..at + 3).ok_or("the snapshot has no colours")?;
        let expected = if grey { [luminance(bar); 3] } else { bar };
        if found.iter().zip(expected).any(|(found, expected)| found.abs_diff(expected) > TOLERANCE) {
            return Err(format!("bar {} of {width}x{height} is {found:?}, expected {expected:?}", index + 1));
        }
    }
    Ok(())
}

/// Holds a picture against another that was encoded once less.
fn expect_same(jpeg: &[u8], original: &[u8]) -> Outcome {
    let ((found, ..), (expected, ..)) = (decode(jpeg)?, decode(original)?);
    let difference: u64 = found.iter().zip(&expected).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let mean = difference as f64 / expected.len() as f64;
    if found.len() != expected.len() || mean > f64::from(TOLERANCE) / 2.0 {
        return Err(format!("the picture is another: {} bytes differ by {mean:.1} on average", found.len()));
    }
    Ok(())
}

/// RGB, width, height.
fn decode(jpeg: &[u8]) -> Outcome<(Vec<u8>, usize, usize)> {
    let mut decoder = JpegDecoder::new(ZCursor::new(jpeg));
    let pixels = decoder.decode().map_err(|error| format!("the snapshot is no JPEG: {error}"))?;
    let (width, height) = decoder.dimensions().ok_or("the snapshot has no size")?;
    Ok((pixels, width, height))
}
