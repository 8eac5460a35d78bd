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
