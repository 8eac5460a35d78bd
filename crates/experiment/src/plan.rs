//! From tables to cells: what is to be run, what waits, and for what.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cell::{Cell, DataFacts, Missing};
use crate::config::{self, Value};
use crate::error::{ExperimentError, Result, suggestion};
use crate::method::Method;
use crate::schema::{Awaits, DETERMINISTIC_SEED, Profile, TableSpec};
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
        let mut planner = Planner {
            method,
            selection,
            store,
            cells: BTreeMap::new(),
            located: BTreeMap::new(),
            missing_inputs: BTreeMap::new(),
            memo: BTreeMap::new(),
            // A method that cannot do without some key has no defaults: its cells are named by all their keys.
            default: method
                .check_config(&Value::Object(serde_json::Map::new()))
                .unwrap_or_else(|_| Value::Object(serde_json::Map::new())),
        };
        let mut tables = Vec::new();
        for spec in specs {
            let mut slots = Vec::new();
            for (system, dataset) in spec.pairs(selection.profile) {
                planner.slots(&spec, system, dataset, &mut slots)?;
            }
            let auxiliary = planner.auxiliary(&spec);
            planner.memo.clear();
            tables.push(PlannedTable { spec, slots, auxiliary });
        }
        check_chosen(&tables, selection)?;
        let located = std::mem::take(&mut planner.located);
        Ok(Self {
            profile: selection.profile,
            tables,
            cells: planner.cells,
            missing_inputs: planner.missing_inputs,
            missing: located
                .into_iter()
                .filter_map(|(data, found)| Some((data, found.err()?.reason)))
                .collect(),
        })
    }

    /// The hashes that this run has to see finished: the selected slots' cells.
    pub fn wanted(&self) -> BTreeSet<&str> {
        let slots = self.tables.iter().flat_map(PlannedTable::selected);
        slots
            .filter_map(|slot| match &slot.state {
                SlotState::Cell(hash) => Some(hash.as_str()),
                SlotState::Waits(_) => None,
            })
            .collect()
    }

    /// What has to run: the wanted cells that are not finished, and before them the cells they need, where those are
    /// not finished or their artefacts are not on this machine. In an order in which every cell follows its needs.
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
        for need in cell.needs.values() {
            if store.finished(need).is_none() || !store.has_artifacts(need) {
                self.add(need, store, seen, order);
            }
        }
        order.push(cell);
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

struct Planner<'a> {
    method: &'a dyn Method,
    selection: &'a Selection,
    store: &'a Store,
    cells: BTreeMap<String, Cell>,
    located: BTreeMap<String, Result<DataFacts, Missing>>,
    missing_inputs: BTreeMap<String, BTreeSet<String>>,
    memo: BTreeMap<(String, String, u64), SlotState>,
    default: Value,
}

impl Planner<'_> {
    /// The slots of one system on one data set: the table's seeds and those of the command line.
    fn slots(&mut self, spec: &TableSpec, system: &str, dataset: &str, slots: &mut Vec<Slot>) -> Result<()> {
        let selection = self.selection;
        let own = spec.seeds_of(selection.profile, system, dataset);
        // Whatever seeds are asked for, the only run of a deterministic system belongs to them.
        let asked = selection.seeds.as_deref().filter(|_| !spec.is_deterministic(system)).unwrap_or(own);
        let all: BTreeSet<u64> = own.iter().chain(asked).copied().collect();
        let on = |list: &[String], name: &str| list.is_empty() || list.iter().any(|n| n == name);
        let chosen = on(&selection.systems, system) && on(&selection.datasets, dataset);
        // A sample run shows the road, not numbers: only what stands in for missing data.
        let named = spec.dataset(dataset).map(|d| d.data.clone()).unwrap_or_default();
        if selection.samples && (self.locate(&named).is_ok() || self.method.sample(&named).is_none()) {
            return Ok(());
        }
        for seed in all {
            slots.push(Slot {
                system: system.to_owned(),
                dataset: dataset.to_owned(),
                seed,
                state: self.resolve(spec, system, dataset, seed)?,
                selected: chosen && asked.contains(&seed),
            });
        }
        Ok(())
    }

    /// The cells of auxiliary systems that the command line names, among those that the table's systems need.
    fn auxiliary(&mut self, spec: &TableSpec) -> Vec<Slot> {
        let selection = self.selection;
        let in_rows = spec.pairs(selection.profile);
        let chosen = |(system, dataset, seed): &(String, String, u64)| {
            spec.system(system).is_some_and(|system| system.auxiliary)
                && !in_rows.contains(&(system, dataset))
                && selection.systems.contains(system)
                && (selection.datasets.is_empty() || selection.datasets.contains(dataset))
                && selection.seeds.as_ref().is_none_or(|seeds| seeds.contains(seed))
        };
        let found: Vec<_> = self.memo.iter().filter(|(key, _)| chosen(key)).collect();
        let slots = found.into_iter().map(|((system, dataset, seed), state)| Slot {
            system: system.clone(),
            dataset: dataset.clone(),
            seed: *seed,
            state: state.clone(),
            selected: true,
        });
        let mut slots: Vec<Slot> = slots.collect();
        if selection.samples {
            let data = |slot: &Slot| spec.dataset(&slot.dataset).map(|d| d.data.clone()).unwrap_or_default();
            slots.retain(|slot| self.locate(&data(slot)).is_err());
        }
        slots
    }

    fn locate(&mut self, data: &str) -> Result<DataFacts, Missing> {
        let method = self.method;
        self.located.entry(data.to_owned()).or_insert_with(|| method.locate(data)).clone()
    }

    fn resolve(&mut self, spec: &TableSpec, system: &str, dataset: &str, seed: u64) -> Result<SlotState> {
        let seed = if spec.is_deterministic(system) { DETERMINISTIC_SEED } else { seed };
        let key = (system.to_owned(), dataset.to_owned(), seed);
        if let Some(known) = self.memo.get(&key) {
            return Ok(known.clone());
        }
        let state = self.resolve_anew(spec, system, dataset, seed)?;
        self.memo.insert(key, state.clone());
        Ok(state)
    }

    fn resolve_anew(
        &mut self,
        spec: &TableSpec,
        system: &str,
        dataset: &str,
        seed: u64,
    ) -> Result<SlotState> {
        let profile = self.selection.profile;
        let written = spec.config(profile, system, dataset, &self.selection.sets);
        let config = self.method.check_config(&written.to_value()).map_err(|error| written.locate(&error))?;
        match spec.awaits(profile, system) {
            Some(Awaits::What(what)) => return Ok(SlotState::Waits(what.clone())),
            Some(Awaits::Unless { what, unless }) => {
                let set = unless.split('.').try_fold(&config, |value, key| value.get(key));
                if set.is_none_or(Value::is_null) {
                    return Ok(SlotState::Waits(what.clone()));
                }
            }
            None => {}
        }
        let (Some(system_spec), Some(dataset_spec)) = (spec.system(system), spec.dataset(dataset)) else {
            return Ok(SlotState::Waits(format!(
                "`{system}` on `{dataset}` is not in {}",
                spec.path.display()
            )));
        };
        let mut needs = BTreeMap::new();
        for (role, need) in &system_spec.needs {
            let other = need
                .dataset()
                .or_else(|| dataset_spec.needs.get(role).map(String::as_str))
                .unwrap_or(dataset);
            match self.resolve(spec, need.system(), other, need.seed().unwrap_or(seed))? {
                SlotState::Cell(hash) => _ = needs.insert(role.clone(), hash),
                SlotState::Waits(reason) => {
                    return Ok(SlotState::Waits(format!("{} on {other}: {reason}", need.system())));
                }
            }
        }
        let mut cell = Cell {
            hash: String::new(),
            method: self.method.name().to_owned(),
            results_version: self.method.results_version(),
            system: system.to_owned(),
            dataset: dataset.to_owned(),
            data: dataset_spec.data.clone(),
            seed,
            changed: config::difference(&config, &self.default),
            config,
            facts: DataFacts::default(),
            inputs: DataFacts::default(),
            needs,
            tables: [spec.name.clone()].into(),
        };
        if let Err(reason) = self.find_files(&mut cell) {
            return Ok(SlotState::Waits(reason));
        }
        cell.hash = cell.content_hash();
        let hash = cell.hash.clone();
        self.cells.entry(hash.clone()).or_insert(cell).tables.insert(spec.name.clone());
        Ok(SlotState::Cell(hash))
    }

    /// Fills in the hashes of the cell's files: those on this machine; else those of a finished run on record (its
    /// numbers stand, wherever they were made); else, in a sample run, the sample's.
    fn find_files(&mut self, cell: &mut Cell) -> Result<(), String> {
        let facts = self.locate(&cell.data);
        let inputs = self.method.inputs(&cell.config);
        let (facts, inputs) = match (facts, inputs) {
            (Ok(facts), Ok(inputs)) => {
                (cell.facts, cell.inputs) = (facts, inputs);
                return Ok(());
            }
            other => other,
        };
        let all_facts =
            facts.as_ref().map_or_else(|_| self.store.facts_on_record(&cell.data), |f| [f.clone()].into());
        let all_inputs = inputs
            .as_ref()
            .map_or_else(|_| self.store.inputs_on_record(&cell.changed), |i| [i.clone()].into());
        for facts in &all_facts {
            for inputs in &all_inputs {
                (cell.facts, cell.inputs) = (facts.clone(), inputs.clone());
                if self.store.finished(&cell.content_hash()).is_some() {
                    return Ok(());
                }
            }
        }
        let inputs = match inputs {
            Err(missing) if self.selection.samples => self.sample_inputs(cell, missing),
            inputs => inputs,
        };
        if let Err(missing) = &inputs {
            let waiting = self.missing_inputs.entry(missing.reason.clone()).or_default();
            waiting.insert(cell.system.clone());
        }
        let sample = self.selection.samples && self.method.sample(&cell.data).is_some();
        if let Err(missing) = &facts
            && !sample
        {
            return Err(format!("data set `{}`: {}", cell.data, missing.reason));
        }
        cell.inputs = inputs.map_err(|missing| missing.reason)?;
        if let Ok(facts) = facts {
            cell.facts = facts;
            return Ok(());
        }
        if self.selection.samples
            && let Some(sample) = self.method.sample(&cell.data)
        {
            cell.facts = match self.locate(&sample) {
                Ok(facts) => facts,
                Err(missing) => return Err(missing.reason),
            };
            cell.data = sample;
            cell.dataset = format!("sample-{}", cell.dataset);
            return Ok(());
        }
        Err(format!("data set `{}`: it has no sample", cell.data))
    }

    /// In a sample run the method may do without inputs that are missing: another configuration, and what it names.
    fn sample_inputs(&self, cell: &mut Cell, missing: Missing) -> Result<DataFacts, Missing> {
        let config = self.method.sample_config(&cell.config);
        if config == cell.config {
            return Err(missing);
        }
        let config = self.method.check_config(&config).map_err(|error| Missing::new(error.to_string()))?;
        let inputs = self.method.inputs(&config)?;
        cell.changed = config::difference(&config, &self.default);
        cell.config = config;
        Ok(inputs)
    }
}
