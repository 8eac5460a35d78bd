//! What a cell will take, from measured steps: `reproduce --dry-run`.
//!
//! ```text
//! pieces of the cell's sentences            [work]
//!   x seconds a piece and bytes of a step, measured with few layers in a process of its own            [step]
//! ```
//!
//! A step's time and memory grow by the same amount with every layer, so that the steps of [`step::FEW`] layers tell those of 24.
//! What is measured is this machine's processor: on a GPU time is another, memory nearly the same.

pub mod step;
pub mod work;

use anyhow::Result;
use medner_core::precision::Precision;
use medner_experiment::{Cell, Estimate};

use crate::config::{Config, Job};
use crate::encoder;
use crate::xlnet::XlnetConfig;
use step::{Kind, Request};

/// Time and memory of a cell that trains, with `threads`.
///
/// # Errors
/// Data or an encoder that cannot be read, a step that cannot be measured.
pub fn estimate(cell: &Cell, threads: usize) -> Result<Option<Estimate>> {
    let config: Config = cell.config()?;
    match config.job {
        Job::Tagger | Job::Pool => tagger(cell, &config, threads).map(Some),
        Job::Pretrain if config.encoder.is_none() => pretraining(cell, &config, threads).map(Some),
        Job::Pretrain | Job::Pooled | Job::Chosen | Job::MeanOfSets => Ok(None),
    }
}

/// The sizes of the encoder that a cell will have.
fn sizes(config: &Config) -> Result<XlnetConfig> {
    Ok(match &config.encoder {
        Some(folder) => encoder::open(folder)?.folder.config.clone(),
        None => config.pretraining.encoder.xlnet(work::published()?.len()),
    })
}

fn tagger(cell: &Cell, config: &Config, threads: usize) -> Result<Estimate> {
    let work = work::of(&cell.data, config)?;
    let training = &config.training;
    let request = Request {
        kind: Kind::Tagger,
        sizes: sizes(config)?,
        sequences: training.part_size.min(training.batch_size),
        length: work.length,
        recompute: training.recompute,
        threads,
    };
    let step = step::of(&request)?;
    let epochs = training.epochs.total();
    let scored = (0..epochs).filter(|&epoch| training.epochs.counts(epoch, training.last)).count();
    let batches = work.sequences.div_ceil(training.batch_size);
    let seconds = epochs as f64
        * (work.train as f64 * step.train_seconds + batches as f64 * step.update_seconds)
        + scored as f64 * work.scored as f64 * step.forward_seconds;
    Ok(Estimate { seconds, mib: step.mib, note: note(training.precision) })
}

fn pretraining(cell: &Cell, config: &Config, threads: usize) -> Result<Estimate> {
    let pieces = work::text(&cell.data, config)? as f64;
    let own = &config.pretraining;
    let length = own.sequences.max_length;
    let request = Request {
        kind: Kind::Pretraining,
        sizes: sizes(config)?,
        sequences: (own.training.part_pieces / length).max(1),
        length,
        recompute: false,
        threads,
    };
    let step = step::of(&request)?;
    let seconds = own.training.epochs as f64 * pieces * step.train_seconds;
    Ok(Estimate { seconds, mib: step.mib, note: note(own.training.precision) })
}

fn note(precision: Precision) -> String {
    match precision {
        Precision::F32 => String::new(),
        Precision::Bf16 => "measured in f32".into(),
    }
}
