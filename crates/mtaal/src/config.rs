//! Everything that a cell of this paper's tables can set. The defaults are the paper's ("Experiment Settings") where it
//! says something, and the decisions listed in [`crate`] where it does not.

mod released;

use medner_core::optim::{Adam, OptimizerConfig, Rule};
use medner_data::cbow::CbowConfig;
use medner_experiment::{ConfigError, Value, config};
use serde::{Deserialize, Serialize};

use crate::scores::Strategy;

pub use released::{RELEASED_LENGTH, Released};

/// The configuration of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the cell does.
    pub job: Job,
    /// The paper as printed, or the authors' released code: `released` switches every key of `released` on and takes the
    /// released optimisers, save the keys that are set by hand.
    pub variant: Variant,
    /// The scenario: one task alone (ST) or both (MT).
    pub tasks: Tasks,
    /// How sentences are chosen.
    pub strategy: Strategy,
    /// How many queries are made, and of what size.
    pub query: Query,
    /// The task discriminator's game, lines 9 to 12 of Algorithm 1.
    pub task_discriminator: TaskGame,
    /// The diversity discriminator's game, lines 2 to 4 of Algorithm 1.
    pub diversity_discriminator: DiversityGame,
    /// The networks.
    pub model: ModelConfig,
    /// How they are trained.
    pub training: Training,
    /// Where the word vectors come from.
    pub word_vectors: WordVectorConfig,
    /// What the released code does differently; all off in the paper's variant.
    pub released: Released,
    /// The verb `train` on a user's own files.
    pub supervised: Supervised,
    /// How much of the data set is used.
    pub limits: Limits,
}

/// The verb `train`: all sentences are labelled, nothing is queried. Here and in `learn`, words and characters that stand once in the
/// labelled sentences are read as unknown ones half of the time ([`crate::algorithm::ActiveLearning::train_unknown`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Supervised {
    /// Epochs at most. Of few sentences an epoch is several passes: [`Supervised::passes`].
    pub epochs: u64,
    /// Epochs without a better development score before training stops; 0 for never. Those before the first mention is found do
    /// not count.
    pub patience: u64,
    /// Share of the sentences, drawn at random, that is held out where no development file is given.
    pub development: f64,
}

/// Few sentences are read until so many steps are made. Attention without a residual path begins with words that all look alike,
/// and takes some hundred steps to tell them apart.
pub const ENOUGH_STEPS: usize = 600;

/// So many passes, and where there are few sentences as many as make [`ENOUGH_STEPS`] steps.
pub fn enough_passes(passes: u64, sentences: usize, batch_size: usize) -> u64 {
    let steps = sentences.div_ceil(batch_size).max(1);
    passes.max(ENOUGH_STEPS.div_ceil(steps) as u64)
}

impl Supervised {
    /// Steps of the tasks in an epoch at least: 1,200 in the 40 epochs of the default. Normalisation alone finds its first mention
    /// after about 1,000 (300 sentences of NCBI).
    const STEPS: usize = 30;

    /// Passes over the sentences in an epoch: one, and where there are few sentences as many as make 30 steps, so that `epochs` and
    /// `patience` mean much the same for few and for many.
    pub fn passes(sentences: usize, batch_size: usize) -> u64 {
        Self::STEPS.div_ceil(sentences.div_ceil(batch_size).max(1)) as u64
    }
}

/// What a cell does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Active learning: trains, queries, scores on the test sentences after every query.
    ActiveLearning,
    /// Trains word vectors on the PubTator text of both corpora.
    Vectors,
    /// Counts what Table 1 counts.
    Statistics,
    /// Compares our own reading of the PubTator files with the authors' files.
    Agreement,
    /// The scores of two single-task runs side by side: recognition of the one, normalisation of the other.
    SingleTasks,
    /// Mean and standard deviation of what the needed runs queried (Table 4).
    QueryDiversity,
}

/// The paper as printed, or the authors' released code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Masks, logarithmic losses, sampling without replacement, every pool sentence scored.
    Paper,
    /// Every key of [`Released`] on.
    Released,
}

/// The scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tasks {
    /// Recognition alone (ST).
    Ner,
    /// Normalisation alone (ST).
    Nen,
    /// Both (MT).
    Both,
}

impl Tasks {
    /// Whether recognition is trained.
    pub fn ner(self) -> bool {
        self != Self::Nen
    }

    /// Whether normalisation is trained.
    pub fn nen(self) -> bool {
        self != Self::Ner
    }
}

/// How many queries are made, and of what size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// Queries in all; the scores after the last one are the cell's scores. The paper makes 70 and prints its tables after
    /// 25 (NCBI) and 55 (BC5CDR).
    pub times: u64,
    /// Sentences a query: 64 (NCBI), 128 (BC5CDR), 100 (Table 4).
    pub sentences: usize,
    /// Scores on the test sentences after every so many queries, and after the last.
    pub evaluate_every: u64,
    /// Only what is chosen counts (Table 4): nothing is trained after the last query, nothing at all for the strategy `random`,
    /// which asks no network, and nothing is scored on the test sentences. The sentences chosen are the same.
    pub choices_only: bool,
}

/// Lines 9 to 12 of Algorithm 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaskGame {
    /// Whether the discriminator and its game are there. Needs both tasks: with one there is nothing to tell apart.
    pub on: bool,
    /// Learning rate of both sides.
    pub learning_rate: f64,
    /// Decay of Adam's first moment.
    pub beta1: f64,
    /// Decay of Adam's second moment.
    pub beta2: f64,
}

/// Lines 2 to 4 of Algorithm 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiversityGame {
    /// Whether the discriminator is trained. The strategy `diversity` without it asks an untrained one ("we do not optimize
    /// the corresponding modules", the ablation study).
    pub on: bool,
    /// Whether line 4 is played; without it the discriminator learns (line 3) and the encoder stands still, a control.
    pub moves_encoder: bool,
    /// Batches of labelled and unlabelled sentences a query; 0 for one pass over the labelled sentences.
    pub steps: u64,
    /// How its sentences come together.
    pub batches: GameBatches,
    /// Learning rate of both sides.
    pub learning_rate: f64,
    /// Decay of Adam's first moment.
    pub beta1: f64,
    /// Decay of Adam's second moment.
    pub beta2: f64,
}

/// How the sentences of the diversity game come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GameBatches {
    /// At random ("sample batches", line 2 of Algorithm 1).
    Random,
    /// Of like length. A batch of short labelled sentences then plays against one of long unlabelled ones, and the next the other
    /// way round: their length tells the two apart in almost every step, and nothing that is learned of it lasts.
    LikeLength,
}

/// The networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Width of the character vectors ("dim is set to 30").
    pub characters: i64,
    /// Width of the word vectors.
    pub words: i64,
    /// Width of every BiLSTM's state per direction ("the number of hidden units of all the BiLSTM layers is 64").
    pub hidden: i64,
    /// Whether training changes the word vectors (the released code does).
    pub train_words: bool,
}

/// How the task networks are trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Sentences a batch (the released code's; the paper gives none).
    pub batch_size: usize,
    /// Learning rate of equation (1).
    pub learning_rate: f64,
    /// Decay of Adam's first moment.
    pub beta1: f64,
    /// Decay of Adam's second moment.
    pub beta2: f64,
    /// Epochs over the labelled sentences before the first query. Algorithm 1 has none: the first query is made by an
    /// untrained network. `train` makes them before its first epoch; `query` and `learn` make none.
    pub warm_up: u64,
    /// Epochs over the labelled sentences after each query ("fine-tuned for 1 epoch after every query").
    pub epochs: u64,
    /// Steps between checkpoints inside a round; 0 for none (one is made after each round and every two minutes anyway).
    pub checkpoint_every: u64,
}

/// Where the word vectors come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WordVectorConfig {
    /// Which vectors.
    pub source: WordVectorSource,
    /// The file of the source `glove`: GloVe's text format, any size.
    pub glove: Option<String>,
    /// The file of the source `word2vec`: word2vec's binary or text format.
    pub word2vec: Option<String>,
    /// How many words of a file `train` and `learn` keep beside the model, for those that training does not show and `predict`,
    /// `evaluate` and `query` meet: the first of the file, which in most files are the most frequent. Words with capitals do not
    /// count, since words are looked up in lower case. The default is all of GloVe 6B, 480 MB of 300 dimensions; 0 for none.
    pub kept: usize,
    /// The CBOW model, where the job is to train vectors.
    pub cbow: CbowConfig,
}

/// Which vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordVectorSource {
    /// Uniform in ±sqrt(3 / width).
    Random,
    /// CBOW vectors that another cell trained on the corpora's own text.
    Trained,
    /// 2,925 of the 400,000 GloVe 6B vectors; the other words uniform in ±sqrt(3 / width).
    GloveSubset,
    /// The file named by `word_vectors.glove`.
    Glove,
    /// The file named by `word_vectors.word2vec`.
    Word2vec,
}

/// How much of the data set is used; 0 is all of it. Results made with limits are never a reproduction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Initially labelled sentences.
    pub labelled: usize,
    /// Pool sentences.
    pub pool: usize,
    /// Test sentences.
    pub test: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            job: Job::ActiveLearning,
            variant: Variant::Paper,
            tasks: Tasks::Both,
            strategy: Strategy::Diversity,
            query: Query::default(),
            task_discriminator: TaskGame::default(),
            diversity_discriminator: DiversityGame::default(),
            model: ModelConfig::default(),
            training: Training::default(),
            word_vectors: WordVectorConfig::default(),
            released: Released::default(),
            supervised: Supervised::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Supervised {
    fn default() -> Self {
        Self { epochs: 40, patience: 8, development: 0.1 }
    }
}

impl Default for Query {
    fn default() -> Self {
        Self { times: 70, sentences: 64, evaluate_every: 1, choices_only: false }
    }
}

impl Default for TaskGame {
    fn default() -> Self {
        Self { on: true, learning_rate: 1e-4, beta1: 0.9, beta2: 0.999 }
    }
}

impl Default for DiversityGame {
    fn default() -> Self {
        let batches = GameBatches::Random;
        Self {
            on: true,
            moves_encoder: true,
            steps: 0,
            batches,
            learning_rate: 1e-4,
            beta1: 0.9,
            beta2: 0.999,
        }
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self { characters: 30, words: 300, hidden: 64, train_words: true }
    }
}

impl Default for Training {
    fn default() -> Self {
        Self {
            batch_size: 32,
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            warm_up: 0,
            epochs: 1,
            checkpoint_every: 0,
        }
    }
}

impl Default for WordVectorConfig {
    fn default() -> Self {
        Self {
            source: WordVectorSource::Random,
            glove: None,
            word2vec: None,
            kept: 400_000,
            cbow: CbowConfig { dim: 300, min_count: 2, epochs: 10, ..CbowConfig::default() },
        }
    }
}

/// Adam with these settings.
pub fn adam(learning_rate: f64, beta1: f64, beta2: f64) -> OptimizerConfig {
    OptimizerConfig::new(Rule::Adam(Adam { beta1, beta2, ..Adam::default() }), learning_rate)
}

impl Config {
    /// Whether lines 2 to 4 of Algorithm 1 are played.
    pub fn plays_diversity_game(&self) -> bool {
        self.job == Job::ActiveLearning
            && self.strategy == Strategy::Diversity
            && self.diversity_discriminator.on
    }

    /// Reads a configuration; `variant: released` sets what is not set by hand.
    ///
    /// # Errors
    /// Unknown keys, wrong types, values that the job cannot be done with.
    pub fn read(given: &Value) -> Result<Self, ConfigError> {
        let config: Self = config::from_value(given)?;
        let wanted = config::at_key(given, "task_discriminator.on").and_then(Value::as_bool);
        if config.tasks != Tasks::Both && wanted == Some(true) {
            let message = "with one task there is nothing to tell apart; set `tasks: both`, or leave it out";
            return Err(ConfigError::at("task_discriminator.on", message));
        }
        let config = match config.variant {
            Variant::Paper => config,
            Variant::Released => {
                let mut preset = released::preset()?;
                merge(&mut preset, given);
                config::from_value(&preset)?
            }
        };
        let config = config.for_its_job();
        match config.problem() {
            Some((key, message)) => Err(ConfigError::at(key, message)),
            None => Ok(config),
        }
    }

    /// The configuration with every key that its job does not read back at its default: what changes no number changes no
    /// cell's hash either.
    #[must_use]
    pub fn for_its_job(self) -> Self {
        let ground = Self { job: self.job, ..Self::default() };
        match self.job {
            Job::ActiveLearning => {
                let mut config = self;
                let vectors = &mut config.word_vectors;
                vectors.cbow = WordVectorConfig::default().cbow;
                vectors.glove = vectors.glove.take().filter(|_| vectors.source == WordVectorSource::Glove);
                vectors.word2vec =
                    vectors.word2vec.take().filter(|_| vectors.source == WordVectorSource::Word2vec);
                if config.tasks != Tasks::Both {
                    config.task_discriminator = TaskGame { on: false, ..TaskGame::default() };
                }
                if !config.task_discriminator.on {
                    config.task_discriminator = TaskGame { on: false, ..TaskGame::default() };
                }
                // Only equation (5) asks the diversity discriminator.
                if config.strategy != Strategy::Diversity || !config.diversity_discriminator.on {
                    config.diversity_discriminator = DiversityGame { on: false, ..DiversityGame::default() };
                }
                let (asked, diversity) =
                    (config.strategy == Strategy::Diversity, config.diversity_discriminator.on);
                let played = diversity || config.task_discriminator.on;
                config.released = config.released.for_discriminators(asked, played, diversity);
                config
            }
            Job::Vectors => {
                let model = ModelConfig { words: self.model.words, ..ModelConfig::default() };
                let word_vectors = WordVectorConfig { cbow: self.word_vectors.cbow, ..ground.word_vectors };
                Self { model, word_vectors, ..ground }
            }
            Job::Statistics | Job::Agreement | Job::SingleTasks | Job::QueryDiversity => ground,
        }
    }

    /// The first value that the job cannot be done with: the key and what is allowed.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        if !(0.0..1.0).contains(&self.supervised.development) {
            let message = format!("{} is not a share in [0, 1)", self.supervised.development);
            return Some(("supervised.development", message));
        }
        let at_least_one = [
            ("query.times", self.query.times == 0),
            ("supervised.epochs", self.supervised.epochs == 0),
            ("query.sentences", self.query.sentences == 0),
            ("query.evaluate_every", self.query.evaluate_every == 0),
            ("model.characters", self.model.characters < 1),
            ("model.words", self.model.words < 1),
            ("model.hidden", self.model.hidden < 1),
            ("training.batch_size", self.training.batch_size == 0),
            ("training.epochs", self.training.epochs == 0),
        ];
        if let Some((key, _)) = at_least_one.iter().find(|(_, wrong)| *wrong) {
            return Some((key, "must be at least 1".into()));
        }
        let (td, dd, t) = (&self.task_discriminator, &self.diversity_discriminator, &self.training);
        let positive = [
            ("training.learning_rate", t.learning_rate),
            ("task_discriminator.learning_rate", td.learning_rate),
            ("diversity_discriminator.learning_rate", dd.learning_rate),
        ];
        if let Some((key, value)) = positive.iter().find(|(_, v)| !(v.is_finite() && *v > 0.0)) {
            return Some((key, format!("{value} is not a positive number")));
        }
        let shares = [
            ("training.beta1", t.beta1),
            ("training.beta2", t.beta2),
            ("task_discriminator.beta1", td.beta1),
            ("task_discriminator.beta2", td.beta2),
            ("diversity_discriminator.beta1", dd.beta1),
            ("diversity_discriminator.beta2", dd.beta2),
        ];
        if let Some((key, value)) = shares.iter().find(|(_, v)| !(0.0..1.0).contains(v)) {
            return Some((key, format!("{value} is not in [0, 1)")));
        }
        None
    }
}

/// Lays `given` over `ground`, key by key.
fn merge(ground: &mut Value, given: &Value) {
    match (ground, given) {
        (Value::Object(ground), Value::Object(given)) => {
            for (key, value) in given {
                merge(ground.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (ground, given) => *ground = given.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn released_sets_what_is_not_set_by_hand() {
        let config =
            Config::read(&json!({"variant": "released", "released": {"left_padding": false}})).unwrap();
        // Without padding there is none to judge.
        assert_eq!(
            config.released,
            Released { left_padding: false, judges_padding: false, ..Released::all() }
        );
        assert_eq!((config.training.beta2, config.task_discriminator.beta1), (0.9, 0.5));
        let again = Config::read(&serde_json::to_value(&config).unwrap()).unwrap();
        assert_eq!(again, config, "reading a read configuration changes nothing");
        assert_eq!(Config::read(&json!({})).unwrap(), Config::default().for_its_job());
        assert_eq!(Config::read(&Value::Null).unwrap().released, Released::default());
    }

    #[test]
    fn what_changes_no_number_changes_no_configuration() {
        let read = |value| Config::read(&value).unwrap();
        let lc = read(json!({"strategy": "lc"}));
        assert_eq!(lc, read(json!({"strategy": "lc", "diversity_discriminator": {"steps": 5}})));
        assert!(!lc.diversity_discriminator.on && lc.task_discriminator.on);
        let refused = Config::read(&json!({"tasks": "nen", "task_discriminator": {"on": true}})).unwrap_err();
        assert!(refused.to_string().contains("tasks: both"), "{refused}");
        let single = read(json!({"tasks": "ner", "task_discriminator": {"learning_rate": 0.5}}));
        assert_eq!(single, read(json!({"tasks": "ner"})));
        let vectors = read(json!({"job": "vectors", "strategy": "lc", "query": {"times": 3}}));
        assert_eq!(vectors, read(json!({"job": "vectors"})));
        assert_eq!(read(json!({"job": "statistics", "tasks": "ner"})), read(json!({"job": "statistics"})));
    }

    #[test]
    fn what_only_discriminators_do_is_off_without_them() {
        let read = |value| Config::read(&value).unwrap().released;
        let without = Released {
            judges_each_token: false,
            judges_padding: false,
            one_solver_run: false,
            ..Released::all()
        };
        let mut lc = json!({"variant": "released", "strategy": "lc", "task_discriminator": {"on": false}});
        assert_eq!(read(lc.clone()), without);
        lc["task_discriminator"]["on"] = true.into();
        assert_eq!(read(lc), Released { one_solver_run: false, ..Released::all() });
        assert_eq!(read(json!({"variant": "released"})), Released::all());
    }

    #[test]
    fn few_sentences_are_read_until_the_steps_are_enough() {
        assert_eq!(enough_passes(1, 64, 32), 300);
        assert_eq!(enough_passes(1, 0, 32), 600);
        assert_eq!(enough_passes(9, 32 * 700, 32), 9);
        let of = |sentences| Supervised::passes(sentences, 32);
        assert_eq!((of(0), of(60), of(90), of(32 * 30), of(32_000)), (30, 15, 10, 1, 1));
    }

    #[test]
    fn values_that_cannot_work_are_named() {
        for (given, key) in [
            (json!({"query": {"sentences": 0}}), "query.sentences"),
            (json!({"training": {"learning_rate": -1.0}}), "training.learning_rate"),
            (json!({"training": {"beta2": 1.0}}), "training.beta2"),
            (json!({"model": {"hidden": 0}}), "model.hidden"),
            (json!({"strategy": "lcc"}), "strategy"),
        ] {
            assert_eq!(Config::read(&given).unwrap_err().path, key);
        }
    }
}
