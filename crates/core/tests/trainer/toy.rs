//! A network with dropout: an encoder that two logistic regressions share, each with an optimiser of its own that also moves
//! the encoder. Which of the two takes its turn depends on what the task itself remembers, as where two tasks of a paper
//! alternate: a resume that lost any of it would go another way.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use medner_core::init::Init;
use medner_core::layers::dropout;
use medner_core::optim::{Adam, Optimizer, OptimizerConfig, Rule, Sgd};
use medner_core::params::{Parameter, Params};
use medner_core::tensors::{self, NamedTensors};
use medner_core::trainer::{At, Evaluation, StepOutcome, Task};
use medner_core::{CoreError, Result, device};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tch::{Device, Kind, Reduction, Tensor};

const ITEMS: usize = 23;
const BATCH: usize = 5;
/// Batches of an epoch; the last has three items.
pub(crate) const BATCHES: u64 = 5;
pub(crate) const WIDTH: usize = 6;

/// libtorch's generator is one for the process, so these tests run one after the other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What goes wrong at a step.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Trouble {
    /// An input is NaN, and the task does not look at its gradients.
    Loss,
    /// The loss is a number, its gradient is not.
    Gradient,
}

pub(crate) struct Toy {
    pub(crate) params: Params,
    encoder: Tensor,
    heads: [Tensor; 2],
    optimizers: [Optimizer; 2],
    inputs: Tensor,
    answers: [Tensor; 2],
    /// The two tasks alternate; otherwise the first alone is trained.
    pub(crate) alternate: bool,
    /// Scores to give instead of the accuracy; an empty list gives none.
    pub(crate) script: Option<Vec<f64>>,
    pub(crate) trouble: Option<(u64, Trouble)>,
    /// Does not take its state back.
    pub(crate) forgets: bool,
    /// Turns of each task and its last loss: what must be remembered.
    pub(crate) turns: [u64; 2],
    pub(crate) last: [f64; 2],
    /// Loss and items of each step, and the parameters after each epoch.
    pub(crate) steps: Vec<StepOutcome>,
    pub(crate) epochs: RefCell<Vec<Vec<u8>>>,
}

impl Toy {
    /// The data is always the same, the first values of the parameters are `start`'s.
    pub(crate) fn new(start: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let inputs: Vec<f32> = (0..ITEMS * WIDTH).map(|_| rng.random_range(-1.0..1.0)).collect();
        let answer = |offset: usize| -> Vec<f32> {
            let rows = inputs.chunks(WIDTH);
            rows.map(|x| f32::from(x[offset] + 0.5 * x[offset + 1] - x[offset + 2] > 0.0)).collect()
        };
        let answers = [answer(0), answer(3)].map(|a| Tensor::from_slice(&a));
        device::reseed(start, u64::MAX);
        let params = Params::new(Device::Cpu);
        let root = params.root();
        let encoder = root.parameter("encoder", &[WIDTH as i64, 8], Init::Linear).unwrap();
        let heads = ["first", "second"].map(|name| {
            (&root / "head").parameter(name, &[8], Init::Normal { mean: 0.0, std: 0.5 }).unwrap()
        });
        let of = |head: &str| -> Vec<Parameter> {
            params.parameters().into_iter().filter(|p| p.name == "encoder" || p.name == head).collect()
        };
        let adam = OptimizerConfig::new(Rule::Adam(Adam::default()), 0.05);
        let sgd = OptimizerConfig::new(Rule::Sgd(Sgd { momentum: 0.9, ..Sgd::default() }), 0.1);
        let optimizers = [
            Optimizer::new(&adam, of("head.first")).unwrap(),
            Optimizer::new(&sgd, of("head.second")).unwrap(),
        ];
        Self {
            encoder,
            heads,
            optimizers,
            inputs: Tensor::from_slice(&inputs).view([ITEMS as i64, WIDTH as i64]),
            answers,
            alternate: false,
            script: None,
            trouble: None,
            forgets: false,
            turns: [0, 0],
            last: [1.0, 1.0],
            steps: Vec::new(),
            epochs: RefCell::default(),
            params,
        }
    }

    pub(crate) fn alternating(start: u64) -> Self {
        Self { alternate: true, ..Self::new(start) }
    }

    pub(crate) fn scored(scores: &[f64]) -> Self {
        Self { script: Some(scores.to_vec()), ..Self::new(1) }
    }

    fn rows(at: &At) -> Vec<i64> {
        let mut rng = ChaCha8Rng::seed_from_u64(at.seed);
        rng.set_stream(at.epoch);
        let mut order: Vec<i64> = (0..ITEMS as i64).collect();
        order.shuffle(&mut rng);
        order.chunks(BATCH).nth(at.batch as usize).unwrap().to_vec()
    }

    fn logits(&self, inputs: &Tensor, task: usize, train: bool) -> Tensor {
        let hidden = dropout(&inputs.matmul(&self.encoder).tanh(), 0.4, train).unwrap();
        hidden.matmul(&self.heads[task])
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        tensors::to_bytes(&self.params.state().unwrap()).unwrap()
    }
}

impl Task for Toy {
    fn batches(&self, _epoch: u64) -> Result<u64> {
        Ok(BATCHES)
    }

    fn step(&mut self, at: &At) -> Result<StepOutcome> {
        // The task that is further from its goal takes the turn.
        let task = usize::from(self.alternate && self.last[1] >= self.last[0]);
        let trouble = self.trouble.filter(|&(step, _)| step == at.step).map(|(_, kind)| kind);
        let rows = Self::rows(at);
        let index = Tensor::from_slice(&rows);
        let mut inputs = self.inputs.index_select(0, &index);
        if trouble == Some(Trouble::Loss) {
            inputs = inputs.f_mul_scalar(f64::NAN)?;
        }
        self.optimizers[task].zero_gradients()?;
        let logits = self.logits(&inputs, task, true);
        let answers = self.answers[task].index_select(0, &index);
        let mut loss = logits.f_binary_cross_entropy_with_logits(
            &answers,
            None::<Tensor>,
            None::<Tensor>,
            Reduction::Mean,
        )?;
        if trouble == Some(Trouble::Gradient) {
            // 0, with a slope that is 0 times infinity.
            loss = loss.f_add(&(&self.encoder * 0.0).sqrt().sum(Kind::Float))?;
        }
        loss.f_backward()?;
        if trouble != Some(Trouble::Loss) {
            self.optimizers[task].clip_gradients(1.0)?;
        }
        self.optimizers[task].step()?;
        let outcome = StepOutcome { loss: f64::try_from(&loss)?, items: rows.len() as u64 };
        self.turns[task] += 1;
        self.last[task] = outcome.loss;
        self.steps.push(outcome);
        Ok(outcome)
    }

    fn sentences(&self, at: &At) -> Vec<String> {
        Self::rows(at).iter().map(|row| format!("note {row}")).collect()
    }

    fn evaluate(&mut self, epoch: u64) -> Result<Option<Evaluation>> {
        self.epochs.borrow_mut().push(self.bytes());
        let accuracy = tch::no_grad(|| {
            let right =
                self.logits(&self.inputs, 0, false).gt(0.0).to_kind(Kind::Float).eq_tensor(&self.answers[0]);
            right.to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
        });
        let score = match &self.script {
            None => accuracy,
            Some(scores) if scores.is_empty() => return Ok(None),
            Some(scores) => scores[epoch as usize],
        };
        Ok(Some(Evaluation { score, metrics: BTreeMap::from([("accuracy".to_owned(), accuracy)]) }))
    }

    fn model(&self) -> Result<NamedTensors> {
        self.params.state()
    }

    fn load_model(&mut self, tensors: NamedTensors) -> Result<()> {
        self.params.load(&tensors)
    }

    fn optimizers(&self) -> Result<NamedTensors> {
        let mut all = NamedTensors::new();
        for (name, optimizer) in ["first", "second"].iter().zip(&self.optimizers) {
            all.extend(
                optimizer.state()?.into_iter().map(|(tensor, values)| (format!("{name}/{tensor}"), values)),
            );
        }
        Ok(all)
    }

    fn load_optimizers(&mut self, tensors: NamedTensors) -> Result<()> {
        let (first, second): (NamedTensors, NamedTensors) =
            tensors.into_iter().partition(|(tensor, _)| tensor.starts_with("first/"));
        for (optimizer, own) in self.optimizers.iter_mut().zip([first, second]) {
            let own = own.into_iter().map(|(tensor, values)| {
                let (_, name) = tensor.split_once('/').unwrap();
                (name.to_owned(), values)
            });
            optimizer.load_state(&own.collect())?;
        }
        Ok(())
    }

    fn state(&self) -> Value {
        if self.alternate { json!({"turns": self.turns, "last": self.last}) } else { Value::Null }
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        if self.alternate && !self.forgets {
            let read =
                |e: serde_json::Error| CoreError::Config { key: "state".into(), message: e.to_string() };
            self.turns = serde_json::from_value(state["turns"].clone()).map_err(read)?;
            self.last = serde_json::from_value(state["last"].clone()).map_err(read)?;
        }
        Ok(())
    }
}
