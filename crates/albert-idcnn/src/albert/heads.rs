//! What stands on the encoder in pre-training: which piece was hidden here, and are the two segments in their order?

use medner_core::Result;
use medner_core::init::Init;
use medner_core::layers::{Activation, LayerNorm, Linear, hashed_dropout};
use medner_core::params::Scope;
use tch::{Kind, Tensor};

use super::config::AlbertConfig;
use super::model::{AlbertInput, AlbertModel, Pooler};

/// `logits = W_words LayerNorm(GELU(W x)) + bias`; `W_words` is the encoder's word table.
pub struct MaskedLmHead {
    dense: Linear,
    norm: LayerNorm,
    bias: Tensor,
    activation: Activation,
}

impl MaskedLmHead {
    /// Parameters `LayerNorm`, `bias`, `dense`.
    pub fn new(scope: &Scope<'_>, config: &AlbertConfig) -> Result<Self> {
        let (width, narrow) = (config.hidden_size, config.embedding_size);
        Ok(Self {
            norm: LayerNorm::new(&(scope / "LayerNorm"), narrow, config.layer_norm_eps)?,
            bias: scope.parameter("bias", &[config.vocab_size], Init::Zeros)?,
            dense: Linear::normal(&(scope / "dense"), width, narrow, config.initializer_range)?,
            activation: config.hidden_act,
        })
    }

    /// `xs: [.., H]`, `words: [V, E]` `-> [.., V]` of f32; the products in the number type `kind`.
    pub fn forward(&self, xs: &Tensor, words: &Tensor, kind: Kind) -> Result<Tensor> {
        let narrow = self.activation.of_linear(&self.dense, &xs.f_to_kind(kind)?)?;
        let narrow = self.norm.forward(&narrow)?.f_to_kind(kind)?;
        let logits = narrow.f_linear(&words.f_to_kind(kind)?, Some(&self.bias.f_to_kind(kind)?))?;
        Ok(logits.f_to_kind(Kind::Float)?)
    }
}

/// Two logits from the vector of the sequence: in order (0), swapped (1).
pub struct SentenceOrderHead {
    classifier: Linear,
    dropout: f64,
}

impl SentenceOrderHead {
    /// Parameters `classifier`.
    pub fn new(scope: &Scope<'_>, config: &AlbertConfig) -> Result<Self> {
        let scope = scope / "classifier";
        Ok(Self {
            classifier: Linear::normal(&scope, config.hidden_size, 2, config.initializer_range)?,
            dropout: config.classifier_dropout_prob,
        })
    }

    /// `pooled: [B, H] -> [B, 2]`
    pub fn forward(&self, pooled: &Tensor, train: bool) -> Result<Tensor> {
        self.classifier.forward(&hashed_dropout(pooled, self.dropout, train)?)
    }
}

/// Encoder and both heads.
pub struct AlbertForPreTraining {
    /// The encoder, with its pooler.
    pub albert: AlbertModel,
    /// Which piece was hidden.
    pub predictions: MaskedLmHead,
    /// In which order the segments are.
    pub sop_classifier: SentenceOrderHead,
}

/// What the heads say at chosen positions.
pub struct PreTrainingOutput {
    /// `[B, P, V]`
    pub prediction_logits: Tensor,
    /// `[B, 2]`
    pub sop_logits: Tensor,
}

impl AlbertForPreTraining {
    /// Parameters `albert.*`, `predictions.*`, `sop_classifier.*`.
    pub fn new(scope: &Scope<'_>, config: &AlbertConfig) -> Result<Self> {
        Ok(Self {
            albert: AlbertModel::new(&(scope / "albert"), config, Pooler::With)?,
            predictions: MaskedLmHead::new(&(scope / "predictions"), config)?,
            sop_classifier: SentenceOrderHead::new(&(scope / "sop_classifier"), config)?,
        })
    }

    /// The logits of `positions: [B, P]` of i64, and of the order of the segments. Only these positions are computed in the
    /// last layer and go through the wide output layer.
    ///
    /// # Errors
    /// As [`AlbertModel::forward`].
    pub fn forward(
        &self,
        input: AlbertInput<'_>,
        positions: &Tensor,
        train: bool,
    ) -> Result<PreTrainingOutput> {
        // [CLS] in front, for the pooler.
        let with_first = positions.f_constant_pad_nd([1, 0])?;
        let hidden = self.albert.forward_at(input, &with_first, train)?;
        let chosen = hidden.f_narrow(1, 1, positions.size()[1])?;
        let pooled = self.albert.pool(&hidden.f_select(1, 0)?)?;
        Ok(PreTrainingOutput {
            prediction_logits: self.predictions.forward(&chosen, self.albert.words(), self.albert.kind())?,
            sop_logits: self.sop_classifier.forward(&pooled, train)?,
        })
    }
}
