//! PubTator: a title, an abstract, and mentions at character offsets with concept identifiers.
//!
//! ```text
//! 10192393|t|A common human skin tumour is caused by ...
//! 10192393|a|WNT signalling orchestrates ...
//! 10192393<TAB>15<TAB>26<TAB>skin tumour<TAB>DiseaseClass<TAB>D012878
//! ```
//!
//! The document's text is the title, a line break, and the abstract (the format counts one character between them); only the
//! title where the abstract is empty. Concepts: `A|B` is a composite mention of two; `A+B` (one concept put together of two)
//! stays one; `-1` or no sixth column means none. A seventh column (the parts of a composite mention) and lines of four
//! columns (relations) are counted, not kept.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use super::report::{Read, Remark, Report};
use super::text::{self, CharMap};
use crate::corpus::{Document, Entity};
use crate::error::{DataError, Result};

/// How much of a file's untidiness is borne.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PubTatorOptions {
    /// Accept, and count, mentions whose text differs from the document's in spaces or punctuation only, and identifiers that
    /// stand twice (the second one becomes `<id>#2`); else they are errors. The NCBI corpus has one of each.
    pub tolerant: bool,
}

/// Reads a file.
///
/// # Errors
/// [`DataError::Io`], [`DataError::Empty`], [`DataError::Parse`] for a line that is none of the format's, a mention of another
/// document, offsets that do not lie in the text or do not match it.
pub fn read_pubtator(path: &Path, options: PubTatorOptions) -> Result<Read<Document>> {
    parse_pubtator(&text::read_utf8(path)?, path, options)
}

/// Reads documents from a text; `path` is for messages.
///
/// # Errors
/// As [`read_pubtator`], but for reading.
pub fn parse_pubtator(content: &str, path: &Path, options: PubTatorOptions) -> Result<Read<Document>> {
    let mut reader = Reader { path, options, open: None, seen: BTreeMap::new(), read: Read::default() };
    for (number, line) in text::lines(content) {
        if line.trim().is_empty() {
            reader.end_document();
        } else {
            reader.line(number, line)?;
        }
    }
    reader.end_document();
    if reader.read.items.is_empty() {
        return Err(DataError::Empty {
            path: path.to_owned(),
            expected: "documents that begin with `<id>|t|<title>` and `<id>|a|<abstract>`",
        });
    }
    Ok(reader.read)
}

struct Open {
    /// Identifier in the file; the document's may have a number added.
    source_id: String,
    document: Document,
    has_abstract: bool,
}

struct Reader<'a> {
    path: &'a Path,
    options: PubTatorOptions,
    open: Option<Open>,
    seen: BTreeMap<String, usize>,
    read: Read<Document>,
}

impl Reader<'_> {
    fn end_document(&mut self) {
        if let Some(mut open) = self.open.take() {
            open.document.entities.sort();
            self.read.items.push(open.document);
        }
    }

    fn line(&mut self, number: usize, line: &str) -> Result<()> {
        let fail = |part: &str, message: &str| {
            DataError::parse(self.path, number, text::column(line, part), message, part)
        };
        // `id|t|...`: the identifier has neither bar nor tab in it.
        let mut bars = line.splitn(3, '|');
        if let (Some(id), Some(kind @ ("t" | "a")), Some(content)) = (bars.next(), bars.next(), bars.next())
            && !id.contains('\t')
        {
            if id.trim().is_empty() || id.trim() != id {
                return Err(fail(
                    line,
                    "the document's identifier is empty or has spaces around it; expected `<id>|t|<title>`",
                ));
            }
            return if kind == "t" {
                self.title(number, line, id, content)
            } else {
                let open = self
                    .open
                    .as_mut()
                    .filter(|open| {
                        open.source_id == id && !open.has_abstract && open.document.entities.is_empty()
                    })
                    .ok_or_else(|| {
                        fail(line, "an abstract that does not follow its title `<id>|t|<title>`")
                    })?;
                open.has_abstract = true;
                if !content.is_empty() {
                    open.document.text.push('\n');
                    open.document.text.push_str(content);
                }
                Ok(())
            };
        }
        let columns: Vec<&str> = line.split('\t').collect();
        let Some(open) = &mut self.open else {
            return Err(fail(line, "expected a title `<id>|t|<title>` at a document's beginning"));
        };
        if columns[0] != open.source_id {
            let message = format!(
                "belongs to another document than the one that is open (`{}`); part documents by a blank line",
                open.source_id
            );
            return Err(fail(columns[0], &message));
        }
        let id = &open.document.id;
        match columns.len() {
            5..=7 => {}
            4 => {
                self.read.report.note(Remark::NotAMention, || format!("{id}: {}", columns[1..].join(" ")));
                return Ok(());
            }
            n => {
                let message =
                    format!("{n} columns parted by tabs; expected 6: id, start, end, text, type, concept");
                return Err(fail(line, &message));
            }
        }
        let offset = |column: &str| {
            column.parse::<usize>().map_err(|_| fail(column, "expected a character offset (digits)"))
        };
        let (start, end) = (offset(columns[1])?, offset(columns[2])?);
        let (mention, label) = (columns[3], columns[4]);
        if label.trim().is_empty() {
            return Err(fail(line, "the mention's type is empty"));
        }
        let map = CharMap::new(&open.document.text);
        let Some(found) = map.slice(start, end).filter(|found| !found.is_empty()) else {
            let message = format!(
                "the mention's offsets do not lie in the text's {} characters; offsets count characters from 0, ends are exclusive",
                map.len()
            );
            return Err(DataError::parse(
                self.path,
                number,
                text::column(line, columns[1]),
                message,
                &format!("{start}..{end}"),
            ));
        };
        // A mention that runs from the title into the abstract has the break between them written as a space.
        if found.replace('\n', " ") != mention {
            if !self.options.tolerant || words(found) != words(mention) {
                let message =
                    format!("the text at {start}..{end} is `{found}`; mend the offsets or the mention");
                return Err(fail(mention, &message));
            }
            self.read
                .report
                .note(Remark::MentionDiffers, || format!("{id}: `{mention}` where the text is `{found}`"));
        }
        let mut concepts = Vec::new();
        for concept in columns.get(5).copied().unwrap_or_default().split('|') {
            let trimmed = concept.trim();
            if trimmed != concept {
                self.read.report.note(Remark::TrimmedConcept, || format!("{id}: `{concept}`"));
            }
            if !trimmed.is_empty() && trimmed != "-1" && trimmed != "-" {
                concepts.push(trimmed.to_owned());
            }
        }
        if columns.len() == 7 {
            self.read.report.note(Remark::PartsNotRead, || format!("{id}: {}", columns[6]));
        }
        open.document.entities.push(Entity { start, end, label: label.to_owned(), concepts });
        Ok(())
    }

    fn title(&mut self, number: usize, line: &str, id: &str, title: &str) -> Result<()> {
        self.end_document();
        let times = self.seen.entry(id.to_owned()).or_insert(0);
        *times += 1;
        let mut unique = id.to_owned();
        if *times > 1 {
            unique = format!("{id}#{times}");
            if !self.options.tolerant {
                let message = "the document's identifier stands twice in the file; remove or rename one";
                return Err(DataError::parse(self.path, number, 1, message, line));
            }
            self.read.report.note(Remark::DuplicateId, || format!("{}:{number}: {id}", self.path.display()));
        }
        self.open = Some(Open {
            source_id: id.to_owned(),
            document: Document { id: unique, text: title.to_owned(), entities: Vec::new() },
            has_abstract: false,
        });
        Ok(())
    }
}

/// The letters and digits of a mention: what must agree even where spaces and punctuation do not.
fn words(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Writes documents. The title is the text up to the first line break; further line breaks, and tabs, have no place in the
/// format and are written as spaces (counted; offsets stay right).
///
/// # Errors
/// [`DataError::Item`] for an identifier, type or concept with a bar, tab or line break in it, or a mention that does not lie in
/// the text. [`DataError::Io`] when writing fails; `path` names the target in messages.
pub fn write_pubtator(documents: &[Document], out: &mut dyn Write, path: &Path) -> Result<Report> {
    let mut report = Report::default();
    for document in documents {
        let block = format_document(document, &mut report)?;
        out.write_all(block.as_bytes()).map_err(DataError::io(path))?;
    }
    out.flush().map_err(DataError::io(path))?;
    Ok(report)
}

fn format_document(document: &Document, report: &mut Report) -> Result<String> {
    document.check()?;
    let id = &document.id;
    let fail = |what: &str, text: &str| {
        let message = format!(
            "{what} `{}` cannot be written as PubTator: it must not be empty nor have a bar, tab or line break in it",
            text.escape_debug()
        );
        Err(DataError::item(id, message))
    };
    let bad = |text: &str| text.trim() != text || text.is_empty() || text.contains(['|', '\t', '\n', '\r']);
    if bad(id) {
        return fail("the identifier", id);
    }
    let (title, rest) = document.text.split_once('\n').unwrap_or((&document.text, ""));
    let flat = |text: &str| text.replace(['\n', '\r', '\t'], " ");
    if title.contains(['\r', '\t']) || rest.contains(['\n', '\r', '\t']) {
        report.note(Remark::BreakReplaced, || id.clone());
    }
    let mut block = format!("{id}|t|{}\n{id}|a|{}\n", flat(title), flat(rest));
    let map = CharMap::new(&document.text);
    for entity in &document.entities {
        if bad(&entity.label) {
            return fail("the type", &entity.label);
        }
        if let Some(concept) = entity.concepts.iter().find(|c| bad(c) || *c == "-1" || *c == "-") {
            return fail("the concept", concept);
        }
        let mention = map.slice(entity.start, entity.end).unwrap_or_default();
        let concepts = if entity.concepts.is_empty() { "-1".to_owned() } else { entity.concepts.join("|") };
        let columns = [
            id.as_str(),
            &entity.start.to_string(),
            &entity.end.to_string(),
            &flat(mention),
            &entity.label,
            &concepts,
        ];
        block.push_str(&columns.join("\t"));
        block.push('\n');
    }
    block.push('\n');
    Ok(block)
}
