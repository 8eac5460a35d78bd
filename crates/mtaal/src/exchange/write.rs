//! Files that are there whole or not at all, and never over somebody's work.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::error::{ExchangeError, Result};

/// Writes a file that is not there. One that is there with the same content is left as it is.
///
/// # Errors
/// [`ExchangeError::Exists`] where the file has another content, [`ExchangeError::Io`].
pub(super) fn new_file(path: &Path, content: &str) -> Result<()> {
    if is_there(path, content)? {
        return Ok(());
    }
    let io = || ExchangeError::io(path);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        file.sync_all()
    });
    if let Err(source) = written.and_then(|()| fs::rename(&temporary, path)) {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
        return Err(io()(source));
    }
    Ok(())
}

/// Whether a file is there with this content; false where none is there.
///
/// # Errors
/// [`ExchangeError::Exists`] where the file has another content, [`ExchangeError::Io`].
pub(super) fn is_there(path: &Path, content: &str) -> Result<bool> {
    match fs::read(path) {
        Ok(there) if there == content.as_bytes() => Ok(true),
        Ok(_) => Err(ExchangeError::Exists { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(ExchangeError::Io { path: path.to_owned(), source }),
    }
}

/// The file that a temporary of [`new_file`] was to become; none where it is no such temporary.
pub(crate) fn of_temporary(path: &Path) -> Option<PathBuf> {
    let (whole, process) = path.file_name()?.to_str()?.strip_suffix(".tmp")?.rsplit_once('.')?;
    let number = !process.is_empty() && process.bytes().all(|b| b.is_ascii_digit());
    number.then(|| path.with_file_name(whole))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.json");
        new_file(&path, "one").unwrap();
        new_file(&path, "one").unwrap();
        let error = new_file(&path, "two").unwrap_err();
        assert!(matches!(error, ExchangeError::Exists { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let error = new_file(&folder.path().join("no/such/folder.json"), "x").unwrap_err().to_string();
        assert!(error.contains("folder.json: "), "{error}");
    }
}
