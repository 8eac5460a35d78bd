//! A trained tagger as a folder: what `train` writes, and `evaluate` and `predict` read.
//!
//! ```text
//! config.json        the configuration it was trained with
//! labels.json        tag scheme and entity types
//! vocabulary.txt     characters or words, one a line, in the order of their ids
//! model.safetensors  parameters and buffers
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use medner_data::vocabulary::Vocabulary;
use medner_metrics::LabelSet;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{CoreError, Result};
use crate::params::Params;
use crate::tensors::{self, NamedTensors};

const CONFIG: &str = "config.json";
const LABELS: &str = "labels.json";
const VOCABULARY: &str = "vocabulary.txt";
const MODEL: &str = "model.safetensors";

/// What a folder holds, checked file by file; the parameters wait for the network that is built from the rest.
pub struct TaggerFolder<C> {
    /// How the tagger was trained.
    pub config: C,
    /// Its tags.
    pub labels: LabelSet,
    /// Its characters or words.
    pub vocabulary: Vocabulary,
    path: PathBuf,
    state: NamedTensors,
}

/// Writes a tagger; every file is written beside its place and renamed, the parameters last.
///
/// # Errors
/// [`CoreError::Io`].
pub fn save<C: Serialize>(
    folder: &Path,
    config: &C,
    labels: &LabelSet,
    vocabulary: &Vocabulary,
    params: &Params,
) -> Result<()> {
    fs::create_dir_all(folder).map_err(CoreError::io(folder))?;
    for (file, json) in
        [(CONFIG, serde_json::to_vec_pretty(config)), (LABELS, serde_json::to_vec_pretty(labels))]
    {
        let path = folder.join(file);
        let bytes = json.map_err(|e| CoreError::io(&path)(e.into()))?;
        tensors::write_atomically(&path, &bytes)?;
    }
    vocabulary.save(&folder.join(VOCABULARY))?;
    tensors::write(&folder.join(MODEL), &params.state()?)
}

impl<C: DeserializeOwned> TaggerFolder<C> {
    /// Reads a folder. `program` is the method's name, for what the errors advise.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] with the file and the remedy.
    pub fn read(folder: &Path, program: &str) -> Result<Self> {
        let refuse = |path: &Path, message: String| CoreError::Pretrained { path: path.to_owned(), message };
        let model = folder.join(MODEL);
        if !model.is_file() {
            let message = format!(
                "holds no {MODEL}; give the folder that `{program} train --out` wrote (an unfinished training has none yet: \
                 go on with `train --resume`)"
            );
            return Err(refuse(folder, message));
        }
        let bytes = |file: &str| -> Result<Vec<u8>> {
            let path = folder.join(file);
            fs::read(&path).map_err(|e| {
                let message = format!(
                    "cannot be read ({e}); the model's folder is not whole: copy it again or train again"
                );
                refuse(&path, message)
            })
        };
        let damaged = |file: &str, error: String| {
            let message = format!("is damaged or of another version; copy it again or train again ({error})");
            refuse(&folder.join(file), message)
        };
        let config = serde_json::from_slice(&bytes(CONFIG)?).map_err(|e| damaged(CONFIG, e.to_string()))?;
        let labels = serde_json::from_slice(&bytes(LABELS)?).map_err(|e| damaged(LABELS, e.to_string()))?;
        let vocabulary = Vocabulary::load(&folder.join(VOCABULARY))?;
        let state = tensors::from_bytes(&bytes(MODEL)?, &model).map_err(|e| damaged(MODEL, e.to_string()))?;
        Ok(Self { config, labels, vocabulary, path: folder.to_owned(), state })
    }

    /// Gives the parameters to a network, strictly. `embedding` names the parameter with one row for each entry of the
    /// vocabulary.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] where the files are not of one training.
    pub fn fill(&self, params: &Params, embedding: &str) -> Result<()> {
        let refuse =
            |file: &str, message: String| CoreError::Pretrained { path: self.path.join(file), message };
        let rows = self.state.get(embedding).and_then(|matrix| matrix.size().first().copied());
        if let Some(rows) = rows.filter(|&rows| rows != self.vocabulary.len() as i64) {
            let message = format!(
                "has {} entries, but {MODEL} beside it has vectors for {rows}: the two are not of one training; copy the \
                 folder again or train again",
                self.vocabulary.len()
            );
            return Err(refuse(VOCABULARY, message));
        }
        params.load(&self.state).map_err(|e| {
            refuse(MODEL, format!("is damaged or of another version; copy it again or train again ({e})"))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::init::Init;
    use medner_data::TagScheme;
    use medner_data::vocabulary::Normalisation;
    use tch::Device;

    fn network(rows: i64) -> Params {
        let params = Params::new(Device::Cpu);
        let _ = params.root().parameter("embedding", &[rows, 2], Init::Ones).unwrap();
        params
    }

    #[test]
    fn what_is_saved_is_read_and_what_is_not_whole_is_named() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("model");
        let labels = LabelSet::new(TagScheme::Bio, ["drug"]).unwrap();
        let vocabulary = Vocabulary::count(["a", "b"], 1, Normalisation::default());
        let rows = vocabulary.len() as i64;
        save(&folder, &7_u32, &labels, &vocabulary, &network(rows)).unwrap();
        let read = TaggerFolder::<u32>::read(&folder, "tagger").unwrap();
        assert_eq!((read.config, &read.labels, read.vocabulary.len() as i64), (7, &labels, rows));
        read.fill(&network(rows), "embedding").unwrap();
        let other = network(rows);
        let _ = other.root().parameter("more", &[1], Init::Ones).unwrap();
        let message = read.fill(&other, "embedding").unwrap_err().to_string();
        assert!(message.contains("model.safetensors") && message.contains("more"), "{message}");

        let says = |expected: &[&str]| {
            let message = match TaggerFolder::<u32>::read(&folder, "tagger") {
                Ok(read) => read.fill(&network(rows), "embedding").unwrap_err().to_string(),
                Err(error) => error.to_string(),
            };
            assert!(expected.iter().all(|part| message.contains(part)), "{message}");
        };
        let more = Vocabulary::count(["a", "b", "c"], 1, Normalisation::default());
        more.save(&folder.join(VOCABULARY)).unwrap();
        says(&["vocabulary.txt", "not of one training"]);
        fs::write(folder.join(CONFIG), "\"seven\"").unwrap();
        says(&["config.json", "damaged"]);
        fs::remove_file(folder.join(LABELS)).unwrap();
        fs::write(folder.join(CONFIG), "7").unwrap();
        says(&["labels.json", "not whole"]);
        fs::remove_file(folder.join(MODEL)).unwrap();
        says(&["tagger train --out", "--resume"]);
    }
}
