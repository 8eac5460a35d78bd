//! The shapes every reader produces: sentences of tokens, documents of text, corpora of splits.

use medner_metrics::Span;
use serde::{Deserialize, Serialize};

/// A tokenised sentence with its entity spans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// Where it comes from, for messages and predictions, for example `train.tsv:118` or `record 17`.
    pub id: String,
    /// Words, or characters for Chinese corpora.
    pub tokens: Vec<String>,
    /// Entity mentions in token offsets, sorted, not overlapping.
    pub spans: Vec<Span>,
    /// Part-of-speech tag per token or per word; empty where the corpus has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pos: Vec<String>,
    /// Concept identifier per token (`O` outside), for normalisation; empty where the corpus has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concepts: Vec<String>,
}

/// A text with mentions at character offsets (Unicode scalar values, not bytes).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Identifier, unique in its corpus.
    pub id: String,
    /// The text; offsets count its characters.
    pub text: String,
    /// Mentions, sorted by start.
    pub entities: Vec<Entity>,
}

/// A mention in a [`Document`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entity {
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// Entity type.
    pub label: String,
    /// Concept identifiers (`D003920`); more than one for a composite mention, none when not normalised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concepts: Vec<String>,
}

/// The three splits of a data set; a split that the corpus does not have is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corpus<T> {
    /// Training items.
    pub train: Vec<T>,
    /// Development items.
    pub dev: Vec<T>,
    /// Test items.
    pub test: Vec<T>,
}

impl<T> Default for Corpus<T> {
    fn default() -> Self {
        Self {
            train: Vec::new(),
            dev: Vec::new(),
            test: Vec::new(),
        }
    }
}

impl<T> Corpus<T> {
    /// The splits by name, in the order train, dev, test.
    pub fn splits(&self) -> [(&'static str, &[T]); 3] {
        [("train", &self.train), ("dev", &self.dev), ("test", &self.test)]
    }
}
