//! The comparison of two sides: over seeds, and over sentences where both sides' runs stored their counts.

use std::collections::{BTreeMap, BTreeSet};

use medner_metrics::{Counts, Summary, randomisation_f1};
use serde::Serialize;

use super::Options;
use super::pairs::pairs;
use super::series::{Measured, Series, Values};
use super::statistics::{self, Contrast};

/// Two sides, their difference, and what chance may have to do with it. In the printed scale.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// The one side, in words.
    pub label: String,
    /// The other.
    pub against: String,
    /// Mean of the one side over its seeds.
    pub mean: f64,
    /// Its sample standard deviation.
    pub sd: Option<f64>,
    /// Mean of the other side, or the number it stands for.
    pub against_mean: f64,
    /// Its sample standard deviation.
    pub against_sd: Option<f64>,
    /// The one minus the other; for a test of spreads, of their standard deviations.
    pub difference: f64,
    /// No random number enters either side: the difference is the same with every seed.
    pub exact: bool,
    /// Lower end of the interval of the difference, where there are seeds enough for one.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Pairs of seeds, or seeds of the side that has fewer.
    pub n: usize,
    /// The test over seeds, or over data sets.
    pub method: &'static str,
    /// Over what: `seeds` or `data sets`.
    pub chance: &'static str,
    /// Its two-sided p value.
    pub p_seeds: Option<f64>,
    /// The same after Holm's correction within the paper's table.
    pub p_seeds_holm: Option<f64>,
    /// p of the paired approximate randomisation over sentences: the runs of the common seeds pooled by sentence.
    pub p_units: Option<f64>,
    /// The same after Holm's correction within the paper's table.
    pub p_units_holm: Option<f64>,
    /// The same test within each seed.
    pub p_units_by_seed: BTreeMap<u64, f64>,
    /// What a reader should know of how the sides came about.
    pub notes: Vec<String>,
}

/// A comparison, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Compared {
    /// Nothing to compare.
    Missing(String),
    /// The numbers; `partial` says which seeds have not run yet.
    Found {
        /// The numbers.
        evidence: Box<Evidence>,
        /// `2 of 3 seeds of X have run`.
        partial: Option<String>,
    },
}

/// Compares two sides' means.
pub fn means(one: &Series, two: &Series, options: &Options) -> Compared {
    let level = 1.0 - options.alpha;
    let (first, second) = match (&one.values, &two.values) {
        (Values::Missing(why), _) | (_, Values::Missing(why)) => return Compared::Missing(why.clone()),
        (Values::Constant(_), Values::Constant(_)) => {
            return Compared::Missing("both sides are printed numbers".to_owned());
        }
        (Values::Constant(_), Values::Measured(_)) => {
            return match means(two, one, options) {
                Compared::Found { evidence, partial } => {
                    Compared::Found { evidence: Box::new(turned(*evidence)), partial }
                }
                missing @ Compared::Missing(_) => missing,
            };
        }
        (Values::Measured(first), Values::Constant(number)) => {
            return with_number((one, first), (two, *number), level);
        }
        (Values::Measured(first), Values::Measured(second)) => (first, second),
    };
    let mut evidence = if let (Some(ours), Some(theirs)) = (&first.repeats, &second.repeats) {
        let contrast = statistics::welch_of_summaries(ours, theirs, level);
        plain((one, ours), (two, theirs.mean, theirs.sd), contrast.as_ref())
    } else {
        match over_seeds((one, first), (two, second), options) {
            Ok(evidence) => evidence,
            Err(missing) => return missing,
        }
    };
    evidence.notes.extend([first, second].into_iter().filter_map(|side| side.note.clone()));
    evidence.notes.dedup();
    Compared::Found { evidence: Box::new(evidence), partial: partial([(one, first), (two, second)]) }
}

/// A side against a printed number.
fn with_number((one, first): (&Series, &Measured), (two, number): (&Series, f64), level: f64) -> Compared {
    let list = first.list();
    let Ok(values) = Summary::of(&list) else { return nothing(one) };
    let summary = first.repeats.unwrap_or(values);
    let contrast = match &first.repeats {
        Some(repeats) => statistics::one_sample_of_summary(repeats, number, level),
        None => statistics::one_sample(&list, number, level),
    };
    let mut evidence = plain((one, &summary), (two, number, None), contrast.as_ref());
    if first.deterministic {
        evidence = exactly(evidence);
    }
    evidence.notes.extend(first.note.clone());
    Compared::Found { evidence: Box::new(evidence), partial: partial([(one, first)]) }
}

/// Two sides seed by seed where they have pairs ([`pairs`]), else as two sets of values.
fn over_seeds(
    (one, first): (&Series, &Measured),
    (two, second): (&Series, &Measured),
    options: &Options,
) -> Result<Evidence, Compared> {
    let level = 1.0 - options.alpha;
    let common = pairs(first, second, |side| &side.values);
    let paired =
        common.len() >= 2 || (common.len() == 1 && (first.values.len() == 1 || second.values.len() == 1));
    let (ours, theirs): (Vec<f64>, Vec<f64>) = if paired {
        common.iter().map(|(_, a, b)| (**a, **b)).unzip()
    } else {
        (first.list(), second.list())
    };
    let summary = Summary::of(&ours).map_err(|_| nothing(one))?;
    let other = Summary::of(&theirs).map_err(|_| nothing(two))?;
    let contrast = if paired {
        statistics::paired(&ours, &theirs, level)
    } else {
        statistics::welch(&ours, &theirs, level)
    };
    let mut evidence = plain((one, &summary), (two, other.mean, other.sd), contrast.as_ref());
    // One run that stands for every seed has no spread over them.
    evidence.sd = evidence.sd.filter(|_| !first.deterministic);
    evidence.against_sd = evidence.against_sd.filter(|_| !second.deterministic);
    if first.deterministic && second.deterministic {
        evidence = exactly(evidence);
    }
    over_units(first, second, common.len(), options, &mut evidence);
    Ok(evidence)
}

/// The comparison of values that no seed changes.
fn exactly(evidence: Evidence) -> Evidence {
    Evidence {
        exact: true,
        low: Some(evidence.difference),
        high: Some(evidence.difference),
        method: "exact: no random number enters",
        p_seeds: None,
        ..evidence
    }
}

/// Compares two sides' spreads over seeds.
pub fn spreads(one: &Series, two: &Series) -> Compared {
    let (first, second) = match (&one.values, &two.values) {
        (Values::Measured(first), Values::Measured(second)) => (first, second),
        (Values::Missing(why), _) | (_, Values::Missing(why)) => return Compared::Missing(why.clone()),
        _ => return Compared::Missing("a printed number has no spread".to_owned()),
    };
    if let Some((series, _)) = [(one, first), (two, second)].into_iter().find(|(_, side)| side.deterministic)
    {
        return Compared::Missing(format!("no random number enters {}: it has no spread", series.label));
    }
    let (ours, theirs) = (first.list(), second.list());
    let (Ok(summary), Ok(other)) = (Summary::of(&ours), Summary::of(&theirs)) else { return nothing(one) };
    let mut evidence = plain((one, &summary), (two, other.mean, other.sd), None);
    evidence.method = "F test of two variances over seeds";
    evidence.n = ours.len().min(theirs.len());
    evidence.difference = summary.sd.unwrap_or_default() - other.sd.unwrap_or_default();
    evidence.p_seeds = statistics::f_test(&ours, &theirs).map(|(_, p)| p);
    Compared::Found { evidence: Box::new(evidence), partial: partial([(one, first), (two, second)]) }
}

/// The means of two sides on each of some data sets.
#[derive(Default)]
pub struct OnEach {
    /// Of each data set that both have run on.
    pub pairs: Vec<[f64; 2]>,
    /// How many data sets there are.
    pub of: usize,
    /// On how many of them seeds have still to run. A data set's mean is then of fewer; the chance that is tested is that of
    /// which data sets these are.
    pub lacking_seeds: usize,
    /// How the sides' values came about.
    pub notes: BTreeSet<String>,
}

impl OnEach {
    fn sides(&self) -> (Vec<f64>, Vec<f64>) {
        self.pairs.iter().map(|[one, two]| (*one, *two)).unzip()
    }

    /// `12 of 21 data sets have run`, unless all have.
    fn partial(&self) -> Option<String> {
        let run = self.pairs.len();
        (run < self.of).then(|| format!("{run} of {} data sets have run", self.of))
    }
}

/// Compares two sides in the mean over data sets: a data set counts once, with the mean over its seeds.
pub fn means_across(labels: [String; 2], means: &OnEach, options: &Options) -> Compared {
    across(labels, means, |ours, theirs, mut evidence| {
        if let Some(contrast) = statistics::paired(ours, theirs, 1.0 - options.alpha) {
            (evidence.low, evidence.high) = (Some(contrast.low), Some(contrast.high));
            evidence.p_seeds = Some(contrast.p_value);
        }
        Evidence { method: "paired t over data sets", ..evidence }
    })
}

/// Compares how much two sides' gains differ from data set to data set.
pub fn gains_across(labels: [String; 2], gains: &OnEach) -> Compared {
    across(labels, gains, |ours, theirs, evidence| Evidence {
        method: "Pitman-Morgan test of two variances over data sets",
        difference: evidence.sd.unwrap_or_default() - evidence.against_sd.unwrap_or_default(),
        p_seeds: statistics::pitman_morgan(ours, theirs).map(|(_, p)| p),
        ..evidence
    })
}

fn across(
    [label, against]: [String; 2],
    values: &OnEach,
    test: impl Fn(&[f64], &[f64], Evidence) -> Evidence,
) -> Compared {
    let (ours, theirs) = values.sides();
    let side = |label: &String| Series { label: label.clone(), values: Values::Missing(String::new()) };
    let (one, two) = (side(&label), side(&against));
    let (Ok(summary), Ok(other)) = (Summary::of(&ours), Summary::of(&theirs)) else { return nothing(&one) };
    let mut evidence = plain((&one, &summary), (&two, other.mean, other.sd), None);
    (evidence.n, evidence.chance) = (ours.len(), "data sets");
    let lacking = values.lacking_seeds;
    evidence
        .notes
        .extend((lacking > 0).then(|| format!("on {lacking} of the data sets seeds have still to run")));
    evidence.notes.extend(values.notes.iter().cloned());
    Compared::Found { evidence: Box::new(test(&ours, &theirs, evidence)), partial: values.partial() }
}

fn nothing(side: &Series) -> Compared {
    Compared::Missing(format!("no such runs yet: {}", side.label))
}

fn partial<const N: usize>(sides: [(&Series, &Measured); N]) -> Option<String> {
    let texts: Vec<String> = sides
        .into_iter()
        .flat_map(|(series, side)| {
            side.lacking(&series.label).into_iter().chain(side.others_lack.iter().cloned())
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join(" and "))
}

fn plain(
    (one, summary): (&Series, &Summary),
    (two, mean, sd): (&Series, f64, Option<f64>),
    contrast: Option<&Contrast>,
) -> Evidence {
    Evidence {
        label: one.label.clone(),
        against: two.label.clone(),
        mean: summary.mean,
        sd: summary.sd,
        against_mean: mean,
        against_sd: sd,
        difference: contrast.map_or(summary.mean - mean, |contrast| contrast.difference),
        exact: false,
        low: contrast.map(|contrast| contrast.low),
        high: contrast.map(|contrast| contrast.high),
        n: contrast.map_or(1, |contrast| contrast.n),
        method: contrast.map_or("one seed: no test over seeds", |contrast| contrast.method),
        chance: "seeds",
        p_seeds: contrast.map(|contrast| contrast.p_value),
        p_seeds_holm: None,
        p_units: None,
        p_units_holm: None,
        p_units_by_seed: BTreeMap::new(),
        notes: Vec::new(),
    }
}

fn turned(evidence: Evidence) -> Evidence {
    Evidence {
        label: evidence.against,
        against: evidence.label,
        mean: evidence.against_mean,
        sd: evidence.against_sd,
        against_mean: evidence.mean,
        against_sd: evidence.sd,
        difference: -evidence.difference,
        low: evidence.high.map(|high| -high),
        high: evidence.low.map(|low| -low),
        ..evidence
    }
}

/// Randomisation tests within each of the `common` pairs of runs and over all of them. Runs on other sentences (another
/// task, another split) have none: their gold counts differ.
fn over_units(
    first: &Measured,
    second: &Measured,
    common: usize,
    options: &Options,
    evidence: &mut Evidence,
) {
    let runs = pairs(first, second, |side| &side.units);
    if runs.len() < common {
        return;
    }
    let mut pooled: Option<(Vec<Counts>, Vec<Counts>)> = None;
    for (seed, ours, theirs) in &runs {
        let Ok(test) = randomisation_f1(ours, theirs, options.replicates, *seed) else { return };
        evidence.p_units_by_seed.insert(*seed, test.p_value);
        match &mut pooled {
            None => pooled = Some(((*ours).clone(), (*theirs).clone())),
            Some((mine, others)) => {
                if mine.len() != ours.len() {
                    return;
                }
                add(mine, ours);
                add(others, theirs);
            }
        }
    }
    let Some((mine, others)) = pooled else { return };
    let p = if let [(only, ..)] = &runs[..] {
        evidence.p_units_by_seed.get(only).copied()
    } else {
        pooled_p(&mine, &others, options.replicates)
    };
    evidence.p_units = p;
}

/// p of the randomisation test on counts that are summed over several runs: where two systems' outputs for a sentence
/// change places, they do so in all runs, because the runs share the sentence.
pub fn pooled_p(first: &[Counts], second: &[Counts], replicates: usize) -> Option<f64> {
    Some(randomisation_f1(first, second, replicates, 0).ok()?.p_value)
}

fn add(sum: &mut [Counts], more: &[Counts]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += *more;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn measured(label: &str, values: &[(u64, f64)], planned: usize) -> Series {
        let values: BTreeMap<u64, f64> = values.iter().copied().collect();
        // Those that are there, and others.
        let planned = values.keys().copied().chain(100..).take(planned).collect();
        Series {
            label: label.into(),
            values: Values::Measured(Measured { values, planned, scale: 100.0, ..Measured::default() }),
        }
    }

    fn found(compared: Compared) -> (Evidence, Option<String>) {
        match compared {
            Compared::Found { evidence, partial } => (*evidence, partial),
            Compared::Missing(why) => panic!("{why}"),
        }
    }

    const OPTIONS: Options = Options { alpha: 0.05, replicates: 2_000 };

    #[test]
    fn seeds_that_both_have_are_paired_and_others_are_not() {
        let a = measured("a", &[(1, 81.0), (2, 81.5), (3, 82.0)], 3);
        let b = measured("b", &[(1, 80.0), (2, 80.6), (3, 80.9), (4, 70.0)], 4);
        let (evidence, partial) = found(means(&a, &b, &OPTIONS));
        assert_eq!((evidence.n, evidence.method, partial), (3, "paired t over seeds", None));
        assert!((evidence.difference - 1.0).abs() < 1e-12 && evidence.p_seeds.unwrap() < 0.01);
        let c = measured("c", &[(7, 80.0), (8, 80.6)], 3);
        let (evidence, partial) = found(means(&a, &c, &OPTIONS));
        assert_eq!((evidence.n, evidence.method), (2, "Welch's t over seeds"));
        assert_eq!(partial.unwrap(), "2 of 3 seeds of c have run");
        let (evidence, _) = found(means(&measured("d", &[(1, 3.0)], 1), &a, &OPTIONS));
        assert_eq!((evidence.p_seeds, evidence.low), (None, None));
        assert_eq!(evidence.difference, 3.0 - 81.0);
    }

    fn deterministic(label: &str, value: f64, units: Option<Vec<Counts>>) -> Series {
        let units = units.map(|units| (1, units)).into_iter().collect();
        let (values, planned) = ([(1, value)].into(), [1].into());
        let measured = Measured { values, units, planned, deterministic: true, ..Measured::default() };
        Series { label: label.into(), values: Values::Measured(measured) }
    }

    #[test]
    fn the_run_of_a_deterministic_side_is_paired_with_every_seed_of_the_other() {
        let units = |correct: usize| vec![Counts::new(2, 2, correct); 40];
        let drawn = Series {
            label: "drawn".into(),
            values: Values::Measured(Measured {
                values: [(2, 81.0), (3, 81.5), (4, 82.0)].into(),
                units: [(2, units(2)), (3, units(2)), (4, units(2))].into(),
                planned: [2, 3, 4].into(),
                ..Measured::default()
            }),
        };
        let once = deterministic("once", 80.0, Some(units(1)));
        let (evidence, partial) = found(means(&drawn, &once, &OPTIONS));
        assert_eq!((evidence.n, evidence.method, partial), (3, "paired t over seeds", None));
        // As against a number.
        let number = Series { label: "80".into(), values: Values::Constant(80.0) };
        let (against, _) = found(means(&drawn, &number, &OPTIONS));
        assert_eq!((evidence.low, evidence.p_seeds), (against.low, against.p_seeds));
        assert_eq!((evidence.against_sd, evidence.exact), (None, false));
        assert!(evidence.p_units_by_seed.keys().eq(&[2, 3, 4]) && evidence.p_units.unwrap() < 0.01);
        let (turned, _) = found(means(&once, &drawn, &OPTIONS));
        assert_eq!((turned.difference, turned.n, turned.p_units), (-1.5, 3, evidence.p_units));
        let (single, _) = found(means(&measured("d", &[(7, 3.0)], 1), &once, &OPTIONS));
        assert_eq!((single.n, single.low), (1, None));
        assert!(
            matches!(spreads(&drawn, &once), Compared::Missing(why) if why.contains("enters once: it has no spread"))
        );
    }

    #[test]
    fn what_no_seed_changes_is_compared_as_it_is() {
        let (a, b) = (deterministic("a", 45_000.0, None), deterministic("b", 44_000.0, None));
        let number = Series { label: "46400".into(), values: Values::Constant(46_400.0) };
        for (one, two, difference) in [(&a, &number, -1_400.0), (&number, &a, 1_400.0), (&a, &b, 1_000.0)] {
            let (evidence, _) = found(means(one, two, &OPTIONS));
            assert!(evidence.exact && evidence.p_seeds.is_none() && evidence.n == 1, "{evidence:?}");
            let ends = (evidence.difference, evidence.low, evidence.high);
            assert_eq!(ends, (difference, Some(difference), Some(difference)));
        }
    }

    #[test]
    fn a_further_seed_does_not_stand_for_one_that_is_lacking() {
        let side = |seeds: [u64; 2]| {
            let planned = [1, 2].into();
            let values = seeds.map(|seed| (seed, 80.0 + seed as f64)).into();
            let values = Values::Measured(Measured { values, planned, ..Measured::default() });
            Series { label: "a".into(), values }
        };
        let (_, partial) = found(means(&side([1, 9]), &side([1, 2]), &OPTIONS));
        assert_eq!(partial.unwrap(), "2 of 3 seeds of a have run");
    }

    #[test]
    fn repeats_within_one_run_are_compared_by_mean_and_spread() {
        let side = |label: &str, mean: f64, sd: f64| {
            let repeats = Summary { n: 5, mean, sd: Some(sd), min: mean, max: mean };
            let values = [(1, mean)].into();
            Series {
                label: label.into(),
                values: Values::Measured(Measured { values, repeats: Some(repeats), ..Measured::default() }),
            }
        };
        let (evidence, _) = found(means(&side("a", 3980.0, 17.0), &side("b", 3973.0, 16.0), &OPTIONS));
        assert_eq!((evidence.n, evidence.difference), (5, 7.0));
        assert!(evidence.p_seeds.unwrap() > 0.4 && evidence.low.unwrap() < 0.0);
    }

    #[test]
    fn a_printed_number_may_stand_on_either_side() {
        let a = measured("a", &[(1, 81.0), (2, 81.5), (3, 82.0)], 3);
        let number = Series { label: "82".into(), values: Values::Constant(82.0) };
        let (one, _) = found(means(&a, &number, &OPTIONS));
        let (two, _) = found(means(&number, &a, &OPTIONS));
        assert_eq!((one.difference, two.difference), (-0.5, 0.5));
        assert_eq!((one.low, one.high), (two.high.map(|x| -x), two.low.map(|x| -x)));
        assert_eq!(two.label, "82");
        let missing = Series { label: "m".into(), values: Values::Missing("why".into()) };
        assert_eq!(means(&missing, &a, &OPTIONS), Compared::Missing("why".into()));
    }

    /// SciPy goes through all swaps, we through some of them: `tools/golden/claims_statistics.py`.
    #[test]
    fn pooled_randomisation_samples_scipy_s_exact_test() {
        #[derive(serde::Deserialize)]
        struct Golden {
            randomisation: Vec<Case>,
        }
        #[derive(serde::Deserialize)]
        struct Case {
            first: Vec<Vec<[usize; 3]>>,
            second: Vec<Vec<[usize; 3]>>,
            difference: f64,
            p: f64,
        }
        let golden: Golden =
            serde_json::from_str(include_str!("../../tests/golden/claims_statistics.json")).unwrap();
        assert_eq!(golden.randomisation.len(), 12);
        let side = |runs: &[Vec<[usize; 3]>]| Measured {
            units: (1..)
                .zip(runs)
                .map(|(seed, run)| (seed, run.iter().map(|&[g, p, c]| Counts::new(g, p, c)).collect()))
                .collect(),
            values: (1..)
                .zip(runs)
                .map(|(seed, run)| {
                    (seed, run.iter().map(|&[g, p, c]| Counts::new(g, p, c)).sum::<Counts>().f1())
                })
                .collect(),
            ..Measured::default()
        };
        let options = Options { alpha: 0.05, replicates: 20_000 };
        for case in golden.randomisation {
            let series = |runs| Series { label: "x".into(), values: Values::Measured(side(runs)) };
            let (evidence, _) = found(means(&series(&case.first), &series(&case.second), &options));
            // Standard error at most 0.0036; four of them.
            let p = evidence.p_units.unwrap();
            assert!((p - case.p).abs() < 0.015, "{p}, exactly {}", case.p);
            assert_eq!(evidence.p_units_by_seed.len(), case.first.len());
            let pooled = |runs: &[Vec<[usize; 3]>]| {
                runs.iter().flatten().map(|&[g, p, c]| Counts::new(g, p, c)).sum::<Counts>().f1()
            };
            assert!((pooled(&case.first) - pooled(&case.second) - case.difference).abs() < 1e-12);
        }
    }

    #[test]
    fn runs_on_other_sentences_have_no_randomisation_test() {
        let side = |gold: usize, correct: usize| Series {
            label: "x".into(),
            values: Values::Measured(Measured {
                values: [(1, 0.5), (2, 0.6)].into(),
                units: [(1, vec![Counts::new(gold, 2, correct); 3]), (2, vec![Counts::new(gold, 2, 1); 3])]
                    .into(),
                ..Measured::default()
            }),
        };
        let (evidence, _) = found(means(&side(2, 1), &side(3, 1), &OPTIONS));
        assert_eq!((evidence.p_units, evidence.p_units_by_seed.len()), (None, 0));
        let (evidence, _) = found(means(&side(2, 1), &side(2, 2), &OPTIONS));
        assert!(evidence.p_units.unwrap() > 0.05);
    }

    #[test]
    fn spreads_are_compared_by_their_variances() {
        let calm = measured("calm", &[(1, 80.0), (2, 80.1), (3, 79.9), (4, 80.05), (5, 79.95)], 5);
        let wild = measured("wild", &[(1, 75.0), (2, 85.0), (3, 80.0), (4, 90.0), (5, 70.0)], 5);
        let (evidence, _) = found(spreads(&calm, &wild));
        assert!(evidence.difference < -7.0 && evidence.p_seeds.unwrap() < 1e-4);
        let number = Series { label: "1".into(), values: Values::Constant(1.0) };
        assert!(matches!(spreads(&calm, &number), Compared::Missing(_)));
    }
}
