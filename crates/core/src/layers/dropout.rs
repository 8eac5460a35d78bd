//! Dropout, by libtorch's generator and by a mask of our own making.
//!
//! On a CPU libtorch draws a Bernoulli number in about ten nanoseconds, which is more than half of a small encoder's training step;
//! 16 bits of a counter's hash are as good and take less than one. The key of each mask is one number of libtorch's generator, so
//! that masks follow from the seed of the step as libtorch's own would.

use tch::{Device, Kind, Tensor};

use crate::error::Result;

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
    let key = i64::try_from(&Tensor::f_randint(i64::MAX, [1], (Kind::Int64, Device::Cpu))?)?;
    let mask = Tensor::f_from_slice(&mask(xs.numel(), p, key.cast_unsigned()))?;
    Ok(xs.f_mul(&mask.f_view_as(xs)?)?)
}

/// `count` factors: 0 or 1 / (1 - p).
fn mask(count: usize, p: f64, key: u64) -> Vec<f32> {
    let dropped = (p * 65536.0).round() as u16;
    let kept = (1.0 / (1.0 - f64::from(dropped) / 65536.0)) as f32;
    let mut mask = vec![0.0; count];
    for (at, four) in mask.chunks_mut(4).enumerate() {
        // SplitMix64: the counter's hash.
        let mut z = key.wrapping_add((at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        for (lane, factor) in four.iter_mut().enumerate() {
            let drawn = (z >> (16 * lane)) as u16;
            *factor = if drawn < dropped { 0.0 } else { kept };
        }
    }
    mask
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::device;

    #[test]
    fn as_many_are_dropped_as_asked_for_everywhere_alike() {
        for p in [0.1, 0.5] {
            let mask = mask(1_000_000, p, 42);
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
