//! What a report is made from: a paper's folder under `experiments/` and its folder under `results/<profile>/`.
//!
//! Nothing that is damaged stops a report: it becomes a problem with file and line, and the rest is read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use medner_experiment::published::{self, Published};
use medner_experiment::schema::{self, Kind, TableSpec};
use medner_experiment::store::Store;
use medner_experiment::{Cell, RunRecord, Status};
use serde::Serialize;

use super::about::About;
use crate::namesakes::{self, Named};

/// What is wrong with what a report was made from, a sentence each.
#[derive(Debug, Default)]
pub struct Problems(pub Vec<String>);

impl Problems {
    /// Keeps what is there, and notes what is not.
    pub fn note<T, E: std::fmt::Display>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(error.to_string())).ok()
    }

    /// Adds a sentence, once.
    pub fn add(&mut self, problem: String) {
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }
}

/// A row of a result table: a number of the paper beside ours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    pub system: String,
    pub dataset: String,
    pub task: String,
    pub metric: String,
    pub published: Option<f64>,
    pub mean: Option<f64>,
    pub sd: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub n: Option<f64>,
    pub difference: Option<f64>,
    pub p_value: Option<f64>,
    pub verdict: String,
    pub device: String,
    pub command: String,
}

/// The difference of two systems.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    pub system: String,
    pub against: String,
    pub dataset: String,
    pub task: String,
    pub metric: String,
    pub mean: Option<f64>,
    pub mean_against: Option<f64>,
    pub difference: Option<f64>,
    pub sd_difference: Option<f64>,
    pub n: Option<f64>,
    pub p_seeds: Option<f64>,
    /// One a seed, as written.
    pub p_units: String,
    pub seeds: String,
}

/// Named columns of text.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sheet {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// What a table's CSV holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Numbers beside published ones.
    Scores(Vec<Score>),
    /// The points of curves, or examples: system, data set and seed first.
    Points(Sheet),
    /// Anything else, shown as it is.
    Other(Sheet),
}

/// A table of the paper.
#[derive(Debug)]
pub struct Table {
    /// `table2`
    pub name: String,
    /// Its file under `experiments/`, where it has one that can be read.
    pub spec: Option<TableSpec>,
    /// Its CSV, where it has run.
    pub content: Option<Content>,
    pub comparisons: Vec<Comparison>,
}

/// A paper with its results under one profile.
#[derive(Debug)]
pub struct Paper {
    /// `albert-idcnn`
    pub name: String,
    pub about: Option<About>,
    pub published: Vec<Published>,
    pub tables: Vec<Table>,
    pub store: Store,
    /// The tables that show a run, by the run's hash; a run that none shows is of an earlier configuration.
    pub shown: BTreeMap<String, String>,
    /// What tells a run from those of the same names ([`namesakes`]), by its hash.
    apart: BTreeMap<String, String>,
    /// The command of a run as `runs.csv` has it, by its hash.
    commands: BTreeMap<String, String>,
    /// Its folder under `experiments/`.
    pub folder: PathBuf,
}

impl Paper {
    /// Reads everything of a paper. `results` is `results/<profile>/<paper>` and need not be there.
    pub fn read(name: &str, folder: &Path, results: &Path, problems: &mut Problems) -> Self {
        let about = folder.join("paper.yaml");
        let about = about.is_file().then(|| problems.note(About::load(&about))).flatten();
        let printed = folder.join("published.csv");
        let printed = printed.is_file().then(|| problems.note(published::read(&printed))).flatten();
        let store = problems.note(Store::open(results)).unwrap_or_else(|| Store::at(results));
        for damaged in store.damaged() {
            problems.add(damaged.clone());
        }
        for record in store.records().values().filter(|record| record.paper != name) {
            problems.add(format!(
                "{}: a record of `{}` among those of {name}; move it to its own paper's folder",
                store.record_path(&record.cell.hash).display(),
                record.paper
            ));
        }
        let mut paper = Self {
            name: name.to_owned(),
            about,
            published: printed.unwrap_or_default(),
            tables: Vec::new(),
            shown: BTreeMap::new(),
            apart: BTreeMap::new(),
            commands: BTreeMap::new(),
            store,
            folder: folder.to_owned(),
        };
        paper.read_tables(results, problems);
        let list = results.join("runs.csv");
        paper.shown = paper.read_runs(&list, problems);
        paper.apart = paper.told_apart();
        // A list that cannot be read is named already; one without commands has none.
        paper.commands = commands(&list).unwrap_or_default();
        paper
    }

    fn read_tables(&mut self, results: &Path, problems: &mut Problems) {
        let mut names: Vec<String> = if self.folder.is_dir() {
            problems.note(schema::tables(&self.folder)).unwrap_or_default()
        } else {
            Vec::new()
        };
        let specified: BTreeSet<String> = names.iter().cloned().collect();
        for name in problems.note(csv_names(results)).unwrap_or_default() {
            if !specified.contains(&name) && name != "runs" && !name.ends_with("-comparisons") {
                names.push(name);
            }
        }
        for name in names {
            let spec = specified
                .contains(&name)
                .then(|| problems.note(TableSpec::load(&self.folder.join(format!("{name}.yaml")))))
                .flatten();
            let csv = results.join(format!("{name}.csv"));
            let content =
                csv.is_file().then(|| problems.note(content(&csv, spec.as_ref().map(|s| s.kind)))).flatten();
            let compared = results.join(format!("{name}-comparisons.csv"));
            let comparisons = compared
                .is_file()
                .then(|| problems.note(comparisons(&compared)))
                .flatten()
                .unwrap_or_default();
            self.tables.push(Table { name, spec, content, comparisons });
        }
    }

    /// Which tables show which run: as `runs.csv` says; without it, as the records say.
    fn read_runs(&self, path: &Path, problems: &mut Problems) -> BTreeMap<String, String> {
        let from_records = || {
            let tables = |cell: &Cell| cell.tables.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
            self.store.records().values().map(|r| (r.cell.hash.clone(), tables(&r.cell))).collect()
        };
        if !path.is_file() {
            return from_records();
        }
        problems.note(shown_runs(path)).unwrap_or_else(from_records)
    }

    fn told_apart(&self) -> BTreeMap<String, String> {
        let cells = || self.store.records().values().map(|record| &record.cell);
        let named: Vec<Named<'_>> = cells()
            .map(|cell| Named {
                system: &cell.system,
                dataset: &cell.dataset,
                seed: cell.seed,
                tables: self.shown.get(&cell.hash).map_or("", String::as_str),
                hash: &cell.hash,
            })
            .collect();
        cells().map(|cell| cell.hash.clone()).zip(namesakes::told_apart(&named)).collect()
    }

    /// A run's system, with the tables that show it where another run has the same names: `ASAIBC [fig8 fig8-loss]`.
    pub fn name_of(&self, record: &RunRecord) -> String {
        let apart = self.apart.get(&record.cell.hash).map_or("", String::as_str);
        namesakes::with_tables(&record.cell.system, apart)
    }

    /// The command that makes a run: as `runs.csv` has it, whose writer knows what the tables call it now; else the record's.
    pub fn command_of(&self, record: &RunRecord) -> String {
        let listed = self.commands.get(&record.cell.hash).filter(|command| !command.is_empty());
        listed.unwrap_or(&record.command).clone()
    }

    /// The place of a system among the rows of the paper's tables; a system of none comes last.
    pub fn place_of(&self, system: &str) -> usize {
        let specs = self.tables.iter().filter_map(|table| table.spec.as_ref());
        let mut names = specs.flat_map(|spec| spec.systems.iter().map(|(name, _)| name.as_str()));
        names.position(|name| name == system).unwrap_or(usize::MAX)
    }

    /// The finished runs, each with the tables that show it.
    pub fn finished(&self) -> impl Iterator<Item = (&RunRecord, &str)> {
        self.store.records().values().filter(|r| r.status == Status::Finished).map(|r| {
            let tables = self.shown.get(&r.cell.hash).map_or("", String::as_str);
            (r, tables)
        })
    }
}

/// The tables that show a run, with a space between them, by the run's hash: as `runs.csv` says.
///
/// # Errors
/// What is no CSV, with its line; no such columns.
pub fn shown_runs(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let file = CsvFile::read(path)?;
    let (hash, tables) = (file.column("hash")?, file.column("tables")?);
    Ok(file.sheet.rows.iter().map(|row| (row[hash].clone(), row[tables].clone())).collect())
}

/// The command of each run by its hash, as `runs.csv` has it.
fn commands(path: &Path) -> Result<BTreeMap<String, String>, String> {
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let file = CsvFile::read(path)?;
    let (hash, command) = (file.column("hash")?, file.column("command")?);
    Ok(file.sheet.rows.iter().map(|row| (row[hash].clone(), row[command].clone())).collect())
}

/// The names of the CSV files of a folder, sorted.
fn csv_names(folder: &Path) -> Result<Vec<String>, String> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "csv")
            && let Some(stem) = path.file_stem()
        {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// A CSV file whose values know their line.
pub struct CsvFile<'a> {
    path: &'a Path,
    pub sheet: Sheet,
    lines: Vec<u64>,
}

impl<'a> CsvFile<'a> {
    /// Reads the file.
    ///
    /// # Errors
    /// What is no CSV, with its line.
    pub fn read(path: &'a Path) -> Result<Self, String> {
        let fail = |error: &csv::Error| {
            let line = error.position().map_or(1, csv::Position::line);
            format!("{}:{line}: {error}", path.display())
        };
        let mut reader = csv::Reader::from_path(path).map_err(|error| fail(&error))?;
        let header = reader.headers().map_err(|error| fail(&error))?;
        let header = header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record.map_err(|error| fail(&error))?;
            lines.push(record.position().map_or(0, csv::Position::line));
            rows.push(record.iter().map(str::to_owned).collect());
        }
        Ok(Self { path, sheet: Sheet { header, rows }, lines })
    }

    fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.sheet.header.iter().any(|known| known == name))
    }

    /// The place of a column.
    ///
    /// # Errors
    /// There is no such column.
    pub fn column(&self, name: &str) -> Result<usize, String> {
        self.sheet.header.iter().position(|known| known == name).ok_or_else(|| {
            format!(
                "{}:1: no column `{name}` (there are {}); write it anew with `reproduce`",
                self.path.display(),
                self.sheet.header.join(",")
            )
        })
    }

    fn number(&self, row: usize, column: usize) -> Result<Option<f64>, String> {
        let text = self.sheet.rows[row][column].trim();
        if text.is_empty() {
            return Ok(None);
        }
        text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Some).ok_or_else(|| {
            format!(
                "{}:{}: `{}`: expected a number, found `{text}`",
                self.path.display(),
                self.lines[row],
                self.sheet.header[column]
            )
        })
    }
}

fn content(path: &Path, kind: Option<Kind>) -> Result<Content, String> {
    let file = CsvFile::read(path)?;
    match kind {
        Some(Kind::Systems) => scores(&file).map(Content::Scores),
        None if file.has(&["system", "metric", "published", "mean", "verdict"]) => {
            scores(&file).map(Content::Scores)
        }
        Some(Kind::Curve) => {
            for name in ["system", "dataset", "seed"] {
                file.column(name)?;
            }
            Ok(Content::Points(file.sheet))
        }
        None if file.has(&["system", "dataset", "seed"]) => Ok(Content::Points(file.sheet)),
        None => Ok(Content::Other(file.sheet)),
    }
}

fn scores(file: &CsvFile<'_>) -> Result<Vec<Score>, String> {
    let mut at = BTreeMap::new();
    for name in [
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
        "device",
        "command",
    ] {
        at.insert(name, file.column(name)?);
    }
    let rows = 0..file.sheet.rows.len();
    rows.map(|row| {
        let text = |name: &str| file.sheet.rows[row][at[name]].clone();
        let number = |name: &str| file.number(row, at[name]);
        Ok(Score {
            system: text("system"),
            dataset: text("dataset"),
            task: text("task"),
            metric: text("metric"),
            published: number("published")?,
            mean: number("mean")?,
            sd: number("sd")?,
            min: number("min")?,
            max: number("max")?,
            n: number("n")?,
            difference: number("difference")?,
            p_value: number("p_value")?,
            verdict: text("verdict"),
            device: text("device"),
            command: text("command"),
        })
    })
    .collect()
}

fn comparisons(path: &Path) -> Result<Vec<Comparison>, String> {
    let file = CsvFile::read(path)?;
    let mut at = BTreeMap::new();
    for name in [
        "system",
        "against",
        "dataset",
        "task",
        "metric",
        "mean",
        "mean_against",
        "difference",
        "sd_difference",
        "n",
        "p_seeds",
        "p_units",
        "seeds",
    ] {
        at.insert(name, file.column(name)?);
    }
    let rows = 0..file.sheet.rows.len();
    rows.map(|row| {
        let text = |name: &str| file.sheet.rows[row][at[name]].clone();
        let number = |name: &str| file.number(row, at[name]);
        Ok(Comparison {
            system: text("system"),
            against: text("against"),
            dataset: text("dataset"),
            task: text("task"),
            metric: text("metric"),
            mean: number("mean")?,
            mean_against: number("mean_against")?,
            difference: number("difference")?,
            sd_difference: number("sd_difference")?,
            n: number("n")?,
            p_seeds: number("p_seeds")?,
            p_units: text("p_units"),
            seeds: text("seeds"),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str, kind: Option<Kind>) -> Result<Content, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table2.csv");
        std::fs::write(&path, text).unwrap();
        content(&path, kind)
    }

    #[test]
    fn what_is_wrong_has_file_and_line() {
        let head = "system,dataset,task,metric,published,mean,sd,min,max,n,difference,p_value,verdict,device,command";
        let error = read("system,dataset,metric,mean\n", Some(Kind::Systems)).unwrap_err();
        assert!(error.contains("table2.csv:1: no column `task`"), "{error}");
        let error = read(&format!("{head}\nA,D,ner,f1,,8o,,,,,,,measured,cpu,x\n"), None).unwrap_err();
        assert!(error.contains("table2.csv:2: `mean`: expected a number, found `8o`"), "{error}");
        let error = read(&format!("{head}\nA,D\n"), None).unwrap_err();
        assert!(error.contains("table2.csv:2: "), "{error}");
    }

    #[test]
    fn a_file_is_told_by_its_columns() {
        assert!(matches!(read("epoch,loss\n1,0.5\n", None), Ok(Content::Other(_))));
        assert!(matches!(read("system,dataset,seed,loss\nA,D,1,0.5\n", None), Ok(Content::Points(_))));
        assert!(read("epoch,loss\n", Some(Kind::Curve)).unwrap_err().contains("no column `system`"));
    }
}
