//! The training task: batches of like length, one optimiser, perplexity on held-out text.

use std::cell::RefCell;

use medner_core::optim::{Adam, Group, Optimizer, OptimizerConfig, Rule};
use medner_core::params::Params;
use medner_core::schedule::Schedule;
use medner_core::tensors::NamedTensors;
use medner_core::trainer::{At, Evaluation, StepOutcome, Task};
use medner_core::{CoreError, Result};
use medner_data::batching::{BatchConfig, BatchOrder, BatchSize, Batches};
use tch::{Device, Tensor};

use super::config::TrainingConfig;
use super::documents::Documents;
use super::objective::Objective;
use super::windows::{Window, stream};

/// Schedules are asked at this many points of a run, whatever the number of its steps.
const SCHEDULE_POINTS: u64 = 1_000_000;

/// Sequences are padded to a multiple of this, because oneDNN keeps a plan for each shape it has seen.
pub const PADDED_TO: usize = 8;

/// An encoder in pre-training.
pub struct Pretraining<O: Objective> {
    /// The encoder and what it is to find.
    pub objective: O,
    /// All parameters.
    pub params: Params,
    /// What the matrix products are computed in ([`medner_core::precision`]).
    pub products: &'static str,
    optimizer: Optimizer,
    schedule: Schedule,
    config: TrainingConfig,
    documents: Documents,
    seed: u64,
    /// The windows and batches of the epoch in hand.
    plan: RefCell<Option<Plan<O::Cut>>>,
}

/// What an epoch goes through.
struct Plan<C> {
    epoch: u64,
    windows: Vec<(Window, C)>,
    batches: Vec<Vec<usize>>,
}

impl<C: Copy> Plan<C> {
    /// The windows of a batch.
    fn batch(&self, number: u64) -> Vec<(Window, C)> {
        let batch = self.batches.get(number as usize).map_or(&[][..], Vec::as_slice);
        batch.iter().map(|&i| self.windows[i]).collect()
    }
}

/// Sums of a term over sequences.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    loss: f64,
    goals: f64,
    found: f64,
}

impl<O: Objective> Pretraining<O> {
    /// A task whose encoder `objective` builds, its values drawn from `seed`.
    ///
    /// # Errors
    /// What `objective`, the configuration or the device refuse.
    pub fn new(
        config: &TrainingConfig,
        documents: Documents,
        seed: u64,
        device: Device,
        objective: impl FnOnce(&Params) -> Result<O>,
    ) -> Result<Self> {
        // Step u64::MAX is no training step, so the initial values share no random numbers with any dropout mask.
        medner_core::device::reseed(seed, u64::MAX);
        let products = config.precision.set(device)?;
        let params = Params::new(device);
        let objective = objective(&params)?;
        // The second moment forgets sooner than Adam's default, as is usual in pre-training (RoBERTa: 0.98).
        let rule = Rule::AdamW(Adam { beta2: 0.98, epsilon: 1e-6, ..Adam::default() });
        let rule = OptimizerConfig {
            weight_decay: config.weight_decay,
            ..OptimizerConfig::new(rule, config.learning_rate)
        };
        let spared = ["LayerNorm", "layer_norm"];
        let spared = |name: &str| {
            usize::from(name.ends_with("bias") || spared.iter().any(|layer| name.contains(layer)))
        };
        let groups = params.groups(&spared).into_iter().map(|(kind, parameters)| Group {
            weight_decay: (kind == 1).then_some(0.0),
            ..Group::new(parameters)
        });
        let optimizer = Optimizer::with_groups(&rule, groups.collect())?;
        let warmup = (config.warmup * SCHEDULE_POINTS as f64) as u64;
        let schedule = Schedule::WarmupLinear { warmup, total: SCHEDULE_POINTS, end: 0.0 };
        let (config, plan) = (config.clone(), RefCell::new(None));
        Ok(Self { objective, params, products, optimizer, schedule, config, documents, seed, plan })
    }

    /// What it learns from and is measured on.
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Makes the epoch's plan if it is not there, and gives it to `use_it`.
    fn with_plan<T>(&self, epoch: u64, use_it: impl FnOnce(&Plan<O::Cut>) -> T) -> Result<T> {
        let mut plan = self.plan.borrow_mut();
        if plan.as_ref().is_none_or(|plan| plan.epoch != epoch) {
            let mut rng = stream(self.seed, b"windows ", epoch);
            let windows = self.objective.windows(&self.documents.train, &mut rng);
            let batches = batches::<O>(&windows, self.config.batch_pieces, self.seed)?.epoch(epoch);
            *plan = Some(Plan { epoch, windows, batches });
        }
        let plan = plan.as_ref().expect("it was made just now");
        Ok(use_it(plan))
    }

    /// The sequences of a step in parts of at most `part_pieces`, padding included.
    fn parts<'a>(&self, examples: &'a [O::Example]) -> impl Iterator<Item = &'a [O::Example]> {
        let longest = examples.iter().map(|e| O::ids(e).len()).max().unwrap_or(1);
        examples.chunks((self.config.part_pieces / longest.next_multiple_of(PADDED_TO)).max(1))
    }

    /// Losses and hits on the held-out text, always with the same windows and the same pieces to be found.
    fn measure(&self) -> Result<Vec<Sums>> {
        let _guard = tch::no_grad_guard();
        let windows = self.objective.windows(&self.documents.held_out, &mut stream(0, b"windows ", 0));
        let mut sums = vec![Sums::default(); O::TERMS.len()];
        for batch in batches::<O>(&windows, self.config.part_pieces, 0)?.evaluation() {
            let chosen: Vec<_> = batch.iter().map(|&i| windows[i]).collect();
            // The same at every measurement of a run. It depends on how the windows are batched, so on `part_pieces` too: figures of
            // runs with other parts are not of the same hidden pieces.
            let mut rng = stream(0, b"held out", batch.first().map_or(0, |&i| i as u64));
            let examples = self.objective.examples(&self.documents.held_out, &chosen, &mut rng);
            for (sum, term) in sums.iter_mut().zip(self.objective.terms(&examples, false)?) {
                let [goals, found] = term.found()?;
                sum.loss += f64::try_from(&term.loss()?)?;
                sum.goals += goals;
                sum.found += found;
            }
        }
        Ok(sums)
    }
}

/// Batches of windows of like length; a batch has at most so many pieces, padding included.
fn batches<O: Objective>(windows: &[(Window, O::Cut)], pieces: usize, seed: u64) -> Result<Batches> {
    let lengths = windows.iter().map(|(window, _)| window.length + O::SPECIAL_PIECES).collect();
    let order = BatchOrder::Bucketed;
    let config = BatchConfig { size: BatchSize::Tokens(pieces), order, multiple: PADDED_TO, seed };
    Batches::new(lengths, config).map_err(|error| CoreError::Config {
        key: "training.batch_pieces".into(),
        message: error.to_string(),
    })
}

impl<O: Objective> Task for Pretraining<O> {
    fn batches(&self, epoch: u64) -> Result<u64> {
        self.with_plan(epoch, |plan| plan.batches.len() as u64)
    }

    fn step(&mut self, at: &At) -> Result<StepOutcome> {
        let (windows, batches) =
            self.with_plan(at.epoch, |plan| (plan.batch(at.batch), plan.batches.len() as u64))?;
        let mut rng = stream(at.seed, O::STREAM, at.step);
        let examples = self.objective.examples(&self.documents.train, &windows, &mut rng);
        let mut goals = vec![0; O::TERMS.len()];
        for example in &examples {
            for (sum, count) in goals.iter_mut().zip(O::goals(example)) {
                *sum += count;
            }
        }
        self.optimizer.zero_gradients()?;
        let mut total = 0.0;
        for part in self.parts(&examples) {
            let mut loss = None;
            for (term, &goals) in self.objective.terms(part, true)?.iter().zip(&goals) {
                // Mean over the whole step, whatever part it is in; 0 in a step with nothing to find.
                let mean = term.loss()?.f_div_scalar(goals.max(1) as f64)?;
                loss = Some(match loss {
                    Some(sum) => Tensor::f_add(&sum, &mean)?,
                    None => mean,
                });
            }
            if let Some(loss) = loss {
                loss.f_backward()?;
                total += f64::try_from(&loss.f_detach()?)?;
            }
        }
        self.optimizer.clip_gradients(self.config.clip)?;
        // By epochs, because the number of steps differs a little from epoch to epoch.
        let share = (at.epoch as f64 + at.batch as f64 / batches.max(1) as f64) / self.config.epochs as f64;
        self.optimizer.set_factor(self.schedule.factor((share * SCHEDULE_POINTS as f64) as u64));
        self.optimizer.step()?;
        let items = examples.iter().map(|example| O::ids(example).len() as u64).sum();
        Ok(StepOutcome { loss: total, items })
    }

    fn sentences(&self, at: &At) -> Vec<String> {
        let windows = self.with_plan(at.epoch, |plan| plan.batch(at.batch)).unwrap_or_default();
        let name = |w: &Window| format!("document {} from piece {}", w.document + 1, w.start + 1);
        windows.iter().map(|(window, _)| name(window)).collect()
    }

    fn evaluate(&mut self, _epoch: u64) -> Result<Option<Evaluation>> {
        if self.documents.held_out.is_empty() {
            return Ok(None);
        }
        let mut evaluation = Evaluation::default();
        for (place, (name, sums)) in O::TERMS.iter().zip(self.measure()?).enumerate() {
            let loss = sums.loss / sums.goals.max(1.0);
            evaluation.score -= loss;
            evaluation.metrics.insert(format!("{name}_loss"), loss);
            evaluation.metrics.insert(format!("{name}_accuracy"), sums.found / sums.goals.max(1.0));
            if place == 0 {
                evaluation.metrics.insert("perplexity".into(), loss.exp());
            }
        }
        Ok(Some(evaluation))
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
