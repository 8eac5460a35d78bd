//! Columns, one token a line, sentences parted by blank lines: the family of formats named after the CoNLL shared tasks.
//!
//! Which column holds what is chosen in [`ConllOptions`]; separator and tag scheme are found out when not given. Read
//! strictly unless told otherwise: a wrong number of columns, an empty field, an unknown tag and a tag that may not follow
//! its neighbour are errors with their line and column. `-DOCSTART-` lines are boundaries. `\n` and `\r\n` both end a line.
//!
//! Big files are cut at blank lines and parsed in parallel; results and errors do not depend on the number of threads.

mod layout;
mod scheme;
mod sentences;
mod tags;

use std::collections::BTreeSet;
use std::path::Path;

use medner_metrics::TagScheme;
use rayon::prelude::*;

use self::layout::{Layout, chunks, is_blank, is_document_line};
use self::scheme::detect_scheme;
use self::sentences::Parser;
pub(crate) use self::tags::tag_column;
pub use self::tags::{Tagged, parse_tags, read_tags};
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
    let layout = Layout { halves, ..layout(content, path, options)? };
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

/// The columns that a text's first line has.
fn layout<'a>(content: &str, path: &'a Path, options: &'a ConllOptions) -> Result<Layout<'a>> {
    let empty = || DataError::Empty {
        path: path.to_owned(),
        expected: "one token a line with its tag, and a blank line after each sentence",
    };
    let first = text::lines(content)
        .find(|(_, line)| !is_blank(line) && !is_document_line(line))
        .ok_or_else(empty)?;
    Layout::new(first, path, options)
}
