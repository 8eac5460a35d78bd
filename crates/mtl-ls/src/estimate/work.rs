//! How much a cell reads: pieces of its sentences.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use medner_data::Sentence;

use crate::config::Config;
use crate::encoder;
use crate::pretraining::vocabulary::{of_corpora, published_tokenizer};
use crate::subtasks;
use crate::tagging::WordPieces;
use crate::tagging::pieces::{SPECIAL_PIECES, sequences};
use crate::xlnet::XlnetTokenizer;

/// Lengths are padded to a multiple of this.
const PADDED_TO: usize = 8;

/// What a cell reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Training sequences.
    pub sequences: usize,
    /// Their pieces, special ones and padding included.
    pub train: usize,
    /// Pieces of the development and test sequences.
    pub scored: usize,
    /// Length of a training sequence: the mean, padded.
    pub length: usize,
    /// The greatest length of a training sequence, padded.
    pub longest: usize,
}

/// The published vocabulary: what an encoder that is not there yet will have, before it is trimmed.
///
/// # Errors
/// It can neither be found nor fetched.
pub fn published() -> Result<Arc<XlnetTokenizer>> {
    static READ: Mutex<Option<Arc<XlnetTokenizer>>> = Mutex::new(None);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(tokenizer) = &*read {
        return Ok(Arc::clone(tokenizer));
    }
    let tokenizer = Arc::new(XlnetTokenizer::new(&std::fs::read(published_tokenizer()?)?)?);
    *read = Some(Arc::clone(&tokenizer));
    Ok(tokenizer)
}

/// What a cell with this data reads. Many cells have the same data: it is cut into pieces once.
///
/// # Errors
/// Data or a vocabulary that cannot be read.
pub fn of(data: &str, config: &Config) -> Result<Work> {
    static KNOWN: Mutex<BTreeMap<String, Work>> = Mutex::new(BTreeMap::new());
    let key = format!("{data} {:?} {:?} {:?}", config.limits, config.input, config.encoder);
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(work) = known().get(&key) {
        return Ok(*work);
    }
    let work = match &config.encoder {
        Some(folder) => count(data, config, &encoder::open(folder)?.tokenizer),
        None => count(data, config, &*published()?),
    }?;
    known().insert(key, work);
    Ok(work)
}

/// Pieces of the text that a pre-training reads: each distinct training sentence once.
///
/// # Errors
/// Data or a vocabulary that cannot be read.
pub fn text(data: &str, config: &Config) -> Result<usize> {
    let tokenizer = match &config.pretraining.start {
        Some(folder) => Arc::new(encoder::open(folder)?.tokenizer),
        None => published()?,
    };
    let pieces = WordPieces::new(&tokenizer);
    let mut count = 0;
    for text in of_corpora(&subtasks::corpora(data, config.limits)?) {
        for words in &text.documents {
            count += pieces.words(words)?.iter().map(Vec::len).sum::<usize>();
        }
    }
    Ok(count)
}

fn count(data: &str, config: &Config, tokenizer: &XlnetTokenizer) -> Result<Work> {
    let pieces = WordPieces::new(tokenizer);
    let mut work = Work::default();
    let lengths = |sentences: &[Sentence]| -> Result<Vec<usize>> {
        let cut: Vec<Vec<Vec<u32>>> =
            sentences.iter().map(|sentence| pieces.words(&sentence.tokens)).collect::<Result<_, _>>()?;
        let padded = |length: usize| (length + SPECIAL_PIECES).next_multiple_of(PADDED_TO);
        Ok(sequences(&cut, &config.input).iter().map(|s| padded(s.ids.len())).collect())
    };
    for corpus in subtasks::corpora(data, config.limits)? {
        let train = lengths(&corpus.corpus.train)?;
        work.sequences += train.len();
        work.train += train.iter().sum::<usize>();
        work.longest = work.longest.max(train.iter().copied().max().unwrap_or(0));
        work.scored += lengths(&corpus.corpus.dev)?.iter().sum::<usize>();
        work.scored += lengths(&corpus.corpus.test)?.iter().sum::<usize>();
    }
    work.length = (work.train / work.sequences.max(1)).next_multiple_of(PADDED_TO).max(PADDED_TO);
    work.longest = work.longest.max(work.length);
    Ok(work)
}
