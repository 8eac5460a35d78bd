//! brat standoff: a folder with a `.txt` and a `.ann` for each document.
//!
//! ```text
//! T1<TAB>Disease 15 26<TAB>skin tumour
//! N1<TAB>Reference T1 MESH:D012878<TAB>skin tumour
//! ```
//!
//! Offsets count characters. A mention in several pieces (`0 5;12 18`) is not a span: it is left out, counted, and listed in
//! [`BratRead::discontinuous`]. Pieces with nothing but line breaks between them are one mention (that is how brat writes a mention
//! that runs over a line's end). References (`N`) become concepts; relations, events, attributes and notes are counted, not read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::report::{Remark, Report};
use super::text::{self, CharMap};
use crate::atomic::write_atomically;
use crate::corpus::{Document, Entity};
use crate::error::{DataError, Result};

/// Name of the resource under which concepts without one of their own are written, and which is taken off when read.
const RESOURCE: &str = "concept:";

/// A mention in several pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discontinuous {
    /// Its document.
    pub document: String,
    /// Its identifier there (`T7`).
    pub id: String,
    /// Its type.
    pub label: String,
    /// First character and one past the last of each piece.
    pub pieces: Vec<(usize, usize)>,
    /// Its text as brat writes it.
    pub text: String,
}

/// The documents of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BratRead {
    /// Sorted by name, numbers in it by their value; the identifier is the file's name without `.txt`.
    pub documents: Vec<Document>,
    /// Mentions that are no spans, left out of the documents.
    pub discontinuous: Vec<Discontinuous>,
    /// What was left out or read past.
    pub report: Report,
}

/// Reads a folder (not its sub-folders).
///
/// # Errors
/// [`DataError::Io`], [`DataError::Empty`] when there is no `.txt`, [`DataError::Item`] for a `.txt` without `.ann` or the reverse,
/// [`DataError::Parse`] for a line that is none of the format's, or offsets that do not lie in the text or do not match it.
pub fn read_brat(folder: &Path) -> Result<BratRead> {
    // The key before the name puts `note-2` before `note-10`, as the files were written.
    let mut names: BTreeMap<(Vec<Part>, String), (bool, bool)> = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(DataError::io(folder))? {
        let path = entry.map_err(DataError::io(folder))?.path();
        let Some(name) = path.file_name().map(|n| n.to_string_lossy().into_owned()) else {
            continue;
        };
        if let Some(stem) = name.strip_suffix(".txt") {
            names.entry((parts(stem), stem.to_owned())).or_default().0 = true;
        } else if let Some(stem) = name.strip_suffix(".ann") {
            names.entry((parts(stem), stem.to_owned())).or_default().1 = true;
        }
    }
    if names.is_empty() {
        return Err(DataError::Empty {
            path: folder.to_owned(),
            expected: "files `<name>.txt` and `<name>.ann`",
        });
    }
    let mut read = BratRead::default();
    for ((_, name), (has_text, has_annotations)) in names {
        let [text_path, ann_path] = [".txt", ".ann"].map(|suffix| folder.join(format!("{name}{suffix}")));
        if !(has_text && has_annotations) {
            let (there, missing) = if has_text { (".txt", ".ann") } else { (".ann", ".txt") };
            let message = format!(
                "{} has a {there} but no {missing}; add it (an empty .ann where there is no mention)",
                folder.display()
            );
            return Err(DataError::item(&name, message));
        }
        // Not `read_utf8`: a byte order mark counts in the offsets.
        let bytes = fs::read(&text_path).map_err(DataError::io(&text_path))?;
        let marked = bytes.starts_with("\u{feff}".as_bytes());
        let mut content = text::decode_utf8(bytes, &text_path)?;
        if marked {
            content.insert(0, '\u{feff}');
        }
        let annotations = text::read_utf8(&ann_path)?;
        read_document(name, content, &annotations, &ann_path, &mut read)?;
    }
    Ok(read)
}

/// A piece of a name: digits by their value, all else as it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u128),
    Text(String),
}

/// What names are sorted by.
fn parts(name: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        let number = if digits { part.parse().ok() } else { None };
        parts.push(number.map_or_else(|| Part::Text(part.to_owned()), Part::Number));
        rest = after;
    }
    parts
}

fn read_document(
    id: String,
    content: String,
    annotations: &str,
    path: &Path,
    read: &mut BratRead,
) -> Result<()> {
    let map = CharMap::new(&content);
    let mut mentions: BTreeMap<&str, Entity> = BTreeMap::new();
    let mut left_out: Vec<&str> = Vec::new();
    let mut references: Vec<(usize, &str, &str, &str)> = Vec::new();
    for (number, line) in text::lines(annotations) {
        if line.trim().is_empty() {
            continue;
        }
        let fail = |part: &str, message: &str| {
            DataError::parse(path, number, text::column(line, part), message, part)
        };
        let mut columns = line.splitn(3, '\t');
        let (key, middle, last) =
            (columns.next().unwrap_or_default(), columns.next().unwrap_or_default(), columns.next());
        match key.chars().next() {
            Some('T') => {}
            Some('N') => {
                let mut parts = middle.split(' ');
                match (parts.next(), parts.next(), parts.next(), parts.next()) {
                    (Some(_), Some(target), Some(concept), None) if !concept.is_empty() => {
                        references.push((number, line, target, concept));
                        continue;
                    }
                    _ => return Err(fail(middle, "expected `Reference T1 RESOURCE:ID`")),
                }
            }
            Some('R' | 'E' | 'A' | 'M' | '*' | '#') => {
                read.report.note(Remark::NotAMention, || format!("{}:{number}", path.display()));
                continue;
            }
            _ => return Err(fail(line, "expected a line that begins with T, N, R, E, A, M, * or #")),
        }
        let (label, places) = middle
            .split_once(' ')
            .filter(|(label, _)| !label.is_empty())
            .ok_or_else(|| fail(middle, "expected `T1<TAB>Type start end<TAB>text`"))?;
        let shown = last.ok_or_else(|| {
            fail(line, "the mention has no text; expected `T1<TAB>Type start end<TAB>text`")
        })?;
        let mut pieces: Vec<(usize, usize)> = Vec::new();
        for place in places.split(';') {
            let piece = place
                .split_once(' ')
                .and_then(|(a, b)| Some((a.parse::<usize>().ok()?, b.parse::<usize>().ok()?)))
                .ok_or_else(|| fail(place, "expected `start end` in digits"))?;
            if map.slice(piece.0, piece.1).is_none_or(str::is_empty)
                || pieces.last().is_some_and(|p| p.1 > piece.0)
            {
                let message = format!(
                    "the piece is out of order or does not lie in the text's {} characters; offsets count characters from 0, ends are exclusive",
                    map.len()
                );
                return Err(fail(place, &message));
            }
            pieces.push(piece);
        }
        let texts: Vec<&str> = pieces.iter().filter_map(|&(a, b)| map.slice(a, b)).collect();
        let found = texts.join(" ");
        if flat(&found) != flat(shown) {
            return Err(fail(
                shown,
                &format!("the text at {places} is `{found}`; mend the offsets or the text"),
            ));
        }
        if mentions.contains_key(key) || left_out.contains(&key) {
            return Err(fail(key, "the identifier stands twice in the file"));
        }
        let joined = pieces.windows(2).all(|p| {
            map.slice(p[0].1, p[1].0).is_some_and(|gap| gap.chars().all(|c| matches!(c, '\n' | '\r')))
        });
        let (Some(first), Some(end)) = (pieces.first(), pieces.last()) else {
            continue;
        };
        if joined {
            let entity = Entity { start: first.0, end: end.1, label: label.to_owned(), concepts: Vec::new() };
            mentions.insert(key, entity);
        } else {
            read.report.note(Remark::Discontinuous, || format!("{}:{number}: {shown}", path.display()));
            left_out.push(key);
            read.discontinuous.push(Discontinuous {
                document: id.clone(),
                id: key.to_owned(),
                label: label.to_owned(),
                pieces,
                text: shown.to_owned(),
            });
        }
    }
    for (number, line, target, concept) in references {
        if let Some(entity) = mentions.get_mut(target) {
            entity.concepts.push(concept.strip_prefix(RESOURCE).unwrap_or(concept).to_owned());
        } else if !left_out.contains(&target) {
            let column = text::column(line, target);
            return Err(DataError::parse(
                path,
                number,
                column,
                "a reference to a mention that is not in the file",
                target,
            ));
        }
    }
    let mut entities: Vec<Entity> = mentions.into_values().collect();
    entities.sort();
    read.documents.push(Document { id, text: content, entities });
    Ok(())
}

/// brat writes line breaks inside a mention's text as spaces.
fn flat(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// Writes documents into a folder, which is made where it is missing. Existing files of the same names are replaced.
///
/// # Errors
/// [`DataError::Item`] for an identifier that cannot name a file, a type or concept that is empty or has white space in it, or a
/// mention that does not lie in the text or begins or ends with a line break. [`DataError::Io`] when writing fails.
pub fn write_brat(documents: &[Document], folder: &Path) -> Result<()> {
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    for document in documents {
        let id = &document.id;
        if id.is_empty() || id.starts_with('.') || id.contains(['/', '\\', '\0']) {
            return Err(DataError::item(
                id,
                "the identifier cannot name a file; it must not be empty, begin with `.`, or have a slash in it",
            ));
        }
        let annotations = format_annotations(document)?;
        files.insert(folder.join(format!("{id}.ann")), annotations);
        if files.insert(folder.join(format!("{id}.txt")), document.text.clone()).is_some() {
            return Err(DataError::item(id, "two documents have this identifier; rename one"));
        }
    }
    fs::create_dir_all(folder).map_err(DataError::io(folder))?;
    for (path, content) in files {
        write_atomically(&path, |out| out.write_all(content.as_bytes())).map_err(DataError::io(&path))?;
    }
    Ok(())
}

fn format_annotations(document: &Document) -> Result<String> {
    document.check()?;
    let characters: Vec<char> = document.text.chars().collect();
    let is_break = |i: usize| matches!(characters[i], '\n' | '\r');
    let mut mentions: Vec<String> = Vec::new();
    let mut references: Vec<String> = Vec::new();
    for (index, entity) in document.entities.iter().enumerate() {
        let Entity { start, end, label, concepts } = entity;
        let fail = |message: &str| {
            Err(DataError::item(&document.id, format!("mention {start}..{end} ({label}) {message}")))
        };
        if label.is_empty() || label.contains(char::is_whitespace) {
            return fail("has a type that is empty or has white space in it; brat needs a single word");
        }
        if is_break(*start) || is_break(end - 1) {
            return fail("begins or ends with a line break, which brat cannot write; shorten it");
        }
        // Line breaks part a mention into pieces.
        let mut pieces: Vec<(usize, usize)> = Vec::new();
        for i in (*start..*end).filter(|&i| !is_break(i)) {
            match pieces.last_mut() {
                Some(piece) if piece.1 == i => piece.1 = i + 1,
                _ => pieces.push((i, i + 1)),
            }
        }
        let places: Vec<String> = pieces.iter().map(|(a, b)| format!("{a} {b}")).collect();
        let texts: Vec<String> = pieces.iter().map(|&(a, b)| characters[a..b].iter().collect()).collect();
        let shown = texts.join(" ");
        let number = index + 1;
        mentions.push(format!("T{number}\t{label} {}\t{shown}\n", places.join(";")));
        for concept in concepts {
            if concept.is_empty() || concept.contains(char::is_whitespace) {
                return fail("has a concept that is empty or has white space in it");
            }
            let reference = references.len() + 1;
            references.push(format!("N{reference}\tReference T{number} {RESOURCE}{concept}\t{shown}\n"));
        }
    }
    mentions.append(&mut references);
    Ok(mentions.concat())
}
