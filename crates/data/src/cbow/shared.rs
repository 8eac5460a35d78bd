//! The weight matrices, and what sharing them between threads without locks means.

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

/// Weights that several threads read and write at a time, without locks: Hogwild (Niu et al. 2011).
///
/// This is a data race on purpose, and by the letter of the language a data race is undefined behaviour. Why it is here, and
/// how far it reaches:
/// - What is shared are plain numbers. No pointer, length or tag is among them, so whatever a racing thread reads, it reads
///   some number; nothing is indexed by it (the logistic table clamps its index).
/// - The kernel reads a block once and writes it once. On the processors that this runs on that is a vector load and a vector store;
///   a race loses an update or mixes old and new numbers of a row, which stochastic gradient descent bears.
/// - Relaxed atomics would make it well-defined, but compilers do not vectorise them: several times slower.
/// - The deterministic mode, which is the default and what every table is made with, does not come here: its shards have
///   matrices of their own.
///
/// The results depend on the timing of the threads. Only the thread scope of one training holds this.
pub(super) struct Hogwild<'a>(Weights<'a>);

// SAFETY: `Weights` is two slices of `Cell<Block>`, and `Block` is plain numbers of which every bit pattern is valid. Sharing
// it breaks the rule that only one thread uses a `Cell`; the consequences are laid out above and accepted by who chooses this mode.
unsafe impl Sync for Hogwild<'_> {}

impl<'a> Hogwild<'a> {
    pub(super) fn new(matrices: &'a mut Matrices) -> Self {
        Self(matrices.weights())
    }

    pub(super) fn weights(&self) -> Weights<'_> {
        self.0
    }
}
