//! `train` and `evaluate` on a user's own files: training does not end before it has begun, and what a model cannot name counts.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Sentences of three columns: a name, and words around it.
fn sentences(names: &[(&str, &str, &str)], n: usize) -> String {
    let mut text = String::new();
    for at in 0..n {
        let (name, kind, concept) = names[at % names.len()];
        for word in ["Patient", ["one", "two", "three"][at % 3], "had"] {
            writeln!(text, "{word}\tO\tO").unwrap();
        }
        writeln!(text, "{name}\tB-{kind}\t{concept}\nagain\tO\tO\n.\tO\tO\n").unwrap();
    }
    text
}

const DISEASES: [(&str, &str, &str); 3] =
    [("fever", "Disease", "D005334"), ("anemia", "Disease", "D000740"), ("cough", "Disease", "D003371")];

fn mtaal(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtaal"));
    command.current_dir(folder).env("OMP_NUM_THREADS", "1").args(arguments).args(["--threads", "1"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn train(folder: &Path, out: &str, more: &[&str]) -> String {
    let arguments = [
        &["train", "--train", "train.tsv", "--out", out][..],
        &["--set", "model={characters: 6, words: 8, hidden: 8}", "--set", "training.learning_rate=0.01"],
        more,
    ];
    String::from_utf8(mtaal(folder, &arguments.concat()).stderr).unwrap()
}

fn scores(folder: &Path, model: &str, test: &str) -> serde_json::Value {
    let output = mtaal(folder, &["evaluate", "--model", model, "--test", test, "--json", "--quiet"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_small_file_is_trained_until_something_is_found_and_what_is_not_known_counts() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    fs::write(folder.join("train.tsv"), sentences(&DISEASES, 60)).unwrap();
    // One epoch is too short, and that is said.
    let said = train(folder, "short", &["--set", "supervised.epochs=1"]);
    assert!(
        said.contains("recognition and normalisation finds no mention of the development sentences"),
        "{said}"
    );
    // By default the zeros at the beginning end nothing, nor does the small number of steps in an epoch.
    let said = train(folder, "model", &[]);
    assert!(!said.contains("finds no mention"), "{said}");

    fs::write(folder.join("known.tsv"), sentences(&DISEASES, 9)).unwrap();
    let unknown = [DISEASES[0], ("fever", "Symptom", "D5"), ("anemia", "Disease", "D6")];
    fs::write(folder.join("unknown.tsv"), sentences(&unknown, 9)).unwrap();
    let (known, unknown) = (scores(folder, "model", "known.tsv"), scores(folder, "model", "unknown.tsv"));
    let of = |scores: &serde_json::Value, task: &str, metric: &str| scores[task][metric].as_f64().unwrap();
    assert!(of(&known, "ner", "f1") > 0.9, "{known}");
    // A third of the mentions has an unknown type; two thirds have a concept that is not known.
    assert!(of(&unknown, "ner", "recall") < 0.7 && of(&unknown, "nen", "recall") < 0.4, "{unknown}");
    assert!(of(&unknown, "nen", "token_accuracy") < 0.9, "{unknown}");
    // Without a column of concepts.
    let bare = sentences(&DISEASES, 9)
        .lines()
        .map(|l| l.rsplit_once('\t').map_or("", |(row, _)| row).to_owned() + "\n")
        .collect::<String>();
    fs::write(folder.join("bare.tsv"), bare).unwrap();
    let bare = scores(folder, "model", "bare.tsv");
    assert!(of(&bare, "ner", "f1") > 0.9 && bare.get("nen").is_none(), "{bare}");
}
