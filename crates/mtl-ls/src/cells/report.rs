//! What a finished training comes to.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::Result;
use medner_core::trainer::{LogLine, Summary};
use medner_data::{Sentence, Span};
use medner_experiment::{Curve, Outcome};
use medner_metrics::error_analysis::error_report;

use super::DEV_F1;
use crate::entity_sets::{EntitySets, RATIOS, REGIONS, TRAINING_ALONE};
use crate::subtasks::{TaskCorpus, mentions};
use crate::tagging::{CheckpointScore, TaggerTask};

/// The mentions of all that a tagger comes from: its own corpora, and those of the category's model that it took layers from.
pub struct Seen {
    /// Those of the training sets.
    pub training: BTreeSet<String>,
    /// Those of the development sets.
    pub development: BTreeSet<String>,
}

impl Seen {
    /// Those of some corpora.
    pub fn of(corpora: &[TaskCorpus]) -> Self {
        let all = |part: fn(&TaskCorpus) -> &Vec<Sentence>| {
            mentions(corpora.iter().flat_map(|c| part(c).iter().map(|s| (s, s.spans.as_slice()))))
        };
        Self { training: all(|c| &c.corpus.train), development: all(|c| &c.corpus.dev) }
    }
}

/// Scores, counts, curves, entity sets and errors of a finished training.
///
/// # Errors
/// As [`TaggerTask::predictions`].
pub fn report(task: &TaggerTask, summary: &Summary, corpora: &[TaskCorpus], seen: Seen) -> Result<Outcome> {
    let began = Instant::now();
    let Seen { training, mut development } = seen;
    development.extend(training.iter().cloned());
    let predictions = task.predictions()?;
    let mut outcome = Outcome::default();
    let mut checkpoints =
        Curve::new(["epoch", "subtask", "dev_f1", "test_precision", "test_recall", "test_f1"]);
    for CheckpointScore { epoch, scores } in &task.scores {
        for (name, score) in scores {
            let test = score.test.unwrap_or_default();
            checkpoints.push(vec![
                (*epoch).into(),
                name.clone().into(),
                score.dev.map(|dev| dev[2]).into(),
                test[0].into(),
                test[1].into(),
                test[2].into(),
            ]);
        }
    }
    for ((scored, corpus), predicted) in task.scored.iter().zip(corpora).zip(&predictions) {
        let name = scored.name.as_str();
        let scores: Vec<_> = task.scores.iter().filter_map(|c| c.scores.get(name)).collect();
        let tests: Vec<[f64; 3]> = scores.iter().filter_map(|score| score.test).collect();
        let devs: Vec<f64> = scores.iter().filter_map(|score| Some(score.dev?[2])).collect();
        for (at, metric) in ["precision", "recall", "f1"].into_iter().enumerate() {
            outcome.score(name, metric, mean(tests.iter().map(|test| test[at])));
        }
        if !devs.is_empty() {
            outcome.score(name, DEV_F1, mean(devs.iter().copied()));
        }
        let f1 = mean(tests.iter().map(|test| test[2]));
        let spread = mean(tests.iter().map(|test| (test[2] - f1).powi(2))).sqrt();
        outcome.score(name, "f1_sd_of_checkpoints", spread);
        if let Some(last) = scores.last() {
            outcome.units.insert(name.to_owned(), last.units.clone());
        }
        let test = &corpus.corpus.test;
        let labelled = mentions(test.iter().map(|s| (s, s.spans.as_slice())));
        let found = mentions(test.iter().zip(predicted).map(|(s, spans)| (s, spans.as_slice())));
        for (trained, suffix) in [(&development, ""), (&training, TRAINING_ALONE)] {
            let sets = EntitySets::new(trained, &labelled, &found);
            for (region, count) in REGIONS.iter().zip(sets.0) {
                outcome.score(name, &format!("{region}{suffix}"), count as f64);
            }
            for (ratio, value) in RATIOS.iter().zip(sets.ratios()) {
                outcome.score(name, &format!("{ratio}{suffix}"), value);
            }
        }
    }
    if let ([scored], [corpus], [predicted]) = (task.scored.as_slice(), corpora, predictions.as_slice()) {
        let gold = scored.test.as_ref().map(|test| test.gold.as_slice()).unwrap_or_default();
        outcome.examples.insert("errors".into(), error_samples(&corpus.corpus.test, gold, predicted)?);
    }
    outcome.curves.insert("checkpoints".into(), checkpoints);
    let mut epochs = Curve::new(["epoch", "step", "loss"]);
    for line in &summary.log {
        if let LogLine::Epoch { epoch, step, loss, .. } = line {
            epochs.push(vec![(*epoch).into(), (*step).into(), (*loss).into()]);
        }
    }
    outcome.curves.insert("epochs".into(), epochs);
    outcome.notes.insert("parameters".into(), task.tagger.params.count().to_string());
    outcome.notes.insert(
        "scores".into(),
        match task.scores.len() {
            1 => "of the last checkpoint".into(),
            n => format!(
                "mean of {n} checkpoints; counts of each sentence summed over them; entity sets and errors of the last"
            ),
        },
    );
    outcome.seconds.insert("train".into(), summary.seconds());
    outcome.seconds.insert("test".into(), began.elapsed().as_secs_f64());
    if let Some(seconds) = summary.seconds_per_epoch() {
        outcome.seconds.insert("epoch".into(), seconds);
    }
    Ok(outcome)
}

/// The mean; 0 of nothing.
pub fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

/// How many errors of one kind a record keeps as examples.
const SAMPLES_PER_KIND: usize = 5;

/// The tagger's own errors by kind, a few of each with their strings.
fn error_samples(sentences: &[Sentence], gold: &[Vec<Span>], predicted: &[Vec<Span>]) -> Result<Curve> {
    let report = error_report(gold, predicted)?;
    let mut samples =
        Curve::new(["kind", "count", "record", "predicted", "predicted_type", "gold", "gold_type"]);
    for (kind, count) in &report.kinds {
        for example in report.of_kind(*kind).take(SAMPLES_PER_KIND) {
            let sentence = &sentences[example.unit];
            let string =
                |span: &Option<Span>| span.as_ref().and_then(|s| Some(s.of(&sentence.tokens)?.join(" ")));
            let label = |span: &Option<Span>| span.as_ref().map(|s| s.label.clone());
            samples.push(vec![
                kind.name().into(),
                (*count).into(),
                sentence.id.clone().into(),
                string(&example.predicted).into(),
                label(&example.predicted).into(),
                string(&example.gold).into(),
                label(&example.gold).into(),
            ]);
        }
    }
    Ok(samples)
}
