//! Tests and numbers as sentences.

use super::evidence::Evidence;
use super::series::label;
use super::vocabulary::{On, Scope, Side, Test};
use crate::audit::prints::text;

/// `A 80.00 against B 80.80: -0.80 (-2.47 to 0.87), n = 3, p over seeds 0.530, over sentences 0.021`.
pub(super) fn numbers(evidence: &Evidence) -> String {
    // A scale of per cents has two digits after the point, one of shares has four; counts have none.
    let values = [evidence.mean, evidence.against_mean];
    let digits = if values.iter().all(|value| value.fract() == 0.0) && evidence.difference.fract() == 0.0 {
        0
    } else if values.iter().any(|value| value.abs() >= 2.0) {
        2
    } else {
        4
    };
    // A number that stands for itself is its own label.
    let side = |label: &str, value: f64| match label.parse::<f64>() {
        Ok(_) => label.to_owned(),
        Err(_) => format!("{label} {value:.digits$}"),
    };
    let mut words = format!(
        "{} against {}: {:+.digits$}",
        side(&evidence.label, evidence.mean),
        side(&evidence.against, evidence.against_mean),
        evidence.difference
    );
    if let (Some(low), Some(high)) = (evidence.low, evidence.high) {
        words = format!("{words} ({low:.digits$} to {high:.digits$})");
    }
    words = format!("{words}, n = {}", evidence.n);
    let mut p = Vec::new();
    p.extend(evidence.p_seeds_holm.map(|p| format!("over seeds {}", p_text(p))));
    p.extend(evidence.p_units_holm.map(|p| format!("over sentences {}", p_text(p))));
    if !p.is_empty() {
        words = format!("{words}, p {}", p.join(", "));
    }
    for note in &evidence.notes {
        words = format!("{words} [{note}]");
    }
    words
}

/// A p value is never printed as 0, but where the values do not vary at all.
fn p_text(p: f64) -> String {
    if p == 0.0 {
        "0 (no spread)".to_owned()
    } else if p < 0.001 {
        "< 0.001".to_owned()
    } else {
        format!("{p:.3}")
    }
}

/// A test in words.
pub(super) fn words(test: &Test, scope: &Scope) -> String {
    let name = |side: &Side| label(side, scope);
    let names = |sides: &[Side]| sides.iter().map(|side| label(side, scope)).collect::<Vec<_>>().join(", ");
    let what = format!("{} of {} on {}", scope.metric, scope.task, scope.dataset);
    let inner = match test {
        Test::Near(test) => format!("{} near {}", name(&test.side), text(test.value)),
        Test::Equals(test) => format!("{} is {}", name(&test.side), text(test.value)),
        Test::Higher(test) => format!("{} above {}", name(&test.side), names(&test.than)),
        Test::Lower(test) => format!("{} below {}", name(&test.side), names(&test.than)),
        Test::Gain(test) => format!("{} above {} by {}", name(&test.of), name(&test.over), text(test.by)),
        Test::Best(test) => {
            let word = if test.lowest { "lowest" } else { "highest" };
            format!("{} {word} of it and {}", name(&test.side), names(&test.among))
        }
        Test::Order(test) => {
            let sides: Vec<String> = test.highest_first.iter().map(name).collect();
            sides.join(" above ")
        }
        Test::Equivalent(test) => {
            format!("{} within {} of {}", name(&test.one), text(test.within), name(&test.two))
        }
        Test::Steadier(test) => {
            format!("{} varies less over seeds than {}", name(&test.side), name(&test.than))
        }
        Test::Wins(test) => {
            let on: Vec<String> = test
                .on
                .iter()
                .map(|on| match on {
                    On::Dataset(dataset) => dataset.clone(),
                    On::Task { dataset, task } => format!("{dataset} {task}"),
                })
                .collect();
            return format!(
                "{} above {} on at least {} of {}: {}; {}",
                name(&test.of),
                name(&test.over),
                test.at_least,
                on.len(),
                on.join(", "),
                scope.metric
            );
        }
        Test::All(tests) => {
            return tests.iter().map(|test| words(test, scope)).collect::<Vec<_>>().join("; ");
        }
        Test::Untestable(_) => return String::new(),
    };
    format!("{inner}: {what}")
}
