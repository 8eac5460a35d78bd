//! Results of either form as one shape.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use medner_experiment::RunRecord;
use medner_experiment::record::Status;
use medner_experiment::store::Store;
use medner_metrics::Summary;
use serde::Serialize;

use crate::namesakes::{self, Named};
use crate::report::shown_runs;

/// A row of results: what ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Where it stands below the folder: `cpu/albert-idcnn`; empty for a single folder or file.
    pub folder: String,
    /// System.
    pub system: String,
    /// Data set.
    pub dataset: String,
    /// The tables that show it, where another run on that side has the same names ([`namesakes`]); else empty.
    pub tables: String,
}

impl Place {
    /// True where nothing but the tables may tell the two apart.
    pub fn is_namesake(&self, other: &Self) -> bool {
        (&self.folder, &self.system, &self.dataset) == (&other.folder, &other.system, &other.dataset)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.folder.is_empty() {
            write!(f, "{}: ", self.folder)?;
        }
        write!(f, "{} on {}", namesakes::with_tables(&self.system, &self.tables), self.dataset)
    }
}

/// Task and metric.
pub type Score = (String, String);

/// What a place has on one side.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Scores by seed.
    pub scores: BTreeMap<u64, BTreeMap<Score, f64>>,
    /// Scores of which only mean and spread are known (tables).
    pub summaries: BTreeMap<Score, Summary>,
    /// Seconds by seed and phase.
    pub seconds: BTreeMap<u64, BTreeMap<String, f64>>,
    /// The records, where there are any.
    pub records: BTreeMap<u64, RunRecord>,
    /// Seeds whose run failed.
    pub failed: BTreeSet<u64>,
    /// The tables that show its runs.
    pub tables: BTreeSet<String>,
}

/// One side of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// By place.
    pub places: BTreeMap<Place, Measured>,
    /// Records that could not be read.
    pub damaged: Vec<String>,
}

/// Reads a folder or a CSV.
///
/// # Errors
/// Nothing there, or neither records nor a CSV of a known form.
pub fn read(path: &Path) -> Result<Results> {
    let mut results = Results::default();
    if path.is_file() {
        read_csv(path, &mut results)?;
    } else if path.is_dir() {
        let mut folders = Vec::new();
        find_runs(path, path, &mut folders)
            .with_context(|| format!("reading the folder {}", path.display()))?;
        if folders.is_empty() {
            bail!(
                "{}: no folder `runs` below it; expected a results folder such as results/cpu/albert-idcnn, a folder of \
                 them, or a CSV",
                path.display()
            );
        }
        for (name, folder) in folders {
            read_store(&name, &folder, &mut results)?;
        }
    } else {
        bail!("{}: there is no such file or folder", path.display());
    }
    Ok(results)
}

/// Folders that have `runs/`, with their names below the root.
fn find_runs(root: &Path, folder: &Path, found: &mut Vec<(String, PathBuf)>) -> std::io::Result<()> {
    if folder.join("runs").is_dir() {
        let name = folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().into_owned();
        found.push((name, folder.to_owned()));
        return Ok(());
    }
    let mut below: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            below.push(path);
        }
    }
    below.sort();
    below.iter().try_for_each(|folder| find_runs(root, folder, found))
}

/// A run of either form.
struct Run {
    hash: String,
    system: String,
    dataset: String,
    seed: u64,
    /// The tables that show it, with a space between them.
    tables: String,
    started: String,
    /// None of a run that failed.
    scores: Option<BTreeMap<Score, f64>>,
    seconds: BTreeMap<String, f64>,
    record: Option<RunRecord>,
}

/// The records of a store. What shows them, `runs.csv` says, and of a record that is newer than this list, the record itself.
fn read_store(name: &str, folder: &Path, results: &mut Results) -> Result<()> {
    let store = Store::open(folder)?;
    results.damaged.extend(store.damaged().iter().cloned());
    let list = folder.join("runs.csv");
    let listed = if list.is_file() { shown_runs(&list).map(Some) } else { Ok(None) };
    let listed = listed.unwrap_or_else(|error| {
        results.damaged.push(error);
        None
    });
    let runs = store.records().values().map(|record| {
        let cell = &record.cell;
        let of_record = || cell.tables.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let tables = listed.as_ref().map(|listed| listed.get(&cell.hash).cloned().unwrap_or_else(of_record));
        let finished = record.status == Status::Finished;
        let scores = record.outcome.scores.iter().flat_map(|(task, metrics)| {
            metrics.iter().map(move |(metric, value)| ((task.clone(), metric.clone()), *value))
        });
        Run {
            hash: cell.hash.clone(),
            system: cell.system.clone(),
            dataset: cell.dataset.clone(),
            seed: cell.seed,
            tables: tables.unwrap_or_default(),
            started: record.started.clone(),
            scores: finished.then(|| scores.collect()),
            seconds: if finished { record.outcome.seconds.clone() } else { BTreeMap::new() },
            record: Some(record.clone()),
        }
    });
    place(name, runs.collect(), results);
    Ok(())
}

/// Gives each run its place. A table that shows a run speaks for it: where a name is listed, what no table shows (a store keeps
/// the runs of earlier configurations) does not count; where none is, of several runs with one seed the newest counts.
fn place(folder: &str, mut runs: Vec<Run>, results: &mut Results) {
    let names = |run: &Run| (run.system.clone(), run.dataset.clone());
    let is_listed = |run: &Run| !run.tables.trim().is_empty();
    let listed: BTreeSet<(String, String)> = runs.iter().filter(|run| is_listed(run)).map(names).collect();
    runs.retain(|run| is_listed(run) || !listed.contains(&names(run)));
    // The newest takes the place of the others; of those that do not say when they began, the last.
    runs.sort_by(|a, b| a.started.cmp(&b.started));
    let named: Vec<Named<'_>> = runs
        .iter()
        .map(|run| Named {
            system: &run.system,
            dataset: &run.dataset,
            seed: run.seed,
            tables: &run.tables,
            hash: &run.hash,
        })
        .collect();
    let apart = namesakes::told_apart(&named);
    for (run, tables) in runs.into_iter().zip(apart) {
        let place = Place { folder: folder.to_owned(), system: run.system, dataset: run.dataset, tables };
        let side = results.places.entry(place).or_default();
        side.tables.extend(run.tables.split_whitespace().map(str::to_owned));
        side.failed.remove(&run.seed);
        side.scores.remove(&run.seed);
        side.seconds.remove(&run.seed);
        side.records.remove(&run.seed);
        match run.scores {
            Some(scores) => {
                side.scores.insert(run.seed, scores);
                side.seconds.insert(run.seed, run.seconds);
            }
            None => _ = side.failed.insert(run.seed),
        }
        side.records.extend(run.record.map(|record| (run.seed, record)));
    }
}

/// `runs.csv` (a row a run) or a result table (a row a score, with mean, sd and n).
fn read_csv(path: &Path, results: &mut Results) -> Result<()> {
    let context = || format!("reading {}", path.display());
    let mut reader = csv::Reader::from_path(path).with_context(context)?;
    let header: Vec<String> = reader.headers().with_context(context)?.iter().map(str::to_owned).collect();
    let at = |name: &str| header.iter().position(|column| column == name);
    let (Some(system), Some(dataset)) = (at("system"), at("dataset")) else {
        bail!("{}:1: no columns `system` and `dataset`; expected runs.csv or a result table", path.display());
    };
    let (runs, table) = (at("scores").zip(at("seed")), at("mean").zip(at("n")));
    if runs.is_none() && table.is_none() {
        bail!(
            "{}:1: neither `seed` and `scores` (runs.csv) nor `mean` and `n` (a result table) are among its columns",
            path.display()
        );
    }
    let mut listed = Vec::new();
    for record in reader.records() {
        let record = record.with_context(context)?;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |at: usize| record.get(at).unwrap_or_default();
        let wrong = |column: &str, text: &str| {
            anyhow::anyhow!("{}:{line}: `{column}`: expected a number, found `{text}`", path.display())
        };
        let text = |name: &str| at(name).map(field).unwrap_or_default().to_owned();
        if let Some((scores, seed)) = runs {
            let seed: u64 = field(seed).parse().map_err(|_| wrong("seed", field(seed)))?;
            let failed = at("status").is_some_and(|status| field(status) != "finished");
            let scores = (!failed)
                .then(|| parse_scores(field(scores)).map_err(|text| wrong("scores", &text)))
                .transpose()?;
            let total = at("seconds").and_then(|at| field(at).parse::<f64>().ok());
            listed.push(Run {
                hash: text("hash"),
                system: field(system).to_owned(),
                dataset: field(dataset).to_owned(),
                seed,
                tables: text("tables"),
                started: text("started"),
                scores,
                seconds: total.map(|value| ("total".to_owned(), value)).into_iter().collect(),
                record: None,
            });
        } else if let Some((mean, n)) = table {
            let (system, dataset) = (field(system).to_owned(), field(dataset).to_owned());
            let side = results.places.entry(Place { system, dataset, ..Place::default() }).or_default();
            if field(mean).is_empty() {
                continue;
            }
            let number = |column: &str, at: usize| -> Result<f64> {
                field(at).parse().map_err(|_| wrong(column, field(at)))
            };
            let mean = number("mean", mean)?;
            let of = |name: &str| -> Result<Option<f64>> {
                at(name).filter(|&at| !field(at).is_empty()).map(|at| number(name, at)).transpose()
            };
            let (sd, min, max) = (of("sd")?, of("min")?, of("max")?);
            let n = number("n", n)? as usize;
            let summary = Summary { n, mean, sd, min: min.unwrap_or(mean), max: max.unwrap_or(mean) };
            side.summaries.insert((text("task"), text("metric")), summary);
        }
    }
    place("", listed, results);
    Ok(())
}

/// `ner/f1=0.79 drug/f1=0.78`.
fn parse_scores(text: &str) -> std::result::Result<BTreeMap<Score, f64>, String> {
    // Names of tasks may have spaces; a score ends where its number ends.
    let mut scores = BTreeMap::new();
    let mut name = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !name.is_empty() {
            name.push(' ');
        }
        let Some((head, value)) = word.rsplit_once('=') else {
            name.push_str(word);
            continue;
        };
        name.push_str(head);
        let value: f64 = value.parse().map_err(|_| word.to_owned())?;
        let (task, metric) = name.rsplit_once('/').ok_or_else(|| word.to_owned())?;
        scores.insert((task.to_owned(), metric.to_owned()), value);
        name.clear();
    }
    if name.is_empty() { Ok(scores) } else { Err(name) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn csv(text: &str) -> Result<Results> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn both_forms_of_csv_are_read() {
        let runs = csv("hash,system,dataset,seed,status,scores,seconds\n\
             aa,A,D,1,finished,ner/f1=0.8 IDCNN CRF/seconds=12.5,7\nbb,A,D,2,failed: no data,,\n")
        .unwrap();
        let side = runs.places.values().next().unwrap();
        assert_eq!(side.scores[&1][&("IDCNN CRF".to_owned(), "seconds".to_owned())], 12.5);
        assert_eq!((side.failed.len(), side.seconds[&1]["total"]), (1, 7.0));
        let table = csv("system,dataset,task,metric,published,mean,sd,min,max,n\n\
             A,D,ner,f1,81.27,80.8,0.12,80.6,80.9,3\nB,D,ner,f1,81.27,,,,,\n")
        .unwrap();
        let summary = table.places.values().next().unwrap().summaries[&("ner".to_owned(), "f1".to_owned())];
        assert_eq!((summary.n, summary.sd), (3, Some(0.12)));
    }

    #[test]
    fn rows_of_one_name_are_told_apart_by_their_tables() {
        let runs = csv("hash,system,dataset,seed,status,scores,started,tables\n\
             aa,A,D,1,finished,ner/f1=0.8,2024-01-02,cws table7\nbb,A,D,2,finished,ner/f1=0.81,2024-01-02,table7\n\
             cc,A,D,1,finished,ner/f1=0.3,2024-01-03,fig8\ndd,A,D,2,failed: no memory,,2024-01-03,fig8\n\
             ee,A,D,1,finished,ner/f1=0.1,2024-01-04,\n\
             ff,B,D,1,finished,ner/f1=0.7,2024-01-06,\ngg,B,D,1,finished,ner/f1=0.6,2024-01-05,\n")
        .unwrap();
        let found: Vec<(String, Vec<f64>)> = runs
            .places
            .iter()
            .map(|(place, side)| {
                let scores = side.scores.values().flat_map(|scores| scores.values().copied());
                (place.to_string(), scores.collect())
            })
            .collect();
        let expected = [
            ("A [cws table7] on D", vec![0.8, 0.81]),
            ("A [fig8] on D", vec![0.3]),
            // No table lists either: the newest.
            ("B on D", vec![0.7]),
        ];
        assert_eq!(found, expected.map(|(place, scores)| (place.to_owned(), scores)));
        assert_eq!(runs.places.values().map(|side| side.failed.len()).collect::<Vec<_>>(), [0, 1, 0]);
    }

    #[test]
    fn what_is_no_result_is_refused_with_its_line() {
        let message = |text: &str| format!("{:#}", csv(text).unwrap_err());
        assert!(message("a,b\n1,2\n").contains("x.csv:1: no columns `system`"));
        assert!(message("system,dataset\nA,D\n").contains("neither"));
        assert!(message("system,dataset,seed,scores\nA,D,one,ner/f1=1\n").contains("x.csv:2: `seed`"));
        assert!(message("system,dataset,seed,scores\nA,D,1,ner=x\n").contains("x.csv:2: `scores`"));
        assert!(message("system,dataset,mean,n\nA,D,high,1\n").contains("x.csv:2: `mean`"));
        assert!(read(Path::new("nowhere")).unwrap_err().to_string().contains("no such file"));
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().contains("no folder `runs`"));
    }
}
