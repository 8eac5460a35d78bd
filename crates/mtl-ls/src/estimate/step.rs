//! A step, measured in a process of its own, because the peak of a process's memory never falls.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use medner_core::optim::{Adam, Optimizer, OptimizerConfig, Rule};
use medner_core::params::Params;
use medner_core::precision::Precision;
use medner_core::trainer::{At, Task};
use medner_core::{device, memory};
use medner_metrics::{LabelSet, TagScheme};
use medner_training::pretraining::{Document, Documents};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind as Number, Tensor};

use crate::config::LabelMode;
use crate::pretraining::PretrainingConfig;
use crate::pretraining::objective;
use crate::tagging::{TaggerBatch, XlnetCrf};
use crate::xlnet::XlnetConfig;
use crate::xlnet::tokenizer::SpecialIds;

/// The command that measures; not for users.
pub const COMMAND: &str = "measure-step";

/// Numbers of layers that are measured where the encoder has more.
pub const FEW: [i64; 2] = [2, 4];

/// Seconds of a step that is measured once. Of shorter ones the second counts: the first makes plans and touches memory that is new.
const LONG: f64 = 60.0;

const MIB: f64 = 1024.0 * 1024.0;

/// Bytes that each parameter takes in training: value, gradient, two moments of Adam, f32 each.
const BYTES_A_PARAMETER: f64 = 16.0;

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A tagger.
    Tagger,
    /// An encoder on text, with both streams.
    Pretraining,
}

/// What is to be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What is trained.
    pub kind: Kind,
    /// The encoder.
    pub sizes: XlnetConfig,
    /// Sequences that are computed at a time.
    pub sequences: usize,
    /// Pieces of each, where time is measured.
    pub length: usize,
    /// Pieces of each in the longest batch, which decides what memory is taken.
    pub longest: usize,
    /// Whether activations are computed again.
    pub recompute: bool,
    /// What products are computed in.
    pub precision: Precision,
    /// Threads.
    pub threads: usize,
}

/// What one process found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Found {
    parameters: f64,
    train_seconds: f64,
    forward_seconds: f64,
    update_seconds: f64,
    peak_mib: f64,
}

/// A step of the whole encoder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Seconds of forward and backward, a piece.
    pub train_seconds: f64,
    /// Seconds of a forward pass with decoding, a piece.
    pub forward_seconds: f64,
    /// Seconds of clipping and the optimiser, a step.
    pub update_seconds: f64,
    /// Memory in all.
    pub mib: f64,
}

/// The step that is asked for; each is measured once in a process.
///
/// # Errors
/// A process that cannot be started or fails.
pub fn of(request: &Request) -> Result<Step> {
    static KNOWN: Mutex<BTreeMap<String, Step>> = Mutex::new(BTreeMap::new());
    let key = serde_json::to_string(request)?;
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(step) = known().get(&key) {
        return Ok(*step);
    }
    let layers = request.sizes.n_layer;
    let step = if layers <= FEW[1] {
        whole(request, run(request, layers)?)
    } else {
        let [few, more] = [run(request, FEW[0])?, run(request, FEW[1])?];
        whole(request, extrapolated(few, more, layers))
    };
    known().insert(key, step);
    Ok(step)
}

/// Everything grows by the same amount with each layer.
fn extrapolated(few: Found, more: Found, layers: i64) -> Found {
    let at = |few: f64, more: f64| {
        few + (more - few).max(0.0) / (FEW[1] - FEW[0]) as f64 * (layers - FEW[0]) as f64
    };
    let parameters = at(few.parameters, more.parameters);
    // What parameters take is known; what is left is activations and libtorch itself.
    let rest = |found: Found| found.peak_mib - BYTES_A_PARAMETER * found.parameters / MIB;
    Found {
        parameters,
        train_seconds: at(few.train_seconds, more.train_seconds),
        forward_seconds: at(few.forward_seconds, more.forward_seconds),
        update_seconds: at(few.update_seconds, more.update_seconds),
        peak_mib: BYTES_A_PARAMETER * parameters / MIB + at(rest(few), rest(more)),
    }
}

fn whole(request: &Request, found: Found) -> Step {
    let pieces = (request.sequences * request.length) as f64;
    Step {
        train_seconds: found.train_seconds / pieces,
        forward_seconds: found.forward_seconds / pieces,
        update_seconds: found.update_seconds,
        mib: found.peak_mib,
    }
}

/// Asks a process of this program.
fn run(request: &Request, layers: i64) -> Result<Found> {
    let request =
        Request { sizes: XlnetConfig { n_layer: layers, ..request.sizes.clone() }, ..request.clone() };
    let program = std::env::current_exe().context("this program's own file cannot be found")?;
    let mut child = Command::new(program)
        .arg(COMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("a process that measures a step cannot be started")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&serde_json::to_vec(&request)?)?;
    }
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "a step of {layers} layers could not be measured ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    serde_json::from_slice(&output.stdout)
        .context("what a process that measures a step says is not understood")
}

/// The command: a request on standard input, what was found on standard output.
pub fn command() -> clap::Command {
    clap::Command::new(COMMAND).about("Measure a training step, for reproduce --dry-run").hide(true)
}

/// Runs the command.
///
/// # Errors
/// A request that is none, a step that fails.
pub fn run_command() -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let request: Request = serde_json::from_str(&text).context("standard input is no request")?;
    device::set_threads(request.threads);
    request.precision.set(Device::Cpu)?;
    let found = match request.kind {
        Kind::Tagger => tagger(&request),
        Kind::Pretraining => pretraining(&request),
    }?;
    std::io::stdout().write_all(&serde_json::to_vec(&found)?)?;
    Ok(())
}

/// Seconds of what is done, twice unless it lasts long.
fn seconds(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut once = || -> Result<f64> {
        let began = Instant::now();
        work()?;
        Ok(began.elapsed().as_secs_f64())
    };
    let cold = once()?;
    if cold > LONG { Ok(cold) } else { once() }
}

fn tagger(request: &Request) -> Result<Found> {
    let labels = LabelSet::new(TagScheme::Bio, ["x"])?;
    let mut tagger = XlnetCrf::new(&request.sizes, &labels, LabelMode::X, Precision::F32, Device::Cpu)?;
    if request.recompute {
        tagger.recompute();
    }
    let rule = OptimizerConfig::new(Rule::Adam(Adam::default()), 1e-5);
    let mut optimizer = Optimizer::new(&rule, tagger.params.parameters())?;
    let batch = batch(request, request.length)?;
    let train_seconds = seconds(|| {
        optimizer.zero_gradients()?;
        Ok(tagger.loss(&batch)?.f_backward()?)
    })?;
    let update_seconds = update(&mut optimizer)?;
    let forward_seconds = seconds(|| tagger.decode(&batch).map(|_| ()).map_err(Into::into))?;
    if request.longest > request.length {
        optimizer.zero_gradients()?;
        tagger.loss(&self::batch(request, request.longest)?)?.f_backward()?;
    }
    Ok(found(&tagger.params, train_seconds, forward_seconds, update_seconds))
}

/// A batch as a training has them: with padding, and `<cls>` in a segment of its own.
fn batch(request: &Request, length: usize) -> Result<TaggerBatch> {
    let (b, t) = (request.sequences as i64, length as i64);
    let integers = |high: i64| Tensor::f_randint(high, [b, t], (Number::Int64, Device::Cpu));
    let mask = Tensor::f_ones([b, t], (Number::Bool, Device::Cpu))?;
    let _ = mask.f_narrow(1, t - 1, 1)?.f_fill_(0)?;
    let segments = Tensor::f_zeros([b, t], (Number::Int64, Device::Cpu))?;
    let _ = segments.f_narrow(1, t - 2, 1)?.f_fill_(2)?;
    Ok(TaggerBatch {
        ids: integers(request.sizes.vocab_size)?,
        mask: Some(mask),
        segments: Some(segments),
        places: Tensor::f_arange(b * t, (Number::Int64, Device::Cpu))?.f_view([b, t])?,
        labels: integers(3)?,
        lengths: vec![length; request.sequences],
    })
}

fn pretraining(request: &Request) -> Result<Found> {
    let mut config = PretrainingConfig::default();
    config.sequences.max_length = request.length;
    config.training.batch_pieces = request.sequences * request.length;
    config.training.part_pieces = config.training.batch_pieces;
    let special = SpecialIds { unknown: 0, begin: 1, end: 2, classify: 3, separator: 4, padding: 5 };
    let length = request.length - crate::tagging::pieces::SPECIAL_PIECES;
    let ids = (0..length).map(|place| place as u32 % request.sizes.vocab_size.max(1) as u32).collect();
    let documents = vec![Document::new([ids]); request.sequences];
    let documents = Documents { train: documents, held_out: Vec::new() };
    let mut task = objective::task(&config, &request.sizes, special, documents, 1, Device::Cpu)?;
    // The step's own update is in it: there is one for each part here, and few parts a step in a training.
    let at = At { seed: 1, epoch: 0, batch: 0, step: 0 };
    let train_seconds = seconds(|| task.step(&at).map(|_| ()).map_err(Into::into))?;
    Ok(found(&task.params, train_seconds, 0.0, 0.0))
}

fn update(optimizer: &mut Optimizer) -> Result<f64> {
    seconds(|| {
        optimizer.clip_gradients(1.0)?;
        Ok(optimizer.step()?)
    })
}

fn found(params: &Params, train_seconds: f64, forward_seconds: f64, update_seconds: f64) -> Found {
    Found {
        parameters: params.count() as f64,
        train_seconds,
        forward_seconds,
        update_seconds,
        peak_mib: memory::peak_mib(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_measurements_tell_all() {
        let found = |layers: f64| Found {
            parameters: 1e6 + layers * 2e6,
            train_seconds: 0.5 + layers,
            forward_seconds: 0.1 + 0.2 * layers,
            update_seconds: 0.01 * layers,
            peak_mib: 300.0 + BYTES_A_PARAMETER * (1e6 + layers * 2e6) / MIB + 70.0 * layers,
        };
        let whole = extrapolated(found(2.0), found(4.0), 24);
        for (value, expected) in [
            (whole.parameters, found(24.0).parameters),
            (whole.train_seconds, found(24.0).train_seconds),
            (whole.forward_seconds, found(24.0).forward_seconds),
            (whole.update_seconds, found(24.0).update_seconds),
            (whole.peak_mib, found(24.0).peak_mib),
        ] {
            assert!((value / expected - 1.0).abs() < 1e-12, "{value} {expected}");
        }
    }
}
