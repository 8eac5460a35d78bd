//! Learning-rate schedules at their corners, and from configuration text.
#![allow(clippy::unwrap_used)]

use medner_core::CoreError;
use medner_core::schedule::{Schedule, layer_decay};

fn factors(schedule: &Schedule, steps: &[u64]) -> Vec<f64> {
    schedule.check().unwrap();
    // Rounded, so that the expected values can be written down.
    steps.iter().map(|&s| (schedule.factor(s) * 1e9).round() / 1e9).collect()
}

#[test]
fn corners() {
    assert_eq!(factors(&Schedule::Constant, &[0, 1_000_000]), [1.0, 1.0]);
    let linear = Schedule::Linear { total: 10, end: 0.2 };
    assert_eq!(factors(&linear, &[0, 5, 10, 11]), [1.0, 0.6, 0.2, 0.2]);
    let warm = Schedule::WarmupLinear { warmup: 4, total: 12, end: 0.0 };
    assert_eq!(factors(&warm, &[0, 1, 3, 4, 8, 12, 99]), [0.25, 0.5, 1.0, 1.0, 0.5, 0.0, 0.0]);
    let cosine = Schedule::Cosine { warmup: 2, total: 10, end: 0.1 };
    let quarter = 0.1 + 0.9 * (1.0 + 0.5_f64.sqrt()) / 2.0;
    assert_eq!(
        factors(&cosine, &[0, 1, 2, 4, 6, 10, 50]),
        [0.5, 1.0, 1.0, (quarter * 1e9).round() / 1e9, 0.55, 0.1, 0.1]
    );
    let inverse = Schedule::InverseSqrt { warmup: 4 };
    assert_eq!(factors(&inverse, &[0, 3, 15, 63]), [0.25, 1.0, 0.5, 0.25]);
    let stairs = Schedule::Step { every: 3, gamma: 0.5 };
    assert_eq!(factors(&stairs, &[0, 2, 3, 5, 6]), [1.0, 1.0, 0.5, 0.5, 0.25]);
    let time = Schedule::InverseTime { rate: 0.5, every: 2 };
    assert_eq!(factors(&time, &[0, 1, 2, 4]), [1.0, 1.0, 0.666_666_667, 0.5]);
}

#[test]
fn no_schedule_jumps_at_the_end_of_its_rise() {
    for schedule in [
        Schedule::WarmupLinear { warmup: 100, total: 1000, end: 0.0 },
        Schedule::Cosine { warmup: 100, total: 1000, end: 0.0 },
        Schedule::InverseSqrt { warmup: 100 },
    ] {
        for step in 0..1000 {
            let (now, next) = (schedule.factor(step), schedule.factor(step + 1));
            assert!((now - next).abs() <= 0.0101, "{schedule:?} at {step}: {now}, {next}");
            assert!((0.0..=1.0).contains(&now));
        }
    }
}

#[test]
fn from_text_strictly() {
    let parse = |text: &str| serde_json::from_str::<Schedule>(text);
    assert_eq!(parse(r#"{"name": "constant"}"#).unwrap(), Schedule::Constant);
    let cosine = parse(r#"{"name": "cosine", "total": 10}"#).unwrap();
    assert_eq!(cosine, Schedule::Cosine { warmup: 0, total: 10, end: 0.0 });
    let text = serde_json::to_string(&cosine).unwrap();
    assert_eq!(parse(&text).unwrap(), cosine);
    assert!(parse(r#"{"name": "cosine", "total": 10, "warm": 1}"#).is_err());
    assert!(parse(r#"{"name": "sine"}"#).is_err());
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (schedule, expected) in [
        (Schedule::Linear { total: 0, end: 0.0 }, "total"),
        (Schedule::WarmupLinear { warmup: 5, total: 4, end: 0.0 }, "total"),
        (Schedule::Cosine { warmup: 0, total: 4, end: f64::NAN }, "end"),
        (Schedule::InverseSqrt { warmup: 0 }, "warmup"),
        (Schedule::Step { every: 0, gamma: 0.5 }, "every"),
        (Schedule::Step { every: 1, gamma: -0.5 }, "gamma"),
        (Schedule::InverseTime { rate: f64::INFINITY, every: 1 }, "rate"),
    ] {
        match schedule.check().unwrap_err() {
            CoreError::Config { key, .. } => assert_eq!(key, expected, "{schedule:?}"),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn lower_layers_learn_more_slowly() {
    let factors: Vec<f64> = (0..=3).map(|layer| layer_decay(layer, 3, 0.5)).collect();
    assert_eq!(factors, [0.125, 0.25, 0.5, 1.0]);
    assert_eq!(layer_decay(0, 12, 1.0), 1.0);
}
