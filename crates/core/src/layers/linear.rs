//! An affine map of the last dimension.

use tch::Tensor;

use super::expect_last;
use crate::error::Result;
use crate::init::Init;
use crate::params::Scope;

/// `y = x W^T + b`.
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// `weight [output, input]` and `bias [output]`, both U(±1 / sqrt(input)) as PyTorch's.
    pub fn new(scope: &Scope<'_>, input: i64, output: i64) -> Result<Self> {
        Ok(Self {
            weight: scope.parameter("weight", &[output, input], Init::Linear)?,
            bias: scope.parameter("bias", &[output], Init::Bias { fan_in: input })?,
        })
    }

    /// `xs: [B, T, input] -> [B, T, output]`
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        expect_last("input of a linear layer", xs, "B, T, D", self.weight.size()[1])?;
        Ok(xs.f_linear(&self.weight, Some(&self.bias))?)
    }
}
