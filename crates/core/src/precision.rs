//! Number type of the matrix products.

use serde::{Deserialize, Serialize};

/// Number type of the matrix products; parameters, normalisations, CRFs and losses are f32 in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// f32.
    #[default]
    F32,
    /// bf16, on CUDA only.
    Bf16,
}
