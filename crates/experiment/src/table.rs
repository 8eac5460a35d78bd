//! Result tables: every published number beside the measured one with its spread, its test, and the command that
//! made it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use medner_metrics::{Summary, t_test_one_sample};

use crate::cell::Cell;
use crate::error::Result;
use crate::machine::relative;
use crate::pairs::pairs;
use crate::plan::{Plan, PlannedTable, Slot, SlotState};
use crate::published::Published;
use crate::record::RunRecord;
use crate::schema::{Profile, TableSpec};
use crate::store::Store;
pub use crate::verdict::Verdict;
use crate::verdict::{judge, worst};

/// One row of a result table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// System, as printed.
    pub system: String,
    /// Data set, as printed.
    pub dataset: String,
    /// Task or entity type.
    pub task: String,
    /// The metric as we measure it.
    pub metric: String,
    /// The published number.
    pub published: Option<f64>,
    /// Mean and spread over seeds, in the published scale.
    pub summary: Option<Summary>,
    /// Mean minus published.
    pub difference: Option<f64>,
    /// Two-sided one-sample t-test of the seeds against the published number.
    pub p_value: Option<f64>,
    /// How they stand to each other.
    pub verdict: Verdict,
    /// Devices of the runs.
    pub device: String,
    /// What the runs note of each of the table's notes.
    pub notes: Vec<String>,
    /// The command that makes this row.
    pub command: String,
}

/// A table of scores, ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultTable {
    /// The table's name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The profile, or the name under which its results stand.
    pub profile: String,
    /// The notes that have a column.
    pub notes: Vec<String>,
    /// Rows in the order of the printed table.
    pub rows: Vec<Row>,
}

/// What the tables are made from.
pub(crate) struct Maker<'a> {
    /// The profile's name in the CSVs.
    pub label: &'a str,
    pub store: &'a Store,
    /// Reasons of this run's failures that no record holds (a need that failed).
    pub failed: &'a BTreeMap<String, String>,
    /// The command up to the table's name, and the flags that every command needs.
    pub command: (&'a str, &'a str),
    /// False for the sample: no published number may stand beside it.
    pub beside_published: bool,
    /// The profile.
    pub profile: Profile,
    /// The plans that the tables come from: that of the tables that were asked for, and those beside it.
    pub plans: &'a [&'a Plan],
    /// The paper's other tables, which this run does not write.
    pub others: &'a [TableSpec],
    /// The repository's root, which no text of a CSV names.
    pub root: &'a Path,
}

/// System, data set as printed, task, metric.
type Key = (String, String, String, String);

/// System, and data set as the file names it.
type Place = (String, String);

/// The slots that the rows of a place count.
type Slots<'s> = (Place, Vec<&'s Slot>);

/// The measured values of a row, and how many there should be.
#[derive(Default)]
struct Seeds {
    values: Vec<f64>,
    of: usize,
    failed: Option<Verdict>,
}

impl Seeds {
    /// What forbids a verdict on the mean: a seed that failed, or that is not there.
    fn lacking(&self) -> Option<Verdict> {
        let finished = self.values.len();
        let partial = (finished < self.of).then_some(Verdict::Partial { finished, of: self.of })?;
        Some(self.failed.clone().unwrap_or(partial))
    }
}

impl Maker<'_> {
    /// The rows of a table of scores.
    pub fn table(&self, planned: &PlannedTable, published: &[Published]) -> ResultTable {
        let spec = &planned.spec;
        let mut values: BTreeMap<Key, Seeds> = BTreeMap::new();
        let mut found: BTreeMap<Place, Vec<&RunRecord>> = BTreeMap::new();
        let mut states: BTreeMap<Place, Verdict> = BTreeMap::new();
        let mut order: Vec<(String, String)> = Vec::new();
        let places = self.by_place(planned);
        for (place, slots) in &places {
            let (system, dataset) = place;
            let shown = self.shown(spec, dataset);
            order.push((system.clone(), shown.clone()));
            let mut own: BTreeMap<Key, Seeds> = BTreeMap::new();
            let mut failed = None;
            for slot in slots {
                match self.record(slot) {
                    Ok(record) => {
                        found.entry(place.clone()).or_default().push(record);
                        for (task, metrics) in &record.outcome.scores {
                            for (metric, value) in
                                metrics.iter().filter(|(m, _)| shows(spec, dataset, task, m))
                            {
                                let key = (system.clone(), shown.clone(), task.clone(), metric.clone());
                                own.entry(key).or_default().values.push(value * spec.scale.of(metric, 1.0));
                            }
                        }
                    }
                    Err(verdict) => {
                        if matches!(verdict, Verdict::Failed(_)) {
                            failed = Some(verdict.clone());
                        }
                        worst(states.entry(place.clone()).or_insert(Verdict::NotRun), verdict);
                    }
                }
            }
            // Several data sets of the file may be printed under one name: each answers for its own scores.
            for (key, seeds) in own {
                let row = values.entry(key).or_default();
                row.values.extend(seeds.values);
                row.of += slots.len();
                row.failed = row.failed.take().or_else(|| failed.clone());
            }
        }
        self.differences(spec, &places, &mut values, &mut order);
        let published: Vec<&Published> =
            published.iter().filter(|row| self.beside_published && row.table == spec.name).collect();
        let waiting: Vec<(&Place, String)> =
            states.keys().map(|place| (place, self.shown(spec, &place.1))).collect();
        let keys = row_order(spec, &order, &values, &published, &waiting);
        let rows = keys.into_iter().map(|(key, number)| {
            let datasets = self.behind(spec, &key.1, &key.2);
            let behind: Vec<Place> =
                datasets.iter().map(|&dataset| (key.0.clone(), dataset.to_owned())).collect();
            let row = values.get(&key);
            let seeds = row.map(|row| row.values.as_slice()).unwrap_or_default();
            let summary = Summary::of(seeds).ok();
            let lacking = row.and_then(Seeds::lacking);
            let test = number.and_then(|number| t_test_one_sample(seeds, number).ok());
            let difference = summary.as_ref().zip(number).map(|(summary, number)| summary.mean - number);
            let verdict = match (&summary, difference) {
                (Some(_), _) if !self.beside_published => Verdict::Sample,
                (Some(_), _) if lacking.is_some() => lacking.unwrap_or(Verdict::NotRun),
                (Some(summary), Some(difference)) => {
                    let printed = summary.mean - difference;
                    let tolerance = spec.tolerance_of(&key.0, &key.3, printed);
                    let by_nothing =
                        |dataset: &&str| spec.is_trivial(dataset, (&key.2, &key.3), printed, tolerance);
                    match judge(spec, &key.3, summary, difference, tolerance) {
                        Verdict::Exact => Verdict::Exact,
                        // Cut-down data: the difference can be seen, but it judges nothing.
                        _ if self.profile == Profile::Quick => Verdict::Measured,
                        Verdict::Reproduced if datasets.iter().any(by_nothing) => Verdict::Measured,
                        verdict => verdict,
                    }
                }
                (Some(_), None) => Verdict::Measured,
                (None, _) if spec.system(&key.0).is_some() => {
                    let mut state = Verdict::NotRun;
                    for found in behind.iter().filter_map(|place| states.get(place)) {
                        worst(&mut state, found.clone());
                    }
                    state
                }
                (None, _) => Verdict::PublishedOnly,
            };
            let records: Vec<&RunRecord> =
                behind.iter().filter_map(|place| found.get(place)).flatten().copied().collect();
            Row {
                command: self.command_of(spec, &places, &key.0, &datasets),
                device: each_once(records.iter().map(|record| &record.device)),
                notes: noted(spec, &records),
                system: key.0,
                dataset: key.1,
                task: key.2,
                metric: key.3,
                published: number,
                summary,
                difference,
                p_value: test.map(|test| test.p_value),
                verdict,
            }
        });
        ResultTable {
            name: spec.name.clone(),
            title: spec.title.clone(),
            profile: self.label.to_owned(),
            notes: spec.notes.clone(),
            rows: rows.collect(),
        }
    }

    /// The data set's name as the table prints it.
    pub fn shown(&self, spec: &TableSpec, dataset: &str) -> String {
        let name =
            spec.dataset(dataset).and_then(|d| d.shown_as.clone()).unwrap_or_else(|| dataset.to_owned());
        if self.beside_published { name } else { format!("sample-{name}") }
    }

    /// The data sets of the file that a row stands for: those that are printed under its name and scored on its task.
    /// Where none is (a number is published for a task that nothing here has), all that are printed under its name.
    fn behind<'s>(&self, spec: &'s TableSpec, shown: &str, task: &str) -> Vec<&'s str> {
        let printed = spec.datasets.iter().map(|(name, _)| name.as_str());
        let printed: Vec<&str> = printed.filter(|name| self.shown(spec, name) == shown).collect();
        let scored: Vec<&str> =
            printed.iter().copied().filter(|name| is_scored_on(spec, name, task)).collect();
        if scored.is_empty() { printed } else { scored }
    }

    /// The slots of each system on each data set that its rows count: what is planned, and what is on record beside it.
    fn by_place<'s>(&self, planned: &'s PlannedTable) -> Vec<Slots<'s>> {
        let on_record = |slot: &Slot| match &slot.state {
            SlotState::Cell(hash) => self.store.records().contains_key(hash),
            SlotState::Waits(_) => false,
        };
        let mut places: Vec<Slots> = Vec::new();
        for slot in planned.slots.iter().filter(|slot| slot.planned || on_record(slot)) {
            let place = (slot.system.clone(), slot.dataset.clone());
            match places.iter_mut().find(|(known, _)| *known == place) {
                Some((_, slots)) => slots.push(slot),
                None => places.push((place, vec![slot])),
            }
        }
        places
    }

    /// The finished record of a slot, or why there is none.
    pub fn record(&self, slot: &Slot) -> Result<&RunRecord, Verdict> {
        match &slot.state {
            SlotState::Waits(what) => Err(Verdict::Waits(relative(what, self.root))),
            SlotState::Cell(hash) => self.store.finished(hash).ok_or_else(|| {
                let reason = self.failed.get(hash).map(String::as_str).or_else(|| self.store.failure(hash));
                reason.map_or(Verdict::NotRun, |reason| Verdict::Failed(self.reason(reason)))
            }),
        }
    }

    /// Why a cell failed, as a CSV says it.
    pub fn reason(&self, reason: &str) -> String {
        one_line(&relative(reason, self.root))
    }

    /// The tables that show a cell: those of the plans, as they are now; of the tables that this run does not write,
    /// what an earlier `runs.csv` says, and before there was one, the record.
    pub fn tables_of(&self, cell: &Cell, before: Option<&BTreeSet<String>>) -> BTreeSet<String> {
        let tables = self.plans.iter().flat_map(|plan| &plan.tables);
        let planned: BTreeSet<&String> = tables.map(|table| &table.spec.name).collect();
        let others = before.unwrap_or(&cell.tables).iter().filter(|name| !planned.contains(name));
        let now = self.plans.iter().filter_map(|plan| plan.cells.get(&cell.hash));
        now.flat_map(|cell| &cell.tables).chain(others).cloned().collect()
    }

    /// The rows of differences between two systems, seed by seed ([`pairs`]).
    fn differences(
        &self,
        spec: &TableSpec,
        places: &[Slots],
        values: &mut BTreeMap<Key, Seeds>,
        order: &mut Vec<(String, String)>,
    ) {
        for (name, system) in &spec.systems {
            let Some((one, two)) = &system.minus else { continue };
            for (dataset, _) in &spec.datasets {
                let slots_of = |system: &String| -> BTreeMap<u64, &Slot> {
                    let place = places.iter().find(|((s, d), _)| s == system && d == dataset);
                    let slots = place.map(|(_, slots)| slots.as_slice()).unwrap_or_default();
                    slots.iter().map(|slot| (slot.seed, *slot)).collect()
                };
                let (first, second) = (slots_of(one), slots_of(two));
                let pairs =
                    pairs((spec.is_deterministic(one), &first), (spec.is_deterministic(two), &second));
                let of = pairs.len();
                let failed = first.values().chain(second.values()).find_map(|slot| match self.record(slot) {
                    Err(verdict @ Verdict::Failed(_)) => Some(verdict),
                    _ => None,
                });
                let shown = self.shown(spec, dataset);
                let mut own: BTreeMap<Key, Vec<f64>> = BTreeMap::new();
                for (_, one, two) in pairs {
                    let (Ok(record), Ok(other)) = (self.record(one), self.record(two)) else { continue };
                    for (task, metrics) in &record.outcome.scores {
                        for (metric, value) in metrics.iter().filter(|(m, _)| shows(spec, dataset, task, m)) {
                            let Some(base) = other.outcome.scores.get(task).and_then(|m| m.get(metric))
                            else {
                                continue;
                            };
                            let key = (name.clone(), shown.clone(), task.clone(), metric.clone());
                            own.entry(key).or_default().push((value - base) * spec.scale.of(metric, 1.0));
                        }
                    }
                }
                for (key, differences) in own {
                    let row = values.entry(key).or_default();
                    row.values.extend(differences);
                    row.of += of;
                    row.failed = row.failed.take().or_else(|| failed.clone());
                }
                order.push((name.clone(), shown));
            }
        }
    }

    /// The command that makes a row of these data sets.
    fn command_of(&self, spec: &TableSpec, places: &[Slots], system: &str, datasets: &[&str]) -> String {
        let Some(known) = spec.system(system) else { return String::new() };
        let (program, flags) = self.command;
        let mut command = format!("{program} reproduce {}{flags}", spec.name);
        let systems = match &known.minus {
            Some((one, two)) => vec![one.as_str(), two.as_str()],
            None => vec![system],
        };
        for system in &systems {
            let _ = write!(command, " --system {}", quoted(system));
        }
        for dataset in datasets {
            let _ = write!(command, " --dataset {}", quoted(dataset));
        }
        if let Some(seeds) = self.further_seeds(spec, places, &systems, datasets) {
            let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
            let _ = write!(command, " --seeds {}", seeds.join(","));
        }
        command
    }

    /// The seeds of a row of one system, or of the difference of two, where the file does not name all of them.
    fn further_seeds(
        &self,
        spec: &TableSpec,
        places: &[Slots],
        systems: &[&str],
        datasets: &[&str],
    ) -> Option<BTreeSet<u64>> {
        // The only run of a deterministic system stands for every seed.
        let random = || systems.iter().filter(|system| !spec.is_deterministic(system));
        let common = |sets: Vec<BTreeSet<u64>>| sets.into_iter().reduce(|a, b| &a & &b).unwrap_or_default();
        let (mut seeds, mut further) = (BTreeSet::new(), false);
        for dataset in datasets {
            let counted = random().map(|system| {
                let place = places.iter().find(|((s, d), _)| s == system && d == dataset);
                place.into_iter().flat_map(|(_, slots)| slots).map(|slot| slot.seed).collect()
            });
            let named =
                random().map(|system| spec.seeds_of(self.profile, system, dataset).iter().copied().collect());
            let counted = common(counted.collect());
            further |= !counted.is_subset(&common(named.collect()));
            seeds.extend(counted);
        }
        further.then_some(seeds)
    }

    /// The records of a place that two systems are compared on, by seed.
    pub fn records_of<'s>(
        &'s self,
        planned: &'s PlannedTable,
        system: &str,
        dataset: &str,
    ) -> BTreeMap<u64, &'s RunRecord> {
        let slots = planned.slots.iter().filter(|slot| slot.system == system && slot.dataset == dataset);
        slots.filter_map(|slot| Some((slot.seed, self.record(slot).ok()?))).collect()
    }
}

/// What these runs note of each of the table's notes.
pub(crate) fn noted(spec: &TableSpec, records: &[&RunRecord]) -> Vec<String> {
    let of = |name: &String| each_once(records.iter().filter_map(|record| record.outcome.notes.get(name)));
    spec.notes.iter().map(of).collect()
}

fn each_once<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for text in texts {
        if !seen.contains(&text.as_str()) {
            seen.push(text);
        }
    }
    seen.join("; ")
}

/// Whether a table shows this score of this data set.
pub(crate) fn shows(spec: &TableSpec, dataset: &str, task: &str, metric: &str) -> bool {
    let measured_for_published = || spec.measured_as.values().any(|name| *name == format!("{task}/{metric}"));
    let metric_shown = spec.metrics.is_empty() || spec.metrics.iter().any(|known| known == metric);
    is_scored_on(spec, dataset, task) && (metric_shown || measured_for_published())
}

/// The tasks that a data set is scored on; none: all that its runs report.
fn tasks_of<'s>(spec: &'s TableSpec, dataset: &str) -> &'s [String] {
    let own = spec.dataset(dataset).map(|d| d.tasks.as_slice()).unwrap_or_default();
    if own.is_empty() { &spec.tasks } else { own }
}

fn is_scored_on(spec: &TableSpec, dataset: &str, task: &str) -> bool {
    let tasks = tasks_of(spec, dataset);
    tasks.is_empty() || tasks.iter().any(|known| known == task)
}

/// The rows' keys in the printed order, each with its published number: systems and data sets as in `order`, then those
/// that are only published; tasks and metrics as published, then the rest. `waiting` are the places, as the file names
/// them and as they are printed, that have unfinished runs.
fn row_order(
    spec: &TableSpec,
    order: &[(String, String)],
    values: &BTreeMap<Key, Seeds>,
    published: &[&Published],
    waiting: &[(&Place, String)],
) -> Vec<(Key, Option<f64>)> {
    let mut numbers: BTreeMap<Key, f64> = BTreeMap::new();
    let mut keys: Vec<Key> = Vec::new();
    for row in published {
        let measured = spec.measured_as.get(&format!("{}/{}", row.task, row.metric));
        let (task, metric) =
            measured.and_then(|name| name.split_once('/')).unwrap_or((&row.task, &row.metric));
        let key = (row.system.clone(), row.dataset.clone(), task.to_owned(), metric.to_owned());
        numbers.insert(key.clone(), row.value);
        keys.push(key);
    }
    let known: BTreeSet<&Key> = numbers.keys().collect();
    keys.extend(values.keys().filter(|key| !known.contains(key)).cloned());
    // A place that has neither numbers nor anything published still says what it waits for.
    for ((system, dataset), shown) in waiting {
        let is_its_own =
            |key: &Key| key.0 == *system && key.1 == *shown && is_scored_on(spec, dataset, &key.2);
        if !keys.iter().any(is_its_own) {
            let task = tasks_of(spec, dataset).first().cloned().unwrap_or_default();
            let metric = spec.metrics.first().cloned().unwrap_or_default();
            keys.push((system.clone(), shown.clone(), task, metric));
        }
    }
    let first_seen =
        |list: &[String], name: &str| list.iter().position(|known| known == name).unwrap_or(usize::MAX);
    let mut systems: Vec<String> = spec.systems.iter().map(|(name, _)| name.clone()).collect();
    let mut datasets: Vec<String> = order.iter().map(|(_, dataset)| dataset.clone()).collect();
    let mut tasks: Vec<String> = spec.tasks.clone();
    let mut metrics: Vec<String> = spec.metrics.clone();
    for key in &keys {
        for (list, name) in
            [(&mut systems, &key.0), (&mut datasets, &key.1), (&mut tasks, &key.2), (&mut metrics, &key.3)]
        {
            if !list.contains(name) {
                list.push(name.clone());
            }
        }
    }
    keys.sort_by_key(|key| {
        let place = (first_seen(&systems, &key.0), first_seen(&datasets, &key.1));
        (place, first_seen(&tasks, &key.2), first_seen(&metrics, &key.3))
    });
    keys.into_iter().map(|key| (key.clone(), numbers.get(&key).copied())).collect()
}

/// The task whose F1 a run is known by.
pub(crate) const MAIN_TASK: &str = "ner";

fn one_line(text: &str) -> String {
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= 300 {
        text
    } else {
        format!("{}...", text.chars().take(297).collect::<String>())
    }
}

/// A word of a shell's command line.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
