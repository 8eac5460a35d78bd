//! Differences between two systems of a table: over seeds, and over sentences or records within each seed.

use medner_metrics::{DEFAULT_REPLICATES, Summary, randomisation_f1, t_test_paired};

use crate::csv_files::{p_text, short};
use crate::pairs::pairs;
use crate::plan::PlannedTable;
use crate::record::{RunRecord, Units};
use crate::table::{Maker, shows};

/// Header and rows of `<table>-comparisons.csv`. The t-test is paired over the seeds that both systems have; the
/// randomisation test is paired over the units of the test set, one p value a seed, for F1 (`-` for a seed without units). The
/// only run of a deterministic system is paired with every seed of the other one ([`pairs`]); `n` is then the number of the
/// other's runs. Runs that start from two makes of one artefact make no pair: their difference would be that of the makes as well.
pub(crate) fn rows(maker: &Maker, planned: &PlannedTable) -> (Vec<String>, Vec<Vec<String>>) {
    let header = [
        "system",
        "against",
        "dataset",
        "task",
        "metric",
        "mean",
        "mean_against",
        "difference",
        "sd_difference",
        "n",
        "p_seeds",
        "p_units",
        "seeds",
        "profile",
    ];
    let spec = &planned.spec;
    let mut rows = Vec::new();
    for (one, two) in &spec.comparisons {
        for (dataset, _) in &spec.datasets {
            let first = maker.records_of(planned, one, dataset);
            let second = maker.records_of(planned, two, dataset);
            let pairs = pairs((spec.is_deterministic(one), &first), (spec.is_deterministic(two), &second));
            let pairs: Vec<(u64, &RunRecord, &RunRecord)> =
                pairs.into_iter().map(|(seed, a, b)| (seed, *a, *b)).collect();
            let all = pairs.len();
            let pairs: Vec<_> =
                pairs.into_iter().filter(|(_, a, b)| of_one_make(&spec.notes, a, b)).collect();
            if pairs.len() < all {
                tracing::warn!(
                    "{}: {one} against {two} on {dataset}: {} of {all} seeds not compared: their runs start from two makes of one {}",
                    spec.name,
                    all - pairs.len(),
                    spec.notes.join(", ")
                );
            }
            let Some((_, sample, _)) = pairs.first() else { continue };
            for (task, metrics) in &sample.outcome.scores {
                for metric in metrics.keys().filter(|metric| shows(spec, dataset, task, metric)) {
                    let value = |record: &RunRecord| {
                        record
                            .outcome
                            .scores
                            .get(task)
                            .and_then(|m| m.get(metric))
                            .copied()
                            .map(|v| v * spec.scale.of(metric, 1.0))
                    };
                    let both: Vec<(u64, f64, f64, Option<String>)> = pairs
                        .iter()
                        .filter_map(|(seed, a, b)| {
                            Some((*seed, value(a)?, value(b)?, unit_p(a, b, task, metric, *seed)))
                        })
                        .collect();
                    let (ours, theirs): (Vec<f64>, Vec<f64>) =
                        both.iter().map(|(_, a, b, _)| (*a, *b)).unzip();
                    let differences: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
                    let (Ok(mean), Ok(base), Ok(difference)) =
                        (Summary::of(&ours), Summary::of(&theirs), Summary::of(&differences))
                    else {
                        continue;
                    };
                    let test = t_test_paired(&ours, &theirs).ok();
                    let seeds: Vec<String> = both.iter().map(|(seed, ..)| seed.to_string()).collect();
                    rows.push(vec![
                        one.clone(),
                        two.clone(),
                        maker.shown(spec, dataset),
                        task.clone(),
                        metric.clone(),
                        short(mean.mean),
                        short(base.mean),
                        short(difference.mean),
                        difference.sd.map(short).unwrap_or_default(),
                        difference.n.to_string(),
                        test.map(|test| p_text(test.p_value)).unwrap_or_default(),
                        by_seed(both.iter().map(|(.., p)| p.as_deref())),
                        seeds.join(" "),
                        maker.label.to_owned(),
                    ]);
                }
            }
        }
    }
    (header.map(str::to_owned).into(), rows)
}

/// Whether two runs, as far as these notes tell, do not start from two makes of one artefact: a note may end in `, SHA-256 0a1b…`,
/// and two that differ in that alone say that the artefact was made again and came out different.
fn of_one_make(notes: &[String], one: &RunRecord, two: &RunRecord) -> bool {
    let of = |record: &RunRecord, name: &String| {
        let note = record.outcome.notes.get(name).cloned().unwrap_or_default();
        note.split_once(", SHA-256 ")
            .map_or((note.clone(), None), |(what, digest)| (what.to_owned(), Some(digest.to_owned())))
    };
    notes.iter().all(|name| {
        let ((what, digest), (other, of_other)) = (of(one, name), of(two, name));
        what != other || digest == of_other
    })
}

/// The p values of the seeds, in the order of the column `seeds`: `-` where a seed has none, so that each stands under its own.
/// Empty where no seed has one: the metric has no units.
fn by_seed<'p>(values: impl Iterator<Item = Option<&'p str>> + Clone) -> String {
    if values.clone().all(|p| p.is_none()) {
        return String::new();
    }
    values.map(|p| p.unwrap_or("-")).collect::<Vec<_>>().join(" ")
}

/// p of the paired randomisation test of one seed, where both runs stored the units of the metric.
fn unit_p(one: &RunRecord, two: &RunRecord, task: &str, metric: &str, seed: u64) -> Option<String> {
    let units = |record: &RunRecord| record.outcome.units_of(task, metric).map(|Units(units)| units.clone());
    let (first, second) = (units(one)?, units(two)?);
    match randomisation_f1(&first, &second, DEFAULT_REPLICATES, seed) {
        Ok(test) => Some(p_text(test.p_value)),
        Err(error) => {
            tracing::warn!(
                "{} against {}, {task}: no randomisation test: {error}",
                one.cell.label(),
                two.cell.system
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_p_value_stands_under_its_seed() {
        assert_eq!(by_seed([Some("0.0312"), None, Some("0.5000")].into_iter()), "0.0312 - 0.5000");
        assert_eq!(by_seed([None, Some("0.5000")].into_iter()), "- 0.5000");
        assert_eq!(by_seed([None, None].into_iter()), "");
    }
}
