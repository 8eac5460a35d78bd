//! Strict entity scoring: an entity is correct when its start, its end and its label all agree.
//!
//! This is the project's primary score. It works on spans, so it is blind to how they were tagged, and it reads nested
//! and overlapping mentions as well as flat ones.
//!
//! Duplicates: the mentions of a unit are a set. The same (start, end, label) twice on one side counts once, on both
//! sides alike, so that repeating a prediction neither helps nor hurts; how many were set aside is in
//! [`EntityReport::duplicates`]. The same bounds with two labels are two mentions.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::{MetricsError, Result, Side};
use crate::scores::{Counts, Scores, macro_scores, weighted_scores};
use crate::span::Span;

/// Mentions that stood more than once in a unit and were counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Set aside on the gold side.
    pub gold: usize,
    /// Set aside on the predicted side.
    pub predicted: usize,
}

/// Counts of one system on one data set, in all, per type and per unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityReport {
    /// Over all types and units.
    pub micro: Counts,
    /// Per entity type that occurs on either side.
    pub per_type: BTreeMap<String, Counts>,
    /// Per unit (sentence or record), in the order given; what the significance tests resample.
    pub units: Vec<Counts>,
    /// What was counted once although it stood there more than once.
    pub duplicates: Duplicates,
}

impl EntityReport {
    /// Scores of the summed counts.
    pub fn micro_scores(&self) -> Scores {
        self.micro.scores()
    }

    /// Unweighted mean over the types.
    pub fn macro_scores(&self) -> Scores {
        macro_scores(&self.per_type)
    }

    /// Mean over the types, weighted by gold entities.
    pub fn weighted_scores(&self) -> Scores {
        weighted_scores(&self.per_type)
    }

    /// Scores of each type.
    pub fn type_scores(&self) -> BTreeMap<String, Scores> {
        self.per_type.iter().map(|(label, counts)| (label.clone(), counts.scores())).collect()
    }
}

/// Scores predicted mentions against gold ones, unit by unit.
///
/// `gold[i]` and `predicted[i]` are the mentions of the same sentence or record, in any order. Offsets may count tokens
/// or characters as long as both sides count the same.
///
/// Errors: another number of units on each side; a span that covers nothing.
pub fn entity_report<G, P>(gold: &[G], predicted: &[P]) -> Result<EntityReport>
where
    G: AsRef<[Span]>,
    P: AsRef<[Span]>,
{
    same_units(gold.len(), predicted.len())?;
    let mut report = EntityReport::default();
    for (unit, (gold, predicted)) in gold.iter().zip(predicted).enumerate() {
        let gold_set = mention_set(unit, Side::Gold, gold.as_ref())?;
        let predicted_set = mention_set(unit, Side::Predicted, predicted.as_ref())?;
        report.duplicates.gold += gold.as_ref().len() - gold_set.len();
        report.duplicates.predicted += predicted.as_ref().len() - predicted_set.len();
        let mut counts = Counts::new(gold_set.len(), predicted_set.len(), 0);
        for span in &gold_set {
            let correct = usize::from(predicted_set.contains(span));
            counts.correct += correct;
            *of_type(&mut report.per_type, &span.label) += Counts::new(1, 0, correct);
        }
        for span in &predicted_set {
            of_type(&mut report.per_type, &span.label).predicted += 1;
        }
        report.micro += counts;
        report.units.push(counts);
    }
    Ok(report)
}

/// The counts of a type, without copying the label when it is already there.
fn of_type<'a>(per_type: &'a mut BTreeMap<String, Counts>, label: &str) -> &'a mut Counts {
    if !per_type.contains_key(label) {
        per_type.insert(label.to_owned(), Counts::default());
    }
    per_type.get_mut(label).expect("inserted just above")
}

/// The distinct mentions of a unit; an empty span is an error.
pub(crate) fn mention_set(unit: usize, side: Side, spans: &[Span]) -> Result<BTreeSet<&Span>> {
    if let Some(empty) = spans.iter().find(|s| s.is_empty()) {
        return Err(MetricsError::EmptySpan {
            unit,
            side,
            start: empty.start,
            end: empty.end,
            label: empty.label.clone(),
        });
    }
    Ok(spans.iter().collect())
}

/// An error unless both sides have the same number of units.
pub(crate) fn same_units(gold: usize, predicted: usize) -> Result<()> {
    if gold == predicted { Ok(()) } else { Err(MetricsError::UnitCount { gold, predicted }) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn s(start: usize, end: usize, label: &str) -> Span {
        Span::new(start, end, label)
    }

    #[test]
    fn start_end_and_label_must_all_agree() {
        let gold = [vec![s(0, 2, "A"), s(4, 5, "B"), s(6, 9, "A"), s(10, 11, "B")]];
        let predicted = [vec![s(0, 2, "A"), s(4, 5, "A"), s(6, 8, "A"), s(9, 11, "B")]];
        let report = entity_report(&gold, &predicted).unwrap();
        assert_eq!(report.micro, Counts::new(4, 4, 1));
        assert_eq!(report.per_type["A"], Counts::new(2, 3, 1));
        assert_eq!(report.per_type["B"], Counts::new(2, 1, 0));
    }

    #[test]
    fn duplicates_count_once_and_are_reported() {
        let gold = [vec![s(0, 2, "A"), s(0, 2, "A")]];
        let predicted = [vec![s(0, 2, "A"), s(0, 2, "A"), s(0, 2, "A"), s(0, 2, "B")]];
        let report = entity_report(&gold, &predicted).unwrap();
        assert_eq!(report.micro, Counts::new(1, 2, 1));
        assert_eq!(report.duplicates, Duplicates { gold: 1, predicted: 2 });
    }

    #[test]
    fn nested_mentions_are_scored_one_by_one() {
        let gold = [vec![s(0, 5, "Operation"), s(0, 2, "Disease")]];
        let predicted = [vec![s(0, 2, "Disease"), s(1, 5, "Operation")]];
        assert_eq!(entity_report(&gold, &predicted).unwrap().micro, Counts::new(2, 2, 1));
    }

    #[test]
    fn a_mention_is_not_found_in_another_unit() {
        let gold = [vec![s(0, 1, "A")], vec![]];
        let predicted = [vec![], vec![s(0, 1, "A")]];
        let report = entity_report(&gold, &predicted).unwrap();
        assert_eq!(report.micro, Counts::new(1, 1, 0));
        assert_eq!(report.units, [Counts::new(1, 0, 0), Counts::new(0, 1, 0)]);
    }

    #[test]
    fn another_number_of_units_is_an_error_with_both_numbers() {
        let error = entity_report(&[vec![s(0, 1, "A")]], &[vec![], vec![]]).unwrap_err();
        assert_eq!(error, MetricsError::UnitCount { gold: 1, predicted: 2 });
        assert!(error.to_string().contains("same order"), "{error}");
    }

    #[test]
    fn an_empty_span_is_an_error_with_its_place() {
        let error = entity_report(&[vec![], vec![]], &[vec![], vec![s(3, 3, "A")]]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unit 1, predicted side: the span 3..3 (A) covers no token; ends are exclusive, so 3..4 is the shortest"
        );
    }

    #[test]
    fn report_survives_json() {
        let report = entity_report(&[vec![s(0, 1, "药物")]], &[vec![s(0, 1, "药物")]]).unwrap();
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<EntityReport>(&text).unwrap(), report);
    }
}
