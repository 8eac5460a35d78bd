//! Layers: small structs of named parameters with a `forward`.
//!
//! Parameter names are those of PyTorch's modules (`weight`, `bias`, `weight_ih_l0`, ...), initial values come from
//! PyTorch's distributions ([`crate::init`]), and nothing here depends on padding: a sentence has the same output alone
//! and in any batch (tested for each layer).

mod attention;
mod batch;
mod batch_norm;
mod embedding;
pub mod feature_attention;
mod feed_forward;
mod gradient_reversal;
mod idcnn;
pub mod indrnn;
mod layer_norm;
mod linear;
mod lstm;

pub use attention::MultiHeadAttention;
pub use batch::Batch;
pub use batch_norm::BatchNorm;
pub use embedding::Embedding;
pub use feature_attention::{AttentionKind, FeatureAttention, SelfAttention, SelfAttentionConfig};
pub use feed_forward::{Activation, FeedForward, FeedForwardConfig};
pub use gradient_reversal::{reversal_schedule, reverse_gradient};
pub use idcnn::{Idcnn, IdcnnConfig, InitialValues};
pub use indrnn::{IndRnn, IndRnnConfig, IndRnnStack, recurrence, recurrence_by_operations};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use lstm::BiLstm;

use tch::Tensor;

use crate::error::{CoreError, Result};

/// Dropout: in training each element is zero with probability `p`, and the others are scaled by 1 / (1 - p).
pub fn dropout(xs: &Tensor, p: f64, train: bool) -> Result<Tensor> {
    if train && p > 0.0 { Ok(xs.f_dropout(p, true)?) } else { Ok(xs.shallow_clone()) }
}

/// Fails unless `xs` has as many dimensions as `letters` and its last one is `width`.
fn expect_last(what: &str, xs: &Tensor, letters: &str, width: i64) -> Result<()> {
    let found = xs.size();
    let dimensions = letters.split(',').count();
    if found.len() == dimensions && found.last() == Some(&width) {
        return Ok(());
    }
    Err(CoreError::Shape {
        what: what.to_owned(),
        expected: format!("[{letters}] with the last {width}"),
        found,
    })
}

/// Fails unless the last dimension of `xs` is `width`.
fn expect_width(what: &str, xs: &Tensor, width: i64) -> Result<()> {
    let found = xs.size();
    if found.last() == Some(&width) {
        return Ok(());
    }
    Err(CoreError::Shape { what: what.to_owned(), expected: format!("[.., {width}]"), found })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::device;

    #[test]
    fn dropout_scales_what_it_keeps_and_is_off_outside_training() {
        device::reseed(7, 0);
        let xs = Tensor::ones([100, 100], (tch::Kind::Float, tch::Device::Cpu));
        let dropped = dropout(&xs, 0.25, true).unwrap();
        let kept = dropped.count_nonzero(None::<i64>).int64_value(&[]);
        assert!((7300..7700).contains(&kept), "{kept}");
        assert!((dropped.max().double_value(&[]) - 4.0 / 3.0).abs() < 1e-6);
        assert!(dropout(&xs, 0.25, false).unwrap().equal(&xs));
    }
}
