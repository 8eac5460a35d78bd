//! Times an IndRNN, forward and backward pass, at B 32, T 64, width 200 and prints medians, fastest runs and
//! processor time in microseconds as one line of JSON, with sums of the results.
//!
//! `bench/indrnn.sh` runs it in turns with `bench/peers/indrnn.py`, which times the same on the same inputs:
//! - `layer`: one layer of 200 neurons, with the gradients of input and parameters
//! - `stack`: two bidirectional layers of 100 neurons a direction, each with batch normalisation
//!
//! and here alone, other ways to compute `layer`: `operations`, the recurrence by tensor operations (for other devices), and
//! `rnn_relu`, libtorch's own recurrent network with a diagonal matrix.
//!
//! `cargo run --release -p medner-core --example indrnn_time -- [THREADS] [REPEATS] [WORK]`

use std::time::Instant;

use medner_core::Result;
use medner_core::layers::{Batch, IndRnn, IndRnnConfig, IndRnnStack, recurrence_by_operations};
use medner_core::params::Params;
use tch::{Device, Kind, Tensor};

const SENTENCES: i64 = 32;
const STEPS: i64 = 64;
const WIDTH: i64 = 200;

/// Values in [-1, 1) from a linear congruential generator that the Python script repeats.
fn values(seed: u64, shape: &[i64]) -> Result<Tensor> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| next()).collect();
    Ok(Tensor::f_from_slice(&values)?.f_view(shape)?)
}

/// Gives every parameter values of its own: weights of the input small, recurrent weights up to the bound.
fn fill(params: &Params, bound: f64) -> Result<()> {
    let mut state = params.state()?;
    let parameters = params.parameters();
    for (seed, parameter) in (10..).zip(&parameters) {
        let random = values(seed, &parameter.tensor.size())?;
        let filled = match parameter.name.rsplit('.').next() {
            Some("weight_hh") => random.f_mul_scalar(bound)?,
            Some("weight") => random.f_mul_scalar(0.5)?.f_add_scalar(1.0)?,
            _ => random.f_mul_scalar(0.05)?,
        };
        state.insert(parameter.name.clone(), filled);
    }
    params.load(&state)
}

/// Microseconds of processor time that this process has used, all its threads together.
fn processor_us() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the system writes one `timespec`.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// What one repetition takes, in microseconds, and what the work came to.
struct Times {
    median: f64,
    fastest: f64,
    processor: f64,
    sum: f64,
}

fn time(repeats: usize, mut work: impl FnMut() -> Result<f64>) -> Result<Times> {
    let mut sum = 0.0;
    for _ in 0..repeats / 10 + 5 {
        sum = work()?;
    }
    let began = processor_us();
    let mut times = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let processor = (processor_us() - began) / repeats as f64;
    times.sort_by(f64::total_cmp);
    Ok(Times { median: times[repeats / 2], fastest: times[0], processor, sum })
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| {
        let argument = arguments.next();
        argument.map_or(default, |a| a.parse().unwrap_or_else(|_| panic!("`{a}` is not a number")))
    };
    let (threads, repeats) = (number(2), number(100));
    let only = arguments.next();
    medner_core::device::set_threads(threads);

    let mut xs = values(1, &[SENTENCES, STEPS, WIDTH])?.f_set_requires_grad(true)?;
    let coefficients = values(2, &[SENTENCES, STEPS, WIDTH])?;
    let batch = Batch::new(&vec![vec![1_u32; STEPS as usize]; SENTENCES as usize], Device::Cpu)?;
    let one = IndRnnConfig {
        hidden: WIDTH,
        layers: 1,
        bidirectional: false,
        max_steps: STEPS,
        ..IndRnnConfig::default()
    };
    let both = IndRnnConfig { hidden: WIDTH / 2, layers: 2, bidirectional: true, ..one.clone() };
    let layer_params = Params::new(Device::Cpu);
    let layer = IndRnn::new(&layer_params.root(), WIDTH, &one)?;
    fill(&layer_params, one.bound())?;
    let stack_params = Params::new(Device::Cpu);
    let stack = IndRnnStack::new(&stack_params.root(), WIDTH, &both)?;
    fill(&stack_params, both.bound())?;
    let [weight, bias, u] = ["weight_ih", "bias_ih", "weight_hh"]
        .map(|name| layer_params.get(name).expect("the layer has registered it"));

    // A training step's part: old gradients to zero, forward, backward; the sum shows that all compute the same.
    let mut step = |params: &Params, forward: &dyn Fn(&Tensor) -> Result<Tensor>| -> Result<f64> {
        for parameter in params.parameters() {
            parameter.tensor.shallow_clone().zero_grad();
        }
        xs.zero_grad();
        let loss = forward(&xs)?.f_mul(&coefficients)?.f_sum(Kind::Float)?;
        loss.f_backward()?;
        Ok(loss.f_double_value(&[])? + xs.grad().f_abs()?.f_sum(Kind::Float)?.f_double_value(&[])?)
    };
    let zeros = Tensor::f_zeros([1, SENTENCES, WIDTH], (Kind::Float, Device::Cpu))?;
    let no_bias = Tensor::f_zeros([WIDTH], (Kind::Float, Device::Cpu))?;
    let by_operations =
        |xs: &Tensor| recurrence_by_operations(&xs.f_linear(&weight, Some(&bias))?, &u, WIDTH, &batch);
    let by_rnn_relu = |xs: &Tensor| -> Result<Tensor> {
        let recurrent = u.f_diag(0)?;
        let parameters = [&weight, &recurrent, &bias, &no_bias];
        Ok(xs.f_rnn_relu(&zeros, &parameters, true, 1, 0.0, true, false, true)?.0)
    };
    type Work<'a> = (&'a str, usize, &'a Params, &'a dyn Fn(&Tensor) -> Result<Tensor>);
    let works: [Work; 4] = [
        ("layer", repeats, &layer_params, &|xs| layer.forward(xs, &batch)),
        ("operations", repeats / 4, &layer_params, &by_operations),
        ("rnn_relu", repeats / 4, &layer_params, &by_rnn_relu),
        ("stack", repeats, &stack_params, &|xs| stack.forward(xs, &batch, true)),
    ];
    let mut fields = Vec::new();
    for (name, repeats, params, forward) in works {
        if only.as_ref().is_none_or(|only| only == name) {
            let t = time(repeats, || step(params, forward))?;
            fields.push(format!(
                "\"{name}\": {{\"median_us\": {:.1}, \"fastest_us\": {:.1}, \"processor_us\": {:.1}, \"sum\": {:.4}}}",
                t.median, t.fastest, t.processor, t.sum
            ));
        }
    }
    println!("{{{}, \"threads\": {threads}}}", fields.join(", "));
    Ok(())
}
