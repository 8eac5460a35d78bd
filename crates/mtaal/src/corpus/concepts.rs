//! The labels of the normalisation layer: `O` and one number for each concept identifier.

use std::collections::{BTreeMap, BTreeSet};

use medner_data::{DataError, Result};
use serde::{Deserialize, Serialize};

use super::OUTSIDE;

/// Concept identifiers and their numbers: `O` is 0, the others follow in the order of their text.
///
/// A concept is what the corpus writes, to the letter: two of the 743 of NCBI differ from others by a space before them only,
/// and Table 1 counts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct ConceptSet {
    labels: Vec<String>,
    index: BTreeMap<String, u32>,
}

impl ConceptSet {
    /// The set of these concepts; `O` is added.
    pub fn new<S: Into<String>>(concepts: impl IntoIterator<Item = S>) -> Self {
        let concepts: BTreeSet<String> = concepts.into_iter().map(Into::into).collect();
        let rest = concepts.into_iter().filter(|c| c != OUTSIDE);
        Self::numbered([OUTSIDE.to_owned()].into_iter().chain(rest).collect())
    }

    fn numbered(labels: Vec<String>) -> Self {
        let index = labels.iter().cloned().zip(0..).collect();
        Self { labels, index }
    }

    /// Adds concepts at the end, in the order of their text; the numbers so far stay. Returns how many were new.
    pub fn extend<S: Into<String>>(&mut self, concepts: impl IntoIterator<Item = S>) -> usize {
        let new: BTreeSet<String> =
            concepts.into_iter().map(Into::into).filter(|c| !self.index.contains_key(c)).collect();
        let added = new.len();
        for concept in new {
            self.index.insert(concept.clone(), self.labels.len() as u32);
            self.labels.push(concept);
        }
        added
    }

    /// How many labels there are, `O` included.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True where `O` is the only label.
    pub fn is_empty(&self) -> bool {
        self.labels.len() == 1
    }

    /// The number of a concept.
    pub fn index(&self, concept: &str) -> Option<u32> {
        self.index.get(concept).copied()
    }

    /// The concept of a number.
    pub fn label(&self, number: u32) -> Option<&str> {
        self.labels.get(number as usize).map(String::as_str)
    }

    /// All labels, in the order of their numbers.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }
}

impl From<ConceptSet> for Vec<String> {
    fn from(set: ConceptSet) -> Self {
        set.labels
    }
}

impl TryFrom<Vec<String>> for ConceptSet {
    type Error = DataError;

    fn try_from(labels: Vec<String>) -> Result<Self> {
        let fail = |message: String| Err(DataError::item("concept set", message));
        if labels.first().is_none_or(|first| first != OUTSIDE) {
            return fail(format!(
                "the first label must be `{OUTSIDE}`; the file was edited or is of another kind"
            ));
        }
        let set = Self::numbered(labels);
        if set.index.len() != set.labels.len() {
            let twice = set.labels.iter().zip(0..).find(|&(label, number)| set.index[label] != number);
            let (label, _) = twice.expect("two of the labels share an entry of the index");
            return fail(format!("the label `{label}` stands twice; the file was edited"));
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn outside_is_first_and_the_others_are_sorted_and_kept_to_the_letter() {
        let mut set = ConceptSet::new(["D2", "O", " D1", "D1", "-1", "D2"]);
        assert_eq!(set.labels(), ["O", " D1", "-1", "D1", "D2"]);
        assert_eq!(
            (set.len(), set.index("D2"), set.label(4), set.index("D3")),
            (5, Some(4), Some("D2"), None)
        );
        assert_eq!(set.extend(["D0", "D1", "D9", "D0"]), 2);
        assert_eq!((set.label(5), set.label(6), set.label(7)), (Some("D0"), Some("D9"), None));
        assert!(ConceptSet::new(Vec::<String>::new()).is_empty());
    }

    #[test]
    fn json_keeps_the_order_and_is_checked() {
        let mut set = ConceptSet::new(["D2", "D1"]);
        set.extend(["A0"]);
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(text, r#"["O","D1","D2","A0"]"#);
        assert_eq!(serde_json::from_str::<ConceptSet>(&text).unwrap(), set);
        for (bad, what) in [
            ("[]", "first label must be `O`"),
            (r#"["D1","O"]"#, "first label must be `O`"),
            (r#"["O","D1","D2","D1"]"#, "`D1` stands twice"),
        ] {
            let error = serde_json::from_str::<ConceptSet>(bad).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
