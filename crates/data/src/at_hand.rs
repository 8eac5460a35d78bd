//! Real corpora for the tests of this workspace: where they are, or nothing, said aloud, where they are not.

use std::path::{Path, PathBuf};

use crate::store::Store;

/// The folder that has `file` (`msra/train.bio`): the mirror's, else the one that `medner data fetch` fills. `member` is the
/// `CARGO_MANIFEST_DIR` of a member of the workspace, two folders below the repository.
///
/// # Panics
/// Where there is no repository, its manifest cannot be read, or `MEDNER_MIRROR` names no folder.
pub fn folder_with(member: &str, file: &str) -> Option<PathBuf> {
    let repository = Path::new(member).join("../..").canonicalize().expect("a member of the workspace");
    let found = Store::open(&repository).expect("the repository's data sets").folder_with(file);
    if found.is_none() {
        eprintln!("skipped: no {file}; `medner data fetch`, or set MEDNER_MIRROR to a folder that has it");
    }
    found
}
