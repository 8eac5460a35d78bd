//! The `mtl-ls` program: tables, pre-training, training, prediction. `mtl-ls --help` says more.

fn main() -> std::process::ExitCode {
    medner_experiment::main(&medner_mtl_ls::MtlLs)
}
