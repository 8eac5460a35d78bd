//! Query strategies: what makes a sentence worth labelling, and which sentences are then taken.
//!
//! Everything here is a pure function of numbers that a network gave: two a token and task ([`TaskTokens`]: the greatest
//! log-probability and the entropy), or one a token from the diversity discriminator. No tensors, no state; a pool is scored with
//! one call a sentence, in parallel if one likes.
//!
//! With `p` the probabilities of a token, `T` tokens, and `k` over the tasks (NER, NEN; one in single-task runs):
//!
//! | strategy | paper | released code |
//! | --- | --- | --- |
//! | [`Strategy::Random`] | drawn without replacement | with replacement: duplicates enter the labelled set |
//! | [`Strategy::Entropy`] | sum_k sum_t H(p_t) | sum_k max_t H(p_t) |
//! | [`Strategy::Lc`] | sum_k (1 - prod_t max p_t) | the same, of both tasks also in single-task runs |
//! | [`Strategy::Mnlp`] | sum_k -(1/T) sum_t log max p_t (Shen et al. 2018; not in the paper) | sum_k -log((1/T) sum_t max p_t) |
//! | [`Strategy::Diversity`] | 1 - DD(E(x)), equation (5) | 1 - prod_t P(labelled), which favours long sentences |
//!
//! The paper's least confidence is 1 - max_y P(y|x); the softmax of each token is independent of the others, so the maximum over
//! label sequences is the product of the tokens' maxima, and both columns agree. Where the paper's discriminator gives one
//! probability a token, DD(E(x)) is their mean, so that it does not depend on the length.
//!
//! Which column holds is decided rule by rule ([`ScoreRules`]); every departure of the released code is one named rule. Scores
//! are [`Score`]s: the number as printed above and a key that ranks the same but does not saturate (1 - 1e-17 is 1).

mod diversity;
mod order;
mod rules;
mod selection;
mod strategy;
mod summaries;
mod uncertainty;

pub use diversity::score_diversity;
pub use order::{ScoringOrder, scoring_order};
pub use rules::{DiversityRule, EntropyRule, LastBatch, MnlpRule, Replacement, ScoreRules};
pub use selection::{Selection, select, select_random};
pub use strategy::{Strategy, UnknownStrategy};
pub use summaries::token_summaries;
pub use uncertainty::{
    TaskTokens, entropy_of_largest_tokens, entropy_sum, least_confidence, mnlp_log_of_mean,
    mnlp_mean_of_logs, score_tasks,
};

/// How much a sentence is worth labelling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The score as the paper or the released code has it; greater is better.
    pub value: f64,
    /// Ranks sentences as `value` does, where `value` has no digits left to tell them apart.
    pub key: f64,
}

impl Score {
    /// A score that ranks by itself.
    fn plain(value: f64) -> Self {
        Self { value, key: value }
    }
}

/// Numbers that no network should give, or that do not belong together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScoreError {
    /// A sentence without tokens.
    #[error("a sentence without tokens has no score; leave it out of the pool")]
    NoTokens,
    /// No task at all.
    #[error(
        "{strategy} scores the output of a task, but no task was given; a single-task run gives its one task"
    )]
    NoTask {
        /// The strategy.
        strategy: Strategy,
    },
    /// The two numbers of a token do not pair up.
    #[error(
        "{log_probs} log-probabilities but {entropies} entropies; give one of each for every token, padding cut off"
    )]
    Length {
        /// Tokens with a log-probability.
        log_probs: usize,
        /// Tokens with an entropy.
        entropies: usize,
    },
    /// NaN, an infinity, or a number out of range: training has diverged, or a logarithm was forgotten.
    #[error(
        "token {token}: {what} is {found}; expected {expected}. The network's output is broken: look for NaN in its loss"
    )]
    OutOfRange {
        /// Token, from 0.
        token: usize,
        /// Which number.
        what: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: f32,
    },
    /// A strategy that scores something else.
    #[error("{strategy} has no score from the tasks' probabilities; use {instead}")]
    NotFromTasks {
        /// The strategy.
        strategy: Strategy,
        /// What to call.
        instead: &'static str,
    },
    /// Not one score for each sentence that was to be scored.
    #[error("{scores} scores for {sentences} sentences; score every sentence of the order, in its order")]
    Count {
        /// Scores given.
        scores: usize,
        /// Sentences to score.
        sentences: usize,
    },
    /// A score that is NaN.
    #[error("the score of sentence {sentence} is not a number; nothing is chosen by it")]
    NotANumber {
        /// The sentence's number.
        sentence: u32,
    },
}
