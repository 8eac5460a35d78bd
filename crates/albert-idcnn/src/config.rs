//! Everything that a cell of this paper's tables can set. The defaults are the paper's (section 4.2) where it says
//! something, and the decisions listed in [`crate`] where it does not.

use medner_core::CoreError;
use medner_core::layers::IdcnnConfig;
use medner_core::precision::Precision;
use medner_core::schedule::{RateSchedule, Schedule};
use medner_data::TagScheme;
use medner_data::cbow::CbowConfig;
use serde::{Deserialize, Serialize};

use crate::pretraining::PretrainingConfig;

/// The configuration of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the cell does.
    pub job: Job,
    /// Name of the data set in the catalogue.
    pub data: String,
    /// How much of the data set is used.
    pub limits: Limits,
    /// How records become sentences.
    pub split: Split,
    /// Tag scheme of the model; the paper's is BIO.
    pub scheme: TagScheme,
    /// Share of the training records, the last ones, that is held out to choose the epoch (the corpus has no development
    /// set).
    pub development: f64,
    /// The network.
    pub model: ModelConfig,
    /// How it is trained.
    pub training: Training,
    /// Character vectors, where the job is to make them.
    pub vectors: Vectors,
    /// Folder of a published ALBERT (`config.json`, `vocab.txt`, `model.safetensors`), for taggers that read with one; left
    /// out: the one that the job `pretraining` makes.
    pub encoder: Option<String>,
    /// An encoder of our own, where the job is to make it. Its text is the training records of `data` and the training
    /// splits of `pretraining.texts`.
    pub pretraining: PretrainingConfig,
    /// The split that the job `statistics` counts.
    pub statistics: CountedSplit,
}

/// A split of the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedSplit {
    /// The 1,000 training records.
    Train,
    /// The 379 test records.
    Test,
}

/// What a cell does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Trains a tagger and scores it on the test records.
    Tagger,
    /// Trains character vectors that taggers start from.
    Vectors,
    /// Counts distinct mention strings per type (Table 1).
    Statistics,
    /// Times an epoch of a BiLSTM-CRF and of an IDCNN-CRF, turn by turn in one run (section 4.3.1).
    EpochTime,
    /// Pre-trains an ALBERT, or takes in the published one that `encoder` names.
    Pretraining,
    /// Says which of the needed taggers, whose roles are their numbers of heads, found most (Figure 5).
    BestHeads,
}

/// How much of the data set is used; 0 is all of it. Results made with limits are never a reproduction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Training records (the development share is taken from these).
    pub train: usize,
    /// Test records.
    pub test: usize,
}

/// How records become sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Split {
    /// Characters of a sentence at most: the paper's 128 pieces less `[CLS]` and `[SEP]`. Records are cut at the full stop;
    /// what is longer than this is cut further (see [`medner_data::formats::split`]).
    pub max_length: usize,
}

/// The network: embedding, dropout, encoder, attention or none, linear, CRF.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// What stands for a character.
    pub input: Input,
    /// Width of the character vectors.
    pub embedding: i64,
    /// What reads the sentence.
    pub encoder: Encoder,
    /// Width of the BiLSTM's state per direction (the paper gives none; 128 as the vectors).
    pub hidden: i64,
    /// The convolutions.
    pub idcnn: IdcnnConfig,
    /// Heads of the attention after the encoder; 0 for no attention.
    pub heads: i64,
    /// Adds the attention's input to its output. Equation 5 has no such path.
    pub attention_residual: bool,
    /// Dropout between embedding and encoder.
    pub dropout: f64,
    /// Dropout inside a pre-trained encoder while it is fine-tuned; null: the encoder's own (published ALBERTs: 0).
    pub encoder_dropout: Option<f64>,
}

/// What stands for a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Its vector.
    Characters,
    /// What ALBERT makes of it in its sentence; fine-tuned.
    Albert,
}

/// What reads the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoder {
    /// Bidirectional LSTM.
    Bilstm,
    /// Iterated dilated convolutions.
    Idcnn,
}

/// How the network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Rule of the steps.
    pub optimizer: OptimizerName,
    /// Learning rate of everything that starts from random values. The paper's 3e-5 is a rate for fine-tuning an encoder;
    /// see [`Training::literal`].
    pub head_learning_rate: f64,
    /// Learning rate of a pre-trained encoder; the paper's.
    pub encoder_learning_rate: f64,
    /// Uses the paper's 3e-5 for everything.
    pub literal: bool,
    /// What becomes of the learning rates over all epochs; `linear` goes with `patience: 0`. The paper says nothing of it.
    pub schedule: RateSchedule,
    /// Share of all steps in which the learning rates rise to their values, as a line.
    pub warmup: f64,
    /// Sentences a batch.
    pub batch_size: usize,
    /// Largest norm of the gradient.
    pub clip: f64,
    /// Epochs at most.
    pub epochs: u64,
    /// Epochs without a better development score before training stops; 0 for never.
    pub patience: u64,
    /// Steps between points of the loss curve; 0 for none.
    pub curve_every: u64,
    /// Steps between checkpoints inside an epoch; 0 for none (one is made after each epoch and every two minutes anyway).
    pub checkpoint_every: u64,
    /// Number type of the matrix products.
    pub precision: Precision,
}

/// The optimisers of Tables 4 and 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerName {
    /// Duchi et al. 2011.
    Adagrad,
    /// Hinton et al. 2012.
    Rmsprop,
    /// Kingma and Ba 2015.
    Adam,
    /// Zhang et al. 2019, over Adam.
    LookaheadAdam,
    /// Liu et al. 2019.
    Radam,
}

/// Character vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vectors {
    /// Data sets whose raw text is read besides the training records of `data`; only their training splits.
    pub texts: Vec<String>,
    /// The CBOW model.
    pub cbow: CbowConfig,
}

/// The paper's printed learning rate (section 4.2).
pub const LITERAL_LEARNING_RATE: f64 = 3e-5;

impl Default for Config {
    fn default() -> Self {
        Self {
            job: Job::Tagger,
            data: "ccks2019".into(),
            limits: Limits::default(),
            split: Split::default(),
            scheme: TagScheme::Bio,
            development: 0.1,
            model: ModelConfig::default(),
            training: Training::default(),
            vectors: Vectors::default(),
            encoder: None,
            pretraining: PretrainingConfig {
                texts: Vectors::default().texts,
                ..PretrainingConfig::default()
            },
            statistics: CountedSplit::Train,
        }
    }
}

impl Default for Split {
    fn default() -> Self {
        Self { max_length: 126 }
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            input: Input::Characters,
            embedding: 128,
            encoder: Encoder::Idcnn,
            hidden: 128,
            idcnn: IdcnnConfig::default(),
            heads: 4,
            attention_residual: false,
            dropout: 0.5,
            encoder_dropout: None,
        }
    }
}

impl Default for Training {
    fn default() -> Self {
        Self {
            optimizer: OptimizerName::Adam,
            head_learning_rate: 1e-3,
            encoder_learning_rate: LITERAL_LEARNING_RATE,
            literal: false,
            schedule: RateSchedule::Constant,
            warmup: 0.0,
            batch_size: 20,
            clip: 5.0,
            epochs: 40,
            patience: 10,
            curve_every: 0,
            checkpoint_every: 0,
            precision: Precision::F32,
        }
    }
}

impl Default for Vectors {
    fn default() -> Self {
        Self { texts: vec!["pd1998".into(), "msra".into(), "cmdd".into()], cbow: CbowConfig::default() }
    }
}

impl Training {
    /// The learning rate in force for what starts from random values.
    pub fn learning_rate(&self) -> f64 {
        if self.literal { LITERAL_LEARNING_RATE } else { self.head_learning_rate }
    }

    /// What the learning rates are multiplied with at a step, of `steps` in all.
    pub fn schedule(&self, steps: u64) -> Schedule {
        self.schedule.over(steps, self.warmup)
    }

    /// The learning rate in force for a pre-trained encoder.
    pub fn encoder_rate(&self) -> f64 {
        if self.literal { LITERAL_LEARNING_RATE } else { self.encoder_learning_rate }
    }
}

impl Config {
    /// The configuration with every key that its job does not read back at its default: what changes no number changes no
    /// cell's hash either, so that other epochs for the taggers do not train the character vectors again.
    #[must_use]
    pub fn for_its_job(self) -> Self {
        let ground = Self { job: self.job, data: self.data.clone(), ..Self::default() };
        match self.job {
            Job::Tagger => {
                let mut kept = Self {
                    vectors: ground.vectors,
                    pretraining: ground.pretraining,
                    statistics: ground.statistics,
                    ..self
                };
                if kept.model.input == Input::Characters {
                    kept.encoder = None;
                    kept.model.encoder_dropout = None;
                    kept.training.encoder_learning_rate = ground.training.encoder_learning_rate;
                } else {
                    kept.model.embedding = ground.model.embedding;
                }
                kept
            }
            Job::EpochTime => {
                let model = ModelConfig { input: ground.model.input, ..self.model };
                let (limits, split, scheme, training) = (self.limits, self.split, self.scheme, self.training);
                Self { limits, split, scheme, model, training, ..ground }
            }
            Job::Vectors => {
                let model = ModelConfig { embedding: self.model.embedding, ..ModelConfig::default() };
                Self { limits: self.limits, vectors: self.vectors, model, ..ground }
            }
            Job::Pretraining if self.encoder.is_some() => Self { encoder: self.encoder, ..ground },
            Job::Pretraining => Self { limits: self.limits, pretraining: self.pretraining, ..ground },
            Job::Statistics => Self { statistics: self.statistics, ..ground },
            Job::BestHeads => ground,
        }
    }

    /// The first value that the job cannot be done with: the key and what is allowed.
    pub fn problem(&self) -> Option<(String, String)> {
        if self.job == Job::Pretraining {
            return match self.pretraining.check() {
                Err(CoreError::Config { key, message }) => Some((format!("pretraining.{key}"), message)),
                Err(other) => Some(("pretraining".into(), other.to_string())),
                Ok(()) => None,
            };
        }
        self.tagger_problem().map(|(key, message)| (key.to_owned(), message))
    }

    fn tagger_problem(&self) -> Option<(&'static str, String)> {
        let t = &self.training;
        if !(0.0..1.0).contains(&self.development) {
            return Some(("development", format!("{} is not a share in [0, 1)", self.development)));
        }
        if self.split.max_length < 8 {
            return Some((
                "split.max_length",
                format!("{} characters are too few (at least 8)", self.split.max_length),
            ));
        }
        let dropouts = [
            ("model.dropout", Some(self.model.dropout)),
            ("model.encoder_dropout", self.model.encoder_dropout),
        ];
        for (key, value) in dropouts {
            if let Some(value) = value.filter(|value| !(0.0..1.0).contains(value)) {
                return Some((key, format!("{value} is not in [0, 1)")));
            }
        }
        let at_least_one = [
            ("model.embedding", self.model.embedding < 1),
            ("model.hidden", self.model.hidden < 1),
            ("training.batch_size", t.batch_size == 0),
            ("training.epochs", t.epochs == 0),
        ];
        if let Some((key, _)) = at_least_one.iter().find(|(_, wrong)| *wrong) {
            return Some((key, "must be at least 1".into()));
        }
        let positive = [
            ("training.head_learning_rate", t.head_learning_rate),
            ("training.encoder_learning_rate", t.encoder_learning_rate),
            ("training.clip", t.clip),
        ];
        if let Some((key, value)) = positive.iter().find(|(_, v)| !(v.is_finite() && *v > 0.0)) {
            return Some((key, format!("{value} is not a positive number")));
        }
        if !(0.0..1.0).contains(&t.warmup) {
            return Some(("training.warmup", format!("{} is not a share of the steps in [0, 1)", t.warmup)));
        }
        if self.job == Job::Tagger { self.model.problem() } else { None }
    }
}

impl ModelConfig {
    /// The first value that no network can be built with.
    fn problem(&self) -> Option<(&'static str, String)> {
        let idcnn = &self.idcnn;
        let width = match self.encoder {
            Encoder::Bilstm => 2 * self.hidden,
            Encoder::Idcnn => {
                if idcnn.filters < 1 {
                    return Some(("model.idcnn.filters", "must be at least 1".into()));
                }
                if idcnn.iterations < 1 {
                    return Some(("model.idcnn.iterations", "must be at least 1".into()));
                }
                if idcnn.kernel < 1 || idcnn.kernel % 2 == 0 {
                    let message =
                        format!("{} is not odd, as an output for each character asks", idcnn.kernel);
                    return Some(("model.idcnn.kernel", message));
                }
                if idcnn.dilations.is_empty() || idcnn.dilations.iter().any(|&d| d < 1) {
                    let message = format!("{:?} must hold numbers of at least 1", idcnn.dilations);
                    return Some(("model.idcnn.dilations", message));
                }
                idcnn.filters * idcnn.iterations as i64
            }
        };
        if self.heads < 0 || (self.heads > 0 && width % self.heads != 0) {
            let what = match self.encoder {
                Encoder::Bilstm => "twice model.hidden",
                Encoder::Idcnn => "model.idcnn.filters times model.idcnn.iterations",
            };
            let message = format!(
                "{} does not divide {width}, the width it attends over ({what}); choose a divisor, or 0 for no attention",
                self.heads
            );
            return Some(("model.heads", message));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_keeps_what_it_reads_and_nothing_else() {
        let mut config = Config { job: Job::Vectors, ..Config::default() };
        config.training.epochs = 7;
        config.model.embedding = 64;
        config.vectors.cbow.epochs = 2;
        config.limits.train = 5;
        let kept = config.clone().for_its_job();
        assert_eq!(kept.training, Training::default());
        assert_eq!((kept.model.embedding, kept.vectors.cbow.epochs, kept.limits.train), (64, 2, 5));
        config.job = Job::Tagger;
        let kept = config.clone().for_its_job();
        assert_eq!((kept.training.epochs, kept.model.embedding), (7, 64));
        assert_eq!(kept.vectors, Vectors::default());
        // Only a tagger that reads with an encoder is told where it is.
        config.encoder = Some("encoder".into());
        config.training.encoder_learning_rate = 1e-4;
        let kept = config.clone().for_its_job();
        assert_eq!((kept.encoder, kept.training.encoder_learning_rate), (None, 3e-5));
        config.model.input = Input::Albert;
        let kept = config.clone().for_its_job();
        assert_eq!((kept.encoder.as_deref(), kept.training.encoder_learning_rate), (Some("encoder"), 1e-4));
        // A published encoder is taken as it is: nothing that would train one changes the cell.
        config.job = Job::Pretraining;
        config.pretraining.training.epochs = 9;
        let kept = config.clone().for_its_job();
        assert_eq!((kept.limits, kept.pretraining), (Limits::default(), Config::default().pretraining));
        config.encoder = None;
        let kept = config.clone().for_its_job();
        assert_eq!((kept.limits.train, kept.pretraining.training.epochs), (5, 9));
        config.job = Job::Statistics;
        assert_eq!(config.for_its_job(), Config { job: Job::Statistics, ..Config::default() });
    }

    #[test]
    fn values_that_cannot_work_are_named() {
        let with = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.problem().map(|(key, _)| key).unwrap_or_default()
        };
        assert_eq!(with(|_| ()), "");
        assert_eq!(with(|c| c.development = 1.0), "development");
        assert_eq!(with(|c| c.split.max_length = 3), "split.max_length");
        assert_eq!(with(|c| c.model.dropout = 1.0), "model.dropout");
        assert_eq!(with(|c| c.model.encoder_dropout = Some(-0.1)), "model.encoder_dropout");
        assert_eq!(with(|c| c.training.batch_size = 0), "training.batch_size");
        assert_eq!(with(|c| c.training.head_learning_rate = f64::NAN), "training.head_learning_rate");
        assert_eq!(with(|c| c.training.encoder_learning_rate = 0.0), "training.encoder_learning_rate");
        assert_eq!(with(|c| c.training.clip = 0.0), "training.clip");
        assert_eq!(with(|c| c.training.warmup = 1.0), "training.warmup");
        let encoder = |c: &mut Config| (c.job, c.pretraining.encoder.heads) = (Job::Pretraining, 3);
        assert_eq!(with(encoder), "pretraining.encoder.heads");
        assert_eq!(with(|c| c.model.heads = 3), "model.heads");
        assert_eq!(with(|c| c.model.heads = -4), "model.heads");
        assert_eq!(with(|c| c.model.heads = 0), "");
        assert_eq!(with(|c| c.model.idcnn.kernel = 2), "model.idcnn.kernel");
        assert_eq!(with(|c| c.model.idcnn.filters = 0), "model.idcnn.filters");
        assert_eq!(with(|c| c.model.idcnn.dilations.clear()), "model.idcnn.dilations");
    }

    #[test]
    fn learning_rates_stay_or_rise_and_fall() {
        let stays = Training::default().schedule(100);
        assert!((0..100).all(|step| stays.factor(step) == 1.0));
        let training = Training { schedule: RateSchedule::Linear, warmup: 0.1, ..Training::default() };
        let factors = [0, 4, 9, 10, 55, 99].map(|step| training.schedule(100).factor(step));
        for (found, expected) in factors.iter().zip([0.1, 0.5, 1.0, 1.0, 0.5, 1.0 / 90.0]) {
            assert!((found - expected).abs() < 1e-12, "{factors:?}");
        }
    }

    #[test]
    fn literal_means_the_printed_learning_rate() {
        let training = Training { literal: true, encoder_learning_rate: 1e-4, ..Training::default() };
        assert_eq!((training.learning_rate(), Training::default().learning_rate()), (3e-5, 1e-3));
        assert_eq!((training.encoder_rate(), Training::default().encoder_rate()), (3e-5, 3e-5));
    }
}
