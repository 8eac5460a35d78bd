//! The exponential function of sixteen numbers at a time.

// A kernel's parts must be compiled with the instruction set of the kernel.
#![allow(clippy::inline_always)]

/// Numbers that are worked on together.
pub(super) const LANES: usize = 16;

/// `exp(x - shift)` for `x <= shift`, within 3e-7 relative; 0 below `exp(-87)`, not a number for not a number.
///
/// `x - shift = n ln 2 + r` with `|r| <= ln 2 / 2` (Cody and Waite's two-part `ln 2`), a Taylor polynomial of degree 7 in `r`, and
/// `2^n` made from its exponent bits.
#[inline(always)]
pub(super) fn exp(xs: &mut [f32; LANES], shift: f32) {
    const FLUSH: f32 = -87.0;
    // Adding 1.5 * 2^23 rounds to the nearest integer and leaves that integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const COEFFICIENTS: [f32; 7] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let (mut r, mut power) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for l in 0..LANES {
        let x = xs[l] - shift;
        let bounded = if x < FLUSH { FLUSH } else { x };
        let rounded = bounded * std::f32::consts::LOG2_E + ROUND;
        let n = rounded - ROUND;
        r[l] = (bounded - n * LN2_HIGH) - n * LN2_LOW;
        let two_to_n = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
        power[l] = if x < FLUSH { 0.0 } else { two_to_n };
    }
    let mut polynomial = [1.0 / 5040.0_f32; LANES];
    for c in COEFFICIENTS {
        for l in 0..LANES {
            polynomial[l] = polynomial[l] * r[l] + c;
        }
    }
    for l in 0..LANES {
        xs[l] = polynomial[l] * power[l];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_accurate_over_its_range() {
        for i in -8700..=0 {
            let x = i as f32 * 0.01;
            let mut lane = [x + 2.5; LANES];
            exp(&mut lane, 2.5);
            let exact = f64::from(x + 2.5 - 2.5).exp();
            assert!(lane.iter().all(|&y| (f64::from(y) / exact - 1.0).abs() < 3e-7), "{x}: {}", lane[0]);
        }
        let mut lane = [0.0; LANES];
        lane[..4].copy_from_slice(&[-87.5, f32::NEG_INFINITY, f32::NAN, -1e30]);
        exp(&mut lane, 0.0);
        assert_eq!((lane[0], lane[1], lane[3], lane[4]), (0.0, 0.0, 0.0, 1.0));
        assert!(lane[2].is_nan());
    }
}
