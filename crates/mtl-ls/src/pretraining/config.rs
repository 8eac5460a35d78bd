//! Everything that a pre-training can set.

use std::path::PathBuf;

use medner_core::{CoreError, Result};
use medner_training::pretraining::config::{TrainingConfig, check_sequences};
use serde::{Deserialize, Serialize};

use crate::xlnet::XlnetConfig;

/// The configuration of a pre-training. The default is a small encoder for one processor core and an hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainingConfig {
    /// Folder of a published XLNet to go on from, with its sizes and its vocabulary; null: random values.
    pub start: Option<PathBuf>,
    /// Sizes of the encoder, where it starts from random values.
    pub encoder: EncoderConfig,
    /// Where the pieces come from, where it starts from random values.
    pub vocabulary: VocabularyConfig,
    /// How text becomes sequences.
    pub sequences: SequenceConfig,
    /// What is to be found.
    pub spans: SpanConfig,
    /// How the encoder is trained; with `epochs: 0` it keeps the values that it starts from.
    pub training: TrainingConfig,
}

/// Sizes of the encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncoderConfig {
    /// Layers.
    pub layers: i64,
    /// Width, `D`.
    pub width: i64,
    /// Attention heads.
    pub heads: i64,
    /// Width inside the feed-forward block.
    pub inner: i64,
    /// Dropout, in this training and, unless they say otherwise, in those that start from it.
    pub dropout: f64,
}

/// Where the pieces come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VocabularyConfig {
    /// `xlnet`: the 32,000 pieces of the published XLNets, from the catalogue. `text`: words and characters of the text itself.
    /// Else the path of a `tokenizer.json`.
    pub source: String,
    /// Keep only the pieces that occur in the text (besides the special ones and single characters): the output layer and the
    /// word table shrink to what can be learned.
    pub trim: bool,
    /// Occurrences in the text below which a piece is trimmed, or a word of the text is none.
    pub min_count: u64,
}

/// How text becomes sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SequenceConfig {
    /// Pieces of a sequence at most, `<sep>` and `<cls>` included.
    pub max_length: usize,
    /// Share of each text, the last documents, that is held out to measure perplexity.
    pub held_out: f64,
}

/// What is to be found (Yang et al. 2019, sections 2.3 and 3.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpanConfig {
    /// `K`: one piece of so many is to be found.
    pub one_in: usize,
    /// Longest span of neighbours; n is drawn with p(n) = (1/n) / sum over k of (1/k).
    pub longest: usize,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self { layers: 4, width: 128, heads: 4, inner: 512, dropout: 0.1 }
    }
}

impl Default for VocabularyConfig {
    fn default() -> Self {
        Self { source: "xlnet".into(), trim: true, min_count: 1 }
    }
}

impl Default for SequenceConfig {
    fn default() -> Self {
        Self { max_length: 128, held_out: 0.01 }
    }
}

impl Default for SpanConfig {
    fn default() -> Self {
        Self { one_in: 6, longest: 5 }
    }
}

impl EncoderConfig {
    /// The model's own configuration.
    pub fn xlnet(&self, vocabulary: usize) -> XlnetConfig {
        XlnetConfig {
            n_head: self.heads,
            d_head: self.width / self.heads.max(1),
            d_inner: self.inner,
            dropout: self.dropout,
            ..XlnetConfig::of_width(vocabulary as i64, self.layers, self.width)
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
        self.encoder.xlnet(16).check().map_err(|error| match error {
            CoreError::Config { key, message } => {
                // The encoder's own file has Hugging Face's names.
                let key = match key.as_str() {
                    "d_model" => "width",
                    "n_layer" => "layers",
                    "n_head" | "d_head" => "heads",
                    "d_inner" => "inner",
                    other => other,
                };
                CoreError::Config { key: format!("encoder.{key}"), message }
            }
            other => other,
        })?;
        check_sequences(self.sequences.max_length, self.sequences.held_out)?;
        for (key, value, least) in
            [("spans.one_in", self.spans.one_in, 2), ("spans.longest", self.spans.longest, 1)]
        {
            if value < least {
                return refuse(key, format!("must be at least {least}"));
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
        assert_eq!(with(|c| c.training.epochs = 0), "");
        assert!(with(|c| c.encoder.heads = 3).starts_with("encoder.heads"));
        assert!(with(|c| c.sequences.max_length = 5).starts_with("sequences.max_length"));
        assert!(with(|c| c.sequences.held_out = 0.7).starts_with("sequences.held_out"));
        assert!(with(|c| c.spans.one_in = 1).contains("at least 2"));
        assert!(with(|c| c.spans.longest = 0).starts_with("spans.longest"));
    }
}
