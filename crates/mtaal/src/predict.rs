//! Labelling text: documents in, mentions with their concepts, character offsets and confidences out.
//!
//! Words that training did not show are read with their given vectors, where the model keeps some ([`crate::unseen`]), and sentences
//! of any length are labelled whole ([`crate::length`]).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use medner_core::tensors;
use medner_data::formats::pubtator::write_pubtator;
use medner_data::formats::{Remarked, Report};
use medner_data::predictions::{self, Found};
use medner_data::word_files::Words;
use medner_data::{Document, Entity};
use medner_metrics::Span;
use tch::Device;

use crate::corpus::{Encoding, Example, MISSING, OUTSIDE};
use crate::folder::ModelFolder;
use crate::judging::{self, Judgement, Judgements};
use crate::unseen;
use crate::words::WordForms;

/// A mention in the tokens of a sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    /// Tokens and entity type.
    pub span: Span,
    /// The concept, where the model gives one.
    pub concept: Option<String>,
    /// The share of its tokens' probability that the concept has, where recognition found the mention. A token whose most probable
    /// label is another adds nothing, so that it is a lower bound.
    pub concept_confidence: Option<f64>,
    /// The model's probability of exactly these tags (and, where recognition is not trained, of the concept).
    pub confidence: f64,
}

/// The type of a mention that a model without recognition finds.
pub const CONCEPT: &str = "Concept";

/// What the networks' judgement of one sentence says: the mentions of recognition, each with the concept that most of its
/// tokens' probability is for; of a model of normalisation alone, the runs of tokens with one concept.
pub fn mentions(encoding: &Encoding, ner: Option<&Judgement>, nen: Option<&Judgement>) -> Vec<Predicted> {
    match (ner, nen) {
        (Some(ner), nen) => {
            let tags: Vec<i64> = ner.labels.iter().map(|&tag| i64::from(tag)).collect();
            let spans = encoding.ner.decode(&tags).into_iter();
            spans
                .map(|span| {
                    let (concept, share) = nen.and_then(|nen| concept_of(encoding, nen, &span)).unzip();
                    let confidence = probability(ner, &span);
                    Predicted { concept, concept_confidence: share, confidence, span }
                })
                .collect()
        }
        (None, Some(nen)) => {
            let mut found = Vec::new();
            let mut start = 0;
            for run in nen.labels.chunk_by(|a, b| a == b) {
                let span = Span::new(start, start + run.len(), CONCEPT);
                start = span.end;
                let label = encoding.nen.label(run[0]).unwrap_or(OUTSIDE);
                if label != OUTSIDE {
                    let concept = Some(label.to_owned()).filter(|label| label != MISSING);
                    let confidence = probability(nen, &span);
                    found.push(Predicted { concept, concept_confidence: None, confidence, span });
                }
            }
            found
        }
        (None, None) => Vec::new(),
    }
}

/// Tokens are labelled independently, so that the probability of a span's labels is the product.
fn probability(judgement: &Judgement, span: &Span) -> f64 {
    judgement.max_log_probs[span.start..span.end].iter().map(|&p| f64::from(p)).sum::<f64>().exp()
}

/// The concept that gets the greatest sum of probabilities among the labels of the mention's tokens, and its mean over them.
fn concept_of(encoding: &Encoding, nen: &Judgement, span: &Span) -> Option<(String, f64)> {
    let mut weights: BTreeMap<u32, f64> = BTreeMap::new();
    for at in span.start..span.end {
        *weights.entry(nen.labels[at]).or_default() += f64::from(nen.max_log_probs[at]).exp();
    }
    let known = weights.into_iter().filter_map(|(label, weight)| Some((encoding.nen.label(label)?, weight)));
    known
        .filter(|(label, _)| *label != OUTSIDE && *label != MISSING)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(label, weight)| (label.to_owned(), weight / (span.end - span.start) as f64))
}

/// The mentions in each of some sentences.
pub fn sentences(
    model: &ModelFolder,
    tokens: &[&[String]],
    device: Device,
    progress: judging::Progress<'_>,
) -> Result<Vec<Vec<Predicted>>> {
    let Judgements { ner, nen } = judged(model, tokens, device, progress)?;
    Ok((0..tokens.len()).map(|at| mentions(&model.encoding, ner.get(at), nen.get(at))).collect())
}

/// What the model's networks think of some sentences.
fn judged(
    model: &ModelFolder,
    tokens: &[&[String]],
    device: Device,
    progress: judging::Progress<'_>,
) -> Result<Judgements> {
    let with_words = unseen::with_words_of(model, tokens.iter().flat_map(|sentence| *sentence), device)?;
    let model = with_words.as_ref().unwrap_or(model);
    let encoded = model.encoding.encode_text(tokens.iter().copied());
    let forms = WordForms::of(&encoded).as_released(&model.config.released);
    let examples: Vec<&Example> = encoded.examples.iter().collect();
    Ok(judging::tasks(&model.networks, &forms, &examples, model.config.tasks, device, progress)?)
}

/// The mentions of each document, sorted by their place.
pub fn documents(
    model: &ModelFolder,
    words: &Words,
    device: Device,
    progress: judging::Progress<'_>,
) -> Result<Vec<Vec<Found>>> {
    let (documents, cut) = (&words.documents, &words.sentences);
    let tokens: Vec<&[String]> = cut.iter().map(|s| s.sentence.tokens.as_slice()).collect();
    let characters: Vec<Vec<char>> = documents.iter().map(|d| d.text.chars().collect()).collect();
    let mut found = vec![Vec::new(); documents.len()];
    for (sentence, mentions) in cut.iter().zip(sentences(model, &tokens, device, progress)?) {
        for Predicted { span, concept, concept_confidence, confidence } in mentions {
            let Some(place) = sentence.to_characters(&span) else { continue };
            found[sentence.document].push(Found {
                text: characters[sentence.document][place.start..place.end].iter().collect(),
                start: place.start,
                end: place.end,
                label: span.label,
                confidence,
                concept_confidence,
                // A composite mention's concepts are one label.
                concepts: concept.iter().flat_map(|c| c.split('|')).map(|c| c.trim().to_owned()).collect(),
            });
        }
    }
    for mentions in &mut found {
        mentions.sort_by_key(|m| (m.start, m.end));
    }
    Ok(found)
}

/// What messages call the output.
const NAME: &str = "predictions";

/// Refuses documents that [`pubtator`] could not write, and warns of what it writes otherwise than it stands there; to be called
/// before the work.
pub fn check_pubtator(documents: &[Document]) -> Result<()> {
    for (remark, Remarked { count, first }) in &without_mentions(documents)?.remarks {
        tracing::warn!("PubTator has a line a text: {count} {} (first: {first})", remark.text());
    }
    Ok(())
}

/// What the writer says of the documents.
fn without_mentions(documents: &[Document]) -> Result<Report> {
    predictions::refuse_same_names(documents)?;
    let mut report = Report::default();
    for document in documents {
        report.merge(write_pubtator(&[named(document, &[])], &mut std::io::sink(), Path::new(NAME))?);
    }
    Ok(report)
}

/// A document as it is called in the output.
fn named(document: &Document, mentions: &[Found]) -> Document {
    let entity = |m: &Found| Entity {
        start: m.start,
        end: m.end,
        label: m.label.clone(),
        concepts: m.concepts.clone(),
    };
    Document {
        id: predictions::file_name(&document.id),
        text: document.text.clone(),
        entities: mentions.iter().map(entity).collect(),
    }
}

/// PubTator with a seventh column, the confidence of each mention (not of its concept).
pub fn pubtator(documents: &[Document], found: &[Vec<Found>]) -> Result<String> {
    let mut text = String::new();
    for (document, mentions) in documents.iter().zip(found) {
        let mut block = Vec::new();
        // What it has to say was said before the work.
        write_pubtator(&[named(document, mentions)], &mut block, Path::new(NAME))?;
        // Title, abstract, the mentions in their order, a blank line.
        for (line, row) in String::from_utf8(block)?.lines().zip(0_usize..) {
            text.push_str(line);
            if let Some(mention) = row.checked_sub(2).and_then(|at| mentions.get(at)) {
                write!(text, "\t{:.4}", mention.confidence)?;
            }
            text.push('\n');
        }
    }
    Ok(text)
}

/// Writes to a file, which is there whole or not at all, to a pipe or device, or to standard output.
pub fn write_text(text: &str, output: Option<&Path>) -> Result<()> {
    match output {
        Some(path) if path.exists() && !path.is_file() => {
            std::fs::write(path, text).with_context(|| format!("{}: cannot be written", path.display()))
        }
        Some(path) => Ok(tensors::write_atomically(path, text.as_bytes())?),
        None => match std::io::stdout().lock().write_all(text.as_bytes()) {
            // A reader that has seen enough (`| head`) is no failure.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            result => result.context("standard output"),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::corpus::EncodingOptions;
    use medner_data::Sentence;
    use medner_data::formats::Remark;

    fn encoding() -> Encoding {
        let sentence = Sentence {
            id: "s".into(),
            tokens: ["no", "lung", "cancer", "or", "fever"].map(String::from).to_vec(),
            spans: vec![Span::new(1, 3, "Disease"), Span::new(4, 5, "Disease")],
            concepts: ["O", "D1", "D1", "O", "-1"].map(String::from).to_vec(),
            ..Sentence::default()
        };
        Encoding::count(&[sentence], EncodingOptions::PAPER).unwrap()
    }

    fn judged(labels: &[u32], p: &[f32]) -> Judgement {
        Judgement {
            labels: labels.to_vec(),
            max_log_probs: p.iter().map(|p| p.ln()).collect(),
            entropies: vec![0.0; labels.len()],
        }
    }

    #[test]
    fn text_is_read_with_the_given_vectors_of_words_that_training_did_not_show() {
        let temporary = tempfile::tempdir().unwrap();
        let mut model = unseen::fixture(temporary.path());
        let mut sure = |word: &str, given: bool| {
            let tokens = ["No", word, "."].map(String::from);
            let kept = model.given.take();
            model.given = kept.clone().filter(|_| given);
            let judged = super::judged(&model, &[&tokens[..]], Device::Cpu, &|_, _| ()).unwrap();
            model.given = kept;
            [&judged.ner[0], &judged.nen[0]].map(|task| task.max_log_probs.clone())
        };
        assert_ne!(sure("Pyrexia", true), sure("Pyrexia", false));
        for word in ["fever", "rash"] {
            assert_eq!(sure(word, true), sure(word, false), "{word}");
        }
    }

    #[test]
    fn a_mention_has_the_concept_with_most_probability_and_the_product_as_confidence() {
        let encoding = encoding();
        let (d1, none) = (encoding.nen.index("D1").unwrap(), encoding.nen.index("-1").unwrap());
        let b = encoding.ner.index("B-Disease").unwrap() as u32;
        let i = encoding.ner.index("I-Disease").unwrap() as u32;
        let ner = judged(&[0, b, i, 0, b], &[0.9, 0.5, 0.5, 0.9, 0.75]);
        let nen = judged(&[0, 0, d1, 0, none], &[0.9, 0.9, 0.3, 0.9, 0.9]);
        let found = mentions(&encoding, Some(&ner), Some(&nen));
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].span.start, found[0].span.end, found[0].concept.as_deref()), (1, 3, Some("D1")));
        assert!((found[0].confidence - 0.25).abs() < 1e-6);
        // 0.3 of its second token, nothing that shows of its first.
        assert!((found[0].concept_confidence.unwrap() - 0.15).abs() < 1e-6);
        assert_eq!((&found[1].concept, found[1].concept_confidence), (&None, None));
        // Normalisation alone: runs of one concept; `-1` is a mention without one.
        let found = mentions(&encoding, None, Some(&nen));
        let places: Vec<_> = found.iter().map(|m| (m.span.start, m.span.end, m.concept.as_deref())).collect();
        assert_eq!(places, [(2, 3, Some("D1")), (4, 5, None)]);
    }

    #[test]
    fn pubtator_says_concepts_and_confidence_and_is_read_back() {
        let document =
            Document { id: "notes.txt:3".into(), text: "No fever\nnor ache today".into(), entities: vec![] };
        let found = |start, end, text: &str, concepts: &[&str], confidence| Found {
            start,
            end,
            label: "Disease".into(),
            text: text.into(),
            confidence,
            concept_confidence: None,
            concepts: concepts.iter().map(ToString::to_string).collect(),
        };
        let mentions = vec![found(3, 8, "fever", &["D5", "D7"], 0.5), found(13, 17, "ache", &[], 0.98765)];
        let text = pubtator(&[document], &[mentions]).unwrap();
        let expected = "notes.txt-3|t|No fever\nnotes.txt-3|a|nor ache today\n\
            notes.txt-3\t3\t8\tfever\tDisease\tD5|D7\t0.5000\nnotes.txt-3\t13\t17\tache\tDisease\t-1\t0.9877\n\n";
        assert_eq!(text, expected);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.txt");
        std::fs::write(&path, &text).unwrap();
        let options = medner_data::formats::pubtator::PubTatorOptions::default();
        let back = medner_data::formats::pubtator::read_pubtator(&path, options).unwrap().items;
        assert_eq!(back[0].entities[0].concepts, ["D5", "D7"]);
        assert_eq!(back[0].entities[1].start, 13);
    }

    #[test]
    fn what_pubtator_has_no_place_for_is_said_before_the_work() {
        let documents = |ids: &[&str], text: &str| -> Vec<Document> {
            let document =
                |id: &&str| Document { id: (*id).to_owned(), text: text.to_owned(), entities: Vec::new() };
            ids.iter().map(document).collect()
        };
        let refused = |ids: &[&str]| without_mentions(&documents(ids, "No fever")).unwrap_err().to_string();
        assert!(refused(&["a:1", "b", "a-1"]).contains("a-1: two documents have this identifier"));
        assert!(refused(&["b", "a|b"]).contains("the identifier `a|b` cannot be written as PubTator"));
        assert!(without_mentions(&documents(&["a:1", "b"], "No\nfever")).unwrap().is_clean());
        let report = without_mentions(&documents(&["a:1", "b"], "No\tfever")).unwrap();
        assert_eq!(report.count(Remark::BreakReplaced), 2);
    }
}
