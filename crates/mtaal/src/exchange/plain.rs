//! Our own JSON lines.
//!
//! ```text
//! {"id":"7","labelled":false,"text":"Severe anemia .","tokens":[[0,6],[7,13],[14,15]],"entities":[{"start":0,"end":13,"label":"Disease","text":"Severe anemia","concepts":["D000740"],"confidence":0.93}]}
//! ```
//! An answer says `"labelled": true` or nothing of it; its `tokens` and `confidence` are not read.

use std::path::Path;

use medner_data::formats::text::CharMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answers::{Raw, RawAnswer, RawMention};
use super::error::{ExchangeError, Result};
use super::item::Item;
use super::json;

const EXPECTED: &str = "{\"id\": \"...\", \"text\": \"...\", \"entities\": [{\"start\": 0, \"end\": 1, \"label\": \"...\", \"concepts\": []}], \"labelled\": true}";

#[derive(Serialize)]
struct Out<'a> {
    id: &'a str,
    labelled: bool,
    text: &'a str,
    tokens: &'a [(usize, usize)],
    entities: Vec<OutEntity<'a>>,
}

#[derive(Serialize)]
struct OutEntity<'a> {
    start: usize,
    end: usize,
    label: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    concepts: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct In {
    id: String,
    text: String,
    entities: Vec<InEntity>,
    #[serde(default = "yes")]
    labelled: bool,
    #[serde(default, rename = "tokens")]
    _tokens: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InEntity {
    start: usize,
    end: usize,
    label: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    concepts: Vec<String>,
    #[serde(default, rename = "confidence")]
    _confidence: Value,
}

fn yes() -> bool {
    true
}

pub(super) fn format(items: &[Item]) -> Result<String> {
    let mut lines = String::new();
    for item in items {
        let map = CharMap::new(&item.text);
        let entity = |mention| {
            let (start, end) = item.characters(mention);
            OutEntity {
                start,
                end,
                label: &mention.label,
                text: map.slice(start, end).unwrap_or_default(),
                concepts: mention.concept.iter().flat_map(|c| c.split('|')).collect(),
                confidence: mention.confidence,
            }
        };
        let out = Out {
            id: &item.id,
            labelled: false,
            text: &item.text,
            tokens: &item.tokens,
            entities: item.mentions.iter().map(entity).collect(),
        };
        lines.push_str(&to_line(&out, &item.id)?);
        lines.push('\n');
    }
    Ok(lines)
}

/// A value as JSON on one line.
pub(super) fn to_line<T: Serialize>(value: &T, id: &str) -> Result<String> {
    serde_json::to_string(value).map_err(|e| ExchangeError::item(id, e.to_string()))
}

pub(super) fn read(content: &str, path: &Path) -> Result<Raw> {
    let mut raw = Raw::default();
    for object in json::objects(content, path)? {
        let line = object.line;
        let answer: In = json::parse(object, path, EXPECTED)?;
        let mention = |entity: InEntity| RawMention {
            line,
            start: entity.start,
            end: entity.end,
            label: entity.label,
            concept: Some(entity.concepts.join("|")),
            text: entity.text,
        };
        raw.answers.push(RawAnswer {
            path: path.to_owned(),
            line,
            id: answer.id,
            text: answer.text,
            answered: answer.labelled,
            mentions: answer.entities.into_iter().map(mention).collect(),
        });
    }
    Ok(raw)
}
