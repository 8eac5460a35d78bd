//! Writes sentences as columns that [`read_conll`](super::conll::read_conll) reads back unchanged.

use std::io::Write;
use std::path::Path;

use medner_metrics::TagScheme;

use crate::corpus::Sentence;
use crate::error::{DataError, Result};

/// How columns are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConllWriteOptions {
    /// Scheme of the tags.
    pub scheme: TagScheme,
    /// A second column with the part of speech, for sentences that have one a token.
    pub pos: bool,
    /// A last column with the concept, for sentences that have one a token.
    pub concepts: bool,
}

impl Default for ConllWriteOptions {
    /// `token TAB tag` in BIO.
    fn default() -> Self {
        Self { scheme: TagScheme::Bio, pos: false, concepts: false }
    }
}

/// Writes sentences, `token [TAB pos] TAB tag [TAB concept]`, a blank line after each.
///
/// # Errors
/// [`DataError::Item`] for a sentence that columns cannot hold (a token that is empty, has a tab or line break in it or would
/// be read as `-DOCSTART-`; spans that overlap; a column asked for that the sentence does not have).
/// [`DataError::Io`] when writing fails; `path` names the target in messages.
pub fn write_conll(
    sentences: &[Sentence],
    options: ConllWriteOptions,
    out: &mut dyn Write,
    path: &Path,
) -> Result<()> {
    let mut buffer = String::new();
    for (index, sentence) in sentences.iter().enumerate() {
        buffer.clear();
        format_sentence(sentence, options, index == 0, &mut buffer)?;
        out.write_all(buffer.as_bytes()).map_err(DataError::io(path))?;
    }
    out.flush().map_err(DataError::io(path))
}

fn format_sentence(
    sentence: &Sentence,
    options: ConllWriteOptions,
    first: bool,
    out: &mut String,
) -> Result<()> {
    let fail = |message: String| DataError::item(&sentence.id, message);
    sentence.check()?;
    let length = sentence.tokens.len();
    let tags = options
        .scheme
        .encode(length, &sentence.spans)
        .map_err(|e| fail(format!("{e}; these spans cannot be written as {} tags", options.scheme)))?;
    if options.pos && sentence.pos.len() != length {
        return Err(fail("has no part of speech for each token; write without that column".into()));
    }
    if options.concepts && sentence.concepts.len() != length {
        return Err(fail("has no concept for each token; write without that column".into()));
    }
    for (i, (token, tag)) in sentence.tokens.iter().zip(&tags).enumerate() {
        let mut columns = vec![token.as_str()];
        if options.pos {
            columns.push(&sentence.pos[i]);
        }
        columns.push(tag);
        if options.concepts {
            columns.push(&sentence.concepts[i]);
        }
        if let Some(column) = columns.iter().find(|c| c.is_empty() || c.contains(['\t', '\n', '\r'])) {
            let message = format!(
                "`{}` of token {i} is empty or has a tab or line break in it; columns cannot hold that",
                column.escape_debug()
            );
            return Err(fail(message));
        }
        if token == "-DOCSTART-" || (first && i == 0 && token.starts_with('\u{feff}')) {
            let message =
                format!("token {i}, `{}`, would be read as a mark of the format", token.escape_debug());
            return Err(fail(message));
        }
        out.push_str(&columns.join("\t"));
        out.push('\n');
    }
    out.push('\n');
    Ok(())
}
