//! What one cell of a table does, by its job.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use medner_core::checkpoint::PRODUCTS;
use medner_core::device;
use medner_core::records::{Cut, hold_out};
use medner_core::trainer::{LogLine, Summary, TrainerConfig, median};
use medner_data::batching::BatchOrder;
use medner_data::formats::ccks;
use medner_data::vectors::{VectorFormat, WordVectors};
use medner_data::{Corpus, Document, Span, load};
use medner_experiment::{Cell, Curve, Outcome, RunContext, Units};
use medner_metrics::entity_report;
use medner_metrics::error_analysis::error_report;
use medner_training::job::{self, Unit};
use medner_training::pretraining::outcome::ENCODER_FOLDER;
use tch::Device;

use crate::config::{Config, CountedSplit, Encoder, Input, Job};
use crate::errors::by_loss;
use crate::prepare::{Given, Prepared, build, prepare};
use crate::training::TaggerTask;
use crate::{folder, pretraining};

/// The file that the job `vectors` leaves for taggers.
pub const VECTORS_FILE: &str = "vectors.bin";

/// Runs a cell.
pub fn run(cell: &Cell, ctx: &RunContext) -> Result<Outcome> {
    let config: Config = cell.config()?;
    device::set_threads(ctx.threads);
    let device = device::open(&ctx.device)?;
    match config.job {
        Job::Tagger => tagger(cell, &config, ctx, device),
        Job::Vectors => crate::character_vectors::run(cell, &config, ctx),
        Job::Statistics => statistics(&cell.data, &config),
        Job::EpochTime => epoch_time(cell, &config, ctx, device),
        Job::Pretraining => pretraining::run::cell(cell, &config, ctx),
        Job::BestHeads => best_heads(ctx),
    }
}

/// Table 1: distinct mention strings per type.
fn statistics(data: &str, config: &Config) -> Result<Outcome> {
    let corpus = load::documents(data)?;
    let records = match config.statistics {
        CountedSplit::Train => &corpus.train,
        CountedSplit::Test => &corpus.test,
    };
    let mut outcome = Outcome::default();
    let counts = ccks::distinct_mentions(records);
    for (kind, count) in ccks::TYPES.iter().zip(counts) {
        outcome.score(kind.name, "entities", count as f64);
    }
    outcome.score("sum", "entities", counts.iter().sum::<usize>() as f64);
    Ok(outcome)
}

/// Trains in `ctx.work_dir`, from its newest checkpoint if there is one; the task holds the best parameters afterwards.
pub fn train(
    config: &Config,
    seed: u64,
    data: BTreeMap<String, String>,
    prepared: Prepared,
    ctx: &RunContext,
    device: Device,
) -> Result<(TaggerTask, Summary)> {
    let tagger = build(config, seed, &prepared, device)?;
    let version = ("results", crate::method::RESULTS_VERSION);
    // An encoder is known by the hashes among `data`: its folder may be moved between a stop and a resume.
    let known = Config { encoder: None, ..config.clone() };
    let mut settings = job::settings(seed, &known, data, version, ctx)?;
    let trainer_config = TrainerConfig {
        epochs: config.training.epochs,
        patience: Some(config.training.patience).filter(|&p| p > 0),
        learned_nothing: Some(0.0),
        checkpoint_every_steps: config.training.checkpoint_every,
        curve_every: config.training.curve_every,
        ..TrainerConfig::default()
    };
    let order = BatchOrder::Bucketed;
    let mut task = TaggerTask::new(tagger, prepared, &config.training, seed, order, device)?;
    settings.versions.insert(PRODUCTS.to_owned(), task.products.to_owned());
    let summary = job::run(&mut task, &ctx.work_dir, trainer_config, settings, Unit::Epoch, ctx)?;
    Ok((task, summary))
}

fn tagger(cell: &Cell, config: &Config, ctx: &RunContext, device: Device) -> Result<Outcome> {
    let corpus = load::documents(&cell.data)?;
    let (train_records, test_records) = limited(&corpus, config);
    let (train_part, held_out) = hold_out(train_records, config.development);
    let vectors = if cell.needs.contains_key("vectors") {
        let path = ctx.artifact("vectors")?.join(VECTORS_FILE);
        Some(WordVectors::read(&path, VectorFormat::Word2vecBinary)?)
    } else {
        None
    };
    let encoder = encoder_of(config, cell, ctx)?;
    let given = match (&encoder, &vectors) {
        (Some((folder, _)), _) => Given::Encoder(folder),
        (None, Some(vectors)) => Given::Vectors(vectors),
        (None, None) => Given::Nothing,
    };
    let mut prepared = prepare(config, cell.seed, train_part, held_out, given)?;
    let mut notes = std::mem::take(&mut prepared.notes);
    if let Some((_, said)) = &encoder {
        notes.insert("encoder".into(), said.clone());
    }
    let mut files = cell.facts.files.clone();
    files.extend(cell.inputs.files.iter().map(|(name, hash)| (format!("encoder/{name}"), hash.clone())));
    let (task, summary) = train(config, cell.seed, files, prepared, ctx, device)?;

    let began = Instant::now();
    let test = task
        .reading
        .records(test_records, config.split.max_length, Cut::Blind, &task.labels)
        .context("test records")?;
    let predicted = test.predict(&task.labels, device, |batch| task.tagger.decode(batch))?;
    let test_seconds = began.elapsed().as_secs_f64();
    folder::save(&ctx.work_dir.join("model"), config, &task.labels, &task.reading, &task.tagger)?;

    let mut outcome = Outcome::default();
    let report = entity_report(&test.gold, &predicted)?;
    let mut put = |task: &str, counts: medner_metrics::Counts| {
        let scores = counts.scores();
        outcome.score(task, "precision", scores.precision);
        outcome.score(task, "recall", scores.recall);
        outcome.score(task, "f1", scores.f1);
    };
    put("ner", report.micro);
    for (label, counts) in &report.per_type {
        put(label, *counts);
    }
    outcome.units.insert("ner".into(), Units(report.units));
    outcome.curves.insert("epochs".into(), epochs(&summary));
    outcome.examples.insert("errors".into(), error_samples(test_records, &test.gold, &predicted)?);
    outcome.examples.insert("losses".into(), by_loss(test_records, &test.gold, &predicted)?);
    notes.insert(
        "test entities that our own cutting makes unreachable".into(),
        test.report.entities_cut.to_string(),
    );
    notes.insert("parameters".into(), task.tagger.params.count().to_string());
    notes.insert("matrix products".into(), task.products.into());
    if let Some(best) = summary.best {
        notes.insert("best epoch".into(), format!("{} of {}", best.epoch + 1, summary.epochs));
        outcome.score("development", "f1", best.score);
    }
    outcome.notes = notes;
    outcome.seconds.insert("train".into(), summary.seconds());
    outcome.seconds.insert("test".into(), test_seconds);
    if let Some(seconds) = summary.seconds_per_epoch() {
        outcome.seconds.insert("epoch".into(), seconds);
    }
    Ok(outcome)
}

/// The folder of the encoder that a tagger reads with, and what it is: the needed cell's, or the one that the configuration
/// names.
fn encoder_of(config: &Config, cell: &Cell, ctx: &RunContext) -> Result<Option<(PathBuf, String)>> {
    if config.model.input != Input::Albert {
        return Ok(None);
    }
    if cell.needs.contains_key("encoder") {
        let folder = ctx.artifact("encoder")?.join(ENCODER_FOLDER);
        let said = ctx.needed_record("encoder")?.outcome.notes.remove("encoder").unwrap_or_default();
        return Ok(Some((folder, said)));
    }
    let folder = config.encoder.as_ref().context(NO_ENCODER)?;
    Ok(Some((folder.into(), format!("published, from {folder}"))))
}

/// What a tagger that reads with ALBERT lacks.
pub const NO_ENCODER: &str = "`model.input: albert` wants an encoder: name the folder of one with `encoder` (`--set \
     encoder=DIR`); `albert-idcnn pretrain --text FILE... --out DIR` makes one";

/// Figure 5: the number of heads with which most was found on the test records. The roles of the needed taggers are their
/// numbers of heads; where two found as much, the smaller number.
fn best_heads(ctx: &RunContext) -> Result<Outcome> {
    let mut best: Option<(f64, u32)> = None;
    let mut notes = Vec::new();
    let mut roles =
        ctx.needs.keys().map(|role| Ok((role.parse::<u32>()?, role))).collect::<Result<Vec<_>>>()?;
    roles.sort_unstable();
    for (heads, role) in roles {
        let f1 = ctx.needed_record(role)?.outcome.scores["ner"]["f1"];
        notes.push(format!("{heads}: {:.2}", 100.0 * f1));
        if best.is_none_or(|(highest, _)| f1 > highest) {
            best = Some((f1, heads));
        }
    }
    let (_, heads) =
        best.context("a cell of the job `best_heads` needs a tagger for each number of heads")?;
    let mut outcome = Outcome::default();
    outcome.score("ner", "heads", f64::from(heads));
    outcome.notes.insert("F1 by heads".into(), notes.join(", "));
    Ok(outcome)
}

fn limited<'a>(corpus: &'a Corpus<Document>, config: &Config) -> (&'a [Document], &'a [Document]) {
    let first = |records: &'a [Document], limit: usize| match limit {
        0 => records,
        n => &records[..n.min(records.len())],
    };
    (first(&corpus.train, config.limits.train), first(&corpus.test, config.limits.test))
}

/// One row an epoch: mean loss of a sentence, development F1.
fn epochs(summary: &Summary) -> Curve {
    let mut curve = Curve::new(["epoch", "step", "loss", "dev_f1"]);
    for line in &summary.log {
        if let LogLine::Epoch { epoch, step, loss, score, .. } = line {
            curve.push(vec![(*epoch).into(), (*step).into(), (*loss).into(), (*score).into()]);
        }
    }
    curve
}

/// How many errors of one kind a record keeps as examples.
const SAMPLES_PER_KIND: usize = 5;

/// The tagger's own errors by kind, a few of each with their strings (the paper's Table 3).
fn error_samples(records: &[Document], gold: &[Vec<Span>], predicted: &[Vec<Span>]) -> Result<Curve> {
    let report = error_report(gold, predicted)?;
    let mut samples =
        Curve::new(["kind", "count", "record", "predicted", "predicted_type", "gold", "gold_type"]);
    for (kind, count) in &report.kinds {
        for example in report.of_kind(*kind).take(SAMPLES_PER_KIND) {
            let record = &records[example.unit];
            let string = |span: &Option<Span>| {
                span.as_ref().map(|s| record.text.chars().skip(s.start).take(s.len()).collect::<String>())
            };
            let label = |span: &Option<Span>| span.as_ref().map(|s| s.label.clone());
            samples.push(vec![
                kind.name().into(),
                (*count).into(),
                record.id.clone().into(),
                string(&example.predicted).into(),
                label(&example.predicted).into(),
                string(&example.gold).into(),
                label(&example.gold).into(),
            ]);
        }
    }
    Ok(samples)
}

/// Times epochs of a BiLSTM-CRF and of an IDCNN-CRF turn by turn, so that both see the same machine; the score is the median
/// of IDCNN less the median of BiLSTM (the paper: "21 seconds shorter"). The sign and the ratio compare with the paper; the
/// seconds themselves are those of this machine, and of nothing else running beside (`--jobs 1`).
fn epoch_time(cell: &Cell, config: &Config, ctx: &RunContext, device: Device) -> Result<Outcome> {
    let corpus = load::documents(&cell.data)?;
    let (train_records, _) = limited(&corpus, config);
    let mut tasks = Vec::new();
    for encoder in [Encoder::Bilstm, Encoder::Idcnn] {
        let mut config = config.clone();
        config.model.encoder = encoder;
        config.model.heads = 0;
        let prepared = prepare(&config, cell.seed, train_records, &[], Given::Nothing)?;
        let tagger = build(&config, cell.seed, &prepared, device)?;
        let task =
            TaggerTask::new(tagger, prepared, &config.training, cell.seed, BatchOrder::Bucketed, device)?;
        tasks.push((encoder, task, Vec::new()));
    }
    let epochs = config.training.epochs;
    for epoch in 0..epochs {
        for (encoder, task, seconds) in &mut tasks {
            let began = Instant::now();
            for pieces in task.epoch(epoch).to_vec() {
                task.step_on(&pieces)?;
                ctx.stop.check()?;
            }
            seconds.push(began.elapsed().as_secs_f64());
            ctx.progress.set(epoch + 1, epochs, format!("{encoder:?}, epoch {}", epoch + 1));
        }
    }
    let mut outcome = Outcome::default();
    let mut medians = Vec::new();
    for (encoder, _, seconds) in &mut tasks {
        let median = median(seconds.iter().copied()).unwrap_or(f64::NAN);
        let name = if *encoder == Encoder::Bilstm { "BiLSTM-CRF" } else { "IDCNN-CRF" };
        outcome.score(name, "seconds_per_epoch", median);
        medians.push(median);
    }
    outcome.score("ner", "seconds_per_epoch", medians[1] - medians[0]);
    outcome.score("ner", "ratio", medians[1] / medians[0]);
    Ok(outcome)
}
