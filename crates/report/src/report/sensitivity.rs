//! What one configuration key does: pairs of runs on the same data with the same seed that differ in nothing else.
//!
//! No table has to ask for it: every run on record takes part, also those of earlier configurations, whose numbers
//! stand as well as any.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use medner_experiment::config::at_key;
use medner_experiment::{RunRecord, Value};
use medner_metrics::Summary;
use serde::Serialize;

use super::format::{difference, plain};
use super::input::Paper;

/// The effect of one key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    pub key: String,
    pub from: String,
    pub to: String,
    /// Names of the two systems, one where they are the same.
    pub systems: String,
    pub dataset: String,
    /// `ner f1`
    pub metric: String,
    /// Means over the common seeds, times 100.
    pub before: String,
    pub after: String,
    pub difference: String,
    pub n: usize,
}

/// What two runs must share to be compared: data, seed, what they start from, and all keys but one.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Rest<'a> {
    key: &'a str,
    others: u64,
    data: &'a str,
    seed: u64,
    needs: Vec<&'a String>,
}

/// A run with its configuration laid flat.
struct Run<'a> {
    record: &'a RunRecord,
    leaves: BTreeMap<String, &'a Value>,
    all: u64,
    task: &'a str,
    metric: &'a str,
    value: f64,
}

/// The effects that the runs of a paper show, by key.
pub fn of(paper: &Paper) -> Vec<Effect> {
    let runs: Vec<Run<'_>> = paper.finished().filter_map(|(record, _)| Run::of(record)).collect();
    let mut groups: HashMap<Rest<'_>, Vec<&Run<'_>>> = HashMap::new();
    for run in &runs {
        for (key, value) in &run.leaves {
            let rest = Rest {
                key,
                others: run.all ^ hash(key, value),
                data: &run.record.cell.data,
                seed: run.record.cell.seed,
                needs: run.record.cell.needs.values().collect(),
            };
            groups.entry(rest).or_default().push(run);
        }
    }
    // By what is compared, over seeds.
    type Sides<'a> = BTreeMap<u64, (&'a Run<'a>, &'a Run<'a>)>;
    let mut effects: BTreeMap<(String, String, String, String, u64), Sides<'_>> = BTreeMap::new();
    let mut groups: Vec<(Rest<'_>, Vec<&Run<'_>>)> =
        groups.into_iter().filter(|group| group.1.len() > 1).collect();
    groups.sort_by(|a, b| a.0.cmp(&b.0));
    for (rest, mut runs) in groups {
        // One key the other way is the other's default, and a key must differ at all.
        runs.sort_by_key(|run| (changes(run, rest.key), run.leaves[rest.key].to_string()));
        let Some((first, others)) = runs.split_first() else { continue };
        for other in others {
            let [from, to] = [first, other].map(|run| text(run.leaves[rest.key]));
            if from != to && (first.task, first.metric) == (other.task, other.metric) {
                let key = (rest.key.to_owned(), from, to, rest.data.to_owned(), rest.others);
                effects.entry(key).or_default().insert(rest.seed, (first, other));
            }
        }
    }
    effects.into_iter().filter_map(|((key, from, to, ..), sides)| effect(key, from, to, &sides)).collect()
}

fn effect(
    key: String,
    from: String,
    to: String,
    sides: &BTreeMap<u64, (&Run<'_>, &Run<'_>)>,
) -> Option<Effect> {
    let (first, second) = sides.values().next()?;
    let column = |of: fn(&(&Run<'_>, &Run<'_>)) -> f64| -> Option<Summary> {
        Summary::of(&sides.values().map(|pair| 100.0 * of(pair)).collect::<Vec<_>>()).ok()
    };
    let before = column(|(one, _)| one.value)?;
    let after = column(|(_, two)| two.value)?;
    let gain = column(|(one, two)| two.value - one.value)?;
    let spread = gain.sd.map(|sd| format!(" ± {}", plain(sd, 2))).unwrap_or_default();
    let [one, two] = [first, second].map(|run| run.record.cell.system.as_str());
    Some(Effect {
        key,
        from,
        to,
        systems: if one == two { one.to_owned() } else { format!("{one} → {two}") },
        dataset: first.record.cell.dataset.clone(),
        metric: format!("{} {}", first.task, first.metric),
        before: plain(before.mean, 2),
        after: plain(after.mean, 2),
        difference: format!("{}{spread}", difference(gain.mean, 2)),
        n: sides.len(),
    })
}

impl<'a> Run<'a> {
    /// Runs are compared by their main score: the F1 (else the accuracy) of `ner`, else of the first task.
    fn of(record: &'a RunRecord) -> Option<Self> {
        let scores = &record.outcome.scores;
        let (task, metric, value) = ["f1", "accuracy"].into_iter().find_map(|metric| {
            let main = scores.get_key_value("ner").filter(|(_, m)| m.contains_key(metric));
            let (task, metrics) = main.or_else(|| scores.iter().find(|(_, m)| m.contains_key(metric)))?;
            Some((task.as_str(), metric, metrics[metric]))
        })?;
        let mut leaves = BTreeMap::new();
        flatten("", &record.cell.config, &mut leaves);
        let all = leaves.iter().fold(0, |all, (key, value)| all ^ hash(key, value));
        Some(Self { record, leaves, all, task, metric, value })
    }
}

/// Whether a run sets the key to something other than the method's default.
fn changes(run: &Run<'_>, key: &str) -> bool {
    at_key(&run.record.cell.changed, key).is_some()
}

fn flatten<'a>(path: &str, value: &'a Value, leaves: &mut BTreeMap<String, &'a Value>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, inner, leaves);
            }
        }
        leaf => {
            leaves.insert(path.to_owned(), leaf);
        }
    }
}

fn hash(key: &str, value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    value.hash(&mut hasher);
    hasher.finish()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;
    use std::path::Path;

    use medner_experiment::record::{FORMAT, Outcome};
    use medner_experiment::{Cell, DataFacts, Status};
    use serde_json::json;

    use super::super::input::Problems;
    use super::*;

    fn record(heads: u64, encoder: &str, seed: u64, f1: f64) -> RunRecord {
        let changed = match heads {
            4 => json!({"model": {"encoder": encoder}}),
            _ => json!({"model": {"encoder": encoder, "heads": heads}}),
        };
        let mut outcome = Outcome::default();
        outcome.score("ner", "f1", f1);
        let mut cell = Cell {
            hash: String::new(),
            method: "toy".into(),
            results_version: 1,
            system: format!("{encoder} {heads}"),
            dataset: "D".into(),
            data: "d".into(),
            seed,
            config: json!({"model": {"encoder": encoder, "heads": heads}}),
            changed,
            facts: DataFacts::default(),
            inputs: DataFacts::default(),
            needs: BTreeMap::new(),
            tables: BTreeSet::new(),
        };
        cell.hash = cell.content_hash();
        RunRecord {
            format: FORMAT,
            status: Status::Finished,
            reason: None,
            paper: "toy".into(),
            profile: "cpu".into(),
            cell,
            outcome,
            peak_memory_mib: 0.0,
            device: "cpu".into(),
            threads: 1,
            versions: BTreeMap::new(),
            started: String::new(),
            command: String::new(),
        }
    }

    #[test]
    fn one_key_at_a_time_from_the_default_over_common_seeds() {
        let folder = tempfile::tempdir().unwrap();
        for record in [
            record(4, "idcnn", 1, 0.80),
            record(4, "idcnn", 2, 0.82),
            record(8, "idcnn", 1, 0.79),
            record(8, "idcnn", 2, 0.83),
            record(8, "idcnn", 3, 0.99),
            // Two keys away from every other run.
            record(16, "bilstm", 1, 0.50),
        ] {
            record.save(&folder.path().join(format!("runs/{}.json", record.cell.hash))).unwrap();
        }
        let mut problems = Problems::default();
        let paper = Paper::read("toy", Path::new("nowhere"), folder.path(), &mut problems);
        assert!(problems.0.is_empty(), "{:?}", problems.0);
        let effects = of(&paper);
        assert_eq!(effects.len(), 1, "{effects:?}");
        let effect = &effects[0];
        assert_eq!(
            (effect.key.as_str(), effect.from.as_str(), effect.to.as_str()),
            ("model.heads", "4", "8"),
            "from the default"
        );
        assert_eq!((effect.before.as_str(), effect.after.as_str(), effect.n), ("81.00", "81.00", 2));
        assert_eq!(effect.difference, "0.00 ± 1.41");
        assert_eq!(effect.systems, "idcnn 4 → idcnn 8");
    }
}
