#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::path::Path;

use medner_data::Span;

use super::*;
use crate::transfer::Lexicon;

/// A person after 我叫, a place after 我在; the same two characters elsewhere are neither.
fn corpus() -> Vec<Sentence> {
    let names = ["王明", "李华", "赵云", "钱多", "孙文"];
    let places = ["北京", "上海", "天津", "南京", "长沙"];
    let mut sentences = Vec::new();
    for (i, (name, place)) in names.iter().zip(places).enumerate() {
        let text = format!("我叫{name}在{place}的");
        let mut spans = vec![Span::new(2, 4, "PER"), Span::new(5, 7, "LOC")];
        if i == 4 {
            spans.pop();
        }
        sentences.push(Sentence {
            id: format!("s{i}"),
            tokens: text.chars().map(String::from).collect(),
            spans,
            ..Sentence::default()
        });
        let text = format!("{place}有{name}");
        sentences.push(Sentence {
            id: format!("t{i}"),
            tokens: text.chars().map(String::from).collect(),
            ..Sentence::default()
        });
    }
    sentences
}

fn lexicon() -> Lexicon {
    let words = ["我", "叫", "王明", "北京", "上海", "在", "的", "有"];
    Lexicon::new(&[Sentence {
        tokens: words.map(String::from).to_vec(),
        pos: vec!["n".into(); words.len()],
        ..Sentence::default()
    }])
    .unwrap()
}

/// A vector for every symbol but one.
fn vectors(embedding: Embedding, lexicon: &Lexicon) -> WordVectors {
    let mut vectors = WordVectors::empty(3);
    for (i, symbol) in
        cbow_text(embedding, &corpus(), &[], Some(lexicon)).unwrap().concat().iter().enumerate()
    {
        let x = i as f32;
        if vectors.get(symbol).is_none() && i != 4 {
            vectors.push(symbol, &[x.sin(), x.cos(), (2.0 * x).sin()]).unwrap();
        }
    }
    vectors
}

fn config(embedding: Embedding) -> FeatureConfig {
    FeatureConfig { embedding, window: 1, ..FeatureConfig::default() }
}

fn options() -> TrainOptions {
    TrainOptions { l2: 0.05, ..TrainOptions::default() }
}

fn finished(outcome: Outcome) -> (LinearCrf, Summary) {
    match outcome {
        Outcome::Finished(model, summary) => (*model, summary),
        Outcome::Stopped { iteration } => panic!("stopped after {iteration} iterations"),
    }
}

fn train(embedding: Embedding, run: &mut Run<'_>) -> Result<Outcome, LinearCrfError> {
    let lexicon = lexicon();
    let vectors = vectors(embedding, &lexicon);
    let resources = Resources { vectors: Some(&vectors), lexicon: Some(&lexicon) };
    LinearCrf::train(&corpus(), &config(embedding), resources, &options(), run)
}

const ALL: [Embedding; 4] =
    [Embedding::None, Embedding::Word, Embedding::Character, Embedding::CharacterPosition];

#[test]
fn every_feature_set_learns_what_it_is_shown_and_is_the_same_after_saving() {
    for embedding in ALL {
        let (model, summary) = finished(train(embedding, &mut Run::default()).unwrap());
        let gold: Vec<Vec<Span>> = corpus().into_iter().map(|s| s.spans).collect();
        assert_eq!(model.predict(&corpus()).unwrap(), gold, "{embedding:?}");
        assert_eq!(model.labels().types(), ["LOC", "PER"]);
        let dense = if embedding == Embedding::None { 0 } else { 3 * 3 * 5 };
        assert_eq!(summary.weights, summary.strings * 5 + dense + 25);
        assert!(matches!(summary.ended, Ended::Tolerance | Ended::Gradient), "{summary:?}");
        assert_eq!(summary.coverage > 0.9, embedding != Embedding::None, "{summary:?}");

        let folder = tempfile::tempdir().unwrap();
        model.save(folder.path()).unwrap();
        let loaded = LinearCrf::load(folder.path()).unwrap();
        assert_eq!(loaded, model);
        let unseen: Vec<Sentence> = ["我叫王海在北京的", "天", ""]
            .map(|text| Sentence { tokens: text.chars().map(String::from).collect(), ..Sentence::default() })
            .to_vec();
        assert_eq!(loaded.predict(&unseen).unwrap(), model.predict(&unseen).unwrap());
        assert_eq!(loaded.predict(&unseen).unwrap()[0], [Span::new(2, 4, "PER"), Span::new(5, 7, "LOC")]);
    }
}

#[test]
fn threads_change_no_bit() {
    let weights = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| finished(train(Embedding::Word, &mut Run::default()).unwrap()).0.weights)
    };
    let bits = |w: Vec<f64>| w.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(weights(1)), bits(weights(3)));
}

#[test]
fn a_stopped_training_goes_on_with_the_same_bits() {
    let (whole, expected) = finished(train(Embedding::Character, &mut Run::default()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.safetensors");
    for stop_at in [3, 11] {
        let seen = Cell::new(0);
        let mut run = Run {
            checkpoint: Some(&file),
            stop: Box::new(|| seen.get() >= stop_at),
            progress: Box::new(|p: &Progress| seen.set(p.iteration)),
            ..Run::default()
        };
        let outcome = train(Embedding::Character, &mut run).unwrap();
        assert!(matches!(outcome, Outcome::Stopped { iteration } if iteration == stop_at), "{outcome:?}");
    }
    let first = Cell::new(0);
    let mut run = Run {
        checkpoint: Some(&file),
        every: 2,
        progress: Box::new(|p: &Progress| {
            first.set(if first.get() == 0 { p.iteration } else { first.get() });
        }),
        ..Run::default()
    };
    let (resumed, summary) = finished(train(Embedding::Character, &mut run).unwrap());
    drop(run);
    assert_eq!(first.get(), 12, "it went on where it was stopped");
    assert_eq!(
        (summary.iterations, summary.objective.to_bits()),
        (expected.iterations, expected.objective.to_bits())
    );
    assert_eq!(resumed, whole);
}

fn error_with(file: &Path, change: impl FnOnce(&mut Vec<Sentence>, &mut TrainOptions)) -> String {
    let (mut sentences, mut options) = (corpus(), options());
    change(&mut sentences, &mut options);
    let mut run = Run { checkpoint: Some(file), ..Run::default() };
    LinearCrf::train(&sentences, &config(Embedding::None), Resources::default(), &options, &mut run)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_checkpoint_of_another_training_or_a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.safetensors");
    let mut run = Run { checkpoint: Some(&file), stop: Box::new(|| true), ..Run::default() };
    let started =
        LinearCrf::train(&corpus(), &config(Embedding::None), Resources::default(), &options(), &mut run);
    assert!(matches!(started, Ok(Outcome::Stopped { iteration: 1 })), "{started:?}");
    let error = error_with(&file, |_, options| options.l2 = 0.5);
    assert!(
        error.contains("options (") && error.contains(r#""l2":0.05"#) && error.contains(r#""l2":0.5"#),
        "{error}"
    );
    let error = error_with(&file, |sentences, _| sentences[0].spans.truncate(1));
    assert!(error.contains("other are: training sentences; remove it"), "{error}");
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let error = error_with(&file, |_, _| {});
    assert!(error.contains("SHA-256") && error.contains("remove it to train from the beginning"), "{error}");
    std::fs::write(&file, &bytes[..last]).unwrap();
    assert!(error_with(&file, |_, _| {}).contains("is no whole checkpoint"));
}

#[test]
fn a_damaged_model_is_refused() {
    let (model, _) = finished(train(Embedding::Word, &mut Run::default()).unwrap());
    for name in ["model.json", "names.json", "model.safetensors"] {
        let folder = tempfile::tempdir().unwrap();
        model.save(folder.path()).unwrap();
        let file = folder.path().join(name);
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x15;
        std::fs::write(&file, &bytes).unwrap();
        let error = LinearCrf::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("train the model again"), "{error}");
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(LinearCrf::load(folder.path()), Err(LinearCrfError::Io { .. })));
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let fails = |sentences: &[Sentence], features: FeatureConfig, options: TrainOptions| {
        let mut run = Run::default();
        LinearCrf::train(sentences, &features, Resources::default(), &options, &mut run)
            .unwrap_err()
            .to_string()
    };
    let none = || config(Embedding::None);
    assert!(fails(&[], none(), options()).contains("no training sentences"));
    let bare: Vec<Sentence> = corpus().into_iter().map(|s| Sentence { spans: Vec::new(), ..s }).collect();
    assert!(fails(&bare, none(), options()).contains("no entity types"));
    assert!(fails(&corpus(), config(Embedding::Character), options()).contains("needs vectors"));
    let mut empty = corpus();
    empty[3].tokens[1].clear();
    assert!(fails(&empty, none(), options()).contains("t1: token 1 is empty"));
    for (key, features, options) in [
        ("l2", none(), TrainOptions { l2: -1.0, ..options() }),
        ("tolerance", none(), TrainOptions { tolerance: f64::NAN, ..options() }),
        ("iterations", none(), TrainOptions { iterations: 0, ..options() }),
        ("period", none(), TrainOptions { period: 0, ..options() }),
        ("memory", none(), TrainOptions { memory: 0, ..options() }),
        ("scale", FeatureConfig { scale: 0.0, ..none() }, options()),
        ("min_count", FeatureConfig { min_count: 0, ..none() }, options()),
    ] {
        assert!(fails(&corpus(), features, options).contains(&format!("`{key}` is")), "{key}");
    }
    let vectors = vectors(Embedding::Word, &lexicon());
    let resources = Resources { vectors: Some(&vectors), lexicon: None };
    let error =
        LinearCrf::train(&corpus(), &config(Embedding::Word), resources, &options(), &mut Run::default())
            .unwrap_err();
    assert!(matches!(error, LinearCrfError::NoWords { .. }), "{error}");
}
