//! The losses that separate what two tasks share from what each has for itself (Bousmalis, Trigeorgis, Silberman, Krishnan and
//! Erhan, "Domain Separation Networks", NIPS 2016; the paper names the same four).
//!
//! Differences from Bousmalis et al.: features are those of tokens, not of images, and a batch has hundreds of tokens, so the
//! Frobenius norm is divided by their number.

use medner_core::Result;
use tch::{Kind, Reduction, Tensor};

use crate::config::Pool;

/// Norms below this count as this one: a feature vector that equals the mean has no direction.
const LEAST_NORM: f64 = 1e-6;

/// `L_difference = || S^T P ||_F^2 / N` over the `N` tokens of the batch (equation 5 there).
///
/// The rows of `S` and `P` are the tokens' shared and private features, less their mean over the batch and scaled to length
/// 1, as in the authors' program. Features without relation give about 1.
///
/// `shared`, `private`: `[B, T, D]`; `mask`: `[B, T]`, true at tokens.
pub fn difference(shared: &Tensor, private: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let weight = mask.f_unsqueeze(2)?.f_to_kind(shared.kind())?;
    let tokens = weight.f_sum(shared.kind())?.f_clamp_min(1.0)?;
    let rows = |xs: &Tensor| -> Result<Tensor> {
        let mean =
            xs.f_mul(&weight)?.f_sum_dim_intlist([0_i64, 1].as_slice(), true, xs.kind())?.f_div(&tokens)?;
        let centred = xs.f_sub(&mean)?.f_mul(&weight)?;
        let norm = centred
            .f_square()?
            .f_sum_dim_intlist(-1_i64, true, xs.kind())?
            .f_clamp_min(LEAST_NORM * LEAST_NORM)?
            .f_sqrt()?;
        Ok(centred.f_div(&norm)?.f_flatten(0, 1)?)
    };
    let correlation = rows(shared)?.f_transpose(0, 1)?.f_matmul(&rows(private)?)?;
    Ok(correlation.f_square()?.f_sum(shared.kind())?.f_div(&tokens)?)
}

/// `L_reconstruction`: the scale-invariant mean squared error (Eigen et al. 2014; equation 4 there), a mean over tokens of
/// `|d|^2 / k - (sum d)^2 / k^2` with `d = predicted - target` of width `k`. A difference by the same number everywhere costs nothing.
///
/// `predicted`, `target`: `[B, T, k]`; `mask`: `[B, T]`. No gradient flows into the target: a network that may move its target
/// makes all vectors equal.
pub fn reconstruction(predicted: &Tensor, target: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let d = predicted.f_sub(&target.detach())?;
    let mean_square = d.f_square()?.f_mean_dim(-1_i64, false, d.kind())?;
    let square_mean = d.f_mean_dim(-1_i64, false, d.kind())?.f_square()?;
    let weight = mask.f_to_kind(d.kind())?;
    let tokens = weight.f_sum(d.kind())?.f_clamp_min(1.0)?;
    Ok(mean_square.f_sub(&square_mean)?.f_mul(&weight)?.f_sum(d.kind())?.f_div(&tokens)?)
}

/// `L_same`: the discriminator's cross entropy for sentences that are all of one task (equation 6 there; Ganin et al. 2016).
///
/// `logits`: `[B, 2]`.
pub fn same(logits: &Tensor, task: i64) -> Result<Tensor> {
    let gold = Tensor::f_full([logits.size()[0]], task, (Kind::Int64, logits.device()))?;
    Ok(logits.f_cross_entropy_loss(&gold, None::<Tensor>, Reduction::Mean, -100, 0.0)?)
}

/// One vector a sentence: `[B, T, D] -> [B, D]`, padding left out.
pub fn pool(features: &Tensor, mask: &Tensor, pool: Pool) -> Result<Tensor> {
    match pool {
        Pool::Max => {
            let padding = mask.f_logical_not()?.f_unsqueeze(2)?;
            Ok(features.f_masked_fill(&padding, -1e9)?.f_amax([1_i64].as_slice(), false)?)
        }
        Pool::Mean => {
            let weight = mask.f_unsqueeze(2)?.f_to_kind(features.kind())?;
            let tokens = weight.f_sum_dim_intlist(1_i64, false, features.kind())?.f_clamp_min(1.0)?;
            let sum = features.f_mul(&weight)?.f_sum_dim_intlist(1_i64, false, features.kind())?;
            Ok(sum.f_div(&tokens)?)
        }
    }
}

#[cfg(test)]
mod tests;
