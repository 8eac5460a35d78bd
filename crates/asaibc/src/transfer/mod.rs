//! Instance transfer: which sentences of the word segmentation corpus are worth learning from, and how much.
//!
//! The ASAIBC paper compares "samples" of the source (word segmentation) with the target's named entities, "calculated in units of
//! words", drops the source samples whose similarity is below a threshold, and weights the others. With `lcs` the length of the
//! longest common subsequence:
//!
//! ```text
//! S_e(r, e) = lcs(characters of r, characters of e) / max(characters of r, characters of e)
//! S_p(r, e) = lcs(parts of speech of r, those of e) / max(words of r, words of e)
//! w(sentence) = max over its runs r and the target's entities e of  alpha S_e(r, e) + beta S_p(r, e),   alpha + beta = 1
//! ```
//!
//! A sentence with `w < delta` is dropped; `w` is the weight of the others' word segmentation loss. The losses of the separation
//! (difference, same, reconstruction) count every sentence that is kept fully, whatever its `w`.
//!
//! # Differences from the paper
//! Its formulas are missing from the text at hand; this is how the gaps are filled.
//! - The source has words but no named entities. What stands for one is every run of 1 to `longest_run` words, so that an entity of
//!   several words ("中央/n 人民/n 电台/n") has something of its own shape to be compared with.
//! - Identical parts of two entities are counted in characters, not in words: most entities are one or two words, which are either
//!   equal or not.
//! - Both similarities are of the same pair of run and entity. Were each the best over all pairs, the second would be 1 for every
//!   sentence with a noun.
//! - A sentence is worth what its best run is worth: it is kept for what it can show, not for its length.
//! - The target's entities get their words and parts of speech by longest match with the source's own words ([`Lexicon`]); a
//!   character that is no word there has a part of speech that equals no other.
//! - The source's "sentences" are PD1998's paragraphs, weighted as wholes. Those that are kept are then cut after full stops (see
//!   [`crate::segmentation`]), and every piece has its paragraph's weight, whether or not the run that earned it lies in the piece: for
//!   the revised WeiboNER's names 7,629 paragraphs become 21,012 pieces.
//! - `alpha`, `beta` and `delta` have no values in the text; the defaults are ours ([`TransferConfig`]).
//!
//! # How many sentences are kept
//! Of PD1998's 19,484 paragraphs, with `alpha` = `beta` = 0.5 and runs of up to 4 words, by the entities of the whole training file.
//! Two other counts differ from this one:
//! - `transfer.csv` (the job `transfer`) weighs all 19,484 too, by the entities of what is left of the training file after the development
//!   part is held out: for MSRA 16,428 are kept at 0.8, not 16,506.
//! - A tagger also holds out the last 2% of the source (`source.development`) and weighs the 19,094 others: for the revised WeiboNER's
//!   names it keeps 7,629 of these, not 7,761 of 19,484. Its record says so under `transfer`.
//!
//! | target | 0.5 | 0.7 | 0.75 | 0.8 | 0.9 | 1 |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | MSRA | 19,463 | 18,380 | 18,361 | 16,506 | 15,792 | 15,789 |
//! | WeiboNER, named | 19,323 | 14,255 | 14,241 | 8,306 | 7,678 | 7,656 |
//! | WeiboNER revised, named | 19,333 | 13,900 | 13,887 | 7,761 | 6,962 | 6,933 |
//! | WeiboNER revised, nominal | 19,261 | 15,350 | 15,343 | 7,942 | 7,160 | 7,159 |
//! | WeiboNER revised, all | 19,346 | 16,647 | 16,642 | 11,373 | 10,666 | 10,656 |
//! | cmdd-adr | 18,544 | 8,820 | 8,798 | 2,085 | 1,972 | 1,972 |
//!
//! 0.5 is what the right part of speech alone is worth, 0.75 what a word of two characters is that has one of them in common with an
//! entity, mostly by chance. The default of `delta`, 0.8, is above both: the least that it keeps is a run with three fifths of an
//! entity's characters in the same order and all of its parts of speech. News keep most of PD1998, which is news; patients keep a tenth.
//!
//! [`transfer`] is exact and fast: of the pairs only those are compared that an index of characters, lengths and counts cannot rule
//! out; a test compares it with all pairs.

mod entities;
#[cfg(test)]
pub(crate) mod fixture;
mod lcs;
mod lexicon;
mod search;

use std::time::Instant;

use medner_data::{DataError, Sentence};
use serde::{Deserialize, Serialize};

pub use lexicon::Lexicon;

use self::entities::Entities;

/// How source sentences are weighted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransferConfig {
    /// Part of the entity similarity in the weight, 0 to 1 (default: 0.5).
    pub alpha: f64,
    /// Part of the part-of-speech similarity in the weight, `1 - alpha` (default: 0.5).
    pub beta: f64,
    /// Sentences with a smaller weight are dropped, 0 to 1 (default: 0.8).
    pub delta: f64,
    /// Most words of a run that is compared with an entity (default: 4).
    pub longest_run: usize,
}

impl Default for TransferConfig {
    fn default() -> Self {
        Self { alpha: 0.5, beta: 0.5, delta: 0.8, longest_run: 4 }
    }
}

impl TransferConfig {
    /// The first value that is not allowed.
    ///
    /// # Errors
    /// [`TransferError::Config`].
    pub fn check(&self) -> Result<(), TransferError> {
        let wrong = |key, value: String, expected| Err(TransferError::Config { key, value, expected });
        for (key, value) in [("alpha", self.alpha), ("beta", self.beta), ("delta", self.delta)] {
            if !(0.0..=1.0).contains(&value) {
                return wrong(key, value.to_string(), "a number from 0 to 1");
            }
        }
        if (self.alpha + self.beta - 1.0).abs() > 1e-9 {
            return wrong("beta", self.beta.to_string(), "1 - alpha: the two parts of a weight make 1");
        }
        if self.longest_run == 0 {
            return wrong("longest_run", "0".into(), "at least 1 word");
        }
        Ok(())
    }
}

/// How similar a source sentence is to the target's entities: its best pair of run and entity. Of pairs of one weight the one with
/// the greater entity similarity counts, then the one with the greater part-of-speech similarity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Similarity {
    /// `alpha * entity + beta * pos`.
    pub weight: f64,
    /// Entity similarity `S_e` of the pair, 0 to 1.
    pub entity: f64,
    /// Part-of-speech similarity `S_p` of the pair, 0 to 1.
    pub pos: f64,
}

/// Weights of the source's sentences.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// One a source sentence: the weight of its word segmentation loss, or `None` where it is dropped.
    pub weights: Vec<Option<f64>>,
    /// What came out.
    pub report: TransferReport,
}

/// Bins of [`TransferReport::histogram`].
pub const BINS: usize = 20;

/// What came out of an instance transfer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TransferReport {
    /// Source sentences.
    pub sentences: usize,
    /// Those with a weight of `delta` or more.
    pub kept: usize,
    /// The others.
    pub dropped: usize,
    /// Different entities of the target.
    pub entities: usize,
    /// Mean weight of those kept.
    pub mean_weight: f64,
    /// Sentences, those dropped included, by weight: bin `i` has those from `i / 20` to below `(i + 1) / 20`, the last those of 1 too.
    pub histogram: Vec<usize>,
    /// Seconds it took.
    pub seconds: f64,
}

/// Why there are no weights.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A configuration that makes no sense.
    #[error("transfer: `{key}` is {value}; expected {expected}")]
    Config {
        /// Key of the configuration.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// No source.
    #[error(
        "transfer: the source has no sentences; give segmented text with parts of speech, like pd1998-words"
    )]
    NoSource,
    /// A source sentence without parts of speech.
    #[error(
        "{id}: has {words} words and {tags} parts of speech; the transfer needs one a word (`word/POS`, like pd1998-words)"
    )]
    NoPos {
        /// The sentence.
        id: String,
        /// Its words.
        words: usize,
        /// Its parts of speech.
        tags: usize,
    },
    /// No entities to compare with.
    #[error(
        "transfer: none of the target's {sentences} training sentences has an entity; there is nothing to compare the source with"
    )]
    NoEntities {
        /// Sentences of the target.
        sentences: usize,
    },
    /// A sentence with an empty word, or with a span that does not lie in it.
    #[error(transparent)]
    Sentence(#[from] DataError),
    /// Nothing is left.
    #[error("transfer: all {sentences} source sentences weigh less than `instance_transfer.delta` {delta}, the heaviest {heaviest:.4}; with other values of it remain {}", remains(.remain))]
    AllDropped {
        /// Sentences of the source.
        sentences: usize,
        /// The threshold.
        delta: f64,
        /// The greatest weight.
        heaviest: f64,
        /// Thresholds below it, and how many sentences they keep.
        remain: Vec<(f64, usize)>,
    },
}

fn remains(remain: &[(f64, usize)]) -> String {
    remain.iter().map(|(delta, kept)| format!("{kept} at {delta}")).collect::<Vec<_>>().join(", ")
}

/// Weights each source sentence by its similarity to the target's entities, and drops those below the threshold.
///
/// `source`: sentences whose tokens are words, with a part of speech each. `target`: training sentences of characters with entities.
/// The result depends on neither order of the target nor the number of threads.
///
/// # Errors
/// [`TransferError`].
pub fn transfer(
    source: &[Sentence],
    target: &[Sentence],
    config: &TransferConfig,
) -> Result<Transfer, TransferError> {
    let began = Instant::now();
    let (similarities, entities) = search(source, target, config)?;
    let mut histogram = vec![0; BINS];
    for similarity in &similarities {
        histogram[bin(similarity.weight)] += 1;
    }
    let weights: Vec<Option<f64>> =
        similarities.iter().map(|s| (s.weight >= config.delta).then_some(s.weight)).collect();
    let kept = weights.iter().flatten().count();
    if kept == 0 {
        let heaviest = similarities.iter().map(|s| s.weight).fold(0.0, f64::max);
        // From the bin of the heaviest downwards: what the next lower thresholds would keep.
        let remain = (0..=bin(heaviest)).rev().take(5).map(|i| {
            let delta = i as f64 / BINS as f64;
            (delta, similarities.iter().filter(|s| s.weight >= delta).count())
        });
        return Err(TransferError::AllDropped {
            sentences: source.len(),
            delta: config.delta,
            heaviest,
            remain: remain.collect(),
        });
    }
    let report = TransferReport {
        sentences: source.len(),
        kept,
        dropped: source.len() - kept,
        entities,
        mean_weight: weights.iter().flatten().sum::<f64>() / kept as f64,
        histogram,
        seconds: began.elapsed().as_secs_f64(),
    };
    Ok(Transfer { weights, report })
}

/// The similarity of every source sentence, before any is dropped.
///
/// # Errors
/// [`TransferError`] but [`TransferError::AllDropped`].
pub fn similarities(
    source: &[Sentence],
    target: &[Sentence],
    config: &TransferConfig,
) -> Result<Vec<Similarity>, TransferError> {
    Ok(search(source, target, config)?.0)
}

/// Similarities, and the number of different entities.
fn search(
    source: &[Sentence],
    target: &[Sentence],
    config: &TransferConfig,
) -> Result<(Vec<Similarity>, usize), TransferError> {
    config.check()?;
    let lexicon = Lexicon::new(source)?;
    let entities = Entities::new(target, source, &lexicon)?;
    Ok((search::best(source, &entities, config), entities.len()))
}

/// The histogram's bin of a weight.
fn bin(weight: f64) -> usize {
    ((weight * BINS as f64) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests;
