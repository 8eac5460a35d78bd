//! The program on a user's own files: pretrain, train (killed and resumed), evaluate, predict, and what it refuses. What comes of
//! the trained tagger's files is looked at in [`super::own_files`].

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use medner_data::formats::conll_writer::{ConllWriteOptions, write_conll};
use medner_data::{Sentence, sample};

use super::own_files;

pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtl-ls"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn refused(arguments: &[&str]) -> String {
    refused_with(1, arguments)
}

pub(crate) fn refused_with(code: i32, arguments: &[&str]) -> String {
    let output = program(arguments).output().unwrap();
    let message = said(&output);
    assert_eq!(output.status.code(), Some(code), "{message}");
    message
}

pub(crate) fn write(sentences: &[Sentence], path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    write_conll(sentences, ConllWriteOptions::default(), &mut file, path).unwrap();
}

#[test]
fn from_text_to_predictions() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let kind = sample::kind_of_sample("sample-NCBI-disease").unwrap();
    let sentences = sample::sentences(kind, 1).train;
    write(&sentences[..60], path("train.tsv").as_ref());
    write(&sentences[60..80], path("test.tsv").as_ref());
    let text: String = sentences.iter().map(|s| s.tokens.join(" ") + "\n").collect();
    fs::write(path("text.txt"), &text).unwrap();
    // As `mtl-ls config` prints it.
    fs::write(
        path("pretraining.yaml"),
        "pretraining:\n  encoder: {layers: 2, width: 32, heads: 2, inner: 64}\n  vocabulary: {source: text, min_count: 3}\n  \
         sequences: {max_length: 32}\n  training: {epochs: 2, learning_rate: 0.003}\n",
    )
    .unwrap();
    let encoder = path("encoder");
    let (text_file, config_file) = (path("text.txt"), path("pretraining.yaml"));
    let pretrain = ["pretrain", "--quiet", "--threads", "1", "--text", &text_file, "--config", &config_file];
    let pretrain = [&pretrain[..], &["--out", &encoder, "--set", "training.epochs=1"]].concat();
    let output = program(&pretrain).output().unwrap();
    done(&output);
    assert!(
        said(&output).contains("no perplexity") && said(&output).contains("empty line"),
        "{}",
        said(&output)
    );
    assert!(Path::new(&encoder).join("model.safetensors").is_file());
    assert!(refused(&pretrain).contains("--resume"));

    let sets = [format!("encoder={encoder}"), "training.epochs.initial=6".into()];
    let settings = ["training.learning_rate=0.003", "training.batch_size=8", "training.checkpoint_every=2"];
    let train = |out: &str| -> Vec<String> {
        let (train, out) = (path("train.tsv"), path(out));
        let mut arguments: Vec<String> =
            ["train", "--quiet", "--resume", "--threads", "1", "--train", &train, "--out", &out]
                .map(String::from)
                .to_vec();
        for set in sets.iter().map(String::as_str).chain(settings) {
            arguments.extend(["--set".to_owned(), set.to_owned()]);
        }
        arguments
    };
    let run = |out: &str| {
        let arguments = train(out);
        program(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    done(&run("calm").output().unwrap());
    // Killed after its first checkpoints, twice, and resumed: the same bytes.
    for _ in 0..2 {
        let mut child = run("killed").spawn().unwrap();
        for _ in 0..400 {
            if Path::new(&path("killed")).join("latest").exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    done(&run("killed").output().unwrap());
    for file in ["model.safetensors", "metrics.jsonl", "labels.json", "tokenizer.json", "latest/state.json"] {
        let read = |out: &str| fs::read(Path::new(&path(out)).join(file)).unwrap();
        assert!(read("calm") == read("killed"), "{file} differs");
    }

    let model = path("calm");
    let output = program(&["evaluate", "--model", &model, "--test", &path("test.tsv")]).output().unwrap();
    done(&output);
    let scores = String::from_utf8(output.stdout).unwrap();
    assert!(scores.contains("f1") || scores.contains("F1"), "{scores}");
    let out = path("found.jsonl");
    let predict = ["predict", "--model", &model, "--input", &text_file, "--format", "jsonl"];
    done(&program(&[&predict[..], &["--output", &out]].concat()).output().unwrap());
    let lines = fs::read_to_string(&out).unwrap();
    assert_eq!(lines.lines().count(), sentences.len());
    let mut found = 0;
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text: Vec<char> = line["text"].as_str().unwrap().chars().collect();
        for entity in line["entities"].as_array().unwrap() {
            let number = |key: &str| entity[key].as_u64().unwrap() as usize;
            let string: String = text[number("start")..number("end")].iter().collect();
            assert_eq!(entity["text"].as_str().unwrap(), string);
            let confidence = entity["confidence"].as_f64().unwrap();
            assert!((0.0..=1.000_001).contains(&confidence), "{confidence}");
            found += 1;
        }
    }
    assert!(found > 0, "a trained tagger finds something");

    // What it refuses.
    let unknown = path("unknown.tsv");
    fs::write(&unknown, "the\tO\ngene\tB-Gene\n").unwrap();
    let message = refused(&["evaluate", "--model", &model, "--test", &unknown]);
    assert!(message.contains("`Gene`") && message.contains("unknown.tsv"), "{message}");
    let message = refused(&["train", "--train", &unknown, "--out", &path("new")]);
    assert!(message.contains("encoder=DIR") && message.contains("pretrain"), "{message}");
    let message = refused(&["evaluate", "--model", &encoder, "--test", &unknown]);
    assert!(message.contains("encoder (`xlnet`)") && message.contains("`mtl-ls train --out`"), "{message}");
    let set = format!("encoder={model}");
    let message = refused(&["train", "--train", &unknown, "--out", &path("new"), "--set", &set]);
    assert!(message.contains("written by `train`") && message.contains("`pretrain` wrote"), "{message}");
    let message = refused(&["predict", "--model", place.path().to_str().unwrap()]);
    assert!(message.contains("mtl-ls train --out"), "{message}");
    let message = refused(&["pretrain", "--out", &path("nothing")]);
    assert!(message.contains("--text"), "{message}");
    let message = refused_with(2, &["pretrain", "--out", &path("nothing"), "--text", &path("missing.txt")]);
    assert!(message.contains("there is no file") && message.contains("missing.txt"), "{message}");
    let last = ["--set", &sets[0], "--set", "training.last=2"];
    let message =
        refused_with(2, &[&["train", "--train", &unknown, "--out", &path("new")], &last[..]].concat());
    assert!(message.contains("--set training.last=2") && message.contains("leave it out"), "{message}");

    own_files::columns_come_back(&path, &model);
    own_files::mentions_without_a_place_count_as_missed(&path, &model, &out);
    own_files::without_development_sentences_the_last_epoch_stays(&path, &sets[0], &sentences[..20]);
    own_files::a_model_that_lies_there_is_not_written_over(&path, &sets[0]);
    own_files::a_slice_starts_from_the_model_of_all_data(&path, &sets[0], &model);
}

#[test]
fn a_step_is_measured_and_recomputing_takes_less_memory() {
    let measure = |kind: &str, recompute: bool, [length, longest]: [usize; 2]| -> serde_json::Value {
        let request = serde_json::json!({
            "kind": kind, "sequences": 16, "length": length, "longest": longest, "precision": "f32", "recompute": recompute, "threads": 1,
            "sizes": {"vocab_size": 500, "d_model": 128, "n_layer": 6, "n_head": 4, "d_head": 32, "d_inner": 512},
        });
        let mut child = program(&["measure-step"]).stdin(Stdio::piped()).spawn().unwrap();
        serde_json::to_writer(child.stdin.take().unwrap(), &request).unwrap();
        let output = child.wait_with_output().unwrap();
        done(&output);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let whole = [128, 128];
    let (kept, again) = (measure("tagger", false, whole), measure("tagger", true, whole));
    let bucketed = measure("tagger", false, [32, 128]);
    for found in [&kept, &again, &bucketed, &measure("pretraining", false, whole)] {
        assert!(found["train_seconds"].as_f64().unwrap() > 0.0, "{found}");
        assert!(found["parameters"].as_f64().unwrap() > 1e6, "{found}");
    }
    // Time is that of the mean length, memory that of the longest batch.
    let seconds = |found: &serde_json::Value| found["train_seconds"].as_f64().unwrap();
    assert!(seconds(&bucketed) < seconds(&kept), "{bucketed} {kept}");
    let [kept, again, bucketed] = [kept, again, bucketed].map(|found| found["peak_mib"].as_f64().unwrap());
    // What 6 layers keep for the backward pass is some 200 MiB, their inputs alone 6.
    assert!(again < kept - 100.0, "{again} {kept}");
    assert!(bucketed > kept - 100.0, "{bucketed} {kept}");
}
