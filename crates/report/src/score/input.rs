//! The two sides of a comparison: units (sentences or records) with tags, or with spans alone.
//!
//! Columns are read as everywhere else (`medner_data::formats::conll`).
//! JSON lines: `{"tokens", "tags"}`, `{"tokens", "spans"}` or `{"text", "entities"}` with character offsets.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use medner_data::formats::conll::{Column, Tagged, parse_tags};
use medner_data::formats::text::read_utf8;
use medner_metrics::{Span, TagScheme};
use serde::Deserialize;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Columns.
    Conll,
    /// One JSON object a line.
    Jsonl,
}

/// A sentence or record.
#[derive(Debug, PartialEq, Eq)]
pub struct Unit {
    /// Line it starts on, from 1.
    pub line: usize,
    /// Tokens; empty for a record with character offsets.
    pub tokens: Vec<String>,
    /// The text of a record with character offsets.
    pub text: Option<String>,
    /// What is annotated.
    pub marks: Marks,
}

/// Tags as they stand in the file, or spans.
#[derive(Debug, PartialEq, Eq)]
pub enum Marks {
    /// One tag a token, not yet interpreted.
    Tags(Vec<String>),
    /// Spans over tokens or characters.
    Spans(Vec<Span>),
}

impl Unit {
    /// What its spans count: tokens, or the characters of a text.
    pub fn pieces(&self) -> Vec<&str> {
        match &self.text {
            Some(text) => text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).collect(),
            None => self.tokens.iter().map(String::as_str).collect(),
        }
    }
}

#[derive(Deserialize)]
struct JsonUnit {
    tokens: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    spans: Option<Vec<Span>>,
    #[serde(alias = "originalText")]
    text: Option<String>,
    entities: Option<Vec<JsonEntity>>,
}

#[derive(Deserialize)]
struct JsonEntity {
    #[serde(alias = "start_pos")]
    start: usize,
    #[serde(alias = "end_pos")]
    end: usize,
    #[serde(alias = "label_type", alias = "type")]
    label: String,
}

/// Reads a file; without a format the name's ending decides (`.jsonl`, `.json`; all else is columns). `tag` is the column of the tag.
pub fn read(path: &Path, format: Option<Format>, tag: Option<Column>) -> Result<Vec<Unit>> {
    let text = read_utf8(path)?;
    let json = path.extension().is_some_and(|e| e == "jsonl" || e == "json");
    let units = match format.unwrap_or(if json { Format::Jsonl } else { Format::Conll }) {
        Format::Conll => columns(&text, path, tag)?,
        Format::Jsonl => json_lines(&text, path)?,
    };
    ensure!(!units.is_empty(), "{}: holds no sentence; expected at least one", path.display());
    Ok(units)
}

fn columns(text: &str, path: &Path, tag: Option<Column>) -> Result<Vec<Unit>> {
    let unit = |Tagged { line, tokens, tags }| Unit { line, tokens, text: None, marks: Marks::Tags(tags) };
    Ok(parse_tags(text, path, tag)?.into_iter().map(unit).collect())
}

fn json_lines(text: &str, path: &Path) -> Result<Vec<Unit>> {
    let mut units = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = || format!("{}:{}", path.display(), i + 1);
        let unit: JsonUnit =
            serde_json::from_str(line).map_err(|e| anyhow::anyhow!("{}:{}: {e}", place(), e.column()))?;
        let (tokens, text, marks) = match unit {
            JsonUnit { tokens: Some(tokens), tags: Some(tags), .. } => {
                ensure!(
                    tokens.len() == tags.len(),
                    "{}: {} tags for {} tokens; expected one tag a token",
                    place(),
                    tags.len(),
                    tokens.len()
                );
                (tokens, None, Marks::Tags(tags))
            }
            JsonUnit { tokens: Some(tokens), spans: Some(spans), .. } => {
                check(&spans, tokens.len(), "tokens").with_context(place)?;
                (tokens, None, Marks::Spans(spans))
            }
            JsonUnit { text, entities: Some(entities), .. } => {
                let spans: Vec<Span> =
                    entities.into_iter().map(|e| Span::new(e.start, e.end, e.label)).collect();
                let length = text.as_ref().map_or(usize::MAX, |t| t.chars().count());
                check(&spans, length, "characters").with_context(place)?;
                (Vec::new(), text, Marks::Spans(spans))
            }
            _ => bail!(
                "{}: expected the keys tokens and tags, tokens and spans, or text and entities",
                place()
            ),
        };
        units.push(Unit { line: i + 1, tokens, text, marks });
    }
    Ok(units)
}

fn check(spans: &[Span], length: usize, what: &str) -> Result<()> {
    for span in spans {
        let Span { start, end, label } = span;
        ensure!(!span.is_empty(), "the span {start}..{end} ({label}) is empty; expected start < end");
        ensure!(*end <= length, "the span {start}..{end} ({label}) ends after the {length} {what}");
    }
    Ok(())
}

/// The scheme that the gold tags are written in.
pub fn scheme_of(units: &[Unit]) -> TagScheme {
    TagScheme::of_tags(
        units
            .iter()
            .flat_map(|unit| match &unit.marks {
                Marks::Tags(tags) => tags.as_slice(),
                Marks::Spans(_) => &[],
            })
            .map(String::as_str),
    )
}

/// An error, with both places, unless both sides hold the same units in the same order.
pub fn same_units(gold: &[Unit], gold_path: &Path, other: &[Unit], other_path: &Path) -> Result<()> {
    for (g, o) in gold.iter().zip(other) {
        let places = || format!("{}:{} and {}:{}", gold_path.display(), g.line, other_path.display(), o.line);
        ensure!(
            g.tokens.len() == o.tokens.len(),
            "{}: {} gold tokens but {} predicted ones; give the same sentences in the same order, cut into the same tokens",
            places(),
            g.tokens.len(),
            o.tokens.len()
        );
        if let Some(i) = g.tokens.iter().zip(&o.tokens).position(|(g, o)| g != o) {
            bail!(
                "{}: token {i} is `{}` in gold and `{}` in the prediction",
                places(),
                g.tokens[i],
                o.tokens[i]
            );
        }
        if let (Some(g), Some(o)) = (&g.text, &o.text) {
            ensure!(g == o, "{}: the texts differ; give the same records in the same order", places());
        }
    }
    ensure!(
        gold.len() == other.len(),
        "{} has {} sentences or records, {} has {}; give the same ones in the same order",
        gold_path.display(),
        gold.len(),
        other_path.display(),
        other.len()
    );
    Ok(())
}

/// The tags of every unit; `None` when some unit has character offsets only.
pub fn tags(units: &[Unit], scheme: TagScheme, path: &Path) -> Result<Option<Vec<Vec<String>>>> {
    let mut all = Vec::with_capacity(units.len());
    for unit in units {
        all.push(match &unit.marks {
            Marks::Tags(tags) => {
                if let Some(i) = tags.iter().position(|tag| scheme.parse(tag).is_none()) {
                    let line = unit.line;
                    bail!(
                        "{}:{line}: token {i} of this sentence has the tag `{}`, which is not {scheme} (expected {}); name another with --scheme",
                        path.display(),
                        tags[i],
                        scheme.shape()
                    );
                }
                tags.clone()
            }
            Marks::Spans(_) if unit.tokens.is_empty() => return Ok(None),
            Marks::Spans(spans) => scheme
                .encode(unit.tokens.len(), spans)
                .with_context(|| format!("{}:{}", path.display(), unit.line))?,
        });
    }
    Ok(Some(all))
}

/// The spans of every unit, tags read as [`TagScheme::decode_lenient`] does.
pub fn spans(units: &[Unit], scheme: TagScheme) -> Vec<Vec<Span>> {
    let of = |unit: &Unit| match &unit.marks {
        Marks::Tags(tags) => scheme.decode_lenient(tags),
        Marks::Spans(spans) => spans.clone(),
    };
    units.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn json_lines_are_read_in_three_forms_and_refused_otherwise() {
        let text = concat!(
            "{\"tokens\":[\"a\"],\"tags\":[\"O\"]}\n",
            "{\"tokens\":[\"a\"],\"spans\":[{\"start\":0,\"end\":1,\"label\":\"X\"}]}\n\n",
            "{\"originalText\":\"a b\",\"entities\":[{\"start_pos\":2,\"end_pos\":3,\"label_type\":\"X\"}]}\n"
        );
        let units = json_lines(text, Path::new("f")).unwrap();
        assert_eq!((units.len(), units[2].line), (3, 4));
        assert_eq!(units[2].marks, Marks::Spans(vec![Span::new(2, 3, "X")]));
        for (bad, word) in [
            ("{\"tokens\":[\"a\"],\"tags\":[]}", "one tag a token"),
            ("{\"tokens\":[\"a\"],\"spans\":[{\"start\":0,\"end\":2,\"label\":\"X\"}]}", "ends after"),
            ("{\"text\":\"a\"}", "expected the keys"),
            ("{\"text\":", "f:1"),
        ] {
            let error = format!("{:#}", json_lines(bad, Path::new("f")).unwrap_err());
            assert!(error.contains(word), "{error}");
        }
    }
}
