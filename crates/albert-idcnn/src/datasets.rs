//! The hashes of this paper's data, as the driver wants them.

use medner_core::pretrained::VOCABULARY;
use medner_data::load;
use medner_data::store::Store;
use medner_experiment::{DataFacts, Missing};

use crate::pretraining::vocabulary::CHINESE;

/// The hashes of a data set's files; fetches it when it is not here.
pub fn facts(data: &str) -> Result<DataFacts, Missing> {
    match load::hashes(data) {
        Ok(files) => Ok(DataFacts { files }),
        Err(error) => Err(Missing::new(medner_experiment::error::chain(&error.into()))),
    }
}

/// The hash of the Chinese BERTs' vocabulary; fetches it when it is not here.
pub fn chinese_vocabulary() -> Result<DataFacts, Missing> {
    let located = Store::discover().and_then(|store| store.ensure(CHINESE));
    let located = located.map_err(|error| Missing::new(medner_experiment::error::chain(&error.into())))?;
    let files = located.files.into_iter().filter(|(name, _)| name.ends_with(VOCABULARY));
    Ok(DataFacts { files: files.map(|(name, fact)| (name, fact.sha256)).collect() })
}
