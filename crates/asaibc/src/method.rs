//! What the driver asks of this paper: configuration, data, cells, and the verbs on a user's own files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use medner_core::device;
use medner_core::layers::Batch;
use medner_core::records::{Cut, Records, find_entities, gold_spans, hold_out};
use medner_core::trainer::Summary;
use medner_data::hash::hash_file;
use medner_data::predictions::{self, Shape};
use medner_data::sample::sample_for;
use medner_data::{Document, load, user_files};
use medner_experiment::{
    Cell, ConfigError, DataFacts, EvaluateArgs, Method, Missing, Outcome, PredictArgs, PredictFormat,
    RunContext, Scores, TrainArgs, Value, config, evaluation,
};
use medner_metrics::{LabelSet, entity_report};

use crate::config::{Config, Job, Limits, Source};
use crate::prepare::prepare;
use crate::segmentation::Segmented;
use crate::{cells, character_vectors, folder, scoring, target};

/// Raised whenever a change alters numbers: results of earlier versions are then run again.
pub const RESULTS_VERSION: u32 = 2;

/// What becomes of entities that overlap where they are scored.
const OVERLAPS_SCORED: &str = "a tagger finds at most one of them, the others count as missed";

/// The method of the paper on adverse drug reactions in Xinjiang.
pub struct Asaibc;

impl Method for Asaibc {
    fn name(&self) -> &'static str {
        "asaibc"
    }

    fn about(&self) -> &'static str {
        "Named-entity recognition by adversarial transfer from Chinese word segmentation (ASAIBC)"
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

    fn check_train(&self, given: &Value) -> Result<(), ConfigError> {
        crate::config::check_train(given)
    }

    fn train_example(&self) -> &'static [&'static str] {
        &["training.epochs=5"]
    }

    fn locate(&self, data: &str) -> Result<DataFacts, Missing> {
        match load::hashes(data) {
            Ok(files) => Ok(DataFacts { files }),
            Err(error) => Err(Missing::new(medner_experiment::error::chain(&error.into()))),
        }
    }

    fn inputs(&self, config: &Value) -> Result<DataFacts, Missing> {
        let config: Config = config::from_value(config).map_err(|e| Missing::new(e.to_string()))?;
        let mut inputs = DataFacts::default();
        for data in config.other_data() {
            inputs.files.extend(self.locate(data)?.files);
        }
        if let Some(path) = config.source.file.as_ref().filter(|_| config.reads_source()) {
            let hash = hash_file(path).map_err(|e| Missing::new(format!("{}: {e}", path.display())))?;
            inputs.files.insert("source.file".into(), hash.sha256);
        }
        if let Some(path) = &config.vectors.file {
            let hash = hash_file(path).map_err(|e| Missing::new(format!("{}: {e}", path.display())))?;
            inputs.files.insert("vectors.file".into(), hash.sha256);
        }
        Ok(inputs)
    }

    fn sample(&self, data: &str) -> Option<String> {
        sample_for(data)
    }

    /// A sample run segments the sample of the segmented corpus, and its character vectors are trained on the sample alone.
    fn sample_config(&self, config: &Value) -> Value {
        let mut config = config.clone();
        let stand_in = |value: &mut Value| {
            if let Some(sample) = value.as_str().and_then(sample_for) {
                *value = Value::String(sample);
            }
        };
        stand_in(&mut config["source"]["data"]);
        for key in ["source", "vectors"] {
            let list = if key == "source" { "tests" } else { "texts" };
            for value in config[key][list].as_array_mut().into_iter().flatten() {
                stand_in(value);
            }
        }
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
        let read = |path: &Path| -> Result<Vec<Document>> {
            let documents = user_files::annotated(path)?;
            Ok(documents.into_iter().map(|d| target::only(d, config.entity_set)).collect())
        };
        let training = read(&args.train)?;
        let given = args.dev.as_deref().map(read).transpose()?;
        let (train, development) = match &given {
            Some(development) => (training.as_slice(), development.as_slice()),
            None => hold_out(&training, config.development),
        };
        let none = train.iter().all(|d| d.entities.is_empty());
        target::check_entities(&args.train.display().to_string(), none, config.entity_set)?;
        if let Some(path) = &args.dev {
            target::check_choice(path, development, config.entity_set)?;
        }
        check_development(args, train, development)?;
        user_files::warn_of_overlaps(&args.train, train, "only the longest of them is learned");
        if let Some(path) = &args.dev {
            user_files::warn_of_overlaps(path, development, OVERLAPS_SCORED);
        }
        let mut data = BTreeMap::new();
        for (role, file) in [("train", Some(&args.train)), ("dev", args.dev.as_ref())] {
            if let Some(file) = file {
                data.insert(role.to_owned(), hash_file(file)?.sha256);
            }
        }
        if config.model.transfer {
            self.check_source(&config.source)?;
        }
        // The test sets of the segmentation are for the tables.
        let source = Source { tests: Vec::new(), ..config.source.clone() };
        let only = Config { source, ..config.clone() };
        data.extend(self.inputs(&serde_json::to_value(only)?)?.files);
        let segmented = if config.model.transfer { Some(Segmented::load(&config.source, 0)?) } else { None };
        let spans = gold_spans(train);
        let labels = LabelSet::from_spans(config.scheme, spans.iter().flatten())?;
        let vectors = config.vectors.file.as_deref().map(character_vectors::read).transpose()?;
        let prepared = prepare(&config, args.seed, labels, train, development, segmented, vectors.as_ref())?;
        for (what, note) in &prepared.notes {
            tracing::info!("{what}: {note}");
        }
        let vocabulary = prepared.vocabulary.clone();
        std::fs::create_dir_all(&args.out).with_context(|| {
            format!("{}: cannot be made; name a folder that can be written by `--out`", args.out.display())
        })?;
        let (task, summary) = cells::train(&config, args.seed, data, prepared, ctx, device)?;
        folder::save(&args.out, &config, &task.labels, &vocabulary, &task.tagger)?;
        say_choice(&summary, &args.out);
        Ok(())
    }

    fn evaluate(&self, args: &EvaluateArgs, ctx: &RunContext) -> Result<Scores> {
        device::set_threads(ctx.threads);
        let device = device::open(&ctx.device)?;
        let model = folder::load(&args.model, device)?;
        let documents = user_files::annotated(&args.test)?;
        let documents = target::scored(&args.test, documents, model.config.entity_set)?;
        let known: BTreeSet<&str> = model.labels.types().iter().map(String::as_str).collect();
        let remedy = "Train a model with this type, or take it out of the test file.";
        user_files::check_labels(&args.test, &documents, &known, remedy)?;
        user_files::warn_of_overlaps(&args.test, &documents, OVERLAPS_SCORED);
        let split = model.config.split.options(Cut::Blind);
        let records = Records::with(&documents, split, &model.vocabulary, &model.labels)?;
        let (cut, max) = (records.report.entities_cut, split.max_length);
        if cut > 0 {
            tracing::warn!(
                "{cut} entities stand on both sides of a cut at {max} characters (`split.max_length` of the training) or at a \
                 line break: they count as missed"
            );
        }
        let predicted = scoring::entities(&model.tagger, &records, &model.labels, device)?;
        let mut scores = Scores::new();
        evaluation::put_report(&mut scores, "ner", &entity_report(&records.gold, &predicted)?);
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
        let split = model.config.split.options(Cut::Blind);
        let decode = |batch: &Batch| model.tagger.decode_with_posterior(batch);
        let found =
            find_entities(&documents, split, &model.vocabulary, &model.labels, device, decode, &progress)?;
        Ok(predictions::write(shape, &documents, &found, args.output.as_deref())?)
    }

    fn versions(&self) -> BTreeMap<String, String> {
        [("libtorch".to_owned(), device::LIBTORCH_VERSION.to_owned())].into()
    }

    fn device(&self, name: &str) -> Result<String> {
        Ok(device::name(device::open(name)?))
    }
}

impl Asaibc {
    /// Whoever trains on files of their own may have no segmented corpus: says what to do without the one that is named.
    fn check_source(&self, source: &Source) -> Result<()> {
        let instead = "a segmented text of your own (lines of `word/POS  word/POS`) is named by `--set source.file=FILE`, and \
                       `--set model.transfer=false` trains without word segmentation";
        if let Some(path) = &source.file {
            ensure!(path.is_file(), "`source.file`: there is no file {}; {instead}", path.display());
        } else if let Err(missing) = self.locate(&source.data) {
            bail!(
                "`source.data: {}`, the word segmentation that is learned beside: {missing}; {instead}",
                source.data
            );
        }
        Ok(())
    }
}

/// Which epoch's parameters a training kept.
fn say_choice(summary: &Summary, out: &Path) {
    let (epochs, out) = (summary.epochs, out.display());
    match summary.best {
        None => tracing::info!("no epoch was scored; the model in {out} is that of the last epoch, {epochs}"),
        Some(best) if best.score <= 0.0 => tracing::warn!(
            "no epoch of {epochs} found an entity of the development part; the model in {out} is that of epoch {}, hardly trained: \
             train for more epochs or on more sentences",
            best.epoch + 1
        ),
        Some(best) => tracing::info!(
            "best development F1 {:.2} in epoch {} of {epochs}; the model is in {out}",
            100.0 * best.score,
            best.epoch + 1
        ),
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
    let (path, remedy) = match &args.dev {
        Some(path) => {
            (path, "Add training sentences with this type, or take it out of the development file.")
        }
        None => (
            &args.train,
            "This type stands only in the sentences held out to choose the epoch: put such a sentence further to the front, \
             or give a file of its own by `--dev`.",
        ),
    };
    Ok(user_files::check_labels(path, development, &known, remedy)?)
}
