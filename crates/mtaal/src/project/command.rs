//! The command line of annotation projects: `mtaal query` and `mtaal learn`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use medner_core::device;
use medner_experiment::RunContext;

use super::learn::{Learned, Lesson, learn};
use super::query::{Asked, query, take_back};
use super::{FORMAT, Project, Start};
use crate::config::Config;
use crate::exchange::Shape;
use crate::folder::ModelFolder;
use crate::scores::Strategy;

/// The two subcommands.
pub fn commands() -> Vec<Command> {
    let model = || {
        Arg::new("model")
            .long("model")
            .value_name("DIR")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help("The project's folder: a new one, or one that `mtaal train` wrote")
    };
    let shape = |name: &'static str| Arg::new(name).long(name).value_name("SHAPE").value_parser(parse_shape);
    let threads = || {
        Arg::new("threads")
            .long("threads")
            .value_name("N")
            .value_parser(value_parser!(u16).range(1..))
            .help("Threads [default: all of the machine]")
    };
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    vec![
        Command::new("query")
            .about("Choose the sentences of a pool to label next")
            .arg(model())
            .arg(
                Arg::new("pool")
                    .long("pool")
                    .value_name("FILE")
                    .required_unless_present("take-back")
                    .value_parser(value_parser!(PathBuf))
                    .help("Text (a document a line), JSON lines or PubTator"),
            )
            .arg(
                Arg::new("n")
                    .long("n")
                    .value_name("N")
                    .default_value("64")
                    .value_parser(value_parser!(u32).range(1..))
                    .help("How many sentences"),
            )
            .arg(
                Arg::new("strategy")
                    .long("strategy")
                    .value_name("NAME")
                    .value_parser(parse_strategy)
                    .help("diversity, lc, entropy, mnlp or random [default: diversity; random as long as there is no model]"),
            )
            .arg(shape("shape").default_value("jsonl").help("label-studio, doccano, jsonl or brat"))
            .arg(
                Arg::new("out")
                    .long("out")
                    .value_name("FILE")
                    .value_parser(value_parser!(PathBuf))
                    .help("Where the sentences go, for brat a folder [default: in the project's folder]"),
            )
            .arg(flag("no-suggestions", "Leave the model's own labels out"))
            .arg(
                Arg::new("types")
                    .long("types")
                    .value_name("A,B")
                    .value_delimiter(',')
                    .help("Entity types of a new project, for the labelling tool"),
            )
            .arg(
                Arg::new("config")
                    .long("config")
                    .value_name("FILE")
                    .value_parser(value_parser!(PathBuf))
                    .help("The configuration of a new project (YAML)"),
            )
            .arg(
                Arg::new("seed")
                    .long("seed")
                    .value_name("N")
                    .default_value("1")
                    .value_parser(value_parser!(u64))
                    .help("Seed of a new project"),
            )
            .arg(flag("take-back", "Take the question back that waits for its answers"))
            .arg(threads()),
        Command::new("learn")
            .about("Take the answers to a query and go on training")
            .arg(model())
            .arg(
                Arg::new("labelled")
                    .long("labelled")
                    .value_name("FILE")
                    .required(true)
                    .value_parser(value_parser!(PathBuf))
                    .help("The answers: a file, for brat the folder"),
            )
            .arg(shape("shape").help("label-studio, doccano, jsonl or brat [default: told from the content]"))
            .arg(flag("partial", "Go on without the sentences that have no answer"))
            .arg(flag("new-types", "Accept entity types that the project does not have yet"))
            .arg(
                Arg::new("epochs")
                    .long("epochs")
                    .value_name("N")
                    .value_parser(value_parser!(u64).range(1..))
                    .help("Passes over all labelled sentences [default: training.epochs, more while there are few]"),
            )
            .arg(threads()),
    ]
}

fn parse_shape(name: &str) -> Result<Shape, String> {
    name.parse().map_err(|error: crate::exchange::UnknownShape| error.to_string())
}

fn parse_strategy(name: &str) -> Result<Strategy, String> {
    name.parse().map_err(|error: crate::scores::UnknownStrategy| error.to_string())
}

/// Runs one of [`commands`].
pub fn run(name: &str, matches: &ArgMatches, ctx: &RunContext) -> Result<()> {
    let threads = matches.get_one::<u16>("threads").map_or(ctx.threads, |&n| usize::from(n));
    device::set_threads(threads);
    let device = device::open(&ctx.device)?;
    let ctx = RunContext { threads, ..ctx.clone() };
    let folder = matches.get_one::<PathBuf>("model").context("`--model` is required")?;
    match name {
        "query" if matches.get_flag("take-back") => {
            let round = take_back(&Project::open(folder, not_started)?)?;
            tracing::info!("the question of round {round} is taken back");
            Ok(())
        }
        "query" => {
            let project = Project::open(folder, |model| start(model, matches))?;
            let asked = Asked {
                pool: matches.get_one::<PathBuf>("pool").context("`--pool` is required")?.clone(),
                n: matches.get_one::<u32>("n").map_or(64, |&n| n as usize),
                strategy: matches.get_one::<Strategy>("strategy").copied(),
                shape: matches.get_one::<Shape>("shape").copied().unwrap_or(Shape::Jsonl),
                out: matches.get_one::<PathBuf>("out").cloned(),
                suggestions: !matches.get_flag("no-suggestions"),
            };
            let (written, out) = query(&project, &asked, &ctx, device)?;
            tracing::info!(
                "round {}: {} sentences by {} in {}; label them, then `mtaal learn --model {} --labelled FILE`",
                project.rounds()?,
                written.items.len(),
                written.strategy,
                out.display(),
                folder.display()
            );
            Ok(())
        }
        "learn" => {
            let project = Project::open(folder, not_started)?;
            let lesson = Lesson {
                labelled: matches.get_one::<PathBuf>("labelled").context("`--labelled` is required")?.clone(),
                shape: matches.get_one::<Shape>("shape").copied(),
                partial: matches.get_flag("partial"),
                new_types: matches.get_flag("new-types"),
                epochs: matches.get_one::<u64>("epochs").copied(),
            };
            match learn(&project, &lesson, &ctx, device)? {
                Learned::Now(round, labelled) => tracing::info!(
                    "round {round} is learned, {labelled} sentences in all; the model is in {}",
                    super::newest_model(folder).display()
                ),
                Learned::Before(round) => {
                    tracing::info!(
                        "round {round} was learned with the same answers before; nothing is to be done"
                    );
                }
            }
            Ok(())
        }
        other => bail!("`{other}` is no command of annotation projects"),
    }
}

/// What a new project is started with: the model's own settings, or a configuration.
fn start(model: Option<&ModelFolder>, matches: &ArgMatches) -> Result<Start> {
    let types: Vec<String> = matches.get_many::<String>("types").into_iter().flatten().cloned().collect();
    let config = match (matches.get_one::<PathBuf>("config"), model) {
        (Some(path), None) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("{}: cannot be read", path.display()))?;
            let given = serde_yaml::from_str(&text).with_context(|| format!("{}", path.display()))?;
            Config::read(&given).with_context(|| format!("{}", path.display()))?
        }
        (Some(path), Some(_)) => {
            bail!(
                "{}: the model in the folder has its configuration already; leave `--config` out",
                path.display()
            )
        }
        (None, Some(model)) => model.config.clone(),
        (None, None) => Config::default(),
    };
    let types = match (types.is_empty(), model) {
        (false, _) => types,
        (true, Some(model)) => model.encoding.ner.types().to_vec(),
        (true, None) => {
            bail!("a new project needs the entity types that are to be labelled: `--types Disease,Chemical`")
        }
    };
    let seed = matches.get_one::<u64>("seed").copied().unwrap_or(1);
    Ok(Start { format: FORMAT, seed, types, config })
}

fn not_started(_: Option<&ModelFolder>) -> Result<Start> {
    bail!(
        "no project was started in this folder: begin with `mtaal query --model DIR --pool FILE --types A,B`"
    )
}
