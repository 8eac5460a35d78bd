//! The inner loops: one pass of CBOW with negative sampling over some sentences.
//!
//! Weights are rows of [`Block`]s of eight numbers, so that every loop is over whole vector registers; the last block of a row
//! is filled up with zeros, which stay zero. All operations are elementwise in a fixed order and without fused multiply-add:
//! the results are the same bits with SSE2, AVX2 or NEON.
//!
//! The kernel sees weights through [`Cell`]s: a row may be a context's and the target's at once.

use std::cell::Cell;

use super::sampling::{FastRng, NegativeTable};

/// Numbers in a block.
pub(super) const LANES: usize = 8;

/// Eight weights that are worked on together.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(32))]
pub(super) struct Block(pub [f32; LANES]);

impl Block {
    pub(super) const ZERO: Self = Self([0.0; LANES]);

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] + other.0[l]))
    }

    #[inline(always)]
    fn times(self, factor: f32) -> Self {
        Self(self.0.map(|x| x * factor))
    }

    #[inline(always)]
    fn product(self, other: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] * other.0[l]))
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        let x = self.0;
        ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
    }
}

/// Everything that stays the same while a model is trained.
pub(super) struct Tables {
    /// Blocks of a row.
    pub blocks: usize,
    /// Largest distance of a context word.
    pub window: u32,
    /// Negative examples of each word.
    pub negative: usize,
    /// Where they are drawn from.
    pub negatives: NegativeTable,
    /// For each word, when a 32-bit draw reaches this, the occurrence is left out; empty when none ever is.
    pub keep: Vec<u32>,
    /// The logistic function.
    pub logistic: Logistic,
}

/// The two weight matrices, `[V, blocks]` each: of context words and of predicted words.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub input: &'a [Cell<Block>],
    pub output: &'a [Cell<Block>],
}

/// Memory that one thread works in.
pub(super) struct Scratch {
    /// The sentence without the occurrences that subsampling leaves out.
    words: Vec<u32>,
    /// Mean of the context, `[blocks]`.
    mean: Vec<Block>,
    /// What is added to each context word, `[blocks]`.
    error: Vec<Block>,
    /// The word and its negative examples: where the row begins, and first the wanted probability, then the step.
    targets: Vec<(usize, f32)>,
    /// Their scores, before the sum over lanes.
    scores: Vec<Block>,
}

impl Scratch {
    pub(super) fn new(tables: &Tables) -> Self {
        Self {
            words: Vec::new(),
            mean: vec![Block::ZERO; tables.blocks],
            error: vec![Block::ZERO; tables.blocks],
            targets: Vec::with_capacity(tables.negative + 1),
            scores: vec![Block::ZERO; tables.negative + 1],
        }
    }
}

/// Loss of a pass.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PassLoss {
    /// Sum of the negative log-likelihoods of the words and their negative examples.
    pub sum: f64,
    /// Words that were predicted.
    pub words: u64,
}

impl PassLoss {
    pub(super) fn mean(&self) -> f64 {
        self.sum / self.words.max(1) as f64
    }

    pub(super) fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.words += other.words;
    }
}

/// Trains on the sentences that `starts` cuts out of `tokens` (`starts[i]..starts[i + 1]`), at one learning rate.
pub(super) fn train_pass(
    tables: &Tables,
    weights: Weights<'_>,
    tokens: &[u32],
    starts: &[usize],
    alpha: f32,
    rng: &mut FastRng,
    scratch: &mut Scratch,
) -> PassLoss {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2(
            tables: &Tables,
            weights: Weights<'_>,
            tokens: &[u32],
            starts: &[usize],
            alpha: f32,
            rng: &mut FastRng,
            scratch: &mut Scratch,
        ) -> PassLoss {
            pass(tables, weights, tokens, starts, alpha, rng, scratch)
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has the one feature that the function needs.
            return unsafe { avx2(tables, weights, tokens, starts, alpha, rng, scratch) };
        }
    }
    pass(tables, weights, tokens, starts, alpha, rng, scratch)
}

#[inline(always)]
fn pass(
    tables: &Tables,
    weights: Weights<'_>,
    tokens: &[u32],
    starts: &[usize],
    alpha: f32,
    rng: &mut FastRng,
    scratch: &mut Scratch,
) -> PassLoss {
    let mut loss = PassLoss::default();
    for bounds in starts.windows(2) {
        let sentence = &tokens[bounds[0]..bounds[1]];
        scratch.words.clear();
        if tables.keep.is_empty() {
            scratch.words.extend_from_slice(sentence);
        } else {
            scratch
                .words
                .extend(sentence.iter().filter(|&&word| rng.next_u32() <= tables.keep[word as usize]));
        }
        let words = std::mem::take(&mut scratch.words);
        for position in 0..words.len() {
            let reach = 1 + rng.below(tables.window) as usize;
            let first = position.saturating_sub(reach);
            let last = words.len().min(position + reach + 1);
            if last - first > 1 {
                let (left, right) = (&words[first..position], &words[position + 1..last]);
                loss.sum +=
                    f64::from(predict(tables, weights, words[position], [left, right], alpha, rng, scratch));
                loss.words += 1;
            }
        }
        scratch.words = words;
    }
    loss
}

/// One step: predicts `word` from its context, moves the rows of both, and gives the loss before the step.
#[inline(always)]
fn predict(
    tables: &Tables,
    weights: Weights<'_>,
    word: u32,
    context: [&[u32]; 2],
    alpha: f32,
    rng: &mut FastRng,
    scratch: &mut Scratch,
) -> f32 {
    let blocks = tables.blocks;
    let mean = &mut scratch.mean[..blocks];
    let error = &mut scratch.error[..blocks];

    mean.fill(Block::ZERO);
    for &neighbour in context.iter().copied().flatten() {
        let row = &weights.input[neighbour as usize * blocks..][..blocks];
        for (m, w) in mean.iter_mut().zip(row) {
            *m = m.plus(w.get());
        }
    }
    let share = 1.0 / (context[0].len() + context[1].len()) as f32;
    for m in &mut *mean {
        *m = m.times(share);
    }

    // All scores before any step, so that the processor works on several dot products at a time. Where an example is drawn
    // twice, the second step does not see the first: no worse an estimate of the same gradient.
    scratch.targets.clear();
    scratch.targets.push((word as usize * blocks, 1.0));
    for _ in 0..tables.negative {
        let target = tables.negatives.draw(rng);
        if target != word {
            scratch.targets.push((target as usize * blocks, 0.0));
        }
    }
    // The sums over lanes come in a loop of their own: together with the products the compiler makes worse code of both.
    for (&(start, _), score) in scratch.targets.iter().zip(&mut scratch.scores) {
        let mut products = Block::ZERO;
        for (m, w) in mean.iter().zip(&weights.output[start..][..blocks]) {
            products = products.plus(m.product(w.get()));
        }
        *score = products;
    }
    let mut loss = 0.0;
    for ((_, target), score) in scratch.targets.iter_mut().zip(&scratch.scores) {
        let (probability, cost) = tables.logistic.at(score.sum(), *target == 1.0);
        loss += cost;
        *target = (*target - probability) * alpha;
    }

    error.fill(Block::ZERO);
    for &(start, step) in &scratch.targets {
        let row = &weights.output[start..][..blocks];
        for ((e, m), w) in error.iter_mut().zip(&*mean).zip(row) {
            let weight = w.get();
            *e = e.plus(weight.times(step));
            w.set(weight.plus(m.times(step)));
        }
    }
    for &neighbour in context.iter().copied().flatten() {
        let row = &weights.input[neighbour as usize * blocks..][..blocks];
        for (e, w) in error.iter().zip(row) {
            w.set(w.get().plus(*e));
        }
    }
    loss
}

/// The logistic function and its log-loss as tables over [-6, 6], as word2vec has it: 1,000 steps, beyond the ends the ends'
/// values of 0 and 1.
pub(super) struct Logistic {
    /// Probability and `-ln` of it, at the middle of each step.
    table: Vec<(f32, f32)>,
}

impl Logistic {
    const RANGE: f32 = 6.0;
    const STEPS: usize = 1000;

    pub(super) fn new() -> Self {
        let at = |i: usize| {
            let x = (2.0 * (i as f64 + 0.5) / Self::STEPS as f64 - 1.0) * f64::from(Self::RANGE);
            let probability = 1.0 / (1.0 + (-x).exp());
            (probability as f32, -probability.ln() as f32)
        };
        Self { table: (0..Self::STEPS).map(at).collect() }
    }

    /// Probability of "yes" at this score, and the loss when the answer is as given.
    #[inline(always)]
    fn at(&self, score: f32, yes: bool) -> (f32, f32) {
        if score >= Self::RANGE {
            return (1.0, if yes { 0.0 } else { score });
        }
        if score <= -Self::RANGE {
            return (0.0, if yes { -score } else { 0.0 });
        }
        // What is not a number becomes index 0; the trainer looks for it at the end.
        let scale = Self::STEPS as f32 / (2.0 * Self::RANGE);
        let i = (((score + Self::RANGE) * scale) as u32 as usize).min(Self::STEPS - 1);
        let (probability, cost) = self.table[i];
        // -ln(1 - p(x)) = -ln p(x) + x
        (probability, if yes { cost } else { self.table[Self::STEPS - 1 - i].1 })
    }
}
