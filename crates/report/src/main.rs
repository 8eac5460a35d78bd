//! The `medner` program: data sets, scores, result tables, and what a machine lacks.

mod audit;
mod claims;
mod cli;
mod compare;
mod completions;
mod console;
mod data;
mod doctor;
mod report;
mod score;
mod tables;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    console::start_log(cli.quiet, cli.log_format);
    console::exit_code(cli.run())
}
