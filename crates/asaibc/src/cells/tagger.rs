//! The neural taggers: training, test scores, curves.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};
use medner_core::records::{Cut, Records};
use medner_core::trainer::{LogLine, Summary, TrainerConfig};
use medner_data::vectors::{VectorFormat, WordVectors};
use medner_experiment::{Cell, Curve, Outcome, RunContext, Units, evaluation};
use medner_metrics::{LabelSet, entity_report};
use medner_training::job::{self, Unit};
use tch::Device;

use crate::character_vectors::{self, VECTORS_FILE};
use crate::config::Config;
use crate::prepare::{Prepared, build, prepare};
use crate::segmentation::{self, Segmented};
use crate::target::{self, Target};
use crate::training::TaggerTask;
use crate::{folder, scoring};

/// Trains in `ctx.work_dir`, from its newest checkpoint if there is one; the task holds the best parameters afterwards.
pub fn train(
    config: &Config,
    seed: u64,
    data: BTreeMap<String, String>,
    prepared: Prepared,
    ctx: &RunContext,
    device: Device,
) -> Result<(TaggerTask, Summary)> {
    let tagger = build(config, seed, &prepared, device)?;
    let version = ("results", crate::method::RESULTS_VERSION);
    let settings = job::settings(seed, config, data, version, ctx)?;
    let trainer_config = TrainerConfig {
        epochs: config.training.epochs,
        patience: Some(config.training.patience).filter(|&p| p > 0),
        learned_nothing: Some(0.0),
        checkpoint_every_steps: config.training.checkpoint_every,
        curve_every: config.training.curve_every,
        ..TrainerConfig::default()
    };
    let mut task = TaggerTask::new(tagger, prepared, config, seed, device)?;
    let summary = job::run(&mut task, &ctx.work_dir, trainer_config, settings, Unit::Epoch, ctx)?;
    Ok((task, summary))
}

/// Trains a tagger on the target of the cell and scores it.
pub fn run(cell: &Cell, config: &Config, ctx: &RunContext, device: Device) -> Result<Outcome> {
    let Target { train: train_part, development, test, types } =
        target::load(&cell.data, config)?.documents();
    let segmented = if config.model.transfer {
        Some(Segmented::load(&config.source, config.limits.source)?)
    } else {
        None
    };
    let vectors = if let Some(path) = &config.vectors.file {
        Some(character_vectors::read(path)?)
    } else if cell.needs.contains_key("vectors") {
        let path = ctx.artifact("vectors")?.join(VECTORS_FILE);
        Some(WordVectors::read(&path, VectorFormat::Word2vecBinary)?)
    } else {
        None
    };
    let labels = LabelSet::new(config.scheme, types)?;
    let mut prepared =
        prepare(config, cell.seed, labels, &train_part, &development, segmented, vectors.as_ref())?;
    let mut outcome = Outcome { notes: std::mem::take(&mut prepared.notes), ..Outcome::default() };
    if let Some(source) = &prepared.source {
        outcome.score(segmentation::TRANSFER, "kept", source.report.kept as f64);
        outcome.score(segmentation::TRANSFER, "mean_weight", source.report.mean_weight);
    }
    let vocabulary = prepared.vocabulary.clone();
    let mut data = cell.facts.files.clone();
    data.extend(cell.inputs.files.clone());
    let (task, summary) = train(config, cell.seed, data, prepared, ctx, device)?;
    folder::save(&ctx.work_dir.join("model"), config, &task.labels, &vocabulary, &task.tagger)?;

    let began = Instant::now();
    let lengths: Vec<usize> = test.iter().map(|d| d.text.chars().count()).collect();
    let test = Records::with(&test, config.split.options(Cut::Blind), &vocabulary, &task.labels)
        .context("test sentences")?;
    let predicted = scoring::entities(&task.tagger, &test, &task.labels, device)?;
    outcome.seconds.insert("test".into(), began.elapsed().as_secs_f64());
    let report = entity_report(&test.gold, &predicted)?;
    evaluation::put_report(&mut outcome.scores, "ner", &report);
    let accuracy = scoring::tag_accuracy(&task.labels, &lengths, &test.gold, &predicted)?;
    outcome.score("ner", "accuracy", accuracy.accuracy());
    outcome.units.insert("ner".into(), Units(report.units));
    if task.tagger.transfers() {
        for (name, records) in segmentation::tests(config, &vocabulary)? {
            if let Some(report) = scoring::words(&task.tagger, &records, device)? {
                evaluation::put(&mut outcome.scores, &name, report.micro);
            }
        }
    }
    describe(&mut outcome, &task, &summary, &test);
    Ok(outcome)
}

/// Curves, notes and times of a training.
fn describe(outcome: &mut Outcome, task: &TaggerTask, summary: &Summary, test: &Records) {
    outcome.curves.insert("epochs".into(), epochs(summary));
    let steps = steps(summary);
    for (metric, loss) in round_losses(&steps) {
        outcome.score("ner", &metric, loss);
    }
    if !steps.rows.is_empty() {
        outcome.curves.insert("steps".into(), steps);
    }
    let notes = &mut outcome.notes;
    notes.insert(
        "test entities that our own cutting makes unreachable".into(),
        test.report.entities_cut.to_string(),
    );
    notes.insert("parameters".into(), task.tagger.params.count().to_string());
    if let Some(best) = summary.best {
        notes.insert("best epoch".into(), format!("{} of {}", best.epoch + 1, summary.epochs));
        outcome.score("development", "f1", best.score);
        let best_line = summary.log.iter().find_map(|line| match line {
            LogLine::Epoch { epoch, metrics, .. } if *epoch == best.epoch + 1 => Some(metrics),
            _ => None,
        });
        if let Some(share) = best_line.and_then(|metrics| metrics.get("discriminator")) {
            outcome.score("discriminator", "accuracy", *share);
        }
    }
    outcome.seconds.insert("train".into(), summary.seconds());
    if let Some(seconds) = summary.seconds_per_epoch() {
        outcome.seconds.insert("epoch".into(), seconds);
    }
}

/// Steps between the losses of a curve that are scores.
const ROUND: u64 = 1000;

/// Figure 8 speaks of the loss at step 5,000; round thousands on the way tell how fast it falls. A run that ends before the first of
/// them (profile `quick`) has the last point of its curve instead, so that it has a number at all.
fn round_losses(steps: &Curve) -> Vec<(String, f64)> {
    let points: Vec<(u64, f64)> =
        steps.rows.iter().filter_map(|row| Some((row[0].as_u64()?, row[1].as_f64()?))).collect();
    match points.last() {
        Some((last, loss)) if *last < ROUND => vec![("loss_at_end".to_owned(), *loss)],
        _ => {
            let round = points.into_iter().filter(|(step, _)| step.is_multiple_of(ROUND));
            round.map(|(step, loss)| (format!("loss_at_step_{step}"), loss)).collect()
        }
    }
}

/// Columns of the curve `epochs` beside epoch, step and loss: the metrics that are there.
const METRICS: [&str; 9] = [
    "dev_f1",
    "train_f1",
    "dev_words_f1",
    "discriminator",
    "discriminator_training",
    "loss_words",
    "loss_difference",
    "loss_same",
    "loss_reconstruction",
];

/// One row an epoch: mean loss of a sentence of the target, development scores, means of the other losses.
fn epochs(summary: &Summary) -> Curve {
    let lines = || {
        summary.log.iter().filter_map(|line| match line {
            LogLine::Epoch { epoch, step, loss, metrics, .. } => Some((*epoch, *step, *loss, metrics)),
            LogLine::Curve { .. } => None,
        })
    };
    let known: Vec<&str> =
        METRICS.into_iter().filter(|m| lines().any(|(.., all)| all.contains_key(*m))).collect();
    let mut curve = Curve::new(["epoch", "step", "loss"].into_iter().chain(known.iter().copied()));
    for (epoch, step, loss, metrics) in lines() {
        let mut row = vec![epoch.into(), step.into(), loss.into()];
        row.extend(known.iter().map(|m| metrics.get(*m).copied().into()));
        curve.push(row);
    }
    curve
}

/// One row every so many steps: mean loss of a sentence of the target since the row before (Figure 8).
fn steps(summary: &Summary) -> Curve {
    let mut curve = Curve::new(["step", "loss"]);
    for line in &summary.log {
        if let LogLine::Curve { step, loss } = line {
            curve.push(vec![(*step).into(), (*loss).into()]);
        }
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(every: u64, last: u64) -> Curve {
        let mut curve = Curve::new(["step", "loss"]);
        for step in (every..=last).step_by(every as usize) {
            curve.push(vec![step.into(), (1.0 / step as f64).into()]);
        }
        curve
    }

    #[test]
    fn losses_at_round_steps_or_at_the_end_of_a_short_run() {
        let names = |curve: &Curve| -> Vec<String> {
            round_losses(curve).into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(&curve(100, 2162)), ["loss_at_step_1000", "loss_at_step_2000"]);
        assert_eq!(names(&curve(100, 1000)), ["loss_at_step_1000"]);
        assert_eq!(round_losses(&curve(10, 72)), [("loss_at_end".to_owned(), 1.0 / 70.0)]);
        // No point is round, but the run is not short.
        assert!(names(&curve(300, 1200)).is_empty() && names(&Curve::new(["step", "loss"])).is_empty());
    }
}
