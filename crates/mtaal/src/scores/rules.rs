//! Where the released code departs from the paper, one rule each.

use serde::{Deserialize, Serialize};

/// How a sentence's entropy is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntropyRule {
    /// The tokens' entropies added up, as the paper prints it. Favours long sentences.
    Sum,
    /// Released code: the entropy of the one token that has most of it, for each task.
    LargestToken,
}

/// How the probabilities of a sentence's tokens are averaged for MNLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MnlpRule {
    /// The mean of the logarithms (Shen et al. 2018).
    MeanOfLogs,
    /// Released code: the logarithm of the mean.
    LogOfMean,
}

/// How the discriminator's output becomes a sentence's score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiversityRule {
    /// 1 - DD(E(x)), DD being the mean where the discriminator speaks of each token.
    Sentence,
    /// Released code: 1 - the product of P(labelled) over the tokens. With P(labelled) about 1/2 this is 1 - 2^-T, so that the
    /// longest sentences come first whatever is in them.
    Product,
}

/// How Random draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replacement {
    /// Every sentence at most once.
    Without,
    /// Released code: the same sentence may be drawn again, enters the labelled set twice, and one less leaves the pool.
    With,
}

/// What happens to the sentences that fill no batch when the pool is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastBatch {
    /// They are scored as all others.
    Scored,
    /// Released code: they are not scored and leave the pool unread, at every query others, because the pool is shuffled
    /// before. With batches of 32 and 64 queried sentences that is 13 of NCBI's 5,037 at the first query and none after it,
    /// but for Random, whose duplicates leave an uneven pool each time.
    Lost,
}

/// Every rule of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreRules {
    /// Sum of all tokens, or the largest.
    pub entropy: EntropyRule,
    /// Mean of logarithms, or logarithm of the mean.
    pub mnlp: MnlpRule,
    /// One probability a sentence, or a product.
    pub diversity: DiversityRule,
    /// Random without replacement, or with it.
    pub random: Replacement,
    /// Released code: NER and NEN scores are added in single-task runs too, although one of the two decoders is then not
    /// trained. The caller gives both tasks' outputs where this is set.
    pub both_tasks: bool,
    /// What happens to the last partial batch.
    pub last_batch: LastBatch,
}

impl ScoreRules {
    /// As the paper has it.
    pub const PAPER: Self = Self {
        entropy: EntropyRule::Sum,
        mnlp: MnlpRule::MeanOfLogs,
        diversity: DiversityRule::Sentence,
        random: Replacement::Without,
        both_tasks: false,
        last_batch: LastBatch::Scored,
    };

    /// As the released code does it.
    pub const RELEASED: Self = Self {
        entropy: EntropyRule::LargestToken,
        mnlp: MnlpRule::LogOfMean,
        diversity: DiversityRule::Product,
        random: Replacement::With,
        both_tasks: true,
        last_batch: LastBatch::Lost,
    };
}
