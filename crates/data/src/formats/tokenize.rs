//! From documents to sentences of words, and back: a simple tokenizer for biomedical English that keeps offsets.
//!
//! Tokens: a run of letters and digits is a token (`G6PD`, `beta`), and so is every other character that is not white space
//! (`-`, `(`, `.`). Combining marks belong to the run before them. Numbers are not kept together (`0.05` is three tokens).
//!
//! Sentences end at a line break, and after `.`, `?` or `!` (with closing quotes and brackets) where white space follows and the
//! next character is no lower-case letter, unless the word before the full stop is a single capital letter (`E. coli`) or one of
//! [`ABBREVIATIONS`]. No sentence ends inside a mention.
//!
//! Tokens never depend on the mentions: a mention that begins or ends inside a token is widened to whole tokens, and counted.

use medner_metrics::Span;

use super::report::{Read, Remark};
use super::split::without_overlaps;
use crate::corpus::{Document, Entity, Sentence};
use crate::error::{DataError, Result};

/// Words before a full stop that does not end a sentence, in lower case.
pub const ABBREVIATIONS: [&str; 16] = [
    "al", "approx", "ca", "cf", "dr", "e.g", "eg", "etc", "fig", "figs", "i.e", "ie", "no", "prof", "sp",
    "vs",
];

/// A sentence of words with the place of each in its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizedSentence {
    /// Index of its document.
    pub document: usize,
    /// First character and one past the last of each token, in the document.
    pub offsets: Vec<(usize, usize)>,
    /// Tokens, spans and, where the document has any concept, one concept a token (`O` outside mentions, `-1` for a mention
    /// without one, several joined by `|`). The identifier is `<document>@<first character>`.
    pub sentence: Sentence,
}

impl TokenizedSentence {
    /// A span of tokens as a span of characters of the document; `None` when it does not lie in the sentence.
    pub fn to_characters(&self, span: &Span) -> Option<Span> {
        let offsets = span.of(&self.offsets)?;
        Some(Span::new(offsets.first()?.0, offsets.last()?.1, span.label.clone()))
    }

    /// A span of characters of the document as a span of tokens; `None` when its ends are not those of tokens of the sentence.
    pub fn to_tokens(&self, span: &Span) -> Option<Span> {
        let start = self.offsets.binary_search_by_key(&span.start, |&(start, _)| start).ok()?;
        let last = self.offsets.binary_search_by_key(&span.end, |&(_, end)| end).ok()?;
        (start <= last).then(|| Span::new(start, last + 1, span.label.clone()))
    }
}

/// First character and one past the last of every token of a text.
pub fn tokens(text: &[char]) -> Vec<(usize, usize)> {
    let mut tokens: Vec<(usize, usize)> = Vec::new();
    let mut in_word = false;
    for (i, &c) in text.iter().enumerate() {
        let is_mark = matches!(c, '\u{300}'..='\u{36f}');
        if c.is_whitespace() {
            in_word = false;
        } else if in_word && (c.is_alphanumeric() || is_mark) {
            if let Some(last) = tokens.last_mut() {
                last.1 = i + 1;
            }
        } else {
            tokens.push((i, i + 1));
            in_word = c.is_alphanumeric();
        }
    }
    tokens
}

/// True when a sentence may end after the character at `i`, which is `.`, `?`, `!`, or closes after one of them.
fn ends_sentence(text: &[char], i: usize) -> bool {
    let mut mark = i;
    while mark > 0 && matches!(text[mark], ')' | ']' | '"' | '\'' | '”' | '’') {
        mark -= 1;
    }
    if !matches!(text[mark], '.' | '?' | '!') || !text.get(i + 1).is_some_and(|c| c.is_whitespace()) {
        return false;
    }
    let next = text[i + 1..].iter().find(|c| !c.is_whitespace());
    if next.is_none_or(|c| c.is_lowercase()) {
        return false;
    }
    if text[mark] != '.' {
        return true;
    }
    let start = text[..mark].iter().rposition(|c| !(c.is_alphanumeric() || *c == '.')).map_or(0, |p| p + 1);
    let word: String = text[start..mark].iter().collect();
    let single_capital = mark - start == 1 && text[start].is_uppercase();
    !single_capital && !ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

/// Cuts documents into sentences of words.
///
/// Of mentions that overlap, the longest stays (of two as long, the first); the others are counted.
///
/// # Errors
/// [`DataError::Item`] for a mention that does not lie in its text.
pub fn tokenize(documents: &[Document]) -> Result<Read<TokenizedSentence>> {
    let mut read = Read::default();
    for (index, document) in documents.iter().enumerate() {
        tokenize_document(index, document, &mut read)?;
    }
    Ok(read)
}

fn tokenize_document(index: usize, document: &Document, read: &mut Read<TokenizedSentence>) -> Result<()> {
    document.check()?;
    let id = &document.id;
    let text: Vec<char> = document.text.chars().collect();
    let tokens = tokens(&text);

    // Mentions in tokens: `start..end` are now token indices.
    let mut widened: Vec<Entity> = Vec::with_capacity(document.entities.len());
    let mut places = Vec::with_capacity(document.entities.len());
    for entity in &document.entities {
        let place = || format!("{id}: {}..{} ({})", entity.start, entity.end, entity.label);
        let first = tokens.partition_point(|t| t.1 <= entity.start);
        let last = tokens.partition_point(|t| t.0 < entity.end);
        if first == last {
            read.report.note(Remark::BlankMention, place);
            continue;
        }
        if tokens[first].0 < entity.start || tokens[last - 1].1 > entity.end {
            read.report.note(Remark::Widened, place);
        }
        widened.push(Entity { start: first, end: last, ..entity.clone() });
        places.push(place);
    }
    let kept = without_overlaps(&widened);
    if kept.len() < widened.len() {
        for (mention, place) in widened.iter().zip(places) {
            // The same mention may stand twice: which of the two was kept, its address tells.
            if !kept.iter().any(|kept| std::ptr::eq(*kept, mention)) {
                read.report.note(Remark::OverlapLeftOut, place);
            }
        }
    }

    let has_concepts = document.entities.iter().any(|e| !e.concepts.is_empty());
    let mut start = 0;
    let mut mentions = kept.into_iter().peekable();
    for i in 0..tokens.len() {
        let gap_end = tokens.get(i + 1).map_or(text.len(), |next| next.0);
        let after = tokens[i].1;
        let line_break = text[after..gap_end].iter().any(|c| matches!(c, '\n' | '\r'));
        let is_end = i + 1 == tokens.len();
        if !(is_end || line_break || ends_sentence(&text, after - 1)) {
            continue;
        }
        // The mentions that begin in this sentence; the last may run over its end.
        let mut inside: Vec<&Entity> = Vec::new();
        let mut lookahead = mentions.clone();
        while let Some(mention) = lookahead.next_if(|m| m.start <= i) {
            inside.push(mention);
        }
        if inside.last().is_some_and(|m| m.end > i + 1) {
            read.report.note(Remark::BoundaryInMention, || format!("{id}: character {after}"));
            continue;
        }
        mentions = lookahead;
        let offsets = tokens[start..=i].to_vec();
        let mut sentence = Sentence {
            id: format!("{id}@{}", offsets[0].0),
            tokens: offsets.iter().map(|&(a, b)| text[a..b].iter().collect()).collect(),
            ..Sentence::default()
        };
        if has_concepts {
            sentence.concepts = vec!["O".to_owned(); offsets.len()];
        }
        for mention in inside {
            let span = Span::new(mention.start - start, mention.end - start, mention.label.clone());
            if has_concepts {
                let concept =
                    if mention.concepts.is_empty() { "-1".to_owned() } else { mention.concepts.join("|") };
                sentence.concepts[span.start..span.end].fill(concept);
            }
            sentence.spans.push(span);
        }
        read.items.push(TokenizedSentence { document: index, offsets, sentence });
        start = i + 1;
    }
    Ok(())
}

/// Turns spans predicted for each sentence into spans over the characters of the documents: one list a document, sorted.
///
/// # Errors
/// [`DataError::Count`] when there are not as many predictions as sentences, [`DataError::Item`] for a span that does not lie in
/// its sentence or a sentence whose document is not there.
pub fn join_spans(
    sentences: &[TokenizedSentence],
    predicted: &[Vec<Span>],
    documents: usize,
) -> Result<Vec<Vec<Span>>> {
    if sentences.len() != predicted.len() {
        return Err(DataError::Count {
            what: "lists of predicted spans, one a sentence",
            expected: sentences.len(),
            found: predicted.len(),
        });
    }
    let mut joined = vec![Vec::new(); documents];
    for (sentence, spans) in sentences.iter().zip(predicted) {
        let id = &sentence.sentence.id;
        let document = joined.get_mut(sentence.document).ok_or_else(|| {
            DataError::item(
                id,
                format!("is of document {}, but there are {documents} documents", sentence.document),
            )
        })?;
        for span in spans {
            let characters = sentence.to_characters(span).ok_or_else(|| {
                DataError::item(
                    id,
                    format!(
                        "span {}..{} ({}) does not lie in the sentence",
                        span.start, span.end, span.label
                    ),
                )
            })?;
            document.push(characters);
        }
    }
    for spans in &mut joined {
        spans.sort();
    }
    Ok(joined)
}
