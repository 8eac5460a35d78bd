//! Label Studio: tasks with predictions out, its JSON export in.
//!
//! A mention is a region of type `labels`; its concept is a text area of the same region (the same `id`), or the region's note
//! (`meta.text`). The file is an array where its name ends in `.json`, as Label Studio imports it, else one task a line; in both each
//! task has a line of its own, which error messages name.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use medner_data::formats::text::CharMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answers::{Raw, RawAnswer, RawMention, Remarks};
use super::error::{ExchangeError, Result};
use super::item::Item;
use super::json;
use super::plain::to_line;

const EXPECTED: &str = "a task of Label Studio's JSON export: {\"data\": {\"sentence_id\": \"...\", \"text\": \"...\"}, \"annotations\": [{\"result\": [...]}]}";

/// What is said of an export in which the annotations are not to be found.
const OTHER_EXPORT: &str =
    "the task has no `annotations`; export as JSON, neither as JSON-MIN nor the imported file itself";

/// Names of the controls in [`labelling_configuration`].
const LABELS: &str = "label";
const CONCEPT: &str = "concept";
const TEXT: &str = "text";

/// The labelling interface that the written tasks fit: types as labels, a text area for each region's concept.
pub fn labelling_configuration(types: &[String]) -> String {
    let escaped = |text: &str| {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
    };
    let mut xml = format!("<View>\n  <Labels name=\"{LABELS}\" toName=\"{TEXT}\">\n");
    for label in types {
        writeln!(xml, "    <Label value=\"{}\"/>", escaped(label)).expect("a string takes any text");
    }
    xml.push_str("  </Labels>\n");
    for line in [
        format!("  <Text name=\"{TEXT}\" value=\"$text\" granularity=\"word\"/>"),
        format!(
            "  <TextArea name=\"{CONCEPT}\" toName=\"{TEXT}\" perRegion=\"true\" placeholder=\"Concept, for example D003920\"/>"
        ),
        "</View>".to_owned(),
    ] {
        xml.push_str(&line);
        xml.push('\n');
    }
    xml
}

#[derive(Serialize)]
struct OutTask<'a> {
    data: OutData<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    predictions: Vec<OutPrediction>,
}

#[derive(Serialize)]
struct OutData<'a> {
    sentence_id: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct OutPrediction {
    model_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    result: Vec<Value>,
}

pub(super) fn format(items: &[Item], to: &Path) -> Result<String> {
    let mut lines = Vec::with_capacity(items.len());
    for item in items {
        let data = OutData { sentence_id: &item.id, text: &item.text };
        lines.push(to_line(&OutTask { data, predictions: predictions(item) }, &item.id)?);
    }
    let is_array = to.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    Ok(if is_array { format!("[\n{}\n]\n", lines.join(",\n")) } else { lines.join("\n") + "\n" })
}

fn predictions(item: &Item) -> Vec<OutPrediction> {
    if item.mentions.is_empty() {
        return Vec::new();
    }
    let map = CharMap::new(&item.text);
    let mut result = Vec::new();
    for (number, mention) in item.mentions.iter().enumerate() {
        let (start, end) = item.characters(mention);
        let text = map.slice(start, end).unwrap_or_default();
        let region = |kind: &str, name: &str, value: Value| {
            let mut region = json!({
                "id": format!("m{number}"), "from_name": name, "to_name": TEXT, "type": kind, "value": value,
            });
            if let Some(confidence) = mention.confidence {
                region["score"] = json!(confidence);
            }
            region
        };
        let value = json!({"start": start, "end": end, "text": text, "labels": [mention.label]});
        result.push(region("labels", LABELS, value));
        if let Some(concept) = &mention.concept {
            let value = json!({"start": start, "end": end, "text": [concept]});
            result.push(region("textarea", CONCEPT, value));
        }
    }
    // The task is as sure as its least sure mention, so that tasks can be sorted by doubt.
    let score = item.mentions.iter().filter_map(|m| m.confidence).reduce(f64::min);
    vec![OutPrediction { model_version: "medner", score, result }]
}

#[derive(Deserialize)]
struct InTask {
    data: InData,
    annotations: Option<Vec<InAnnotation>>,
}

#[derive(Deserialize)]
struct InData {
    sentence_id: Option<String>,
    text: String,
}

#[derive(Deserialize)]
struct InAnnotation {
    result: Vec<InRegion>,
    #[serde(default)]
    was_cancelled: bool,
}

#[derive(Deserialize)]
struct InRegion {
    #[serde(default)]
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    meta: Option<InMeta>,
}

#[derive(Deserialize)]
struct InMeta {
    #[serde(default)]
    text: Value,
}

#[derive(Deserialize)]
struct InLabels {
    start: usize,
    end: usize,
    labels: Vec<String>,
    text: Option<String>,
}

pub(super) fn read(content: &str, path: &Path) -> Result<Raw> {
    let mut raw = Raw::default();
    for object in json::objects(content, path)? {
        let line = object.line;
        let task = match json::parse::<InTask>(object, path, EXPECTED) {
            Err(_) if json::is_min(object) => {
                return Err(ExchangeError::parse(path, line, OTHER_EXPORT, object.text));
            }
            task => task?,
        };
        let Some(id) = task.data.sentence_id else {
            let message = "the task's data have no `sentence_id`; import the file that was written here";
            return Err(ExchangeError::parse(path, line, message, object.text));
        };
        let fail =
            |message: String| ExchangeError::Answer { path: path.to_owned(), line, id: id.clone(), message };
        let Some(annotations) = task.annotations else {
            return Err(fail(OTHER_EXPORT.to_owned()));
        };
        let mut valid = Vec::new();
        for annotation in annotations {
            if annotation.was_cancelled {
                raw.remarks.note("cancelled annotations, left out", || id.clone());
            } else {
                valid.push(annotation);
            }
        }
        if valid.len() > 1 {
            return Err(fail(format!("has {} annotations; agree on one and remove the others", valid.len())));
        }
        let answered = !valid.is_empty();
        let regions = valid.pop().map(|annotation| annotation.result).unwrap_or_default();
        let mentions = mentions(regions, line, &id, &mut raw.remarks).map_err(fail)?;
        raw.answers.push(RawAnswer {
            path: path.to_owned(),
            line,
            id,
            text: task.data.text,
            answered,
            mentions,
        });
    }
    Ok(raw)
}

/// Regions of type `labels`, each with the concept that stands beside it.
fn mentions(
    regions: Vec<InRegion>,
    line: usize,
    id: &str,
    remarks: &mut Remarks,
) -> Result<Vec<RawMention>, String> {
    let mut mentions: Vec<(String, RawMention)> = Vec::new();
    let mut concepts: BTreeMap<String, String> = BTreeMap::new();
    for region in regions {
        match region.kind.as_str() {
            "labels" => {
                let shown = region.value.to_string();
                let value: InLabels = serde_json::from_value(region.value)
                    .map_err(|e| format!("a region cannot be read: {e}; it is {shown}"))?;
                let [label] = <[String; 1]>::try_from(value.labels).map_err(|labels| {
                    format!("a region has {} labels; give it one: {shown}", labels.len())
                })?;
                let (start, end, text) = (value.start, value.end, value.text);
                let concept = region.meta.map(|meta| texts(&meta.text)).filter(|note| !note.is_empty());
                mentions.push((region.id, RawMention { line, start, end, label, concept, text }));
            }
            "textarea" => {
                let concept = texts(&region.value["text"]);
                if let Some(before) = concepts.insert(region.id, concept.clone()) {
                    return Err(format!("a region has two concepts, `{before}` and `{concept}`; keep one"));
                }
            }
            // An answer, which must not count as one without mentions.
            kind if kind.ends_with("labels") => {
                return Err(format!(
                    "has a region of the kind `{kind}`, and only those of the kind `labels` are read; label the text with the \
                     interface of this project (`label-studio.xml`: `<Labels>` of a `<Text>`) and export it again"
                ));
            }
            _ => remarks.note("results that are neither labels nor concepts, not read", || {
                format!("{id}: {}", region.kind)
            }),
        }
    }
    for (region, mention) in &mut mentions {
        if let Some(concept) = concepts.remove(region) {
            if let Some(note) = mention.concept.as_ref().filter(|note| **note != concept) {
                return Err(format!(
                    "the mention {}..{} has the concept `{concept}` and the note `{note}`; keep one",
                    mention.start, mention.end
                ));
            }
            mention.concept = Some(concept);
        }
    }
    if let Some((_, concept)) = concepts.first_key_value() {
        return Err(format!(
            "the concept `{concept}` belongs to no labelled region; label the region, or remove it"
        ));
    }
    Ok(mentions.into_iter().map(|(_, mention)| mention).collect())
}

/// A text, or several, as one concept.
fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|"),
        _ => String::new(),
    }
}
