//! Segmented Chinese text: People's Daily January 1998 (`word/POS`) and SIGHAN-2005 (`word  word`).
//!
//! A [`SegmentedLine`] holds the words; [`SegmentedLine::into_words`] makes them a sentence of words with parts of speech,
//! [`SegmentedLine::into_characters`] a sentence of characters whose spans are the words, with empty labels: written in BMES
//! that is the usual form of word segmentation (`B M E S`).
//!
//! People's Daily: GB18030, an identifier `19980101-01-001-001/m` first on each line, and groups of words in brackets
//! (`[中央/n  人民/n  电台/n]nt`), which may be nested. Words are parted by spaces; a word or part of speech that is empty is an
//! error.

use std::path::Path;

use medner_metrics::Span;

use super::report::Read;
use super::text;
use crate::corpus::Sentence;
use crate::error::{DataError, Result};

/// One line of segmented text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentedLine {
    /// The line's own identifier, or `<file name>:<line>`.
    pub id: String,
    /// Words.
    pub words: Vec<String>,
    /// Part of speech per word; empty where the corpus has none.
    pub pos: Vec<String>,
    /// Bracketed groups in word offsets with their labels (`nt` an organisation, `ns` a place), sorted; groups may be nested.
    pub groups: Vec<Span>,
}

impl SegmentedLine {
    /// A sentence of words; its spans are the groups that lie in no other one.
    pub fn into_words(self) -> Sentence {
        let mut spans: Vec<Span> = Vec::with_capacity(self.groups.len());
        for group in self.groups {
            if spans.last().is_none_or(|outer| !outer.contains(&group)) {
                spans.push(group);
            }
        }
        Sentence { id: self.id, tokens: self.words, spans, pos: self.pos, concepts: Vec::new() }
    }

    /// A sentence of characters; its spans are the words, with empty labels, and `pos` has one entry a span.
    pub fn into_characters(self) -> Sentence {
        let mut tokens = Vec::new();
        let mut spans = Vec::with_capacity(self.words.len());
        for word in &self.words {
            let start = tokens.len();
            tokens.extend(word.chars().map(String::from));
            spans.push(Span::new(start, tokens.len(), ""));
        }
        Sentence { id: self.id, tokens, spans, pos: self.pos, concepts: Vec::new() }
    }
}

/// Reads a file of `word  word` lines in UTF-8 (SIGHAN-2005); lines without words are paragraph breaks.
///
/// # Errors
/// [`DataError::Io`], [`DataError::Parse`] for a word with white space of another kind in it, [`DataError::Empty`].
pub fn read_sighan(path: &Path) -> Result<Read<SegmentedLine>> {
    let content = text::read_utf8(path)?;
    let name = file_name(path);
    let mut read = Read::default();
    for (number, line) in text::lines(&content) {
        let mut words = Vec::new();
        for word in line.split_ascii_whitespace() {
            check_word(word, word, number, line, path)?;
            words.push(word.to_owned());
        }
        if !words.is_empty() {
            read.items.push(SegmentedLine {
                id: format!("{name}:{number}"),
                words,
                ..SegmentedLine::default()
            });
        }
    }
    not_empty(read, path, "segmented text, words parted by spaces")
}

/// Reads People's Daily January 1998 in GB18030.
///
/// # Errors
/// [`DataError::Io`], [`DataError::Parse`] for a missing identifier, an empty word, a missing part of speech or a bracket
/// without its partner, [`DataError::Empty`].
pub fn read_peoples_daily(path: &Path) -> Result<Read<SegmentedLine>> {
    parse_peoples_daily(&text::read_gb18030(path)?, path)
}

/// [`read_peoples_daily`] on decoded text; `path` is for messages.
///
/// # Errors
/// As [`read_peoples_daily`], but for reading.
pub fn parse_peoples_daily(content: &str, path: &Path) -> Result<Read<SegmentedLine>> {
    let read = parse_tagged(content, path, Identifiers::Required)?;
    not_empty(read, path, "lines like `19980101-01-001-001/m  word/POS  word/POS`")
}

/// Reads a file of one's own in UTF-8, `word/POS  word/POS` lines with or without identifiers; otherwise like People's Daily. A
/// line without an identifier is called `<file name>:<line>`.
///
/// # Errors
/// As [`read_peoples_daily`].
pub fn read_tagged(path: &Path) -> Result<Read<SegmentedLine>> {
    let read = parse_tagged(&text::read_utf8(path)?, path, Identifiers::Optional)?;
    not_empty(read, path, "lines like `word/POS  word/POS`")
}

/// Whether each line begins with its identifier.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Identifiers {
    Required,
    Optional,
}

fn parse_tagged(content: &str, path: &Path, identifiers: Identifiers) -> Result<Read<SegmentedLine>> {
    let mut read = Read::default();
    for (number, line) in text::lines(content) {
        let mut items = line.split_ascii_whitespace().peekable();
        let Some(&first) = items.peek() else {
            continue;
        };
        let fail = |part: &str, message: &str| {
            DataError::parse(path, number, text::column(line, part), message, part)
        };
        let id = match first.strip_suffix("/m").filter(|id| is_identifier(id)) {
            Some(id) => {
                items.next();
                id.to_owned()
            }
            None if identifiers == Identifiers::Optional => format!("{}:{number}", file_name(path)),
            None => {
                return Err(fail(first, "expected the line's identifier, like `19980101-01-001-001/m`"));
            }
        };
        let mut sentence = SegmentedLine { id, ..SegmentedLine::default() };
        let mut open: Vec<(usize, &str)> = Vec::new();
        for item in items {
            let mut rest = item;
            // `[/w` is a bracket that is itself a word.
            while let Some(inner) = rest.strip_prefix('[').filter(|inner| !inner.starts_with('/')) {
                open.push((sentence.words.len(), item));
                rest = inner;
            }
            let (word, tail) = rest
                .rsplit_once('/')
                .ok_or_else(|| fail(item, "a word without a part of speech; expected `word/POS`"))?;
            check_word(word, item, number, line, path)?;
            let mut parts = tail.split(']');
            let pos = parts.next().unwrap_or_default();
            if pos.is_empty() || !pos.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(fail(
                    item,
                    "the part of speech is missing or not of ASCII letters; expected `word/POS`",
                ));
            }
            sentence.words.push(word.to_owned());
            sentence.pos.push(pos.to_owned());
            for label in parts {
                if label.is_empty() {
                    return Err(fail(
                        item,
                        "a group in brackets without a label; expected `[word/POS word/POS]nt`",
                    ));
                }
                let (start, _) = open
                    .pop()
                    .ok_or_else(|| fail(item, "`]` closes a group that no `[` opened on this line"))?;
                sentence.groups.push(Span::new(start, sentence.words.len(), label));
            }
        }
        if let Some((_, item)) = open.last() {
            return Err(fail(item, "`[` opens a group that no `]` closes on this line"));
        }
        if sentence.words.is_empty() {
            return Err(fail(first, "a line with an identifier but no words"));
        }
        // Outer groups before the inner ones that begin with them.
        sentence.groups.sort_by(|a, b| (a.start, b.end).cmp(&(b.start, a.end)));
        read.items.push(sentence);
    }
    Ok(read)
}

/// `19980101-01-001-001`: day, page, article, paragraph.
fn is_identifier(text: &str) -> bool {
    let mut parts = text.split('-');
    let widths = [8, 2, 3, 3];
    widths
        .iter()
        .all(|&width| parts.next().is_some_and(|p| p.len() == width && p.bytes().all(|b| b.is_ascii_digit())))
        && parts.next().is_none()
}

fn check_word(word: &str, item: &str, number: usize, line: &str, path: &Path) -> Result<()> {
    let message = if word.is_empty() {
        "a word without characters; remove it"
    } else if word.chars().any(char::is_whitespace) {
        "white space of another kind inside a word; part words by ASCII spaces"
    } else {
        return Ok(());
    };
    Err(DataError::parse(path, number, text::column(line, item), message, item))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

fn not_empty(read: Read<SegmentedLine>, path: &Path, expected: &'static str) -> Result<Read<SegmentedLine>> {
    if read.items.is_empty() {
        return Err(DataError::Empty { path: path.to_owned(), expected });
    }
    Ok(read)
}
