//! From filled templates to sentences and documents.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use medner_metrics::Span;
use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::template::{Segment, Sizes, Split, any, corpus, text};
use super::{Kind, abstracts, biomedical, clinical, msra, native, weibo, words};
use crate::convert::{Lost, to_documents};
use crate::corpus::{Corpus, Document, Entity, Sentence};
use crate::formats::split::{SplitOptions, split_records};

/// One word of a segmented sentence.
pub(super) struct Word {
    pub text: String,
    pub pos: String,
}

/// One dialogue: whether the doctor speaks, and what is said.
pub(super) type Dialogue = Vec<(bool, Vec<Segment>)>;

/// One abstract: the title first, then its sentences.
pub(super) type Abstract = Vec<Vec<Segment>>;

/// A stream of its own for each kind: FNV-1a of the name picks it, the seed keys it.
fn stream(name: &str, seed: u64) -> ChaCha8Rng {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(hash);
    rng
}

pub(super) fn map<A, B>(corpus: &Corpus<A>, mut f: impl FnMut(Split, usize, &A) -> B) -> Corpus<B> {
    let mut split = |which, items: &[A]| items.iter().enumerate().map(|(i, a)| f(which, i, a)).collect();
    Corpus {
        train: split(Split::Train, &corpus.train),
        dev: split(Split::Dev, &corpus.dev),
        test: split(Split::Test, &corpus.test),
    }
}

/// Sentences of the kinds whose items are single filled templates.
pub(super) fn filled(kind: Kind, seed: u64) -> Corpus<Vec<Segment>> {
    let (name, templates, slots, train, dev, test) = match kind {
        Kind::Msra => ("msra", msra::TEMPLATES, msra::SLOTS, 450, 0, 150),
        // The two versions of the real corpus have the same messages.
        Kind::Weibo | Kind::WeiboRevised => ("weibo", weibo::TEMPLATES, weibo::SLOTS, 400, 100, 150),
        Kind::Pd1998 => ("pd1998", words::TEMPLATES, words::SLOTS, 600, 0, 0),
        Kind::SighanMsr | Kind::SighanPku => (kind.name(), words::TEMPLATES, words::SLOTS, 0, 0, 150),
        Kind::MsrTrainTail => (kind.name(), words::TEMPLATES, words::SLOTS, 0, 250, 0),
        Kind::Biomedical(set) => (set.family(), biomedical::TEMPLATES, biomedical::SLOTS, 450, 100, 200),
        Kind::Ccks2019 | Kind::Cmdd | Kind::MtaalNcbi | Kind::MtaalCdr => {
            unreachable!("these kinds are records, dialogues or abstracts")
        }
    };
    let sizes = Sizes { train, dev, test };
    corpus(sizes, &mut stream(name, seed), |split, rng| any(templates, slots, split, rng))
}

/// Clinical records, each one an opening, three to six findings and an ending.
pub(super) fn records(seed: u64) -> Corpus<Vec<Segment>> {
    let sizes = Sizes { train: 120, dev: 0, test: 50 };
    corpus(sizes, &mut stream("ccks2019", seed), |split, rng| {
        let count = *[3, 4, 5, 6].choose(rng).expect("not empty");
        let mut record = any(clinical::OPENINGS, clinical::SLOTS, split, rng);
        for _ in 0..count {
            record.extend(any(clinical::MIDDLES, clinical::SLOTS, split, rng));
        }
        record.extend(any(clinical::ENDINGS, clinical::SLOTS, split, rng));
        record
    })
}

/// Dialogues of six to ten utterances, the doctor and the patient in turn.
pub(super) fn dialogues(seed: u64) -> Corpus<Dialogue> {
    let mut rng = stream("cmdd", seed);
    let mut split = |which, size| -> Vec<Dialogue> {
        (0..size)
            .map(|_| {
                let turns = *[6, 8, 10].choose(&mut rng).expect("not empty");
                (0..turns)
                    .map(|turn| {
                        let doctor = turn % 2 == 0;
                        let templates = if doctor { clinical::DOCTOR } else { clinical::PATIENT };
                        (doctor, any(templates, clinical::SLOTS, which, &mut rng))
                    })
                    .collect()
            })
            .collect()
    };
    Corpus { train: split(Split::Train, 60), dev: split(Split::Dev, 20), test: split(Split::Test, 25) }
}

/// Abstracts of four to seven sentences.
pub(super) fn abstracts(kind: Kind, seed: u64) -> Corpus<Abstract> {
    let (titles, sentences, slots) = if kind == Kind::MtaalNcbi {
        (abstracts::NCBI_TITLES, abstracts::NCBI_SENTENCES, abstracts::NCBI_SLOTS)
    } else {
        (abstracts::CDR_TITLES, abstracts::CDR_SENTENCES, abstracts::CDR_SLOTS)
    };
    let mut rng = stream(kind.name(), seed);
    let mut seen = BTreeSet::new();
    let mut split = |which, size| -> Vec<Abstract> {
        let fresh = |templates: &[&str], rng: &mut ChaCha8Rng, seen: &mut BTreeSet<String>| loop {
            let sentence = any(templates, slots, which, rng);
            if seen.insert(text(&sentence)) {
                return sentence;
            }
        };
        (0..size)
            .map(|_| {
                let count = *[4, 5, 6, 7].choose(&mut rng).expect("not empty");
                let mut item = vec![fresh(titles, &mut rng, &mut seen)];
                item.extend((0..count).map(|_| fresh(sentences, &mut rng, &mut seen)));
                item
            })
            .collect()
    };
    Corpus { train: split(Split::Train, 70), dev: split(Split::Dev, 15), test: split(Split::Test, 30) }
}

/// The words of a template of segmented text, in the corpus's own notation: `word/pos`, groups as `[a/x b/y]z`.
pub(super) fn notation(segments: &[Segment]) -> String {
    let mut out = String::new();
    for s in segments {
        let (head, tail) = s.text.split_at(s.seam);
        // Writing to a string cannot fail.
        let _ = match s.label {
            Some("nr") => write!(out, "{head}/nr {tail}/nr"),
            Some("nt") => write!(out, "[{head}/ns {tail}/n]nt"),
            Some(pos) => write!(out, "{}/{pos}", s.text),
            None => out.write_str(&s.text),
        };
    }
    out
}

/// The words of [`notation`], without the groups.
pub(super) fn split_words(notation: &str) -> Vec<Word> {
    notation
        .split(' ')
        .map(|item| {
            let (text, pos) = item.rsplit_once('/').expect("every word of a template has a part of speech");
            Word {
                text: text.trim_start_matches('[').to_owned(),
                pos: pos.split(']').next().unwrap_or(pos).to_owned(),
            }
        })
        .collect()
}

/// A sentence of characters without the spaces that mark word breaks.
fn characters(id: String, segments: &[Segment]) -> Sentence {
    let mut sentence = Sentence { id, ..Sentence::default() };
    for s in segments {
        let start = sentence.tokens.len();
        sentence.tokens.extend(s.text.chars().filter(|c| *c != ' ').map(String::from));
        if let Some(label) = s.label {
            sentence.spans.push(Span::new(start, sentence.tokens.len(), label));
        }
    }
    sentence
}

/// A sentence of words, labels by topic.
fn english(id: String, segments: &[Segment], label: impl Fn(&str) -> Option<&'static str>) -> Sentence {
    let mut sentence = Sentence { id, ..Sentence::default() };
    for s in segments {
        let start = sentence.tokens.len();
        sentence.tokens.extend(biomedical::tokens(&s.text));
        if let Some(label) = s.label.and_then(&label) {
            sentence.spans.push(Span::new(start, sentence.tokens.len(), label));
        }
    }
    sentence
}

/// A segmented sentence: characters, one unlabelled span a word, one part of speech a word.
fn segmented(id: String, segments: &[Segment], with_pos: bool) -> Sentence {
    let mut sentence = Sentence { id, ..Sentence::default() };
    for word in split_words(&notation(segments)) {
        let start = sentence.tokens.len();
        sentence.tokens.extend(word.text.chars().map(String::from));
        sentence.spans.push(Span::new(start, sentence.tokens.len(), ""));
        if with_pos {
            sentence.pos.push(word.pos);
        }
    }
    sentence
}

/// A text and its mentions from segments, appended to a document.
fn append(document: &mut Document, segments: &[Segment], normalised: bool) {
    let mut at = document.text.chars().count();
    for s in segments {
        let end = at + s.text.chars().count();
        if let Some(label) = s.label {
            let concepts = if normalised { abstracts::concepts(&s.text) } else { Vec::new() };
            document.entities.push(Entity { start: at, end, label: label.to_owned(), concepts });
        }
        document.text.push_str(&s.text);
        at = end;
    }
}

/// An abstract as a document: the title, a line break, and the sentences with one space between.
pub(super) fn document(id: String, item: &Abstract) -> Document {
    let mut document = Document { id, ..Document::default() };
    for (i, sentence) in item.iter().enumerate() {
        match i {
            0 => {}
            1 => document.text.push('\n'),
            _ => document.text.push(' '),
        }
        append(&mut document, sentence, true);
    }
    document
}

/// Identifier of an abstract; the splits do not share any.
pub(super) fn abstract_id(split: Split, index: usize) -> String {
    let base = match split {
        Split::Train => 90_000_000,
        Split::Dev => 91_000_000,
        Split::Test => 92_000_000,
    };
    (base + index).to_string()
}

/// Concepts in one column; `-1` where there is none.
pub(super) fn join_concepts(concepts: &[String], with: &str) -> String {
    if concepts.is_empty() { "-1".to_owned() } else { concepts.join(with) }
}

/// One sentence of an abstract as the three-column files have it: every punctuation mark a token, PubTator's subtypes of
/// `Disease` merged, the concepts joined with `+`.
pub(super) fn three_columns(id: String, segments: &[Segment]) -> Sentence {
    let mut sentence = Sentence { id, ..Sentence::default() };
    for s in segments {
        let start = sentence.tokens.len();
        for (from, to) in abstracts::token_ranges(&s.text) {
            sentence.tokens.push(s.text[from..to].to_owned());
        }
        let concept =
            s.label.map_or_else(|| "O".to_owned(), |_| join_concepts(&abstracts::concepts(&s.text), "+"));
        sentence.concepts.resize(sentence.tokens.len(), concept);
        if let Some(label) = s.label {
            let label = if label == "Chemical" { "Chemical" } else { "Disease" };
            sentence.spans.push(Span::new(start, sentence.tokens.len(), label));
        }
    }
    sentence
}

pub(super) fn sentences(kind: Kind, seed: u64) -> Corpus<Sentence> {
    let none = String::new;
    let lines = |split, i| format!("{}:{}", native::file_name(kind, split), i + 1);
    let mut corpus = match kind {
        Kind::Msra | Kind::Weibo | Kind::WeiboRevised => {
            map(&filled(kind, seed), |_, _, s| characters(none(), s))
        }
        Kind::Pd1998 => map(&filled(kind, seed), |_, i, s| segmented(native::pd_id(i), s, true)),
        Kind::SighanMsr | Kind::SighanPku | Kind::MsrTrainTail => {
            return map(&filled(kind, seed), |split, i, s| {
                let mut sentence = segmented(lines(split, i), s, false);
                if kind == Kind::MsrTrainTail {
                    for token in sentence.tokens.iter_mut().filter(|t| t.bytes().all(|b| b.is_ascii_digit()))
                    {
                        "0".clone_into(token);
                    }
                }
                sentence
            });
        }
        Kind::Biomedical(set) => map(&filled(kind, seed), |_, _, s| english(none(), s, |t| set.label(t))),
        Kind::Ccks2019 => pieces(seed),
        Kind::Cmdd => utterances(seed),
        Kind::MtaalNcbi | Kind::MtaalCdr => {
            let all = abstracts(kind, seed);
            let flat =
                |items: &[Abstract]| items.iter().flatten().map(|s| three_columns(none(), s)).collect();
            Corpus { train: flat(&all.train), dev: flat(&all.dev), test: flat(&all.test) }
        }
    };
    if !matches!(kind, Kind::Pd1998 | Kind::Ccks2019 | Kind::Cmdd) {
        native::number_lines(kind, Split::Train, &mut corpus.train);
        native::number_lines(kind, Split::Dev, &mut corpus.dev);
        native::number_lines(kind, Split::Test, &mut corpus.test);
    }
    corpus
}

/// Clinical records cut the way [`crate::catalog::load_sentences`] cuts them.
fn pieces(seed: u64) -> Corpus<Sentence> {
    let records = documents(Kind::Ccks2019, seed);
    let cut = |items: &[Document], protect_entities| {
        split_records(items, SplitOptions { protect_entities, ..SplitOptions::default() })
            .expect("sample records have their entities inside their text")
            .sentences()
    };
    Corpus { train: cut(&records.train, true), dev: Vec::new(), test: cut(&records.test, false) }
}

fn utterances(seed: u64) -> Corpus<Sentence> {
    let all = dialogues(seed);
    let flat = |split: Split, items: &[Dialogue]| {
        let mut out = Vec::new();
        for (d, dialogue) in items.iter().enumerate() {
            for (u, (_, said)) in dialogue.iter().enumerate() {
                out.push(characters(native::utterance_id(split, d, u), said));
            }
        }
        out
    };
    Corpus {
        train: flat(Split::Train, &all.train),
        dev: flat(Split::Dev, &all.dev),
        test: flat(Split::Test, &all.test),
    }
}

pub(super) fn documents(kind: Kind, seed: u64) -> Corpus<Document> {
    match kind {
        Kind::Ccks2019 => map(&records(seed), |split, i, record| {
            let mut document = Document { id: native::record_id(split, i), ..Document::default() };
            append(&mut document, record, false);
            document
        }),
        Kind::MtaalNcbi | Kind::MtaalCdr => {
            map(&abstracts(kind, seed), |split, i, item| document(abstract_id(split, i), item))
        }
        _ => {
            // Parts of speech and word borders are not part of a document.
            let sentences = sentences(kind, seed);
            let convert = |items: &[Sentence]| to_documents(items, &mut Lost::default());
            Corpus {
                train: convert(&sentences.train),
                dev: convert(&sentences.dev),
                test: convert(&sentences.test),
            }
        }
    }
}
