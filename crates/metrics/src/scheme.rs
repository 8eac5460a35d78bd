//! Tag schemes: how spans become one tag a token, and how tags become spans again.
//!
//! [`TagScheme::decode`] is strict and names the first illegal move; [`TagScheme::decode_lenient`] reads any sequence the
//! way `conlleval` does (an `I-X` that continues nothing starts a new entity). Corpora are read strictly, predictions
//! leniently.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::span::Span;

/// A convention of writing spans as one tag a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TagScheme {
    /// `B-X` begins, `I-X` continues, `O` is outside (also called IOB2).
    Bio,
    /// Also `E-X` for the last token and `S-X` for a single one.
    Bioes,
    /// `B-X`, `M-X` (middle), `E-X`, `S-X`: the scheme of Chinese word segmentation; the label may be empty (`B`, `M`, ...).
    Bmes,
}

/// A position letter and a label; `O` has neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag<'a> {
    /// Outside any entity.
    Outside,
    /// Inside an entity: the position letter (`B`, `I`, `M`, `E` or `S`) and the label.
    Inside(char, &'a str),
}

/// Why a tag sequence is not legal, with the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// The tag is not one of the scheme's.
    #[error("token {position}: tag `{tag}` is not of the scheme {scheme} (expected {})", .scheme.shape())]
    Unknown {
        /// Token, from 0.
        position: usize,
        /// The text found.
        tag: String,
        /// The scheme expected.
        scheme: TagScheme,
    },
    /// The tag may not follow the one before it.
    #[error("token {position}: `{tag}` may not follow `{previous}` in the scheme {scheme}")]
    Transition {
        /// Token, from 0; the sequence's length when the sequence ends inside an entity.
        position: usize,
        /// The tag before (`start` at the beginning).
        previous: String,
        /// The tag found (`end` at the end).
        tag: String,
        /// The scheme expected.
        scheme: TagScheme,
    },
    /// The spans cannot be written as tags.
    #[error("span {start}..{end} ({label}) {problem}")]
    Span {
        /// First token of the span.
        start: usize,
        /// One past its last token.
        end: usize,
        /// Its label.
        label: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl fmt::Display for TagScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bio => "BIO",
            Self::Bioes => "BIOES",
            Self::Bmes => "BMES",
        })
    }
}

impl FromStr for TagScheme {
    type Err = UnknownScheme;

    /// Reads `BIO` (or `IOB2`), `BIOES` (or `IOBES`) and `BMES` (or `BMESO`), in any case.
    fn from_str(name: &str) -> Result<Self, UnknownScheme> {
        match name.to_ascii_uppercase().as_str() {
            "BIO" | "IOB2" => Ok(Self::Bio),
            "BIOES" | "IOBES" => Ok(Self::Bioes),
            "BMES" | "BMESO" => Ok(Self::Bmes),
            _ => Err(UnknownScheme(name.to_owned())),
        }
    }
}

/// A name that is no tag scheme's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown tag scheme `{0}`: expected BIO (also called IOB2), BIOES (also called IOBES) or BMES")]
pub struct UnknownScheme(pub String);

impl TagScheme {
    /// Every scheme.
    pub const ALL: [Self; 3] = [Self::Bio, Self::Bioes, Self::Bmes];

    /// The forms a tag may have, for error messages.
    pub fn shape(self) -> &'static str {
        match self {
            Self::Bio => "O, B-<type> or I-<type>",
            Self::Bioes => "O, B-<type>, I-<type>, E-<type> or S-<type>",
            Self::Bmes => "O, B, M, E or S, each of the last four with or without -<type>",
        }
    }

    /// The scheme whose letters the tags use: `M` means BMES, `E` or `S` without `M` BIOES (BMES where a tag has no label and none
    /// begins with `I`), else BIO. Tags that are of no scheme, or of another than the rest, are for [`TagScheme::parse`] to find.
    pub fn of_tags<'t>(tags: impl IntoIterator<Item = &'t str>) -> Self {
        let (mut middle, mut inside, mut ends, mut unlabelled) = (false, false, false, false);
        for tag in tags {
            unlabelled |= ["B", "M", "E", "S"].contains(&tag);
            match tag.bytes().next() {
                Some(b'M') => middle = true,
                Some(b'I') => inside = true,
                Some(b'E' | b'S') => ends = true,
                _ => {}
            }
        }
        if middle || (unlabelled && !inside) {
            Self::Bmes
        } else if ends {
            Self::Bioes
        } else {
            Self::Bio
        }
    }

    /// Splits a tag's text; `None` when it is not of this scheme.
    pub fn parse(self, tag: &str) -> Option<Tag<'_>> {
        if tag == "O" {
            return Some(Tag::Outside);
        }
        let letter = tag.chars().next()?;
        let label = match &tag[letter.len_utf8()..] {
            "" if self == Self::Bmes => "",
            rest => rest.strip_prefix('-').filter(|l| !l.is_empty())?,
        };
        let letters = match self {
            Self::Bio => "BI",
            Self::Bioes => "BIES",
            Self::Bmes => "BMES",
        };
        letters.contains(letter).then_some(Tag::Inside(letter, label))
    }

    /// The text of a tag.
    pub fn format(letter: char, label: &str) -> String {
        if label.is_empty() { letter.to_string() } else { format!("{letter}-{label}") }
    }

    /// Writes spans as `len` tags. Spans must lie inside the sentence, be non-empty, not overlap, and have a label (all
    /// schemes but BMES). Their order does not matter.
    pub fn encode(self, len: usize, spans: &[Span]) -> Result<Vec<String>, TagError> {
        let mut tags = vec!["O".to_owned(); len];
        let mut sorted: Vec<&Span> = spans.iter().collect();
        sorted.sort();
        let mut free = 0;
        for s in sorted {
            let problem = if s.is_empty() {
                Some("covers no token".to_owned())
            } else if s.label.is_empty() && self != Self::Bmes {
                Some(format!("has no label, but a tag of {self} needs one ({})", self.shape()))
            } else if s.end > len {
                Some(format!("ends past the sentence's {len} tokens"))
            } else if s.start < free {
                Some("overlaps the span before it".to_owned())
            } else {
                None
            };
            if let Some(problem) = problem {
                return Err(TagError::Span { start: s.start, end: s.end, label: s.label.clone(), problem });
            }
            free = s.end;
            let middle = if self == Self::Bmes { 'M' } else { 'I' };
            for tag in &mut tags[s.start..s.end] {
                *tag = Self::format(middle, &s.label);
            }
            tags[s.start] = Self::format('B', &s.label);
            if self != Self::Bio {
                tags[s.end - 1] = Self::format(if s.len() == 1 { 'S' } else { 'E' }, &s.label);
            }
        }
        Ok(tags)
    }

    /// True when `tag` may follow `previous` (`None`: the sentence's start; `tag` `None`: its end).
    pub fn legal(self, previous: Option<Tag<'_>>, tag: Option<Tag<'_>>) -> bool {
        // An entity is open after a token when the scheme demands a continuation (BIO never does).
        let open =
            |t: Option<Tag<'_>>| self != Self::Bio && matches!(t, Some(Tag::Inside('B' | 'I' | 'M', _)));
        match tag {
            None | Some(Tag::Outside | Tag::Inside('B' | 'S', _)) => !open(previous),
            Some(Tag::Inside(_, label)) => {
                matches!(previous, Some(Tag::Inside('B' | 'I' | 'M', before)) if before == label)
            }
        }
    }

    /// Reads tags strictly: the first tag that is unknown or may not follow its neighbour is an error.
    pub fn decode<S: AsRef<str>>(self, tags: &[S]) -> Result<Vec<Span>, TagError> {
        let mut previous: Option<Tag<'_>> = None;
        for position in 0..=tags.len() {
            let tag = match tags.get(position) {
                Some(text) => Some(self.parse(text.as_ref()).ok_or_else(|| TagError::Unknown {
                    position,
                    tag: text.as_ref().to_owned(),
                    scheme: self,
                })?),
                None => None,
            };
            if !self.legal(previous, tag) {
                let text = |i: Option<usize>, edge: &str| {
                    i.and_then(|i| tags.get(i)).map_or(edge.to_owned(), |t| t.as_ref().to_owned())
                };
                return Err(TagError::Transition {
                    position,
                    previous: text(position.checked_sub(1), "start"),
                    tag: text(Some(position), "end"),
                    scheme: self,
                });
            }
            previous = tag;
        }
        Ok(self.decode_lenient(tags))
    }

    /// Reads any tags: what does not continue the entity before it starts a new one, unknown tags are outside.
    pub fn decode_lenient<S: AsRef<str>>(self, tags: &[S]) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut open: Option<(usize, &str)> = None;
        for (i, text) in tags.iter().enumerate() {
            let (letter, label) = match self.parse(text.as_ref()) {
                Some(Tag::Inside(letter, label)) => (letter, label),
                Some(Tag::Outside) | None => {
                    spans.extend(open.take().map(|(start, label)| Span::new(start, i, label)));
                    continue;
                }
            };
            let continues =
                matches!(letter, 'I' | 'M' | 'E') && open.is_some_and(|(_, before)| before == label);
            if !continues {
                spans.extend(open.take().map(|(start, label)| Span::new(start, i, label)));
                open = Some((i, label));
            }
            if matches!(letter, 'E' | 'S') {
                spans.extend(open.take().map(|(start, label)| Span::new(start, i + 1, label)));
            }
        }
        spans.extend(open.map(|(start, label)| Span::new(start, tags.len(), label)));
        spans
    }

    /// Rewrites legal tags of this scheme in another one. Strict: an illegal sequence is an error, not repaired.
    pub fn convert<S: AsRef<str>>(self, tags: &[S], to: Self) -> Result<Vec<String>, TagError> {
        to.encode(tags.len(), &self.decode(tags)?)
    }

    /// All tags of this scheme over `labels`, `O` first, then label by label in the order given.
    pub fn tags(self, labels: &[String]) -> Vec<String> {
        let letters = match self {
            Self::Bio => "BI",
            Self::Bioes => "BIES",
            Self::Bmes => "BMES",
        };
        let mut tags = vec!["O".to_owned()];
        for label in labels {
            tags.extend(letters.chars().map(|letter| Self::format(letter, label)));
        }
        tags
    }
}
