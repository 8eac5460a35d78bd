//! Marginal probabilities: of a tag at a position, of two tags in a row, of a whole span.

use std::sync::Arc;

use rayon::prelude::*;

use super::batch::EmissionBatch;
use super::forward_backward::posterior as run;
use super::likelihood::check_potentials;
use super::log_domain::log_sum_exp;
use super::potentials::Potentials;
use super::scratch::with_scratch;
use crate::error::Result;

/// `P(y[t] = j)` for a batch, `[B, T, K]`, 0 in the padding.
///
/// # Errors
/// Where the potentials are for another number of tags.
pub fn marginals(potentials: &Potentials, batch: &EmissionBatch<'_>) -> Result<Vec<f32>> {
    check_potentials(potentials, batch)?;
    let k = potentials.tags;
    let row = batch.steps * k;
    let mut out = vec![0.0_f32; batch.len() * row];
    if row == 0 {
        return Ok(out);
    }
    let chunk = batch.sentences_per_task();
    let work = |(task, rows): (usize, &mut [f32])| {
        with_scratch(|scratch| {
            for (row, b) in rows.chunks_mut(row).zip(task * chunk..) {
                run(potentials, batch.sentence(b), scratch);
                for (t, out) in row.chunks_exact_mut(k).take(batch.lengths[b]).enumerate() {
                    for (x, &p) in out.iter_mut().zip(scratch.unary(t)) {
                        *x = p as f32;
                    }
                }
            }
        });
    };
    if batch.is_small() {
        out.chunks_mut(chunk * row).enumerate().for_each(work);
    } else {
        out.par_chunks_mut(chunk * row).enumerate().for_each(work);
    }
    Ok(out)
}

/// What a span must look like.
#[derive(Clone, Copy, Debug)]
pub struct SpanQuery<'a> {
    /// First position.
    pub start: usize,
    /// Tags of the positions `start..start + tags.len()`.
    pub tags: &'a [u32],
    /// `[K]`: tags allowed just before the span, `None` for any; a span at the sentence's start has none before it.
    pub before: Option<&'a [bool]>,
    /// `[K]`: tags allowed just after the span, `None` for any. With BIO a span ends where no `I-` of its type follows.
    pub after: Option<&'a [bool]>,
}

/// The posterior distribution over one sentence's paths.
#[derive(Clone, Debug)]
pub struct Posterior {
    potentials: Arc<Potentials>,
    log_z: f64,
    steps: usize,
    unary: Vec<f64>,
    /// Log of the emission at `t` and of everything after it, up to a constant of `t`.
    log_right: Vec<f64>,
}

impl Posterior {
    /// Of sentence `b` of a batch.
    ///
    /// # Errors
    /// Where the potentials are for another number of tags.
    pub fn new(potentials: &Arc<Potentials>, batch: &EmissionBatch<'_>, b: usize) -> Result<Self> {
        check_potentials(potentials, batch)?;
        let (k, steps) = (potentials.tags, batch.lengths[b]);
        Ok(with_scratch(|scratch| {
            let log_z = run(potentials, batch.sentence(b), scratch);
            Self {
                potentials: Arc::clone(potentials),
                log_z,
                steps,
                unary: (0..steps).flat_map(|t| scratch.unary(t)[..k].iter().copied()).collect(),
                log_right: (0..steps * k).map(|tj| scratch.log_right(tj / k, tj % k)).collect(),
            }
        }))
    }

    /// Log partition function.
    pub fn log_z(&self) -> f64 {
        self.log_z
    }

    /// Number of positions.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// `P(y[t] = j)`, `[K]`.
    pub fn unary(&self, t: usize) -> &[f64] {
        let k = self.potentials.tags;
        &self.unary[t * k..(t + 1) * k]
    }

    /// `P(y[t-1] = i, y[t] = j)`, `[K, K]` row-major, for `t >= 1`.
    pub fn pairwise(&self, t: usize) -> Vec<f64> {
        let k = self.potentials.tags;
        let mut pairs = Vec::with_capacity(k * k);
        for i in 0..k {
            let (p, log_sum) = (self.unary(t - 1)[i], self.log_sum_from(t, i));
            pairs.extend((0..k).map(|j| p * self.move_given(t, i, j, log_sum)));
        }
        pairs
    }

    /// The probability of a span: that its positions carry exactly its tags, and its neighbours allowed ones. An empty span
    /// or one that does not lie inside the sentence has probability 0.
    ///
    /// Given its emissions a linear-chain CRF is a Markov chain, so this is
    /// `P(y[s]) * product of P(y[t] | y[t-1])`, each factor from the forward-backward values.
    pub fn span(&self, query: &SpanQuery<'_>) -> f64 {
        let end = query.start + query.tags.len();
        if query.tags.is_empty() || end > self.steps {
            return 0.0;
        }
        let tag = |n: usize| query.tags[n] as usize;
        let mut probability = match (query.before, query.start.checked_sub(1)) {
            (Some(allowed), Some(before)) => (0..self.potentials.tags)
                .filter(|&i| allowed[i])
                .map(|i| {
                    let log_sum = self.log_sum_from(query.start, i);
                    self.unary(before)[i] * self.move_given(query.start, i, tag(0), log_sum)
                })
                .sum(),
            _ => self.unary(query.start)[tag(0)],
        };
        for n in 1..query.tags.len() {
            let (t, from) = (query.start + n, tag(n - 1));
            probability *= self.move_given(t, from, tag(n), self.log_sum_from(t, from));
        }
        if let (Some(allowed), true) = (query.after, end < self.steps) {
            let from = tag(query.tags.len() - 1);
            let log_sum = self.log_sum_from(end, from);
            let stay = (0..self.potentials.tags).filter(|&j| allowed[j]);
            probability *= stay.map(|j| self.move_given(end, from, j, log_sum)).sum::<f64>();
        }
        probability
    }

    /// Log of the summed weights of all continuations at `t` from tag `i` at `t - 1`.
    fn log_sum_from(&self, t: usize, i: usize) -> f64 {
        let k = self.potentials.tags;
        log_sum_exp((0..k).map(|j| self.potentials.transition(i, j) + self.log_right[t * k + j]))
    }

    /// `P(y[t] = j | y[t-1] = i)`; `log_sum` is [`Self::log_sum_from`] `(t, i)`.
    fn move_given(&self, t: usize, i: usize, j: usize, log_sum: f64) -> f64 {
        if log_sum == f64::NEG_INFINITY {
            return 0.0;
        }
        (self.potentials.transition(i, j) + self.log_right[t * self.potentials.tags + j] - log_sum).exp()
    }
}
