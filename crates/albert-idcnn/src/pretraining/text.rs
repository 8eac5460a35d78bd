//! Text as documents of sentences, from the catalogue's corpora and from files.
//!
//! A document is text that belongs together: a record, a dialogue, an article. Windows never reach from one into the next, so
//! that the two segments of a window have an order that can be known.

use std::path::Path;

use anyhow::{Context, Result, bail};
use medner_data::catalog::{self, Kind};
use medner_data::{Sentence, load};

/// Sentences of a document of a corpus that does not say where its documents end.
const SENTENCES_A_DOCUMENT: usize = 64;

/// Where a sentence ends.
const ENDS: [char; 9] = ['。', '！', '？', '；', '!', '?', ';', '…', '\n'];

/// Documents of sentences, from one corpus or file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Name of the corpus or file.
    pub name: String,
    /// Its documents; none is empty, nor is a sentence.
    pub documents: Vec<Vec<String>>,
}

impl Text {
    /// The training split of a corpus of the catalogue (or of its sample).
    ///
    /// # Errors
    /// An unknown name, files that cannot be had.
    pub fn of_corpus(name: &str) -> Result<Self> {
        let kind = catalog::find(name.trim_start_matches("sample-"))?.kind;
        let documents = if kind.has_documents() {
            load::documents(name)?.train.iter().map(|document| sentences(&document.text)).collect()
        } else {
            grouped(&load::sentences(name)?.train, kind)
        };
        Ok(Self { name: name.to_owned(), documents }.tidied())
    }

    /// A file in UTF-8: a paragraph a line, an empty line between documents.
    ///
    /// # Errors
    /// A file that cannot be read, is no UTF-8 or holds no text.
    pub fn of_file(path: &Path) -> Result<Self> {
        let shown = path.display();
        let bytes = std::fs::read(path).with_context(|| format!("{shown}: cannot be read"))?;
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.trim_start_matches('\u{feff}'),
            Err(error) => {
                let line = bytes[..error.valid_up_to()].split(|&b| b == b'\n').count();
                bail!(
                    "{shown}: line {line} is not UTF-8; convert the file, for example with `iconv -f GB18030 -t UTF-8`"
                );
            }
        };
        let mut documents = vec![Vec::new()];
        for line in text.lines() {
            if line.trim().is_empty() {
                documents.push(Vec::new());
            } else if let Some(document) = documents.last_mut() {
                document.append(&mut sentences(line));
            }
        }
        let text = Self { name: shown.to_string(), documents }.tidied();
        if text.documents.is_empty() {
            bail!("{shown}: holds no text");
        }
        Ok(text)
    }

    /// Splits off the last `share` of the documents, at least one where there are two.
    pub fn hold_out(mut self, share: f64) -> (Self, Self) {
        let count = self.documents.len();
        let held = if share > 0.0 && count > 1 {
            ((count as f64 * share).round() as usize).clamp(1, count - 1)
        } else {
            0
        };
        let last = self.documents.split_off(count - held);
        let name = self.name.clone();
        (self, Self { name, documents: last })
    }

    /// Without what is empty.
    fn tidied(mut self) -> Self {
        for document in &mut self.documents {
            document.retain(|sentence| !sentence.trim().is_empty());
        }
        self.documents.retain(|document| !document.is_empty());
        self
    }
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
fn sentences(text: &str) -> Vec<String> {
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

    #[test]
    fn files_are_documents_of_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.txt");
        std::fs::write(&path, "\u{feff}第一段。还有。\n第二段\n\n\n另一篇\n").unwrap();
        let text = Text::of_file(&path).unwrap();
        assert_eq!(text.documents, [vec!["第一段。", "还有。", "第二段"], vec!["另一篇"]]);
        let (train, held) = text.hold_out(0.1);
        assert_eq!((train.documents.len(), held.documents.len()), (1, 1));
        std::fs::write(&path, "\n \n").unwrap();
        assert!(Text::of_file(&path).unwrap_err().to_string().contains("no text"));
        std::fs::write(&path, b"ok\n\xff\xff\n").unwrap();
        let message = Text::of_file(&path).unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains("UTF-8"), "{message}");
    }
}
