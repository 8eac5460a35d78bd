//! The shapes every reader produces: sentences of tokens, documents of text, corpora of splits.

use medner_metrics::Span;
use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result};

/// A tokenised sentence with its entity spans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// Where it comes from, for messages and predictions, for example `train.tsv:118` or `record 17`.
    pub id: String,
    /// Words, or characters for Chinese corpora.
    pub tokens: Vec<String>,
    /// Entity mentions in token offsets, sorted, not overlapping.
    pub spans: Vec<Span>,
    /// Part-of-speech tag per token, or per span where the spans are words; empty where the corpus has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pos: Vec<String>,
    /// Concept identifier per token (`O` outside), for normalisation; empty where the corpus has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concepts: Vec<String>,
}

impl Sentence {
    /// Checks what the fields promise: tokens there, spans sorted, inside, not overlapping, columns of the right length.
    ///
    /// # Errors
    /// [`DataError::Item`] with the first thing that is wrong.
    pub fn check(&self) -> Result<()> {
        let fail = |message: String| Err(DataError::item(&self.id, message));
        let len = self.tokens.len();
        if len == 0 {
            return fail("a sentence without tokens; leave it out".into());
        }
        if let Some(i) = self.tokens.iter().position(String::is_empty) {
            return fail(format!("token {i} is empty; every token needs at least one character"));
        }
        let mut free = 0;
        for span in &self.spans {
            let Span { start, end, label } = span;
            if start >= end || *end > len {
                return fail(format!(
                    "span {start}..{end} ({label}) does not lie in the sentence's {len} tokens"
                ));
            }
            if *start < free {
                return fail(format!(
                    "span {start}..{end} ({label}) overlaps the one before it or is out of order"
                ));
            }
            free = *end;
        }
        if !self.pos.is_empty() && self.pos.len() != len && self.pos.len() != self.spans.len() {
            return fail(format!(
                "{} part-of-speech tags for {len} tokens; expected one a token",
                self.pos.len()
            ));
        }
        if !self.concepts.is_empty() && self.concepts.len() != len {
            return fail(format!("{} concepts for {len} tokens; expected one a token", self.concepts.len()));
        }
        Ok(())
    }
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

impl Document {
    /// Checks that every mention lies in the text, is not empty, and that mentions are sorted by start. They may overlap.
    ///
    /// # Errors
    /// [`DataError::Item`] with the first mention that is wrong.
    pub fn check(&self) -> Result<()> {
        let len = self.text.chars().count();
        let mut before = 0;
        for Entity { start, end, label, .. } in &self.entities {
            if start >= end || *end > len {
                let message = format!(
                    "mention {start}..{end} ({label}) does not lie in the text's {len} characters; offsets count characters from 0, ends are exclusive"
                );
                return Err(DataError::item(&self.id, message));
            }
            if *start < before {
                let message =
                    format!("mention {start}..{end} ({label}) is out of order; sort mentions by their start");
                return Err(DataError::item(&self.id, message));
            }
            before = *start;
        }
        Ok(())
    }
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
        Self { train: Vec::new(), dev: Vec::new(), test: Vec::new() }
    }
}

impl<T> Corpus<T> {
    /// The splits by name, in the order train, dev, test.
    pub fn splits(&self) -> [(&'static str, &[T]); 3] {
        [("train", &self.train), ("dev", &self.dev), ("test", &self.test)]
    }

    /// The same splits with every split's items turned into others.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn try_map<U, E>(self, mut f: impl FnMut(Vec<T>) -> Result<Vec<U>, E>) -> Result<Corpus<U>, E> {
        Ok(Corpus { train: f(self.train)?, dev: f(self.dev)?, test: f(self.test)? })
    }
}
