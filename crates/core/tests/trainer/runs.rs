//! Runs of the task in a folder: stops, settings, what is compared, warnings.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use medner_core::checkpoint::Settings;
use medner_core::trainer::{At, Summary, Trainer, TrainerConfig, Watch};
use medner_core::{CoreError, Result};
use serde_json::json;

use crate::toy::{Toy, WIDTH};

/// Asks the run to stop after so many steps.
pub(crate) struct StopAt {
    step: u64,
    done: Cell<u64>,
}

impl StopAt {
    pub(crate) fn new(step: u64) -> Self {
        Self { step, done: Cell::new(0) }
    }
}

impl Watch for StopAt {
    fn stop(&self) -> Option<i32> {
        (self.done.get() >= self.step).then_some(15)
    }

    fn progress(&self, at: &At, batches: u64, epochs: u64, message: &str) {
        assert!(at.batch < batches && at.epoch < epochs && message.starts_with("loss "));
        self.done.set(at.step + 1);
    }
}

pub(crate) fn settings() -> Settings {
    Settings { seed: 3, configuration: json!({"width": WIDTH, "rate": 0.05}), ..Settings::default() }
}

pub(crate) fn config() -> TrainerConfig {
    TrainerConfig { epochs: 4, checkpoint_every_steps: 3, curve_every: 4, ..TrainerConfig::default() }
}

pub(crate) fn run(
    folder: &Path,
    config: &TrainerConfig,
    task: &mut Toy,
    watch: &dyn Watch,
) -> Result<Summary> {
    Trainer::new(folder, config.clone(), settings(), watch).run(task)
}

pub(crate) fn stop(folder: &Path, config: &TrainerConfig, mut task: Toy, step: u64) {
    let error = run(folder, config, &mut task, &StopAt::new(step)).unwrap_err();
    assert!(matches!(error, CoreError::Stopped { signal: 15 }), "{error}");
}

/// Everything that a resumed run must end with, byte for byte.
pub(crate) fn record(folder: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let files = [
        "latest/model.safetensors",
        "latest/optimizer.safetensors",
        "latest/state.json",
        "best/model.safetensors",
        "metrics.jsonl",
    ];
    files.iter().map(|file| (*file, fs::read(folder.join(file)).unwrap())).collect()
}

pub(crate) fn assert_same(calm: &Path, other: &Path, what: &str) {
    for ((file, expected), (_, found)) in record(calm).into_iter().zip(record(other)) {
        assert!(expected == found, "{what}: {file} differs");
    }
}

pub(crate) fn flip_a_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    fs::write(path, bytes).unwrap();
}

pub(crate) fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.filter(|p| p.file_name().unwrap().to_string_lossy().starts_with(".tmp-")).collect()
}

/// Collects the texts of warnings.
#[derive(Clone, Default)]
pub(crate) struct Warnings(pub(crate) Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0 = format!("{value:?}");
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
