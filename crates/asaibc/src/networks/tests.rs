//! The rows of Tables 6 and 7 as networks: what each has, and that padding and gradients go where they should.
#![allow(clippy::unwrap_used)]

use medner_core::device;
use medner_core::layers::Batch;
use medner_core::params::Params;
use medner_metrics::{LabelSet, TagScheme};
use tch::{Device, Kind, Tensor};

use super::*;
use crate::config::ModelConfig;

/// A narrow network of a row: adversarial transfer, self-attention, layers of IndRNN, fully connected.
fn row(transfer: bool, attention: bool, layers: usize, fully_connected: i64) -> ModelConfig {
    let mut config =
        ModelConfig { transfer, self_attention: attention, fully_connected, ..ModelConfig::default() };
    (config.embedding, config.position, config.hidden) = (6, 2, 4);
    (config.indrnn.layers, config.indrnn.hidden, config.separation.discriminator.hidden) = (layers, 4, 5);
    config
}

fn tagger(config: &ModelConfig) -> Tagger {
    device::reseed(1, 0);
    let labels = LabelSet::new(TagScheme::Bio, ["a", "b"]).unwrap();
    Tagger::new(config, &Start::Random(30), &labels, 12, Device::Cpu).unwrap()
}

fn batch(sentences: &[&[u32]]) -> (Batch, Tensor) {
    let batch = Batch::new(sentences, Device::Cpu).unwrap();
    let tags = batch.ids.remainder(3) * &batch.mask;
    (batch, tags)
}

const SENTENCES: [&[u32]; 3] = [&[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], &[16, 17, 2], &[20]];

#[test]
fn each_row_has_the_layers_of_its_name() {
    let parts = |config: &ModelConfig| -> Vec<String> {
        let mut parts: Vec<String> = tagger(config)
            .params
            .names()
            .iter()
            .map(|n| n.split('.').take(2).collect::<Vec<_>>().join("."))
            .collect();
        parts.dedup();
        parts.retain(|part| {
            part.starts_with("separation") || part.starts_with("joint") || part.starts_with("words")
        });
        parts
    };
    let transfer = ["words.output", "words.crf"];
    let separation = ["shared", "private_entities", "private_words", "decoder", "discriminator"];
    let with = |joint: &[&str], transfers: bool| -> Vec<String> {
        let mut expected: Vec<String> = Vec::new();
        if transfers {
            expected.extend(separation.iter().map(|s| format!("separation.{s}")));
            expected.extend(transfer.iter().map(ToString::to_string));
        }
        expected.extend(joint.iter().map(|s| format!("joint.{s}")));
        expected
    };
    assert_eq!(parts(&row(false, false, 0, 0)), with(&["bilstm"], false));
    assert_eq!(parts(&row(true, false, 0, 0)), with(&["bilstm"], true));
    assert_eq!(parts(&row(true, true, 0, 8)), with(&["attention", "bilstm", "fully_connected"], true));
    assert_eq!(parts(&row(false, true, 0, 8)), with(&["attention", "bilstm", "fully_connected"], false));
    assert_eq!(
        parts(&row(true, true, 2, 8)),
        with(&["attention", "indrnn", "bilstm", "fully_connected"], true)
    );
}

#[test]
fn a_sentence_is_read_alike_alone_and_in_a_batch() {
    for config in [row(false, false, 0, 0), row(true, true, 2, 8)] {
        let tagger = tagger(&config);
        let (together, _) = batch(&SENTENCES);
        let posteriors = |batch: &Batch| -> Vec<f64> {
            let all = tagger.decode_with_posterior(batch).unwrap();
            all.iter().map(|(_, posterior)| posterior.log_z()).collect()
        };
        let (all, words) = (posteriors(&together), tagger.segment(&together).unwrap());
        for (i, sentence) in SENTENCES.iter().enumerate() {
            let (alone, _) = batch(&[sentence]);
            assert!((posteriors(&alone)[0] - all[i]).abs() < 1e-4);
            if let Some(words) = &words {
                assert_eq!(tagger.segment(&alone).unwrap().unwrap()[0], words[i]);
            }
        }
        assert_eq!(words.is_some(), config.transfer);
    }
}

/// Names of the parameters whose gradient is not all 0.
fn reached(tagger: &Tagger, loss: &Tensor) -> Vec<String> {
    loss.backward();
    let touched = |t: &Tensor| t.grad().defined() && t.grad().abs().max().double_value(&[]) > 0.0;
    let names =
        tagger.params.parameters().into_iter().filter(|p| touched(&p.tensor)).map(|p| p.name).collect();
    for parameter in tagger.params.parameters() {
        parameter.tensor.shallow_clone().zero_grad();
    }
    names
}

#[test]
fn each_task_moves_what_it_shares_and_its_own_part_only() {
    let tagger = tagger(&row(true, true, 2, 8));
    let (batch, tags) = batch(&SENTENCES);
    let entities = reached(&tagger, &tagger.entity_losses(&batch, &tags, 1.0).unwrap().total);
    let words = tagger.word_losses(&batch, &tags, &[1.0, 0.5, 0.25], 1.0).unwrap().unwrap();
    let words = reached(&tagger, &words.total);
    let has = |names: &[String], part: &str| names.iter().any(|name| name.starts_with(part));
    for shared in [
        "input.characters",
        "input.positions",
        "separation.shared",
        "separation.decoder",
        "separation.discriminator",
    ] {
        assert!(has(&entities, shared) && has(&words, shared), "{shared}");
    }
    for own in
        ["separation.private_entities", "joint.attention", "joint.indrnn", "joint.bilstm", "output", "crf"]
    {
        assert!(has(&entities, own) && !has(&words, own), "{own}");
    }
    for own in ["separation.private_words", "words.output", "words.crf"] {
        assert!(!has(&entities, own) && has(&words, own), "{own}");
    }
}

#[test]
fn weights_of_sentences_scale_their_part_of_the_loss() {
    let mut config = row(true, false, 0, 0);
    config.dropout = 0.0;
    let tagger = tagger(&config);
    let (all, tags) = batch(&SENTENCES);
    let task = |batch: &Batch, tags: &Tensor, weights: &[f64]| {
        tagger.word_losses(batch, tags, weights, 1.0).unwrap().unwrap().task.double_value(&[])
    };
    let alone: Vec<f64> = SENTENCES
        .iter()
        .map(|sentence| {
            let (one, tags) = batch(&[sentence]);
            task(&one, &tags, &[1.0])
        })
        .collect();
    let expected = (0.2 * alone[0] + alone[1] + 0.5 * alone[2]) / 3.0;
    assert!((task(&all, &tags, &[0.2, 1.0, 0.5]) - expected).abs() < 1e-4);
}

#[test]
fn positions_after_the_last_share_its_vector_and_padding_characters_are_zero() {
    device::reseed(1, 0);
    let params = Params::new(Device::Cpu);
    let input = Input::new(&params.root(), &row(false, false, 0, 0), &Start::Random(30), 12).unwrap();
    let (long, _) = batch(&[&[2; 20]]);
    let xs = input.forward(&long).unwrap();
    assert_eq!(xs.size(), [1, 24, 8]);
    let positions = xs.narrow(2, 6, 2).squeeze_dim(0);
    let table = params.get("positions.weight").unwrap();
    assert!(positions.get(0).equal(&table.get(1)) && positions.get(11).equal(&table.get(12)));
    assert!(positions.get(19).equal(&table.get(12)));
    let bound = table.abs().max().double_value(&[]);
    assert!(bound <= 0.1 && bound > 0.05, "{bound}");
    let characters = xs.narrow(1, 20, 4).narrow(2, 0, 6).abs().sum(Kind::Float).double_value(&[]);
    assert!(characters.abs() < 1e-12, "padding characters are 0");
}
