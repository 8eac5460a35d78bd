//! The tagger learns, in every mode; learning rates fall from layer to layer.

use medner_core::precision::Precision;
use medner_core::trainer::{At, Task};
use medner_data::{Sentence, Span};
use medner_metrics::{LabelSet, TagScheme, entity_report};
use medner_mtl_ls::config::{Config, Epochs, InputConfig, LabelMode, Packing, Side, Training};
use medner_mtl_ls::folder::TaggerFolder;
use medner_mtl_ls::pretraining::config::VocabularyConfig;
use medner_mtl_ls::pretraining::vocabulary::{of_corpora, tokenizer};
use medner_mtl_ls::subtasks::{self, Limits};
use medner_mtl_ls::tagging::task::{Scored, Select};
use medner_mtl_ls::tagging::{Encoded, TaggerData, TaggerTask, WordPieces, XlnetCrf};
use medner_mtl_ls::user::find;
use medner_mtl_ls::xlnet::{XlnetConfig, XlnetTokenizer};
use tch::Device;

/// Sentences of a sample, and the pieces of its words and characters.
fn sentences(count: usize) -> (Vec<Sentence>, XlnetTokenizer) {
    let limits = Limits { train: count, dev: 1, test: 1 };
    let corpora = subtasks::corpora("sample-NCBI-disease", limits).unwrap();
    let vocabulary = VocabularyConfig { source: "text".into(), trim: true, min_count: 3 };
    let pieces = tokenizer(&vocabulary, &of_corpora(&corpora)).unwrap();
    (corpora.into_iter().next().unwrap().corpus.train, pieces)
}

fn labels() -> LabelSet {
    LabelSet::new(TagScheme::Bio, ["disease"]).unwrap()
}

fn tagger(pieces: &XlnetTokenizer, mode: LabelMode) -> XlnetCrf {
    medner_core::device::reseed(5, 0);
    let config = XlnetConfig { dropout: 0.0, ..XlnetConfig::of_width(pieces.len() as i64, 2, 32) };
    XlnetCrf::new(&config, &labels(), mode, Precision::F32, Device::Cpu).unwrap()
}

fn task(sentences: &[Sentence], pieces: &XlnetTokenizer, input: &InputConfig) -> TaggerTask {
    let words = WordPieces::new(pieces);
    let encode = || Encoded::new(sentences, &words, &labels(), input).unwrap();
    let training = Training {
        epochs: Epochs { initial: 30, rounds: 0, per_round: 0 },
        learning_rate: 3e-3,
        batch_size: 8,
        part_size: 5,
        ..Training::default()
    };
    let scored = vec![Scored { name: "disease".into(), dev: None, test: Some(encode()) }];
    let data = TaggerData { labels: labels(), train: encode(), scored };
    TaggerTask::new(tagger(pieces, input.labels), data, &training, Select::Last, 1, Device::Cpu).unwrap()
}

#[test]
fn every_label_mode_learns_what_it_is_shown() {
    let (sentences, pieces) = sentences(16);
    for labels in [LabelMode::X, LabelMode::First, LabelMode::Repeat] {
        let input = InputConfig {
            labels,
            max_pieces: 64,
            overlap: 16,
            packing: Packing::Packed,
            ..InputConfig::default()
        };
        let mut task = task(&sentences, &pieces, &input);
        let gold: Vec<&[Span]> = sentences.iter().map(|s| s.spans.as_slice()).collect();
        let mut f1 = 0.0;
        for epoch in 0..120 {
            for batch in task.epoch(epoch).to_vec() {
                task.step_on(&batch).unwrap();
            }
            if epoch % 10 == 9 {
                let predicted = task.predictions().unwrap().remove(0);
                f1 = entity_report(&gold, &predicted).unwrap().micro_scores().f1;
            }
            if f1 > 0.9 {
                break;
            }
        }
        assert!(f1 > 0.9, "{labels:?}: {f1}");
    }
}

/// A tokenizer's file keeps how its last user cut and padded texts.
#[test]
fn what_a_file_pads_and_cuts_to_does_not_matter_to_words() {
    let (sentences, pieces) = sentences(4);
    let mut file: serde_json::Value = serde_json::from_slice(pieces.file()).unwrap();
    file["padding"] = serde_json::json!({
        "strategy": {"Fixed": 12}, "direction": "Left", "pad_to_multiple_of": null,
        "pad_id": 5, "pad_type_id": 3, "pad_token": "<pad>",
    });
    file["truncation"] = serde_json::json!({
        "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0,
    });
    let other = XlnetTokenizer::new(&serde_json::to_vec(&file).unwrap()).unwrap();
    for word in &sentences[0].tokens {
        assert_eq!(other.word(word).unwrap(), pieces.word(word).unwrap(), "{word}");
    }
    let long = "qqqqqqqq";
    assert!(other.word(long).unwrap().len() > 2);
    assert_eq!(other.word(long).unwrap(), pieces.word(long).unwrap());
}

/// A border between windows runs through some entities: the model is as sure of them as of others.
#[test]
fn an_entity_across_windows_has_the_confidence_of_the_whole() {
    let (samples, pieces) = sentences(16);
    let mut known: Vec<String> = samples.iter().flat_map(|s| s.tokens.clone()).collect();
    known.retain(|word| pieces.word(word).unwrap().len() == 1);
    known.sort();
    known.dedup();
    let [filler, first, inner] = &known[..3] else { panic!("{known:?}") };
    let sentence = |start: usize| {
        let word = |at: usize| match at.checked_sub(start) {
            Some(0) => first.clone(),
            Some(1..6) => inner.clone(),
            _ => filler.clone(),
        };
        let tokens: Vec<String> = (0..30).map(word).collect();
        Sentence { tokens, spans: vec![Span::new(start, start + 6, "disease")], ..Sentence::default() }
    };
    let sentences: Vec<Sentence> = (0..24).map(sentence).collect();
    let input = InputConfig { max_pieces: 16, overlap: 4, ..InputConfig::default() };
    let mut task = task(&sentences, &pieces, &input);
    for epoch in 0..40 {
        for batch in task.epoch(epoch).to_vec() {
            task.step_on(&batch).unwrap();
        }
    }
    let config = Config { input, ..Config::default() };
    let model = TaggerFolder { config, labels: labels(), tokenizer: pieces, tagger: task.tagger };
    let found = find(&model, &sentences, Device::Cpu, &|_, _| ()).unwrap();
    for (sentence, found) in sentences.iter().zip(found) {
        let [(span, confidence)] = &found[..] else { panic!("{:?}: {found:?}", sentence.spans) };
        assert_eq!(*span, sentence.spans[0]);
        assert!(*confidence > 0.7, "{span:?}: {confidence}");
    }
}

#[test]
fn parts_and_padding_sides_give_the_same_step() {
    let (sentences, pieces) = sentences(16);
    let parameters = |part_size: usize, padding: Side| {
        let input = InputConfig { padding, ..InputConfig::default() };
        let mut task = task(&sentences, &pieces, &input);
        let words = WordPieces::new(&pieces);
        let train = Encoded::new(&sentences, &words, &labels(), &input).unwrap();
        let training = Training { learning_rate: 3e-3, batch_size: 8, part_size, ..Training::default() };
        let data = TaggerData { labels: labels(), train, scored: Vec::new() };
        task = TaggerTask::new(task.tagger, data, &training, Select::Last, 1, Device::Cpu).unwrap();
        let loss = task.step_on(&[0, 3, 5, 7, 9, 11, 13]).unwrap();
        (loss, task.tagger.params.get("encoder.layer.0.rel_attn.r").unwrap())
    };
    let (loss, whole) = parameters(32, Side::Right);
    for (part_size, padding) in [(2, Side::Right), (32, Side::Left)] {
        let (other, parameters) = parameters(part_size, padding);
        assert!((loss - other).abs() < 1e-4, "{loss} {other}");
        // Adam's first step is the sign of the gradient, nearly: few values may differ, and only where it is nearly 0.
        let near = (&whole - parameters).abs().lt(1e-4).to_kind(tch::Kind::Float).mean(tch::Kind::Float);
        assert!(near.double_value(&[]) > 0.99);
    }
}

#[test]
fn what_is_computed_again_gives_the_same_gradients() {
    let (sentences, pieces) = sentences(8);
    let words = WordPieces::new(&pieces);
    let train = Encoded::new(&sentences, &words, &labels(), &InputConfig::default()).unwrap();
    let batch = train.batch(&[0, 2, 4, 6], Device::Cpu).unwrap();
    let gradients = |recompute: bool| {
        let mut tagger = tagger(&pieces, LabelMode::X);
        if recompute {
            tagger.recompute();
        }
        let loss = tagger.loss(&batch).unwrap();
        loss.backward();
        (loss.double_value(&[]), tagger.params.parameters())
    };
    let ((loss, kept), (again_loss, again)) = (gradients(false), gradients(true));
    assert!((loss - again_loss).abs() < 1e-6 * loss, "{loss} {again_loss}");
    let mut compared = 0;
    for (kept, again) in kept.iter().zip(&again) {
        let [a, b] = [&kept.tensor, &again.tensor].map(tch::Tensor::grad);
        assert_eq!(a.defined(), b.defined(), "{}", kept.name);
        if a.defined() {
            let apart = (&a - &b).abs().max().double_value(&[]);
            assert!(apart <= 1e-5 * a.abs().max().double_value(&[]).max(1e-6), "{}: {apart}", kept.name);
            compared += 1;
        }
    }
    assert!(compared > 30, "{compared}");
}

#[test]
fn learning_rates_fall_by_the_decay_from_layer_to_layer() {
    let (sentences, pieces) = sentences(4);
    let input = InputConfig::default();
    let words = WordPieces::new(&pieces);
    let train = Encoded::new(&sentences, &words, &labels(), &input).unwrap();
    let training = Training { head_learning_rate: Some(1e-2), learning_rate: 1e-3, ..Training::default() };
    let data = TaggerData { labels: labels(), train, scored: Vec::new() };
    let tagger = tagger(&pieces, LabelMode::X);
    let task = TaggerTask::new(tagger, data, &training, Select::Last, 1, Device::Cpu).unwrap();
    let expected = [1e-2, 1e-3, 0.9e-3, 0.81e-3];
    for (found, expected) in task.learning_rates().into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    assert_eq!(task.learning_rates().len(), 4);
    // Adam's first step moves a parameter by its rate: so each rate is that of the layer that it is meant for.
    let mut task = task;
    let names = [
        "output.weight",
        "encoder.layer.1.ff.layer_1.weight",
        "encoder.layer.0.ff.layer_1.weight",
        "encoder.word_embedding.weight",
    ];
    let values = |task: &TaggerTask| names.map(|name| task.tagger.params.get(name).unwrap().copy());
    let before = values(&task);
    task.step_on(&[0, 1, 2, 3]).unwrap();
    for (((before, after), rate), name) in before.iter().zip(values(&task)).zip(expected).zip(names) {
        let moved = (after - before).abs().max().double_value(&[]);
        assert!((moved / rate - 1.0).abs() < 0.03, "{name}: {moved} at a rate of {rate}");
    }
}

/// With dropout the loss is a function of the parameters once the random numbers are fixed. Its slope along the gradient is the
/// gradient's length only if the second run of each layer has the masks of the first.
#[test]
fn what_is_computed_again_has_the_same_dropout() {
    let (sentences, pieces) = sentences(8);
    let words = WordPieces::new(&pieces);
    let train = Encoded::new(&sentences, &words, &labels(), &InputConfig::default()).unwrap();
    let batch = train.batch(&[0, 2, 4, 6], Device::Cpu).unwrap();
    medner_core::device::reseed(5, 0);
    let config = XlnetConfig { dropout: 0.3, ..XlnetConfig::of_width(pieces.len() as i64, 2, 32) };
    let mut tagger = XlnetCrf::new(&config, &labels(), LabelMode::X, Precision::F32, Device::Cpu).unwrap();
    tagger.recompute();
    let loss = |tagger: &XlnetCrf| {
        medner_core::device::reseed(9, 0);
        tagger.loss(&batch).unwrap()
    };
    loss(&tagger).backward();
    let parameters = tagger.params.parameters();
    let moving: Vec<_> = parameters.iter().filter(|p| p.tensor.grad().defined()).collect();
    let squares = moving.iter().map(|p| p.tensor.grad().square().sum(tch::Kind::Double).double_value(&[]));
    let length = squares.sum::<f64>().sqrt();
    const STEP: f64 = 0.02;
    let at = |step: f64| {
        let _guard = tch::no_grad_guard();
        for p in &moving {
            let mut value = p.tensor.shallow_clone();
            let _ = value.g_add_(&(p.tensor.grad() * (step / length)));
        }
        loss(&tagger).double_value(&[])
    };
    // From one side to the other, and back.
    let (above, below) = (at(STEP), at(-2.0 * STEP));
    let slope = (above - below) / (2.0 * STEP);
    assert!((slope / length - 1.0).abs() < 0.02, "{slope} against {length}");
}

/// A round starts from what the first training came to, with a fresh optimiser and the full learning rate.
#[test]
fn rounds_start_from_the_first_training_and_learn() {
    let (sentences, pieces) = sentences(8);
    let input = InputConfig::default();
    let words = WordPieces::new(&pieces);
    let train = Encoded::new(&sentences, &words, &labels(), &input).unwrap();
    let epochs = Epochs { initial: 2, rounds: 2, per_round: 1 };
    let training = Training { epochs, learning_rate: 3e-3, ..Training::default() };
    let data = TaggerData { labels: labels(), train, scored: Vec::new() };
    let tagger = tagger(&pieces, LabelMode::X);
    let mut task = TaggerTask::new(tagger, data, &training, Select::Last, 1, Device::Cpu).unwrap();
    let name = "encoder.layer.1.ff.layer_1.weight";
    let mut after: Vec<tch::Tensor> = Vec::new();
    for epoch in 0..epochs.total() {
        assert_eq!(task.batches(epoch).unwrap(), 1);
        let before = task.tagger.params.get(name).unwrap().copy();
        let _ = task.step(&At { seed: 1, epoch, batch: 0, step: epoch }).unwrap();
        let from = if epoch < epochs.initial { &before } else { &after[1] };
        let moved = (task.tagger.params.get(name).unwrap() - from).abs().max().double_value(&[]);
        assert!(moved > 1e-4, "epoch {epoch}: {moved}");
        let state = task.model().unwrap();
        assert_eq!(state.contains_key(&format!("start/{name}")), epoch >= epochs.initial);
        after.push(state[name].copy());
    }
    // With one batch an epoch, the second round does what the first did, up to the order of the sentences in the batch.
    let near = |a: &tch::Tensor, b: &tch::Tensor| {
        (a - b).abs().lt(1e-4).to_kind(tch::Kind::Float).mean(tch::Kind::Float).double_value(&[])
    };
    assert!(near(&after[2], &after[3]) > 0.98 && near(&after[1], &after[2]) < 0.5);
}
