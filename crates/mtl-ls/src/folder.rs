//! A trained tagger as a folder: what `train` writes, and `evaluate` and `predict` read.
//!
//! ```text
//! config.json        the configuration it was trained with
//! encoder.json       the encoder's sizes
//! labels.json        tag scheme and entity types
//! tokenizer.json     pieces
//! model.safetensors  parameters
//! ```

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use medner_core::tensors;
use medner_metrics::LabelSet;
use serde::de::DeserializeOwned;
use tch::Device;

use crate::config::{Config, Precision};
use crate::tagging::XlnetCrf;
use crate::xlnet::folder::TOKENIZER;
use crate::xlnet::{XlnetConfig, XlnetTokenizer};

const CONFIG: &str = "config.json";
const ENCODER: &str = "encoder.json";
const LABELS: &str = "labels.json";
const MODEL: &str = "model.safetensors";

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

/// Writes a tagger; every file is written beside its place and renamed, the parameters last.
///
/// # Errors
/// What the system says.
pub fn save(
    folder: &Path,
    config: &Config,
    labels: &LabelSet,
    tokenizer: &XlnetTokenizer,
    tagger: &XlnetCrf,
) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    tensors::write_atomically(&folder.join(CONFIG), &serde_json::to_vec_pretty(config)?)?;
    tensors::write_atomically(&folder.join(ENCODER), &serde_json::to_vec_pretty(tagger.encoder())?)?;
    tensors::write_atomically(&folder.join(LABELS), &serde_json::to_vec_pretty(labels)?)?;
    tensors::write_atomically(&folder.join(TOKENIZER), tokenizer.file())?;
    Ok(tensors::write(&folder.join(MODEL), &tagger.params.state()?)?)
}

/// Reads a tagger strictly: every parameter must be there with its shape, and no other.
///
/// # Errors
/// What is missing, damaged or does not fit, with the remedy.
pub fn load(folder: &Path, device: Device) -> Result<TaggerFolder> {
    if !folder.join(MODEL).is_file() {
        bail!(
            "{}: holds no {MODEL}; give the folder that `mtl-ls train --out` wrote (an unfinished training has none yet: go on \
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
    fn parse<T: DeserializeOwned>(bytes: &[u8], context: impl FnOnce() -> String) -> Result<T> {
        serde_json::from_slice(bytes).with_context(context)
    }
    let config: Config = parse(&read(CONFIG)?, || damaged(CONFIG))?;
    let sizes: XlnetConfig = parse(&read(ENCODER)?, || damaged(ENCODER))?;
    let labels: LabelSet = parse(&read(LABELS)?, || damaged(LABELS))?;
    let tokenizer = XlnetTokenizer::new(&read(TOKENIZER)?).with_context(|| damaged(TOKENIZER))?;
    if tokenizer.len() as i64 != sizes.vocab_size {
        bail!(
            "{}: has {} entries, but {ENCODER} beside it says {}: the two are not of one training; copy the folder again or train \
             again",
            folder.join(TOKENIZER).display(),
            tokenizer.len(),
            sizes.vocab_size
        );
    }
    let precision = if device == Device::Cpu { Precision::F32 } else { config.training.precision };
    let tagger = XlnetCrf::new(&sizes, &labels, config.input.labels, precision, device)
        .with_context(|| damaged(ENCODER))?;
    let state = tensors::from_bytes(&read(MODEL)?, &folder.join(MODEL)).with_context(|| damaged(MODEL))?;
    tagger.params.load(&state).with_context(|| damaged(MODEL))?;
    Ok(TaggerFolder { config, labels, tokenizer, tagger })
}
