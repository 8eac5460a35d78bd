//! Training.

use std::path::Path;
use std::time::Instant;

use medner_data::Sentence;
use medner_metrics::{LabelSet, TagScheme};
use serde::{Deserialize, Serialize};

use super::checkpoint::{Checkpoint, Identity};
use super::features::{Dictionary, FeatureConfig};
use super::lbfgs::{self, End, Settings, State};
use super::objective::Objective;
use super::symbols::Embedding;
use super::vector::norm;
use super::vectors::Vectors;
use super::{LinearCrf, LinearCrfError, Resources};

/// How the weights are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainOptions {
    /// Penalty: `l2 / 2` times the sum of the squared weights is added to the negative log-likelihood of all sentences (default: 0.3,
    /// by WeiboNER's development set, where 1 is 0.4 points better without vectors and 0.2 to 1.9 worse with them).
    pub l2: f64,
    /// Most iterations of L-BFGS (default: 500).
    pub iterations: u32,
    /// Training ends when the objective has fallen by less than this share of itself over `period` iterations (default: 1e-5).
    pub tolerance: f64,
    /// See `tolerance` (default: 10).
    pub period: u32,
    /// Steps that L-BFGS remembers (default: 6).
    pub memory: usize,
    /// Decodes legal BIO sequences only (default: true).
    pub constrained: bool,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self { l2: 0.3, iterations: 500, tolerance: 1e-5, period: 10, memory: 6, constrained: true }
    }
}

impl TrainOptions {
    /// The first value that is not allowed.
    ///
    /// # Errors
    /// [`LinearCrfError::Config`].
    pub fn check(&self) -> Result<(), LinearCrfError> {
        let wrong = |key, value: String, expected| Err(LinearCrfError::Config { key, value, expected });
        for (key, value) in [("l2", self.l2), ("tolerance", self.tolerance)] {
            if !(value >= 0.0 && value.is_finite()) {
                return wrong(key, value.to_string(), "0 or more");
            }
        }
        let at_least_1 = [
            ("iterations", u64::from(self.iterations)),
            ("period", u64::from(self.period)),
            ("memory", self.memory as u64),
        ];
        match at_least_1.into_iter().find(|&(_, value)| value == 0) {
            Some((key, _)) => wrong(key, "0".into(), "at least 1"),
            None => Ok(()),
        }
    }
}

/// What goes on around a training: by default nothing.
pub struct Run<'a> {
    /// A file to save the state in: every `every` iterations and when stopped. Where it is there at the start, training goes on from it
    /// and ends with the same bits as without an interruption.
    pub checkpoint: Option<&'a Path>,
    /// Iterations between two savings (default: 10).
    pub every: u32,
    /// Asked after each iteration; `true` ends the training with [`Outcome::Stopped`].
    pub stop: Box<dyn Fn() -> bool + 'a>,
    /// Told after each iteration.
    pub progress: Box<dyn FnMut(&Progress) + 'a>,
}

impl Default for Run<'_> {
    fn default() -> Self {
        Self { checkpoint: None, every: 10, stop: Box::new(|| false), progress: Box::new(|_| {}) }
    }
}

/// How far a training is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Iterations done.
    pub iteration: u32,
    /// Negative log-likelihood of all sentences and penalty.
    pub objective: f64,
    /// Length of the gradient.
    pub gradient: f64,
    /// Seconds since this run began.
    pub seconds: f64,
}

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The objective hardly falls any more.
    Tolerance,
    /// The gradient has vanished.
    Gradient,
    /// No step makes the objective smaller in the numbers' precision.
    Precision,
    /// As many iterations as allowed.
    Iterations,
}

/// A finished training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Iterations done, those before an interruption included.
    pub iterations: u32,
    /// Negative log-likelihood of all sentences and penalty.
    pub objective: f64,
    /// Why it ended.
    pub ended: Ended,
    /// Strings that are features.
    pub strings: usize,
    /// Numbers of a vector; 0 without vectors.
    pub dim: usize,
    /// Weights.
    pub weights: usize,
    /// Share of the training characters whose symbol has a vector, 0 to 1; 0 without vectors.
    pub coverage: f64,
    /// Seconds of this run.
    pub seconds: f64,
}

/// What came of a training.
#[derive(Debug)]
pub enum Outcome {
    /// A model.
    Finished(Box<LinearCrf>, Summary),
    /// It was stopped; a checkpoint, where one is kept, has its state.
    Stopped {
        /// Iterations done.
        iteration: u32,
    },
}

impl LinearCrf {
    /// Trains on sentences of characters; the labels are those of their entities.
    ///
    /// # Errors
    /// [`LinearCrfError`]; a checkpoint of other data or with other options is refused.
    pub fn train(
        sentences: &[Sentence],
        features: &FeatureConfig,
        resources: Resources<'_>,
        options: &TrainOptions,
        run: &mut Run<'_>,
    ) -> Result<Outcome, LinearCrfError> {
        let began = Instant::now();
        features.check()?;
        options.check()?;
        let mut model = Self::untrained(sentences, features, resources, options)?;
        let encoded = model.encode(sentences)?;
        let mut gold = Vec::with_capacity(encoded.positions());
        for sentence in sentences {
            let labels = model.labels.encode(sentence.tokens.len(), &sentence.spans)?;
            gold.extend(labels.into_iter().map(|label| label as u16));
        }
        let shape = model.shape();
        let mut objective = Objective::new(shape, &encoded, &model.vectors, &gold, options.l2);
        let mut function = |weights: &[f64], gradient: &mut [f64]| objective.evaluate(weights, gradient);

        let checkpoint = run.checkpoint.map(|path| {
            let identity = Identity::new(features, options, &model.labels, &encoded, &gold, &model.vectors);
            Checkpoint::new(path, identity)
        });
        let saved = checkpoint.as_ref().map(|c| c.load(shape.weights())).transpose()?.flatten();
        let mut state = match saved {
            Some(state) => state,
            None => State::new(vec![0.0; shape.weights()], &mut function),
        };
        let settings = Settings {
            memory: options.memory,
            iterations: options.iterations,
            tolerance: options.tolerance,
            period: options.period as usize,
            gradient: 1e-7,
        };
        let mut failed = None;
        let end = lbfgs::minimise(&mut state, &settings, &mut function, |state| {
            (run.progress)(&Progress {
                iteration: state.iteration,
                objective: state.value,
                gradient: norm(&state.gradient),
                seconds: began.elapsed().as_secs_f64(),
            });
            let stop = (run.stop)();
            if let Some(checkpoint) = &checkpoint
                && (stop || state.iteration.is_multiple_of(run.every.max(1)))
            {
                failed = checkpoint.save(state).err();
            }
            !stop && failed.is_none()
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let ended = match end {
            End::Tolerance => Ended::Tolerance,
            End::Gradient => Ended::Gradient,
            End::Precision => Ended::Precision,
            End::Iterations => Ended::Iterations,
            End::Stopped => return Ok(Outcome::Stopped { iteration: state.iteration }),
            End::NotFinite => return Err(LinearCrfError::NotFinite { iteration: state.iteration }),
        };
        let summary = Summary {
            iterations: state.iteration,
            objective: state.value,
            ended,
            strings: shape.strings,
            dim: shape.dim,
            weights: shape.weights(),
            coverage: encoded.coverage(&features.offsets()),
            seconds: began.elapsed().as_secs_f64(),
        };
        model.weights = state.point;
        Ok(Outcome::Finished(Box::new(model), summary))
    }

    /// Labels, strings and vectors, no weights yet.
    fn untrained(
        sentences: &[Sentence],
        features: &FeatureConfig,
        resources: Resources<'_>,
        options: &TrainOptions,
    ) -> Result<Self, LinearCrfError> {
        if sentences.is_empty() {
            return Err(LinearCrfError::NoSentences);
        }
        for sentence in sentences {
            sentence.check()?;
        }
        let labels = LabelSet::from_spans(TagScheme::Bio, sentences.iter().flat_map(|s| &s.spans))?;
        let embedding = features.embedding;
        let vectors = match (embedding, resources.vectors) {
            (Embedding::None, _) => Vectors::default(),
            (_, Some(vectors)) => Vectors::of(&vectors.scaled(features.scale)),
            (_, None) => return Err(LinearCrfError::NoVectors { embedding }),
        };
        Ok(Self {
            features: features.clone(),
            constrained: options.constrained,
            labels,
            dictionary: Dictionary::collect(sentences, features.min_count),
            vectors,
            lexicon: resources.lexicon.filter(|_| embedding.needs_words()).cloned(),
            weights: Vec::new(),
        })
    }
}
