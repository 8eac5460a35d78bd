//! CBOW on a small text of our own: what belongs together is near, and the same seed gives the same bits.
#![allow(clippy::unwrap_used)]

use medner_data::cbow::{CbowConfig, CbowError, CbowMode, Trained, train};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const HEART: [&str; 10] =
    ["heart", "aorta", "valve", "pulse", "beat", "artery", "vein", "pressure", "atrium", "flow"];
const SKIN: [&str; 10] =
    ["skin", "rash", "itch", "dermis", "eczema", "cream", "scale", "lesion", "mole", "burn"];
const COMMON: [&str; 4] = ["the", "of", "and", "patient"];

/// Sentences about one of two topics, with words that both have.
fn two_topics() -> Vec<Vec<String>> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    (0..3000)
        .map(|i| {
            let topic = if i % 2 == 0 { HEART } else { SKIN };
            (0..rng.random_range(6..14))
                .map(|_| {
                    let words = if rng.random_bool(0.3) { &COMMON[..] } else { &topic[..] };
                    (*words.choose(&mut rng).unwrap()).to_owned()
                })
                .collect()
        })
        .collect()
}

fn config() -> CbowConfig {
    CbowConfig { dim: 20, sample: 0.01, ..CbowConfig::default() }
}

fn run(config: &CbowConfig) -> Trained {
    train(&two_topics(), config, &mut |_| {}).unwrap()
}

fn assert_topics_stay_apart(trained: &Trained) {
    for topic in [HEART, SKIN] {
        for word in topic {
            for (near, cosine) in trained.vectors.nearest(word, 5).unwrap() {
                assert!(topic.contains(&near), "{near} ({cosine}) is near {word}");
            }
        }
    }
    assert!(trained.losses.windows(2).all(|w| w[1] < w[0]), "{:?}", trained.losses);
}

#[test]
fn neighbours_are_of_the_same_topic_with_any_number_of_shards() {
    for shards in [1, 2, 3] {
        assert_topics_stay_apart(&run(&CbowConfig { shards, ..config() }));
    }
}

#[test]
fn the_result_does_not_depend_on_threads() {
    let one = run(&CbowConfig { threads: 1, ..config() });
    for threads in [2, 3] {
        let other = run(&CbowConfig { threads, ..config() });
        assert_eq!(one.vectors.values(), other.vectors.values());
        assert_eq!(one.losses, other.losses);
    }
    assert_ne!(one.vectors.values(), run(&CbowConfig { seed: 2, ..config() }).vectors.values());
    assert_ne!(one.vectors.values(), run(&CbowConfig { shards: 1, ..config() }).vectors.values());
}

#[test]
fn words_come_from_the_most_frequent_and_rare_ones_are_left_out() {
    let mut text = two_topics();
    text.push(vec!["once".into()]);
    let trained = train(&text, &config(), &mut |_| {}).unwrap();
    assert_eq!(trained.vectors.len(), 24);
    assert!(trained.vectors.get("once").is_none());
    assert!(COMMON.contains(&trained.vectors.words()[0].as_str()));
    assert_eq!((trained.vectors.dim(), trained.vectors.values().len()), (20, 24 * 20));
}

#[test]
fn progress_ends_at_the_last_word_and_the_last_rate() {
    let mut steps = Vec::new();
    let config = config();
    let trained = train(&two_topics(), &config, &mut |p| steps.push(*p)).unwrap();
    let last = steps.last().unwrap();
    assert_eq!((last.words, last.epoch), (last.total_words, 4));
    assert_eq!(last.words, trained.words);
    assert!((last.learning_rate - config.min_alpha).abs() < 1e-12);
    assert!(steps.windows(2).all(|w| w[0].words < w[1].words && w[0].learning_rate > w[1].learning_rate));
    assert!(steps.len() >= 5 * 8, "{} reports", steps.len());
}

#[test]
fn what_cannot_be_trained_is_said() {
    let text = two_topics();
    let fail = |config: CbowConfig| train(&text, &config, &mut |_| {}).unwrap_err();
    for (key, config) in [
        ("dim", CbowConfig { dim: 0, ..config() }),
        ("window", CbowConfig { window: 0, ..config() }),
        ("shards", CbowConfig { shards: 0, ..config() }),
        ("alpha", CbowConfig { alpha: f64::NAN, ..config() }),
        ("min_alpha", CbowConfig { min_alpha: 1.0, ..config() }),
        ("sample", CbowConfig { sample: -1.0, ..config() }),
    ] {
        assert!(fail(config).to_string().contains(&format!("`{key}`")));
    }
    let error = fail(CbowConfig { min_count: 1_000_000, ..config() });
    assert!(matches!(error, CbowError::NoWords { min_count: 1_000_000, .. }), "{error}");
    let error = fail(CbowConfig { alpha: 1e30, ..config() });
    assert!(matches!(error, CbowError::Diverged { .. }), "{error}");
}

#[test]
fn the_configuration_reads_as_yaml_and_refuses_unknown_keys() {
    let config: CbowConfig =
        serde_yaml::from_str("dim: 128\nmode: deterministic\nnormalisation: {digits: true}").unwrap();
    assert_eq!((config.dim, config.mode, config.normalisation.digits), (128, CbowMode::Deterministic, true));
    assert_eq!(config.window, 5);
    for wrong in ["dims: 128", "mode: hogwild"] {
        assert!(serde_yaml::from_str::<CbowConfig>(wrong).is_err(), "{wrong}");
    }
}
