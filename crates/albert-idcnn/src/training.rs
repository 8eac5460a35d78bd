//! Training a [`Tagger`]: batches of like length, one optimiser (with a learning rate of its own for a pre-trained encoder), strict F1 over records on the development part.

use medner_core::optim::{AdaGrad, Adam, Group, Lookahead, Optimizer, OptimizerConfig, RAdam, RmsProp, Rule};
use medner_core::params::Params;
use medner_core::tensors::NamedTensors;
use medner_core::trainer::{At, Evaluation, StepOutcome, Task};
use medner_core::unknowns::Unknowns;
use medner_core::{CoreError, Result};
use medner_data::batching::{BatchConfig, BatchOrder, BatchSize, Batches};
use medner_metrics::{LabelSet, entity_report};
use tch::Device;

use crate::config::{OptimizerName, Training};
use crate::model::{ENCODER, Tagger};
use crate::prepare::Prepared;
use crate::reading::Reading;
use medner_core::records::Records;

/// A tagger in training.
pub struct TaggerTask {
    /// The network.
    pub tagger: Tagger,
    /// The tags.
    pub labels: LabelSet,
    /// What a character is to the network.
    pub reading: Reading,
    optimizer: Optimizer,
    training: Training,
    train: Records,
    batches: Batches,
    /// The batches of the epoch in hand.
    epoch: Option<(u64, Vec<Vec<usize>>)>,
    development: Option<Records>,
    /// What the matrix products are computed in ([`medner_core::precision`]).
    pub products: &'static str,
    /// Characters that stand for unknown ones, where no given vectors know other characters.
    unknowns: Unknowns,
    device: Device,
}

/// The optimiser of Tables 4 and 5 with PyTorch's own settings; the parameters of an encoder, where there is one, are a group
/// with its learning rate.
pub fn optimizer(training: &Training, params: &Params) -> Result<Optimizer> {
    let rule = match training.optimizer {
        OptimizerName::Adagrad => Rule::AdaGrad(AdaGrad::default()),
        OptimizerName::Rmsprop => Rule::RmsProp(RmsProp::default()),
        OptimizerName::Adam | OptimizerName::LookaheadAdam => Rule::Adam(Adam::default()),
        OptimizerName::Radam => Rule::RAdam(RAdam::default()),
    };
    let mut config = OptimizerConfig::new(rule, training.learning_rate());
    if training.optimizer == OptimizerName::LookaheadAdam {
        config.lookahead = Some(Lookahead::default());
    }
    let of_encoder = |name: &str| usize::from(name.split('.').next() == Some(ENCODER));
    let groups = params.groups(&of_encoder).into_iter().map(|(encoder, parameters)| Group {
        learning_rate: (encoder == 1).then(|| training.encoder_rate()),
        ..Group::new(parameters)
    });
    Optimizer::with_groups(&config, groups.collect())
}

impl TaggerTask {
    /// A task over training records; `seed` orders the batches.
    pub fn new(
        mut tagger: Tagger,
        prepared: Prepared,
        training: &Training,
        seed: u64,
        order: BatchOrder,
        device: Device,
    ) -> Result<Self> {
        let products = training.precision.set(device)?;
        tagger.set_precision(training.precision);
        let Prepared { labels, train, development, vectors, reading, .. } = prepared;
        let unknowns = match (vectors, &reading) {
            (None, Reading::Characters(vocabulary)) => Unknowns::of(&train.ids, vocabulary.len(), device)?,
            _ => Unknowns::none(),
        };
        let optimizer = optimizer(training, &tagger.params)?;
        let config =
            BatchConfig { size: BatchSize::Sentences(training.batch_size), order, multiple: 8, seed };
        let batches = Batches::new(train.lengths(), config).map_err(|error| CoreError::Config {
            key: "training.batch_size".into(),
            message: error.to_string(),
        })?;
        Ok(Self {
            tagger,
            labels,
            reading,
            optimizer,
            training: training.clone(),
            train,
            batches,
            epoch: None,
            development,
            products,
            unknowns,
            device,
        })
    }

    /// One optimiser step on these pieces of the training records; the mean loss of a sentence.
    pub fn step_on(&mut self, pieces: &[usize]) -> Result<f64> {
        let mut batch = self.train.batch(pieces, self.device)?;
        batch.ids = self.unknowns.apply(&batch.ids)?;
        let tags: Vec<&[u32]> = pieces.iter().map(|&i| self.train.tags[i].as_slice()).collect();
        self.optimizer.zero_gradients()?;
        let loss = self.tagger.loss(&batch, &batch.pad(&tags)?)?;
        loss.f_backward()?;
        self.optimizer.clip_gradients(self.training.clip)?;
        self.optimizer.step()?;
        Ok(f64::try_from(&loss)?)
    }

    /// The batches of an epoch.
    pub fn epoch(&mut self, epoch: u64) -> &[Vec<usize>] {
        if self.epoch.as_ref().is_none_or(|(e, _)| *e != epoch) {
            self.epoch = Some((epoch, self.batches.epoch(epoch)));
        }
        self.epoch.as_ref().map_or(&[], |(_, batches)| batches)
    }
}

impl Task for TaggerTask {
    fn batches(&self, epoch: u64) -> Result<u64> {
        Ok(self.batches.count(epoch) as u64)
    }

    fn step(&mut self, at: &At) -> Result<StepOutcome> {
        let count = self.batches.count(at.epoch) as u64;
        let schedule = self.training.schedule(count * self.training.epochs);
        self.optimizer.set_factor(schedule.factor(at.epoch * count + at.batch));
        let pieces = self.epoch(at.epoch)[at.batch as usize].clone();
        let loss = self.step_on(&pieces)?;
        Ok(StepOutcome { loss, items: pieces.len() as u64 })
    }

    fn sentences(&self, at: &At) -> Vec<String> {
        let pieces = self.batches.batch(at.epoch, at.batch as usize).unwrap_or_default();
        pieces.iter().map(|&i| self.train.pieces[i].sentence.id.clone()).collect()
    }

    fn evaluate(&mut self, _epoch: u64) -> Result<Option<Evaluation>> {
        let Some(records) = &self.development else { return Ok(None) };
        let predicted = records.predict(&self.labels, self.device, |batch| self.tagger.decode(batch))?;
        let report = entity_report(&records.gold, &predicted)
            .map_err(|e| CoreError::Config { key: "development records".into(), message: e.to_string() })?;
        let scores = report.micro_scores();
        let metrics =
            [("dev_precision", scores.precision), ("dev_recall", scores.recall), ("dev_f1", scores.f1)];
        Ok(Some(Evaluation {
            score: scores.f1,
            metrics: metrics.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        }))
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
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_data::vocabulary::UNK;
    use medner_data::{Document, Entity};

    use super::*;
    use crate::config::Config;
    use crate::prepare::{Given, build, prepare};

    #[test]
    fn the_unknown_character_is_trained_on_characters_that_stand_once() {
        let document = |id: &str, text: &str| Document {
            id: id.into(),
            text: text.into(),
            entities: vec![Entity { start: 0, end: 2, label: "DIS".into(), concepts: Vec::new() }],
        };
        // Twelve characters stand once: the chance that none of them is read as unknown is below 1 in 4000.
        let documents = [document("a", "胃癌患者甲乙丙丁戊己"), document("b", "胃癌患者庚辛壬癸子丑")];
        let mut config = Config::default();
        (config.model.embedding, config.model.hidden) = (8, 8);
        let prepared = prepare(&config, 1, &documents, &[], Given::Nothing).unwrap();
        let tagger = build(&config, 1, &prepared, Device::Cpu).unwrap();
        let order = BatchOrder::Bucketed;
        let mut task = TaggerTask::new(tagger, prepared, &config.training, 1, order, Device::Cpu).unwrap();
        let unknown = |task: &TaggerTask| {
            task.tagger.params.state().unwrap()["embedding.weight"].get(i64::from(UNK)).copy()
        };
        let before = unknown(&task);
        task.step_on(&[0, 1]).unwrap();
        assert!(!unknown(&task).equal(&before));
    }
}
