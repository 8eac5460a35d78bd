//! A folder, the program run in it, and a model trained once for all tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use medner_data::formats::jsonl::write_jsonl;
use medner_data::{Document, Span, sample};
use serde::Deserialize;

/// Twelve records of our own with two types.
pub(crate) const RECORDS: [(&str, &str, &str); 12] = [
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

pub(crate) fn records() -> Vec<String> {
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
pub(crate) struct Desk(pub(crate) tempfile::TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.write("good.jsonl", records().join("\n") + "\n");
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_albert-idcnn"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("MEDNER_ROOT").env_remove("MEDNER_LOG").env_remove("RUST_LOG");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Standard output of a run that must end well, and what it said beside it.
    pub(crate) fn fine(&self, args: &[&str]) -> (String, String) {
        let output = self.run(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}\n{said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    }

    /// The run must end with this code, and say all of `parts`.
    pub(crate) fn refused(&self, code: i32, args: &[&str], parts: &[&str]) {
        let output = self.run(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{said}");
        for part in parts {
            assert!(said.contains(part), "{args:?}\nexpected {part}\n{said}");
        }
        assert!(!said.contains("panicked"), "{said}");
    }

    /// `train` with a tiny network and these arguments more is refused.
    pub(crate) fn train_refused(&self, code: i32, more: &[&str], parts: &[&str]) {
        self.refused(code, &tiny(&[&["--out", "model"], more].concat()), parts);
        assert!(!self.path("model/model.safetensors").exists());
    }

    /// `predict` on an input with the trained model, in a format.
    pub(crate) fn predict(&self, input: &str, format: &str) -> String {
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

    pub(crate) fn lines(&self, input: &str) -> Vec<Line> {
        let lines = self.predict(input, "jsonl");
        let lines: Vec<Line> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter().for_each(Line::check);
        lines
    }
}

pub(crate) fn tiny<'a>(more: &[&'a str]) -> Vec<&'a str> {
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
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) entities: Vec<Entity>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entity {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) label: String,
    pub(crate) text: String,
    pub(crate) confidence: f64,
}

impl Line {
    /// Offsets select exactly the entity's text, entities stand in their order, confidences are probabilities.
    pub(crate) fn check(&self) {
        let mut free = 0;
        for e in &self.entities {
            assert!(free <= e.start && e.start < e.end, "{e:?}");
            let selected: String = self.text.chars().skip(e.start).take(e.end - e.start).collect();
            assert_eq!(selected, e.text, "{}", self.id);
            assert!(e.confidence > 0.0 && e.confidence <= 1.0, "{e:?}");
            free = e.end;
        }
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.entities.iter().map(|e| Span::new(e.start, e.end, e.label.clone())).collect()
    }
}

pub(crate) fn spans(document: &Document) -> Vec<Span> {
    document.entities.iter().map(|e| Span::new(e.start, e.end, e.label.clone())).collect()
}

/// The embedded clinical sample: training and test records.
pub(crate) fn clinical() -> (Vec<Document>, Vec<Document>) {
    let corpus = sample::documents(sample::kind_of_sample("sample-ccks2019").unwrap(), 1);
    (corpus.train.into_iter().take(120).collect(), corpus.test.into_iter().take(30).collect())
}

pub(crate) fn save(documents: &[Document], path: &Path) {
    write_jsonl(documents, &mut fs::File::create(path).unwrap(), path).unwrap();
}

/// A model trained on the sample, once for all tests.
pub(crate) fn model() -> &'static Path {
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
            "training.head_learning_rate=0.005",
            "training.epochs=8",
            "training.batch_size=8",
        ] {
            args.extend(["--set", set]);
        }
        desk.fine(&args);
        folder
    })
}
