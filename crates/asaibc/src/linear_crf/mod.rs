//! Linear-chain CRFs over strings and vectors (Lafferty et al. 2001; for WeiboNER Peng and Dredze 2015): the rows "CRF", "CRF+word",
//! "CRF+character" and "CRF+character+position" of the ASAIBC paper's Table 6, and "CRF" of its Table 7.
//!
//! ```text
//! p(y | x) ~ exp( sum_t  sum_i W[i, y_t] f_i(x, t)  +  sum_o  U_o[:, y_t] . v(x, t + o)  +  A[y_(t-1), y_t] )
//! ```
//!
//! `f_i` are strings of neighbouring characters ([`FeatureConfig`]), `v` vectors that CBOW gives to characters, words, or characters
//! at their places in words ([`Embedding`]). The likelihood with a squared penalty is convex in `W`, `U` and `A`; L-BFGS finds its
//! one minimum from zero, so that there is no seed, and the result is the same bits on any number of threads.
//!
//! # Differences from the papers
//! - Peng and Dredze train by stochastic gradient descent without a penalty and keep the epoch that is best on the development set; here
//!   the penalty `l2` takes that place ([`TrainOptions`]).
//! - Their vectors come from two million messages and are trained on with the CRF; here they come from the training messages and PD1998,
//!   all that is at hand, and stay as they are, which keeps the problem convex.
//! - Their words come from one segmenter for everything. Here they come from the digits of WeiboNER's revised version where the corpus
//!   has them, from the annotation in PD1998, and from longest match elsewhere.
//! - Decoding may be kept to legal BIO sequences ([`TrainOptions::constrained`]).

mod chain;
mod checkpoint;
mod features;
mod lbfgs;
mod model_file;
mod objective;
mod symbols;
mod table;
mod tensors;
mod train;
mod vector;
mod vectors;

use std::path::PathBuf;

use medner_data::{DataError, Sentence, WordVectors};
use medner_metrics::{LabelSet, MetricsError, Span};
use rayon::prelude::*;

pub use features::FeatureConfig;
pub use symbols::{Embedding, cbow_text, symbols};
pub use train::{Ended, Outcome, Progress, Run, Summary, TrainOptions};

use self::chain::Chain;
use self::features::Dictionary;
use self::objective::{Encoded, Shape, scores_by_row};
use self::vectors::Vectors;
use crate::transfer::Lexicon;

/// What a model needs besides the training sentences. It keeps copies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resources<'a> {
    /// Vectors of the embedding's symbols; needed by all embeddings but [`Embedding::None`].
    pub vectors: Option<&'a WordVectors>,
    /// Cuts sentences that have no words of their own; not read by embeddings that need no words.
    pub lexicon: Option<&'a Lexicon>,
}

/// A trained model.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearCrf {
    features: FeatureConfig,
    constrained: bool,
    labels: LabelSet,
    dictionary: Dictionary,
    vectors: Vectors,
    lexicon: Option<Lexicon>,
    /// As [`objective`] lays them out.
    weights: Vec<f64>,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum LinearCrfError {
    /// A configuration that makes no sense.
    #[error("linear CRF: `{key}` is {value}; expected {expected}")]
    Config {
        /// Key of the configuration.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// Nothing to train on.
    #[error("linear CRF: there are no training sentences")]
    NoSentences,
    /// An embedding without vectors.
    #[error(
        "linear CRF: the embedding {embedding:?} needs vectors; train them on `cbow_text`, or use `none`"
    )]
    NoVectors {
        /// The embedding.
        embedding: Embedding,
    },
    /// A sentence that cannot be cut into words.
    #[error("{id}: has no word positions, and no lexicon is given that could cut it into words")]
    NoWords {
        /// The sentence.
        id: String,
    },
    /// A bad sentence.
    #[error(transparent)]
    Sentence(#[from] DataError),
    /// Sentences without entities, or entities that cannot be written as tags.
    #[error(transparent)]
    Labels(#[from] MetricsError),
    /// The objective is not a finite number.
    #[error(
        "linear CRF: the objective is not finite after {iteration} iterations; use a smaller `scale` or a greater `l2`"
    )]
    NotFinite {
        /// Iterations done.
        iteration: u32,
    },
    /// A checkpoint of another training.
    #[error("{}: belongs to another training; other are: {}; remove it, or train as it was begun", .path.display(), .differences.join(", "))]
    OtherTraining {
        /// The checkpoint.
        path: PathBuf,
        /// What is not as it was.
        differences: Vec<String>,
    },
    /// A file of a model or a checkpoint that is not what was written.
    #[error("{}: {message}", .path.display())]
    Damaged {
        /// File.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The operating system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl LinearCrf {
    /// The entity types and tags it knows.
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }

    /// Its features.
    pub fn features(&self) -> &FeatureConfig {
        &self.features
    }

    fn shape(&self) -> Shape {
        Shape {
            strings: self.dictionary.len(),
            offsets: self.features.offsets().len(),
            dim: self.vectors.dim(),
            tags: self.labels.len(),
        }
    }

    /// Numbers of sentences' features.
    fn encode(&self, sentences: &[Sentence]) -> Result<Encoded, LinearCrfError> {
        let symbols: Result<Vec<Vec<String>>, LinearCrfError> = sentences
            .iter()
            .map(|sentence| symbols(self.features.embedding, sentence, self.lexicon.as_ref()))
            .collect();
        let offsets = self.features.offsets();
        Ok(Encoded::new(sentences, &symbols?, &self.dictionary, &self.vectors, &offsets))
    }

    /// The entities of sentences of characters, one list a sentence. Spans that the sentences have are not looked at.
    ///
    /// # Errors
    /// [`LinearCrfError::NoWords`] where the model needs words and there is no way to them.
    pub fn predict(&self, sentences: &[Sentence]) -> Result<Vec<Vec<Span>>, LinearCrfError> {
        let shape = self.shape();
        let encoded = self.encode(sentences)?;
        let by_row = scores_by_row(&shape, &self.vectors, &self.weights);
        let chain = Chain::new(shape.tags, &self.weights[shape.moves()]);
        let legal = self.constrained.then(|| self.labels.legal_transitions());
        Ok((0..sentences.len())
            .into_par_iter()
            .map_init(Vec::new, |scores, i| {
                let positions = encoded.starts[i]..encoded.starts[i + 1];
                encoded.scores(positions, &self.weights, &by_row, shape.tags, scores);
                let path = chain.best_path(scores, legal.as_ref());
                self.labels.decode(&path.into_iter().map(i64::from).collect::<Vec<_>>())
            })
            .collect())
    }
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
