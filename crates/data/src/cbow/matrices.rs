//! The weight matrices.

use std::cell::Cell;

use rand::Rng;

use super::kernel::{Block, LANES, Weights};
use super::sampling::keyed;

/// Both weight matrices, `[V, blocks]` each.
#[derive(Clone)]
pub(super) struct Matrices {
    pub input: Vec<Block>,
    pub output: Vec<Block>,
}

impl Matrices {
    /// Input weights uniform in `[-0.5 / D, 0.5 / D)`, output weights zero, as word2vec begins.
    pub(super) fn new(words: usize, dim: usize, blocks: usize, seed: u64) -> Self {
        let mut rng = keyed(seed, u64::MAX, 0);
        let mut input = vec![Block::ZERO; words * blocks];
        for row in input.chunks_exact_mut(blocks) {
            for d in 0..dim {
                row[d / LANES].0[d % LANES] = (rng.random::<f32>() - 0.5) / dim as f32;
            }
        }
        Self { input, output: vec![Block::ZERO; words * blocks] }
    }

    /// The matrices for one thread.
    pub(super) fn weights(&mut self) -> Weights<'_> {
        Weights {
            input: Cell::from_mut(self.input.as_mut_slice()).as_slice_of_cells(),
            output: Cell::from_mut(self.output.as_mut_slice()).as_slice_of_cells(),
        }
    }
}
