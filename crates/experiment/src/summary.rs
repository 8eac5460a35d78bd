//! The table at the end of a run: one row a system and data set, one column a metric, measured beside published.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal;

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

use crate::record::Scores;
use crate::table::{ResultTable, Row, Verdict};

/// The table as text; colours only for a terminal.
pub(crate) fn summary(result: &ResultTable) -> String {
    let colours = std::io::stdout().is_terminal();
    let mut metrics: Vec<&str> = Vec::new();
    let mut order: Vec<(&str, &str, &str)> = Vec::new();
    let mut cells: BTreeMap<(&str, &str, &str), BTreeMap<&str, &Row>> = BTreeMap::new();
    for row in &result.rows {
        if !metrics.contains(&row.metric.as_str()) {
            metrics.push(&row.metric);
        }
        let key = (row.system.as_str(), row.dataset.as_str(), row.task.as_str());
        if !cells.contains_key(&key) {
            order.push(key);
        }
        cells.entry(key).or_default().insert(&row.metric, row);
    }
    let mut table = new_table(colours);
    let mut header = vec!["system", "data set", "task"];
    header.extend(&metrics);
    header.push("n");
    table.set_header(header);
    for key in order {
        let rows = &cells[&key];
        let mut line = vec![Cell::new(key.0), Cell::new(key.1), Cell::new(key.2)];
        line.extend(
            metrics.iter().map(|metric| rows.get(metric).map_or(Cell::new(""), |row| score(row, colours))),
        );
        let n = rows.values().filter_map(|row| row.summary.as_ref().map(|s| s.n)).max();
        let partial = rows.values().find_map(|row| match &row.verdict {
            Verdict::Partial { finished, of } => Some(format!("{finished} of {of}")),
            _ => None,
        });
        line.push(Cell::new(partial.or(n.map(|n| n.to_string())).unwrap_or_default()));
        table.add_row(line);
    }
    let head = format!("{} ({}): {}", result.name, result.profile, result.title);
    format!(
        "{head}\n{table}\nmeasured ± sd over n seeds [published, difference]; verdicts and p values are in the CSV\n"
    )
}

fn new_table(colours: bool) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if !colours {
        table.force_no_tty();
    }
    // Without a terminal nothing is wrapped: a log is as wide as its lines.
    if colours {
        table
    } else {
        table.set_width(u16::MAX).set_content_arrangement(ContentArrangement::Disabled);
        table
    }
}

fn score(row: &Row, colours: bool) -> Cell {
    let text = match (&row.summary, row.published) {
        (Some(summary), published) => {
            let mut text = number(summary.mean);
            if let Some(sd) = summary.sd {
                let _ = write!(text, " ± {}", number(sd));
            }
            if let (Some(published), Some(difference)) = (published, row.difference) {
                let sign = if difference >= 0.0 { "+" } else { "" };
                let _ = write!(text, " [{published}, {sign}{}]", number(difference));
            }
            text
        }
        (None, Some(published)) => format!("{} [{published}]", clip(&row.verdict.to_string())),
        (None, None) => clip(&row.verdict.to_string()),
    };
    let cell = Cell::new(text);
    if !colours {
        return cell;
    }
    match &row.verdict {
        Verdict::Reproduced | Verdict::Exact => cell.fg(Color::Green),
        Verdict::Failed(_) => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Verdict::Below => cell.fg(Color::Red),
        Verdict::Above => cell.fg(Color::Cyan),
        Verdict::Waits(_) | Verdict::NotRun | Verdict::PublishedOnly => cell.add_attribute(Attribute::Dim),
        Verdict::Partial { .. } => cell.fg(Color::Yellow),
        Verdict::Measured | Verdict::Sample => cell,
    }
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() >= 10.0 {
        format!("{value}")
    } else if value.abs() >= 2.0 || value == 0.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

fn clip(text: &str) -> String {
    if text.chars().count() <= 60 {
        text.to_owned()
    } else {
        format!("{}...", text.chars().take(57).collect::<String>())
    }
}

/// Scores of `evaluate`: one row a task.
pub(crate) fn scores(scores: &Scores) -> String {
    let mut metrics: Vec<&str> = Vec::new();
    for metric in scores.values().flat_map(BTreeMap::keys) {
        if !metrics.contains(&metric.as_str()) {
            metrics.push(metric);
        }
    }
    let mut table = new_table(std::io::stdout().is_terminal());
    table.set_header(std::iter::once("task").chain(metrics.iter().copied()));
    for (task, values) in scores {
        let cells = metrics.iter().map(|m| values.get(*m).map(|v| number(*v)).unwrap_or_default());
        table.add_row(std::iter::once(task.clone()).chain(cells));
    }
    table.to_string()
}
