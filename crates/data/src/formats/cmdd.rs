//! CMDD, Chinese medical dialogues (Lin et al. 2019): one JSON object a dialogue and line.
//!
//! An utterance has its `sentence` and a `label` string with one of `B I O` per character; the only type is the symptom. A few
//! labels begin with `I`; they are read as conlleval reads them and counted. Several hundred utterances have no text (images
//! in the source); they stand in the dialogue but make no sentence, which is counted.

use std::collections::BTreeMap;
use std::path::Path;

use medner_metrics::{Span, TagScheme};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::report::{Read, Remark, Report};
use super::{json, text};
use crate::corpus::Sentence;
use crate::error::{DataError, Result};

/// The label of every span.
pub const LABEL: &str = "symptom";

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speaker {
    /// 医生
    Doctor,
    /// 患者
    Patient,
}

/// What one of them says at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    /// Who.
    pub speaker: Speaker,
    /// Its characters, each a token; empty where the source has no text.
    pub characters: Vec<String>,
    /// Symptoms in character offsets.
    pub symptoms: Vec<Span>,
    /// Normalised names of the symptoms, as the source has them (not always one a symptom).
    pub normalized: Vec<String>,
}

/// A dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialogue {
    /// The source's number of it.
    pub id: String,
    /// In their order.
    pub utterances: Vec<Utterance>,
}

#[derive(Deserialize)]
struct RawDialogue {
    #[serde(rename = "example-id")]
    id: String,
    #[serde(rename = "dialogue-content")]
    content: Vec<RawUtterance>,
    // Known keys that carry nothing we need: the split and file it stood in.
    #[serde(rename = "data-split")]
    _split: Option<Value>,
    #[serde(rename = "file")]
    _file: Option<Value>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct RawUtterance {
    speaker: String,
    sentence: String,
    label: String,
    #[serde(default)]
    normalized: Vec<String>,
    // Whether the patient has the symptom; no system here uses it.
    #[serde(rename = "type")]
    _type: Option<Value>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

const EXPECTED: &str = "one dialogue a line: {\"example-id\": \"...\", \"dialogue-content\": [{\"speaker\": \"患者\", \"sentence\": \"...\", \"label\": \"OBI\"}]}";

/// Reads one split.
///
/// # Errors
/// [`DataError::Io`], [`DataError::Empty`], [`DataError::Parse`] for a line that is no such object, an unknown speaker, a label
/// of another length than its sentence, or another letter than `B I O` in it.
pub fn read(path: &Path) -> Result<Read<Dialogue>> {
    let content = text::read_utf8(path)?;
    let lines: Vec<(usize, &str)> =
        text::lines(&content).filter(|(_, line)| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return Err(DataError::Empty { path: path.to_owned(), expected: "one JSON dialogue a line" });
    }
    let dialogues: Vec<Result<(Dialogue, Report)>> =
        lines.par_iter().map(|&(number, line)| dialogue(line, number, path)).collect();
    let mut read = Read::default();
    for dialogue in dialogues {
        let (dialogue, report) = dialogue?;
        read.items.push(dialogue);
        read.report.merge(report);
    }
    Ok(read)
}

fn dialogue(line: &str, number: usize, path: &Path) -> Result<(Dialogue, Report)> {
    let raw: RawDialogue = json::from_line(line, number, path, EXPECTED)?;
    let mut report = Report::default();
    for key in raw.rest.keys().chain(raw.content.iter().flat_map(|u| u.rest.keys())) {
        report.note(Remark::KeyNotRead, || format!("{}:{number}: {key}", path.display()));
    }
    let mut utterances = Vec::with_capacity(raw.content.len());
    for (index, said) in raw.content.into_iter().enumerate() {
        let fail = |message: String, found: &str| {
            Err(DataError::parse(path, number, 1, format!("utterance {index} {message}"), found))
        };
        let speaker = match said.speaker.as_str() {
            "医生" => Speaker::Doctor,
            "患者" => Speaker::Patient,
            other => return fail("has an unknown speaker; expected 医生 or 患者".into(), other),
        };
        let characters: Vec<String> = said.sentence.chars().map(String::from).collect();
        let letters: Vec<char> = said.label.chars().collect();
        if letters.len() != characters.len() {
            let message = format!(
                "has {} characters and a label of {}; expected one letter a character",
                characters.len(),
                letters.len()
            );
            return fail(message, &format!("{} / {}", said.sentence, said.label));
        }
        if let Some(position) = letters.iter().position(|c| !"BIO".contains(*c)) {
            return fail(format!("has a label letter other than B, I and O at {position}"), &said.label);
        }
        let tags: Vec<String> = letters
            .iter()
            .map(|&c| if c == 'O' { "O".into() } else { TagScheme::format(c, LABEL) })
            .collect();
        for (position, _) in
            letters.iter().enumerate().filter(|&(i, &c)| c == 'I' && (i == 0 || letters[i - 1] == 'O'))
        {
            report.note(Remark::RepairedTag, || {
                format!("{}:{number}: utterance {index}, character {position}", path.display())
            });
        }
        utterances.push(Utterance {
            speaker,
            symptoms: TagScheme::Bio.decode_lenient(&tags),
            characters,
            normalized: said.normalized,
        });
    }
    let dialogue = Dialogue { id: raw.id, utterances };
    Ok((dialogue, report))
}

/// The utterances that have text, each a sentence of characters; of one speaker only where `speaker` says so.
///
/// Identifiers are `<dialogue>#<utterance from 0>`.
pub fn sentences(dialogues: &[Dialogue], speaker: Option<Speaker>) -> Read<Sentence> {
    let mut read = Read::default();
    for dialogue in dialogues {
        for (index, said) in dialogue.utterances.iter().enumerate() {
            if speaker.is_some_and(|wanted| wanted != said.speaker) {
                continue;
            }
            let id = format!("{}#{index}", dialogue.id);
            if said.characters.is_empty() {
                read.report.note(Remark::EmptyUtterance, || id);
                continue;
            }
            read.items.push(Sentence {
                id,
                tokens: said.characters.clone(),
                spans: said.symptoms.clone(),
                ..Sentence::default()
            });
        }
    }
    read
}
