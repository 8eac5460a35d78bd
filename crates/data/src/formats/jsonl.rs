//! Documents as JSON. Three shapes are read, told apart by their keys:
//!
//! - ours, one object a line: `{"id": "7", "text": "...", "entities": [{"start": 0, "end": 2, "label": "drug"}]}`; an entity may
//!   also have `concepts` and its own `text`, which is then compared with the document's;
//! - doccano's export, one object a line: `{"id": 7, "text": "...", "label": [[0, 2, "drug"]]}` (`labels` in older ones), or, of a
//!   project with relations, `"entities": [{"start_offset": 0, "end_offset": 2, "label": "drug"}]`;
//! - Label Studio's export, an array of tasks or one task a line:
//!   `{"id": 7, "data": {"text": "..."}, "annotations": [{"result": [{"type": "labels", "value": {...}}]}]}`.
//!
//! Offsets count characters (Unicode scalar values), ends are exclusive. doccano's count UTF-16 units and are turned into characters
//! (the project's option to count grapheme clusters must be off); the two differ behind characters above U+FFFF. Label Studio may
//! count UTF-16 units; where a mention's own text shows that, its offsets are turned into characters and counted. A document
//! without `id` is called `<file>:<line>`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json;
use super::report::{Read, Remark, Report};
use super::text::{self, CharMap};
use super::utf16::Utf16Units;
use crate::corpus::{Document, Entity};
use crate::error::{DataError, Result};

const EXPECTED: &str = "one document a line, {\"id\": \"...\", \"text\": \"...\", \"entities\": [{\"start\": 0, \"end\": 1, \"label\": \"...\"}]} (or an export of doccano or Label Studio)";

#[derive(Deserialize)]
struct Raw {
    id: Option<Value>,
    text: Option<String>,
    entities: Option<Vec<RawEntity>>,
    #[serde(alias = "labels")]
    label: Option<Vec<(usize, usize, String)>>,
    data: Option<RawData>,
    annotations: Option<Vec<RawAnnotation>>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
struct RawEntity {
    /// Characters.
    start: Option<usize>,
    end: Option<usize>,
    /// doccano's, in UTF-16 units.
    start_offset: Option<usize>,
    end_offset: Option<usize>,
    label: String,
    #[serde(default)]
    concepts: Vec<String>,
    text: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct RawData {
    text: String,
}

#[derive(Deserialize)]
struct RawAnnotation {
    result: Vec<RawResult>,
    #[serde(default)]
    was_cancelled: bool,
}

#[derive(Deserialize)]
struct RawResult {
    #[serde(rename = "type")]
    kind: String,
    value: Option<Value>,
}

#[derive(Deserialize)]
struct RawValue {
    start: usize,
    end: usize,
    labels: Vec<String>,
    text: Option<String>,
}

/// Reads a file of any of the three shapes.
///
/// # Errors
/// [`DataError::Io`], [`DataError::Empty`], [`DataError::Parse`] for what is none of the shapes, offsets that do not lie in the
/// text or do not match it, a task with several annotations, or an identifier that stands twice.
pub fn read_jsonl(path: &Path) -> Result<Read<Document>> {
    parse_jsonl(&text::read_utf8(path)?, path)
}

/// Reads documents from a text; `path` is for messages and for the names of documents without identifier.
///
/// # Errors
/// As [`read_jsonl`], but for reading.
pub fn parse_jsonl(content: &str, path: &Path) -> Result<Read<Document>> {
    let mut reader = Reader {
        path,
        name: path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
        seen: BTreeMap::new(),
        read: Read::default(),
    };
    if content.trim_start().starts_with('[') {
        let tasks: Vec<Raw> = serde_json::from_str(content)
            .map_err(|e| json::error(&e, content, 1, path, "an array of tasks as Label Studio exports it"))?;
        for (index, raw) in tasks.into_iter().enumerate() {
            // An array has no line of its own for each task, so the task is counted instead.
            reader.document(raw, 1, &format!("task {}: ", index + 1), index + 1)?;
        }
    } else {
        for (number, line) in text::lines(content) {
            if !line.trim().is_empty() {
                reader.document(json::from_line(line, number, path, EXPECTED)?, number, "", number)?;
            }
        }
    }
    if reader.read.items.is_empty() {
        return Err(DataError::Empty { path: path.to_owned(), expected: "one JSON document a line" });
    }
    Ok(reader.read)
}

struct Reader<'a> {
    path: &'a Path,
    name: String,
    seen: BTreeMap<String, usize>,
    read: Read<Document>,
}

impl Reader<'_> {
    fn document(&mut self, raw: Raw, line: usize, place: &str, number: usize) -> Result<()> {
        let path = self.path;
        let fail =
            |message: &str, found: &str| DataError::parse(path, line, 1, format!("{place}{message}"), found);
        let id = match raw.id {
            None | Some(Value::Null) => format!("{}:{number}", self.name),
            Some(Value::String(id)) if !id.is_empty() => id,
            Some(Value::Number(id)) => id.to_string(),
            Some(other) => {
                return Err(fail("`id` must be a number or a text that is not empty", &other.to_string()));
            }
        };
        if let Some(before) = self.seen.insert(id.clone(), number) {
            let message = format!("the identifier stands twice (first as number {before}); rename one");
            return Err(fail(&message, &id));
        }
        let report = &mut self.read.report;
        let is_task = raw.data.is_some();
        let (text, entities) = match (raw.text, raw.data, raw.entities, raw.label, raw.annotations) {
            (Some(text), None, Some(entities), None, None) => (text, entities),
            (Some(text), None, None, Some(labels), None) => {
                (text, labels.into_iter().map(RawEntity::of_doccano).collect())
            }
            (None, Some(data), None, None, Some(annotations)) => {
                let entities =
                    task_entities(annotations, &id, report).map_err(|(m, found)| fail(&m, &found))?;
                (data.text, entities)
            }
            // A text without any annotation: to be predicted or labelled.
            (Some(text), None, None, None, None) => {
                report.note(Remark::NotAnnotated, || id.clone());
                (text, Vec::new())
            }
            _ => {
                let message = format!("none of the shapes that are read; expected {EXPECTED}");
                return Err(fail(&message, &id));
            }
        };
        // A task of Label Studio has two dozen keys of its own that are not about mentions.
        let keys = raw.rest.keys().filter(|_| !is_task).chain(entities.iter().flat_map(|e| e.rest.keys()));
        for key in keys {
            report.note(Remark::KeyNotRead, || format!("{id}: {key}"));
        }
        let map = CharMap::new(&text);
        let mut found = Vec::with_capacity(entities.len());
        for (index, entity) in entities.into_iter().enumerate() {
            found.push(
                resolve(entity, &map, &id, report)
                    .map_err(|(message, found)| fail(&format!("entity {index} {message}"), &found))?,
            );
        }
        found.sort();
        self.read.items.push(Document { id, text, entities: found });
        Ok(())
    }
}

impl RawEntity {
    fn of_doccano((start, end, label): (usize, usize, String)) -> Self {
        Self { start_offset: Some(start), end_offset: Some(end), label, ..Self::default() }
    }
}

/// What is wrong and the offending text.
type Wrong = (String, String);

fn task_entities(
    annotations: Vec<RawAnnotation>,
    id: &str,
    report: &mut Report,
) -> Result<Vec<RawEntity>, Wrong> {
    let mut valid = Vec::new();
    for annotation in annotations {
        if annotation.was_cancelled {
            report.note(Remark::Cancelled, || id.to_owned());
        } else {
            valid.push(annotation);
        }
    }
    if valid.is_empty() {
        // Nobody has answered; an answer without mentions is an annotation with an empty result.
        report.note(Remark::NotAnnotated, || id.to_owned());
    }
    if valid.len() > 1 {
        let message = "the task has several annotations; export one a task (resolve the disagreement first)";
        return Err((message.into(), format!("{} annotations", valid.len())));
    }
    let mut entities = Vec::new();
    for result in valid.into_iter().flat_map(|annotation| annotation.result) {
        if result.kind != "labels" {
            report.note(Remark::NotAMention, || format!("{id}: {}", result.kind));
            continue;
        }
        let value = result.value.unwrap_or(Value::Null);
        let shown = value.to_string();
        let value: RawValue = serde_json::from_value(value)
            .map_err(|e| (format!("a result of the task: {e}"), shown.clone()))?;
        let [label] = <[String; 1]>::try_from(value.labels)
            .map_err(|labels| (format!("a region has {} labels; expected one", labels.len()), shown))?;
        let (start, end) = (Some(value.start), Some(value.end));
        entities.push(RawEntity { start, end, label, text: value.text, ..RawEntity::default() });
    }
    Ok(entities)
}

/// Checks an entity against the text, turning UTF-16 offsets into characters: doccano's, and others where its own text shows that
/// they are.
fn resolve(entity: RawEntity, map: &CharMap<'_>, id: &str, report: &mut Report) -> Result<Entity, Wrong> {
    let RawEntity { start, end, start_offset, end_offset, label, concepts, text, .. } = entity;
    let (start, end) = match (start, end, start_offset, end_offset) {
        (Some(start), Some(end), None, None) => (start, end),
        (None, None, Some(start), Some(end)) => of_units(map, start, end)?,
        _ => {
            let message =
                "must have `start` and `end`, or doccano's `start_offset` and `end_offset`, once each";
            return Err((message.into(), label));
        }
    };
    if label.is_empty() {
        return Err(("has an empty label".into(), format!("{start}..{end}")));
    }
    let in_text = map.slice(start, end).filter(|s| !s.is_empty());
    let (start, end) = match (&text, in_text) {
        (None, Some(_)) => (start, end),
        (Some(text), Some(found)) if text == found => (start, end),
        (Some(text), _) => {
            let characters = Utf16Units::of(map.text()).characters(start, end);
            let Some(characters) = characters.filter(|&(a, b)| map.slice(a, b) == Some(text)) else {
                let message = in_text.map_or_else(
                    || outside(map),
                    |found| {
                        format!(
                            "does not match its text: at {start}..{end} stands `{found}`; mend the offsets"
                        )
                    },
                );
                return Err((message, text.clone()));
            };
            report.note(Remark::Utf16Offsets, || format!("{id}: {start}..{end}"));
            characters
        }
        (None, None) => return Err((outside(map), format!("{start}..{end}"))),
    };
    Ok(Entity { start, end, label, concepts })
}

fn outside(map: &CharMap<'_>) -> String {
    format!(
        "does not lie in the text's {} characters; offsets count characters from 0, ends are exclusive",
        map.len()
    )
}

/// The characters of a place that doccano gives.
fn of_units(map: &CharMap<'_>, start: usize, end: usize) -> Result<(usize, usize), Wrong> {
    let units = Utf16Units::of(map.text());
    units.characters(start, end).ok_or_else(|| {
        let units = units.count();
        let message = if start.max(end) > units {
            format!(
                "does not lie in the text's {units} UTF-16 units, which doccano counts from 0; ends are exclusive"
            )
        } else {
            "begins or ends inside a character of two UTF-16 units, which doccano counts; mark it again, with the project's option \
             to count grapheme clusters off"
                .to_owned()
        };
        (message, format!("{start}..{end}"))
    })
}

#[derive(Serialize)]
struct Out<'a> {
    id: &'a str,
    text: &'a str,
    entities: Vec<OutEntity<'a>>,
}

#[derive(Serialize)]
struct OutEntity<'a> {
    start: usize,
    end: usize,
    label: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    concepts: &'a [String],
}

/// Writes documents in our shape, one a line; each entity has its text beside its offsets.
///
/// # Errors
/// [`DataError::Item`] for a mention that does not lie in the text or has no label, [`DataError::Io`] when writing fails; `path`
/// names the target in messages.
pub fn write_jsonl(documents: &[Document], out: &mut dyn Write, path: &Path) -> Result<()> {
    for document in documents {
        document.check()?;
        let map = CharMap::new(&document.text);
        let mut entities = Vec::with_capacity(document.entities.len());
        for entity in &document.entities {
            if entity.label.is_empty() || document.id.is_empty() {
                return Err(DataError::item(
                    &document.id,
                    "a document without identifier or a mention without label",
                ));
            }
            entities.push(OutEntity {
                start: entity.start,
                end: entity.end,
                label: &entity.label,
                text: map.slice(entity.start, entity.end).unwrap_or_default(),
                concepts: &entity.concepts,
            });
        }
        let record = Out { id: &document.id, text: &document.text, entities };
        let mut line =
            serde_json::to_string(&record).map_err(|e| DataError::item(&document.id, e.to_string()))?;
        line.push('\n');
        out.write_all(line.as_bytes()).map_err(DataError::io(path))?;
    }
    out.flush().map_err(DataError::io(path))
}
