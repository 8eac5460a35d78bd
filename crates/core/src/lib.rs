//! Tensors: device, initialisation, layers, CRF, optimisers, training loop, checkpoints.
//!
//! Letters in shapes: `B` sentences of a batch, `T` positions (padded), `D` width of a vector, `K` tags.
//!
//! | module | idea |
//! | --- | --- |
//! | [`device`] | CPU or CUDA, threads, seeds |
//! | [`params`], [`init`] | named parameters, and PyTorch's own initial distributions |
//! | [`layers`] | embedding, linear, BiLSTM, IndRNN, iterated dilated convolutions, attention, batch normalisation, dropout |
//! | [`autograd`] | operations whose backward pass is a Rust function |
//! | [`recompute`] | activations computed again instead of kept |
//! | [`crf`] | linear-chain CRF: likelihood with exact gradient, Viterbi, marginals, n-best |
//! | [`optim`], [`clip`], [`schedule`] | optimisers on flat buffers, gradient clipping, learning rates |
//! | [`records`] | documents cut into sentences of ids, and entities put back into documents |
//! | [`unknowns`] | training the vector of what is unknown |
//! | [`model_folder`], [`tagger_folder`] | a trained model as a folder, and a tagger with its labels and vocabulary |
//! | [`precision`] | number type of the matrix products |
//! | [`trainer`] | the loop: epochs, early stopping, logs, checkpoints, exact resume, signals |
//! | [`checkpoint`], [`tensors`] | checkpoint folders that survive a kill; safetensors in and out |
//! | [`pretrained`] | folders of published models, read strictly and written |
//! | [`tensorboard`] | event files |
//! | [`memory`] | peak memory of this process |
//!
//! [`medner_metrics`] is re-exported as [`metrics`], so that a method has one place to look.

pub mod autograd;
pub mod checkpoint;
pub mod clip;
pub mod crf;
pub mod device;
pub mod error;
pub mod init;
pub mod layers;
pub mod memory;
pub mod model_folder;
pub mod optim;
pub mod params;
pub mod precision;
pub mod pretrained;
pub mod recompute;
pub mod records;
pub mod schedule;
pub mod tagger_folder;
pub mod tensorboard;
pub mod tensors;
pub mod trainer;
pub mod unknowns;

pub use error::{CoreError, Result};
// For the side effect of linking it: every program that computes with tensors has this allocator.
use medner_allocator as _;
pub use medner_metrics as metrics;
