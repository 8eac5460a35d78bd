//! Relative attention with its output map, residual connection and layer normalisation.

use medner_core::Result;
use medner_core::init::Init;
use medner_core::layers::{AttentionScores, DistanceScores, LayerNorm, attention_weights, hashed_dropout};
use medner_core::params::Scope;
use tch::{Kind, Tensor};

use super::config::XlnetConfig;
use super::positions;

/// What a pass over the layers has in common.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// Rows of distances, `[S + T, D]`, after dropout.
    pub distances: &'a Tensor,
    /// 1 where two pieces are of different segments, `[B, T, S]`; `None` where all are of one.
    pub differ: Option<&'a Tensor>,
    /// Added to the scores of the content stream, `[B or 1, T or 1, S]`; `None` where everything is seen.
    pub hidden: Option<&'a Tensor>,
    /// The query stream's own, if there is one.
    pub query: Option<QueryPass<'a>>,
    /// Number type of the matrix products.
    pub kind: Kind,
    /// With dropout.
    pub train: bool,
}

/// What the query stream has of its own.
#[derive(Clone, Copy)]
pub struct QueryPass<'a> {
    /// The places that are asked for, `[B, P]` of i64.
    pub places: &'a Tensor,
    /// 1 where a place and a piece are of different segments, `[B, P, S]`.
    pub differ: Option<&'a Tensor>,
    /// Added to the scores, `[B, P, S]`.
    pub hidden: Option<&'a Tensor>,
}

/// `LayerNorm(x + dropout(W_o attention(x)))`.
pub struct RelativeAttention {
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    relative: Tensor,
    content_bias: Tensor,
    position_bias: Tensor,
    segment_bias: Tensor,
    segments: Tensor,
    norm: LayerNorm,
    heads: i64,
    head_width: i64,
    dropout: f64,
}

/// The rows whose scores are computed: their queries and what tells their places.
#[derive(Clone, Copy)]
struct Rows<'a> {
    /// `[B, P, h d]`
    queries: &'a Tensor,
    /// `None` for all pieces in their order.
    places: Option<&'a Tensor>,
    differ: Option<&'a Tensor>,
    hidden: Option<&'a Tensor>,
    /// `T`.
    length: i64,
}

/// Keys and values of a layer, by head.
struct Seen {
    /// `[h B, d, S]`
    keys: Tensor,
    /// `[h B, S, d]`
    values: Tensor,
    /// `[h, d, S + T]`
    distances: Tensor,
    /// `S`.
    length: i64,
}

impl RelativeAttention {
    /// Parameters `q`, `k`, `v`, `o`, `r` (`[D, h, d]`), `r_r_bias`, `r_s_bias`, `r_w_bias` (`[h, d]`), `seg_embed`
    /// (`[2, h, d]`) and `layer_norm`.
    pub fn new(scope: &Scope<'_>, config: &XlnetConfig) -> Result<Self> {
        let (width, heads, head) = (config.d_model, config.n_head, config.d_head);
        let normal = || Init::Normal { mean: 0.0, std: config.initializer_range };
        let map = |name: &str| scope.parameter(name, &[width, heads, head], normal());
        let bias = |name: &str| scope.parameter(name, &[heads, head], normal());
        Ok(Self {
            query: map("q")?,
            key: map("k")?,
            value: map("v")?,
            output: map("o")?,
            relative: map("r")?,
            position_bias: bias("r_r_bias")?,
            segment_bias: bias("r_s_bias")?,
            content_bias: bias("r_w_bias")?,
            segments: scope.parameter("seg_embed", &[2, heads, head], normal())?,
            norm: LayerNorm::new(&(scope / "layer_norm"), width, config.layer_norm_eps)?,
            heads,
            head_width: head,
            dropout: config.dropout,
        })
    }

    /// The same parameters in another value.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self {
            query: self.query.shallow_clone(),
            key: self.key.shallow_clone(),
            value: self.value.shallow_clone(),
            output: self.output.shallow_clone(),
            relative: self.relative.shallow_clone(),
            content_bias: self.content_bias.shallow_clone(),
            position_bias: self.position_bias.shallow_clone(),
            segment_bias: self.segment_bias.shallow_clone(),
            segments: self.segments.shallow_clone(),
            norm: self.norm.shallow_clone(),
            ..*self
        }
    }

    /// Its parameters.
    pub fn tensors(&self) -> Vec<&Tensor> {
        let maps = [&self.query, &self.key, &self.value, &self.output, &self.relative];
        let biases = [&self.content_bias, &self.position_bias, &self.segment_bias, &self.segments];
        maps.into_iter().chain(biases).chain(self.norm.tensors()).collect()
    }

    /// The content stream `xs: [B, T, D]` and, if there is one, the query stream `asked: [B, P, D]`, both after this block.
    /// `memory: [B, M, D]` is seen besides `xs`.
    pub fn forward(
        &self,
        xs: &Tensor,
        asked: Option<&Tensor>,
        memory: Option<&Tensor>,
        pass: Pass<'_>,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let (kind, length) = (pass.kind, xs.size()[1]);
        let flat = self.heads * self.head_width;
        let width = xs.size()[2];
        let weight = |map: &Tensor| -> Result<Tensor> { Ok(map.f_view([width, flat])?.f_to_kind(kind)?) };
        let content = xs.f_to_kind(kind)?;
        // Queries, keys and values in one product where they are of the same pieces.
        let (queries, keys, values) = match memory {
            None => {
                let maps =
                    Tensor::f_cat(&[weight(&self.query)?, weight(&self.key)?, weight(&self.value)?], 1)?;
                let mut parts = content.f_matmul(&maps)?.f_chunk(3, -1)?;
                let values = parts.pop();
                let keys = parts.pop();
                let three = "three chunks of a width that three divides";
                (parts.pop().expect(three), keys.expect(three), values.expect(three))
            }
            Some(memory) => {
                let all = Tensor::f_cat(&[&memory.f_to_kind(kind)?, &content], 1)?;
                let keys = all.f_matmul(&weight(&self.key)?)?;
                (content.f_matmul(&weight(&self.query)?)?, keys, all.f_matmul(&weight(&self.value)?)?)
            }
        };
        let seen = keys.size()[1];
        let distances = pass.distances.f_to_kind(kind)?.f_matmul(&weight(&self.relative)?)?;
        let distances =
            distances.f_view([seen + length, self.heads, self.head_width])?.f_permute([1, 2, 0])?;
        let seen = Seen {
            keys: self.by_head(&keys)?.f_transpose(1, 2)?,
            values: self.by_head(&values)?,
            distances,
            length: seen,
        };
        let rows = Rows { queries: &queries, places: None, differ: pass.differ, hidden: pass.hidden, length };
        let content = self.finish(xs, &self.attend(rows, &seen, pass.train)?, pass)?;
        let asked = match (asked, pass.query) {
            (Some(asked), Some(query)) => {
                let queries = asked.f_to_kind(kind)?.f_matmul(&weight(&self.query)?)?;
                let rows = Rows {
                    queries: &queries,
                    places: Some(query.places),
                    differ: query.differ,
                    hidden: query.hidden,
                    length,
                };
                Some(self.finish(asked, &self.attend(rows, &seen, pass.train)?, pass)?)
            }
            _ => None,
        };
        Ok((content, asked))
    }

    /// `[B, T, h d] -> [h B, T, d]`
    fn by_head(&self, xs: &Tensor) -> Result<Tensor> {
        let (b, t) = (xs.size()[0], xs.size()[1]);
        let split = xs.f_view([b, t, self.heads, self.head_width])?.f_permute([2, 0, 1, 3])?;
        Ok(split.f_reshape([self.heads * b, t, self.head_width])?)
    }

    /// What the rows collect from the values, `[B, P, h d]`.
    fn attend(&self, rows: Rows<'_>, seen: &Seen, train: bool) -> Result<Tensor> {
        let (b, p) = (rows.queries.size()[0], rows.queries.size()[1]);
        let (heads, d) = (self.heads, self.head_width);
        let kind = rows.queries.kind();
        let with = |bias: &Tensor| -> Result<Tensor> {
            let bias = bias.f_view([heads * d])?.f_to_kind(kind)?;
            self.by_head(&rows.queries.f_add(&bias)?)
        };
        // [h, B P, S + T]: each head has its own map of the distances, all sequences share it.
        let by_distance = with(&self.position_bias)?.f_view([heads, b * p, d])?.f_bmm(&seen.distances)?;
        let content = with(&self.content_bias)?.f_bmm(&seen.keys)?;
        let mut content = content.f_view([heads, b, p, seen.length])?;
        if let Some(differ) = rows.differ {
            // What a row has for its own segment is the same for all it sees, which softmax does not notice; what counts is
            // the difference between the two.
            let change = self.segments.f_get(1)?.f_sub(&self.segments.f_get(0)?)?.f_to_kind(kind)?;
            let change = with(&self.segment_bias)?
                .f_view([heads, b * p, d])?
                .f_bmm(&change.f_unsqueeze(-1)?)?
                .f_view([heads, b, p, 1])?;
            content = content.f_add(&change.f_mul(&differ.f_to_kind(kind)?)?)?;
        }
        let first = positions::first_distances(rows.places, rows.length)?;
        let scores = AttentionScores {
            content: &content,
            distances: Some(DistanceScores {
                scores: &by_distance.f_view([heads, b, p, seen.length + rows.length])?,
                first: &first,
            }),
            scale: 1.0 / (d as f64).sqrt(),
            hidden: rows.hidden,
        };
        let weights = attention_weights(&scores, self.dropout, train)?;
        let collected = weights.f_view([heads * b, p, seen.length])?.f_bmm(&seen.values)?;
        let collected = collected.f_view([heads, b, p, d])?.f_permute([1, 2, 0, 3])?;
        Ok(collected.f_reshape([b, p, heads * d])?)
    }

    /// The output map, the residual connection and the normalisation.
    fn finish(&self, xs: &Tensor, collected: &Tensor, pass: Pass<'_>) -> Result<Tensor> {
        let width = xs.size()[2];
        let output = self.output.f_view([width, -1])?.f_to_kind(pass.kind)?;
        let output = collected.f_linear::<&Tensor>(&output, None)?;
        self.norm.forward(&hashed_dropout(&output, self.dropout, pass.train)?.f_add(xs)?)
    }
}
