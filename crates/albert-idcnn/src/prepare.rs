//! What a tagger is trained with: tags, characters and their vectors, cut and encoded records, and the network itself.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use medner_core::device;
use medner_data::vectors::{WordVectors, uniform_bound};
use medner_data::vocabulary::{Normalisation, Vocabulary};
use medner_data::{Document, Span};
use medner_metrics::LabelSet;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tch::Device;

use crate::albert::Pooler;
use crate::albert::folder::AlbertFolder;
use crate::config::Config;
use crate::model::{ENCODER, Start, Tagger};
use crate::reading::Reading;
use medner_core::records::{Cut, Records};

/// Everything that a tagger is trained with.
pub struct Prepared {
    /// Tags.
    pub labels: LabelSet,
    /// What a character is to the network.
    pub reading: Reading,
    /// Row-major `[V, D]`, where the tagger starts from given vectors.
    pub vectors: Option<Vec<f32>>,
    /// The encoder that the tagger starts from.
    pub encoder: Option<AlbertFolder>,
    /// Training part.
    pub train: Records,
    /// Held-out part.
    pub development: Option<Records>,
    /// Facts for the record.
    pub notes: BTreeMap<String, String>,
}

/// What a tagger starts from.
#[derive(Clone, Copy)]
pub enum Given<'a> {
    /// Nothing: random vectors of the training characters.
    Nothing,
    /// These vectors.
    Vectors(&'a WordVectors),
    /// The ALBERT in this folder.
    Encoder(&'a Path),
}

/// Cuts and encodes records for training. The vocabulary is the training characters and those that have a given vector, or the
/// given encoder's.
pub fn prepare(
    config: &Config,
    seed: u64,
    train: &[Document],
    development: &[Document],
    given: Given<'_>,
) -> Result<Prepared> {
    let mut notes = BTreeMap::new();
    let gold: Vec<Span> = train
        .iter()
        .flat_map(|d| d.entities.iter().map(|e| Span::new(e.start, e.end, e.label.clone())))
        .collect();
    let labels = LabelSet::from_spans(config.scheme, &gold)?;
    let (mut matrix, mut encoder) = (None, None);
    let reading = match given {
        Given::Nothing => Reading::Characters(characters(train)),
        Given::Vectors(vectors) => {
            anyhow::ensure!(
                vectors.dim() as i64 == config.model.embedding,
                "`model.embedding` is {}, but the character vectors have {} dimensions",
                config.model.embedding,
                vectors.dim()
            );
            let mut vocabulary = characters(train);
            vocabulary.extend(vectors.words());
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let values = vectors.matrix_for(&vocabulary, uniform_bound(vectors.dim()), &mut rng);
            notes.insert("character vectors".into(), values.coverage.to_string());
            matrix = Some(values.values);
            Reading::Characters(vocabulary)
        }
        Given::Encoder(path) => {
            let folder = AlbertFolder::open(path)?;
            let mut reading = Reading::of_encoder(&folder)?;
            if let (Some(dropout), Reading::Pieces(pieces)) = (config.model.encoder_dropout, &mut reading) {
                pieces.albert.hidden_dropout_prob = dropout;
                pieces.albert.attention_probs_dropout_prob = dropout;
            }
            encoder = Some(folder);
            reading
        }
    };
    let max = config.split.max_length;
    let train = reading.records(train, max, Cut::AroundEntities, &labels)?;
    let development = match development {
        [] => None,
        records => Some(reading.records(records, max, Cut::Blind, &labels)?),
    };
    let cut = train.report;
    let pieces = format!(
        "{} training pieces, the longest {} characters; {} cut at the length limit, {} longer than it for an entity's sake; \
         {} entities left out because they overlap a longer one",
        cut.pieces, cut.longest, cut.windows, cut.too_long, cut.entities_overlapping
    );
    notes.insert("pieces".into(), pieces);
    let cut = development.as_ref().map_or(0, |records| records.report.entities_cut);
    if cut > 0 {
        let text = format!("{cut} stand on both sides of a cut at {max} characters and count as missed");
        notes.insert("entities of the development part".into(), text);
    }
    if let Some(unknown) = unknown_share(&train, &reading) {
        notes.insert("characters outside the encoder's vocabulary".into(), unknown);
    }
    Ok(Prepared { labels, reading, vectors: matrix, encoder, train, development, notes })
}

/// The characters of the training records.
fn characters(train: &[Document]) -> Vocabulary {
    let characters = train.iter().flat_map(|d| d.text.chars()).map(|c| c.to_string());
    Vocabulary::count(characters, 1, Normalisation::default())
}

/// How many characters of the training pieces an encoder does not know.
fn unknown_share(train: &Records, reading: &Reading) -> Option<String> {
    let Reading::Pieces(pieces) = reading else { return None };
    let unknown = pieces.special().unknown;
    let all = train.ids.iter().map(Vec::len).sum::<usize>();
    let found = train.ids.iter().flatten().filter(|&&id| id == unknown).count();
    Some(format!("{found} of {all} in the training pieces"))
}

/// Builds the network of `config` with values drawn from `seed`, and reads the given encoder into it.
pub fn build(config: &Config, seed: u64, prepared: &Prepared, device: Device) -> Result<Tagger> {
    // Step u64::MAX is no training step, so the initial values share no random numbers with any dropout mask.
    device::reseed(seed, u64::MAX);
    let start = match (&prepared.vectors, &prepared.reading) {
        (_, Reading::Pieces(pieces)) => Start::Albert(&pieces.albert, pieces.special()),
        (Some(vectors), _) => Start::Vectors(vectors),
        (None, reading) => Start::Random(reading.size()),
    };
    let tagger = Tagger::new(&config.model, &start, &prepared.labels, device)?;
    if let Some(folder) = &prepared.encoder {
        folder.load_encoder(&tagger.params, ENCODER, Pooler::Without)?;
    }
    Ok(tagger)
}
