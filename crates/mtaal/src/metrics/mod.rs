//! Four metrics side by side, because the published ones are not what their names say.
//!
//! | metric | what it is | published as |
//! | --- | --- | --- |
//! | [`Metrics::ner_f1`] | strict entity micro-F1 over the whole test set | |
//! | [`Metrics::nen_f1`] | the same over concepts: first token, last token, concept | |
//! | [`Metrics::nen_token_accuracy`] | share of tokens with the right concept, `O` included | "NEN F1" |
//! | [`Metrics::ner_f1_batch_mean`] | mean of the F1 of batches of 32 sentences, each batch read as one stream of tags | "NER F1" |
//!
//! About nine tokens of ten are `O` in the normalisation layer, which is why published NEN scores lie above 0.9.
//!
//! The normalisation layer has no B and I: a mention is a run of tokens with one concept, in the annotation as in the prediction.
//! Two mentions of one concept side by side are then one (1 of 7,039 in NCBI, 11 of 28,554 in BC5CDR). `-1`, a mention without a
//! concept, is a label as any other where the encoding has it.

mod diversity;

use medner_metrics::{
    Counts, EntityReport, LabelSet, MetricsError, Result, Span, TokenAccuracy, entity_report, token_accuracy,
};
use serde::{Deserialize, Serialize};

use crate::corpus::ConceptSet;

pub use diversity::{DiversitySummary, QueryDiversity, query_diversity, summarise};

/// Sentences in a batch of the released code's evaluation.
pub const RELEASED_BATCH: usize = 32;

/// One task's annotation and prediction, sentence by sentence: label numbers, padding cut off.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// `[sentences][T]`
    pub gold: &'a [Vec<u32>],
    /// `[sentences][T]`
    pub predicted: &'a [Vec<u32>],
}

/// Fractions from 0 to 1; none where the run has not the task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Strict entity micro-F1 of recognition over the whole test set.
    pub ner_f1: Option<f64>,
    /// Strict micro-F1 of normalisation: boundaries and concept.
    pub nen_f1: Option<f64>,
    /// Token accuracy of normalisation, `O` included.
    pub nen_token_accuracy: Option<f64>,
    /// Recognition as the released code scores it; also none where there is no full batch.
    pub ner_f1_batch_mean: Option<f64>,
}

impl Metrics {
    /// Name and value of each metric, in the order of the tables.
    pub fn named(&self) -> [(&'static str, Option<f64>); 4] {
        [
            ("ner_f1", self.ner_f1),
            ("nen_f1", self.nen_f1),
            ("nen_token_accuracy", self.nen_token_accuracy),
            ("ner_f1_batch_mean", self.ner_f1_batch_mean),
        ]
    }
}

/// Scores the tasks of a run.
///
/// # Errors
/// Another number of sentences or tokens on each side.
pub fn metrics(
    ner: Option<(Layer<'_>, &LabelSet)>,
    nen: Option<(Layer<'_>, &ConceptSet)>,
) -> Result<Metrics> {
    let mut metrics = Metrics::default();
    if let Some((layer, labels)) = ner {
        metrics.ner_f1 = Some(ner_report(layer, labels)?.micro.f1());
        metrics.ner_f1_batch_mean = ner_f1_batch_mean(layer, labels, RELEASED_BATCH)?;
    }
    if let Some((layer, concepts)) = nen {
        metrics.nen_f1 = Some(nen_report(layer, concepts)?.micro.f1());
        metrics.nen_token_accuracy = Some(nen_token_accuracy(layer)?.accuracy());
    }
    Ok(metrics)
}

/// Strict entity scores of recognition, sentence by sentence. An `I-` tag that continues nothing starts an entity.
///
/// # Errors
/// Another number of sentences or tokens on each side.
///
/// # Panics
/// On a number that is not of the label set, as [`LabelSet::decode`].
pub fn ner_report(layer: Layer<'_>, labels: &LabelSet) -> Result<EntityReport> {
    layer.check()?;
    let spans = |side: &[Vec<u32>]| -> Vec<Vec<Span>> { side.iter().map(|s| tag_spans(s, labels)).collect() };
    entity_report(&spans(layer.gold), &spans(layer.predicted))
}

/// Strict scores of normalisation, sentence by sentence; the spans' labels are the concepts.
///
/// # Errors
/// Another number of sentences or tokens on each side.
///
/// # Panics
/// On a number that is not of the set: padding must be cut off before.
pub fn nen_report(layer: Layer<'_>, concepts: &ConceptSet) -> Result<EntityReport> {
    layer.check()?;
    let spans =
        |side: &[Vec<u32>]| -> Vec<Vec<Span>> { side.iter().map(|s| concept_spans(s, concepts)).collect() };
    entity_report(&spans(layer.gold), &spans(layer.predicted))
}

/// Tokens with the right concept, `O` included.
///
/// # Errors
/// Another number of sentences or tokens on each side.
pub fn nen_token_accuracy(layer: Layer<'_>) -> Result<TokenAccuracy> {
    token_accuracy(layer.gold, layer.predicted)
}

/// The same, counted in each sentence. Every token has one gold and one predicted concept, so that the F1 of these counts is the
/// accuracy.
///
/// # Errors
/// Another number of sentences or tokens on each side.
pub fn nen_token_counts(layer: Layer<'_>) -> Result<Vec<Counts>> {
    layer.check()?;
    let correct =
        |gold: &[u32], predicted: &[u32]| gold.iter().zip(predicted).filter(|(g, p)| g == p).count();
    let sentences = layer.gold.iter().zip(layer.predicted);
    Ok(sentences.map(|(g, p)| Counts::new(g.len(), g.len(), correct(g, p))).collect())
}

/// The mean F1 of full batches of `batch` sentences, in the order given; the sentences after the last full batch are not
/// scored, and a batch without any entity has 0. None where no batch is full.
///
/// The tags of a batch are one stream, so that an `I-X` at the beginning of a sentence continues an X that ends the sentence
/// before it. The released code shuffles the test set before it cuts it into batches, so that its number varies by chance.
///
/// # Errors
/// Another number of sentences or tokens on each side.
pub fn ner_f1_batch_mean(layer: Layer<'_>, labels: &LabelSet, batch: usize) -> Result<Option<f64>> {
    layer.check()?;
    if batch == 0 {
        let (name, expected, found) = ("batch", "at least 1", "0".to_owned());
        return Err(MetricsError::Parameter { name, expected, found });
    }
    let stream = |sentences: &[Vec<u32>]| tag_spans(&sentences.concat(), labels);
    let mut scores = Vec::new();
    for (gold, predicted) in layer.gold.chunks_exact(batch).zip(layer.predicted.chunks_exact(batch)) {
        let counts: Counts = entity_report(&[stream(gold)], &[stream(predicted)])?.micro;
        scores.push(counts.f1());
    }
    let n = scores.len();
    Ok((n > 0).then(|| scores.iter().sum::<f64>() / n as f64))
}

/// Mentions of a sentence's tags.
///
/// # Panics
/// On a number that is not of the label set.
pub fn tag_spans(tags: &[u32], labels: &LabelSet) -> Vec<Span> {
    let tags: Vec<i64> = tags.iter().map(|&tag| i64::from(tag)).collect();
    labels.decode(&tags)
}

/// Mentions of a sentence's concepts: runs of tokens with one label other than `O`.
///
/// # Panics
/// On a number that is not of the set.
pub fn concept_spans(labels: &[u32], concepts: &ConceptSet) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut start = 0;
    for run in labels.chunk_by(|a, b| a == b) {
        let end = start + run.len();
        if run[0] != 0 {
            let label = concepts.label(run[0]).unwrap_or_else(|| {
                panic!("label {} is none of the {} concepts; cut padding off first", run[0], concepts.len())
            });
            spans.push(Span::new(start, end, label));
        }
        start = end;
    }
    spans
}

impl Layer<'_> {
    /// Same sentences, same tokens.
    fn check(&self) -> Result<()> {
        // The accuracy checks what entity scores cannot see: that the tokens pair up.
        token_accuracy(self.gold, self.predicted).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use medner_metrics::TagScheme;

    use super::*;

    /// O, B-C, I-C, B-D, I-D.
    fn labels() -> LabelSet {
        LabelSet::new(TagScheme::Bio, ["C", "D"]).unwrap()
    }

    fn f1(gold: &[Vec<u32>], predicted: &[Vec<u32>], batch: usize) -> Option<f64> {
        ner_f1_batch_mean(Layer { gold, predicted }, &labels(), batch).unwrap()
    }

    #[test]
    fn the_four_metrics_by_hand() {
        let gold = [vec![0, 3, 4, 0], vec![1, 0, 3]];
        // Found: D 1..3 right, C 0..1 as D, D 2..3 right.
        let predicted = [vec![0, 3, 4, 0], vec![3, 0, 3]];
        let concepts = ConceptSet::new(["D1", "D2", "-1"]); // O, -1, D1, D2
        let gold_nen = [vec![0, 2, 2, 0], vec![1, 0, 3]];
        // Found: D1 1..2 (too short), -1 right, D1 for D2.
        let predicted_nen = [vec![0, 2, 0, 0], vec![1, 0, 2]];
        let ner = Layer { gold: &gold, predicted: &predicted };
        let nen = Layer { gold: &gold_nen, predicted: &predicted_nen };
        let both = metrics(Some((ner, &labels())), Some((nen, &concepts))).unwrap();
        assert!((both.ner_f1.unwrap() - 4.0 / 6.0).abs() < 1e-12);
        assert!((both.nen_f1.unwrap() - 2.0 / 6.0).abs() < 1e-12);
        assert!((both.nen_token_accuracy.unwrap() - 5.0 / 7.0).abs() < 1e-12);
        assert_eq!(both.ner_f1_batch_mean, None, "two sentences fill no batch of 32");
        let single = metrics(None, Some((nen, &concepts))).unwrap();
        assert_eq!(single.named()[0], ("ner_f1", None));
        assert_eq!(single.named()[1], ("nen_f1", both.nen_f1));
    }

    #[test]
    fn a_batch_is_one_stream() {
        // `B-D` ends the first sentence, `I-D` begins the second: one entity of two tokens in the stream.
        let gold = [vec![0, 3], vec![4, 0]];
        let right = [vec![0, 3], vec![4, 0]];
        assert_eq!(f1(&gold, &right, 2), Some(1.0));
        // The second sentence missed: sentence by sentence one of two is found, in the stream none.
        let half = [vec![0, 3], vec![0, 0]];
        assert_eq!(f1(&gold, &half, 2), Some(0.0));
        let report = ner_report(Layer { gold: &gold, predicted: &half }, &labels()).unwrap();
        assert_eq!(report.micro, Counts::new(2, 1, 1));
    }

    #[test]
    fn an_inside_tag_after_another_type_starts_an_entity() {
        // B-C I-D: C 0..1 and D 1..2.
        assert_eq!(f1(&[vec![1, 3]], &[vec![1, 4]], 1), Some(1.0));
        // O I-D: D 1..2.
        assert_eq!(f1(&[vec![0, 3]], &[vec![0, 4]], 1), Some(1.0));
    }

    #[test]
    fn batches_weigh_the_same_and_the_rest_is_not_scored() {
        let gold = [vec![3, 3, 3, 3], vec![0], vec![3], vec![0], vec![3]];
        let predicted = [vec![3, 3, 3, 3], vec![0], vec![0], vec![0], vec![0]];
        // First batch 1, second batch 0; the fifth sentence belongs to none.
        assert_eq!(f1(&gold, &predicted, 2), Some(0.5));
        let report = ner_report(Layer { gold: &gold, predicted: &predicted }, &labels()).unwrap();
        assert_eq!(report.micro, Counts::new(6, 4, 4));
        // A batch without any entity has 0, although nothing is wrong in it.
        assert_eq!(f1(&[vec![0], vec![3]], &[vec![0], vec![3]], 1), Some(0.5));
    }

    #[test]
    fn concepts_are_runs() {
        let concepts = ConceptSet::new(["D1", "D2"]);
        let spans = concept_spans(&[1, 1, 2, 0, 1], &concepts);
        assert_eq!(spans, [Span::new(0, 2, "D1"), Span::new(2, 3, "D2"), Span::new(4, 5, "D1")]);
        assert!(concept_spans(&[], &concepts).is_empty());
    }

    #[test]
    fn sides_that_do_not_pair_up_are_refused() {
        let (gold, short) = ([vec![0, 3], vec![0]], [vec![0], vec![0, 3]]);
        let layer = Layer { gold: &gold, predicted: &short };
        let error = ner_report(layer, &labels()).unwrap_err();
        assert_eq!(error, MetricsError::UnitLength { unit: 0, gold: 2, predicted: 1 });
        assert!(nen_report(layer, &ConceptSet::new(["D1"])).is_err());
        let error =
            metrics(Some((Layer { gold: &gold, predicted: &gold[..1] }, &labels())), None).unwrap_err();
        assert_eq!(error, MetricsError::UnitCount { gold: 2, predicted: 1 });
        let error = ner_f1_batch_mean(Layer { gold: &gold, predicted: &gold }, &labels(), 0).unwrap_err();
        assert!(matches!(error, MetricsError::Parameter { name: "batch", .. }));
    }

    #[test]
    #[should_panic(expected = "label 3 is none of the 3 concepts")]
    fn padding_is_a_bug_and_says_so() {
        concept_spans(&[3], &ConceptSet::new(["D1", "D2"]));
    }
}
