//! One number in two places: the same cell printed twice, a system beside its variants, one value twice in a row.

use std::collections::BTreeMap;

use super::prints::{Print, Prints, text};
use super::{Detector, Finding, PaperAudit, Weight};

type Cell<'a> = (&'a str, &'a str, &'a str, &'a str);

pub(super) fn check(prints: &Prints, audit: &mut PaperAudit) {
    two_places(prints, audit);
    variants(prints, audit);
    repeats(prints, audit);
}

/// The same system, data set, task and metric in two tables, or in a table and the text.
fn two_places(prints: &Prints, audit: &mut PaperAudit) {
    let mut cells: BTreeMap<Cell<'_>, Vec<&Print>> = BTreeMap::new();
    for print in &prints.prints {
        let row = &print.row;
        cells.entry((&row.system, &row.dataset, &row.task, &row.metric)).or_default().push(print);
    }
    for ((system, dataset, task, metric), mut places) in cells {
        // Tables before text, so that the text is held against the table.
        places.sort_by_key(|print| (print.in_text(), print.line));
        let Some((first, others)) = places.split_first() else { continue };
        for other in others {
            audit.checks(Detector::TwoPlaces);
            if first.may_equal(other) {
                continue;
            }
            let mut sentence = format!(
                "{metric} of {system} on {dataset} ({task}) is {} in {} and {} in {}",
                text(first.row.value),
                first.row.table,
                text(other.row.value),
                other.row.table
            );
            let explained = variant_with(prints, first, other).or_else(|| variant_with(prints, other, first));
            let weight = match explained {
                Some((variant, number)) => {
                    sentence = format!(
                        "{sentence}; {} prints {} for `{}`: one name for two configurations",
                        variant.row.table,
                        text(number),
                        variant.row.system
                    );
                    Weight::Remark
                }
                None => Weight::Contradiction,
            };
            let against = (first.place(), first.row.value);
            audit.findings.push(Finding::new(Detector::TwoPlaces, weight, other, against, sentence));
        }
    }
}

/// A variant of the system that has one of the two numbers and not the other.
fn variant_with<'a>(prints: &'a Prints, number: &Print, not: &Print) -> Option<(&'a Print, f64)> {
    let row = &number.row;
    let found = prints.prints.iter().find(|print| {
        is_variant(&print.row.system, &row.system)
            && (&print.row.dataset, &print.row.task, &print.row.metric)
                == (&row.dataset, &row.task, &row.metric)
            && print.may_equal(number)
            && !print.may_equal(not)
    })?;
    Some((found, found.row.value))
}

/// True for `X@0.25` and `X with Adam`, variants of `X`.
pub(super) fn is_variant(name: &str, of: &str) -> bool {
    name.strip_prefix(of).is_some_and(|rest| rest.starts_with('@') || rest.starts_with(" with "))
}

/// A system that one table prints alone and another by its variants: its number should be one of theirs.
fn variants(prints: &Prints, audit: &mut PaperAudit) {
    for print in &prints.prints {
        let row = &print.row;
        let mut tables: BTreeMap<&str, Vec<&Print>> = BTreeMap::new();
        for other in &prints.prints {
            let same = (&other.row.dataset, &other.row.task, &other.row.metric)
                == (&row.dataset, &row.task, &row.metric);
            if same && other.row.table != row.table && is_variant(&other.row.system, &row.system) {
                tables.entry(&other.row.table).or_default().push(other);
            }
        }
        for (table, members) in tables {
            audit.checks(Detector::Variants);
            if members.iter().any(|member| member.may_equal(print)) {
                continue;
            }
            let distance = |member: &&&Print| (member.row.value - row.value).abs();
            let Some(nearest) = members.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))) else {
                continue;
            };
            let all: Vec<String> = members.iter().map(|member| text(member.row.value)).collect();
            let sentence = format!(
                "{} of {} on {} ({}) is {} in {}, and none of its variants in {table} has it ({}); the nearest is {} of {}",
                row.metric,
                row.system,
                row.dataset,
                row.task,
                text(row.value),
                row.table,
                all.join(", "),
                text(nearest.row.value),
                nearest.row.system
            );
            let against = (nearest.place(), nearest.row.value);
            let finding = Finding::new(Detector::Variants, Weight::Contradiction, print, against, sentence);
            audit.findings.push(finding);
        }
    }
}

/// The same score of one system on two data sets of a table: a slip of copying, or chance.
fn repeats(prints: &Prints, audit: &mut PaperAudit) {
    let scores = ["precision", "recall", "f1", "accuracy"];
    let mut rows: BTreeMap<(&str, &str, &str), Vec<&Print>> = BTreeMap::new();
    for print in prints.prints.iter().filter(|print| scores.contains(&print.row.metric.as_str())) {
        rows.entry((&print.row.table, &print.row.system, &print.row.metric)).or_default().push(print);
    }
    for ((table, system, metric), prints) in rows {
        for (at, print) in prints.iter().enumerate() {
            // With one digit after the point, equal numbers are no surprise.
            if print.half > 0.005 + 1e-12 || print.half == 0.0 {
                continue;
            }
            for other in &prints[..at] {
                audit.checks(Detector::Repeat);
                if other.row.value != print.row.value {
                    continue;
                }
                let sentence = format!(
                    "{metric} of {system} in {table} is {} on {} ({}) and on {} ({})",
                    text(print.row.value),
                    other.row.dataset,
                    other.row.task,
                    print.row.dataset,
                    print.row.task
                );
                let against = (other.place(), other.row.value);
                audit.findings.push(Finding::new(Detector::Repeat, Weight::Remark, print, against, sentence));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::prints::tests::prints;

    fn found(rows: &str) -> Vec<Finding> {
        let mut audit = PaperAudit::default();
        check(&prints(rows), &mut audit);
        audit.findings
    }

    #[test]
    fn the_same_cell_in_two_tables_and_in_the_text() {
        let findings = found(
            "intro,A,D,n,f1,90.75,text\ntable1,A,D,n,f1,90.57,table\ntable2,A,D,n,f1,90.57,table\ntable2,A,E,n,f1,90.6,table\n",
        );
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!((finding.printed, finding.against, finding.detector), (90.75, 90.57, Detector::TwoPlaces));
        assert_eq!(finding.place, "intro (published.csv:2)");
        assert_eq!(finding.against_place, "table1 (published.csv:3)");
        // As many digits as each place has.
        assert!(found("a,A,D,n,f1,90.6,text\nb,A,D,n,f1,90.57,table\n").is_empty());
    }

    #[test]
    fn one_name_for_two_configurations_is_a_remark() {
        let findings = found(
            "table2,A,D,n,f1,84.69,table\ntable5,A with Adam,D,n,f1,84.69,table\ntable5,A with RAdam,D,n,f1,85.63,table\ntable6,A,D,n,f1,85.63,table\n",
        );
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!(finding.weight, Weight::Remark);
        assert!(finding.text.contains("`A with Adam`") || finding.text.contains("`A with RAdam`"));
    }

    #[test]
    fn a_system_has_the_number_of_one_of_its_variants() {
        let rows = "table2,L@0.25,D,n,f1,93.93,table\ntable2,L@0.50,D,n,f1,93.75,table\n";
        let findings = found(&format!("{rows}table3,L,D,n,f1,93.83,table\n"));
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!((finding.detector, finding.against), (Detector::Variants, 93.75));
        assert!(found(&format!("{rows}table3,L,D,n,f1,93.75,table\n")).is_empty());
        assert!(!is_variant("LX", "L") && !is_variant("L", "L") && is_variant("L with Adam", "L"));
    }

    #[test]
    fn a_number_twice_in_a_row_of_a_table() {
        let findings = found(
            "t,A,D,n,f1,80.46,table\nt,A,E,n,f1,80.46,table\nt,B,D,n,f1,80.46,table\nt,A,F,n,f1,80.4,table\n",
        );
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].detector, Detector::Repeat);
        assert!(found("t,A,D,n,loss,0.5,text\nt,A,E,n,loss,0.5,text\n").is_empty());
    }
}
