//! A training that is killed (`kill -9`) at any moments and resumed ends with the same bytes as one that is left alone:
//! parameters, moments, metrics file, saved model. And the same seed gives the same bytes.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use medner_data::formats::jsonl::write_jsonl;
use medner_data::sample;

const KILLS: u32 = 20;

fn data(folder: &Path) -> PathBuf {
    let kind = sample::kind_of_sample("sample-ccks2019").unwrap();
    let mut documents = sample::documents(kind, 1).train;
    documents.truncate(60);
    let path = folder.join("train.jsonl");
    write_jsonl(&documents, &mut fs::File::create(&path).unwrap(), &path).unwrap();
    path
}

fn program(train: &Path, out: &Path, seed: u32) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_albert-idcnn"));
    command.args(["train", "--quiet", "--resume", "--threads", "1", "--seed", &seed.to_string()]);
    command.arg("--train").arg(train).arg("--out").arg(out);
    for set in [
        "model.embedding=16",
        "model.idcnn.filters=16",
        "training.epochs=6",
        "training.batch_size=4",
        "training.patience=0",
        "training.checkpoint_every=3",
        "training.curve_every=5",
    ] {
        command.args(["--set", set]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Everything that must be equal: saved model, last and best checkpoint, metrics.
fn bytes(out: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let files = [
        "model.safetensors",
        "vocabulary.txt",
        "labels.json",
        "metrics.jsonl",
        "latest/model.safetensors",
        "latest/optimizer.safetensors",
        "latest/state.json",
        "best/model.safetensors",
    ];
    files.iter().map(|f| (*f, fs::read(out.join(f)).unwrap())).collect()
}

fn assert_same(a: &Path, b: &Path) {
    for ((name, left), (_, right)) in bytes(a).into_iter().zip(bytes(b)) {
        assert!(left == right, "{name} differs between {} and {}", a.display(), b.display());
    }
}

#[test]
fn killed_twenty_times_and_resumed_is_the_same_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let train = data(folder.path());
    let (calm, killed) = (folder.path().join("calm"), folder.path().join("killed"));
    let began = Instant::now();
    finish(program(&train, &calm, 7).spawn().unwrap());
    let whole = began.elapsed().as_secs_f64();

    let (mut kills, mut random) = (0, 0x2545_F491_4F6C_DD1D_u64);
    for _ in 0..10 * KILLS {
        if kills == KILLS {
            break;
        }
        let mut child = program(&train, &killed, 7).spawn().unwrap();
        // Moments that fall anywhere in start-up, steps and saves.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let share = 0.1 + 0.4 * (random % 1000) as f64 / 1000.0;
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
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let train = data(folder.path());
    let out = |name: &str| folder.path().join(name);
    for (name, seed) in [("a", 3), ("b", 3), ("c", 4)] {
        finish(program(&train, &out(name), seed).spawn().unwrap());
    }
    assert_same(&out("a"), &out("b"));
    let model = |name: &str| fs::read(out(name).join("model.safetensors")).unwrap();
    assert_ne!(model("a"), model("c"));
}

fn refused(mut command: Command) -> String {
    let output = command.output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    message
}

#[test]
fn a_resume_with_other_settings_or_data_is_refused_with_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let train = data(folder.path());
    let out = folder.path().join("out");
    finish(program(&train, &out, 3).spawn().unwrap());

    let mut other = program(&train, &out, 3);
    other.args(["--set", "training.clip=1.0"]);
    let message = refused(other);
    assert!(message.contains("training.clip: was 5.0, is 1.0"), "{message}");

    let message = refused(program(&train, &out, 4));
    assert!(message.contains("seed: was 3, is 4"), "{message}");

    let text = fs::read_to_string(&train).unwrap();
    let (_, without_the_first) = text.split_once('\n').unwrap();
    fs::write(&train, without_the_first).unwrap();
    let message = refused(program(&train, &out, 3));
    assert!(message.contains("data.train: was"), "{message}");

    // Without --resume a folder that holds a training is not touched.
    let mut fresh = Command::new(env!("CARGO_BIN_EXE_albert-idcnn"));
    fresh.arg("train").arg("--train").arg(&train).arg("--out").arg(&out);
    let message = refused(fresh);
    assert!(message.contains("--resume") && message.contains("--out"), "{message}");
}

#[test]
fn sigterm_saves_and_exits_with_143() {
    let folder = tempfile::tempdir().unwrap();
    let train = data(folder.path());
    let out = folder.path().join("out");
    let mut command = program(&train, &out, 3);
    command.args(["--set", "training.epochs=1000"]);
    let mut child = command.spawn().unwrap();
    // The first checkpoint shows that the signal falls into training.
    for _ in 0..600 {
        if out.join("latest").exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // SAFETY: sends a signal to a child of ours that has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id().cast_signed(), libc::SIGTERM) }, 0);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(out.join("latest/state.json").is_file());
    assert!(!out.join("model.safetensors").exists(), "an unfinished training leaves no finished model");
}
