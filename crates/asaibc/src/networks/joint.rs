//! The joint layer: `M = [IndRNN(self-attention(B)) ; BiLSTM(B)]`, mixed by a fully connected layer with a sigmoid.
//!
//! The paper puts the fully connected layer and a softmax after the CRF. A CRF gives a path, on which there is nothing more to
//! compute, so the layer stands before it and the CRF's own normalisation takes the softmax's place.

use medner_core::Result;
use medner_core::layers::{Batch, BiLstm, IndRnnConfig, IndRnnStack, Linear, SelfAttention, hashed_dropout};
use medner_core::params::Scope;
use tch::Tensor;

use crate::config::{Dropped, ModelConfig};

/// The joint layer, as the top of this file draws it.
pub struct Joint {
    attention: Option<SelfAttention>,
    indrnn: Option<IndRnnStack>,
    lstm: BiLstm,
    fully_connected: Option<Linear>,
    dropout: f64,
    width: i64,
}

impl Joint {
    /// Reads vectors of `config.base()`, of sentences of about `longest` characters at most, which also is the `T` of the IndRNN's bound
    /// (a configuration with another `max_steps` is refused).
    pub fn new(scope: &Scope<'_>, config: &ModelConfig, longest: usize) -> Result<Self> {
        let base = config.base();
        let attention = if config.self_attention {
            Some(SelfAttention::new(&(scope / "attention"), base, &config.attention)?)
        } else {
            None
        };
        let indrnn = if config.indrnn.layers > 0 {
            let config = IndRnnConfig { max_steps: longest as i64, ..config.indrnn.clone() };
            Some(IndRnnStack::new(&(scope / "indrnn"), base, &config)?)
        } else {
            None
        };
        let beside = match (&indrnn, &attention) {
            (Some(indrnn), _) => indrnn.width(),
            (None, Some(_)) => base,
            (None, None) => 0,
        };
        let lstm = BiLstm::new(&(scope / "bilstm"), base, config.hidden)?;
        let read = beside + 2 * config.hidden;
        let (fully_connected, width) = match config.fully_connected {
            0 => (None, read),
            width => (Some(Linear::new(&(scope / "fully_connected"), read, width)?), width),
        };
        Ok(Self {
            attention,
            indrnn,
            lstm,
            fully_connected,
            dropout: config.dropout_of(Dropped::Features),
            width,
        })
    }

    /// Width of what [`Joint::forward`] gives.
    pub fn width(&self) -> i64 {
        self.width
    }

    /// `base: [B, T, base] -> [B, T, width]`
    pub fn forward(&self, base: &Tensor, batch: &Batch, train: bool) -> Result<Tensor> {
        let attended = match &self.attention {
            None => None,
            Some(attention) => Some(attention.forward(base, batch, train)?),
        };
        let beside = match &self.indrnn {
            None => attended,
            Some(indrnn) => Some(indrnn.forward(attended.as_ref().unwrap_or(base), batch, train)?),
        };
        let read = self.lstm.forward(base, batch)?;
        let both = match beside {
            None => read,
            Some(beside) => Tensor::f_cat(&[beside, read], 2)?,
        };
        let both = hashed_dropout(&both, self.dropout, train)?;
        match &self.fully_connected {
            None => Ok(both),
            Some(layer) => Ok(layer.forward(&both)?.f_sigmoid()?),
        }
    }

    /// Keeps the IndRNN's recurrence within its bound; after every optimiser step.
    pub fn clamp(&self) -> Result<()> {
        self.indrnn.as_ref().map_or(Ok(()), IndRnnStack::clamp)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_core::device;
    use medner_core::params::Params;
    use tch::{Device, Kind};

    use super::*;

    /// `sigmoid(W [IndRNN(attention(B)) ; BiLSTM(B)] + b)`, number by number from the parts, each of which has tests of its own.
    #[test]
    fn attention_feeds_the_indrnn_and_the_fusion_mixes_it_with_the_bilstm() {
        device::reseed(3, 0);
        let params = Params::new(Device::Cpu);
        let mut config = ModelConfig { transfer: false, fully_connected: 5, ..ModelConfig::default() };
        (config.embedding, config.position, config.hidden) = (4, 2, 3);
        (config.indrnn.layers, config.indrnn.hidden) = (2, 3);
        let joint = Joint::new(&params.root(), &config, 9).unwrap();
        let batch = Batch::new(&[&[2, 3, 4, 5][..], &[6, 7]], Device::Cpu).unwrap();
        let base = Tensor::randn([2, batch.mask.size()[1], config.base()], (Kind::Float, Device::Cpu));
        let found = joint.forward(&base, &batch, false).unwrap();

        let attended = joint.attention.as_ref().unwrap().forward(&base, &batch, false).unwrap();
        let beside = joint.indrnn.as_ref().unwrap().forward(&attended, &batch, false).unwrap();
        let read = joint.lstm.forward(&base, &batch).unwrap();
        let state = params.state().unwrap();
        let (weight, bias) = (&state["fully_connected.weight"], &state["fully_connected.bias"]);
        assert_eq!(weight.size(), [5, beside.size()[2] + read.size()[2]]);
        let at = |t: &Tensor, b: i64, p: i64, i: i64| t.double_value(&[b, p, i]);
        for (sentence, length) in [(0, 4), (1, 2)] {
            for place in 0..length {
                for unit in 0..5 {
                    let mut sum = bias.double_value(&[unit]);
                    for i in 0..beside.size()[2] {
                        sum += weight.double_value(&[unit, i]) * at(&beside, sentence, place, i);
                    }
                    for i in 0..read.size()[2] {
                        let column = beside.size()[2] + i;
                        sum += weight.double_value(&[unit, column]) * at(&read, sentence, place, i);
                    }
                    let expected = 1.0 / (1.0 + (-sum).exp());
                    assert!((at(&found, sentence, place, unit) - expected).abs() < 1e-6);
                }
            }
        }
    }
}
