//! Iterated dilated convolutions (Strubell et al. 2017, "Fast and Accurate Entity Recognition with Iterated Dilated
//! Convolutions", section 4).

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::expect_last;
use crate::autograd;
use crate::error::{CoreError, Result};
use crate::init::Init;
use crate::params::Scope;

/// Sizes of an [`Idcnn`]; the default is what Li et al. 2022 print (section 4.2), and where they are silent the sizes of the
/// released IDCNN taggers for Chinese.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdcnnConfig {
    /// Filters of every convolution.
    pub filters: i64,
    /// Width of every convolution in tokens; odd.
    pub kernel: i64,
    /// Dilations of one block's convolutions, in order.
    pub dilations: Vec<i64>,
    /// Times the block is applied.
    pub iterations: usize,
    /// One block applied again and again (true, "parameter-sharing mechanism"), or a new one each time (false, "the
    /// parameters of each layer are independent"): the paper says both.
    pub share_blocks: bool,
    /// What the convolutions start from.
    pub initial: InitialValues,
}

impl Default for IdcnnConfig {
    fn default() -> Self {
        Self {
            filters: 128,
            kernel: 3,
            dilations: vec![1, 1, 2],
            iterations: 4,
            share_blocks: true,
            initial: InitialValues::He,
        }
    }
}

/// What convolutions with ReLU after them start from. It decides how much of the input reaches the last of thirteen layers: the
/// mean square of a signal is multiplied by about 1 in each layer with He's values, 1/2 with Glorot's, 1/6 with PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitialValues {
    /// He et al. 2015: `U(±sqrt(6 / fan_in))`, biases 0. Made for ReLU.
    He,
    /// Glorot and Bengio 2010: `U(±sqrt(6 / (fan_in + fan_out)))`, biases 0, as the released IDCNN taggers for Chinese.
    Glorot,
    /// PyTorch's convolutions: weights and biases `U(±1 / sqrt(fan_in))`.
    Pytorch,
}

impl InitialValues {
    /// Those of the weight and of the bias.
    fn of(self, fan_in: i64) -> [Init; 2] {
        match self {
            Self::He => [Init::KaimingUniform { gain: std::f64::consts::SQRT_2 }, Init::Zeros],
            Self::Glorot => [Init::XavierUniform { gain: 1.0 }, Init::Zeros],
            Self::Pytorch => [Init::Linear, Init::Bias { fan_in }],
        }
    }
}

/// ```text
/// c_0 = ReLU(D_1 x)                          one convolution of dilation 1 from the input width to the filters
/// c_k = B(c_{k-1}),  k = 1 .. iterations     B: convolutions with the dilations of a block, ReLU after each
/// y   = [c_1 ; ... ; c_iterations]
/// ```
///
/// Positions outside the sentence are zero before every convolution, as at the tensor's edge.
pub struct Idcnn {
    first: Convolution,
    blocks: Vec<Vec<Convolution>>,
    iterations: usize,
    input: i64,
    output: i64,
}

struct Convolution {
    weight: Tensor,
    bias: Tensor,
    dilation: i64,
}

impl Convolution {
    fn new(scope: &Scope<'_>, input: i64, config: &IdcnnConfig, dilation: i64) -> Result<Self> {
        let [weight, bias] = config.initial.of(input * config.kernel);
        Ok(Self {
            weight: scope.parameter("weight", &[config.filters, input, config.kernel], weight)?,
            bias: scope.parameter("bias", &[config.filters], bias)?,
            dilation,
        })
    }

    /// The weight as one matrix, `[filters, input, kernel]` as PyTorch has it `-> [filters, kernel input]`: once for all times that
    /// the convolution is applied.
    fn matrix(&self) -> Result<Tensor> {
        Ok(self.weight.f_transpose(1, 2)?.f_reshape([self.weight.size()[0], -1])?)
    }

    /// `xs: [B, T, input] -> [B, T, filters]`, zero outside the sentences; `mask: [B, T, 1]`.
    ///
    /// As one matrix product of the neighbours side by side, with a gradient of its own: libtorch has faster products than
    /// one-dimensional convolutions, and such in bf16 ([`crate::precision`]), and most of what is left is copying.
    fn forward(&self, matrix: &Tensor, xs: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (size, dilation) = (self.weight.size(), self.dilation);
        let (filters, input, kernel) = (size[0], size[1], size[2]);
        let given = [xs, matrix, &self.bias];
        let (plain, guard) = (given.map(Tensor::detach), tch::no_grad_guard());
        let [xs, matrix, bias] = plain;
        let neighbours = neighbours(&xs, kernel, dilation)?;
        let ys = neighbours.f_linear(&matrix, Some(&bias))?.f_relu_()?.f_mul_(mask)?;
        drop(guard);
        let output = ys.shallow_clone();
        autograd::attach(&output, &given, move |upstream| {
            // At padding the output is 0, as where ReLU is: both let nothing through.
            let upstream = ys.f_threshold_backward(upstream, 0.0)?.f_reshape([-1, filters])?;
            let by_matrix = upstream.f_transpose(0, 1)?.f_mm(&neighbours.f_view([-1, kernel * input])?)?;
            let by_neighbours = upstream.f_mm(&matrix)?.f_reshape(neighbours.size())?;
            Ok(vec![
                Some(gathered(&by_neighbours, kernel, dilation)?),
                Some(by_matrix),
                Some(upstream.f_sum_dim_intlist(0, false, upstream.kind())?),
            ])
        })
    }
}

/// The rows of a sentence that stand beside each other at an `offset`: `count` of them, from `to` on, see those from `from` on.
struct Rows {
    to: i64,
    from: i64,
    count: i64,
}

/// For each tap of a kernel, which rows of `length` see which.
fn taps(length: i64, kernel: i64, dilation: i64) -> impl Iterator<Item = (i64, Rows)> {
    (0..kernel).map(move |k| {
        let offset = (k - (kernel - 1) / 2) * dilation;
        let count = (length - offset.abs()).max(0);
        (k, Rows { to: (-offset).clamp(0, length), from: offset.clamp(0, length), count })
    })
}

/// `xs: [B, T, D] -> [B, T, kernel D]`: of each position what the taps of a kernel see, 0 beyond the edges.
fn neighbours(xs: &Tensor, kernel: i64, dilation: i64) -> Result<Tensor> {
    let (b, t, width) = xs.size3()?;
    let out = Tensor::f_empty([b, t, kernel * width], (xs.kind(), xs.device()))?;
    for (k, Rows { to, from, count }) in taps(t, kernel, dilation) {
        let tap = out.f_narrow(2, k * width, width)?;
        tap.f_narrow(1, to, count)?.f_copy_(&xs.f_narrow(1, from, count)?)?;
        for (start, rows) in [(0, to), (to + count, t - to - count)] {
            let _ = tap.f_narrow(1, start, rows)?.f_zero_()?;
        }
    }
    Ok(out)
}

/// The gradient of [`neighbours`]: `[B, T, kernel D] -> [B, T, D]`, what each position gave to its neighbours.
fn gathered(gradient: &Tensor, kernel: i64, dilation: i64) -> Result<Tensor> {
    let (_, t, all) = gradient.size3()?;
    let width = all / kernel;
    let tap = |k: i64| gradient.f_narrow(2, k * width, width);
    let middle = (kernel - 1) / 2;
    let out = tap(middle)?.f_contiguous()?;
    // Of a kernel of one the tap is the gradient itself, which is not ours to write to.
    for (k, Rows { to, from, count }) in taps(t, kernel, dilation).filter(|(k, _)| *k != middle) {
        let _ = out.f_narrow(1, from, count)?.f_add_(&tap(k)?.f_narrow(1, to, count)?)?;
    }
    Ok(out)
}

impl Idcnn {
    /// Parameters `input.*` and `block_<k>.conv_<j>.*`.
    pub fn new(scope: &Scope<'_>, input: i64, config: &IdcnnConfig) -> Result<Self> {
        let refuse =
            |key: &str, message: &str| CoreError::Config { key: key.into(), message: message.into() };
        if config.kernel < 1 || config.kernel % 2 == 0 {
            return Err(refuse("kernel", "must be odd, so that the output has a value for each token"));
        }
        if config.filters < 1 || config.iterations < 1 || config.dilations.is_empty() {
            return Err(refuse("filters, iterations, dilations", "must not be zero or empty"));
        }
        if config.dilations.iter().any(|&d| d < 1) {
            return Err(refuse("dilations", "must all be at least 1"));
        }
        let first = Convolution::new(&(scope / "input"), input, config, 1)?;
        let distinct = if config.share_blocks { 1 } else { config.iterations };
        let mut blocks = Vec::new();
        for k in 0..distinct {
            let block = scope / &format!("block_{k}");
            let convolutions = config.dilations.iter().enumerate();
            blocks.push(
                convolutions
                    .map(|(j, &d)| {
                        Convolution::new(&(&block / &format!("conv_{j}")), config.filters, config, d)
                    })
                    .collect::<Result<Vec<_>>>()?,
            );
        }
        let output = config.filters * config.iterations as i64;
        Ok(Self { first, blocks, iterations: config.iterations, input, output })
    }

    /// Width of the output: filters x iterations.
    pub fn width(&self) -> i64 {
        self.output
    }

    /// `xs: [B, T, D] -> [B, T, filters iterations]`; `mask: [B, T]` is true at tokens.
    pub fn forward(&self, xs: &Tensor, mask: &Tensor) -> Result<Tensor> {
        expect_last("input of an IDCNN", xs, "B, T, D", self.input)?;
        let mask = mask.f_unsqueeze(2)?.f_to_kind(xs.kind())?;
        let mut state = self.first.forward(&self.first.matrix()?, &xs.f_mul(&mask)?, &mask)?;
        let matrices = self.blocks.iter().map(|block| block.iter().map(Convolution::matrix).collect());
        let matrices = matrices.collect::<Result<Vec<Vec<Tensor>>>>()?;
        let mut outputs = Vec::with_capacity(self.iterations);
        for k in 0..self.iterations {
            let block = k % self.blocks.len();
            for (convolution, matrix) in self.blocks[block].iter().zip(&matrices[block]) {
                state = convolution.forward(matrix, &state, &mask)?;
            }
            outputs.push(state.shallow_clone());
        }
        Ok(Tensor::f_cat(&outputs, 2)?)
    }
}
