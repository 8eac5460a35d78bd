//! `medner score` as a user calls it.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use support::{Repository, arg};

// seqeval.metrics.classification_report of these two gives precision 0.50, recall 0.50 (micro), conlleval the same.
const GOLD: &str = "a\tB-Drug\nb\tI-Drug\nc\tO\n\nd\tB-Test\n";
const PREDICTED: &str = "a\tB-Drug\nb\tI-Drug\nc\tO\n\nd\tB-Drug\n";
/// `I-Drug` without a beginning: an entity for conlleval and seqeval's default, none for seqeval's strict mode.
const ORPHAN: &str = "a\tI-Drug\nb\tI-Drug\nc\tO\n\nd\tB-Test\n";

fn json(repository: &Repository, args: &[&str]) -> Value {
    let mut all = vec!["score"];
    all.extend(args);
    all.extend(["--json", "--replicates", "200"]);
    serde_json::from_str(&repository.out(&all, 0)).unwrap()
}

#[test]
fn all_scorers_stand_side_by_side() {
    let repository = Repository::new();
    let (gold, predicted) = (repository.write("gold.tsv", GOLD), repository.write("pred.tsv", PREDICTED));
    let out = repository.out(&["score", arg(&gold), arg(&predicted), "--replicates", "200"], 0);
    for name in ["strict", "conlleval", "seqeval-default", "seqeval-strict", "token accuracy 75.00 (3 of 4)"]
    {
        assert!(out.contains(name), "{name} is not in\n{out}");
    }
    assert_eq!(out.matches("┆     50.00 ┆  50.00 ┆ 50.00 ┆").count(), 4, "{out}");
    assert!(out.contains("type confused") && out.contains("bootstrap"), "{out}");
}

#[test]
fn the_scorers_differ_where_they_are_known_to_differ() {
    let repository = Repository::new();
    let (gold, predicted) = (repository.write("gold.tsv", GOLD), repository.write("pred.tsv", ORPHAN));
    let scored = json(&repository, &[arg(&gold), arg(&predicted)]);
    let correct =
        |scorer: &str| scored["systems"][0]["scorers"][scorer]["micro"]["correct"].as_u64().unwrap();
    assert_eq!((correct("entity"), correct("conlleval"), correct("seqeval-default")), (2, 2, 2));
    assert_eq!(correct("seqeval-strict"), 1);
}

#[test]
fn a_second_system_is_compared_with_a_p_value() {
    let repository = Repository::new();
    let gold = repository.write("gold.tsv", &GOLD.repeat(20).replace("B-Test\na", "B-Test\n\na"));
    let good = repository.write("good.tsv", &GOLD.repeat(20).replace("B-Test\na", "B-Test\n\na"));
    let bad = repository.write("bad.tsv", &PREDICTED.repeat(20).replace("d\tB-Drug\na", "d\tB-Drug\n\na"));
    let scored = json(&repository, &[arg(&gold), arg(&good), arg(&bad)]);
    assert_eq!(scored["units"], 40);
    let test = &scored["randomisation"];
    assert!((test["difference"].as_f64().unwrap() - 0.5).abs() < 1e-12, "{test}");
    assert!(test["p_value"].as_f64().unwrap() < 0.01, "{test}");
    let out = repository.out(&["score", arg(&gold), arg(&good), arg(&bad), "--replicates", "200"], 0);
    assert!(out.contains("+50.00 points"), "{out}");
}

#[test]
fn records_with_character_offsets_get_the_strict_scorer() {
    let repository = Repository::new();
    let gold = repository.write(
        "gold.jsonl",
        "{\"originalText\":\"肺炎三天\",\"entities\":[{\"label_type\":\"疾病和诊断\",\"start_pos\":0,\"end_pos\":2}]}\n",
    );
    let predicted = repository.write(
        "pred.jsonl",
        "{\"text\":\"肺炎三天\",\"entities\":[{\"label\":\"疾病和诊断\",\"start\":0,\"end\":2,\"confidence\":0.9}]}\n",
    );
    let scored = json(&repository, &[arg(&gold), arg(&predicted)]);
    assert_eq!(scored["systems"][0]["scorers"]["entity"]["micro"]["correct"], 1);
    assert!(scored["systems"][0]["token_accuracy"].is_null());
    let out = repository.out(&["score", arg(&gold), arg(&predicted)], 0);
    assert!(out.contains("only the strict scorer applies"), "{out}");
}

#[test]
fn bad_input_is_named_with_file_and_line() {
    let repository = Repository::new();
    let gold = repository.write("gold.tsv", GOLD);
    let cases = [
        ("other-token.tsv", GOLD.replace("d\t", "e\t"), "token 0 is `d` in gold and `e`"),
        ("fewer.tsv", "a\tB-Drug\nb\tI-Drug\nc\tO\n".to_owned(), "has 2 sentences or records"),
        ("shorter.tsv", "a\tB-Drug\nb\tI-Drug\n\nd\tO\n".to_owned(), "3 gold tokens but 2 predicted"),
        ("one-column.tsv", "a\n".to_owned(), "token and tag are one column"),
        ("empty.tsv", String::new(), "is empty"),
        ("unknown-tag.tsv", GOLD.replace("B-Test", "Q-Test"), "`Q-Test`, which is not BIO"),
    ];
    for (name, text, expected) in cases {
        let path = repository.write(name, &text);
        let error = repository.err(&["score", arg(&gold), arg(&path)], 1);
        assert!(error.contains(expected) && error.contains(name), "{name}: {error}");
    }
    std::fs::write(repository.path("latin.tsv"), b"a\tO\nb\xe9\tO\n").unwrap();
    let error = repository.err(&["score", arg(&gold), arg(&repository.path("latin.tsv"))], 1);
    assert!(error.contains("latin.tsv:2:"), "{error}");
    let error = repository.err(&["score", arg(&gold), "missing.tsv"], 1);
    assert!(error.contains("missing.tsv") && error.contains("No such file"), "{error}");
}

/// As `mtaal` reads and writes them.
#[test]
fn columns_with_concepts_and_words_without_labels_are_scored() {
    let repository = Repository::new();
    let gold = repository.write("gold.tsv", "a\tB-Drug\tD1\nb\tO\tO\n");
    let predicted = repository.write("pred.tsv", "a\tB-Drug\nb\tO\n");
    let scored = json(&repository, &[arg(&gold), arg(&predicted)]);
    assert_eq!(scored["systems"][0]["scorers"]["entity"]["micro"]["correct"], 1);
    let first = json(&repository, &[arg(&gold), arg(&gold), "--tag-column", "2"]);
    assert_eq!(first["systems"][0]["token_accuracy"]["correct"], 2);
    let words = repository.write("words.tsv", "a\tB\nb\tE\nc\tS\n");
    let scored = json(&repository, &[arg(&words), arg(&words)]);
    assert_eq!(
        (&scored["scheme"], &scored["systems"][0]["scorers"]["entity"]["micro"]["correct"]),
        (&"bmes".into(), &2.into())
    );
}

#[test]
fn the_same_call_gives_the_same_bytes() {
    let repository = Repository::new();
    let (gold, predicted) = (repository.write("gold.tsv", GOLD), repository.write("pred.tsv", PREDICTED));
    let args = ["score", arg(&gold), arg(&predicted), "--json"];
    assert_eq!(repository.out(&args, 0), repository.out(&args, 0));
}

#[test]
fn the_errors_are_a_page_of_their_own() {
    let repository = Repository::new();
    let gold = repository.write(
        "gold.jsonl",
        "{\"text\": \"行胃癌根治术 <b>\", \"entities\": [{\"start\": 1, \"end\": 6, \"label\": \"operation\"}]}\n{\"text\": \"咳嗽\", \"entities\": [{\"start\": 0, \"end\": 2, \"label\": \"symptom\"}]}\n",
    );
    let predicted = repository.write(
        "predicted.jsonl",
        "{\"text\": \"行胃癌根治术 <b>\", \"entities\": [{\"start\": 1, \"end\": 3, \"label\": \"disease\"}]}\n{\"text\": \"咳嗽\", \"entities\": [{\"start\": 0, \"end\": 2, \"label\": \"symptom\"}]}\n",
    );
    let page = repository.path("errors.html");
    repository.out(&["score", arg(&gold), arg(&predicted), "--errors", arg(&page)], 0);
    let html = std::fs::read_to_string(page).unwrap();
    assert_eq!(html.matches("<article").count(), 1, "{html}");
    for part in [
        "too short on the right",
        "<span class=\"wrong\">胃癌根治术</span><span class=\"type\">operation</span>",
        "<span class=\"wrong\">胃癌</span><span class=\"type\">disease</span> 根治术",
        "data-types=\"disease|operation\"",
        "1 of 2 sentences",
    ] {
        assert!(html.contains(part), "{part} is not in\n{html}");
    }
    assert!(!html.contains("<b>") && html.contains("&lt;b&gt;"), "{html}");
}
