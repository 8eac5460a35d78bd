//! What training minimises: `-sum ln p(gold | sentence) + l2 / 2 |weights|^2`, and its gradient.
//!
//! With `p` the labels' marginals and `y` the gold labels (0 or 1), the gradient of every weight is the sum of `p - y` over the
//! positions that have its feature, times the feature's value. So one pass over the sentences writes `p - y` for all positions, and a
//! second one over the features gathers it through lists of positions: every number is summed by one thread in a fixed order, and
//! the result is the same bits on any number of threads.
//!
//! Weights in one vector: strings `[A, K]`, vectors `[offsets, D, K]`, moves `[K, K]`.

use std::ops::Range;

use medner_data::Sentence;
use rayon::prelude::*;

use super::chain::{Chain, Scratch};
use super::features::Dictionary;
use super::table::Table;
use super::vector;
use super::vectors::{NO_ROW, Vectors};

/// Sentences of one chunk of sums.
const SENTENCES: usize = 16;
/// Features of one chunk of the gradient.
const FEATURES: usize = 1_024;

/// Sizes of a model's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// `A`
    pub strings: usize,
    pub offsets: usize,
    /// `D`
    pub dim: usize,
    /// `K`
    pub tags: usize,
}

impl Shape {
    /// Number of weights.
    pub(super) fn weights(&self) -> usize {
        self.moves().end
    }

    /// Where the weights of the strings are.
    pub(super) fn strings(&self) -> Range<usize> {
        0..self.strings * self.tags
    }

    /// Where those of the vectors at one of the offsets are.
    pub(super) fn vectors(&self, offset: usize) -> Range<usize> {
        let size = self.dim * self.tags;
        let start = self.strings().end + offset * size;
        start..start + size
    }

    /// Where those of the moves are.
    pub(super) fn moves(&self) -> Range<usize> {
        let start = self.strings().end + self.offsets * self.dim * self.tags;
        start..start + self.tags * self.tags
    }
}

/// Sentences as numbers of features. Positions of all sentences are counted through.
#[derive(Default)]
pub(super) struct Encoded {
    /// Sentence `i` has the positions `starts[i]..starts[i + 1]`.
    pub starts: Vec<usize>,
    /// Strings of each position.
    pub strings: Table,
    /// Per offset and position the row of the vectors, or [`NO_ROW`].
    pub rows: Vec<Vec<u32>>,
}

impl Encoded {
    /// `symbols`: one a character, per sentence; not read where there are no offsets.
    pub(super) fn new(
        sentences: &[Sentence],
        symbols: &[Vec<String>],
        dictionary: &Dictionary,
        vectors: &Vectors,
        offsets: &[isize],
    ) -> Self {
        let mut encoded =
            Self { starts: vec![0], strings: Table::default(), rows: vec![Vec::new(); offsets.len()] };
        for (number, sentence) in sentences.iter().enumerate() {
            let length = sentence.tokens.len();
            dictionary.encode(&sentence.tokens, &mut encoded.strings);
            if !offsets.is_empty() {
                let own: Vec<u32> = symbols[number].iter().map(|symbol| vectors.row(symbol)).collect();
                for (rows, &offset) in encoded.rows.iter_mut().zip(offsets) {
                    let at =
                        |place: usize| place.checked_add_signed(offset).and_then(|p| own.get(p).copied());
                    rows.extend((0..length).map(|place| at(place).unwrap_or(NO_ROW)));
                }
            }
            encoded.starts.push(encoded.starts[number] + length);
        }
        encoded
    }

    pub(super) fn positions(&self) -> usize {
        self.strings.rows()
    }

    /// The share of positions whose own symbol has a vector; 0 without vectors.
    pub(super) fn coverage(&self, offsets: &[isize]) -> f64 {
        let own = offsets.iter().position(|&offset| offset == 0).map(|i| &self.rows[i]);
        own.map_or(0.0, |rows| {
            rows.iter().filter(|&&row| row != NO_ROW).count() as f64 / rows.len().max(1) as f64
        })
    }

    /// Writes the labels' scores of the positions: `[positions, K]`. `by_row`: scores of the vectors' rows, per offset `[V, K]`.
    pub(super) fn scores(
        &self,
        positions: Range<usize>,
        weights: &[f64],
        by_row: &[Vec<f64>],
        tags: usize,
        out: &mut Vec<f64>,
    ) {
        out.clear();
        out.resize(positions.len() * tags, 0.0);
        for (position, scores) in positions.zip(out.chunks_exact_mut(tags)) {
            let mut add = |from: &[f64]| scores.iter_mut().zip(from).for_each(|(s, w)| *s += w);
            for &string in self.strings.row(position) {
                add(&weights[string as usize * tags..][..tags]);
            }
            for (rows, by_row) in self.rows.iter().zip(by_row) {
                if rows[position] != NO_ROW {
                    add(&by_row[rows[position] as usize * tags..][..tags]);
                }
            }
        }
    }
}

/// Scores of the vectors' rows under the weights, per offset `[V, K]`.
pub(super) fn scores_by_row(shape: &Shape, vectors: &Vectors, weights: &[f64]) -> Vec<Vec<f64>> {
    (0..shape.offsets).map(|offset| vectors.scores(&weights[shape.vectors(offset)], shape.tags)).collect()
}

/// The objective on a training set.
pub(super) struct Objective<'a> {
    shape: Shape,
    encoded: &'a Encoded,
    vectors: &'a Vectors,
    gold: &'a [u16],
    l2: f64,
    /// Positions of each string.
    of_string: Table,
    /// Per offset the positions of each row.
    of_row: Vec<Table>,
    /// `p - y`, `[positions, K]`.
    difference: Vec<f64>,
}

impl<'a> Objective<'a> {
    /// `gold`: a label a position.
    pub(super) fn new(
        shape: Shape,
        encoded: &'a Encoded,
        vectors: &'a Vectors,
        gold: &'a [u16],
        l2: f64,
    ) -> Self {
        let of_row = encoded.rows.iter().map(|rows| {
            let mut table = Table::default();
            for &row in rows {
                if row != NO_ROW {
                    table.push(row);
                }
                table.end_row();
            }
            table.inverted(vectors.len())
        });
        Self {
            shape,
            encoded,
            vectors,
            gold,
            l2,
            of_string: encoded.strings.inverted(shape.strings),
            of_row: of_row.collect(),
            difference: vec![0.0; encoded.positions() * shape.tags],
        }
    }

    /// The value; writes the gradient.
    pub(super) fn evaluate(&mut self, weights: &[f64], gradient: &mut [f64]) -> f64 {
        let (shape, tags) = (self.shape, self.shape.tags);
        gradient.copy_from_slice(weights);
        vector::scale(gradient, self.l2);
        let mut value = 0.5 * self.l2 * vector::dot(weights, weights);

        let by_row = scores_by_row(&shape, self.vectors, weights);
        let chain = Chain::new(tags, &weights[shape.moves()]);
        for (loss, moves) in self.sentences(weights, &by_row, &chain) {
            value += loss;
            gradient[shape.moves()].iter_mut().zip(moves).for_each(|(g, m)| *g += m);
        }

        let difference = &self.difference;
        let gather = |positions: &[u32], out: &mut [f64]| {
            for &position in positions {
                let from = &difference[position as usize * tags..][..tags];
                out.iter_mut().zip(from).for_each(|(g, d)| *g += d);
            }
        };
        gradient[shape.strings()].par_chunks_mut(FEATURES * tags).enumerate().for_each(
            |(chunk, gradient)| {
                for (i, gradient) in gradient.chunks_exact_mut(tags).enumerate() {
                    gather(self.of_string.row(chunk * FEATURES + i), gradient);
                }
            },
        );
        for (offset, positions) in self.of_row.iter().enumerate() {
            let mut by_row = vec![0.0; self.vectors.len() * tags];
            by_row.par_chunks_mut(FEATURES * tags).enumerate().for_each(|(chunk, out)| {
                for (i, out) in out.chunks_exact_mut(tags).enumerate() {
                    gather(positions.row(chunk * FEATURES + i), out);
                }
            });
            self.vectors.add_gradient(&by_row, tags, &mut gradient[shape.vectors(offset)]);
        }
        value
    }

    /// Writes `p - y`; returns for each chunk of sentences the loss and the moves' expected less their gold numbers.
    fn sentences(&mut self, weights: &[f64], by_row: &[Vec<f64>], chain: &Chain) -> Vec<(f64, Vec<f64>)> {
        let tags = self.shape.tags;
        let (encoded, gold) = (self.encoded, self.gold);
        let starts = &encoded.starts;
        let mut rest = self.difference.as_mut_slice();
        let mut pieces = Vec::new();
        for first in (0..starts.len() - 1).step_by(SENTENCES) {
            let bounds = &starts[first..starts.len().min(first + SENTENCES + 1)];
            let (piece, after) = rest.split_at_mut((bounds[bounds.len() - 1] - bounds[0]) * tags);
            pieces.push((bounds, piece));
            rest = after;
        }
        pieces
            .into_par_iter()
            .map_init(
                || (Vec::new(), Scratch::default()),
                |(scores, scratch), (bounds, difference)| {
                    let (mut loss, mut moves) = (0.0, vec![0.0; tags * tags]);
                    for sentence in bounds.windows(2).filter(|b| b[0] < b[1]) {
                        let positions = sentence[0]..sentence[1];
                        let gold = &gold[positions.clone()];
                        let here = (positions.start - bounds[0]) * tags..(positions.end - bounds[0]) * tags;
                        let here = &mut difference[here];
                        encoded.scores(positions, weights, by_row, tags, scores);
                        loss += chain.marginals(scores, here, &mut moves, scratch);
                        loss -= chain.path_score(scores, gold);
                        for (t, &label) in gold.iter().enumerate() {
                            here[t * tags + label as usize] -= 1.0;
                        }
                        for pair in gold.windows(2) {
                            moves[pair[0] as usize * tags + pair[1] as usize] -= 1.0;
                        }
                    }
                    (loss, moves)
                },
            )
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    struct Case {
        shape: Shape,
        encoded: Encoded,
        vectors: Vectors,
        gold: Vec<u16>,
    }

    /// Strings and vectors at three offsets, sentences of several lengths, symbols without a vector.
    fn case(sentences: usize) -> Case {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let letters = ["a", "b", "c", "d", "?"];
        let sentences: Vec<Sentence> = (0..sentences)
            .map(|i| Sentence {
                tokens: (0..=i % 5).map(|_| letters[rng.random_range(0..5)].to_owned()).collect(),
                ..Sentence::default()
            })
            .collect();
        let symbols: Vec<Vec<String>> = sentences.iter().map(|s| s.tokens.clone()).collect();
        let dictionary = Dictionary::collect(&sentences, 1);
        let names = letters[..4].iter().map(|&l| l.to_owned()).collect();
        let values = (0..12).map(|_| rng.random_range(-1.0_f32..1.0)).collect();
        let vectors = Vectors::from_parts(3, names, values).unwrap();
        let encoded = Encoded::new(&sentences, &symbols, &dictionary, &vectors, &[-1, 0, 1]);
        let shape = Shape { strings: dictionary.len(), offsets: 3, dim: 3, tags: 3 };
        let gold = (0..encoded.positions()).map(|_| rng.random_range(0..3)).collect();
        Case { shape, encoded, vectors, gold }
    }

    fn draw(n: usize) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_value() {
        let Case { shape, encoded, vectors, gold } = case(9);
        let mut objective = Objective::new(shape, &encoded, &vectors, &gold, 0.3);
        let weights = draw(shape.weights());
        let mut gradient = vec![0.0; weights.len()];
        objective.evaluate(&weights, &mut gradient);
        let mut scratch = gradient.clone();
        for i in 0..weights.len() {
            let mut at = |step: f64| {
                let mut moved = weights.clone();
                moved[i] += step;
                objective.evaluate(&moved, &mut scratch)
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(
                (slope - gradient[i]).abs() < 1e-7,
                "weight {i} of {shape:?}: {} for {slope}",
                gradient[i]
            );
        }
    }

    /// The likelihood of a sentence is the share of its path in all paths, scored feature by feature.
    #[test]
    fn the_value_is_that_of_all_paths() {
        let Case { shape, encoded, vectors, gold } = case(5);
        let weights = draw(shape.weights());
        let mut objective = Objective::new(shape, &encoded, &vectors, &gold, 0.0);
        let value = objective.evaluate(&weights, &mut vec![0.0; weights.len()]);
        let score = |position: usize, tag: usize| -> f64 {
            let strings: f64 =
                encoded.strings.row(position).iter().map(|&s| weights[s as usize * 3 + tag]).sum();
            let dense = (0..3).map(|offset| match encoded.rows[offset][position] {
                NO_ROW => 0.0,
                row => (0..3)
                    .map(|d| {
                        let x = f64::from(vectors.values()[row as usize * 3 + d]);
                        x * weights[shape.vectors(offset)][d * 3 + tag]
                    })
                    .sum(),
            });
            strings + dense.sum::<f64>()
        };
        let mut expected = 0.0;
        for bounds in encoded.starts.windows(2) {
            let steps = bounds[1] - bounds[0];
            let of = |path: &[usize]| -> f64 {
                let local: f64 = path.iter().enumerate().map(|(t, &k)| score(bounds[0] + t, k)).sum();
                let moves = &weights[shape.moves()];
                local + path.windows(2).map(|w| moves[w[0] * 3 + w[1]]).sum::<f64>()
            };
            let all: f64 = (0..3_usize.pow(steps as u32))
                .map(|code| {
                    of(&(0..steps).map(|t| code / 3_usize.pow(t as u32) % 3).collect::<Vec<_>>()).exp()
                })
                .sum();
            let own: Vec<usize> = gold[bounds[0]..bounds[1]].iter().map(|&k| k as usize).collect();
            expected += all.ln() - of(&own);
        }
        assert!((value - expected).abs() < 1e-9, "{value} for {expected}");
    }

    #[test]
    fn threads_change_nothing() {
        let Case { shape, encoded, vectors, gold } = case(200);
        let weights = draw(shape.weights());
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut gradient = vec![0.0; weights.len()];
                let value =
                    Objective::new(shape, &encoded, &vectors, &gold, 0.1).evaluate(&weights, &mut gradient);
                (value.to_bits(), gradient.into_iter().map(f64::to_bits).collect::<Vec<_>>())
            })
        };
        assert_eq!(run(1), run(4));
    }
}
