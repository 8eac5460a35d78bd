//! The 22 sub-tasks of the paper (Table 1): one entity category of one corpus each, and what is trained on together.
//!
//! Names of data sets that this crate's tables use:
//!
//! | name | what |
//! | --- | --- |
//! | of a sub-task (`BC5CDR-chem`) | its corpus, with the category as its only entity type |
//! | of a category (`chemical`) | the training sets of its sub-tasks, each with its own development and test set |
//! | `text` | the words of all training sets but what any development or test set has, to pre-train on |
//!
//! Where a corpus cannot be had its sub-task is missing; a category and the text then do without it. Only BC4CHEMD, whose
//! redistribution is unclear, is such.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use medner_data::store::Store;
use medner_data::{Corpus, Sentence, Span, catalog, load, sample};
use medner_experiment::{DataFacts, Missing, error};

use crate::shared_sentences::key;

/// What is learned together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Chemicals and drugs.
    Chemical,
    /// Diseases.
    Disease,
    /// Genes and proteins.
    Gene,
    /// Species.
    Species,
}

impl Category {
    /// All, in the order of the paper's tables.
    pub const ALL: [Self; 4] = [Self::Chemical, Self::Disease, Self::Gene, Self::Species];

    /// As tables name it; also the entity type of its taggers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chemical => "chemical",
            Self::Disease => "disease",
            Self::Gene => "gene",
            Self::Species => "species",
        }
    }

    /// The category of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }

    /// Its sub-tasks, in the order of the paper's tables.
    pub fn subtasks(self) -> impl Iterator<Item = &'static SubTask> {
        SUBTASKS.iter().filter(move |task| task.category == self)
    }
}

/// A sub-task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubTask {
    /// Its name in the catalogue.
    pub data: &'static str,
    /// Its category.
    pub category: Category,
}

const fn task(data: &'static str, category: Category) -> SubTask {
    SubTask { data, category }
}

/// All sub-tasks, in the order of Table 1. The single-type folders hold slightly more entities than the merged ones, which
/// leave nested ones out.
pub const SUBTASKS: [SubTask; 22] = [
    task("BC4CHEMD", Category::Chemical),
    task("BC5CDR-chem", Category::Chemical),
    task("BioNLP11ID-chem", Category::Chemical),
    task("BioNLP13CG-chem", Category::Chemical),
    task("BioNLP13PC-chem", Category::Chemical),
    task("CRAFT-chem", Category::Chemical),
    task("BC5CDR-disease", Category::Disease),
    task("NCBI-disease", Category::Disease),
    task("BC2GM", Category::Gene),
    task("BioNLP09", Category::Gene),
    task("BioNLP11EPI", Category::Gene),
    task("BioNLP11ID-ggp", Category::Gene),
    task("BioNLP13CG-ggp", Category::Gene),
    task("BioNLP13GE", Category::Gene),
    task("BioNLP13PC-ggp", Category::Gene),
    task("CRAFT-ggp", Category::Gene),
    task("Ex-PTM", Category::Gene),
    task("JNLPBA-protein", Category::Gene),
    task("BioNLP11ID-species", Category::Species),
    task("BioNLP13CG-species", Category::Species),
    task("CRAFT-species", Category::Species),
    task("linnaeus", Category::Species),
];

/// The name of the text to pre-train on.
pub const TEXT: &str = "text";

const SAMPLE: &str = "sample-";

/// The corpus that nobody may pass on: it is never fetched in passing.
const ON_REQUEST: &str = "BC4CHEMD";

/// The sub-task of a data set's name, or of its sample's.
pub fn find(data: &str) -> Option<&'static SubTask> {
    let data = data.trim_start_matches(SAMPLE);
    SUBTASKS.iter().find(|task| task.data == data)
}

/// The sub-tasks that a data set of this crate's tables is made of.
fn members(data: &str) -> Option<Vec<&'static SubTask>> {
    let name = data.trim_start_matches(SAMPLE);
    if name == TEXT {
        return Some(SUBTASKS.iter().collect());
    }
    match Category::named(name) {
        Some(category) => Some(category.subtasks().collect()),
        None => find(name).map(|task| vec![task]),
    }
}

/// The name under which the sample of a data set runs.
pub fn sample_for(data: &str) -> Option<String> {
    // What stands for a corpus that nobody may pass on would only look like it.
    let on_request = data == ON_REQUEST;
    members(data).filter(|_| !on_request).map(|_| format!("{SAMPLE}{data}"))
}

/// True where the corpus lies here, without fetching it.
fn is_here(task: &SubTask) -> bool {
    let Ok(entry) = catalog::find(task.data) else { return false };
    Store::discover().is_ok_and(|store| store.locate(&entry.data_set).is_ok())
}

/// The members that can be had: of a single sub-task itself, of a category or the text those that are here or can be fetched.
fn available(data: &str) -> Result<Vec<(&'static SubTask, String)>> {
    let members = members(data).with_context(|| {
        let names: Vec<&str> = SUBTASKS.iter().map(|task| task.data).collect();
        format!(
            "`{data}` is no data set of this paper; known are {}, {}, {TEXT}",
            names.join(", "),
            Category::ALL.map(Category::name).join(", ")
        )
    })?;
    let sampled = data.starts_with(SAMPLE);
    let many = members.len() > 1;
    let members =
        members.into_iter().filter(|task| !many || task.data != ON_REQUEST || (!sampled && is_here(task)));
    let name = |task: &'static SubTask| {
        let sample = sample::sample_for(task.data).unwrap_or_default();
        (task, if sampled { sample } else { task.data.to_owned() })
    };
    Ok(members.map(name).collect())
}

/// The hashes of a data set's files, as the driver wants them; fetches what is not here, but for BC4CHEMD.
///
/// # Errors
/// An unknown name, or a corpus that cannot be had.
pub fn facts(data: &str) -> Result<DataFacts, Missing> {
    let missing = |error: anyhow::Error| Missing::new(error::chain(&error));
    if find(data).is_some_and(|task| task.data == ON_REQUEST && !is_here(task)) {
        return Err(Missing::new(format!(
            "data not available: {ON_REQUEST}, whose redistribution is unclear, is not here; get it by `medner data fetch \
             {ON_REQUEST}` where you may use it"
        )));
    }
    let mut facts = DataFacts::default();
    for (_, name) in available(data).map_err(missing)? {
        facts.files.extend(load::hashes(&name).map_err(|e| missing(e.into()))?);
    }
    Ok(facts)
}

/// How much of a split is used; 0 is all of it. Results made with limits are never a reproduction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Training sentences of each corpus.
    pub train: usize,
    /// Development sentences.
    pub dev: usize,
    /// Test sentences.
    pub test: usize,
}

/// A sub-task's corpus with its category as the only entity type.
pub struct TaskCorpus {
    /// Which.
    pub task: &'static SubTask,
    /// Its sentences.
    pub corpus: Corpus<Sentence>,
}

/// The corpora that a data set is made of, in the order of the paper's tables.
///
/// # Errors
/// An unknown name, files that cannot be had or read.
pub fn corpora(data: &str, limits: Limits) -> Result<Vec<TaskCorpus>> {
    let mut corpora = Vec::new();
    for (task, name) in available(data)? {
        let corpus = load::sentences(&name).with_context(|| format!("data set `{name}`"))?;
        let cut = |mut sentences: Vec<Sentence>, limit: usize| -> Vec<Sentence> {
            if limit > 0 {
                sentences.truncate(limit);
            }
            for span in sentences.iter_mut().flat_map(|s| &mut s.spans) {
                task.category.name().clone_into(&mut span.label);
            }
            sentences
        };
        let Corpus { train, dev, test } = corpus;
        let corpus = Corpus {
            train: cut(train, limits.train),
            dev: cut(dev, limits.dev),
            test: cut(test, limits.test),
        };
        corpora.push(TaskCorpus { task, corpus });
    }
    Ok(corpora)
}

/// Each distinct training sentence of the corpora once, in their order, without what any of them has in its development or test
/// part: corpora share abstracts, and an encoder that has read test sentences as text would help single-task learning with them.
///
/// Two sentences are one where their text is the same, into whatever words it is cut ([`key`]); short ones, mostly headings,
/// where their words are, and these stay whatever the other parts have.
pub fn distinct_sentences(corpora: &[TaskCorpus]) -> Vec<(&str, &Sentence)> {
    let scored = corpora.iter().flat_map(|c| c.corpus.dev.iter().chain(&c.corpus.test));
    let scored: BTreeSet<String> = scored.filter_map(key).collect();
    let (mut seen, mut headings) = (BTreeSet::new(), BTreeSet::new());
    let all = corpora.iter().flat_map(|c| c.corpus.train.iter().map(|s| (c.task.data, s)));
    let new = all.filter(|(_, sentence)| match key(sentence) {
        Some(key) => !scored.contains(&key) && seen.insert(key),
        None => headings.insert(sentence.tokens.as_slice()),
    });
    new.collect()
}

/// The distinct mentions of some sentences: the words of each, a space between them.
pub fn mentions<'a>(sentences: impl IntoIterator<Item = (&'a Sentence, &'a [Span])>) -> BTreeSet<String> {
    let mentions = sentences.into_iter().flat_map(|(sentence, spans)| {
        spans.iter().filter_map(|span| Some(span.of(&sentence.tokens)?.join(" ")))
    });
    mentions.collect()
}

/// Sentences and entities of each member, for the record.
pub fn summary(corpora: &[TaskCorpus]) -> BTreeMap<String, String> {
    let entities = |sentences: &[Sentence]| sentences.iter().map(|s| s.spans.len()).sum::<usize>();
    let line = |c: &TaskCorpus| {
        let [train, dev, test] = [&c.corpus.train, &c.corpus.dev, &c.corpus.test]
            .map(|split| format!("{} / {}", split.len(), entities(split)));
        (
            format!("data {}", c.task.data),
            format!("sentences / entities: train {train}, dev {dev}, test {test}"),
        )
    };
    corpora.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_paper_s_sub_tasks_are_in_the_catalogue() {
        for task in &SUBTASKS {
            assert_eq!(catalog::find(task.data).unwrap().name, task.data);
        }
        let counts = Category::ALL.map(|category| category.subtasks().count());
        assert_eq!(counts, [6, 2, 10, 4]);
        assert_eq!(find("sample-linnaeus").unwrap().category, Category::Species);
    }

    #[test]
    fn an_unknown_name_is_refused_and_bc4chemd_has_no_sample() {
        let message = facts("BC5CDR-drug").unwrap_err().to_string();
        assert!(message.contains("BC5CDR-chem") && message.contains("species"), "{message}");
        assert_eq!(sample_for("BC4CHEMD"), None);
        assert_eq!(sample_for("chemical").as_deref(), Some("sample-chemical"));
    }

    #[test]
    fn a_category_s_sample_has_one_entity_type_and_no_bc4chemd() {
        let limits = Limits { train: 20, dev: 5, test: 5 };
        let corpora = corpora("sample-chemical", limits).unwrap();
        let names: Vec<&str> = corpora.iter().map(|c| c.task.data).collect();
        assert_eq!(
            names,
            ["BC5CDR-chem", "BioNLP11ID-chem", "BioNLP13CG-chem", "BioNLP13PC-chem", "CRAFT-chem"]
        );
        let labels: BTreeSet<&str> = corpora
            .iter()
            .flat_map(|c| c.corpus.train.iter().flat_map(|s| s.spans.iter().map(|span| span.label.as_str())))
            .collect();
        assert_eq!(labels, BTreeSet::from(["chemical"]));
        assert!(corpora.iter().all(|c| c.corpus.train.len() <= 20 && c.corpus.test.len() <= 5));
    }

    #[test]
    fn text_has_each_sentence_once_and_none_that_is_scored() {
        let sentences = |texts: &[&str]| -> Vec<Sentence> {
            let words = |text: &&str| text.split_whitespace().map(String::from).collect();
            texts.iter().map(|text| Sentence { tokens: words(text), ..Sentence::default() }).collect()
        };
        let corpus = |data: &str, [train, dev, test]: [&[&str]; 3]| TaskCorpus {
            task: find(data).unwrap(),
            corpus: Corpus { train: sentences(train), dev: sentences(dev), test: sentences(test) },
        };
        let (first, again) =
            ("NF - kappa B is activated by TNF - alpha .", "NF-kappa B is activated by TNF-alpha .");
        let (tested, chosen) =
            ("A test sentence of another data set .", "A development sentence of its own .");
        let corpora = [
            corpus("BioNLP09", [&[first, "Results", tested], &[], &[]]),
            corpus("JNLPBA-protein", [&[again, "Results", chosen], &[chosen], &[tested, "Results"]]),
        ];
        let kept: Vec<String> =
            distinct_sentences(&corpora).iter().map(|(_, s)| s.tokens.join(" ")).collect();
        assert_eq!(kept, [first, "Results"]);
    }

    #[test]
    fn mentions_are_strings_of_words() {
        let sentence = Sentence {
            id: "s".into(),
            tokens: ["a", "folic", "acid", "b"].map(String::from).to_vec(),
            ..Sentence::default()
        };
        let spans = [Span::new(1, 3, "x"), Span::new(3, 4, "x")];
        let found = mentions([(&sentence, spans.as_slice()), (&sentence, spans.as_slice())]);
        assert_eq!(found, BTreeSet::from(["folic acid".to_owned(), "b".to_owned()]));
    }
}
