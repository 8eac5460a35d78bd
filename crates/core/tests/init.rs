//! Initial values: bounds and moments of every distribution, and PyTorch's own numbers where the seed is the same.
#![allow(clippy::unwrap_used, clippy::excessive_precision, clippy::unreadable_literal)]

use std::sync::Mutex;

use medner_core::init::Init;
use medner_core::params::Params;
use medner_core::{CoreError, Result};
use tch::{Kind, Tensor};

/// libtorch has one CPU generator; tests that seed it take turns.
static GENERATOR: Mutex<()> = Mutex::new(());

fn draw(seed: i64, shape: &[i64], init: &Init) -> Result<Vec<f32>> {
    let _turn = GENERATOR.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    tch::manual_seed(seed);
    init.draw("w", shape).map(|t| {
        assert_eq!((t.size(), t.kind()), (shape.to_vec(), Kind::Float));
        Vec::try_from(t.flatten(0, -1)).unwrap()
    })
}

/// Minimum, maximum, mean, standard deviation.
fn moments(values: &[f32]) -> (f64, f64, f64, f64) {
    let n = values.len() as f64;
    let values = values.iter().map(|&v| f64::from(v));
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.clone().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    let (low, high) = (values.clone().fold(f64::MAX, f64::min), values.fold(f64::MIN, f64::max));
    (low, high, mean, variance.sqrt())
}

/// All values within `bound`, both ends nearly reached, mean and deviation those of `U(-bound, bound)`.
fn assert_uniform(shape: &[i64], init: &Init, bound: f64) {
    let values = draw(5, shape, init).unwrap();
    let (low, high, mean, std) = moments(&values);
    let f32_bound = f64::from(bound as f32);
    assert!(low >= -f32_bound && high <= f32_bound, "{init:?}: [{low}, {high}] outside +-{bound}");
    assert!(
        low < -0.99 * bound && high > 0.99 * bound,
        "{init:?}: [{low}, {high}] is narrower than +-{bound}"
    );
    let tolerance = 5.0 * bound / (values.len() as f64).sqrt();
    assert!(mean.abs() < tolerance, "{init:?}: mean {mean}");
    assert!((std - bound / 3.0_f64.sqrt()).abs() < tolerance, "{init:?}: deviation {std}");
}

fn assert_normal(shape: &[i64], init: &Init, center: f64, deviation: f64) {
    let values = draw(6, shape, init).unwrap();
    let (_, _, mean, std) = moments(&values);
    let tolerance = 5.0 * deviation / (values.len() as f64).sqrt();
    assert!((mean - center).abs() < tolerance, "{init:?}: mean {mean}");
    assert!((std - deviation).abs() < tolerance, "{init:?}: deviation {std}");
}

#[test]
fn uniform_distributions_have_the_bounds_of_pytorch() {
    assert_uniform(&[200, 300], &Init::Linear, 1.0 / 300.0_f64.sqrt());
    assert_uniform(&[200, 100, 3], &Init::Linear, 1.0 / 300.0_f64.sqrt());
    assert_uniform(&[20_000], &Init::Bias { fan_in: 300 }, 1.0 / 300.0_f64.sqrt());
    assert_uniform(&[400, 100], &Init::Lstm { hidden: 100 }, 0.1);
    assert_uniform(&[200, 300], &Init::XavierUniform { gain: 1.0 }, (6.0_f64 / 500.0).sqrt());
    assert_uniform(&[200, 100, 3], &Init::XavierUniform { gain: 2.0 }, 2.0 * (6.0_f64 / 900.0).sqrt());
    assert_uniform(&[200, 300], &Init::KaimingUniform { gain: 2.0_f64.sqrt() }, (6.0_f64 / 300.0).sqrt());
    assert_uniform(&[20_000], &Init::Uniform { low: -0.25, high: 0.25 }, 0.25);
    let (low, high, mean, _) = moments(&draw(1, &[20_000], &Init::Uniform { low: 1.0, high: 3.0 }).unwrap());
    assert!(low >= 1.0 && high <= 3.0 && (mean - 2.0).abs() < 0.05);
}

#[test]
fn normal_distributions_have_their_moments() {
    assert_normal(&[200, 300], &Init::Normal { mean: 0.5, std: 0.02 }, 0.5, 0.02);
    assert_normal(&[200, 300], &Init::XavierNormal { gain: 1.0 }, 0.0, (2.0_f64 / 500.0).sqrt());
    assert_normal(&[200, 100, 3], &Init::KaimingNormal { gain: 1.0 }, 0.0, 1.0 / 300.0_f64.sqrt());
    assert_normal(&[600, 100], &Init::Embedding { padding: None }, 0.0, 1.0);
}

#[test]
fn only_the_padding_row_of_an_embedding_is_zero() {
    let values = draw(2, &[50, 8], &Init::Embedding { padding: Some(3) }).unwrap();
    for (row, cells) in values.chunks(8).enumerate() {
        assert_eq!(cells.iter().all(|&v| v == 0.0), row == 3, "row {row}");
    }
    let without = draw(2, &[50, 8], &Init::Embedding { padding: None }).unwrap();
    assert_eq!(values[32..], without[32..], "the other rows are those of the same seed without padding");
}

#[test]
fn constants_and_given_values() {
    assert_eq!(draw(0, &[3], &Init::Zeros).unwrap(), [0.0; 3]);
    assert_eq!(draw(0, &[3], &Init::Ones).unwrap(), [1.0; 3]);
    assert_eq!(draw(0, &[2, 1], &Init::Constant(0.25)).unwrap(), [0.25; 2]);
    let given = Tensor::from_slice(&[1_f32, 2.0, 3.0, 4.0]).view([2, 2]);
    let init = Init::Values(given.shallow_clone());
    let drawn = init.draw("w", &[2, 2]).unwrap();
    let _ = given.shallow_clone().fill_(0.0);
    assert_eq!(
        Vec::<f32>::try_from(drawn.flatten(0, -1)).unwrap(),
        [1.0, 2.0, 3.0, 4.0],
        "the values are copied"
    );
    assert!(matches!(init.draw("w", &[4]), Err(CoreError::Shape { .. })));
    let wrong_type = Init::Values(Tensor::from_slice(&[1_f64]));
    assert!(matches!(wrong_type.draw("w", &[1]), Err(CoreError::Shape { .. })));
}

#[test]
fn orthogonal_rows_or_columns_have_the_gain_as_norm() {
    for shape in [vec![6, 20], vec![20, 6], vec![6, 5, 4]] {
        let values = draw(9, &shape, &Init::Orthogonal { gain: 1.5 }).unwrap();
        let columns: i64 = shape[1..].iter().product();
        let matrix = Tensor::from_slice(&values).view([shape[0], columns]);
        let short = if shape[0] <= columns { matrix } else { matrix.transpose(0, 1) };
        let gram = short.matmul(&short.transpose(0, 1));
        let expected = Tensor::eye(6, (Kind::Float, tch::Device::Cpu)) * 2.25;
        let difference = f64::try_from((gram - expected).abs().max()).unwrap();
        assert!(difference < 1e-5, "{shape:?}: {difference}");
    }
}

#[test]
fn what_cannot_be_drawn_is_refused_by_name() {
    for (shape, init) in [
        (vec![5], Init::Linear),
        (vec![5, 0], Init::XavierUniform { gain: 1.0 }),
        (vec![5], Init::Bias { fan_in: 0 }),
        (vec![5], Init::Lstm { hidden: -1 }),
        (vec![5, 2], Init::Embedding { padding: Some(5) }),
        (vec![5, 2], Init::Embedding { padding: Some(-1) }),
        (vec![5], Init::Uniform { low: 1.0, high: 0.0 }),
        (vec![5], Init::Normal { mean: 0.0, std: f64::NAN }),
    ] {
        let message = draw(0, &shape, &init).unwrap_err().to_string();
        assert!(message.contains("`w`"), "{init:?}: {message}");
    }
}

// torch 2.11.0:
//   torch.manual_seed(1234); m = torch.nn.Linear(3, 2)           m.weight.flatten(), m.bias
//   torch.manual_seed(1234); m = torch.nn.Embedding(4, 5, padding_idx=1)   m.weight.flatten()
//   torch.manual_seed(1234); m = torch.nn.LSTM(2, 1)             weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0
//   torch.manual_seed(1234); torch.nn.init.orthogonal_(torch.empty(2, 3)).flatten()
const LINEAR: &[f32] = &[
    -0.543887913,
    -0.113277778,
    -0.277308047,
    -0.153989315,
    -0.510030389,
    0.23168458,
    -0.517539799,
    -0.0367896445,
];
const EMBEDDING: &[f32] = &[
    -0.111718565,
    -0.496590108,
    0.163073704,
    -0.88168776,
    0.28909719,
    0.0,
    0.0,
    0.0,
    0.0,
    0.0,
    -1.0831244,
    -0.554724216,
    -1.32481194,
    0.696980536,
    -0.66305387,
    1.21575689,
    -2.52733517,
    1.47778428,
    -0.169623628,
    -0.99185735,
];
const LSTM: &[f32] = &[
    -0.942041516,
    -0.196202874,
    -0.480311632,
    -0.266717315,
    -0.883398533,
    0.401289463,
    -0.89640522,
    -0.0637215376,
    0.347612262,
    -0.337076068,
    0.567416072,
    0.126126409,
    0.549700975,
    0.641605139,
    -0.4414469,
    0.363422155,
    -0.432650089,
    0.313460827,
    -0.522488356,
    0.462568998,
];
const ORTHOGONAL: &[f32] = &[0.0423367023, 0.369309485, -0.928341627, 0.540087581, -0.7901721, -0.289712876];

/// The values of several parameters drawn one after the other.
fn draw_all(parts: &[(&[i64], Init)]) -> Vec<f32> {
    let _turn = GENERATOR.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    tch::manual_seed(1234);
    let draw = |(shape, init): &(&[i64], Init)| init.draw("w", shape).unwrap().flatten(0, -1);
    parts.iter().flat_map(|part| Vec::<f32>::try_from(draw(part)).unwrap()).collect()
}

#[test]
fn a_seed_gives_the_numbers_of_pytorch() {
    let linear: [(&[i64], Init); 2] = [(&[2, 3], Init::Linear), (&[2], Init::Bias { fan_in: 3 })];
    assert_eq!(draw_all(&linear), LINEAR);
    assert_eq!(draw_all(&[(&[4, 5], Init::Embedding { padding: Some(1) })]), EMBEDDING);
    let lstm = || Init::Lstm { hidden: 1 };
    let shapes: [(&[i64], Init); 4] = [(&[4, 2], lstm()), (&[4, 1], lstm()), (&[4], lstm()), (&[4], lstm())];
    assert_eq!(draw_all(&shapes), LSTM);
    // This one goes through a matrix decomposition, whose last bits belong to the machine's LAPACK.
    for (found, expected) in draw_all(&[(&[2, 3], Init::Orthogonal { gain: 1.0 })]).iter().zip(ORTHOGONAL) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }
}

#[test]
fn a_seed_decides_every_byte_of_a_model() {
    let model = |seed| {
        let _turn = GENERATOR.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        tch::manual_seed(seed);
        let params = Params::new(tch::Device::Cpu);
        let _ = params.root().parameter("table", &[30, 4], Init::Embedding { padding: Some(0) }).unwrap();
        let _ = (params.root() / "linear").parameter("weight", &[3, 4], Init::Linear).unwrap();
        let state = params.state().unwrap();
        state.values().flat_map(|t| Vec::<f32>::try_from(t.flatten(0, -1)).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(model(3), model(3));
    assert_ne!(model(3), model(4));
}
