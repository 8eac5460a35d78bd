//! The program on a user's own files: wrong ones are refused with their place and what to do, odd ones give right results.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use medner_data::formats::brat::read_brat;
use medner_data::formats::conll::{ConllOptions, read_conll};
use medner_data::formats::jsonl::{read_jsonl, write_jsonl};
use medner_data::formats::pubtator::{PubTatorOptions, read_pubtator};
use medner_data::{Document, Span, sample};
use serde::Deserialize;

/// Twelve records of our own with two types.
const RECORDS: [(&str, &str, &str); 12] = [
    ("患者因胃癌入院。", "胃癌", "疾病"),
    ("查体提示肺炎。", "肺炎", "疾病"),
    ("予阿司匹林口服。", "阿司匹林", "药物"),
    ("既往高血压病史。", "高血压", "疾病"),
    ("予青霉素静滴。", "青霉素", "药物"),
    ("考虑胃癌可能。", "胃癌", "疾病"),
    ("停用阿司匹林。", "阿司匹林", "药物"),
    ("诊断为肺炎。", "肺炎", "疾病"),
    ("继续青霉素治疗。", "青霉素", "药物"),
    ("否认高血压。", "高血压", "疾病"),
    ("患者服阿司匹林。", "阿司匹林", "药物"),
    ("复查胃癌术后。", "胃癌", "疾病"),
];

fn records() -> Vec<String> {
    let lines = RECORDS.iter().enumerate().map(|(i, (text, entity, label))| {
        let start = text[..text.find(entity).unwrap()].chars().count();
        let end = start + entity.chars().count();
        format!(
            "{{\"id\": \"r{i}\", \"text\": \"{text}\", \"entities\": [{{\"start\": {start}, \"end\": {end}, \"label\": \"{label}\"}}]}}"
        )
    });
    lines.collect()
}

/// A folder with `good.jsonl` in it, where the program is run.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.write("good.jsonl", records().join("\n") + "\n");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_albert-idcnn"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("MEDNER_ROOT").env_remove("MEDNER_LOG").env_remove("RUST_LOG");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Standard output of a run that must end well, and what it said beside it.
    fn fine(&self, args: &[&str]) -> (String, String) {
        let output = self.run(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}\n{said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    }

    /// The run must end with this code, and say all of `parts`.
    fn refused(&self, code: i32, args: &[&str], parts: &[&str]) {
        let output = self.run(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{said}");
        for part in parts {
            assert!(said.contains(part), "{args:?}\nexpected {part}\n{said}");
        }
        assert!(!said.contains("panicked"), "{said}");
    }

    /// `train` with a tiny network and these arguments more is refused.
    fn train_refused(&self, code: i32, more: &[&str], parts: &[&str]) {
        self.refused(code, &tiny(&[&["--out", "model"], more].concat()), parts);
        assert!(!self.path("model/model.safetensors").exists());
    }

    /// `predict` on an input with the trained model, in a format.
    fn predict(&self, input: &str, format: &str) -> String {
        let model = model().to_str().unwrap();
        self.fine(&[
            "predict",
            "--quiet",
            "--threads",
            "1",
            "--model",
            model,
            "--input",
            input,
            "--format",
            format,
        ])
        .0
    }

    fn lines(&self, input: &str) -> Vec<Line> {
        let lines = self.predict(input, "jsonl");
        let lines: Vec<Line> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter().for_each(Line::check);
        lines
    }
}

fn tiny<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["train", "--quiet", "--threads", "1"];
    for set in ["model.embedding=8", "model.idcnn.filters=4", "training.epochs=2", "training.batch_size=4"] {
        args.extend(["--set", set]);
    }
    args.extend(more);
    args
}

/// One line of `predict --format jsonl`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    text: String,
    entities: Vec<Entity>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entity {
    start: usize,
    end: usize,
    label: String,
    text: String,
    confidence: f64,
}

impl Line {
    /// Offsets select exactly the entity's text, entities stand in their order, confidences are probabilities.
    fn check(&self) {
        let mut free = 0;
        for e in &self.entities {
            assert!(free <= e.start && e.start < e.end, "{e:?}");
            let selected: String = self.text.chars().skip(e.start).take(e.end - e.start).collect();
            assert_eq!(selected, e.text, "{}", self.id);
            assert!(e.confidence > 0.0 && e.confidence <= 1.0, "{e:?}");
            free = e.end;
        }
    }

    fn spans(&self) -> Vec<Span> {
        self.entities.iter().map(|e| Span::new(e.start, e.end, e.label.clone())).collect()
    }
}

fn spans(document: &Document) -> Vec<Span> {
    document.entities.iter().map(|e| Span::new(e.start, e.end, e.label.clone())).collect()
}

/// The embedded clinical sample: training and test records.
fn clinical() -> (Vec<Document>, Vec<Document>) {
    let corpus = sample::documents(sample::kind_of_sample("sample-ccks2019").unwrap(), 1);
    (corpus.train.into_iter().take(120).collect(), corpus.test.into_iter().take(30).collect())
}

fn save(documents: &[Document], path: &Path) {
    write_jsonl(documents, &mut fs::File::create(path).unwrap(), path).unwrap();
}

/// A model trained on the sample, once for all tests.
fn model() -> &'static Path {
    static MODEL: OnceLock<PathBuf> = OnceLock::new();
    MODEL.get_or_init(|| {
        let desk = Desk::new();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bad_inputs_model");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        save(&clinical().0, &desk.path("train.jsonl"));
        let mut args = vec!["train", "--quiet", "--threads", "1", "--train", "train.jsonl"];
        args.extend(["--out", folder.to_str().unwrap()]);
        for set in [
            "model.embedding=32",
            "model.idcnn.filters=32",
            "model.idcnn.iterations=2",
            "model.dropout=0.1",
            "training.head_learning_rate=0.01",
            "training.epochs=8",
            "training.batch_size=8",
        ] {
            args.extend(["--set", set]);
        }
        desk.fine(&args);
        folder
    })
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
        ("model.heads=three", "`model.heads`: wrong type: string \"three\", expected i64"),
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
        let parts =
            ["copy/model.safetensors: is damaged or of another version; copy it again or train again"];
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
    damage("labels.json", b"{", &["copy/labels.json: is damaged or of another version"]);
    damage("config.json", b"{\"model\": 3}", &["copy/config.json: is damaged or of another version"]);
    fs::remove_file(copy.join("labels.json")).unwrap();
    predict("copy", 1, &["copy/labels.json: cannot be read; the model's folder is not whole: copy it again"]);
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

#[test]
fn train_evaluate_and_predict_in_every_format() {
    let desk = Desk::new();
    let (_, test) = clinical();
    save(&test, &desk.path("test.jsonl"));
    let model_folder = model().to_str().unwrap();
    let args = ["evaluate", "--quiet", "--model", model_folder, "--test", "test.jsonl", "--json"];
    let scores: BTreeMap<String, BTreeMap<String, f64>> = serde_json::from_str(&desk.fine(&args).0).unwrap();
    assert!(scores["ner"]["f1"] > 0.4, "{scores:?}");

    let lines = desk.lines("test.jsonl");
    assert_eq!(lines.len(), test.len());
    assert!(lines.iter().map(|line| line.entities.len()).sum::<usize>() > 50);
    assert!(lines.iter().flat_map(|line| &line.entities).any(|e| e.confidence > 0.9));
    // The scores of `evaluate` are those of what `predict` gives.
    let right =
        |(line, gold): (&Line, &Document)| line.spans().iter().filter(|s| spans(gold).contains(s)).count();
    let hits: usize = lines.iter().zip(&test).map(right).sum();
    let found: usize = lines.iter().map(|line| line.entities.len()).sum();
    let gold: usize = test.iter().map(|d| d.entities.len()).sum();
    let f1 = 2.0 * hits as f64 / (found + gold) as f64;
    assert!((f1 - scores["ner"]["f1"]).abs() < 1e-12, "{f1} {scores:?}");

    // Our own reader takes the predictions for annotations, offsets checked against each entity's text.
    desk.write("predicted.jsonl", desk.predict("test.jsonl", "jsonl"));
    let back = read_jsonl(&desk.path("predicted.jsonl")).unwrap().items;
    for (line, document) in lines.iter().zip(&back) {
        assert_eq!((&line.id, &line.text, line.spans()), (&document.id, &document.text, spans(document)));
    }

    desk.write("predicted.txt", desk.predict("test.jsonl", "conll"));
    let sentences = read_conll(&desk.path("predicted.txt"), &ConllOptions::default()).unwrap().items;
    assert_eq!(sentences.len(), lines.len());
    for (line, sentence) in lines.iter().zip(&sentences) {
        assert_eq!((line.text.clone(), line.spans()), (sentence.tokens.concat(), sentence.spans.clone()));
    }

    let args = [
        "predict",
        "--quiet",
        "--model",
        model_folder,
        "--input",
        "test.jsonl",
        "--format",
        "brat",
        "--output",
        "brat",
    ];
    desk.fine(&args);
    let name = |line: &Line| line.id.replace([':', ' '], "-");
    let expected: BTreeMap<String, &Line> = lines.iter().map(|line| (name(line), line)).collect();
    let read = read_brat(&desk.path("brat")).unwrap();
    assert_eq!((read.documents.len(), read.discontinuous.len()), (lines.len(), 0));
    desk.write("predicted.pubtator", desk.predict("test.jsonl", "pubtator"));
    let pubtator = read_pubtator(&desk.path("predicted.pubtator"), PubTatorOptions::default()).unwrap().items;
    assert_eq!(pubtator.len(), lines.len());
    for document in read.documents.iter().chain(&pubtator) {
        let line = expected[&document.id];
        assert_eq!((&line.text, line.spans()), (&document.text, spans(document)));
    }

    let marked = desk.predict("test.jsonl", "text");
    for (line, marked) in lines.iter().zip(marked.lines()) {
        let mut expected: Vec<String> = line.text.chars().map(String::from).collect();
        for e in &line.entities {
            expected[e.start].insert(0, '[');
            expected[e.end - 1].push_str(&format!("]({})", e.label));
        }
        assert_eq!(expected.concat(), marked);
    }
}

/// A line of the sample in which the model finds entities.
fn telling(desk: &Desk) -> Line {
    let (_, test) = clinical();
    save(&test, &desk.path("all.jsonl"));
    desk.lines("all.jsonl").into_iter().max_by_key(|line| line.entities.len()).unwrap()
}

#[test]
fn byte_order_mark_and_carriage_returns_change_nothing() {
    let desk = Desk::new();
    let text = telling(&desk).text;
    let plain = format!("{text}\n{text}\n");
    desk.write("notes.txt", &plain);
    fs::create_dir(desk.path("windows")).unwrap();
    desk.write("windows/notes.txt", format!("\u{feff}{}", plain.replace('\n', "\r\n")));
    for format in ["jsonl", "text", "conll", "pubtator"] {
        assert_eq!(desk.predict("notes.txt", format), desk.predict("windows/notes.txt", format), "{format}");
    }
    let lines = desk.lines("windows/notes.txt");
    assert_eq!((lines[0].id.as_str(), lines[1].id.as_str()), ("notes.txt:1", "notes.txt:2"));
    assert!(lines.iter().all(|line| line.text == text && !line.entities.is_empty()));
}

#[test]
fn empty_lines_keep_their_places() {
    let desk = Desk::new();
    let line = telling(&desk);
    desk.write("notes.txt", format!("\n{}\n\n", line.text));
    let lines = desk.lines("notes.txt");
    assert_eq!(lines.len(), 3);
    assert_eq!(
        (lines[0].text.as_str(), lines[0].entities.len(), lines[2].id.as_str()),
        ("", 0, "notes.txt:3")
    );
    assert_eq!((&lines[1].text, &lines[1].entities), (&line.text, &line.entities));
    assert!(desk.predict("notes.txt", "text").starts_with("\n"));
    // Columns have no way to write a sentence without tokens.
    desk.write("out.txt", desk.predict("notes.txt", "conll"));
    let sentences = read_conll(&desk.path("out.txt"), &ConllOptions::default()).unwrap().items;
    assert_eq!(sentences.len(), 1);
    assert_eq!(sentences[0].spans, line.spans());
    desk.write("out.pubtator", desk.predict("notes.txt", "pubtator"));
    let documents = read_pubtator(&desk.path("out.pubtator"), PubTatorOptions::default()).unwrap().items;
    assert_eq!(documents.iter().map(|d| d.entities.len()).collect::<Vec<_>>(), [0, line.entities.len(), 0]);
    desk.write("nothing.txt", "");
    assert_eq!(desk.predict("nothing.txt", "jsonl"), "");
    assert_eq!(desk.predict("nothing.txt", "conll"), "");
}

#[test]
fn a_record_of_five_thousand_characters_without_a_full_stop() {
    let desk = Desk::new();
    let line = telling(&desk);
    let plain: String = line.text.chars().filter(|c| !"。；;，,\n".contains(*c)).collect();
    let text: String = plain.chars().cycle().take(5000).collect();
    desk.write("long.txt", &text);
    let found = desk.lines("long.txt");
    assert_eq!((found.len(), &found[0].text), (1, &text));
    let times = 5000 / plain.chars().count();
    assert!(found[0].entities.len() > times, "{} entities in {times} repetitions", found[0].entities.len());
    assert!(found[0].entities.iter().any(|e| e.start > 4800), "the end of the record is read too");
}

#[test]
fn characters_that_the_model_has_never_seen() {
    let desk = Desk::new();
    let line = telling(&desk);
    // A character outside the basic plane is one character, as is each of a combining pair; a tab and a wide space count too.
    let before = "😀𠮷e\u{301}Ω\t\u{3000}。";
    let text = format!("{before}{}", line.text);
    desk.write("odd.txt", &text);
    let found = desk.lines("odd.txt").remove(0);
    assert_eq!(found.text, text);
    // After the full stop the text is a piece of its own, so the model finds what it finds without all this.
    let moved = before.chars().count();
    let rest: Vec<Span> = found.spans().into_iter().filter(|s| s.start >= moved).collect();
    let expected: Vec<Span> =
        line.spans().into_iter().map(|s| Span::new(s.start + moved, s.end + moved, s.label)).collect();
    assert_eq!(rest, expected);
    // Columns have a space for the tab, so that every other character keeps its place.
    desk.write("out.txt", desk.predict("odd.txt", "conll"));
    let sentences = read_conll(&desk.path("out.txt"), &ConllOptions::default()).unwrap().items;
    assert_eq!(sentences[0].tokens.concat(), text.replace('\t', " "));
    assert_eq!(sentences[0].spans, found.spans());
}

#[test]
fn text_from_a_pipe_that_is_closed_early() {
    use std::io::Write;
    let desk = Desk::new();
    let model = model().to_str().unwrap();
    let mut command = desk.command(&["predict", "--quiet", "--model", model]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all("患者入院。\n".repeat(2000).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), said.as_str()),
        (Some(0), ""),
        "a reader that has seen enough is no failure"
    );
}
