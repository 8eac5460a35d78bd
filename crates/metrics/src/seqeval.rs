//! Entities of a tag sequence as the Python library seqeval 1.2.2 reads them, in its default and its strict mode.
//!
//! Restated from its documented behaviour and checked against its numbers (`tests/golden/scorers.json`):
//! - Default mode reads any sequence of `B I E S O`. A new entity begins at `B` and `S`, at `I` or `E` after `O`, `E` or
//!   `S`, and wherever the type changes; it ends before those, and after `E` and `S`. An orphan `I-X` is an entity.
//! - Strict mode reads one scheme. IOB2: an entity begins only at `B`, orphan `I` are dropped. IOBES: an entity is `S`, or
//!   `B`, any number of `I` of the same type, then `E` of the same type; anything else is dropped whole.
//! - A tag without a type has the type `_`.
//!
//! seqeval warns about letters it does not know (default mode) or stops with a bare `KeyError` (strict mode); here both
//! are a [`ForeignTag`] error with the place.

use crate::entity::EntityReport;
use crate::error::{ForeignTag, Result};
use crate::scheme::TagScheme;
use crate::scorer::report_tags;
use crate::span::Span;

const NAME: &str = "seqeval";

/// How seqeval reads tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeqevalMode {
    /// `mode=None`: any sequence, close to conlleval.
    Default,
    /// `mode='strict', scheme=IOB2`.
    StrictIob2,
    /// `mode='strict', scheme=IOBES`.
    StrictIobes,
}

impl SeqevalMode {
    /// The strict mode for a scheme; `None` for BMES, which seqeval does not know (convert to BIOES first).
    pub fn strict(scheme: TagScheme) -> Option<Self> {
        match scheme {
            TagScheme::Bio => Some(Self::StrictIob2),
            TagScheme::Bioes => Some(Self::StrictIobes),
            TagScheme::Bmes => None,
        }
    }

    /// The entities of one sentence.
    pub fn spans<S: AsRef<str>>(self, tags: &[S]) -> Result<Vec<Span>, ForeignTag> {
        match self {
            Self::Default => default_spans(tags),
            Self::StrictIob2 => strict_spans(tags, "BI"),
            Self::StrictIobes => strict_spans(tags, "BIES"),
        }
    }
}

/// Scores tag sequences, sentence by sentence, as `seqeval.metrics` does.
pub fn seqeval_report<S: AsRef<str>, T: AsRef<str>>(
    gold: &[Vec<S>],
    predicted: &[Vec<T>],
    mode: SeqevalMode,
) -> Result<EntityReport> {
    report_tags(gold, predicted, |tags| mode.spans(tags), |tags| mode.spans(tags))
}

/// The letter and the rest after the hyphen; `None` for a tag seqeval has no rule for.
fn split<'a>(tag: &'a str, letters: &str) -> Option<(char, &'a str)> {
    if tag == "O" {
        return Some(('O', ""));
    }
    let letter = tag.chars().next().filter(|&c| letters.contains(c))?;
    match &tag[1..] {
        "" => Some((letter, "")),
        rest => rest.strip_prefix('-').map(|label| (letter, label)),
    }
}

fn or_blank(label: &str) -> &str {
    if label.is_empty() { "_" } else { label }
}

fn default_spans<S: AsRef<str>>(tags: &[S]) -> Result<Vec<Span>, ForeignTag> {
    let mut spans = Vec::new();
    let mut begin = 0;
    let mut previous = ('O', "_");
    let texts = tags.iter().map(AsRef::as_ref).chain(["O"]);
    for (position, text) in texts.enumerate() {
        let (letter, label) = split(text, "BIES").ok_or_else(|| ForeignTag {
            position,
            tag: text.to_owned(),
            scorer: NAME,
            expected: "O, or B, I, E or S with or without -<type>; convert other schemes first",
        })?;
        let (before, label_before) = previous;
        let label = or_blank(label);
        let changed = label != label_before;
        let closed = matches!(before, 'E' | 'S');
        if before != 'O' && (closed || changed || matches!(letter, 'B' | 'S' | 'O')) {
            spans.push(Span::new(begin, position, label_before));
        }
        if letter != 'O' && (closed || changed || before == 'O' || matches!(letter, 'B' | 'S')) {
            begin = position;
        }
        previous = (letter, label);
    }
    Ok(spans)
}

fn strict_spans<S: AsRef<str>>(tags: &[S], letters: &str) -> Result<Vec<Span>, ForeignTag> {
    let closing = letters.contains('E');
    let parsed = tags
        .iter()
        .enumerate()
        .map(|(position, text)| {
            split(text.as_ref(), letters)
                .map(|(letter, label)| (letter, or_blank(label.trim_matches('-'))))
                .ok_or_else(|| ForeignTag {
                    position,
                    tag: text.as_ref().to_owned(),
                    scorer: NAME,
                    expected: if closing {
                        "O, or B, I, E or S with or without -<type> (strict IOBES)"
                    } else {
                        "O, or B or I with or without -<type> (strict IOB2)"
                    },
                })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut spans = Vec::new();
    let mut i = 0;
    while i < parsed.len() {
        let (letter, label) = parsed[i];
        let start = i;
        i += 1;
        match letter {
            'S' => spans.push(Span::new(start, i, label)),
            'B' => {
                let mut last = letter;
                while last != 'E'
                    && i < parsed.len()
                    && matches!(parsed[i].0, 'I' | 'E')
                    && parsed[i].1 == label
                {
                    last = parsed[i].0;
                    i += 1;
                }
                if !closing || last == 'E' {
                    spans.push(Span::new(start, i, label));
                }
            }
            _ => {}
        }
    }
    Ok(spans)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn spans(mode: SeqevalMode, tags: &str) -> Vec<(usize, usize, String)> {
        let tags: Vec<&str> = tags.split(' ').collect();
        mode.spans(&tags).unwrap().into_iter().map(|s| (s.start, s.end, s.label)).collect()
    }

    fn one(start: usize, end: usize, label: &str) -> Vec<(usize, usize, String)> {
        vec![(start, end, label.to_owned())]
    }

    #[test]
    fn strict_iobes_drops_an_entity_that_does_not_close() {
        assert_eq!(spans(SeqevalMode::StrictIobes, "B-X I-X O"), []);
        assert_eq!(spans(SeqevalMode::Default, "B-X I-X O"), one(0, 2, "X"));
        assert_eq!(spans(SeqevalMode::StrictIobes, "B-X E-Y O"), []);
        assert_eq!(spans(SeqevalMode::StrictIobes, "B-X B-X E-X"), one(1, 3, "X"));
    }

    #[test]
    fn types_may_hold_hyphens_or_be_missing() {
        assert_eq!(spans(SeqevalMode::Default, "B-X-Y I-X-Y"), one(0, 2, "X-Y"));
        assert_eq!(spans(SeqevalMode::StrictIob2, "B-X-Y I-X-Y"), one(0, 2, "X-Y"));
        assert_eq!(spans(SeqevalMode::Default, "B I O"), one(0, 2, "_"));
        assert_eq!(spans(SeqevalMode::StrictIob2, "B I O"), one(0, 2, "_"));
    }

    #[test]
    fn foreign_tags_are_errors_with_their_place() {
        for (mode, tag) in [
            (SeqevalMode::Default, "M-X"),
            (SeqevalMode::Default, "BX"),
            (SeqevalMode::Default, ""),
            (SeqevalMode::StrictIob2, "E-X"),
            (SeqevalMode::StrictIobes, "药-X"),
        ] {
            let error = mode.spans(&["O", tag]).unwrap_err();
            assert_eq!((error.position, error.tag.as_str()), (1, tag));
        }
    }
}
