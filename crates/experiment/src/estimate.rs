//! What cells will take: `reproduce --dry-run`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::cell::Cell;

/// What a cell will take.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Seconds with the threads that it has.
    pub seconds: f64,
    /// Greatest memory, MiB.
    pub mib: f64,
    /// What else is to be said; empty where nothing is.
    pub note: String,
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "about {}, {}", duration(self.seconds), memory(self.mib))?;
        if self.note.is_empty() { Ok(()) } else { write!(f, " ({})", self.note) }
    }
}

/// What all of these cells and those that they need take, `jobs` at a time; `None` where nothing is known of any.
pub fn all<'a>(
    wanted: impl IntoIterator<Item = &'a str>,
    cells: &BTreeMap<&'a str, &'a Cell>,
    known: &BTreeMap<&str, Estimate>,
    jobs: usize,
) -> Option<Estimate> {
    let mut open: Vec<&str> = wanted.into_iter().collect();
    let mut seen = BTreeSet::new();
    let mut sum: Option<Estimate> = None;
    while let Some(hash) = open.pop() {
        let Some(cell) = cells.get(hash).filter(|_| seen.insert(hash)) else { continue };
        open.extend(cell.needs.values().map(String::as_str));
        let Some(estimate) = known.get(hash) else { continue };
        let sum = sum.get_or_insert(Estimate { seconds: 0.0, mib: 0.0, note: String::new() });
        sum.seconds += estimate.seconds / jobs as f64;
        sum.mib = sum.mib.max(estimate.mib);
    }
    sum
}

/// `40 s`, `12 min`, `5 h 20 min`, `3 days`.
fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round();
    if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else if minutes < 90.0 {
        format!("{minutes:.0} min")
    } else if minutes < 48.0 * 60.0 {
        format!("{:.0} h {:02.0} min", (minutes / 60.0).floor(), minutes % 60.0)
    } else {
        format!("{:.0} days", minutes / (24.0 * 60.0))
    }
}

/// `800 MiB`, `21.4 GiB`.
fn memory(mib: f64) -> String {
    if mib < 1024.0 { format!("{mib:.0} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn cell(hash: &str, needs: &[&str]) -> Cell {
        let needs: BTreeMap<&str, &str> = needs.iter().map(|&need| (need, need)).collect();
        let facts = json!({"files": {}});
        serde_json::from_value(json!({
            "hash": hash, "method": "m", "results_version": 1, "system": hash, "dataset": "d", "data": "d", "seed": 1,
            "config": null, "facts": facts, "inputs": facts, "needs": needs, "tables": [],
        }))
        .unwrap()
    }

    #[test]
    fn what_is_needed_counts_once_and_what_is_finished_not() {
        // `finished` is not among the cells to run; nothing is known of `quick`.
        let cells = [
            cell("encoder", &[]),
            cell("pool", &["encoder"]),
            cell("tagger", &["encoder", "pool", "finished"]),
            cell("quick", &["pool"]),
        ];
        let cells: BTreeMap<&str, &Cell> = cells.iter().map(|cell| (cell.hash.as_str(), cell)).collect();
        let known = |seconds: f64, mib: f64| Estimate { seconds, mib, note: String::new() };
        let estimates = BTreeMap::from([
            ("encoder", known(100.0, 900.0)),
            ("pool", known(50.0, 600.0)),
            ("tagger", known(10.0, 700.0)),
        ]);
        let of = |wanted: &[&'static str]| all(wanted.iter().copied(), &cells, &estimates, 2);
        assert_eq!(of(&["tagger", "quick", "tagger"]), Some(known(80.0, 900.0)));
        assert_eq!(of(&["quick"]), Some(known(75.0, 900.0)));
        assert_eq!(of(&["finished"]), None);
    }

    #[test]
    fn durations_and_memory_are_said_as_people_do() {
        let said = [40.0, 89.9, 100.0, 5350.0, 5400.0, 19_200.0, 260_000.0].map(duration);
        assert_eq!(said, ["40 s", "90 s", "2 min", "89 min", "1 h 30 min", "5 h 20 min", "3 days"]);
        let estimate = Estimate { seconds: 600.0, mib: 21_913.6, note: "measured in f32".into() };
        assert_eq!(estimate.to_string(), "about 10 min, 21.4 GiB (measured in f32)");
        assert_eq!(
            Estimate { mib: 800.2, note: String::new(), ..estimate }.to_string(),
            "about 10 min, 800 MiB"
        );
    }
}
