//! The training task: batches of like length, one optimiser, perplexity on held-out text.

use std::cell::RefCell;
use std::collections::BTreeMap;

use medner_core::optim::{Adam, Group, Optimizer, OptimizerConfig, Rule};
use medner_core::params::Params;
use medner_core::schedule::Schedule;
use medner_core::tensors::NamedTensors;
use medner_core::trainer::{At, Evaluation, StepOutcome, Task};
use medner_core::{CoreError, Result};
use medner_data::batching::{BatchConfig, BatchOrder, BatchSize, Batches};
use tch::{Device, Kind, Reduction, Tensor};

use super::config::{Precision, PretrainingConfig};
use super::corpus::Document;
use super::examples::{SPECIAL_PIECES, Sequence, Window, stream, windows};
use super::masking::{Hidden, hide};
use crate::albert::{AlbertConfig, AlbertForPreTraining, AlbertInput, AlbertTokenizer};

/// Label of a place that pads the list of hidden positions.
const IGNORED: i64 = -100;

/// Schedules are asked at this many points of a run, whatever the number of its steps.
const SCHEDULE_POINTS: u64 = 1_000_000;

/// Documents to learn from and to measure on, with what turns them into sequences.
pub struct PretrainingData {
    /// Text to learn from.
    pub train: Vec<Document>,
    /// Text to measure perplexity on; may be empty.
    pub held_out: Vec<Document>,
    /// Its pieces.
    pub tokenizer: AlbertTokenizer,
}

/// An encoder in pre-training.
pub struct PretrainingTask {
    /// All parameters.
    pub params: Params,
    model: AlbertForPreTraining,
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
    positions: Tensor,
    labels: Tensor,
    swapped: Tensor,
}

/// Sums over sequences: losses, how many pieces and orders there were, how many were found.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    piece_loss: f64,
    order_loss: f64,
    pieces: f64,
    orders: f64,
    pieces_found: f64,
    orders_found: f64,
}

impl PretrainingTask {
    /// A task with an encoder whose values are drawn from `seed`.
    ///
    /// # Errors
    /// What the configuration or the device refuses; text that is too short for a single window.
    pub fn new(
        config: &PretrainingConfig,
        albert: &AlbertConfig,
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
        let mut model = AlbertForPreTraining::new(&params.root(), albert)?;
        if config.training.precision == Precision::Bf16 {
            model.albert.use_bf16()?;
        }
        let t = &config.training;
        let mut rule = OptimizerConfig::new(
            // The second moment forgets sooner than Adam's default, as is usual in pre-training (RoBERTa: 0.98).
            Rule::AdamW(Adam { beta2: 0.98, epsilon: 1e-6, ..Adam::default() }),
            t.learning_rate,
        );
        rule.weight_decay = t.weight_decay;
        let decays = |name: &str| {
            usize::from(name.ends_with("bias") || name.contains("LayerNorm") || name.contains("layer_norm"))
        };
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

    /// What it learns from.
    pub fn data(&self) -> &PretrainingData {
        &self.data
    }

    /// Pieces of the text to learn from.
    pub fn pieces(&self) -> usize {
        self.data.train.iter().map(|document| document.ids.len()).sum()
    }

    /// Makes the epoch's plan if it is not there, and gives it to `use_it`.
    fn with_plan<T>(&self, epoch: u64, use_it: impl FnOnce(&Plan) -> T) -> Result<T> {
        let mut plan = self.plan.borrow_mut();
        if plan.as_ref().is_none_or(|plan| plan.epoch != epoch) {
            let windows = windows(&self.data.train, &self.config.sequences, self.seed, epoch);
            let batches = batches(&windows, self.config.training.batch_pieces, self.seed)?.epoch(epoch);
            *plan = Some(Plan { epoch, windows, batches });
        }
        let plan = plan.as_ref().expect("it was made just now");
        Ok(use_it(plan))
    }

    /// How far the run is, as the schedule counts: by epochs, because the number of steps differs a little from epoch to
    /// epoch.
    fn schedule_point(&self, at: &At, batches: u64) -> u64 {
        let share =
            (at.epoch as f64 + at.batch as f64 / batches.max(1) as f64) / self.config.training.epochs as f64;
        (share * SCHEDULE_POINTS as f64) as u64
    }

    /// Sequences of windows with hidden pieces, the same for the same stream.
    fn hidden(
        &self,
        documents: &[Document],
        windows: &[Window],
        rng: &mut rand_chacha::ChaCha8Rng,
    ) -> Vec<(Sequence, Hidden)> {
        let special = self.data.tokenizer.special();
        let hidden = windows.iter().map(|window| {
            let sequence = Sequence::new(documents, window, special);
            let hidden = hide(&sequence, &self.config.masking, &self.data.tokenizer, rng);
            (sequence, hidden)
        });
        hidden.collect()
    }

    /// Tensors of some sequences, padded to the longest (rounded up to a multiple of 8, because oneDNN keeps a plan for each
    /// shape it has seen).
    fn part(&self, sequences: &[(Sequence, Hidden)]) -> Result<Part> {
        let longest = sequences.iter().map(|(s, _)| s.ids.len()).max().unwrap_or(1);
        let t = longest.next_multiple_of(8).min(self.config.sequences.max_length);
        let p = sequences.iter().map(|(_, h)| h.positions.len()).max().unwrap_or(1);
        let b = sequences.len();
        let mut ids = vec![i64::from(self.data.tokenizer.special().padding); b * t];
        let (mut mask, mut segments) = (vec![false; b * t], vec![0_i64; b * t]);
        let (mut positions, mut labels) = (vec![0_i64; b * p], vec![IGNORED; b * p]);
        let swapped: Vec<i64> = sequences.iter().map(|(s, _)| i64::from(s.swapped)).collect();
        for (row, (sequence, hidden)) in sequences.iter().enumerate() {
            for (k, &id) in hidden.ids.iter().enumerate() {
                ids[row * t + k] = i64::from(id);
                mask[row * t + k] = true;
                segments[row * t + k] = i64::from(k >= sequence.second);
            }
            for (k, (&position, &label)) in hidden.positions.iter().zip(&hidden.labels).enumerate() {
                positions[row * p + k] = position as i64;
                labels[row * p + k] = i64::from(label);
            }
        }
        let tensor = |values: &[i64], shape: [i64; 2]| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(values)?.f_view(shape)?.f_to_device(self.device)?)
        };
        let (b, t, p) = (b as i64, t as i64, p as i64);
        let full = mask.iter().all(|&there| there);
        let mask = Tensor::f_from_slice(&mask)?.f_view([b, t])?.f_to_device(self.device)?;
        Ok(Part {
            ids: tensor(&ids, [b, t])?,
            mask: (!full).then_some(mask),
            segments: tensor(&segments, [b, t])?,
            positions: tensor(&positions, [b, p])?,
            labels: tensor(&labels, [b, p])?,
            swapped: Tensor::f_from_slice(&swapped)?.f_to_device(self.device)?,
        })
    }

    /// Summed losses of a part: of the hidden pieces, of the orders; then the logits of both.
    fn losses(&self, part: &Part, train: bool) -> Result<([Tensor; 2], [Tensor; 2])> {
        let input = AlbertInput { ids: &part.ids, mask: part.mask.as_ref(), segments: Some(&part.segments) };
        let output = self.model.forward(input, &part.positions, train)?;
        let vocabulary = self.data.tokenizer.len() as i64;
        let logits = output.prediction_logits.f_view([-1, vocabulary])?;
        let sum = |logits: &Tensor, labels: &Tensor| {
            logits.f_cross_entropy_loss::<Tensor>(labels, None, Reduction::Sum, IGNORED, 0.0)
        };
        let pieces = sum(&logits, &part.labels.f_view(-1)?)?;
        let orders = sum(&output.sop_logits, &part.swapped)?;
        Ok(([pieces, orders], [logits, output.sop_logits]))
    }

    /// The sequences of a step in parts of at most `part_pieces`.
    fn parts<'a>(
        &self,
        sequences: &'a [(Sequence, Hidden)],
    ) -> impl Iterator<Item = &'a [(Sequence, Hidden)]> {
        let longest = sequences.iter().map(|(s, _)| s.ids.len()).max().unwrap_or(1);
        sequences.chunks((self.config.training.part_pieces / longest.next_multiple_of(8)).max(1))
    }

    /// Losses and hits on the held-out text, always with the same windows and the same pieces hidden.
    fn measure(&self) -> Result<Sums> {
        let _guard = tch::no_grad_guard();
        let windows = windows(&self.data.held_out, &self.config.sequences, 0, 0);
        let mut sums = Sums::default();
        for batch in batches(&windows, self.config.training.part_pieces, 0)?.evaluation() {
            let chosen: Vec<Window> = batch.iter().map(|&i| windows[i]).collect();
            // By the first window: the hidden pieces do not depend on how the windows are batched with others.
            let mut rng = stream(0, b"held out", batch.first().map_or(0, |&i| i as u64));
            let part = self.part(&self.hidden(&self.data.held_out, &chosen, &mut rng))?;
            let ([pieces, orders], [piece_logits, order_logits]) = self.losses(&part, false)?;
            let found = |logits: &Tensor, labels: &Tensor| -> Result<f64> {
                let right = logits.f_argmax(-1, false)?.f_eq_tensor(labels)?;
                Ok(f64::try_from(right.f_sum(Kind::Double)?)?)
            };
            let labels = part.labels.f_view(-1)?;
            sums.piece_loss += f64::try_from(&pieces)?;
            sums.order_loss += f64::try_from(&orders)?;
            sums.pieces += f64::try_from(labels.f_ne(IGNORED)?.f_sum(Kind::Double)?)?;
            sums.orders += chosen.len() as f64;
            sums.pieces_found += found(&piece_logits, &labels)?;
            sums.orders_found += found(&order_logits, &part.swapped)?;
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
        let sequences = self.hidden(&self.data.train, &chosen, &mut stream(at.seed, b"masking ", at.step));
        let pieces: usize = sequences.iter().map(|(_, hidden)| hidden.positions.len()).sum();
        self.optimizer.zero_gradients()?;
        let mut total = 0.0;
        for part in self.parts(&sequences) {
            let ([piece_loss, order_loss], _) = self.losses(&self.part(part)?, true)?;
            // Mean over the whole step's pieces and orders, whatever part they are in.
            let loss = piece_loss
                .f_div_scalar(pieces as f64)?
                .f_add(&order_loss.f_div_scalar(sequences.len() as f64)?)?;
            loss.f_backward()?;
            total += f64::try_from(&loss.f_detach()?)?;
        }
        self.optimizer.clip_gradients(self.config.training.clip)?;
        self.optimizer.set_factor(self.schedule.factor(self.schedule_point(at, count)));
        self.optimizer.step()?;
        let items = sequences.iter().map(|(sequence, _)| sequence.ids.len() as u64).sum();
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
        let piece_loss = sums.piece_loss / sums.pieces.max(1.0);
        let order_loss = sums.order_loss / sums.orders.max(1.0);
        let metrics: BTreeMap<String, f64> = [
            ("piece_loss", piece_loss),
            ("perplexity", piece_loss.exp()),
            ("piece_accuracy", sums.pieces_found / sums.pieces.max(1.0)),
            ("order_loss", order_loss),
            ("order_accuracy", sums.orders_found / sums.orders.max(1.0)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        Ok(Some(Evaluation { score: -(piece_loss + order_loss), metrics }))
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
