//! The two adversarial games: lines 2 to 4 and 9 to 12 of Algorithm 1.

use medner_core::Result;
use medner_core::optim::Optimizer;
use tch::Tensor;

use super::ActiveLearning;
use super::optimizers::update;
use crate::losses;
use crate::networks::{Decoder, Networks};
use crate::words::Input;

/// Parameters that stand still: what is not updated needs no gradient, a third of the work of a backward pass.
struct Frozen(Vec<Tensor>);

impl Frozen {
    /// Freezes what belongs to these parts of the networks, until this is dropped.
    fn parts(networks: &Networks, parts: &[&str]) -> Result<Self> {
        let all = networks.params.parameters().into_iter();
        let of = all.filter(|p| parts.contains(&p.name.split('.').next().unwrap_or_default()));
        let frozen = Self(of.map(|p| p.tensor).filter(Tensor::requires_grad).collect());
        for tensor in &frozen.0 {
            let _ = tensor.f_set_requires_grad(false)?;
        }
        Ok(frozen)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for tensor in &self.0 {
            // Leaves of the graph may always want a gradient.
            let _ = tensor.set_requires_grad(true);
        }
    }
}

/// The judgements of the labelled and of the unlabelled sentences.
pub(super) fn halves(judgements: &Tensor, x: &Input<'_>) -> Result<[Tensor; 2]> {
    let all = judgements.size2()?.0;
    let labelled = x.labelled_judgements(all);
    Ok([judgements.f_narrow(0, 0, labelled)?, judgements.f_narrow(0, labelled, all - labelled)?])
}

/// The value that is looked at; the other one in its place where that is no number, so that the run ends.
fn checked(value: f64, other: f64) -> f64 {
    if other.is_finite() { value } else { other }
}

impl ActiveLearning {
    /// Lines 2 to 4 on one pair of batches. θ_E is the same in both lines, so that `e` is computed once.
    pub(super) fn diversity_step(&mut self, labelled: &[u32], unlabelled: &[u32]) -> Result<f64> {
        let (Some(mut discriminator), Some(mut encoder)) =
            (self.optimizers.diversity_discriminator.take(), self.optimizers.diversity_encoder.take())
        else {
            return Ok(0.0);
        };
        let x = self.input(labelled, unlabelled, self.config.released.own_characters_of_pool)?;
        let e = self.networks.encoder.forward(&x)?;
        let dd = &self.networks.diversity_discriminator;
        // In one run of the session line 4 is computed before line 3 has moved the discriminator.
        let together = self.config.released.one_solver_run;
        // Line 3.
        discriminator.zero_gradients()?;
        let [judged_l, judged_u] =
            halves(&dd.log_probabilities_for_losses(&e.f_detach()?, &x.sentences)?, &x)?;
        let line_3 = losses::diversity_discriminator(&judged_l, &judged_u, self.reward)?;
        line_3.f_backward()?;
        if !together {
            update(&mut discriminator)?;
        }
        // Line 4.
        let line_4 = if self.config.diversity_discriminator.moves_encoder {
            encoder.zero_gradients()?;
            let frozen = Frozen::parts(&self.networks, &["diversity_discriminator"])?;
            let [judged_l, judged_u] = halves(&dd.log_probabilities_for_losses(&e, &x.sentences)?, &x)?;
            let line_4 = losses::diversity_encoder(&judged_l, &judged_u, self.reward)?;
            line_4.f_backward()?;
            drop(frozen);
            line_4
        } else {
            line_3.shallow_clone()
        };
        if together {
            update(&mut discriminator)?;
        }
        if self.config.diversity_discriminator.moves_encoder {
            update(&mut encoder)?;
        }
        drop(x);
        self.optimizers.diversity_discriminator = Some(discriminator);
        self.optimizers.diversity_encoder = Some(encoder);
        Ok(checked(f64::try_from(&line_3)?, f64::try_from(&line_4)?))
    }

    /// Equation (2) on labelled and unlabelled sentences, given their latent representation: the sum of both batches' values.
    pub(super) fn task_game_value(&self, e: &Tensor, x: &Input<'_>) -> Result<Tensor> {
        let td = &self.networks.task_discriminator;
        let judged = |decoder: &Decoder| {
            let private = decoder.private(e, &x.sentences)?;
            halves(&td.log_probabilities_for_losses(&private, &x.sentences)?, x)
        };
        let (ner, nen) = (judged(&self.networks.ner)?, judged(&self.networks.nen)?);
        let there = [x.labelled > 0, x.labelled < x.sentences.size()];
        let values = (0..2).filter(|&half| there[half]);
        let values: Vec<Tensor> = values
            .map(|half| losses::task_game(&ner[half], &nen[half], self.reward))
            .collect::<Result<_>>()?;
        Ok(Tensor::f_stack(&values, 0)?.f_sum(tch::Kind::Float)?)
    }

    /// Line 10: minimises equation (2) by θ_E, which gave `e`.
    pub(super) fn share_step(&self, encoder: &mut Optimizer, e: &Tensor, x: &Input<'_>) -> Result<f64> {
        encoder.zero_gradients()?;
        let frozen = Frozen::parts(&self.networks, &["task_discriminator", "ner", "nen"])?;
        let value = self.task_game_value(e, x)?;
        value.f_backward()?;
        drop(frozen);
        update(encoder)?;
        Ok(f64::try_from(&value)?)
    }

    /// Line 11: maximises equation (2) by θ_TD and {θ_k}; θ_E, which gave `e`, stands still.
    pub(super) fn private_step(&self, private: &mut Optimizer, e: &Tensor, x: &Input<'_>) -> Result<f64> {
        private.zero_gradients()?;
        let value = self.task_game_value(&e.f_detach()?, x)?;
        value.f_neg()?.f_backward()?;
        update(private)?;
        Ok(f64::try_from(&value)?)
    }

    /// Lines 10 and 11 on one pair of batches.
    pub(super) fn task_game_step(&mut self, labelled: &[u32], unlabelled: &[u32]) -> Result<f64> {
        let (Some(mut encoder), Some(mut private)) =
            (self.optimizers.game_encoder.take(), self.optimizers.game_private.take())
        else {
            return Ok(0.0);
        };
        let value = if self.config.released.private_step_first {
            self.private_then_share(&mut encoder, &mut private, (labelled, unlabelled))?
        } else {
            self.share_then_private(&mut encoder, &mut private, (labelled, unlabelled))?
        };
        self.optimizers.game_encoder = Some(encoder);
        self.optimizers.game_private = Some(private);
        Ok(value)
    }

    /// As printed: line 10, then line 11 with the encoder that line 10 left.
    fn share_then_private(
        &self,
        encoder: &mut Optimizer,
        private: &mut Optimizer,
        (labelled, unlabelled): (&[u32], &[u32]),
    ) -> Result<f64> {
        let x = self.input(labelled, unlabelled, false)?;
        let shared = self.share_step(encoder, &self.networks.encoder.forward(&x)?, &x)?;
        let e = tch::no_grad(|| self.networks.encoder.forward(&x))?;
        Ok(checked(shared, self.private_step(private, &e, &x)?))
    }

    /// The released code: for each of the two batches line 11, then line 10. Line 11 leaves θ_E alone, so that `e` is computed
    /// once for both.
    fn private_then_share(
        &self,
        encoder: &mut Optimizer,
        private: &mut Optimizer,
        (labelled, unlabelled): (&[u32], &[u32]),
    ) -> Result<f64> {
        let mut sum = 0.0;
        for (labelled, unlabelled) in [(labelled, &[][..]), (&[][..], unlabelled)] {
            if labelled.is_empty() && unlabelled.is_empty() {
                continue;
            }
            let x = self.input(labelled, unlabelled, false)?;
            let e = self.networks.encoder.forward(&x)?;
            let maximised = self.private_step(private, &e, &x)?;
            sum += checked(self.share_step(encoder, &e, &x)?, maximised);
        }
        Ok(sum)
    }
}
