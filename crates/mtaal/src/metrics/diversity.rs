//! How different the queried sentences are from each other: the paper's Table 4.
//!
//! 10 queries of 100 sentences each; of the 1,000 sentences the paper counts different words, entities, and the share of sentences
//! with an entity, and gives mean and standard deviation of 5 repeats. As in the released code, words are different in
//! lower case, and a sentence that was drawn twice counts twice but brings no new words.

use std::collections::BTreeSet;

use medner_data::Sentence;
use medner_metrics::{Result, Summary};
use serde::{Deserialize, Serialize};

/// Statistics of the sentences that one run queried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueryDiversity {
    /// Sentences, duplicates counted each time.
    pub sentences: usize,
    /// Different words in lower case.
    pub words: usize,
    /// Entities.
    pub entities: usize,
    /// Sentences with at least one entity, in per cent; 0 where there are no sentences.
    pub percent_with_entity: f64,
}

/// The statistics over repeats: mean and sample standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiversitySummary {
    /// Different words.
    pub words: Summary,
    /// Entities.
    pub entities: Summary,
    /// Sentences with an entity, in per cent.
    pub percent_with_entity: Summary,
}

/// Counts over queried sentences; each carries its annotation.
pub fn query_diversity<'a>(sentences: impl IntoIterator<Item = &'a Sentence>) -> QueryDiversity {
    let mut words: BTreeSet<String> = BTreeSet::new();
    let mut diversity = QueryDiversity::default();
    let mut with_entity = 0;
    for sentence in sentences {
        diversity.sentences += 1;
        words.extend(sentence.tokens.iter().map(|token| token.to_lowercase()));
        diversity.entities += sentence.spans.len();
        with_entity += usize::from(!sentence.spans.is_empty());
    }
    diversity.words = words.len();
    if diversity.sentences > 0 {
        diversity.percent_with_entity = 100.0 * f64::from(with_entity as u32) / diversity.sentences as f64;
    }
    diversity
}

/// Mean and standard deviation over repeats.
///
/// # Errors
/// Where there is no repeat.
pub fn summarise(repeats: &[QueryDiversity]) -> Result<DiversitySummary> {
    let of = |value: fn(&QueryDiversity) -> f64| {
        let values: Vec<f64> = repeats.iter().map(value).collect();
        Summary::of(&values)
    };
    Ok(DiversitySummary {
        words: of(|r| r.words as f64)?,
        entities: of(|r| r.entities as f64)?,
        percent_with_entity: of(|r| r.percent_with_entity)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use medner_metrics::Span;

    use super::*;

    fn sentence(tokens: &[&str], entities: usize) -> Sentence {
        Sentence {
            tokens: tokens.iter().map(|&t| t.to_owned()).collect(),
            spans: (0..entities).map(|i| Span::new(i, i + 1, "Disease")).collect(),
            ..Sentence::default()
        }
    }

    #[test]
    fn words_entities_and_sentences_with_an_entity() {
        let first = sentence(&["Ataxia", "and", "ataxia", "."], 2);
        let second = sentence(&["No", "change", "."], 0);
        let third = sentence(&["Cancer", "."], 1);
        let found = query_diversity([&first, &second, &third, &first]);
        let expected = QueryDiversity { sentences: 4, words: 6, entities: 5, percent_with_entity: 75.0 };
        assert_eq!(found, expected);
        assert_eq!(query_diversity([]), QueryDiversity::default());
    }

    #[test]
    fn repeats_have_mean_and_sample_deviation() {
        let repeat =
            |words, entities| QueryDiversity { sentences: 2, words, entities, percent_with_entity: 50.0 };
        let summary = summarise(&[repeat(10, 3), repeat(14, 3)]).unwrap();
        assert_eq!((summary.words.mean, summary.words.n), (12.0, 2));
        assert!((summary.words.sd.unwrap() - 8_f64.sqrt()).abs() < 1e-12);
        assert_eq!((summary.entities.sd, summary.percent_with_entity.mean), (Some(0.0), 50.0));
        assert!(summarise(&[]).is_err());
    }
}
