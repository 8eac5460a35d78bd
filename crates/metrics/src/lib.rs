//! Spans, tag schemes, scorers and significance tests for named-entity recognition.
//!
//! No tensors here: this crate builds and tests on a machine without libtorch.
//!
//! | module | idea |
//! | --- | --- |
//! | [`span`] | an entity mention as token offsets and a label |
//! | [`scheme`] | BIO, BIOES and BMES tags to spans and back |

pub mod scheme;
pub mod span;

pub use scheme::{Tag, TagError, TagScheme};
pub use span::Span;
