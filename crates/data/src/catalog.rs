//! Every corpus by name: where its files lie below a datasets folder, and how they are read.
//!
//! `root` is a datasets folder: the repository's own or a mirror, which have the same layout (`msra/train.bio`, ...). Names are
//! those of the manifest (`datasets/manifest.yaml`) with a few views beside them, for example `pubtator-ncbi` beside `mtaal-ncbi`
//! (the same data set, other files) or `JNLPBA-protein` beside `JNLPBA` (the same files, one type).

use std::path::{Path, PathBuf};

use crate::corpus::{Corpus, Document, Sentence};
use crate::error::{DataError, Result};
use crate::formats::pubtator::PubTatorOptions;
use crate::formats::segmented::{self, SegmentedLine};
use crate::formats::split::{SplitOptions, split_records};
use crate::formats::weibo::Version;
use crate::formats::{Read, Report, ccks, cmdd, crichton, msra, mtaal, pubtator, tokenize, weibo, xjadrner};
use crate::stand_in;

/// How a corpus is written and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// MSRA NER.
    Msra,
    /// WeiboNER.
    Weibo(Version),
    /// Biomedical IOB2, all types or only one.
    Crichton(Option<&'static str>),
    /// MTAAL's preprocessed columns.
    Mtaal,
    /// PubTator.
    PubTator,
    /// People's Daily 1998 as characters whose spans are the words.
    PeoplesDaily,
    /// People's Daily 1998 as words with parts of speech; spans are the bracketed groups.
    PeoplesDailyWords,
    /// SIGHAN-2005 as characters whose spans are the words.
    Sighan,
    /// CCKS-2019 task 1.
    Ccks,
    /// CMDD, the utterances of everybody or of one speaker.
    Cmdd(Option<cmdd::Speaker>),
    /// The stand-in for XJADRNER that is drawn from CMDD's patients ([`stand_in`]).
    CmddAdr,
    /// XJADRNER itself, which only its owners have: the three files of it that lie in its folder, or the one ([`xjadrner`]).
    Xjadrner,
}

impl Kind {
    /// True when the corpus has documents with character offsets.
    pub fn has_documents(self) -> bool {
        matches!(self, Self::PubTator | Self::Ccks)
    }

    /// True when no manifest knows the files: they are private, put in place by hand, and hashed as they are found.
    pub fn is_private(self) -> bool {
        self == Self::Xjadrner
    }
}

/// A corpus: its files, split by split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name.
    pub name: String,
    /// Name of the data set in the manifest that its files belong to.
    pub data_set: String,
    /// How it is read.
    pub kind: Kind,
    /// Files of each split, relative to the datasets folder; none where the corpus has no such split.
    pub files: Corpus<String>,
}

/// Folders of the sets of Crichton et al. below `mtl-bioner/`.
const CRICHTON: [&str; 31] = [
    "BC2GM-IOB",
    "BC4CHEMD",
    "BC5CDR-IOB",
    "BC5CDR-chem-IOB",
    "BC5CDR-disease-IOB",
    "BioNLP09-IOB",
    "BioNLP11EPI-IOB",
    "BioNLP11ID-IOB",
    "BioNLP11ID-chem-IOB",
    "BioNLP11ID-ggp-IOB",
    "BioNLP11ID-species-IOB",
    "BioNLP13CG-IOB",
    "BioNLP13CG-cc-IOB",
    "BioNLP13CG-cell-IOB",
    "BioNLP13CG-chem-IOB",
    "BioNLP13CG-ggp-IOB",
    "BioNLP13CG-species-IOB",
    "BioNLP13GE-IOB",
    "BioNLP13PC-IOB",
    "BioNLP13PC-cc-IOB",
    "BioNLP13PC-chem-IOB",
    "BioNLP13PC-ggp-IOB",
    "CRAFT-IOB",
    "CRAFT-cc-IOB",
    "CRAFT-cell-IOB",
    "CRAFT-chem-IOB",
    "CRAFT-ggp-IOB",
    "CRAFT-species-IOB",
    "Ex-PTM-IOB",
    "NCBI-disease-IOB",
    "linnaeus-IOB",
];

/// All corpora, sorted by name.
pub fn entries() -> Vec<Entry> {
    let entry = |name: &str, data_set: &str, kind: Kind, [train, dev, test]: [&[&str]; 3]| {
        let owned = |files: &[&str]| files.iter().map(|&f| f.to_owned()).collect();
        Entry {
            name: name.to_owned(),
            data_set: data_set.to_owned(),
            kind,
            files: Corpus { train: owned(train), dev: owned(dev), test: owned(test) },
        }
    };
    let weibo = |name, keep_positions| {
        let files: [&[&str]; 3] = [
            &["weibo/weiboNER_2nd_conll.train"],
            &["weibo/weiboNER_2nd_conll.dev"],
            &["weibo/weiboNER_2nd_conll.test"],
        ];
        entry(name, "weibo-2nd", Kind::Weibo(Version::Revised { keep_positions }), files)
    };
    let pd1998: [&[&str]; 3] = [&["cws/pd199801.gb18030.txt"], &[], &[]];
    let cmdd_files: [&[&str]; 3] = [&["cmdd/train.jsonl"], &["cmdd/dev.jsonl"], &["cmdd/test.jsonl"]];
    let ncbi = "mtaal/NCBI/NCBI";
    let ncbi: [String; 3] =
        ["trainset", "developset", "testset"].map(|split| format!("{ncbi}{split}_corpus.txt"));
    let cdr: [String; 3] = ["TrainingSet", "DevelopmentSet", "TestSet"]
        .map(|split| format!("mtaal/CDR/CDR_{split}.PubTator.txt"));
    let mut all = vec![
        entry("msra", "msra", Kind::Msra, [&["msra/train.bio"], &[], &["msra/test.bio"]]),
        entry(
            "weibo",
            "weibo",
            Kind::Weibo(Version::First),
            [&["weibo/weiboNER.conll.train"], &["weibo/weiboNER.conll.dev"], &["weibo/weiboNER.conll.test"]],
        ),
        weibo("weibo-2nd", false),
        weibo("weibo-2nd-positions", true),
        entry("pd1998", "pd1998", Kind::PeoplesDaily, pd1998),
        entry("pd1998-words", "pd1998", Kind::PeoplesDailyWords, pd1998),
        entry(
            "sighan2005-msr",
            "sighan2005-msr",
            Kind::Sighan,
            [&[], &[], &["cws/sighan2005/msr_test_gold.utf8"]],
        ),
        entry(
            "sighan2005-pku",
            "sighan2005-pku",
            Kind::Sighan,
            [&[], &[], &["cws/sighan2005/pku_test_gold.utf8"]],
        ),
        entry(
            "msr-train-tail",
            "msr-train-tail",
            Kind::Sighan,
            [&[], &["cws/sighan2005/msr_train_tail.masked.utf8"], &[]],
        ),
        entry(
            "ccks2019",
            "ccks2019",
            Kind::Ccks,
            [
                &["ccks2019/subtask1_training_part1.txt", "ccks2019/subtask1_training_part2.txt"],
                &[],
                &["ccks2019/subtask1_test_set_with_answer.json"],
            ],
        ),
        entry("cmdd", "cmdd", Kind::Cmdd(None), cmdd_files),
        entry("cmdd-patient", "cmdd", Kind::Cmdd(Some(cmdd::Speaker::Patient)), cmdd_files),
        entry("cmdd-adr", "cmdd", Kind::CmddAdr, cmdd_files),
        entry(
            "xjadrner",
            "xjadrner",
            Kind::Xjadrner,
            [&["xjadrner/train.bio"], &["xjadrner/dev.bio"], &["xjadrner/test.bio"]],
        ),
        entry(
            "mtaal-ncbi",
            "mtaal-ncbi",
            Kind::Mtaal,
            [&["mtaal/NCBI/train.txt"], &["mtaal/NCBI/dev.txt"], &["mtaal/NCBI/test.txt"]],
        ),
        entry(
            "mtaal-cdr",
            "mtaal-cdr",
            Kind::Mtaal,
            [&["mtaal/CDR/train.txt"], &["mtaal/CDR/dev.txt"], &["mtaal/CDR/test.txt"]],
        ),
        entry("pubtator-ncbi", "mtaal-ncbi", Kind::PubTator, [&[&ncbi[0]], &[&ncbi[1]], &[&ncbi[2]]]),
        entry("pubtator-cdr", "mtaal-cdr", Kind::PubTator, [&[&cdr[0]], &[&cdr[1]], &[&cdr[2]]]),
    ];
    let mut biomedical = |name: &str, data_set: &str, folder: &str, keep| {
        let files = ["train", "devel", "test"].map(|split| format!("mtl-bioner/{folder}/{split}.tsv"));
        let files: [&[&str]; 3] = [&[&files[0]], &[&files[1]], &[&files[2]]];
        all.push(entry(name, data_set, Kind::Crichton(keep), files));
    };
    for folder in CRICHTON {
        let name = folder.trim_end_matches("-IOB");
        biomedical(name, name, folder, None);
    }
    biomedical("JNLPBA", "JNLPBA", "JNLPBA", None);
    biomedical("JNLPBA-protein", "JNLPBA", "JNLPBA", Some("protein"));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// The corpus of that name.
///
/// # Errors
/// [`DataError::UnknownDataSet`] with the nearest names.
pub fn find(name: &str) -> Result<Entry> {
    let all = entries();
    if let Some(entry) = all.iter().find(|entry| entry.name == name) {
        return Ok(entry.clone());
    }
    let wanted = name.to_lowercase();
    let mut nearest: Vec<(usize, String)> = all
        .into_iter()
        .map(|entry| {
            let known = entry.name.to_lowercase();
            // A name that continues or is continued by the wanted one is near, however long it is.
            let distance = strsim::damerau_levenshtein(&wanted, &known);
            let part = !wanted.is_empty() && (known.starts_with(&wanted) || wanted.starts_with(&known));
            (if part { distance.min(1) } else { distance }, entry.name)
        })
        .collect();
    nearest.sort();
    Err(DataError::UnknownDataSet {
        name: name.to_owned(),
        nearest: nearest.into_iter().take(5).map(|(_, name)| name).collect(),
    })
}

/// Loads a corpus as sentences.
///
/// CCKS-2019 is cut into pieces of at most 126 characters (the training split with its entities protected, the test split
/// without a look at them; use [`load_documents`] and [`split_records`] for other lengths), PubTator is tokenised into words.
/// Repairs are logged; [`load_sentences_with_report`] returns them.
///
/// # Errors
/// [`DataError::UnknownDataSet`], [`DataError::MissingFile`], and those of the readers.
pub fn load_sentences(name: &str, root: &Path) -> Result<Corpus<Sentence>> {
    let (corpus, report) = load_sentences_with_report(name, root)?;
    log(name, &report);
    Ok(corpus)
}

/// Loads a corpus of documents; offsets count characters.
///
/// # Errors
/// [`DataError::UnknownDataSet`], [`DataError::NoDocuments`] where the corpus has sentences only, [`DataError::MissingFile`], and
/// those of the readers.
pub fn load_documents(name: &str, root: &Path) -> Result<Corpus<Document>> {
    let (corpus, report) = load_documents_with_report(name, root)?;
    log(name, &report);
    Ok(corpus)
}

fn log(name: &str, report: &Report) {
    for (remark, remarked) in &report.remarks {
        tracing::info!(data_set = name, count = remarked.count, first = remarked.first, "{}", remark.text());
    }
}

/// [`load_sentences`] with what was repaired or left out.
///
/// # Errors
/// As [`load_sentences`].
pub fn load_sentences_with_report(name: &str, root: &Path) -> Result<(Corpus<Sentence>, Report)> {
    let entry = find(name)?;
    if entry.kind.has_documents() {
        let (documents, report) = load(&entry, root, |path| read_documents(entry.kind, path))?;
        return to_sentences(entry.kind, &documents, report);
    }
    if entry.kind == Kind::Xjadrner {
        return xjadrner::read_corpus(&private_folder(&entry, root)?);
    }
    let (corpus, mut report) = load(&entry, root, |path| match entry.kind {
        Kind::Msra => msra::read(path),
        Kind::Weibo(version) => weibo::read(path, version),
        Kind::Crichton(keep) => crichton::read(path, keep.as_ref().map(std::slice::from_ref)),
        Kind::Mtaal => mtaal::read(path),
        Kind::PeoplesDaily => Ok(map(segmented::read_peoples_daily(path)?, SegmentedLine::into_characters)),
        Kind::PeoplesDailyWords => Ok(map(segmented::read_peoples_daily(path)?, SegmentedLine::into_words)),
        Kind::Sighan => Ok(map(segmented::read_sighan(path)?, SegmentedLine::into_characters)),
        Kind::Cmdd(speaker) => read_cmdd(path, speaker),
        Kind::CmddAdr => read_cmdd(path, Some(cmdd::Speaker::Patient)),
        Kind::Ccks | Kind::PubTator | Kind::Xjadrner => unreachable!("these are read above"),
    })?;
    if entry.kind == Kind::CmddAdr {
        let corpus = stand_in::draw(corpus, &mut report);
        return Ok((corpus, report));
    }
    Ok((corpus, report))
}

/// The folder of a private corpus.
fn private_folder(entry: &Entry, root: &Path) -> Result<PathBuf> {
    let folder = root.join(&entry.data_set);
    if folder.is_dir() {
        return Ok(folder);
    }
    let file = entry.files.train.first().map(|file| root.join(file));
    Err(DataError::MissingFile {
        name: entry.name.clone(),
        data_set: entry.data_set.clone(),
        path: file.unwrap_or(folder),
    })
}

/// The files of a private corpus as they are found, relative to `root`; one that is split only when it is read stands under `train`.
///
/// # Errors
/// [`DataError::MissingFile`] where its folder is not there, [`DataError::File`] where a split is not in it.
pub fn private_files(entry: &Entry, root: &Path) -> Result<Corpus<String>> {
    let files = xjadrner::files(&private_folder(entry, root)?)?;
    files.try_map(|names| Ok(names.into_iter().map(|name| format!("{}/{name}", entry.data_set)).collect()))
}

fn read_cmdd(path: &Path, speaker: Option<cmdd::Speaker>) -> Result<Read<Sentence>> {
    let dialogues = cmdd::read(path)?;
    let mut read = cmdd::sentences(&dialogues.items, speaker);
    read.report.merge(dialogues.report);
    Ok(read)
}

/// [`load_documents`] with what was repaired or left out.
///
/// # Errors
/// As [`load_documents`].
pub fn load_documents_with_report(name: &str, root: &Path) -> Result<(Corpus<Document>, Report)> {
    let entry = find(name)?;
    if !entry.kind.has_documents() {
        let have = entries().into_iter().filter(|e| e.kind.has_documents()).map(|e| e.name);
        return Err(DataError::NoDocuments { name: name.to_owned(), have: have.collect() });
    }
    load(&entry, root, |path| read_documents(entry.kind, path))
}

fn map<T, U>(read: Read<T>, f: impl FnMut(T) -> U) -> Read<U> {
    Read { items: read.items.into_iter().map(f).collect(), report: read.report }
}

fn read_documents(kind: Kind, path: &Path) -> Result<Read<Document>> {
    match kind {
        Kind::Ccks => ccks::read(path),
        // The NCBI corpus needs tolerance in two places; both are counted.
        _ => pubtator::read_pubtator(path, PubTatorOptions { tolerant: true }),
    }
}

fn to_sentences(
    kind: Kind,
    documents: &Corpus<Document>,
    mut report: Report,
) -> Result<(Corpus<Sentence>, Report)> {
    let mut splits = Vec::with_capacity(3);
    for (split, documents) in documents.splits() {
        splits.push(if kind == Kind::Ccks {
            let options = SplitOptions { protect_entities: split != "test", ..SplitOptions::default() };
            let pieces = split_records(documents, options)?;
            tracing::debug!(split, report = ?pieces.report, "records cut into pieces");
            pieces.pieces.into_iter().map(|piece| piece.sentence).collect()
        } else {
            let tokenized = tokenize::tokenize(documents)?;
            report.merge(tokenized.report);
            tokenized.items.into_iter().map(|t| t.sentence).collect()
        });
    }
    let [train, dev, test] = <[Vec<Sentence>; 3]>::try_from(splits).expect("a corpus has three splits");
    Ok((Corpus { train, dev, test }, report))
}

/// Reads every file of every split.
fn load<T>(
    entry: &Entry,
    root: &Path,
    read: impl Fn(&Path) -> Result<Read<T>>,
) -> Result<(Corpus<T>, Report)> {
    let mut report = Report::default();
    let paths = |files: &[String]| -> Vec<_> { files.iter().map(|file| root.join(file)).collect() };
    let mut missing = entry.files.splits().into_iter().flat_map(|(_, files)| paths(files));
    if let Some(path) = missing.find(|path| !path.is_file()) {
        return Err(DataError::MissingFile {
            name: entry.name.clone(),
            data_set: entry.data_set.clone(),
            path,
        });
    }
    let corpus = entry.files.clone().try_map(|files| {
        let mut items = Vec::new();
        for path in paths(&files) {
            let part = read(&path)?;
            report.merge(part.report);
            items.extend(part.items);
        }
        Ok::<_, DataError>(items)
    })?;
    Ok((corpus, report))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        let all = entries();
        for pair in all.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} stands twice", pair[0].name);
        }
        assert_eq!(find("BC5CDR-chem").unwrap().files.dev, ["mtl-bioner/BC5CDR-chem-IOB/devel.tsv"]);
    }

    #[test]
    fn an_unknown_name_lists_the_nearest() {
        let error = find("msar").unwrap_err().to_string();
        assert!(error.contains("`msar`") && error.contains("msra"), "{error}");
        let error = find("bionlp13").unwrap_err().to_string();
        assert!(error.contains("BioNLP13CG"), "{error}");
    }

    #[test]
    fn documents_are_refused_where_there_are_none_and_missing_files_are_named() {
        let error = load_documents("msra", Path::new("nowhere")).unwrap_err().to_string();
        assert!(error.contains("ccks2019") && error.contains("pubtator-cdr"), "{error}");
        let error = load_sentences("pubtator-cdr", Path::new("nowhere")).unwrap_err().to_string();
        assert!(
            error.contains("medner data fetch mtaal-cdr") && error.contains("CDR_TrainingSet"),
            "{error}"
        );
    }
}
