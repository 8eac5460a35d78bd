//! doccano: sequence labelling with the concept behind the type (`Disease|D003920`).
//!
//! ```text
//! {"sentence_id":"7","text":"Severe anemia .","label":[[0,13,"Disease|D000740"]]}
//! ```
//! doccano keeps `sentence_id` with the text (in older versions under `meta`) and gives it back beside an `id` of its own. A project
//! with relations exports `entities` with `start_offset` and `end_offset`; those are read too.
//!
//! Its offsets count UTF-16 units, so that a character above U+FFFF (most emoji) counts as two: they are written so, and turned into
//! characters when they come back. The project's option to count grapheme clusters as one character must be off.

use std::path::Path;

use medner_data::formats::utf16::Utf16Units;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answers::{Raw, RawAnswer, RawMention};
use super::error::{ExchangeError, Result};
use super::item::Item;
use super::json;
use super::plain::to_line;

const EXPECTED: &str =
    "{\"sentence_id\": \"...\", \"text\": \"...\", \"label\": [[0, 1, \"Disease|D003920\"]]}";

#[derive(Serialize)]
struct Out<'a> {
    sentence_id: &'a str,
    text: &'a str,
    label: Vec<(usize, usize, String)>,
}

#[derive(Deserialize)]
struct In {
    sentence_id: Option<String>,
    meta: Option<Meta>,
    text: String,
    #[serde(alias = "labels")]
    label: Option<Vec<(usize, usize, String)>>,
    entities: Option<Vec<InEntity>>,
    #[serde(default)]
    relations: Vec<Value>,
}

#[derive(Deserialize)]
struct Meta {
    sentence_id: Option<String>,
}

#[derive(Deserialize)]
struct InEntity {
    start_offset: usize,
    end_offset: usize,
    label: String,
}

pub(super) fn format(items: &[Item]) -> Result<String> {
    let mut lines = String::new();
    for item in items {
        let units = Utf16Units::of(&item.text);
        let mut label = Vec::with_capacity(item.mentions.len());
        for mention in &item.mentions {
            if mention.label.contains('|') {
                let message = format!(
                    "the type `{}` has a bar in it, which parts types from concepts in doccano; rename the type",
                    mention.label
                );
                return Err(ExchangeError::item(&item.id, message));
            }
            let (start, end) = item.characters(mention);
            let (start, end) = (units.before(start), units.before(end));
            let concept = mention.concept.iter().flat_map(|c| ["|", c.as_str()]);
            label.push((start, end, [mention.label.as_str()].into_iter().chain(concept).collect()));
        }
        lines.push_str(&to_line(&Out { sentence_id: &item.id, text: &item.text, label }, &item.id)?);
        lines.push('\n');
    }
    Ok(lines)
}

pub(super) fn read(content: &str, path: &Path) -> Result<Raw> {
    let mut raw = Raw { silent: true, ..Raw::default() };
    for object in json::objects(content, path)? {
        let line = object.line;
        let answer: In = json::parse(object, path, EXPECTED)?;
        let Some(id) = answer.sentence_id.or_else(|| answer.meta.and_then(|m| m.sentence_id)) else {
            let message = "no `sentence_id`; import the file that was written here as JSONL, with its other columns, and export it again";
            return Err(ExchangeError::parse(path, line, message, object.text));
        };
        if !answer.relations.is_empty() {
            raw.remarks.note("texts with relations, which are not read", || id.clone());
        }
        let spans: Vec<(usize, usize, String)> = match (answer.label, answer.entities) {
            (Some(label), None) => label,
            (None, Some(entities)) => {
                entities.into_iter().map(|e| (e.start_offset, e.end_offset, e.label)).collect()
            }
            _ => {
                let message = format!("expected either `label` or `entities`: {EXPECTED}");
                return Err(ExchangeError::parse(path, line, message, object.text));
            }
        };
        let units = Utf16Units::of(&answer.text);
        let mention = |(start, end, label): (usize, usize, String)| -> Result<RawMention> {
            let (label, concept) = match label.split_once('|') {
                Some((label, concept)) => (label.to_owned(), Some(concept.to_owned())),
                None => (label, None),
            };
            let (start, end) = characters(&units, start, end).map_err(|what| {
                let message = format!("the mention {start}..{end} ({label}) {what}");
                ExchangeError::Answer { path: path.to_owned(), line, id: id.clone(), message }
            })?;
            Ok(RawMention { line, start, end, label, concept, text: None })
        };
        let mentions = spans.into_iter().map(mention).collect::<Result<Vec<_>>>()?;
        raw.answers.push(RawAnswer {
            path: path.to_owned(),
            line,
            id,
            text: answer.text,
            answered: true,
            mentions,
        });
    }
    Ok(raw)
}

/// The characters of a place in UTF-16 units, or what is wrong with it.
fn characters(units: &Utf16Units, start: usize, end: usize) -> Result<(usize, usize), String> {
    if let Some(characters) = units.characters(start, end) {
        return Ok(characters);
    }
    let count = units.count();
    Err(if start.max(end) > count {
        format!(
            "does not lie in the text's {count} UTF-16 units, which doccano counts from 0, ends exclusive; select it again"
        )
    } else {
        "begins or ends inside a character of two UTF-16 units; select it again, and turn the project's option to count grapheme \
         clusters off"
            .to_owned()
    })
}
