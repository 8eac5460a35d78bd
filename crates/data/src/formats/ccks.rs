//! CCKS-2019 task 1 (entities in Chinese electronic medical records): one JSON object a line, after a byte order mark.
//!
//! `{"originalText": "...", "entities": [{"label_type": "手术", "start_pos": 3, "end_pos": 7}]}`; offsets count characters,
//! ends are exclusive. Training records have a key `overlap` in each entity, always 0. Documents get the English names of
//! [`TYPES`]; the paper's tags (`DIS`, ...) stand beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::report::{Read, Remark, Report};
use super::{json, text};
use crate::corpus::{Document, Entity};
use crate::error::{DataError, Result};

/// One of the six entity types under its three names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityType {
    /// As the corpus writes it.
    pub source: &'static str,
    /// English name, the label of our documents and of the published tables.
    pub name: &'static str,
    /// Tag of the paper.
    pub tag: &'static str,
}

/// The types in the order of the paper's Table 1.
pub const TYPES: [EntityType; 6] = [
    EntityType { source: "疾病和诊断", name: "disease", tag: "DIS" },
    EntityType { source: "影像检查", name: "exam", tag: "EXA" },
    EntityType { source: "实验室检验", name: "test", tag: "TES" },
    EntityType { source: "手术", name: "operation", tag: "OPE" },
    EntityType { source: "药物", name: "drug", tag: "DRU" },
    EntityType { source: "解剖部位", name: "anatomy", tag: "ANA" },
];

impl EntityType {
    /// The type of that name, in any of its three forms.
    pub fn find(name: &str) -> Option<&'static Self> {
        TYPES.iter().find(|t| [t.source, t.name, t.tag].contains(&name))
    }
}

#[derive(Deserialize)]
struct RawRecord {
    #[serde(rename = "originalText")]
    text: String,
    entities: Vec<RawEntity>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct RawEntity {
    label_type: String,
    start_pos: usize,
    end_pos: usize,
    overlap: Option<i64>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

const EXPECTED: &str = "one object a line: {\"originalText\": \"...\", \"entities\": [{\"label_type\": \"...\", \"start_pos\": 0, \"end_pos\": 1}]}";

/// Reads one file; a record's identifier is `<file name>:<line>`.
///
/// # Errors
/// [`DataError::Io`], [`DataError::Empty`], [`DataError::Parse`] for a line that is no such object, an unknown type, offsets
/// that do not lie in the text, or entities that overlap.
pub fn read(path: &Path) -> Result<Read<Document>> {
    let content = text::read_utf8(path)?;
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let lines: Vec<(usize, &str)> =
        text::lines(&content).filter(|(_, line)| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return Err(DataError::Empty { path: path.to_owned(), expected: "one JSON record a line" });
    }
    let documents: Vec<Result<(Document, Report)>> = lines
        .par_iter()
        .map(|&(number, line)| record(line, number, path, format!("{name}:{number}")))
        .collect();
    let mut read = Read::default();
    for document in documents {
        let (document, report) = document?;
        read.items.push(document);
        read.report.merge(report);
    }
    Ok(read)
}

fn record(line: &str, number: usize, path: &Path, id: String) -> Result<(Document, Report)> {
    let raw: RawRecord = json::from_line(line, number, path, EXPECTED)?;
    let mut report = Report::default();
    for key in raw.rest.keys().chain(raw.entities.iter().flat_map(|e| e.rest.keys())) {
        report.note(Remark::KeyNotRead, || format!("{id}: {key}"));
    }
    let map = text::CharMap::new(&raw.text);
    let mut entities = Vec::with_capacity(raw.entities.len());
    for (index, entity) in raw.entities.iter().enumerate() {
        let (start, end) = (entity.start_pos, entity.end_pos);
        let fail = |message: String, found: &str| Err(DataError::parse(path, number, 1, message, found));
        let Some(kind) = EntityType::find(&entity.label_type) else {
            let known: Vec<&str> = TYPES.iter().map(|t| t.source).collect();
            let message =
                format!("entity {index} has an unknown `label_type`; expected one of {}", known.join(", "));
            return fail(message, &entity.label_type);
        };
        if start >= end || end > map.len() {
            let message = format!(
                "entity {index} ({}) does not lie in the text's {} characters; offsets count characters from 0, ends are exclusive",
                entity.label_type,
                map.len()
            );
            return fail(message, &format!("{start}..{end}"));
        }
        if entity.overlap.is_some_and(|overlap| overlap != 0) {
            let message = format!(
                "entity {index} has `overlap` other than 0, which has no reading here; leave it out of the file"
            );
            return fail(message, map.slice(start, end).unwrap_or_default());
        }
        entities.push(Entity { start, end, label: kind.name.to_owned(), concepts: Vec::new() });
    }
    entities.sort();
    if let Some((a, b)) = entities.iter().zip(entities.iter().skip(1)).find(|(a, b)| b.start < a.end) {
        let message = format!(
            "entities {}..{} ({}) and {}..{} ({}) overlap; keep one of them",
            a.start, a.end, a.label, b.start, b.end, b.label
        );
        let found = map.slice(a.start, a.end.max(b.end)).unwrap_or_default();
        return Err(DataError::parse(path, number, 1, message, found));
    }
    let document = Document { id, text: raw.text, entities };
    Ok((document, report))
}

/// How many different mention strings each type has, in the order of [`TYPES`]: what the paper's Table 1 counts.
pub fn distinct_mentions(documents: &[Document]) -> [usize; 6] {
    let mut mentions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for document in documents {
        let map = text::CharMap::new(&document.text);
        for entity in &document.entities {
            mentions.entry(&entity.label).or_default().extend(map.slice(entity.start, entity.end));
        }
    }
    TYPES.map(|t| mentions.get(t.name).map_or(0, BTreeSet::len))
}
