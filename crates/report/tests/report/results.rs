//! A repository with one invented paper, its results and its corpus.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use medner_experiment::record::{Curve, FORMAT, Outcome};
use medner_experiment::{Cell, DataFacts, RunRecord, Status};
use serde_json::{Value, json};

use crate::support::Repository;

pub const TABLE2: &str = r#"title: "Table 2: taggers | on <Greetings>"
metrics: [precision, recall, f1]
tasks: [ner]
scale: 100
tolerance: 2
datasets:
  Greetings: {data: greetings}
systems:
  BiLSTM-CRF: {config: {model: {encoder: bilstm}}}
  IDCNN-CRF: {config: {model: {encoder: idcnn}}}
  IDCNN <b>MHA</b>-CRF: {config: {model: {encoder: idcnn, heads: 4}}}
  ALBERT-CRF: {awaits: an encoder}
profiles: {cpu: {}}
"#;

const HEAD: &str = "system,dataset,task,metric,published,mean,sd,min,max,n,difference,p_value,verdict,profile,device,command\n";

/// Every kind of verdict, and names that are markup where they are not escaped.
pub fn table2() -> String {
    let command =
        |system: &str| format!("target/release/toy reproduce table2 --profile cpu --system {system}");
    let mut rows = HEAD.to_owned();
    for (system, metric, rest) in [
        (
            "BiLSTM-CRF",
            "precision",
            "79.79,79.255676,0.671852,78.606261,79.947917,3,-0.534324,0.3023,reproduced",
        ),
        (
            "BiLSTM-CRF",
            "recall",
            "82.81,82.416972,0.743305,81.839387,83.255581,3,-0.393028,0.4564,reproduced",
        ),
        ("BiLSTM-CRF", "f1", "81.27,80.801435,0.124939,80.657561,80.882595,3,-0.468565,0.0229,reproduced"),
        ("IDCNN-CRF", "precision", "80.37,76.358248,0.65772,75.6,77,3,-4.011752,1.0e-4,below"),
        ("IDCNN-CRF", "recall", "82.65,86.662002,,86.662002,86.662002,1,4.012002,,above"),
        ("IDCNN-CRF", "f1", "81.5,80.004433,,80.004433,80.004433,1,-1.495567,,partial: 1 of 3"),
        ("IDCNN <b>MHA</b>-CRF", "precision", "82.16,,,,,,,,failed: no space | left"),
        ("ALBERT-CRF", "precision", "82.7,,,,,,,,waits: an encoder"),
        ("ALBERT-CRF", "f1", "83.36,,,,,,,,waits: an encoder"),
        ("Another team", "f1", "85.62,,,,,,,,published only"),
    ] {
        let command = if system == "Another team" { String::new() } else { command(system) };
        let _ = writeln!(rows, "{system},Greetings,ner,{metric},{rest},cpu,cpu,{command}");
    }
    rows
}

const FIG7: &str = r#"title: "Figure 7: F1 against queries"
kind: curve
curve: queries
metrics: [ner_f1]
datasets:
  Greetings: {data: greetings}
systems:
  LC (MT): {}
  Random (MT): {}
profiles: {cpu: {}}
"#;

const PAPER: &str = r#"title: "An invented paper <on> greetings & *stars*"
authors: A. Author, B. Author
year: 2022
venue: Journal of Toys
claims: Attention helps. It helps a lot.
readme: [table2]
says: {table2: "Attention adds 0.99 F1."}
differences:
  - {topic: Heads, paper: four, released: eight, ours: four, key: model.heads}
  - {topic: Epochs, paper: not given, ours: "25"}
data:
  greetings:
    counts:
      - {split: train, unit: sentences, printed: 1200, rounded: 100, at: Section 4}
      - {split: test, unit: entities, printed: 7, at: Table 1}
    notes: [Some greetings are rude.]
"#;

const MANIFEST: &str = r#"version: 1
datasets:
  greetings:
    title: Greetings of the world
    root: greetings
    licence: CC0 <public>
    cite: ["Author 2020, Greetings"]
    counts:
      train: {sentences: 1234, tokens: 5678, entities: 90}
      test: {sentences: 12, entities: 8}
    files:
      - path: greetings/hello.txt
        bytes: 6
        sha256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
        url: http://127.0.0.1:9/hello.txt
"#;

/// The repository with the results of profile cpu.
pub fn repository() -> Repository {
    let repository = Repository::new();
    repository.write("datasets/manifest.yaml", MANIFEST);
    repository.write("experiments/toy/paper.yaml", PAPER);
    repository.write("experiments/toy/table2.yaml", TABLE2);
    repository.write("experiments/toy/fig7.yaml", FIG7);
    repository.write("experiments/toy/published.csv", "table,system,dataset,task,metric,value,provenance\n");
    repository.write("results/cpu/toy/table2.csv", &table2());
    repository.write(
        "results/cpu/toy/table2-comparisons.csv",
        "system,against,dataset,task,metric,mean,mean_against,difference,sd_difference,n,p_seeds,p_units,seeds,profile\n\
         IDCNN-CRF,BiLSTM-CRF,Greetings,ner,f1,80.004433,80.801435,-0.797002,0.672683,3,0.1766,3.0e-4 0.4144,1 2,cpu\n",
    );
    let mut curve = "system,dataset,seed,query,ner_f1,seconds,profile\n".to_owned();
    for (system, gain) in [("LC (MT)", 0.03), ("Random (MT)", 0.02)] {
        for seed in 1..=2 {
            for query in 0..5 {
                let f1 = 0.5 + gain * f64::from(query) + 0.01 * f64::from(seed);
                let _ = writeln!(curve, "{system},Greetings,{seed},{query},{f1:.3},1.5,cpu");
            }
        }
    }
    repository.write("results/cpu/toy/fig7.csv", &curve);
    let folder = repository.path("results/cpu/toy/runs");
    for (system, encoder, heads, gain) in [
        ("BiLSTM-CRF", "bilstm", 0, 0.0),
        ("IDCNN-CRF", "idcnn", 0, 0.01),
        ("IDCNN <b>MHA</b>-CRF", "idcnn", 4, 0.03),
    ] {
        for seed in 1..=2 {
            let run = record(system, encoder, heads, seed, 0.75 + gain + 0.001 * seed as f64);
            run.save(&path(&folder, &run)).unwrap();
        }
    }
    repository
}

/// Where a record belongs.
pub fn path(folder: &Path, record: &RunRecord) -> std::path::PathBuf {
    folder.join(format!("{}.json", record.cell.hash))
}

/// A finished run with curves and errors.
pub fn record(system: &str, encoder: &str, heads: u64, seed: u64, f1: f64) -> RunRecord {
    let mut outcome = Outcome::default();
    outcome.score("ner", "f1", f1);
    let mut epochs = Curve::new(["epoch", "loss", "dev_f1"]);
    for epoch in 1..=4_u32 {
        epochs.push(vec![epoch.into(), json!(8.0 / f64::from(epoch)), json!(f1 - 0.1 / f64::from(epoch))]);
    }
    outcome.curves.insert("epochs".into(), epochs);
    let mut errors =
        Curve::new(["kind", "count", "record", "predicted", "predicted_type", "gold", "gold_type"]);
    for (kind, count, predicted, gold) in [
        ("correct", 40, json!("good day"), json!("good day")),
        ("too short on the left", 3, json!("morning"), json!("good morning")),
        ("missed", 5, Value::Null, json!("<script>alert(1)</script>")),
    ] {
        let kind_of = |text: &Value| if text.is_null() { Value::Null } else { json!("greeting") };
        let (p, g) = (kind_of(&predicted), kind_of(&gold));
        errors.push(vec![json!(kind), json!(count), json!("test.txt:7"), predicted, p, gold, g]);
    }
    outcome.examples.insert("errors".into(), errors);
    outcome.seconds = BTreeMap::from([("epoch".to_owned(), 2.5), ("total".to_owned(), 262.259)]);
    let mut cell = Cell {
        hash: String::new(),
        method: "toy".into(),
        results_version: 1,
        system: system.into(),
        dataset: "Greetings".into(),
        data: "greetings".into(),
        seed,
        config: json!({"model": {"encoder": encoder, "heads": heads}, "epochs": 25}),
        changed: json!({"model": {"encoder": encoder, "heads": heads}}),
        facts: DataFacts::default(),
        inputs: DataFacts::default(),
        needs: BTreeMap::new(),
        tables: BTreeSet::from(["table2".to_owned()]),
    };
    cell.hash = cell.content_hash();
    RunRecord {
        format: FORMAT,
        status: Status::Finished,
        reason: None,
        paper: "toy".into(),
        profile: "cpu".into(),
        cell,
        outcome,
        peak_memory_mib: 321.5,
        device: "cpu".into(),
        threads: 1,
        versions: BTreeMap::from([("commit".to_owned(), "abcdef012345".to_owned())]),
        started: "2026-01-02T03:04:05Z".into(),
        command: format!("target/release/toy reproduce table2 --system '{system}' --seeds {seed}"),
    }
}
