//! Which parameters each line of Algorithm 1 moves, and that it moves them the right way.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use medner_core::checkpoint::Settings;
use medner_core::device;
use medner_core::trainer::{Silent, Trainer, TrainerConfig};

use super::games::halves;
use super::*;
use crate::config::{Released, Tasks, Variant};
use crate::corpus::{Encoding, EncodingOptions};
use crate::networks::{CHARACTER_VECTORS, WORD_VECTORS};
use crate::prepare;
use crate::scores::Strategy;
use crate::words::WordForms;
use medner_data::vocabulary::UNK;
use medner_data::{Sentence, Span};

/// A small run on real sentences.
fn run(config: &Config) -> ActiveLearning {
    let mut config = config.clone();
    config.limits = crate::config::Limits { labelled: 8, pool: 8, test: 4 };
    (config.model.characters, config.model.words, config.model.hidden) = (6, 8, 8);
    config.training.batch_size = 4;
    let config = Config::read(&serde_json::to_value(config.for_its_job()).unwrap()).unwrap();
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
        let dd = &run.networks.diversity_discriminator;
        let judged = dd.log_probabilities_for_losses(&e, &x.sentences).unwrap();
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
fn without_line_4_the_discriminator_learns_and_the_encoder_stands_still() {
    let mut config = Config::default();
    config.diversity_discriminator.moves_encoder = false;
    let mut run = run(&config);
    let (labelled, unlabelled) = batch(&run);
    let before = run.model().unwrap();
    run.diversity_step(&labelled, &unlabelled).unwrap();
    assert_eq!(parts(&moved(&before, &run.model().unwrap())), ["diversity_discriminator"]);
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
    let mut encoder = run.optimizers.game_encoder.take().unwrap();
    let mut private = run.optimizers.game_private.take().unwrap();
    let encoded = |run: &ActiveLearning| {
        let x = run.input(&labelled, &unlabelled, false).unwrap();
        run.networks.encoder.forward(&x).unwrap()
    };
    let x = run.input(&labelled, &unlabelled, false).unwrap();
    assert!((run.share_step(&mut encoder, &encoded(&run), &x).unwrap() - at_first).abs() < 1e-6);
    let (shared, lower) = (run.model().unwrap(), value(&run));
    assert_eq!(parts(&moved(&before, &shared)), ["encoder"]);
    assert!(lower < at_first, "{lower} {at_first}");
    run.private_step(&mut private, &encoded(&run), &x).unwrap();
    let (maximised, higher) = (run.model().unwrap(), value(&run));
    let by_line_11 = moved(&shared, &maximised);
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

/// The released code's run, all of it.
fn released() -> ActiveLearning {
    run(&Config { variant: Variant::Released, released: Released::all(), ..Config::default() })
}

#[test]
fn the_released_losses_judge_the_padding_and_its_scores_do_not() {
    let run = released();
    let (labelled, unlabelled) = batch(&run);
    let x = run.input(&labelled, &unlabelled, false).unwrap();
    let e = run.networks.encoder.forward(&x).unwrap();
    let dd = &run.networks.diversity_discriminator;
    let words: usize = x.sentences.lengths.iter().sum();
    let scored = dd.log_probabilities(&e, &x.sentences).unwrap();
    assert_eq!(scored.size(), [words as i64, 2]);
    let judged = dd.log_probabilities_for_losses(&e, &x.sentences).unwrap();
    let positions = crate::config::RELEASED_LENGTH as i64;
    assert_eq!(judged.size(), [8 * positions, 2]);
    let [l, u] = halves(&judged, &x).unwrap();
    assert_eq!((l.size()[0], u.size()[0]), (4 * positions, 4 * positions));
    // The loss is `reduce_mean` over all positions.
    let mean = |judged: &Tensor, class| {
        let p = judged.select(1, class).exp().mean(tch::Kind::Float).double_value(&[]);
        16.118_095_650_958_32 * (1.0 - p)
    };
    let expected = mean(&l, losses::LABELLED) + mean(&u, losses::UNLABELLED);
    let loss = losses::diversity_discriminator(&l, &u, run.reward).unwrap().double_value(&[]);
    assert!((loss - expected).abs() < 1e-4, "{loss} {expected}");
}

#[test]
fn in_one_run_of_the_session_the_encoder_meets_the_discriminator_as_it_was() {
    // The moments of line 4's gradient, and the model after both lines.
    let after = |one_solver_run: bool, learning_rate: f64| {
        let mut config =
            Config { variant: Variant::Released, released: Released::all(), ..Config::default() };
        config.released.one_solver_run = one_solver_run;
        config.diversity_discriminator.learning_rate = learning_rate;
        let mut run = run(&config);
        let (labelled, unlabelled) = batch(&run);
        run.diversity_step(&labelled, &unlabelled).unwrap();
        let mut moments = run.optimizers.diversity_encoder.as_ref().unwrap().state().unwrap();
        assert!(moments.remove("learning_rates").is_some());
        (moments, run.model().unwrap())
    };
    let ((apart, _), (together, model)) = (after(false, 0.1), after(true, 0.1));
    // How far line 3 moves the discriminator does not matter to an encoder that meets the old one.
    let (slowly, other) = after(true, 1e-4);
    assert!(moved(&other, &model).iter().any(|name| name.starts_with("diversity_discriminator")));
    assert_eq!(moved(&together, &slowly), BTreeSet::new());
    assert!(!moved(&together, &apart).is_empty());
}

#[test]
fn one_encoding_for_both_released_steps_gives_the_bytes_of_two() {
    let (mut once, mut twice) = (released(), released());
    let (labelled, unlabelled) = batch(&once);
    once.task_game_step(&labelled, &unlabelled).unwrap();
    let mut encoder = twice.optimizers.game_encoder.take().unwrap();
    let mut private = twice.optimizers.game_private.take().unwrap();
    for (labelled, unlabelled) in [(&labelled[..], &[][..]), (&[][..], &unlabelled[..])] {
        let x = twice.input(labelled, unlabelled, false).unwrap();
        let e = tch::no_grad(|| twice.networks.encoder.forward(&x)).unwrap();
        twice.private_step(&mut private, &e, &x).unwrap();
        let e = twice.networks.encoder.forward(&x).unwrap();
        twice.share_step(&mut encoder, &e, &x).unwrap();
    }
    assert_eq!(moved(&once.model().unwrap(), &twice.model().unwrap()), BTreeSet::new());
}

#[test]
fn a_game_whose_gradient_is_no_number_ends_the_run() {
    for part in ["diversity_discriminator", "task_discriminator"] {
        let mut run = run(&Config::default());
        let (labelled, unlabelled) = batch(&run);
        let mut broken = run.model().unwrap();
        let weight = broken.get_mut(&format!("{part}.output.weight")).unwrap();
        *weight = weight.full_like(f64::NAN);
        run.networks.params.load(&broken).unwrap();
        let error = match part {
            "task_discriminator" => run.task_game_step(&labelled, &unlabelled),
            _ => run.diversity_step(&labelled, &unlabelled),
        };
        assert!(matches!(error, Err(CoreError::GradientNotFinite { .. })), "{part}: {error:?}");
    }
}

/// Plays all rounds, and what was chosen in them, in order.
fn chosen(config: &Config) -> Vec<u32> {
    let mut run = run(config);
    let (before, mut step) = (run.pool().labelled.len(), 0);
    for epoch in 0..config.query.times {
        for batch in 0..run.batches(epoch).unwrap() {
            device::reseed(1, step);
            run.step(&At { seed: 1, epoch, batch, step }).unwrap();
            step += 1;
        }
        let scored = run.evaluate(epoch).unwrap().unwrap().metrics;
        assert_eq!(scored.contains_key("ner_f1"), !config.query.choices_only);
        assert_eq!(scored["labelled"], run.pool().labelled.len() as f64);
    }
    run.pool().labelled[before..].to_vec()
}

#[test]
fn the_same_sentences_are_chosen_where_only_choices_count() {
    for strategy in [Strategy::Random, Strategy::Lc, Strategy::Diversity] {
        let mut config = Config { strategy, ..Config::default() };
        (config.query.times, config.query.sentences) = (3, 2);
        let whole = chosen(&config);
        config.query.choices_only = true;
        assert_eq!(chosen(&config), whole, "{strategy}");
        assert_eq!(whole.len(), 6);
    }
}

#[test]
fn seconds_of_a_round_are_kept_through_a_resume() {
    let mut interrupted = run(&Config::default());
    for batch in 0..3 {
        interrupted.step(&At { seed: 1, epoch: 0, batch, step: batch }).unwrap();
    }
    let spent = interrupted.state.seconds;
    assert!(spent.discriminators > 0.0 && spent.scoring > 0.0, "{spent:?}");
    let mut resumed = run(&Config::default());
    resumed.load_state(&interrupted.state()).unwrap();
    assert_eq!(resumed.state, interrupted.state);
    // A checkpoint of a version that did not save them.
    let mut old = interrupted.state();
    old.as_object_mut().unwrap().remove("seconds");
    resumed.load_state(&old).unwrap();
    assert_eq!(resumed.state.seconds, Seconds::default());
}

#[test]
fn sentences_are_named_where_batches_come_again() {
    let mut run = run(&Config::default());
    run.state.pool.unlabelled.truncate(4);
    let at = At { seed: 1, epoch: 0, batch: 1, step: 1 };
    run.step(&at).unwrap();
    let names = |ids: &[u32]| ids.iter().map(|&id| run.data.names[id as usize].clone()).collect::<Vec<_>>();
    let hand = run.in_hand.as_ref().unwrap();
    assert_eq!((hand.labelled.len(), hand.unlabelled.len()), (2, 1));
    assert_eq!(run.sentences(&at), [names(&hand.labelled[1]), names(&hand.unlabelled[0])].concat());
}

#[test]
fn the_development_score_is_the_mean_f1_of_the_tasks() {
    let f1 = |ner, nen| Metrics { ner_f1: ner, nen_f1: nen, ..Metrics::default() };
    assert!((development_score(&f1(Some(0.5), Some(0.0))) - 0.25).abs() < 1e-12);
    assert!((development_score(&f1(Some(0.5), None)) - 0.5).abs() < 1e-12);
}

/// Trains through [`Trainer`]; the parameters and the optimisers' state at the end.
fn run_through(mut task: ActiveLearning, folder: &std::path::Path, trainer: TrainerConfig) -> NamedTensors {
    let settings = Settings { seed: 1, ..Settings::default() };
    Trainer::new(folder, trainer, settings, &Silent).run(&mut task).unwrap();
    let mut all = task.model().unwrap();
    all.extend(task.optimizers().unwrap());
    all
}

/// Trains with short rounds, of which only the last is scored.
fn trained(folder: &std::path::Path, epochs: u64, save_unscored: bool) -> NamedTensors {
    let mut config = Config { strategy: Strategy::Random, ..Config::default() };
    (config.query.sentences, config.query.times, config.query.evaluate_every) = (1, 4, 4);
    let trainer = TrainerConfig { epochs, save_unscored, keep: 9, ..TrainerConfig::default() };
    run_through(run(&config), folder, trainer)
}

#[test]
fn rounds_that_are_not_scored_need_no_checkpoint_and_the_end_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = |name: &str| {
        let entries = std::fs::read_dir(folder.path().join(name)).unwrap();
        entries.filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("step-")).count()
    };
    let each = trained(&folder.path().join("each"), 4, true);
    let few = trained(&folder.path().join("few"), 4, false);
    assert_eq!((checkpoints("each"), checkpoints("few")), (4, 1));
    assert_eq!(moved(&each, &few), BTreeSet::new());
    // Ended after two rounds, which is saved though nothing was scored, and gone on with.
    trained(&folder.path().join("resumed"), 2, false);
    assert_eq!(checkpoints("resumed"), 1);
    let resumed = trained(&folder.path().join("resumed"), 4, false);
    assert_eq!(moved(&each, &resumed), BTreeSet::new());
}

#[test]
fn the_released_code_asks_both_tasks_where_one_is_trained() {
    let scores = |tasks, scores_of_both_tasks| {
        let released = Released { scores_of_both_tasks, ..Released::default() };
        let run = run(&Config { tasks, strategy: Strategy::Entropy, released, ..Config::default() });
        let chooser = querying::Chooser {
            config: &run.config,
            networks: &run.networks,
            forms: &run.data.forms,
            device: Device::Cpu,
        };
        let scores = chooser.scores(&run.examples(&run.state.pool.unlabelled), &|_, _| ()).unwrap();
        scores.into_iter().map(|score| score.value).collect::<Vec<f64>>()
    };
    let (one, both) = (scores(Tasks::Ner, false), scores(Tasks::Both, false));
    assert!(one.iter().zip(&both).all(|(one, both)| one < both));
    assert_eq!(scores(Tasks::Ner, true), both);
}

/// A run on eight sentences of one's own: the last word of each stands once, and so do some of its characters. The first sentence
/// is tested too.
fn of_own_files() -> ActiveLearning {
    let mut config = Config { strategy: Strategy::Random, ..Config::default() };
    (config.model.characters, config.model.words, config.model.hidden) = (6, 8, 8);
    (config.training.batch_size, config.query.times) = (4, 4);
    config.diversity_discriminator.on = false;
    let sentence = |word: &str| Sentence {
        id: word.into(),
        tokens: ["Patient", "had", "fever", word].map(String::from).to_vec(),
        spans: vec![Span::new(2, 3, "Disease")],
        concepts: ["O", "O", "D5", "O"].map(String::from).to_vec(),
        ..Sentence::default()
    };
    let sentences =
        ["alpha", "beta", "gamma", "delta", "zeta", "kappa", "lambda", "omega"].map(sentence).to_vec();
    let encoding = Encoding::count(&sentences, EncodingOptions::PAPER).unwrap();
    let encoded = encoding.encode(&sentences).unwrap();
    let (words, _) = prepare::word_matrix(&config, &encoding.words, None, 1).unwrap();
    let networks = prepare::build(&config, &encoding, &words, 1, Device::Cpu).unwrap();
    let data = Prepared {
        forms: WordForms::of(&encoded),
        examples: encoded.examples,
        encoding,
        names: sentences.into_iter().map(|s| s.id).collect(),
        pool: ActivePool { labelled: (0..8).collect(), unlabelled: Vec::new() },
        test: vec![0],
        missed: Missed::default(),
        notes: BTreeMap::new(),
    };
    ActiveLearning::new(&config, networks, data, 1, Device::Cpu, Keep::Last, Box::new(|_, _| Ok(()))).unwrap()
}

#[test]
fn the_unknown_word_and_character_are_trained_where_what_stands_once_is_read_as_them() {
    let unknown = |run: &ActiveLearning| {
        [WORD_VECTORS, CHARACTER_VECTORS].map(|name| {
            let row = run.networks.params.get(name).unwrap().get(i64::from(UNK));
            Vec::<f32>::try_from(row).unwrap()
        })
    };
    let all: Vec<u32> = (0..8).collect();
    for own_files in [false, true] {
        let mut run = of_own_files();
        if own_files {
            run.train_unknown().unwrap();
        }
        let before = unknown(&run);
        for step in 0..12 {
            device::reseed(1, step);
            run.task_step(&all).unwrap();
        }
        let moved = before.iter().zip(unknown(&run)).map(|(before, after)| *before != after);
        assert_eq!(moved.collect::<Vec<_>>(), [own_files; 2]);
    }
}

#[test]
fn only_what_stands_once_is_read_as_unknown_and_the_step_decides_which() {
    let mut run = of_own_files();
    let all: Vec<u32> = (0..8).collect();
    let read = |run: &ActiveLearning, step| {
        device::reseed(1, step);
        let words = run.input(&all, &[], false).unwrap().words;
        (Vec::<i64>::try_from(&words.words).unwrap(), words.spelling.rows().to_vec())
    };
    let plain = read(&run, 0);
    run.train_unknown().unwrap();
    let (words, characters) = read(&run, 0);
    assert_eq!(read(&run, 0), (words.clone(), characters.clone()));
    assert!((1..20).any(|step| read(&run, step).0 != words));
    let vocabulary = &run.data.encoding;
    for (&was, &is) in plain.0.iter().zip(&words) {
        let word = vocabulary.words.word(was as u32).unwrap();
        assert!(
            was == is || (is == i64::from(UNK) && !["patient", "had", "fever"].contains(&word)),
            "{word}"
        );
    }
    for (&was, &is) in plain.1.iter().zip(&characters) {
        let character = vocabulary.characters.word(was).unwrap();
        // What stands once in the words of the eight sentences.
        assert!(was == is || (is == UNK && ["z", "k", "o"].contains(&character)), "{character}");
    }
}

/// As `trained`, with the unknown word and character.
fn trained_on_own_files(folder: &std::path::Path, epochs: u64) -> NamedTensors {
    let mut task = of_own_files();
    task.train_unknown().unwrap();
    run_through(task, folder, TrainerConfig { epochs, keep: 9, ..TrainerConfig::default() })
}

#[test]
fn what_is_read_as_unknown_is_the_same_after_a_resume() {
    let folder = tempfile::tempdir().unwrap();
    let whole = trained_on_own_files(&folder.path().join("whole"), 4);
    let half = trained_on_own_files(&folder.path().join("resumed"), 2);
    let resumed = trained_on_own_files(&folder.path().join("resumed"), 4);
    assert_eq!(moved(&whole, &resumed), BTreeSet::new());
    assert!(!moved(&half, &resumed).is_empty());
}

#[test]
fn mentions_without_a_place_are_missed_by_the_development_score() {
    let mut run = of_own_files();
    let right =
        |labels: &[u32]| judging::Judgement { labels: labels.to_vec(), ..judging::Judgement::default() };
    let example = &run.data.examples[0];
    let judgements = judging::Judgements { ner: vec![right(&example.ner)], nen: vec![right(&example.nen)] };
    let metrics =
        querying::metrics(&run.config, &run.data.encoding, &run.test_examples(), &judgements).unwrap();
    assert_eq!((metrics.ner_f1, metrics.nen_f1), (Some(1.0), Some(1.0)));
    assert_eq!(run.with_missed(metrics, &judgements).unwrap(), metrics);
    run.data.missed = Missed { ner: 1, nen: 3 };
    let less = run.with_missed(metrics, &judgements).unwrap();
    // One mention is found, of two (of four).
    assert!((less.ner_f1.unwrap() - 2.0 / 3.0).abs() < 1e-12, "{less:?}");
    assert!((less.nen_f1.unwrap() - 2.0 / 5.0).abs() < 1e-12, "{less:?}");
    assert_eq!(less.nen_token_accuracy, metrics.nen_token_accuracy);
}
