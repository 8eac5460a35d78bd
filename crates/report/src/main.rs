//! The `medner` program: data sets, scores, result tables, and what a machine lacks.

mod audit;
mod claims;
mod cli;
mod compare;
mod completions;
mod console;
mod data;
mod doctor;
mod namesakes;
mod report;
mod score;
mod tables;

use std::process::ExitCode;

use clap::Parser;
use medner_allocator as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    console::start_log(cli.quiet, cli.log_format);
    console::exit_code(cli.run())
}
