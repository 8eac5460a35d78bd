//! Token accuracy: the share of tokens whose tag, or any other value a token has, is the gold one.
//!
//! `O` tokens count like all others, which is why the number is high wherever entities are rare. It is what some papers
//! print under the name of a normalisation score; it is never the project's primary score.

use serde::{Deserialize, Serialize};

use crate::entity::same_units;
use crate::error::{MetricsError, Result};

/// Tokens, and how many of them got the gold value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAccuracy {
    /// Tokens with the gold value.
    pub correct: usize,
    /// All tokens.
    pub total: usize,
}

impl TokenAccuracy {
    /// correct / total as a fraction from 0 to 1; 0 where there are no tokens.
    pub fn accuracy(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.correct as f64 / self.total as f64 }
    }
}

/// Compares token by token; each unit must have as many values on both sides.
///
/// Tags are compared as text: `B-Disease` for `I-Disease` is wrong.
pub fn token_accuracy<S: PartialEq<T>, T>(gold: &[Vec<S>], predicted: &[Vec<T>]) -> Result<TokenAccuracy> {
    same_units(gold.len(), predicted.len())?;
    let mut accuracy = TokenAccuracy::default();
    for (unit, (gold, predicted)) in gold.iter().zip(predicted).enumerate() {
        same_length(unit, gold.len(), predicted.len())?;
        accuracy.total += gold.len();
        accuracy.correct += gold.iter().zip(predicted).filter(|(g, p)| g == p).count();
    }
    Ok(accuracy)
}

/// An error unless a unit has the same number of tags on both sides.
pub(crate) fn same_length(unit: usize, gold: usize, predicted: usize) -> Result<()> {
    if gold == predicted { Ok(()) } else { Err(MetricsError::UnitLength { unit, gold, predicted }) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn outside_tokens_count() {
        let accuracy =
            token_accuracy(&[vec!["O", "O", "B-X"], vec!["O"]], &[vec!["O", "O", "I-X"], vec!["O"]]).unwrap();
        assert_eq!(accuracy, TokenAccuracy { correct: 3, total: 4 });
        assert_eq!(accuracy.accuracy(), 0.75);
        assert_eq!(TokenAccuracy::default().accuracy(), 0.0);
    }

    #[test]
    fn lengths_must_agree() {
        let error = token_accuracy(&[vec!["O"], vec!["O", "O"]], &[vec!["O"], vec!["O"]]).unwrap_err();
        assert_eq!(error, MetricsError::UnitLength { unit: 1, gold: 2, predicted: 1 });
    }
}
