//! Long vectors of `f64` on several threads, with the same bits whatever the number of threads: sums are of fixed chunks, which are
//! added up in their order.

use rayon::prelude::*;

/// Numbers in a chunk.
const CHUNK: usize = 16_384;
/// Sums that run side by side inside a chunk, so that the compiler can use vector instructions.
const LANES: usize = 8;

/// `a . b`
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let partial: Vec<f64> =
        a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).map(|(a, b)| dot_of_chunk(a, b)).collect();
    partial.iter().sum()
}

fn dot_of_chunk(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for ((sum, x), y) in sums.iter_mut().zip(a).zip(b) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// The Euclidean length of `a`.
pub(super) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `y += factor * x`
pub(super) fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
        y.iter_mut().zip(x).for_each(|(y, x)| *y += factor * x);
    });
}

/// `y *= factor`
pub(super) fn scale(y: &mut [f64], factor: f64) {
    y.par_chunks_mut(CHUNK).for_each(|y| y.iter_mut().for_each(|y| *y *= factor));
}

/// `out = a + factor * b`
pub(super) fn sum_into(out: &mut [f64], a: &[f64], factor: f64, b: &[f64]) {
    out.par_chunks_mut(CHUNK).zip(a.par_chunks(CHUNK)).zip(b.par_chunks(CHUNK)).for_each(|((out, a), b)| {
        out.iter_mut().zip(a).zip(b).for_each(|((out, a), b)| *out = a + factor * b);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_right_and_do_not_depend_on_threads() {
        let a: Vec<f64> = (0..100_003_u32).map(|i| f64::from(i % 1_001) * 0.1 - 40.0).collect();
        let b: Vec<f64> = (0..100_003_u32).map(|i| f64::from(i % 777) * 0.3 - 90.0).collect();
        let plain: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        assert!((dot(&a, &b) - plain).abs() < 1e-9 * plain.abs());
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
        assert_eq!(one.install(|| dot(&a, &b)).to_bits(), dot(&a, &b).to_bits());
        let mut y = a.clone();
        add_scaled(&mut y, 2.0, &b);
        scale(&mut y, 0.5);
        let mut z = vec![0.0; a.len()];
        sum_into(&mut z, &b, 0.5, &a);
        assert!(y.iter().zip(&z).all(|(y, z)| (y - z).abs() < 1e-12));
    }
}
