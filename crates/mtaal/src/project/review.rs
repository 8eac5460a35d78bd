//! Suggestions that nobody looked at must not become answers: what is said when sentences go out, and when answers come back that
//! are what the model said.

use std::collections::BTreeMap;

use super::{Given, Query};
use crate::exchange::{Item, Shape};

/// So many answers, of sentences with suggestions, can say something even where not all of them are what was suggested.
const MANY: usize = 20;
/// A share of those, in percent, that a careful reader of a young model's suggestions leaves unchanged only by accident.
const SHARE: usize = 90;

/// What is to be known of a shape in which an answer does not say whether somebody gave it.
pub fn caution(shape: Shape) -> Option<String> {
    let how = match shape {
        Shape::LabelStudio | Shape::Jsonl => return None,
        Shape::Doccano => {
            "doccano's export does not say which texts somebody looked at: export approved texts only"
        }
        Shape::Brat => {
            "brat does not say which sentences somebody looked at: remove the `.ann` of those that nobody did"
        }
    };
    Some(format!(
        "{how}; `mtaal learn` refuses what comes back exactly as it was handed out, unless `--unchanged` says that somebody looked at it"
    ))
}

/// Answers that are what the model suggested, so many of them that perhaps nobody looked.
pub fn unchanged(query: &Query, given: &Given) -> Option<String> {
    if !query.suggestions {
        return None;
    }
    let items: BTreeMap<&str, &Item> = query.items.iter().map(|item| (item.id.as_str(), item)).collect();
    let (mut answers, mut same, mut suggested, mut accepted) = (0, 0, 0, 0);
    for sentence in &given.sentences {
        let Some(item) = items.get(sentence.id.as_str()) else { continue };
        // Answers are in the one spelling of concepts; suggestions of earlier versions are as the model had learned them.
        let is_same = item.as_handed_out() == *sentence;
        let suggests = !item.mentions.is_empty();
        answers += 1;
        same += usize::from(is_same);
        suggested += usize::from(suggests);
        accepted += usize::from(is_same && suggests);
    }
    let what = if answers > 0 && same == answers {
        format!("all {answers} answers are exactly what the model suggested")
    } else if suggested >= MANY && 100 * accepted >= SHARE * suggested {
        format!(
            "{accepted} of {suggested} answers to sentences with suggestions are exactly what the model suggested"
        )
    } else {
        return None;
    };
    Some(format!(
        "{what}. If nobody looked at them, the model learns its own mistakes: stop this, take the round back (`mtaal query --model \
         DIR --take-back`), ask again, and send back what was looked at"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::exchange::Mention;
    use crate::scores::Strategy;

    fn item(n: usize, suggested: bool) -> Item {
        let mention = Mention {
            start: 1,
            end: 2,
            label: "Disease".into(),
            concept: Some("MESH:D5".into()),
            confidence: Some(0.5),
        };
        Item {
            id: n.to_string(),
            text: "No fever".into(),
            tokens: vec![(0, 2), (3, 8)],
            mentions: if suggested { vec![mention] } else { Vec::new() },
        }
    }

    /// Of `n` answers to sentences of which the first `suggested` have a suggestion, the first `changed` are changed.
    fn said(n: usize, suggested: usize, changed: usize) -> Option<String> {
        let items: Vec<Item> = (0..n).map(|at| item(at, at < suggested)).collect();
        let mention = Mention {
            start: 1,
            end: 2,
            label: "Disease".into(),
            concept: Some("D5".into()),
            confidence: None,
        };
        let answer = |(at, item): (usize, &Item)| {
            let accepted = !item.mentions.is_empty() && at >= changed;
            item.to_sentence(if accepted { std::slice::from_ref(&mention) } else { &[] })
        };
        let given = Given::new(items.iter().enumerate().map(answer).collect(), Vec::new()).unwrap();
        let query =
            Query { strategy: Strategy::Lc, wanted: n, pool: String::new(), suggestions: true, items };
        assert_eq!(unchanged(&Query { suggestions: false, ..query.clone() }, &given), None);
        unchanged(&query, &given)
    }

    #[test]
    fn answers_that_are_the_suggestions_are_seen() {
        assert!(
            said(3, 2, 0)
                .unwrap()
                .starts_with("all 3 answers are exactly what the model suggested. If nobody")
        );
        assert!(said(2, 0, 0).unwrap().starts_with("all 2 answers"));
        assert_eq!(said(3, 2, 1), None);
        assert!(said(60, 20, 2).unwrap().starts_with("18 of 20 answers to sentences with suggestions"));
        assert_eq!(said(60, 20, 3), None);
        assert_eq!(said(60, 19, 1), None);
    }

    #[test]
    fn only_shapes_that_cannot_tell_are_cautioned_of() {
        for (shape, how) in
            [(Shape::Doccano, "export approved texts only"), (Shape::Brat, "remove the `.ann`")]
        {
            let said = caution(shape).unwrap();
            assert!(said.contains(how) && said.contains("--unchanged"), "{said}");
        }
        assert_eq!((caution(Shape::Jsonl), caution(Shape::LabelStudio)), (None, None));
    }
}
