//! The scorer of the CoNLL shared tasks: its reading of tags and its printed report.
//!
//! The script `conlleval` (Tjong Kim Sang, CoNLL-2000 to 2003) splits a tag at its first hyphen into letter and type. A
//! chunk begins at `B` after `B`, `I` or `O`; at `E` or `I` after `E` or `O`; and wherever the type changes. It ends before
//! `B` and `O` after `B` or `I`; before `E`, `I` and `O` after `E`; and wherever the type changes. So an `I-X` that
//! continues nothing is a chunk of its own, and on BIO tags the reading is the same as
//! [`TagScheme::decode_lenient`](crate::TagScheme::decode_lenient).
//!
//! It predates IOBES: it has no rule for `S`, and none for `B` after `E`, so neighbouring entities of the same type melt
//! into one (`E-X B-X`, `S-X S-X`). This module does the same, because that is what the script prints; score BIO tags.
//! Its bracket notation (`[`, `]`, `.`) is not read: those tags are an error.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::accuracy::{TokenAccuracy, token_accuracy};
use crate::entity::EntityReport;
use crate::error::{ForeignTag, Result};
use crate::scorer::report_tags;
use crate::scores::Counts;
use crate::span::Span;

/// What conlleval counts. `Display` prints its text, per cent with two decimals, line for line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConllReport {
    /// Chunks in all, per type and per sentence.
    pub entities: EntityReport,
    /// Tokens.
    pub tokens: TokenAccuracy,
}

/// Scores tag sequences, sentence by sentence.
pub fn conlleval_report<S, T>(gold: &[Vec<S>], predicted: &[Vec<T>]) -> Result<ConllReport>
where
    S: AsRef<str> + PartialEq<T>,
    T: AsRef<str>,
{
    Ok(ConllReport {
        entities: report_tags(gold, predicted, conlleval_spans, conlleval_spans)?,
        tokens: token_accuracy(gold, predicted)?,
    })
}

/// The chunks of one sentence. A tag without a hyphen has the empty type.
pub fn conlleval_spans<S: AsRef<str>>(tags: &[S]) -> Result<Vec<Span>, ForeignTag> {
    let mut spans = Vec::new();
    let mut open: Option<(usize, &str)> = None;
    let mut previous = ('O', "");
    for (position, text) in tags.iter().map(AsRef::as_ref).enumerate() {
        let (letter, label) = split(text).ok_or_else(|| ForeignTag {
            position,
            tag: text.to_owned(),
            scorer: "conlleval",
            expected: "O, or B, I, E, S or M with or without -<type>",
        })?;
        let (before, label_before) = previous;
        let changed = label != label_before;
        let ends = match before {
            'O' => false,
            'B' | 'I' => changed || matches!(letter, 'B' | 'O'),
            'E' => changed || matches!(letter, 'E' | 'I' | 'O'),
            _ => changed,
        };
        let begins = match letter {
            'O' => false,
            'B' => changed || matches!(before, 'B' | 'I' | 'O'),
            'E' | 'I' => changed || matches!(before, 'E' | 'O'),
            _ => changed,
        };
        if ends {
            spans.extend(open.take().map(|(start, label)| Span::new(start, position, label)));
        }
        if begins {
            open = Some((position, label));
        }
        previous = (letter, label);
    }
    spans.extend(open.map(|(start, label)| Span::new(start, tags.len(), label)));
    Ok(spans)
}

fn split(tag: &str) -> Option<(char, &str)> {
    if tag == "O" {
        return Some(('O', ""));
    }
    let (letter, label) = tag.split_once('-').unwrap_or((tag, ""));
    match letter {
        "B" | "I" | "E" | "S" | "M" => letter.chars().next().map(|letter| (letter, label)),
        _ => None,
    }
}

/// Per cent, with the script's own order of operations, so that the last printed digit agrees.
fn percentages(counts: &Counts) -> (f64, f64, f64) {
    let percent = |of: usize| {
        if of == 0 { 0.0 } else { 100.0 * counts.correct as f64 / of as f64 }
    };
    let (precision, recall) = (percent(counts.predicted), percent(counts.gold));
    let f1 = if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
    (precision, recall, f1)
}

impl fmt::Display for ConllReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = &self.entities.micro;
        writeln!(
            f,
            "processed {} tokens with {} phrases; found: {} phrases; correct: {}.",
            self.tokens.total, all.gold, all.predicted, all.correct
        )?;
        if self.tokens.total > 0 {
            let accuracy = 100.0 * self.tokens.correct as f64 / self.tokens.total as f64;
            let (precision, recall, f1) = percentages(all);
            writeln!(
                f,
                "accuracy: {accuracy:6.2}%; precision: {precision:6.2}%; recall: {recall:6.2}%; FB1: {f1:6.2}"
            )?;
        }
        for (label, counts) in &self.entities.per_type {
            let (precision, recall, f1) = percentages(counts);
            writeln!(
                f,
                "{label:>17}: precision: {precision:6.2}%; recall: {recall:6.2}%; FB1: {f1:6.2}  {}",
                counts.predicted
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn report_reads_like_the_script_s() {
        let gold = [vec!["B-PER", "I-PER", "O", "B-LOC"]];
        let predicted = [vec!["B-PER", "I-PER", "O", "O"]];
        let report = conlleval_report(&gold, &predicted).unwrap();
        assert_eq!(
            report.to_string(),
            "processed 4 tokens with 2 phrases; found: 1 phrases; correct: 1.\n\
             accuracy:  75.00%; precision: 100.00%; recall:  50.00%; FB1:  66.67\n\
             \x20             LOC: precision:   0.00%; recall:   0.00%; FB1:   0.00  0\n\
             \x20             PER: precision: 100.00%; recall: 100.00%; FB1: 100.00  1\n"
        );
    }

    #[test]
    fn nothing_at_all_prints_one_line() {
        let none: [Vec<&str>; 0] = [];
        let report = conlleval_report(&none, &none).unwrap();
        assert_eq!(report.to_string(), "processed 0 tokens with 0 phrases; found: 0 phrases; correct: 0.\n");
    }

    #[test]
    fn brackets_and_other_letters_are_errors() {
        for tag in ["[-X", ".", "O-X", "", "BX-Y"] {
            assert_eq!(conlleval_spans(&["O", "O", tag]).unwrap_err().position, 2, "{tag}");
        }
    }
}
