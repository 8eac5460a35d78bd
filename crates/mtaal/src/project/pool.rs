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
        let cut = input::cut(&documents, path)?;
        if cut.is_empty() {
            bail!(
                "{}: holds no sentences; expected text (a document a line), JSON lines or PubTator",
                path.display()
            );
        }
        let items = cut.iter().filter_map(|s| Item::from_tokenized(s, &maps[s.document]));
        Ok(Self { path: path.to_owned(), hash, sentences: items.collect() })
    }

    /// Sentences that were not asked in the first `rounds` rounds, nor labelled before them; each text once, whatever its tokens.
    pub fn unasked(&self, project: &Project, rounds: usize) -> Result<Vec<Item>> {
        let labelled = project.labelled(0)?.into_iter().map(|sentence| sentence.tokens.concat());
        let mut known: BTreeSet<String> =
            labelled.chain(project.known()?).map(|text| without_space(&text)).collect();
        for n in 1..=rounds {
            let missing = project.answers(n)?.missing;
            let asked = project.query(n)?.items.into_iter().filter(|item| !missing.contains(&item.id));
            known.extend(asked.map(|item| without_space(&item.text)));
        }
        let new = self.sentences.iter().filter(|item| known.insert(without_space(&item.text)));
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

/// A text as it is compared: files of one's own may part tokens by spaces where the text has none.
fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_data::Sentence;

    use super::*;
    use crate::config::Config;
    use crate::project::{FORMAT, KNOWN, PROJECT, SENTENCES, Start, write};

    #[test]
    fn what_a_training_had_is_not_asked_again_whatever_its_tokens() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        let start =
            Start { format: FORMAT, seed: 1, types: vec!["Disease".to_owned()], config: Config::default() };
        write(&folder.join(PROJECT), &start).unwrap();
        let tokens = ["No", "beta-blocker", "today."].map(str::to_owned).to_vec();
        let sentence = Sentence { id: "1".to_owned(), tokens, ..Sentence::default() };
        write(&folder.join(SENTENCES), &[sentence]).unwrap();
        let pool = folder.join("pool.txt");
        std::fs::write(&pool, "No beta-blocker today.\nNo fever today.\nA cough was new.\n").unwrap();
        let asked = || -> Vec<String> {
            let project = Project::open(folder).unwrap();
            let items = Pool::read(&pool).unwrap().unasked(&project, 0).unwrap();
            items.into_iter().map(|item| item.text).collect()
        };
        // A folder of an earlier version.
        assert_eq!(asked(), ["No fever today.", "A cough was new."]);
        write(&folder.join(KNOWN), &["No fever today ."]).unwrap();
        assert_eq!(asked(), ["A cough was new."]);
    }
}
