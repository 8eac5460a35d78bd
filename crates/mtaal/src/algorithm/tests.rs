//! Which parameters each line of Algorithm 1 moves, and that it moves them the right way.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;
use crate::config::{Released, Tasks, Variant};
use crate::prepare;

/// A small run on real sentences.
fn run(config: &Config) -> ActiveLearning {
    let mut config = config.clone();
    config.limits = crate::config::Limits { labelled: 8, pool: 8, test: 4 };
    (config.model.characters, config.model.words, config.model.hidden) = (6, 8, 8);
    config.training.batch_size = 4;
    let config = Config::read(&serde_json::to_value(&config).unwrap()).unwrap();
    let collection = prepare::collection("sample-mtaal-ncbi").unwrap();
    let data = prepare::prepare(&config, &collection).unwrap();
    let (words, _) = prepare::word_matrix(&config, &data.encoding.words, None, 1).unwrap();
    let networks = prepare::build(&config, &data.encoding, &words, 1, Device::Cpu).unwrap();
    ActiveLearning::new(&config, networks, data, 1, Device::Cpu, Keep::Last, Box::new(|_, _| Ok(()))).unwrap()
}

fn batch(run: &ActiveLearning) -> (Vec<u32>, Vec<u32>) {
    let pool = &run.state.pool;
    (pool.labelled[..4].to_vec(), pool.unlabelled[..4].to_vec())
}

/// The parameters that differ.
fn moved(before: &NamedTensors, after: &NamedTensors) -> BTreeSet<String> {
    before.iter().filter(|(name, tensor)| **tensor != after[*name]).map(|(name, _)| name.clone()).collect()
}

/// The parts of the networks that these parameters belong to.
fn parts(names: &BTreeSet<String>) -> Vec<&str> {
    let parts: BTreeSet<&str> = names.iter().filter_map(|name| name.split('.').next()).collect();
    parts.into_iter().collect()
}

/// `value` with the parameters of these parts as they are in `other`, and the rest as in `ground`.
fn with(
    run: &ActiveLearning,
    ground: &NamedTensors,
    (other, part): (&NamedTensors, &str),
    value: impl Fn() -> f64,
) -> f64 {
    let mixed = ground.iter().map(|(name, tensor)| {
        let from = if name.starts_with(part) { &other[name] } else { tensor };
        (name.clone(), from.shallow_clone())
    });
    run.networks.params.load(&mixed.collect()).unwrap();
    tch::no_grad(value)
}

#[test]
fn lines_3_and_4_move_the_discriminator_and_then_the_encoder() {
    let mut run = run(&Config::default());
    let (labelled, unlabelled) = batch(&run);
    let before = run.model().unwrap();
    run.diversity_step(&labelled, &unlabelled).unwrap();
    let after = run.model().unwrap();
    assert_eq!(parts(&moved(&before, &after)), ["diversity_discriminator", "encoder"]);
    let value = |loss: fn(&Tensor, &Tensor, Reward) -> Result<Tensor>| {
        let x = run.input(&labelled, &unlabelled, false).unwrap();
        let e = run.networks.encoder.forward(&x).unwrap();
        let judged = run.networks.diversity_discriminator.log_probabilities(&e, &x.sentences).unwrap();
        let [l, u] = halves(&judged, &x).unwrap();
        loss(&l, &u, Reward::Logarithm).unwrap().double_value(&[])
    };
    let (new, old) = ((&after, "diversity_discriminator"), (&before, "diversity_discriminator"));
    // Line 3 lowers (3) while the encoder stands still; line 4 lowers (4) against the new discriminator.
    let equation_3 = || value(losses::diversity_discriminator);
    assert!(with(&run, &before, new, equation_3) < with(&run, &before, old, equation_3));
    let equation_4 = || value(losses::diversity_encoder);
    assert!(with(&run, &after, new, equation_4) < with(&run, &before, new, equation_4));
}

#[test]
fn line_10_lowers_what_line_11_raises_each_by_its_own_parameters() {
    let mut run = run(&Config::default());
    let (labelled, unlabelled) = batch(&run);
    let value = |run: &ActiveLearning| {
        let x = run.input(&labelled, &unlabelled, false).unwrap();
        let e = run.networks.encoder.forward(&x).unwrap();
        tch::no_grad(|| run.task_game_value(&e, &x)).unwrap().double_value(&[])
    };
    let (before, at_first) = (run.model().unwrap(), value(&run));
    run.share_step(&labelled, &unlabelled).unwrap();
    let (shared, lower) = (run.model().unwrap(), value(&run));
    assert_eq!(parts(&moved(&before, &shared)), ["encoder"]);
    assert!(lower < at_first, "{lower} {at_first}");
    run.private_step(&labelled, &unlabelled).unwrap();
    let (private, higher) = (run.model().unwrap(), value(&run));
    let by_line_11 = moved(&shared, &private);
    assert_eq!(parts(&by_line_11), ["nen", "ner", "task_discriminator"]);
    // The private features p_k are what the attention gives: the decoders' readers and outputs have no part in them.
    assert!(by_line_11.iter().all(|name| !name.starts_with("ne") || name.contains(".attention.")));
    assert!(higher > lower, "{higher} {lower}");
}

#[test]
fn line_14_moves_the_encoder_and_the_decoders_that_are_trained() {
    for (tasks, expected) in [
        (Tasks::Both, vec!["encoder", "nen", "ner"]),
        (Tasks::Ner, vec!["encoder", "ner"]),
        (Tasks::Nen, vec!["encoder", "nen"]),
    ] {
        let mut run = run(&Config { tasks, ..Config::default() });
        let labelled = batch(&run).0;
        let before = run.model().unwrap();
        let first = run.task_step(&labelled).unwrap();
        assert_eq!(parts(&moved(&before, &run.model().unwrap())), expected);
        assert!(run.task_step(&labelled).unwrap() < first, "{tasks:?}");
    }
}

/// The words' reader of the unlabelled branch, and the vectors.
const POOL_READER: &str = "encoder.pool_character_bilstm";

#[test]
fn the_released_games_move_what_they_move_there() {
    let config = Config { variant: Variant::Released, released: Released::all(), ..Config::default() };
    let mut run = run(&config);
    let (labelled, unlabelled) = batch(&run);
    let before = run.model().unwrap();
    run.diversity_step(&labelled, &unlabelled).unwrap();
    let played = run.model().unwrap();
    let by_game = moved(&before, &played);
    assert_eq!(parts(&by_game), ["diversity_discriminator", "encoder"]);
    assert!(by_game.iter().any(|name| name.starts_with(POOL_READER)));
    assert!(!by_game.contains(WORD_VECTORS) && !by_game.contains(CHARACTER_VECTORS));
    // Outside that game everything is read as labelled sentences are.
    run.task_game_step(&labelled, &unlabelled).unwrap();
    run.task_step(&labelled).unwrap();
    let after = run.model().unwrap();
    let others = moved(&played, &after);
    assert!(others.contains(WORD_VECTORS) && others.contains("encoder.character_bilstm.weight_hh_l0"));
    assert!(!others.iter().any(|name| name.starts_with(POOL_READER)));
    let scores = |run: &ActiveLearning| {
        let examples = run.examples(&unlabelled);
        judging::diversity(&run.networks, &run.data.forms, &examples, Device::Cpu, &|_, _| ()).unwrap()
    };
    let found = scores(&run);
    let mut without = after;
    for (_, tensor) in without.iter_mut().filter(|(name, _)| name.starts_with(POOL_READER)) {
        *tensor = tensor.zeros_like();
    }
    run.networks.params.load(&without).unwrap();
    assert_eq!(scores(&run), found);
}

#[test]
fn released_batches_are_whole_and_random() {
    let config = Config { variant: Variant::Released, released: Released::all(), ..Config::default() };
    let mut run = run(&config);
    run.state.pool.labelled.truncate(7);
    let plan = run.round(0);
    let (labelled, _) = run.batch(0, Part::Tasks, 0, 0).unwrap();
    assert_eq!(labelled.len(), 4);
    assert_eq!(run.in_hand.as_ref().unwrap().labelled.len(), 1, "7 sentences are one batch of 4");
    // 7 and the sentences of the first query, which are all 8 of the pool.
    assert_eq!(plan.tasks, 15 / 4);
}
