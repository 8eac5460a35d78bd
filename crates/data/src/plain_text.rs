//! Unlabelled text as documents, which is what encoders are pre-trained on.
//!
//! A document is text that belongs together: a record, a dialogue, an article. A file has an empty line between documents.

use std::path::Path;

use crate::error::{DataError, Result};
use crate::formats::text::read_utf8;
use crate::user_files::{self, What};

/// Documents, from one corpus or file, cut into what the reader asks for: sentences, words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Name of the corpus or file.
    pub name: String,
    /// Its documents; none is empty, nor is a part of one.
    pub documents: Vec<Vec<String>>,
}

impl Text {
    /// Documents without what is empty or white space alone.
    pub fn new(name: &str, mut documents: Vec<Vec<String>>) -> Self {
        for document in &mut documents {
            document.retain(|part| !part.trim().is_empty());
        }
        documents.retain(|document| !document.is_empty());
        Self { name: name.to_owned(), documents }
    }

    /// A file in UTF-8, each of its lines cut by `cut`.
    ///
    /// # Errors
    /// A file that cannot be read, is no UTF-8, holds no text, or holds annotated documents in place of it.
    pub fn of_file(path: &Path, cut: impl Fn(&str) -> Vec<String>) -> Result<Self> {
        let content = read_utf8(path)?;
        let what = user_files::what_it_is(&content);
        if what != What::Lines {
            let message = format!(
                "looks like {what}, of which the marks would be learned as text; give the plain text, with a blank line between documents"
            );
            return Err(DataError::file(path, message));
        }
        let mut documents = vec![Vec::new()];
        for line in content.lines() {
            if line.trim().is_empty() {
                documents.push(Vec::new());
            } else if let Some(document) = documents.last_mut() {
                document.append(&mut cut(line));
            }
        }
        let text = Self::new(&path.display().to_string(), documents);
        if text.documents.is_empty() {
            return Err(DataError::file(path, "holds no text"));
        }
        Ok(text)
    }

    /// Splits off the last `share` of the documents, at least one where there are two.
    #[must_use]
    pub fn hold_out(mut self, share: f64) -> (Self, Self) {
        let count = self.documents.len();
        let held = if share > 0.0 && count > 1 {
            ((count as f64 * share).round() as usize).clamp(1, count - 1)
        } else {
            0
        };
        let documents = self.documents.split_off(count - held);
        let name = self.name.clone();
        (self, Self { name, documents })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn an_empty_line_stands_between_documents() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.txt");
        std::fs::write(&path, "\u{feff}One two.\nThree\n\n\nFour\n").unwrap();
        let text = Text::of_file(&path, words).unwrap();
        assert_eq!(text.documents, [vec!["One", "two.", "Three"], vec!["Four"]]);
        let (train, held) = text.clone().hold_out(0.1);
        assert_eq!((train.documents.len(), held.documents.len()), (1, 1));
        let (train, held) = text.hold_out(0.0);
        assert_eq!((train.documents.len(), held.documents.len()), (2, 0));
    }

    #[test]
    fn a_file_without_text_is_refused_and_a_wrong_byte_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.txt");
        std::fs::write(&path, "\n \n").unwrap();
        assert!(Text::of_file(&path, words).unwrap_err().to_string().contains("no text"));
        for annotated in ["{\"text\": \"fever\"}\n", "No\tO\nfever\tB-X\n", "7|t|Fever\n7|a|\n"] {
            std::fs::write(&path, annotated).unwrap();
            let message = Text::of_file(&path, words).unwrap_err().to_string();
            assert!(message.contains("give the plain text"), "{message}");
        }
        std::fs::write(&path, b"ok\n\xff\xff\n").unwrap();
        let message = Text::of_file(&path, words).unwrap_err().to_string();
        assert!(message.contains("text.txt:2:1") && message.contains("UTF-8"), "{message}");
    }
}
