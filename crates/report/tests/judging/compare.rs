//! `medner compare`.

use serde_json::Value;

use crate::records::{record, run, save, toy};
use crate::support::{Repository, arg};

#[test]
fn two_folders_of_records() {
    let (first, second) = (Repository::new(), Repository::new());
    toy(&first, "claims: []\n");
    for seed in 1..=4 {
        run(&first, "cpu", "A", 1, seed, 80);
        run(&second, "cpu", "A", 1, seed, 80);
        run(&first, "cpu", "B", 2, seed, 70);
        // Another commit found fewer, on another machine and with another configuration.
        let mut other = run(&second, "cpu", "B", 5, seed, 60);
        other.device = "cuda:0".to_owned();
        other.versions.insert("commit".to_owned(), "def".to_owned());
        save(&second, "cpu", &other);
    }
    run(&first, "cpu", "C", 3, 1, 80);
    let (one, two) = (first.path("results"), second.path("results"));
    let json = first.out(&["compare", arg(&one), arg(&two), "--format", "json"], 0);
    let comparison: Value = serde_json::from_str(&json).unwrap();
    let scores = comparison["scores"].as_array().unwrap();
    assert_eq!(scores.len(), 2);
    assert_eq!((&scores[0]["outcome"], &scores[0]["place"]["system"]), (&"changed".into(), &"B".into()));
    assert!(scores[0]["difference"].as_f64().unwrap() < -0.05);
    assert_eq!(scores[1]["outcome"], "same");
    assert_eq!(comparison["missing"][0][1], "cpu/toy: C on D");
    let settings: Vec<&str> =
        comparison["settings"].as_array().unwrap().iter().map(|s| s[0]["what"].as_str().unwrap()).collect();
    assert_eq!(settings, ["config.size", "device", "version.commit"]);
    let text = first.out(&["compare", arg(&one), arg(&two), "--all"], 0);
    assert!(text.contains("setting device: cpu -> cuda:0 (4 runs)"), "{text}");
    assert!(text.contains("only on side 1: cpu/toy: C on D"), "{text}");
    // The exit code says it on request.
    first.out(&["compare", arg(&one), arg(&two), "--fail"], 1);
    first.out(&["compare", arg(&one), arg(&one), "--fail"], 0);
}

#[test]
fn one_seed_is_judged_by_its_sentences() {
    let (first, second) = (Repository::new(), Repository::new());
    run(&first, "cpu", "A", 1, 1, 80);
    run(&second, "cpu", "A", 1, 1, 60);
    let (one, two) = (first.path("results/cpu/toy"), second.path("results/cpu/toy"));
    let json = first.out(&["compare", arg(&one), arg(&two), "--format", "json"], 0);
    let comparison: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(comparison["scores"][0]["method"], "randomisation over sentences");
    assert_eq!(comparison["scores"][0]["outcome"], "changed");
    assert_eq!(comparison["scores"][0]["place"]["folder"], "");
}

/// Two tables that ask for a system of one name with two configurations.
#[test]
fn runs_of_one_name_in_two_tables_are_two_systems() {
    let (first, second) = (Repository::new(), Repository::new());
    for seed in 1..=4 {
        for (repository, share) in [(&first, 80), (&second, 60)] {
            run(repository, "cpu", "A", 1, seed, 80);
            // Began later than the other and must not take its place.
            let mut other = record("cpu", "A", 7, seed, share);
            other.cell.tables = ["fig8", "fig8-loss"].map(str::to_owned).into();
            other.started = "2024-06-01T00:00:00Z".to_owned();
            save(repository, "cpu", &other);
        }
        // Of an earlier configuration: no table shows it.
        let mut earlier = record("cpu", "A", 9, seed, 10);
        earlier.cell.tables.clear();
        earlier.started = "2024-07-01T00:00:00Z".to_owned();
        save(&first, "cpu", &earlier);
    }
    let (one, two) = (first.path("results"), second.path("results"));
    let text = first.out(&["compare", arg(&one), arg(&two), "--all", "--fail"], 1);
    assert!(text.starts_with("2 scores: 1 changed, 0 untested, 0 noise, 1 same\n"), "{text}");
    assert!(text.contains("A [fig8 fig8-loss] on D") && text.contains("A [table2] on D"), "{text}");
    assert!(!text.contains("only on side"), "{text}");
    // A side with one of them alone has no namesakes to tell apart.
    let third = Repository::new();
    for seed in 1..=4 {
        run(&third, "cpu", "A", 1, seed, 80);
    }
    let alone = third.path("results");
    for (sides, side) in [([&one, &alone], 1), ([&alone, &one], 2)] {
        let text = first.out(&["compare", arg(sides[0]), arg(sides[1]), "--all"], 0);
        assert!(text.starts_with("1 scores: 0 changed, 0 untested, 0 noise, 1 same\n"), "{text}");
        assert!(text.contains(&format!("only on side {side}: cpu/toy: A [fig8 fig8-loss] on D")), "{text}");
        assert_eq!(text.matches("only on side").count(), 1, "{text}");
    }
}

#[test]
fn two_tables_and_two_lists_of_runs() {
    let repository = Repository::new();
    let head = "system,dataset,task,metric,published,mean,sd,min,max,n\n";
    let one = repository
        .write("a.csv", &format!("{head}A,D,ner,f1,81.27,80.80,0.12,80.6,80.9,5\nB,D,ner,f1,,70,,70,70,1\n"));
    let two = repository
        .write("b.csv", &format!("{head}A,D,ner,f1,81.27,82.30,0.20,82.1,82.5,5\nB,D,ner,f1,,71,,71,71,1\n"));
    let text = repository.out(&["compare", arg(&one), arg(&two), "--fail"], 1);
    assert!(text.starts_with("2 scores: 1 changed, 1 untested, 0 noise, 0 same\n"), "{text}");
    let runs = "hash,system,dataset,seed,status,scores,seconds\n";
    let one = repository
        .write("c.csv", &format!("{runs}x,A,D,1,finished,ner/f1=0.8,9\ny,A,D,2,finished,ner/f1=0.81,9\n"));
    let two = repository
        .write("d.csv", &format!("{runs}x,A,D,1,finished,ner/f1=0.8,12\ny,A,D,2,failed: no memory,,\n"));
    let text = repository.out(&["compare", arg(&one), arg(&two)], 0);
    assert!(text.contains("1 scores: 0 changed, 0 untested, 0 noise, 1 same"), "{text}");
    assert!(text.contains("only on side 1: A on D, seed 2 (failed on the other)"), "{text}");
    let error = repository.err(&["compare", arg(&one), "nowhere"], 1);
    assert!(error.contains("nowhere: there is no such file or folder"), "{error}");
}
