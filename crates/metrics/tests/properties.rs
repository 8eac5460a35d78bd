//! Properties that hold for any spans and any tags: round trips of the schemes, symmetries of the scorers, agreement of
//! the scorers on legal tags, and bookkeeping of the error listing.
#![allow(clippy::unwrap_used)]

use medner_metrics::{
    Counts, ErrorKind, LabelSet, Scorer, Span, TagScheme, confusion, entity_report, error_report,
};
use proptest::prelude::*;

const LABELS: [&str; 3] = ["Disease", "Drug-Name", "药物"];

/// Sentences up to 24 tokens with spans that do not overlap, sorted; entities may touch.
fn sentence() -> impl Strategy<Value = (usize, Vec<Span>)> {
    prop::collection::vec((0_usize..3, 1_usize..5, 0_usize..3), 0..6).prop_flat_map(|parts| {
        (Just(parts), 0_usize..4).prop_map(|(parts, tail)| {
            let mut at = 0;
            let mut spans = Vec::new();
            for (gap, len, label) in parts {
                spans.push(Span::new(at + gap, at + gap + len, LABELS[label]));
                at += gap + len;
            }
            (at + tail, spans)
        })
    })
}

fn scheme() -> impl Strategy<Value = TagScheme> {
    prop::sample::select(TagScheme::ALL.to_vec())
}

/// Any tags of the scheme, legal or not.
fn tags(scheme: TagScheme) -> impl Strategy<Value = Vec<String>> {
    let all = scheme.tags(&LABELS.map(String::from));
    prop::collection::vec(prop::sample::select(all), 0..12)
}

/// Any tags on both sides of one to five sentences of the same lengths.
type Pair = (Vec<Vec<String>>, Vec<Vec<String>>);

fn pair_of(scheme: TagScheme) -> impl Strategy<Value = Pair> {
    let sentence = (tags(scheme), tags(scheme)).prop_map(|(mut gold, mut predicted)| {
        let n = gold.len().min(predicted.len());
        gold.truncate(n);
        predicted.truncate(n);
        (gold, predicted)
    });
    prop::collection::vec(sentence, 1..6).prop_map(|pairs| pairs.into_iter().unzip())
}

fn any_pair() -> impl Strategy<Value = (TagScheme, Pair)> {
    scheme().prop_flat_map(|scheme| (Just(scheme), pair_of(scheme)))
}

/// Spans that may overlap, nest and repeat.
fn loose_spans() -> impl Strategy<Value = Vec<Span>> {
    prop::collection::vec(
        (0_usize..10, 1_usize..5, 0_usize..3)
            .prop_map(|(at, len, label)| Span::new(at, at + len, LABELS[label])),
        0..8,
    )
}

fn loose_units() -> impl Strategy<Value = (Vec<Vec<Span>>, Vec<Vec<Span>>)> {
    prop::collection::vec((loose_spans(), loose_spans()), 1..5).prop_map(|units| units.into_iter().unzip())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn spans_to_tags_to_spans(scheme in scheme(), (len, spans) in sentence()) {
        let tags = scheme.encode(len, &spans).unwrap();
        prop_assert_eq!(tags.len(), len);
        prop_assert_eq!(&scheme.decode(&tags).unwrap(), &spans);
        prop_assert_eq!(&scheme.decode_lenient(&tags), &spans);
        let mut shuffled = spans.clone();
        shuffled.reverse();
        prop_assert_eq!(scheme.encode(len, &shuffled).unwrap(), tags, "the order of the spans does not matter");
    }

    #[test]
    fn any_conversion_and_back(from in scheme(), to in scheme(), (len, spans) in sentence()) {
        let tags = from.encode(len, &spans).unwrap();
        let there = from.convert(&tags, to).unwrap();
        prop_assert_eq!(to.decode(&there).unwrap(), spans);
        prop_assert_eq!(to.convert(&there, from).unwrap(), tags);
    }

    /// The strict reader accepts exactly what writing spans can produce.
    #[test]
    fn strict_reading_accepts_only_what_is_written((scheme, tags) in scheme().prop_flat_map(|s| (Just(s), tags(s)))) {
        let spans = scheme.decode_lenient(&tags);
        let rewritten = scheme.encode(tags.len(), &spans).unwrap();
        match scheme.decode(&tags) {
            Ok(strict) => {
                prop_assert_eq!(strict, spans);
                prop_assert_eq!(rewritten, tags);
            }
            Err(error) => prop_assert_ne!(rewritten, tags, "{}", error),
        }
    }

    #[test]
    fn label_set_round_trip(scheme in scheme(), (len, spans) in sentence()) {
        let set = LabelSet::new(scheme, LABELS).unwrap();
        let numbers = set.encode(len, &spans).unwrap();
        prop_assert_eq!(set.decode(&numbers), spans);
        let names: Vec<&str> = numbers.iter().map(|&i| set.tag(i).unwrap()).collect();
        prop_assert_eq!(names, scheme.encode(len, &set.decode(&numbers)).unwrap());
    }

    #[test]
    fn swapping_sides_swaps_precision_and_recall((scheme, (gold, predicted)) in any_pair()) {
        for scorer in Scorer::ALL {
            let one = scorer.report(scheme, &gold, &predicted).unwrap();
            let other = scorer.report(scheme, &predicted, &gold).unwrap();
            prop_assert_eq!(one.micro.precision(), other.micro.recall());
            prop_assert_eq!(one.micro.recall(), other.micro.precision());
            prop_assert_eq!(one.micro.f1(), other.micro.f1());
            prop_assert!(one.per_type.keys().eq(other.per_type.keys()));
        }
    }

    #[test]
    fn the_order_of_sentences_does_not_matter((scheme, (gold, predicted)) in any_pair(), turn in 0_usize..5) {
        let (mut gold_turned, mut predicted_turned) = (gold.clone(), predicted.clone());
        let turn = turn % gold.len();
        gold_turned.rotate_left(turn);
        predicted_turned.rotate_left(turn);
        for scorer in Scorer::ALL {
            let one = scorer.report(scheme, &gold, &predicted).unwrap();
            let mut other = scorer.report(scheme, &gold_turned, &predicted_turned).unwrap();
            other.units.rotate_right(turn);
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn perfect_output_scores_one((scheme, (gold, _)) in any_pair()) {
        for scorer in Scorer::ALL {
            let counts = scorer.report(scheme, &gold, &gold).unwrap().micro;
            prop_assert_eq!(counts.correct, counts.gold);
            prop_assert_eq!(counts.f1(), if counts.gold == 0 { 0.0 } else { 1.0 });
        }
    }

    #[test]
    fn all_scorers_agree_on_legal_bio(sentences in prop::collection::vec((sentence(), sentence()), 1..5)) {
        let scheme = TagScheme::Bio;
        let (mut gold, mut predicted, mut spans) = (Vec::new(), Vec::new(), (Vec::new(), Vec::new()));
        for ((len, g), (other, p)) in sentences {
            let len = len.max(other);
            gold.push(scheme.encode(len, &g).unwrap());
            predicted.push(scheme.encode(len, &p).unwrap());
            spans.0.push(g);
            spans.1.push(p);
        }
        let expected = entity_report(&spans.0, &spans.1).unwrap();
        for scorer in Scorer::ALL {
            prop_assert_eq!(&scorer.report(scheme, &gold, &predicted).unwrap(), &expected, "{}", scorer);
        }
    }

    /// conlleval is left out: it has no rule for `S`, nor for `B` after `E`.
    #[test]
    fn the_others_agree_on_legal_bioes_and_bmes(scheme in scheme(), (len, g) in sentence(), (other, p) in sentence()) {
        let len = len.max(other);
        let gold = [scheme.encode(len, &g).unwrap()];
        let predicted = [scheme.encode(len, &p).unwrap()];
        let expected = entity_report(&[g], &[p]).unwrap();
        for scorer in [Scorer::Entity, Scorer::SeqevalDefault, Scorer::SeqevalStrict] {
            prop_assert_eq!(&scorer.report(scheme, &gold, &predicted).unwrap(), &expected, "{}", scorer);
        }
    }

    /// On any tags, legal or not, the lenient reading is seqeval's default one, and on BIO conlleval's as well.
    #[test]
    fn lenient_reading_is_the_default_one((scheme, tags) in scheme().prop_flat_map(|s| (Just(s), tags(s)))) {
        let ours = Scorer::Entity.spans(scheme, &tags).unwrap();
        prop_assert_eq!(&Scorer::SeqevalDefault.spans(scheme, &tags).unwrap(), &ours);
        if scheme == TagScheme::Bio {
            prop_assert_eq!(&Scorer::Conlleval.spans(scheme, &tags).unwrap(), &ours);
        }
    }

    /// A strict reading drops entities, or parts of broken ones, and invents none in BIO.
    #[test]
    fn strict_reading_of_bio_is_a_part_of_the_lenient_one(tags in tags(TagScheme::Bio)) {
        let lenient = Scorer::Entity.spans(TagScheme::Bio, &tags).unwrap();
        for span in Scorer::SeqevalStrict.spans(TagScheme::Bio, &tags).unwrap() {
            prop_assert!(lenient.contains(&span));
        }
    }

    #[test]
    fn units_and_types_add_up_to_the_whole((gold, predicted) in loose_units()) {
        let report = entity_report(&gold, &predicted).unwrap();
        prop_assert_eq!(report.units.iter().sum::<Counts>(), report.micro);
        prop_assert_eq!(report.per_type.values().sum::<Counts>(), report.micro);
        prop_assert_eq!(report.micro.gold + report.duplicates.gold, gold.iter().map(Vec::len).sum::<usize>());
        prop_assert_eq!(
            report.micro.predicted + report.duplicates.predicted,
            predicted.iter().map(Vec::len).sum::<usize>()
        );
        prop_assert!(report.micro.correct <= report.micro.gold.min(report.micro.predicted));
    }

    #[test]
    fn every_mention_stands_in_one_row((gold, predicted) in loose_units()) {
        let strict = entity_report(&gold, &predicted).unwrap();
        let errors = error_report(&gold, &predicted).unwrap();
        let rows = |side: fn(&medner_metrics::ErrorExample) -> bool| errors.examples.iter().filter(|e| side(e)).count();
        prop_assert_eq!(rows(|e| e.gold.is_some()), strict.micro.gold);
        prop_assert_eq!(rows(|e| e.predicted.is_some()), strict.micro.predicted);
        prop_assert_eq!(errors.count(ErrorKind::Correct), strict.micro.correct);
        prop_assert_eq!(errors.kinds.values().sum::<usize>(), errors.examples.len());
        for example in &errors.examples {
            match (&example.gold, &example.predicted) {
                (Some(g), Some(p)) => {
                    prop_assert!(g.overlaps(p));
                    prop_assert_eq!(example.kind, ErrorKind::of_pair(g, p));
                }
                (Some(g), None) => {
                    let touched = predicted[example.unit].iter().any(|p| p.overlaps(g));
                    prop_assert_eq!(example.kind, if touched { ErrorKind::Absorbed } else { ErrorKind::Missed });
                }
                (None, Some(p)) => {
                    let touched = gold[example.unit].iter().any(|g| g.overlaps(p));
                    prop_assert_eq!(example.kind, if touched { ErrorKind::Fragment } else { ErrorKind::Spurious });
                }
                (None, None) => prop_assert!(false, "a row without a mention"),
            }
        }
    }

    /// Turning the sides round turns every kind into its mirror image.
    #[test]
    fn errors_mirror(gold in sentence(), predicted in sentence()) {
        let there = error_report(&[&gold.1], &[&predicted.1]).unwrap();
        let back = error_report(&[&predicted.1], &[&gold.1]).unwrap();
        use ErrorKind::{Absorbed, Around, Correct, Crossing, Fragment, Inside, Missed, Spurious, Type};
        for (kind, mirrored) in [(Correct, Correct), (Type, Type), (Inside, Around), (Around, Inside)] {
            prop_assert_eq!(there.count(kind), back.count(mirrored));
        }
        prop_assert_eq!(there.count(Missed), back.count(Spurious));
        prop_assert_eq!(there.count(Spurious), back.count(Missed));
        prop_assert_eq!(there.count(Fragment), back.count(Absorbed));
        prop_assert_eq!(there.count(Crossing), back.count(Crossing));
    }

    #[test]
    fn rows_and_columns_of_the_confusion_add_up((gold, predicted) in loose_units()) {
        let strict = entity_report(&gold, &predicted).unwrap();
        let table = confusion(&gold, &predicted).unwrap();
        prop_assert!(table.types().into_iter().eq(strict.per_type.keys().map(String::as_str)));
        for (label, counts) in &strict.per_type {
            prop_assert_eq!(table.gold(label), counts.gold);
            prop_assert_eq!(table.predicted(label), counts.predicted);
            prop_assert_eq!(table.count(label, label), counts.correct);
        }
    }
}
