//! The vocabulary of what occurs in text, and text as pieces.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use medner_core::pretrained::VOCABULARY;
use medner_data::plain_text::Text;
use medner_data::store::Store;

use super::config::VocabularyConfig;
use crate::albert::AlbertTokenizer;
use crate::albert::tokenizer::SPECIAL;

/// The data set of the catalogue that holds the Chinese BERTs' vocabulary.
pub const CHINESE: &str = "albert-zh";

/// Entries of a vocabulary, in the order of their ids.
pub type Entries = Vec<String>;

/// Makes the vocabulary that the configuration asks for, from the whole text.
///
/// # Errors
/// A vocabulary that cannot be had or read.
pub fn vocabulary(config: &VocabularyConfig, texts: &[Text]) -> Result<Entries> {
    let whole = match config.source.as_str() {
        "characters" => return Ok(characters(config, texts)),
        CHINESE => {
            let located = Store::discover()?.ensure(CHINESE)?;
            let file = located.files.iter().find(|(name, _)| name.ends_with(VOCABULARY));
            let (_, fact) =
                file.with_context(|| format!("{CHINESE}: has no {VOCABULARY} in the manifest"))?;
            read(&fact.path)?
        }
        path => read(Path::new(path))?,
    };
    if !config.trim {
        return Ok(whole);
    }
    let tokenizer = AlbertTokenizer::new(&whole, config.mode, config.lower_case)?;
    let mut counts = vec![0_u64; whole.len()];
    for sentence in sentences(texts) {
        for id in tokenizer.encode(sentence)?.ids {
            counts[id as usize] += 1;
        }
    }
    let keep = |(entry, count): &(String, u64)| {
        SPECIAL.contains(&entry.as_str()) || *count >= config.min_count.max(1)
    };
    Ok(whole.into_iter().zip(counts).filter(keep).map(|(entry, _)| entry).collect())
}

/// The special entries, then the characters of the text, the most frequent first.
fn characters(config: &VocabularyConfig, texts: &[Text]) -> Entries {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for character in sentences(texts).flat_map(str::chars).filter(|c| !c.is_whitespace()) {
        let entry: String =
            if config.lower_case { character.to_lowercase().collect() } else { character.into() };
        *counts.entry(entry).or_default() += 1;
    }
    let mut found: Vec<(String, u64)> =
        counts.into_iter().filter(|(_, count)| *count >= config.min_count.max(1)).collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    SPECIAL.map(String::from).into_iter().chain(found.into_iter().map(|(entry, _)| entry)).collect()
}

fn sentences(texts: &[Text]) -> impl Iterator<Item = &str> {
    texts.iter().flat_map(|text| text.documents.iter().flatten()).map(String::as_str)
}

/// Reads a `vocab.txt`.
fn read(path: &Path) -> Result<Entries> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "{}: cannot be read; `vocabulary.source` is `{CHINESE}`, `characters` or the path of a vocab.txt",
            path.display()
        )
    })?;
    let entries: Entries =
        text.split_terminator('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned()).collect();
    let mut seen = BTreeSet::new();
    if let Some(twice) = entries.iter().find(|entry| !seen.insert(entry.as_str())) {
        bail!("{}: `{twice}` stands there twice", path.display());
    }
    Ok(entries)
}

/// Pieces of sentences.
///
/// # Errors
/// What the tokenizer refuses.
pub fn encode(tokenizer: &AlbertTokenizer, sentences: &[String]) -> Result<Vec<Vec<u32>>> {
    sentences.iter().map(|sentence| Ok(tokenizer.encode(sentence)?.ids)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::albert::TokenizerMode;

    fn text() -> Text {
        let documents = [vec!["高血压。", "Ｂ超 B超。"], vec!["压"]];
        Text {
            name: "t".into(),
            documents: documents.iter().map(|d| d.iter().map(ToString::to_string).collect()).collect(),
        }
    }

    #[test]
    fn what_does_not_occur_is_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocab.txt");
        let entries = [SPECIAL.as_slice(), &["[unused1]", "高", "低", "血", "压", "超", "。", "b"]].concat();
        std::fs::write(&path, entries.join("\n")).unwrap();
        let mut config = VocabularyConfig {
            source: path.display().to_string(),
            min_count: 1,
            mode: TokenizerMode::Character,
            ..VocabularyConfig::default()
        };
        let kept = vocabulary(&config, &[text()]).unwrap();
        assert_eq!(kept[5..], ["高", "血", "压", "超", "。", "b"]);
        assert_eq!(kept[..5], SPECIAL);
        config.min_count = 2;
        assert_eq!(vocabulary(&config, &[text()]).unwrap()[5..], ["压", "超", "。"]);
        config.trim = false;
        assert_eq!(vocabulary(&config, &[text()]).unwrap().len(), entries.len());
        config.source = "nowhere/vocab.txt".into();
        let message = vocabulary(&config, &[text()]).unwrap_err().to_string();
        assert!(message.contains("nowhere/vocab.txt") && message.contains("characters"), "{message}");
    }

    #[test]
    fn the_characters_of_the_text_are_a_vocabulary_too() {
        let config =
            VocabularyConfig { source: "characters".into(), min_count: 2, ..VocabularyConfig::default() };
        assert_eq!(vocabulary(&config, &[text()]).unwrap()[5..], ["。", "压", "超"]);
    }
}
