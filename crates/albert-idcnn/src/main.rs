//! The `albert-idcnn` program: tables, training, prediction. `albert-idcnn --help` says more.

fn main() -> std::process::ExitCode {
    medner_experiment::main(&medner_albert_idcnn::AlbertIdcnn)
}
