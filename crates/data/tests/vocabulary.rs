//! Vocabularies: order, normalisation, round trips, damaged files.
#![allow(clippy::unwrap_used)]

use medner_data::vocabulary::{Normalisation, PAD, UNK, Vocabulary, WordCounts};
use proptest::prelude::*;

fn load_text(text: &[u8]) -> Result<Vocabulary, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.vocab");
    std::fs::write(&path, text).unwrap();
    Vocabulary::load(&path).map_err(|e| e.to_string())
}

#[test]
fn frequent_words_come_first_and_equal_counts_by_text() {
    let tokens = ["b", "c", "a", "c", "b", "d", "病", "病", "病"];
    let vocabulary = Vocabulary::count(tokens, 1, Normalisation::default());
    assert_eq!(vocabulary.encode(&["病", "b", "c", "a", "d", "e"]), [2, 3, 4, 5, 6, UNK]);
    assert_eq!((vocabulary.word(PAD), vocabulary.word(UNK)), (Some("<pad>"), Some("<unk>")));
    assert_eq!((vocabulary.len(), vocabulary.word(7)), (7, None));
    let words: Vec<_> = vocabulary.words().collect();
    assert_eq!(words[0], (2, "病", 3));
}

#[test]
fn rare_words_are_unknown_and_counted_there() {
    let vocabulary = Vocabulary::count(["a", "a", "b", "c"], 2, Normalisation::default());
    assert_eq!((vocabulary.len(), vocabulary.id("b")), (3, UNK));
    assert_eq!(vocabulary.occurrences(UNK), Some(2));
    assert_eq!(vocabulary.occurrences(2), Some(2));
}

#[test]
fn tokens_that_look_like_padding_are_unknown() {
    let vocabulary = Vocabulary::count(["<pad>", "<pad>", "a", "<unk>"], 1, Normalisation::default());
    assert_eq!(vocabulary.encode(&["<pad>", "<unk>", "a"]), [UNK, UNK, 2]);
    assert_eq!(vocabulary.occurrences(UNK), Some(3));
}

#[test]
fn case_and_digits_are_folded_on_demand() {
    let both = Normalisation { lowercase: true, digits: true, half_width: true };
    let vocabulary = Vocabulary::count(["CD34", "cd71", "Ärzte", "１２月"], 1, both);
    assert_eq!(vocabulary.word(2), Some("cd00"));
    assert_eq!(vocabulary.id("Cd99"), 2);
    assert_eq!(vocabulary.id("ÄRZTE"), vocabulary.id("ärzte"));
    assert_eq!(vocabulary.id("34月"), vocabulary.id("１２月"));
    let narrow = Normalisation { half_width: true, ..Normalisation::default() };
    let width = Vocabulary::count(["！", "～ＡＺ１", "，", "。"], 1, narrow);
    let words: Vec<_> = width.words().map(|(_, word, _)| word).collect();
    assert_eq!(words, ["!", ",", "~AZ1", "。"]);
    assert_eq!(width.encode(&["~ＡZ１", "。", "、"]), [4, 5, UNK]);
    let header = width.to_text().lines().next().unwrap().to_owned();
    assert!(header.ends_with("digits: false; half_width: true; min_count: 1"), "{header}");
    let neither = Vocabulary::count(["CD34"], 1, Normalisation::default());
    assert_eq!(neither.id("cd34"), UNK);
}

#[test]
fn merging_adds_counts_and_refuses_other_normalisation() {
    let count = |tokens: &[&str]| Vocabulary::count(tokens, 1, Normalisation::default());
    let both = count(&["a", "b"]).merge(&count(&["b", "c", "c", "c"])).unwrap();
    let words: Vec<_> = both.words().map(|(_, word, n)| (word, n)).collect();
    assert_eq!(words, [("c", 3), ("b", 2), ("a", 1)]);
    let other = Vocabulary::count(["a"], 1, Normalisation { lowercase: true, ..Normalisation::default() });
    assert!(both.merge(&other).unwrap_err().to_string().contains("one normalisation"));

    let mut counts = WordCounts::new(Normalisation::default());
    counts.add(["a", "b"]);
    counts.add(["b", "c", "c", "c"]);
    assert_eq!(counts.build(1), both);
}

#[test]
fn added_words_leave_numbers_as_they_are() {
    let mut vocabulary = Vocabulary::count(["b", "b", "a"], 1, Normalisation::default());
    assert_eq!(vocabulary.extend(["z", "a", "y", "z", "<pad>"]), 2);
    assert_eq!(vocabulary.encode(&["b", "a", "y", "z"]), [2, 3, 4, 5]);
    assert_eq!(vocabulary.occurrences(4), Some(0));
}

#[test]
fn coverage_counts_types_and_tokens() {
    let vocabulary = Vocabulary::count(["a", "b"], 1, Normalisation::default());
    let coverage = vocabulary.coverage(["a", "a", "c", "b", "d"]);
    assert_eq!((coverage.types, coverage.known_types, coverage.tokens, coverage.known_tokens), (4, 2, 5, 3));
    assert_eq!((coverage.type_share(), coverage.token_share()), (0.5, 0.6));
    assert_eq!(vocabulary.coverage::<&str>([]).token_share(), 1.0);
}

#[test]
fn the_saved_text_can_be_read() {
    let vocabulary = Vocabulary::count(["的", "的", "a\tb", "once"], 1, Normalisation::default());
    assert_eq!(
        vocabulary.to_text(),
        "# medner vocabulary 1; lowercase: false; digits: false; min_count: 1\n<pad>\t0\n<unk>\t0\n的\t2\na\\tb\t1\nonce\t1\n"
    );
}

#[test]
fn damaged_files_are_refused_with_the_line() {
    let good = Vocabulary::count(["a", "a", "b"], 1, Normalisation::default()).to_text();
    assert!(load_text(good.as_bytes()).is_ok());
    let cases: [(&[u8], &str); 9] = [
        (b"", ":1:1"),
        (b"a\t1\n", ":1:1: expected `# medner vocabulary 1"),
        (&good.as_bytes()[..good.len() - 2], ":5:1: the last line does not end"),
        (&good.as_bytes()[..good.find("<unk>").unwrap()], ":3:1: expected the words <pad> and <unk>"),
        (&[good.as_bytes(), b"a\t7\n"].concat(), ":6:1: the word stands already in line 4"),
        (&[good.as_bytes(), b"c 7\n"].concat(), ":6:1: expected `word TAB count`"),
        (&[good.as_bytes(), "病毒\tmany\n".as_bytes()].concat(), ":6:4: expected a count"),
        (&[good.as_bytes(), b"\\x\t7\n"].concat(), ":6:1: a backslash"),
        (&[good.as_bytes(), b"\xff\t7\n"].concat(), ":6:1: not UTF-8"),
    ];
    for (bytes, expected) in cases {
        let error = load_text(bytes).unwrap_err();
        assert!(error.contains(expected), "{error} for {expected}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn saving_and_loading_changes_nothing(tokens in prop::collection::vec("\\PC{1,3}|[\\\\\\t\\n\\r<pad>]{1,4}", 0..40), min in 1u64..3, lowercase: bool, digits: bool, half_width: bool) {
        let mut vocabulary = Vocabulary::count(&tokens, min, Normalisation { lowercase, digits, half_width });
        prop_assert_eq!(load_text(vocabulary.to_text().as_bytes()).unwrap(), vocabulary.clone());
        vocabulary.extend(["\u{2028}", "\u{3000}", "#"]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        vocabulary.save(&path).unwrap();
        prop_assert_eq!(Vocabulary::load(&path).unwrap(), vocabulary.clone());
        let json = serde_json::to_string(&vocabulary).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vocabulary>(&json).unwrap(), vocabulary);
    }

    #[test]
    fn known_words_come_back(tokens in prop::collection::vec("[a-zA-Z0-9]{1,3}", 1..60)) {
        let vocabulary = Vocabulary::count(&tokens, 1, Normalisation::default());
        for (token, id) in tokens.iter().zip(vocabulary.encode(&tokens)) {
            prop_assert_eq!(vocabulary.word(id), Some(token.as_str()));
        }
        let counts: Vec<u64> = vocabulary.words().map(|(_, _, count)| count).collect();
        prop_assert!(counts.windows(2).all(|w| w[0] >= w[1]));
    }
}
