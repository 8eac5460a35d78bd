//! The input layer: what a character is, and where it stands.

use medner_core::Result;
use medner_core::init::Init;
use medner_core::layers::{Batch, Embedding};
use medner_core::params::Scope;
use tch::{Kind, Tensor};

use crate::config::ModelConfig;

/// What the character vectors start from.
pub enum Start<'a> {
    /// N(0, 1), a vector for each of so many characters.
    Random(usize),
    /// Given vectors, row-major `[V, D]`.
    Vectors(&'a [f32]),
}

/// `X = [characters ; positions]`, both learned.
///
/// The paper lists "BIO tag embedding" as a third part: gold tags at the input would give the answer away, so there is none.
pub struct Input {
    characters: Embedding,
    /// `[longest + 1, P]`; row 0 is that of padding.
    positions: Option<Tensor>,
}

/// Position vectors start small, so that those which training hardly sees do no harm.
const POSITION_BOUND: f64 = 0.1;

impl Input {
    /// Tables for the characters and for the first `longest` positions; all later positions have the vector of the last.
    pub fn new(scope: &Scope<'_>, config: &ModelConfig, start: &Start<'_>, longest: usize) -> Result<Self> {
        let characters = scope / "characters";
        let characters = match start {
            Start::Random(size) => Embedding::new(&characters, *size as i64, config.embedding)?,
            Start::Vectors(vectors) => Embedding::from_vectors(&characters, vectors, config.embedding)?,
        };
        let init = Init::Uniform { low: -POSITION_BOUND, high: POSITION_BOUND };
        let positions = match config.position {
            0 => None,
            width => Some(scope.parameter("positions.weight", &[longest as i64 + 1, width], init)?),
        };
        Ok(Self { characters, positions })
    }

    /// `[B, T] -> [B, T, D + P]`
    pub fn forward(&self, batch: &Batch) -> Result<Tensor> {
        let characters = self.characters.forward(&batch.ids)?;
        let Some(positions) = &self.positions else { return Ok(characters) };
        let last = positions.size()[0] - 1;
        let ids = Tensor::f_arange_start(1, batch.ids.size()[1] + 1, (Kind::Int64, batch.ids.device()))?;
        let ids = ids.f_clamp_max(last)?.f_unsqueeze(0)?.f_mul(&batch.mask.f_to_kind(Kind::Int64)?)?;
        let positions = Tensor::f_embedding(positions, &ids, 0, false, false)?;
        Ok(Tensor::f_cat(&[characters, positions], 2)?)
    }
}
