//! XLNet (Yang et al. 2019, "XLNet: Generalized Autoregressive Pretraining for Language Understanding").
//!
//! A transformer whose attention knows how far apart two pieces are rather than where they stand, and that can read a text
//! in any order. Per layer and head, for the piece `i` that looks at `j` (Dai et al. 2019, section 3.3; Yang et al. 2019,
//! section 2.5):
//!
//! ```text
//! score(i, j) = [ (q_i + r_w) . k_j  +  (q_i + r_r) . W_r R(i - j)  +  (q_i + r_s) . s(same segment?) ] / sqrt(d)
//! R(n)        = [sin(n w_0), .. , cos(n w_0), ..],   w_m = 10000^(-2 m / D)
//! a           = LayerNorm(h + W_o sum over j of softmax(score)_j v_j)
//! h'          = LayerNorm(a + W_2 GELU(W_1 a))
//! ```
//!
//! Two streams (section 2.3): the content stream `h` sees itself, the query stream `g` knows its place and not its piece, so
//! that the piece can be asked for. Both have the same weights; `g` is computed at the places asked for alone.
//!
//! Parameters have the names that the `transformers` library gives them, so its folders load here and ours load there
//! ([`folder`]); hidden states and the gradients of all parameters agree with it to 1e-5 (tests/xlnet).
//!
//! | module | idea |
//! | --- | --- |
//! | [`config`] | sizes, as in `config.json` |
//! | [`attention`], [`layer`] | the network's parts |
//! | [`positions`] | relative positions |
//! | [`model`] | the encoder |
//! | [`heads`] | the language model's head, for pre-training |
//! | [`folder`] | strict reading and writing of folders |
//! | [`tokenizer`] | text and words to pieces |
//!
//! # Differences from the reference
//!
//! In training the dropout of the relative positions has one mask for a batch, not one for each sequence: the map of the
//! positions is then computed once. Places to be found are indices, not a matrix of weights.
//!
//! Letters in shapes: `B` sequences, `T` pieces (padded), `M` pieces remembered, `S = M + T` pieces seen, `P` places asked
//! for, `D` width, `h` heads, `d` width of a head, `V` entries of the vocabulary.

pub mod attention;
pub mod config;
pub mod folder;
pub mod heads;
pub mod layer;
pub mod model;
pub mod positions;
pub mod tokenizer;

pub use config::{AttentionType, XlnetConfig};
pub use heads::XlnetLmHead;
pub use model::{XlnetInput, XlnetModel, XlnetOutput};
pub use tokenizer::XlnetTokenizer;
