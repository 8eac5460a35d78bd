//! What the driver asks of this paper: configuration, data, cells, and the verbs on a user's own files.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use medner_core::device;
use medner_data::hash::hash_file;
use medner_experiment::{
    Cell, ConfigError, DataFacts, Estimate, EvaluateArgs, Method, Missing, Outcome, PredictArgs, RunContext,
    Scores, Shortcut, TrainArgs, Value, config, error,
};

use crate::config::{Config, Job};
use crate::pretraining::run;
use crate::pretraining::vocabulary::{OF_TEXT, PUBLISHED, published_tokenizer};
use crate::{cells, encoder, estimate, subtasks, unread, user};

/// Raised whenever a change alters numbers: results of earlier versions are then run again.
pub const RESULTS_VERSION: u32 = 2;

/// The method of Chai et al. 2022.
pub struct MtlLs;

/// The hashes of what stands in an encoder's folder.
fn encoder_files(folder: &Path, facts: &mut DataFacts) -> Result<(), Missing> {
    let files = encoder::files_of(folder).map_err(|error| {
        let advice =
            "give the folder that holds config.json, tokenizer.json and model.safetensors by `--encoder DIR`";
        Missing::new(format!("{}; {advice}", error::chain(&error)))
    })?;
    facts.files.extend(files.into_iter().map(|(name, hash)| (format!("encoder/{name}"), hash)));
    Ok(())
}

impl Method for MtlLs {
    fn name(&self) -> &'static str {
        "mtl-ls"
    }

    fn about(&self) -> &'static str {
        "Biomedical NER with layer-sliced multi-task XLNet-CRF (Chai et al. 2022)"
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn results_version(&self) -> u32 {
        RESULTS_VERSION
    }

    fn reads_records(&self, config: &Value) -> bool {
        config::from_value::<Config>(config)
            .is_ok_and(|config| matches!(config.job, Job::Pooled | Job::Chosen | Job::MeanOfSets))
    }

    fn check_config(&self, given: &Value) -> Result<Value, ConfigError> {
        let value = config::canonical::<Config>(given)?;
        let config = config::from_value::<Config>(&value)?.for_its_job();
        match config.problem() {
            Some((key, message)) => Err(ConfigError::at(key, message)),
            None => serde_json::to_value(config).map_err(|e| ConfigError::at("", e.to_string())),
        }
    }

    fn check_train(&self, given: &Value) -> Result<(), ConfigError> {
        unread::check_train(given)
    }

    fn train_example(&self) -> &'static [&'static str] {
        &["encoder=DIR", "training.epochs.initial=5"]
    }

    fn locate(&self, data: &str) -> Result<DataFacts, Missing> {
        subtasks::facts(data)
    }

    fn inputs(&self, config: &Value) -> Result<DataFacts, Missing> {
        let config: Config = config::from_value(config).map_err(|e| Missing::new(e.to_string()))?;
        let mut inputs = DataFacts::default();
        if let Some(folder) = &config.encoder {
            encoder_files(folder, &mut inputs)?;
            return Ok(inputs);
        }
        if config.job == Job::Pretrain {
            let pretraining = &config.pretraining;
            if let Some(start) = &pretraining.start {
                encoder_files(start, &mut inputs)?;
            } else if pretraining.vocabulary.source != OF_TEXT {
                let file = match pretraining.vocabulary.source.as_str() {
                    PUBLISHED => published_tokenizer().map_err(|e| Missing::new(error::chain(&e)))?,
                    path => path.into(),
                };
                let hash = hash_file(&file).map_err(|e| Missing::new(format!("{}: {e}", file.display())))?;
                inputs.files.insert("tokenizer.json".into(), hash.sha256);
            }
        }
        Ok(inputs)
    }

    fn sample(&self, data: &str) -> Option<String> {
        subtasks::sample_for(data)
    }

    /// A sample run does without the published vocabulary: its pieces are the sample's own words and characters.
    fn sample_config(&self, config: &Value) -> Value {
        let mut config = config.clone();
        config["pretraining"]["vocabulary"]["source"] = "text".into();
        config
    }

    fn run(&self, cell: &Cell, ctx: &RunContext) -> Result<Outcome> {
        cells::run(cell, ctx)
    }

    fn train(&self, args: &TrainArgs, ctx: &RunContext) -> Result<()> {
        user::train(args, ctx)
    }

    fn evaluate(&self, args: &EvaluateArgs, ctx: &RunContext) -> Result<Scores> {
        user::evaluate(args, ctx)
    }

    fn predict(&self, args: &PredictArgs, ctx: &RunContext) -> Result<()> {
        user::predict(args, ctx)
    }

    fn versions(&self) -> BTreeMap<String, String> {
        [("libtorch".to_owned(), device::LIBTORCH_VERSION.to_owned())].into()
    }

    fn device(&self, name: &str) -> Result<String> {
        Ok(device::name(device::open(name)?))
    }

    fn shortcuts(&self) -> Vec<Shortcut> {
        vec![Shortcut {
            flag: "encoder",
            value_name: "DIR",
            help: "Folder of a published XLNet (config.json, tokenizer.json, model.safetensors)",
            key: "encoder",
        }]
    }

    fn estimate(
        &self,
        cell: &Cell,
        needs: &BTreeMap<&str, &Cell>,
        threads: usize,
        device: &str,
    ) -> Result<Option<Estimate>> {
        estimate::estimate(cell, needs, threads, device)
    }

    fn commands(&self) -> Vec<clap::Command> {
        vec![run::command(), estimate::step::command()]
    }

    fn run_command(&self, name: &str, matches: &clap::ArgMatches, ctx: &RunContext) -> Result<()> {
        match name {
            estimate::step::COMMAND => estimate::step::run_command(),
            _ => run::run_command(matches, ctx),
        }
    }
}
