//! `train`, `evaluate` and `predict` on a user's own files: training does not end before it has begun, what a model cannot name or
//! find counts, and words come back as they were given.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

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

fn program(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtaal"));
    command.current_dir(folder).env("OMP_NUM_THREADS", "1").args(arguments).args(["--threads", "1"]);
    command.stdin(Stdio::null()).output().unwrap()
}

fn mtaal(folder: &Path, arguments: &[&str]) -> Output {
    let output = program(folder, arguments);
    assert!(output.status.success(), "{}", said(&output));
    output
}

/// What a command says beside its results.
fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn train(folder: &Path, out: &str, more: &[&str]) -> String {
    let arguments = [
        &["train", "--train", "train.tsv", "--out", out][..],
        &["--set", "model={characters: 6, words: 8, hidden: 8}", "--set", "training.learning_rate=0.01"],
        more,
    ];
    said(&mtaal(folder, &arguments.concat()))
}

/// The scores on a file, and the warnings.
fn evaluated(folder: &Path, model: &str, test: &str) -> (Value, String) {
    let output = mtaal(folder, &["evaluate", "--model", model, "--test", test, "--json", "--quiet"]);
    (serde_json::from_slice(&output.stdout).unwrap(), said(&output))
}

fn scores(folder: &Path, model: &str, test: &str) -> Value {
    evaluated(folder, model, test).0
}

fn of(scores: &Value, task: &str, metric: &str) -> f64 {
    scores[task][metric].as_f64().unwrap()
}

/// The arguments that label a file.
fn predict<'a>(input: &'a str, format: &'a str) -> [&'a str; 8] {
    ["predict", "--model", "model", "--input", input, "--format", format, "--quiet"]
}

/// What is said of a file with the model's labels.
fn predicted(folder: &Path, input: &str, format: &str) -> String {
    String::from_utf8(mtaal(folder, &predict(input, format)).stdout).unwrap()
}

/// Columns have the words of the text, and where the input is columns those of the input, sentence by sentence.
fn words_come_back_as_they_were_given(folder: &Path) {
    let first = |rows: &str| -> Vec<String> {
        rows.trim_end().lines().map(|row| row.split('\t').next().unwrap().to_owned()).collect()
    };
    fs::write(folder.join("note.txt"), "Patient one had fever again.\n").unwrap();
    let rows = predicted(folder, "note.txt", "conll");
    assert_eq!(first(&rows), ["Patient", "one", "had", "fever", "again", "."], "{rows}");
    assert!(rows.contains("fever\tB-Disease\n"), "{rows}");
    // Tokens that the cutting of text would part, and a sentence that it would end early.
    let odd = "BRCA-1\tO\tO\nvs.\tO\tO\nThe\tO\tO\nfever\tB-Disease\tD005334\n\nG.\tO\tO\nA\tO\tO\n";
    fs::write(folder.join("odd.tsv"), odd).unwrap();
    assert_eq!(first(&predicted(folder, "odd.tsv", "conll")), first(odd));
}

/// A mention of white space is warned of, and lowers recall. The rest is what the model itself has found, so that it misses nothing
/// else.
fn mentions_without_a_place_count_as_missed(folder: &Path) {
    let notes =
        "Patient one had fever again.\nPatient two had anemia again.\nPatient three had cough again.\n";
    fs::write(folder.join("notes.txt"), notes).unwrap();
    let found = predicted(folder, "notes.txt", "jsonl");
    let mut documents: Vec<Value> = found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    documents.retain(|document| document["entities"].as_array().is_some_and(|found| !found.is_empty()));
    assert!(!documents.is_empty(), "{found}");
    let score = |documents: &[Value], name: &str| {
        let lines: Vec<String> = documents.iter().map(Value::to_string).collect();
        fs::write(folder.join(name), lines.join("\n")).unwrap();
        evaluated(folder, "model", name)
    };
    let (whole, silent) = score(&documents, "whole.jsonl");
    assert_eq!((of(&whole, "ner", "precision"), of(&whole, "ner", "recall")), (1.0, 1.0), "{whole}");
    assert!(!silent.contains("left out"), "{silent}");
    let mentions = |documents: &[Value]| -> usize {
        documents.iter().map(|document| document["entities"].as_array().unwrap().len()).sum()
    };
    let before = mentions(&documents);
    for document in &mut documents {
        // Behind `Patient`.
        let blank = serde_json::json!({"start": 7, "end": 8, "label": "Disease"});
        document["entities"].as_array_mut().unwrap().push(blank);
    }
    let (less, warned) = score(&documents, "blank.jsonl");
    let count = documents.len();
    assert!(warned.contains(&format!("{count} mentions of white space only, left out (first: ")), "{warned}");
    assert!(warned.contains("blank.jsonl") && warned.contains("they count as missed"), "{warned}");
    let recall = before as f64 / mentions(&documents) as f64;
    for task in ["ner", "Disease"] {
        assert_eq!(of(&less, task, "precision"), 1.0, "{less}");
        assert!((of(&less, task, "recall") - recall).abs() < 1e-9, "{less} {recall}");
    }
    assert!(of(&less, "nen", "recall") < of(&whole, "nen", "recall"), "{less} {whole}");
}

/// What PubTator and brat have no place for is refused, or said.
fn what_a_format_has_no_place_for_is_said(folder: &Path) {
    let document = |id: &str| format!("{{\"id\": \"{id}\", \"text\": \"Patient one\\thad fever again.\"}}\n");
    fs::write(folder.join("names.jsonl"), document("a:1") + &document("a-1")).unwrap();
    fs::write(folder.join("bar.jsonl"), document("a|1")).unwrap();
    for (input, format, what) in [
        ("names.jsonl", "pubtator", "two documents have this identifier"),
        ("names.jsonl", "brat", "two documents have this identifier"),
        ("bar.jsonl", "pubtator", "the identifier `a|1` cannot be written as PubTator"),
    ] {
        let output = program(folder, &[&predict(input, format)[..], &["--output", "out"]].concat());
        assert!(!output.status.success() && said(&output).contains(what), "{format}: {}", said(&output));
        assert!(!folder.join("out").exists(), "{format}");
    }
    fs::write(folder.join("tab.jsonl"), document("a:1")).unwrap();
    let output = mtaal(folder, &predict("tab.jsonl", "pubtator"));
    assert!(
        said(&output).contains("1 line breaks or tabs written as spaces (first: a-1)"),
        "{}",
        said(&output)
    );
    assert!(output.stdout.starts_with(b"a-1|t|Patient one had fever again.\n"));
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
    // A project that begins here knows the sentences that were held out, too.
    let length = |name: &str| -> usize {
        let list: Vec<Value> = serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap();
        list.len()
    };
    assert_eq!((length("model/sentences.json"), length("model/known.json")), (54, 6));

    fs::write(folder.join("known.tsv"), sentences(&DISEASES, 9)).unwrap();
    let unknown = [DISEASES[0], ("fever", "Symptom", "D5"), ("anemia", "Disease", "D6")];
    fs::write(folder.join("unknown.tsv"), sentences(&unknown, 9)).unwrap();
    let (known, unknown) = (scores(folder, "model", "known.tsv"), scores(folder, "model", "unknown.tsv"));
    assert!(of(&known, "ner", "f1") > 0.9, "{known}");
    // Another spelling of the same concepts.
    fs::write(folder.join("mesh.tsv"), sentences(&DISEASES, 9).replace("\tD0", "\t MESH:D0")).unwrap();
    assert_eq!(scores(folder, "model", "mesh.tsv"), known);
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

    words_come_back_as_they_were_given(folder);
    mentions_without_a_place_count_as_missed(folder);
    what_a_format_has_no_place_for_is_said(folder);
}

/// Word vectors of eight numbers, one word a line.
fn vectors(words: &[&str]) -> String {
    let line = |word: &&str| format!("{word} 0.5 -0.5 0.25 1.0 0.125 -1.0 0.75 0.0\n");
    words.iter().map(line).collect::<Vec<_>>().concat()
}

#[test]
fn development_is_cut_as_text_is_and_given_vectors_reach_words_that_training_did_not_show() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    fs::write(folder.join("train.tsv"), sentences(&DISEASES, 30)).unwrap();
    // `fever again. Then` runs over the end of a sentence.
    let development = r#"{"id": "d", "text": "Patient one had fever again. Then cough was seen.", "entities": [
        {"start": 16, "end": 33, "label": "Disease", "concepts": ["D005334"]},
        {"start": 34, "end": 39, "label": "Disease", "concepts": ["D003371"]}]}"#;
    fs::write(folder.join("dev.jsonl"), development.replace('\n', "")).unwrap();
    fs::write(folder.join("vectors.txt"), vectors(&["fever", "then", "ague"])).unwrap();
    let more = ["--dev", "dev.jsonl", "--set", "supervised.epochs=1"];
    let glove = ["--set", "word_vectors={source: glove, glove: vectors.txt}"];
    let said_by = train(folder, "model", &[&more[..], &glove[..]].concat());
    assert!(said_by.contains("1 mentions stand on both sides of a sentence's end"), "{said_by}");
    let known: Vec<String> =
        serde_json::from_slice(&fs::read(folder.join("model/known.json")).unwrap()).unwrap();
    assert_eq!(known, ["Patient one had fever again .", "Then cough was seen ."]);
    // The table has the scored words with a vector.
    let encoding: Value =
        serde_json::from_slice(&fs::read(folder.join("model/encoding.json")).unwrap()).unwrap();
    let words: Vec<&str> = encoding["words"]["words"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry[0].as_str().unwrap())
        .collect();
    assert!(words.contains(&"then") && !words.contains(&"seen") && !words.contains(&"ague"), "{words:?}");
    fs::write(folder.join("ague.txt"), "Patient one had ague again.\n").unwrap();
    predicted(folder, "ague.txt", "conll");
    // Both verbs look into the model's file of vectors for a word that they do not know.
    let broken = [&b"1 3\nague "[..], &[0_u8; 12], b"\n"].concat();
    fs::write(folder.join("model/word_vectors.bin"), broken).unwrap();
    fs::write(folder.join("ague.tsv"), "Patient\tO\tO\nhad\tO\tO\nague\tB-Disease\tD005334\n").unwrap();
    for arguments in
        [&predict("ague.txt", "conll")[..], &["evaluate", "--model", "model", "--test", "ague.tsv"]]
    {
        let output = program(folder, arguments);
        assert!(
            !output.status.success() && said(&output).contains("has vectors of 3 dimensions"),
            "{}",
            said(&output)
        );
    }
    // Without a file of vectors there is none beside the model.
    train(folder, "bare", &more);
    assert!(!folder.join("bare/word_vectors.bin").exists());
}
