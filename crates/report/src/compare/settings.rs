//! What differs between two runs besides their scores: configuration, data, versions.

use std::collections::BTreeMap;

use medner_experiment::{RunRecord, Value};
use serde::Serialize;

/// A setting with two values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// `config.training.epochs`, `data.train.txt`, `version.commit`, `device`.
    pub what: String,
    /// On the first side; empty where it is not there.
    pub first: String,
    /// On the second side.
    pub second: String,
}

/// Every setting that differs between two records.
pub fn differences(first: &RunRecord, second: &RunRecord) -> Vec<Difference> {
    let (one, two) = (settings(first), settings(second));
    let keys: std::collections::BTreeSet<&String> = one.keys().chain(two.keys()).collect();
    keys.into_iter()
        .filter_map(|key| {
            let (a, b) = (one.get(key), two.get(key));
            (a != b).then(|| Difference {
                what: key.clone(),
                first: a.cloned().unwrap_or_default(),
                second: b.cloned().unwrap_or_default(),
            })
        })
        .collect()
}

fn settings(record: &RunRecord) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let cell = &record.cell;
    leaves("config", &cell.config, &mut settings);
    for (kind, facts) in [("data", &cell.facts), ("input", &cell.inputs)] {
        for (file, sha) in &facts.files {
            // As much of a hash as a person compares.
            settings.insert(format!("{kind}.{file}"), sha.chars().take(12).collect());
        }
    }
    settings.insert("results version".to_owned(), cell.results_version.to_string());
    settings.insert("device".to_owned(), record.device.clone());
    settings.insert("threads".to_owned(), record.threads.to_string());
    settings
        .extend(record.versions.iter().map(|(name, version)| (format!("version.{name}"), version.clone())));
    settings
}

fn leaves(path: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, inner)| leaves(&format!("{path}.{key}"), inner, out));
        }
        Value::String(text) => {
            out.insert(path.to_owned(), text.clone());
        }
        other => {
            out.insert(path.to_owned(), other.to_string());
        }
    }
}

/// Differences of many runs, each once, with how many runs have it.
pub fn gather(all: impl IntoIterator<Item = Vec<Difference>>) -> Vec<(Difference, usize)> {
    let mut counted: BTreeMap<Difference, usize> = BTreeMap::new();
    for difference in all.into_iter().flatten() {
        *counted.entry(difference).or_default() += 1;
    }
    counted.into_iter().collect()
}
