//! The sentences of `claims.yaml` against the paper's own numbers.

use std::path::Path;

use medner_experiment::store::Store;

use super::prints::Prints;
use super::{Detector, Finding, PaperAudit, Weight};
use crate::claims::printed::{Printed, check as check_claim};
use crate::claims::vocabulary::{Side, Test};
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
        // A second test of the same sentence (on the data sets at hand alone) finds the same two numbers.
        let place = format!("{} (claims.yaml:", claim.at);
        let shown = (shown * 1e6).round() / 1e6;
        let again = audit.findings.iter().any(|finding| {
            finding.detector == Detector::Sentence
                && finding.place.starts_with(&place)
                && (finding.printed, finding.against) == (claimed, shown)
                && finding.against_place == claim.scope.table
        });
        if known || again {
            continue;
        }
        // A claim whose sides name data sets of their own is not about the one of its head.
        let elsewhere = !claim.test.places().is_empty()
            || claim.test.sides().iter().any(
                |side| matches!(side, Side::Full(side) if side.dataset.is_some() || !side.over.is_empty()),
            );
        let (dataset, task) = if elsewhere {
            (String::new(), String::new())
        } else {
            (claim.scope.dataset.clone(), claim.scope.task.clone())
        };
        audit.findings.push(Finding {
            // How near is near is not the paper's word but the claim's.
            weight: if is_ours(&claim.test) { Weight::Remark } else { Weight::Contradiction },
            detector: Detector::Sentence,
            system: claim.id.clone(),
            dataset,
            task,
            metric: claim.scope.metric.clone(),
            place: format!("{place}{})", claim.line()),
            printed: claimed,
            against_place: claim.scope.table.clone(),
            against: shown,
            text: format!("\"{}\" Printed: {}", claim.text, found.reason),
            line: claim.line() as u64,
        });
    }
}

/// True where a tolerance of the claim's own decides.
fn is_ours(test: &Test) -> bool {
    match test {
        Test::Equivalent(_) => true,
        Test::All(tests) => tests.iter().all(is_ours),
        _ => false,
    }
}
