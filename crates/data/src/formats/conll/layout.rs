//! Lines and columns: how a file is cut into pieces and a line into fields.

use std::collections::BTreeSet;
use std::path::Path;

use super::{ConllOptions, Separator};
use crate::error::{DataError, Result};
use crate::formats::text;

/// A piece of a file that begins at a sentence's beginning.
pub(super) struct Chunk<'a> {
    pub(super) text: &'a str,
    /// Number of its first line.
    pub(super) line: usize,
}

impl<'a> Chunk<'a> {
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        let first = self.line;
        text::lines(self.text).map(move |(i, line)| (first + i - 1, line))
    }
}

/// Cuts a text after blank lines into pieces of about 256 KiB.
pub(super) fn chunks(content: &str) -> Vec<Chunk<'_>> {
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

pub(super) fn is_blank(line: &str) -> bool {
    // A tab makes columns, so a line with one is not blank: its fields are empty, which is an error.
    line.is_empty() || (!line.contains('\t') && line.trim().is_empty())
}

pub(super) fn is_document_line(line: &str) -> bool {
    line.strip_prefix("-DOCSTART-").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// The columns of one file.
pub(super) struct Layout<'a> {
    pub(super) path: &'a Path,
    pub(super) options: &'a ConllOptions,
    pub(super) name: String,
    pub(super) separator: Separator,
    pub(super) columns: usize,
    pub(super) token: usize,
    pub(super) tag: usize,
    pub(super) pos: Option<usize>,
    pub(super) concept: Option<usize>,
    pub(super) halves: &'a BTreeSet<usize>,
}

static NO_HALVES: BTreeSet<usize> = BTreeSet::new();

/// The fields of one line that are read.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) line: usize,
    pub(super) text: &'a str,
    pub(super) token: &'a str,
    pub(super) tag: &'a str,
    pub(super) pos: &'a str,
    pub(super) concept: &'a str,
    /// The token is this half of a surrogate pair, and the other half has not come yet.
    pub(super) half: Option<char>,
    /// The token is this character, whose halves stood on two lines.
    pub(super) joined: Option<char>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(
        (line, first): (usize, &str),
        path: &'a Path,
        options: &'a ConllOptions,
    ) -> Result<Self> {
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

    pub(super) fn fail(&self, row: &Row<'_>, part: &str, message: String) -> DataError {
        DataError::parse(self.path, row.line, text::column(row.text, part), message, part)
    }

    /// The row of a line that is neither blank nor a document line.
    pub(super) fn row<'t>(&self, line: usize, content: &'t str) -> Result<Row<'t>> {
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
                "{count} columns where {} are expected, {}, as on the first line; mend the line",
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
