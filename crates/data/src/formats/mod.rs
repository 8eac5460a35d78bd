//! Readers and writers, one file a format.
//!
//! | module | format | gives |
//! | --- | --- | --- |
//! | [`conll`], [`conll_writer`] | columns, one token a line; BIO, BIOES, BMES | sentences |
//! | [`msra`], [`weibo`], [`xjadrner`], [`crichton`], [`mtaal`] | corpora in columns, each with its own habits | sentences |
//! | [`segmented`] | People's Daily 1998 with parts of speech, SIGHAN-2005 | words, or characters in BMES |
//! | [`ccks`] | CCKS-2019 task 1, JSON lines | documents |
//! | [`cmdd`] | CMDD medical dialogues | dialogues, sentences |
//! | [`pubtator`] | titles and abstracts with mentions and concepts | documents |
//! | [`brat`] | a folder of `.txt` and `.ann` | documents |
//! | [`jsonl`] | our own, doccano's and Label Studio's JSON | documents |
//! | [`split`], [`tokenize`] | from documents to sentences and back: by characters (Chinese), by words (English) | |
//!
//! Every reader is strict: what it cannot read is an error with file, line, column, the offending text and the remedy. What a
//! reader repairs or leaves out because the corpus is known to need it is counted in its [`Report`].

pub mod brat;
pub mod ccks;
pub mod cmdd;
pub mod conll;
pub mod conll_writer;
pub mod crichton;
mod json;
pub mod jsonl;
pub mod msra;
pub mod mtaal;
pub mod pubtator;
pub mod report;
pub mod segmented;
pub mod split;
pub mod text;
pub mod tokenize;
pub mod utf16;
pub mod weibo;
pub mod xjadrner;

pub use report::{Read, Remark, Remarked, Report};
