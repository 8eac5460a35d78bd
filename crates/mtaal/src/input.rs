//! Sentences from a user's own files: PubTator, JSON lines, columns, text.

use std::path::Path;

use anyhow::{Context, Result, bail};
use medner_data::formats::mtaal;
use medner_data::formats::pubtator::{PubTatorOptions, read_pubtator};
use medner_data::formats::tokenize::{TokenizedSentence, tokenize};
use medner_data::{Document, Sentence, user_files};

use crate::config::Tasks;
use crate::corpus::{MISSING, OUTSIDE};

/// Annotated sentences: PubTator and JSON lines are cut into sentences and words; three columns `token TAB tag TAB concept` are
/// taken as they stand, and so are two (`token TAB tag`).
pub fn annotated(path: &Path, tasks: Tasks) -> Result<Vec<Sentence>> {
    let mut sentences = match columns(path)? {
        Some(3) => mtaal::read(path)?.items,
        _ => cut(&documents(path)?)?.into_iter().map(|s| s.sentence).collect(),
    };
    if sentences.is_empty() {
        bail!("{}: holds no sentences", path.display());
    }
    let mentions = sentences.iter().any(|s| !s.spans.is_empty());
    if !mentions {
        bail!("{}: holds no mentions, so there is nothing to learn or to score", path.display());
    }
    let concepts = sentences.iter().flat_map(|s| &s.concepts).any(|c| c != OUTSIDE && c != MISSING);
    if tasks.nen() && !concepts {
        bail!(
            "{}: holds no concepts, so normalisation cannot be learned; give them (PubTator's sixth column, the third of \
             `token TAB tag TAB concept`), or train recognition alone: `--set tasks=ner`",
            path.display()
        );
    }
    for sentence in &mut sentences {
        if sentence.concepts.is_empty() {
            let mut concepts = vec![OUTSIDE.to_owned(); sentence.tokens.len()];
            for span in &sentence.spans {
                concepts[span.start..span.end].fill(MISSING.to_owned());
            }
            sentence.concepts = concepts;
        }
    }
    Ok(sentences)
}

/// Documents to label: PubTator or JSON lines (their mentions are ignored); anything else, and standard input, as one document
/// a line.
pub fn text(path: Option<&Path>) -> Result<Vec<Document>> {
    let documents = match path {
        Some(path) if is_pubtator(path)? => read_pubtator(path, PubTatorOptions { tolerant: true })?.items,
        path => user_files::text(path)?,
    };
    Ok(documents.into_iter().map(|d| Document { entities: Vec::new(), ..d }).collect())
}

/// Documents as sentences of words with their places.
pub fn cut(documents: &[Document]) -> Result<Vec<TokenizedSentence>> {
    Ok(tokenize(documents)?.items)
}

fn documents(path: &Path) -> Result<Vec<Document>> {
    if is_pubtator(path)? {
        return Ok(read_pubtator(path, PubTatorOptions { tolerant: true })?.items);
    }
    Ok(user_files::annotated(path)?)
}

/// The first line that is not blank.
fn first_line(path: &Path) -> Result<Option<String>> {
    if path.is_dir() {
        return Ok(None);
    }
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.lines().find(|line| !line.trim().is_empty()).map(str::to_owned))
}

/// PubTator begins with a title, `<id>|t|<title>`.
fn is_pubtator(path: &Path) -> Result<bool> {
    let line = first_line(path)?;
    Ok(line.is_some_and(|line| {
        let mut parts = line.splitn(3, '|');
        parts.next().is_some_and(|id| !id.contains(['\t', '{'])) && parts.next() == Some("t")
    }))
}

/// Columns of a file of tab-separated columns.
fn columns(path: &Path) -> Result<Option<usize>> {
    if path.extension().is_some_and(|e| e == "jsonl" || e == "json") || is_pubtator(path)? {
        return Ok(None);
    }
    Ok(first_line(path)?.map(|line| line.split('\t').count()).filter(|&n| n > 1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(content: &str, name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        (folder, path)
    }

    #[test]
    fn pubtator_columns_and_json_give_the_same_sentence() {
        let pubtator = "7|t|No fever today.\n7|a|\n7\t3\t8\tfever\tDisease\tD005334\n";
        let columns = "No\tO\tO\nfever\tB-Disease\tD005334\ntoday\tO\tO\n.\tO\tO\n";
        let json = "{\"id\": \"7\", \"text\": \"No fever today.\", \"entities\": [{\"start\": 3, \"end\": 8, \"label\": \"Disease\", \"concepts\": [\"D005334\"]}]}\n";
        for (content, name) in [(pubtator, "a.txt"), (columns, "a.tsv"), (json, "a.jsonl")] {
            let (_folder, path) = file(content, name);
            let sentences = annotated(&path, Tasks::Both).unwrap();
            assert_eq!(sentences.len(), 1, "{name}");
            assert_eq!(sentences[0].tokens, ["No", "fever", "today", "."]);
            assert_eq!(sentences[0].concepts, ["O", "D005334", "O", "O"]);
            assert_eq!(sentences[0].spans[0].label, "Disease");
        }
    }

    #[test]
    fn without_concepts_only_recognition_is_learned() {
        let (_folder, path) = file("No\tO\nfever\tB-Disease\n", "a.tsv");
        let message = annotated(&path, Tasks::Both).unwrap_err().to_string();
        assert!(message.contains("tasks=ner"), "{message}");
        let sentences = annotated(&path, Tasks::Ner).unwrap();
        assert_eq!(sentences[0].concepts, ["O", "-1"]);
        let (_folder, path) = file("No\tO\tO\n", "a.tsv");
        assert!(annotated(&path, Tasks::Ner).unwrap_err().to_string().contains("no mentions"));
    }
}
