//! `purecam attack demo:`: makes the perturbations that the built-in demonstration lays over its photographs.
//!
//! Each is one universal perturbation for all views that the moving camera has of one photograph, computed on the
//! classifier alone.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::attack::{open_subjects, save};
use crate::commands::Failure;
use crate::frame::Picture;
use crate::source::FrameRate;
use crate::source::demo::{Demo, PHOTOGRAPHS};
use crate::time::SystemClock;
use crate::workshop::attack::{parse_epsilon, universal};
use crate::workshop::cli;
use crate::workshop::{evaluate::BATCH, pictures};

/// Views of a photograph, so far apart in time that no two show the same part of it.
const VIEWS: u32 = 48;
const BETWEEN_VIEWS: Duration = Duration::from_millis(4_370);
/// Passes over the views.
const PASSES: usize = 8;

pub fn attack_demo(args: &cli::Attack) -> Result<(), Failure> {
    let epsilon = parse_epsilon(&args.epsilon).map_err(Failure::usage)?;
    let seed = args.models.seed.unwrap_or(super::evaluate::SEED);
    let subjects = open_subjects(&args.models, false, &args.device, seed)?;
    let classifier = &subjects.classifier;
    let size = classifier.size();
    let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
    let mut demo = Demo::new(size, FrameRate::ONE, Arc::new(SystemClock)).map_err(|error| failed(&error))?;
    std::fs::create_dir_all(&args.out).map_err(|error| failed(&format!("{}: {error}", args.out.display())))?;
    for (number, photograph) in PHOTOGRAPHS.iter().enumerate() {
        let labels = classifier.labels();
        let class =
            labels.iter().position(|label| label.wnid.as_deref() == Some(photograph.wnid)).ok_or_else(|| {
                Failure::usage(format!("{}: the classifier has no class {}", photograph.name, photograph.wnid))
            })?;
        let views = (0..VIEWS).map(|view| {
            let mut picture = Picture::default();
            demo.render_clean(number, BETWEEN_VIEWS * view, &mut picture).map(|()| picture.rgb)
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
        let batches: Vec<_> = views
            .chunks(BATCH)
            .map(|views| (pictures::to_tensor(views, size, classifier.device()), vec![class; views.len()]))
            .collect();
        let found = universal(classifier, &batches, epsilon, PASSES, seed);
        let levels = found.map(|found| (found * 255.0 + 128.0).permute([0, 2, 3, 1]).into_data()).into_iter();
        let rgb: Vec<u8> =
            levels.flat_map(|data| data.iter::<f32>().map(|level| level.round() as u8).collect::<Vec<_>>()).collect();
        let name = Path::new(photograph.name).with_extension("png");
        let file = args.out.join(format!("perturbation-{}", name.display()));
        save(&file, &rgb, size)?;
        anstream::println!("{}", file.display());
    }
    Ok(())
}
