//! Annotated documents cut as text to label is cut: without a look at the mentions.
//!
//! [`tokenize`] ends no sentence inside a mention. Prediction knows no mentions, so that sentences cut so would be scored with
//! borders that prediction never has.

use medner_data::formats::tokenize::tokenize;
use medner_data::formats::{Remark, Remarked};
use medner_data::word_files::Annotated;
use medner_data::{Document, Result, Sentence};

use crate::corpus::OUTSIDE;
use crate::length::{inside, part};

/// Makes the sentence borders of `documents`, of which `read` was cut, that were not made for a mention's sake. Such a mention is
/// left out: no model finds it. How many there are, and where the first is.
///
/// # Errors
/// As [`tokenize`].
pub(super) fn cut(read: &mut Annotated, documents: &[Document]) -> Result<Option<Remarked>> {
    let bare = |d: &Document| Document { id: d.id.clone(), text: d.text.clone(), entities: Vec::new() };
    let bare: Vec<Document> = documents.iter().map(bare).collect();
    // The same tokens in the same order: mentions join sentences, and change nothing else.
    let mut sentences = tokenize(&bare)?.items.into_iter().map(|cut| cut.sentence);
    let mut crossing: Option<Remarked> = None;
    let whole = std::mem::take(&mut read.sentences).into_iter().zip(std::mem::take(&mut read.widened));
    for (mut whole, widened) in whole {
        let mut pieces: Vec<(usize, Sentence)> = Vec::new();
        let mut end = 0;
        while end < whole.tokens.len() {
            let piece = sentences.next().expect("tokens do not depend on mentions");
            let start = end;
            end += piece.tokens.len();
            pieces.push((start, piece));
        }
        if pieces.len() == 1 {
            read.sentences.push(whole);
            read.widened.push(widened);
            continue;
        }
        for span in &whole.spans {
            if !pieces.iter().any(|(border, _)| span.start < *border && *border < span.end) {
                continue;
            }
            let text = || whole.tokens[span.start..span.end].join(" ");
            Remarked::note(&mut crossing, || format!("{}: `{}`", whole.id, text()));
            *read.left_out.entry(span.label.clone()).or_default() += 1;
            if let Some(concepts) = whole.concepts.get_mut(span.start..span.end) {
                concepts.fill(OUTSIDE.to_owned());
            }
        }
        for (start, piece) in pieces {
            let tokens = start..start + piece.tokens.len();
            read.widened.push(inside(&widened, &tokens));
            read.sentences.push(Sentence { id: piece.id, ..part(&whole, tokens) });
        }
    }
    read.report.remarks.remove(&Remark::BoundaryInMention);
    Ok(crossing)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_data::{Entity, Span};

    use super::*;

    fn entity(start: usize, end: usize, label: &str, concept: &str) -> Entity {
        Entity { start, end, label: label.into(), concepts: vec![concept.into()] }
    }

    #[test]
    fn borders_are_those_of_text_and_a_mention_over_one_is_left_out() {
        // The mention `fever. Then a cough` joins two sentences of three.
        let text = "No severe fever. Then a cough was seen. No ache.";
        let document = |entities| Document { id: "7".into(), text: text.into(), entities };
        let annotated = [
            entity(3, 9, "Grade", "-1"),
            entity(10, 29, "Course", "D5"),
            entity(34, 38, "Act", "D6"),
            entity(43, 47, "Sign", "D7"),
        ];
        let documents = [document(annotated.to_vec())];
        let mut read = Annotated::of(&documents).unwrap();
        assert_eq!((read.sentences.len(), read.report.count(Remark::BoundaryInMention)), (2, 1));
        let crossing = cut(&mut read, &documents).unwrap().unwrap();
        assert_eq!((crossing.count, crossing.first.as_str()), (1, "7@0: `fever . Then a cough`"));
        assert!(read.report.is_clean());
        assert_eq!(read.left_out, [("Course".to_owned(), 1)].into());
        assert_eq!(read.widened, vec![Vec::<Span>::new(); 3]);
        let bare = tokenize(&[document(Vec::new())]).unwrap().items;
        let sentences = || read.sentences.iter();
        assert!(
            sentences()
                .map(|s| (&s.id, &s.tokens))
                .eq(bare.iter().map(|s| (&s.sentence.id, &s.sentence.tokens)))
        );
        let spans: Vec<_> = sentences().map(|s| s.spans.clone()).collect();
        let expected = [Span::new(1, 2, "Grade"), Span::new(4, 5, "Act"), Span::new(1, 2, "Sign")];
        assert_eq!(spans, expected.map(|span| vec![span]));
        let concepts: Vec<&[String]> = sentences().map(|s| s.concepts.as_slice()).collect();
        assert_eq!(
            concepts,
            [&["O", "-1", "O", "O"][..], &["O", "O", "O", "O", "D6", "O"], &["O", "D7", "O"]]
        );
    }
}
