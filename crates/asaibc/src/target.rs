//! The target's sentences: which entities count, which sentences train, choose the epoch and test.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use medner_core::records::hold_out;
use medner_data::{Document, Sentence, load, user_files};

use crate::config::{Config, EntitySet};

/// The parts of a target, as sentences or documents, with the entities of the chosen set only.
pub struct Target<T> {
    /// Training part.
    pub train: Vec<T>,
    /// What chooses the epoch.
    pub development: Vec<T>,
    /// What is scored at the end.
    pub test: Vec<T>,
    /// Entity types of the whole training split, whatever the limits leave of it.
    pub types: BTreeSet<String>,
}

/// Loads a data set of the catalogue with the limits of `config`. A data set without a development set gives up the last sentences
/// of its training set. A type that only another part has is refused here, before anything is trained.
pub fn load(data: &str, config: &Config) -> Result<Target<Sentence>> {
    let corpus = load::sentences(data)?;
    let limits = config.limits;
    let labels = corpus.train.iter().flat_map(|s| &s.spans).map(|span| &span.label);
    let types = labels.filter(|label| config.entity_set.has(label)).cloned().collect();
    let part = |mut sentences: Vec<Sentence>, limit: usize| {
        if limit > 0 {
            sentences.truncate(limit);
        }
        for sentence in &mut sentences {
            sentence.spans.retain(|span| config.entity_set.has(&span.label));
        }
        sentences
    };
    let mut train = part(corpus.train, limits.train);
    let mut development = part(corpus.dev, limits.development);
    if development.is_empty() {
        let held = hold_out(&train, config.development).1.len();
        development = train.split_off(train.len() - held);
    }
    check_entities(data, train.iter().all(|s| s.spans.is_empty()), config.entity_set)?;
    let target = Target { train, development, test: part(corpus.test, limits.test), types };
    check_types(data, &target)?;
    Ok(target)
}

impl Target<Sentence> {
    /// The same as documents.
    pub fn documents(&self) -> Target<Document> {
        let part = |sentences: &[Sentence]| sentences.iter().map(user_files::document).collect();
        Target {
            train: part(&self.train),
            development: part(&self.development),
            test: part(&self.test),
            types: self.types.clone(),
        }
    }
}

/// The document with the entities of a set only.
pub fn only(mut document: Document, set: EntitySet) -> Document {
    document.entities.retain(|e| set.has(&e.label));
    document
}

/// The documents of a test file with the entities of the model's set only. Those that are taken out count neither as found nor as
/// missed, so how many there are is said; a file that has no others is refused, since its scores of 0 would not be the model's.
pub fn scored(path: &Path, documents: Vec<Document>, set: EntitySet) -> Result<Vec<Document>> {
    let count = |documents: &[Document]| documents.iter().map(|d| d.entities.len()).sum::<usize>();
    let all = count(&documents);
    let kept: Vec<Document> = documents.into_iter().map(|document| only(document, set)).collect();
    let left = count(&kept);
    ensure!(
        left > 0 || all == 0,
        "{}: holds {all} entities but none{}, the only ones that the model has learned; name a file that has some, or train a model \
         with `--set entity_set=all`",
        path.display(),
        labels_of(set)
    );
    if left < all {
        tracing::warn!(
            "{}: {} of {all} entities are not scored: the model has learned only those{}",
            path.display(),
            all - left,
            labels_of(set)
        );
    }
    Ok(kept)
}

/// Refuses a type that training never shows: it has no tags, so that the training would end without scores.
fn check_types(data: &str, target: &Target<Sentence>) -> Result<()> {
    for (part, sentences) in [("development", &target.development), ("test", &target.test)] {
        for sentence in sentences {
            let unknown = sentence.spans.iter().find(|span| !target.types.contains(&span.label));
            if let Some(span) = unknown {
                bail!(
                    "{data}: the {part} part has the entity type `{}` (first in `{}`) and the training part has not, so that it can \
                     be neither learned nor scored; add training sentences with this type, or take it out of the {part} part",
                    span.label,
                    sentence.id
                );
            }
        }
    }
    Ok(())
}

/// Refuses training sentences from which no entity can be learned. `origin` is a file or a data set.
pub fn check_entities(origin: &str, none: bool, set: EntitySet) -> Result<()> {
    if !none {
        return Ok(());
    }
    let which = labels_of(set);
    bail!("{origin}: the training part holds no entities{which}, so there is nothing to learn");
}

/// Refuses a development file in which no epoch can be told from another: whoever names a file wants it to choose.
pub fn check_choice(path: &Path, development: &[Document], set: EntitySet) -> Result<()> {
    ensure!(
        development.iter().any(|d| !d.entities.is_empty()),
        "{}: holds no entities{}, so that every epoch would score 0 and none could be chosen; name a file with entities, or \
         leave `--dev` out: then the last training sentences choose (`development`)",
        path.display(),
        labels_of(set)
    );
    Ok(())
}

/// What the labels of a set have in common, for messages.
fn labels_of(set: EntitySet) -> &'static str {
    match set {
        EntitySet::All => "",
        EntitySet::Named => " with a label in `.NAM` (`entity_set: named`)",
        EntitySet::Nominal => " with a label in `.NOM` (`entity_set: nominal`)",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::transfer::fixture::characters;

    /// A sentence with an entity of each of these types.
    fn sentence(labels: &[&str]) -> Sentence {
        let mut sentence = characters(&"[头晕]了".repeat(labels.len()));
        for (span, label) in sentence.spans.iter_mut().zip(labels) {
            span.label = (*label).to_owned();
        }
        sentence
    }

    #[test]
    fn a_type_that_training_never_shows_is_refused_by_its_name() {
        let target = |development: &str, test: &str| Target {
            train: vec![sentence(&["SYM", "DIS"])],
            development: vec![sentence(&["SYM"]), sentence(&[development])],
            test: vec![sentence(&["SYM", test])],
            types: ["DIS", "SYM"].map(String::from).into(),
        };
        check_types("own", &target("DIS", "SYM")).unwrap();
        for (part, target) in [("development", target("ORG", "SYM")), ("test", target("SYM", "ORG"))] {
            let error = check_types("own", &target).unwrap_err().to_string();
            assert!(error.contains(&format!("own: the {part} part has the entity type `ORG`")), "{error}");
        }
    }

    #[test]
    fn what_is_scored_is_what_the_model_has_learned() {
        let documents = |labels: &[&str]| vec![user_files::document(&sentence(labels))];
        let path = Path::new("own.conll");
        let both = documents(&["PER.NAM", "PER.NOM"]);
        assert_eq!(scored(path, both.clone(), EntitySet::All).unwrap(), both);
        let named = scored(path, both, EntitySet::Named).unwrap();
        assert_eq!(named[0].entities.iter().map(|e| e.label.as_str()).collect::<Vec<_>>(), ["PER.NAM"]);
        // A file without entities is scored as it is: all that is found is wrong.
        assert_eq!(scored(path, documents(&[]), EntitySet::Named).unwrap().len(), 1);
        let error = scored(path, documents(&["PER.NOM"]), EntitySet::Named).unwrap_err().to_string();
        for part in ["own.conll: holds 1 entities", "`entity_set: named`", "`--set entity_set=all`"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
