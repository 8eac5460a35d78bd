//! `medner data`: one file a subcommand.

mod fetch;

pub use fetch::standing;

use anyhow::Result;
use clap::Subcommand;

use crate::console::Outcome;

/// What to do with corpora.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Brings data sets here, verified: the mirror folder first, else a download.
    Fetch(fetch::FetchArgs),
}

impl DataCommand {
    /// Runs the subcommand; `quiet` hides progress bars.
    pub fn run(self, quiet: bool) -> Result<Outcome> {
        match self {
            Self::Fetch(args) => fetch::run(&args, quiet),
        }
    }
}
