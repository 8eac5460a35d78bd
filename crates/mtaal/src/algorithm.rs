//! Algorithm 1, line by line.
//!
//! ```text
//!  1: for e = 1 to query-times do
//!  2:   Sample batches x^L ~ X^L and x^U ~ X^U
//!  3:   Minimize L_DD^Adv in (3) to update θ_DD
//!  4:   Minimize L_E^Adv in (4) to update θ_E
//!  5:   Query samples X^S according to (5)
//!  6:   (Y^S_NER, Y^S_NEN) <- ORACLE(X^S)
//!  7:   (X^L, Y^L) <- (X^L, Y^L) u (X^S, Y^S)
//!  8:   X^U <- X^U - X^S
//!  9:   for mini-batches x^L ~ X^L and x^U ~ X^U do
//! 10:     Minimize L_Task^Adv in (2) to update θ_E
//! 11:     Maximize L_Task^Adv in (2) to update θ_TD and {θ_k}
//! 12:   end for
//! 13:   for mini-batches in (X^L, Y^L) do
//! 14:     Minimize L_Task in (1) to update θ_E, {θ_k}
//! 15:   end for
//! 16: end for
//! ```
//!
//! A round of line 1 is an epoch of the training loop ([`medner_core::trainer`]), and each batch of lines 2 to 4, 9 to 12 and
//! 13 to 15 a step of it, as is the query of lines 5 to 8: so a run is saved and resumed anywhere inside a round.
//!
//! Which sentences are sampled in line 2, and how often, the paper does not say: here a pass over X^L in batches, each beside a
//! batch of X^U (`diversity_discriminator.steps` for another number).

mod games;
mod optimizers;
mod rare;

use std::time::Instant;

use medner_core::tensors::NamedTensors;
use medner_core::trainer::{At, Evaluation, StepOutcome, Task};
use medner_core::{CoreError, Result};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::config::Config;
use crate::corpus::{ActivePool, Example};
use crate::judging;
use crate::losses::{self, Reward};
use crate::metrics::Metrics;
use crate::networks::Networks;
use crate::prepare::{Missed, Prepared};
use crate::querying;
use crate::rounds::{Part, Round, Shuffle, batch_count, batches};
use crate::words::Input;
use optimizers::{Optimizers, update};
use rare::Rare;

/// Which sentences are labelled, and where the round in hand began: what a resume needs besides the tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    pool: ActivePool,
    /// The round in hand, with the sizes that it began with.
    round: Option<Begun>,
    /// What the round in hand took so far.
    #[serde(default)]
    seconds: Seconds,
    /// The games of the round in hand.
    #[serde(default)]
    games: Games,
}

/// The values of a round's games: whether a discriminator learns anything can be seen from these alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Games {
    /// Equation (3).
    diversity: Mean,
    /// Equation (2).
    tasks: Mean,
}

/// A mean that grows step by step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Mean {
    sum: f64,
    steps: u64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.steps += 1;
    }

    /// None of no step.
    fn value(self) -> Option<f64> {
        (self.steps > 0).then(|| self.sum / self.steps as f64)
    }
}

/// The round in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    number: u64,
    labelled: usize,
    unlabelled: usize,
}

/// Batches of the part in hand.
struct InHand {
    key: (u64, Part, u64),
    labelled: Vec<Vec<u32>>,
    unlabelled: Vec<Vec<u32>>,
}

impl InHand {
    /// The batch of a step. Where there are fewer batches than steps they come again.
    fn labelled_at(&self, step: u64) -> &[u32] {
        Self::at(&self.labelled, step)
    }

    fn unlabelled_at(&self, step: u64) -> &[u32] {
        Self::at(&self.unlabelled, step)
    }

    fn at(batches: &[Vec<u32>], step: u64) -> &[u32] {
        if batches.is_empty() { &[] } else { &batches[step as usize % batches.len()] }
    }
}

/// Seconds of one round, by what they were spent on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// Scoring the pool and choosing.
    pub scoring: f64,
    /// Both discriminators' games.
    pub discriminators: f64,
    /// Training the tasks.
    pub training: f64,
    /// Scoring on the test sentences.
    pub test: f64,
}

/// Mean of equation (3) over a round's steps; 2 ln 2 = 1.386 is what a discriminator has that tells nothing apart.
pub const DIVERSITY_LOSS: &str = "diversity_loss";

/// Mean of equation (2) over a round's steps.
pub const TASK_GAME_VALUE: &str = "task_game_value";

/// Told the round's number (from 1) and its seconds.
pub type OnRound = Box<dyn FnMut(u64, &Seconds) -> Result<()>>;

/// Which round's parameters a run ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The last round's: nothing is chosen on the test sentences.
    Last,
    /// Those of the round that was best on the scored sentences, which are then development sentences.
    Best,
}

/// Active learning over a corpus whose labels are known: the oracle of line 6 is the corpus.
pub struct ActiveLearning {
    /// The networks.
    pub networks: Networks,
    /// The corpus.
    pub data: Prepared,
    config: Config,
    seed: u64,
    device: Device,
    reward: Reward,
    optimizers: Optimizers,
    state: State,
    in_hand: Option<InHand>,
    /// Where the unknown word and character are trained.
    rare: Option<Rare>,
    keep: Keep,
    on_round: OnRound,
}

impl ActiveLearning {
    /// A run over `data`; `on_round` hears the seconds of each round.
    pub fn new(
        config: &Config,
        networks: Networks,
        data: Prepared,
        seed: u64,
        device: Device,
        keep: Keep,
        on_round: OnRound,
    ) -> Result<Self> {
        let optimizers = Optimizers::new(config, &networks)?;
        let reward = if config.released.swapped_cross_entropy { Reward::Linear } else { Reward::Logarithm };
        let state = State {
            pool: data.pool.clone(),
            round: None,
            seconds: Seconds::default(),
            games: Games::default(),
        };
        Ok(Self {
            networks,
            data,
            config: config.clone(),
            seed,
            device,
            reward,
            optimizers,
            state,
            in_hand: None,
            rare: None,
            keep,
            on_round,
        })
    }

    /// Trains the unknown word and the unknown character from here on: half of the time a step reads those that stand once in the
    /// labelled sentences as these. For a user's own files; a cell of a table does not.
    pub fn train_unknown(&mut self) -> Result<()> {
        self.rare = Some(Rare::of(&self.data, self.device)?);
        Ok(())
    }

    /// What is labelled and what is not, now.
    pub fn pool(&self) -> &ActivePool {
        &self.state.pool
    }

    /// The round as it is planned: from the sizes that it began with.
    fn round(&self, number: u64) -> Round {
        let (labelled, unlabelled) = match self.state.round {
            Some(begun) if begun.number == number => (begun.labelled, begun.unlabelled),
            _ => (self.state.pool.labelled.len(), self.state.pool.unlabelled.len()),
        };
        Round::new(&self.config, number, labelled, unlabelled)
    }

    /// The batches of a part of a round. X^U is shorter than X^L at the end of a long run: its batches then come again.
    fn batch(&mut self, round: u64, part: Part, at: u64, pass: u64) -> Result<(Vec<u32>, Vec<u32>)> {
        let key = (round, part, pass);
        if self.in_hand.as_ref().is_none_or(|hand| hand.key != key) {
            let (labelled, unlabelled) = match part {
                Part::WarmUp => (Shuffle::WarmUp, None),
                Part::Diversity => (Shuffle::DiversityLabelled, Some(Shuffle::DiversityUnlabelled)),
                Part::TaskGame => (Shuffle::GameLabelled, Some(Shuffle::GameUnlabelled)),
                Part::Tasks | Part::Query => (Shuffle::Tasks, None),
            };
            let make = |ids: &[u32], shuffle| {
                batches(&self.data.examples, ids, &self.config, self.seed, (round, shuffle, pass))
            };
            let labelled = make(&self.state.pool.labelled, labelled)?;
            let unlabelled = match unlabelled {
                Some(shuffle) => make(&self.state.pool.unlabelled, shuffle)?,
                None => Vec::new(),
            };
            self.in_hand = Some(InHand { key, labelled, unlabelled });
        }
        let hand = self.in_hand.as_ref().expect("it was made above");
        Ok((hand.labelled_at(at).to_vec(), hand.unlabelled_at(at).to_vec()))
    }

    fn examples(&self, ids: &[u32]) -> Vec<&Example> {
        ids.iter().map(|&id| &self.data.examples[id as usize]).collect()
    }

    /// Labelled and unlabelled sentences as one batch; `apart` where the two read words with networks of their own.
    fn input(&self, labelled: &[u32], unlabelled: &[u32], apart: bool) -> Result<Input<'_>> {
        let (labelled, unlabelled) = (self.examples(labelled), self.examples(unlabelled));
        let mut input = Input::new(&self.data.forms, (&labelled, &unlabelled), apart, self.device)?;
        if let Some(rare) = &self.rare {
            rare.hide(&mut input.words)?;
        }
        Ok(input)
    }

    /// Line 14 on one batch: equation (1).
    fn task_step(&mut self, labelled: &[u32]) -> Result<f64> {
        let x = self.input(labelled, &[], false)?;
        let examples = self.examples(labelled);
        let e = self.networks.encoder.forward(&x)?;
        let mut parts = Vec::new();
        let tasks = self.config.tasks;
        for (wanted, decoder, labels) in [
            (tasks.ner(), &self.networks.ner, (|e| &e.ner) as fn(&Example) -> &Vec<u32>),
            (tasks.nen(), &self.networks.nen, |e| &e.nen),
        ] {
            if wanted {
                let gold: Vec<i64> =
                    examples.iter().flat_map(|e| labels(e).iter().map(|&y| i64::from(y))).collect();
                let gold = Tensor::from_slice(&gold).f_to_device(self.device)?;
                let logits = decoder.logits(&decoder.private(&e, &x.sentences)?, &x.sentences)?;
                parts.push(losses::task(&logits, &gold)?);
            }
        }
        let loss = Tensor::f_stack(&parts, 0)?.f_sum(tch::Kind::Float)?;
        drop(x);
        self.optimizers.tasks.zero_gradients()?;
        loss.f_backward()?;
        update(&mut self.optimizers.tasks)?;
        Ok(f64::try_from(&loss)?)
    }

    /// Lines 5 to 8.
    fn query(&mut self, round: u64) -> Result<()> {
        let chooser = querying::Chooser {
            config: &self.config,
            networks: &self.networks,
            forms: &self.data.forms,
            device: self.device,
        };
        let example = |id: u32| &self.data.examples[id as usize];
        let selection = chooser.choose(&self.state.pool.unlabelled, &example, self.seed, round)?;
        self.state.pool.apply(&selection)?;
        Ok(())
    }

    /// The test sentences.
    pub fn test_examples(&self) -> Vec<&Example> {
        self.examples(&self.data.test)
    }

    /// The four metrics on the test sentences, without those of [`Prepared::missed`].
    pub fn test(&self) -> Result<(judging::Judgements, Metrics)> {
        let examples = self.test_examples();
        let judgements = judging::tasks(
            &self.networks,
            &self.data.forms,
            &examples,
            self.config.tasks,
            self.device,
            &|_, _| (),
        )?;
        let metrics = querying::metrics(&self.config, &self.data.encoding, &examples, &judgements)?;
        Ok((judgements, metrics))
    }

    /// The same with the mentions that the test sentences have no place for among those to be found.
    fn with_missed(&self, metrics: Metrics, judgements: &judging::Judgements) -> Result<Metrics> {
        let Missed { ner, nen } = self.data.missed;
        if ner + nen == 0 {
            return Ok(metrics);
        }
        let reports = querying::reports(&self.config, &self.data.encoding, &self.test_examples(), judgements)
            .map_err(|error| CoreError::Config { key: "metrics".into(), message: error.to_string() })?;
        let mut metrics = metrics;
        for (task, mut report) in reports {
            let (f1, missed) =
                if task == "ner" { (&mut metrics.ner_f1, ner) } else { (&mut metrics.nen_f1, nen) };
            report.micro.gold += missed;
            *f1 = Some(report.micro.f1());
        }
        Ok(metrics)
    }
}

/// What early stopping looks at: the mean F1 of the tasks. In their first hundreds of steps the networks find nothing, and it is 0.
fn development_score(metrics: &Metrics) -> f64 {
    let f1: Vec<f64> = [metrics.ner_f1, metrics.nen_f1].into_iter().flatten().collect();
    f1.iter().sum::<f64>() / f1.len().max(1) as f64
}

impl Task for ActiveLearning {
    fn batches(&self, epoch: u64) -> Result<u64> {
        Ok(self.round(epoch).steps())
    }

    fn step(&mut self, at: &At) -> Result<StepOutcome> {
        let round = self.round(at.epoch);
        if self.state.round.is_none_or(|begun| begun.number != at.epoch) {
            let pool = &self.state.pool;
            let (labelled, unlabelled) = (pool.labelled.len(), pool.unlabelled.len());
            self.state.round = Some(Begun { number: at.epoch, labelled, unlabelled });
            self.state.seconds = Seconds::default();
            self.state.games = Games::default();
        }
        let began = Instant::now();
        let (part, within, pass) = round.at(at.batch);
        let (labelled, unlabelled) = match part {
            Part::Query => (Vec::new(), Vec::new()),
            // A pass over X^L may be asked for more than once.
            Part::WarmUp => {
                let batches = batch_count(&self.config, self.state.pool.labelled.len());
                self.batch(at.epoch, part, within % batches, within / batches)?
            }
            part => self.batch(at.epoch, part, within, pass)?,
        };
        let loss = match part {
            Part::Diversity => self.diversity_step(&labelled, &unlabelled)?,
            Part::Query => {
                self.query(at.epoch)?;
                0.0
            }
            Part::TaskGame => self.task_game_step(&labelled, &unlabelled)?,
            Part::WarmUp | Part::Tasks => self.task_step(&labelled)?,
        };
        match part {
            Part::Diversity => self.state.games.diversity.add(loss),
            Part::TaskGame => self.state.games.tasks.add(loss),
            Part::Query | Part::WarmUp | Part::Tasks => {}
        }
        let seconds = began.elapsed().as_secs_f64();
        match part {
            Part::Diversity | Part::TaskGame => self.state.seconds.discriminators += seconds,
            Part::Query => self.state.seconds.scoring += seconds,
            Part::WarmUp | Part::Tasks => self.state.seconds.training += seconds,
        }
        // The mean loss of a round is that of equation (1): the games' values count no items.
        let items = if matches!(part, Part::WarmUp | Part::Tasks) { labelled.len() as u64 } else { 0 };
        Ok(StepOutcome { loss, items })
    }

    fn sentences(&self, at: &At) -> Vec<String> {
        let (part, within, _) = self.round(at.epoch).at(at.batch);
        let Some(hand) = &self.in_hand else { return vec![format!("{part:?}, batch {within}")] };
        let ids = [hand.labelled_at(within), hand.unlabelled_at(within)].concat();
        ids.into_iter().map(|id| self.data.names[id as usize].clone()).collect()
    }

    fn evaluate(&mut self, epoch: u64) -> Result<Option<Evaluation>> {
        let due = (epoch + 1).is_multiple_of(self.config.query.evaluate_every)
            || epoch + 1 == self.config.query.times;
        let began = Instant::now();
        let metrics = match (due, self.config.query.choices_only) {
            (false, _) => None,
            (true, true) => Some(Metrics::default()),
            (true, false) => {
                let (judgements, metrics) = self.test()?;
                Some(self.with_missed(metrics, &judgements)?)
            }
        };
        self.state.seconds.test = began.elapsed().as_secs_f64();
        (self.on_round)(epoch + 1, &self.state.seconds)?;
        let Some(metrics) = metrics else { return Ok(None) };
        let named = [
            ("ner_f1", metrics.ner_f1),
            ("nen_f1", metrics.nen_f1),
            ("nen_token_accuracy", metrics.nen_token_accuracy),
            ("ner_f1_batch_mean", metrics.ner_f1_batch_mean),
            (DIVERSITY_LOSS, self.state.games.diversity.value()),
            (TASK_GAME_VALUE, self.state.games.tasks.value()),
        ];
        let pool = &self.state.pool;
        // What labelling costs is nearer to tokens than to sentences, and strategies differ in the length of what they choose.
        let tokens: usize = pool.labelled.iter().map(|&id| self.data.examples[id as usize].len()).sum();
        let sizes = [
            ("labelled", pool.labelled.len() as f64),
            ("labelled_tokens", tokens as f64),
            ("unlabelled", pool.unlabelled.len() as f64),
        ];
        let scores = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let metrics_map = scores.chain(sizes).map(|(name, value)| (name.to_owned(), value)).collect();
        let score = match self.keep {
            // Each round is better than the one before it.
            Keep::Last => (epoch + 1) as f64,
            Keep::Best => development_score(&metrics),
        };
        Ok(Some(Evaluation { score, metrics: metrics_map }))
    }

    fn model(&self) -> Result<NamedTensors> {
        self.networks.params.state()
    }

    fn load_model(&mut self, tensors: NamedTensors) -> Result<()> {
        self.networks.params.load(&tensors)
    }

    fn optimizers(&self) -> Result<NamedTensors> {
        let mut all = NamedTensors::new();
        for (name, optimizer) in self.optimizers.by_name() {
            all.extend(
                optimizer.state()?.into_iter().map(|(tensor, value)| (format!("{name}/{tensor}"), value)),
            );
        }
        Ok(all)
    }

    fn load_optimizers(&mut self, mut tensors: NamedTensors) -> Result<()> {
        for (name, optimizer) in self.optimizers.named() {
            let prefix = format!("{name}/");
            let rest = tensors.split_off(&prefix);
            let mut own = NamedTensors::new();
            for (tensor, value) in rest {
                match tensor.strip_prefix(&prefix) {
                    Some(short) => own.insert(short.to_owned(), value),
                    None => tensors.insert(tensor, value),
                };
            }
            optimizer.load_state(&own)?;
        }
        if tensors.is_empty() {
            return Ok(());
        }
        let unexpected = tensors.into_keys().collect();
        Err(CoreError::State { missing: Vec::new(), unexpected, mismatched: Vec::new() })
    }

    fn state(&self) -> serde_json::Value {
        serde_json::to_value(&self.state).expect("numbers and lists are JSON")
    }

    fn load_state(&mut self, state: &serde_json::Value) -> Result<()> {
        self.state = serde_json::from_value(state.clone()).map_err(|error| CoreError::Config {
            key: "state of the task in the checkpoint".into(),
            message: error.to_string(),
        })?;
        self.in_hand = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
