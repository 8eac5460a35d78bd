//! What gradient reversal does: the discriminator can no longer tell the tasks by their shared features, while both tasks are still
//! learned.
#![allow(clippy::unwrap_used, missing_docs)]

use medner_asaibc::config::Config;
use medner_asaibc::prepare::{build, prepare};
use medner_asaibc::segmentation::Segmented;
use medner_asaibc::training::TaggerTask;
use medner_core::device;
use medner_core::metrics::LabelSet;
use medner_core::trainer::{At, Evaluation, Task};
use medner_data::batching::BatchOrder;
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

/// Trains for some epochs with gradient reversal of a strength and gives the last evaluation.
fn trained(strength: f64) -> Evaluation {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let documents: Vec<Document> = (0..200).map(|i| target(&mut rng, i)).collect();
    let (words, characters) = (0..240).map(|i| source(&mut rng, i)).unzip();
    let mut config = Config::default();
    (config.model.embedding, config.model.position, config.model.hidden) = (16, 0, 16);
    (config.model.self_attention, config.model.fully_connected, config.model.dropout) = (false, 0, 0.0);
    config.model.indrnn.layers = 0;
    config.model.separation.same = 1.0;
    config.model.separation.discriminator.hidden = 16;
    (config.model.separation.reversal.strength, config.model.separation.reversal.epochs) = (strength, 0.0);
    (config.training.learning_rate, config.training.scored) = (5e-3, 0);
    (config.source.development, config.instance_transfer.delta) = (0.2, 0.0);
    let segmented = Segmented::new(words, characters).unwrap();
    let labels = LabelSet::new(config.scheme, ["symptom"]).unwrap();
    let prepared =
        prepare(&config, 1, labels, &documents[..160], &documents[160..], Some(segmented), None).unwrap();
    let tagger = build(&config, 1, &prepared, Device::Cpu).unwrap();
    let mut task = TaggerTask::new(tagger, prepared, &config, 1, BatchOrder::Bucketed, Device::Cpu).unwrap();
    let mut step = 0;
    let mut last = Evaluation::default();
    for epoch in 0..12 {
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
    let (plain, reversed) = (trained(0.0), trained(1.0));
    let metric = |evaluation: &Evaluation, name: &str| evaluation.metrics[name];
    for evaluation in [&plain, &reversed] {
        assert!(evaluation.score > 0.95, "{evaluation:?}");
        assert!(metric(evaluation, "dev_words_f1") > 0.95, "{evaluation:?}");
    }
    // Chance is one half.
    assert!(metric(&plain, "discriminator") > 0.95, "{plain:?}");
    assert!(metric(&reversed, "discriminator") < 0.75, "{reversed:?}");
}
