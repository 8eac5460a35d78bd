//! The self-attention of a private decoder, over the words of a sentence (Figure 4): as printed, and as released.
//!
//! Letters as in [`crate::networks`]; `W` is the width of the rows, 2 H.

use medner_core::Result;
use medner_core::init::Init;
use medner_core::layers::Linear;
use medner_core::params::Scope;
use tch::Tensor;

use crate::networks::{gather, linear};
use crate::words::Sentences;

/// Width of the released attention's hidden layer.
const UNITS: i64 = 32;

/// Rows of words to rows of words, `[N, W] -> [N, W]`; a word attends to its own sentence.
pub enum Attention {
    /// `softmax(Q K^T / sqrt(W)) V` with `[Q K V] = x W + b`, as printed.
    Products {
        /// To queries, keys and values: `[W, 3 W]`.
        projection: Linear,
    },
    /// `y_t = sum_s softmax_s(tanh(a . tanh(P x_t + R x_s + b) + c)) x_s`, as released.
    Additive {
        /// `P`: `[32, W]`.
        of_reader: Tensor,
        /// `R`: `[32, W]`.
        of_read: Tensor,
        /// `b`: `[32]`.
        bias: Tensor,
        /// `a`: `[1, 32]`, and `c`: `[1]`.
        score: [Tensor; 2],
    },
}

impl Attention {
    /// For rows of this width.
    pub fn new(scope: &Scope<'_>, width: i64, additive: bool) -> Result<Self> {
        if !additive {
            return Ok(Self::Products { projection: Linear::new(scope, width, 3 * width)? });
        }
        let glorot = || Init::XavierNormal { gain: 1.0 };
        Ok(Self::Additive {
            of_reader: scope.parameter("of_reader", &[UNITS, width], glorot())?,
            of_read: scope.parameter("of_read", &[UNITS, width], glorot())?,
            bias: scope.parameter("bias", &[UNITS], Init::Zeros)?,
            score: [
                scope.parameter("score", &[1, UNITS], glorot())?,
                scope.parameter("score_bias", &[1], Init::Zeros)?,
            ],
        })
    }

    /// `xs: [N, W] -> [N, W]`.
    pub fn forward(&self, xs: &Tensor, sentences: &Sentences) -> Result<Tensor> {
        let (_, width) = xs.size2()?;
        let (scores, values) = match self {
            Self::Products { projection } => {
                let projected = gather(&linear(projection, xs)?, &sentences.padded)?.f_chunk(3, 2)?;
                let [query, key, value] = projected.as_slice() else { unreachable!("chunk(3) gives three") };
                let products = query.f_matmul(&key.f_transpose(1, 2)?)?;
                (products.f_div_scalar((width as f64).sqrt())?, value.shallow_clone())
            }
            Self::Additive { of_reader, of_read, bias, score: [score, score_bias] } => {
                let each = |weight: &Tensor, bias: Option<&Tensor>| -> Result<Tensor> {
                    gather(&xs.f_linear(weight, bias)?, &sentences.padded)
                };
                let (reader, read) = (each(of_reader, Some(bias))?, each(of_read, None)?);
                // [B, T, 1, 32] + [B, 1, T, 32]
                let pairs = reader.f_unsqueeze(2)?.f_add(&read.f_unsqueeze(1)?)?.f_tanh()?;
                let scores = pairs.f_linear(score, Some(score_bias))?.f_squeeze_dim(-1)?.f_tanh()?;
                (scores, gather(xs, &sentences.padded)?)
            }
        };
        // A finite bound instead of minus infinity: the rows of a sentence without words stay numbers.
        let weights = scores.f_masked_fill(&sentences.padding, -1e9)?.f_softmax(-1, xs.kind())?;
        gather(&weights.f_matmul(&values)?.f_reshape([-1, width])?, &sentences.places)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use medner_core::params::Params;
    use tch::{Device, Kind};

    fn rows(tensor: &Tensor) -> Vec<Vec<f64>> {
        Vec::<Vec<f64>>::try_from(tensor.to_kind(Kind::Double)).unwrap()
    }

    /// The score of one word for another.
    type ScoreOf = Box<dyn Fn(usize, usize) -> f64>;

    /// Word by word, as the formulas of both kinds read.
    fn plain(kind: &Attention, xs: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let times = |w: &[Vec<f64>], x: &[f64]| -> Vec<f64> {
            w.iter().map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum()).collect()
        };
        let width = xs[0].len();
        let (score, values): (ScoreOf, Vec<Vec<f64>>) = match kind {
            Attention::Products { projection } => {
                let w = rows(projection.weight());
                let b = Vec::<f64>::try_from(projection.bias().to_kind(Kind::Double)).unwrap();
                let projected: Vec<Vec<f64>> =
                    xs.iter().map(|x| times(&w, x).iter().zip(&b).map(|(a, b)| a + b).collect()).collect();
                let values = projected.iter().map(|p| p[2 * width..].to_vec()).collect();
                let score = move |t: usize, s: usize| {
                    let products =
                        projected[t][..width].iter().zip(&projected[s][width..]).map(|(q, k)| q * k);
                    products.sum::<f64>() / (width as f64).sqrt()
                };
                (Box::new(score), values)
            }
            Attention::Additive { of_reader, of_read, score: [a, _], .. } => {
                let (p, r, a) = (rows(of_reader), rows(of_read), rows(a).remove(0));
                let (readers, read): (Vec<_>, Vec<_>) =
                    xs.iter().map(|x| (times(&p, x), times(&r, x))).unzip();
                let score = move |t: usize, s: usize| {
                    let units = readers[t].iter().zip(&read[s]).zip(&a);
                    units.map(|((p, r), a)| a * (p + r).tanh()).sum::<f64>().tanh()
                };
                (Box::new(score), xs.to_vec())
            }
        };
        (0..xs.len())
            .map(|t| {
                let weights: Vec<f64> = (0..xs.len()).map(|s| score(t, s).exp()).collect();
                let sum: f64 = weights.iter().sum();
                (0..width).map(|d| weights.iter().zip(&values).map(|(w, v)| w / sum * v[d]).sum()).collect()
            })
            .collect()
    }

    #[test]
    fn both_kinds_follow_their_formulas_and_stay_in_their_sentence() {
        medner_core::device::reseed(8, 0);
        // Sentences of three words and of one: rows 0 to 2 and row 3.
        let sentences = Sentences::new(&[(vec![0, 1, 2], 0), (vec![3], 0)], Device::Cpu).unwrap();
        let xs = Tensor::randn([4, 6], (Kind::Float, Device::Cpu));
        for additive in [false, true] {
            let params = Params::new(Device::Cpu);
            let attention = Attention::new(&params.root(), 6, additive).unwrap();
            let found = rows(&attention.forward(&xs, &sentences).unwrap());
            let all = rows(&xs);
            let expected = [plain(&attention, &all[..3]), plain(&attention, &all[3..])].concat();
            for (found, expected) in found.concat().iter().zip(expected.concat()) {
                assert!((found - expected).abs() < 1e-5, "additive {additive}: {found} {expected}");
            }
        }
    }

    #[test]
    fn additive_attention_lets_no_word_of_59_stand_out() {
        let params = Params::new(Device::Cpu);
        let attention = Attention::new(&params.root(), 4, true).unwrap();
        let Attention::Additive { of_read, score: [score, _], .. } = &attention else { unreachable!() };
        // Scores as far apart as a tanh lets them be: 1 for the first word, -1 for the others.
        tch::no_grad(|| {
            let _ = of_read.shallow_clone().fill_(100.0);
            let _ = score.shallow_clone().fill_(100.0);
        });
        let xs = Tensor::full([59, 4], -1.0, (Kind::Float, Device::Cpu));
        let _ = xs.get(0).fill_(1.0);
        let sentence = Sentences::new(&[((0..59).collect(), 0)], Device::Cpu).unwrap();
        let found = attention.forward(&xs, &sentence).unwrap().double_value(&[5, 0]);
        // Weight w of the first: w - (1 - w), with w = e / (e + 58 / e).
        let e = 1.0_f64.exp();
        let w = e / (e + 58.0 / e);
        assert!(w < 0.12 && (found - (2.0 * w - 1.0)).abs() < 1e-4, "{found} {w}");
    }
}
