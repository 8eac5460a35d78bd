//! `datasets/checks.json`: what `medner data check` finds in each corpus, without the corpus.
//!
//! The data sheet of a report shows it on machines that have no corpora, and reading it takes no time. Each entry names
//! the hashes of the files that it was made from; an entry made from other files than the manifest's is not used. It
//! holds numbers and places, never the corpus's text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use medner_data::catalog;
use medner_data::check::{Finding, Options, Severity};
use medner_data::manifest::DataSet;
use medner_data::store::Store;
use medner_experiment::record::write_atomically;
use serde::{Deserialize, Serialize};

use crate::data;

/// The file, relative to the repository.
pub const PATH: &str = "datasets/checks.json";

/// What was found, by corpus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks(pub BTreeMap<String, Checked>);

/// A corpus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// Its files with their SHA-256.
    pub files: BTreeMap<String, String>,
    /// What an item is: `sentences` or `documents`.
    pub items: String,
    /// What lengths count: `tokens`, `words` or `characters`.
    pub unit: String,
    pub splits: BTreeMap<String, Split>,
    pub findings: Vec<Found>,
}

/// A split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    pub items: u64,
    pub tokens: u64,
    pub entities: u64,
    /// Different mention strings, with their type.
    pub distinct: u64,
    pub by_type: BTreeMap<String, u64>,
}

/// A finding without the corpus's text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// `error`, `warning` or `note`.
    pub severity: String,
    pub code: String,
    pub scope: String,
    pub count: u64,
    pub message: String,
    /// The first places.
    pub places: Vec<String>,
    pub remedy: String,
}

impl Checks {
    /// What stands in the repository; nothing where the file is not there.
    ///
    /// # Errors
    /// The file cannot be read, with line and column.
    pub fn load(home: &Path) -> Result<Self, String> {
        let path = home.join(PATH);
        if !path.is_file() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| {
            let place = format!("{}:{}:{}", path.display(), error.line(), error.column());
            format!("{place}: {error}; make it anew with `medner report --corpora`")
        })
    }

    /// The entry of a corpus, when it was made from the files that the manifest names.
    pub fn of(&self, corpus: &str, set: &DataSet) -> Option<&Checked> {
        let checked = self.0.get(corpus)?;
        let same = |path: &str, sha: &str| {
            set.files.iter().any(|file| file.path == path && file.sha256.as_deref() == Some(sha))
        };
        checked.files.iter().all(|(path, sha)| same(path, sha)).then_some(checked)
    }
}

/// Checks every corpus that is here and writes the file; returns it with the names of those that are not here.
///
/// # Errors
/// The manifest cannot be read; the file cannot be written.
pub fn renew(home: &Path) -> Result<(PathBuf, Vec<String>)> {
    let store = Store::discover()?;
    let mut checks = Checks::load(home).unwrap_or_default();
    let mut missing = Vec::new();
    for entry in catalog::entries() {
        let Some(set) = store.manifest().datasets.get(&entry.data_set) else { continue };
        match check(&entry, set, &store) {
            Ok(checked) => _ = checks.0.insert(entry.name, checked),
            Err(error) => {
                tracing::info!("{}: {error:#}", entry.name);
                missing.push(entry.name);
            }
        }
    }
    let known = |name: &String| catalog::find(name).is_ok();
    checks.0.retain(|name, _| known(name));
    let path = home.join(PATH);
    let mut text = serde_json::to_string_pretty(&checks).context("writing the checks as JSON")?;
    text.push('\n');
    write_atomically(&path, text.as_bytes())?;
    Ok((path, missing))
}

fn check(entry: &catalog::Entry, set: &DataSet, store: &Store) -> Result<Checked> {
    let located = store.ensure(&entry.data_set)?;
    let corpora = located.base()?;
    let findings = data::check_named(&entry.name, &Options::default())?;
    let stats = data::stats_named(&entry.name)?;
    let own = entry.files.splits().into_iter().flat_map(|(_, files)| files);
    let files = own.filter_map(|path| {
        let file = set.files.iter().find(|file| file.path == *path)?;
        Some((path.clone(), file.sha256.clone()?))
    });
    let splits = stats.splits.iter().map(|split| {
        let counts = Split {
            items: split.items as u64,
            tokens: split.tokens as u64,
            entities: split.entities as u64,
            distinct: split.distinct as u64,
            by_type: split.by_type.iter().map(|(label, t)| (label.clone(), t.mentions as u64)).collect(),
        };
        (split.split.clone(), counts)
    });
    Ok(Checked {
        files: files.collect(),
        items: stats.items.to_owned(),
        unit: stats.unit.to_owned(),
        splits: splits.collect(),
        findings: findings.iter().map(|finding| found(finding, corpora)).collect(),
    })
}

/// A place in a file of a corpus, named from the corpora's folder: where that lies is this machine's own.
fn below(folder: &Path, place: &str) -> String {
    let relative = folder.to_str().and_then(|folder| place.strip_prefix(folder));
    relative.map_or(place, |relative| relative.trim_start_matches('/')).to_owned()
}

fn found(finding: &Finding, corpora: &Path) -> Found {
    Found {
        severity: match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
        .to_owned(),
        code: finding.code.to_owned(),
        scope: finding.scope.clone(),
        count: finding.count as u64,
        message: finding.message.clone(),
        places: finding.examples.iter().map(|example| below(corpora, &example.place)).collect(),
        remedy: finding.remedy.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_are_named_from_the_folder_of_the_corpora() {
        let corpora = Path::new("/somewhere/datasets");
        assert_eq!(
            below(corpora, "/somewhere/datasets/cmdd/train.jsonl:28: utterance 1"),
            "cmdd/train.jsonl:28: utterance 1"
        );
        assert_eq!(below(corpora, "train, sentence 3"), "train, sentence 3");
    }

    #[test]
    fn the_committed_checks_name_no_machine() {
        let checks = Checks::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
        let places = checks.0.values().flat_map(|c| &c.findings).flat_map(|finding| &finding.places);
        assert!(places.clone().count() > 100);
        assert_eq!(places.filter(|place| place.starts_with('/')).collect::<Vec<_>>(), Vec::<&String>::new());
    }
}
