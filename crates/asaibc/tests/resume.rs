//! A training whose two tasks take turns, killed (`kill -9`) at any moments and resumed, ends with the same bytes as one that is
//! left alone: parameters, moments, metrics file, saved model.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use medner_data::formats::jsonl::write_jsonl;
use medner_data::{Document, sample, user_files};

const KILLS: u32 = 12;

fn data(folder: &Path) -> PathBuf {
    let kind = sample::kind_of_sample("sample-cmdd-adr").unwrap();
    let sentences = sample::sentences(kind, 1).train;
    let documents: Vec<Document> =
        sentences.iter().filter(|s| !s.spans.is_empty()).take(60).map(user_files::document).collect();
    let path = folder.join("train.jsonl");
    write_jsonl(&documents, &mut fs::File::create(&path).unwrap(), &path).unwrap();
    path
}

/// All of ASAIBC, narrow: shared and private features, reversal that grows, attention, IndRNN with batch normalisation. Two batches of
/// the word segmentation follow each batch of the target, so that the two go through their epochs at different speeds.
const SETTINGS: [&str; 15] = [
    "model.embedding=8",
    "model.position=4",
    "model.hidden=8",
    "model.indrnn.hidden=8",
    "model.fully_connected=8",
    "model.separation.discriminator.hidden=8",
    "source.data=sample-pd1998",
    "source.batches=2",
    "instance_transfer.delta=0",
    "training.epochs=4",
    "training.batch_size=4",
    "training.patience=0",
    "training.scored=10",
    "training.checkpoint_every=3",
    "training.curve_every=5",
];

fn program(train: &Path, out: &Path, seed: u32) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asaibc"));
    command.args(["train", "--quiet", "--resume", "--threads", "1", "--seed", &seed.to_string()]);
    command.arg("--train").arg(train).arg("--out").arg(out);
    for set in SETTINGS {
        command.args(["--set", set]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn assert_same(a: &Path, b: &Path) {
    let files = [
        "model.safetensors",
        "vocabulary.txt",
        "labels.json",
        "config.json",
        "metrics.jsonl",
        "latest/model.safetensors",
        "latest/optimizer.safetensors",
        "latest/state.json",
        "best/model.safetensors",
    ];
    for file in files {
        let bytes = |folder: &Path| fs::read(folder.join(file)).unwrap();
        assert!(bytes(a) == bytes(b), "{file} differs between {} and {}", a.display(), b.display());
    }
}

#[test]
fn killed_between_the_tasks_and_resumed_is_the_same_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let train = data(folder.path());
    let (calm, killed) = (folder.path().join("calm"), folder.path().join("killed"));
    let began = Instant::now();
    finish(program(&train, &calm, 7).spawn().unwrap());
    let whole = began.elapsed().as_secs_f64();
    let metrics = fs::read_to_string(calm.join("metrics.jsonl")).unwrap();
    assert!(metrics.contains("discriminator") && metrics.contains("loss_words"), "{metrics}");

    let (mut kills, mut random) = (0, 0x2545_F491_4F6C_DD1D_u64);
    for _ in 0..10 * KILLS {
        if kills == KILLS {
            break;
        }
        let mut child = program(&train, &killed, 7).spawn().unwrap();
        // Moments that fall anywhere in start-up, steps of either task, and saves.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let share = 0.2 + 0.4 * (random % 1000) as f64 / 1000.0;
        std::thread::sleep(Duration::from_secs_f64(whole * share));
        if child.try_wait().unwrap().is_some() {
            // It came to its end before the kill: begin again.
            fs::remove_dir_all(&killed).unwrap();
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert_eq!(kills, KILLS, "the run is too short to be killed {KILLS} times");
    finish(program(&train, &killed, 7).spawn().unwrap());
    assert_same(&calm, &killed);
}

#[test]
fn a_resume_with_another_source_is_refused_with_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let train = data(folder.path());
    let out = folder.path().join("out");
    finish(program(&train, &out, 3).spawn().unwrap());
    let mut other = program(&train, &out, 3);
    other.args(["--set", "instance_transfer.delta=0.1"]);
    let output = other.output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("instance_transfer.delta: was 0.0, is 0.1"), "{message}");
}
