//! The CSVs of a paper's results: tables of scores, curves, and one row for each run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::Result;
use crate::plan::PlannedTable;
use crate::published::Published;
use crate::record::{Scores, write_atomically};
use crate::schema::Kind;
use crate::table::{MAIN_TASK, Maker, ResultTable, noted};

/// One point of a run's curve.
struct Point {
    /// System, data set and seed.
    run: [String; 3],
    by_column: BTreeMap<String, String>,
    notes: Vec<String>,
}

impl Maker<'_> {
    /// The points of a curve table: header and rows.
    pub fn curve(&self, planned: &PlannedTable) -> (Vec<String>, Vec<Vec<String>>) {
        let spec = &planned.spec;
        let mut columns: Vec<String> = Vec::new();
        let mut points: Vec<Point> = Vec::new();
        for slot in &planned.slots {
            let Ok(record) = self.record(slot) else { continue };
            let outcome = &record.outcome;
            let found = match &spec.curve {
                Some(name) => outcome.curves.get(name).or_else(|| outcome.examples.get(name)),
                None => outcome.curves.values().next().or_else(|| outcome.examples.values().next()),
            };
            let Some(curve) = found else { continue };
            for column in &curve.columns {
                if !columns.contains(column) {
                    columns.push(column.clone());
                }
            }
            for row in &curve.rows {
                let run = [slot.system.clone(), self.shown(spec, &slot.dataset), slot.seed.to_string()];
                let by_column = curve.columns.iter().cloned().zip(row.iter().map(plain_text)).collect();
                points.push(Point { run, by_column, notes: noted(spec, &[record]) });
            }
        }
        let rows = points.into_iter().map(|Point { run, by_column, notes }| {
            let values = columns.iter().map(|column| by_column.get(column).cloned().unwrap_or_default());
            run.into_iter().chain(values).chain([self.label.to_owned()]).chain(notes).collect()
        });
        let rows: Vec<Vec<String>> = rows.collect();
        let mut header: Vec<String> = ["system", "dataset", "seed"].map(str::to_owned).into();
        header.extend(columns);
        header.push("profile".to_owned());
        header.extend(spec.notes.iter().cloned());
        (header, rows)
    }

    /// Writes a table's CSV, whole at every moment, and at the end of a run its comparisons.
    pub fn write(&self, planned: &PlannedTable, published: &[Published], last: bool) -> Result<()> {
        let folder = self.store.folder();
        let name = &planned.spec.name;
        let (header, rows) = match planned.spec.kind {
            Kind::Systems => self.table(planned, published).to_csv(),
            Kind::Curve => self.curve(planned),
        };
        write_csv(&folder.join(format!("{name}.csv")), &header, &rows)?;
        if last && !planned.spec.comparisons.is_empty() {
            let (header, rows) = crate::compare::rows(self, planned);
            write_csv(&folder.join(format!("{name}-comparisons.csv")), &header, &rows)?;
        }
        Ok(())
    }

    /// Writes `runs.csv`: one row for each record of the store.
    pub fn write_runs(&self) -> Result<()> {
        let path = self.store.folder().join("runs.csv");
        let shown = tables_before(&path);
        let header = [
            "hash",
            "system",
            "dataset",
            "seed",
            "status",
            "scores",
            "seconds",
            "peak_memory_mib",
            "device",
            "threads",
            "commit",
            "started",
            "tables",
            "command",
        ];
        let rows = self.store.records().values().map(|record| {
            let cell = &record.cell;
            let scores: Vec<String> = main_scores(&record.outcome.scores);
            let tables = self.tables_of(cell, shown.get(&cell.hash));
            let command = self.command_of_run(record, &tables);
            vec![
                cell.hash.clone(),
                cell.system.clone(),
                cell.dataset.clone(),
                cell.seed.to_string(),
                match &record.reason {
                    Some(reason) => format!("failed: {}", self.reason(reason)),
                    None => "finished".to_owned(),
                },
                scores.join(" "),
                record.outcome.seconds.get("total").map(f64::to_string).unwrap_or_default(),
                record.peak_memory_mib.to_string(),
                record.device.clone(),
                record.threads.to_string(),
                record.versions.get("commit").cloned().unwrap_or_default(),
                record.started.clone(),
                tables.into_iter().collect::<Vec<_>>().join(" "),
                command,
            ]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        write_csv(&path, &header.map(str::to_owned), &rows)
    }
}

impl ResultTable {
    /// Header and rows as they stand in the file.
    pub fn to_csv(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let scores = [
            "system",
            "dataset",
            "task",
            "metric",
            "published",
            "mean",
            "sd",
            "min",
            "max",
            "n",
            "difference",
            "p_value",
            "verdict",
            "profile",
            "device",
        ];
        let mut header: Vec<String> = scores.map(str::to_owned).into();
        header.extend(self.notes.iter().cloned());
        header.push("command".to_owned());
        let number = |value: Option<f64>| value.map(short).unwrap_or_default();
        let rows = self.rows.iter().map(|row| {
            let summary = row.summary.as_ref();
            let mut cells = vec![
                row.system.clone(),
                row.dataset.clone(),
                row.task.clone(),
                row.metric.clone(),
                row.published.map(|value| value.to_string()).unwrap_or_default(),
                number(summary.map(|s| s.mean)),
                number(summary.and_then(|s| s.sd)),
                number(summary.map(|s| s.min)),
                number(summary.map(|s| s.max)),
                summary.map(|s| s.n.to_string()).unwrap_or_default(),
                number(row.difference),
                row.p_value.map(p_text).unwrap_or_default(),
                row.verdict.to_string(),
                self.profile.clone(),
                row.device.clone(),
            ];
            cells.extend(row.notes.iter().cloned());
            cells.push(row.command.clone());
            cells
        });
        let rows = rows.collect();
        (header, rows)
    }
}

fn main_scores(scores: &Scores) -> Vec<String> {
    let mut out = Vec::new();
    let first = scores.get_key_value(MAIN_TASK).filter(|(_, metrics)| metrics.contains_key("f1"));
    let rest = scores.iter().filter(|(task, _)| first.is_none_or(|(main, _)| main != *task));
    for (task, metrics) in first.into_iter().chain(rest).take(8) {
        let main = ["f1", "accuracy"].iter().find_map(|name| metrics.get_key_value(*name));
        if let Some((metric, value)) = main.or_else(|| metrics.iter().next()) {
            out.push(format!("{task}/{metric}={}", short(*value)));
        }
    }
    out
}

/// At most six digits after the point, none of them for show.
pub(crate) fn short(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A p value with its leading digits, however small.
pub(crate) fn p_text(p: f64) -> String {
    if p >= 0.001 || p == 0.0 { format!("{p:.4}") } else { format!("{p:.1e}") }
}

fn plain_text(value: &crate::Value) -> String {
    match value {
        crate::Value::Null => String::new(),
        crate::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// For each run the tables that an earlier `runs.csv` names. One that cannot be read (there is none yet, or someone has
/// edited it) says nothing: it is written anew in any case.
fn tables_before(path: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let read = || -> Option<BTreeMap<String, BTreeSet<String>>> {
        let mut reader = csv::Reader::from_path(path).ok()?;
        let header = reader.headers().ok()?.clone();
        let column = |name: &str| header.iter().position(|known| known == name);
        let (hash, tables) = (column("hash")?, column("tables")?);
        let rows = reader.into_records().filter_map(Result::ok);
        Some(
            rows.map(|row| {
                (row[hash].to_owned(), row[tables].split_whitespace().map(str::to_owned).collect())
            })
            .collect(),
        )
    };
    read().unwrap_or_default()
}

pub(crate) fn write_csv(path: &Path, header: &[String], rows: &[Vec<String>]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written =
        writer.write_record(header).and_then(|()| rows.iter().try_for_each(|row| writer.write_record(row)));
    written.expect("rows are as long as their header, and memory takes them");
    let bytes = writer.into_inner().expect("memory takes them");
    write_atomically(path, &bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_run_that_no_table_showed_had_no_table_without_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.csv");
        std::fs::write(&path, "hash,tables\naa,\nbb,fig7 table2\n").unwrap();
        let before = tables_before(&path);
        assert!(before["aa"].is_empty(), "{before:?}");
        assert_eq!(before["bb"], ["fig7", "table2"].map(str::to_owned).into());
    }

    #[test]
    fn a_run_is_known_by_its_main_score() {
        let mut outcome = crate::record::Outcome::default();
        for (task, metric) in [("anatomy", "f1"), ("disease", "f1"), ("ner", "f1"), ("vectors", "characters")]
        {
            outcome.score(task, metric, 0.5);
        }
        let shown = main_scores(&outcome.scores);
        assert_eq!(shown, ["ner/f1=0.5", "anatomy/f1=0.5", "disease/f1=0.5", "vectors/characters=0.5"]);
        assert_eq!(crate::driver::brief(&outcome.scores), ", ner f1 0.5000");
        outcome.scores.remove("ner");
        assert_eq!(main_scores(&outcome.scores)[0], "anatomy/f1=0.5");
        assert_eq!(crate::driver::brief(&outcome.scores), ", anatomy f1 0.5000");
    }
}
