//! What the verdicts rest on: t-tests with their intervals, a test of two spreads, and Holm's correction.
//!
//! The tests themselves are those of [`medner_metrics`]; here are the interval that belongs to each, what is done with
//! values that do not vary, and the correction for many tests at once. p values are two-sided.

use medner_metrics::{MetricsError, Summary, TTest, t_test_one_sample, t_test_paired, t_test_welch};
use serde::Serialize;
use statrs::function::beta::beta_reg;

/// A difference of two means, or of a mean and a number, with what is known about its chance part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// How it was tested.
    pub method: &'static str,
    /// First minus second.
    pub difference: f64,
    /// Lower end of the interval that holds the true difference with the given probability.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Two-sided p value of "no difference".
    pub p_value: f64,
    /// Pairs, or values on the side that has fewer.
    pub n: usize,
}

/// Holm's step-down adjustment (Holm 1979): p values that may be compared with one level, however many there are.
///
/// With m p values in ascending order, the adjusted i-th (from 0) is the greatest (m - j) p_j for j up to i, at most 1.
/// They come back in the order in which they were given.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]).then(a.cmp(&b)));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut greatest: f64 = 0.0;
    for (rank, &at) in order.iter().enumerate() {
        let times = (p_values.len() - rank) as f64;
        greatest = greatest.max((times * p_values[at]).min(1.0));
        adjusted[at] = greatest;
    }
    adjusted
}

/// The t beyond which lies, on both sides together, the share 1 - `level` of Student's distribution.
pub fn t_quantile(df: f64, level: f64) -> f64 {
    let outside = |t: f64| beta_reg(df / 2.0, 0.5, df / (df + t * t));
    let wanted = 1.0 - level;
    let mut high = 1.0;
    while outside(high) > wanted && high < 1e9 {
        high *= 2.0;
    }
    let mut low = 0.0;
    // Halving 200 times leaves nothing between the ends.
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if outside(middle) > wanted { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// Pairs of values (one pair a seed): paired t-test with the interval of the difference.
///
/// `None` for fewer than two pairs. Differences that do not vary at all are taken as exact.
pub fn paired(first: &[f64], second: &[f64], level: f64) -> Option<Contrast> {
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    let summary = Summary::of(&differences).ok()?;
    let test = t_test_paired(first, second);
    contrast("paired t over seeds", &test, summary.mean, variance_of_mean(&summary)?.sqrt(), summary.n, level)
}

/// Two independent sets of values: Welch's t-test with the interval of the difference.
///
/// `None` for fewer than two values on a side.
pub fn welch(first: &[f64], second: &[f64], level: f64) -> Option<Contrast> {
    let test = t_test_welch(first, second);
    let (first, second) = (Summary::of(first).ok()?, Summary::of(second).ok()?);
    let error = (variance_of_mean(&first)? + variance_of_mean(&second)?).sqrt();
    let (difference, n) = (first.mean - second.mean, first.n.min(second.n));
    contrast("Welch's t over seeds", &test, difference, error, n, level)
}

/// Welch's test of two sets of which only mean, standard deviation and number are known.
///
/// `None` for fewer than two values on a side.
pub fn welch_of_summaries(first: &Summary, second: &Summary, level: f64) -> Option<Contrast> {
    let (v, w) = (variance_of_mean(first)?, variance_of_mean(second)?);
    let (difference, n) = (first.mean - second.mean, first.n.min(second.n));
    let error = (v + w).sqrt();
    let test = if error <= 1e-14 * first.mean.abs().max(second.mean.abs()) {
        Err(MetricsError::NoSpread { what: "Welch's t-test" })
    } else {
        let df = (v + w).powi(2) / (v * v / (first.n as f64 - 1.0) + w * w / (second.n as f64 - 1.0));
        let t = difference / error;
        Ok(TTest { difference, t, df, p_value: beta_reg(df / 2.0, 0.5, df / (df + t * t)) })
    };
    contrast("Welch's t of means and deviations", &test, difference, error, n, level)
}

/// The one-sample test of values of which only mean, standard deviation and number are known.
///
/// `None` for fewer than two values.
pub fn one_sample_of_summary(summary: &Summary, number: f64, level: f64) -> Option<Contrast> {
    let (difference, df) = (summary.mean - number, summary.n as f64 - 1.0);
    let error = variance_of_mean(summary)?.sqrt();
    let test = if error <= 1e-14 * summary.mean.abs().max(number.abs()) {
        Err(MetricsError::NoSpread { what: "a one-sample t-test" })
    } else {
        let t = difference / error;
        Ok(TTest { difference, t, df, p_value: beta_reg(df / 2.0, 0.5, df / (df + t * t)) })
    };
    contrast("one-sample t of mean and deviation", &test, difference, error, summary.n, level)
}

/// Values against a number that is taken as exact: one-sample t-test with the interval of the difference.
///
/// `None` for fewer than two values.
pub fn one_sample(values: &[f64], number: f64, level: f64) -> Option<Contrast> {
    let test = t_test_one_sample(values, number);
    let summary = Summary::of(values).ok()?;
    let error = variance_of_mean(&summary)?.sqrt();
    contrast("one-sample t over seeds", &test, summary.mean - number, error, summary.n, level)
}

/// What differs by rounding alone does not vary: a standard deviation of at most this share of the greatest value is none.
const ROUNDING: f64 = 1e-9;

/// The greatest of the values of two sides, whatever its sign.
fn size(first: &[f64], second: &[f64]) -> f64 {
    first.iter().chain(second).fold(0.0, |most: f64, value| most.max(value.abs()))
}

/// Ratio of two sample variances and the p value of "the same spread" (Fisher's F test; it wants values that are about
/// normally distributed).
///
/// `None` for fewer than two values on a side, or where one does not vary: two values that happen to agree show no steadiness.
pub fn f_test(first: &[f64], second: &[f64]) -> Option<(f64, f64)> {
    let most = size(first, second);
    let (first, second) = (Summary::of(first).ok()?, Summary::of(second).ok()?);
    let (v, w) = (first.sd?.powi(2), second.sd?.powi(2));
    if first.sd?.min(second.sd?) <= ROUNDING * most {
        return None;
    }
    let (d1, d2) = (first.n as f64 - 1.0, second.n as f64 - 1.0);
    // The shares of F below and above the ratio v / w.
    let below = beta_reg(d1 / 2.0, d2 / 2.0, d1 * v / (d1 * v + d2 * w));
    let above = beta_reg(d2 / 2.0, d1 / 2.0, d2 * w / (d1 * v + d2 * w));
    Some((v / w, (2.0 * below.min(above)).min(1.0)))
}

/// Ratio of the sample variances of pairs of values and the p value of "the same spread" (Pitman 1939, Morgan 1939): two variables
/// have one variance where their sum and their difference are uncorrelated.
///
/// `None` for fewer than three pairs, or where sum or difference do not vary.
pub fn pitman_morgan(first: &[f64], second: &[f64]) -> Option<(f64, f64)> {
    let n = first.len().min(second.len());
    let (v, w) = (Summary::of(first).ok()?.sd?.powi(2), Summary::of(second).ok()?.sd?.powi(2));
    let of = |join: fn(f64, f64) -> f64| -> Vec<f64> {
        first.iter().zip(second).map(|(a, b)| join(*a, *b)).collect()
    };
    let (sums, differences) = (of(|a, b| a + b), of(|a, b| a - b));
    let (s, d) = (Summary::of(&sums).ok()?, Summary::of(&differences).ok()?);
    let scale = s.sd? * d.sd?;
    if n < 3 || s.sd?.min(d.sd?) <= ROUNDING * size(first, second) {
        return None;
    }
    let products = sums.iter().zip(&differences).map(|(a, b)| (a - s.mean) * (b - d.mean));
    let r = (products.sum::<f64>() / (n as f64 - 1.0) / scale).clamp(-1.0, 1.0);
    let df = n as f64 - 2.0;
    // The share of Student's t beyond r sqrt(df / (1 - r^2)), on both sides.
    Some((v / w, beta_reg(df / 2.0, 0.5, 1.0 - r * r)))
}

/// Square of the standard error of a mean; none for a single value.
fn variance_of_mean(summary: &Summary) -> Option<f64> {
    Some(summary.sd?.powi(2) / summary.n as f64)
}

fn contrast(
    method: &'static str,
    test: &Result<TTest, MetricsError>,
    difference: f64,
    error: f64,
    n: usize,
    level: f64,
) -> Option<Contrast> {
    match test {
        Ok(TTest { df, p_value, .. }) => {
            let half = error * t_quantile(*df, level);
            let (low, high) = (difference - half, difference + half);
            Some(Contrast { method, difference, low, high, p_value: *p_value, n })
        }
        // What does not vary is what it is. That two seeds have one difference may be a coincidence.
        Err(MetricsError::NoSpread { .. }) if n >= 3 => {
            let p_value = if difference.abs() <= 1e-12 { 1.0 } else { 0.0 };
            Some(Contrast { method, difference, low: difference, high: difference, p_value, n })
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    /// SciPy's answers: `tools/golden/claims_statistics.py`.
    #[derive(Deserialize)]
    struct Golden {
        holm: Vec<HolmCase>,
        quantiles: Vec<[f64; 3]>,
        contrasts: Vec<ContrastCase>,
    }

    #[derive(Deserialize)]
    struct HolmCase {
        p: Vec<f64>,
        adjusted: Vec<f64>,
    }

    #[derive(Deserialize)]
    struct ContrastCase {
        a: Vec<f64>,
        b: Vec<f64>,
        number: f64,
        paired: Option<[f64; 4]>,
        welch: [f64; 4],
        one_sample: [f64; 4],
        f: [f64; 2],
    }

    fn golden() -> Golden {
        serde_json::from_str(include_str!("../../tests/golden/claims_statistics.json")).unwrap()
    }

    fn near(ours: f64, theirs: f64) -> bool {
        (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-3)
    }

    fn same(ours: &Contrast, [difference, low, high, p]: [f64; 4]) {
        assert!(
            near(ours.difference, difference)
                && near(ours.low, low)
                && near(ours.high, high)
                && near(ours.p_value, p),
            "{ours:?}, SciPy {difference} {low} {high} {p}"
        );
    }

    #[test]
    fn holm_is_the_reference_s() {
        let cases = golden().holm;
        assert!(cases.len() >= 20);
        for case in cases {
            let ours = holm(&case.p);
            assert!(ours.iter().zip(&case.adjusted).all(|(a, b)| near(*a, *b)), "{:?}: {ours:?}", case.p);
        }
    }

    #[test]
    fn quantiles_are_scipy_s() {
        for [df, level, t] in golden().quantiles {
            assert!(
                (t_quantile(df, level) / t - 1.0).abs() < 1e-8,
                "{df} {level}: {}",
                t_quantile(df, level)
            );
        }
    }

    #[test]
    fn contrasts_and_their_intervals_are_scipy_s() {
        for case in golden().contrasts {
            if let Some(expected) = case.paired {
                same(&paired(&case.a, &case.b, 0.95).unwrap(), expected);
            }
            same(&welch(&case.a, &case.b, 0.95).unwrap(), case.welch);
            same(&one_sample(&case.a, case.number, 0.95).unwrap(), case.one_sample);
            let (a, b) = (Summary::of(&case.a).unwrap(), Summary::of(&case.b).unwrap());
            same(&welch_of_summaries(&a, &b, 0.95).unwrap(), case.welch);
            same(&one_sample_of_summary(&a, case.number, 0.95).unwrap(), case.one_sample);
            let (ratio, p) = f_test(&case.a, &case.b).unwrap();
            assert!(near(ratio, case.f[0]) && near(p, case.f[1]), "{ratio} {p}, SciPy {:?}", case.f);
        }
    }

    /// The p value integrated from Student's density with four degrees of freedom, at t = 7.940441.
    #[test]
    fn spreads_of_pairs_are_compared_by_the_correlation_of_sum_and_difference() {
        let (wide, narrow) = ([1.0, 4.0, 2.5, 7.0, 3.0, 6.5], [2.0, 2.4, 2.9, 3.1, 2.2, 3.0]);
        let (ratio, p) = pitman_morgan(&wide, &narrow).unwrap();
        assert!((ratio - 25.943_396_226_4).abs() < 1e-9 && (p - 0.001_362_050_2).abs() < 1e-9, "{ratio} {p}");
        let (_, turned) = pitman_morgan(&narrow, &wide).unwrap();
        assert!((p - turned).abs() < 1e-12);
        // Shifted by a number, all spread lies in the sum: the difference tells nothing.
        assert_eq!(pitman_morgan(&wide, &wide.map(|x| x + 1.0)), None);
        assert_eq!(pitman_morgan(&[1.0, 2.0], &[2.0, 4.0]), None);
        // As scores are: the differences of 0.1 are off by roundings, which correlate with anything.
        let (one, two) = ([81.37, 79.9, 80.44, 82.03, 80.71], [81.47, 80.0, 80.54, 82.13, 80.81]);
        assert_eq!(pitman_morgan(&one, &two), None);
    }

    #[test]
    fn too_few_values_give_no_contrast_and_constant_ones_an_exact_one() {
        assert_eq!(paired(&[1.0], &[2.0], 0.95), None);
        assert_eq!(welch(&[1.0, 2.0], &[1.0], 0.95), None);
        assert_eq!(one_sample(&[1.0], 1.0, 0.95), None);
        assert_eq!(paired(&[1.0, 2.0], &[0.5, 1.5], 0.95), None);
        let same = paired(&[1.0, 2.0, 4.0], &[0.5, 1.5, 3.5], 0.95).unwrap();
        assert_eq!((same.low, same.high, same.p_value), (0.5, 0.5, 0.0));
        assert_eq!(one_sample(&[3.0, 3.0, 3.0], 3.0, 0.95).unwrap().p_value, 1.0);
        // A difference of nought with spread has an interval like any other.
        let zero = paired(&[1.0, 2.0, 3.0], &[2.0, 1.0, 3.0], 0.95).unwrap();
        assert!(zero.difference == 0.0 && zero.low < -2.0 && (zero.low + zero.high).abs() < 1e-12);
        assert_eq!(f_test(&[1.0, 1.0], &[2.0, 2.0]), None);
        assert_eq!(f_test(&[1.0, 1.0], &[2.0, 3.0]), None);
        // The mean of three such values is off by a rounding, and so their variance is 1.9e-29.
        let (same, others) = ([28.65; 3], [28.1, 28.9, 28.4]);
        assert!(Summary::of(&same).unwrap().sd.unwrap() > 0.0);
        assert_eq!((f_test(&same, &others), f_test(&others, &same)), (None, None));
    }

    proptest! {
        #[test]
        fn holm_keeps_order_and_never_lowers(p in proptest::collection::vec(0.0f64..=1.0, 0..30)) {
            let adjusted = holm(&p);
            prop_assert_eq!(adjusted.len(), p.len());
            for i in 0..p.len() {
                prop_assert!(adjusted[i] >= p[i] && adjusted[i] <= 1.0);
                // Bonferroni is never below.
                prop_assert!(adjusted[i] <= (p[i] * p.len() as f64).min(1.0) + 1e-15);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j] || p[i] == p[j]);
                }
            }
        }

        #[test]
        fn an_interval_holds_nought_just_when_p_is_above_its_level(
            a in proptest::collection::vec(0.0f64..1.0, 3..8), shift in -1.0f64..1.0, level in 0.5f64..0.999,
        ) {
            let b: Vec<f64> = a.iter().enumerate().map(|(i, x)| x * 0.5 + shift + 0.01 * i as f64).collect();
            for contrast in [paired(&a, &b, level), welch(&a, &b, level)].into_iter().flatten() {
                prop_assume!((contrast.p_value - (1.0 - level)).abs() > 1e-6);
                let holds = contrast.low <= 0.0 && 0.0 <= contrast.high;
                prop_assert_eq!(holds, contrast.p_value > 1.0 - level, "{:?}", contrast);
            }
        }

        #[test]
        fn swapping_the_sides_turns_the_sign(a in proptest::collection::vec(0.0f64..1.0, 3..6), b in proptest::collection::vec(0.0f64..1.0, 3..6)) {
            let (one, two) = (welch(&a, &b, 0.95), welch(&b, &a, 0.95));
            if let (Some(one), Some(two)) = (one, two) {
                prop_assert!((one.low + two.high).abs() < 1e-12 && (one.p_value - two.p_value).abs() < 1e-12);
            }
            if let (Some((_, p)), Some((_, q))) = (f_test(&a, &b), f_test(&b, &a)) {
                prop_assert!((p - q).abs() < 1e-9);
            }
        }
    }
}
