//! Multi-head self-attention (Vaswani et al. 2017; Li et al. 2022, equations 3 to 5).

use tch::Tensor;

use super::{Linear, dropout, expect_last};
use crate::error::{CoreError, Result};
use crate::params::Scope;

/// ```text
/// Attention(Q, K, V) = softmax(Q K^T / sqrt(d_k)) V                (3)
/// head_i = Attention(Y W_i^Q, Y W_i^K, Y W_i^V)                    (4)
/// MHA = [head_1 ; ... ; head_h] W^O                                (5)
/// ```
///
/// `d_k = D / h`; the projections have biases, as PyTorch's module, at 0 in the beginning, and weights from Glorot's values (each
/// projection on its own), as Vaswani et al.'s code; keys at padding get no weight.
pub struct MultiHeadAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: i64,
    width: i64,
    dropout: f64,
}

impl MultiHeadAttention {
    /// Attention of `heads` heads over vectors of `width`; `dropout` applies to the attention weights in training.
    pub fn new(scope: &Scope<'_>, width: i64, heads: i64, dropout: f64) -> Result<Self> {
        if heads < 1 || width % heads != 0 {
            return Err(CoreError::Config {
                key: "heads".into(),
                message: format!("{heads} does not divide the width {width}"),
            });
        }
        let linear = |name: &str| Linear::glorot(&(scope / name), width, width);
        Ok(Self {
            query: linear("query")?,
            key: linear("key")?,
            value: linear("value")?,
            output: linear("output")?,
            heads,
            width,
            dropout,
        })
    }

    /// `xs: [B, T, D] -> [B, T, D]`; `mask: [B, T]` is true at tokens.
    pub fn forward(&self, xs: &Tensor, mask: &Tensor, train: bool) -> Result<Tensor> {
        expect_last("input of an attention", xs, "B, T, D", self.width)?;
        let (b, t) = (xs.size()[0], xs.size()[1]);
        let d_k = self.width / self.heads;
        // [B, T, D] -> [B, h, T, d_k]
        let split = |ys: Tensor| ys.f_view([b, t, self.heads, d_k])?.f_transpose(1, 2);
        let query = split(self.query.forward(xs)?.f_div_scalar((d_k as f64).sqrt())?)?;
        let key = split(self.key.forward(xs)?)?;
        let value = split(self.value.forward(xs)?)?;
        // A finite bound instead of minus infinity: the padding rows of an all-padding sentence stay numbers.
        let padding = mask.f_logical_not()?.f_view([b, 1, 1, t])?;
        let scores = query.f_matmul(&key.f_transpose(2, 3)?)?.f_masked_fill(&padding, -1e9)?;
        let weights = dropout(&scores.f_softmax(-1, xs.kind())?, self.dropout, train)?;
        let heads = weights.f_matmul(&value)?.f_transpose(1, 2)?.f_reshape([b, t, self.width])?;
        self.output.forward(&heads)
    }
}
