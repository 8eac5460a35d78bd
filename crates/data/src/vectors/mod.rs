//! Word vectors: reading and writing the usual formats, looking up, neighbours, and the matrix that a model starts from.
//!
//! | format | first line | a word | numbers |
//! | --- | --- | --- | --- |
//! | [`VectorFormat::Word2vecText`] | `V D` | `word v1 ... vD` | decimal |
//! | [`VectorFormat::Word2vecBinary`] | `V D` | `word`, a space, the vector, mostly a line break | 32-bit little-endian |
//! | [`VectorFormat::Glove`] | none | `word v1 ... vD` | decimal |
//!
//! The readers refuse what other programs pass over: a vector of another width, a word that comes twice, a number that is none or
//! not finite, bytes that are not UTF-8, a file that ends early, or one that goes on after its last word.

mod binary;
mod format;
mod matrix;
mod text;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use matrix::{EmbeddingMatrix, MatrixCoverage, uniform_bound};

/// Vectors of words, `[V, D]`.
#[derive(Clone, Debug, PartialEq)]
pub struct WordVectors {
    dim: usize,
    words: Vec<String>,
    /// Row-major.
    values: Vec<f32>,
    /// Only looked up, never walked.
    rows: HashMap<String, usize>,
}

/// File formats of word vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorFormat {
    /// word2vec's text format.
    Word2vecText,
    /// word2vec's binary format.
    Word2vecBinary,
    /// GloVe's text format: word2vec's without its first line.
    Glove,
}

/// What can go wrong with word vectors.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// The operating system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// File.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of a text file that is not what the format demands.
    #[error("{}:{line}:{column}: {message}; found `{found}`", .path.display())]
    Text {
        /// File.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong, what was expected and how to mend it.
        message: String,
        /// The offending text, shortened.
        found: String,
    },
    /// A place in a binary file that is not what the format demands.
    #[error("{}: byte {offset}, word {word}: {message}", .path.display())]
    Binary {
        /// File.
        path: PathBuf,
        /// Byte, from 0.
        offset: u64,
        /// Word, from 1; 0 for the header.
        word: usize,
        /// What is wrong, what was expected and how to mend it.
        message: String,
    },
    /// A vector that cannot be added.
    #[error("the vector of `{word}` {message}")]
    Vector {
        /// Its word.
        word: String,
        /// What is wrong.
        message: String,
    },
    /// A word that a format cannot hold.
    #[error("the word {word:?} cannot be written: {message}")]
    Unwritable {
        /// The word.
        word: String,
        /// Why, and what to do.
        message: &'static str,
    },
}

impl WordVectors {
    /// No vectors, of this width.
    pub fn empty(dim: usize) -> Self {
        Self { dim, words: Vec::new(), values: Vec::new(), rows: HashMap::new() }
    }

    /// Adds the vector of a word.
    ///
    /// # Errors
    /// [`VectorError::Vector`] when the word is there already, or the vector has another width or a number that is not finite.
    pub fn push(&mut self, word: &str, values: &[f32]) -> Result<(), VectorError> {
        let wrong = |message: String| Err(VectorError::Vector { word: word.to_owned(), message });
        if values.len() != self.dim {
            return wrong(format!("has {} numbers, the others have {}", values.len(), self.dim));
        }
        if let Some(x) = values.iter().find(|x| !x.is_finite()) {
            return wrong(format!("holds {x}, which is not a finite number"));
        }
        if let Some(row) = self.rows.get(word) {
            return wrong(format!("is there already, as word {} of {}", row + 1, self.words.len()));
        }
        self.rows.insert(word.to_owned(), self.words.len());
        self.words.push(word.to_owned());
        self.values.extend_from_slice(values);
        Ok(())
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// True where there are no words.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Numbers in a vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The words, in the order of the file or from the most frequent.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// All vectors, row-major `[V, D]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The vector of a word, `[D]`.
    pub fn get(&self, word: &str) -> Option<&[f32]> {
        self.rows.get(word).map(|&row| self.row(row))
    }

    /// The same vectors, all multiplied by one factor so that the root mean square of their numbers is `rms`; those that are all zero
    /// stay so.
    #[must_use]
    pub fn scaled(&self, rms: f64) -> Self {
        let squares: f64 = self.values.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let now = (squares / self.values.len().max(1) as f64).sqrt();
        let factor = if now > 0.0 { rms / now } else { 0.0 };
        Self { values: self.values.iter().map(|&x| (f64::from(x) * factor) as f32).collect(), ..self.clone() }
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dim..][..self.dim]
    }

    /// The `n` words nearest to a word by cosine, the nearest first, without the word itself; none for an unknown word.
    pub fn nearest(&self, word: &str, n: usize) -> Option<Vec<(&str, f32)>> {
        let row = *self.rows.get(word)?;
        Some(self.nearest_rows(self.row(row), n, Some(row)))
    }

    /// The `n` words nearest to a vector `[D]` by cosine, the nearest first; equally near words in the order of the words.
    ///
    /// # Errors
    /// [`VectorError::Vector`] when the vector has another width.
    pub fn nearest_to(&self, vector: &[f32], n: usize) -> Result<Vec<(&str, f32)>, VectorError> {
        if vector.len() != self.dim {
            let message = format!("has {} numbers, the others have {}", vector.len(), self.dim);
            return Err(VectorError::Vector { word: "query".into(), message });
        }
        Ok(self.nearest_rows(vector, n, None))
    }

    fn nearest_rows(&self, query: &[f32], n: usize, without: Option<usize>) -> Vec<(&str, f32)> {
        let mut near: Vec<(usize, f32)> = (0..self.len())
            .filter(|&row| Some(row) != without)
            .map(|row| (row, cosine(query, self.row(row))))
            .collect();
        let order = |a: &(usize, f32), b: &(usize, f32)| {
            b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal).then(a.0.cmp(&b.0))
        };
        if n < near.len() {
            near.select_nth_unstable_by(n, order);
            near.truncate(n);
        }
        near.sort_by(order);
        near.into_iter().map(|(row, cosine)| (self.words[row].as_str(), cosine)).collect()
    }

    /// Reads every vector of a file.
    ///
    /// # Errors
    /// [`VectorError`] with line or byte for anything that the format does not allow.
    pub fn read(path: &Path, format: VectorFormat) -> Result<Self, VectorError> {
        Self::read_selected(path, format, |_| true)
    }

    /// Reads the vectors of the words that `keep` says yes to. The other lines must have the right number of columns too, but
    /// their numbers are not looked at: a file of millions of words is read in seconds and takes the memory of those kept.
    ///
    /// # Errors
    /// [`VectorError`] with line or byte for anything that the format does not allow.
    pub fn read_selected(
        path: &Path,
        format: VectorFormat,
        keep: impl Fn(&str) -> bool,
    ) -> Result<Self, VectorError> {
        match format {
            VectorFormat::Word2vecText => text::read(path, true, &keep),
            VectorFormat::Glove => text::read(path, false, &keep),
            VectorFormat::Word2vecBinary => binary::read(path, &keep),
        }
    }

    /// Writes a file, which is there whole or not at all. Text numbers are the shortest that read back as the same bits.
    ///
    /// # Errors
    /// [`VectorError::Io`]; [`VectorError::Unwritable`] for a word that the format has no way to write.
    pub fn write(&self, path: &Path, format: VectorFormat) -> Result<(), VectorError> {
        match format {
            VectorFormat::Word2vecText => text::write(self, path, true),
            VectorFormat::Glove => text::write(self, path, false),
            VectorFormat::Word2vecBinary => binary::write(self, path),
        }
    }
}

/// Cosine of two vectors; 0 where one is all zeros.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let (mut product, mut a2, mut b2) = (0.0f64, 0.0f64, 0.0f64);
    for (&x, &y) in a.iter().zip(b) {
        let (x, y) = (f64::from(x), f64::from(y));
        product += x * y;
        a2 += x * x;
        b2 += y * y;
    }
    let norms = (a2 * b2).sqrt();
    if norms == 0.0 { 0.0 } else { (product / norms) as f32 }
}
