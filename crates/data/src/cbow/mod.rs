//! Word vectors by CBOW with negative sampling (Mikolov et al. 2013a, 2013b).
//!
//! A word is predicted from the mean `h` of the input rows of the words around it. With `u` the output rows, `w` the word
//! and `n` words drawn from the unigram distribution to the power 0.75, the loss is
//! `-ln s(u_w . h) - sum_n ln s(-u_n . h)`, `s` the logistic function; a step of stochastic gradient descent follows every
//! word. As word2vec's program does, the whole gradient of `h` goes to each context row, the window shrinks at random to
//! `1..=window`, frequent words are subsampled, and the learning rate falls linearly. The input rows are the word vectors.
//!
//! On several threads shards train on copies of the weights, which are merged some hundred times an epoch. The result is the same
//! bits for the same seed and number of shards, however many threads there are.
//!
//! ```
//! use medner_data::cbow::{CbowConfig, train};
//!
//! let text: Vec<Vec<&str>> = vec![vec!["no", "fever", "no", "cough"]; 50];
//! let config = CbowConfig { dim: 8, ..CbowConfig::default() };
//! let trained = train(&text, &config, &mut |_| {})?;
//! assert_eq!(trained.vectors.get("fever").map(<[f32]>::len), Some(8));
//! # Ok::<(), medner_data::cbow::CbowError>(())
//! ```

// The kernels must become part of the function that is compiled for AVX2.
#![allow(clippy::inline_always)]

mod corpus;
mod kernel;
mod matrices;
mod merge;
mod sampling;
mod train;

pub use corpus::CbowCorpus;

use serde::{Deserialize, Serialize};

use self::kernel::{LANES, Logistic, Tables};
use self::matrices::Matrices;
use self::sampling::{NegativeTable, keep_thresholds};
use self::train::{Log, Plan};
use crate::vectors::WordVectors;
use crate::vocabulary::Normalisation;

/// How vectors are trained. The defaults are gensim's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CbowConfig {
    /// Numbers in a vector (default: 100).
    pub dim: usize,
    /// Largest distance between a word and a context word (default: 5).
    pub window: u32,
    /// Negative examples for each word (default: 5).
    pub negative: usize,
    /// Negative examples are drawn with probability proportional to `count ^ exponent` (default: 0.75).
    pub exponent: f64,
    /// Words with fewer occurrences are taken out of the text (default: 5).
    pub min_count: u64,
    /// Occurrences of words with a relative frequency above this are thinned out; 0 for never (default: 0.001).
    pub sample: f64,
    /// Times the text is trained on (default: 5).
    pub epochs: u32,
    /// Learning rate at the beginning (default: 0.025).
    pub alpha: f64,
    /// Learning rate at the end (default: 0.0001).
    pub min_alpha: f64,
    /// Seed of the first weights and of all draws.
    pub seed: u64,
    /// How several threads work together: one way, which records of trainings name.
    pub mode: CbowMode,
    /// Copies of the weights in the deterministic mode, where more than this many threads have nothing to do (default: 2).
    /// The result depends on it. 1 is plain stochastic gradient descent, 2 learns as much; more learn less from the same
    /// text: on PD1998 characters the losses of the last epoch are 1.669, 1.669, 1.75 (4) and 2.0 (8).
    pub shards: usize,
    /// Threads; 0 for as many as the machine has (default).
    pub threads: usize,
    /// What is done to tokens before they are counted.
    pub normalisation: Normalisation,
}

/// How several threads work together.
///
/// Threads on the same weights without locks (Hogwild, Niu et al. 2011) are no faster here than merged copies
/// (bench/record/2026-11-21-cbow.md), and what comes out would depend on timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CbowMode {
    /// On copies that are merged: the same result whatever the threads do.
    Deterministic,
}

impl Default for CbowConfig {
    fn default() -> Self {
        Self {
            dim: 100,
            window: 5,
            negative: 5,
            exponent: 0.75,
            min_count: 5,
            sample: 1e-3,
            epochs: 5,
            alpha: 0.025,
            min_alpha: 1e-4,
            seed: 1,
            mode: CbowMode::Deterministic,
            shards: 2,
            threads: 0,
            normalisation: Normalisation::default(),
        }
    }
}

impl CbowConfig {
    /// The first value that is not allowed.
    ///
    /// # Errors
    /// [`CbowError::Config`].
    pub fn check(&self) -> Result<(), CbowError> {
        let wrong = |key, value: String, expected| Err(CbowError::Config { key, value, expected });
        let positive = [("dim", self.dim), ("window", self.window as usize), ("negative", self.negative)];
        let positive =
            positive.into_iter().chain([("epochs", self.epochs as usize), ("shards", self.shards)]);
        if let Some((key, _)) = positive.into_iter().find(|&(_, value)| value == 0) {
            return wrong(key, "0".into(), "at least 1");
        }
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            return wrong("alpha", self.alpha.to_string(), "a learning rate above 0");
        }
        if !(0.0..=self.alpha).contains(&self.min_alpha) {
            return wrong("min_alpha", self.min_alpha.to_string(), "0 to alpha");
        }
        if !(self.sample >= 0.0 && self.sample.is_finite()) {
            return wrong("sample", self.sample.to_string(), "a share of 0 or more");
        }
        if !self.exponent.is_finite() {
            return wrong("exponent", self.exponent.to_string(), "a finite number");
        }
        Ok(())
    }

    /// The learning rate when this share of the words is trained.
    fn learning_rate(&self, share: f64) -> f64 {
        (self.alpha - (self.alpha - self.min_alpha) * share).max(self.min_alpha)
    }

    fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        }
    }
}

/// How far a training is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Epoch, from 0.
    pub epoch: u32,
    /// Words trained so far, over all epochs.
    pub words: u64,
    /// Words of all epochs.
    pub total_words: u64,
    /// Words a second since the beginning.
    pub words_per_second: f64,
    /// Learning rate now.
    pub learning_rate: f64,
    /// Mean loss of a predicted word in this epoch so far: the word and its negative examples.
    pub loss: f64,
}

/// Trained vectors and what is worth knowing about them.
#[derive(Clone, Debug)]
pub struct Trained {
    /// One vector for each word with enough occurrences, the most frequent first.
    pub vectors: WordVectors,
    /// Mean loss of a predicted word in each epoch.
    pub losses: Vec<f64>,
    /// Words trained, over all epochs.
    pub words: u64,
    /// Seconds of training, counting and numbering excluded.
    pub seconds: f64,
}

/// Why no vectors were trained.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CbowError {
    /// A configuration that makes no sense.
    #[error("cbow: `{key}` is {value}; expected {expected}")]
    Config {
        /// Key of the configuration.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// Nothing to train on.
    #[error(
        "cbow: of {words} words in the text none occurs {min_count} times; give more text or a lower `min_count`"
    )]
    NoWords {
        /// Words in the text.
        words: u64,
        /// Occurrences that a word needs.
        min_count: u64,
    },
    /// Weights that are not finite any more.
    #[error("cbow: the vector of `{word}` is not finite after training; use an `alpha` below {alpha}")]
    Diverged {
        /// The first such word.
        word: String,
        /// The learning rate.
        alpha: f64,
    },
    /// No threads to be had.
    #[error("cbow: the system gave no threads: {message}; set `threads: 1`")]
    Threads {
        /// What the system said.
        message: String,
    },
}

/// Trains vectors on sentences; `progress` is called after every few ten thousand words.
///
/// # Errors
/// [`CbowError`].
pub fn train<S: AsRef<str>>(
    sentences: &[Vec<S>],
    config: &CbowConfig,
    progress: &mut (dyn FnMut(&Progress) + Send),
) -> Result<Trained, CbowError> {
    config.check()?;
    let sentences = sentences.iter().map(Vec::as_slice);
    let corpus = CbowCorpus::new(sentences, config.min_count, config.normalisation);
    train_corpus(&corpus, config, progress)
}

/// Trains vectors on a corpus; its words are counted already, so `min_count` and `normalisation` of the configuration are
/// not looked at.
///
/// # Errors
/// [`CbowError`].
pub fn train_corpus(
    corpus: &CbowCorpus,
    config: &CbowConfig,
    progress: &mut (dyn FnMut(&Progress) + Send),
) -> Result<Trained, CbowError> {
    config.check()?;
    if corpus.known_words() == 0 {
        return Err(CbowError::NoWords { words: corpus.words(), min_count: corpus.vocabulary().min_count() });
    }
    let counts: Vec<u64> = corpus.vocabulary().words().map(|(_, _, count)| count).collect();
    let blocks = config.dim.div_ceil(LANES);
    let tables = Tables {
        blocks,
        window: config.window,
        negative: config.negative,
        negatives: NegativeTable::new(&counts, config.exponent),
        keep: keep_thresholds(&counts, config.sample),
        logistic: Logistic::new(),
    };
    let mut matrices = Matrices::new(counts.len(), config.dim, blocks, config.seed);
    let plan = Plan { config, corpus, tables: &tables };
    let mut log = Log::new(plan, progress);
    let CbowMode::Deterministic = config.mode;
    plan.deterministic(&mut matrices, &mut log)?;
    let seconds = log.seconds();
    let mut vectors = WordVectors::empty(config.dim);
    for ((_, word, _), row) in corpus.vocabulary().words().zip(matrices.input.chunks_exact(blocks)) {
        let values: Vec<f32> = row.iter().flat_map(|block| block.0).take(config.dim).collect();
        if values.iter().any(|x| !x.is_finite()) {
            return Err(CbowError::Diverged { word: word.to_owned(), alpha: config.alpha });
        }
        vectors
            .push(word, &values)
            .expect("words of a vocabulary are different, rows are `dim` wide and finite");
    }
    let words = corpus.known_words() * u64::from(config.epochs);
    Ok(Trained { vectors, losses: log.mean_losses(), words, seconds })
}
