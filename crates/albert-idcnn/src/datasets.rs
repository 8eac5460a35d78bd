//! Where this paper's data is: a catalogue name, or the embedded sample that stands in for it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use medner_data::catalog;
use medner_data::hash::hash_file;
use medner_data::sample;
use medner_data::store::Store;
use medner_data::{Corpus, Document, Sentence};
use medner_experiment::{DataFacts, Missing};

/// The base folder that the catalogue's paths are relative to, and the name to load there.
fn place(data: &str) -> Result<(PathBuf, String)> {
    let store = Store::discover()?;
    if let Some(kind) = sample::kind_of_sample(data) {
        let root = store.datasets().join("sample");
        sample::write(kind, &root)?;
        return Ok((root, data.trim_start_matches("sample-").to_owned()));
    }
    let located = store.ensure(&catalog::find(data)?.data_set)?;
    let (relative, fact) = located.files.iter().next().context("a data set has at least one file")?;
    let depth = std::path::Path::new(relative).components().count();
    let base = fact.path.ancestors().nth(depth).context("a file lies below its base folder")?;
    Ok((base.to_owned(), data.to_owned()))
}

/// The documents of a data set, split by split.
pub fn documents(data: &str) -> Result<Corpus<Document>> {
    let (root, name) = place(data)?;
    Ok(catalog::load_documents(&name, &root)?)
}

/// The sentences of a data set, split by split.
pub fn sentences(data: &str) -> Result<Corpus<Sentence>> {
    let (root, name) = place(data)?;
    Ok(catalog::load_sentences(&name, &root)?)
}

/// The hashes of a data set's files; fetches it when it is not here.
pub fn facts(data: &str) -> Result<DataFacts, Missing> {
    let found = || -> Result<DataFacts> {
        if sample::kind_of_sample(data).is_some() {
            let (root, name) = place(data)?;
            let entry = catalog::find(&name)?;
            let mut files = std::collections::BTreeMap::new();
            for file in entry.files.splits().into_iter().flat_map(|(_, files)| files) {
                files.insert(file.clone(), hash_file(&root.join(file))?.sha256);
            }
            return Ok(DataFacts { files });
        }
        let store = Store::discover()?;
        let located = store.ensure(&catalog::find(data)?.data_set)?;
        Ok(DataFacts { files: located.files.into_iter().map(|(name, fact)| (name, fact.sha256)).collect() })
    };
    found().map_err(|error| Missing::new(medner_experiment::error::chain(&error)))
}
