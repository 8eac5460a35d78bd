//! The `albert-idcnn` program: tables, training, prediction. `albert-idcnn --help` says more.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    medner_experiment::main(&medner_albert_idcnn::AlbertIdcnn)
}
