//! Sentence templates: text with slots that a word list fills.
//!
//! | in a template | becomes |
//! | --- | --- |
//! | `{DRUG}` | a word of the slot `DRUG`, marked as an entity |
//! | `{~DRUG}` | a word of the same list, not an entity: only the context tells the two apart |
//! | `{#20-80}` | a number of that range |
//! | anything else | itself |

use std::collections::BTreeSet;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::corpus::Corpus;

/// Which split a text is made for: it decides which words may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Split {
    Train,
    Dev,
    Test,
}

/// Where a slot's words come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Words {
    /// One of a list.
    List(&'static [&'static str]),
    /// One of each list, joined without a space (surname and given name, place and kind of office).
    Pair(&'static [&'static str], &'static [&'static str]),
}

/// A named hole in a template.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Its name between the braces.
    pub name: &'static str,
    /// The entity type it is marked with.
    pub label: &'static str,
    /// What fills it.
    pub words: Words,
}

/// A stretch of a filled template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub text: String,
    /// Entity type, where the stretch is a mention.
    pub label: Option<&'static str>,
    /// Length in bytes of the first half of a [`Words::Pair`], 0 for anything else.
    pub seam: usize,
    /// True where a slot was filled, entity or not.
    pub slot: bool,
}

/// Draws a word. In a list of ten, one word is kept for dev and two for test, so that those splits have entities that
/// training never shows: a third of the test draws and a fifth of the dev draws are such words.
fn draw(words: &[&'static str], split: Split, rng: &mut ChaCha8Rng) -> &'static str {
    let home = |i: usize| match i % 10 {
        4 | 9 => Split::Test,
        7 => Split::Dev,
        _ => Split::Train,
    };
    let wanted = match split {
        Split::Test if rng.random_bool(1.0 / 3.0) => Split::Test,
        Split::Dev if rng.random_bool(0.2) => Split::Dev,
        _ => Split::Train,
    };
    let pool: Vec<&'static str> = (0..words.len()).filter(|&i| home(i) == wanted).map(|i| words[i]).collect();
    pool.choose(rng).expect("every word list has more than ten words")
}

impl Words {
    /// The text and the byte length of its first half.
    fn draw(self, split: Split, rng: &mut ChaCha8Rng) -> (String, usize) {
        match self {
            Self::List(words) => (draw(words, split, rng).to_owned(), 0),
            Self::Pair(first, second) => {
                let head = draw(first, split, rng);
                (format!("{head}{}", draw(second, split, rng)), head.len())
            }
        }
    }
}

/// Fills a template.
pub(super) fn fill(template: &str, slots: &[Slot], split: Split, rng: &mut ChaCha8Rng) -> Vec<Segment> {
    let mut segments = Vec::new();
    let plain = |text: &str| Segment { text: text.to_owned(), label: None, seam: 0, slot: false };
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        if open > 0 {
            segments.push(plain(&rest[..open]));
        }
        let close = open + rest[open..].find('}').expect("a template closes its braces");
        let name = &rest[open + 1..close];
        rest = &rest[close + 1..];
        if let Some(range) = name.strip_prefix('#') {
            let (low, high) = range.split_once('-').expect("a number slot has two ends");
            let parse = |text: &str| text.parse::<u32>().expect("a number slot has numbers");
            segments.push(plain(&rng.random_range(parse(low)..=parse(high)).to_string()));
            continue;
        }
        let bare = name.trim_start_matches('~');
        let slot = slots.iter().find(|s| s.name == bare).expect("a template names slots of its grammar");
        let (text, seam) = slot.words.draw(split, rng);
        segments.push(Segment { text, label: (bare == name).then_some(slot.label), seam, slot: true });
    }
    if !rest.is_empty() {
        segments.push(plain(rest));
    }
    segments
}

/// How many items each split gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub train: usize,
    pub dev: usize,
    pub test: usize,
}

/// Fills each split with items that `make` draws, no two of which have the same text.
pub(super) fn corpus(
    sizes: Sizes,
    rng: &mut ChaCha8Rng,
    mut make: impl FnMut(Split, &mut ChaCha8Rng) -> Vec<Segment>,
) -> Corpus<Vec<Segment>> {
    let mut seen = BTreeSet::new();
    let mut split = |which: Split, size: usize| {
        let mut items = Vec::with_capacity(size);
        while items.len() < size {
            let item = make(which, rng);
            if seen.insert(text(&item)) {
                items.push(item);
            }
        }
        items
    };
    Corpus {
        train: split(Split::Train, sizes.train),
        dev: split(Split::Dev, sizes.dev),
        test: split(Split::Test, sizes.test),
    }
}

/// One template of a list, filled.
pub(super) fn any(templates: &[&str], slots: &[Slot], split: Split, rng: &mut ChaCha8Rng) -> Vec<Segment> {
    let template = templates.choose(rng).expect("a grammar has templates");
    fill(template, slots, split, rng)
}

/// The segments' text.
pub(super) fn text(segments: &[Segment]) -> String {
    segments.iter().map(|s| s.text.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const WORDS: &[&str] = &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    const SLOTS: &[Slot] = &[
        Slot { name: "X", label: "Letter", words: Words::List(WORDS) },
        Slot { name: "XY", label: "Two", words: Words::Pair(WORDS, WORDS) },
    ];

    #[test]
    fn slots_become_entities_decoys_and_numbers() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let filled = fill("see {X} and {~X}, {#3-5} {XY}.", SLOTS, Split::Train, &mut rng);
        let labels: Vec<Option<&str>> = filled.iter().map(|s| s.label).collect();
        assert_eq!(labels, [None, Some("Letter"), None, None, None, None, None, Some("Two"), None]);
        assert!(("3"..="5").contains(&filled[5].text.as_str()));
        assert_eq!(filled[7].seam, 1);
        assert_eq!(filled[8].text, ".");
    }

    #[test]
    fn some_words_are_seen_in_test_only() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut drawn =
            |split| -> BTreeSet<&str> { (0..500).map(|_| draw(WORDS, split, &mut rng)).collect() };
        let (train, dev, test) = (drawn(Split::Train), drawn(Split::Dev), drawn(Split::Test));
        assert_eq!(train.len(), 7);
        assert_eq!(dev.difference(&train).copied().collect::<Vec<_>>(), ["h"]);
        assert_eq!(test.difference(&train).copied().collect::<Vec<_>>(), ["e", "j"]);
    }
}
