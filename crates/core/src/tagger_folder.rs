//! A trained tagger as a folder: what `train` writes, and `evaluate` and `predict` read.
//!
//! ```text
//! config.json        the configuration it was trained with
//! labels.json        tag scheme and entity types
//! vocabulary.txt     characters or words, one a line, in the order of their ids
//! model.safetensors  parameters and buffers
//! ```

use std::fs;
use std::path::Path;

use medner_data::vocabulary::Vocabulary;
use medner_metrics::LabelSet;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{CoreError, Result};
use crate::model_folder::{MODEL, ModelFolder, write_json};
use crate::params::Params;
use crate::tensors::{self, NamedTensors};

const CONFIG: &str = "config.json";
const LABELS: &str = "labels.json";
const VOCABULARY: &str = "vocabulary.txt";

/// What a folder holds, checked file by file; the parameters wait for the network that is built from the rest.
pub struct TaggerFolder<C> {
    /// How the tagger was trained.
    pub config: C,
    /// Its tags.
    pub labels: LabelSet,
    /// Its characters or words.
    pub vocabulary: Vocabulary,
    folder: ModelFolder,
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
    write_json(folder, CONFIG, config)?;
    write_json(folder, LABELS, labels)?;
    vocabulary.save(&folder.join(VOCABULARY))?;
    tensors::write(&folder.join(MODEL), &params.state()?)
}

impl<C: DeserializeOwned> TaggerFolder<C> {
    /// Reads a folder. `program` is the method's name, for what the errors advise.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] with the file and the remedy.
    pub fn read(folder: &Path, program: &str) -> Result<Self> {
        let folder = ModelFolder::open(folder, program)?;
        let (config, labels) = (folder.json(CONFIG)?, folder.json(LABELS)?);
        let vocabulary = folder.vocabulary(VOCABULARY)?;
        let state = folder.state()?;
        Ok(Self { config, labels, vocabulary, folder, state })
    }

    /// Gives the parameters to a network, strictly. `embedding` names the parameter with one row for each entry of the
    /// vocabulary.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] where the files are not of one training.
    pub fn fill(&self, params: &Params, embedding: &str) -> Result<()> {
        self.folder.check_rows(&self.state, embedding, VOCABULARY, self.vocabulary.len())?;
        self.folder.fill(params, &self.state)
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
