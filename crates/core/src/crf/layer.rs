//! The CRF as a layer: parameters as tensors, a loss that can be differentiated, decoding.

use std::sync::Arc;

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::batch::EmissionBatch;
use super::batched::{self, Scores};
use super::constraints::Constraints;
use super::n_best::{ScoredPath, n_best as list_viterbi};
use super::posterior::Posterior;
use super::potentials::Potentials;
use super::viterbi::Decoded;
use super::{likelihood, posterior, viterbi};
use crate::error::{CoreError, Result};
use crate::init::Init;
use crate::params::Scope;

/// How the losses of a batch's sentences become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their sum.
    Sum,
    /// Their sum divided by the number of sentences.
    #[default]
    Mean,
    /// Their sum divided by the number of tokens.
    TokenMean,
}

impl Reduction {
    fn weight(self, lengths: &[usize]) -> f64 {
        let count = match self {
            Self::Sum => 1,
            Self::Mean => lengths.len(),
            Self::TokenMean => lengths.iter().sum(),
        };
        1.0 / count.max(1) as f64
    }
}

/// Where hard constraints hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstrainAt {
    /// In decoding, n-best, marginals and posteriors; the loss is over all paths.
    Decoding,
    /// Also in the loss: illegal paths have probability 0 while training. A gold path that is illegal has infinite loss.
    Training,
}

/// A linear-chain CRF layer over `K` tags.
///
/// The loss is computed by the kernels of this module when the emissions are on the CPU, and by tensor operations
/// elsewhere. Either way its gradient is the exact one, attached to the graph without a graph over `T`.
#[derive(Debug)]
pub struct Crf {
    start: Tensor,
    end: Tensor,
    transitions: Tensor,
    constraints: Option<(Constraints, ConstrainAt)>,
}

impl Crf {
    /// Registers `start_transitions` `[K]`, `end_transitions` `[K]` and `transitions` `[K, K]`, drawn from U(-0.1, 0.1) in
    /// this order: names and values as in `pytorch-crf`.
    ///
    /// # Errors
    /// What [`Scope::parameter`] refuses.
    pub fn new(scope: &Scope<'_>, tags: i64) -> Result<Self> {
        let init = || Init::Uniform { low: -0.1, high: 0.1 };
        let start = scope.parameter("start_transitions", &[tags], init())?;
        let end = scope.parameter("end_transitions", &[tags], init())?;
        let transitions = scope.parameter("transitions", &[tags, tags], init())?;
        Self::from_tensors(start, end, transitions)
    }

    /// `start`: `[K]`, `end`: `[K]`, `transitions`: `[K, K]` from the row's tag to the column's tag.
    ///
    /// # Errors
    /// [`CoreError::Shape`].
    pub fn from_tensors(start: Tensor, end: Tensor, transitions: Tensor) -> Result<Self> {
        let k = start.size().first().copied().unwrap_or(0);
        expect("CRF start transitions", "[K], K >= 1", &start, &[k.max(1)])?;
        expect("CRF end transitions", "[K]", &end, &[k])?;
        expect("CRF transitions", "[K, K]", &transitions, &[k, k])?;
        Ok(Self { start, end, transitions, constraints: None })
    }

    /// The same layer with hard constraints.
    ///
    /// # Errors
    /// Constraints made for another number of tags.
    pub fn constrained(mut self, constraints: Constraints, at: ConstrainAt) -> Result<Self> {
        constraints.check(self.tags())?;
        self.constraints = Some((constraints, at));
        Ok(self)
    }

    /// Number of tags, `K`.
    pub fn tags(&self) -> usize {
        self.start.size()[0] as usize
    }

    /// The parameters and constraints as the kernels want them, copied from the tensors' present values.
    ///
    /// # Errors
    /// [`CoreError::Tch`].
    pub fn potentials(&self) -> Result<Potentials> {
        self.potentials_with(self.constraints.as_ref().map(|(c, _)| c))
    }

    /// The negative log-likelihood of `tags` as a scalar tensor; `backward` gives the exact gradients of the emissions and
    /// the parameters.
    ///
    /// `emissions`: `[B, T, K]`, `tags`: `[B, T]` of i64, `lengths`: `[B]`, each at most `T`, 0 allowed. The padding is not
    /// read. NaN or +inf among the emissions gives a loss that is not finite; -inf forbids a tag.
    ///
    /// # Errors
    /// Shapes that do not fit; a tag outside `0..K` is named with its place. On a device other than the CPU such a tag gives a
    /// loss that is not a number instead, so that no value need be fetched.
    pub fn nll(
        &self,
        emissions: &Tensor,
        tags: &Tensor,
        lengths: &[usize],
        reduction: Reduction,
    ) -> Result<Tensor> {
        if emissions.device() != Device::Cpu {
            return self.nll_batched(emissions, tags, lengths, reduction);
        }
        let weight = reduction.weight(lengths);
        self.nll_on_host(emissions, tags, lengths, &vec![weight; lengths.len()], |nll| {
            nll.iter().sum::<f64>() * weight
        })
    }

    /// As [`Crf::nll`], the sum of the losses of the sentences, each times its weight, `[B]`.
    ///
    /// # Errors
    /// As [`Crf::nll`]; weights that are not one a sentence.
    pub fn nll_weighted(
        &self,
        emissions: &Tensor,
        tags: &Tensor,
        lengths: &[usize],
        weights: &[f64],
    ) -> Result<Tensor> {
        likelihood::check_weights(lengths.len(), weights)?;
        if emissions.device() != Device::Cpu {
            return self.nll_by_operations(emissions, tags, lengths, weights);
        }
        self.nll_on_host(emissions, tags, lengths, weights, |nll| {
            nll.iter().zip(weights).map(|(loss, weight)| loss * weight).sum()
        })
    }

    /// The loss with its gradient from the kernels; `value` makes one number of the sentences' losses.
    fn nll_on_host(
        &self,
        emissions: &Tensor,
        tags: &Tensor,
        lengths: &[usize],
        weights: &[f64],
        value: impl Fn(&[f64]) -> f64,
    ) -> Result<Tensor> {
        let host = self.host(emissions, lengths)?;
        expect_tags(emissions, tags)?;
        let gold: Vec<i64> = to_vec(&tags.f_to_kind(Kind::Int64)?)?;
        let potentials = self.potentials_with(self.training_constraints())?;
        let gradient = likelihood::weighted_nll_with_gradient(&potentials, &host.batch()?, &gold, weights)?;
        let value = value(&gradient.nll);
        let pairs = [
            (emissions, Tensor::f_from_slice(&gradient.emissions)?),
            (&self.start, Tensor::f_from_slice(&gradient.start)?),
            (&self.end, Tensor::f_from_slice(&gradient.end)?),
            (&self.transitions, Tensor::f_from_slice(&gradient.transitions)?),
        ];
        let surrogate = inner_product(&pairs, false)?;
        let surrogate = if value.is_finite() && !f64::try_from(&surrogate)?.is_finite() {
            inner_product(&pairs, true)?
        } else {
            surrogate
        };
        attach(&surrogate, &Tensor::f_from_slice(&[value as f32])?.f_squeeze()?)
    }

    /// [`Crf::nll`] by tensor operations on the device of `emissions`, whichever that is.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn nll_batched(
        &self,
        emissions: &Tensor,
        tags: &Tensor,
        lengths: &[usize],
        reduction: Reduction,
    ) -> Result<Tensor> {
        self.nll_by_operations(emissions, tags, lengths, &vec![reduction.weight(lengths); lengths.len()])
    }

    fn nll_by_operations(
        &self,
        emissions: &Tensor,
        tags: &Tensor,
        lengths: &[usize],
        weights: &[f64],
    ) -> Result<Tensor> {
        self.expect_emissions(emissions, lengths)?;
        expect_tags(emissions, tags)?;
        let scores = Scores {
            start: &self.start,
            end: &self.end,
            transitions: &self.transitions,
            constraints: self.training_constraints(),
        };
        let gradient = batched::nll_with_gradient(&scores, emissions, tags, lengths, weights)?;
        let pairs = [
            (emissions, gradient.emissions),
            (&self.start, gradient.start),
            (&self.end, gradient.end),
            (&self.transitions, gradient.transitions),
        ];
        attach(&inner_product(&pairs, true)?, &gradient.loss)
    }

    /// The best path of each sentence under the constraints. Emissions on another device are fetched: Viterbi on the host
    /// takes less time than `T` kernel launches.
    ///
    /// # Errors
    /// Shapes that do not fit; emissions that are not numbers.
    pub fn decode(&self, emissions: &Tensor, lengths: &[usize]) -> Result<Decoded> {
        let host = self.host(emissions, lengths)?;
        let decoded = viterbi::decode(&self.potentials()?, &host.batch()?)?;
        match decoded.scores.iter().position(|score| score.is_nan()) {
            None => Ok(decoded),
            Some(b) => Err(CoreError::Config {
                key: "CRF emissions".into(),
                message: format!(
                    "sentence {b} of the batch has scores that are not numbers; the model's weights or its input are damaged"
                ),
            }),
        }
    }

    /// Up to `n` best paths of each sentence with their scores, best first, under the constraints.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn n_best(&self, emissions: &Tensor, lengths: &[usize], n: usize) -> Result<Vec<Vec<ScoredPath>>> {
        list_viterbi(&self.potentials()?, &self.host(emissions, lengths)?.batch()?, n)
    }

    /// `log Z` of each sentence under the constraints, `[B]`: with a path's score from [`Crf::decode`] it gives the path's
    /// log-probability.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn log_partition(&self, emissions: &Tensor, lengths: &[usize]) -> Result<Vec<f64>> {
        likelihood::log_partition(&self.potentials()?, &self.host(emissions, lengths)?.batch()?)
    }

    /// `P(y[t] = j)` under the constraints, `[B, T, K]` on the CPU, 0 in the padding; not part of any graph.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn marginals(&self, emissions: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        let values = posterior::marginals(&self.potentials()?, &self.host(emissions, lengths)?.batch()?)?;
        Ok(Tensor::f_from_slice(&values)?.f_view(emissions.size().as_slice())?)
    }

    /// The posterior of each sentence under the constraints: unary, pairwise and span probabilities.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn posteriors(&self, emissions: &Tensor, lengths: &[usize]) -> Result<Vec<Posterior>> {
        let host = self.host(emissions, lengths)?;
        let (batch, potentials) = (host.batch()?, Arc::new(self.potentials()?));
        (0..batch.len()).into_par_iter().map(|b| Posterior::new(&potentials, &batch, b)).collect()
    }

    fn training_constraints(&self) -> Option<&Constraints> {
        self.constraints.as_ref().filter(|(_, at)| *at == ConstrainAt::Training).map(|(c, _)| c)
    }

    fn potentials_with(&self, constraints: Option<&Constraints>) -> Result<Potentials> {
        Potentials::new(
            &to_vec::<f32>(&self.start.f_to_kind(Kind::Float)?)?,
            &to_vec::<f32>(&self.end.f_to_kind(Kind::Float)?)?,
            &to_vec::<f32>(&self.transitions.f_to_kind(Kind::Float)?)?,
            constraints,
        )
    }

    fn expect_emissions(&self, emissions: &Tensor, lengths: &[usize]) -> Result<()> {
        let size = emissions.size();
        let k = self.tags() as i64;
        if size.len() != 3 || size[0] != lengths.len() as i64 || size[2] != k {
            return Err(CoreError::Shape {
                what: "CRF emissions".into(),
                expected: format!("[B, T, K] with B = {} and K = {k}", lengths.len()),
                found: size,
            });
        }
        super::batch::check_lengths(lengths, size[1] as usize)
    }

    fn host<'a>(&self, emissions: &Tensor, lengths: &'a [usize]) -> Result<Host<'a>> {
        self.expect_emissions(emissions, lengths)?;
        let values = to_vec(&emissions.detach().f_to_kind(Kind::Float)?)?;
        Ok(Host { values, lengths, steps: emissions.size()[1] as usize, tags: self.tags() })
    }
}

/// A copy of a batch's emissions in the host's memory.
struct Host<'a> {
    values: Vec<f32>,
    lengths: &'a [usize],
    steps: usize,
    tags: usize,
}

impl Host<'_> {
    fn batch(&self) -> Result<EmissionBatch<'_>> {
        EmissionBatch::new(&self.values, self.lengths, self.steps, self.tags)
    }
}

/// Lengths of a `[B, T]` mask whose true entries stand at the left of each row.
///
/// # Errors
/// A mask of another rank, or one with a gap.
pub fn lengths_of_mask(mask: &Tensor) -> Result<Vec<usize>> {
    let size = mask.size();
    if size.len() != 2 {
        return Err(CoreError::Shape { what: "mask".into(), expected: "[B, T]".into(), found: size });
    }
    let values: Vec<i64> = to_vec(&mask.f_ne(0)?.f_to_kind(Kind::Int64)?)?;
    let steps = size[1] as usize;
    (0..size[0] as usize)
        .map(|b| {
            let row = &values[b * steps..(b + 1) * steps];
            let length = row.iter().take_while(|&&x| x == 1).count();
            match row[length..].iter().position(|&x| x == 1) {
                None => Ok(length),
                Some(gap) => Err(CoreError::Config {
                    key: "mask".into(),
                    message: format!(
                        "row {b} is false at {length} and true again at {}; sentences are padded on the right only",
                        length + gap
                    ),
                }),
            }
        })
        .collect()
}

/// `sum of (values * gradient)` over the pairs: its derivative by `values` is `gradient`. With `guard`, values that are not
/// finite count as constants: a score of -inf has gradient 0, and 0 times -inf is not a number.
fn inner_product(pairs: &[(&Tensor, Tensor); 4], guard: bool) -> Result<Tensor> {
    let mut total: Option<Tensor> = None;
    for (values, gradient) in pairs {
        let values = values.f_to_kind(Kind::Float)?;
        let values = if guard { values.f_nan_to_num(0.0, 0.0, 0.0)? } else { values };
        // Not `dot`: MKL shares even a small one among threads, which costs milliseconds on a busy machine.
        let product = values.f_mul(&gradient.f_view_as(&values)?)?.f_sum(Kind::Float)?;
        total = Some(match total {
            None => product,
            Some(sum) => sum.f_add(&product)?,
        });
    }
    Ok(total.expect("there are four pairs"))
}

/// A tensor with the value of `value` and the gradient of `surrogate`.
fn attach(surrogate: &Tensor, value: &Tensor) -> Result<Tensor> {
    // The difference is exactly 0, so that nothing of the value's precision is lost.
    Ok(surrogate.f_sub(&surrogate.detach())?.f_add(value)?)
}

fn expect_tags(emissions: &Tensor, tags: &Tensor) -> Result<()> {
    let size = emissions.size();
    expect("CRF tags", &format!("[{}, {}]", size[0], size[1]), tags, &size[..2])
}

fn expect(what: &str, expected: &str, tensor: &Tensor, size: &[i64]) -> Result<()> {
    if tensor.size() == size {
        return Ok(());
    }
    Err(CoreError::Shape { what: what.into(), expected: expected.into(), found: tensor.size() })
}

/// The values of a tensor in row-major order.
fn to_vec<T: tch::kind::Element + Copy + Default>(tensor: &Tensor) -> Result<Vec<T>> {
    let plain = tensor.detach().f_to_device(Device::Cpu)?.f_contiguous()?;
    let mut values = vec![T::default(); plain.numel()];
    plain.f_copy_data(&mut values, plain.numel())?;
    Ok(values)
}
