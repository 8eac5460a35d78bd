//! Sentences out to the people who label, and their answers back in.
//!
//! | shape | written | read back | concept of a mention |
//! | --- | --- | --- | --- |
//! | [`Shape::LabelStudio`] | tasks with predictions, `.json` (an array) or one a line | its JSON export | a text area per region, or the region's note |
//! | [`Shape::Doccano`] | `{"sentence_id", "text", "label": [[start, end, type]]}`, one a line | its JSONL export, with or without relations | behind the type: `Disease\|D003920` |
//! | [`Shape::Jsonl`] | ours: `{"id", "text", "entities", "labelled": false}`, one a line | the same, `labelled` left out or `true` | `concepts` |
//! | [`Shape::Brat`] | a folder of `.txt` and `.ann`, and `annotation.conf` | the folder | `N1 Reference T1 MESH:D003920` |
//!
//! Label Studio and doccano number tasks themselves, so our identifier travels as `sentence_id`. Offsets count characters, but for
//! doccano's, which count UTF-16 units; those of Label Studio's older versions do so too, which is seen from the region's own text
//! and counted.
//!
//! # What is checked
//! Every queried sentence is answered once: a second answer, an answer to something that was not queried, a changed text, a mention
//! that begins or ends inside a token, overlapping mentions, an unknown type are errors with file, line, sentence and remedy. A
//! sentence without an answer is an error too, unless [`AnswerOptions::partial`]: then it is among [`Answers::missing`]. Nothing is
//! taken over from a file with an error.
//!
//! An answer without mentions means that there are none. Where a shape does not say whether somebody looked at a sentence (doccano,
//! brat), one that comes back exactly as it was handed out is an error, unless [`AnswerOptions::unchanged`] says that all were looked
//! at; with [`AnswerOptions::partial`] it is missing.
//!
//! # Concepts
//! One spelling in all shapes: no spaces around it, no `MESH:` before it (other resources keep theirs: `OMIM:215600`), parts of a
//! composite mention joined by `|`. No concept, `-` and `-1` are the same: a mention without one.

mod answers;
mod brat;
mod doccano;
mod error;
mod item;
mod json;
mod label_studio;
mod outgoing;
mod plain;
mod write;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use answers::{AnswerOptions, Answers};
pub use error::{ExchangeError, Result};
pub use item::{Item, Mention, canonical_concept};
pub use label_studio::labelling_configuration;
pub use outgoing::{Outgoing, TakenBack};
pub(crate) use write::of_temporary;

/// How sentences are written for a labelling tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Label Studio.
    LabelStudio,
    /// doccano.
    Doccano,
    /// Our own JSON lines.
    Jsonl,
    /// brat standoff.
    Brat,
}

/// A name that is no shape's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format `{0}`: expected label-studio, doccano, jsonl or brat")]
pub struct UnknownShape(pub String);

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 4] = [Self::LabelStudio, Self::Doccano, Self::Jsonl, Self::Brat];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::LabelStudio => "label-studio",
            Self::Doccano => "doccano",
            Self::Jsonl => "jsonl",
            Self::Brat => "brat",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Shape {
    type Err = UnknownShape;

    fn from_str(name: &str) -> Result<Self, UnknownShape> {
        Self::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| UnknownShape(name.to_owned()))
    }
}

/// Writes sentences to label: a file, or for brat a folder, which is made where it is missing. [`Outgoing`] in one call.
///
/// # Errors
/// Those of [`Outgoing::new`] and [`Outgoing::write`].
pub fn write_items(shape: Shape, items: &[Item], types: &[String], to: &Path) -> Result<()> {
    Outgoing::new(shape, items, types, to)?.write()
}

/// Reads answers to the items that were written. `shape`: none where the file is to tell.
///
/// # Errors
/// See the module's list; [`ExchangeError::Io`] and [`ExchangeError::Parse`] for what cannot be read at all.
pub fn read_answers(
    shape: Option<Shape>,
    from: &Path,
    queried: &[Item],
    options: AnswerOptions<'_>,
) -> Result<Answers> {
    item::check_all(queried)?;
    let content = if from.is_dir() { None } else { Some(json::read(from)?) };
    let shape = match (shape, &content) {
        (Some(shape), _) => shape,
        (None, None) => Shape::Brat,
        (None, Some(content)) => json::shape(content, from)?,
    };
    let raw = match (shape, &content) {
        (Shape::Brat, None) => brat::read(from, queried)?,
        (Shape::LabelStudio, Some(content)) => label_studio::read(content, from)?,
        (Shape::Doccano, Some(content)) => doccano::read(content, from)?,
        (Shape::Jsonl, Some(content)) => plain::read(content, from)?,
        (Shape::Brat, Some(_)) => {
            return Err(ExchangeError::parse(
                from,
                1,
                "brat answers are a folder of `.txt` and `.ann`, not a file",
                "",
            ));
        }
        (_, None) => {
            let message =
                format!("{shape} answers are a file, not a folder; give the file that was exported");
            return Err(ExchangeError::parse(from, 1, message, ""));
        }
    };
    answers::check(raw, from, queried, options)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn shapes_are_read_as_they_are_written() {
        for shape in Shape::ALL {
            assert_eq!(shape.to_string().parse::<Shape>().unwrap(), shape);
            assert_eq!(serde_json::to_string(&shape).unwrap(), format!("\"{shape}\""));
        }
        let error = "prodigy".parse::<Shape>().unwrap_err().to_string();
        assert_eq!(error, "unknown format `prodigy`: expected label-studio, doccano, jsonl or brat");
    }
}
