//! The run store: `results/<profile>/<paper>/`.
//!
//! ```text
//! <table>.csv  <table>-comparisons.csv  runs.csv     written anew after every cell, whole at every moment
//! runs/<hash>.json                                   one record a cell
//! checkpoints/                                       not committed: plan.json (dry-run.json: that of a dry run
//!                                                    beside a driver), the driver's lock, and
//! checkpoints/<hash>/                                a cell's checkpoints, artefacts and log
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rayon::prelude::*;

use crate::cell::DataFacts;
use crate::error::{ExperimentError, Result};
use crate::record::{RunRecord, Status, TEMPORARY, write_atomically};

/// The file in a cell's folder that says that what lies there is whole.
const FINISHED: &str = "finished";

/// The folder of one paper under one profile.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    records: BTreeMap<String, RunRecord>,
    damaged: Vec<String>,
    earlier: Vec<String>,
}

impl Store {
    /// Opens `results/<label>/<paper>` and reads its records. The folder need not exist yet. Damaged records are
    /// kept as messages, not as errors: their cells are run again.
    ///
    /// # Errors
    /// The folder of records cannot be read.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut store = Self::at(folder);
        let runs = folder.join("runs");
        if !runs.is_dir() {
            return Ok(store);
        }
        let entries = fs::read_dir(&runs).map_err(ExperimentError::io("read", &runs))?;
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in entries {
            let path = entry.map_err(ExperimentError::io("read", &runs))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        // Thousands of records are read in parallel and kept in the order of their names.
        let loaded: Vec<Result<RunRecord>> = paths.par_iter().map(|path| RunRecord::load(path)).collect();
        for (path, record) in paths.iter().zip(loaded) {
            store.keep(path, record);
        }
        Ok(store)
    }

    /// A store whose records are not read: for a process that runs one cell.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), records: BTreeMap::new(), damaged: Vec::new(), earlier: Vec::new() }
    }

    fn keep(&mut self, path: &Path, record: Result<RunRecord>) {
        match record {
            Ok(record) if path.file_stem().is_some_and(|stem| stem == record.cell.hash.as_str()) => {
                self.records.insert(record.cell.hash.clone(), record);
            }
            Ok(record) => self.damaged.push(format!(
                "{}: holds the record of cell {}; it is not used",
                path.display(),
                record.cell.hash
            )),
            Err(error @ ExperimentError::Earlier { .. }) => self.earlier.push(error.to_string()),
            Err(error) => self.damaged.push(error.to_string()),
        }
    }

    /// Reads one cell's record again, after its process has ended.
    pub fn refresh(&mut self, hash: &str) {
        self.records.remove(hash);
        let path = self.record_path(hash);
        if path.is_file() {
            self.keep(&path, RunRecord::load(&path));
        }
    }

    /// Forgets a cell's artefacts mark, and its record unless that is of a finished run, before it is run again. A finished one may
    /// come from another machine and is run for its artefacts: its record stands until the new one takes its place.
    ///
    /// # Errors
    /// The files cannot be removed.
    pub fn forget(&mut self, hash: &str) -> Result<()> {
        remove(&self.work_dir(hash).join(FINISHED))?;
        if self.finished(hash).is_none() {
            self.records.remove(hash);
            remove(&self.record_path(hash))?;
        }
        Ok(())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A sentence for every record that could not be read.
    pub fn damaged(&self) -> &[String] {
        &self.damaged
    }

    /// A sentence for every record of an earlier version, which is whole but not used.
    pub fn earlier(&self) -> &[String] {
        &self.earlier
    }

    /// All records by hash.
    pub fn records(&self) -> &BTreeMap<String, RunRecord> {
        &self.records
    }

    /// The record of a cell, when it stands as finished.
    pub fn finished(&self, hash: &str) -> Option<&RunRecord> {
        self.records.get(hash).filter(|record| record.status == Status::Finished)
    }

    /// Why a cell failed the last time.
    pub fn failure(&self, hash: &str) -> Option<&str> {
        let record = self.records.get(hash).filter(|record| record.status == Status::Failed)?;
        Some(record.reason.as_deref().unwrap_or("no reason recorded"))
    }

    /// What the files of a data set were in the runs on record: for tables of results that were made elsewhere, on a
    /// machine without the data.
    pub fn facts_on_record(&self, data: &str) -> BTreeSet<DataFacts> {
        let records = self.records.values().filter(|record| record.cell.data == data);
        records.map(|record| record.cell.facts.clone()).collect()
    }

    /// The same for the files that a configuration names, by its difference from the defaults ([`Cell::changed`]).
    ///
    /// [`Cell::changed`]: crate::cell::Cell::changed
    pub fn inputs_on_record(&self, changed: &crate::Value) -> BTreeSet<DataFacts> {
        let records = self.records.values().filter(|record| record.cell.changed == *changed);
        records.map(|record| record.cell.inputs.clone()).collect()
    }

    /// Where a cell's record stands.
    pub fn record_path(&self, hash: &str) -> PathBuf {
        self.folder.join("runs").join(format!("{hash}.json"))
    }

    /// A cell's folder of checkpoints and artefacts.
    pub fn work_dir(&self, hash: &str) -> PathBuf {
        self.checkpoints().join(hash)
    }

    /// The folder of everything that is not committed.
    pub fn checkpoints(&self) -> PathBuf {
        self.folder.join("checkpoints")
    }

    /// True where a finished cell's artefacts are on this machine.
    pub fn has_artifacts(&self, hash: &str) -> bool {
        self.work_dir(hash).join(FINISHED).is_file()
    }

    /// Marks a cell's artefacts as whole.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn mark_artifacts(&self, hash: &str) -> Result<()> {
        write_atomically(&self.work_dir(hash).join(FINISHED), format!("{hash}\n").as_bytes())
    }

    /// Makes the folders and holds them for one driver. The lock is the operating system's: it ends with the
    /// process that holds it, however that ends, so that a lock file left behind by a killed run stops nobody.
    ///
    /// # Errors
    /// The folder cannot be written to; another process holds it.
    pub fn lock(&self) -> Result<Lock> {
        let folder = self.checkpoints();
        fs::create_dir_all(&folder).map_err(ExperimentError::io("create", &folder))?;
        let runs = self.folder.join("runs");
        fs::create_dir_all(&runs).map_err(ExperimentError::io("create", &runs))?;
        let lock = Lock::take(&folder.join("lock"))?;
        // What a killed process left half-written a while ago is nobody's.
        for folder in [self.folder.as_path(), &runs, &folder] {
            remove_temporaries(folder);
        }
        Ok(lock)
    }
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ExperimentError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn remove_temporaries(folder: &Path) {
    // Younger ones may belong to a cell that a killed driver started and that is still saving.
    const OLD: Duration = Duration::from_secs(600);
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::<_, std::io::Error>::ok) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours =
            name.strip_prefix(TEMPORARY.0).is_some_and(|rest| rest.strip_suffix(TEMPORARY.1).is_some());
        let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        if ours && age.is_some_and(|age| age >= OLD) {
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// A held lock; released when dropped or when the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of `path` or says who has it.
    ///
    /// # Errors
    /// [`ExperimentError::Locked`], or the file cannot be made.
    pub fn take(path: &Path) -> Result<Self> {
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(ExperimentError::io("create", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).ok();
                let holder = if holder.trim().is_empty() { "unknown" } else { holder.trim() };
                return Err(ExperimentError::Locked { path: path.to_owned(), holder: holder.to_owned() });
            }
            // A file system without locks: better to run than to refuse.
            Err(TryLockError::Error(error)) => {
                tracing::warn!("{}: cannot be locked: {error}", path.display());
            }
        }
        let who = format!("process {} since {}\n", std::process::id(), crate::machine::now());
        file.rewind()
            .and_then(|()| file.set_len(0))
            .and_then(|()| file.write_all(who.as_bytes()))
            .map_err(ExperimentError::io("write", path))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_held_lock_names_its_holder_and_a_stale_one_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        fs::create_dir_all(store.checkpoints()).unwrap();
        fs::write(store.checkpoints().join("lock"), "process 999999999 since 2001-01-01T00:00:00Z\n")
            .unwrap();
        let held = store.lock().unwrap();
        let message = store.lock().unwrap_err().to_string();
        assert!(message.contains(&format!("process {}", std::process::id())), "{message}");
        assert!(message.contains("--results DIR"), "{message}");
        drop(held);
        store.lock().unwrap();
    }

    #[test]
    fn a_foreign_or_damaged_record_is_named_and_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs");
        fs::create_dir_all(&runs).unwrap();
        fs::write(runs.join("0123456789abcdef.json"), "{\"format\": 1, \"sta").unwrap();
        fs::write(runs.join("notes.txt"), "not a record").unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert!(store.records().is_empty());
        assert_eq!(store.damaged().len(), 1);
        assert!(
            store.damaged()[0].contains("0123456789abcdef.json: damaged run record"),
            "{:?}",
            store.damaged()
        );
    }
}
