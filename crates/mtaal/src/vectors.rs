//! Word vectors: trained here with CBOW (Mikolov et al. 2013) on the text of both corpora, that of their test sentences included;
//! the GloVe subset of the catalogue; or a file of the user's own.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use medner_data::formats::tokenize;
use medner_data::store::Store;
use medner_data::vectors::VectorFormat;
use medner_data::{Document, Vocabulary, WordVectors, cbow, load};
use medner_experiment::{Cell, Outcome, RunContext};

use crate::config::{Config, WordVectorConfig, WordVectorSource};

/// The file that the job `vectors` leaves for the runs that need it.
pub const VECTORS_FILE: &str = "vectors.bin";

/// The data set of the catalogue with the GloVe subset.
pub const GLOVE_SUBSET: &str = "glove-subset";

/// The documents whose text the vectors are trained on: abstracts of both corpora, all splits, so that the test sentences are
/// among it. No label is read.
const TEXTS: [&str; 2] = ["pubtator-ncbi", "pubtator-cdr"];

/// The file of a source that has one: of the user's own, or of the catalogue.
pub fn file(config: &WordVectorConfig) -> Result<Option<std::path::PathBuf>> {
    let named = |key: &str, file: &Option<String>| {
        let path = file.as_ref().with_context(|| {
            format!("`word_vectors.{key}`: names no file; set it to the {key} file, or choose another `word_vectors.source`")
        })?;
        Ok(Some(path.into()))
    };
    match config.source {
        WordVectorSource::Random | WordVectorSource::Trained => Ok(None),
        WordVectorSource::Glove => named("glove", &config.glove),
        WordVectorSource::Word2vec => named("word2vec", &config.word2vec),
        WordVectorSource::GloveSubset => {
            let located = Store::discover()?.ensure(GLOVE_SUBSET)?;
            let fact = located.files.values().next().context("the data set has one file")?;
            Ok(Some(fact.path.clone()))
        }
    }
}

/// Reads the vectors of the vocabulary's words (as written, or lower-cased) from a file in any of the three formats.
pub fn read(path: &Path, vocabulary: &Vocabulary) -> Result<WordVectors> {
    let wrong = || format!("word vectors of {}", path.display());
    let format = VectorFormat::of_file(path).with_context(wrong)?;
    let wanted = |word: &str| vocabulary.known(word).is_some();
    WordVectors::read_selected(path, format, wanted).with_context(wrong)
}

/// Words of the texts, lower-cased, a line for each sentence.
fn lines(documents: &[Document]) -> Result<Vec<Vec<String>>> {
    let plain: Vec<Document> =
        documents.iter().map(|d| Document { entities: Vec::new(), ..d.clone() }).collect();
    let sentences = tokenize::tokenize(&plain)?.items;
    Ok(sentences.into_iter().map(|s| s.sentence.tokens.iter().map(|t| t.to_lowercase()).collect()).collect())
}

/// Trains vectors and leaves them in the cell's folder.
pub fn train(cell: &Cell, config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let sample = cell.data.starts_with("sample-");
    let mut text = Vec::new();
    for name in TEXTS {
        let corpus = load::documents(&if sample { format!("sample-{name}") } else { name.to_owned() })?;
        for part in [&corpus.train, &corpus.dev, &corpus.test] {
            text.extend(lines(part)?);
        }
    }
    let mut settings = config.word_vectors.cbow.clone();
    settings.dim = config.model.words as usize;
    settings.seed = cell.seed;
    settings.threads = ctx.threads;
    let began = Instant::now();
    let trained =
        cbow::train(&text, &settings, &mut |p| ctx.progress.set(p.words, p.total_words, "word vectors"))?;
    std::fs::create_dir_all(&ctx.work_dir)?;
    trained.vectors.write(&ctx.work_dir.join(VECTORS_FILE), VectorFormat::Word2vecBinary)?;
    let mut outcome = Outcome::default();
    outcome.score("vectors", "tokens", text.iter().map(Vec::len).sum::<usize>() as f64);
    outcome.score("vectors", "words", trained.vectors.len() as f64);
    outcome.seconds.insert("train".into(), began.elapsed().as_secs_f64());
    outcome.notes.insert("texts".into(), format!("abstracts of {}", TEXTS.join(", ")));
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use medner_data::vocabulary::Normalisation;

    #[test]
    fn only_words_of_the_vocabulary_are_read_from_all_three_formats() {
        let folder = tempfile::tempdir().unwrap();
        let mut vectors = WordVectors::empty(3);
        vectors.push("fever", &[1.0, -2.5, 3.0]).unwrap();
        vectors.push("cough", &[0.25, 10.0, 1e-9]).unwrap();
        let vocabulary = Vocabulary::count(
            ["Fever", "rash"],
            1,
            Normalisation { lowercase: true, ..Normalisation::default() },
        );
        for format in [VectorFormat::Glove, VectorFormat::Word2vecText, VectorFormat::Word2vecBinary] {
            let path = folder.path().join("vectors");
            vectors.write(&path, format).unwrap();
            let read = read(&path, &vocabulary).unwrap();
            assert_eq!(read.words(), ["fever"]);
            assert_eq!(read.get("fever").unwrap(), [1.0, -2.5, 3.0]);
        }
    }
}
