//! Each loss against numbers worked out by hand, and its gradient against differences in f64.
#![allow(clippy::unwrap_used)]

use medner_core::layers::reverse_gradient;
use tch::{Device, Kind, Tensor};

use super::*;

const F64: (Kind, Device) = (Kind::Double, Device::Cpu);

fn tensor(values: &[f64], shape: &[i64]) -> Tensor {
    Tensor::from_slice(values).view(shape)
}

fn mask(values: &[bool], shape: &[i64]) -> Tensor {
    Tensor::from_slice(values).view(shape)
}

fn close(found: &Tensor, expected: f64) {
    let found = found.double_value(&[]);
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
}

/// Compares the gradient of `loss` at `xs` with central differences, element by element.
fn check_gradient(xs: &Tensor, loss: impl Fn(&Tensor) -> Tensor) {
    let leaf = xs.copy().set_requires_grad(true);
    loss(&leaf).backward();
    let gradient = leaf.grad();
    let values: Vec<f64> = Vec::try_from(xs.flatten(0, -1)).unwrap();
    let exact: Vec<f64> = Vec::try_from(gradient.flatten(0, -1)).unwrap();
    let step = 1e-6;
    for (i, exact) in exact.iter().enumerate() {
        let at = |moved: f64| {
            let mut values = values.clone();
            values[i] += moved;
            loss(&tensor(&values, &xs.size())).double_value(&[])
        };
        let numeric = (at(step) - at(-step)) / (2.0 * step);
        assert!((numeric - exact).abs() < 1e-6 * (1.0 + exact.abs()), "{i}: {numeric} {exact}");
    }
}

fn random(shape: &[i64]) -> Tensor {
    Tensor::randn(shape, F64)
}

/// Two sentences of 3 and 2 tokens.
fn ragged() -> Tensor {
    mask(&[true, true, true, true, true, false], &[2, 3])
}

#[test]
fn difference_of_features_by_hand() {
    // One sentence of two tokens and a place of padding. Less their mean, the shared features are (1, 0) and (-1, 0), the private
    // ones (0, 2) and (0, -2), of length 1 (0, 1) and (0, -1). S^T P has 1 + 1 at (1, 2): its squared norm 4, over 2 tokens 2.
    let shared = tensor(&[3., 5., 1., 5., 99., 99.], &[1, 3, 2]);
    let private = tensor(&[7., 2., 7., -2., 99., -99.], &[1, 3, 2]);
    let mask = mask(&[true, true, false], &[1, 3]);
    close(&difference(&shared, &private, &mask).unwrap(), 2.0);
    // Features at right angles over the tokens: S^T P is 0. Four tokens, so that both are centred.
    let shared = tensor(&[1., 0., 1., 0., -1., 0., -1., 0.], &[1, 4, 2]);
    let private = tensor(&[1., 0., -1., 0., 1., 0., -1., 0.], &[1, 4, 2]);
    let mask = Tensor::ones([1, 4], (Kind::Bool, Device::Cpu));
    close(&difference(&shared, &private, &mask).unwrap(), 0.0);
    // The same features: S^T S has 4 at (1, 1), 16 / 4.
    close(&difference(&shared, &shared, &mask).unwrap(), 4.0);
}

#[test]
fn padding_and_scale_do_not_change_the_difference() {
    tch::manual_seed(1);
    let (shared, private, mask) = (random(&[2, 3, 4]), random(&[2, 3, 4]), ragged());
    let value = difference(&shared, &private, &mask).unwrap().double_value(&[]);
    let padding = mask.logical_not().unsqueeze(2);
    let other = shared.masked_fill(&padding, 1e3);
    close(&difference(&other, &(&private * 7.0 + 2.0), &mask).unwrap(), value);
}

#[test]
fn gradient_of_the_difference() {
    tch::manual_seed(2);
    let (shared, private, mask) = (random(&[2, 3, 4]), random(&[2, 3, 3]), ragged());
    check_gradient(&shared, |xs| difference(xs, &private, &mask).unwrap());
    check_gradient(&private, |xs| difference(&shared, xs, &mask).unwrap());
}

#[test]
fn reconstruction_by_hand() {
    // d = (1, 3): 10 / 2 - 16 / 4 = 1. d = (2, 2): 8 / 2 - 16 / 4 = 0. The mean over the two tokens is 0.5.
    let predicted = tensor(&[2., 4., 3., 3., 50., 60.], &[1, 3, 2]);
    let target = tensor(&[1., 1., 1., 1., 0., 0.], &[1, 3, 2]);
    let mask = mask(&[true, true, false], &[1, 3]);
    close(&reconstruction(&predicted, &target, &mask).unwrap(), 0.5);
    // A shift of all values costs nothing.
    close(&reconstruction(&(&target + 5.0), &target, &mask).unwrap(), 0.0);
}

#[test]
fn gradient_of_the_reconstruction_reaches_the_prediction_alone() {
    tch::manual_seed(3);
    let (predicted, target, mask) = (random(&[2, 3, 4]), random(&[2, 3, 4]), ragged());
    check_gradient(&predicted, |xs| reconstruction(xs, &target, &mask).unwrap());
    let (predicted, target) = (predicted.set_requires_grad(true), target.set_requires_grad(true));
    reconstruction(&predicted, &target, &mask).unwrap().backward();
    assert!(predicted.grad().defined() && !target.grad().defined());
}

#[test]
fn discriminator_loss_by_hand_and_turned_round() {
    // Softmax of (0, ln 3) is (1/4, 3/4), of (0, 0) a half each.
    let logits = tensor(&[0., 3_f64.ln(), 0., 0.], &[2, 2]);
    close(&same(&logits, 0).unwrap(), f64::midpoint(4_f64.ln(), 2_f64.ln()));
    close(&same(&logits, 1).unwrap(), f64::midpoint((4.0 / 3.0_f64).ln(), 2_f64.ln()));
    check_gradient(&logits, |xs| same(xs, 1).unwrap());
    // Behind the reversal the gradient is that times -0.5.
    let gradient = |lambda: Option<f64>| {
        let leaf = logits.copy().set_requires_grad(true);
        let seen = match lambda {
            Some(lambda) => reverse_gradient(&leaf, lambda).unwrap(),
            None => leaf.shallow_clone(),
        };
        same(&seen, 1).unwrap().backward();
        leaf.grad()
    };
    assert!((gradient(Some(0.5)) + gradient(None) * 0.5).abs().max().double_value(&[]) < 1e-12);
}

#[test]
fn pooling_leaves_padding_out() {
    let features = tensor(&[1., -4., 3., -2., 9., 9., -1., -1., 8., 8., 8., 8.], &[2, 3, 2]);
    let mask = mask(&[true, true, false, true, false, false], &[2, 3]);
    let pooled = |how| Vec::<f64>::try_from(pool(&features, &mask, how).unwrap().flatten(0, -1)).unwrap();
    assert_eq!(pooled(Pool::Max), [3., -2., -1., -1.]);
    assert_eq!(pooled(Pool::Mean), [2., -3., -1., -1.]);
    tch::manual_seed(4);
    let features = random(&[2, 3, 4]);
    for how in [Pool::Max, Pool::Mean] {
        check_gradient(&features, |xs| pool(xs, &ragged(), how).unwrap().square().sum(Kind::Double));
    }
}
