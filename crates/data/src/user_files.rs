//! Documents from a user's own file, by its ending: what the verbs `train`, `evaluate` and `predict` read.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use crate::error::{DataError, Result};
use crate::formats::conll::{Column, ConllOptions, parse_conll, read_conll, tag_column};
use crate::formats::jsonl::{parse_jsonl, read_jsonl};
use crate::formats::pubtator::{PubTatorOptions, parse_pubtator};
use crate::formats::report::{Remark, Remarked, Report};
use crate::{Document, Entity, Sentence};

/// Reads annotated documents: `.jsonl` and `.json` as one object a line, anything else as CoNLL columns.
pub fn annotated(path: &Path) -> Result<Vec<Document>> {
    if path.is_dir() {
        return Err(DataError::file(
            path,
            "is a folder; give one file, `.jsonl` or CoNLL columns (`medner data convert` makes one of a brat folder)",
        ));
    }
    let (documents, report): (Vec<Document>, Report) = if is_json(path) {
        let read = read_jsonl(path)?;
        refuse_unannotated(path, &read.report)?;
        (read.items, read.report)
    } else {
        let read = read_conll(path, &ConllOptions::default())?;
        (read.items.iter().map(document).collect(), read.report)
    };
    for (remark, Remarked { count, first }) in &report.remarks {
        tracing::warn!("{}: {count} {} (first: {first})", path.display(), remark.text());
    }
    if documents.is_empty() {
        return Err(DataError::file(path, "holds no documents"));
    }
    Ok(documents)
}

/// A text without `entities` is not one without mentions: a mistyped key would teach, or score, that there are none.
fn refuse_unannotated(path: &Path, report: &Report) -> Result<()> {
    let Some(Remarked { count, first }) = report.remarks.get(&Remark::NotAnnotated) else { return Ok(()) };
    let unread = report
        .remarks
        .get(&Remark::KeyNotRead)
        .map_or_else(String::new, |keys| format!("; a key that is not read: {}", keys.first));
    let message = format!(
        "{count} documents have no `entities` (first: `{first}`{unread}); write `\"entities\": []` where a text has no mention, and \
         leave out the tasks of Label Studio that nobody has answered"
    );
    Err(DataError::file(path, message))
}

/// Reads text to label, from a file or standard input, by what is in it: JSON lines, columns with a tag in every line, PubTator
/// (annotations are ignored); anything else as one document a line.
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
    if let Some(folder) = path.filter(|p| p.is_dir()) {
        return Err(DataError::file(
            folder,
            "is a folder; give one file of text, a document a line, or `.jsonl`",
        ));
    }
    let bytes = if let Some(path) = path {
        std::fs::read(path).map_err(DataError::io(path))?
    } else {
        let mut bytes = Vec::new();
        let stdin = Path::new("standard input");
        std::io::stdin().read_to_end(&mut bytes).map_err(DataError::io(stdin))?;
        bytes
    };
    let path = path.unwrap_or(Path::new("stdin"));
    let name = path.file_name().map_or_else(|| "input".into(), |n| n.to_string_lossy().into_owned());
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
    let what = if is_json(path) { What::Json } else { what_it_is(text) };
    if what == What::Json {
        return Ok(Unlabelled::Documents(parse_jsonl(text, path)?.items));
    }
    if what == What::PubTator {
        tracing::info!("{}: read as PubTator; its mentions are ignored", path.display());
        let read = parse_pubtator(text, path, PubTatorOptions { tolerant: true })?;
        if let Some(Remarked { count, first }) = read.report.remarks.get(&Remark::DuplicateId) {
            tracing::warn!("{}: {count} {} (first: {first})", path.display(), Remark::DuplicateId.text());
        }
        return Ok(Unlabelled::Documents(read.items));
    }
    if let What::Columns(tag) = what {
        tracing::info!("{}: read as columns, a token a line; its tags are ignored", path.display());
        // What is ignored need not be right.
        let options = ConllOptions { tag, lenient: true, ..ConllOptions::default() };
        return Ok(Unlabelled::Columns(parse_conll(text, path, &options)?.items));
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

/// By its ending, in capitals too.
pub fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jsonl") || e.eq_ignore_ascii_case("json"))
}

/// What a text is, by what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// One object a line.
    Json,
    /// Titles, abstracts and mentions.
    PubTator,
    /// A token a line, with its tag in this column.
    Columns(Column),
    /// Text.
    Lines,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON lines",
            Self::PubTator => "PubTator",
            Self::Columns(_) => "columns of tokens and tags",
            Self::Lines => "text",
        })
    }
}

pub(crate) fn what_it_is(text: &str) -> What {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if is_json_document(first) {
        What::Json
    } else if is_title(first) {
        What::PubTator
    } else {
        tag_column(text).map_or(What::Lines, What::Columns)
    }
}

/// True for a line that is a JSON object with a text in it.
fn is_json_document(line: &str) -> bool {
    let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line);
    object
        .is_ok_and(|o| o.contains_key("text") || o.get("data").is_some_and(|data| data.get("text").is_some()))
}

/// True for the line that a document of PubTator begins with, `<id>|t|<title>`.
pub fn is_title(line: &str) -> bool {
    let mut parts = line.splitn(3, '|');
    parts.next().is_some_and(|id| !id.contains(['\t', '{'])) && parts.next() == Some("t")
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
    let of = [
        '\u{2e80}'..='\u{d7ff}',
        '\u{f900}'..='\u{faff}',
        '\u{ff00}'..='\u{ffef}',
        '\u{20000}'..='\u{3ffff}',
    ];
    of.iter().any(|range| range.contains(&c))
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
        // Characters that are white space, as most records have some; tags without an `O`.
        assert_eq!(read("d.tsv", "热\tO\n \tO\n\u{3000}\tO\n38\tO\n"), ["热 \u{3000}38"]);
        assert_eq!(read("e.tsv", "a\tB-X\nb\tI-X\n"), ["ab"]);
    }

    #[test]
    fn text_to_label_is_known_by_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            text(Some(&path)).unwrap().into_iter().map(|d| (d.id, d.text)).collect::<Vec<_>>()
        };
        let json = "{\"id\": 7, \"text\": \"No fever\"}\n";
        let known = [("7".to_owned(), "No fever".to_owned())];
        for name in ["a.jsonl", "a.JSONL", "a.txt"] {
            assert_eq!(read(name, json), known, "{name}");
        }
        let pubtator = "7|t|No\n7|a|fever\n7\t3\t8\tfever\tDisease\tD5\n";
        assert_eq!(read("a.pubtator", pubtator), [("7".to_owned(), "No\nfever".to_owned())]);
        assert_eq!(read("b.txt", "{not an object}\n")[0].1, "{not an object}");
    }

    #[test]
    fn a_task_that_nobody_has_answered_teaches_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.json");
        let task = r#"[{"id": 4, "data": {"text": "No fever"}, "annotations": ANSWERS}]"#;
        std::fs::write(&path, task.replace("ANSWERS", r#"[{"result": []}]"#)).unwrap();
        assert_eq!(annotated(&path).unwrap().len(), 1);
        for unanswered in ["[]", r#"[{"was_cancelled": true, "result": []}]"#] {
            std::fs::write(&path, task.replace("ANSWERS", unanswered)).unwrap();
            let error = annotated(&path).unwrap_err().to_string();
            assert!(error.contains("tasks.json") && error.contains("nobody has answered"), "{error}");
        }
    }

    #[test]
    fn a_text_without_annotation_teaches_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let right = "{\"id\": \"1\", \"text\": \"No fever\", \"entities\": []}\n";
        std::fs::write(&path, right).unwrap();
        assert_eq!(annotated(&path).unwrap().len(), 1);
        std::fs::write(
            &path,
            format!("{right}{}", right.replace("entities", "entitys").replace("\"1\"", "\"2\"")),
        )
        .unwrap();
        let error = annotated(&path).unwrap_err().to_string();
        for part in ["a.jsonl", "1 documents have no `entities`", "`2`", "entitys"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
