//! Sentences of a corpus that another corpus of its category trains on: what sharing is helped by for no good reason.
//!
//! Corpora share abstracts (BioNLP09 and JNLPBA those of GENIA) but cut them into words in their own ways. A sentence is therefore
//! known by its text without spaces; short ones, mostly headings such as "Materials and methods", are left out.

use std::collections::BTreeMap;
use std::fmt;

use medner_data::Sentence;

use crate::subtasks::TaskCorpus;

/// Characters below which a text is no sign of a shared abstract.
const LEAST: usize = 25;

/// What a sentence is known by, if it is long enough: its words with nothing between them.
pub fn key(sentence: &Sentence) -> Option<String> {
    let text = sentence.tokens.concat();
    (text.chars().count() >= LEAST).then_some(text)
}

/// Sentences of a corpus that others train on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// Development sentences that others train on, and all.
    pub dev: [usize; 2],
    /// Test sentences that others train on, and all.
    pub test: [usize; 2],
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([dev, all_dev], [test, all_test]) = (self.dev, self.test);
        write!(f, "{test} of {all_test} test sentences, {dev} of {all_dev} development sentences")
    }
}

/// Of each corpus, in their order, the sentences that another one of them trains on.
pub fn trained_on_elsewhere(corpora: &[TaskCorpus]) -> Vec<Shared> {
    let mut trained: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, corpus) in corpora.iter().enumerate() {
        for key in corpus.corpus.train.iter().filter_map(key) {
            trained.entry(key).or_default().push(at);
        }
    }
    let count = |own: usize, sentences: &[Sentence]| {
        let elsewhere = |key: &String| trained.get(key).is_some_and(|by| by.iter().any(|&at| at != own));
        [sentences.iter().filter_map(key).filter(elsewhere).count(), sentences.len()]
    };
    let shared = corpora.iter().enumerate().map(|(own, corpus)| Shared {
        dev: count(own, &corpus.corpus.dev),
        test: count(own, &corpus.corpus.test),
    });
    shared.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_data::Corpus;

    use super::*;
    use crate::subtasks;

    fn sentences(texts: &[&str]) -> Vec<Sentence> {
        let sentence = |text: &&str| Sentence {
            tokens: text.split_whitespace().map(String::from).collect(),
            ..Sentence::default()
        };
        texts.iter().map(sentence).collect()
    }

    #[test]
    fn other_words_of_the_same_text_count_and_headings_do_not() {
        let corpus = |data: &str, [train, dev, test]: [&[&str]; 3]| TaskCorpus {
            task: subtasks::find(data).unwrap(),
            corpus: Corpus { train: sentences(train), dev: sentences(dev), test: sentences(test) },
        };
        let corpora = [
            corpus(
                "BioNLP09",
                [
                    &["Own training sentences are no news to their own corpus ."],
                    &["NF-kappa B activation by TNF-alpha in T cells"],
                    &[
                        "NF-kappa B activation by TNF-alpha in T cells",
                        "Materials and methods",
                        "Own training sentences are no news to their own corpus .",
                        "A test sentence that nobody has seen before .",
                    ],
                ],
            ),
            corpus(
                "JNLPBA-protein",
                [
                    &["NF - kappa B activation by TNF - alpha in T cells", "Materials and methods"],
                    &[],
                    &["Own training sentences are no news to their own corpus ."],
                ],
            ),
        ];
        let shared = trained_on_elsewhere(&corpora);
        assert_eq!(shared[0], Shared { dev: [1, 1], test: [1, 4] });
        assert_eq!(shared[1], Shared { dev: [0, 0], test: [1, 1] });
        assert_eq!(shared[0].to_string(), "1 of 4 test sentences, 1 of 1 development sentences");
    }
}
