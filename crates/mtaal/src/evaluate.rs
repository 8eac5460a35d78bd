//! The verb `evaluate`: the four metrics of a model on annotated sentences.

use std::path::Path;

use anyhow::{Context, Result};
use medner_experiment::{Scores, evaluation};
use tch::Device;

use crate::config::Tasks;
use crate::corpus::Example;
use crate::folder::ModelFolder;
use crate::input::Gold;
use crate::judging;
use crate::querying::{metrics, reports};
use crate::words::WordForms;
use crate::{input, scoring, unseen};

/// Scores a model on a file, which is cut as text to label is. Mentions of types and concepts that it does not know count as missed,
/// and so do those that have no place in the tokens of one sentence as they were annotated (though not in the mean of batches and the
/// share of tokens, which have no place for them). A file without concepts says nothing of normalisation: recognition alone is scored
/// on it.
pub fn evaluate(model: &ModelFolder, path: &Path, device: Device) -> Result<Scores> {
    let alone = if model.config.tasks.ner() { Tasks::Ner } else { model.config.tasks };
    let gold = input::gold(path, alone)?;
    let normalisation = model.config.tasks.nen() && gold.has_concepts();
    let missed = gold.missed(model.encoding.options);
    let Gold { sentences, left_out, .. } = gold;
    let with_words = unseen::with_words_of(model, sentences.iter().flat_map(|s| &s.tokens), device)?;
    let model = with_words.as_ref().unwrap_or(model);
    if model.config.tasks.nen() && !normalisation {
        tracing::warn!("{}: holds no concepts, so recognition alone is scored", path.display());
    }
    let encoding = scoring::encoding(&model.encoding, &sentences, model.config.tasks, path)?;
    let encoded = encoding.encode(&sentences).with_context(|| format!("sentences of {}", path.display()))?;
    let forms = WordForms::of(&encoded).as_released(&model.config.released);
    let examples: Vec<&Example> = encoded.examples.iter().collect();
    let judgements =
        judging::tasks(&model.networks, &forms, &examples, model.config.tasks, device, &|_, _| ())?;
    let found = metrics(&model.config, &encoding, &examples, &judgements)?;
    let mut scores = Scores::new();
    for (task, metric, value) in [
        ("ner", "f1_batch_mean", found.ner_f1_batch_mean),
        ("nen", "token_accuracy", found.nen_token_accuracy.filter(|_| normalisation)),
    ] {
        if let Some(value) = value {
            scores.entry(task.to_owned()).or_default().insert(metric.to_owned(), value);
        }
    }
    for (task, mut report) in reports(&model.config, &encoding, &examples, &judgements)? {
        if task == "nen" && !normalisation {
            continue;
        }
        if task == "ner" {
            for (kind, count) in &left_out {
                report.micro.gold += count;
                report.per_type.entry(kind.clone()).or_default().gold += count;
            }
        } else {
            report.micro.gold += missed.nen;
        }
        if task == "ner" {
            evaluation::put_report(&mut scores, task, &report);
        } else {
            evaluation::put(&mut scores, task, report.micro);
        }
    }
    Ok(scores)
}
