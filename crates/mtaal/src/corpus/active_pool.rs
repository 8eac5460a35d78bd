//! What is labelled and what is not, query after query.

use std::collections::BTreeSet;

use medner_data::{DataError, Result};
use serde::{Deserialize, Serialize};

use super::split::Split;
use crate::scores::Selection;

/// Numbers of sentences; saved with a run's state. The whole of a run's memory of its queries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivePool {
    /// Sentences with labels, in the order in which they got them. The released code's Random puts some in twice.
    pub labelled: Vec<u32>,
    /// Sentences that can be queried.
    pub unlabelled: Vec<u32>,
}

impl ActivePool {
    /// The pool before the first query.
    pub fn new(split: &Split) -> Self {
        let numbers = |positions: &[usize]| positions.iter().map(|&p| p as u32).collect();
        Self { labelled: numbers(&split.labelled), unlabelled: numbers(&split.unlabelled) }
    }

    /// Line 7 and 8 of Algorithm 1: what was chosen gets its labels and leaves the pool. What the released code loses leaves it too.
    ///
    /// # Errors
    /// [`DataError::Item`] for a sentence that is not in the pool: the selection belongs to another state. Nothing is changed then.
    pub fn apply(&mut self, selection: &Selection) -> Result<()> {
        let gone: BTreeSet<u32> = selection.chosen.iter().chain(&selection.lost).copied().collect();
        let here: BTreeSet<u32> = self.unlabelled.iter().copied().collect();
        if let Some(stranger) = gone.difference(&here).next() {
            let message = "was selected, but is not in the pool; the selection was made in another state";
            return Err(DataError::item(&format!("sentence {stranger}"), message));
        }
        self.labelled.extend(&selection.chosen);
        self.unlabelled.retain(|sentence| !gone.contains(sentence));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn pool() -> ActivePool {
        ActivePool { labelled: vec![9, 4], unlabelled: vec![7, 1, 3, 8, 2] }
    }

    #[test]
    fn what_is_chosen_moves_and_what_is_lost_goes() {
        let mut pool = pool();
        pool.apply(&Selection { chosen: vec![8, 7, 8], lost: vec![2] }).unwrap();
        assert_eq!(pool, ActivePool { labelled: vec![9, 4, 8, 7, 8], unlabelled: vec![1, 3] });
        let text = serde_json::to_string(&pool).unwrap();
        assert_eq!(serde_json::from_str::<ActivePool>(&text).unwrap(), pool);
    }

    #[test]
    fn a_sentence_that_is_not_in_the_pool_is_refused_and_nothing_changes() {
        let mut changed = pool();
        let error = changed.apply(&Selection { chosen: vec![1, 4], lost: vec![] }).unwrap_err().to_string();
        assert!(error.starts_with("sentence 4: was selected, but is not in the pool"), "{error}");
        assert_eq!(changed, pool());
    }
}
