//! A trained tagger as a folder: what `train` writes, and `evaluate` and `predict` read.
//!
//! ```text
//! config.json        the configuration it was trained with
//! labels.json        tag scheme and entity types
//! vocabulary.txt     characters, one a line, in the order of their ids; or, for a tagger that reads with an ALBERT,
//! encoder.json       the encoder's sizes, and
//! vocab.txt          its vocabulary
//! model.safetensors  parameters, the encoder's too
//! ```

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use medner_core::model_folder::{MODEL, ModelFolder, write_json};
use medner_core::tensors;
use medner_metrics::LabelSet;
use serde::{Deserialize, Serialize};
use tch::Device;

use crate::albert::AlbertConfig;
use crate::config::{Config, Input};
use crate::model::{ENCODER, Start, Tagger};
use crate::reading::{PieceReading, Reading};

/// A tagger with what it needs to read text.
pub struct TaggerFolder {
    /// How it was trained.
    pub config: Config,
    /// Its tags.
    pub labels: LabelSet,
    /// What a character is to it.
    pub reading: Reading,
    /// The network.
    pub tagger: Tagger,
}

const CONFIG: &str = "config.json";
const LABELS: &str = "labels.json";
const VOCABULARY: &str = "vocabulary.txt";
const SIZES: &str = "encoder.json";
const PIECES: &str = "vocab.txt";
/// The parameter with one row for each entry of the vocabulary.
const EMBEDDING: &str = "embedding.weight";
/// The same of an encoder.
const WORDS: &str = "embeddings.word_embeddings.weight";

/// `encoder.json`.
#[derive(Serialize, Deserialize)]
struct Sizes {
    lower_case: bool,
    albert: AlbertConfig,
}

/// Writes a tagger; every file is written beside its place and renamed, the parameters last.
///
/// # Errors
/// What the file system refuses.
pub fn save(
    folder: &Path,
    config: &Config,
    labels: &LabelSet,
    reading: &Reading,
    tagger: &Tagger,
) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    write_json(folder, CONFIG, config)?;
    write_json(folder, LABELS, labels)?;
    match reading {
        Reading::Characters(vocabulary) => vocabulary.save(&folder.join(VOCABULARY))?,
        Reading::Pieces(pieces) => {
            let sizes = Sizes { lower_case: pieces.lower_case, albert: pieces.albert.clone() };
            write_json(folder, SIZES, &sizes)?;
            let mut entries = pieces.entries.join("\n");
            entries.push('\n');
            tensors::write_atomically(&folder.join(PIECES), entries.as_bytes())?;
        }
    }
    tensors::write(&folder.join(MODEL), &tagger.params.state()?)?;
    Ok(())
}

/// Reads a tagger strictly: every parameter must be there with its shape, and no other.
///
/// # Errors
/// Files that are missing, damaged or not of one training, with the remedy.
pub fn load(folder: &Path, device: Device) -> Result<TaggerFolder> {
    let folder = ModelFolder::open(folder, "albert-idcnn")?;
    let (config, labels): (Config, LabelSet) = (folder.json(CONFIG)?, folder.json(LABELS)?);
    let (reading, table, vocabulary) = match config.model.input {
        Input::Characters => {
            let vocabulary = folder.vocabulary(VOCABULARY)?;
            (Reading::Characters(vocabulary), EMBEDDING.to_owned(), VOCABULARY)
        }
        Input::Albert => {
            let sizes: Sizes = folder.json(SIZES)?;
            let text = String::from_utf8(folder.bytes(PIECES)?).map_err(|e| folder.damaged(PIECES, e))?;
            let entries = text.split_terminator('\n').map(String::from).collect();
            let pieces = PieceReading::new(sizes.albert, entries, sizes.lower_case)?;
            (Reading::Pieces(Box::new(pieces)), format!("{ENCODER}.{WORDS}"), PIECES)
        }
    };
    let state = folder.state()?;
    folder.check_rows(&state, &table, vocabulary, reading.size())?;
    let start = match &reading {
        Reading::Characters(vocabulary) => Start::Random(vocabulary.len()),
        Reading::Pieces(pieces) => Start::Albert(&pieces.albert, pieces.special()),
    };
    let tagger = Tagger::new(&config.model, &start, &labels, device)?;
    folder.fill(&tagger.params, &state)?;
    Ok(TaggerFolder { config, labels, reading, tagger })
}
