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
//! | [`vectors`], [`unseen`] | word vectors: trained here, GloVe subset, files; those of words that training did not show |
//! | [`length`] | what becomes of sentences of more than 512 tokens |
//! | [`input`], [`own_files`], [`train`], [`evaluate`], [`scoring`], [`predict`], [`folder`] | a user's own files |
//! | [`exchange`] | sentences to Label Studio, doccano, brat and JSON lines, and the answers back |
//! | [`project`] | annotation projects: the verbs `query` and `learn` |
//! | [`cells`], [`seconds`], [`method`] | what a cell of a table does; how all this is offered to the command line |
//!
//! # What the paper leaves open
//! | what | here | why |
//! | --- | --- | --- |
//! | batch size, learning rate of the games | 32, 1e-4 | the released code's |
//! | Adam's betas | 0.9, 0.999 everywhere | the usual ones; the released code has 0.9, 0.9 for the tasks and 0.5, 0.5 for the task game |
//! | batches of lines 2 to 4 | a pass over X^L, each batch beside one of X^U | as lines 9 to 12 have it |
//! | what the discriminators judge | a sentence, from the last states of both directions | equation (5) has one number a sentence |
//! | characters | with their case | as in the model that the character layer is taken from |
//! | a mention without a concept | a label of its own, `-1` | Table 1 counts it among BC5CDR's 2,311 labels |
//! | least confidence, entropy with two tasks | the sum over the tasks | the released code's |
//! | initial values, gates | PyTorch's | |
//! | batches of the tasks and of their game | of like length, none left out | quicker |
//! | batches of lines 2 to 4 | drawn at random | "sample"; batches of like length are told apart by their length alone |
//! | text of the CBOW vectors | the abstracts of both corpora, test sentences among them; no label is read | text of the field is needed, and there is no other here. See below |
//! | seeds of the CBOW vectors | all seeds of a row start from the vectors of seed 1 | one training of vectors for all cells; the spread over seeds has no part of theirs |
//! | lines 9 to 12 in `mtaal learn` | play the labelled sentences alone | a project keeps no pool between a question and its answer |
//! | task discriminator with one task | off, in `variant: released` too | there is nothing to tell apart; the released code plays it against a decoder that is never trained |
//!
//! What the released code does instead has a key each ([`config::Released`], which names the two of its facts that have none). Its losses
//! of the tasks are means over all 59 positions of a padded sentence, where ours are over the tokens in both variants, and its accuracy of
//! normalisation is a mean over shuffled full batches: neither is carried over.
//!
//! # What the CBOW rows are to be compared with
//! The vectors of the rows "CBOW trained here" have read the text of the test sentences, the published ones that the paper takes are of other text.
//! The rows stand about 0.02 above those with the GloVe subset (NCBI, NER F1 of seed 1: LC (MT) 0.833 beside 0.815, Random (MT) 0.792
//! beside 0.768). How much of that is the test text, and how much that more words have a vector, is not measured.
//!
//! # On a user's own files
//! Cells of tables do none of this.
//! - Words and characters that stand once are read as unknown ones half of the time, so that these are trained
//!   ([`algorithm::ActiveLearning::train_unknown`]).
//! - Words that training does not show have their given vectors: a model keeps those of the file ([`unseen`],
//!   [`config::WordVectorConfig::kept`]).
//! - Sentences of more than 512 tokens are cut where they are learned or asked, and read in windows where they are labelled or scored
//!   ([`length`]).
//! - What is scored (`evaluate`, `train --dev`) is cut as text to label is; a mention over the end of a sentence counts as missed
//!   ([`input::gold`]).

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
pub mod length;
pub mod losses;
pub mod lstm;
pub mod method;
pub mod metrics;
pub mod networks;
pub mod own_files;
pub mod predict;
pub mod prepare;
pub mod project;
pub mod querying;
pub mod rounds;
pub mod scores;
pub mod scoring;
pub mod seconds;
pub mod train;
pub mod unseen;
pub mod vectors;
pub mod words;

pub use method::Mtaal;
