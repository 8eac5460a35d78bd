//! Printed gains against the printed scores, and components that lower the score.

use std::collections::{BTreeMap, BTreeSet};

use super::places::is_variant;
use super::prints::{Print, Prints, near, text};
use super::{Detector, Finding, PaperAudit, Weight};
use crate::claims::names::minus;

pub(super) fn check(prints: &Prints, audit: &mut PaperAudit) {
    gains(prints, audit);
    components(prints, audit);
}

/// `A minus B` with a metric `f1_gain` (or the metric itself): the difference of what the tables print for A and B. A may
/// stand in a table by its variants only; then any of them may be meant.
fn gains(prints: &Prints, audit: &mut PaperAudit) {
    for gain in &prints.prints {
        let row = &gain.row;
        let Some((one, two)) = minus(&row.system) else { continue };
        let metric = row.metric.strip_suffix("_gain").unwrap_or(&row.metric);
        let scores = |system: &str| -> Vec<&Print> {
            let named = |print: &&Print, variant: bool| {
                let it = &print.row;
                (&it.dataset, &it.task, it.metric.as_str()) == (&row.dataset, &row.task, metric)
                    && if variant { is_variant(&it.system, system) } else { it.system == system }
            };
            let tables: BTreeSet<&str> =
                prints.prints.iter().filter(|p| named(p, false)).map(|p| p.row.table.as_str()).collect();
            let all = prints.prints.iter();
            all.filter(|p| named(p, false) || (named(p, true) && !tables.contains(p.row.table.as_str())))
                .collect()
        };
        let (ones, twos) = (scores(&one), scores(&two));
        if ones.is_empty() || twos.is_empty() {
            audit.unchecked.push(format!(
                "{}: the scores behind {} of {} are not printed",
                gain.place(),
                row.metric,
                row.system
            ));
            continue;
        }
        audit.checks(Detector::Difference);
        let fits =
            |a: &Print, b: &Print| near(a.row.value - b.row.value, a.half + b.half, row.value, gain.half);
        let pairs = |same_table: bool| {
            ones.iter()
                .flat_map(|a| twos.iter().map(move |b| (*a, *b)))
                .filter(move |(a, b)| (a.row.table == b.row.table) == same_table)
        };
        let mut tables: BTreeMap<&str, Vec<(&Print, &Print)>> = BTreeMap::new();
        for (a, b) in pairs(true) {
            tables.entry(&a.row.table).or_default().push((a, b));
        }
        let agreeing: Vec<&str> = tables
            .iter()
            .filter(|(_, pairs)| pairs.iter().any(|(a, b)| fits(a, b)))
            .map(|(t, _)| *t)
            .collect();
        let across = pairs(false).find(|(a, b)| fits(a, b));
        let distance = |(a, b): &(&Print, &Print)| (a.row.value - b.row.value - row.value).abs();
        // Of each table that does not fit, the nearest difference.
        let mut nearest: Vec<(&Print, &Print)> = Vec::new();
        for (_, pairs) in tables.iter().filter(|(table, _)| !agreeing.contains(*table)) {
            nearest.extend(pairs.iter().min_by(|x, y| distance(x).total_cmp(&distance(y))).copied());
        }
        let Some(first) = nearest.iter().min_by(|x, y| distance(x).total_cmp(&distance(y))) else { continue };
        let shown: Vec<String> = nearest
            .iter()
            .map(|(a, b)| {
                let difference = text(a.row.value - b.row.value);
                format!(
                    "{} prints {} and {}, a difference of {difference}",
                    a.row.table,
                    text(a.row.value),
                    text(b.row.value)
                )
            })
            .collect();
        let mut sentence = format!(
            "{} is said to be {} on {} ({}); {}",
            row.system,
            text(row.value),
            row.dataset,
            row.task,
            shown.join("; ")
        );
        let weight = if agreeing.is_empty() { Weight::Contradiction } else { Weight::Remark };
        match (agreeing.first(), across) {
            (Some(other), _) => sentence = format!("{sentence}; the numbers of {other} fit"),
            (None, Some((a, b))) => {
                sentence = format!(
                    "{sentence}; only {} of {} less {} of {} fits",
                    text(a.row.value),
                    a.row.table,
                    text(b.row.value),
                    b.row.table
                );
            }
            (None, None) => {}
        }
        let difference = first.0.row.value - first.1.row.value;
        let place = format!("{} less {}", first.0.place(), first.1.place());
        let against = (place, difference);
        audit.findings.push(Finding::new(Detector::Difference, weight, gain, against, sentence));
    }
}

/// `A+B+C` beside `A+B`: a component that lowers the score on some data set.
fn components(prints: &Prints, audit: &mut PaperAudit) {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Print>> = BTreeMap::new();
    for print in prints.prints.iter().filter(|print| print.row.metric == "f1") {
        groups.entry((&print.row.table, &print.row.dataset, &print.row.task)).or_default().push(print);
    }
    for ((table, dataset, task), members) in &groups {
        for base in members {
            for more in members {
                let Some(component) = added(&base.row.system, &more.row.system) else { continue };
                audit.checks(Detector::Component);
                if more.row.value >= base.row.value || more.may_equal(base) {
                    continue;
                }
                let mut sentence = format!(
                    "adding {component} to {} lowers F1 on {dataset} ({task}) from {} to {} in {table}",
                    base.row.system,
                    text(base.row.value),
                    text(more.row.value)
                );
                let elsewhere = groups.iter().find_map(|((t, d, k), group)| {
                    let of = |system: &str| group.iter().find(|print| print.row.system == system);
                    let (a, b) = (of(&base.row.system)?, of(&more.row.system)?);
                    (t == table && (d, k) != (dataset, task) && b.row.value > a.row.value).then(|| {
                        format!(
                            "it raises it on {d} ({k}) from {} to {}",
                            text(a.row.value),
                            text(b.row.value)
                        )
                    })
                });
                if let Some(elsewhere) = elsewhere {
                    sentence = format!("{sentence}; {elsewhere}");
                }
                let against = (base.place(), base.row.value);
                let finding = Finding::new(Detector::Component, Weight::Remark, more, against, sentence);
                audit.findings.push(finding);
            }
        }
    }
}

/// The one component that the second name has more than the first. Parts are joined by `+`, or else by `-`; a name of one
/// part has no components.
fn added<'a>(base: &str, more: &'a str) -> Option<&'a str> {
    let joint = if more.contains('+') { '+' } else { '-' };
    let (few, many): (Vec<&str>, Vec<&str>) = (base.split(joint).collect(), more.split(joint).collect());
    if few.len() < 2 || many.len() != few.len() + 1 {
        return None;
    }
    let extra = many.iter().enumerate().find(|(at, _)| {
        let rest = many.iter().enumerate().filter(|(i, _)| i != at).map(|(_, part)| part);
        rest.eq(few.iter())
    })?;
    Some(extra.1)
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
    fn a_gain_is_the_difference_of_the_scores() {
        let scores = "t3,L,D,n,f1,93.83,table\nt3,S,D,n,f1,93.36,table\n";
        assert!(audited(&format!("{scores}abstract,L minus S,D,n,f1_gain,0.47,text\n")).findings.is_empty());
        let audit = audited(&format!("{scores}abstract,L minus S,D,n,f1_gain,0.57,text\n"));
        let [finding] = &audit.findings[..] else { panic!("{audit:?}") };
        assert_eq!(
            (finding.weight, finding.printed, text(finding.against)),
            (Weight::Contradiction, 0.57, "0.47".into())
        );
        // A variant in another table has it: then only the one table does not fit.
        let more = "t2,L@0.25,D,n,f1,93.93,table\nt2,L@0.50,D,n,f1,93.00,table\nt2,S,D,n,f1,93.36,table\n";
        let audit = audited(&format!("{scores}{more}abstract,L minus S,D,n,f1_gain,0.57,text\n"));
        assert_eq!(audit.findings.len(), 1);
        assert_eq!(audit.findings[0].weight, Weight::Remark);
        assert!(audit.findings[0].text.ends_with("the numbers of t2 fit"), "{}", audit.findings[0].text);
    }

    #[test]
    fn a_gain_that_mixes_two_tables_says_so() {
        let audit = audited(
            "t2,L,D,n,f1,82.94,table\nt2,S,D,n,f1,82.22,table\nt3,L,D,n,f1,82.92,table\nt3,S,D,n,f1,82.52,table\nabstract,L minus S,D,n,f1_gain,0.42,text\n",
        );
        assert_eq!((audit.findings.len(), audit.findings[0].weight), (1, Weight::Contradiction));
        assert!(
            audit.findings[0].text.contains("t2 prints 82.94 and 82.22")
                && audit.findings[0].text.contains("t3 prints")
        );
        assert!(
            audit.findings[0].text.ends_with("only 82.94 of t2 less 82.52 of t3 fits"),
            "{}",
            audit.findings[0].text
        );
    }

    #[test]
    fn a_gain_of_what_is_not_printed_is_not_checked() {
        let audit = audited("t,A minus B,D,n,seconds,-21,text\n");
        assert_eq!((audit.findings.len(), audit.unchecked.len(), audit.checked.len()), (0, 1, 0));
    }

    #[test]
    fn a_component_that_hurts_is_remarked() {
        let audit = audited(
            "t,B+C,M,n,f1,88.06,text\nt,B+C+T,M,n,f1,89.60,text\nt,B+C+T+Self-Attention,M,n,f1,88.62,text\n\
             t,B+C+T,W,n,f1,52.19,text\nt,B+C+T+Self-Attention,W,n,f1,52.64,text\n",
        );
        let [finding] = &audit.findings[..] else { panic!("{audit:?}") };
        assert_eq!((finding.printed, finding.against), (88.62, 89.6));
        assert!(finding.text.contains("adding Self-Attention") && finding.text.contains("raises it on W"));
        assert_eq!(audit.checked["component"], 3);
        assert_eq!(added("ALBERT-IDCNN-CRF", "ALBERT-IDCNN-MHA-CRF"), Some("MHA"));
        assert_eq!(added("CRF", "CRF+word"), None);
        assert_eq!(added("A-B", "C-A-D"), None);
    }
}
