//! The character vectors that taggers start from: CBOW on unlabelled text ("Word2vec is used ... CBOW", section "Embedding layer").

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use medner_data::vectors::{VectorFormat, WordVectors};
use medner_data::{cbow, load};
use medner_experiment::{Cell, Outcome, RunContext};

use crate::config::Config;

/// The file that the job `vectors` leaves for taggers.
pub const VECTORS_FILE: &str = "vectors.bin";

/// The vectors of single characters in a file of one's own, whatever words it has besides.
pub fn read(path: &Path) -> Result<WordVectors> {
    let wrong = || format!("`vectors.file`: {}", path.display());
    let format = VectorFormat::of_file(path).with_context(wrong)?;
    let character = |word: &str| word.chars().count() == 1;
    let vectors = WordVectors::read_selected(path, format, character).with_context(wrong)?;
    ensure!(
        !vectors.is_empty(),
        "`vectors.file`: {} has no vector of a single character; name vectors of characters, or leave the key out",
        path.display()
    );
    Ok(vectors)
}

/// Trains the vectors and leaves them in the cell's folder. Only training splits are read.
pub fn run(cell: &Cell, config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let others = config.vectors.texts.iter().map(String::as_str).filter(|text| *text != cell.data);
    let texts: Vec<&str> = std::iter::once(cell.data.as_str()).chain(others).collect();
    for text in &texts {
        let mut sentences = load::sentences(text)?.train;
        if config.limits.texts > 0 {
            sentences.truncate(config.limits.texts);
        }
        lines.extend(sentences.into_iter().map(|s| s.tokens));
    }
    // White space cannot be written in word2vec's format, and says little.
    for line in &mut lines {
        line.retain(|c| !c.chars().all(char::is_whitespace));
    }
    lines.retain(|line| !line.is_empty());
    let characters: usize = lines.iter().map(Vec::len).sum();
    // The width is the embedding's, the seed the cell's, the threads this machine's (on which the result does not depend).
    let mut cbow = config.vectors.cbow.clone();
    (cbow.dim, cbow.seed, cbow.threads) = (config.model.embedding as usize, cell.seed, ctx.threads);
    cbow.normalisation = config.normalisation();
    let began = Instant::now();
    let vectors =
        cbow::train(&lines, &cbow, &mut |p| ctx.progress.set(p.words, p.total_words, "character vectors"))?
            .vectors;
    let seconds = began.elapsed().as_secs_f64();
    std::fs::create_dir_all(&ctx.work_dir)?;
    vectors.write(&ctx.work_dir.join(VECTORS_FILE), VectorFormat::Word2vecBinary)?;
    let mut outcome = Outcome::default();
    outcome.score("vectors", "characters", characters as f64);
    outcome.score("vectors", "words", vectors.len() as f64);
    outcome.seconds.insert("train".into(), seconds);
    outcome.notes.insert("texts".into(), format!("training splits of {}", texts.join(", ")));
    Ok(outcome)
}
