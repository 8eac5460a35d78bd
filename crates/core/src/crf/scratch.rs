//! Working memory of one sentence, kept by each thread, and what the two ways of computing leave in it.

use std::cell::RefCell;

use super::potentials::Potentials;
use super::simd::{LANES, Lane, splat, sum};

/// In which form [`Scratch::alpha`] and [`Scratch::right`] stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Domain {
    /// `P(y[t-1] = i, y[t] = j) = alpha[t-1][i] exp(transition[i][j] - transition_max) right[t][j]`.
    Scaled,
    /// `P(y[t-1] = i, y[t] = j) = exp(alpha[t-1][i] + transition[i][j] + right[t][j] - log_z)`.
    Log {
        /// The sentence's log partition function.
        log_z: f64,
    },
}

/// Rows of `ceil(K / 8)` lanes, one row a position.
pub(super) struct Scratch {
    /// Left sides: everything up to and including position `t`.
    pub(super) alpha: Vec<Lane>,
    /// Right sides: the emission at `t` and everything after it.
    pub(super) right: Vec<Lane>,
    /// `P(y[t] = j)`.
    pub(super) unary: Vec<Lane>,
    /// One row for intermediate values.
    pub(super) row: Vec<Lane>,
    /// How to read `alpha` and `right`.
    pub(super) domain: Domain,
    /// Positions of the sentence.
    pub(super) steps: usize,
    /// Lanes a row.
    pub(super) lanes: usize,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = const {
        RefCell::new(Scratch {
            alpha: Vec::new(),
            right: Vec::new(),
            unary: Vec::new(),
            row: Vec::new(),
            domain: Domain::Scaled,
            steps: 0,
            lanes: 0,
        })
    };
}

/// Gives the calling thread's scratch to `f`; must not be nested.
pub(super) fn with_scratch<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with_borrow_mut(f)
}

impl Scratch {
    /// Makes room for a sentence; old contents stay where they are and are overwritten by the kernels.
    pub(super) fn resize(&mut self, steps: usize, lanes: usize) {
        (self.steps, self.lanes) = (steps, lanes);
        let needed = steps * lanes;
        if self.alpha.len() < needed {
            for rows in [&mut self.alpha, &mut self.right, &mut self.unary] {
                rows.resize(needed, splat(0.0));
            }
        }
        if self.row.len() < lanes {
            self.row.resize(lanes, splat(0.0));
        }
    }

    /// `P(y[t] = j)` for all `j`, with the padding.
    pub(super) fn unary(&self, t: usize) -> &[f64] {
        self.unary[t * self.lanes..(t + 1) * self.lanes].as_flattened()
    }

    /// `P(y[t-1] = i, y[t] = j)`, `t >= 1`.
    pub(super) fn pair(&self, potentials: &Potentials, t: usize, i: usize, j: usize) -> f64 {
        let left = self.alpha[(t - 1) * self.lanes..].as_flattened()[i];
        let right = self.right[t * self.lanes..].as_flattened()[j];
        match self.domain {
            Domain::Scaled => {
                left * potentials.exp_transitions[j / LANES * potentials.tags + i][j % LANES] * right
            }
            Domain::Log { log_z } => match left + potentials.transition(i, j) + right {
                // Minus infinity less a log_z of minus infinity would not be a number.
                f64::NEG_INFINITY => 0.0,
                score => (score - log_z).exp(),
            },
        }
    }

    /// Log of the right side at `t`, `j`, up to a constant of `t`.
    pub(super) fn log_right(&self, t: usize, j: usize) -> f64 {
        let right = self.right[t * self.lanes..].as_flattened()[j];
        match self.domain {
            Domain::Scaled => right.ln(),
            Domain::Log { .. } => right,
        }
    }
}

/// Sum over the lanes of a row.
#[inline(always)]
pub(super) fn row_sum(row: &[Lane]) -> f64 {
    let mut total = splat(0.0);
    for lane in row {
        for l in 0..LANES {
            total[l] += lane[l];
        }
    }
    sum(&total)
}
