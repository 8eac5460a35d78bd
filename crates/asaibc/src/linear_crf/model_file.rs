//! A trained model in a folder.
//!
//! | file | holds |
//! | --- | --- |
//! | `model.json` | features, tags, and the SHA-256 of the other two files; written last |
//! | `names.json` | strings, symbols of the vectors, and the lexicon |
//! | `model.safetensors` | weights (64 bits) and vectors (32 bits) |

use std::path::Path;

use medner_data::hash::hash_bytes;
use medner_data::write_atomically;
use medner_metrics::LabelSet;
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};

use super::features::{Dictionary, FeatureConfig};
use super::tensors::{self, Block};
use super::vectors::Vectors;
use super::{LinearCrf, LinearCrfError};
use crate::transfer::Lexicon;

const FORMAT: &str = "medner linear CRF 1";
const MODEL: &str = "model.json";
const NAMES: &str = "names.json";
const NUMBERS: &str = "model.safetensors";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    format: String,
    features: FeatureConfig,
    constrained: bool,
    labels: LabelSet,
    dim: usize,
    names_sha256: String,
    numbers_sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    strings: Vec<String>,
    symbols: Vec<String>,
    lexicon: Option<Lexicon>,
}

fn read(path: &Path) -> Result<Vec<u8>, LinearCrfError> {
    std::fs::read(path).map_err(|source| LinearCrfError::Io { path: path.to_owned(), source })
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], path: &Path) -> Result<T, LinearCrfError> {
    serde_json::from_slice(bytes).map_err(|e| LinearCrfError::Damaged {
        path: path.to_owned(),
        message: format!("is not what a model's folder holds ({e}); train the model again"),
    })
}

impl LinearCrf {
    /// Saves the model in a folder, which is made where it is not there; each file is there whole or not at all.
    ///
    /// # Errors
    /// [`LinearCrfError::Io`].
    pub fn save(&self, folder: &Path) -> Result<(), LinearCrfError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| LinearCrfError::Io { path, source }
        };
        std::fs::create_dir_all(folder).map_err(io(folder))?;
        let blocks = [Block::f64("weights", &self.weights), Block::f32("vectors", self.vectors.values())];
        let numbers = folder.join(NUMBERS);
        tensors::write(&numbers, &blocks, None)?;
        let json = |value: serde_json::Result<Vec<u8>>| value.expect("names and numbers are JSON");
        let names = Names {
            strings: self.dictionary.names().to_vec(),
            symbols: self.vectors.symbols().to_vec(),
            lexicon: self.lexicon.clone(),
        };
        let names = json(serde_json::to_vec(&names));
        let path = folder.join(NAMES);
        write_atomically(&path, |out| out.write_all(&names)).map_err(io(&path))?;
        let model = Model {
            format: FORMAT.to_owned(),
            features: self.features.clone(),
            constrained: self.constrained,
            labels: self.labels.clone(),
            dim: self.vectors.dim(),
            names_sha256: hash_bytes(&names).sha256,
            numbers_sha256: hash_bytes(&read(&numbers)?).sha256,
        };
        let model = json(serde_json::to_vec_pretty(&model));
        let path = folder.join(MODEL);
        write_atomically(&path, |out| out.write_all(&model)).map_err(io(&path))
    }

    /// Loads a saved model.
    ///
    /// # Errors
    /// [`LinearCrfError::Io`]; [`LinearCrfError::Damaged`] for a file that is not as it was saved.
    pub fn load(folder: &Path) -> Result<Self, LinearCrfError> {
        let damaged = |file: &str, message: &str| LinearCrfError::Damaged {
            path: folder.join(file),
            message: format!("{message}; train the model again"),
        };
        let path = folder.join(MODEL);
        let model: Model = parse(&read(&path)?, &path)?;
        if model.format != FORMAT {
            return Err(damaged(MODEL, &format!("has the format `{}`; expected `{FORMAT}`", model.format)));
        }
        let names = read(&folder.join(NAMES))?;
        if hash_bytes(&names).sha256 != model.names_sha256 {
            return Err(damaged(NAMES, "is not the file that was saved"));
        }
        let names: Names = parse(&names, &folder.join(NAMES))?;
        let numbers = read(&folder.join(NUMBERS))?;
        if hash_bytes(&numbers).sha256 != model.numbers_sha256 {
            return Err(damaged(NUMBERS, "is not the file that was saved"));
        }
        let path = folder.join(NUMBERS);
        let file = SafeTensors::deserialize(&numbers)
            .map_err(|e| damaged(NUMBERS, &format!("cannot be read ({e})")))?;
        let values = tensors::read_f32(&file, "vectors", &path)?;
        let model = Self {
            features: model.features,
            constrained: model.constrained,
            labels: model.labels,
            dictionary: Dictionary::from_names(names.strings)
                .ok_or_else(|| damaged(NAMES, "has a string twice"))?,
            vectors: Vectors::from_parts(model.dim, names.symbols, values)
                .ok_or_else(|| damaged(NAMES, "does not have the symbols of the vectors"))?,
            lexicon: names.lexicon,
            weights: tensors::read_f64(&file, "weights", &path)?,
        };
        if model.weights.len() != model.shape().weights() {
            return Err(damaged(NUMBERS, "does not have as many weights as the features need"));
        }
        Ok(model)
    }
}
