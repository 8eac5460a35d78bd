//! Corpus checks: what is wrong, or worth knowing, before a model is trained.
//!
//! Readers refuse what they cannot read; the checks here look at what was read, and [`tags::scan`] looks at a column
//! file's tags without a reader, so that all of its illegal moves are listed and not only the first one.
//!
//! | code | severity | what |
//! | --- | --- | --- |
//! | `unreadable` | error | a reader refused a file (made by the caller with [`Finding::unreadable`]) |
//! | `reader` | warning, note | what a reader repaired or left out |
//! | `unknown-tag`, `illegal-transition` | error | tags that fit no scheme, or may not follow each other |
//! | `iob1`, `mixed-schemes` | warning | a tag scheme that would be read with other boundaries than meant |
//! | `empty-item`, `empty-token` | error, warning | nothing to tag |
//! | `span-outside`, `column-length` | error | offsets past the text; parts of speech or concepts of another length |
//! | `overlapping-spans` | warning | two mentions share a token: one tag a token cannot hold both |
//! | `span-edge-space`, `span-edge-punctuation` | warning, note | a mention that begins or ends with white space or punctuation |
//! | `control-character` | warning | invisible characters in the text |
//! | `duplicate-id` | error | two documents with one identifier |
//! | `duplicates-inside` | note | the same text twice in a split |
//! | `leakage` | warning | text of dev or test that also stands in train |
//! | `annotated-differently` | warning | the same text with other mentions |
//! | `labels-differ` | warning | a type that train does not have, or that a later split lacks |
//! | `counts-differ` | error | other counts than the manifest's |
//! | `counts-explained` | note | a difference that the reader's repairs account for, see [`reconcile`] |
//! | `very-long` | note | items longer than [`Options::long`] (documents: ten times that) |
//! | `empty-split`, `no-entities` | note | nothing there |

mod across;
mod items;
mod remarks;
pub mod tags;

use serde::Serialize;

pub use items::{documents, sentences};
pub use remarks::reconcile;

use crate::error::DataError;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// May distort results.
    Warning,
    /// The data is not what it says it is.
    Error,
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One place where a finding shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// `file:line`, or the sentence's or document's identifier.
    pub place: String,
    /// The offending text, shortened.
    pub text: String,
}

/// One kind of defect in one split or file, with its number and the first places.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Stable name, see the table of this module.
    pub code: &'static str,
    /// `train`, `dev`, `test`, `all`, or a file.
    pub scope: String,
    /// How many times.
    pub count: usize,
    /// What was found, with numbers.
    pub message: String,
    /// The first places, at most [`Options::examples`].
    pub examples: Vec<Example>,
    /// What to do about it.
    pub remedy: String,
}

impl Finding {
    /// A finding for a file that a reader refused: the reader's message has the place and the remedy.
    pub fn unreadable(scope: impl Into<String>, error: &DataError) -> Self {
        Self {
            severity: Severity::Error,
            code: "unreadable",
            scope: scope.into(),
            count: 1,
            message: error.to_string(),
            examples: Vec::new(),
            remedy: "mend the file at that place (a data set of the catalogue: fetch it again with `medner data fetch`)".to_owned(),
        }
    }
}

/// What to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Sentences with more tokens than this, and documents with ten times as many characters, are reported as very long.
    pub long: usize,
    /// Examples kept for each finding.
    pub examples: usize,
}

impl Default for Options {
    /// Sentences longer than 400 tokens, three examples a finding.
    fn default() -> Self {
        Self { long: 400, examples: 3 }
    }
}

/// Gathers the occurrences of one defect in one scope.
struct Tally {
    count: usize,
    examples: Vec<Example>,
    limit: usize,
}

impl Tally {
    fn new(limit: usize) -> Self {
        Self { count: 0, examples: Vec::new(), limit }
    }

    fn add(&mut self, place: impl FnOnce() -> String, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < self.limit {
            self.examples.push(Example { place: place(), text: shorten(&text()) });
        }
    }

    /// The finding, where there is one; `message` is given the count.
    fn finish(
        self,
        findings: &mut Vec<Finding>,
        (severity, code): (Severity, &'static str),
        scope: &str,
        message: impl FnOnce(usize) -> String,
        remedy: &str,
    ) {
        if self.count > 0 {
            findings.push(Finding {
                severity,
                code,
                scope: scope.to_owned(),
                count: self.count,
                message: message(self.count),
                examples: self.examples,
                remedy: remedy.to_owned(),
            });
        }
    }
}

/// At most 60 characters, control characters made visible.
fn shorten(text: &str) -> String {
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == 60 {
            out.push('…');
            break;
        }
        if items::is_control(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// `3 of 40 (7.5%)`.
fn share(part: usize, whole: usize) -> String {
    format!("{part} of {whole} ({:.1}%)", 100.0 * part as f64 / whole.max(1) as f64)
}
