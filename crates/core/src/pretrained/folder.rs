//! Opening a folder: what is in it, and what to do where something is not.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{CONFIG, VOCABULARY, WEIGHTS, Weights};
use crate::error::{CoreError, Result};
use crate::model_folder::is_trained;

/// A folder with a pre-trained model. See the [module](super).
#[derive(Clone, Debug)]
pub struct PretrainedFolder {
    path: PathBuf,
    config: Value,
}

/// Weights in formats that are programs or need another library, and the class of `transformers` argument that reads them.
const OTHER_FORMATS: [(&str, &str); 4] = [
    ("pytorch_model.bin", ""),
    ("pytorch_model.bin.index.json", ""),
    ("tf_model.h5", ", from_tf=True"),
    ("flax_model.msgpack", ", from_flax=True"),
];

pub(super) fn refuse(path: &Path, message: impl Into<String>) -> CoreError {
    CoreError::Pretrained { path: path.to_owned(), message: message.into() }
}

/// What the `config.json` of a folder says that its model is: only those of pre-trained models say it.
pub fn model_type(path: &Path) -> Option<String> {
    let config: Value = serde_json::from_slice(&fs::read(path.join(CONFIG)).ok()?).ok()?;
    config.get("model_type").and_then(Value::as_str).map(str::to_owned)
}

impl PretrainedFolder {
    /// Opens a folder whose `config.json` has this `model_type`.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`]: no folder, no `config.json`, a damaged one, one of another model, one of a trained model.
    pub fn open(path: &Path, model_type: &str) -> Result<Self> {
        if !path.is_dir() {
            let what = if path.exists() { "is a file" } else { "does not exist" };
            return Err(refuse(path, format!("{what}; give the folder that holds {CONFIG} and {WEIGHTS}")));
        }
        let file = path.join(CONFIG);
        if !file.is_file() {
            let holds =
                if path.join(WEIGHTS).is_file() { format!("holds {WEIGHTS} but ") } else { String::new() };
            let message = format!("{holds}has no {CONFIG}; copy it from where the weights were published");
            return Err(refuse(path, message));
        }
        let bytes = fs::read(&file).map_err(CoreError::io(&file))?;
        let config: Value = serde_json::from_slice(&bytes)
            .map_err(|e| refuse(&file, format!("is not readable JSON ({e})")))?;
        match config.get("model_type").and_then(Value::as_str) {
            Some(found) if found == model_type => Ok(Self { path: path.to_owned(), config }),
            Some(found) => Err(refuse(
                &file,
                format!("is of a `{found}` model (model_type); a `{model_type}` model is wanted here"),
            )),
            None if is_trained(path) => Err(refuse(
                path,
                format!(
                    "was written by `train`, and a trained model is no encoder; give the folder of a published `{model_type}` model, \
                     or one that `pretrain` wrote"
                ),
            )),
            None => Err(refuse(
                &file,
                format!(
                    "does not say its `model_type`; if this is a `{model_type}` model, add \"model_type\": \"{model_type}\""
                ),
            )),
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `config.json` as the model's own struct. Keys that the struct does not know are passed over, as `transformers` writes
    /// many that say nothing about the network.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] with the key that is missing or cannot be read.
    pub fn config<C: DeserializeOwned>(&self) -> Result<C> {
        C::deserialize(&self.config).map_err(|e| refuse(&self.path.join(CONFIG), e.to_string()))
    }

    /// A key of `config.json`.
    pub fn key(&self, name: &str) -> Option<&Value> {
        self.config.get(name)
    }

    /// Reads all parameters, in one file or in the parts that `model.safetensors.index.json` lists.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`]: no safetensors file (with the command that converts what is there instead), a damaged one.
    pub fn weights(&self) -> Result<Weights> {
        let single = self.path.join(WEIGHTS);
        if single.is_file() {
            return Weights::read(&single);
        }
        let index = self.path.join(format!("{WEIGHTS}.index.json"));
        if index.is_file() {
            return Weights::read_parts(&index);
        }
        let found = OTHER_FORMATS.iter().find(|(name, _)| self.path.join(name).is_file());
        let Some((name, argument)) = found else {
            let message = format!("has no {WEIGHTS}; download it from where the model was published");
            return Err(refuse(&self.path, message));
        };
        let message = format!(
            "holds {name} but no {WEIGHTS}. Only safetensors files are read (a pickle is a program). Convert it once, where \
             PyTorch and transformers are installed, in the folder above it: python -c \"from transformers import \
             AutoModelForPreTraining as M; M.from_pretrained('{folder}'{argument}).save_pretrained('{folder}', \
             safe_serialization=True)\"",
            folder = self.path.file_name().map_or_else(|| ".".into(), |n| n.to_string_lossy()),
        );
        Err(refuse(&self.path, message))
    }

    /// The entries of `vocab.txt`, one a line, in the order of their ids; there must be as many as the configuration's
    /// `vocab_size`, so that every id has its own row of the embedding.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`]: no file, a line that is no UTF-8, an entry that stands there twice, another number of
    /// entries.
    pub fn vocabulary(&self) -> Result<Vec<String>> {
        let file = self.path.join(VOCABULARY);
        if !file.is_file() {
            let message = format!("has no {VOCABULARY}; copy it from where the weights were published");
            return Err(refuse(&self.path, message));
        }
        let bytes = fs::read(&file).map_err(CoreError::io(&file))?;
        let text = std::str::from_utf8(&bytes).map_err(|e| {
            let line = bytes[..e.valid_up_to()].split(|&b| b == b'\n').count();
            refuse(&file, format!("line {line} is not UTF-8; copy the file again"))
        })?;
        let mut first_line = std::collections::BTreeMap::new();
        let entries: Vec<String> = text
            .split_terminator('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned())
            .collect();
        for (line, entry) in entries.iter().enumerate() {
            if let Some(before) = first_line.insert(entry, line) {
                let message = format!("`{entry}` stands in line {} and in line {}", before + 1, line + 1);
                return Err(refuse(&file, message));
            }
        }
        let expected = self.key("vocab_size").and_then(Value::as_u64);
        if expected != Some(entries.len() as u64) {
            let expected = expected.map_or_else(|| "none".to_owned(), |n| n.to_string());
            let message = format!(
                "has {} entries, but `vocab_size` in {CONFIG} beside it is {expected}: the two are not of one model; copy \
                 the folder again",
                entries.len()
            );
            return Err(refuse(&file, message));
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_trained_model_is_told_from_a_folder_that_forgot_its_type() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path();
        fs::write(path.join(CONFIG), "{\"job\": \"tagger\"}").unwrap();
        let message = || PretrainedFolder::open(path, "xlnet").unwrap_err().to_string();
        assert!(message().contains("\"model_type\": \"xlnet\""), "{}", message());
        for file in ["labels.json", "encoding.json"] {
            fs::write(path.join(file), "{}").unwrap();
            assert!(message().contains("written by `train`"), "{}", message());
            assert!(
                message().contains("published `xlnet`") && message().contains("`pretrain`"),
                "{}",
                message()
            );
            assert!(!message().contains("add \"model_type\""), "{}", message());
            fs::remove_file(path.join(file)).unwrap();
        }
        fs::write(path.join(CONFIG), "{\"model_type\": \"albert\"}").unwrap();
        assert_eq!(model_type(path).as_deref(), Some("albert"));
        assert!(message().contains("`albert`"), "{}", message());
    }
}
