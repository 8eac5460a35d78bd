//! Training an [`XlnetCrf`]: a learning rate for each layer, rounds that start from what the first training came to, and the
//! scores of the checkpoints that count.

use std::collections::BTreeMap;

use medner_core::optim::{Adam, Group, Optimizer, OptimizerConfig, Rule};
use medner_core::params::Params;
use medner_core::schedule::Schedule;
use medner_core::tensors::NamedTensors;
use medner_core::trainer::{At, Evaluation, StepOutcome, Task};
use medner_core::{CoreError, Result};
use medner_data::batching::{BatchConfig, BatchOrder, BatchSize, Batches};
use medner_experiment::Units;
use medner_metrics::{LabelSet, entity_report};
use serde::{Deserialize, Serialize};
use tch::Device;

use super::corpus::Encoded;
use super::model::XlnetCrf;
use crate::config::Training;

/// Schedules are asked at this many points of a training, whatever the number of its steps.
const SCHEDULE_POINTS: u64 = 1_000_000;

/// Before the names of the parameters that rounds start from, in a checkpoint.
const START: &str = "start/";

/// What a tagger is scored on.
pub struct Scored {
    /// Name of the sub-task.
    pub name: String,
    /// Development sentences, if there are any.
    pub dev: Option<Encoded>,
    /// Test sentences, if there are any.
    pub test: Option<Encoded>,
}

/// What a tagger is trained and scored on.
pub struct TaggerData {
    /// The tags.
    pub labels: LabelSet,
    /// Training sentences.
    pub train: Encoded,
    /// What is scored.
    pub scored: Vec<Scored>,
}

/// Which parameters a training ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// The last ones; the checkpoints that count are scored.
    Last,
    /// Those of the epoch with the best development F1.
    Best,
}

/// Scores of one checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckpointScore {
    /// Epochs done.
    pub epoch: u64,
    /// By sub-task.
    pub scores: BTreeMap<String, TaskScore>,
}

/// Scores of one sub-task: precision, recall, F1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskScore {
    /// On the development set.
    pub dev: Option<[f64; 3]>,
    /// On the test set.
    pub test: Option<[f64; 3]>,
    /// Counts of each test sentence, summed over the checkpoints so far; kept at the last one alone.
    #[serde(default)]
    pub units: Units,
}

impl TaskScore {
    /// Takes over the counts of the checkpoint before, so that a test over sentences is of the same checkpoints as the mean
    /// that it stands beside.
    fn add_units(&mut self, before: &mut Self) {
        let before = std::mem::take(&mut before.units);
        for (units, counts) in self.units.0.iter_mut().zip(before.0) {
            *units += counts;
        }
    }
}

/// A tagger in training.
pub struct TaggerTask {
    /// The network.
    pub tagger: XlnetCrf,
    /// The tags.
    pub labels: LabelSet,
    /// What it is scored on.
    pub scored: Vec<Scored>,
    /// Scores of the checkpoints that count, so far.
    pub scores: Vec<CheckpointScore>,
    /// What the matrix products are computed in ([`medner_core::precision`]).
    pub products: &'static str,
    training: Training,
    select: Select,
    optimizer: Optimizer,
    schedule: Schedule,
    train: Encoded,
    batches: Batches,
    /// The batches of the epoch in hand.
    epoch: Option<(u64, Vec<Vec<usize>>)>,
    /// What rounds start from, once the first training is done.
    start: Option<NamedTensors>,
    device: Device,
}

/// Adam with a learning rate for each layer: the head's own, the highest layer's, and down to the embedding each a
/// `layer_decay` of the one above.
///
/// # Errors
/// [`CoreError::Tch`].
pub fn optimizer(training: &Training, params: &Params, layers: i64) -> Result<Optimizer> {
    let depth = |name: &str| -> usize {
        let Some(name) = name.strip_prefix("encoder.") else { return 0 };
        let layer = name.strip_prefix("layer.").and_then(|rest| rest.split('.').next()?.parse::<i64>().ok());
        layer.map_or(layers as usize + 1, |layer| (layers - layer) as usize)
    };
    let groups = params.groups(&depth).into_iter().map(|(depth, parameters)| Group {
        learning_rate: Some(match depth {
            0 => training.head_learning_rate.unwrap_or(training.learning_rate),
            _ => training.learning_rate * training.layer_decay.powi(depth as i32 - 1),
        }),
        ..Group::new(parameters)
    });
    let rule = Rule::Adam(Adam { epsilon: training.epsilon, ..Adam::default() });
    Optimizer::with_groups(&OptimizerConfig::new(rule, training.learning_rate), groups.collect())
}

impl TaggerTask {
    /// A task over training sentences; `seed` orders the batches.
    ///
    /// # Errors
    /// No sentences; what the configuration or the device refuse.
    pub fn new(
        tagger: XlnetCrf,
        data: TaggerData,
        training: &Training,
        select: Select,
        seed: u64,
        device: Device,
    ) -> Result<Self> {
        let TaggerData { labels, train, scored } = data;
        if train.sequences.is_empty() {
            let message = "there is no sentence to learn from".into();
            return Err(CoreError::Config { key: "training data".into(), message });
        }
        let products = training.precision.set(device)?;
        let optimizer = optimizer(training, &tagger.params, tagger.encoder().n_layer)?;
        let config = BatchConfig {
            size: BatchSize::Sentences(training.batch_size),
            order: BatchOrder::Bucketed,
            multiple: 8,
            seed,
        };
        let batches = Batches::new(train.lengths(), config).map_err(|error| CoreError::Config {
            key: "training.batch_size".into(),
            message: error.to_string(),
        })?;
        let warmup = (training.warmup * SCHEDULE_POINTS as f64) as u64;
        Ok(Self {
            tagger,
            labels,
            scored,
            scores: Vec::new(),
            products,
            training: training.clone(),
            select,
            optimizer,
            schedule: Schedule::WarmupLinear { warmup, total: SCHEDULE_POINTS, end: 0.0 },
            train,
            batches,
            epoch: None,
            start: None,
            device,
        })
    }

    /// The learning rate of each group as the next step will use it: head, layers from the highest down, embedding.
    pub fn learning_rates(&self) -> Vec<f64> {
        (0..self.optimizer.groups()).map(|group| self.optimizer.learning_rate(group)).collect()
    }

    /// One optimiser step on these sequences; the mean loss of a sequence.
    ///
    /// # Errors
    /// As [`XlnetCrf::loss`]; a gradient that is no number.
    pub fn step_on(&mut self, chosen: &[usize]) -> Result<f64> {
        self.optimizer.zero_gradients()?;
        let mut total = 0.0;
        for part in chosen.chunks(self.training.part_size) {
            let batch = self.train.batch(part, self.device)?;
            let share = part.len() as f64 / chosen.len() as f64;
            let loss = self.tagger.loss(&batch)?.f_mul_scalar(share)?;
            loss.f_backward()?;
            total += f64::try_from(&loss)?;
        }
        self.optimizer.clip_gradients(self.training.clip)?;
        self.optimizer.step()?;
        Ok(total)
    }

    /// The batches of an epoch.
    pub fn epoch(&mut self, epoch: u64) -> &[Vec<usize>] {
        if self.epoch.as_ref().is_none_or(|(e, _)| *e != epoch) {
            self.epoch = Some((epoch, self.batches.epoch(epoch)));
        }
        self.epoch.as_ref().map_or(&[], |(_, batches)| batches)
    }

    /// Entities that the tagger finds in the test sentences of each sub-task, with its present parameters.
    ///
    /// # Errors
    /// As [`XlnetCrf::decode`].
    pub fn predictions(&self) -> Result<Vec<Vec<Vec<medner_data::Span>>>> {
        let predict = |scored: &Scored| match &scored.test {
            Some(test) => test.predict(&self.labels, self.device, |batch| self.tagger.decode(batch)),
            None => Ok(Vec::new()),
        };
        self.scored.iter().map(predict).collect()
    }

    /// At the start of a round: the parameters that the first training came to, and an optimiser that has forgotten all.
    fn begin_round(&mut self, first: bool) -> Result<()> {
        if first {
            self.start = Some(self.tagger.params.state()?);
        } else if let Some(start) = &self.start {
            self.tagger.params.load(start)?;
        }
        let mut state = self.optimizer.state()?;
        // Moments and steps; the learning rates stay.
        for (_, tensor) in state.iter_mut().filter(|(name, _)| name.as_str() != "learning_rates") {
            let _ = tensor.f_zero_()?;
        }
        self.optimizer.load_state(&state)
    }

    /// Precision, recall and F1 on some sentences, and the counts of each.
    fn score(&self, sentences: &Encoded) -> Result<([f64; 3], Units)> {
        let predicted = sentences.predict(&self.labels, self.device, |batch| self.tagger.decode(batch))?;
        let report = entity_report(&sentences.gold, &predicted)
            .map_err(|e| CoreError::Config { key: "scored sentences".into(), message: e.to_string() })?;
        let scores = report.micro_scores();
        Ok(([scores.precision, scores.recall, scores.f1], Units(report.units)))
    }

    fn score_checkpoint(&mut self, epoch: u64) -> Result<()> {
        let mut scores = BTreeMap::new();
        for scored in &self.scored {
            let dev = scored.dev.as_ref().map(|dev| self.score(dev)).transpose()?;
            let test = scored.test.as_ref().map(|test| self.score(test)).transpose()?;
            let (test, units) = test.map_or((None, Units::default()), |(test, units)| (Some(test), units));
            let mut score = TaskScore { dev: dev.map(|(dev, _)| dev), test, units };
            if let Some(before) = self.scores.last_mut().and_then(|last| last.scores.get_mut(&scored.name)) {
                score.add_units(before);
            }
            scores.insert(scored.name.clone(), score);
        }
        let f1: Vec<String> = scores
            .iter()
            .map(|(name, score)| format!("{name} {:.2}", 100.0 * score.test.map_or(0.0, |test| test[2])))
            .collect();
        tracing::info!(epoch = epoch + 1, "test F1 {}", f1.join(", "));
        self.scores.push(CheckpointScore { epoch: epoch + 1, scores });
        Ok(())
    }
}

impl Task for TaggerTask {
    fn batches(&self, epoch: u64) -> Result<u64> {
        Ok(self.batches.count(epoch) as u64)
    }

    fn step(&mut self, at: &At) -> Result<StepOutcome> {
        let epochs = self.training.epochs;
        let (start, length) = epochs.training_of(at.epoch);
        if at.batch == 0 && at.epoch == start && at.epoch >= epochs.initial {
            self.begin_round(at.epoch == epochs.initial)?;
        }
        let chosen = self.epoch(at.epoch)[at.batch as usize].clone();
        let count = self.batches.count(at.epoch) as u64;
        let (done, total) = ((at.epoch - start) * count + at.batch, length * count);
        let point = (done as f64 / total.max(1) as f64 * SCHEDULE_POINTS as f64) as u64;
        self.optimizer.set_factor(self.schedule.factor(point));
        let loss = self.step_on(&chosen)?;
        Ok(StepOutcome { loss, items: chosen.len() as u64 })
    }

    fn sentences(&self, at: &At) -> Vec<String> {
        let chosen = self.batches.batch(at.epoch, at.batch as usize).unwrap_or_default();
        self.train.sentences_of(&chosen)
    }

    fn evaluate(&mut self, epoch: u64) -> Result<Option<Evaluation>> {
        if self.select == Select::Last {
            if self.training.epochs.counts(epoch, self.training.last) {
                self.score_checkpoint(epoch)?;
            }
            return Ok(None);
        }
        let Some(dev) = self.scored.first().and_then(|scored| scored.dev.as_ref()) else { return Ok(None) };
        let ([precision, recall, f1], _) = self.score(dev)?;
        let metrics = [("dev_precision", precision), ("dev_recall", recall), ("dev_f1", f1)];
        Ok(Some(Evaluation {
            score: f1,
            metrics: metrics.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        }))
    }

    fn model(&self) -> Result<NamedTensors> {
        let mut tensors = self.tagger.params.state()?;
        for (name, tensor) in self.start.iter().flatten() {
            tensors.insert(format!("{START}{name}"), tensor.shallow_clone());
        }
        Ok(tensors)
    }

    fn load_model(&mut self, tensors: NamedTensors) -> Result<()> {
        let (start, model): (NamedTensors, NamedTensors) =
            tensors.into_iter().partition(|(name, _)| name.starts_with(START));
        self.tagger.params.load(&model)?;
        let start: NamedTensors = start
            .into_iter()
            .map(|(name, tensor)| (name.trim_start_matches(START).to_owned(), tensor))
            .collect();
        self.start = Some(start).filter(|start| !start.is_empty());
        Ok(())
    }

    fn optimizers(&self) -> Result<NamedTensors> {
        self.optimizer.state()
    }

    fn load_optimizers(&mut self, tensors: NamedTensors) -> Result<()> {
        self.optimizer.load_state(&tensors)
    }

    fn state(&self) -> serde_json::Value {
        serde_json::to_value(&self.scores).expect("names are strings and scores are numbers")
    }

    fn load_state(&mut self, state: &serde_json::Value) -> Result<()> {
        self.scores = Vec::deserialize(state).map_err(|error| CoreError::Config {
            key: "checkpoint scores".into(),
            message: format!("{error}; the checkpoint is of another version: start again in another folder"),
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use medner_metrics::Counts;

    use super::*;

    #[test]
    fn counts_of_sentences_are_summed_and_stand_at_the_last_checkpoint() {
        let score = |counts: [Counts; 2]| TaskScore { units: Units(counts.into()), ..TaskScore::default() };
        let mut first = score([Counts::new(2, 1, 1), Counts::new(0, 1, 0)]);
        let mut second = score([Counts::new(2, 2, 2), Counts::new(0, 0, 0)]);
        second.add_units(&mut first);
        assert_eq!(second.units.0, [Counts::new(4, 3, 3), Counts::new(0, 1, 0)]);
        assert_eq!(first.units, Units::default());
        // One checkpoint alone has its own.
        let before = second.units.clone();
        second.add_units(&mut TaskScore::default());
        assert_eq!(second.units, before);
    }
}
