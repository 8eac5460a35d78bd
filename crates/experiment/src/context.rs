//! What a running cell is given: its folder, its threads, the artefacts of the cells it needs, a stop flag, and a
//! way to say how far it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{ExperimentError, Result};
use crate::record::RunRecord;

/// The run was asked to stop; it has saved its state and can go on later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "stopped by signal {signal}; the state is saved: the same command goes on, `train` and `pretrain` with `--resume`"
)]
pub struct Stopped {
    /// The signal's number; the process exits with 128 plus it.
    pub signal: usize,
}

/// Set by SIGINT, SIGTERM or the driver; asked by training loops between steps.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// A flag that only [`Stop::request`] sets.
    pub fn new() -> Self {
        Self::default()
    }

    /// The shared word: 0, or the signal's number.
    pub(crate) fn word(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }

    /// Asks the run to finish its step, save and stop.
    pub fn request(&self, signal: usize) {
        self.0.store(signal, Ordering::SeqCst);
    }

    /// The signal that asked, if one did.
    pub fn signal(&self) -> Option<usize> {
        match self.0.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// True once the run has been asked to stop.
    pub fn is_set(&self) -> bool {
        self.signal().is_some()
    }

    /// `ctx.stop.check()?` after a step and its checkpoint.
    ///
    /// # Errors
    /// [`Stopped`], which the driver does not take for a failure.
    pub fn check(&self) -> Result<(), Stopped> {
        self.signal().map_or(Ok(()), |signal| Err(Stopped { signal }))
    }
}

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Units done, resumed ones included.
    pub done: u64,
    /// Units in all; 0 where it is not known.
    pub total: u64,
    /// Units a second, when the run knows better than the watcher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// What it is doing: `epoch 3/20, dev F1 78.1`.
    #[serde(default)]
    pub message: String,
}

/// Receives reports: a bar, a log line, a pipe to the driver.
pub trait ProgressSink: Send + Sync {
    /// Shows a report.
    fn show(&self, report: &Report);
}

/// Where a run reports its progress. Cheap to call every step: at most ten reports a second go through.
#[derive(Clone)]
pub struct Progress {
    sink: Arc<dyn ProgressSink>,
    last: Arc<Mutex<Option<Instant>>>,
}

struct Silent;

impl ProgressSink for Silent {
    fn show(&self, _: &Report) {}
}

impl Progress {
    /// Reports to `sink`.
    pub fn new(sink: Arc<dyn ProgressSink>) -> Self {
        Self { sink, last: Arc::new(Mutex::new(None)) }
    }

    /// Reports to nobody.
    pub fn silent() -> Self {
        Self::new(Arc::new(Silent))
    }

    /// `done` of `total` units; the last unit is always shown.
    pub fn set(&self, done: u64, total: u64, message: impl Into<String>) {
        self.report(&Report { done, total, rate: None, message: message.into() });
    }

    /// The same with every field.
    pub fn report(&self, report: &Report) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        let due = last.is_none_or(|at| now.duration_since(at) >= Duration::from_millis(100));
        if due || (report.total > 0 && report.done >= report.total) {
            *last = Some(now);
            drop(last);
            self.sink.show(report);
        }
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

/// A finished cell that this one starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeededCell {
    /// Its folder of checkpoints and artefacts.
    pub folder: PathBuf,
    /// Its record.
    pub record: PathBuf,
}

/// What a running cell is given.
#[derive(Clone, Debug)]
pub struct RunContext {
    /// The repository's root, where `experiments/`, `datasets/` and `results/` are.
    pub root: PathBuf,
    /// This cell's own folder, which stays between an interrupted run and its continuation.
    pub work_dir: PathBuf,
    /// How many threads this process may use; set them before the first tensor operation.
    pub threads: usize,
    /// `cpu`, `cuda:0`.
    pub device: String,
    /// Whether to stop.
    pub stop: Stop,
    /// How far the run is.
    pub progress: Progress,
    /// The finished cells that this one needs, by role.
    pub needs: BTreeMap<String, NeededCell>,
}

impl RunContext {
    /// A context outside the driver: for tests and for the verbs on a user's own files.
    pub fn new(root: impl Into<PathBuf>, work_dir: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            work_dir: work_dir.into(),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            device: "cpu".to_owned(),
            stop: Stop::new(),
            progress: Progress::silent(),
            needs: BTreeMap::new(),
        }
    }

    /// The folder of the needed cell with this role: its last checkpoint, its encoder, whatever it left there.
    ///
    /// # Errors
    /// The system's `needs` in the table's YAML has no such role.
    pub fn artifact(&self, role: &str) -> Result<&Path> {
        self.need(role).map(|need| need.folder.as_path())
    }

    /// The record of the needed cell with this role: its scores on the development set, its curves.
    ///
    /// # Errors
    /// No such role, or a record that cannot be read.
    pub fn needed_record(&self, role: &str) -> Result<RunRecord> {
        RunRecord::load(&self.need(role)?.record)
    }

    fn need(&self, role: &str) -> Result<&NeededCell> {
        self.needs.get(role).ok_or_else(|| ExperimentError::NoSuchRole {
            role: role.to_owned(),
            known: self.needs.keys().cloned().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Default)]
    struct Count(Mutex<Vec<u64>>);

    impl ProgressSink for Count {
        fn show(&self, report: &Report) {
            self.0.lock().unwrap().push(report.done);
        }
    }

    #[test]
    fn reports_are_thinned_but_the_last_one_comes_through() {
        let sink = Arc::new(Count::default());
        let progress = Progress::new(sink.clone());
        for step in 1..=1000 {
            progress.set(step, 1000, "");
        }
        let seen = sink.0.lock().unwrap();
        assert_eq!((seen.first(), seen.last()), (Some(&1), Some(&1000)));
        assert!(seen.len() < 500, "{} reports", seen.len());
    }

    #[test]
    fn an_unknown_role_names_the_known_ones() {
        let mut ctx = RunContext::new("r", "w");
        ctx.needs.insert("encoder".into(), NeededCell { folder: "a".into(), record: "b".into() });
        assert_eq!(ctx.artifact("encoder").unwrap(), Path::new("a"));
        let message = ctx.artifact("encodr").unwrap_err().to_string();
        assert!(message.contains("`encodr`") && message.contains("encoder"), "{message}");
    }

    #[test]
    fn stop_carries_the_signal() {
        let stop = Stop::new();
        assert!(stop.check().is_ok());
        stop.clone().request(15);
        assert_eq!(stop.check(), Err(Stopped { signal: 15 }));
    }
}
