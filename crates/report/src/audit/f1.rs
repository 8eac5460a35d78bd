//! F1 against 2PR / (P + R), within what rounding allows.

use super::prints::{Prints, text};
use super::{Detector, Finding, PaperAudit, Weight};

/// Where P, R and F1 are means over runs, F1 is lower than 2PR / (P + R) of the means by the variance of (P - R) / 2,
/// divided by (P + R) / 2. A standard deviation of P - R up to this many hundredths of the scale may be chance.
const PLAUSIBLE_SPREAD: f64 = 5.0;

pub(super) fn check(prints: &Prints, audit: &mut PaperAudit) {
    for print in prints.prints.iter().filter(|print| print.row.metric == "f1") {
        let row = &print.row;
        let find = |metric: &str| prints.find(&row.table, &row.system, &row.dataset, &row.task, metric);
        let (Some(precision), Some(recall)) = (find("precision"), find("recall")) else { continue };
        audit.checks(Detector::F1);
        let (p, r) = (precision.row.value, recall.row.value);
        let expected = f1(p, r);
        // F1 rises with both.
        let lowest = f1(p - precision.half, r - recall.half) - print.half;
        let highest = f1(p + precision.half, r + recall.half) + print.half;
        let slack = 1e-9;
        if (lowest - slack..=highest + slack).contains(&row.value) {
            continue;
        }
        let mut sentence = format!(
            "precision {} and recall {} give F1 {}, printed is {}",
            text(p),
            text(r),
            text(round(expected, print.half)),
            text(row.value)
        );
        let (low, high) = (p.min(r), p.max(r));
        if row.value < low || row.value > high {
            sentence = format!("{sentence}, which is not even between them");
        }
        let weight = if row.value > expected {
            sentence = format!("{sentence}; no mean over runs can be above");
            Weight::Contradiction
        } else {
            let middle = f64::midpoint(p, r);
            let spread = 2.0 * ((expected - row.value) * middle).sqrt();
            sentence = format!(
                "{sentence}; as means over runs they would need precision minus recall to vary by {} (standard deviation)",
                text(round(spread, 0.005))
            );
            // Per cent or shares.
            let scale = if high > 1.0 { 1.0 } else { 0.01 };
            if spread > PLAUSIBLE_SPREAD * scale { Weight::Contradiction } else { Weight::Remark }
        };
        let against = (format!("2PR/(P+R) of {}", row.table), round(expected, print.half));
        audit.findings.push(Finding::new(Detector::F1, weight, print, against, sentence));
    }
}

fn f1(p: f64, r: f64) -> f64 {
    if p + r == 0.0 { 0.0 } else { 2.0 * p * r / (p + r) }
}

/// To the digits of a number with this half unit.
fn round(value: f64, half: f64) -> f64 {
    if half == 0.0 { value } else { (value / (2.0 * half)).round() * 2.0 * half }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::prints::tests::prints;

    fn of(p: &str, r: &str, f: &str) -> Vec<Finding> {
        let mut audit = PaperAudit::default();
        let rows = format!(
            "t,s,D,n,precision,{p},table\nt,s,D,n,recall,{r},table\nt,s,D,n,f1,{f},table\nt,s,D,n,accuracy,0.25,table\n"
        );
        check(&prints(&rows), &mut audit);
        assert_eq!(audit.checked["f1"], 1);
        audit.findings
    }

    #[test]
    fn rounding_is_forgiven_and_nothing_more() {
        // 84.7319 lies just between two printed numbers.
        assert!(of("83.69", "85.8", "84.73").is_empty());
        assert!(of("83.69", "85.8", "84.74").is_empty());
        assert_eq!(of("83.69", "85.8", "84.75").len(), 1);
        assert!(of("0.5", "0.5", "0.5").is_empty() && of("0.0", "0.0", "0.0").is_empty());
    }

    #[test]
    fn a_wrong_f1_says_how_wrong() {
        let [finding] = &of("93.0", "92.4", "91.70")[..] else { panic!("one finding") };
        assert_eq!(
            (finding.weight, finding.printed, text(finding.against)),
            (Weight::Contradiction, 91.7, "92.7".into())
        );
        assert!(finding.text.contains("not even between them"), "{}", finding.text);
        let [finding] = &of("91.01", "90.21", "90.57")[..] else { panic!("one finding") };
        assert_eq!((finding.weight, text(finding.against)), (Weight::Remark, "90.61".into()));
        let [finding] = &of("80.00", "70.00", "75.50")[..] else { panic!("one finding") };
        assert_eq!(finding.weight, Weight::Contradiction);
        assert!(finding.text.contains("no mean over runs"), "{}", finding.text);
    }
}
