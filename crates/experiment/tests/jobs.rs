//! A driver beside the jobs of single cells (`run-cell`), which a cluster's scheduler may start at any time.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Child;

use common::{Repo, until};
use medner_experiment::store::Lock;

const RESULTS: &str = "results/quick/doses";
const TWO: [&str; 8] =
    ["reproduce", "table2", "--system", "One letter", "--system", "Two letters", "--seeds", "1"];

/// The hashes of both cells, whose plan is then written.
fn planned(repo: &Repo) -> [String; 2] {
    let said = repo.expect(0, &[&TWO[..], &["--dry-run"]].concat());
    ["One letter / Notes", "Two letters / Notes"].map(|label| {
        let line = said.lines().find(|line| line.contains(label)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    })
}

/// Another job at work on a cell, and a driver whose own process for it waits.
fn driver_that_waits(repo: &Repo, cell: &str) -> (Lock, Child) {
    let folder = repo.path(RESULTS).join("checkpoints").join(cell);
    std::fs::create_dir_all(&folder).unwrap();
    let held = Lock::take(&folder.join("lock")).unwrap();
    let driver = repo.spawn(&[&TWO[..], &["--jobs", "1"]].concat());
    let log = || std::fs::read_to_string(folder.join("log.txt")).unwrap_or_default();
    until("the cell's process", || log().contains("waiting for it"));
    (held, driver)
}

#[test]
fn a_cell_that_a_job_has_finished_meanwhile_is_not_run_again() {
    let repo = Repo::new();
    let [first, second] = planned(&repo);
    let (held, mut driver) = driver_that_waits(&repo, &first);
    let plan = format!("{RESULTS}/checkpoints/plan.json");
    repo.expect(0, &["run-cell", &second, "--plan", &plan, "--threads", "1"]);
    // As no run of the driver's would leave it.
    let record = format!("{RESULTS}/runs/{second}.json");
    let marked = repo.read(&record).replace("\"threads\": 1", "\"threads\": 77");
    assert!(marked.contains("\"threads\": 77"), "{marked}");
    repo.write(&record, &marked);
    drop(held);
    assert_eq!(driver.wait().unwrap().code(), Some(0));
    assert_eq!(repo.read(&record), marked);
    let folder = format!("{RESULTS}/checkpoints/{second}");
    assert!(repo.path(&format!("{folder}/finished")).is_file());
    assert!(!repo.path(&format!("{folder}/log.txt")).exists(), "the driver has started it");
    let n = |system| repo.value(&format!("{RESULTS}/table2.csv"), system, "f1", "n");
    assert_eq!([n("One letter"), n("Two letters")], ["1", "1"]);
}

#[test]
fn a_driver_stops_while_its_cell_waits_for_another_job() {
    let repo = Repo::new();
    let [first, _] = planned(&repo);
    let (held, mut driver) = driver_that_waits(&repo, &first);
    let killed =
        std::process::Command::new("kill").args(["-TERM", &driver.id().to_string()]).status().unwrap();
    assert!(killed.success());
    until("the driver's end", || driver.try_wait().unwrap().is_some());
    assert_eq!(driver.wait().unwrap().code(), Some(143));
    assert!(repo.records(RESULTS).is_empty(), "a stopped cell has no record");
    drop(held);
}
