//! The `asaibc` program: tables, training, prediction. `asaibc --help` says more.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    medner_experiment::main(&medner_asaibc::Asaibc)
}
