//! Rate of fine-tuning an ALBERT-IDCNN-CRF on CCKS-2019: sentences a second, as one JSON line.
//!
//! The same network and the same batches as `bench/peers/albert.py`, which reads them from the file that this writes: 3 shared
//! layers of 192, an IDCNN of 128 filters, dropout 0.5 before it, a CRF over 13 tags, 20 sentences of like length a batch, Adam
//! with two learning rates, gradient norm 5. Seconds are of the processor, so that a busy machine does not count against
//! either. One thread.
//! Arguments: `dump FILE STEPS` writes that many batches; `run FILE` reads them and trains on each once.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};
use medner_albert_idcnn::albert::AlbertConfig;
use medner_albert_idcnn::albert::tokenizer::SPECIAL;
use medner_albert_idcnn::config::{Input, ModelConfig, Training};
use medner_albert_idcnn::model::{Start, Tagger};
use medner_albert_idcnn::prepare::Prepared;
use medner_albert_idcnn::reading::{PieceReading, Reading};
use medner_albert_idcnn::training::TaggerTask;
use medner_core::layers::Activation;
use medner_core::records::{Cut, Records};
use medner_core::{device, memory};
use medner_data::batching::{BatchConfig, BatchOrder, BatchSize, Batches};
use medner_data::formats::split::SplitReport;
use medner_data::{TagScheme, load};
use medner_metrics::LabelSet;
use serde::{Deserialize, Serialize};
use tch::Device;

/// Steps that warm up.
const WARM: usize = 5;

/// What both sides train on.
#[derive(Serialize, Deserialize)]
struct Data {
    /// Entries of the vocabulary.
    vocabulary: i64,
    /// Types of entities.
    types: Vec<String>,
    /// Piece ids of each sentence of each batch.
    ids: Vec<Vec<Vec<u32>>>,
    /// Its tags, of `O, B-x, I-x, ...` as the label set numbers them.
    tags: Vec<Vec<Vec<u32>>>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    device::set_threads(1);
    match arguments[..] {
        ["dump", file, steps] => dump(file, steps.parse().context("STEPS is not a number")?),
        ["run", file] => run(file),
        _ => bail!("say `dump FILE STEPS` or `run FILE`"),
    }
}

fn albert(vocabulary: i64) -> AlbertConfig {
    AlbertConfig {
        hidden_size: 192,
        num_hidden_layers: 3,
        num_attention_heads: 4,
        intermediate_size: 768,
        hidden_act: Activation::GeluNew,
        max_position_embeddings: 128,
        ..AlbertConfig::tiny(vocabulary)
    }
}

fn dump(file: &str, steps: usize) -> Result<()> {
    let corpus = load::documents("ccks2019")?;
    let characters: std::collections::BTreeSet<char> =
        corpus.train.iter().flat_map(|d| d.text.chars()).filter(|c| !c.is_whitespace()).collect();
    let mut entries: Vec<String> = SPECIAL.map(String::from).to_vec();
    entries.extend(characters.into_iter().filter(|c| !c.is_uppercase()).map(String::from));
    let types: std::collections::BTreeSet<&str> =
        corpus.train.iter().flat_map(|d| d.entities.iter().map(|e| e.label.as_str())).collect();
    let types: Vec<String> = types.into_iter().map(String::from).collect();
    let labels = LabelSet::new(TagScheme::Bio, &types)?;
    let vocabulary = entries.len() as i64;
    let reading = Reading::Pieces(Box::new(PieceReading::new(albert(vocabulary), entries, true)?));
    let records = reading.records(&corpus.train, 126, Cut::AroundEntities, &labels)?;
    let config =
        BatchConfig { size: BatchSize::Sentences(20), order: BatchOrder::Bucketed, multiple: 8, seed: 1 };
    let batches: Vec<Vec<usize>> =
        Batches::new(records.lengths(), config)?.epoch(0).into_iter().take(steps + WARM).collect();
    let of = |rows: &[Vec<u32>]| -> Vec<Vec<Vec<u32>>> {
        batches.iter().map(|batch| batch.iter().map(|&i| rows[i].clone()).collect()).collect()
    };
    let data = Data { vocabulary, types, ids: of(&records.ids), tags: of(&records.tags) };
    fs::write(file, serde_json::to_vec(&data)?).with_context(|| format!("{file}: cannot be written"))
}

fn run(file: &str) -> Result<()> {
    let data: Data =
        serde_json::from_slice(&fs::read(file).with_context(|| format!("{file}: cannot be read"))?)?;
    let labels = LabelSet::new(TagScheme::Bio, &data.types)?;
    let mut entries: Vec<String> = SPECIAL.map(String::from).to_vec();
    entries.extend((SPECIAL.len() as i64..data.vocabulary).map(|i| format!("entry{i}")));
    let reading = PieceReading::new(albert(data.vocabulary), entries, true)?;
    let model = ModelConfig { input: Input::Albert, heads: 0, ..ModelConfig::default() };
    device::reseed(1, u64::MAX);
    let start = Start::Albert(&reading.albert, reading.special());
    let tagger = Tagger::new(&model, &start, &labels, Device::Cpu)?;
    let parameters = tagger.params.count();
    let train = Records {
        pieces: Vec::new(),
        report: SplitReport::default(),
        ids: data.ids.concat(),
        tags: data.tags.concat(),
        gold: Vec::new(),
    };
    let prepared = Prepared {
        labels,
        reading: Reading::Pieces(Box::new(reading)),
        vectors: None,
        encoder: None,
        train,
        development: None,
        notes: BTreeMap::new(),
    };
    let training = Training::default();
    let mut task = TaggerTask::new(tagger, prepared, &training, 1, BatchOrder::Bucketed, Device::Cpu)?;
    let (mut next, mut losses, mut began) = (0, Vec::new(), 0.0);
    let (mut sentences, mut characters) = (0, 0);
    for (step, batch) in data.ids.iter().enumerate() {
        if step == WARM {
            began = processor_seconds();
        }
        let pieces: Vec<usize> = (next..next + batch.len()).collect();
        next += batch.len();
        device::reseed(1, step as u64);
        losses.push(task.step_on(&pieces)?);
        if step >= WARM {
            sentences += batch.len();
            characters += batch.iter().map(Vec::len).sum::<usize>();
        }
    }
    let seconds = processor_seconds() - began;
    #[allow(clippy::print_stdout, reason = "the result is one line on standard output")]
    {
        println!(
            "{}",
            serde_json::json!({
                "peer": "medner", "parameters": parameters, "sentences_per_second": sentences as f64 / seconds,
                "characters_per_second": characters as f64 / seconds, "first_loss": losses[0],
                "last_loss": losses[losses.len() - 1], "peak_mib": memory::peak_mib(),
            })
        );
    }
    Ok(())
}

/// Seconds that this process has computed.
fn processor_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to the struct that it is given.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(status, 0, "the processor's clock is there on Linux");
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
