//! The runs of one profile by the rows of a paper's tables.

use std::collections::BTreeMap;
use std::path::Path;

use medner_experiment::RunRecord;
use medner_experiment::record::Status;
use medner_experiment::schema::{self, Awaits, Dataset, Kind, Profile, TableSpec};
use medner_experiment::store::Store;

use super::rows::{Listed, Rows};
use super::waits::Waits;
use crate::report::shown_runs;

/// The tables of a paper and the records of one profile.
#[derive(Debug)]
pub struct Runs<'a> {
    tables: Vec<TableSpec>,
    errors: Vec<String>,
    profile: Option<Profile>,
    /// By table.
    rows: BTreeMap<String, Rows<'a>>,
    /// By table.
    waits: BTreeMap<String, Waits>,
    /// True where there are runs, but no `runs.csv` that says what shows them.
    unlisted: bool,
}

/// What a row measured, seed by seed, or why there is nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    /// Finished records.
    pub records: BTreeMap<u64, &'a RunRecord>,
    /// The seeds that the profile wants.
    pub planned: Vec<u64>,
    /// One run stands for every seed.
    pub deterministic: bool,
}

impl<'a> Runs<'a> {
    /// Reads the tables of `folder` (`experiments/<paper>`) beside the records of `results/<label>/<paper>`.
    ///
    /// Tables that cannot be read are left out; [`Runs::errors`] says why.
    pub fn new(folder: &Path, store: &'a Store, label: &str) -> Self {
        let mut tables = Vec::new();
        let mut errors = Vec::new();
        match schema::tables(folder) {
            Ok(names) => {
                for name in names {
                    match TableSpec::load(&folder.join(format!("{name}.yaml"))) {
                        Ok(spec) => tables.push(spec),
                        Err(error) => errors.push(error.to_string()),
                    }
                }
            }
            Err(error) => errors.push(error.to_string()),
        }
        let profile = profile_of(label);
        let list = store.folder().join("runs.csv");
        let shown = if list.is_file() { shown_runs(&list) } else { Ok(BTreeMap::new()) };
        let shown = shown.unwrap_or_else(|error| {
            errors.push(error);
            BTreeMap::new()
        });
        let finished = || store.records().values().filter(|record| record.status == Status::Finished);
        let mut rows = BTreeMap::new();
        for spec in &tables {
            let shows = |record: &&RunRecord| match shown.get(&record.cell.hash) {
                Some(names) => names.split(' ').any(|name| name == spec.name),
                // It is newer than the list.
                None => !shown.is_empty() && record.cell.tables.contains(&spec.name),
            };
            let listed: Listed<'a> =
                finished().filter(shows).map(|record| (record.cell.hash.as_str(), record)).collect();
            if let Some(profile) = profile {
                rows.insert(spec.name.clone(), Rows::new(spec, profile, &listed));
            }
        }
        let scores = tables.iter().filter(|spec| spec.kind == Kind::Systems);
        let waits = scores.map(|spec| {
            // A CSV that cannot be read is named by the report; here it only leaves a reason shorter.
            let csv = store.folder().join(format!("{}.csv", spec.name));
            (spec.name.clone(), Waits::read(&csv).unwrap_or_default())
        });
        let waits = waits.collect();
        let unlisted = !list.is_file() && finished().next().is_some();
        Self { tables, errors, profile, rows, waits, unlisted }
    }

    /// The tables that could be read, in their printed order.
    pub fn tables(&self) -> impl Iterator<Item = &TableSpec> {
        self.tables.iter()
    }

    /// Why tables, or the list of what they show, could not be read.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// A table by name.
    pub fn table(&self, name: &str) -> Option<&TableSpec> {
        self.tables.iter().find(|spec| spec.name == name)
    }

    /// Finished records and seeds of a row ([`rows`](mod@super::rows) says which). `dataset` is as printed or as in the
    /// file; `task`, as we measure it, tells data sets that are printed under one name.
    ///
    /// # Errors
    /// A sentence: no such table, system or data set here, not part of the profile, what it waits for, or why a run that
    /// bears its name does not count.
    pub fn row(&self, table: &str, system: &str, dataset: &str, task: &str) -> Result<Row<'a>, String> {
        let spec = self.table(table).ok_or_else(|| format!("no such runs yet: {table} is not built"))?;
        let profile = self.profile.ok_or("these results belong to no profile")?;
        if spec.system(system).is_none() {
            return Err(format!("no such runs yet: {table} has no system `{system}`"));
        }
        let file_name = named_dataset(spec, dataset, task)?;
        let rows = &self.rows[table];
        let planned = spec.seeds_of(profile, system, file_name).to_vec();
        if let Some(records) = rows.records(system, file_name) {
            let deterministic = spec.is_deterministic(system);
            return Ok(Row { records: records.clone(), planned, deterministic });
        }
        Err(match spec.awaits(profile, system) {
            Some(Awaits::What(what) | Awaits::Unless { what, .. }) => format!("{system} waits for {what}"),
            None if !spec.pairs(profile).contains(&(system, file_name)) => {
                format!("{system} on {file_name} is not part of profile {profile}")
            }
            None if self.unlisted => {
                "there is no runs.csv that says which runs a table shows; `reproduce` writes it".to_owned()
            }
            None => match rows.refused(system, file_name) {
                Some(why) => {
                    format!("{system} on {file_name}: {why}; `reproduce {table}` writes the table anew")
                }
                None => match self.waiting(spec, system, file_name, task) {
                    Some(what) => format!("{system} on {file_name} waits: {what}"),
                    None => format!("no such runs yet: {system} on {file_name} ({table})"),
                },
            },
        })
    }

    fn waiting(&self, spec: &TableSpec, system: &str, dataset: &str, task: &str) -> Option<&str> {
        let shown = spec.dataset(dataset).and_then(|known| known.shown_as.as_deref()).unwrap_or(dataset);
        self.waits.get(&spec.name)?.of(system, shown, task)
    }
}

/// `cpu` of `cpu`; none of `cpu+set`, whose runs have another configuration than the tables, or of `sample`.
pub fn profile_of(label: &str) -> Option<Profile> {
    [Profile::Quick, Profile::Cpu, Profile::Paper].into_iter().find(|profile| profile.to_string() == label)
}

/// A data set by its name in the file; of those that are printed under that name, the one with this task.
fn named_dataset<'s>(spec: &'s TableSpec, name: &str, task: &str) -> Result<&'s str, String> {
    let table = &spec.name;
    let all = || spec.datasets.iter().map(|(file, data)| (file.as_str(), data));
    if let Some((file, _)) = all().find(|(file, _)| *file == name) {
        return Ok(file);
    }
    let printed: Vec<_> = all().filter(|(_, data)| data.shown_as.as_deref() == Some(name)).collect();
    let has_task = |(_, data): &&(&str, &Dataset)| {
        let tasks = if data.tasks.is_empty() { &spec.tasks } else { &data.tasks };
        tasks.is_empty() || tasks.iter().any(|known| known == task)
    };
    match printed[..] {
        [] => Err(format!("{table} is not made on `{name}`")),
        [(file, _)] => Ok(file),
        _ => match printed.iter().find(has_task) {
            Some((file, _)) => Ok(file),
            None => Err(format!("{table} has no `{task}` of `{name}`")),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use medner_metrics::Summary;

    /// The CSVs were written by a program that knows the method's defaults, and so the row of every cell: whatever they
    /// show of this repository's runs must be found again without it.
    #[test]
    fn the_runs_of_a_row_have_the_numbers_of_its_table() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let at_least = [("albert-idcnn", 20), ("asaibc", 60), ("mtaal", 60), ("mtl-ls", 0)];
        for (paper, least) in at_least {
            let results = repository.join("results/cpu").join(paper);
            let store = Store::open(&results).unwrap();
            let runs = Runs::new(&repository.join("experiments").join(paper), &store, "cpu");
            assert_eq!(runs.errors(), Vec::<String>::new());
            let shown = shown_runs(&results.join("runs.csv")).unwrap();
            assert!(
                shown.keys().eq(store.records().keys()),
                "{paper}: its tables are not of these records; `reproduce` one of its finished rows to write them anew"
            );
            let mut checked = 0;
            for spec in runs.tables() {
                let csv = results.join(format!("{}.csv", spec.name));
                if csv.is_file() {
                    checked += lines(&csv).iter().filter(|line| is_found(&runs, spec, line)).count();
                }
            }
            println!("{paper}: {checked} numbers");
            assert!(checked >= least, "{paper}: {checked} numbers");
        }
    }

    fn lines(path: &Path) -> Vec<BTreeMap<String, String>> {
        csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
    }

    /// True where the line's number is that of the runs; false where no run is to be found for it.
    fn is_found(runs: &Runs<'_>, spec: &TableSpec, line: &BTreeMap<String, String>) -> bool {
        let text = |key: &str| line.get(key).map_or("", String::as_str);
        let (system, task, metric) = (text("system"), text("task"), text("metric"));
        let curve = spec.kind == Kind::Curve;
        let without = spec.system(system).is_none_or(|known| known.minus.is_some());
        if without || (!curve && text("n").is_empty()) {
            return false;
        }
        let row = match runs.row(&spec.name, system, text("dataset"), task) {
            Ok(row) => row,
            // The YAML has changed since the table was written.
            Err(why) => {
                assert!(why.contains("writes the table anew"), "{}: {why}", spec.name);
                return false;
            }
        };
        if curve {
            assert!(row.records.contains_key(&text("seed").parse().unwrap()), "{}: {line:?}", spec.name);
            return true;
        }
        let scale = spec.scale.of(metric, 1.0);
        let value = |record: &&RunRecord| Some(record.outcome.scores.get(task)?.get(metric)? * scale);
        let values: Vec<f64> = row.records.values().filter_map(value).collect();
        let mean: f64 = text("mean").parse().unwrap();
        assert_eq!(values.len().to_string(), text("n"), "{}: {line:?}", spec.name);
        assert!((Summary::of(&values).unwrap().mean - mean).abs() < 1e-6, "{}: {line:?}", spec.name);
        true
    }

    #[test]
    fn labels_name_profiles() {
        assert_eq!(profile_of("cpu"), Some(Profile::Cpu));
        assert_eq!(profile_of("cpu+set"), None);
        assert_eq!(profile_of("sample"), None);
    }
}
