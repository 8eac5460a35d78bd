//! Sentences of words from a user's own file: what the verbs `train`, `evaluate` and `predict` of a tagger of words read.
//!
//! Columns are taken as they stand, sentence by sentence and token by token. Documents are cut by [`tokenize`], which finds no
//! place for some mentions: how many, and where first, is said by [`Annotated::warn`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::{DataError, Result};
use crate::formats::conll::{ConllOptions, read_conll};
use crate::formats::report::{Remark, Remarked, Report};
use crate::formats::tokenize::{TokenizedSentence, tokenize};
use crate::user_files::{self, Unlabelled};
use crate::{Document, Sentence, Span};

/// Annotated sentences, and what they have not as their file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotated {
    /// The sentences.
    pub sentences: Vec<Sentence>,
    /// What was changed or left out.
    pub report: Report,
    /// Mentions of each type that are left out; one that its document has twice is none.
    pub left_out: BTreeMap<String, usize>,
    /// Of each sentence, the mentions that cover more than is annotated; none where the file has tokens.
    pub widened: Vec<Vec<Span>>,
}

/// Reads annotated sentences: `.jsonl` and `.json` are cut into sentences and words, anything else is columns.
///
/// # Errors
/// A file that cannot be read, is not what it should be, or holds no sentences.
pub fn annotated(path: &Path) -> Result<Annotated> {
    let read = if user_files::is_json(path) || path.is_dir() {
        Annotated::of(&user_files::annotated(path)?)?
    } else {
        let sentences = read_conll(path, &ConllOptions::default())?.items;
        Annotated { sentences, ..Annotated::default() }
    };
    if read.sentences.is_empty() {
        return Err(DataError::file(path, "holds no sentences"));
    }
    Ok(read)
}

impl Annotated {
    /// Cuts documents into sentences of words.
    ///
    /// # Errors
    /// As [`tokenize`].
    pub fn of(documents: &[Document]) -> Result<Self> {
        let cut = tokenize(documents)?;
        let mut left_out: BTreeMap<String, usize> = BTreeMap::new();
        for document in documents {
            let distinct: BTreeSet<_> =
                document.entities.iter().map(|e| (e.start, e.end, &e.label)).collect();
            for (_, _, label) in distinct {
                *left_out.entry(label.clone()).or_default() += 1;
            }
        }
        for span in cut.items.iter().flat_map(|cut| &cut.sentence.spans) {
            if let Some(count) = left_out.get_mut(&span.label) {
                *count -= 1;
            }
        }
        left_out.retain(|_, count| *count > 0);
        let widened = cut.items.iter().map(|cut| {
            let entities = &documents[cut.document].entities;
            let as_annotated = |span: &Span| {
                let place = cut.to_characters(span);
                place.is_some_and(|p| {
                    entities.iter().any(|e| (e.start, e.end, &e.label) == (p.start, p.end, &p.label))
                })
            };
            cut.sentence.spans.iter().filter(|span| !as_annotated(span)).cloned().collect()
        });
        let widened = widened.collect();
        let sentences = cut.items.into_iter().map(|cut| cut.sentence).collect();
        Ok(Self { sentences, report: cut.report, left_out, widened })
    }

    /// For scoring: a mention that was widened to whole tokens is another one than was annotated, so it is left out as well, and a
    /// prediction of it is wrong.
    #[must_use]
    pub fn as_annotated(mut self) -> Self {
        for (sentence, widened) in self.sentences.iter_mut().zip(std::mem::take(&mut self.widened)) {
            for span in &widened {
                *self.left_out.entry(span.label.clone()).or_default() += 1;
            }
            sentence.spans.retain(|span| !widened.contains(span));
        }
        self
    }

    /// Warns of each kind of thing that was changed or left out: how often, and where first. `of_left_out` says what becomes of
    /// mentions that are left out, for example `they count as missed`, and `of_widened` of those that cover whole tokens now.
    pub fn warn(&self, path: &Path, of_left_out: &str, of_widened: &str) {
        for line in self.remarks(of_left_out, of_widened) {
            tracing::warn!("{}: {line}", path.display());
        }
    }

    fn remarks(&self, of_left_out: &str, of_widened: &str) -> Vec<String> {
        let line = |(remark, Remarked { count, first }): (&Remark, &Remarked)| {
            let after = match remark {
                Remark::OverlapLeftOut | Remark::BlankMention => format!("; {of_left_out}"),
                Remark::Widened => format!("; {of_widened}"),
                _ => String::new(),
            };
            format!("{count} {} (first: {first}){after}", remark.text())
        };
        self.report.remarks.iter().map(line).collect()
    }
}

/// Text to label as sentences of words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The texts, without entities.
    pub documents: Vec<Document>,
    /// Their sentences, in order, with the place of each word in its document.
    pub sentences: Vec<TokenizedSentence>,
}

/// Reads text to label. Columns with a tag in every line keep their sentences and tokens; all else that [`user_files::text`] reads
/// is cut into sentences and words. Annotations are ignored.
///
/// # Errors
/// As [`user_files::text`].
pub fn text(path: Option<&Path>) -> Result<Words> {
    match user_files::unlabelled(path)? {
        Unlabelled::Documents(documents) => Words::of(documents),
        Unlabelled::Columns(sentences) => Ok(Words::as_they_stand(&sentences)),
    }
}

impl Words {
    /// Cuts documents into sentences and words. Their entities are ignored, so that they do not change where sentences end.
    ///
    /// # Errors
    /// As [`tokenize`].
    pub fn of(mut documents: Vec<Document>) -> Result<Self> {
        for document in &mut documents {
            document.entities.clear();
        }
        let sentences = tokenize(&documents)?.items;
        Ok(Self { documents, sentences })
    }

    /// Sentences that are cut already, each as a document.
    fn as_they_stand(sentences: &[Sentence]) -> Self {
        let mut words = Self::default();
        for sentence in sentences {
            let plain =
                Sentence { id: sentence.id.clone(), tokens: sentence.tokens.clone(), ..Sentence::default() };
            let (document, offsets) = user_files::joined(&plain);
            let index = words.documents.len();
            words.sentences.push(TokenizedSentence { document: index, offsets, sentence: plain });
            words.documents.push(document);
        }
        words
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Span;
    use crate::predictions::{Found, Shape, write_words};

    fn file(name: &str, content: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        (folder, path)
    }

    /// An entity over tokens of a sentence, as a tagger says it.
    fn found(words: &Words, sentence: usize, start: usize, end: usize) -> Found {
        let cut = &words.sentences[sentence];
        let place = cut.to_characters(&Span::new(start, end, "Disease")).unwrap();
        let text = words.documents[cut.document].text.chars();
        let text = text.skip(place.start).take(place.end - place.start).collect();
        Found {
            start: place.start,
            end: place.end,
            label: place.label,
            text,
            confidence: 1.0,
            concepts: vec![],
            concept_confidence: None,
        }
    }

    #[test]
    fn mentions_without_a_place_are_counted_by_type_and_said() {
        let json = r#"{"id": "7", "text": "No severe fever today. Then", "entities": [
            {"start": 3, "end": 15, "label": "Disease"}, {"start": 10, "end": 15, "label": "Disease"},
            {"start": 10, "end": 15, "label": "Sign"}, {"start": 2, "end": 3, "label": "Sign"},
            {"start": 17, "end": 21, "label": "Time"}, {"start": 20, "end": 27, "label": "Time"}]}"#;
        let (_folder, path) = file("a.jsonl", &json.replace('\n', ""));
        let read = annotated(&path).unwrap();
        // `oday` is widened to `today` and gives way to `ay. Then`, over which no sentence ends.
        assert_eq!(
            read.left_out,
            [("Disease", 1), ("Sign", 2), ("Time", 1)].map(|(k, n)| (k.into(), n)).into()
        );
        let lines = read.remarks("they count as missed", "they are learned so");
        assert_eq!(
            lines,
            [
                "3 mentions that overlap a longer one, left out (first: 7: 10..15 (Disease)); they count as missed",
                "2 mentions widened to whole tokens (first: 7: 17..21 (Time)); they are learned so",
                "1 mentions of white space only, left out (first: 7: 2..3 (Sign)); they count as missed",
                "1 sentence boundaries not made because a mention runs over them (first: 7: character 22)",
            ]
        );
        assert_eq!(read.sentences.len(), 1);
        let kept = read.sentences[0].spans.clone();
        // For scoring, what was widened is not what was annotated.
        let scored = read.as_annotated();
        assert_eq!((kept.len(), scored.sentences[0].spans.as_slice()), (2, &kept[..1]));
        assert_eq!(scored.left_out["Time"], 2);
        let twice = r#"{"text": "No fever", "entities": [{"start": 3, "end": 8, "label": "A"}, {"start": 3, "end": 8, "label": "A"}]}"#;
        let (_folder, path) = file("a.jsonl", twice);
        let read = annotated(&path).unwrap();
        assert_eq!((read.left_out.len(), read.report.count(Remark::OverlapLeftOut)), (0, 1));
        let (_folder, path) = file("a.tsv", "No\tO\nfever\tB-Disease\n");
        let read = annotated(&path).unwrap();
        assert_eq!((read.left_out.len(), read.remarks("", "").len(), read.sentences.len()), (0, 0, 1));
    }

    #[test]
    fn columns_keep_their_sentences_and_tokens() {
        // Tokens and a sentence that cutting would part, tokens of another language, a document's mark, tags that are ignored.
        let columns = "-DOCSTART-\tO\n\nNF-kappa\tI-Gene\nB.\tO\nThen\tO\n\nin\tO\nE.coli\tO\n\n胃\tO\nCT\tO\nscan\tO\n";
        let (folder, path) = file("dev.tsv", columns);
        let words = text(Some(&path)).unwrap();
        let tokens: Vec<&[String]> = words.sentences.iter().map(|s| s.sentence.tokens.as_slice()).collect();
        assert_eq!(tokens, [&["NF-kappa", "B.", "Then"][..], &["in", "E.coli"], &["胃", "CT", "scan"]]);
        assert!(words.sentences.iter().all(|s| s.sentence.spans.is_empty()));
        assert_eq!(words.documents[0].text, "NF-kappa B. Then");
        let entities = vec![vec![found(&words, 0, 0, 2)], vec![], vec![found(&words, 2, 1, 3)]];
        assert_eq!((entities[0][0].text.as_str(), entities[2][0].text.as_str()), ("NF-kappa B.", "CT scan"));
        let out = folder.path().join("out.tsv");
        write_words(Shape::Conll, &words, &entities, Some(&out)).unwrap();
        let expected = "NF-kappa\tB-Disease\nB.\tI-Disease\nThen\tO\n\nin\tO\nE.coli\tO\n\n胃\tO\nCT\tB-Disease\nscan\tI-Disease\n\n";
        assert_eq!(std::fs::read_to_string(&out).unwrap(), expected);
        assert_eq!(text(Some(&out)).unwrap().sentences[2].sentence.tokens, ["胃", "CT", "scan"]);
    }

    #[test]
    fn text_is_written_as_the_words_it_was_cut_into() {
        let (folder, path) = file("notes.txt", "No fever today. But a cough.\n\nNone\n");
        let words = text(Some(&path)).unwrap();
        assert_eq!((words.documents.len(), words.sentences.len()), (3, 3));
        let entities = vec![vec![found(&words, 0, 1, 2), found(&words, 1, 2, 3)], vec![], vec![]];
        let out = folder.path().join("out.tsv");
        write_words(Shape::Conll, &words, &entities, Some(&out)).unwrap();
        let expected =
            "No\tO\nfever\tB-Disease\ntoday\tO\n.\tO\n\nBut\tO\na\tO\ncough\tB-Disease\n.\tO\n\nNone\tO\n\n";
        assert_eq!(std::fs::read_to_string(&out).unwrap(), expected);
        // Every other shape is as ever.
        write_words(Shape::Text, &words, &entities, Some(&out)).unwrap();
        let marked = "No [fever](Disease) today. But a [cough](Disease).\n\nNone\n";
        assert_eq!(std::fs::read_to_string(&out).unwrap(), marked);
        // Half a word is no word.
        let mut half = entities;
        half[0][0].end -= 1;
        let message = write_words(Shape::Conll, &words, &half, Some(&out)).unwrap_err().to_string();
        assert!(message.contains("2 expected, 1 found"), "{message}");
    }
}
