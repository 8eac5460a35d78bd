//! GELU with the bias before it and its slope, over plain memory.
//!
//! Every operation is elementwise in a fixed order and without fused multiply-add, sums over rows are taken block by block: results
//! are the same bits for every number of threads and instruction set.

// A kernel's parts must be compiled with the instruction set of the kernel.
#![allow(clippy::inline_always)]

use rayon::prelude::*;

use crate::layers::exp::{LANES, exp};

/// Rows that one thread takes at a time.
const BLOCK: usize = 64;

/// Which of the two.
#[derive(Clone, Copy)]
pub(super) enum Gelu {
    /// `x Phi(x)`
    Exact,
    /// `x sigma(2 u)`, `u = sqrt(2 / pi) (x + 0.044715 x^3)`: the same as `x (1 + tanh u) / 2`.
    ByTanh,
}

impl Gelu {
    /// `xs[.., j] <- gelu(xs[.., j] + bias[j])`
    pub fn in_place(self, xs: &mut [f32], bias: &[f32]) {
        if bias.is_empty() {
            return;
        }
        xs.par_chunks_mut(bias.len() * BLOCK).for_each(|xs| self.block(xs, bias, None));
    }

    /// `ys[.., j] = gelu(x)` and `xs[.., j] <- gelu'(x)` of `x = xs[.., j] + bias[j]`.
    pub fn with_slope(self, xs: &mut [f32], bias: &[f32], ys: &mut [f32]) {
        if bias.is_empty() {
            return;
        }
        let block = bias.len() * BLOCK;
        let parts = xs.par_chunks_mut(block).zip(ys.par_chunks_mut(block));
        parts.for_each(|(xs, ys)| self.block(xs, bias, Some(ys)));
    }

    /// Some rows; compiled once more for AVX2.
    fn block(self, xs: &mut [f32], bias: &[f32], ys: Option<&mut [f32]>) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2")]
            fn avx2(gelu: Gelu, xs: &mut [f32], bias: &[f32], ys: Option<&mut [f32]>) {
                gelu.rows(xs, bias, ys);
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has AVX2.
                return unsafe { avx2(self, xs, bias, ys) };
            }
        }
        self.rows(xs, bias, ys);
    }

    // Without closures, which are not compiled with the instruction set of the kernel.
    #[inline(always)]
    fn rows(self, xs: &mut [f32], bias: &[f32], ys: Option<&mut [f32]>) {
        let width = bias.len();
        match ys {
            None => {
                for xs in xs.chunks_exact_mut(width) {
                    for (xs, bias) in xs.chunks_mut(LANES).zip(bias.chunks(LANES)) {
                        store(&self.of(&sum(xs, bias)).0, xs);
                    }
                }
            }
            Some(ys) => {
                for (xs, ys) in xs.chunks_exact_mut(width).zip(ys.chunks_exact_mut(width)) {
                    let parts = xs.chunks_mut(LANES).zip(ys.chunks_mut(LANES)).zip(bias.chunks(LANES));
                    for ((xs, ys), bias) in parts {
                        let (value, slope) = self.of(&sum(xs, bias));
                        store(&value, ys);
                        store(&slope, xs);
                    }
                }
            }
        }
    }

    /// Value and slope.
    #[inline(always)]
    fn of(self, x: &[f32; LANES]) -> ([f32; LANES], [f32; LANES]) {
        match self {
            Self::Exact => exact(x),
            Self::ByTanh => by_tanh(x),
        }
    }
}

/// Up to sixteen numbers and their biases added; what is missing is 0.
#[inline(always)]
fn sum(xs: &[f32], bias: &[f32]) -> [f32; LANES] {
    let mut lane = [0.0; LANES];
    if let (Ok(xs), Ok(bias)) = (<&[f32; LANES]>::try_from(xs), <&[f32; LANES]>::try_from(bias)) {
        for l in 0..LANES {
            lane[l] = xs[l] + bias[l];
        }
    } else {
        for ((lane, x), b) in lane.iter_mut().zip(xs).zip(bias) {
            *lane = x + b;
        }
    }
    lane
}

/// As many of the sixteen as there is room for.
#[inline(always)]
fn store(lane: &[f32; LANES], out: &mut [f32]) {
    if let Ok(out) = <&mut [f32; LANES]>::try_from(&mut *out) {
        *out = *lane;
    } else {
        out.copy_from_slice(&lane[..out.len()]);
    }
}

/// `Phi` by Abramowitz and Stegun 7.1.26, within 1e-7, whose exponential is that of the density too: `gelu' = Phi + x phi`.
#[inline(always)]
fn exact(xs: &[f32; LANES]) -> ([f32; LANES], [f32; LANES]) {
    const P: f32 = 0.327_591_1;
    const COEFFICIENTS: [f32; 4] = [-1.453_152_1, 1.421_413_8, -0.284_496_74, 0.254_829_6];
    let mut bell = [0.0_f32; LANES];
    let mut t = [0.0_f32; LANES];
    for l in 0..LANES {
        bell[l] = -0.5 * xs[l] * xs[l];
        t[l] = 1.0 / (1.0 + P * std::f32::consts::FRAC_1_SQRT_2 * xs[l].abs());
    }
    exp(&mut bell, 0.0);
    let mut tail = [1.061_405_4_f32; LANES];
    for c in COEFFICIENTS {
        for l in 0..LANES {
            tail[l] = tail[l] * t[l] + c;
        }
    }
    let (mut value, mut slope) = ([0.0; LANES], [0.0; LANES]);
    for l in 0..LANES {
        // Phi(-|x|)
        let tail = 0.5 * tail[l] * t[l] * bell[l];
        let below = if xs[l] < 0.0 { tail } else { 1.0 - tail };
        value[l] = xs[l] * below;
        let density = FRAC_1_SQRT_2_PI * bell[l];
        // Where the density is 0, x may be anything.
        slope[l] = if density == 0.0 { below } else { below + xs[l] * density };
    }
    (value, slope)
}

/// `1 / sqrt(2 pi)`
const FRAC_1_SQRT_2_PI: f32 = 0.398_942_3;

/// `gelu = x s` with `s = sigma(2 u)`, `gelu' = s + x s (1 - s) 2 u'`.
#[inline(always)]
fn by_tanh(xs: &[f32; LANES]) -> ([f32; LANES], [f32; LANES]) {
    // 2 sqrt(2 / pi)
    const SCALE: f32 = 1.595_769;
    const CUBIC: f32 = 0.044_715;
    let mut power = [0.0_f32; LANES];
    for l in 0..LANES {
        let u = SCALE * (xs[l] + CUBIC * xs[l] * xs[l] * xs[l]);
        power[l] = -u.abs();
    }
    exp(&mut power, 0.0);
    let (mut value, mut slope) = ([0.0; LANES], [0.0; LANES]);
    for l in 0..LANES {
        let whole = 1.0 / (1.0 + power[l]);
        let share = if xs[l] < 0.0 { power[l] * whole } else { whole };
        value[l] = xs[l] * share;
        let bend = power[l] * whole * whole;
        let rise = SCALE * (1.0 + 3.0 * CUBIC * xs[l] * xs[l]);
        slope[l] = if bend == 0.0 { share } else { share + xs[l] * bend * rise };
    }
    (value, slope)
}

/// `by_xs = upstream slope` and its sum over rows.
pub(super) fn backward(upstream: &[f32], slope: &[f32], by_xs: &mut [f32], by_bias: &mut [f32]) {
    let width = by_bias.len();
    if width == 0 {
        return;
    }
    let block = width * BLOCK;
    let parts = upstream.par_chunks(block).zip(slope.par_chunks(block)).zip(by_xs.par_chunks_mut(block));
    let sums: Vec<Vec<f32>> = parts
        .map(|((upstream, slope), by_xs)| {
            let mut sum = vec![0.0; width];
            backward_block(upstream, slope, by_xs, &mut sum);
            sum
        })
        .collect();
    by_bias.fill(0.0);
    for sum in &sums {
        for (total, part) in by_bias.iter_mut().zip(sum) {
            *total += part;
        }
    }
}

/// Some rows; compiled once more for AVX2.
fn backward_block(upstream: &[f32], slope: &[f32], by_xs: &mut [f32], sum: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2(upstream: &[f32], slope: &[f32], by_xs: &mut [f32], sum: &mut [f32]) {
            backward_rows(upstream, slope, by_xs, sum);
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { avx2(upstream, slope, by_xs, sum) };
        }
    }
    backward_rows(upstream, slope, by_xs, sum);
}

#[inline(always)]
fn backward_rows(upstream: &[f32], slope: &[f32], by_xs: &mut [f32], sum: &mut [f32]) {
    let width = sum.len();
    let rows = upstream.chunks_exact(width).zip(slope.chunks_exact(width)).zip(by_xs.chunks_exact_mut(width));
    for ((upstream, slope), by_xs) in rows {
        for (((by, given), slope), sum) in by_xs.iter_mut().zip(upstream).zip(slope).zip(sum.iter_mut()) {
            *by = given * slope;
            *sum += *by;
        }
    }
}
