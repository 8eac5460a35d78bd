//! Tag schemes by hand: what each letter may follow, and what the strict reader says when it refuses.
#![allow(clippy::unwrap_used)]

use medner_metrics::{Span, Tag, TagError, TagScheme};

fn refused(scheme: TagScheme, tags: &str) -> TagError {
    scheme.decode(&tags.split(' ').collect::<Vec<_>>()).unwrap_err()
}

#[test]
fn the_scheme_is_seen_in_the_tags() {
    for (tags, scheme) in [
        (&["O"][..], TagScheme::Bio),
        (&["O", "B-X", "I-X"], TagScheme::Bio),
        (&["B-X", "E-X"], TagScheme::Bioes),
        (&["S-X"], TagScheme::Bioes),
        (&["B-X", "M-X", "E-X"], TagScheme::Bmes),
        // Words of one and two characters only.
        (&["S", "B", "E"], TagScheme::Bmes),
    ] {
        assert_eq!(TagScheme::of_tags(tags.iter().copied()), scheme, "{tags:?}");
    }
}

#[test]
fn the_first_illegal_move_is_named() {
    for (scheme, tags, message) in [
        (TagScheme::Bio, "I-X O", "token 0: `I-X` may not follow `start` in the scheme BIO"),
        (TagScheme::Bio, "O I-X", "token 1: `I-X` may not follow `O` in the scheme BIO"),
        (TagScheme::Bio, "B-X I-Y", "token 1: `I-Y` may not follow `B-X` in the scheme BIO"),
        (TagScheme::Bioes, "B-X O", "token 1: `O` may not follow `B-X` in the scheme BIOES"),
        (TagScheme::Bioes, "B-X I-X", "token 2: `end` may not follow `I-X` in the scheme BIOES"),
        (TagScheme::Bioes, "B-X B-X", "token 1: `B-X` may not follow `B-X` in the scheme BIOES"),
        (TagScheme::Bioes, "B-X E-Y", "token 1: `E-Y` may not follow `B-X` in the scheme BIOES"),
        (TagScheme::Bioes, "S-X E-X", "token 1: `E-X` may not follow `S-X` in the scheme BIOES"),
        (TagScheme::Bioes, "E-X", "token 0: `E-X` may not follow `start` in the scheme BIOES"),
        (TagScheme::Bmes, "B M S", "token 2: `S` may not follow `M` in the scheme BMES"),
        (TagScheme::Bmes, "B E-X", "token 1: `E-X` may not follow `B` in the scheme BMES"),
    ] {
        assert_eq!(refused(scheme, tags).to_string(), message, "{tags}");
    }
}

#[test]
fn tags_of_another_scheme_are_named_with_what_was_expected() {
    for (scheme, tag) in [
        (TagScheme::Bio, "E-X"),
        (TagScheme::Bio, "B"),
        (TagScheme::Bio, "B-"),
        (TagScheme::Bio, "b-X"),
        (TagScheme::Bio, "BX"),
        (TagScheme::Bio, "O-X"),
        (TagScheme::Bio, ""),
        (TagScheme::Bio, "药"),
        (TagScheme::Bioes, "M-X"),
        (TagScheme::Bmes, "I-X"),
        (TagScheme::Bmes, "B-"),
    ] {
        assert_eq!(scheme.parse(tag), None, "{tag}");
        let error = scheme.decode(&["O", tag]).unwrap_err();
        assert_eq!(error, TagError::Unknown { position: 1, tag: tag.to_owned(), scheme });
        assert!(error.to_string().ends_with(&format!("(expected {})", scheme.shape())), "{error}");
    }
}

#[test]
fn the_label_is_all_after_the_first_hyphen() {
    assert_eq!(TagScheme::Bio.parse("B-A-b"), Some(Tag::Inside('B', "A-b")));
    assert_eq!(TagScheme::Bio.parse("I-药物"), Some(Tag::Inside('I', "药物")));
    assert_eq!(TagScheme::Bmes.parse("M"), Some(Tag::Inside('M', "")));
    assert_eq!(TagScheme::Bio.parse("O"), Some(Tag::Outside));
}

#[test]
fn an_empty_sentence_is_legal() {
    for scheme in TagScheme::ALL {
        assert_eq!(scheme.decode::<&str>(&[]).unwrap(), []);
        assert_eq!(scheme.encode(0, &[]).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn spans_that_cannot_be_tags_are_refused() {
    for (spans, message) in [
        (vec![Span::new(1, 1, "X")], "span 1..1 (X) covers no token"),
        (vec![Span::new(2, 5, "X")], "span 2..5 (X) ends past the sentence's 4 tokens"),
        (vec![Span::new(0, 2, "X"), Span::new(1, 3, "Y")], "span 1..3 (Y) overlaps the span before it"),
        (vec![Span::new(0, 2, "X"), Span::new(0, 2, "X")], "span 0..2 (X) overlaps the span before it"),
    ] {
        for scheme in TagScheme::ALL {
            assert_eq!(scheme.encode(4, &spans).unwrap_err().to_string(), message);
        }
    }
    let error = TagScheme::Bio.encode(4, &[Span::new(0, 2, "")]).unwrap_err();
    assert!(error.to_string().contains("has no label"), "{error}");
    assert_eq!(TagScheme::Bmes.encode(2, &[Span::new(0, 2, "")]).unwrap(), ["B", "E"]);
}

#[test]
fn conversion_by_hand() {
    let bio = ["B-X", "I-X", "I-X", "B-X", "O", "B-Y", "I-Y"];
    let bioes = ["B-X", "I-X", "E-X", "S-X", "O", "B-Y", "E-Y"];
    let bmes = ["B-X", "M-X", "E-X", "S-X", "O", "B-Y", "E-Y"];
    assert_eq!(TagScheme::Bio.convert(&bio, TagScheme::Bioes).unwrap(), bioes);
    assert_eq!(TagScheme::Bioes.convert(&bioes, TagScheme::Bmes).unwrap(), bmes);
    assert_eq!(TagScheme::Bmes.convert(&bmes, TagScheme::Bio).unwrap(), bio);
    assert!(TagScheme::Bio.convert(&["O", "I-X"], TagScheme::Bioes).is_err(), "not repaired in silence");
}

#[test]
fn names_are_read_in_any_case_and_unknown_ones_explained() {
    for scheme in TagScheme::ALL {
        assert_eq!(scheme.to_string().parse::<TagScheme>().unwrap(), scheme);
        let json = serde_json::to_string(&scheme).unwrap();
        assert_eq!(serde_json::from_str::<TagScheme>(&json).unwrap(), scheme);
    }
    assert_eq!("iob2".parse::<TagScheme>().unwrap(), TagScheme::Bio);
    assert_eq!("IOBES".parse::<TagScheme>().unwrap(), TagScheme::Bioes);
    let error = "IOB1".parse::<TagScheme>().unwrap_err();
    assert!(error.to_string().starts_with("unknown tag scheme `IOB1`: expected BIO"), "{error}");
}
