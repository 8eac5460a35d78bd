//! Which tags may begin, end and follow each other.

use medner_metrics::{TagError, TagScheme};

use crate::error::{CoreError, Result};

/// Hard constraints over `K` tags: a path that breaks one has probability 0 and is never decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraints {
    /// `[K]`: the tag may be the first.
    pub start: Vec<bool>,
    /// `[K]`: the tag may be the last.
    pub end: Vec<bool>,
    /// `[K, K]` row-major: the column's tag may follow the row's tag.
    pub transitions: Vec<bool>,
}

impl Constraints {
    /// No constraint over `tags` tags.
    pub fn none(tags: usize) -> Self {
        Self { start: vec![true; tags], end: vec![true; tags], transitions: vec![true; tags * tags] }
    }

    /// The legal moves of a scheme, for tags in the order of their indices (`O`, `B-Disease`, ...).
    ///
    /// # Errors
    /// [`CoreError::Tag`] names a tag that is not of the scheme (its `position` is the tag's index).
    pub fn of_scheme<S: AsRef<str>>(scheme: TagScheme, tags: &[S]) -> Result<Self> {
        let mut parsed = Vec::with_capacity(tags.len());
        for (position, text) in tags.iter().enumerate() {
            let tag = scheme.parse(text.as_ref()).ok_or_else(|| TagError::Unknown {
                position,
                tag: text.as_ref().to_owned(),
                scheme,
            })?;
            parsed.push(tag);
        }
        Ok(Self {
            start: parsed.iter().map(|&tag| scheme.legal(None, Some(tag))).collect(),
            end: parsed.iter().map(|&tag| scheme.legal(Some(tag), None)).collect(),
            transitions: parsed
                .iter()
                .flat_map(|&from| parsed.iter().map(move |&to| scheme.legal(Some(from), Some(to))))
                .collect(),
        })
    }

    /// Number of tags.
    pub fn tags(&self) -> usize {
        self.start.len()
    }

    /// True when the whole path is legal; the empty path is.
    pub fn allow(&self, path: &[u32]) -> bool {
        let (Some(&first), Some(&last)) = (path.first(), path.last()) else {
            return true;
        };
        self.start[first as usize]
            && self.end[last as usize]
            && path.windows(2).all(|w| self.transitions[w[0] as usize * self.tags() + w[1] as usize])
    }

    pub(super) fn check(&self, tags: usize) -> Result<()> {
        if self.start.len() == tags && self.end.len() == tags && self.transitions.len() == tags * tags {
            return Ok(());
        }
        Err(CoreError::Config {
            key: "CRF constraints".into(),
            message: format!(
                "made for start {}, end {}, transitions {} entries; the CRF has {tags} tags",
                self.start.len(),
                self.end.len(),
                self.transitions.len()
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bio_moves() {
        let c = Constraints::of_scheme(TagScheme::Bio, &["O", "B-a", "I-a", "B-b", "I-b"]).unwrap();
        assert_eq!(c.start, [true, true, false, true, false]);
        assert_eq!(c.end, [true; 5]);
        assert_eq!(c.transitions[2 * 5..3 * 5], [true, true, true, true, false]);
        assert!(c.allow(&[0, 1, 2, 2, 3, 4]));
        assert!(!c.allow(&[0, 2]));
        assert!(!c.allow(&[1, 4]));
        assert!(c.allow(&[]));
    }

    #[test]
    fn bioes_must_close() {
        let c = Constraints::of_scheme(TagScheme::Bioes, &["O", "B-a", "I-a", "E-a", "S-a"]).unwrap();
        assert_eq!(c.end, [true, false, false, true, true]);
        assert!(c.allow(&[4, 1, 2, 3, 0]));
        assert!(!c.allow(&[1, 0]));
    }

    #[test]
    fn unknown_tags_are_named() {
        let message = Constraints::of_scheme(TagScheme::Bio, &["O", "X-a"]).unwrap_err().to_string();
        assert!(message.contains("X-a"), "{message}");
    }

    #[test]
    fn sizes_are_checked() {
        assert!(Constraints::none(3).check(3).is_ok());
        assert!(Constraints::none(3).check(4).is_err());
    }
}
