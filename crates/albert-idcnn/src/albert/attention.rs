//! Self-attention with its output map, residual connection and layer normalisation.

use medner_core::Result;
use medner_core::layers::{LayerNorm, Linear, hashed_dropout};
use medner_core::params::Scope;
use medner_core::precision;
use tch::{Device, Kind, Tensor};

use super::config::AlbertConfig;

/// `LayerNorm(x + dropout(W_O MultiHead(x)))`.
pub struct AlbertAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    dense: Linear,
    norm: LayerNorm,
    heads: i64,
    head_width: i64,
    weight_dropout: f64,
    output_dropout: f64,
}

/// The maps to queries, keys and values as one: a shared layer puts them together once and uses them at every application.
pub struct Projections {
    /// `[3 H, H]`
    weight: Tensor,
    /// `[3 H]`
    bias: Tensor,
}

impl Projections {
    /// The maps `first .. first + count` of query, key and value: `xs: [B, T, H] -> [B, T, H]` each, computed in the number
    /// type of the weights.
    fn apply(&self, xs: &Tensor, first: i64, count: i64) -> Result<Vec<Tensor>> {
        let width = self.weight.size()[1];
        let weight = self.weight.f_narrow(0, first * width, count * width)?;
        let bias = self.bias.f_narrow(0, first * width, count * width)?;
        let ys = xs.f_to_kind(weight.kind())?.f_linear(&weight, Some(&bias))?;
        Ok(ys.f_chunk(count, -1)?)
    }
}

impl AlbertAttention {
    /// Parameters `query`, `key`, `value`, `dense`, `LayerNorm`.
    pub fn new(scope: &Scope<'_>, config: &AlbertConfig) -> Result<Self> {
        let width = config.hidden_size;
        let linear = |name: &str| Linear::normal(&(scope / name), width, width, config.initializer_range);
        Ok(Self {
            query: linear("query")?,
            key: linear("key")?,
            value: linear("value")?,
            dense: linear("dense")?,
            norm: LayerNorm::new(&(scope / "LayerNorm"), width, config.layer_norm_eps)?,
            heads: config.num_attention_heads,
            head_width: config.head_width(),
            weight_dropout: config.attention_probs_dropout_prob,
            output_dropout: config.hidden_dropout_prob,
        })
    }

    /// Puts the three maps together, as numbers of type `kind`.
    pub fn projections(&self, kind: Kind) -> Result<Projections> {
        let maps = [&self.query, &self.key, &self.value];
        Ok(Projections {
            weight: Tensor::f_cat(&maps.map(Linear::weight), 0)?.f_to_kind(kind)?,
            bias: Tensor::f_cat(&maps.map(Linear::bias), 0)?.f_to_kind(kind)?,
        })
    }

    /// `xs: [B, T, H] -> [B, T, H]`. `bias: [B, 1, 1, T]` is added to the scores; none where all pieces may be seen.
    pub fn forward(
        &self,
        xs: &Tensor,
        maps: &Projections,
        bias: Option<&Tensor>,
        train: bool,
    ) -> Result<Tensor> {
        let parts = maps.apply(xs, 0, 3)?;
        self.attend(xs, [&parts[0], &parts[1], &parts[2]], bias, train)
    }

    /// The same for chosen rows alone: `rows: [B, P, H]` of `xs`, which see all of `xs: [B, T, H]`, `-> [B, P, H]`.
    pub fn forward_rows(
        &self,
        rows: &Tensor,
        xs: &Tensor,
        maps: &Projections,
        bias: Option<&Tensor>,
        train: bool,
    ) -> Result<Tensor> {
        let (query, parts) = (maps.apply(rows, 0, 1)?, maps.apply(xs, 1, 2)?);
        self.attend(rows, [&query[0], &parts[0], &parts[1]], bias, train)
    }

    /// From queries `[B, P, H]`, keys and values `[B, T, H]` to the block's output for the rows `[B, P, H]`.
    fn attend(
        &self,
        rows: &Tensor,
        [query, key, value]: [&Tensor; 3],
        bias: Option<&Tensor>,
        train: bool,
    ) -> Result<Tensor> {
        let split = |xs: &Tensor| {
            let shape = [xs.size()[0], xs.size()[1], self.heads, self.head_width];
            xs.f_view(shape)?.f_transpose(1, 2)
        };
        let dropped = if train { self.weight_dropout } else { 0.0 };
        let [query, key, value] = [split(query)?, split(key)?, split(value)?];
        // On a CPU libtorch's one operation knows no dropout, and multiplies in pieces too small for bf16.
        let in_one = rows.device() != Device::Cpu || (dropped == 0.0 && !precision::rounds_on_cpu());
        let context = if in_one {
            Tensor::f_scaled_dot_product_attention(&query, &key, &value, bias, dropped, false, None, false)?
        } else {
            let query = query.f_div_scalar((self.head_width as f64).sqrt())?;
            let scores = query.f_matmul(&key.f_transpose(2, 3)?)?;
            let scores = if let Some(bias) = bias { scores.f_add(bias)? } else { scores };
            let weights = scores.f_softmax(-1, scores.kind())?;
            hashed_dropout(&weights, dropped, train)?.f_matmul(&value)?
        };
        let context = context.f_transpose(1, 2)?.f_reshape(rows.size())?;
        let output = hashed_dropout(&self.dense.forward(&context)?, self.output_dropout, train)?;
        self.norm.forward(&rows.f_add(&output)?)
    }
}
