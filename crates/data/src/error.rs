//! The one error type of this crate: every variant carries the place and what was expected.

use std::path::{Path, PathBuf};

/// Shorthand for this crate.
pub type Result<T, E = DataError> = std::result::Result<T, E>;

/// What can go wrong with data, with file, line and remedy.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The operating system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line that is not what the format demands.
    #[error("{}:{line}:{column}: {message}; found `{found}`", .path.display())]
    Parse {
        /// File.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong, what was expected and how to mend it.
        message: String,
        /// The offending text, shortened.
        found: String,
    },
    /// A file that as a whole is not what is asked for.
    #[error("{}: {message}", .path.display())]
    File {
        /// File or folder.
        path: PathBuf,
        /// What is wrong, what was expected and how to mend it.
        message: String,
    },
    /// A file or folder that holds nothing to read.
    #[error("{}: is empty; expected {expected}", .path.display())]
    Empty {
        /// File or folder.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
    },
    /// A sentence or document that cannot be what it is asked to be (checked, split or written).
    #[error("{id}: {message}")]
    Item {
        /// The item's own identifier.
        id: String,
        /// What is wrong, what was expected and how to mend it.
        message: String,
    },
    /// Two lists that must pair up do not.
    #[error("{what}: {expected} expected, {found} found")]
    Count {
        /// What is counted, and how to mend it.
        what: &'static str,
        /// How many there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A name that no data set has.
    #[error("there is no data set `{name}`; the nearest names are: {}", .nearest.join(", "))]
    UnknownDataSet {
        /// The name asked for.
        name: String,
        /// The names most like it.
        nearest: Vec<String>,
    },
    /// Documents were asked of a data set that has only sentences.
    #[error("the data set `{name}` has sentences only, no documents with offsets; these have: {}", .have.join(", "))]
    NoDocuments {
        /// The data set asked for.
        name: String,
        /// The data sets that have documents.
        have: Vec<String>,
    },
    /// A file of a known data set is not there.
    #[error("the data set `{name}` is not complete: {} is missing; {}", .path.display(), where_to_get(.name, .data_set))]
    MissingFile {
        /// The data set asked for.
        name: String,
        /// Its name in the manifest.
        data_set: String,
        /// Where the file was looked for.
        path: PathBuf,
    },
}

impl DataError {
    /// A [`DataError::Parse`]; `found` is shortened to 60 characters.
    pub fn parse(path: &Path, line: usize, column: usize, message: impl Into<String>, found: &str) -> Self {
        Self::Parse {
            path: path.to_owned(),
            line,
            column,
            message: message.into(),
            found: shorten(found, 60),
        }
    }

    /// A [`DataError::File`].
    pub fn file(path: &Path, message: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), message: message.into() }
    }

    /// A [`DataError::Item`].
    pub fn item(id: &str, message: impl Into<String>) -> Self {
        Self::Item { id: id.to_owned(), message: message.into() }
    }

    /// Makes the system's refusal an error that names the path: `fs::read(path).map_err(DataError::io(path))`.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }
}

fn where_to_get(name: &str, data_set: &str) -> String {
    if crate::catalog::find(name).is_ok_and(|entry| entry.kind.is_private()) {
        return "it is private: those who have it put train.bio, dev.bio and test.bio (`character TAB tag` lines in BIO, a blank \
                line after each comment) into that folder"
            .to_owned();
    }
    format!("run `medner data fetch {data_set}`, or set MEDNER_MIRROR to a folder that has it")
}

/// The text, cut to `most` characters with `...` after it where it is longer.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((byte, _)) => format!("{}...", &text[..byte]),
        None => text.to_owned(),
    }
}
