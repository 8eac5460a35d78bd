//! Equations (1) to (4), each by itself. Every loss is a mean, over tokens or over judgements, so that its scale does not
//! depend on the batch.
//!
//! A discriminator's output is a matrix of log-probabilities `[M, 2]`: `M` judgements (sentences, or tokens in the released
//! code) of two classes.

use medner_core::Result;
use tch::{Reduction, Tensor};

/// How a discriminator's judgement is rewarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reward {
    /// `log p`, as printed.
    Logarithm,
    /// `16.118 (p - 1)`: the released code gives the prediction for the truth and the truth for the prediction, and Keras
    /// clips the truth's 0 to 1e-7, whose logarithm is -16.118.
    Linear,
}

/// `-ln 1e-7`.
const CLIPPED: f64 = 16.118_095_650_958_32;

/// Class of recognition in the task discriminator's judgement.
pub const NER: i64 = 0;
/// Class of normalisation in the task discriminator's judgement.
pub const NEN: i64 = 1;
/// Class of unlabelled sentences in the diversity discriminator's judgement.
pub const UNLABELLED: i64 = 0;
/// Class of labelled sentences in the diversity discriminator's judgement.
pub const LABELLED: i64 = 1;

/// The mean reward of judging `class`: `[M, 2] -> []`; higher is a better judgement.
fn reward(judgement: &Tensor, class: i64, reward: Reward) -> Result<Tensor> {
    let log_p = judgement.f_select(1, class)?;
    let each = match reward {
        Reward::Logarithm => log_p,
        Reward::Linear => log_p.f_exp()?.f_sub_scalar(1.0)?.f_mul_scalar(CLIPPED)?,
    };
    Ok(each.f_mean(judgement.kind())?)
}

/// One summand of equation (1), to be minimised by `θ_E` and `θ_k`:
///
/// ```text
/// L_k = - sum_M y_k log(ŷ_k)
/// ```
///
/// `logits: [N, K]` over the tokens, `gold: [N]` of i64; the mean over tokens.
pub fn task(logits: &Tensor, gold: &Tensor) -> Result<Tensor> {
    Ok(logits.f_cross_entropy_loss(gold, None::<&Tensor>, Reduction::Mean, -100, 0.0)?)
}

/// Equation (2), to be minimised by `θ_E` (line 10) and maximised by `θ_k` and `θ_TD` (line 11):
///
/// ```text
/// L_Task^Adv = sum_k d_k log(TD(p_k))
/// ```
///
/// `ner` and `nen` are the judgements `TD(p_NER)` and `TD(p_NEN)`.
pub fn task_game(ner: &Tensor, nen: &Tensor, kind: Reward) -> Result<Tensor> {
    Ok(reward(ner, NER, kind)?.f_add(&reward(nen, NEN, kind)?)?)
}

/// Equation (3), to be minimised by `θ_DD` (line 3):
///
/// ```text
/// L_DD^Adv = - E log(DD(E(x^L))) - E log(1 - DD(E(x^U)))
/// ```
pub fn diversity_discriminator(labelled: &Tensor, unlabelled: &Tensor, kind: Reward) -> Result<Tensor> {
    Ok(reward(labelled, LABELLED, kind)?.f_add(&reward(unlabelled, UNLABELLED, kind)?)?.f_neg()?)
}

/// Equation (4), to be minimised by `θ_E` (line 4):
///
/// ```text
/// L_E^Adv = - E log(DD(E(x^L))) - E log(DD(E(x^U)))
/// ```
pub fn diversity_encoder(labelled: &Tensor, unlabelled: &Tensor, kind: Reward) -> Result<Tensor> {
    Ok(reward(labelled, LABELLED, kind)?.f_add(&reward(unlabelled, LABELLED, kind)?)?.f_neg()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Judgements with these probabilities of class 1.
    fn judged(p: &[f64]) -> Tensor {
        let both: Vec<f64> = p.iter().flat_map(|p| [(1.0 - p).ln(), p.ln()]).collect();
        Tensor::from_slice(&both).view([p.len() as i64, 2])
    }

    fn value(t: Result<Tensor>) -> f64 {
        t.unwrap().double_value(&[])
    }

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }

    #[test]
    fn equation_1_is_the_mean_over_tokens() {
        let logits = Tensor::from_slice(&[0.0_f32, 0.0, 3.0_f32.ln(), 0.0]).view([2, 2]);
        // The first token: -ln 1/2. The second: -ln 1/4.
        near(
            value(task(&logits, &Tensor::from_slice(&[0_i64, 1]))),
            f64::midpoint(2.0_f64.ln(), 4.0_f64.ln()),
        );
    }

    #[test]
    fn equation_2_rewards_telling_the_tasks_apart() {
        let (ner, nen) = (judged(&[0.2, 0.4]), judged(&[0.5, 0.8]));
        let expected = f64::midpoint(0.8_f64.ln(), 0.6_f64.ln()) + f64::midpoint(0.5_f64.ln(), 0.8_f64.ln());
        near(value(task_game(&ner, &nen, Reward::Logarithm)), expected);
        // Linear: 16.118 times the mean of (p - 1): (-0.2 - 0.4) / 2 and (-0.5 - 0.2) / 2.
        near(value(task_game(&ner, &nen, Reward::Linear)), -16.118_095_650_958_32 * (0.3 + 0.35));
    }

    #[test]
    fn equations_3_and_4_differ_in_the_unlabelled_half() {
        let (labelled, unlabelled) = (judged(&[0.9]), judged(&[0.3]));
        let three = value(diversity_discriminator(&labelled, &unlabelled, Reward::Logarithm));
        let four = value(diversity_encoder(&labelled, &unlabelled, Reward::Logarithm));
        near(three, -(0.9_f64.ln() + 0.7_f64.ln()));
        near(four, -(0.9_f64.ln() + 0.3_f64.ln()));
        let linear = value(diversity_discriminator(&labelled, &unlabelled, Reward::Linear));
        near(linear, 16.118_095_650_958_32 * (0.1 + 0.3));
        let linear = value(diversity_encoder(&labelled, &unlabelled, Reward::Linear));
        near(linear, 16.118_095_650_958_32 * (0.1 + 0.7));
    }

    #[test]
    fn the_linear_reward_is_keras_cross_entropy_with_its_arguments_swapped() {
        // -sum_c p_c ln(clip(y_c)): with y = (1, 0) the first summand is about 0, the second p_2 * 16.118.
        let p: f64 = 0.7;
        let keras = -(p * (1.0_f64 - 1e-7).ln() + (1.0 - p) * 1e-7_f64.ln());
        let ours = -reward(&judged(&[p]), 1, Reward::Linear).unwrap().double_value(&[]);
        assert!((keras - ours).abs() < 1e-5, "{keras} {ours}");
    }
}
