//! Which cell fills a place of a table, and what a place without one waits for.

use std::collections::{BTreeMap, BTreeSet};

use crate::cell::{Cell, DataFacts, Missing};
use crate::commands::CellName;
use crate::config::{self, Value};
use crate::error::Result;
use crate::method::Method;
use crate::plan::{Plan, PlannedTable, Selection, Slot, SlotState};
use crate::schema::{Awaits, DETERMINISTIC_SEED, TableSpec};
use crate::store::Store;

/// Resolves tables: which cell fills a slot, or what the slot waits for.
pub(crate) struct Planner<'a> {
    method: &'a dyn Method,
    selection: &'a Selection,
    store: &'a Store,
    cells: BTreeMap<String, Cell>,
    names: BTreeMap<String, Vec<CellName>>,
    located: BTreeMap<String, Result<DataFacts, Missing>>,
    missing_inputs: BTreeMap<String, BTreeSet<String>>,
    /// The cells of systems that await something, where it is taken to be at hand.
    awaited: BTreeSet<String>,
    of_records: BTreeSet<String>,
    memo: BTreeMap<(String, String, u64), SlotState>,
    default: Value,
    /// For a table that was not asked for: the cells that are run for others.
    running: Option<&'a [&'a Cell]>,
}

impl<'a> Planner<'a> {
    /// Nothing is resolved yet.
    pub fn new(method: &'a dyn Method, selection: &'a Selection, store: &'a Store) -> Self {
        Self {
            method,
            selection,
            store,
            cells: BTreeMap::new(),
            names: BTreeMap::new(),
            located: BTreeMap::new(),
            missing_inputs: BTreeMap::new(),
            awaited: BTreeSet::new(),
            of_records: BTreeSet::new(),
            memo: BTreeMap::new(),
            // A method that cannot do without some key has no defaults: its cells are named by all their keys.
            default: method
                .check_config(&Value::Object(serde_json::Map::new()))
                .unwrap_or_else(|_| Value::Object(serde_json::Map::new())),
            running: None,
        }
    }

    /// For a table that was not asked for, beside a run of these cells.
    pub fn beside(self, running: &'a [&'a Cell]) -> Self {
        Self { running: Some(running), ..self }
    }

    /// Resolves every slot of these tables.
    pub fn plan(mut self, specs: Vec<TableSpec>) -> Result<Plan> {
        let profile = self.selection.profile;
        let mut tables = Vec::new();
        let mut memos = Vec::new();
        for spec in specs {
            let mut slots = Vec::new();
            for (system, dataset) in spec.pairs(profile) {
                self.slots(&spec, system, dataset, &mut slots)?;
            }
            let auxiliary = if self.running.is_none() { self.auxiliary(&spec) } else { Vec::new() };
            memos.push(std::mem::take(&mut self.memo));
            tables.push(PlannedTable { spec, slots, auxiliary });
        }
        // After all tables, since the cells of one may be those of another; and after the auxiliary systems, since
        // nothing is run for a seed that is only shown.
        for (table, memo) in tables.iter_mut().zip(memos) {
            self.memo = memo;
            self.add_known_seeds(table)?;
        }
        Ok(Plan {
            profile,
            tables,
            cells: self.cells,
            names: self.names,
            awaited: self.awaited,
            of_records: self.of_records,
            missing_inputs: self.missing_inputs,
            missing: self
                .located
                .into_iter()
                .filter_map(|(data, found)| Some((data, found.err()?.reason)))
                .collect(),
        })
    }

    /// The slots of one system on one data set: the table's seeds and, where it is chosen, those of the command line.
    fn slots(&mut self, spec: &TableSpec, system: &str, dataset: &str, slots: &mut Vec<Slot>) -> Result<()> {
        let selection = self.selection;
        let own = spec.seeds_of(selection.profile, system, dataset);
        // Whatever seeds are asked for, the only run of a deterministic system belongs to them.
        let asks = self.running.is_none() && !spec.is_deterministic(system);
        let asked = selection.seeds.as_deref().filter(|_| asks).unwrap_or(own);
        let all: BTreeSet<u64> = own.iter().chain(asked).copied().collect();
        let on = |list: &[String], name: &str| list.is_empty() || list.iter().any(|n| n == name);
        let chosen =
            self.running.is_none() && on(&selection.systems, system) && on(&selection.datasets, dataset);
        // A sample run shows the road, not numbers: only what stands in for missing data.
        let named = spec.dataset(dataset).map(|d| d.data.clone()).unwrap_or_default();
        if selection.samples && (self.locate(&named).is_ok() || self.method.sample(&named).is_none()) {
            return Ok(());
        }
        for seed in all {
            // Also where the seed is not this row's: an auxiliary system may be chosen that it needs with that seed.
            let state = self.resolve(spec, system, dataset, seed)?;
            let selected = chosen && asked.contains(&seed);
            if selected || own.contains(&seed) {
                let (system, dataset) = (system.to_owned(), dataset.to_owned());
                slots.push(Slot { system, dataset, seed, state, selected, planned: true });
            }
        }
        Ok(())
    }

    /// Slots for the further seeds with which a row's cell is on record or is run now, for whatever table.
    fn add_known_seeds(&mut self, table: &mut PlannedTable) -> Result<()> {
        let spec = &table.spec;
        let mut slots = Vec::new();
        for (system, dataset) in spec.pairs(self.selection.profile) {
            let planned = table.slots.iter().filter(|slot| slot.system == system && slot.dataset == dataset);
            let mut row: Vec<Slot> = planned.cloned().collect();
            if !row.is_empty() && !spec.is_deterministic(system) {
                for seed in self.known_seeds(spec, system, dataset)? {
                    if row.iter().any(|slot| slot.seed == seed) {
                        continue;
                    }
                    let state = self.resolve(spec, system, dataset, seed)?;
                    let (system, dataset) = (system.to_owned(), dataset.to_owned());
                    row.push(Slot { system, dataset, seed, state, selected: false, planned: false });
                }
            }
            row.sort_by_key(|slot| slot.seed);
            slots.append(&mut row);
        }
        table.slots = slots;
        Ok(())
    }

    /// The seeds of the cells that have a row's data and configuration. What they need may still differ: whether such a
    /// cell is the row's, its hash says.
    fn known_seeds(&self, spec: &TableSpec, system: &str, dataset: &str) -> Result<BTreeSet<u64>> {
        let data = spec.dataset(dataset).map(|dataset| dataset.data.as_str()).unwrap_or_default();
        let changed = config::difference(&self.config(spec, system, dataset)?, &self.default);
        let on_record = self.store.records().values().map(|record| &record.cell);
        let running = self.running.unwrap_or_default().iter().copied();
        let known = on_record.chain(self.cells.values()).chain(running);
        let same = known.filter(|cell| cell.data == data && cell.changed == changed);
        Ok(same.map(|cell| cell.seed).collect())
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
            planned: true,
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

    fn config(&self, spec: &TableSpec, system: &str, dataset: &str) -> Result<Value> {
        let written = spec.config(self.selection.profile, system, dataset, &self.selection.sets);
        self.method.check_config(&written.to_value()).map_err(|error| written.locate(&error))
    }

    fn resolve_anew(
        &mut self,
        spec: &TableSpec,
        system: &str,
        dataset: &str,
        seed: u64,
    ) -> Result<SlotState> {
        let profile = self.selection.profile;
        let config = self.config(spec, system, dataset)?;
        let mut awaited = false;
        match spec.awaits(profile, system) {
            Some(Awaits::What(what)) => return Ok(SlotState::Waits(what.clone())),
            Some(Awaits::Unless { what, unless }) => {
                awaited = config::at_key(&config, unless).is_none_or(Value::is_null);
                if awaited && !self.selection.awaited {
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
            results_version: self.method.results_version_of(&config),
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
        if self.method.reads_records(&cell.config) {
            self.of_records.insert(hash.clone());
        }
        if awaited {
            self.awaited.insert(hash.clone());
        }
        let name = CellName::of(spec, profile, system, dataset);
        self.names.entry(hash.clone()).or_default().extend(name);
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
