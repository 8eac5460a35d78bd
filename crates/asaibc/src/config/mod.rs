//! Everything that a cell of this paper's tables can set. The defaults are ASAIBC with the paper's values where it gives any,
//! and the decisions listed in [the crate's head](crate) where it does not.

mod model;
mod problem;
mod training;
mod unread;

pub use model::{Discriminator, Dropped, ModelConfig, Pool, Reversal, Separation};
pub use training::{Training, Updates, Vectors};
pub use unread::check_train;

use std::path::PathBuf;

use medner_core::records::Cut;
use medner_data::TagScheme;
use medner_data::formats::split::SplitOptions;
use medner_data::vocabulary::Normalisation;
use serde::{Deserialize, Serialize};

use crate::linear_crf::{Embedding, FeatureConfig, TrainOptions};
use crate::transfer::TransferConfig;

/// The configuration of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the cell does.
    pub job: Job,
    /// Name of the target data set in the catalogue.
    pub data: String,
    /// Which of the target's entities are learned and scored.
    pub entity_set: EntitySet,
    /// How much of the data is used.
    pub limits: Limits,
    /// How texts become sentences.
    pub split: Split,
    /// Reads full-width letters, digits and points as ASCII in what the taggers and the character vectors read, so that they are one
    /// character to both tasks: PD1998 has none but full-width ones, WeiboNER hardly any. The tables do. Two readers of texts take them
    /// as they are written: the linear CRFs, whose job does not have this key, and instance transfer.
    pub half_width: bool,
    /// Tag scheme of the entities; the paper's is BIO.
    pub scheme: TagScheme,
    /// Share of the training sentences, the last ones, that is held out to choose the epoch where the data set has no
    /// development set (MSRA). Where they have no entities, no epoch is better than another and the last one is kept.
    pub development: f64,
    /// The network.
    pub model: ModelConfig,
    /// How it is trained.
    pub training: Training,
    /// The word segmentation that is learned beside, where `model.transfer` is on.
    pub source: Source,
    /// Which of its sentences are learned from, and with what weight.
    pub instance_transfer: TransferConfig,
    /// Character vectors: how they are made, where that is the job; the file that a tagger starts from. A linear CRF trains its own
    /// by `vectors.cbow`.
    pub vectors: Vectors,
    /// The linear CRF, where the job is one.
    pub crf: LinearCrfConfig,
    /// What the job `statistics` counts.
    pub statistics: Counted,
}

/// What a cell does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Trains a neural tagger and scores it on the test set.
    Tagger,
    /// Trains a linear CRF and scores it on the test set.
    LinearCrf,
    /// Trains character vectors that taggers start from.
    Vectors,
    /// Counts sentences, characters and entities (Table 4).
    Statistics,
    /// Counts the sentences of the word segmentation that instance transfer keeps.
    Transfer,
}

/// The part of a data set that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// The training set.
    Train,
    /// The development set.
    Development,
    /// The test set.
    Test,
    /// All of it.
    All,
    /// Sentences with an entity.
    Positive,
    /// Sentences without.
    Negative,
}

/// A linear CRF.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinearCrfConfig {
    /// Its features.
    pub features: FeatureConfig,
    /// How its weights are found.
    pub training: TrainOptions,
}

/// WeiboNER's labels end in `.NAM` (a name) or `.NOM` (a common noun that stands for somebody or something).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntitySet {
    /// All entities.
    All,
    /// Labels in `.NAM`.
    Named,
    /// Labels in `.NOM`.
    Nominal,
}

impl EntitySet {
    /// True where an entity of this label belongs to the set.
    pub fn has(self, label: &str) -> bool {
        let ending = label.rsplit_once('.').map(|(_, ending)| ending);
        match self {
            Self::All => true,
            Self::Named => ending == Some("NAM"),
            Self::Nominal => ending == Some("NOM"),
        }
    }
}

/// How much of the data is used, the first ones of each; 0 is all. Results made with limits are never a reproduction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Training sentences of the target (a held-out share is taken from these).
    pub train: usize,
    /// Development sentences of the target.
    pub development: usize,
    /// Test sentences of the target.
    pub test: usize,
    /// Sentences of the word segmentation.
    pub source: usize,
    /// Sentences of each test set of the word segmentation.
    pub source_test: usize,
    /// Lines of each text that character vectors are trained on.
    pub texts: usize,
}

/// How texts become sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Split {
    /// Characters of a sentence at most; a longer one is cut after `。`, then `；`, then `，`, else at the limit (see
    /// [`medner_data::formats::split`]). It is also the number of position vectors. Sentences of the word segmentation, which are
    /// paragraphs, are cut after each `。`.
    pub max_length: usize,
}

impl Split {
    /// How the target's sentences are cut.
    pub fn options(&self, cut: Cut) -> SplitOptions {
        let protect_entities = cut == Cut::AroundEntities;
        SplitOptions { max_length: self.max_length, protect_entities, only_long: true }
    }
}

/// The word segmentation that features are shared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// Name of the segmented corpus in the catalogue; it needs parts of speech.
    pub data: String,
    /// A segmented text of one's own instead: UTF-8, `word/POS  word/POS` lines.
    pub file: Option<PathBuf>,
    /// Test sets of the segmentation; each is scored as the task `cws-<last part of its name>`. 3.6% of the characters of the PKU test
    /// set are ASCII, of which PD1998 has none: without `half_width` every number in it is unknown.
    pub tests: Vec<String>,
    /// Share of its sentences, the last ones, that is held out to follow the segmentation and the discriminator: taken off before
    /// instance transfer weighs the others. The job `transfer` holds none out and weighs all.
    pub development: f64,
    /// Batches of the segmentation after each batch of the target. 0, with all weights of `model.separation` at 0: the network of a
    /// transfer that transfers nothing, a control.
    pub batches: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            job: Job::Tagger,
            data: "cmdd-adr".into(),
            entity_set: EntitySet::All,
            limits: Limits::default(),
            split: Split::default(),
            half_width: false,
            scheme: TagScheme::Bio,
            development: 0.1,
            model: ModelConfig::default(),
            training: Training::default(),
            source: Source::default(),
            instance_transfer: TransferConfig::default(),
            vectors: Vectors::default(),
            crf: LinearCrfConfig::default(),
            statistics: Counted::Train,
        }
    }
}

impl Default for Split {
    fn default() -> Self {
        Self { max_length: 250 }
    }
}

impl Default for Source {
    fn default() -> Self {
        Self {
            data: "pd1998".into(),
            file: None,
            tests: vec!["sighan2005-pku".into(), "sighan2005-msr".into()],
            development: 0.02,
            batches: 1,
        }
    }
}

impl Config {
    /// The configuration with every key that its job does not read back at its default: what changes no number changes no
    /// cell's hash either, so that other epochs for the taggers do not train the character vectors again.
    #[must_use]
    pub fn for_its_job(self) -> Self {
        let ground = Self { job: self.job, data: self.data.clone(), ..Self::default() };
        let Limits { train, development, test, source, texts, .. } = self.limits;
        match self.job {
            Job::Tagger if self.model.transfer => Self {
                limits: Limits { texts: 0, ..self.limits },
                model: self.model.for_its_switches(),
                vectors: Vectors { file: self.vectors.file, scale: self.vectors.scale, ..ground.vectors },
                crf: ground.crf,
                statistics: ground.statistics,
                ..self
            },
            Job::Tagger => Self {
                entity_set: self.entity_set,
                limits: Limits { train, development, test, ..ground.limits },
                split: self.split,
                half_width: self.half_width,
                scheme: self.scheme,
                development: self.development,
                model: self.model.for_its_switches(),
                training: self.training,
                vectors: Vectors { file: self.vectors.file, scale: self.vectors.scale, ..ground.vectors },
                ..ground
            },
            Job::LinearCrf if self.crf.features.embedding == Embedding::None => Self {
                entity_set: self.entity_set,
                limits: Limits { train, test, ..ground.limits },
                development: self.development,
                crf: self.crf,
                ..ground
            },
            Job::LinearCrf => Self {
                entity_set: self.entity_set,
                limits: Limits { train, test, source, ..ground.limits },
                development: self.development,
                model: ModelConfig { embedding: self.model.embedding, ..ground.model },
                source: Source { data: self.source.data, file: self.source.file, ..ground.source },
                vectors: Vectors { cbow: self.vectors.cbow, ..ground.vectors },
                crf: self.crf,
                ..ground
            },
            Job::Vectors => Self {
                limits: Limits { texts, ..ground.limits },
                half_width: self.half_width,
                model: ModelConfig { embedding: self.model.embedding, ..ground.model },
                vectors: Vectors { file: None, scale: None, ..self.vectors },
                ..ground
            },
            Job::Statistics => Self { statistics: self.statistics, ..ground },
            Job::Transfer => Self {
                entity_set: self.entity_set,
                limits: Limits { train, source, ..ground.limits },
                development: self.development,
                source: Source { data: self.source.data, file: self.source.file, ..ground.source },
                instance_transfer: self.instance_transfer,
                ..ground
            },
        }
    }

    /// The data sets that the job reads besides `data`.
    pub fn other_data(&self) -> Vec<&str> {
        let mut others: Vec<&String> = match self.job {
            Job::Vectors => self.vectors.texts.iter().collect(),
            Job::Tagger if self.model.transfer => self.source.tests.iter().collect(),
            _ => Vec::new(),
        };
        if self.reads_source() && self.source.file.is_none() {
            others.push(&self.source.data);
        }
        others.into_iter().map(String::as_str).collect()
    }

    /// How characters are counted and looked up.
    pub fn normalisation(&self) -> Normalisation {
        Normalisation { half_width: self.half_width, ..Normalisation::default() }
    }

    /// True where the job reads the segmented corpus.
    pub fn reads_source(&self) -> bool {
        match self.job {
            Job::Transfer => true,
            Job::Tagger => self.model.transfer,
            Job::LinearCrf => self.crf.features.embedding != Embedding::None,
            Job::Vectors | Job::Statistics => false,
        }
    }
}

#[cfg(test)]
mod tests;
