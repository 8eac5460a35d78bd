//! Batches: every sentence once, nothing but (seed, epoch) decides, little padding, the budget kept.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use medner_data::batching::{BatchConfig, BatchOrder, BatchSize, Batches, BatchingError, restore};
use proptest::prelude::*;

fn config() -> impl Strategy<Value = BatchConfig> {
    let size =
        prop_oneof![(1usize..40).prop_map(BatchSize::Sentences), (1usize..2000).prop_map(BatchSize::Tokens)];
    let order = prop_oneof![Just(BatchOrder::Bucketed), Just(BatchOrder::Random)];
    (size, order, 1usize..17, any::<u64>()).prop_map(|(size, order, multiple, seed)| BatchConfig {
        size,
        order,
        multiple,
        seed,
    })
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0usize..120, 0..200)
}

fn assert_partition(batches: &[Vec<usize>], sentences: usize) {
    let mut all: Vec<usize> = batches.concat();
    assert!(batches.iter().all(|b| !b.is_empty()));
    all.sort_unstable();
    assert_eq!(all, (0..sentences).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn every_sentence_comes_exactly_once(lengths in lengths(), config in config(), epoch in any::<u64>()) {
        let batches = Batches::new(lengths.clone(), config).unwrap();
        assert_partition(&batches.epoch(epoch), lengths.len());
        assert_partition(&batches.evaluation(), lengths.len());
        prop_assert_eq!(batches.count(epoch), batches.epoch(epoch).len());
    }

    #[test]
    fn the_size_is_kept(lengths in lengths(), config in config(), epoch in any::<u64>()) {
        let batches = Batches::new(lengths, config).unwrap();
        for batch in batches.epoch(epoch).iter().chain(&batches.evaluation()) {
            prop_assert_eq!(batches.padded_length(batch) % config.multiple, 0);
            match config.size {
                BatchSize::Sentences(most) => prop_assert!(batch.len() <= most),
                BatchSize::Tokens(budget) => {
                    prop_assert!(batch.len() == 1 || batch.len() * batches.padded_length(batch) <= budget);
                }
            }
        }
    }

    #[test]
    fn seed_and_epoch_decide_alone(lengths in lengths(), config in config(), epoch in 0u64..1000) {
        let one = Batches::new(lengths.clone(), config).unwrap();
        let other = Batches::new(lengths, config).unwrap();
        // What was asked for before makes no difference.
        let _ = other.epoch(epoch + 1);
        prop_assert_eq!(one.epoch(epoch), other.epoch(epoch));
        prop_assert_eq!(one.evaluation(), other.evaluation());
    }

    #[test]
    fn a_resumed_run_sees_the_same_batches(lengths in prop::collection::vec(0usize..90, 1..60), config in config(), skip in 0usize..50) {
        let batches = Batches::new(lengths, config).unwrap();
        let undisturbed: Vec<_> = batches.from(3, 0).take(skip + 20).collect();
        let at = &undisturbed[skip];
        prop_assert_eq!(batches.batch(at.epoch, at.batch), Some(at.sentences.clone()));
        let resumed: Vec<_> = batches.from(at.epoch, at.batch).take(20).collect();
        prop_assert_eq!(&resumed[..], &undisturbed[skip..]);
    }

    #[test]
    fn outputs_return_to_their_sentences(lengths in lengths(), config in config()) {
        let batches = Batches::new(lengths.clone(), config).unwrap().evaluation();
        let outputs = batches.iter().map(|b| b.iter().map(|&i| lengths[i] * 1000 + i).collect()).collect();
        let expected: Vec<usize> = lengths.iter().enumerate().map(|(i, l)| l * 1000 + i).collect();
        prop_assert_eq!(restore(&batches, outputs).unwrap(), expected);
    }
}

/// Lengths as of a news corpus: most sentences of 10 to 80 tokens, a long tail.
fn news_lengths() -> Vec<usize> {
    (0..5000u64)
        .map(|i| {
            let x = (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / f64::from(1 << 24);
            (8.0 - 35.0 * (1.0 - x).ln()) as usize
        })
        .collect()
}

#[test]
fn like_lengths_waste_far_less_than_random_batches() {
    let waste = |order| {
        let batches = Batches::new(news_lengths(), BatchConfig { order, ..BatchConfig::default() }).unwrap();
        batches.padding(&batches.epoch(1)).waste()
    };
    let (bucketed, random) = (waste(BatchOrder::Bucketed), waste(BatchOrder::Random));
    assert!(random > 0.5, "{random}");
    assert!(bucketed < 0.12, "{bucketed}");
}

#[test]
fn a_token_budget_is_used_well() {
    let config = BatchConfig { size: BatchSize::Tokens(2048), ..BatchConfig::default() };
    let batches = Batches::new(news_lengths(), config).unwrap();
    let epoch = batches.epoch(0);
    let places = batches.padding(&epoch).places as f64 / epoch.len() as f64;
    assert!(places > 0.85 * 2048.0, "{places} places a batch");
}

#[test]
fn epochs_and_seeds_differ_in_company_and_in_order() {
    let batches = Batches::new(news_lengths(), BatchConfig::default()).unwrap();
    let other_seed = Batches::new(news_lengths(), BatchConfig { seed: 2, ..BatchConfig::default() }).unwrap();
    let sets = |batches: Vec<Vec<usize>>| -> BTreeSet<BTreeSet<usize>> {
        batches.into_iter().map(|b| b.into_iter().collect()).collect()
    };
    let (first, second) = (batches.epoch(0), batches.epoch(1));
    for other in [second, other_seed.epoch(0)] {
        let same = sets(first.clone()).intersection(&sets(other)).count();
        // The few batches that fill a bucket of their own may meet again.
        assert!(same < first.len() / 20, "{same} of {} batches are the same", first.len());
    }
    let order: Vec<usize> = first.iter().map(|b| batches.padded_length(b)).collect();
    let rising = order.windows(2).filter(|w| w[0] <= w[1]).count();
    assert!((order.len() / 3..order.len() * 4 / 5).contains(&rising), "{rising} of {} rise", order.len());
}

#[test]
fn evaluation_begins_with_the_longest() {
    let batches = Batches::new(
        vec![3, 50, 9, 51, 2],
        BatchConfig { size: BatchSize::Sentences(2), ..BatchConfig::default() },
    )
    .unwrap();
    assert_eq!(batches.evaluation(), [vec![3, 1], vec![2, 0], vec![4]]);
}

#[test]
fn wrong_sizes_and_wrong_outputs_are_refused() {
    let zero = |size, multiple| {
        Batches::new(vec![1], BatchConfig { size, multiple, ..BatchConfig::default() }).unwrap_err()
    };
    assert_eq!(zero(BatchSize::Sentences(0), 8), BatchingError::Zero { key: "size.sentences" });
    assert_eq!(zero(BatchSize::Tokens(0), 8), BatchingError::Zero { key: "size.tokens" });
    assert_eq!(zero(BatchSize::Tokens(5), 0), BatchingError::Zero { key: "multiple" });
    assert!(restore(&[vec![0, 1]], vec![vec!['a']]).unwrap_err().to_string().contains("outputs of batch 0"));
    assert!(restore::<u8>(&[vec![0]], vec![]).unwrap_err().to_string().contains("number of batches"));
    assert!(restore(&[vec![0, 2]], vec![vec!['a', 'b']]).is_err());
}

#[test]
fn no_sentences_make_no_batches() {
    let batches = Batches::new(vec![], BatchConfig::default()).unwrap();
    assert!(batches.epoch(0).is_empty());
    assert_eq!(batches.count(0), 0);
    assert_eq!(batches.from(0, 0).count(), 0);
    assert_eq!(batches.padding(&batches.epoch(0)).waste(), 0.0);
}

#[test]
fn the_configuration_reads_as_yaml() {
    let config: BatchConfig = serde_yaml::from_str("size: {tokens: 4096}\norder: random\n").unwrap();
    assert_eq!(config.size, BatchSize::Tokens(4096));
    assert_eq!((config.order, config.multiple), (BatchOrder::Random, 8));
    assert!(serde_yaml::from_str::<BatchConfig>("sizes: 3").is_err());
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(json, r#"{"size":{"tokens":4096},"order":"random","multiple":8,"seed":1}"#);
    assert_eq!(serde_json::from_str::<BatchConfig>(&json).unwrap(), config);
}
