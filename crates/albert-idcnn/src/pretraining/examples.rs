//! Windows over documents, and the sequences that they become.
//!
//! Every epoch cuts every document anew: a window takes what there is room for, the next begins where it ends, and the first
//! one's length is drawn, so that the same piece meets other neighbours each time. No piece is lost.

use rand::Rng;
use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::config::SequenceConfig;
use super::corpus::Document;
use crate::albert::tokenizer::SpecialIds;

/// `[CLS]` and two `[SEP]`.
pub const SPECIAL_PIECES: usize = 3;

/// Pieces that a remainder must have to be a window of its own.
const LEAST: usize = 8;

/// A stretch of a document, parted in two segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Which document.
    pub document: usize,
    /// Its first piece.
    pub start: usize,
    /// Pieces, at least 2.
    pub length: usize,
    /// Pieces of the segment that stands first in the document, at least 1 and below `length`.
    pub cut: usize,
    /// Whether the segments change places.
    pub swapped: bool,
}

/// A random stream of its own for a purpose, keyed (seed, number).
pub fn stream(seed: u64, purpose: &[u8; 8], number: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&number.to_le_bytes());
    key[16..24].copy_from_slice(purpose);
    ChaCha8Rng::from_seed(key)
}

/// The windows of an epoch over all documents, in their order.
pub fn windows(documents: &[Document], config: &SequenceConfig, seed: u64, epoch: u64) -> Vec<Window> {
    let mut rng = stream(seed, b"windows ", epoch);
    let room = config.max_length - SPECIAL_PIECES;
    let mut windows = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let end = document.ids.len();
        let mut start = 0;
        while end - start >= 2 {
            let short = rng.random_bool(config.short);
            let wanted = if short || (start == 0 && end > room) {
                rng.random_range(LEAST.min(room)..=room)
            } else {
                room
            };
            let mut length = wanted.min(end - start);
            let rest = end - start - length;
            if rest > 0 && rest < LEAST {
                // A remainder too short to learn from goes with this window, or this window leaves it more.
                length = if end - start <= room { end - start } else { length.saturating_sub(LEAST).max(2) };
            }
            let cut = cut(document, start, length, &mut rng);
            windows.push(Window { document: index, start, length, cut, swapped: rng.random_bool(0.5) });
            start += length;
        }
    }
    windows
}

/// Where the segments part: after a sentence, where one ends inside the window, else somewhere in its middle half.
fn cut(document: &Document, start: usize, length: usize, rng: &mut ChaCha8Rng) -> usize {
    let first = document.ends.partition_point(|&end| end <= start);
    let last = document.ends.partition_point(|&end| end < start + length);
    if let Some(end) = document.ends[first..last].choose(rng) {
        return end - start;
    }
    let quarter = (length / 4).max(1);
    rng.random_range(quarter..=(length - quarter).max(quarter)).min(length - 1)
}

/// `[CLS] A [SEP] B [SEP]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Ids, the special ones included.
    pub ids: Vec<u32>,
    /// Where the second segment begins.
    pub second: usize,
    /// Whether the segment that stands first in the text is the second here.
    pub swapped: bool,
}

impl Sequence {
    /// The sequence of a window.
    pub fn new(documents: &[Document], window: &Window, special: SpecialIds) -> Self {
        let pieces = &documents[window.document].ids[window.start..window.start + window.length];
        let (mut a, mut b) = pieces.split_at(window.cut);
        if window.swapped {
            std::mem::swap(&mut a, &mut b);
        }
        let parts: [&[u32]; 5] = [&[special.first], a, &[special.separator], b, &[special.separator]];
        Self { ids: parts.concat(), second: a.len() + 2, swapped: window.swapped }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn documents() -> Vec<Document> {
        let document = |first: u32, lengths: &[usize]| {
            let mut document = Document::default();
            for length in lengths {
                let next = first + document.ids.len() as u32;
                document.ids.extend(next..next + *length as u32);
                document.ends.push(document.ids.len());
            }
            document
        };
        vec![
            document(100, &[30, 5, 70, 2, 200]),
            document(1000, &[3]),
            document(2000, &[10, 10]),
            document(3000, &[150]),
        ]
    }

    fn config(short: f64) -> SequenceConfig {
        SequenceConfig { max_length: 64, short, ..SequenceConfig::default() }
    }

    #[test]
    fn every_piece_is_in_one_window_whatever_the_epoch() {
        for (epoch, short) in [(0, 0.0), (1, 0.1), (2, 0.5), (3, 1.0)] {
            let documents = documents();
            let mut seen = vec![0; documents.len()];
            for window in windows(&documents, &config(short), 1, epoch) {
                assert_eq!(window.start, seen[window.document]);
                seen[window.document] += window.length;
                assert!(window.length <= 61 && window.length >= 2, "{window:?}");
                assert!(window.cut >= 1 && window.cut < window.length, "{window:?}");
            }
            assert_eq!(seen, documents.iter().map(|d| d.ids.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn windows_are_full_and_change_from_epoch_to_epoch() {
        let all = windows(&documents(), &config(0.0), 1, 0);
        let full = all.iter().filter(|w| w.length == 61).count();
        assert!(full >= 5, "{all:?}");
        assert_eq!(all, windows(&documents(), &config(0.0), 1, 0));
        assert_ne!(all, windows(&documents(), &config(0.0), 1, 1));
        assert_ne!(all, windows(&documents(), &config(0.0), 2, 0));
    }

    #[test]
    fn segments_part_where_a_sentence_ends() {
        let documents = documents();
        for epoch in 0..20 {
            for window in windows(&documents, &config(0.1), 1, epoch) {
                let document = &documents[window.document];
                let inside: Vec<usize> = document
                    .ends
                    .iter()
                    .filter(|&&end| end > window.start && end < window.start + window.length)
                    .map(|end| end - window.start)
                    .collect();
                assert!(inside.is_empty() || inside.contains(&window.cut), "{window:?}");
            }
        }
    }

    #[test]
    fn swapped_segments_change_places() {
        let special = SpecialIds { padding: 0, unknown: 1, first: 2, separator: 3, mask: 4 };
        let documents = vec![Document { ids: vec![10, 11, 12, 13], ends: vec![1, 4] }];
        let window = Window { document: 0, start: 0, length: 4, cut: 1, swapped: false };
        let plain = Sequence::new(&documents, &window, special);
        assert_eq!((plain.ids.as_slice(), plain.second), ([2, 10, 3, 11, 12, 13, 3].as_slice(), 3));
        let swapped = Sequence::new(&documents, &Window { swapped: true, ..window }, special);
        assert_eq!((swapped.ids.as_slice(), swapped.second), ([2, 11, 12, 13, 3, 10, 3].as_slice(), 5));
    }
}
