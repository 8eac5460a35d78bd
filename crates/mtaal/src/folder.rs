//! A trained model as a folder: what `train` and `learn` write, and `evaluate`, `predict` and `query` read.
//!
//! ```text
//! config.json        the configuration it was trained with
//! encoding.json      words, characters, labels of both tasks
//! model.safetensors  parameters
//! ```

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use medner_core::tensors;
use tch::{Device, Kind, Tensor};

use crate::config::Config;
use crate::corpus::Encoding;
use crate::networks::{Networks, Sizes, WORD_VECTORS};

/// A model with what it needs to read text.
pub struct ModelFolder {
    /// How it was trained.
    pub config: Config,
    /// Its words, characters and labels.
    pub encoding: Encoding,
    /// The networks.
    pub networks: Networks,
}

const CONFIG: &str = "config.json";
const ENCODING: &str = "encoding.json";
/// The file with the parameters; written last.
pub const MODEL: &str = "model.safetensors";

/// Writes a model; every file is written beside its place and renamed, the parameters last.
pub fn save(folder: &Path, config: &Config, encoding: &Encoding, networks: &Networks) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    tensors::write_atomically(&folder.join(CONFIG), &serde_json::to_vec_pretty(config)?)?;
    tensors::write_atomically(&folder.join(ENCODING), &serde_json::to_vec(encoding)?)?;
    tensors::write(&folder.join(MODEL), &networks.params.state()?)?;
    Ok(())
}

/// Reads a model strictly: every parameter must be there with its shape, and no other.
pub fn load(folder: &Path, device: Device) -> Result<ModelFolder> {
    if !folder.join(MODEL).is_file() {
        bail!(
            "{}: holds no {MODEL}; give the folder that `mtaal train --out` wrote (an unfinished training has none yet: go on \
             with `train --resume`)",
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
    let encoding: Encoding = serde_json::from_slice(&read(ENCODING)?).with_context(|| damaged(ENCODING))?;
    let state = tensors::from_bytes(&read(MODEL)?, &folder.join(MODEL)).with_context(|| damaged(MODEL))?;
    let rows = state.get(WORD_VECTORS).and_then(|matrix| matrix.size().first().copied());
    if let Some(rows) = rows.filter(|&rows| rows != encoding.words.len() as i64) {
        bail!(
            "{}: has {} words, but {MODEL} beside it has vectors for {rows}: the two are not of one training; copy the folder \
             again or train again",
            folder.join(ENCODING).display(),
            encoding.words.len()
        );
    }
    let networks = empty_networks(&config, &encoding, device)?;
    networks.params.load(&state).with_context(|| damaged(MODEL))?;
    Ok(ModelFolder { config, encoding, networks })
}

/// Networks of the right shapes, to be loaded into.
pub fn empty_networks(config: &Config, encoding: &Encoding, device: Device) -> Result<Networks> {
    let words = Tensor::zeros([encoding.words.len() as i64, config.model.words], (Kind::Float, Device::Cpu));
    let sizes =
        Sizes { characters: encoding.characters.len(), ner: encoding.ner.len(), nen: encoding.nen.len() };
    Ok(Networks::new(config, sizes, &words, device)?)
}
