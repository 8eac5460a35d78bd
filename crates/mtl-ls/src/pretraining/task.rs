//! The training task: batches of like length, two streams, perplexity on held-out text.

use std::cell::RefCell;
use std::collections::BTreeMap;

use medner_core::optim::{Adam, Group, Optimizer, OptimizerConfig, Rule};
use medner_core::params::Params;
use medner_core::schedule::Schedule;
use medner_core::tensors::NamedTensors;
use medner_core::trainer::{At, Evaluation, StepOutcome, Task};
use medner_core::{CoreError, Result};
use medner_data::batching::{BatchConfig, BatchOrder, BatchSize, Batches};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Reduction, Tensor};

use super::config::PretrainingConfig;
use super::corpus::Document;
use super::spans::{Order, draw};
use super::windows::{Window, stream, windows};
use crate::config::Precision;
use crate::tagging::pieces::SPECIAL_PIECES;
use crate::xlnet::heads::XlnetForPreTraining;
use crate::xlnet::tokenizer::SpecialIds;
use crate::xlnet::{XlnetConfig, XlnetInput};

/// Label of a place that pads the list of places to be found.
const IGNORED: i64 = -100;

/// Schedules are asked at this many points of a run, whatever the number of its steps.
const SCHEDULE_POINTS: u64 = 1_000_000;

/// Documents to learn from and to measure on, with what turns them into sequences.
pub struct PretrainingData {
    /// Text to learn from.
    pub train: Vec<Document>,
    /// Text to measure perplexity on; may be empty.
    pub held_out: Vec<Document>,
    /// Ids of the special entries.
    pub special: SpecialIds,
}

/// An encoder in pre-training.
pub struct PretrainingTask {
    /// All parameters.
    pub params: Params,
    model: XlnetForPreTraining,
    optimizer: Optimizer,
    schedule: Schedule,
    config: PretrainingConfig,
    data: PretrainingData,
    seed: u64,
    device: Device,
    /// The windows and batches of the epoch in hand.
    plan: RefCell<Option<Plan>>,
}

/// What an epoch goes through.
struct Plan {
    epoch: u64,
    windows: Vec<Window>,
    batches: Vec<Vec<usize>>,
}

/// A part of a batch as tensors.
struct Part {
    ids: Tensor,
    mask: Option<Tensor>,
    segments: Tensor,
    order: Tensor,
    places: Tensor,
    labels: Tensor,
}

/// A sequence with what is to be found in it.
struct Example {
    ids: Vec<u32>,
    order: Order,
}

/// Sums over sequences.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    loss: f64,
    places: f64,
    found: f64,
}

impl PretrainingTask {
    /// A task with an encoder whose values are drawn from `seed`.
    ///
    /// # Errors
    /// What the configuration or the device refuses; text that is too short for a single window.
    pub fn new(
        config: &PretrainingConfig,
        xlnet: &XlnetConfig,
        data: PretrainingData,
        seed: u64,
        device: Device,
    ) -> Result<Self> {
        if data.train.is_empty() {
            return Err(CoreError::Config {
                key: "text".into(),
                message: "there is no document of at least two pieces to learn from".into(),
            });
        }
        // Step u64::MAX is no training step, so the initial values share no random numbers with any dropout mask.
        medner_core::device::reseed(seed, u64::MAX);
        let params = Params::new(device);
        let mut model = XlnetForPreTraining::new(&params.root(), xlnet)?;
        if config.training.precision == Precision::Bf16 {
            model.transformer.use_bf16()?;
        }
        let t = &config.training;
        let mut rule = OptimizerConfig::new(
            // The second moment forgets sooner than Adam's default, as is usual in pre-training (RoBERTa: 0.98).
            Rule::AdamW(Adam { beta2: 0.98, epsilon: 1e-6, ..Adam::default() }),
            t.learning_rate,
        );
        rule.weight_decay = t.weight_decay;
        let decays = |name: &str| usize::from(name.ends_with("bias") || name.contains("layer_norm"));
        let groups = params.groups(&decays).into_iter().map(|(kind, parameters)| Group {
            weight_decay: (kind == 1).then_some(0.0),
            ..Group::new(parameters)
        });
        let optimizer = Optimizer::with_groups(&rule, groups.collect())?;
        let warmup = (t.warmup * SCHEDULE_POINTS as f64) as u64;
        let schedule = Schedule::WarmupLinear { warmup, total: SCHEDULE_POINTS, end: 0.0 };
        let (config, plan) = (config.clone(), RefCell::new(None));
        Ok(Self { params, model, optimizer, schedule, config, data, seed, device, plan })
    }

    fn room(&self) -> usize {
        self.config.sequences.max_length - SPECIAL_PIECES
    }

    /// Makes the epoch's plan if it is not there, and gives it to `use_it`.
    fn with_plan<T>(&self, epoch: u64, use_it: impl FnOnce(&Plan) -> T) -> Result<T> {
        let mut plan = self.plan.borrow_mut();
        if plan.as_ref().is_none_or(|plan| plan.epoch != epoch) {
            let windows = windows(&self.data.train, self.room(), self.seed, epoch);
            let batches = batches(&windows, self.config.training.batch_pieces, self.seed)?.epoch(epoch);
            *plan = Some(Plan { epoch, windows, batches });
        }
        let plan = plan.as_ref().expect("it was made just now");
        Ok(use_it(plan))
    }

    /// Sequences of windows with what is to be found, the same for the same stream.
    fn examples(&self, documents: &[Document], windows: &[Window], rng: &mut ChaCha8Rng) -> Vec<Example> {
        let special = [self.data.special.separator, self.data.special.classify];
        let examples = windows.iter().map(|window| {
            let pieces = &documents[window.document].ids[window.start..window.start + window.length];
            Example { ids: [pieces, &special].concat(), order: draw(pieces.len(), &self.config.spans, rng) }
        });
        examples.collect()
    }

    /// Tensors of some sequences, padded to the longest (rounded up to a multiple of 8, because oneDNN keeps a plan for each
    /// shape it has seen).
    fn part(&self, examples: &[Example]) -> Result<Part> {
        let longest = examples.iter().map(|e| e.ids.len()).max().unwrap_or(1);
        let t = longest.next_multiple_of(8);
        let p = examples.iter().map(|e| e.order.places.len()).max().unwrap_or(1);
        let b = examples.len();
        let mut ids = vec![i64::from(self.data.special.padding); b * t];
        let (mut mask, mut segments) = (vec![false; b * t], vec![0_i64; b * t]);
        let mut hidden = vec![false; b * t * t];
        let (mut places, mut labels) = (vec![0_i64; b * p], vec![IGNORED; b * p]);
        for (row, Example { ids: pieces, order }) in examples.iter().enumerate() {
            let length = pieces.len();
            for (k, &id) in pieces.iter().enumerate() {
                ids[row * t + k] = i64::from(id);
                mask[row * t + k] = true;
            }
            segments[row * t + length - 1] = 2;
            for (i, line) in order.hidden(length).chunks(length).enumerate() {
                let first = (row * t + i) * t;
                hidden[first..first + length].copy_from_slice(line);
            }
            for (k, &place) in order.places.iter().enumerate() {
                places[row * p + k] = place as i64;
                labels[row * p + k] = i64::from(pieces[place]);
            }
        }
        let (b, t, p) = (b as i64, t as i64, p as i64);
        let tensor = |values: &[i64], shape: [i64; 2]| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(values)?.f_view(shape)?.f_to_device(self.device)?)
        };
        let full = mask.iter().all(|&there| there);
        let mask = Tensor::f_from_slice(&mask)?.f_view([b, t])?.f_to_device(self.device)?;
        Ok(Part {
            ids: tensor(&ids, [b, t])?,
            mask: (!full).then_some(mask),
            segments: tensor(&segments, [b, t])?,
            order: Tensor::f_from_slice(&hidden)?.f_view([b, t, t])?.f_to_device(self.device)?,
            places: tensor(&places, [b, p])?,
            labels: tensor(&labels, [b, p])?,
        })
    }

    /// Summed loss of a part, and the logits.
    fn loss(&self, part: &Part, train: bool) -> Result<(Tensor, Tensor)> {
        let input = XlnetInput {
            mask: part.mask.as_ref(),
            segments: Some(&part.segments),
            order: Some(&part.order),
            places: Some(&part.places),
            ..XlnetInput::plain(&part.ids)
        };
        let transformer = &self.model.transformer;
        let hidden = transformer.forward(input, train)?.f_reshape([-1, transformer.width()])?;
        let logits = self.model.lm_loss.forward(&hidden, transformer.words(), transformer.kind())?;
        let labels = part.labels.f_view(-1)?;
        let loss = logits.f_cross_entropy_loss::<Tensor>(&labels, None, Reduction::Sum, IGNORED, 0.0)?;
        Ok((loss, logits))
    }

    /// The sequences of a step in parts of at most `part_pieces`.
    fn parts<'a>(&self, examples: &'a [Example]) -> impl Iterator<Item = &'a [Example]> {
        let longest = examples.iter().map(|e| e.ids.len()).max().unwrap_or(1);
        examples.chunks((self.config.training.part_pieces / longest.next_multiple_of(8)).max(1))
    }

    /// Loss and hits on the held-out text, always with the same windows and the same places to be found.
    fn measure(&self) -> Result<Sums> {
        let _guard = tch::no_grad_guard();
        let windows = windows(&self.data.held_out, self.room(), 0, 0);
        let mut sums = Sums::default();
        for batch in batches(&windows, self.config.training.part_pieces, 0)?.evaluation() {
            let chosen: Vec<Window> = batch.iter().map(|&i| windows[i]).collect();
            // By the first window: what is to be found does not depend on how the windows are batched with others.
            let mut rng = stream(0, b"held out", batch.first().map_or(0, |&i| i as u64));
            let part = self.part(&self.examples(&self.data.held_out, &chosen, &mut rng))?;
            let (loss, logits) = self.loss(&part, false)?;
            let labels = part.labels.f_view(-1)?;
            let right = logits.f_argmax(-1, false)?.f_eq_tensor(&labels)?;
            sums.loss += f64::try_from(&loss)?;
            sums.places += f64::try_from(labels.f_ne(IGNORED)?.f_sum(Kind::Double)?)?;
            sums.found += f64::try_from(right.f_sum(Kind::Double)?)?;
        }
        Ok(sums)
    }
}

/// Batches of windows of like length; a batch has at most so many pieces, padding included.
fn batches(windows: &[Window], pieces: usize, seed: u64) -> Result<Batches> {
    let lengths = windows.iter().map(|window| window.length + SPECIAL_PIECES).collect();
    let config =
        BatchConfig { size: BatchSize::Tokens(pieces), order: BatchOrder::Bucketed, multiple: 8, seed };
    Batches::new(lengths, config).map_err(|error| CoreError::Config {
        key: "training.batch_pieces".into(),
        message: error.to_string(),
    })
}

impl Task for PretrainingTask {
    fn batches(&self, epoch: u64) -> Result<u64> {
        self.with_plan(epoch, |plan| plan.batches.len() as u64)
    }

    fn step(&mut self, at: &At) -> Result<StepOutcome> {
        let (chosen, count) = self.with_plan(at.epoch, |plan| {
            let batch = &plan.batches[at.batch as usize];
            (batch.iter().map(|&i| plan.windows[i]).collect::<Vec<_>>(), plan.batches.len() as u64)
        })?;
        let examples = self.examples(&self.data.train, &chosen, &mut stream(at.seed, b"spans   ", at.step));
        let places: usize = examples.iter().map(|e| e.order.places.len()).sum();
        self.optimizer.zero_gradients()?;
        let mut total = 0.0;
        for part in self.parts(&examples) {
            // Mean over the whole step's places, whatever part they are in.
            let (loss, _) = self.loss(&self.part(part)?, true)?;
            let loss = loss.f_div_scalar(places as f64)?;
            loss.f_backward()?;
            total += f64::try_from(&loss.f_detach()?)?;
        }
        self.optimizer.clip_gradients(self.config.training.clip)?;
        // By epochs, because the number of steps differs a little from epoch to epoch.
        let share = (at.epoch as f64 + at.batch as f64 / count.max(1) as f64)
            / self.config.training.epochs.max(1) as f64;
        self.optimizer.set_factor(self.schedule.factor((share * SCHEDULE_POINTS as f64) as u64));
        self.optimizer.step()?;
        let items = examples.iter().map(|e| e.ids.len() as u64).sum();
        Ok(StepOutcome { loss: total, items })
    }

    fn sentences(&self, at: &At) -> Vec<String> {
        let windows = self.with_plan(at.epoch, |plan| {
            let batch = plan.batches.get(at.batch as usize).map_or(&[][..], Vec::as_slice);
            batch.iter().map(|&i| plan.windows[i]).collect::<Vec<_>>()
        });
        let windows = windows.unwrap_or_default();
        windows.iter().map(|w| format!("document {} from piece {}", w.document + 1, w.start + 1)).collect()
    }

    fn evaluate(&mut self, _epoch: u64) -> Result<Option<Evaluation>> {
        if self.data.held_out.is_empty() {
            return Ok(None);
        }
        let sums = self.measure()?;
        let loss = sums.loss / sums.places.max(1.0);
        let metrics: BTreeMap<String, f64> = [
            ("piece_loss", loss),
            ("perplexity", loss.exp()),
            ("piece_accuracy", sums.found / sums.places.max(1.0)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        Ok(Some(Evaluation { score: -loss, metrics }))
    }

    fn model(&self) -> Result<NamedTensors> {
        self.params.state()
    }

    fn load_model(&mut self, tensors: NamedTensors) -> Result<()> {
        self.params.load(&tensors)
    }

    fn optimizers(&self) -> Result<NamedTensors> {
        self.optimizer.state()
    }

    fn load_optimizers(&mut self, tensors: NamedTensors) -> Result<()> {
        self.optimizer.load_state(&tensors)
    }
}
