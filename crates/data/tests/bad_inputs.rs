//! The list of bad inputs: each is refused, or reported, with the file, the line and column, the offending text and what to
//! do about it; nothing is skipped in silence.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use medner_data::check::{self, Options, tags};
use medner_data::formats::conll::{ConllOptions, read_conll};
use medner_data::formats::pubtator::{PubTatorOptions, read_pubtator};
use medner_data::formats::{Remark, brat, ccks, cmdd, jsonl, msra, segmented, weibo};
use medner_data::{Corpus, DataError, Document, Entity, catalog};

struct Case {
    folder: tempfile::TempDir,
    path: PathBuf,
}

/// A file of that name and content in a folder of its own.
fn case(name: &str, bytes: impl AsRef<[u8]>) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    Case { folder, path }
}

/// The error names the path, the place after it (`:3:5:`), the found text and the remedy.
fn refused<T: std::fmt::Debug>(
    path: &Path,
    result: Result<T, DataError>,
    place: &str,
    found: &str,
    remedy: &str,
) {
    let error = result.unwrap_err().to_string();
    let start = format!("{}{place}", path.display());
    assert!(error.starts_with(&start), "expected `{start}` at the start of: {error}");
    assert!(error.contains(found), "expected `{found}` in: {error}");
    assert!(error.contains(remedy), "expected `{remedy}` in: {error}");
}

fn columns(text: &str) -> (Case, Result<usize, DataError>) {
    let case = case("train.conll", text);
    let result = read_conll(&case.path, &ConllOptions::default()).map(|read| read.items.len());
    (case, result)
}

#[test]
fn b01_wrong_number_of_columns() {
    let (case, result) = columns("a\tO\nb\tx\tO\n");
    refused(&case.path, result, ":2:1:", "b\tx\tO", "mend the line");
}

#[test]
fn b02_inside_tag_that_continues_nothing() {
    let (case, result) = columns("a\tO\nb\tI-X\nc\tB-X\n");
    refused(&case.path, result, ":2:3:", "I-X", "lenient");
}

#[test]
fn b03_unknown_tag() {
    let (case, result) = columns("a\tB-X\nb\tI-X\nc\tQ-X\n");
    refused(&case.path, result, ":3:3:", "Q-X", "B-<type>");
}

#[test]
fn b04_offset_past_the_text() {
    let line =
        r#"{"originalText": "头痛", "entities": [{"label_type": "手术", "start_pos": 1, "end_pos": 5}]}"#;
    let case = case("train.txt", line);
    refused(&case.path, ccks::read(&case.path), ":1:", "1..5", "offsets count characters from 0");
}

#[test]
fn b05_offset_that_does_not_match_its_text() {
    let case = case("a.txt", "Skin tumour\n");
    let annotation = case.folder.path().join("a.ann");
    std::fs::write(&annotation, "T1\tDisease 5 11\tmelanoma\n").unwrap();
    refused(&annotation, brat::read_brat(case.folder.path()), ":1:", "melanoma", "tumour");
}

#[test]
fn b06_invalid_utf8() {
    let case = case("train.conll", b"ok\tO\nb\xff\tO\n");
    let result = read_conll(&case.path, &ConllOptions::default());
    refused(&case.path, result, ":2:2:", "FF", "UTF-8");
}

#[test]
fn b07_empty_file() {
    let (case, result) = columns("");
    refused(&case.path, result, ": is empty", "", "one token a line");
    refused(&case.path, jsonl::read_jsonl(&case.path), ": is empty", "", "expected");
    refused(&case.path, ccks::read(&case.path), ": is empty", "", "one JSON record a line");
}

#[test]
fn b08_folder_in_place_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let result = read_conll(folder.path(), &ConllOptions::default());
    refused(folder.path(), result, ": ", "irectory", "irectory");
    let result = tags::scan(folder.path(), None, &Options::default());
    refused(folder.path(), result, ": ", "irectory", "irectory");
}

#[test]
fn b09_missing_file_and_missing_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nowhere.tsv");
    refused(&path, msra::read(&path), ": ", "o such file", "o such file");
    let error = catalog::load_sentences("ccks2019", folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("subtask1_training_part1.txt") && error.contains("medner data fetch ccks2019"),
        "{error}"
    );
}

#[test]
fn b10_gb18030_read_as_utf8() {
    let case = case("train.bio", b"\xd6\xd0\tO\n");
    refused(&case.path, msra::read(&case.path), ":1:1:", "D6 D0", "convert the file to UTF-8");
}

#[test]
fn b11_utf8_read_as_gb18030() {
    // The last byte of a three-byte character is left without its partner.
    let case = case("pd.txt", "19980101-01-001-001/m  中/n\n");
    refused(&case.path, segmented::read_peoples_daily(&case.path), ":1:", "", "GB18030");
}

#[test]
fn b12_overlapping_mentions() {
    let line = r#"{"originalText": "胃癌根治术", "entities": [
        {"label_type": "手术", "start_pos": 0, "end_pos": 5}, {"label_type": "解剖部位", "start_pos": 0, "end_pos": 1}]}"#;
    let case = case("train.txt", line.replace('\n', ""));
    refused(&case.path, ccks::read(&case.path), ":1:", "胃癌根治术", "keep one of them");
    // Formats that allow them are read, and the check reports them.
    let entity = |start, end| Entity { start, end, label: "X".to_owned(), concepts: Vec::new() };
    let document = Document {
        id: "1".to_owned(),
        text: "abcdef".to_owned(),
        entities: vec![entity(0, 4), entity(2, 6)],
    };
    let corpus = Corpus { train: vec![document], ..Corpus::default() };
    let findings = check::documents(&corpus, None, &Options::default());
    let overlap = findings.iter().find(|f| f.code == "overlapping-spans").unwrap();
    assert!(overlap.remedy.contains("keep the longer one"));
    assert_eq!(overlap.examples[0].place, "1");
}

#[test]
fn b13_identifier_that_stands_twice() {
    let case = case("a.pubtator", "7|t|One\n7|a|Text\n\n7|t|Two\n7|a|Text\n");
    refused(&case.path, read_pubtator(&case.path, PubTatorOptions::default()), ":4:", "7", "twice");
}

#[test]
fn b14_broken_json_line() {
    let case = case("a.jsonl", "{\"text\": \"a\", \"entities\": []}\n{\"text\": \"b\", \"entities\": [}\n");
    refused(&case.path, jsonl::read_jsonl(&case.path), ":2:", "", "expected");
}

#[test]
fn b15_brat_mention_in_several_pieces() {
    let case = case("a.txt", "colon and rectal cancer\n");
    std::fs::write(case.folder.path().join("a.ann"), "T1\tDisease 0 5;17 23\tcolon cancer\n").unwrap();
    let read = brat::read_brat(case.folder.path()).unwrap();
    assert_eq!(read.discontinuous[0].pieces, [(0, 5), (17, 23)]);
    assert_eq!(read.report.count(Remark::Discontinuous), 1);
    let findings = check::Finding::remarks("a", &read.report);
    assert!(
        findings[0].message.contains("several pieces") && findings[0].severity == check::Severity::Warning
    );
}

#[test]
fn b16_brat_line_of_no_known_kind() {
    let case = case("a.txt", "colon cancer\n");
    let annotation = case.folder.path().join("a.ann");
    std::fs::write(&annotation, "T1\tDisease 0 5\tcolon\nwhat is this\n").unwrap();
    refused(&annotation, brat::read_brat(case.folder.path()), ":2:1:", "what is this", "expected");
}

#[test]
fn b17_pubtator_mention_with_another_text() {
    let case = case("a.pubtator", "7|t|Skin tumour\n7|a|Text\n7\t5\t11\tcancer\tDisease\tD1\n");
    refused(&case.path, read_pubtator(&case.path, PubTatorOptions::default()), ":3:", "cancer", "tumour");
}

#[test]
fn b18_pubtator_mention_before_its_text() {
    let case = case("a.pubtator", "7\t5\t11\ttumour\tDisease\tD1\n7|t|Skin tumour\n");
    refused(&case.path, read_pubtator(&case.path, PubTatorOptions::default()), ":1:", "7", "title");
}

#[test]
fn b19_dialogue_label_of_another_length() {
    let line =
        r#"{"example-id": "1", "dialogue-content": [{"speaker": "患者", "sentence": "发烧", "label": "B"}]}"#;
    let case = case("train.jsonl", line);
    refused(&case.path, cmdd::read(&case.path), ":1:", "发烧", "one letter a character");
}

#[test]
fn b20_unknown_entity_type() {
    let line =
        r#"{"originalText": "头痛", "entities": [{"label_type": "症状", "start_pos": 0, "end_pos": 2}]}"#;
    let case = case("train.txt", line);
    refused(&case.path, ccks::read(&case.path), ":1:", "症状", "expected one of");
}

#[test]
fn b21_word_without_part_of_speech_and_open_bracket() {
    let case = case("pd.txt", "19980101-01-001-001/m  a/n  b\n");
    refused(&case.path, segmented::read_peoples_daily(&case.path), ":1:", "b", "word/POS");
    std::fs::write(&case.path, "19980101-01-001-001/m  [a/n  b/n\n").unwrap();
    refused(&case.path, segmented::read_peoples_daily(&case.path), ":1:", "[a/n", "no `]` closes");
}

#[test]
fn b22_character_with_missing_position() {
    let case = case("weibo.train", "科0\tO\n技\tO\n");
    let version = weibo::Version::Revised { keep_positions: false };
    refused(&case.path, weibo::read(&case.path, version), ":2:1:", "技", "position in its word");
}

#[test]
fn b23_unknown_name_gives_the_nearest() {
    let error = catalog::find("ccks2091").unwrap_err().to_string();
    assert!(error.contains("`ccks2091`") && error.contains("ccks2019"), "{error}");
}

#[test]
fn b24_every_illegal_tag_of_a_file_is_listed() {
    let case = case("train.conll", "a\tI-X\n\nb\tO\nc\tI-X\nd\tB-Y\ne\tI-X\n");
    let scan = tags::scan(&case.path, None, &Options { examples: 9, ..Options::default() }).unwrap();
    let places: Vec<String> = scan.findings[0].examples.iter().map(|e| e.place.clone()).collect();
    assert_eq!(places, [1, 4, 6].map(|line| format!("{}:{line}", case.path.display())));
    assert!(scan.findings[0].remedy.contains("medner data convert"), "{}", scan.findings[0].remedy);
}

#[test]
fn b25_counts_that_are_not_the_manifests() {
    let corpus = Corpus { train: vec![Document::default()], ..Corpus::default() };
    let counts = medner_data::manifest::Counts { documents: Some(3), ..Default::default() };
    let expected = [("train".to_owned(), counts)].into();
    let findings = check::documents(&corpus, Some(&expected), &Options::default());
    let differ = findings.iter().find(|f| f.code == "counts-differ").unwrap();
    assert_eq!(differ.message, "documents: the manifest says 3, found 1");
    assert!(differ.remedy.contains("medner data fetch"));
}
