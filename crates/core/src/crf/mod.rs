//! Linear-chain conditional random field.
//!
//! Lafferty, McCallum and Pereira, "Conditional Random Fields: Probabilistic Models for Segmenting and Labeling Sequence
//! Data", ICML 2001; as the output layer of a neural tagger: Lample, Ballesteros, Subramanian, Kawakami and Dyer, "Neural
//! Architectures for Named Entity Recognition", NAACL 2016.
//!
//! With emissions `e[t][j]`, transitions `A[i][j]` (from `i` to `j`), start scores `s[j]` and end scores `f[j]`:
//!
//! ```text
//! score(y)       = s[y_1] + sum_t e[t][y_t] + sum_{t>1} A[y_{t-1}][y_t] + f[y_T]
//! P(y | e)       = exp(score(y)) / Z,    Z = sum over all paths of exp(score)
//! loss           = log Z - score(gold)
//! d loss / d e[t][j]  = P(y_t = j) - [gold_t = j]
//! d loss / d A[i][j]  = sum_t P(y_{t-1} = i, y_t = j) - count of (i, j) in gold
//! ```
//!
//! `log Z` and the probabilities come from the forward-backward recursion, the best path from Viterbi's.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Crf`] | the layer: parameters as tensors, a loss that can be differentiated, decoding |
//! | [`Potentials`], [`EmissionBatch`] | parameters and emissions as plain memory, laid out for the kernels |
//! | [`log_partition`], [`nll`], [`nll_with_gradient`] | likelihood and its exact gradient, no graph over `T` |
//! | [`decode`], [`n_best`] | the best path, the `n` best paths |
//! | [`marginals`], [`Posterior`], [`SpanReader`] | probabilities of tags, pairs and spans |
//! | [`Constraints`] | tags that may begin, end and follow each other |
//!
//! The kernels run on the CPU, sentences in parallel, in `f64`: scores of any size are safe and results do not depend on the
//! number of threads. `batched` holds the same recursions as tensor operations for other devices.
//!
//! Differences from Lample et al.: start and end scores are vectors of their own instead of two more tags (the same
//! function), named and initialised as in the `pytorch-crf` package so that its weights load by name.

// A kernel's parts must be compiled with the instruction set of the kernel, and numbered lanes are what the compiler turns
// into vector instructions.
#![allow(clippy::inline_always, clippy::needless_range_loop)]

mod batch;
mod batched;
mod constraints;
mod forward_backward;
mod layer;
mod likelihood;
mod log_domain;
mod n_best;
mod posterior;
mod potentials;
mod scratch;
mod simd;
mod span;
mod viterbi;

pub use batch::EmissionBatch;
pub use constraints::Constraints;
pub use layer::{ConstrainAt, Crf, Reduction, lengths_of_mask};
pub use likelihood::{NllGradient, log_partition, nll, nll_with_gradient, weighted_nll_with_gradient};
pub use n_best::{ScoredPath, n_best};
pub use posterior::{Posterior, SpanQuery, marginals};
pub use potentials::Potentials;
pub use span::SpanReader;
pub use viterbi::{Decoded, decode};
