//! Which run fills which row of a table.
//!
//! A store keeps the records of earlier configurations beside today's. Which of them a table shows stands in `runs.csv`, by
//! the hash of each run: the program that plans the cells writes it with the tables' CSVs, and a run that the plan asks for
//! no longer loses its table there. Only runs that it lists for a table fill the table's rows. A claim is so judged on the
//! runs that the table's CSV shows, all of their seeds, and never on those of a configuration that another has replaced. A run
//! that it does not know is newer than it, and of the tables that its record names.
//!
//! `runs.csv` does not say the row. The names in a record are those of the table that asked first, and rows have been
//! renamed since; nor does the YAML say it alone ([`fit`](mod@super::fit)). A listed run is that of the row
//!
//! 1. with its data set, and with its `needs`: the same roles, each filled by the run of the row that the YAML names
//!    (where that run is not on record, only the record's own name will do);
//! 2. that it does not contradict, by a value that the YAML sets and the run has otherwise. Then the YAML has changed since
//!    the table was written: the run counts for nothing, and [`Rows::refused`] says why;
//! 3. that it fits best. Of rows that it fits alike its name tells one, but for those that are one cell: they differ in nothing
//!    but values that the run has anyway.
//!
//! Whatever is left open, two rows for a run or two runs for a row, counts for nothing. What cannot be seen is a key that the
//! YAML has since set in place of the method's default, or no longer sets: until `reproduce` writes the table anew, its CSV is
//! as old as the verdict.

use std::collections::BTreeMap;

use medner_experiment::schema::{Dataset, Profile, System, TableSpec};
use medner_experiment::{Cell, RunRecord, Value};

use super::fit::{Fit, fit};

/// The finished runs that a table shows, by hash.
pub type Listed<'a> = BTreeMap<&'a str, &'a RunRecord>;

/// The runs of a table's rows, a row being a system and a data set of its file.
#[derive(Debug, Default)]
pub struct Rows<'a> {
    filled: BTreeMap<(String, String), BTreeMap<u64, &'a RunRecord>>,
    refused: BTreeMap<(String, String), String>,
}

impl<'a> Rows<'a> {
    /// Finds the row of every run that is listed for the table.
    pub fn new(spec: &TableSpec, profile: Profile, listed: &Listed<'a>) -> Self {
        let mut rows = Vec::new();
        for (system, known) in spec.systems.iter().filter(|(_, known)| known.minus.is_none()) {
            for (dataset, data) in &spec.datasets {
                if listed.values().any(|record| record.cell.data == data.data) {
                    let wanted = spec.config(profile, system, dataset, &[]).to_value();
                    rows.push(Row { system, known, dataset, data, wanted });
                }
            }
        }
        let mut search = Search { rows: &rows, listed, known: BTreeMap::new(), refused: BTreeMap::new() };
        let mut found: BTreeMap<(usize, u64), Vec<&'a RunRecord>> = BTreeMap::new();
        for (hash, record) in listed {
            let places = search.places(hash);
            if places.one_cell || places.rows.len() == 1 {
                for at in places.rows {
                    found.entry((at, record.cell.seed)).or_default().push(record);
                }
            }
        }
        let mut refused = search.refused;
        let mut filled: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for ((at, seed), records) in found {
            match records[..] {
                [record] => _ = filled.entry(rows[at].key()).or_default().insert(seed, record),
                _ => _ = refused.insert(rows[at].key(), format!("{} runs fit it alike", records.len())),
            }
        }
        Self { filled, refused }
    }

    /// The runs of a row by seed.
    pub fn records(&self, system: &str, dataset: &str) -> Option<&BTreeMap<u64, &'a RunRecord>> {
        self.filled.get(&(system.to_owned(), dataset.to_owned()))
    }

    /// Why a run that bears the row's name does not count: `its run was made with another ...`.
    pub fn refused(&self, system: &str, dataset: &str) -> Option<&str> {
        self.refused.get(&(system.to_owned(), dataset.to_owned())).map(String::as_str)
    }
}

/// A row as its YAML has it.
struct Row<'s> {
    system: &'s str,
    known: &'s System,
    dataset: &'s str,
    data: &'s Dataset,
    wanted: Value,
}

impl Row<'_> {
    fn key(&self) -> (String, String) {
        (self.system.to_owned(), self.dataset.to_owned())
    }

    /// Whether the table has the system on the data set; where the system names no data sets it may have it on each.
    fn is_shown(&self) -> bool {
        self.known.datasets.as_ref().is_none_or(|named| named.iter().any(|name| name == self.dataset))
    }

    fn is_named_by(&self, cell: &Cell) -> bool {
        let shown = self.data.shown_as.as_deref().unwrap_or(self.dataset);
        cell.system == self.system && (cell.dataset == self.dataset || cell.dataset == shown)
    }
}

/// The rows that a run may be that of.
#[derive(Clone, Default)]
struct Places {
    rows: Vec<usize>,
    /// They are one cell.
    one_cell: bool,
}

struct Search<'s, 'a> {
    rows: &'s [Row<'s>],
    listed: &'s Listed<'a>,
    known: BTreeMap<String, Places>,
    refused: BTreeMap<(String, String), String>,
}

impl Search<'_, '_> {
    fn places(&mut self, hash: &str) -> Places {
        if let Some(known) = self.known.get(hash) {
            return known.clone();
        }
        // In edited files a run may need itself: it has no row then.
        self.known.insert(hash.to_owned(), Places::default());
        let Some(record) = self.listed.get(hash) else { return Places::default() };
        let (cell, rows) = (&record.cell, self.rows);
        let mut fits: Vec<(Fit, bool, usize)> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            if row.data.data != cell.data || !row.known.needs.keys().eq(cell.needs.keys()) {
                continue;
            }
            let named = row.is_named_by(cell);
            match self.fit(row, cell, named) {
                Ok(fit) => fits.push((fit, named, at)),
                Err(why) if named => _ = self.refused.insert(row.key(), why),
                Err(_) => {}
            }
        }
        let Some(best) = fits.iter().map(|(fit, ..)| fit.rank()).min() else { return Places::default() };
        fits.retain(|(fit, ..)| fit.rank() == best);
        // What only others start from comes after the table's own rows.
        if fits.iter().any(|(.., at)| rows[*at].is_shown()) {
            fits.retain(|(.., at)| rows[*at].is_shown());
        }
        let one_cell = fits.iter().all(|(fit, ..)| fit.is_one_cell_with(&fits[0].0));
        if !one_cell && fits.iter().any(|(_, named, _)| *named) {
            fits.retain(|(_, named, _)| *named);
        }
        let places = Places { rows: fits.into_iter().map(|(.., at)| at).collect(), one_cell };
        self.known.insert(hash.to_owned(), places.clone());
        places
    }

    /// How well the run fits the row, or why it is another's.
    fn fit(&mut self, row: &Row<'_>, cell: &Cell, named: bool) -> Result<Fit, String> {
        let fit = fit(&row.wanted, &cell.config, &cell.changed)
            .map_err(|key| format!("its run was made with another `{key}`"))?;
        for (role, need) in &row.known.needs {
            let other = need
                .dataset()
                .or_else(|| row.data.needs.get(role).map(String::as_str))
                .unwrap_or(row.dataset);
            let hash = &cell.needs[role];
            let same = if self.listed.contains_key(hash.as_str()) {
                let rows = self.rows;
                let is_it = |at: &usize| rows[*at].system == need.system() && rows[*at].dataset == other;
                self.places(hash).rows.iter().any(is_it)
            } else {
                named
            };
            if !same {
                return Err(format!("its run starts from another `{role}`"));
            }
        }
        Ok(fit)
    }
}
