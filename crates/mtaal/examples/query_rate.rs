//! Seconds of each part of a query round on NCBI, as one JSON line a query.
//!
//! The same steps as `bench/peers/mtaal.py`: diversity game, scoring of the pool, task game, one epoch of both tasks, test.
//! Arguments: `mtaal|lc [QUERIES [THREADS [STEPS]]]`; with STEPS at most so many steps of each part, for profiles.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};
use medner_core::device;
use medner_core::trainer::{At, Task};
use medner_mtaal::algorithm::{ActiveLearning, Keep};
use medner_mtaal::config::Config;
use medner_mtaal::prepare::{build, collection, prepare, word_matrix};
use medner_mtaal::rounds::{Part, Round};
use tch::Device;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let given = match arguments.next().as_deref() {
        Some("mtaal") => serde_json::json!({}),
        Some("lc") => serde_json::json!({"strategy": "lc", "task_discriminator": {"on": false}}),
        _ => anyhow::bail!("say `mtaal` or `lc`"),
    };
    let mut number =
        |default: u64| arguments.next().map_or(Ok(default), |a| a.parse().context("not a number"));
    let (queries, threads, most) = (number(2)?, number(1)?, number(u64::MAX)?);
    device::set_threads(threads as usize);
    let config = Config::read(&given)?;
    let prepared = prepare(&config, &collection("mtaal-ncbi")?)?;
    let (words, _) = word_matrix(&config, &prepared.encoding.words, None, 1)?;
    let networks = build(&config, &prepared.encoding, &words, 1, Device::Cpu)?;
    let mut run = ActiveLearning::new(
        &config,
        networks,
        prepared,
        1,
        Device::Cpu,
        Keep::Last,
        Box::new(|_, _| Ok(())),
    )?;
    let mut step = 0;
    for query in 0..queries {
        let pool = run.pool();
        let (labelled, unlabelled) = (pool.labelled.len(), pool.unlabelled.len());
        let round = Round::new(&config, query, labelled, unlabelled);
        let mut seconds: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
        let mut loss = 0.0;
        for batch in 0..round.steps() {
            let (part, within, _) = round.at(batch);
            if within >= most {
                continue;
            }
            device::reseed(1, step);
            let began = Instant::now();
            let outcome = run.step(&At { seed: 1, epoch: query, batch, step })?;
            step += 1;
            let name = match part {
                Part::WarmUp => "warm_up",
                Part::Diversity => "diversity",
                Part::Query => "scoring",
                Part::TaskGame => "task_game",
                Part::Tasks => "training",
            };
            let entry = seconds.entry(name).or_default();
            *entry = (entry.0 + 1, entry.1 + began.elapsed().as_secs_f64());
            loss = outcome.loss;
        }
        let began = Instant::now();
        let (_, metrics) = run.test()?;
        seconds.insert("test", (1, began.elapsed().as_secs_f64()));
        let total: f64 = seconds.values().map(|(_, s)| s).sum();
        #[allow(clippy::print_stdout, reason = "the result is one line on standard output")]
        {
            let peak = medner_core::memory::peak_mib();
            println!(
                "{}",
                serde_json::json!({
                    "peer": "medner", "query": query + 1, "labelled": labelled, "seconds": total, "parts": seconds,
                    "loss": loss, "ner_f1": metrics.ner_f1, "nen_token_accuracy": metrics.nen_token_accuracy, "peak_mib": peak,
                })
            );
        }
    }
    Ok(())
}
