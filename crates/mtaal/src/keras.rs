//! Initial values of Keras 2.2, which the released code starts from.
//!
//! | parameter | Keras | PyTorch |
//! | --- | --- | --- |
//! | matrices of LSTM inputs and linear layers | Glorot, uniform | U(±1 / sqrt(hidden)), U(±1 / sqrt(inputs)) |
//! | matrices of LSTM states | orthogonal | U(±1 / sqrt(hidden)) |
//! | biases | 0; 1 at an LSTM's forget gates | as the matrices |
//! | character vectors | U(±0.05) | U(±sqrt(3 / width)), as the paper has it |

use medner_core::Result;
use medner_core::init::Init;
use medner_core::params::Params;

use crate::networks::{CHARACTER_VECTORS, WORD_VECTORS};

/// Overwrites every parameter but the word vectors, which are given.
pub fn start(params: &Params) -> Result<()> {
    let _guard = tch::no_grad_guard();
    for parameter in params.parameters() {
        let shape = parameter.tensor.size();
        let Some(init) = init(&parameter.name, shape.len()) else { continue };
        let mut tensor = parameter.tensor;
        tensor.f_copy_(&init.draw(&parameter.name, &shape)?)?;
        if parameter.name.contains(".bias_ih_l0") {
            // Gates lie one after the other: input, forget, cell, output.
            let hidden = shape[0] / 4;
            let _ = tensor.f_narrow(0, hidden, hidden)?.f_fill_(1.0)?;
        }
    }
    Ok(())
}

fn init(name: &str, dimensions: usize) -> Option<Init> {
    if name == WORD_VECTORS {
        return None;
    }
    Some(match (name, dimensions) {
        (CHARACTER_VECTORS, _) => Init::Uniform { low: -0.05, high: 0.05 },
        (_, 1) => Init::Zeros,
        (name, _) if name.contains(".weight_hh_l0") => Init::Orthogonal { gain: 1.0 },
        // The released attention has a rule of its own, which it is drawn by already.
        (name, _) if name.contains(".attention.") && !name.ends_with(".weight") => return None,
        _ => Init::XavierUniform { gain: 1.0 },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{Config, Released};
    use crate::networks::{Networks, Sizes};
    use tch::{Device, Kind, Tensor};

    #[test]
    fn every_parameter_starts_as_in_keras() {
        let mut config = Config::default();
        config.released =
            Released { keras_initial_values: true, additive_attention: true, ..config.released };
        let words = Tensor::ones([7, 300], (Kind::Float, Device::Cpu));
        let sizes = Sizes { characters: 30, ner: 3, nen: 50 };
        let networks = Networks::new(&config, sizes, &words, Device::Cpu).unwrap();
        let get = |name: &str| networks.params.get(name).unwrap_or_else(|| panic!("no {name}"));
        let greatest = |name: &str| get(name).abs().max().double_value(&[]);
        assert_eq!(greatest(WORD_VECTORS), 1.0);
        assert!((0.045..=0.05).contains(&greatest(CHARACTER_VECTORS)));
        for lstm in ["encoder.character_bilstm", "encoder.bilstm", "ner.bilstm", "task_discriminator.bilstm"]
        {
            for suffix in ["", "_reverse"] {
                let bias = Vec::<f32>::try_from(get(&format!("{lstm}.bias_ih_l0{suffix}"))).unwrap();
                let expected = |at: usize| if (64..128).contains(&at) { 1.0 } else { 0.0 };
                assert!(bias.iter().enumerate().all(|(at, &b)| b == expected(at)), "{lstm}");
                assert_eq!(greatest(&format!("{lstm}.bias_hh_l0{suffix}")), 0.0);
                let u = get(&format!("{lstm}.weight_hh_l0{suffix}"));
                let product = u.transpose(0, 1).matmul(&u) - Tensor::eye(64, (Kind::Float, Device::Cpu));
                assert!(product.abs().max().double_value(&[]) < 1e-5, "{lstm}");
            }
        }
        // sqrt(6 / (128 + 50)).
        assert!((0.17..=0.1837).contains(&greatest("nen.output.weight")));
        assert_eq!(greatest("nen.output.bias"), 0.0);
        assert_eq!(greatest("nen.attention.bias"), 0.0);
        assert!(greatest("nen.attention.of_read") > 0.2, "a normal distribution of sqrt(2 / 160)");
    }
}
