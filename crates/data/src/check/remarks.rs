//! What a reader had to say about a file, as findings.

use std::collections::BTreeMap;

use super::{Example, Finding, Severity};
use crate::corpus::{Corpus, Sentence};
use crate::formats::{Remark, Report};
use crate::manifest::Counts;

impl Finding {
    /// One finding for each kind of remark in a reader's report.
    pub fn remarks(scope: &str, report: &Report) -> Vec<Self> {
        let finding = |(remark, remarked): (&Remark, &crate::formats::Remarked)| Self {
            severity: severity(*remark),
            code: "reader",
            scope: scope.to_owned(),
            count: remarked.count,
            message: format!("{} {}", remarked.count, remark.text()),
            examples: vec![Example { place: remarked.first.clone(), text: String::new() }],
            remedy: "the reader has dealt with it; mend the source where the reading is not what was meant"
                .to_owned(),
        };
        report.remarks.iter().map(finding).collect()
    }
}

/// Takes out of the expected counts what a reader's repairs explain, and says so.
///
/// Published counts of mentions are counts of `B-` tags: a tag that continues nothing begins one mention more. Published counts
/// of utterances include the empty ones, which make no sentence. A difference is explained only where the sum over the splits
/// agrees exactly; any other stays an error.
pub fn reconcile(
    expected: &mut BTreeMap<String, Counts>,
    corpus: &Corpus<Sentence>,
    report: &Report,
) -> Vec<Finding> {
    let found: BTreeMap<&str, (usize, usize)> = corpus
        .splits()
        .map(|(split, items)| {
            let named = |s: &Sentence| s.spans.iter().filter(|x| !x.label.is_empty()).count();
            (split, (items.len(), items.iter().map(named).sum()))
        })
        .into();
    let total = |expected: &BTreeMap<String, Counts>, count: fn(&Counts) -> Option<u64>| -> Option<i64> {
        let known = expected.iter().filter(|(split, _)| found.contains_key(split.as_str()));
        known.map(|(_, counts)| count(counts).map(|n| n as i64)).sum()
    };
    let mut findings = Vec::new();
    let mut explain = |remark: Remark, difference: i64, message: &str| {
        let repaired = report.count(remark);
        let explained = repaired > 0 && difference == repaired as i64;
        if explained {
            findings.push(Finding {
                severity: Severity::Note,
                code: "counts-explained",
                scope: "all".to_owned(),
                count: repaired,
                message: format!("the manifest's {message}: a difference of {repaired} over all splits"),
                examples: Vec::new(),
                remedy: "nothing to do".to_owned(),
            });
        }
        explained
    };
    let sentences: i64 = found.values().map(|(n, _)| *n as i64).sum();
    let mentions: i64 = found.values().map(|(_, n)| *n as i64).sum();
    if let Some(total) = total(expected, |c| c.entities)
        && explain(
            Remark::RepairedTag,
            mentions - total,
            "mentions are B- tags; each tag that continues nothing begins one more here",
        )
    {
        for counts in expected.values_mut() {
            counts.entities = None;
            counts.by_type.clear();
        }
    }
    if let Some(total) = total(expected, |c| c.sentences)
        && explain(
            Remark::EmptyUtterance,
            total - sentences,
            "sentences include the utterances without text, which make none here",
        )
    {
        for counts in expected.values_mut() {
            counts.sentences = None;
        }
    }
    findings
}

/// Remarks about mentions or characters that changed or vanished are warnings.
fn severity(remark: Remark) -> Severity {
    match remark {
        Remark::RepairedTag
        | Remark::DamagedCharacter
        | Remark::MentionDiffers
        | Remark::DuplicateId
        | Remark::Discontinuous
        | Remark::OverlapLeftOut
        | Remark::Widened
        | Remark::NotAnnotated
        | Remark::BlankMention => Severity::Warning,
        _ => Severity::Note,
    }
}
