//! XJADRNER, adverse drug reactions in users' comments (the ASAIBC paper's own corpus): `character TAB tag`, BIO, a blank line
//! after each comment.
//!
//! The corpus is private: this reader is for those who have it. Nothing here is a copy or a sample of it; what others can run
//! is the stand-in of [`crate::stand_in`], which has a name of its own.

use std::path::Path;

use super::report::{Read, Report};
use super::{conll, msra};
use crate::corpus::{Corpus, Sentence};
use crate::error::{DataError, Result};
use crate::stand_in;

/// Endings of the files of a folder, in the order they are looked for.
const ENDINGS: [&str; 3] = ["txt", "bio", "conll"];

/// How the files of a folder are called.
const SPLITS: [&str; 3] = ["train", "dev", "test"];

/// Endings of a file that holds all comments, whatever its name is.
const ENDINGS_OF_ONE: [&str; 4] = ["txt", "bio", "conll", "tsv"];

/// Reads one file, strictly.
///
/// # Errors
/// As [`conll::read_conll`]; also a token of more than one character.
pub fn read(path: &Path) -> Result<Read<Sentence>> {
    // The layout that the paper's Table 1 shows is MSRA's.
    conll::read_conll(path, &msra::options())
}

/// Reads the corpus: a folder with `train`, `dev` and `test` (`.txt`, `.bio` or `.conll`), or one file with all comments (or a folder
/// with nothing else to read), which is split 0.6 : 0.2 : 0.2 as the paper does, comments with and without an entity apart
/// ([`stand_in::split`]).
///
/// # Errors
/// As [`read`] and [`files`].
pub fn read_corpus(path: &Path) -> Result<(Corpus<Sentence>, Report)> {
    if !path.is_dir() {
        return read_one(path);
    }
    let names = files(path)?;
    if let ([one], []) = (names.train.as_slice(), names.dev.as_slice()) {
        return read_one(&path.join(one));
    }
    let mut report = Report::default();
    let corpus = names.try_map(|names| {
        let mut sentences = Vec::new();
        for name in names {
            let part = read(&path.join(name))?;
            report.merge(part.report);
            sentences.extend(part.items);
        }
        Ok::<_, DataError>(sentences)
    })?;
    Ok((corpus, report))
}

/// All comments in one file, split here.
fn read_one(path: &Path) -> Result<(Corpus<Sentence>, Report)> {
    let read = read(path)?;
    tracing::info!("{}: one file, split 0.6 : 0.2 : 0.2 by drawn numbers", path.display());
    Ok((stand_in::split(read.items), read.report))
}

/// The files of a folder that [`read_corpus`] reads, by their names in it. A folder with one file of columns, which is none of the
/// three splits, has that under `train` and nothing under the others.
///
/// # Errors
/// [`DataError::File`] when the folder lacks one of the three and is not such a folder either; [`DataError::Io`].
pub fn files(folder: &Path) -> Result<Corpus<String>> {
    let candidates = |name: &str| ENDINGS.map(|ending| format!("{name}.{ending}"));
    let found = |name: &str| candidates(name).into_iter().find(|file| folder.join(file).is_file());
    if let Some(one) = only_file(folder)? {
        return Ok(Corpus { train: vec![one], ..Corpus::default() });
    }
    let [train, dev, test] = SPLITS.map(|name| vec![name]);
    Corpus { train, dev, test }.try_map(|names| {
        let file = |name: &str| {
            found(name).ok_or_else(|| {
                let expected = candidates(name).join(", ");
                let message = format!(
                    "holds none of {expected}; give the three splits, or no file but one with all comments (its ending {})",
                    ENDINGS_OF_ONE.join(", ")
                );
                DataError::file(folder, message)
            })
        };
        names.into_iter().map(file).collect()
    })
}

/// The name of the only file of columns in a folder; none where there is no such file, or more than one, or where it is called like a
/// split: then the other two were forgotten.
fn only_file(folder: &Path) -> Result<Option<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(DataError::io(folder))? {
        let entry = entry.map_err(DataError::io(folder))?;
        let path = entry.path();
        let is_one =
            path.extension().is_some_and(|e| ENDINGS_OF_ONE.iter().any(|one| e.eq_ignore_ascii_case(one)));
        if is_one && path.is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    let is_split = |name: &str| {
        let stem = Path::new(name).file_stem();
        SPLITS.iter().any(|split| stem.is_some_and(|stem| stem.eq_ignore_ascii_case(split)))
    };
    Ok(names.pop().filter(|name| names.is_empty() && !is_split(name)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const COMMENT: &str = "吃\tO\n药\tO\n没\tB-ADR\n精\tI-ADR\n神\tI-ADR\n\n";

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_has_its_own_splits() {
        let folder = folder(&[("train.txt", COMMENT), ("dev.bio", COMMENT), ("test.conll", "好\tO\n")]);
        let (corpus, report) = read_corpus(folder.path()).unwrap();
        assert!(report.is_clean(), "{report}");
        assert_eq!(corpus.splits().map(|(_, s)| s.len()), [1, 1, 1]);
        assert_eq!(corpus.train[0].spans[0].label, "ADR");
        assert_eq!(corpus.train[0].tokens[2..].concat(), "没精神");
        assert_eq!(corpus.test[0].id, "test.conll:1");
    }

    #[test]
    fn one_file_is_split_as_the_paper_does() {
        let folder = folder(&[("all.txt", &format!("{}{}", COMMENT.repeat(10), "好\tO\n\n".repeat(40)))]);
        let (corpus, _) = read_corpus(&folder.path().join("all.txt")).unwrap();
        let with = |s: &[Sentence]| s.iter().filter(|s| !s.spans.is_empty()).count();
        assert_eq!(corpus.splits().map(|(_, s)| (s.len(), with(s))), [(30, 6), (10, 2), (10, 2)]);
        // So is the only file of a folder, whatever lies beside it that is none of columns.
        assert_eq!(read_corpus(folder.path()).unwrap().0, corpus);
        std::fs::write(folder.path().join("README.md"), "private").unwrap();
        std::fs::rename(folder.path().join("all.txt"), folder.path().join("comments.tsv")).unwrap();
        assert_eq!(files(folder.path()).unwrap().train, ["comments.tsv"]);
        assert_eq!(read_corpus(folder.path()).unwrap().0.test.len(), 10);
        // Of two nobody knows which.
        std::fs::write(folder.path().join("more.bio"), COMMENT).unwrap();
        let error = read_corpus(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("train.txt, train.bio, train.conll") && error.contains("no file but one"),
            "{error}"
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            ("没\tB-ADR\n精神\tI-ADR\n", ":2:1", "one character"),
            ("没\tB-ADR\n精 I-ADR\n", ":2:", "1 columns where 2"),
            ("没\tO\n精\tI-ADR\n", ":2:", "I-ADR"),
            ("没\tX-ADR\n", ":1:", "X-ADR"),
        ];
        for (text, place, what) in cases {
            let folder = folder(&[("all.txt", text)]);
            let error = read(&folder.path().join("all.txt")).unwrap_err().to_string();
            assert!(error.contains(&format!("all.txt{place}")) && error.contains(what), "{error}");
        }
        // A split that stands alone is not taken for the whole corpus.
        for (only, lacks) in
            [("train.txt", "dev.txt, dev.bio, dev.conll"), ("test.tsv", "train.txt, train.bio")]
        {
            let folder = folder(&[(only, COMMENT)]);
            let error = read_corpus(folder.path()).unwrap_err().to_string();
            assert!(error.contains(lacks), "{error}");
        }
    }
}
