//! A made-up paper of one table, and run records for it.

use std::collections::{BTreeMap, BTreeSet};

use medner_experiment::{Cell, DataFacts, Outcome, RunRecord, Status, Units};
use medner_metrics::Counts;
use serde_json::json;

use crate::support::Repository;

/// Sentences of the made-up test set.
const SENTENCES: u64 = 200;

/// `experiments/toy`: systems A (good), B (bad), C (as good as A), late (waits), and another team's X.
pub fn toy(repository: &Repository, claims: &str) {
    repository.write(
        "experiments/toy/table2.yaml",
        "title: Toy\nmetrics: [f1]\ntasks: [ner]\nscale: 100\ntolerance: 1\ndatasets:\n  D: {data: d}\nsystems:\n\
         \x20 A: {config: {size: 1}}\n  B: {config: {size: 2}}\n  C: {config: {size: 3}}\n\
         \x20 late: {config: {size: 4}, awaits: a large file}\n  A minus B: {minus: [A, B]}\nseeds: [1, 2, 3, 4]\n\
         profiles:\n  quick: {seeds: [1]}\n  cpu: {}\n",
    );
    repository.write(
        "experiments/toy/published.csv",
        "table,system,dataset,task,metric,value,provenance\ntable2,A,D,ner,f1,80.00,table\ntable2,B,D,ner,f1,70.00,table\n\
         table2,C,D,ner,f1,80.50,table\ntable2,X,D,ner,f1,60.00,table\ntable2,late,D,ner,f1,90.00,table\n",
    );
    repository.write("experiments/toy/claims.yaml", claims);
}

/// Writes the record of one run ([`record`]).
pub fn run(
    repository: &Repository,
    profile: &str,
    system: &str,
    size: u32,
    seed: u64,
    share: u64,
) -> RunRecord {
    let record = record(profile, system, size, seed, share);
    save(repository, profile, &record);
    record
}

/// The record of one run. `share` is about the percentage of sentences found; how many and which depends on the seed.
pub fn record(profile: &str, system: &str, size: u32, seed: u64, share: u64) -> RunRecord {
    let share = share + (seed * u64::from(size)) % 3 - 1;
    let units: Vec<Counts> = (0..SENTENCES)
        .map(|i| {
            // Most sentences are as easy for every seed, some are not.
            let rank = (i * 37 + (i % 5) * seed * 11) % 100;
            Counts::new(2, 2, if rank < share { 2 } else { 0 })
        })
        .collect();
    let mut outcome = Outcome::default();
    outcome.score("ner", "f1", units.iter().sum::<Counts>().f1());
    outcome.units.insert("ner".to_owned(), Units(units));
    outcome.seconds.insert("total".to_owned(), 10.0 + seed as f64);
    let mut cell = Cell {
        hash: String::new(),
        method: "toy".to_owned(),
        results_version: 1,
        system: system.to_owned(),
        dataset: "D".to_owned(),
        data: "d".to_owned(),
        seed,
        config: json!({"size": f64::from(size), "rate": 0.5}),
        changed: json!({"size": f64::from(size)}),
        facts: DataFacts { files: [("d.txt".to_owned(), "00ff".to_owned())].into() },
        inputs: DataFacts::default(),
        needs: BTreeMap::new(),
        tables: BTreeSet::from(["table2".to_owned()]),
    };
    cell.hash = cell.content_hash();
    RunRecord {
        format: medner_experiment::record::FORMAT,
        status: Status::Finished,
        reason: None,
        paper: "toy".to_owned(),
        profile: profile.to_owned(),
        cell,
        outcome,
        peak_memory_mib: 1.0,
        device: "cpu".to_owned(),
        threads: 1,
        versions: [("commit".to_owned(), "abc".to_owned())].into(),
        started: "2024-05-01T00:00:00Z".to_owned(),
        command: format!("toy reproduce table2 --system {system} --seeds {seed}"),
    }
}

/// Writes a record where the store looks for it, and lists it under the tables that it names.
pub fn save(repository: &Repository, profile: &str, record: &RunRecord) {
    let path = repository.path(&format!("results/{profile}/toy/runs/{}.json", record.cell.hash));
    record.save(&path).unwrap();
    let tables: Vec<&str> = record.cell.tables.iter().map(String::as_str).collect();
    list(repository, profile, record, &tables.join(" "));
}

/// Says in `runs.csv` which tables show a run.
fn list(repository: &Repository, profile: &str, record: &RunRecord, tables: &str) {
    let path = format!("results/{profile}/toy/runs.csv");
    let before =
        std::fs::read_to_string(repository.path(&path)).unwrap_or_else(|_| "hash,tables\n".to_owned());
    let others = before.lines().filter(|line| !line.starts_with(&record.cell.hash));
    let mut lines: Vec<String> = others.map(str::to_owned).collect();
    lines.push(format!("{},{tables}\n", record.cell.hash));
    repository.write(&path, &lines.join("\n"));
}
