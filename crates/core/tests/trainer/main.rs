//! The training loop on a small real task: early stopping, logs, stops, damaged files, resumes equal to the byte.
#![allow(clippy::unwrap_used)]

mod runs;
mod toy;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use medner_core::CoreError;
use medner_core::checkpoint::CheckpointFolder;
use medner_core::trainer::{
    At, LogLine, Silent, StepOutcome, Summary, Task, Timing, Trainer, TrainerConfig, median,
};
use serde_json::{Value, json};

use runs::{Warnings, assert_same, config, flip_a_byte, leftovers, run, settings, stop};
use toy::{BATCHES, Toy, Trouble, alone};

#[test]
fn patience_stops_and_the_best_parameters_are_kept() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    // An equal score is no better one: the fifth and the sixth epoch are two without improvement.
    let mut task = Toy::scored(&[0.2, 0.5, 0.4, 0.6, 0.6, 0.5, 0.9, 0.9]);
    let config = TrainerConfig { epochs: 8, patience: Some(2), ..config() };
    let summary = run(folder.path(), &config, &mut task, &Silent).unwrap();
    let best = summary.best.unwrap();
    assert_eq!((summary.epochs, summary.steps), (6, 6 * BATCHES));
    assert_eq!((best.score, best.epoch, best.step), (0.6, 3, 4 * BATCHES));
    let epochs = task.epochs.borrow();
    assert!(task.bytes() == epochs[3], "the task holds the parameters of the best epoch");
    assert!(epochs[3] != epochs[5], "the last epoch has others");
    assert_eq!(fs::read(folder.path().join("best/model.safetensors")).unwrap(), epochs[3]);

    // A finished run that is started again does nothing but give the same.
    let mut again = Toy::scored(&[]);
    let second = run(folder.path(), &config, &mut again, &Silent).unwrap();
    assert!(again.steps.is_empty() && again.bytes() == epochs[3]);
    assert_eq!((second.log, second.best), (summary.log, summary.best));
}

#[test]
fn patience_begins_when_something_is_learned() {
    let _alone = alone();
    let folder = || tempfile::tempdir().unwrap();
    let config = TrainerConfig { epochs: 8, patience: Some(2), ..config() };
    let first_score = [0.0, 0.0, 0.0, 0.0, 0.3, 0.3, 0.2, 0.9];
    let ended = |config: &TrainerConfig, scores: &[f64]| {
        let mut task = Toy::scored(scores);
        let summary = run(folder().path(), config, &mut task, &Silent).unwrap();
        let kept = task.epochs.borrow().iter().position(|epoch| *epoch == task.bytes());
        (summary.epochs, summary.best.map(|best| best.epoch), kept)
    };
    assert_eq!(ended(&config, &first_score), (3, Some(0), Some(0)));
    let config = TrainerConfig { learned_nothing: Some(0.0), ..config };
    assert_eq!(ended(&config, &first_score), (7, Some(4), Some(4)));
    // Nothing is ever learned: the last parameters are as good as any.
    assert_eq!(ended(&config, &[0.0; 8]), (8, Some(7), Some(7)));
}

#[test]
fn without_a_score_the_last_parameters_are_kept() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let mut task = Toy::scored(&[]);
    let config = TrainerConfig { patience: Some(1), ..config() };
    let summary = run(folder.path(), &config, &mut task, &Silent).unwrap();
    assert_eq!((summary.epochs, summary.best), (4, None));
    let epochs = task.epochs.borrow();
    assert!(task.bytes() == epochs[3] && epochs[2] != epochs[3]);
    assert!(!folder.path().join("best").exists());
    let scores = summary.log.iter().filter_map(|line| match line {
        LogLine::Epoch { score, .. } => Some(*score),
        LogLine::Curve { .. } => None,
    });
    assert_eq!(scores.collect::<Vec<_>>(), [None; 4]);
}

#[test]
fn the_task_is_learned() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let config = TrainerConfig { epochs: 30, ..config() };
    let summary = run(folder.path(), &config, &mut Toy::new(1), &Silent).unwrap();
    assert!(summary.best.unwrap().score > 0.9, "{:?}", summary.best);
}

#[test]
fn curve_and_epoch_lines_hold_the_mean_loss_of_an_item() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let mut task = Toy::new(1);
    let summary = run(folder.path(), &config(), &mut task, &Silent).unwrap();
    let mean = |steps: &[StepOutcome]| {
        let items: u64 = steps.iter().map(|s| s.items).sum();
        steps.iter().map(|s| s.loss * s.items as f64).sum::<f64>() / items as f64
    };
    let (mut curve, mut epochs) = (Vec::new(), Vec::new());
    for line in &summary.log {
        match line {
            LogLine::Curve { step, loss } => curve.push((*step, *loss)),
            LogLine::Epoch { epoch, step, loss, metrics, .. } => {
                assert!(metrics.contains_key("accuracy"));
                epochs.push((*epoch, *step, *loss));
            }
        }
    }
    let expected: Vec<_> = task.steps.chunks(4).zip(1..).map(|(s, i)| (4 * i, mean(s))).collect();
    assert_eq!(curve, expected, "a point covers four steps, also over the end of an epoch");
    let expected: Vec<_> = task.steps.chunks(5).zip(1..).map(|(s, i)| (i, 5 * i, mean(s))).collect();
    assert_eq!(epochs, expected);
    assert_eq!(summary.timing.len(), 4);
    assert!(summary.timing.iter().all(|t| t.whole && t.items_per_second > 0.0 && t.peak_mib > 0.0));
    assert!(summary.seconds_per_epoch().is_some_and(|seconds| seconds > 0.0));
}

#[test]
fn stopped_anywhere_and_resumed_is_the_same_to_the_byte() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let calm = folder.path().join("calm");
    let mut whole = Toy::alternating(1);
    run(&calm, &config(), &mut whole, &Silent).unwrap();
    assert_eq!(whole.turns.iter().sum::<u64>(), 4 * BATCHES);
    assert!(whole.turns.iter().all(|&turns| turns > 3), "both tasks take turns: {:?}", whole.turns);

    // In the middle of an epoch, at a timed checkpoint, at an epoch's last step, right after it, before the end.
    for step in [1, 3, 5, 6, 13, 19] {
        let other = folder.path().join(step.to_string());
        stop(&other, &config(), Toy::alternating(1), step);
        // Other first values: everything must come from the checkpoint.
        let mut rest = Toy::alternating(99);
        let summary = run(&other, &config(), &mut rest, &Silent).unwrap();
        assert_eq!((summary.steps, rest.steps.len() as u64), (4 * BATCHES, 4 * BATCHES - step));
        assert_eq!((rest.turns, rest.last), (whole.turns, whole.last));
        assert_same(&calm, &other, &format!("stopped after step {step}"));
        assert!(rest.bytes() == whole.bytes());
        assert_eq!(
            summary.timing.iter().filter(|t| !t.whole).count(),
            usize::from(step % 5 != 0 || step == 5)
        );
    }

    // Killed in the second epoch, which is done again: it has two lines and counts once, as it was run last.
    let timing = |epoch, train_seconds| Timing {
        epoch,
        train_seconds,
        evaluate_seconds: 1.0,
        items_per_second: 1.0,
        peak_mib: 1.0,
        whole: true,
    };
    let summary = Summary {
        steps: 0,
        epochs: 2,
        best: None,
        log: Vec::new(),
        timing: vec![timing(1, 10.0), timing(2, 90.0), timing(2, 20.0)],
    };
    assert_eq!(summary.seconds(), 32.0);
    assert_eq!(summary.seconds_per_epoch(), Some(20.0));
    assert_eq!([vec![], vec![30.0, 20.0], vec![5.0, 1.0, 2.0]].map(median), [None, Some(25.0), Some(2.0)]);

    // A half line costs itself alone.
    let torn = folder.path().join("torn");
    stop(&torn, &config(), Toy::alternating(1), 13);
    let path = torn.join("timing.jsonl");
    let lines = fs::read_to_string(&path).unwrap();
    assert_eq!(lines.lines().count(), 2);
    fs::write(&path, &lines[..lines.len() - 9]).unwrap();
    let rest = run(&torn, &config(), &mut Toy::alternating(1), &Silent).unwrap();
    let epochs: BTreeSet<u64> = rest.timing.iter().map(|t| t.epoch).collect();
    assert_eq!(epochs, [1, 3, 4].into());

    // Three stops in one run.
    let other = folder.path().join("often");
    for step in [2, 9, 10] {
        stop(&other, &config(), Toy::alternating(step), step);
        if step == 2 {
            // The first part decides the start.
            fs::remove_dir_all(&other).unwrap();
            stop(&other, &config(), Toy::alternating(1), step);
        }
    }
    run(&other, &config(), &mut Toy::alternating(5), &Silent).unwrap();
    assert_same(&calm, &other, "three stops");
}

#[test]
fn a_task_that_forgets_its_turns_goes_another_way() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (calm, other) = (folder.path().join("calm"), folder.path().join("other"));
    run(&calm, &config(), &mut Toy::alternating(1), &Silent).unwrap();
    stop(&other, &config(), Toy::alternating(1), 7);
    let state: Value = serde_json::from_slice(&fs::read(other.join("latest/state.json")).unwrap()).unwrap();
    let turns = &state["task"]["turns"];
    assert_eq!(turns[0].as_u64().unwrap() + turns[1].as_u64().unwrap(), 7);
    let mut forgetful = Toy::alternating(1);
    forgetful.forgets = true;
    run(&other, &config(), &mut forgetful, &Silent).unwrap();
    let model = |folder: &Path| fs::read(folder.join("latest/model.safetensors")).unwrap();
    assert!(
        model(&calm) != model(&other),
        "the state matters, or the tests of resuming say nothing about it"
    );
}

#[test]
fn a_damaged_newest_checkpoint_is_passed_over_with_a_warning() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let calm = folder.path().join("calm");
    run(&calm, &config(), &mut Toy::alternating(1), &Silent).unwrap();
    for file in ["model.safetensors", "optimizer.safetensors", "state.json"] {
        let other = folder.path().join(file);
        stop(&other, &config(), Toy::alternating(1), 8);
        flip_a_byte(&other.join("step-00000008").join(file));
        let mut rest = Toy::alternating(99);
        let warnings = Warnings::default();
        tracing::subscriber::with_default(warnings.clone(), || {
            run(&other, &config(), &mut rest, &Silent).unwrap();
        });
        let warnings = warnings.0.lock().unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("step-00000008") && warnings[0].contains(file), "{warnings:?}");
        assert_eq!(rest.steps.len() as u64, 4 * BATCHES - 5, "from the checkpoint before it");
        assert_same(&calm, &other, file);
    }
}

#[test]
fn a_damaged_checkpoint_never_pushes_out_the_good_ones() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (calm, other) = (folder.path().join("calm"), folder.path().join("other"));
    let config = TrainerConfig { keep: 1, checkpoint_every_steps: 0, ..config() };
    run(&calm, &config, &mut Toy::new(1), &Silent).unwrap();
    // One checkpoint is kept besides the best: the newest, at step 8, and the first epoch's.
    stop(&other, &config, Toy::new(1), 8);
    flip_a_byte(&other.join("step-00000008/state.json"));
    // From step 5 again, and stopped before the damaged one's step is reached.
    stop(&other, &config, Toy::new(99), 7);
    assert!(other.join("latest/state.json").is_file(), "the checkpoint of step 7 is there");
    let mut rest = Toy::new(99);
    run(&other, &config, &mut rest, &Silent).unwrap();
    assert_eq!(rest.steps.len() as u64, 4 * BATCHES - 7);
    assert_same(&calm, &other, "keep 1");
}

#[test]
fn all_checkpoints_damaged_is_an_error_that_says_what_to_do() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    stop(folder.path(), &config(), Toy::new(1), 2);
    flip_a_byte(&folder.path().join("step-00000002/model.safetensors"));
    let message = run(folder.path(), &config(), &mut Toy::new(1), &Silent).unwrap_err().to_string();
    assert!(message.contains("step-00000002") && message.contains("remove the folder"), "{message}");
}

#[test]
fn metrics_of_lost_steps_are_cut_and_missing_ones_refused() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (calm, other) = (folder.path().join("calm"), folder.path().join("other"));
    run(&calm, &config(), &mut Toy::new(1), &Silent).unwrap();

    stop(&other, &config(), Toy::new(1), 7);
    let metrics = other.join("metrics.jsonl");
    let whole = fs::read(&metrics).unwrap();
    fs::write(&metrics, &whole[..whole.len() - 1]).unwrap();
    let message = run(&other, &config(), &mut Toy::new(1), &Silent).unwrap_err().to_string();
    let (is, was) = (format!("{} bytes", whole.len() - 1), whole.len().to_string());
    for part in ["metrics.jsonl", is.as_str(), was.as_str(), "put it back", "remove the folder"] {
        assert!(message.contains(part), "expected {part}\n{message}");
    }
    assert_eq!(fs::read(&metrics).unwrap().len(), whole.len() - 1, "a refused resume changes nothing");

    let longer = [&whole[..], b"{\"kind\":\"curve\",\"step\":8,\"loss\":1.0}\n{\"kind\":\"cur"].concat();
    fs::write(&metrics, longer).unwrap();
    run(&other, &config(), &mut Toy::new(1), &Silent).unwrap();
    assert_same(&calm, &other, "longer metrics");
}

#[test]
fn other_settings_are_refused_with_each_difference() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    stop(folder.path(), &config(), Toy::new(1), 7);
    let before = record_of_checkpoint(folder.path());
    let mut other = settings();
    other.seed = 4;
    other.configuration["rate"] = json!(0.5);
    other.data.insert("train.jsonl".into(), "ab12".into());
    let error = Trainer::new(folder.path(), config(), other, &Silent).run(&mut Toy::new(1)).unwrap_err();
    let message = error.to_string();
    let CoreError::ResumeDiffers { path, differences } = error else { panic!("{message}") };
    assert_eq!(path, folder.path());
    assert_eq!(
        differences,
        [
            "configuration.rate: was 0.05, is 0.5",
            "data.train.jsonl: was null, is \"ab12\"",
            "seed: was 3, is 4"
        ]
    );
    assert!(message.contains("Start in another folder, or restore the settings"), "{message}");
    assert_eq!(record_of_checkpoint(folder.path()), before, "a refused resume changes nothing");
}

fn record_of_checkpoint(folder: &Path) -> Vec<Vec<u8>> {
    let files =
        ["latest/model.safetensors", "latest/optimizer.safetensors", "latest/state.json", "metrics.jsonl"];
    files.iter().map(|file| fs::read(folder.join(file)).unwrap()).collect()
}

#[test]
fn what_is_not_finite_names_step_and_sentences_and_spoils_no_checkpoint() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let calm = folder.path().join("calm");
    run(&calm, &config(), &mut Toy::new(1), &Silent).unwrap();
    for (trouble, expected) in [(Trouble::Loss, "loss"), (Trouble::Gradient, "gradient norm")] {
        let other = folder.path().join(expected);
        let mut task = Toy::new(1);
        task.trouble = Some((9, trouble));
        let error = run(&other, &config(), &mut task, &Silent).unwrap_err();
        let message = error.to_string();
        let CoreError::NotFinite { what, value, step, sentences, parameters } = error else {
            panic!("{message}")
        };
        assert_eq!((what, value.is_nan(), step), (expected, true, 9));
        let at = At { seed: 3, epoch: 1, batch: 4, step: 9 };
        assert_eq!(sentences, task.sentences(&at));
        assert!(message.contains("step 9") && message.contains(&sentences[0]), "{message}");
        assert!(parameters.iter().all(|name| message.contains(name)), "{message}");
        assert_eq!(parameters.is_empty(), trouble == Trouble::Loss, "{parameters:?}");

        let checkpoint = CheckpointFolder::open(&other, 2).unwrap().load_latest().unwrap().unwrap();
        assert_eq!(checkpoint.state.step, 8);
        for (name, tensor) in checkpoint.model.iter().chain(&checkpoint.optimizer) {
            let finite = tensor.isfinite().all().int64_value(&[]);
            assert_eq!(finite, 1, "{name}");
        }
        // Once the cause is mended, training goes on as if nothing had been.
        run(&other, &config(), &mut Toy::new(99), &Silent).unwrap();
        assert_same(&calm, &other, expected);
    }
}

#[test]
fn a_score_that_is_no_number_is_refused_before_it_is_saved() {
    let _alone = alone();
    for bad in [f64::NAN, f64::INFINITY] {
        let folder = tempfile::tempdir().unwrap();
        let mut task = Toy::scored(&[0.5, bad, 0.6, 0.7]);
        let message = run(folder.path(), &config(), &mut task, &Silent).unwrap_err().to_string();
        assert!(message.contains("score") && message.contains("epoch 2"), "{message}");
        // The epoch is scored again, by a task that can.
        let summary =
            run(folder.path(), &config(), &mut Toy::scored(&[0.5, 0.4, 0.6, 0.7]), &Silent).unwrap();
        assert_eq!(summary.best.unwrap().epoch, 3);
    }
}

#[test]
fn what_a_killed_save_left_is_removed() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (calm, other) = (folder.path().join("calm"), folder.path().join("other"));
    run(&calm, &config(), &mut Toy::new(1), &Silent).unwrap();
    assert_eq!(leftovers(&calm), Vec::<PathBuf>::new(), "a run leaves none itself");

    stop(&other, &config(), Toy::new(1), 7);
    for stage in [".tmp-4242", ".tmp-old-4242"] {
        fs::create_dir(other.join(stage)).unwrap();
        fs::write(other.join(stage).join("model.safetensors"), b"half of a mod").unwrap();
    }
    std::os::unix::fs::symlink("step-00000099", other.join(".tmp-latest-4242")).unwrap();
    // A kill between the renames of a save leaves the links behind.
    fs::remove_file(other.join("latest")).unwrap();
    fs::remove_file(other.join("best")).unwrap();
    run(&other, &config(), &mut Toy::new(99), &Silent).unwrap();
    assert_eq!(leftovers(&other), Vec::<PathBuf>::new());
    assert_same(&calm, &other, "after a killed save");
}
