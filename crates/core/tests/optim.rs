//! Every optimiser against PyTorch's numbers, on the fused pass and on libtorch's operations.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use medner_core::init::Init;
use medner_core::optim::{Group, Optimizer, OptimizerConfig};
use medner_core::params::Params;
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

#[derive(Deserialize)]
struct Case {
    config: OptimizerConfig,
    clip: Option<f64>,
    groups: Option<BTreeMap<String, (f64, f64)>>,
    norms: Vec<f64>,
    after: BTreeMap<u64, Vec<f64>>,
}

const SHAPES: [(&str, &[i64]); 3] = [("a", &[7, 5]), ("b", &[11]), ("c", &[3])];

/// Values of a formula of the index, as the generator makes them: worked out in f64, kept in f32.
fn formula(from: usize, shape: &[i64], f: impl Fn(f64) -> f64) -> Tensor {
    let n: i64 = shape.iter().product();
    let values: Vec<f32> = (from..from + n as usize).map(|i| f(i as f64) as f32).collect();
    Tensor::from_slice(&values).view(shape)
}

struct Problem {
    params: Params,
    parts: Vec<(String, Vec<i64>, usize, Tensor)>,
}

impl Problem {
    fn new() -> Self {
        let params = Params::new(Device::Cpu);
        let (mut from, mut parts) = (0, Vec::new());
        for (name, shape) in SHAPES {
            let start = Init::Values(formula(from, shape, |i| (0.9 * i + 1.0).cos()));
            let tensor = params.root().parameter(name, shape, start).unwrap();
            parts.push((name.to_owned(), shape.to_vec(), from, tensor));
            from += shape.iter().product::<i64>() as usize;
        }
        Self { params, parts }
    }

    /// The loss of step `s` with the parameters for which `with` holds.
    fn backward(&self, s: u64, with: impl Fn(&str) -> bool) {
        let mut loss = Tensor::from(0_f32);
        for (name, shape, from, p) in &self.parts {
            if !with(name) {
                continue;
            }
            let curvature = formula(*from, shape, |i| 0.3 + 0.1 * (i % 5.0));
            let target = formula(*from, shape, f64::sin);
            let noise = formula(*from, shape, |i| (1.3 * i + 0.7 * s as f64).sin());
            let squares = (curvature * (p - target).square()).sum(Kind::Float);
            loss = loss + squares + (noise * p).sum(Kind::Float);
        }
        loss.backward();
    }

    fn values(&self) -> Vec<f64> {
        self.parts
            .iter()
            .flat_map(|(.., p)| Vec::<f64>::try_from(p.detach().flatten(0, -1)).unwrap())
            .collect()
    }

    fn optimizer(&self, case: &Case) -> Optimizer {
        let Some(special) = &case.groups else {
            return Optimizer::new(&case.config, self.params.parameters()).unwrap();
        };
        let groups = self.params.groups(&|name| usize::from(special.contains_key(name)));
        let groups = groups.into_values().map(|parameters| {
            let own = parameters.first().and_then(|p| special.get(&p.name));
            let mut group = Group::new(parameters);
            (group.learning_rate, group.weight_decay) = (own.map(|o| o.0), own.map(|o| o.1));
            group
        });
        Optimizer::with_groups(&case.config, groups.collect()).unwrap()
    }
}

/// `c` has no part in every third step.
fn with(s: u64) -> impl Fn(&str) -> bool {
    move |name| name != "c" || s % 3 != 2
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/optim.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn one_step(problem: &Problem, optimizer: &mut Optimizer, case: &Case, s: u64) -> Option<f64> {
    optimizer.zero_gradients().unwrap();
    problem.backward(s, with(s));
    let norm = case.clip.map(|clip| optimizer.clip_gradients(clip).unwrap());
    optimizer.step().unwrap();
    norm
}

/// The greatest difference from the fixture over all cases, for the fused pass or libtorch's operations.
fn follow(operations: bool) {
    let cases = cases();
    assert!(cases.len() > 30);
    for case in cases {
        let problem = Problem::new();
        let mut optimizer = problem.optimizer(&case);
        if operations {
            optimizer.use_operations();
        }
        for s in 0..50 {
            let norm = one_step(&problem, &mut optimizer, &case, s);
            if let Some(norm) = norm {
                let expected = case.norms[s as usize];
                assert!(
                    (norm - expected).abs() < 1e-6 * expected.max(1.0),
                    "step {s}: norm {norm}, not {expected}"
                );
            }
            if let Some(expected) = case.after.get(&(s + 1)) {
                let found = problem.values();
                let worst = found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max);
                assert_eq!(found.len(), expected.len());
                assert!(worst < 1e-6, "{:?}, after {} steps: {worst}", case.config, s + 1);
            }
        }
    }
}

#[test]
fn the_fused_pass_is_pytorch() {
    follow(false);
}

#[test]
fn the_operations_are_pytorch() {
    follow(true);
}

#[test]
fn a_resumed_run_is_the_same_bit_for_bit() {
    for case in cases() {
        let whole = Problem::new();
        let mut optimizer = whole.optimizer(&case);
        let mut saved = None;
        for s in 0..23 {
            if s == 12 {
                saved = Some((whole.params.state().unwrap(), optimizer.state().unwrap()));
            }
            one_step(&whole, &mut optimizer, &case, s);
        }
        let (params, state) = saved.unwrap();
        let resumed = Problem::new();
        let mut second = resumed.optimizer(&case);
        resumed.params.load(&params).unwrap();
        second.load_state(&state).unwrap();
        for s in 12..23 {
            one_step(&resumed, &mut second, &case, s);
        }
        assert_eq!(whole.values(), resumed.values(), "{:?}", case.config);
        let (one, two) = (optimizer.state().unwrap(), second.state().unwrap());
        assert!(one.keys().eq(two.keys()));
        for (name, tensor) in &one {
            assert!(tensor.equal(&two[name]), "{:?}: {name}", case.config);
        }
    }
}
