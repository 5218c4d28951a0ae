//! Damaged images and models give an error or a result, never a panic and never a huge allocation.
//!
//! Seeded mutations of a small corpus: cuts, flipped bits, overwritten and repeated stretches, and the head of one file
//! on the tail of another. A few hundred of each by default; `PURECAM_FUZZ=100000` makes more, `PURECAM_FUZZ_SEED`
//! others. A failure names the seed, the number and the kind of file, so that it can be repeated.

mod models;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use models::*;
use prost::Message;
use purecam::engine::{Classifier, Description, Purifier};
use purecam::frame::{Fit, JpegStream, decode};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// More than any damaged small file may allocate at once: a picture of 100 million pixels in 16 bits with alpha.
const MAX_ALLOCATION: usize = 1 << 30;

/// The system's allocator, which refuses larger requests. A refusal aborts the test.
struct Bounded;

// SAFETY: every call goes to the system's allocator unchanged, or fails as an allocator may.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > MAX_ALLOCATION {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, which is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// One of `corpus`, damaged.
fn damaged(corpus: &[Vec<u8>], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = corpus[rng.random_range(0..corpus.len())].clone();
    for _ in 0..rng.random_range(1..=4) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.random_range(0..bytes.len());
        let length = rng.random_range(1..=16).min(bytes.len() - at);
        match rng.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << rng.random_range(0..8),
            2 => bytes[at] = [0x00, 0x01, 0x7F, 0x80, 0xFF][rng.random_range(0..5)],
            3 => bytes[at..at + length].iter_mut().for_each(|byte| *byte = rng.random()),
            4 => {
                let stretch = bytes[at..at + length].to_vec();
                bytes.splice(at..at, stretch);
            }
            _ => {
                let other = &corpus[rng.random_range(0..corpus.len())];
                let from = rng.random_range(0..=other.len());
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
        }
    }
    bytes
}

/// Feeds damaged files to `entrance`. If one causes a panic, the test fails and names it.
fn fuzz(kind: &str, corpus: &[Vec<u8>], count: u64, mut entrance: impl FnMut(&[u8])) {
    let seed = setting("PURECAM_FUZZ_SEED", 1);
    for number in 0..count {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        let bytes = damaged(corpus, &mut rng);
        let outcome = catch_unwind(AssertUnwindSafe(|| entrance(&bytes)));
        assert!(outcome.is_ok(), "{kind} number {number} of seed {seed} caused a panic");
    }
}

fn images() -> Vec<Vec<u8>> {
    let image = RgbImage::from_fn(24, 20, |x, y| Rgb([(x * 10) as u8, (y * 12) as u8, (x * y) as u8]));
    let image = DynamicImage::ImageRgb8(image);
    let formats = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::Gif,
        ImageFormat::WebP,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::Pnm,
    ];
    let mut corpus: Vec<Vec<u8>> = formats
        .into_iter()
        .map(|format| {
            let mut bytes = Cursor::new(Vec::new());
            image.write_to(&mut bytes, format).unwrap();
            bytes.into_inner()
        })
        .collect();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let names = ["cmyk.jpg", "orientation-6.jpg", "animated.gif", "animated.webp", "animated.png", "two-pages.tiff"];
    corpus.extend(names.map(|name| std::fs::read(fixtures.join(name)).unwrap()));
    corpus
}

#[test]
fn no_damaged_image_causes_a_panic() {
    let (mut fit, mut planes) = (Fit::new([16, 16]), Vec::new());
    fuzz("image", &images(), setting("PURECAM_FUZZ", 2000), |bytes| {
        if let Ok(picture) = decode(bytes) {
            assert_eq!(picture.rgb.len(), 3 * picture.width as usize * picture.height as usize);
            fit.planes(&picture, &mut planes).unwrap();
        }
    });
}

#[test]
fn no_damaged_stream_of_images_causes_a_panic_or_goes_on_for_ever() {
    let corpus: Vec<Vec<u8>> = images().into_iter().filter(|bytes| bytes.starts_with(&[0xFF, 0xD8])).collect();
    let streams: Vec<Vec<u8>> = corpus.iter().map(|jpeg| jpeg.repeat(3)).collect();
    fuzz("stream", &streams, setting("PURECAM_FUZZ", 2000), |bytes| {
        let mut stream = JpegStream::new(bytes);
        let mut images = 0;
        while stream.next_image().unwrap().is_some() {
            images += 1;
            assert!(images <= bytes.len(), "there are more images than bytes");
        }
    });
}

#[test]
fn no_damaged_model_causes_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let models = [purifier(SIDE), purifier_that_fails_on_black(SIDE), classifier(SIDE), foreign_classifier(SIDE)];
    let corpus: Vec<Vec<u8>> = models.iter().map(Message::encode_to_vec).collect();
    let black = vec![0.0; 3 * SIDE * SIDE];
    fuzz("model", &corpus, setting("PURECAM_FUZZ", 400), |bytes| {
        std::fs::write(&path, bytes).unwrap();
        if let Ok(mut purifier) = Purifier::load(&path, 1) {
            purifier.purify(&black, 0, &mut Vec::new()).ok();
        }
        if let Ok(mut classifier) = Classifier::load(&path, &Description::default()) {
            let probabilities =
                classifier.classify(&vec![0.5; classifier.size().iter().product::<usize>() * 3]).unwrap();
            assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-3);
        }
    });
}
