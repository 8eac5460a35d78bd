//! What a method crate implements; everything else (command line, plan, resume, parallel cells, tables) comes from
//! this crate.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::cell::{Cell, DataFacts, Missing};
use crate::config::{ConfigError, Value};
use crate::context::RunContext;
use crate::estimate::Estimate;
use crate::record::{Outcome, Scores};

/// A paper's method: its configuration, its data, its systems.
///
/// A `main.rs` is then
/// ```text
/// fn main() -> std::process::ExitCode {
///     medner_experiment::main(&MyMethod)
/// }
/// ```
pub trait Method: Sync {
    /// The program's name, and the folder under `experiments/` and `results/<profile>/`.
    fn name(&self) -> &'static str;

    /// One line for `--help`.
    fn about(&self) -> &'static str;

    /// The crate's version: `env!("CARGO_PKG_VERSION")`.
    fn version(&self) -> &'static str;

    /// Raised by hand whenever a change alters numbers; older results are then run again. A changed default of the
    /// configuration is such a change: cells are named by what differs from the defaults, so that new keys keep the
    /// results and new defaults would keep them by mistake.
    fn results_version(&self) -> u32;

    /// That of a cell with this (checked) configuration, where a change altered the numbers of some cells only.
    fn results_version_of(&self, config: &Value) -> u32 {
        let _ = config;
        self.results_version()
    }

    /// Checks a configuration and fills in every default. Usually
    /// `config::canonical::<MyConfig>(given)` and what the types cannot say (ranges, keys that exclude each other).
    ///
    /// # Errors
    /// Unknown keys, wrong types, values out of range: the dotted key and what was expected. The caller adds the
    /// file and the line.
    fn check_config(&self, given: &Value) -> Result<Value, ConfigError>;

    /// Refuses what `train` would pass over: keys that only cells of tables read. `given` is what the user wrote, which
    /// [`Method::check_config`] has found sound.
    ///
    /// # Errors
    /// The dotted key, and what to do instead. The caller adds the file and the line.
    fn check_train(&self, given: &Value) -> Result<(), ConfigError> {
        let _ = given;
        Ok(())
    }

    /// What the first example of `train --help` says by `--set`: what no training can do without (`encoder=DIR`), and how long it
    /// takes. Each is a `KEY=VALUE` that [`Method::check_train`] lets pass.
    fn train_example(&self) -> &'static [&'static str] {
        &[]
    }

    /// Where a data set of the catalogue is, as the SHA-256 of its files. Called once per data set and process.
    ///
    /// # Errors
    /// `Missing` with the remedy; the driver then falls back on [`Method::sample`], loudly.
    fn locate(&self, data: &str) -> Result<DataFacts, Missing>;

    /// Further files that a configuration names: an encoder's folder, word vectors.
    ///
    /// # Errors
    /// `Missing` with the remedy; the cell then waits, loudly, and its row says for what. In a sample run
    /// [`Method::sample_config`] is asked first.
    fn inputs(&self, config: &Value) -> Result<DataFacts, Missing> {
        let _ = config;
        Ok(DataFacts::default())
    }

    /// The catalogue name of the embedded sample that stands in for `data` when it cannot be had.
    fn sample(&self, data: &str) -> Option<String> {
        let _ = data;
        None
    }

    /// True for a cell that takes all it needs from the records of other cells: it runs where those have no artefacts on this machine.
    /// `config` has all defaults filled in.
    fn reads_records(&self, config: &Value) -> bool {
        let _ = config;
        false
    }

    /// The configuration that a cell of a sample run has when some of its [`Method::inputs`] are missing: a method that
    /// can do without them (further corpora, published vectors) leaves them out here, so that the cell is run rather
    /// than waits. `config` has all defaults filled in; what comes back is checked by [`Method::check_config`].
    fn sample_config(&self, config: &Value) -> Value {
        config.clone()
    }

    /// Trains and scores one cell. Checkpoints go to `ctx.work_dir`, where an interrupted run finds them again;
    /// artefacts that dependent cells read go there too. When `ctx.stop` is set: finish the step, save, and return
    /// [`crate::context::Stopped`] (`ctx.stop.check()?`).
    ///
    /// # Errors
    /// Anything; the cell becomes a red row with the reason, and the others go on.
    fn run(&self, cell: &Cell, ctx: &RunContext) -> anyhow::Result<Outcome>;

    /// Trains on a user's own files. `ctx.work_dir` is `args.out`.
    ///
    /// # Errors
    /// Bad data, a configuration that differs at resume, a full disk.
    fn train(&self, args: &TrainArgs, ctx: &RunContext) -> anyhow::Result<()>;

    /// Scores a trained model on a test file; the caller prints the scores.
    ///
    /// # Errors
    /// Bad data, a damaged model.
    fn evaluate(&self, args: &EvaluateArgs, ctx: &RunContext) -> anyhow::Result<Scores>;

    /// Labels text.
    ///
    /// # Errors
    /// Bad input, a damaged model, an output that cannot be written.
    fn predict(&self, args: &PredictArgs, ctx: &RunContext) -> anyhow::Result<()>;

    /// The machine's part of a record: libtorch's version, the data catalogue's, and so on.
    fn versions(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Checks `--device` before anything runs and gives its full name for the records.
    ///
    /// # Errors
    /// An unknown device, or one that this build or machine does not have: never a silent fallback.
    fn device(&self, device: &str) -> anyhow::Result<String> {
        anyhow::ensure!(
            device == "cpu",
            "`--device {device}`: this method runs on the CPU only; leave the flag out or say `--device cpu`"
        );
        Ok("cpu".to_owned())
    }

    /// Flags of `reproduce` that stand for a configuration key, for example `--encoder DIR` for `encoder`. Unlike
    /// `--set`, such a flag names an input of the paper's own set-up, so its results stay in the profile's folder.
    fn shortcuts(&self) -> Vec<Shortcut> {
        Vec::new()
    }

    /// What `reproduce --dry-run` says a cell will take with so many threads on this device, from a measured step where one is
    /// cheap. `needs` has the cells that it starts from, by the names it knows them by.
    ///
    /// # Errors
    /// Anything; the plan prints the reason instead.
    fn estimate(
        &self,
        cell: &Cell,
        needs: &BTreeMap<&str, &Cell>,
        threads: usize,
        device: &str,
    ) -> anyhow::Result<Option<Estimate>> {
        let _ = (cell, needs, threads, device);
        Ok(None)
    }

    /// Subcommands of this method alone (`pretrain`, `query`, `learn`).
    fn commands(&self) -> Vec<clap::Command> {
        Vec::new()
    }

    /// Runs one of [`Method::commands`]. `ctx.work_dir` is the current folder.
    ///
    /// # Errors
    /// Anything; printed with its causes, exit code 1.
    fn run_command(&self, name: &str, matches: &clap::ArgMatches, ctx: &RunContext) -> anyhow::Result<()> {
        let _ = (matches, ctx);
        anyhow::bail!("`{name}` is listed by commands() but run_command() does not know it")
    }
}

/// A flag of `reproduce` that sets one configuration key.
#[derive(Clone, Copy, Debug)]
pub struct Shortcut {
    /// The flag without its dashes: `encoder`.
    pub flag: &'static str,
    /// How the value is shown in help texts: `DIR`.
    pub value_name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// The dotted key of the method's configuration.
    pub key: &'static str,
}

/// `<method> train`.
#[derive(Clone, Debug)]
pub struct TrainArgs {
    /// The checked configuration (`--config` and `--set`), defaults filled in.
    pub config: Value,
    /// The seed (`--seed`, default 1).
    pub seed: u64,
    /// Training file.
    pub train: PathBuf,
    /// Development file; without one the method holds out a part of the training file.
    pub dev: Option<PathBuf>,
    /// Where the model and its checkpoints go.
    pub out: PathBuf,
    /// Go on from the last checkpoint in `out`.
    pub resume: bool,
}

/// `<method> evaluate`.
#[derive(Clone, Debug)]
pub struct EvaluateArgs {
    /// A folder written by `train`.
    pub model: PathBuf,
    /// Test file.
    pub test: PathBuf,
}

/// `<method> predict`.
#[derive(Clone, Debug)]
pub struct PredictArgs {
    /// A folder written by `train`.
    pub model: PathBuf,
    /// Input file; `None` is standard input.
    pub input: Option<PathBuf>,
    /// Output file or, for brat, folder; `None` is standard output.
    pub output: Option<PathBuf>,
    /// What the output looks like.
    pub format: PredictFormat,
}

/// What `predict` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PredictFormat {
    /// The text with its entities marked, for reading.
    Text,
    /// One token and its tag a line, a blank line between sentences.
    Conll,
    /// One JSON object a document: text, entities with character offsets and confidences.
    Jsonl,
    /// brat standoff: a `.txt` and an `.ann` file a document.
    Brat,
    /// PubTator: title and abstract lines, then one line an entity.
    Pubtator,
}
