//! Windows over documents.
//!
//! Every epoch cuts every document anew: the first window's length is drawn, so that the same piece meets other neighbours each
//! time. No piece is lost.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::corpus::Document;

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

/// Pieces that a remainder must have to be a window of its own.
const LEAST: usize = 8;

/// A random stream of its own for a purpose, keyed (seed, number).
pub fn stream(seed: u64, purpose: &[u8; 8], number: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&number.to_le_bytes());
    key[16..24].copy_from_slice(purpose);
    ChaCha8Rng::from_seed(key)
}

/// The windows of an epoch over all documents, of at most `room` pieces each, in their order.
pub fn windows(documents: &[Document], room: usize, seed: u64, epoch: u64) -> Vec<Window> {
    let mut rng = stream(seed, b"windows ", epoch);
    let mut windows = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let end = document.ids.len();
        let mut start = 0;
        while end - start >= 2 {
            let wanted =
                if start == 0 && end > room { rng.random_range(LEAST.min(room)..=room) } else { room };
            let mut length = wanted.min(end - start);
            let rest = end - start - length;
            if rest > 0 && rest < LEAST {
                // A remainder too short to learn from goes with this window, or this window leaves it more.
                length = if end - start <= room { end - start } else { length.saturating_sub(LEAST).max(2) };
            }
            windows.push(Window { document: index, start, length });
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
            [2, 5, 20, 29, 131, 1000].map(|n| Document { ids: (0..n).collect() }).into();
        for epoch in 0..20 {
            let found = windows(&documents, 20, 7, epoch);
            assert!(found.iter().all(|w| w.length >= 2 && w.length <= 20));
            for (index, document) in documents.iter().enumerate() {
                let mut at = 0;
                for window in found.iter().filter(|w| w.document == index) {
                    assert_eq!(window.start, at);
                    at += window.length;
                }
                assert!(document.ids.len() - at < 2, "{index}");
            }
            assert_eq!(found, windows(&documents, 20, 7, epoch));
        }
        assert_ne!(windows(&documents, 20, 7, 0), windows(&documents, 20, 7, 1));
    }
}
