//! `purecam attack demo:`: makes the perturbations of the built-in demonstration.
//!
//! Each is one universal perturbation for all views that the moving camera has of one photograph, computed on the
//! classifier alone.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::output::{failed, write_png};
use super::subjects::{self, SEED};
use crate::commands::Failure;
use crate::console;
use crate::frame::Picture;
use crate::source::demo::{Demo, PHOTOGRAPHS};
use crate::source::{FrameRate, SourceError};
use crate::time::SystemClock;
use crate::workshop::attack::universal;
use crate::workshop::cli;
use crate::workshop::evaluate::BATCH;
use crate::workshop::pictures::{from_tensor, to_tensor};

/// Views of a photograph.
const VIEWS: u32 = 48;
/// Time between two views, long enough that no two show the same part of the photograph.
const BETWEEN_VIEWS: Duration = Duration::from_millis(4_370);
/// Passes over the views.
const PASSES: usize = 8;

/// Writes one file per photograph of the demonstration.
///
/// # Errors
/// Models or a folder that cannot be used; a classifier that lacks a photograph's class.
pub fn attack_demo(args: &cli::Attack) -> Result<(), Failure> {
    let seed = args.models.seed.unwrap_or(SEED);
    let subjects = subjects::open(&args.models, false, args.device, seed)?;
    let classifier = &subjects.classifier;
    let size = classifier.size();
    let mut demo = Demo::new(size, FrameRate::ONE, Arc::new(SystemClock))?;
    std::fs::create_dir_all(&args.out).map_err(|error| failed(&args.out, &error))?;
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
        let views = views.collect::<Result<Vec<_>, _>>()?;
        let batches: Vec<_> = views
            .chunks(BATCH)
            .map(|views| (to_tensor(views, size, classifier.device()), vec![class; views.len()]))
            .collect();
        let perturbation = universal(classifier, &batches, args.epsilon, PASSES, seed);
        // A file holds the perturbation around the level 128.
        let picture = perturbation.map(|found| from_tensor(found + 128.0 / 255.0)).into_iter().flatten().next();
        let name = Path::new(photograph.name).with_extension("png");
        let file = args.out.join(format!("perturbation-{}", name.display()));
        write_png(&file, &picture.unwrap_or_default(), size)?;
        console::print_line(file.display())?;
    }
    Ok(())
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::failed(error)
    }
}
