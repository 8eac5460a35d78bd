//! The released code's oddities, each by itself.
//!
//! Two of its facts are no key:
//! - The characters that fill a word up are number 1 there, those of the words that fill a sentence up number 0. Here both are
//!   number 0, as they were when the records of least confidence were made.
//! - Least confidence of an untrained network is 1 minus a product of as many factors near 1/3 (NER) or 1/743 (NEN) as there are
//!   tokens, which is 1 in 32 bits for every sentence of the first query: which of them are chosen is left to sorting. Here a key
//!   that does not saturate ranks them.

use medner_experiment::{ConfigError, Value};
use serde::{Deserialize, Serialize};

/// What the released code does differently from the paper (repository zhoubaohang/MTAAL), each by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools)] // Independent facts, each with a name of its own.
pub struct Released {
    /// One step of the diversity game a query, whatever `diversity_discriminator.steps` says.
    pub one_diversity_step: bool,
    /// The task game plays labelled and unlabelled batches one after the other, and the maximising (private) step before
    /// the minimising (share) step.
    pub private_step_first: bool,
    /// The discriminators' cross-entropy has its arguments swapped: 16.118 (1 - p) instead of -log p.
    pub swapped_cross_entropy: bool,
    /// The score functions of the released code: a maximum of token entropies, products over tokens that favour long
    /// sentences.
    pub scores: bool,
    /// The uncertainty of both tasks is added in single-task runs as well, where one decoder is never trained.
    pub scores_of_both_tasks: bool,
    /// The strategy `random` draws with replacement, so that the labelled set holds sentences twice.
    pub random_with_replacement: bool,
    /// The last partial batch of the pool is never scored and leaves the pool at every query.
    pub drops_last_pool_batch: bool,
    /// Given word vectors are lost: training starts from U(-0.05, 0.05).
    pub forgets_word_vectors: bool,
    /// Sentences are padded on the left to 59 tokens, and the networks read the padding as words.
    pub left_padding: bool,
    /// The discriminators judge every token instead of the sentence.
    pub judges_each_token: bool,
    /// Their losses are means over all 59 positions, the padding judged like words; only the scores cut it off.
    pub judges_padding: bool,
    /// Lines 3 and 4 of Algorithm 1 are one run of the session: the encoder is judged by the discriminator as it was before
    /// line 3 moved it.
    pub one_solver_run: bool,
    /// The unlabelled branch has a character BiLSTM of its own. It is in force where both branches are read at once, in the
    /// diversity game; the pool is scored, and the task game played, through the labelled one.
    pub own_characters_of_pool: bool,
    /// Characters are read lower-cased, as the words are.
    pub lowercase_characters: bool,
    /// A mention without a concept (`-1`) is trained as `O`.
    pub missing_concept_as_outside: bool,
    /// The attention is additive (32 units, a tanh around the score) and adds up its own input, where the paper has products
    /// of queries and keys, and values. A score in [-1, 1] lets no word of 59 have more than a ninth of the weight.
    pub additive_attention: bool,
    /// Characters to which each word is filled up on both sides, and the character BiLSTM reads the filling; 0 for none. The
    /// released code takes the longest word of the data set: 26 (NCBI), 37 (BC5CDR).
    pub word_length: usize,
    /// Keras' initial values, which are not PyTorch's: Glorot's and orthogonal matrices, biases 0 but 1 at the forget gates,
    /// characters from U(-0.05, 0.05).
    pub keras_initial_values: bool,
    /// Gates of LSTMs are `0.2 x + 0.5` cut off at 0 and 1, as in Keras 2.2, instead of sigmoids.
    pub hard_sigmoid_gates: bool,
    /// The vectors of words and characters are no part of `θ_E` in the adversarial games.
    pub games_spare_vectors: bool,
    /// Training batches are drawn at random, and the last partial one is left out, where ours are of like length and whole.
    pub random_batches: bool,
}

/// Positions of a sentence in the released code.
pub const RELEASED_LENGTH: usize = 59;

impl Released {
    /// Every fact at once.
    pub fn all() -> Self {
        Self {
            one_diversity_step: true,
            private_step_first: true,
            swapped_cross_entropy: true,
            scores: true,
            scores_of_both_tasks: true,
            random_with_replacement: true,
            drops_last_pool_batch: true,
            forgets_word_vectors: true,
            left_padding: true,
            judges_each_token: true,
            judges_padding: true,
            one_solver_run: true,
            own_characters_of_pool: true,
            lowercase_characters: true,
            missing_concept_as_outside: true,
            additive_attention: true,
            word_length: 26,
            keras_initial_values: true,
            hard_sigmoid_gates: true,
            games_spare_vectors: true,
            random_batches: true,
        }
    }

    /// Without what only discriminators do, where there are none to do it: `asked` for scores, `played` in any game, `diversity`
    /// in that of lines 2 to 4.
    #[must_use]
    pub(super) fn for_discriminators(mut self, asked: bool, played: bool, diversity: bool) -> Self {
        self.judges_each_token &= asked || played;
        self.judges_padding &= played && self.judges_each_token && self.left_padding;
        self.one_solver_run &= diversity;
        self
    }
}

/// What `variant: released` stands for: every oddity, and the optimisers of facts 2 and 3.
pub(super) fn preset() -> Result<Value, ConfigError> {
    let write = |error: serde_json::Error| ConfigError::at("released", error.to_string());
    let game = serde_json::json!({"learning_rate": 1e-4, "beta1": 0.5, "beta2": 0.5});
    Ok(serde_json::json!({
        "released": serde_json::to_value(Released::all()).map_err(write)?,
        "task_discriminator": game,
        "diversity_discriminator": {"learning_rate": 1e-4},
        "training": {"beta1": 0.9, "beta2": 0.9},
    }))
}
