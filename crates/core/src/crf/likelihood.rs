//! Log partition function, negative log-likelihood and its exact gradient for a batch.

use rayon::prelude::*;

use super::batch::EmissionBatch;
use super::forward_backward::{add_pairs, log_partition as sentence_log_partition, posterior};
use super::potentials::Potentials;
use super::scratch::{Scratch, with_scratch};
use super::simd::{LANES, Lane, splat};
use crate::error::{CoreError, Result};

/// The loss of each sentence, and the gradient of their weighted sum: marginals minus gold counts.
#[derive(Clone, Debug)]
pub struct NllGradient {
    /// `[B]`: `log Z - score(gold)` of each sentence, not weighted.
    pub nll: Vec<f64>,
    /// `[B, T, K]`, 0 in the padding.
    pub emissions: Vec<f32>,
    /// `[K]`.
    pub start: Vec<f32>,
    /// `[K]`.
    pub end: Vec<f32>,
    /// `[K, K]`, from the row's tag to the column's tag.
    pub transitions: Vec<f32>,
}

/// `log Z` of each sentence, `[B]`; 0 for an empty one.
///
/// # Errors
/// [`CoreError::Shape`] where the potentials are for another number of tags.
pub fn log_partition(potentials: &Potentials, batch: &EmissionBatch<'_>) -> Result<Vec<f64>> {
    check_potentials(potentials, batch)?;
    let mut log_z = vec![0.0; batch.len()];
    let chunk = batch.sentences_per_task();
    let work = |(task, values): (usize, &mut [f64])| {
        with_scratch(|scratch| {
            for (value, b) in values.iter_mut().zip(task * chunk..) {
                *value = sentence_log_partition(potentials, batch.sentence(b), scratch);
            }
        });
    };
    if batch.is_small() {
        log_z.chunks_mut(chunk).enumerate().for_each(work);
    } else {
        log_z.par_chunks_mut(chunk).enumerate().for_each(work);
    }
    Ok(log_z)
}

/// `log Z - score(gold)` of each sentence, `[B]`. `tags`: `[B, T]`, read up to each sentence's length.
///
/// A gold path that the potentials or emissions of -inf forbid has infinite loss; NaN or +inf gives a loss that is not finite.
///
/// # Errors
/// Shapes that do not fit, a tag outside `0..K` (named with its place).
pub fn nll(potentials: &Potentials, batch: &EmissionBatch<'_>, tags: &[i64]) -> Result<Vec<f64>> {
    batch.check_tags(tags)?;
    let mut values = log_partition(potentials, batch)?;
    for (b, value) in values.iter_mut().enumerate() {
        *value -= gold_score(potentials, batch, tags, b);
    }
    Ok(values)
}

/// [`nll`] and the gradient of `weight` times its sum, in one pass over the batch.
///
/// The result does not depend on the number of threads.
///
/// # Errors
/// As [`nll`].
pub fn nll_with_gradient(
    potentials: &Potentials,
    batch: &EmissionBatch<'_>,
    tags: &[i64],
    weight: f64,
) -> Result<NllGradient> {
    weighted_nll_with_gradient(potentials, batch, tags, &vec![weight; batch.len()])
}

/// [`nll_with_gradient`] with a weight for each sentence, `[B]`.
///
/// # Errors
/// As [`nll`]; weights that are not one a sentence.
pub fn weighted_nll_with_gradient(
    potentials: &Potentials,
    batch: &EmissionBatch<'_>,
    tags: &[i64],
    weights: &[f64],
) -> Result<NllGradient> {
    check_potentials(potentials, batch)?;
    batch.check_tags(tags)?;
    check_weights(batch.len(), weights)?;
    let (k, lanes) = (potentials.tags, potentials.lanes);
    let chunk = batch.sentences_per_task();
    let row = batch.steps * k;

    let mut values = vec![0.0; batch.len()];
    let mut emissions = vec![0.0_f32; batch.len() * row];
    // Each task has its own sums: start, end, then transitions in blocks; they are added up in the order of the tasks.
    let width = lanes * (2 + k);
    let mut sums = vec![splat(0.0); batch.len().div_ceil(chunk) * width];

    let work = |task: usize, values: &mut [f64], emissions: &mut [f32], sums: &mut [Lane]| {
        let (start, rest) = sums.split_at_mut(lanes);
        let (end, pairs) = rest.split_at_mut(lanes);
        let mut sums = Sums { start, end, pairs };
        with_scratch(|scratch| {
            for ((value, out), b) in values.iter_mut().zip(emissions.chunks_mut(row)).zip(task * chunk..) {
                let sentence = batch.sentence(b);
                if sentence.is_empty() {
                    continue;
                }
                *value = posterior(potentials, sentence, scratch) - gold_score(potentials, batch, tags, b);
                let gold = &tags[b * batch.steps..b * batch.steps + batch.lengths[b]];
                add_sentence(potentials, scratch, gold, weights[b], out, &mut sums);
            }
        });
    };
    if row > 0 {
        if batch.is_small() {
            let parts = values.chunks_mut(chunk).zip(emissions.chunks_mut(chunk * row));
            parts.zip(sums.chunks_mut(width)).enumerate().for_each(|(task, ((v, e), s))| work(task, v, e, s));
        } else {
            let parts = values.par_chunks_mut(chunk).zip(emissions.par_chunks_mut(chunk * row));
            parts
                .zip(sums.par_chunks_mut(width))
                .enumerate()
                .for_each(|(task, ((v, e), s))| work(task, v, e, s));
        }
    }

    let mut total = vec![splat(0.0); width];
    for part in sums.chunks(width) {
        for (total, part) in total.iter_mut().zip(part) {
            for l in 0..LANES {
                total[l] += part[l];
            }
        }
    }
    let narrow = |lanes: &[Lane]| lanes.as_flattened()[..k].iter().map(|&x| x as f32).collect();
    let pairs = &total[2 * lanes..];
    Ok(NllGradient {
        nll: values,
        emissions,
        start: narrow(&total[..lanes]),
        end: narrow(&total[lanes..2 * lanes]),
        transitions: (0..k * k).map(|ij| pairs[ij % k / LANES * k + ij / k][ij % k % LANES] as f32).collect(),
    })
}

struct Sums<'a> {
    start: &'a mut [Lane],
    end: &'a mut [Lane],
    pairs: &'a mut [Lane],
}

/// Marginals minus gold counts of one sentence, weighted.
fn add_sentence(
    potentials: &Potentials,
    scratch: &Scratch,
    gold: &[i64],
    weight: f64,
    out: &mut [f32],
    sums: &mut Sums<'_>,
) {
    let k = potentials.tags;
    for ((t, &tag), out) in gold.iter().enumerate().zip(out.chunks_exact_mut(k)) {
        let unary = scratch.unary(t);
        for (g, &p) in out.iter_mut().zip(unary) {
            *g = (weight * p) as f32;
        }
        out[tag as usize] = (weight * (unary[tag as usize] - 1.0)) as f32;
    }
    let (first, last) = (gold[0] as usize, gold[gold.len() - 1] as usize);
    let edges = [(&mut *sums.start, 0, first), (&mut *sums.end, gold.len() - 1, last)];
    for (sum, t, tag) in edges {
        let sum = sum.as_flattened_mut();
        for (s, &p) in sum[..k].iter_mut().zip(scratch.unary(t)) {
            *s += weight * p;
        }
        sum[tag] -= weight;
    }
    add_pairs(potentials, scratch, weight, sums.pairs);
    for pair in gold.windows(2) {
        let (i, j) = (pair[0] as usize, pair[1] as usize);
        sums.pairs[j / LANES * k + i][j % LANES] -= weight;
    }
}

fn gold_score(potentials: &Potentials, batch: &EmissionBatch<'_>, tags: &[i64], b: usize) -> f64 {
    let gold = &tags[b * batch.steps..b * batch.steps + batch.lengths[b]];
    potentials.score(batch.sentence(b), gold.iter().map(|&tag| tag as usize))
}

/// One weight a sentence.
pub(super) fn check_weights(sentences: usize, weights: &[f64]) -> Result<()> {
    if weights.len() == sentences {
        return Ok(());
    }
    Err(CoreError::Shape {
        what: "weights of a CRF's sentences".into(),
        expected: format!("[{sentences}]"),
        found: vec![weights.len() as i64],
    })
}

pub(super) fn check_potentials(potentials: &Potentials, batch: &EmissionBatch<'_>) -> Result<()> {
    if potentials.tags == batch.tags {
        return Ok(());
    }
    Err(CoreError::Shape {
        what: "CRF emissions".into(),
        expected: format!("[B, T, {}]", potentials.tags),
        found: vec![batch.len() as i64, batch.steps as i64, batch.tags as i64],
    })
}
