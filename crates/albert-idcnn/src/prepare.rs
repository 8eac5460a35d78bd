//! What a tagger is trained with: tags, characters and their vectors, cut and encoded records, and the network itself.

use std::collections::BTreeMap;

use anyhow::Result;
use medner_core::device;
use medner_data::vectors::{WordVectors, uniform_bound};
use medner_data::vocabulary::{Normalisation, Vocabulary};
use medner_data::{Document, Span};
use medner_metrics::LabelSet;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tch::Device;

use crate::config::Config;
use crate::model::{Start, Tagger};
use medner_core::records::{Cut, Records};

/// Everything that a tagger is trained with.
pub struct Prepared {
    /// Tags.
    pub labels: LabelSet,
    /// Characters.
    pub vocabulary: Vocabulary,
    /// Row-major `[V, D]`, where the tagger starts from given vectors.
    pub vectors: Option<Vec<f32>>,
    /// Training part.
    pub train: Records,
    /// Held-out part.
    pub development: Option<Records>,
    /// Facts for the record.
    pub notes: BTreeMap<String, String>,
}

/// Cuts and encodes records for training. The vocabulary is the training characters and those that have a given vector.
pub fn prepare(
    config: &Config,
    seed: u64,
    train: &[Document],
    development: &[Document],
    vectors: Option<&WordVectors>,
) -> Result<Prepared> {
    let mut notes = BTreeMap::new();
    let gold: Vec<Span> = train
        .iter()
        .flat_map(|d| d.entities.iter().map(|e| Span::new(e.start, e.end, e.label.clone())))
        .collect();
    let labels = LabelSet::from_spans(config.scheme, &gold)?;
    let characters = train.iter().flat_map(|d| d.text.chars()).map(|c| c.to_string());
    let mut vocabulary = Vocabulary::count(characters, 1, Normalisation::default());
    if let Some(vectors) = vectors {
        vocabulary.extend(vectors.words());
    }
    let matrix = match vectors {
        None => None,
        Some(vectors) => {
            anyhow::ensure!(
                vectors.dim() as i64 == config.model.embedding,
                "`model.embedding` is {}, but the character vectors have {} dimensions",
                config.model.embedding,
                vectors.dim()
            );
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let matrix = vectors.matrix_for(&vocabulary, uniform_bound(vectors.dim()), &mut rng);
            notes.insert("character vectors".into(), matrix.coverage.to_string());
            Some(matrix.values)
        }
    };
    let max = config.split.max_length;
    let train = Records::new(train, max, Cut::AroundEntities, &vocabulary, &labels)?;
    let development = match development {
        [] => None,
        records => Some(Records::new(records, max, Cut::Blind, &vocabulary, &labels)?),
    };
    let cut = train.report;
    let pieces = format!(
        "{} training pieces, the longest {} characters; {} cut at the length limit, {} longer than it for an entity's sake; \
         {} entities left out because they overlap a longer one",
        cut.pieces, cut.longest, cut.windows, cut.too_long, cut.entities_overlapping
    );
    notes.insert("pieces".into(), pieces);
    Ok(Prepared { labels, vocabulary, vectors: matrix, train, development, notes })
}

/// Builds the network of `config` with values drawn from `seed`.
pub fn build(config: &Config, seed: u64, prepared: &Prepared, device: Device) -> Result<Tagger> {
    // Step u64::MAX is no training step, so the initial values share no random numbers with any dropout mask.
    device::reseed(seed, u64::MAX);
    let start = match &prepared.vectors {
        Some(vectors) => Start::Vectors(vectors),
        None => Start::Random(prepared.vocabulary.len()),
    };
    Ok(Tagger::new(&config.model, &start, &prepared.labels, device)?)
}
