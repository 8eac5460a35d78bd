//! The comparison of two sides.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use medner_metrics::{Summary, randomisation_f1};
use serde::Serialize;

use super::results::{Measured, Place, Results, Score, read};
use super::settings::{self, Difference};
use crate::claims::Options;
use crate::claims::statistics::{self, Contrast, holm};

/// What is to be said of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Another number, beyond noise.
    Changed,
    /// Another number, and nothing to test it by: one run and no counts per sentence, or one value in a table.
    Untested,
    /// Another number, within noise.
    Noise,
    /// The same number on every seed.
    Same,
}

impl Outcome {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Untested => "untested",
            Self::Noise => "noise",
            Self::Same => "same",
        }
    }
}

/// A score on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What ran.
    pub place: Place,
    /// Task.
    pub task: String,
    /// Metric.
    pub metric: String,
    /// Mean on the first side, in the scale of the results.
    pub first: f64,
    /// Mean on the second side.
    pub second: f64,
    /// Second minus first.
    pub difference: f64,
    /// Lower end of the interval of the difference.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Pairs of seeds, or seeds of the side that has fewer.
    pub n: usize,
    /// The test.
    pub method: &'static str,
    /// Its two-sided p value.
    pub p: Option<f64>,
    /// The same after Holm's correction over the comparison.
    pub p_holm: Option<f64>,
    /// What it comes to.
    pub outcome: Outcome,
}

/// Seconds of a phase on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// What ran.
    pub place: Place,
    /// `train`, `test`, `total`.
    pub phase: String,
    /// Mean seconds on the first side.
    pub first: f64,
    /// Mean seconds on the second side.
    pub second: f64,
    /// Seeds in common.
    pub n: usize,
}

/// Two sides compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Every score that both sides have: changed ones first.
    pub scores: Vec<Change>,
    /// Runs that only one side has, with that side (1 or 2).
    pub missing: Vec<(u8, String)>,
    /// Settings that differ, with the number of pairs of runs.
    pub settings: Vec<(Difference, usize)>,
    /// Times, which are never a change.
    pub timings: Vec<Timing>,
    /// Records that could not be read.
    pub damaged: Vec<String>,
}

impl Comparison {
    /// How many scores have this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.scores.iter().filter(|change| change.outcome == outcome).count()
    }

    /// True where something changed beyond noise, or is missing on a side.
    pub fn differs(&self) -> bool {
        self.count(Outcome::Changed) > 0 || !self.missing.is_empty()
    }
}

/// Compares two folders of run records, or two CSVs.
///
/// # Errors
/// A side cannot be read.
pub fn compare(first: &Path, second: &Path, options: &Options) -> Result<Comparison> {
    Ok(of(&read(first)?, &read(second)?, options))
}

/// Compares two sides.
pub fn of(first: &Results, second: &Results, options: &Options) -> Comparison {
    let mut comparison = Comparison {
        damaged: first.damaged.iter().chain(&second.damaged).cloned().collect(),
        ..Comparison::default()
    };
    let theirs = named_as_in(first, second);
    let places: BTreeSet<&Place> = first.places.keys().chain(theirs.keys()).collect();
    let mut differences = Vec::new();
    for place in places {
        let (Some(one), Some(&two)) = (first.places.get(place), theirs.get(place)) else {
            let side = if first.places.contains_key(place) { 1 } else { 2 };
            comparison.missing.push((side, place.to_string()));
            continue;
        };
        lacking(place, one, two, &mut comparison.missing);
        comparison.scores.extend(scores(place, one, two, options));
        timings(place, one, two, &mut comparison.timings);
        for (seed, record) in &one.records {
            differences.extend(two.records.get(seed).map(|other| settings::differences(record, other)));
        }
    }
    comparison.settings = settings::gather(differences);
    correct(&mut comparison.scores, options.alpha);
    comparison.scores.sort_by(|a, b| {
        (a.outcome, &a.place, &a.task, &a.metric).cmp(&(b.outcome, &b.place, &b.task, &b.metric))
    });
    comparison
}

/// The second side's places by the first side's names. Which tables tell namesakes apart depends on which of them a side has: a
/// place that is not among the first side's is that of its namesakes there with which it shares the most tables.
fn named_as_in<'r>(first: &Results, second: &'r Results) -> BTreeMap<Place, &'r Measured> {
    let (same, others): (Vec<_>, Vec<_>) =
        second.places.iter().partition(|(place, _)| first.places.contains_key(*place));
    let mut named: BTreeMap<Place, &Measured> =
        same.into_iter().map(|(place, measured)| (place.clone(), measured)).collect();
    for (place, measured) in others {
        let free =
            first.places.iter().filter(|(known, _)| known.is_namesake(place) && !named.contains_key(*known));
        let shared =
            free.map(|(known, theirs)| (theirs.tables.intersection(&measured.tables).count(), known));
        let nearest = shared.filter(|(tables, _)| *tables > 0).max_by_key(|(tables, _)| *tables);
        named.insert(nearest.map_or(place, |(_, known)| known).clone(), measured);
    }
    named
}

/// Seeds that finished on one side and not on the other.
fn lacking(place: &Place, one: &Measured, two: &Measured, missing: &mut Vec<(u8, String)>) {
    for (side, mine, other) in [(1, one, two), (2, two, one)] {
        let seeds = mine.scores.keys().filter(|seed| !other.scores.contains_key(seed));
        let seeds: Vec<String> = seeds
            .map(|seed| {
                if other.failed.contains(seed) {
                    format!("{seed} (failed on the other)")
                } else {
                    seed.to_string()
                }
            })
            .collect();
        if !seeds.is_empty() {
            missing.push((side, format!("{place}, seed {}", seeds.join(", "))));
        }
        let scores = mine.summaries.keys().filter(|score| !other.summaries.contains_key(*score));
        for (task, metric) in scores {
            missing.push((side, format!("{place}, {task}/{metric}")));
        }
    }
}

fn scores(place: &Place, one: &Measured, two: &Measured, options: &Options) -> Vec<Change> {
    let names = |side: &Measured| -> BTreeSet<Score> {
        side.scores
            .values()
            .flat_map(|scores| scores.keys().cloned())
            .chain(side.summaries.keys().cloned())
            .collect()
    };
    let level = 1.0 - options.alpha;
    names(one)
        .intersection(&names(two))
        .filter(|(_, metric)| !is_time(metric))
        .filter_map(|score| {
            let change = |first: f64, second: f64, same: bool, contrast: Option<Contrast>, n: usize| Change {
                place: place.clone(),
                task: score.0.clone(),
                metric: score.1.clone(),
                first,
                second,
                difference: second - first,
                low: contrast.map(|contrast| contrast.low),
                high: contrast.map(|contrast| contrast.high),
                n: contrast.map_or(n, |contrast| contrast.n),
                method: contrast.map_or("no test", |contrast| contrast.method),
                p: contrast.map(|contrast| contrast.p_value),
                p_holm: None,
                outcome: if same { Outcome::Same } else { Outcome::Untested },
            };
            if let (Some(a), Some(b)) = (one.summaries.get(score), two.summaries.get(score)) {
                let contrast = statistics::welch_of_summaries(b, a, level);
                return Some(change(a.mean, b.mean, a == b, contrast, a.n.min(b.n)));
            }
            let of = |side: &Measured| -> Vec<(u64, f64)> {
                side.scores.iter().filter_map(|(seed, scores)| Some((*seed, *scores.get(score)?))).collect()
            };
            let (ours, theirs) = (of(one), of(two));
            let pairs: Vec<(u64, f64, f64)> = ours
                .iter()
                .filter_map(|(seed, a)| {
                    theirs.iter().find(|(other, _)| other == seed).map(|(_, b)| (*seed, *a, *b))
                })
                .collect();
            let mean = |values: &[f64]| Summary::of(values).ok().map(|summary| summary.mean);
            if pairs.is_empty() {
                let (ours, theirs): (Vec<f64>, Vec<f64>) =
                    (ours.into_iter().map(|x| x.1).collect(), theirs.into_iter().map(|x| x.1).collect());
                let contrast = statistics::welch(&theirs, &ours, level);
                let n = ours.len().min(theirs.len());
                return Some(change(mean(&ours)?, mean(&theirs)?, false, contrast, n));
            }
            let first: Vec<f64> = pairs.iter().map(|(_, a, _)| *a).collect();
            let second: Vec<f64> = pairs.iter().map(|(_, _, b)| *b).collect();
            let contrast = statistics::paired(&second, &first, level);
            let mut found = change(mean(&first)?, mean(&second)?, first == second, contrast, pairs.len());
            if let (None, [(seed, ..)], "f1") = (found.p, &pairs[..], score.1.as_str()) {
                over_sentences(one, two, *seed, &score.0, options, &mut found);
            }
            Some(found)
        })
        .collect()
}

/// True for a score that is a time.
fn is_time(metric: &str) -> bool {
    metric.split('_').any(|word| word == "seconds")
}

/// One seed on both sides: the sentences decide, where both runs stored them.
fn over_sentences(
    one: &Measured,
    two: &Measured,
    seed: u64,
    task: &str,
    options: &Options,
    change: &mut Change,
) {
    let units =
        |side: &Measured| side.records.get(&seed)?.outcome.units.get(task).map(|units| units.0.clone());
    let (Some(first), Some(second)) = (units(one), units(two)) else { return };
    if let Ok(test) = randomisation_f1(&second, &first, options.replicates, seed) {
        change.p = Some(test.p_value);
        change.method = "randomisation over sentences";
    }
}

/// Seconds by seed: phases, and scores that are times.
fn times(side: &Measured) -> BTreeMap<u64, BTreeMap<String, f64>> {
    let mut times = side.seconds.clone();
    for (seed, scores) in &side.scores {
        let scores = scores.iter().filter(|((_, metric), _)| is_time(metric));
        times
            .entry(*seed)
            .or_default()
            .extend(scores.map(|((task, metric), value)| (format!("{task}/{metric}"), *value)));
    }
    times
}

fn timings(place: &Place, one: &Measured, two: &Measured, out: &mut Vec<Timing>) {
    let (first, second) = (times(one), times(two));
    let phases: BTreeSet<&String> = first.values().flat_map(|phases| phases.keys()).collect();
    for phase in phases {
        let pairs: Vec<(f64, f64)> = first
            .iter()
            .filter_map(|(seed, phases)| Some((*phases.get(phase)?, *second.get(seed)?.get(phase)?)))
            .collect();
        let n = pairs.len() as f64;
        if !pairs.is_empty() {
            out.push(Timing {
                place: place.clone(),
                phase: phase.clone(),
                first: pairs.iter().map(|(a, _)| a).sum::<f64>() / n,
                second: pairs.iter().map(|(_, b)| b).sum::<f64>() / n,
                n: pairs.len(),
            });
        }
    }
}

/// Holm's correction over all scores that differ and have a test; what is left beyond the level has changed.
fn correct(scores: &mut [Change], alpha: f64) {
    let tested: Vec<usize> = (0..scores.len())
        .filter(|&at| scores[at].outcome != Outcome::Same && scores[at].p.is_some())
        .collect();
    let p: Vec<f64> = tested.iter().filter_map(|&at| scores[at].p).collect();
    for (at, adjusted) in tested.into_iter().zip(holm(&p)) {
        scores[at].p_holm = Some(adjusted);
        scores[at].outcome = if adjusted < alpha { Outcome::Changed } else { Outcome::Noise };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const OPTIONS: Options = Options { alpha: 0.05, replicates: 500 };

    fn side(rows: &[(&str, &[(u64, f64)])]) -> Results {
        let mut results = Results::default();
        for (system, values) in rows {
            let place = Place { system: (*system).into(), dataset: "D".into(), ..Place::default() };
            let measured = results.places.entry(place).or_default();
            for (seed, value) in *values {
                let score = ("ner".to_owned(), "f1".to_owned());
                measured.scores.insert(*seed, [(score, *value)].into());
                measured.seconds.insert(*seed, [("total".to_owned(), 10.0 * *value)].into());
            }
        }
        results
    }

    #[test]
    fn the_same_results_have_not_changed() {
        let results = side(&[("A", &[(1, 0.8), (2, 0.81)]), ("B", &[(1, 0.7)])]);
        let comparison = of(&results, &results, &OPTIONS);
        assert_eq!((comparison.count(Outcome::Same), comparison.differs()), (2, false));
        assert!(comparison.settings.is_empty() && comparison.missing.is_empty());
        assert_eq!(comparison.timings.len(), 2);
        assert!(is_time("seconds_per_epoch") && !is_time("secondary_f1"));
    }

    #[test]
    fn beyond_noise_within_noise_and_untested() {
        let first = side(&[
            ("moved", &[(1, 0.80), (2, 0.81), (3, 0.82)]),
            ("noisy", &[(1, 0.80), (2, 0.81), (3, 0.82)]),
            ("single", &[(1, 0.80)]),
            ("gone", &[(1, 0.80)]),
            ("seeds", &[(1, 0.80), (2, 0.81)]),
        ]);
        let second = side(&[
            ("moved", &[(1, 0.8501), (2, 0.8602), (3, 0.8700)]),
            ("noisy", &[(1, 0.82), (2, 0.80), (3, 0.815)]),
            ("single", &[(1, 0.70)]),
            ("seeds", &[(2, 0.81), (3, 0.9)]),
        ]);
        let comparison = of(&first, &second, &OPTIONS);
        let outcomes: BTreeMap<&str, Outcome> =
            comparison.scores.iter().map(|change| (change.place.system.as_str(), change.outcome)).collect();
        let expected = [
            ("moved", Outcome::Changed),
            ("noisy", Outcome::Noise),
            ("seeds", Outcome::Same),
            ("single", Outcome::Untested),
        ];
        assert_eq!(outcomes, expected.into());
        assert_eq!(comparison.scores[0].place.system, "moved");
        assert!((comparison.scores[0].difference - 0.0501).abs() < 1e-9);
        let missing: Vec<&str> = comparison.missing.iter().map(|(_, what)| what.as_str()).collect();
        assert_eq!(missing, ["gone on D", "seeds on D, seed 1", "seeds on D, seed 3"]);
        assert_eq!(comparison.missing.iter().map(|(side, _)| *side).collect::<Vec<_>>(), [1, 1, 2]);
    }

    #[test]
    fn without_common_seeds_the_sides_are_unpaired() {
        let first = side(&[("A", &[(1, 0.80), (2, 0.81), (3, 0.805)])]);
        let second = side(&[("A", &[(11, 0.90), (12, 0.91), (13, 0.905)])]);
        let comparison = of(&first, &second, &OPTIONS);
        assert_eq!(comparison.scores[0].method, "Welch's t over seeds");
        assert_eq!(comparison.scores[0].outcome, Outcome::Changed);
    }

    proptest! {
        #[test]
        fn turning_the_sides_turns_the_signs(
            a in proptest::collection::vec(0.0f64..1.0, 1..6), b in proptest::collection::vec(0.0f64..1.0, 1..6),
        ) {
            let rows = |values: &[f64]| -> Vec<(u64, f64)> { (1..).zip(values.iter().copied()).collect() };
            let (one, two) = (side(&[("A", &rows(&a))]), side(&[("A", &rows(&b))]));
            let (there, back) = (of(&one, &two, &OPTIONS), of(&two, &one, &OPTIONS));
            prop_assert_eq!(there.scores.len(), 1);
            let (x, y) = (&there.scores[0], &back.scores[0]);
            prop_assert_eq!(x.outcome, y.outcome);
            prop_assert!((x.difference + y.difference).abs() < 1e-12);
            prop_assert_eq!(there.missing.len(), back.missing.len());
        }
    }
}
