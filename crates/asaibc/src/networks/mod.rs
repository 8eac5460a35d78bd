//! The networks of Tables 6 and 7, layer by layer.
//!
//! ```text
//! X = [characters ; positions]                       input
//! S, P = shared BiLSTM(X), private BiLSTM(X)         separation, one private BiLSTM a task
//! B = [S ; P_ner]         or X without transfer
//! F = IndRNN(self-attention(B)), H = BiLSTM(B)       joint
//! M = [F ; H] -> sigmoid(M W + b) -> emissions -> CRF over BIO
//! [S ; P_cws] -> emissions -> CRF over BMES          word segmentation, in training only
//! ```
//!
//! | row of Tables 6 and 7 | B | M | fully connected |
//! | --- | --- | --- | --- |
//! | BiLSTM+CRF | X | H | no |
//! | BiLSTM+CRF+Transfer | `[S ; P]` | H | no |
//! | BiLSTM+CRF+Transfer+Self-Attention, ATR+Self-Attention+BiLSTM+CRF | `[S ; P]` | `[attention(B) ; H]` | yes |
//! | Self-Attention+BiLSTM+CRF | X | `[attention(X) ; H]` | yes |
//! | ASAIBC | `[S ; P]` | `[IndRNN(attention(B)) ; H]` | yes |
//!
//! "ATR" (adversarial transfer) of Table 7 and "Transfer" of Table 6 are the same layer, so those two rows are the same network.
//!
//! # What a step of the tables adds besides its name
//! - `+Transfer`: B changes from the 120 inputs (100 of the character, 20 of its place) to 400 features, those of two BiLSTMs of 100 a
//!   direction, shared and private. The joint BiLSTM, which is the first layer without the transfer, becomes the second one, with more
//!   than three times the inputs. What the step gains or loses is of the second task and of the deeper, wider network together. The same
//!   holds of Self-Attention+BiLSTM+CRF beside ATR+Self-Attention+BiLSTM+CRF.
//! - `+Self-Attention`: the fully connected layer mixes F with H; where there is no F there is nothing to mix, and the linear layer
//!   before the CRF reads H. So the step adds the attention and a sigmoid layer of 200: what it gains or loses is of both together.

mod input;
mod joint;
pub mod losses;
mod separation;
mod tagger;

pub use input::{Input, Start};
pub use joint::Joint;
pub use separation::{Features, Separation, SeparationLosses, TaskName};
pub use tagger::{Losses, Tagger};

#[cfg(test)]
mod tests;
