//! From records to what the network reads, and from its tags back to records.
//!
//! Records are cut into pieces of characters. Training pieces never cut an entity in two. Development and test records are
//! cut without a look at their entities, as any text is at prediction time: an entity that such a cut goes through cannot be
//! found and counts as missed, and how many there are is reported.

use medner_data::batching::{BatchConfig, BatchSize, Batches};
use medner_data::formats::split::{Piece, SplitOptions, SplitReport, join_spans, split_records};
use medner_data::predictions::Found;
use medner_data::vocabulary::Vocabulary;
use medner_data::{Document, Sentence, Span};
use medner_metrics::LabelSet;
use tch::Device;

use crate::crf::{Posterior, SpanReader};
use crate::error::{CoreError, Result};
use crate::layers::Batch;

/// Records ready for the network.
pub struct Records {
    /// The pieces, record by record.
    pub pieces: Vec<Piece>,
    /// What cutting did.
    pub report: SplitReport,
    /// Character ids of each piece.
    pub ids: Vec<Vec<u32>>,
    /// Tag ids of each piece.
    pub tags: Vec<Vec<u32>>,
    /// Gold entities of each record, in characters of the record.
    pub gold: Vec<Vec<Span>>,
}

/// Whether gold entities have a say in where a record is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Training: no entity is cut in two.
    AroundEntities,
    /// Development, test, prediction.
    Blind,
}

impl Records {
    /// Cuts and encodes records.
    pub fn new(
        documents: &[Document],
        max_length: usize,
        cut: Cut,
        vocabulary: &Vocabulary,
        labels: &LabelSet,
    ) -> Result<Self> {
        let protect_entities = cut == Cut::AroundEntities;
        let options = SplitOptions { max_length, protect_entities, ..SplitOptions::default() };
        Self::with(documents, options, vocabulary, labels)
    }

    /// Cuts and encodes records as `options` say.
    pub fn with(
        documents: &[Document],
        options: SplitOptions,
        vocabulary: &Vocabulary,
        labels: &LabelSet,
    ) -> Result<Self> {
        let split = split_records(documents, options)?;
        Self::encode(documents, split.pieces, split.report, vocabulary, labels)
    }

    /// Encodes each document as one piece, whatever its length.
    pub fn whole(documents: &[Document], vocabulary: &Vocabulary, labels: &LabelSet) -> Result<Self> {
        let pieces =
            documents.iter().zip(gold_spans(documents)).enumerate().map(|(record, (document, spans))| {
                Piece {
                    record,
                    start: 0,
                    sentence: Sentence {
                        id: document.id.clone(),
                        tokens: document.text.chars().map(String::from).collect(),
                        spans,
                        ..Sentence::default()
                    },
                }
            });
        let report =
            SplitReport { records: documents.len(), pieces: documents.len(), ..SplitReport::default() };
        Self::encode(documents, pieces.collect(), report, vocabulary, labels)
    }

    fn encode(
        documents: &[Document],
        pieces: Vec<Piece>,
        report: SplitReport,
        vocabulary: &Vocabulary,
        labels: &LabelSet,
    ) -> Result<Self> {
        let mut ids = Vec::with_capacity(pieces.len());
        let mut tags = Vec::with_capacity(pieces.len());
        for piece in &pieces {
            let sentence = &piece.sentence;
            ids.push(vocabulary.encode(&sentence.tokens));
            let encoded =
                labels.encode(sentence.tokens.len(), &sentence.spans).map_err(|error| CoreError::Config {
                    key: format!("entities of `{}`", sentence.id),
                    message: error.to_string(),
                })?;
            tags.push(encoded.into_iter().map(|tag| tag as u32).collect());
        }
        Ok(Self { pieces, report, ids, tags, gold: gold_spans(documents) })
    }

    /// Characters of each piece.
    pub fn lengths(&self) -> Vec<usize> {
        self.ids.iter().map(Vec::len).collect()
    }

    /// Batches for scoring: like lengths together, nothing random.
    pub fn evaluation_batches(&self) -> Result<Vec<Vec<usize>>> {
        let config = BatchConfig { size: BatchSize::Tokens(4096), ..BatchConfig::default() };
        let batches = Batches::new(self.lengths(), config)
            .map_err(|error| CoreError::Config { key: "batches".into(), message: error.to_string() })?;
        Ok(batches.evaluation())
    }

    /// The network's input for some pieces.
    pub fn batch(&self, pieces: &[usize], device: Device) -> Result<Batch> {
        Batch::new(&pieces.iter().map(|&i| self.ids[i].as_slice()).collect::<Vec<_>>(), device)
    }

    /// Entities that `decode` (batch -> tags of each sentence) finds, record by record.
    pub fn predict(
        &self,
        labels: &LabelSet,
        device: Device,
        decode: impl Fn(&Batch) -> Result<Vec<Vec<u32>>>,
    ) -> Result<Vec<Vec<Span>>> {
        let mut spans = vec![Vec::new(); self.pieces.len()];
        for pieces in self.evaluation_batches()? {
            let decoded = decode(&self.batch(&pieces, device)?)?;
            for (&piece, tags) in pieces.iter().zip(&decoded) {
                let tags: Vec<i64> = tags.iter().map(|&tag| i64::from(tag)).collect();
                spans[piece] = labels.decode(&tags);
            }
        }
        Ok(join_spans(&self.pieces, &spans, self.gold.len())?)
    }
}

/// The entities of each document with their confidences, sorted by their place; `decode` gives the tags of each sentence and
/// the posterior that tells how sure they are, `progress` is told pieces done and all pieces.
pub fn find_entities(
    documents: &[Document],
    options: SplitOptions,
    vocabulary: &Vocabulary,
    labels: &LabelSet,
    device: Device,
    decode: impl Fn(&Batch) -> Result<Vec<(Vec<u32>, Posterior)>>,
    progress: &dyn Fn(usize, usize),
) -> Result<Vec<Vec<Found>>> {
    let plain: Vec<Document> =
        documents.iter().map(|d| Document { entities: Vec::new(), ..d.clone() }).collect();
    let records = Records::with(&plain, options, vocabulary, labels)?;
    if records.report.windows > 0 {
        tracing::info!(
            "{} cuts where more than {} characters have no mark to cut at: an entity on both sides of one is not found whole",
            records.report.windows,
            options.max_length
        );
    }
    let reader = SpanReader::new(labels.scheme(), labels.tags())?;
    let characters: Vec<Vec<char>> = plain.iter().map(|d| d.text.chars().collect()).collect();
    let mut found = vec![Vec::new(); documents.len()];
    let mut done = 0;
    for pieces in records.evaluation_batches()? {
        let batch = records.batch(&pieces, device)?;
        for (&piece, (tags, posterior)) in pieces.iter().zip(decode(&batch)?) {
            let place = &records.pieces[piece];
            let indices: Vec<i64> = tags.iter().map(|&tag| i64::from(tag)).collect();
            for Span { start, end, label } in labels.decode(&indices) {
                let (first, last) = (place.start + start, place.start + end);
                found[place.record].push(Found {
                    start: first,
                    end: last,
                    label,
                    text: characters[place.record][first..last].iter().collect(),
                    confidence: reader.probability(&posterior, start, &tags[start..end]),
                    concepts: Vec::new(),
                    concept_confidence: None,
                });
            }
        }
        done += pieces.len();
        progress(done, records.pieces.len());
    }
    for entities in &mut found {
        entities.sort_by_key(|e| (e.start, e.end));
    }
    Ok(found)
}

/// Gold entities of each record as spans over its characters.
pub fn gold_spans(documents: &[Document]) -> Vec<Vec<Span>> {
    documents
        .iter()
        .map(|d| d.entities.iter().map(|e| Span::new(e.start, e.end, e.label.clone())).collect())
        .collect()
}

/// Splits off the last `share` of the records: training part, held-out part (at least one record each where there are two).
pub fn hold_out<T>(records: &[T], share: f64) -> (&[T], &[T]) {
    if share <= 0.0 || records.len() < 2 {
        return (records, &[]);
    }
    let held = ((records.len() as f64 * share).round() as usize).clamp(1, records.len() - 1);
    records.split_at(records.len() - held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_tenth_is_held_out() {
        let records: Vec<Document> =
            (0..1000).map(|i| Document { id: i.to_string(), ..Document::default() }).collect();
        let (train, held) = hold_out(&records, 0.1);
        assert_eq!((train.len(), held.len(), held[0].id.as_str()), (900, 100, "900"));
        assert_eq!(hold_out(&records, 0.0).1.len(), 0);
        assert_eq!(hold_out(&records[..3], 0.01).1.len(), 1);
        assert_eq!(hold_out(&records[..1], 0.5).0.len(), 1);
    }
}
