//! What a reader or writer did that the data's owner should know: repairs, things left out, things read past.
//!
//! Every remark is counted and its first place kept, so that nothing is skipped in silence.

use std::collections::BTreeMap;
use std::fmt;

use medner_metrics::TagScheme;
use serde::{Deserialize, Serialize};

/// One kind of thing worth saying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remark {
    /// A tag that continues no entity; it starts a new one, as conlleval reads it.
    RepairedTag,
    /// A `-DOCSTART-` line: a boundary, not a sentence.
    DocumentLine,
    /// A surrogate pair written as two three-byte sequences (CESU-8), side by side or on two lines, made one character.
    SurrogatePair,
    /// A token with U+FFFD in it: the source lost the character.
    DamagedCharacter,
    /// An entity of a type that was not asked for.
    TypeLeftOut,
    /// An utterance without any text; it makes no sentence.
    EmptyUtterance,
    /// A mention's own text differs from the document's in spaces or punctuation; the document's text counts.
    MentionDiffers,
    /// A document identifier that stood before in the file; `#2`, `#3`, ... is added.
    DuplicateId,
    /// A concept identifier with spaces around it, which are taken off.
    TrimmedConcept,
    /// The parts of a composite mention (seventh PubTator column) are not kept.
    PartsNotRead,
    /// A relation, event, attribute or note between mentions; only mentions are read.
    NotAMention,
    /// A mention in several pieces; it cannot be a span and is left out (listed by the reader).
    Discontinuous,
    /// A mention that overlaps a longer one (or an earlier one of its length) and is left out, since spans may not overlap.
    OverlapLeftOut,
    /// A mention that begins or ends inside a token and was widened to whole tokens.
    Widened,
    /// A mention that covers white space only and is left out.
    BlankMention,
    /// A sentence boundary that was not made because a mention runs over it.
    BoundaryInMention,
    /// A key of a JSON object that is not read.
    KeyNotRead,
    /// A text without any annotation, not even an empty list.
    NotAnnotated,
    /// Offsets in UTF-16 units (JavaScript), turned into characters.
    Utf16Offsets,
    /// A cancelled annotation of a task.
    Cancelled,
    /// A line break or tab inside a text, written as a space because the format has no place for it; offsets stay.
    BreakReplaced,
    /// A corpus that is drawn from another one, which has too little for the wanted counts.
    DrawnInProportion,
}

impl Remark {
    /// A sentence's end for people: `<count> <text>`.
    pub fn text(self) -> &'static str {
        match self {
            Self::RepairedTag => "tags continue no entity; each starts a new one, as conlleval reads them",
            Self::DocumentLine => "-DOCSTART- lines, read as boundaries",
            Self::SurrogatePair => "surrogate pairs (CESU-8) decoded",
            Self::DamagedCharacter => "tokens whose character the source has lost (U+FFFD)",
            Self::TypeLeftOut => "entities of types not asked for, left out",
            Self::EmptyUtterance => "utterances without text, which make no sentence",
            Self::MentionDiffers => {
                "mentions whose text differs from the document's in spaces or punctuation"
            }
            Self::DuplicateId => "documents with the identifier of another one, renamed",
            Self::TrimmedConcept => "concept identifiers with spaces around them, trimmed",
            Self::PartsNotRead => "composite mentions whose parts are not kept",
            Self::NotAMention => "relations, events, attributes or notes, not read",
            Self::Discontinuous => "mentions in several pieces, left out",
            Self::OverlapLeftOut => "mentions that overlap a longer one, left out",
            Self::Widened => "mentions widened to whole tokens",
            Self::BlankMention => "mentions of white space only, left out",
            Self::BoundaryInMention => "sentence boundaries not made because a mention runs over them",
            Self::KeyNotRead => "JSON keys that are not read",
            Self::NotAnnotated => {
                "texts without annotation (no `entities`, not even an empty list; no answer to a task)"
            }
            Self::Utf16Offsets => "mentions with offsets in UTF-16 units, turned into characters",
            Self::Cancelled => "cancelled annotations, left out",
            Self::BreakReplaced => "line breaks or tabs written as spaces",
            Self::DrawnInProportion => "corpora drawn smaller than wanted, in proportion to what there is",
        }
    }
}

/// How often a remark was made, and where first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remarked {
    /// How often.
    pub count: usize,
    /// The first place, for example `train.txt:118: I-PER after O`.
    pub first: String,
}

impl Remarked {
    /// Counts a remark that is none of a [`Report`]'s; `place` is only asked for the first time.
    pub fn note(remarked: &mut Option<Self>, place: impl FnOnce() -> String) {
        remarked.get_or_insert_with(|| Self { count: 0, first: place() }).count += 1;
    }
}

/// The remarks of one reading or writing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The tag scheme of the file, where it has tags.
    pub scheme: Option<TagScheme>,
    /// Counts by kind.
    pub remarks: BTreeMap<Remark, Remarked>,
}

impl Report {
    /// Counts a remark; `place` is only asked for the first time.
    pub fn note(&mut self, remark: Remark, place: impl FnOnce() -> String) {
        self.remarks.entry(remark).or_insert_with(|| Remarked { count: 0, first: place() }).count += 1;
    }

    /// How often the remark was made.
    pub fn count(&self, remark: Remark) -> usize {
        self.remarks.get(&remark).map_or(0, |r| r.count)
    }

    /// True when there is nothing to say.
    pub fn is_clean(&self) -> bool {
        self.remarks.is_empty()
    }

    /// Adds another report's counts; the first places of this one stay. The scheme stays where both agree.
    pub fn merge(&mut self, other: Self) {
        if self.remarks.is_empty() && self.scheme.is_none() {
            *self = other;
            return;
        }
        if other.scheme.is_some() && self.scheme != other.scheme {
            self.scheme = None;
        }
        for (remark, theirs) in other.remarks {
            self.remarks.entry(remark).and_modify(|ours| ours.count += theirs.count).or_insert(theirs);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            writeln!(f, "tag scheme {scheme}")?;
        }
        for (remark, Remarked { count, first }) in &self.remarks {
            writeln!(f, "{count} {} (first: {first})", remark.text())?;
        }
        Ok(())
    }
}

/// What a reader read, and what it has to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read<T> {
    /// The items, in the file's order.
    pub items: Vec<T>,
    /// Repairs and things left out.
    pub report: Report,
}

impl<T> Default for Read<T> {
    fn default() -> Self {
        Self { items: Vec::new(), report: Report::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_adds_counts_and_keeps_the_first_place() {
        let mut a = Report { scheme: Some(TagScheme::Bio), ..Report::default() };
        a.note(Remark::RepairedTag, || "a:1".into());
        let mut b = a.clone();
        b.scheme = Some(TagScheme::Bioes);
        b.note(Remark::RepairedTag, || unreachable!("the place is asked for once"));
        b.note(Remark::DocumentLine, || "b:2".into());
        a.merge(b);
        assert_eq!((a.count(Remark::RepairedTag), a.count(Remark::DocumentLine)), (3, 1));
        assert_eq!((a.remarks[&Remark::RepairedTag].first.as_str(), a.scheme), ("a:1", None));
        assert!(a.to_string().contains("3 tags continue no entity"));
    }
}
