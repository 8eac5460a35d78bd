//! Sentences on their way out, as files that are known before one of them is written: so a caller can see whether they may stand
//! where they are to, and later whether they still stand there as they were written.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::{ExchangeError, Result};
use super::item::{self, Item};
use super::{Shape, brat, doccano, label_studio, plain, write};

/// Sentences in a shape: a file, or for brat a folder of files.
#[derive(Clone, Debug)]
pub struct Outgoing {
    shape: Shape,
    place: PathBuf,
    files: Vec<(PathBuf, String)>,
}

/// What became of the files at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// None were there.
    Absent,
    /// They were as they had been written, and are removed.
    Removed,
    /// They had been worked on, and are kept under this name.
    Kept(PathBuf),
}

impl Outgoing {
    /// The files of these sentences; nothing is written. `types` are the entity types that the labelling tool is to offer; for
    /// Label Studio see also [`super::labelling_configuration`].
    ///
    /// # Errors
    /// [`ExchangeError::Item`] for an item that the shape has no place for, or two items with one identifier.
    pub fn new(shape: Shape, items: &[Item], types: &[String], to: &Path) -> Result<Self> {
        item::check_all(items)?;
        let files = match shape {
            Shape::LabelStudio => vec![(to.to_owned(), label_studio::format(items, to)?)],
            Shape::Doccano => vec![(to.to_owned(), doccano::format(items)?)],
            Shape::Jsonl => vec![(to.to_owned(), plain::format(items)?)],
            Shape::Brat => brat::files(items, types, to)?,
        };
        Ok(Self { shape, place: to.to_owned(), files })
    }

    /// Where they are to stand.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Refuses what [`Self::write`] would refuse, and writes nothing.
    ///
    /// # Errors
    /// [`ExchangeError::Exists`], [`ExchangeError::Io`].
    pub fn check(&self) -> Result<()> {
        if self.shape != Shape::Brat {
            let folder = self.place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            fs::read_dir(folder).map_err(ExchangeError::io(folder))?;
        } else if self.place.exists() {
            self.no_other_sentences()?;
        }
        self.files.iter().try_for_each(|(path, content)| write::is_there(path, content).map(|_| ()))
    }

    /// Refuses a folder with sentences of another round: they would come back as answers to what was not asked.
    fn no_other_sentences(&self) -> Result<()> {
        let foreign = |path: &Path| {
            let sentence = path.extension().is_some_and(|ending| ending == "txt" || ending == "ann");
            sentence && !self.files.iter().any(|(own, _)| own == path)
        };
        if !self.place.is_dir() {
            return Err(ExchangeError::Exists { path: self.place.clone() });
        }
        for entry in fs::read_dir(&self.place).map_err(ExchangeError::io(&self.place))? {
            let path = entry.map_err(ExchangeError::io(&self.place))?.path();
            if foreign(&path) {
                return Err(ExchangeError::Exists { path });
            }
        }
        Ok(())
    }

    /// Writes them. Each file is there whole or not at all, and one that is there already is only left as it is: where its
    /// content differs it may hold somebody's work, and the call is refused. So a call that was interrupted may be made again.
    ///
    /// # Errors
    /// [`ExchangeError::Exists`], [`ExchangeError::Io`].
    pub fn write(&self) -> Result<()> {
        if self.shape == Shape::Brat {
            fs::create_dir_all(&self.place).map_err(ExchangeError::io(&self.place))?;
        }
        self.files.iter().try_for_each(|(path, content)| write::new_file(path, content))
    }

    /// Clears the place: what stands there to the byte as it was written (or a part of it, after a kill) is removed, anything
    /// else may be somebody's work and is renamed beside. May be called again after a kill.
    ///
    /// # Errors
    /// [`ExchangeError::Io`].
    pub fn take_back(&self) -> Result<TakenBack> {
        match fs::symlink_metadata(&self.place) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(TakenBack::Absent),
            found => found.map_err(ExchangeError::io(&self.place))?,
        };
        if self.untouched()? {
            let removed = if self.shape == Shape::Brat {
                fs::remove_dir_all(&self.place)
            } else {
                fs::remove_file(&self.place)
            };
            removed.map_err(ExchangeError::io(&self.place))?;
            return Ok(TakenBack::Removed);
        }
        let beside = (1..).map(|n| {
            let mut name = self.place.file_name().unwrap_or_default().to_owned();
            name.push(".taken-back");
            if n > 1 {
                name.push(format!("-{n}"));
            }
            self.place.with_file_name(name)
        });
        let mut free = beside.skip_while(|path| fs::symlink_metadata(path).is_ok());
        let kept = free.next().expect("numbers do not end");
        fs::rename(&self.place, &kept).map_err(ExchangeError::io(&self.place))?;
        Ok(TakenBack::Kept(kept))
    }

    /// Whether nothing stands at the place but what was written.
    fn untouched(&self) -> Result<bool> {
        let written: BTreeMap<&Path, &str> =
            self.files.iter().map(|(path, content)| (path.as_path(), content.as_str())).collect();
        let same = |path: &Path| match written.get(path) {
            Some(content) => path.is_file() && fs::read(path).is_ok_and(|there| there == content.as_bytes()),
            // An interrupted write's.
            None => write::of_temporary(path).is_some_and(|whole| written.contains_key(whole.as_path())),
        };
        if self.shape != Shape::Brat {
            return Ok(same(&self.place));
        }
        if !self.place.is_dir() {
            return Ok(false);
        }
        for entry in fs::read_dir(&self.place).map_err(ExchangeError::io(&self.place))? {
            if !same(&entry.map_err(ExchangeError::io(&self.place))?.path()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn outgoing(shape: Shape, text: &str, to: &Path) -> Outgoing {
        let item = Item {
            id: "7@0".to_owned(),
            text: text.to_owned(),
            tokens: vec![(0, text.len())],
            mentions: Vec::new(),
        };
        Outgoing::new(shape, &[item], &["Disease".to_owned()], to).unwrap()
    }

    #[test]
    fn what_was_not_worked_on_goes_and_the_rest_is_kept_beside() {
        for shape in Shape::ALL {
            let folder = tempfile::tempdir().unwrap();
            let place = folder.path().join("round");
            let (first, second) = (outgoing(shape, "fever", &place), outgoing(shape, "cough", &place));
            assert_eq!(first.take_back().unwrap(), TakenBack::Absent, "{shape}");
            first.check().unwrap();
            assert!(!place.exists(), "{shape}: the check wrote");
            first.write().unwrap();
            first.check().unwrap();
            let error = second.check().unwrap_err();
            assert!(error.to_string().contains("--out"), "{shape}: {error}");
            // A killed write leaves a part of a folder, and temporaries in it.
            if shape == Shape::Brat {
                fs::remove_file(place.join("annotation.conf")).unwrap();
                fs::write(place.join("annotation.conf.17.tmp"), "[ent").unwrap();
            }
            assert_eq!(first.take_back().unwrap(), TakenBack::Removed, "{shape}");
            assert!(!place.exists(), "{shape}");

            let worked = if shape == Shape::Brat { place.join("notes.txt") } else { place.clone() };
            for n in ["round.taken-back", "round.taken-back-2"] {
                first.write().unwrap();
                fs::write(&worked, "somebody's work").unwrap();
                assert_eq!(first.take_back().unwrap(), TakenBack::Kept(folder.path().join(n)), "{shape}");
                assert!(!place.exists(), "{shape}");
            }
            let kept = folder.path().join("round.taken-back-2");
            let kept = if shape == Shape::Brat { kept.join("notes.txt") } else { kept };
            assert_eq!(fs::read_to_string(kept).unwrap(), "somebody's work", "{shape}");
            second.check().unwrap();
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_is_seen_before() {
        let folder = tempfile::tempdir().unwrap();
        let error = outgoing(Shape::Jsonl, "fever", &folder.path().join("no/such/file.jsonl")).check();
        assert!(error.unwrap_err().to_string().contains("no/such"));
        // The sentences of another round in a folder, though none of the files is in the way.
        let brat = folder.path().join("brat");
        let first = outgoing(Shape::Brat, "fever", &brat);
        first.write().unwrap();
        first.check().unwrap();
        fs::write(brat.join("8@0.txt"), "cough\n").unwrap();
        let error = first.check().unwrap_err().to_string();
        assert!(error.contains("8@0.txt"), "{error}");
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(matches!(outgoing(Shape::Brat, "fever", &file).check(), Err(ExchangeError::Exists { .. })));
    }
}
