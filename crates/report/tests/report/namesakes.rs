//! Runs of one name in two tables with other configurations.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::results::{path, record, repository};

#[test]
fn time_and_errors_of_two_runs_of_one_name_are_not_those_of_one() {
    let repository = repository();
    let folder = repository.path("results/cpu/toy/runs");
    let mut runs = "hash,tables,command\n".to_owned();
    for seed in 1..=2 {
        let first = record("BiLSTM-CRF", "bilstm", 0, seed, 0.75 + 0.001 * seed as f64);
        let _ = writeln!(runs, "{},table2,table2 makes seed {seed}", first.cell.hash);
        let mut second = record("BiLSTM-CRF", "bilstm", 2, seed, 0.8);
        second.cell.tables = BTreeSet::from(["fig7".to_owned()]);
        second.outcome.seconds.insert("total".to_owned(), 4_000.0);
        second.save(&path(&folder, &second)).unwrap();
        let _ = writeln!(runs, "{},fig7,fig7 makes seed {seed}", second.cell.hash);
    }
    repository.write("results/cpu/toy/runs.csv", &runs);
    repository.out(&["report", "--profile", "cpu"], 0);
    let read =
        |file: &str| std::fs::read_to_string(repository.path("results/cpu/report").join(file)).unwrap();
    let (markdown, html) = (read("REPORT.md"), read("index.html"));
    for name in ["BiLSTM-CRF \\[fig7\\]", "BiLSTM-CRF \\[table2\\]"] {
        assert!(markdown.contains(&format!("| {name} | Greetings | 2 |")), "{name}: {markdown}");
        assert!(markdown.contains(&format!("- {name} on Greetings, seed 1: ")), "{name}: {markdown}");
    }
    assert!(!markdown.contains("| BiLSTM-CRF | Greetings | 4 |"), "{markdown}");
    // The command is that of the list, which knows what the tables call a run by now.
    for command in ["fig7 makes seed 1", "table2 makes seed 1"] {
        assert!(html.contains(&format!("<code>{command}</code>")), "{command}");
    }
}
