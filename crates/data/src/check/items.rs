//! Checks of what was read: sentences and documents, one split at a time.

use std::collections::BTreeMap;

use super::across::{Found, counts, duplicates, labels};
use super::{Finding, Options, Severity, Tally, share};
use crate::corpus::{Corpus, Document, Sentence};
use crate::manifest::Counts;

/// What the checks need to know of a sentence or a document.
pub(super) struct View<'a> {
    pub id: &'a str,
    pub key: Key<'a>,
    /// Tokens, or characters.
    pub len: usize,
    pub spans: Vec<(usize, usize, &'a str)>,
}

/// The text that makes two items duplicates.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Tokens(&'a [String]),
    Text(&'a str),
}

impl Key<'_> {
    fn text(&self) -> String {
        match self {
            Self::Tokens(tokens) if tokens.iter().all(|t| t.chars().count() <= 1) => tokens.concat(),
            Self::Tokens(tokens) => tokens.join(" "),
            Self::Text(text) => (*text).to_owned(),
        }
    }

    /// Text of the tokens or characters `start..end`; what lies outside is left out.
    pub fn slice(&self, start: usize, end: usize) -> String {
        match self {
            Self::Tokens(tokens) => {
                let end = end.min(tokens.len());
                Key::Tokens(&tokens[start.min(end)..end]).text()
            }
            Self::Text(text) => text.chars().skip(start).take(end.saturating_sub(start)).collect(),
        }
    }
}

/// Checks a corpus of sentences; `expected` are the manifest's counts by split.
pub fn sentences(
    corpus: &Corpus<Sentence>,
    expected: Option<&BTreeMap<String, Counts>>,
    options: &Options,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let views = corpus.splits().map(|(split, items)| {
        let mut empty = Tally::new(options.examples);
        let mut columns = Tally::new(options.examples);
        for s in items {
            for (i, _) in s.tokens.iter().enumerate().filter(|(_, t)| t.chars().all(char::is_whitespace)) {
                empty.add(|| s.id.clone(), || format!("token {} is `{}`", i + 1, s.tokens[i]));
            }
            // One part of speech a token, or one a word where the spans are the words.
            let pos = [0, s.tokens.len(), s.spans.len()].contains(&s.pos.len());
            if !pos || ![0, s.tokens.len()].contains(&s.concepts.len()) {
                columns.add(
                    || s.id.clone(),
                    || {
                        let (tokens, pos, concepts) = (s.tokens.len(), s.pos.len(), s.concepts.len());
                        format!("{tokens} tokens, {pos} parts of speech, {concepts} concepts")
                    },
                );
            }
        }
        empty.finish(
            &mut findings,
            (Severity::Warning, "empty-token"),
            split,
            |n| format!("{n} tokens are empty or white space"),
            "remove them, or give them a visible character, before tagging",
        );
        columns.finish(
            &mut findings,
            (Severity::Error, "column-length"),
            split,
            |n| format!("{n} sentences have parts of speech or concepts of another length than their tokens"),
            "give every token one value in each column",
        );
        let views = items.iter().map(|s| View {
            id: &s.id,
            key: Key::Tokens(&s.tokens),
            len: s.tokens.len(),
            spans: s.spans.iter().map(|x| (x.start, x.end, x.label.as_str())).collect(),
        });
        (split, views.collect::<Vec<_>>())
    });
    common(&views, &mut findings, options);
    if let Some(expected) = expected {
        for (split, items) in corpus.splits() {
            let tokens = items.iter().map(|s| s.tokens.len()).sum();
            // A corpus of segmented words counts its words.
            let words =
                items.iter().map(|s| s.spans.iter().filter(|x| x.label.is_empty()).count()).sum::<usize>();
            let tokens = if words > 0 { words } else { tokens };
            let found = Found { sentences: Some(items.len()), tokens: Some(tokens), documents: None };
            let labels = items.iter().flat_map(|s| s.spans.iter().map(|x| x.label.as_str()));
            counts(split, &found, labels, expected, &mut findings);
        }
    }
    sorted(findings)
}

/// Checks a corpus of documents; `expected` are the manifest's counts by split.
pub fn documents(
    corpus: &Corpus<Document>,
    expected: Option<&BTreeMap<String, Counts>>,
    options: &Options,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut twice = Tally::new(options.examples);
    let views = corpus.splits().map(|(split, items)| {
        for d in items {
            if let Some(first) = owners.insert(&d.id, split) {
                twice.add(|| format!("{split} {}", d.id), || format!("also in {first}"));
            }
        }
        let views = items.iter().map(|d| View {
            id: &d.id,
            key: Key::Text(&d.text),
            len: d.text.chars().count(),
            spans: d.entities.iter().map(|x| (x.start, x.end, x.label.as_str())).collect(),
        });
        (split, views.collect::<Vec<_>>())
    });
    twice.finish(
        &mut findings,
        (Severity::Error, "duplicate-id"),
        "all",
        |n| format!("{n} documents have the identifier of another document"),
        "give every document its own identifier, or remove the repeated ones",
    );
    common(&views, &mut findings, &Options { long: options.long.saturating_mul(10), ..*options });
    if let Some(expected) = expected {
        for (split, items) in corpus.splits() {
            let found = Found { documents: Some(items.len()), sentences: None, tokens: None };
            let labels = items.iter().flat_map(|d| d.entities.iter().map(|x| x.label.as_str()));
            counts(split, &found, labels, expected, &mut findings);
        }
    }
    sorted(findings)
}

/// Errors first; inside a severity in the order of the checks.
fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    findings
}

/// Invisible characters that are not plain white space: controls, zero-width characters, bidirectional marks, the
/// byte-order mark and the replacement character.
pub(super) fn is_control(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}' | '\u{fffd}')
}

/// Punctuation that a mention does not begin or end with.
fn is_edge_punctuation(c: char) -> bool {
    "，。、；：！？,;:!?".contains(c)
}

/// True where a bracket or quotation mark in the text has no partner.
fn unbalanced(text: &str) -> bool {
    [('(', ')'), ('（', '）'), ('[', ']'), ('“', '”'), ('《', '》'), ('【', '】')].iter().any(
        |(open, close)| {
            let mut depth = 0i64;
            for c in text.chars() {
                depth += i64::from(c == *open) - i64::from(c == *close);
                if depth < 0 {
                    return true;
                }
            }
            depth != 0
        },
    )
}

/// The checks that sentences and documents share.
fn common(splits: &[(&str, Vec<View<'_>>); 3], findings: &mut Vec<Finding>, options: &Options) {
    for (split, items) in splits {
        one_split(split, items, findings, options);
    }
    duplicates(splits, findings, options);
    labels(splits, findings);
}

fn one_split(split: &str, items: &[View<'_>], findings: &mut Vec<Finding>, options: &Options) {
    let tally = || Tally::new(options.examples);
    let (mut empty, mut outside, mut overlap, mut space, mut edge, mut control, mut long) =
        (tally(), tally(), tally(), tally(), tally(), tally(), tally());
    let mut mentions = 0;
    for item in items {
        let place = || item.id.to_owned();
        mentions += item.spans.len();
        if item.len == 0 {
            empty.add(place, String::new);
        }
        if item.len > options.long {
            long.add(place, || format!("{} long: {}", item.len, item.key.slice(0, 40)));
        }
        let bad = |text: &str| text.chars().any(is_control);
        if match item.key {
            Key::Tokens(tokens) => tokens.iter().any(|t| bad(t)),
            Key::Text(text) => bad(text),
        } {
            control.add(place, || {
                let text = item.key.text();
                let at = text.chars().position(is_control).unwrap_or(0);
                text.chars().skip(at.saturating_sub(10)).take(30).collect()
            });
        }
        // Mention texts are cut from one list of characters: skipping from the start for each would be quadratic.
        let characters: Vec<char> = match item.key {
            Key::Text(text) if !item.spans.is_empty() => text.chars().collect(),
            _ => Vec::new(),
        };
        let mut ordered = item.spans.clone();
        ordered.sort_unstable();
        let mut reach: Option<(usize, usize, &str)> = None;
        for &(start, end, label) in &ordered {
            let show = || format!("{start}..{end} {label}");
            if start >= end || end > item.len {
                outside.add(place, || format!("{} of {}", show(), item.len));
                continue;
            }
            if let Some((s, e, l)) = reach
                && start < e
            {
                overlap.add(place, || {
                    format!("{s}..{e} {l} and {}: {}", show(), item.key.slice(s.min(start), e.max(end)))
                });
            }
            if reach.is_none_or(|(_, e, _)| end > e) {
                reach = Some((start, end, label));
            }
            if label.is_empty() {
                continue;
            }
            let text = match item.key {
                Key::Tokens(tokens) => Key::Tokens(&tokens[start..end]).text(),
                Key::Text(_) => characters[start..end].iter().collect(),
            };
            let ends = |test: fn(char) -> bool| text.starts_with(test) || text.ends_with(test);
            if ends(char::is_whitespace) {
                space.add(place, || format!("`{text}` ({})", show()));
            }
            if ends(is_edge_punctuation) || unbalanced(&text) {
                edge.add(place, || format!("`{text}` ({})", show()));
            }
        }
    }
    let mut finish = |tally: Tally, severity, code, message: &dyn Fn(usize) -> String, remedy: &str| {
        tally.finish(findings, (severity, code), split, message, remedy);
    };
    finish(empty, Severity::Error, "empty-item", &|n| format!("{n} items have no text"), "remove them");
    finish(
        outside,
        Severity::Error,
        "span-outside",
        &|n| format!("{n} mentions are empty or end past their text"),
        "offsets count from 0, the end is exclusive, and characters are counted, not bytes or UTF-16 units",
    );
    finish(
        overlap,
        Severity::Warning,
        "overlapping-spans",
        &|n| format!("{} mentions overlap the one before them", share(n, mentions)),
        "one tag a token holds one of them: keep the longer one, or train on one type at a time",
    );
    finish(
        space,
        Severity::Warning,
        "span-edge-space",
        &|n| format!("{} mentions begin or end with white space", share(n, mentions)),
        "trim the offsets: an exact match with a prediction is impossible otherwise",
    );
    finish(
        edge,
        Severity::Note,
        "span-edge-punctuation",
        &|n| {
            format!(
                "{} mentions begin or end with punctuation, or hold a bracket without its partner",
                share(n, mentions)
            )
        },
        "look at the examples; trim the offsets where the punctuation is not part of the name",
    );
    finish(
        control,
        Severity::Warning,
        "control-character",
        &|n| format!("{} items have control, zero-width or replacement characters", share(n, items.len())),
        "remove them and move the offsets, or keep them on purpose: each costs a token",
    );
    finish(
        long,
        Severity::Note,
        "very-long",
        &|n| format!("{} items are longer than {}", share(n, items.len()), options.long),
        "they are windowed where a model has a limit, never cut in silence; look whether a sentence break is missing",
    );
    let mut note = |code, message: String, remedy: &str| {
        findings.push(Finding {
            severity: Severity::Note,
            code,
            scope: split.to_owned(),
            count: 1,
            message,
            examples: Vec::new(),
            remedy: remedy.to_owned(),
        });
    };
    if items.is_empty() {
        note(
            "empty-split",
            format!("there is no {split} split"),
            "a method takes its development set from train",
        );
    } else if mentions == 0 {
        note(
            "no-entities",
            "no item has a mention".to_owned(),
            "check the tag column, or the annotation file beside the text",
        );
    }
}
