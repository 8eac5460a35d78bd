//! An affine map of the last dimension.

use tch::Tensor;

use super::expect_width;
use crate::error::Result;
use crate::init::Init;
use crate::params::Scope;

/// `y = x W^T + b`.
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// The same parameters in another value.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self { weight: self.weight.shallow_clone(), bias: self.bias.shallow_clone() }
    }

    /// Its parameters.
    pub fn tensors(&self) -> [&Tensor; 2] {
        [&self.weight, &self.bias]
    }

    /// `weight [output, input]` and `bias [output]`, both U(±1 / sqrt(input)) as PyTorch's.
    pub fn new(scope: &Scope<'_>, input: i64, output: i64) -> Result<Self> {
        Ok(Self {
            weight: scope.parameter("weight", &[output, input], Init::Linear)?,
            bias: scope.parameter("bias", &[output], Init::Bias { fan_in: input })?,
        })
    }

    /// `weight` from N(0, `std`^2) and `bias` 0, as BERT and its kin start (their `initializer_range`).
    pub fn normal(scope: &Scope<'_>, input: i64, output: i64, std: f64) -> Result<Self> {
        Ok(Self {
            weight: scope.parameter("weight", &[output, input], Init::Normal { mean: 0.0, std })?,
            bias: scope.parameter("bias", &[output], Init::Zeros)?,
        })
    }

    /// `weight` from Glorot's values and `bias` 0.
    pub fn glorot(scope: &Scope<'_>, input: i64, output: i64) -> Result<Self> {
        Ok(Self {
            weight: scope.parameter("weight", &[output, input], Init::XavierUniform { gain: 1.0 })?,
            bias: scope.parameter("bias", &[output], Init::Zeros)?,
        })
    }

    /// `[output, input]`
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// `[output]`
    pub fn bias(&self) -> &Tensor {
        &self.bias
    }

    /// `xs: [.., input] -> [.., output]`, computed in the number type of `xs`: the weights are converted where it is another.
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        expect_width("input of a linear layer", xs, self.weight.size()[1])?;
        // No copy where the types are the same.
        let (weight, bias) = (self.weight.f_to_kind(xs.kind())?, self.bias.f_to_kind(xs.kind())?);
        Ok(xs.f_linear(&weight, Some(&bias))?)
    }
}
