//! Where the data sets are: the datasets folder first, then a mirror folder; both verified, nothing copied.
//!
//! - `datasets/` of the repository holds what was fetched or placed by hand.
//! - The mirror is `MEDNER_MIRROR` (empty means none), else `../shared/datasets` beside the repository when it is there. It
//!   has the same layout and is read in place.
//!
//! The repository is `MEDNER_HOME` (which the methods' programs set to what `--root` names), else the nearest folder above the current
//! one with `datasets/manifest.yaml`, else `MEDNER_ROOT`.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::fetch::{FetchError, Fetcher};
use crate::hash::{FileHash, StampCache};
use crate::manifest::{DataSet, FileEntry, MANIFEST_PATH, Manifest};

/// The data sets of one repository.
#[derive(Debug)]
pub struct Store {
    home: PathBuf,
    mirror: Option<PathBuf>,
    manifest: Manifest,
    stamps: Mutex<StampCache>,
}

/// One verified file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileFact {
    /// Where it is.
    pub path: PathBuf,
    /// Size.
    pub bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// A data set that is here and verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Located {
    /// Its name in the manifest.
    pub name: String,
    /// Folder of its files; several data sets may share one.
    pub root: PathBuf,
    /// Its files by path relative to the datasets folder (`msra/train.bio`). Files that are not needed may be absent.
    pub files: BTreeMap<String, FileFact>,
}

impl Located {
    /// A file by its path relative to [`Located::root`], for example `train.bio`.
    ///
    /// # Errors
    /// [`FetchError::Missing`] when the data set has no such file here.
    pub fn file(&self, relative: &str) -> Result<&FileFact, FetchError> {
        let path = self.root.join(relative);
        self.files.values().find(|fact| fact.path == path).ok_or_else(|| FetchError::Missing {
            name: self.name.clone(),
            missing: vec![relative.to_owned()],
            looked: vec![self.root.clone()],
        })
    }

    /// The folder that the paths of [`Located::files`] are relative to, which is that of the catalogue's paths too.
    ///
    /// # Errors
    /// [`FetchError::Missing`] when the data set has no file here.
    pub fn base(&self) -> Result<&Path, FetchError> {
        let base =
            self.files.iter().next().and_then(|(relative, fact)| {
                fact.path.ancestors().nth(Path::new(relative).components().count())
            });
        base.ok_or_else(|| FetchError::Missing {
            name: self.name.clone(),
            missing: Vec::new(),
            looked: vec![self.root.clone()],
        })
    }
}

/// Which folder a data set was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// `datasets/` of the repository.
    Datasets,
    /// The mirror folder.
    Mirror,
}

/// How a data set stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum State {
    /// Every needed file is there with the right bytes.
    Verified {
        /// Where.
        place: Place,
    },
    /// Needed files are nowhere.
    Missing {
        /// Those files, relative to the datasets folder.
        files: Vec<String>,
        /// False when a missing file has no public address, so that only a mirror can bring it.
        downloadable: bool,
    },
    /// A file is there, but it is not the one expected or cannot be read.
    Wrong {
        /// What is wrong and how to mend it.
        message: String,
    },
}

/// One line of `medner doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DataSetStatus {
    /// Name in the manifest.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// How it stands.
    #[serde(flatten)]
    pub state: State,
    /// True when it is fetched only by name, so that its absence is no fault.
    pub on_request: bool,
    /// Files the manifest lists.
    pub file_count: usize,
    /// Their sizes together, as far as known.
    pub bytes: u64,
}

impl Store {
    /// The store of the repository at `home`, with the mirror that the environment names.
    ///
    /// # Errors
    /// When the manifest cannot be read, or `MEDNER_MIRROR` is set to something that is no folder.
    pub fn open(home: &Path) -> Result<Self, FetchError> {
        let home =
            std::path::absolute(home).map_err(|source| FetchError::Io { path: home.to_owned(), source })?;
        let mirror = match std::env::var_os("MEDNER_MIRROR") {
            Some(value) if value.is_empty() => None,
            Some(value) => {
                let path = PathBuf::from(value);
                if !path.is_dir() {
                    return Err(FetchError::Mirror { path });
                }
                Some(path)
            }
            None => home.parent().map(|p| p.join("shared/datasets")).filter(|p| p.is_dir()),
        };
        Self::with_mirror(&home, mirror)
    }

    /// The store of the repository at `home` with this mirror, whatever the environment says.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub fn with_mirror(home: &Path, mirror: Option<PathBuf>) -> Result<Self, FetchError> {
        Ok(Self {
            manifest: Manifest::load(&home.join(MANIFEST_PATH))?,
            stamps: Mutex::new(StampCache::open(home.join("datasets/.verified.json"))),
            home: home.to_owned(),
            mirror,
        })
    }

    /// The store of the repository around the current folder, or of `MEDNER_HOME`.
    ///
    /// # Errors
    /// [`FetchError::NoHome`], and those of [`Store::open`].
    pub fn discover() -> Result<Self, FetchError> {
        Self::open(&find_home()?)
    }

    /// The repository.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The datasets folder.
    pub fn datasets(&self) -> PathBuf {
        self.home.join("datasets")
    }

    /// The mirror folder, when there is one.
    pub fn mirror(&self) -> Option<&Path> {
        self.mirror.as_deref()
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Finds a data set and verifies every file of it that is there.
    ///
    /// # Errors
    /// [`FetchError::UnknownDataSet`], [`FetchError::Missing`], [`FetchError::WrongHash`], [`FetchError::Io`].
    pub fn locate(&self, name: &str) -> Result<Located, FetchError> {
        let set = self.manifest.get(name)?;
        let Some((folder, _)) = self.places().into_iter().find(|(folder, _)| is_complete(set, folder)) else {
            return Err(FetchError::Missing {
                name: name.to_owned(),
                missing: self.missing(set),
                looked: self.places().into_iter().map(|(folder, _)| folder).collect(),
            });
        };
        let entries: Vec<&FileEntry> =
            set.files.iter().filter(|f| f.needed || folder.join(&f.path).is_file()).collect();
        let paths: Vec<PathBuf> = entries.iter().map(|f| folder.join(&f.path)).collect();
        let hashes = self.hash(&paths);
        let mut files = BTreeMap::new();
        for ((entry, path), hash) in entries.into_iter().zip(paths).zip(hashes) {
            let hash = hash.map_err(|source| FetchError::Io { path: path.clone(), source })?;
            if let Some((fact, expected, found)) = entry.mismatch(&hash) {
                return Err(FetchError::WrongHash {
                    file: entry.path.clone(),
                    from: path.display().to_string(),
                    fact,
                    expected,
                    found,
                });
            }
            let fact = FileFact { path, bytes: hash.bytes, sha256: hash.sha256 };
            files.insert(entry.path.clone(), fact);
        }
        Ok(Located { name: name.to_owned(), root: folder.join(&set.root), files })
    }

    /// Finds a data set, and fetches it first when it is not here.
    ///
    /// # Errors
    /// Those of [`Store::locate`] and of [`Fetcher::fetch`].
    pub fn ensure(&self, name: &str) -> Result<Located, FetchError> {
        self.ensure_with(name, &Fetcher::default())
    }

    /// [`Store::ensure`] with another fetcher.
    ///
    /// Only one program at a time fetches into a repository; another one waits and then finds the files there.
    ///
    /// # Errors
    /// Those of [`Store::locate`] and of [`Fetcher::fetch`].
    pub fn ensure_with(&self, name: &str, fetcher: &Fetcher) -> Result<Located, FetchError> {
        match self.locate(name) {
            Err(FetchError::Missing { .. }) => {}
            other => return other,
        }
        let set = self.manifest.get(name)?;
        // What cannot be downloaded is said before anything else is.
        if let Some(entry) =
            set.files.iter().find(|f| f.needed && f.url.is_none() && !self.datasets().join(&f.path).is_file())
        {
            return fetcher.fetch(entry, &self.datasets()).and_then(|_| self.locate(name));
        }
        let lock = self.lock()?;
        for entry in &set.files {
            if entry.url.is_some() {
                fetcher.fetch(entry, &self.datasets())?;
            } else {
                tracing::info!(
                    file = entry.path,
                    "not fetched: it is derived, and the data set can be read without it"
                );
            }
        }
        fetcher.clean_archives(&set.files, &self.datasets());
        drop(lock);
        self.locate(name)
    }

    /// How every data set stands, verified, in the order of their names.
    pub fn status(&self) -> Vec<DataSetStatus> {
        self.manifest
            .datasets
            .iter()
            .map(|(name, set)| DataSetStatus {
                name: name.clone(),
                title: set.title.clone(),
                state: self.state(name, set),
                on_request: set.on_request,
                file_count: set.files.len(),
                bytes: set.files.iter().filter_map(|f| f.bytes).sum(),
            })
            .collect()
    }

    fn state(&self, name: &str, set: &DataSet) -> State {
        let place = self.places().into_iter().find(|(folder, _)| is_complete(set, folder));
        match (self.locate(name), place) {
            (Ok(_), Some((_, place))) => State::Verified { place },
            (Err(FetchError::Missing { missing, .. }), _) => State::Missing {
                downloadable: set.files.iter().all(|f| f.url.is_some() || !missing.contains(&f.path)),
                files: missing,
            },
            (Err(error), _) => State::Wrong { message: error.to_string() },
            (Ok(_), None) => {
                State::Wrong { message: "the files changed while they were looked at; run again".into() }
            }
        }
    }

    /// The folder, the mirror before the datasets folder, that has a file of this path (`msra/train.bio`); unverified.
    pub fn folder_with(&self, file: &str) -> Option<PathBuf> {
        let places = self.places().into_iter().rev();
        places.map(|(folder, _)| folder).find(|folder| folder.join(file).exists())
    }

    /// The folders that are searched, in order.
    fn places(&self) -> Vec<(PathBuf, Place)> {
        let mirror = self.mirror.iter().map(|folder| (folder.clone(), Place::Mirror));
        std::iter::once((self.datasets(), Place::Datasets)).chain(mirror).collect()
    }

    /// Needed files that are in no place; when each is somewhere but no place has all, those not in the datasets folder.
    fn missing(&self, set: &DataSet) -> Vec<String> {
        let absent = |file: &&FileEntry, places: &[(PathBuf, Place)]| {
            file.needed && !places.iter().any(|(folder, _)| folder.join(&file.path).is_file())
        };
        let places = self.places();
        let nowhere: Vec<String> =
            set.files.iter().filter(|f| absent(f, &places)).map(|f| f.path.clone()).collect();
        if !nowhere.is_empty() {
            return nowhere;
        }
        set.files.iter().filter(|f| absent(f, &places[..1])).map(|f| f.path.clone()).collect()
    }

    fn hash(&self, paths: &[PathBuf]) -> Vec<std::io::Result<FileHash>> {
        // A panic while the lock was held leaves at worst a cache entry less.
        let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        let hashes = stamps.hash_all(paths);
        if let Err(error) = stamps.save() {
            tracing::debug!(%error, "verified files are not remembered");
        }
        hashes
    }

    /// The lock that keeps two programs from writing the same partial file.
    fn lock(&self) -> Result<File, FetchError> {
        let path = self.datasets().join(".fetch.lock");
        let fail = |source| FetchError::Io { path: path.clone(), source };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                tracing::info!("another program is fetching into this repository; waiting for it");
                file.lock().map_err(fail)?;
            }
            Err(TryLockError::Error(source)) => return Err(fail(source)),
        }
        Ok(file)
    }
}

/// True when every needed file of the data set is in `folder`.
fn is_complete(set: &DataSet, folder: &Path) -> bool {
    set.files.iter().filter(|f| f.needed).all(|f| folder.join(&f.path).is_file())
}

/// The repository: `MEDNER_HOME`, else the nearest folder above the current one that holds `datasets/manifest.yaml`, else
/// `MEDNER_ROOT`, by which the methods' programs find their experiments.
///
/// # Errors
/// [`FetchError::NoHome`].
pub fn find_home() -> Result<PathBuf, FetchError> {
    if let Some(home) = std::env::var_os("MEDNER_HOME").filter(|v| !v.is_empty()) {
        let home = PathBuf::from(home);
        return if home.join(MANIFEST_PATH).is_file() {
            Ok(home)
        } else {
            Err(FetchError::NoHome { start: home })
        };
    }
    let start =
        std::env::current_dir().map_err(|source| FetchError::Io { path: PathBuf::from("."), source })?;
    start
        .ancestors()
        .map(Path::to_owned)
        .chain(std::env::var_os("MEDNER_ROOT").map(PathBuf::from))
        .find(|folder| folder.join(MANIFEST_PATH).is_file())
        .ok_or(FetchError::NoHome { start })
}
