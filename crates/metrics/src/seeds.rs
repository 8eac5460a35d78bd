//! Numbers over seeds: mean and spread, and t-tests against a published number or another system.
//!
//! Standard deviations are sample ones (n - 1). p values are two-sided, from the regularised incomplete beta function
//! rather than from 1 - cdf, so that small ones keep their digits: p = I(df / (df + t^2); df/2, 1/2).

use serde::{Deserialize, Serialize};
use statrs::function::beta::beta_reg;

use crate::error::{MetricsError, Result};

/// What a table shows of a score over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of values.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation (n - 1); none for a single value.
    pub sd: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

/// The outcome of a t-test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TTest {
    /// Mean minus the hypothetical mean, or mean of the first minus mean of the second.
    pub difference: f64,
    /// t statistic.
    pub t: f64,
    /// Degrees of freedom; Welch's are no whole number.
    pub df: f64,
    /// Two-sided p value.
    pub p_value: f64,
}

impl Summary {
    /// Summarises values.
    ///
    /// Errors: no values; NaN or infinity among them.
    pub fn of(values: &[f64]) -> Result<Self> {
        at_least(1, "a summary", values)?;
        let (mean, variance) = moments(values);
        Ok(Self {
            n: values.len(),
            mean,
            sd: variance.map(f64::sqrt),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}

/// One-sample t-test: could values of mean `mean` (a published number, say) give these?
///
/// It takes the published number as exact, which a single published run is not.
///
/// Errors: fewer than two values; values that do not vary; NaN or infinity.
pub fn t_test_one_sample(values: &[f64], mean: f64) -> Result<TTest> {
    const WHAT: &str = "a one-sample t-test";
    at_least(2, WHAT, values)?;
    finite(&[mean])?;
    let (ours, variance) = spread(WHAT, values, mean.abs())?;
    let n = values.len() as f64;
    Ok(test(ours - mean, (variance / n).sqrt(), n - 1.0))
}

/// Paired t-test of two systems run with the same seeds on the same splits: `first[i]` belongs to `second[i]`.
///
/// Errors: lists of different lengths; fewer than two pairs; differences that do not vary; NaN or infinity.
pub fn t_test_paired(first: &[f64], second: &[f64]) -> Result<TTest> {
    const WHAT: &str = "a paired t-test";
    if first.len() != second.len() {
        return Err(MetricsError::Parameter {
            name: "the second list",
            expected: "as long as the first: one pair for each seed",
            found: format!("{} values for {}", second.len(), first.len()),
        });
    }
    at_least(2, WHAT, first)?;
    finite(second)?;
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    let (difference, variance) = spread(WHAT, &differences, largest(first).max(largest(second)))?;
    let n = differences.len() as f64;
    Ok(test(difference, (variance / n).sqrt(), n - 1.0))
}

/// Welch's t-test of two independent systems, whose variances and numbers of seeds may differ.
///
/// Degrees of freedom after Welch and Satterthwaite.
///
/// Errors: fewer than two values on a side; no variation on both sides; NaN or infinity.
pub fn t_test_welch(first: &[f64], second: &[f64]) -> Result<TTest> {
    const WHAT: &str = "Welch's t-test";
    at_least(2, WHAT, first)?;
    at_least(2, WHAT, second)?;
    let (n, m) = (first.len() as f64, second.len() as f64);
    let ((mean_first, v), (mean_second, w)) = (moments(first), moments(second));
    let (v, w) = (v.unwrap_or(0.0) / n, w.unwrap_or(0.0) / m);
    if flat(v + w, largest(first).max(largest(second))) {
        return Err(MetricsError::NoSpread { what: WHAT });
    }
    let df = (v + w).powi(2) / (v * v / (n - 1.0) + w * w / (m - 1.0));
    Ok(test(mean_first - mean_second, (v + w).sqrt(), df))
}

fn test(difference: f64, standard_error: f64, df: f64) -> TTest {
    let t = difference / standard_error;
    TTest { difference, t, df, p_value: beta_reg(df / 2.0, 0.5, df / (df + t * t)) }
}

/// Mean, and sample variance where there are two values or more.
fn moments(values: &[f64]) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, (values.len() > 1).then(|| squares / (n - 1.0)))
}

/// Mean and variance; an error where the values vary by no more than the rounding of numbers of size `scale`.
fn spread(what: &'static str, values: &[f64], scale: f64) -> Result<(f64, f64)> {
    match moments(values) {
        (mean, Some(variance)) if !flat(variance, scale.max(largest(values))) => Ok((mean, variance)),
        _ => Err(MetricsError::NoSpread { what }),
    }
}

fn flat(variance: f64, scale: f64) -> bool {
    variance.sqrt() <= 1e-14 * scale
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m, x| x.abs().max(m))
}

fn finite(values: &[f64]) -> Result<()> {
    match values.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(MetricsError::NotFinite { index, value: values[index] }),
        None => Ok(()),
    }
}

fn at_least(needed: usize, what: &'static str, values: &[f64]) -> Result<()> {
    finite(values)?;
    if values.len() < needed {
        return Err(MetricsError::TooFew { what, needed, found: values.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn summary_uses_the_sample_deviation() {
        let summary = Summary::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert_eq!((summary.n, summary.mean, summary.min, summary.max), (8, 5.0, 2.0, 9.0));
        assert!((summary.sd.unwrap() - (32.0_f64 / 7.0).sqrt()).abs() < 1e-15);
        let one = Summary::of(&[0.8]).unwrap();
        assert_eq!((one.mean, one.sd), (0.8, None));
        assert_eq!(serde_json::to_value(one).unwrap()["sd"], serde_json::Value::Null);
    }

    #[test]
    fn a_published_number_inside_the_spread_has_a_large_p() {
        // t = 1 with one degree of freedom: p is exactly 1/2 (Cauchy).
        let test = t_test_one_sample(&[0.0, 2.0], 0.0).unwrap();
        assert!((test.t - 1.0).abs() < 1e-15 && (test.p_value - 0.5).abs() < 1e-12, "{test:?}");
        assert_eq!(t_test_one_sample(&[1.0, 3.0], 2.0).unwrap().p_value, 1.0);
    }

    #[test]
    fn values_that_do_not_vary_are_refused() {
        let same = [0.1, 0.1, 0.1];
        assert!(matches!(t_test_one_sample(&same, 0.2), Err(MetricsError::NoSpread { .. })));
        // The differences are all 0.1 but for rounding.
        let shifted = [0.3, 0.4, 0.7];
        let base = [0.2, 0.3, 0.6];
        assert!(matches!(t_test_paired(&shifted, &base), Err(MetricsError::NoSpread { .. })));
        assert!(matches!(t_test_welch(&same, &same), Err(MetricsError::NoSpread { .. })));
        assert!(t_test_welch(&same, &base).is_ok());
    }

    #[test]
    fn bad_input_is_refused() {
        assert!(matches!(Summary::of(&[]), Err(MetricsError::TooFew { .. })));
        assert!(matches!(t_test_one_sample(&[1.0], 0.0), Err(MetricsError::TooFew { .. })));
        let error = Summary::of(&[1.0, f64::NAN]).unwrap_err();
        assert!(error.to_string().starts_with("value 1 is NaN"), "{error}");
        assert!(t_test_paired(&[1.0, 2.0], &[1.0]).is_err());
        assert!(t_test_paired(&[1.0, 2.0], &[1.0, f64::INFINITY]).is_err());
        assert!(t_test_welch(&[1.0, 2.0], &[1.0]).is_err());
    }
}
