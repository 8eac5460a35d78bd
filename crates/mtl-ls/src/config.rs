//! Everything that a cell of this paper's tables can set. The defaults are the paper's where it says something, and the
//! decisions listed in [`crate`] where it does not.

use std::path::PathBuf;

use medner_core::precision::Precision;
use medner_data::TagScheme;
use serde::{Deserialize, Serialize};

use crate::pretraining::PretrainingConfig;
pub use crate::subtasks::Limits;

/// The configuration of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the cell does.
    pub job: Job,
    /// Folder of a published XLNet (`--encoder`); left out, the encoder is the one that the cell needs.
    pub encoder: Option<PathBuf>,
    /// Share of the layers that come from the model of the category, from the lowest up, with the embeddings; null: all come
    /// from the pre-trained encoder (single-task learning).
    pub slicing_rate: Option<f64>,
    /// In `train`, with `slicing_rate`: the folder of a tagger that `train` made of all data sets of the category together. In the cells of
    /// tables it is the cell that they need.
    pub pool: Option<PathBuf>,
    /// How much of the data is used.
    pub limits: Limits,
    /// Tag scheme of the tagger.
    pub scheme: TagScheme,
    /// How sentences become what the encoder reads.
    pub input: InputConfig,
    /// How the tagger is trained.
    pub training: Training,
    /// How the encoder is pre-trained, where the job is that.
    pub pretraining: PretrainingConfig,
}

/// What a cell does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Trains a tagger on one sub-task: single-task learning, or layer-sliced with a `slicing_rate`.
    Tagger,
    /// Trains one tagger on all sub-tasks of a category, and scores it on each (MTL-XC).
    Pool,
    /// The score of the needed pool on one of its sub-tasks.
    Pooled,
    /// The needed cell with the best development score (Table 3), its entity sets with it (Figures 3 and 4).
    Chosen,
    /// The mean of the entity sets' ratios over all needed cells (Figure 4).
    MeanOfSets,
    /// Pre-trains an encoder that others start from.
    Pretrain,
}

/// Which pieces of a word carry its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelMode {
    /// The first piece; further ones have the label X, which the CRF knows (the paper's text).
    X,
    /// The first piece; the CRF sees no others (the released commands).
    First,
    /// All of them.
    Repeat,
}

/// What stands in one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packing {
    /// One sentence.
    Sentence,
    /// As many whole sentences, in their order, as there is room for.
    Packed,
}

/// Where a batch is padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Before the text, as XLNet's tokenizer does.
    Left,
    /// After it.
    Right,
}

/// How sentences become what the encoder reads: `pieces <sep> <cls>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputConfig {
    /// Which pieces carry labels.
    pub labels: LabelMode,
    /// Pieces of a sequence at most, `<sep>` and `<cls>` included; longer sentences are read in windows (a single word that is
    /// longer has a window of its own length). Nothing is cut off but what a word has beyond 512 pieces, which a warning names.
    pub max_pieces: usize,
    /// Pieces that neighbouring windows share at most.
    pub overlap: usize,
    /// What stands in one sequence.
    pub packing: Packing,
    /// Where a batch is padded. The numbers are the same.
    pub padding: Side,
    /// Whether `<cls>` is of a segment of its own, as in published XLNets.
    pub classify_segment: bool,
}

/// Epochs: first `initial`, then `rounds` times `per_round` from the parameters that those came to, each round with the
/// learning rate from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Epochs {
    /// The first training's.
    pub initial: u64,
    /// How many more trainings.
    pub rounds: u64,
    /// Epochs of each.
    pub per_round: u64,
}

/// How the tagger is trained: Adam with a straight decay to 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// How long.
    pub epochs: Epochs,
    /// Epochs at the end of each round (of the first training, where there are no rounds) whose scores are averaged.
    pub last: u64,
    /// Sequences of a batch.
    pub batch_size: usize,
    /// Sequences that are computed at a time: what memory allows. The gradients of a batch's parts are added up.
    pub part_size: usize,
    /// Learning rate of the highest layer.
    pub learning_rate: f64,
    /// That of the output layer and the CRF, which start from random values; null: the same.
    pub head_learning_rate: Option<f64>,
    /// What each layer's learning rate is of that of the layer above; the embedding is below the lowest.
    pub layer_decay: f64,
    /// Share of a training's steps in which the learning rate rises; the paper has none.
    pub warmup: f64,
    /// Added to the denominator of Adam.
    pub epsilon: f64,
    /// Greatest norm of the gradient.
    pub clip: f64,
    /// Dropout; null: the encoder's own.
    pub dropout: Option<f64>,
    /// Number type of the matrix products.
    pub precision: Precision,
    /// Keep of each layer its input alone and compute the rest again in the backward pass: a third more time, a fraction of the
    /// memory.
    pub recompute: bool,
    /// Share of the training sentences, the last ones, held out where a user's own training has no development file.
    pub development: f64,
    /// Steps between checkpoints inside an epoch; 0 for none (one is made after each epoch and every two minutes anyway).
    pub checkpoint_every: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            job: Job::Tagger,
            encoder: None,
            slicing_rate: None,
            pool: None,
            limits: Limits::default(),
            scheme: TagScheme::Bio,
            input: InputConfig::default(),
            training: Training::default(),
            pretraining: PretrainingConfig::default(),
        }
    }
}

impl Default for InputConfig {
    fn default() -> Self {
        Self {
            labels: LabelMode::X,
            max_pieces: 128,
            overlap: 32,
            packing: Packing::Sentence,
            padding: Side::Right,
            classify_segment: true,
        }
    }
}

impl Default for Epochs {
    fn default() -> Self {
        Self { initial: 30, rounds: 3, per_round: 30 }
    }
}

impl Default for Training {
    fn default() -> Self {
        Self {
            epochs: Epochs::default(),
            last: 5,
            batch_size: 32,
            part_size: 32,
            learning_rate: 3e-5,
            head_learning_rate: None,
            layer_decay: 0.9,
            warmup: 0.0,
            epsilon: 1e-6,
            clip: 1.0,
            dropout: None,
            precision: Precision::F32,
            recompute: false,
            development: 0.1,
            checkpoint_every: 0,
        }
    }
}

impl Epochs {
    /// All of them.
    pub fn total(self) -> u64 {
        self.initial + self.rounds * self.per_round
    }

    /// The training that an epoch (from 0) belongs to: its first epoch and its length.
    pub fn training_of(self, epoch: u64) -> (u64, u64) {
        if epoch < self.initial || self.per_round == 0 {
            return (0, self.initial);
        }
        let round = (epoch - self.initial) / self.per_round;
        (self.initial + round * self.per_round, self.per_round)
    }

    /// Whether an epoch (from 0) is among the last `last` of a training that is scored: the rounds, or the first training
    /// where there are none.
    pub fn counts(self, epoch: u64, last: u64) -> bool {
        let (start, length) = self.training_of(epoch);
        let scored = if self.rounds > 0 { epoch >= self.initial } else { true };
        scored && epoch + last.min(length) >= start + length
    }
}

impl Config {
    /// The configuration with every key that its job does not read back at its default: what changes no number changes no
    /// cell's hash either.
    #[must_use]
    pub fn for_its_job(self) -> Self {
        let ground = Self { job: self.job, ..Self::default() };
        match self.job {
            Job::Tagger => Self { pretraining: ground.pretraining, ..self },
            Job::Pool => Self { pretraining: ground.pretraining, slicing_rate: None, ..self },
            Job::Pooled | Job::Chosen | Job::MeanOfSets => ground,
            Job::Pretrain => {
                Self { pretraining: self.pretraining, limits: self.limits, encoder: self.encoder, ..ground }
            }
        }
    }

    /// The first value that the job cannot be done with: the key and what is allowed.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let (t, input) = (&self.training, &self.input);
        if let Some(rate) = self.slicing_rate.filter(|rate| !(0.0..=1.0).contains(rate)) {
            return Some(("slicing_rate", format!("{rate} is not a share in [0, 1]")));
        }
        if input.max_pieces < 8 {
            return Some((
                "input.max_pieces",
                format!("{} pieces are too few (at least 8)", input.max_pieces),
            ));
        }
        if input.overlap + 4 > input.max_pieces / 2 {
            let message =
                format!("{} is not well below half of max_pieces {}", input.overlap, input.max_pieces);
            return Some(("input.overlap", message));
        }
        let at_least_one = [
            ("training.epochs.initial", t.epochs.initial == 0),
            ("training.last", t.last == 0),
            ("training.batch_size", t.batch_size == 0),
            ("training.part_size", t.part_size == 0),
        ];
        if let Some((key, _)) = at_least_one.iter().find(|(_, wrong)| *wrong) {
            return Some((key, "must be at least 1".into()));
        }
        if t.epochs.rounds > 0 && t.epochs.per_round == 0 {
            return Some(("training.epochs.per_round", "must be at least 1 where there are rounds".into()));
        }
        let head = t.head_learning_rate.unwrap_or(t.learning_rate);
        let positive = [
            ("training.learning_rate", t.learning_rate),
            ("training.head_learning_rate", head),
            ("training.layer_decay", t.layer_decay),
            ("training.epsilon", t.epsilon),
            ("training.clip", t.clip),
        ];
        if let Some((key, value)) = positive.iter().find(|(_, v)| !(v.is_finite() && *v > 0.0)) {
            return Some((key, format!("{value} is not a positive number")));
        }
        let shares = [
            ("training.warmup", t.warmup),
            ("training.dropout", t.dropout.unwrap_or(0.0)),
            ("training.development", t.development),
        ];
        if let Some((key, value)) = shares.iter().find(|(_, v)| !(0.0..1.0).contains(v)) {
            return Some((key, format!("{value} is not in [0, 1)")));
        }
        if self.job == Job::Pretrain {
            return self.pretraining.check().err().map(|error| ("pretraining", error.to_string()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_and_three_times_thirty() {
        let epochs = Epochs::default();
        assert_eq!(epochs.total(), 120);
        assert_eq!([0, 29, 30, 59, 60, 119].map(|e| epochs.training_of(e).0), [0, 0, 30, 30, 60, 90]);
        let counted: Vec<u64> = (0..120).filter(|&e| epochs.counts(e, 5)).collect();
        assert_eq!(counted.len(), 15);
        assert_eq!((counted[0], counted[4], counted[5], counted[14]), (55, 59, 85, 119));
        let short = Epochs { initial: 3, rounds: 0, per_round: 30 };
        assert_eq!((0..3).filter(|&e| short.counts(e, 2)).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((0..3).filter(|&e| short.counts(e, 5)).count(), 3);
    }

    #[test]
    fn a_job_keeps_what_it_reads_and_nothing_else() {
        let mut config = Config { job: Job::Pretrain, ..Config::default() };
        config.training.batch_size = 7;
        config.pretraining.training.epochs = 2;
        let kept = config.clone().for_its_job();
        assert_eq!((kept.training.batch_size, kept.pretraining.training.epochs), (32, 2));
        config.job = Job::Tagger;
        let kept = config.clone().for_its_job();
        assert_eq!(kept.training.batch_size, 7);
        assert_eq!(kept.pretraining, PretrainingConfig::default());
        config.job = Job::Chosen;
        assert_eq!(config.for_its_job(), Config { job: Job::Chosen, ..Config::default() });
    }

    #[test]
    fn values_that_cannot_work_are_named() {
        let with = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.problem().map(|(key, _)| key)
        };
        assert_eq!(with(|_| ()), None);
        assert_eq!(with(|c| c.slicing_rate = Some(1.5)), Some("slicing_rate"));
        assert_eq!(with(|c| c.input.max_pieces = 3), Some("input.max_pieces"));
        assert_eq!(with(|c| c.input.overlap = 62), Some("input.overlap"));
        assert_eq!(with(|c| c.training.epochs.initial = 0), Some("training.epochs.initial"));
        assert_eq!(with(|c| c.training.epochs.per_round = 0), Some("training.epochs.per_round"));
        assert_eq!(with(|c| c.training.head_learning_rate = Some(-1.0)), Some("training.head_learning_rate"));
        assert_eq!(with(|c| c.training.layer_decay = 0.0), Some("training.layer_decay"));
        assert_eq!(with(|c| c.training.dropout = Some(1.0)), Some("training.dropout"));
    }
}
