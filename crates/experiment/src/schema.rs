//! `experiments/<paper>/<table>.yaml`: one file for each published table or figure.
//!
//! ```yaml
//! title: Named-entity recognition on CCKS-2019
//! metrics: [precision, recall, f1]       # columns; left out: all that the runs report
//! tasks: [ner]                           # left out: all
//! scale: {f1: 100, precision: 100, recall: 100}   # or one number for all; measured times scale = as printed
//! tolerance: 2                           # in the printed scale, for the verdict; or by metric
//! notes: [encoder]                       # notes of the runs that stand in columns of their own
//! config: {epochs: 30}                   # the method's configuration, common to all systems
//! seeds: [1, 2, 3]
//! datasets:
//!   CCKS-2019: {data: ccks2019}          # `trivial: {ner/accuracy: 91.6}`: what finding nothing has
//! systems:                               # rows, in the order of the printed table
//!   IDCNN-CRF: {config: {encoder: idcnn}}
//!   ALBERT-IDCNN-CRF:
//!     config: {encoder: albert}
//!     needs: {encoder: pre-training}     # starts from that system's artefact, same data set and seed
//!   pre-training: {auxiliary: true, config: {task: pretrain}}
//!   Dictionary: {deterministic: true, config: {task: look-up}}   # one run, of seed 1, stands for every seed
//!   Heads minus none: {minus: [IDCNN-MHA-CRF, IDCNN-CRF]}   # a row of differences, seed by seed
//! comparisons: [[IDCNN-MHA-CRF, IDCNN-CRF]]
//! chart: bars                            # how the report draws it; left out: as its rows suggest
//! profiles:
//!   quick: {seeds: [1], config: {epochs: 2}}
//!   cpu: {systems: {ALBERT-IDCNN-CRF: {awaits: the encoder pre-trained here}}}
//! ```
//!
//! Keys of `config` are merged at every depth in the order table < data set < system < profile < the profile's data
//! set < the profile's system < `--set`. Files whose name starts with `_` are not tables; a table takes one as its
//! ground with `base: _name.yaml`. Rows of the base then come first, and those that the table adds after them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chart::Chart;
use crate::config::{ConfigError, Value, from_value};
use crate::error::{ExperimentError, Result, suggestion};
use crate::yaml::{self, Node, Place};

/// How big a run is. A number from one profile is never shown as another's.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Every system of every table on data cut down: minutes on two cores; proves the road, not the numbers.
    #[default]
    Quick,
    /// Whole corpora where two cores can train them in hours.
    Cpu,
    /// The paper's own sizes and schedules; wants a GPU and published weights.
    Paper,
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Quick => "quick",
            Self::Cpu => "cpu",
            Self::Paper => "paper",
        })
    }
}

/// What a table's CSV holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One row for each score, over seeds, beside the published number.
    #[default]
    Systems,
    /// One row for each point of the runs' curve (or example), system, data set and seed first.
    Curve,
}

/// One number for all metrics, or one by metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, or a number by metric: {f1: 100}")]
pub enum PerMetric {
    /// The same for all.
    All(f64),
    /// By metric; metrics that are not named take the field's neutral value.
    By(BTreeMap<String, f64>),
}

impl PerMetric {
    /// The number for this metric.
    pub fn of(&self, metric: &str, neutral: f64) -> f64 {
        match self {
            Self::All(value) => *value,
            Self::By(map) => map.get(metric).copied().unwrap_or(neutral),
        }
    }
}

/// A cell that a system starts from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a system's name, or {system: NAME, dataset: NAME, seed: N}")]
pub enum Need {
    /// That system on the same data set with the same seed.
    System(String),
    /// That system on another data set or with a fixed seed.
    Full(FullNeed),
}

/// The long form of [`Need`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullNeed {
    /// The system.
    pub system: String,
    /// Its data set; left out: the dependent cell's, or what that data set's own `needs` says.
    #[serde(default)]
    pub dataset: Option<String>,
    /// Its seed; left out: the dependent cell's.
    #[serde(default)]
    pub seed: Option<u64>,
}

impl Need {
    /// The needed system's name.
    pub fn system(&self) -> &str {
        match self {
            Self::System(name) => name,
            Self::Full(full) => &full.system,
        }
    }

    /// The needed data set, where it is named.
    pub fn dataset(&self) -> Option<&str> {
        match self {
            Self::System(_) => None,
            Self::Full(full) => full.dataset.as_deref(),
        }
    }

    /// The needed seed, where it is fixed.
    pub fn seed(&self) -> Option<u64> {
        match self {
            Self::System(_) => None,
            Self::Full(full) => full.seed,
        }
    }
}

/// What a system waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a text, or {what: TEXT, unless: KEY}")]
pub enum Awaits {
    /// It cannot run in this project as it stands.
    What(String),
    /// It can run as soon as a configuration key is set.
    Unless {
        /// What it waits for.
        what: String,
        /// The dotted key which, once it is not null, ends the wait: `encoder`.
        unless: String,
    },
}

/// A data set as a table names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Its name in the catalogue, which the method's `locate` knows.
    pub data: String,
    /// The name in the published table, when two data sets here are one there.
    #[serde(default, rename = "as")]
    pub shown_as: Option<String>,
    /// The tasks it is scored on; left out: the table's.
    #[serde(default)]
    pub tasks: Vec<String>,
    /// Configuration of all systems on this data set.
    #[serde(default)]
    pub config: Value,
    /// Seeds on this data set.
    #[serde(default)]
    pub seeds: Option<Vec<u64>>,
    /// By role: the data set on which this one's needed cells are made (`pool: chemical`).
    #[serde(default)]
    pub needs: BTreeMap<String, String>,
    /// By `task/metric`, in the printed scale: what a system that finds nothing has. A printed number within the tolerance of it is
    /// reproduced by finding nothing too, so that being near it judges nothing.
    #[serde(default)]
    pub trivial: BTreeMap<String, f64>,
}

/// The seed under which a deterministic system runs.
pub const DETERMINISTIC_SEED: u64 = 1;

/// A system: a row of the published table, or a step towards one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct System {
    /// Its configuration.
    pub config: Value,
    /// The cells it starts from, by role.
    pub needs: BTreeMap<String, Need>,
    /// What it waits for.
    pub awaits: Option<Awaits>,
    /// True for a step that others need and no table shows.
    pub auxiliary: bool,
    /// The data sets it runs on; left out: all (none for an auxiliary system, which runs where it is needed).
    pub datasets: Option<Vec<String>>,
    /// Its seeds.
    pub seeds: Option<Vec<u64>>,
    /// True where no random number enters: every seed would give the same numbers, so it runs once, with
    /// [`DETERMINISTIC_SEED`], whatever seeds are asked for. A comparison or a `minus` sets that run against every seed of
    /// the other system.
    pub deterministic: bool,
    /// A row of differences, seed by seed, between two systems.
    pub minus: Option<(String, String)>,
}

/// What a profile changes for one system or data set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Override {
    /// Configuration.
    pub config: Value,
    /// Seeds.
    pub seeds: Option<Vec<u64>>,
    /// What it waits for in this profile (systems).
    pub awaits: Option<Awaits>,
    /// Data sets in this profile (systems).
    pub datasets: Option<Vec<String>>,
}

/// What a profile changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileSpec {
    /// Configuration of all cells.
    pub config: Value,
    /// Seeds of all cells.
    pub seeds: Option<Vec<u64>>,
    /// The systems that run; left out: all. The others' rows say `not run`.
    pub only_systems: Option<Vec<String>>,
    /// The data sets that run; left out: all.
    pub only_datasets: Option<Vec<String>>,
    /// By system.
    pub systems: BTreeMap<String, Override>,
    /// By data set.
    pub datasets: BTreeMap<String, Override>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    title: String,
    kind: Kind,
    chart: Option<Chart>,
    metrics: Vec<String>,
    tasks: Vec<String>,
    scale: PerMetric,
    tolerance: PerMetric,
    curve: Option<String>,
    measured_as: BTreeMap<String, String>,
    notes: Vec<String>,
    published: String,
    config: Value,
    seeds: Vec<u64>,
    datasets: BTreeMap<String, Dataset>,
    systems: BTreeMap<String, System>,
    comparisons: Vec<(String, String)>,
    profiles: BTreeMap<Profile, ProfileSpec>,
}

impl Default for File {
    fn default() -> Self {
        Self {
            title: String::new(),
            kind: Kind::Systems,
            chart: None,
            metrics: Vec::new(),
            tasks: Vec::new(),
            scale: PerMetric::All(1.0),
            tolerance: PerMetric::All(0.0),
            curve: None,
            measured_as: BTreeMap::new(),
            notes: Vec::new(),
            published: "published.csv".to_owned(),
            config: Value::Null,
            seeds: vec![1, 2, 3],
            datasets: BTreeMap::new(),
            systems: BTreeMap::new(),
            comparisons: Vec::new(),
            profiles: BTreeMap::new(),
        }
    }
}

/// A published table or figure: what runs for it and how it is shown.
#[derive(Clone, Debug)]
pub struct TableSpec {
    /// The file's stem: `table2`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// One line.
    pub title: String,
    /// Scores or curves.
    pub kind: Kind,
    /// How the report draws it; left out: as its rows suggest.
    pub chart: Option<Chart>,
    /// The metrics to show, in order; empty: all.
    pub metrics: Vec<String>,
    /// The tasks to show; empty: all.
    pub tasks: Vec<String>,
    /// Measured times this is the published scale (neutral: 1).
    pub scale: PerMetric,
    /// How far a mean may be from the published number to count as reproduced (neutral: 0).
    pub tolerance: PerMetric,
    /// The curve or example list that a `kind: curve` table shows; left out: the runs' only one.
    pub curve: Option<String>,
    /// `task/metric` as the paper calls it to `task/metric` as we measure it, where the paper's name is not what it
    /// is (`nen/f1: nen/token_accuracy`).
    pub measured_as: BTreeMap<String, String>,
    /// Notes of the runs ([`crate::Outcome::notes`]) that stand in a column of the CSV each: which encoder a row has.
    pub notes: Vec<String>,
    /// The CSV of published numbers.
    pub published: PathBuf,
    /// Seeds where nothing more particular is said.
    pub seeds: Vec<u64>,
    /// Data sets in the order of the file.
    pub datasets: Vec<(String, Dataset)>,
    /// Systems in the order of the file.
    pub systems: Vec<(String, System)>,
    /// Pairs of systems whose difference is tested.
    pub comparisons: Vec<(String, String)>,
    /// What each profile changes.
    pub profiles: BTreeMap<Profile, ProfileSpec>,
    tree: Node,
}

impl TableSpec {
    /// Reads and checks a table's file.
    ///
    /// # Errors
    /// Unknown keys (with the nearest known one), wrong types, missing keys, names that do not exist, circles of
    /// `needs`: each with file, line and column.
    pub fn load(path: &Path) -> Result<Self> {
        let own = yaml::read(path)?;
        let ground = own.get("base").map(|base| read_ground(path, base, &own)).transpose()?;
        let files: Vec<&Node> = ground.iter().chain([&own]).collect();
        let [datasets, systems] = ["datasets", "systems"].map(|key| keys_in_order(&files, key));
        let tree = ground.as_ref().map_or_else(|| own.clone(), |ground| laid_over(ground, &own));
        let file: File = from_value(&tree.to_value()).map_err(|error| tree.locate(&error))?;
        let spec = Self {
            name: path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
            path: path.to_owned(),
            title: file.title,
            kind: file.kind,
            chart: file.chart,
            metrics: file.metrics,
            tasks: file.tasks,
            scale: file.scale,
            tolerance: file.tolerance,
            curve: file.curve,
            measured_as: file.measured_as,
            notes: file.notes,
            published: path.with_file_name(&file.published),
            seeds: file.seeds,
            datasets: in_order(&datasets, file.datasets),
            systems: in_order(&systems, file.systems),
            comparisons: file.comparisons,
            profiles: file.profiles,
            tree,
        };
        crate::check::check(&spec)?;
        Ok(spec)
    }

    /// The place of a dotted path of this file.
    pub fn place_of(&self, path: &str) -> Place {
        self.tree.place_of(path)
    }

    /// A system by name.
    pub fn system(&self, name: &str) -> Option<&System> {
        self.systems.iter().find(|(known, _)| known == name).map(|(_, system)| system)
    }

    /// How far a system's mean may lie from a printed number. A difference and a spread (`..._sd`) must come within half of the
    /// printed one: any small one would else be reproduced by none.
    pub fn tolerance_of(&self, system: &str, metric: &str, printed: f64) -> f64 {
        let tolerance = self.tolerance.of(metric, 0.0);
        let difference = self.system(system).is_some_and(|known| known.minus.is_some());
        if difference || metric.ends_with("_sd") { tolerance.min(printed.abs() / 2.0) } else { tolerance }
    }

    /// Whether finding nothing on this data set of the file comes as near to a printed number as its tolerance.
    pub(crate) fn is_trivial(
        &self,
        dataset: &str,
        (task, metric): (&str, &str),
        printed: f64,
        tolerance: f64,
    ) -> bool {
        let trivial =
            self.dataset(dataset).and_then(|dataset| dataset.trivial.get(&format!("{task}/{metric}")));
        trivial.is_some_and(|trivial| (printed - trivial).abs() <= tolerance + 1e-9)
    }

    /// A data set by name.
    pub fn dataset(&self, name: &str) -> Option<&Dataset> {
        self.datasets.iter().find(|(known, _)| known == name).map(|(_, dataset)| dataset)
    }

    /// The configuration of a cell, merged in the order of the module's head, with the place of every key.
    pub fn config(&self, profile: Profile, system: &str, dataset: &str, sets: &[Node]) -> Node {
        let profile = profile.to_string();
        let paths: [&[&str]; 6] = [
            &["config"],
            &["datasets", dataset, "config"],
            &["systems", system, "config"],
            &["profiles", &profile, "config"],
            &["profiles", &profile, "datasets", dataset, "config"],
            &["profiles", &profile, "systems", system, "config"],
        ];
        let mut merged = Node::empty(self.tree.place.clone());
        for path in paths {
            let mut node = Some(&self.tree);
            for key in path {
                node = node.and_then(|node| node.get(key));
            }
            if let Some(node) = node.filter(|node| !node.to_value().is_null()) {
                merged.merge(node);
            }
        }
        for set in sets {
            merged.merge(set);
        }
        merged
    }

    /// True where one run of the system stands for every seed.
    pub fn is_deterministic(&self, system: &str) -> bool {
        self.system(system).is_some_and(|system| system.deterministic)
    }

    /// The seeds of a system on a data set: the most particular that the file names; the only one of a deterministic system.
    pub fn seeds_of(&self, profile: Profile, system: &str, dataset: &str) -> &[u64] {
        if self.is_deterministic(system) {
            return &[DETERMINISTIC_SEED];
        }
        let changes = self.profiles.get(&profile);
        changes
            .and_then(|p| p.systems.get(system).and_then(|o| o.seeds.as_deref()))
            .or_else(|| changes.and_then(|p| p.datasets.get(dataset).and_then(|o| o.seeds.as_deref())))
            .or_else(|| changes.and_then(|p| p.seeds.as_deref()))
            .or_else(|| self.system(system).and_then(|s| s.seeds.as_deref()))
            .or_else(|| self.dataset(dataset).and_then(|d| d.seeds.as_deref()))
            .unwrap_or(&self.seeds)
    }

    /// What a system waits for in this profile.
    pub fn awaits(&self, profile: Profile, system: &str) -> Option<&Awaits> {
        self.profiles
            .get(&profile)
            .and_then(|changes| changes.systems.get(system)?.awaits.as_ref())
            .or_else(|| self.system(system)?.awaits.as_ref())
    }

    /// The systems and data sets that this profile runs and shows, in the order of the file.
    pub fn pairs(&self, profile: Profile) -> Vec<(&str, &str)> {
        let changes = self.profiles.get(&profile);
        let allowed =
            |list: Option<&Vec<String>>, name: &str| list.is_none_or(|list| list.iter().any(|n| n == name));
        let mut pairs = Vec::new();
        for (name, system) in &self.systems {
            let changed = changes.and_then(|p| p.systems.get(name)?.datasets.as_ref());
            let datasets = changed.or(system.datasets.as_ref());
            let hidden = system.auxiliary && datasets.is_none();
            if hidden
                || system.minus.is_some()
                || !allowed(changes.and_then(|p| p.only_systems.as_ref()), name)
            {
                continue;
            }
            for (dataset, _) in &self.datasets {
                if allowed(datasets, dataset)
                    && allowed(changes.and_then(|p| p.only_datasets.as_ref()), dataset)
                {
                    pairs.push((name.as_str(), dataset.as_str()));
                }
            }
        }
        pairs
    }
}

fn in_order<T>(order: &[String], mut map: BTreeMap<String, T>) -> Vec<(String, T)> {
    order.iter().filter_map(|key| map.remove_entry(key)).collect()
}

/// The names under `key` in the order of the rows: those of the base first, as it writes them, then what the table adds. A name
/// that both write keeps the place that the base gives it, so that a table which changes one system moves no row.
fn keys_in_order(files: &[&Node], key: &str) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for name in files.iter().filter_map(|file| file.get(key)).flat_map(Node::keys_as_written) {
        if !keys.iter().any(|known| known == name) {
            keys.push(name.to_owned());
        }
    }
    keys
}

/// The file that the `base` of the table `own` names.
fn read_ground(path: &Path, base: &Node, own: &Node) -> Result<Node> {
    let Value::String(name) = base.to_value() else {
        return Err(own.locate(&ConfigError::at("base", "expected a file's name")));
    };
    let base_path = path.with_file_name(&name);
    if !base_path.is_file() {
        let message = format!("`base`: there is no {}", base_path.display());
        return Err(own.locate(&ConfigError::at("base", message)));
    }
    let ground = yaml::read(&base_path)?;
    if ground.get("base").is_some() {
        return Err(ground.locate(&ConfigError::at("base", "a base has no base of its own")));
    }
    Ok(ground)
}

/// The table `own` laid over its ground.
fn laid_over(ground: &Node, own: &Node) -> Node {
    let mut tree = ground.clone();
    tree.merge(own);
    if let yaml::Data::Map(map) = &mut tree.data {
        map.remove("base");
    }
    tree
}

/// The files of a paper's folder that are no tables: what the report says of the paper, and its claims.
const NO_TABLES: [&str; 2] = ["claims", "paper"];

/// The tables of a paper by name: every `*.yaml` of its folder but `claims.yaml`, `paper.yaml` and those that start
/// with `_`.
///
/// # Errors
/// The folder is not there.
pub fn tables(folder: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder).map_err(ExperimentError::io("read", folder))?;
    let mut names: Vec<String> = entries
        .filter_map(Result::<_, std::io::Error>::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .filter(|name| !NO_TABLES.contains(&name.as_str()) && !name.starts_with('_'))
        .collect();
    names.sort_by_key(|name| natural(name));
    Ok(names)
}

/// The file of a table, for a name from the command line.
///
/// # Errors
/// No such table, with the nearest or all that there are.
pub fn table_path(folder: &Path, name: &str) -> Result<PathBuf> {
    let known = tables(folder)?;
    if known.iter().any(|table| table == name) {
        return Ok(folder.join(format!("{name}.yaml")));
    }
    Err(ExperimentError::usage(format!(
        "there is no table `{name}` in {}{}",
        folder.display(),
        suggestion(name, &known)
    )))
}

/// `table2` before `table10`, tables before figures.
fn natural(name: &str) -> (bool, String, u64) {
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name[letters.len()..].parse().unwrap_or(0);
    (!letters.starts_with("table"), letters.to_owned(), number)
}
