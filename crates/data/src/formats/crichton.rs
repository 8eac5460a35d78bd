//! The biomedical sets of Crichton et al. 2017 (MTL-Bioinformatics-2016): `token TAB tag`, IOB2; JNLPBA has `-DOCSTART-`
//! lines between abstracts.

use std::collections::BTreeSet;
use std::path::Path;

use medner_metrics::TagScheme;

use super::conll::{ConllOptions, Separator, read_conll};
use super::report::Read;
use crate::corpus::Sentence;
use crate::error::Result;

/// How these sets are written; with `keep`, entities of other types become `O` and are counted.
pub fn options(keep: Option<&[&str]>) -> ConllOptions {
    ConllOptions {
        separator: Separator::Tab,
        columns: Some(2),
        scheme: Some(TagScheme::Bio),
        keep: keep.map(|types| types.iter().map(|&t| t.to_owned()).collect::<BTreeSet<_>>()),
        ..ConllOptions::default()
    }
}

/// Reads one split, strictly.
///
/// # Errors
/// As [`read_conll`].
pub fn read(path: &Path, keep: Option<&[&str]>) -> Result<Read<Sentence>> {
    read_conll(path, &options(keep))
}
