//! What one cell of a table does, by its job.

mod counts;
mod linear;
mod tagger;

use anyhow::Result;
use medner_core::device;
use medner_experiment::{Cell, Outcome, RunContext};

pub use tagger::train;

use crate::character_vectors;
use crate::config::{Config, Job};

/// Runs a cell.
pub fn run(cell: &Cell, ctx: &RunContext) -> Result<Outcome> {
    let config: Config = cell.config()?;
    device::set_threads(ctx.threads);
    let device = device::open(&ctx.device)?;
    match config.job {
        Job::Tagger => tagger::run(cell, &config, ctx, device),
        Job::LinearCrf => linear::run(cell, &config, ctx),
        Job::Vectors => character_vectors::run(cell, &config, ctx),
        Job::Statistics => counts::statistics(&cell.data, &config),
        Job::Transfer => counts::transfer(&cell.data, &config),
    }
}
