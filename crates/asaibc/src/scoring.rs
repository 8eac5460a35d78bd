//! Scores of a tagger: entities, words, and what the discriminator still knows.

use anyhow::Result;
use medner_core::layers::Batch;
use medner_core::records::Records;
use medner_data::Span;
use medner_metrics::{EntityReport, LabelSet, TokenAccuracy, entity_report, token_accuracy};
use tch::Device;

use crate::networks::{Tagger, TaskName};
use crate::segmentation::word_labels;

/// Entities that the tagger finds, record by record.
pub fn entities(
    tagger: &Tagger,
    records: &Records,
    labels: &LabelSet,
    device: Device,
) -> medner_core::Result<Vec<Vec<Span>>> {
    records.predict(labels, device, |batch| tagger.decode(batch))
}

/// Strict scores of the words that the tagger finds; `None` for a tagger without word segmentation.
pub fn words(tagger: &Tagger, records: &Records, device: Device) -> Result<Option<EntityReport>> {
    if !tagger.transfers() {
        return Ok(None);
    }
    let decode = |batch: &Batch| Ok(tagger.segment(batch)?.unwrap_or_default());
    let predicted = records.predict(&word_labels(), device, decode)?;
    Ok(Some(entity_report(&records.gold, &predicted)?))
}

/// Share of the sentences that the discriminator gives to the right task, the mean of the two tasks' shares: 0.5 is chance.
pub fn discriminator(
    tagger: &Tagger,
    entities: &Records,
    words: &Records,
    device: Device,
) -> medner_core::Result<Option<f64>> {
    let share = |task: TaskName, records: &Records| -> medner_core::Result<Option<f64>> {
        let mut known = 0;
        for pieces in records.evaluation_batches()? {
            match tagger.known(task, &records.batch(&pieces, device)?)? {
                Some(right) => known += right,
                None => return Ok(None),
            }
        }
        Ok(Some(known as f64 / records.pieces.len().max(1) as f64))
    };
    let (Some(a), Some(b)) = (share(TaskName::Entities, entities)?, share(TaskName::Words, words)?) else {
        return Ok(None);
    };
    Ok(Some(f64::midpoint(a, b)))
}

/// Share of the characters whose tag is right, the paper's "accuracy". `lengths`: characters of each record.
pub fn tag_accuracy(
    labels: &LabelSet,
    lengths: &[usize],
    gold: &[Vec<Span>],
    predicted: &[Vec<Span>],
) -> Result<TokenAccuracy> {
    let tags = |spans: &[Vec<Span>]| -> Result<Vec<Vec<i64>>> {
        lengths.iter().zip(spans).map(|(&length, spans)| Ok(labels.encode(length, spans)?)).collect()
    };
    Ok(token_accuracy(&tags(gold)?, &tags(predicted)?)?)
}
