//! Word vectors: the files that gensim writes, neighbours as gensim finds them, round trips, damaged files.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use medner_data::vectors::{VectorError, VectorFormat, WordVectors, uniform_bound};
use medner_data::vocabulary::{Normalisation, PAD, UNK, Vocabulary};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

const FORMATS: [(VectorFormat, &str); 3] = [
    (VectorFormat::Word2vecText, "vectors.txt"),
    (VectorFormat::Word2vecBinary, "vectors.bin"),
    (VectorFormat::Glove, "vectors.glove.txt"),
];

/// Made by tools/golden/vectors.py.
#[derive(Deserialize)]
struct Golden {
    words: Vec<String>,
    bits: Vec<Vec<u32>>,
    nearest: BTreeMap<String, Vec<(String, f32)>>,
}

fn golden_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn golden() -> Golden {
    serde_json::from_slice(&std::fs::read(golden_file("vectors.json")).unwrap()).unwrap()
}

fn read_bytes(bytes: &[u8], format: VectorFormat) -> Result<WordVectors, VectorError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v");
    std::fs::write(&path, bytes).unwrap();
    WordVectors::read(&path, format)
}

fn three() -> WordVectors {
    let mut vectors = WordVectors::empty(2);
    vectors.push("a", &[1.0, 0.0]).unwrap();
    vectors.push("b", &[0.0, 2.0]).unwrap();
    vectors.push("c", &[3.0, 3.0]).unwrap();
    vectors
}

#[test]
fn files_of_gensim_are_read_bit_for_bit() {
    let golden = golden();
    for (format, name) in FORMATS {
        let vectors = WordVectors::read(&golden_file(name), format).unwrap();
        assert_eq!(vectors.words(), golden.words, "{name}");
        for (word, bits) in golden.words.iter().zip(&golden.bits) {
            let found: Vec<u32> = vectors.get(word).unwrap().iter().map(|x| x.to_bits()).collect();
            assert_eq!(&found, bits, "{word} in {name}");
        }
    }
}

#[test]
fn neighbours_are_those_of_gensim() {
    let vectors = WordVectors::read(&golden_file("vectors.bin"), VectorFormat::Word2vecBinary).unwrap();
    for (word, expected) in golden().nearest {
        let found = vectors.nearest(&word, 4).unwrap();
        assert_eq!(found.len(), 4);
        for ((near, cosine), (expected, expected_cosine)) in found.iter().zip(&expected) {
            assert_eq!(near, expected, "near {word}");
            assert!((cosine - expected_cosine).abs() < 1e-6);
        }
    }
    assert!(vectors.nearest("dog", 4).is_none());
}

#[test]
fn the_nearest_of_a_vector_keeps_the_order_of_ties() {
    let vectors = three();
    let names = |found: Vec<(&str, f32)>| found.into_iter().map(|(w, _)| w.to_owned()).collect::<Vec<_>>();
    assert_eq!(names(vectors.nearest_to(&[1.0, 1.0], 9).unwrap()), ["c", "a", "b"]);
    assert_eq!(names(vectors.nearest_to(&[1.0, 1.0], 2).unwrap()), ["c", "a"]);
    assert_eq!(vectors.nearest_to(&[0.0, 0.0], 1).unwrap(), [("a", 0.0)]);
    assert!(vectors.nearest_to(&[1.0], 1).is_err());
}

#[test]
fn scaling_sets_the_root_mean_square() {
    let mut given = WordVectors::empty(2);
    given.push("a", &[3.0, 4.0]).unwrap();
    given.push("b", &[0.0, 5.0]).unwrap();
    let scaled = given.scaled(0.1);
    let squares: f32 = scaled.values().iter().map(|x| x * x).sum();
    assert!((squares / 4.0 - 0.01).abs() < 1e-8, "{squares}");
    assert!((scaled.values()[1] / scaled.values()[0] - 4.0 / 3.0).abs() < 1e-6);
    assert_eq!((scaled.get("b").unwrap()[0], scaled.words()), (0.0, given.words()));
    assert_eq!(WordVectors::empty(2).scaled(1.0).len(), 0);
}

#[test]
fn only_wanted_words_are_kept_and_the_rest_is_still_checked() {
    for (format, name) in FORMATS {
        let vectors = WordVectors::read_selected(&golden_file(name), format, |word| word == "心").unwrap();
        assert_eq!(vectors.words(), ["心"]);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v");
    std::fs::write(&path, "a 1 2\nb 1\n").unwrap();
    let error = WordVectors::read_selected(&path, VectorFormat::Glove, |word| word == "a").unwrap_err();
    assert!(error.to_string().contains(":2:1: expected a word and 2 numbers"), "{error}");
}

#[test]
fn words_with_spaces_are_told_from_wrong_widths() {
    let vectors = read_bytes(b". 1 2\n. . . 3 4\n", VectorFormat::Glove).unwrap();
    assert_eq!(vectors.get(". . ."), Some(&[3.0, 4.0][..]));
    let spaced = read_bytes(b"2 2\na 1 2 \nb 3 4 \n", VectorFormat::Word2vecText).unwrap();
    assert_eq!(spaced.get("b"), Some(&[3.0, 4.0][..]));
}

#[test]
fn the_space_is_a_word_like_any_other() {
    let mut vectors = three();
    vectors.push(" ", &[4.0, 5.0]).unwrap();
    vectors.push("d", &[6.0, 7.0]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (format, name) in FORMATS {
        let path = folder.path().join(name);
        vectors.write(&path, format).unwrap();
        assert_eq!(WordVectors::read(&path, format).unwrap(), vectors, "{name}");
    }
}

#[test]
fn damaged_text_is_refused_with_line_and_column() {
    use VectorFormat::{Glove, Word2vecText};
    let cases: [(VectorFormat, &[u8], &str); 14] = [
        (Word2vecText, b"", ":1:1: the file is empty"),
        (Glove, b"", ":1:1: the file is empty"),
        (Word2vecText, b"a 1 2\n", ":1:1: expected the number of words"),
        (Word2vecText, b"1 0\na\n", ":1:1: expected the number of words"),
        (Glove, b"a\n", ":1:1: expected a word and its numbers"),
        (Word2vecText, b"2 2\na 1 2\nb 1\n", ":3:1: expected a word and 2 numbers"),
        (Word2vecText, b"2 2\na 1 2\nb 1 2 3\n", "found 3 numbers"),
        (Glove, b"a 1 2\n\n", ":2:1: expected a word and 2 numbers"),
        (Glove, "a 1 2\n心 1 x\n".as_bytes(), ":2:5: expected a finite number; found `x`"),
        (Glove, b"a 1 2\nb nan 2\n", ":2:3: expected a finite number"),
        (Glove, b"a 1 2\nb 1 2\na 3 4\n", ":3:1: the word stands already in line 1"),
        (
            Word2vecText,
            b"3 2\na 1 2\nb 1 2\n",
            ":4:1: the first line announces 3 words, the file ends after 2",
        ),
        (Word2vecText, b"1 2\na 1 2\nb 1 2\n", ":3:1: the first line announces 1 words, here is one more"),
        (Glove, b"a 1 2\nb\xff 1 2\n", ":2:2: not UTF-8"),
    ];
    for (format, bytes, expected) in cases {
        let error = read_bytes(bytes, format).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} for {expected}");
    }
}

#[test]
fn damaged_binary_is_refused_with_its_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v");
    three().write(&path, VectorFormat::Word2vecBinary).unwrap();
    let good = std::fs::read(&path).unwrap();
    assert_eq!((good.len(), &good[..6]), (4 + 3 * 11, &b"3 2\na "[..]));
    let change = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let cases: [(Vec<u8>, &str); 8] = [
        (Vec::new(), "byte 0, word 0: expected a line"),
        (b"three two\n".to_vec(), "byte 0, word 0: expected a line"),
        (b"9000000000 300\na ".to_vec(), "byte 0, word 0: the first line announces 9000000000 words"),
        (good[..good.len() - 3].to_vec(), "byte 34, word 3: the file ends here"),
        (change(15, b"a"), "byte 14, word 2: `a` is word 1 already"),
        (change(6, &f32::INFINITY.to_le_bytes()), "byte 6, word 1: number 1 of `a` is inf"),
        (change(4, b"\xff"), "byte 4, word 1: the word is not UTF-8"),
        ([&good[..], b"d "].concat(), "word 3: the file goes on after the 3 words"),
    ];
    for (bytes, expected) in cases {
        let error = read_bytes(&bytes, VectorFormat::Word2vecBinary).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} for {expected}");
    }
    // Every shorter file is refused, wherever the cut is, but for the last line break.
    for end in 0..good.len() - 1 {
        assert!(read_bytes(&good[..end], VectorFormat::Word2vecBinary).is_err(), "cut at {end}");
    }
}

#[test]
fn words_that_a_format_cannot_hold_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |word: &str, format| {
        let mut vectors = WordVectors::empty(1);
        vectors.push(word, &[1.0]).unwrap();
        vectors.write(&folder.path().join("v"), format)
    };
    for (word, format) in [
        ("", VectorFormat::Glove),
        ("a\nb", VectorFormat::Word2vecText),
        ("a 1", VectorFormat::Word2vecText),
        ("a b", VectorFormat::Glove),
        ("a b", VectorFormat::Word2vecBinary),
    ] {
        assert!(matches!(write(word, format), Err(VectorError::Unwritable { .. })), "{word:?} {format:?}");
    }
    assert!(write("a b", VectorFormat::Word2vecText).is_ok());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn the_matrix_has_a_row_for_each_number() {
    let vocabulary = Vocabulary::count(["a", "a", "B", "x", "a"], 1, Normalisation::default());
    let matrix = three().matrix_for(&vocabulary, 0.5, &mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!((matrix.rows, matrix.dim, matrix.values.len()), (5, 2, 10));
    assert_eq!(matrix.row(PAD), [0.0, 0.0]);
    assert_eq!(matrix.row(vocabulary.id("a")), [1.0, 0.0]);
    assert_eq!(matrix.row(vocabulary.id("B")), [0.0, 2.0], "the vector of the lower-cased word");
    for id in [UNK, vocabulary.id("x")] {
        assert!(matrix.row(id).iter().all(|x| *x != 0.0 && x.abs() <= 0.5));
    }
    let coverage = matrix.coverage;
    assert_eq!((coverage.words.known_types, coverage.words.types, coverage.lowercased), (2, 3, 1));
    assert_eq!((coverage.words.known_tokens, coverage.words.tokens), (4, 5));
    assert!(coverage.to_string().starts_with("2 of 3 words have a vector (66.7%; 1 lower-cased), 4 of 5"));

    let again = three().matrix_for(&vocabulary, 0.5, &mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!(matrix, again);
    let zeros = three().matrix_for(&vocabulary, 0.0, &mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!(zeros.row(UNK), [0.0, 0.0]);
    assert!((uniform_bound(300) - 0.1).abs() < 1e-7);
}

#[test]
fn the_glove_excerpt_is_read_where_it_is() {
    let mirror = std::env::var_os("MEDNER_MIRROR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/datasets"),
        PathBuf::from,
    );
    let folder = mirror.join("word-vectors");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: there is no {}", folder.display());
        return;
    };
    let file = files.map(|f| f.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "txt")).unwrap();
    let vectors = WordVectors::read(&file, VectorFormat::Glove).unwrap();
    assert_eq!((vectors.len(), vectors.dim()), (2925, 300));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn writing_and_reading_changes_no_bit(
        words in prop::collection::btree_set("[a-z心\u{3000}.,0-9<>-]{1,4}", 1..20),
        dim in 1usize..5,
        numbers in prop::collection::vec(any::<f32>().prop_filter("finite", |x| x.is_finite()), 100),
    ) {
        let mut vectors = WordVectors::empty(dim);
        for (i, word) in words.iter().enumerate() {
            vectors.push(word, &numbers[i * dim..][..dim]).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        for (format, name) in FORMATS {
            let path = folder.path().join(name);
            vectors.write(&path, format).unwrap();
            let read = WordVectors::read(&path, format).unwrap();
            prop_assert_eq!(read.words(), vectors.words());
            let bits = |v: &WordVectors| v.values().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&read), bits(&vectors));
        }
    }

    #[test]
    fn no_bytes_make_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), header in "[0-9]{1,2} [0-9]\n") {
        for (format, _) in FORMATS {
            let _ = read_bytes(&bytes, format);
            let _ = read_bytes(&[header.as_bytes(), &bytes].concat(), format);
        }
    }
}
