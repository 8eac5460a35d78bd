//! The sentences of `claims.yaml` against the paper's own numbers.

use std::path::Path;

use medner_experiment::store::Store;

use super::prints::Prints;
use super::{Detector, Finding, PaperAudit, Weight};
use crate::claims::printed::{Printed, check as check_claim};
use crate::claims::{Runs, load};

pub(super) fn check(folder: &Path, prints: &Prints, audit: &mut PaperAudit) {
    if !folder.join("claims.yaml").is_file() {
        audit.unchecked.push("sentences: there is no claims.yaml".to_owned());
        return;
    }
    // No run is looked at: only the names of the tables are.
    let nothing = Store::at(folder);
    let runs = Runs::new(folder, &nothing, "");
    let file = load(folder, &runs, Some(prints));
    audit.errors.extend(runs.errors().iter().cloned());
    audit.errors.extend(file.errors);
    for claim in &file.claims {
        let found = check_claim(claim, prints);
        if found.printed != Printed::Missing {
            audit.checks(Detector::Sentence);
        }
        let (Printed::Disagrees, Some((claimed, shown))) = (found.printed, found.numbers) else { continue };
        // Where published.csv has the sentence's number as well, the other detectors have looked at it.
        let known = audit.findings.iter().any(|finding| {
            matches!(finding.detector, Detector::TwoPlaces | Detector::Difference)
                && (&finding.dataset, &finding.task) == (&claim.scope.dataset, &claim.scope.task)
                && finding.printed == claimed
        });
        if known {
            continue;
        }
        audit.findings.push(Finding {
            weight: Weight::Contradiction,
            detector: Detector::Sentence,
            system: claim.id.clone(),
            dataset: claim.scope.dataset.clone(),
            task: claim.scope.task.clone(),
            metric: claim.scope.metric.clone(),
            place: format!("{} (claims.yaml:{})", claim.at, claim.line()),
            printed: claimed,
            against_place: claim.scope.table.clone(),
            against: (shown * 1e6).round() / 1e6,
            text: format!("\"{}\" Printed: {}", claim.text, found.reason),
            line: claim.line() as u64,
        });
    }
}
