//! Pre-training of a tiny encoder: it learns, is resumed to the bit, does not depend on how a step is parted, and leaves a
//! folder.
#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use medner_albert_idcnn::albert::folder::AlbertFolder;
use medner_albert_idcnn::albert::{AlbertModel, AlbertTokenizer, Pooler};
use medner_albert_idcnn::pretraining::config::{EncoderConfig, PretrainingConfig};
use medner_albert_idcnn::pretraining::objective::{self, MlmSop};
use medner_albert_idcnn::pretraining::run::pretrain;
use medner_albert_idcnn::pretraining::vocabulary::{encode, vocabulary};
use medner_core::checkpoint::Settings;
use medner_core::params::Params;
use medner_core::trainer::{At, LogLine, Silent, Task, Trainer, TrainerConfig, Watch};
use medner_data::plain_text::Text;
use medner_data::sample::{self, Kind};
use medner_experiment::RunContext;
use medner_training::pretraining::{Documents, Pretraining};
use tch::Device;

/// Clinical records of our own.
fn text() -> Text {
    let records = sample::documents(Kind::Ccks2019, sample::SEED).train;
    let sentences = |text: &str| text.split_inclusive('。').map(String::from).collect();
    Text { name: "sample".into(), documents: records.iter().take(120).map(|r| sentences(&r.text)).collect() }
}

fn config() -> PretrainingConfig {
    let mut config = PretrainingConfig {
        encoder: EncoderConfig {
            embedding_size: 16,
            hidden_size: 32,
            layers: 2,
            heads: 2,
            intermediate_size: 64,
            dropout: 0.1,
            ..EncoderConfig::default()
        },
        ..PretrainingConfig::default()
    };
    config.vocabulary.source = "characters".into();
    config.sequences.max_length = 48;
    config.sequences.held_out = 0.1;
    config.training.epochs = 3;
    config.training.batch_pieces = 768;
    config.training.learning_rate = 5e-3;
    config.training.curve_every = 4;
    config
}

fn task(config: &PretrainingConfig, seed: u64) -> Pretraining<MlmSop> {
    task_on(text(), config, seed)
}

fn task_on(text: Text, config: &PretrainingConfig, seed: u64) -> Pretraining<MlmSop> {
    let texts = [text];
    let entries = vocabulary(&config.vocabulary, &texts).unwrap();
    let tokenizer = AlbertTokenizer::new(&entries, config.vocabulary.mode, true).unwrap();
    let encode = |sentences: &[String]| encode(&tokenizer, sentences);
    let (documents, _) = Documents::encode(texts.into(), config.sequences.held_out, encode).unwrap();
    let albert = config.encoder.albert(entries.len(), config.sequences.max_length);
    objective::task(config, &albert, tokenizer, documents, seed, Device::Cpu).unwrap()
}

/// Asks to stop after so many steps.
struct StopAfter(Cell<u64>);

impl Watch for StopAfter {
    fn stop(&self) -> Option<i32> {
        self.0.set(self.0.get().saturating_sub(1));
        (self.0.get() == 0).then_some(15)
    }
}

fn trainer<'a>(config: &PretrainingConfig, folder: &Path, watch: &'a dyn Watch) -> Trainer<'a> {
    let trainer = TrainerConfig {
        epochs: config.training.epochs,
        curve_every: config.training.curve_every,
        ..TrainerConfig::default()
    };
    let settings =
        Settings { seed: 5, configuration: serde_json::to_value(config).unwrap(), ..Settings::default() };
    Trainer::new(folder, trainer, settings, watch)
}

fn bits(task: &Pretraining<MlmSop>) -> Vec<u8> {
    medner_core::tensors::to_bytes(&task.model().unwrap()).unwrap()
}

#[test]
fn a_run_that_was_stopped_twice_gives_the_same_bytes() {
    let config = config();
    let (whole, parted) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut straight = task(&config, 5);
    let summary = trainer(&config, whole.path(), &Silent).run(&mut straight).unwrap();
    assert!(summary.steps > 30, "{}", summary.steps);
    // Once inside the first epoch, once inside the second, each time with a task made anew.
    for steps in [7, summary.steps / 2] {
        let stopped =
            trainer(&config, parted.path(), &StopAfter(Cell::new(steps))).run(&mut task(&config, 5));
        assert!(stopped.is_err());
    }
    let mut resumed = task(&config, 5);
    trainer(&config, parted.path(), &Silent).run(&mut resumed).unwrap();
    assert_eq!(bits(&resumed), bits(&straight));
    let metrics = |folder: &Path| std::fs::read(folder.join("metrics.jsonl")).unwrap();
    assert_eq!(metrics(parted.path()), metrics(whole.path()));

    let mut other = task(&config, 6);
    trainer(&config, tempfile::tempdir().unwrap().path(), &Silent).run(&mut other).unwrap();
    assert_ne!(bits(&other), bits(&straight), "another seed draws other values");
}

/// Documents that each speak of one of twenty things, with the eight characters of that thing: who has seen the rest of a
/// window knows which eight a hidden piece is one of.
fn things() -> Text {
    let document = |number: u32| {
        let character = |place: u32| {
            let random = medner_core::device::mix(u64::from(number), u64::from(place)) % 8;
            char::from_u32(0x4E00 + 8 * (number % 20) + random as u32).unwrap()
        };
        (0..4).map(|sentence| (0..10).map(|i| character(10 * sentence + i)).collect()).collect()
    };
    Text { name: "things".into(), documents: (0..400).map(document).collect() }
}

#[test]
fn perplexity_falls_far_below_that_of_frequencies_alone() {
    let mut config = config();
    config.encoder.dropout = 0.0;
    config.training.epochs = 20;
    config.training.batch_pieces = 480;
    config.training.learning_rate = 5e-3;
    let mut learned = task_on(things(), &config, 5);
    let before = learned.evaluate(0).unwrap().unwrap().metrics;
    let folder = tempfile::tempdir().unwrap();
    let summary = trainer(&config, folder.path(), &Silent).run(&mut learned).unwrap();
    let after = learned.evaluate(0).unwrap().unwrap().metrics;
    // Nothing learned: the logarithm of 160 characters and 5 special entries. Everything: that of 8.
    assert!((before["piece_loss"] - 165.0_f64.ln()).abs() < 0.2, "{before:?}");
    assert!(after["piece_loss"] < 3.0 && after["piece_loss"] > 1.9, "{after:?}");
    assert!((after["perplexity"] - after["piece_loss"].exp()).abs() < 1e-9);
    assert!(after["piece_accuracy"] > 0.08, "{after:?}");
    // The same text, the same windows, the same pieces hidden.
    assert_eq!(learned.evaluate(1).unwrap().unwrap().metrics, after);
    let points = summary.log.iter();
    let curve = points.filter_map(|l| if let LogLine::Curve { loss, .. } = l { Some(*loss) } else { None });
    let curve: Vec<f64> = curve.collect();
    assert!(curve.len() > 20 && curve[curve.len() - 1] < curve[0] - 1.5, "{curve:?}");
}

#[test]
fn a_step_in_parts_is_the_same_step() {
    let mut config = config();
    config.encoder.dropout = 0.0;
    let at = At { seed: 5, epoch: 0, batch: 0, step: 0 };
    let step = |part_pieces: usize| {
        config.training.part_pieces = part_pieces;
        let mut task = task(&config, 5);
        let outcome = task.step(&at).unwrap();
        let words = task.params.get("albert.embeddings.word_embeddings.weight").unwrap();
        (outcome.loss, outcome.items, words.grad().copy())
    };
    let [whole, parted] = [768, 96].map(step);
    assert_eq!(whole.1, parted.1);
    assert!((whole.0 - parted.0).abs() < 1e-6 * whole.0, "{} {}", whole.0, parted.0);
    let difference = (&whole.2 - parted.2).norm().double_value(&[]) / whole.2.norm().double_value(&[]);
    assert!(difference < 1e-5, "{difference}");
}

#[test]
fn the_folder_is_read_as_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let (work, out) = (folder.path().join("encoder/training"), folder.path().join("encoder"));
    let mut config = config();
    config.training.epochs = 1;
    let ctx = RunContext::new(folder.path(), &work);
    let made = pretrain(&config, vec![text()], BTreeMap::new(), 3, [&work, &out], &ctx).unwrap();
    assert!(made.notes["text sample"].contains("108 documents"), "{:?}", made.notes);
    assert_eq!(made.notes["matrix products"], "f32");
    let given = AlbertFolder::open(&out).unwrap();
    assert_eq!(given.config, made.albert);
    let params = Params::new(Device::Cpu);
    let _ = AlbertModel::new(&params.root(), &given.config, Pooler::Without).unwrap();
    given.load_encoder(&params, "", Pooler::Without).unwrap();
    for name in ["tokenizer_config.json", "vocab.txt", "config.json", "model.safetensors"] {
        assert!(out.join(name).is_file(), "{name}");
    }
    // Done is done: the same command again trains nothing and writes the same folder.
    let bytes = std::fs::read(out.join("model.safetensors")).unwrap();
    pretrain(&config, vec![text()], BTreeMap::new(), 3, [&work, &out], &ctx).unwrap();
    assert_eq!(std::fs::read(out.join("model.safetensors")).unwrap(), bytes);
    // Other settings are refused.
    config.training.learning_rate = 1e-4;
    let error = pretrain(&config, vec![text()], BTreeMap::new(), 3, [&work, &out], &ctx).err().unwrap();
    assert!(error.to_string().contains("learning_rate"), "{error:#}");
    // Text that is none.
    let elsewhere = folder.path().join("elsewhere");
    let empty = Text { name: "empty".into(), documents: vec![vec!["一".into()]] };
    let error = pretrain(&config, vec![empty], BTreeMap::new(), 3, [&elsewhere, &out], &ctx).err().unwrap();
    assert!(error.to_string().contains("no document"), "{error:#}");
}

#[test]
fn a_training_that_goes_on_begins_where_the_first_ended() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let run = |config: &PretrainingConfig, name: &str, seed: u64| {
        let (work, out) = (path(name).join("training"), path(name));
        let ctx = RunContext::new(place.path(), &work);
        pretrain(config, vec![text()], BTreeMap::new(), seed, [&work, &out], &ctx)
    };
    let scores = |log: &[LogLine]| -> Vec<f64> {
        let score = |line: &LogLine| if let LogLine::Epoch { score, .. } = line { *score } else { None };
        log.iter().filter_map(score).collect()
    };
    let first = run(&config(), "first", 3).unwrap();
    let ended = *scores(&first.summary.log).last().unwrap();

    // Sizes and vocabulary are those of the first, whatever the configuration says of new ones.
    let mut config = config();
    config.start = Some(path("first"));
    config.encoder = EncoderConfig::default();
    config.vocabulary.min_count = 40;
    config.training.epochs = 1;
    config.training.learning_rate = 1e-9;
    let still = run(&config, "still", 4).unwrap();
    assert_eq!(still.albert, first.albert);
    let file = |folder: &str, name: &str| std::fs::read(path(folder).join(name)).unwrap();
    assert!(file("still", "vocab.txt") == file("first", "vocab.txt"));
    let score = scores(&still.summary.log)[0];
    assert!((score - ended).abs() < 1e-4, "{score} {ended}");

    config.training.learning_rate = 2e-3;
    config.training.epochs = 3;
    let further = run(&config, "further", 4).unwrap();
    assert!(scores(&further.summary.log)[2] > ended + 0.02, "{:?} {ended}", scores(&further.summary.log));

    // The same folder with another encoder in it is another start.
    std::fs::copy(path("still/model.safetensors"), path("first/model.safetensors")).unwrap();
    let error = format!("{:#}", run(&config, "further", 4).err().unwrap());
    assert!(error.contains("start/model.safetensors"), "{error}");
    config.sequences.max_length = 49;
    let error = format!("{:#}", run(&config, "longer", 4).err().unwrap());
    assert!(error.contains("sequences.max_length") && error.contains("48 positions"), "{error}");
}
