//! Entities that a model found in text, and the five shapes they are written in.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::atomic::write_atomically;
use crate::error::{DataError, Result};
use crate::formats::report::Remarked;
use crate::formats::{brat, conll_writer, pubtator};
use crate::word_files::Words;
use crate::{Document, Entity, Sentence, Span};

/// An entity that a model found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// Entity type.
    pub label: String,
    /// The characters themselves.
    pub text: String,
    /// The model's probability that exactly this entity stands here.
    pub confidence: f64,
    /// Concept identifiers, where the model gives them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub concepts: Vec<String>,
    /// The model's probability of those concepts, by themselves, where it gives them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concept_confidence: Option<f64>,
}

/// What predictions look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The text with its entities marked, for reading.
    Text,
    /// One token and its tag a line, a blank line between sentences. A token is a character, or a word where words are labelled.
    Conll,
    /// One JSON object a document: text, entities with character offsets and confidences.
    Jsonl,
    /// brat standoff: a `.txt` and an `.ann` file a document.
    Brat,
    /// PubTator: title and abstract lines, then one line an entity.
    Pubtator,
}

/// Writes what was found in each document to `output`: a file, for brat a folder; `None` is standard output.
///
/// A file is there whole or not at all. A pipe or a device is written to, not replaced.
pub fn write(
    shape: Shape,
    documents: &[Document],
    found: &[Vec<Found>],
    output: Option<&Path>,
) -> Result<()> {
    check_output(shape, None, output)?;
    if let (Shape::Brat, Some(folder)) = (shape, output) {
        std::fs::create_dir_all(folder).map_err(DataError::io(folder))?;
        let documents = with_entities(documents, found, true);
        refuse_same_names(&documents)?;
        return brat::write_brat(&documents, folder);
    }
    put(&formatted(shape, documents, found)?, output)
}

/// [`write()`] for what a tagger of words found, each document's entities in their order: as columns it has the tagger's own
/// sentences and words, which are those of the file where the input was columns.
pub fn write_words(shape: Shape, words: &Words, found: &[Vec<Found>], output: Option<&Path>) -> Result<()> {
    if shape == Shape::Conll {
        return put(&columns(&labelled_words(words, found)?)?, output);
    }
    write(shape, &words.documents, found, output)
}

/// Writes one file, or to a pipe, a device or standard output.
fn put(text: &[u8], output: Option<&Path>) -> Result<()> {
    match output {
        Some(path) if path.exists() && !path.is_file() => {
            std::fs::write(path, text).map_err(|e| unwritable(path, &e))
        }
        Some(path) => write_atomically(path, |out| out.write_all(text)).map_err(|e| unwritable(path, &e)),
        None => match std::io::stdout().lock().write_all(text) {
            // A reader that has seen enough (`| head`) is no failure.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(|e| unwritable(Path::new("standard output"), &e)),
        },
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> DataError {
    DataError::file(path, format!("cannot be written: {error}"))
}

/// Refuses an output that [`write()`] could not use, and one that is the input; to be called before the work.
pub fn check_output(shape: Shape, input: Option<&Path>, output: Option<&Path>) -> Result<()> {
    if let (Some(input), Some(output)) = (input, output)
        && let (Ok(one), Ok(two)) = (input.canonicalize(), output.canonicalize())
        && one == two
        && one.is_file()
    {
        return Err(DataError::file(
            output,
            "is the input, which would be replaced; name another with `--output`",
        ));
    }
    match output {
        None if shape == Shape::Brat => {
            Err(DataError::file(Path::new("--format brat"), "writes a folder: name it with `--output DIR`"))
        }
        Some(folder) if shape == Shape::Brat && folder.exists() && !folder.is_dir() => Err(DataError::file(
            folder,
            "is a file; `--format brat` writes a folder: name another with `--output DIR`",
        )),
        _ => Ok(()),
    }
}

/// Everything found, as the bytes of one file.
fn formatted(shape: Shape, documents: &[Document], found: &[Vec<Found>]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match shape {
        Shape::Jsonl => {
            for (document, entities) in documents.iter().zip(found) {
                let line = Line { id: &document.id, text: &document.text, entities };
                out.extend(
                    serde_json::to_vec(&line).map_err(|e| DataError::item(&document.id, e.to_string()))?,
                );
                out.push(b'\n');
            }
        }
        Shape::Text => {
            for (document, entities) in documents.iter().zip(found) {
                out.extend(marked(&document.text, entities).into_bytes());
                out.push(b'\n');
            }
        }
        Shape::Conll => {
            // A document without text has no line in this format.
            let written = with_entities(documents, found, false).into_iter().filter(|d| !d.text.is_empty());
            let sentences: Vec<_> = written.map(|d| characters(&d)).collect();
            out = columns(&sentences)?;
        }
        Shape::Pubtator | Shape::Brat => {
            let documents = with_entities(documents, found, true);
            refuse_same_names(&documents)?;
            let report = pubtator::write_pubtator(&documents, &mut out, Path::new(NAME))?;
            for (remark, Remarked { count, first }) in &report.remarks {
                tracing::warn!("PubTator has a line a text: {count} {} (first: {first})", remark.text());
            }
        }
    }
    Ok(out)
}

/// What messages call the output.
const NAME: &str = "predictions";

/// Sentences as `token TAB tag` lines.
fn columns(sentences: &[Sentence]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let options = conll_writer::ConllWriteOptions::default();
    conll_writer::write_conll(sentences, options, &mut out, Path::new(NAME))?;
    Ok(out)
}

/// The sentences with the entities found in them.
fn labelled_words(words: &Words, found: &[Vec<Found>]) -> Result<Vec<Sentence>> {
    let mut placed = 0;
    let mut sentences = Vec::with_capacity(words.sentences.len());
    for cut in &words.sentences {
        let entities = found.get(cut.document).map_or(&[][..], Vec::as_slice);
        let [first, last] =
            [cut.offsets.first(), cut.offsets.last()].map(|at| at.copied().unwrap_or_default());
        let from = entities.partition_point(|e| e.start < first.0);
        let inside = entities[from..].iter().take_while(|e| e.start < last.1);
        let spans: Vec<Span> =
            inside.filter_map(|e| cut.to_tokens(&Span::new(e.start, e.end, e.label.clone()))).collect();
        placed += spans.len();
        let Sentence { id, tokens, .. } = &cut.sentence;
        sentences.push(Sentence { id: id.clone(), tokens: tokens.clone(), spans, ..Sentence::default() });
    }
    let expected = found.iter().map(Vec::len).sum();
    if placed == expected {
        return Ok(sentences);
    }
    Err(DataError::Count { what: "entities of whole words in their order", expected, found: placed })
}

/// One line of `--format jsonl`.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    text: &'a str,
    entities: &'a [Found],
}

/// Documents with the entities found; `as_file_names` gives them the identifiers of [`file_name`].
fn with_entities(documents: &[Document], found: &[Vec<Found>], as_file_names: bool) -> Vec<Document> {
    let documents = documents.iter().zip(found).map(|(document, entities)| Document {
        id: if as_file_names { file_name(&document.id) } else { document.id.clone() },
        text: document.text.clone(),
        entities: entities
            .iter()
            .map(|e| Entity {
                start: e.start,
                end: e.end,
                label: e.label.clone(),
                concepts: e.concepts.clone(),
            })
            .collect(),
    });
    documents.collect()
}

/// An identifier like `notes.txt:3` as what a file can be called; so brat and PubTator have it.
pub fn file_name(id: &str) -> String {
    id.replace([':', '/', '\\', ' '], "-")
}

/// Two identifiers that differ only in what no file can be called would be one. May be called before the work: [`file_name`] is
/// taken of the identifiers as they are.
pub fn refuse_same_names(documents: &[Document]) -> Result<()> {
    let mut seen = BTreeSet::new();
    match documents.iter().find(|document| !seen.insert(file_name(&document.id))) {
        Some(twice) => Err(DataError::item(
            &twice.id,
            "two documents have this identifier once `:`, `/`, `\\` and spaces are written as `-`; rename one, or write `--format jsonl`",
        )),
        None => Ok(()),
    }
}

/// A document as one sentence of characters. Columns have no place for a tab or line break: each is written as a space, and
/// all others keep their places.
fn characters(document: &Document) -> Sentence {
    Sentence {
        id: document.id.clone(),
        tokens: document.text.replace(['\t', '\n', '\r'], " ").chars().map(String::from).collect(),
        spans: document.entities.iter().map(|e| Span::new(e.start, e.end, e.label.clone())).collect(),
        ..Sentence::default()
    }
}

/// The text with `[entity](label)` for each entity.
fn marked(text: &str, entities: &[Found]) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 16 * entities.len());
    let mut at = 0;
    for entity in entities {
        out.extend(&characters[at..entity.start]);
        out.push('[');
        out.push_str(&entity.text);
        out.push_str("](");
        out.push_str(&entity.label);
        out.push(')');
        at = entity.end;
    }
    out.extend(&characters[at..]);
    out
}
