//! The program on a user's own files: wrong ones are refused with their place and what to do, odd ones give right results.
#![allow(clippy::unwrap_used, missing_docs)]

mod desk;
mod predictions;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use desk::{Desk, model, records, tiny};

#[test]
fn training_files_that_are_no_training_files() {
    let desk = Desk::new();
    desk.train_refused(2, &["--train", "nowhere.jsonl"], &["there is no file or folder nowhere.jsonl"]);
    desk.write("empty.jsonl", "");
    desk.train_refused(
        1,
        &["--train", "empty.jsonl"],
        &["empty.jsonl: is empty; expected one JSON document a line"],
    );
    desk.write("empty.txt", "\n\n");
    desk.train_refused(1, &["--train", "empty.txt"], &["empty.txt: is empty; expected"]);
    for folder in ["folder", "folder.jsonl"] {
        fs::create_dir(desk.path(folder)).unwrap();
        desk.train_refused(1, &["--train", folder], &[folder, "is a folder; give one file"]);
    }
    let broken = format!("{}\n{{\"id\": \"x\", \"text\": 5}}\n", records()[0]);
    desk.write("broken.jsonl", broken);
    desk.train_refused(
        1,
        &["--train", "broken.jsonl"],
        &["broken.jsonl:2:", "expected one document a line, {\"id\": \"...\""],
    );
    desk.write("gb.jsonl", [records()[0].as_bytes(), b"\n{\"text\": \"\xcf\xd6\"}\n"].concat());
    desk.train_refused(
        1,
        &["--train", "gb.jsonl"],
        &["gb.jsonl:2:11: bytes that are not UTF-8; convert the file"],
    );
    desk.write("columns.txt", "胃\tB-疾病\n癌\tI-疾病\n入 O\n");
    desk.train_refused(1, &["--train", "columns.txt"], &["columns.txt:3:1: 1 columns where 2 are expected"]);
}

#[test]
fn entities_that_cannot_be_learned() {
    let desk = Desk::new();
    let with = |line: &str| records().join("\n") + "\n" + line + "\n";
    desk.write(
        "beyond.jsonl",
        with("{\"id\": \"x\", \"text\": \"胃癌\", \"entities\": [{\"start\": 1, \"end\": 5, \"label\": \"疾病\"}]}"),
    );
    desk.train_refused(
        1,
        &["--train", "beyond.jsonl"],
        &[
            "beyond.jsonl:13:1: entity 0 does not lie in the text's 2 characters; offsets count characters",
            "1..5",
        ],
    );
    desk.write("none.jsonl", "{\"id\": \"x\", \"text\": \"胃癌\", \"entities\": []}\n");
    desk.train_refused(
        1,
        &["--train", "none.jsonl"],
        &["none.jsonl: holds no entities, so there is nothing to learn"],
    );
    // The type stands in the last record only, which is held out.
    let late = "{\"id\": \"late\", \"text\": \"行切除术\", \"entities\": [{\"start\": 1, \"end\": 4, \"label\": \"手术\"}]}";
    desk.write("late.jsonl", with(late));
    desk.train_refused(
        1,
        &["--train", "late.jsonl"],
        &[
            "late.jsonl: the document `late` has the entity type `手术`; known are: 疾病, 药物",
            "shuffle",
            "--dev",
        ],
    );
    desk.write("dev.jsonl", late);
    desk.train_refused(
        1,
        &["--train", "good.jsonl", "--dev", "dev.jsonl"],
        &[
            "dev.jsonl: the document `late` has the entity type `手术`",
            "Add examples of it to the training file",
        ],
    );
    // Overlapping entities are learned as far as tags can say them, and not in silence.
    let nested = "{\"id\": \"nested\", \"text\": \"胃癌入院\", \"entities\": [{\"start\": 0, \"end\": 2, \"label\": \"疾病\"}, {\"start\": 1, \"end\": 4, \"label\": \"药物\"}]}\n";
    desk.write("nested.jsonl", nested.to_owned() + &records().join("\n"));
    let (_, said) = desk.fine(&tiny(&["--out", "nested", "--train", "nested.jsonl"]));
    let expected = "nested.jsonl: entities overlap in 1 of 12 documents (first in `nested`); only the longest of them is learned";
    assert!(said.contains(expected), "{said}");
    assert!(desk.path("nested/model.safetensors").is_file());
}

#[test]
fn configurations_that_cannot_work() {
    let desk = Desk::new();
    for (set, message) in [
        ("model.haeds=3", "`model.haeds`: unknown key; did you mean `heads`?"),
        ("trainning.epochs=3", "unknown key; did you mean `training`?"),
        ("model.heads=three", "`model.heads`: wrong type: string \"three\", expected a whole number"),
        ("training.batch_size=-1", "`training.batch_size`"),
        ("model.encoder=lstm", "unknown value `lstm`; did you mean `bilstm`?"),
        ("model.dropout=1.5", "`model.dropout`: 1.5 is not in [0, 1)"),
        ("training.epochs=0", "`training.epochs`: must be at least 1"),
        ("training.clip=0", "`training.clip`: 0 is not a positive number"),
        ("model.heads=3", "`model.heads`: 3 does not divide 16, the width it attends over"),
        ("model.heads=-1", "choose a divisor, or 0 for no attention"),
        ("model.idcnn.kernel=2", "`model.idcnn.kernel`: 2 is not odd"),
        ("split.max_length=2", "`split.max_length`: 2 characters are too few (at least 8)"),
    ] {
        let place = format!("--set {set}");
        desk.train_refused(2, &["--train", "good.jsonl", "--set", set], &[&place, message]);
    }
    desk.train_refused(2, &["--train", "good.jsonl", "--set", "model.heads"], &["KEY=VALUE"]);
    for set in ["job=vectors", "limits.train=3"] {
        desk.train_refused(
            1,
            &["--train", "good.jsonl", "--set", set],
            &["`job` and `limits` are for", "leave them out"],
        );
    }
    for (name, yaml, message) in [
        (
            "key.yaml",
            "model:\n  embedding: 16\n  haeds: 3\n",
            "key.yaml:3:3: `model.haeds`: unknown key; did you mean `heads`?",
        ),
        ("type.yaml", "training:\n  epochs: many\n", "type.yaml:2:3: `training.epochs`: wrong type"),
        ("range.yaml", "model: {dropout: -0.1}\n", "range.yaml:1:9: `model.dropout`: -0.1 is not in [0, 1)"),
        ("yaml.yaml", "model: {dropout: 0.1\n", "yaml.yaml:2:1: not YAML"),
    ] {
        desk.write(name, yaml);
        // Without --set, which would be laid over the file.
        let args = ["train", "--quiet", "--out", "model", "--train", "good.jsonl", "--config", name];
        desk.refused(1, &args, &[message]);
    }
    desk.train_refused(
        1,
        &["--train", "good.jsonl", "--config", "nowhere.yaml"],
        &["cannot read nowhere.yaml"],
    );
}

#[test]
fn a_device_that_is_not_there_is_never_replaced() {
    let desk = Desk::new();
    desk.train_refused(
        2,
        &["--train", "good.jsonl", "--device", "gpu"],
        &["`gpu`: expected `cpu`, `cuda` or `cuda:N`"],
    );
    desk.train_refused(2, &["--train", "good.jsonl", "--device", "cuda:99"], &["device `cuda:99`:"]);
    if Path::new("/dev/nvidia0").exists() {
        eprintln!("skipped: this machine may have CUDA");
        return;
    }
    desk.train_refused(2, &["--train", "good.jsonl", "--device", "cuda:0"], &["device `cuda:0`:", "CUDA"]);
    assert!(!desk.path("model").exists());
}

/// A copy of the trained model that a test may damage.
fn copy_of_model(desk: &Desk) -> PathBuf {
    let copy = desk.path("copy");
    fs::create_dir(&copy).unwrap();
    for file in ["config.json", "labels.json", "vocabulary.txt", "model.safetensors"] {
        fs::copy(model().join(file), copy.join(file)).unwrap();
    }
    copy
}

#[test]
fn models_that_are_not_whole() {
    let desk = Desk::new();
    fs::create_dir(desk.path("folder")).unwrap();
    let predict = |model: &str, code: i32, parts: &[&str]| {
        desk.refused(code, &["predict", "--quiet", "--model", model, "--input", "good.jsonl"], parts);
    };
    predict("nowhere", 2, &["there is no file or folder nowhere"]);
    predict(
        "folder",
        1,
        &["folder: holds no model.safetensors; give the folder that `albert-idcnn train --out` wrote"],
    );

    let copy = copy_of_model(&desk);
    let damage = |file: &str, content: &[u8], parts: &[&str]| {
        let whole = fs::read(copy.join(file)).unwrap();
        fs::write(copy.join(file), content).unwrap();
        predict("copy", 1, parts);
        fs::write(copy.join(file), whole).unwrap();
    };
    let tensors = fs::read(copy.join("model.safetensors")).unwrap();
    for cut in [0, 7, 300, tensors.len() - 1] {
        let parts = [
            "copy/model.safetensors: is damaged, or of another version or program; copy it again or train again",
        ];
        damage("model.safetensors", &tensors[..cut], &parts);
    }
    let words = fs::read_to_string(copy.join("vocabulary.txt")).unwrap();
    let fewer: Vec<&str> = words.lines().take(words.lines().count() - 2).collect();
    let entries = format!("copy/vocabulary.txt: has {} entries", fewer.len() - 1);
    damage(
        "vocabulary.txt",
        (fewer.join("\n") + "\n").as_bytes(),
        &[entries.as_str(), "the two are not of one training; copy the folder again or train again"],
    );
    damage("vocabulary.txt", b"fever\n", &["copy/vocabulary.txt:1:1: expected `# medner vocabulary 1"]);
    damage("labels.json", b"{", &["copy/labels.json: is damaged, or of another version or program"]);
    damage(
        "config.json",
        b"{\"model\": 3}",
        &["copy/config.json: is damaged, or of another version or program"],
    );
    fs::remove_file(copy.join("labels.json")).unwrap();
    predict(
        "copy",
        1,
        &["copy/labels.json: cannot be read", "the model's folder is not whole: copy it again"],
    );
}

#[test]
fn a_test_file_with_a_type_that_the_model_does_not_know() {
    let desk = Desk::new();
    let model = model().to_str().unwrap();
    desk.refused(
        1,
        &["evaluate", "--quiet", "--model", model, "--test", "good.jsonl"],
        &[
            "good.jsonl: the document `r0` has the entity type `疾病`; known are: ",
            "Train a model with this type",
        ],
    );
}

#[test]
fn text_that_is_not_text() {
    let desk = Desk::new();
    let model = model().to_str().unwrap();
    let predict = |more: &[&str], code: i32, parts: &[&str]| {
        desk.refused(code, &[&["predict", "--quiet", "--model", model][..], more].concat(), parts);
    };
    desk.write("gb.txt", b"\xef\xbb\xbfone\r\n\xcf\xd6\xb2\xa1\r\n");
    predict(&["--input", "gb.txt"], 1, &["gb.txt:2: the text is not UTF-8", "iconv -f gb18030 -t utf-8"]);
    predict(&["--input", "nowhere.txt"], 2, &["there is no file or folder nowhere.txt"]);
    predict(&["--input", "."], 1, &[".: is a folder; give one file of text"]);
    predict(&["--input", "good.jsonl", "--format", "brat"], 1, &["name it with `--output DIR`"]);
    predict(
        &["--input", "good.jsonl", "--format", "brat", "--output", "gb.txt"],
        1,
        &["gb.txt: is a file", "--output DIR"],
    );
    predict(&["--input", "good.jsonl", "--format", "xml"], 2, &["xml", "jsonl", "brat"]);
    predict(
        &["--input", "good.jsonl", "--output", "no/folder.jsonl"],
        1,
        &["no/folder.jsonl: cannot be written"],
    );
    desk.write("twice.jsonl", "{\"id\": \"a\", \"text\": \"b\"}\n{\"id\": \"a\", \"text\": \"c\"}\n");
    predict(
        &["--input", "twice.jsonl"],
        1,
        &["twice.jsonl:2:1: the identifier stands twice (first as number 1)"],
    );
}

#[test]
fn places_that_cannot_be_written() {
    let desk = Desk::new();
    desk.refused(
        1,
        &tiny(&["--train", "good.jsonl", "--out", "good.jsonl"]),
        &["good.jsonl: is a file; `--out` names"],
    );
    desk.refused(
        1,
        &tiny(&["--train", "good.jsonl", "--out", "good.jsonl/model"]),
        &["good.jsonl/model: cannot be made; name a folder that can be written by `--out`"],
    );
}

/// Every write of the program fails, as on a full disk (here with "File too large").
fn on_a_full_disk(desk: &Desk, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_albert-idcnn")]);
    let output = command.args(args).current_dir(desk.0.path()).stdin(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    let desk = Desk::new();
    let train = tiny(&["--train", "good.jsonl", "--out", "out", "--resume"]);
    let (code, said) = on_a_full_disk(&desk, &train);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("out/") && said.contains("File too large"), "{said}");
    desk.fine(&train);
    let finished = fs::read(desk.path("out/model.safetensors")).unwrap();
    desk.fine(&tiny(&["--train", "good.jsonl", "--out", "calm"]));
    assert!(
        finished == fs::read(desk.path("calm/model.safetensors")).unwrap(),
        "it went on as if nothing had been"
    );

    let model = model().to_str().unwrap();
    for (format, output, named) in
        [("jsonl", "old.jsonl", "old.jsonl: cannot be written"), ("brat", "brat", "brat/")]
    {
        desk.write("old.jsonl", "predictions of yesterday\n");
        let args = [
            "predict",
            "--quiet",
            "--model",
            model,
            "--input",
            "good.jsonl",
            "--format",
            format,
            "--output",
            output,
        ];
        let (code, said) = on_a_full_disk(&desk, &args);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(named) && said.contains("File too large"), "{said}");
        assert_eq!(fs::read_to_string(desk.path("old.jsonl")).unwrap(), "predictions of yesterday\n");
    }
    let names = fs::read_dir(desk.0.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.starts_with('.')), "no temporary file is left");

    if Path::new("/dev/full").exists() {
        let mut command = desk.command(&["predict", "--quiet", "--model", model, "--input", "good.jsonl"]);
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command.stdout(full).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("standard output: cannot be written"), "{said}");
    }
}
