//! A training as the work of a cell or of a command.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use medner_core::checkpoint::{DEVICE, Settings};
use medner_core::trainer::{At, Summary, Task, Trainer, TrainerConfig, Watch};
use medner_core::{CoreError, device};
use medner_experiment::{RunContext, Stopped};
use serde::Serialize;

/// What a resume must not change: the seed, the configuration, the files (names and hashes), and what else moves numbers: the
/// version of the results (`of` names whose), libtorch, the device and the number of threads, on which the order of additions depends.
///
/// # Errors
/// A configuration that is no JSON.
pub fn settings<C: Default + Serialize>(
    seed: u64,
    config: &C,
    files: BTreeMap<String, String>,
    (of, version): (&str, u32),
    ctx: &RunContext,
) -> Result<Settings> {
    let versions = [
        (of.to_owned(), version.to_string()),
        ("libtorch".to_owned(), device::LIBTORCH_VERSION.to_owned()),
        ("threads".to_owned(), ctx.threads.to_string()),
        (DEVICE.to_owned(), ctx.device.clone()),
    ];
    Ok(Settings {
        seed,
        configuration: serde_json::to_value(config)?,
        defaults: serde_json::to_value(C::default())?,
        data: files,
        versions: versions.into(),
    })
}

/// What the loop's epochs are to the reader of the progress line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Passes over the data, all of about the same number of steps.
    #[default]
    Epoch,
    /// Rounds of queries. They grow, so that their number says more than that of their steps.
    Round,
}

/// Trains in `folder`, from its newest checkpoint if there is one.
///
/// # Errors
/// What the training says; [`Stopped`] when it was asked to stop, which is no failure.
pub fn run(
    task: &mut dyn Task,
    folder: &Path,
    config: TrainerConfig,
    settings: Settings,
    unit: Unit,
    ctx: &RunContext,
) -> Result<Summary> {
    let watch = ContextWatch { ctx, unit };
    Trainer::new(folder, config, settings, &watch).run(task).map_err(|error| match error {
        CoreError::Stopped { signal } => Stopped { signal: signal as usize }.into(),
        other => other.into(),
    })
}

/// Lets the training loop hear the driver's stop and tell it how far it is.
struct ContextWatch<'a> {
    ctx: &'a RunContext,
    unit: Unit,
}

impl Watch for ContextWatch<'_> {
    fn stop(&self) -> Option<i32> {
        self.ctx.stop.signal().map(|signal| signal as i32)
    }

    fn progress(&self, at: &At, batches: u64, epochs: u64, message: &str) {
        let number = at.epoch + 1;
        let (done, total, name) = match self.unit {
            Unit::Epoch => (at.epoch * batches + at.batch + 1, epochs * batches, "epoch"),
            Unit::Round => (1000 * at.epoch + 1000 * (at.batch + 1) / batches.max(1), 1000 * epochs, "round"),
        };
        self.ctx.progress.set(done, total, format!("{name} {number}/{epochs}, {message}"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::{Arc, Mutex};

    use medner_experiment::context::{Progress, ProgressSink, Report};

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<Report>>);

    impl ProgressSink for Heard {
        fn show(&self, report: &Report) {
            self.0.lock().unwrap().push(report.clone());
        }
    }

    fn heard(unit: Unit, at: At) -> Report {
        let sink = Arc::new(Heard::default());
        let ctx = RunContext { progress: Progress::new(sink.clone()), ..RunContext::new(".", ".") };
        ContextWatch { ctx: &ctx, unit }.progress(&at, 10, 4, "loss 1.5");
        let reports = sink.0.lock().unwrap();
        reports[0].clone()
    }

    #[test]
    fn progress_counts_steps_of_epochs_and_thousandths_of_rounds() {
        let at = At { seed: 1, epoch: 2, batch: 4, step: 99 };
        let epoch = heard(Unit::Epoch, at);
        assert_eq!((epoch.done, epoch.total, epoch.message.as_str()), (25, 40, "epoch 3/4, loss 1.5"));
        let round = heard(Unit::Round, at);
        assert_eq!((round.done, round.total, round.message.as_str()), (2500, 4000, "round 3/4, loss 1.5"));
    }

    /// The driver reads the number of threads from a checkpoint without knowing what else is in it.
    #[test]
    fn a_half_done_cell_is_found_to_have_its_threads() {
        use medner_core::checkpoint::{CheckpointFolder, TrainState};
        use medner_experiment::begun;

        let folder = tempfile::tempdir().unwrap();
        let ctx = RunContext { threads: 3, ..RunContext::new(".", folder.path()) };
        let settings = settings(7, &(), BTreeMap::new(), ("results", 4), &ctx).unwrap();
        let state = TrainState { settings, step: 5, ..TrainState::default() };
        assert_eq!(begun::threads(folder.path(), 1), 1);
        let checkpoints = CheckpointFolder::open(folder.path(), 2).unwrap();
        checkpoints.save(&state, &BTreeMap::new(), &BTreeMap::new(), false).unwrap();
        assert_eq!(begun::threads(folder.path(), 1), 3);
    }

    #[test]
    fn a_stop_is_heard_and_settings_name_what_moves_numbers() {
        let ctx = RunContext { threads: 3, ..RunContext::new(".", ".") };
        let watch = ContextWatch { ctx: &ctx, unit: Unit::Epoch };
        assert_eq!(watch.stop(), None);
        ctx.stop.request(15);
        assert_eq!(watch.stop(), Some(15));
        let settings = settings(7, &[1, 2], BTreeMap::new(), ("results", 4), &ctx).unwrap();
        assert_eq!((settings.seed, settings.configuration), (7, serde_json::json!([1, 2])));
        assert_eq!(settings.versions["results"], "4");
        assert_eq!(settings.versions["threads"], "3");
        assert_eq!(settings.versions["libtorch"], device::LIBTORCH_VERSION);
    }
}
