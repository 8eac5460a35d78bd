//! Labelling text: documents in, entities with character offsets and confidences out.

use medner_core::crf::SpanReader;
use medner_data::Document;
use medner_metrics::Span;
use serde::Serialize;
use tch::Device;

use crate::corpus::{Cut, Records};
use crate::folder::TaggerFolder;

/// An entity the tagger found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// Entity type.
    pub label: String,
    /// The characters themselves.
    pub text: String,
    /// The CRF's probability that exactly this entity stands here.
    pub confidence: f64,
}

/// The entities of each document, sorted by their place.
pub fn predict(
    model: &TaggerFolder,
    documents: &[Document],
    device: Device,
    progress: &dyn Fn(usize, usize),
) -> anyhow::Result<Vec<Vec<Found>>> {
    let plain: Vec<Document> =
        documents.iter().map(|d| Document { entities: Vec::new(), ..d.clone() }).collect();
    let max_length = model.config.split.max_length;
    let records = Records::new(&plain, max_length, Cut::Blind, &model.vocabulary, &model.labels)?;
    let reader = SpanReader::new(model.labels.scheme(), model.labels.tags())?;
    let characters: Vec<Vec<char>> = plain.iter().map(|d| d.text.chars().collect()).collect();
    let mut found = vec![Vec::new(); documents.len()];
    let mut done = 0;
    for pieces in records.evaluation_batches()? {
        let batch = records.batch(&pieces, device)?;
        for (&piece, (tags, posterior)) in pieces.iter().zip(model.tagger.decode_with_posterior(&batch)?) {
            let place = &records.pieces[piece];
            let indices: Vec<i64> = tags.iter().map(|&tag| i64::from(tag)).collect();
            for Span { start, end, label } in model.labels.decode(&indices) {
                let (first, last) = (place.start + start, place.start + end);
                found[place.record].push(Found {
                    start: first,
                    end: last,
                    label,
                    text: characters[place.record][first..last].iter().collect(),
                    confidence: reader.probability(&posterior, start, &tags[start..end]),
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
