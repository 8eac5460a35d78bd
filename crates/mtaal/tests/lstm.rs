//! The packed LSTM beside libtorch's: states, last states, and every gradient; and beside a plain recurrence in f64, whose
//! gradient is taken by central differences.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::sync::Arc;

use medner_core::device;
use medner_core::params::Params;
use medner_mtaal::lstm::{Gate, Outputs, PackedBiLstm, Sequences};
use tch::{Device, Kind, Tensor};

const GATES: [Gate; 2] = [Gate::Sigmoid, Gate::HardSigmoid];

/// Sequences of lengths 0 to 13 that read 11 rows, some of them often.
fn row_numbers() -> Vec<Vec<u32>> {
    let lengths = [3_usize, 13, 1, 0, 7, 7, 2, 13, 5];
    let mut row = 0_u32;
    lengths
        .iter()
        .map(|&n| {
            (0..n)
                .map(|_| {
                    row = (row * 5 + 3) % 11;
                    row
                })
                .collect()
        })
        .collect()
}

fn sequences() -> Arc<Sequences> {
    Arc::new(Sequences::new(&row_numbers()))
}

fn near(a: &Tensor, b: &Tensor, what: &str) {
    assert_eq!(a.size(), b.size(), "{what}");
    let difference = (a - b).abs().max().double_value(&[]);
    let scale = b.abs().max().double_value(&[]).max(1.0);
    assert!(difference < 1e-5 * scale, "{what}: {difference} of {scale}");
}

/// How large the inputs are: with hard gates far enough out that they are cut off at 0 and at 1.
fn scale(gate: Gate) -> f64 {
    if gate == Gate::HardSigmoid { 6.0 } else { 1.0 }
}

/// Output, gradients by name, values by name.
type Walked = (Tensor, Vec<(String, Tensor)>, Parameters);

type Parameters = BTreeMap<String, Vec<f64>>;

/// Output, gradients of every parameter and of the input, and their values, for a loss that weighs every output differently.
fn walk(hidden: i64, gate: Gate, outputs: Outputs, packed: bool) -> Walked {
    device::reseed(5, 1);
    let params = Params::new(Device::Cpu);
    let layer = PackedBiLstm::new(&(params.root() / "lstm"), 6, hidden, gate).unwrap();
    let xs = (Tensor::randn([11, 6], (Kind::Float, Device::Cpu)) * scale(gate)).set_requires_grad(true);
    let sequences = sequences();
    let output = match (packed, outputs) {
        (true, Outputs::Each) => layer.forward(&xs, &sequences).unwrap(),
        (true, Outputs::Last) => layer.last(&xs, &sequences).unwrap(),
        (false, outputs) => layer.by_operations(&xs, &sequences, outputs).unwrap(),
    };
    let weights =
        Tensor::arange(output.numel() as i64, (Kind::Float, Device::Cpu)).view(output.size().as_slice());
    (&output * (weights * 0.37).sin()).sum(Kind::Float).backward();
    let mut all = vec![("input".to_owned(), xs)];
    all.extend(params.parameters().into_iter().map(|p| (p.name, p.tensor)));
    let gradients = all.iter().map(|(name, tensor)| (name.clone(), tensor.grad())).collect();
    let values = |tensor: &Tensor| Vec::<f64>::try_from(tensor.detach().to_kind(Kind::Double).reshape([-1]));
    let values = all.iter().map(|(name, tensor)| (name.clone(), values(tensor).unwrap())).collect();
    (output.detach(), gradients, values)
}

#[test]
fn outputs_and_gradients_are_those_of_libtorch() {
    for (gate, hidden) in GATES.into_iter().flat_map(|gate| [16, 5, 64].map(|hidden| (gate, hidden))) {
        for outputs in [Outputs::Each, Outputs::Last] {
            let (ours, our_gradients, _) = walk(hidden, gate, outputs, true);
            let (theirs, their_gradients, _) = walk(hidden, gate, outputs, false);
            near(&ours, &theirs, &format!("{gate:?} {outputs:?} {hidden}"));
            assert_eq!(our_gradients.len(), 9);
            for ((name, a), (_, b)) in our_gradients.iter().zip(&their_gradients) {
                near(a, b, &format!("gradient of {name}, {gate:?}, {outputs:?}, {hidden}"));
            }
        }
    }
}

#[test]
fn a_sequence_has_the_same_states_alone_and_in_company() {
    device::reseed(5, 2);
    let params = Params::new(Device::Cpu);
    let layer = PackedBiLstm::new(&(params.root() / "lstm"), 4, 16, Gate::Sigmoid).unwrap();
    let xs = Tensor::randn([3, 4], (Kind::Float, Device::Cpu));
    let own = vec![2_u32, 0, 1, 1, 2];
    let company: Vec<Vec<u32>> =
        std::iter::once(own.clone()).chain((1..20).map(|n| vec![n % 3; n as usize])).collect();
    let alone = layer.forward(&xs, &Arc::new(Sequences::new(&[own]))).unwrap();
    let together = layer.forward(&xs, &Arc::new(Sequences::new(&company))).unwrap();
    near(&together.narrow(0, 0, 5), &alone, "in company");
    // Without a graph less is kept, and the numbers are the same; and so they are the second time.
    let plain = tch::no_grad(|| layer.forward(&xs, &Arc::new(Sequences::new(&company))).unwrap());
    assert!(plain.equal(&together) && !plain.requires_grad());
    assert!(together.equal(&layer.forward(&xs, &Arc::new(Sequences::new(&company))).unwrap()));
}

/// One direction in f64 over one sequence, from the names' parameters: its states.
fn plain(parameters: &Parameters, gate: Gate, suffix: &str, xs: &[Vec<f64>], h: usize) -> Vec<Vec<f64>> {
    let of = |name: &str| &parameters[&format!("lstm.{name}_l0{suffix}")];
    let (w, u, b, more) = (of("weight_ih"), of("weight_hh"), of("bias_ih"), of("bias_hh"));
    let sigmoid = |x: f64| match gate {
        Gate::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Gate::HardSigmoid => (0.2 * x + 0.5).clamp(0.0, 1.0),
    };
    let (mut state, mut cell) = (vec![0.0; h], vec![0.0; h]);
    let mut states = Vec::new();
    for x in xs {
        let sum = |row: usize| -> f64 {
            let input: f64 = x.iter().zip(&w[row * x.len()..]).map(|(a, b)| a * b).sum();
            let recurrent: f64 = state.iter().zip(&u[row * h..]).map(|(a, b)| a * b).sum();
            input + recurrent + b[row] + more[row]
        };
        let sums: Vec<f64> = (0..4 * h).map(sum).collect();
        for k in 0..h {
            cell[k] = sigmoid(sums[h + k]) * cell[k] + sigmoid(sums[k]) * sums[2 * h + k].tanh();
            state[k] = sigmoid(sums[3 * h + k]) * cell[k].tanh();
        }
        states.push(state.clone());
    }
    states
}

/// The loss of [`walk`] over the states of a plain recurrence.
fn plain_loss(parameters: &Parameters, gate: Gate, width: usize, h: usize, outputs: Outputs) -> f64 {
    let rows: Vec<Vec<f64>> = parameters["input"].chunks(width).map(<[f64]>::to_vec).collect();
    let mut values: Vec<f64> = Vec::new();
    for sequence in row_numbers() {
        let mut xs: Vec<Vec<f64>> = sequence.iter().map(|&row| rows[row as usize].clone()).collect();
        let forwards = plain(parameters, gate, "", &xs, h);
        xs.reverse();
        let mut backwards = plain(parameters, gate, "_reverse", &xs, h);
        backwards.reverse();
        let nothing = vec![0.0; h];
        match outputs {
            Outputs::Each => {
                values.extend(forwards.iter().zip(&backwards).flat_map(|(a, b)| [a, b]).flatten());
            }
            Outputs::Last => {
                let ends = [forwards.last(), backwards.first()].map(|state| state.unwrap_or(&nothing));
                values.extend(ends.into_iter().flatten());
            }
        }
    }
    values.iter().enumerate().map(|(at, value)| (at as f64 * 0.37).sin() * value).sum()
}

#[test]
fn gradients_are_the_central_differences_of_a_plain_recurrence_in_f64() {
    let (width, h) = (6, 3);
    for (gate, outputs) in
        GATES.into_iter().flat_map(|gate| [Outputs::Each, Outputs::Last].map(|outputs| (gate, outputs)))
    {
        let (_, gradients, mut parameters) = walk(h as i64, gate, outputs, true);
        for (name, gradient) in gradients {
            let ours = Vec::<f32>::try_from(gradient.reshape([-1])).unwrap();
            for (at, &found) in ours.iter().enumerate() {
                let given = parameters[&name][at];
                let mut at_value = |value: f64| {
                    parameters.get_mut(&name).unwrap()[at] = value;
                    plain_loss(&parameters, gate, width, h, outputs)
                };
                let slope = (at_value(given + 1e-5) - at_value(given - 1e-5)) / 2e-5;
                parameters.get_mut(&name).unwrap()[at] = given;
                assert!(
                    (slope - f64::from(found)).abs() < 1e-5 * scale(gate),
                    "{name} {at}: {slope} {found}"
                );
            }
        }
    }
}

#[test]
fn a_graph_may_be_walked_twice_and_weights_may_stand_still() {
    device::reseed(5, 3);
    let params = Params::new(Device::Cpu);
    let layer = PackedBiLstm::new(&(params.root() / "lstm"), 6, 8, Gate::Sigmoid).unwrap();
    let xs = Tensor::randn([11, 6], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let loss = layer.forward(&xs, &sequences()).unwrap().square().sum(Kind::Float);
    let gradient = || {
        let found = Tensor::f_run_backward(&[&loss], &[&xs], true, false).unwrap();
        found[0].shallow_clone()
    };
    let first = gradient();
    assert!(first.equal(&gradient()));
    params.freeze(|_| true).unwrap();
    layer.forward(&xs, &sequences()).unwrap().square().sum(Kind::Float).backward();
    assert!(first.equal(&xs.grad()));
    assert!(!params.get("lstm.weight_hh_l0").unwrap().grad().defined());
}

#[test]
fn nothing_to_read_gives_nothing() {
    device::reseed(5, 4);
    let params = Params::new(Device::Cpu);
    let layer = PackedBiLstm::new(&(params.root() / "lstm"), 6, 8, Gate::Sigmoid).unwrap();
    let xs = Tensor::randn([11, 6], (Kind::Float, Device::Cpu));
    let empty = Arc::new(Sequences::new::<Vec<u32>>(&[]));
    assert_eq!(layer.forward(&xs, &empty).unwrap().size(), [0, 16]);
    assert_eq!(layer.last(&xs, &Arc::new(Sequences::new(&[Vec::<u32>::new()]))).unwrap().size(), [1, 16]);
}
