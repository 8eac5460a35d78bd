//! Which sentences are labelled from the start, which wait in the pool, and which are the test set.
//!
//! The positions `0..n` of the kept sentences are shuffled by numpy's legacy generator and cut into 20%, 70% and 10%; each
//! share is rounded down, so that up to two sentences belong to none ([`Split::left_out`]). With seed 0 these are the
//! paper's sets: 1,439 / 5,037 / 719 of NCBI and 3,198 / 11,193 / 1,599 of BC5CDR.

use medner_data::{DataError, Result};
use serde::{Deserialize, Serialize};

use super::mt19937::Mt19937;

/// Shares of the three sets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shares {
    /// Labelled before the first query (0 to 1).
    pub labelled: f64,
    /// The pool that is queried (0 to 1).
    pub unlabelled: f64,
    /// The test set (0 to 1).
    pub test: f64,
}

impl Default for Shares {
    /// The paper's: 20%, 70%, 10%.
    fn default() -> Self {
        Self { labelled: 0.2, unlabelled: 0.7, test: 0.1 }
    }
}

/// Positions in the list of kept sentences, each set in the shuffled order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Labelled before the first query.
    pub labelled: Vec<usize>,
    /// The pool that is queried.
    pub unlabelled: Vec<usize>,
    /// The test set.
    pub test: Vec<usize>,
    /// What rounding leaves over.
    pub left_out: Vec<usize>,
}

/// Shuffles `n` positions by `RandomState(seed).shuffle` and cuts them.
///
/// # Errors
/// [`DataError::Item`] for shares that are negative, no numbers, or more than 1 together.
pub fn split(n: usize, shares: Shares, seed: u32) -> Result<Split> {
    let Shares { labelled, unlabelled, test } = shares;
    let parts = [labelled, unlabelled, test];
    // Three decimal fractions may add up to a hair more than 1.
    if parts.iter().any(|share| !(0.0..=1.0).contains(share)) || parts.iter().sum::<f64>() > 1.0 + 1e-9 {
        let message = format!(
            "the shares {labelled} (labelled), {unlabelled} (unlabelled) and {test} (test) must be from 0 to 1 and not more than 1 together"
        );
        return Err(DataError::item("split", message));
    }
    let mut order: Vec<usize> = (0..n).collect();
    Mt19937::new(seed).shuffle(&mut order);
    let mut rest = order.into_iter();
    let [labelled, unlabelled, test] = parts.map(|share| {
        let count = (n as f64 * share) as usize;
        rest.by_ref().take(count).collect()
    });
    Ok(Split { labelled, unlabelled, test, left_out: rest.collect() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_position_is_in_one_set() {
        for n in [0, 1, 9, 10, 57, 7_197] {
            let split = split(n, Shares::default(), 3).unwrap();
            let sets = [&split.labelled, &split.unlabelled, &split.test, &split.left_out];
            let all: BTreeSet<usize> = sets.into_iter().flatten().copied().collect();
            assert_eq!(all.len(), n);
            assert_eq!(sets.map(Vec::len).iter().sum::<usize>(), n);
            assert_eq!([&split.labelled, &split.test].map(Vec::len), [n / 5, n / 10], "{n}");
            assert!(split.left_out.len() <= 2, "{n}");
        }
    }

    #[test]
    fn the_seed_decides() {
        let of = |seed| split(100, Shares::default(), seed).unwrap();
        assert_eq!(of(0), of(0));
        assert_ne!(of(0).labelled, of(1).labelled);
    }

    #[test]
    fn shares_that_cannot_be_are_refused() {
        for (labelled, unlabelled, test) in [(0.5, 0.5, 0.1), (-0.1, 0.5, 0.1), (f64::NAN, 0.1, 0.1)] {
            let error = split(10, Shares { labelled, unlabelled, test }, 0).unwrap_err().to_string();
            assert!(error.contains("not more than 1 together"), "{error}");
        }
    }
}
