//! Times the CRF layer at B 32, T 64, K 13 and prints medians (and fastest runs) in microseconds as one line of JSON.
//!
//! `bench/crf.sh` runs it in turns with `bench/peers/crf_pytorch.py`, which times the same on the same inputs:
//! the loss with the gradients of emissions and parameters, and the best paths, from tensors to tensors or tags.
//!
//! `cargo run --release -p medner-core --example crf_time -- [THREADS] [REPEATS]`

use std::time::Instant;

use medner_core::Result;
use medner_core::crf::{Crf, Reduction};
use tch::Tensor;

const SENTENCES: i64 = 32;
const STEPS: i64 = 64;
const TAGS: i64 = 13;

/// Values in [-2, 2) from a linear congruential generator that the Python script repeats.
fn values(seed: u64, count: i64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 22) as f32 - 2.0
    };
    (0..count).map(|_| next()).collect()
}

/// Microseconds of the median and of the fastest run.
struct Times {
    median: f64,
    fastest: f64,
}

fn time(repeats: usize, mut work: impl FnMut() -> Result<()>) -> Result<Times> {
    let mut times = Vec::with_capacity(repeats);
    for i in 0..repeats + repeats / 10 + 5 {
        let start = Instant::now();
        work()?;
        // The first tenth warms up.
        if i >= repeats / 10 + 5 {
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(Times { median: times[repeats / 2], fastest: times[0] })
}

fn main() -> Result<()> {
    let mut arguments =
        std::env::args().skip(1).map(|a| a.parse().unwrap_or_else(|_| panic!("`{a}` is not a number")));
    let threads = arguments.next().unwrap_or(2);
    let repeats = arguments.next().unwrap_or(500);
    medner_core::device::set_threads(threads);

    let leaf = |seed, shape: &[i64]| -> Result<Tensor> {
        let plain = Tensor::f_from_slice(&values(seed, shape.iter().product()))?.f_view(shape)?;
        Ok(plain.f_set_requires_grad(true)?)
    };
    let emissions = leaf(1, &[SENTENCES, STEPS, TAGS])?;
    let (start, end, transitions) = (leaf(2, &[TAGS])?, leaf(3, &[TAGS])?, leaf(4, &[TAGS, TAGS])?);
    let gold: Vec<i64> =
        values(5, SENTENCES * STEPS).iter().map(|x| ((x + 2.0) / 4.0 * TAGS as f32) as i64).collect();
    let tags = Tensor::f_from_slice(&gold)?.f_view([SENTENCES, STEPS])?;
    let lengths = vec![STEPS as usize; SENTENCES as usize];
    let mut leaves = [&emissions, &start, &end, &transitions].map(Tensor::shallow_clone);
    let crf = Crf::from_tensors(start, end, transitions)?;

    let loss = crf.nll(&emissions, &tags, &lengths, Reduction::Sum)?;
    let checked = f64::try_from(&loss)?;
    let best: u32 = crf.decode(&emissions, &lengths)?.iter().flatten().sum();
    let nll = time(repeats, || {
        for leaf in &mut leaves {
            leaf.zero_grad();
        }
        Ok(crf.nll(&emissions, &tags, &lengths, Reduction::Sum)?.f_backward()?)
    })?;
    let viterbi = time(repeats, || crf.decode(&emissions, &lengths).map(|_| ()))?;
    println!(
        "{{\"nll_gradient_us\": {:.1}, \"viterbi_us\": {:.1}, \"nll_gradient_fastest_us\": {:.1}, \
         \"viterbi_fastest_us\": {:.1}, \"loss\": {checked:.3}, \"tag_sum\": {best}, \"threads\": {threads}}}",
        nll.median, viterbi.median, nll.fastest, viterbi.fastest
    );
    Ok(())
}
