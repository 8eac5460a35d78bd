//! Activations computed again instead of kept (gradient checkpointing; Chen et al. 2016, "Training Deep Nets with Sublinear
//! Memory Cost"): a block keeps what goes in, and its backward pass runs it a second time.
//!
//! The memory of a network of `n` such blocks falls from all that their `n` forward passes keep to the `n` inputs and one block's
//! own; a training step takes about a third longer.

use tch::{Device, Kind, Tensor};

use crate::error::Result;
use crate::{autograd, device};

/// Runs `block` on `inputs` and forgets everything but its output, which has gradients to `inputs` and `parameters` as if nothing
/// had been forgotten.
///
/// `block` must be a function of its inputs, of `parameters` (all that it has) and of libtorch's random numbers alone. It draws the
/// same random numbers both times: libtorch's generator is seeded with a number of its own before each.
///
/// # Errors
/// What `block` says; an error of the second run is that of the backward pass.
pub fn recompute<F>(inputs: &[&Tensor], parameters: &[&Tensor], block: F) -> Result<Tensor>
where
    F: Fn(&[Tensor]) -> Result<Tensor> + Send + 'static,
{
    let plain: Vec<Tensor> = inputs.iter().map(|input| input.f_detach()).collect::<Result<_, _>>()?;
    let seed = i64::try_from(&Tensor::f_randint(i64::MAX, [1], (Kind::Int64, Device::Cpu))?)?;
    tch::manual_seed(seed);
    let output = tch::no_grad(|| block(&plain))?;
    let wanted: Vec<bool> = inputs.iter().map(|input| input.requires_grad()).collect();
    // What stands still gets no gradient, and libtorch refuses to be asked for one.
    let learned: Vec<&Tensor> = parameters.iter().copied().filter(|p| p.requires_grad()).collect();
    let all: Vec<&Tensor> = inputs.iter().chain(&learned).copied().collect();
    let parameters: Vec<Tensor> = learned.iter().map(|p| p.shallow_clone()).collect();
    autograd::attach(&output, &all, move |upstream| {
        let leaves: Vec<Tensor> = plain
            .iter()
            .zip(&wanted)
            .map(|(input, &wanted)| input.f_detach()?.f_set_requires_grad(wanted))
            .collect::<Result<_, _>>()?;
        tch::manual_seed(seed);
        let sum = tch::with_grad(|| -> Result<Tensor> {
            Ok(block(&leaves)?.f_mul(upstream)?.f_sum(upstream.kind())?)
        })?;
        let sources: Vec<&Tensor> =
            leaves.iter().filter(|leaf| leaf.requires_grad()).chain(&parameters).collect();
        let found = Tensor::f_run_backward(&[&sum], &sources, false, false)?;
        // Whoever draws next is not to draw what was drawn here: on a GPU blocks take nothing from the generator that their own seeds
        // come from, so that the next pass would go through the seeds of this one.
        tch::manual_seed(device::mix(seed.cast_unsigned(), 1).cast_signed());
        // A parameter that this pass did not use has none.
        let mut found = found.into_iter().map(|gradient| gradient.defined().then_some(gradient));
        let mut gradients: Vec<Option<Tensor>> =
            wanted.iter().map(|&wanted| if wanted { found.next().flatten() } else { None }).collect();
        gradients.extend(found);
        Ok(gradients)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn leaf(shape: [i64; 2]) -> Tensor {
        Tensor::randn(shape, (Kind::Double, Device::Cpu)).set_requires_grad(true)
    }

    /// Two blocks of a map, dropout and a tanh each, with what was recomputed and what was not.
    fn network(again: bool, xs: &Tensor, maps: &[Tensor; 2]) -> Tensor {
        device::reseed(3, 0);
        let mut xs = xs.shallow_clone();
        for map in maps {
            let held = map.shallow_clone();
            let block = move |xs: &[Tensor]| -> Result<Tensor> {
                Ok(xs[0].f_matmul(&held)?.f_dropout(0.3, true)?.f_tanh()?)
            };
            xs = if again {
                recompute(&[&xs], &[map], block).unwrap()
            } else {
                // The same seeds.
                let seed = Tensor::randint(i64::MAX, [1], (Kind::Int64, Device::Cpu));
                tch::manual_seed(i64::try_from(&seed).unwrap());
                block(&[xs]).unwrap()
            };
        }
        xs.square().sum(Kind::Double)
    }

    #[test]
    fn gradients_are_those_of_the_block_with_its_own_dropout() {
        device::reseed(1, 0);
        let (xs, maps) = (leaf([5, 4]), [leaf([4, 4]), leaf([4, 4])]);
        let gradients = |again: bool| -> (f64, Vec<Tensor>) {
            let all = [&xs, &maps[0], &maps[1]];
            let loss = network(again, &xs, &maps);
            let found = Tensor::run_backward(&[&loss], &all, false, false);
            (loss.double_value(&[]), found)
        };
        let ((kept_loss, kept), (loss, found)) = (gradients(false), gradients(true));
        assert_eq!(loss, kept_loss);
        for (kept, found) in kept.iter().zip(&found) {
            assert!((kept - found).abs().max().double_value(&[]) < 1e-12);
        }
    }

    #[test]
    fn what_stands_still_or_is_not_used_has_no_gradient() {
        let (xs, used, unused) = (leaf([3, 2]), leaf([2, 2]), leaf([2, 2]));
        let frozen = leaf([2, 2]).set_requires_grad(false);
        let (map, still) = (used.shallow_clone(), frozen.shallow_clone());
        let constant = xs.detach();
        let ys = recompute(&[&constant, &xs], &[&frozen, &used, &unused], move |inputs| {
            Ok(inputs[0].f_matmul(&still)?.f_add(&inputs[1].f_matmul(&map)?)?)
        })
        .unwrap();
        ys.sum(Kind::Double).backward();
        assert!(xs.grad().defined() && used.grad().defined());
        assert!(!unused.grad().defined() && !frozen.grad().defined() && !constant.grad().defined());
        let plain = tch::no_grad(|| recompute(&[&xs], &[&used], |xs| Ok(xs[0].f_square()?)).unwrap());
        assert!(!plain.requires_grad() && plain.equal(&xs.square()));
    }

    #[test]
    fn an_error_of_the_block_is_an_error() {
        let xs = leaf([3, 2]);
        let message = recompute(&[&xs], &[], |xs| Ok(xs[0].f_matmul(&xs[0])?)).err().unwrap().to_string();
        assert!(message.contains("shapes"), "{message}");
    }
}
