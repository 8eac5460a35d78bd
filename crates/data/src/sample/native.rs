//! Writes each kind's files as the real data set has them: names, encodings, byte-order marks, line ends and quirks.

use std::fmt::Write as _;
use std::path::Path;

use medner_metrics::TagScheme;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::template::{Split, text};
use super::{Kind, make, sentences};
use crate::atomic::write_atomically;
use crate::corpus::{Corpus, Document, Sentence};
use crate::error::{DataError, Result};
use crate::formats::ccks::EntityType;

/// Name of the file that a split is written to, without its folder; the readers make identifiers of it.
pub(super) fn file_name(kind: Kind, split: Split) -> String {
    let name = split_name(split);
    match kind {
        Kind::Msra => format!("{name}.bio"),
        Kind::Weibo => format!("weiboNER.conll.{name}"),
        Kind::WeiboRevised => format!("weiboNER_2nd_conll.{name}"),
        Kind::Pd1998 => "pd199801.gb18030.txt".to_owned(),
        Kind::SighanMsr => "msr_test_gold.utf8".to_owned(),
        Kind::SighanPku => "pku_test_gold.utf8".to_owned(),
        Kind::MsrTrainTail => "msr_train_tail.masked.utf8".to_owned(),
        Kind::Ccks2019 => "subtask1_test_set_with_answer.json".to_owned(),
        Kind::Cmdd => format!("{name}.jsonl"),
        Kind::Biomedical(_) => format!("{}.tsv", if split == Split::Dev { "devel" } else { name }),
        Kind::MtaalNcbi | Kind::MtaalCdr => format!("{name}.txt"),
    }
}

/// Identifier of a clinical record: its file and line. Training records are in two files, the first with two fifths.
pub(super) fn record_id(split: Split, index: usize) -> String {
    let first = RECORDS_IN_FIRST_PART;
    match split {
        Split::Train if index < first => format!("subtask1_training_part1.txt:{}", index + 1),
        Split::Train => format!("subtask1_training_part2.txt:{}", index + 1 - first),
        _ => format!("{}:{}", file_name(Kind::Ccks2019, split), index + 1),
    }
}

/// Training records in the first of the two files; the real ones have 400 and 600.
const RECORDS_IN_FIRST_PART: usize = 48;

/// Sentences between two document marks.
const DOCUMENT: usize = 10;

/// Gives sentences of a column file the identifiers `file:line` that its reader gives them.
pub(super) fn number_lines(kind: Kind, split: Split, items: &mut [Sentence]) {
    let name = file_name(kind, split);
    let docstart = matches!(kind, Kind::Biomedical(set) if set.docstart());
    let mut line = 1;
    for (i, sentence) in items.iter_mut().enumerate() {
        if docstart && i % DOCUMENT == 0 {
            line += 2;
        }
        sentence.id = format!("{name}:{line}");
        line += sentence.tokens.len() + 1;
        if kind == Kind::Weibo {
            line += sentence.tokens.iter().filter(|t| is_pair(t)).count();
        }
    }
}

/// Identifier of an utterance: its dialogue's and its place in it, from 0.
pub(super) fn utterance_id(split: Split, dialogue: usize, utterance: usize) -> String {
    format!("{}#{utterance}", dialogue_id(split, dialogue))
}

fn dialogue_id(split: Split, dialogue: usize) -> String {
    let base = match split {
        Split::Train => 90_000_000,
        Split::Dev => 91_000_000,
        Split::Test => 92_000_000,
    };
    (base + dialogue).to_string()
}

/// `date-page-article-paragraph`, ten paragraphs an article.
pub(super) fn pd_id(index: usize) -> String {
    format!("19980101-01-{:03}-{:03}", index / 10 + 1, index % 10 + 1)
}

fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Dev => "dev",
        Split::Test => "test",
    }
}

pub(super) fn write(kind: Kind, seed: u64, root: &Path) -> Result<()> {
    for (path, bytes) in files(kind, seed) {
        let path = root.join(path);
        let io = |source| DataError::Io { path: path.clone(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        // Several processes may read and make them at once.
        if std::fs::read(&path).is_ok_and(|there| there == bytes) {
            continue;
        }
        write_atomically(&path, |out| out.write_all(&bytes)).map_err(io)?;
    }
    Ok(())
}

/// Relative paths and contents of a kind's files.
pub(super) fn files(kind: Kind, seed: u64) -> Vec<(String, Vec<u8>)> {
    let utf8 = |path: &str, text: String| (path.to_owned(), text.into_bytes());
    match kind {
        Kind::Msra => {
            let corpus = sentences(kind, seed);
            vec![
                utf8("msra/train.bio", two_columns(&corpus.train)),
                utf8("msra/test.bio", two_columns(&corpus.test)),
            ]
        }
        Kind::Weibo => sentences(kind, seed)
            .splits()
            .map(|(split, items)| (format!("weibo/weiboNER.conll.{split}"), utf16_lines(items)))
            .to_vec(),
        Kind::WeiboRevised => {
            let digits = make::map(&make::filled(kind, seed), |_, _, segments| positions(segments));
            let corpus = sentences(kind, seed);
            corpus
                .splits()
                .into_iter()
                .zip(digits.splits())
                .map(|((split, items), (_, digits))| {
                    (format!("weibo/weiboNER_2nd_conll.{split}"), numbered(items, digits).into_bytes())
                })
                .collect()
        }
        Kind::Pd1998 => vec![("cws/pd199801.gb18030.txt".to_owned(), peoples_daily(seed))],
        Kind::SighanMsr => vec![utf8("cws/sighan2005/msr_test_gold.utf8", segmented(kind, seed, "\n"))],
        Kind::SighanPku => vec![utf8("cws/sighan2005/pku_test_gold.utf8", segmented(kind, seed, "\n"))],
        Kind::MsrTrainTail => {
            vec![utf8(
                "cws/sighan2005/msr_train_tail.masked.utf8",
                mask_digits(&segmented(kind, seed, "\r\n")),
            )]
        }
        Kind::Ccks2019 => {
            let corpus = super::documents(kind, seed);
            vec![
                utf8("ccks2019/subtask1_training_part1.txt", records(&corpus.train[..RECORDS_IN_FIRST_PART])),
                utf8("ccks2019/subtask1_training_part2.txt", records(&corpus.train[RECORDS_IN_FIRST_PART..])),
                utf8("ccks2019/subtask1_test_set_with_answer.json", records(&corpus.test)),
            ]
        }
        Kind::Cmdd => dialogues(seed),
        Kind::Biomedical(set) => sentences(kind, seed)
            .splits()
            .map(|(split, items)| {
                let split = if split == "dev" { "devel" } else { split };
                let mut text = two_columns(items);
                if set.docstart() {
                    text = with_documents(&text);
                }
                utf8(&format!("mtl-bioner/{}/{split}.tsv", set.folder), text)
            })
            .to_vec(),
        Kind::MtaalNcbi => abstracts(kind, seed, "mtaal/NCBI", |split| match split {
            "train" => "NCBItrainset_corpus.txt",
            "dev" => "NCBIdevelopset_corpus.txt",
            _ => "NCBItestset_corpus.txt",
        }),
        Kind::MtaalCdr => abstracts(kind, seed, "mtaal/CDR", |split| match split {
            "train" => "CDR_TrainingSet.PubTator.txt",
            "dev" => "CDR_DevelopmentSet.PubTator.txt",
            _ => "CDR_TestSet.PubTator.txt",
        }),
    }
}

fn bio(sentence: &Sentence) -> Vec<String> {
    TagScheme::Bio
        .encode(sentence.tokens.len(), &sentence.spans)
        .expect("sample spans lie in their sentence and do not overlap")
}

/// `token TAB tag`, a blank line after each sentence.
fn two_columns(items: &[Sentence]) -> String {
    let mut out = String::new();
    for sentence in items {
        for (token, tag) in sentence.tokens.iter().zip(bio(sentence)) {
            let _ = writeln!(out, "{token}\t{tag}");
        }
        out.push('\n');
    }
    out
}

/// A `-DOCSTART-` line before every [`DOCUMENT`] sentences.
fn with_documents(text: &str) -> String {
    let mut out = String::new();
    for (i, sentence) in text.split_terminator("\n\n").enumerate() {
        if i % DOCUMENT == 0 {
            out.push_str("-DOCSTART-\tO\n\n");
        }
        out.push_str(sentence);
        out.push_str("\n\n");
    }
    out
}

/// True for the characters that UTF-16 writes as two units.
fn is_pair(token: &str) -> bool {
    token.chars().any(|c| c.len_utf16() == 2)
}

/// [`two_columns`] the way the first version of WeiboNER is written, one UTF-16 unit a line: of a character that needs two
/// of them, each half stands on a line of its own, in three bytes (CESU-8).
fn utf16_lines(items: &[Sentence]) -> Vec<u8> {
    let mut out = Vec::new();
    for sentence in items {
        for (token, tag) in sentence.tokens.iter().zip(bio(sentence)) {
            if is_pair(token) {
                for unit in token.encode_utf16() {
                    let bytes = [
                        0xE0 | (unit >> 12) as u8,
                        0x80 | ((unit >> 6) & 0x3F) as u8,
                        0x80 | (unit & 0x3F) as u8,
                    ];
                    out.extend(bytes);
                    out.extend(format!("\t{tag}\n").bytes());
                }
            } else {
                out.extend(format!("{token}\t{tag}\n").bytes());
            }
        }
        out.push(b'\n');
    }
    out
}

/// Position of each character in its word.
fn positions(segments: &[super::template::Segment]) -> Vec<usize> {
    let mut digits = Vec::new();
    let mut at = 0;
    for segment in segments {
        for c in segment.text.chars() {
            if c == ' ' {
                at = 0;
            } else {
                digits.push(at);
                at += 1;
            }
        }
    }
    digits
}

/// Each character with its position in the word (`科0`), then the tag. Words of more than ten characters start again.
fn numbered(items: &[Sentence], digits: &[Vec<usize>]) -> String {
    let mut out = String::new();
    for (sentence, digits) in items.iter().zip(digits) {
        for ((token, digit), tag) in sentence.tokens.iter().zip(digits).zip(bio(sentence)) {
            let _ = writeln!(out, "{token}{}\t{tag}", digit % 10);
        }
        out.push('\n');
    }
    out
}

/// `id/m  word/pos  ...`, two spaces between and after the words, CR LF, GB18030.
fn peoples_daily(seed: u64) -> Vec<u8> {
    let mut out = String::new();
    for (i, segments) in make::filled(Kind::Pd1998, seed).train.iter().enumerate() {
        let words = make::notation(segments).replace(' ', "  ");
        let _ = write!(out, "{}/m  {words}  \r\n", pd_id(i));
    }
    encoding_rs::GB18030.encode(&out).0.into_owned()
}

/// Words with two spaces after each.
fn segmented(kind: Kind, seed: u64, end: &str) -> String {
    let corpus = make::filled(kind, seed);
    let mut out = String::new();
    for segments in corpus.dev.iter().chain(&corpus.test) {
        for word in make::split_words(&make::notation(segments)) {
            out.push_str(&word.text);
            out.push_str("  ");
        }
        out.push_str(end);
    }
    out
}

fn mask_digits(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}

/// The corpus's own name of an entity type.
fn source_name(label: &str) -> &'static str {
    EntityType::find(label).expect("the slots have the labels of the reader").source
}

/// JSON lines with a byte-order mark.
fn records(items: &[Document]) -> String {
    let mut out = String::from('\u{feff}');
    for record in items {
        let entities: Vec<_> = record
            .entities
            .iter()
            .map(|e| json!({"label_type": source_name(&e.label), "overlap": 0, "start_pos": e.start, "end_pos": e.end}))
            .collect();
        let _ = writeln!(out, "{}", json!({"originalText": record.text, "entities": entities}));
    }
    out
}

/// One dialogue a line; the label is one letter a character.
fn dialogues(seed: u64) -> Vec<(String, Vec<u8>)> {
    let corpus = make::dialogues(seed);
    let file = |split: Split, items: &[make::Dialogue]| {
        let mut out = String::new();
        for (d, dialogue) in items.iter().enumerate() {
            let content: Vec<_> = dialogue
                .iter()
                .map(|(doctor, said)| {
                    let mut label = String::new();
                    let mut names = Vec::new();
                    for segment in said {
                        let length = segment.text.chars().count();
                        if segment.label.is_some() {
                            label.push('B');
                            label.extend(std::iter::repeat_n('I', length - 1));
                            names.push(segment.text.clone());
                        } else {
                            label.extend(std::iter::repeat_n('O', length));
                        }
                    }
                    let states = vec!["1"; names.len()];
                    json!({
                        "speaker": if *doctor { "医生" } else { "患者" },
                        "sentence": text(said),
                        "label": label,
                        "normalized": names,
                        "type": states,
                    })
                })
                .collect();
            let line = json!({
                "data-split": split_name(split),
                "example-id": dialogue_id(split, d),
                "dialogue-content": content,
            });
            let _ = writeln!(out, "{line}");
        }
        (format!("cmdd/{}.jsonl", split_name(split)), out.into_bytes())
    };
    vec![file(Split::Train, &corpus.train), file(Split::Dev, &corpus.dev), file(Split::Test, &corpus.test)]
}

/// PubTator originals, three-column files and the split of the pool.
fn abstracts(
    kind: Kind,
    seed: u64,
    folder: &str,
    pubtator: impl Fn(&str) -> &'static str,
) -> Vec<(String, Vec<u8>)> {
    let items = make::abstracts(kind, seed);
    let documents = super::documents(kind, seed);
    let columns = sentences(kind, seed);
    let mut files = Vec::new();
    for (((split, items), (_, documents)), (_, columns)) in
        items.splits().into_iter().zip(documents.splits()).zip(columns.splits())
    {
        let mut original = String::new();
        for (item, document) in items.iter().zip(documents) {
            // A title is as long as its first sentence; one character parts it from the abstract.
            let title = text(&item[0]);
            let rest: String = document.text.chars().skip(title.chars().count() + 1).collect();
            let _ = writeln!(original, "{}|t|{title}\n{}|a|{rest}", document.id, document.id);
            let characters: Vec<char> = document.text.chars().collect();
            for e in &document.entities {
                let mention: String = characters[e.start..e.end].iter().collect();
                let (id, concepts) = (&document.id, make::join_concepts(&e.concepts, "|"));
                let _ =
                    writeln!(original, "{id}\t{}\t{}\t{mention}\t{}\t{concepts}", e.start, e.end, e.label);
            }
            original.push('\n');
        }
        files.push((format!("{folder}/{}", pubtator(split)), original.into_bytes()));

        let mut three = String::new();
        for sentence in columns {
            for ((token, tag), concept) in sentence.tokens.iter().zip(bio(sentence)).zip(&sentence.concepts) {
                let _ = writeln!(three, "{token}\t{tag}\t{concept}");
            }
            three.push('\n');
        }
        files.push((format!("{folder}/{split}.txt"), three.into_bytes()));
    }
    files.push((format!("{folder}/split_seed0.json"), pool_split(&columns, seed).into_bytes()));
    files
}

/// The pool's indices (sentences of 6 to 59 tokens, the splits in order), shuffled and cut 0.2 / 0.7 / 0.1.
fn pool_split(columns: &Corpus<Sentence>, seed: u64) -> String {
    let inside = |s: &&Sentence| (6..60).contains(&s.tokens.len());
    let n: usize = columns.splits().iter().map(|(_, items)| items.iter().filter(inside).count()).sum();
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let (label, unlabel) = (n / 5, n * 7 / 10);
    let test = n / 10;
    json!({
        "n": n,
        "label": order[..label],
        "unlabel": order[label..label + unlabel],
        "test": order[label + unlabel..label + unlabel + test],
    })
    .to_string()
}
