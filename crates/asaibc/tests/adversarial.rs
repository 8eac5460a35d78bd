//! What gradient reversal does: the discriminator can no longer tell the tasks by their shared features, while both tasks are still
//! learned.
#![allow(clippy::unwrap_used, missing_docs)]

use medner_asaibc::config::{Config, Reversal, Separation, Updates};
use medner_asaibc::prepare::{build, prepare};
use medner_asaibc::segmentation::Segmented;
use medner_asaibc::training::TaggerTask;
use medner_core::device;
use medner_core::metrics::LabelSet;
use medner_core::tensors::to_bytes;
use medner_core::trainer::{At, Evaluation, Task};
use medner_data::{Document, Entity, Sentence, Span};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Device;

/// Words of both tasks; each belongs together and each character stands in one word only.
const WORDS: [&str; 8] = ["天气", "北京", "今日", "电脑", "学生", "发烧", "咳嗽", "头"];
/// The entities of the target are words too.
const ENTITIES: [&str; 2] = ["发烧", "咳嗽"];
/// What gives a sentence's task away: a word that the other task never has.
const MARKS: [&str; 2] = ["吗", "了"];

/// A sentence of words, one of which is the mark of its task.
fn words(rng: &mut ChaCha8Rng, task: usize) -> Vec<&'static str> {
    let mut words: Vec<&str> =
        (0..rng.random_range(3..6)).map(|_| WORDS[rng.random_range(0..WORDS.len())]).collect();
    words.insert(rng.random_range(0..=words.len()), MARKS[task]);
    words
}

fn target(rng: &mut ChaCha8Rng, i: usize) -> Document {
    let (mut text, mut entities, mut at) = (String::new(), Vec::new(), 0);
    for word in words(rng, 0) {
        let length = word.chars().count();
        if ENTITIES.contains(&word) {
            entities.push(Entity {
                start: at,
                end: at + length,
                label: "symptom".into(),
                concepts: Vec::new(),
            });
        }
        text.push_str(word);
        at += length;
    }
    Document { id: format!("t{i}"), text, entities }
}

fn source(rng: &mut ChaCha8Rng, i: usize) -> (Sentence, Sentence) {
    let words: Vec<String> = words(rng, 1).into_iter().map(String::from).collect();
    let (mut tokens, mut spans) = (Vec::new(), Vec::new());
    for word in &words {
        let start = tokens.len();
        tokens.extend(word.chars().map(String::from));
        spans.push(Span::new(start, tokens.len(), ""));
    }
    let pos = vec!["n".to_owned(); words.len()];
    let id = format!("s{i}");
    (
        Sentence { id: id.clone(), tokens: words, pos: pos.clone(), ..Sentence::default() },
        Sentence { id, tokens, spans, pos, ..Sentence::default() },
    )
}

/// A task at its beginning, always the same but for the schedule of the gradient reversal.
fn task(reversal: &Reversal) -> TaggerTask {
    task_with(reversal, 1.0, Updates::Alternating)
}

/// The same with another weight of the discriminator, or other updates.
fn task_with(reversal: &Reversal, same: f64, updates: Updates) -> TaggerTask {
    let change = |config: &mut Config| {
        config.model.separation.same = same;
        config.model.separation.reversal = reversal.clone();
        config.training.updates = updates;
    };
    task_of(change, Device::Cpu)
}

fn task_of(change: impl Fn(&mut Config), device: Device) -> TaggerTask {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let documents: Vec<Document> = (0..200).map(|i| target(&mut rng, i)).collect();
    let (words, characters) = (0..240).map(|i| source(&mut rng, i)).unzip();
    let mut config = Config::default();
    (config.model.embedding, config.model.position, config.model.hidden) = (16, 0, 16);
    (config.model.self_attention, config.model.fully_connected, config.model.dropout) = (false, 0, 0.0);
    config.model.indrnn.layers = 0;
    config.model.separation.discriminator.hidden = 16;
    (config.training.learning_rate, config.training.scored) = (5e-3, 0);
    (config.source.development, config.instance_transfer.delta) = (0.2, 0.0);
    change(&mut config);
    let segmented = Segmented::new(words, characters).unwrap();
    let labels = LabelSet::new(config.scheme, ["symptom"]).unwrap();
    let prepared =
        prepare(&config, 1, labels, &documents[..160], &documents[160..], Some(segmented), None).unwrap();
    let tagger = build(&config, 1, &prepared, device).unwrap();
    TaggerTask::new(tagger, prepared, &config, 1, device).unwrap()
}

/// The same strength from the first step to the last.
fn constant(strength: f64) -> Reversal {
    Reversal { strength, epochs: 0.0, ..Reversal::default() }
}

/// Trains for some epochs and gives the last evaluation.
fn trained(reversal: &Reversal, epochs: u64) -> Evaluation {
    train(task(reversal), epochs)
}

fn train(mut task: TaggerTask, epochs: u64) -> Evaluation {
    let mut step = 0;
    let mut last = Evaluation::default();
    for epoch in 0..epochs {
        for batch in 0..task.batches(epoch).unwrap() {
            device::reseed(1, step);
            task.step(&At { seed: 1, epoch, batch, step }).unwrap();
            step += 1;
        }
        last = task.evaluate(epoch).unwrap().unwrap();
    }
    last
}

#[test]
fn the_discriminator_loses_the_tasks_and_the_tasks_lose_nothing() {
    let (plain, reversed) = (trained(&constant(0.0), 12), trained(&constant(1.0), 12));
    // The schedule of the paper's systems, to its end and some epochs at full strength.
    let grown = trained(&Reversal::default(), Reversal::default().epochs as u64 + 4);
    let metric = |evaluation: &Evaluation, name: &str| evaluation.metrics[name];
    for evaluation in [&plain, &reversed, &grown] {
        assert!(evaluation.score > 0.95, "{evaluation:?}");
        assert!(metric(evaluation, "dev_words_f1") > 0.95, "{evaluation:?}");
    }
    // Chance is one half.
    assert!(metric(&plain, "discriminator") > 0.95, "{plain:?}");
    assert!(metric(&reversed, "discriminator") < 0.75, "{reversed:?}");
    assert!(metric(&grown, "discriminator") < 0.75, "{grown:?}");
}

/// Both tasks in one update: a discriminator that is shown both at once tells them apart better, and loses them all the same. With
/// the weight that the tables have.
#[test]
fn the_discriminator_loses_the_tasks_when_it_sees_both_in_one_update() {
    let weight = Separation::default().same;
    let run = |strength| train(task_with(&constant(strength), weight, Updates::Together), 30);
    let (plain, reversed) = (run(0.0), run(1.0));
    for evaluation in [&plain, &reversed] {
        assert!(evaluation.score > 0.95, "{evaluation:?}");
        assert!(evaluation.metrics["dev_words_f1"] > 0.95, "{evaluation:?}");
    }
    assert!(plain.metrics["discriminator"] > 0.95, "{plain:?}");
    assert!(reversed.metrics["discriminator"] < 0.75, "{reversed:?}");
}

/// The parameters move once a step, by the gradients of both batches.
#[test]
fn an_update_of_both_batches_is_one_update() {
    let moved = |updates| {
        let mut task = task_with(&constant(1.0), 1.0, updates);
        device::reseed(1, 0);
        task.step(&At { seed: 1, epoch: 0, batch: 0, step: 0 }).unwrap();
        // What both tasks share moves with either, what one has alone with that one.
        let steps = Vec::<i64>::try_from(&task.optimizers().unwrap()["steps"]).unwrap();
        (to_bytes(&task.model().unwrap()).unwrap(), steps.into_iter().max())
    };
    let (alternating, together) = (moved(Updates::Alternating), moved(Updates::Together));
    assert!(alternating.0 != together.0);
    assert_eq!((alternating.1, together.1), (Some(2), Some(1)));
}

/// A step somewhere in the schedule is to the byte the step with that moment's factor as a constant strength, and no other.
#[test]
fn a_step_reverses_by_the_factor_of_its_moment() {
    let after = |reversal: &Reversal, epoch: u64, batch: u64| {
        let mut task = task(reversal);
        device::reseed(1, 0);
        task.step(&At { seed: 1, epoch, batch, step: 0 }).unwrap();
        to_bytes(&task.model().unwrap()).unwrap()
    };
    let schedule = Reversal { epochs: 4.0, ..Reversal::default() };
    let batches = task(&schedule).batches(0).unwrap();
    let mut factors = Vec::new();
    for (epoch, batch) in [(0, 0), (0, batches / 2), (1, batches - 1), (4, 0), (9, 1)] {
        let factor = schedule.at(epoch as f64 + batch as f64 / batches as f64);
        let stepped = after(&schedule, epoch, batch);
        assert!(
            stepped == after(&constant(factor), epoch, batch),
            "epoch {epoch}, batch {batch}: not {factor}"
        );
        for other in [factor + 0.125, 0.5 * (factor + 0.25)] {
            assert!(
                stepped != after(&constant(other), epoch, batch),
                "epoch {epoch}, batch {batch}: {other} too"
            );
        }
        factors.push(factor);
    }
    assert!(factors.is_sorted() && factors[0].abs() < f64::EPSILON, "{factors:?}");
    assert!((factors[3] - factors[4]).abs() < f64::EPSILON && factors[3] > 0.999, "{factors:?}");
}

/// Where there is a GPU: what a few steps of the whole network come to there is what they come to on the CPU, the IndRNN's recurrence by
/// operations and by its kernel.
#[test]
fn steps_on_a_gpu_are_those_on_the_cpu() {
    let Ok(gpu) = device::open("cuda:0") else {
        eprintln!(
            "skipped: no CUDA device; put the lib folder of a CUDA PyTorch on LD_LIBRARY_PATH where there is one"
        );
        return;
    };
    let whole = |config: &mut Config| {
        let ground = Config::default().model;
        (config.model.indrnn, config.model.self_attention) = (ground.indrnn, true);
        (config.model.fully_connected, config.model.indrnn.dropout) = (ground.fully_connected, 0.0);
    };
    let (mut here, mut there) = (task_of(whole, Device::Cpu), task_of(whole, gpu));
    there.load_model(here.model().unwrap()).unwrap();
    for step in 0..4 {
        let at = At { seed: 1, epoch: 0, batch: step, step };
        let (a, b) = (here.step(&at).unwrap().loss, there.step(&at).unwrap().loss);
        assert!((a - b).abs() < 1e-3 * a.abs().max(1.0), "step {step}: {a} on the CPU, {b} on the GPU");
    }
    let there = there.model().unwrap();
    for (name, tensor) in here.model().unwrap() {
        let difference = (&tensor - there[&name].to_device(Device::Cpu)).abs().max().double_value(&[]);
        assert!(difference < 2e-3, "{name}: {difference}");
    }
}
