//! A pre-training from text to folder: as the command `mtl-ls pretrain`, and as a cell that others need.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use medner_core::checkpoint::Settings;
use medner_core::device;
use medner_core::trainer::{LogLine, Summary, Trainer, TrainerConfig};
use medner_data::hash::{hash_bytes, hash_file};
use medner_experiment::{Cell, Curve, Outcome, RunContext, config, yaml};

use super::config::PretrainingConfig;
use super::corpus::{Text, tokenizer};
use super::task::{PretrainingData, PretrainingTask};
use crate::cells::{ContextWatch, stopped};
use crate::config::Config;
use crate::encoder::{self, ENCODER_FOLDER};
use crate::subtasks;
use crate::tagging::WordPieces;
use crate::xlnet::{XlnetConfig, folder};

/// Raised whenever a change alters what a pre-training comes to; an older run is then not resumed.
pub const PRETRAINING_VERSION: u32 = 1;

/// What a pre-training came to.
pub struct Pretrained {
    /// Its sizes.
    pub xlnet: XlnetConfig,
    /// Steps, curves, times; none where there was no training.
    pub summary: Option<Summary>,
    /// Facts for the record.
    pub notes: BTreeMap<String, String>,
}

/// Pre-trains on text in `work` (checkpoints, logs; goes on where it was stopped) and writes the encoder to `out`.
///
/// # Errors
/// What the configuration, the text or the device refuse; [`medner_experiment::Stopped`] when it was asked to stop.
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
    let start = config.start.as_deref().map(encoder::open).transpose()?;
    let own;
    let (pieces, xlnet) = if let Some(start) = &start {
        (&start.tokenizer, start.folder.config.clone())
    } else {
        own = tokenizer(&config.vocabulary, &texts)?;
        (&own, config.encoder.xlnet(own.len()))
    };
    let words = WordPieces::new(pieces);
    let (mut train, mut held_out, mut notes) = (Vec::new(), Vec::new(), BTreeMap::new());
    for text in texts {
        let (name, (learned, held)) = (text.name.clone(), text.hold_out(config.sequences.held_out));
        let (learned, held) = (learned.encode(&words)?, held.encode(&words)?);
        let count =
            |documents: &[super::corpus::Document]| documents.iter().map(|d| d.ids.len()).sum::<usize>();
        let note = format!("{} pieces, {} pieces held out", count(&learned), count(&held));
        tracing::info!("{name}: {note}");
        notes.insert(format!("text {name}"), note);
        train.extend(learned);
        held_out.extend(held);
    }
    let versions = BTreeMap::from([
        ("pretraining".to_owned(), PRETRAINING_VERSION.to_string()),
        ("libtorch".to_owned(), device::LIBTORCH_VERSION.to_owned()),
        ("threads".to_owned(), ctx.threads.to_string()),
        ("vocabulary".to_owned(), hash_bytes(pieces.file()).sha256),
    ]);
    let settings = Settings { seed, configuration: serde_json::to_value(config)?, data, versions };
    let data = PretrainingData { train, held_out, special: pieces.special() };
    let mut task = PretrainingTask::new(config, &xlnet, data, seed, device)?;
    if let Some(start) = &start {
        start.folder.load_for_pretraining(&task.params, "")?;
    }
    let shape = format!(
        "XLNet of {} layers of {}, {} pieces, {} parameters",
        xlnet.n_layer,
        xlnet.d_model,
        xlnet.vocab_size,
        task.params.count()
    );
    tracing::info!("encoder: {shape}");
    let trained = match (&config.start, config.training.epochs) {
        (None, 0) => "random values, not pre-trained".to_owned(),
        (None, epochs) => format!("pre-trained here for {epochs} epochs"),
        (Some(start), epochs) => {
            format!("from {}, pre-trained here for {epochs} epochs more", start.display())
        }
    };
    notes.insert("encoder".into(), format!("{shape}, {trained}"));
    let summary = if config.training.epochs > 0 {
        let trainer = TrainerConfig {
            epochs: config.training.epochs,
            checkpoint_every_steps: config.training.checkpoint_every,
            curve_every: config.training.curve_every,
            ..TrainerConfig::default()
        };
        let watch = ContextWatch(ctx);
        Some(Trainer::new(work, trainer, settings, &watch).run(&mut task).map_err(stopped)?)
    } else {
        None
    };
    folder::save(out, &xlnet, pieces.file(), &task.params.state()?)
        .with_context(|| format!("{}: the encoder cannot be written", out.display()))?;
    Ok(Pretrained { xlnet, summary, notes })
}

/// A cell that pre-trains an encoder for others: its folder is [`ENCODER_FOLDER`] below the cell's.
///
/// # Errors
/// As [`pretrain`].
pub fn cell(cell: &Cell, config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let texts = Text::of_corpora(&subtasks::corpora(&cell.data, config.limits)?);
    let out = ctx.work_dir.join(ENCODER_FOLDER);
    let data = cell.facts.files.clone();
    let pretrained = pretrain(&config.pretraining, texts, data, cell.seed, [&ctx.work_dir, &out], ctx)?;
    let mut outcome = Outcome { notes: pretrained.notes, ..Outcome::default() };
    outcome.score("encoder", "vocabulary", pretrained.xlnet.vocab_size as f64);
    let Some(summary) = &pretrained.summary else { return Ok(outcome) };
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

/// `loss`: mean training loss between points of the curve. `perplexity`: what held-out text says after each epoch.
fn curves(summary: &Summary) -> BTreeMap<String, Curve> {
    let mut loss = Curve::new(["step", "loss"]);
    let names = ["piece_loss", "perplexity", "piece_accuracy"];
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

/// `mtl-ls pretrain`.
pub fn command() -> Command {
    let path = |id: &'static str, name: &'static str| {
        Arg::new(id).long(id).value_name(name).value_parser(value_parser!(PathBuf))
    };
    Command::new(COMMAND)
        .about("Pre-train an XLNet on text; the result is a folder that transformers reads")
        .arg(
            path("text", "FILE")
                .num_args(1..)
                .action(ArgAction::Append)
                .help("Text in UTF-8, an empty line between documents"),
        )
        .arg(
            Arg::new("data")
                .long("data")
                .value_name("NAME")
                .num_args(1..)
                .action(ArgAction::Append)
                .help("Sub-tasks, categories or `text` (all of them), whose training sentences are read"),
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
                .value_parser(value_parser!(u16).range(1..))
                .help("Threads of one operation; left out: all"),
        )
        .arg(
            Arg::new("device")
                .long("device")
                .value_name("DEVICE")
                .default_value("cpu")
                .help("cpu, cuda or cuda:N"),
        )
        .arg(
            Arg::new("resume")
                .long("resume")
                .action(ArgAction::SetTrue)
                .help("Go on with a training that was stopped"),
        )
}

/// Runs `mtl-ls pretrain`.
///
/// # Errors
/// As [`pretrain`]; no text; a folder that holds a training already.
pub fn run_command(matches: &ArgMatches, ctx: &RunContext) -> Result<()> {
    let settings: PretrainingConfig = match matches.get_one::<PathBuf>("config") {
        Some(path) => {
            let node = yaml::read(path)?;
            config::from_value(&node.to_value()).map_err(|error| node.locate(&error))?
        }
        None => PretrainingConfig::default(),
    };
    let files: Vec<&PathBuf> = matches.get_many("text").unwrap_or_default().collect();
    let names: Vec<&String> = matches.get_many("data").unwrap_or_default().collect();
    if files.is_empty() && names.is_empty() {
        bail!("there is nothing to learn from: give text with `--text FILE...` or `--data NAME...`");
    }
    let (mut corpora, mut texts, mut data) = (Vec::new(), Vec::new(), BTreeMap::new());
    for name in names {
        data.extend(subtasks::facts(name)?.files);
        corpora.extend(subtasks::corpora(name, subtasks::Limits::default())?);
    }
    texts.extend(Text::of_corpora(&corpora));
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
    let mut ctx = ctx.clone();
    if let Some(threads) = matches.get_one::<u16>("threads") {
        ctx.threads = usize::from(*threads);
    }
    if let Some(device) = matches.get_one::<String>("device") {
        ctx.device.clone_from(device);
    }
    let pretrained = pretrain(&settings, texts, data, seed, [&work, out], &ctx)?;
    let lines = pretrained.summary.iter().flat_map(|summary| summary.log.iter().rev());
    let last = lines.filter_map(|line| match line {
        LogLine::Epoch { metrics, loss, .. } => Some((metrics.get("perplexity").copied(), *loss)),
        LogLine::Curve { .. } => None,
    });
    if let Some((perplexity, loss)) = last.into_iter().next() {
        let held_out =
            perplexity.map_or_else(String::new, |p| format!(", perplexity {p:.1} on held-out text"));
        tracing::info!("loss {loss:.3}{held_out}; the encoder is in {}", out.display());
    }
    Ok(())
}
