//! A trained tagger as a folder: what `train` writes, and `evaluate` and `predict` read.
//!
//! ```text
//! config.json        the configuration it was trained with
//! encoder.json       the encoder's sizes
//! origin.json        SHA-256 of the files of the encoder that it started from
//! labels.json        tag scheme and entity types
//! tokenizer.json     pieces
//! model.safetensors  parameters
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use medner_core::model_folder::{MODEL, ModelFolder, write_json};
use medner_core::tensors;
use medner_metrics::LabelSet;
use tch::Device;

use crate::config::Config;
use crate::tagging::XlnetCrf;
use crate::xlnet::folder::TOKENIZER;
use crate::xlnet::{XlnetConfig, XlnetTokenizer};

const CONFIG: &str = "config.json";
const ENCODER: &str = "encoder.json";
const LABELS: &str = "labels.json";
const ORIGIN: &str = "origin.json";

/// A tagger with what it needs to read text.
pub struct TaggerFolder {
    /// How it was trained.
    pub config: Config,
    /// Its tags.
    pub labels: LabelSet,
    /// Its pieces.
    pub tokenizer: XlnetTokenizer,
    /// The network.
    pub tagger: XlnetCrf,
}

/// Writes a tagger; every file is written beside its place and renamed, the parameters last. `origin`: the files of the encoder that it
/// started from, with their SHA-256.
///
/// # Errors
/// What the system says.
pub fn save(
    folder: &Path,
    config: &Config,
    labels: &LabelSet,
    tokenizer: &XlnetTokenizer,
    tagger: &XlnetCrf,
    origin: &BTreeMap<String, String>,
) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    write_json(folder, CONFIG, config)?;
    write_json(folder, ENCODER, tagger.encoder())?;
    write_json(folder, LABELS, labels)?;
    write_json(folder, ORIGIN, origin)?;
    tensors::write_atomically(&folder.join(TOKENIZER), tokenizer.file())?;
    Ok(tensors::write(&folder.join(MODEL), &tagger.params.state()?)?)
}

/// The files of the encoder that a tagger started from, with their SHA-256; `None` for a tagger of before they were written down.
///
/// # Errors
/// A file that is damaged.
pub fn origin(folder: &ModelFolder) -> Result<Option<BTreeMap<String, String>>> {
    Ok(if folder.has(ORIGIN) { Some(folder.json(ORIGIN)?) } else { None })
}

/// Reads a tagger strictly: every parameter must be there with its shape, and no other.
///
/// # Errors
/// What is missing, damaged or does not fit, with the remedy.
pub fn load(folder: &Path, device: Device) -> Result<TaggerFolder> {
    let folder = ModelFolder::open(folder, "mtl-ls")?;
    let config: Config = folder.json(CONFIG)?;
    let (sizes, labels): (XlnetConfig, LabelSet) = (folder.json(ENCODER)?, folder.json(LABELS)?);
    let tokenizer =
        XlnetTokenizer::new(&folder.bytes(TOKENIZER)?).map_err(|error| folder.damaged(TOKENIZER, error))?;
    if tokenizer.len() as i64 != sizes.vocab_size {
        return Err(folder.not_of_one(TOKENIZER, tokenizer.len(), ENCODER, sizes.vocab_size).into());
    }
    let tagger = XlnetCrf::new(&sizes, &labels, config.input.labels, config.training.precision, device)
        .map_err(|error| folder.damaged(ENCODER, error))?;
    folder.fill(&tagger.params, &folder.state()?)?;
    Ok(TaggerFolder { config, labels, tokenizer, tagger })
}
