//! The embedding matrix of a vocabulary.

use std::fmt;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::WordVectors;
use crate::vocabulary::{Coverage, PAD, Vocabulary};

/// The matrix that an embedding layer starts from.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingMatrix {
    /// Rows: numbers of the vocabulary.
    pub rows: usize,
    /// Columns: numbers of a vector.
    pub dim: usize,
    /// Row-major `[V, D]`; row 0, the padding, is zero.
    pub values: Vec<f32>,
    /// Which words have a vector.
    pub coverage: MatrixCoverage,
}

impl EmbeddingMatrix {
    /// The row of a number of the vocabulary, `[D]`.
    pub fn row(&self, id: u32) -> &[f32] {
        &self.values[id as usize * self.dim..][..self.dim]
    }
}

/// How many words of a vocabulary have a vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixCoverage {
    /// Words, and their occurrences by the vocabulary's counts, with a vector (exact or lower-cased) and in all.
    pub words: Coverage,
    /// Words whose vector is that of their lower-cased form.
    pub lowercased: u64,
}

impl fmt::Display for MatrixCoverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Coverage { types, known_types, tokens, known_tokens } = self.words;
        write!(
            f,
            "{known_types} of {types} words have a vector ({:.1}%; {} lower-cased), {known_tokens} of {tokens} occurrences ({:.1}%)",
            100.0 * self.words.type_share(),
            self.lowercased,
            100.0 * self.words.token_share(),
        )
    }
}

/// `sqrt(3 / D)`: uniform numbers within this have the variance `1 / D`, so that a vector's expected squared length is 1.
pub fn uniform_bound(dim: usize) -> f32 {
    (3.0 / dim as f32).sqrt()
}

impl WordVectors {
    /// The matrix for a vocabulary: the vector of each word, or of its lower-cased form; for the unknown word and words without
    /// a vector numbers drawn uniformly from `[-bound, bound)`, in the order of the vocabulary; zeros for the padding.
    ///
    /// [`uniform_bound`] is the usual `bound`. At 0 nothing is drawn and those rows are zero.
    pub fn matrix_for(&self, vocabulary: &Vocabulary, bound: f32, rng: &mut ChaCha8Rng) -> EmbeddingMatrix {
        let rows = vocabulary.len();
        let mut values = vec![0.0; rows * self.dim()];
        let mut coverage = MatrixCoverage::default();
        for (id, row) in (PAD..).zip(values.chunks_exact_mut(self.dim().max(1))).skip(1) {
            let word = vocabulary.word(id).expect("there is a row for each number");
            let special = id < PAD + 2;
            let exact = if special { None } else { self.get(word) };
            let lowercased = if special || exact.is_some() { None } else { self.get(&word.to_lowercase()) };
            if let Some(vector) = exact.or(lowercased) {
                row.copy_from_slice(vector);
            } else if bound > 0.0 {
                row.fill_with(|| rng.random_range(-bound..bound));
            }
            if !special {
                let count = vocabulary.occurrences(id).unwrap_or(0);
                let known = exact.is_some() || lowercased.is_some();
                coverage.words.types += 1;
                coverage.words.tokens += count;
                coverage.words.known_types += u64::from(known);
                coverage.words.known_tokens += if known { count } else { 0 };
                coverage.lowercased += u64::from(lowercased.is_some());
            }
        }
        EmbeddingMatrix { rows, dim: self.dim(), values, coverage }
    }
}
