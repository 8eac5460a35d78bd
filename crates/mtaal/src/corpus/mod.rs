//! The pool: what is labelled, what can be queried, what is tested; and sentences as numbers.
//!
//! Data set -> [`Collection`] (all sentences of training, development and test files, in this order) -> the kept ones
//! ([`LengthFilter`]: 5 < length < 60) -> [`Split`] (shuffled with numpy's seed 0 and cut 20 / 70 / 10) -> [`ActivePool`], which
//! changes with every query. [`Encoding`] is counted over the whole collection, as the paper's Table 1 counts.
//!
//! # Two layers of labels
//! A sentence has mentions ([`medner_data::Sentence::spans`]: the NER layer, written as BIO tags) and a concept for each token
//! ([`medner_data::Sentence::concepts`]: the NEN layer, no B and I). `O` is outside in both; [`MISSING`] (`-1`) is the concept of a
//! mention that the annotators found none for. In both corpora every mention has one concept from its first token to its last.
//!
//! # Table 1, found again
//! | item | how it is counted | NCBI | BC5CDR |
//! | --- | --- | --- | --- |
//! | vocabulary | lower-cased words of all sentences, and 2 for padding and unknown words | 9,839 | 15,380 |
//! | abstracts | of the PubTator files | 793 | 1,500 |
//! | entities | `B-` tags of all sentences (the paper's text has 28,454: two digits changed places) | 7,025 | 28,545 |
//! | NER labels | BIO tags | 3 | 5 |
//! | NEN labels | concepts as written, `O` and `-1` included | 743 | 2,311 |
//! | labelled / unlabelled / test | kept sentences, each share rounded down | 1,439 / 5,037 / 719 | 3,198 / 11,193 / 1,599 |

mod active_pool;
mod agreement;
mod collection;
mod concepts;
mod encoding;
mod forms;
pub mod mt19937;
mod split;
mod statistics;

pub use active_pool::ActivePool;
pub use agreement::{Agreement, Share, agreement, agreement_of};
pub use collection::{Collection, LengthFilter, abstracts, load};
pub use concepts::ConceptSet;
pub use encoding::{Encoded, Encoding, EncodingOptions, Example};
pub use forms::Forms;
pub use split::{Shares, Split, split};
pub use statistics::Table1;

/// The label of a token outside every mention, in both layers.
pub const OUTSIDE: &str = "O";

/// The concept of a mention that has none.
pub const MISSING: &str = "-1";
