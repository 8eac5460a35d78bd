//! The recurrence as one operation of the graph: by the kernels on the CPU, by tensor operations elsewhere.

use tch::{Device, Kind, Tensor};

use super::kernel::{Real, Recurrence};
use crate::autograd;
use crate::error::{CoreError, Result};
use crate::layers::Batch;
use crate::optim::raw;

/// `h_t = ReLU(pre_t + weight * h_{t-1})` with its exact gradient: `pre: [B, T, D] -> states: [B, T, D]`, 0 in the padding.
/// `weight`: `[D]`; the first `forwards` neurons read forwards, the others backwards (there `h_{t+1}` instead of `h_{t-1}`).
///
/// # Errors
/// Shapes that do not fit each other or the batch.
pub fn recurrence(pre: &Tensor, weight: &Tensor, forwards: i64, batch: &Batch) -> Result<Tensor> {
    check(pre, weight, forwards, batch)?;
    match (pre.device(), pre.kind(), weight.kind()) {
        (Device::Cpu, Kind::Float, Kind::Float) => by_kernel::<f32>(pre, weight, forwards, batch),
        (Device::Cpu, Kind::Double, Kind::Double) => by_kernel::<f64>(pre, weight, forwards, batch),
        _ => by_operations(pre, weight, forwards, batch),
    }
}

fn check(pre: &Tensor, weight: &Tensor, forwards: i64, batch: &Batch) -> Result<()> {
    let (size, width) = (pre.size(), weight.size());
    let expected = [batch.size() as i64, batch.padded() as i64, width.first().copied().unwrap_or(-1)];
    if size != expected || width.len() != 1 || !(0..=width[0]).contains(&forwards) {
        return Err(CoreError::Shape {
            what: format!("input of a recurrence with weights {width:?}, {forwards} of them forwards"),
            expected: format!("[{}, {}, D] with D weights", expected[0], expected[1]),
            found: size,
        });
    }
    match batch.lengths.iter().find(|&&length| length > batch.padded()) {
        None => Ok(()),
        Some(length) => Err(CoreError::Config {
            key: "lengths".into(),
            message: format!("a sentence of {length} tokens does not fit {} positions", batch.padded()),
        }),
    }
}

fn by_kernel<R: Real>(pre: &Tensor, weight: &Tensor, forwards: i64, batch: &Batch) -> Result<Tensor> {
    let pre_values = pre.detach().f_contiguous()?;
    let u: Vec<R> = raw::slice::<R>(&weight.detach().f_contiguous()?)?.to_vec();
    let (forwards, lengths, steps) = (forwards as usize, batch.lengths.clone(), batch.padded());
    let mut states = pre_values.f_empty_like()?;
    let batch = Recurrence { weight: &u, forwards, lengths: &lengths, steps };
    batch.forward(raw::slice(&pre_values)?, raw::slice_mut(&mut states)?);

    let version = states.f_internal_version()?;
    let held = states.detach();
    autograd::attach(&states, &[pre, weight], move |upstream| {
        // The check that libtorch makes for what its own operations hold.
        if held.f_internal_version()? != version {
            return Err(CoreError::Config {
                key: "IndRNN".into(),
                message: "its output was written to in place before the backward pass; work on a copy".into(),
            });
        }
        let upstream = upstream.f_contiguous()?;
        let mut gradient = held.f_empty_like()?;
        let batch = Recurrence { weight: &u, forwards, lengths: &lengths, steps };
        let weight_gradient =
            batch.backward(raw::slice(&upstream)?, raw::slice(&held)?, raw::slice_mut(&mut gradient)?);
        Ok(vec![Some(gradient), Some(Tensor::f_from_slice(&weight_gradient)?)])
    })
}

/// [`recurrence`] by tensor operations, a few a step, on whatever device; the gradient is the kernel's, not autograd's.
///
/// # Errors
/// As [`recurrence`].
pub fn by_operations(pre: &Tensor, weight: &Tensor, forwards: i64, batch: &Batch) -> Result<Tensor> {
    check(pre, weight, forwards, batch)?;
    let padding = batch.mask.f_to_device(pre.device())?.f_logical_not()?.f_unsqueeze(-1)?;
    let (plain, u) = (pre.detach(), weight.detach());
    let blocks = [(0, forwards, false), (forwards, weight.size()[0] - forwards, true)];
    let states = {
        let _guard = tch::no_grad_guard();
        let directions = blocks.iter().filter(|block| block.1 > 0).map(|&(start, count, backwards)| {
            let (u, xs) = (u.f_narrow(0, start, count)?, plain.f_narrow(2, start, count)?);
            let mut state = Tensor::f_zeros([pre.size()[0], count], (pre.kind(), pre.device()))?;
            along(backwards, [&xs, &padding], |[x, padding]| {
                state = x.f_addcmul(&u, &state)?.f_relu()?.f_masked_fill(padding, 0.0)?;
                Ok(state.shallow_clone())
            })
        });
        Tensor::f_cat(&directions.collect::<Result<Vec<_>>>()?, 2)?
    };
    let held = states.detach();
    autograd::attach(&states, &[pre, weight], move |upstream| {
        let mut gradients = Vec::new();
        let mut weights = Vec::new();
        for (start, count, backwards) in blocks.into_iter().filter(|block| block.1 > 0) {
            let (u, h) = (u.f_narrow(0, start, count)?, held.f_narrow(2, start, count)?);
            let mut next = h.f_select(1, 0)?.f_zeros_like()?;
            let closed = h.f_le(0.0)?;
            let gradient =
                along(!backwards, [&upstream.f_narrow(2, start, count)?, &closed], |[g, closed]| {
                    next = g.f_addcmul(&u, &next)?.f_masked_fill(closed, 0.0)?;
                    Ok(next.shallow_clone())
                })?;
            let steps = h.size()[1];
            let (here, before) = if backwards { (0, 1) } else { (1, 0) };
            let pairs = gradient.f_narrow(1, here, steps - 1)?.f_mul(&h.f_narrow(1, before, steps - 1)?)?;
            weights.push(pairs.f_sum_dim_intlist([0_i64, 1].as_slice(), false, h.kind())?);
            gradients.push(gradient);
        }
        Ok(vec![Some(Tensor::f_cat(&gradients, 2)?), Some(Tensor::f_cat(&weights, 0)?)])
    })
}

/// Calls `step` with the rows `[B, ..]` of every position of `inputs` (`[B, T, ..]`), from the last to the first if
/// `backwards`, and puts the results in the order of the positions, `[B, T, ..]`.
fn along(
    backwards: bool,
    inputs: [&Tensor; 2],
    mut step: impl FnMut(&[Tensor; 2]) -> Result<Tensor>,
) -> Result<Tensor> {
    let first = inputs[0].f_unbind(1)?;
    let second = inputs[1].f_unbind(1)?;
    let mut rows: Vec<[Tensor; 2]> = first.into_iter().zip(second).map(<[Tensor; 2]>::from).collect();
    if backwards {
        rows.reverse();
    }
    let mut results = rows.iter().map(&mut step).collect::<Result<Vec<_>>>()?;
    if backwards {
        results.reverse();
    }
    Ok(Tensor::f_stack(&results, 1)?)
}
