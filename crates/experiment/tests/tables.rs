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
