//! What stands once in the labelled sentences stands for all that training never shows.
//!
//! A word or character that stands once is read as the unknown one half of the time (Lample et al. 2016, section 4.1): else no
//! step would move the rows of the unknown word and of the unknown character, and whatever a user's text has beyond the training
//! sentences would be read with numbers that were drawn and never trained. The paper does not do so, and a cell's vocabulary has
//! the words of all its sentences, so that cells of tables leave every word as it is.

use medner_core::Result;
use medner_core::unknowns::Unknowns;
use tch::Device;

use crate::prepare::Prepared;
use crate::words::DistinctWords;

/// The words and characters that stand once in the labelled sentences.
pub(super) struct Rare {
    words: Unknowns,
    characters: Unknowns,
}

impl Rare {
    /// Counts those of the sentences that are labelled now.
    pub fn of(data: &Prepared, device: Device) -> Result<Self> {
        let labelled = || data.pool.labelled.iter().map(|&id| &data.examples[id as usize]);
        let spelt = labelled().flat_map(|e| &e.forms).map(|&form| data.forms.characters(form));
        let characters = data.encoding.characters.len();
        Ok(Self {
            words: Unknowns::of(labelled().map(|e| &e.words), data.encoding.words.len(), device)?,
            // Spellings are numbers on the CPU whatever the device.
            characters: Unknowns::of(spelt, characters, Device::Cpu)?,
        })
    }

    /// Reads about half of them as unknown ones; libtorch's generator, which every step seeds anew, decides.
    pub fn hide(&self, words: &mut DistinctWords<'_>) -> Result<()> {
        words.read_as_unknown(&self.words, &self.characters)
    }
}
