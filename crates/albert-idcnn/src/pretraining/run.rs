//! A pre-training from text to folder: as the command `albert-idcnn pretrain`, and as a cell that others need.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use medner_core::checkpoint::Settings;
use medner_core::trainer::{LogLine, Summary, Trainer, TrainerConfig};
use medner_core::{CoreError, device};
use medner_data::hash::{hash_bytes, hash_file};
use medner_data::load;
use medner_experiment::{Cell, Curve, Outcome, RunContext, Stopped, config, yaml};

use super::config::PretrainingConfig;
use super::corpus::{encode, vocabulary};
use super::start;
use super::task::{PretrainingData, PretrainingTask};
use super::text::Text;
use crate::albert::{AlbertConfig, AlbertTokenizer, folder};
use crate::cells::ContextWatch;
use crate::config::Config;
use crate::reading::open_encoder;

/// Raised whenever a change alters what a pre-training comes to; an older run is then not resumed.
pub const PRETRAINING_VERSION: u32 = 1;

/// The folder below a cell's own where its encoder is.
pub const ENCODER_FOLDER: &str = "encoder";

/// What a pre-training came to.
pub struct Pretrained {
    /// The folder that `transformers` reads.
    pub folder: PathBuf,
    /// Its sizes.
    pub albert: AlbertConfig,
    /// Steps, curves, times.
    pub summary: Summary,
    /// Facts for the record.
    pub notes: BTreeMap<String, String>,
}

/// Pre-trains on text in `work` (checkpoints, logs; goes on where it was stopped) and writes the encoder to `out`.
///
/// # Errors
/// What the configuration, the text or the device refuse; [`Stopped`] when it was asked to stop.
pub fn pretrain(
    config: &PretrainingConfig,
    texts: Vec<Text>,
    data: BTreeMap<String, String>,
    seed: u64,
    [work, out]: [&Path; 2],
    ctx: &RunContext,
) -> Result<Pretrained> {
    config.check()?;
    device::set_threads(ctx.threads);
    let device = device::open(&ctx.device)?;
    let entries = vocabulary(&config.vocabulary, &texts)?;
    let tokenizer = AlbertTokenizer::new(&entries, config.vocabulary.mode, config.vocabulary.lower_case)?;
    let (mut train, mut held_out, mut notes) = (Vec::new(), Vec::new(), BTreeMap::new());
    for text in texts {
        let (name, (learned, held)) = (text.name.clone(), text.hold_out(config.sequences.held_out));
        let (learned, held) = (encode(&tokenizer, &[learned])?, encode(&tokenizer, &[held])?);
        let count =
            |documents: &[super::corpus::Document]| documents.iter().map(|d| d.ids.len()).sum::<usize>();
        let note = format!(
            "{} documents of {} pieces, {} pieces held out",
            learned.len(),
            count(&learned),
            count(&held)
        );
        tracing::info!("{name}: {note}");
        notes.insert(format!("text {name}"), note);
        train.extend(learned);
        held_out.extend(held);
    }
    let albert = config.encoder.albert(entries.len(), config.sequences.max_length);
    let mut versions = BTreeMap::from([
        ("pretraining".to_owned(), PRETRAINING_VERSION.to_string()),
        ("libtorch".to_owned(), device::LIBTORCH_VERSION.to_owned()),
        ("threads".to_owned(), ctx.threads.to_string()),
    ]);
    versions.insert("vocabulary".to_owned(), hash_bytes(entries.join("\n").as_bytes()).sha256);
    let settings = Settings { seed, configuration: serde_json::to_value(config)?, data, versions };
    let data = PretrainingData { train, held_out, tokenizer };
    let mut task = PretrainingTask::new(config, &albert, data, seed, device)?;
    let shape = format!(
        "{} parameters, {} vocabulary entries, {} layers of {}",
        task.params.count(),
        entries.len(),
        config.encoder.layers,
        config.encoder.hidden_size
    );
    tracing::info!("encoder: {shape}");
    if let Some(cbow) = &config.word_vectors {
        let spread = albert.initializer_range;
        let rows = start::write_vectors(&task.params, &task.data().train, cbow, seed, spread, ctx)?;
        notes.insert("word table".into(), format!("{rows} of {} rows from CBOW vectors", entries.len()));
    }
    notes.insert("encoder".into(), shape);
    let trainer = TrainerConfig {
        epochs: config.training.epochs,
        checkpoint_every_steps: config.training.checkpoint_every,
        curve_every: config.training.curve_every,
        ..TrainerConfig::default()
    };
    let watch = ContextWatch(ctx);
    let summary =
        Trainer::new(work, trainer, settings, &watch).run(&mut task).map_err(|error| match error {
            CoreError::Stopped { signal } => Stopped { signal: signal as usize }.into(),
            other => anyhow::Error::from(other),
        })?;
    folder::save(out, &albert, &entries, config.vocabulary.lower_case, &task.params.state()?)
        .with_context(|| format!("{}: the encoder cannot be written", out.display()))?;
    Ok(Pretrained { folder: out.to_owned(), albert, summary, notes })
}

/// A cell that makes an encoder for others, in [`ENCODER_FOLDER`] below its own folder: pre-trained on the training records of
/// its data set and the texts of the configuration, or taken in from the folder that the configuration names.
///
/// # Errors
/// As [`pretrain`]; a published encoder that does not fit its own sizes.
pub fn cell(cell: &Cell, config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let out = ctx.work_dir.join(ENCODER_FOLDER);
    if let Some(folder) = &config.encoder {
        return take_in(Path::new(folder), &out);
    }
    let names = std::iter::once(&cell.data).chain(&config.pretraining.texts);
    let mut texts = names.map(|name| Text::of_corpus(name)).collect::<Result<Vec<_>>>()?;
    if config.limits.train > 0 {
        for text in &mut texts {
            text.documents.truncate(config.limits.train);
        }
    }
    let mut data = cell.facts.files.clone();
    data.extend(cell.inputs.files.clone());
    let pretrained = pretrain(&config.pretraining, texts, data, cell.seed, [&ctx.work_dir, &out], ctx)?;
    let summary = &pretrained.summary;
    let mut outcome = Outcome { notes: pretrained.notes, ..Outcome::default() };
    let shape = outcome.notes.get("encoder").cloned().unwrap_or_default();
    let epochs = config.pretraining.training.epochs;
    outcome.notes.insert("encoder".into(), format!("pre-trained here: {shape}, {epochs} epochs"));
    outcome.score("encoder", "vocabulary", pretrained.albert.vocab_size as f64);
    outcome.score("encoder", "steps", summary.steps as f64);
    outcome.curves = curves(summary);
    for line in summary.log.iter().rev() {
        if let LogLine::Epoch { loss, metrics, .. } = line {
            outcome.score("encoder", "loss", *loss);
            for (name, value) in metrics {
                outcome.score("encoder", name, *value);
            }
            break;
        }
    }
    let seconds = summary.timing.iter().map(|t| t.train_seconds + t.evaluate_seconds).sum();
    outcome.seconds.insert("train".into(), seconds);
    if let Some(seconds) = summary.seconds_per_epoch() {
        outcome.seconds.insert("epoch".into(), seconds);
    }
    Ok(outcome)
}

/// The files of an encoder's folder that matter, with their SHA-256.
///
/// # Errors
/// A folder that is no encoder's, a file that cannot be read.
pub fn files_of(folder: &Path) -> Result<BTreeMap<String, String>> {
    // What is missing or of another model is said before anything is read in full.
    folder::AlbertFolder::open(folder)?;
    let mut files = BTreeMap::new();
    for name in names_of(folder)? {
        files.insert(name.clone(), hash_file(&folder.join(&name))?.sha256);
    }
    Ok(files)
}

/// Names of the files that an encoder is read from.
fn names_of(folder: &Path) -> Result<Vec<String>> {
    let unread = || format!("{}: cannot be read", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(unread)? {
        let name = entry.with_context(unread)?.file_name().to_string_lossy().into_owned();
        let of_it = ["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors.index.json"]
            .contains(&name.as_str());
        if of_it || name.ends_with(".safetensors") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Checks a published encoder and copies it to `out`.
fn take_in(folder: &Path, out: &Path) -> Result<Outcome> {
    let opened = open_encoder(folder)?;
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    for name in names_of(folder)? {
        let (from, to) = (folder.join(&name), out.join(&name));
        std::fs::copy(&from, &to)
            .with_context(|| format!("{}: cannot be copied to {}", from.display(), to.display()))?;
    }
    let config = &opened.config;
    let mut outcome = Outcome::default();
    outcome.score("encoder", "vocabulary", config.vocab_size as f64);
    let name =
        folder.file_name().map_or_else(|| folder.display().to_string(), |n| n.to_string_lossy().into());
    let said = format!(
        "published, `{name}`: {} vocabulary entries, {} layers of {}",
        config.vocab_size, config.num_hidden_layers, config.hidden_size
    );
    outcome.notes.insert("encoder".into(), said);
    Ok(outcome)
}

/// `loss`: mean training loss between points of the curve. `perplexity`: what held-out text says after each epoch.
fn curves(summary: &Summary) -> BTreeMap<String, Curve> {
    let mut loss = Curve::new(["step", "loss"]);
    let names = ["piece_loss", "perplexity", "piece_accuracy", "order_loss", "order_accuracy"];
    let mut perplexity = Curve::new(["epoch", "step", "loss"].into_iter().chain(names));
    for line in &summary.log {
        match line {
            LogLine::Curve { step, loss: value } => loss.push(vec![(*step).into(), (*value).into()]),
            LogLine::Epoch { epoch, step, loss, metrics, .. } => {
                let mut row = vec![(*epoch).into(), (*step).into(), (*loss).into()];
                row.extend(names.map(|name| metrics.get(name).copied().into()));
                perplexity.push(row);
            }
        }
    }
    [("loss".to_owned(), loss), ("perplexity".to_owned(), perplexity)].into()
}

/// The command's name.
pub const COMMAND: &str = "pretrain";

/// `albert-idcnn pretrain`.
pub fn command() -> Command {
    let path = |id: &'static str, name: &'static str| {
        Arg::new(id).long(id).value_name(name).value_parser(value_parser!(PathBuf))
    };
    Command::new(COMMAND)
        .about("Pre-train an ALBERT encoder on text; the result is a folder that transformers reads")
        .arg(
            path("text", "FILE")
                .num_args(1..)
                .action(ArgAction::Append)
                .help("Text in UTF-8, a paragraph a line, an empty line between documents"),
        )
        .arg(
            Arg::new("data")
                .long("data")
                .value_name("NAME")
                .num_args(1..)
                .action(ArgAction::Append)
                .help("Data sets of the catalogue whose training text is read (`medner data list`)"),
        )
        .arg(path("config", "FILE").help("Configuration in YAML; what it leaves out has its default"))
        .arg(
            path("out", "DIR")
                .required(true)
                .help("Where the encoder goes; checkpoints are kept in DIR/training"),
        )
        .arg(
            Arg::new("seed")
                .long("seed")
                .value_name("N")
                .default_value("1")
                .value_parser(value_parser!(u64))
                .help("Seed of everything random"),
        )
        .arg(
            Arg::new("threads")
                .long("threads")
                .value_name("N")
                .value_parser(value_parser!(usize))
                .help("Threads [default: all of the machine]"),
        )
        .arg(
            Arg::new("device")
                .long("device")
                .value_name("DEVICE")
                .default_value("cpu")
                .help("`cpu` or `cuda:0`; never a silent fallback"),
        )
        .arg(
            Arg::new("resume")
                .long("resume")
                .action(ArgAction::SetTrue)
                .help("Go on with a training that was stopped"),
        )
}

/// Runs `albert-idcnn pretrain`.
///
/// # Errors
/// As [`pretrain`]; no text; a folder that holds a training already.
pub fn run_command(matches: &ArgMatches, ctx: &RunContext) -> Result<()> {
    let mut ctx = ctx.clone();
    if let Some(&threads) = matches.get_one::<usize>("threads") {
        anyhow::ensure!(threads > 0, "`--threads 0`: at least one thread is needed");
        ctx.threads = threads;
    }
    if let Some(device) = matches.get_one::<String>("device") {
        ctx.device.clone_from(device);
    }
    let mut settings: PretrainingConfig = match matches.get_one::<PathBuf>("config") {
        Some(path) => {
            let node = yaml::read(path)?;
            config::from_value(&node.to_value()).map_err(|error| node.locate(&error))?
        }
        None => PretrainingConfig::default(),
    };
    if let Some(names) = matches.get_many::<String>("data") {
        settings.texts = names.cloned().collect();
    }
    let files: Vec<&PathBuf> = matches.get_many("text").unwrap_or_default().collect();
    if files.is_empty() && settings.texts.is_empty() {
        bail!(
            "there is nothing to learn from: give text with `--text FILE...`, `--data NAME...` or `texts` in the configuration"
        );
    }
    let (mut texts, mut data) = (Vec::new(), BTreeMap::new());
    for name in &settings.texts {
        texts.push(Text::of_corpus(name)?);
        data.extend(load::hashes(name)?);
    }
    for file in files {
        texts.push(Text::of_file(file)?);
        let hash = hash_file(file).with_context(|| format!("{}: cannot be read", file.display()))?;
        data.insert(file.display().to_string(), hash.sha256);
    }
    let out: &PathBuf = matches.get_one("out").context("`--out` is required")?;
    if out.is_file() {
        bail!("{}: is a file; `--out` names the folder for the encoder", out.display());
    }
    let work = out.join("training");
    if !matches.get_flag("resume") && work.join("latest").exists() {
        bail!(
            "{}: holds a training already; go on with it by `--resume`, or name another folder",
            out.display()
        );
    }
    let seed = matches.get_one("seed").copied().unwrap_or(1);
    let pretrained = pretrain(&settings, texts, data, seed, [&work, out], &ctx)?;
    let last = pretrained.summary.log.iter().rev().find_map(|line| match line {
        LogLine::Epoch { metrics, loss, .. } => Some((metrics.get("perplexity").copied(), *loss)),
        LogLine::Curve { .. } => None,
    });
    if let Some((perplexity, loss)) = last {
        let held_out =
            perplexity.map_or_else(String::new, |p| format!(", perplexity {p:.1} on held-out text"));
        tracing::info!("loss {loss:.3}{held_out}; the encoder is in {}", pretrained.folder.display());
    }
    Ok(())
}
