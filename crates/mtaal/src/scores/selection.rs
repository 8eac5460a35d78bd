//! From scores to the sentences that are labelled next.

use rand::Rng;
use rand::seq::index::sample;
use serde::{Deserialize, Serialize};

use super::order::{ScoringOrder, stream};
use super::rules::{Replacement, ScoreRules};
use super::{Score, ScoreError};

/// The outcome of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Numbers of the chosen sentences, the best first. The released code's Random may have some twice.
    pub chosen: Vec<u32>,
    /// Numbers of sentences that leave the pool without being chosen: the released code's last partial batch.
    pub lost: Vec<u32>,
}

/// Takes the `k` sentences with the highest scores, all where the pool has fewer. `scores[i]` is that of `order.scored[i]`. Of
/// sentences with one score, that with the smaller number comes first, whatever the order of scoring.
///
/// # Errors
/// Not one score a sentence; a score that is NaN.
pub fn select(order: &ScoringOrder, scores: &[Score], k: usize) -> Result<Selection, ScoreError> {
    let ScoringOrder { scored, unscored } = order;
    if scored.len() != scores.len() {
        return Err(ScoreError::Count { scores: scores.len(), sentences: scored.len() });
    }
    let mut ranked: Vec<(f64, u32)> = scores.iter().map(|s| s.key).zip(scored.iter().copied()).collect();
    if let Some(&(_, sentence)) = ranked.iter().find(|(key, _)| key.is_nan()) {
        return Err(ScoreError::NotANumber { sentence });
    }
    ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let chosen = ranked.into_iter().take(k).map(|(_, sentence)| sentence).collect();
    Ok(Selection { chosen, lost: unscored.clone() })
}

/// Draws `k` sentences by chance; without replacement all where the pool has fewer, with replacement none from an empty pool.
pub fn select_random(order: &ScoringOrder, rules: &ScoreRules, k: usize, seed: u64, round: u64) -> Selection {
    let ScoringOrder { scored, unscored } = order;
    let mut rng = stream(seed, round, 1);
    let n = scored.len();
    let chosen = match rules.random {
        Replacement::Without => sample(&mut rng, n, k.min(n)).into_iter().map(|i| scored[i]).collect(),
        Replacement::With if n == 0 => Vec::new(),
        Replacement::With => (0..k).map(|_| scored[rng.random_range(0..n)]).collect(),
    };
    Selection { chosen, lost: unscored.clone() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use super::*;

    fn order(scored: &[u32], unscored: &[u32]) -> ScoringOrder {
        ScoringOrder { scored: scored.to_vec(), unscored: unscored.to_vec() }
    }

    fn scores(keys: &[f64]) -> Vec<Score> {
        keys.iter().map(|&key| Score { value: 1.0, key }).collect()
    }

    #[test]
    fn the_best_come_first_and_ties_go_to_the_smaller_number() {
        let forwards = select(&order(&[3, 5, 9, 7], &[2]), &scores(&[0.5, 2.0, 0.5, 0.5]), 3).unwrap();
        assert_eq!(forwards, Selection { chosen: vec![5, 3, 7], lost: vec![2] });
        let backwards = select(&order(&[7, 9, 5, 3], &[2]), &scores(&[0.5, 0.5, 2.0, 0.5]), 3).unwrap();
        assert_eq!(forwards, backwards);
        assert_eq!(select(&order(&[4, 1], &[]), &scores(&[0.0, 1.0]), 9).unwrap().chosen, [1, 4]);
    }

    #[test]
    fn an_infinite_key_wins_and_a_broken_one_is_refused() {
        let infinite = scores(&[1.0, f64::INFINITY]);
        assert_eq!(select(&order(&[1, 2], &[]), &infinite, 1).unwrap().chosen, [2]);
        let error = select(&order(&[1, 2], &[]), &scores(&[1.0, f64::NAN]), 1).unwrap_err();
        assert_eq!(error, ScoreError::NotANumber { sentence: 2 });
        let error = select(&order(&[1, 2], &[]), &scores(&[1.0]), 1).unwrap_err();
        assert_eq!(error, ScoreError::Count { scores: 1, sentences: 2 });
    }

    #[test]
    fn chance_without_replacement_gives_different_sentences() {
        let pool = order(&(100..400).collect::<Vec<u32>>(), &[7]);
        let drawn = select_random(&pool, &ScoreRules::PAPER, 64, 5, 2);
        let distinct: BTreeSet<u32> = drawn.chosen.iter().copied().collect();
        assert_eq!((drawn.chosen.len(), distinct.len(), &drawn.lost[..]), (64, 64, &[7][..]));
        assert!(distinct.iter().all(|n| (100..400).contains(n)));
        assert_eq!(drawn, select_random(&pool, &ScoreRules::PAPER, 64, 5, 2));
        assert_ne!(drawn, select_random(&pool, &ScoreRules::PAPER, 64, 5, 3));
        assert_ne!(drawn, select_random(&pool, &ScoreRules::PAPER, 64, 6, 2));
        assert_eq!(select_random(&order(&[1, 2], &[]), &ScoreRules::PAPER, 64, 5, 2).chosen.len(), 2);
    }

    #[test]
    fn chance_with_replacement_gives_duplicates() {
        let pool = order(&(0..40).collect::<Vec<u32>>(), &[]);
        let drawn = select_random(&pool, &ScoreRules::RELEASED, 64, 5, 2);
        let distinct: BTreeSet<u32> = drawn.chosen.iter().copied().collect();
        assert_eq!(drawn.chosen.len(), 64);
        assert!(distinct.len() < 40, "64 draws from 40 miss some: {}", distinct.len());
        assert!(select_random(&order(&[], &[1]), &ScoreRules::RELEASED, 3, 5, 2).chosen.is_empty());
    }

    #[test]
    fn every_sentence_is_as_likely() {
        let pool = order(&(0..10).collect::<Vec<u32>>(), &[]);
        for rules in [ScoreRules::PAPER, ScoreRules::RELEASED] {
            let mut counts = [0_usize; 10];
            for round in 0..2_000 {
                for sentence in select_random(&pool, &rules, 5, 1, round).chosen {
                    counts[sentence as usize] += 1;
                }
            }
            // 10,000 draws: 1,000 each, standard deviation about 30.
            assert!(counts.iter().all(|n| (850..1_150).contains(n)), "{counts:?}");
        }
    }
}
