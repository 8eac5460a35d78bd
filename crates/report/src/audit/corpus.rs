//! Printed counts against the corpora at hand.
//!
//! A data set's printed name leads to its corpus through the tables' YAML (`datasets: {CCKS-2019: {data: ccks2019}}`). The
//! row's system says the part (`train`, `dev`, `test`; anything else means all of it), its task the entity type.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use medner_data::catalog;
use medner_data::error::DataError;
use medner_data::formats::Remark;
use medner_data::{Corpus, Document, Sentence};
use medner_experiment::schema::{self, TableSpec};

use super::prints::{Print, Prints, near, text};
use super::{Detector, Finding, PaperAudit, Weight};

/// Metrics that can be counted in a corpus.
const COUNTS: [&str; 11] = [
    "sentences",
    "tokens",
    "characters",
    "words_per_sentence",
    "records",
    "documents",
    "abstracts",
    "entities",
    "vocabulary",
    "ner_labels",
    "nen_labels",
];

/// True for what is counted, not scored.
pub(crate) fn is_count(metric: &str) -> bool {
    COUNTS.contains(&metric)
}

/// True for a task that is no entity type: a count under it is that of all types together.
pub(crate) fn is_of_all_types(task: &str) -> bool {
    ["ner", "nen", "all", "sum", "total"].contains(&task)
}

/// A count, and how it is counted.
#[derive(Clone, Debug, PartialEq)]
struct Count {
    value: f64,
    how: &'static str,
}

/// Counts by part, task (empty: all types) and metric; the plain way of counting first.
type Counts = BTreeMap<(String, String, String), Vec<Count>>;

pub(super) fn check(folder: &Path, prints: &Prints, roots: &[PathBuf], audit: &mut PaperAudit) {
    let counted = prints.prints.iter().filter(|print| is_count(&print.row.metric));
    let mut by_dataset: BTreeMap<&str, Vec<&Print>> = BTreeMap::new();
    for print in counted {
        by_dataset.entry(&print.row.dataset).or_default().push(print);
    }
    let names = corpora_of(folder);
    for (dataset, prints) in by_dataset {
        let Some(corpora) = names.get(dataset) else {
            audit
                .unchecked
                .push(format!("counts of {dataset}: no table of this paper says which corpus it is"));
            continue;
        };
        let mut counts: Vec<(&str, Counts)> = Vec::new();
        for name in corpora {
            match count(name, roots) {
                Ok(Some(found)) => counts.push((name, found)),
                Ok(None) => {
                    audit
                        .unchecked
                        .push(format!("counts of {dataset}: the corpus {name} is not on this machine"));
                }
                Err(error) => audit.errors.push(error.to_string()),
            }
        }
        let first = audit.findings.len();
        for print in prints {
            compare(print, &counts, audit);
        }
        let found = audit.findings.split_off(first);
        audit.findings.extend(merged(found));
    }
}

/// Printed name to the catalogue's names.
fn corpora_of(folder: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let tables = schema::tables(folder).unwrap_or_default();
    // Tables that cannot be read are named by the claims' part of the audit.
    for spec in tables.iter().filter_map(|name| TableSpec::load(&folder.join(format!("{name}.yaml"))).ok()) {
        for (name, dataset) in &spec.datasets {
            for printed in [Some(name), dataset.shown_as.as_ref()].into_iter().flatten() {
                names.entry(printed.clone()).or_default().insert(dataset.data.clone());
            }
        }
    }
    names
}

fn compare(print: &Print, corpora: &[(&str, Counts)], audit: &mut PaperAudit) {
    let row = &print.row;
    let part = match row.system.as_str() {
        part @ ("train" | "dev" | "test") => part,
        _ => "all",
    };
    let task = if is_of_all_types(&row.task) { String::new() } else { row.task.to_lowercase() };
    let key = (part.to_owned(), task, row.metric.clone());
    let found: Vec<(&str, &Count)> = corpora
        .iter()
        .flat_map(|(name, counts)| counts.get(&key).into_iter().flatten().map(move |count| (*name, count)))
        .collect();
    let Some((corpus, plain)) = found.first() else { return };
    audit.checks(Detector::Corpus);
    let fits = |count: &Count| near(row.value, print.half, count.value, 0.0);
    let of = format!("{} of {} ({}, {})", row.metric, row.dataset, row.system, row.task);
    match found.iter().find(|(_, count)| fits(count)) {
        Some((_, count)) if count.how == plain.how => {}
        Some((corpus, count)) => {
            let sentence = format!(
                "{of} is {}: that is the number of {} in {corpus}; of {} there are {}",
                text(row.value),
                count.how,
                plain.how,
                text(plain.value)
            );
            let against = (format!("{} in {corpus}", plain.how), plain.value);
            audit.findings.push(Finding::new(Detector::Corpus, Weight::Remark, print, against, sentence));
        }
        None => {
            let all: Vec<String> = found
                .iter()
                .map(|(corpus, count)| format!("{} {} in {corpus}", text(count.value), count.how))
                .collect();
            let sentence = format!("{of} is {}; counted are {}", text(row.value), all.join(", "));
            let against = (format!("{} in {corpus}", plain.how), plain.value);
            audit.findings.push(Finding::new(Detector::Corpus, Weight::Corpus, print, against, sentence));
        }
    }
}

/// A table whose counts are all of something else is one finding, not one a cell.
fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    let mut more: Vec<Vec<String>> = Vec::new();
    for finding in findings {
        let table = |finding: &Finding| finding.place.split(" (").next().unwrap_or_default().to_owned();
        let same = |other: &Finding| {
            finding.weight == Weight::Remark
                && other.weight == Weight::Remark
                && (table(other), &other.metric, &other.against_place)
                    == (table(&finding), &finding.metric, &finding.against_place)
        };
        if let Some(at) = out.iter().position(same) {
            let Finding { system, task, .. } = &finding;
            more[at].push(format!("{system} {task} {} ({})", text(finding.printed), text(finding.against)));
        } else {
            out.push(finding);
            more.push(Vec::new());
        }
    }
    for (finding, more) in out.iter_mut().zip(more).filter(|(_, more)| !more.is_empty()) {
        finding.text = format!("{}. So it is with {}", finding.text, more.join(", "));
    }
    out
}

/// Counts a corpus; `None` where none of the folders has it.
fn count(name: &str, roots: &[PathBuf]) -> Result<Option<Counts>, DataError> {
    let Ok(entry) = catalog::find(name) else { return Ok(None) };
    let mut counts = Counts::new();
    // The same data set may be there as documents and as sentences.
    let views = catalog::entries().into_iter().filter(|view| {
        view.data_set == entry.data_set && (view.name == entry.name || view.kind.has_documents())
    });
    let mut any = false;
    for view in views {
        let documents = view.kind.has_documents();
        for root in roots {
            let read = if documents {
                catalog::load_documents_with_report(&view.name, root)
                    .map(|(corpus, _)| count_documents(&corpus, &mut counts))
            } else {
                catalog::load_sentences_with_report(&view.name, root).map(|(corpus, report)| {
                    count_sentences(&corpus, &mut counts);
                    begun_by_b(report.count(Remark::RepairedTag), &mut counts);
                })
            };
            match read {
                Ok(()) => {
                    any = true;
                    break;
                }
                Err(DataError::MissingFile { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(any.then_some(counts))
}

/// The parts, and all of them together.
fn parts<T>(corpus: &Corpus<T>) -> Vec<(&'static str, Vec<&T>)> {
    let mut parts: Vec<(&str, Vec<&T>)> =
        corpus.splits().into_iter().map(|(name, items)| (name, items.iter().collect())).collect();
    let all = parts.iter().flat_map(|(_, items)| items.iter().copied()).collect();
    parts.push(("all", all));
    parts.retain(|(_, items)| !items.is_empty());
    parts
}

fn put(counts: &mut Counts, part: &str, task: &str, metric: &str, value: f64, how: &'static str) {
    let key = (part.to_owned(), task.to_owned(), metric.to_owned());
    counts.entry(key).or_default().push(Count { value, how });
}

fn count_documents(corpus: &Corpus<Document>, counts: &mut Counts) {
    for (part, documents) in parts(corpus) {
        for metric in ["records", "documents", "abstracts"] {
            put(counts, part, "", metric, documents.len() as f64, "documents");
        }
        let mentions = documents.iter().flat_map(|document| {
            let characters: Vec<char> = document.text.chars().collect();
            let of = move |start: usize, end: usize| -> String {
                characters.get(start..end).unwrap_or_default().iter().collect()
            };
            document
                .entities
                .iter()
                .map(move |entity| (entity.label.to_lowercase(), of(entity.start, entity.end)))
        });
        count_mentions(mentions, part, ["mentions", "distinct mention strings"], counts);
    }
}

fn count_sentences(corpus: &Corpus<Sentence>, counts: &mut Counts) {
    for (part, sentences) in parts(corpus) {
        let tokens: usize = sentences.iter().map(|sentence| sentence.tokens.len()).sum();
        put(counts, part, "", "sentences", sentences.len() as f64, "sentences");
        put(counts, part, "", "tokens", tokens as f64, "tokens");
        put(counts, part, "", "characters", tokens as f64, "characters");
        let mean = tokens as f64 / sentences.len() as f64;
        put(counts, part, "", "words_per_sentence", mean, "words a sentence");
        let all = || sentences.iter().flat_map(|sentence| &sentence.tokens);
        let forms: BTreeSet<&String> = all().collect();
        let lower: BTreeSet<String> = all().map(|token| token.to_lowercase()).collect();
        put(counts, part, "", "vocabulary", forms.len() as f64, "different tokens");
        put(counts, part, "", "vocabulary", lower.len() as f64, "different lower-cased tokens");
        let with_specials = (lower.len() + 2) as f64;
        put(
            counts,
            part,
            "",
            "vocabulary",
            with_specials,
            "different lower-cased tokens and two entries more",
        );
        let labels: BTreeSet<&String> =
            sentences.iter().flat_map(|sentence| sentence.spans.iter().map(|span| &span.label)).collect();
        put(counts, part, "", "ner_labels", (2 * labels.len() + 1) as f64, "BIO tags");
        let concepts: BTreeSet<&String> = sentences.iter().flat_map(|sentence| &sentence.concepts).collect();
        if !concepts.is_empty() {
            put(counts, part, "", "nen_labels", concepts.len() as f64, "concept tags, O among them");
        }
        let mentions = sentences.iter().flat_map(|sentence| {
            sentence.spans.iter().map(|span| {
                let words = sentence.tokens.get(span.start..span.end).unwrap_or_default();
                (span.label.to_lowercase(), words.join(" "))
            })
        });
        count_mentions(
            mentions,
            part,
            ["mentions in sentences", "distinct mention strings in sentences"],
            counts,
        );
    }
}

/// Mentions of the whole corpus without those that a tag inside began, which continues nothing.
fn begun_by_b(repaired: usize, counts: &mut Counts) {
    let key = ("all".to_owned(), String::new(), "entities".to_owned());
    let Some(mentions) = counts.get(&key).and_then(|counts| counts.first()).map(|count| count.value) else {
        return;
    };
    if repaired > 0 {
        put(counts, "all", "", "entities", mentions - repaired as f64, "mentions that begin with a B tag");
    }
}

/// Mentions and different mention strings, by type and in all (a string of two types counts twice).
fn count_mentions(
    mentions: impl Iterator<Item = (String, String)>,
    part: &str,
    how: [&'static str; 2],
    counts: &mut Counts,
) {
    let mut types: BTreeMap<String, (usize, BTreeSet<String>)> = BTreeMap::new();
    for (label, text) in mentions {
        let entry = types.entry(label).or_default();
        entry.0 += 1;
        entry.1.insert(text);
    }
    let total = types.values().fold((0, 0), |sum, (n, texts)| (sum.0 + n, sum.1 + texts.len()));
    let by_type = types.iter().map(|(label, (n, texts))| (label.as_str(), (*n, texts.len())));
    for (label, (n, distinct)) in by_type.chain([("", total)]) {
        put(counts, part, label, "entities", n as f64, how[0]);
        put(counts, part, label, "entities", distinct as f64, how[1]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::audit::prints::tests::prints;
    use medner_data::{Entity, Span};

    fn corpus() -> Counts {
        let sentence = |tokens: &[&str], spans: &[(usize, usize, &str)]| Sentence {
            tokens: tokens.iter().map(|&token| token.to_owned()).collect(),
            spans: spans.iter().map(|&(start, end, label)| Span::new(start, end, label)).collect(),
            ..Sentence::default()
        };
        let document = |text: &str, entities: &[(usize, usize, &str)]| Document {
            text: text.to_owned(),
            entities: entities
                .iter()
                .map(|&(start, end, label)| Entity { start, end, label: label.into(), ..Entity::default() })
                .collect(),
            ..Document::default()
        };
        let mut counts = Counts::new();
        let sentences = Corpus {
            train: vec![
                sentence(&["Fever", "and", "fever"], &[(0, 1, "symptom"), (2, 3, "symptom")]),
                sentence(&["no", "fever"], &[]),
            ],
            dev: vec![],
            test: vec![sentence(&["Aspirin"], &[(0, 1, "drug")])],
        };
        count_sentences(&sentences, &mut counts);
        let documents = Corpus {
            train: vec![document("胃癌与胃癌", &[(0, 2, "disease"), (3, 5, "disease")])],
            dev: vec![],
            test: vec![],
        };
        count_documents(&documents, &mut counts);
        counts
    }

    fn found(rows: &str) -> Vec<Finding> {
        let mut audit = PaperAudit::default();
        for print in &prints(rows).prints {
            compare(print, &[("c", corpus())], &mut audit);
        }
        audit.findings
    }

    #[test]
    fn counts_that_fit_are_silent() {
        assert!(found("t,train,D,ner,sentences,2,text\nt,all,D,ner,tokens,6,text\nt,train,D,symptom,entities,2,text\nt,train,D,disease,entities,2,table\nt,statistics,D,all,ner_labels,5,table\n").is_empty());
        // Printed in thousands, and a metric that is not counted.
        assert!(
            found("t,train,D,ner,sentences,0,text: 0.0k\nt,train,D,ner,initial_labeled,7,table\n").is_empty()
        );
    }

    #[test]
    fn a_table_of_other_counts_is_one_finding() {
        let mut audit = PaperAudit::default();
        for print in &prints("t,train,D,disease,entities,1,table\nt,all,D,disease,entities,1,table\n").prints
        {
            compare(print, &[("c", corpus())], &mut audit);
        }
        let [finding] = &merged(audit.findings)[..] else { panic!("one finding") };
        assert!(finding.text.ends_with("So it is with all disease 1 (2)"), "{}", finding.text);
    }

    #[test]
    fn mentions_that_a_b_tag_begins() {
        let mut counts = corpus();
        begun_by_b(1, &mut counts);
        let all = &counts[&("all".to_owned(), String::new(), "entities".to_owned())];
        let begun = all.iter().find(|count| count.how == "mentions that begin with a B tag").unwrap();
        assert_eq!(begun.value, all[0].value - 1.0);
    }

    #[test]
    fn a_count_of_something_else_is_remarked_and_a_wrong_one_found() {
        let findings = found(
            "t,train,D,disease,entities,1,table\nt,train,D,ner,sentences,9,text\nt,all,D,all,vocabulary,6,table\n",
        );
        let weights: Vec<Weight> = findings.iter().map(|finding| finding.weight).collect();
        assert_eq!(weights, [Weight::Remark, Weight::Corpus, Weight::Remark]);
        assert!(findings[0].text.contains("distinct mention strings"), "{}", findings[0].text);
        assert_eq!((findings[1].printed, findings[1].against), (9.0, 2.0));
        assert!(findings[2].text.contains("two entries more"), "{}", findings[2].text);
    }
}
