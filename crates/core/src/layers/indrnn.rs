//! Independently recurrent neural network, IndRNN.
//!
//! Li, Li, Cook, Zhu and Gao, "Independently Recurrent Neural Network (IndRNN): Building a Longer and Deeper RNN", CVPR 2018:
//!
//! ```text
//! h_t = ReLU(W x_t + u * h_{t-1} + b),    u one weight a neuron,    |u| <= 2^(1/T)
//! ```
//!
//! A neuron sees its own past only, so `W x_t + b` is one matrix product over the whole sequence and what is left of the
//! recurrence is a multiplication and an addition a neuron. A direction is a property of a neuron too: the bidirectional
//! layer is one layer, one product, of which the second half of the neurons read their sentences from the last token to the
//! first. A sentence's output does not depend on what it is batched with.
//!
//! ## The gradient
//!
//! libtorch has no such operation, and a loop of its elementwise operations over `T` steps costs more in bookkeeping than in
//! arithmetic. The recurrence is therefore an operation of our own, with its exact gradient (written out in `kernel.rs`) as a
//! node of the graph ([`crate::autograd`]): plain Rust on the CPU, a few tensor operations a step elsewhere. Next to the
//! matrix products it takes a tenth of the time. What else could be done:
//!
//! | way | why not |
//! | --- | --- |
//! | a graph over `T` steps | some ten small operations a step, forward and backward: the loop that is to be beaten |
//! | libtorch's `rnn_relu` with a diagonal matrix | the same function for `D` times the arithmetic |
//! | a parallel prefix sum in tensor operations | `log T` passes over memory with a graph of them; made for many cores |
//! | `(pre * gradient).sum()` as the CRF has it | the gradient from above is not known in the forward pass |
//! | cutting the graph at the layer's output | exact as well, with a second call that a training step can forget |
//!
//! `bench/indrnn.sh` times the layer beside the loop, beside `rnn_relu` and beside its own tensor operations.
//!
//! ## Differences from the paper
//! - `W` starts as PyTorch's linear layer does, `b` at 0; `u` is drawn from `U(0, 2^(1/T))`, as in its authors' code.
//! - The bound's `T` is a setting, [`IndRnnConfig::max_steps`], instead of each batch's length, so that it holds for every
//!   sentence. Longer sentences run all the same, with a larger product of recurrent weights.
//! - The paper normalises before or after the activation; here after, over the tokens of all positions together
//!   ([`super::BatchNorm`]), since sentences have all lengths.

mod kernel;
mod recurrence;
mod stack;

pub use recurrence::{by_operations as recurrence_by_operations, recurrence};
pub use stack::IndRnnStack;

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::{Batch, expect_last};
use crate::error::{CoreError, Result};
use crate::init::Init;
use crate::optim::raw;
use crate::params::Scope;

/// Sizes of an [`IndRnnStack`], and of its layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IndRnnConfig {
    /// Neurons per direction.
    pub hidden: i64,
    /// Layers, one on the other.
    pub layers: usize,
    /// Whether as many neurons again read backwards.
    pub bidirectional: bool,
    /// Tokens of the longest sentence, the `T` of `|u| <= 2^(1/T)`.
    pub max_steps: i64,
    /// Batch normalisation after each layer.
    pub batch_norm: bool,
    /// Dropout between layers.
    pub dropout: f64,
}

impl Default for IndRnnConfig {
    fn default() -> Self {
        Self { hidden: 100, layers: 2, bidirectional: true, max_steps: 250, batch_norm: true, dropout: 0.0 }
    }
}

impl IndRnnConfig {
    fn directions(&self) -> i64 {
        if self.bidirectional { 2 } else { 1 }
    }

    /// `2^(1/T)`: with it a state that is passed on through `T` tokens at most doubles.
    pub fn bound(&self) -> f64 {
        2.0_f64.powf(1.0 / self.max_steps as f64)
    }

    fn check(&self) -> Result<()> {
        let refuse = |key: &str, message: String| Err(CoreError::Config { key: key.into(), message });
        if self.hidden < 1 {
            return refuse("hidden", format!("an IndRNN needs at least 1 neuron, found {}", self.hidden));
        }
        if self.layers < 1 {
            return refuse("layers", "an IndRNN needs at least 1 layer, found 0".into());
        }
        if self.max_steps < 1 {
            return refuse("max_steps", format!("a sentence has at least 1 token, found {}", self.max_steps));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse("dropout", format!("expected at least 0 and below 1, found {}", self.dropout));
        }
        Ok(())
    }
}

/// One layer: the equation of the [module](self).
pub struct IndRnn {
    weight: Tensor,
    bias: Tensor,
    recurrent: Tensor,
    forwards: i64,
    bound: f64,
}

impl IndRnn {
    /// Parameters `weight_ih [N, input]`, `bias_ih [N]` and `weight_hh [N]` for `N` = `hidden` neurons that read forwards and,
    /// if bidirectional, `hidden` more that read backwards. Of the configuration it reads `hidden`, `bidirectional` and
    /// `max_steps`.
    ///
    /// # Errors
    /// A configuration that no layer can have; what [`Scope::parameter`] refuses.
    pub fn new(scope: &Scope<'_>, input: i64, config: &IndRnnConfig) -> Result<Self> {
        config.check()?;
        let (bound, neurons) = (config.bound(), config.hidden * config.directions());
        Ok(Self {
            weight: scope.parameter("weight_ih", &[neurons, input], Init::Linear)?,
            bias: scope.parameter("bias_ih", &[neurons], Init::Zeros)?,
            recurrent: scope.parameter("weight_hh", &[neurons], Init::Uniform { low: 0.0, high: bound })?,
            forwards: config.hidden,
            bound,
        })
    }

    /// `xs: [B, T, input] -> [B, T, N]`, forward states first; 0 in the padding.
    ///
    /// # Errors
    /// Shapes that do not fit; on the CPU also a recurrent weight beyond the bound, which a training step without
    /// [`IndRnn::clamp`] or a foreign file leaves.
    pub fn forward(&self, xs: &Tensor, batch: &Batch) -> Result<Tensor> {
        expect_last("input of an IndRNN", xs, "B, T, D", self.weight.size()[1])?;
        self.check_bound()?;
        recurrence(&xs.f_linear(&self.weight, Some(&self.bias))?, &self.recurrent, self.forwards, batch)
    }

    /// Brings the recurrent weights back into `[-2^(1/T), 2^(1/T)]`: to be called after each optimiser step.
    ///
    /// # Errors
    /// [`CoreError::Tch`].
    pub fn clamp(&self) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let _ = self.recurrent.shallow_clone().f_clamp_(-self.bound, self.bound)?;
        Ok(())
    }

    /// `2^(1/T)`.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// `N`, the width of the output.
    pub fn width(&self) -> i64 {
        self.recurrent.size()[0]
    }

    /// Where looking costs nothing.
    fn check_bound(&self) -> Result<()> {
        if self.recurrent.device() != Device::Cpu {
            return Ok(());
        }
        let detached = self.recurrent.f_detach()?.f_contiguous()?;
        let weights: &[f32] = raw::slice(&detached)?;
        let bound = self.bound as f32;
        match weights.iter().position(|u| u.abs() > bound) {
            None => Ok(()),
            Some(neuron) => Err(CoreError::Config {
                key: "weight_hh".into(),
                message: format!(
                    "the recurrent weight of neuron {neuron} is {}, beyond 2^(1/T) = {bound}; call `clamp` after each \
                     optimiser step",
                    weights[neuron]
                ),
            }),
        }
    }
}
