//! Training rate of BiLSTM+CRF and ASAIBC on MSRA: sentences and characters a second, medians of rounds, as one JSON line.
//!
//! The same networks and batches as `bench/peers/asaibc.py`: characters of 100 dimensions and positions of 20, 100 per direction,
//! dropout 0.5, batches of 20 sentences of like length, Adam, gradient norm 5. ASAIBC makes two updates a step, one on a batch of
//! MSRA and one on a batch of People's Daily 1998, each of whose sentences weighs 1. Sentences are those of MSRA; characters are all
//! that were trained on, since the script's batches are not these ones and may be shorter or longer.
//! Arguments: `bilstm-crf|asaibc [STEPS [ROUNDS [THREADS]]]`

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use anyhow::{Context, Result};
use medner_asaibc::config::Config;
use medner_asaibc::prepare::{Prepared, build};
use medner_asaibc::segmentation::{Source, word_labels};
use medner_asaibc::training::TaggerTask;
use medner_asaibc::transfer::TransferReport;
use medner_core::device;
use medner_core::records::{Cut, Records};
use medner_core::trainer::{At, Task};
use medner_data::vocabulary::{Normalisation, Vocabulary};
use medner_data::{Document, TagScheme, load, user_files};
use medner_metrics::LabelSet;
use tch::Device;

/// Longest sentence of either task.
const LONGEST: usize = 200;

fn documents(data: &str) -> Result<Vec<Document>> {
    Ok(load::sentences(data)?.train.iter().map(user_files::document).collect())
}

/// Characters of every sentence of both tasks, by its identifier. Only looked up.
fn lengths_by_id(prepared: &Prepared) -> HashMap<String, usize> {
    let source = prepared.source.iter().flat_map(|source| &source.train.pieces);
    let pieces = prepared.train.pieces.iter().chain(source);
    pieces.map(|piece| (piece.sentence.id.clone(), piece.sentence.tokens.len())).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let system = arguments.next().unwrap_or_default();
    let mut config = Config::default();
    match system.as_str() {
        "asaibc" => {}
        "bilstm-crf" => {
            (config.model.transfer, config.model.self_attention) = (false, false);
            (config.model.indrnn.layers, config.model.fully_connected) = (0, 0);
        }
        _ => anyhow::bail!("say `bilstm-crf` or `asaibc`"),
    }
    let mut number =
        |default: usize| arguments.next().map_or(Ok(default), |a| a.parse().context("not a number"));
    let (steps, rounds, threads) = (number(40)?, number(3)?, number(2)?);
    device::set_threads(threads);

    let mut target = documents("msra")?;
    target.retain(|d| d.text.chars().count() <= LONGEST);
    let words = if config.model.transfer { documents("pd1998")? } else { Vec::new() };
    let characters = target.iter().chain(&words).flat_map(|d| d.text.chars()).map(|c| c.to_string());
    let vocabulary = Vocabulary::count(characters, 1, Normalisation::default());
    let labels = LabelSet::new(TagScheme::Bio, ["LOC", "ORG", "PER"])?;
    let train = Records::whole(&target, &vocabulary, &labels)?;
    let source = if config.model.transfer {
        let train = Records::new(&words, LONGEST, Cut::AroundEntities, &vocabulary, &word_labels())?;
        let weights = vec![1.0; train.pieces.len()];
        Some(Source { train, weights, development: None, report: TransferReport::default() })
    } else {
        None
    };
    // With given vectors no character is ever read as unknown, as in the script.
    let vectors = Some(vec![0.1; vocabulary.len() * config.model.embedding as usize]);
    let prepared = Prepared {
        labels,
        vocabulary,
        vectors,
        train,
        scored: None,
        development: None,
        source,
        notes: BTreeMap::new(),
    };
    let lengths = lengths_by_id(&prepared);
    let tagger = build(&config, 1, &prepared, Device::Cpu)?;
    let mut task = TaggerTask::new(tagger, prepared, &config, 1, Device::Cpu)?;
    let batches = task.epoch(0).to_vec();
    let (mut at, mut rates, mut character_rates, mut loss) = (0, Vec::new(), Vec::new(), 0.0);
    for round in 0..=rounds {
        let (began, first) = (Instant::now(), at);
        let mut sentences = 0;
        for _ in 0..steps {
            device::reseed(1, at as u64);
            let pieces = &batches[at % batches.len()];
            // The full strength of the reversal, as in the script.
            loss = task.step_on(pieces, at as u64, 100.0)?;
            sentences += pieces.len();
            at += 1;
        }
        let seconds = began.elapsed().as_secs_f64();
        if round > 0 {
            let steps = (first..at).map(|step| (step % batches.len(), step));
            let read = steps.flat_map(|(batch, step)| {
                task.sentences(&At { seed: 1, epoch: 0, batch: batch as u64, step: step as u64 })
            });
            character_rates.push(read.map(|id| lengths[&id]).sum::<usize>() as f64 / seconds);
            rates.push(sentences as f64 / seconds);
        }
    }
    #[allow(clippy::print_stdout, reason = "the result is one line on standard output")]
    {
        println!(
            "{}",
            serde_json::json!({
                "peer": "medner", "system": system, "sentences_per_second": median(rates.clone()),
                "characters_per_second": median(character_rates), "rounds": rates, "loss": loss
            })
        );
    }
    Ok(())
}
