//! A layer: relative attention, then the feed-forward block.

use medner_core::Result;
use medner_core::layers::{FeedForward, FeedForwardConfig, LayerNorm, dropout};
use medner_core::params::Scope;
use tch::Tensor;

use super::attention::{Pass, RelativeAttention};
use super::config::XlnetConfig;

/// Attention, then `LayerNorm(a + dropout(W_2 dropout(GELU(W_1 a))))`, for one or both streams.
pub struct XlnetLayer {
    attention: RelativeAttention,
    feed_forward: FeedForward,
    norm: LayerNorm,
    dropout: f64,
}

impl XlnetLayer {
    /// Parameters `rel_attn.*`, `ff.layer_1`, `ff.layer_2`, `ff.layer_norm`.
    pub fn new(scope: &Scope<'_>, config: &XlnetConfig) -> Result<Self> {
        let feed_forward = FeedForwardConfig {
            width: config.d_model,
            inner: config.d_inner,
            activation: config.ff_activation,
            dropout: config.dropout,
            initializer_range: config.initializer_range,
        };
        let ff = scope / "ff";
        Ok(Self {
            attention: RelativeAttention::new(&(scope / "rel_attn"), config)?,
            feed_forward: FeedForward::new(&ff, ["layer_1", "layer_2"], &feed_forward)?,
            norm: LayerNorm::new(&(&ff / "layer_norm"), config.d_model, config.layer_norm_eps)?,
            dropout: config.dropout,
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
        let output = self.feed_forward.forward(&attended.f_to_kind(pass.kind)?, pass.train)?;
        self.norm.forward(&dropout(&output, self.dropout, pass.train)?.f_add(attended)?)
    }
}
