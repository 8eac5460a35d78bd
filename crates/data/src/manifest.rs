//! `datasets/manifest.yaml`: what every data set is, where each file comes from, and what its bytes must be.
//!
//! The file is made by `tools/make-manifest.py`. Reading it is strict: unknown keys, a file without any hash, a path that
//! leaves the folder, or a path given twice with different facts are errors.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fetch::FetchError;
use crate::hash::FileHash;

/// Name of the manifest inside the repository.
pub const MANIFEST_PATH: &str = "datasets/manifest.yaml";

/// All data sets by name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this file format; 1.
    pub version: u32,
    /// The data sets.
    pub datasets: BTreeMap<String, DataSet>,
}

/// One data set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSet {
    /// One line for people.
    pub title: String,
    /// Folder of its files, relative to the datasets folder; several data sets may share one.
    pub root: PathBuf,
    /// Licence as stated by the source.
    pub licence: String,
    /// Fetched only when it is named, because its redistribution is unclear; nothing counts it as missing.
    #[serde(default)]
    pub on_request: bool,
    /// What to cite.
    #[serde(default)]
    pub cite: Vec<String>,
    /// Expected counts by split (`train`, `dev`, `test`, ...).
    #[serde(default)]
    pub counts: BTreeMap<String, Counts>,
    /// Its files.
    pub files: Vec<FileEntry>,
}

/// Expected counts of one split; what is not known is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Counts {
    /// Records, abstracts or dialogues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
    /// Sentences, messages or utterances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentences: Option<u64>,
    /// Words, or characters for Chinese corpora.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Entity mentions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entities: Option<u64>,
    /// Entity mentions per type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_type: BTreeMap<String, u64>,
    /// Further counts by their own names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, u64>,
}

/// How several files of an archive become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Join {
    /// Each JSON object becomes one line, without spaces, with its file name added under the key `file`.
    JsonLines,
}

/// One file of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Path relative to the datasets folder, for example `msra/train.bio`.
    pub path: String,
    /// Size; absent when only the git blob id is known.
    pub bytes: Option<u64>,
    /// SHA-256 in lower-case hexadecimal digits.
    pub sha256: Option<String>,
    /// Git blob id in lower-case hexadecimal digits.
    pub git_blob: Option<String>,
    /// Source repository, `owner/name`; absent for computed files.
    pub repository: Option<String>,
    /// Commit of that repository.
    pub commit: Option<String>,
    /// Path in that repository, `archive!member` for archives.
    pub source: Option<String>,
    /// Where it is downloaded from; absent for derived files.
    pub url: Option<String>,
    /// Member of the zip archive at `url` that is the file.
    pub member: Option<String>,
    /// Pattern `folder/*.ext` of the members of the zip archive at `url` that are joined into the file.
    pub members: Option<String>,
    /// How the `members` are joined.
    pub join: Option<Join>,
    /// For a file without a public address: how it was made.
    pub derived: Option<String>,
    /// False when the data set can be read without it (licences, reference fixtures).
    #[serde(default = "yes")]
    pub needed: bool,
    /// Licence, where it is not the data set's.
    pub licence: Option<String>,
    /// Anything else to know.
    pub note: Option<String>,
}

fn yes() -> bool {
    true
}

impl FileEntry {
    /// Where `found` differs from what this entry demands, as `(fact, expected, found)`; nothing when all known facts agree.
    pub fn mismatch(&self, found: &FileHash) -> Option<(&'static str, String, String)> {
        if let Some(bytes) = self.bytes
            && bytes != found.bytes
        {
            return Some(("size in bytes", bytes.to_string(), found.bytes.to_string()));
        }
        [("SHA-256", &self.sha256, &found.sha256), ("git blob id", &self.git_blob, &found.git_blob)]
            .into_iter()
            .find_map(|(fact, expected, found)| match expected {
                Some(expected) if expected != found => Some((fact, expected.clone(), found.clone())),
                _ => None,
            })
    }
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`FetchError::Io`] when it cannot be read, [`FetchError::Manifest`] with line and column or the data set's name.
    pub fn load(path: &Path) -> Result<Self, FetchError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| FetchError::Io { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Reads and checks the text of a manifest; `path` is for messages.
    ///
    /// # Errors
    /// [`FetchError::Manifest`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, FetchError> {
        let fail = |message: String| FetchError::Manifest { path: path.to_owned(), message };
        let manifest: Self = serde_yaml::from_str(text).map_err(|e| fail(e.to_string()))?;
        if manifest.version != 1 {
            return Err(fail(format!(
                "version {} is not known to this program, which reads version 1",
                manifest.version
            )));
        }
        let mut seen: BTreeMap<&str, &FileEntry> = BTreeMap::new();
        for (name, set) in &manifest.datasets {
            for file in &set.files {
                check_entry(set, file)
                    .map_err(|message| fail(format!("data set {name}, file {}: {message}", file.path)))?;
                if let Some(other) = seen.insert(&file.path, file)
                    && other != file
                {
                    return Err(fail(format!(
                        "data set {name}, file {}: stands elsewhere with other facts",
                        file.path
                    )));
                }
            }
        }
        Ok(manifest)
    }

    /// The data set of that name.
    ///
    /// # Errors
    /// [`FetchError::UnknownDataSet`] with the names there are.
    pub fn get(&self, name: &str) -> Result<&DataSet, FetchError> {
        self.datasets.get(name).ok_or_else(|| FetchError::UnknownDataSet {
            name: name.to_owned(),
            known: self.datasets.keys().cloned().collect(),
        })
    }
}

/// True for a relative path without `..`.
fn stays_inside(path: &Path) -> bool {
    path.components().all(|c| matches!(c, Component::Normal(_)))
}

fn check_entry(set: &DataSet, file: &FileEntry) -> Result<(), String> {
    let is_hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    if !stays_inside(Path::new(&file.path)) || !stays_inside(&set.root) {
        return Err("path and root must be relative, without `..`".into());
    }
    if !Path::new(&file.path).starts_with(&set.root) {
        return Err(format!("lies outside the root {}", set.root.display()));
    }
    if file.sha256.as_ref().is_some_and(|h| !is_hex(h, 64)) {
        return Err("sha256 must be 64 lower-case hexadecimal digits, quoted".into());
    }
    if file.git_blob.as_ref().is_some_and(|h| !is_hex(h, 40)) {
        return Err("git_blob must be 40 lower-case hexadecimal digits, quoted".into());
    }
    if file.sha256.is_none() && file.git_blob.is_none() {
        return Err("has neither sha256 nor git_blob, so it could not be verified".into());
    }
    if file.url.is_none() == file.derived.is_none() {
        return Err("needs either `url` or `derived`".into());
    }
    if file.members.is_some() != file.join.is_some() || (file.member.is_some() && file.members.is_some()) {
        return Err("`members` goes with `join`, and not with `member`".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const BLOB: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

    fn parse(file_lines: &str) -> Result<Manifest, FetchError> {
        let text = format!(
            "version: 1\ndatasets:\n  a:\n    title: t\n    root: a\n    licence: none\n    files:\n      - path: a/x\n{file_lines}"
        );
        Manifest::parse(&text, Path::new("manifest.yaml"))
    }

    fn message(file_lines: &str) -> String {
        parse(file_lines).unwrap_err().to_string()
    }

    #[test]
    fn reads_a_minimal_entry() {
        let manifest = parse(&format!("        git_blob: \"{BLOB}\"\n        url: http://x/y\n")).unwrap();
        let file = &manifest.get("a").unwrap().files[0];
        assert!(file.needed);
        assert_eq!(file.mismatch(&crate::hash::hash_bytes(b"hello\n")), None);
        let (fact, expected, found) = file.mismatch(&crate::hash::hash_bytes(b"hallo\n")).unwrap();
        assert_eq!((fact, expected.as_str()), ("git blob id", BLOB));
        assert_ne!(found, BLOB);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let text =
            message(&format!("        git_blob: \"{BLOB}\"\n        url: http://x/y\n        colour: red\n"));
        assert!(text.contains("colour") && text.contains("line 11"), "{text}");
    }

    #[test]
    fn entries_that_could_not_be_verified_or_found_are_refused() {
        assert!(message("        url: http://x/y\n").contains("could not be verified"));
        assert!(message(&format!("        git_blob: \"{BLOB}\"\n")).contains("either `url` or `derived`"));
        assert!(message("        sha256: \"12AB\"\n        url: http://x/y\n").contains("64 lower-case"));
        let joined =
            format!("        git_blob: \"{BLOB}\"\n        url: http://x/y\n        members: \"a/*.json\"\n");
        assert!(message(&joined).contains("`members` goes with `join`"));
    }

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        let text = format!(
            "version: 1\ndatasets:\n  a:\n    title: t\n    root: a\n    licence: none\n    files:\n      - path: a/../../x\n        git_blob: \"{BLOB}\"\n        url: http://x/y\n"
        );
        let error = Manifest::parse(&text, Path::new("m.yaml")).unwrap_err().to_string();
        assert!(error.contains("without `..`"), "{error}");
    }

    #[test]
    fn an_unknown_data_set_lists_the_known_ones() {
        let manifest = parse(&format!("        git_blob: \"{BLOB}\"\n        url: http://x/y\n")).unwrap();
        let error = manifest.get("b").unwrap_err().to_string();
        assert!(error.contains("`b`") && error.contains('a'), "{error}");
    }
}
