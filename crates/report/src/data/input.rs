//! What `check`, `stats` and `convert` read: a corpus by name, or files of the user's own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use medner_data::catalog;
use medner_data::fetch::FetchError;
use medner_data::formats::conll::{Column, ConllOptions, read_conll};
use medner_data::formats::pubtator::{PubTatorOptions, read_pubtator};
use medner_data::formats::{Report, brat, ccks, cmdd, jsonl};
use medner_data::sample;
use medner_data::store::Store;
use medner_data::{Corpus, DataError, Document, Sentence, TagScheme};

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns, one token a line, a blank line after each sentence.
    Conll,
    /// JSON lines: our own shape, doccano's or Label Studio's.
    Jsonl,
    /// A folder of `.txt` and `.ann` files.
    Brat,
    /// Title, abstract and mentions with concepts.
    Pubtator,
    /// CCKS-2019 JSON lines.
    Ccks,
    /// CMDD dialogues, one a line.
    Cmdd,
}

/// A tag scheme on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scheme {
    /// B, I, O
    Bio,
    /// B, I, E, S, O
    Bioes,
    /// B, M, E, S, O
    Bmes,
}

impl From<Scheme> for TagScheme {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Bio => Self::Bio,
            Scheme::Bioes => Self::Bioes,
            Scheme::Bmes => Self::Bmes,
        }
    }
}

/// How files of columns are read.
#[derive(Clone, Debug, Default, Args)]
pub struct ColumnArgs {
    /// Column of the tag, from 1; the last one when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    tag_column: Option<u16>,
    /// Column of the concept identifier, from 1.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    concept_column: Option<u16>,
    /// Column of the part of speech, from 1.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pos_column: Option<u16>,
    /// Tag scheme of the files; found out when not given.
    #[arg(long, value_enum)]
    scheme: Option<Scheme>,
    /// Reads tags that continue no entity (IOB1, predictions) as the beginning of one, and counts them.
    #[arg(long)]
    lenient: bool,
}

impl ColumnArgs {
    /// The reader's options.
    pub fn options(&self) -> ConllOptions {
        let at = |column: Option<u16>| column.map(|n| Column::At(usize::from(n) - 1));
        ConllOptions {
            tag: at(self.tag_column).unwrap_or(Column::Last),
            concept: at(self.concept_column),
            pos: at(self.pos_column),
            scheme: self.scheme.map(Into::into),
            lenient: self.lenient,
            ..ConllOptions::default()
        }
    }

    /// The tag's column from 0, where it was given.
    pub fn tag_index(&self) -> Option<usize> {
        self.tag_column.map(|n| usize::from(n) - 1)
    }
}

/// Sentences or documents.
#[derive(Clone, Debug)]
pub enum Items {
    /// Of a format of tokens.
    Sentences(Vec<Sentence>),
    /// Of a format of texts with offsets.
    Documents(Vec<Document>),
}

/// Recognises a format: a folder is brat; else the first line that is not blank decides.
///
/// # Errors
/// [`DataError::Io`] when the path cannot be read.
pub fn detect(path: &Path) -> Result<Format> {
    let io = |source| DataError::Io { path: path.to_owned(), source };
    if path.is_dir() {
        return Ok(Format::Brat);
    }
    let mut reader = BufReader::new(std::fs::File::open(path).map_err(io)?);
    let mut line = Vec::new();
    let mut text = String::new();
    while text.trim().is_empty() {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(io)? == 0 {
            break;
        }
        String::from_utf8_lossy(&line).trim_start_matches('\u{feff}').clone_into(&mut text);
    }
    let start = text.trim_start();
    // A bracket can be a token of a column file; JSON goes on with a key, a list or nothing.
    let json = start.starts_with(['{', '['])
        && start[1..].trim_start().starts_with(['"', '{', '}', ']', '\n'])
        || matches!(start.trim(), "{" | "[");
    Ok(if json && text.contains("\"originalText\"") {
        Format::Ccks
    } else if json && text.contains("\"dialogue-content\"") {
        Format::Cmdd
    } else if json {
        Format::Jsonl
    } else if start.contains("|t|") {
        Format::Pubtator
    } else {
        Format::Conll
    })
}

/// Reads one file or folder, strictly unless the columns say otherwise.
///
/// # Errors
/// Those of the readers.
pub fn read(path: &Path, format: Format, columns: &ColumnArgs) -> Result<(Items, Report), DataError> {
    Ok(match format {
        Format::Conll => {
            let read = read_conll(path, &columns.options())?;
            (Items::Sentences(read.items), read.report)
        }
        Format::Jsonl => {
            let read = jsonl::read_jsonl(path)?;
            (Items::Documents(read.items), read.report)
        }
        Format::Brat => {
            let read = brat::read_brat(path)?;
            (Items::Documents(read.documents), read.report)
        }
        Format::Pubtator => {
            let read = read_pubtator(path, PubTatorOptions::default())?;
            (Items::Documents(read.items), read.report)
        }
        Format::Ccks => {
            let read = ccks::read(path)?;
            (Items::Documents(read.items), read.report)
        }
        Format::Cmdd => {
            let dialogues = cmdd::read(path)?;
            let mut read = cmdd::sentences(&dialogues.items, None);
            read.report.merge(dialogues.report);
            (Items::Sentences(read.items), read.report)
        }
    })
}

/// A corpus of either shape.
#[derive(Clone, Debug)]
pub enum AnyCorpus {
    /// Sentences of tokens.
    Sentences(Corpus<Sentence>),
    /// Documents with offsets.
    Documents(Corpus<Document>),
}

/// What the arguments of `check` and `stats` mean.
pub enum Input {
    /// Names of the catalog.
    Names(Vec<String>),
    /// Files or folders, each with its split (0 train, 1 dev, 2 test).
    Files(Vec<(usize, PathBuf)>),
}

impl Input {
    /// Names or files: an argument is a name when the catalog, or a sample, has it and no such path is there.
    ///
    /// # Errors
    /// A name that is neither, or names beside files.
    pub fn parse(arguments: &[String]) -> Result<Self> {
        let is_name = |argument: &String| {
            !Path::new(argument).exists()
                && (catalog::find(argument).is_ok() || sample::kind_of_sample(argument).is_some())
        };
        let names = arguments.iter().filter(|a| is_name(a)).count();
        if names == arguments.len() {
            return Ok(Self::Names(arguments.to_vec()));
        }
        if names > 0 {
            bail!("names of data sets and files cannot stand in one command; give them one after the other");
        }
        for argument in arguments {
            let path = Path::new(argument);
            if !path.exists() {
                let looks_like_path = argument.contains(['/', '.', '\\']);
                return Err(if looks_like_path {
                    anyhow::anyhow!("{argument}: no such file or folder")
                } else {
                    let unknown = catalog::find(argument).map(|_| ()).expect_err("it is not a name");
                    anyhow::anyhow!("there is no file or folder `{argument}` here, and {unknown}")
                });
            }
        }
        let guesses: Vec<Option<usize>> = arguments.iter().map(|a| guess_split(Path::new(a))).collect();
        let guessed = guesses.iter().all(Option::is_some);
        if !guessed && arguments.len() > 3 {
            bail!(
                "more than three files whose names do not say train, dev or test; rename them or give fewer"
            );
        }
        // Without names that say it: the first is for training, the last for testing.
        let order = if arguments.len() == 2 { [0, 2, 2] } else { [0, 1, 2] };
        let splits = arguments.iter().enumerate().map(|(i, a)| {
            let split = if guessed { guesses[i].unwrap_or(0) } else { order[i] };
            (split, PathBuf::from(a))
        });
        Ok(Self::Files(splits.collect()))
    }
}

/// The words that name a split.
const SPLIT_WORDS: [(usize, &[&str]); 3] = [
    (0, &["train", "training"]),
    (1, &["dev", "devel", "develop", "development", "valid", "validation"]),
    (2, &["test", "testing"]),
];

/// The split that the last such word of a file's name says: a word of its own (`test.tsv`), or the end of one before `set`
/// (`NCBItestset_corpus.txt`). `latest` and `contest` say none.
fn guess_split(path: &Path) -> Option<usize> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    name.rsplit(|c: char| !c.is_ascii_alphabetic()).find_map(|word| {
        let names = |known: &&str| match word.strip_suffix("set") {
            Some(before) => before.ends_with(*known),
            None => word == *known,
        };
        SPLIT_WORDS.iter().find(|(_, known)| known.iter().any(names)).map(|(split, _)| *split)
    })
}

/// Loads a corpus of the catalog, or a sample, with the expected counts of the manifest where they are known.
///
/// # Errors
/// When it is not here (with the command that fetches it) or cannot be read.
pub fn load_named(name: &str) -> Result<(AnyCorpus, Report, Option<medner_data::manifest::DataSet>)> {
    if let Some(kind) = sample::kind_of_sample(name) {
        let folder = tempfile::tempdir().context("a folder for the sample")?;
        sample::write(kind, folder.path())?;
        let plain = name.trim_start_matches("sample-");
        let (corpus, report) = load_at(plain, folder.path())?;
        return Ok((corpus, report, None));
    }
    let entry = catalog::find(name)?;
    let store = Store::discover()?;
    let located = match store.locate(&entry.data_set) {
        Err(FetchError::Missing { .. }) => {
            bail!("the data set `{name}` is not here; run `medner data fetch {}`", entry.data_set)
        }
        other => other?,
    };
    let set = store.manifest().get(&entry.data_set)?.clone();
    let (corpus, report) = load_at(name, located.base()?)?;
    // The manifest counts whole data sets, not views of them (one type, one speaker), and of the MTAAL sets the PubTator
    // files, from which the preprocessed columns differ.
    let counted = match entry.kind {
        catalog::Kind::Mtaal => false,
        catalog::Kind::PubTator => true,
        _ => entry.name == entry.data_set,
    };
    let expected = counted.then_some(set);
    Ok((corpus, report, expected))
}

fn load_at(name: &str, root: &Path) -> Result<(AnyCorpus, Report)> {
    Ok(if catalog::find(name)?.kind.has_documents() {
        let (corpus, report) = catalog::load_documents_with_report(name, root)?;
        (AnyCorpus::Documents(corpus), report)
    } else {
        let (corpus, report) = catalog::load_sentences_with_report(name, root)?;
        (AnyCorpus::Sentences(corpus), report)
    })
}

/// Puts what was read from files into splits; sentences and documents cannot be mixed.
///
/// # Errors
/// When the files have different shapes.
pub fn gather(parts: Vec<(usize, Items)>) -> Result<AnyCorpus> {
    let mut sentences = Corpus::default();
    let mut documents = Corpus::default();
    let mut shapes = (false, false);
    for (split, items) in parts {
        match items {
            Items::Sentences(items) => {
                shapes.0 = true;
                [&mut sentences.train, &mut sentences.dev, &mut sentences.test][split].extend(items);
            }
            Items::Documents(items) => {
                shapes.1 = true;
                [&mut documents.train, &mut documents.dev, &mut documents.test][split].extend(items);
            }
        }
    }
    match shapes {
        (true, true) => bail!("some files have sentences and others documents; give files of one shape"),
        (_, true) => Ok(AnyCorpus::Documents(documents)),
        _ => Ok(AnyCorpus::Sentences(sentences)),
    }
}

/// `train`, `dev`, `test`.
pub const SPLITS: [&str; 3] = ["train", "dev", "test"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn splits_are_guessed_from_the_last_word_of_the_name() {
        let guess = |name: &str| guess_split(Path::new(name));
        assert_eq!(guess("a/train.tsv"), Some(0));
        assert_eq!(guess("devel.tsv"), Some(1));
        assert_eq!(guess("my-training-test.conll"), Some(2));
        assert_eq!(guess("NCBI_test_v2.txt"), Some(2));
        // As the corpora's own files are called.
        for (name, split) in [
            ("NCBItrainset_corpus.txt", 0),
            ("NCBIdevelopset_corpus.txt", 1),
            ("NCBItestset_corpus.txt", 2),
            ("CDR_TrainingSet.PubTator.txt", 0),
            ("CDR_DevelopmentSet.PubTator.txt", 1),
            ("subtask1_training_part1.txt", 0),
            ("subtask1_test_set_with_answer.json", 2),
        ] {
            assert_eq!(guess(name), Some(split), "{name}");
        }
        for name in ["train/notes.txt", "latest.jsonl", "contest.tsv", "trainees.tsv"] {
            assert_eq!(guess(name), None, "{name}");
        }
    }

    #[test]
    fn formats_are_recognised_by_their_first_line() {
        let folder = tempfile::tempdir().unwrap();
        for (text, format) in [
            ("\u{feff}{\"originalText\": \"a\", \"entities\": []}\n", Format::Ccks),
            ("\n1|t|Title\n1|a|Abstract\n", Format::Pubtator),
            ("{\"text\": \"a\", \"label\": []}\n", Format::Jsonl),
            ("{\tO\n", Format::Conll),
            ("[ O\n", Format::Conll),
            ("[\n  {\"text\": \"a\"}]\n", Format::Jsonl),
            ("Aspirin\tB-Drug\n", Format::Conll),
        ] {
            let path = folder.path().join("f");
            std::fs::write(&path, text).unwrap();
            assert_eq!(detect(&path).unwrap(), format, "{text:?}");
        }
        assert_eq!(detect(folder.path()).unwrap(), Format::Brat);
    }
}
