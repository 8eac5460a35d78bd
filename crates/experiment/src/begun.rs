//! The number of threads that a half-done cell goes on with.
//!
//! The order of additions, and with it the last digits of every number, depends on the number of threads. A checkpoint that
//! was made with two threads can go on exactly with two only, whatever `--jobs` and `--threads` say by now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What is read of a checkpoint's `state.json` (`medner_core::checkpoint`, which this crate does not know; a test of
/// `medner-training` holds the two together).
#[derive(Deserialize)]
struct State {
    settings: Settings,
}

#[derive(Deserialize)]
struct Settings {
    versions: BTreeMap<String, String>,
}

/// The threads for a cell that works in `folder`: those of its newest checkpoint (aloud, where they are not those `asked`
/// for), else those asked for.
pub fn threads(folder: &Path, asked: usize) -> usize {
    match of_checkpoint(folder) {
        Some(begun) if begun != asked => {
            tracing::warn!(
                "this cell was begun with {begun} thread(s), on which its numbers depend: it goes on with {begun}, not with \
                 {asked}; to begin it again with {asked}, remove {}",
                folder.display()
            );
            begun
        }
        _ => asked,
    }
}

fn of_checkpoint(folder: &Path) -> Option<usize> {
    let mut checkpoints: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    checkpoints.retain(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("step-")));
    checkpoints.sort();
    // A damaged one is passed over, as it is when the training is resumed.
    checkpoints.iter().rev().find_map(|path| {
        let text = std::fs::read_to_string(path.join("state.json")).ok()?;
        let state: State = serde_json::from_str(&text).ok()?;
        state.settings.versions.get("threads")?.parse().ok().filter(|&threads| threads > 0)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_begun_cell_keeps_its_threads_and_a_fresh_one_takes_those_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(threads(folder.path(), 4), 4);
        assert_eq!(threads(&folder.path().join("nowhere"), 4), 4);
        let write = |step: &str, text: &str| {
            std::fs::create_dir_all(folder.path().join(step)).unwrap();
            std::fs::write(folder.path().join(step).join("state.json"), text).unwrap();
        };
        write("model", r#"{"settings": {"versions": {"threads": "7"}}}"#);
        assert_eq!(threads(folder.path(), 4), 4, "not a checkpoint");
        write(
            "step-00000003",
            r#"{"step": 3, "settings": {"seed": 1, "versions": {"threads": "2", "libtorch": "2"}}}"#,
        );
        assert_eq!(threads(folder.path(), 4), 2);
        assert_eq!(threads(folder.path(), 2), 2);
        write("step-00000009", r#"{"step": 9, "settings": {"versions": {"threads": "1"}}}"#);
        assert_eq!(threads(folder.path(), 4), 1, "the newest");
        for damaged in ["{", "{}", r#"{"settings": {"versions": {"threads": "many"}}}"#] {
            write("step-00000009", damaged);
            assert_eq!(threads(folder.path(), 4), 2, "{damaged}");
        }
    }
}
