//! The names that a claim may use: those of the printed numbers and of the tables that are built here.

use std::collections::BTreeSet;

use medner_experiment::published::Published;
use medner_experiment::schema::TableSpec;

use super::file::Claim;
use super::vocabulary::{On, Side, Test};

/// Every name of a paper.
#[derive(Clone, Debug, Default)]
pub struct Names {
    tables: BTreeSet<String>,
    systems: BTreeSet<String>,
    datasets: BTreeSet<String>,
    tasks: BTreeSet<String>,
    metrics: BTreeSet<String>,
}

impl Names {
    /// Collects them.
    pub fn of<'s>(published: &[Published], tables: impl Iterator<Item = &'s TableSpec>) -> Self {
        let mut names = Self::default();
        for row in published {
            names.tables.insert(row.table.clone());
            names.systems.insert(row.system.clone());
            // A printed difference names two systems.
            names.systems.extend(minus(&row.system).into_iter().flat_map(|(one, two)| [one, two]));
            names.datasets.insert(row.dataset.clone());
            names.tasks.insert(row.task.clone());
            names.metrics.insert(row.metric.clone());
        }
        for spec in tables {
            names.tables.insert(spec.name.clone());
            names.systems.extend(spec.systems.iter().map(|(name, _)| name.clone()));
            for (name, data) in &spec.datasets {
                names.datasets.insert(name.clone());
                names.datasets.extend(data.shown_as.clone());
                names.tasks.extend(data.tasks.iter().cloned());
            }
            names.tasks.extend(spec.tasks.iter().cloned());
            names.metrics.extend(spec.metrics.iter().cloned());
        }
        names
    }

    /// What a claim names that does not exist, as a sentence with the nearest known name.
    pub fn unknown(&self, claim: &Claim) -> Option<String> {
        let mut used = Used::default();
        // What has no test may be about a table that is not here at all.
        if !matches!(claim.test, Test::Untestable(_)) {
            used.add(&self.tables, "table", &claim.scope.table);
            used.test(self, &claim.test);
            for (known, what, name) in [
                (&self.datasets, "data set", &claim.scope.dataset),
                (&self.tasks, "task", &claim.scope.task),
                (&self.metrics, "metric", &claim.scope.metric),
            ] {
                if !name.is_empty() {
                    used.add(known, what, name);
                }
            }
            let here = &claim.scope.here;
            for (known, what, name) in [
                (&self.tables, "table", &here.table),
                (&self.datasets, "data set", &here.dataset),
                (&self.tasks, "task", &here.task),
                (&self.metrics, "metric", &here.metric),
            ] {
                if let Some(name) = name {
                    used.add(known, what, name);
                }
            }
        }
        used.wrong
    }
}

/// `A` and `B` of `A minus B`.
pub fn minus(system: &str) -> Option<(String, String)> {
    let (one, two) = system.split_once(" minus ")?;
    Some((one.to_owned(), two.to_owned()))
}

#[derive(Default)]
struct Used {
    wrong: Option<String>,
}

impl Used {
    fn add(&mut self, known: &BTreeSet<String>, what: &str, name: &str) {
        if self.wrong.is_none() && !known.contains(name) {
            self.wrong = Some(format!("there is no {what} `{name}`{}", suggestion(name, known)));
        }
    }

    fn test(&mut self, names: &Names, test: &Test) {
        for side in test.sides() {
            self.side(names, side);
        }
        for on in test.places() {
            self.on(names, on);
        }
    }

    fn side(&mut self, names: &Names, side: &Side) {
        match side {
            Side::Number(_) => {}
            Side::System(name) => self.add(&names.systems, "system", name),
            Side::Full(side) => {
                for name in side.system.iter().chain(&side.best_of) {
                    self.add(&names.systems, "system", name);
                }
                let given = [
                    (&names.tables, "table", &side.table),
                    (&names.datasets, "data set", &side.dataset),
                    (&names.tasks, "task", &side.task),
                ];
                for (known, what, name) in given {
                    if let Some(name) = name {
                        self.add(known, what, name);
                    }
                }
                if let Some(metric) = side.metric.as_ref().filter(|name| !name.starts_with("seconds/")) {
                    self.add(&names.metrics, "metric", metric);
                }
                for on in &side.over {
                    self.on(names, on);
                }
            }
        }
    }

    fn on(&mut self, names: &Names, on: &On) {
        match on {
            On::Dataset(dataset) => self.add(&names.datasets, "data set", dataset),
            On::Task { dataset, task } => {
                self.add(&names.datasets, "data set", dataset);
                self.add(&names.tasks, "task", task);
            }
        }
    }
}

/// The nearest known name, or all of them where they are few.
fn suggestion(given: &str, known: &BTreeSet<String>) -> String {
    let lower = given.to_lowercase();
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .min()
        .filter(|(distance, name)| *distance <= 2 + name.chars().count().max(given.chars().count()) / 3);
    match nearest {
        Some((_, name)) => format!("; did you mean `{name}`?"),
        None if known.len() <= 20 => {
            let list: Vec<&str> = known.iter().map(String::as_str).collect();
            format!("; known: {}", list.join(", "))
        }
        None => "; names are those of published.csv and of the tables' YAML".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::claims::file;

    fn published() -> Vec<Published> {
        let row = |table: &str, system: &str| Published {
            table: table.into(),
            system: system.into(),
            dataset: "CCKS-2019".into(),
            task: "ner".into(),
            metric: "f1".into(),
            value: 1.0,
            provenance: String::new(),
        };
        vec![row("table2", "BiLSTM-CRF"), row("text", "IDCNN-CRF minus BiLSTM-CRF")]
    }

    #[test]
    fn unknown_names_are_said_with_the_nearest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claims.yaml");
        let claim = |id: &str, table: &str, test: &str| {
            format!("- {{id: {id}, text: t, at: S, table: {table}, test: {test}}}\n")
        };
        let text = [
            "defaults: {dataset: CCKS-2019, task: ner, metric: f1}\nclaims:\n".to_owned(),
            claim("fine", "table2", "{higher: {side: IDCNN-CRF, than: [BiLSTM-CRF, 3]}}"),
            claim("system", "table2", "{higher: {side: IDCNN-CRF, than: [BiLSTM-CFR]}}"),
            claim("table", "tabel2", "{near: {side: IDCNN-CRF, value: 1}}"),
            claim("data", "table2", "{near: {side: {system: IDCNN-CRF, dataset: MSRA}, value: 1}}"),
            claim("metric", "table2", "{all: [{near: {side: {system: IDCNN-CRF, metric: f2}, value: 1}}]}"),
            claim("time", "table2", "{near: {side: {system: IDCNN-CRF, metric: seconds/epoch}, value: 1}}"),
            claim(
                "wins",
                "table2",
                "{wins: {of: IDCNN-CRF, over: 1, on: [{dataset: CCKS-2019, task: nre}], at_least: 1}}",
            ),
        ]
        .concat();
        std::fs::write(&path, text).unwrap();
        let file = file::read(&path);
        assert_eq!(file.errors, Vec::<String>::new());
        let names = Names::of(&published(), std::iter::empty());
        let found: Vec<Option<String>> = file.claims.iter().map(|claim| names.unknown(claim)).collect();
        let expected = [
            None,
            Some("there is no system `BiLSTM-CFR`; did you mean `BiLSTM-CRF`?"),
            Some("there is no table `tabel2`; did you mean `table2`?"),
            Some("there is no data set `MSRA`; known: CCKS-2019"),
            Some("there is no metric `f2`; did you mean `f1`?"),
            None,
            Some("there is no task `nre`; did you mean `ner`?"),
        ];
        assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    }
}
