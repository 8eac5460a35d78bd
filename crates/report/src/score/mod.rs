//! `medner score GOLD PRED [SECOND]`: every way of counting, side by side.

mod input;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use comfy_table::{CellAlignment, Table};
use medner_data::formats::conll::Column;
use medner_experiment::record::write_atomically;
use medner_metrics::{
    Counts, DEFAULT_REPLICATES, EntityReport, ErrorKind, ErrorReport, Interval, Randomisation, Scorer,
    TagScheme, TokenAccuracy, bootstrap_f1, entity_report, error_report, randomisation_f1, token_accuracy,
};
use serde::Serialize;

use crate::console::{Outcome, emit, table};
use crate::report::{ComparedUnit, errors_page};

/// What to compare, and how.
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// The annotation.
    gold: PathBuf,
    /// A system's output over the same sentences or records, in the same order.
    predicted: PathBuf,
    /// Another system's output: the two are compared by paired approximate randomisation.
    second: Option<PathBuf>,
    /// How the files are written [default: by their endings, .jsonl or columns].
    #[arg(long, value_enum)]
    format: Option<input::Format>,
    /// Column of the tag in files of columns, from 1 [default: the last, or the second where concepts follow].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    tag_column: Option<u16>,
    /// Tag scheme: bio, bioes or bmes [default: seen in the gold tags].
    #[arg(long)]
    scheme: Option<TagScheme>,
    /// Replicates of the bootstrap and of the randomisation test.
    #[arg(long, default_value_t = DEFAULT_REPLICATES)]
    replicates: usize,
    /// Confidence level of the bootstrap interval.
    #[arg(long, default_value_t = 0.95)]
    level: f64,
    /// Seed of both.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints one JSON object instead of tables; scores are fractions.
    #[arg(long)]
    json: bool,
    /// Writes every unit with an error to this HTML page, annotation and prediction side by side.
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
}

/// One system against the annotation.
#[derive(Serialize)]
struct SystemScores {
    file: String,
    /// By scorer; only `entity` for records with character offsets.
    scorers: BTreeMap<&'static str, EntityReport>,
    /// Absent for records with character offsets.
    token_accuracy: Option<TokenAccuracy>,
    errors: BTreeMap<&'static str, usize>,
    interval: Interval,
}

/// Everything that is printed.
#[derive(Serialize)]
struct Scoring {
    gold: String,
    scheme: TagScheme,
    units: usize,
    systems: Vec<SystemScores>,
    /// First against second system.
    #[serde(skip_serializing_if = "Option::is_none")]
    randomisation: Option<Randomisation>,
}

impl ScoreArgs {
    fn tag_column(&self) -> Option<Column> {
        self.tag_column.map(|n| Column::At(usize::from(n) - 1))
    }
}

impl SystemScores {
    fn strict(&self) -> &EntityReport {
        &self.scorers[Scorer::Entity.name()]
    }
}

/// Scores and prints.
pub fn run(args: &ScoreArgs) -> Result<Outcome> {
    ensure!(args.replicates > 0, "--replicates must be at least 1");
    ensure!(args.level > 0.0 && args.level < 1.0, "--level must lie between 0 and 1, not {}", args.level);
    let gold = input::read(&args.gold, args.format, args.tag_column())?;
    let scheme = args.scheme.unwrap_or_else(|| input::scheme_of(&gold));
    let mut systems = Vec::new();
    for path in std::iter::once(&args.predicted).chain(&args.second) {
        systems.push(score(&gold, path, scheme, args)?);
    }
    if let Some(page) = &args.errors {
        write_errors(&gold, scheme, args, page)?;
    }
    let randomisation = match &systems[..] {
        [first, second] => Some(
            randomisation_f1(&first.strict().units, &second.strict().units, args.replicates, args.seed)
                .context("comparing the two systems")?,
        ),
        _ => None,
    };
    let scoring =
        Scoring { gold: args.gold.display().to_string(), scheme, units: gold.len(), systems, randomisation };
    emit(&if args.json { serde_json::to_string(&scoring)? + "\n" } else { text(&scoring) })?;
    Ok(Outcome::Ok)
}

fn score(gold: &[input::Unit], path: &Path, scheme: TagScheme, args: &ScoreArgs) -> Result<SystemScores> {
    let predicted = input::read(path, args.format, args.tag_column())?;
    input::same_units(gold, &args.gold, &predicted, path)?;
    let context = || format!("scoring {} against {}", path.display(), args.gold.display());
    let gold_spans = input::spans(gold, scheme);
    let predicted_spans = input::spans(&predicted, scheme);
    let mut scorers = BTreeMap::new();
    let mut accuracy = None;
    if let (Some(gold_tags), Some(predicted_tags)) =
        (input::tags(gold, scheme, &args.gold)?, input::tags(&predicted, scheme, path)?)
    {
        for scorer in Scorer::ALL {
            let report = scorer.report(scheme, &gold_tags, &predicted_tags).with_context(context)?;
            scorers.insert(scorer.name(), report);
        }
        accuracy = Some(token_accuracy(&gold_tags, &predicted_tags).with_context(context)?);
    } else {
        let report = entity_report(&gold_spans, &predicted_spans).with_context(context)?;
        scorers.insert(Scorer::Entity.name(), report);
    }
    let errors: ErrorReport = error_report(&gold_spans, &predicted_spans).with_context(context)?;
    let errors = ErrorKind::ALL.into_iter().map(|kind| (kind.name(), errors.count(kind))).collect();
    let units = &scorers[Scorer::Entity.name()].units;
    let interval = bootstrap_f1(units, args.level, args.replicates, args.seed).with_context(context)?;
    Ok(SystemScores { file: path.display().to_string(), scorers, token_accuracy: accuracy, errors, interval })
}

/// The page of the first system's errors.
fn write_errors(gold: &[input::Unit], scheme: TagScheme, args: &ScoreArgs, page: &Path) -> Result<()> {
    let predicted = input::read(&args.predicted, args.format, args.tag_column())?;
    let (gold_spans, predicted_spans) = (input::spans(gold, scheme), input::spans(&predicted, scheme));
    let units: Vec<ComparedUnit<'_>> = gold
        .iter()
        .zip(gold_spans.iter().zip(&predicted_spans))
        .map(|(unit, (gold, predicted))| ComparedUnit {
            place: format!("{}:{}", args.gold.display(), unit.line),
            tokens: unit.pieces(),
            gold,
            predicted,
        })
        .collect();
    let title = format!("{} against {}", args.predicted.display(), args.gold.display());
    let html = errors_page(&title, &units).with_context(|| title.clone())?;
    write_atomically(page, html.as_bytes())?;
    Ok(())
}

/// Per cent with two decimals, as the papers print them.
fn per_cent(fraction: f64) -> String {
    format!("{:.2}", 100.0 * fraction)
}

fn scores_row(name: &str, counts: &Counts) -> Vec<String> {
    let mut row = vec![name.to_owned()];
    row.extend([counts.precision(), counts.recall(), counts.f1()].map(per_cent));
    row.extend([counts.gold, counts.predicted, counts.correct].map(|n| n.to_string()));
    row
}

/// Numbers stand at the right.
fn right(mut table: Table) -> Table {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn text(scoring: &Scoring) -> String {
    let mut out = format!("{}: {} units, {}\n", scoring.gold, scoring.units, scoring.scheme);
    for system in &scoring.systems {
        write_system(system, &mut out);
    }
    if let (Some(test), [first, second]) = (&scoring.randomisation, &scoring.systems[..]) {
        writeln!(
            out,
            "\n{} minus {}: strict F1 {:+.2} points, p = {:.4} (paired approximate randomisation over units, {} replicates)",
            first.file,
            second.file,
            100.0 * test.difference,
            test.p_value,
            test.replicates
        )
        .expect("writing to a String cannot fail");
    }
    out
}

fn write_system(system: &SystemScores, out: &mut String) {
    let mut scorers = table(&["scorer", "precision", "recall", "F1", "gold", "predicted", "correct"]);
    for scorer in Scorer::ALL {
        if let Some(report) = system.scorers.get(scorer.name()) {
            let name = if scorer == Scorer::Entity { "strict" } else { scorer.name() };
            scorers.add_row(scores_row(name, &report.micro));
        }
    }
    let mut types = table(&["type (strict)", "precision", "recall", "F1", "gold", "predicted", "correct"]);
    for (label, counts) in &system.strict().per_type {
        types.add_row(scores_row(if label.is_empty() { "(none)" } else { label }, counts));
    }
    let macro_mean = system.strict().macro_scores();
    let mut row = vec!["macro mean".to_owned()];
    row.extend([macro_mean.precision, macro_mean.recall, macro_mean.f1].map(per_cent));
    types.add_row(row);
    let mut errors = table(&["mentions", "count"]);
    for kind in ErrorKind::ALL {
        let count = system.errors[kind.name()];
        if count > 0 {
            errors.add_row([kind.name().to_owned(), count.to_string()]);
        }
    }
    let Interval { low, high, level, replicates, .. } = system.interval;
    let accuracy = match &system.token_accuracy {
        Some(a) => format!("token accuracy {} ({} of {})", per_cent(a.accuracy()), a.correct, a.total),
        None => "character offsets: no tags, so only the strict scorer applies".to_owned(),
    };
    write!(
        out,
        "\n{}\n{}\n{accuracy}\nstrict F1 lies in {} to {} ({:.0}% bootstrap interval over units, {replicates} replicates)\n\n{}\n\n{}\n",
        system.file,
        right(scorers),
        per_cent(low),
        per_cent(high),
        100.0 * level,
        right(types),
        right(errors),
    )
    .expect("writing to a String cannot fail");
    let twice = &system.strict().duplicates;
    if twice.gold + twice.predicted > 0 {
        writeln!(
            out,
            "mentions that stand twice in a unit count once: {} gold, {} predicted",
            twice.gold, twice.predicted
        )
        .expect("writing to a String cannot fail");
    }
}
