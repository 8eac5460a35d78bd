//! What the driver asks of this paper: configuration, data, cells, and the verbs on a user's own files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use medner_core::{device, tensors};
use medner_data::formats::{brat, conll_writer, pubtator};
use medner_data::{Document, Entity};
use medner_experiment::{
    Cell, ConfigError, DataFacts, EvaluateArgs, Method, Missing, Outcome, PredictArgs, PredictFormat,
    RunContext, Scores, TrainArgs, Value, config,
};
use medner_metrics::entity_report;
use serde::Serialize;

use crate::config::{Config, Job, Limits};
use crate::corpus::{Cut, Records, hold_out};
use crate::predict::{Found, predict};
use crate::prepare::prepare;
use crate::{cells, datasets, folder, input};

/// Raised whenever a change alters numbers: results of earlier versions are then run again.
pub const RESULTS_VERSION: u32 = 1;

/// The method of Li et al. 2022.
pub struct AlbertIdcnn;

impl Method for AlbertIdcnn {
    fn name(&self) -> &'static str {
        "albert-idcnn"
    }

    fn about(&self) -> &'static str {
        "Chinese clinical NER with IDCNN, multi-head attention and CRF (Li et al. 2022)"
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
            Some((key, message)) => Err(ConfigError::at(key, message)),
            None => serde_json::to_value(config).map_err(|e| ConfigError::at("", e.to_string())),
        }
    }

    fn locate(&self, data: &str) -> Result<DataFacts, Missing> {
        datasets::facts(data)
    }

    fn inputs(&self, config: &Value) -> Result<DataFacts, Missing> {
        let config: Config = config::from_value(config).map_err(|e| Missing::new(e.to_string()))?;
        let mut inputs = DataFacts::default();
        if config.job == Job::Vectors {
            for text in &config.vectors.texts {
                inputs.files.extend(datasets::facts(text)?.files);
            }
        }
        Ok(inputs)
    }

    fn sample(&self, data: &str) -> Option<String> {
        medner_data::sample::sample_for(data)
    }

    /// A sample run needs no other corpora: its character vectors are trained on the sample alone.
    fn sample_config(&self, config: &Value) -> Value {
        let mut config = config.clone();
        config["vectors"]["texts"] = Value::Array(Vec::new());
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
        if args.out.exists() && !args.out.is_dir() {
            bail!("{}: is a file; `--out` names the folder for the model", args.out.display());
        }
        if !args.resume && args.out.join("latest").exists() {
            bail!(
                "{}: holds a training already; go on with it by `--resume`, or name another folder with `--out`",
                args.out.display()
            );
        }
        device::set_threads(ctx.threads);
        let device = device::open(&ctx.device)?;
        let training = input::annotated(&args.train)?;
        let given = args.dev.as_deref().map(input::annotated).transpose()?;
        let (train, development) = match &given {
            Some(development) => (training.as_slice(), development.as_slice()),
            None => hold_out(&training, config.development),
        };
        if train.iter().all(|d| d.entities.is_empty()) {
            bail!("{}: holds no entities, so there is nothing to learn", args.train.display());
        }
        check_development(args, train, development)?;
        input::warn_of_overlaps(&args.train, train, "only the longest of them is learned");
        let mut data = BTreeMap::new();
        for (role, file) in [("train", Some(&args.train)), ("dev", args.dev.as_ref())] {
            if let Some(file) = file {
                data.insert(role.to_owned(), medner_data::hash::hash_file(file)?.sha256);
            }
        }
        let prepared = prepare(&config, args.seed, train, development, None)?;
        for (what, note) in &prepared.notes {
            tracing::info!("{what}: {note}");
        }
        let vocabulary = prepared.vocabulary.clone();
        std::fs::create_dir_all(&args.out).with_context(|| {
            format!("{}: cannot be made; name a folder that can be written by `--out`", args.out.display())
        })?;
        let (task, summary) = cells::train(&config, args.seed, data, prepared, ctx, device)?;
        folder::save(&args.out, &config, &task.labels, &vocabulary, &task.tagger)?;
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
        let documents = input::annotated(&args.test)?;
        let known: BTreeSet<&str> = model.labels.types().iter().map(String::as_str).collect();
        let remedy = "Train a model with this type, or take it out of the test file.";
        input::check_labels(&args.test, &documents, &known, remedy)?;
        input::warn_of_overlaps(
            &args.test,
            &documents,
            "a tagger finds at most one of them, the others count as missed",
        );
        let max = model.config.split.max_length;
        let records = Records::new(&documents, max, Cut::Blind, &model.vocabulary, &model.labels)?;
        let predicted = records.predict(&model.tagger, &model.labels, device)?;
        let report = entity_report(&records.gold, &predicted)?;
        let mut scores = Scores::new();
        let all = std::iter::once(("ner", &report.micro))
            .chain(report.per_type.iter().map(|(k, v)| (k.as_str(), v)));
        for (task, counts) in all {
            let s = counts.scores();
            let row = [("precision", s.precision), ("recall", s.recall), ("f1", s.f1)];
            scores.insert(task.to_owned(), row.map(|(k, v)| (k.to_owned(), v)).into());
        }
        Ok(scores)
    }

    fn predict(&self, args: &PredictArgs, ctx: &RunContext) -> Result<()> {
        if args.format == PredictFormat::Brat {
            let Some(folder) = &args.output else {
                bail!("`--format brat` writes a folder: name it with `--output DIR`");
            };
            if folder.exists() && !folder.is_dir() {
                bail!(
                    "{}: is a file; `--format brat` writes a folder: name another with `--output DIR`",
                    folder.display()
                );
            }
        }
        device::set_threads(ctx.threads);
        let device = device::open(&ctx.device)?;
        let model = folder::load(&args.model, device)?;
        let documents = input::text(args.input.as_deref())?;
        let progress = |done: usize, total: usize| ctx.progress.set(done as u64, total as u64, "sentences");
        let found = predict(&model, &documents, device, &progress)?;
        if let (PredictFormat::Brat, Some(folder)) = (args.format, &args.output) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{}: cannot be made", folder.display()))?;
            return Ok(brat::write_brat(&with_entities(&documents, &found, true), folder)?);
        }
        let text = formatted(args.format, &documents, &found)?;
        match &args.output {
            // A pipe or a device has no old content to keep and must not be replaced by a file.
            Some(path) if path.exists() && !path.is_file() => {
                std::fs::write(path, text).with_context(|| format!("{}: cannot be written", path.display()))
            }
            Some(path) => tensors::write_atomically(path, &text)
                .with_context(|| format!("{}: cannot be written", path.display())),
            None => match std::io::stdout().lock().write_all(&text) {
                // A reader that has seen enough (`| head`) is no failure.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
                result => result.context("standard output: cannot be written"),
            },
        }
    }

    fn versions(&self) -> BTreeMap<String, String> {
        [("libtorch".to_owned(), device::LIBTORCH_VERSION.to_owned())].into()
    }

    fn device(&self, name: &str) -> Result<String> {
        device::open(name)?;
        Ok(name.to_owned())
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
    input::check_labels(path, development, &known, remedy)
}

/// Everything found, as the bytes of one file.
fn formatted(format: PredictFormat, documents: &[Document], found: &[Vec<Found>]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let name = Path::new("predictions");
    match format {
        PredictFormat::Jsonl => {
            for (document, entities) in documents.iter().zip(found) {
                let line = Line { id: &document.id, text: &document.text, entities };
                serde_json::to_writer(&mut out, &line)?;
                out.push(b'\n');
            }
        }
        PredictFormat::Text => {
            for (document, entities) in documents.iter().zip(found) {
                writeln!(out, "{}", marked(&document.text, entities))?;
            }
        }
        PredictFormat::Conll => {
            // A document without text has no line in this format.
            let written = with_entities(documents, found, false).into_iter().filter(|d| !d.text.is_empty());
            let sentences: Vec<_> = written.map(|d| characters(&d)).collect();
            conll_writer::write_conll(
                &sentences,
                conll_writer::ConllWriteOptions::default(),
                &mut out,
                name,
            )?;
        }
        PredictFormat::Pubtator | PredictFormat::Brat => {
            pubtator::write_pubtator(&with_entities(documents, found, true), &mut out, name)?;
        }
    }
    Ok(out)
}

/// One line of `--format jsonl`.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    text: &'a str,
    entities: &'a [Found],
}

/// Documents with the entities found; `as_file_names` turns identifiers like `notes.txt:3` into what a file can be called.
fn with_entities(documents: &[Document], found: &[Vec<Found>], as_file_names: bool) -> Vec<Document> {
    let documents = documents.iter().zip(found).map(|(document, entities)| Document {
        id: if as_file_names { document.id.replace([':', '/', '\\', ' '], "-") } else { document.id.clone() },
        text: document.text.clone(),
        entities: entities
            .iter()
            .map(|e| Entity { start: e.start, end: e.end, label: e.label.clone(), concepts: Vec::new() })
            .collect(),
    });
    documents.collect()
}

/// A document as one sentence of characters. Columns have no place for a tab or line break: each is written as a space, and
/// all others keep their places.
fn characters(document: &Document) -> medner_data::Sentence {
    medner_data::Sentence {
        id: document.id.clone(),
        tokens: document.text.replace(['\t', '\n', '\r'], " ").chars().map(String::from).collect(),
        spans: document
            .entities
            .iter()
            .map(|e| medner_data::Span::new(e.start, e.end, e.label.clone()))
            .collect(),
        ..medner_data::Sentence::default()
    }
}

/// The text with `[entity](label)` for each entity.
fn marked(text: &str, entities: &[Found]) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 16 * entities.len());
    let mut at = 0;
    for entity in entities {
        out.extend(&characters[at..entity.start]);
        out.push('[');
        out.push_str(&entity.text);
        out.push_str("](");
        out.push_str(&entity.label);
        out.push(')');
        at = entity.end;
    }
    out.extend(&characters[at..]);
    out
}
