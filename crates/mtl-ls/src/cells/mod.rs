//! What one cell of a table does, by its job.
//!
//! | module | jobs |
//! | --- | --- |
//! | [`training`] | taggers and categories' models |
//! | [`report`] | what a finished training comes to: scores, entity sets, errors |
//! | [`pool_notes`] | what a category's model is trained on, for the records |
//! | [`derived`] | rows that take their numbers from other runs |

pub mod derived;
pub mod pool_notes;
pub mod report;
pub mod training;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};
use medner_core::checkpoint::PRODUCTS;
use medner_core::device;
use medner_core::pretrained::WEIGHTS;
use medner_core::trainer::{Summary, TrainerConfig};
use medner_experiment::{Cell, Outcome, RunContext};
use medner_metrics::LabelSet;
use medner_training::job::{self, Unit};
use medner_training::pretraining::outcome::ENCODER_FOLDER;
use tch::Device;

use crate::config::{Config, Job};
use crate::encoder::{self, Pretrained};
use crate::pretraining;
use crate::tagging::{TaggerTask, XlnetCrf};
use crate::xlnet::XlnetConfig;

/// Development F1, the mean over the checkpoints that count.
pub const DEV_F1: &str = "dev_f1";

/// Runs a cell.
///
/// # Errors
/// What its job says; [`medner_experiment::Stopped`] when it was asked to stop.
pub fn run(cell: &Cell, ctx: &RunContext) -> Result<Outcome> {
    let config: Config = cell.config()?;
    ensure!(
        config.pool.is_none(),
        "`pool` is for `train`; a cell's is the one that its table's `needs` name: leave it out"
    );
    device::set_threads(ctx.threads);
    match config.job {
        Job::Tagger => training::tagger(cell, &config, ctx),
        Job::Pool => training::pool(cell, &config, ctx),
        Job::Pooled => derived::pooled(cell, ctx),
        Job::Chosen => derived::chosen(ctx),
        Job::MeanOfSets => derived::mean_of_sets(ctx),
        Job::Pretrain => match &config.encoder {
            // Taggers read the folder themselves; this cell only says which.
            Some(folder) => {
                let given = encoder::open(folder)?;
                let mut outcome = Outcome::default();
                outcome.notes.insert("encoder".into(), describe(&given, folder));
                Ok(outcome)
            }
            None => pretraining::run::cell(cell, &config, ctx),
        },
    }
}

/// One line on an encoder, for the record.
fn describe(encoder: &Pretrained, folder: &Path) -> String {
    let config = &encoder.folder.config;
    format!(
        "XLNet of {} layers of {}, {} pieces, from {}",
        config.n_layer,
        config.d_model,
        config.vocab_size,
        folder.display()
    )
}

/// The encoder that the configuration names, or that the cell needs, and a line on it.
fn pretrained(config: &Config, ctx: &RunContext) -> Result<(Pretrained, String)> {
    if let Some(folder) = &config.encoder {
        let encoder = encoder::open(folder)?;
        let note = describe(&encoder, folder);
        return Ok((encoder, note));
    }
    let encoder = encoder::open(&ctx.artifact("encoder")?.join(ENCODER_FOLDER))?;
    let note = ctx.needed_record("encoder")?.outcome.notes.get("encoder").cloned().unwrap_or_default();
    // Made again on another machine it may have other last bits: rows show which one they started from.
    let files = encoder::files_of(encoder.folder.path())?;
    let note = files.get(WEIGHTS).map_or(note.clone(), |hash| format!("{note}, SHA-256 {}", &hash[..12]));
    Ok((encoder, note))
}

/// The encoder's sizes with the tagger's dropout.
pub fn tagger_config(config: &Config, encoder: &XlnetConfig) -> XlnetConfig {
    XlnetConfig { dropout: config.training.dropout.unwrap_or(encoder.dropout), ..encoder.clone() }
}

/// Trains in `ctx.work_dir`, from its newest checkpoint if there is one. `data`: the hashes of all that it reads, those of the
/// encoder's files with them.
///
/// # Errors
/// What training says; [`medner_experiment::Stopped`] when it was asked to stop.
pub fn train(
    config: &Config,
    seed: u64,
    data: BTreeMap<String, String>,
    task: &mut TaggerTask,
    patience: Option<u64>,
    ctx: &RunContext,
) -> Result<Summary> {
    let version = ("results", crate::method::RESULTS_VERSION);
    // A named encoder or category's model is known by its files, which stand in `data`, wherever they lie.
    let said = Config { encoder: None, pool: None, ..config.clone() };
    let mut settings = job::settings(seed, &said, data, version, ctx)?;
    settings.versions.insert(PRODUCTS.to_owned(), task.products.to_owned());
    let trainer_config = TrainerConfig {
        epochs: config.training.epochs.total(),
        patience,
        learned_nothing: Some(0.0),
        checkpoint_every_steps: config.training.checkpoint_every,
        keep: 1,
        ..TrainerConfig::default()
    };
    job::run(task, &ctx.work_dir, trainer_config, settings, Unit::Epoch, ctx)
}

/// A tagger with values drawn from `seed`, its encoder filled.
///
/// # Errors
/// Files that do not fit.
pub fn build(
    config: &Config,
    encoder: &Pretrained,
    labels: &LabelSet,
    pool: Option<(&Path, f64)>,
    seed: u64,
    device: Device,
) -> Result<XlnetCrf> {
    // Step u64::MAX is no training step, so the initial values share no random numbers with any dropout mask.
    device::reseed(seed, u64::MAX);
    let sizes = tagger_config(config, &encoder.folder.config);
    let precision = config.training.precision;
    let mut tagger = XlnetCrf::new(&sizes, labels, config.input.labels, precision, device)?;
    if config.training.recompute {
        tagger.recompute();
    }
    encoder::fill(&tagger.params, &sizes, &encoder.folder, pool)?;
    Ok(tagger)
}
