//! The command line of annotation projects: `mtaal query` and `mtaal learn`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use medner_core::device;
use medner_experiment::RunContext;

use super::Project;
use super::hand_out::take_back;
use super::learn::{Learned, Lesson, learn};
use super::pool::Pool;
use super::query::{Asked, query};
use super::review::caution;
use super::start::Flags;
use crate::exchange::Shape;
use crate::scores::Strategy;

/// Which strategy when, for `--help`.
const STRATEGIES: &str = "How sentences are chosen [default: lc; random as long as there is no model]

lc         what the model is least sure of: for most projects; prefers long
           sentences, and those hold most mentions
entropy    the same by another measure
mnlp       the same for each word: where labelling is paid by the word
diversity  what is least like the labelled sentences (the paper's): meant for a
           pool of many kinds of text; finds fewer mentions, and takes longer
random     every sentence alike: for test data, and to compare with";

/// Which shape can tell an answer from a sentence that nobody looked at, for `--help`.
const SHAPES: &str = "label-studio, doccano, jsonl or brat

A model's suggestions go with the sentences. Label Studio and jsonl say of each sentence whether somebody answered it. \
doccano and brat do not: export approved texts only (doccano), remove the `.ann` of the sentences that nobody looked at \
(brat). What comes back exactly as it was handed out is refused, unless `mtaal learn --unchanged` says that somebody \
looked at it. In \
doccano the project's option to count grapheme clusters must be off.";

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
    let device = || {
        Arg::new("device")
            .long("device")
            .value_name("DEVICE")
            .default_value("cpu")
            .help("`cpu` or `cuda:0`; never a silent fallback")
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
                    .help("lc, entropy, mnlp, diversity or random [default: lc; random as long as there is no model]")
                    .long_help(STRATEGIES),
            )
            .arg(shape("shape").default_value("jsonl").help("label-studio, doccano, jsonl or brat").long_help(SHAPES))
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
                    .value_parser(value_parser!(u64))
                    .help("Seed of a new project [default: 1]"),
            )
            .arg(flag("take-back", "Take the last question back, as long as it is not learned"))
            .arg(threads())
            .arg(device()),
        Command::new("learn")
            .about("Take the answers to a query and go on training")
            .arg(model())
            .arg(
                Arg::new("labelled")
                    .long("labelled")
                    .value_name("FILE")
                    .required(true)
                    .value_parser(value_parser!(PathBuf))
                    .help("The answers: a file, for brat the folder")
                    .long_help(
                        "The answers: a file, for brat the folder. doccano and brat do not say whether somebody looked at a sentence: \
                         what comes back from them exactly as it was handed out is refused without `--unchanged`",
                    ),
            )
            .arg(shape("shape").help("label-studio, doccano, jsonl or brat [default: told from the content]"))
            .arg(flag("partial", "Go on without the sentences that have no answer"))
            .arg(flag("unchanged", "doccano and brat: what came back as it was handed out was looked at, too"))
            .arg(flag("new-types", "Accept entity types that the project does not have yet"))
            .arg(
                Arg::new("epochs")
                    .long("epochs")
                    .value_name("N")
                    .value_parser(value_parser!(u64).range(1..))
                    .help("Passes over all labelled sentences [default: training.epochs, more while there are few]"),
            )
            .arg(threads())
            .arg(device()),
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
    let device_name = matches.get_one::<String>("device").unwrap_or(&ctx.device);
    let device = device::open(device_name)?;
    let ctx = RunContext { threads, device: device_name.clone(), ..ctx.clone() };
    let folder = matches.get_one::<PathBuf>("model").context("`--model` is required")?;
    match name {
        "query" if matches.get_flag("take-back") => {
            let (round, kept) = take_back(&Project::open(folder)?)?;
            for path in kept {
                tracing::warn!("{}: is not as it was written, and is kept under this name", path.display());
            }
            tracing::info!("the question of round {round} is taken back");
            Ok(())
        }
        "query" => {
            // All that can be wrong on the command line is looked at before a project is started.
            let flags = Flags::read(matches)?;
            let pool = Pool::read(matches.get_one::<PathBuf>("pool").context("`--pool` is required")?)?;
            let project = Project::open_or_start(folder, |model| flags.start(model))?;
            flags.agree(&project.start, &project.start_file(), project.rounds()? > 0)?;
            let asked = Asked {
                pool,
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
            if let Some(caution) = caution(asked.shape) {
                tracing::warn!("{caution}");
            }
            Ok(())
        }
        "learn" => {
            let project = Project::open(folder)?;
            let lesson = Lesson {
                labelled: matches.get_one::<PathBuf>("labelled").context("`--labelled` is required")?.clone(),
                shape: matches.get_one::<Shape>("shape").copied(),
                partial: matches.get_flag("partial"),
                unchanged: matches.get_flag("unchanged"),
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
