//! `medner data check`, `stats` and `convert` as a user calls them.

#![allow(clippy::unwrap_used)]

mod support;

use support::{Repository, arg};

const TRAIN: &str =
    "Aspirin\tB-Drug\nhelps\tO\n\nNo\tO\nfolic\tB-Drug\nacid\tI-Drug\n\nGold\tB-Drug\nsalts\tI-Drug\n\n";
const TEST: &str = "Aspirin\tB-Drug\nhelps\tO\n\nA\tO\nnew\tO\nmorphine\tB-Drug\n\n";

#[test]
fn check_names_leakage_and_bad_tags_and_fails_only_on_errors() {
    let repository = Repository::new();
    let train = repository.write("train.tsv", TRAIN);
    let test = repository.write("test.tsv", TEST);
    let out = repository.out(&["data", "check", arg(&train), arg(&test)], 0);
    assert!(out.contains("0 errors, 1 warnings"), "{out}");
    assert!(out.contains("1 of 2 (50.0%) items also stand in train"), "{out}");
    assert!(out.contains("test.tsv:1: as train.tsv:1"), "{out}");
    repository.out(&["data", "check", "--strict", arg(&train), arg(&test)], 1);

    let bad = repository.write("bad.tsv", "a\tO\nb\tI-Drug\nc\tO\nd\tI-Drug\n\ne\tB-Drug\n");
    let out = repository.out(&["data", "check", arg(&bad)], 1);
    assert!(out.contains("2 tags may not follow the tag before them in BIO"), "{out}");
    assert!(out.contains("bad.tsv:2: `I-Drug` after `O`") && out.contains("bad.tsv:4"), "{out}");
    // Read leniently, the tags are repaired and counted; what is wrong with the file is still said.
    let out = repository.out(&["data", "check", "--lenient", arg(&bad)], 1);
    assert!(out.contains("[reader]") && !out.contains("[unreadable]"), "{out}");
}

#[test]
fn check_as_json() {
    let repository = Repository::new();
    let train = repository.write("train.tsv", TRAIN);
    let test = repository.write("test.tsv", TEST);
    let out = repository.out(&["data", "check", "--format", "json", arg(&train), arg(&test)], 0);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let findings = json.as_object().unwrap().values().next().unwrap().as_array().unwrap();
    let leak = findings.iter().find(|f| f["code"] == "leakage").unwrap();
    assert_eq!((leak["severity"].as_str(), leak["count"].as_u64()), (Some("warning"), Some(1)));
}

#[test]
fn samples_are_checked_and_counted_without_any_data() {
    let repository = Repository::new();
    let out = repository.out(&["data", "check", "sample-ccks2019", "sample-msra", "sample-pubtator-ncbi"], 0);
    assert_eq!(out.matches("0 errors, 0 warnings").count(), 3, "{out}");
    let out = repository.out(&["data", "stats", "--format", "csv", "sample-msra"], 0);
    assert!(out.starts_with("dataset,split,type,measure,value\n"), "{out}");
    assert!(out.contains("sample-msra,train,,sentences,450\n"), "{out}");
    assert!(out.contains("sample-msra,test,ORG,mentions,"), "{out}");
}

#[test]
fn stats_in_three_forms() {
    let repository = Repository::new();
    let train = repository.write("train.tsv", TRAIN);
    let test = repository.write("test.tsv", TEST);
    let (train, test) = (arg(&train), arg(&test));
    let table = repository.out(&["data", "stats", train, test], 0);
    assert!(table.contains("% of mentions seen in train") && table.contains("50.0"), "{table}");
    assert!(table.contains("3 (3 distinct, 1.7 long)"), "{table}");
    let json: serde_json::Value =
        serde_json::from_str(&repository.out(&["data", "stats", "--format", "json", train, test], 0))
            .unwrap();
    let stats = json.as_object().unwrap().values().next().unwrap();
    assert_eq!(stats["splits"][0]["entities"], 3);
    assert_eq!(stats["splits"][1]["against_train"]["seen_mentions"], 50.0);
}

#[test]
fn files_are_put_into_splits_by_name_or_by_order() {
    let repository = Repository::new();
    let a = repository.write("a.tsv", TRAIN);
    let b = repository.write("b.tsv", TEST);
    let out = repository.out(&["data", "stats", "--format", "csv", arg(&a), arg(&b)], 0);
    assert!(out.contains(",train,,sentences,3\n") && out.contains(",test,,sentences,2\n"), "{out}");
    let dev = repository.write("valid.tsv", TRAIN);
    let train = repository.write("train.tsv", TEST);
    let out = repository.out(&["data", "stats", "--format", "csv", arg(&dev), arg(&train)], 0);
    assert!(out.contains(",dev,,sentences,3\n") && out.contains(",train,,sentences,2\n"), "{out}");
}

#[test]
fn wrong_names_and_paths() {
    let repository = Repository::new();
    let error = repository.err(&["data", "check", "mrsa"], 1);
    assert!(error.contains("`mrsa`") && error.contains("msra"), "{error}");
    let error = repository.err(&["data", "stats", "nowhere/train.tsv"], 1);
    assert!(error.contains("nowhere/train.tsv: no such file"), "{error}");
    let train = repository.write("train.tsv", TRAIN);
    let error = repository.err(&["data", "check", "msra", arg(&train)], 1);
    assert!(error.contains("cannot stand in one command"), "{error}");
    repository.err(&["data", "check"], 2);
}

#[test]
fn columns_to_every_format_and_back() {
    let repository = Repository::new();
    let train = repository.write("train.tsv", TRAIN);
    for (to, out) in [("jsonl", "a.jsonl"), ("brat", "brat"), ("pubtator", "a.pubtator")] {
        let middle = repository.path(out);
        let back = repository.path(&format!("{to}.tsv"));
        // Identifiers with a colon name no brat file on every system; our own do not matter here.
        repository.out(&["data", "convert", "--to", to, arg(&train), arg(&middle)], 0);
        repository
            .out(&["data", "convert", "--to", "conll", "--tokens", "words", arg(&middle), arg(&back)], 0);
        let tags = |text: &str| -> Vec<String> {
            text.lines().filter(|l| !l.is_empty()).map(str::to_owned).collect()
        };
        assert_eq!(tags(&std::fs::read_to_string(&back).unwrap()), tags(TRAIN), "{to}");
    }
}

#[test]
fn clinical_records_become_columns_of_characters_in_another_scheme() {
    let repository = Repository::new();
    let records = repository.write(
        "records.txt",
        "\u{feff}{\"originalText\": \"胃癌。肝\", \"entities\": [{\"label_type\": \"疾病和诊断\", \"start_pos\": 0, \"end_pos\": 2}, {\"label_type\": \"解剖部位\", \"start_pos\": 3, \"end_pos\": 4}]}\n",
    );
    let out = repository.path("out.tsv");
    repository
        .out(&["data", "convert", "--to", "conll", "--to-scheme", "bioes", arg(&records), arg(&out)], 0);
    let expected = "胃\tB-disease\n癌\tE-disease\n。\tO\n\n肝\tS-anatomy\n";
    assert_eq!(std::fs::read_to_string(&out).unwrap().trim_end(), expected.trim_end());
    // Not over an existing file, unless asked to.
    let again = ["data", "convert", "--to", "conll", arg(&records), arg(&out)];
    assert!(repository.err(&again, 1).contains("--force"));
    repository.out(&[&again[..], &["--force"]].concat(), 0);
    assert!(std::fs::read_to_string(&out).unwrap().contains("癌\tI-disease"));
}

/// As most clinical records have it: spaces and tabs between Chinese characters.
#[test]
fn white_space_between_characters_stands_in_columns() {
    let repository = Repository::new();
    let records = repository.write(
        "records.jsonl",
        "{\"id\": \"1\", \"text\": \"体温 38\\t胃癌\", \"entities\": [{\"start\": 6, \"end\": 8, \"label\": \"disease\"}]}\n",
    );
    let (columns, back) = (repository.path("out.tsv"), repository.path("back.jsonl"));
    let said = repository.err(&["data", "convert", "--to", "conll", arg(&records), arg(&columns)], 0);
    assert!(said.contains("1 tabs and line breaks (written as spaces)"), "{said}");
    assert!(
        std::fs::read_to_string(&columns).unwrap().contains("温\tO\n \tO\n3\tO\n8\tO\n \tO\n胃\tB-disease\n")
    );
    repository.out(&["data", "convert", "--to", "jsonl", arg(&columns), arg(&back)], 0);
    let back = std::fs::read_to_string(&back).unwrap();
    assert!(back.contains("\"体温 38 胃癌\"") && back.contains("\"start\":6"), "{back}");
}

#[test]
fn what_cannot_be_carried_over_is_said() {
    let repository = Repository::new();
    let source =
        repository.write("a.pubtator", "7|t|Skin tumour\n7|a|Text.\n7\t5\t11\ttumour\tDisease\tD1\n\n");
    let out = repository.path("out.txt");
    let error = repository.err(&["data", "convert", "--to", "ccks", arg(&source), arg(&out)], 0);
    assert!(
        error.contains("1 document identifiers") && error.contains("1 mentions with concepts"),
        "{error}"
    );
    // A failed conversion leaves nothing behind.
    let broken =
        repository.write("b.pubtator", "7|t|Skin tumour\n7|a|Text.\n7\t5\t11\tcancer\tDisease\tD1\n\n");
    let nothing = repository.path("nothing.jsonl");
    let error = repository.err(&["data", "convert", "--to", "jsonl", arg(&broken), arg(&nothing)], 1);
    assert!(error.contains("b.pubtator:3:"), "{error}");
    assert!(!nothing.exists());
}

#[test]
fn old_schemes_are_converted_leniently() {
    let repository = Repository::new();
    let old = repository.write("iob1.tsv", "a\tI-X\nb\tI-X\nc\tB-X\nd\tO\n\n");
    let out = repository.path("bio.tsv");
    repository.err(&["data", "convert", "--to", "conll", arg(&old), arg(&out)], 1);
    repository.out(&["data", "convert", "--lenient", "--to", "conll", arg(&old), arg(&out)], 0);
    assert_eq!(std::fs::read_to_string(&out).unwrap().trim_end(), "a\tB-X\nb\tI-X\nc\tB-X\nd\tO");
}

/// On the real corpora, where they are: what the checks find are warnings (leakage, repairs), no errors.
#[test]
fn real_corpora_have_no_errors() {
    let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mirror = std::env::var_os("MEDNER_MIRROR")
        .map_or_else(|| home.join("../shared/datasets"), std::path::PathBuf::from);
    if !mirror.join("ccks2019").is_dir() {
        println!("skipped: no mirror of the corpora at {}", mirror.display());
        return;
    }
    let names = [
        "ccks2019",
        "cmdd",
        "msra",
        "pubtator-cdr",
        "pubtator-ncbi",
        "weibo",
        "weibo-2nd",
        "BC5CDR",
        "JNLPBA",
    ];
    let assert = assert_cmd::Command::cargo_bin("medner")
        .unwrap()
        .current_dir(&home)
        .env_remove("MEDNER_HOME")
        .env("MEDNER_MIRROR", &mirror)
        .args(["data", "check", "--examples", "0"])
        .args(names)
        .assert()
        .code(0);
    let out = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    assert_eq!(out.matches(": 0 errors, ").count(), names.len(), "{out}");
    // What every paper on WeiboNER should say: a seventh of its test messages are training messages.
    assert!(out.contains("41 of 270 (15.2%) items also stand in train"), "{out}");
}
