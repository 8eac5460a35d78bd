//! What a project is started with, and the flags that say it: `--types`, `--config`, `--seed`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ArgMatches;
use medner_experiment::config::difference;
use serde::{Deserialize, Serialize};

use crate::config::{Config, Tasks};
use crate::corpus::OUTSIDE;
use crate::folder::ModelFolder;
use crate::own_files;

/// What a project was started with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The format's version.
    pub format: u32,
    /// Seed of everything random.
    pub seed: u64,
    /// Entity types that the labelling tools offer.
    pub types: Vec<String>,
    /// How models are trained.
    pub config: Config,
}

/// The version of the project format.
pub const FORMAT: u32 = 1;

/// The flags as they were given; what was not given a started project need not agree with.
pub struct Flags {
    types: Vec<String>,
    config: Option<(PathBuf, Config)>,
    seed: Option<u64>,
}

impl Flags {
    /// Reads the flags, and the configuration that one of them names; what a project cannot be made of is refused here, before
    /// anybody labels anything.
    pub fn read(matches: &ArgMatches) -> Result<Self> {
        let config = match matches.get_one::<PathBuf>("config") {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("{}: cannot be read", path.display()))?;
                let given = serde_yaml::from_str(&text).with_context(|| format!("{}", path.display()))?;
                let config = Config::read(&given).with_context(|| format!("{}", path.display()))?;
                own_files::check(&config).with_context(|| format!("{}", path.display()))?;
                Some((path.clone(), config))
            }
        };
        Ok(Self {
            types: types(matches.get_many::<String>("types").into_iter().flatten())?,
            config,
            seed: matches.get_one::<u64>("seed").copied(),
        })
    }

    /// A new project: the flags, or the settings of the model that is in its folder.
    pub fn start(&self, model: Option<&ModelFolder>) -> Result<Start> {
        let config = match (&self.config, model) {
            (Some((_, config)), None) => config.clone(),
            (Some((path, _)), Some(_)) => bail!(
                "{}: the model in the folder has its configuration already; leave `--config` out",
                path.display()
            ),
            (None, Some(model)) => {
                own_files::vectors_are_there(&model.config)
                    .context("the configuration of the model in the folder")?;
                model.config.clone()
            }
            (None, None) => Config::default(),
        };
        let types = match (self.types.is_empty(), model) {
            (false, _) => self.types.clone(),
            (true, Some(model)) => model.encoding.ner.types().to_vec(),
            (true, None) => bail!(
                "a new project needs the entity types that are to be labelled: `--types Disease,Chemical`"
            ),
        };
        if config.tasks == Tasks::Nen && types.len() > 1 {
            bail!(
                "a model of normalisation alone (`tasks: nen`) finds concepts and no types, so that its project has one type, not \
                 {}; name it by `--types`",
                types.join(",")
            );
        }
        if let Some(model) = model.filter(|model| model.config.tasks.ner()) {
            let lacking = model.encoding.ner.types().iter().filter(|&kind| !types.contains(kind));
            let lacking: Vec<&str> = lacking.map(String::as_str).collect();
            if !lacking.is_empty() {
                tracing::warn!(
                    "`--types` lacks what the model finds: {}; it makes no suggestions of these types",
                    lacking.join(",")
                );
            }
        }
        Ok(Start { format: FORMAT, seed: self.seed.unwrap_or(1), types, config })
    }

    /// Refuses flags that say something else than the project was started with. `file` is where that stands; `asked` tells whether
    /// something was asked since.
    pub fn agree(&self, start: &Start, file: &Path, asked: bool) -> Result<()> {
        let remedy = |flag: &str| {
            if asked {
                format!("leave `{flag}` out, or start a project in another folder (`--model`)")
            } else {
                format!("leave `{flag}` out, or remove {} to start anew", file.display())
            }
        };
        let refuse = |flag: &str, given: &str, there: &str| -> Result<()> {
            bail!(
                "`{flag}` says {given}, but the project was started with {there} ({}); {}",
                file.display(),
                remedy(flag)
            )
        };
        let set = |types: &[String]| types.iter().cloned().collect::<BTreeSet<_>>();
        if !self.types.is_empty() && set(&self.types) != set(&start.types) {
            refuse("--types", &self.types.join(","), &start.types.join(","))?;
        }
        if let Some((path, config)) = &self.config
            && config != &start.config
        {
            let (given, there) = (serde_json::to_value(config)?, serde_json::to_value(&start.config)?);
            let flag = format!("--config {}", path.display());
            refuse(&flag, &difference(&given, &there).to_string(), &difference(&there, &given).to_string())?;
        }
        if let Some(seed) = self.seed.filter(|&seed| seed != start.seed) {
            refuse("--seed", &seed.to_string(), &start.seed.to_string())?;
        }
        Ok(())
    }
}

/// The types of `--types`, without white space around them.
fn types<'a>(given: impl Iterator<Item = &'a String>) -> Result<Vec<String>> {
    let mut types: Vec<String> = Vec::new();
    for kind in given.map(|kind| kind.trim()) {
        if kind.is_empty() {
            bail!(
                "`--types`: one of the types is empty; separate types by one comma: `--types Disease,Chemical`"
            );
        }
        if kind == OUTSIDE {
            bail!(
                "`--types`: `{OUTSIDE}` is what stands outside mentions and cannot be a type; name it otherwise"
            );
        }
        if kind.contains('|') {
            bail!(
                "`--types`: `{kind}` has a `|`, which stands between a type and its concept; name it without"
            );
        }
        if types.iter().any(|other| other == kind) {
            bail!("`--types`: `{kind}` is named twice");
        }
        types.push(kind.to_owned());
    }
    Ok(types)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn types_are_trimmed_and_what_can_be_none_is_refused() {
        let read = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(ToString::to_string).collect();
            types(given.iter()).map_err(|error| error.to_string())
        };
        assert_eq!(read(&["Disease", " Chemical "]).unwrap(), ["Disease", "Chemical"]);
        assert!(read(&[]).unwrap().is_empty());
        for (given, why) in [
            (["Disease", " "], "is empty"),
            (["Disease", " Disease"], "named twice"),
            (["O", "Disease"], "outside mentions"),
            (["Disease", "a|b"], "`a|b` has a `|`"),
        ] {
            let message = read(&given).unwrap_err();
            assert!(message.starts_with("`--types`: ") && message.contains(why), "{message}");
        }
    }

    #[test]
    fn a_project_of_normalisation_alone_has_one_type() {
        let flags = |types: &[&str]| Flags {
            types: types.iter().map(ToString::to_string).collect(),
            config: Some((PathBuf::from("c.yaml"), Config { tasks: Tasks::Nen, ..Config::default() })),
            seed: None,
        };
        let message = flags(&["Disease", "Chemical"]).start(None).unwrap_err().to_string();
        assert!(message.contains("has one type, not Disease,Chemical"), "{message}");
        assert_eq!(flags(&["Disease"]).start(None).unwrap().types, ["Disease"]);
    }

    #[test]
    fn flags_that_say_something_else_are_refused_with_both_values() {
        let flags = |types: &[&str], hidden: Option<i64>, seed| {
            let mut config = Config::default();
            config.model.hidden = hidden.unwrap_or(8);
            Flags {
                types: types.iter().map(ToString::to_string).collect(),
                config: hidden.map(|_| (PathBuf::from("c.yaml"), config)),
                seed,
            }
        };
        let start = flags(&["A", "B"], Some(8), Some(3)).start(None).unwrap();
        let agree = |flags: &Flags, asked| {
            flags.agree(&start, Path::new("p/project.json"), asked).map_err(|e| e.to_string())
        };
        for same in [flags(&[], None, None), flags(&["B", "A"], Some(8), Some(3))] {
            agree(&same, true).unwrap();
        }
        let message = agree(&flags(&["A"], None, None), true).unwrap_err();
        assert_eq!(
            message,
            "`--types` says A, but the project was started with A,B (p/project.json); leave `--types` out, or start a project in \
             another folder (`--model`)"
        );
        let message = agree(&flags(&[], Some(9), None), true).unwrap_err();
        assert!(message.contains("`--config c.yaml` says {\"model\":{\"hidden\":9}}"), "{message}");
        assert!(message.contains("started with {\"model\":{\"hidden\":8}}"), "{message}");
        let message = agree(&flags(&[], None, Some(4)), false).unwrap_err();
        assert!(message.contains("`--seed` says 4") && message.contains("started with 3"), "{message}");
        assert!(message.ends_with("or remove p/project.json to start anew"), "{message}");
    }
}
