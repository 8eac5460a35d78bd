//! Layers: small structs of named parameters with a `forward`.
//!
//! Parameter names are those of PyTorch's modules (`weight`, `bias`, `weight_ih_l0`, ...), initial values come from
//! PyTorch's distributions ([`crate::init`]), and nothing here depends on padding: a sentence has the same output alone
//! and in any batch (tested for each layer).

mod activation;
mod attention;
mod attention_weights;
mod batch;
mod batch_norm;
mod dropout;
mod embedding;
mod exp;
pub mod feature_attention;
mod feed_forward;
mod gradient_reversal;
mod idcnn;
pub mod indrnn;
mod layer_norm;
mod linear;
mod lstm;

pub use activation::Activation;
pub use attention::MultiHeadAttention;
pub use attention_weights::{AttentionScores, DistanceScores, attention_weights};
pub use batch::Batch;
pub use batch_norm::BatchNorm;
pub use dropout::{dropout, hashed_dropout};
pub use embedding::Embedding;
pub use feature_attention::{AttentionKind, FeatureAttention, SelfAttention, SelfAttentionConfig};
pub use feed_forward::{FeedForward, FeedForwardConfig};
pub use gradient_reversal::{reversal_schedule, reverse_gradient};
pub use idcnn::{Idcnn, IdcnnConfig, InitialValues};
pub use indrnn::{IndRnn, IndRnnConfig, IndRnnStack, recurrence, recurrence_by_operations};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use lstm::BiLstm;

use tch::Tensor;

use crate::error::{CoreError, Result};

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
