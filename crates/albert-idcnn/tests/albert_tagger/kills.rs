//! Pre-training and a tagger on an encoder, killed (`kill -9`) and resumed: the same bytes as without.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::desk::{Desk, clinical, save};
use super::{RECIPE, encoder, text};

const KILLS: u32 = 3;

/// Runs a command to its end, after killing it `KILLS` times at moments that fall anywhere in its start and its steps. `whole`
/// is how long it takes alone; what was done before a kill is not done again, so that the moments are shares of it that
/// together stay below it.
fn with_kills(command: impl Fn() -> Command, whole: f64, folder: &Path) {
    let (mut kills, mut random) = (0, 0x2545_F491_4F6C_DD1D_u64);
    for _ in 0..5 * KILLS {
        if kills == KILLS {
            break;
        }
        let mut child = command().spawn().unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_secs_f64(whole * (0.1 + 0.25 * (random % 1000) as f64 / 1000.0)));
        if child.try_wait().unwrap().is_some() {
            // It came to its end before the kill: begin again.
            fs::remove_dir_all(folder).unwrap();
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert_eq!(kills, KILLS, "the run is too short to be killed {KILLS} times");
    finish(command());
}

fn finish(mut command: Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn assert_same(calm: &Path, killed: &Path, files: &[&str]) {
    for file in files {
        let (left, right) = (fs::read(calm.join(file)).unwrap(), fs::read(killed.join(file)).unwrap());
        assert!(left == right, "{file} differs");
    }
}

fn quiet(desk: &Desk, args: &[&str]) -> Command {
    let mut command = desk.command(args);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[test]
fn pre_training_is_resumed_to_the_byte() {
    let desk = Desk::new();
    desk.write("text.txt", text());
    desk.write("recipe.yaml", RECIPE.replace("epochs: 2", "epochs: 3"));
    let run = |out: &str| {
        quiet(
            &desk,
            &[
                "pretrain",
                "--quiet",
                "--resume",
                "--threads",
                "1",
                "--text",
                "text.txt",
                "--config",
                "recipe.yaml",
                "--out",
                out,
            ],
        )
    };
    let began = Instant::now();
    finish(run("calm"));
    with_kills(|| run("killed"), began.elapsed().as_secs_f64(), &desk.path("killed"));
    let files = [
        "model.safetensors",
        "config.json",
        "vocab.txt",
        "training/metrics.jsonl",
        "training/latest/model.safetensors",
        "training/latest/optimizer.safetensors",
        "training/latest/state.json",
    ];
    assert_same(&desk.path("calm"), &desk.path("killed"), &files);
    // Other text is not gone on with.
    desk.write("text.txt", text() + "\n高血压。\n");
    let output = run("killed").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("text.txt"), "{said}");
}

#[test]
fn a_tagger_on_an_encoder_is_resumed_to_the_byte() {
    let desk = Desk::new();
    save(&clinical().0[..60], &desk.path("train.jsonl"));
    let tagger = |out: &str, encoder: &Path| {
        let set = format!("encoder={}", encoder.display());
        let mut args = vec!["train", "--quiet", "--resume", "--threads", "1", "--seed", "7"];
        args.extend(["--train", "train.jsonl", "--out", out]);
        for set in [
            set.as_str(),
            "model.input=albert",
            "model.idcnn.filters=16",
            "training.optimizer=radam",
            "training.epochs=5",
            "training.batch_size=4",
            "training.patience=0",
            "training.schedule=linear",
            "training.warmup=0.2",
            "training.checkpoint_every=3",
        ] {
            args.extend(["--set", set]);
        }
        quiet(&desk, &args)
    };
    let run = |out: &str| tagger(out, encoder());
    let began = Instant::now();
    finish(run("calm"));
    with_kills(|| run("killed"), began.elapsed().as_secs_f64(), &desk.path("killed"));
    let files = [
        "model.safetensors",
        "encoder.json",
        "vocab.txt",
        "metrics.jsonl",
        "latest/model.safetensors",
        "latest/optimizer.safetensors",
        "latest/state.json",
        "best/model.safetensors",
    ];
    assert_same(&desk.path("calm"), &desk.path("killed"), &files);
    // The same encoder in another folder is the same encoder; another one in that folder is not.
    let moved = desk.path("moved");
    fs::create_dir(&moved).unwrap();
    for file in
        fs::read_dir(encoder()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
    {
        fs::copy(&file, moved.join(file.file_name().unwrap())).unwrap();
    }
    finish(tagger("killed", &moved));
    assert_same(&desk.path("calm"), &desk.path("killed"), &files);
    let mut vocabulary = fs::read_to_string(moved.join("vocab.txt")).unwrap();
    let (first, last) = (vocabulary.find('患').unwrap(), vocabulary.find('胃').unwrap());
    vocabulary.replace_range(first..first + '患'.len_utf8(), "胃");
    vocabulary.replace_range(last..last + '胃'.len_utf8(), "患");
    fs::write(moved.join("vocab.txt"), vocabulary).unwrap();
    let output = tagger("killed", &moved).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("encoder vocab.txt"), "{said}");
}
