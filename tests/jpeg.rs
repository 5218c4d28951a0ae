//! JPEGs as the field sends them: damaged, cut, without tables, and of kinds that a decoder misreads in silence.
#![cfg(feature = "http")]

use std::path::Path;

use jpeg_encoder::SamplingFactor::{R_4_2_0, R_4_4_0};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use purecam::contain::contain;
use purecam::frame::{DecodeError, Expected, Inspector, JpegError, JpegStream, Picture, decode, read};

const SAMPLINGS: [SamplingFactor; 5] = [
    SamplingFactor::R_4_4_4,
    SamplingFactor::R_4_2_2,
    SamplingFactor::R_4_2_0,
    SamplingFactor::R_4_4_0,
    SamplingFactor::R_4_1_1,
];

/// What is said of a scan for each component, if the decoder would misread it.
const APART: JpegError = JpegError::Unsupported("a scan for each component, and colour sampled less");

/// How an image is encoded.
#[derive(Clone, Copy, Debug)]
struct Style {
    sampling: SamplingFactor,
    quality: u8,
    restart: Option<u16>,
    progressive: bool,
    optimised: bool,
}

const PLAIN: Style =
    Style { sampling: SamplingFactor::R_4_2_0, quality: 85, restart: None, progressive: false, optimised: false };

fn encode(picture: &Picture, style: Style) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, style.quality);
    encoder.set_sampling_factor(style.sampling);
    encoder.set_progressive(style.progressive);
    encoder.set_optimized_huffman_tables(style.optimised);
    if let Some(interval) = style.restart {
        encoder.set_restart_interval(interval);
    }
    encoder.encode(&picture.rgb, picture.width as u16, picture.height as u16, ColorType::Rgb).unwrap();
    bytes
}

fn photograph() -> Picture {
    read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/demo/church-tower.jpg"))).unwrap()
}

/// A part of a picture from its corner.
fn cropped(picture: &Picture, [width, height]: [u32; 2]) -> Picture {
    let rows = picture.rgb.chunks_exact(3 * picture.width as usize).take(height as usize);
    Picture { width, height, rgb: rows.flat_map(|row| row[..3 * width as usize].to_vec()).collect() }
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/jpeg").join(name)).unwrap()
}

/// The pictures of a Motion JPEG stream.
fn pictures(stream: &[u8]) -> Vec<Result<Picture, DecodeError>> {
    let mut stream = JpegStream::new(stream);
    let mut found = Vec::new();
    while let Some(image) = stream.next_image().unwrap() {
        found.push(decode(image));
    }
    found
}

/// The mean of each channel.
fn mean(picture: &Picture) -> [f64; 3] {
    let pixels = f64::from(picture.width * picture.height);
    [0, 1, 2]
        .map(|channel| picture.rgb.iter().skip(channel).step_by(3).map(|&level| f64::from(level)).sum::<f64>() / pixels)
}

/// xorshift64: damage that looks random, the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// The place behind the header of the first scan.
fn first_scan(jpeg: &[u8]) -> usize {
    let mut at = 2;
    loop {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] == 0xDA {
            return end;
        }
        at = end;
    }
}

#[test]
fn whole_images_of_every_kind_and_size_are_called_whole() {
    let photograph = photograph();
    let mut inspector = Inspector::default();
    for size in [[1, 1], [7, 9], [16, 16], [17, 33], [65, 40], [160, 120]] {
        let picture = cropped(&photograph, size);
        for sampling in SAMPLINGS {
            for (quality, restart) in [(30, None), (85, Some(1)), (85, Some(7)), (100, None)] {
                // With optimised tables this encoder misplaces restart markers; libjpeg calls those corrupt, too.
                for (progressive, optimised) in [(false, false), (false, true), (true, false), (true, true)] {
                    if optimised && restart.is_some() {
                        continue;
                    }
                    let style = Style { sampling, quality, restart, progressive, optimised };
                    let jpeg = encode(&picture, style);
                    let found = inspector.inspect(&jpeg, Expected::default()).map(<[u8]>::len);
                    // This encoder gives each component a scan of its own then, which the decoder misreads.
                    let misread = optimised && !progressive && matches!(sampling, R_4_2_0 | R_4_4_0);
                    let expected = if misread { Err(APART) } else { Ok(jpeg.len()) };
                    assert_eq!(found, expected, "{size:?} {style:?}");
                }
            }
        }
    }
}

/// What is left of a scan may, by chance, hold as many blocks as before.
#[test]
fn a_lost_packet_of_half_a_kilobyte_is_noticed_but_for_one_in_five_hundred() {
    let picture = cropped(&photograph(), [160, 120]);
    let mut random = Random(1);
    let mut inspector = Inspector::default();
    let (mut tries, mut missed) = (0, Vec::new());
    for (restart, progressive) in [(None, false), (Some(10), false), (Some(1), false), (None, true)] {
        for sampling in SAMPLINGS {
            let jpeg = encode(&picture, Style { sampling, restart, progressive, quality: 92, ..PLAIN });
            let scan = first_scan(&jpeg);
            for lost in [512, 800, 1500, 3060] {
                for _ in 0..if jpeg.len() > scan + lost + 100 { 50 } else { 0 } {
                    let at = scan + random.below(jpeg.len() - scan - lost - 2);
                    let lossy = [&jpeg[..at], &jpeg[at + lost..]].concat();
                    let found = inspector.inspect(&lossy, Expected::default());
                    tries += 1;
                    if found.is_ok() {
                        missed.push(format!("{sampling:?} {restart:?} {progressive}: {lost} bytes lost at {at}"));
                    }
                }
            }
        }
    }
    assert!(tries > 2_000 && 500 * missed.len() <= tries, "of {tries}: {missed:#?}");
}

#[test]
fn a_scan_that_is_cut_anywhere_and_properly_ended_is_never_called_good() {
    let picture = cropped(&photograph(), [65, 40]);
    let mut inspector = Inspector::default();
    for (restart, progressive) in [(None, false), (Some(2), false), (None, true)] {
        let jpeg = encode(&picture, Style { restart, progressive, ..PLAIN });
        for length in first_scan(&jpeg)..jpeg.len() - 2 {
            let ended = [&jpeg[..length], &[0xFF, 0xD9]].concat();
            assert!(inspector.inspect(&ended, Expected::default()).is_err(), "{restart:?} {progressive}: {length}");
        }
    }
}

/// What is done to some bytes of an image.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Removed,
    Changed,
    Swapped,
}

impl Damage {
    /// Does it to `length` bytes at `at`; swaps them with as many behind them.
    fn apply(self, jpeg: &[u8], at: usize, length: usize, random: &mut Random) -> Vec<u8> {
        let mut damaged = jpeg.to_vec();
        match self {
            Self::Removed => drop(damaged.drain(at..at + length)),
            Self::Changed => damaged[at..at + length].iter_mut().for_each(|byte| *byte = random.below(256) as u8),
            Self::Swapped => (0..length).for_each(|offset| damaged.swap(at + offset, at + length + offset)),
        }
        damaged
    }
}

/// Damage of a few bytes often leaves another whole JPEG behind, which nothing can tell from the one that was sent.
/// What the walk notices must not become less. With `--nocapture` this prints the table of docs/RELIABILITY.md.
#[test]
fn damage_of_many_bytes_is_noticed_and_half_of_that_of_few() {
    const LENGTHS: [usize; 6] = [1, 3, 16, 188, 800, 3060];
    const PLACES: usize = 100;
    let picture = cropped(&photograph(), [160, 120]);
    let mut random = Random(2);
    println!("| coding, restart interval | damage | {} |", LENGTHS.map(|length| length.to_string()).join(" | "));
    for (name, restart, progressive) in [
        ("sequential, none", None, false),
        ("sequential, a row", Some(10), false),
        ("sequential, a unit", Some(1), false),
        ("progressive, none", None, true),
    ] {
        let jpeg = encode(&picture, Style { restart, progressive, quality: 95, ..PLAIN });
        let whole = decode(&jpeg).unwrap();
        for damage in [Damage::Removed, Damage::Changed, Damage::Swapped] {
            let invented = LENGTHS.map(|length| {
                let wrong = |_: &usize| {
                    let at = random.below(jpeg.len() - 2 * length);
                    let damaged = damage.apply(&jpeg, at, length, &mut random);
                    let found = contain(|| decode(&damaged)).unwrap();
                    found.is_ok_and(|picture| picture != whole)
                };
                (0..PLACES).filter(wrong).count()
            });
            println!("| {name} | {damage:?} | {} |", invented.map(|count| count.to_string()).join(" | "));
            for (length, invented) in LENGTHS.into_iter().zip(invented) {
                let most = if length < 188 { 75 } else { 12 };
                assert!(invented <= most, "{name}, {length} bytes {damage:?}: {invented} of {PLACES} called good");
            }
        }
    }
}

#[test]
fn a_frame_that_is_cut_anywhere_in_its_header_never_swallows_the_next() {
    let picture = cropped(&photograph(), [48, 32]);
    let jpeg = encode(&picture, PLAIN);
    let whole = decode(&jpeg).unwrap();
    for cut in 3..first_scan(&jpeg) {
        let found = pictures(&[&jpeg[..cut], &jpeg[..], &jpeg[..]].concat());
        let good: Vec<&Picture> = found.iter().filter_map(|picture| picture.as_ref().ok()).collect();
        assert!(good == [&whole, &whole], "cut at {cut}: {} good pictures", good.len());
        assert_eq!(found.len(), 3, "cut at {cut}: the cut frame is counted");
    }
    let found = pictures(&fixture("frame-cut-in-header.mjpeg"));
    assert!(found.iter().any(Result::is_err) && found.iter().any(Result::is_ok));
}

#[test]
fn frames_without_huffman_tables_are_read_with_those_of_the_standard() {
    for name in ["no-huffman-tables.mjpeg", "huffman-tables-first-frame-only.mjpeg"] {
        let found = pictures(&fixture(name));
        assert!(found.len() > 1 && found.iter().all(Result::is_ok), "{name}: {} pictures", found.len());
    }
}

#[test]
fn what_the_decoder_would_misread_is_refused_by_name() {
    for (name, what) in [("luma-less-sampled.jpg", "brightness"), ("scan-per-component-420.jpg", "a scan for each")] {
        let error = decode(&fixture(name)).unwrap_err();
        assert!(matches!(error, DecodeError::Jpeg(JpegError::Unsupported(_))), "{name}: {error}");
        assert!(error.to_string().contains(what), "{name}: {error}");
    }
}

#[test]
fn jfif_overrules_other_signs_of_how_colours_are_coded() {
    // What libjpeg makes of it.
    let expected = [136.3, 138.4, 142.3];
    let found = mean(&decode(&fixture("jfif-with-adobe-0.jpg")).unwrap());
    assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 3.0), "{found:?}");

    let jpeg = encode(&cropped(&photograph(), [48, 32]), PLAIN);
    assert!(jpeg[6..].starts_with(b"JFIF"));
    let mut letters = jpeg.clone();
    let frame = letters.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let scan = letters.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    for (index, letter) in b"RGB".iter().enumerate() {
        letters[frame + 10 + 3 * index] = *letter;
        letters[scan + 5 + 2 * index] = *letter;
    }
    assert_ne!(letters, jpeg);
    assert!(decode(&letters).unwrap() == decode(&jpeg).unwrap());
}
