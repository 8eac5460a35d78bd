//! The vectors of a model: those it was given, scaled.

use std::collections::HashMap;

use medner_data::WordVectors;
use rayon::prelude::*;

/// The row of a symbol that has no vector; it adds nothing.
pub(super) const NO_ROW: u32 = u32::MAX;

/// Rows in a chunk: sums over chunks are added up in their order.
const CHUNK: usize = 256;

/// Vectors of symbols, `[V, D]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Vectors {
    dim: usize,
    symbols: Vec<String>,
    values: Vec<f32>,
    /// Only looked up.
    rows: HashMap<String, u32>,
}

impl Vectors {
    /// `values`: `[V, D]`. Nothing where a symbol comes twice or a number is missing.
    pub(super) fn from_parts(dim: usize, symbols: Vec<String>, values: Vec<f32>) -> Option<Self> {
        let rows: HashMap<String, u32> = symbols.iter().cloned().zip(0..).collect();
        (rows.len() == symbols.len() && values.len() == symbols.len() * dim).then_some(Self {
            dim,
            symbols,
            values,
            rows,
        })
    }

    /// Given ones.
    pub(super) fn of(vectors: &WordVectors) -> Self {
        Self::from_parts(vectors.dim(), vectors.words().to_vec(), vectors.values().to_vec())
            .expect("word vectors have different words and whole rows")
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    pub(super) fn symbols(&self) -> &[String] {
        &self.symbols
    }

    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    pub(super) fn len(&self) -> usize {
        self.symbols.len()
    }

    /// The row of a symbol, or [`NO_ROW`].
    pub(super) fn row(&self, symbol: &str) -> u32 {
        self.rows.get(symbol).copied().unwrap_or(NO_ROW)
    }

    /// Scores of all rows: `[V, D] x [D, K] -> [V, K]`.
    pub(super) fn scores(&self, weights: &[f64], tags: usize) -> Vec<f64> {
        let mut scores = vec![0.0; self.len() * tags];
        if self.dim == 0 {
            return scores;
        }
        scores.par_chunks_mut(CHUNK * tags).zip(self.values.par_chunks(CHUNK * self.dim)).for_each(
            |(scores, values)| {
                for (score, vector) in scores.chunks_exact_mut(tags).zip(values.chunks_exact(self.dim)) {
                    for (&x, weights) in vector.iter().zip(weights.chunks_exact(tags)) {
                        score.iter_mut().zip(weights).for_each(|(s, w)| *s += f64::from(x) * w);
                    }
                }
            },
        );
        scores
    }

    /// Adds to the weights' gradient: `[D, V] x [V, K] -> [D, K]`.
    pub(super) fn add_gradient(&self, by_row: &[f64], tags: usize, gradient: &mut [f64]) {
        if self.dim == 0 {
            return;
        }
        let partial: Vec<Vec<f64>> = by_row
            .par_chunks(CHUNK * tags)
            .zip(self.values.par_chunks(CHUNK * self.dim))
            .map(|(by_row, values)| {
                let mut sum = vec![0.0; gradient.len()];
                for (row, vector) in by_row.chunks_exact(tags).zip(values.chunks_exact(self.dim)) {
                    for (&x, sum) in vector.iter().zip(sum.chunks_exact_mut(tags)) {
                        sum.iter_mut().zip(row).for_each(|(s, r)| *s += f64::from(x) * r);
                    }
                }
                sum
            })
            .collect();
        for sum in partial {
            gradient.iter_mut().zip(sum).for_each(|(g, s)| *g += s);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn scores_and_gradient_by_hand() {
        let vectors =
            Vectors::from_parts(2, vec!["a".into(), "b".into()], vec![1.0, 2.0, -3.0, 0.5]).unwrap();
        // Weights [D, K]: of the first number 1 and 10, of the second 2 and 20.
        assert_eq!(vectors.scores(&[1.0, 10.0, 2.0, 20.0], 2), [5.0, 50.0, -2.0, -20.0]);
        let mut gradient = vec![100.0, 0.0, 0.0, 0.0];
        vectors.add_gradient(&[1.0, 0.0, 0.5, 2.0], 2, &mut gradient);
        assert_eq!(gradient, [100.0 + 1.0 - 1.5, -6.0, 2.25, 1.0]);
        assert_eq!((vectors.row("b"), vectors.row("c")), (1, NO_ROW));
    }
}
