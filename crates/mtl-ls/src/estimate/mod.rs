//! What a cell will take, from measured steps: `reproduce --dry-run`.
//!
//! ```text
//! pieces of the cell's sentences            [work]
//!   x seconds a piece, at the sentences' mean length, and bytes of a step, at their longest: batches are of like lengths, so
//!     that some are of nothing but long ones; measured with few layers in a process of its own            [step]
//! ```
//!
//! A step's time and memory grow by the same amount with every layer, so that the steps of [`step::FEW`] layers tell those of 24.
//! What is measured is this machine's processor: on a GPU time is another, memory nearly the same, and the note says so.

pub mod step;
pub mod work;

use std::collections::BTreeMap;

use anyhow::Result;
use medner_experiment::{Cell, Estimate};

use crate::config::{Config, Job};
use crate::encoder;
use crate::xlnet::XlnetConfig;
use step::{Kind, Request};

/// Time and memory of a cell that trains, with `threads`, on `device` as the user names it. `needs` has the cells that it starts
/// from: `encoder` is what it would pre-train, or stands for a folder that is not at hand.
///
/// # Errors
/// Data or an encoder that cannot be read, a step that cannot be measured.
pub fn estimate(
    cell: &Cell,
    needs: &BTreeMap<&str, &Cell>,
    threads: usize,
    device: &str,
) -> Result<Option<Estimate>> {
    let config: Config = cell.config()?;
    let started_from = match needs.get("encoder") {
        Some(encoder) => encoder.config()?,
        None => config.clone(),
    };
    let sizes = || if config.encoder.is_some() { sizes(&config) } else { sizes(&started_from) };
    match config.job {
        Job::Tagger | Job::Pool => tagger(cell, &config, sizes()?, threads, device).map(Some),
        Job::Pretrain if config.encoder.is_none() => {
            pretraining(cell, &config, sizes()?, threads, device).map(Some)
        }
        Job::Pretrain | Job::Pooled | Job::Chosen | Job::MeanOfSets => Ok(None),
    }
}

/// The sizes of the encoder that a configuration has: those of a folder that it names; else those that it would pre-train.
fn sizes(config: &Config) -> Result<XlnetConfig> {
    Ok(match config.encoder.as_ref().or(config.pretraining.start.as_ref()) {
        Some(folder) => encoder::open(folder)?.folder.config.clone(),
        None => config.pretraining.encoder.xlnet(work::published()?.len()),
    })
}

fn tagger(
    cell: &Cell,
    config: &Config,
    sizes: XlnetConfig,
    threads: usize,
    device: &str,
) -> Result<Estimate> {
    let work = work::of(&cell.data, config)?;
    let training = &config.training;
    let request = Request {
        kind: Kind::Tagger,
        sizes,
        sequences: training.part_size.min(training.batch_size),
        length: work.length,
        longest: work.longest,
        recompute: training.recompute,
        precision: training.precision,
        threads,
    };
    let step = step::of(&request)?;
    let epochs = training.epochs.total();
    let scored = (0..epochs).filter(|&epoch| training.epochs.counts(epoch, training.last)).count();
    let batches = work.sequences.div_ceil(training.batch_size);
    let seconds = epochs as f64
        * (work.train as f64 * step.train_seconds + batches as f64 * step.update_seconds)
        + scored as f64 * work.scored as f64 * step.forward_seconds;
    Ok(Estimate { seconds, mib: step.mib, note: note(device) })
}

fn pretraining(
    cell: &Cell,
    config: &Config,
    sizes: XlnetConfig,
    threads: usize,
    device: &str,
) -> Result<Estimate> {
    let pieces = work::text(&cell.data, config)? as f64;
    let own = &config.pretraining;
    let length = own.sequences.max_length;
    let request = Request {
        kind: Kind::Pretraining,
        sizes,
        sequences: (own.training.part_pieces / length).max(1),
        length,
        longest: length,
        recompute: false,
        precision: own.training.precision,
        threads,
    };
    let step = step::of(&request)?;
    let seconds = own.training.epochs as f64 * pieces * step.train_seconds;
    Ok(Estimate { seconds, mib: step.mib, note: note(device) })
}

/// In what the cell will be other than what was measured.
fn note(device: &str) -> String {
    if device == "cpu" { String::new() } else { "CPU time".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_was_not_measured() {
        assert_eq!(["cpu", "cuda:0"].map(note), ["", "CPU time"]);
    }
}
