//! The training loop: epochs, early stopping, logs, checkpoints, exact resume, signals.
//!
//! What is trained is a [`Task`]: it knows its batches, makes one optimiser step, and scores itself. A step may do what
//! its paper does: one loss, two tasks that take turns, several optimisers, a round of queries. The loop only needs that
//! step `n` depends on nothing but the task's tensors, the task's own saved state, and (seed, epoch, batch, step): then a
//! run that is killed and resumed gives the same bytes as one that was not.
//!
//! Files of a run, besides the [checkpoints](crate::checkpoint):
//! - `metrics.jsonl`: one line an epoch (mean loss, scores) and, with `curve_every`, one every so many steps; only what is
//!   the same in every repetition. A resume cuts it to the length it had at the checkpoint.
//! - `timing.jsonl`: seconds, items a second and peak memory an epoch.
//! - `events.out.tfevents.*`: the same for TensorBoard.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::checkpoint::{Best, CheckpointFolder, Settings, TrainState};
use crate::error::{CoreError, Result};
use crate::tensorboard::EventWriter;
use crate::tensors::NamedTensors;
use crate::{device, memory};

/// What is trained.
pub trait Task {
    /// Number of batches of this epoch.
    fn batches(&self, epoch: u64) -> Result<u64>;

    /// Makes one step: forward, backward, clip, update. libtorch is seeded from (seed, step) before it is called.
    fn step(&mut self, at: &At) -> Result<StepOutcome>;

    /// Identifiers of a batch's sentences; asked for only when its loss or gradient is not finite.
    fn sentences(&self, at: &At) -> Vec<String>;

    /// Scores the model after an epoch; `None` when there is nothing to score on.
    fn evaluate(&mut self, epoch: u64) -> Result<Option<Evaluation>>;

    /// Parameters and buffers by name.
    fn model(&self) -> Result<NamedTensors>;

    /// Takes back what [`Task::model`] gave, strictly.
    fn load_model(&mut self, tensors: NamedTensors) -> Result<()>;

    /// Moments of every optimiser, named `<optimiser>/<tensor>`.
    fn optimizers(&self) -> Result<NamedTensors>;

    /// Takes back what [`Task::optimizers`] gave, strictly.
    fn load_optimizers(&mut self, tensors: NamedTensors) -> Result<()>;

    /// What else must be remembered between steps (labelled sentences, counters); null when nothing.
    fn state(&self) -> serde_json::Value {
        serde_json::Value::Null
    }

    /// Takes back what [`Task::state`] gave.
    fn load_state(&mut self, _state: &serde_json::Value) -> Result<()> {
        Ok(())
    }
}

/// Where the loop stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: u64,
    /// Batch inside the epoch, from 0.
    pub batch: u64,
    /// Steps done before this one.
    pub step: u64,
}

/// What one step came to.
#[derive(Clone, Copy, Debug)]
pub struct StepOutcome {
    /// Mean loss of the batch's items.
    pub loss: f64,
    /// Items (sentences) in the batch.
    pub items: u64,
}

/// Scores after an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// What early stopping looks at; higher is better.
    pub score: f64,
    /// Everything worth a column, for example `dev_f1`.
    pub metrics: BTreeMap<String, f64>,
}

/// How long to train, and what to write meanwhile.
#[derive(Clone, Debug)]
pub struct TrainerConfig {
    /// Epochs at most.
    pub epochs: u64,
    /// Stop after this many epochs without a better score; never when `None`.
    pub patience: Option<u64>,
    /// The score of a model that has learned nothing yet, such as 0 of an F1. Until a score is above it, an epoch that is not worse
    /// than the one before it counts as better: patience begins with the first score above, and a run without one ends with its last
    /// parameters.
    pub learned_nothing: Option<f64>,
    /// Seconds between checkpoints inside an epoch (one is made after every epoch anyway, but see `save_unscored`).
    pub checkpoint_every: Duration,
    /// Steps between checkpoints inside an epoch, as well; 0 for none.
    pub checkpoint_every_steps: u64,
    /// Whether there is a checkpoint after an epoch that was not scored. Where epochs are short it may cost more than they do:
    /// then there is one when its time has come, and after the last epoch.
    pub save_unscored: bool,
    /// Checkpoints to keep besides the best.
    pub keep: usize,
    /// Steps between points of the loss curve; 0 for none.
    pub curve_every: u64,
}

impl Default for TrainerConfig {
    fn default() -> Self {
        Self {
            epochs: 1,
            patience: None,
            learned_nothing: None,
            checkpoint_every: Duration::from_secs(120),
            checkpoint_every_steps: 0,
            save_unscored: true,
            keep: 2,
            curve_every: 0,
        }
    }
}

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum LogLine {
    /// The end of an epoch.
    Epoch {
        /// Epoch, from 1.
        epoch: u64,
        /// Steps done.
        step: u64,
        /// Mean training loss an item.
        loss: f64,
        /// The evaluation's score, if one was made.
        score: Option<f64>,
        /// The evaluation's metrics.
        metrics: BTreeMap<String, f64>,
    },
    /// A point of the loss curve.
    Curve {
        /// Steps done.
        step: u64,
        /// Mean training loss an item since the last point.
        loss: f64,
    },
}

/// One line of `timing.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Epoch, from 1.
    pub epoch: u64,
    /// Seconds of training steps in it, in this process.
    pub train_seconds: f64,
    /// Seconds of its evaluation.
    pub evaluate_seconds: f64,
    /// Items a second of training.
    pub items_per_second: f64,
    /// Peak memory of the process so far, MiB.
    pub peak_mib: f64,
    /// False when the epoch was interrupted, so that its seconds are a part only.
    pub whole: bool,
}

/// What a finished run came to.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Steps done.
    pub steps: u64,
    /// Epochs done.
    pub epochs: u64,
    /// The best evaluation.
    pub best: Option<Best>,
    /// Everything in `metrics.jsonl`.
    pub log: Vec<LogLine>,
    /// Everything in `timing.jsonl`.
    pub timing: Vec<Timing>,
}

impl Summary {
    /// Seconds of training and evaluation. Each epoch counts once, as it was run last: one that a resume began again has two lines, one
    /// that a resume went on with counts from there.
    pub fn seconds(&self) -> f64 {
        let last: BTreeMap<u64, f64> =
            self.timing.iter().map(|t| (t.epoch, t.train_seconds + t.evaluate_seconds)).collect();
        last.values().sum()
    }

    /// Median seconds of training in the epochs that ran whole; `None` when there is none.
    pub fn seconds_per_epoch(&self) -> Option<f64> {
        median(self.timing.iter().filter(|t| t.whole).map(|t| t.train_seconds))
    }
}

/// The middle one of some numbers, the mean of the middle two of an even count; `None` of none.
pub fn median(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    let upper = numbers.get(middle)?;
    Some(if numbers.len().is_multiple_of(2) { f64::midpoint(numbers[middle - 1], *upper) } else { *upper })
}

/// What the outside world tells the loop and hears from it.
pub trait Watch {
    /// The signal that asks the run to stop, if one came.
    fn stop(&self) -> Option<i32> {
        None
    }
    /// Called after every step: steps done in this epoch, steps of the epoch, and a short text.
    fn progress(&self, _at: &At, _batches: u64, _epochs: u64, _message: &str) {}
}

/// A watch that never stops and says nothing.
pub struct Silent;
impl Watch for Silent {}

/// Runs a [`Task`] to its end in a folder.
pub struct Trainer<'a> {
    config: TrainerConfig,
    settings: Settings,
    folder: PathBuf,
    watch: &'a dyn Watch,
}

impl<'a> Trainer<'a> {
    /// A trainer that works in `folder`; `settings` is what a resume must not change.
    pub fn new(folder: &Path, config: TrainerConfig, settings: Settings, watch: &'a dyn Watch) -> Self {
        Self { config, settings, folder: folder.to_owned(), watch }
    }

    /// Trains, from the newest checkpoint of the folder if there is one. Afterwards the task holds the best parameters
    /// (the last ones, where nothing was scored).
    pub fn run(&self, task: &mut dyn Task) -> Result<Summary> {
        let store = CheckpointFolder::open(&self.folder, self.config.keep)?;
        let mut state = match store.load_latest()? {
            Some(checkpoint) => {
                let differences = checkpoint.state.settings.differences(&self.settings);
                if !differences.is_empty() {
                    return Err(CoreError::ResumeDiffers { path: self.folder.clone(), differences });
                }
                task.load_model(checkpoint.model)?;
                task.load_optimizers(checkpoint.optimizer)?;
                task.load_state(&checkpoint.state.task)?;
                tracing::info!(step = checkpoint.state.step, epoch = checkpoint.state.epoch, "resumed");
                checkpoint.state
            }
            None => TrainState { settings: self.settings.clone(), ..TrainState::default() },
        };
        let mut logs = Logs::open(&self.folder, state.log_bytes)?;
        let mut saved = Instant::now();
        let mut saved_step = state.step;
        while !self.finished(&state) {
            let batches = task.batches(state.epoch)?;
            let whole = state.batch == 0;
            let (began, began_items) = (Instant::now(), state.items);
            while state.batch < batches {
                self.one_step(task, &mut state, &mut logs, batches)?;
                let stop = self.watch.stop();
                if self.is_due(saved, state.step - saved_step) || stop.is_some() {
                    Self::save(task, &mut state, &mut logs, &store, false)?;
                    (saved, saved_step) = (Instant::now(), state.step);
                }
                if let Some(signal) = stop {
                    return Err(CoreError::Stopped { signal });
                }
            }
            let train_seconds = began.elapsed().as_secs_f64();
            let items = state.items - began_items;
            let ended = self.end_epoch(task, &mut state, &mut logs, whole, train_seconds, items)?;
            let stop = self.watch.stop().filter(|_| !self.finished(&state));
            let wanted = self.config.save_unscored || ended.scored || self.finished(&state);
            if wanted || stop.is_some() || self.is_due(saved, state.step - saved_step) {
                Self::save(task, &mut state, &mut logs, &store, ended.is_best)?;
                (saved, saved_step) = (Instant::now(), state.step);
            }
            if let Some(signal) = stop {
                return Err(CoreError::Stopped { signal });
            }
        }
        task.load_model(store.load_best()?.model)?;
        Ok(Summary {
            steps: state.step,
            epochs: state.epoch,
            best: state.best,
            log: read_lines(&logs.metrics_path)?,
            timing: read_lines(&logs.timing_path)?,
        })
    }

    /// Whether the last checkpoint, so many steps ago, is old enough for another.
    fn is_due(&self, saved: Instant, steps: u64) -> bool {
        let every = self.config.checkpoint_every_steps;
        saved.elapsed() >= self.config.checkpoint_every || (every > 0 && steps >= every)
    }

    /// Whether a score is better than the best before it.
    fn is_better(&self, score: f64, best: f64) -> bool {
        let nothing = self.config.learned_nothing.is_some_and(|nothing| best <= nothing);
        score > best || (nothing && score >= best)
    }

    fn finished(&self, state: &TrainState) -> bool {
        state.epoch >= self.config.epochs
            || self.config.patience.is_some_and(|p| state.epochs_without_improvement >= p.max(1))
    }

    fn one_step(
        &self,
        task: &mut dyn Task,
        state: &mut TrainState,
        logs: &mut Logs,
        batches: u64,
    ) -> Result<()> {
        let at = At { seed: self.settings.seed, epoch: state.epoch, batch: state.batch, step: state.step };
        device::reseed(at.seed, at.step);
        let outcome = task.step(&at).map_err(|error| match error {
            CoreError::GradientNotFinite { norm, parameters } => CoreError::NotFinite {
                what: "gradient norm",
                value: norm,
                step: at.step,
                sentences: task.sentences(&at),
                parameters,
            },
            other => other,
        })?;
        if !outcome.loss.is_finite() {
            let sentences = task.sentences(&at);
            return Err(CoreError::NotFinite {
                what: "loss",
                value: outcome.loss,
                step: at.step,
                sentences,
                parameters: Vec::new(),
            });
        }
        let weighted = outcome.loss * outcome.items as f64;
        state.step += 1;
        state.batch += 1;
        state.loss_sum += weighted;
        state.items += outcome.items;
        state.curve.0 += weighted;
        state.curve.1 += outcome.items;
        if self.config.curve_every > 0 && state.step.is_multiple_of(self.config.curve_every) {
            let loss = state.curve.0 / state.curve.1.max(1) as f64;
            logs.line(&LogLine::Curve { step: state.step, loss })?;
            logs.events.scalar("train/loss_curve", state.step, loss)?;
            state.curve = (0.0, 0);
        }
        // Steps of no items (a round's games) have no loss of their own; before the first that has, there is nothing to tell.
        let message = match state.items {
            0 => "no loss yet".to_owned(),
            items => format!("loss {:.4}", state.loss_sum / items as f64),
        };
        self.watch.progress(&at, batches, self.config.epochs, &message);
        Ok(())
    }

    /// Scores the epoch, writes its lines and moves `state` to the next.
    fn end_epoch(
        &self,
        task: &mut dyn Task,
        state: &mut TrainState,
        logs: &mut Logs,
        whole: bool,
        train_seconds: f64,
        items: u64,
    ) -> Result<Ended> {
        let began = Instant::now();
        let evaluation = task.evaluate(state.epoch)?;
        let evaluate_seconds = began.elapsed().as_secs_f64();
        if let Some(evaluation) = &evaluation {
            check_scores(evaluation, state.epoch)?;
        }
        let loss = state.loss_sum / state.items.max(1) as f64;
        let score = evaluation.as_ref().map(|e| e.score);
        let is_best = score.is_some_and(|s| state.best.is_none_or(|b| self.is_better(s, b.score)));
        if let (true, Some(score)) = (is_best, score) {
            state.best = Some(Best { score, epoch: state.epoch, step: state.step });
        }
        if score.is_some() {
            state.epochs_without_improvement = if is_best { 0 } else { state.epochs_without_improvement + 1 };
        }
        state.epoch += 1;
        state.batch = 0;
        (state.loss_sum, state.items) = (0.0, 0);
        let metrics = evaluation.map(|e| e.metrics).unwrap_or_default();
        let items_per_second = items as f64 / train_seconds.max(1e-9);
        let peak_mib = memory::peak_mib();
        logs.events.scalar("train/loss", state.step, loss)?;
        logs.events.scalar("time/items_per_second", state.step, items_per_second)?;
        logs.events.scalar("memory/peak_mib", state.step, peak_mib)?;
        for (name, value) in &metrics {
            logs.events.scalar(&format!("evaluate/{name}"), state.step, *value)?;
        }
        logs.events.flush()?;
        if logs.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) || state.epoch == self.config.epochs {
            logs.told = Some(Instant::now());
            tracing::info!(
                epoch = state.epoch,
                loss = format!("{loss:.4}"),
                score = score.map(|s| format!("{s:.4}")),
                items_per_second = format!("{items_per_second:.0}"),
                seconds = format!("{train_seconds:.1}"),
                peak_mib = format!("{peak_mib:.0}"),
                "epoch"
            );
        }
        logs.line(&LogLine::Epoch { epoch: state.epoch, step: state.step, loss, score, metrics })?;
        logs.time(&Timing {
            epoch: state.epoch,
            train_seconds,
            evaluate_seconds,
            items_per_second,
            peak_mib,
            whole,
        })?;
        Ok(Ended { scored: score.is_some(), is_best })
    }

    fn save(
        task: &mut dyn Task,
        state: &mut TrainState,
        logs: &mut Logs,
        store: &CheckpointFolder,
        is_best: bool,
    ) -> Result<()> {
        state.log_bytes = logs.sync()?;
        state.task = task.state();
        store.save(state, &task.model()?, &task.optimizers()?, is_best)?;
        Ok(())
    }
}

/// An epoch that is over.
#[derive(Clone, Copy, Debug)]
struct Ended {
    /// Whether it was scored.
    scored: bool,
    /// Whether it is the best so far.
    is_best: bool,
}

/// A score that is no number could neither be compared nor read back from a checkpoint.
fn check_scores(evaluation: &Evaluation, epoch: u64) -> Result<()> {
    let metrics = evaluation.metrics.iter().map(|(name, value)| (name.as_str(), *value));
    match std::iter::once(("score", evaluation.score)).chain(metrics).find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((name, value)) => Err(CoreError::Config {
            key: format!("evaluation.{name}"),
            message: format!(
                "is {value} after epoch {}; every score must be a finite number (0 where nothing was found)",
                epoch + 1
            ),
        }),
    }
}

/// The open files of a run.
struct Logs {
    metrics: File,
    metrics_path: PathBuf,
    bytes: u64,
    timing: File,
    timing_path: PathBuf,
    events: EventWriter,
    /// When an epoch was last told of.
    told: Option<Instant>,
}

/// Epochs that take less than this are not all told of: hundreds of short ones would push warnings out of sight. The file of metrics
/// has every one.
const TOLD_EVERY: Duration = Duration::from_secs(1);

impl Logs {
    fn open(folder: &Path, bytes: u64) -> Result<Self> {
        let metrics_path = folder.join("metrics.jsonl");
        let timing_path = folder.join("timing.jsonl");
        let open = |path: &Path| {
            OpenOptions::new().create(true).append(true).open(path).map_err(CoreError::io(path))
        };
        let metrics = open(&metrics_path)?;
        let length = metrics.metadata().map_err(CoreError::io(&metrics_path))?.len();
        if length < bytes {
            return Err(CoreError::Checkpoint {
                path: metrics_path,
                message: format!(
                    "has {length} bytes, but {bytes} when the checkpoint was saved: it was cut or replaced; put it back, \
                     or remove the folder to start again"
                ),
            });
        }
        metrics.set_len(bytes).map_err(CoreError::io(&metrics_path))?;
        let mut timing = open(&timing_path)?;
        // After a half line, which a kill can leave, the next one begins a line of its own.
        if std::fs::read(&timing_path)
            .map_err(CoreError::io(&timing_path))?
            .last()
            .is_some_and(|&b| b != b'\n')
        {
            timing.write_all(b"\n").map_err(CoreError::io(&timing_path))?;
        }
        let events = EventWriter::create(folder)?;
        Ok(Self { metrics, metrics_path, bytes, timing, timing_path, events, told: None })
    }

    fn line(&mut self, line: &LogLine) -> Result<()> {
        let text = to_line(line, &self.metrics_path)?;
        self.metrics.write_all(&text).map_err(CoreError::io(&self.metrics_path))?;
        self.bytes += text.len() as u64;
        Ok(())
    }

    fn time(&mut self, timing: &Timing) -> Result<()> {
        let text = to_line(timing, &self.timing_path)?;
        self.timing.write_all(&text).map_err(CoreError::io(&self.timing_path))
    }

    /// Makes the metrics durable; the length of the file.
    fn sync(&mut self) -> Result<u64> {
        self.metrics.sync_all().map_err(CoreError::io(&self.metrics_path))?;
        Ok(self.bytes)
    }
}

fn to_line<T: Serialize>(value: &T, path: &Path) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec(value).map_err(|e| CoreError::io(path)(e.into()))?;
    text.push(b'\n');
    Ok(text)
}

fn read_lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>> {
    let text = std::fs::read_to_string(path).map_err(CoreError::io(path))?;
    text.lines()
        .filter_map(|line| match serde_json::from_str(line) {
            Ok(value) => Some(Ok(value)),
            // A kill can leave a half line in timing.jsonl, which is not part of the exact record.
            Err(_) if !text.ends_with('\n') || path.ends_with("timing.jsonl") => None,
            Err(error) => Some(Err(CoreError::io(path)(error.into()))),
        })
        .collect()
}
