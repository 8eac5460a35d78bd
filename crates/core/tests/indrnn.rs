//! IndRNN, its stack, batch normalisation and feature attention against PyTorch (fixture: tools/golden/indrnn.py), IndRNN's
//! gradient against central differences, independence of padding, and the bound of its recurrent weights.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use medner_core::layers::{
    Batch, BatchNorm, FeatureAttention, IndRnn, IndRnnConfig, IndRnnStack, Linear, recurrence,
    recurrence_by_operations,
};
use medner_core::optim::{Adam, Optimizer, OptimizerConfig, Rule};
use medner_core::params::{Params, Scope};
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

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
    buffers: BTreeMap<String, Array>,
    evaluation: Array,
}

type Forward = Box<dyn Fn(&Tensor, &Batch, bool) -> Tensor>;

fn config(bidirectional: bool) -> IndRnnConfig {
    IndRnnConfig { hidden: 5, layers: 2, bidirectional, max_steps: 16, ..IndRnnConfig::default() }
}

fn build(name: &str, scope: &Scope<'_>) -> Forward {
    match name {
        "indrnn_1" | "indrnn_2" => {
            let layer = IndRnn::new(scope, 6, &config(name == "indrnn_2")).unwrap();
            Box::new(move |xs, batch, _| layer.forward(xs, batch).unwrap())
        }
        "stack" => {
            let stack = IndRnnStack::new(scope, 6, &config(true)).unwrap();
            Box::new(move |xs, batch, train| stack.forward(xs, batch, train).unwrap())
        }
        "batch_norm" => {
            let norm = BatchNorm::new(scope, 6).unwrap();
            Box::new(move |xs, batch, train| norm.forward(xs, batch, train).unwrap())
        }
        "feature_attention" | "feature_attention_plain" => {
            let attention = FeatureAttention::new(scope, 6, name == "feature_attention", 0.0).unwrap();
            Box::new(move |xs, batch, train| attention.forward(xs, &batch.mask, train).unwrap())
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
fn outputs_gradients_and_buffers_are_pytorchs() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("golden/indrnn.json")).unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let params = Params::new(Device::Cpu);
        let forward = build(&case.name, &params.root());
        params.load(&case.parameters.iter().map(|(k, a)| (k.clone(), a.tensor())).collect()).unwrap();
        let batch = batch_of(&case.lengths);
        let close = |what: &str, found: &Tensor, expected: &Array| {
            let expected = expected.tensor();
            let scale = expected.abs().max().double_value(&[]).max(1.0);
            let error = largest_difference(found, &expected) / scale;
            assert!(error < 1e-5, "{}: {what} differs by {error} of {scale}", case.name);
        };
        let xs = case.input.tensor().set_requires_grad(true);
        let ys = forward(&xs, &batch, true);
        close("output", &ys, &case.output);
        (ys * case.coefficients.tensor()).sum(Kind::Float).backward();
        close("input gradient", &xs.grad(), &case.input_gradient);
        for (name, gradient) in &case.gradients {
            close(name, &params.get(name).unwrap().grad(), gradient);
        }
        for (name, buffer) in &case.buffers {
            close(name, &params.get(name).unwrap(), buffer);
        }
        close("output in evaluation", &forward(&xs, &batch, false), &case.evaluation);
    }
}

/// Input, weight, bias and recurrent weights of a layer in f64, with what is needed to make one number of it.
struct Numeric {
    leaves: [Tensor; 4],
    coefficients: Tensor,
    forwards: i64,
    batch: Batch,
}

type Operation = fn(&Tensor, &Tensor, i64, &Batch) -> medner_core::Result<Tensor>;

impl Numeric {
    fn new(forwards: i64, neurons: i64) -> Self {
        let batch = batch_of(&[7, 1, 5, 0]);
        let double = (Kind::Double, Device::Cpu);
        let xs = Tensor::randn([4, 8, 3], double);
        let weight = Tensor::randn([neurons, 3], double);
        let bias = Tensor::randn([neurons], double);
        let u = Tensor::randn([neurons], double).clamp(-1.1, 1.1);
        let coefficients = Tensor::randn([4, 8, neurons], double);
        Self { leaves: [xs, weight, bias, u], coefficients, forwards, batch }
    }

    fn value(&self, operation: Operation) -> Tensor {
        let [xs, weight, bias, u] = &self.leaves;
        let pre = xs.linear(weight, Some(bias));
        let states = operation(&pre, u, self.forwards, &self.batch).unwrap();
        (states * &self.coefficients).sum(Kind::Double)
    }

    /// How far the nearest state is from ReLU's corner, where a central difference would not be the derivative.
    fn clearance(&self) -> f64 {
        let [xs, weight, bias, u] = &self.leaves;
        let pre = xs.linear(weight, Some(bias));
        let states = recurrence(&pre, u, self.forwards, &self.batch).unwrap();
        let (f, n) = (self.forwards, u.size()[0] - self.forwards);
        let zeros = Tensor::zeros([4, 1, 1], (Kind::Double, Device::Cpu));
        let before =
            Tensor::cat(&[zeros.expand([4, 1, f], false), states.narrow(2, 0, f).narrow(1, 0, 7)], 1);
        let after = Tensor::cat(&[states.narrow(2, f, n).narrow(1, 1, 7), zeros.expand([4, 1, n], false)], 1);
        let inner = pre + Tensor::cat(&[before, after], 2) * u;
        inner.abs().masked_fill(&self.batch.mask.logical_not().unsqueeze(-1), 1.0).min().double_value(&[])
    }
}

#[test]
fn the_gradient_is_that_of_central_differences() {
    const STEP: f64 = 1e-6;
    tch::manual_seed(3);
    let operations: [(&str, Operation); 2] =
        [("kernel", recurrence), ("tensor operations", recurrence_by_operations)];
    for (forwards, neurons) in [(4, 4), (0, 4), (3, 5)] {
        let mut numeric = Numeric::new(forwards, neurons);
        assert!(numeric.clearance() > 1e3 * STEP, "{}", numeric.clearance());
        for (name, operation) in operations {
            for leaf in 0..4 {
                numeric.leaves[leaf] = numeric.leaves[leaf].detach().set_requires_grad(true);
            }
            numeric.value(operation).backward();
            let gradients = numeric.leaves.each_ref().map(Tensor::grad);
            let _guard = tch::no_grad_guard();
            let mut largest: f64 = 0.0;
            for (leaf, gradient) in gradients.iter().enumerate() {
                let exact: Vec<f64> = Vec::try_from(gradient.flatten(0, -1)).unwrap();
                for (i, exact) in exact.into_iter().enumerate() {
                    let flat = numeric.leaves[leaf].detach().flatten(0, -1);
                    let at = |shift: f64| {
                        let _ = flat.get(i as i64).g_add_scalar_(shift);
                        numeric.value(operation).double_value(&[])
                    };
                    let difference = at(STEP) - at(-2.0 * STEP);
                    at(STEP);
                    let error = (difference / (2.0 * STEP) - exact).abs() / exact.abs().max(1.0);
                    assert!(error < 1e-7, "{name}, {forwards} of {neurons}, leaf {leaf}, value {i}: {error}");
                    largest = largest.max(exact.abs());
                }
            }
            assert!(largest > 1.0, "{name}: all gradients are near 0");
        }
    }
}

#[test]
fn tensor_operations_give_what_the_kernel_gives() {
    tch::manual_seed(4);
    let batch = batch_of(&[40, 3, 0, 17]);
    for kind in [Kind::Float, Kind::Double] {
        for forwards in [0, 6, 11] {
            let results = [recurrence as Operation, recurrence_by_operations].map(|operation| {
                tch::manual_seed(5);
                let options = (kind, Device::Cpu);
                let pre = Tensor::randn([4, 40, 11], options).set_requires_grad(true);
                let u = Tensor::rand([11], options).set_requires_grad(true);
                let states = operation(&pre, &u, forwards, &batch).unwrap();
                // An upstream gradient that is not contiguous.
                let coefficients = Tensor::randn([11, 40, 4], options).permute([2, 1, 0]);
                (&states * coefficients).sum(kind).backward();
                [states.detach(), pre.grad(), u.grad()]
            });
            for (place, (kernel, operations)) in results[0].iter().zip(&results[1]).enumerate() {
                let error = largest_difference(kernel, operations);
                assert!(error < 1e-4, "{kind:?}, {forwards} forwards, result {place}: {error}");
            }
        }
    }
}

#[test]
fn a_sentence_is_the_same_alone_and_in_any_batch() {
    tch::manual_seed(6);
    let params = Params::new(Device::Cpu);
    let layer = IndRnn::new(&params.root(), 6, &config(true)).unwrap();
    let lengths = [3, 20, 11];
    let batch = batch_of(&lengths);
    let xs = Tensor::randn([3, 24, 6], (Kind::Float, Device::Cpu));
    let coefficients = Tensor::randn([3, 24, 10], (Kind::Float, Device::Cpu));
    let run = |xs: Tensor, coefficients: &Tensor, batch: &Batch| {
        let xs = xs.set_requires_grad(true);
        let ys = layer.forward(&xs, batch).unwrap();
        (&ys * coefficients).sum(Kind::Float).backward();
        (ys.detach(), xs.grad())
    };
    let (together, gradients) = run(xs.copy(), &coefficients, &batch);
    // Other values in the padding of the input and of the upstream gradient change nothing at all.
    let padding = batch.mask.logical_not().unsqueeze(-1);
    let other = run(xs.masked_fill(&padding, 1e3), &coefficients.masked_fill(&padding, -1e3), &batch);
    assert!(other.0.equal(&together) && other.1.equal(&gradients));
    assert!(together.masked_select(&padding).equal(&together.masked_select(&padding).zeros_like()));
    assert!(gradients.masked_select(&padding).equal(&gradients.masked_select(&padding).zeros_like()));
    for (row, &length) in lengths.iter().enumerate() {
        let (row, n) = (row as i64, length as i64);
        let alone = batch_of(&[length]);
        let padded = alone.padded() as i64;
        let part = |t: &Tensor| t.get(row).narrow(0, 0, padded).unsqueeze(0);
        let (ys, gradient) = run(part(&xs), &part(&coefficients), &alone);
        for (alone, together) in [(ys, &together), (gradient, &gradients)] {
            let error = largest_difference(&alone.get(0).narrow(0, 0, n), &together.get(row).narrow(0, 0, n));
            assert!(error < 1e-5, "{length} tokens: {error}");
        }
    }
}

#[test]
fn the_backward_direction_reads_a_sentence_from_its_own_end() {
    tch::manual_seed(7);
    let batch = batch_of(&[5, 8]);
    let pre = Tensor::randn([2, 8, 4], (Kind::Float, Device::Cpu));
    let u = Tensor::rand([4], (Kind::Float, Device::Cpu));
    let backwards = recurrence(&pre, &u, 0, &batch).unwrap();
    let turned = recurrence(&batch.reverse(&pre).unwrap(), &u, 4, &batch).unwrap();
    assert!(backwards.equal(&batch.reverse(&turned).unwrap()));
    let by_hand = pre.get(0).get(3) + &u * pre.get(0).get(4).relu();
    assert!(largest_difference(&backwards.get(0).get(3), &by_hand.relu()) < 1e-6);
}

#[test]
fn recurrent_weights_start_in_the_bound_and_are_held_there() {
    tch::manual_seed(8);
    let params = Params::new(Device::Cpu);
    let config = IndRnnConfig { hidden: 2000, max_steps: 50, ..IndRnnConfig::default() };
    let layer = IndRnn::new(&params.root(), 3, &config).unwrap();
    let bound = 2.0_f64.powf(1.0 / 50.0);
    assert_eq!((layer.bound(), layer.width()), (bound, 4000));
    let u = params.get("weight_hh").unwrap();
    let (low, high, mean) = (u.min(), u.max(), u.mean(Kind::Float));
    let [low, high, mean] = [low, high, mean].map(|t| t.double_value(&[]));
    assert!((0.0..0.01).contains(&low) && (bound - 0.01..bound + 1e-6).contains(&high), "{low} {high}");
    assert!((mean - bound / 2.0).abs() < 0.03, "{mean}");

    let batch = batch_of(&[8]);
    let xs = Tensor::randn([1, 8, 3], (Kind::Float, Device::Cpu));
    tch::no_grad(|| {
        let _ = u.get(5).fill_(1.5);
        let _ = u.get(6).fill_(-1.5);
    });
    let message = layer.forward(&xs, &batch).unwrap_err().to_string();
    assert!(
        message.contains("neuron 5") && message.contains("1.5") && message.contains("clamp"),
        "{message}"
    );
    let others = u.narrow(0, 7, 100).copy();
    layer.clamp().unwrap();
    assert_eq!(
        [u.double_value(&[5]), u.double_value(&[6])],
        [f64::from(bound as f32), -f64::from(bound as f32)]
    );
    assert!(u.narrow(0, 7, 100).equal(&others));
    assert!(layer.forward(&xs, &batch).is_ok());
}

#[test]
fn a_state_doubles_at_most_over_the_longest_sentence() {
    let batch = batch_of(&[64]);
    let bound = IndRnnConfig { max_steps: 64, ..IndRnnConfig::default() }.bound();
    let pre = Tensor::zeros([1, 64, 1], (Kind::Double, Device::Cpu));
    let _ = pre.get(0).get(0).fill_(1.0);
    let states = recurrence(&pre, &Tensor::from_slice(&[bound]), 1, &batch).unwrap();
    let last = states.double_value(&[0, 63, 0]);
    assert!((1.97..2.0).contains(&last), "{last}");
}

#[test]
fn an_output_that_is_written_to_before_the_backward_pass_is_an_error() {
    let batch = batch_of(&[8]);
    let pre = Tensor::ones([1, 8, 2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let u = Tensor::ones([2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let states = recurrence(&pre, &u, 1, &batch).unwrap();
    let loss = states.sum(Kind::Float);
    let _ = states.detach().fill_(0.0);
    let message = loss.f_backward().unwrap_err().to_string();
    assert!(message.contains("in place"), "{message}");
}

#[test]
fn bad_sizes_are_refused_with_the_key() {
    let params = Params::new(Device::Cpu);
    let cases = [
        (IndRnnConfig { hidden: 0, ..config(true) }, "hidden"),
        (IndRnnConfig { layers: 0, ..config(true) }, "layers"),
        (IndRnnConfig { max_steps: 0, ..config(true) }, "max_steps"),
        (IndRnnConfig { dropout: 1.0, ..config(true) }, "dropout"),
    ];
    for (config, key) in cases {
        let message = IndRnnStack::new(&params.root(), 3, &config).err().unwrap().to_string();
        assert!(message.starts_with(key), "{message}");
    }
    let layer = IndRnn::new(&params.root(), 3, &config(false)).unwrap();
    let batch = batch_of(&[8]);
    let wrong = |shape: [i64; 3]| {
        layer.forward(&Tensor::zeros(shape, (Kind::Float, Device::Cpu)), &batch).unwrap_err().to_string()
    };
    assert!(wrong([1, 8, 4]).contains("[B, T, D] with the last 3"));
    assert!(wrong([1, 16, 3]).contains("[1, 8, D]"), "{}", wrong([1, 16, 3]));
    assert!(wrong([2, 8, 3]).contains("[1, 8, D]"));
}

#[test]
fn a_stack_learns_to_remember_the_first_token() {
    // Tensors this small are not worth a second thread's waking.
    tch::set_num_threads(1);
    tch::manual_seed(9);
    let params = Params::new(Device::Cpu);
    let config = IndRnnConfig { hidden: 12, bidirectional: false, max_steps: 24, ..IndRnnConfig::default() };
    let stack = IndRnnStack::new(&(params.root() / "stack"), 2, &config).unwrap();
    let output = Linear::new(&(params.root() / "output"), stack.width(), 1).unwrap();
    let rule = Rule::Adam(Adam::default());
    let mut adam = Optimizer::new(&OptimizerConfig::new(rule, 0.02), params.parameters()).unwrap();
    let lengths: Vec<usize> = (0..16).map(|i| 9 + i).collect();
    let batch = batch_of(&lengths);
    let tokens = batch.mask.unsqueeze(-1);
    let mut losses = Vec::new();
    for _ in 0..150 {
        // A random number, and a mark at the first token.
        let xs = Tensor::rand([16, 24, 2], (Kind::Float, Device::Cpu)) * 2.0 - 1.0;
        let _ = xs.narrow(2, 1, 1).fill_(0.0);
        let _ = xs.narrow(2, 1, 1).narrow(1, 0, 1).fill_(1.0);
        let first = xs.narrow(1, 0, 1).narrow(2, 0, 1);
        let found = output.forward(&stack.forward(&xs, &batch, true).unwrap()).unwrap();
        let loss = (found - first).square().masked_select(&tokens).mean(Kind::Float);
        adam.zero_gradients().unwrap();
        loss.backward();
        adam.clip_gradients(5.0).unwrap();
        adam.step().unwrap();
        stack.clamp().unwrap();
        losses.push(loss.double_value(&[]));
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (early, late) = (mean(&losses[..10]), mean(&losses[140..]));
    // The variance of the number is 1/3.
    assert!(early > 0.3 && late < 0.1, "{early} {late}");
}

#[test]
fn a_length_beyond_the_padding_is_refused() {
    let mut batch = batch_of(&[8]);
    batch.lengths = vec![9];
    let (pre, u) = (
        Tensor::zeros([1, 8, 2], (Kind::Float, Device::Cpu)),
        Tensor::zeros([2], (Kind::Float, Device::Cpu)),
    );
    for operation in [recurrence as Operation, recurrence_by_operations] {
        assert!(operation(&pre, &u, 2, &batch).unwrap_err().to_string().contains("9 tokens"));
    }
}
