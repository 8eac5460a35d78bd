//! The verb `pretrain`: text and a configuration in, an encoder's folder out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use medner_core::trainer::Summary;
use medner_data::hash::hash_file;
use medner_data::plain_text::Text;
use medner_experiment::yaml::Node;
use medner_experiment::{Lock, RunContext, lock_folder, must_exist, output, set_flag};

use super::outcome::kept_epoch;
use super::settings::{self, Settings};

/// The command's name.
pub const COMMAND: &str = "pretrain";

#[derive(Args)]
struct Flags {
    /// Text in UTF-8: a paragraph a line, an empty line between documents
    #[arg(long, value_name = "FILE", num_args = 1..)]
    text: Vec<PathBuf>,
    /// Data sets whose training text is read
    #[arg(long, value_name = "NAME", num_args = 1..)]
    data: Vec<String>,
    /// Configuration in YAML; what it leaves out has its default (the main keys stand below)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the encoder goes; checkpoints are kept in DIR/training
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Threads [default: all of the machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// `cpu` or `cuda:0`; never a silent fallback
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    /// Go on with a training that was stopped
    #[arg(long)]
    resume: bool,
}

/// The command of the program of that name; `data` says what `--data` names.
pub fn command<C: Settings>(program: &str, about: &'static str, data: &'static str) -> Command {
    Flags::augment_args(Command::new(COMMAND).about(about))
        .mut_arg("data", |arg| arg.help(data))
        .arg(set_flag())
        .after_help(settings::help::<C>(program))
}

/// What the user asked for.
pub struct Request<C> {
    /// The configuration.
    pub config: C,
    /// Names of data sets.
    pub names: Vec<String>,
    /// Text files.
    pub files: Vec<PathBuf>,
    /// Seed.
    pub seed: u64,
    /// Where the encoder goes.
    pub out: PathBuf,
    /// Where the training goes.
    pub work: PathBuf,
    /// Threads and device as asked for.
    pub ctx: RunContext,
    /// Holds the folder as long as the request is there.
    _lock: Option<Lock>,
}

/// Reads the flags and the configuration, and refuses a folder that holds something else.
///
/// # Errors
/// A configuration that is none; text that is not there; a folder that holds a training already, without `--resume`.
pub fn request<C: Settings>(matches: &ArgMatches, ctx: &RunContext) -> Result<Request<C>> {
    let flags = Flags::from_arg_matches(matches)?;
    let sets: Vec<Node> = matches.get_many("sets").into_iter().flatten().cloned().collect();
    let config = settings::read(flags.config.as_deref(), &sets)?;
    for file in &flags.text {
        must_exist(file)?;
    }
    let work = flags.out.join("training");
    output::check(&flags.out, &work, flags.resume)?;
    let lock = lock_folder(&flags.out)?;
    let threads = flags.threads.map_or(ctx.threads, usize::from);
    let ctx = RunContext { threads, device: flags.device, ..ctx.clone() };
    let Flags { text: files, data: names, seed, out, .. } = flags;
    Ok(Request { config, names, files, seed, out, work, ctx, _lock: lock })
}

impl<C> Request<C> {
    /// Refuses a request that names no text.
    ///
    /// # Errors
    /// As said.
    pub fn check_text(&self) -> Result<()> {
        if self.names.is_empty() && self.files.is_empty() {
            bail!("there is nothing to learn from: give text with `--text FILE...` or `--data NAME...`");
        }
        Ok(())
    }

    /// The files as text, each line cut by `cut`, and their hashes.
    ///
    /// # Errors
    /// Files that cannot be read, are no UTF-8 or hold no text.
    pub fn read(&self, cut: impl Fn(&str) -> Vec<String>) -> Result<(Vec<Text>, BTreeMap<String, String>)> {
        let (mut texts, mut hashes) = (Vec::new(), BTreeMap::new());
        for file in &self.files {
            texts.push(Text::of_file(file, &cut)?);
            let hash = hash_file(file).with_context(|| format!("{}: cannot be read", file.display()))?;
            hashes.insert(file.display().to_string(), hash.sha256);
        }
        Ok((texts, hashes))
    }

    /// Says what it came to.
    pub fn say_end(&self, summary: &Summary) {
        let Some((loss, metrics)) = kept_epoch(summary) else { return };
        let perplexity = metrics.get("perplexity");
        let held_out =
            perplexity.map_or_else(String::new, |p| format!(", perplexity {p:.1} on held-out text"));
        tracing::info!("loss {loss:.3}{held_out}; the encoder is in {}", self.out.display());
    }
}
