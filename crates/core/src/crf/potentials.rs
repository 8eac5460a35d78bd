//! The parameters of a CRF, laid out for the kernels.

use super::constraints::Constraints;
use super::simd::{FLUSH, LANES, Lane, splat};
use super::viterbi::below_infinity;
use crate::error::{CoreError, Result};

/// Start, end and transition scores of `K` tags, prepared once a batch: padded to whole lanes, also transposed, and as
/// exponentials relative to their largest value.
#[derive(Clone, Debug)]
pub struct Potentials {
    /// Number of tags, `K`.
    pub(super) tags: usize,
    /// Lanes a row: `ceil(K / 8)`.
    pub(super) lanes: usize,
    /// `[K]` padded with -inf.
    pub(super) start: Vec<Lane>,
    /// `[K]` padded with -inf.
    pub(super) end: Vec<Lane>,
    /// `[K, K]` in blocks (see `simd::vector_matrix`), padded with -inf.
    pub(super) transitions: Vec<Lane>,
    /// `[K, K]` row-major: row `j` holds the scores of moving to `j`.
    pub(super) into_tag: Vec<f64>,
    /// `exp(start - start_max)`, padded with 0.
    pub(super) exp_start: Vec<Lane>,
    /// `exp(end - end_max)`, padded with 0.
    pub(super) exp_end: Vec<Lane>,
    /// `exp(transitions - transition_max)` in blocks, padded with 0.
    pub(super) exp_transitions: Vec<Lane>,
    /// The transpose of `exp_transitions`, in blocks.
    pub(super) exp_transitions_t: Vec<Lane>,
    /// A parameter is not a number, or +inf.
    pub(super) damaged: bool,
    /// 0 for a tag, infinity in the padding.
    pub(super) padding: Vec<Lane>,
    /// Largest start score.
    pub(super) start_max: f64,
    /// Largest end score.
    pub(super) end_max: f64,
    /// Largest transition score.
    pub(super) transition_max: f64,
    /// Largest row sum of the exponentials: how much mass can grow in one forward step.
    pub(super) row_bound: f64,
    /// Largest column sum: the same for a backward step.
    pub(super) column_bound: f64,
}

impl Potentials {
    /// `start`: `[K]`, `end`: `[K]`, `transitions`: `[K, K]` row-major, from the row's tag to the column's tag.
    /// A score of -inf forbids; `constraints` forbid in addition.
    ///
    /// # Errors
    /// Lengths that do not fit each other, or no tag at all.
    pub fn new(
        start: &[f32],
        end: &[f32],
        transitions: &[f32],
        constraints: Option<&Constraints>,
    ) -> Result<Self> {
        let tags = start.len();
        let shape = |what: &str, expected: &str, found: usize| CoreError::Shape {
            what: format!("CRF {what}"),
            expected: expected.to_owned(),
            found: vec![found as i64],
        };
        if tags == 0 {
            return Err(shape("start transitions", "[K], K >= 1", 0));
        }
        if end.len() != tags {
            return Err(shape("end transitions", &format!("[{tags}]"), end.len()));
        }
        if transitions.len() != tags * tags {
            return Err(shape("transitions", &format!("[{tags}, {tags}]"), transitions.len()));
        }
        if let Some(constraints) = constraints {
            constraints.check(tags)?;
        }
        let damaged = [start, end, transitions].into_iter().flatten().any(|&x| !below_infinity(x));
        let unless = |forbidden: bool, score: f32| {
            if forbidden { f64::NEG_INFINITY } else { f64::from(score) }
        };
        let start: Vec<f64> =
            (0..tags).map(|i| unless(constraints.is_some_and(|c| !c.start[i]), start[i])).collect();
        let end: Vec<f64> =
            (0..tags).map(|i| unless(constraints.is_some_and(|c| !c.end[i]), end[i])).collect();
        let scores: Vec<f64> = (0..tags * tags)
            .map(|ij| unless(constraints.is_some_and(|c| !c.transitions[ij]), transitions[ij]))
            .collect();

        let largest = |scores: &[f64]| scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (start_max, end_max, transition_max) = (largest(&start), largest(&end), largest(&scores));
        let relative = |scores: &[f64], shift: f64| -> Vec<f64> {
            scores.iter().map(|&s| if s - shift < FLUSH { 0.0 } else { (s - shift).exp() }).collect()
        };
        let exp_scores = relative(&scores, transition_max);
        let row = |i: usize| -> f64 { exp_scores[i * tags..(i + 1) * tags].iter().sum() };
        let column = |j: usize| -> f64 { exp_scores[j..].iter().step_by(tags).sum() };
        Ok(Self {
            tags,
            lanes: tags.div_ceil(LANES),
            exp_start: vector(&relative(&start, start_max), 0.0),
            exp_end: vector(&relative(&end, end_max), 0.0),
            exp_transitions: blocks(tags, 0.0, |i, j| exp_scores[i * tags + j]),
            exp_transitions_t: blocks(tags, 0.0, |i, j| exp_scores[j * tags + i]),
            start: vector(&start, f64::NEG_INFINITY),
            end: vector(&end, f64::NEG_INFINITY),
            transitions: blocks(tags, f64::NEG_INFINITY, |i, j| scores[i * tags + j]),
            into_tag: (0..tags * tags).map(|ij| scores[ij % tags * tags + ij / tags]).collect(),
            damaged,
            padding: vector(&vec![0.0; tags], f64::INFINITY),
            start_max,
            end_max,
            transition_max,
            row_bound: (0..tags).map(row).fold(0.0, f64::max),
            column_bound: (0..tags).map(column).fold(0.0, f64::max),
        })
    }

    /// Number of tags, `K`.
    pub fn tags(&self) -> usize {
        self.tags
    }

    /// Score of moving from tag `i` to tag `j`.
    #[inline]
    pub(super) fn transition(&self, i: usize, j: usize) -> f64 {
        self.into_tag[j * self.tags + i]
    }

    /// Score of a whole path: start, emissions, transitions, end. The empty path scores 0.
    ///
    /// `emissions`: `[len, K]`, `path`: `[len]`.
    pub fn score(&self, emissions: &[f32], path: impl ExactSizeIterator<Item = usize>) -> f64 {
        let mut previous: Option<usize> = None;
        let mut score = 0.0;
        for (row, tag) in emissions.chunks_exact(self.tags).zip(path) {
            score += f64::from(row[tag]);
            score += match previous {
                None => self.start.as_flattened()[tag],
                Some(from) => self.transition(from, tag),
            };
            previous = Some(tag);
        }
        score + previous.map_or(0.0, |last| self.end.as_flattened()[last])
    }
}

fn vector(values: &[f64], pad: f64) -> Vec<Lane> {
    let mut lanes = vec![splat(pad); values.len().div_ceil(LANES)];
    lanes.as_flattened_mut()[..values.len()].copy_from_slice(values);
    lanes
}

fn blocks(tags: usize, pad: f64, value: impl Fn(usize, usize) -> f64) -> Vec<Lane> {
    let mut lanes = vec![splat(pad); tags.div_ceil(LANES) * tags];
    for i in 0..tags {
        for j in 0..tags {
            lanes[j / LANES * tags + i][j % LANES] = value(i, j);
        }
    }
    lanes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn scores_add_up() {
        let p = Potentials::new(&[1.0, 2.0], &[0.5, 0.25], &[10.0, 20.0, 30.0, 40.0], None).unwrap();
        let emissions = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
        let score = p.score(&emissions, [0_usize, 1, 0].into_iter());
        assert!((score - (1.0 + 0.1 + 20.0 + 0.4 + 30.0 + 0.5 + 0.5)).abs() < 1e-6);
        assert_eq!(p.score(&[], std::iter::empty()), 0.0);
    }

    #[test]
    fn wrong_sizes_are_refused() {
        assert!(Potentials::new(&[], &[], &[], None).is_err());
        assert!(Potentials::new(&[0.0], &[0.0, 0.0], &[0.0], None).is_err());
        assert!(Potentials::new(&[0.0], &[0.0], &[0.0, 0.0], None).is_err());
        assert!(Potentials::new(&[0.0], &[0.0], &[0.0], Some(&Constraints::none(2))).is_err());
    }
}
