//! What the driver asks of this paper: configuration, data, cells, and the verbs on a user's own files.

use std::collections::BTreeMap;

use anyhow::Result;
use medner_core::device;
use medner_data::load;
use medner_data::predictions::{self, Shape};
use medner_data::word_files;
use medner_experiment::{
    Cell, ConfigError, DataFacts, EvaluateArgs, Method, Missing, Outcome, PredictArgs, PredictFormat,
    RunContext, Scores, Shortcut, TrainArgs, Value, config, error,
};

use crate::config::{Config, Job, WordVectorSource};
use crate::{cells, evaluate, folder, own_files, predict, project, train, vectors};

/// Raised whenever a change alters numbers: results of earlier versions are then run again.
pub const RESULTS_VERSION: u32 = 2;

/// [`RESULTS_VERSION`], and one more where the diversity game is played: its batches were of like length before.
pub fn results_version_of(config: &Config) -> u32 {
    RESULTS_VERSION + u32::from(config.plays_diversity_game())
}

/// The method of Zhou et al. 2021.
pub struct Mtaal;

impl Method for Mtaal {
    fn name(&self) -> &'static str {
        "mtaal"
    }

    fn about(&self) -> &'static str {
        "Multi-task adversarial active learning for medical names and their concepts (Zhou et al. 2021)"
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn results_version(&self) -> u32 {
        RESULTS_VERSION
    }

    fn results_version_of(&self, config: &Value) -> u32 {
        config::from_value::<Config>(config).map_or(RESULTS_VERSION, |config| results_version_of(&config))
    }

    fn reads_records(&self, config: &Value) -> bool {
        config::from_value::<Config>(config)
            .is_ok_and(|config| matches!(config.job, Job::SingleTasks | Job::QueryDiversity))
    }

    fn check_config(&self, given: &Value) -> Result<Value, ConfigError> {
        serde_json::to_value(Config::read(given)?).map_err(|e| ConfigError::at("", e.to_string()))
    }

    fn check_train(&self, given: &Value) -> Result<(), ConfigError> {
        own_files::check(&Config::read(given)?)
    }

    fn train_example(&self) -> &'static [&'static str] {
        &["supervised.epochs=5"]
    }

    fn locate(&self, data: &str) -> Result<DataFacts, Missing> {
        load::hashes(data).map(|files| DataFacts { files }).map_err(|e| Missing::new(error::chain(&e.into())))
    }

    fn inputs(&self, config: &Value) -> Result<DataFacts, Missing> {
        let config: Config = config::from_value(config).map_err(|e| Missing::new(e.to_string()))?;
        let mut inputs = DataFacts::default();
        if config.job == Job::ActiveLearning {
            let source = config.word_vectors.source;
            let hash = || -> Result<Option<String>> {
                let path = vectors::file(&config.word_vectors)?;
                Ok(path.map(|path| medner_data::hash::hash_file(&path)).transpose()?.map(|h| h.sha256))
            };
            // A source without its file waits for it (`awaits`), which the table says better than this.
            let waits = match source {
                WordVectorSource::Glove => config.word_vectors.glove.is_none(),
                WordVectorSource::Word2vec => config.word_vectors.word2vec.is_none(),
                _ => false,
            };
            if !waits {
                let hash = hash().map_err(|e| Missing::new(error::chain(&e)))?;
                inputs.files.extend(hash.map(|hash| ("word vectors".to_owned(), hash)));
            }
        }
        Ok(inputs)
    }

    fn sample(&self, data: &str) -> Option<String> {
        medner_data::sample::sample_for(data)
    }

    /// A sample run does without vectors that are not here.
    fn sample_config(&self, config: &Value) -> Value {
        let mut config = config.clone();
        config["word_vectors"]["source"] = "random".into();
        config
    }

    fn run(&self, cell: &Cell, ctx: &RunContext) -> Result<Outcome> {
        cells::run(cell, ctx)
    }

    fn train(&self, args: &TrainArgs, ctx: &RunContext) -> Result<()> {
        train::train(args, ctx)
    }

    fn evaluate(&self, args: &EvaluateArgs, ctx: &RunContext) -> Result<Scores> {
        device::set_threads(ctx.threads);
        let device = device::open(&ctx.device)?;
        let model = folder::load(&project::model_to_read(&args.model)?, device)?;
        evaluate::evaluate(&model, &args.test, device)
    }

    fn predict(&self, args: &PredictArgs, ctx: &RunContext) -> Result<()> {
        let shape = match args.format {
            PredictFormat::Text => Shape::Text,
            PredictFormat::Conll => Shape::Conll,
            PredictFormat::Jsonl => Shape::Jsonl,
            PredictFormat::Brat => Shape::Brat,
            PredictFormat::Pubtator => Shape::Pubtator,
        };
        let output = args.output.as_deref();
        predictions::check_output(shape, args.input.as_deref(), output)?;
        device::set_threads(ctx.threads);
        let device = device::open(&ctx.device)?;
        let model = folder::load(&project::model_to_read(&args.model)?, device)?;
        let words = word_files::text(args.input.as_deref())?;
        match shape {
            Shape::Pubtator => predict::check_pubtator(&words.documents)?,
            Shape::Brat => predictions::refuse_same_names(&words.documents)?,
            _ => {}
        }
        let progress = |done: usize, total: usize| ctx.progress.set(done as u64, total as u64, "sentences");
        let found = predict::documents(&model, &words, device, &progress)?;
        if shape == Shape::Pubtator {
            return predict::write_text(&predict::pubtator(&words.documents, &found)?, output);
        }
        Ok(predictions::write_words(shape, &words, &found, output)?)
    }

    fn commands(&self) -> Vec<clap::Command> {
        project::commands()
    }

    fn run_command(&self, name: &str, matches: &clap::ArgMatches, ctx: &RunContext) -> Result<()> {
        project::run(name, matches, ctx)
    }

    fn versions(&self) -> BTreeMap<String, String> {
        [("libtorch".to_owned(), device::LIBTORCH_VERSION.to_owned())].into()
    }

    fn device(&self, name: &str) -> Result<String> {
        Ok(device::name(device::open(name)?))
    }

    fn shortcuts(&self) -> Vec<Shortcut> {
        let file = |flag, key, help| Shortcut { flag, value_name: "FILE", help, key };
        vec![
            file(
                "glove",
                "word_vectors.glove",
                "GloVe vectors of 300 dimensions, for the rows that need them",
            ),
            file(
                "word2vec",
                "word_vectors.word2vec",
                "Word2Vec vectors of 300 dimensions, for the rows that need them",
            ),
        ]
    }
}
