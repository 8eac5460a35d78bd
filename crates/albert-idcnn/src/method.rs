//! What the driver asks of this paper: configuration, data, cells, and the verbs on a user's own files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use medner_core::device;
use medner_core::layers::Batch;
use medner_core::records::{Cut, hold_out};
use medner_data::formats::split::SplitOptions;
use medner_data::predictions::{self, Shape};
use medner_data::{Document, user_files};
use medner_experiment::{
    Cell, ConfigError, DataFacts, EvaluateArgs, Method, Missing, Outcome, PredictArgs, PredictFormat,
    RunContext, Scores, Shortcut, TrainArgs, Value, config, evaluation,
};
use medner_metrics::entity_report;

use crate::config::{Config, Input, Job, Limits};
use crate::prepare::{Given, prepare};
use crate::pretraining::run::{self as pretrain, files_of, files_of_start};
use crate::pretraining::vocabulary::CHINESE;
use crate::{cells, datasets, folder};

/// Raised whenever a change alters numbers: results of earlier versions are then run again.
pub const RESULTS_VERSION: u32 = 3;

/// The method of Li et al. 2022.
pub struct AlbertIdcnn;

impl Method for AlbertIdcnn {
    fn name(&self) -> &'static str {
        "albert-idcnn"
    }

    fn about(&self) -> &'static str {
        "Chinese clinical NER with ALBERT, IDCNN, multi-head attention and CRF (Li et al. 2022)"
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn results_version(&self) -> u32 {
        RESULTS_VERSION
    }

    fn check_config(&self, given: &Value) -> Result<Value, ConfigError> {
        let value = config::canonical::<Config>(given)?;
        let config = config::from_value::<Config>(&value)?.for_its_job();
        match config.problem() {
            Some((key, message)) => Err(ConfigError::at(&key, message)),
            None => serde_json::to_value(config).map_err(|e| ConfigError::at("", e.to_string())),
        }
    }

    fn check_train(&self, given: &Value) -> Result<(), ConfigError> {
        crate::unread::check_train(given)
    }

    fn train_example(&self) -> &'static [&'static str] {
        &["training.epochs=5"]
    }

    fn locate(&self, data: &str) -> Result<DataFacts, Missing> {
        datasets::facts(data)
    }

    fn inputs(&self, config: &Value) -> Result<DataFacts, Missing> {
        let config: Config = config::from_value(config).map_err(|e| Missing::new(e.to_string()))?;
        let mut inputs = DataFacts::default();
        let texts = match (config.job, &config.encoder) {
            (Job::Vectors, _) => config.vectors.texts,
            (Job::Pretraining, None) => {
                if let Some(start) = &config.pretraining.start {
                    inputs.files = files_of_start(start).map_err(|e| Missing::new(format!("{e:#}")))?;
                } else if config.pretraining.vocabulary.source == CHINESE {
                    inputs.files = datasets::chinese_vocabulary()?.files;
                }
                config.pretraining.texts
            }
            // Cells that start from a folder are known by its files, wherever it lies.
            (Job::Pretraining | Job::Tagger, Some(folder)) => {
                inputs.files = files_of(Path::new(folder)).map_err(|e| Missing::new(format!("{e:#}")))?;
                Vec::new()
            }
            _ => Vec::new(),
        };
        for text in &texts {
            inputs.files.extend(datasets::facts(text)?.files);
        }
        Ok(inputs)
    }

    fn sample(&self, data: &str) -> Option<String> {
        medner_data::sample::sample_for(data)
    }

    /// A sample run needs no other corpora: its character vectors and its encoder are trained on the sample alone.
    fn sample_config(&self, config: &Value) -> Value {
        let mut config = config.clone();
        config["vectors"]["texts"] = Value::Array(Vec::new());
        config["pretraining"]["texts"] = Value::Array(Vec::new());
        config["pretraining"]["vocabulary"]["source"] = "characters".into();
        config
    }

    fn run(&self, cell: &Cell, ctx: &RunContext) -> Result<Outcome> {
        cells::run(cell, ctx)
    }

    fn train(&self, args: &TrainArgs, ctx: &RunContext) -> Result<()> {
        let config: Config = config::from_value(&args.config)?;
        if config.job != Job::Tagger || config.limits != Limits::default() {
            bail!(
                "`job` and `limits` are for the cells of tables; `train` trains a tagger on the whole file: leave them out"
            );
        }
        device::set_threads(ctx.threads);
        let device = device::open(&ctx.device)?;
        let training = user_files::annotated(&args.train)?;
        let given = args.dev.as_deref().map(user_files::annotated).transpose()?;
        let (train, development) = match &given {
            Some(development) => (training.as_slice(), development.as_slice()),
            None => hold_out(&training, config.development),
        };
        if train.iter().all(|d| d.entities.is_empty()) {
            bail!("{}: holds no entities, so there is nothing to learn", args.train.display());
        }
        check_development(args, train, development)?;
        user_files::warn_of_overlaps(&args.train, train, "only the longest of them is learned");
        let mut data = BTreeMap::new();
        for (role, file) in [("train", Some(&args.train)), ("dev", args.dev.as_ref())] {
            if let Some(file) = file {
                data.insert(role.to_owned(), medner_data::hash::hash_file(file)?.sha256);
            }
        }
        let given = match (config.model.input, &config.encoder) {
            (Input::Characters, _) => Given::Nothing,
            (Input::Albert, None) => bail!(cells::NO_ENCODER),
            (Input::Albert, Some(folder)) => {
                data.extend(
                    files_of(Path::new(folder))?.into_iter().map(|(k, v)| (format!("encoder {k}"), v)),
                );
                Given::Encoder(Path::new(folder))
            }
        };
        let prepared = prepare(&config, args.seed, train, development, given)?;
        for (what, note) in &prepared.notes {
            tracing::info!("{what}: {note}");
        }
        std::fs::create_dir_all(&args.out).with_context(|| {
            format!("{}: cannot be made; name a folder that can be written by `--out`", args.out.display())
        })?;
        let (task, summary) = cells::train(&config, args.seed, data, prepared, ctx, device)?;
        folder::save(&args.out, &config, &task.labels, &task.reading, &task.tagger)?;
        if let Some(best) = summary.best {
            tracing::info!(
                "best development F1 {:.2} in epoch {} of {}; the model is in {}",
                100.0 * best.score,
                best.epoch + 1,
                summary.epochs,
                args.out.display()
            );
        }
        Ok(())
    }

    fn evaluate(&self, args: &EvaluateArgs, ctx: &RunContext) -> Result<Scores> {
        device::set_threads(ctx.threads);
        let device = device::open(&ctx.device)?;
        let model = folder::load(&args.model, device)?;
        let documents = user_files::annotated(&args.test)?;
        let known: BTreeSet<&str> = model.labels.types().iter().map(String::as_str).collect();
        let remedy = "Train a model with this type, or take it out of the test file.";
        user_files::check_labels(&args.test, &documents, &known, remedy)?;
        user_files::warn_of_overlaps(
            &args.test,
            &documents,
            "a tagger finds at most one of them, the others count as missed",
        );
        let max = model.config.split.max_length;
        let records = model.reading.records(&documents, max, Cut::Blind, &model.labels)?;
        let cut = records.report.entities_cut;
        if cut > 0 {
            tracing::warn!(
                "{cut} entities stand on both sides of a cut at {max} characters (`split.max_length` of the training): they \
                 count as missed"
            );
        }
        let predicted = records.predict(&model.labels, device, |batch| model.tagger.decode(batch))?;
        let report = entity_report(&records.gold, &predicted)?;
        let mut scores = Scores::new();
        evaluation::put_report(&mut scores, "ner", &report);
        Ok(scores)
    }

    fn predict(&self, args: &PredictArgs, ctx: &RunContext) -> Result<()> {
        let shape = shape(args.format);
        predictions::check_output(shape, args.input.as_deref(), args.output.as_deref())?;
        device::set_threads(ctx.threads);
        let device = device::open(&ctx.device)?;
        let model = folder::load(&args.model, device)?;
        let documents = user_files::text(args.input.as_deref())?;
        let progress = |done: usize, total: usize| ctx.progress.set(done as u64, total as u64, "sentences");
        let split = SplitOptions { max_length: model.config.split.max_length, ..SplitOptions::default() };
        let decode = |batch: &Batch| model.tagger.decode_with_posterior(batch);
        let found = model.reading.find(&documents, split, &model.labels, device, decode, &progress)?;
        Ok(predictions::write(shape, &documents, &found, args.output.as_deref())?)
    }

    fn versions(&self) -> BTreeMap<String, String> {
        [("libtorch".to_owned(), device::LIBTORCH_VERSION.to_owned())].into()
    }

    fn device(&self, name: &str) -> Result<String> {
        Ok(device::name(device::open(name)?))
    }

    fn shortcuts(&self) -> Vec<Shortcut> {
        vec![Shortcut {
            flag: "encoder",
            value_name: "DIR",
            help: "Folder of a published ALBERT (config.json, vocab.txt, model.safetensors) for the systems that read with one",
            key: "encoder",
        }]
    }

    fn commands(&self) -> Vec<clap::Command> {
        vec![pretrain::command()]
    }

    fn run_command(&self, name: &str, matches: &clap::ArgMatches, ctx: &RunContext) -> Result<()> {
        anyhow::ensure!(
            name == medner_training::pretraining::command::COMMAND,
            "there is no command `{name}`"
        );
        pretrain::run_command(matches, ctx)
    }
}

/// How the command line's format is called where it is written.
fn shape(format: PredictFormat) -> Shape {
    match format {
        PredictFormat::Text => Shape::Text,
        PredictFormat::Conll => Shape::Conll,
        PredictFormat::Jsonl => Shape::Jsonl,
        PredictFormat::Brat => Shape::Brat,
        PredictFormat::Pubtator => Shape::Pubtator,
    }
}

/// An entity type that only the development part has cannot be learned, and its tags do not exist.
fn check_development(args: &TrainArgs, train: &[Document], development: &[Document]) -> Result<()> {
    let known = train.iter().flat_map(|d| d.entities.iter().map(|e| e.label.as_str())).collect();
    let (path, remedy): (&Path, &str) = match &args.dev {
        Some(path) => {
            (path, "Add examples of it to the training file, or take it out of the development file.")
        }
        None => (
            &args.train,
            "It stands in the last records only, which are held out for development: shuffle the file, add examples, or \
             give a file of its own by `--dev`.",
        ),
    };
    Ok(user_files::check_labels(path, development, &known, remedy)?)
}
