//! Sentences from a user's own files: PubTator, JSON lines, columns, text.
//!
//! What is learned from is cut around its mentions, and no sentence is longer than [`length::LONGEST`]. What is scored is cut as
//! text is when it is labelled, without a look at the mentions.

mod blind;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use medner_core::records::Cut;
use medner_data::formats::pubtator::{PubTatorOptions, read_pubtator};
use medner_data::formats::tokenize::{TokenizedSentence, tokenize};
use medner_data::formats::{Read, Remarked, mtaal};
use medner_data::word_files::{self, Annotated};
use medner_data::{Document, Sentence, user_files};

use crate::config::Tasks;
use crate::corpus::{Collection, EncodingOptions, MISSING, OUTSIDE};
use crate::exchange::canonical_concept;
use crate::length::{self, LONGEST};
use crate::prepare::Missed;

/// Annotated sentences to learn from: PubTator and JSON lines are cut into sentences and words; three columns
/// `token TAB tag TAB concept` are taken as they stand, and so are two (`token TAB tag`). Longer sentences than the networks read in
/// one go are cut ([`length::labelled`]). Concepts are in the one spelling that answers of projects have. What was changed or left
/// out on the way is said.
pub fn annotated(path: &Path, tasks: Tasks) -> Result<Vec<Sentence>> {
    let Labelled { read, .. } = read(path, Cut::AroundEntities)?;
    read.warn(path, "they are neither learned nor scored", "they are learned and scored so");
    let sentences = checked(read.sentences, path, tasks)?;
    let (sentences, cut) = length::labelled(sentences).with_context(|| format!("{}", path.display()))?;
    warn_of_long(path, cut);
    Ok(sentences)
}

/// Says that sentences were cut for their length.
fn warn_of_long(path: &Path, cut: Option<Remarked>) {
    if let Some(Remarked { count, first }) = cut {
        tracing::warn!(
            "{}: {count} sentences of more than {LONGEST} tokens are cut into shorter ones (first: {first}); end sentences by a \
             full stop, a line break or, in columns, a blank line",
            path.display()
        );
    }
}

/// Sentences to score a model on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gold {
    /// The sentences, with the mentions whose tokens are what was annotated.
    pub sentences: Vec<Sentence>,
    /// How many other mentions there are of each type. No model finds them.
    pub left_out: BTreeMap<String, usize>,
    /// How many of each concept.
    pub concepts_left_out: BTreeMap<String, usize>,
}

impl Gold {
    /// Whether any mention has a concept.
    pub fn has_concepts(&self) -> bool {
        has_concepts(&self.sentences) || self.concepts_left_out.keys().any(|concept| concept != MISSING)
    }

    /// How many mentions are left out, by task: they count as missed.
    pub fn missed(&self, options: EncodingOptions) -> Missed {
        let outside = |concept: &str| options.missing_as_outside && concept == MISSING;
        let concepts = self.concepts_left_out.iter().filter(|(concept, _)| !outside(concept));
        Missed { ner: self.left_out.values().sum(), nen: concepts.map(|(_, count)| count).sum() }
    }
}

/// The same files for scoring: documents are cut as [`crate::predict`] cuts them, without a look at the mentions. What has no place
/// in the tokens of one sentence, or covers more of them than was annotated, is counted apart. Sentences have any length: a model
/// reads longer ones in windows ([`crate::judging`]).
pub fn gold(path: &Path, tasks: Tasks) -> Result<Gold> {
    let Labelled { mut read, mut concepts_left_out, crossing } = read(path, Cut::Blind)?;
    read.warn(path, "they count as missed", "as they were annotated they count as missed");
    if let Some(Remarked { count, first }) = crossing {
        tracing::warn!(
            "{}: {count} mentions stand on both sides of a sentence's end (first: {first}); no model finds them, and they count as \
             missed",
            path.display()
        );
    }
    read.sentences = checked(std::mem::take(&mut read.sentences), path, tasks)?;
    for (sentence, widened) in read.sentences.iter_mut().zip(&read.widened) {
        for span in widened {
            let concepts = &mut sentence.concepts[span.start..span.end];
            *concepts_left_out.entry(concepts[0].clone()).or_default() += 1;
            concepts.fill(OUTSIDE.to_owned());
        }
    }
    let Annotated { sentences, left_out, .. } = read.as_annotated();
    Ok(Gold { sentences, left_out, concepts_left_out })
}

/// Sentences with both layers, concepts in the one spelling; refuses what can neither be learned nor scored.
fn checked(mut sentences: Vec<Sentence>, path: &Path, tasks: Tasks) -> Result<Vec<Sentence>> {
    if sentences.is_empty() {
        bail!("{}: holds no sentences", path.display());
    }
    for concept in sentences.iter_mut().flat_map(|s| &mut s.concepts).filter(|c| *c != OUTSIDE) {
        *concept = spelt(concept);
    }
    // Both layers, and that they agree.
    let sentences =
        Collection::from_sentences("", sentences).with_context(|| format!("{}", path.display()))?.sentences;
    let mentions = sentences.iter().any(|s| !s.spans.is_empty());
    if !mentions {
        bail!("{}: holds no mentions, so there is nothing to learn or to score", path.display());
    }
    if tasks.nen() && !has_concepts(&sentences) {
        bail!(
            "{}: holds no concepts, so normalisation cannot be learned; give them (PubTator's sixth column, `concepts` of an entity \
             in JSON lines, the third of `token TAB tag TAB concept`), or train recognition alone: `--set tasks=ner`",
            path.display()
        );
    }
    Ok(sentences)
}

/// A mention's concept in the one spelling.
fn spelt(concept: &str) -> String {
    canonical_concept(concept).unwrap_or_else(|| MISSING.to_owned())
}

/// Whether any mention has a concept.
fn has_concepts(sentences: &[Sentence]) -> bool {
    sentences.iter().flat_map(|s| &s.concepts).any(|c| c != OUTSIDE && c != MISSING)
}

/// The sentences of a file with what there is to say of them.
struct Labelled {
    read: Annotated,
    /// What [`Annotated::left_out`] is of types, of concepts.
    concepts_left_out: BTreeMap<String, usize>,
    /// Mentions over the end of a sentence that is cut blindly; they are among those left out.
    crossing: Option<Remarked>,
}

impl Labelled {
    /// Documents cut into sentences.
    fn of(documents: &[Document], cut: Cut) -> Result<Self> {
        let mut read = Annotated::of(documents)?;
        let crossing = match cut {
            Cut::AroundEntities => None,
            Cut::Blind => blind::cut(&mut read, documents)?,
        };
        let mut concepts_left_out: BTreeMap<String, usize> = BTreeMap::new();
        for document in documents {
            let mentions = document.entities.iter().map(|e| (e.start, e.end, spelt(&e.concepts.join("|"))));
            for (_, _, concept) in mentions.collect::<BTreeSet<_>>() {
                *concepts_left_out.entry(concept).or_default() += 1;
            }
        }
        for sentence in &read.sentences {
            for span in &sentence.spans {
                let concept = sentence.concepts.get(span.start).map_or(MISSING, String::as_str);
                if let Some(count) = concepts_left_out.get_mut(&spelt(concept)) {
                    *count -= 1;
                }
            }
        }
        concepts_left_out.retain(|_, count| *count > 0);
        Ok(Self { read, concepts_left_out, crossing })
    }

    /// Sentences that are cut already: every mention has its place.
    fn as_they_stand(read: Annotated) -> Self {
        Self { read, concepts_left_out: BTreeMap::new(), crossing: None }
    }
}

/// Reads a file as what its content and its ending say that it is.
fn read(path: &Path, cut: Cut) -> Result<Labelled> {
    if is_pubtator(path)? {
        let documents = read_pubtator(path, PubTatorOptions { tolerant: true })?;
        let mut labelled = Labelled::of(&documents.items, cut)?;
        labelled.read.report.merge(documents.report);
        return Ok(labelled);
    }
    if user_files::is_json(path) || path.is_dir() {
        return Labelled::of(&user_files::annotated(path)?, cut);
    }
    match columns(path)? {
        Some(3) => {
            let Read { items: sentences, report } = mtaal::read(path)?;
            Ok(Labelled::as_they_stand(Annotated { sentences, report, ..Annotated::default() }))
        }
        None if has_columns_without_tabs(path)? => bail!(
            "{}: has three columns with spaces between them; a concept is read where tabs separate them: \
             `token TAB tag TAB concept`",
            path.display()
        ),
        _ => Ok(Labelled::as_they_stand(word_files::annotated(path)?)),
    }
}

/// Documents to label, as [`user_files::text`] reads them; their mentions are ignored.
pub fn text(path: Option<&Path>) -> Result<Vec<Document>> {
    let documents = user_files::text(path)?;
    Ok(documents.into_iter().map(|d| Document { entities: Vec::new(), ..d }).collect())
}

/// Documents of a file, which is named where sentences are cut for their length, as sentences of words with their places; none is
/// longer than [`LONGEST`].
pub fn cut(documents: &[Document], path: &Path) -> Result<Vec<TokenizedSentence>> {
    let mut cut: Option<Remarked> = None;
    let mut sentences = Vec::new();
    for sentence in tokenize(documents)?.items {
        let length = sentence.offsets.len();
        if length > LONGEST {
            Remarked::note(&mut cut, || format!("{}, {length} tokens", sentence.sentence.id));
        }
        let document = &documents[sentence.document].id;
        sentences.extend(length::unlabelled(sentence, document));
    }
    warn_of_long(path, cut);
    Ok(sentences)
}

/// The lines that are not blank; none of a folder.
fn lines(path: &Path) -> Result<Vec<String>> {
    if path.is_dir() {
        return Ok(Vec::new());
    }
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

fn first_line(path: &Path) -> Result<Option<String>> {
    Ok(lines(path)?.into_iter().next())
}

/// PubTator begins with a title, `<id>|t|<title>`.
fn is_pubtator(path: &Path) -> Result<bool> {
    Ok(first_line(path)?.is_some_and(|line| user_files::is_title(&line)))
}

/// True where every line is `token tag concept` with spaces between them: the second column has tags, the third something else.
fn has_columns_without_tabs(path: &Path) -> Result<bool> {
    if user_files::is_json(path) {
        return Ok(false);
    }
    let is_tag = |tag: &str| tag == "O" || tag.starts_with("B-") || tag.starts_with("I-");
    let lines = lines(path)?;
    let rows: Vec<Vec<&str>> = lines.iter().map(|line| line.split_whitespace().collect()).collect();
    let fits = rows.iter().all(|row| row.len() == 3 && is_tag(row[1]));
    Ok(fits && rows.iter().any(|row| !is_tag(row[2])))
}

/// Columns of a file of tab-separated columns.
fn columns(path: &Path) -> Result<Option<usize>> {
    if user_files::is_json(path) {
        return Ok(None);
    }
    Ok(first_line(path)?.map(|line| line.split('\t').count()).filter(|&n| n > 1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_data::formats::Remark;

    use super::*;

    fn file(content: &str, name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        (folder, path)
    }

    #[test]
    fn pubtator_columns_and_json_give_the_same_sentence() {
        let pubtator = "7|t|No fever today.\n7|a|\n7\t3\t8\tfever\tDisease\tD005334\n";
        let columns = "No\tO\tO\nfever\tB-Disease\tD005334\ntoday\tO\tO\n.\tO\tO\n";
        let json = "{\"id\": \"7\", \"text\": \"No fever today.\", \"entities\": [{\"start\": 3, \"end\": 8, \"label\": \"Disease\", \"concepts\": [\"D005334\"]}]}\n";
        for (content, name) in [(pubtator, "a.txt"), (columns, "a.tsv"), (json, "a.jsonl")] {
            let (_folder, path) = file(content, name);
            let sentences = annotated(&path, Tasks::Both).unwrap();
            assert_eq!(sentences.len(), 1, "{name}");
            assert_eq!(sentences[0].tokens, ["No", "fever", "today", "."]);
            assert_eq!(sentences[0].concepts, ["O", "D005334", "O", "O"]);
            assert_eq!(sentences[0].spans[0].label, "Disease");
        }
    }

    #[test]
    fn without_concepts_only_recognition_is_learned() {
        let (_folder, path) = file("No\tO\nfever\tB-Disease\n", "a.tsv");
        let message = annotated(&path, Tasks::Both).unwrap_err().to_string();
        assert!(message.contains("tasks=ner"), "{message}");
        let sentences = annotated(&path, Tasks::Ner).unwrap();
        assert_eq!(sentences[0].concepts, ["O", "-1"]);
        let (_folder, path) = file("No\tO\tO\n", "a.tsv");
        assert!(annotated(&path, Tasks::Ner).unwrap_err().to_string().contains("no mentions"));
    }

    #[test]
    fn layers_that_contradict_each_other_are_refused_with_the_place() {
        let (_folder, path) = file("No\tO\tO\nfever\tB-Disease\tO\nhere\tO\tD5\n", "a.tsv");
        let message = format!("{:#}", annotated(&path, Tasks::Both).unwrap_err());
        assert!(
            message.contains("a.tsv") && message.contains("token 1 (`fever`) is inside a mention"),
            "{message}"
        );
    }

    #[test]
    fn three_columns_with_spaces_are_told_of_tabs() {
        let spaces = "No O O\nfever B-Disease D005334\n\nNo O O\n";
        let (_folder, path) = file(spaces, "a.txt");
        let message = annotated(&path, Tasks::Both).unwrap_err().to_string();
        assert!(message.contains("token TAB tag TAB concept"), "{message}");
        let (_folder, path) = file(&spaces.replace(' ', "\t"), "a.txt");
        assert_eq!(annotated(&path, Tasks::Both).unwrap().len(), 2);
        // Columns of which the last has the tags are as they were.
        let (_folder, path) = file("No NN O\nfever NN B-Disease\n", "a.txt");
        assert_eq!(annotated(&path, Tasks::Ner).unwrap()[0].spans.len(), 1);
    }

    #[test]
    fn concepts_have_the_one_spelling_of_answers() {
        let pubtator = "7|t|No fever, cough or ache.\n7|a|\n7\t3\t8\tfever\tDisease\tMESH:D5|OMIM:2\n\
            7\t10\t15\tcough\tDisease\t-\n";
        let columns = "No\tO\tO\nfever\tB-Disease\t MESH:D5|OMIM:2\n,\tO\tO\ncough\tB-Disease\t-\nor\tO\tO\nache\tO\tO\n.\tO\tO\n";
        let json = "{\"id\": \"7\", \"text\": \"No fever, cough or ache.\", \"entities\": [\
            {\"start\": 3, \"end\": 8, \"label\": \"Disease\", \"concepts\": [\"MESH:D5\", \"OMIM:2 \"]}, \
            {\"start\": 10, \"end\": 15, \"label\": \"Disease\", \"concepts\": [\"-\"]}]}\n";
        for (content, name) in [(pubtator, "a.txt"), (columns, "a.tsv"), (json, "a.jsonl")] {
            let (_folder, path) = file(content, name);
            let concepts = ["O", "D5|OMIM:2", "O", "-1", "O", "O", "O"];
            assert_eq!(annotated(&path, Tasks::Both).unwrap()[0].concepts, concepts, "{name}");
            assert_eq!(gold(&path, Tasks::Both).unwrap().sentences[0].concepts, concepts, "{name}");
        }
        // Outside mentions there is no concept, not even one that is none.
        let (_folder, path) = file("No\tO\t-\nfever\tB-Disease\tD5\n", "a.tsv");
        let message = format!("{:#}", annotated(&path, Tasks::Both).unwrap_err());
        assert!(message.contains("token 0 (`No`) is outside every mention"), "{message}");
    }

    #[test]
    fn what_has_no_place_in_the_tokens_is_counted_apart_for_scoring() {
        // A mention inside another, one of half a word, a blank one, and one as it should be, whose concept stands twice.
        let pubtator = "7|t|No severe fever today but ache.\n7|a|\n7\t3\t15\tsevere fever\tDisease\tD5\n\
            7\t10\t15\tfever\tSign\tMESH:D6\n7\t16\t20\ttoda\tTime\tD7\n7\t21\t22\t \tTime\t-1\n\
            7\t26\t30\tache\tSign\tD6\n";
        let (_folder, path) = file(pubtator, "a.txt");
        let Gold { sentences, left_out, concepts_left_out } = gold(&path, Tasks::Both).unwrap();
        let counts = |counts: &[(&str, usize)]| -> BTreeMap<String, usize> {
            counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        assert_eq!(left_out, counts(&[("Sign", 1), ("Time", 2)]));
        assert_eq!(concepts_left_out, counts(&[("-1", 1), ("D6", 1), ("D7", 1)]));
        let labels: Vec<&str> = sentences[0].spans.iter().map(|span| span.label.as_str()).collect();
        assert_eq!(labels, ["Disease", "Sign"]);
        assert_eq!(sentences[0].concepts, ["O", "D5", "D5", "O", "O", "D6", "O"]);
        // For learning, the half word is a whole one.
        let learned = annotated(&path, Tasks::Both).unwrap();
        assert_eq!((learned[0].spans.len(), learned[0].concepts[3].as_str()), (3, "D7"));
    }

    #[test]
    fn what_cutting_leaves_out_is_known() {
        let pubtator = "7|t|No severe fever today.\n7|a|\n7\t3\t15\tsevere fever\tDisease\tD5\n\
            7\t10\t15\tfever\tDisease\tD6\n";
        let (_folder, path) = file(pubtator, "a.txt");
        let Labelled { read, concepts_left_out, .. } = read(&path, Cut::AroundEntities).unwrap();
        assert_eq!(read.report.count(Remark::OverlapLeftOut), 1);
        assert_eq!(read.left_out, [("Disease".to_owned(), 1)].into());
        assert_eq!(concepts_left_out, [("D6".to_owned(), 1)].into());
        let (_folder, path) = file("No\tO\tO\nfever\tI-Disease\tD5\n", "a.tsv");
        assert_eq!(super::read(&path, Cut::Blind).unwrap().read.report.count(Remark::RepairedTag), 1);
    }

    #[test]
    fn what_is_scored_is_cut_as_text_is_and_what_is_learned_around_mentions() {
        // The mention of D5 runs over the end of the first sentence; the half word `ach` is no mention of whole tokens.
        let json = "{\"id\": \"7\", \"text\": \"No fever. Then a cough. No ache.\", \"entities\": [\
            {\"start\": 3, \"end\": 22, \"label\": \"Course\", \"concepts\": [\"D5\"]}, \
            {\"start\": 27, \"end\": 30, \"label\": \"Sign\", \"concepts\": []}, \
            {\"start\": 24, \"end\": 26, \"label\": \"Negation\", \"concepts\": [\"D7\"]}]}\n";
        let (_folder, path) = file(json, "a.jsonl");
        let learned = annotated(&path, Tasks::Both).unwrap();
        let lengths = |sentences: &[Sentence]| sentences.iter().map(|s| s.tokens.len()).collect::<Vec<_>>();
        assert_eq!((lengths(&learned), learned[0].spans.len()), (vec![7, 3], 1));
        let gold = gold(&path, Tasks::Both).unwrap();
        let text = cut(&text(Some(&path)).unwrap(), &path).unwrap();
        let tokens = |cut: &TokenizedSentence| cut.sentence.tokens.clone();
        assert!(gold.sentences.iter().map(|s| s.tokens.clone()).eq(text.iter().map(tokens)));
        assert_eq!(lengths(&gold.sentences), [3, 4, 3]);
        let spans: usize = gold.sentences.iter().map(|s| s.spans.len()).sum();
        assert_eq!((spans, gold.sentences[2].spans[0].label.as_str()), (1, "Negation"));
        assert!(gold.sentences[..2].iter().flat_map(|s| &s.concepts).all(|c| c == OUTSIDE));
        assert_eq!(gold.left_out, [("Course".to_owned(), 1), ("Sign".to_owned(), 1)].into());
        assert_eq!(gold.concepts_left_out, [("-1".to_owned(), 1), ("D5".to_owned(), 1)].into());
        assert_eq!(gold.missed(EncodingOptions::PAPER), Missed { ner: 2, nen: 2 });
        assert_eq!(gold.missed(EncodingOptions::RELEASED), Missed { ner: 2, nen: 1 });
    }

    #[test]
    fn no_sentence_to_learn_from_or_to_ask_is_longer_than_the_networks_read() {
        let mut columns = "x\tO\tO\n".repeat(1_000);
        columns.push_str("fever\tB-Disease\tD5\n");
        let (_folder, path) = file(&columns, "a.tsv");
        let learned = annotated(&path, Tasks::Both).unwrap();
        assert_eq!(learned.iter().map(|s| s.tokens.len()).collect::<Vec<_>>(), [512, 489]);
        assert_eq!(learned[1].spans[0].start, 488);
        // To be scored a sentence stays what it is.
        assert_eq!(gold(&path, Tasks::Both).unwrap().sentences[0].tokens.len(), 1_001);
        let mention = format!("a\tB-Disease\tD5\n{}", "x\tI-Disease\tD5\n".repeat(600));
        let (_folder, path) = file(&mention, "b.tsv");
        let message = format!("{:#}", annotated(&path, Tasks::Both).unwrap_err());
        assert!(message.contains("b.tsv") && message.contains("has 601 tokens and a mention"), "{message}");
        let (_folder, path) = file(&format!("{}.\n", ["word"; 700].join(" ")), "c.txt");
        let asked = cut(&text(Some(&path)).unwrap(), &path).unwrap();
        assert_eq!(asked.iter().map(|s| s.offsets.len()).collect::<Vec<_>>(), [512, 189]);
    }
}
