//! Documents from a user's own file, by its ending: what the verbs `train`, `evaluate` and `predict` read.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use crate::error::{DataError, Result};
use crate::formats::conll::{Column, ConllOptions, read_conll};
use crate::formats::jsonl::read_jsonl;
use crate::{Document, Entity, Sentence};

/// Reads annotated documents: `.jsonl` and `.json` as one object a line, anything else as CoNLL columns.
pub fn annotated(path: &Path) -> Result<Vec<Document>> {
    if path.is_dir() {
        return Err(DataError::file(
            path,
            "is a folder; give one file, `.jsonl` or CoNLL columns (`medner data convert` makes one of a brat folder)",
        ));
    }
    let documents = if is_json(path) {
        read_jsonl(path)?.items
    } else {
        let sentences = read_conll(path, &ConllOptions::default())?.items;
        sentences.iter().map(document).collect()
    };
    if documents.is_empty() {
        return Err(DataError::file(path, "holds no documents"));
    }
    Ok(documents)
}

/// Reads text to label: `.jsonl` as one object a line, columns with a tag in every line as CoNLL (entities in either are
/// ignored); anything else, and standard input, as one document a line.
pub fn text(path: Option<&Path>) -> Result<Vec<Document>> {
    Ok(match unlabelled(path)? {
        Unlabelled::Documents(documents) => documents,
        Unlabelled::Columns(sentences) => sentences.iter().map(document).collect(),
    })
}

/// Text to label as its file has it.
pub(crate) enum Unlabelled {
    /// Whole texts.
    Documents(Vec<Document>),
    /// Sentences that are cut into tokens already.
    Columns(Vec<Sentence>),
}

/// [`text`], before columns are joined.
pub(crate) fn unlabelled(path: Option<&Path>) -> Result<Unlabelled> {
    if let Some(path) = path.filter(|p| is_json(p)) {
        return Ok(Unlabelled::Documents(read_jsonl(path)?.items));
    }
    if let Some(folder) = path.filter(|p| p.is_dir()) {
        return Err(DataError::file(
            folder,
            "is a folder; give one file of text, a document a line, or `.jsonl`",
        ));
    }
    let (bytes, name) = if let Some(path) = path {
        let bytes = std::fs::read(path).map_err(DataError::io(path))?;
        (bytes, path.file_name().map_or_else(|| "input".into(), |n| n.to_string_lossy().into_owned()))
    } else {
        let mut bytes = Vec::new();
        let stdin = Path::new("standard input");
        std::io::stdin().read_to_end(&mut bytes).map_err(DataError::io(stdin))?;
        (bytes, "stdin".to_owned())
    };
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = bytes[..error.valid_up_to()].split(|&b| b == b'\n').count();
            return Err(DataError::item(
                &format!("{name}:{line}"),
                "the text is not UTF-8; convert it first, for example with `iconv -f gb18030 -t utf-8`",
            ));
        }
    };
    if let (Some(path), Some(tag)) = (path, tag_column(text)) {
        tracing::info!("{}: read as columns, a token a line; its tags are ignored", path.display());
        // What is ignored need not be right.
        let options = ConllOptions { tag, lenient: true, ..ConllOptions::default() };
        return Ok(Unlabelled::Columns(read_conll(path, &options)?.items));
    }
    let documents = text.lines().enumerate().map(|(i, line)| Document {
        id: format!("{name}:{}", i + 1),
        text: line.to_owned(),
        entities: Vec::new(),
    });
    Ok(Unlabelled::Documents(documents.collect()))
}

/// Refuses documents with an entity type that is not among `known`; `remedy` says what to do about it.
pub fn check_labels(path: &Path, documents: &[Document], known: &BTreeSet<&str>, remedy: &str) -> Result<()> {
    for document in documents {
        if let Some(entity) = document.entities.iter().find(|e| !known.contains(e.label.as_str())) {
            let known = known.iter().copied().collect::<Vec<_>>().join(", ");
            let message = format!(
                "the document `{}` has the entity type `{}`; known are: {known}. {remedy}",
                document.id, entity.label
            );
            return Err(DataError::file(path, message));
        }
    }
    Ok(())
}

/// Says which entities overlap others: one tag a character has no place for them. `what` follows in the message.
pub fn warn_of_overlaps(path: &Path, documents: &[Document], what: &str) {
    let overlaps = |d: &&Document| {
        let mut end = 0;
        d.entities.iter().any(|e| {
            let overlaps = e.start < end;
            end = end.max(e.end);
            overlaps
        })
    };
    let mut found = documents.iter().filter(overlaps);
    if let Some(first) = found.next() {
        tracing::warn!(
            "{}: entities overlap in {} of {} documents (first in `{}`); {what}",
            path.display(),
            1 + found.count(),
            documents.len(),
            first.id
        );
    }
}

pub(crate) fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "jsonl" || e == "json")
}

/// The column in which every line that is not blank has a tag, after its token: the last, or the second where concepts follow.
/// Some tags must be `O`: a line of text may end in `B-cell`, but not all of them in that or `O`.
fn tag_column(text: &str) -> Option<Column> {
    let is_tag = |tag: &str| {
        tag == "O" || tag.split_once('-').is_some_and(|(p, _)| p.len() == 1 && "BIMESLU".contains(p))
    };
    let tags_at = |of: fn(&[&str]) -> Option<usize>| {
        let mut outside = false;
        let everywhere = text.lines().filter(|line| !line.trim().is_empty()).all(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let tag = of(&columns).and_then(|at| columns.get(at)).copied();
            outside |= tag == Some("O");
            tag.is_some_and(is_tag)
        });
        everywhere && outside
    };
    if tags_at(|columns| columns.len().checked_sub(1).filter(|&last| last > 0)) {
        Some(Column::Last)
    } else {
        tags_at(|_| Some(1)).then_some(Column::At(1))
    }
}

/// A tokenised sentence as a text. Words of a language that writes spaces get one between them. In a sentence with East Asian
/// characters, or of single characters, tokens stand together, but for a Latin word or number after another.
pub fn document(sentence: &Sentence) -> Document {
    joined(sentence).0
}

/// [`document`], and first character and one past the last of each token in it.
pub(crate) fn joined(sentence: &Sentence) -> (Document, Vec<(usize, usize)>) {
    let spaced = sentence.tokens.iter().any(|token| token.chars().count() > 1)
        && !sentence.tokens.iter().flat_map(|token| token.chars()).any(is_east_asian);
    let mut text = String::new();
    let mut offsets: Vec<(usize, usize)> = Vec::with_capacity(sentence.tokens.len());
    let mut length = 0;
    for token in &sentence.tokens {
        let latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let words =
            token.chars().count() > 1 && latin(text.chars().next_back()) && latin(token.chars().next());
        if words || spaced && !text.is_empty() {
            text.push(' ');
            length += 1;
        }
        text.push_str(token);
        let start = length;
        length += token.chars().count();
        offsets.push((start, length));
    }
    let entities = sentence.spans.iter().map(|s| Entity {
        start: offsets[s.start].0,
        end: offsets[s.end - 1].1,
        label: s.label.clone(),
        concepts: Vec::new(),
    });
    (Document { id: sentence.id.clone(), entities: entities.collect(), text }, offsets)
}

/// Ideographs, kana, Hangul, their punctuation and the full-width forms.
fn is_east_asian(c: char) -> bool {
    ('\u{2e80}'..='\u{d7ff}').contains(&c) || ('\u{f900}'..='\u{faff}').contains(&c) || c >= '\u{ff00}'
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Span;

    #[test]
    fn characters_stand_together_and_words_apart() {
        let sentence = Sentence {
            id: "s".into(),
            tokens: ["行", "CT", "scan", "检", "查"].map(String::from).to_vec(),
            spans: vec![Span::new(1, 3, "exam"), Span::new(3, 5, "x")],
            ..Sentence::default()
        };
        let document = document(&sentence);
        assert_eq!(document.text, "行CT scan检查");
        assert_eq!((document.entities[0].start, document.entities[0].end), (1, 8));
        assert_eq!((document.entities[1].start, document.entities[1].end), (8, 10));
        for (tokens, text) in [
            (
                &["of", "a", "severe", ",", "central", "(", "B-cell", ")", "lymphoma"][..],
                "of a severe , central ( B-cell ) lymphoma",
            ),
            (&["C", "T", "3", "."], "CT3."),
            (&["ＣＴ", "scan", "a"], "ＣＴscana"),
        ] {
            let tokens: Vec<String> = tokens.iter().map(|&t| t.to_owned()).collect();
            let sentence = Sentence { tokens, spans: vec![Span::new(2, 3, "x")], ..Sentence::default() };
            let document = super::document(&sentence);
            assert_eq!(document.text, text);
            let entity = &document.entities[0];
            let found: String = text.chars().skip(entity.start).take(entity.end - entity.start).collect();
            assert_eq!(found, sentence.tokens[2]);
        }
    }

    #[test]
    fn columns_are_labelled_sentence_by_sentence_and_text_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            text(Some(&path)).unwrap().into_iter().map(|d| d.text).collect::<Vec<_>>()
        };
        let columns = "胃\tB-DIS\n癌\tI-DIS\n。\tO\n\n术\tO\n后\tO\n";
        for (name, columns) in [("test.bio", columns), ("test.txt", &columns.replace('\t', " "))] {
            assert_eq!(read(name, columns), ["胃癌。", "术后"], "{name}");
        }
        // A concept behind the tag; a tag that continues nothing.
        assert_eq!(read("c.tsv", "No\tO\tO\nfever\tI-Disease\tD005334\n"), ["No fever"]);
        assert_eq!(read("a.txt", "胃癌。\n\n术后 O\n"), ["胃癌。", "", "术后 O"]);
        assert_eq!(
            read("b.txt", "lymphoma, B-cell\nlymphoma, T-cell\n"),
            ["lymphoma, B-cell", "lymphoma, T-cell"]
        );
        assert_eq!(read("c.txt", "lymphoma, B-cell\n"), ["lymphoma, B-cell"]);
        assert_eq!(read("empty.txt", ""), [""; 0]);
    }
}
