//! Corpora: readers, writers, checks, fetch, vocabularies, word vectors, batching.
//!
//! No tensors here: this crate builds and tests on a machine without libtorch.

pub mod archive;
pub mod at_hand;
pub mod atomic;
pub mod batching;
pub mod catalog;
pub mod cbow;
pub mod check;
pub mod convert;
pub mod corpus;
mod download;
pub mod error;
pub mod fetch;
pub mod formats;
pub mod hash;
pub mod load;
pub mod manifest;
pub mod plain_text;
pub mod predictions;
pub mod sample;
pub mod stand_in;
pub mod stats;
pub mod store;
pub mod user_files;
pub mod vectors;
pub mod vocabulary;
pub mod word_files;

pub use atomic::write_atomically;
pub use corpus::{Corpus, Document, Entity, Sentence};
pub use error::{DataError, Result};
pub use medner_metrics::{Span, TagScheme};
pub use vectors::WordVectors;
pub use vocabulary::Vocabulary;
