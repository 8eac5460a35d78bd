//! The known cases in which scorers read the same tags differently, one test each, as in the crate's table.
#![allow(clippy::unwrap_used)]

use medner_metrics::{Counts, Scorer, Span, TagScheme, conlleval_spans, token_accuracy};

use Scorer::{Conlleval, Entity, SeqevalDefault, SeqevalStrict};

fn read(scorer: Scorer, scheme: TagScheme, tags: &str) -> Vec<Span> {
    scorer.spans(scheme, &tags.split(' ').collect::<Vec<_>>()).unwrap()
}

fn score(scorer: Scorer, scheme: TagScheme, gold: &str, predicted: &str) -> Counts {
    let split = |tags: &str| vec![tags.split(' ').map(String::from).collect::<Vec<_>>()];
    scorer.report(scheme, &split(gold), &split(predicted)).unwrap().micro
}

fn x(start: usize, end: usize) -> Span {
    Span::new(start, end, "X")
}

fn y(start: usize, end: usize) -> Span {
    Span::new(start, end, "Y")
}

const BIO: TagScheme = TagScheme::Bio;
const BIOES: TagScheme = TagScheme::Bioes;

/// The table of the crate's front page, line by line: entity and seqeval-default, conlleval, seqeval-strict.
#[test]
fn the_table_is_true() {
    for (scheme, tags, lenient, conlleval, strict) in [
        (BIO, "I-X I-X O", vec![x(0, 2)], vec![x(0, 2)], vec![]),
        (BIO, "O I-X O", vec![x(1, 2)], vec![x(1, 2)], vec![]),
        (BIO, "B-X I-X I-Y I-Y", vec![x(0, 2), y(2, 4)], vec![x(0, 2), y(2, 4)], vec![x(0, 2)]),
        (BIO, "B-X I-Y", vec![x(0, 1), y(1, 2)], vec![x(0, 1), y(1, 2)], vec![x(0, 1)]),
        (BIOES, "B-X I-X O", vec![x(0, 2)], vec![x(0, 2)], vec![]),
        (BIOES, "B-X E-Y O", vec![x(0, 1), y(1, 2)], vec![x(0, 1), y(1, 2)], vec![]),
        (BIOES, "O E-X O", vec![x(1, 2)], vec![x(1, 2)], vec![]),
        (BIOES, "S-X E-X O", vec![x(0, 1), x(1, 2)], vec![x(0, 2)], vec![x(0, 1)]),
        (BIOES, "B-X E-X I-X", vec![x(0, 2), x(2, 3)], vec![x(0, 2), x(2, 3)], vec![x(0, 2)]),
        (BIOES, "B-X E-X B-X E-X", vec![x(0, 2), x(2, 4)], vec![x(0, 4)], vec![x(0, 2), x(2, 4)]),
        (BIOES, "S-X S-X O", vec![x(0, 1), x(1, 2)], vec![x(0, 2)], vec![x(0, 1), x(1, 2)]),
    ] {
        assert_eq!(read(Entity, scheme, tags), lenient, "{tags}");
        assert_eq!(read(SeqevalDefault, scheme, tags), lenient, "{tags}");
        assert_eq!(read(Conlleval, scheme, tags), conlleval, "{tags}");
        assert_eq!(read(SeqevalStrict, scheme, tags), strict, "{tags}");
    }
}

/// An `I` at the start of a sentence continues nothing: an entity for all but the strict mode.
#[test]
fn orphan_i_at_the_start() {
    for scorer in [Entity, Conlleval, SeqevalDefault] {
        assert_eq!(read(scorer, BIO, "I-X I-X O"), [x(0, 2)], "{scorer}");
        assert_eq!(score(scorer, BIO, "B-X I-X O", "I-X I-X O"), Counts::new(1, 1, 1), "{scorer}");
    }
    assert_eq!(read(SeqevalStrict, BIO, "I-X I-X O"), []);
    assert_eq!(score(SeqevalStrict, BIO, "B-X I-X O", "I-X I-X O"), Counts::new(1, 0, 0));
    assert!(BIO.decode(&["I-X", "I-X", "O"]).is_err(), "as corpus data it is refused");
}

/// The same after `O`.
#[test]
fn i_after_o() {
    for scorer in [Entity, Conlleval, SeqevalDefault] {
        assert_eq!(read(scorer, BIO, "O I-X O"), [x(1, 2)], "{scorer}");
    }
    assert_eq!(read(SeqevalStrict, BIO, "O I-X O"), []);
}

/// A type that changes inside splits the entity; the strict mode keeps only the part that `B` began.
#[test]
fn type_changes_inside() {
    for scorer in [Entity, Conlleval, SeqevalDefault] {
        assert_eq!(read(scorer, BIO, "B-X I-X I-Y I-Y"), [x(0, 2), y(2, 4)], "{scorer}");
    }
    assert_eq!(read(SeqevalStrict, BIO, "B-X I-X I-Y I-Y"), [x(0, 2)]);
}

/// `B-X I-Y`: two entities of one token, or in the strict mode one.
#[test]
fn b_and_i_of_different_types() {
    for scorer in [Entity, Conlleval, SeqevalDefault] {
        assert_eq!(read(scorer, BIO, "B-X I-Y"), [x(0, 1), y(1, 2)], "{scorer}");
        assert_eq!(score(scorer, BIO, "B-X O", "B-X I-Y"), Counts::new(1, 2, 1), "{scorer}");
    }
    assert_eq!(read(SeqevalStrict, BIO, "B-X I-Y"), [x(0, 1)]);
    assert_eq!(score(SeqevalStrict, BIO, "B-X O", "B-X I-Y"), Counts::new(1, 1, 1));
}

/// In IOBES the strict mode drops an entity whole when it is not closed, not opened, or changes its type.
#[test]
fn strict_mode_drops_illegal_entities_of_iobes() {
    for (tags, lenient) in [
        ("B-X I-X O", vec![x(0, 2)]),
        ("O I-X E-X", vec![x(1, 3)]),
        ("B-X E-Y O", vec![x(0, 1), y(1, 2)]),
        ("O E-X O", vec![x(1, 2)]),
        ("B-X I-X S-X", vec![x(0, 2), x(2, 3)]),
    ] {
        assert_eq!(read(Entity, BIOES, tags), lenient, "{tags}");
        assert_eq!(read(SeqevalDefault, BIOES, tags), lenient, "{tags}");
        let kept: Vec<Span> = if tags.contains('S') { vec![x(2, 3)] } else { vec![] };
        assert_eq!(read(SeqevalStrict, BIOES, tags), kept, "{tags}");
    }
}

/// After `E` and `S` an entity is over, so `I` and `E` begin another; conlleval knows this of `E` only.
#[test]
fn what_follows_e_and_s() {
    for scorer in [Entity, SeqevalDefault] {
        assert_eq!(read(scorer, BIOES, "B-X E-X I-X"), [x(0, 2), x(2, 3)], "{scorer}");
        assert_eq!(read(scorer, BIOES, "S-X E-X O"), [x(0, 1), x(1, 2)], "{scorer}");
    }
    assert_eq!(read(Conlleval, BIOES, "B-X E-X I-X"), [x(0, 2), x(2, 3)]);
    assert_eq!(read(Conlleval, BIOES, "S-X E-X O"), [x(0, 2)]);
    assert_eq!(read(SeqevalStrict, BIOES, "B-X E-X I-X"), [x(0, 2)]);
    assert_eq!(read(SeqevalStrict, BIOES, "S-X E-X O"), [x(0, 1)]);
}

/// conlleval melts neighbours of one type in legal IOBES, so its counts there are not the entities'.
#[test]
fn conlleval_melts_neighbours_in_iobes() {
    for (tags, entities) in
        [("B-X E-X B-X E-X", vec![x(0, 2), x(2, 4)]), ("S-X S-X O", vec![x(0, 1), x(1, 2)])]
    {
        assert!(BIOES.decode(&tags.split(' ').collect::<Vec<_>>()).is_ok());
        for scorer in [Entity, SeqevalDefault, SeqevalStrict] {
            assert_eq!(read(scorer, BIOES, tags), entities, "{scorer}: {tags}");
        }
        let melted = x(0, entities[1].end);
        assert_eq!(read(Conlleval, BIOES, tags), [melted], "{tags}");
    }
    // Neighbours of different types it does tell apart.
    assert_eq!(read(Conlleval, BIOES, "S-X S-Y"), [x(0, 1), y(1, 2)]);
}

/// BMES has to be converted for the others; its `M` means `I`. Without a type conlleval says "" and seqeval "_".
#[test]
fn bmes_is_given_to_the_others_as_iobes() {
    for scorer in [Entity, SeqevalDefault, SeqevalStrict] {
        assert_eq!(read(scorer, TagScheme::Bmes, "B-X M-X E-X S-X"), [x(0, 3), x(3, 4)], "{scorer}");
    }
    assert_eq!(read(Entity, TagScheme::Bmes, "B E S"), [Span::new(0, 2, ""), Span::new(2, 3, "")]);
    assert_eq!(read(SeqevalStrict, TagScheme::Bmes, "B E S"), [Span::new(0, 2, "_"), Span::new(2, 3, "_")]);
}

/// An entity is right or wrong whatever its letters: token accuracy sees what the entity scores do not.
#[test]
fn token_accuracy_sees_letters() {
    let (gold, predicted) = ([vec!["B-X", "I-X", "O"]], [vec!["I-X", "I-X", "O"]]);
    assert_eq!(Entity.report(BIO, &gold, &predicted).unwrap().micro.f1(), 1.0);
    assert_eq!(token_accuracy(&gold, &predicted).unwrap().correct, 2);
}

/// A typing error in a tag is an error everywhere, never an outside token; the message has the place and the remedy.
#[test]
fn unknown_tags_are_refused_by_every_scorer() {
    for scorer in Scorer::ALL {
        let error = scorer.report(BIO, &[vec!["O", "O"]], &[vec!["O", "X-B"]]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "unit 0, predicted side: token 1: {scorer} has no rule for the tag `X-B` (expected O, B-<type> or I-<type>)"
            )
        );
    }
    assert!(conlleval_spans(&["]-X"]).is_err());
}
