//! Forward-backward for one sentence: as scaled matrix-vector products where that is safe, else in the log domain.
//!
//! With `u[t] = exp(e[t] - max e[t])` and `A = exp(transitions - max)`, both in `[0, 1]`, one forward step is
//! `alpha[t] = (alpha[t-1] A) * u[t] / c[t]` with `c[t]` making the row sum to 1, and `log Z` is the sum of the logarithms of
//! the `c[t]` and of the maxima taken out: no exponential and no logarithm a transition.
//!
//! What is below `exp(-708)` of the largest value is flushed to 0. [`Lost`] bounds, as the recursion runs, how much that can
//! matter. A sentence whose bound passes [`TOLERANCE`], or one with a number that is not finite, is computed in the log
//! domain.

use super::log_domain;
use super::potentials::Potentials;
use super::scratch::{Domain, Scratch, row_sum};
use super::simd::{LANES, Lane, exp, larger, max, min, multiversion, smaller, splat, sum, vector_matrix};

/// More than one step can flush: `K^2` products of at most `exp(-708)`, for K up to 1000.
const TINY: f64 = 1e-300;

/// Largest acceptable bound on the mass lost, relative to `Z`.
const TOLERANCE: f64 = 1e-12;

/// A step that keeps less of the mass than this is left to the log domain; it also keeps the running product of four
/// consecutive `c[t]` away from underflow.
const SMALLEST_STEP: f64 = 1e-70;

/// Bounds on what was flushed so far, while a recursion keeps a row of non-negative numbers that sums to 1.
///
/// A step multiplies by a matrix, adds at most [`TINY`] of newly flushed mass and divides by `c`. Two bounds are carried on,
/// each sharpening the other: that of the whole mass grows with the matrix, which matters where a tag has probability 0 for
/// long; that of every single number relative to itself only adds up, and holds where no number is near 0.
struct Lost {
    /// Flushed mass, relative to the mass kept.
    mass: f64,
    /// The largest ratio of what was flushed from a number to that number.
    relative: f64,
}

impl Lost {
    /// Before the first step.
    const NOTHING: Self = Self { mass: 0.0, relative: 0.0 };

    /// `growth`: a bound on what the mass of one entry can become; `inverse`: `1 / c`; `smallest`: the smallest number of
    /// the new row.
    #[inline(always)]
    fn step(&mut self, growth: f64, inverse: f64, smallest: f64) {
        let grown = (self.mass * growth + TINY) * inverse;
        let added = self.relative + TINY * inverse / smallest;
        self.mass = if grown < added { grown } else { added };
        let alone = self.mass / smallest;
        self.relative = if alone < added { alone } else { added };
    }
}

multiversion! {
    /// `log Z` of a sentence; leaves the forward values in `scratch`. `emissions`: `[len, K]`.
    pub(super) fn log_partition(potentials: &Potentials, emissions: &[f32], scratch: &mut Scratch) -> f64
        = log_partition_body;
}

multiversion! {
    /// `log Z` of a sentence; leaves unary marginals and what pairwise marginals are made of in `scratch`.
    pub(super) fn posterior(potentials: &Potentials, emissions: &[f32], scratch: &mut Scratch) -> f64
        = posterior_body;
}

multiversion! {
    /// Adds `weight * sum_t P(y[t-1] = i, y[t] = j)` to `sums[i][j]`, `[K, K]` in blocks.
    pub(super) fn add_pairs(potentials: &Potentials, scratch: &Scratch, weight: f64, sums: &mut [Lane])
        = add_pairs_body;
}

#[inline(always)]
fn log_partition_body(potentials: &Potentials, emissions: &[f32], scratch: &mut Scratch) -> f64 {
    scratch.resize(emissions.len() / potentials.tags, potentials.lanes);
    if emissions.is_empty() {
        return 0.0;
    }
    match forward(potentials, emissions, scratch) {
        Some((log_z, _)) => log_z,
        None => log_domain::forward(potentials, emissions, scratch),
    }
}

#[inline(always)]
fn posterior_body(potentials: &Potentials, emissions: &[f32], scratch: &mut Scratch) -> f64 {
    scratch.resize(emissions.len() / potentials.tags, potentials.lanes);
    if emissions.is_empty() {
        return 0.0;
    }
    let Some((log_z, last)) = forward(potentials, emissions, scratch) else {
        return log_domain::posterior(potentials, emissions, scratch);
    };
    if backward(potentials, scratch, last).is_some() {
        scratch.domain = Domain::Scaled;
    } else {
        log_domain::posterior(potentials, emissions, scratch);
    }
    // Whatever the way back, the value is that of `log_partition`, bit for bit.
    log_z
}

/// `u[t]` into `right`; returns the sum of the maxima taken out.
#[inline(always)]
fn exponentiate(emissions: &[f32], tags: usize, right: &mut [Lane], lanes: usize) -> f64 {
    let mut shift = 0.0;
    for (values, row) in emissions.chunks_exact(tags).zip(right.chunks_exact_mut(lanes)) {
        let mut peak = splat(f64::NEG_INFINITY);
        let (whole, rest) = values.as_chunks::<LANES>();
        for (lane, eight) in row.iter_mut().zip(whole) {
            for l in 0..LANES {
                lane[l] = f64::from(eight[l]);
                peak[l] = larger(lane[l], peak[l]);
            }
        }
        if !rest.is_empty() {
            let mut lane = splat(f64::NEG_INFINITY);
            for (x, &value) in lane.iter_mut().zip(rest) {
                *x = f64::from(value);
            }
            for l in 0..LANES {
                peak[l] = larger(lane[l], peak[l]);
            }
            row[whole.len()] = lane;
        }
        let peak = max(&peak);
        for lane in &mut *row {
            *lane = exp(lane, peak);
        }
        shift += peak;
    }
    shift
}

/// The forward pass; `None` where it is not safe. Also returns the last step's normaliser.
#[inline(always)]
fn forward(potentials: &Potentials, emissions: &[f32], scratch: &mut Scratch) -> Option<(f64, f64)> {
    let (tags, lanes, steps) = (potentials.tags, scratch.lanes, scratch.steps);
    let right = &mut scratch.right[..steps * lanes];
    let shift = exponentiate(emissions, tags, right, lanes);
    let alpha = &mut scratch.alpha[..steps * lanes];

    let mut product = 1.0;
    let mut logs = 0.0;
    let mut lost = Lost::NOTHING;

    for ((a, u), start) in alpha[..lanes].iter_mut().zip(&right[..lanes]).zip(&potentials.exp_start) {
        for l in 0..LANES {
            a[l] = start[l] * u[l];
        }
    }
    let c = row_sum(&alpha[..lanes]);
    if c.is_nan() || c < SMALLEST_STEP {
        return None;
    }
    for lane in &mut alpha[..lanes] {
        for x in lane {
            *x /= c;
        }
    }
    lost.step(1.0, 1.0 / c, smallest(&alpha[..lanes], &potentials.padding));
    product *= c;

    for t in 1..steps {
        let (before, rest) = alpha.split_at_mut(t * lanes);
        let previous = &before[(t - 1) * lanes..].as_flattened()[..tags];
        let next = &mut rest[..lanes];
        vector_matrix(previous, &potentials.exp_transitions, next);
        let (mut total, mut mass) = (splat(0.0), splat(0.0));
        for (a, u) in next.iter_mut().zip(&right[t * lanes..]) {
            for l in 0..LANES {
                a[l] *= u[l];
                total[l] += a[l];
                mass[l] += u[l];
            }
        }
        let c = sum(&total);
        if c.is_nan() || c < SMALLEST_STEP {
            return None;
        }
        let inverse = 1.0 / c;
        for a in &mut *next {
            for x in a {
                *x *= inverse;
            }
        }
        let growth = potentials.row_bound.min(sum(&mass));
        lost.step(growth, inverse, smallest(next, &potentials.padding));
        product *= c;
        // One logarithm for four steps.
        if t % 4 == 3 {
            logs += product.ln();
            product = 1.0;
        }
    }
    let mut last = 0.0;
    for (a, end) in alpha[(steps - 1) * lanes..].iter().zip(&potentials.exp_end) {
        for l in 0..LANES {
            last += a[l] * end[l];
        }
    }
    let safe = lost.mass <= TOLERANCE * last || lost.relative <= TOLERANCE;
    if !(last >= SMALLEST_STEP && safe) {
        return None;
    }
    let fixed =
        potentials.start_max + potentials.end_max + (steps - 1) as f64 * finite(potentials.transition_max);
    Some((logs + product.ln() + last.ln() + shift + fixed, last))
}

/// A sentence of one token needs no transition, so that a table of forbidden ones does no harm.
#[inline(always)]
fn finite(x: f64) -> f64 {
    if x == f64::NEG_INFINITY { 0.0 } else { x }
}

/// The backward pass after [`forward`]; `None` where it is not safe. `last`: sum of `alpha * exp(end)` at the last position.
#[inline(always)]
fn backward(potentials: &Potentials, scratch: &mut Scratch, last: f64) -> Option<()> {
    let (tags, lanes, steps) = (potentials.tags, scratch.lanes, scratch.steps);
    let alpha = &scratch.alpha[..steps * lanes];
    let right = &mut scratch.right[..steps * lanes];
    let unary = &mut scratch.unary[..steps * lanes];
    let row = &mut scratch.row[..lanes];

    let end = (steps - 1) * lanes;
    for c in 0..lanes {
        for l in 0..LANES {
            unary[end + c][l] = alpha[end + c][l] * potentials.exp_end[c][l] / last;
            right[end + c][l] *= potentials.exp_end[c][l];
        }
    }
    let mut lost = Lost::NOTHING;
    let mut share = 1.0;
    for t in (1..steps).rev() {
        let here = &mut right[t * lanes..(t + 1) * lanes];
        vector_matrix(&here.as_flattened()[..tags], &potentials.exp_transitions_t, row);
        let (mut total, mut joint) = (splat(0.0), splat(0.0));
        let before = (t - 1) * lanes;
        for ((raw, a), p) in row.iter().zip(&alpha[before..]).zip(&mut unary[before..]) {
            for l in 0..LANES {
                p[l] = a[l] * raw[l];
                total[l] += raw[l];
                joint[l] += p[l];
            }
        }
        let (total, joint) = (sum(&total), sum(&joint));
        if !(total >= SMALLEST_STEP && joint >= 1e-280) {
            return None;
        }
        let (beta, probability) = (1.0 / total, 1.0 / joint);
        lost.step(potentials.column_bound, beta, smallest(row, &potentials.padding) * beta);
        share = joint * beta;
        for lane in here {
            for x in lane {
                *x *= probability;
            }
        }
        for p in &mut unary[before..before + lanes] {
            for x in p {
                *x *= probability;
            }
        }
        for (u, raw) in right[before..before + lanes].iter_mut().zip(row.iter()) {
            for l in 0..LANES {
                u[l] *= raw[l] * beta;
            }
        }
    }
    // At the sentence's start the mass is weighted with `alpha`: the flushed part at most with 1, the kept part as `share`.
    (lost.mass <= TOLERANCE * share || lost.relative <= TOLERANCE).then_some(())
}

/// The smallest number of a row, without its padding.
#[inline(always)]
fn smallest(row: &[Lane], padding: &[Lane]) -> f64 {
    let mut least = splat(f64::INFINITY);
    for (lane, pad) in row.iter().zip(padding) {
        for l in 0..LANES {
            least[l] = smaller(lane[l] + pad[l], least[l]);
        }
    }
    min(&least)
}

#[inline(always)]
fn add_pairs_body(potentials: &Potentials, scratch: &Scratch, weight: f64, sums: &mut [Lane]) {
    const ROWS: usize = 4;
    let (tags, lanes, steps) = (potentials.tags, scratch.lanes, scratch.steps);
    if steps < 2 {
        return;
    }
    if scratch.domain != Domain::Scaled {
        for t in 1..steps {
            for i in 0..tags {
                for j in 0..tags {
                    sums[j / LANES * tags + i][j % LANES] += weight * scratch.pair(potentials, t, i, j);
                }
            }
        }
        return;
    }
    // The product of two tall matrices, alpha[..T-1]^T right[1..]: four rows of one block stay in registers.
    for c in 0..lanes {
        for first in (0..tags).step_by(ROWS) {
            let mut partial = [splat(0.0); ROWS];
            let rights = scratch.right[lanes..steps * lanes].chunks_exact(lanes);
            for (left, right) in scratch.alpha.chunks_exact(lanes).zip(rights) {
                let (left, right) = (&left[first / LANES], &right[c]);
                for r in 0..ROWS {
                    let x = left[first % LANES + r];
                    for l in 0..LANES {
                        partial[r][l] += x * right[l];
                    }
                }
            }
            let block = c * tags + first;
            let rows = ROWS.min(tags - first);
            let targets = sums[block..block + rows].iter_mut();
            for ((sum, a), partial) in targets.zip(&potentials.exp_transitions[block..]).zip(&partial) {
                for l in 0..LANES {
                    sum[l] += weight * (partial[l] * a[l]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::crf::scratch::with_scratch;

    /// Numbers in [-1, 1) that look random.
    fn noise(seed: u64, count: usize) -> impl Iterator<Item = f32> {
        (0..count as u64).map(move |i| (crate::device::mix(seed, i) >> 40) as f32 / (1 << 23) as f32 - 1.0)
    }

    struct Results {
        log_z: f64,
        unary: Vec<f64>,
        pairs: Vec<Lane>,
        domain: Domain,
    }

    fn results(
        potentials: &Potentials,
        emissions: &[f32],
        run: fn(&Potentials, &[f32], &mut Scratch) -> f64,
    ) -> Results {
        with_scratch(|scratch| {
            scratch.resize(emissions.len() / potentials.tags, potentials.lanes);
            let log_z = run(potentials, emissions, scratch);
            let unary =
                (0..scratch.steps).flat_map(|t| scratch.unary(t)[..potentials.tags].to_vec()).collect();
            let mut pairs = vec![splat(0.0); potentials.lanes * potentials.tags];
            add_pairs(potentials, scratch, 1.0, &mut pairs);
            Results { log_z, unary, pairs, domain: scratch.domain }
        })
    }

    /// Runs both ways, compares them, and returns whether the scaled one was safe.
    fn compare(k: usize, t: usize, size: f32, transition: impl Fn(usize, f32) -> f32) -> bool {
        let start: Vec<f32> = noise(1, k).collect();
        let end: Vec<f32> = noise(2, k).collect();
        let transitions: Vec<f32> = noise(3, k * k).enumerate().map(|(i, x)| transition(i, x)).collect();
        let emissions: Vec<f32> = noise(4, t * k).map(|x| x * size).collect();
        let potentials = Potentials::new(&start, &end, &transitions, None).unwrap();
        let fast = results(&potentials, &emissions, posterior);
        let exact = results(&potentials, &emissions, log_domain::posterior);
        let only_forward = with_scratch(|scratch| log_partition(&potentials, &emissions, scratch));
        for found in [fast.log_z, only_forward] {
            assert!(
                (found - exact.log_z).abs() <= 1e-11 * exact.log_z.abs().max(1.0),
                "k {k} t {t} size {size}"
            );
        }
        for (f, e) in fast.unary.iter().zip(&exact.unary) {
            assert!((f - e).abs() < 1e-9, "k {k} t {t} size {size}: {f} {e}");
        }
        for (f, e) in fast.pairs.as_flattened().iter().zip(exact.pairs.as_flattened()) {
            assert!((f - e).abs() < 1e-8, "k {k} t {t} size {size}: {f} {e}");
        }
        fast.domain == Domain::Scaled
    }

    #[test]
    fn scaled_and_log_domain_agree() {
        for k in [1, 2, 7, 8, 9, 13, 16, 17, 40] {
            for t in [1, 2, 3, 4, 5, 64, 300] {
                for size in [0.0, 1.0, 10.0, 100.0, 10_000.0] {
                    compare(k, t, size, |_, x| x);
                    compare(k, t, size, |i, x| if i % 3 == 1 { -1e4 } else { 10.0 * x });
                    compare(k, t, size, |i, x| if i % 5 == 1 { f32::NEG_INFINITY } else { x });
                }
            }
        }
    }

    /// Also where the way forward is safe and the way back is not.
    #[test]
    fn log_z_is_the_same_bits_with_and_without_marginals() {
        let mut only_backward_unsafe = 0;
        for seed in 0..2000 {
            let (k, t) = (2 + seed as usize % 3, 2 + seed as usize % 4);
            let scores =
                |part: u64, n: usize| noise(10 * seed + part, n).map(|x| 400.0 * x).collect::<Vec<f32>>();
            let (start, end, transitions) = (scores(0, k), scores(1, k), scores(2, k * k));
            let emissions = scores(3, k * t);
            let potentials = Potentials::new(&start, &end, &transitions, None).unwrap();
            let with = results(&potentials, &emissions, posterior);
            let without = with_scratch(|scratch| log_partition(&potentials, &emissions, scratch));
            assert_eq!(with.log_z.to_bits(), without.to_bits(), "seed {seed}");
            let safe_forward = with_scratch(|scratch| {
                scratch.resize(t, potentials.lanes);
                forward(&potentials, &emissions, scratch).is_some()
            });
            only_backward_unsafe += usize::from(safe_forward && with.domain != Domain::Scaled);
        }
        assert!(only_backward_unsafe > 0);
    }

    /// Scores as training and trained taggers give them must not take the slow way.
    #[test]
    fn usual_scores_are_computed_scaled() {
        for t in [1, 10, 200, 500] {
            for size in [0.1, 1.0, 5.0, 20.0] {
                assert!(compare(13, t, size, |_, x| 0.1 * x), "t {t} size {size}");
                assert!(compare(13, t, size, |i, x| if i % 4 == 1 { -1e4 } else { x }), "t {t} size {size}");
            }
        }
    }

    #[test]
    fn scores_far_apart_are_left_to_the_log_domain() {
        assert!(!compare(5, 20, 10_000.0, |_, x| x * 100.0));
    }
}
