//! Runs the cells of a plan as child processes, a few at a time, needs before dependents.
//!
//! A child holds one end of a pipe whose other end is here. When this process is asked to stop it closes its ends;
//! when it is killed the system does. Either way every child finishes its step, saves and ends, and the next driver
//! goes on from there. Children are in process groups of their own, so that Ctrl-C on a terminal reaches this process
//! alone and a second Ctrl-C does not cut a child off in the middle of its save.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::cell::Cell;
use crate::context::{Report, Stop};
use crate::display::Display;
use crate::error::{ExperimentError, Result};
use crate::machine::relative;
use crate::plan::PlanFile;
use crate::record::Status;
use crate::store::Store;
use crate::table::MAIN_TASK;

/// Cells that failed, or whose needs did, with the reason.
pub(crate) type Failures = BTreeMap<String, String>;

/// Called whenever a cell has ended: rewrites the tables.
pub(crate) type AfterCell<'a> = &'a mut dyn FnMut(&Store, &Failures) -> Result<()>;

/// How the cells are run.
#[derive(Clone, Debug)]
pub(crate) struct Driver<'a> {
    /// The plan as the children read it, and where it was written.
    pub file: &'a PlanFile,
    pub path: &'a Path,
    /// Processes at a time, and threads of each.
    pub jobs: usize,
    pub threads: usize,
    pub stop: Stop,
    /// Flags that the children get as well (`--quiet`, `--log-format json`).
    pub flags: Vec<String>,
}

/// How it went.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drive {
    /// Cells that ran to their end in this run.
    pub finished: BTreeSet<String>,
    /// Cells that failed, or whose needs did.
    pub failed: Failures,
    /// Cells that were asked to stop and saved.
    pub stopped: BTreeSet<String>,
}

enum Event {
    Progress(String, Report),
    Ended(String),
}

struct Job {
    child: Child,
    /// Dropped to ask the child to stop.
    stdin: Option<ChildStdin>,
}

impl Driver<'_> {
    /// Runs `cells` (needs before dependents) and calls `after` whenever one has ended.
    pub fn run(
        &self,
        cells: &[&Cell],
        store: &mut Store,
        display: &mut Display,
        after: AfterCell,
    ) -> Result<Drive> {
        let mut drive = Drive::default();
        let mut waiting: Vec<&Cell> = cells.to_vec();
        let mut running: BTreeMap<String, Job> = BTreeMap::new();
        let (events, inbox) = channel();
        let result =
            self.drive(&mut waiting, &mut running, store, display, &mut drive, (&events, &inbox), after);
        // On an error of the driver itself (a full disk) the children still save and end.
        for (_, mut job) in running {
            drop(job.stdin.take());
            job.child.wait().ok();
        }
        result.map(|()| drive)
    }

    #[allow(clippy::too_many_arguments)] // one loop's state, passed once
    fn drive(
        &self,
        waiting: &mut Vec<&Cell>,
        running: &mut BTreeMap<String, Job>,
        store: &mut Store,
        display: &mut Display,
        drive: &mut Drive,
        (events, inbox): (&Sender<Event>, &Receiver<Event>),
        after: AfterCell,
    ) -> Result<()> {
        let mut stopping = false;
        loop {
            if self.stop.is_set() && !stopping {
                stopping = true;
                waiting.clear();
                display.say("stopping: every cell finishes its step and saves");
                tracing::warn!("stopping: {} cells finish their step and save", running.len());
                for job in running.values_mut() {
                    drop(job.stdin.take());
                }
            }
            while running.len() < self.jobs
                && let Some(cell) = next_ready(waiting, running, drive)
            {
                // A job of its own (`run-cell`) may have finished it since the store was read.
                store.refresh(&cell.hash);
                if store.finished(&cell.hash).is_some() && store.has_artifacts(&cell.hash) {
                    tracing::info!(cell = %cell.hash, "{} was finished by another process", cell.label());
                    display.ended(&cell.hash, "finished by another process");
                    drive.finished.insert(cell.hash.clone());
                    after(store, &drive.failed)?;
                    continue;
                }
                store.forget(&cell.hash)?;
                running.insert(cell.hash.clone(), self.start(cell, store, events)?);
                display.started(cell);
            }
            for (hash, reason) in blocked(waiting, drive) {
                tracing::error!(cell = %hash, "{reason}");
                drive.failed.insert(hash, reason);
                after(store, &drive.failed)?;
            }
            if running.is_empty() {
                return Ok(());
            }
            match inbox.recv_timeout(Duration::from_millis(200)) {
                Ok(Event::Progress(hash, report)) => display.progress(&hash, &report),
                Ok(Event::Ended(hash)) => {
                    if let Some(job) = running.remove(&hash) {
                        self.ended(&hash, job, store, display, drive)?;
                        after(store, &drive.failed)?;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    fn start(&self, cell: &Cell, store: &Store, events: &Sender<Event>) -> Result<Job> {
        let folder = store.work_dir(&cell.hash);
        std::fs::create_dir_all(&folder).map_err(ExperimentError::io("create", &folder))?;
        let log_path = log_path(&folder);
        let log = std::fs::File::options().create(true).append(true).open(&log_path);
        let log = log.map_err(ExperimentError::io("write", &log_path))?;
        let program =
            std::env::current_exe().map_err(ExperimentError::io("find", Path::new("this program")))?;
        let threads = self.threads.to_string();
        let mut command = Command::new(&program);
        command.args(["run-cell", &cell.hash, "--from-driver", "--threads", &threads, "--plan"]);
        command.arg(self.path).args(&self.flags);
        for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"] {
            command.env(name, &threads);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(ExperimentError::io("start", &program))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let (hash, events) = (cell.hash.clone(), events.clone());
        std::thread::spawn(move || {
            for line in stdout.into_iter().flat_map(|out| BufReader::new(out).lines()) {
                let Ok(line) = line else { break };
                // Whatever else a method prints is not ours to read.
                if let Ok(report) = serde_json::from_str(&line) {
                    events.send(Event::Progress(hash.clone(), report)).ok();
                }
            }
            events.send(Event::Ended(hash)).ok();
        });
        Ok(Job { child, stdin })
    }

    fn ended(
        &self,
        hash: &str,
        mut job: Job,
        store: &mut Store,
        display: &mut Display,
        drive: &mut Drive,
    ) -> Result<()> {
        // The pipe stays open until the child is gone: closing it earlier would ask it to stop.
        let status = job.child.wait().map_err(ExperimentError::io("wait for", store.work_dir(hash)))?;
        drop(job.stdin.take());
        let before = store.finished(hash).map(|record| record.outcome.scores.clone());
        store.refresh(hash);
        // A record without the mark is that of an earlier run, whose artefacts were to be made again.
        if store.finished(hash).is_some() && store.has_artifacts(hash) {
            let now = store.finished(hash).map(|record| &record.outcome.scores);
            display.ended(hash, &format!("finished{}", now.map(brief).unwrap_or_default()));
            if before.is_some_and(|before| now.is_some_and(|now| *now != before)) {
                tracing::warn!(
                    cell = %hash,
                    "was made again, for its artefacts, and its numbers are not those of its earlier record (another machine, another number \
                     of threads?): cells that start from it now start from another than those that ran before"
                );
            }
            drive.finished.insert(hash.to_owned());
            return Ok(());
        }
        if matches!(status.code(), Some(130 | 143)) {
            display.ended(hash, "stopped, its state is saved");
            drive.stopped.insert(hash.to_owned());
            return Ok(());
        }
        if let Some(reason) = store.failure(hash).map(str::to_owned) {
            display.ended(hash, "FAILED");
            tracing::error!(cell = %hash, "{reason}");
            drive.failed.insert(hash.to_owned(), reason);
            return Ok(());
        }
        // It ended without a word: killed, or its record could not be written.
        let log = log_path(&store.work_dir(hash));
        let reason = format!("{}; the end of {}: {}", how(status), log.display(), tail(&log));
        // Records and tables are committed: no path of this machine in them.
        let reason = relative(&reason, &self.file.root);
        display.ended(hash, "FAILED");
        tracing::error!(cell = %hash, "{reason}");
        if let (Some(cell), None) = (self.file.cells.get(hash), store.finished(hash)) {
            let mut record = self.file.record(cell, self.threads);
            (record.status, record.reason) = (Status::Failed, Some(reason.clone()));
            record.save(&store.record_path(hash))?;
            store.refresh(hash);
        }
        drive.failed.insert(hash.to_owned(), reason);
        Ok(())
    }
}

/// The first waiting cell none of whose needs is still to come, taken off the list.
fn next_ready<'a>(
    waiting: &mut Vec<&'a Cell>,
    running: &BTreeMap<String, Job>,
    drive: &Drive,
) -> Option<&'a Cell> {
    let to_come: BTreeSet<&str> =
        waiting.iter().map(|cell| cell.hash.as_str()).chain(running.keys().map(String::as_str)).collect();
    let unmet = |hash: &String| {
        to_come.contains(hash.as_str()) || drive.failed.contains_key(hash) || drive.stopped.contains(hash)
    };
    let at = waiting.iter().position(|cell| !cell.needs.values().any(unmet))?;
    Some(waiting.remove(at))
}

/// The waiting cells one of whose needs has failed (or was stopped), taken off the list.
fn blocked(waiting: &mut Vec<&Cell>, drive: &Drive) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    waiting.retain(|cell| {
        let failed = cell.needs.iter().find(|(_, hash)| {
            drive.failed.contains_key(*hash)
                || drive.stopped.contains(*hash)
                || out.iter().any(|(h, _)| h == *hash)
        });
        if let Some((role, hash)) = failed {
            out.push((cell.hash.clone(), format!("not run: its need `{role}` (cell {hash}) did not finish")));
        }
        failed.is_none()
    });
    out
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("log.txt")
}

fn how(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let guess = if signal == 9 { " (out of memory?)" } else { "" };
        return format!("its process was killed by signal {signal}{guess}");
    }
    format!("its process ended with {status} and left no record")
}

/// The last lines of a log, on one line.
fn tail(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(600)..]).into_owned();
    let lines: Vec<&str> =
        text.lines().rev().take(4).map(str::trim).filter(|line| !line.is_empty()).collect();
    let lines: Vec<&str> = lines.into_iter().rev().collect();
    if lines.is_empty() { "(empty)".to_owned() } else { lines.join(" | ") }
}

/// `, ner f1 0.8127`: one score to recognise the run by.
pub(crate) fn brief(scores: &crate::record::Scores) -> String {
    let mut out = String::new();
    let main = scores.get_key_value(MAIN_TASK).and_then(|(task, m)| Some((task, "f1", m.get("f1")?)));
    let with_f1 = scores.iter().filter_map(|(task, metrics)| Some((task, "f1", metrics.get("f1")?)));
    let any =
        scores.iter().filter_map(|(task, m)| m.iter().next().map(|(metric, v)| (task, metric.as_str(), v)));
    for (task, metric, value) in main.into_iter().chain(with_f1).chain(any).take(1) {
        let _ = write!(out, ", {task} {metric} {value:.4}");
    }
    out
}
