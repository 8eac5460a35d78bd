//! The CRF against pytorch-crf 0.7.2. The fixture is made by `tools/golden/crf.py`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use medner_core::crf::{Crf, EmissionBatch, Potentials, Reduction, decode, nll, nll_with_gradient};
use serde::Deserialize;
use tch::Tensor;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    seed: u64,
    b: usize,
    t: usize,
    k: usize,
    scale: f64,
    transition_scale: f64,
    sentences: Vec<f64>,
    sum: f64,
    mean: f64,
    token_mean: f64,
    decoded: Vec<Vec<u32>>,
    emission_rows: BTreeMap<usize, Vec<f64>>,
    emission_sums: Vec<f64>,
    start: Vec<f64>,
    end: Vec<f64>,
    transitions: Vec<f64>,
}

/// The inputs of a case, made as the generator makes them.
struct Inputs {
    emissions: Vec<f32>,
    tags: Vec<i64>,
    lengths: Vec<usize>,
    start: Vec<f32>,
    end: Vec<f32>,
    transitions: Vec<f32>,
}

/// `uniform` of the generator: the top 24 bits of SplitMix64's finaliser, in [-1, 1).
fn uniform(seed: u64, i: u64) -> f64 {
    let mut z = seed
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(i.wrapping_mul(0xD1B5_4A32_D192_ED03))
        .wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 40) as f64 / f64::from(1 << 23) - 1.0
}

fn numbers(seed: u64, scale: f64, count: usize) -> Vec<f32> {
    (0..count as u64).map(|i| (uniform(seed, i) * scale) as f32).collect()
}

fn integers(seed: u64, below: usize, count: usize) -> Vec<usize> {
    (0..count as u64)
        .map(|i| ((uniform(seed, i).midpoint(1.0) * below as f64) as usize).min(below - 1))
        .collect()
}

impl Inputs {
    fn of(c: &Case) -> Self {
        let mut lengths: Vec<usize> = integers(c.seed + 2, c.t, c.b).into_iter().map(|n| n + 1).collect();
        lengths[0] = c.t;
        Self {
            emissions: numbers(c.seed, c.scale, c.b * c.t * c.k),
            tags: integers(c.seed + 1, c.k, c.b * c.t).into_iter().map(|x| x as i64).collect(),
            lengths,
            start: numbers(c.seed + 3, c.transition_scale, c.k),
            end: numbers(c.seed + 4, c.transition_scale, c.k),
            transitions: numbers(c.seed + 5, c.transition_scale, c.k * c.k),
        }
    }
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/crf.json");
    let fixture: Fixture = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(fixture.cases.iter().any(|c| (c.b, c.t, c.k) == (32, 64, 13)));
    fixture.cases
}

fn close(what: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{what}: {found} is not {expected}");
}

fn all_close(what: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
        close(&format!("{what}[{i}]"), f64::from(f), e);
    }
}

/// Compares the gradient of the summed loss.
fn check_gradient(c: &Case, emissions: &[f32], start: &[f32], end: &[f32], transitions: &[f32]) {
    let row = c.t * c.k;
    for (&b, expected) in &c.emission_rows {
        all_close(&format!("emissions of sentence {b}"), &emissions[b * row..(b + 1) * row], expected);
    }
    let weights = numbers(c.seed + 6, 1.0, c.b * row);
    for (b, &expected) in c.emission_sums.iter().enumerate() {
        let places = b * row..(b + 1) * row;
        let sum = emissions[places.clone()].iter().zip(&weights[places]);
        close("weighted sum", sum.map(|(&g, &w)| f64::from(g) * f64::from(w)).sum(), expected);
    }
    all_close("start", start, &c.start);
    all_close("end", end, &c.end);
    all_close("transitions", transitions, &c.transitions);
}

#[test]
fn kernels() {
    for c in cases() {
        let x = Inputs::of(&c);
        let potentials = Potentials::new(&x.start, &x.end, &x.transitions, None).unwrap();
        let batch = EmissionBatch::new(&x.emissions, &x.lengths, c.t, c.k).unwrap();
        for (found, expected) in nll(&potentials, &batch, &x.tags).unwrap().into_iter().zip(&c.sentences) {
            close("loss of a sentence", found, *expected);
        }
        let g = nll_with_gradient(&potentials, &batch, &x.tags, 1.0).unwrap();
        close("sum", g.nll.iter().sum(), c.sum);
        check_gradient(&c, &g.emissions, &g.start, &g.end, &g.transitions);
        let decoded = decode(&potentials, &batch).unwrap();
        assert_eq!(decoded.iter().collect::<Vec<_>>(), c.decoded);
    }
}

fn leaf(values: &[f32], shape: &[i64]) -> Tensor {
    Tensor::from_slice(values).view(shape).set_requires_grad(true)
}

fn values(t: &Tensor) -> Vec<f32> {
    Vec::try_from(t.to_kind(tch::Kind::Float).reshape([-1])).unwrap()
}

fn layer(batched: bool) {
    for c in cases() {
        let x = Inputs::of(&c);
        let (b, t, k) = (c.b as i64, c.t as i64, c.k as i64);
        let parameters = [leaf(&x.start, &[k]), leaf(&x.end, &[k]), leaf(&x.transitions, &[k, k])];
        let [start, end, transitions] = parameters.each_ref().map(Tensor::shallow_clone);
        let crf = Crf::from_tensors(start, end, transitions).unwrap();
        let emissions = leaf(&x.emissions, &[b, t, k]);
        let tags = Tensor::from_slice(&x.tags).view([b, t]);
        let loss = |reduction| {
            if batched {
                crf.nll_batched(&emissions, &tags, &x.lengths, reduction).unwrap()
            } else {
                crf.nll(&emissions, &tags, &x.lengths, reduction).unwrap()
            }
        };
        for (reduction, expected) in
            [(Reduction::Mean, c.mean), (Reduction::TokenMean, c.token_mean), (Reduction::Sum, c.sum)]
        {
            close("loss", loss(reduction).double_value(&[]), expected);
        }
        loss(Reduction::Sum).backward();
        let [start, end, transitions] = parameters.each_ref().map(|p| values(&p.grad()));
        check_gradient(&c, &values(&emissions.grad()), &start, &end, &transitions);

        // Another reduction only scales the gradient.
        let summed = emissions.grad().copy();
        let _ = emissions.grad().zero_();
        loss(Reduction::Mean).backward();
        let difference = (emissions.grad() * c.b as f64 - summed).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "{difference}");
    }
}

#[test]
fn layer_with_kernels() {
    layer(false);
}

#[test]
fn layer_with_tensor_operations() {
    layer(true);
}
