//! The one error type of this crate: every variant carries the facts and, where there is one, the remedy.

use std::path::PathBuf;

/// Shorthand for this crate.
pub type Result<T, E = CoreError> = std::result::Result<T, E>;

/// What can go wrong with tensors, models, training and checkpoints.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Tch(#[from] tch::TchError),
    /// The operating system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A tensor has another shape than the operation is defined for.
    #[error("{what}: expected shape {expected}, found {found:?}")]
    Shape {
        /// Which tensor.
        what: String,
        /// The shape in letters, for example `[B, T, K]`.
        expected: String,
        /// The shape found.
        found: Vec<i64>,
    },
    /// A configuration value that the model cannot be built with.
    #[error("{key}: {message}")]
    Config {
        /// The key.
        key: String,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// A device that was asked for and cannot be used.
    #[error("device `{device}`: {message}")]
    Device {
        /// As the user wrote it.
        device: String,
        /// Why, and what to do.
        message: String,
    },
    /// A parameter with this name exists already.
    #[error("parameter `{name}` is registered twice")]
    DuplicateParameter {
        /// Full name.
        name: String,
    },
    /// Tensors read do not fit the model.
    #[error("the tensors do not fit the model: missing [{}], unexpected [{}], wrong shape [{}]", .missing.join(", "), .unexpected.join(", "), .mismatched.join(", "))]
    State {
        /// In the model, not in the file.
        missing: Vec<String>,
        /// In the file, not in the model.
        unexpected: Vec<String>,
        /// `name: expected [..] float, found [..] float`.
        mismatched: Vec<String>,
    },
    /// A loss or gradient that is not a finite number.
    #[error(
        "{what} is {value} at step {step} (sentences {}){}; the last good checkpoint stays",
        .sentences.join(", "), in_parameters(.parameters)
    )]
    NotFinite {
        /// `loss` or `gradient norm`.
        what: &'static str,
        /// The value.
        value: f64,
        /// The step, from 0.
        step: u64,
        /// Identifiers of the batch's sentences.
        sentences: Vec<String>,
        /// Parameters with such a gradient; none where it is the loss.
        parameters: Vec<String>,
    },
    /// The common norm of the gradients is not a finite number; the trainer adds step and sentences.
    #[error("the gradient norm is {norm}{}", in_parameters(.parameters))]
    GradientNotFinite {
        /// NaN or infinite.
        norm: f64,
        /// Parameters with such a gradient.
        parameters: Vec<String>,
    },
    /// A checkpoint that cannot be used.
    #[error("checkpoint {}: {message}", .path.display())]
    Checkpoint {
        /// Its folder.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A folder or file of a pre-trained model that cannot be used.
    #[error("{}: {message}", .path.display())]
    Pretrained {
        /// The folder or the file in it.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A run is resumed with another configuration or other data.
    #[error("{} was started with other settings; a resume must not change them. Differences:\n{}\nStart in another folder, or restore the settings; to start over, remove this one.", .path.display(), .differences.iter().map(|d| format!("  {d}")).collect::<Vec<_>>().join("\n"))]
    ResumeDiffers {
        /// The run's folder.
        path: PathBuf,
        /// `key: was X, is Y`.
        differences: Vec<String>,
    },
    /// The run was asked to stop; its state is saved.
    #[error("stopped by signal {signal}; the state is saved, --resume continues")]
    Stopped {
        /// SIGINT (2) or SIGTERM (15).
        signal: i32,
    },
    /// Tags or spans that the scheme cannot write.
    #[error(transparent)]
    Tag(#[from] medner_metrics::TagError),
    /// Data could not be read.
    #[error(transparent)]
    Data(#[from] medner_data::DataError),
}

impl CoreError {
    /// An [`CoreError::Io`] of `path`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

fn in_parameters(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(" in the parameters {}", names.join(", ")) }
}
