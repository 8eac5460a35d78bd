//! Folders of pre-trained models as the `transformers` library writes and reads them.
//!
//! ```text
//! config.json         sizes; read by the model's own serde struct
//! model.safetensors   parameters, by the names that the reference implementation gives them
//! vocab.txt, ...      what its tokenizer needs
//! ```
//!
//! Reading is strict: a parameter of the model that the file lacks, a tensor of the file that the model has no place for
//! (unless the caller [sets it aside](Weights::set_aside) by name), another shape, a value that is no finite number: each is
//! an error that lists the names, and the model is left as it was. Pickles are never opened.
//!
//! ```no_run,standalone_crate
//! # fn main() -> medner_core::Result<()> {
//! use medner_core::params::Params;
//! use medner_core::pretrained::PretrainedFolder;
//!
//! #[derive(serde::Deserialize)]
//! struct Config {
//!     hidden_size: i64,
//! }
//!
//! let folder = PretrainedFolder::open("encoder".as_ref(), "albert")?;
//! let config: Config = folder.config()?;
//! let params = Params::new(tch::Device::Cpu);
//! // ... build a model of config.hidden_size in params.root() / "encoder" ...
//! let mut weights = folder.weights()?;
//! weights.strip_prefix("albert.")?;
//! weights.set_aside(|name| name.starts_with("predictions."));
//! weights.load(&params, "encoder")?;
//! # Ok(())
//! # }
//! ```

mod folder;
mod save;
mod weights;

pub use folder::{PretrainedFolder, model_type};
pub use save::save;
pub use weights::Weights;

/// The file with the sizes.
pub const CONFIG: &str = "config.json";
/// The file with the parameters.
pub const WEIGHTS: &str = "model.safetensors";
/// The file with one vocabulary entry a line.
pub const VOCABULARY: &str = "vocab.txt";
