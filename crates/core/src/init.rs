//! Initial values: PyTorch's own default distributions, and the usual others.
//!
//! tch's `nn` module draws other numbers than PyTorch does (weights of linear layers and convolutions 2.45 times wider,
//! LSTM biases at 0, no zero row for padding), so nothing here goes through it. With the same libtorch generator state
//! the values are PyTorch's, bit for bit: they are drawn by the same kernels, on the CPU whatever the model's device.
//!
//! Fans are counted as PyTorch counts them: a shape `[out, in, k...]` has `fan_in = in * k...` and
//! `fan_out = out * k...`.
//!
//! | layer | values | source |
//! | --- | --- | --- |
//! | Linear, Conv weight | [`Init::Linear`]: `U(-1/sqrt(fan_in), 1/sqrt(fan_in))` | `kaiming_uniform_(a=sqrt(5))` |
//! | Linear, Conv bias | [`Init::Bias`]: the same bound | `nn.Linear.reset_parameters` |
//! | LSTM weights and biases | [`Init::Lstm`]: `U(-1/sqrt(H), 1/sqrt(H))` | `nn.RNNBase.reset_parameters` |
//! | Embedding | [`Init::Embedding`]: `N(0, 1)`, the padding row 0 | `nn.Embedding.reset_parameters` |

use tch::{Device, Kind, Tensor};

use crate::error::{CoreError, Result};

/// How a parameter starts.
#[derive(Debug)]
pub enum Init {
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// All the same value.
    Constant(f64),
    /// `U(low, high)`.
    Uniform {
        /// Lower bound, included.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// `N(mean, std^2)`.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        std: f64,
    },
    /// Weight of a linear layer or convolution as PyTorch draws it: `U(-1/sqrt(fan_in), 1/sqrt(fan_in))`.
    Linear,
    /// Bias of a linear layer or convolution whose weight has this `fan_in`: the bound of [`Init::Linear`].
    Bias {
        /// Inputs that each output sees.
        fan_in: i64,
    },
    /// Weight or bias of an LSTM or GRU: `U(-1/sqrt(hidden), 1/sqrt(hidden))`.
    Lstm {
        /// Width of the hidden state.
        hidden: i64,
    },
    /// Table `[V, D]` from `N(0, 1)`; the row of the padding entry, if there is one, is 0.
    Embedding {
        /// The padding row.
        padding: Option<i64>,
    },
    /// Glorot and Bengio 2010, equation 16: `U(-a, a)` with `a = gain * sqrt(6 / (fan_in + fan_out))`.
    XavierUniform {
        /// 1 for linear units, 5/3 for tanh, sqrt(2) for ReLU.
        gain: f64,
    },
    /// Glorot and Bengio 2010: `N(0, s^2)` with `s = gain * sqrt(2 / (fan_in + fan_out))`.
    XavierNormal {
        /// As for [`Init::XavierUniform`].
        gain: f64,
    },
    /// He et al. 2015: `U(-a, a)` with `a = gain * sqrt(3 / fan_in)`.
    KaimingUniform {
        /// sqrt(2) for ReLU.
        gain: f64,
    },
    /// He et al. 2015, equation 10: `N(0, s^2)` with `s = gain / sqrt(fan_in)`.
    KaimingNormal {
        /// sqrt(2) for ReLU.
        gain: f64,
    },
    /// Saxe et al. 2014: rows (or columns, whichever are fewer) orthogonal with norm `gain`. Dimensions after the first
    /// count as one.
    Orthogonal {
        /// Norm of the rows or columns.
        gain: f64,
    },
    /// Given values, for example pre-trained word vectors; the shape must be the parameter's, the type f32.
    Values(Tensor),
}

impl Init {
    /// Draws the values of a parameter `name` of this shape: f32, on the CPU, from libtorch's CPU generator.
    ///
    /// # Errors
    /// [`CoreError::Shape`] where the shape has no fan or the given values have another shape or type,
    /// [`CoreError::Config`] for a bound or a row that does not exist.
    pub fn draw(&self, name: &str, shape: &[i64]) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        match *self {
            Self::Zeros => constant(shape, 0.0),
            Self::Ones => constant(shape, 1.0),
            Self::Constant(value) => constant(shape, value),
            Self::Uniform { low, high } => {
                if low > high || !low.is_finite() || !high.is_finite() {
                    return Err(refuse(
                        name,
                        format!("no uniform distribution has the bounds {low} and {high}"),
                    ));
                }
                uniform(shape, low, high)
            }
            Self::Normal { mean, std } => normal(name, shape, mean, std),
            Self::Linear => symmetric(name, shape, fan_in_bound(name, fans(name, shape)?.0)?),
            Self::Bias { fan_in } => symmetric(name, shape, fan_in_bound(name, fan_in)?),
            Self::Lstm { hidden } => symmetric(name, shape, fan_in_bound(name, hidden)?),
            Self::Embedding { padding } => embedding(name, shape, padding),
            Self::XavierUniform { gain } => {
                let (fan_in, fan_out) = fans(name, shape)?;
                symmetric(name, shape, 3.0_f64.sqrt() * gain * (2.0 / (fan_in + fan_out) as f64).sqrt())
            }
            Self::XavierNormal { gain } => {
                let (fan_in, fan_out) = fans(name, shape)?;
                normal(name, shape, 0.0, gain * (2.0 / (fan_in + fan_out) as f64).sqrt())
            }
            Self::KaimingUniform { gain } => {
                symmetric(name, shape, 3.0_f64.sqrt() * gain / (fans(name, shape)?.0 as f64).sqrt())
            }
            Self::KaimingNormal { gain } => {
                normal(name, shape, 0.0, gain / (fans(name, shape)?.0 as f64).sqrt())
            }
            Self::Orthogonal { gain } => orthogonal(name, shape, gain),
            Self::Values(ref values) => {
                if values.size() != shape || values.kind() != Kind::Float {
                    return Err(CoreError::Shape {
                        what: format!("initial values ({:?}) of `{name}`", values.kind()),
                        expected: format!("{shape:?} Float"),
                        found: values.size(),
                    });
                }
                Ok(values.f_to_device(Device::Cpu)?.f_detach()?.f_contiguous()?.f_detach_copy()?)
            }
        }
    }
}

/// `(fan_in, fan_out)` of a weight `[out, in, k...]`, as PyTorch counts them.
///
/// # Errors
/// [`CoreError::Shape`] with fewer than two dimensions or with an empty one.
pub fn fans(name: &str, shape: &[i64]) -> Result<(i64, i64)> {
    if shape.len() < 2 || shape.iter().any(|&n| n <= 0) {
        return Err(CoreError::Shape {
            what: format!("`{name}` (a bias or scalar has no fan-in of its own; use Init::Bias)"),
            expected: "[out, in, k...], none of them 0".into(),
            found: shape.to_vec(),
        });
    }
    let field: i64 = shape[2..].iter().product();
    Ok((shape[1] * field, shape[0] * field))
}

fn refuse(name: &str, message: String) -> CoreError {
    CoreError::Config { key: format!("initial values of `{name}`"), message }
}

fn fan_in_bound(name: &str, fan_in: i64) -> Result<f64> {
    if fan_in <= 0 {
        return Err(refuse(name, format!("the width must be positive, found {fan_in}")));
    }
    Ok(1.0 / (fan_in as f64).sqrt())
}

fn constant(shape: &[i64], value: f64) -> Result<Tensor> {
    Ok(Tensor::f_full(shape, value, (Kind::Float, Device::Cpu))?)
}

fn uniform(shape: &[i64], low: f64, high: f64) -> Result<Tensor> {
    let mut values = Tensor::f_empty(shape, (Kind::Float, Device::Cpu))?;
    let _ = values.f_uniform_(low, high)?;
    Ok(values)
}

fn symmetric(name: &str, shape: &[i64], bound: f64) -> Result<Tensor> {
    if !bound.is_finite() || bound < 0.0 {
        return Err(refuse(name, format!("the bound must be finite and not negative, found {bound}")));
    }
    uniform(shape, -bound, bound)
}

fn normal(name: &str, shape: &[i64], mean: f64, std: f64) -> Result<Tensor> {
    if !std.is_finite() || std < 0.0 || !mean.is_finite() {
        return Err(refuse(name, format!("no normal distribution has mean {mean} and deviation {std}")));
    }
    let mut values = Tensor::f_empty(shape, (Kind::Float, Device::Cpu))?;
    let _ = values.f_normal_(mean, std)?;
    Ok(values)
}

fn embedding(name: &str, shape: &[i64], padding: Option<i64>) -> Result<Tensor> {
    let values = normal(name, shape, 0.0, 1.0)?;
    if let Some(row) = padding {
        let rows = shape.first().copied().unwrap_or(0);
        if !(0..rows).contains(&row) {
            return Err(refuse(name, format!("the padding row {row} is not one of its {rows} rows")));
        }
        let _ = values.f_select(0, row)?.f_zero_()?;
    }
    Ok(values)
}

/// QR of a normal matrix, with the signs of R's diagonal moved into Q so that the result is uniform over the
/// orthogonal matrices (Mezzadri 2007), as `torch.nn.init.orthogonal_` does it.
fn orthogonal(name: &str, shape: &[i64], gain: f64) -> Result<Tensor> {
    fans(name, shape)?;
    let rows = shape[0];
    let columns: i64 = shape[1..].iter().product();
    let mut flat = normal(name, &[rows, columns], 0.0, 1.0)?;
    if rows < columns {
        flat = flat.f_transpose(0, 1)?;
    }
    let (q, r) = Tensor::f_linalg_qr(&flat, "reduced")?;
    let mut q = q.f_multiply(&r.f_diag(0)?.f_sign()?)?;
    if rows < columns {
        q = q.f_transpose(0, 1)?;
    }
    Ok(q.f_multiply_scalar(gain)?.f_reshape(shape)?.f_contiguous()?)
}
