//! Scores from the tasks' predictions: entropy, least confidence, MNLP.
//!
//! Log-probabilities are added in f64 and exponentiated last, so that sixty tokens of 743 labels lose nothing.

use super::rules::{EntropyRule, MnlpRule, ScoreRules};
use super::{Score, ScoreError, Strategy};

/// What one task predicts for the `T` tokens of a sentence, padding cut off.
#[derive(Clone, Copy, Debug)]
pub struct TaskTokens<'a> {
    /// `[T]`: log-probability of the most likely label; 0 at most.
    pub max_log_probs: &'a [f32],
    /// `[T]`: entropy over the labels in nats; 0 at least.
    pub entropies: &'a [f32],
}

/// Rounding may leave a log-probability this far above 0 and an entropy this far under it.
pub(super) const ROUNDING: f32 = 1e-4;

impl TaskTokens<'_> {
    fn check(&self) -> Result<(), ScoreError> {
        let Self { max_log_probs, entropies } = self;
        if max_log_probs.len() != entropies.len() {
            return Err(ScoreError::Length { log_probs: max_log_probs.len(), entropies: entropies.len() });
        }
        if max_log_probs.is_empty() {
            return Err(ScoreError::NoTokens);
        }
        let fail = |what, expected, (token, &found): (usize, &f32)| {
            Err(ScoreError::OutOfRange { token, what, expected, found })
        };
        if let Some(bad) = max_log_probs.iter().enumerate().find(|&(_, p)| !p.is_finite() || *p > ROUNDING) {
            return fail("the greatest log-probability", "a finite number that is 0 at most", bad);
        }
        if let Some(bad) = entropies.iter().enumerate().find(|&(_, h)| !h.is_finite() || *h < -ROUNDING) {
            return fail("the entropy", "a finite number that is 0 at least", bad);
        }
        Ok(())
    }

    /// log of the product of the tokens' greatest probabilities: log max_y P(y|x).
    fn log_probability(&self) -> f64 {
        sum(self.max_log_probs)
    }
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|&v| f64::from(v)).sum()
}

/// log of a sum of exponentials; negative infinity for nothing.
pub(super) fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let greatest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if greatest == f64::NEG_INFINITY {
        return greatest;
    }
    greatest + values.map(|v| (v - greatest).exp()).sum::<f64>().ln()
}

/// Scores one sentence by the strategies that look at the tasks' predictions. `tasks`: the run's tasks, both where
/// [`ScoreRules::both_tasks`] is set.
///
/// # Errors
/// [`ScoreError::NotFromTasks`] for Random and Diversity; no task, no tokens, lists that do not pair up, numbers that are no
/// log-probabilities or entropies.
pub fn score_tasks(
    strategy: Strategy,
    rules: &ScoreRules,
    tasks: &[TaskTokens<'_>],
) -> Result<Score, ScoreError> {
    if tasks.is_empty() {
        return Err(ScoreError::NoTask { strategy });
    }
    for task in tasks {
        task.check()?;
    }
    Ok(match (strategy, rules.entropy, rules.mnlp) {
        (Strategy::Lc, ..) => least_confidence(tasks),
        (Strategy::Entropy, EntropyRule::Sum, _) => entropy_sum(tasks),
        (Strategy::Entropy, EntropyRule::LargestToken, _) => entropy_of_largest_tokens(tasks),
        (Strategy::Mnlp, _, MnlpRule::MeanOfLogs) => mnlp_mean_of_logs(tasks),
        (Strategy::Mnlp, _, MnlpRule::LogOfMean) => mnlp_log_of_mean(tasks),
        (Strategy::Random, ..) => {
            return Err(ScoreError::NotFromTasks { strategy, instead: "`select_random`" });
        }
        (Strategy::Diversity, ..) => {
            return Err(ScoreError::NotFromTasks { strategy, instead: "`score_diversity`" });
        }
    })
}

/// The paper's entropy: sum_k sum_t H(p_t).
pub fn entropy_sum(tasks: &[TaskTokens<'_>]) -> Score {
    Score::plain(tasks.iter().map(|task| sum(task.entropies)).sum())
}

/// The released code's entropy: sum_k max_t H(p_t). It takes 0 log 0 as NaN, which its sort puts on top; here it is 0.
pub fn entropy_of_largest_tokens(tasks: &[TaskTokens<'_>]) -> Score {
    let largest = |task: &TaskTokens<'_>| task.entropies.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    Score::plain(tasks.iter().map(|task| f64::from(largest(task))).sum())
}

/// Least confidence of both: sum_k (1 - prod_t max p_t).
///
/// The products of long sentences vanish beside 1, so the key is -log of their sum over the tasks, which ranks alike.
pub fn least_confidence(tasks: &[TaskTokens<'_>]) -> Score {
    let logs = tasks.iter().map(TaskTokens::log_probability);
    Score { value: logs.clone().map(|log| -log.exp_m1()).sum(), key: -log_sum_exp(logs) }
}

/// MNLP as Shen et al. (2018) define it: sum_k -(1/T) sum_t log max p_t.
pub fn mnlp_mean_of_logs(tasks: &[TaskTokens<'_>]) -> Score {
    let mean = |task: &TaskTokens<'_>| task.log_probability() / task.max_log_probs.len() as f64;
    Score::plain(tasks.iter().map(|task| -mean(task)).sum())
}

/// The released code's MNLP: sum_k -log((1/T) sum_t max p_t).
pub fn mnlp_log_of_mean(tasks: &[TaskTokens<'_>]) -> Score {
    let log_mean = |task: &TaskTokens<'_>| {
        let logs = task.max_log_probs.iter().map(|&p| f64::from(p));
        log_sum_exp(logs) - (task.max_log_probs.len() as f64).ln()
    };
    Score::plain(tasks.iter().map(|task| -log_mean(task)).sum())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::scores::token_summaries;

    const PAPER: ScoreRules = ScoreRules::PAPER;
    const RELEASED: ScoreRules = ScoreRules::RELEASED;

    fn close(score: Score, value: f64) {
        assert!((score.value - value).abs() < 1e-6, "{} instead of {value}", score.value);
    }

    /// Two tokens: NER (1/2, 1/2) and (3/4, 1/4); NEN (1, 0, 0, 0) and (1/4, 1/4, 1/4, 1/4).
    fn scores(strategy: Strategy, rules: ScoreRules, tasks: usize) -> Score {
        let ner = [0.5_f32, 0.5, 0.75, 0.25].map(f32::ln);
        let nen = [1.0_f32, 0.0, 0.0, 0.0, 0.25, 0.25, 0.25, 0.25].map(f32::ln);
        let (ner, nen) = (token_summaries(&ner, 2), token_summaries(&nen, 4));
        let both = [&ner, &nen].map(|(max, entropy)| TaskTokens { max_log_probs: max, entropies: entropy });
        score_tasks(strategy, &rules, &both[..tasks]).unwrap()
    }

    #[test]
    fn entropy_is_a_sum_over_tokens_or_the_largest_of_each_task() {
        let ln2 = 2_f64.ln();
        let quarter = 2.0 * ln2 - 0.75 * 3_f64.ln(); // H(3/4, 1/4) = 0.562335
        close(scores(Strategy::Entropy, PAPER, 1), ln2 + quarter);
        close(scores(Strategy::Entropy, PAPER, 2), ln2 + quarter + 2.0 * ln2);
        close(scores(Strategy::Entropy, RELEASED, 1), ln2);
        close(scores(Strategy::Entropy, RELEASED, 2), ln2 + 2.0 * ln2);
    }

    #[test]
    fn least_confidence_is_one_minus_a_product_added_over_tasks() {
        // NER: 1 - 1/2 * 3/4 = 5/8. NEN: 1 - 1 * 1/4 = 3/4.
        for rules in [PAPER, RELEASED] {
            close(scores(Strategy::Lc, rules, 1), 0.625);
            close(scores(Strategy::Lc, rules, 2), 0.625 + 0.75);
        }
        assert!((scores(Strategy::Lc, PAPER, 2).key + (0.375_f64 + 0.25).ln()).abs() < 1e-6);
    }

    #[test]
    fn mnlp_averages_logarithms_or_takes_one_of_the_average() {
        // NER: -(ln 1/2 + ln 3/4) / 2, or -ln((1/2 + 3/4) / 2). NEN: -(0 + ln 1/4) / 2, or -ln((1 + 1/4) / 2).
        close(scores(Strategy::Mnlp, PAPER, 1), -0.375_f64.ln() / 2.0);
        close(scores(Strategy::Mnlp, PAPER, 2), -0.375_f64.ln() / 2.0 + 2_f64.ln());
        close(scores(Strategy::Mnlp, RELEASED, 1), -0.625_f64.ln());
        close(scores(Strategy::Mnlp, RELEASED, 2), -2.0 * 0.625_f64.ln());
    }

    /// Sixty tokens with 0.1 and 0.2 each: both scores are 1 to the last digit, the keys are not.
    #[test]
    fn sentences_whose_score_saturates_are_still_told_apart() {
        let entropies = [0.5_f32; 60];
        let score = |p: f32| {
            let max_log_probs = [p.ln(); 60];
            least_confidence(&[TaskTokens { max_log_probs: &max_log_probs, entropies: &entropies }])
        };
        let (low, high) = (score(0.1), score(0.2));
        assert_eq!((low.value, high.value), (1.0, 1.0));
        assert!(low.key > high.key);
    }

    #[test]
    fn the_key_ranks_as_the_score_does() {
        let mut scored: Vec<Score> = Vec::new();
        for i in 0..40_u32 {
            for j in 0..40_u32 {
                let logs = [i, j].map(|n| [(1.0 - f64::from(n) / 41.0).ln() as f32]);
                let tasks = logs.each_ref().map(|l| TaskTokens { max_log_probs: l, entropies: &[0.0] });
                scored.push(least_confidence(&tasks));
            }
        }
        scored.sort_by(|a, b| a.key.total_cmp(&b.key));
        assert!(scored.windows(2).all(|pair| pair[0].value <= pair[1].value + 1e-6));
        assert!(scored[0].value.abs() < 1e-6 && scored[1599].value > 1.9);
    }

    #[test]
    fn broken_numbers_are_refused_with_the_token() {
        let score = |max: &[f32], entropy: &[f32]| {
            let tasks = [TaskTokens { max_log_probs: max, entropies: entropy }];
            score_tasks(Strategy::Lc, &PAPER, &tasks).unwrap_err()
        };
        assert_eq!(score(&[], &[]), ScoreError::NoTokens);
        assert_eq!(score(&[-1.0], &[]), ScoreError::Length { log_probs: 1, entropies: 0 });
        let nan = score(&[-1.0, f32::NAN], &[0.1, 0.1]).to_string();
        assert!(nan.starts_with("token 1: the greatest log-probability is NaN"), "{nan}");
        // A probability that was given as it is.
        assert!(matches!(score(&[0.9], &[0.1]), ScoreError::OutOfRange { token: 0, .. }));
        assert!(matches!(score(&[-0.9], &[-0.1]), ScoreError::OutOfRange { what: "the entropy", .. }));
    }

    #[test]
    fn what_is_scored_otherwise_is_refused() {
        let tasks = [TaskTokens { max_log_probs: &[-0.1], entropies: &[0.1] }];
        for (strategy, instead) in
            [(Strategy::Random, "`select_random`"), (Strategy::Diversity, "`score_diversity`")]
        {
            let error = score_tasks(strategy, &PAPER, &tasks).unwrap_err();
            assert_eq!(error, ScoreError::NotFromTasks { strategy, instead });
        }
        let error = score_tasks(Strategy::Mnlp, &PAPER, &[]).unwrap_err();
        assert_eq!(error, ScoreError::NoTask { strategy: Strategy::Mnlp });
    }
}
