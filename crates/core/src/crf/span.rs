//! How sure the model is of an entity that was read off a path.

use medner_metrics::{Tag, TagError, TagScheme};

use super::posterior::{Posterior, SpanQuery};
use crate::error::Result;

/// Knows where entities begin and end in paths of a tag scheme.
#[derive(Clone, Debug)]
pub struct SpanReader {
    tags: usize,
    /// `[K, K]`: after the row's tag, the column's tag continues the same entity.
    continues: Vec<bool>,
}

impl SpanReader {
    /// For tags in the order of their indices. Entities are read as `TagScheme::decode_lenient` reads them.
    ///
    /// # Errors
    /// [`crate::CoreError::Tag`] names a tag that is not of the scheme (its `position` is the tag's index).
    pub fn new<S: AsRef<str>>(scheme: TagScheme, tags: &[S]) -> Result<Self> {
        let mut parsed = Vec::with_capacity(tags.len());
        for (position, text) in tags.iter().enumerate() {
            parsed.push(scheme.parse(text.as_ref()).ok_or_else(|| TagError::Unknown {
                position,
                tag: text.as_ref().to_owned(),
                scheme,
            })?);
        }
        let continues = |from: &Tag<'_>, to: &Tag<'_>| match (from, to) {
            (Tag::Inside('B' | 'I' | 'M', before), Tag::Inside('I' | 'M' | 'E', label)) => before == label,
            _ => false,
        };
        Ok(Self {
            tags: tags.len(),
            continues: parsed
                .iter()
                .flat_map(|from| parsed.iter().map(move |to| continues(from, to)))
                .collect(),
        })
    }

    /// The probability that an entity stands exactly at `start..start + path.len()` with these tags: they occur, what is
    /// before them does not run into them and what follows does not continue them.
    pub fn probability(&self, posterior: &Posterior, start: usize, path: &[u32]) -> f64 {
        let (Some(&first), Some(&last)) = (path.first(), path.last()) else {
            return 0.0;
        };
        let (before, after) = (self.before(first), self.after(last));
        posterior.span(&SpanQuery { start, tags: path, before: Some(&before), after: Some(&after) })
    }

    /// The tags that do not run into an entity which begins with `first`.
    pub fn before(&self, first: u32) -> Vec<bool> {
        (0..self.tags).map(|tag| !self.continues[tag * self.tags + first as usize]).collect()
    }

    /// The tags that do not continue an entity which ends with `last`.
    pub fn after(&self, last: u32) -> Vec<bool> {
        (0..self.tags).map(|tag| !self.continues[last as usize * self.tags + tag]).collect()
    }
}
