//! What the papers' trainings share.
//!
//! | module | idea |
//! | --- | --- |
//! | [`job`] | a task of [`medner_core::trainer`] as the work of a cell or of a command: settings, stop, progress |
//! | [`pretraining`] | an encoder from text alone: everything but the objective, which is the paper's |
//!
//! [`medner_core`] knows nothing of experiments and [`medner_experiment`] nothing of tensors; here they meet.

pub mod job;
pub mod pretraining;
