//! What is damaged is named; the rest of the report is made.

use crate::results::{TABLE2, path, record, repository, table2};
use crate::support::Repository;

/// The errors of a report that must be made all the same.
fn errors(repository: &Repository) -> String {
    let error = repository.err(&["report", "--profile", "cpu"], 1);
    let html = std::fs::read_to_string(repository.path("results/cpu/report/index.html")).unwrap();
    assert!(html.contains("What could not be read"));
    assert!(html.contains("80.80 ± 0.12") || html.contains("Figure 7"), "the rest is there");
    error
}

#[test]
fn a_damaged_record_and_one_of_another_paper() {
    let repository = repository();
    let whole = record("BiLSTM-CRF", "bilstm", 0, 9, 0.7);
    let file = path(&repository.path("results/cpu/toy/runs"), &whole);
    whole.save(&file).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    let mut foreign = record("BiLSTM-CRF", "bilstm", 0, 8, 0.7);
    foreign.paper = "other".into();
    foreign.save(&path(&repository.path("results/cpu/toy/runs"), &foreign)).unwrap();
    let error = errors(&repository);
    assert!(error.contains(&format!("{}.json: damaged run record", whole.cell.hash)), "{error}");
    assert!(error.contains("line "), "{error}");
    assert!(error.contains("a record of `other` among those of toy"), "{error}");
    assert!(!error.contains(repository.path("").to_str().unwrap()), "paths of the repository: {error}");
}

#[test]
fn an_edited_record_is_not_believed() {
    let repository = repository();
    let whole = record("BiLSTM-CRF", "bilstm", 0, 1, 0.751);
    let file = path(&repository.path("results/cpu/toy/runs"), &whole);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"seed\": 1", "\"seed\": 3")).unwrap();
    let error = errors(&repository);
    assert!(error.contains("its content hashes to"), "{error}");
}

#[test]
fn published_numbers_without_a_column() {
    let repository = repository();
    repository.write("experiments/toy/published.csv", "table,system,dataset,task,metric,provenance\n");
    let error = errors(&repository);
    assert!(error.contains("experiments/toy/published.csv:1: no column `value`"), "{error}");
}

#[test]
fn result_tables_without_a_column_or_with_a_word_for_a_number() {
    let repository = repository();
    repository.write("results/cpu/toy/table2.csv", &table2().replace("verdict", "judgement"));
    let error = errors(&repository);
    assert!(error.contains("results/cpu/toy/table2.csv:1: no column `verdict`"), "{error}");
    repository.write("results/cpu/toy/table2.csv", &table2().replace("80.801435", "eighty"));
    let error = errors(&repository);
    assert!(
        error.contains("results/cpu/toy/table2.csv:4: `mean`: expected a number, found `eighty`"),
        "{error}"
    );
}

#[test]
fn files_of_the_paper_that_cannot_be_read() {
    let repository = repository();
    repository.write("experiments/toy/paper.yaml", "title: T\nauthor: A\n");
    repository.write("experiments/toy/table2.yaml", &TABLE2.replace("tolerance", "tolerence"));
    repository.write("datasets/checks.json", "{\n  \"greetings\": 1\n}\n");
    let error = errors(&repository);
    assert!(error.contains("experiments/toy/paper.yaml:2:1"), "{error}");
    assert!(error.contains("experiments/toy/table2.yaml:5") && error.contains("tolerance"), "{error}");
    assert!(error.contains("datasets/checks.json:2:"), "{error}");
}

#[test]
fn nothing_to_report_says_how_to_get_it() {
    let error = Repository::new().err(&["report"], 1);
    assert!(error.contains("make reproduce-all"), "{error}");
    let error = repository().err(&["report", "--profile", "paper"], 1);
    assert!(error.contains("results/paper") && error.contains("make reproduce-all"), "{error}");
    let error = repository().err(&["report", "--paper", "toi"], 1);
    assert!(error.contains("make reproduce-all"), "{error}");
}

#[test]
fn records_of_an_earlier_version_are_counted_and_no_failure() {
    let repository = repository();
    let mut old = record("BiLSTM-CRF", "bilstm", 0, 7, 0.7);
    old.cell.changed = serde_json::Value::Null;
    old.save(&path(&repository.path("results/cpu/toy/runs"), &old)).unwrap();
    repository.out(&["report", "--profile", "cpu"], 0);
    let html = std::fs::read_to_string(repository.path("results/cpu/report/index.html")).unwrap();
    assert!(html.contains("Records of earlier versions, which are not used: 1."), "{html}");
    assert!(!html.contains("What could not be read"));
}
