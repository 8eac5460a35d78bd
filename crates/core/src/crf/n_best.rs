//! The `n` most probable paths of a sentence, by the list Viterbi algorithm.

use rayon::prelude::*;

use super::batch::EmissionBatch;
use super::likelihood::check_potentials;
use super::potentials::Potentials;
use crate::error::Result;

/// A path and its score (its log-probability is `score - log Z`).
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredPath {
    /// `[len]`.
    pub tags: Vec<u32>,
    /// Start, emissions, transitions and end added up.
    pub score: f64,
}

/// One of the best ways to reach a tag: its score, the tag before and that tag's rank there.
#[derive(Clone, Copy)]
struct Arrival {
    score: f64,
    tag: u32,
    rank: u32,
}

/// Up to `n` best paths of each sentence, best first, all different; fewer where fewer paths are allowed. Equal scores stand
/// in a fixed order. An empty sentence has one path, the empty one.
///
/// # Errors
/// Where the potentials are for another number of tags.
pub fn n_best(potentials: &Potentials, batch: &EmissionBatch<'_>, n: usize) -> Result<Vec<Vec<ScoredPath>>> {
    check_potentials(potentials, batch)?;
    Ok((0..batch.len()).into_par_iter().map(|b| sentence_n_best(potentials, batch.sentence(b), n)).collect())
}

fn sentence_n_best(potentials: &Potentials, emissions: &[f32], n: usize) -> Vec<ScoredPath> {
    let k = potentials.tags;
    if n == 0 {
        return Vec::new();
    }
    if emissions.is_empty() {
        return vec![ScoredPath { tags: Vec::new(), score: 0.0 }];
    }
    let mut first = Step::default();
    for j in 0..k {
        let score = potentials.start.as_flattened()[j] + f64::from(emissions[j]);
        if possible(score) {
            first.arrivals.push(Arrival { score, tag: 0, rank: 0 });
        }
        first.ends.push(first.arrivals.len());
    }
    let mut steps = vec![first];
    let mut heads = vec![0; k];
    for row in emissions.chunks_exact(k).skip(1) {
        let mut next = Step::default();
        for (j, &e) in row.iter().enumerate() {
            let before = &steps[steps.len() - 1];
            let added = |i: usize| potentials.transition(i, j) + f64::from(e);
            merge(before, n, added, &mut heads, &mut next.arrivals);
            next.ends.push(next.arrivals.len());
        }
        steps.push(next);
    }
    let mut last = Vec::new();
    let end = |i: usize| potentials.end.as_flattened()[i];
    merge(&steps[steps.len() - 1], n, end, &mut heads, &mut last);
    last.into_iter()
        .map(|end| {
            let mut tags = vec![0; steps.len()];
            let mut at = end;
            for (slot, step) in tags.iter_mut().zip(&steps).rev() {
                *slot = at.tag;
                at = step.of(at.tag as usize)[at.rank as usize];
            }
            ScoredPath { tags, score: end.score }
        })
        .collect()
}

/// The best ways to stand on each tag at one position.
#[derive(Default)]
struct Step {
    /// Tag by tag, the best of each tag first.
    arrivals: Vec<Arrival>,
    /// Where each tag's arrivals end.
    ends: Vec<usize>,
}

impl Step {
    fn of(&self, tag: usize) -> &[Arrival] {
        let start = if tag == 0 { 0 } else { self.ends[tag - 1] };
        &self.arrivals[start..self.ends[tag]]
    }
}

/// Appends the `n` best continuations of the arrivals `before` to `out`, where continuing from tag `i` adds `added(i)`.
///
/// Each tag's arrivals are sorted, so the best of all that are left is one of the tags' heads. Of equal ones the smaller tag
/// is first.
fn merge(before: &Step, n: usize, added: impl Fn(usize) -> f64, heads: &mut [usize], out: &mut Vec<Arrival>) {
    heads.fill(0);
    for _ in 0..n {
        let mut best: Option<Arrival> = None;
        for (i, &head) in heads.iter().enumerate() {
            let Some(arrival) = before.of(i).get(head) else { continue };
            let score = arrival.score + added(i);
            if possible(score) && best.is_none_or(|b| score > b.score) {
                best = Some(Arrival { score, tag: i as u32, rank: head as u32 });
            }
        }
        let Some(best) = best else { return };
        heads[best.tag as usize] += 1;
        out.push(best);
    }
}

/// False for -inf and for what is not a number.
fn possible(score: f64) -> bool {
    score > f64::NEG_INFINITY
}
