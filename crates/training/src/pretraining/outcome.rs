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
    if let Some((loss, metrics)) = kept_epoch(summary) {
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

/// Loss and metrics of the epoch whose parameters are kept: the one with the lowest loss on held-out text, the last one where nothing is
/// held out.
pub fn kept_epoch(summary: &Summary) -> Option<(f64, &BTreeMap<String, f64>)> {
    let best = summary.best.map(|best| best.epoch + 1);
    summary.log.iter().rev().find_map(|line| match line {
        LogLine::Epoch { epoch, loss, metrics, .. } if best.is_none_or(|best| best == *epoch) => {
            Some((*loss, metrics))
        }
        LogLine::Epoch { .. } | LogLine::Curve { .. } => None,
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

#[cfg(test)]
mod tests {
    use medner_core::checkpoint::Best;

    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_epoch_that_is_kept() {
        let epoch = |epoch: u64, loss: f64| LogLine::Epoch {
            epoch,
            step: 10 * epoch,
            loss,
            score: None,
            metrics: [("perplexity".to_owned(), 10.0 * loss)].into(),
        };
        let log = vec![epoch(1, 3.0), epoch(2, 2.0), LogLine::Curve { step: 25, loss: 1.5 }, epoch(3, 1.0)];
        let mut summary = Summary { steps: 30, epochs: 3, best: None, log, timing: Vec::new() };
        let kept =
            |summary: &Summary| kept_epoch(summary).map(|(loss, metrics)| (loss, metrics["perplexity"]));
        assert_eq!(kept(&summary), Some((1.0, 10.0)));
        summary.best = Some(Best { score: -2.0, epoch: 1, step: 20 });
        assert_eq!(kept(&summary), Some((2.0, 20.0)));
    }
}
