//! Tests and numbers as sentences.

use super::evidence::Evidence;
use super::series::label;
use super::vocabulary::{FullSide, On, Scope, Side, Test};
use crate::audit::corpus::{is_count, is_of_all_types};
use crate::audit::prints::text;

/// `A 80.00 against B 80.80: -0.80 (-2.47 to 0.87), n = 3, p over seeds 0.530, over sentences 0.021`.
pub(super) fn numbers(evidence: &Evidence) -> String {
    let digits = digits(evidence);
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
    if !evidence.exact {
        if let (Some(low), Some(high)) = (evidence.low, evidence.high) {
            words = format!("{words} ({low:.digits$} to {high:.digits$})");
        }
        words = format!("{words}, n = {}", evidence.n);
    }
    let mut p = Vec::new();
    p.extend(evidence.p_seeds_holm.map(|p| format!("over {} {}", evidence.chance, p_text(p))));
    p.extend(evidence.p_units_holm.map(|p| format!("over sentences {}", p_text(p))));
    if !p.is_empty() {
        words = format!("{words}, p {}", p.join(", "));
    }
    for note in &evidence.notes {
        words = format!("{words} [{note}]");
    }
    words
}

/// Digits after the point: a scale of per cents has two, one of shares has four; counts have none.
pub(crate) fn digits(evidence: &Evidence) -> usize {
    let values = [evidence.mean, evidence.against_mean];
    if values.iter().all(|value| value.fract() == 0.0) && evidence.difference.fract() == 0.0 {
        0
    } else if values.iter().any(|value| value.abs() >= 2.0) {
        2
    } else {
        4
    }
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
    let scope = &of_sides(test, scope);
    let name = |side: &Side| label(side, scope);
    let names = |sides: &[Side]| sides.iter().map(|side| label(side, scope)).collect::<Vec<_>>().join(", ");
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
            return format!(
                "{} above {} on at least {} of {}; {}",
                name(&test.of),
                name(&test.over),
                test.at_least,
                places(&test.on),
                scope.metric
            );
        }
        Test::Across(test) => {
            let (of, over) = (name(&test.of), name(&test.over));
            let is_curve = |side: &Side| matches!(side, Side::Full(side) if side.curve.is_some());
            // A point of a curve says itself what it is.
            let metric = if is_curve(&test.of) { String::new() } else { format!("; {}", scope.metric) };
            return format!("{of} above {over} in the mean over {}{metric}", places(&test.on));
        }
        Test::SteadierGains(test) => {
            return format!(
                "what {} gains on {} differs less than what {} does between {}; {}",
                name(&test.of),
                name(&test.over),
                name(&test.than),
                places(&test.on),
                scope.metric
            );
        }
        Test::All(tests) => {
            return tests.iter().map(|test| words(test, scope)).collect::<Vec<_>>().join("; ");
        }
        Test::Untestable(_) => return String::new(),
    };
    format!("{inner}: {}", what(scope))
}

/// So many data sets are named one by one.
const MOST_NAMED: usize = 10;

/// `2: MSRA, WeiboNER`; of many the first and the last.
fn places(on: &[On]) -> String {
    let names: Vec<String> = on
        .iter()
        .map(|on| match on {
            On::Dataset(dataset) => dataset.clone(),
            On::Task { dataset, task } => format!("{dataset} {task}"),
        })
        .collect();
    match &names[..] {
        [first, .., last] if names.len() > MOST_NAMED => {
            format!("{}: {first} to {last}", names.len())
        }
        _ => format!("{}: {}", names.len(), names.join(", ")),
    }
}

/// What a comparison is of: `f1 of ner on MSRA`, `sentences of MSRA`.
fn what(Scope { metric, task, dataset, .. }: &Scope) -> String {
    // No entity type: a count of the whole data set.
    if ["all", "sum", "total"].contains(&task.as_str()) || (is_count(metric) && is_of_all_types(task)) {
        return format!("{metric} of {dataset}");
    }
    format!("{metric} of {task} on {dataset}")
}

/// The scope of a single comparison: where all its sides name one data set, task or metric in place of the claim's, the
/// sentence is about that one.
fn of_sides(test: &Test, scope: &Scope) -> Scope {
    if matches!(test, Test::All(_)) {
        return scope.clone();
    }
    let sides = test.sides();
    let named = sides.iter().filter(|side| !matches!(side, Side::Number(_)));
    let full: Vec<Option<&FullSide>> = named
        .map(|side| match side {
            Side::Full(side) => Some(&**side),
            _ => None,
        })
        .collect();
    let common = |of: fn(&FullSide) -> &Option<String>, given: &str| -> String {
        let mut own = full.iter().map(|side| side.and_then(|side| of(side).as_deref()));
        let first = own.next().flatten().filter(|first| own.all(|other| other == Some(*first)));
        first.unwrap_or(given).to_owned()
    };
    Scope {
        dataset: common(|side| &side.dataset, &scope.dataset),
        task: common(|side| &side.task, &scope.task),
        metric: common(|side| &side.metric, &scope.metric),
        ..scope.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::claims::vocabulary::{Higher, Near};

    fn scope() -> Scope {
        let own = |text: &str| text.to_owned();
        Scope {
            table: own("table2"),
            dataset: own("MSRA"),
            task: own("ner"),
            metric: own("f1"),
            ..Scope::default()
        }
    }

    fn side(text: &str) -> Side {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_sentence_is_about_what_its_sides_name() {
        let near = |text: &str| Test::Near(Near { side: side(text), value: 46_400.0, tolerance: None });
        let counts = near(r#"{"system": "train", "metric": "sentences"}"#);
        assert_eq!(words(&counts, &scope()), "train near 46400: sentences of MSRA");
        let of_type = near(r#"{"system": "train", "metric": "entities", "task": "drug"}"#);
        assert_eq!(words(&of_type, &scope()), "train near 46400: entities of drug on MSRA");
        let higher = |a: &str, b: &str| Test::Higher(Higher { side: side(a), than: vec![side(b)] });
        let both = higher(r#"{"system": "A", "dataset": "W"}"#, r#"{"system": "B", "dataset": "W"}"#);
        assert_eq!(words(&both, &scope()), "A above B: f1 of ner on W");
        let one = higher(r#"{"system": "A", "dataset": "W"}"#, r#""B""#);
        assert_eq!(words(&one, &scope()), "A (W) above B: f1 of ner on MSRA");
        let all = Test::All(vec![counts, one]);
        assert_eq!(
            words(&all, &scope()),
            "train near 46400: sentences of MSRA; A (W) above B: f1 of ner on MSRA"
        );
    }
}
