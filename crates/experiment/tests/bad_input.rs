//! Wrong tables, wrong configurations, wrong command lines: each is refused with its place and what to do.
#![allow(clippy::unwrap_used)]

mod common;

use common::{PUBLISHED, Repo, TABLE};

/// Replaces `from` (which must be there) and expects the message at the line and column where the mistake stands.
fn refused(from: &str, to: &str, expected: &[&str]) {
    let repo = Repo::new();
    assert!(TABLE.contains(from), "the test's own mistake: {from}");
    repo.write("experiments/doses/table2.yaml", &TABLE.replace(from, to));
    let said = repo.expect(1, &["reproduce", "table2"]);
    for part in expected {
        assert!(said.contains(part), "{from} -> {to}\nexpected {part}\n{said}");
    }
    assert!(!repo.path("results").exists(), "nothing may be written for a table that is wrong");
}

#[test]
fn an_unknown_key_of_a_table() {
    refused(
        "tolerance: 2",
        "tolerence: 2",
        &["table2.yaml:5:1: `tolerence`: unknown key; did you mean `tolerance`?"],
    );
    refused("auxiliary: true", "auxilary: true", &["table2.yaml:19:18:", "did you mean `auxiliary`?"]);
}

#[test]
fn an_unknown_key_of_the_method_s_configuration() {
    refused(
        "{epochs: 3}",
        "{epohcs: 3}",
        &["table2.yaml:6:10: `epohcs`: unknown key; did you mean `epochs`?"],
    );
    refused("{suffix: 1}", "{sufix: 1}", &["table2.yaml:12:25:", "did you mean `suffix`?"]);
}

#[test]
fn wrong_types() {
    refused(
        "{epochs: 3}",
        "{epochs: three}",
        &["table2.yaml:6:10: `epochs`: wrong type: string \"three\", expected a whole number of 0 or more"],
    );
    refused("seeds: [1, 2]", "seeds: one", &["table2.yaml:7:1: `seeds`: wrong type"]);
    refused("seeds: [1, 2]", "seeds: [1, -2]", &["table2.yaml:7:12: `seeds[1]`", "-2"]);
    refused(
        "tolerance: 2",
        "tolerance: two",
        &["table2.yaml:5:1: `tolerance`: expected a number, or a number by metric"],
    );
    refused("{task: active}", "{task: actve}", &["table2.yaml:16:", "did you mean `active`?"]);
}

#[test]
fn values_out_of_range() {
    refused(
        "{epochs: 3}",
        "{learning_rate: 0}",
        &["table2.yaml:6:10: `learning_rate`: expected a number above 0, found 0"],
    );
    refused(
        "{epochs: 3}",
        "{learning_rate: .inf}",
        &["table2.yaml:6:", "expected a finite number, found `.inf`"],
    );
    refused("seeds: [1, 2]", "seeds: []", &["table2.yaml:7:1: `seeds`: expected at least one seed"]);
    refused("seeds: [1, 2]", "seeds: [1, 1]", &["table2.yaml:7:1:", "none twice"]);
}

#[test]
fn missing_keys() {
    refused("title: Drug names in dosing notes\n", "", &["table2.yaml:", "`title`: missing key"]);
    refused(
        "  Notes: {data: doses}",
        "  Notes: {}",
        &["table2.yaml:9:3: `datasets.Notes`: missing field `data`"],
    );
}

#[test]
fn names_that_are_not_there() {
    refused(
        "system: pre-training",
        "system: pretraining",
        &["table2.yaml:14:", "did you mean `pre-training`?"],
    );
    refused("minus: [Two letters", "minus: [Two leters", &["table2.yaml:18:", "no system `Two leters`"]);
    refused("comparisons: [[Two letters", "comparisons: [[Three letters", &["table2.yaml:20:"]);
    refused("dataset: Plain", "dataset: Plane", &["did you mean `Plain`?"]);
}

#[test]
fn systems_that_need_each_other() {
    let circle = "  pre-training: {auxiliary: true, needs: {back: Warm.start}, ";
    refused(
        "  pre-training: {auxiliary: true, ",
        circle,
        &["Warm.start -> pre-training -> Warm.start", "table2.yaml:14:"],
    );
}

#[test]
fn what_is_not_yaml() {
    refused("seeds: [1, 2]", "seeds: [1, 2", &["table2.yaml:9:8: not YAML"]);
    refused(
        "tolerance: 2",
        "tolerance: 2\ntolerance: 3",
        &["table2.yaml:6:1: the key `tolerance` stands twice"],
    );
    refused("config: {epochs: 3}", "config: &c {epochs: 3}", &["table2.yaml:6:", "base:"]);
    refused(
        "config: {epochs: 3}",
        "base: _common.yaml",
        &["table2.yaml:6:1:", "there is no", "_common.yaml"],
    );
}

#[test]
fn a_base_is_the_ground_and_its_mistakes_are_its_own() {
    let repo = Repo::new();
    repo.write("experiments/doses/_common.yaml", "config: {suffix: 1, epochs: 9}\n");
    repo.write("experiments/doses/table2.yaml", &format!("base: _common.yaml\n{TABLE}"));
    let said = repo.expect(0, &["config", "table2", "--system", "Active"]);
    assert!(said.contains("suffix: 1") && said.contains("epochs: 3"), "{said}");
    repo.write("experiments/doses/_common.yaml", "# shared\nconfig: {sufix: 1}\n");
    let said = repo.expect(1, &["reproduce", "table2"]);
    assert!(said.contains("_common.yaml:2:10: `sufix`: unknown key"), "{said}");
}

#[test]
fn wrong_command_lines() {
    let repo = Repo::new();
    for (args, expected) in [
        (vec!["reproduce", "table9"], "there is no table `table9`"),
        (vec!["reproduce", "tabel2"], "did you mean `table2`?"),
        (vec!["reproduce", "--profile", "fast"], "[possible values: quick, cpu, paper]"),
        (vec!["reproduce", "--seeds", "one"], "expected seeds such as `1,2,3` or `1-5`"),
        (vec!["reproduce", "--set", "epochs"], "expected KEY=VALUE"),
        (
            vec!["reproduce", "--set", "epohcs=3"],
            "--set epohcs=3: `epohcs`: unknown key; did you mean `epochs`?",
        ),
        (vec!["reproduce", "--set", "epochs=x"], "--set epochs=x: `epochs`: wrong type"),
        (vec!["reproduce", "--system", "Two leters"], "did you mean `Two letters`?"),
        (vec!["reproduce", "--dataset", "MSRA"], "--dataset `MSRA`: no chosen table has it"),
        (vec!["reproduce", "--device", "cuda:0"], "`--device cuda:0`"),
        (vec!["reproduce", "--jobs", "0"], "0 is not in 1.."),
        (vec!["reproduce", "--root", "/"], "run inside the repository"),
        (vec!["reprodce"], "reproduce"),
    ] {
        let said = repo.expect(2, &args);
        assert!(said.contains(expected), "{args:?}\n{said}");
    }
    assert!(!repo.path("results").exists());
}

#[test]
fn a_configuration_file_of_a_user() {
    let repo = Repo::new();
    repo.write("my.yaml", "epochs: 2\nlearning_rat: 0.5\n");
    let train = ["train", "--config", "my.yaml", "--train", "datasets/doses.txt", "--out", "m"];
    let said = repo.expect(1, &train);
    assert!(
        said.contains("my.yaml:2:1: `learning_rat`: unknown key; did you mean `learning_rate`?"),
        "{said}"
    );
    repo.write("my.yaml", "");
    assert!(repo.expect(1, &train).contains("my.yaml:1:1: "));
}

#[test]
fn wrong_published_numbers() {
    let repo = Repo::new();
    repo.write("experiments/doses/published.csv", &PUBLISHED.replace("80.5", "eighty"));
    let said = repo.expect(1, &["reproduce", "table2"]);
    assert!(said.contains("published.csv:2: `value`: expected a number, found `eighty`"), "{said}");
    repo.write("experiments/doses/published.csv", &PUBLISHED.replace("dataset", "data"));
    let said = repo.expect(1, &["reproduce", "table2"]);
    assert!(said.contains("published.csv:1: no column `dataset`"), "{said}");
}
