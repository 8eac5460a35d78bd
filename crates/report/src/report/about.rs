//! `experiments/<paper>/paper.yaml`: what the report says of a paper besides its numbers.
//!
//! ```yaml
//! title: Chinese Clinical Named Entity Recognition with ALBERT and MHA Mechanism
//! authors: Li, Long, Qu, Zhang
//! year: 2022
//! venue: Evidence-Based Complementary and Alternative Medicine
//! claims: Two sentences, in our own words.
//! says:                                   # what its text says of a table or figure
//!   fig3: F1 is above 80 for every type but the laboratory tests.
//! readme: [table2]                        # the tables that README.md shows whole
//! differences:
//!   - topic: Blocks of dilated convolutions
//!     paper: one block four times with shared weights, and layers with weights of their own
//!     released: no code released          # left out: the authors released no code
//!     ours: shared; both in the sensitivity table
//!     key: model.idcnn.share_blocks       # the configuration key that decides; left out: none does
//! data:
//!   ccks2019:                             # a name of datasets/manifest.yaml
//!     counts: [{split: train, unit: documents, printed: 1000, at: Section 4.1}]
//!     notes: [The corpus has no development split.]
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A paper.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    pub title: String,
    pub authors: String,
    pub year: u16,
    #[serde(default)]
    pub venue: String,
    /// What it claims, in two sentences.
    pub claims: String,
    /// By table: what the paper's text says of it.
    #[serde(default)]
    pub says: BTreeMap<String, String>,
    /// The tables that README.md shows whole.
    #[serde(default)]
    pub readme: Vec<String>,
    #[serde(default)]
    pub differences: Vec<Difference>,
    /// By data set of the manifest.
    #[serde(default)]
    pub data: BTreeMap<String, Data>,
}

/// A place where paper, released code and ours are not the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    pub topic: String,
    pub paper: String,
    #[serde(default)]
    pub released: Option<String>,
    pub ours: String,
    /// The configuration key that decides.
    #[serde(default)]
    pub key: Option<String>,
}

/// What the paper says of a corpus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    pub counts: Vec<Count>,
    /// Known defects, and what was done about them.
    pub notes: Vec<String>,
}

/// A printed count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// `train`, `dev`, `test`, or `all`.
    pub split: String,
    /// `documents`, `sentences`, `tokens`, `entities`, or an entity type.
    pub unit: String,
    pub printed: u64,
    /// The printed number stands for a stretch of this length (46.4k: 100).
    #[serde(default = "one")]
    pub rounded: u64,
    /// Where it stands.
    pub at: String,
}

fn one() -> u64 {
    1
}

impl About {
    /// Reads the file.
    ///
    /// # Errors
    /// What cannot be read, an unknown key, a missing one: with file, line and column.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_yaml::from_str(&text).map_err(|error| {
            let place =
                error.location().map_or(String::new(), |at| format!(":{}:{}", at.line(), at.column()));
            format!("{}{place}: {error}", path.display())
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_unknown_key_has_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paper.yaml");
        std::fs::write(&path, "title: T\nauthors: A\nyear: 2022\nclaims: C.\nsayz: {}\n").unwrap();
        let error = About::load(&path).unwrap_err();
        assert!(error.contains("paper.yaml:5:1: unknown field `sayz`"), "{error}");
    }
}
