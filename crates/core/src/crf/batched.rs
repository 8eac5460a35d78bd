//! Likelihood and gradient as tensor operations over the whole batch, for devices other than the CPU.
//!
//! The backward recursion is the forward recursion of the reversed sentence with transposed transitions and start and end
//! exchanged. Both run as one batch of `2B`, so that a batch takes `T` steps. In the log domain and in `f64`: a step is
//! bound by the launch of its kernels, not by arithmetic, and `f32` would lose 1e-4 where scores add up to hundreds.

use tch::{Device, Kind, Tensor};

use super::constraints::Constraints;
use crate::error::Result;

/// Pairwise terms held in memory at a time.
const MOST_PAIRS: i64 = 1 << 24;

/// Parameters as tensors on the emissions' device.
pub(super) struct Scores<'a> {
    /// `[K]`
    pub(super) start: &'a Tensor,
    /// `[K]`
    pub(super) end: &'a Tensor,
    /// `[K, K]`
    pub(super) transitions: &'a Tensor,
    /// Moves that have probability 0.
    pub(super) constraints: Option<&'a Constraints>,
}

/// The weighted loss and its gradient, all `f32` on the emissions' device.
pub(super) struct BatchedGradient {
    /// `[]`
    pub(super) loss: Tensor,
    /// `[B, T, K]`
    pub(super) emissions: Tensor,
    /// `[K]`
    pub(super) start: Tensor,
    /// `[K]`
    pub(super) end: Tensor,
    /// `[K, K]`
    pub(super) transitions: Tensor,
}

/// `emissions`: `[B, T, K]`, `tags`: `[B, T]`, `lengths`, `weights`: `[B]`. Shapes have been checked.
pub(super) fn nll_with_gradient(
    scores: &Scores<'_>,
    emissions: &Tensor,
    tags: &Tensor,
    lengths: &[usize],
    weights: &[f64],
) -> Result<BatchedGradient> {
    let _guard = tch::no_grad_guard();
    let device = emissions.device();
    let (b, t, k) = emissions.size3()?;
    let double = (Kind::Double, device);
    if b * t == 0 {
        return Ok(BatchedGradient {
            loss: Tensor::f_zeros([0; 0], (Kind::Float, device))?,
            emissions: Tensor::f_zeros([b, t, k], (Kind::Float, device))?,
            start: Tensor::f_zeros([k], (Kind::Float, device))?,
            end: Tensor::f_zeros([k], (Kind::Float, device))?,
            transitions: Tensor::f_zeros([k, k], (Kind::Float, device))?,
        });
    }
    let start = forbid(scores.start, scores.constraints.map(|c| &c.start))?;
    let end = forbid(scores.end, scores.constraints.map(|c| &c.end))?;
    let transitions = forbid(scores.transitions, scores.constraints.map(|c| &c.transitions))?;

    let places = Places::new(lengths, t, device)?;
    let e = emissions.f_to_kind(Kind::Double)?.f_masked_fill(&places.padding.f_unsqueeze(2)?, 0.0)?;
    let reversal = places.reversal.f_unsqueeze(2)?.f_expand([b, t, k], false)?;

    // [2, B, T, K]: forward in 0, backward (reversed) in 1.
    let both = Tensor::f_stack(&[&e, &e.f_gather(1, &reversal, false)?], 0)?;
    let edges = Tensor::f_stack(&[&start, &end], 0)?.f_unsqueeze(1)?;
    let moves = Tensor::f_stack(&[&transitions, &transitions.f_transpose(0, 1)?], 0)?.f_unsqueeze(1)?;
    let mut state = both.f_select(2, 0)?.f_add(&edges)?;
    let mut states = vec![state.shallow_clone()];
    for step in 1..t {
        let arrivals = state.f_unsqueeze(3)?.f_add(&moves)?.f_logsumexp([2_i64].as_slice(), false)?;
        state = arrivals.f_add(&both.f_select(2, step)?)?;
        states.push(state.shallow_clone());
    }
    let states = Tensor::f_stack(&states, 2)?;
    let alpha = states.f_select(0, 0)?;
    let right = states.f_select(0, 1)?.f_gather(1, &reversal, false)?;

    let last = places.last.f_view([b, 1, 1])?.f_expand([b, 1, k], false)?;
    let finals = alpha.f_gather(1, &last, false)?.f_squeeze_dim(1)?.f_add(&end)?;
    let log_z = finals.f_logsumexp([1_i64].as_slice(), false)?;
    let shift = log_z.f_view([b, 1, 1])?;

    // Where the emission is -inf both sides are: the tag has probability 0, not the undefined difference.
    let impossible = alpha.f_eq(f64::NEG_INFINITY)?.f_logical_or(&right.f_eq(f64::NEG_INFINITY)?)?;
    let outside = places.padding.f_unsqueeze(2)?;
    let unary = alpha
        .f_add(&right)?
        .f_sub(&e)?
        .f_sub(&shift)?
        .f_exp()?
        .f_masked_fill(&impossible.f_logical_or(&outside)?, 0.0)?;

    let weights = Tensor::f_from_slice(weights)?.f_to_device(device)?;
    let of_pairs = weights.f_view([b, 1, 1])?;
    let mut pairs = Tensor::f_zeros([k, k], double)?;
    let block = (MOST_PAIRS / (b * k * k)).max(1);
    let mut from = 1;
    while from < t {
        let count = block.min(t - from);
        let left = alpha.f_narrow(1, from - 1, count)?.f_unsqueeze(3)?;
        let joint = left
            .f_add(&transitions)?
            .f_add(&right.f_narrow(1, from, count)?.f_unsqueeze(2)?)?
            .f_sub(&shift.f_unsqueeze(3)?)?
            .f_exp()?
            .f_masked_fill(&outside.f_narrow(1, from, count)?.f_unsqueeze(3)?, 0.0)?;
        let of_sentence =
            joint.f_sum_dim_intlist([1_i64].as_slice(), false, Kind::Double)?.f_mul(&of_pairs)?;
        pairs = pairs.f_add(&of_sentence.f_sum_dim_intlist([0_i64].as_slice(), false, Kind::Double)?)?;
        from += count;
    }

    // Gold: what is not a tag is read as tag 0 and makes the loss not a number at the end.
    let tags = tags.f_to_kind(Kind::Int64)?.f_masked_fill(&places.padding, 0)?;
    let invalid = tags.f_lt(0)?.f_logical_or(&tags.f_ge(k)?)?;
    let gold = tags.f_masked_fill(&invalid, 0)?;
    let present = places.padding.f_logical_not()?.f_to_kind(Kind::Double)?;
    let index = gold.f_unsqueeze(2)?;
    let one_hot = Tensor::f_zeros([b, t, k], double)?.f_scatter_(2, &index, &present.f_unsqueeze(2)?)?;
    let followed = present.f_narrow(1, 1, t - 1)?.f_mul(&weights.f_unsqueeze(1)?)?;
    let moves =
        gold.f_narrow(1, 0, t - 1)?.f_mul_scalar(k)?.f_add(&gold.f_narrow(1, 1, t - 1)?)?.f_reshape([-1])?;
    let counts = Tensor::f_zeros([k * k], double)?.f_index_add_(0, &moves, &followed.f_reshape([-1])?)?;

    let emission_scores = e.f_gather(2, &index, false)?.f_squeeze_dim(2)?;
    let move_scores = transitions.f_reshape([-1])?.f_index_select(0, &moves)?.f_view([b, t - 1])?;
    let padding = &places.padding;
    let first = gold.f_select(1, 0)?;
    let final_tag = gold.f_gather(1, &places.last.f_unsqueeze(1)?, false)?.f_squeeze_dim(1)?;
    let rows = [1_i64];
    let path = emission_scores
        .f_masked_fill(padding, 0.0)?
        .f_sum_dim_intlist(rows.as_slice(), false, Kind::Double)?
        .f_add(&move_scores.f_masked_fill(&padding.f_narrow(1, 1, t - 1)?, 0.0)?.f_sum_dim_intlist(
            rows.as_slice(),
            false,
            Kind::Double,
        )?)?
        .f_add(&start.f_index_select(0, &first)?)?
        .f_add(&end.f_index_select(0, &final_tag)?)?;
    let loss = log_z.f_sub(&path)?.f_masked_fill(&places.empty, 0.0)?.f_mul(&weights)?.f_sum(Kind::Double)?;
    let loss = loss.f_masked_fill(&invalid.f_any()?, f64::NAN)?;

    let difference = unary.f_sub(&one_hot)?.f_mul(&of_pairs)?;
    let at_last = difference.f_gather(1, &last, false)?.f_squeeze_dim(1)?;
    let single = |x: &Tensor| -> Result<Tensor> { Ok(x.f_to_kind(Kind::Float)?) };
    let batch = [0_i64];
    Ok(BatchedGradient {
        loss: loss.f_to_kind(Kind::Float)?,
        start: single(&difference.f_select(1, 0)?.f_sum_dim_intlist(
            batch.as_slice(),
            false,
            Kind::Double,
        )?)?,
        end: single(&at_last.f_sum_dim_intlist(batch.as_slice(), false, Kind::Double)?)?,
        transitions: single(&pairs.f_sub(&counts.f_view([k, k])?)?)?,
        emissions: single(&difference)?,
    })
}

/// Where sentences end, as tensors.
struct Places {
    /// `[B, T]`, true in the padding.
    padding: Tensor,
    /// `[B, T]`: the position that stands at `t` when the sentence is read backwards; padding stays.
    reversal: Tensor,
    /// `[B]`: the last position, 0 for an empty sentence.
    last: Tensor,
    /// `[B]`, true for an empty sentence.
    empty: Tensor,
}

impl Places {
    fn new(lengths: &[usize], t: i64, device: Device) -> Result<Self> {
        let lengths: Vec<i64> = lengths.iter().map(|&n| n as i64).collect();
        let lengths = Tensor::f_from_slice(&lengths)?.f_to_device(device)?;
        let positions = Tensor::f_arange(t, (Kind::Int64, device))?.f_unsqueeze(0)?;
        let ends = lengths.f_unsqueeze(1)?;
        let padding = positions.f_ge_tensor(&ends)?;
        let mirrored = ends.f_sub(&positions)?.f_sub_scalar(1)?;
        Ok(Self {
            reversal: positions.f_expand_as(&mirrored)?.f_where_self(&padding, &mirrored)?,
            last: lengths.f_sub_scalar(1)?.f_clamp_min(0)?,
            empty: lengths.f_eq(0)?,
            padding,
        })
    }
}

/// The scores in `f64`, -inf where they are not allowed.
fn forbid(scores: &Tensor, allowed: Option<&Vec<bool>>) -> Result<Tensor> {
    let scores = scores.f_to_kind(Kind::Double)?;
    let Some(allowed) = allowed else { return Ok(scores) };
    let forbidden: Vec<bool> = allowed.iter().map(|&a| !a).collect();
    let forbidden =
        Tensor::f_from_slice(&forbidden)?.f_to_device(scores.device())?.f_view(scores.size().as_slice())?;
    Ok(scores.f_masked_fill(&forbidden, f64::NEG_INFINITY)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::crf::{EmissionBatch, Potentials, weighted_nll_with_gradient};

    #[test]
    fn weights_of_sentences_as_in_the_kernels() {
        crate::device::reseed(5, 0);
        let random = |shape: &[i64]| Tensor::randn(shape, (Kind::Float, Device::Cpu));
        let (start, end, transitions) = (random(&[3]), random(&[3]), random(&[3, 3]));
        let emissions = random(&[2, 4, 3]);
        let tags = Tensor::from_slice(&[0_i64, 2, 1, 1, 2, 0, 0, 0]).view([2, 4]);
        let (lengths, weights) = ([4_usize, 2], [0.5, 2.0]);
        let scores = Scores { start: &start, end: &end, transitions: &transitions, constraints: None };
        let found = nll_with_gradient(&scores, &emissions, &tags, &lengths, &weights).unwrap();
        let values = |t: &Tensor| Vec::<f32>::try_from(t.flatten(0, -1)).unwrap();
        let potentials =
            Potentials::new(&values(&start), &values(&end), &values(&transitions), None).unwrap();
        let plain = values(&emissions);
        let batch = EmissionBatch::new(&plain, &lengths, 4, 3).unwrap();
        let gold: Vec<i64> = Vec::try_from(tags.flatten(0, -1)).unwrap();
        let expected = weighted_nll_with_gradient(&potentials, &batch, &gold, &weights).unwrap();
        let loss: f64 = expected.nll.iter().zip(weights).map(|(l, w)| l * w).sum();
        assert!((found.loss.double_value(&[]) - loss).abs() < 1e-5);
        let pairs = [
            (&found.emissions, &expected.emissions),
            (&found.start, &expected.start),
            (&found.end, &expected.end),
            (&found.transitions, &expected.transitions),
        ];
        for (a, b) in pairs {
            assert!(values(a).iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-5));
        }
    }
}
