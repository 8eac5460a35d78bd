//! The pool of a query: sentences of a file, read before a project is touched.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use medner_data::formats::text::CharMap;

use super::Project;
use crate::exchange::Item;
use crate::input;

/// Sentences that can be asked.
pub struct Pool {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub hash: String,
    sentences: Vec<Item>,
}

impl Pool {
    /// Reads text, JSON lines or PubTator.
    pub fn read(path: &Path) -> Result<Self> {
        let hash = medner_data::hash::hash_file(path)
            .with_context(|| format!("{}: cannot be read", path.display()))?
            .sha256;
        let documents = input::text(Some(path))?;
        let maps: Vec<CharMap<'_>> = documents.iter().map(|d| CharMap::new(&d.text)).collect();
        let cut = input::cut(&documents)?;
        if cut.is_empty() {
            bail!(
                "{}: holds no sentences; expected text (a document a line), JSON lines or PubTator",
                path.display()
            );
        }
        let items = cut.iter().filter_map(|s| Item::from_tokenized(s, &maps[s.document]));
        Ok(Self { path: path.to_owned(), hash, sentences: items.collect() })
    }

    /// Sentences that were not asked in the first `rounds` rounds, nor labelled before them; each text once.
    pub fn unasked(&self, project: &Project, rounds: usize) -> Result<Vec<Item>> {
        let mut known: BTreeSet<String> =
            project.labelled(0)?.into_iter().map(|sentence| sentence.tokens.join(" ")).collect();
        for n in 1..=rounds {
            let missing = project.answers(n)?.missing;
            let asked = project.query(n)?.items.into_iter().filter(|item| !missing.contains(&item.id));
            known.extend(asked.map(|item| item.token_texts().join(" ")));
        }
        let new = self.sentences.iter().filter(|item| known.insert(item.token_texts().join(" ")));
        let new: Vec<Item> = new.cloned().collect();
        if new.is_empty() {
            bail!(
                "{}: every sentence of it has been asked already; nothing is left to label",
                self.path.display()
            );
        }
        Ok(new)
    }
}
