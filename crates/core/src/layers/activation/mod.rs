//! What stands between two linear maps: the GELUs of transformers and their kin.

mod kernel;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::{Linear, expect_width};
use crate::autograd;
use crate::error::Result;
use crate::optim::raw;

/// The nonlinearity between two linear maps, by the names that configurations of published models use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Gaussian error linear unit, exact: `x Phi(x) = x (1 + erf(x / sqrt(2))) / 2` (Hendrycks and Gimpel 2016).
    Gelu,
    /// Its approximation `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`, which Google's BERT and ALBERT are trained with.
    #[serde(alias = "gelu_pytorch_tanh")]
    GeluNew,
    /// `max(0, x)`
    Relu,
    /// `tanh(x)`
    Tanh,
}

impl Activation {
    /// Element by element.
    pub fn forward(self, xs: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Gelu => xs.f_gelu("none")?,
            Self::GeluNew => xs.f_gelu("tanh")?,
            Self::Relu => xs.f_relu()?,
            Self::Tanh => xs.f_tanh()?,
        })
    }

    /// `activation(x W^T + b)`, `xs: [.., input] -> [.., output]`, in the number type of `xs`.
    ///
    /// On a CPU in f32 the GELUs take the bias with them and find their slope in the same pass, which the backward pass only
    /// multiplies with: two passes over the widest tensor of a transformer in place of seven.
    ///
    /// # Errors
    /// As [`Linear::forward`].
    pub fn of_linear(self, linear: &Linear, xs: &Tensor) -> Result<Tensor> {
        let gelu = match self {
            Self::Gelu => kernel::Gelu::Exact,
            Self::GeluNew => kernel::Gelu::ByTanh,
            Self::Relu | Self::Tanh => return self.forward(&linear.forward(xs)?),
        };
        let plain = |tensor: &Tensor| tensor.device() == Device::Cpu && tensor.kind() == Kind::Float;
        if !plain(xs) || !plain(linear.bias()) {
            return self.forward(&linear.forward(xs)?);
        }
        expect_width("input of a linear layer", xs, linear.weight().size()[1])?;
        by_kernel(gelu, &xs.f_linear::<Tensor>(linear.weight(), None)?, linear.bias())
    }
}

/// `gelu(xs + bias)`; writes to the memory of `xs`.
fn by_kernel(gelu: kernel::Gelu, xs: &Tensor, bias: &Tensor) -> Result<Tensor> {
    // An alias of the bias: the parameter itself wants a gradient even where none is recorded.
    let recorded = xs.requires_grad() || bias.f_alias()?.requires_grad();
    let (mut given, shift) = (xs.detach().f_contiguous()?, bias.detach().f_contiguous()?);
    if !recorded {
        gelu.in_place(raw::slice_mut(&mut given)?, raw::slice(&shift)?);
        return Ok(given);
    }
    let mut output = given.f_empty_like()?;
    gelu.with_slope(raw::slice_mut(&mut given)?, raw::slice(&shift)?, raw::slice_mut(&mut output)?);
    let slope = given;
    autograd::attach(&output, &[xs, bias], move |upstream| {
        let upstream = upstream.f_contiguous()?;
        let (mut by_xs, mut by_bias) = (slope.f_empty_like()?, shift.f_empty_like()?);
        let (given, kept) = (raw::slice(&upstream)?, raw::slice(&slope)?);
        kernel::backward(given, kept, raw::slice_mut(&mut by_xs)?, raw::slice_mut(&mut by_bias)?);
        Ok(vec![Some(by_xs), Some(by_bias)])
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::device;
    use crate::params::Params;

    fn at(activation: Activation, x: f64) -> f64 {
        activation.forward(&Tensor::from_slice(&[x])).unwrap().double_value(&[0])
    }

    #[test]
    fn the_two_gelus_are_their_formulas() {
        // erf(1 / sqrt(2)) = 0.6826894921370859, the share of a normal distribution within one deviation.
        assert!((at(Activation::Gelu, 1.0) - f64::midpoint(1.0, 0.682_689_492_137_085_9)).abs() < 1e-12);
        for x in [-3.0_f64, -0.5, 0.0, 1.0, 2.5] {
            let cubic = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            assert!((at(Activation::GeluNew, x) - x * f64::midpoint(1.0, cubic.tanh())).abs() < 1e-12);
            assert!((at(Activation::Gelu, x) - at(Activation::GeluNew, x)).abs() < 1e-3);
        }
        assert_ne!(at(Activation::Gelu, 1.0), at(Activation::GeluNew, 1.0));
    }

    #[test]
    fn names_are_those_of_published_configurations() {
        for (name, activation) in [
            ("\"gelu\"", Activation::Gelu),
            ("\"gelu_new\"", Activation::GeluNew),
            ("\"gelu_pytorch_tanh\"", Activation::GeluNew),
            ("\"relu\"", Activation::Relu),
        ] {
            assert_eq!(serde_json::from_str::<Activation>(name).unwrap(), activation);
        }
        assert_eq!(serde_json::to_string(&Activation::GeluNew).unwrap(), "\"gelu_new\"");
        assert!(serde_json::from_str::<Activation>("\"swish\"").is_err());
    }

    fn apart(a: &Tensor, b: &Tensor) -> f64 {
        assert_eq!(a.size(), b.size());
        (a - b).abs().max().double_value(&[])
    }

    #[test]
    fn after_a_linear_map_values_and_gradients_are_those_of_libtorchs_operations() {
        device::reseed(3, 0);
        let params = Params::new(Device::Cpu);
        // Widths and rows that are no multiple of a lane or a block.
        let linear = Linear::new(&params.root(), 19, 37).unwrap();
        let xs = Tensor::randn([3, 71, 19], (Kind::Float, Device::Cpu)).f_mul_scalar(3.0).unwrap();
        let upstream = Tensor::randn([3, 71, 37], (Kind::Float, Device::Cpu));
        for activation in [Activation::Gelu, Activation::GeluNew, Activation::Relu, Activation::Tanh] {
            let leaf = xs.copy().set_requires_grad(true);
            let pass = |ys: Tensor| {
                let sum = (&ys * &upstream).sum(Kind::Float);
                let sources = [&leaf, linear.weight(), linear.bias()];
                (ys.detach(), Tensor::run_backward(&[&sum], &sources, false, false))
            };
            let (found, gradients) = pass(activation.of_linear(&linear, &leaf).unwrap());
            let (expected, theirs) = pass(activation.forward(&linear.forward(&leaf).unwrap()).unwrap());
            assert!(apart(&found, &expected) < 2e-6, "{activation:?}: {}", apart(&found, &expected));
            for (found, expected) in gradients.iter().zip(&theirs) {
                let scale = expected.abs().max().double_value(&[]);
                assert!(apart(found, expected) < 1e-6 * scale, "{activation:?}");
            }
            let unrecorded = tch::no_grad(|| activation.of_linear(&linear, &xs).unwrap());
            assert!(!unrecorded.requires_grad() && apart(&unrecorded, &found) < 1e-6, "{activation:?}");
        }
    }

    #[test]
    fn a_bias_alone_can_be_trained_and_a_wrong_width_is_named() {
        let params = Params::new(Device::Cpu);
        let linear = Linear::new(&params.root(), 4, 5).unwrap();
        let _ = linear.weight().set_requires_grad(false);
        let xs = Tensor::ones([2, 4], (Kind::Float, Device::Cpu));
        Activation::Gelu.of_linear(&linear, &xs).unwrap().sum(Kind::Float).backward();
        assert!(linear.bias().grad().defined() && !linear.weight().grad().defined());
        let message = Activation::Gelu.of_linear(&linear, &xs.narrow(1, 0, 3)).unwrap_err().to_string();
        assert!(message.contains("[.., 4]"), "{message}");
    }

    #[test]
    fn numbers_far_out_are_zero_or_themselves() {
        let params = Params::new(Device::Cpu);
        let linear = Linear::new(&params.root(), 1, 1).unwrap();
        tch::no_grad(|| {
            let _ = linear.weight().shallow_clone().fill_(1.0);
            let _ = linear.bias().shallow_clone().fill_(0.0);
        });
        let xs =
            Tensor::from_slice(&[-1e20_f32, -100.0, -20.0, 0.0, 20.0, 100.0, 1e10, f32::NAN]).view([8, 1]);
        for activation in [Activation::Gelu, Activation::GeluNew] {
            let leaf = xs.copy().set_requires_grad(true);
            let ys = activation.of_linear(&linear, &leaf).unwrap();
            ys.sum(Kind::Float).backward();
            let ys: Vec<f32> = Vec::try_from(ys.view(-1)).unwrap();
            assert_eq!(
                ys[..7].iter().map(|y| y.abs()).collect::<Vec<_>>(),
                [0.0, 0.0, 0.0, 0.0, 20.0, 100.0, 1e10]
            );
            let slopes: Vec<f32> = Vec::try_from(leaf.grad().view(-1)).unwrap();
            assert_eq!(
                slopes[..7].iter().map(|y| y.abs()).collect::<Vec<_>>(),
                [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0]
            );
            assert!(ys[7].is_nan() && slopes[7].is_nan());
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        const WIDTH: usize = 37;
        let values = |count: usize| (0..count).map(|i| ((i * i % 977) as f32).sin()).collect::<Vec<_>>();
        // Ten blocks of rows and a part of one.
        let (xs, bias, upstream) = (values(WIDTH * 650), values(WIDTH), values(WIDTH * 650 + 1));
        let pass = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (mut slope, mut ys) = (xs.clone(), vec![0.0; xs.len()]);
            let (mut by_xs, mut by_bias) = (vec![0.0; xs.len()], vec![0.0; WIDTH]);
            pool.install(|| {
                kernel::Gelu::ByTanh.with_slope(&mut slope, &bias, &mut ys);
                kernel::backward(&upstream[1..], &slope, &mut by_xs, &mut by_bias);
            });
            [ys, slope, by_xs, by_bias].map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        };
        assert_eq!(pass(1), pass(3));
    }
}
