//! `medner data stats NAME|FILES...`.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use medner_data::stats::{self, SplitStats, Stats};

use super::input::{self, AnyCorpus, ColumnArgs, Format, Input};
use crate::console::{Outcome, emit, table};

/// What to count.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Data sets by name (also `sample-...`), or files: `train`, `dev` and `test` are told by their names, else by order.
    #[arg(required = true, value_name = "NAME|FILE")]
    inputs: Vec<String>,
    /// Format of the files; recognised when not given.
    #[arg(long, value_enum)]
    from: Option<Format>,
    #[command(flatten)]
    columns: ColumnArgs,
    /// How the numbers are printed.
    #[arg(long, value_enum, default_value_t)]
    format: Output,
}

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    #[default]
    Table,
    /// `dataset,split,type,measure,value`
    Csv,
    /// One JSON object: statistics by data set.
    Json,
}

/// Counts and prints.
pub fn run(args: &StatsArgs) -> Result<Outcome> {
    let mut results: BTreeMap<String, Stats> = BTreeMap::new();
    match Input::parse(&args.inputs)? {
        Input::Names(names) => {
            if args.from.is_some() {
                bail!("--from is for files; the format of a data set is known");
            }
            for name in names {
                let stats = named(&name)?;
                results.insert(name, stats);
            }
        }
        Input::Files(files) => {
            let mut parts = Vec::new();
            for (split, path) in files {
                let format = match args.from {
                    Some(format) => format,
                    None => input::detect(&path)?,
                };
                let (items, report) = input::read(&path, format, &args.columns)?;
                for remark in report.to_string().lines().filter(|_| !report.is_clean()) {
                    tracing::warn!("{}: {remark}", path.display());
                }
                parts.push((split, items));
            }
            results.insert(args.inputs.join(" "), count(&input::gather(parts)?));
        }
    }
    emit(&match args.format {
        Output::Json => format!("{}\n", serde_json::to_string_pretty(&results)?),
        Output::Csv => csv(&results)?,
        Output::Table => results.iter().map(|(name, stats)| tables(name, stats)).collect(),
    })?;
    Ok(Outcome::Ok)
}

/// The statistics of a data set of the catalogue.
pub fn named(name: &str) -> Result<Stats> {
    let (corpus, ..) = input::load_named(name)?;
    Ok(count(&corpus))
}

fn count(corpus: &AnyCorpus) -> Stats {
    match corpus {
        AnyCorpus::Sentences(corpus) => stats::sentences(corpus),
        AnyCorpus::Documents(corpus) => stats::documents(corpus),
    }
}

fn csv(results: &BTreeMap<String, Stats>) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["dataset", "split", "type", "measure", "value"])?;
    for (name, stats) in results {
        for row in stats.rows() {
            writer.write_record(std::iter::once(name).chain(&row))?;
        }
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// One table of the splits and one of the types.
fn tables(name: &str, stats: &Stats) -> String {
    let splits: Vec<&str> = stats.splits.iter().map(|s| s.split.as_str()).collect();
    let header: Vec<&str> = std::iter::once(name).chain(splits.iter().copied()).collect();
    let mut whole = table(&header);
    let rows = stats.rows();
    let mut measures: Vec<&str> = Vec::new();
    for [_, label, measure, _] in &rows {
        if label.is_empty() && !measures.contains(&measure.as_str()) {
            measures.push(measure);
        }
    }
    for measure in measures {
        let value = |split: &&str| {
            let found = rows.iter().find(|[s, label, m, _]| s == split && label.is_empty() && m == measure);
            found.map_or_else(|| "-".to_owned(), |row| row[3].clone())
        };
        whole.add_row(std::iter::once(measure.to_owned()).chain(splits.iter().map(value)));
    }
    let mut types: Vec<&str> =
        stats.splits.iter().flat_map(|s| s.by_type.keys().map(String::as_str)).collect();
    types.sort_unstable();
    types.dedup();
    if types.is_empty() {
        return format!("{whole}\n");
    }
    let mut by_type = table(&header);
    for label in types {
        let cell = |s: &SplitStats| match s.by_type.get(label) {
            None => "-".to_owned(),
            Some(t) => {
                let seen = t.seen.map_or_else(String::new, |seen| format!(", {seen:.0}% seen"));
                format!("{} ({} distinct, {:.1} long{seen})", t.mentions, t.distinct, t.mean_length)
            }
        };
        by_type.add_row(std::iter::once(label.to_owned()).chain(stats.splits.iter().map(cell)));
    }
    format!("{whole}\n{by_type}\n")
}
