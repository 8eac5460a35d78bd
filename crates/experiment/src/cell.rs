//! A cell: one system on one data set with one seed, and the hash that names it.
//!
//! The hash covers everything that may change a number and nothing else: the method and its results version, what the
//! configuration has other than the method's defaults, the bytes of the data, the seed, and the hashes of the cells it
//! needs. Names of systems and tables are left out, so that a cell which stands in three tables is run once; the commit
//! is left out, so that a change that alters no number keeps the results (one that does raises the method's results
//! version).
//!
//! Defaults are not hashed, so that a method whose configuration gains a key keeps its records: what ran without the
//! key is what its default stands for. Hence the rule: whoever changes a default changes numbers, and raises the
//! results version.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::{self, ConfigError, Value};

/// The files a cell reads, by the name a person knows them by, with the SHA-256 of each (lower-case hex).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DataFacts {
    /// File name to SHA-256.
    pub files: BTreeMap<String, String>,
}

/// Data, weights or vectors that are not on this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Missing {
    /// What is missing and the command that mends it.
    pub reason: String,
}

impl Missing {
    /// Says what is missing and how to get it.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// One system on one data set with one seed, ready to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// 16 hexadecimal characters; see the module's head for what it covers.
    pub hash: String,
    /// The method's name.
    pub method: String,
    /// The method's results version.
    pub results_version: u32,
    /// The row of the table that asked first. Not hashed.
    pub system: String,
    /// The column or group of the table that asked first (`sample-...` for the embedded sample). Not hashed.
    pub dataset: String,
    /// The data set's name in the catalogue (what the method's `locate` was asked for).
    pub data: String,
    /// The seed of every random stream of the run.
    pub seed: u64,
    /// The configuration with all defaults filled in.
    pub config: Value,
    /// What of it differs from the method's defaults ([`config::difference`]): the part that is hashed. `Null` only in
    /// records of versions that hashed the whole configuration.
    #[serde(default)]
    pub changed: Value,
    /// The files of the data set.
    pub facts: DataFacts,
    /// Further files that the configuration names (weights, word vectors).
    #[serde(default, skip_serializing_if = "no_files")]
    pub inputs: DataFacts,
    /// The cells whose artefacts this one starts from: role to hash.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub needs: BTreeMap<String, String>,
    /// The tables that show this cell. Not hashed.
    #[serde(default)]
    pub tables: BTreeSet<String>,
}

fn no_files(facts: &DataFacts) -> bool {
    facts.files.is_empty()
}

impl Cell {
    /// The method's own configuration type, from the cell's resolved configuration.
    ///
    /// # Errors
    /// Only when the cell was made by another version of the method, with other keys.
    pub fn config<T: DeserializeOwned + Serialize + Default>(&self) -> Result<T, ConfigError> {
        config::from_value(&self.config)
    }

    /// The hash of the cell's content as it stands now: of [`Cell::changed`], not of the whole configuration.
    pub fn content_hash(&self) -> String {
        let content = serde_json::json!({
            "method": self.method,
            "results_version": self.results_version,
            "data": self.data,
            "changed": self.changed,
            "facts": self.facts,
            "inputs": self.inputs,
            "seed": self.seed,
            "needs": self.needs,
        });
        let mut text = String::new();
        write_canonical(&content, &mut text);
        let digest = Sha256::digest(text.as_bytes());
        let (head, _) = digest.split_at(8);
        head.iter().fold(String::with_capacity(16), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// `system / dataset / seed`, as the logs name it.
    pub fn label(&self) -> String {
        format!("{} / {} / seed {}", self.system, self.dataset, self.seed)
    }
}

/// JSON with sorted keys and no white space, whatever order the maps were built in.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            out.push('{');
            for (at, (key, inner)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(inner, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, inner) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_canonical(inner, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell() -> Cell {
        let mut cell = Cell {
            hash: String::new(),
            method: "m".into(),
            results_version: 1,
            system: "BiLSTM-CRF".into(),
            dataset: "CCKS-2019".into(),
            data: "ccks2019".into(),
            seed: 1,
            config: serde_json::json!({"b": 2, "a": {"d": 0.5, "c": null}}),
            changed: serde_json::json!({"a": {"d": 0.5}}),
            facts: DataFacts { files: [("train".to_owned(), "00ff".to_owned())].into() },
            inputs: DataFacts::default(),
            needs: BTreeMap::new(),
            tables: BTreeSet::new(),
        };
        cell.hash = cell.content_hash();
        cell
    }

    #[test]
    fn names_do_not_change_the_hash() {
        let mut other = cell();
        other.system = "another row".into();
        other.dataset = "another name".into();
        other.tables.insert("table9".into());
        assert_eq!(other.content_hash(), cell().hash);
        assert_eq!(cell().hash.len(), 16);
    }

    #[test]
    fn everything_that_may_change_a_number_changes_the_hash() {
        let changes: [fn(&mut Cell); 8] = [
            |c| c.method = "n".into(),
            |c| c.results_version = 2,
            |c| c.data = "msra".into(),
            |c| c.seed = 2,
            |c| c.changed["a"]["d"] = 0.25.into(),
            |c| _ = c.facts.files.insert("train".into(), "00fe".into()),
            |c| _ = c.inputs.files.insert("vectors".into(), "11".into()),
            |c| _ = c.needs.insert("encoder".into(), "0123456789abcdef".into()),
        ];
        for change in changes {
            let mut other = cell();
            change(&mut other);
            assert_ne!(other.content_hash(), cell().hash);
        }
    }

    /// Records are committed: this hash may only change together with every one of them.
    #[test]
    fn a_known_cell_has_a_known_hash() {
        assert_eq!(cell().content_hash(), "84e0e927409bf50d");
    }

    #[test]
    fn a_configuration_that_gains_a_key_keeps_its_hashes() {
        let hash = |config: Value, default: &Value| {
            let changed = config::difference(&config, default);
            Cell { config, changed, ..cell() }.content_hash()
        };
        let before = serde_json::json!({"a": {"c": null, "d": 1.0}, "b": 2});
        let after = serde_json::json!({"a": {"c": null, "d": 1.0, "new": true}, "b": 2, "more": {"x": [1]}});
        let old = hash(cell().config, &before);
        let mut config = after.clone();
        config["a"]["d"] = 0.5.into();
        assert_eq!(hash(config.clone(), &after), old);
        assert_eq!(old, cell().hash);
        // Where the new key is used, it is another cell.
        config["a"]["new"] = false.into();
        assert_ne!(hash(config, &after), old);
    }

    #[test]
    fn key_order_does_not_matter() {
        let mut one = String::new();
        let mut two = String::new();
        write_canonical(&serde_json::json!({"x": [1, {"b": 1, "a": "é\n"}], "a": null}), &mut one);
        write_canonical(&serde_json::json!({"a": null, "x": [1, {"a": "é\n", "b": 1}]}), &mut two);
        assert_eq!(one, two);
        assert_eq!(one, r#"{"a":null,"x":[1,{"a":"é\n","b":1}]}"#);
    }
}
