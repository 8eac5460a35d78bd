//! Windows over documents.
//!
//! Every epoch cuts every document anew: a window takes what there is room for, the next begins where it ends, and the first
//! one's length is drawn, so that the same piece meets other neighbours each time. No piece is lost.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::documents::Document;

/// Pieces that a remainder must have to be a window of its own.
const LEAST: usize = 8;

/// A stretch of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Which document.
    pub document: usize,
    /// Its first piece.
    pub start: usize,
    /// Pieces, at least 2.
    pub length: usize,
}

impl Window {
    /// Its pieces.
    pub fn of<'a>(&self, documents: &'a [Document]) -> &'a [u32] {
        &documents[self.document].ids[self.start..self.start + self.length]
    }
}

/// A random stream of its own for a purpose, keyed (seed, number).
pub fn stream(seed: u64, purpose: &[u8; 8], number: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&number.to_le_bytes());
    key[16..24].copy_from_slice(purpose);
    ChaCha8Rng::from_seed(key)
}

/// Windows over all documents, of at most `room` pieces each, in their order; a share `short` of them is cut short at random.
/// `and` draws what else belongs to a window, right after it.
pub fn windows<T>(
    documents: &[Document],
    room: usize,
    short: f64,
    rng: &mut ChaCha8Rng,
    and: impl Fn(&Window, &mut ChaCha8Rng) -> T,
) -> Vec<(Window, T)> {
    let mut windows = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let end = document.ids.len();
        let mut start = 0;
        while end - start >= 2 {
            let short = short > 0.0 && rng.random_bool(short);
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
            let window = Window { document: index, start, length };
            windows.push((window, and(&window, rng)));
            start += length;
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_piece_is_lost_and_epochs_differ() {
        let documents: Vec<Document> =
            [2, 5, 20, 29, 131, 1000].map(|n| Document::new([(0..n).collect()])).into();
        let epoch = |short, epoch| -> Vec<Window> {
            let found = windows(&documents, 20, short, &mut stream(7, b"windows ", epoch), |_, _| ());
            found.into_iter().map(|(window, ())| window).collect()
        };
        for (number, short) in (0..20).map(|n| (n, if n < 10 { 0.0 } else { 0.3 })) {
            let found = epoch(short, number);
            assert!(found.iter().all(|w| w.length >= 2 && w.length <= 20));
            for (index, document) in documents.iter().enumerate() {
                let mut at = 0;
                for window in found.iter().filter(|w| w.document == index) {
                    assert_eq!(window.start, at);
                    assert_eq!(window.of(&documents)[0] as usize, at);
                    at += window.length;
                }
                assert!(document.ids.len() - at < 2, "{index}");
            }
            assert_eq!(found, epoch(short, number));
        }
        assert_ne!(epoch(0.0, 0), epoch(0.0, 1));
        assert!(epoch(0.5, 0).len() > epoch(0.0, 0).len());
    }
}
