//! A data set of the catalogue by its name, wherever it is: fetched, in the mirror, or the embedded sample that stands in
//! for it (`sample-...`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::catalog::{self, Entry};
use crate::error::DataError;
use crate::fetch::FetchError;
use crate::hash::hash_file;
use crate::store::Store;
use crate::{Corpus, Document, Sentence, sample};

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
    let entry = catalog::find(data)?;
    if entry.kind.is_private() {
        return Ok((private_root(&store, &entry), data.to_owned()));
    }
    let located = store.ensure(&entry.data_set)?;
    Ok((located.base()?.to_owned(), data.to_owned()))
}

/// The first of the store's folders that has the private data set; the datasets folder, where it belongs, when none has.
fn private_root(store: &Store, entry: &Entry) -> PathBuf {
    let has = |folder: &&Path| folder.join(&entry.data_set).is_dir();
    let datasets = store.datasets();
    [Some(datasets.as_path()), store.mirror()].into_iter().flatten().find(has).unwrap_or(&datasets).to_owned()
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
        return hash_all(&root, &catalog::find(&name)?.files);
    }
    let (store, entry) = (Store::discover()?, catalog::find(data)?);
    if entry.kind.is_private() {
        return private_hashes(&store, &entry);
    }
    let located = store.ensure(&entry.data_set)?;
    Ok(located.files.into_iter().map(|(name, fact)| (name, fact.sha256)).collect())
}

fn private_hashes(store: &Store, entry: &Entry) -> Result<BTreeMap<String, String>> {
    let root = private_root(store, entry);
    hash_all(&root, &catalog::private_files(entry, &root)?)
}

fn hash_all(root: &Path, files: &Corpus<String>) -> Result<BTreeMap<String, String>> {
    let files = files.splits().into_iter().flat_map(|(_, files)| files);
    let hash = |file: &String| {
        let path = root.join(file);
        Ok((file.clone(), hash_file(&path).map_err(DataError::io(&path))?.sha256))
    };
    files.map(hash).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A store without data sets.
    fn empty(home: &Path) -> Store {
        let datasets = home.join("datasets");
        std::fs::create_dir_all(&datasets).unwrap();
        std::fs::write(datasets.join("manifest.yaml"), "version: 1\ndatasets: {}\n").unwrap();
        Store::with_mirror(home, None).unwrap()
    }

    #[test]
    fn a_private_corpus_may_be_one_file() {
        let home = tempfile::tempdir().unwrap();
        let (store, entry) = (empty(home.path()), catalog::find("xjadrner").unwrap());
        let folder = store.datasets().join("xjadrner");
        std::fs::create_dir(&folder).unwrap();
        let comments = "没\tB-ADR\n精\tI-ADR\n神\tI-ADR\n\n".repeat(10) + &"好\tO\n\n".repeat(40);
        std::fs::write(folder.join("all.bio"), comments).unwrap();

        let hashes = private_hashes(&store, &entry).unwrap();
        assert_eq!(hashes.keys().map(String::as_str).collect::<Vec<_>>(), ["xjadrner/all.bio"]);
        let corpus = catalog::load_sentences("xjadrner", &private_root(&store, &entry)).unwrap();
        assert_eq!(corpus.splits().map(|(_, s)| s.len()), [30, 10, 10]);
        // A split beside it, and the others are missed.
        std::fs::write(folder.join("train.bio"), "好\tO\n").unwrap();
        let error = private_hashes(&store, &entry).unwrap_err().to_string();
        assert!(error.contains("dev.txt, dev.bio, dev.conll"), "{error}");
    }

    #[test]
    fn a_private_corpus_is_read_and_hashed_where_its_owner_puts_it() {
        let home = tempfile::tempdir().unwrap();
        let datasets = home.path().join("datasets");
        let store = empty(home.path());
        let entry = catalog::find("xjadrner").unwrap();
        let missing = private_hashes(&store, &entry).unwrap_err().to_string();
        for part in
            ["`xjadrner`", "datasets/xjadrner/train.bio", "private", "train.bio, dev.bio and test.bio", "BIO"]
        {
            assert!(missing.contains(part), "{missing}");
        }
        assert!(!missing.contains("data fetch"), "{missing}");
        assert_eq!(catalog::load_sentences("xjadrner", &datasets).unwrap_err().to_string(), missing);

        let folder = datasets.join("xjadrner");
        std::fs::create_dir(&folder).unwrap();
        let comment = "没\tB-ADR\n精\tI-ADR\n神\tI-ADR\n\n好\tO\n";
        std::fs::write(folder.join("train.bio"), comment).unwrap();
        std::fs::write(folder.join("test.txt"), "好\tO\n").unwrap();
        let error = private_hashes(&store, &entry).unwrap_err().to_string();
        assert!(error.contains("dev.txt, dev.bio, dev.conll"), "{error}");
        std::fs::write(folder.join("dev.bio"), comment).unwrap();

        let hashes = private_hashes(&store, &entry).unwrap();
        let names: Vec<&str> = hashes.keys().map(String::as_str).collect();
        assert_eq!(names, ["xjadrner/dev.bio", "xjadrner/test.txt", "xjadrner/train.bio"]);
        assert_eq!(hashes["xjadrner/dev.bio"], hashes["xjadrner/train.bio"]);
        let corpus = catalog::load_sentences("xjadrner", &private_root(&store, &entry)).unwrap();
        assert_eq!(corpus.splits().map(|(_, s)| s.len()), [2, 2, 1]);
        assert_eq!(corpus.train[0].spans[0].label, "ADR");
        // Another file is another data set: nothing else says which corpus it was.
        std::fs::write(folder.join("test.txt"), "坏\tO\n").unwrap();
        assert_ne!(private_hashes(&store, &entry).unwrap(), hashes);
    }
}
