//! The walk of the crate's documentation, for real: what the next papers need passes through the types as they are.
#![allow(clippy::unwrap_used)]

mod common;

use common::Repo;
use medner_experiment::RunRecord;

fn record(repo: &Repo, system: &str, seed: u64) -> RunRecord {
    let folder = repo.path("results/quick/doses/runs");
    let records = repo.records("results/quick/doses");
    let all = records.keys().map(|name| RunRecord::load(&folder.join(name)).unwrap());
    all.into_iter().find(|record| record.cell.system == system && record.cell.seed == seed).unwrap()
}

#[test]
fn an_active_learning_run_has_its_own_curve_per_query() {
    let repo = Repo::new();
    repo.expect(0, &["reproduce", "fig7"]);
    let rows = repo.csv("results/quick/doses/fig7.csv");
    let seed = |seed: &str| -> Vec<(String, String)> {
        let rows = rows.iter().filter(|row| row["seed"] == seed && row["system"] == "Active");
        rows.map(|row| (row["epoch"].clone(), row["sentences"].clone())).collect()
    };
    let expected = [("1", "4"), ("2", "8"), ("3", "12")].map(|(e, s)| (e.to_owned(), s.to_owned()));
    assert_eq!((seed("1"), seed("2")), (expected.to_vec(), expected.to_vec()));
    let f1 = |row: &std::collections::BTreeMap<String, String>| row["f1"].parse::<f64>().unwrap();
    assert!(rows.iter().all(|row| (0.0..=1.0).contains(&f1(row))) && rows.iter().any(|row| f1(row) > 0.0));
    // The table's run is the figure's: nothing is left to do for it.
    let said = repo.expect(0, &["reproduce", "table2", "--system", "Active"]);
    assert!(said.contains("0 of 0 cells run, 2 stood before"), "{said}");
    assert_eq!(record(&repo, "Active", 1).outcome.curves["learning"].rows.len(), 3);
}

#[test]
fn alternating_tasks_report_a_score_each() {
    let repo = Repo::new();
    repo.expect(0, &["reproduce", "table2", "--system", "Alternating"]);
    let scores = record(&repo, "Alternating", 2).outcome.scores;
    assert!(scores["number"]["accuracy"] > 0.9, "{scores:?}");
    assert!(scores["drug"]["f1"] > 0.0, "{scores:?}");
}

#[test]
fn a_model_starts_from_another_run_s_artefact() {
    let repo = Repo::new();
    let said = repo.expect(0, &["reproduce", "table2", "--system", "Warm.start"]);
    assert!(said.contains("3 of 3 cells run"), "{said}");
    let (warm, pre) = (record(&repo, "Warm.start", 2), record(&repo, "pre-training", 1));
    assert_eq!(warm.cell.needs["start"], pre.cell.hash);
    assert_eq!((pre.cell.data.as_str(), warm.cell.data.as_str()), ("plain", "doses"));
    // The plain text has numbers that the notes do not have: their weights can only come from the pre-training.
    let weights = |hash: &str| -> serde_json::Value {
        let text = repo.read(&format!("results/quick/doses/checkpoints/{hash}/model.json"));
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["weights"].clone()
    };
    repo.expect(0, &["reproduce", "table2", "--system", "Alternating"]);
    let cold = weights(&record(&repo, "Alternating", 2).cell.hash);
    let (warm_weights, pre_weights) = (weights(&warm.cell.hash), weights(&pre.cell.hash));
    let inherited = pre_weights.as_object().unwrap().keys().filter(|k| cold.get(k.as_str()).is_none());
    let inherited: Vec<&String> = inherited.collect();
    assert!(!inherited.is_empty() && inherited.iter().all(|k| warm_weights.get(k.as_str()).is_some()));

    // Another configuration of the needed cell is another cell, and so is what starts from it.
    let table = common::TABLE.replace("{task: pretrain}", "{task: pretrain, epochs: 2}");
    repo.write("experiments/doses/table2.yaml", &table);
    let said = repo.expect(0, &["reproduce", "table2", "--system", "Warm.start"]);
    assert!(said.contains("3 of 3 cells run"), "{said}");

    // Records without artefacts (another machine's): the need is run again, the finished dependents are not.
    let checkpoints = repo.path("results/quick/doses/checkpoints");
    std::fs::remove_dir_all(&checkpoints).unwrap();
    let said = repo.expect(0, &["reproduce", "table2", "--system", "Warm.start"]);
    assert!(said.contains("0 of 0 cells run"), "{said}");
    // Where that fails, the need's record is what it was.
    let twice = |name: &&String| {
        let record = RunRecord::load(&repo.path("results/quick/doses/runs").join(name)).unwrap();
        record.cell.system == "pre-training" && record.cell.config["epochs"] == 2
    };
    let records = repo.records("results/quick/doses");
    let need = records.keys().find(twice).unwrap().trim_end_matches(".json");
    let record = repo.read(&format!("results/quick/doses/runs/{need}.json"));
    repo.write(&format!("results/quick/doses/checkpoints/{need}/model.json"), "no model");
    repo.expect(1, &["reproduce", "table2", "--system", "Warm.start", "--seeds", "3"]);
    assert_eq!(repo.read(&format!("results/quick/doses/runs/{need}.json")), record);
    std::fs::remove_dir_all(&checkpoints).unwrap();
    let said = repo.expect(0, &["reproduce", "table2", "--system", "Warm.start", "--seeds", "3"]);
    assert!(said.contains("2 of 2 cells run"), "{said}");
}

#[test]
fn the_verbs_work_on_a_user_s_own_files() {
    let repo = Repo::new();
    let said = repo.expect(0, &["train", "--train", "datasets/doses.txt", "--out", "m", "--set", "epochs=6"]);
    assert!(said.contains("F1 "), "{said}");
    repo.expect(1, &["train", "--train", "datasets/doses.txt", "--out", "m"]);
    let said = repo.expect(0, &["evaluate", "--model", "m", "--test", "datasets/doses.txt", "--json"]);
    let scores: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(scores["drug"]["f1"].as_f64().unwrap() > 0.9, "{said}");
    repo.write("note.txt", "take aspirol 5 mg\n");
    let said = repo.expect(0, &["predict", "--model", "m", "--input", "note.txt", "--format", "conll"]);
    assert!(said.contains("take\t") && said.contains("aspirol\t"), "{said}");
    let said = repo.expect(2, &["predict", "--model", "nowhere"]);
    assert!(said.contains("there is no file or folder nowhere"), "{said}");
    let said = repo.expect(0, &["config"]);
    assert!(said.contains("learning_rate: 1.0") && said.contains("weights: null"), "{said}");
    let said = repo.expect(0, &["config", "table2", "--system", "One letter"]);
    assert!(said.contains("suffix: 1") && said.contains("epochs: 3"), "{said}");
    assert!(repo.expect(0, &["completions", "bash"]).contains("reproduce"));
}
