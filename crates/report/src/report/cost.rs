//! Time and memory of the runs that the tables show.

use std::collections::BTreeMap;

use medner_experiment::RunRecord;
use serde::Serialize;

use super::format;
use super::input::Paper;

/// The table of time and memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Names of the phases, as columns.
    pub phases: Vec<String>,
    pub rows: Vec<Row>,
}

/// A system on a data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub system: String,
    pub dataset: String,
    pub runs: usize,
    /// Mean seconds of each phase, for people; empty where the runs have no such phase.
    pub phases: Vec<String>,
    /// The same in seconds, to sort by.
    pub seconds: Vec<Option<f64>>,
    /// The greatest resident memory.
    pub memory: String,
    pub device: String,
    pub threads: String,
    pub commits: String,
}

/// Phases that most methods have, in this order; others follow.
const KNOWN: [&str; 4] = ["total", "train", "epoch", "test"];
/// Further phases are not shown.
const PHASES: usize = 7;

/// Means over the runs of each system and data set; runs of one name with two configurations are two systems.
pub fn of(paper: &Paper) -> Cost {
    let mut groups: BTreeMap<(&str, usize, String), Vec<&RunRecord>> = BTreeMap::new();
    for (record, tables) in paper.finished() {
        if !tables.is_empty() {
            let place = paper.place_of(&record.cell.system);
            let key = (record.cell.dataset.as_str(), place, paper.name_of(record));
            groups.entry(key).or_default().push(record);
        }
    }
    let mut phases: Vec<String> = KNOWN.map(str::to_owned).into();
    for name in groups.values().flatten().flat_map(|record| record.outcome.seconds.keys()) {
        if !phases.contains(name) {
            phases.push(name.clone());
        }
    }
    phases.retain(|phase| groups.values().flatten().any(|r| r.outcome.seconds.contains_key(phase)));
    phases.truncate(PHASES);
    let rows = groups.iter().map(|((dataset, _, system), records)| {
        let seconds: Vec<Option<f64>> = phases
            .iter()
            .map(|phase| {
                let values: Vec<f64> =
                    records.iter().filter_map(|r| r.outcome.seconds.get(phase).copied()).collect();
                (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
            })
            .collect();
        let memory = records.iter().map(|r| r.peak_memory_mib).fold(0.0, f64::max);
        Row {
            system: system.clone(),
            dataset: (*dataset).to_owned(),
            runs: records.len(),
            phases: seconds.iter().map(|s| s.map(format::seconds).unwrap_or_default()).collect(),
            seconds,
            memory: if memory > 0.0 { format!("{memory:.0} MiB") } else { String::new() },
            device: each(records, |r| r.device.clone()),
            threads: each(records, |r| r.threads.to_string()),
            commits: each(records, |r| r.versions.get("commit").cloned().unwrap_or_default()),
        }
    });
    let rows = rows.collect();
    Cost { phases, rows }
}

/// The distinct values, sorted.
fn each(records: &[&RunRecord], of: impl Fn(&RunRecord) -> String) -> String {
    let values: std::collections::BTreeSet<String> = records.iter().map(|record| of(record)).collect();
    values.into_iter().filter(|value| !value.is_empty()).collect::<Vec<_>>().join(", ")
}
