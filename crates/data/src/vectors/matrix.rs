//! The embedding matrix of a vocabulary.

use std::fmt;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::WordVectors;
use crate::vocabulary::{Coverage, Normalisation, PAD, Vocabulary};

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
    /// Words, and their occurrences by the vocabulary's counts, with a vector (exact, lower-cased or in the other width) and in all.
    pub words: Coverage,
    /// Words whose vector is that of their lower-cased form.
    pub lowercased: u64,
    /// Words whose vector is that of their form in the other width (`１` and `1`).
    pub other_width: u64,
}

impl fmt::Display for MatrixCoverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Coverage { types, known_types, tokens, known_tokens } = self.words;
        let other_width = match self.other_width {
            0 => String::new(),
            n => format!(", {n} in the other width"),
        };
        write!(
            f,
            "{known_types} of {types} words have a vector ({:.1}%; {} lower-cased{other_width}), {known_tokens} of {tokens} occurrences ({:.1}%)",
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
    /// The matrix for a vocabulary: the vector of each word, or of its lower-cased form, or of its form in the other width; for the
    /// unknown word and words without a vector numbers drawn uniformly from `[-bound, bound)`, in the order of the vocabulary; zeros
    /// for the padding.
    ///
    /// The other width (`１` for `1` and the reverse) stands for a word where the vocabulary takes both widths as one
    /// ([`Normalisation::half_width`]) or the vectors know one of them only. Where both know two, they are two words: one that is too
    /// rare for a vector has none.
    ///
    /// [`uniform_bound`] is the usual `bound`. At 0 nothing is drawn and those rows are zero.
    pub fn matrix_for(&self, vocabulary: &Vocabulary, bound: f32, rng: &mut ChaCha8Rng) -> EmbeddingMatrix {
        let rows = vocabulary.len();
        let mut values = vec![0.0; rows * self.dim()];
        let mut coverage = MatrixCoverage::default();
        let either_width = vocabulary.normalisation().half_width || !self.tells_widths_apart();
        for (id, row) in (PAD..).zip(values.chunks_exact_mut(self.dim().max(1))).skip(1) {
            let word = vocabulary.word(id).expect("there is a row for each number");
            let special = id < PAD + 2;
            let exact = if special { None } else { self.get(word) };
            let lowercased = if special || exact.is_some() { None } else { self.get(&word.to_lowercase()) };
            let same_width = exact.or(lowercased);
            let other_width = if special || !either_width || same_width.is_some() {
                None
            } else {
                self.in_other_width(word)
            };
            let found = same_width.or(other_width);
            if let Some(vector) = found {
                row.copy_from_slice(vector);
            } else if bound > 0.0 {
                row.fill_with(|| rng.random_range(-bound..bound));
            }
            if !special {
                let count = vocabulary.occurrences(id).unwrap_or(0);
                let known = found.is_some();
                coverage.words.types += 1;
                coverage.words.tokens += count;
                coverage.words.known_types += u64::from(known);
                coverage.words.known_tokens += if known { count } else { 0 };
                coverage.lowercased += u64::from(lowercased.is_some());
                coverage.other_width += u64::from(other_width.is_some());
            }
        }
        EmbeddingMatrix { rows, dim: self.dim(), values, coverage }
    }

    /// The vector of a word's form in the other width, or of that form lower-cased.
    fn in_other_width(&self, word: &str) -> Option<&[f32]> {
        let other = other_width(word)?;
        self.get(&other).or_else(|| self.get(&other.to_lowercase()))
    }

    /// True where there are vectors of printable ASCII and of full-width forms: then the two are different words.
    fn tells_widths_apart(&self) -> bool {
        let has = |wanted: fn(char) -> bool| self.words.iter().any(|word| word.contains(wanted));
        has(|c: char| c.is_ascii_graphic()) && has(|c: char| ('！'..='～').contains(&c))
    }
}

/// A word with full-width forms in ASCII; one that has none with its ASCII in full width; none where it has neither.
fn other_width(word: &str) -> Option<String> {
    let narrow = Normalisation { half_width: true, ..Normalisation::default() }.apply(word).into_owned();
    let other = if narrow == word { narrow.chars().map(full_width).collect() } else { narrow };
    (other != word).then_some(other)
}

/// U+FF01 to U+FF5E are the full-width forms of U+0021 to U+007E, in the same order.
fn full_width(c: char) -> char {
    if c.is_ascii_graphic() { char::from_u32(c as u32 + 0xFEE0).unwrap_or(c) } else { c }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::SeedableRng;

    use super::*;

    /// The matrix of a text's characters. The vector of the first character of `file` is 1, of the second 2; what has none is 0.
    fn matrix(file: &[&str], text: &[&str], half_width: bool) -> (Vec<f32>, MatrixCoverage) {
        let mut vectors = WordVectors::empty(1);
        for (i, character) in file.iter().enumerate() {
            vectors.push(character, &[1.0 + i as f32]).unwrap();
        }
        let normalisation = Normalisation { half_width, ..Normalisation::default() };
        let vocabulary = Vocabulary::count(text, 1, normalisation);
        let matrix = vectors.matrix_for(&vocabulary, 0.0, &mut ChaCha8Rng::seed_from_u64(1));
        (text.iter().map(|character| matrix.row(vocabulary.id(character))[0]).collect(), matrix.coverage)
    }

    #[test]
    fn a_character_that_the_file_has_in_the_other_width_only_takes_that_vector() {
        let rows = |file: &[&str], text: &[&str], half_width: bool| matrix(file, text, half_width).0;
        // The vocabulary has `1` for both.
        assert_eq!(rows(&["１", "痛"], &["1", "痛", "１"], true), [1.0, 2.0, 1.0]);
        // The vocabulary has what the text has.
        assert_eq!(rows(&["１", "痛"], &["1", "痛"], false), [1.0, 2.0]);
        assert_eq!(rows(&["1", "痛"], &["１", "痛", "。"], false), [1.0, 2.0, 0.0]);
        assert_eq!(rows(&["w"], &["Ｗ"], false), [1.0]);
        // As it is written comes first.
        assert_eq!(rows(&["１", "1"], &["1"], true), [2.0]);
        assert_eq!(rows(&["１", "1"], &["1", "１"], false), [2.0, 1.0]);
    }

    #[test]
    fn vectors_of_both_widths_tell_them_apart_unless_the_vocabulary_does_not() {
        let file = ["，", "1"];
        assert_eq!(matrix(&file, &["１", ","], false).0, [0.0, 0.0]);
        assert_eq!(matrix(&file, &["１", ","], true).0, [2.0, 1.0]);
    }

    #[test]
    fn the_coverage_says_how_many_are_of_the_other_width() {
        let coverage = matrix(&["１"], &["1", "痛"], true).1;
        assert_eq!((coverage.words.known_types, coverage.lowercased, coverage.other_width), (1, 0, 1));
        let said = coverage.to_string();
        assert!(said.contains("(50.0%; 0 lower-cased, 1 in the other width), 1 of 2 occurrences"), "{said}");
    }
}
