//! What kind of error each mention is: the listing behind a paper's table of error samples.
//!
//! Within a unit, gold and predicted mentions are paired one to one, in three rounds:
//! 1. equal bounds and label: [`ErrorKind::Correct`];
//! 2. equal bounds, another label: [`ErrorKind::Type`];
//! 3. of what is left, the two that share the most tokens, again and again while any two overlap. Ties: the shorter
//!    stretch that the two cover together, then equal labels, then the earlier gold mention, then the earlier prediction.
//!
//! A pair of the third round is a boundary error, named by how the prediction lies to the gold mention. What is left alone
//! overlaps nothing ([`ErrorKind::Missed`], [`ErrorKind::Spurious`]) or only mentions that already have a partner
//! ([`ErrorKind::Absorbed`], [`ErrorKind::Fragment`]). So every distinct mention stands in exactly one row, and the rows
//! that are correct are exactly those the strict scorer counts.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::confusion::pair_same_bounds;
use crate::entity::same_units;
use crate::error::Result;
use crate::span::Span;

/// The kinds, in the order in which tables list them. `g` is the gold mention, `p` the predicted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// Same bounds, same label: no error.
    Correct,
    /// Same bounds, another label.
    Type,
    /// `p` ends with `g` but starts later: the left end is cut off.
    TooShortLeft,
    /// `p` starts with `g` but ends earlier: the right end is cut off.
    TooShortRight,
    /// `p` lies inside `g`, cut on both sides.
    Inside,
    /// `p` ends with `g` but starts earlier.
    TooLongLeft,
    /// `p` starts with `g` but ends later.
    TooLongRight,
    /// `p` covers `g` and more on both sides.
    Around,
    /// `p` and `g` overlap, and each has tokens the other lacks.
    Crossing,
    /// A prediction that overlaps gold mentions, but each of them has a partner already: a mention predicted in pieces, or
    /// a mention predicted inside or around one that was found.
    Fragment,
    /// A gold mention that overlaps predictions, but each of them has a partner already: several mentions predicted as
    /// one, or a nested mention of which only the other was found.
    Absorbed,
    /// A gold mention that overlaps no prediction.
    Missed,
    /// A prediction that overlaps no gold mention.
    Spurious,
}

impl ErrorKind {
    /// Every kind, in the order of tables.
    pub const ALL: [Self; 13] = [
        Self::Correct,
        Self::Type,
        Self::TooShortLeft,
        Self::TooShortRight,
        Self::Inside,
        Self::TooLongLeft,
        Self::TooLongRight,
        Self::Around,
        Self::Crossing,
        Self::Fragment,
        Self::Absorbed,
        Self::Missed,
        Self::Spurious,
    ];

    /// A short name for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Correct => "correct",
            Self::Type => "type confused",
            Self::TooShortLeft => "too short on the left",
            Self::TooShortRight => "too short on the right",
            Self::Inside => "too short on both sides",
            Self::TooLongLeft => "too long on the left",
            Self::TooLongRight => "too long on the right",
            Self::Around => "too long on both sides",
            Self::Crossing => "crossing",
            Self::Fragment => "extra fragment",
            Self::Absorbed => "absorbed",
            Self::Missed => "missed",
            Self::Spurious => "spurious",
        }
    }

    /// True for a pair that overlaps with other bounds.
    pub fn is_boundary(self) -> bool {
        (Self::TooShortLeft..=Self::Crossing).contains(&self)
    }

    /// How a prediction lies to the gold mention it overlaps.
    ///
    /// Only the bounds and, where they agree, the labels count. Meant for spans that overlap.
    pub fn of_pair(gold: &Span, predicted: &Span) -> Self {
        use std::cmp::Ordering::{Equal, Greater, Less};
        match (predicted.start.cmp(&gold.start), predicted.end.cmp(&gold.end)) {
            (Equal, Equal) if gold.label == predicted.label => Self::Correct,
            (Equal, Equal) => Self::Type,
            (Greater, Equal) => Self::TooShortLeft,
            (Equal, Less) => Self::TooShortRight,
            (Greater, Less) => Self::Inside,
            (Less, Equal) => Self::TooLongLeft,
            (Equal, Greater) => Self::TooLongRight,
            (Less, Greater) => Self::Around,
            (Less, Less) | (Greater, Greater) => Self::Crossing,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One row of the listing: a pair, or a mention that has no partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorExample {
    /// Unit (sentence or record), from 0.
    pub unit: usize,
    /// Kind.
    pub kind: ErrorKind,
    /// The gold mention; none for a fragment and what is spurious.
    pub gold: Option<Span>,
    /// The prediction; none for what is absorbed or missed.
    pub predicted: Option<Span>,
}

impl ErrorExample {
    /// True for a boundary error whose label is wrong as well.
    pub fn label_differs(&self) -> bool {
        matches!((&self.gold, &self.predicted), (Some(gold), Some(predicted)) if gold.label != predicted.label)
    }

    /// The stretch of tokens the row is about, with its context: from `margin` tokens before the first mention to `margin`
    /// after the last, cut at the unit's ends. Spans are given back shifted to the excerpt.
    pub fn excerpt<'a, T>(&self, tokens: &'a [T], margin: usize) -> Excerpt<'a, T> {
        let spans = || self.gold.iter().chain(&self.predicted);
        let end = spans().map(|s| s.end + margin).max().unwrap_or(0).min(tokens.len());
        let start = spans().map(|s| s.start.saturating_sub(margin)).min().unwrap_or(0).min(end);
        let shift = |span: &Span| Span::new(span.start - start, span.end - start, span.label.as_str());
        Excerpt {
            tokens: &tokens[start..end],
            gold: self.gold.as_ref().map(shift),
            predicted: self.predicted.as_ref().map(shift),
        }
    }
}

/// A stretch of a unit, with the mentions of an [`ErrorExample`] in offsets of that stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt<'a, T> {
    /// The tokens.
    pub tokens: &'a [T],
    /// The gold mention.
    pub gold: Option<Span>,
    /// The prediction.
    pub predicted: Option<Span>,
}

/// The listing, and how often each kind occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// Rows per kind; a kind that does not occur is not there.
    pub kinds: BTreeMap<ErrorKind, usize>,
    /// Rows per type (the gold type, or the predicted one where there is no gold mention) and kind.
    pub per_type: BTreeMap<String, BTreeMap<ErrorKind, usize>>,
    /// Every row, correct ones too, by unit and then by place.
    pub examples: Vec<ErrorExample>,
}

impl ErrorReport {
    /// Rows of this kind.
    pub fn count(&self, kind: ErrorKind) -> usize {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// The rows of this kind, in order.
    pub fn of_kind(&self, kind: ErrorKind) -> impl Iterator<Item = &ErrorExample> {
        self.examples.iter().filter(move |example| example.kind == kind)
    }
}

/// Names every mention's kind, unit by unit. Duplicates count once, as for the strict scorer.
pub fn error_report<G, P>(gold: &[G], predicted: &[P]) -> Result<ErrorReport>
where
    G: AsRef<[Span]>,
    P: AsRef<[Span]>,
{
    same_units(gold.len(), predicted.len())?;
    let mut report = ErrorReport::default();
    for (unit, (gold, predicted)) in gold.iter().zip(predicted).enumerate() {
        for example in unit_examples(unit, gold.as_ref(), predicted.as_ref())? {
            let span = example.gold.as_ref().or(example.predicted.as_ref());
            let label = span.expect("a row has a mention").label.clone();
            *report.kinds.entry(example.kind).or_default() += 1;
            *report.per_type.entry(label).or_default().entry(example.kind).or_default() += 1;
            report.examples.push(example);
        }
    }
    Ok(report)
}

fn unit_examples(unit: usize, gold: &[Span], predicted: &[Span]) -> Result<Vec<ErrorExample>> {
    let paired = pair_same_bounds(unit, gold, predicted)?;
    let mut rows: Vec<(Option<&Span>, Option<&Span>, ErrorKind)> =
        paired.pairs.iter().map(|&(g, p)| (Some(g), Some(p), ErrorKind::of_pair(g, p))).collect();

    let mut candidates: Vec<(usize, usize)> = Vec::new();
    for (i, g) in paired.gold.iter().enumerate() {
        candidates
            .extend((0..paired.predicted.len()).filter(|&j| g.overlaps(paired.predicted[j])).map(|j| (i, j)));
    }
    // Both lists are sorted, so that the numbers stand for "earlier".
    candidates.sort_by_key(|&(i, j)| {
        let (g, p) = (paired.gold[i], paired.predicted[j]);
        let shared = g.shared(p);
        (Reverse(shared), g.len() + p.len() - shared, g.label != p.label, i, j)
    });
    let (mut gold_taken, mut predicted_taken) =
        (vec![false; paired.gold.len()], vec![false; paired.predicted.len()]);
    for (i, j) in candidates {
        if gold_taken[i] || predicted_taken[j] {
            continue;
        }
        (gold_taken[i], predicted_taken[j]) = (true, true);
        let (g, p) = (paired.gold[i], paired.predicted[j]);
        rows.push((Some(g), Some(p), ErrorKind::of_pair(g, p)));
    }
    for (&g, _) in paired.gold.iter().zip(&gold_taken).filter(|&(_, &taken)| !taken) {
        let kind =
            if predicted.iter().any(|p| p.overlaps(g)) { ErrorKind::Absorbed } else { ErrorKind::Missed };
        rows.push((Some(g), None, kind));
    }
    for (&p, _) in paired.predicted.iter().zip(&predicted_taken).filter(|&(_, &taken)| !taken) {
        let kind = if gold.iter().any(|g| g.overlaps(p)) { ErrorKind::Fragment } else { ErrorKind::Spurious };
        rows.push((None, Some(p), kind));
    }
    // By place; of rows that begin together, those with a gold mention first.
    rows.sort_by_key(|&(g, p, _)| (g.or(p).map(|s| s.start), g.is_none(), g, p));
    Ok(rows
        .into_iter()
        .map(|(gold, predicted, kind)| ErrorExample {
            unit,
            kind,
            gold: gold.cloned(),
            predicted: predicted.cloned(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn s(start: usize, end: usize, label: &str) -> Span {
        Span::new(start, end, label)
    }

    fn kinds(gold: &[Span], predicted: &[Span]) -> Vec<ErrorKind> {
        error_report(&[gold], &[predicted]).unwrap().examples.iter().map(|e| e.kind).collect()
    }

    #[test]
    fn each_way_two_spans_can_lie() {
        use ErrorKind::*;
        for (start, end, kind) in [
            (2, 6, Correct),
            (4, 6, TooShortLeft),
            (2, 4, TooShortRight),
            (3, 5, Inside),
            (1, 6, TooLongLeft),
            (2, 8, TooLongRight),
            (0, 9, Around),
            (0, 4, Crossing),
            (5, 8, Crossing),
        ] {
            assert_eq!(kinds(&[s(2, 6, "A")], &[s(start, end, "A")]), [kind], "{start}..{end}");
            assert_eq!(kind.is_boundary(), kind != Correct);
        }
        assert_eq!(kinds(&[s(2, 6, "A")], &[s(2, 6, "B")]), [Type]);
        // Touching is not overlapping.
        assert_eq!(kinds(&[s(2, 6, "A")], &[s(6, 8, "A")]), [Missed, Spurious]);
    }

    #[test]
    fn a_mention_predicted_in_pieces_is_one_short_one_and_a_fragment() {
        assert_eq!(
            kinds(&[s(0, 6, "A")], &[s(0, 4, "A"), s(4, 6, "A")]),
            [ErrorKind::TooShortRight, ErrorKind::Fragment]
        );
    }

    #[test]
    fn two_mentions_predicted_as_one_are_one_long_one_and_an_absorbed_one() {
        assert_eq!(
            kinds(&[s(0, 2, "A"), s(3, 6, "A")], &[s(0, 6, "A")]),
            [ErrorKind::Absorbed, ErrorKind::TooLongLeft]
        );
    }

    #[test]
    fn a_nested_mention_next_to_its_found_host() {
        // Gold: a disease inside an operation; the system finds only the operation, then only an extra inner mention.
        let (operation, disease) = (s(0, 5, "Operation"), s(0, 2, "Disease"));
        assert_eq!(
            kinds(&[operation.clone(), disease.clone()], std::slice::from_ref(&operation)),
            [ErrorKind::Absorbed, ErrorKind::Correct]
        );
        assert_eq!(
            kinds(std::slice::from_ref(&operation), &[operation.clone(), disease]),
            [ErrorKind::Correct, ErrorKind::Fragment]
        );
    }

    #[test]
    fn the_larger_share_wins_then_the_tighter_pair_then_the_label() {
        // The partner of the one gold mention.
        let partner = |gold: Span, predicted: &[Span]| {
            let rows = error_report(&[[gold]], &[predicted]).unwrap().examples;
            assert_eq!(rows.len(), predicted.len());
            let row = rows.into_iter().find(|row| row.gold.is_some()).unwrap();
            (row.label_differs(), row.predicted.unwrap())
        };
        assert_eq!(partner(s(0, 4, "A"), &[s(0, 1, "A"), s(1, 4, "B")]), (true, s(1, 4, "B")));
        assert_eq!(partner(s(2, 4, "A"), &[s(0, 3, "A"), s(3, 5, "B")]), (true, s(3, 5, "B")));
        assert_eq!(partner(s(2, 6, "A"), &[s(1, 4, "B"), s(4, 7, "A")]), (false, s(4, 7, "A")));
        assert_eq!(partner(s(2, 6, "A"), &[s(1, 4, "A"), s(4, 7, "A")]), (false, s(1, 4, "A")));
    }

    #[test]
    fn an_excerpt_holds_both_mentions_and_their_context() {
        let tokens: Vec<String> = "行胃癌根治术后".chars().map(String::from).collect();
        let report = error_report(&[[s(1, 6, "Operation")]], &[[s(1, 3, "Disease")]]).unwrap();
        let row = &report.examples[0];
        assert_eq!(row.kind, ErrorKind::TooShortRight);
        let excerpt = row.excerpt(&tokens, 1);
        assert_eq!(excerpt.tokens.concat(), "行胃癌根治术后");
        let (gold, predicted) = (excerpt.gold.unwrap(), excerpt.predicted.unwrap());
        assert_eq!(gold.of(excerpt.tokens).unwrap().concat(), "胃癌根治术");
        assert_eq!(predicted.of(excerpt.tokens).unwrap().concat(), "胃癌");
        assert_eq!(row.excerpt(&tokens, 0).tokens.concat(), "胃癌根治术");
        assert_eq!(row.excerpt(&tokens, 0).gold, Some(s(0, 5, "Operation")));
    }

    #[test]
    fn rows_are_counted_by_kind_and_type() {
        let report = error_report(
            &[vec![s(0, 2, "A"), s(3, 4, "B")], vec![s(0, 1, "A")]],
            &[vec![s(0, 2, "A"), s(3, 5, "B"), s(7, 8, "C")], vec![]],
        )
        .unwrap();
        assert_eq!(report.count(ErrorKind::Correct), 1);
        assert_eq!(report.count(ErrorKind::TooLongRight), 1);
        assert_eq!(report.per_type["A"][&ErrorKind::Missed], 1);
        assert_eq!(report.per_type["C"][&ErrorKind::Spurious], 1);
        assert_eq!(report.of_kind(ErrorKind::Missed).map(|e| e.unit).collect::<Vec<_>>(), [1]);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<ErrorReport>(&text).unwrap(), report);
    }
}
