//! Batch normalisation over the tokens of a batch.

use tch::Tensor;

use super::{Batch, expect_last};
use crate::autograd;
use crate::error::Result;
use crate::init::Init;
use crate::params::Scope;

/// Ioffe and Szegedy (2015), for sequences: PyTorch's `BatchNorm1d` over all tokens of the batch, without the padding.
///
/// ```text
/// training:    y = (x - mean) / sqrt(variance + eps) * weight + bias,    mean and variance over the batch's tokens
///              running = (1 - momentum) running + momentum batch         (of the variance the unbiased one)
/// evaluation:  the same with the running mean and variance
/// ```
///
/// `momentum` 0.1 and `eps` 1e-5 as PyTorch's. The running values are buffers: saved and loaded with the parameters.
/// A training batch of a single token has no variance; it is normalised with the running values and leaves them alone.
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
}

const MOMENTUM: f64 = 0.1;
const EPSILON: f64 = 1e-5;

impl BatchNorm {
    /// Parameters `weight` (1) and `bias` (0), buffers `running_mean` (0) and `running_var` (1), each `[width]`.
    ///
    /// # Errors
    /// What [`Scope::parameter`] refuses.
    pub fn new(scope: &Scope<'_>, width: i64) -> Result<Self> {
        Ok(Self {
            weight: scope.parameter("weight", &[width], Init::Ones)?,
            bias: scope.parameter("bias", &[width], Init::Zeros)?,
            mean: scope.buffer("running_mean", &[width], Init::Zeros)?,
            variance: scope.buffer("running_var", &[width], Init::Ones)?,
        })
    }

    /// `xs: [B, T, D] -> [B, T, D]`; 0 in the padding.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn forward(&self, xs: &Tensor, batch: &Batch, train: bool) -> Result<Tensor> {
        expect_last("input of a batch normalisation", xs, "B, T, D", self.weight.size()[0])?;
        let tokens: usize = batch.lengths.iter().sum();
        if tokens == 0 {
            return Ok(xs.f_zeros_like()?);
        }
        let size = xs.size();
        let flat = xs.f_reshape([size[0] * size[1], size[2]])?;
        let places = places(batch)?;
        let rows = match &places {
            Some(places) => gather(&flat, places)?,
            None => flat.shallow_clone(),
        };
        let rows = rows.f_batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.mean),
            Some(&self.variance),
            train && tokens > 1,
            MOMENTUM,
            EPSILON,
            false,
        )?;
        let flat = match &places {
            Some(places) => scatter(&rows, places, flat.size()[0])?,
            None => rows,
        };
        Ok(flat.f_view(size.as_slice())?)
    }
}

/// The tokens' places among the `B * T` positions, `[tokens]` of i64; `None` where there is no padding.
fn places(batch: &Batch) -> Result<Option<Tensor>> {
    let steps = batch.padded();
    if batch.lengths.iter().all(|&length| length == steps) {
        return Ok(None);
    }
    let rows = batch.lengths.iter().enumerate();
    let places: Vec<i64> =
        rows.flat_map(|(b, &length)| (0..length).map(move |t| (b * steps + t) as i64)).collect();
    Ok(Some(Tensor::f_from_slice(&places)?.f_to_device(batch.mask.device())?))
}

/// `[positions, D] -> [tokens, D]`. libtorch's own backward pass adds rows one by one because places might repeat; these
/// do not.
fn gather(flat: &Tensor, places: &Tensor) -> Result<Tensor> {
    let rows = flat.detach().f_index_select(0, places)?;
    let (places, positions) = (places.shallow_clone(), flat.size()[0]);
    autograd::attach(&rows, &[flat], move |upstream| Ok(vec![Some(spread(upstream, &places, positions)?)]))
}

/// `[tokens, D] -> [positions, D]`, 0 at the other positions.
fn scatter(rows: &Tensor, places: &Tensor, positions: i64) -> Result<Tensor> {
    let flat = spread(&rows.detach(), places, positions)?;
    let places = places.shallow_clone();
    autograd::attach(&flat, &[rows], move |upstream| Ok(vec![Some(upstream.f_index_select(0, &places)?)]))
}

fn spread(rows: &Tensor, places: &Tensor, positions: i64) -> Result<Tensor> {
    let zeros = Tensor::f_zeros([positions, rows.size()[1]], (rows.kind(), rows.device()))?;
    Ok(zeros.f_index_copy(0, places, rows)?)
}
