//! Checks across splits: leakage, label sets, and the manifest's counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::items::{Key, View};
use super::{Finding, Options, Severity, Tally, share};
use crate::manifest::Counts;

/// Where a text was first seen in each split.
type Seen<'a> = HashMap<Key<'a>, [Option<usize>; 3]>;

/// Repeated texts: inside a split, across splits, and with other mentions.
pub(super) fn duplicates(
    splits: &[(&str, Vec<View<'_>>); 3],
    findings: &mut Vec<Finding>,
    options: &Options,
) {
    let total = splits.iter().map(|(_, items)| items.len()).sum();
    let mut seen: Seen<'_> = HashMap::with_capacity(total);
    let mut differ = Tally::new(options.examples);
    for (s, (split, items)) in splits.iter().enumerate() {
        let mut inside = Tally::new(options.examples);
        let mut across: [(Tally, usize); 2] =
            [(Tally::new(options.examples), 0), (Tally::new(options.examples), 0)];
        for (i, item) in items.iter().enumerate().filter(|(_, item)| item.len > 0) {
            let first = seen.entry(item.key).or_default();
            let show = |other: &View<'_>| format!("as {}: {}", other.id, item.key.slice(0, 40));
            if let Some(j) = first[s] {
                inside.add(|| item.id.to_owned(), || show(&items[j]));
            }
            for (earlier, (tally, long)) in across.iter_mut().enumerate().take(s) {
                if let Some(j) = first[earlier] {
                    tally.add(|| item.id.to_owned(), || show(&splits[earlier].1[j]));
                    *long += usize::from(item.len >= 10);
                }
            }
            let before = (0..=s).find_map(|e| first[e].map(|j| (e, j)));
            if let Some((e, j)) = before
                && !same_spans(&splits[e].1[j].spans, &item.spans)
            {
                let other = splits[e].1[j].id;
                differ.add(
                    || format!("{split} {}", item.id),
                    || format!("as {} {other}: {}", splits[e].0, item.key.slice(0, 40)),
                );
            }
            first[s].get_or_insert(i);
        }
        inside.finish(
            findings,
            (Severity::Note, "duplicates-inside"),
            split,
            |n| format!("{} items repeat an earlier one of {split}", share(n, items.len())),
            "harmless in training unless frequent; in a test set they weigh their mentions twice",
        );
        for (earlier, (tally, long)) in across.into_iter().enumerate() {
            tally.finish(
                findings,
                (Severity::Warning, "leakage"),
                split,
                |n| {
                    let other = splits[earlier].0;
                    format!(
                        "{} items also stand in {other}; {long} of them are 10 or longer",
                        share(n, items.len())
                    )
                },
                "report scores with and without them, or remove them from the earlier split",
            );
        }
    }
    differ.finish(
        findings,
        (Severity::Warning, "annotated-differently"),
        "all",
        |n| format!("{n} items have the text of an earlier one but other mentions"),
        "one of the two is wrong or the text alone does not decide: this bounds the score that can be reached",
    );
}

/// True when both have the same mentions, whatever their order.
fn same_spans(a: &[(usize, usize, &str)], b: &[(usize, usize, &str)]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let sort = |x: &[(usize, usize, &str)]| {
        let mut x: Vec<_> = x.iter().map(|(s, e, l)| (*s, *e, (*l).to_owned())).collect();
        x.sort_unstable();
        x
    };
    sort(a) == sort(b)
}

/// Types that one split has and another lacks.
pub(super) fn labels(splits: &[(&str, Vec<View<'_>>); 3], findings: &mut Vec<Finding>) {
    let sets = splits.each_ref().map(|(_, items)| -> BTreeSet<&str> {
        items.iter().flat_map(|item| item.spans.iter().map(|(_, _, label)| *label)).collect()
    });
    if splits[0].1.is_empty() {
        return;
    }
    for ((split, items), set) in splits.iter().zip(&sets).skip(1) {
        // A split without any mention is reported as such, not label by label.
        if items.is_empty() || set.is_empty() {
            continue;
        }
        let new: Vec<&str> = set.difference(&sets[0]).copied().collect();
        let absent: Vec<&str> = sets[0].difference(set).copied().collect();
        let mut push = |list: &[&str], message: String, severity, remedy: &str| {
            if !list.is_empty() {
                findings.push(Finding {
                    severity,
                    code: "labels-differ",
                    scope: (*split).to_owned(),
                    count: list.len(),
                    message,
                    examples: Vec::new(),
                    remedy: remedy.to_owned(),
                });
            }
        };
        let (has, lacks) = (new.join(", "), absent.join(", "));
        push(
            &new,
            format!("types that train does not have: {has}"),
            Severity::Warning,
            "no model can learn them: look for a spelling difference, or leave them out of the score",
        );
        push(
            &absent,
            format!("types of train that do not occur: {lacks}"),
            Severity::Note,
            "a macro average over types leaves them out or counts them as 0: say which",
        );
    }
}

/// Sizes of a split; `None` where the corpus has no such unit.
pub(super) struct Found {
    pub documents: Option<usize>,
    pub sentences: Option<usize>,
    pub tokens: Option<usize>,
}

/// Compares a split with the manifest's counts.
pub(super) fn counts<'a>(
    split: &str,
    found: &Found,
    labels: impl Iterator<Item = &'a str>,
    expected: &BTreeMap<String, Counts>,
    findings: &mut Vec<Finding>,
) {
    let Some(expected) = expected.get(split) else { return };
    let mut by_type: BTreeMap<&str, u64> = BTreeMap::new();
    for label in labels.filter(|l| !l.is_empty()) {
        *by_type.entry(label).or_default() += 1;
    }
    let entities: u64 = by_type.values().sum();
    let mut compare = |what: &str, expected: Option<u64>, found: Option<u64>| {
        if let (Some(expected), Some(found)) = (expected, found)
            && expected != found
        {
            findings.push(Finding {
                severity: Severity::Error,
                code: "counts-differ",
                scope: split.to_owned(),
                count: expected.abs_diff(found) as usize,
                message: format!("{what}: the manifest says {expected}, found {found}"),
                examples: Vec::new(),
                remedy:
                    "verify the files with `medner data fetch`; a wrong reader option has the same effect"
                        .to_owned(),
            });
        }
    };
    let number = |n: Option<usize>| n.map(|n| n as u64);
    compare("documents", expected.documents, number(found.documents));
    compare("sentences", expected.sentences, number(found.sentences));
    compare("tokens", expected.tokens, number(found.tokens));
    compare("entities", expected.entities, Some(entities));
    for (label, count) in &expected.by_type {
        compare(
            &format!("entities of type {label}"),
            Some(*count),
            Some(by_type.get(label.as_str()).copied().unwrap_or(0)),
        );
    }
}
