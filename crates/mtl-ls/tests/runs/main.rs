//! Cells of every job on the embedded samples, interrupted after every step; taggers on a user's own files; the tables' files.
#![allow(clippy::unwrap_used)]

mod bad_inputs;
mod cells;
mod own_files;
mod program;
mod resume;
mod tables;
mod tagging;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use medner_experiment::context::NeededCell;
use medner_experiment::record::FORMAT;
use medner_experiment::{Cell, Method, Outcome, RunContext, RunRecord, Status};
use medner_mtl_ls::{MtlLs, subtasks};
use serde_json::{Value, json};

/// A small encoder of two layers whose pieces are the text's words and characters.
fn pretraining(epochs: u64) -> Value {
    json!({
        "encoder": {"layers": 2, "width": 32, "heads": 2, "inner": 64},
        "vocabulary": {"source": "text", "min_count": 2},
        "sequences": {"max_length": 32, "held_out": 0.2},
        "training": {"epochs": epochs, "batch_pieces": 512, "part_pieces": 256, "learning_rate": 0.003, "curve_every": 2},
    })
}

/// A cell as the driver makes it.
fn cell(config: &Value, data: &str, needs: &[(&str, &Finished)]) -> Cell {
    let config = MtlLs.check_config(config).unwrap();
    let mut cell = Cell {
        hash: String::new(),
        method: "mtl-ls".into(),
        results_version: 1,
        system: "system".into(),
        dataset: data.into(),
        data: data.into(),
        seed: 3,
        changed: config.clone(),
        config,
        facts: subtasks::facts(data).unwrap(),
        inputs: medner_experiment::DataFacts::default(),
        needs: needs.iter().map(|(role, done)| ((*role).to_owned(), done.cell.hash.clone())).collect(),
        tables: std::collections::BTreeSet::new(),
    };
    cell.hash = cell.content_hash();
    cell
}

/// A cell that has run: its folder, and its record beside it.
struct Finished {
    cell: Cell,
    folder: PathBuf,
    outcome: Outcome,
}

impl Finished {
    fn record(&self) -> PathBuf {
        self.folder.with_extension("json")
    }
}

fn context(folder: &Path, needs: &[(&str, &Finished)]) -> RunContext {
    let needed = |done: &Finished| NeededCell { folder: done.folder.clone(), record: done.record() };
    let needs: BTreeMap<String, NeededCell> =
        needs.iter().map(|(role, done)| ((*role).to_owned(), needed(done))).collect();
    RunContext { threads: 1, needs, ..RunContext::new(folder, folder) }
}

/// Runs a cell to its end; `interrupted`: it is asked to stop before it begins, again and again, so that each call makes one
/// step.
fn run(
    folder: &Path,
    config: &Value,
    data: &str,
    needs: &[(&str, &Finished)],
    interrupted: bool,
) -> Finished {
    let cell = cell(config, data, needs);
    std::fs::create_dir_all(folder).unwrap();
    let mut stops = 0;
    let outcome = loop {
        let context = context(folder, needs);
        if interrupted {
            context.stop.request(15);
        }
        match MtlLs.run(&cell, &context) {
            Ok(outcome) => break outcome,
            Err(error) if error.is::<medner_experiment::Stopped>() => stops += 1,
            Err(error) => panic!("{error:#}"),
        }
        assert!(stops < 200, "it does not come to its end");
    };
    assert_eq!(stops > 3, interrupted, "{stops}");
    let done = Finished { cell, folder: folder.to_owned(), outcome };
    let record = RunRecord {
        format: FORMAT,
        status: Status::Finished,
        reason: None,
        paper: "mtl-ls".into(),
        profile: "quick".into(),
        cell: done.cell.clone(),
        outcome: done.outcome.clone(),
        peak_memory_mib: 0.0,
        device: "cpu".into(),
        threads: 1,
        versions: BTreeMap::new(),
        started: "2026-01-01T00:00:00Z".into(),
        command: "test".into(),
    };
    record.save(&done.record()).unwrap();
    done
}

/// Scores, counts and curves: all of an outcome that must not depend on interruptions.
fn assert_same(a: &Outcome, b: &Outcome) {
    assert_eq!(a.scores, b.scores);
    assert_eq!(a.units, b.units);
    assert_eq!(a.curves, b.curves);
    assert_eq!(a.examples, b.examples);
    assert_eq!(a.notes, b.notes);
}

fn same_bytes(a: &Path, b: &Path, file: &str) {
    let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
    assert!(read(a) == read(b), "{file} differs");
}
