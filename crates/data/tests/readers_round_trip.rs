//! Property tests: what is written is read back unchanged, and what is split is put together again.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use medner_data::formats::brat::{read_brat, write_brat};
use medner_data::formats::conll::{Column, ConllOptions, parse_conll};
use medner_data::formats::conll_writer::{ConllWriteOptions, write_conll};
use medner_data::formats::jsonl::{parse_jsonl, write_jsonl};
use medner_data::formats::pubtator::{PubTatorOptions, parse_pubtator, write_pubtator};
use medner_data::formats::split::{self, SplitOptions, split_records};
use medner_data::formats::tokenize::{self, tokenize};
use medner_data::{Document, Entity, Sentence, Span, TagScheme};
use proptest::prelude::*;

const PATH: &str = "round-trip";

fn sentence() -> impl Strategy<Value = Sentence> {
    let token =
        prop_oneof!["[a-z0-9#-]{1,4}", "[患者头痛。，]", Just("\u{1f602}".to_owned()), Just(" ".to_owned())];
    (
        prop::collection::vec((token, "[A-Z]{1,3}", "D[0-9]{2}|O|-1"), 1..12),
        prop::collection::vec((0usize..12, 1usize..4, 0usize..3), 0..4),
    )
        .prop_map(|(rows, places)| {
            let length = rows.len();
            let mut spans: Vec<Span> = Vec::new();
            for (start, width, label) in places {
                let span = Span::new(start, start + width, ["DIS", "B-x", "检查"][label]);
                if span.end <= length && spans.iter().all(|s| !s.overlaps(&span)) {
                    spans.push(span);
                }
            }
            spans.sort();
            Sentence {
                id: String::new(),
                tokens: rows.iter().map(|r| r.0.clone()).collect(),
                spans,
                pos: rows.iter().map(|r| r.1.clone()).collect(),
                concepts: rows.into_iter().map(|r| r.2).collect(),
            }
        })
}

/// Documents whose mentions may overlap, but neither begin nor end in white space.
fn documents(characters: &'static str) -> impl Strategy<Value = Vec<Document>> {
    let concepts = prop::collection::vec("[A-Z][0-9]{1,3}(\\+[A-Z][0-9])?", 0..3);
    let mention = (0usize..60, 1usize..9, "[A-Za-z检]{1,5}", concepts);
    let document =
        (proptest::string::string_regex(characters).unwrap(), prop::collection::vec(mention, 0..6));
    prop::collection::vec(document, 1..4).prop_map(|documents| {
        let made = documents.into_iter().enumerate().map(|(i, (text, mentions))| {
            let characters: Vec<char> = text.chars().collect();
            let is_solid = |i: usize| characters.get(i).is_some_and(|c| !c.is_whitespace());
            let mut entities: Vec<Entity> = mentions
                .into_iter()
                .map(|(start, width, label, concepts)| Entity { start, end: start + width, label, concepts })
                .filter(|e| is_solid(e.start) && is_solid(e.end - 1))
                .collect();
            entities.sort();
            Document { id: format!("d{i}"), text, entities }
        });
        made.collect()
    })
}

const ANY: &str = "[a-dA-D0-9 .;,\n\r\t患者头痛。；，😂\"\\\\|]{0,60}";

/// The places of mentions that overlap no other one.
fn flat(documents: &[Document]) -> Vec<Document> {
    let mut flat = documents.to_vec();
    for document in &mut flat {
        let mut end = 0;
        document.entities.retain(|e| {
            let keep = e.start >= end;
            if keep {
                end = e.end;
            }
            keep
        });
    }
    flat
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn conll_is_read_back(
        mut sentences in prop::collection::vec(sentence(), 1..5), scheme in 0usize..3, pos: bool, concepts: bool, given: bool,
    ) {
        let scheme = TagScheme::ALL[scheme];
        for sentence in &mut sentences {
            if !pos { sentence.pos.clear() }
            if !concepts { sentence.concepts.clear() }
        }
        let mut text = Vec::new();
        write_conll(&sentences, ConllWriteOptions { scheme, pos, concepts }, &mut text, Path::new(PATH)).unwrap();
        let options = ConllOptions {
            tag: Column::At(1 + usize::from(pos)),
            pos: pos.then_some(Column::At(1)),
            concept: concepts.then_some(Column::Last),
            scheme: given.then_some(scheme),
            ..ConllOptions::default()
        };
        let read = parse_conll(std::str::from_utf8(&text).unwrap(), Path::new(PATH), &options).unwrap();
        let anonymous: Vec<Sentence> = read.items.into_iter().map(|s| Sentence { id: String::new(), ..s }).collect();
        prop_assert_eq!(anonymous, sentences);
        prop_assert!(read.report.is_clean());
    }

    #[test]
    fn jsonl_is_read_back(documents in documents(ANY)) {
        let mut text = Vec::new();
        write_jsonl(&documents, &mut text, Path::new(PATH)).unwrap();
        let read = parse_jsonl(std::str::from_utf8(&text).unwrap(), Path::new(PATH)).unwrap();
        prop_assert_eq!(read.items, documents);
        prop_assert!(read.report.is_clean());
    }

    #[test]
    fn pubtator_is_read_back(documents in documents("[a-d .患头😂\"|]{1,20}(\n[a-d .患头😂\"|]{1,40})?")) {
        let mut text = Vec::new();
        let report = write_pubtator(&documents, &mut text, Path::new(PATH)).unwrap();
        prop_assert!(report.is_clean());
        let read = parse_pubtator(std::str::from_utf8(&text).unwrap(), Path::new(PATH), PubTatorOptions::default()).unwrap();
        prop_assert_eq!(read.items, documents);
        prop_assert!(read.report.is_clean());
    }

    #[test]
    fn split_pieces_cover_the_text_and_join_again(
        documents in documents(ANY), max_length in 1usize..20, protect_entities: bool, only_long: bool,
    ) {
        let split = split_records(&documents, SplitOptions { max_length, protect_entities, only_long }).unwrap();
        let mut covered: Vec<Vec<bool>> = documents.iter().map(|d| vec![false; d.text.chars().count()]).collect();
        let mut before = (0, 0);
        for piece in &split.pieces {
            piece.sentence.check().unwrap();
            prop_assert!((piece.record, piece.start) >= before);
            before = (piece.record, piece.start + piece.sentence.tokens.len());
            for (i, token) in piece.sentence.tokens.iter().enumerate() {
                let character = documents[piece.record].text.chars().nth(piece.start + i).unwrap();
                prop_assert_eq!(token, &character.to_string());
                let seen = &mut covered[piece.record][piece.start + i];
                prop_assert!(!*seen);
                *seen = true;
            }
        }
        for (document, covered) in documents.iter().zip(&covered) {
            for (character, covered) in document.text.chars().zip(covered) {
                prop_assert!(*covered || matches!(character, '\n' | '\r'));
            }
        }
        let too_long = split.pieces.iter().filter(|p| p.sentence.tokens.len() > max_length).count();
        prop_assert_eq!(split.report.too_long, too_long);
        prop_assert!(protect_entities || too_long == 0);
        if protect_entities {
            prop_assert_eq!(split.report.entities_cut, 0);
        }

        for (record, document) in documents.iter().enumerate().filter(|_| only_long) {
            let length = document.text.chars().count();
            if (1..=max_length).contains(&length) && !document.text.contains(['\n', '\r']) {
                prop_assert_eq!(split.pieces.iter().filter(|p| p.record == record).count(), 1);
            }
        }

        // Gold spans of the pieces, joined, are the records' entities but for those counted as cut or overlapping.
        let gold: Vec<Vec<Span>> = split.pieces.iter().map(|p| p.sentence.spans.clone()).collect();
        let joined = split::join_spans(&split.pieces, &gold, documents.len()).unwrap();
        let all: usize = documents.iter().map(|d| d.entities.len()).sum();
        let back: usize = joined.iter().map(Vec::len).sum();
        prop_assert_eq!(back + split.report.entities_cut + split.report.entities_overlapping, all);
        for (document, spans) in documents.iter().zip(&joined) {
            for span in spans {
                prop_assert!(document.entities.iter().any(|e| (e.start, e.end, &e.label) == (span.start, span.end, &span.label)));
            }
        }
    }

    #[test]
    fn without_overlaps_protected_records_come_back_whole(documents in documents(ANY), max_length in 1usize..20) {
        let documents = flat(&documents);
        let split = split_records(&documents, SplitOptions { max_length, ..SplitOptions::default() }).unwrap();
        let gold: Vec<Vec<Span>> = split.pieces.iter().map(|p| p.sentence.spans.clone()).collect();
        let joined = split::join_spans(&split.pieces, &gold, documents.len()).unwrap();
        for (document, spans) in documents.iter().zip(&joined) {
            let expected: Vec<Span> =
                document.entities.iter().map(|e| Span::new(e.start, e.end, e.label.clone())).collect();
            prop_assert_eq!(spans, &expected);
        }
    }

    #[test]
    fn tokens_keep_their_offsets_and_join_again(documents in documents(ANY)) {
        let documents = flat(&documents);
        let read = tokenize(&documents).unwrap();
        let mut solid: Vec<usize> = documents.iter().map(|d| d.text.chars().filter(|c| !c.is_whitespace()).count()).collect();
        for sentence in &read.items {
            sentence.sentence.check().unwrap();
            let text: Vec<char> = documents[sentence.document].text.chars().collect();
            for (token, &(start, end)) in sentence.sentence.tokens.iter().zip(&sentence.offsets) {
                prop_assert_eq!(token, &text[start..end].iter().collect::<String>());
                solid[sentence.document] -= end - start;
            }
        }
        prop_assert!(solid.iter().all(|&n| n == 0), "every character but white space is in exactly one token");
        // Tokens and boundaries do not depend on the mentions, but for boundaries inside one.
        let bare: Vec<Document> = documents.iter().map(|d| Document { entities: Vec::new(), ..d.clone() }).collect();
        let bare = tokenize(&bare).unwrap();
        let offsets = |items: &[tokenize::TokenizedSentence]| -> Vec<(usize, usize)> {
            items.iter().flat_map(|s| s.offsets.clone()).collect()
        };
        prop_assert_eq!(offsets(&read.items), offsets(&bare.items));

        let gold: Vec<Vec<Span>> = read.items.iter().map(|s| s.sentence.spans.clone()).collect();
        let joined = tokenize::join_spans(&read.items, &gold, documents.len()).unwrap();
        if read.report.is_clean() {
            for (document, spans) in documents.iter().zip(&joined) {
                let expected: Vec<Span> =
                    document.entities.iter().map(|e| Span::new(e.start, e.end, e.label.clone())).collect();
                prop_assert_eq!(spans, &expected);
            }
        }
    }
}

proptest! {
    // Each case writes files.
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn brat_is_read_back(documents in documents(ANY)) {
        let folder = tempfile::tempdir().unwrap();
        write_brat(&documents, folder.path()).unwrap();
        let read = read_brat(folder.path()).unwrap();
        prop_assert_eq!(read.documents, documents);
        prop_assert!(read.report.is_clean() && read.discontinuous.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// No text, however broken, makes a parser panic.
    #[test]
    fn parsers_do_not_panic(text in "([BIEMSO]-X|-DOCSTART-|1\\|[ta]\\|x|[{}\\[\\]\":,0-9a\t \n\r患😂|/-]){0,40}") {
        let path = Path::new(PATH);
        for lenient in [true, false] {
            let _ = parse_conll(&text, path, &ConllOptions { lenient, ..ConllOptions::default() });
        }
        let _ = parse_pubtator(&text, path, PubTatorOptions { tolerant: true });
        let _ = parse_jsonl(&text, path);
        let _ = medner_data::formats::segmented::parse_peoples_daily(&text, path);
        let _ = medner_data::formats::text::decode_utf8_or_cesu8(text.into_bytes(), path);
    }
}
