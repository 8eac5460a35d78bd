//! An encoder from text alone. What is to be found in the text, and how, is an [`Objective`]: masked pieces and the order of
//! sentences for ALBERT, pieces in a permuted order for XLNet. The rest stands here once.
//!
//! ```text
//! documents of pieces, a part of them held out            [documents]
//!      -> every epoch other windows over them             [windows]
//!      -> batches of windows of like length, steps, perplexity on held-out text            [task]
//!      -> a record with its curves                        [outcome]
//! ```
//!
//! [`command`] is the verb `pretrain` of a program, [`settings`] what its file and `--set` say. Everything random is drawn from
//! streams keyed (seed, epoch) and (seed, step), so that a run which is killed and resumed gives the same bytes as one that was not.

pub mod command;
pub mod config;
pub mod documents;
pub mod objective;
pub mod outcome;
pub mod settings;
pub mod task;
pub mod windows;

pub use config::TrainingConfig;
pub use documents::{Document, Documents};
pub use objective::{Objective, Term};
pub use settings::Settings;
pub use task::Pretraining;
pub use windows::Window;
