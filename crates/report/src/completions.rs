//! `medner completions SHELL`.

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::console::{Outcome, emit};

/// What to complete for.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell, for example `medner completions bash > ~/.local/share/bash-completion/completions/medner`.
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &CompletionsArgs) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "medner", &mut script);
    emit(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Ok)
}
