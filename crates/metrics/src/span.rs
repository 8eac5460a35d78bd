//! An entity mention: token offsets and a label.

use serde::{Deserialize, Serialize};

/// A mention of an entity inside one sentence, or any other unit whose tokens are counted from 0.
///
/// Offsets count tokens (characters for Chinese corpora); `end` is exclusive. Spans order by start, then end, then label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First token.
    pub start: usize,
    /// One past the last token.
    pub end: usize,
    /// Entity type, for example `Disease`.
    pub label: String,
}

impl Span {
    /// A span over the tokens `start..end`.
    pub fn new(start: usize, end: usize, label: impl Into<String>) -> Self {
        Self { start, end, label: label.into() }
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// True for a span that covers no token.
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// True when the two spans share at least one token, whatever their labels.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// True when both ends agree, whatever the labels.
    pub fn same_bounds(&self, other: &Self) -> bool {
        self.start == other.start && self.end == other.end
    }

    /// True when this span covers every token of the other, whatever the labels (bounds may agree).
    pub fn contains(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// How many tokens the two spans share.
    pub fn shared(&self, other: &Self) -> usize {
        self.end.min(other.end).saturating_sub(self.start.max(other.start))
    }

    /// The tokens it covers; `None` when it ends past them.
    pub fn of<'a, T>(&self, tokens: &'a [T]) -> Option<&'a [T]> {
        tokens.get(self.start..self.end)
    }
}
