//! Text as documents of pieces, a part of them held out.

use std::collections::BTreeMap;

use anyhow::Result;
use medner_core::CoreError;
use medner_data::plain_text::Text;

/// A document as pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Ids of all its pieces.
    pub ids: Vec<u32>,
    /// After how many pieces each of its parts (sentences, words) ends, the last one too; parts without a piece are none.
    pub ends: Vec<usize>,
}

impl Document {
    /// A document of parts.
    pub fn new(parts: impl IntoIterator<Item = Vec<u32>>) -> Self {
        let mut document = Self::default();
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            document.ids.extend(part);
            document.ends.push(document.ids.len());
        }
        document
    }
}

/// What there is to learn from and to measure on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    /// To learn from.
    pub train: Vec<Document>,
    /// To measure perplexity on; may be empty.
    pub held_out: Vec<Document>,
}

impl Documents {
    /// Cuts text into pieces by `encode` (a document's parts to the pieces of each) and holds out the last `share` of each
    /// text's documents. Documents of fewer than two pieces have nothing to learn from. Beside them, what is there of each text.
    ///
    /// # Errors
    /// What `encode` says; text without a document to learn from.
    pub fn encode(
        texts: Vec<Text>,
        share: f64,
        encode: impl Fn(&[String]) -> Result<Vec<Vec<u32>>>,
    ) -> Result<(Self, BTreeMap<String, String>)> {
        let encode = |text: &Text| -> Result<Vec<Document>> {
            let documents = text.documents.iter().map(|parts| Ok(Document::new(encode(parts)?)));
            documents.filter(|document| document.as_ref().map_or(true, |d| d.ids.len() >= 2)).collect()
        };
        let pieces = |documents: &[Document]| documents.iter().map(|d| d.ids.len()).sum::<usize>();
        let (mut all, mut notes) = (Self::default(), BTreeMap::new());
        for text in texts {
            let (name, (train, held_out)) = (text.name.clone(), text.hold_out(share));
            let (train, held_out) = (encode(&train)?, encode(&held_out)?);
            let note = format!(
                "{} documents of {} pieces, {} pieces held out",
                train.len(),
                pieces(&train),
                pieces(&held_out)
            );
            tracing::info!("{name}: {note}");
            notes.insert(format!("text {name}"), note);
            all.train.extend(train);
            all.held_out.extend(held_out);
        }
        if all.train.is_empty() {
            let message = "there is no document of at least two pieces to learn from".into();
            return Err(CoreError::Config { key: "text".into(), message }.into());
        }
        Ok((all, notes))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn documents_keep_the_ends_of_their_parts_and_single_pieces_are_none() {
        let document = |parts: &[&str]| parts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let texts = [document(&["one two", "", "three"]), document(&["four"]), document(&["five six"])];
        let text = Text { name: "t".into(), documents: texts.into() };
        let lengths = |parts: &[String]| -> Result<Vec<Vec<u32>>> {
            Ok(parts.iter().map(|p| p.split_whitespace().map(|w| w.len() as u32).collect()).collect())
        };
        let (documents, notes) = Documents::encode(vec![text], 0.3, lengths).unwrap();
        assert_eq!(documents.train, [Document { ids: vec![3, 3, 5], ends: vec![2, 3] }]);
        assert_eq!(documents.held_out, [Document { ids: vec![4, 3], ends: vec![2] }]);
        assert_eq!(notes["text t"], "1 documents of 3 pieces, 2 pieces held out");
        let short = Text { name: "t".into(), documents: vec![document(&["four"])] };
        let message = Documents::encode(vec![short], 0.0, lengths).unwrap_err().to_string();
        assert!(message.contains("no document"), "{message}");
    }
}
