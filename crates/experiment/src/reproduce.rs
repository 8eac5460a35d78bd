//! `<method> reproduce`: from tables to CSVs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::beside;
use crate::cell::Cell;
use crate::commands::CellName;
use crate::config::Value;
use crate::context::Stop;
use crate::display::{Display, LogFormat, say};
use crate::driver::{Drive, Driver, Failures};
use crate::error::{ExperimentError, Result, chain};
use crate::estimate;
use crate::machine;
use crate::method::Method;
use crate::plan::{Plan, PlanFile, PlannedTable, Selection, SlotState};
use crate::published::{self, Published};
use crate::record::write_atomically;
use crate::schema::{self, Kind, Profile, TableSpec};
use crate::store::Store;
use crate::summary;
use crate::table::{Maker, quoted};
use crate::yaml::Node;

/// `reproduce`.
#[derive(Clone, Debug, clap::Args)]
pub struct ReproduceArgs {
    /// Tables and figures, as the files of `experiments/<paper>/` are called [default: all]
    pub tables: Vec<String>,
    /// How big a run: `quick` in minutes, `cpu` in hours on two cores, `paper` the paper's own sizes
    #[arg(long, value_enum, default_value_t)]
    pub profile: Profile,
    /// Seeds in place of the tables' own: `1,2,3` or `1-5`
    #[arg(long, value_name = "LIST", value_parser = parse_seeds)]
    pub seeds: Option<Seeds>,
    /// Cells at a time, each in a process of its own with its share of the threads
    /// [default: 1 on a GPU, else one for each 4 threads, at least 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Threads of all cells together [default: all of the machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// `cpu` or `cuda:0`; never a silent fallback
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Another value for a key of the configuration, for example `training.batch_size=16`; may be repeated.
    /// Results then go to `results/<profile>+set/`
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_set)]
    pub sets: Vec<Node>,
    /// Run this system only; may be repeated
    #[arg(long = "system", value_name = "NAME")]
    pub systems: Vec<String>,
    /// Run on this data set only; may be repeated
    #[arg(long = "dataset", value_name = "NAME")]
    pub datasets: Vec<String>,
    /// Where results go [default: results/ of the repository]
    #[arg(long, value_name = "DIR")]
    pub results: Option<PathBuf>,
    /// Say what would run, write the plan for a cluster, run nothing; missing corpora are fetched, as their files are part of a plan
    #[arg(long)]
    pub dry_run: bool,
    /// Where a data set is missing let its rows wait, without a run on the embedded sample
    #[arg(long)]
    pub no_sample: bool,
}

/// A list of seeds from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

pub(crate) fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let mut seeds = Vec::new();
    for part in text.split(',').map(str::trim) {
        let expected = || format!("`{part}`: expected seeds such as `1,2,3` or `1-5`");
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| expected());
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(part)?, number(part)?),
        };
        if first > last || last - first > 10_000 {
            return Err(expected());
        }
        seeds.extend(first..=last);
    }
    seeds.sort_unstable();
    seeds.dedup();
    Ok(Seeds(seeds))
}

/// `key.path=value`, the value as in YAML.
pub(crate) fn parse_set(text: &str) -> Result<Node, String> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.is_empty() && key.split('.').all(|part| !part.trim().is_empty()))
        .ok_or_else(|| format!("`{text}`: expected KEY=VALUE, for example `training.batch_size=16`"))?;
    let value = flow_value(value)?;
    Ok(set_node(key, value, &format!("--set {text}")))
}

fn set_node(key: &str, value: Value, flag: &str) -> Node {
    let nested = key
        .rsplit('.')
        .fold(value, |inner, part| Value::Object([(part.trim().to_owned(), inner)].into_iter().collect()));
    Node::from_flag(&nested, flag)
}

fn flow_value(text: &str) -> Result<Value, String> {
    let trimmed = text.trim();
    if trimmed.starts_with(['[', '{', '"', '\'']) {
        return serde_yaml::from_str(trimmed).map_err(|error| format!("`{text}`: not a YAML value: {error}"));
    }
    crate::yaml::plain(trimmed)
}

/// What a run needs to know beside its flags.
pub(crate) struct Setting {
    pub root: PathBuf,
    pub quiet: bool,
    pub format: LogFormat,
    pub stop: Stop,
    /// Values of the method's own flags, as `(shortcut key, flag, value)`.
    pub shortcuts: Vec<(String, String, String)>,
}

/// Runs what is not finished, writes the tables, prints the summary. Gives the exit code.
pub(crate) fn reproduce(method: &dyn Method, args: &ReproduceArgs, setting: &Setting) -> Result<u8> {
    let folder = setting.root.join("experiments").join(method.name());
    let names = if args.tables.is_empty() { schema::tables(&folder)? } else { args.tables.clone() };
    if names.is_empty() {
        return Err(ExperimentError::usage(format!("{} holds no table (*.yaml)", folder.display())));
    }
    let paths: Vec<PathBuf> =
        names.iter().map(|name| schema::table_path(&folder, name)).collect::<Result<_>>()?;
    let specs: Vec<TableSpec> = paths.iter().map(|path| TableSpec::load(path)).collect::<Result<_>>()?;
    method.device(&args.device).map_err(|error| ExperimentError::usage(chain(&error)))?;
    let run = Run { method, args, setting, folder, versions: machine::versions() };
    let first = run.pass(specs.clone(), false)?;
    let mut code = first.code;
    if code < 128 && first.missing && !args.no_sample {
        let second = run.pass(specs, true)?;
        code = code.max(second.code);
    }
    Ok(code)
}

/// Writes every table; the flag says that it is the run's last time.
type WriteTables<'a> = &'a dyn Fn(&Store, &Failures, bool) -> Result<()>;

struct Run<'a> {
    method: &'a dyn Method,
    args: &'a ReproduceArgs,
    setting: &'a Setting,
    /// `experiments/<paper>`.
    folder: PathBuf,
    versions: BTreeMap<String, String>,
}

struct Pass {
    code: u8,
    missing: bool,
}

impl Run<'_> {
    /// One results folder: the profile's, or the samples'.
    fn pass(&self, specs: Vec<TableSpec>, samples: bool) -> Result<Pass> {
        let (args, method) = (self.args, self.method);
        let label = match (samples, args.sets.is_empty()) {
            (true, _) => "sample".to_owned(),
            (false, true) => args.profile.to_string(),
            (false, false) => format!("{}+set", args.profile),
        };
        let mut sets = Vec::new();
        for (key, flag, value) in &self.setting.shortcuts {
            let value = flow_value(value).map_err(ExperimentError::usage)?;
            sets.push(set_node(key, value, flag));
        }
        sets.extend(args.sets.iter().cloned());
        let selection = Selection {
            profile: args.profile,
            seeds: args.seeds.as_ref().map(|seeds| seeds.0.clone()),
            systems: args.systems.clone(),
            datasets: args.datasets.clone(),
            sets,
            samples,
            awaited: false,
        };
        let results = args.results.clone().unwrap_or_else(|| self.setting.root.join("results"));
        let folder = results.join(&label).join(method.name());
        let mut store = Store::open(&folder)?;
        let plan = Plan::build(method, specs.clone(), &selection, &store)?;
        for warning in store.damaged().iter().chain(store.earlier()) {
            tracing::warn!("{warning}");
        }
        if samples && plan.tables.iter().all(|table| table.slots.is_empty()) {
            return Ok(Pass { code: 0, missing: false });
        }
        if !samples {
            self.say_missing(&plan);
        }
        say_missing_inputs(&plan, samples);
        let mut published = published_of(&plan)?;
        let (lock, plan_name) = match store.lock() {
            // A dry run beside a driver leaves that driver's plan, which its cells read, as it is.
            Err(ExperimentError::Locked { holder, .. }) if args.dry_run => {
                say(&format!("another run ({holder}) is at work here; the list is that of this moment"));
                (None, "dry-run.json")
            }
            lock => (Some(lock?), "plan.json"),
        };
        // Another driver may have finished cells between the reading and the lock.
        store = Store::open(&folder)?;
        let file = self.plan_file(&plan, &label, &folder);
        let path = store.checkpoints().join(plan_name);
        let text = crate::json::readable(&serde_json::to_value(&file).expect("keys are strings"));
        write_atomically(&path, text.as_bytes())?;
        let cells = plan.to_run(&store);
        if args.dry_run {
            self.say_plan(&plan, &cells, &store, &path);
            let awaited = Selection { awaited: true, ..selection };
            self.say_awaited(&plan, &Plan::build(method, specs, &awaited, &store)?, &store);
            return Ok(Pass { code: 0, missing: plan.has_missing() });
        }

        let asked: Vec<&str> = plan.tables.iter().map(|table| table.spec.name.as_str()).collect();
        let beside = beside::plans(method, &self.folder, &asked, &selection, &store, &cells);
        let mut plans = vec![&plan];
        for (plan, rows) in &beside {
            plans.push(plan);
            published.extend(plan.tables.iter().map(|table| (table.spec.name.clone(), rows.clone())));
        }
        let flags = self.flags_for_commands();
        let program = program(method);
        let root = absolute(&self.setting.root);
        let others = self.others(&plans);
        let write = |store: &Store, failed: &Failures, last: bool| -> Result<()> {
            let maker = Maker {
                label: &label,
                store,
                failed,
                command: (&program, &flags),
                beside_published: !samples,
                profile: args.profile,
                plans: &plans,
                others: &others,
                root: &root,
            };
            for planned in plans.iter().flat_map(|plan| &plan.tables) {
                maker.write(planned, &published[&planned.spec.name], last)?;
            }
            maker.write_runs()
        };
        write(&store, &BTreeMap::new(), false)?;
        let drive = self.drive(&cells, &file, &path, &mut store, &write)?;
        write(&store, &drive.failed, true)?;
        drop(lock);
        let maker = Maker {
            label: &label,
            store: &store,
            failed: &drive.failed,
            command: (&program, &flags),
            beside_published: !samples,
            profile: args.profile,
            plans: &plans,
            others: &others,
            root: &root,
        };
        self.say_results(&plan, &maker, &published, cells.len(), &drive);
        let code = match self.setting.stop.signal() {
            Some(signal) => 128 + signal as u8,
            None if drive.failed.is_empty() && drive.stopped.is_empty() => 0,
            None => 1,
        };
        Ok(Pass { code, missing: plan.has_missing() })
    }

    fn drive(
        &self,
        cells: &[&Cell],
        file: &PlanFile,
        path: &Path,
        store: &mut Store,
        write: WriteTables,
    ) -> Result<Drive> {
        if cells.is_empty() {
            return Ok(Drive::default());
        }
        let (jobs, threads) = self.shares();
        tracing::info!(
            "{} cells to run, {jobs} at a time with {threads} threads each; results in {}",
            cells.len(),
            store.folder().display()
        );
        let mut flags = Vec::new();
        if self.setting.format == LogFormat::Json {
            flags.extend(["--log-format".to_owned(), "json".to_owned()]);
        }
        let driver = Driver { file, path, jobs, threads, stop: self.setting.stop.clone(), flags };
        let mut display = Display::new(cells.len(), self.setting.quiet, self.setting.format);
        driver.run(cells, store, &mut display, &mut |store, failed| write(store, failed, false))
    }

    /// Processes at a time and threads of each. The share does not depend on how many cells are left, so that a
    /// continued run computes what the undisturbed one would have.
    fn shares(&self) -> (usize, usize) {
        let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = self.args.threads.map_or(all, usize::from);
        let default = if self.args.device == "cpu" { (threads / 4).max(2).min(threads) } else { 1 };
        let jobs = self.args.jobs.map_or(default, usize::from);
        (jobs, (threads / jobs).max(1))
    }

    /// The paper's tables that are in none of the plans, for what they call the runs on record. One that cannot be read has
    /// no names: nobody has asked for it.
    fn others(&self, plans: &[&Plan]) -> Vec<TableSpec> {
        let planned: Vec<&String> =
            plans.iter().flat_map(|plan| &plan.tables).map(|table| &table.spec.name).collect();
        let names = schema::tables(&self.folder).unwrap_or_default();
        let others = names.into_iter().filter(|name| !planned.contains(&name));
        others
            .filter_map(|name| TableSpec::load(&schema::table_path(&self.folder, &name).ok()?).ok())
            .collect()
    }

    fn plan_file(&self, plan: &Plan, label: &str, results: &Path) -> PlanFile {
        let flags = self.flags_for_commands();
        let program = program(self.method);
        let commands = plan.cells.iter().map(|(hash, cell)| {
            let asked = plan.names.get(hash).and_then(|names| names.first().cloned());
            let name = asked.unwrap_or_else(|| CellName::on_record(cell));
            (hash.clone(), name.command(&program, &flags, cell.seed))
        });
        PlanFile {
            method: self.method.name().to_owned(),
            label: label.to_owned(),
            root: absolute(&self.setting.root),
            results: absolute(results),
            device: self.args.device.clone(),
            versions: {
                let mut versions = self.versions.clone();
                versions.insert(self.method.name().to_owned(), self.method.version().to_owned());
                versions
            },
            commands: commands.collect(),
            cells: plan.cells.clone(),
        }
    }

    /// The flags that decide what a cell is, in front of the ones that choose it.
    fn flags_for_commands(&self) -> String {
        let mut flags = format!(" --profile {}", self.args.profile);
        if self.args.device != "cpu" {
            let _ = write!(flags, " --device {}", quoted(&self.args.device));
        }
        for (_, flag, value) in &self.setting.shortcuts {
            let _ = write!(flags, " {flag} {}", quoted(value));
        }
        for set in &self.args.sets {
            let text = set.place.to_string();
            let text = text.strip_prefix("--set ").unwrap_or(&text);
            let _ = write!(flags, " --set {}", quoted(text));
        }
        flags
    }

    fn say_missing(&self, plan: &Plan) {
        for (data, reason) in &plan.missing {
            tracing::warn!("DATA MISSING: `{data}`: {reason}");
            match self.method.sample(data) {
                Some(sample) if !self.args.no_sample => tracing::warn!(
                    "its rows wait; the same systems run on the embedded sample `{sample}` instead, as `sample-...` \
                     rows under results/sample/{}, beside no published number",
                    self.method.name()
                ),
                _ => tracing::warn!("its rows wait"),
            }
        }
    }

    fn say_plan(&self, plan: &Plan, cells: &[&Cell], store: &Store, path: &Path) {
        say(&format!("{} of {} cells are to run, needs before dependents:", cells.len(), plan.cells.len()));
        let (jobs, threads) = self.shares();
        let mut known = BTreeMap::new();
        for cell in cells {
            let estimate = match self.method.estimate(cell, &plan.needs(cell), threads, &self.args.device) {
                Ok(Some(found)) => {
                    let text = format!("  {found}");
                    known.insert(cell.hash.as_str(), found);
                    text
                }
                Ok(None) => String::new(),
                Err(error) => format!("  (no estimate: {error:#})"),
            };
            say(&format!("{}  {}{estimate}", cell.hash, cell.label()));
        }
        let open: BTreeMap<&str, &Cell> = cells.iter().map(|&cell| (cell.hash.as_str(), cell)).collect();
        for table in &plan.tables {
            if let Some(all) = estimate::all(table.wanted(), &open, &known, jobs) {
                say(&format!("{}, with what it needs, {jobs} at a time: {all} each", table.spec.name));
            }
        }
        for table in &plan.tables {
            for slot in table.selected() {
                if let SlotState::Waits(what) = &slot.state {
                    say(&format!(
                        "waits             {} / {} / seed {}: {what}",
                        slot.system, slot.dataset, slot.seed
                    ));
                }
            }
        }
        say(&format!(
            "finished before: {}",
            plan.cells.keys().filter(|hash| store.finished(hash).is_some()).count()
        ));
        say(&format!(
            "one cell as one job: {} run-cell HASH --plan {}",
            program(self.method),
            quoted(&path.display().to_string())
        ));
    }

    /// What the rows that wait for a file of the user's would take with it.
    fn say_awaited(&self, plan: &Plan, with: &Plan, store: &Store) {
        let (jobs, threads) = self.shares();
        let cells: BTreeMap<&str, &Cell> = with
            .to_run(store)
            .into_iter()
            .map(|cell| (cell.hash.as_str(), cell))
            .filter(|(hash, _)| !plan.cells.contains_key(*hash) && !with.awaited.contains(*hash))
            .collect();
        let mut known = BTreeMap::new();
        for (&hash, cell) in &cells {
            match self.method.estimate(cell, &with.needs(cell), threads, &self.args.device) {
                Ok(found) => known.extend(found.map(|found| (hash, found))),
                Err(error) => {
                    say(&format!("no estimate of {} with what it waits for: {error:#}", cell.label()));
                }
            }
        }
        for table in &with.tables {
            if let Some(all) = estimate::all(table.wanted(), &cells, &known, jobs) {
                let name = &table.spec.name;
                say(&format!("{name}, with what its rows wait for, {jobs} at a time: {all} each"));
            }
        }
    }

    fn say_results(
        &self,
        plan: &Plan,
        maker: &Maker,
        published: &BTreeMap<String, Vec<Published>>,
        asked: usize,
        drive: &Drive,
    ) {
        if self.setting.stop.is_set() {
            let (run, saved) = (drive.finished.len(), drive.stopped.len());
            let folder = maker.store.folder().display();
            say(&format!(
                "stopped: {run} of {asked} cells run, {saved} saved half-way; the same command goes on; {folder}"
            ));
            return;
        }
        if !self.setting.quiet {
            for planned in &plan.tables {
                say(&describe(planned, maker, &published[&planned.spec.name]));
            }
        }
        let wanted = plan.wanted();
        let before = wanted.iter().filter(|hash| maker.store.finished(hash).is_some()).count();
        let before = before - drive.finished.iter().filter(|hash| wanted.contains(hash.as_str())).count();
        say(&format!(
            "{}: {} of {asked} cells run, {before} stood before, {} failed; {}",
            maker.label,
            drive.finished.len(),
            drive.failed.len(),
            maker.store.folder().display()
        ));
        for (hash, reason) in &drive.failed {
            let label = plan.cells.get(hash).map(Cell::label).unwrap_or_default();
            tracing::error!("failed: {label} ({hash}): {reason}");
        }
    }
}

/// Files that configurations name are missed as loudly as data sets.
fn say_missing_inputs(plan: &Plan, samples: bool) {
    let run = if samples { " in the sample run as well" } else { "" };
    for (reason, systems) in &plan.missing_inputs {
        let systems: Vec<String> = systems.iter().map(|system| format!("`{system}`")).collect();
        tracing::warn!("DATA MISSING: for {}: {reason}", systems.join(", "));
        tracing::warn!("their rows wait{run}, and those of the systems that need them");
    }
}

fn describe(planned: &PlannedTable, maker: &Maker, published: &[Published]) -> String {
    match planned.spec.kind {
        Kind::Systems => summary::summary(&maker.table(planned, published)),
        Kind::Curve => {
            let (_, rows) = maker.curve(planned);
            let name = &planned.spec.name;
            format!("{name} ({}): {}; {} rows in {name}.csv\n", maker.label, planned.spec.title, rows.len())
        }
    }
}

/// How a person starts the program from the repository's root.
fn program(method: &dyn Method) -> String {
    format!("target/release/{}", method.name())
}

fn published_of(plan: &Plan) -> Result<BTreeMap<String, Vec<Published>>> {
    let specs = plan.tables.iter().map(|table| &table.spec);
    specs.map(|spec| Ok((spec.name.clone(), published::of(spec)?))).collect()
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn seeds_are_lists_and_ranges() {
        assert_eq!(parse_seeds("3,1,2,2").unwrap().0, [1, 2, 3]);
        assert_eq!(parse_seeds("1-3, 7").unwrap().0, [1, 2, 3, 7]);
        for bad in ["", "a", "1,,2", "5-1", "1-", "-1", "1.5", "1-99999999"] {
            assert!(parse_seeds(bad).unwrap_err().contains("expected seeds such as"), "{bad}");
        }
    }

    #[test]
    fn sets_are_dotted_and_typed() {
        let value = |text: &str| parse_set(text).unwrap().to_value();
        assert_eq!(value("a.b=1e-3"), json!({"a": {"b": 1e-3}}));
        assert_eq!(value("heads=[1, 2]"), json!({"heads": [1, 2]}));
        assert_eq!(value("dir=/a=b"), json!({"dir": "/a=b"}));
        assert_eq!(value("name='3'"), json!({"name": "3"}));
        assert_eq!(value("x="), json!({"x": null}));
        for bad in ["novalue", "=1", "a..b=1", "a=[1"] {
            assert!(parse_set(bad).is_err(), "{bad}");
        }
    }
}
