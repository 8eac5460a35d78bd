//! Counts of entities and the scores they give.
//!
//! With g gold entities, p predicted ones and c correct ones: precision = c / p, recall = c / g and
//! F1 = 2c / (g + p), the harmonic mean of the two. Every 0/0 is 0. Scores are fractions from 0 to 1; per cent is a
//! matter of printing.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// How many entities there are, were predicted, and were predicted correctly. Counts of disjoint units add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counts {
    /// Entities in the annotation.
    pub gold: usize,
    /// Entities in the system's output.
    pub predicted: usize,
    /// Entities in both.
    pub correct: usize,
}

/// Precision, recall and F1 as fractions from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Share of the predicted entities that are correct.
    pub precision: f64,
    /// Share of the gold entities that were found.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
}

fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { 0.0 } else { numerator / denominator }
}

impl Counts {
    /// Counts from their three numbers.
    pub fn new(gold: usize, predicted: usize, correct: usize) -> Self {
        Self { gold, predicted, correct }
    }

    /// correct / predicted; 0 where nothing was predicted.
    pub fn precision(&self) -> f64 {
        ratio(self.correct as f64, self.predicted as f64)
    }

    /// correct / gold; 0 where nothing is annotated.
    pub fn recall(&self) -> f64 {
        ratio(self.correct as f64, self.gold as f64)
    }

    /// 2 correct / (gold + predicted); 0 where there is nothing on either side.
    pub fn f1(&self) -> f64 {
        ratio(2.0 * self.correct as f64, (self.gold + self.predicted) as f64)
    }

    /// The three scores of these counts (micro scores, when the counts are sums).
    pub fn scores(&self) -> Scores {
        Scores { precision: self.precision(), recall: self.recall(), f1: self.f1() }
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.gold += other.gold;
        self.predicted += other.predicted;
        self.correct += other.correct;
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

impl<'a> Sum<&'a Counts> for Counts {
    fn sum<I: Iterator<Item = &'a Self>>(counts: I) -> Self {
        counts.copied().sum()
    }
}

/// Unweighted mean of each score over the types; all 0 where there are no types.
///
/// A type that occurs on one side only takes part with its zeros. The macro F1 is the mean of the types' F1, not the
/// harmonic mean of the macro precision and recall.
pub fn macro_scores(per_type: &BTreeMap<String, Counts>) -> Scores {
    mean(per_type, |_| 1.0)
}

/// Mean of each score over the types, each weighted by its number of gold entities; all 0 where there are none.
pub fn weighted_scores(per_type: &BTreeMap<String, Counts>) -> Scores {
    mean(per_type, |counts| counts.gold as f64)
}

fn mean(per_type: &BTreeMap<String, Counts>, weight: impl Fn(&Counts) -> f64) -> Scores {
    let total: f64 = per_type.values().map(&weight).sum();
    let average = |score: fn(&Counts) -> f64| {
        ratio(per_type.values().map(|counts| weight(counts) * score(counts)).sum(), total)
    };
    Scores { precision: average(Counts::precision), recall: average(Counts::recall), f1: average(Counts::f1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_give_the_textbook_scores() {
        let scores = Counts::new(4, 5, 3).scores();
        assert_eq!(scores.precision, 0.6);
        assert_eq!(scores.recall, 0.75);
        let harmonic = 2.0 * 0.6 * 0.75 / (0.6 + 0.75);
        assert!((scores.f1 - harmonic).abs() < 1e-15);
    }

    #[test]
    fn nothing_over_nothing_is_zero() {
        assert_eq!(Counts::default().scores(), Scores::default());
        assert_eq!(Counts::new(3, 0, 0).scores(), Scores::default());
        assert_eq!(Counts::new(0, 3, 0).scores(), Scores::default());
        assert_eq!(macro_scores(&BTreeMap::new()), Scores::default());
        let only_spurious = BTreeMap::from([("X".to_owned(), Counts::new(0, 3, 0))]);
        assert_eq!(weighted_scores(&only_spurious), Scores::default());
    }

    #[test]
    fn counts_add_up() {
        let parts = [Counts::new(1, 2, 1), Counts::new(3, 0, 0), Counts::new(0, 1, 0)];
        assert_eq!(parts.iter().sum::<Counts>(), Counts::new(4, 3, 1));
        assert_eq!(parts.into_iter().sum::<Counts>(), Counts::new(4, 3, 1));
    }

    #[test]
    fn macro_and_weighted_differ_by_support() {
        let per_type =
            BTreeMap::from([("A".to_owned(), Counts::new(9, 9, 9)), ("B".to_owned(), Counts::new(1, 1, 0))]);
        assert_eq!(macro_scores(&per_type).f1, 0.5);
        assert_eq!(weighted_scores(&per_type).f1, 0.9);
    }
}
