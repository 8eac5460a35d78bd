//! Words to pieces, and sentences to the sequences that the encoder reads.
//!
//! A sentence that is longer than a sequence may be is read in windows of whole words that overlap; each word is labelled in
//! the window in which it is farther from the edge. So nothing is cut off, however long a sentence is, and of a word only what
//! is beyond [`LONGEST_WORD`] pieces.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use medner_core::Result;

use crate::config::{InputConfig, Packing};
use crate::xlnet::XlnetTokenizer;

/// A tokenizer that remembers the words it has cut.
pub struct WordPieces<'a> {
    tokenizer: &'a XlnetTokenizer,
    known: RefCell<HashMap<String, Vec<u32>>>,
}

/// The most pieces of one word that are read: attention takes memory with the square of a window's length, and what is longer than
/// this is a sequence of bases or an encoded file, of which the beginning says as much. Longer words are named in a warning.
pub const LONGEST_WORD: usize = 512;

/// Pieces of `<sep>` and `<cls>`.
pub const SPECIAL_PIECES: usize = 2;

/// What the encoder reads at a time, without `<sep>` and `<cls>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Piece ids.
    pub ids: Vec<u32>,
    /// The sentences, or the window of a sentence, that it is made of.
    pub parts: Vec<Part>,
}

/// A window of a sentence (or all of it) in a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The sentence's number.
    pub sentence: usize,
    /// The words of the window.
    pub words: Range<usize>,
    /// Of these, the ones that are labelled here.
    pub keep: Range<usize>,
    /// Where in the sequence each word of the window begins.
    pub starts: Vec<usize>,
}

impl<'a> WordPieces<'a> {
    /// Nothing is known yet.
    pub fn new(tokenizer: &'a XlnetTokenizer) -> Self {
        Self { tokenizer, known: RefCell::default() }
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &'a XlnetTokenizer {
        self.tokenizer
    }

    /// The pieces of each word, at least one a word and at most [`LONGEST_WORD`].
    ///
    /// # Errors
    /// What the tokenizer refuses.
    pub fn words(&self, words: &[String]) -> Result<Vec<Vec<u32>>> {
        let mut known = self.known.borrow_mut();
        let cut = |word: &String| {
            if let Some(pieces) = known.get(word) {
                return Ok(pieces.clone());
            }
            let mut pieces = self.tokenizer.word(word)?;
            if pieces.len() > LONGEST_WORD {
                let shown: String = word.chars().take(20).collect();
                tracing::warn!(
                    "the word `{shown}...` has {} pieces, of which the first {LONGEST_WORD} are read; it is labelled as a whole",
                    pieces.len()
                );
                pieces.truncate(LONGEST_WORD);
            }
            known.insert(word.clone(), pieces.clone());
            Ok(pieces)
        };
        words.iter().map(cut).collect()
    }
}

/// The windows of a sentence whose words have so many pieces each: the words of each window, and those that are labelled
/// there.
pub fn windows(counts: &[usize], limit: usize, overlap: usize) -> Vec<(Range<usize>, Range<usize>)> {
    let mut windows: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    while start < counts.len() {
        let (mut end, mut pieces) = (start, 0);
        // A word that is longer than a window has one of its own.
        while end < counts.len() && (end == start || pieces + counts[end] <= limit) {
            pieces += counts[end];
            end += 1;
        }
        windows.push(start..end);
        if end == counts.len() {
            break;
        }
        let (mut next, mut shared) = (end, 0);
        while next - 1 > start && shared + counts[next - 1] <= overlap {
            next -= 1;
            shared += counts[next];
        }
        // Where the next word does not fit behind the overlap, there is none.
        start = if shared + counts[end] > limit { end } else { next };
    }
    let mut borders = vec![0];
    borders.extend(windows.windows(2).map(|pair| (pair[1].start + pair[0].end).div_ceil(2)));
    borders.push(counts.len());
    windows.into_iter().enumerate().map(|(i, window)| (window, borders[i]..borders[i + 1])).collect()
}

/// The sequences of some sentences, given by the pieces of their words.
pub fn sequences(sentences: &[Vec<Vec<u32>>], config: &InputConfig) -> Vec<Sequence> {
    let limit = config.max_pieces - SPECIAL_PIECES;
    let mut sequences: Vec<Sequence> = Vec::new();
    let mut packable = false;
    for (sentence, words) in sentences.iter().enumerate() {
        let counts: Vec<usize> = words.iter().map(Vec::len).collect();
        let windows = windows(&counts, limit, config.overlap);
        let whole = windows.len() == 1;
        for (window, keep) in windows {
            let pieces: usize = counts[window.clone()].iter().sum();
            let room = sequences.last().is_some_and(|last| last.ids.len() + pieces <= limit);
            if !(config.packing == Packing::Packed && whole && packable && room) {
                sequences.push(Sequence { ids: Vec::new(), parts: Vec::new() });
            }
            if let Some(sequence) = sequences.last_mut() {
                let mut starts = Vec::with_capacity(window.len());
                for word in &words[window.clone()] {
                    starts.push(sequence.ids.len());
                    sequence.ids.extend(word);
                }
                sequence.parts.push(Part { sentence, words: window, keep, starts });
            }
            packable = whole;
        }
    }
    sequences
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_data::plain_text::Text;

    use super::*;
    use crate::pretraining::config::VocabularyConfig;
    use crate::pretraining::vocabulary;

    /// Every word is labelled once, in a window that holds it; windows keep to the limit unless a word is longer.
    fn check(counts: &[usize], limit: usize, overlap: usize) -> Vec<(Range<usize>, Range<usize>)> {
        let found = windows(counts, limit, overlap);
        let mut labelled = 0;
        for (window, keep) in &found {
            assert_eq!(keep.start, labelled, "{found:?}");
            assert!(window.start <= keep.start && keep.end <= window.end, "{found:?}");
            let pieces: usize = counts[window.clone()].iter().sum();
            assert!(pieces <= limit || window.len() == 1, "{found:?}");
            labelled = keep.end;
        }
        assert_eq!(labelled, counts.len());
        found
    }

    #[test]
    fn a_short_sentence_is_one_window_and_an_empty_one_none() {
        assert_eq!(check(&[1, 2, 3], 6, 2), [(0..3, 0..3)]);
        assert!(check(&[], 6, 2).is_empty());
    }

    #[test]
    fn windows_overlap_and_each_word_is_labelled_farther_from_the_edge() {
        let found = check(&[1; 20], 10, 4);
        assert_eq!(found, [(0..10, 0..8), (6..16, 8..14), (12..20, 14..20)]);
    }

    #[test]
    fn long_words_have_windows_of_their_own() {
        assert_eq!(check(&[1, 50, 1], 10, 4), [(0..1, 0..1), (1..2, 1..2), (2..3, 2..3)]);
        // Three thousand pieces, some words long.
        let counts: Vec<usize> = (0..1000).map(|i| 1 + (i * 7919) % 6).collect();
        check(&counts, 126, 32);
        let counts: Vec<usize> = (0..300).map(|i| 1 + (i * 7919) % 140).collect();
        assert!(check(&counts, 126, 32).len() > 100);
    }

    #[test]
    fn of_a_word_without_end_the_beginning_is_read() {
        let config = VocabularyConfig { source: "text".into(), ..VocabularyConfig::default() };
        let text = Text::new("text", vec![vec!["fever".to_owned(), "A".to_owned()]]);
        let tokenizer = vocabulary::tokenizer(&config, &[text]).unwrap();
        let pieces = WordPieces::new(&tokenizer);
        let words = ["A".repeat(20_000), "fever".to_owned()];
        let counts: Vec<usize> = pieces.words(&words).unwrap().iter().map(Vec::len).collect();
        assert_eq!(counts[0], LONGEST_WORD);
        assert!(counts[1] < 6);
    }

    #[test]
    fn whole_sentences_are_packed_in_their_order() {
        let sentence = |n: usize| vec![vec![7_u32]; n];
        let config =
            InputConfig { max_pieces: 12, overlap: 0, packing: Packing::Packed, ..InputConfig::default() };
        let sentences = [sentence(4), sentence(6), sentence(1), sentence(15), sentence(2), sentence(0)];
        let packed = sequences(&sentences, &config);
        let shape: Vec<Vec<(usize, usize)>> =
            packed.iter().map(|s| s.parts.iter().map(|p| (p.sentence, p.words.len())).collect()).collect();
        assert_eq!(shape, [vec![(0, 4), (1, 6)], vec![(2, 1)], vec![(3, 10)], vec![(3, 5)], vec![(4, 2)]]);
        assert_eq!(packed[0].parts[1].starts, [4, 5, 6, 7, 8, 9]);
        let alone = sequences(&sentences, &InputConfig { packing: Packing::Sentence, ..config });
        assert_eq!(alone.len(), 6);
    }
}
