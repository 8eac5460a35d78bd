//! What to run and what came out: from a table's YAML to a CSV in which every published number stands beside the
//! measured one.
//!
//! A method crate implements [`Method`] and its `main` is one call of [`main`]. Everything between comes from here:
//!
//! ```text
//! experiments/<paper>/<table>.yaml      TableSpec: rows, data sets, configuration, profiles
//!   -> Plan                             cells = system x data set x seed, each with the hash of its content
//!   -> driver                           child processes, needs before dependents; finished cells are not run again
//!   -> Method::run(cell, ctx)           the method trains and scores: an Outcome
//!   -> RunRecord                        results/<profile>/<paper>/runs/<hash>.json
//!   -> <table>.csv, runs.csv            whole at every moment; the summary on the terminal
//! ```
//!
//! # Modules
//!
//! | module | idea |
//! | --- | --- |
//! | [`method`] | the trait that a method crate implements, and what its verbs are given |
//! | [`output`] | the folder that a training writes to |
//! | [`config`] | a method's configuration from YAML: defaults, unknown keys, wrong types |
//! | [`context`] | what a running cell is given: folder, threads, needed artefacts, stop flag, progress |
//! | [`record`] | what comes out of a cell; atomic writing |
//! | [`cell`] | a cell and its content hash |
//! | [`schema`] | the table's file |
//! | [`chart`] | how the report draws a table |
//! | [`yaml`] | YAML whose values know their line, through merges |
//! | [`plan`] | from tables to cells: what runs, what waits and for what |
//! | [`store`] | the results folder: records, locks, artefacts |
//! | [`table`] | result tables and verdicts |
//! | [`published`] | the numbers that a paper prints |
//! | [`reproduce`] | the `reproduce` verb |
//! | [`estimate`] | what cells will take |
//! | [`begun`] | the number of threads that a half-done cell goes on with |
//! | [`error`] | the one error type: place, what was found, remedy |
//!
//! `examples/doses.rs` is a whole method in one file.
//!
//! # Writing a method
//!
//! - Configuration: one serde type with `#[serde(default)]` whose `Default` is the paper's; enums with fields are tagged
//!   with `kind`. [`config::canonical`] is `check_config`; ranges are added with [`ConfigError::at`].
//! - `run` saves its checkpoints in `ctx.work_dir` and looks there first: that is all of resuming. It calls
//!   `ctx.stop.check()?` after a step that it has saved, and `ctx.progress.set(done, total, message)` as often as it
//!   likes.
//! - Scores are shares from 0 to 1; the table's `scale` makes per cent of them. A task may be an entity type.
//! - A change that alters numbers raises `results_version`; a changed default is one, a new key whose default keeps the
//!   old behaviour is not (cells are named by what differs from the defaults).
//!
//! # The walk: what the papers need, through the types as they are
//!
//! **An active-learning run with its own curve per query.** One cell is one run of all queries. After each query `run`
//! pushes a row to a [`Curve`] (`query`, the four metrics, pool size, seconds) that lies in its checkpoint, so that a
//! run killed between two queries goes on with the curve it had; at the end the curve is `Outcome::curves["queries"]`,
//! and the scores at the table's query are `Outcome::scores`. Table 3 (`kind: systems`) and Figure 7 (`kind: curve`,
//! `curve: queries`) name the same system with the same configuration: the same hash, one run, two CSVs. Test:
//! `an_active_learning_run_has_its_own_curve_per_query`.
//!
//! **Alternating tasks with several optimisers.** Nothing here knows of optimisers: the configuration holds a list or a
//! map of tagged ones (`optimizers: {task: {kind: adam}, discriminator: {kind: adam, betas: [0.5, 0.5]}}`), the method's
//! checkpoint holds their states side by side, and each task is a key of `Outcome::scores` (`ner`, `cws`, `nen`) with
//! its own metrics and its own `units`; loss curves are further curves. A metric that the paper calls by another name is
//! mapped by the table's `measured_as`. Test: `alternating_tasks_report_a_score_each`.
//!
//! **Pre-training on plain text.** A system like any other, marked `auxiliary: true`: its data set is the text, its
//! configuration says `task: pretrain`, its artefact is a Hugging Face folder in `ctx.work_dir`, its perplexity curve an
//! `Outcome::curves` entry that a figure can show. For a user's own text the method adds a `pretrain` verb
//! ([`Method::commands`], [`Method::run_command`]) that calls the same function with a [`RunContext`]. Published weights
//! in a local folder are a configuration key with a flag of its own ([`Method::shortcuts`]), hashed by
//! [`Method::inputs`]; rows that wait for them say so (`awaits: {what: ..., unless: encoder}`).
//!
//! **A model that starts from another run's checkpoint.** `needs: {encoder: {system: pre-training, dataset: text,
//! seed: 1}}`: a role, and the cell that fills it; a data set can say where its need is made (`needs: {pool: chemical}`),
//! so that one model per category serves all data sets of the category. The dependent's hash covers the needed cell's,
//! so a change below runs everything above again. The driver runs needs first; the dependent finds the folder with
//! [`RunContext::artifact`] and the record with [`RunContext::needed_record`] (a slicing rate chosen on the development
//! set reads its four candidates' scores there). A finished need whose folder is not on this machine is run again only
//! when something has to start from it. Test: `a_model_starts_from_another_run_s_artefact`.

mod beside;
mod check;
mod cli;
mod commands;
mod compare;
mod csv_files;
mod display;
mod driver;
mod json;
mod machine;
mod planner;
mod summary;
mod worker;

pub mod begun;
pub mod cell;
pub mod chart;
pub mod config;
pub mod context;
pub mod error;
pub mod estimate;
pub mod evaluation;
pub mod method;
pub mod output;
pub mod pairs;
pub mod plan;
pub mod published;
pub mod record;
pub mod reproduce;
pub mod schema;
pub mod store;
pub mod table;
mod verdict;
pub mod yaml;

pub use cell::{Cell, DataFacts, Missing};
pub use cli::{given_config, lock_folder, main, must_exist, set_flag};
pub use config::{ConfigError, Value};
pub use context::{Progress, RunContext, Stop, Stopped};
pub use error::{ExperimentError, Result};
pub use estimate::Estimate;
pub use method::{EvaluateArgs, Method, PredictArgs, PredictFormat, Shortcut, TrainArgs};
pub use record::{Curve, Outcome, RunRecord, Scores, Status, Units};
pub use store::Lock;
