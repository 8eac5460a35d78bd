//! Clipping by the global norm, with a check that the norm is a number.

use rayon::prelude::*;
use tch::{Kind, Tensor};

use crate::error::{CoreError, Result};
use crate::optim::{CHUNK, PARALLEL, raw};

/// The 2-norm of all values together. On the CPU it is added up in f64 in a fixed order, whatever the number of threads;
/// on CUDA the one number is waited for.
///
/// # Errors
/// [`CoreError::Tch`].
pub fn global_norm(regions: &[Tensor]) -> Result<f64> {
    if regions.iter().all(raw::visible) {
        let mut total = 0.0;
        for region in regions {
            total += sum_of_squares(raw::slice(region)?);
        }
        return Ok(total.sqrt());
    }
    let norms = regions.iter().map(Tensor::f_norm).collect::<Result<Vec<_>, _>>()?;
    Ok(Tensor::f_stack(&norms, 0)?.f_norm()?.f_to_kind(Kind::Double)?.f_double_value(&[])?)
}

/// Scales flat gradients in place so that their common norm is at most `max_norm`: by `max_norm / (norm + 1e-6)` where
/// that is below 1, as `torch.nn.utils.clip_grad_norm_`. Returns the norm before. An infinite `max_norm` clips nothing
/// and still checks.
///
/// # Errors
/// [`CoreError::GradientNotFinite`] where the norm is NaN or infinite; nothing is scaled then.
/// [`CoreError::Config`] where `max_norm` is not positive.
pub fn clip(regions: &mut [Tensor], max_norm: f64) -> Result<f64> {
    if max_norm.is_nan() || max_norm <= 0.0 {
        let message =
            format!("the greatest norm must be above 0, found {max_norm}; leave it out to clip nothing");
        return Err(CoreError::Config { key: "max_norm".into(), message });
    }
    let norm = global_norm(regions)?;
    if !norm.is_finite() {
        return Err(CoreError::GradientNotFinite { norm, parameters: Vec::new() });
    }
    let factor = max_norm / (norm + 1e-6);
    if factor < 1.0 {
        let _guard = tch::no_grad_guard();
        for region in regions {
            let _ = region.f_mul_scalar_(factor)?;
        }
    }
    Ok(norm)
}

fn sum_of_squares(values: &[f32]) -> f64 {
    if values.len() < PARALLEL {
        return values.chunks(CHUNK).map(chunk).sum();
    }
    let parts: Vec<f64> = values.par_chunks(CHUNK).map(chunk).collect();
    parts.iter().sum()
}

fn chunk(values: &[f32]) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { chunk_avx2(values) };
    }
    lanes(values)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn chunk_avx2(values: &[f32]) -> f64 {
    lanes(values)
}

/// Sixteen sums side by side, which the compiler turns into vector registers.
#[allow(clippy::inline_always)] // So that the caller's instruction set applies.
#[inline(always)]
fn lanes(values: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 16];
    let (blocks, rest) = values.as_chunks::<16>();
    for block in blocks {
        for (sum, &value) in sums.iter_mut().zip(block) {
            let value = f64::from(value);
            *sum += value * value;
        }
    }
    let rest: f64 = rest.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    sums.iter().sum::<f64>() + rest
}
