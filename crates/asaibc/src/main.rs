//! The `asaibc` program: tables, training, prediction. `asaibc --help` says more.

fn main() -> std::process::ExitCode {
    medner_experiment::main(&medner_asaibc::Asaibc)
}
