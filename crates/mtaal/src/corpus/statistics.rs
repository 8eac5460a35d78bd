//! The paper's Table 1.

use medner_data::Result;
use serde::{Deserialize, Serialize};

use super::collection::Collection;
use super::encoding::{Encoding, EncodingOptions};
use super::split::Split;

/// Statistics of a data set, counted as in the paper's Table 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table1 {
    /// Lower-cased words of all sentences, and two for padding and unknown words.
    pub vocabulary: usize,
    /// Medical abstracts; none where there are no PubTator files to count them in.
    pub abstracts: Option<usize>,
    /// `B-` tags of all sentences.
    pub entities: usize,
    /// BIO tags, `O` included.
    pub ner_labels: usize,
    /// Concepts as written, `O` and `-1` included.
    pub nen_labels: usize,
    /// Sentences labelled from the start.
    pub labelled: usize,
    /// Sentences of the pool.
    pub unlabelled: usize,
    /// Sentences of the test set.
    pub test: usize,
}

impl Table1 {
    /// Counts. `abstracts` is from [`super::abstracts`].
    ///
    /// # Errors
    /// As [`Encoding::count`].
    pub fn of(collection: &Collection, abstracts: Option<usize>, split: &Split) -> Result<Self> {
        // The paper counts `-1` as a label, whatever is trained.
        let encoding = Encoding::count(&collection.sentences, EncodingOptions::PAPER)?;
        let spans: usize = collection.sentences.iter().map(|s| s.spans.len()).sum();
        Ok(Self {
            vocabulary: encoding.words.len(),
            abstracts,
            entities: spans - collection.orphans,
            ner_labels: encoding.ner.len(),
            nen_labels: encoding.nen.len(),
            labelled: split.labelled.len(),
            unlabelled: split.unlabelled.len(),
            test: split.test.len(),
        })
    }

    /// Name and value of each line, as the paper's table has them.
    pub fn lines(&self) -> Vec<(&'static str, usize)> {
        let mut lines = vec![("vocabulary size", self.vocabulary)];
        lines.extend(self.abstracts.map(|n| ("# medical abstracts", n)));
        lines.extend([
            ("# entities", self.entities),
            ("# NER labels", self.ner_labels),
            ("# NEN labels", self.nen_labels),
            ("# initial labeled samples", self.labelled),
            ("# unlabeled samples", self.unlabelled),
            ("# test samples", self.test),
        ]);
        lines
    }
}
