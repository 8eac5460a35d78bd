//! Layers against PyTorch: outputs and every gradient (fixture: tools/golden/layers.py), and independence of padding.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use medner_core::layers::{Batch, BiLstm, Idcnn, IdcnnConfig, InitialValues, MultiHeadAttention};
use medner_core::params::{Params, Scope};
use serde::Deserialize;
use tch::{Device, Tensor};

#[derive(Deserialize)]
struct Array {
    shape: Vec<i64>,
    values: Vec<f32>,
}

impl Array {
    fn tensor(&self) -> Tensor {
        Tensor::from_slice(&self.values).view(self.shape.as_slice())
    }
}

#[derive(Deserialize)]
struct Case {
    name: String,
    lengths: Vec<usize>,
    parameters: BTreeMap<String, Array>,
    input: Array,
    output: Array,
    coefficients: Array,
    input_gradient: Array,
    gradients: BTreeMap<String, Array>,
}

type Forward = Box<dyn Fn(&Tensor, &Batch) -> Tensor>;

fn build(name: &str, scope: &Scope<'_>) -> Forward {
    match name {
        "bilstm" => {
            let layer = BiLstm::new(scope, 6, 4).unwrap();
            Box::new(move |xs, batch| layer.forward(xs, batch).unwrap())
        }
        "idcnn_shared" | "idcnn_independent" => {
            let config = IdcnnConfig {
                filters: 5,
                kernel: 3,
                dilations: vec![1, 2],
                iterations: 3,
                share_blocks: name == "idcnn_shared",
                ..IdcnnConfig::default()
            };
            let layer = Idcnn::new(scope, 6, &config).unwrap();
            assert_eq!(layer.width(), 15);
            Box::new(move |xs, batch| layer.forward(xs, &batch.mask).unwrap())
        }
        "attention" => {
            let layer = MultiHeadAttention::new(scope, 6, 2, 0.0).unwrap();
            Box::new(move |xs, batch| layer.forward(xs, &batch.mask, true).unwrap())
        }
        other => panic!("no layer for the case {other}"),
    }
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

fn batch_of(lengths: &[usize]) -> Batch {
    Batch::new(&lengths.iter().map(|&n| vec![1_u32; n]).collect::<Vec<_>>(), Device::Cpu).unwrap()
}

#[test]
fn outputs_and_gradients_are_pytorchs() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("golden/layers.json")).unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let params = Params::new(Device::Cpu);
        let forward = build(&case.name, &params.root());
        params.load(&case.parameters.iter().map(|(k, a)| (k.clone(), a.tensor())).collect()).unwrap();
        let batch = batch_of(&case.lengths);
        let xs = case.input.tensor().set_requires_grad(true);
        let ys = forward(&xs, &batch);
        let tokens = batch.mask.unsqueeze(-1);
        let error = largest_difference(&(&ys * tokens), &case.output.tensor());
        assert!(error < 1e-5, "{}: output differs by {error}", case.name);
        (ys * case.coefficients.tensor()).sum(tch::Kind::Float).backward();
        let error = largest_difference(&xs.grad(), &case.input_gradient.tensor());
        assert!(error < 1e-5, "{}: input gradient differs by {error}", case.name);
        for (name, gradient) in &case.gradients {
            let error = largest_difference(&params.get(name).unwrap().grad(), &gradient.tensor());
            assert!(error < 1e-5, "{}: gradient of {name} differs by {error}", case.name);
        }
    }
}

#[test]
fn a_sentence_alone_is_as_in_any_batch() {
    for name in ["bilstm", "idcnn_shared", "attention"] {
        tch::manual_seed(5);
        let params = Params::new(Device::Cpu);
        let forward = build(name, &params.root());
        let lengths = [3, 20, 11];
        let batch = batch_of(&lengths);
        let xs = Tensor::randn([3, batch.padded() as i64, 6], (tch::Kind::Float, Device::Cpu));
        let together = forward(&xs, &batch);
        for (row, &length) in lengths.iter().enumerate() {
            let alone = batch_of(&[length]);
            let padded = alone.padded() as i64;
            let ys = forward(&xs.get(row as i64).narrow(0, 0, padded).unsqueeze(0), &alone);
            let n = length as i64;
            let error =
                largest_difference(&ys.get(0).narrow(0, 0, n), &together.get(row as i64).narrow(0, 0, n));
            assert!(error < 1e-5, "{name}, {length} tokens: {error}");
        }
    }
}

/// What is left of the differences between positions after the last of the blocks, as a share of the input's.
fn left_after_all_blocks(initial: InitialValues) -> f64 {
    tch::manual_seed(3);
    let params = Params::new(Device::Cpu);
    let config = IdcnnConfig { initial, ..IdcnnConfig::default() };
    let layer = Idcnn::new(&params.root(), 64, &config).unwrap();
    let batch = batch_of(&[64]);
    let xs = Tensor::randn([1, 64, 64], (tch::Kind::Float, Device::Cpu));
    let ys = layer.forward(&xs, &batch.mask).unwrap();
    let spread = |xs: &Tensor| {
        xs.std_dim([1_i64].as_slice(), true, false).square().mean(tch::Kind::Float).sqrt().double_value(&[])
    };
    spread(&ys.narrow(2, config.filters * (config.iterations as i64 - 1), config.filters)) / spread(&xs)
}

#[test]
fn what_characters_say_passes_all_blocks_with_the_values_made_for_relu() {
    let left = [InitialValues::He, InitialValues::Glorot, InitialValues::Pytorch].map(left_after_all_blocks);
    assert!(left[0] > 0.1, "{left:?}");
    assert!(left[1].max(left[2]) < 0.1 * left[0], "{left:?}");
}

#[test]
fn wrong_sizes_are_refused_with_the_key() {
    let params = Params::new(Device::Cpu);
    let root = params.root();
    let message = MultiHeadAttention::new(&(&root / "a"), 10, 3, 0.0).err().unwrap().to_string();
    assert!(message.contains("heads") && message.contains("10"), "{message}");
    let even = IdcnnConfig { kernel: 4, ..IdcnnConfig::default() };
    let message = Idcnn::new(&(&root / "b"), 8, &even).err().unwrap().to_string();
    assert!(message.contains("kernel") && message.contains("odd"), "{message}");
    let layer = BiLstm::new(&(&root / "c"), 6, 4).unwrap();
    let batch = batch_of(&[8]);
    let xs = Tensor::zeros([1, 8, 5], (tch::Kind::Float, Device::Cpu));
    let message = layer.forward(&xs, &batch).err().unwrap().to_string();
    assert!(message.contains("[B, T, D]") && message.contains("[1, 8, 5]"), "{message}");
}
