//! What to run and what came out.

pub mod cell;
pub mod config;
pub mod context;
pub mod error;
mod json;
pub mod method;
pub mod record;
pub mod yaml;

pub use cell::{Cell, DataFacts, Missing};
pub use config::{ConfigError, Value};
pub use context::{Progress, RunContext, Stop, Stopped};
pub use error::{ExperimentError, Result};
pub use method::{EvaluateArgs, Method, PredictArgs, PredictFormat, Shortcut, TrainArgs};
pub use record::{Curve, Outcome, RunRecord, Scores, Status, Units};
