//! Speed of ALBERT: forward and backward pass, a whole pre-training step, or the reading of a folder, as one JSON line.
//!
//! The same model and batches as `bench/peers/albert_transformers.py`: 20 sequences of up to 128 pieces with like lengths,
//! 5,000 vocabulary entries. Seconds are of the processor, not of the clock, so that a busy machine does not count against
//! either.
//! Arguments: `encoder|pretraining SIZE [STEPS]` with SIZE `HIDDEN,LAYERS,HEADS,gelu|gelu_new`, or `load DIR`; one thread.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use medner_albert_idcnn::albert::folder::AlbertFolder;
use medner_albert_idcnn::albert::{AlbertConfig, AlbertForPreTraining, AlbertInput, AlbertModel, Pooler};
use medner_core::layers::Activation;
use medner_core::optim::{Adam, Optimizer, OptimizerConfig, Rule};
use medner_core::params::Params;
use medner_core::{device, memory};
use tch::{Device, Kind, Reduction, Tensor};

const B: i64 = 20;
const T: i64 = 128;
const V: i64 = 5000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    device::set_threads(1);
    let row = match arguments[..] {
        ["load", folder] => load(Path::new(folder))?,
        [what @ ("encoder" | "pretraining"), size] => rate(what, size, 10)?,
        [what @ ("encoder" | "pretraining"), size, steps] => {
            rate(what, size, steps.parse().context("not a number")?)?
        }
        _ => bail!("say `encoder SIZE`, `pretraining SIZE` or `load DIR`"),
    };
    #[allow(clippy::print_stdout, reason = "the result is one line on standard output")]
    {
        println!("{row}");
    }
    Ok(())
}

fn config(size: &str) -> Result<AlbertConfig> {
    let parts: Vec<&str> = size.split(',').collect();
    let [hidden, layers, heads, activation] = parts[..] else {
        bail!("`{size}` is not HIDDEN,LAYERS,HEADS,ACTIVATION")
    };
    let hidden_size: i64 = hidden.parse()?;
    Ok(AlbertConfig {
        hidden_size,
        num_hidden_layers: layers.parse()?,
        num_attention_heads: heads.parse()?,
        intermediate_size: 4 * hidden_size,
        hidden_act: if activation == "gelu" { Activation::Gelu } else { Activation::GeluNew },
        max_position_embeddings: T,
        classifier_dropout_prob: 0.0,
        ..AlbertConfig::tiny(V)
    })
}

/// Pieces a second, the best and the median of single steps.
fn rate(what: &str, size: &str, steps: usize) -> Result<serde_json::Value> {
    let config = config(size)?;
    device::reseed(1, 0);
    let params = Params::new(Device::Cpu);
    let lengths: Vec<i64> = (0..B).map(|row| T - row * 7 % 32).collect();
    let place = Tensor::arange(T, (Kind::Int64, Device::Cpu));
    let mask = place.unsqueeze(0).lt_tensor(&Tensor::from_slice(&lengths).unsqueeze(1));
    let ids = Tensor::randint_low(5, V, [B, T], (Kind::Int64, Device::Cpu)) * &mask;
    let segments = (place.unsqueeze(0).ge(40).to_kind(Kind::Int64)).repeat([B, 1]);
    let input = AlbertInput { ids: &ids, mask: Some(&mask), segments: Some(&segments) };
    // 15% of the pieces: every seventh, from the second on.
    let positions = Tensor::arange_start_step(1, 90, 5, (Kind::Int64, Device::Cpu)).repeat([B, 1]);
    let coefficients =
        Tensor::randn([B, T, config.hidden_size], (Kind::Float, Device::Cpu)) * mask.unsqueeze(-1);
    let rule = OptimizerConfig::new(Rule::AdamW(Adam::default()), 1e-4);
    let mut seconds = Vec::new();
    if what == "encoder" {
        let model = AlbertModel::new(&params.root(), &config, Pooler::Without)?;
        let mut optimizer = Optimizer::new(&rule, params.parameters())?;
        for _ in 0..steps + 2 {
            let began = processor_seconds();
            optimizer.zero_gradients()?;
            let hidden = model.forward(input, true)?;
            (hidden * &coefficients).sum(Kind::Float).backward();
            seconds.push(processor_seconds() - began);
        }
    } else {
        let model = AlbertForPreTraining::new(&params.root(), &config)?;
        let mut optimizer = Optimizer::new(&rule, params.parameters())?;
        let labels = ids.gather(1, &positions, false).view([-1]);
        let orders = Tensor::arange(B, (Kind::Int64, Device::Cpu)).remainder(2);
        for _ in 0..steps + 2 {
            let began = processor_seconds();
            optimizer.zero_gradients()?;
            let output = model.forward(input, &positions, true)?;
            let logits = output.prediction_logits.view([-1, V]);
            let loss = logits.cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, 0.0)
                + output.sop_logits.cross_entropy_loss::<Tensor>(&orders, None, Reduction::Mean, -100, 0.0);
            loss.backward();
            optimizer.clip_gradients(1.0)?;
            optimizer.step()?;
            seconds.push(processor_seconds() - began);
        }
    }
    let mut seconds = seconds.split_off(2);
    seconds.sort_by(f64::total_cmp);
    let pieces: i64 = lengths.iter().sum();
    Ok(serde_json::json!({
        "peer": "medner", "what": what, "size": size, "parameters": params.count(),
        "pieces_per_second": pieces as f64 / seconds[seconds.len() / 2],
        "best": pieces as f64 / seconds[0], "milliseconds": 1e3 * seconds[seconds.len() / 2],
        "peak_mib": memory::peak_mib(),
    }))
}

/// Reads a folder, and passes one sequence through.
fn load(folder: &Path) -> Result<serde_json::Value> {
    let began = Instant::now();
    let given = AlbertFolder::open(folder)?;
    let params = Params::new(Device::Cpu);
    let model = AlbertForPreTraining::new(&params.root(), &given.config)?;
    given.load_for_pretraining(&params, "")?;
    let read = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let _guard = tch::no_grad_guard();
    let ids = (Tensor::arange(T, (Kind::Int64, Device::Cpu)) + 100).view([1, T]);
    let hidden = model.albert.forward(AlbertInput { ids: &ids, mask: None, segments: None }, false)?;
    Ok(serde_json::json!({
        "parameters": params.count(), "seconds_to_read": read, "seconds_forward": began.elapsed().as_secs_f64(),
        "peak_mib": memory::peak_mib(), "mean_square": hidden.square().mean(Kind::Double).double_value(&[]),
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
