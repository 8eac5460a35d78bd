//! What can be wrong with answers and with sentences that are to be written.

use std::path::{Path, PathBuf};

/// Shorthand for this module.
pub type Result<T, E = ExchangeError> = std::result::Result<T, E>;

/// Every variant names the place and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The operating system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something that is none of the shape's; no sentence can be named.
    #[error("{}:{line}: {message}{}", .path.display(), if .found.is_empty() { String::new() } else { format!("; found `{found}`") })]
    Parse {
        /// File or folder.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong and how to mend it.
        message: String,
        /// The offending text, shortened; empty where there is none.
        found: String,
    },
    /// An answer that cannot be taken.
    #[error("{}:{line}: sentence {id}: {message}", .path.display())]
    Answer {
        /// File.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// The sentence's identifier.
        id: String,
        /// What is wrong and how to mend it.
        message: String,
    },
    /// Sentences without an answer.
    #[error(
        "{}: {} of the {queried} queried sentences have no answer: {}; label them, or say `--partial` to go on without them",
        .path.display(), .missing.len(), some(.missing)
    )]
    Missing {
        /// File or folder.
        path: PathBuf,
        /// Identifiers of the sentences.
        missing: Vec<String>,
        /// How many were queried.
        queried: usize,
    },
    /// Sentences that came back as they were handed out, in a shape that does not say whether somebody looked at them.
    #[error(
        "{}: {} of the {queried} queried sentences came back exactly as they were handed out, and this format does not say whether \
         somebody looked at them: {}; where somebody did, say `--unchanged`; `--partial` goes on without them",
        .path.display(), .unchanged.len(), some(.unchanged)
    )]
    Unchanged {
        /// File or folder.
        path: PathBuf,
        /// Identifiers of the sentences.
        unchanged: Vec<String>,
        /// How many were queried.
        queried: usize,
    },
    /// A sentence that cannot be written in the shape.
    #[error("sentence {id}: {message}")]
    Item {
        /// The sentence's identifier.
        id: String,
        /// What is wrong and how to mend it.
        message: String,
    },
    /// A file that is there already and is not what would be written.
    #[error(
        "{} is there already with other content, which may be somebody's labels; move it away, or name another place with `--out`",
        .path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
}

/// The first few of a list.
fn some(ids: &[String]) -> String {
    let shown = ids.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    if ids.len() > 5 { format!("{shown}, ...") } else { shown }
}

impl ExchangeError {
    /// A [`ExchangeError::Parse`]; `found` is cut to 60 characters.
    pub(super) fn parse(path: &Path, line: usize, message: impl Into<String>, found: &str) -> Self {
        let found = match found.char_indices().nth(60) {
            Some((byte, _)) => format!("{}...", &found[..byte]),
            None => found.to_owned(),
        };
        Self::Parse { path: path.to_owned(), line, message: message.into(), found }
    }

    /// A [`ExchangeError::Item`].
    pub(super) fn item(id: &str, message: impl Into<String>) -> Self {
        Self::Item { id: id.to_owned(), message: message.into() }
    }

    /// Makes the system's refusal an error that names the path.
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_place_and_the_remedy() {
        let ids = |n: usize| (0..n).map(|i| format!("s{i}")).collect();
        let missing = |n| {
            ExchangeError::Missing { path: PathBuf::from("a.json"), missing: ids(n), queried: 9 }.to_string()
        };
        assert!(
            missing(2).starts_with("a.json: 2 of the 9 queried sentences have no answer: s0, s1; label them")
        );
        assert!(missing(6).contains("s3, s4, ...; label them, or say `--partial`"));
        let long = ExchangeError::parse(Path::new("a.json"), 3, "no shape", &"x".repeat(99)).to_string();
        assert_eq!(long, format!("a.json:3: no shape; found `{}...`", "x".repeat(60)));
        assert_eq!(
            ExchangeError::parse(Path::new("b"), 1, "is a folder", "").to_string(),
            "b:1: is a folder"
        );
    }
}
