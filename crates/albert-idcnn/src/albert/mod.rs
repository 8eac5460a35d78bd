//! ALBERT (Lan et al. 2020, "ALBERT: A Lite BERT for Self-supervised Learning of Language Representations").
//!
//! BERT with two economies: the embedding table is narrow (`E`) and mapped to the width of the layers (`H`) by one matrix,
//! and all layers share one set of weights. Per layer, with LayerNorm after each residual connection:
//!
//! ```text
//! x_0 = W_in LayerNorm(word + position + segment)          E -> H
//! a   = LayerNorm(x + W_O MultiHead(x, x, x))
//! x'  = LayerNorm(a + W_2 GELU(W_1 a))
//! ```
//!
//! Parameters have the names that the `transformers` library gives them, so its folders load here and ours load there
//! ([`folder`]); hidden states, logits and gradients agree with it to 1e-5 (tests/albert.rs).
//!
//! | module | idea |
//! | --- | --- |
//! | [`config`] | sizes, as in `config.json` |
//! | [`embeddings`], [`attention`], [`layer`] | the network's parts |
//! | [`model`] | the encoder |
//! | [`heads`] | masked-language-model and sentence-order heads for pre-training |
//! | [`folder`] | strict reading and writing of folders |
//! | [`tokenizer`] | text to pieces, aligned to characters |
//!
//! # Differences from the NER paper
//!
//! The paper (section 3.2) prints sinusoids for the positions; the released Chinese ALBERT learns a table, and so does this.
//!
//! Letters in shapes: `B` sequences, `T` pieces (padded), `P` chosen positions, `E` width of the embedding, `H` of the layers,
//! `h` heads, `d = H / h`, `V` entries of the vocabulary.

pub mod attention;
pub mod config;
pub mod embeddings;
pub mod folder;
pub mod heads;
pub mod layer;
pub mod model;
pub mod tokenizer;

pub use config::AlbertConfig;
pub use heads::{AlbertForPreTraining, MaskedLmHead, SentenceOrderHead};
pub use model::{AlbertInput, AlbertModel, Pooler};
pub use tokenizer::{AlbertTokenizer, Pieces, TokenizerMode};
