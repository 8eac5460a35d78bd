//! Which sentences of the pool are scored at a query, and in which order.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::rules::{LastBatch, ScoreRules};

/// The pool at one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScoringOrder {
    /// Numbers of the sentences that get a score.
    pub scored: Vec<u32>,
    /// Numbers of the sentences that fill no batch: the released code loses them.
    pub unscored: Vec<u32>,
}

/// The stream of query `round` (from 0) of a run; `purpose` keeps its two draws apart.
pub(super) fn stream(seed: u64, round: u64, purpose: u64) -> ChaCha8Rng {
    let mut key = [0_u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&round.to_le_bytes());
    key[16..23].copy_from_slice(b"queries");
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(purpose);
    rng
}

/// What to score. By the paper all of the pool, in its own order; by the released code the pool is shuffled and cut into batches
/// of `batch` sentences, and the rest is lost.
///
/// # Panics
/// For batches of no sentence.
pub fn scoring_order(
    unlabelled: &[u32],
    rules: &ScoreRules,
    batch: usize,
    seed: u64,
    round: u64,
) -> ScoringOrder {
    assert!(batch > 0, "a batch has at least one sentence");
    let mut scored = unlabelled.to_vec();
    let unscored = match rules.last_batch {
        LastBatch::Scored => Vec::new(),
        LastBatch::Lost => {
            scored.shuffle(&mut stream(seed, round, 0));
            scored.split_off(scored.len() / batch * batch)
        }
    };
    ScoringOrder { scored, unscored }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_scores_everything() {
        let pool: Vec<u32> = (10..80).collect();
        let order = scoring_order(&pool, &ScoreRules::PAPER, 32, 1, 0);
        assert_eq!(order, ScoringOrder { scored: pool, unscored: vec![] });
    }

    #[test]
    fn the_released_code_loses_the_last_partial_batch() {
        let pool: Vec<u32> = (0..5_037).collect();
        let order = |round| scoring_order(&pool, &ScoreRules::RELEASED, 32, 1, round);
        let first = order(0);
        assert_eq!((first.scored.len(), first.unscored.len()), (5_024, 13));
        let mut all = [&first.scored[..], &first.unscored].concat();
        all.sort_unstable();
        assert_eq!(all, pool);
        assert_eq!(first, order(0));
        assert_ne!(first.unscored, order(1).unscored);
        // 5,024 - 64 is again a whole number of batches.
        assert!(scoring_order(&pool[..4_960], &ScoreRules::RELEASED, 32, 1, 1).unscored.is_empty());
        assert!(scoring_order(&pool[..31], &ScoreRules::RELEASED, 32, 1, 1).scored.is_empty());
    }
}
