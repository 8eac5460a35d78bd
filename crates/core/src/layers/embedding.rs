//! A table of vectors, one a token id.

use tch::Tensor;

use crate::error::{CoreError, Result};
use crate::init::Init;
use crate::params::Scope;

/// Id 0 is padding: its vector is zero and gets no gradient.
pub struct Embedding {
    weight: Tensor,
}

impl Embedding {
    /// A table of `size` random vectors, N(0, 1) as PyTorch's.
    pub fn new(scope: &Scope<'_>, size: i64, width: i64) -> Result<Self> {
        let weight = scope.parameter("weight", &[size, width], Init::Embedding { padding: Some(0) })?;
        Ok(Self { weight })
    }

    /// A table of given vectors, row-major `[size, width]`; row 0 is set to zero.
    pub fn from_vectors(scope: &Scope<'_>, vectors: &[f32], width: i64) -> Result<Self> {
        let size = vectors.len() as i64 / width.max(1);
        if size * width != vectors.len() as i64 || size == 0 {
            return Err(CoreError::Shape {
                what: "vectors of an embedding".into(),
                expected: format!("a multiple of {width} numbers"),
                found: vec![vectors.len() as i64],
            });
        }
        let values = Tensor::from_slice(vectors).f_view([size, width])?;
        let _ = values.f_get(0)?.f_zero_()?;
        Ok(Self { weight: scope.parameter("weight", &[size, width], Init::Values(values))? })
    }

    /// `D`.
    pub fn width(&self) -> i64 {
        self.weight.size()[1]
    }

    /// `ids: [B, T] -> [B, T, D]`
    pub fn forward(&self, ids: &Tensor) -> Result<Tensor> {
        Ok(Tensor::f_embedding(&self.weight, ids, 0, false, false)?)
    }
}
