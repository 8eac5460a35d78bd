//! SHA-256 and git blob ids of files, and a stamp cache so that a verified file is not read again at every start.
//!
//! A git blob id is the SHA-1 of `blob <size>\0` followed by the bytes. It is what a repository's tree lists, so a file can
//! be checked against a commit even where nobody published its SHA-256.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use crate::atomic::write_atomically;

/// What identifies the content of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHash {
    /// Size.
    pub bytes: u64,
    /// SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Git blob id, 40 lower-case hexadecimal digits.
    pub git_blob: String,
}

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

/// Hashes `bytes`.
pub fn hash_bytes(bytes: &[u8]) -> FileHash {
    let mut git = Sha1::new();
    git.update(format!("blob {}\0", bytes.len()));
    git.update(bytes);
    FileHash {
        bytes: bytes.len() as u64,
        sha256: hex(&Sha256::digest(bytes)),
        git_blob: hex(&git.finalize()),
    }
}

/// Hashes a file in pieces; the memory used does not depend on its size.
///
/// # Errors
/// What the system says; also when the file changes its size while it is read.
pub fn hash_file(path: &Path) -> io::Result<FileHash> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let (mut sha256, mut git) = (Sha256::new(), Sha1::new());
    git.update(format!("blob {bytes}\0"));
    let mut buffer = vec![0u8; 1 << 18];
    let mut read = 0u64;
    loop {
        let n = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        sha256.update(&buffer[..n]);
        git.update(&buffer[..n]);
        read += n as u64;
    }
    if read != bytes {
        return Err(io::Error::other(format!("size changed from {bytes} to {read} bytes while it was read")));
    }
    Ok(FileHash { bytes, sha256: hex(&sha256.finalize()), git_blob: hex(&git.finalize()) })
}

/// What a file looked like when it was hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    /// Modification time in nanoseconds since 1970 (negative before it).
    modified_ns: i128,
    /// The hash then; its `bytes` is part of the key.
    #[serde(flatten)]
    hash: FileHash,
}

/// Hashes of files by path, size and modification time, kept in one JSON file.
///
/// The cache only saves work: when its file is missing, damaged or not writable, hashing is slower and nothing else changes.
#[derive(Debug, Default)]
pub struct StampCache {
    file: Option<PathBuf>,
    stamps: BTreeMap<PathBuf, Stamp>,
    changed: bool,
}

impl StampCache {
    /// The cache kept in `file`; empty when the file is missing or not one of ours.
    pub fn open(file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        let stamps = std::fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self { file: Some(file), stamps, changed: false }
    }

    /// Hashes of `paths`, in their order, in parallel over files; unchanged files are not read.
    ///
    /// Each element is its own result: one unreadable file does not hide the others.
    pub fn hash_all(&mut self, paths: &[PathBuf]) -> Vec<io::Result<FileHash>> {
        let known = &self.stamps;
        let results: Vec<io::Result<Stamp>> = paths
            .par_iter()
            .map(|path| {
                let (bytes, modified_ns) = size_and_time(path)?;
                match known.get(path) {
                    Some(stamp) if stamp.modified_ns == modified_ns && stamp.hash.bytes == bytes => {
                        Ok(stamp.clone())
                    }
                    _ => Ok(Stamp { modified_ns, hash: hash_file(path)? }),
                }
            })
            .collect();
        paths
            .iter()
            .zip(results)
            .map(|(path, result)| {
                let stamp = result?;
                if self.stamps.get(path) != Some(&stamp) {
                    self.stamps.insert(path.clone(), stamp.clone());
                    self.changed = true;
                }
                Ok(stamp.hash)
            })
            .collect()
    }

    /// True when the file stands in the cache with the size and time it has now, so that it would not be read.
    pub fn knows(&self, path: &Path) -> bool {
        size_and_time(path).is_ok_and(|(bytes, modified_ns)| {
            self.stamps
                .get(path)
                .is_some_and(|stamp| stamp.modified_ns == modified_ns && stamp.hash.bytes == bytes)
        })
    }

    /// Writes the cache when it changed (to a temporary file, then renamed).
    ///
    /// # Errors
    /// What the system says; a caller may go on without the cache.
    pub fn save(&mut self) -> io::Result<()> {
        let (Some(file), true) = (&self.file, self.changed) else {
            return Ok(());
        };
        write_atomically(file, |out| {
            serde_json::to_writer(&mut *out, &self.stamps)?;
            out.write_all(b"\n")
        })?;
        self.changed = false;
        Ok(())
    }
}

/// Size and modification time in nanoseconds since 1970.
fn size_and_time(path: &Path) -> io::Result<(u64, i128)> {
    let metadata = std::fs::metadata(path)?;
    let modified = metadata.modified()?;
    let nanoseconds = match modified.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    };
    Ok((metadata.len(), nanoseconds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    // printf 'hello\n' | sha256sum; printf 'hello\n' | git hash-object --stdin
    const HELLO_SHA: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    const HELLO_GIT: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

    #[test]
    fn hashes_as_sha256sum_and_git_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello");
        std::fs::write(&path, "hello\n").unwrap();
        let hash = hash_file(&path).unwrap();
        assert_eq!((hash.bytes, hash.sha256.as_str(), hash.git_blob.as_str()), (6, HELLO_SHA, HELLO_GIT));
        assert_eq!(hash, hash_bytes(b"hello\n"));
        // git hash-object -t blob /dev/null
        assert_eq!(hash_bytes(b"").git_blob, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    }

    #[test]
    fn a_large_file_is_hashed_in_pieces_to_the_same_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        let bytes: Vec<u8> = (0..700_001u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(hash_file(&path).unwrap(), hash_bytes(&bytes));
    }

    #[test]
    fn the_cache_answers_for_unchanged_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let (path, cache_file) = (folder.path().join("a"), folder.path().join("stamps.json"));
        std::fs::write(&path, "one").unwrap();
        let paths = vec![path.clone(), folder.path().join("missing")];

        let mut cache = StampCache::open(&cache_file);
        let first = cache.hash_all(&paths);
        assert_eq!(*first[0].as_ref().unwrap(), hash_bytes(b"one"));
        assert_eq!(first[1].as_ref().unwrap_err().kind(), io::ErrorKind::NotFound);
        cache.save().unwrap();

        let mut cache = StampCache::open(&cache_file);
        assert!(cache.knows(&path));
        std::fs::write(&path, "three").unwrap();
        assert!(!cache.knows(&path));
        assert_eq!(*cache.hash_all(&paths)[0].as_ref().unwrap(), hash_bytes(b"three"));

        // Same size, later time: read again.
        cache.save().unwrap();
        std::fs::write(&path, "seven").unwrap();
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
        File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_eq!(*cache.hash_all(&paths)[0].as_ref().unwrap(), hash_bytes(b"seven"));
    }

    #[test]
    fn a_damaged_cache_file_is_an_empty_cache() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("stamps.json");
        std::fs::write(&file, "{ not json").unwrap();
        assert!(StampCache::open(&file).stamps.is_empty());
    }
}
