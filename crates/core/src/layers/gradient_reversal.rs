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
/// the schedule of Ganin et al., "Domain-Adversarial Training of Neural Networks", JMLR 2016.
pub fn reversal_schedule(progress: f64) -> f64 {
    2.0 / (1.0 + (-10.0 * progress).exp()) - 1.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tch::Kind;

    use super::*;

    #[test]
    fn forward_is_the_same_bits_and_backward_is_turned_round() {
        let values = [0.1_f32, -7.3e-39, 1e30, f32::MIN_POSITIVE];
        let xs = Tensor::from_slice(&values).set_requires_grad(true);
        let ys = reverse_gradient(&xs, 0.3).unwrap();
        let bits =
            |t: &Tensor| Vec::<f32>::try_from(t).unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&ys.detach()), values.map(f32::to_bits));
        assert_eq!(ys.data_ptr(), xs.data_ptr(), "nothing is copied");
        (&ys * Tensor::from_slice(&[1.0_f32, 2.0, -4.0, 0.0])).sum(Kind::Float).backward();
        assert_eq!(Vec::<f32>::try_from(xs.grad()).unwrap(), [-0.3, -0.6, 1.2, -0.0]);
    }

    #[test]
    fn only_what_lies_below_is_reversed() {
        let below = Tensor::from_slice(&[2.0_f32]).set_requires_grad(true);
        let above = Tensor::from_slice(&[5.0_f32]).set_requires_grad(true);
        let features = &below * 3.0;
        let loss = reverse_gradient(&features, 2.0).unwrap() * &above + &features;
        loss.sum(Kind::Float).backward();
        assert_eq!(above.grad().double_value(&[0]), 6.0);
        // 3 from the path beside the reversal, -2 * 5 * 3 through it.
        assert_eq!(below.grad().double_value(&[0]), 3.0 - 30.0);
    }

    #[test]
    fn a_factor_of_no_use_is_refused() {
        let xs = Tensor::from_slice(&[1.0_f32]);
        for lambda in [-1.0, f64::NAN, f64::INFINITY] {
            let message = reverse_gradient(&xs, lambda).unwrap_err().to_string();
            assert!(message.contains("lambda") && message.contains(&lambda.to_string()), "{message}");
        }
        assert!(reverse_gradient(&xs, 0.0).is_ok());
    }

    #[test]
    fn the_schedule_rises_from_0_towards_1() {
        // By hand: 2 / (1 + e^-1) - 1 = tanh(1 / 2), and so on.
        for (progress, expected) in
            [(0.0, 0.0), (0.1, 0.462_117_157_26), (0.5, 0.986_614_298_15), (1.0, 0.999_909_204_26)]
        {
            assert!((reversal_schedule(progress) - expected).abs() < 1e-10, "{progress}");
        }
    }
}
