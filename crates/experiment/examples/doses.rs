//! A whole method in one file: a perceptron that finds drug names in short dosing notes.
//!
//! It is what the tests of this crate run, and a model for `main.rs` of a paper's crate. Its four tasks are the four
//! shapes that a paper may have: plain training, active learning with a curve, alternating tasks with an optimiser
//! each, and pre-training on plain text whose weights another cell starts from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use medner_experiment::record::write_atomically;
use medner_experiment::{
    Cell, ConfigError, Curve, DataFacts, Estimate, EvaluateArgs, Method, Missing, Outcome, PredictArgs,
    PredictFormat, RunContext, Scores, Shortcut, TrainArgs, Units, Value, config,
};
use medner_metrics::Counts;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The configuration; its default is "the paper's".
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
struct DosesConfig {
    /// What a cell does.
    task: Task,
    /// Passes over the training sentences (or queries, for active learning).
    epochs: u64,
    /// Step of the update.
    learning_rate: f64,
    /// Letters of the word's end that are a feature.
    suffix: usize,
    /// Sentences a query.
    query: usize,
    /// A file of starting weights, as `pretrain` writes it.
    weights: Option<String>,
    /// Waits this long after each epoch, in milliseconds: for tests that interrupt.
    pause: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Task {
    #[default]
    Train,
    Active,
    Alternate,
    Pretrain,
    Fail,
    Panic,
    Abort,
    Score,
    Copy,
}

impl Default for DosesConfig {
    fn default() -> Self {
        Self {
            task: Task::Train,
            epochs: 4,
            learning_rate: 1.0,
            suffix: 4,
            query: 4,
            weights: None,
            pause: 0,
        }
    }
}

/// Words with `true` for a drug.
type Sentence = Vec<(String, bool)>;

/// A linear model over named features, and how far its training is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Model {
    suffix: usize,
    weights: BTreeMap<String, f64>,
    epoch: u64,
    chosen: Vec<usize>,
    curve: Curve,
    /// The other task's model, saved with this one so that both resume at the same step.
    second: Option<Box<Model>>,
}

impl Model {
    fn features(&self, words: &[String], at: usize) -> Vec<String> {
        let end: String = words[at].chars().rev().take(self.suffix).collect();
        let number = words[at].chars().all(|c| c.is_ascii_digit());
        vec!["bias".to_owned(), format!("end={end}"), format!("number={number}")]
    }

    fn score(&self, words: &[String], at: usize) -> f64 {
        self.features(words, at).iter().filter_map(|f| self.weights.get(f)).sum()
    }

    /// One update per wrong token; the gold function says what is to be learnt.
    fn learn(&mut self, words: &[String], gold: impl Fn(usize) -> bool, rate: f64) {
        for at in 0..words.len() {
            let wanted = gold(at);
            if (self.score(words, at) > 0.0) != wanted {
                for feature in self.features(words, at) {
                    *self.weights.entry(feature).or_insert(0.0) += if wanted { rate } else { -rate };
                }
            }
        }
    }

    fn count(&self, sentence: &Sentence) -> Counts {
        let words = words_of(sentence);
        let mut counts = Counts::default();
        for (at, (_, drug)) in sentence.iter().enumerate() {
            let found = self.score(&words, at) > 0.0;
            counts += Counts::new(usize::from(*drug), usize::from(found), usize::from(*drug && found));
        }
        counts
    }

    fn path(folder: &Path) -> PathBuf {
        folder.join("model.json")
    }

    fn load(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = Self::path(folder);
        if !path.is_file() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path)?;
        serde_json::from_str(&text).with_context(|| format!("{}: not a model", path.display()))
    }

    fn save(&self, folder: &Path) -> anyhow::Result<()> {
        Ok(write_atomically(&Self::path(folder), serde_json::to_string(self)?.as_bytes())?)
    }
}

fn words_of(sentence: &Sentence) -> Vec<String> {
    sentence.iter().map(|(word, _)| word.clone()).collect()
}

/// `take aspirol/D 5 mg`, one sentence a line.
fn parse(text: &str) -> Vec<Sentence> {
    let word = |word: &str| match word.strip_suffix("/D") {
        Some(drug) => (drug.to_owned(), true),
        None => (word.to_owned(), false),
    };
    text.lines()
        .map(|line| line.split_whitespace().map(word).collect())
        .filter(|s: &Sentence| !s.is_empty())
        .collect()
}

/// Notes of our own making: the same seed, the same text.
fn notes(seed: u64, lines: usize) -> String {
    let mut state = seed;
    let mut draw = |n: usize| {
        // SplitMix64 (Steele et al. 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    };
    let stems = ["asp", "met", "lor", "car", "ibu", "nap", "zol", "pan"];
    let ends = ["irol", "amol", "atin", "azin", "opril"];
    let plain = ["take", "give", "daily", "with", "water", "basin", "control", "after", "meals", "again"];
    let mut text = String::new();
    for _ in 0..lines {
        for _ in 0..2 + draw(4) {
            text += plain[draw(plain.len())];
            text.push(' ');
        }
        let (stem, end) = (stems[draw(stems.len())], ends[draw(ends.len())]);
        text.extend([stem, end, "/D ", &(1 + draw(90)).to_string(), " mg"]);
        text += if draw(2) == 0 { " daily\n" } else { "\n" };
    }
    text
}

struct Doses;

impl Doses {
    fn root() -> PathBuf {
        std::env::var_os("DOSES_DATA").map_or_else(|| PathBuf::from("datasets"), PathBuf::from)
    }

    fn text_of(data: &str) -> Result<String, Missing> {
        if data == "built-in" {
            return Ok(notes(7, 60));
        }
        let path = Self::root().join(format!("{data}.txt"));
        std::fs::read_to_string(&path)
            .map_err(|error| Missing::new(format!("{}: {error}; run `doses make-data`", path.display())))
    }

    /// Trains on the first two thirds, scores on the rest.
    fn work(
        sentences: &[Sentence],
        settings: &DosesConfig,
        ctx: &RunContext,
        seed: u64,
    ) -> anyhow::Result<Outcome> {
        ensure!(sentences.len() >= 6, "{} sentences; at least 6 are needed", sentences.len());
        let (train, test) = sentences.split_at(sentences.len() * 2 / 3);
        let mut model = match Model::load(&ctx.work_dir)? {
            Some(model) => model,
            None => Self::start(settings, ctx)?,
        };
        if model.curve.columns.is_empty() {
            model.curve = Curve::new(["epoch", "sentences", "f1"]);
        }
        // Two tasks that share the data, each with its own weights and step.
        let mut second = match model.second.take() {
            Some(second) => *second,
            None => untrained(settings),
        };
        while model.epoch < settings.epochs {
            model.epoch += 1;
            if settings.task == Task::Active {
                query(&mut model, train, settings.query, seed);
            } else {
                model.chosen = shuffled(train.len(), seed ^ model.epoch);
            }
            for at in model.chosen.clone() {
                let words = words_of(&train[at]);
                match settings.task {
                    Task::Pretrain => {
                        model.learn(
                            &words,
                            |at| words.get(at + 1).is_some_and(|w| w.parse::<u32>().is_ok()),
                            1.0,
                        );
                    }
                    _ => model.learn(&words, |w| train[at][w].1, settings.learning_rate),
                }
                if settings.task == Task::Alternate {
                    second.learn(&words, |w| words[w].parse::<u32>().is_ok(), 0.5);
                }
            }
            let f1 = total(&model, test).f1();
            model.curve.push(vec![model.epoch.into(), model.chosen.len().into(), f1.into()]);
            model.second = Some(Box::new(second.clone()));
            model.save(&ctx.work_dir)?;
            ctx.progress.set(model.epoch, settings.epochs, format!("F1 {f1:.3}"));
            std::thread::sleep(Duration::from_millis(settings.pause));
            ctx.stop.check()?;
        }
        let mut outcome = Outcome::default();
        let counts = total(&model, test);
        outcome.score("drug", "precision", counts.precision());
        outcome.score("drug", "recall", counts.recall());
        outcome.score("drug", "f1", counts.f1());
        outcome.score("data", "sentences", sentences.len() as f64);
        if settings.task == Task::Alternate {
            let right = test.iter().flat_map(|s| {
                let words = words_of(s);
                let second = &second;
                (0..words.len())
                    .map(move |w| (second.score(&words, w) > 0.0) == words[w].parse::<u32>().is_ok())
            });
            let (hits, all) = right.fold((0, 0), |(hits, all), hit| (hits + usize::from(hit), all + 1));
            outcome.score("number", "accuracy", hits as f64 / all.max(1) as f64);
        }
        outcome.units.insert("drug".into(), Units(test.iter().map(|s| model.count(s)).collect()));
        outcome.curves.insert("learning".into(), model.curve.clone());
        outcome.notes.insert("features".into(), model.weights.len().to_string());
        Ok(outcome)
    }

    fn start(settings: &DosesConfig, ctx: &RunContext) -> anyhow::Result<Model> {
        let mut model = untrained(settings);
        let folder = if ctx.needs.contains_key("start") {
            Some(ctx.artifact("start")?.to_owned())
        } else {
            settings.weights.as_ref().map(PathBuf::from)
        };
        if let Some(folder) = folder {
            let from =
                Model::load(&folder)?.with_context(|| format!("{}: no model there", folder.display()))?;
            ensure!(from.suffix == model.suffix, "the weights are for suffix {}", from.suffix);
            model.weights = from.weights;
        }
        Ok(model)
    }
}

fn untrained(settings: &DosesConfig) -> Model {
    Model { suffix: settings.suffix, ..Model::default() }
}

fn total(model: &Model, sentences: &[Sentence]) -> Counts {
    sentences.iter().map(|sentence| model.count(sentence)).sum()
}

/// Adds the sentences whose least certain word is the least certain.
fn query(model: &mut Model, pool: &[Sentence], n: usize, seed: u64) {
    let order = shuffled(pool.len(), seed);
    let mut open: Vec<(f64, usize)> = order
        .into_iter()
        .filter(|at| !model.chosen.contains(at))
        .map(|at| {
            let words = words_of(&pool[at]);
            ((0..words.len()).map(|w| model.score(&words, w).abs()).fold(f64::INFINITY, f64::min), at)
        })
        .collect();
    open.sort_by(|a, b| a.0.total_cmp(&b.0));
    model.chosen.extend(open.into_iter().take(n).map(|(_, at)| at));
}

fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|at| Sha256::digest(format!("{seed}/{at}").as_bytes()).to_vec());
    order
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

impl Method for Doses {
    fn name(&self) -> &'static str {
        "doses"
    }

    fn about(&self) -> &'static str {
        "Finds drug names in dosing notes"
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn results_version(&self) -> u32 {
        1
    }

    fn check_config(&self, given: &Value) -> Result<Value, ConfigError> {
        let settings: DosesConfig = config::from_value(given)?;
        if settings.learning_rate <= 0.0 {
            let message = format!("expected a number above 0, found {}", settings.learning_rate);
            return Err(ConfigError::at("learning_rate", message));
        }
        config::canonical::<DosesConfig>(given)
    }

    fn locate(&self, data: &str) -> Result<DataFacts, Missing> {
        let text = Self::text_of(data)?;
        Ok(DataFacts { files: [(format!("{data}.txt"), hex(text.as_bytes()))].into() })
    }

    fn inputs(&self, config: &Value) -> Result<DataFacts, Missing> {
        let Some(folder) = config["weights"].as_str() else { return Ok(DataFacts::default()) };
        let path = Model::path(Path::new(folder));
        let bytes = std::fs::read(&path)
            .map_err(|error| Missing::new(format!("weights: {}: {error}", path.display())))?;
        Ok(DataFacts { files: [("weights".to_owned(), hex(&bytes))].into() })
    }

    /// Without the published weights a sample run starts from nothing.
    fn sample_config(&self, config: &Value) -> Value {
        let mut config = config.clone();
        config["weights"] = Value::Null;
        config
    }

    fn sample(&self, data: &str) -> Option<String> {
        (data != "private").then(|| "built-in".to_owned())
    }

    fn reads_records(&self, config: &Value) -> bool {
        config::from_value::<DosesConfig>(config).is_ok_and(|settings| settings.task == Task::Copy)
    }

    fn run(&self, cell: &Cell, ctx: &RunContext) -> anyhow::Result<Outcome> {
        let settings: DosesConfig = cell.config()?;
        match settings.task {
            Task::Copy => return Ok(ctx.needed_record("of")?.outcome),
            Task::Fail => bail!("loss is NaN at step 12 (sentences 3, 7)"),
            Task::Panic => panic!("index out of a made-up range"),
            Task::Abort => std::process::abort(),
            Task::Score => {
                let mut outcome = Outcome::default();
                outcome.score("drug", "f1", f64::NAN);
                return Ok(outcome);
            }
            _ => {}
        }
        Self::work(&parse(&Self::text_of(&cell.data)?), &settings, ctx, cell.seed)
    }

    fn train(&self, args: &TrainArgs, ctx: &RunContext) -> anyhow::Result<()> {
        let settings: DosesConfig = config::from_value(&args.config)?;
        if !args.resume && Model::path(&args.out).exists() {
            bail!("{} holds a model; say --resume or give another folder", args.out.display());
        }
        let text = std::fs::read_to_string(&args.train)?;
        let outcome = Self::work(&parse(&text), &settings, ctx, args.seed)?;
        println!("F1 {:.4}", outcome.scores["drug"]["f1"]);
        Ok(())
    }

    fn evaluate(&self, args: &EvaluateArgs, _: &RunContext) -> anyhow::Result<Scores> {
        let model = Model::load(&args.model)?.context("no model in that folder")?;
        let counts = total(&model, &parse(&std::fs::read_to_string(&args.test)?));
        let mut outcome = Outcome::default();
        outcome.score("drug", "f1", counts.f1());
        Ok(outcome.scores)
    }

    fn predict(&self, args: &PredictArgs, _: &RunContext) -> anyhow::Result<()> {
        let model = Model::load(&args.model)?.context("no model in that folder")?;
        let text = match &args.input {
            Some(path) => std::fs::read_to_string(path)?,
            None => std::io::read_to_string(std::io::stdin())?,
        };
        ensure!(args.format == PredictFormat::Conll, "doses writes conll only");
        for sentence in parse(&text) {
            let words = words_of(&sentence);
            for (at, word) in words.iter().enumerate() {
                println!("{word}\t{}", if model.score(&words, at) > 0.0 { "B-Drug" } else { "O" });
            }
            println!();
        }
        Ok(())
    }

    fn estimate(
        &self,
        cell: &Cell,
        _: &BTreeMap<&str, &Cell>,
        _: usize,
        _: &str,
    ) -> anyhow::Result<Option<Estimate>> {
        let epochs = cell.config["epochs"].as_f64().unwrap_or_default();
        Ok(Some(Estimate { seconds: 60.0 * epochs, mib: 8.0, note: String::new() }))
    }

    fn shortcuts(&self) -> Vec<Shortcut> {
        vec![Shortcut { flag: "weights", value_name: "DIR", help: "Starting weights", key: "weights" }]
    }

    fn commands(&self) -> Vec<clap::Command> {
        let lines = clap::arg!(<LINES> "Sentences").value_parser(clap::value_parser!(usize));
        vec![clap::Command::new("make-data").about("Write notes to label").arg(lines)]
    }

    fn run_command(&self, name: &str, matches: &clap::ArgMatches, ctx: &RunContext) -> anyhow::Result<()> {
        ensure!(name == "make-data", "no command {name}");
        let lines = *matches.get_one::<usize>("LINES").context("LINES is required")?;
        let folder = ctx.root.join("datasets");
        write_atomically(&folder.join("doses.txt"), notes(1, lines).as_bytes())?;
        write_atomically(&folder.join("plain.txt"), notes(2, lines).replace("/D", "").as_bytes())?;
        Ok(())
    }
}

fn main() -> ExitCode {
    medner_experiment::main(&Doses)
}
