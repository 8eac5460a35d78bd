//! What a tagger is trained with: tags, characters and their vectors, cut and encoded sentences of both tasks, and the network.

use std::collections::BTreeMap;

use anyhow::Result;
use medner_core::device;
use medner_core::records::{Cut, Records, gold_spans};
use medner_data::vectors::{WordVectors, uniform_bound};
use medner_data::vocabulary::Vocabulary;
use medner_data::vocabulary::WordCounts;
use medner_data::{Document, Sentence};
use medner_metrics::LabelSet;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tch::Device;

use crate::config::Config;
use crate::networks::{Start, Tagger};
use crate::segmentation::{Segmented, Selected, Source};

/// Everything that a tagger is trained with.
pub struct Prepared {
    /// Tags of the entities.
    pub labels: LabelSet,
    /// Characters.
    pub vocabulary: Vocabulary,
    /// Row-major `[V, D]`, where the tagger starts from given vectors.
    pub vectors: Option<Vec<f32>>,
    /// Training sentences of the target.
    pub train: Records,
    /// A part of them, scored after each epoch.
    pub scored: Option<Records>,
    /// Development sentences.
    pub development: Option<Records>,
    /// The word segmentation, where there is an adversarial transfer.
    pub source: Option<Source>,
    /// Facts for the record.
    pub notes: BTreeMap<String, String>,
}

/// Cuts and encodes everything; `labels` must have the entity types of all documents. The vocabulary has the training characters of both tasks and those with a given vector.
pub fn prepare(
    config: &Config,
    seed: u64,
    labels: LabelSet,
    train: &[Document],
    development: &[Document],
    segmented: Option<Segmented>,
    vectors: Option<&WordVectors>,
) -> Result<Prepared> {
    let mut notes = BTreeMap::new();
    let gold = gold_spans(train);
    let selected = match segmented {
        Some(segmented) if config.model.transfer => {
            let target: Vec<Sentence> = train
                .iter()
                .zip(gold)
                .map(|(d, spans)| Sentence {
                    id: d.id.clone(),
                    tokens: d.text.chars().map(String::from).collect(),
                    spans,
                    ..Sentence::default()
                })
                .collect();
            Some(Selected::new(config, segmented, &target)?)
        }
        _ => None,
    };
    let mut counts = WordCounts::new(config.normalisation());
    counts.add(train.iter().flat_map(|d| d.text.chars()).map(String::from));
    if let Some(selected) = &selected {
        counts.add(selected.characters());
    }
    let mut vocabulary = counts.build(1);
    let vectors = match vectors {
        None => None,
        Some(vectors) => {
            anyhow::ensure!(
                vectors.dim() as i64 == config.model.embedding,
                "`model.embedding` is {}, but the character vectors have {} dimensions; set it to {2}, or name other vectors",
                config.model.embedding,
                vectors.dim(),
                vectors.dim()
            );
            vocabulary.extend(vectors.words());
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let matrix = vectors.matrix_for(&vocabulary, uniform_bound(vectors.dim()), &mut rng);
            notes.insert("character vectors".into(), matrix.coverage.to_string());
            Some(matrix.values)
        }
    };
    let split = |cut| config.split.options(cut);
    let scored = match spread(train, config.training.scored) {
        documents if documents.is_empty() => None,
        documents => Some(Records::with(&documents, split(Cut::Blind), &vocabulary, &labels)?),
    };
    let train = Records::with(train, split(Cut::AroundEntities), &vocabulary, &labels)?;
    let development = match development {
        [] => None,
        records => Some(Records::with(records, split(Cut::Blind), &vocabulary, &labels)?),
    };
    let source =
        selected.map(|selected| selected.encode(config.split.max_length, &vocabulary)).transpose()?;
    notes.insert("training sentences".into(), cut(&train));
    if let Some(source) = &source {
        notes.insert("word segmentation".into(), cut(&source.train));
        let r = &source.report;
        notes.insert(
            "instance transfer".into(),
            format!(
                "{} of {} sentences kept, mean weight {:.3}; {} different entities of the target",
                r.kept, r.sentences, r.mean_weight, r.entities
            ),
        );
    }
    Ok(Prepared { labels, vocabulary, vectors, train, scored, development, source, notes })
}

/// Builds the network of `config` with values drawn from `seed`.
pub fn build(config: &Config, seed: u64, prepared: &Prepared, device: Device) -> Result<Tagger> {
    // Step u64::MAX is no training step, so the initial values share no random numbers with any dropout mask.
    device::reseed(seed, u64::MAX);
    let start = match &prepared.vectors {
        Some(vectors) => Start::Vectors(vectors),
        None => Start::Random(prepared.vocabulary.len()),
    };
    Ok(Tagger::new(&config.model, &start, &prepared.labels, config.split.max_length, device)?)
}

/// So many documents at even distances, all where there are no more.
fn spread(documents: &[Document], wanted: usize) -> Vec<Document> {
    let wanted = wanted.min(documents.len());
    (0..wanted).map(|i| documents[i * documents.len() / wanted].clone()).collect()
}

/// What cutting did to training sentences.
fn cut(records: &Records) -> String {
    let r = &records.report;
    format!(
        "{} pieces of {} sentences, the longest {} characters; {} cut at the length limit, {} longer than it for an entity's \
         sake; {} entities left out because they overlap a longer one",
        r.pieces, r.records, r.longest, r.windows, r.too_long, r.entities_overlapping
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_spread_evenly() {
        let all: Vec<Document> =
            (0..10).map(|i| Document { id: i.to_string(), ..Document::default() }).collect();
        let ids = |n| spread(&all, n).into_iter().map(|d| d.id).collect::<Vec<_>>().join(" ");
        assert_eq!((ids(0).as_str(), ids(3).as_str(), ids(5).as_str()), ("", "0 3 6", "0 2 4 6 8"));
        assert_eq!(spread(&all, 99).len(), 10);
    }
}
