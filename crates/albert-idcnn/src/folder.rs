//! A trained tagger as a folder: what `train` writes, and `evaluate` and `predict` read.
//!
//! ```text
//! config.json        the configuration it was trained with
//! labels.json        tag scheme and entity types
//! vocabulary.txt     characters, one a line, in the order of their ids
//! model.safetensors  parameters
//! ```

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use medner_core::tensors;
use medner_data::vocabulary::Vocabulary;
use medner_metrics::LabelSet;
use tch::Device;

use crate::config::Config;
use crate::model::{Start, Tagger};

/// A tagger with what it needs to read text.
pub struct TaggerFolder {
    /// How it was trained.
    pub config: Config,
    /// Its tags.
    pub labels: LabelSet,
    /// Its characters.
    pub vocabulary: Vocabulary,
    /// The network.
    pub tagger: Tagger,
}

const CONFIG: &str = "config.json";
const LABELS: &str = "labels.json";
const VOCABULARY: &str = "vocabulary.txt";
const MODEL: &str = "model.safetensors";
/// The parameter with one row for each entry of the vocabulary.
const EMBEDDING: &str = "embedding.weight";

/// Writes a tagger; every file is written beside its place and renamed, the parameters last.
pub fn save(
    folder: &Path,
    config: &Config,
    labels: &LabelSet,
    vocabulary: &Vocabulary,
    tagger: &Tagger,
) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    tensors::write_atomically(&folder.join(CONFIG), &serde_json::to_vec_pretty(config)?)?;
    tensors::write_atomically(&folder.join(LABELS), &serde_json::to_vec_pretty(labels)?)?;
    vocabulary.save(&folder.join(VOCABULARY))?;
    tensors::write(&folder.join(MODEL), &tagger.params.state()?)?;
    Ok(())
}

/// Reads a tagger strictly: every parameter must be there with its shape, and no other.
pub fn load(folder: &Path, device: Device) -> Result<TaggerFolder> {
    if !folder.join(MODEL).is_file() {
        bail!(
            "{}: holds no {MODEL}; give the folder that `albert-idcnn train --out` wrote (an unfinished training has none \
             yet: go on with `train --resume`)",
            folder.display()
        );
    }
    let read = |file: &str| -> Result<Vec<u8>> {
        let path = folder.join(file);
        fs::read(&path).with_context(|| {
            format!(
                "{}: cannot be read; the model's folder is not whole: copy it again or train again",
                path.display()
            )
        })
    };
    let damaged = |file: &str| {
        format!(
            "{}: is damaged or of another version; copy it again or train again",
            folder.join(file).display()
        )
    };
    let config: Config = serde_json::from_slice(&read(CONFIG)?).with_context(|| damaged(CONFIG))?;
    let labels: LabelSet = serde_json::from_slice(&read(LABELS)?).with_context(|| damaged(LABELS))?;
    let vocabulary = Vocabulary::load(&folder.join(VOCABULARY))?;
    let tagger = Tagger::new(&config.model, &Start::Random(vocabulary.len()), &labels, device)?;
    let state = tensors::from_bytes(&read(MODEL)?, &folder.join(MODEL)).with_context(|| damaged(MODEL))?;
    let rows = state.get(EMBEDDING).and_then(|matrix| matrix.size().first().copied());
    if let Some(rows) = rows.filter(|&rows| rows != vocabulary.len() as i64) {
        bail!(
            "{}: has {} entries, but {MODEL} beside it has vectors for {rows}: the two are not of one training; copy the \
             folder again or train again",
            folder.join(VOCABULARY).display(),
            vocabulary.len()
        );
    }
    tagger.params.load(&state).with_context(|| damaged(MODEL))?;
    Ok(TaggerFolder { config, labels, vocabulary, tagger })
}
