//! The program on files of one's own: wrong ones are refused with their place and what to do.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Sentences with the entities that stand in them.
const SENTENCES: [(&str, &str); 12] = [
    ("吃药后发烧了", "发烧"),
    ("孩子一直咳嗽", "咳嗽"),
    ("昨天开始头晕", "头晕"),
    ("没有发烧", "发烧"),
    ("夜里咳嗽厉害", "咳嗽"),
    ("头晕三天了", "头晕"),
    ("又发烧又咳嗽", "发烧"),
    ("服药以后头晕", "头晕"),
    ("现在不咳嗽", "咳嗽"),
    ("今早发烧", "发烧"),
    ("有点头晕", "头晕"),
    ("咳嗽两周", "咳嗽"),
];

/// Segmented text with parts of speech.
const SEGMENTED: &str = "孩子/n  一直/d  发烧/v\n昨天/t  头/n  晕/a  了/u\n夜里/t  咳嗽/v  厉害/a\n";

/// A folder with `good.conll` and `words.txt` in it, where the program is run.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.write("good.conll", columns("SYM"));
        desk.write("words.txt", SEGMENTED.repeat(8));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asaibc"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("MEDNER_ROOT").env_remove("MEDNER_LOG").env_remove("RUST_LOG");
        // Where the samples are written.
        command.env("MEDNER_HOME", concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        command.output().unwrap()
    }

    /// Standard output of a run that must end well.
    fn fine(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// `train` with a narrow network and these settings ends with `code` and says all of `parts`.
    fn refused(&self, code: i32, train: &str, sets: &[&str], parts: &[&str]) {
        let output = self.run(&narrow(train, sets));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{sets:?}\n{said}");
        for part in parts {
            assert!(said.contains(part), "{sets:?}\nexpected {part}\n{said}");
        }
        assert!(!said.contains("panicked"), "{said}");
        assert!(!self.path("model/model.safetensors").exists());
    }
}

/// The sentences as columns, entities of one type.
fn columns(label: &str) -> String {
    let mut out = String::new();
    for (text, entity) in SENTENCES {
        let start = text[..text.find(entity).unwrap()].chars().count();
        let end = start + entity.chars().count();
        for (i, c) in text.chars().enumerate() {
            let tag = match i {
                _ if i == start => format!("B-{label}"),
                _ if start < i && i < end => format!("I-{label}"),
                _ => "O".to_owned(),
            };
            writeln!(out, "{c}\t{tag}").unwrap();
        }
        out.push('\n');
    }
    out
}

fn narrow<'a>(train: &'a str, sets: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["train", "--quiet", "--threads", "1", "--train", train, "--out", "model"];
    let common = [
        "model.embedding=8",
        "model.position=2",
        "model.hidden=4",
        "model.indrnn.hidden=4",
        "model.fully_connected=4",
        "training.epochs=2",
        "training.batch_size=4",
        "source.file=words.txt",
        "instance_transfer.delta=0",
    ];
    for set in common.iter().chain(sets) {
        args.extend(["--set", set]);
    }
    args
}

#[test]
fn a_training_on_files_of_ones_own_and_its_use() {
    let desk = Desk::new();
    desk.fine(&narrow("good.conll", &[]));
    let scores =
        desk.fine(&["evaluate", "--quiet", "--threads", "1", "--model", "model", "--test", "good.conll"]);
    assert!(scores.contains("f1"), "{scores}");
    desk.write("notes.txt", "孩子发烧了\n\n头晕\n");
    let base = ["predict", "--quiet", "--threads", "1", "--model", "model", "--input", "notes.txt"];
    for format in ["text", "conll", "jsonl", "pubtator"] {
        let out = desk.fine(&[&base[..], &["--format", format]].concat());
        assert!(out.contains('孩') && out.contains('晕'), "{format}: {out}");
    }
    // Without the transfer no segmented text is read.
    fs::remove_file(desk.path("words.txt")).unwrap();
    fs::remove_dir_all(desk.path("model")).unwrap();
    desk.fine(&narrow("good.conll", &["model.transfer=false"]));
}

/// The sentences as a line of JSON each, with these entities (start, end).
fn json(sentences: &[(&str, &[(usize, usize)])]) -> String {
    let mut out = String::new();
    for (text, entities) in sentences {
        let entities: Vec<String> = entities
            .iter()
            .map(|(start, end)| format!(r#"{{"start": {start}, "end": {end}, "label": "SYM"}}"#))
            .collect();
        writeln!(out, r#"{{"text": "{text}", "entities": [{}]}}"#, entities.join(", ")).unwrap();
    }
    out
}

/// Of overlapping entities the longest is learned, in both tasks' view of the sentences; a text without characters teaches nothing.
#[test]
fn overlapping_entities_and_empty_texts_are_learned_from_with_transfer() {
    let desk = Desk::new();
    let sentences: [(&str, &[(usize, usize)]); 5] = [
        ("孩子发烧咳嗽了", &[(2, 6), (4, 6)]),
        ("", &[]),
        ("昨天开始头晕", &[(4, 6)]),
        ("没有发烧", &[(2, 4)]),
        ("夜里咳嗽厉害", &[(2, 4)]),
    ];
    desk.write("own.jsonl", json(&sentences));
    let output = desk.run(&narrow("own.jsonl", &[]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("only the longest of them is learned"), "{said}");
    // In a file that chooses the epoch only one of them can be found.
    fs::remove_dir_all(desk.path("model")).unwrap();
    let output =
        desk.run(&[&narrow("good.conll", &["model.transfer=false"])[..], &["--dev", "own.jsonl"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("own.jsonl: entities overlap in 1 of 5") && said.contains("the others count as missed"),
        "{said}"
    );
}

/// What an evaluation leaves out of its scores, or counts as missed for no fault of the model, is said.
#[test]
fn evaluations_say_what_they_cannot_score() {
    let desk = Desk::new();
    desk.write("both.conll", columns("PER.NOM") + &columns("PER.NAM"));
    let sets = ["model.transfer=false", "entity_set=named", "split.max_length=8"];
    desk.fine(&narrow("both.conll", &sets));
    let evaluated = |test: &str| {
        let output = desk.run(&["evaluate", "--quiet", "--threads", "1", "--model", "model", "--test", test]);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = evaluated("both.conll");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("12 of 24 entities are not scored") && said.contains("`entity_set: named`"),
        "{said}"
    );
    // None of them is left.
    desk.write("nominal.conll", columns("PER.NOM"));
    let (code, said) = evaluated("nominal.conll");
    assert_eq!(code, Some(1), "{said}");
    for part in ["nominal.conll: holds 12 entities", "`entity_set: named`", "`--set entity_set=all`"] {
        assert!(said.contains(part), "{said}");
    }
    // No mark to cut at, and the eighth character is the first of 头晕.
    let long: [(&str, &[(usize, usize)]); 1] = [("昨天开始一直觉头晕了", &[(7, 9)])];
    desk.write("long.jsonl", json(&long).replace("SYM", "PER.NAM"));
    let (code, said) = evaluated("long.jsonl");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 entities stand on both sides of a cut at 8 characters"), "{said}");
}

#[test]
fn development_parts_that_choose_nothing() {
    let desk = Desk::new();
    let none = columns("SYM").replace("B-SYM", "O").replace("I-SYM", "O");
    desk.write("none.conll", &none);
    // A file that is named to choose the epoch cannot: refused before anything is trained.
    let named = [&narrow("good.conll", &[])[..], &["--dev", "none.conll"]].concat();
    let output = desk.run(&named);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("none.conll: holds no entities") && said.contains("leave `--dev` out"), "{said}");
    assert!(!desk.path("model/metrics.jsonl").exists());
    // What is held out happens to have none: said, and the last epoch is kept.
    desk.write("sorted.conll", columns("SYM") + &none);
    let output = desk.run(&narrow("sorted.conll", &["model.transfer=false", "training.patience=1"]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("hold no entities: the last of 2 epochs is kept") && said.contains("`--dev`"),
        "{said}"
    );
    let metrics = fs::read_to_string(desk.path("model/metrics.jsonl")).unwrap();
    assert!(metrics.contains(r#""epoch":2"#) && !metrics.contains("dev_f1"), "{metrics}");
    assert!(!desk.path("model/best").exists());
}

#[test]
fn segmented_texts_that_are_none() {
    let desk = Desk::new();
    let refused = |text: &str, parts: &[&str]| {
        desk.write("words.txt", text);
        desk.refused(1, "good.conll", &[], parts);
    };
    refused("孩子/n  /v\n", &["words.txt:1:7:", "a word without characters"]);
    refused("孩子/n\n一直 发烧/v\n", &["words.txt:2:1:", "without a part of speech", "`word/POS`"]);
    refused("孩子/n  发烧/\n", &["words.txt:1:7:", "the part of speech is missing"]);
    refused("\n\n", &["words.txt", "word/POS"]);
    desk.write("words.txt", b"\xba\xa2\xd7\xd3/n\n");
    desk.refused(1, "good.conll", &[], &["words.txt:1:1:", "UTF-8"]);
    // No segmented text at all: one of one's own, or a training without.
    let ways = ["source.file=FILE", "model.transfer=false"];
    desk.refused(1, "good.conll", &["source.file=nowhere.txt"], &[&["nowhere.txt"], &ways[..]].concat());
    let sets = ["source.file=null", "source.data=nowhere"];
    desk.refused(1, "good.conll", &sets, &[&["`source.data: nowhere`"], &ways[..]].concat());
    // A corpus without parts of speech is no source.
    let sets = ["source.file=null", "source.data=sample-sighan2005-pku"];
    desk.refused(1, "good.conll", &sets, &["source.data", "parts of speech"]);
}

#[test]
fn targets_from_which_nothing_can_be_learned() {
    let desk = Desk::new();
    let none = columns("SYM").replace("B-SYM", "O").replace("I-SYM", "O");
    desk.write("none.conll", none);
    desk.refused(1, "none.conll", &[], &["none.conll", "holds no entities"]);
    desk.refused(1, "good.conll", &["entity_set=named"], &["good.conll", "`.NAM`", "`entity_set: named`"]);
    desk.write("nam.conll", columns("PER.NOM"));
    desk.refused(1, "nam.conll", &["entity_set=named"], &["`.NAM`"]);
    // Nothing in this text is like a symptom.
    desk.write("words.txt", "今天/t  天气/n  好/a\n");
    let parts = ["all 1 source sentences", "`instance_transfer.delta` 0.9", "the heaviest"];
    desk.refused(1, "good.conll", &["instance_transfer.delta=0.9", "source.development=0"], &parts);
}

#[test]
fn configurations_that_cannot_work() {
    let desk = Desk::new();
    let refused = |set: &str, parts: &[&str]| desk.refused(2, "good.conll", &[set], parts);
    refused("model.selfattention=true", &["unknown key", "self_attention"]);
    refused("model.dropout=1.0", &["model.dropout", "[0, 1)"]);
    refused("model.separation.same=-1", &["model.separation.same", "at least 0"]);
    refused("source.batches=0", &["source.batches", "at least 1"]);
    refused("model.attention.dropout=1.5", &["`model.attention.dropout`", "[0, 1)"]);
    refused("model.indrnn.dropout=1.5", &["`model.indrnn.dropout`", "[0, 1)"]);
    refused("model.indrnn.max_steps=10", &["`model.indrnn.max_steps`", "`split.max_length`", "leave it out"]);
    refused("instance_transfer.alpha=0.9", &["`instance_transfer.beta`", "1 - alpha"]);
    refused("instance_transfer.delta=1.5", &["`instance_transfer.delta`", "found 1.5"]);
    refused("development=1", &["development"]);
    refused("split.max_length=3", &["split.max_length"]);
    refused("entity_set=names", &["entity_set", "named"]);
    refused("training.learning_rate=0", &["training.learning_rate", "positive"]);
    desk.refused(1, "good.conll", &["job=vectors"], &["`job`", "leave them out"]);
    desk.refused(1, "good.conll", &["limits.train=3"], &["`limits`", "leave them out"]);
}

#[test]
fn a_tagger_starts_from_a_file_of_character_vectors() {
    let desk = Desk::new();
    // A character that no sentence has keeps its vector through training; a word is no character.
    let lines = ["鑫 0.5 -0.25 0.125 1 2 3 4 5", "咳 1 0 1 0 1 0 1 0", "发烧 9 9 9 9 9 9 9 9"];
    desk.write("vectors.txt", lines.join("\n") + "\n");
    desk.fine(&narrow("good.conll", &["vectors.file=vectors.txt"]));
    let vocabulary = fs::read_to_string(desk.path("model/vocabulary.txt")).unwrap();
    assert!(vocabulary.contains('鑫') && !vocabulary.contains("发烧"), "{vocabulary}");
    let vector: Vec<u8> =
        [0.5_f32, -0.25, 0.125, 1.0, 2.0, 3.0, 4.0, 5.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let model = fs::read(desk.path("model/model.safetensors")).unwrap();
    assert!(model.windows(vector.len()).any(|bytes| bytes == vector), "the vector is not in the model");
    // Other vectors are another training.
    desk.write("vectors.txt", lines[..2].join("\n") + "\n");
    let output =
        desk.run(&[&narrow("good.conll", &["vectors.file=vectors.txt"])[..], &["--resume"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("data.vectors.file"), "{said}");
    fs::remove_dir_all(desk.path("model")).unwrap();

    let sets = ["vectors.file=vectors.txt", "model.embedding=9"];
    desk.refused(1, "good.conll", &sets, &["`model.embedding` is 9", "8 dimensions"]);
    desk.refused(1, "good.conll", &["vectors.file=nowhere.bin"], &["nowhere.bin"]);
    desk.write("words.vec", lines[2].to_owned() + "\n");
    desk.refused(
        1,
        "good.conll",
        &["vectors.file=words.vec"],
        &["words.vec", "no vector of a single character"],
    );
}

#[test]
fn keys_that_a_training_would_pass_over() {
    let desk = Desk::new();
    let refused = |set: &str, parts: &[&str]| desk.refused(2, "good.conll", &[set], parts);
    refused("vectors.cbow.epochs=2", &["`vectors.cbow`", "trains no character vectors", "`vectors.file`"]);
    refused("vectors.texts=[]", &["`vectors.texts`", "`vectors.file`", "`half_width=true`"]);
    refused("vectors.scale=0.1", &["`vectors.scale`", "`vectors.file`"]);
    refused("crf.training.l2=1", &["`crf`", "no linear CRF"]);
    refused("source.tests=[]", &["`source.tests`", "leave it out"]);
    refused("data=msra", &["`data`", "`--train`"]);
    refused("statistics=test", &["`statistics`", "leave it out"]);
    // At its default a key changes nothing: what `asaibc config` prints can be given back.
    let printed = desk.fine(&["config"]);
    desk.write("all.yaml", printed);
    desk.fine(&[&narrow("good.conll", &[])[..], &["--config", "all.yaml"]].concat());
}
