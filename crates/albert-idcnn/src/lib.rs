//! Li, Long, Qu and Zhang 2022, "Chinese Clinical Named Entity Recognition with ALBERT and MHA Mechanism", on CCKS-2019.
//!
//! | where | what |
//! | --- | --- |
//! | [`model`] | the networks and the equations they stand for |
//! | [`config`] | every key, with the paper's value as the default |
//! | [`albert`] | ALBERT: the encoder, its tokenizer, folders that `transformers` reads |
//! | [`pretraining`] | an encoder of our own from plain text |
//! | [`contextual`] | ALBERT as the input of a tagger |
//! | [`reading`] | from characters to numbers or pieces |
//! | [`prepare`] | what a tagger is trained with, from the seed on |
//! | [`training`] | batches, optimisers (Tables 4 and 5), the development score |
//! | [`cells`] | what a cell of a table does: tagger, character vectors, counts, seconds per epoch |
//! | [`errors`] | a tagger's errors by what was lost (Table 3) |
//! | [`folder`] | trained taggers on a user's own files |
//! | [`method`] | how all this is offered to the command line and the driver |
//!
//! # Differences from the paper
//!
//! | the paper | here | key |
//! | --- | --- | --- |
//! | Adam with 3e-5 for everything, which hardly moves what starts from random values | 1e-3 for that, 3e-5 for the encoder; `literal: true` gives 3e-5 to all | `training.head_learning_rate`, `training.encoder_learning_rate`, `training.literal` |
//! | what becomes of the learning rates is not said | they stay; `linear` lets them fall to 0 after a share of rising steps | `training.schedule`, `training.warmup` |
//! | ALBERT's positions are sinusoids | learned, as the released Chinese ALBERT has them | |
//! | epochs and the choice among them are not given; there is no development set | the last 10% of the training records choose the epoch | `development`, `training.epochs`, `training.patience` |
//! | "the parameters of each layer are independent" and "parameter-sharing mechanism" | one block applied four times | `model.idcnn.share_blocks` |
//! | dilations and iterations are not given | dilations 1, 1, 2, four iterations, an input convolution | `model.idcnn` |
//! | width of the BiLSTM not given | 128 per direction | `model.hidden` |
//! | text of the Word2Vec vectors not given | the training records, PD1998, MSRA and CMDD training text | `vectors.texts` |
//! | sentences over 128 are not spoken of | cut further at `；` and `，`, else at the limit; counted | `split.max_length` |

pub mod albert;
pub mod cells;
pub mod character_vectors;
pub mod config;
pub mod contextual;
pub mod datasets;
pub mod errors;
pub mod folder;
pub mod method;
pub mod model;
pub mod prepare;
pub mod pretraining;
pub mod reading;
pub mod training;
mod unread;

pub use method::AlbertIdcnn;
