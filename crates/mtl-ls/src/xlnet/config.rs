//! The sizes of an XLNet, as `config.json` of a published folder has them.

use medner_core::layers::Activation;
use medner_core::{CoreError, Result};
use serde::{Deserialize, Serialize};

/// `model_type` in `config.json`.
pub const MODEL_TYPE: &str = "xlnet";

/// What a piece may look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttentionType {
    /// Everything: fine-tuning, and pre-training under a mask of its own.
    #[default]
    Bi,
    /// What is remembered, what stands before it, and itself.
    Uni,
}

/// Keys and their meaning are those of `transformers`' XLNetConfig. The sizes have no default: a folder that leaves one out
/// is refused rather than guessed.
#[allow(clippy::struct_excessive_bools)] // The published file has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct XlnetConfig {
    /// `V`.
    pub vocab_size: i64,
    /// `D`.
    pub d_model: i64,
    /// Layers (24 in XLNet-Large, 12 in XLNet-Base).
    pub n_layer: i64,
    /// `h`.
    pub n_head: i64,
    /// `d`; `D / h` in all published models.
    pub d_head: i64,
    /// Width inside the feed-forward block.
    pub d_inner: i64,
    /// Its nonlinearity.
    #[serde(default = "gelu")]
    pub ff_activation: Activation,
    /// What a piece may look at.
    #[serde(default)]
    pub attn_type: AttentionType,
    /// Whether each layer has position and segment biases of its own. Files have them for each layer either way.
    #[serde(default = "yes")]
    pub untie_r: bool,
    /// Dropout, in training.
    #[serde(default = "tenth")]
    pub dropout: f64,
    /// Standard deviation of the initial weights.
    #[serde(default = "fiftieth")]
    pub initializer_range: f64,
    /// Added to the variance in every layer normalisation.
    #[serde(default = "tiny")]
    pub layer_norm_eps: f64,
    /// Pieces that are remembered between calls; all where none is given.
    #[serde(default)]
    pub mem_len: Option<i64>,
    /// Distances beyond this count as this; -1 for none.
    #[serde(default = "no_clamp")]
    pub clamp_len: i64,
    /// Two directions of reading in one batch; only `false` is supported.
    #[serde(default)]
    pub bi_data: bool,
    /// All pieces see as many before them; only `false` is supported.
    #[serde(default)]
    pub same_length: bool,
    /// Id of `<s>`.
    #[serde(default = "one")]
    pub bos_token_id: i64,
    /// Id of `</s>`.
    #[serde(default = "two")]
    pub eos_token_id: i64,
    /// Id of `<pad>`.
    #[serde(default = "five")]
    pub pad_token_id: i64,
    /// Whether the output layer of the language model is the word embedding; only `true` is supported.
    #[serde(default = "yes", skip_serializing)]
    pub tie_word_embeddings: bool,
}

fn gelu() -> Activation {
    Activation::Gelu
}
fn yes() -> bool {
    true
}
fn tenth() -> f64 {
    0.1
}
fn fiftieth() -> f64 {
    0.02
}
fn tiny() -> f64 {
    1e-12
}
fn no_clamp() -> i64 {
    -1
}
fn one() -> i64 {
    1
}
fn two() -> i64 {
    2
}
fn five() -> i64 {
    5
}

impl XlnetConfig {
    /// A model of `layers` layers of `width` with heads of 32 or 64, in the published proportions, over `vocabulary` entries.
    pub fn of_width(vocabulary: i64, layers: i64, width: i64) -> Self {
        let d_head = if width % 64 == 0 && width >= 512 { 64 } else { 32 };
        Self {
            vocab_size: vocabulary,
            d_model: width,
            n_layer: layers,
            n_head: (width / d_head).max(1),
            d_head,
            d_inner: 4 * width,
            ff_activation: gelu(),
            attn_type: AttentionType::Bi,
            untie_r: true,
            dropout: tenth(),
            initializer_range: fiftieth(),
            layer_norm_eps: tiny(),
            mem_len: None,
            clamp_len: no_clamp(),
            bi_data: false,
            same_length: false,
            bos_token_id: 1,
            eos_token_id: 2,
            pad_token_id: 5,
            tie_word_embeddings: true,
        }
    }

    /// XLNet-Large, which the paper fine-tunes: 24 layers of 1024 over 32,000 pieces.
    pub fn large() -> Self {
        Self::of_width(32_000, 24, 1024)
    }

    /// Refuses what no network can be built with.
    ///
    /// # Errors
    /// [`CoreError::Config`] with the key and what is allowed.
    pub fn check(&self) -> Result<()> {
        let refuse = |key: &str, message: String| Err(CoreError::Config { key: key.into(), message });
        for (key, value) in [
            ("vocab_size", self.vocab_size),
            ("d_model", self.d_model),
            ("n_layer", self.n_layer),
            ("n_head", self.n_head),
            ("d_head", self.d_head),
            ("d_inner", self.d_inner),
        ] {
            if value < 1 {
                return refuse(key, format!("{value} is not at least 1"));
            }
        }
        if self.n_head * self.d_head != self.d_model {
            let (heads, head, width) = (self.n_head, self.d_head, self.d_model);
            return refuse("n_head", format!("{heads} heads of d_head {head} do not make d_model {width}"));
        }
        if self.d_model % 2 != 0 {
            let width = self.d_model;
            return refuse("d_model", format!("{width} is odd; sines and cosines come in pairs"));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse("dropout", format!("{} is not in [0, 1)", self.dropout));
        }
        for (key, value) in
            [("initializer_range", self.initializer_range), ("layer_norm_eps", self.layer_norm_eps)]
        {
            if !(value.is_finite() && value >= 0.0) {
                return refuse(key, format!("{value} is not a number of at least 0"));
            }
        }
        for (key, value) in [
            ("bos_token_id", self.bos_token_id),
            ("eos_token_id", self.eos_token_id),
            ("pad_token_id", self.pad_token_id),
        ] {
            if !(0..self.vocab_size).contains(&value) {
                return refuse(key, format!("{value} is not below vocab_size {}", self.vocab_size));
            }
        }
        for (key, wrong) in [("bi_data", self.bi_data), ("same_length", self.same_length)] {
            if wrong {
                return refuse(key, "true is not supported".into());
            }
        }
        if !self.tie_word_embeddings {
            return refuse("tie_word_embeddings", "false is not supported".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The configuration of the published XLNet-Base, as far as it describes the network.
    const PUBLISHED: &str = r#"{
        "architectures": ["XLNetLMHeadModel"], "attn_type": "bi", "bi_data": false, "bos_token_id": 1, "clamp_len": -1,
        "d_head": 64, "d_inner": 3072, "d_model": 768, "dropout": 0.1, "end_n_top": 5, "eos_token_id": 2,
        "ff_activation": "gelu", "initializer_range": 0.02, "layer_norm_eps": 1e-12, "mem_len": null,
        "model_type": "xlnet", "n_head": 12, "n_layer": 12, "pad_token_id": 5, "reuse_len": null, "same_length": false,
        "untie_r": true, "vocab_size": 32000
    }"#;

    #[test]
    fn a_published_configuration_is_read() {
        let config: XlnetConfig = serde_json::from_str(PUBLISHED).unwrap();
        assert_eq!(config, XlnetConfig::of_width(32_000, 12, 768));
        config.check().unwrap();
        let back: XlnetConfig = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
        assert_eq!(back, config);
        let large = XlnetConfig::large();
        large.check().unwrap();
        assert_eq!((large.n_head, large.d_head, large.d_inner), (16, 64, 4096));
    }

    #[test]
    fn what_cannot_be_built_is_named() {
        let with = |change: fn(&mut XlnetConfig)| {
            let mut config = XlnetConfig::of_width(100, 2, 64);
            change(&mut config);
            config.check().err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert_eq!(with(|_| ()), "");
        assert!(with(|c| c.n_head = 5).contains("5 heads of d_head 32 do not make d_model 64"));
        assert!(with(|c| (c.d_model, c.n_head, c.d_head) = (7, 1, 7)).contains("odd"));
        assert!(with(|c| c.dropout = 1.0).contains("dropout"));
        assert!(with(|c| c.pad_token_id = 100).contains("pad_token_id"));
        assert!(with(|c| c.vocab_size = 0).contains("vocab_size"));
        assert!(with(|c| c.same_length = true).contains("same_length"));
        assert!(with(|c| c.tie_word_embeddings = false).contains("tie_word_embeddings"));
        assert!(serde_json::from_str::<XlnetConfig>("{\"vocab_size\": 3}").is_err());
        let bad = PUBLISHED.replace("\"bi\"", "\"both\"");
        assert!(serde_json::from_str::<XlnetConfig>(&bad).unwrap_err().to_string().contains("both"));
    }
}
