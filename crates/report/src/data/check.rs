//! `medner data check NAME|FILES...`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use medner_data::check::{self, Finding, Options, Severity, tags};
use medner_data::formats::ccks::EntityType;
use medner_data::manifest::{Counts, DataSet};

use super::input::{self, AnyCorpus, ColumnArgs, Format, Input, SPLITS};
use crate::console::{Outcome, emit};

/// What to look at.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Data sets by name (also `sample-...`), or files: `train`, `dev` and `test` are told by their names, else by order.
    #[arg(required = true, value_name = "NAME|FILE")]
    inputs: Vec<String>,
    /// Format of the files; recognised when not given.
    #[arg(long, value_enum)]
    from: Option<Format>,
    #[command(flatten)]
    columns: ColumnArgs,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t)]
    format: Output,
    /// Reports sentences longer than this many tokens, and documents of ten times as many characters.
    #[arg(long, default_value_t = Options::default().long)]
    long: usize,
    /// Places shown for each finding.
    #[arg(long, default_value_t = Options::default().examples)]
    examples: usize,
    /// Fails on warnings too, not only on errors.
    #[arg(long)]
    strict: bool,
}

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON object: findings by data set.
    Json,
}

/// Checks and prints. The outcome is `Failed` when there is an error (with `--strict`: a warning).
pub fn run(args: &CheckArgs) -> Result<Outcome> {
    let options = Options { long: args.long, examples: args.examples };
    let mut results: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    match Input::parse(&args.inputs)? {
        Input::Names(names) => {
            if args.from.is_some() {
                bail!("--from is for files; the format of a data set is known");
            }
            for name in names {
                results.insert(name.clone(), named(&name, &options)?);
            }
        }
        Input::Files(files) => {
            let label = args.inputs.join(" ");
            results.insert(label, own_files(files, args, &options)?);
        }
    }
    emit(&match args.format {
        Output::Json => format!("{}\n", serde_json::to_string_pretty(&results)?),
        Output::Text => results.iter().map(|(name, findings)| text(name, findings)).collect(),
    })?;
    let limit = if args.strict { Severity::Warning } else { Severity::Error };
    let failed = results.values().flatten().any(|f| f.severity >= limit);
    Ok(if failed { Outcome::Failed } else { Outcome::Ok })
}

/// What is wrong with a data set of the catalogue, errors first.
pub fn named(name: &str, options: &Options) -> Result<Vec<Finding>> {
    let (corpus, report, set) = input::load_named(name)?;
    let mut expected = set.map(|set| counts(&set));
    let mut findings = Finding::remarks(name, &report);
    if let (Some(expected), AnyCorpus::Sentences(corpus)) = (&mut expected, &corpus) {
        findings.extend(check::reconcile(expected, corpus, &report));
    }
    findings.extend(of_corpus(&corpus, expected.as_ref(), options));
    Ok(sorted(findings))
}

fn of_corpus(
    corpus: &AnyCorpus,
    expected: Option<&BTreeMap<String, Counts>>,
    options: &Options,
) -> Vec<Finding> {
    match corpus {
        AnyCorpus::Sentences(corpus) => check::sentences(corpus, expected, options),
        AnyCorpus::Documents(corpus) => check::documents(corpus, expected, options),
    }
}

/// The manifest's counts with the labels that the readers give.
fn counts(set: &DataSet) -> BTreeMap<String, Counts> {
    let mut all = set.counts.clone();
    for counts in all.values_mut() {
        let by_type = std::mem::take(&mut counts.by_type);
        let label = |source: String| EntityType::find(&source).map_or(source, |t| t.name.to_owned());
        counts.by_type = by_type.into_iter().map(|(source, n)| (label(source), n)).collect();
    }
    all
}

fn own_files(files: Vec<(usize, PathBuf)>, args: &CheckArgs, options: &Options) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut parts = Vec::new();
    for (split, path) in files {
        let format = match args.from {
            Some(format) => format,
            None => input::detect(&path)?,
        };
        let scope = format!("{} ({})", path.display(), SPLITS[split]);
        if format == Format::Conll && path.is_file() {
            findings.extend(tags::scan(&path, args.columns.tag_index(), options)?.findings);
        }
        match input::read(&path, format, &args.columns) {
            Ok((items, report)) => {
                findings.extend(Finding::remarks(&scope, &report));
                parts.push((split, items));
            }
            Err(error) => findings.push(Finding::unreadable(scope, &error)),
        }
    }
    if !parts.is_empty() {
        let corpus = input::gather(parts)?;
        let present = match &corpus {
            AnyCorpus::Sentences(c) => c.splits().map(|(_, items)| !items.is_empty()),
            AnyCorpus::Documents(c) => c.splits().map(|(_, items)| !items.is_empty()),
        };
        // Who gives one file does not miss the other splits.
        let whole = present.iter().filter(|p| **p).count() > 1;
        let found = of_corpus(&corpus, None, options);
        findings.extend(found.into_iter().filter(|f| whole || f.code != "empty-split"));
    }
    Ok(sorted(findings))
}

/// Errors first.
fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    findings
}

fn text(name: &str, findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    let mut out = format!("{name}: {errors} errors, {warnings} warnings, {notes} notes\n");
    for f in findings {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {} [{}] {}: {}", f.severity, f.code, f.scope, f.message);
        for example in &f.examples {
            let gap = if example.text.is_empty() { "" } else { ": " };
            let _ = writeln!(out, "      {}{gap}{}", example.place, example.text);
        }
        let _ = writeln!(out, "      -> {}", f.remedy);
    }
    out
}
