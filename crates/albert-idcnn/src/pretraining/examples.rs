//! The sequences that windows over documents become.

use medner_training::pretraining::windows::windows as all_windows;
use medner_training::pretraining::{Document, Window};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::config::SequenceConfig;
use crate::albert::tokenizer::SpecialIds;

/// `[CLS]` and two `[SEP]`.
pub const SPECIAL_PIECES: usize = 3;

/// How a window is parted in two segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Pieces of the segment that stands first in the document, at least 1 and fewer than the window has.
    pub at: usize,
    /// Whether the segments change places.
    pub swapped: bool,
}

/// The windows of an epoch over all documents, in their order.
pub fn windows(documents: &[Document], config: &SequenceConfig, rng: &mut ChaCha8Rng) -> Vec<(Window, Cut)> {
    all_windows(documents, config.max_length - SPECIAL_PIECES, config.short, rng, |window, rng| {
        let at = cut(&documents[window.document], window, rng);
        Cut { at, swapped: rng.random_bool(0.5) }
    })
}

/// Where the segments part: after a sentence, where one ends inside the window, else somewhere in its middle half.
fn cut(document: &Document, window: &Window, rng: &mut ChaCha8Rng) -> usize {
    let Window { start, length, .. } = *window;
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
    /// The sequence of a window's pieces.
    pub fn new(pieces: &[u32], cut: Cut, special: SpecialIds) -> Self {
        let (mut a, mut b) = pieces.split_at(cut.at);
        if cut.swapped {
            std::mem::swap(&mut a, &mut b);
        }
        let parts: [&[u32]; 5] = [&[special.first], a, &[special.separator], b, &[special.separator]];
        Self { ids: parts.concat(), second: a.len() + 2, swapped: cut.swapped }
    }
}

#[cfg(test)]
mod tests {
    use medner_training::pretraining::windows::stream;

    use super::*;

    fn documents() -> Vec<Document> {
        let document = |first: u32, lengths: &[u32]| {
            let mut next = first;
            let parts = lengths.iter().map(|length| {
                next += length;
                (next - length..next).collect()
            });
            Document::new(parts.collect::<Vec<_>>())
        };
        vec![
            document(100, &[30, 5, 70, 2, 200]),
            document(1000, &[3]),
            document(2000, &[10, 10]),
            document(3000, &[150]),
        ]
    }

    fn epoch(short: f64, seed: u64, epoch: u64) -> Vec<(Window, Cut)> {
        let config = SequenceConfig { max_length: 64, short, ..SequenceConfig::default() };
        windows(&documents(), &config, &mut stream(seed, b"windows ", epoch))
    }

    #[test]
    fn every_piece_is_in_one_window_whatever_the_epoch() {
        for (number, short) in [(0, 0.0), (1, 0.1), (2, 0.5), (3, 1.0)] {
            let documents = documents();
            let mut seen = vec![0; documents.len()];
            for (window, cut) in epoch(short, 1, number) {
                assert_eq!(window.start, seen[window.document]);
                seen[window.document] += window.length;
                assert!(window.length <= 61 && window.length >= 2, "{window:?}");
                assert!(cut.at >= 1 && cut.at < window.length, "{window:?} {cut:?}");
            }
            assert_eq!(seen, documents.iter().map(|d| d.ids.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn windows_are_full_and_change_from_epoch_to_epoch() {
        let all = epoch(0.0, 1, 0);
        let full = all.iter().filter(|(window, _)| window.length == 61).count();
        assert!(full >= 5, "{all:?}");
        assert_eq!(all, epoch(0.0, 1, 0));
        assert_ne!(all, epoch(0.0, 1, 1));
        assert_ne!(all, epoch(0.0, 2, 0));
    }

    #[test]
    fn segments_part_where_a_sentence_ends() {
        let documents = documents();
        for number in 0..20 {
            for (window, cut) in epoch(0.1, 1, number) {
                let document = &documents[window.document];
                let inside: Vec<usize> = document
                    .ends
                    .iter()
                    .filter(|&&end| end > window.start && end < window.start + window.length)
                    .map(|end| end - window.start)
                    .collect();
                assert!(inside.is_empty() || inside.contains(&cut.at), "{window:?} {cut:?}");
            }
        }
    }

    #[test]
    fn swapped_segments_change_places() {
        let special = SpecialIds { padding: 0, unknown: 1, first: 2, separator: 3, mask: 4 };
        let pieces = [10, 11, 12, 13];
        let plain = Sequence::new(&pieces, Cut { at: 1, swapped: false }, special);
        assert_eq!((plain.ids.as_slice(), plain.second), ([2, 10, 3, 11, 12, 13, 3].as_slice(), 3));
        let swapped = Sequence::new(&pieces, Cut { at: 1, swapped: true }, special);
        assert_eq!((swapped.ids.as_slice(), swapped.second), ([2, 11, 12, 13, 3, 10, 3].as_slice(), 5));
    }
}
