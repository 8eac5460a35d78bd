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

/// Reads one file, strictly.
///
/// # Errors
/// As [`conll::read_conll`]; also a token of more than one character.
pub fn read(path: &Path) -> Result<Read<Sentence>> {
    // The layout that the paper's Table 1 shows is MSRA's.
    conll::read_conll(path, &msra::options())
}

/// Reads the corpus: a folder with `train`, `dev` and `test` (`.txt`, `.bio` or `.conll`), or one file with all comments, which
/// is split 0.6 : 0.2 : 0.2 as the paper does, comments with and without an entity apart ([`stand_in::split`]).
///
/// # Errors
/// As [`read`]; [`DataError::File`] when the folder lacks one of the three files.
pub fn read_corpus(path: &Path) -> Result<(Corpus<Sentence>, Report)> {
    if !path.is_dir() {
        let read = read(path)?;
        return Ok((stand_in::split(read.items), read.report));
    }
    let mut report = Report::default();
    let corpus = files(path)?.try_map(|names| {
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

/// The files of a folder that [`read_corpus`] reads, by their names in it.
///
/// # Errors
/// [`DataError::File`] when the folder lacks one of the three.
pub fn files(folder: &Path) -> Result<Corpus<String>> {
    let names = Corpus { train: vec!["train"], dev: vec!["dev"], test: vec!["test"] };
    names.try_map(|names| {
        let file = |name: &str| {
            let candidates = ENDINGS.map(|ending| format!("{name}.{ending}"));
            candidates.iter().find(|file| folder.join(file).is_file()).cloned().ok_or_else(|| {
                let expected = candidates.join(", ");
                DataError::file(
                    folder,
                    format!("holds none of {expected}; give the three splits, or one file"),
                )
            })
        };
        names.into_iter().map(file).collect()
    })
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
        let folder = folder(&[("train.txt", COMMENT)]);
        let error = read_corpus(folder.path()).unwrap_err().to_string();
        assert!(error.contains("dev.txt, dev.bio, dev.conll"), "{error}");
    }
}
