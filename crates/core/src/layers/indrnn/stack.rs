//! IndRNN layers one on the other, with batch normalisation after each.

use tch::Tensor;

use super::{IndRnn, IndRnnConfig};
use crate::error::Result;
use crate::layers::{Batch, BatchNorm, hashed_dropout};
use crate::params::Scope;

/// The stacked IndRNN of Li et al. (2018): `(weight, recurrence + ReLU, batch normalisation)` repeated.
pub struct IndRnnStack {
    layers: Vec<(IndRnn, Option<BatchNorm>)>,
    dropout: f64,
}

impl IndRnnStack {
    /// Parameters of layer `k` under `layer_k`, those of its normalisation under `layer_k.norm`.
    ///
    /// # Errors
    /// As [`IndRnn::new`].
    pub fn new(scope: &Scope<'_>, input: i64, config: &IndRnnConfig) -> Result<Self> {
        config.check()?;
        let mut layers: Vec<(IndRnn, Option<BatchNorm>)> = Vec::with_capacity(config.layers);
        for k in 0..config.layers {
            let scope = scope / &format!("layer_{k}");
            let below = layers.last().map_or(input, |(layer, _)| layer.width());
            let layer = IndRnn::new(&scope, below, config)?;
            let norm = if config.batch_norm {
                Some(BatchNorm::new(&(&scope / "norm"), layer.width())?)
            } else {
                None
            };
            layers.push((layer, norm));
        }
        Ok(Self { layers, dropout: config.dropout })
    }

    /// `xs: [B, T, input] -> [B, T, N]`; 0 in the padding.
    ///
    /// # Errors
    /// As [`IndRnn::forward`].
    pub fn forward(&self, xs: &Tensor, batch: &Batch, train: bool) -> Result<Tensor> {
        let mut ys = xs.shallow_clone();
        for (k, (layer, norm)) in self.layers.iter().enumerate() {
            if k > 0 {
                ys = hashed_dropout(&ys, self.dropout, train)?;
            }
            ys = layer.forward(&ys, batch)?;
            if let Some(norm) = norm {
                ys = norm.forward(&ys, batch, train)?;
            }
        }
        Ok(ys)
    }

    /// [`IndRnn::clamp`] of every layer: to be called after each optimiser step.
    ///
    /// # Errors
    /// As [`IndRnn::clamp`].
    pub fn clamp(&self) -> Result<()> {
        self.layers.iter().try_for_each(|(layer, _)| layer.clamp())
    }

    /// `N`, the width of the output.
    pub fn width(&self) -> i64 {
        self.layers.last().map_or(0, |(layer, _)| layer.width())
    }
}
