//! Keys of the training, and of the character vectors.

use std::path::PathBuf;

use medner_core::schedule::RateSchedule;
use medner_data::batching::BatchOrder;
use medner_data::cbow::CbowConfig;
use serde::{Deserialize, Serialize};

use super::Job;

/// How the network is trained: Adam, one optimiser for all parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Sentences a batch, of either task.
    pub batch_size: usize,
    /// Which sentences go together, of either task: `bucketed`, those of like length, or `random`. The paper does not say.
    pub batches: BatchOrder,
    /// When the parameters move, where there is a word segmentation.
    pub updates: Updates,
    /// Largest norm of the gradient.
    pub clip: f64,
    /// Epochs at most. An epoch is one pass over the target's batches.
    pub epochs: u64,
    /// Epochs without a better development score before training stops; 0 for never.
    pub patience: u64,
    /// Training sentences, spread evenly, that are scored after each epoch beside the development set (the learning curve of
    /// Figure 7); 0 for none.
    pub scored: usize,
    /// Steps between points of the loss curve (Figure 8); 0 for none. A step is one batch of the target, and of the word
    /// segmentation where there is one.
    pub curve_every: u64,
    /// Steps between checkpoints inside an epoch; 0 for none (one is made after each epoch and every two minutes anyway).
    pub checkpoint_every: u64,
    /// What becomes of the learning rate over all epochs; `linear` goes with `patience: 0`. The paper says nothing of it.
    pub schedule: RateSchedule,
    /// Share of all steps in which the learning rate rises to its value, as a line.
    pub warmup: f64,
}

/// When the parameters move in a step, which is a batch of the target and those of the word segmentation; the paper does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Updates {
    /// After every batch. The discriminator then sees one task at a time.
    Alternating,
    /// Once, by the sum of all batches' losses.
    Together,
}

/// Character vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vectors {
    /// Data sets whose raw text is read besides `data` (which is read once where it stands here too); only their training splits.
    pub texts: Vec<String>,
    /// The CBOW model. Its width is `model.embedding`, its seed the cell's, its threads the machine's: these keys are not set here.
    pub cbow: CbowConfig,
    /// A file of vectors that a tagger starts from (word2vec's text or binary format, or GloVe's; the format is told from the
    /// file): those of single characters, of `model.embedding` numbers each. Left out: the vectors of the cell that a table's
    /// system needs; in `train`, random ones.
    pub file: Option<PathBuf>,
    /// The root mean square that all their numbers are scaled to before a tagger starts from them; left out: as they are.
    /// CBOW leaves frequent characters long, 10 and more, where one without a vector is drawn with a length of about 1.
    pub scale: Option<f64>,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            batch_size: 20,
            batches: BatchOrder::Bucketed,
            updates: Updates::Alternating,
            clip: 5.0,
            epochs: 40,
            patience: 10,
            scored: 500,
            curve_every: 0,
            checkpoint_every: 0,
            schedule: RateSchedule::Constant,
            warmup: 0.0,
        }
    }
}

impl Default for Vectors {
    fn default() -> Self {
        Self {
            texts: ["pd1998", "msra", "weibo-2nd", "cmdd-adr"].map(String::from).to_vec(),
            cbow: CbowConfig::default(),
            file: None,
            scale: None,
        }
    }
}

impl Vectors {
    /// The first key of `cbow` that is written although the job takes its value from elsewhere.
    pub(super) fn problem(&self, job: Job) -> Option<(&'static str, String)> {
        if let Some(scale) = self.scale.filter(|scale| !(scale.is_finite() && *scale > 0.0)) {
            return Some(("vectors.scale", format!("{scale} is not a positive number")));
        }
        let (cbow, ground) = (&self.cbow, CbowConfig::default());
        let taken = [
            ("vectors.cbow.dim", cbow.dim != ground.dim, "the width is `model.embedding`"),
            ("vectors.cbow.seed", cbow.seed != ground.seed, "the seed is the cell's"),
            ("vectors.cbow.threads", cbow.threads != ground.threads, "the threads are those of `--threads`"),
            (
                "vectors.cbow.normalisation",
                job == Job::Vectors && cbow.normalisation != ground.normalisation,
                "`half_width` decides it",
            ),
        ];
        taken
            .iter()
            .find(|(_, written, _)| *written)
            .map(|(key, _, instead)| (*key, format!("{instead}; leave it out")))
    }
}

impl Training {
    /// The first value that nothing can be trained with.
    pub(super) fn problem(&self) -> Option<(&'static str, String)> {
        let at_least_one =
            [("training.batch_size", self.batch_size == 0), ("training.epochs", self.epochs == 0)];
        if let Some((key, _)) = at_least_one.iter().find(|(_, wrong)| *wrong) {
            return Some((key, "must be at least 1".into()));
        }
        if !(0.0..1.0).contains(&self.warmup) {
            let message = format!("{} is not a share of the steps in [0, 1)", self.warmup);
            return Some(("training.warmup", message));
        }
        let positive = [("training.learning_rate", self.learning_rate), ("training.clip", self.clip)];
        positive
            .iter()
            .find(|(_, value)| !(value.is_finite() && *value > 0.0))
            .map(|(key, value)| (*key, format!("{value} is not a positive number")))
    }
}
