//! Table 4: how many entities each data set has, by split and type.

use std::collections::BTreeMap;

use medner_data::{Corpus, Sentence};
use serde::{Deserialize, Serialize};

/// The type under which a split's entities are counted together.
pub const ALL: &str = "all";

/// One number of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the data set.
    pub data_set: String,
    /// `train`, `dev` or `test`.
    pub split: String,
    /// Entity type, or [`ALL`].
    pub entity_type: String,
    /// Mentions.
    pub entities: usize,
}

/// Counts the mentions of every split that has sentences: by type, in the order of the types' names (a type that another split has is
/// counted as 0), and then all together.
pub fn entity_counts(data_set: &str, corpus: &Corpus<Sentence>) -> Vec<Row> {
    let splits = corpus.splits();
    let spans = || splits.iter().flat_map(|(_, sentences)| *sentences).flat_map(|s| &s.spans);
    let none: BTreeMap<&str, usize> = spans().map(|span| (span.label.as_str(), 0)).collect();
    let mut rows = Vec::new();
    for (split, sentences) in splits.iter().filter(|(_, sentences)| !sentences.is_empty()) {
        let mut counts = none.clone();
        for span in sentences.iter().flat_map(|s| &s.spans) {
            *counts.entry(&span.label).or_default() += 1;
        }
        let total = counts.values().sum();
        rows.extend(counts.into_iter().chain([(ALL, total)]).map(|(entity_type, entities)| Row {
            data_set: data_set.to_owned(),
            split: (*split).to_owned(),
            entity_type: entity_type.to_owned(),
            entities,
        }));
    }
    rows
}

#[cfg(test)]
mod tests {
    use medner_data::Span;

    use super::*;

    #[test]
    fn every_split_and_type_has_a_row() {
        let sentence = |labels: &[&str]| Sentence {
            tokens: vec!["x".into(); labels.len()],
            spans: labels.iter().enumerate().map(|(i, &label)| Span::new(i, i + 1, label)).collect(),
            ..Sentence::default()
        };
        let corpus = Corpus {
            train: vec![sentence(&["PER", "LOC"]), sentence(&["PER"])],
            dev: Vec::new(),
            test: vec![sentence(&["PER"])],
        };
        let rows: Vec<(String, String, usize)> = entity_counts("weibo", &corpus)
            .into_iter()
            .map(|row| (row.split, row.entity_type, row.entities))
            .collect();
        let expected = [
            ("train", "LOC", 1),
            ("train", "PER", 2),
            ("train", "all", 3),
            ("test", "LOC", 0),
            ("test", "PER", 1),
            ("test", "all", 1),
        ];
        assert_eq!(rows, expected.map(|(split, label, n)| (split.to_owned(), label.to_owned(), n)));
    }
}
