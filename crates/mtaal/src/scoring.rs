//! Gold labels that a model does not know: they are mentions all the same, and cannot be found.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use medner_data::Sentence;
use medner_metrics::LabelSet;

use crate::config::Tasks;
use crate::corpus::{Encoding, MISSING, OUTSIDE};

/// The model's encoding with the types and concepts of the sentences of `path` after its own, whose numbers stay: what it cannot
/// name counts as missed. How many there are is said.
///
/// # Errors
/// A type that is no tag's.
pub fn encoding(known: &Encoding, sentences: &[Sentence], tasks: Tasks, path: &Path) -> Result<Encoding> {
    let (mentions, tokens) = unknown(known, sentences);
    if tasks.ner() && mentions > 0 {
        tracing::warn!(
            "{}: {mentions} mentions have a type that the model does not know; they count as missed",
            path.display()
        );
    }
    if tasks.nen() && tokens > 0 {
        tracing::warn!(
            "{}: {tokens} tokens have a concept that the model does not know; they count as wrong",
            path.display()
        );
    }
    let types: BTreeSet<&String> = sentences.iter().flat_map(|s| &s.spans).map(|span| &span.label).collect();
    let new = types.into_iter().filter(|&kind| !known.ner.types().contains(kind));
    let mut encoding = known.clone();
    encoding.ner = LabelSet::new(known.ner.scheme(), known.ner.types().iter().chain(new).cloned())?;
    encoding.nen.extend(concepts(known, sentences).map(str::to_owned));
    Ok(encoding)
}

/// Concepts of tokens, as the encoding reads them.
fn concepts<'a>(encoding: &Encoding, sentences: &'a [Sentence]) -> impl Iterator<Item = &'a str> {
    let missing_as_outside = encoding.options.missing_as_outside;
    let all = sentences.iter().flat_map(|s| &s.concepts).map(String::as_str);
    all.map(move |concept| if missing_as_outside && concept == MISSING { OUTSIDE } else { concept })
}

/// Mentions of unknown types, and tokens of unknown concepts.
fn unknown(known: &Encoding, sentences: &[Sentence]) -> (usize, usize) {
    let spans = sentences.iter().flat_map(|s| &s.spans);
    let mentions = spans.filter(|span| !known.ner.types().contains(&span.label)).count();
    let tokens = concepts(known, sentences).filter(|concept| known.nen.index(concept).is_none()).count();
    (mentions, tokens)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_metrics::{Counts, Span};

    use super::*;
    use crate::corpus::EncodingOptions;
    use crate::metrics::{Layer, metrics, nen_report, ner_report};

    fn sentence(mentions: &[(usize, &str, &str)]) -> Sentence {
        let mut sentence = Sentence {
            id: "s".into(),
            tokens: ["a", "b", "c", "d"].map(String::from).to_vec(),
            concepts: vec!["O".to_owned(); 4],
            ..Sentence::default()
        };
        for (at, kind, concept) in mentions {
            sentence.spans.push(Span::new(*at, at + 1, *kind));
            (*concept).clone_into(&mut sentence.concepts[*at]);
        }
        sentence
    }

    #[test]
    fn what_the_model_does_not_know_is_missed_and_not_forgiven() {
        let train = [sentence(&[(0, "Disease", "D1"), (1, "Disease", "-1")])];
        let known = Encoding::count(&train, EncodingOptions::PAPER).unwrap();
        let test = [sentence(&[(0, "Disease", "D1"), (1, "Chemical", "C7"), (2, "Disease", "D9")])];
        assert_eq!(unknown(&known, &test), (1, 2));
        let path = Path::new("test.txt");
        let scored = encoding(&known, &test, Tasks::Both, path).unwrap();
        // The model's own numbers stay.
        assert_eq!(scored.ner.tags()[..known.ner.len()], *known.ner.tags());
        assert_eq!(scored.nen.labels()[..known.nen.len()], *known.nen.labels());
        let gold = scored.encode(&test).unwrap().examples.remove(0);
        // The model finds the first and the third mention, and `-1` where it does not know the concept.
        let (b, d1, none) = (
            known.ner.index("B-Disease").unwrap() as u32,
            known.nen.index("D1").unwrap(),
            known.nen.index("-1").unwrap(),
        );
        let (ner, nen) = ([vec![b, 0, b, 0]], [vec![d1, none, none, 0]]);
        let (gold_ner, gold_nen) = ([gold.ner], [gold.nen]);
        let (ner, nen) =
            (Layer { gold: &gold_ner, predicted: &ner }, Layer { gold: &gold_nen, predicted: &nen });
        assert_eq!(ner_report(ner, &scored.ner).unwrap().micro, Counts::new(3, 2, 2));
        // `-1` twice is one run.
        assert_eq!(nen_report(nen, &scored.nen).unwrap().micro, Counts::new(3, 2, 1));
        let found = metrics(Some((ner, &scored.ner)), Some((nen, &scored.nen))).unwrap();
        assert!((found.nen_token_accuracy.unwrap() - 0.5).abs() < 1e-12);
        // A model without `-1` meets one.
        let without = Encoding::count(&[sentence(&[(0, "Disease", "D1")])], EncodingOptions::PAPER).unwrap();
        assert_eq!(unknown(&without, &train), (0, 1));
        encoding(&without, &train, Tasks::Both, path).unwrap().encode(&train).unwrap();
        let released = Encoding::count(&train, EncodingOptions::RELEASED).unwrap();
        assert_eq!(unknown(&released, &train), (0, 0));
    }
}
