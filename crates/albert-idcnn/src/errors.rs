//! A tagger's own errors, as the paper's Table 3 shows them: by what was lost.
//!
//! | kind | what | the paper's example |
//! | --- | --- | --- |
//! | bracket lost | found without a part in brackets | 肝细胞性肝癌 of (左肝)肝细胞性肝癌(中度分化) |
//! | modifier lost | found without words before or after it | 肾上腺 of 左肾上腺 |
//! | nested | what lies inside the other is of another type | 胃癌 (disease) in 胃癌根治术 (operation) |
//! | type confused | same bounds, another type | |
//! | too long | found with more than belongs to it | |
//! | other bounds | both have characters that the other lacks, or one was found in parts | |
//! | missed, spurious | overlaps nothing | |

use std::collections::BTreeSet;

use medner_core::{CoreError, Result};
use medner_data::{Document, Span};
use medner_experiment::Curve;
use medner_metrics::error_analysis::{ErrorExample, ErrorKind, error_report};

/// What is wrong with a prediction or a mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// A part in brackets is missing.
    Bracket,
    /// A part without brackets is missing.
    Modifier,
    /// One lies inside the other and is of another type.
    Nested,
    /// Another type.
    Type,
    /// More than the mention, of its type.
    TooLong,
    /// Anything else that overlaps: a crossing, or one of several that share a partner, whose own side is then blank.
    OtherBounds,
    /// Not found.
    Missed,
    /// Nothing is there.
    Spurious,
}

impl Loss {
    /// Every kind, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Bracket,
        Self::Modifier,
        Self::Nested,
        Self::Type,
        Self::TooLong,
        Self::OtherBounds,
        Self::Missed,
        Self::Spurious,
    ];

    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bracket => "bracket lost",
            Self::Modifier => "modifier lost",
            Self::Nested => "nested",
            Self::Type => "type confused",
            Self::TooLong => "too long",
            Self::OtherBounds => "other bounds",
            Self::Missed => "missed",
            Self::Spurious => "spurious",
        }
    }

    /// The kind of an error; none for what is right. `text` holds the record's characters.
    pub fn of(error: &ErrorExample, text: &[char]) -> Option<Self> {
        Some(match (error.kind, &error.gold, &error.predicted) {
            (ErrorKind::Correct, ..) => return None,
            (ErrorKind::Type, ..) => Self::Type,
            (ErrorKind::Missed, ..) => Self::Missed,
            (ErrorKind::Spurious, ..) => Self::Spurious,
            (kind, Some(gold), Some(found)) if kind != ErrorKind::Crossing => {
                let shorter = gold.start <= found.start && found.end <= gold.end;
                if gold.label != found.label {
                    Self::Nested
                } else if shorter {
                    let bracket = |c: &char| "()（）[]【】〔〕".contains(*c);
                    let lost = text[gold.start..found.start].iter().chain(&text[found.end..gold.end]);
                    if lost.into_iter().any(bracket) { Self::Bracket } else { Self::Modifier }
                } else {
                    Self::TooLong
                }
            }
            _ => Self::OtherBounds,
        })
    }
}

/// How many errors of one kind the table shows.
const SHOWN: usize = 5;

/// The errors by kind: how many there are, their share of all, and a few of each with their strings.
///
/// # Errors
/// Lists of different lengths.
pub fn by_loss(records: &[Document], gold: &[Vec<Span>], predicted: &[Vec<Span>]) -> Result<Curve> {
    let report = error_report(gold, predicted)
        .map_err(|e| CoreError::Config { key: "predictions".into(), message: e.to_string() })?;
    let texts: Vec<Vec<char>> = records.iter().map(|record| record.text.chars().collect()).collect();
    let errors: Vec<(Loss, &ErrorExample)> = report
        .examples
        .iter()
        .filter_map(|example| Some((Loss::of(example, &texts[example.unit])?, example)))
        .collect();
    let mut table = Curve::new([
        "kind",
        "count",
        "share",
        "record",
        "predicted",
        "predicted_type",
        "true_entity",
        "true_type",
    ]);
    for kind in Loss::ALL {
        let of_kind: Vec<&ErrorExample> =
            errors.iter().filter(|(loss, _)| *loss == kind).map(|(_, error)| *error).collect();
        let share = of_kind.len() as f64 / errors.len().max(1) as f64;
        let string = |error: &ErrorExample, span: &Option<Span>| {
            span.as_ref().map(|s| texts[error.unit][s.start..s.end].iter().collect::<String>())
        };
        // Different strings say more than the same one again.
        let mut seen = BTreeSet::new();
        for error in &of_kind {
            let strings = (string(error, &error.predicted), string(error, &error.gold));
            if seen.len() == SHOWN || !seen.insert(strings.clone()) {
                continue;
            }
            let label = |span: &Option<Span>| span.as_ref().map(|s| s.label.clone());
            table.push(vec![
                kind.name().into(),
                of_kind.len().into(),
                ((share * 1e4).round() / 1e4).into(),
                records[error.unit].id.clone().into(),
                strings.0.into(),
                label(&error.predicted).into(),
                strings.1.into(),
                label(&error.gold).into(),
            ]);
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The four errors that the paper prints, and one of each other kind.
    #[test]
    fn the_papers_errors_are_of_their_kinds() {
        let text = "(左肝)肝细胞性肝癌(中度分化)，胃癌根治术，左肾上腺，腹主动脉旁淋巴结，青霉素，头颅CT";
        let record = Document { id: "r".into(), text: text.into(), ..Document::default() };
        let find = |part: &str, label: &str| {
            let start = text[..text.find(part).unwrap()].chars().count();
            Span::new(start, start + part.chars().count(), label)
        };
        let cases = [
            (Some(("肝细胞性肝癌", "DIS")), Some(("(左肝)肝细胞性肝癌(中度分化)", "DIS")), "bracket lost"),
            (Some(("胃癌", "DIS")), Some(("胃癌根治术", "OPE")), "nested"),
            (Some(("肾上腺", "ANA")), Some(("左肾上腺", "ANA")), "modifier lost"),
            (Some(("淋巴结", "ANA")), Some(("腹主动脉旁淋巴结", "ANA")), "modifier lost"),
            (Some(("青霉素", "DIS")), Some(("青霉素", "DRU")), "type confused"),
            (Some(("头颅CT", "EXA")), Some(("CT", "EXA")), "too long"),
            (Some(("主动脉旁淋巴结，", "ANA")), Some(("腹主动脉旁淋巴结", "ANA")), "other bounds"),
            (None, Some(("青霉素", "DRU")), "missed"),
            (Some(("青霉素", "DRU")), None, "spurious"),
        ];
        for (found, gold, kind) in cases {
            let spans = |given: Option<(&str, &str)>| {
                vec![given.map(|(part, label)| find(part, label)).into_iter().collect::<Vec<_>>()]
            };
            let table = by_loss(std::slice::from_ref(&record), &spans(gold), &spans(found)).unwrap();
            assert_eq!(table.rows.len(), 1, "{kind}");
            assert_eq!(table.rows[0][0], kind);
            assert_eq!((&table.rows[0][1], &table.rows[0][2]), (&1.into(), &1.0.into()));
            assert_eq!(table.rows[0][6].as_str(), gold.map(|(part, _)| part));
        }
        let right = vec![vec![find("青霉素", "DRU")]];
        assert!(by_loss(&[record], &right, &right).unwrap().rows.is_empty());
    }
}
