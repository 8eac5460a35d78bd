//! What a piece, its place and its segment look like to the layers.

use medner_core::Result;
use medner_core::init::Init;
use medner_core::layers::{LayerNorm, hashed_dropout};
use medner_core::params::Scope;
use tch::Tensor;

use super::config::AlbertConfig;

/// `LayerNorm(word + position + segment)`, `[B, T, E]`.
pub struct AlbertEmbeddings {
    words: Tensor,
    positions: Tensor,
    segments: Tensor,
    norm: LayerNorm,
    padding: i64,
    dropout: f64,
}

impl AlbertEmbeddings {
    /// Tables from N(0, initializer_range^2), the padding row 0.
    pub fn new(scope: &Scope<'_>, config: &AlbertConfig) -> Result<Self> {
        let width = config.embedding_size;
        let normal = || Init::Normal { mean: 0.0, std: config.initializer_range };
        let words = normal().draw("word_embeddings.weight", &[config.vocab_size, width])?;
        let _ = words.f_get(config.pad_token_id)?.f_zero_()?;
        let table = |name: &str, rows: i64| (scope / name).parameter("weight", &[rows, width], normal());
        Ok(Self {
            words: (scope / "word_embeddings").parameter(
                "weight",
                &[config.vocab_size, width],
                Init::Values(words),
            )?,
            positions: table("position_embeddings", config.max_position_embeddings)?,
            segments: table("token_type_embeddings", config.type_vocab_size)?,
            norm: LayerNorm::new(&(scope / "LayerNorm"), width, config.layer_norm_eps)?,
            padding: config.pad_token_id,
            dropout: config.hidden_dropout_prob,
        })
    }

    /// The word table `[V, E]`, which the masked language model uses as its output layer too.
    pub fn words(&self) -> &Tensor {
        &self.words
    }

    /// `ids: [B, T]`, `segments: [B, T]` (all 0 where `None`) `-> [B, T, E]`. Positions count from the first column, padding
    /// on the left included, as in the reference.
    pub fn forward(&self, ids: &Tensor, segments: Option<&Tensor>, train: bool) -> Result<Tensor> {
        let length = ids.size()[1];
        let words = Tensor::f_embedding(&self.words, ids, self.padding, false, false)?;
        let positions = self.positions.f_narrow(0, 0, length)?;
        let sum = match segments {
            // One row for all: added to the positions, which are few.
            None => words.f_add(&positions.f_add(&self.segments.f_get(0)?)?)?,
            Some(segments) => words
                .f_add(&Tensor::f_embedding(&self.segments, segments, -1, false, false)?)?
                .f_add(&positions)?,
        };
        hashed_dropout(&self.norm.forward(&sum)?, self.dropout, train)
    }
}
