//! A layer: relative attention, then the feed-forward block.

use medner_core::Result;
use medner_core::layers::{Activation, LayerNorm, Linear, hashed_dropout};
use medner_core::params::Scope;
use medner_core::recompute::recompute;
use tch::Tensor;

use super::attention::{Pass, RelativeAttention};
use super::config::XlnetConfig;

/// Attention, then `LayerNorm(a + dropout(W_2 dropout(GELU(W_1 a))))`, for one or both streams.
pub struct XlnetLayer {
    attention: RelativeAttention,
    inner: Linear,
    output: Linear,
    activation: Activation,
    norm: LayerNorm,
    dropout: f64,
}

impl XlnetLayer {
    /// Parameters `rel_attn.*`, `ff.layer_1`, `ff.layer_2`, `ff.layer_norm`.
    pub fn new(scope: &Scope<'_>, config: &XlnetConfig) -> Result<Self> {
        let (width, std) = (config.d_model, config.initializer_range);
        let ff = scope / "ff";
        Ok(Self {
            attention: RelativeAttention::new(&(scope / "rel_attn"), config)?,
            inner: Linear::normal(&(&ff / "layer_1"), width, config.d_inner, std)?,
            output: Linear::normal(&(&ff / "layer_2"), config.d_inner, width, std)?,
            activation: config.ff_activation,
            norm: LayerNorm::new(&(&ff / "layer_norm"), config.d_model, config.layer_norm_eps)?,
            dropout: config.dropout,
        })
    }

    /// The same parameters in another value.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self {
            attention: self.attention.shallow_clone(),
            inner: self.inner.shallow_clone(),
            output: self.output.shallow_clone(),
            norm: self.norm.shallow_clone(),
            ..*self
        }
    }

    /// Its parameters.
    pub fn tensors(&self) -> Vec<&Tensor> {
        let maps = self.inner.tensors().into_iter().chain(self.output.tensors());
        self.attention.tensors().into_iter().chain(maps).chain(self.norm.tensors()).collect()
    }

    /// [`XlnetLayer::forward`] on the content stream alone; of what happens inside, nothing is kept for the backward pass, which
    /// computes it again ([`medner_core::recompute`]).
    pub fn forward_again(&self, xs: &Tensor, pass: Pass<'_>) -> Result<Tensor> {
        let (layer, kind, train) = (self.shallow_clone(), pass.kind, pass.train);
        let constant = |tensor: Option<&Tensor>| tensor.map(Tensor::detach);
        let (distances, differ, hidden) =
            (pass.distances.detach(), constant(pass.differ), constant(pass.hidden));
        recompute(&[xs], &self.tensors(), move |xs| {
            let pass = Pass {
                distances: &distances,
                differ: differ.as_ref(),
                hidden: hidden.as_ref(),
                query: None,
                kind,
                train,
            };
            Ok(layer.forward(&xs[0], None, None, pass)?.0)
        })
    }

    /// `xs: [B, T, D]` and `asked: [B, P, D]` after the layer; `memory: [B, M, D]`.
    pub fn forward(
        &self,
        xs: &Tensor,
        asked: Option<&Tensor>,
        memory: Option<&Tensor>,
        pass: Pass<'_>,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let (xs, asked) = self.attention.forward(xs, asked, memory, pass)?;
        let asked = asked.map(|asked| self.after_attention(&asked, pass)).transpose()?;
        Ok((self.after_attention(&xs, pass)?, asked))
    }

    fn after_attention(&self, attended: &Tensor, pass: Pass<'_>) -> Result<Tensor> {
        let inner = self.activation.of_linear(&self.inner, &attended.f_to_kind(pass.kind)?)?;
        let output = self.output.forward(&hashed_dropout(&inner, self.dropout, pass.train)?)?;
        self.norm.forward(&hashed_dropout(&output, self.dropout, pass.train)?.f_add(attended)?)
    }
}
