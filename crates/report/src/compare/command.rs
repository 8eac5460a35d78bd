//! The command line of `medner compare`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use comfy_table::CellAlignment;

use super::changes::{Change, Comparison, Outcome, compare};
use crate::claims::Options;
use crate::console::{self, emit, table};

/// What to compare.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Results before: a folder with `runs/`, a folder of such folders, runs.csv or a result table.
    first: PathBuf,
    /// Results after, of the same form.
    second: PathBuf,
    /// Exit code 1 where a score changed beyond noise or a run is missing on a side.
    #[arg(long)]
    fail: bool,
    /// Level of the tests after Holm's correction.
    #[arg(long, default_value_t = 0.05)]
    alpha: f64,
    /// Lists the scores within noise and the equal ones as well.
    #[arg(long)]
    all: bool,
    /// How the comparison is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// Everything.
    Json,
}

/// Compares and prints.
pub fn run(args: &CompareArgs) -> Result<console::Outcome> {
    anyhow::ensure!(
        args.alpha > 0.0 && args.alpha < 1.0,
        "--alpha must lie between 0 and 1, not {}",
        args.alpha
    );
    let options = Options { alpha: args.alpha, ..Options::default() };
    let comparison = compare(&args.first, &args.second, &options)?;
    emit(&match args.format {
        Format::Text => to_text(&comparison, args.all),
        Format::Json => serde_json::to_string_pretty(&comparison)? + "\n",
    })?;
    Ok(if args.fail && comparison.differs() { console::Outcome::Failed } else { console::Outcome::Ok })
}

fn to_text(comparison: &Comparison, all: bool) -> String {
    let counts: Vec<String> = [Outcome::Changed, Outcome::Untested, Outcome::Noise, Outcome::Same]
        .into_iter()
        .map(|outcome| format!("{} {}", comparison.count(outcome), outcome.name()))
        .collect();
    let mut out = format!("{} scores: {}\n", comparison.scores.len(), counts.join(", "));
    let shown: Vec<&Change> = comparison
        .scores
        .iter()
        .filter(|change| all || matches!(change.outcome, Outcome::Changed | Outcome::Untested))
        .collect();
    if !shown.is_empty() {
        let mut rows =
            table(&["", "what", "score", "first", "second", "difference", "interval", "n", "p", "test"]);
        for change in shown {
            let interval =
                change.low.zip(change.high).map(|(low, high)| format!("{} to {}", short(low), short(high)));
            rows.add_row([
                change.outcome.name().to_owned(),
                change.place.to_string(),
                format!("{}/{}", change.task, change.metric),
                short(change.first),
                short(change.second),
                format!("{}{}", if change.difference > 0.0 { "+" } else { "" }, short(change.difference)),
                interval.unwrap_or_default(),
                change.n.to_string(),
                change.p_holm.map(p_text).unwrap_or_default(),
                change.method.to_owned(),
            ]);
        }
        for at in 3..9 {
            if let Some(column) = rows.column_mut(at) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let _ = writeln!(out, "{rows}\np is corrected after Holm over all scores that differ");
    }
    for (side, what) in &comparison.missing {
        let _ = writeln!(out, "only on side {side}: {what}");
    }
    for (difference, n) in &comparison.settings {
        let or_none = |text: &str| if text.is_empty() { "(none)".to_owned() } else { text.to_owned() };
        let _ = writeln!(
            out,
            "setting {}: {} -> {} ({n} runs)",
            difference.what,
            or_none(&difference.first),
            or_none(&difference.second)
        );
    }
    if !comparison.timings.is_empty() {
        let mut rows = table(&["seconds", "phase", "first", "second", "ratio", "n"]);
        for timing in comparison.timings.iter().filter(|timing| all || timing.phase == "total") {
            rows.add_row([
                timing.place.to_string(),
                timing.phase.clone(),
                short(timing.first),
                short(timing.second),
                if timing.first > 0.0 {
                    format!("{:.2}", timing.second / timing.first)
                } else {
                    String::new()
                },
                timing.n.to_string(),
            ]);
        }
        if rows.row_count() > 0 {
            let _ = writeln!(out, "{rows}");
        }
    }
    for damaged in &comparison.damaged {
        let _ = writeln!(out, "not read: {damaged}");
    }
    out
}

/// Six significant digits at most.
fn short(value: f64) -> String {
    let digits = if value.abs() >= 100.0 { 1 } else { 4 };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn p_text(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}
