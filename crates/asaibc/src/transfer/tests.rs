#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::fixture::{characters, words};
use super::*;

fn source() -> Vec<Sentence> {
    vec![
        words("北京/ns 大学/n 的/u 学生/n"),
        words("他/r 去/v 上海市/ns"),
        words("昨天/t 下/v 了/u 雨/n"),
        words("好/a"),
        words("北大/j 的/u 校园/n"),
    ]
}

fn of(target: &[Sentence], config: &TransferConfig) -> Vec<(f64, f64, f64)> {
    let found = similarities(&source(), target, config).unwrap();
    found.into_iter().map(|s| (s.weight, s.entity, s.pos)).collect()
}

/// Worked by hand. The entity 北京大学 is cut into 北京/ns 大学/n; 上海 is no word of the source, so 上 and 海 have no part of speech.
#[test]
fn similarities_by_hand() {
    let target = [characters("我在[北京大学]读书"), characters("[上海]")];
    let config = TransferConfig::default();
    let expected = [
        // The run 北京 大学 is the entity, parts of speech too.
        (1.0, 1.0, 1.0),
        // 上海市 and 上海: 2 of 3 characters, one word of two that equals none; ns and ns n: half, but no character. 去 上海市: the
        // same two characters of 4. 上海市 it is.
        (0.5 * (2.0 / 3.0), 2.0 / 3.0, 0.0),
        // 雨/n and 北京/ns 大学/n: no character, one of two parts of speech.
        (0.25, 0.0, 0.5),
        (0.0, 0.0, 0.0),
        // 北大/j and 北京大学: 2 of 4 characters, no part of speech. 北大 的 校园: 2 of 5 and n of (j u n): 0.2 + 1/6.
        (0.5 * 0.4 + 0.5 / 3.0, 0.4, 1.0 / 3.0),
    ];
    for (i, (found, expected)) in of(&target, &config).into_iter().zip(expected).enumerate() {
        for (found, expected) in [(found.0, expected.0), (found.1, expected.1), (found.2, expected.2)] {
            assert!((found - expected).abs() < 1e-12, "sentence {i}: {found} for {expected}");
        }
    }
}

#[test]
fn the_parts_of_a_weight_count_as_told() {
    let target = [characters("我在[北京大学]读书")];
    let entity_only = TransferConfig { alpha: 1.0, beta: 0.0, ..TransferConfig::default() };
    assert_eq!(of(&target, &entity_only)[4].1, 0.5, "北大 and 北京大学");
    let pos_only = TransferConfig { alpha: 0.0, beta: 1.0, ..TransferConfig::default() };
    assert_eq!(of(&target, &pos_only)[2].2, 0.5, "雨/n and 北京/ns 大学/n");
    let single = TransferConfig { longest_run: 1, ..TransferConfig::default() };
    assert_eq!(of(&target, &single)[0].1, 0.5, "one word of two at a time");
}

#[test]
fn below_the_threshold_is_dropped_and_the_report_counts() {
    let target = [characters("我在[北京大学]读书"), characters("[上海]")];
    let result =
        transfer(&source(), &target, &TransferConfig { delta: 0.3, ..TransferConfig::default() }).unwrap();
    let kept: Vec<bool> = result.weights.iter().map(Option::is_some).collect();
    assert_eq!(kept, [true, true, false, false, true]);
    let TransferReport { sentences, kept, dropped, entities, mean_weight, histogram, .. } = result.report;
    assert_eq!((sentences, kept, dropped, entities), (5, 3, 2, 2));
    assert!((mean_weight - (1.0 + 1.0 / 3.0 + 11.0 / 30.0) / 3.0).abs() < 1e-12);
    let full: Vec<usize> = (0..BINS).filter(|&i| histogram[i] > 0).collect();
    assert_eq!((full, histogram.iter().sum::<usize>()), (vec![0, 5, 6, 7, 19], 5));
}

#[test]
fn a_threshold_that_drops_everything_says_what_would_remain() {
    let config = TransferConfig { delta: 0.9, ..TransferConfig::default() };
    let error = transfer(&source()[1..], &[characters("[上海]")], &config).unwrap_err().to_string();
    assert!(
        error.contains("all 4 source sentences weigh less than `instance_transfer.delta` 0.9"),
        "{error}"
    );
    assert!(error.contains("heaviest 0.3333") && error.contains("remain 1 at 0.3, 1 at 0.25"), "{error}");
    assert!(error.ends_with("1 at 0.1"), "{error}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let target = [characters("[上海]")];
    let fails = |target: &[Sentence], config: TransferConfig| {
        transfer(&source(), target, &config).unwrap_err().to_string()
    };
    let default = TransferConfig::default;
    let error = fails(&target, TransferConfig { alpha: 0.7, ..default() });
    assert!(error.contains("`beta` is 0.5; expected 1 - alpha"), "{error}");
    let error = fails(&target, TransferConfig { delta: 1.5, ..default() });
    assert!(error.contains("`delta` is 1.5"), "{error}");
    let error = fails(&target, TransferConfig { alpha: f64::NAN, ..default() });
    assert!(error.contains("`alpha` is NaN"), "{error}");
    let error = fails(&target, TransferConfig { longest_run: 0, ..default() });
    assert!(error.contains("`longest_run` is 0"), "{error}");
    let error = fails(&[characters("上海")], default());
    assert!(error.contains("none of the target's 1 training sentences has an entity"), "{error}");
    let mut bad = characters("[上海]");
    bad.spans[0].end = 3;
    assert!(fails(&[bad], default()).contains("does not lie in the sentence's 2 tokens"));
    let unknown = serde_json::from_str::<TransferConfig>(r#"{"detla": 0.5}"#).unwrap_err().to_string();
    assert!(unknown.contains("detla"), "{unknown}");
}

/// Every run with every entity, in the plainest way.
fn all_pairs(source: &[Sentence], target: &[Sentence], config: &TransferConfig) -> Vec<Similarity> {
    let lexicon = Lexicon::new(source).unwrap();
    let mut entities: Vec<(Vec<char>, Vec<Option<&str>>)> = Vec::new();
    for sentence in target {
        for span in &sentence.spans {
            let tokens = &sentence.tokens[span.start..span.end];
            let pos = lexicon.segment(tokens).into_iter().map(|w| lexicon.pos(&tokens[w].concat())).collect();
            entities.push((tokens.concat().chars().collect(), pos));
        }
    }
    let mut all = Vec::new();
    for sentence in source {
        let mut best = Similarity::default();
        for start in 0..sentence.tokens.len() {
            for end in start + 1..=sentence.tokens.len().min(start + config.longest_run) {
                let run: Vec<char> = sentence.tokens[start..end].concat().chars().collect();
                let tags: Vec<&str> = sentence.pos[start..end].iter().map(String::as_str).collect();
                for (text, pos) in &entities {
                    let entity = common(&run, text, |a, b| a == b) as f64 / run.len().max(text.len()) as f64;
                    let pos =
                        common(&tags, pos, |a, b| Some(*a) == *b) as f64 / tags.len().max(pos.len()) as f64;
                    let weight = config.alpha * entity + config.beta * pos;
                    if (weight, entity, pos) > (best.weight, best.entity, best.pos) {
                        best = Similarity { weight, entity, pos };
                    }
                }
            }
        }
        all.push(best);
    }
    all
}

/// By the definition: a subsequence of both, by recursion over prefixes.
fn common<A, B>(a: &[A], b: &[B], same: impl Fn(&A, &B) -> bool) -> usize {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            table[i][j] = if same(&a[i - 1], &b[j - 1]) {
                table[i - 1][j - 1] + 1
            } else {
                table[i - 1][j].max(table[i][j - 1])
            };
        }
    }
    table[a.len()][b.len()]
}

fn word() -> impl Strategy<Value = String> {
    ("[北京大学上海]{1,3}", "(n|ns|v|u)").prop_map(|(word, pos)| format!("{word}/{pos}"))
}

proptest! {
    /// Few characters and tags, so that many pairs are nearly equal.
    #[test]
    fn the_index_finds_what_all_pairs_find(
        source in prop::collection::vec(prop::collection::vec(word(), 1..7), 1..6),
        target in prop::collection::vec("[北京大学上海的我]{1,6}", 1..8),
        alpha in prop::sample::select(vec![0.0, 0.3, 0.5, 0.9, 1.0]),
        longest_run in 1_usize..5,
    ) {
        let source: Vec<Sentence> = source.iter().map(|s| words(&s.join(" "))).collect();
        let target: Vec<Sentence> = target.iter().map(|e| characters(&format!("在[{e}]里"))).collect();
        let config = TransferConfig { alpha, beta: 1.0 - alpha, longest_run, ..TransferConfig::default() };
        prop_assert_eq!(similarities(&source, &target, &config).unwrap(), all_pairs(&source, &target, &config));
    }
}
