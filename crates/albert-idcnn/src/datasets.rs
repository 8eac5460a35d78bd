//! The hashes of this paper's data, as the driver wants them.

use medner_data::load;
use medner_experiment::{DataFacts, Missing};

/// The hashes of a data set's files; fetches it when it is not here.
pub fn facts(data: &str) -> Result<DataFacts, Missing> {
    match load::hashes(data) {
        Ok(files) => Ok(DataFacts { files }),
        Err(error) => Err(Missing::new(medner_experiment::error::chain(&error.into()))),
    }
}
