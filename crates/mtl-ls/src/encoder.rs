//! What a tagger starts from: a pre-trained encoder, and for layer-sliced learning the lower layers of its category's model.
//!
//! Layers are sliced by their number: with a slicing rate of `k / n` the embeddings and the lowest `k` of `n` layers come from
//! the model that was trained on all sub-tasks of the category, the layers above them from the pre-trained encoder; output
//! layer and CRF start from random values.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use medner_core::params::Params;
use medner_core::tensors::{self, NamedTensors};
use medner_data::hash::hash_file;

use crate::tagging::model::ENCODER;
use crate::xlnet::folder::{TOKENIZER, XlnetFolder};
use crate::xlnet::{XlnetConfig, XlnetTokenizer};

/// The file below a pool's own folder with its parameters.
pub const POOL_FILE: &str = "model.safetensors";

/// A pre-trained encoder with its tokenizer.
pub struct Pretrained {
    /// The folder.
    pub folder: XlnetFolder,
    /// Its pieces.
    pub tokenizer: XlnetTokenizer,
}

/// Reads a folder as `transformers` writes it.
///
/// # Errors
/// What is missing, or does not fit, with the remedy.
pub fn open(folder: &Path) -> Result<Pretrained> {
    let folder = XlnetFolder::open(folder)?;
    let shown = folder.path().display().to_string();
    let tokenizer = XlnetTokenizer::new(&folder.tokenizer()?).with_context(|| shown.clone())?;
    let (pieces, rows) = (tokenizer.len() as i64, folder.config.vocab_size);
    ensure!(
        pieces == rows,
        "{shown}: tokenizer.json has {pieces} entries, but `vocab_size` in config.json is {rows}: the two are not of one model; \
         copy the folder again"
    );
    Ok(Pretrained { folder, tokenizer })
}

/// The files of an encoder's folder that are read, with their SHA-256: what an encoder is known by, wherever its folder lies.
///
/// # Errors
/// A folder or a file that cannot be read.
pub fn files_of(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let unread = || format!("{}: cannot be read", folder.display());
    for entry in std::fs::read_dir(folder).with_context(unread)? {
        let path = entry.with_context(unread)?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name == "config.json" || name == TOKENIZER || name.ends_with(".safetensors") {
            let hash = hash_file(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
            files.insert(name, hash.sha256);
        }
    }
    Ok(files)
}

/// The number of layers that a slicing rate shares.
///
/// # Errors
/// A rate that does not fall between two layers.
pub fn shared_layers(rate: f64, layers: i64) -> Result<i64> {
    let shared = rate * layers as f64;
    ensure!(
        (shared - shared.round()).abs() < 1e-9,
        "slicing_rate: {rate} of {layers} layers are {shared}, which is no whole number of layers; give k / {layers}, such as {}",
        (layers / 2) as f64 / layers as f64
    );
    Ok(shared.round() as i64)
}

/// True for the encoder's parameters that come from the category's model when `shared` layers do.
pub fn is_shared(name: &str, shared: i64) -> bool {
    let Some(name) = name.strip_prefix(ENCODER).and_then(|name| name.strip_prefix('.')) else { return false };
    match name.strip_prefix("layer.") {
        None => true,
        Some(rest) => rest.split('.').next().and_then(|n| n.parse::<i64>().ok()).is_some_and(|n| n < shared),
    }
}

/// Fills a tagger's encoder from the pre-trained one, and its lower part from the category's model.
///
/// # Errors
/// Files that do not fit; see [`shared_layers`].
pub fn fill(
    params: &Params,
    config: &XlnetConfig,
    pretrained: &XlnetFolder,
    pool: Option<(&Path, f64)>,
) -> Result<Vec<String>> {
    pretrained.load_encoder(params, ENCODER)?;
    let Some((file, rate)) = pool else { return Ok(Vec::new()) };
    let shared = shared_layers(rate, config.n_layer)?;
    let given: NamedTensors = tensors::read(file)?;
    let mut state = params.state()?;
    let wanted = state.keys().filter(|name| is_shared(name, shared)).count();
    let mut taken = Vec::new();
    for (name, tensor) in given {
        if is_shared(&name, shared) {
            let place = state.get(&name);
            ensure!(
                place.is_some_and(|place| place.size() == tensor.size()),
                "{}: `{name}` does not fit the encoder; the two are not of one model",
                file.display()
            );
            taken.push(name.clone());
            state.insert(name, tensor);
        }
    }
    ensure!(
        taken.len() == wanted,
        "{}: has {} of the {wanted} tensors that are shared; copy it again",
        file.display(),
        taken.len()
    );
    params.load(&state)?;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rates_are_whole_numbers_of_layers() {
        assert_eq!([0.25, 0.5, 0.75, 1.0].map(|r| shared_layers(r, 24).unwrap()), [6, 12, 18, 24]);
        assert_eq!([0.0, 0.25, 1.0].map(|r| shared_layers(r, 4).unwrap()), [0, 1, 4]);
        let message = shared_layers(0.25, 6).unwrap_err().to_string();
        assert!(message.contains("1.5"), "{message}");
    }

    #[test]
    fn embeddings_and_lower_layers_are_shared_and_the_head_never_is() {
        let shared = |name: &str| is_shared(name, 2);
        assert!(shared("encoder.word_embedding.weight") && shared("encoder.mask_emb"));
        assert!(shared("encoder.layer.0.ff.layer_1.weight") && shared("encoder.layer.1.rel_attn.q"));
        assert!(!shared("encoder.layer.2.rel_attn.q") && !shared("encoder.layer.10.rel_attn.q"));
        assert!(!shared("output.weight") && !shared("crf.transitions"));
    }
}
