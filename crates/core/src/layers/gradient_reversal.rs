//! Gradient reversal.

use tch::Tensor;

use crate::autograd;
use crate::error::{CoreError, Result};

/// The layer of Ganin and Lempitsky, "Unsupervised Domain Adaptation by Backpropagation", ICML 2015: the identity (the same
/// bits, in the same memory) whose backward pass multiplies the gradient with `-lambda`. What lies above learns to tell the
/// domains apart, what lies below to make them alike.
///
/// # Errors
/// A `lambda` that is negative or not finite.
pub fn reverse_gradient(xs: &Tensor, lambda: f64) -> Result<Tensor> {
    if !lambda.is_finite() || lambda < 0.0 {
        let message =
            format!("the factor of a gradient reversal must be finite and not negative, found {lambda}");
        return Err(CoreError::Config { key: "lambda".into(), message });
    }
    autograd::attach(xs, &[xs], move |upstream| Ok(vec![Some(upstream.f_mul_scalar(-lambda)?)]))
}

/// `2 / (1 + exp(-10 p)) - 1` for the share `p` of the training that is done, from 0 at its start to nearly 1 at its end:
/// the schedule of Ganin et al., "Domain-Adversarial Training of Neural Networks", JMLR 2016, section 5.2.2.
pub fn reversal_schedule(progress: f64) -> f64 {
    2.0 / (1.0 + (-10.0 * progress).exp()) - 1.0
}
