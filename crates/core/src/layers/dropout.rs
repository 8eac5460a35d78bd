//! Dropout, by libtorch's generator and by a mask of our own making.
//!
//! On a CPU libtorch draws a Bernoulli number in about ten nanoseconds, which is more than half of a small encoder's training step;
//! 16 bits of a counter's hash are as good and take less than one, and need not be kept for the backward pass. The key of each mask is
//! one number of libtorch's generator, so that masks follow from the seed of the step as libtorch's own would.

// A kernel's parts must be compiled with the instruction set of the kernel.
#![allow(clippy::inline_always)]

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::autograd;
use crate::error::Result;
use crate::optim::raw;

/// In training each element is zero with probability `p`, and the others are scaled by 1 / (1 - p).
pub fn dropout(xs: &Tensor, p: f64, train: bool) -> Result<Tensor> {
    if train && p > 0.0 { Ok(xs.f_dropout(p, true)?) } else { Ok(xs.shallow_clone()) }
}

/// [`dropout`] (with `p` to 1 / 65536) by a hash on the CPU.
///
/// # Errors
/// [`crate::CoreError::Tch`].
pub fn hashed_dropout(xs: &Tensor, p: f64, train: bool) -> Result<Tensor> {
    if !train || p <= 0.0 || xs.device() != Device::Cpu || xs.kind() != Kind::Float {
        return dropout(xs, p, train);
    }
    let mask = Mask::draw(p)?;
    let plain = xs.detach().f_contiguous()?;
    let mut output = plain.f_empty_like()?;
    mask.apply_all(raw::slice(&plain)?, raw::slice_mut(&mut output)?);
    // The mask is hashed again on the way back: that is faster than to keep it.
    autograd::attach(&output, &[xs], move |upstream| {
        let upstream = upstream.f_contiguous()?;
        let mut gradient = upstream.f_empty_like()?;
        mask.apply_all(raw::slice(&upstream)?, raw::slice_mut(&mut gradient)?);
        Ok(vec![Some(gradient)])
    })
}

/// A mask of factors, 0 or 1 / (1 - p): number `i` follows from the key and `i` alone.
#[derive(Clone, Copy)]
pub(super) struct Mask {
    key: u64,
    dropped: u16,
    kept: f32,
}

/// Numbers that one thread takes at a time.
const BLOCK: usize = 1 << 14;

impl Mask {
    /// One whose key is drawn from libtorch's generator.
    pub fn draw(p: f64) -> Result<Self> {
        let key = i64::try_from(&Tensor::f_randint(i64::MAX, [1], (Kind::Int64, Device::Cpu))?)?;
        Ok(Self::new(p, key.cast_unsigned()))
    }

    /// The mask of a key.
    pub fn new(p: f64, key: u64) -> Self {
        let dropped = (p * 65536.0).round() as u16;
        Self { key, dropped, kept: (1.0 / (1.0 - f64::from(dropped) / 65536.0)) as f32 }
    }

    /// `out[i] = xs[i] m[i]`.
    pub fn apply_all(self, xs: &[f32], out: &mut [f32]) {
        let parts = xs.par_chunks(BLOCK).zip(out.par_chunks_mut(BLOCK)).enumerate();
        parts.for_each(|(at, (xs, out))| self.apply(at * BLOCK, xs, out));
    }

    /// The same for numbers from `first`, a multiple of sixteen, on; compiled once more for AVX2.
    fn apply(self, first: usize, xs: &[f32], out: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2")]
            fn avx2(mask: Mask, first: usize, xs: &[f32], out: &mut [f32]) {
                mask.sixteen_by_sixteen(first, xs, out);
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has AVX2.
                return unsafe { avx2(self, first, xs, out) };
            }
        }
        self.sixteen_by_sixteen(first, xs, out);
    }

    #[inline(always)]
    fn sixteen_by_sixteen(self, first: usize, xs: &[f32], out: &mut [f32]) {
        let (whole, rest) = xs.as_chunks::<16>();
        let (out_whole, out_rest) = out.as_chunks_mut::<16>();
        for (at, (xs, out)) in (first / 16..).zip(whole.iter().zip(out_whole)) {
            let factors = self.factors(at);
            for l in 0..16 {
                out[l] = xs[l] * factors[l];
            }
        }
        let factors = self.factors(first / 16 + whole.len());
        for ((out, x), factor) in out_rest.iter_mut().zip(rest).zip(factors) {
            *out = x * factor;
        }
    }

    /// Sixteen numbers of the mask, four from each hash.
    #[inline(always)]
    fn factors(self, at: usize) -> [f32; 16] {
        let mut hashes = [0_u64; 4];
        for (lane, hash) in hashes.iter_mut().enumerate() {
            // SplitMix64: the counter's hash.
            let mut z =
                self.key.wrapping_add(((4 * at + lane) as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            *hash = z ^ (z >> 31);
        }
        let mut factors = [0.0; 16];
        for (l, factor) in factors.iter_mut().enumerate() {
            let drawn = (hashes[l / 4] >> (16 * (l % 4))) as u16;
            *factor = if drawn < self.dropped { 0.0 } else { self.kept };
        }
        factors
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::device;

    #[test]
    fn as_many_are_dropped_as_asked_for_everywhere_alike() {
        for p in [0.1, 0.5] {
            let mut mask = vec![0.0; 1_000_000];
            Mask::new(p, 42).apply_all(&vec![1.0; 1_000_000], &mut mask);
            let zeros = |values: &[f32]| values.iter().filter(|&&x| x == 0.0).count() as f64;
            assert!((zeros(&mask) / 1e6 - p).abs() < 0.002, "{p}");
            // Neither the lanes of a draw nor neighbouring draws know of each other.
            for step in [1, 2, 3, 4, 8] {
                let both = (0..mask.len() - step).filter(|&i| mask[i] == 0.0 && mask[i + step] == 0.0);
                assert!((both.count() as f64 / 1e6 - p * p).abs() < 0.002, "{p}, {step} apart");
            }
            let mean = mask.iter().map(|&x| f64::from(x)).sum::<f64>() / 1e6;
            assert!((mean - 1.0).abs() < 0.005, "{mean}");
        }
    }

    #[test]
    fn a_seed_gives_its_masks_and_gradients_pass_where_values_do() {
        let xs = Tensor::ones([30, 50], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let draw = |seed| {
            device::reseed(seed, 0);
            (hashed_dropout(&xs, 0.25, true).unwrap(), hashed_dropout(&xs, 0.25, true).unwrap())
        };
        let ((a, b), (again, _), (other, _)) = (draw(1), draw(1), draw(2));
        assert!(a.equal(&again) && !a.equal(&b) && !a.equal(&other));
        a.sum(Kind::Float).backward();
        assert!(xs.grad().equal(&a));
        assert!(hashed_dropout(&xs, 0.25, false).unwrap().equal(&xs));
    }

    #[test]
    fn dropout_scales_what_it_keeps_and_is_off_outside_training() {
        device::reseed(7, 0);
        let xs = Tensor::ones([100, 100], (Kind::Float, Device::Cpu));
        let dropped = dropout(&xs, 0.25, true).unwrap();
        let kept = dropped.count_nonzero(None::<i64>).int64_value(&[]);
        assert!((7300..7700).contains(&kept), "{kept}");
        assert!((dropped.max().double_value(&[]) - 4.0 / 3.0).abs() < 1e-6);
        assert!(dropout(&xs, 0.25, false).unwrap().equal(&xs));
    }
}
