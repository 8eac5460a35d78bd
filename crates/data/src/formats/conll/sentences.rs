//! From rows to sentences: tokens, tags, repairs.

use medner_metrics::{Span, Tag, TagError, TagScheme};

use super::TokenForm;
use super::layout::{Chunk, Layout, Row, is_blank, is_document_line};
use crate::corpus::Sentence;
use crate::error::{DataError, Result};
use crate::formats::report::{Read, Remark};
use crate::formats::text;

/// Turns one piece of the file into sentences.
pub(super) struct Parser<'l, 't> {
    layout: &'l Layout<'l>,
    scheme: TagScheme,
    rows: Vec<Row<'t>>,
    read: Read<Sentence>,
}

impl<'l, 't> Parser<'l, 't> {
    pub(super) fn new(layout: &'l Layout<'l>, scheme: TagScheme) -> Self {
        Self { layout, scheme, rows: Vec::new(), read: Read::default() }
    }

    pub(super) fn parse(mut self, chunk: &Chunk<'t>) -> Result<Read<Sentence>> {
        for (line, content) in chunk.lines() {
            if is_blank(content) {
                self.end_sentence()?;
            } else if is_document_line(content) {
                self.end_sentence()?;
                let name = &self.layout.name;
                self.read.report.note(Remark::DocumentLine, || format!("{name}:{line}"));
            } else {
                let row = self.layout.row(line, content)?;
                if self.layout.halves.contains(&line) {
                    self.half(row)?;
                } else {
                    self.rows.push(row);
                }
            }
        }
        self.end_sentence()?;
        Ok(self.read)
    }

    /// Takes a row whose token is half a surrogate pair; the second half makes one token with the first.
    fn half(&mut self, row: Row<'t>) -> Result<()> {
        let fail = |message: &str| Err(self.layout.fail(&row, row.token, message.to_owned()));
        let mut characters = row.token.chars();
        let (Some(half), None) = (characters.next(), characters.next()) else {
            return fail("a surrogate among other characters; convert the file to UTF-8");
        };
        if text::is_first_half(half) {
            self.rows.push(Row { half: Some(half), ..row });
            return Ok(());
        }
        let open = self.rows.last_mut().and_then(|last| Some((last.half?, last)));
        let Some((joined, first)) =
            open.and_then(|(first, last)| Some((text::join_halves(first, half)?, last)))
        else {
            return fail(
                "the second half of a surrogate pair without its first half on the line before; remove it",
            );
        };
        let continues = row.tag.strip_prefix("I-").is_some() && row.tag.get(1..) == first.tag.get(1..);
        if row.tag != first.tag && !continues {
            return fail("the two halves of a surrogate pair have different tags; give them one");
        }
        let line = first.line;
        (first.half, first.joined) = (None, Some(joined));
        let name = &self.layout.name;
        self.read.report.note(Remark::SurrogatePair, || format!("{name}:{line}"));
        Ok(())
    }

    fn end_sentence(&mut self) -> Result<()> {
        let Some(first) = self.rows.first() else {
            return Ok(());
        };
        let mut sentence = Sentence {
            id: format!("{}:{}", self.layout.name, first.line),
            tokens: Vec::with_capacity(self.rows.len()),
            spans: self.spans()?,
            ..Sentence::default()
        };
        for row in &self.rows {
            let (token, position) = self.token(row)?;
            if token.contains('\u{fffd}') {
                let name = &self.layout.name;
                self.read.report.note(Remark::DamagedCharacter, || format!("{name}:{}", row.line));
            }
            sentence.tokens.push(token);
            sentence.pos.extend(position.map(str::to_owned));
        }
        if self.layout.pos.is_some() {
            sentence.pos = self.rows.iter().map(|row| row.pos.to_owned()).collect();
        }
        if self.layout.concept.is_some() {
            sentence.concepts = self.rows.iter().map(|row| row.concept.to_owned()).collect();
        }
        if let Some(keep) = &self.layout.options.keep {
            let id = &sentence.id;
            let report = &mut self.read.report;
            sentence.spans.retain(|span| {
                let kept = keep.contains(&span.label);
                if !kept {
                    report.note(Remark::TypeLeftOut, || format!("{id}: {}", span.label));
                }
                kept
            });
        }
        self.read.items.push(sentence);
        self.rows.clear();
        Ok(())
    }

    /// The token of a row and, where it is kept, its position in its word.
    fn token(&self, row: &Row<'t>) -> Result<(String, Option<&'t str>)> {
        let fail = |message: &str| Err(self.layout.fail(row, row.token, message.to_owned()));
        if row.half.is_some() {
            return fail(
                "the first half of a surrogate pair without its second half on the next line; remove it",
            );
        }
        if let Some(joined) = row.joined {
            return Ok((joined.to_string(), None));
        }
        match self.layout.options.form {
            TokenForm::Any => Ok((row.token.to_owned(), None)),
            TokenForm::Character => {
                let mut characters = row.token.chars();
                if characters.next().is_none() || characters.next().is_some() {
                    return fail(
                        "expected exactly one character; read files of words with the generic column reader",
                    );
                }
                Ok((row.token.to_owned(), None))
            }
            TokenForm::CharacterAndPosition { keep } => {
                // The source wrote some surrogate pairs as two replacement characters: one lost character.
                let lost = row.token.starts_with("\u{fffd}\u{fffd}");
                let character = row.token.chars().next().unwrap_or_default();
                let position = &row.token[character.len_utf8() * if lost { 2 } else { 1 }..];
                if position.is_empty() || !position.bytes().all(|b| b.is_ascii_digit()) {
                    return fail(
                        "expected one character and its position in its word in digits, for example `科0`",
                    );
                }
                Ok((character.to_string(), keep.then_some(position)))
            }
        }
    }

    /// The entities of the rows at hand.
    fn spans(&mut self) -> Result<Vec<Span>> {
        let outside = self.rows.iter().all(|row| row.tag == "O");
        if outside {
            return Ok(Vec::new());
        }
        let tags: Vec<&str> = self.rows.iter().map(|row| row.tag).collect();
        match self.scheme.decode(&tags) {
            Ok(spans) => Ok(spans),
            Err(error) if self.layout.options.lenient => self.repaired(&tags, error),
            Err(error) => Err(self.tag_error(error)),
        }
    }

    fn repaired(&mut self, tags: &[&str], error: TagError) -> Result<Vec<Span>> {
        let parsed: Option<Vec<Tag<'_>>> = tags.iter().map(|tag| self.scheme.parse(tag)).collect();
        let Some(parsed) = parsed else {
            // A tag that is not of the scheme has no reading that could be counted.
            return Err(self.tag_error(match error {
                TagError::Unknown { .. } => error,
                _ => self.first_unknown(tags),
            }));
        };
        let edges = parsed.len() + 1;
        for position in 0..edges {
            let before = position.checked_sub(1).map(|i| parsed[i]);
            if !self.scheme.legal(before, parsed.get(position).copied()) {
                let row = self.rows[position.min(self.rows.len() - 1)];
                let before = position.checked_sub(1).map_or("the start", |i| tags[i]);
                let after = tags.get(position).copied().unwrap_or("the end");
                let name = &self.layout.name;
                self.read
                    .report
                    .note(Remark::RepairedTag, || format!("{name}:{}: {after} after {before}", row.line));
            }
        }
        Ok(self.scheme.decode_lenient(tags))
    }

    fn first_unknown(&self, tags: &[&str]) -> TagError {
        let position = tags.iter().position(|tag| self.scheme.parse(tag).is_none()).unwrap_or(0);
        TagError::Unknown { position, tag: tags[position].to_owned(), scheme: self.scheme }
    }

    fn tag_error(&self, error: TagError) -> DataError {
        let scheme = self.scheme;
        let (position, message) = match error {
            TagError::Unknown { position, .. } => {
                (position, format!("unknown tag: the scheme {scheme} has {}", scheme.shape()))
            }
            TagError::Transition { position, previous, tag, .. } if tag == "end" => (
                position,
                format!(
                    "the sentence ends inside an entity (`{previous}`), which {scheme} does not allow; mend the tag, or let `medner data convert --from conll --lenient --to conll IN OUT` end it there"
                ),
            ),
            TagError::Transition { position, previous, .. } => (
                position,
                format!(
                    "the tag may not follow {} in {scheme}; mend it, or let `medner data convert --from conll --lenient --to conll IN OUT` start a new entity there, as conlleval does",
                    if position == 0 { "the sentence's start".to_owned() } else { format!("`{previous}`") }
                ),
            ),
            TagError::Span { start, problem, .. } => (start, problem),
        };
        let row = &self.rows[position.min(self.rows.len() - 1)];
        self.layout.fail(row, row.tag, message)
    }
}
