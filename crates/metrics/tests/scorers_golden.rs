//! The scorers against seqeval 1.2.2 and against a second statement of conlleval, on 231 small corpora.
//! The numbers were made by `tools/golden/metrics_scorers.py`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use medner_metrics::{
    Counts, EntityReport, Scores, SeqevalMode, TagScheme, conlleval_report, seqeval_report, token_accuracy,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    scheme: TagScheme,
    gold: Vec<String>,
    predicted: Vec<String>,
    accuracy: f64,
    default: Numbers,
    strict: Option<Numbers>,
    conlleval: Conlleval,
    /// Per predicted sentence: (type, first token, last token).
    spans: Vec<Vec<(String, usize, usize)>>,
    strict_spans: Option<Vec<Vec<(String, usize, usize)>>>,
}

/// Scores are (precision, recall, F1); a type also has its number of gold entities.
#[derive(Deserialize)]
struct Numbers {
    micro: (f64, f64, f64),
    #[serde(rename = "macro")]
    macro_: (f64, f64, f64),
    weighted: (f64, f64, f64),
    types: BTreeMap<String, (f64, f64, f64, usize)>,
}

/// Counts are (gold, predicted, correct).
#[derive(Deserialize)]
struct Conlleval {
    counts: (usize, usize, usize),
    types: BTreeMap<String, (usize, usize, usize)>,
    tokens: (usize, usize),
    text: String,
}

fn cases() -> Vec<Case> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("golden/scorers.json")).unwrap();
    assert!(cases.len() > 200, "only {} cases", cases.len());
    cases
}

fn tags(sentences: &[String]) -> Vec<Vec<&str>> {
    sentences.iter().map(|s| s.split(' ').collect()).collect()
}

fn same(case: &str, what: &str, ours: Scores, (precision, recall, f1): (f64, f64, f64)) {
    let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
    assert!(
        near(ours.precision, precision) && near(ours.recall, recall) && near(ours.f1, f1),
        "{case}, {what}: {ours:?}, expected {precision} {recall} {f1}"
    );
}

fn same_report(case: &str, report: &EntityReport, expected: &Numbers) {
    same(case, "micro", report.micro_scores(), expected.micro);
    same(case, "macro", report.macro_scores(), expected.macro_);
    same(case, "weighted", report.weighted_scores(), expected.weighted);
    assert!(report.per_type.keys().eq(expected.types.keys()), "{case}: {:?}", report.per_type);
    for (label, counts) in &report.per_type {
        let (precision, recall, f1, support) = expected.types[label];
        same(case, label, counts.scores(), (precision, recall, f1));
        assert_eq!(counts.gold, support, "{case}, {label}");
    }
    assert_eq!(report.units.iter().sum::<Counts>(), report.micro, "{case}");
    assert_eq!(report.per_type.values().sum::<Counts>(), report.micro, "{case}");
}

fn same_spans(case: &Case, mode: SeqevalMode, expected: &[Vec<(String, usize, usize)>]) {
    for (tags, expected) in tags(&case.predicted).iter().zip(expected) {
        let ours: Vec<_> =
            mode.spans(tags).unwrap().into_iter().map(|s| (s.label, s.start, s.end - 1)).collect();
        assert_eq!(&ours, expected, "{}: {tags:?}", case.name);
    }
}

#[test]
fn seqeval_default_mode() {
    for case in cases() {
        let mode = SeqevalMode::Default;
        let report = seqeval_report(&tags(&case.gold), &tags(&case.predicted), mode).unwrap();
        same_report(&case.name, &report, &case.default);
        same_spans(&case, mode, &case.spans);
    }
}

#[test]
fn seqeval_strict_mode() {
    let mut refused = 0;
    for case in cases() {
        let mode = SeqevalMode::strict(case.scheme).unwrap();
        let report = seqeval_report(&tags(&case.gold), &tags(&case.predicted), mode);
        let Some(expected) = &case.strict else {
            assert!(report.is_err(), "{}: seqeval refuses these tags", case.name);
            refused += 1;
            continue;
        };
        same_report(&case.name, &report.unwrap(), expected);
        same_spans(&case, mode, case.strict_spans.as_ref().unwrap());
    }
    assert_eq!(refused, 2, "two cases hold a letter of another scheme");
}

#[test]
fn token_accuracy_is_seqeval_s() {
    for case in cases() {
        let ours = token_accuracy(&tags(&case.gold), &tags(&case.predicted)).unwrap();
        assert!((ours.accuracy() - case.accuracy).abs() < 1e-12, "{}", case.name);
    }
}

#[test]
fn conlleval_counts_and_text() {
    for case in cases() {
        let report = conlleval_report(&tags(&case.gold), &tags(&case.predicted)).unwrap();
        let counts = |(gold, predicted, correct)| Counts::new(gold, predicted, correct);
        let expected = &case.conlleval;
        assert_eq!(report.entities.micro, counts(expected.counts), "{}", case.name);
        let types = expected.types.iter().map(|(k, &c)| (k.clone(), counts(c))).collect::<BTreeMap<_, _>>();
        assert_eq!(report.entities.per_type, types, "{}", case.name);
        assert_eq!((report.tokens.correct, report.tokens.total), expected.tokens, "{}", case.name);
        assert_eq!(report.to_string(), expected.text, "{}", case.name);
    }
}
