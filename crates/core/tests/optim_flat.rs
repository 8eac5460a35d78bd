//! What lies where, which parameters a step leaves alone, and what is refused.
#![allow(clippy::unwrap_used)]

use medner_core::CoreError;
use medner_core::clip;
use medner_core::init::Init;
use medner_core::optim::{Adam, Group, Lookahead, Optimizer, OptimizerConfig, Rule, Sgd};
use medner_core::params::{Parameter, Params};
use tch::{Device, Kind, Tensor};

fn values(t: &Tensor) -> Vec<f32> {
    Vec::try_from(t.detach().flatten(0, -1)).unwrap()
}

fn numbers(shape: &[i64], step: f64) -> Init {
    let n: i64 = shape.iter().product();
    let numbers: Vec<f32> = (0..n).map(|i| (0.1 + step * i as f64).sin() as f32).collect();
    Init::Values(Tensor::from_slice(&numbers).view(shape))
}

fn model() -> (Params, Tensor, Tensor) {
    let params = Params::new(Device::Cpu);
    let a = params.root().parameter("a", &[5, 3], numbers(&[5, 3], 0.3)).unwrap();
    let b = params.root().parameter("b", &[7], numbers(&[7], 0.7)).unwrap();
    (params, a, b)
}

fn adam() -> OptimizerConfig {
    OptimizerConfig { weight_decay: 0.1, ..OptimizerConfig::new(Rule::Adam(Adam::default()), 0.01) }
}

fn sgd(learning_rate: f64) -> OptimizerConfig {
    OptimizerConfig::new(Rule::Sgd(Sgd::default()), learning_rate)
}

fn only(params: &Params, name: &str) -> Vec<Parameter> {
    params.parameters().into_iter().filter(|p| p.name == name).collect()
}

fn squares(t: &Tensor) -> Tensor {
    t.square().sum(Kind::Float)
}

#[test]
fn binding_moves_parameters_and_gradients_into_one_buffer_each() {
    let (params, a, b) = model();
    let before = (values(&a), values(&b));
    let mut optimizer = Optimizer::new(&sgd(1.0), params.parameters()).unwrap();
    assert_eq!((values(&a), values(&b)), before, "the values stay");
    let distance = |x: &Tensor, y: &Tensor| y.data_ptr() as usize - x.data_ptr() as usize;
    assert_eq!(distance(&a, &b), 64, "15 values, then the next multiple of 64 bytes");
    assert_eq!(distance(&a.grad(), &b.grad()), 64);
    let flat = optimizer.gradients().unwrap();
    assert_eq!(flat.len(), 1, "one region, so one kernel sets it to zero");
    assert_eq!(flat[0].data_ptr(), a.grad().data_ptr());
    let addresses = (a.data_ptr(), a.grad().data_ptr());
    for _ in 0..3 {
        optimizer.zero_gradients().unwrap();
        assert_eq!(values(&flat[0]), [0.0; 32]);
        // Twice: gradients add up.
        (squares(&a) + squares(&b)).backward();
        squares(&a).backward();
        let expected: Vec<f32> = values(&a).iter().map(|v| 2.0 * v + 2.0 * v).collect();
        assert_eq!(values(&flat[0])[..15], expected);
        assert_eq!(values(&flat[0])[16..23], values(&b).iter().map(|v| 2.0 * v).collect::<Vec<_>>());
        let was = values(&a);
        optimizer.step().unwrap();
        let stepped: Vec<f32> = was.iter().zip(&expected).map(|(p, g)| p - g).collect();
        assert_eq!(values(&a), stepped);
        assert_eq!((a.data_ptr(), a.grad().data_ptr()), addresses, "nothing is allocated anew");
    }
}

#[test]
fn gradients_that_were_there_before_are_discarded() {
    let (params, a, _b) = model();
    squares(&a).backward();
    let mut optimizer = Optimizer::new(&sgd(1.0), params.parameters()).unwrap();
    assert!(values(&a.grad()).iter().all(|&g| g == 0.0));
    let before = values(&a);
    optimizer.step().unwrap();
    assert_eq!(values(&a), before);
}

#[test]
fn a_loaded_state_is_seen_by_model_and_optimiser() {
    let (params, a, _b) = model();
    let config = OptimizerConfig { lookahead: Some(Lookahead { k: 2, alpha: 0.5 }), ..sgd(0.25) };
    let mut optimizer = Optimizer::new(&config, params.parameters()).unwrap();
    let mut state = params.state().unwrap();
    state.insert("a".into(), Tensor::ones([5, 3], (Kind::Float, Device::Cpu)));
    params.load(&state).unwrap();
    for _ in 0..2 {
        optimizer.zero_gradients().unwrap();
        squares(&a).backward();
        optimizer.step().unwrap();
    }
    // 1 -> 0.5 -> 0.25, then half of the way back to where the first step began.
    assert_eq!(values(&a), [0.625; 15]);
}

#[test]
fn shared_weights_get_the_sum_of_their_gradients() {
    let (params, a, _b) = model();
    let mut optimizer = Optimizer::new(&sgd(0.5), params.parameters()).unwrap();
    let xs = Tensor::from_slice(&[1_f32, 2.0, 3.0]);
    let ys = Tensor::from_slice(&[1_f32, 1.0, 0.0, 0.0, 2.0]);
    optimizer.zero_gradients().unwrap();
    // The same matrix as an input embedding and, transposed, as an output layer.
    let loss = a.matmul(&xs).sum(Kind::Float) + a.transpose(0, 1).matmul(&ys).sum(Kind::Float);
    loss.backward();
    let expected: Vec<f32> =
        [1.0, 1.0, 0.0, 0.0, 2.0].iter().flat_map(|y| [1.0, 2.0, 3.0].map(|x| x + y)).collect();
    assert_eq!(values(&a.grad()), expected);
}

#[test]
fn what_no_gradient_reached_stays_as_it_is() {
    let (params, a, b) = model();
    let mut optimizer = Optimizer::new(&adam(), params.parameters()).unwrap();
    let mut step = |loss: Tensor| {
        optimizer.zero_gradients().unwrap();
        loss.backward();
        optimizer.step().unwrap();
        optimizer.state().unwrap()
    };
    let first = step(squares(&a) + squares(&b));
    let kept = values(&b);
    let second = step(squares(&a));
    assert_eq!(values(&b), kept, "neither momentum nor weight decay moves it");
    for name in ["b.exp_avg", "b.exp_avg_sq"] {
        assert!(first[name].equal(&second[name]), "{name}");
    }
    assert_eq!(Vec::<i64>::try_from(&second["steps"]).unwrap(), [2, 1, 2]);
    // A gradient of 0 is a gradient: the moment decays.
    let third = step(squares(&a) + b.sum(Kind::Float) * 0.0);
    assert_ne!(values(&b), kept);
    assert!(!first["b.exp_avg"].equal(&third["b.exp_avg"]));
}

#[test]
fn frozen_parameters_do_not_move_and_learn_again_when_released() {
    let (params, a, b) = model();
    params.freeze(|name| name == "b").unwrap();
    let mut optimizer = Optimizer::new(&adam(), params.parameters()).unwrap();
    assert!(!b.requires_grad() && a.requires_grad(), "binding keeps what is frozen frozen");
    let mut step = || {
        let before = (values(&a), values(&b));
        optimizer.zero_gradients().unwrap();
        (squares(&a) + squares(&b)).backward();
        optimizer.step().unwrap();
        (values(&a) != before.0, values(&b) != before.1)
    };
    assert_eq!(step(), (true, false));
    params.freeze(|_| false).unwrap();
    assert_eq!(step(), (true, true));
    params.freeze(|name| name == "a").unwrap();
    assert_eq!(step(), (false, true));
}

#[test]
fn two_optimisers_may_share_parameters() {
    // Task one owns a and the shared b, task two owns c and b: the same steps as with separate PyTorch optimisers.
    let (params, a, b) = model();
    let c = params.root().parameter("c", &[3], numbers(&[3], 0.5)).unwrap();
    let mut one =
        Optimizer::new(&adam(), [only(&params, "a"), only(&params, "b")].into_iter().flatten().collect())
            .unwrap();
    let mut two =
        Optimizer::new(&adam(), [only(&params, "b"), only(&params, "c")].into_iter().flatten().collect())
            .unwrap();
    let start = (values(&a), values(&c));
    one.zero_gradients().unwrap();
    (squares(&a) + squares(&b)).backward();
    one.step().unwrap();
    let after_one = values(&b);
    assert_eq!(values(&c), start.1);
    two.zero_gradients().unwrap();
    (squares(&b) + squares(&c)).backward();
    two.step().unwrap();
    assert_ne!(values(&b), after_one);
    assert_ne!(values(&c), start.1);
    // The first step of Adam is the learning rate in the direction of the gradient, for each optimiser's own moments.
    let (_, _, reference) = model();
    for ((start, once), twice) in values(&reference).iter().zip(&after_one).zip(values(&b)) {
        assert!((start - once - 0.01 * start.signum()).abs() < 1e-6, "{start} {once}");
        assert!((once - twice - 0.01 * once.signum()).abs() < 1e-6, "{once} {twice}");
    }
    // The first one again: b has no gradient since two's zeroing unless a backward pass reaches it.
    two.zero_gradients().unwrap();
    one.zero_gradients().unwrap();
    squares(&c).backward();
    let before = (values(&a), values(&b));
    one.step().unwrap();
    assert_eq!((values(&a), values(&b)), before);
}

#[test]
fn lazy_rows_leave_unused_rows_alone() {
    let params = Params::new(Device::Cpu);
    let table = params.root().parameter("table", &[9, 4], numbers(&[9, 4], 0.3)).unwrap();
    let bias = params.root().parameter("bias", &[5], numbers(&[5], 0.2)).unwrap();
    let group = || Group { lazy_rows: true, ..Group::new(params.parameters()) };
    let mut optimizer = Optimizer::with_groups(&adam(), vec![group()]).unwrap();
    for used in [vec![1_i64, 2, 5], vec![2, 8]] {
        let before = values(&table);
        optimizer.zero_gradients().unwrap();
        let rows = table.index_select(0, &Tensor::from_slice(&used));
        (squares(&rows) + squares(&bias)).backward();
        optimizer.step().unwrap();
        let moved: Vec<i64> = values(&table)
            .chunks(4)
            .zip(before.chunks(4))
            .enumerate()
            .filter(|(_, (new, old))| new != old)
            .map(|(row, _)| row as i64)
            .collect();
        assert_eq!(moved, used);
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let params = Params::new(Device::Cpu);
        let w = params.root().parameter("w", &[300, 301], numbers(&[300, 301], 0.01)).unwrap();
        let mut optimizer = Optimizer::new(&adam(), params.parameters()).unwrap();
        let mut norms = Vec::new();
        for _ in 0..3 {
            optimizer.zero_gradients().unwrap();
            w.pow_tensor_scalar(3).sum(Kind::Float).backward();
            norms.push(pool.install(|| optimizer.clip_gradients(1.0)).unwrap().to_bits());
            pool.install(|| optimizer.step()).unwrap();
        }
        (norms, values(&w))
    };
    let one = run(1);
    assert!(one == run(2) && one == run(3));
}

#[test]
fn schedules_and_groups_set_the_rate() {
    let (params, a, b) = model();
    let mut groups: Vec<Group> = ["a", "b"].map(|name| Group::new(only(&params, name))).into();
    groups[1].learning_rate = Some(0.25);
    let mut optimizer = Optimizer::with_groups(&sgd(0.5), groups).unwrap();
    optimizer.set_factor(0.5);
    assert_eq!(
        (optimizer.groups(), optimizer.learning_rate(0), optimizer.learning_rate(1)),
        (2, 0.25, 0.125)
    );
    let before = (values(&a), values(&b));
    optimizer.zero_gradients().unwrap();
    (a.sum(Kind::Float) + b.sum(Kind::Float)).backward();
    optimizer.step().unwrap();
    assert_eq!(values(&a), before.0.iter().map(|v| v - 0.25).collect::<Vec<_>>());
    assert_eq!(values(&b), before.1.iter().map(|v| v - 0.125).collect::<Vec<_>>());
    optimizer.set_learning_rate(0, 0.0);
    let state = optimizer.state().unwrap();
    assert_eq!(Vec::<f64>::try_from(&state["learning_rates"]).unwrap(), [0.0, 0.25, 0.5]);
}

#[test]
fn a_gradient_that_is_no_number_stops_before_the_step() {
    for bad in [f64::NAN, f64::INFINITY] {
        let (params, a, b) = model();
        let mut optimizer = Optimizer::new(&adam(), params.parameters()).unwrap();
        optimizer.zero_gradients().unwrap();
        (a.sum(Kind::Float) + (&b * bad).sum(Kind::Float)).backward();
        match optimizer.clip_gradients(1.0).unwrap_err() {
            CoreError::GradientNotFinite { norm, parameters } => {
                assert!(!norm.is_finite());
                assert_eq!(parameters, ["b"]);
            }
            other => panic!("{other}"),
        }
        assert_eq!(values(&a.grad()), [1.0; 15], "nothing is scaled");
    }
}

#[test]
fn clipping_scales_only_what_is_too_long() {
    let (params, a, _b) = model();
    let mut optimizer = Optimizer::new(&sgd(1.0), params.parameters()).unwrap();
    for (limit, expected) in [(f64::INFINITY, 1.0), (4.0, 1.0), (0.5, 0.5 / (15_f64.sqrt() + 1e-6))] {
        optimizer.zero_gradients().unwrap();
        a.sum(Kind::Float).backward();
        assert!((optimizer.clip_gradients(limit).unwrap() - 15_f64.sqrt()).abs() < 1e-12);
        assert!(values(&a.grad()).iter().all(|&g| f64::from(g - expected as f32).abs() < 1e-7));
    }
    for limit in [0.0, -1.0, f64::NAN] {
        assert!(matches!(optimizer.clip_gradients(limit), Err(CoreError::Config { .. })));
    }
    // A region that cannot be seen as a slice goes through libtorch and comes to the same.
    let doubles = Tensor::from_slice(&[3_f64, 4.0]);
    assert!((clip::global_norm(&[doubles]).unwrap() - 5.0).abs() < 1e-12);
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let (params, ..) = model();
    let new = |config: &OptimizerConfig| Optimizer::new(config, params.parameters()).map(|_| ());
    let rule = |rule| OptimizerConfig::new(rule, 0.1);
    for (config, key) in [
        (sgd(-0.1), "learning_rate"),
        (sgd(f64::NAN), "learning_rate"),
        (OptimizerConfig { weight_decay: -1.0, ..sgd(0.1) }, "weight_decay"),
        (rule(Rule::Adam(Adam { beta1: 1.0, ..Adam::default() })), "beta1"),
        (rule(Rule::Sgd(Sgd { nesterov: true, ..Sgd::default() })), "nesterov"),
        (OptimizerConfig { lookahead: Some(Lookahead { k: 0, alpha: 0.5 }), ..sgd(0.1) }, "lookahead.k"),
    ] {
        match new(&config).unwrap_err() {
            CoreError::Config { key: found, .. } => assert_eq!(found, key),
            other => panic!("{other}"),
        }
    }
    let twice = vec![Group::new(params.parameters()), Group::new(only(&params, "b"))];
    let error = Optimizer::with_groups(&sgd(0.1), twice).map(|_| ()).unwrap_err();
    assert!(matches!(error, CoreError::DuplicateParameter { ref name } if name == "b"), "{error}");
    assert!(
        serde_json::from_str::<OptimizerConfig>(
            r#"{"rule": {"name": "adam", "beta": 1}, "learning_rate": 1}"#
        )
        .is_err()
    );
}

#[test]
fn a_state_of_another_optimiser_is_refused_and_nothing_changes() {
    let (params, a, b) = model();
    let mut optimizer = Optimizer::new(&adam(), params.parameters()).unwrap();
    (squares(&a) + squares(&b)).backward();
    optimizer.step().unwrap();
    let before = optimizer.state().unwrap();
    let mut state = optimizer.state().unwrap();
    let moved = state.remove("a.exp_avg").unwrap();
    state.insert("a.momentum_buffer".into(), moved);
    state.insert("steps".into(), Tensor::from_slice(&[1_i64]));
    state.insert("b.exp_avg".into(), Tensor::zeros([7], (Kind::Float, Device::Cpu)));
    match optimizer.load_state(&state).unwrap_err() {
        CoreError::State { missing, unexpected, mismatched } => {
            assert_eq!(
                (missing, unexpected),
                (vec!["a.exp_avg".to_owned()], vec!["a.momentum_buffer".to_owned()])
            );
            assert_eq!(mismatched, ["steps: expected [3] Int64, found [1] Int64"]);
        }
        other => panic!("{other}"),
    }
    for (name, tensor) in optimizer.state().unwrap() {
        assert!(tensor.equal(&before[&name]), "{name}");
    }
}
