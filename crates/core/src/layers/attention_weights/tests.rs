#![allow(clippy::unwrap_used)]
use super::*;
use crate::device;

const SIZES: [i64; 4] = [2, 3, 5, 21];

fn random(shape: &[i64]) -> Tensor {
    Tensor::randn(shape, (Kind::Float, Device::Cpu))
}

fn leaf(shape: &[i64]) -> Tensor {
    random(shape).set_requires_grad(true)
}

fn apart(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

/// Scores, what is hidden (everything but the first of the last row of the second sentence), and where rows begin to read.
fn problem() -> (Tensor, Tensor, Tensor, Vec<i64>) {
    let [h, b, p, s] = SIZES;
    let hidden = Tensor::zeros([b, p, s], (Kind::Float, Device::Cpu));
    let _ = hidden.get(1).get(p - 1).narrow(0, 1, s - 1).fill_(-1e30);
    let _ = hidden.get(2).narrow(1, 4, 9).fill_(-1e30);
    (leaf(&SIZES), leaf(&[h, b, p, s + 6]), hidden, (0..b * p).map(|row| row * 5 % 7).collect())
}

#[test]
fn weights_and_gradients_are_those_of_libtorchs_operations() {
    device::reseed(3, 0);
    let (content, distance, hidden, columns) = problem();
    let upstream = random(&SIZES);
    for (first, hidden) in [
        (None, None),
        (None, Some(hidden.shallow_clone())),
        (Some(&columns[..]), Some(hidden.narrow(1, 0, 1))),
        (Some(&columns[..5]), Some(hidden.shallow_clone())),
        (Some(&columns[..]), Some(hidden.narrow(0, 1, 1))),
    ] {
        let distances = first.map(|first| DistanceScores { scores: &distance, first });
        let scores = AttentionScores { content: &content, distances, scale: 0.3, hidden: hidden.as_ref() };
        let pass = |weights: Tensor| {
            let sources: Vec<&Tensor> = std::iter::once(&content).chain(first.map(|_| &distance)).collect();
            let sum = (&weights * &upstream).sum(Kind::Float);
            (weights.detach(), Tensor::run_backward(&[&sum], &sources, false, false))
        };
        let (found, gradients) = pass(attention_weights(&scores, 0.5, false).unwrap());
        let (expected, theirs) = pass(by_operations(&scores).unwrap());
        assert!(apart(&found, &expected) < 1e-6);
        for (found, expected) in gradients.iter().zip(&theirs) {
            assert!(apart(found, expected) < 1e-6, "{}", apart(found, expected));
        }
    }
}

#[test]
fn dropout_takes_its_share_and_the_gradient_with_it() {
    device::reseed(4, 0);
    let (content, distance, hidden, columns) = problem();
    let distances = Some(DistanceScores { scores: &distance, first: &columns });
    let scores = AttentionScores { content: &content, distances, scale: 0.3, hidden: Some(&hidden) };
    let soft = by_operations(&scores).unwrap();
    let draw = |seed| {
        device::reseed(seed, 0);
        attention_weights(&scores, 0.25, true).unwrap()
    };
    let weights = draw(1);
    assert!(weights.equal(&draw(1)) && !weights.equal(&draw(2)));
    let kept = weights.detach().gt(0.0).to_kind(Kind::Float) / 0.75;
    assert!(apart(&weights, &(&soft * &kept)) < 1e-6);
    let share = 1.0
        - kept.sum(Kind::Float).double_value(&[]) * 0.75 / soft.gt(0.0).sum(Kind::Float).double_value(&[]);
    assert!((share - 0.25).abs() < 0.05, "{share}");
    let upstream = random(&SIZES);
    let gradients = |weights: &Tensor| {
        let sum = (weights * &upstream).sum(Kind::Float);
        Tensor::run_backward(&[&sum], &[&content, &distance], false, false)
    };
    for (found, expected) in gradients(&weights).iter().zip(&gradients(&(&soft * &kept))) {
        assert!(apart(found, expected) < 1e-6);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let (count, wide) = (4 * 8 * 40 * 64, 4 * 8 * 40 * 70);
    let values = |count: usize| (0..count).map(|i| ((i * i % 977) as f32).sin()).collect::<Vec<_>>();
    let (content, distances, upstream) = (values(count), values(wide), values(count + 1));
    let kernel = Kernel {
        seen: 64,
        rows: 40,
        sentences: 8,
        wide: 70,
        first: (0..40).map(|row| row % 7).collect(),
        scale: 0.5,
        mask: Some(Mask::new(0.1, 42)),
    };
    let pass = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let [mut soft, mut out, mut by_content] = [(); 3].map(|()| vec![0.0; count]);
        let mut by_distance = vec![0.0; wide];
        pool.install(|| {
            kernel.forward(&content, &distances, None, &mut soft, Some(&mut out));
            kernel.backward(&upstream[1..], &soft, &mut by_content, Some(&mut by_distance));
        });
        (out, by_content, by_distance)
    };
    assert_eq!(pass(1), pass(3));
}

#[test]
fn a_row_that_sees_nothing_or_what_is_no_number_says_so() {
    let content = Tensor::from_slice(&[1.0_f32, f32::NAN, 0.0, 2.0]).view([1, 1, 2, 2]);
    let scores = AttentionScores { content: &content, distances: None, scale: 1.0, hidden: None };
    let weights = attention_weights(&scores, 0.0, true).unwrap();
    assert!(weights.get(0).get(0).get(0).isnan().all().int64_value(&[]) == 1, "{weights:?}");
    let expected = 1.0 / (1.0 + 2.0_f64.exp());
    assert!((weights.double_value(&[0, 0, 1, 0]) - expected).abs() < 1e-6);
    let none = Tensor::zeros([1, 1, 0, 4], (Kind::Float, Device::Cpu));
    let scores = AttentionScores { content: &none, distances: None, scale: 1.0, hidden: None };
    assert_eq!(attention_weights(&scores, 0.5, true).unwrap().size(), [1, 1, 0, 4]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (content, distance, hidden, columns) = problem();
    let with = |first, hidden| {
        let distances = Some(DistanceScores { scores: &distance, first });
        let scores = AttentionScores { content: &content, distances, scale: 1.0, hidden };
        attention_weights(&scores, 0.0, false).map_err(|e| e.to_string())
    };
    assert!(with(&columns, Some(&hidden)).is_ok());
    assert!(with(&[0, 1, 2, 3, 7], None).unwrap_err().contains("scores by distance"));
    assert!(with(&[0, 1, 2], None).unwrap_err().contains("first columns"));
    assert!(with(&columns, Some(&hidden.narrow(2, 0, 20))).unwrap_err().contains("hidden scores"));
}
