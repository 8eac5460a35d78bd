//! The command line.

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::console::Outcome;
use crate::{completions, data, doctor, score, tables};

/// Corpora, scores, result tables and diagnosis for medner.
#[derive(Debug, Parser)]
#[command(name = "medner", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// Says only what was asked for and what went wrong.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// How progress and warnings are written to standard error.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// The form of the log on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One readable line a message.
    #[default]
    Text,
    /// One JSON object a message.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetches, checks, counts and converts corpora.
    #[command(subcommand)]
    Data(data::DataCommand),
    /// Scores predictions: strict, conlleval, seqeval and token accuracy side by side.
    Score(score::ScoreArgs),
    /// Prints the result tables: published beside measured.
    Report(tables::ReportArgs),
    /// Says what is here, what is missing, and the command that mends it.
    Doctor(doctor::DoctorArgs),
    /// Prints a completion script for a shell.
    Completions(completions::CompletionsArgs),
}

impl Cli {
    /// Runs the command asked for.
    pub fn run(self) -> Result<Outcome> {
        match self.command {
            Command::Data(command) => command.run(self.quiet),
            Command::Score(args) => score::run(&args),
            Command::Report(args) => tables::run(&args),
            Command::Doctor(args) => doctor::run(&args),
            Command::Completions(args) => completions::run(&args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
