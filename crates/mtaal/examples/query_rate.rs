//! Seconds of each part of a query round on NCBI, as one JSON line a query: steps, elapsed seconds, seconds of processor time.
//!
//! The same steps as `bench/peers/mtaal.py`: diversity game, scoring of the pool, task game, one epoch of both tasks, test.
//! Arguments: `mtaal|lc [QUERIES [THREADS [STEPS [DATA]]]]`; with STEPS at most so many steps of each part, for profiles; DATA is
//! `mtaal-ncbi` or `mtaal-cdr`.

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
    let data = arguments.next().unwrap_or_else(|| "mtaal-ncbi".to_owned());
    device::set_threads(threads as usize);
    let config = Config::read(&given)?;
    let prepared = prepare(&config, &collection(&data)?)?;
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
        let mut seconds: BTreeMap<&str, (u64, f64, f64)> = BTreeMap::new();
        let mut loss = 0.0;
        for batch in 0..round.steps() {
            let (part, within, _) = round.at(batch);
            if within >= most {
                continue;
            }
            device::reseed(1, step);
            let (began, busy) = (Instant::now(), processor_seconds());
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
            *entry =
                (entry.0 + 1, entry.1 + began.elapsed().as_secs_f64(), entry.2 + processor_seconds() - busy);
            loss = outcome.loss;
        }
        let (began, busy) = (Instant::now(), processor_seconds());
        let (_, metrics) = run.test()?;
        seconds.insert("test", (1, began.elapsed().as_secs_f64(), processor_seconds() - busy));
        let total: f64 = seconds.values().map(|(_, s, _)| s).sum();
        let busy: f64 = seconds.values().map(|(.., s)| s).sum();
        #[allow(clippy::print_stdout, reason = "the result is one line on standard output")]
        {
            let peak = medner_core::memory::peak_mib();
            println!(
                "{}",
                serde_json::json!({
                    "peer": "medner", "query": query + 1, "labelled": labelled, "seconds": total, "processor_seconds": busy, "parts": seconds,
                    "loss": loss, "ner_f1": metrics.ner_f1, "nen_token_accuracy": metrics.nen_token_accuracy, "peak_mib": peak,
                })
            );
        }
    }
    Ok(())
}

/// Time that processors spent on this process, which other programs do not change much.
fn processor_seconds() -> f64 {
    // SAFETY: clock_gettime fills the struct that it is given, and nothing else.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time);
        time
    };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
