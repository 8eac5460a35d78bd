//! The four scorers behind one name each, for printing them side by side.
//!
//! On legal BIO tags all four agree. Where they differ is in the table of the [crate's front page](crate).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::accuracy::same_length;
use crate::conlleval::conlleval_spans;
use crate::entity::{EntityReport, entity_report, same_units};
use crate::error::{ForeignTag, MetricsError, Result, Side};
use crate::scheme::{Tag, TagScheme};
use crate::seqeval::SeqevalMode;
use crate::span::Span;

/// A way of reading entities out of tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scorer {
    /// The project's own: [`TagScheme::decode_lenient`], then strict comparison. The primary score.
    Entity,
    /// The CoNLL script's reading: [`crate::conlleval`].
    Conlleval,
    /// seqeval without `mode`: [`crate::seqeval`].
    SeqevalDefault,
    /// seqeval with `mode='strict'` and the scheme.
    SeqevalStrict,
}

impl Scorer {
    /// All of them, the primary first.
    pub const ALL: [Self; 4] = [Self::Entity, Self::Conlleval, Self::SeqevalDefault, Self::SeqevalStrict];

    /// A short name for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entity => "entity",
            Self::Conlleval => "conlleval",
            Self::SeqevalDefault => "seqeval-default",
            Self::SeqevalStrict => "seqeval-strict",
        }
    }

    /// The entities of one sentence as this scorer reads them.
    ///
    /// conlleval and seqeval do not know BMES; its tags are given to them with `I` for `M`, which makes BIOES of them.
    pub fn spans<S: AsRef<str>>(self, scheme: TagScheme, tags: &[S]) -> Result<Vec<Span>, ForeignTag> {
        // All scorers refuse what the scheme does not hold, so that a typing error never counts as outside.
        let parsed = tags
            .iter()
            .enumerate()
            .map(|(position, text)| {
                scheme.parse(text.as_ref()).ok_or_else(|| ForeignTag {
                    position,
                    tag: text.as_ref().to_owned(),
                    scorer: self.name(),
                    expected: scheme.shape(),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if self == Self::Entity {
            return Ok(scheme.decode_lenient(tags));
        }
        let known: Vec<String> = parsed
            .iter()
            .map(|tag| match tag {
                Tag::Outside => "O".to_owned(),
                Tag::Inside('M', label) => TagScheme::format('I', label),
                Tag::Inside(letter, label) => TagScheme::format(*letter, label),
            })
            .collect();
        match self {
            Self::Entity => Ok(scheme.decode_lenient(tags)),
            Self::Conlleval => conlleval_spans(&known),
            Self::SeqevalDefault => SeqevalMode::Default.spans(&known),
            Self::SeqevalStrict => match scheme {
                TagScheme::Bio => SeqevalMode::StrictIob2.spans(&known),
                TagScheme::Bioes | TagScheme::Bmes => SeqevalMode::StrictIobes.spans(&known),
            },
        }
    }

    /// Scores tag sequences, sentence by sentence.
    ///
    /// Errors: another number of sentences or tags on each side; a tag that is not of the scheme.
    pub fn report<S: AsRef<str>, T: AsRef<str>>(
        self,
        scheme: TagScheme,
        gold: &[Vec<S>],
        predicted: &[Vec<T>],
    ) -> Result<EntityReport> {
        report_tags(gold, predicted, |tags| self.spans(scheme, tags), |tags| self.spans(scheme, tags))
    }
}

impl fmt::Display for Scorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Reads both sides' tags with the same reader (given twice, as the two sides may hold other string types) and scores.
pub(crate) fn report_tags<S, T>(
    gold: &[Vec<S>],
    predicted: &[Vec<T>],
    read_gold: impl Fn(&[S]) -> Result<Vec<Span>, ForeignTag>,
    read_predicted: impl Fn(&[T]) -> Result<Vec<Span>, ForeignTag>,
) -> Result<EntityReport> {
    same_units(gold.len(), predicted.len())?;
    let mut gold_spans = Vec::with_capacity(gold.len());
    let mut predicted_spans = Vec::with_capacity(gold.len());
    for (unit, (gold, predicted)) in gold.iter().zip(predicted).enumerate() {
        same_length(unit, gold.len(), predicted.len())?;
        let on = |side| move |source| MetricsError::Tag { unit, side, source };
        gold_spans.push(read_gold(gold).map_err(on(Side::Gold))?);
        predicted_spans.push(read_predicted(predicted).map_err(on(Side::Predicted))?);
    }
    entity_report(&gold_spans, &predicted_spans)
}
