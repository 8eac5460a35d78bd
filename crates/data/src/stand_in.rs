//! `cmdd-adr`: a corpus of the size and balance of XJADRNER, drawn from CMDD's patients.
//!
//! XJADRNER (5,392 comments, 1,079 with an adverse drug reaction, split 0.6 : 0.2 : 0.2) is private. Where it is not at hand, its
//! place in experiments on *differences between systems* is taken by 5,392 utterances of patients: 1,079 with a symptom and
//! 4,313 without. Its scores are never those of XJADRNER, and it has a name of its own everywhere.
//!
//! How it is drawn, the same everywhere and always:
//! 1. All utterances of patients that have text, of CMDD's train, dev and test files in this order. Of utterances with the same
//!    text the first counts: short ones ("好的") come a hundred times, and none may stand in two splits.
//! 2. Every utterance with a symptom gets a 64-bit number of stream 1, every one without a number of stream 0 of ChaCha8 with the
//!    seed [`SEED`]; those with the smallest numbers are drawn.
//! 3. [`split`] divides them, with and without apart, again by drawn numbers (streams 3 and 2). Within a split the order is CMDD's.
//!
//! What is drawn has 11.4 characters an utterance (CMDD's patients 9, for lack of the short ones that come often; XJADRNER about 15).
//!
//! The samples of CMDD are smaller than that. From less text the same share of both classes is drawn, as many as there are, which is
//! reported ([`Remark::DrawnInProportion`]).

use std::collections::BTreeSet;

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::corpus::{Corpus, Sentence};
use crate::formats::{Remark, Report};

/// Utterances with an entity, as XJADRNER has.
pub const POSITIVE: usize = 1_079;
/// Utterances without.
pub const NEGATIVE: usize = 4_313;
/// The seed of every draw.
pub const SEED: u64 = 5_392;

const SELECT: u64 = 0;
const SPLIT: u64 = 2;

/// Draws the stand-in from the utterances of CMDD's patients, split by split.
pub fn draw(utterances: Corpus<Sentence>, report: &mut Report) -> Corpus<Sentence> {
    let Corpus { train, dev, test } = utterances;
    let mut seen = BTreeSet::new();
    let distinct: Vec<Sentence> =
        [train, dev, test].into_iter().flatten().filter(|s| seen.insert(s.tokens.concat())).collect();
    let [without, with] = classes(&distinct);
    // In exact arithmetic the share of a class is its count over the wanted count; the scarcer one decides.
    let (numerator, denominator) = if with.len() * NEGATIVE < without.len() * POSITIVE {
        (with.len().min(POSITIVE), POSITIVE)
    } else {
        (without.len().min(NEGATIVE), NEGATIVE)
    };
    if numerator < denominator {
        report.note(Remark::DrawnInProportion, || {
            format!("{} utterances with a symptom and {} without", with.len(), without.len())
        });
    }
    let mut chosen = vec![false; distinct.len()];
    for (class, (members, wanted)) in [(without, NEGATIVE), (with, POSITIVE)].into_iter().enumerate() {
        let wanted = wanted * numerator / denominator;
        for i in shuffled(members, SELECT + class as u64).into_iter().take(wanted) {
            chosen[i] = true;
        }
    }
    split(distinct.into_iter().zip(chosen).filter_map(|(s, chosen)| chosen.then_some(s)).collect())
}

/// Splits sentences 0.6 : 0.2 : 0.2 by drawn numbers, those with an entity and those without apart, so that every split has its
/// share of both. Within a split the order stays.
pub fn split(sentences: Vec<Sentence>) -> Corpus<Sentence> {
    let mut parts = vec![0_u8; sentences.len()];
    for (class, members) in classes(&sentences).into_iter().enumerate() {
        // Rounded to the nearest; the test set has what remains.
        let (train, dev) = ((members.len() * 6 + 5) / 10, (members.len() * 2 + 5) / 10);
        for (rank, i) in shuffled(members, SPLIT + class as u64).into_iter().enumerate() {
            parts[i] = u8::from(rank >= train) + u8::from(rank >= train + dev);
        }
    }
    let mut corpus = Corpus::default();
    for (sentence, part) in sentences.into_iter().zip(parts) {
        match part {
            0 => corpus.train.push(sentence),
            1 => corpus.dev.push(sentence),
            _ => corpus.test.push(sentence),
        }
    }
    corpus
}

/// Places of the sentences without an entity, and of those with one.
fn classes(sentences: &[Sentence]) -> [Vec<usize>; 2] {
    let of = |with: bool| (0..sentences.len()).filter(|&i| sentences[i].spans.is_empty() != with).collect();
    [of(false), of(true)]
}

/// The places in the order of numbers drawn for them. A generator's raw output is part of its definition, which a library's
/// shuffle is not.
fn shuffled(places: Vec<usize>, stream: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    rng.set_stream(stream);
    let mut keyed: Vec<(u64, usize)> = places.into_iter().map(|place| (rng.next_u64(), place)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use medner_metrics::Span;

    use super::*;

    fn sentences(count: usize, with: bool) -> Vec<Sentence> {
        (0..count)
            .map(|i| Sentence {
                id: format!("{with} {i}"),
                tokens: format!("{with}{i}").chars().map(String::from).collect(),
                spans: if with { vec![Span::new(0, 1, "symptom")] } else { Vec::new() },
                ..Sentence::default()
            })
            .collect()
    }

    fn counts(corpus: &Corpus<Sentence>) -> [(usize, usize); 3] {
        corpus.splits().map(|(_, s)| (s.iter().filter(|s| !s.spans.is_empty()).count(), s.len()))
    }

    #[test]
    fn enough_text_gives_the_counts_of_the_private_corpus() {
        let train = [sentences(1_500, true), sentences(6_000, false)].concat();
        let mut report = Report::default();
        let corpus = draw(Corpus { train, ..Corpus::default() }, &mut report);
        assert_eq!(counts(&corpus), [(647, 3_235), (216, 1_079), (216, 1_078)]);
        assert!(report.is_clean());
        let ids: BTreeSet<&str> =
            corpus.splits().into_iter().flat_map(|(_, s)| s).map(|s| s.id.as_str()).collect();
        assert_eq!(ids.len(), POSITIVE + NEGATIVE);
    }

    #[test]
    fn less_text_gives_the_same_balance_and_says_so() {
        for (with, without) in [(100, 6_000), (1_500, 400), (100, 400)] {
            let train = [sentences(with, true), sentences(without, false)].concat();
            let mut report = Report::default();
            let corpus = draw(Corpus { train, ..Corpus::default() }, &mut report);
            let totals = counts(&corpus).iter().fold((0, 0), |sum, n| (sum.0 + n.0, sum.1 + n.1));
            let share = totals.0 as f64 / totals.1 as f64;
            assert!((share - 0.2).abs() < 0.01 && totals.0 <= with, "{totals:?} of {with} + {without}");
            assert_eq!(report.count(Remark::DrawnInProportion), 1);
        }
    }

    #[test]
    fn a_text_that_comes_twice_is_drawn_once() {
        let twice = [sentences(10, true), sentences(40, false), sentences(10, true)].concat();
        let mut report = Report::default();
        let corpus = draw(Corpus { train: twice.clone(), dev: twice, ..Corpus::default() }, &mut report);
        assert_eq!(counts(&corpus).map(|(_, all)| all).iter().sum::<usize>(), 10 + 39);
    }

    #[test]
    fn the_draw_is_fixed() {
        assert_eq!(shuffled((0..8).collect(), 0), [1, 5, 2, 3, 6, 4, 0, 7]);
    }
}
