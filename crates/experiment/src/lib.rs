//! What to run and what came out.

pub mod cell;
mod check;
mod cli;
mod compare;
pub mod config;
pub mod context;
mod display;
mod driver;
pub mod error;
mod json;
mod machine;
pub mod method;
pub mod plan;
pub mod published;
pub mod record;
pub mod reproduce;
pub mod schema;
pub mod store;
mod summary;
pub mod table;
mod worker;
pub mod yaml;

pub use cell::{Cell, DataFacts, Missing};
pub use cli::main;
pub use config::{ConfigError, Value};
pub use context::{Progress, RunContext, Stop, Stopped};
pub use error::{ExperimentError, Result};
pub use method::{EvaluateArgs, Method, PredictArgs, PredictFormat, Shortcut, TrainArgs};
pub use record::{Curve, Outcome, RunRecord, Scores, Status, Units};
