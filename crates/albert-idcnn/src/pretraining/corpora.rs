//! The catalogue's corpora as documents of sentences.
//!
//! A document is text that belongs together: a record, a dialogue, an article. Windows never reach from one into the next, so
//! that the two segments of a window have an order that can be known.

use anyhow::Result;
use medner_data::catalog::{self, Kind};
use medner_data::plain_text::Text;
use medner_data::{Sentence, load};

/// Sentences of a document of a corpus that does not say where its documents end.
const SENTENCES_A_DOCUMENT: usize = 64;

/// Where a sentence ends.
const ENDS: [char; 9] = ['。', '！', '？', '；', '!', '?', ';', '…', '\n'];

/// The training split of a corpus of the catalogue (or of its sample).
///
/// # Errors
/// An unknown name, files that cannot be had.
pub fn of_corpus(name: &str) -> Result<Text> {
    let kind = catalog::find(name.trim_start_matches("sample-"))?.kind;
    let documents = if kind.has_documents() {
        load::documents(name)?.train.iter().map(|document| sentences(&document.text)).collect()
    } else {
        grouped(&load::sentences(name)?.train, kind)
    };
    Ok(Text::new(name, documents))
}

/// Puts consecutive sentences together that their identifiers say are of one document.
fn grouped(corpus: &[Sentence], kind: Kind) -> Vec<Vec<String>> {
    let mut documents: Vec<Vec<String>> = Vec::new();
    let mut current: Option<(&str, usize)> = None;
    for sentence in corpus {
        let document = match kind {
            // 19980101-01-001-002: day, page, article, paragraph.
            Kind::PeoplesDaily | Kind::PeoplesDailyWords => sentence.id.rsplit_once('-').map(|(id, _)| id),
            // 10626355#3: dialogue, utterance.
            Kind::Cmdd(_) => sentence.id.split_once('#').map(|(id, _)| id),
            _ => None,
        };
        let (key, limit) = document.map_or(("", SENTENCES_A_DOCUMENT), |id| (id, usize::MAX));
        let goes_on = current.is_some_and(|(last, length)| last == key && length < limit);
        if !goes_on {
            documents.push(Vec::new());
        }
        current = Some((key, if goes_on { current.map_or(1, |(_, n)| n + 1) } else { 1 }));
        if let Some(document) = documents.last_mut() {
            document.append(&mut sentences(&sentence.tokens.concat()));
        }
    }
    documents
}

/// Cuts text after each end of a sentence; nothing is lost but line breaks.
pub fn sentences(text: &str) -> Vec<String> {
    let pieces = text.split_inclusive(ENDS).map(|piece| piece.trim_matches(['\n', '\r']).to_owned());
    pieces.filter(|piece| !piece.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sentence(id: &str, text: &str) -> Sentence {
        Sentence { id: id.into(), tokens: text.chars().map(String::from).collect(), ..Sentence::default() }
    }

    #[test]
    fn sentences_end_where_their_marks_stand() {
        assert_eq!(sentences("头痛三天。伴发热！\n无咳嗽"), ["头痛三天。", "伴发热！", "无咳嗽"]);
        assert!(sentences("\n").is_empty());
    }

    #[test]
    fn identifiers_tell_the_documents() {
        let paper =
            [("19980101-01-001-001", "甲"), ("19980101-01-001-002", "乙"), ("19980101-01-002-001", "丙")];
        let paper = paper.map(|(id, text)| sentence(id, text));
        assert_eq!(grouped(&paper, Kind::PeoplesDaily), [vec!["甲", "乙"], vec!["丙"]]);
        let dialogue = [("7#0", "甲"), ("7#1", "乙"), ("8#0", "丙")].map(|(id, text)| sentence(id, text));
        assert_eq!(grouped(&dialogue, Kind::Cmdd(None)), [vec!["甲", "乙"], vec!["丙"]]);
        let many: Vec<Sentence> = (0..130).map(|i| sentence(&format!("train.bio:{i}"), "丁")).collect();
        let lengths: Vec<usize> = grouped(&many, Kind::Msra).iter().map(Vec::len).collect();
        assert_eq!(lengths, [64, 64, 2]);
    }
}
