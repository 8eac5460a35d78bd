//! One test a bad input: each error names the file, the line, the column, the offending text and the remedy.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use medner_data::catalog;
use medner_data::formats::brat::{read_brat, write_brat};
use medner_data::formats::conll::{Column, ConllOptions, Separator, parse_conll, read_conll};
use medner_data::formats::conll_writer::{ConllWriteOptions, write_conll};
use medner_data::formats::jsonl::parse_jsonl;
use medner_data::formats::pubtator::{PubTatorOptions, parse_pubtator, write_pubtator};
use medner_data::formats::segmented::{parse_peoples_daily, read_peoples_daily, read_sighan, read_tagged};
use medner_data::formats::split::{SplitOptions, join_spans, split_records};
use medner_data::formats::weibo::{self, Version};
use medner_data::formats::{Remark, ccks, cmdd, msra};
use medner_data::{Document, Entity, Sentence, Span, TagScheme};

/// Asserts that the message has all the parts.
#[track_caller]
fn says<T: std::fmt::Debug>(result: Result<T, medner_data::DataError>, parts: &[&str]) {
    let error = result.unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

fn file(folder: &tempfile::TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn conll(text: &str, options: &ConllOptions) -> Result<Vec<Sentence>, medner_data::DataError> {
    parse_conll(text, Path::new("x.conll"), options).map(|read| read.items)
}

#[test]
fn wrong_number_of_columns() {
    let text = "a\tO\nb\tO\n\nc\tx\tO\n";
    says(
        conll(text, &ConllOptions::default()),
        &["x.conll:4:1:", "3 columns where 2 are expected", "mend the line"],
    );
    says(conll("a\tO\nb\n", &ConllOptions::default()), &["x.conll:2:1:", "1 columns", "found `b`"]);
    says(conll("a\nb\n", &ConllOptions::default()), &["x.conll:1:1:", "one column"]);
    let third = ConllOptions { tag: Column::At(2), ..ConllOptions::default() };
    says(conll("a\tO\n", &third), &["column 3 is asked for", "choose another column"]);
}

#[test]
fn empty_fields() {
    says(conll("a\tO\n\tO\n", &ConllOptions::default()), &["x.conll:2:1:", "token is empty"]);
    says(conll("a\tO\nb\t\n", &ConllOptions::default()), &["x.conll:2:", "tag is empty", "write `O`"]);
    says(conll("a\tO\n\t\n", &ConllOptions::default()), &["x.conll:2:1:", "token is empty"]);
}

#[test]
fn orphan_inside_tag() {
    let text = "患\tO\n者\tI-PER\n";
    says(
        conll(text, &ConllOptions::default()),
        &[
            "x.conll:2:3:",
            "may not follow `O` in BIO",
            "data convert --from conll --lenient",
            "found `I-PER`",
        ],
    );
    says(conll("患\tI-PER\n", &ConllOptions::default()), &["x.conll:1:3:", "the sentence's start"]);
    let lenient = ConllOptions { lenient: true, ..ConllOptions::default() };
    let read = parse_conll("患\tO\n者\tI-PER\n李\tI-LOC\n", Path::new("x"), &lenient).unwrap();
    assert_eq!(read.items[0].spans, [Span::new(1, 2, "PER"), Span::new(2, 3, "LOC")]);
    assert_eq!(read.report.count(Remark::RepairedTag), 2);
    assert_eq!(read.report.remarks[&Remark::RepairedTag].first, "x:2: I-PER after O");
}

#[test]
fn entity_that_does_not_end() {
    let text = "a\tB-X\nb\tI-X\n\nc\tS-X\nd\tB-X\ne\tE-X\n";
    says(conll(text, &ConllOptions::default()), &["x.conll:2:3:", "ends inside an entity", "BIOES"]);
}

#[test]
fn unknown_tag() {
    says(
        conll("a\tB-X\nb\tX\n", &ConllOptions::default()),
        &["x.conll:2:3:", "unknown tag", "BIO", "found `X`"],
    );
    // A tag of another scheme than the one given, leniently too: there is no reading that could be counted.
    let bio = ConllOptions { scheme: Some(TagScheme::Bio), lenient: true, ..ConllOptions::default() };
    says(conll("a\tB-X\nb\tE-X\n", &bio), &["x.conll:2:3:", "O, B-<type> or I-<type>", "found `E-X`"]);
    says(
        conll("a\tB-X\nb\tM-X\nc\tE-X\n\nd\tB-X\ne\tI-X\n", &ConllOptions::default()),
        &["x.conll:6:3:", "BMES"],
    );
}

#[test]
fn empty_files() {
    for text in ["", "\n\n", "-DOCSTART-\tO\n\n"] {
        says(conll(text, &ConllOptions::default()), &["x.conll: is empty", "one token a line"]);
    }
    let at = folder();
    for empty in ["", "\u{feff}\n"] {
        let path = file(&at, "empty", empty);
        says(ccks::read(&path), &["empty: is empty"]);
        says(cmdd::read(&path), &["empty: is empty"]);
        says(read_sighan(&path), &["empty: is empty"]);
        says(parse_jsonl("", &path), &["empty: is empty"]);
        says(parse_pubtator("", &path, PubTatorOptions::default()), &["empty: is empty"]);
    }
    says(read_brat(folder().path()), &["is empty", "<name>.ann"]);
}

#[test]
fn missing_files() {
    says(msra::read(Path::new("no/such.bio")), &["no/such.bio: "]);
    says(
        catalog::load_sentences("msra", Path::new("no")),
        &["no/msra/train.bio", "medner data fetch msra", "MEDNER_MIRROR"],
    );
    says(catalog::load_sentences("mrsa", Path::new("no")), &["`mrsa`", "msra"]);
}

#[test]
fn invalid_utf8() {
    let at = folder();
    let path = file(&at, "bad.bio", b"\xe6\x82\xa3\tO\n\xff\tO\n");
    says(msra::read(&path), &["bad.bio:2:1:", "not UTF-8", "convert", "FF 09 4F"]);
    // Surrogate pairs are refused where they are not known to occur, and lone surrogates everywhere.
    let pair = file(&at, "pair", b"a\tO\n\xed\xa0\xbd\xed\xb8\x82\tO\n");
    says(read_conll(&pair, &ConllOptions::default()), &["pair:2:1:", "not UTF-8"]);
    let read = weibo::read(&pair, Version::First).unwrap();
    assert_eq!(
        (read.items[0].tokens[1].as_str(), read.report.count(Remark::SurrogatePair)),
        ("\u{1f602}", 1)
    );
    let first = |bytes: &[u8]| weibo::read(&file(&at, "w", bytes), Version::First);
    let apart = first(b"a\tO\n\xed\xa0\xbd\tB-X\n\xed\xb8\x82\tI-X\nb\tI-X\n").unwrap();
    assert_eq!(
        (apart.items[0].tokens[1].as_str(), &apart.items[0].spans[0]),
        ("\u{1f602}", &Span::new(1, 3, "X"))
    );
    says(first(b"a\tO\n\xed\xa0\xbd\tO\n"), &["w:2:1:", "first half of a surrogate pair", "remove"]);
    says(first(b"a\tO\n\xed\xb8\x82\tO\n"), &["w:2:1:", "second half of a surrogate pair", "remove"]);
    says(first(b"\xed\xa0\xbd\tO\n\xed\xb8\x82\tB-X\n"), &["w:2:1:", "different tags"]);
    says(first(b"\xed\xa0\xbdx\tO\n"), &["w:1:1:", "among other characters"]);
    says(first(b"a\tO\n\xff\tO\n"), &["w:2:1:", "not UTF-8", "FF 09"]);
}

#[test]
fn tokens_of_the_wrong_form() {
    let at = folder();
    says(
        msra::read(&file(&at, "words.bio", "患者\tO\n")),
        &["words.bio:1:1:", "exactly one character", "found `患者`"],
    );
    let revised = Version::Revised { keep_positions: true };
    says(weibo::read(&file(&at, "w", "科0\tO\n技\tO\n"), revised), &["w:2:1:", "position", "found `技`"]);
    let read = weibo::read(&file(&at, "w", "科0\tO\n011\tO\n\u{fffd}\u{fffd}0\tO\n"), revised).unwrap();
    assert_eq!(read.items[0].tokens, ["科", "0", "\u{fffd}"]);
    assert_eq!(read.items[0].pos, ["0", "11", "0"]);
    assert_eq!(read.report.count(Remark::DamagedCharacter), 1);
}

#[test]
fn line_endings_separators_and_document_lines() {
    let text = "\u{feff}-DOCSTART- -X- O\r\n\r\nEU  NNP   B-ORG\r\nrejects VBZ O\r\n   \r\n-DOCSTART- -X- O\r\nGerman JJ B-MISC\r\n";
    let options = ConllOptions { pos: Some(Column::At(1)), ..ConllOptions::default() };
    let at = folder();
    let read = read_conll(&file(&at, "eng.testa", text), &options).unwrap();
    assert_eq!(read.items.len(), 2);
    assert_eq!((read.items[0].id.as_str(), read.items[1].id.as_str()), ("eng.testa:3", "eng.testa:7"));
    assert_eq!(read.items[0].pos, ["NNP", "VBZ"]);
    assert_eq!(read.items[1].spans, [Span::new(0, 1, "MISC")]);
    assert_eq!(read.report.count(Remark::DocumentLine), 2);
    let tabs = ConllOptions { separator: Separator::Tab, ..ConllOptions::default() };
    assert_eq!(conll("New York\tB-LOC\n \tO\n", &tabs).unwrap()[0].tokens, ["New York", " "]);
}

#[test]
fn schemes_are_found_out() {
    let spans = [Span::new(0, 1, "X"), Span::new(1, 4, "Y"), Span::new(5, 7, "Z")];
    for scheme in TagScheme::ALL {
        let tags = scheme.encode(7, &spans).unwrap();
        let lines: Vec<String> = tags.iter().map(|tag| format!("w {tag}\n")).collect();
        let read = parse_conll(&lines.concat(), Path::new("x"), &ConllOptions::default()).unwrap();
        assert_eq!((read.report.scheme, &read.items[0].spans[..]), (Some(scheme), &spans[..]));
    }
    let words = conll("我 S\n爱 S\n北 B\n京 E\n", &ConllOptions::default()).unwrap();
    assert_eq!(words[0].spans[2], Span::new(2, 4, ""));
}

#[test]
fn errors_in_a_big_file_have_the_right_line() {
    let sentence = "患\tB-DIS\n者\tI-DIS\n\n";
    for bad in [1, 40_000, 79_999] {
        let mut text = sentence.repeat(bad);
        text.push_str("患\tO\n者\tI-DIS\n\n");
        text.push_str(&sentence.repeat(80_000 - bad));
        says(conll(&text, &ConllOptions::default()), &[&format!("x.conll:{}:3:", 3 * bad + 2)]);
    }
    let read = conll(&sentence.repeat(80_000), &ConllOptions::default()).unwrap();
    assert_eq!((read.len(), read[79_999].id.as_str()), (80_000, "x.conll:239998"));
}

#[test]
fn tagged_words_of_ones_own() {
    let at = folder();
    let read = |text: &str| read_tagged(&file(&at, "own.txt", text));
    let lines = read("他/r  来/v  了/u\n\n19980101-01-001-002/m  好/a\n").unwrap().items;
    assert_eq!((lines[0].id.as_str(), lines[0].words.concat().as_str()), ("own.txt:1", "他来了"));
    assert_eq!((lines[1].id.as_str(), lines[1].pos[0].as_str()), ("19980101-01-001-002", "a"));
    says(read("他/r  /v\n"), &["own.txt:1:", "a word without characters"]);
    says(read("他/r\n来 了/u\n"), &["own.txt:2:1:", "without a part of speech", "word/POS"]);
    says(read("他/r 来/\n"), &["own.txt:1:", "part of speech is missing"]);
    says(read("\n"), &["own.txt", "word/POS"]);
}

#[test]
fn peoples_daily() {
    let pd = |text: &str| parse_peoples_daily(text, Path::new("pd"));
    let id = "19980101-01-001-001/m";
    says(pd("迈向/v"), &["pd:1:1:", "identifier", "found `迈向/v`"]);
    says(pd(&format!("{id}  迈向/v  充满")), &["pd:1:30:", "without a part of speech", "found `充满`"]);
    says(pd(&format!("{id}  迈向/")), &["pd:1:24:", "part of speech is missing"]);
    says(pd(&format!("{id}  /v")), &["pd:1:24:", "without characters"]);
    says(pd(&format!("{id}  [中央/n  电台/n")), &["pd:1:24:", "no `]` closes"]);
    says(pd(&format!("{id}  中央/n  电台/n]nt")), &["pd:1:30:", "no `[` opened"]);
    says(pd(&format!("{id}  [中央/n  电台/n]")), &["without a label"]);
    says(pd(id), &["no words"]);
    let nested =
        pd(&format!("\r\n{id}  [[中央/n  人民/n]nt  电台/n]nt  [/w  好/a\r\n")).unwrap().items.remove(0);
    assert_eq!(nested.words, ["中央", "人民", "电台", "[", "好"]);
    assert_eq!(nested.groups, [Span::new(0, 3, "nt"), Span::new(0, 2, "nt")]);
    assert_eq!(nested.clone().into_words().spans, [Span::new(0, 3, "nt")]);
    let characters = nested.into_characters();
    assert_eq!((characters.tokens.len(), characters.spans[1].clone()), (8, Span::new(2, 4, "")));
    let at = folder();
    let broken = file(&at, "pd.txt", b"19980101-01-001-001/m  \xd3\xad/v\n19980101-01-001-002/m  \xff/v\n");
    says(read_peoples_daily(&broken), &["pd.txt:2:24:", "not GB18030"]);
}

#[test]
fn sighan() {
    let at = folder();
    let path = file(&at, "sighan", "扬帆  远东\r\n\r\n　  做\n");
    says(read_sighan(&path), &["sighan:3:1:", "white space of another kind"]);
}

#[test]
fn ccks_records() {
    let at = folder();
    let read = |json: &str| ccks::read(&file(&at, "c.json", format!("\u{feff}{json}\n")));
    let record = |start: i64, end: i64, label: &str| {
        format!(
            r#"{{"originalText":"行胃癌根治术","entities":[{{"label_type":"{label}","start_pos":{start},"end_pos":{end}}}]}}"#
        )
    };
    assert_eq!(read(&record(1, 6, "手术")).unwrap().items[0].entities[0].label, "operation");
    says(read(&record(1, 7, "手术")), &["c.json:1:1:", "6 characters", "found `1..7`"]);
    says(read(&record(3, 3, "手术")), &["does not lie", "found `3..3`"]);
    says(read(&record(-1, 3, "手术")), &["c.json:1:", "-1"]);
    says(read(&record(1, 6, "症状")), &["unknown `label_type`", "解剖部位", "found `症状`"]);
    says(read(r#"{"originalText":"行"}"#), &["c.json:1:", "missing field `entities`"]);
    says(read(r#"{"originalText":7,"entities":[]}"#), &["c.json:1:17:", "invalid type", "originalText"]);
    says(read(&format!("{}\n{{\"originalText\": ", record(1, 6, "手术"))), &["c.json:2:", "EOF"]);
    let overlap = r#"{"originalText":"行胃癌根治术","entities":[{"label_type":"手术","start_pos":1,"end_pos":6},{"label_type":"疾病和诊断","start_pos":1,"end_pos":3}]}"#;
    says(read(overlap), &["overlap", "1..3 (disease)", "1..6 (operation)", "keep one"]);
    let extra = r#"{"originalText":"行","entities":[],"hospital":3}"#;
    assert_eq!(read(extra).unwrap().report.count(Remark::KeyNotRead), 1);
}

#[test]
fn cmdd_dialogues() {
    let at = folder();
    let read = |speaker: &str, sentence: &str, label: &str| {
        let json = format!(
            r#"{{"example-id":"7","dialogue-content":[{{"speaker":"{speaker}","sentence":"{sentence}","label":"{label}"}}]}}"#
        );
        cmdd::read(&file(&at, "d.jsonl", json))
    };
    says(read("患者", "肚子痛", "BI"), &["d.jsonl:1:1:", "utterance 0", "3 characters and a label of 2"]);
    says(read("患者", "肚子痛", "BIE"), &["other than B, I and O at 2"]);
    says(read("护士", "肚子痛", "OOO"), &["unknown speaker", "患者", "found `护士`"]);
    let repaired = read("医生", "肚子痛", "OII").unwrap();
    assert_eq!(repaired.report.count(Remark::RepairedTag), 1);
    assert_eq!(repaired.items[0].utterances[0].symptoms, [Span::new(1, 3, "symptom")]);
}

#[test]
fn pubtator() {
    let strict = PubTatorOptions::default();
    let tolerant = PubTatorOptions { tolerant: true };
    let parse = |text: &str, options| parse_pubtator(text, Path::new("p.txt"), options);
    let head = "1|t|Skin tumour\n1|a|In mice.\n";
    says(parse("1\t0\t4\tSkin\tD\n", strict), &["p.txt:1:1:", "expected a title"]);
    says(parse("1|a|In mice.\n", strict), &["p.txt:1:1:", "does not follow its title"]);
    says(parse(&format!("{head}2\t0\t4\tSkin\tD\tX\n"), strict), &["p.txt:3:1:", "another document", "`1`"]);
    says(
        parse(&format!("{head}1\t0\t99\tSkin\tD\tX\n"), strict),
        &["p.txt:3:3:", "20 characters", "found `0..99`"],
    );
    says(parse(&format!("{head}1\t5\t0\tSkin\tD\tX\n"), strict), &["found `5..0`"]);
    says(
        parse(&format!("{head}1\tzero\t4\tSkin\tD\tX\n"), strict),
        &["p.txt:3:3:", "digits", "found `zero`"],
    );
    says(
        parse(&format!("{head}1\t0\t4\tMice\tD\tX\n"), tolerant),
        &["p.txt:3:7:", "is `Skin`", "found `Mice`"],
    );
    says(parse(&format!("{head}1\t0\t11\tSkin  tumour\tD\tX\n"), strict), &["is `Skin tumour`"]);
    says(
        parse(&format!("{head}1\t0\t4\tSkin\n1\t0\t4\n"), strict),
        &["p.txt:4:1:", "3 columns", "expected 6"],
    );
    says(parse(&format!("{head}\n{head}"), strict), &["p.txt:4:1:", "stands twice"]);
    let text = format!(
        "{head}1\t0\t11\tSkin \"tumour\tD\tA| B+C\n1\t15\t19\tmice\tS\t-1\n1\tCID\tA\tB\n1\t0\t4\tSkin\tD\tA|B\tskin|x\n\n{head}"
    );
    let read = parse(&text, tolerant).unwrap();
    assert_eq!(read.items[0].text, "Skin tumour\nIn mice.");
    assert_eq!(read.items[0].entities[1].concepts, ["A", "B+C"]);
    assert!(read.items[0].entities[2].concepts.is_empty());
    assert_eq!(read.items[1].id, "1#2");
    let kinds = [
        Remark::MentionDiffers,
        Remark::TrimmedConcept,
        Remark::NotAMention,
        Remark::PartsNotRead,
        Remark::DuplicateId,
    ];
    assert_eq!(kinds.map(|k| read.report.count(k)), [1; 5]);
}

#[test]
fn brat() {
    let at = folder();
    let parse = |annotations: &str| {
        file(&at, "d.txt", "头痛和\n发热 here");
        file(&at, "d.ann", annotations);
        read_brat(at.path())
    };
    says(parse("T1\tSymptom 0 2\t头疼\n"), &["d.ann:1:16:", "is `头痛`", "found `头疼`"]);
    says(parse("T1\tSymptom 0 99\t头痛\n"), &["d.ann:1:12:", "11 characters"]);
    says(parse("T1\tSymptom 0\t头痛\n"), &["d.ann:1:12:", "expected `start end`"]);
    says(parse("T1\tSymptom 0 2\n"), &["d.ann:1:1:", "no text"]);
    says(parse("X1\tSymptom 0 2\t头痛\n"), &["begins with T, N, R"]);
    says(parse("N1\tReference T9 X:1\tx\n"), &["d.ann:1:14:", "not in the file", "found `T9`"]);
    says(parse("T1\tS 0 2\t头痛\nT1\tS 0 2\t头痛\n"), &["d.ann:2:1:", "twice"]);
    let read = parse("T1\tS 0 1;4 5\t头 发\nT2\tS 2 3;4 6\t和 发热\nR1\tx Arg1:T1 Arg2:T2\t\nN1\tReference T2 MESH:D1\t发热\n").unwrap();
    assert_eq!(read.documents[0].entities.len(), 1);
    let joined = &read.documents[0].entities[0];
    assert_eq!((joined.start, joined.end, joined.concepts[0].as_str()), (2, 6, "MESH:D1"));
    assert_eq!(read.discontinuous[0].pieces, [(0, 1), (4, 5)]);
    assert_eq!((read.report.count(Remark::Discontinuous), read.report.count(Remark::NotAMention)), (1, 1));
    fs::remove_file(at.path().join("d.ann")).unwrap();
    says(read_brat(at.path()), &["d: ", "has a .txt but no .ann", "empty .ann"]);
}

#[test]
fn brat_files_come_in_the_order_of_their_numbers() {
    let at = folder();
    for name in ["note-10", "note-2", "note-2b", "a"] {
        file(&at, &format!("{name}.txt"), "x");
        file(&at, &format!("{name}.ann"), "");
    }
    let ids: Vec<String> = read_brat(at.path()).unwrap().documents.into_iter().map(|d| d.id).collect();
    assert_eq!(ids, ["a", "note-2", "note-2b", "note-10"]);
}

#[test]
fn jsonl() {
    let parse = |text: &str| parse_jsonl(text, Path::new("j.jsonl"));
    says(
        parse(r#"{"text":"头痛","entities":[{"start":0,"end":3,"label":"S"}]}"#),
        &["j.jsonl:1:1:", "entity 0", "2 characters", "`0..3`"],
    );
    says(
        parse(r#"{"text":"头痛","entities":[{"start":0,"end":2,"label":"S","text":"发热"}]}"#),
        &["stands `头痛`", "found `发热`"],
    );
    says(parse("{\"text\":\"头\",\"label\":[]}\n{\"text\":"), &["j.jsonl:2:", "EOF"]);
    says(parse(r#"{"tokens":["a"]}"#), &["none of the shapes", "doccano"]);
    says(parse(r#"{"text":"头","label":[[0,1]]}"#), &["j.jsonl:1:", "invalid length 2"]);
    says(
        parse("{\"id\":1,\"text\":\"a\"}\n{\"id\":\"1\",\"text\":\"b\"}"),
        &["j.jsonl:2:1:", "stands twice"],
    );
    let two = r#"[{"id":1,"data":{"text":"a"},"annotations":[{"result":[]},{"result":[]}]}]"#;
    says(parse(two), &["task 1: ", "several annotations", "2 annotations"]);
    let doccano = parse(r#"{"id":5,"text":"头痛","label":[[0,2,"S"]],"Comments":[]}"#).unwrap();
    assert_eq!((doccano.items[0].id.as_str(), doccano.items[0].entities[0].end), ("5", 2));
    assert_eq!(doccano.report.count(Remark::KeyNotRead), 1);
    // doccano counts UTF-16 units: 😂 is two of them. In our own shape it is one character.
    let place = |entities: &str| {
        let read = parse(&format!(r#"{{"id":5,"text":"😂头痛😂",{entities}}}"#));
        read.map(|read| (read.items[0].entities[0].start, read.items[0].entities[0].end))
    };
    assert_eq!(place(r#""label":[[2,4,"S"]]"#).unwrap(), (1, 3));
    assert_eq!(place(r#""label":[[4,6,"S"]]"#).unwrap(), (3, 4));
    let related = r#""entities":[{"id":1,"start_offset":2,"end_offset":4,"label":"S"}],"relations":[]"#;
    assert_eq!(place(related).unwrap(), (1, 3));
    assert_eq!(place(r#""entities":[{"start":1,"end":3,"label":"S"}]"#).unwrap(), (1, 3));
    for half in [r#""label":[[1,4,"S"]]"#, r#""label":[[2,5,"S"]]"#] {
        says(
            place(half),
            &["j.jsonl:1:1:", "entity 0", "inside a character of two", "grapheme clusters off"],
        );
    }
    says(place(r#""label":[[2,7,"S"]]"#), &["j.jsonl:1:1:", "the text's 6 UTF-16 units", "found `2..7`"]);
    says(
        place(r#""entities":[{"start":1,"end_offset":4,"label":"S"}]"#),
        &["entity 0 must have `start` and `end`, or doccano's"],
    );
    // Label Studio counts them too, where a mention's own text says so.
    let task = r#"[{"id":1,"created_at":"x","data":{"text":"😂头痛"},"annotations":[{"was_cancelled":true,"result":[]},
        {"result":[{"type":"labels","value":{"start":2,"end":4,"text":"头痛","labels":["S"]}},{"type":"choices","value":{}}]}]}]"#;
    let read = parse(task).unwrap();
    assert_eq!((read.items[0].entities[0].start, read.items[0].entities[0].end), (1, 3));
    let kinds = [Remark::Utf16Offsets, Remark::Cancelled, Remark::NotAMention, Remark::KeyNotRead];
    assert_eq!(kinds.map(|k| read.report.count(k)), [1, 1, 1, 0]);
    // Nobody has answered these two; to the third somebody has: there is nothing.
    let answers = |answers: &str| {
        parse(&format!(r#"[{{"id":1,"data":{{"text":"头痛"}},"annotations":{answers}}}]"#)).unwrap().report
    };
    for unanswered in ["[]", r#"[{"was_cancelled":true,"result":[]}]"#] {
        assert_eq!(answers(unanswered).count(Remark::NotAnnotated), 1, "{unanswered}");
    }
    assert!(answers(r#"[{"result":[]}]"#).is_clean());
}

#[test]
fn what_cannot_be_written() {
    let path = Path::new("out");
    let write = |tokens: &[&str], spans: Vec<Span>| {
        let tokens = tokens.iter().map(ToString::to_string).collect();
        let sentence = Sentence { id: "s".into(), tokens, spans, ..Sentence::default() };
        write_conll(&[sentence], ConllWriteOptions::default(), &mut Vec::new(), path)
    };
    says(write(&["a\tb"], vec![]), &["s: ", "tab or line break"]);
    says(write(&[], vec![]), &["without tokens"]);
    says(write(&["-DOCSTART-"], vec![]), &["mark of the format"]);
    says(write(&["a"], vec![Span::new(0, 2, "X")]), &["span 0..2 (X)", "1 tokens"]);
    says(write(&["a", "b"], vec![Span::new(0, 2, "X"), Span::new(1, 2, "Y")]), &["overlaps"]);
    says(write(&["a"], vec![Span::new(0, 1, "")]), &["no label"]);
    let document = |id: &str, text: &str, end: usize, label: &str| Document {
        id: id.into(),
        text: text.into(),
        entities: vec![Entity { start: 0, end, label: label.into(), concepts: vec![] }],
    };
    let pubtator = |d: Document| write_pubtator(&[d], &mut Vec::new(), path);
    says(pubtator(document("a|b", "头", 1, "S")), &["the identifier `a|b`"]);
    says(pubtator(document("a", "头", 2, "S")), &["0..2 (S)", "1 characters"]);
    let at = folder();
    says(write_brat(&[document("a/b", "头", 1, "S")], at.path()), &["cannot name a file"]);
    says(write_brat(&[document("a", "头", 1, "two words")], at.path()), &["single word"]);
    says(write_brat(&[document("a", "头\n", 2, "S")], at.path()), &["line break"]);
    let twice = [document("a", "头", 1, "S"), document("a", "头", 1, "S")];
    says(write_brat(&twice, at.path()), &["two documents"]);
    assert_eq!(
        fs::read_dir(at.path()).unwrap().count(),
        0,
        "nothing is written before everything is checked"
    );
    let blocked = file(&at, "taken", "");
    says(write_brat(&[document("a", "头", 1, "S")], &blocked), &["taken"]);
}

#[test]
fn splitting_and_joining() {
    let text = Document { id: "r".into(), text: "头痛。发热".into(), entities: vec![] };
    let zero = SplitOptions { max_length: 0, ..SplitOptions::default() };
    says(split_records(std::slice::from_ref(&text), zero), &["maximum length"]);
    let outside = Document {
        entities: vec![Entity { start: 4, end: 6, label: "S".into(), concepts: vec![] }],
        ..text.clone()
    };
    says(split_records(&[outside], SplitOptions::default()), &["r: mention 4..6 (S)", "5 characters"]);
    let pieces = split_records(&[text], SplitOptions::default()).unwrap().pieces;
    says(join_spans(&pieces, &[], 1), &["one a piece", "2 expected, 0 found"]);
    let past = [vec![Span::new(0, 9, "S")], vec![]];
    says(join_spans(&pieces, &past, 1), &["r@0: span 0..9 (S)"]);
    says(join_spans(&pieces, &[vec![], vec![]], 0), &["record 0", "0 records"]);
}
