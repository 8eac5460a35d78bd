//! The recurrence and its exact gradient over plain memory.
//!
//! `u` holds one weight a neuron, `pre` and `states` are `[B, T, D]`. The first `forwards` neurons read a sentence from its
//! first token to its last, the others from its last to its first. For one neuron, with `s` the step before `t` in its
//! reading order (`h[s] = 0` before the first) and `g` the upstream gradient of the states:
//!
//! ```text
//! h[t]          = max(pre[t] + u h[s], 0)
//! d L / d pre[t] = p[t] = (g[t] + u p[r]) [h[t] > 0],    r the step after t
//! d L / d u      = sum over t of p[t] h[s]
//! ```
//!
//! The derivative of ReLU at 0 is 0, as libtorch's. Rows of padding are neither read nor do they pass anything on; they are
//! written as 0. Every row is worked on over all its neurons at once, which the compiler turns into vector instructions
//! (without fused multiply-add, so that every machine gives the same bits); the gradient of `u` is added up for each
//! sentence and then over the sentences in their order, so that the number of threads changes nothing.

// A kernel's parts must be compiled with the instruction set of the kernel.
#![allow(clippy::inline_always)]

use std::ops::{Add, AddAssign, Mul, Range};

use rayon::prelude::*;
use tch::kind::Element;

/// Values below which one thread does it all: about the time that waking another takes.
const PARALLEL: usize = 1 << 16;

/// A type of number that the kernels are made for.
pub(super) trait Real:
    Element
    + Copy
    + Send
    + Sync
    + Default
    + 'static
    + PartialOrd
    + Add<Output = Self>
    + Mul<Output = Self>
    + AddAssign
{
    fn widen(self) -> f64;
    fn narrow(value: f64) -> Self;
}

impl Real for f32 {
    fn widen(self) -> f64 {
        f64::from(self)
    }
    fn narrow(value: f64) -> Self {
        value as Self
    }
}

impl Real for f64 {
    fn widen(self) -> f64 {
        self
    }
    fn narrow(value: f64) -> Self {
        value
    }
}

/// What a batch's recurrence is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recurrence<'a, R> {
    /// `u`, `[D]`.
    pub weight: &'a [R],
    /// Neurons that read forwards; the others read backwards.
    pub forwards: usize,
    /// Tokens of each sentence, `[B]`.
    pub lengths: &'a [usize],
    /// `T`.
    pub steps: usize,
}

impl<R: Real> Recurrence<'_, R> {
    fn row(&self) -> usize {
        self.steps * self.weight.len()
    }

    fn small(&self) -> bool {
        self.row() * self.lengths.len() < PARALLEL || rayon::current_num_threads() < 2
    }

    /// `pre` to `states`, both `[B, T, D]`.
    pub fn forward(&self, pre: &[R], states: &mut [R]) {
        let row = self.row();
        if row == 0 {
            return;
        }
        let work = |((pre, states), &length): ((&[R], &mut [R]), &usize)| {
            sentence_forward(self.weight, self.forwards, length, pre, states);
        };
        if self.small() {
            pre.chunks(row).zip(states.chunks_mut(row)).zip(self.lengths).for_each(work);
        } else {
            pre.par_chunks(row).zip(states.par_chunks_mut(row)).zip(self.lengths).for_each(work);
        }
    }

    /// From the gradient of the states and the states (`[B, T, D]`) to the gradient of `pre`, written to `gradient`, and that
    /// of `u`, which is returned.
    pub fn backward(&self, upstream: &[R], states: &[R], gradient: &mut [R]) -> Vec<R> {
        let (row, width) = (self.row(), self.weight.len());
        let mut parts = vec![R::default(); self.lengths.len() * width];
        if row == 0 {
            return vec![R::default(); width];
        }
        type Part<'a, R> = ((((&'a [R], &'a [R]), &'a mut [R]), &'a mut [R]), &'a usize);
        let work = |((((upstream, states), gradient), part), &length): Part<'_, R>| {
            sentence_backward(self.weight, self.forwards, length, upstream, states, gradient, part);
        };
        if self.small() {
            let inputs = upstream.chunks(row).zip(states.chunks(row)).zip(gradient.chunks_mut(row));
            inputs.zip(parts.chunks_mut(width)).zip(self.lengths).for_each(work);
        } else {
            let inputs =
                upstream.par_chunks(row).zip(states.par_chunks(row)).zip(gradient.par_chunks_mut(row));
            inputs.zip(parts.par_chunks_mut(width)).zip(self.lengths).for_each(work);
        }
        let mut total = vec![0.0_f64; width];
        for part in parts.chunks(width) {
            for (total, &value) in total.iter_mut().zip(part) {
                *total += value.widen();
            }
        }
        total.into_iter().map(R::narrow).collect()
    }
}

/// One sentence; compiled once more for AVX2.
fn sentence_forward<R: Real>(u: &[R], forwards: usize, length: usize, pre: &[R], states: &mut [R]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2<R: Real>(u: &[R], forwards: usize, length: usize, pre: &[R], states: &mut [R]) {
            forward_body(u, forwards, length, pre, states);
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { avx2(u, forwards, length, pre, states) };
        }
    }
    forward_body(u, forwards, length, pre, states);
}

/// One sentence; compiled once more for AVX2.
fn sentence_backward<R: Real>(
    u: &[R],
    forwards: usize,
    length: usize,
    upstream: &[R],
    states: &[R],
    gradient: &mut [R],
    weight_gradient: &mut [R],
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2<R: Real>(
            u: &[R],
            forwards: usize,
            length: usize,
            upstream: &[R],
            states: &[R],
            gradient: &mut [R],
            weight_gradient: &mut [R],
        ) {
            backward_body(u, forwards, length, upstream, states, gradient, weight_gradient);
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { avx2(u, forwards, length, upstream, states, gradient, weight_gradient) };
        }
    }
    backward_body(u, forwards, length, upstream, states, gradient, weight_gradient);
}

#[inline(always)]
fn forward_body<R: Real>(u: &[R], forwards: usize, length: usize, pre: &[R], states: &mut [R]) {
    let width = u.len();
    states[length * width..].fill(R::default());
    for t in 0..length {
        let neurons = 0..forwards;
        let before = t.checked_sub(1);
        forward_row(u, neurons, t, before, pre, states);
    }
    for t in (0..length).rev() {
        let neurons = forwards..width;
        let before = Some(t + 1).filter(|&s| s < length);
        forward_row(u, neurons, t, before, pre, states);
    }
}

/// The states of some neurons at `t`, from those at `before`, the row above or below.
#[inline(always)]
fn forward_row<R: Real>(
    u: &[R],
    neurons: Range<usize>,
    t: usize,
    before: Option<usize>,
    pre: &[R],
    states: &mut [R],
) {
    let pre = &pre[t * u.len()..][neurons.clone()];
    let Some(before) = before else {
        for (h, &x) in states[t * u.len()..][neurons].iter_mut().zip(pre) {
            *h = relu(x);
        }
        return;
    };
    let (previous, here) = two_rows(states, u.len(), before, t, neurons.clone());
    for (((h, &x), &p), &u) in here.iter_mut().zip(pre).zip(previous).zip(&u[neurons]) {
        *h = relu(x + u * p);
    }
}

#[inline(always)]
fn backward_body<R: Real>(
    u: &[R],
    forwards: usize,
    length: usize,
    upstream: &[R],
    states: &[R],
    gradient: &mut [R],
    weight_gradient: &mut [R],
) {
    let width = u.len();
    gradient[length * width..].fill(R::default());
    for t in (0..length).rev() {
        let after = Some(t + 1).filter(|&r| r < length);
        let step = Step { t, before: t.checked_sub(1), after };
        backward_row(u, 0..forwards, &step, upstream, states, gradient, weight_gradient);
    }
    for t in 0..length {
        let before = Some(t + 1).filter(|&s| s < length);
        let step = Step { t, before, after: t.checked_sub(1) };
        backward_row(u, forwards..width, &step, upstream, states, gradient, weight_gradient);
    }
}

/// A step and its neighbours in the order of reading.
struct Step {
    t: usize,
    before: Option<usize>,
    after: Option<usize>,
}

#[inline(always)]
fn backward_row<R: Real>(
    u: &[R],
    neurons: Range<usize>,
    step: &Step,
    upstream: &[R],
    states: &[R],
    gradient: &mut [R],
    weight_gradient: &mut [R],
) {
    let width = u.len();
    let row = |values: &'_ [R], t: usize| -> Range<usize> {
        debug_assert!(values.len() >= (t + 1) * width);
        t * width + neurons.start..t * width + neurons.end
    };
    let (g, h) = (&upstream[row(upstream, step.t)], &states[row(states, step.t)]);
    if let Some(after) = step.after {
        let (next, here) = two_rows(gradient, width, after, step.t, neurons.clone());
        for ((((p, &g), &h), &next), &u) in here.iter_mut().zip(g).zip(h).zip(next).zip(&u[neurons.clone()]) {
            *p = gate(h, g + u * next);
        }
    } else {
        for ((p, &g), &h) in gradient[row(states, step.t)].iter_mut().zip(g).zip(h) {
            *p = gate(h, g);
        }
    }
    if let Some(before) = step.before {
        let (p, previous) = (&gradient[row(states, step.t)], &states[row(states, before)]);
        for ((sum, &p), &previous) in weight_gradient[neurons].iter_mut().zip(p).zip(previous) {
            *sum += p * previous;
        }
    }
}

/// The positive part; not a number for not a number.
#[inline(always)]
fn relu<R: Real>(x: R) -> R {
    if x < R::default() { R::default() } else { x }
}

/// `gradient` where the state is above 0, else 0.
#[inline(always)]
fn gate<R: Real>(state: R, gradient: R) -> R {
    if state <= R::default() { R::default() } else { gradient }
}

/// Some neurons of row `from`, and of the row `to` above or below it for writing.
#[inline(always)]
fn two_rows<R>(
    rows: &mut [R],
    width: usize,
    from: usize,
    to: usize,
    neurons: Range<usize>,
) -> (&[R], &mut [R]) {
    if from < to {
        let (above, below) = rows.split_at_mut(to * width);
        (&above[from * width..][neurons.clone()], &mut below[..width][neurons])
    } else {
        let (above, below) = rows.split_at_mut(from * width);
        (&below[..width][neurons.clone()], &mut above[to * width..][neurons])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Numbers in [-1, 1) that look random.
    fn noise(seed: u64, count: usize) -> Vec<f32> {
        let number = |i| (crate::device::mix(seed, i) >> 40) as f32 / (1 << 23) as f32 - 1.0;
        (0..count as u64).map(number).collect()
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let (steps, width) = (64, 100);
        let lengths = [64, 1, 0, 30, 64, 63, 7, 50, 64, 64, 64, 64];
        let size = lengths.len() * steps * width;
        assert!(size >= PARALLEL);
        let (pre, upstream, weight) = (noise(1, size), noise(2, size), noise(3, width));
        let batch = Recurrence { weight: &weight, forwards: 37, lengths: &lengths, steps };
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                // Old values must all be overwritten.
                let (mut states, mut gradient) = (vec![f32::NAN; size], vec![f32::NAN; size]);
                batch.forward(&pre, &mut states);
                let weights = batch.backward(&upstream, &states, &mut gradient);
                [states, gradient, weights].map(|v| v.into_iter().map(f32::to_bits).collect::<Vec<_>>())
            })
        };
        let one = run(1);
        assert!(one.iter().flatten().all(|&bits| !f32::from_bits(bits).is_nan()));
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }

    #[test]
    fn what_is_not_a_number_is_not_hidden() {
        let (weight, mut states) = ([0.5_f32], [0.0; 3]);
        let batch = Recurrence { weight: &weight, forwards: 1, lengths: &[3], steps: 3 };
        batch.forward(&[1.0, f32::NAN, 1.0], &mut states);
        assert!(states[0] == 1.0 && states[1].is_nan() && states[2].is_nan());
        let mut gradient = [0.0; 3];
        let weights = batch.backward(&[1.0; 3], &states, &mut gradient);
        assert!(weights[0].is_nan());
    }

    #[test]
    fn batches_without_values_are_left_alone() {
        for (lengths, steps, weight) in
            [(&[][..], 8, &[1.0_f64][..]), (&[0, 0][..], 0, &[1.0]), (&[2][..], 2, &[])]
        {
            let batch = Recurrence { weight, forwards: weight.len(), lengths, steps };
            batch.forward(&[], &mut []);
            assert_eq!(batch.backward(&[], &[], &mut []), vec![0.0; weight.len()]);
        }
    }
}
