//! What `evaluate` says of found entities, the same with every method.

use medner_metrics::{Counts, EntityReport};

use crate::record::Scores;

/// The rows that are of all types together: no type has their names.
const TOTALS: [&str; 2] = ["ner", "nen"];

/// Puts precision, recall and F1 over all entities into the row `total`, beside what stands there.
pub fn put(scores: &mut Scores, total: &str, counts: Counts) {
    let s = counts.scores();
    let row = [("precision", s.precision), ("recall", s.recall), ("f1", s.f1)];
    scores.entry(total.to_owned()).or_default().extend(row.map(|(metric, value)| (metric.to_owned(), value)));
}

/// As [`put`] with those of all types, and those of each type in a row of its name. A type that is called as a row of all types
/// is (`ner`) has the row `type ner`.
pub fn put_report(scores: &mut Scores, total: &str, report: &EntityReport) {
    put(scores, total, report.micro);
    for (label, counts) in &report.per_type {
        let taken = TOTALS.contains(&label.as_str());
        let row = if taken { format!("type {label}") } else { label.clone() };
        put(scores, &row, *counts);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_type_called_as_the_total_does_not_write_over_it() {
        let counts = |gold, correct| Counts { gold, predicted: correct, correct };
        let per_type = [("ner".to_owned(), counts(2, 2)), ("DIS".to_owned(), counts(2, 0))].into();
        let report = EntityReport { micro: counts(4, 2), per_type, ..EntityReport::default() };
        let mut scores = Scores::new();
        scores.entry("ner".to_owned()).or_default().insert("f1_batch_mean".to_owned(), 0.25);
        put_report(&mut scores, "ner", &report);
        let recalls: Vec<(&str, f64)> = scores.iter().map(|(row, m)| (row.as_str(), m["recall"])).collect();
        assert_eq!(recalls, [("DIS", 0.0), ("ner", 0.5), ("type ner", 1.0)]);
        assert_eq!(scores["ner"]["f1_batch_mean"], 0.25);
    }
}
