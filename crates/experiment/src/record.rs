//! What came out of a cell: a small JSON file, written at once or not at all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;

use medner_metrics::Counts;
use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::config::Value;
use crate::error::{ExperimentError, Result};

/// Task (`ner`, or an entity type: `drug`) to metric (`f1`) to value, in the metric's own unit: shares from 0 to 1,
/// counts, seconds.
pub type Scores = BTreeMap<String, BTreeMap<String, f64>>;

/// Rows with named columns: a curve (one row a query, an epoch, a step) or a list of examples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Column names.
    pub columns: Vec<String>,
    /// Rows of numbers and strings, each as long as `columns`.
    pub rows: Vec<Vec<Value>>,
}

impl Curve {
    /// An empty curve with these columns.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When the row is not as long as the columns: a mistake in the method.
    pub fn push(&mut self, row: Vec<Value>) {
        assert_eq!(row.len(), self.columns.len(), "a row of a curve has one value a column");
        self.rows.push(row);
    }
}

/// Entity counts of each scored unit (sentence or record) in the order of the test set, for significance tests.
/// Stored as one short string: `gold/predicted/correct`, a run of equal units as `...xN`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Units(pub Vec<Counts>);

impl From<Units> for String {
    fn from(units: Units) -> Self {
        let mut out = String::new();
        let mut rest = units.0.as_slice();
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|counts| *counts == first).count();
            if !out.is_empty() {
                out.push(' ');
            }
            let _ = write!(out, "{}/{}/{}", first.gold, first.predicted, first.correct);
            if same > 1 {
                let _ = write!(out, "x{same}");
            }
            rest = &rest[same..];
        }
        out
    }
}

impl TryFrom<String> for Units {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut units = Vec::new();
        for item in text.split_whitespace() {
            let (counts, times) = item.split_once('x').unwrap_or((item, "1"));
            let numbers: Vec<usize> = counts.split('/').filter_map(|n| n.parse().ok()).collect();
            match (numbers.as_slice(), times.parse::<usize>()) {
                // A unit is a sentence or a record: more of them than this is a damaged file, not a corpus.
                (&[gold, predicted, correct], Ok(times)) if times <= 100_000_000 => {
                    units.extend(std::iter::repeat_n(Counts::new(gold, predicted, correct), times));
                }
                _ => {
                    return Err(format!(
                        "`{item}` is not gold/predicted/correct or gold/predicted/correctxN"
                    ));
                }
            }
        }
        Ok(Self(units))
    }
}

/// What a method's `run` gives back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// All scores, per task and metric.
    #[serde(default)]
    pub scores: Scores,
    /// Counts per unit, for paired significance tests; [`Outcome::units_of`] says by which name. May be left empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, Units>,
    /// Curves by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub curves: BTreeMap<String, Curve>,
    /// Examples by name: error samples, entity sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub examples: BTreeMap<String, Curve>,
    /// Facts worth a line in the report: what was cut, the coverage of word vectors, which encoder.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, String>,
    /// Seconds by phase: `train`, `epoch`, `test`. The driver adds `total`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seconds: BTreeMap<String, f64>,
}

impl Outcome {
    /// The counts that a score is made of: of `f1` those by the task's name (entities), of another metric those by
    /// `<task>/<metric>`. A token accuracy is the F1 of counts whose gold and predicted are both the number of tokens.
    pub fn units_of(&self, task: &str, metric: &str) -> Option<&Units> {
        if metric == "f1" { self.units.get(task) } else { self.units.get(&format!("{task}/{metric}")) }
    }

    /// Sets one score.
    pub fn score(&mut self, task: &str, metric: &str, value: f64) {
        self.scores.entry(task.to_owned()).or_default().insert(metric.to_owned(), value);
    }
}

impl Outcome {
    /// The first score or time that is no number.
    pub(crate) fn not_finite(&self) -> Option<String> {
        let scores = self.scores.iter().flat_map(|(task, metrics)| {
            metrics.iter().map(move |(metric, value)| (format!("the score {task}/{metric}"), value))
        });
        let seconds = self.seconds.iter().map(|(phase, value)| (format!("the time of {phase}"), value));
        let found = scores.chain(seconds).find(|(_, value)| !value.is_finite());
        found.map(|(what, value)| format!("{what} is {value}"))
    }
}

/// How a cell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its numbers stand.
    Finished,
    /// It stopped with an error and is run again next time.
    Failed,
}

/// A cell, what came out, and where and how it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The format's version.
    pub format: u32,
    /// How it ended.
    pub status: Status,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The paper (the method's name).
    pub paper: String,
    /// The profile it was run under.
    pub profile: String,
    /// What was run.
    pub cell: Cell,
    /// What came out.
    pub outcome: Outcome,
    /// The process's peak resident memory in MiB; 0 where the system does not tell.
    pub peak_memory_mib: f64,
    /// The device's name.
    pub device: String,
    /// Threads it was given.
    pub threads: usize,
    /// Crate, commit, compiler, libtorch.
    pub versions: BTreeMap<String, String>,
    /// When it started, UTC, ISO 8601.
    pub started: String,
    /// The command that makes just this cell.
    pub command: String,
}

/// The version of [`RunRecord`]'s format that this crate writes and reads.
pub const FORMAT: u32 = 1;

impl RunRecord {
    /// Reads a record and checks that it is whole: its format, and that the cell's hash is that of its content.
    ///
    /// # Errors
    /// An unreadable file, JSON that is cut off, a record of another format or of an earlier version, or one whose
    /// content was edited.
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(ExperimentError::io("read", path))?;
        let damaged = |message: String| ExperimentError::Record { path: path.to_owned(), message };
        let record: Self = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if record.format != FORMAT {
            return Err(damaged(format!("format {} where {FORMAT} is read", record.format)));
        }
        if record.cell.changed.is_null() {
            return Err(ExperimentError::Earlier { path: path.to_owned() });
        }
        if !crate::config::holds(&record.cell.config, &record.cell.changed) {
            return Err(damaged("its configuration is not the one that its cell's hash covers".to_owned()));
        }
        let hash = record.cell.content_hash();
        if hash != record.cell.hash {
            return Err(damaged(format!(
                "its cell is called {} but its content hashes to {hash}",
                record.cell.hash
            )));
        }
        Ok(record)
    }

    /// Writes the record to `path`: a temporary file beside it, synced, renamed.
    ///
    /// # Errors
    /// What the system says: no space, no permission.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut text = crate::json::readable(&serde_json::to_value(self).expect("keys are strings"));
        text.push('\n');
        write_atomically(path, text.as_bytes())
    }
}

/// How the names of files begin and end that are not yet whole.
pub(crate) const TEMPORARY: (&str, &str) = (".medner-", ".tmp");

/// Writes a file so that a reader sees the old or the new content, whole, even after a power cut.
///
/// # Errors
/// What the system says, with the path.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(ExperimentError::io("create", folder))?;
    let mut builder = tempfile::Builder::new();
    // The default, 0600, would keep results from the other users of a shared machine; the umask still has its say.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder
        .prefix(TEMPORARY.0)
        .suffix(TEMPORARY.1)
        .tempfile_in(folder)
        .map_err(ExperimentError::io("write", path))?;
    file.write_all(content).map_err(ExperimentError::io("write", path))?;
    file.as_file().sync_all().map_err(ExperimentError::io("write", path))?;
    file.persist(path).map_err(|error| ExperimentError::Io {
        action: "write",
        path: path.to_owned(),
        source: error.error,
    })?;
    // The rename itself must survive a power cut; a file system without folder sync is not an error.
    if let Ok(folder) = fs::File::open(folder) {
        folder.sync_all().ok();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn units_survive_their_short_form(raw in proptest::collection::vec((0usize..4, 0usize..3, 0usize..2, 1usize..5), 0..40)) {
            let units = Units(raw.iter().flat_map(|&(g, p, c, n)| std::iter::repeat_n(Counts::new(g, p, c), n)).collect());
            let text = String::from(units.clone());
            prop_assert_eq!(Units::try_from(text).unwrap(), units);
        }
    }

    #[test]
    fn units_are_short_and_bad_ones_refused() {
        let units = Units(vec![Counts::new(0, 0, 0); 3]);
        assert_eq!(String::from(units), "0/0/0x3");
        for bad in ["1/2", "1/2/3/4", "a/b/c", "1/1/1x", "1/1/1x-2", "1/1/1x999999999999"] {
            assert!(Units::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_interrupted_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.json");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        let under_a_file = path.join("c.json");
        let message = write_atomically(&under_a_file, b"x").unwrap_err().to_string();
        assert!(message.contains("--results") || message.contains("b.json"), "{message}");
    }
}
