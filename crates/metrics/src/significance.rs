//! How far a micro F1, or the difference of two, could be chance: resampling of units (sentences or records).
//!
//! - [`bootstrap_f1`]: percentile interval (Efron and Tibshirani 1993, chapter 13). Each replicate draws as many units as
//!   there are, with replacement, and scores their summed counts.
//! - [`randomisation_f1`]: paired approximate randomisation (Noreen 1989; Yeh 2000). If two systems were the same, the two
//!   outputs of a unit could change places. Each replicate swaps each unit's outputs with probability 1/2; the two-sided
//!   p value is (r + 1) / (R + 1), where r of R replicates differ at least as much as the two systems do.
//!
//! Units must be independent of each other: resample records where a record's sentences repeat each other.
//!
//! Results depend on the seed and nothing else: replicate k draws from the ChaCha8 stream number k of the seed, so that
//! the number of threads and their timing change nothing. Seeds' spread is in [`crate::seeds`].

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::entity::same_units;
use crate::error::{MetricsError, Result};
use crate::scores::Counts;

/// Replicates that give a p value or an interval end to about the second digit.
pub const DEFAULT_REPLICATES: usize = 10_000;

/// Two mathematically equal differences of F1 may come out this far apart.
const ROUNDING: f64 = 1e-12;

/// A bootstrap interval for micro F1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Micro F1 of the units as they are, from 0 to 1.
    pub f1: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Share of the replicates between the ends, for example 0.95.
    pub level: f64,
    /// Number of replicates.
    pub replicates: usize,
}

/// The outcome of a paired randomisation test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Randomisation {
    /// Micro F1 of the first system minus that of the second.
    pub difference: f64,
    /// Two-sided p value, (r + 1) / (R + 1); never 0.
    pub p_value: f64,
    /// R, the number of replicates.
    pub replicates: usize,
}

/// Percentile bootstrap interval of micro F1 over units.
///
/// `level` lies between 0 and 1. The ends are the quantiles (1 - level)/2 and (1 + level)/2 of the replicates, with linear
/// interpolation between neighbours (NumPy's default, type 7 of Hyndman and Fan).
///
/// Errors: no units; a level outside 0..1; no replicates.
pub fn bootstrap_f1(units: &[Counts], level: f64, replicates: usize, seed: u64) -> Result<Interval> {
    at_least_one("a bootstrap interval", units.len())?;
    check_replicates(replicates)?;
    if !(level > 0.0 && level < 1.0) {
        return Err(MetricsError::Parameter {
            name: "level",
            expected: "between 0 and 1, for example 0.95",
            found: level.to_string(),
        });
    }
    let mut scores: Vec<f64> = (0..replicates)
        .into_par_iter()
        .map(|replicate| {
            let mut rng = stream(seed, replicate);
            (0..units.len()).map(|_| units[below(&mut rng, units.len())]).sum::<Counts>().f1()
        })
        .collect();
    scores.sort_by(f64::total_cmp);
    Ok(Interval {
        f1: units.iter().sum::<Counts>().f1(),
        low: quantile(&scores, (1.0 - level) / 2.0),
        high: quantile(&scores, f64::midpoint(1.0, level)),
        level,
        replicates,
    })
}

/// Paired approximate randomisation of two systems' micro F1 over the same units, two-sided.
///
/// `first[i]` and `second[i]` are the counts of the two systems on unit i, so their gold counts must agree.
///
/// Errors: another number of units; another gold count somewhere; no units; no replicates.
pub fn randomisation_f1(
    first: &[Counts],
    second: &[Counts],
    replicates: usize,
    seed: u64,
) -> Result<Randomisation> {
    same_units(first.len(), second.len())?;
    at_least_one("a randomisation test", first.len())?;
    check_replicates(replicates)?;
    if let Some(unit) = first.iter().zip(second).position(|(a, b)| a.gold != b.gold) {
        return Err(MetricsError::GoldDiffers { unit, first: first[unit].gold, second: second[unit].gold });
    }
    // A unit on which the systems tie is the same after a swap.
    let differing: Vec<(Counts, Counts)> =
        first.iter().zip(second).filter(|(a, b)| a != b).map(|(&a, &b)| (a, b)).collect();
    let tied: Counts = first.iter().zip(second).filter(|(a, b)| a == b).map(|(&a, _)| a).sum();
    let difference = first.iter().sum::<Counts>().f1() - second.iter().sum::<Counts>().f1();
    let observed = difference.abs() - ROUNDING;
    let extreme = (0..replicates)
        .into_par_iter()
        .filter(|&replicate| {
            let mut rng = stream(seed, replicate);
            let (mut one, mut other) = (tied, tied);
            for chunk in differing.chunks(64) {
                let mut bits = rng.next_u64();
                for &(a, b) in chunk {
                    let (a, b) = if bits & 1 == 0 { (a, b) } else { (b, a) };
                    one += a;
                    other += b;
                    bits >>= 1;
                }
            }
            (one.f1() - other.f1()).abs() >= observed
        })
        .count();
    Ok(Randomisation { difference, p_value: (extreme + 1) as f64 / (replicates + 1) as f64, replicates })
}

fn at_least_one(what: &'static str, found: usize) -> Result<()> {
    if found == 0 {
        return Err(MetricsError::TooFew { what, needed: 1, found });
    }
    Ok(())
}

fn check_replicates(replicates: usize) -> Result<()> {
    if replicates == 0 {
        return Err(MetricsError::Parameter {
            name: "replicates",
            expected: "at least 1, usually 10000",
            found: "0".to_owned(),
        });
    }
    Ok(())
}

/// The random numbers of one replicate.
fn stream(seed: u64, replicate: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(replicate as u64);
    rng
}

/// A number below n, by multiplication and shift: its bias is under n / 2^64, and no library version can change it.
fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// Quantile of sorted values with linear interpolation.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (place - low as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn units(n: usize, seed: u64) -> Vec<Counts> {
        let mut rng = stream(seed, 0);
        (0..n)
            .map(|_| {
                let gold = below(&mut rng, 6);
                let correct = below(&mut rng, gold + 1);
                Counts::new(gold, correct + below(&mut rng, 3), correct)
            })
            .collect()
    }

    /// Another system on the same gold units.
    fn rival(units: &[Counts], seed: u64) -> Vec<Counts> {
        let mut rng = stream(seed, 1);
        units
            .iter()
            .map(|u| {
                let correct = below(&mut rng, u.gold + 1);
                Counts::new(u.gold, correct + below(&mut rng, 2), correct)
            })
            .collect()
    }

    /// All 2^n swaps, which the replicates only sample.
    fn exact_p(first: &[Counts], second: &[Counts]) -> f64 {
        let f1 = |units: &mut dyn Iterator<Item = Counts>| units.sum::<Counts>().f1();
        let statistic = |swaps: usize| {
            let side = |flip: usize| {
                let mut units =
                    (0..first.len()).map(|i| if (swaps >> i) & 1 == flip { first[i] } else { second[i] });
                f1(&mut units)
            };
            (side(0) - side(1)).abs()
        };
        let observed = statistic(0) - ROUNDING;
        let total = 1_usize << first.len();
        (0..total).filter(|&swaps| statistic(swaps) >= observed).count() as f64 / total as f64
    }

    #[test]
    fn randomisation_samples_the_exact_test() {
        for seed in 0..12 {
            let first = units(11, seed);
            let second = rival(&first, seed);
            let exact = exact_p(&first, &second);
            let test = randomisation_f1(&first, &second, 20_000, seed).unwrap();
            // Standard error at most 0.0036; four of them.
            assert!((test.p_value - exact).abs() < 0.015, "seed {seed}: {} for {exact}", test.p_value);
        }
    }

    #[test]
    fn more_than_64_units_use_fresh_bits() {
        // 200 units, each for one system only: under the null, the difference is a fair walk of 200 steps.
        let first: Vec<Counts> = (0..200).map(|i| Counts::new(1, 1, usize::from(i < 114))).collect();
        let second: Vec<Counts> = (0..200).map(|i| Counts::new(1, 1, usize::from(i >= 114))).collect();
        let test = randomisation_f1(&first, &second, 20_000, 5).unwrap();
        // Exact: P(|X - 100| >= 14) for X binomial(200, 1/2) = 0.0560.
        assert!((test.p_value - 0.0560).abs() < 0.007, "{}", test.p_value);
        assert!((test.difference - 0.14).abs() < 1e-12);
    }

    #[test]
    fn equal_systems_have_p_one_and_unequal_ones_never_zero() {
        let first = units(40, 1);
        assert_eq!(randomisation_f1(&first, &first, 99, 1).unwrap().p_value, 1.0);
        let perfect: Vec<Counts> = first.iter().map(|u| Counts::new(u.gold, u.gold, u.gold)).collect();
        let nothing: Vec<Counts> = first.iter().map(|u| Counts::new(u.gold, 0, 0)).collect();
        let test = randomisation_f1(&perfect, &nothing, 99, 1).unwrap();
        assert_eq!((test.difference, test.p_value), (1.0, 0.01));
    }

    #[test]
    fn swapping_the_systems_changes_the_sign_only() {
        let first = units(30, 2);
        let second = rival(&first, 2);
        let (ab, ba) = (
            randomisation_f1(&first, &second, 500, 3).unwrap(),
            randomisation_f1(&second, &first, 500, 3).unwrap(),
        );
        assert_eq!((ab.difference, ab.p_value), (-ba.difference, ba.p_value));
    }

    /// With three units all 27 resamples can be listed; the interval must be that of the list.
    #[test]
    fn bootstrap_samples_the_exact_distribution() {
        let three = [Counts::new(4, 4, 4), Counts::new(4, 4, 2), Counts::new(4, 4, 0)];
        let mut all: Vec<f64> = (0..27)
            .map(|code| [code % 3, code / 3 % 3, code / 9].iter().map(|&i| three[i]).sum::<Counts>().f1())
            .collect();
        all.sort_by(f64::total_cmp);
        // Levels whose quantiles lie inside steps of the exact distribution (1 3 6 7 6 3 1 of 27).
        for level in [0.95, 0.8, 0.4] {
            let interval = bootstrap_f1(&three, level, 30_000, 9).unwrap();
            assert_eq!(interval.low, all[((1.0 - level) / 2.0 * 27.0) as usize], "{level}");
            assert_eq!(interval.high, all[(f64::midpoint(1.0, level) * 27.0) as usize], "{level}");
            assert_eq!(interval.f1, 0.5);
        }
    }

    #[test]
    fn threads_change_nothing_and_seeds_do() {
        let first = units(50, 4);
        let second = rival(&first, 4);
        let run = |threads, seed| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
                (
                    bootstrap_f1(&first, 0.9, 999, seed).unwrap(),
                    randomisation_f1(&first, &second, 999, seed).unwrap(),
                )
            })
        };
        assert_eq!(run(1, 7), run(3, 7));
        assert_ne!(run(1, 7).0, run(1, 8).0);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.0), 1.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.25), 1.5);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), 4.0);
        assert_eq!(quantile(&[3.0], 0.3), 3.0);
    }

    #[test]
    fn bad_input_is_refused() {
        let one = [Counts::new(1, 1, 1)];
        assert!(matches!(bootstrap_f1(&[], 0.95, 10, 0), Err(MetricsError::TooFew { .. })));
        for level in [0.0, 1.0, 95.0, f64::NAN] {
            assert!(matches!(bootstrap_f1(&one, level, 10, 0), Err(MetricsError::Parameter { .. })));
        }
        assert!(matches!(bootstrap_f1(&one, 0.9, 0, 0), Err(MetricsError::Parameter { .. })));
        assert!(matches!(randomisation_f1(&one, &[], 10, 0), Err(MetricsError::UnitCount { .. })));
        let other = [Counts::new(2, 1, 1)];
        let error = randomisation_f1(&one, &other, 10, 0).unwrap_err();
        assert_eq!(error, MetricsError::GoldDiffers { unit: 0, first: 1, second: 2 });
    }
}
