//! Corpora as text by words, and the vocabulary of text.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use medner_data::plain_text::Text;
use medner_data::store::Store;
use serde_json::json;

use super::config::VocabularyConfig;
use crate::subtasks::{TaskCorpus, distinct_sentences};
use crate::tagging::WordPieces;
use crate::xlnet::XlnetTokenizer;
use crate::xlnet::folder::TOKENIZER;
use crate::xlnet::tokenizer::SPECIAL;

/// Sentences of a document of a corpus, which does not say where its documents end.
const SENTENCES_A_DOCUMENT: usize = 32;

/// The catalogue's vocabulary.
pub const PUBLISHED: &str = "xlnet";

/// The text's own vocabulary.
pub const OF_TEXT: &str = "text";

/// The training sentences of some corpora by words, each distinct one once.
pub fn of_corpora(corpora: &[TaskCorpus]) -> Vec<Text> {
    let mut texts: Vec<Text> = Vec::new();
    let mut sentences = 0;
    for (name, sentence) in distinct_sentences(corpora) {
        if texts.last().is_none_or(|text| text.name != name) {
            texts.push(Text::new(name, Vec::new()));
            sentences = 0;
        }
        if let Some(text) = texts.last_mut() {
            if sentences % SENTENCES_A_DOCUMENT == 0 {
                text.documents.push(Vec::new());
            }
            if let Some(document) = text.documents.last_mut() {
                document.extend(sentence.tokens.iter().cloned());
            }
        }
        sentences += 1;
    }
    texts
}

/// The path of the catalogue's `tokenizer.json`.
///
/// # Errors
/// It can neither be found nor fetched.
pub fn published_tokenizer() -> Result<std::path::PathBuf> {
    let located = Store::discover()?.ensure("xlnet-tokenizer")?;
    Ok(located.file(TOKENIZER)?.path.clone())
}

/// The tokenizer that the configuration asks for, trimmed to the text if it says so.
///
/// # Errors
/// A file that cannot be read or is of another model.
pub fn tokenizer(config: &VocabularyConfig, texts: &[Text]) -> Result<XlnetTokenizer> {
    if config.source == OF_TEXT {
        return Ok(XlnetTokenizer::new(&own_vocabulary(texts, config.min_count.max(1))?)?);
    }
    let path = match config.source.as_str() {
        PUBLISHED => published_tokenizer()?,
        path => path.into(),
    };
    let shown = path.display();
    let file = std::fs::read(&path).with_context(|| {
        format!(
            "{shown}: cannot be read; `vocabulary.source` is `{PUBLISHED}`, `{OF_TEXT}` or the path of a tokenizer.json"
        )
    })?;
    let whole = XlnetTokenizer::new(&file).with_context(|| shown.to_string())?;
    if !config.trim {
        return Ok(whole);
    }
    let pieces = WordPieces::new(&whole);
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    for words in texts.iter().flat_map(|text| &text.documents) {
        for id in pieces.words(words)?.into_iter().flatten() {
            *counts.entry(id).or_default() += 1;
        }
    }
    let used: BTreeSet<u32> =
        counts.into_iter().filter(|(_, count)| *count >= config.min_count).map(|(id, _)| id).collect();
    Ok(XlnetTokenizer::new(&whole.trimmed(&used)?.0)?)
}

/// A `tokenizer.json` of the text's words (those that occur `min_count` times) and characters, each with the logarithm of its
/// share as its score; a character scores as if it had been seen once.
fn own_vocabulary(texts: &[Text], min_count: u64) -> Result<Vec<u8>> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for word in texts.iter().flat_map(|text| text.documents.iter().flatten()) {
        *counts.entry(word).or_default() += 1;
    }
    let total: u64 = counts.values().sum();
    let score = |count: u64| (count as f64 / total.max(1) as f64).ln();
    let characters: BTreeSet<char> = counts.keys().flat_map(|word| word.chars()).chain(['▁']).collect();
    let mut vocabulary: Vec<(String, f64)> = SPECIAL.iter().map(|entry| ((*entry).to_owned(), 0.0)).collect();
    vocabulary.extend(characters.iter().map(|c| (c.to_string(), score(1))));
    let mut words: Vec<(&str, u64)> = counts.into_iter().filter(|(_, count)| *count >= min_count).collect();
    words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    vocabulary.extend(words.into_iter().map(|(word, count)| (format!("▁{word}"), score(count))));
    let added: Vec<serde_json::Value> = SPECIAL
        .iter()
        .enumerate()
        .map(|(id, content)| {
            json!({"id": id, "content": content, "special": true, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false})
        })
        .collect();
    let metaspace =
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true});
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace.clone()]},
        "post_processor": null, "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": 0, "vocab": vocabulary, "byte_fallback": false},
    });
    Ok(serde_json::to_vec(&file)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Limits;
    use crate::subtasks;

    fn text() -> Text {
        let words = |text: &str| text.split(' ').map(String::from).collect();
        Text { name: "t".into(), documents: vec![words("the IL-2 gene , the gene"), words("a <sep> gene")] }
    }

    #[test]
    fn a_vocabulary_of_the_text_cuts_words_and_characters() {
        let config = VocabularyConfig { source: "text".into(), trim: true, min_count: 2 };
        let tokenizer = tokenizer(&config, &[text()]).unwrap();
        let special = tokenizer.special();
        assert_eq!((special.classify, special.separator, special.padding), (3, 4, 5));
        assert_eq!(tokenizer.word("gene").unwrap().len(), 1);
        // ▁ I L - 2
        assert_eq!(tokenizer.word("IL-2").unwrap().len(), 5);
        assert!(!tokenizer.word("<sep>").unwrap().contains(&special.separator));
        assert!(tokenizer.word("é").unwrap().contains(&special.unknown));
    }

    #[test]
    fn corpora_are_documents_of_distinct_sentences() {
        let limits = Limits { train: 40, dev: 1, test: 1 };
        let corpora = subtasks::corpora("sample-disease", limits).unwrap();
        let texts = of_corpora(&corpora);
        assert_eq!(texts[0].name, "BC5CDR-disease");
        assert!(texts[0].documents.len() <= 2);
        let twice: Vec<TaskCorpus> = ["sample-disease", "sample-disease"]
            .into_iter()
            .flat_map(|data| subtasks::corpora(data, limits).unwrap())
            .collect();
        assert_eq!(of_corpora(&twice), texts);
    }
}
