//! Which run a claim is judged on.

use medner_experiment::RunRecord;
use serde_json::{Value, json};

use crate::claims::{judged, of};
use crate::records::{record, run, save, toy};
use crate::support::Repository;

const CLAIMS: &str = "\
defaults: {dataset: D, task: ner, metric: f1}
claims:
- {id: above, text: A beats B., at: Section 1, table: table2, test: {higher: {side: A, than: [B]}}}
";

/// A table of these systems, all on data set `D` and seeds 1 to 4.
fn table(repository: &Repository, systems: &str, cpu: &str) {
    toy(repository, CLAIMS);
    repository.write(
        "experiments/toy/table2.yaml",
        &format!(
            "title: Toy\nmetrics: [f1]\ntasks: [ner]\nscale: 100\nseeds: [1, 2, 3, 4]\ndatasets:\n  D: {{data: d}}\n\
             systems:\n{systems}profiles:\n  cpu: {cpu}\n"
        ),
    );
}

/// A run on all four seeds, changed before it is written.
fn runs(repository: &Repository, system: &str, size: u32, share: u64, change: impl Fn(&mut RunRecord)) {
    for seed in 1..=4 {
        let mut record = record("cpu", system, size, seed, share);
        change(&mut record);
        record.cell.hash = record.cell.content_hash();
        save(repository, "cpu", &record);
    }
}

fn verdict(repository: &Repository) -> (String, String) {
    let paper = judged(repository, &[], 0);
    let claim = of(&paper, "above");
    let text = |key: &str| claim[key].as_str().unwrap().to_owned();
    (text("verdict"), text("reason"))
}

const TWO: &str = "  A: {config: {size: 1}}\n  B: {config: {size: 2}}\n";

#[test]
fn keys_that_a_job_does_not_read_make_no_other_configuration() {
    let repository = Repository::new();
    table(&repository, TWO, "{config: {encoder: {epochs: 8, rate: 0.002}, warmup: 0.1}}");
    for (system, size, share) in [("A", 1, 80), ("B", 2, 70)] {
        runs(&repository, system, size, share, |record| {
            // The method has put both back at their defaults.
            record.cell.config["encoder"] = json!({"epochs": 3.0, "rate": 0.001});
            record.cell.config["warmup"] = json!(0.0);
        });
    }
    let (verdict, reason) = verdict(&repository);
    assert_eq!(verdict, "supported", "{reason}");
}

#[test]
fn a_run_that_its_table_shows_no_longer_does_not_count_however_well_it_fits() {
    let repository = Repository::new();
    table(&repository, TWO, "{}");
    let superseded = |record: &mut RunRecord| {
        // Nothing of its configuration tells it, and it is newer than the runs that count.
        record.cell.inputs.files.insert("vectors".to_owned(), "11".to_owned());
        record.started = "2030-01-01T00:00:00Z".to_owned();
        record.cell.tables = ["fig1".to_owned()].into();
    };
    runs(&repository, "A", 1, 10, superseded);
    runs(&repository, "B", 2, 70, |_| ());
    let (verdict_before, reason) = verdict(&repository);
    assert_eq!(verdict_before, "not-testable", "{reason}");
    assert!(reason.contains("no such runs yet: A on D (table2)"), "{reason}");
    runs(&repository, "A", 1, 80, |_| ());
    assert_eq!(verdict(&repository).0, "supported");
}

#[test]
fn a_table_older_than_its_yaml_is_not_judged_and_the_reason_names_the_key() {
    let repository = Repository::new();
    table(&repository, TWO, "{}");
    runs(&repository, "A", 9, 80, |_| ());
    runs(&repository, "B", 2, 70, |_| ());
    let (verdict, reason) = verdict(&repository);
    assert_eq!(verdict, "not-testable");
    let expected = "A on D: its run was made with another `size`; `reproduce table2` writes the table anew";
    assert_eq!(reason, expected);
}

#[test]
fn a_run_under_another_tables_name_counts_even_with_keys_that_its_method_derives() {
    let repository = Repository::new();
    table(&repository, TWO, "{}");
    runs(&repository, "A of fig1", 1, 80, |record| {
        record.cell.config["game"] = json!({"on": false});
        record.cell.changed["game"] = json!({"on": false});
    });
    runs(&repository, "B", 2, 70, |_| ());
    let (verdict, reason) = verdict(&repository);
    assert_eq!(verdict, "supported", "{reason}");
}

#[test]
fn rows_that_differ_only_in_what_they_start_from_are_told_apart() {
    let repository = Repository::new();
    let systems = "  small: {auxiliary: true, config: {size: 1}}\n  large: {auxiliary: true, config: {size: 2}}\n\
                   \x20 A: {config: {size: 3}, needs: {encoder: {system: large, seed: 1}}}\n\
                   \x20 B: {config: {size: 3}, needs: {encoder: {system: small, seed: 1}}}\n";
    table(&repository, systems, "{}");
    let small = run(&repository, "cpu", "small", 1, 1, 50).cell.hash;
    let large = run(&repository, "cpu", "large", 2, 1, 50).cell.hash;
    // The names that the rows had before say nothing of the size.
    for (name, share, encoder) in [("first", 80, &large), ("second", 70, &small)] {
        runs(&repository, name, 3, share, |record| {
            record.cell.needs.insert("encoder".to_owned(), encoder.clone());
        });
    }
    let (told, reason) = verdict(&repository);
    assert_eq!(told, "supported", "{reason}");
    // Without its record nobody knows which encoder it was.
    std::fs::remove_file(repository.path(&format!("results/cpu/toy/runs/{large}.json"))).unwrap();
    let (told, reason) = verdict(&repository);
    assert_eq!((told.as_str(), reason.contains("A on D")), ("not-testable", true), "{reason}");
}

#[test]
fn a_run_newer_than_the_list_is_of_the_tables_that_its_record_names() {
    let repository = Repository::new();
    table(&repository, TWO, "{}");
    let path = "results/cpu/toy/runs.csv";
    let list = || std::fs::read_to_string(repository.path(path)).unwrap();
    runs(&repository, "A", 1, 60, |record| record.cell.results_version = 0);
    let superseded = list().replace(",table2", ",");
    runs(&repository, "B", 2, 70, |_| ());
    let before = list();
    runs(&repository, "A", 1, 80, |_| ());
    // Beside an earlier one that the list still has, nobody knows which of them the table will show.
    repository.write(path, &before);
    let (told, reason) = verdict(&repository);
    let both = reason.contains("A on D: 2 runs fit it alike");
    assert_eq!((told.as_str(), both), ("not-testable", true), "{reason}");
    repository.write(path, &superseded);
    assert_eq!(verdict(&repository).0, "supported");
}

#[test]
fn seeds_beyond_those_of_the_yaml_count_and_replace_none_of_them() {
    let repository = Repository::new();
    table(&repository, TWO, "{seeds: [1, 2, 3]}");
    runs(&repository, "A", 1, 80, |_| ());
    runs(&repository, "B", 2, 70, |_| ());
    let paper = judged(&repository, &[], 0);
    let claim = of(&paper, "above");
    assert_eq!((claim["verdict"].as_str(), claim["evidence"][0]["n"].as_u64()), (Some("supported"), Some(4)));
    repository.write(
        "experiments/toy/table2.yaml",
        &std::fs::read_to_string(repository.path("experiments/toy/table2.yaml"))
            .unwrap()
            .replace("[1, 2, 3]}", "[1, 2, 3, 9]}"),
    );
    let (told, reason) = verdict(&repository);
    assert_eq!(told, "undecided");
    assert!(reason.contains("4 of 5 seeds of A have run"), "{reason}");
}

#[test]
fn a_run_that_fits_two_rows_alike_counts_for_neither() {
    let repository = Repository::new();
    let systems =
        "  A: {config: {size: 1, depth: 3}}\n  B: {config: {size: 2}}\n  C: {config: {size: 1, width: 3}}\n";
    table(&repository, systems, "{}");
    runs(&repository, "somebody", 1, 80, |_| ());
    runs(&repository, "B", 2, 70, |_| ());
    assert_eq!(verdict(&repository).0, "not-testable");
    // Its name decides.
    runs(&repository, "A", 1, 80, |_| ());
    assert_eq!(verdict(&repository).0, "supported");
}

#[test]
fn without_a_list_of_runs_nothing_is_judged() {
    let repository = Repository::new();
    table(&repository, TWO, "{}");
    runs(&repository, "A", 1, 80, |_| ());
    runs(&repository, "B", 2, 70, |_| ());
    std::fs::remove_file(repository.path("results/cpu/toy/runs.csv")).unwrap();
    let (told, reason) = verdict(&repository);
    assert_eq!((told.as_str(), reason.contains("no runs.csv")), ("not-testable", true), "{reason}");
    // A damaged one is an error with its place.
    repository.write("results/cpu/toy/runs.csv", "hash,tabels\n");
    let paper = judged(&repository, &[], 1);
    assert!(paper["errors"].to_string().contains("runs.csv:1: no column `tables`"), "{paper:#}");
}

/// `D` is printed for two data sets, one with chemicals and one with diseases, as BC5CDR is.
#[test]
fn of_data_sets_under_one_printed_name_the_one_with_the_claims_task_is_meant() {
    let repository = Repository::new();
    let side = |system: &str| format!("{{system: {system}, over: [D, {{dataset: D, task: disease}}]}}");
    let claims = format!(
        "defaults: {{dataset: D, task: chemical, metric: f1}}\nclaims:\n\
         - {{id: chemical, text: A beats B., at: S, table: table2, test: {{higher: {{side: A, than: [B]}}}}}}\n\
         - {{id: disease, text: B beats A., at: S, table: table2, task: disease, test: {{higher: {{side: B, than: [A]}}}}}}\n\
         - {{id: on, text: A wins once., at: S, table: table2, test: {{wins: {{of: A, over: B, on: [D, {{dataset: D, task: disease}}], at_least: 1}}}}}}\n\
         - {{id: over, text: A beats B., at: S, table: table2, test: {{higher: {{side: {}, than: [{}]}}}}}}\n",
        side("A"),
        side("B")
    );
    toy(&repository, &claims);
    repository.write(
        "experiments/toy/table2.yaml",
        "title: Toy\nmetrics: [f1]\ntasks: [chemical, disease]\nscale: 100\nseeds: [1, 2, 3, 4]\ndatasets:\n\
         \x20 D-chem: {data: chem, as: D, tasks: [chemical]}\n  D-disease: {data: disease, as: D, tasks: [disease]}\n\
         systems:\n  A: {config: {size: 1}}\n  B: {config: {size: 2}}\nprofiles:\n  cpu: {}\n",
    );
    for (data, task, a, b) in [("chem", "chemical", 80, 70), ("disease", "disease", 60, 90)] {
        for (system, size, share) in [("A", 1, a), ("B", 2, b)] {
            runs(&repository, system, size, share, |record| {
                record.cell.data = data.to_owned();
                record.cell.dataset = format!("D-{data}");
                let scores = record.outcome.scores.remove("ner").unwrap();
                record.outcome.scores.insert(task.to_owned(), scores);
                let units = record.outcome.units.remove("ner").unwrap();
                record.outcome.units.insert(task.to_owned(), units);
            });
        }
    }
    let paper = judged(&repository, &[], 0);
    let means = |id: &str| -> Vec<(i64, i64)> {
        let claim = of(&paper, id);
        assert!(!claim["evidence"].as_array().unwrap().is_empty(), "{claim:#}");
        let tens = |value: &Value| (value.as_f64().unwrap() / 5.0).round() as i64 * 5;
        let evidence = claim["evidence"].as_array().unwrap().iter();
        evidence.map(|one| (tens(&one["mean"]), tens(&one["against_mean"]))).collect()
    };
    let verdict = |id: &str| of(&paper, id)["verdict"].as_str().unwrap().to_owned();
    assert_eq!((verdict("chemical").as_str(), means("chemical")), ("supported", vec![(80, 70)]));
    assert_eq!((verdict("disease").as_str(), means("disease")), ("supported", vec![(90, 60)]));
    assert_eq!((verdict("on").as_str(), means("on")), ("supported", vec![(80, 70), (60, 90)]));
    assert_eq!((verdict("over").as_str(), means("over")), ("contradicted", vec![(70, 80)]));
}

/// What one seed each cannot decide, five data sets can.
#[test]
fn claims_on_data_sets_as_a_whole_take_each_of_them_once() {
    let repository = Repository::new();
    let claim = |id: &str, test: &str| {
        format!(
            "- {{id: {id}, text: T., at: S, table: table2, test: {{{test}, on: [D1, D2, D3, D4, D5]}}}}}}\n"
        )
    };
    let claims = [
        "defaults: {dataset: D1, task: ner, metric: f1}\nclaims:\n".to_owned(),
        claim("across", "across: {of: A, over: B"),
        claim("turned", "across: {of: B, over: A"),
        claim("steadier", "steadier_gains: {of: A, than: C, over: B"),
        claim("wins", "wins: {at_least: 5, of: A, over: B"),
        claim("chosen", "across: {of: {best_of: [A, C]}, over: B"),
        "- {id: count, text: T., at: S, table: table2, test: {equals: {side: A, value: 61}}}\n".to_owned(),
    ];
    toy(&repository, &claims.concat());
    let table = |datasets: &str| {
        format!(
            "title: Toy\nmetrics: [f1]\ntasks: [ner]\nscale: 100\nseeds: [1]\ndatasets: {datasets}\n\
             systems:\n  A: {{config: {{size: 3}}}}\n  B: {{config: {{size: 6}}}}\n  C: {{config: {{size: 9}}}}\n\
             profiles:\n  cpu: {{datasets: {{D5: {{seeds: [1, 2]}}}}}}\n"
        )
    };
    repository.write(
        "experiments/toy/table2.yaml",
        &table("{D1: {data: d1}, D2: {data: d2}, D3: {data: d3}, D4: {data: d4}, D5: {data: d5}}"),
    );
    let on = |dataset: usize, system: &str, size: u32, share: u64| {
        let mut record = record("cpu", system, size, 1, share);
        record.cell.dataset = format!("D{dataset}");
        record.cell.data = format!("d{dataset}");
        record.cell.hash = record.cell.content_hash();
        save(&repository, "cpu", &record);
    };
    for dataset in 1..=4 {
        on(dataset, "A", 3, 60 + dataset as u64);
        on(dataset, "B", 6, 50);
        on(dataset, "C", 9, [80, 30, 75, 35][dataset - 1]);
    }
    let verdict = |id: &str| {
        let paper = judged(&repository, &[], 0);
        let claim = of(&paper, id);
        let text = |key: &str| claim[key].as_str().unwrap().to_owned();
        (text("verdict"), text("reason"))
    };
    let (early, reason) = verdict("across");
    assert!(early == "undecided" && reason.ends_with("4 of 5 data sets have run"), "{reason}");
    on(5, "A", 3, 65);
    on(5, "B", 6, 50);
    on(5, "C", 9, 90);
    for (id, expected, word) in [
        ("across", "supported", "n = 5, p over data sets < 0.001"),
        // One seed of two: the chance is over data sets.
        ("across", "supported", "on 1 of the data sets seeds have still to run"),
        ("turned", "contradicted", "B 49 against A 62"),
        ("steadier", "supported", "sd 1.5811 of A less B"),
        // The seeds of each by itself are too few.
        ("wins", "undecided", "too few seeds"),
        ("chosen", "supported", "chosen by the very scores"),
        ("count", "undecided", "another seed may give another value"),
    ] {
        let (verdict, reason) = verdict(id);
        assert!(verdict == expected && reason.contains(word), "{id}: {verdict}: {reason}");
    }
}

/// A linear CRF without vectors beside one with: one run against five.
#[test]
fn the_one_run_of_a_deterministic_system_stands_for_every_seed() {
    let repository = Repository::new();
    let systems = "  A: {config: {size: 1}}\n  B: {deterministic: true, config: {size: 2}}\n  A minus B: {minus: [A, B]}\n";
    table(&repository, systems, "{}");
    let claim =
        |id: &str, test: &str| format!("- {{id: {id}, text: T., at: S, table: table2, test: {test}}}\n");
    let claims = [
        CLAIMS.to_owned(),
        claim("below", "{lower: {side: B, than: [A]}}"),
        claim("gain", "{gain: {of: A, over: B, by: 10}}"),
        claim("row", "{near: {side: A minus B, value: 10, tolerance: 4}}"),
        claim("number", "{near: {side: B, value: 70, tolerance: 3}}"),
        claim("wrong number", "{near: {side: B, value: 60, tolerance: 3}}"),
        claim("over a number", "{higher: {side: B, than: [60]}}"),
        claim("steadier", "{steadier: {side: B, than: A}}"),
    ];
    repository.write("experiments/toy/claims.yaml", &claims.concat());
    runs(&repository, "A", 1, 80, |_| ());
    run(&repository, "cpu", "B", 2, 1, 70);
    let paper = judged(&repository, &[], 0);
    for (id, verdict) in [
        ("above", "supported"),
        ("below", "supported"),
        ("gain", "supported"),
        ("row", "supported"),
        ("number", "supported"),
        ("wrong number", "contradicted"),
        ("over a number", "supported"),
        ("steadier", "not-testable"),
    ] {
        assert_eq!(of(&paper, id)["verdict"], verdict, "{:#}", of(&paper, id));
    }
    let evidence = |id: &str| of(&paper, id)["evidence"][0].clone();
    let above = evidence("above");
    assert_eq!((above["n"].as_u64(), above["method"].as_str()), (Some(4), Some("paired t over seeds")));
    assert_eq!(above["p_units_by_seed"].as_object().unwrap().len(), 4);
    assert_eq!((&above["exact"], &evidence("number")["exact"]), (&json!(false), &json!(true)));
    assert_eq!((evidence("row")["n"].as_u64(), &evidence("row")["exact"]), (Some(4), &json!(false)));
    let reason = of(&paper, "wrong number")["reason"].as_str().unwrap();
    assert!(reason.ends_with("; outside ±3") && !reason.contains("n = "), "{reason}");
    // The other's seeds may still be lacking.
    let fourth = record("cpu", "A", 1, 4, 80).cell.hash;
    std::fs::remove_file(repository.path(&format!("results/cpu/toy/runs/{fourth}.json"))).unwrap();
    let paper = judged(&repository, &[], 0);
    for (id, lacking) in
        [("above", "3 of 4 seeds of A have run"), ("row", "3 of 4 seeds of A minus B have run")]
    {
        let reason = of(&paper, id)["reason"].as_str().unwrap();
        assert!(of(&paper, id)["verdict"] == "undecided" && reason.ends_with(lacking), "{reason}");
    }
}

#[test]
fn a_row_without_runs_says_what_its_table_says_it_waits_for() {
    let repository = Repository::new();
    table(&repository, TWO, "{}");
    runs(&repository, "B", 2, 70, |_| ());
    let path = "results/cpu/toy/table2.csv";
    let reason = || verdict(&repository).1;
    repository.write(
        path,
        "system,dataset,task,verdict\nA,D,ner,waits: data set `d`: it is private\nB,D,ner,measured\n",
    );
    assert_eq!(reason(), "A on D waits: data set `d`: it is private");
    for other in ["system,dataset,task,verdict\nA,D,nen,waits: something\n", "system,dataset\nA,D\n"] {
        repository.write(path, other);
        assert_eq!(reason(), "no such runs yet: A on D (table2)");
    }
    // As soon as it has runs, they count.
    repository.write(path, "system,dataset,task,verdict\nA,D,ner,waits: data set `d`: it is private\n");
    runs(&repository, "A", 1, 80, |_| ());
    assert_eq!(verdict(&repository).0, "supported");
}
