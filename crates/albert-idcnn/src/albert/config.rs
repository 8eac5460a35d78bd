//! The sizes of an ALBERT, as `config.json` of a published folder has them.

use medner_core::layers::Activation;
use medner_core::{CoreError, Result};
use serde::{Deserialize, Serialize};

/// `model_type` in `config.json`.
pub const MODEL_TYPE: &str = "albert";

/// Keys and their meaning are those of `transformers`' AlbertConfig. The sizes have no default: a folder that leaves one out is
/// refused rather than guessed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlbertConfig {
    /// `V`.
    pub vocab_size: i64,
    /// `E`.
    pub embedding_size: i64,
    /// `H`.
    pub hidden_size: i64,
    /// Times that a layer is applied (12 in ALBERT-base, 4 in the Chinese ALBERT-tiny).
    pub num_hidden_layers: i64,
    /// Sets of weights; the layers are divided among them in order. 1: all layers share one.
    #[serde(default = "one")]
    pub num_hidden_groups: i64,
    /// Layers with weights of their own inside a group, all applied each time.
    #[serde(default = "one")]
    pub inner_group_num: i64,
    /// `h`.
    pub num_attention_heads: i64,
    /// Width inside the feed-forward block.
    pub intermediate_size: i64,
    /// Its nonlinearity.
    #[serde(default = "gelu_new")]
    pub hidden_act: Activation,
    /// Dropout after the embedding and after each attention, in training.
    #[serde(default)]
    pub hidden_dropout_prob: f64,
    /// Dropout of the attention weights, in training.
    #[serde(default)]
    pub attention_probs_dropout_prob: f64,
    /// Dropout before the sentence-order classifier, in training.
    #[serde(default = "tenth")]
    pub classifier_dropout_prob: f64,
    /// Greatest `T`.
    pub max_position_embeddings: i64,
    /// Segments.
    #[serde(default = "two")]
    pub type_vocab_size: i64,
    /// Standard deviation of the initial weights.
    #[serde(default = "fiftieth")]
    pub initializer_range: f64,
    /// Added to the variance in every layer normalisation.
    #[serde(default = "tiny")]
    pub layer_norm_eps: f64,
    /// Id of the padding entry, whose row gets no gradient from look-ups.
    #[serde(default)]
    pub pad_token_id: i64,
    /// How positions are told; only `absolute` (a learned table) exists for ALBERT's published weights.
    #[serde(default = "absolute", skip_serializing)]
    pub position_embedding_type: String,
    /// Whether the output layer of the masked language model is the word embedding; only `true` is supported.
    #[serde(default = "yes", skip_serializing)]
    pub tie_word_embeddings: bool,
}

fn one() -> i64 {
    1
}
fn two() -> i64 {
    2
}
fn gelu_new() -> Activation {
    Activation::GeluNew
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
fn absolute() -> String {
    "absolute".into()
}
fn yes() -> bool {
    true
}

impl AlbertConfig {
    /// The published Chinese ALBERT-tiny's shape (4 layers of 312) over a vocabulary of `vocab_size`.
    pub fn tiny(vocab_size: i64) -> Self {
        Self {
            vocab_size,
            embedding_size: 128,
            hidden_size: 312,
            num_hidden_layers: 4,
            num_hidden_groups: 1,
            inner_group_num: 1,
            num_attention_heads: 12,
            intermediate_size: 1248,
            hidden_act: Activation::Gelu,
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            classifier_dropout_prob: tenth(),
            max_position_embeddings: 512,
            type_vocab_size: 2,
            initializer_range: fiftieth(),
            layer_norm_eps: tiny(),
            pad_token_id: 0,
            position_embedding_type: absolute(),
            tie_word_embeddings: true,
        }
    }

    /// `d`, the width of a head.
    pub fn head_width(&self) -> i64 {
        self.hidden_size / self.num_attention_heads
    }

    /// The set of weights that layer `layer` (from 0) uses.
    pub fn group_of(&self, layer: i64) -> i64 {
        layer * self.num_hidden_groups / self.num_hidden_layers
    }

    /// Refuses what no network can be built with.
    ///
    /// # Errors
    /// [`CoreError::Config`] with the key and what is allowed.
    pub fn check(&self) -> Result<()> {
        let refuse = |key: &str, message: String| Err(CoreError::Config { key: key.into(), message });
        for (key, value) in [
            ("vocab_size", self.vocab_size),
            ("embedding_size", self.embedding_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_hidden_groups", self.num_hidden_groups),
            ("inner_group_num", self.inner_group_num),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ] {
            if value < 1 {
                return refuse(key, format!("{value} is not at least 1"));
            }
        }
        if self.hidden_size % self.num_attention_heads != 0 {
            let (heads, width) = (self.num_attention_heads, self.hidden_size);
            return refuse("num_attention_heads", format!("{heads} does not divide hidden_size {width}"));
        }
        if self.num_hidden_groups > self.num_hidden_layers {
            let (groups, layers) = (self.num_hidden_groups, self.num_hidden_layers);
            return refuse("num_hidden_groups", format!("{groups} sets of weights for {layers} layers"));
        }
        for (key, value) in [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            ("attention_probs_dropout_prob", self.attention_probs_dropout_prob),
            ("classifier_dropout_prob", self.classifier_dropout_prob),
        ] {
            if !(0.0..1.0).contains(&value) {
                return refuse(key, format!("{value} is not in [0, 1)"));
            }
        }
        for (key, value) in
            [("initializer_range", self.initializer_range), ("layer_norm_eps", self.layer_norm_eps)]
        {
            if !(value.is_finite() && value >= 0.0) {
                return refuse(key, format!("{value} is not a number of at least 0"));
            }
        }
        if !(0..self.vocab_size).contains(&self.pad_token_id) {
            let (pad, size) = (self.pad_token_id, self.vocab_size);
            return refuse("pad_token_id", format!("{pad} is not below vocab_size {size}"));
        }
        if self.position_embedding_type != "absolute" {
            let found = &self.position_embedding_type;
            return refuse(
                "position_embedding_type",
                format!("`{found}` is not supported; only `absolute` is"),
            );
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

    /// The configuration of the published Chinese ALBERT-tiny, as far as it describes the network.
    const PUBLISHED: &str = r#"{
        "architectures": ["AlbertForMaskedLM"], "attention_probs_dropout_prob": 0.0, "down_scale_factor": 1,
        "embedding_size": 128, "gap_size": 0, "hidden_act": "gelu", "hidden_dropout_prob": 0.0, "hidden_size": 312,
        "initializer_range": 0.02, "inner_group_num": 1, "intermediate_size": 1248, "layer_norm_eps": 1e-12,
        "max_position_embeddings": 512, "model_type": "albert", "num_attention_heads": 12, "num_hidden_groups": 1,
        "num_hidden_layers": 4, "num_memory_blocks": 0, "pad_token_id": 0, "type_vocab_size": 2, "vocab_size": 21128
    }"#;

    #[test]
    fn a_published_configuration_is_read() {
        let config: AlbertConfig = serde_json::from_str(PUBLISHED).unwrap();
        assert_eq!(config, AlbertConfig::tiny(21128));
        config.check().unwrap();
        let back: AlbertConfig = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
        assert_eq!(back, config);
    }

    #[test]
    fn layers_are_divided_among_the_groups() {
        let config = AlbertConfig { num_hidden_layers: 5, num_hidden_groups: 2, ..AlbertConfig::tiny(10) };
        let groups: Vec<i64> = (0..5).map(|layer| config.group_of(layer)).collect();
        assert_eq!(groups, [0, 0, 0, 1, 1]);
    }

    #[test]
    fn what_cannot_be_built_is_named() {
        let with = |change: fn(&mut AlbertConfig)| {
            let mut config = AlbertConfig::tiny(100);
            change(&mut config);
            config.check().err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert_eq!(with(|_| ()), "");
        assert!(with(|c| c.num_attention_heads = 5).contains("5 does not divide hidden_size 312"));
        assert!(with(|c| c.num_hidden_groups = 5).contains("num_hidden_groups"));
        assert!(with(|c| c.hidden_dropout_prob = 1.0).contains("hidden_dropout_prob"));
        assert!(with(|c| c.pad_token_id = 100).contains("pad_token_id"));
        assert!(with(|c| c.vocab_size = 0).contains("vocab_size"));
        assert!(with(|c| c.position_embedding_type = "relative_key".into()).contains("relative_key"));
        assert!(with(|c| c.tie_word_embeddings = false).contains("tie_word_embeddings"));
        assert!(serde_json::from_str::<AlbertConfig>("{\"vocab_size\": 3}").is_err());
    }
}
