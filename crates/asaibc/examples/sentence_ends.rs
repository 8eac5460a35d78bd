//! How MSRA's two files are cut, and what that does to a run: README's numbers on sentences that end as training sentences do.
//!
//! `cargo run --release -p medner-asaibc --example sentence_ends -- results/cpu/asaibc/runs/<hash>.json`, the record of a
//! tagger on MSRA.
#![allow(clippy::print_stdout, reason = "the result is a few lines on standard output")]

use std::path::Path;

use anyhow::{Context, Result, ensure};
use medner_data::{Sentence, load};
use medner_experiment::RunRecord;
use medner_metrics::Counts;

const ENDS: [&str; 3] = ["。", "！", "？"];
/// Longer sentences are cut before they are read; the two longest are committees' lists.
const WHOLE: usize = 250;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).context("name the record of a run on MSRA")?;
    let corpus = load::sentences("msra")?;
    let record = RunRecord::load(Path::new(&path))?;
    let units = &record.outcome.units.get("ner").context("the record has no counts of each sentence")?.0;
    ensure!(
        record.cell.dataset == "MSRA" && units.len() == corpus.test.len(),
        "{path}: {} on {} with {} scored sentences, MSRA's test set has {}",
        record.cell.system,
        record.cell.dataset,
        units.len(),
        corpus.test.len()
    );
    let ends = |sentence: &Sentence| sentence.tokens.last().is_some_and(|last| ENDS.contains(&last.as_str()));
    let marks =
        |sentence: &Sentence| sentence.tokens.iter().filter(|token| ENDS.contains(&token.as_str())).count();
    let (fit, test) = (&corpus.train, &corpus.test);
    println!(
        "training sentences: {}, of which {} end in {} and {} have one such mark",
        fit.len(),
        fit.iter().filter(|s| ends(s)).count(),
        ENDS.concat(),
        fit.iter().filter(|s| marks(s) == 1).count()
    );
    let other = test.iter().filter(|s| !ends(s)).count();
    println!("test sentences: {}, of which {other} end otherwise", test.len());
    let (train, held_out) = fit.split_at(fit.len() - fit.len() / 10);
    for (name, part) in [("nine tenths of training", train), ("the last tenth", held_out), ("test", test)] {
        let count = |size: fn(&Sentence) -> usize| part.iter().map(size).sum::<usize>() as f64;
        let density = count(|s| s.spans.len()) / count(|s| s.tokens.len());
        println!("entities a character, {name}: {density:.4}");
    }
    let f1 = |name: &str, wanted: &dyn Fn(&Sentence) -> bool| {
        let chosen: Vec<&Counts> =
            test.iter().zip(units).filter(|(s, _)| wanted(s)).map(|(_, counts)| counts).collect();
        let sum: Counts = chosen.iter().copied().sum();
        println!("F1 {name}: {:.2} ({} sentences, {} entities)", 100.0 * sum.f1(), chosen.len(), sum.gold);
    };
    let whole = |sentence: &Sentence| sentence.tokens.len() < WHOLE;
    f1("all", &|_| true);
    f1("ends as in training", &|s| whole(s) && ends(s));
    f1("ends otherwise", &|s| whole(s) && !ends(s));
    Ok(())
}
