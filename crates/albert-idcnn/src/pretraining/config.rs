//! Everything that a pre-training can set.

use std::path::PathBuf;

use medner_core::layers::Activation;
use medner_core::{CoreError, Result};
use medner_data::cbow::CbowConfig;
use medner_training::pretraining::config::{TrainingConfig, check_sequences};
use serde::{Deserialize, Serialize};

use crate::albert::{AlbertConfig, TokenizerMode};

/// The configuration of a pre-training. The default is a small encoder for one processor core and an hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainingConfig {
    /// Folder of an ALBERT with its training heads to go on from, with its sizes and its vocabulary: more epochs on the text
    /// that one cares for (Gururangan et al. 2020, "domain-adaptive pre-training"); null: random values.
    pub start: Option<PathBuf>,
    /// Sizes of the encoder, where it starts from random values.
    pub encoder: EncoderConfig,
    /// Names of data sets in the catalogue whose training splits are read as text; `pretrain` reads them where neither `--text` nor
    /// `--data` names any.
    pub texts: Vec<String>,
    /// How text becomes pieces; of one that goes on, only `mode`.
    pub vocabulary: VocabularyConfig,
    /// Vectors of the pieces that the word table begins with (their width and seed are the encoder's), where it starts from
    /// random values; left out: random ones.
    pub word_vectors: Option<CbowConfig>,
    /// How text becomes sequences.
    pub sequences: SequenceConfig,
    /// Which pieces are hidden.
    pub masking: MaskingConfig,
    /// How the encoder is trained.
    pub training: TrainingConfig,
}

/// Sizes of the encoder; vocabulary and positions follow from the text and the sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncoderConfig {
    /// Width of the embedding, `E`.
    pub embedding_size: i64,
    /// Width of the layers, `H`.
    pub hidden_size: i64,
    /// Times that the shared layer is applied.
    pub layers: i64,
    /// Attention heads.
    pub heads: i64,
    /// Width inside the feed-forward block.
    pub intermediate_size: i64,
    /// Its nonlinearity.
    pub activation: Activation,
    /// Dropout everywhere: after the embedding and each attention, of the attention weights, before the order classifier. ALBERT's published models have none: no
    /// pass over the text repeats a mask.
    pub dropout: f64,
    /// Standard deviation of the random values. The published 0.02 belongs to layers of 768 and more; a narrow layer passes on the
    /// same share of its input with `0.02 sqrt(768 / H)`.
    pub initializer_range: f64,
    /// What positions and attention begin with.
    pub positions: Positions,
}

/// What positions and attention begin with; all of it is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Positions {
    /// Random values, as ALBERT's.
    Random,
    /// Heads that look at one neighbour each ([`super::neighbours`]).
    Neighbours,
}

/// Where the pieces come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VocabularyConfig {
    /// `albert-zh`: the 21,128 entries of the Chinese BERTs, from the catalogue. `characters`: the characters of the text
    /// itself. Else the path of a `vocab.txt`.
    pub source: String,
    /// Whether each character is a piece, or BERT's word pieces are.
    pub mode: TokenizerMode,
    /// Whether letters are made small and lose their accents, as the Chinese BERTs have it.
    pub lower_case: bool,
    /// Keep only the entries that occur in the text (and the special ones): the output layer and the word table shrink to
    /// what can be learned.
    pub trim: bool,
    /// Occurrences in the text below which an entry is trimmed.
    pub min_count: u64,
}

/// How text becomes sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SequenceConfig {
    /// Pieces of a sequence at most, `[CLS]` and two `[SEP]` included; also the encoder's number of positions.
    pub max_length: usize,
    /// Share of the windows that are cut short at random, so that short sentences are no surprise (BERT: 0.1).
    pub short: f64,
    /// Share of each text, the last documents, that is held out to measure perplexity.
    pub held_out: f64,
}

/// Which pieces are hidden (Lan et al. 2020, section 4.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskingConfig {
    /// Share of a sequence's pieces that are to be found.
    pub share: f64,
    /// Longest n-gram; n is drawn with p(n) = (1/n) / sum over k of (1/k).
    pub max_ngram: usize,
    /// Of the pieces to be found, the share that is replaced by `[MASK]`.
    pub mask: f64,
    /// The share replaced by a random piece; the rest stays.
    pub random: f64,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self {
            embedding_size: 128,
            hidden_size: 256,
            layers: 4,
            heads: 4,
            intermediate_size: 1024,
            activation: Activation::GeluNew,
            dropout: 0.0,
            initializer_range: 0.035,
            positions: Positions::Neighbours,
        }
    }
}

impl Default for VocabularyConfig {
    fn default() -> Self {
        Self {
            source: "albert-zh".into(),
            mode: TokenizerMode::Character,
            lower_case: true,
            trim: true,
            min_count: 2,
        }
    }
}

impl Default for SequenceConfig {
    fn default() -> Self {
        Self { max_length: 128, short: 0.1, held_out: 0.01 }
    }
}

impl Default for MaskingConfig {
    fn default() -> Self {
        Self { share: 0.15, max_ngram: 3, mask: 0.8, random: 0.1 }
    }
}

impl EncoderConfig {
    /// The model's own configuration.
    pub fn albert(&self, vocabulary: usize, positions: usize) -> AlbertConfig {
        AlbertConfig {
            embedding_size: self.embedding_size,
            hidden_size: self.hidden_size,
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            intermediate_size: self.intermediate_size,
            hidden_act: self.activation,
            hidden_dropout_prob: self.dropout,
            attention_probs_dropout_prob: self.dropout,
            classifier_dropout_prob: self.dropout,
            max_position_embeddings: positions as i64,
            initializer_range: self.initializer_range,
            ..AlbertConfig::tiny(vocabulary as i64)
        }
    }
}

impl PretrainingConfig {
    /// Refuses what cannot be done.
    ///
    /// # Errors
    /// [`CoreError::Config`] with the dotted key and what is allowed.
    pub fn check(&self) -> Result<()> {
        let refuse = |key: &str, message: String| Err(CoreError::Config { key: key.into(), message });
        self.encoder.albert(8, self.sequences.max_length.max(1)).check().map_err(|error| match error {
            CoreError::Config { key, message } => {
                // The encoder's own file has Hugging Face's names.
                let key = match key.as_str() {
                    "num_hidden_layers" => "layers",
                    "num_attention_heads" => "heads",
                    "hidden_dropout_prob" | "attention_probs_dropout_prob" | "classifier_dropout_prob" => {
                        "dropout"
                    }
                    other => other,
                };
                CoreError::Config { key: format!("encoder.{key}"), message }
            }
            other => other,
        })?;
        check_sequences(self.sequences.max_length, self.sequences.held_out)?;
        for (key, value, least) in [
            ("sequences.short", self.sequences.short, 0.0),
            ("masking.share", self.masking.share, f64::MIN_POSITIVE),
            ("masking.mask", self.masking.mask, 0.0),
            ("masking.random", self.masking.random, 0.0),
        ] {
            if !(least..=1.0).contains(&value) {
                let from = if least > 0.0 { "above 0" } else { "of 0 or more" };
                return refuse(key, format!("{value} is not a share {from} and at most 1"));
            }
        }
        if self.masking.mask + self.masking.random > 1.0 + 1e-9 {
            let sum = self.masking.mask + self.masking.random;
            return refuse("masking.random", format!("with masking.mask it makes {sum}, more than 1"));
        }
        for (key, wrong) in [
            ("masking.max_ngram", self.masking.max_ngram == 0),
            ("training.epochs", self.training.epochs == 0),
        ] {
            if wrong {
                return refuse(key, "must be at least 1".into());
            }
        }
        self.training.check()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_done_is_named() {
        let with = |change: fn(&mut PretrainingConfig)| {
            let mut config = PretrainingConfig::default();
            change(&mut config);
            config.check().err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert_eq!(with(|_| ()), "");
        assert!(with(|c| c.encoder.heads = 3).starts_with("encoder.heads"));
        assert!(with(|c| c.sequences.max_length = 5).starts_with("sequences.max_length"));
        assert!(with(|c| c.masking.share = 0.0).starts_with("masking.share"));
        assert!(with(|c| c.masking.random = 0.3).contains("more than 1"));
        assert!(with(|c| c.masking.max_ngram = 0).starts_with("masking.max_ngram"));
        assert!(with(|c| c.training.epochs = 0).starts_with("training.epochs"));
        assert!(with(|c| c.sequences.held_out = 0.7).starts_with("sequences.held_out"));
    }
}
