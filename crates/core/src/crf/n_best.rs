//! The `n` most probable paths of a sentence, by the list Viterbi algorithm.

use std::cmp::Ordering;

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
    Ok((0..batch.len()).map(|b| sentence_n_best(potentials, batch.sentence(b), n)).collect())
}

fn sentence_n_best(potentials: &Potentials, emissions: &[f32], n: usize) -> Vec<ScoredPath> {
    let k = potentials.tags;
    if n == 0 {
        return Vec::new();
    }
    if emissions.is_empty() {
        return vec![ScoredPath { tags: Vec::new(), score: 0.0 }];
    }
    let first = (0..k).map(|j| {
        let score = potentials.start.as_flattened()[j] + f64::from(emissions[j]);
        if possible(score) { vec![Arrival { score, tag: 0, rank: 0 }] } else { Vec::new() }
    });
    // `steps[t][j]`: the best ways to stand on tag `j` at position `t`, best first.
    let mut steps: Vec<Vec<Vec<Arrival>>> = vec![first.collect()];
    for row in emissions.chunks_exact(k).skip(1) {
        let before = &steps[steps.len() - 1];
        let next = (0..k).map(|j| merge(before, n, |i| potentials.transition(i, j) + f64::from(row[j])));
        steps.push(next.collect());
    }
    let last = merge(&steps[steps.len() - 1], n, |i| potentials.end.as_flattened()[i]);
    last.into_iter()
        .map(|end| {
            let mut tags = vec![0; steps.len()];
            let mut at = end;
            for (slot, step) in tags.iter_mut().zip(&steps).rev() {
                *slot = at.tag;
                at = step[at.tag as usize][at.rank as usize];
            }
            ScoredPath { tags, score: end.score }
        })
        .collect()
}

/// The `n` best continuations of the arrivals `before`, where continuing from tag `i` adds `step(i)`.
fn merge(before: &[Vec<Arrival>], n: usize, step: impl Fn(usize) -> f64) -> Vec<Arrival> {
    let mut all = Vec::new();
    for (i, arrivals) in before.iter().enumerate() {
        let added = step(i);
        let continued = arrivals.iter().enumerate().map(|(rank, arrival)| Arrival {
            score: arrival.score + added,
            tag: i as u32,
            rank: rank as u32,
        });
        all.extend(continued.filter(|arrival| possible(arrival.score)));
    }
    let order = |a: &Arrival, b: &Arrival| -> Ordering {
        b.score.total_cmp(&a.score).then(a.tag.cmp(&b.tag)).then(a.rank.cmp(&b.rank))
    };
    if all.len() > n {
        all.select_nth_unstable_by(n, order);
        all.truncate(n);
    }
    all.sort_unstable_by(order);
    all
}

/// False for -inf and for what is not a number.
fn possible(score: f64) -> bool {
    score > f64::NEG_INFINITY
}
