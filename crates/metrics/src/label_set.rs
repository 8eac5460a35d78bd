//! The label set of a tagger: entity types under a scheme, and each tag's number.
//!
//! `K` is the number of tags. Number 0 is `O`; then, type by type in the order given, the letters of the scheme
//! (`B I`, `B I E S` or `B M E S`). A set made with [`LabelSet::without_outside`] has no `O`, for word segmentation,
//! where every character lies in some word. Saved as JSON inside a model's folder, and checked when it is read again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::{MetricsError, Result};
use crate::scheme::{Tag, TagScheme};
use crate::span::Span;

/// Entity types, their tags and the tags' numbers (`i64`, as tensors want them).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct LabelSet {
    scheme: TagScheme,
    types: Vec<String>,
    tags: Vec<String>,
    index: BTreeMap<String, i64>,
}

/// The form on disk: the tags are spelt out, so that a reader needs no knowledge of the order, and checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    scheme: TagScheme,
    types: Vec<String>,
    tags: Vec<String>,
}

/// Which tags may follow which, for decoding under hard constraints. `K` tags, numbered as in the [`LabelSet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegalTransitions {
    /// `K`.
    pub tags: usize,
    /// `[K, K]`, row by row: `pairs[from * K + to]`.
    pub pairs: Vec<bool>,
    /// `[K]`: may a sentence begin with the tag?
    pub start: Vec<bool>,
    /// `[K]`: may a sentence end with the tag?
    pub end: Vec<bool>,
}

impl LegalTransitions {
    /// True when the tag `to` may follow the tag `from`.
    pub fn allows(&self, from: usize, to: usize) -> bool {
        self.pairs[from * self.tags + to]
    }
}

impl LabelSet {
    /// A label set over `types`, in the order given, with `O` as number 0.
    ///
    /// Errors: no types; a type twice; an empty type where the scheme needs one (all but BMES).
    pub fn new<S: Into<String>>(scheme: TagScheme, types: impl IntoIterator<Item = S>) -> Result<Self> {
        Self::build(scheme, types.into_iter().map(Into::into).collect(), true)
    }

    /// The same without `O`: every token must lie in a span. With BMES and the one type `""` the tags are `B M E S`.
    pub fn without_outside<S: Into<String>>(
        scheme: TagScheme,
        types: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        Self::build(scheme, types.into_iter().map(Into::into).collect(), false)
    }

    /// A label set over the types that occur in `spans`, sorted.
    pub fn from_spans<'a>(scheme: TagScheme, spans: impl IntoIterator<Item = &'a Span>) -> Result<Self> {
        let types: BTreeSet<&str> = spans.into_iter().map(|s| s.label.as_str()).collect();
        Self::new(scheme, types)
    }

    fn build(scheme: TagScheme, types: Vec<String>, outside: bool) -> Result<Self> {
        let problem = |problem: String| Err(MetricsError::LabelSet { problem });
        if types.is_empty() {
            return problem("no entity types; name them, or check that the training data has any".to_owned());
        }
        let mut seen = BTreeSet::new();
        for label in &types {
            if label.is_empty() && scheme != TagScheme::Bmes {
                return problem(format!(
                    "an entity type is empty, but a tag of {scheme} needs one ({})",
                    scheme.shape()
                ));
            }
            if !seen.insert(label) {
                return problem(format!("the entity type `{label}` is given twice; give each once"));
            }
        }
        let mut tags = scheme.tags(&types);
        if !outside {
            tags.remove(0);
        }
        let index = tags.iter().cloned().zip(0..).collect();
        Ok(Self { scheme, types, tags, index })
    }

    /// The scheme.
    pub fn scheme(&self) -> TagScheme {
        self.scheme
    }

    /// The entity types, in order.
    pub fn types(&self) -> &[String] {
        &self.types
    }

    /// All tags, in the order of their numbers.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// `K`, the number of tags.
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// Never true: a label set has at least one type.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// True when the set has the tag `O`, which then is number 0.
    pub fn has_outside(&self) -> bool {
        self.tags[0] == "O"
    }

    /// The number of a tag.
    pub fn index(&self, tag: &str) -> Option<i64> {
        self.index.get(tag).copied()
    }

    /// The tag of a number.
    pub fn tag(&self, index: i64) -> Option<&str> {
        usize::try_from(index).ok().and_then(|i| self.tags.get(i)).map(String::as_str)
    }

    /// Writes spans as `len` tag numbers.
    ///
    /// Errors: a label the set does not know (the message lists those it knows); spans that overlap, are empty or end
    /// past `len`; a token outside every span where the set has no `O`.
    pub fn encode(&self, len: usize, spans: &[Span]) -> Result<Vec<i64>> {
        if let Some(unknown) = spans.iter().find(|s| !self.types.contains(&s.label)) {
            return Err(MetricsError::UnknownLabel {
                label: unknown.label.clone(),
                known: self.types.clone(),
            });
        }
        let tags = self.scheme.encode(len, spans)?;
        tags.iter()
            .enumerate()
            .map(|(position, tag)| {
                // Labels are known, so the one tag that can be missing is `O`.
                self.index(tag).ok_or(MetricsError::Uncovered { position, scheme: self.scheme })
            })
            .collect()
    }

    /// Reads tag numbers leniently, as [`TagScheme::decode_lenient`] does: any sequence of a model's output has spans.
    ///
    /// # Panics
    /// On a number outside `0..K`: padding must be cut off before.
    pub fn decode(&self, indices: &[i64]) -> Vec<Span> {
        let tags: Vec<&str> = indices
            .iter()
            .map(|&i| {
                self.tag(i).unwrap_or_else(|| {
                    panic!(
                        "tag number {i} is not of this label set of {} tags; cut padding off first",
                        self.len()
                    )
                })
            })
            .collect();
        self.scheme.decode_lenient(&tags)
    }

    /// The moves the scheme allows.
    pub fn legal_transitions(&self) -> LegalTransitions {
        let parsed: Vec<Option<Tag<'_>>> = self.tags.iter().map(|t| self.scheme.parse(t)).collect();
        LegalTransitions {
            tags: self.len(),
            pairs: parsed
                .iter()
                .flat_map(|&from| parsed.iter().map(move |&to| self.scheme.legal(from, to)))
                .collect(),
            start: parsed.iter().map(|&tag| self.scheme.legal(None, tag)).collect(),
            end: parsed.iter().map(|&tag| self.scheme.legal(tag, None)).collect(),
        }
    }
}

impl From<LabelSet> for Stored {
    fn from(set: LabelSet) -> Self {
        Self { scheme: set.scheme, types: set.types, tags: set.tags }
    }
}

impl TryFrom<Stored> for LabelSet {
    type Error = MetricsError;

    fn try_from(stored: Stored) -> Result<Self> {
        let outside = stored.tags.first().is_some_and(|tag| tag == "O");
        let set = Self::build(stored.scheme, stored.types, outside)?;
        if set.tags == stored.tags {
            Ok(set)
        } else {
            Err(MetricsError::LabelSet {
                problem: format!(
                    "the tags [{}] do not follow from the scheme {} and the types, which give [{}]; the file was edited or damaged",
                    stored.tags.join(", "),
                    set.scheme,
                    set.tags.join(", ")
                ),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn set(scheme: TagScheme) -> LabelSet {
        LabelSet::new(scheme, ["PER", "LOC"]).unwrap()
    }

    #[test]
    fn numbers_follow_the_order_of_the_types() {
        let bio = set(TagScheme::Bio);
        assert_eq!(bio.tags(), ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]);
        assert_eq!(bio.index("B-LOC"), Some(3));
        assert_eq!(bio.tag(3), Some("B-LOC"));
        assert_eq!((bio.tag(-1), bio.tag(5), bio.index("E-PER")), (None, None, None));
        assert_eq!(set(TagScheme::Bioes).len(), 9);
    }

    #[test]
    fn encode_then_decode_gives_the_spans_back() {
        for scheme in TagScheme::ALL {
            let set = set(scheme);
            let spans = vec![Span::new(0, 1, "LOC"), Span::new(1, 4, "LOC"), Span::new(5, 7, "PER")];
            assert_eq!(set.decode(&set.encode(8, &spans).unwrap()), spans, "{scheme}");
        }
    }

    #[test]
    fn an_unknown_label_is_named_with_the_known_ones() {
        let error = set(TagScheme::Bio).encode(2, &[Span::new(0, 1, "Drug")]).unwrap_err();
        assert_eq!(error.to_string(), "unknown entity type `Drug`; this label set knows: PER, LOC");
    }

    #[test]
    fn overlapping_spans_are_refused() {
        let error =
            set(TagScheme::Bio).encode(4, &[Span::new(0, 2, "PER"), Span::new(1, 3, "LOC")]).unwrap_err();
        assert!(matches!(error, MetricsError::Spans(_)), "{error}");
    }

    #[test]
    fn segmentation_has_four_tags_and_covers_every_character() {
        let words = LabelSet::without_outside(TagScheme::Bmes, [""]).unwrap();
        assert_eq!(words.tags(), ["B", "M", "E", "S"]);
        assert!(!words.has_outside());
        let spans = vec![Span::new(0, 3, ""), Span::new(3, 4, "")];
        assert_eq!(words.encode(4, &spans).unwrap(), [0, 1, 2, 3]);
        assert_eq!(words.decode(&[0, 1, 2, 3]), spans);
        let error = words.encode(4, &spans[..1]).unwrap_err();
        assert_eq!(error, MetricsError::Uncovered { position: 3, scheme: TagScheme::Bmes });
    }

    #[test]
    fn bad_types_are_refused() {
        for types in [vec![], vec!["A", "A"], vec![""]] {
            let error = LabelSet::new(TagScheme::Bio, types).unwrap_err();
            assert!(matches!(error, MetricsError::LabelSet { .. }), "{error}");
        }
    }

    #[test]
    fn types_are_collected_in_order() {
        let spans = [Span::new(0, 1, "b"), Span::new(1, 2, "a"), Span::new(2, 3, "b")];
        assert_eq!(LabelSet::from_spans(TagScheme::Bio, &spans).unwrap().types(), ["a", "b"]);
    }

    #[test]
    #[should_panic(expected = "tag number 5 is not of this label set of 5 tags")]
    fn decoding_padding_is_a_bug_and_says_so() {
        set(TagScheme::Bio).decode(&[0, 5]);
    }

    /// Every path of 4 tags: the table and the strict reader must agree on which are legal.
    #[test]
    fn transitions_agree_with_the_strict_reader() {
        for scheme in TagScheme::ALL {
            let set = set(scheme);
            let moves = set.legal_transitions();
            let k = set.len();
            for code in 0..k.pow(4) {
                let path = [code % k, code / k % k, code / k / k % k, code / k / k / k];
                let by_table = moves.start[path[0]]
                    && path.windows(2).all(|w| moves.allows(w[0], w[1]))
                    && moves.end[path[3]];
                let tags: Vec<&str> = path.iter().map(|&i| set.tags()[i].as_str()).collect();
                assert_eq!(by_table, scheme.decode(&tags).is_ok(), "{scheme} {tags:?}");
            }
        }
    }

    #[test]
    fn bio_moves_by_hand() {
        let moves = LabelSet::new(TagScheme::Bio, ["X"]).unwrap().legal_transitions();
        assert_eq!(moves.start, [true, true, false]);
        assert_eq!(moves.end, [true, true, true]);
        // O -> O, B; B -> all; I -> all.
        assert_eq!(moves.pairs, [true, true, false, true, true, true, true, true, true]);
    }

    #[test]
    fn json_keeps_everything_and_is_checked() {
        let bioes = set(TagScheme::Bioes);
        let text = serde_json::to_string(&bioes).unwrap();
        assert_eq!(serde_json::from_str::<LabelSet>(&text).unwrap(), bioes);
        let words = LabelSet::without_outside(TagScheme::Bmes, [""]).unwrap();
        let words_text = serde_json::to_string(&words).unwrap();
        assert_eq!(serde_json::from_str::<LabelSet>(&words_text).unwrap(), words);
        let swapped = text.replace("\"B-PER\",\"I-PER\"", "\"I-PER\",\"B-PER\"");
        assert_ne!(swapped, text);
        let error = serde_json::from_str::<LabelSet>(&swapped).unwrap_err();
        assert!(error.to_string().contains("do not follow from the scheme"), "{error}");
    }
}
