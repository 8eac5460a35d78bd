//! What a pre-training came to, for the record of a cell.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use medner_core::checkpoint::Settings;
use medner_core::trainer::{LogLine, Summary, TrainerConfig};
use medner_experiment::{Curve, Outcome, RunContext};

use super::objective::Objective;
use super::task::Pretraining;
use crate::job::{self, Unit};

/// The folder below a cell's own where its encoder is.
pub const ENCODER_FOLDER: &str = "encoder";

/// The task's name among a cell's scores.
const ENCODER: &str = "encoder";

/// Pre-trains in `folder`, from its newest checkpoint if there is one.
///
/// # Errors
/// As [`job::run`].
pub fn train<O: Objective>(
    task: &mut Pretraining<O>,
    folder: &Path,
    config: &super::TrainingConfig,
    settings: Settings,
    ctx: &RunContext,
) -> Result<Summary> {
    let trainer = TrainerConfig {
        epochs: config.epochs,
        checkpoint_every_steps: config.checkpoint_every,
        curve_every: config.curve_every,
        ..TrainerConfig::default()
    };
    job::run(task, folder, trainer, settings, Unit::Epoch, ctx)
}

/// Puts steps, loss, what the held-out text says, curves and seconds into an outcome.
pub fn put<O: Objective>(outcome: &mut Outcome, summary: &Summary) {
    outcome.score(ENCODER, "steps", summary.steps as f64);
    outcome.curves = curves(summary, O::TERMS);
    if let Some((loss, metrics)) = last_epoch(summary) {
        outcome.score(ENCODER, "loss", loss);
        for (name, value) in metrics {
            outcome.score(ENCODER, name, *value);
        }
    }
    outcome.seconds.insert("train".into(), summary.seconds());
    if let Some(seconds) = summary.seconds_per_epoch() {
        outcome.seconds.insert("epoch".into(), seconds);
    }
}

/// Loss and metrics of the last epoch.
pub fn last_epoch(summary: &Summary) -> Option<(f64, &BTreeMap<String, f64>)> {
    summary.log.iter().rev().find_map(|line| match line {
        LogLine::Epoch { loss, metrics, .. } => Some((*loss, metrics)),
        LogLine::Curve { .. } => None,
    })
}

/// `loss`: mean training loss between points of the curve. `perplexity`: what held-out text says after each epoch.
fn curves(summary: &Summary, terms: &[&str]) -> BTreeMap<String, Curve> {
    let mut names = Vec::new();
    for (place, term) in terms.iter().enumerate() {
        names.push(format!("{term}_loss"));
        if place == 0 {
            names.push("perplexity".into());
        }
        names.push(format!("{term}_accuracy"));
    }
    let mut loss = Curve::new(["step", "loss"]);
    let columns = ["epoch", "step", "loss"].map(String::from);
    let mut perplexity = Curve::new(columns.into_iter().chain(names.iter().cloned()));
    for line in &summary.log {
        match line {
            LogLine::Curve { step, loss: value } => loss.push(vec![(*step).into(), (*value).into()]),
            LogLine::Epoch { epoch, step, loss, metrics, .. } => {
                let mut row = vec![(*epoch).into(), (*step).into(), (*loss).into()];
                row.extend(names.iter().map(|name| metrics.get(name).copied().into()));
                perplexity.push(row);
            }
        }
    }
    [("loss".to_owned(), loss), ("perplexity".to_owned(), perplexity)].into()
}
