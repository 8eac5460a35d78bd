//! `<method> run-cell HASH --plan FILE`: one cell in one process, started by the driver or by a cluster's scheduler.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::begun;
use crate::cell::Cell;
use crate::context::{NeededCell, Progress, ProgressSink, Report, RunContext, Stop, Stopped};
use crate::error::{ExperimentError, Result, chain, suggestion};
use crate::machine;
use crate::method::Method;
use crate::plan::PlanFile;
use crate::record::{FORMAT, Outcome, RunRecord, Status, write_atomically};
use crate::store::{Lock, Store};

/// SIGTERM: what a driver's end means to the cells it started.
const SIGTERM: usize = 15;

/// `run-cell`.
#[derive(Clone, Debug, clap::Args)]
pub struct RunCellArgs {
    /// The cell's hash, as `reproduce --dry-run` lists it
    pub hash: String,
    /// The plan that `reproduce --dry-run` or `reproduce` wrote
    #[arg(long, value_name = "FILE")]
    pub plan: PathBuf,
    /// Threads [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Progress as JSON lines on standard output; the end of standard input asks to stop (how the driver talks)
    #[arg(long, hide = true)]
    pub from_driver: bool,
}

/// How a cell's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Finished,
    Failed(String),
    Stopped(usize),
}

/// Runs one cell of a plan and writes its record.
pub(crate) fn run_cell(
    method: &dyn Method,
    args: &RunCellArgs,
    progress: Progress,
    stop: Stop,
) -> Result<End> {
    let plan = PlanFile::load(&args.plan)?;
    let cell = plan.cell(method, &args.hash, &args.plan)?;
    // Before the wait for the lock: a driver that is told to stop must not wait for a job that is not its own.
    if args.from_driver {
        watch_driver(stop.clone());
    }
    let mut store = Store::at(&plan.results);
    let Some(_lock) = wait_for(&store.work_dir(&cell.hash).join("lock"), &stop)? else {
        return Ok(End::Stopped(stop.signal().unwrap_or(SIGTERM)));
    };
    store.refresh(&cell.hash);
    if store.finished(&cell.hash).is_some() && store.has_artifacts(&cell.hash) {
        return Ok(End::Finished);
    }
    let asked = args
        .threads
        .map_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get), usize::from);
    let threads = begun::threads(&store.work_dir(&cell.hash), asked);
    // Fails only when the pool is already made, which keeps its size.
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().ok();
    let mut ctx = RunContext::new(&plan.root, store.work_dir(&cell.hash));
    (ctx.threads, ctx.stop, ctx.progress, ctx.device) = (threads, stop, progress, plan.device.clone());
    for (role, hash) in &cell.needs {
        let there = if method.reads_records(&cell.config) {
            store.refresh(hash);
            store.finished(hash).is_some()
        } else {
            store.has_artifacts(hash)
        };
        ctx.needs.insert(role.clone(), needed(&store, role, hash, there)?);
    }

    let started = machine::now();
    let clock = Instant::now();
    let device = method.device(&plan.device);
    let result = device.and_then(|device| Ok((device, run_caught(method, cell, &ctx)?)));
    // A run that was stopped, or that failed half-way, goes on from its checkpoint: its time counts too.
    let spent_path = store.work_dir(&cell.hash).join(SPENT);
    let seconds = spent(&spent_path) + clock.elapsed().as_secs_f64();
    if result.is_ok() {
        std::fs::remove_file(&spent_path).ok();
    } else {
        write_atomically(&spent_path, format!("{seconds:.3}\n").as_bytes())?;
    }
    if let Err(error) = &result
        && let Some(stopped) = error.downcast_ref::<Stopped>()
    {
        return Ok(End::Stopped(stopped.signal));
    }
    let mut record = plan.record(cell, threads);
    record.versions.extend(method.versions());
    record.started = started;
    record.peak_memory_mib = machine::peak_memory_mib();
    let end = match result {
        Ok((device, outcome)) => {
            (record.device, record.outcome) = (device, outcome);
            End::Finished
        }
        Err(error) => {
            // Records are committed: no path of this machine in them.
            let reason = machine::relative(&chain(&error), &plan.root);
            record.status = Status::Failed;
            record.reason = Some(reason.clone());
            End::Failed(reason)
        }
    };
    record.outcome.seconds.insert("total".to_owned(), (seconds * 1000.0).round() / 1000.0);
    if end == End::Finished {
        // The mark first: a record without artefacts is complete, artefacts without a record are made again.
        store.mark_artifacts(&cell.hash)?;
    } else if store.finished(&cell.hash).is_some() {
        // Of an earlier run, whose artefacts alone were to be made again: it stands.
        return Ok(end);
    }
    record.save(&store.record_path(&cell.hash))?;
    Ok(end)
}

/// The file in a cell's folder with the seconds of the processes that stopped or failed before it was finished. Of one that was
/// killed (`kill -9`, a power cut) nobody has counted them: the record's total is then too low.
const SPENT: &str = "seconds";

fn spent(path: &Path) -> f64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0).unwrap_or(0.0)
}

/// A panic in a method is that cell's failure, with the place.
fn run_caught(method: &dyn Method, cell: &Cell, ctx: &RunContext) -> anyhow::Result<Outcome> {
    let place: Arc<Mutex<String>> = Arc::default();
    let hook_place = Arc::clone(&place);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if let (Some(location), Ok(mut place)) = (info.location(), hook_place.lock()) {
            *place = format!(" at {}:{}", location.file(), location.line());
        }
        usual(info);
    }));
    let result = catch_unwind(AssertUnwindSafe(|| method.run(cell, ctx)));
    let result = result.map(|outcome| {
        let outcome = outcome?;
        // Not a number cannot be written, and a table must not be made from it.
        outcome.not_finite().map_or(Ok(outcome), |what| Err(anyhow::anyhow!("{what}")))
    });
    result.unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
        let place = place.lock().map(|place| place.clone()).unwrap_or_default();
        Err(anyhow::anyhow!("the method panicked{place}: {text}"))
    })
}

fn needed(store: &Store, role: &str, hash: &str, there: bool) -> Result<NeededCell> {
    if !there {
        return Err(ExperimentError::usage(format!(
            "the cell {hash}, needed as `{role}`, has not run here yet; run it first, or use `reproduce`, which does"
        )));
    }
    Ok(NeededCell { folder: store.work_dir(hash), record: store.record_path(hash) })
}

/// Takes the cell's lock; while another process has it (the child of a killed driver that is still saving), waits.
fn wait_for(path: &Path, stop: &Stop) -> Result<Option<Lock>> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(ExperimentError::io("create", folder))?;
    let mut told = false;
    loop {
        match Lock::take(path) {
            Ok(lock) => return Ok(Some(lock)),
            Err(ExperimentError::Locked { holder, .. }) => {
                if !told {
                    tracing::warn!("this cell is still run by another process ({holder}); waiting for it");
                    told = true;
                }
            }
            Err(error) => return Err(error),
        }
        if stop.is_set() {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The driver holds the other end of standard input: its end, whether it asks or dies, is the sign to save and stop.
fn watch_driver(stop: Stop) {
    std::thread::spawn(move || {
        let mut sink = [0_u8; 64];
        while std::io::stdin().read(&mut sink).is_ok_and(|n| n > 0) {}
        stop.request(SIGTERM);
    });
}

/// Reports as JSON lines on standard output.
pub(crate) struct JsonLines;

impl ProgressSink for JsonLines {
    fn show(&self, report: &Report) {
        if let Ok(line) = serde_json::to_string(report) {
            let mut out = std::io::stdout().lock();
            // A driver that is gone does not read; the watcher stops the run.
            writeln!(out, "{line}").and_then(|()| out.flush()).ok();
        }
    }
}

impl PlanFile {
    /// Reads a plan.
    ///
    /// # Errors
    /// No such file, or not a plan.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(ExperimentError::io("read", path))?;
        serde_json::from_str(&text).map_err(|error| {
            let message =
                format!("{}: not a plan ({error}); `reproduce --dry-run` writes one", path.display());
            ExperimentError::usage(message)
        })
    }

    fn cell(&self, method: &dyn Method, hash: &str, path: &Path) -> Result<&Cell> {
        if self.method != method.name() {
            let message =
                format!("{} is a plan of `{}`, not of `{}`", path.display(), self.method, method.name());
            return Err(ExperimentError::usage(message));
        }
        let known: Vec<&String> = self.cells.keys().collect();
        let Some(cell) = self.cells.get(hash) else {
            let hint =
                crate::error::nearest(hash, &known).map(|_| suggestion(hash, &known)).unwrap_or_default();
            let message = format!("{} has no cell {hash} among its {}{hint}", path.display(), known.len());
            return Err(ExperimentError::usage(message));
        };
        if cell.results_version != method.results_version_of(&cell.config) || cell.content_hash() != cell.hash
        {
            let message =
                format!("{} was made by another version of the program; make it anew", path.display());
            return Err(ExperimentError::usage(message));
        }
        Ok(cell)
    }

    /// A record of the cell with everything but what came out.
    pub(crate) fn record(&self, cell: &Cell, threads: usize) -> RunRecord {
        RunRecord {
            format: FORMAT,
            status: Status::Finished,
            reason: None,
            paper: self.method.clone(),
            profile: self.label.clone(),
            cell: cell.clone(),
            outcome: Outcome::default(),
            peak_memory_mib: 0.0,
            device: self.device.clone(),
            threads,
            versions: self.versions.clone(),
            started: machine::now(),
            command: self.commands.get(&cell.hash).cloned().unwrap_or_default(),
        }
    }
}
