//! Getting a file of the manifest: download or unpack beside its final place, verify, rename.
//!
//! A file appears under its own name only after its size, SHA-256 and git blob id (those the manifest knows) agree; a
//! killed program leaves a `.NAME.part` from which the next run goes on, and never a half file that looks whole.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::archive;
use crate::download::{Client, discard, forget, sync_folder};
use crate::hash::{hash_bytes, hash_file};
use crate::manifest::{FileEntry, Join};

/// What can go wrong between the manifest and verified files on disk.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The operating system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manifest is not what this program reads.
    #[error("{}: {message}", .path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong, with line and column or the entry's name.
        message: String,
    },
    /// No such data set.
    #[error("no data set is called `{name}`; there are: {}", .known.join(", "))]
    UnknownDataSet {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The bytes are not the ones expected.
    #[error("{file}: wrong {fact}: expected {expected}, found {found} (from {from}); the file is not used: {remedy}", remedy = wrong_hash_remedy(.from))]
    WrongHash {
        /// The file, relative to the datasets folder.
        file: String,
        /// Address or path it came from.
        from: String,
        /// Which fact differs.
        fact: &'static str,
        /// What the manifest demands.
        expected: String,
        /// What was there.
        found: String,
    },
    /// The server says no, and asking again cannot help.
    #[error(
        "{file}: the server answered {status} for {url}; get the file elsewhere and put it in a folder named by MEDNER_MIRROR, or give another host with --base-url"
    )]
    Status {
        /// The file.
        file: String,
        /// The address asked.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// No network, or it broke too often.
    #[error(
        "{file}: not downloaded after {attempts} attempts from {url} (last: {last}); without a network, set MEDNER_MIRROR to a folder that holds `{file}`, or put the file at datasets/{file}"
    )]
    Download {
        /// The file.
        file: String,
        /// The address asked.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// Why the last attempt failed.
        last: String,
    },
    /// An archive is damaged or holds something else.
    #[error("{}: {message}", .path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// No public address gives this file.
    #[error(
        "{file} cannot be downloaded: it is derived ({how}{from}); set MEDNER_MIRROR to a folder that holds it, or make it and put it at datasets/{file}"
    )]
    Derived {
        /// The file.
        file: String,
        /// How it was made.
        how: String,
        /// Where its sources lie, as `; sources: ...`, or nothing.
        from: String,
    },
    /// The data set is neither in the datasets folder nor in the mirror.
    #[error("data set `{name}` is not here: {} missing; looked in {}; mend it with `medner data fetch {name}`, or set MEDNER_MIRROR to a folder that holds them", .missing.join(", "), shown(.looked))]
    Missing {
        /// The data set.
        name: String,
        /// Files that are nowhere, relative to the datasets folder.
        missing: Vec<String>,
        /// Folders that were searched.
        looked: Vec<PathBuf>,
    },
    /// `MEDNER_MIRROR` names something that is no folder.
    #[error("MEDNER_MIRROR={} is not a folder; set it to a folder laid out as datasets/, or unset it", .path.display())]
    Mirror {
        /// Its value.
        path: PathBuf,
    },
    /// Not started inside a repository.
    #[error("no datasets/manifest.yaml in {} or above it; start inside the repository, set MEDNER_HOME or MEDNER_ROOT to it, or name it by `--root DIR` (the methods' programs)", .start.display())]
    NoHome {
        /// Where the search started.
        start: PathBuf,
    },
}

fn shown(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    paths.join(" and ")
}

fn wrong_hash_remedy(from: &str) -> &'static str {
    if from.starts_with("http://") || from.starts_with("https://") {
        "try again, or another host with --base-url"
    } else {
        "remove it and run `medner data fetch`"
    }
}

/// How files are downloaded.
#[derive(Clone, Debug)]
pub struct FetchOptions {
    /// Takes the place of scheme and host in every address, for example `http://127.0.0.1:8000`.
    pub base_url: Option<String>,
    /// Attempts in a row that bring nothing before a download is given up.
    pub attempts: u32,
    /// Wait after the first failure; doubled after each further one.
    pub backoff: Duration,
    /// A connection that is silent for this long counts as cut.
    pub stall: Duration,
    /// Show progress bars where standard error is a terminal.
    pub progress: bool,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            base_url: None,
            attempts: 5,
            backoff: Duration::from_secs(1),
            stall: Duration::from_secs(30),
            progress: true,
        }
    }
}

/// Downloads files of the manifest.
#[derive(Clone, Debug)]
pub struct Fetcher {
    base_url: Option<String>,
    client: Client,
}

impl Default for Fetcher {
    fn default() -> Self {
        Self::new(FetchOptions::default())
    }
}

impl Fetcher {
    /// A fetcher with these options.
    pub fn new(options: FetchOptions) -> Self {
        Self {
            base_url: options.base_url.map(|url| url.trim_end_matches('/').to_owned()),
            client: Client::new(options.attempts, options.backoff, options.stall, options.progress),
        }
    }

    /// The address that is really asked: the manifest's, with scheme and host replaced where a base URL is given.
    pub fn address(&self, url: &str) -> String {
        let Some(base) = &self.base_url else {
            return url.to_owned();
        };
        let path =
            url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
        format!("{base}/{path}")
    }

    /// Brings one file into `datasets`, verified; replaces nothing that is already there with the right bytes.
    ///
    /// Archives are kept in `datasets/.archives` until [`Fetcher::clean_archives`], so that several members cost one download.
    ///
    /// # Errors
    /// Any [`FetchError`] that concerns a file; after an error no file stands at the final place that was not there before.
    pub fn fetch(&self, entry: &FileEntry, datasets: &Path) -> Result<PathBuf, FetchError> {
        let place = datasets.join(&entry.path);
        let Some(url) = &entry.url else {
            return Err(FetchError::Derived {
                file: entry.path.clone(),
                how: entry.derived.clone().unwrap_or_default(),
                from: sources(entry),
            });
        };
        if place.exists() {
            let found = hash_file(&place).map_err(|source| io_error(&place, source))?;
            return match entry.mismatch(&found) {
                None => Ok(place),
                Some((fact, expected, found)) => Err(FetchError::WrongHash {
                    file: entry.path.clone(),
                    from: place.display().to_string(),
                    fact,
                    expected,
                    found,
                }),
            };
        }
        let folder = place.parent().unwrap_or(datasets);
        std::fs::create_dir_all(folder).map_err(|source| io_error(folder, source))?;
        let url = self.address(url);
        let part = part_path(&place);
        tracing::info!(file = entry.path, bytes = entry.bytes, url, "fetching");
        if entry.member.is_some() || entry.members.is_some() {
            self.unpack(entry, &url, datasets, &part)?;
            if let Err(error) = verify(entry, &url, &part) {
                // Else the next try would unpack the same wrong archive again.
                discard(&archive_path(datasets, &url));
                return Err(error);
            }
        } else {
            let resumed = self.client.download(&entry.path, &url, &part, entry.bytes)?;
            if let Err(error) = verify(entry, &url, &part) {
                if !resumed {
                    return Err(error);
                }
                // The part kept from before may have been of another version: once more from the first byte.
                tracing::warn!(
                    file = entry.path,
                    "the resumed download is not the file expected; starting again"
                );
                self.client.download(&entry.path, &url, &part, entry.bytes)?;
                verify(entry, &url, &part)?;
            }
        }
        std::fs::rename(&part, &place).map_err(|source| io_error(&place, source))?;
        forget(&part);
        sync_folder(folder);
        Ok(place)
    }

    /// Makes the partial file from the archive at `url`, which is downloaded unless an earlier file needed it too.
    fn unpack(&self, entry: &FileEntry, url: &str, datasets: &Path, part: &Path) -> Result<(), FetchError> {
        let archive = archive_path(datasets, url);
        if !archive.exists() {
            let folder = archive.parent().unwrap_or(datasets);
            std::fs::create_dir_all(folder).map_err(|source| io_error(folder, source))?;
            let archive_part = part_path(&archive);
            self.client.download(&entry.path, url, &archive_part, None)?;
            std::fs::rename(&archive_part, &archive).map_err(|source| io_error(&archive, source))?;
            forget(&archive_part);
        }
        let mut out = File::create(part).map_err(|source| io_error(part, source))?;
        let result = match (&entry.member, &entry.members, entry.join) {
            (Some(member), _, _) => archive::extract_member(&archive, member, entry.bytes, &mut out, part),
            (None, Some(pattern), Some(Join::JsonLines)) => {
                archive::join_json_lines(&archive, pattern, &mut out, part)
            }
            _ => Ok(()),
        };
        let result = result.and_then(|()| out.sync_all().map_err(|source| io_error(part, source)));
        if result.is_err() {
            // Neither a half member nor an archive that may be damaged stays for the next run.
            discard(part);
            discard(&archive);
        }
        result
    }

    /// Removes the archives that `entries` were unpacked from.
    pub fn clean_archives<'a>(&self, entries: impl IntoIterator<Item = &'a FileEntry>, datasets: &Path) {
        let archives: BTreeSet<PathBuf> = entries
            .into_iter()
            .filter(|entry| entry.member.is_some() || entry.members.is_some())
            .filter_map(|entry| entry.url.as_ref())
            .map(|url| archive_path(datasets, &self.address(url)))
            .collect();
        for archive in &archives {
            discard(archive);
        }
        // Succeeds only when it is empty, which is what is wanted.
        let _ = std::fs::remove_dir(datasets.join(".archives"));
    }
}

/// `; sources: repository at commit: path`, or nothing.
fn sources(entry: &FileEntry) -> String {
    match (&entry.repository, &entry.commit, &entry.source) {
        (Some(repository), Some(commit), Some(source)) => {
            format!("; sources: {repository} at {commit}: {source}")
        }
        _ => String::new(),
    }
}

fn io_error(path: &Path, source: std::io::Error) -> FetchError {
    FetchError::Io { path: path.to_owned(), source }
}

/// `folder/name` is downloaded as `folder/.name.part`.
fn part_path(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.part"))
}

/// Where the archive of an address is kept.
fn archive_path(datasets: &Path, url: &str) -> PathBuf {
    let name = &hash_bytes(url.as_bytes()).sha256[..16];
    datasets.join(".archives").join(format!("{name}.zip"))
}

/// Checks the partial file; one with wrong bytes is removed.
fn verify(entry: &FileEntry, url: &str, part: &Path) -> Result<(), FetchError> {
    let found = hash_file(part).map_err(|source| io_error(part, source))?;
    match entry.mismatch(&found) {
        None => Ok(()),
        Some((fact, expected, found)) => {
            discard(part);
            Err(FetchError::WrongHash {
                file: entry.path.clone(),
                from: url.to_owned(),
                fact,
                expected,
                found,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_takes_the_place_of_the_host() {
        let fetcher = Fetcher::new(FetchOptions {
            base_url: Some("http://127.0.0.1:9/".into()),
            ..FetchOptions::default()
        });
        assert_eq!(fetcher.address("https://raw.example.org/a/b/c%20d"), "http://127.0.0.1:9/a/b/c%20d");
        assert_eq!(Fetcher::default().address("https://x/y"), "https://x/y");
    }
}
