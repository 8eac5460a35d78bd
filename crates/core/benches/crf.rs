//! The CRF's kernels and layer: `cargo bench -p medner-core --bench crf`.
//!
//! B 32, T 64 and K 13 (6 entity types in BIO) is the size that `bench/crf.sh` compares with pytorch-crf.
#![allow(clippy::unwrap_used)]

use divan::{Bencher, black_box};
use medner_core::crf::{
    Crf, EmissionBatch, Potentials, Reduction, decode, log_partition, marginals, n_best, nll_with_gradient,
};
use medner_core::device::mix;
use tch::Tensor;

/// `(B, T, K)`
const SIZES: [(usize, usize, usize); 4] = [(1, 64, 13), (32, 64, 13), (32, 200, 7), (16, 128, 41)];

fn main() {
    medner_core::device::set_threads(2);
    divan::main();
}

fn noise(seed: u64, count: usize) -> Vec<f32> {
    (0..count as u64).map(|i| (mix(seed, i) >> 40) as f32 / (1 << 22) as f32 - 2.0).collect()
}

struct Case {
    emissions: Vec<f32>,
    tags: Vec<i64>,
    lengths: Vec<usize>,
    size: (usize, usize, usize),
}

impl Case {
    fn new(size: (usize, usize, usize)) -> Self {
        let (b, t, k) = size;
        Self {
            emissions: noise(1, b * t * k),
            tags: (0..b * t).map(|i| (mix(2, i as u64) % k as u64) as i64).collect(),
            lengths: vec![t; b],
            size,
        }
    }

    fn batch(&self) -> EmissionBatch<'_> {
        EmissionBatch::new(&self.emissions, &self.lengths, self.size.1, self.size.2).unwrap()
    }

    fn potentials(&self) -> Potentials {
        let k = self.size.2;
        Potentials::new(&noise(3, k), &noise(4, k), &noise(5, k * k), None).unwrap()
    }
}

#[divan::bench(args = SIZES)]
fn kernel_log_partition(bencher: Bencher, size: (usize, usize, usize)) {
    let case = Case::new(size);
    bencher.bench_local(|| log_partition(&case.potentials(), black_box(&case.batch())).unwrap());
}

#[divan::bench(args = SIZES)]
fn kernel_nll_gradient(bencher: Bencher, size: (usize, usize, usize)) {
    let case = Case::new(size);
    bencher.bench_local(|| {
        nll_with_gradient(&case.potentials(), black_box(&case.batch()), &case.tags, 1.0).unwrap()
    });
}

#[divan::bench(args = SIZES)]
fn kernel_viterbi(bencher: Bencher, size: (usize, usize, usize)) {
    let case = Case::new(size);
    bencher.bench_local(|| decode(&case.potentials(), black_box(&case.batch())).unwrap());
}

#[divan::bench(args = SIZES)]
fn kernel_marginals(bencher: Bencher, size: (usize, usize, usize)) {
    let case = Case::new(size);
    bencher.bench_local(|| marginals(&case.potentials(), black_box(&case.batch())).unwrap());
}

#[divan::bench(args = SIZES)]
fn kernel_five_best(bencher: Bencher, size: (usize, usize, usize)) {
    let case = Case::new(size);
    bencher.bench_local(|| n_best(&case.potentials(), black_box(&case.batch()), 5).unwrap());
}

/// The layer and tensors as training has them.
fn layer(case: &Case) -> (Crf, Tensor, Tensor) {
    let (b, t, k) = (case.size.0 as i64, case.size.1 as i64, case.size.2 as i64);
    let leaf = |values: &[f32], shape: &[i64]| Tensor::from_slice(values).view(shape).set_requires_grad(true);
    let k2 = case.size.2;
    let (start, end) = (leaf(&noise(3, k2), &[k]), leaf(&noise(4, k2), &[k]));
    let crf = Crf::from_tensors(start, end, leaf(&noise(5, k2 * k2), &[k, k])).unwrap();
    (crf, leaf(&case.emissions, &[b, t, k]), Tensor::from_slice(&case.tags).view([b, t]))
}

#[divan::bench(args = SIZES)]
fn layer_nll_backward(bencher: Bencher, size: (usize, usize, usize)) {
    let case = Case::new(size);
    let (crf, emissions, tags) = layer(&case);
    bencher.bench_local(|| crf.nll(&emissions, &tags, &case.lengths, Reduction::Mean).unwrap().backward());
}

#[divan::bench(args = SIZES)]
fn layer_nll_backward_by_tensor_operations(bencher: Bencher, size: (usize, usize, usize)) {
    let case = Case::new(size);
    let (crf, emissions, tags) = layer(&case);
    bencher.bench_local(|| {
        crf.nll_batched(&emissions, &tags, &case.lengths, Reduction::Mean).unwrap().backward();
    });
}

#[divan::bench(args = SIZES)]
fn layer_decode(bencher: Bencher, size: (usize, usize, usize)) {
    let case = Case::new(size);
    let (crf, emissions, _) = layer(&case);
    bencher.bench_local(|| crf.decode(&emissions, &case.lengths).unwrap());
}
