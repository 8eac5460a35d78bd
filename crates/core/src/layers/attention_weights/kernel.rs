//! The pass over plain memory, and the pass back.
//!
//! With `p` the softmax, `g` the upstream gradient times dropout's mask, of a row: `d L / d score = scale p (g - sum p g)`, for the
//! score by content and for that by distance alike.
//!
//! Every operation is elementwise in a fixed order and without fused multiply-add: results are the same bits for every number of
//! threads and instruction set.

// A kernel's parts must be compiled with the instruction set of the kernel.
#![allow(clippy::inline_always)]

use rayon::prelude::*;

use crate::layers::dropout::Mask;
use crate::layers::exp::{LANES, exp};

/// Rows that one thread takes at a time.
const BLOCK: usize = 64;

/// Sizes and settings.
pub(super) struct Kernel {
    /// `S`.
    pub seen: usize,
    /// `P`.
    pub rows: usize,
    /// `B`.
    pub sentences: usize,
    /// `R`; 0 without distances.
    pub wide: usize,
    /// Where each row begins to read distances, `[P]` or `[B P]`.
    pub first: Vec<usize>,
    /// What scores are multiplied with.
    pub scale: f32,
    /// Dropout.
    pub mask: Option<Mask>,
}

/// Hidden scores, `[sentences, rows, S]`.
#[derive(Clone, Copy)]
pub(super) struct Hidden<'a> {
    pub values: &'a [f32],
    /// `B` or 1.
    pub sentences: i64,
    /// `P` or 1.
    pub rows: i64,
}

impl Kernel {
    /// `soft`: the softmax of the scores; `out`, where there is dropout: what is left of it. All `[h, B, P, S]`, distances
    /// `[h, B, P, R]`.
    pub fn forward(
        &self,
        content: &[f32],
        distances: &[f32],
        hidden: Option<Hidden<'_>>,
        soft: &mut [f32],
        out: Option<&mut [f32]>,
    ) {
        let block = self.seen * BLOCK;
        if block == 0 {
            return;
        }
        let parts = content.par_chunks(block).zip(soft.par_chunks_mut(block)).enumerate();
        let row = |(at, (content, soft)): (usize, (&[f32], &mut [f32]))| {
            forward_block(self, at * BLOCK, content, distances, hidden, soft);
        };
        parts.for_each(row);
        if let (Some(mask), Some(out)) = (self.mask, out) {
            mask.apply_all(soft, out);
        }
    }

    /// From the gradient of the result to those of both kinds of scores; `by_distance` is all 0 before.
    pub fn backward(
        &self,
        upstream: &[f32],
        soft: &[f32],
        by_content: &mut [f32],
        by_distance: Option<&mut [f32]>,
    ) {
        let (block, wide) = (self.seen * BLOCK, self.wide * BLOCK);
        if block == 0 {
            return;
        }
        match self.mask {
            Some(mask) => mask.apply_all(upstream, by_content),
            None => by_content.copy_from_slice(upstream),
        }
        let parts = soft.par_chunks(block).zip(by_content.par_chunks_mut(block));
        match by_distance {
            None => parts.for_each(|(soft, content)| backward_block(self, 0, soft, content, &mut [])),
            Some(distances) => {
                let parts = parts.zip(distances.par_chunks_mut(wide)).enumerate();
                parts.for_each(|(at, ((soft, content), distances))| {
                    backward_block(self, at * BLOCK, soft, content, distances);
                });
            }
        }
    }

    /// The hidden scores of a row.
    fn hidden<'a>(&self, hidden: Hidden<'a>, row: usize) -> &'a [f32] {
        let (sentence, row) = (row / self.rows % self.sentences, row % self.rows);
        let sentence = if hidden.sentences == 1 { 0 } else { sentence };
        let row = if hidden.rows == 1 { 0 } else { row };
        let start = (sentence * hidden.rows as usize + row) * self.seen;
        &hidden.values[start..start + self.seen]
    }
}

/// Rows from number `first` on; compiled once more for AVX2.
fn forward_block(
    kernel: &Kernel,
    first: usize,
    content: &[f32],
    distances: &[f32],
    hidden: Option<Hidden<'_>>,
    soft: &mut [f32],
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2(
            kernel: &Kernel,
            first: usize,
            content: &[f32],
            distances: &[f32],
            hidden: Option<Hidden<'_>>,
            soft: &mut [f32],
        ) {
            forward_rows(kernel, first, content, distances, hidden, soft);
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { avx2(kernel, first, content, distances, hidden, soft) };
        }
    }
    forward_rows(kernel, first, content, distances, hidden, soft);
}

#[inline(always)]
fn forward_rows(
    kernel: &Kernel,
    first: usize,
    content: &[f32],
    distances: &[f32],
    hidden: Option<Hidden<'_>>,
    soft: &mut [f32],
) {
    let seen = kernel.seen;
    for (at, (content, out)) in content.chunks_exact(seen).zip(soft.chunks_exact_mut(seen)).enumerate() {
        let row = first + at;
        if kernel.wide > 0 {
            let start = row * kernel.wide + kernel.first[row % kernel.first.len()];
            for ((out, a), b) in out.iter_mut().zip(content).zip(&distances[start..start + seen]) {
                *out = kernel.scale * (a + b);
            }
        } else {
            for (out, a) in out.iter_mut().zip(content) {
                *out = kernel.scale * a;
            }
        }
        if let Some(hidden) = hidden {
            for (out, a) in out.iter_mut().zip(kernel.hidden(hidden, row)) {
                *out += a;
            }
        }
        softmax(out);
    }
}

/// In place.
#[inline(always)]
fn softmax(xs: &mut [f32]) {
    let mut greatest = [f32::NEG_INFINITY; LANES];
    let (lanes, rest) = xs.as_chunks::<LANES>();
    for lane in lanes {
        for l in 0..LANES {
            greatest[l] = if lane[l] > greatest[l] { lane[l] } else { greatest[l] };
        }
    }
    let mut shift = f32::NEG_INFINITY;
    for &x in greatest.iter().chain(rest) {
        shift = if x > shift { x } else { shift };
    }
    let mut sums = [0.0; LANES];
    let (lanes, rest) = xs.as_chunks_mut::<LANES>();
    for lane in lanes {
        exp(lane, shift);
        for l in 0..LANES {
            sums[l] += lane[l];
        }
    }
    if !rest.is_empty() {
        let mut lane = [f32::NEG_INFINITY; LANES];
        lane[..rest.len()].copy_from_slice(rest);
        exp(&mut lane, shift);
        rest.copy_from_slice(&lane[..rest.len()]);
        for l in 0..LANES {
            sums[l] += lane[l];
        }
    }
    let share = 1.0 / sum(&sums);
    for x in xs {
        *x *= share;
    }
}

/// Sum of a lane, in a fixed order.
#[inline(always)]
fn sum(lane: &[f32; LANES]) -> f32 {
    let mut lane = *lane;
    let mut half = LANES / 2;
    while half > 0 {
        for l in 0..half {
            lane[l] += lane[l + half];
        }
        half /= 2;
    }
    lane[0]
}

/// Rows from number `first` on, whose `content` is the upstream gradient times the mask before and the gradient of the scores by
/// content after; compiled once more for AVX2.
fn backward_block(kernel: &Kernel, first: usize, soft: &[f32], content: &mut [f32], distances: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2(kernel: &Kernel, first: usize, soft: &[f32], content: &mut [f32], distances: &mut [f32]) {
            backward_rows(kernel, first, soft, content, distances);
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { avx2(kernel, first, soft, content, distances) };
        }
    }
    backward_rows(kernel, first, soft, content, distances);
}

#[inline(always)]
fn backward_rows(kernel: &Kernel, first: usize, soft: &[f32], content: &mut [f32], distances: &mut [f32]) {
    let seen = kernel.seen;
    for (at, (soft, gradient)) in soft.chunks_exact(seen).zip(content.chunks_exact_mut(seen)).enumerate() {
        let mut sums = [0.0; LANES];
        let ((p, p_rest), (g, g_rest)) = (soft.as_chunks::<LANES>(), gradient.as_chunks::<LANES>());
        for (p, g) in p.iter().zip(g) {
            for l in 0..LANES {
                sums[l] += p[l] * g[l];
            }
        }
        let mut mean = sum(&sums);
        for (p, g) in p_rest.iter().zip(g_rest) {
            mean += p * g;
        }
        for (g, p) in gradient.iter_mut().zip(soft) {
            *g = kernel.scale * (p * (*g - mean));
        }
        if kernel.wide > 0 {
            let start = at * kernel.wide + kernel.first[(first + at) % kernel.first.len()];
            distances[start..start + seen].copy_from_slice(gradient);
        }
    }
}
