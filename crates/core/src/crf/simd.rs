//! Blocks of eight `f64` lanes that the compiler turns into vector instructions, and an exponential it can vectorise.
//!
//! No intrinsics and no fused multiply-add: every operation is elementwise in a fixed order, so the results are the same
//! bits with SSE2, AVX2 or NEON. [`multiversion`] compiles a kernel once more for AVX2 and chooses at run time.

/// Eight numbers that are worked on together.
pub(super) type Lane = [f64; LANES];

/// Numbers in a [`Lane`].
pub(super) const LANES: usize = 8;

/// A lane of one value.
pub(super) const fn splat(value: f64) -> Lane {
    [value; LANES]
}

/// Sum of a lane, in a fixed order.
#[inline(always)]
pub(super) fn sum(l: &Lane) -> f64 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

/// The larger number, `b` where one is not a number; unlike `f64::max` this is one instruction.
#[inline(always)]
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// Largest number of a lane.
#[inline(always)]
pub(super) fn max(l: &Lane) -> f64 {
    let four = [larger(l[0], l[4]), larger(l[1], l[5]), larger(l[2], l[6]), larger(l[3], l[7])];
    larger(larger(four[0], four[2]), larger(four[1], four[3]))
}

/// The smaller number, `b` where one is not a number.
#[inline(always)]
pub(super) fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// Smallest number of a lane.
#[inline(always)]
pub(super) fn min(l: &Lane) -> f64 {
    let four = [smaller(l[0], l[4]), smaller(l[1], l[5]), smaller(l[2], l[6]), smaller(l[3], l[7])];
    smaller(smaller(four[0], four[2]), smaller(four[1], four[3]))
}

/// Below this argument [`exp`] gives 0: the smallest normal `f64` is about `exp(-708.4)`.
pub(super) const FLUSH: f64 = -708.0;

/// `exp(x - shift)` for eight `x - shift <= 700`, within 1e-14 relative; 0 below [`FLUSH`], not a number for not a number.
///
/// `x - shift = n ln 2 + r` with `|r| <= ln 2 / 2` (Cody and Waite's two-part `ln 2`), a Taylor polynomial of degree 12 in
/// `r`, and `2^n` made from its exponent bits. Each stage goes over all lanes: written for one number the compiler jumps
/// over the polynomial for small arguments and vectorises nothing, four times slower.
#[inline(always)]
pub(super) fn exp(xs: &Lane, shift: f64) -> Lane {
    // Adding 1.5 * 2^52 rounds to the nearest integer and leaves that integer in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // `1 / n!` for n = 11, 10, ..., 0; the leading coefficient is `1 / 12!`.
    const COEFFICIENTS: [f64; 12] = [
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let (mut r, mut power) = (splat(0.0), splat(0.0));
    for l in 0..LANES {
        let x = xs[l] - shift;
        let bounded = if x < FLUSH { FLUSH } else { x };
        let rounded = bounded * std::f64::consts::LOG2_E + ROUND;
        let n = rounded - ROUND;
        r[l] = (bounded - n * LN2_HIGH) - n * LN2_LOW;
        let two_to_n = f64::from_bits((rounded.to_bits() << 52).wrapping_add(1023 << 52));
        power[l] = if x < FLUSH { 0.0 } else { two_to_n };
    }
    let mut polynomial = splat(1.0 / 479_001_600.0);
    for c in COEFFICIENTS {
        for l in 0..LANES {
            polynomial[l] = polynomial[l] * r[l] + c;
        }
    }
    for l in 0..LANES {
        polynomial[l] *= power[l];
    }
    polynomial
}

/// `out = x M` for a row vector `x` of `k` numbers and a matrix of `k` rows, stored block by block: block `c` holds the
/// columns `8c..8c + 8` of all rows.
#[inline(always)]
pub(super) fn vector_matrix(x: &[f64], matrix: &[Lane], out: &mut [Lane]) {
    for (block, out) in matrix.chunks_exact(x.len()).zip(out) {
        // Two sums hide half of the addition's latency.
        let (mut even, mut odd) = (splat(0.0), splat(0.0));
        let (row_pairs, last_row) = block.as_chunks::<2>();
        let (x_pairs, last_x) = x.as_chunks::<2>();
        for ([a, b], [x, y]) in row_pairs.iter().zip(x_pairs) {
            for l in 0..LANES {
                even[l] += x * a[l];
                odd[l] += y * b[l];
            }
        }
        for (a, x) in last_row.iter().zip(last_x) {
            for l in 0..LANES {
                even[l] += x * a[l];
            }
        }
        for l in 0..LANES {
            out[l] = even[l] + odd[l];
        }
    }
}

/// `out[j] = max_i (x[i] + M[i][j])`, with the matrix stored as in [`vector_matrix`].
#[inline(always)]
pub(super) fn vector_matrix_max(x: &[f64], matrix: &[Lane], out: &mut [Lane]) {
    for (block, out) in matrix.chunks_exact(x.len()).zip(out) {
        let mut best = splat(f64::NEG_INFINITY);
        for (row, x) in block.iter().zip(x) {
            for l in 0..LANES {
                best[l] = larger(x + row[l], best[l]);
            }
        }
        *out = best;
    }
}

/// Defines a function that runs `$body`, compiled once for the base instruction set and once for AVX2.
macro_rules! multiversion {
    ($(#[$meta:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $body:path;) => {
        $(#[$meta])*
        $visibility fn $name($($argument: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) $(-> $result)? {
                    $body($($argument),*)
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has the one feature that the function needs.
                    return unsafe { avx2($($argument),*) };
                }
            }
            $body($($argument),*)
        }
    };
}
pub(super) use multiversion;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_accurate_over_its_range() {
        let mut worst: f64 = 0.0;
        for i in 0..=1_410_000 {
            let x = f64::from(i) * 1e-3 - 709.0;
            if x > 700.0 {
                break;
            }
            let found = exp(&splat(x + 0.5), 0.5)[i as usize % LANES];
            let relative = if x < FLUSH { found } else { (found / x.exp() - 1.0).abs() };
            worst = worst.max(relative);
        }
        assert!(worst < 1e-14, "{worst:e}");
        let edges = exp(&[2.0, f64::NEG_INFINITY, f64::NAN, -1e30, 1.0, -706.0, -706.1, 2.0], 2.0);
        assert_eq!((edges[0], edges[1], edges[3], edges[7]), (1.0, 0.0, 0.0, 1.0));
        assert!(edges[2].is_nan() && edges[5] > 0.0 && edges[6] == 0.0);
    }

    #[test]
    fn blocked_products_are_the_plain_products() {
        let (k, blocks) = (5, 2);
        let value = |i: usize, j: usize| ((i * 31 + j * 17) % 11) as f64 - 4.0;
        let x: Vec<f64> = (0..k).map(|i| i as f64 * 0.5 - 1.0).collect();
        let matrix: Vec<Lane> = (0..blocks)
            .flat_map(|c| (0..k).map(move |i| std::array::from_fn(|l| value(i, c * LANES + l))))
            .collect();
        let (mut product, mut best) = ([splat(9.0); 2], [splat(9.0); 2]);
        vector_matrix(&x, &matrix, &mut product);
        vector_matrix_max(&x, &matrix, &mut best);
        for j in 0..blocks * LANES {
            assert_eq!(product.as_flattened()[j], (0..k).map(|i| x[i] * value(i, j)).sum::<f64>());
            let expected = (0..k).map(|i| x[i] + value(i, j)).fold(f64::NEG_INFINITY, f64::max);
            assert_eq!(best.as_flattened()[j], expected);
        }
        assert_eq!(sum(&product[0]), product[0].iter().sum::<f64>());
        assert_eq!(max(&product[0]), product[0].iter().copied().fold(f64::NEG_INFINITY, f64::max));
    }
}
