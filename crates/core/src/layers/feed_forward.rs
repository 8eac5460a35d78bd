//! The position-wise feed-forward block of transformers (Vaswani et al. 2017, section 3.3), from one width to another and back.

use tch::Tensor;

use super::{Activation, Linear, dropout};
use crate::error::Result;
use crate::params::Scope;

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
        let inner = self.activation.of_linear(&self.inner, xs)?;
        self.output.forward(&dropout(&inner, self.dropout, train)?)
    }
}
