//! A layer, and the stack that applies shared layers again and again.

use medner_core::Result;
use medner_core::layers::{FeedForward, FeedForwardConfig, LayerNorm, Linear};
use medner_core::params::Scope;
use tch::{Kind, Tensor};

use super::attention::{AlbertAttention, Projections};
use super::config::AlbertConfig;

/// Attention, then `LayerNorm(a + W_2 GELU(W_1 a))`.
pub struct AlbertLayer {
    attention: AlbertAttention,
    feed_forward: FeedForward,
    norm: LayerNorm,
}

impl AlbertLayer {
    /// Parameters `attention.*`, `ffn`, `ffn_output`, `full_layer_layer_norm`.
    pub fn new(scope: &Scope<'_>, config: &AlbertConfig) -> Result<Self> {
        let feed_forward = FeedForwardConfig {
            width: config.hidden_size,
            inner: config.intermediate_size,
            activation: config.hidden_act,
            // The reference declares a dropout for this block and never applies it.
            dropout: 0.0,
            initializer_range: config.initializer_range,
        };
        Ok(Self {
            attention: AlbertAttention::new(&(scope / "attention"), config)?,
            feed_forward: FeedForward::new(scope, ["ffn", "ffn_output"], &feed_forward)?,
            norm: LayerNorm::new(
                &(scope / "full_layer_layer_norm"),
                config.hidden_size,
                config.layer_norm_eps,
            )?,
        })
    }

    fn after_attention(&self, attended: &Tensor, kind: Kind, train: bool) -> Result<Tensor> {
        let output = self.feed_forward.forward(&attended.f_to_kind(kind)?, train)?;
        self.norm.forward(&output.f_add(attended)?)
    }
}

/// Which pieces may be seen, and how the pass is computed.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// Added to the attention scores, `[B, 1, 1, T]`, of the pass's number type; `None` where nothing is padded.
    pub bias: Option<&'a Tensor>,
    /// Number type of the matrix products.
    pub kind: Kind,
    /// With dropout.
    pub train: bool,
}

/// All layers: `W_in`, then the groups' layers in their order.
pub struct AlbertTransformer {
    input: Linear,
    groups: Vec<Vec<AlbertLayer>>,
    /// The group of each layer.
    order: Vec<usize>,
}

impl AlbertTransformer {
    /// Parameters `embedding_hidden_mapping_in` and `albert_layer_groups.<g>.albert_layers.<i>`.
    pub fn new(scope: &Scope<'_>, config: &AlbertConfig) -> Result<Self> {
        let (width, hidden) = (config.embedding_size, config.hidden_size);
        let input = scope / "embedding_hidden_mapping_in";
        let groups = (0..config.num_hidden_groups).map(|g| {
            let group = scope / &format!("albert_layer_groups.{g}");
            let inner = 0..config.inner_group_num;
            inner.map(|i| AlbertLayer::new(&(&group / &format!("albert_layers.{i}")), config)).collect()
        });
        Ok(Self {
            input: Linear::normal(&input, width, hidden, config.initializer_range)?,
            groups: groups.collect::<Result<_>>()?,
            order: (0..config.num_hidden_layers).map(|layer| config.group_of(layer) as usize).collect(),
        })
    }

    /// `xs: [B, T, E] -> [B, T, H]`; with `rows: [B, P]` (positions) the last layer is computed for these alone,
    /// `-> [B, P, H]`: what pre-training needs of it.
    pub fn forward(&self, xs: &Tensor, rows: Option<&Tensor>, pass: Pass<'_>) -> Result<Tensor> {
        let Pass { bias, kind, train } = pass;
        let maps = self.groups.iter().map(|group| {
            let maps = group.iter().map(|layer| layer.attention.projections(kind));
            maps.collect::<Result<Vec<Projections>>>()
        });
        let maps = maps.collect::<Result<Vec<_>>>()?;
        let mut state = self.input.forward(&xs.f_to_kind(kind)?)?.f_to_kind(Kind::Float)?;
        let steps = self.order.iter().flat_map(|&g| self.groups[g].iter().zip(&maps[g]));
        let last = self.order.iter().map(|&g| self.groups[g].len()).sum::<usize>() - 1;
        for (at, (layer, maps)) in steps.enumerate() {
            let attended = match rows.filter(|_| at == last) {
                None => layer.attention.forward(&state, maps, bias, train)?,
                Some(rows) => {
                    let chosen = gather(&state, rows)?;
                    layer.attention.forward_rows(&chosen, &state, maps, bias, train)?
                }
            };
            state = layer.after_attention(&attended, kind, train)?;
        }
        Ok(state)
    }
}

/// The rows of `xs: [B, T, H]` at `positions: [B, P]`, `[B, P, H]`.
pub fn gather(xs: &Tensor, positions: &Tensor) -> Result<Tensor> {
    let (b, t, width) = xs.size3()?;
    let first = Tensor::f_arange(b, (Kind::Int64, xs.device()))?.f_mul_scalar(t)?.f_unsqueeze(1)?;
    // As a look-up in `[B T, H]`: of libtorch's ways to gather rows, the one whose backward pass is fast.
    let table = xs.f_reshape([b * t, width])?;
    Ok(Tensor::f_embedding(&table, &positions.f_add(&first)?, -1, false, false)?)
}
