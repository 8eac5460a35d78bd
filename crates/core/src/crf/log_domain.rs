//! Forward-backward in the log domain: slower by an order of magnitude, and safe for any scores.
//!
//! Used for the rare sentence that the scaled recursion cannot compute, and by the tests.

use super::potentials::Potentials;
use super::scratch::{Domain, Scratch};

/// `log(sum(exp(x)))`; -inf when all are -inf, not a number when one is not a number or +inf.
pub(super) fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        // The plain sum keeps what is not a number.
        return values.sum();
    }
    largest + values.map(|x| (x - largest).exp()).sum::<f64>().ln()
}

/// `alpha[t][j]` = log of the summed scores of all paths that end in `j` at `t`; returns `log Z`.
pub(super) fn forward(potentials: &Potentials, emissions: &[f32], scratch: &mut Scratch) -> f64 {
    let (tags, lanes, steps) = (potentials.tags, scratch.lanes, scratch.steps);
    let width = lanes * super::simd::LANES;
    let alpha = scratch.alpha.as_flattened_mut();
    for j in 0..tags {
        alpha[j] = potentials.start.as_flattened()[j] + f64::from(emissions[j]);
    }
    for t in 1..steps {
        let (before, next) = alpha.split_at_mut(t * width);
        let previous = &before[(t - 1) * width..][..tags];
        for j in 0..tags {
            let into = &potentials.into_tag[j * tags..(j + 1) * tags];
            next[j] = log_sum_exp(previous.iter().zip(into).map(|(a, s)| a + s))
                + f64::from(emissions[t * tags + j]);
        }
    }
    let last = &alpha[(steps - 1) * width..][..tags];
    log_sum_exp(last.iter().zip(potentials.end.as_flattened()).map(|(a, e)| a + e))
}

/// [`forward`], then `right[t][j]` = emission at `t` plus the log of the summed scores of everything after it, and the unary
/// marginals.
pub(super) fn posterior(potentials: &Potentials, emissions: &[f32], scratch: &mut Scratch) -> f64 {
    let log_z = forward(potentials, emissions, scratch);
    let (tags, lanes, steps) = (potentials.tags, scratch.lanes, scratch.steps);
    let width = lanes * super::simd::LANES;
    let alpha = scratch.alpha.as_flattened();
    let right = scratch.right.as_flattened_mut();
    let unary = scratch.unary.as_flattened_mut();
    for t in (0..steps).rev() {
        for i in 0..width {
            unary[t * width + i] = 0.0;
        }
        for i in 0..tags {
            let after = if t + 1 == steps {
                potentials.end.as_flattened()[i]
            } else {
                let next = &right[(t + 1) * width..][..tags];
                log_sum_exp(next.iter().enumerate().map(|(j, b)| potentials.transition(i, j) + b))
            };
            right[t * width + i] = f64::from(emissions[t * tags + i]) + after;
            let score = alpha[t * width + i] + after;
            unary[t * width + i] = if score == f64::NEG_INFINITY { 0.0 } else { (score - log_z).exp() };
        }
    }
    scratch.domain = Domain::Log { log_z };
    log_z
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_sum_exp_at_the_edges() {
        let lse = |v: &[f64]| log_sum_exp(v.iter().copied());
        assert!((lse(&[0.0, 0.0]) - 2.0_f64.ln()).abs() < 1e-15);
        assert_eq!(lse(&[1e4, -1e4]), 1e4);
        assert_eq!(lse(&[f64::NEG_INFINITY; 2]), f64::NEG_INFINITY);
        assert!(lse(&[f64::NAN, f64::NEG_INFINITY]).is_nan());
        assert!(lse(&[f64::NAN, 0.0]).is_nan());
        assert!(lse(&[f64::INFINITY, 0.0]).is_nan());
    }
}
