//! The tables of this repository: each is read as the driver reads it, and each published number is a number.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use medner_experiment::published;
use medner_experiment::schema::{self, Profile, TableSpec};

#[test]
fn every_table_of_the_repository_is_sound() {
    let experiments = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments");
    let papers = std::fs::read_dir(&experiments).unwrap().map(|entry| entry.unwrap().path());
    let papers: Vec<_> = papers.filter(|path| path.is_dir()).collect();
    assert!(!papers.is_empty());
    for paper in papers {
        let numbers = published::read(&paper.join("published.csv")).unwrap();
        assert!(!numbers.is_empty(), "{}", paper.display());
        for name in schema::tables(&paper).unwrap() {
            let spec = TableSpec::load(&schema::table_path(&paper, &name).unwrap())
                .unwrap_or_else(|error| panic!("{error}"));
            // A published row that no system, data set or other team explains is usually a name mistyped.
            let mine: Vec<_> = numbers.iter().filter(|row| row.table == name).collect();
            let known = mine.iter().filter(|row| spec.system(&row.system).is_some()).count();
            assert!(
                mine.is_empty() || known > 0,
                "{}: no system is called as in published.csv",
                spec.path.display()
            );
            for profile in [Profile::Quick, Profile::Cpu, Profile::Paper] {
                for (system, dataset) in spec.pairs(profile) {
                    assert!(!spec.seeds_of(profile, system, dataset).is_empty());
                }
            }
        }
    }
}

#[test]
fn rows_of_the_base_come_before_those_that_a_table_adds() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "_ground.yaml",
        "title: Ground\ndatasets:\n  Second: {data: b}\n  First: {data: a}\nsystems:\n  Z: {}\n  B: {}\n  A: {}\n",
    );
    write(
        "table2.yaml",
        "base: _ground.yaml\ntitle: T\ndatasets:\n  Added: {data: c}\nsystems:\n  Y: {}\n  B: {seeds: [7]}\n  C: {}\n",
    );
    let spec = TableSpec::load(&folder.path().join("table2.yaml")).unwrap();
    let names = |list: Vec<&String>| list.into_iter().cloned().collect::<Vec<_>>();
    // The one that the table changes keeps its place.
    assert_eq!(names(spec.systems.iter().map(|(name, _)| name).collect()), ["Z", "B", "A", "Y", "C"]);
    assert_eq!(names(spec.datasets.iter().map(|(name, _)| name).collect()), ["Second", "First", "Added"]);
    assert_eq!(spec.seeds_of(Profile::Cpu, "B", "First"), [7]);
    assert!(spec.place_of("systems.B.seeds").to_string().contains("table2.yaml:7:"));
}

/// Table 2 of MTL-LS adds a row that is not printed on its own to those that it shares with the other tables.
#[test]
fn a_row_that_is_not_printed_does_not_stand_before_the_printed_ones() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/mtl-ls/table2.yaml");
    let spec = TableSpec::load(&path).unwrap();
    let place = |name: &str| spec.systems.iter().position(|(known, _)| known == name).unwrap();
    let printed = ["STL", "MTL-XC", "MTL-LS@0.25", "MTL-LS@0.50", "MTL-LS@0.75", "MTL-LS@1.00", "MTL-LS"];
    assert!(printed.map(place).is_sorted(), "{:?}", printed.map(place));
}
