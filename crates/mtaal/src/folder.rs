//! A trained model as a folder: what `train` and `learn` write, and `evaluate`, `predict` and `query` read.
//!
//! ```text
//! config.json        the configuration it was trained with
//! encoding.json      words, characters, labels of both tasks
//! model.safetensors  parameters
//! word_vectors.bin   given vectors of words that training need not have shown ([`crate::unseen`]); none without a file of vectors
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
pub use medner_core::model_folder::MODEL;
use medner_core::model_folder::{ModelFolder as Files, write_json};
use medner_core::tensors;
use tch::{Device, Kind, Tensor};

use crate::config::Config;
use crate::corpus::Encoding;
use crate::networks::{Networks, Sizes, WORD_VECTORS};
use crate::unseen::{self, Source};

/// A model with what it needs to read text.
pub struct ModelFolder {
    /// How it was trained.
    pub config: Config,
    /// Its words, characters and labels.
    pub encoding: Encoding,
    /// The networks.
    pub networks: Networks,
    /// Its file of given vectors; models of before there was one have none.
    pub given: Option<PathBuf>,
}

const CONFIG: &str = "config.json";
const ENCODING: &str = "encoding.json";

/// Writes a model; every file is written beside its place and renamed, the parameters last.
pub fn save(
    folder: &Path,
    config: &Config,
    encoding: &Encoding,
    networks: &Networks,
    given: &Source<'_>,
) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    unseen::keep(folder, given)?;
    write_json(folder, CONFIG, config)?;
    tensors::write_atomically(&folder.join(ENCODING), &serde_json::to_vec(encoding)?)?;
    tensors::write(&folder.join(MODEL), &networks.params.state()?)?;
    Ok(())
}

/// Reads a model strictly: every parameter must be there with its shape, and no other.
pub fn load(folder: &Path, device: Device) -> Result<ModelFolder> {
    let files = Files::open(folder, "mtaal")?;
    let (config, encoding): (Config, Encoding) = (files.json(CONFIG)?, files.json(ENCODING)?);
    let state = files.state()?;
    files.check_rows(&state, WORD_VECTORS, ENCODING, encoding.words.len())?;
    let networks = empty_networks(&config, &encoding, device)?;
    files.fill(&networks.params, &state)?;
    let given = files.has(unseen::VECTORS).then(|| files.path(unseen::VECTORS));
    Ok(ModelFolder { config, encoding, networks, given })
}

/// Networks of the right shapes, to be loaded into.
pub fn empty_networks(config: &Config, encoding: &Encoding, device: Device) -> Result<Networks> {
    let words = Tensor::zeros([encoding.words.len() as i64, config.model.words], (Kind::Float, Device::Cpu));
    let sizes =
        Sizes { characters: encoding.characters.len(), ner: encoding.ner.len(), nen: encoding.nen.len() };
    Ok(Networks::new(config, sizes, &words, device)?)
}
