//! Folders that `transformers` reads and writes: AlbertModel (`embeddings...`), AlbertForMaskedLM and AlbertForPreTraining
//! (`albert.embeddings...`, `predictions...`, `sop_classifier...`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use medner_core::params::Params;
use medner_core::pretrained::{self, PretrainedFolder, VOCABULARY, Weights};
use medner_core::tensors::NamedTensors;
use medner_core::{CoreError, Result};
use serde::{Deserialize, Serialize};
use tch::Device;

use super::config::{AlbertConfig, MODEL_TYPE};
use super::model::{AlbertModel, Pooler};

const TOKENIZER: &str = "tokenizer_config.json";
const ENCODER: &str = "albert.";
const WORDS: &str = "embeddings.word_embeddings.weight";
/// A buffer of old files that only counts from 0.
const POSITION_IDS: &str = "embeddings.position_ids";

/// A published ALBERT.
pub struct AlbertFolder {
    folder: PretrainedFolder,
    /// Its sizes.
    pub config: AlbertConfig,
    /// Entries of its vocabulary, in the order of their ids.
    pub vocabulary: Vec<String>,
    /// Whether letters are made small before they are looked up (`tokenizer_config.json`; without it true, as in all Chinese
    /// BERTs).
    pub lower_case: bool,
}

/// What `tokenizer_config.json` says that matters here.
#[derive(Deserialize)]
struct TokenizerConfig {
    do_lower_case: Option<bool>,
}

impl AlbertFolder {
    /// Opens a folder and reads all but the parameters.
    ///
    /// # Errors
    /// [`medner_core::CoreError::Pretrained`] and [`medner_core::CoreError::Config`]: what is missing or does not fit, and
    /// the remedy.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = PretrainedFolder::open(path, MODEL_TYPE)?;
        let config: AlbertConfig = folder.config()?;
        config.check()?;
        let vocabulary = folder.vocabulary()?;
        let file = path.join(TOKENIZER);
        let lower_case = match fs::read(&file) {
            Ok(bytes) => {
                let read: TokenizerConfig =
                    serde_json::from_slice(&bytes).map_err(|e| CoreError::Pretrained {
                        path: file,
                        message: format!("is not readable JSON ({e}); copy it again, or remove it"),
                    })?;
                read.do_lower_case.unwrap_or(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Err(error) => return Err(CoreError::io(&file)(error)),
        };
        Ok(Self { folder, config, vocabulary, lower_case })
    }

    /// Reads the encoder's parameters and checks that they fit, without keeping them.
    ///
    /// # Errors
    /// As [`AlbertFolder::load_encoder`].
    pub fn check_weights(&self) -> Result<()> {
        let params = Params::new(Device::Cpu);
        let _ = AlbertModel::new(&params.root(), &self.config, Pooler::Without)?;
        self.load_encoder(&params, "", Pooler::Without)
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Reads the encoder's parameters into the model at `prefix` of `params`. The training heads of the file are left out,
    /// and its pooler where the model has none.
    ///
    /// # Errors
    /// [`medner_core::CoreError::Pretrained`]: the file is damaged or does not fit.
    pub fn load_encoder(&self, params: &Params, prefix: &str, pooler: Pooler) -> Result<()> {
        let mut weights = self.weights()?;
        weights.set_aside(|name| name.starts_with("predictions.") || name.starts_with("sop_classifier."));
        weights.strip_prefix(ENCODER)?;
        weights.set_aside(|name| name == POSITION_IDS);
        if pooler == Pooler::Without {
            weights.set_aside(|name| name.starts_with("pooler."));
        }
        weights.load(params, prefix)
    }

    /// Reads encoder and both heads into an [`super::AlbertForPreTraining`] at `prefix` of `params`.
    ///
    /// # Errors
    /// As [`AlbertFolder::load_encoder`].
    pub fn load_for_pretraining(&self, params: &Params, prefix: &str) -> Result<()> {
        let mut weights = self.weights()?;
        weights.set_aside(|name| name.strip_prefix(ENCODER) == Some(POSITION_IDS));
        weights.load(params, prefix)
    }

    /// The file's tensors, the tied ones once.
    fn weights(&self) -> Result<Weights> {
        let mut weights = self.folder.weights()?;
        weights.untie("predictions.decoder.weight", &format!("{ENCODER}{WORDS}"))?;
        weights.untie("predictions.decoder.bias", "predictions.bias")?;
        Ok(weights)
    }
}

/// `config.json` as `transformers` wants it: the sizes, what the model is, and the entries' ids.
#[derive(Serialize)]
struct SavedConfig<'a> {
    architectures: [&'a str; 1],
    model_type: &'a str,
    bos_token_id: Option<usize>,
    eos_token_id: Option<usize>,
    #[serde(flatten)]
    config: &'a AlbertConfig,
}

/// `tokenizer_config.json`: without it `transformers` would look for the SentencePiece file of the English ALBERT.
#[derive(Serialize)]
struct SavedTokenizer {
    tokenizer_class: &'static str,
    do_lower_case: bool,
    model_max_length: i64,
}

/// Writes the parameters of an [`super::AlbertForPreTraining`] (all of `parameters`, by their names) with its configuration,
/// vocabulary and tokenizer settings.
///
/// # Errors
/// [`medner_core::CoreError::Io`], [`medner_core::CoreError::Config`] where vocabulary and configuration differ in size.
pub fn save(
    folder: &Path,
    config: &AlbertConfig,
    vocabulary: &[String],
    lower_case: bool,
    parameters: &NamedTensors,
) -> Result<()> {
    if vocabulary.len() as i64 != config.vocab_size {
        return Err(CoreError::Config {
            key: "vocab_size".into(),
            message: format!("is {}, but the vocabulary has {} entries", config.vocab_size, vocabulary.len()),
        });
    }
    let id = |entry: &str| vocabulary.iter().position(|v| v == entry);
    let saved = SavedConfig {
        architectures: ["AlbertForPreTraining"],
        model_type: MODEL_TYPE,
        bos_token_id: id("[CLS]"),
        eos_token_id: id("[SEP]"),
        config,
    };
    let tokenizer = SavedTokenizer {
        tokenizer_class: "BertTokenizer",
        do_lower_case: lower_case,
        model_max_length: config.max_position_embeddings,
    };
    let mut tokenizer = serde_json::to_vec_pretty(&tokenizer)
        .map_err(|e| CoreError::Config { key: "tokenizer_config.json".into(), message: e.to_string() })?;
    tokenizer.push(b'\n');
    let mut entries = vocabulary.join("\n").into_bytes();
    entries.push(b'\n');
    let files = BTreeMap::from([(VOCABULARY.to_owned(), entries), (TOKENIZER.to_owned(), tokenizer)]);
    pretrained::save(folder, &saved, &files, parameters)
}
