//! What the rows of a table wait for, as its CSV says: whether the files of a data set are at hand, its YAML does not know.

use std::collections::BTreeMap;
use std::path::Path;

use crate::report::CsvFile;

/// By system, data set as printed, and task.
#[derive(Debug, Default)]
pub struct Waits(BTreeMap<(String, String, String), String>);

impl Waits {
    /// Reads a table's CSV; nothing waits where there is none.
    ///
    /// # Errors
    /// What is no CSV, with its line; no such columns.
    pub fn read(path: &Path) -> Result<Self, String> {
        if !path.is_file() {
            return Ok(Self::default());
        }
        let file = CsvFile::read(path)?;
        let [system, dataset, task] = [file.column("system")?, file.column("dataset")?, file.column("task")?];
        let verdict = file.column("verdict")?;
        let rows = file.sheet.rows.iter().filter_map(|row| {
            let what = row[verdict].strip_prefix("waits: ")?;
            Some(((row[system].clone(), row[dataset].clone(), row[task].clone()), what.to_owned()))
        });
        Ok(Self(rows.collect()))
    }

    /// What this row waits for.
    pub fn of(&self, system: &str, dataset: &str, task: &str) -> Option<&str> {
        self.0.get(&(system.to_owned(), dataset.to_owned(), task.to_owned())).map(String::as_str)
    }
}
