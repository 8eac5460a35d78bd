//! Times an Adam step on the parameters of the MSRA BiLSTM-CRF and prints medians in microseconds as one line of JSON.
//!
//! `bench/optimizer.sh` runs it in turns with `bench/peers/optimizer_pytorch.py`, which times PyTorch's Adam on the same
//! parameters and gradients. `adam_us` is the step alone; `whole_us` sets the gradients to zero, lets a backward pass
//! fill them, clips, and steps.
//!
//! `cargo run --release -p medner-core --example optimizer_time -- [THREADS] [REPEATS]`

use std::time::Instant;

use medner_core::Result;
use medner_core::init::Init;
use medner_core::optim::{Adam, Optimizer, OptimizerConfig, Rule};
use medner_core::params::Params;
use tch::{Device, Kind, Tensor};

/// 4,700 characters of 100 values, an LSTM of 100 in each direction, 7 tags.
const SHAPES: [(&str, &[i64]); 14] = [
    ("embedding.weight", &[4700, 100]),
    ("lstm.weight_ih_l0", &[400, 100]),
    ("lstm.weight_hh_l0", &[400, 100]),
    ("lstm.bias_ih_l0", &[400]),
    ("lstm.bias_hh_l0", &[400]),
    ("lstm.weight_ih_l0_reverse", &[400, 100]),
    ("lstm.weight_hh_l0_reverse", &[400, 100]),
    ("lstm.bias_ih_l0_reverse", &[400]),
    ("lstm.bias_hh_l0_reverse", &[400]),
    ("linear.weight", &[7, 200]),
    ("linear.bias", &[7]),
    ("crf.start", &[7]),
    ("crf.end", &[7]),
    ("crf.transitions", &[7, 7]),
];

/// Values in [-2, 2) from a linear congruential generator that the Python script repeats.
fn values(seed: u64, shape: &[i64]) -> Result<Tensor> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 22) as f32 - 2.0
    };
    let values: Vec<f32> = (0..shape.iter().product::<i64>()).map(|_| next()).collect();
    Ok(Tensor::f_from_slice(&values)?.f_view(shape)?)
}

fn time(repeats: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::with_capacity(repeats);
    for i in 0..repeats + repeats / 10 {
        let start = Instant::now();
        work()?;
        // The first tenth warms up.
        if i >= repeats / 10 {
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn main() -> Result<()> {
    let mut arguments =
        std::env::args().skip(1).map(|a| a.parse().unwrap_or_else(|_| panic!("`{a}` is not a number")));
    let threads = arguments.next().unwrap_or(2);
    let repeats = arguments.next().unwrap_or(300);
    medner_core::device::set_threads(threads);

    let params = Params::new(Device::Cpu);
    let mut gradients = Vec::new();
    for (i, (name, shape)) in (0_u64..).zip(SHAPES) {
        let tensor = params.root().parameter(name, shape, Init::Values(values(2 * i + 1, shape)?))?;
        gradients.push((tensor, values(2 * i + 2, shape)?));
    }
    let config = OptimizerConfig::new(Rule::Adam(Adam::default()), 1e-3);
    let mut optimizer = Optimizer::new(&config, params.parameters())?;
    // Its gradient is the second tensor of each pair.
    let backward = || -> Result<()> {
        let mut loss = Tensor::from(0_f32);
        for (tensor, gradient) in &gradients {
            loss = loss.f_add(&tensor.f_mul(gradient)?.f_sum(Kind::Float)?)?;
        }
        Ok(loss.f_backward()?)
    };
    backward()?;
    for _ in 0..10 {
        optimizer.step()?;
    }
    let mut checked = 0.0;
    for (tensor, _) in &gradients {
        checked += tensor.f_abs()?.f_sum(Kind::Double)?.f_double_value(&[])?;
    }
    let adam = time(repeats, || optimizer.step())?;
    let whole = time(repeats, || {
        optimizer.zero_gradients()?;
        backward()?;
        optimizer.clip_gradients(1.0)?;
        optimizer.step()
    })?;
    println!(
        "{{\"adam_us\": {adam:.1}, \"whole_us\": {whole:.1}, \"sum\": {checked:.3}, \"values\": {}, \"threads\": {threads}}}",
        params.count()
    );
    Ok(())
}
