//! Tags as they stand in a file: what a scorer that counts tags, not spans, wants.

use std::path::Path;

use super::layout::{is_blank, is_document_line};
use super::{Column, ConllOptions, layout};
use crate::error::Result;
use crate::formats::text;

/// A sentence and its tags, which no scheme has been asked about yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tagged {
    /// Line of its first token, from 1.
    pub line: usize,
    /// Its tokens.
    pub tokens: Vec<String>,
    /// One tag a token.
    pub tags: Vec<String>,
}

/// Reads the tokens and tags of a file of columns. Where `tag` names no column, it is the last one, or the second where every line
/// has a tag there and something else in the last (a concept).
///
/// # Errors
/// [`crate::DataError::Io`]; those of [`parse_tags`].
pub fn read_tags(path: &Path, tag: Option<Column>) -> Result<Vec<Tagged>> {
    parse_tags(&text::read_utf8(path)?, path, tag)
}

/// [`read_tags`] of a text; `path` is for messages.
///
/// # Errors
/// [`crate::DataError::Parse`] for a line with another number of columns than the first, or with an empty token or tag;
/// [`crate::DataError::Empty`] when there is no sentence.
pub fn parse_tags(content: &str, path: &Path, tag: Option<Column>) -> Result<Vec<Tagged>> {
    let tag = tag.or_else(|| tag_column(content)).unwrap_or(Column::Last);
    let options = ConllOptions { tag, ..ConllOptions::default() };
    let layout = layout(content, path, &options)?;
    let mut sentences = Vec::new();
    let mut open = Tagged::default();
    for (line, content) in text::lines(content) {
        if is_blank(content) || is_document_line(content) {
            if !open.tokens.is_empty() {
                sentences.push(std::mem::take(&mut open));
            }
            continue;
        }
        let row = layout.row(line, content)?;
        if open.tokens.is_empty() {
            open.line = line;
        }
        open.tokens.push(row.token.to_owned());
        open.tags.push(row.tag.to_owned());
    }
    if !open.tokens.is_empty() {
        sentences.push(open);
    }
    Ok(sentences)
}

/// The column in which every line that is not blank has a tag, after its token: the last, or the second where concepts follow.
/// Columns that no tab parts are as many in every line, some tags are `O` and some lines stand together: a line of text may end
/// in `B-cell` or in `blood group O`, but not all of them, one after the other, in as many words.
pub(crate) fn tag_column(text: &str) -> Option<Column> {
    let is_tag = |tag: &str| {
        tag == "O" || tag.split_once('-').is_some_and(|(p, _)| p.len() == 1 && "BIMESLU".contains(p))
    };
    let tags_at = |of: fn(&[&str]) -> Option<usize>| {
        // Nothing is seen yet of a text without lines.
        let (mut outside, mut tabbed, mut together) = (false, None, false);
        let (mut inside, mut width, mut even) = (false, None, true);
        let everywhere = text.lines().all(|line| {
            if is_blank(line) || is_document_line(line) {
                inside = false;
                return true;
            }
            let tabs = line.contains('\t');
            tabbed = Some(tabbed.unwrap_or(true) && tabs);
            // Only what the reader of columns parts at: an ideographic space is a token.
            let columns: Vec<&str> =
                if tabs { line.split('\t').collect() } else { line.split_ascii_whitespace().collect() };
            even &= *width.get_or_insert(columns.len()) == columns.len();
            together |= std::mem::replace(&mut inside, true);
            let tag = of(&columns).and_then(|at| columns.get(at)).copied();
            outside |= tag == Some("O");
            tag.is_some_and(is_tag)
        });
        everywhere && (tabbed == Some(true) || outside && even && together)
    };
    if tags_at(|columns| columns.len().checked_sub(1).filter(|&last| last > 0)) {
        Some(Column::Last)
    } else {
        tags_at(|_| Some(1)).then_some(Column::At(1))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(content: &str) -> Result<Vec<Tagged>> {
        parse_tags(content, Path::new("f"), None)
    }

    #[test]
    fn a_document_line_ends_a_sentence_and_is_not_part_of_one() {
        let read = read("-DOCSTART-\tO\nNew York\tB-LOC\n-DOCSTART-\tO\n-DOCSTART-x\tO\n \tO\n\n").unwrap();
        let tokens: Vec<(usize, &str)> = read.iter().map(|s| (s.line, s.tokens[0].as_str())).collect();
        assert_eq!(tokens, [(2, "New York"), (4, "-DOCSTART-x")]);
        assert_eq!(read[1].tokens, ["-DOCSTART-x", " "]);
    }

    #[test]
    fn the_tag_stands_last_or_before_a_concept() {
        for (content, tags) in [
            ("a\tO\nb\tB-X\n", ["O", "B-X"]),
            ("a NN O\nb NN I-X\n", ["O", "I-X"]),
            ("a\tO\tO\nb\tB-X\tD003924\n", ["O", "B-X"]),
            ("a B\nb E\n", ["B", "E"]),
        ] {
            assert_eq!(read(content).unwrap()[0].tags, tags, "{content}");
        }
        let second = parse_tags("a\tx\tO\n", Path::new("f"), Some(Column::At(1))).unwrap();
        assert_eq!(second[0].tags, ["x"]);
    }

    #[test]
    fn columns_are_told_from_text() {
        for (content, column) in [
            ("Patient has blood group O", None),
            ("今日无发热，血型 O\n", None),
            ("blood group O\n\nhis blood group is O\n", None),
            ("the group is O\nno fever at all O\n or B-cell\n", None),
            ("考 O\n虑 O\n\u{3000} O\n肺 B-DIS\n\n炎 O\n", Some(Column::Last)),
            ("a\u{a0} O\nb O\n", Some(Column::Last)),
            ("a\tO\n", Some(Column::Last)),
            ("a\tB-X\tD003924\n", Some(Column::At(1))),
        ] {
            assert_eq!(tag_column(content), column, "{content:?}");
        }
    }

    #[test]
    fn a_line_without_a_tag_is_named() {
        let error = read("a O\nb\n").unwrap_err().to_string();
        assert!(error.contains("f:2") && error.contains("1 columns where 2"), "{error}");
        assert!(read("a\tO\nb\t\n").unwrap_err().to_string().contains("the tag is empty"));
        assert!(read("\n\n").unwrap_err().to_string().contains("is empty"));
    }
}
