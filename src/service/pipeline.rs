//! What happens to one frame: resize, purify, classify. There is a verdict only if every stage succeeded.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::judge::{Judge, Judgement, Withheld};
use super::smoothing::Smoothing;
use super::suspicion::{suspicion, suspicion_of_labels};
use crate::engine::{Classifier, Purifier};
use crate::frame::{Fit, Frame, Framing};
use crate::text;
use crate::time::Clock;
use crate::verdict::{
    ClassNames, ClassifierFile, Files, Guess, Milliseconds, Models, PurifierFile, Verdict, milliseconds,
};

/// What a pipeline does besides purifying and classifying.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many classes a verdict names.
    pub top: usize,
    /// How many frames' purified distributions are averaged; 1 is this frame's alone.
    pub smoothing: usize,
    /// A verdict with less confidence, in 0..1, is withheld.
    pub min_confidence: f32,
    /// Whether to classify the frame before purification too, and to report how far the two disagree. The verdict stays
    /// that of the purified frame.
    pub compare_raw: bool,
    /// A verdict with at least this suspicion, in 0..1, is marked suspicious.
    pub threshold: f32,
    /// Where in a frame the models look.
    pub framing: Framing,
}

impl Default for Options {
    fn default() -> Self {
        let framing = Framing::default();
        Self { top: 3, smoothing: 1, min_confidence: 0.0, compare_raw: false, threshold: 0.5, framing }
    }
}

/// The stages with real models. It keeps its buffers: after the first frames it allocates nothing.
pub struct Pipeline {
    /// `None` if the user wants frames to be classified without purification.
    purifier: Option<Purifier>,
    classifier: Classifier,
    names: ClassNames,
    /// From which probability on a label is present, if each label has one of its own.
    threshold: Option<f32>,
    models: Arc<Models>,
    clock: Arc<dyn Clock>,
    options: Options,
    fit: Fit,
    smoothing: Smoothing,
    /// The resized frame, [3, height, width], RGB in 0..1.
    image: Vec<f32>,
    /// The same after purification.
    purified: Vec<f32>,
    /// What the classifier makes of the picture of this frame alone, without smoothing.
    probabilities: Vec<f32>,
    best_raw: Vec<Guess>,
}

/// How long each stage took for one frame, and when the last one ended.
#[derive(Clone, Copy)]
struct Times {
    resize: Duration,
    purify: Duration,
    classify: Duration,
    /// On the stream's clock.
    ended: Duration,
}

impl Pipeline {
    /// The two models must agree in size ([`Classifier::expect_size_of`]); if they do not, every verdict is withheld.
    pub fn new(purifier: Option<Purifier>, classifier: Classifier, options: Options, clock: Arc<dyn Clock>) -> Self {
        let models = Models {
            purifier: purifier.as_ref().map(|purifier| purifier.sha256().to_owned()),
            classifier: classifier.sha256().to_owned(),
            files: files(purifier.as_ref(), &classifier),
        };
        Self {
            purifier,
            names: ClassNames::new(classifier.labels()),
            threshold: classifier.threshold(),
            models: Arc::new(models),
            clock,
            options,
            fit: Fit::framed(classifier.size(), options.framing),
            smoothing: Smoothing::new(options.smoothing),
            classifier,
            image: Vec::new(),
            purified: Vec::new(),
            probabilities: Vec::new(),
            best_raw: Vec::new(),
        }
    }

    /// Height and width that frames are resized to.
    pub fn size(&self) -> [usize; 2] {
        self.classifier.size()
    }

    /// Its models.
    pub fn models(&self) -> &Arc<Models> {
        &self.models
    }

    /// The picture that was classified last, [3, height, width], RGB in 0..1.
    pub fn last_picture(&self) -> &[f32] {
        if self.purifier.is_some() { &self.purified } else { &self.image }
    }

    /// Purifies the resized frame, if there is a purifier.
    fn purify(&mut self, sequence: u64) -> Result<(), Withheld> {
        let Some(purifier) = &mut self.purifier else { return Ok(()) };
        purifier.purify(&self.image, sequence, &mut self.purified).map_err(Withheld::Purify)
    }

    /// Classifies the picture and writes its most probable classes and the labels that are present, smoothed over the
    /// last frames, into `verdict`. Returns whether earlier frames contributed.
    fn classify(&mut self, captured: Duration, verdict: &mut Verdict) -> Result<bool, Withheld> {
        let picture = if self.purifier.is_some() { &self.purified } else { &self.image };
        let probabilities = self.classifier.classify(picture).map_err(Withheld::Classify)?;
        self.probabilities.clear();
        self.probabilities.extend_from_slice(probabilities);
        let (combined, smoothed) = self.smoothing.combine(captured, &self.image, self.fit.size(), probabilities);
        self.names.rank(combined, self.options.top, &mut verdict.top);
        match self.threshold {
            Some(threshold) => self.names.present(combined, threshold, verdict.present.get_or_insert_default()),
            // The verdict may be one of another classifier, before a reload.
            None => verdict.present = None,
        }
        Ok(smoothed)
    }

    /// Writes all of a verdict but its suspicion; `top` is there already.
    fn describe(&self, frame: &Frame, smoothed: bool, times: Times, verdict: &mut Verdict) {
        // A loaded classifier has at least one class, and a ranking keeps at least one.
        let best = &verdict.top[0];
        (verdict.label, verdict.index, verdict.confidence) = (best.label.clone(), best.index, best.confidence);
        (verdict.seq, verdict.captured_at) = (frame.sequence, frame.captured_at);
        verdict.age_ms = milliseconds(times.ended.saturating_sub(frame.captured));
        (verdict.smoothed, verdict.purified) = (smoothed, self.purifier.is_some());
        verdict.models = self.models.clone();
        let (decode, Times { resize, purify, classify, .. }) = (frame.decoding, times);
        verdict.ms = Milliseconds {
            decode: milliseconds(decode),
            resize: milliseconds(resize),
            purify: milliseconds(purify),
            classify: milliseconds(classify),
            total: milliseconds(decode + resize + purify + classify),
        };
    }

    /// Withholds a verdict that is less sure than the options accept.
    fn expect_confidence(&self, confidence: f32) -> Result<(), Withheld> {
        let least = self.options.min_confidence;
        if confidence < least { Err(Withheld::Unsure { confidence, least }) } else { Ok(()) }
    }

    /// Classifies the frame before purification. Writes its most probable class into `raw`, and the suspicion, which
    /// compares the two pictures of this one frame, into `verdict`.
    fn compare_raw(&mut self, Judgement { verdict, raw }: &mut Judgement) -> Result<(), Withheld> {
        let probabilities = self.classifier.classify(&self.image).map_err(Withheld::Classify)?;
        self.names.rank(probabilities, 1, &mut self.best_raw);
        raw.clone_from(&self.best_raw.first().cloned());
        let suspicion = match self.threshold {
            None => suspicion(probabilities, &self.probabilities),
            Some(_) => suspicion_of_labels(probabilities, &self.probabilities),
        };
        verdict.suspicion = Some(suspicion);
        verdict.suspicious = suspicion >= self.options.threshold;
        Ok(())
    }
}

impl Judge for Pipeline {
    fn judge(&mut self, frame: &Frame, judgement: &mut Judgement) -> Result<(), Withheld> {
        let mut stopwatch = Stopwatch::start(self.clock.clone());
        self.fit.planes(&frame.picture, &mut self.image)?;
        let resize = stopwatch.lap();
        self.purify(frame.sequence)?;
        let purify = stopwatch.lap();
        let smoothed = self.classify(frame.captured, &mut judgement.verdict)?;
        let classify = stopwatch.lap();
        let times = Times { resize, purify, classify, ended: stopwatch.since };
        self.describe(frame, smoothed, times, &mut judgement.verdict);
        self.expect_confidence(judgement.verdict.confidence)?;
        if self.options.compare_raw {
            return self.compare_raw(judgement);
        }
        // The judgement may be one of a pipeline that compared, before a reload.
        (judgement.verdict.suspicion, judgement.verdict.suspicious, judgement.raw) = (None, false, None);
        Ok(())
    }

    fn picture(&self) -> Option<(&[f32], [usize; 2])> {
        Some((self.last_picture(), self.size()))
    }

    fn models(&self) -> Option<Arc<Models>> {
        Some(self.models.clone())
    }

    fn threshold(&self) -> Option<f32> {
        self.options.compare_raw.then_some(self.options.threshold)
    }

    fn framing(&self) -> Framing {
        self.options.framing
    }
}

/// What people want to know of the models' files.
fn files(purifier: Option<&Purifier>, classifier: &Classifier) -> Files {
    let name = |path: &Path| text::name(path.file_name().unwrap_or_default()).into_owned();
    Files {
        purifier: purifier.map(|purifier| PurifierFile {
            name: name(purifier.path()),
            mode: purifier.mode().map(str::to_owned),
            strength: purifier.strength(),
            size: purifier.size(),
        }),
        classifier: ClassifierFile {
            name: name(classifier.path()),
            classes: classifier.labels().len(),
            size: classifier.size(),
        },
    }
}

/// Measures one stage after another.
struct Stopwatch {
    clock: Arc<dyn Clock>,
    since: Duration,
}

impl Stopwatch {
    fn start(clock: Arc<dyn Clock>) -> Self {
        let since = clock.now();
        Self { clock, since }
    }

    /// Time since the lap before.
    fn lap(&mut self) -> Duration {
        let now = self.clock.now();
        now.saturating_sub(std::mem::replace(&mut self.since, now))
    }
}
