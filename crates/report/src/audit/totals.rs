//! Sums against their parts, shares outside their range, percentages that the number of samples cannot give.

use super::prints::{Print, Prints, text};
use super::{Detector, Finding, PaperAudit, Weight};

/// Words that a table uses for all of its parts together.
const TOTALS: [&str; 4] = ["sum", "total", "all", "overall"];

pub(super) fn check(prints: &Prints, audit: &mut PaperAudit) {
    sums(prints, audit);
    shares(prints, audit);
    granularity(prints, audit);
}

/// A count of `sum`, `total` or `all` is the sum of the counts beside it: of the tasks, of the systems (splits), or of the
/// data sets.
fn sums(prints: &Prints, audit: &mut PaperAudit) {
    type Axis = fn(&Print) -> &str;
    let axes: [Axis; 3] = [|p| &p.row.task, |p| &p.row.system, |p| &p.row.dataset];
    for total in prints.prints.iter().filter(|print| print.row.value.fract() == 0.0) {
        for (at, axis) in axes.iter().enumerate() {
            if !TOTALS.contains(&axis(total)) {
                continue;
            }
            let parts: Vec<&Print> = prints
                .prints
                .iter()
                .filter(|print| {
                    let others = axes.iter().enumerate().filter(|(i, _)| *i != at);
                    print.row.table == total.row.table
                        && print.row.metric == total.row.metric
                        && !TOTALS.contains(&axis(print))
                        && others.map(|(_, axis)| axis).all(|axis| axis(print) == axis(total))
                })
                .collect();
            // A count beside one other count is no sum.
            if parts.len() < 2 || parts.iter().any(|part| part.row.value.fract() != 0.0) {
                continue;
            }
            audit.checks(Detector::Sum);
            let sum: f64 = parts.iter().map(|part| part.row.value).sum();
            let half: f64 = parts.iter().map(|part| part.half).sum();
            if (sum - total.row.value).abs() <= half + total.half {
                continue;
            }
            let listed: Vec<String> =
                parts.iter().map(|part| format!("{} {}", axis(part), text(part.row.value))).collect();
            let sentence = format!(
                "{} of {} in {} is {}, its parts ({}) make {}",
                total.row.metric,
                axis(total),
                total.row.table,
                text(total.row.value),
                listed.join(", "),
                text(sum)
            );
            let against = (format!("sum of {} rows of {}", parts.len(), total.row.table), sum);
            audit.findings.push(Finding::new(Detector::Sum, Weight::Contradiction, total, against, sentence));
        }
    }
}

/// Scores lie between 0 and 1, or between 0 and 100 where their table prints per cent.
fn shares(prints: &Prints, audit: &mut PaperAudit) {
    let is_share = |metric: &str| {
        ["precision", "recall", "f1", "accuracy"].contains(&metric)
            || (metric.starts_with("pct_") && !metric.ends_with("_sd"))
    };
    for print in prints.prints.iter().filter(|print| is_share(&print.row.metric)) {
        audit.checks(Detector::Share);
        let same = |other: &&Print| other.row.table == print.row.table && is_share(&other.row.metric);
        let values = prints.prints.iter().filter(same).map(|other| other.row.value);
        // A table of shares may hold one slip above 1; a table of per cents has most of its numbers there.
        let (above, all) =
            values.fold((0, 0), |(above, all), value| (above + usize::from(value > 1.0), all + 1));
        let top = if 2 * above > all { 100.0 } else { 1.0 };
        if (0.0..=top).contains(&print.row.value) {
            continue;
        }
        let sentence = format!(
            "{} of {} on {} in {} is {}, outside 0 to {}",
            print.row.metric,
            print.row.system,
            print.row.dataset,
            print.row.table,
            text(print.row.value),
            text(top)
        );
        let against = ("the range of a share".to_owned(), top);
        audit.findings.push(Finding::new(Detector::Share, Weight::Contradiction, print, against, sentence));
    }
}

/// The mean percentage of N samples over K repeats is a multiple of 100 / (N K), but for rounding (Brown and Heathers
/// 2017 call this the GRIM test). N and K are read from a provenance such as `10 queries of 100, 5 repeats`.
fn granularity(prints: &Prints, audit: &mut PaperAudit) {
    for print in &prints.prints {
        let metric = &print.row.metric;
        if !(metric.starts_with("pct_") && metric.ends_with("_mean")) {
            continue;
        }
        let Some((samples, repeats)) = samples(&print.row.provenance) else { continue };
        audit.checks(Detector::Granularity);
        let step = 100.0 / (samples * repeats);
        let nearest = (print.row.value / step).round() * step;
        if (nearest - print.row.value).abs() <= print.half + 1e-9 {
            continue;
        }
        let sentence = format!(
            "{metric} of {} on {} in {} is {}; the mean over {repeats} repeats of a percentage of {samples} samples is a \
             multiple of {}, the nearest {}",
            print.row.system,
            print.row.dataset,
            print.row.table,
            text(print.row.value),
            text(step),
            text(nearest)
        );
        let against = (format!("a share of {samples} samples, {repeats} repeats"), nearest);
        audit.findings.push(Finding::new(
            Detector::Granularity,
            Weight::Contradiction,
            print,
            against,
            sentence,
        ));
    }
}

/// Samples and repeats of `... 10 queries of 100, 5 repeats ...`.
fn samples(provenance: &str) -> Option<(f64, f64)> {
    let words: Vec<&str> =
        provenance.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let number = |word: Option<&&str>| word.and_then(|word| word.parse::<f64>().ok());
    let queries = words.iter().position(|word| *word == "queries")?;
    let repeats = words.iter().position(|word| *word == "repeats")?;
    let before = |at: usize| number(at.checked_sub(1).and_then(|at| words.get(at)));
    let each = (words.get(queries + 1) == Some(&"of")).then(|| number(words.get(queries + 2))).flatten()?;
    Some((before(queries)? * each, before(repeats)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::prints::tests::prints;

    fn audited(rows: &str) -> PaperAudit {
        let mut audit = PaperAudit::default();
        check(&prints(rows), &mut audit);
        audit
    }

    #[test]
    fn sums_are_checked_along_each_axis() {
        let good = audited(
            "t1,train,D,disease,entities,10,table\nt1,train,D,drug,entities,5,table\nt1,train,D,sum,entities,15,table\n\
             d,all,X,n,sentences,30,text\nd,positive,X,n,sentences,10,text\nd,negative,X,n,sentences,20,text\n",
        );
        assert_eq!((good.findings.len(), good.checked["sum"]), (0, 2));
        let wrong = audited(
            "t1,train,D,disease,entities,10,table\nt1,train,D,drug,entities,5,table\nt1,train,D,sum,entities,16,table\n",
        );
        assert_eq!((wrong.findings[0].printed, wrong.findings[0].against), (16.0, 15.0));
        // `all` as a task beside no other is no sum.
        assert!(audited("t1,s,A,all,words,3,table\nt1,s,B,all,words,4,table\n").checked.is_empty());
    }

    #[test]
    fn shares_stay_in_their_range() {
        let audit = audited(
            "t,a,D,n,f1,0.9,table\nt,b,D,n,f1,1.2,table\nt,c,D,n,f1,0.8,table\nu,a,D,n,f1,90.1,table\nu,b,D,n,f1,120.0,table\nu,c,D,n,f1,30.0,table\n",
        );
        let wrong: Vec<f64> = audit.findings.iter().map(|finding| finding.printed).collect();
        assert_eq!(wrong, [1.2, 120.0]);
        assert_eq!(audit.checked["share"], 6);
    }

    #[test]
    fn a_percentage_of_so_many_samples_has_its_steps() {
        let note = "\"table; 10 queries of 100, 5 repeats\"";
        let audit = audited(&format!(
            "t,a,D,all,pct_x_mean,66.23,{note}\nt,b,D,all,pct_x_mean,59.22,{note}\nt,b,D,all,pct_x_sd,0.64,{note}\nt,c,D,all,pct_x_mean,90.17,table\n"
        ));
        let [finding] = &audit.findings[..] else { panic!("{audit:?}") };
        assert_eq!((finding.printed, audit.checked["granularity"]), (66.23, 2));
        assert!(finding.text.contains("multiple of 0.02"), "{}", finding.text);
        assert_eq!(samples("table; 10 queries of 100, 5 repeats"), Some((1000.0, 5.0)));
        assert_eq!(samples("table; after 55 queries"), None);
    }
}
