//! From tables to cells: what is to be run, what waits, and for what.
//!
//! # Which seeds a row has
//!
//! A row counts every finished run of its cell, whatever its seed and whichever command or table made it. It lacks a run
//! (`partial`) where one of the seeds that its file names is not finished, or one that the command at work asks of it;
//! `--seeds` asks nothing of the rows that `--system` and `--dataset` leave out. A further seed that failed stays on
//! record and in the row, until it is run again: a mean over the seeds that happened to end well is none. So the same
//! records and files give the same tables, in whatever order they were made. A run writes the tables that it was asked for
//! and those of the paper's others that stand among the results and show a cell of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::commands::CellName;
use crate::error::{ExperimentError, Result, suggestion};
use crate::method::Method;
use crate::planner::Planner;
use crate::schema::{Profile, TableSpec};
use crate::store::Store;
use crate::yaml::Node;

/// What `reproduce` was asked for.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The profile.
    pub profile: Profile,
    /// Seeds that are run in place of the tables' own.
    pub seeds: Option<Vec<u64>>,
    /// The systems that are run; empty: all.
    pub systems: Vec<String>,
    /// The data sets that are run; empty: all.
    pub datasets: Vec<String>,
    /// Configuration from the command line.
    pub sets: Vec<Node>,
    /// Run on the embedded samples in place of the data sets that cannot be had.
    pub samples: bool,
    /// Take what systems await (`awaits: {what: ..., unless: ...}`) to be at hand: what would be run then.
    pub awaited: bool,
}

/// One place of a table: a system on a data set with a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The system's name in the table.
    pub system: String,
    /// The data set's name in the file.
    pub dataset: String,
    /// The seed.
    pub seed: u64,
    /// The cell that fills it, or what it waits for.
    pub state: SlotState,
    /// True where this run is to fill it.
    pub selected: bool,
    /// True where the row lacks something without it: a seed that its file names, or one that this run is to fill. Any
    /// other slot is shown once its cell is on record.
    pub planned: bool,
}

/// How a slot is filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// By the cell with this hash.
    Cell(String),
    /// Not now.
    Waits(String),
}

/// A table and its slots.
#[derive(Clone, Debug)]
pub struct PlannedTable {
    /// The table.
    pub spec: TableSpec,
    /// Its slots in the order of the file.
    pub slots: Vec<Slot>,
    /// Cells of auxiliary systems that were asked for by name: run, but no rows of the table.
    pub auxiliary: Vec<Slot>,
}

impl PlannedTable {
    /// Everything that this run is to fill: the table's slots and what is run beside them.
    pub(crate) fn selected(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().chain(&self.auxiliary).filter(|slot| slot.selected)
    }

    /// The hashes of the cells that this run is to see finished; what waits has none.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &str> {
        self.selected().filter_map(|slot| match &slot.state {
            SlotState::Cell(hash) => Some(hash.as_str()),
            SlotState::Waits(_) => None,
        })
    }
}

/// Everything that a `reproduce` runs and shows.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The profile.
    pub profile: Profile,
    /// The tables.
    pub tables: Vec<PlannedTable>,
    /// All cells by hash.
    pub cells: BTreeMap<String, Cell>,
    /// What the tables call each of them, in the order in which they asked; those that no command can choose by name have none.
    pub(crate) names: BTreeMap<String, Vec<CellName>>,
    /// Those of them whose place is taken by what is awaited ([`Selection::awaited`]).
    pub awaited: BTreeSet<String>,
    /// Those of them that read the records of the cells they need, and no artefacts.
    pub of_records: BTreeSet<String>,
    /// The data sets that are missing: name in the catalogue to reason.
    pub missing: BTreeMap<String, String>,
    /// Missing files that configurations name (weights, vectors, further corpora): the reason to the systems that wait
    /// for them.
    pub missing_inputs: BTreeMap<String, BTreeSet<String>>,
}

/// A plan as the processes of single cells read it; it can be handed to a cluster's scheduler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    /// The method.
    pub method: String,
    /// The profile, or the name under which its results stand.
    pub label: String,
    /// The repository's root.
    pub root: PathBuf,
    /// `results/<label>/<paper>`.
    pub results: PathBuf,
    /// `cpu`, `cuda:0`.
    pub device: String,
    /// Versions for the records.
    pub versions: BTreeMap<String, String>,
    /// The cells.
    pub cells: BTreeMap<String, Cell>,
    /// For each cell the command that makes it.
    pub commands: BTreeMap<String, String>,
}

impl Plan {
    /// Resolves every slot of the tables.
    ///
    /// # Errors
    /// Configurations that the method refuses, with the line; names on the command line that no table has, or that
    /// together choose nothing.
    pub fn build(
        method: &dyn Method,
        specs: Vec<TableSpec>,
        selection: &Selection,
        store: &Store,
    ) -> Result<Self> {
        check_selection(&specs, selection)?;
        let plan = Planner::new(method, selection, store).plan(specs)?;
        check_chosen(&plan.tables, selection)?;
        Ok(plan)
    }

    /// The slots of a table that was not asked for, to be shown beside a run of these cells: none of them is selected.
    ///
    /// # Errors
    /// Configurations that the method refuses.
    pub(crate) fn beside(
        method: &dyn Method,
        spec: TableSpec,
        selection: &Selection,
        store: &Store,
        running: &[&Cell],
    ) -> Result<Self> {
        Planner::new(method, selection, store).beside(running).plan(vec![spec])
    }

    /// The hashes that this run has to see finished: the selected slots' cells.
    pub fn wanted(&self) -> BTreeSet<&str> {
        self.tables.iter().flat_map(PlannedTable::wanted).collect()
    }

    /// What has to run: the wanted cells that are not finished, and before them the cells they need, where those are
    /// not finished or their artefacts, where those are read, are not on this machine. In an order in which every cell follows its needs.
    pub fn to_run(&self, store: &Store) -> Vec<&Cell> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for table in &self.tables {
            for slot in table.selected() {
                if let SlotState::Cell(hash) = &slot.state
                    && store.finished(hash).is_none()
                {
                    self.add(hash, store, &mut seen, &mut order);
                }
            }
        }
        order
    }

    fn add<'a>(&'a self, hash: &str, store: &Store, seen: &mut BTreeSet<String>, order: &mut Vec<&'a Cell>) {
        let Some(cell) = self.cells.get(hash) else { return };
        if !seen.insert(hash.to_owned()) {
            return;
        }
        let of_records = self.of_records.contains(hash);
        for need in cell.needs.values() {
            if store.finished(need).is_none() || !(of_records || store.has_artifacts(need)) {
                self.add(need, store, seen, order);
            }
        }
        order.push(cell);
    }

    /// The cells that a cell starts from, by the names it knows them by.
    pub fn needs<'a>(&'a self, cell: &'a Cell) -> BTreeMap<&'a str, &'a Cell> {
        let needs = cell.needs.iter();
        needs.filter_map(|(role, hash)| Some((role.as_str(), self.cells.get(hash)?))).collect()
    }

    /// True where the plan would run something on a sample.
    pub fn has_missing(&self) -> bool {
        !self.missing.is_empty()
    }
}

fn check_selection(specs: &[TableSpec], selection: &Selection) -> Result<()> {
    let systems: BTreeSet<&str> =
        specs.iter().flat_map(|spec| spec.systems.iter().map(|(name, _)| name.as_str())).collect();
    let datasets: BTreeSet<&str> =
        specs.iter().flat_map(|spec| spec.datasets.iter().map(|(name, _)| name.as_str())).collect();
    for (flag, given, known) in
        [("--system", &selection.systems, systems), ("--dataset", &selection.datasets, datasets)]
    {
        let known: Vec<&str> = known.into_iter().collect();
        for name in given {
            if !known.contains(&name.as_str()) {
                let hint = suggestion(name, &known);
                return Err(ExperimentError::usage(format!("{flag} `{name}`: no chosen table has it{hint}")));
            }
        }
    }
    Ok(())
}

/// A selection that chooses nothing is a mistake of the command line: a system that does not stand on that data set, a
/// row that only shows the difference of two others.
fn check_chosen(tables: &[PlannedTable], selection: &Selection) -> Result<()> {
    let nothing_said = selection.systems.is_empty() && selection.datasets.is_empty();
    // A sample run leaves out what has its data.
    if nothing_said || selection.samples || tables.iter().any(|table| table.selected().next().is_some()) {
        return Ok(());
    }
    let flags = [("--system", &selection.systems), ("--dataset", &selection.datasets)];
    let flags =
        flags.iter().flat_map(|(flag, names)| names.iter().map(move |name| format!("{flag} `{name}`")));
    let slots = || tables.iter().flat_map(|table| &table.slots);
    let mut known: Vec<String> = Vec::new();
    for slot in slots() {
        let name = format!("{} on {}", slot.system, slot.dataset);
        if !known.contains(&name) {
            known.push(name);
        }
    }
    for (name, system) in tables.iter().flat_map(|table| &table.spec.systems) {
        if system.auxiliary && !slots().any(|slot| slot.system == *name) && !known.contains(name) {
            known.push(name.clone());
        }
    }
    Err(ExperimentError::usage(format!(
        "{}: nothing to run; known systems: {}",
        flags.collect::<Vec<_>>().join(" "),
        known.join(", ")
    )))
}
