//! The seconds of each round, in a file of the run's folder that grows by a line a round.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result};
use medner_core::CoreError;
use serde::{Deserialize, Serialize};

use crate::algorithm::Seconds;

const FILE: &str = "seconds.jsonl";

/// A kind of work by name, and the time that went into it.
pub type Phase = (&'static str, fn(&Seconds) -> f64);

/// How much time went into what.
pub const PHASES: [Phase; 4] = [
    ("scoring", |s| s.scoring),
    ("discriminators", |s| s.discriminators),
    ("training", |s| s.training),
    ("test", |s| s.test),
];

/// One line.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct RoundSeconds {
    query: u64,
    #[serde(flatten)]
    seconds: Seconds,
}

/// Adds the line of a round. After a half line, which a kill can leave, it begins a new one.
///
/// # Errors
/// What the operating system refuses.
pub fn append(folder: &Path, query: u64, seconds: Seconds) -> medner_core::Result<()> {
    let path = folder.join(FILE);
    let line = serde_json::to_string(&RoundSeconds { query, seconds })
        .map_err(|e| CoreError::io(&path)(e.into()))?;
    let write = || {
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(&path)?;
        let mut last = *b"\n";
        if file.metadata()?.len() > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        let begin = if last == *b"\n" { "" } else { "\n" };
        file.write_all(format!("{begin}{line}\n").as_bytes())
    };
    write().map_err(CoreError::io(&path))
}

/// The seconds of each query; of one that was made twice (its first end was lost to a kill) those of the second time.
///
/// # Errors
/// A file that cannot be read; one that is not there has no seconds.
pub fn read(folder: &Path) -> Result<BTreeMap<u64, Seconds>> {
    let path = folder.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("{}: cannot be read", path.display())),
    };
    // A kill can leave a half line.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<RoundSeconds>(line).ok());
    Ok(lines.map(|line| (line.query, line.seconds)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_after_a_half_one_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap().is_empty());
        let seconds = |training| Seconds { training, ..Seconds::default() };
        append(folder.path(), 1, seconds(1.0)).unwrap();
        append(folder.path(), 2, seconds(2.0)).unwrap();
        let path = folder.path().join(FILE);
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
        append(folder.path(), 2, seconds(3.0)).unwrap();
        append(folder.path(), 3, seconds(4.0)).unwrap();
        let found = read(folder.path()).unwrap();
        assert_eq!(found, [(1, seconds(1.0)), (2, seconds(3.0)), (3, seconds(4.0))].into());
    }
}
