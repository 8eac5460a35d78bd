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
/// of its training set.
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
    Ok(Target { train, development, test: part(corpus.test, limits.test), types })
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
