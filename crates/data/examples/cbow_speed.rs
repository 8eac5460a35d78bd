//! Trains character vectors on a text with one sentence a line, and says how fast.
//!
//! `cargo run --release -p medner-data --example cbow_speed -- TEXT [--threads N] [--shards N] [--dim N]
//! [--epochs N] [--seed N] [--out VECTORS]` prints one line of JSON. `bench/peers/cbow_gensim.py` runs it beside gensim.

use std::path::PathBuf;

use medner_data::cbow::{CbowConfig, CbowCorpus, train_corpus};
use medner_data::vectors::VectorFormat;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut config = CbowConfig::default();
    let (mut text, mut out) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--threads" => config.threads = value()?.parse()?,
            "--shards" => config.shards = value()?.parse()?,
            "--dim" => config.dim = value()?.parse()?,
            "--epochs" => config.epochs = value()?.parse()?,
            "--seed" => config.seed = value()?.parse()?,
            "--out" => out = Some(PathBuf::from(value()?)),
            path if text.is_none() && !path.starts_with('-') => text = Some(PathBuf::from(path)),
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let text = std::fs::read_to_string(text.ok_or("which text?")?)?;
    let sentences: Vec<Vec<String>> =
        text.lines().map(|line| line.chars().map(String::from).collect()).collect();
    let corpus = CbowCorpus::new(sentences.iter().map(Vec::as_slice), config.min_count, config.normalisation);
    let trained = train_corpus(&corpus, &config, &mut |_| {})?;
    if let Some(path) = out {
        trained.vectors.write(&path, VectorFormat::Word2vecText)?;
    }
    // As gensim counts: all words of the text, the rare and the subsampled ones too.
    let words = corpus.words() * u64::from(config.epochs);
    let report = serde_json::json!({
        "words_per_second": words as f64 / trained.seconds,
        "seconds": trained.seconds,
        "words": words,
        "types": trained.vectors.len(),
        "losses": trained.losses,
    });
    println!("{report}");
    Ok(())
}
