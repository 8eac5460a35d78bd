//! Bidirectional LSTM (Hochreiter and Schmidhuber 1997; Graves and Schmidhuber 2005).

use tch::Tensor;

use super::{Batch, expect_last};
use crate::error::Result;
use crate::init::Init;
use crate::params::Scope;

/// One layer, both directions. With `[i f g o] = W x_t + b + U h_{t-1} + c`:
///
/// ```text
/// c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
/// h_t = sigmoid(o) tanh(c_t)
/// ```
///
/// The backward direction reads each sentence from its own last token, as packed sequences do in PyTorch: the sentence is
/// turned round within its length, read forwards by libtorch's fused kernel, and turned round again. So no output of a
/// token depends on padding. Outputs at padding are not defined.
pub struct BiLstm {
    forwards: [Tensor; 4],
    backwards: [Tensor; 4],
    input: i64,
    hidden: i64,
}

impl BiLstm {
    /// Parameters as PyTorch names them (`weight_ih_l0`, ..., `bias_hh_l0_reverse`), all U(±1 / sqrt(hidden)).
    pub fn new(scope: &Scope<'_>, input: i64, hidden: i64) -> Result<Self> {
        let make = |suffix: &str| -> Result<[Tensor; 4]> {
            let parameter = |name: &str, shape: &[i64]| {
                scope.parameter(&format!("{name}_l0{suffix}"), shape, Init::Lstm { hidden })
            };
            Ok([
                parameter("weight_ih", &[4 * hidden, input])?,
                parameter("weight_hh", &[4 * hidden, hidden])?,
                parameter("bias_ih", &[4 * hidden])?,
                parameter("bias_hh", &[4 * hidden])?,
            ])
        };
        Ok(Self { forwards: make("")?, backwards: make("_reverse")?, input, hidden })
    }

    /// `xs: [B, T, input] -> [B, T, 2 hidden]`, forward states first.
    pub fn forward(&self, xs: &Tensor, batch: &Batch) -> Result<Tensor> {
        expect_last("input of a BiLSTM", xs, "B, T, D", self.input)?;
        let forwards = self.direction(&self.forwards, xs)?;
        let backwards = batch.reverse(&self.direction(&self.backwards, &batch.reverse(xs)?)?)?;
        Ok(Tensor::f_cat(&[forwards, backwards], 2)?)
    }

    fn direction(&self, parameters: &[Tensor; 4], xs: &Tensor) -> Result<Tensor> {
        let zeros = Tensor::f_zeros([1, xs.size()[0], self.hidden], (xs.kind(), xs.device()))?;
        // `train` only matters for dropout between layers, of which there is one.
        let (output, _, _) =
            xs.f_lstm(&[&zeros, &zeros], &parameters.each_ref()[..], true, 1, 0.0, true, false, true)?;
        Ok(output)
    }
}
