//! Columns, one token a line, sentences parted by blank lines: the family of formats named after the CoNLL shared tasks.
//!
//! Which column holds what is chosen in [`ConllOptions`]; separator and tag scheme are found out when not given. Read
//! strictly unless told otherwise: a wrong number of columns, an empty field, an unknown tag and a tag that may not follow
//! its neighbour are errors with their line and column. `-DOCSTART-` lines are boundaries. `\n` and `\r\n` both end a line.
//!
//! Big files are cut at blank lines and parsed in parallel; results and errors do not depend on the number of threads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use medner_metrics::{Span, Tag, TagError, TagScheme};
use rayon::prelude::*;

use super::report::{Read, Remark};
use super::text::{self, Cesu8};
use crate::corpus::Sentence;
use crate::error::{DataError, Result};

/// What stands between two columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Separator {
    /// A tab where the first line has one, else spaces.
    #[default]
    Auto,
    /// One tab; columns may hold spaces.
    Tab,
    /// A run of spaces or tabs.
    Spaces,
}

/// A column, counted from 0 or from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// This one, from 0.
    At(usize),
    /// The last one.
    Last,
}

impl Column {
    fn index(self, columns: usize) -> usize {
        match self {
            Self::At(index) => index,
            Self::Last => columns - 1,
        }
    }
}

/// What a token's text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenForm {
    /// Any text.
    #[default]
    Any,
    /// Exactly one character.
    Character,
    /// One character and its position in its word in decimal digits, from 0 (`科0 技1`): WeiboNER's revised version.
    CharacterAndPosition {
        /// Keep the positions in [`Sentence::pos`]; else they are taken off and not kept.
        keep: bool,
    },
}

/// How a file of columns is read.
#[derive(Clone, Debug)]
pub struct ConllOptions {
    /// What stands between columns.
    pub separator: Separator,
    /// Number of columns; as many as the first line has when not given.
    pub columns: Option<usize>,
    /// Column of the token.
    pub token: Column,
    /// Column of the tag.
    pub tag: Column,
    /// Column of the part of speech.
    pub pos: Option<Column>,
    /// Column of the concept identifier.
    pub concept: Option<Column>,
    /// What a token's text is.
    pub form: TokenForm,
    /// Tag scheme; found out from the tags when not given.
    pub scheme: Option<TagScheme>,
    /// Read tags that continue no entity as conlleval does (a new entity begins) and count them; else they are errors.
    pub lenient: bool,
    /// Keep entities of these types only; all when not given.
    pub keep: Option<BTreeSet<String>>,
    /// Decode characters that stand as surrogate pairs (CESU-8); else they are errors.
    pub cesu8: bool,
}

impl Default for ConllOptions {
    fn default() -> Self {
        Self {
            separator: Separator::Auto,
            columns: None,
            token: Column::At(0),
            tag: Column::Last,
            pos: None,
            concept: None,
            form: TokenForm::Any,
            scheme: None,
            lenient: false,
            keep: None,
            cesu8: false,
        }
    }
}

/// Reads a file of columns.
///
/// # Errors
/// [`DataError::Io`], [`DataError::Parse`], [`DataError::Empty`] when there is no sentence.
pub fn read_conll(path: &Path, options: &ConllOptions) -> Result<Read<Sentence>> {
    if !options.cesu8 {
        return parse_conll(&text::read_utf8(path)?, path, options);
    }
    let Cesu8 { text, pairs, halves } = text::read_utf8_or_cesu8(path)?;
    let mut read = parse(&text, &halves, path, options)?;
    for line in pairs {
        read.report.note(Remark::SurrogatePair, || format!("{}:{line}", path.display()));
    }
    Ok(read)
}

/// Reads columns from a text; `path` is for messages and sentence identifiers (`<file name>:<line>`).
///
/// # Errors
/// [`DataError::Parse`], [`DataError::Empty`] when there is no sentence.
pub fn parse_conll(content: &str, path: &Path, options: &ConllOptions) -> Result<Read<Sentence>> {
    parse(content, &BTreeSet::new(), path, options)
}

/// [`parse_conll`] where the lines in `halves` hold half a surrogate pair.
fn parse(
    content: &str,
    halves: &BTreeSet<usize>,
    path: &Path,
    options: &ConllOptions,
) -> Result<Read<Sentence>> {
    let empty = || DataError::Empty {
        path: path.to_owned(),
        expected: "one token a line with its tag, and a blank line after each sentence",
    };
    let first = text::lines(content)
        .find(|(_, line)| !is_blank(line) && !is_document_line(line))
        .ok_or_else(empty)?;
    let layout = Layout { halves, ..Layout::new(first, path, options)? };
    let chunks = chunks(content);
    let scheme = match options.scheme {
        Some(scheme) => scheme,
        None => detect_scheme(&chunks, &layout)?,
    };
    let parts: Vec<Result<Read<Sentence>>> =
        chunks.par_iter().map(|chunk| Parser::new(&layout, scheme).parse(chunk)).collect();
    let mut all = Read::default();
    for part in parts {
        let part = part?;
        all.items.extend(part.items);
        all.report.merge(part.report);
    }
    all.report.scheme = Some(scheme);
    Ok(all)
}

/// A piece of a file that begins at a sentence's beginning.
struct Chunk<'a> {
    text: &'a str,
    /// Number of its first line.
    line: usize,
}

impl<'a> Chunk<'a> {
    fn lines(&self) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        let first = self.line;
        text::lines(self.text).map(move |(i, line)| (first + i - 1, line))
    }
}

/// Cuts a text after blank lines into pieces of about 256 KiB.
fn chunks(content: &str) -> Vec<Chunk<'_>> {
    const TARGET: usize = 256 << 10;
    let bytes = content.as_bytes();
    let mut chunks = Vec::new();
    let (mut start, mut line) = (0, 1);
    while start < bytes.len() {
        let mut end = bytes.len();
        let mut at = start + TARGET;
        while at < bytes.len() {
            let Some(offset) = bytes[at..].iter().position(|&b| b == b'\n') else {
                break;
            };
            at += offset + 1;
            if bytes[at..].starts_with(b"\n") || bytes[at..].starts_with(b"\r\n") {
                end = at;
                break;
            }
        }
        chunks.push(Chunk { text: &content[start..end], line });
        line += content[start..end].matches('\n').count();
        start = end;
    }
    chunks
}

fn is_blank(line: &str) -> bool {
    // A tab makes columns, so a line with one is not blank: its fields are empty, which is an error.
    line.is_empty() || (!line.contains('\t') && line.trim().is_empty())
}

fn is_document_line(line: &str) -> bool {
    line.strip_prefix("-DOCSTART-").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// The columns of one file.
struct Layout<'a> {
    path: &'a Path,
    options: &'a ConllOptions,
    name: String,
    separator: Separator,
    columns: usize,
    token: usize,
    tag: usize,
    pos: Option<usize>,
    concept: Option<usize>,
    halves: &'a BTreeSet<usize>,
}

static NO_HALVES: BTreeSet<usize> = BTreeSet::new();

/// The fields of one line that are read.
#[derive(Clone, Copy)]
struct Row<'a> {
    line: usize,
    text: &'a str,
    token: &'a str,
    tag: &'a str,
    pos: &'a str,
    concept: &'a str,
    /// The token is this half of a surrogate pair, and the other half has not come yet.
    half: Option<char>,
    /// The token is this character, whose halves stood on two lines.
    joined: Option<char>,
}

impl<'a> Layout<'a> {
    fn new((line, first): (usize, &str), path: &'a Path, options: &'a ConllOptions) -> Result<Self> {
        let separator = match options.separator {
            Separator::Auto if first.contains('\t') => Separator::Tab,
            Separator::Auto => Separator::Spaces,
            given => given,
        };
        let columns = options.columns.unwrap_or_else(|| fields(first, separator).count());
        let wanted = [Some(options.token), Some(options.tag), options.pos, options.concept];
        let beyond = wanted.iter().flatten().map(|c| c.index(columns)).find(|&c| c >= columns);
        let same = options.token.index(columns) == options.tag.index(columns);
        if beyond.is_some() || same {
            let message = match beyond {
                Some(column) => format!(
                    "column {} is asked for, but lines have {columns}; choose another column",
                    column + 1
                ),
                None => "token and tag are one column; expected `token<TAB>tag` or more columns".to_owned(),
            };
            return Err(DataError::parse(path, line, 1, message, first));
        }
        Ok(Self {
            path,
            options,
            name: path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
            separator,
            columns,
            token: options.token.index(columns),
            tag: options.tag.index(columns),
            pos: options.pos.map(|c| c.index(columns)),
            concept: options.concept.map(|c| c.index(columns)),
            halves: &NO_HALVES,
        })
    }

    fn fail(&self, row: &Row<'_>, part: &str, message: String) -> DataError {
        DataError::parse(self.path, row.line, text::column(row.text, part), message, part)
    }

    /// The row of a line that is neither blank nor a document line.
    fn row<'t>(&self, line: usize, content: &'t str) -> Result<Row<'t>> {
        let mut row =
            Row { line, text: content, token: "", tag: "", pos: "", concept: "", half: None, joined: None };
        let mut count = 0;
        for (index, field) in fields(content, self.separator).enumerate() {
            count += 1;
            if index == self.token {
                row.token = field;
            }
            if index == self.tag {
                row.tag = field;
            }
            if Some(index) == self.pos {
                row.pos = field;
            }
            if Some(index) == self.concept {
                row.concept = field;
            }
        }
        if count != self.columns {
            let message = format!(
                "{count} columns where {} are expected, {}; mend the line, or choose another separator",
                self.columns,
                match self.separator {
                    Separator::Tab => "parted by tabs",
                    _ => "parted by spaces",
                }
            );
            return Err(DataError::parse(self.path, line, 1, message, content));
        }
        if row.token.is_empty() {
            return Err(DataError::parse(
                self.path,
                line,
                1,
                "the token is empty; every line needs one",
                content,
            ));
        }
        if row.tag.is_empty() {
            return Err(self.fail(&row, content, "the tag is empty; write `O` outside entities".into()));
        }
        if (self.pos.is_some() && row.pos.is_empty()) || (self.concept.is_some() && row.concept.is_empty()) {
            let message = "the column of the part of speech or concept is empty; every token needs one (`O` for no concept)";
            return Err(self.fail(&row, content, message.into()));
        }
        Ok(row)
    }
}

enum Fields<'a> {
    Tab(std::str::Split<'a, char>),
    Spaces(std::str::SplitAsciiWhitespace<'a>),
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        match self {
            Self::Tab(split) => split.next(),
            Self::Spaces(split) => split.next(),
        }
    }
}

fn fields(line: &str, separator: Separator) -> Fields<'_> {
    match separator {
        Separator::Tab => Fields::Tab(line.split('\t')),
        _ => Fields::Spaces(line.split_ascii_whitespace()),
    }
}

/// The scheme whose letters the tags use.
///
/// `M` means BMES, `E` or `S` without `M` BIOES (BMES where a tag has no label), else BIO. The tags that decide between
/// BIOES and BMES are only those that differ, so either reading gives the same spans.
fn detect_scheme(chunks: &[Chunk<'_>], layout: &Layout<'_>) -> Result<TagScheme> {
    let parts: Vec<Result<BTreeMap<String, Place>>> =
        chunks.par_iter().map(|chunk| distinct_tags(chunk, layout)).collect();
    let mut tags: BTreeMap<String, Place> = BTreeMap::new();
    for part in parts {
        for (tag, place) in part? {
            tags.entry(tag).or_insert(place);
        }
    }
    let letters: BTreeSet<char> =
        tags.keys().filter(|t| *t != "O").filter_map(|t| t.chars().next()).collect();
    let unlabelled = tags.keys().any(|t| ["B", "M", "E", "S"].contains(&t.as_str()));
    let scheme = if letters.contains(&'M') || (unlabelled && !letters.contains(&'I')) {
        TagScheme::Bmes
    } else if letters.contains(&'E') || letters.contains(&'S') {
        TagScheme::Bioes
    } else {
        TagScheme::Bio
    };
    let unknown =
        tags.iter().filter(|(tag, _)| scheme.parse(tag).is_none()).min_by_key(|(_, place)| place.line);
    match unknown {
        Some((tag, place)) => {
            let message = format!(
                "unknown tag: the other tags of the file are of the scheme {scheme} ({})",
                scheme.shape()
            );
            Err(DataError::parse(layout.path, place.line, place.column, message, tag))
        }
        None => Ok(scheme),
    }
}

struct Place {
    line: usize,
    column: usize,
}

/// The distinct tags of a piece with the first place of each.
fn distinct_tags(chunk: &Chunk<'_>, layout: &Layout<'_>) -> Result<BTreeMap<String, Place>> {
    let mut tags = BTreeMap::new();
    let mut last = "";
    for (line, content) in chunk.lines() {
        if is_blank(content) || is_document_line(content) {
            continue;
        }
        let row = layout.row(line, content)?;
        if row.tag != last && !tags.contains_key(row.tag) {
            let column = text::column(content, row.tag);
            tags.insert(row.tag.to_owned(), Place { line, column });
        }
        last = row.tag;
    }
    Ok(tags)
}

/// Turns one piece of the file into sentences.
struct Parser<'l, 't> {
    layout: &'l Layout<'l>,
    scheme: TagScheme,
    rows: Vec<Row<'t>>,
    read: Read<Sentence>,
}

impl<'l, 't> Parser<'l, 't> {
    fn new(layout: &'l Layout<'l>, scheme: TagScheme) -> Self {
        Self { layout, scheme, rows: Vec::new(), read: Read::default() }
    }

    fn parse(mut self, chunk: &Chunk<'t>) -> Result<Read<Sentence>> {
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
                    "the sentence ends inside an entity (`{previous}`), which {scheme} does not allow; mend the tag, or read leniently"
                ),
            ),
            TagError::Transition { position, previous, .. } => (
                position,
                format!(
                    "the tag may not follow {} in {scheme}; mend it, or read leniently, where it starts a new entity as in conlleval",
                    if position == 0 { "the sentence's start".to_owned() } else { format!("`{previous}`") }
                ),
            ),
            TagError::Span { start, problem, .. } => (start, problem),
        };
        let row = &self.rows[position.min(self.rows.len() - 1)];
        self.layout.fail(row, row.tag, message)
    }
}
