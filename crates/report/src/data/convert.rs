//! `medner data convert --from FORMAT --to FORMAT IN OUT`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use medner_data::atomic::write_atomically;
use medner_data::convert::{Lost, to_documents};
use medner_data::formats::ccks::EntityType;
use medner_data::formats::conll_writer::{ConllWriteOptions, write_conll};
use medner_data::formats::split::{SplitOptions, split_records};
use medner_data::formats::{Remark, Report, brat, jsonl, pubtator, tokenize};
use medner_data::{Document, Sentence};
use serde_json::json;

use super::input::{self, ColumnArgs, Format, Items, Scheme};
use crate::console::Outcome;

/// What to convert.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// File or folder to read.
    input: PathBuf,
    /// File (a folder for brat) to write; an existing file is replaced only with `--force`.
    output: PathBuf,
    /// Format of the input; recognised when not given.
    #[arg(long, value_enum)]
    from: Option<Format>,
    /// Format of the output.
    #[arg(long, value_enum)]
    to: Target,
    #[command(flatten)]
    columns: ColumnArgs,
    /// Tag scheme of the output's columns.
    #[arg(long, value_enum, default_value = "bio")]
    to_scheme: Scheme,
    /// What a token is when texts become columns.
    #[arg(long, value_enum, default_value_t)]
    tokens: Tokens,
    /// Longest sentence in characters when texts become columns of characters; an entity is never cut.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_length: Option<u32>,
    /// Replaces an existing output.
    #[arg(long)]
    force: bool,
}

/// A format that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Columns; concepts and parts of speech become columns where every sentence has them.
    Conll,
    /// JSON lines of our own shape.
    Jsonl,
    /// A folder of `.txt` and `.ann` files.
    Brat,
    /// Title, abstract and mentions with concepts.
    Pubtator,
    /// JSON lines as CCKS-2019 has them.
    Ccks,
}

/// What a token is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Tokens {
    /// Characters for Chinese, words for anything else.
    #[default]
    Auto,
    /// Every character.
    Characters,
    /// Words and punctuation marks.
    Words,
}

/// Converts, and says what could not be carried over.
pub fn run(args: &ConvertArgs, quiet: bool) -> Result<Outcome> {
    if args.output.exists() && !args.force {
        bail!("{}: is there already; give another name, or --force to replace it", args.output.display());
    }
    let from = match args.from {
        Some(format) => format,
        None => input::detect(&args.input)?,
    };
    let (items, report) = input::read(&args.input, from, &args.columns)?;
    let mut lost = Lost::default();
    remarks(&report, &mut lost);
    let written = if args.to == Target::Conll {
        let sentences = sentences(items, args, &mut lost)?;
        columns(&sentences, args, &mut lost)?;
        format!("{} sentences", sentences.len())
    } else {
        let documents = match items {
            Items::Documents(documents) => documents,
            Items::Sentences(sentences) => to_documents(&sentences, &mut lost),
        };
        texts(&documents, args, &mut lost)?;
        format!("{} documents", documents.len())
    };
    if !quiet {
        tracing::info!("{written} written to {}", args.output.display());
    }
    for line in lost.to_string().lines() {
        tracing::warn!("not carried over: {line}");
    }
    Ok(Outcome::Ok)
}

/// Remarks of the readers and writers that say that something is gone.
fn remarks(report: &Report, lost: &mut Lost) {
    for (remark, remarked) in &report.remarks {
        if *remark == Remark::DocumentLine {
            lost.add("document borders (-DOCSTART- lines)", remarked.count);
        } else {
            lost.add(&format!("{} (first: {})", remark.text(), remarked.first), remarked.count);
        }
    }
}

fn sentences(items: Items, args: &ConvertArgs, lost: &mut Lost) -> Result<Vec<Sentence>> {
    let documents = match items {
        Items::Sentences(sentences) => return Ok(sentences),
        Items::Documents(documents) => documents,
    };
    let by_character = match args.tokens {
        Tokens::Characters => true,
        Tokens::Words => false,
        Tokens::Auto => is_chinese(&documents),
    };
    if !by_character {
        let read = tokenize::tokenize(&documents)?;
        remarks(&read.report, lost);
        return Ok(read.items.into_iter().map(|t| t.sentence).collect());
    }
    let max_length = args.max_length.map_or(usize::MAX, |n| n as usize);
    let split = split_records(&documents, SplitOptions { max_length, ..SplitOptions::default() })?;
    lost.add("mentions that overlap a longer one", split.report.entities_overlapping);
    lost.add("mentions that a sentence border runs through", split.report.entities_cut);
    let concepts = documents.iter().flat_map(|d| &d.entities).filter(|e| !e.concepts.is_empty()).count();
    lost.add("mentions whose concepts have no column (write words instead of characters)", concepts);
    let mut sentences = split.sentences();
    lost.add("tabs and line breaks (written as spaces)", without_separators(&mut sentences));
    Ok(sentences)
}

/// A space for every token that parts columns or lines, so that each character keeps its place; their number.
fn without_separators(sentences: &mut [Sentence]) -> usize {
    let mut count = 0;
    for token in sentences.iter_mut().flat_map(|s| &mut s.tokens) {
        if matches!(token.as_str(), "\t" | "\n" | "\r") {
            " ".clone_into(token);
            count += 1;
        }
    }
    count
}

/// True when most characters that are not white space are beyond Latin script.
fn is_chinese(documents: &[Document]) -> bool {
    let (mut wide, mut all) = (0, 0);
    for c in documents.iter().flat_map(|d| d.text.chars()).filter(|c| !c.is_whitespace()).take(100_000) {
        wide += usize::from(c as u32 >= 0x2E80);
        all += 1;
    }
    2 * wide > all
}

fn columns(sentences: &[Sentence], args: &ConvertArgs, lost: &mut Lost) -> Result<()> {
    let each = |have: fn(&Sentence) -> usize| {
        !sentences.is_empty() && sentences.iter().all(|s| have(s) == s.tokens.len())
    };
    let options = ConllWriteOptions {
        scheme: args.to_scheme.into(),
        pos: each(|s| s.pos.len()),
        concepts: each(|s| s.concepts.len()),
    };
    if !options.pos {
        lost.add("parts of speech (not every token has one)", sentences.iter().map(|s| s.pos.len()).sum());
    }
    if !options.concepts {
        lost.add("concepts (not every token has a value)", sentences.iter().map(|s| s.concepts.len()).sum());
    }
    write_file(&args.output, |out, path| Ok(write_conll(sentences, options, out, path)?))
}

fn texts(documents: &[Document], args: &ConvertArgs, lost: &mut Lost) -> Result<()> {
    match args.to {
        Target::Brat => brat::write_brat(documents, &args.output)?,
        Target::Jsonl => write_file(&args.output, |out, path| Ok(jsonl::write_jsonl(documents, out, path)?))?,
        Target::Pubtator => {
            let mut report = Report::default();
            write_file(&args.output, |out, path| {
                report = pubtator::write_pubtator(documents, out, path)?;
                Ok(())
            })?;
            remarks(&report, lost);
        }
        Target::Ccks => {
            let entities = || documents.iter().flat_map(|d| &d.entities);
            lost.add("document identifiers (this format has none)", documents.len());
            lost.add("mentions with concepts", entities().filter(|e| !e.concepts.is_empty()).count());
            let foreign = entities().filter(|e| EntityType::find(&e.label).is_none()).count();
            lost.add("mentions of types that CCKS-2019 does not have (written as they are)", foreign);
            write_file(&args.output, |out, path| {
                for document in documents {
                    writeln!(out, "{}", ccks_line(document)).with_context(|| path.display().to_string())?;
                }
                out.flush().with_context(|| path.display().to_string())
            })?;
        }
        Target::Conll => unreachable!("columns are written from sentences"),
    }
    Ok(())
}

/// One record; types under the corpus's own names.
fn ccks_line(document: &Document) -> serde_json::Value {
    let source =
        |label: &str| EntityType::find(label).map_or_else(|| label.to_owned(), |t| t.source.to_owned());
    let entities: Vec<_> = document
        .entities
        .iter()
        .map(
            |e| json!({"label_type": source(&e.label), "overlap": 0, "start_pos": e.start, "end_pos": e.end}),
        )
        .collect();
    json!({"originalText": document.text, "entities": entities})
}

/// Writes a file that is there whole or not at all.
fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write, &Path) -> Result<()>) -> Result<()> {
    let mut failed = None;
    let written = write_atomically(path, |out| {
        write(out, path).map_err(|error| {
            let message = error.to_string();
            failed = Some(error);
            std::io::Error::other(message)
        })
    });
    match failed {
        Some(error) => Err(error),
        None => written.with_context(|| path.display().to_string()),
    }
}
