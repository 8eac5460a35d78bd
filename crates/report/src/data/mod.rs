//! `medner data`: one file a subcommand.

mod check;
mod convert;
mod fetch;
mod input;
mod stats;

pub use check::named as check_named;
pub use fetch::standing;
pub use stats::named as stats_named;

use anyhow::Result;
use clap::Subcommand;

use crate::console::Outcome;

/// What to do with corpora.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Brings data sets here, verified: the mirror folder first, else a download.
    Fetch(fetch::FetchArgs),
    /// Looks for what is wrong with a corpus: bad tags and offsets, leakage between splits, wrong counts.
    Check(check::CheckArgs),
    /// Counts sentences, mentions and types, and what of the test set training has seen.
    Stats(stats::StatsArgs),
    /// Turns one format or tag scheme into another, and says what cannot be carried over.
    Convert(convert::ConvertArgs),
}

impl DataCommand {
    /// Runs the subcommand; `quiet` hides progress bars.
    pub fn run(self, quiet: bool) -> Result<Outcome> {
        match self {
            Self::Fetch(args) => fetch::run(&args, quiet),
            Self::Check(args) => check::run(&args),
            Self::Stats(args) => stats::run(&args),
            Self::Convert(args) => convert::run(&args, quiet),
        }
    }
}
