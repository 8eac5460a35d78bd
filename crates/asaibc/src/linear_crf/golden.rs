//! Against CRFsuite (`tools/golden/linear_crf.py`): the same features and penalty have the same minimum, with the same probabilities.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use medner_metrics::TagScheme;
use serde::Deserialize;

use super::chain::Scratch;
use super::*;

#[derive(Deserialize)]
struct Golden {
    l2: f64,
    labels: Vec<String>,
    train: Vec<Train>,
    test: Vec<String>,
    vectors: BTreeMap<String, [f32; 2]>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Train {
    text: String,
    tags: String,
}

#[derive(Deserialize)]
struct Case {
    window: Option<usize>,
    loss: f64,
    predicted: Vec<String>,
    /// Per sentence, character and label.
    marginals: Vec<Vec<Vec<f64>>>,
}

fn sentence(text: &str, spans: Vec<Span>) -> Sentence {
    Sentence {
        id: text.to_owned(),
        tokens: text.chars().map(String::from).collect(),
        spans,
        ..Sentence::default()
    }
}

/// The marginals of a sentence's labels under a model, `[T, K]`.
fn marginals(model: &LinearCrf, text: &str) -> Vec<f64> {
    let shape = model.shape();
    let encoded = model.encode(&[sentence(text, Vec::new())]).unwrap();
    let by_row = scores_by_row(&shape, &model.vectors, &model.weights);
    let mut scores = Vec::new();
    encoded.scores(0..encoded.positions(), &model.weights, &by_row, shape.tags, &mut scores);
    let mut marginals = vec![0.0; scores.len()];
    let mut pairs = vec![0.0; shape.tags * shape.tags];
    let chain = Chain::new(shape.tags, &model.weights[shape.moves()]);
    chain.marginals(&scores, &mut marginals, &mut pairs, &mut Scratch::default());
    marginals
}

#[test]
fn crfsuite_finds_the_same_model() {
    let golden: Golden = serde_json::from_str(include_str!("../../tests/golden/linear_crf.json")).unwrap();
    let train: Vec<Sentence> = golden
        .train
        .iter()
        .map(|s| {
            let tags: Vec<&str> = s.tags.split(' ').collect();
            sentence(&s.text, TagScheme::Bio.decode(&tags).unwrap())
        })
        .collect();
    let mut vectors = WordVectors::empty(2);
    let mut squares = 0.0;
    for (symbol, vector) in &golden.vectors {
        vectors.push(symbol, vector).unwrap();
        squares += vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
    }
    // Their own scale, so that they stay as they are.
    let scale = (squares / (2 * golden.vectors.len()) as f64).sqrt();
    let options =
        TrainOptions { l2: golden.l2, tolerance: 0.0, constrained: false, ..TrainOptions::default() };
    for case in &golden.cases {
        let features = FeatureConfig {
            embedding: case.window.map_or(Embedding::None, |_| Embedding::Character),
            window: case.window.unwrap_or(0),
            scale,
            ..FeatureConfig::default()
        };
        let resources = Resources { vectors: Some(&vectors), lexicon: None };
        let outcome = LinearCrf::train(&train, &features, resources, &options, &mut Run::default()).unwrap();
        let Outcome::Finished(model, summary) = outcome else { panic!("nobody stopped it") };
        let window = case.window;
        // CRFsuite reports its loss with six decimal places.
        assert!((summary.objective - case.loss).abs() < 2e-6, "{window:?}: {summary:?} for {}", case.loss);
        assert_eq!(model.labels().tags(), golden.labels);
        let predicted: Vec<String> = model
            .predict(&train)
            .unwrap()
            .iter()
            .zip(&train)
            .map(|(spans, s)| TagScheme::Bio.encode(s.tokens.len(), spans).unwrap().join(" "))
            .collect();
        assert_eq!(predicted, case.predicted, "{window:?}");
        for (text, expected) in golden.test.iter().zip(&case.marginals) {
            for (found, expected) in marginals(&model, text).iter().zip(expected.concat()) {
                assert!((found - expected).abs() < 2e-5, "{window:?} {text}: {found} for {expected}");
            }
        }
    }
}
