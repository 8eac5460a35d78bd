//! Who trains what when.

use std::ops::Range;
use std::time::Instant;

use rayon::prelude::*;

use super::kernel::{PassLoss, Scratch, Tables, Weights, train_pass};
use super::matrices::Matrices;
use super::merge::merge;
use super::sampling::FastRng;
use super::{CbowConfig, CbowCorpus, CbowError, Progress};

/// Words trained at one learning rate.
const PASS_WORDS: usize = 2000;

/// The least words of a shard between two merges.
const RUN_WORDS: usize = 10_000;

/// Words of a shard between two merges, in multiples of the vocabulary: merging costs a time in proportion to the vocabulary.
const RUN_WORDS_PER_TYPE: usize = 2;

/// At least so many merges an epoch, however small the corpus.
const ROUNDS: usize = 8;

/// What stays the same during a training.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    pub config: &'a CbowConfig,
    pub corpus: &'a CbowCorpus,
    pub tables: &'a Tables,
}

/// What is known about the training so far, and who is told.
pub(super) struct Log<'a> {
    begin: Instant,
    progress: &'a mut (dyn FnMut(&Progress) + Send),
    words: u64,
    losses: Vec<PassLoss>,
}

impl<'a> Log<'a> {
    pub(super) fn new(plan: Plan<'_>, progress: &'a mut (dyn FnMut(&Progress) + Send)) -> Self {
        let losses = vec![PassLoss::default(); plan.config.epochs as usize];
        Self { begin: Instant::now(), progress, words: 0, losses }
    }

    fn add(&mut self, plan: Plan<'_>, epoch: u32, words: usize, loss: PassLoss) {
        self.words += words as u64;
        self.losses[epoch as usize].add(loss);
        (self.progress)(&Progress {
            epoch,
            words: self.words,
            total_words: plan.total(),
            words_per_second: self.words as f64 / self.begin.elapsed().as_secs_f64().max(1e-9),
            learning_rate: plan.learning_rate(self.words),
            loss: self.losses[epoch as usize].mean(),
        });
    }

    /// Seconds since the beginning.
    pub(super) fn seconds(&self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }

    /// Mean loss of a predicted word in each epoch.
    pub(super) fn mean_losses(&self) -> Vec<f64> {
        self.losses.iter().map(PassLoss::mean).collect()
    }
}

/// What one thread works with.
struct Worker<'a> {
    weights: Weights<'a>,
    rng: FastRng,
    scratch: &'a mut Scratch,
}

impl Plan<'_> {
    /// Words of all epochs.
    fn total(self) -> u64 {
        self.corpus.known_words() * u64::from(self.config.epochs)
    }

    fn learning_rate(self, done: u64) -> f64 {
        self.config.learning_rate(done as f64 / self.total() as f64)
    }

    fn words_in(self, run: &Range<usize>) -> usize {
        self.corpus.starts[run.end] - self.corpus.starts[run.start]
    }

    /// Trains on the sentences of one run. `done` words were trained before it, and `beside` runs are trained at a time.
    fn train(self, run: &Range<usize>, done: u64, beside: usize, worker: Worker<'_>) -> PassLoss {
        let starts = &self.corpus.starts;
        let Worker { weights, mut rng, scratch } = worker;
        let mut first = run.start;
        let mut loss = PassLoss::default();
        while first < run.end {
            let full = |&end: &usize| starts[end] - starts[first] >= PASS_WORDS;
            let last = (first + 1..run.end).find(full).unwrap_or(run.end);
            let here = beside * (starts[first] - starts[run.start]);
            let alpha = self.learning_rate(done + here as u64) as f32;
            let sentences = &starts[first..=last];
            loss.add(train_pass(
                self.tables,
                weights,
                &self.corpus.tokens,
                sentences,
                alpha,
                &mut rng,
                scratch,
            ));
            first = last;
        }
        loss
    }

    /// The mode whose result depends on the seed and the number of shards, and not on threads.
    ///
    /// Each round is cut into as many runs as there are shards. Every shard trains its run on a copy of the weights; then
    /// the copies are merged. One shard is plain stochastic gradient descent in the order of the text.
    pub(super) fn deterministic(self, matrices: &mut Matrices, log: &mut Log<'_>) -> Result<(), CbowError> {
        let shards = self.config.shards;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.config.thread_count().min(shards))
            .build()
            .map_err(|e| CbowError::Threads { message: e.to_string() })?;
        let run_words = (self.corpus.vocabulary().len() * RUN_WORDS_PER_TYPE).max(RUN_WORDS);
        let rounds = self.corpus.runs((run_words * shards).min(self.corpus.tokens.len().div_ceil(ROUNDS)));
        let mut copies = if shards == 1 { Vec::new() } else { vec![matrices.clone(); shards] };
        let mut scratches: Vec<Scratch> = (0..shards).map(|_| Scratch::new(self.tables)).collect();
        for epoch in 0..self.config.epochs {
            for (number, round) in rounds.iter().enumerate() {
                let done = log.words;
                let rng = |shard: usize| {
                    FastRng::keyed(self.config.seed, u64::from(epoch), (number * shards + shard) as u64)
                };
                let mut loss = PassLoss::default();
                if shards == 1 {
                    let scratch = &mut scratches[0];
                    let worker = Worker { weights: matrices.weights(), rng: rng(0), scratch };
                    loss = self.train(round, done, 1, worker);
                } else {
                    let runs = self.split(round);
                    let losses: Vec<PassLoss> = pool.install(|| {
                        let jobs = copies.par_iter_mut().zip(&mut scratches).zip(runs).enumerate();
                        let losses = jobs.map(|(shard, ((copy, scratch), run))| {
                            let worker = Worker { weights: copy.weights(), rng: rng(shard), scratch };
                            self.train(&run, done, shards, worker)
                        });
                        let losses = losses.collect();
                        merge(matrices, &mut copies, self.tables.blocks);
                        losses
                    });
                    // In the order of the shards, so that the sum is the same too.
                    for shard in losses {
                        loss.add(shard);
                    }
                }
                log.add(self, epoch, self.words_in(round), loss);
            }
        }
        Ok(())
    }

    /// Cuts a round into runs of about as many words, one for each shard; some are empty when sentences are few.
    fn split(self, round: &Range<usize>) -> Vec<Range<usize>> {
        let shards = self.config.shards;
        let starts = &self.corpus.starts[round.start..=round.end];
        let bound = |shard: usize| {
            let wanted = starts[0] + self.words_in(round) * shard / shards;
            round.start + starts.partition_point(|&start| start < wanted)
        };
        (0..shards).map(|shard| bound(shard)..bound(shard + 1)).collect()
    }
}
