//! The most probable path.
//!
//! `best[t][j] = e[t][j] + max_i (best[t-1][i] + transition[i][j])`. Only the maxima are kept, not where they came from: the
//! way back looks for the predecessor of the one tag it stands on, `T K` steps instead of `T K^2` stores.

use rayon::prelude::*;

use super::batch::EmissionBatch;
use super::likelihood::check_potentials;
use super::potentials::Potentials;
use super::scratch::{Scratch, with_scratch};
use super::simd::{LANES, Lane, multiversion, vector_matrix_max};
use crate::error::Result;

/// Best paths of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    tags: Vec<u32>,
    lengths: Vec<usize>,
    steps: usize,
    /// `[B]`: the path's score; -inf where the constraints and emissions allow no path (then its tags mean nothing), not a
    /// number where an emission or a parameter is none or +inf.
    pub scores: Vec<f64>,
}

impl Decoded {
    /// The tags of sentence `b`, `[len]`.
    pub fn sentence(&self, b: usize) -> &[u32] {
        &self.tags[b * self.steps..b * self.steps + self.lengths[b]]
    }

    /// The tags of all sentences, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        (0..self.lengths.len()).map(|b| self.sentence(b))
    }

    /// Number of sentences.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// True for a batch of no sentences.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }
}

/// The best path of each sentence; of equally good tags the one with the smallest index.
///
/// # Errors
/// Where the potentials are for another number of tags.
pub fn decode(potentials: &Potentials, batch: &EmissionBatch<'_>) -> Result<Decoded> {
    check_potentials(potentials, batch)?;
    let mut decoded = Decoded {
        tags: vec![0; batch.len() * batch.steps],
        lengths: batch.lengths.to_vec(),
        steps: batch.steps,
        scores: vec![0.0; batch.len()],
    };
    if batch.steps == 0 {
        return Ok(decoded);
    }
    let chunk = batch.sentences_per_task();
    let work = |(task, (scores, paths)): (usize, (&mut [f64], &mut [u32]))| {
        with_scratch(|scratch| {
            for ((score, path), b) in scores.iter_mut().zip(paths.chunks_mut(batch.steps)).zip(task * chunk..)
            {
                *score = best_path(potentials, batch.sentence(b), scratch, &mut path[..batch.lengths[b]]);
            }
        });
    };
    let (scores, tags) = (&mut decoded.scores, &mut decoded.tags);
    if batch.is_small() {
        scores.chunks_mut(chunk).zip(tags.chunks_mut(chunk * batch.steps)).enumerate().for_each(work);
    } else {
        scores.par_chunks_mut(chunk).zip(tags.par_chunks_mut(chunk * batch.steps)).enumerate().for_each(work);
    }
    Ok(decoded)
}

multiversion! {
    fn best_path(potentials: &Potentials, emissions: &[f32], scratch: &mut Scratch, path: &mut [u32]) -> f64
        = best_path_body;
}

#[inline(always)]
fn best_path_body(
    potentials: &Potentials,
    emissions: &[f32],
    scratch: &mut Scratch,
    path: &mut [u32],
) -> f64 {
    let (tags, lanes, steps) = (potentials.tags, potentials.lanes, path.len());
    scratch.resize(steps, lanes);
    let Some(last) = steps.checked_sub(1) else {
        return 0.0;
    };
    let best = &mut scratch.alpha[..steps * lanes];

    best[..lanes].copy_from_slice(&potentials.start);
    add_emissions(&mut best[..lanes], &emissions[..tags]);
    for t in 1..steps {
        let (before, rest) = best.split_at_mut(t * lanes);
        let previous = &before[(t - 1) * lanes..].as_flattened()[..tags];
        let next = &mut rest[..lanes];
        vector_matrix_max(previous, &potentials.transitions, next);
        add_emissions(next, &emissions[t * tags..(t + 1) * tags]);
    }

    let row = |t: usize| &best[t * lanes..(t + 1) * lanes].as_flattened()[..tags];
    // A comparison passes over what is not a number, so that it is looked for on its own.
    let mut damaged = potentials.damaged;
    for &e in emissions {
        damaged |= !below_infinity(e);
    }
    let (mut tag, score) = largest_sum(row(last), &potentials.end.as_flattened()[..tags]);
    path[last] = tag as u32;
    for t in (0..last).rev() {
        (tag, _) = largest_sum(row(t), &potentials.into_tag[tag * tags..(tag + 1) * tags]);
        path[t] = tag as u32;
    }
    if damaged { f64::NAN } else { score }
}

/// True for all numbers but +inf, also for -inf.
#[inline(always)]
pub(super) fn below_infinity(x: f32) -> bool {
    x < f32::INFINITY
}

#[inline(always)]
fn add_emissions(row: &mut [Lane], emissions: &[f32]) {
    let (whole, rest) = emissions.as_chunks::<LANES>();
    for (lane, eight) in row.iter_mut().zip(whole) {
        for l in 0..LANES {
            lane[l] += f64::from(eight[l]);
        }
    }
    if let Some(lane) = row.get_mut(whole.len()) {
        for (x, &e) in lane.iter_mut().zip(rest) {
            *x += f64::from(e);
        }
    }
}

/// The first index at which `a + b` is largest, and that sum.
#[inline(always)]
fn largest_sum(a: &[f64], b: &[f64]) -> (usize, f64) {
    let mut best = (0, a[0] + b[0]);
    for (i, (x, y)) in a.iter().zip(b).enumerate().skip(1) {
        let sum = x + y;
        if sum > best.1 {
            best = (i, sum);
        }
    }
    best
}
