//! The command of each run makes just that run, whatever the tables call its cell.
#![allow(clippy::unwrap_used)]

mod common;

use common::{FIGURE, Repo};

const RUNS: &str = "results/quick/doses/runs.csv";

/// Two tables that show the same cells under other names.
fn repo() -> Repo {
    let repo = Repo::new();
    repo.write("experiments/doses/fig7.yaml", &FIGURE.replace("{Active: {", "{By queries: {"));
    repo
}

/// The hash of the run that the table calls `Active`.
fn active(repo: &Repo, seed: &str) -> String {
    let rows = repo.csv(RUNS);
    rows.iter().find(|row| row["system"] == "Active" && row["seed"] == seed).unwrap()["hash"].clone()
}

fn command_of(repo: &Repo, hash: &str) -> String {
    repo.csv(RUNS).iter().find(|row| row["hash"] == hash).unwrap()["command"].clone()
}

/// Words of a command without the program, as a shell would take them apart.
fn words(command: &str) -> Vec<String> {
    let command = command.strip_prefix("target/release/doses ").unwrap();
    let mut words = Vec::new();
    for (at, part) in command.split('\'').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Runs the command where its run is not on record: it must make just that one.
fn makes(repo: &Repo, hash: &str, command: &str) {
    std::fs::remove_file(repo.path(&format!("results/quick/doses/runs/{hash}.json"))).unwrap();
    let words = words(command);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert!(repo.expect(0, &words).contains("1 of 1 cells run"), "{command}");
    assert!(repo.path(&format!("results/quick/doses/runs/{hash}.json")).is_file(), "{command}");
}

#[test]
fn a_cell_is_named_as_its_command_s_table_names_it() {
    let repo = repo();
    repo.expect(0, &["reproduce"]);
    let hash = active(&repo, "2");
    let command = command_of(&repo, &hash);
    assert_eq!(
        command,
        "target/release/doses reproduce table2 --profile quick --system Active --dataset Notes --seeds 2"
    );
    let record: serde_json::Value =
        serde_json::from_str(&repo.read(&format!("results/quick/doses/runs/{hash}.json"))).unwrap();
    assert_eq!(record["command"], command.as_str());
    makes(&repo, &hash, &command);
}

#[test]
fn the_command_of_a_record_that_mixed_two_tables_names_is_written_anew() {
    let repo = repo();
    repo.expect(0, &["reproduce"]);
    let hash = active(&repo, "1");
    let path = format!("results/quick/doses/runs/{hash}.json");
    // The alphabetically first table, and the name that another one has for the cell.
    let mixed =
        "target/release/doses reproduce fig7 --profile quick --system Active --dataset Notes --seeds 1";
    let mut old: serde_json::Value = serde_json::from_str(&repo.read(&path)).unwrap();
    old["command"] = mixed.into();
    repo.write(&path, &old.to_string());
    let said = repo.expect(0, &["reproduce"]);
    assert!(said.contains("0 of 0 cells run"), "{said}");
    let command = command_of(&repo, &hash);
    assert_eq!(command, mixed.replace("--system Active", "--system 'By queries'"));
    makes(&repo, &hash, &command);
    // Of a table that the run does not write, its file says whether it knows the name.
    repo.write(&path, &old.to_string());
    repo.expect(0, &["reproduce", "table2", "--system", "One letter"]);
    let command = command_of(&repo, &hash);
    assert_eq!(command, mixed.replace("fig7", "table2"));
    makes(&repo, &hash, &command);
    // A command that works stays what it is, whichever tables are written.
    repo.expect(0, &["reproduce", "fig7"]);
    assert_eq!(command_of(&repo, &hash), command);
}
