//! A trained model as a folder: small files that say how it is built, and its parameters, written last.

use std::fs;
use std::path::{Path, PathBuf};

use medner_data::vocabulary::Vocabulary;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{CoreError, Result};
use crate::params::Params;
use crate::pretrained;
use crate::tensors::{self, NamedTensors};

/// The file with the parameters.
pub const MODEL: &str = "model.safetensors";

/// Writes a file of a model beside its place and renames it.
///
/// # Errors
/// [`CoreError::Io`].
pub fn write_json(folder: &Path, file: &str, value: &impl Serialize) -> Result<()> {
    let path = folder.join(file);
    let bytes = serde_json::to_vec_pretty(value).map_err(|e| CoreError::io(&path)(e.into()))?;
    tensors::write_atomically(&path, &bytes)
}

/// What `train` writes beside the configuration and the parameters, and no encoder's folder has: one of these.
const OF_TRAINING: [&str; 2] = ["labels.json", "encoding.json"];

/// Whether `train` wrote this folder.
pub fn is_trained(path: &Path) -> bool {
    OF_TRAINING.iter().any(|file| path.join(file).is_file())
}

/// A folder that holds a trained model, read strictly; every error names the file and the remedy.
#[derive(Clone, Debug)]
pub struct ModelFolder {
    path: PathBuf,
}

impl ModelFolder {
    /// A folder with parameters in it. `program` is the method's name, for what the error advises.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] where there are none, and for the folder of a pre-trained encoder.
    pub fn open(path: &Path, program: &str) -> Result<Self> {
        let folder = Self { path: path.to_owned() };
        if let Some(kind) = pretrained::model_type(path) {
            let message = format!(
                "is the folder of an encoder (`{kind}`), published or written by `pretrain`, and no trained model; train one on it \
                 (`--set encoder=DIR`), and give the folder that `{program} train --out` wrote"
            );
            return Err(CoreError::Pretrained { path: folder.path, message });
        }
        if folder.has(MODEL) {
            return Ok(folder);
        }
        let message = format!(
            "holds no {MODEL}; give the folder that `{program} train --out` wrote (an unfinished training has none yet: go on with \
             `train --resume`)"
        );
        Err(CoreError::Pretrained { path: folder.path, message })
    }

    /// Whether a file is there.
    pub fn has(&self, file: &str) -> bool {
        self.path.join(file).is_file()
    }

    /// The path of a file.
    pub fn path(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] where it cannot be read.
    pub fn bytes(&self, file: &str) -> Result<Vec<u8>> {
        fs::read(self.path(file)).map_err(|error| {
            self.refuse(
                file,
                format!(
                    "cannot be read ({error}); the model's folder is not whole: copy it again or train again"
                ),
            )
        })
    }

    /// A file of JSON.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] where it cannot be read or says something else.
    pub fn json<T: DeserializeOwned>(&self, file: &str) -> Result<T> {
        serde_json::from_slice(&self.bytes(file)?).map_err(|error| self.damaged(file, error))
    }

    /// A vocabulary.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] where it is not there; what is wrong in it.
    pub fn vocabulary(&self, file: &str) -> Result<Vocabulary> {
        self.bytes(file)?;
        Ok(Vocabulary::load(&self.path(file))?)
    }

    /// The parameters, not yet a network's.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] where they cannot be read.
    pub fn state(&self) -> Result<NamedTensors> {
        tensors::from_bytes(&self.bytes(MODEL)?, &self.path(MODEL))
            .map_err(|error| self.damaged(MODEL, error))
    }

    /// Gives the parameters to a network, strictly.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] where a tensor is missing, more or of another shape.
    pub fn fill(&self, params: &Params, state: &NamedTensors) -> Result<()> {
        params.load(state).map_err(|error| self.damaged(MODEL, error))
    }

    /// Refuses parameters whose `table`, with one row for each entry of `file`, has another number of rows than there are
    /// entries.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] with both numbers.
    pub fn check_rows(&self, state: &NamedTensors, table: &str, file: &str, entries: usize) -> Result<()> {
        match state.get(table).and_then(|matrix| matrix.size().first().copied()) {
            Some(rows) if rows != entries as i64 => Err(self.not_of_one(file, entries, MODEL, rows)),
            _ => Ok(()),
        }
    }

    /// What is said of a file that does not go with another beside it.
    pub fn not_of_one(&self, file: &str, entries: usize, beside: &str, expected: i64) -> CoreError {
        let message = format!(
            "has {entries} entries, but {beside} beside it is for {expected}: the two are not of one training; copy the folder \
             again or train again"
        );
        self.refuse(file, message)
    }

    /// What is said of a file that can be read and means nothing.
    pub fn damaged(&self, file: &str, error: impl std::fmt::Display) -> CoreError {
        self.refuse(
            file,
            format!("is damaged, or of another version or program; copy it again or train again ({error})"),
        )
    }

    /// An error at a file of this folder.
    pub fn refuse(&self, file: &str, message: String) -> CoreError {
        CoreError::Pretrained { path: self.path(file), message }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tch::Device;

    use super::*;
    use crate::init::Init;

    fn network(rows: i64) -> Params {
        let params = Params::new(Device::Cpu);
        let _ = params.root().parameter("table", &[rows, 2], Init::Ones).unwrap();
        params
    }

    #[test]
    fn what_is_not_whole_is_named() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path();
        let message = ModelFolder::open(path, "tagger").unwrap_err().to_string();
        assert!(message.contains("tagger train --out") && message.contains("--resume"), "{message}");

        tensors::write(&path.join(MODEL), &network(3).state().unwrap()).unwrap();
        write_json(path, "config.json", &7_u32).unwrap();
        let folder = ModelFolder::open(path, "tagger").unwrap();
        assert_eq!(folder.json::<u32>("config.json").unwrap(), 7);
        let state = folder.state().unwrap();
        folder.check_rows(&state, "table", "words.txt", 3).unwrap();
        folder.fill(&network(3), &state).unwrap();

        let says = |error: CoreError, parts: &[&str]| {
            let message = error.to_string();
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        };
        says(folder.json::<Vec<u32>>("config.json").unwrap_err(), &["config.json", "damaged"]);
        says(folder.bytes("words.txt").unwrap_err(), &["words.txt", "not whole"]);
        says(
            folder.check_rows(&state, "table", "words.txt", 4).unwrap_err(),
            &["words.txt", "4 entries", "for 3", "not of one training"],
        );
        says(folder.fill(&network(4), &state).unwrap_err(), &[MODEL, "table"]);
        fs::write(path.join(MODEL), "{}").unwrap();
        says(folder.state().unwrap_err(), &[MODEL, "damaged"]);
    }

    #[test]
    fn an_encoder_s_folder_is_told_from_a_trained_model_s() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path();
        let config = serde_json::json!({"model_type": "xlnet", "architectures": ["XLNetLMHeadModel"]});
        write_json(path, "config.json", &config).unwrap();
        let refused = |how: &str| {
            let message = ModelFolder::open(path, "tagger").unwrap_err().to_string();
            for part in ["encoder (`xlnet`)", "`pretrain`", "`tagger train --out`"] {
                assert!(message.contains(part), "{how}: {message}");
            }
        };
        refused("its parameters in parts");
        tensors::write(&path.join(MODEL), &network(3).state().unwrap()).unwrap();
        refused("its parameters in one file");
        assert!(!is_trained(path));
        write_json(path, "labels.json", &7_u32).unwrap();
        assert!(is_trained(path));
    }
}
