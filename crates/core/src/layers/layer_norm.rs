//! Layer normalisation (Ba, Kiros and Hinton 2016).

use tch::{Kind, Tensor};

use super::expect_width;
use crate::error::Result;
use crate::init::Init;
use crate::params::Scope;

/// Each vector of the last dimension by itself:
///
/// ```text
/// y = (x - mean(x)) / sqrt(var(x) + epsilon) * weight + bias        var: the mean square deviation
/// ```
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f64,
}

impl LayerNorm {
    /// The same parameters in another value.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self { weight: self.weight.shallow_clone(), bias: self.bias.shallow_clone(), epsilon: self.epsilon }
    }

    /// Its parameters.
    pub fn tensors(&self) -> [&Tensor; 2] {
        [&self.weight, &self.bias]
    }

    /// `weight [width]` of ones and `bias [width]` of zeros.
    pub fn new(scope: &Scope<'_>, width: i64, epsilon: f64) -> Result<Self> {
        Ok(Self {
            weight: scope.parameter("weight", &[width], Init::Ones)?,
            bias: scope.parameter("bias", &[width], Init::Zeros)?,
            epsilon,
        })
    }

    /// `xs: [.., D] -> [.., D]`, always computed and returned in f32: means and deviations of bf16 are too coarse.
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let width = self.weight.size()[0];
        expect_width("input of a layer normalisation", xs, width)?;
        let xs = xs.f_to_kind(Kind::Float)?;
        Ok(xs.f_layer_norm([width], Some(&self.weight), Some(&self.bias), self.epsilon, true)?)
    }
}
