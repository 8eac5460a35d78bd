//! Pre-training of an ALBERT on plain text (Lan et al. 2020, section 3): hidden pieces are to be found (masked language
//! model), and of two segments it is to be said whether they stand in their order (sentence order).
//!
//! ```text
//! text -> documents of sentences            [corpora]
//!      -> pieces, a vocabulary of the pieces that occur            [vocabulary]
//!      -> every epoch other windows [CLS] A [SEP] B [SEP], half of them swapped            [examples]
//!      -> at every step other pieces hidden            [masking]
//!      -> the loss at the hidden pieces alone            [objective]
//!      -> a folder that `transformers` reads            [run]
//! ```
//!
//! Steps, batches, held-out perplexity and resuming are those of every pre-training: [`medner_training::pretraining`].
//!
//! # Differences from the ALBERT paper
//!
//! | the paper | here | why |
//! | --- | --- | --- |
//! | n-grams of whole words | n-grams of characters (of words where a word has several pieces) | Chinese text has no word boundaries, and the vocabulary's entries are characters |
//! | sentences cut off at the end of a window are lost | a window ends anywhere and the next begins there | no text is lost, and windows are full |
//! | LAMB, 4,096 sequences of 512 a step | AdamW, a few dozen of 128 | for machines with a few cores; `training` sets them |
//! | the word table begins with random values | with CBOW vectors of the same text where `word_vectors` is given ([`word_table`]) | an hour of one core is too short to learn it on the way |
//! | positions and attention begin with random values | or with heads that look at one neighbour each (`encoder.positions`, [`neighbours`]) | the same |
//! | windows and masks made once, ten times over | made anew at every epoch and step | costs nothing, repeats nothing |

pub mod config;
pub mod corpora;
pub mod examples;
pub mod masking;
pub mod neighbours;
pub mod objective;
pub mod run;
pub mod settings;
pub mod vocabulary;
pub mod word_table;

pub use config::PretrainingConfig;
