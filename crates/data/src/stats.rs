//! Corpus statistics: how much there is, how long, how dense, and how much of the test set training has seen.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;

use crate::corpus::{Corpus, Document, Sentence};

/// Statistics of a corpus, split by split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// What an item is: `sentences` or `documents`.
    pub items: &'static str,
    /// What lengths and vocabulary count: `tokens`, `words` or `characters`.
    pub unit: &'static str,
    /// The splits that have items, in the order train, dev, test.
    pub splits: Vec<SplitStats>,
}

/// Statistics of one split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitStats {
    /// `train`, `dev` or `test`.
    pub split: String,
    /// Number of sentences or documents.
    pub items: usize,
    /// Number of tokens (words, characters).
    pub tokens: usize,
    /// Number of different tokens.
    pub vocabulary: usize,
    /// Lengths of the items in tokens.
    pub length: Lengths,
    /// Number of mentions.
    pub entities: usize,
    /// Different mention strings (with their type).
    pub distinct: usize,
    /// Mentions a hundred tokens.
    pub density: f64,
    /// Share of the items that have no mention, in percent.
    pub without_entities: f64,
    /// Mean length of a mention in tokens.
    pub entity_length: f64,
    /// By type.
    pub by_type: BTreeMap<String, TypeStats>,
    /// How the split relates to train; absent for train itself and where there is no train.
    pub against_train: Option<AgainstTrain>,
}

/// Lengths in tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Lengths {
    /// Arithmetic mean.
    pub mean: f64,
    /// Middle value (the lower of the two middle values of an even number).
    pub median: usize,
    /// The smallest length that 95% of the items do not exceed.
    pub p95: usize,
    /// Longest.
    pub max: usize,
}

/// One entity type in one split.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TypeStats {
    /// Number of mentions.
    pub mentions: usize,
    /// Different mention strings.
    pub distinct: usize,
    /// Mean length in tokens.
    pub mean_length: f64,
    /// Mentions whose string occurs in train with this type, in percent; absent for train.
    pub seen: Option<f64>,
}

/// What training has seen of a split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgainstTrain {
    /// Mentions whose string and type occur in train, in percent.
    pub seen_mentions: f64,
    /// The same over different strings.
    pub seen_distinct: f64,
    /// Tokens that do not occur in train, in percent.
    pub out_of_vocabulary: f64,
    /// Different tokens that do not occur in train, in percent.
    pub out_of_vocabulary_types: f64,
}

/// Tokens and mentions of one item.
struct Item<'a> {
    tokens: Vec<&'a str>,
    /// Text, type and length in tokens.
    mentions: Vec<(String, &'a str, usize)>,
}

/// Statistics of sentences, in their own tokens. Spans without a label (segmented words) count as words, not as mentions.
pub fn sentences(corpus: &Corpus<Sentence>) -> Stats {
    let segmented = corpus.splits().iter().any(|(_, items)| {
        items.iter().any(|s| !s.spans.is_empty() && s.spans.iter().all(|x| x.label.is_empty()))
    });
    let texts: Vec<Vec<Vec<String>>> = corpus
        .splits()
        .iter()
        .map(|(_, items)| if segmented { items.iter().map(words).collect() } else { Vec::new() })
        .collect();
    let splits = corpus.splits().into_iter().zip(&texts).map(|((name, items), texts)| {
        let items: Vec<Item<'_>> = items
            .iter()
            .enumerate()
            .map(|(i, s)| {
                let gap = if s.tokens.iter().all(|t| t.chars().count() <= 1) { "" } else { " " };
                Item {
                    tokens: texts.get(i).unwrap_or(&s.tokens).iter().map(String::as_str).collect(),
                    mentions: s
                        .spans
                        .iter()
                        .filter(|x| !x.label.is_empty() && x.end <= s.tokens.len() && !x.is_empty())
                        .map(|x| (s.tokens[x.start..x.end].join(gap), x.label.as_str(), x.len()))
                        .collect(),
                }
            })
            .collect();
        (name, items)
    });
    collect("sentences", if segmented { "words" } else { "tokens" }, &splits.collect::<Vec<_>>())
}

fn words(sentence: &Sentence) -> Vec<String> {
    sentence.spans.iter().map(|x| sentence.tokens[x.start..x.end].concat()).collect()
}

/// Statistics of documents: in words (cut at white space) where most characters are Latin letters, else in characters
/// without white space.
pub fn documents(corpus: &Corpus<Document>) -> Stats {
    let (mut latin, mut all) = (0, 0);
    for c in corpus.splits().iter().flat_map(|(_, items)| items.iter().take(50)).flat_map(|d| d.text.chars())
    {
        latin += usize::from(c.is_ascii_alphabetic());
        all += usize::from(!c.is_whitespace());
    }
    let by_word = 2 * latin > all;
    let units = |text: &str| if by_word { text.split_whitespace().count() } else { text.chars().count() };
    let splits = corpus.splits().into_iter().map(|(name, items)| {
        let items: Vec<Item<'_>> = items
            .iter()
            .map(|d| {
                let places: Vec<usize> =
                    d.text.char_indices().map(|(i, _)| i).chain(std::iter::once(d.text.len())).collect();
                let tokens = if by_word {
                    d.text.split_whitespace().collect()
                } else {
                    places
                        .windows(2)
                        .map(|w| &d.text[w[0]..w[1]])
                        .filter(|c| !c.chars().all(char::is_whitespace))
                        .collect()
                };
                let mentions = d
                    .entities
                    .iter()
                    .filter(|e| e.start < e.end && e.end < places.len())
                    .map(|e| {
                        let text = &d.text[places[e.start]..places[e.end]];
                        (text.to_owned(), e.label.as_str(), units(text))
                    })
                    .collect();
                Item { tokens, mentions }
            })
            .collect();
        (name, items)
    });
    collect("documents", if by_word { "words" } else { "characters" }, &splits.collect::<Vec<_>>())
}

/// Percent; 0 of nothing.
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Lengths of items; zeros of nothing.
fn lengths(mut all: Vec<usize>) -> Lengths {
    all.sort_unstable();
    let Some(max) = all.last().copied() else { return Lengths::default() };
    let rank = |q: f64| all[((q * all.len() as f64).ceil() as usize).clamp(1, all.len()) - 1];
    Lengths { mean: ratio(all.iter().sum(), all.len()), median: rank(0.5), p95: rank(0.95), max }
}

fn collect(items: &'static str, unit: &'static str, splits: &[(&'static str, Vec<Item<'_>>)]) -> Stats {
    let train = &splits[0].1;
    let known_tokens: HashSet<&str> = train.iter().flat_map(|i| i.tokens.iter().copied()).collect();
    let known_mentions: HashSet<(&str, &str)> = train
        .iter()
        .flat_map(|i| i.mentions.iter().map(|(text, label, _)| (text.as_str(), *label)))
        .collect();
    let stats = splits.iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| {
        let compared = *name != "train" && !train.is_empty();
        let mut frequency: HashMap<&str, usize> = HashMap::new();
        for token in list.iter().flat_map(|i| &i.tokens) {
            *frequency.entry(token).or_default() += 1;
        }
        let tokens = frequency.values().sum();
        let mut types: BTreeMap<&str, (usize, usize, usize, BTreeSet<&str>)> = BTreeMap::new();
        for (text, label, length) in list.iter().flat_map(|i| &i.mentions) {
            let entry = types.entry(label).or_default();
            entry.0 += 1;
            entry.1 += length;
            entry.2 += usize::from(known_mentions.contains(&(text.as_str(), *label)));
            entry.3.insert(text);
        }
        let entities = types.values().map(|t| t.0).sum();
        let distinct = types.values().map(|t| t.3.len()).sum();
        let against_train = compared.then(|| {
            let known = types
                .iter()
                .map(|(label, t)| {
                    t.3.iter().filter(|text| known_mentions.contains(&(**text, *label))).count()
                })
                .sum();
            let unknown: Vec<usize> =
                frequency.iter().filter(|(t, _)| !known_tokens.contains(*t)).map(|(_, n)| *n).collect();
            AgainstTrain {
                seen_mentions: percent(types.values().map(|t| t.2).sum(), entities),
                seen_distinct: percent(known, distinct),
                out_of_vocabulary: percent(unknown.iter().sum(), tokens),
                out_of_vocabulary_types: percent(unknown.len(), frequency.len()),
            }
        });
        SplitStats {
            split: (*name).to_owned(),
            items: list.len(),
            tokens,
            vocabulary: frequency.len(),
            length: lengths(list.iter().map(|i| i.tokens.len()).collect()),
            entities,
            distinct,
            density: 100.0 * ratio(entities, tokens),
            without_entities: percent(list.iter().filter(|i| i.mentions.is_empty()).count(), list.len()),
            entity_length: ratio(types.values().map(|t| t.1).sum(), entities),
            by_type: types
                .iter()
                .map(|(label, (mentions, length, seen, texts))| {
                    let stats = TypeStats {
                        mentions: *mentions,
                        distinct: texts.len(),
                        mean_length: ratio(*length, *mentions),
                        seen: compared.then(|| percent(*seen, *mentions)),
                    };
                    ((*label).to_owned(), stats)
                })
                .collect(),
            against_train,
        }
    });
    let splits = stats.collect();
    Stats { items, unit, splits }
}

impl Stats {
    /// Every number as one row `split, type, measure, value`; `type` is empty for the whole split.
    pub fn rows(&self) -> Vec<[String; 4]> {
        let mut rows = Vec::new();
        for s in &self.splits {
            let mut row = |label: &str, measure: &str, value: String| {
                rows.push([s.split.clone(), label.to_owned(), measure.to_owned(), value]);
            };
            row("", self.items, s.items.to_string());
            row("", self.unit, s.tokens.to_string());
            row("", "vocabulary", s.vocabulary.to_string());
            row("", "mean length", format!("{:.2}", s.length.mean));
            row("", "median length", s.length.median.to_string());
            row("", "95% length", s.length.p95.to_string());
            row("", "longest", s.length.max.to_string());
            row("", "mentions", s.entities.to_string());
            row("", "distinct mentions", s.distinct.to_string());
            row("", "mean mention length", format!("{:.2}", s.entity_length));
            row("", &format!("mentions per 100 {}", self.unit), format!("{:.2}", s.density));
            row("", &format!("% of {} without mention", self.items), format!("{:.1}", s.without_entities));
            if let Some(a) = &s.against_train {
                row("", "% of mentions seen in train", format!("{:.1}", a.seen_mentions));
                row("", "% of distinct mentions seen in train", format!("{:.1}", a.seen_distinct));
                row("", &format!("% of {} not in train", self.unit), format!("{:.2}", a.out_of_vocabulary));
                row("", "% of vocabulary not in train", format!("{:.1}", a.out_of_vocabulary_types));
            }
            for (label, t) in &s.by_type {
                row(label, "mentions", t.mentions.to_string());
                row(label, "distinct mentions", t.distinct.to_string());
                row(label, "mean mention length", format!("{:.2}", t.mean_length));
                if let Some(seen) = t.seen {
                    row(label, "% of mentions seen in train", format!("{seen:.1}"));
                }
            }
        }
        rows
    }
}
