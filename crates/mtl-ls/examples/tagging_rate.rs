//! Speed of XLNet-CRF: a fine-tuning step (forward, backward, clipping, Adam) or a forward pass with decoding, as one JSON line.
//!
//! The same model and batches as `bench/peers/xlnet_crf.py`: 32 sequences of 12 to 105 pieces, sorted into batches of like
//! length, 13,000 vocabulary entries, 4 labels. Seconds are of the processor, not of the clock, so that a busy machine does not
//! count against either.
//! Arguments: `tune|forward LAYERS,WIDTH,HEADS [STEPS [DEVICE [f32|bf16]]]`; one thread.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use medner_core::optim::{Adam, Optimizer, OptimizerConfig, Rule};
use medner_core::precision::Precision;
use medner_core::{device, memory};
use medner_metrics::{LabelSet, TagScheme};
use medner_mtl_ls::config::LabelMode;
use medner_mtl_ls::tagging::{TaggerBatch, XlnetCrf};
use medner_mtl_ls::xlnet::XlnetConfig;
use tch::{Device, Kind, Tensor};

const B: usize = 32;
const V: i64 = 13_000;
const LABELS: i64 = 4;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, size, rest @ ..] = arguments.as_slice() else {
        bail!("say `tune LAYERS,WIDTH,HEADS` or `forward ...`")
    };
    device::set_threads(1);
    let steps = rest.first().map_or(Ok(10), |n| n.parse()).context("STEPS is not a number")?;
    let device = device::open(rest.get(1).map_or("cpu", String::as_str))?;
    let precision = if rest.get(2).is_some_and(|p| p == "bf16") { Precision::Bf16 } else { Precision::F32 };
    let row = rate(what, size, steps, device, precision)?;
    #[allow(clippy::print_stdout, reason = "the result is one line on standard output")]
    {
        println!("{row}");
    }
    Ok(())
}

/// Pieces of the sequences of each batch: batch 0 the shortest, batch 3 the longest.
fn lengths(batch: usize) -> Vec<usize> {
    (0..B).map(|row| 12 + 24 * batch + row * 7 % 22).collect()
}

fn batch(number: usize, device: Device) -> Result<TaggerBatch> {
    let lengths = lengths(number);
    let longest = lengths.iter().max().copied().unwrap_or(1) + 2;
    let t = longest.next_multiple_of(8) as i64;
    let l = lengths.iter().max().copied().unwrap_or(1).next_multiple_of(8) as i64;
    let place = Tensor::arange(t, (Kind::Int64, Device::Cpu));
    let read: Vec<i64> = lengths.iter().map(|&n| n as i64 + 2).collect();
    let mask = place.unsqueeze(0).lt_tensor(&Tensor::from_slice(&read).unsqueeze(1));
    let ids = Tensor::randint_low(9, V, [B as i64, t], (Kind::Int64, Device::Cpu)) * &mask;
    let rows = Tensor::arange(B as i64, (Kind::Int64, Device::Cpu)).unsqueeze(1) * t;
    let column = Tensor::arange(l, (Kind::Int64, Device::Cpu)).unsqueeze(0);
    let labels = Tensor::randint(LABELS, [B as i64, l], (Kind::Int64, Device::Cpu));
    Ok(TaggerBatch {
        ids: ids.f_to_device(device)?,
        mask: Some(mask.f_to_device(device)?),
        segments: None,
        places: (rows + column).f_to_device(device)?,
        labels: labels.f_to_device(device)?,
        lengths,
    })
}

fn rate(
    what: &str,
    size: &str,
    steps: usize,
    device: Device,
    precision: Precision,
) -> Result<serde_json::Value> {
    let parts: Vec<i64> = size.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let [layers, width, heads] = parts[..] else { bail!("`{size}` is not LAYERS,WIDTH,HEADS") };
    let config =
        XlnetConfig { n_head: heads, d_head: width / heads, ..XlnetConfig::of_width(V, layers, width) };
    device::reseed(1, 0);
    let labels = LabelSet::new(TagScheme::Bio, ["x"])?;
    let tagger = XlnetCrf::new(&config, &labels, LabelMode::X, precision, device)?;
    let rule = OptimizerConfig::new(Rule::Adam(Adam::default()), 1e-4);
    let mut optimizer = Optimizer::new(&rule, tagger.params.parameters())?;
    let batches = (0..4).map(|n| batch(n, device)).collect::<Result<Vec<_>>>()?;
    let (mut seconds, mut clock) = (Vec::new(), Vec::new());
    for _ in 0..steps + 2 {
        let (began, wall) = (processor_seconds(), Instant::now());
        for batch in &batches {
            if what == "tune" {
                optimizer.zero_gradients()?;
                let loss = tagger.loss(batch)?;
                loss.f_backward()?;
                optimizer.clip_gradients(1.0)?;
                optimizer.step()?;
                let _ = f64::try_from(&loss)?;
            } else {
                let _ = tagger.decode(batch)?;
            }
        }
        seconds.push(processor_seconds() - began);
        clock.push(wall.elapsed().as_secs_f64());
    }
    // On a GPU the clock counts: the processor only waits.
    let mut seconds = if device == Device::Cpu { seconds } else { clock }.split_off(2);
    seconds.sort_by(f64::total_cmp);
    let sequences = (4 * B) as f64;
    let pieces: usize = (0..4).flat_map(lengths).sum();
    let median = seconds[seconds.len() / 2];
    Ok(serde_json::json!({
        "peer": "medner", "what": what, "size": size, "parameters": tagger.params.count(),
        "sequences_per_second": sequences / median, "best": sequences / seconds[0],
        "pieces_per_second": pieces as f64 / median, "milliseconds_a_step": 1e3 * median / 4.0,
        "peak_mib": memory::peak_mib(),
    }))
}

/// Seconds that this process has computed.
fn processor_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to the struct that it is given.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(status, 0, "the processor's clock is there on Linux");
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
