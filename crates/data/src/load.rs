//! A data set of the catalogue by its name, wherever it is: fetched, in the mirror, or the embedded sample that stands in
//! for it (`sample-...`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::DataError;
use crate::fetch::FetchError;
use crate::hash::hash_file;
use crate::store::Store;
use crate::{Corpus, Document, Sentence, catalog, sample};

/// Why a data set cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its files are damaged, or its name is unknown.
    #[error(transparent)]
    Data(#[from] DataError),
    /// It is neither here nor to be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

type Result<T> = std::result::Result<T, LoadError>;

/// The base folder that the catalogue's paths are relative to, and the name to load there.
fn place(data: &str) -> Result<(PathBuf, String)> {
    let store = Store::discover()?;
    if let Some(kind) = sample::kind_of_sample(data) {
        let root = store.datasets().join("sample");
        sample::write(kind, &root)?;
        return Ok((root, data.trim_start_matches("sample-").to_owned()));
    }
    let located = store.ensure(&catalog::find(data)?.data_set)?;
    Ok((located.base()?.to_owned(), data.to_owned()))
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

/// The SHA-256 of each file of a data set; fetches it when it is not here.
pub fn hashes(data: &str) -> Result<BTreeMap<String, String>> {
    if sample::kind_of_sample(data).is_some() {
        let (root, name) = place(data)?;
        let entry = catalog::find(&name)?;
        let files = entry.files.splits().into_iter().flat_map(|(_, files)| files);
        return files
            .map(|file| {
                Ok((
                    file.clone(),
                    hash_file(&root.join(file)).map_err(DataError::io(&root.join(file)))?.sha256,
                ))
            })
            .collect();
    }
    let located = Store::discover()?.ensure(&catalog::find(data)?.data_set)?;
    Ok(located.files.into_iter().map(|(name, fact)| (name, fact.sha256)).collect())
}
