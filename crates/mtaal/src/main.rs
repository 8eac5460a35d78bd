//! The `mtaal` program: tables, training, prediction, and the rounds of an annotation project. `mtaal --help` says more.

fn main() -> std::process::ExitCode {
    medner_experiment::main(&medner_mtaal::Mtaal)
}
