//! Batch normalisation: padding, batches of one token, running values that are saved, loaded and resumed. Its numbers are
//! checked against PyTorch's in `indrnn.rs`.
#![allow(clippy::unwrap_used, missing_docs)]

use medner_core::layers::{Batch, BatchNorm};
use medner_core::params::Params;
use tch::{Device, Kind, Tensor};

fn batch_of(lengths: &[usize]) -> Batch {
    Batch::new(&lengths.iter().map(|&n| vec![1_u32; n]).collect::<Vec<_>>(), Device::Cpu).unwrap()
}

fn randn(shape: [i64; 3]) -> Tensor {
    Tensor::randn(shape, (Kind::Float, Device::Cpu)) * 3.0 + 1.0
}

fn layer() -> (Params, BatchNorm) {
    let params = Params::new(Device::Cpu);
    let norm = BatchNorm::new(&(params.root() / "norm"), 4).unwrap();
    (params, norm)
}

fn largest(t: &Tensor) -> f64 {
    t.abs().max().double_value(&[])
}

#[test]
fn tokens_have_mean_0_and_variance_1_whatever_the_padding_holds() {
    tch::manual_seed(1);
    let (_params, norm) = layer();
    let batch = batch_of(&[5, 8, 0, 2]);
    let padding = batch.mask.logical_not().unsqueeze(-1);
    let xs = randn([4, 8, 4]);
    let ys = norm.forward(&xs, &batch, true).unwrap();
    let other = norm.forward(&xs.masked_fill(&padding, f64::NAN), &batch, true).unwrap();
    assert!(ys.equal(&other));
    assert_eq!(largest(&ys.masked_select(&padding)), 0.0);
    let tokens = ys.masked_select(&padding.logical_not()).view([-1, 4]);
    assert_eq!(tokens.size()[0], 15);
    assert!(largest(&tokens.mean_dim(0, false, Kind::Float)) < 1e-6);
    assert!(largest(&(tokens.var_dim(0, false, false) - 1.0)) < 1e-4);
}

#[test]
fn the_gradient_of_the_padding_is_0_and_ignores_what_comes_back_from_there() {
    tch::manual_seed(2);
    let (_params, norm) = layer();
    let batch = batch_of(&[5, 8]);
    let padding = batch.mask.logical_not().unsqueeze(-1);
    let (xs, upstream) = (randn([2, 8, 4]), randn([2, 8, 4]));
    let gradient = |upstream: &Tensor| {
        let xs = xs.copy().set_requires_grad(true);
        (norm.forward(&xs, &batch, true).unwrap() * upstream).sum(Kind::Float).backward();
        xs.grad()
    };
    let found = gradient(&upstream);
    assert_eq!(largest(&found.masked_select(&padding)), 0.0);
    assert!(found.equal(&gradient(&upstream.masked_fill(&padding, 1e6))));
}

#[test]
fn a_batch_without_padding_takes_the_short_way_to_the_same_numbers() {
    tch::manual_seed(3);
    let xs = randn([2, 8, 4]);
    let run = |xs: &Tensor, batch: &Batch| {
        let (params, norm) = layer();
        let xs = xs.copy().set_requires_grad(true);
        let ys = norm.forward(&xs, batch, true).unwrap();
        (ys.square() * &xs.detach()).sum(Kind::Float).backward();
        (ys.detach(), xs.grad(), params.get("norm.running_var").unwrap())
    };
    let short = run(&xs, &batch_of(&[8, 8]));
    // A sentence without tokens is padding.
    let padded = Tensor::cat(&[&xs, &randn([1, 8, 4])], 0);
    let long = run(&padded, &batch_of(&[8, 8, 0]));
    let rows = |t: &Tensor| t.narrow(0, 0, 2);
    assert!(largest(&(&short.0 - rows(&long.0))) < 1e-5);
    assert!(largest(&(&short.1 - rows(&long.1))) < 1e-4);
    assert!(largest(&(&short.2 - &long.2)) < 1e-5);
}

#[test]
fn one_token_or_none_leaves_the_running_values_alone() {
    tch::manual_seed(4);
    let (params, norm) = layer();
    let batch = batch_of(&[8, 3]);
    let _ = norm.forward(&randn([2, 8, 4]), &batch, true).unwrap();
    let before = params.state().unwrap();
    assert!(largest(&before["norm.running_mean"]) > 0.0);
    let (one, xs) = (batch_of(&[1, 0]), randn([2, 8, 4]));
    let trained = norm.forward(&xs, &one, true).unwrap();
    assert!(trained.equal(&norm.forward(&xs, &one, false).unwrap()));
    assert!(trained.isfinite().all().int64_value(&[]) == 1);
    let none = norm.forward(&xs, &batch_of(&[0, 0]), true).unwrap();
    assert_eq!(largest(&none), 0.0);
    for (name, value) in params.state().unwrap() {
        assert!(value.equal(&before[&name]), "{name}");
    }
}

#[test]
fn evaluation_does_not_depend_on_the_batch() {
    tch::manual_seed(5);
    let (_params, norm) = layer();
    let _ = norm.forward(&randn([2, 8, 4]), &batch_of(&[8, 3]), true).unwrap();
    let xs = randn([2, 16, 4]);
    let together = norm.forward(&xs, &batch_of(&[5, 16]), false).unwrap();
    let alone = norm.forward(&xs.narrow(0, 0, 1).narrow(1, 0, 8), &batch_of(&[5]), false).unwrap();
    assert!(largest(&(together.get(0).narrow(0, 0, 8) - alone.get(0))) < 1e-6);
}

#[test]
fn running_values_are_saved_loaded_and_not_learned() {
    tch::manual_seed(6);
    let batches: Vec<Tensor> = (0..4).map(|_| randn([2, 8, 4])).collect();
    let batch = batch_of(&[8, 3]);
    let (whole, norm) = layer();
    for xs in &batches {
        let _ = norm.forward(xs, &batch, true).unwrap();
    }
    let learned: Vec<String> = whole.parameters().into_iter().map(|p| p.name).collect();
    assert_eq!(learned, ["norm.weight", "norm.bias"]);
    assert_eq!(whole.count(), 8);

    let (first, norm) = layer();
    for xs in &batches[..2] {
        let _ = norm.forward(xs, &batch, true).unwrap();
    }
    let (second, norm) = layer();
    second.load(&first.state().unwrap()).unwrap();
    for xs in &batches[2..] {
        let _ = norm.forward(xs, &batch, true).unwrap();
    }
    let (whole, resumed) = (whole.state().unwrap(), second.state().unwrap());
    assert_eq!(whole.len(), 4);
    for (name, value) in &whole {
        assert!(value.equal(&resumed[name]), "{name}");
    }
    assert!(
        largest(&(&whole["norm.running_mean"] - first.state().unwrap()["norm.running_mean"].shallow_clone()))
            > 0.0
    );
}
