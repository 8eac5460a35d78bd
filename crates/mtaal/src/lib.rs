//! Zhou, Cai, Zhang, Guo and Yuan 2021, "MTAAL: Multi-Task Adversarial Active Learning for Medical Named Entity Recognition
//! and Normalization", on the NCBI disease corpus and BC5CDR.
//!
//! | where | what |
//! | --- | --- |
//! | [`config`] | every key, with the paper's value as the default, and every oddity of the released code |
//! | [`corpus`], [`prepare`] | pool, split, labels of both tasks; Table 1; what a run is made of |
//! | [`lstm`] | bidirectional LSTM without padding |
//! | [`words`], [`networks`] | each distinct word of a batch once; encoder, decoders, discriminators |
//! | [`losses`] | equations (1) to (4) |
//! | [`algorithm`], [`rounds`] | Algorithm 1 line by line; the steps of a query round |
//! | [`judging`], [`scores`], [`querying`] | pools through the networks; what a sentence is worth; which ones are chosen (equation 5) |
//! | [`metrics`] | the four metrics, and the diversity of queried sentences |
//! | [`exchange`] | sentences to Label Studio, doccano, brat and JSON lines, and the answers back |
//! | [`vectors`] | word vectors: trained here, GloVe subset, files |
//! | [`input`], [`train`], [`evaluate`], [`predict`], [`folder`] | a user's own files |
//! | [`exchange`] | sentences out to the people who label, and their answers back in |
//! | [`project`] | annotation projects: the verbs `query` and `learn` |
//! | [`cells`], [`method`] | what a cell of a table does; how all this is offered to the command line |

pub mod algorithm;
pub mod attention;
pub mod cells;
pub mod config;
pub mod corpus;
pub mod evaluate;
pub mod exchange;
pub mod folder;
pub mod input;
pub mod judging;
mod keras;
pub mod losses;
pub mod lstm;
pub mod method;
pub mod metrics;
pub mod networks;
pub mod predict;
pub mod prepare;
pub mod project;
pub mod querying;
pub mod rounds;
pub mod scores;
pub mod train;
pub mod vectors;
pub mod words;

pub use method::Mtaal;
