//! The command line.

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::console::Outcome;
use crate::{audit, claims, compare, completions, data, doctor, report, score};

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
    /// Makes the report: tables, figures and claims, published beside measured.
    Report(report::ReportArgs),
    /// Judges the papers' claims by the runs.
    Claims(claims::command::ClaimsArgs),
    /// Checks the papers' printed numbers against each other and against the corpora.
    Audit(audit::command::AuditArgs),
    /// Compares two sets of results: what changed beyond noise.
    Compare(compare::command::CompareArgs),
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
            Command::Report(args) => report::run(&args),
            Command::Claims(args) => claims::command::run(&args),
            Command::Audit(args) => audit::command::run(&args),
            Command::Compare(args) => compare::command::run(&args),
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
