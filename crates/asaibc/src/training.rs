//! Training a [`Tagger`]: a batch of the target, then a batch of the word segmentation, turn by turn.
//!
//! An epoch is one pass over the target's batches. The word segmentation has more sentences than most targets and goes its own
//! way: its batches follow one another through its own passes, and which one a step reads follows from the step's number
//! alone. So a run that is resumed in the middle of an epoch reads what the undisturbed run read.

use std::collections::BTreeMap;

use medner_core::layers::Batch;
use medner_core::optim::{Adam, Optimizer, OptimizerConfig, Rule};
use medner_core::records::Records;
use medner_core::tensors::NamedTensors;
use medner_core::trainer::{At, Evaluation, StepOutcome, Task};
use medner_core::unknowns::Unknowns;
use medner_core::{CoreError, Result, device};
use medner_data::batching::{BatchConfig, BatchSize, Batches};
use medner_metrics::{LabelSet, entity_report};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::config::{Config, Updates};
use crate::networks::{Losses, Tagger};
use crate::prepare::Prepared;
use crate::scoring;
use crate::segmentation::Source;

/// A tagger in training.
pub struct TaggerTask {
    /// The network.
    pub tagger: Tagger,
    /// The tags of the entities.
    pub labels: LabelSet,
    config: Config,
    optimizer: Optimizer,
    train: Records,
    scored: Option<Records>,
    development: Option<Records>,
    batches: Batches,
    /// The batches of the epoch in hand.
    epoch: Cached,
    source: Option<Beside>,
    /// Characters that stand for unknown ones, where no given vectors know other characters.
    unknowns: Unknowns,
    sums: Sums,
    device: Device,
}

/// The word segmentation in training.
struct Beside {
    source: Source,
    batches: Batches,
    epoch: Cached,
}

/// The batches of one epoch.
type Cached = Option<(u64, Vec<Vec<usize>>)>;

fn batches_of<'a>(cached: &'a mut Cached, batches: &Batches, epoch: u64) -> &'a [Vec<usize>] {
    if cached.as_ref().is_none_or(|(e, _)| *e != epoch) {
        *cached = Some((epoch, batches.epoch(epoch)));
    }
    cached.as_ref().map_or(&[], |(_, batches)| batches)
}

/// What the losses beside the target's own came to in this epoch so far; sums over steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sums {
    steps: u64,
    words: f64,
    difference: f64,
    same: f64,
    reconstruction: f64,
    /// Sentences that the discriminator knew, of so many.
    known: u64,
    judged: u64,
}

/// Keys of the stream of random numbers that orders the word segmentation's batches.
const SOURCE_STREAM: u64 = 0x0063_7773;

impl TaggerTask {
    /// A task over prepared data; `seed` orders the batches.
    pub fn new(
        tagger: Tagger,
        prepared: Prepared,
        config: &Config,
        seed: u64,
        device: Device,
    ) -> Result<Self> {
        let Prepared { labels, vocabulary, vectors, train, scored, development, source, .. } = prepared;
        let beside = source.iter().flat_map(|source| &source.train.ids);
        let unknowns = match vectors {
            None => Unknowns::of(train.ids.iter().chain(beside), vocabulary.len(), device)?,
            // Given vectors know most of what training never shows. What they do not know either is read with the unknown
            // character's row, which nothing trains then: it stays as `prepare` drew it. Training it would alter the tables' numbers.
            Some(_) => Unknowns::none(),
        };
        let rule = Rule::Adam(Adam::default());
        let optimizer = OptimizerConfig::new(rule, config.training.learning_rate);
        let optimizer = Optimizer::new(&optimizer, tagger.params.parameters())?;
        let size = BatchSize::Sentences(config.training.batch_size);
        let order = config.training.batches;
        let batches = |records: &Records, seed: u64| {
            let config = BatchConfig { size, order, multiple: 8, seed };
            Batches::new(records.lengths(), config).map_err(|error| CoreError::Config {
                key: "training.batch_size".into(),
                message: error.to_string(),
            })
        };
        let source = match source {
            None => None,
            Some(source) => {
                let batches = batches(&source.train, device::mix(seed, SOURCE_STREAM))?;
                Some(Beside { source, batches, epoch: None })
            }
        };
        Ok(Self {
            batches: batches(&train, seed)?,
            tagger,
            labels,
            config: config.clone(),
            optimizer,
            train,
            scored,
            development,
            epoch: None,
            source,
            unknowns,
            sums: Sums::default(),
            device,
        })
    }

    /// Sentences of each batch of an epoch.
    pub fn epoch(&mut self, epoch: u64) -> &[Vec<usize>] {
        batches_of(&mut self.epoch, &self.batches, epoch)
    }

    /// One step on these pieces of the target and, where there is a word segmentation, on the batches of it that are due.
    /// `epochs` done so far, with their fraction, decide the strength of the gradient reversal. Gives the mean loss of a
    /// sentence of the target.
    pub fn step_on(&mut self, pieces: &[usize], step: u64, epochs: f64) -> Result<f64> {
        let reversal = self.config.model.separation.reversal.at(epochs);
        let mut batch = self.train.batch(pieces, self.device)?;
        batch.ids = self.unknowns.apply(&batch.ids)?;
        let tags = padded_tags(&self.train, pieces, &batch)?;
        let losses = self.tagger.entity_losses(&batch, &tags, reversal)?;
        let due = self.due(step);
        let alternating = self.config.training.updates == Updates::Alternating;
        self.optimizer.zero_gradients()?;
        losses.total.f_backward()?;
        if alternating || due.is_empty() {
            self.update()?;
        }
        self.sums.steps += 1;
        self.sums.add(&losses, pieces.len())?;
        let last = due.len().saturating_sub(1);
        for (at, pieces) in due.iter().enumerate() {
            let Some(beside) = &self.source else { break };
            let records = &beside.source.train;
            let mut batch = records.batch(pieces, self.device)?;
            batch.ids = self.unknowns.apply(&batch.ids)?;
            let tags = padded_tags(records, pieces, &batch)?;
            let weights: Vec<f64> = pieces.iter().map(|&i| beside.source.weights[i]).collect();
            let Some(words) = self.tagger.word_losses(&batch, &tags, &weights, reversal)? else { break };
            if alternating {
                self.optimizer.zero_gradients()?;
            }
            words.total.f_backward()?;
            if alternating || at == last {
                self.update()?;
            }
            self.sums.words += f64::try_from(&words.task)?;
            self.sums.add(&words, pieces.len())?;
        }
        Ok(f64::try_from(&losses.task)?)
    }

    /// The batches of the word segmentation that belong to a step.
    fn due(&mut self, step: u64) -> Vec<Vec<usize>> {
        let Some(beside) = &mut self.source else { return Vec::new() };
        let each = self.config.source.batches as u64;
        let mut due = Vec::with_capacity(self.config.source.batches);
        for at in step * each..(step + 1) * each {
            // Bucketed and random batches of so many sentences are as many in every epoch.
            let count = beside.batches.count(0) as u64;
            let epoch = batches_of(&mut beside.epoch, &beside.batches, at / count);
            due.push(epoch[(at % count) as usize].clone());
        }
        due
    }

    /// Moves the parameters by the gradients that there are.
    fn update(&mut self) -> Result<()> {
        self.optimizer.clip_gradients(self.config.training.clip)?;
        self.optimizer.step()?;
        self.tagger.clamp()
    }

    fn f1(&self, records: &Records) -> Result<medner_metrics::Scores> {
        let predicted = scoring::entities(&self.tagger, records, &self.labels, self.device)?;
        let report = entity_report(&records.gold, &predicted)
            .map_err(|e| CoreError::Config { key: "development sentences".into(), message: e.to_string() })?;
        Ok(report.micro_scores())
    }
}

/// Tags of these pieces, `[B, T]`.
fn padded_tags(records: &Records, pieces: &[usize], batch: &Batch) -> Result<Tensor> {
    batch.pad(&pieces.iter().map(|&i| records.tags[i].as_slice()).collect::<Vec<_>>())
}

impl Sums {
    fn add(&mut self, losses: &Losses, sentences: usize) -> Result<()> {
        let Some(separation) = &losses.separation else { return Ok(()) };
        self.difference += f64::try_from(&separation.difference)?;
        self.same += f64::try_from(&separation.same)?;
        self.reconstruction += f64::try_from(&separation.reconstruction)?;
        self.known += separation.known.f_int64_value(&[])? as u64;
        self.judged += sentences as u64;
        Ok(())
    }

    /// Means, by the names of the metrics file. `batches`: batches of the word segmentation a step.
    fn means(&self, batches: usize) -> BTreeMap<String, f64> {
        let steps = self.steps.max(1) as f64;
        let (all, words) = (steps * (1 + batches) as f64, steps * batches.max(1) as f64);
        [
            ("loss_words", self.words / words),
            ("loss_difference", self.difference / all),
            ("loss_same", self.same / all),
            ("loss_reconstruction", self.reconstruction / all),
            ("discriminator_training", self.known as f64 / self.judged.max(1) as f64),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

impl Task for TaggerTask {
    fn batches(&self, epoch: u64) -> Result<u64> {
        Ok(self.batches.count(epoch) as u64)
    }

    fn step(&mut self, at: &At) -> Result<StepOutcome> {
        let batches = self.epoch(at.epoch);
        let count = batches.len() as u64;
        let epochs = at.epoch as f64 + at.batch as f64 / count as f64;
        let pieces = batches[at.batch as usize].clone();
        let training = &self.config.training;
        let schedule = training.schedule.over(count * training.epochs, training.warmup);
        self.optimizer.set_factor(schedule.factor(at.epoch * count + at.batch));
        let loss = self.step_on(&pieces, at.step, epochs)?;
        Ok(StepOutcome { loss, items: pieces.len() as u64 })
    }

    fn sentences(&self, at: &At) -> Vec<String> {
        let id = |records: &Records, i: &usize| records.pieces[*i].sentence.id.clone();
        let pieces = self.batches.batch(at.epoch, at.batch as usize).unwrap_or_default();
        let mut ids: Vec<String> = pieces.iter().map(|i| id(&self.train, i)).collect();
        if let Some(beside) = &self.source {
            let (count, each) = (beside.batches.count(0) as u64, self.config.source.batches as u64);
            for at in at.step * each..(at.step + 1) * each {
                let pieces = beside.batches.batch(at / count, (at % count) as usize).unwrap_or_default();
                ids.extend(pieces.iter().map(|i| id(&beside.source.train, i)));
            }
        }
        ids
    }

    fn evaluate(&mut self, _epoch: u64) -> Result<Option<Evaluation>> {
        let sums = std::mem::take(&mut self.sums);
        let Some(development) = &self.development else { return Ok(None) };
        let scores = self.f1(development)?;
        let mut metrics: BTreeMap<String, f64> =
            [("dev_precision", scores.precision), ("dev_recall", scores.recall), ("dev_f1", scores.f1)]
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
        if let Some(scored) = &self.scored {
            metrics.insert("train_f1".into(), self.f1(scored)?.f1);
        }
        if let Some(beside) = &self.source {
            metrics.extend(sums.means(self.config.source.batches));
            if let Some(held_out) = &beside.source.development {
                let wrong = |e: anyhow::Error| CoreError::Config {
                    key: "held-out word segmentation".into(),
                    message: format!("{e:#}"),
                };
                if let Some(report) = scoring::words(&self.tagger, held_out, self.device).map_err(wrong)? {
                    metrics.insert("dev_words_f1".into(), report.micro_scores().f1);
                }
                let share = scoring::discriminator(&self.tagger, development, held_out, self.device)?;
                metrics.extend(share.map(|share| ("discriminator".to_owned(), share)));
            }
        }
        Ok(Some(Evaluation { score: scores.f1, metrics }))
    }

    fn model(&self) -> Result<NamedTensors> {
        self.tagger.params.state()
    }

    fn load_model(&mut self, tensors: NamedTensors) -> Result<()> {
        self.tagger.params.load(&tensors)
    }

    fn optimizers(&self) -> Result<NamedTensors> {
        self.optimizer.state()
    }

    fn load_optimizers(&mut self, tensors: NamedTensors) -> Result<()> {
        self.optimizer.load_state(&tensors)
    }

    fn state(&self) -> serde_json::Value {
        serde_json::to_value(&self.sums).unwrap_or_default()
    }

    fn load_state(&mut self, state: &serde_json::Value) -> Result<()> {
        self.sums = serde_json::from_value(state.clone())
            .map_err(|e| CoreError::Config { key: "state of the task".into(), message: e.to_string() })?;
        Ok(())
    }
}
