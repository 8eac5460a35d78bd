//! Rows that are judged, and rows that are not.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Repo, TABLE};

#[test]
fn a_row_without_all_of_its_seeds_has_no_verdict() {
    let repo = Repo::new();
    let table = "results/cpu/doses/table2.csv";
    let args =
        ["reproduce", "table2", "--profile", "cpu", "--system", "One letter", "--system", "Two letters"];
    let with = |more: &[&'static str]| [args.as_slice(), more].concat();
    let verdict = |system| repo.value(table, system, "f1", "verdict");
    repo.expect(0, &with(&["--seeds", "1"]));
    for system in ["One letter", "Two letters", "Two minus one"] {
        assert_eq!(verdict(system), "partial: 1 of 2");
    }
    repo.expect(0, &args);
    assert_eq!((verdict("One letter"), verdict("Two letters")), ("below".to_owned(), "measured".to_owned()));
    assert_eq!(verdict("Two minus one"), "measured");
    // One of three seeds fails: its data are there, its folder is a file.
    let said = repo.expect(0, &with(&["--seeds", "3", "--dry-run"]));
    let hash = said.lines().find(|line| line.contains("One letter / Notes / seed 3")).unwrap();
    let hash = hash.split_whitespace().next().unwrap();
    repo.write(&format!("results/cpu/doses/checkpoints/{hash}/model.json"), "no model");
    let said = repo.expect(1, &with(&["--seeds", "3"]));
    assert!(said.contains("1 of 2 cells run"), "{said}");
    assert_eq!(repo.value(table, "One letter", "f1", "n"), "2");
    for system in ["One letter", "Two minus one"] {
        let failed = verdict(system);
        let place = format!("failed: results/cpu/doses/checkpoints/{hash}/model.json: not a model");
        assert!(failed.starts_with(&place), "{failed}");
    }
    assert_eq!(verdict("Two letters"), "measured");
    // No text that is committed knows where this repository lies.
    let here = repo.path("").canonicalize().unwrap();
    let here = here.to_str().unwrap().trim_end_matches('/');
    for text in [repo.read(table), repo.read("results/cpu/doses/runs.csv")] {
        assert!(!text.contains(here), "{text}");
    }
    assert!(repo.records("results/cpu/doses").values().all(|record| !record.contains(here)));
}

#[test]
fn being_near_what_finding_nothing_has_is_no_verdict() {
    let repo = Repo::new();
    let args = ["reproduce", "table2", "--profile", "cpu", "--system", "One letter"];
    let wide = TABLE.replace("tolerance: 2\n", "tolerance: 40\n");
    // 80.5 is printed.
    for (trivial, verdict) in [("30", "reproduced"), ("50", "measured"), ("110", "measured")] {
        let notes = format!("Notes: {{data: doses, trivial: {{drug/f1: {trivial}}}}}");
        repo.write("experiments/doses/table2.yaml", &wide.replace("Notes: {data: doses}", &notes));
        repo.expect(0, &args);
        assert_eq!(
            repo.value("results/cpu/doses/table2.csv", "One letter", "f1", "verdict"),
            verdict,
            "{trivial}"
        );
    }
}
