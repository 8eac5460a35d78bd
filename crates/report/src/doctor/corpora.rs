//! Data sets: verified, missing or wrong.

use std::path::Path;

use medner_data::store::{DataSetStatus, State, Store};

use super::Check;
use crate::console::size;
use crate::data::standing;

const GROUP: &str = "data sets";
const MIRROR: &str = "set MEDNER_MIRROR to a folder that holds it";

/// Verifies every data set; returns how each stands.
pub fn checks(home: &Path, checks: &mut Vec<Check>) -> Vec<DataSetStatus> {
    let store = match Store::open(home) {
        Ok(store) => store,
        Err(error) => {
            let mend = "git checkout datasets/manifest.yaml, or mend what the message names";
            checks.push(Check::missing(GROUP, "manifest", error.to_string(), mend));
            return Vec::new();
        }
    };
    let mirror =
        store.mirror().map_or("none (MEDNER_MIRROR is not set)".to_owned(), |p| p.display().to_string());
    checks.push(Check::ok(GROUP, "mirror", mirror));
    let datasets = store.status();
    let verified: Vec<&DataSetStatus> =
        datasets.iter().filter(|s| matches!(s.state, State::Verified { .. })).collect();
    let bytes = verified.iter().map(|s| s.bytes).sum();
    let files: usize = verified.iter().map(|s| s.file_count).sum();
    let found = format!("{} of {} data sets, {files} files, {}", verified.len(), datasets.len(), size(bytes));
    checks.push(Check::ok(GROUP, "verified", found));
    for status in &datasets {
        match &status.state {
            State::Verified { .. } => {}
            State::Missing { downloadable: true, .. } if status.on_request => {
                let how = format!("on request only; `medner data fetch {}` downloads it", status.name);
                checks.push(Check::note(GROUP, &status.name, how));
            }
            State::Missing { files, downloadable } => {
                let mend = if *downloadable {
                    format!("medner data fetch {}", status.name)
                } else {
                    MIRROR.to_owned()
                };
                let found = format!("{}: {} of {} files", standing(status), files.len(), status.file_count);
                checks.push(Check::missing(GROUP, &status.name, found, mend));
            }
            State::Wrong { message } => {
                let mend = format!("remove the file, then medner data fetch {}", status.name);
                checks.push(Check::missing(GROUP, &status.name, message, mend));
            }
        }
    }
    datasets
}
