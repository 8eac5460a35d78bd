//! Sentences longer than what the networks read in one go, [`LONGEST`] tokens.
//!
//! Attention compares every word of a sentence with every other one. A note without full stops, or columns without blank lines, is
//! one sentence of thousands of words: a batch of 32 sentences of 6,000 words would take 4.6 GB for the scores of one task alone.
//!
//! | where | what becomes of a longer sentence |
//! | --- | --- |
//! | sentences to learn from (`train`, `learn`), pools (`query`) | cut into sentences: after the last sentence mark in the second half of the first [`LONGEST`] tokens, else after the last of these tokens, but never inside a mention. A mention that is longer itself is refused |
//! | text to label (`predict`), sentences to score (`evaluate`, development) | read in windows of like length, and the labels put side by side: nothing is lost, no token and no place changes, and a mention on both sides of a border can still be found |

use std::ops::Range;

use medner_data::formats::Remarked;
use medner_data::formats::tokenize::TokenizedSentence;
use medner_data::{DataError, Result, Sentence, Span};

/// Tokens of a sentence that the networks read in one go: twenty times what a sentence of an abstract has, and 32 of them take 34 MB
/// for the scores of one task.
pub const LONGEST: usize = 512;

/// A sentence of so many tokens as windows of like length, none longer than [`LONGEST`].
pub fn windows(length: usize) -> impl Iterator<Item = Range<usize>> {
    let count = length.div_ceil(LONGEST).max(1);
    (0..count).map(move |at| at * length / count..(at + 1) * length / count)
}

/// Labelled sentences, longer ones cut; and how many were, with the first of them. The pieces after the first have `+` and the
/// number of their first token behind the identifier. Parts of speech are not kept.
///
/// # Errors
/// [`DataError::Item`] for a mention of more than [`LONGEST`] tokens.
pub fn labelled(sentences: Vec<Sentence>) -> Result<(Vec<Sentence>, Option<Remarked>)> {
    let mut pieces = Vec::with_capacity(sentences.len());
    let mut cut: Option<Remarked> = None;
    for sentence in sentences {
        let length = sentence.tokens.len();
        if length <= LONGEST {
            pieces.push(sentence);
            continue;
        }
        let ends = ends(&sentence.tokens, &sentence.spans).map_err(|start| {
            let message = format!(
                "has {length} tokens and a mention, which begins at token {start}, of more than {LONGEST}, the most that are read in \
                 one go; cut the sentence and its mention into shorter ones, or leave it out"
            );
            DataError::item(&sentence.id, message)
        })?;
        Remarked::note(&mut cut, || format!("{}, {length} tokens", sentence.id));
        let mut start = 0;
        for end in ends {
            let mut part = part(&sentence, start..end);
            if start > 0 {
                part.id = format!("{}+{start}", sentence.id);
            }
            pieces.push(part);
            start = end;
        }
    }
    Ok((pieces, cut))
}

/// A sentence without labels, cut where it is longer. `document` is the identifier of its document, from which those of the pieces
/// are made: `<document>@<first character>`.
pub fn unlabelled(sentence: TokenizedSentence, document: &str) -> Vec<TokenizedSentence> {
    if sentence.offsets.len() <= LONGEST {
        return vec![sentence];
    }
    let ends = ends(&sentence.sentence.tokens, &[]).expect("without mentions every place can be cut at");
    let starts = std::iter::once(0).chain(ends.clone());
    let piece = |(start, end): (usize, usize)| {
        let offsets = sentence.offsets[start..end].to_vec();
        let id = format!("{document}@{}", offsets[0].0);
        let part = Sentence { id, ..part(&sentence.sentence, start..end) };
        TokenizedSentence { document: sentence.document, offsets, sentence: part }
    };
    starts.zip(ends).map(piece).collect()
}

/// These tokens of a sentence, with the mentions that lie in them.
pub(crate) fn part(sentence: &Sentence, tokens: Range<usize>) -> Sentence {
    Sentence {
        id: sentence.id.clone(),
        spans: inside(&sentence.spans, &tokens),
        concepts: sentence.concepts.get(tokens.clone()).map(<[String]>::to_vec).unwrap_or_default(),
        tokens: sentence.tokens[tokens].to_vec(),
        ..Sentence::default()
    }
}

/// The mentions that lie in these tokens of a sentence, counted from the first of them.
pub(crate) fn inside(spans: &[Span], tokens: &Range<usize>) -> Vec<Span> {
    let Range { start, end } = *tokens;
    let inside = spans.iter().filter(|span| start <= span.start && span.end <= end);
    inside.map(|span| Span::new(span.start - start, span.end - start, span.label.clone())).collect()
}

/// Where the pieces of a sentence end; the token at which a mention begins that is too long itself.
fn ends(tokens: &[String], spans: &[Span]) -> std::result::Result<Vec<usize>, usize> {
    let free = |at: &usize| !spans.iter().any(|span| span.start < *at && *at < span.end);
    let (mut ends, mut start) = (Vec::new(), 0);
    while tokens.len() - start > LONGEST {
        // No piece is cut short for a mark near its beginning.
        let half = (start + LONGEST / 2..=start + LONGEST).rev();
        let mark = half.filter(free).find(|&at| ends_sentence(tokens, at));
        // Two mentions have a place between them, so that where no place is free there is one mention only.
        let end = mark.or_else(|| (start + 1..=start + LONGEST).rev().find(free)).ok_or(start)?;
        ends.push(end);
        start = end;
    }
    ends.push(tokens.len());
    Ok(ends)
}

/// Whether the token before this place ends with a sentence mark that is no decimal point.
fn ends_sentence(tokens: &[String], at: usize) -> bool {
    let number = tokens.get(at).is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()));
    !number && tokens[at - 1].ends_with(['.', '?', '!', ';', '。', '？', '！', '；'])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_data::Document;
    use medner_data::formats::tokenize::tokenize;

    use super::*;

    /// A sentence of so many tokens, `x` but for these; a mention with a concept over each of `mentions`.
    fn sentence(length: usize, others: &[(usize, &str)], mentions: &[(usize, usize)]) -> Sentence {
        let mut tokens = vec!["x".to_owned(); length];
        let mut concepts = vec!["O".to_owned(); length];
        for (at, token) in others {
            (*token).clone_into(&mut tokens[*at]);
        }
        for &(start, end) in mentions {
            concepts[start..end].fill("D1".to_owned());
        }
        let spans = mentions.iter().map(|&(start, end)| Span::new(start, end, "Disease")).collect();
        Sentence { id: "a.tsv:1".into(), tokens, spans, concepts, ..Sentence::default() }
    }

    fn lengths(sentence: Sentence) -> Vec<usize> {
        labelled(vec![sentence]).unwrap().0.iter().map(|piece| piece.tokens.len()).collect()
    }

    #[test]
    fn windows_are_of_like_length_and_leave_nothing_out() {
        for length in [0, 1, 512, 513, 1024, 1025, 6_000] {
            let windows: Vec<_> = windows(length).collect();
            assert_eq!(windows.len(), length.div_ceil(LONGEST).max(1));
            let mut end = 0;
            for window in &windows {
                assert_eq!(window.start, end);
                assert!(window.len() <= LONGEST && window.len() + 1 >= length / windows.len(), "{windows:?}");
                end = window.end;
            }
            assert_eq!(end, length);
        }
    }

    #[test]
    fn long_sentences_are_cut_at_marks_and_around_mentions() {
        let (same, cut) = labelled(vec![sentence(512, &[(300, ".")], &[(0, 512)])]).unwrap();
        assert_eq!((same, cut), (vec![sentence(512, &[(300, ".")], &[(0, 512)])], None));
        // No mark, a mark in the second half, one in the first half only, the point of a number, a mark inside a mention.
        assert_eq!(lengths(sentence(1_100, &[], &[])), [512, 512, 76]);
        assert_eq!(lengths(sentence(600, &[(300, "."), (299, ";"), (550, ".")], &[])), [301, 299]);
        assert_eq!(lengths(sentence(600, &[(100, ".")], &[])), [512, 88]);
        assert_eq!(lengths(sentence(600, &[(300, "."), (301, "05")], &[])), [512, 88]);
        assert_eq!(lengths(sentence(600, &[(300, ".")], &[(299, 302)])), [512, 88]);
        // A mention over the border begins the next piece.
        let (pieces, cut) = labelled(vec![sentence(600, &[], &[(1, 3), (500, 520)])]).unwrap();
        assert_eq!(pieces.iter().map(|p| p.tokens.len()).collect::<Vec<_>>(), [500, 100]);
        assert_eq!(
            (pieces[0].spans.as_slice(), pieces[0].id.as_str()),
            (&[Span::new(1, 3, "Disease")][..], "a.tsv:1")
        );
        assert_eq!(
            (pieces[1].spans.as_slice(), pieces[1].id.as_str()),
            (&[Span::new(0, 20, "Disease")][..], "a.tsv:1+500")
        );
        assert!(pieces[1].concepts[..20].iter().all(|c| c == "D1") && pieces[1].concepts[20] == "O");
        assert_eq!(cut, Some(Remarked { count: 1, first: "a.tsv:1, 600 tokens".into() }));
    }

    #[test]
    fn a_mention_that_is_too_long_itself_is_refused_by_its_sentence() {
        let message = labelled(vec![sentence(600, &[], &[(3, 590)])]).unwrap_err().to_string();
        assert!(
            message.starts_with("a.tsv:1: has 600 tokens and a mention, which begins at token 3"),
            "{message}"
        );
        assert!(message.contains("shorter ones"), "{message}");
    }

    #[test]
    fn pieces_of_text_keep_their_places_and_have_names_of_their_own() {
        let text = vec!["word"; 1_030].join(" ");
        let document = Document { id: "note".into(), text, entities: Vec::new() };
        let whole = tokenize(std::slice::from_ref(&document)).unwrap().items.remove(0);
        let (tokens, offsets) = (whole.sentence.tokens.clone(), whole.offsets.clone());
        let pieces = unlabelled(whole, "note");
        let names: Vec<&str> = pieces.iter().map(|piece| piece.sentence.id.as_str()).collect();
        assert_eq!(names, ["note@0", "note@2560", "note@5120"]);
        assert_eq!(pieces.iter().flat_map(|p| p.sentence.tokens.clone()).collect::<Vec<_>>(), tokens);
        assert_eq!(pieces.iter().flat_map(|p| p.offsets.clone()).collect::<Vec<_>>(), offsets);
        assert!(pieces.iter().all(|piece| piece.offsets.len() <= LONGEST));
    }
}
