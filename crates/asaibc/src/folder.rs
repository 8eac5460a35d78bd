//! Trained taggers on disk.

use std::path::Path;

use anyhow::Result;
use medner_core::tagger_folder::{self, TaggerFolder};
use medner_data::vocabulary::Vocabulary;
use medner_metrics::LabelSet;
use tch::Device;

use crate::config::Config;
use crate::networks::{Start, Tagger};

/// A tagger with what it needs to read text.
pub struct Trained {
    /// How it was trained.
    pub config: Config,
    /// Its tags.
    pub labels: LabelSet,
    /// Its characters.
    pub vocabulary: Vocabulary,
    /// The network.
    pub tagger: Tagger,
}

/// The parameter with one row for each entry of the vocabulary.
const EMBEDDING: &str = "input.characters.weight";

/// Writes a tagger.
pub fn save(
    folder: &Path,
    config: &Config,
    labels: &LabelSet,
    vocabulary: &Vocabulary,
    tagger: &Tagger,
) -> Result<()> {
    Ok(tagger_folder::save(folder, config, labels, vocabulary, &tagger.params)?)
}

/// Reads a tagger strictly: every parameter must be there with its shape, and no other.
pub fn load(folder: &Path, device: Device) -> Result<Trained> {
    let read = TaggerFolder::<Config>::read(folder, "asaibc")?;
    let (config, start) = (&read.config, Start::Random(read.vocabulary.len()));
    let tagger = Tagger::new(&config.model, &start, &read.labels, config.split.max_length, device)?;
    read.fill(&tagger.params, EMBEDDING)?;
    let TaggerFolder { config, labels, vocabulary, .. } = read;
    Ok(Trained { config, labels, vocabulary, tagger })
}
