//! A pre-training from text to folder: as the command `albert-idcnn pretrain`, and as a cell that others need.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{ArgMatches, Command};
use medner_core::checkpoint::PRODUCTS;
use medner_core::trainer::Summary;
use medner_core::{CoreError, device};
use medner_data::hash::{hash_bytes, hash_file};
use medner_data::load;
use medner_data::plain_text::Text;
use medner_experiment::{Cell, Outcome, RunContext};
use medner_training::job;
use medner_training::pretraining::outcome::{self, ENCODER_FOLDER};
use medner_training::pretraining::{Documents, command};

use super::config::{Positions, PretrainingConfig};
use super::objective::{self, MlmSop};
use super::vocabulary::{encode, vocabulary};
use super::{corpora, neighbours, word_table};
use crate::albert::folder::AlbertFolder;
use crate::albert::{AlbertConfig, AlbertTokenizer, TokenizerMode, folder};
use crate::config::Config;
use crate::reading::open_encoder;

/// Raised whenever a change alters what a pre-training comes to; an older run is then not resumed.
pub const PRETRAINING_VERSION: u32 = 2;

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
/// What the configuration, the text or the device refuse; [`medner_experiment::Stopped`] when it was asked to stop.
pub fn pretrain(
    config: &PretrainingConfig,
    texts: Vec<Text>,
    mut data: BTreeMap<String, String>,
    seed: u64,
    [work, out]: [&Path; 2],
    ctx: &RunContext,
) -> Result<Pretrained> {
    config.check()?;
    device::set_threads(ctx.threads);
    let device = device::open(&ctx.device)?;
    let start = config.start.as_deref().map(open_encoder).transpose()?;
    let (albert, entries, lower_case) = if let Some(start) = &start {
        check_positions(config, start)?;
        (start.config.clone(), start.vocabulary.clone(), start.lower_case)
    } else {
        let entries = vocabulary(&config.vocabulary, &texts)?;
        let albert = config.encoder.albert(entries.len(), config.sequences.max_length);
        (albert, entries, config.vocabulary.lower_case)
    };
    if config.vocabulary.mode == TokenizerMode::Wordpiece {
        tracing::warn!(
            "`vocabulary.mode: wordpiece`: the taggers of this program read a piece for each character, letters and digits \
             too; an encoder for them is pre-trained with `character`"
        );
    }
    let tokenizer = AlbertTokenizer::new(&entries, config.vocabulary.mode, lower_case)?;
    let encode = |sentences: &[String]| encode(&tokenizer, sentences);
    let (documents, mut notes) = Documents::encode(texts, config.sequences.held_out, encode)?;
    if let Some(start) = &start {
        data.extend(files_of_start(start.path())?);
    }
    // What it goes on from is known by its files, wherever they lie.
    let said = PretrainingConfig { start: None, ..config.clone() };
    let mut settings = job::settings(seed, &said, data, ("pretraining", PRETRAINING_VERSION), ctx)?;
    settings.versions.insert("vocabulary".to_owned(), hash_bytes(entries.join("\n").as_bytes()).sha256);
    let mut task = objective::task(config, &albert, tokenizer, documents, seed, device)?;
    let shape = format!(
        "{} parameters, {} vocabulary entries, {} layers of {}",
        task.params.count(),
        entries.len(),
        albert.num_hidden_layers,
        albert.hidden_size
    );
    tracing::info!("encoder: {shape}");
    if let Some(start) = &start {
        start.load_for_pretraining(&task.params, "")?;
    } else {
        let looking = config.encoder.positions == Positions::Neighbours;
        let first = if looking { neighbours::columns(&albert) } else { 0 };
        if looking {
            neighbours::write(&task.params, &albert)?;
        }
        if let Some(cbow) = &config.word_vectors {
            let spread = (first, albert.initializer_range);
            let rows =
                word_table::write_vectors(&task.params, &task.documents().train, cbow, seed, spread, ctx)?;
            notes.insert("word table".into(), format!("{rows} of {} rows from CBOW vectors", entries.len()));
        }
    }
    notes.insert("encoder".into(), shape);
    notes.insert("matrix products".into(), task.products.into());
    settings.versions.insert(PRODUCTS.to_owned(), task.products.to_owned());
    let summary = outcome::train(&mut task, work, &config.training, settings, ctx)?;
    folder::save(out, &albert, &entries, lower_case, &task.params.state()?)
        .with_context(|| format!("{}: the encoder cannot be written", out.display()))?;
    Ok(Pretrained { folder: out.to_owned(), albert, summary, notes })
}

/// Refuses windows that are longer than what the encoder has positions for.
fn check_positions(config: &PretrainingConfig, start: &AlbertFolder) -> Result<()> {
    let (length, positions) = (config.sequences.max_length, start.config.max_position_embeddings);
    if length as i64 <= positions {
        return Ok(());
    }
    let message =
        format!("{length} pieces are more than the {positions} positions of {}", start.path().display());
    Err(CoreError::Config { key: "sequences.max_length".into(), message }.into())
}

/// A cell that makes an encoder for others, in [`ENCODER_FOLDER`] below its own folder: pre-trained on the training records of
/// its data set and the texts of the configuration (from random values, or going on from the encoder of the cell that it needs
/// as `start`), or taken in from the folder that the configuration names.
///
/// # Errors
/// As [`pretrain`]; a published encoder that does not fit its own sizes.
pub fn cell(cell: &Cell, config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let out = ctx.work_dir.join(ENCODER_FOLDER);
    if let Some(folder) = &config.encoder {
        return take_in(Path::new(folder), &out);
    }
    let names = std::iter::once(&cell.data).chain(&config.pretraining.texts);
    let mut texts = names.map(|name| corpora::of_corpus(name)).collect::<Result<Vec<_>>>()?;
    if config.limits.train > 0 {
        for text in &mut texts {
            text.documents.truncate(config.limits.train);
        }
    }
    let mut data = cell.facts.files.clone();
    data.extend(cell.inputs.files.clone());
    let mut pretraining = config.pretraining.clone();
    let mut before = None;
    if cell.needs.contains_key("start") {
        pretraining.start = Some(ctx.artifact("start")?.join(ENCODER_FOLDER));
        before = ctx.needed_record("start")?.outcome.notes.remove("encoder");
    } else if let Some(folder) = &pretraining.start {
        before = Some(format!("published, from {}", folder.display()));
    }
    let pretrained = pretrain(&pretraining, texts, data, cell.seed, [&ctx.work_dir, &out], ctx)?;
    let mut outcome = Outcome { notes: pretrained.notes, ..Outcome::default() };
    let shape = outcome.notes.get("encoder").cloned().unwrap_or_default();
    let epochs = config.pretraining.training.epochs;
    let names: Vec<&str> =
        std::iter::once(&cell.data).chain(&config.pretraining.texts).map(String::as_str).collect();
    let said = match before {
        Some(before) => format!("{before}, then {epochs} epochs of {}", names.join(" and ")),
        None => format!("pre-trained here: {shape}, {epochs} epochs"),
    };
    outcome.notes.insert("encoder".into(), said);
    outcome.score("encoder", "vocabulary", pretrained.albert.vocab_size as f64);
    outcome::put::<MlmSop>(&mut outcome, &pretrained.summary);
    Ok(outcome)
}

/// The files of an encoder's folder that matter, with their SHA-256.
///
/// # Errors
/// A folder that is no encoder's, a file that cannot be read.
pub fn files_of(folder: &Path) -> Result<BTreeMap<String, String>> {
    // What is missing or of another model is said before anything is read in full.
    AlbertFolder::open(folder)?;
    let mut files = BTreeMap::new();
    for name in names_of(folder)? {
        files.insert(name.clone(), hash_file(&folder.join(&name))?.sha256);
    }
    Ok(files)
}

/// The files of an encoder that a pre-training goes on from, by names of their own among all that it reads.
///
/// # Errors
/// As [`files_of`].
pub fn files_of_start(folder: &Path) -> Result<BTreeMap<String, String>> {
    Ok(files_of(folder)?.into_iter().map(|(name, hash)| (format!("start/{name}"), hash)).collect())
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

/// `albert-idcnn pretrain`.
pub fn command() -> Command {
    command::command::<PretrainingConfig>(
        "albert-idcnn",
        "Pre-train an ALBERT encoder on text; the result is a folder that transformers reads",
        "Data sets of the catalogue whose training text is read",
    )
}

/// Runs `albert-idcnn pretrain`.
///
/// # Errors
/// As [`pretrain`]; no text; a folder that holds a training already.
pub fn run_command(matches: &ArgMatches, ctx: &RunContext) -> Result<()> {
    let mut request = command::request::<PretrainingConfig>(matches, ctx)?;
    // All that `albert-idcnn config` prints names corpora here: who gives text of their own wants that alone.
    if request.names.is_empty() && request.files.is_empty() {
        request.names.clone_from(&request.config.texts);
    } else if !request.config.texts.is_empty() {
        tracing::info!(
            "`texts` of the configuration ({}) are not read: the command line names the text",
            request.config.texts.join(", ")
        );
    }
    request.config.texts.clone_from(&request.names);
    request.check_text()?;
    let (mut texts, mut data) = (Vec::new(), BTreeMap::new());
    for name in &request.names {
        texts.push(corpora::of_corpus(name)?);
        data.extend(load::hashes(name)?);
    }
    let (files, hashes) = request.read(corpora::sentences)?;
    texts.extend(files);
    data.extend(hashes);
    let folders = [request.work.as_path(), &request.out];
    let pretrained = pretrain(&request.config, texts, data, request.seed, folders, &request.ctx)?;
    request.say_end(&pretrained.summary);
    Ok(())
}
