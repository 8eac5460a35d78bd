//! t-tests and the bootstrap interval against SciPy 1.17.1 (`tools/golden/metrics_statistics.py`).
#![allow(clippy::unwrap_used)]

use medner_metrics::{Counts, Summary, TTest, bootstrap_f1, t_test_one_sample, t_test_paired, t_test_welch};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    t_tests: Vec<Case>,
    bootstrap: Bootstrap,
}

/// Tests are (t, degrees of freedom, two-sided p).
#[derive(Deserialize)]
struct Case {
    a: Vec<f64>,
    b: Vec<f64>,
    mean: Option<f64>,
    mean_a: f64,
    sd_a: f64,
    one_sample: Option<[f64; 3]>,
    paired: Option<[f64; 3]>,
    welch: [f64; 3],
}

#[derive(Deserialize)]
struct Bootstrap {
    units: Vec<[usize; 3]>,
    f1: f64,
    low: f64,
    high: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/statistics.json")).unwrap()
}

fn same(what: &str, ours: TTest, [t, df, p]: [f64; 3]) {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1e-300);
    assert!(
        near(ours.t, t) && near(ours.df, df) && near(ours.p_value, p),
        "{what}: {ours:?}, SciPy {t} {df} {p}"
    );
}

#[test]
fn t_tests_are_scipy_s() {
    let cases = golden().t_tests;
    assert!(cases.len() > 25);
    for case in &cases {
        if let (Some(mean), Some(expected)) = (case.mean, case.one_sample) {
            same("one sample", t_test_one_sample(&case.a, mean).unwrap(), expected);
        }
        if let Some(expected) = case.paired {
            same("paired", t_test_paired(&case.a, &case.b).unwrap(), expected);
        }
        same("Welch", t_test_welch(&case.a, &case.b).unwrap(), case.welch);
        let summary = Summary::of(&case.a).unwrap();
        assert!((summary.mean - case.mean_a).abs() < 1e-12);
        assert!((summary.sd.unwrap() - case.sd_a).abs() <= 1e-12 * case.sd_a.max(1.0));
    }
}

/// Other random numbers, so the ends agree only within the resampling error (about 0.0005 at 20,000 replicates).
#[test]
fn bootstrap_interval_is_near_scipy_s() {
    let expected = golden().bootstrap;
    let units: Vec<Counts> = expected.units.iter().map(|&[g, p, c]| Counts::new(g, p, c)).collect();
    let interval = bootstrap_f1(&units, 0.95, 20_000, 1).unwrap();
    assert!((interval.f1 - expected.f1).abs() < 1e-15);
    assert!((interval.low - expected.low).abs() < 0.0015, "{interval:?}, SciPy {}", expected.low);
    assert!((interval.high - expected.high).abs() < 0.0015, "{interval:?}, SciPy {}", expected.high);
    assert!(expected.high - expected.low > 0.03, "the tolerance must be small beside the interval");
}
