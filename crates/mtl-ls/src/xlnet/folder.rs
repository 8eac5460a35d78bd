//! Folders that `transformers` reads and writes: XLNetModel (`word_embedding...`) and XLNetLMHeadModel
//! (`transformer.word_embedding...`, `lm_loss...`).

use std::collections::BTreeMap;
use std::path::Path;

use medner_core::params::Params;
use medner_core::pretrained::{self, PretrainedFolder, Weights};
use medner_core::tensors::NamedTensors;
use medner_core::{CoreError, Result};
use serde::Serialize;

use super::config::{MODEL_TYPE, XlnetConfig};
use super::tokenizer::SPECIAL;

const ENCODER: &str = "transformer.";
const WORDS: &str = "word_embedding.weight";

/// The file with the pieces.
pub const TOKENIZER: &str = "tokenizer.json";

/// A published XLNet.
pub struct XlnetFolder {
    folder: PretrainedFolder,
    /// Its sizes.
    pub config: XlnetConfig,
}

impl XlnetFolder {
    /// Opens a folder and reads its sizes.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] and [`CoreError::Config`]: what is missing or does not fit, and the remedy.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = PretrainedFolder::open(path, MODEL_TYPE)?;
        let config: XlnetConfig = folder.config()?;
        config.check()?;
        Ok(Self { folder, config })
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Reads the encoder's parameters into the model at `prefix` of `params`. Heads of the file are left out.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`]: the file is damaged or does not fit.
    pub fn load_encoder(&self, params: &Params, prefix: &str) -> Result<()> {
        let mut weights = self.weights()?;
        weights.set_aside(|name| {
            ["lm_loss.", "sequence_summary.", "logits_proj.", "classifier."]
                .iter()
                .any(|head| name.starts_with(head))
        });
        weights.strip_prefix(ENCODER)?;
        weights.load(params, prefix)
    }

    /// Reads encoder and language model's head into an [`super::heads::XlnetForPreTraining`] at `prefix` of `params`.
    ///
    /// # Errors
    /// As [`XlnetFolder::load_encoder`].
    pub fn load_for_pretraining(&self, params: &Params, prefix: &str) -> Result<()> {
        self.weights()?.load(params, prefix)
    }

    /// The pieces' file.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] where it is not there.
    pub fn tokenizer(&self) -> Result<Vec<u8>> {
        let file = self.path().join(TOKENIZER);
        std::fs::read(&file).map_err(|error| CoreError::Pretrained {
            path: file,
            message: format!(
                "cannot be read ({error}); copy {TOKENIZER} from where the model was published (spiece.model alone is not \
                 read: `AutoTokenizer.from_pretrained(...).save_pretrained(...)` of transformers makes one of it)"
            ),
        })
    }

    /// The file's tensors, the tied one once.
    fn weights(&self) -> Result<Weights> {
        let mut weights = self.folder.weights()?;
        weights.untie("lm_loss.weight", &format!("{ENCODER}{WORDS}"))?;
        Ok(weights)
    }
}

/// `config.json` as `transformers` wants it: the sizes and what the model is.
#[derive(Serialize)]
struct SavedConfig<'a> {
    architectures: [&'a str; 1],
    model_type: &'a str,
    #[serde(flatten)]
    config: &'a XlnetConfig,
}

/// `tokenizer_config.json`: which class reads `tokenizer.json`, and what its special entries are for.
#[derive(Serialize)]
struct SavedTokenizer {
    tokenizer_class: &'static str,
    unk_token: &'static str,
    bos_token: &'static str,
    eos_token: &'static str,
    cls_token: &'static str,
    sep_token: &'static str,
    pad_token: &'static str,
    mask_token: &'static str,
    padding_side: &'static str,
}

/// Writes the parameters of an [`super::heads::XlnetForPreTraining`] (all of `parameters`, by their names) with its
/// configuration and the bytes of its `tokenizer.json`.
///
/// # Errors
/// [`CoreError::Io`].
pub fn save(folder: &Path, config: &XlnetConfig, tokenizer: &[u8], parameters: &NamedTensors) -> Result<()> {
    let saved = SavedConfig { architectures: ["XLNetLMHeadModel"], model_type: MODEL_TYPE, config };
    let class = SavedTokenizer {
        tokenizer_class: "PreTrainedTokenizerFast",
        unk_token: SPECIAL[0],
        bos_token: SPECIAL[1],
        eos_token: SPECIAL[2],
        cls_token: SPECIAL[3],
        sep_token: SPECIAL[4],
        pad_token: SPECIAL[5],
        mask_token: SPECIAL[6],
        padding_side: "left",
    };
    let mut class = serde_json::to_vec_pretty(&class)
        .map_err(|e| CoreError::Config { key: "tokenizer_config.json".into(), message: e.to_string() })?;
    class.push(b'\n');
    let files = BTreeMap::from([
        (TOKENIZER.to_owned(), tokenizer.to_vec()),
        ("tokenizer_config.json".to_owned(), class),
    ]);
    pretrained::save(folder, &saved, &files, parameters)
}
