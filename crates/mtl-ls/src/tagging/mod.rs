//! XLNet-CRF: sentences of words in, entities out.
//!
//! | module | idea |
//! | --- | --- |
//! | [`pieces`] | words to pieces, sentences to sequences: windows and packing |
//! | [`corpus`] | sentences ready for the network, and its labels back to entities |
//! | [`model`] | the network |
//! | [`task`] | its training: layer-wise learning rates, rounds, the checkpoints that count |

pub mod corpus;
pub mod model;
pub mod pieces;
pub mod task;

pub use corpus::{Encoded, TaggerBatch};
pub use model::XlnetCrf;
pub use pieces::WordPieces;
pub use task::{CheckpointScore, TaggerData, TaggerTask};
