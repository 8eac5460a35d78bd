//! What a tagger is trained with: tags, characters and their vectors, cut and encoded sentences of both tasks, and the network.

use std::collections::BTreeMap;

use anyhow::Result;
use medner_core::device;
use medner_core::records::{Cut, Records};
use medner_data::formats::split::split_records;
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
    let selected = match segmented {
        Some(segmented) if config.model.transfer => {
            Some(Selected::new(config, segmented, &compared(config, train)?)?)
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
            let scaled = config.vectors.scale.map(|rms| vectors.scaled(rms));
            let matrix = scaled.as_ref().unwrap_or(vectors).matrix_for(
                &vocabulary,
                uniform_bound(vectors.dim()),
                &mut rng,
            );
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
    let chosen_by = choosers(development);
    if chosen_by.len() < development.len() {
        let epochs = config.training.epochs;
        let found = format!(
            "its {} sentences hold no entities: the last of {epochs} epochs is kept",
            development.len()
        );
        tracing::warn!(
            "development part: {found}, since every epoch would score 0. In files of your own let sentences with entities stand \
             at the end of the training file, of which the last are held out (`development`), or name a file of them by `--dev`"
        );
        notes.insert("development".into(), found);
    }
    let development = match chosen_by {
        [] => None,
        records => Some(Records::with(records, split(Cut::Blind), &vocabulary, &labels)?),
    };
    let missed = development.as_ref().map_or(0, |records| records.report.entities_cut);
    if missed > 0 {
        let max = config.split.max_length;
        let text = format!(
            "{missed} stand on both sides of a cut at {max} characters or at a line break and count as missed"
        );
        notes.insert("entities of the development part".into(), text);
    }
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

/// The sentences of the target whose entities the source is compared with: the pieces that are learned from. Other than a user's own
/// documents they are not empty, and no entity overlaps another.
fn compared(config: &Config, train: &[Document]) -> Result<Vec<Sentence>> {
    Ok(split_records(train, config.split.options(Cut::AroundEntities))?.sentences())
}

/// The sentences that choose the epoch: none where they have no entities, since of equal scores the first epoch's would be kept.
fn choosers(development: &[Document]) -> &[Document] {
    let none = development.iter().all(|d| d.entities.is_empty());
    if none { &[] } else { development }
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
    #![allow(clippy::unwrap_used)]
    use medner_data::Entity;

    use super::*;
    use crate::transfer::fixture::words;

    fn document(text: &str, entities: &[(usize, usize)]) -> Document {
        let entity =
            |&(start, end): &(usize, usize)| Entity { start, end, label: "SYM".into(), concepts: Vec::new() };
        Document { id: "d".into(), text: text.into(), entities: entities.iter().map(entity).collect() }
    }

    /// As a user's file may have them: entities inside another one, a text without characters, two lines.
    #[test]
    fn the_source_is_compared_with_entities_that_do_not_overlap() {
        let train = [
            document("孩子一直发烧咳嗽", &[(4, 6), (4, 8), (6, 8)]),
            document("", &[]),
            document("头晕\n发烧了", &[(0, 2), (3, 5)]),
        ];
        let config = Config::default();
        let target = compared(&config, &train).unwrap();
        let entities: Vec<String> =
            target.iter().flat_map(|s| s.spans.iter().map(|e| s.tokens[e.start..e.end].concat())).collect();
        assert_eq!(entities, ["发烧咳嗽", "头晕", "发烧"]);
        let source = [words("孩子/n 一直/d 发烧/v")];
        let transferred = crate::transfer::transfer(&source, &target, &config.instance_transfer).unwrap();
        assert_eq!((transferred.report.entities, transferred.report.kept), (3, 1));
    }

    /// As in prediction the development part is cut without a look at its entities; what that costs is said.
    #[test]
    fn development_entities_that_a_cut_goes_through_are_noted() {
        let mut config = Config::default();
        (config.model.transfer, config.split.max_length) = (false, 8);
        let train = [document("今天头晕", &[(2, 4)])];
        let noted = |development: &[Document]| {
            let labels = LabelSet::new(config.scheme, ["SYM"]).unwrap();
            let notes = prepare(&config, 1, labels, &train, development, None, None).unwrap().notes;
            notes.get("entities of the development part").cloned()
        };
        // The eighth character is the first of 头晕.
        let note = noted(&[document("昨天开始一直觉头晕了", &[(7, 9)])]).unwrap();
        assert!(note.starts_with("1 stand on both sides of a cut at 8 characters"), "{note}");
        assert_eq!(noted(&[document("昨天开始一直头晕了", &[(6, 8)])]), None);
    }

    #[test]
    fn character_vectors_are_taken_as_they_are_or_scaled() {
        let mut config = Config::default();
        (config.model.transfer, config.model.embedding) = (false, 2);
        let mut vectors = WordVectors::empty(2);
        vectors.push("头", &[3.0, 4.0]).unwrap();
        let mut row = |scale| {
            config.vectors.scale = scale;
            let labels = LabelSet::new(config.scheme, ["SYM"]).unwrap();
            let train = [document("头晕", &[(0, 2)])];
            let prepared = prepare(&config, 1, labels, &train, &[], None, Some(&vectors)).unwrap();
            let (width, id) = (2, prepared.vocabulary.id("头") as usize);
            let values = prepared.vectors.unwrap();
            [values[width * id], values[width * id + 1]]
        };
        assert_eq!(row(None), [3.0, 4.0]);
        let [x, y] = row(Some(0.5));
        assert!((x - 0.424_264).abs() < 1e-5 && (y - 0.565_685).abs() < 1e-5, "{x} {y}");
    }

    #[test]
    fn sentences_without_entities_choose_no_epoch() {
        let (with, without) = (document("头晕", &[(0, 2)]), document("没有", &[]));
        assert_eq!(choosers(&[without.clone(), with]).len(), 2);
        assert_eq!(choosers(&[without.clone(), without]).len(), 0);
        assert_eq!(choosers(&[]).len(), 0);
    }

    #[test]
    fn documents_are_spread_evenly() {
        let all: Vec<Document> =
            (0..10).map(|i| Document { id: i.to_string(), ..Document::default() }).collect();
        let ids = |n| spread(&all, n).into_iter().map(|d| d.id).collect::<Vec<_>>().join(" ");
        assert_eq!((ids(0).as_str(), ids(3).as_str(), ids(5).as_str()), ("", "0 3 6", "0 2 4 6 8"));
        assert_eq!(spread(&all, 99).len(), 10);
    }
}
