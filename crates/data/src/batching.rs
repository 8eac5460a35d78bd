//! Batches of sentences: which sentences go together, in which order, without state.
//!
//! A batch is padded to its longest sentence, so sentences of like length belong together: on MSRA that halves the work
//! of random batches. But always training on the same neighbours in the same order is bad for learning. [`BatchOrder::Bucketed`]
//! has both: sentences whose padded lengths are equal form a bucket; every epoch shuffles inside the buckets, cuts the
//! buckets, laid end to end, into batches, and shuffles the batches.
//!
//! What an epoch looks like depends on nothing but the lengths, the configuration and the epoch's number: both shuffles
//! draw from a ChaCha8 stream of their own, keyed (seed, epoch). So a run that is resumed at batch `k` of epoch `e` asks
//! for [`Batches::batch`]`(e, k)` and gets what the undisturbed run got.
//!
//! ```
//! use medner_data::batching::{BatchConfig, BatchSize, Batches};
//!
//! let lengths = vec![3, 30, 5, 28, 4];
//! let batches = Batches::new(lengths, BatchConfig { size: BatchSize::Sentences(2), ..BatchConfig::default() })?;
//! assert_eq!(batches.count(0), 3);
//! assert_eq!(batches.epoch(7), batches.epoch(7));
//! assert_eq!(batches.batch(7, 2), Some(batches.epoch(7)[2].clone()));
//! # Ok::<(), medner_data::batching::BatchingError>(())
//! ```

use std::collections::BTreeMap;
use std::ops::Range;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// What is wrong with a [`BatchConfig`] or with outputs that are put back in order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchingError {
    /// A batch of no sentences or no tokens, or padding to a multiple of 0.
    #[error("batching: `{key}` is 0; it must be at least 1")]
    Zero {
        /// The key of the configuration.
        key: &'static str,
    },
    /// Outputs that do not belong to these batches.
    #[error(
        "batching: {what}: expected {expected}, found {found}; give the outputs of exactly these batches, in their order"
    )]
    Outputs {
        /// What differs.
        what: String,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
}

/// How big a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchSize {
    /// So many sentences; the last batch cut may have fewer.
    Sentences(usize),
    /// At most so many tokens, padding included; a sentence that is longer by itself is a batch of its own.
    Tokens(usize),
}

/// Which sentences go together in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchOrder {
    /// Sentences of like length; shuffled inside the buckets, batches shuffled.
    Bucketed,
    /// Sentences as a shuffle of all of them gives.
    Random,
}

/// How sentences are put into batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// How big a batch is (default: 20 sentences). In YAML `size: {sentences: 20}` or `size: {tokens: 4096}`.
    #[serde(with = "serde_yaml::with::singleton_map")]
    pub size: BatchSize,
    /// Which sentences go together (default: those of like length).
    pub order: BatchOrder,
    /// Padded lengths are rounded up to a multiple of this many tokens (default: 8), so that few shapes occur.
    pub multiple: usize,
    /// Seed of the shuffles.
    pub seed: u64,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { size: BatchSize::Sentences(20), order: BatchOrder::Bucketed, multiple: 8, seed: 1 }
    }
}

/// The batches of every epoch over sentences of known lengths.
#[derive(Clone, Debug)]
pub struct Batches {
    lengths: Vec<usize>,
    config: BatchConfig,
    /// Sentences by padded length, ascending, inside a bucket by index.
    sorted: Vec<usize>,
    /// Where in `sorted` each bucket lies.
    buckets: Vec<Range<usize>>,
    /// Where in `sorted` each batch lies. Positions of one bucket have one padded length, so this is the same each epoch.
    cuts: Vec<Range<usize>>,
}

impl Batches {
    /// Prepares batches over sentences of these lengths, in tokens. A sentence of no tokens takes one place of padding.
    ///
    /// # Errors
    /// [`BatchingError::Zero`] for a size or a multiple of 0.
    pub fn new(lengths: Vec<usize>, config: BatchConfig) -> Result<Self, BatchingError> {
        let zero = match config.size {
            BatchSize::Sentences(0) => Some("size.sentences"),
            BatchSize::Tokens(0) => Some("size.tokens"),
            _ if config.multiple == 0 => Some("multiple"),
            _ => None,
        };
        if let Some(key) = zero {
            return Err(BatchingError::Zero { key });
        }
        let mut by_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, &length) in lengths.iter().enumerate() {
            by_length.entry(round_up(length, config.multiple)).or_default().push(index);
        }
        let mut sorted = Vec::with_capacity(lengths.len());
        let mut buckets = Vec::with_capacity(by_length.len());
        for indices in by_length.into_values() {
            buckets.push(sorted.len()..sorted.len() + indices.len());
            sorted.extend(indices);
        }
        let cuts = cut(&sorted, &lengths, &config);
        Ok(Self { lengths, config, sorted, buckets, cuts })
    }

    /// Number of sentences.
    pub fn sentences(&self) -> usize {
        self.lengths.len()
    }

    /// The configuration.
    pub fn config(&self) -> &BatchConfig {
        &self.config
    }

    /// Number of batches of an epoch. Only random batches under a token budget vary from epoch to epoch.
    pub fn count(&self, epoch: u64) -> usize {
        match (self.config.order, self.config.size) {
            (BatchOrder::Random, BatchSize::Tokens(_)) => self.epoch(epoch).len(),
            _ => self.cuts.len(),
        }
    }

    /// All batches of an epoch, in the order of training: indices of sentences, each sentence exactly once.
    pub fn epoch(&self, epoch: u64) -> Vec<Vec<usize>> {
        let mut order = self.sorted.clone();
        match self.config.order {
            BatchOrder::Bucketed => {
                let mut inside = stream(self.config.seed, epoch, 0);
                for bucket in &self.buckets {
                    order[bucket.clone()].shuffle(&mut inside);
                }
                let mut batches = take(&order, &self.cuts);
                batches.shuffle(&mut stream(self.config.seed, epoch, 1));
                batches
            }
            BatchOrder::Random => {
                order.sort_unstable();
                order.shuffle(&mut stream(self.config.seed, epoch, 0));
                let cuts = cut(&order, &self.lengths, &self.config);
                take(&order, &cuts)
            }
        }
    }

    /// Batch `batch` of epoch `epoch`, or none where the epoch has fewer. Costs a whole [`Batches::epoch`]: to go on from
    /// there use [`Batches::from`].
    pub fn batch(&self, epoch: u64, batch: usize) -> Option<Vec<usize>> {
        self.epoch(epoch).into_iter().nth(batch)
    }

    /// The batches from this one on, through this epoch and all later ones, without end (unless there is no sentence).
    pub fn from(&self, epoch: u64, batch: usize) -> impl Iterator<Item = Step> + '_ {
        let epochs = if self.lengths.is_empty() { 0..0 } else { epoch..u64::MAX };
        epochs.flat_map(move |e| {
            let skip = if e == epoch { batch } else { 0 };
            self.epoch(e).into_iter().enumerate().skip(skip).map(move |(batch, sentences)| Step {
                epoch: e,
                batch,
                sentences,
            })
        })
    }

    /// Batches for evaluation: by length, the longest first (a batch that does not fit into memory fails at once), nothing
    /// random. Their indices say where each output belongs; [`restore`] puts outputs back.
    pub fn evaluation(&self) -> Vec<Vec<usize>> {
        let mut order = self.sorted.clone();
        order.sort_by_key(|&i| (std::cmp::Reverse(self.lengths[i]), i));
        let cuts = cut(&order, &self.lengths, &self.config);
        take(&order, &cuts)
    }

    /// The length that the sentences of a batch are padded to: the longest, rounded up to the multiple.
    pub fn padded_length(&self, batch: &[usize]) -> usize {
        let longest = batch.iter().map(|&i| self.lengths[i]).max().unwrap_or(0);
        round_up(longest, self.config.multiple)
    }

    /// How much of these batches is padding.
    pub fn padding(&self, batches: &[Vec<usize>]) -> Padding {
        let mut padding = Padding::default();
        for batch in batches {
            padding.tokens += batch.iter().map(|&i| self.lengths[i]).sum::<usize>();
            padding.places += batch.len() * self.padded_length(batch);
        }
        padding
    }
}

/// One step of [`Batches::from`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Epoch, from 0.
    pub epoch: u64,
    /// Batch inside the epoch, from 0.
    pub batch: usize,
    /// Indices of its sentences.
    pub sentences: Vec<usize>,
}

/// Tokens and places of padded batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Real tokens.
    pub tokens: usize,
    /// Places computed on, padding included.
    pub places: usize,
}

impl Padding {
    /// Share of the places that is padding, in [0, 1); 0 when there are no places.
    pub fn waste(&self) -> f64 {
        if self.places == 0 { 0.0 } else { 1.0 - self.tokens as f64 / self.places as f64 }
    }
}

/// Puts outputs, one per sentence of each batch, back in the order of the sentences.
///
/// # Errors
/// [`BatchingError::Outputs`] when the outputs are not one for each sentence of these batches.
pub fn restore<T>(batches: &[Vec<usize>], outputs: Vec<Vec<T>>) -> Result<Vec<T>, BatchingError> {
    let differ = |what: String, expected, found| Err(BatchingError::Outputs { what, expected, found });
    if batches.len() != outputs.len() {
        return differ("number of batches".into(), batches.len(), outputs.len());
    }
    let mut indexed = Vec::with_capacity(batches.iter().map(Vec::len).sum());
    for (k, (batch, output)) in batches.iter().zip(outputs).enumerate() {
        if batch.len() != output.len() {
            return differ(format!("outputs of batch {k}"), batch.len(), output.len());
        }
        indexed.extend(batch.iter().copied().zip(output));
    }
    indexed.sort_by_key(|&(index, _)| index);
    if let Some(position) = indexed.iter().enumerate().position(|(i, &(index, _))| i != index) {
        return differ("indices are not each sentence once: index".into(), position, indexed[position].0);
    }
    Ok(indexed.into_iter().map(|(_, output)| output).collect())
}

/// Padded length of a sentence by itself.
fn round_up(length: usize, multiple: usize) -> usize {
    length.max(1).next_multiple_of(multiple)
}

/// The stream of one shuffle. The stream number keeps the two shuffles of an epoch apart from those of all others.
fn stream(seed: u64, epoch: u64, shuffle: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&epoch.to_le_bytes());
    key[16..24].copy_from_slice(b"batching");
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(shuffle);
    rng
}

/// Cuts the sentences, in this order, into batches as full as the size allows.
fn cut(order: &[usize], lengths: &[usize], config: &BatchConfig) -> Vec<Range<usize>> {
    let mut cuts = Vec::new();
    let mut start = 0;
    let mut longest = 0;
    for (end, &index) in order.iter().enumerate() {
        let padded = longest.max(round_up(lengths[index], config.multiple));
        let count = end - start + 1;
        let full = match config.size {
            BatchSize::Sentences(most) => count > most,
            BatchSize::Tokens(budget) => count > 1 && count.saturating_mul(padded) > budget,
        };
        if full {
            cuts.push(start..end);
            start = end;
            longest = round_up(lengths[index], config.multiple);
        } else {
            longest = padded;
        }
    }
    if start < order.len() {
        cuts.push(start..order.len());
    }
    cuts
}

fn take(order: &[usize], cuts: &[Range<usize>]) -> Vec<Vec<usize>> {
    cuts.iter().map(|cut| order[cut.clone()].to_vec()).collect()
}
