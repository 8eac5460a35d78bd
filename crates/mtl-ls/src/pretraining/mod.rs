//! Permutation language modelling (Yang et al. 2019, sections 2.2 to 2.4): an XLNet for a domain, from its text alone.
//!
//! ```text
//! text -> documents of words, a vocabulary of the pieces that occur            [vocabulary]
//!      -> every epoch other windows  pieces <sep> <cls>            [objective]
//!      -> at every step other spans to find, in another order            [spans]
//!      -> the query stream's loss at these places alone            [objective]
//!      -> a folder that `transformers` reads            [run]
//! ```
//!
//! A piece that is to be found is seen by those that come after it in the order, all others are seen by all: the factorisation
//! order permutes the last 1/K of the pieces (partial prediction, K = 6). Steps, batches, held-out perplexity and resuming are
//! those of every pre-training: [`medner_training::pretraining`].
//!
//! # Differences from the XLNet paper
//!
//! | the paper | here | why |
//! | --- | --- | --- |
//! | two segments and a memory of the text before | one segment, no memory | taggers read single sentences |
//! | Adam, 2,048 sequences of 512 a step | AdamW, a few dozen of 128 | for machines with a few cores; `training` sets them |

pub mod config;
pub mod objective;
pub mod run;
pub mod settings;
pub mod spans;
pub mod vocabulary;

pub use config::PretrainingConfig;
