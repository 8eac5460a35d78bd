//! A pre-training from text to folder: as the command `mtl-ls pretrain`, and as a cell that others need.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use clap::{ArgMatches, Command};
use medner_core::checkpoint::PRODUCTS;
use medner_core::device;
use medner_core::trainer::Summary;
use medner_data::formats::tokenize::tokens;
use medner_data::hash::hash_bytes;
use medner_data::plain_text::Text;
use medner_experiment::{Cell, Outcome, RunContext};
use medner_training::job;
use medner_training::pretraining::outcome::{self, ENCODER_FOLDER};
use medner_training::pretraining::{Documents, command};

use super::config::PretrainingConfig;
use super::objective::{self, Permutation};
use super::vocabulary::{of_corpora, tokenizer};
use crate::config::Config;
use crate::encoder;
use crate::subtasks;
use crate::tagging::WordPieces;
use crate::xlnet::{XlnetConfig, folder};

/// Raised whenever a change alters what a pre-training comes to; an older run is then not resumed.
pub const PRETRAINING_VERSION: u32 = 3;

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
    mut data: BTreeMap<String, String>,
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
    let encode = |text: &[String]| Ok(words.words(text)?);
    let (documents, mut notes) = Documents::encode(texts, config.sequences.held_out, encode)?;
    warn_of_nothing_held_out(&documents, config.sequences.held_out);
    if let Some(folder) = &config.start {
        let files = encoder::files_of(folder)?;
        data.extend(files.into_iter().map(|(name, hash)| (format!("start/{name}"), hash)));
    }
    // What it goes on from is known by its files, wherever they lie.
    let said = PretrainingConfig { start: None, ..config.clone() };
    let mut settings = job::settings(seed, &said, data, ("pretraining", PRETRAINING_VERSION), ctx)?;
    settings.versions.insert("vocabulary".to_owned(), hash_bytes(pieces.file()).sha256);
    let mut task = objective::task(config, &xlnet, pieces.special(), documents, seed, device)?;
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
    notes.insert("matrix products".into(), task.products.into());
    settings.versions.insert(PRODUCTS.to_owned(), task.products.to_owned());
    let summary = if config.training.epochs > 0 {
        Some(outcome::train(&mut task, work, &config.training, settings, ctx)?)
    } else {
        None
    };
    folder::save(out, &xlnet, pieces.file(), &task.params.state()?)
        .with_context(|| format!("{}: the encoder cannot be written", out.display()))?;
    Ok(Pretrained { xlnet, summary, notes })
}

/// Perplexity is measured on whole documents: of one document none can be held out.
fn warn_of_nothing_held_out(documents: &Documents, share: f64) {
    if documents.held_out.is_empty() && share > 0.0 {
        tracing::warn!(
            "nothing is held out, so no perplexity will be measured: each text is one document. An empty line ends a document; of \
             two or more the last {:.0}%, one at least, are held out (`sequences.held_out`)",
            100.0 * share
        );
    }
}

/// A cell that pre-trains an encoder for others: its folder is [`ENCODER_FOLDER`] below the cell's.
///
/// # Errors
/// As [`pretrain`].
pub fn cell(cell: &Cell, config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let texts = of_corpora(&subtasks::corpora(&cell.data, config.limits)?);
    let out = ctx.work_dir.join(ENCODER_FOLDER);
    let data = cell.facts.files.clone();
    let pretrained = pretrain(&config.pretraining, texts, data, cell.seed, [&ctx.work_dir, &out], ctx)?;
    let mut outcome = Outcome { notes: pretrained.notes, ..Outcome::default() };
    outcome.score("encoder", "vocabulary", pretrained.xlnet.vocab_size as f64);
    let Some(summary) = &pretrained.summary else { return Ok(outcome) };
    outcome::put::<Permutation>(&mut outcome, summary);
    Ok(outcome)
}

/// `mtl-ls pretrain`.
pub fn command() -> Command {
    command::command::<PretrainingConfig>(
        "mtl-ls",
        "Pre-train an XLNet on text; the result is a folder that transformers reads",
        "Sub-tasks, categories or `text` (all of them), whose training sentences are read",
    )
}

/// A line's words as taggers have them, punctuation apart.
fn words(line: &str) -> Vec<String> {
    let characters: Vec<char> = line.chars().collect();
    tokens(&characters).into_iter().map(|(start, end)| characters[start..end].iter().collect()).collect()
}

/// Runs `mtl-ls pretrain`.
///
/// # Errors
/// As [`pretrain`]; no text; a folder that holds a training already.
pub fn run_command(matches: &ArgMatches, ctx: &RunContext) -> Result<()> {
    let request = command::request::<PretrainingConfig>(matches, ctx)?;
    request.check_text()?;
    let (mut corpora, mut data) = (Vec::new(), BTreeMap::new());
    for name in &request.names {
        data.extend(subtasks::facts(name)?.files);
        corpora.extend(subtasks::corpora(name, subtasks::Limits::default())?);
    }
    let mut texts = of_corpora(&corpora);
    let (files, hashes) = request.read(words)?;
    texts.extend(files);
    data.extend(hashes);
    let folders = [request.work.as_path(), &request.out];
    let pretrained = pretrain(&request.config, texts, data, request.seed, folders, &request.ctx)?;
    if let Some(summary) = &pretrained.summary {
        request.say_end(summary);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn text_is_cut_into_words_as_taggers_cut_it() {
        assert_eq!(
            words("No fever, no cough (B-cell)."),
            ["No", "fever", ",", "no", "cough", "(", "B", "-", "cell", ")", "."]
        );
    }
}
