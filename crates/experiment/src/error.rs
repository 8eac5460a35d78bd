//! The one error type of this crate: each variant carries the place, what was found, and the remedy.

use std::path::{Path, PathBuf};

use crate::yaml::Place;

/// Shorthand for this crate.
pub type Result<T, E = ExperimentError> = std::result::Result<T, E>;

/// What can go wrong between a table's YAML and its CSV.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}{}", .path.display(), remedy_of(.source))]
    Io {
        /// `read`, `write`, `create`.
        action: &'static str,
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or a `--set` that is not what its schema demands.
    #[error("{place}: {message}")]
    Schema {
        /// File, line and column; or the command line's flag.
        place: Place,
        /// The key, what is wrong with it, what was expected.
        message: String,
    },
    /// Something on the command line names what does not exist, or cannot be read.
    #[error("{message}")]
    Usage {
        /// What was given, what there is, the nearest.
        message: String,
    },
    /// A folder that cannot take what a training writes.
    #[error("{}: {message}", .path.display())]
    Output {
        /// The folder.
        path: PathBuf,
        /// What is in the way, and what to do.
        message: String,
    },
    /// A record that is cut off, edited or from somewhere else.
    #[error("{}: damaged run record: {message}; delete it, or let `reproduce` run its cell again", .path.display())]
    Record {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A record of a version whose cells were named by other rules.
    #[error("{}: written by an earlier version, which named cells differently; it is not used, and its cell is run again", .path.display())]
    Earlier {
        /// The record.
        path: PathBuf,
    },
    /// A table of published numbers that cannot be read.
    #[error("{}:{line}: {message}", .path.display())]
    Published {
        /// The CSV.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong, what was expected.
        message: String,
    },
    /// Another driver works in this results folder.
    #[error(
        "{} is in use by another run ({holder}); wait for it, stop it, or give another folder with --results DIR",
        .path.display()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as the lock file says.
        holder: String,
    },
    /// A cell asked for the artefact of a role that its system does not declare.
    #[error(
        "no needed cell has the role `{role}`; declare it as `needs: {{{role}: <system>}}` of the system (known: {})",
        list_or_none(.known)
    )]
    NoSuchRole {
        /// The role asked for.
        role: String,
        /// The roles there are.
        known: Vec<String>,
    },
    /// Systems that need each other in a circle.
    #[error("{place}: the systems {} need each other in a circle; one of these `needs` has to go", .circle.join(" -> "))]
    Circle {
        /// Where the first of them stands.
        place: Place,
        /// The circle.
        circle: Vec<String>,
    },
}

impl ExperimentError {
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into() }
    }

    pub(crate) fn schema(place: Place, message: impl Into<String>) -> Self {
        Self::Schema { place, message: message.into() }
    }

    /// True where the command line is at fault (exit code 2), not a file or the machine (exit code 1).
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Usage { .. } => true,
            Self::Schema { place, .. } => place.is_command_line(),
            _ => false,
        }
    }
}

fn remedy_of(source: &std::io::Error) -> &'static str {
    use std::io::ErrorKind as Kind;
    match source.kind() {
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem | Kind::NotADirectory => {
            "; give a folder that can be written to with --results DIR"
        }
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => {
            "; free some space or give another folder with --results DIR; what is finished stays valid"
        }
        _ => "",
    }
}

fn list_or_none(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

/// `; did you mean `x`?` or the list of what is known, for an unknown name.
pub(crate) fn suggestion<S: AsRef<str>>(given: &str, known: &[S]) -> String {
    if let Some(near) = nearest(given, known) {
        return format!("; did you mean `{near}`?");
    }
    if known.is_empty() {
        return String::new();
    }
    let list: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    format!("; known: {}", list.join(", "))
}

/// The nearest known name, when one is near enough to be what was meant.
pub(crate) fn nearest<S: AsRef<str>>(given: &str, known: &[S]) -> Option<String> {
    let lower = given.to_lowercase();
    known
        .iter()
        .map(|name| {
            let name = name.as_ref();
            (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name)
        })
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.chars().count().max(given.chars().count()) / 4)
        .map(|(_, name)| name.to_owned())
}

/// An error with its causes on one line. A cause that the message before it already ends with is not said twice.
pub fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_listed() {
        let known = ["learning_rate", "dropout", "epochs"];
        assert_eq!(nearest("learning_rte", &known).as_deref(), Some("learning_rate"));
        assert_eq!(nearest("Dropout", &known).as_deref(), Some("dropout"));
        assert_eq!(nearest("optimizer", &known), None);
        assert_eq!(suggestion("optimizer", &known), "; known: learning_rate, dropout, epochs");
    }

    #[test]
    fn causes_are_said_once() {
        let source = std::io::Error::other("is a directory");
        let error = anyhow::Error::from(source).context("data: is a directory").context("no table");
        assert_eq!(chain(&error), "no table: data: is a directory");
    }
}
