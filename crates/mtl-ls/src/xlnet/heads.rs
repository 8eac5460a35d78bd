//! The head of the language model: which piece stands at a place.

use medner_core::Result;
use medner_core::init::Init;
use medner_core::params::Scope;
use tch::{Kind, Tensor};

use super::config::XlnetConfig;
use super::model::XlnetModel;

/// `logits = W_words x + bias`; `W_words` is the encoder's word table.
pub struct XlnetLmHead {
    bias: Tensor,
}

/// Encoder and head.
pub struct XlnetForPreTraining {
    /// The encoder.
    pub transformer: XlnetModel,
    /// Its head.
    pub lm_loss: XlnetLmHead,
}

impl XlnetLmHead {
    /// Parameter `bias`.
    pub fn new(scope: &Scope<'_>, config: &XlnetConfig) -> Result<Self> {
        Ok(Self { bias: scope.parameter("bias", &[config.vocab_size], Init::Zeros)? })
    }

    /// `xs: [.., D]`, `words: [V, D]` `-> [.., V]` of f32; the product in the number type `kind`.
    pub fn forward(&self, xs: &Tensor, words: &Tensor, kind: Kind) -> Result<Tensor> {
        let (words, bias) = (words.f_to_kind(kind)?, self.bias.f_to_kind(kind)?);
        Ok(xs.f_to_kind(kind)?.f_linear(&words, Some(&bias))?.f_to_kind(Kind::Float)?)
    }
}

impl XlnetForPreTraining {
    /// Parameters `transformer.*` and `lm_loss.bias`.
    pub fn new(scope: &Scope<'_>, config: &XlnetConfig) -> Result<Self> {
        Ok(Self {
            transformer: XlnetModel::new(&(scope / "transformer"), config)?,
            lm_loss: XlnetLmHead::new(&(scope / "lm_loss"), config)?,
        })
    }
}
