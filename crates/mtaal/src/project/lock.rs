//! One process at a time in a project: two would ask the same sentences twice.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::PROJECT;

/// The lock of a project's folder, held until it is dropped. A command that fails before it starts a project leaves nothing behind:
/// neither this file nor a folder that was made for it.
pub struct Lock {
    folder: PathBuf,
    /// What was made for the lock, the folder and the file.
    made: (bool, bool),
    _file: fs::File,
}

const FILE: &str = "lock";

impl Lock {
    /// Takes the lock; makes the folder where it is not there.
    pub fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let made = (!folder.exists(), !path.exists());
        fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
        let file =
            fs::File::create(&path).with_context(|| format!("{}: cannot be written", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), made, _file: file }),
            Err(fs::TryLockError::WouldBlock) => {
                bail!("{}: another mtaal works in this project; wait for it", folder.display())
            }
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{}: cannot be locked", path.display()))
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.folder.join(PROJECT).is_file() {
            return;
        }
        // Nothing hangs on what is left where this is refused.
        if self.made.1 {
            let _ = fs::remove_file(self.folder.join(FILE));
        }
        if self.made.0 {
            // Refused where there is something in it.
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn without_a_project_nothing_is_left_of_what_was_made() {
        let temporary = tempfile::tempdir().unwrap();
        let new = temporary.path().join("new");
        let lock = Lock::take(&new).unwrap();
        assert!(new.join(FILE).is_file());
        assert!(Lock::take(&new).is_err(), "two have it");
        drop(lock);
        assert!(!new.exists());
        // A folder with a model in it, and perhaps with the lock of its training.
        for held in [false, true] {
            fs::create_dir_all(&new).unwrap();
            fs::write(new.join("model.safetensors"), "").unwrap();
            if held {
                fs::write(new.join(FILE), "").unwrap();
            }
            drop(Lock::take(&new).unwrap());
            assert_eq!((new.join("model.safetensors").is_file(), new.join(FILE).is_file()), (true, held));
        }
        // A project.
        fs::remove_file(new.join(FILE)).unwrap();
        let lock = Lock::take(&new).unwrap();
        fs::write(new.join(PROJECT), "").unwrap();
        drop(lock);
        assert!(new.join(FILE).is_file());
    }
}
