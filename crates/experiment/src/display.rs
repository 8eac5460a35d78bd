//! What a person sees while cells run: bars with rate and time left on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use crate::cell::Cell;
use crate::context::{ProgressSink, Report};

/// All bars of this process; log lines are written above them.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// How often a running cell says how far it is, where there are no bars.
const PLAIN_EVERY: Duration = Duration::from_secs(30);

/// How to show things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Sets up the log on standard error. `MEDNER_LOG` (or `RUST_LOG`) takes a filter such as `debug`.
pub(crate) fn init_log(quiet: bool, format: LogFormat) {
    let filter = ["MEDNER_LOG", "RUST_LOG"].iter().find_map(|name| std::env::var(name).ok());
    let default = if quiet { "warn" } else { "info" };
    let filter = tracing_subscriber::EnvFilter::new(filter.unwrap_or_else(|| default.to_owned()));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(AboveBars).with_target(false);
    // A second call (tests) keeps the first log.
    match format {
        LogFormat::Json => log.json().try_init().ok(),
        LogFormat::Text => {
            log.with_ansi(std::io::stderr().is_terminal()).compact().without_time().try_init().ok()
        }
    };
}

/// Results on standard output. A reader that has gone (`| head`) or a full disk under it is no reason to panic.
pub(crate) fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}

struct AboveBars;

impl<'a> MakeWriter<'a> for AboveBars {
    type Writer = AboveBars;

    fn make_writer(&'a self) -> Self::Writer {
        Self
    }
}

impl Write for AboveBars {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        // Nowhere to complain to when standard error is full or closed; the run goes on.
        BARS.suspend(|| std::io::stderr().write_all(text)).ok();
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// The running cells.
pub(crate) struct Display {
    bars: bool,
    all: Option<ProgressBar>,
    running: BTreeMap<String, Running>,
    total: usize,
    done: usize,
}

struct Running {
    label: String,
    bar: Option<ProgressBar>,
    said: Instant,
    started: Instant,
    first: Option<(Instant, u64)>,
}

impl Display {
    /// For `total` cells. Bars when standard error is a terminal, nothing but warnings when quiet.
    pub fn new(total: usize, quiet: bool, format: LogFormat) -> Self {
        let bars = !quiet && format == LogFormat::Text && std::io::stderr().is_terminal();
        let all = bars.then(|| {
            let bar = BARS.add(ProgressBar::new(total as u64));
            bar.set_style(style("{prefix:>32.bold} {bar:24} {pos}/{len} cells, {elapsed} {msg}"));
            bar.set_prefix("all");
            bar.enable_steady_tick(Duration::from_secs(1));
            bar
        });
        Self { bars, all, running: BTreeMap::new(), total, done: 0 }
    }

    pub fn started(&mut self, cell: &Cell) {
        let bar = self.bars.then(|| {
            let bar = BARS.add(ProgressBar::new_spinner());
            bar.set_prefix(cell.label());
            bar.set_style(style("{prefix:>32} {spinner} {elapsed} {wide_msg}"));
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        if bar.is_none() {
            tracing::info!(cell = %cell.hash, "started {}", cell.label());
        }
        let now = Instant::now();
        let running = Running { label: cell.label(), bar, said: now, started: now, first: None };
        self.running.insert(cell.hash.clone(), running);
    }

    pub fn progress(&mut self, hash: &str, report: &Report) {
        let Some(running) = self.running.get_mut(hash) else { return };
        let text = running.describe(report);
        match &running.bar {
            Some(bar) => show(bar, report, &text),
            None if running.said.elapsed() >= PLAIN_EVERY => {
                running.said = Instant::now();
                tracing::info!(cell = %hash, "{}: {}/{} {text}", running.label, report.done, report.total);
            }
            None => {}
        }
    }

    pub fn ended(&mut self, hash: &str, how: &str) {
        self.done += 1;
        if let Some(running) = self.running.remove(hash) {
            if let Some(bar) = &running.bar {
                bar.finish_and_clear();
            }
            let seconds = running.started.elapsed().as_secs_f64();
            tracing::info!(cell = %hash, "[{}/{}] {}: {how} ({seconds:.1} s)", self.done, self.total, running.label);
        }
        if let Some(all) = &self.all {
            all.set_position(self.done as u64);
        }
    }

    pub fn say(&self, message: &str) {
        if let Some(all) = &self.all {
            all.set_message(message.to_owned());
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        for running in self.running.values() {
            if let Some(bar) = &running.bar {
                bar.finish_and_clear();
            }
        }
        if let Some(all) = &self.all {
            all.finish_and_clear();
        }
    }
}

impl Running {
    /// The message with rate and time left. What a resumed run had done before does not count for the rate.
    fn describe(&mut self, report: &Report) -> String {
        let (at, from) = *self.first.get_or_insert((Instant::now(), report.done));
        let measured = report.done.saturating_sub(from) as f64 / at.elapsed().as_secs_f64().max(1e-3);
        let rate = report.rate.unwrap_or(measured);
        let mut text = String::new();
        if rate > 0.0 && rate.is_finite() {
            text = format!("{rate:.1}/s");
            if report.total > report.done {
                let left = (report.total - report.done) as f64 / measured.max(1e-9);
                if measured > 0.0 && left < 1e7 {
                    let _ = write!(text, ", {} left", HumanDuration(Duration::from_secs_f64(left)));
                }
            }
        }
        format!("{text} {}", report.message).trim().to_owned()
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn show(bar: &ProgressBar, report: &Report, text: &str) {
    if report.total > 0 && bar.length() != Some(report.total) {
        bar.set_length(report.total);
        bar.set_style(style("{prefix:>32} {bar:24} {pos}/{len} {elapsed} {wide_msg}"));
    }
    bar.set_position(report.done);
    bar.set_message(text.to_owned());
}

/// One bar (or a line now and then) for the verbs that work on a user's own files.
pub(crate) fn single(label: &str, quiet: bool, format: LogFormat) -> Arc<dyn ProgressSink> {
    struct Single(std::sync::Mutex<(Running, bool)>);
    impl ProgressSink for Single {
        fn show(&self, report: &Report) {
            let mut guard = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let (running, quiet) = &mut *guard;
            let text = running.describe(report);
            let last = report.total > 0 && report.done >= report.total;
            match &running.bar {
                Some(bar) => {
                    show(bar, report, &text);
                    if last {
                        bar.finish();
                    }
                }
                None if !*quiet && (last || running.said.elapsed() >= PLAIN_EVERY) => {
                    running.said = Instant::now();
                    tracing::info!("{}: {}/{} {text}", running.label, report.done, report.total);
                }
                None => {}
            }
        }
    }
    let bars = !quiet && format == LogFormat::Text && std::io::stderr().is_terminal();
    let bar = bars.then(|| {
        let bar = BARS.add(ProgressBar::new_spinner());
        bar.set_prefix(label.to_owned());
        bar.set_style(style("{prefix:>12} {spinner} {elapsed} {wide_msg}"));
        bar
    });
    let now = Instant::now();
    let running = Running { label: label.to_owned(), bar, said: now, started: now, first: None };
    Arc::new(Single(std::sync::Mutex::new((running, quiet))))
}
