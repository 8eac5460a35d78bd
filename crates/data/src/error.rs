//! The one error type of this crate: every variant carries the place and what was expected.

use std::path::PathBuf;

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
}
