//! The training loop on a small real task: early stopping, logs, stops, damaged files, resumes equal to the byte.
//!
//! The task is a network with dropout: an encoder that two logistic regressions share, each with an optimiser of its own
//! that also moves the encoder. Which of the two takes its turn depends on what the task itself remembers, as where two
//! tasks of a paper alternate: a resume that lost any of it would go another way.
#![allow(clippy::unwrap_used)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use medner_core::checkpoint::{CheckpointFolder, Settings};
use medner_core::init::Init;
use medner_core::layers::dropout;
use medner_core::optim::{Adam, Optimizer, OptimizerConfig, Rule, Sgd};
use medner_core::params::{Parameter, Params};
use medner_core::tensors::{self, NamedTensors};
use medner_core::trainer::{
    At, Evaluation, LogLine, Silent, StepOutcome, Summary, Task, Trainer, TrainerConfig, Watch,
};
use medner_core::{CoreError, Result, device};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tch::{Device, Kind, Reduction, Tensor};

const ITEMS: usize = 23;
const BATCH: usize = 5;
/// Batches of an epoch; the last has three items.
const BATCHES: u64 = 5;
const WIDTH: usize = 6;

/// libtorch's generator is one for the process, so these tests run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What goes wrong at a step.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    /// An input is NaN, and the task does not look at its gradients.
    Loss,
    /// The loss is a number, its gradient is not.
    Gradient,
}

struct Toy {
    params: Params,
    encoder: Tensor,
    heads: [Tensor; 2],
    optimizers: [Optimizer; 2],
    inputs: Tensor,
    answers: [Tensor; 2],
    /// The two tasks alternate; otherwise the first alone is trained.
    alternate: bool,
    /// Scores to give instead of the accuracy; an empty list gives none.
    script: Option<Vec<f64>>,
    trouble: Option<(u64, Trouble)>,
    /// Does not take its state back.
    forgets: bool,
    /// Turns of each task and its last loss: what must be remembered.
    turns: [u64; 2],
    last: [f64; 2],
    /// Loss and items of each step, and the parameters after each epoch.
    steps: Vec<StepOutcome>,
    epochs: RefCell<Vec<Vec<u8>>>,
}

impl Toy {
    /// The data is always the same, the first values of the parameters are `start`'s.
    fn new(start: u64) -> Self {
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

    fn alternating(start: u64) -> Self {
        Self { alternate: true, ..Self::new(start) }
    }

    fn scored(scores: &[f64]) -> Self {
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

    fn bytes(&self) -> Vec<u8> {
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

/// Asks the run to stop after so many steps.
struct StopAt {
    step: u64,
    done: Cell<u64>,
}

impl StopAt {
    fn new(step: u64) -> Self {
        Self { step, done: Cell::new(0) }
    }
}

impl Watch for StopAt {
    fn stop(&self) -> Option<i32> {
        (self.done.get() >= self.step).then_some(15)
    }

    fn progress(&self, at: &At, batches: u64, epochs: u64, message: &str) {
        assert!(at.batch < batches && at.epoch < epochs && message.starts_with("loss "));
        self.done.set(at.step + 1);
    }
}

fn settings() -> Settings {
    Settings { seed: 3, configuration: json!({"width": WIDTH, "rate": 0.05}), ..Settings::default() }
}

fn config() -> TrainerConfig {
    TrainerConfig { epochs: 4, checkpoint_every_steps: 3, curve_every: 4, ..TrainerConfig::default() }
}

fn run(folder: &Path, config: &TrainerConfig, task: &mut Toy, watch: &dyn Watch) -> Result<Summary> {
    Trainer::new(folder, config.clone(), settings(), watch).run(task)
}

fn stop(folder: &Path, config: &TrainerConfig, mut task: Toy, step: u64) {
    let error = run(folder, config, &mut task, &StopAt::new(step)).unwrap_err();
    assert!(matches!(error, CoreError::Stopped { signal: 15 }), "{error}");
}

/// Everything that a resumed run must end with, byte for byte.
fn record(folder: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let files = [
        "latest/model.safetensors",
        "latest/optimizer.safetensors",
        "latest/state.json",
        "best/model.safetensors",
        "metrics.jsonl",
    ];
    files.iter().map(|file| (*file, fs::read(folder.join(file)).unwrap())).collect()
}

fn assert_same(calm: &Path, other: &Path, what: &str) {
    for ((file, expected), (_, found)) in record(calm).into_iter().zip(record(other)) {
        assert!(expected == found, "{what}: {file} differs");
    }
}

fn flip_a_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    fs::write(path, bytes).unwrap();
}

fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.filter(|p| p.file_name().unwrap().to_string_lossy().starts_with(".tmp-")).collect()
}

#[test]
fn patience_stops_and_the_best_parameters_are_kept() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    // An equal score is no better one: the fifth and the sixth epoch are two without improvement.
    let mut task = Toy::scored(&[0.2, 0.5, 0.4, 0.6, 0.6, 0.5, 0.9, 0.9]);
    let config = TrainerConfig { epochs: 8, patience: Some(2), ..config() };
    let summary = run(folder.path(), &config, &mut task, &Silent).unwrap();
    let best = summary.best.unwrap();
    assert_eq!((summary.epochs, summary.steps), (6, 6 * BATCHES));
    assert_eq!((best.score, best.epoch, best.step), (0.6, 3, 4 * BATCHES));
    let epochs = task.epochs.borrow();
    assert!(task.bytes() == epochs[3], "the task holds the parameters of the best epoch");
    assert!(epochs[3] != epochs[5], "the last epoch has others");
    assert_eq!(fs::read(folder.path().join("best/model.safetensors")).unwrap(), epochs[3]);

    // A finished run that is started again does nothing but give the same.
    let mut again = Toy::scored(&[]);
    let second = run(folder.path(), &config, &mut again, &Silent).unwrap();
    assert!(again.steps.is_empty() && again.bytes() == epochs[3]);
    assert_eq!((second.log, second.best), (summary.log, summary.best));
}

#[test]
fn without_a_score_the_last_parameters_are_kept() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let mut task = Toy::scored(&[]);
    let config = TrainerConfig { patience: Some(1), ..config() };
    let summary = run(folder.path(), &config, &mut task, &Silent).unwrap();
    assert_eq!((summary.epochs, summary.best), (4, None));
    let epochs = task.epochs.borrow();
    assert!(task.bytes() == epochs[3] && epochs[2] != epochs[3]);
    assert!(!folder.path().join("best").exists());
    let scores = summary.log.iter().filter_map(|line| match line {
        LogLine::Epoch { score, .. } => Some(*score),
        LogLine::Curve { .. } => None,
    });
    assert_eq!(scores.collect::<Vec<_>>(), [None; 4]);
}

#[test]
fn the_task_is_learned() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let config = TrainerConfig { epochs: 30, ..config() };
    let summary = run(folder.path(), &config, &mut Toy::new(1), &Silent).unwrap();
    assert!(summary.best.unwrap().score > 0.9, "{:?}", summary.best);
}

#[test]
fn curve_and_epoch_lines_hold_the_mean_loss_of_an_item() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let mut task = Toy::new(1);
    let summary = run(folder.path(), &config(), &mut task, &Silent).unwrap();
    let mean = |steps: &[StepOutcome]| {
        let items: u64 = steps.iter().map(|s| s.items).sum();
        steps.iter().map(|s| s.loss * s.items as f64).sum::<f64>() / items as f64
    };
    let (mut curve, mut epochs) = (Vec::new(), Vec::new());
    for line in &summary.log {
        match line {
            LogLine::Curve { step, loss } => curve.push((*step, *loss)),
            LogLine::Epoch { epoch, step, loss, metrics, .. } => {
                assert!(metrics.contains_key("accuracy"));
                epochs.push((*epoch, *step, *loss));
            }
        }
    }
    let expected: Vec<_> = task.steps.chunks(4).zip(1..).map(|(s, i)| (4 * i, mean(s))).collect();
    assert_eq!(curve, expected, "a point covers four steps, also over the end of an epoch");
    let expected: Vec<_> = task.steps.chunks(5).zip(1..).map(|(s, i)| (i, 5 * i, mean(s))).collect();
    assert_eq!(epochs, expected);
    assert_eq!(summary.timing.len(), 4);
    assert!(summary.timing.iter().all(|t| t.whole && t.items_per_second > 0.0 && t.peak_mib > 0.0));
    assert!(summary.seconds_per_epoch().is_some_and(|seconds| seconds > 0.0));
}

#[test]
fn stopped_anywhere_and_resumed_is_the_same_to_the_byte() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let calm = folder.path().join("calm");
    let mut whole = Toy::alternating(1);
    run(&calm, &config(), &mut whole, &Silent).unwrap();
    assert_eq!(whole.turns.iter().sum::<u64>(), 4 * BATCHES);
    assert!(whole.turns.iter().all(|&turns| turns > 3), "both tasks take turns: {:?}", whole.turns);

    // In the middle of an epoch, at a timed checkpoint, at an epoch's last step, right after it, before the end.
    for step in [1, 3, 5, 6, 13, 19] {
        let other = folder.path().join(step.to_string());
        stop(&other, &config(), Toy::alternating(1), step);
        // Other first values: everything must come from the checkpoint.
        let mut rest = Toy::alternating(99);
        let summary = run(&other, &config(), &mut rest, &Silent).unwrap();
        assert_eq!((summary.steps, rest.steps.len() as u64), (4 * BATCHES, 4 * BATCHES - step));
        assert_eq!((rest.turns, rest.last), (whole.turns, whole.last));
        assert_same(&calm, &other, &format!("stopped after step {step}"));
        assert!(rest.bytes() == whole.bytes());
        assert_eq!(
            summary.timing.iter().filter(|t| !t.whole).count(),
            usize::from(step % 5 != 0 || step == 5)
        );
    }

    // Three stops in one run.
    let other = folder.path().join("often");
    for step in [2, 9, 10] {
        stop(&other, &config(), Toy::alternating(step), step);
        if step == 2 {
            // The first part decides the start.
            fs::remove_dir_all(&other).unwrap();
            stop(&other, &config(), Toy::alternating(1), step);
        }
    }
    run(&other, &config(), &mut Toy::alternating(5), &Silent).unwrap();
    assert_same(&calm, &other, "three stops");
}

#[test]
fn a_task_that_forgets_its_turns_goes_another_way() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (calm, other) = (folder.path().join("calm"), folder.path().join("other"));
    run(&calm, &config(), &mut Toy::alternating(1), &Silent).unwrap();
    stop(&other, &config(), Toy::alternating(1), 7);
    let state: Value = serde_json::from_slice(&fs::read(other.join("latest/state.json")).unwrap()).unwrap();
    let turns = &state["task"]["turns"];
    assert_eq!(turns[0].as_u64().unwrap() + turns[1].as_u64().unwrap(), 7);
    run(&other, &config(), &mut Toy { forgets: true, ..Toy::alternating(1) }, &Silent).unwrap();
    let model = |folder: &Path| fs::read(folder.join("latest/model.safetensors")).unwrap();
    assert!(
        model(&calm) != model(&other),
        "the state matters, or the tests of resuming say nothing about it"
    );
}

#[test]
fn a_damaged_newest_checkpoint_is_passed_over_with_a_warning() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let calm = folder.path().join("calm");
    run(&calm, &config(), &mut Toy::alternating(1), &Silent).unwrap();
    for file in ["model.safetensors", "optimizer.safetensors", "state.json"] {
        let other = folder.path().join(file);
        stop(&other, &config(), Toy::alternating(1), 8);
        flip_a_byte(&other.join("step-00000008").join(file));
        let mut rest = Toy::alternating(99);
        let warnings = Warnings::default();
        tracing::subscriber::with_default(warnings.clone(), || {
            run(&other, &config(), &mut rest, &Silent).unwrap();
        });
        let warnings = warnings.0.lock().unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("step-00000008") && warnings[0].contains(file), "{warnings:?}");
        assert_eq!(rest.steps.len() as u64, 4 * BATCHES - 5, "from the checkpoint before it");
        assert_same(&calm, &other, file);
    }
}

#[test]
fn a_damaged_checkpoint_never_pushes_out_the_good_ones() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (calm, other) = (folder.path().join("calm"), folder.path().join("other"));
    let config = TrainerConfig { keep: 1, checkpoint_every_steps: 0, ..config() };
    run(&calm, &config, &mut Toy::new(1), &Silent).unwrap();
    // One checkpoint is kept besides the best: the newest, at step 8, and the first epoch's.
    stop(&other, &config, Toy::new(1), 8);
    flip_a_byte(&other.join("step-00000008/state.json"));
    // From step 5 again, and stopped before the damaged one's step is reached.
    stop(&other, &config, Toy::new(99), 7);
    assert!(other.join("latest/state.json").is_file(), "the checkpoint of step 7 is there");
    let mut rest = Toy::new(99);
    run(&other, &config, &mut rest, &Silent).unwrap();
    assert_eq!(rest.steps.len() as u64, 4 * BATCHES - 7);
    assert_same(&calm, &other, "keep 1");
}

#[test]
fn all_checkpoints_damaged_is_an_error_that_says_what_to_do() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    stop(folder.path(), &config(), Toy::new(1), 2);
    flip_a_byte(&folder.path().join("step-00000002/model.safetensors"));
    let message = run(folder.path(), &config(), &mut Toy::new(1), &Silent).unwrap_err().to_string();
    assert!(message.contains("step-00000002") && message.contains("remove the folder"), "{message}");
}

#[test]
fn metrics_of_lost_steps_are_cut_and_missing_ones_refused() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (calm, other) = (folder.path().join("calm"), folder.path().join("other"));
    run(&calm, &config(), &mut Toy::new(1), &Silent).unwrap();

    stop(&other, &config(), Toy::new(1), 7);
    let metrics = other.join("metrics.jsonl");
    let whole = fs::read(&metrics).unwrap();
    fs::write(&metrics, &whole[..whole.len() - 1]).unwrap();
    let message = run(&other, &config(), &mut Toy::new(1), &Silent).unwrap_err().to_string();
    let (is, was) = (format!("{} bytes", whole.len() - 1), whole.len().to_string());
    for part in ["metrics.jsonl", is.as_str(), was.as_str(), "put it back", "remove the folder"] {
        assert!(message.contains(part), "expected {part}\n{message}");
    }
    assert_eq!(fs::read(&metrics).unwrap().len(), whole.len() - 1, "a refused resume changes nothing");

    let longer = [&whole[..], b"{\"kind\":\"curve\",\"step\":8,\"loss\":1.0}\n{\"kind\":\"cur"].concat();
    fs::write(&metrics, longer).unwrap();
    run(&other, &config(), &mut Toy::new(1), &Silent).unwrap();
    assert_same(&calm, &other, "longer metrics");
}

#[test]
fn other_settings_are_refused_with_each_difference() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    stop(folder.path(), &config(), Toy::new(1), 7);
    let before = record_of_checkpoint(folder.path());
    let mut other = settings();
    other.seed = 4;
    other.configuration["rate"] = json!(0.5);
    other.data.insert("train.jsonl".into(), "ab12".into());
    let error = Trainer::new(folder.path(), config(), other, &Silent).run(&mut Toy::new(1)).unwrap_err();
    let message = error.to_string();
    let CoreError::ResumeDiffers { path, differences } = error else { panic!("{message}") };
    assert_eq!(path, folder.path());
    assert_eq!(
        differences,
        [
            "configuration.rate: was 0.05, is 0.5",
            "data.train.jsonl: was null, is \"ab12\"",
            "seed: was 3, is 4"
        ]
    );
    assert!(message.contains("Start in another folder, or restore the settings"), "{message}");
    assert_eq!(record_of_checkpoint(folder.path()), before, "a refused resume changes nothing");
}

fn record_of_checkpoint(folder: &Path) -> Vec<Vec<u8>> {
    let files =
        ["latest/model.safetensors", "latest/optimizer.safetensors", "latest/state.json", "metrics.jsonl"];
    files.iter().map(|file| fs::read(folder.join(file)).unwrap()).collect()
}

#[test]
fn what_is_not_finite_names_step_and_sentences_and_spoils_no_checkpoint() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let calm = folder.path().join("calm");
    run(&calm, &config(), &mut Toy::new(1), &Silent).unwrap();
    for (trouble, expected) in [(Trouble::Loss, "loss"), (Trouble::Gradient, "gradient norm")] {
        let other = folder.path().join(expected);
        let mut task = Toy { trouble: Some((9, trouble)), ..Toy::new(1) };
        let error = run(&other, &config(), &mut task, &Silent).unwrap_err();
        let message = error.to_string();
        let CoreError::NotFinite { what, value, step, sentences } = error else { panic!("{message}") };
        assert_eq!((what, value.is_nan(), step), (expected, true, 9));
        let at = At { seed: 3, epoch: 1, batch: 4, step: 9 };
        assert_eq!(sentences, task.sentences(&at));
        assert!(message.contains("step 9") && message.contains(&sentences[0]), "{message}");

        let checkpoint = CheckpointFolder::open(&other, 2).unwrap().load_latest().unwrap().unwrap();
        assert_eq!(checkpoint.state.step, 8);
        for (name, tensor) in checkpoint.model.iter().chain(&checkpoint.optimizer) {
            let finite = tensor.isfinite().all().int64_value(&[]);
            assert_eq!(finite, 1, "{name}");
        }
        // Once the cause is mended, training goes on as if nothing had been.
        run(&other, &config(), &mut Toy::new(99), &Silent).unwrap();
        assert_same(&calm, &other, expected);
    }
}

#[test]
fn a_score_that_is_no_number_is_refused_before_it_is_saved() {
    let _alone = alone();
    for bad in [f64::NAN, f64::INFINITY] {
        let folder = tempfile::tempdir().unwrap();
        let mut task = Toy::scored(&[0.5, bad, 0.6, 0.7]);
        let message = run(folder.path(), &config(), &mut task, &Silent).unwrap_err().to_string();
        assert!(message.contains("score") && message.contains("epoch 2"), "{message}");
        // The epoch is scored again, by a task that can.
        let summary =
            run(folder.path(), &config(), &mut Toy::scored(&[0.5, 0.4, 0.6, 0.7]), &Silent).unwrap();
        assert_eq!(summary.best.unwrap().epoch, 3);
    }
}

#[test]
fn what_a_killed_save_left_is_removed() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (calm, other) = (folder.path().join("calm"), folder.path().join("other"));
    run(&calm, &config(), &mut Toy::new(1), &Silent).unwrap();
    assert_eq!(leftovers(&calm), Vec::<PathBuf>::new(), "a run leaves none itself");

    stop(&other, &config(), Toy::new(1), 7);
    for stage in [".tmp-4242", ".tmp-old-4242"] {
        fs::create_dir(other.join(stage)).unwrap();
        fs::write(other.join(stage).join("model.safetensors"), b"half of a mod").unwrap();
    }
    std::os::unix::fs::symlink("step-00000099", other.join(".tmp-latest-4242")).unwrap();
    // A kill between the renames of a save leaves the links behind.
    fs::remove_file(other.join("latest")).unwrap();
    fs::remove_file(other.join("best")).unwrap();
    run(&other, &config(), &mut Toy::new(99), &Silent).unwrap();
    assert_eq!(leftovers(&other), Vec::<PathBuf>::new());
    assert_same(&calm, &other, "after a killed save");
}

/// Collects the texts of warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0 = format!("{value:?}");
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
