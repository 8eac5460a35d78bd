//! The command line, the same for every method.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::config::Value;
use crate::context::{Progress, RunContext, Stop, Stopped};
use crate::display::{self, LogFormat, say};
use crate::error::{ExperimentError, Result, chain};
use crate::method::{EvaluateArgs, Method, PredictArgs, PredictFormat, TrainArgs};
use crate::output;
use crate::reproduce::{self, ReproduceArgs, Setting, parse_set};
use crate::schema::{self, Profile, TableSpec};
use crate::store::Lock;
use crate::summary;
use crate::worker::{self, End, JsonLines, RunCellArgs};
use crate::yaml::{self, Node, Place};

#[derive(Clone, Debug, Args)]
struct GlobalArgs {
    /// Warnings and results only
    #[arg(long, short, global = true)]
    quiet: bool,
    /// What the log on standard error looks like
    #[arg(long, value_enum, default_value_t, global = true)]
    log_format: LogFormat,
    /// The repository, where `experiments/` and `datasets/` are [default: the nearest folder upwards; or MEDNER_ROOT]
    #[arg(long, value_name = "DIR", global = true)]
    root: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
struct TrainFlags {
    /// The method's configuration (YAML); keys that are left out keep the paper's values [default: all of them]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Training file
    #[arg(long, value_name = "FILE")]
    train: PathBuf,
    /// Development file [default: a part of the training file is held out]
    #[arg(long, value_name = "FILE")]
    dev: Option<PathBuf>,
    /// Folder for the model and its checkpoints
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Go on from the last checkpoint in --out
    #[arg(long)]
    resume: bool,
    /// Seed of every random stream
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Another value for a key of the configuration; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_set)]
    sets: Vec<Node>,
    #[command(flatten)]
    machine: MachineFlags,
}

#[derive(Clone, Debug, Args)]
struct MachineFlags {
    /// `cpu` or `cuda:0`; never a silent fallback
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Threads [default: all of the machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

#[derive(Clone, Debug, Args)]
struct EvaluateFlags {
    /// A folder written by `train`
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Test file
    #[arg(long, value_name = "FILE")]
    test: PathBuf,
    /// The scores as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: MachineFlags,
}

#[derive(Clone, Debug, Args)]
struct PredictFlags {
    /// A folder written by `train`
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Text to label, a document a line; JSON lines, CoNLL columns and PubTator are known by what is in them, and their annotations
    /// ignored; `-` is standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// What comes out
    #[arg(long, value_enum, default_value = "jsonl")]
    format: PredictFormat,
    /// Where it goes; `-` is standard output; for brat a folder
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    machine: MachineFlags,
}

#[derive(Clone, Debug, Args)]
struct ConfigFlags {
    /// Show what a cell of this table runs with [default: the method's defaults]
    table: Option<String>,
    /// The cell's system [default: the table's first]
    #[arg(long, value_name = "NAME", requires = "table")]
    system: Option<String>,
    /// The cell's data set [default: the table's first]
    #[arg(long, value_name = "NAME", requires = "table")]
    dataset: Option<String>,
    /// The profile
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
}

#[derive(Clone, Debug, Args)]
struct CompletionFlags {
    /// The shell
    shell: clap_complete::Shell,
}

/// Runs a method's program: its whole `main`.
///
/// Exit codes: 0 done; 1 something failed; 2 the command line is wrong; 128 plus the signal when stopped.
pub fn main(method: &dyn Method) -> ExitCode {
    let mut command = command(method);
    let matches = command.clone().get_matches();
    let Ok(global) = GlobalArgs::from_arg_matches(&matches) else {
        return ExitCode::from(2);
    };
    if let Some(root) = &global.root {
        name_repository(root);
    }
    display::init_log(global.quiet, global.log_format);
    if let Some(("completions", matches)) = matches.subcommand() {
        if let Ok(flags) = CompletionFlags::from_arg_matches(matches) {
            clap_complete::generate(flags.shell, &mut command, method.name(), &mut std::io::stdout());
        }
        return ExitCode::SUCCESS;
    }
    let stop = Stop::new();
    // What saves nothing on the way has nothing to finish: the first signal ends it.
    if !matches!(matches.subcommand_name(), Some("predict" | "evaluate")) {
        install_signals(&stop);
    }
    match dispatch(method, &matches, &global, &stop) {
        Ok(code) => ExitCode::from(code),
        Err(error) => ExitCode::from(report(&error)),
    }
}

/// The variable by which all that reads corpora, and the cells' own processes, find the repository.
const HOME: &str = "MEDNER_HOME";

/// Corpora are those of the repository that `--root` names, where it has any: a folder of experiments alone leaves them where they
/// were.
fn name_repository(root: &Path) {
    if !root.join("datasets/manifest.yaml").is_file() {
        return;
    }
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    // SAFETY: `main` has started no thread yet that could read the environment meanwhile.
    unsafe { std::env::set_var(HOME, root) };
}

/// Holds the folder of a training for this process; a path that can be no folder is left to the method's own checks.
///
/// # Errors
/// [`ExperimentError::Locked`] where another process is at work in it.
pub fn lock_folder(out: &Path) -> Result<Option<Lock>, ExperimentError> {
    if std::fs::create_dir_all(out).is_err() {
        return Ok(None);
    }
    match Lock::take(&out.join("lock")) {
        Ok(lock) => Ok(Some(lock)),
        Err(held @ ExperimentError::Locked { .. }) => Err(held),
        // A folder that cannot be written: the method says so with the remedy.
        Err(_) => Ok(None),
    }
}

/// Prints an error with its causes and gives its exit code.
fn report(error: &anyhow::Error) -> u8 {
    if let Some(stopped) = error.downcast_ref::<Stopped>() {
        tracing::warn!("{stopped}");
        return 128 + stopped.signal as u8;
    }
    tracing::error!("{}", chain(error));
    match error.downcast_ref::<ExperimentError>() {
        Some(error) if error.is_usage() => 2,
        _ => 1,
    }
}

/// The first SIGINT or SIGTERM sets the flag, the second ends the process at once.
fn install_signals(stop: &Stop) {
    let second = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let installed =
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&second))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&second)))
                .and_then(|_| signal_hook::flag::register_usize(signal, stop.word(), signal as usize));
        if let Err(error) = installed {
            tracing::warn!(
                "signal {signal} cannot be caught ({error}); a stop will lose what is not yet saved"
            );
        }
    }
}

/// The examples of `train`: the first as the method would have it, the others with what it says in a file.
fn train_examples(method: &dyn Method) -> String {
    let name = method.name();
    let sets: String = method.train_example().iter().flat_map(|set| [" --set ", set]).collect();
    // On a line of its own, or the help is broken where nobody can copy it.
    let sets = if sets.is_empty() { sets } else { format!(" \\\n     {sets}") };
    format!(
        "  {name} train --train train.txt --dev dev.txt --out model{sets}\n  \
         {name} train --config my.yaml --train train.txt --out model\n  \
         {name} train --config my.yaml --train train.txt --out model --resume\n\n\
         `{name} config` prints every key with its default."
    )
}

/// A verb with its flags. The flags' own doc comments would replace the verb's: its texts are set after them.
fn verb<A: Args>(verb: &'static str, about: &'static str, examples: &str) -> Command {
    let command = A::augment_args(Command::new(verb));
    command.about(about).long_about(None).after_help(format!("Examples:\n{examples}"))
}

fn command(method: &dyn Method) -> Command {
    let name = method.name();
    let mut reproduce = verb::<ReproduceArgs>(
        "reproduce",
        "Run a paper's tables and figures and write them beside the published numbers",
        &format!(
            "  {name} reproduce                               all tables, profile quick\n  \
             {name} reproduce table2 --profile cpu --jobs 2   one table, whole corpora\n  \
             {name} reproduce --dry-run                     what would run, and a plan for a cluster\n\n\
             What is finished is not run again; a stopped or killed run goes on where it was."
        ),
    );
    for shortcut in method.shortcuts() {
        reproduce = reproduce.arg(
            Arg::new(shortcut.flag).long(shortcut.flag).value_name(shortcut.value_name).help(shortcut.help),
        );
    }
    let mut command = GlobalArgs::augment_args(Command::new(name).about(method.about()).version(method.version()))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(reproduce)
        .subcommand(verb::<TrainFlags>(
            "train",
            "Train a model on your own files",
            &train_examples(method),
        ))
        .subcommand(verb::<EvaluateFlags>(
            "evaluate",
            "Score a trained model on a test file",
            &format!("  {name} evaluate --model model --test test.txt"),
        ))
        .subcommand(verb::<PredictFlags>(
            "predict",
            "Label text with a trained model",
            &format!(
                "  {name} predict --model model --input notes.txt --format text\n  \
                 cat notes.txt | {name} predict --model model > entities.jsonl"
            ),
        ))
        .subcommand(verb::<ConfigFlags>(
            "config",
            "Print the configuration, every key with its value",
            &format!("  {name} config\n  {name} config table2 --system NAME --profile cpu"),
        ))
        .subcommand(verb::<RunCellArgs>(
            "run-cell",
            "Run one cell of a plan, as one job of a cluster",
            &format!("  {name} reproduce --dry-run\n  {name} run-cell HASH --plan results/quick/{name}/checkpoints/plan.json"),
        ))
        .subcommand(verb::<CompletionFlags>(
            "completions",
            "Print completions for a shell",
            &format!("  {name} completions bash > ~/.local/share/bash-completion/completions/{name}"),
        ));
    for own in method.commands() {
        command = command.subcommand(own);
    }
    command
}

fn dispatch(
    method: &dyn Method,
    matches: &ArgMatches,
    global: &GlobalArgs,
    stop: &Stop,
) -> anyhow::Result<u8> {
    let Some((verb, matches)) = matches.subcommand() else {
        return Ok(2);
    };
    if let Some(root) = &global.root {
        must_exist(root)?;
    }
    match verb {
        "reproduce" => {
            let args = ReproduceArgs::from_arg_matches(matches)?;
            let given = |flag: &'static str| matches.get_one::<String>(flag).cloned();
            let shortcuts = method.shortcuts().into_iter();
            let setting = Setting {
                root: root(method, global)?,
                quiet: global.quiet,
                format: global.log_format,
                stop: stop.clone(),
                shortcuts: shortcuts
                    .filter_map(|s| Some((s.key.to_owned(), format!("--{}", s.flag), given(s.flag)?)))
                    .collect(),
            };
            Ok(reproduce::reproduce(method, &args, &setting)?)
        }
        "run-cell" => {
            let args = RunCellArgs::from_arg_matches(matches)?;
            let progress = if args.from_driver {
                Progress::new(Arc::new(JsonLines))
            } else {
                Progress::new(display::single(&args.hash, global.quiet, global.log_format))
            };
            match worker::run_cell(method, &args, progress, stop.clone())? {
                End::Finished => Ok(0),
                End::Failed(reason) => {
                    tracing::error!("{reason}");
                    Ok(1)
                }
                End::Stopped(signal) => Ok(128 + signal as u8),
            }
        }
        "config" => {
            let flags = ConfigFlags::from_arg_matches(matches)?;
            let config = shown_config(method, &flags, global)?;
            say(serde_yaml::to_string(&config)?.trim_end());
            Ok(0)
        }
        _ => own_files(method, verb, matches, global, stop),
    }
}

/// The verbs on a user's own files.
fn own_files(
    method: &dyn Method,
    verb: &str,
    matches: &ArgMatches,
    global: &GlobalArgs,
    stop: &Stop,
) -> anyhow::Result<u8> {
    let context = |work_dir: &Path, machine: Option<&MachineFlags>| -> anyhow::Result<RunContext> {
        // A program that was installed works outside the repository too.
        let root = root(method, global).or_else(|_| std::env::current_dir())?;
        let mut ctx = RunContext::new(root, work_dir);
        ctx.stop = stop.clone();
        ctx.progress = Progress::new(display::single(verb, global.quiet, global.log_format));
        if let Some(machine) = machine {
            // Its full name: `cuda` and `cuda:0` are one device to a resume.
            ctx.device =
                method.device(&machine.device).map_err(|error| ExperimentError::usage(chain(&error)))?;
        }
        let threads = machine.map_or_else(|| own_threads(matches), |machine| machine.threads);
        ctx.threads = threads.map_or(ctx.threads, usize::from);
        // Fails only when the pool is already made, which keeps its size.
        rayon::ThreadPoolBuilder::new().num_threads(ctx.threads).build_global().ok();
        Ok(ctx)
    };
    match verb {
        "train" => {
            let flags = TrainFlags::from_arg_matches(matches)?;
            for file in std::iter::once(&flags.train).chain(&flags.dev) {
                must_exist(file)?;
            }
            let ctx = context(&flags.out, Some(&flags.machine))?;
            let given = given_config(flags.config.as_deref(), &flags.sets)?;
            let config = checked(method, &given)?;
            method.check_train(&given.to_value()).map_err(|error| given.locate(&error))?;
            let args = TrainArgs {
                config,
                seed: flags.seed,
                train: flags.train,
                dev: flags.dev,
                out: flags.out,
                resume: flags.resume,
            };
            output::check(&args.out, &args.out, args.resume)?;
            let _lock = lock_folder(&args.out)?;
            method.train(&args, &ctx)?;
        }
        "evaluate" => {
            let flags = EvaluateFlags::from_arg_matches(matches)?;
            must_exist(&flags.model)?;
            must_exist(&flags.test)?;
            let ctx = context(&flags.model, Some(&flags.machine))?;
            let scores = method.evaluate(&EvaluateArgs { model: flags.model, test: flags.test }, &ctx)?;
            if flags.json {
                say(&serde_json::to_string_pretty(&scores)?);
            } else {
                say(&summary::scores(&scores));
            }
        }
        "predict" => {
            let flags = PredictFlags::from_arg_matches(matches)?;
            must_exist(&flags.model)?;
            let file = |path: PathBuf| (path.as_os_str() != "-").then_some(path);
            let ctx = context(&flags.model, Some(&flags.machine))?;
            let (input, output) = (file(flags.input), file(flags.output));
            if let Some(input) = &input {
                must_exist(input)?;
            }
            method.predict(&PredictArgs { model: flags.model, input, output, format: flags.format }, &ctx)?;
        }
        own => method.run_command(own, matches, &context(Path::new("."), None)?)?,
    }
    Ok(0)
}

/// `--threads` of a command of a method's own, where it has that flag: the pool is made before the command reads it.
fn own_threads(matches: &ArgMatches) -> Option<u16> {
    matches.try_get_one::<u16>("threads").ok().flatten().copied()
}

/// Refuses a path of the command line that is not there, as a mistake of the command line (exit code 2).
///
/// # Errors
/// [`ExperimentError::Usage`].
pub fn must_exist(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    Err(ExperimentError::usage(format!("there is no file or folder {}", path.display())))
}

/// A configuration file with `--set` over it, checked by the method; errors name the file's line.
fn checked_config(method: &dyn Method, path: Option<&Path>, sets: &[Node]) -> Result<Value> {
    checked(method, &given_config(path, sets)?)
}

fn checked(method: &dyn Method, given: &Node) -> Result<Value> {
    method.check_config(&given.to_value()).map_err(|error| given.locate(&error))
}

/// The flag `--set KEY=VALUE` for a command of a method's own; its values are [`Node`]s for [`given_config`].
pub fn set_flag() -> Arg {
    Arg::new("sets")
        .long("set")
        .value_name("KEY=VALUE")
        .help("Another value for a key of the configuration; may be repeated")
        .action(ArgAction::Append)
        .value_parser(parse_set)
}

/// A configuration file with each `--set` over it: what the user wrote, and where.
///
/// # Errors
/// A file that is not there or no YAML.
pub fn given_config(path: Option<&Path>, sets: &[Node]) -> Result<Node> {
    let mut node = match path {
        Some(path) => yaml::read(path)?,
        None => Node::empty(Place::CommandLine("the command line".to_owned())),
    };
    for set in sets {
        node.merge(set);
    }
    Ok(node)
}

fn shown_config(method: &dyn Method, flags: &ConfigFlags, global: &GlobalArgs) -> Result<Value> {
    let Some(table) = &flags.table else {
        return checked_config(method, None, &[]);
    };
    let folder = root(method, global)?.join("experiments").join(method.name());
    let spec = TableSpec::load(&schema::table_path(&folder, table)?)?;
    let pick = |flag: &str, given: &Option<String>, known: Vec<&String>| -> Result<String> {
        let name = given.as_ref().or(known.first().copied()).cloned().unwrap_or_default();
        if known.iter().any(|known| **known == name) {
            return Ok(name);
        }
        let hint = crate::error::suggestion(&name, &known);
        Err(ExperimentError::usage(format!("{flag} `{name}` is not in {}{hint}", spec.path.display())))
    };
    let system = pick("--system", &flags.system, spec.systems.iter().map(|(name, _)| name).collect())?;
    let dataset = pick("--dataset", &flags.dataset, spec.datasets.iter().map(|(name, _)| name).collect())?;
    let node = spec.config(flags.profile, &system, &dataset, &[]);
    method.check_config(&node.to_value()).map_err(|error| node.locate(&error))
}

/// The folder that holds `experiments/<method>`.
fn root(method: &dyn Method, global: &GlobalArgs) -> Result<PathBuf> {
    let given = global.root.clone().or_else(|| std::env::var_os("MEDNER_ROOT").map(PathBuf::from));
    let wanted = Path::new("experiments").join(method.name());
    let here = std::env::current_dir().map_err(ExperimentError::io("find", Path::new(".")))?;
    let found = match &given {
        Some(root) => Some(root.clone()).filter(|root| root.join(&wanted).is_dir()),
        // At last, what names the repository to all that reads corpora.
        None => here
            .ancestors()
            .map(Path::to_owned)
            .chain(std::env::var_os(HOME).map(PathBuf::from))
            .find(|folder| folder.join(&wanted).is_dir()),
    };
    found.ok_or_else(|| {
        let at = given.unwrap_or(here);
        let message = format!(
            "no {} in {} or above; run inside the repository, or name it with --root DIR or MEDNER_ROOT",
            wanted.display(),
            at.display()
        );
        ExperimentError::usage(message)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn threads_of_a_methods_own_command_are_read_where_it_has_the_flag() {
        let bare = Command::new("query");
        let flag = Arg::new("threads").long("threads").value_parser(clap::value_parser!(u16).range(1..));
        let threads = |command: &Command, arguments: &[&str]| {
            own_threads(&command.clone().try_get_matches_from(arguments).unwrap())
        };
        assert_eq!(threads(&bare.clone().arg(flag.clone()), &["query", "--threads", "3"]), Some(3));
        assert_eq!(threads(&bare.clone().arg(flag), &["query"]), None);
        assert_eq!(threads(&bare, &["query"]), None);
    }
}
