//! The self-attention of ASAIBC.
//!
//! The paper gives an attention weight `A_i` to the i-th feature `f_i` from a weight `w_f` and an offset `b_f`, and takes the
//! matrix `att` that comes out as the input of its IndRNN. Both formulas are missing from the text. [`FeatureAttention`] is
//! what the text supports:
//!
//! ```text
//! A_i   = exp(s_i) / sum_j exp(s_j),    s_i = tanh(w_f . f_i + b_f),    over the n tokens of the sentence
//! att_i = n A_i f_i
//! ```
//!
//! Differences from the paper, each a setting of [`SelfAttentionConfig`]:
//! - The hyperbolic tangent is ours: without it `b_f` would cancel out of the softmax.
//! - The factor `n` is ours: equal weights leave the features as they are, whatever the sentence's length. `rescale: false`
//!   takes it out.
//! - "Self-attention that captures the overall dependence of the whole sentence" may as well mean the scaled dot product of
//!   Vaswani et al. (2017): `kind: dot-product`, a [`MultiHeadAttention`].

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{Batch, Linear, MultiHeadAttention, dropout, expect_last};
use crate::error::Result;
use crate::params::Scope;

/// Which self-attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionKind {
    /// One weight a token: [`FeatureAttention`].
    #[default]
    Feature,
    /// One weight a pair of tokens: [`MultiHeadAttention`].
    DotProduct,
}

/// The self-attention and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelfAttentionConfig {
    /// Which of the two.
    pub kind: AttentionKind,
    /// Whether feature attention multiplies with the number of tokens.
    pub rescale: bool,
    /// Heads of the dot product.
    pub heads: i64,
    /// Dropout of the attention weights in training.
    pub dropout: f64,
}

impl Default for SelfAttentionConfig {
    fn default() -> Self {
        Self { kind: AttentionKind::Feature, rescale: true, heads: 1, dropout: 0.0 }
    }
}

/// Either attention, chosen by configuration.
pub enum SelfAttention {
    /// [`AttentionKind::Feature`].
    Feature(FeatureAttention),
    /// [`AttentionKind::DotProduct`].
    DotProduct(MultiHeadAttention),
}

impl SelfAttention {
    /// The attention of this configuration over vectors of `width`.
    ///
    /// # Errors
    /// What the attention's own `new` refuses.
    pub fn new(scope: &Scope<'_>, width: i64, config: &SelfAttentionConfig) -> Result<Self> {
        Ok(match config.kind {
            AttentionKind::Feature => {
                Self::Feature(FeatureAttention::new(scope, width, config.rescale, config.dropout)?)
            }
            AttentionKind::DotProduct => {
                Self::DotProduct(MultiHeadAttention::new(scope, width, config.heads, config.dropout)?)
            }
        })
    }

    /// `xs: [B, T, D] -> [B, T, D]`
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn forward(&self, xs: &Tensor, batch: &Batch, train: bool) -> Result<Tensor> {
        match self {
            Self::Feature(attention) => attention.forward(xs, &batch.mask, train),
            Self::DotProduct(attention) => attention.forward(xs, &batch.mask, train),
        }
    }
}

/// One weight a token, see the [module](self).
pub struct FeatureAttention {
    score: Linear,
    width: i64,
    rescale: bool,
    dropout: f64,
}

impl FeatureAttention {
    /// Parameters `score.weight [1, width]` (`w_f`) and `score.bias [1]` (`b_f`).
    ///
    /// # Errors
    /// What [`Scope::parameter`] refuses.
    pub fn new(scope: &Scope<'_>, width: i64, rescale: bool, dropout: f64) -> Result<Self> {
        Ok(Self { score: Linear::new(&(scope / "score"), width, 1)?, width, rescale, dropout })
    }

    /// `xs: [B, T, D] -> [B, T, D]`; `mask: [B, T]` is true at tokens; 0 in the padding.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn forward(&self, xs: &Tensor, mask: &Tensor, train: bool) -> Result<Tensor> {
        let weights = dropout(&self.weights(xs, mask)?, self.dropout, train)?.f_unsqueeze(-1)?;
        let ys = xs.f_mul(&weights)?;
        if !self.rescale {
            return Ok(ys);
        }
        let tokens = mask.f_sum_dim_intlist(1, true, xs.kind())?;
        Ok(ys.f_mul(&tokens.f_unsqueeze(-1)?)?)
    }

    /// `A`: `[B, T]`, sums to 1 over a sentence's tokens; 0 in the padding.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn weights(&self, xs: &Tensor, mask: &Tensor) -> Result<Tensor> {
        expect_last("input of a feature attention", xs, "B, T, D", self.width)?;
        let padding = mask.f_logical_not()?;
        let scores = self.score.forward(xs)?.f_squeeze_dim(-1)?.f_tanh()?;
        // A finite bound instead of minus infinity: a sentence without tokens stays a sentence of numbers.
        let weights = scores.f_masked_fill(&padding, -1e9)?.f_softmax(-1, xs.kind())?;
        Ok(weights.f_masked_fill(&padding, 0.0)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tch::{Device, Kind};

    use super::*;
    use crate::params::Params;

    fn batch_of(lengths: &[usize]) -> Batch {
        Batch::new(&lengths.iter().map(|&n| vec![1_u32; n]).collect::<Vec<_>>(), Device::Cpu).unwrap()
    }

    fn largest(t: &Tensor) -> f64 {
        t.abs().max().double_value(&[])
    }

    #[test]
    fn weights_are_a_distribution_over_the_sentence() {
        tch::manual_seed(1);
        let params = Params::new(Device::Cpu);
        let attention = FeatureAttention::new(&params.root(), 4, true, 0.0).unwrap();
        let batch = batch_of(&[3, 8, 0]);
        let xs = Tensor::randn([3, 8, 4], (Kind::Float, Device::Cpu));
        let weights = attention.weights(&xs, &batch.mask).unwrap();
        let sums = Vec::<f32>::try_from(weights.sum_dim_intlist(1, false, Kind::Float)).unwrap();
        for (sum, expected) in sums.iter().zip([1.0, 1.0, 0.0]) {
            assert!((sum - expected).abs() < 1e-6, "{sums:?}");
        }
        assert_eq!(largest(&weights.get(0).narrow(0, 3, 5)), 0.0);
        let ys = attention.forward(&xs, &batch.mask, true).unwrap();
        assert_eq!(largest(&ys.get(0).narrow(0, 3, 5)), 0.0);
        assert_eq!(largest(&ys.get(2)), 0.0);
    }

    #[test]
    fn equal_weights_leave_the_features_as_they_are() {
        let params = Params::new(Device::Cpu);
        let attention = FeatureAttention::new(&params.root(), 4, true, 0.0).unwrap();
        let _ = tch::no_grad(|| params.get("score.weight").unwrap().zero_());
        let batch = batch_of(&[5, 8]);
        let xs = Tensor::randn([2, 8, 4], (Kind::Float, Device::Cpu));
        let ys = attention.forward(&xs, &batch.mask, false).unwrap();
        let tokens = batch.mask.unsqueeze(-1);
        assert!(largest(&(ys - &xs * tokens)) < 1e-6);
    }

    #[test]
    fn either_attention_is_chosen_by_configuration_and_ignores_the_batch() {
        for kind in ["feature", "dot-product"] {
            tch::manual_seed(2);
            let text = format!(r#"{{"kind": "{kind}", "heads": 2}}"#);
            let config: SelfAttentionConfig = serde_json::from_str(&text).unwrap();
            let params = Params::new(Device::Cpu);
            let attention = SelfAttention::new(&params.root(), 4, &config).unwrap();
            assert_eq!(params.get("score.weight").is_some(), kind == "feature");
            let xs = Tensor::randn([2, 16, 4], (Kind::Float, Device::Cpu));
            let together = attention.forward(&xs, &batch_of(&[5, 16]), false).unwrap();
            let alone =
                attention.forward(&xs.narrow(0, 0, 1).narrow(1, 0, 8), &batch_of(&[5]), false).unwrap();
            let difference = together.get(0).narrow(0, 0, 5) - alone.get(0).narrow(0, 0, 5);
            assert!(largest(&difference) < 1e-6, "{kind}");
            let wrong = attention.forward(&xs.narrow(2, 0, 3), &batch_of(&[5, 16]), false);
            assert!(wrong.unwrap_err().to_string().contains("[B, T, D] with the last 4"));
        }
    }
}
