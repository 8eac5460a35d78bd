//! Corpora: readers, writers, checks, fetch, vocabularies, word vectors, batching.
//!
//! No tensors here: this crate builds and tests on a machine without libtorch.

pub mod corpus;
pub mod error;

pub use corpus::{Corpus, Document, Entity, Sentence};
pub use error::{DataError, Result};
pub use medner_metrics::{Span, TagScheme};
