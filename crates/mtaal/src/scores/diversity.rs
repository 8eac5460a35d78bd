//! The score of MTAAL: how little a sentence looks like the labelled ones to the diversity discriminator.

use super::rules::{DiversityRule, ScoreRules};
use super::uncertainty::{ROUNDING, log_sum_exp};
use super::{Score, ScoreError};

/// 1 - DD(E(x)), equation (5); `labelled_log_probs` are log P(labelled), one a token or one a sentence.
///
/// The paper's rule takes the mean probability of the tokens, the released code's their product.
///
/// # Errors
/// No tokens; numbers that are no log-probabilities.
pub fn score_diversity(rules: &ScoreRules, labelled_log_probs: &[f32]) -> Result<Score, ScoreError> {
    if labelled_log_probs.is_empty() {
        return Err(ScoreError::NoTokens);
    }
    // Negative infinity is a probability of 0, the surest of all answers.
    let bad = labelled_log_probs.iter().enumerate().find(|(_, p)| p.is_nan() || **p > ROUNDING);
    if let Some((token, &found)) = bad {
        let (what, expected) = ("log P(labelled)", "a number that is 0 at most");
        return Err(ScoreError::OutOfRange { token, what, expected, found });
    }
    let logs = labelled_log_probs.iter().map(|&p| f64::from(p));
    let log_labelled = match rules.diversity {
        DiversityRule::Sentence => log_sum_exp(logs) - (labelled_log_probs.len() as f64).ln(),
        DiversityRule::Product => logs.sum(),
    };
    Ok(Score { value: -log_labelled.exp_m1(), key: -log_labelled })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn score(rules: ScoreRules, probabilities: &[f32]) -> Score {
        let logs: Vec<f32> = probabilities.iter().map(|p| p.ln()).collect();
        score_diversity(&rules, &logs).unwrap()
    }

    #[test]
    fn the_paper_takes_one_probability_a_sentence() {
        assert!((score(ScoreRules::PAPER, &[0.3]).value - 0.7).abs() < 1e-6);
        assert!((score(ScoreRules::PAPER, &[0.2, 0.6, 0.1]).value - 0.7).abs() < 1e-6);
    }

    #[test]
    fn the_released_code_takes_a_product_and_so_prefers_long_sentences() {
        let product = score(ScoreRules::RELEASED, &[0.5, 0.8, 0.5]);
        assert!((product.value - 0.8).abs() < 1e-6);
        assert_eq!(score(ScoreRules::PAPER, &[0.25]), score(ScoreRules::RELEASED, &[0.25]));
        let (short, long) = (vec![0.5; 10], vec![0.6; 59]);
        assert!(score(ScoreRules::RELEASED, &short).key < score(ScoreRules::RELEASED, &long).key);
        assert!(score(ScoreRules::PAPER, &short).key > score(ScoreRules::PAPER, &long).key);
    }

    #[test]
    fn a_sure_discriminator_does_not_saturate_the_key() {
        let sure = score_diversity(&ScoreRules::RELEASED, &[-50.0]).unwrap();
        let surer = score_diversity(&ScoreRules::RELEASED, &[-60.0]).unwrap();
        assert_eq!((sure.value, surer.value), (1.0, 1.0));
        assert!(surer.key > sure.key);
        let surest = score_diversity(&ScoreRules::PAPER, &[f32::NEG_INFINITY]).unwrap();
        assert_eq!((surest.value, surest.key), (1.0, f64::INFINITY));
    }

    #[test]
    fn what_is_no_log_probability_is_refused() {
        let error = |logs: &[f32]| score_diversity(&ScoreRules::PAPER, logs).unwrap_err();
        assert_eq!(error(&[]), ScoreError::NoTokens);
        assert!(matches!(error(&[-0.1, f32::NAN]), ScoreError::OutOfRange { token: 1, .. }));
        let shown = error(&[0.4]).to_string();
        assert!(shown.starts_with("token 0: log P(labelled) is 0.4"), "{shown}");
    }
}
