//! The data sheet: what every corpus of the tables is, and how it stands to what the papers say of it.

use std::collections::{BTreeMap, BTreeSet};

use medner_data::catalog;
use medner_data::manifest::{Counts, DataSet, FileEntry, Manifest};
use serde::Serialize;

use super::about::{Count, Data};
use super::checks::{Checked, Checks, Found, Split};
use super::format::count;
use super::input::Paper;

/// A corpus.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Corpus {
    pub name: String,
    pub title: String,
    pub licence: String,
    pub cite: Vec<String>,
    /// Titles of the papers whose tables use it.
    pub papers: Vec<String>,
    /// Names of the measures of `splits`.
    pub measures: Vec<String>,
    /// A split with its counts, in the order of `measures`.
    pub splits: Vec<(String, Vec<String>)>,
    pub printed: Vec<Printed>,
    pub findings: Vec<Found>,
    /// Whether the findings are of these very files.
    pub checked: bool,
    pub notes: Vec<String>,
    pub files: Vec<File>,
}

/// A count of a paper beside ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Printed {
    pub paper: String,
    pub split: String,
    pub unit: String,
    /// The printed number and where it stands.
    pub value: String,
    pub here: String,
    /// `equal`, `rounds to it`, `differs by +12`, `not counted here`
    pub verdict: String,
    pub equal: bool,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct File {
    pub path: String,
    pub bytes: String,
    pub sha256: String,
    pub source: String,
}

const SPLITS: [&str; 3] = ["train", "dev", "test"];

/// The data sheets of all corpora that the papers' tables or notes name.
pub fn of(papers: &[Paper], manifest: &Manifest, checks: &Checks) -> Vec<Corpus> {
    // Data set of the manifest, to the corpora of it that tables use and the papers that do.
    let mut used: BTreeMap<String, (BTreeSet<String>, Vec<&Paper>)> = BTreeMap::new();
    for paper in papers {
        let mut note = |set: &str, corpus: &str| {
            let (corpora, papers) = used.entry(set.to_owned()).or_default();
            corpora.insert(corpus.to_owned());
            if papers.last().is_none_or(|last| last.name != paper.name) {
                papers.push(paper);
            }
        };
        for spec in paper.tables.iter().filter_map(|table| table.spec.as_ref()) {
            for (_, dataset) in &spec.datasets {
                match catalog::find(&dataset.data) {
                    Ok(entry) => note(&entry.data_set, &dataset.data),
                    Err(_) => note(&dataset.data, &dataset.data),
                }
            }
        }
        for name in paper.about.iter().flat_map(|about| about.data.keys()) {
            note(name, name);
        }
    }
    let known = used.iter().filter_map(|(name, (corpora, papers))| {
        manifest.datasets.get(name).map(|set| corpus(name, set, corpora, papers, checks))
    });
    known.collect()
}

fn corpus(
    name: &str,
    set: &DataSet,
    corpora: &BTreeSet<String>,
    papers: &[&Paper],
    checks: &Checks,
) -> Corpus {
    // Several views of one data set (with positions, one type only) have the same defects.
    let views = std::iter::once(name).chain(corpora.iter().map(String::as_str));
    let checked = views.into_iter().find_map(|corpus| checks.of(corpus, set));
    let (measures, splits) = counts(set, checked);
    let title = |paper: &&Paper| paper.about.as_ref().map_or(paper.name.clone(), |about| about.title.clone());
    let says = |paper: &&Paper| {
        let data = paper.about.as_ref().and_then(|about| about.data.get(name))?;
        Some((title(paper), data.clone()))
    };
    let said: Vec<(String, Data)> = papers.iter().filter_map(says).collect();
    Corpus {
        name: name.to_owned(),
        title: set.title.clone(),
        licence: set.licence.clone(),
        cite: set.cite.clone(),
        papers: papers.iter().map(title).collect(),
        measures,
        splits,
        printed: said
            .iter()
            .flat_map(|(paper, data)| data.counts.iter().map(|count| printed(paper, count, set, checked)))
            .collect(),
        findings: checked.map(|checked| checked.findings.clone()).unwrap_or_default(),
        checked: checked.is_some(),
        notes: said.iter().flat_map(|(_, data)| data.notes.clone()).collect(),
        files: set.files.iter().filter(|file| file.needed).map(file).collect(),
    }
}

/// The manifest's counts; where it has none, those of the checks.
fn counts(set: &DataSet, checked: Option<&Checked>) -> (Vec<String>, Vec<(String, Vec<String>)>) {
    type Measure = fn(&Counts) -> Option<u64>;
    const MEASURES: [(&str, Measure); 4] = [
        ("documents", |c| c.documents),
        ("sentences", |c| c.sentences),
        ("tokens", |c| c.tokens),
        ("entities", |c| c.entities),
    ];
    let shown = |value: Option<u64>| value.map(count).unwrap_or_default();
    if !set.counts.is_empty() {
        let there = |measure: &&(&str, Measure)| set.counts.values().any(|c| measure.1(c).is_some());
        let measures: Vec<&(&str, Measure)> = MEASURES.iter().filter(there).collect();
        let mut names: Vec<&String> = set.counts.keys().collect();
        names.sort_by_key(|name| SPLITS.iter().position(|split| split == name).unwrap_or(SPLITS.len()));
        let row = |name: &String| {
            let cells = measures.iter().map(|measure| shown(measure.1(&set.counts[name]))).collect();
            (name.clone(), cells)
        };
        return (measures.iter().map(|m| m.0.to_owned()).collect(), names.into_iter().map(row).collect());
    }
    let Some(checked) = checked else { return (Vec::new(), Vec::new()) };
    let row = |split: &&str| {
        let found = checked.splits.get(*split)?;
        let cells = [found.items, found.tokens, found.entities].map(count).to_vec();
        Some(((*split).to_owned(), cells))
    };
    let measures = vec![checked.items.clone(), checked.unit.clone(), "entities".to_owned()];
    (measures, SPLITS.iter().filter_map(row).collect())
}

/// Our count of what a paper counts.
fn here(wanted: &Count, set: &DataSet, checked: Option<&Checked>) -> Option<u64> {
    let by_manifest = |counts: &Counts| match wanted.unit.as_str() {
        "documents" => counts.documents,
        "sentences" => counts.sentences,
        "tokens" | "characters" => counts.tokens,
        "entities" => counts.entities,
        other => counts.by_type.get(other).or_else(|| counts.other.get(other)).copied(),
    };
    let by_check = |split: &Split, checked: &Checked| match wanted.unit.as_str() {
        unit if unit == checked.items => Some(split.items),
        unit if unit == checked.unit => Some(split.tokens),
        "characters" if checked.unit == "tokens" => Some(split.tokens),
        "entities" => Some(split.entities),
        "distinct" => Some(split.distinct),
        other => split.by_type.get(other).copied(),
    };
    let of = |split: &str| {
        let listed = set.counts.get(split).and_then(by_manifest);
        listed.or_else(|| checked.and_then(|c| by_check(c.splits.get(split)?, c)))
    };
    if wanted.split != "all" {
        return of(&wanted.split);
    }
    let parts: Vec<u64> = SPLITS.iter().filter_map(|split| of(split)).collect();
    (!parts.is_empty()).then(|| parts.iter().sum())
}

fn printed(paper: &str, wanted: &Count, set: &DataSet, checked: Option<&Checked>) -> Printed {
    let here = here(wanted, set, checked);
    let half = wanted.rounded / 2;
    let verdict = match here {
        None => "not counted here".to_owned(),
        Some(here) if here == wanted.printed => "equal".to_owned(),
        Some(here) if here.abs_diff(wanted.printed) <= half => "rounds to it".to_owned(),
        Some(here) => {
            let sign = if here > wanted.printed { "more" } else { "fewer" };
            format!("{} {sign} here", count(here.abs_diff(wanted.printed)))
        }
    };
    Printed {
        paper: paper.to_owned(),
        split: wanted.split.clone(),
        unit: wanted.unit.clone(),
        value: format!("{} ({})", count(wanted.printed), wanted.at),
        here: here.map(count).unwrap_or_default(),
        equal: here.is_some_and(|here| here.abs_diff(wanted.printed) <= half),
        verdict,
    }
}

fn file(file: &FileEntry) -> File {
    let source = match (&file.repository, &file.commit, &file.source) {
        (Some(repository), Some(commit), source) => {
            format!(
                "{repository}@{} {}",
                commit.get(..12).unwrap_or(commit),
                source.clone().unwrap_or_default()
            )
        }
        _ => file.derived.clone().or_else(|| file.url.clone()).unwrap_or_default(),
    };
    File {
        path: file.path.clone(),
        bytes: file.bytes.map(crate::console::size).unwrap_or_default(),
        sha256: file.sha256.clone().unwrap_or_default(),
        source: source.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;

    const MANIFEST: &str = "version: 1\ndatasets:\n  msra:\n    title: MSRA\n    root: msra\n    licence: none\n    counts:\n      train: {sentences: 45000, tokens: 2171573, by_type: {PER: 17615}}\n      test: {sentences: 4365}\n    files:\n      - {path: msra/train.bio, bytes: 5, sha256: \"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\", url: \"http://127.0.0.1:9/x\"}\n";

    fn verdict(split: &str, unit: &str, number: u64, rounded: u64) -> (String, bool) {
        let manifest = Manifest::parse(MANIFEST, Path::new("manifest.yaml")).unwrap();
        let wanted =
            Count { split: split.into(), unit: unit.into(), printed: number, rounded, at: "Table 1".into() };
        let checked = Checked {
            items: "sentences".into(),
            unit: "tokens".into(),
            splits: [("test".to_owned(), Split { tokens: 172_601, ..Split::default() })].into(),
            ..Checked::default()
        };
        let found = printed("P", &wanted, &manifest.datasets["msra"], Some(&checked));
        (found.verdict, found.equal)
    }

    #[test]
    fn printed_counts_are_compared_within_their_rounding() {
        assert_eq!(verdict("train", "sentences", 46_400, 100), ("1,400 fewer here".to_owned(), false));
        assert_eq!(verdict("test", "sentences", 4_400, 100), ("rounds to it".to_owned(), true));
        assert_eq!(verdict("test", "sentences", 4_365, 1), ("equal".to_owned(), true));
        assert_eq!(verdict("train", "characters", 2_169_900, 100), ("1,673 more here".to_owned(), false));
        assert_eq!(verdict("train", "PER", 17_615, 1), ("equal".to_owned(), true));
        // From the checks where the manifest has no count, over all splits that are counted, and nowhere.
        assert_eq!(verdict("test", "characters", 172_600, 100), ("rounds to it".to_owned(), true));
        assert_eq!(verdict("all", "sentences", 49_365, 1), ("equal".to_owned(), true));
        assert_eq!(verdict("dev", "sentences", 1, 1), ("not counted here".to_owned(), false));
    }
}
