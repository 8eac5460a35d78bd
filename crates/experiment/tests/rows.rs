//! What a row of a table counts, and what it answers for: its seeds, and its own data set where several are printed under
//! one name.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{FIGURE, Repo, TABLE};

const TABLE2: &str = "results/quick/doses/table2.csv";
const FIG7: &str = "results/quick/doses/fig7.csv";

/// Column of the first row of a system's F1 in Table 2.
fn value(repo: &Repo, system: &str, column: &str) -> String {
    repo.value(TABLE2, system, "f1", column)
}

#[test]
fn seeds_that_are_asked_of_one_row_are_not_lacking_in_another() {
    let repo = Repo::new();
    repo.expect(0, &["reproduce", "table2", "--system", "One letter"]);
    repo.expect(0, &["reproduce", "table2", "--system", "Two letters", "--seeds", "1,2,3"]);
    let row = |system| ["n", "verdict"].map(|column| value(&repo, system, column));
    assert_eq!(row("One letter"), ["2", "measured"]);
    assert_eq!(row("Two letters"), ["3", "measured"]);
    assert_eq!(row("Two minus one"), ["2", "measured"]);
    // One that the selecting command asks for is lacking there until it has run.
    repo.write("experiments/doses/table2.yaml", &TABLE.replace("{suffix: 2}", "{suffix: 2, task: fail}"));
    repo.expect(1, &["reproduce", "table2", "--system", "Two letters", "--seeds", "3"]);
    assert_eq!(row("One letter"), ["2", "measured"]);
    assert_eq!(row("Two letters"), ["", "failed: loss is NaN at step 12 (sentences 3, 7)"]);
}

#[test]
fn the_same_records_give_the_same_tables_in_whatever_order_they_were_made() {
    let commands: [&[&str]; 4] = [
        &["reproduce", "table2", "--system", "One letter"],
        &["reproduce", "table2", "--system", "Two letters", "--seeds", "1-3"],
        &["reproduce", "fig7", "--seeds", "1,9"],
        &["reproduce", "table2", "--system", "Active"],
    ];
    let after = |order: [usize; 4]| {
        let repo = Repo::new();
        for at in order {
            repo.expect(0, commands[at]);
        }
        repo
    };
    let (one, two) = (after([0, 1, 2, 3]), after([2, 3, 1, 0]));
    assert_eq!(one.read(TABLE2), two.read(TABLE2));
    assert_eq!(one.read(FIG7), two.read(FIG7));
    assert_eq!(["n", "verdict"].map(|column| value(&two, "Two letters", column)), ["3", "measured"]);
    // The command of a row makes all of its runs; what the file names needs no saying.
    assert!(value(&two, "Two letters", "command").ends_with("--dataset Notes --seeds 1,2,3"));
    for row in ["One letter", "Two minus one"] {
        assert!(value(&two, row, "command").ends_with("--dataset Notes"));
    }
    // The figure's seed counts in the table, and the table's in the figure.
    assert_eq!(value(&one, "Active", "n"), "3");
    let seeds: Vec<String> = one.csv(FIG7).iter().map(|point| point["seed"].clone()).collect();
    assert!(["1", "2", "9"].iter().all(|seed| seeds.iter().any(|known| known == seed)), "{seeds:?}");
}

#[test]
fn a_run_stands_in_the_tables_that_it_was_not_asked_for() {
    let repo = Repo::new();
    let seeds = || {
        let mut seeds: Vec<String> = repo.csv(FIG7).iter().map(|point| point["seed"].clone()).collect();
        seeds.dedup();
        seeds
    };
    repo.expect(0, &["reproduce", "table2", "--system", "Active", "--seeds", "1"]);
    assert!(!repo.path(FIG7).exists(), "a table that nobody has asked for is not begun");
    repo.expect(0, &["reproduce", "fig7", "--seeds", "2"]);
    assert_eq!(seeds(), ["1", "2"]);
    repo.expect(0, &["reproduce", "table2", "--system", "Active", "--seeds", "5"]);
    assert_eq!(seeds(), ["1", "2", "5"]);
    let runs = repo.csv("results/quick/doses/runs.csv");
    assert!(runs.iter().all(|run| run["tables"] == "fig7 table2"), "{runs:?}");
    // What that table's rows count is not run for them.
    let said = repo.expect(0, &["reproduce", "fig7"]);
    assert!(said.contains("0 of 0 cells run, 2 stood before"), "{said}");
    // One that cannot be read stays as it is, with a warning; so does every other one where flags change the cells.
    let before = repo.read(FIG7);
    repo.write("experiments/doses/fig7.yaml", &FIGURE.replace("title", "titel"));
    let said = repo.expect(0, &["reproduce", "table2", "--system", "Active", "--seeds", "6"]);
    assert!(said.contains("fig7.csv stays as it is") && said.contains("`titel`"), "{said}");
    assert_eq!(repo.read(FIG7), before);
    repo.write("experiments/doses/fig7.yaml", FIGURE);
    repo.expect(0, &["train", "--train", "datasets/doses.txt", "--out", "start"]);
    repo.expect(0, &["reproduce", "table2", "--system", "Active", "--seeds", "7", "--weights", "start"]);
    assert_eq!(repo.read(FIG7), before);
}

#[test]
fn a_further_seed_that_failed_stays_in_its_row() {
    let repo = Repo::new();
    let args = ["reproduce", "table2", "--system", "One letter"];
    repo.expect(0, &args);
    let seed_3 = [&args[..], &["--seeds", "3"]].concat();
    let said = repo.expect(0, &[&seed_3[..], &["--dry-run"]].concat());
    let line = said.lines().find(|line| line.contains("One letter / Notes / seed 3")).unwrap();
    let hash = line.split_whitespace().next().unwrap();
    let model = format!("results/quick/doses/checkpoints/{hash}/model.json");
    repo.write(&model, "no model");
    repo.expect(1, &seed_3);
    let failed = format!("failed: {model}: not a model");
    assert!(value(&repo, "One letter", "verdict").starts_with(&failed));
    // No command can drop it by leaving it out, and none has to run it who does not ask for it.
    let said = repo.expect(0, &args);
    assert!(said.contains("0 of 0 cells run, 2 stood before"), "{said}");
    assert!(value(&repo, "One letter", "verdict").starts_with(&failed));
    std::fs::remove_file(repo.path(&model)).unwrap();
    repo.expect(0, &seed_3);
    let row = ["n", "verdict"].map(|column| value(&repo, "One letter", column));
    assert_eq!(row, ["3", "measured"]);
}

#[test]
fn what_is_run_for_others_has_the_seeds_that_are_asked_for() {
    let repo = Repo::new();
    let own_seed = "{system: pre-training, dataset: Plain}";
    repo.write(
        "experiments/doses/table2.yaml",
        &TABLE.replace("{system: pre-training, dataset: Plain, seed: 1}", own_seed),
    );
    repo.expect(0, &["reproduce", "table2", "--system", "Warm.start", "--seeds", "3"]);
    let args = ["reproduce", "table2", "--system", "pre-training"];
    let said = repo.expect(0, &[&args[..], &["--seeds", "4"]].concat());
    assert!(said.contains("1 of 1 cells run"), "{said}");
    // Without seeds those that the table's own rows need: not the third, whose need is gone.
    let rows = repo.csv("results/quick/doses/runs.csv");
    let third = rows.iter().find(|row| row["system"] == "pre-training" && row["seed"] == "3").unwrap();
    std::fs::remove_file(repo.path(&format!("results/quick/doses/runs/{}.json", third["hash"]))).unwrap();
    let said = repo.expect(0, &args);
    assert!(said.contains("2 of 2 cells run"), "{said}");
}

#[test]
fn a_seed_without_counts_keeps_its_place_in_the_comparison() {
    let repo = Repo::new();
    let args = ["reproduce", "table2", "--system", "One letter", "--system", "Two letters"];
    repo.expect(0, &args);
    let runs = repo.csv("results/quick/doses/runs.csv");
    let first = runs.iter().find(|row| row["system"] == "One letter" && row["seed"] == "1").unwrap();
    let path = format!("results/quick/doses/runs/{}.json", first["hash"]);
    let mut record: serde_json::Value = serde_json::from_str(&repo.read(&path)).unwrap();
    record["outcome"].as_object_mut().unwrap().remove("units").unwrap();
    repo.write(&path, &record.to_string());
    repo.expect(0, &args);
    let compared = repo.csv("results/quick/doses/table2-comparisons.csv");
    let row = |metric: &str| compared.iter().find(|row| row["metric"] == metric).unwrap();
    let (f1, precision) = (row("f1"), row("precision"));
    let p: Vec<&str> = f1["p_units"].split(' ').collect();
    assert!(p.len() == 2 && p[0] == "-" && p[1].parse::<f64>().is_ok(), "{f1:?}");
    assert_eq!((f1["seeds"].as_str(), precision["p_units"].as_str()), ("1 2", ""), "{compared:?}");
}

#[test]
fn runs_from_two_makes_of_one_artefact_are_not_compared() {
    let repo = Repo::new();
    let args = ["reproduce", "table2", "--system", "One letter", "--system", "Two letters"];
    repo.expect(0, &args);
    let runs = repo.csv("results/quick/doses/runs.csv");
    let note = |seed: &str, features: [&str; 2]| {
        for (system, features) in ["One letter", "Two letters"].iter().zip(features) {
            let run = runs.iter().find(|row| row["system"] == *system && row["seed"] == seed).unwrap();
            let path = format!("results/quick/doses/runs/{}.json", run["hash"]);
            let mut record: serde_json::Value = serde_json::from_str(&repo.read(&path)).unwrap();
            record["outcome"]["notes"]["features"] = features.into();
            repo.write(&path, &record.to_string());
        }
        let said = repo.expect(0, &args);
        (said, repo.csv("results/quick/doses/table2-comparisons.csv"))
    };
    for (features, seeds) in [
        // Two encoders are what is compared; two makes of one are not.
        (["letters", "pairs"], "1 2"),
        (["letters, SHA-256 01", "pairs, SHA-256 02"], "1 2"),
        (["letters, SHA-256 01", "letters, SHA-256 01"], "1 2"),
        (["letters, SHA-256 01", "letters, SHA-256 02"], "2"),
        (["letters", "letters, SHA-256 02"], "2"),
    ] {
        let (said, compared) = note("1", features);
        let of_f1 = compared.iter().find(|row| row["metric"] == "f1").unwrap();
        assert_eq!(of_f1["seeds"], seeds, "{features:?}");
        assert_eq!(said.contains("two makes of one features"), seeds == "2", "{said}");
    }
}

/// Two data sets that are printed as one, each with a task of its own.
const PRINTED_AS_ONE: &str = "\
title: Drugs and numbers in dosing notes
metrics: [f1, accuracy]
tasks: [drug, number]
notes: [features]
config: {epochs: 3, task: alternate}
seeds: [1]
datasets:
  Drugs: {data: doses, as: Notes, tasks: [drug]}
  Numbers: {data: doses, as: Notes, tasks: [number], config: {learning_rate: 0.5}}
systems:
  Both: {}
  Numbers alone: {config: {suffix: 2}, datasets: [Numbers]}
  Fails on drugs: {config: {suffix: 3}}
  Waits: {awaits: published weights}
";

const BOTH_PUBLISHED: &str = "\
table,system,dataset,task,metric,value,provenance
table5,Both,Notes,drug,f1,0.8,table
table5,Both,Notes,number,accuracy,0.9,table
table5,Both,Notes,dose,f1,0.7,table
table5,Fails on drugs,Notes,drug,f1,0.8,table
table5,Fails on drugs,Notes,number,accuracy,0.9,table
";

fn row(repo: &Repo, system: &str, task: &str) -> BTreeMap<String, String> {
    let rows = repo.csv("results/quick/doses/table5.csv");
    let found: Vec<_> = rows.iter().filter(|row| row["system"] == system && row["task"] == task).collect();
    assert_eq!(found.len(), 1, "{system} {task}: {rows:#?}");
    found[0].clone()
}

#[test]
fn a_row_answers_for_the_data_set_that_is_scored_on_its_task() {
    let repo = Repo::new();
    repo.write("experiments/doses/table5.yaml", PRINTED_AS_ONE);
    repo.write("experiments/doses/published.csv", BOTH_PUBLISHED);
    let chosen = ["--system", "Both", "--system", "Fails on drugs", "--dataset", "Drugs"];
    // Its folder is a file.
    let said = repo.expect(0, &["reproduce", "table5", "--dry-run"]);
    let line = said.lines().find(|line| line.contains("Fails on drugs / Drugs")).unwrap();
    let hash = line.split_whitespace().next().unwrap();
    repo.write(&format!("results/quick/doses/checkpoints/{hash}/model.json"), "no model");
    repo.expect(1, &[&["reproduce", "table5"], &chosen[..]].concat());
    let verdict = |system, task| row(&repo, system, task)["verdict"].clone();

    assert!(verdict("Fails on drugs", "drug").starts_with("failed: "));
    assert_eq!(verdict("Fails on drugs", "number"), "not run");
    // Nothing that ran stands in the row of what has not.
    let (drug, number) = (row(&repo, "Both", "drug"), row(&repo, "Both", "number"));
    assert_eq!((drug["verdict"].as_str(), number["verdict"].as_str()), ("measured", "not run"));
    assert!(!drug["device"].is_empty() && !drug["features"].is_empty());
    assert_eq!((number["device"].as_str(), number["features"].as_str()), ("", ""));
    // The command trains what the row shows.
    let command = |system, task| row(&repo, system, task)["command"].clone();
    assert!(command("Both", "drug").ends_with("--system Both --dataset Drugs"));
    assert!(command("Both", "number").ends_with("--system Both --dataset Numbers"));
    // A task that no data set is scored on belongs to all of that name.
    assert!(command("Both", "dose").ends_with("--system Both --dataset Drugs --dataset Numbers"));
    // A place that has nothing yet says so once for each data set, under a task of its own.
    assert_eq!(verdict("Numbers alone", "number"), "not run");
    for task in ["drug", "number"] {
        assert_eq!(verdict("Waits", task), "waits: published weights");
    }
    assert_eq!(repo.csv("results/quick/doses/table5.csv").len(), 8);

    repo.expect(0, &["reproduce", "table5", "--dataset", "Numbers"]);
    assert_eq!(verdict("Both", "number"), "measured");
    assert_eq!(verdict("Fails on drugs", "number"), "measured");
    assert!(verdict("Fails on drugs", "drug").starts_with("failed: "));
    assert_ne!(row(&repo, "Both", "number")["features"], "");
}
