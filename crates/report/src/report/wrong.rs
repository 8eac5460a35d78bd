//! `medner score GOLD PRED --errors FILE`: every sentence that a prediction gets wrong, annotation and prediction side by
//! side in their text, by kind of error and type.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use medner_metrics::{ErrorKind, Span, error_report};
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;

use super::html;

/// A sentence or record with both sides' mentions.
#[derive(Clone, Debug)]
pub struct Unit<'a> {
    /// `test.conll:118`
    pub place: String,
    /// Tokens, or the characters of a text.
    pub tokens: Vec<&'a str>,
    /// Mentions over them.
    pub gold: &'a [Span],
    pub predicted: &'a [Span],
}

/// A unit that is not right.
#[derive(Debug, PartialEq, Serialize)]
struct Wrong {
    place: String,
    kinds: Vec<String>,
    types: Vec<String>,
    gold: Vec<Stretch>,
    predicted: Vec<Stretch>,
}

/// A stretch of text under the same mentions.
#[derive(Debug, PartialEq, Serialize)]
struct Stretch {
    text: String,
    /// `""` outside, `right`, or `wrong`.
    look: &'static str,
    /// The types of the mentions that end here.
    labels: Vec<String>,
}

/// The page. `title` says which files were compared.
///
/// # Errors
/// Mentions that do not lie in their unit.
pub fn page(title: &str, units: &[Unit<'_>]) -> Result<String> {
    let report = error_report(
        &units.iter().map(|unit| unit.gold).collect::<Vec<_>>(),
        &units.iter().map(|unit| unit.predicted).collect::<Vec<_>>(),
    )?;
    let mut errors: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for example in report.examples.iter().filter(|example| example.kind != ErrorKind::Correct) {
        errors.entry(example.unit).or_default().push(example);
    }
    let mut types = BTreeSet::new();
    let wrong: Vec<Wrong> = errors
        .iter()
        .map(|(unit, errors)| {
            let unit = &units[*unit];
            let kinds: BTreeSet<ErrorKind> = errors.iter().map(|error| error.kind).collect();
            let spans = errors.iter().flat_map(|error| error.gold.iter().chain(&error.predicted));
            let own: BTreeSet<String> = spans.map(|span| span.label.clone()).collect();
            types.extend(own.iter().cloned());
            let bad = |pick: fn(&medner_metrics::ErrorExample) -> Option<&Span>| -> Vec<&Span> {
                errors.iter().filter_map(|error| pick(error)).collect()
            };
            Wrong {
                place: unit.place.clone(),
                kinds: kinds.into_iter().map(|kind| kind.name().to_owned()).collect(),
                types: own.into_iter().collect(),
                gold: stretches(&unit.tokens, unit.gold, &bad(|error| error.gold.as_ref())),
                predicted: stretches(&unit.tokens, unit.predicted, &bad(|error| error.predicted.as_ref())),
            }
        })
        .collect();
    let kinds: Vec<(&str, usize)> = ErrorKind::ALL
        .into_iter()
        .filter(|kind| *kind != ErrorKind::Correct && report.count(*kind) > 0)
        .map(|kind| (kind.name(), report.count(kind)))
        .collect();
    html::render(
        "wrong.html",
        context! {
            title => title,
            units => units.len(),
            correct => report.count(ErrorKind::Correct),
            wrong => Serde(&wrong),
            kinds => Serde(&kinds),
            types => Serde(&types),
        },
    )
}

/// The text cut where a mention begins or ends.
fn stretches(tokens: &[&str], spans: &[Span], bad: &[&Span]) -> Vec<Stretch> {
    let gap = if tokens.iter().all(|token| token.chars().count() <= 1) { "" } else { " " };
    let mut cuts: BTreeSet<usize> = BTreeSet::from([0, tokens.len()]);
    for span in spans {
        cuts.extend([span.start.min(tokens.len()), span.end.min(tokens.len())]);
    }
    let cuts: Vec<usize> = cuts.into_iter().collect();
    cuts.windows(2)
        .map(|ends| {
            let (start, end) = (ends[0], ends[1]);
            let over: Vec<&Span> = spans.iter().filter(|s| s.start <= start && s.end >= end).collect();
            let look = match over.as_slice() {
                [] => "",
                over if over.iter().any(|span| bad.contains(span)) => "wrong",
                _ => "right",
            };
            let labels = over.iter().filter(|span| span.end == end).map(|span| span.label.clone());
            let mut text = tokens[start..end].join(gap);
            if end < tokens.len() {
                text.push_str(gap);
            }
            Stretch { text, look, labels: labels.collect() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn mentions_are_marked_where_they_stand() {
        let tokens = ["good", "morning", "<dear>", "friend"];
        let (right, long) = (Span::new(3, 4, "person"), Span::new(0, 2, "greeting"));
        let short = Span::new(1, 2, "greeting");
        let gold = [long.clone(), right.clone()];
        let predicted = [short.clone(), right.clone()];
        let shown = |spans: &[Span], bad: &Span| -> Vec<(String, &str, String)> {
            let stretches = stretches(&tokens, spans, &[bad]);
            stretches.into_iter().map(|s| (s.text, s.look, s.labels.join(" "))).collect()
        };
        let text = |text: &str, look, labels: &str| (text.to_owned(), look, labels.to_owned());
        assert_eq!(
            shown(&gold, &long),
            [
                text("good morning ", "wrong", "greeting"),
                text("<dear> ", "", ""),
                text("friend", "right", "person")
            ]
        );
        assert_eq!(
            shown(&predicted, &short)[..2],
            [text("good ", "", ""), text("morning ", "wrong", "greeting")]
        );
        let unit = Unit { place: "a:1".into(), tokens: tokens.into(), gold: &gold, predicted: &predicted };
        let same = Unit { predicted: &gold, ..unit.clone() };
        let page = page("gold against predicted", &[unit, same]).unwrap();
        assert_eq!(page.matches("<article").count(), 1, "what is right is not listed");
        assert!(page.contains("too short on the left") && page.contains("&lt;dear&gt;"), "{page}");
    }

    #[test]
    fn nested_mentions_keep_their_text_once() {
        let tokens: Vec<&str> = "胃癌根治术".split("").filter(|c| !c.is_empty()).collect();
        let spans = [Span::new(0, 5, "operation"), Span::new(0, 2, "disease")];
        let stretches = stretches(&tokens, &spans, &[]);
        let text: String = stretches.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(text, "胃癌根治术");
        assert_eq!(stretches[0].labels, ["disease"]);
        assert_eq!(stretches[1].labels, ["operation"]);
    }
}
