//! A corpus as numbers.

use crate::vocabulary::{Normalisation, UNK, Vocabulary, WordCounts};

/// Sentences as numbers of the words that are frequent enough; the other words are taken out, as word2vec does, so that
/// the words around them become neighbours.
#[derive(Clone, Debug)]
pub struct CbowCorpus {
    vocabulary: Vocabulary,
    /// Number in the vocabulary less 2: padding and unknown word are not trained.
    pub(super) tokens: Vec<u32>,
    /// Sentence `i` is `tokens[starts[i]..starts[i + 1]]`.
    pub(super) starts: Vec<usize>,
    words: u64,
}

impl CbowCorpus {
    /// Counts the words of the sentences, which are walked twice, and keeps those with at least `min_count` occurrences.
    pub fn new<'a, S: AsRef<str> + 'a>(
        sentences: impl IntoIterator<Item = &'a [S]> + Clone,
        min_count: u64,
        normalisation: Normalisation,
    ) -> Self {
        let mut counts = WordCounts::new(normalisation);
        let mut words = 0;
        for sentence in sentences.clone() {
            words += sentence.len() as u64;
            counts.add(sentence);
        }
        let vocabulary = counts.build(min_count);
        let mut tokens = Vec::new();
        let mut starts = vec![0];
        for sentence in sentences {
            tokens.extend(
                sentence.iter().filter_map(|token| Some(vocabulary.known(token.as_ref())? - UNK - 1)),
            );
            if starts.last() != Some(&tokens.len()) {
                starts.push(tokens.len());
            }
        }
        Self { vocabulary, tokens, starts, words }
    }

    /// The words, numbered as they will be in the vectors plus 2.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Words in the text, those that are too rare included.
    pub fn words(&self) -> u64 {
        self.words
    }

    /// Words to train on.
    pub fn known_words(&self) -> u64 {
        self.tokens.len() as u64
    }

    /// Cuts the sentences into runs of at least `words` words (the last may have fewer): bounds in `starts`.
    pub(super) fn runs(&self, words: usize) -> Vec<std::ops::Range<usize>> {
        let mut runs = Vec::new();
        let mut first = 0;
        for end in 1..self.starts.len() {
            if self.starts[end] - self.starts[first] >= words || end + 1 == self.starts.len() {
                runs.push(first..end);
                first = end;
            }
        }
        runs
    }
}
