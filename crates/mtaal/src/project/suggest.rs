//! The model's own labels as suggestions to the people who label: only what they could accept.

use std::collections::BTreeMap;

use anyhow::Result;
use tch::Device;

use crate::exchange::{Item, Mention, canonical_concept};
use crate::folder::ModelFolder;
use crate::predict::{self, Predicted};

/// Labels the items. A suggestion of a type that the project does not have would be refused as an answer: it is left out, and how
/// many are is said. A model of normalisation alone knows no types: where the project has one only, its mentions are of that.
pub fn suggest(model: &ModelFolder, types: &[String], items: &mut [Item], device: Device) -> Result<()> {
    let tokens: Vec<Vec<String>> = items.iter().map(Item::token_texts).collect();
    let slices: Vec<&[String]> = tokens.iter().map(Vec::as_slice).collect();
    let only = types.first().filter(|_| types.len() == 1 && !model.config.tasks.ner());
    let mut left_out = BTreeMap::new();
    for (item, found) in items.iter_mut().zip(predict::sentences(model, &slices, device, &|_, _| ())?) {
        item.mentions = acceptable(found, only, types, &mut left_out);
    }
    for (kind, count) in left_out {
        tracing::warn!(
            "{count} suggestions of the type {kind}, which the project does not have, are left out"
        );
    }
    Ok(())
}

/// The mentions of a sentence that the project has types for; all of the type `only`, if there is one. Concepts are in the one
/// spelling, in which they come back: a model of an earlier version may have learned others.
fn acceptable(
    found: Vec<Predicted>,
    only: Option<&String>,
    types: &[String],
    left_out: &mut BTreeMap<String, usize>,
) -> Vec<Mention> {
    let mut mentions = Vec::with_capacity(found.len());
    for Predicted { span, concept, confidence, .. } in found {
        let label = only.cloned().unwrap_or(span.label);
        if types.contains(&label) {
            mentions.push(Mention {
                start: span.start,
                end: span.end,
                label,
                concept: concept.as_deref().and_then(canonical_concept),
                confidence: Some(confidence),
            });
        } else {
            *left_out.entry(label).or_default() += 1;
        }
    }
    mentions
}

#[cfg(test)]
mod tests {
    use medner_metrics::Span;

    use super::*;

    #[test]
    fn what_the_project_has_no_type_for_is_left_out_and_counted() {
        let found = |labels: &[&str]| -> Vec<Predicted> {
            let at = |(at, label): (usize, &&str)| Predicted {
                span: Span::new(at, at + 1, *label),
                concept: Some("D5".into()),
                concept_confidence: None,
                confidence: 0.5,
            };
            labels.iter().enumerate().map(at).collect()
        };
        let types = ["Disease".to_owned()];
        let mut left_out = BTreeMap::new();
        let kept = acceptable(found(&["Disease", "Gene", "Gene"]), None, &types, &mut left_out);
        assert_eq!(kept.iter().map(|m| m.label.as_str()).collect::<Vec<_>>(), ["Disease"]);
        assert_eq!(left_out, [("Gene".to_owned(), 2)].into());
        // A model of normalisation alone.
        let concepts = found(&[predict::CONCEPT]);
        let kept = acceptable(concepts, types.first(), &types, &mut left_out);
        assert_eq!((kept[0].label.as_str(), kept[0].concept.as_deref()), ("Disease", Some("D5")));
        assert_eq!(left_out.len(), 1);
    }

    #[test]
    fn concepts_are_suggested_as_they_are_answered() {
        let types = ["Disease".to_owned()];
        for (learned, suggested) in
            [(" D5", Some("D5")), ("MESH:D5 | D6", Some("D5|D6")), ("-", None), ("OMIM:2", Some("OMIM:2"))]
        {
            let span = Span::new(0, 1, "Disease");
            let found = Predicted {
                span,
                concept: Some(learned.to_owned()),
                concept_confidence: None,
                confidence: 0.5,
            };
            let kept = acceptable(vec![found], None, &types, &mut BTreeMap::new());
            assert_eq!(kept[0].concept.as_deref(), suggested, "{learned:?}");
        }
    }
}
