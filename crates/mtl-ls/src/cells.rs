//! What one cell of a table does, by its job.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use medner_core::checkpoint::Settings;
use medner_core::trainer::{At, LogLine, Summary, Trainer, TrainerConfig, Watch};
use medner_core::{CoreError, device, tensors};
use medner_data::{Corpus, Sentence, Span};
use medner_experiment::{Cell, Curve, Outcome, RunContext, Stopped};
use medner_metrics::LabelSet;
use medner_metrics::error_analysis::error_report;
use tch::Device;

use crate::config::{Config, Job};
use crate::encoder::{self, ENCODER_FOLDER, POOL_FILE, Pretrained};
use crate::entity_sets::{EntitySets, RATIOS, REGIONS};
use crate::pretraining;
use crate::subtasks::{self, TaskCorpus, mentions};
use crate::tagging::task::{Scored, Select, TaggerData};
use crate::tagging::{CheckpointScore, Encoded, TaggerTask, WordPieces, XlnetCrf};
use crate::xlnet::XlnetConfig;

/// The file below a pool's own folder with the mentions that it was trained on, one a line.
const MENTIONS_FILE: &str = "trained-mentions.txt";

/// Development F1, the mean over the checkpoints that count.
pub const DEV_F1: &str = "dev_f1";

/// Runs a cell.
///
/// # Errors
/// What its job says; [`Stopped`] when it was asked to stop.
pub fn run(cell: &Cell, ctx: &RunContext) -> Result<Outcome> {
    let config: Config = cell.config()?;
    device::set_threads(ctx.threads);
    match config.job {
        Job::Tagger => tagger(cell, &config, ctx),
        Job::Pool => pool(cell, &config, ctx),
        Job::Pooled => pooled(cell, ctx),
        Job::Chosen => chosen(ctx),
        Job::EntitySets => entity_sets(&config, ctx),
        Job::Pretrain => match &config.encoder {
            // Taggers read the folder themselves; this cell only says which.
            Some(folder) => {
                let given = encoder::open(folder)?;
                let mut outcome = Outcome::default();
                outcome.notes.insert("encoder".into(), describe(&given, folder));
                Ok(outcome)
            }
            None => pretraining::run::cell(cell, &config, ctx),
        },
    }
}

/// One line on an encoder, for the record.
fn describe(encoder: &Pretrained, folder: &Path) -> String {
    let config = &encoder.folder.config;
    format!(
        "XLNet of {} layers of {}, {} pieces, from {}",
        config.n_layer,
        config.d_model,
        config.vocab_size,
        folder.display()
    )
}

/// The encoder that the configuration names, or that the cell needs, and a line on it.
fn pretrained(config: &Config, ctx: &RunContext) -> Result<(Pretrained, String)> {
    if let Some(folder) = &config.encoder {
        let encoder = encoder::open(folder)?;
        let note = describe(&encoder, folder);
        return Ok((encoder, note));
    }
    let encoder = encoder::open(&ctx.artifact("encoder")?.join(ENCODER_FOLDER))?;
    let note = ctx.needed_record("encoder")?.outcome.notes.get("encoder").cloned().unwrap_or_default();
    Ok((encoder, note))
}

/// The encoder's sizes with the tagger's dropout.
pub fn tagger_config(config: &Config, encoder: &XlnetConfig) -> XlnetConfig {
    XlnetConfig { dropout: config.training.dropout.unwrap_or(encoder.dropout), ..encoder.clone() }
}

/// Trains in `ctx.work_dir`, from its newest checkpoint if there is one.
///
/// # Errors
/// What training says; [`Stopped`] when it was asked to stop.
pub fn train(
    config: &Config,
    seed: u64,
    data: BTreeMap<String, String>,
    task: &mut TaggerTask,
    patience: Option<u64>,
    ctx: &RunContext,
) -> Result<Summary> {
    let settings = Settings {
        seed,
        configuration: serde_json::to_value(config)?,
        data,
        // The order of additions, and with it the last bits, depends on the threads and on libtorch.
        versions: [
            ("results".to_owned(), crate::method::RESULTS_VERSION.to_string()),
            ("libtorch".to_owned(), device::LIBTORCH_VERSION.to_owned()),
            ("threads".to_owned(), ctx.threads.to_string()),
        ]
        .into(),
    };
    let trainer_config = TrainerConfig {
        epochs: config.training.epochs.total(),
        patience,
        checkpoint_every_steps: config.training.checkpoint_every,
        keep: 1,
        ..TrainerConfig::default()
    };
    let watch = ContextWatch(ctx);
    Trainer::new(&ctx.work_dir, trainer_config, settings, &watch).run(task).map_err(stopped)
}

/// Everything that tells one run from another, for the checkpoints.
fn data_of(cell: &Cell) -> BTreeMap<String, String> {
    let needs = cell.needs.iter().map(|(role, hash)| (format!("need {role}"), hash.clone()));
    let inputs = cell.inputs.files.iter().map(|(name, hash)| (format!("input {name}"), hash.clone()));
    cell.facts.files.clone().into_iter().chain(needs).chain(inputs).collect()
}

/// A tagger with values drawn from `seed`, its encoder filled.
///
/// # Errors
/// Files that do not fit.
pub fn build(
    config: &Config,
    encoder: &Pretrained,
    labels: &LabelSet,
    pool: Option<(&Path, f64)>,
    seed: u64,
    device: Device,
) -> Result<XlnetCrf> {
    // Step u64::MAX is no training step, so the initial values share no random numbers with any dropout mask.
    device::reseed(seed, u64::MAX);
    let sizes = tagger_config(config, &encoder.folder.config);
    let precision = config.training.precision;
    let tagger = XlnetCrf::new(&sizes, labels, config.input.labels, precision, device)?;
    encoder::fill(&tagger.params, &sizes, &encoder.folder, pool)?;
    Ok(tagger)
}

/// What a tagger is trained and scored on.
fn prepare(
    config: &Config,
    corpora: &[TaskCorpus],
    name: impl Fn(&TaskCorpus) -> String,
    labels: LabelSet,
    encoder: &Pretrained,
) -> Result<TaggerData> {
    let pieces = WordPieces::new(&encoder.tokenizer);
    let encode = |sentences: &[Sentence]| Encoded::new(sentences, &pieces, &labels, &config.input);
    let train: Vec<Sentence> = corpora.iter().flat_map(|c| c.corpus.train.iter().cloned()).collect();
    let mut scored = Vec::new();
    for corpus in corpora {
        let Corpus { dev, test, .. } = &corpus.corpus;
        scored.push(Scored {
            name: name(corpus),
            dev: if dev.is_empty() { None } else { Some(encode(dev)?) },
            test: Some(encode(test)?),
        });
    }
    let train = encode(&train)?;
    Ok(TaggerData { labels, train, scored })
}

/// The sub-task that a cell's data set is.
fn only(corpora: &[TaskCorpus], data: &str) -> Result<usize> {
    ensure!(corpora.len() == 1, "`{data}` is {} sub-tasks; this job is for one", corpora.len());
    Ok(0)
}

fn tagger(cell: &Cell, config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let device = device::open(&ctx.device)?;
    let corpora = subtasks::corpora(&cell.data, config.limits)?;
    let corpus = &corpora[only(&corpora, &cell.data)?];
    let category = corpus.task.category.name();
    let (encoder, note) = pretrained(config, ctx)?;
    let labels = LabelSet::new(config.scheme, [category])?;
    let shared = match config.slicing_rate {
        None => None,
        Some(rate) => Some((ctx.artifact("pool")?, rate)),
    };
    let file = shared.map(|(folder, rate)| (folder.join(POOL_FILE), rate));
    let pool = file.as_ref().map(|(file, rate)| (file.as_path(), *rate));
    let tagger = build(config, &encoder, &labels, pool, cell.seed, device)?;
    let data = prepare(config, &corpora, |_| category.to_owned(), labels, &encoder)?;
    let mut notes = subtasks::summary(&corpora);
    notes.insert("encoder".into(), note);
    notes.insert("sequences".into(), sequences_note(&data.train));
    let mut task = TaggerTask::new(tagger, data, &config.training, Select::Last, cell.seed, device)?;
    let summary = train(config, cell.seed, data_of(cell), &mut task, None, ctx)?;

    let mut trained = trained_mentions(&corpora);
    if let Some((folder, rate)) = shared {
        let text = std::fs::read_to_string(folder.join(MENTIONS_FILE))
            .with_context(|| format!("{}: cannot be read", folder.join(MENTIONS_FILE).display()))?;
        trained.extend(text.lines().map(String::from));
        let layers = encoder::shared_layers(rate, encoder.folder.config.n_layer)?;
        notes.insert("shared layers".into(), format!("{layers} of {}", encoder.folder.config.n_layer));
    }
    let mut outcome = report(&task, &summary, &corpora, |_| trained.clone())?;
    outcome.notes.extend(notes);
    clean(&ctx.work_dir)?;
    Ok(outcome)
}

fn pool(cell: &Cell, config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let device = device::open(&ctx.device)?;
    let corpora = subtasks::corpora(&cell.data, config.limits)?;
    let Some(first) = corpora.first() else { bail!("`{}` has no corpus here", cell.data) };
    let category = first.task.category;
    ensure!(
        corpora.iter().all(|c| c.task.category == category),
        "`{}` is of more than one category; a pool is one category's",
        cell.data
    );
    let (encoder, note) = pretrained(config, ctx)?;
    let labels = LabelSet::new(config.scheme, [category.name()])?;
    let tagger = build(config, &encoder, &labels, None, cell.seed, device)?;
    let data = prepare(config, &corpora, |c| c.task.data.to_owned(), labels, &encoder)?;
    let mut notes = subtasks::summary(&corpora);
    notes.insert("encoder".into(), note);
    notes.insert("sequences".into(), sequences_note(&data.train));
    notes.extend(leaks(&corpora));
    let mut task = TaggerTask::new(tagger, data, &config.training, Select::Last, cell.seed, device)?;
    let summary = train(config, cell.seed, data_of(cell), &mut task, None, ctx)?;
    let trained = trained_mentions(&corpora);
    let lines: Vec<&str> = trained.iter().map(String::as_str).collect();
    tensors::write_atomically(&ctx.work_dir.join(MENTIONS_FILE), lines.join("\n").as_bytes())?;
    tensors::write(&ctx.work_dir.join(POOL_FILE), &task.tagger.params.state()?)?;
    let mut outcome = report(&task, &summary, &corpora, |_| trained.clone())?;
    outcome.notes.extend(notes);
    clean(&ctx.work_dir)?;
    Ok(outcome)
}

fn sequences_note(train: &Encoded) -> String {
    let longest = train.lengths().into_iter().max().unwrap_or(0);
    format!(
        "{} training sequences, the longest {longest} pieces; {} sentences in windows",
        train.sequences.len(),
        train.windowed
    )
}

/// Test sentences of a sub-task that another one of the category trains on: what sharing is helped by for no good reason.
fn leaks(corpora: &[TaskCorpus]) -> BTreeMap<String, String> {
    let mut notes = BTreeMap::new();
    for corpus in corpora {
        let others = corpora.iter().filter(|other| other.task != corpus.task);
        let seen: BTreeSet<&[String]> =
            others.flat_map(|other| other.corpus.train.iter().map(|s| s.tokens.as_slice())).collect();
        let test = &corpus.corpus.test;
        let count = test.iter().filter(|s| seen.contains(s.tokens.as_slice())).count();
        if count > 0 {
            let note = format!("{count} of {} test sentences", test.len());
            notes.insert(format!("trained on elsewhere, {}", corpus.task.data), note);
        }
    }
    notes
}

fn trained_mentions(corpora: &[TaskCorpus]) -> BTreeSet<String> {
    mentions(corpora.iter().flat_map(|c| c.corpus.train.iter().map(|s| (s, s.spans.as_slice()))))
}

/// Scores, counts, curves, entity sets and errors of a finished training.
fn report(
    task: &TaggerTask,
    summary: &Summary,
    corpora: &[TaskCorpus],
    trained: impl Fn(&TaskCorpus) -> BTreeSet<String>,
) -> Result<Outcome> {
    let began = Instant::now();
    let predictions = task.predictions()?;
    let mut outcome = Outcome::default();
    let mut checkpoints =
        Curve::new(["epoch", "subtask", "dev_f1", "test_precision", "test_recall", "test_f1"]);
    for CheckpointScore { epoch, scores } in &task.scores {
        for (name, score) in scores {
            let test = score.test.unwrap_or_default();
            checkpoints.push(vec![
                (*epoch).into(),
                name.clone().into(),
                score.dev.map(|dev| dev[2]).into(),
                test[0].into(),
                test[1].into(),
                test[2].into(),
            ]);
        }
    }
    for ((scored, corpus), predicted) in task.scored.iter().zip(corpora).zip(&predictions) {
        let name = scored.name.as_str();
        let scores: Vec<_> = task.scores.iter().filter_map(|c| c.scores.get(name)).collect();
        let tests: Vec<[f64; 3]> = scores.iter().filter_map(|score| score.test).collect();
        let devs: Vec<f64> = scores.iter().filter_map(|score| Some(score.dev?[2])).collect();
        for (at, metric) in ["precision", "recall", "f1"].into_iter().enumerate() {
            outcome.score(name, metric, mean(tests.iter().map(|test| test[at])));
        }
        if !devs.is_empty() {
            outcome.score(name, DEV_F1, mean(devs.iter().copied()));
        }
        let f1 = mean(tests.iter().map(|test| test[2]));
        let spread = mean(tests.iter().map(|test| (test[2] - f1).powi(2))).sqrt();
        outcome.score(name, "f1_sd_of_checkpoints", spread);
        if let Some(last) = scores.last() {
            outcome.units.insert(name.to_owned(), last.units.clone());
        }
        let test = &corpus.corpus.test;
        let labelled = mentions(test.iter().map(|s| (s, s.spans.as_slice())));
        let found = mentions(test.iter().zip(predicted).map(|(s, spans)| (s, spans.as_slice())));
        let sets = EntitySets::new(&trained(corpus), &labelled, &found);
        for (region, count) in REGIONS.iter().zip(sets.0) {
            outcome.score(name, region, count as f64);
        }
        for (ratio, value) in RATIOS.iter().zip(sets.ratios()) {
            outcome.score(name, ratio, value);
        }
    }
    if let ([scored], [corpus], [predicted]) = (task.scored.as_slice(), corpora, predictions.as_slice()) {
        let gold = scored.test.as_ref().map(|test| test.gold.as_slice()).unwrap_or_default();
        outcome.examples.insert("errors".into(), error_samples(&corpus.corpus.test, gold, predicted)?);
    }
    outcome.curves.insert("checkpoints".into(), checkpoints);
    let mut epochs = Curve::new(["epoch", "step", "loss"]);
    for line in &summary.log {
        if let LogLine::Epoch { epoch, step, loss, .. } = line {
            epochs.push(vec![(*epoch).into(), (*step).into(), (*loss).into()]);
        }
    }
    outcome.curves.insert("epochs".into(), epochs);
    outcome.notes.insert("parameters".into(), task.tagger.params.count().to_string());
    outcome.notes.insert(
        "scores".into(),
        format!("mean of {} checkpoints; counts of sentences of the last", task.scores.len()),
    );
    let seconds = summary.timing.iter().map(|t| t.train_seconds + t.evaluate_seconds).sum();
    outcome.seconds.insert("train".into(), seconds);
    outcome.seconds.insert("test".into(), began.elapsed().as_secs_f64());
    if let Some(seconds) = summary.seconds_per_epoch() {
        outcome.seconds.insert("epoch".into(), seconds);
    }
    Ok(outcome)
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

/// How many errors of one kind a record keeps as examples.
const SAMPLES_PER_KIND: usize = 5;

/// The tagger's own errors by kind, a few of each with their strings.
fn error_samples(sentences: &[Sentence], gold: &[Vec<Span>], predicted: &[Vec<Span>]) -> Result<Curve> {
    let report = error_report(gold, predicted)?;
    let mut samples =
        Curve::new(["kind", "count", "record", "predicted", "predicted_type", "gold", "gold_type"]);
    for (kind, count) in &report.kinds {
        for example in report.of_kind(*kind).take(SAMPLES_PER_KIND) {
            let sentence = &sentences[example.unit];
            let string =
                |span: &Option<Span>| span.as_ref().and_then(|s| Some(s.of(&sentence.tokens)?.join(" ")));
            let label = |span: &Option<Span>| span.as_ref().map(|s| s.label.clone());
            samples.push(vec![
                kind.name().into(),
                (*count).into(),
                sentence.id.clone().into(),
                string(&example.predicted).into(),
                label(&example.predicted).into(),
                string(&example.gold).into(),
                label(&example.gold).into(),
            ]);
        }
    }
    Ok(samples)
}

/// Removes the checkpoints of a finished training: what others start from is kept beside them.
fn clean(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("step-") {
            std::fs::remove_dir_all(entry.path())?;
        } else if name == "latest" || name == "best" {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What the pool's record says of one of its sub-tasks.
fn pooled(cell: &Cell, ctx: &RunContext) -> Result<Outcome> {
    let task = subtasks::find(&cell.data).with_context(|| format!("`{}` is no sub-task", cell.data))?;
    let record = ctx.needed_record("pool")?;
    let scores = record.outcome.scores.get(task.data);
    let scores = scores.with_context(|| format!("the pool was not scored on {}", task.data))?;
    let name = task.category.name();
    let mut outcome = Outcome::default();
    outcome.scores.insert(name.to_owned(), scores.clone());
    if let Some(units) = record.outcome.units.get(task.data) {
        outcome.units.insert(name.to_owned(), units.clone());
    }
    let about = ["encoder".to_owned(), "scores".to_owned(), format!("trained on elsewhere, {}", task.data)];
    for (key, note) in record.outcome.notes.iter().filter(|(key, _)| about.contains(key)) {
        outcome.notes.insert(key.clone(), note.clone());
    }
    Ok(outcome)
}

/// The needed cell with the best development F1; of equal ones the first by role.
fn chosen(ctx: &RunContext) -> Result<Outcome> {
    let mut best: Option<(f64, String, Outcome)> = None;
    let mut tried = Vec::new();
    for role in ctx.needs.keys() {
        let outcome = ctx.needed_record(role)?.outcome;
        let dev = outcome.scores.values().filter_map(|metrics| metrics.get(DEV_F1)).copied().next();
        let dev = dev.with_context(|| format!("the cell `{role}` has no development score to choose by"))?;
        tried.push(format!("{role} {:.2}", 100.0 * dev));
        if best.as_ref().is_none_or(|(score, _, _)| dev > *score) {
            best = Some((dev, role.clone(), outcome));
        }
    }
    let (_, role, mut outcome) =
        best.context("there is nothing to choose from: the system has no `needs`")?;
    outcome.notes.insert("chosen on the development set".into(), format!("{role} of {}", tried.join(", ")));
    outcome.seconds.clear();
    outcome.curves.clear();
    Ok(outcome)
}

/// The entity sets of a needed cell, or the mean of the ratios over all needed cells.
fn entity_sets(config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    if let Some(role) = &config.of {
        let record = ctx.needed_record(role)?;
        for (task, metrics) in &record.outcome.scores {
            for metric in REGIONS.iter().chain(&RATIOS) {
                if let Some(value) = metrics.get(*metric) {
                    outcome.score(task, metric, *value);
                }
            }
        }
        outcome.notes = record.outcome.notes;
        return Ok(outcome);
    }
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for role in ctx.needs.keys() {
        let record = ctx.needed_record(role)?;
        for metrics in record.outcome.scores.values() {
            for ratio in RATIOS {
                values.entry(ratio).or_default().extend(metrics.get(ratio));
            }
        }
    }
    for (ratio, values) in values {
        // new_entity_recall (..) -> new_entity_recall_mean (..)
        outcome.score("all", &ratio.replacen(" (", "_mean (", 1), mean(values));
    }
    outcome.notes.insert("mean over".into(), ctx.needs.keys().cloned().collect::<Vec<_>>().join(", "));
    Ok(outcome)
}

/// A stop is no failure.
#[allow(clippy::needless_pass_by_value)] // As `map_err` hands it over.
pub fn stopped(error: CoreError) -> anyhow::Error {
    match error {
        CoreError::Stopped { signal } => Stopped { signal: signal as usize }.into(),
        other => other.into(),
    }
}

/// Lets the training loop hear the driver's stop and tell it how far it is.
pub struct ContextWatch<'a>(pub &'a RunContext);

impl Watch for ContextWatch<'_> {
    fn stop(&self) -> Option<i32> {
        self.0.stop.signal().map(|signal| signal as i32)
    }

    fn progress(&self, at: &At, batches: u64, epochs: u64, message: &str) {
        let done = at.epoch * batches + at.batch + 1;
        self.0.progress.set(done, epochs * batches, format!("epoch {}/{epochs}, {message}", at.epoch + 1));
    }
}
