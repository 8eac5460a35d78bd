//! The position-wise feed-forward block of transformers (Vaswani et al. 2017, section 3.3), with the GELUs that they use.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{Linear, dropout};
use crate::error::Result;
use crate::params::Scope;

/// The nonlinearity between two linear maps, by the names that configurations of published models use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Gaussian error linear unit, exact: `x Phi(x) = x (1 + erf(x / sqrt(2))) / 2` (Hendrycks and Gimpel 2016).
    Gelu,
    /// Its approximation `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`, which Google's BERT and ALBERT are trained with.
    #[serde(alias = "gelu_pytorch_tanh")]
    GeluNew,
    /// `max(0, x)`
    Relu,
    /// `tanh(x)`
    Tanh,
}

impl Activation {
    /// Element by element.
    pub fn forward(self, xs: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Gelu => xs.f_gelu("none")?,
            Self::GeluNew => xs.f_gelu("tanh")?,
            Self::Relu => xs.f_relu()?,
            Self::Tanh => xs.f_tanh()?,
        })
    }
}

/// Sizes and settings of a [`FeedForward`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeedForwardConfig {
    /// `D`.
    pub width: i64,
    /// Width between the two maps.
    pub inner: i64,
    /// What is between them.
    pub activation: Activation,
    /// Dropout after the activation, in training.
    pub dropout: f64,
    /// Standard deviation of the initial weights.
    pub initializer_range: f64,
}

/// `y = W_2 dropout(activation(W_1 x + b_1)) + b_2`
pub struct FeedForward {
    inner: Linear,
    output: Linear,
    activation: Activation,
    dropout: f64,
}

impl FeedForward {
    /// `names` are those of the two maps below `scope`: published models differ in them.
    pub fn new(scope: &Scope<'_>, names: [&str; 2], config: &FeedForwardConfig) -> Result<Self> {
        let FeedForwardConfig { width, inner, activation, dropout, initializer_range: std } = *config;
        Ok(Self {
            inner: Linear::normal(&(scope / names[0]), width, inner, std)?,
            output: Linear::normal(&(scope / names[1]), inner, width, std)?,
            activation,
            dropout,
        })
    }

    /// `xs: [.., D] -> [.., D]`, in the number type of `xs`.
    pub fn forward(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        let inner = self.activation.forward(&self.inner.forward(xs)?)?;
        self.output.forward(&dropout(&inner, self.dropout, train)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(activation: Activation, x: f64) -> f64 {
        activation.forward(&Tensor::from_slice(&[x])).unwrap().double_value(&[0])
    }

    #[test]
    fn the_two_gelus_are_their_formulas() {
        // erf(1 / sqrt(2)) = 0.6826894921370859, the share of a normal distribution within one deviation.
        assert!((at(Activation::Gelu, 1.0) - f64::midpoint(1.0, 0.682_689_492_137_085_9)).abs() < 1e-12);
        for x in [-3.0_f64, -0.5, 0.0, 1.0, 2.5] {
            let cubic = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            assert!((at(Activation::GeluNew, x) - x * f64::midpoint(1.0, cubic.tanh())).abs() < 1e-12);
            assert!((at(Activation::Gelu, x) - at(Activation::GeluNew, x)).abs() < 1e-3);
        }
        assert_ne!(at(Activation::Gelu, 1.0), at(Activation::GeluNew, 1.0));
    }

    #[test]
    fn names_are_those_of_published_configurations() {
        for (name, activation) in [
            ("\"gelu\"", Activation::Gelu),
            ("\"gelu_new\"", Activation::GeluNew),
            ("\"gelu_pytorch_tanh\"", Activation::GeluNew),
            ("\"relu\"", Activation::Relu),
        ] {
            assert_eq!(serde_json::from_str::<Activation>(name).unwrap(), activation);
        }
        assert_eq!(serde_json::to_string(&Activation::GeluNew).unwrap(), "\"gelu_new\"");
        assert!(serde_json::from_str::<Activation>("\"swish\"").is_err());
    }
}
