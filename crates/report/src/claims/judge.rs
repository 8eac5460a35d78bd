//! From claims to verdicts: compare all sides, correct within each table for how many comparisons there are, decide.

use std::collections::BTreeMap;

use super::evidence::{Compared, Evidence, OnEach, gains_across, means, means_across, spreads};
use super::file::Claim;
use super::printed;
use super::runs::Runs;
use super::series::{Measured, Series, Values, identity, label, place, series};
use super::statistics::holm;
use super::vocabulary::{On, Scope, Side, Test};
use super::wording;
use super::{Judged, Options, Verdict};
use crate::audit::prints::{Prints, text};

/// What a comparison must show.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Condition {
    /// A positive difference beyond chance.
    Higher,
    /// The same, and of about this size.
    Gain { by: f64, tolerance: f64 },
    /// A difference that surely lies within this.
    Within { most: f64 },
    /// Every value is the number.
    Equals,
    /// A spread that is smaller beyond chance.
    Steadier,
}

#[derive(Clone, Debug)]
struct Atom {
    condition: Condition,
    compared: Compared,
    /// What is compared, whatever a claim calls it and whichever side it names first.
    key: String,
    /// The first side, for [`Condition::Equals`].
    counted: Counted,
}

/// Every value of a side, and whether no seed changes them.
#[derive(Clone, Debug, Default)]
struct Counted {
    values: Vec<f64>,
    deterministic: bool,
}

/// How the comparisons of a claim make its verdict.
#[derive(Clone, Debug)]
enum Rule {
    Atom(usize),
    All(Vec<Rule>),
    AtLeast(usize, Vec<Rule>),
    Untestable(String),
}

struct Builder<'a> {
    runs: &'a Runs<'a>,
    prints: &'a Prints,
    options: &'a Options,
    atoms: Vec<Atom>,
    /// Randomisation tests take time, and claims share comparisons.
    known: BTreeMap<String, Compared>,
}

/// Judges the claims; `bar` is why none of them can be judged on these results at all.
pub fn judge(
    claims: &[Claim],
    runs: &Runs<'_>,
    prints: &Prints,
    options: &Options,
    bar: Option<&str>,
) -> Vec<Judged> {
    let mut builder = Builder { runs, prints, options, atoms: Vec::new(), known: BTreeMap::new() };
    let mut built: Vec<(Rule, std::ops::Range<usize>)> = Vec::new();
    for claim in claims {
        let start = builder.atoms.len();
        let rule = builder.rule(&claim.test, &claim.scope);
        built.push((rule, start..builder.atoms.len()));
    }
    let mut atoms = builder.atoms;
    correct(claims, &built, &mut atoms);
    let judged = claims.iter().zip(built).map(|(claim, (rule, range))| {
        let evidence = atoms[range].iter().filter_map(|atom| match &atom.compared {
            Compared::Found { evidence, .. } => Some((**evidence).clone()),
            Compared::Missing(_) => None,
        });
        let evidence: Vec<Evidence> = evidence.collect();
        let (mut verdict, mut reason) = decide(&rule, &atoms, options.alpha);
        if let (Some(bar), true) = (bar, verdict != Verdict::NotTestable) {
            (verdict, reason) = (Verdict::NotTestable, bar.to_owned());
        }
        let check = printed::check(claim, prints);
        Judged {
            id: claim.id.clone(),
            text: claim.text.clone(),
            at: claim.at.clone(),
            table: claim.scope.table.clone(),
            test: wording::words(&claim.test, &claim.scope),
            verdict,
            reason,
            printed: check.printed,
            printed_reason: check.reason,
            evidence,
            line: claim.line(),
        }
    });
    judged.collect()
}

/// Holm's correction within each table, over seeds and over sentences apart. A comparison that several claims share
/// counts once.
fn correct(claims: &[Claim], built: &[(Rule, std::ops::Range<usize>)], atoms: &mut [Atom]) {
    let mut tables: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (claim, (_, range)) in claims.iter().zip(built) {
        tables.entry(&claim.scope.table).or_default().extend(range.clone());
    }
    for members in tables.into_values() {
        for units in [false, true] {
            // By the sides, so that "A above B" and "A gains on B" are one test.
            let mut family: BTreeMap<String, (f64, Vec<usize>)> = BTreeMap::new();
            for &at in &members {
                let atom = &atoms[at];
                let counted = matches!(
                    atom.condition,
                    Condition::Higher | Condition::Gain { .. } | Condition::Steadier
                );
                let Compared::Found { evidence, .. } = &atom.compared else { continue };
                let p = if units { evidence.p_units } else { evidence.p_seeds };
                let (Some(p), true) = (p, counted) else { continue };
                let key = format!("{} {}", evidence.method, atom.key);
                family.entry(key).or_insert((p, Vec::new())).1.push(at);
            }
            let p_values: Vec<f64> = family.values().map(|(p, _)| *p).collect();
            for ((_, places), adjusted) in family.into_values().zip(holm(&p_values)) {
                for at in places {
                    if let Compared::Found { evidence, .. } = &mut atoms[at].compared {
                        let slot =
                            if units { &mut evidence.p_units_holm } else { &mut evidence.p_seeds_holm };
                        *slot = Some(adjusted);
                    }
                }
            }
        }
    }
}

impl Builder<'_> {
    fn rule(&mut self, test: &Test, scope: &Scope) -> Rule {
        match test {
            Test::Near(test) => {
                let side = self.series(&test.side, scope);
                let of_table = |side: &Measured| {
                    let half = if side.difference { test.value.abs() / 2.0 } else { f64::INFINITY };
                    side.tolerance.min(half)
                };
                let tolerance = test.tolerance.or(measured(&side).map(of_table)).unwrap_or(0.0);
                self.atom(Condition::Within { most: tolerance }, &test.side, &Side::Number(test.value), scope)
            }
            Test::Equals(test) => self.atom(Condition::Equals, &test.side, &Side::Number(test.value), scope),
            Test::Higher(test) => self.each(test.than.iter().map(|other| (&test.side, other)), scope),
            Test::Lower(test) => self.each(test.than.iter().map(|other| (other, &test.side)), scope),
            Test::Best(test) => {
                let lowest = test.lowest;
                let pairs = test
                    .among
                    .iter()
                    .map(|other| if lowest { (other, &test.side) } else { (&test.side, other) });
                self.each(pairs, scope)
            }
            Test::Order(test) => {
                self.each(test.highest_first.windows(2).map(|pair| (&pair[0], &pair[1])), scope)
            }
            Test::Gain(test) => {
                let scale = measured(&self.series(&test.of, scope)).map_or(100.0, |side| side.scale);
                let tolerance = test.tolerance.unwrap_or_else(|| (test.by.abs() / 2.0).max(0.005 * scale));
                self.atom(Condition::Gain { by: test.by, tolerance }, &test.of, &test.over, scope)
            }
            Test::Equivalent(test) => {
                self.atom(Condition::Within { most: test.within }, &test.one, &test.two, scope)
            }
            Test::Steadier(test) => self.atom(Condition::Steadier, &test.side, &test.than, scope),
            Test::Wins(test) => {
                let rules = test.on.iter().map(|on| {
                    let (dataset, task) = place(on, scope);
                    let here = Scope { dataset, task, ..scope.clone() };
                    self.atom(Condition::Higher, &test.of, &test.over, &here)
                });
                Rule::AtLeast(test.at_least, rules.collect())
            }
            Test::Across(test) => {
                let compared = means_across(
                    [label(&test.of, scope), label(&test.over, scope)],
                    &self.on_each(&test.on, scope, [&test.of, &test.over], |[of, over]| [of, over]),
                    self.options,
                );
                let key = format!("{} on {:?}", sides_key(&test.of, &test.over, scope), test.on);
                self.push(Condition::Higher, compared, key, Counted::default())
            }
            Test::SteadierGains(test) => {
                let over = label(&test.over, scope);
                let sides = [&test.of, &test.than, &test.over];
                let compared = gains_across(
                    [&test.of, &test.than].map(|side| format!("{} less {over}", label(side, scope))),
                    &self.on_each(&test.on, scope, sides, |[of, than, over]| [of - over, than - over]),
                );
                let sides = sides_key(&test.of, &test.than, scope);
                let key = format!("{sides} over {} on {:?}", identity(&test.over, scope), test.on);
                self.push(Condition::Steadier, compared, key, Counted::default())
            }
            Test::All(tests) => Rule::All(tests.iter().map(|test| self.rule(test, scope)).collect()),
            Test::Untestable(why) => Rule::Untestable(why.clone()),
        }
    }

    fn each<'s>(&mut self, pairs: impl Iterator<Item = (&'s Side, &'s Side)>, scope: &Scope) -> Rule {
        let mut rules: Vec<Rule> =
            pairs.map(|(high, low)| self.atom(Condition::Higher, high, low, scope)).collect();
        if rules.len() == 1 { rules.remove(0) } else { Rule::All(rules) }
    }

    fn series(&self, side: &Side, scope: &Scope) -> Series {
        series(side, scope, self.runs, &|resolved| printed::value_of(resolved, self.prints))
    }

    fn atom(&mut self, condition: Condition, one: &Side, two: &Side, scope: &Scope) -> Rule {
        let (first, second) = (self.series(one, scope), self.series(two, scope));
        let counted = measured(&first).map_or_else(Counted::default, |side| Counted {
            values: side.list(),
            deterministic: side.deterministic,
        });
        let compared = if condition == Condition::Steadier {
            spreads(&first, &second)
        } else {
            let key = format!("{scope:?} {one:?} {two:?}");
            self.known.entry(key).or_insert_with(|| means(&first, &second, self.options)).clone()
        };
        self.push(condition, compared, sides_key(one, two, scope), counted)
    }

    fn push(&mut self, condition: Condition, compared: Compared, key: String, counted: Counted) -> Rule {
        self.atoms.push(Atom { condition, compared, key, counted });
        Rule::Atom(self.atoms.len() - 1)
    }

    /// What two numbers that are made of these sides' means are on each of these data sets, where all of them have run.
    fn on_each<const N: usize>(
        &self,
        on: &[On],
        scope: &Scope,
        sides: [&Side; N],
        of: impl Fn([f64; N]) -> [f64; 2],
    ) -> OnEach {
        let mut each = OnEach { of: on.len(), ..OnEach::default() };
        for on in on {
            let (dataset, task) = place(on, scope);
            let here = Scope { dataset, task, ..scope.clone() };
            let series = sides.map(|side| self.series(side, &here));
            let mut means = [0.0; N];
            if !means
                .iter_mut()
                .zip(&series)
                .all(|(mean, side)| of_seeds(side).map(|of| *mean = of).is_some())
            {
                continue;
            }
            each.pairs.push(of(means));
            let runs: Vec<&Measured> = series.iter().filter_map(measured).collect();
            let lacks = |side: &&Measured| side.lacking("").is_some() || !side.others_lack.is_empty();
            each.lacking_seeds += usize::from(runs.iter().any(lacks));
            each.notes.extend(runs.iter().filter_map(|side| side.note.clone()));
        }
        each
    }
}

/// The mean over a side's seeds.
fn of_seeds(side: &Series) -> Option<f64> {
    match &side.values {
        Values::Measured(measured) => Some(measured.summary()?.mean),
        Values::Constant(value) => Some(*value),
        Values::Missing(_) => None,
    }
}

/// Two sides, whichever is named first.
fn sides_key(one: &Side, two: &Side, scope: &Scope) -> String {
    let mut sides = [one, two].map(|side| identity(side, scope));
    sides.sort();
    sides.join(" / ")
}

fn measured(series: &Series) -> Option<&Measured> {
    match &series.values {
        Values::Measured(measured) => Some(measured),
        Values::Constant(_) | Values::Missing(_) => None,
    }
}

fn decide(rule: &Rule, atoms: &[Atom], alpha: f64) -> (Verdict, String) {
    match rule {
        Rule::Untestable(why) => (Verdict::NotTestable, why.clone()),
        Rule::Atom(at) => decide_atom(&atoms[*at], alpha),
        Rule::All(rules) => gather(rules, atoms, alpha, rules.len()),
        Rule::AtLeast(least, rules) => gather(rules, atoms, alpha, *least),
    }
}

/// At least `least` of the rules must hold.
fn gather(rules: &[Rule], atoms: &[Atom], alpha: f64, least: usize) -> (Verdict, String) {
    let decided: Vec<(Verdict, String)> = rules.iter().map(|rule| decide(rule, atoms, alpha)).collect();
    let of = |verdict: Verdict| decided.iter().filter(move |(v, _)| *v == verdict);
    let count = |verdict: Verdict| of(verdict).count();
    let held = count(Verdict::Supported);
    let verdict = if held >= least {
        Verdict::Supported
    } else if decided.len() - count(Verdict::Contradicted) < least {
        Verdict::Contradicted
    } else if count(Verdict::NotTestable) > 0 {
        Verdict::NotTestable
    } else {
        Verdict::Undecided
    };
    let mut reasons: Vec<&str> = Vec::new();
    for (_, reason) in of(verdict) {
        if !reasons.contains(&reason.as_str()) {
            reasons.push(reason);
        }
    }
    const SHOWN: usize = 3;
    let more = reasons.len().saturating_sub(SHOWN);
    let mut text = reasons[..reasons.len().min(SHOWN)].join("; ");
    if more > 0 {
        text = format!("{text}; and {more} more");
    }
    if decided.len() > 1 && verdict != Verdict::NotTestable {
        text = format!("{held} of {} comparisons hold: {text}", decided.len());
    }
    (verdict, text)
}

fn decide_atom(atom: &Atom, alpha: f64) -> (Verdict, String) {
    let (evidence, partial) = match &atom.compared {
        Compared::Missing(why) => return (Verdict::NotTestable, why.clone()),
        Compared::Found { evidence, partial } => (evidence, partial),
    };
    let numbers = wording::numbers(evidence);
    if let Some(partial) = partial {
        return (Verdict::Undecided, format!("{numbers}; {partial}"));
    }
    match atom.condition {
        Condition::Equals => {
            let Counted { values, deterministic } = &atom.counted;
            if values.len() < 2 && !deterministic {
                return (Verdict::Undecided, format!("{numbers}; another seed may give another value"));
            }
            let same = values.iter().all(|value| (value - evidence.against_mean).abs() <= 1e-9);
            (if same { Verdict::Supported } else { Verdict::Contradicted }, numbers)
        }
        Condition::Within { most } => {
            let (Some(low), Some(high)) = (evidence.low, evidence.high) else {
                return (Verdict::Undecided, format!("{numbers}; one seed gives no interval"));
            };
            // Half a unit in the tenth digit: sums of floats decide nothing.
            let most = most + 1e-9;
            let (verdict, word) = if -most <= low && high <= most {
                (Verdict::Supported, if evidence.exact { "within" } else { "wholly within" })
            } else if low > most || high < -most {
                (Verdict::Contradicted, if evidence.exact { "outside" } else { "wholly outside" })
            } else {
                (Verdict::Undecided, "partly outside")
            };
            (verdict, format!("{numbers}; {word} ±{}", text(most)))
        }
        Condition::Higher => ordering(evidence, alpha, numbers),
        Condition::Steadier => {
            let sd = |sd: Option<f64>| sd.map_or("none".to_owned(), text);
            let numbers = format!(
                "sd {} of {} against {} of {}",
                sd(evidence.sd),
                evidence.label,
                sd(evidence.against_sd),
                evidence.against
            );
            // Smaller is better.
            let turned = Evidence { difference: -evidence.difference, ..(**evidence).clone() };
            ordering(&turned, alpha, numbers)
        }
        Condition::Gain { by, tolerance } => {
            let (verdict, reason) = ordering_of_sign(evidence, by, alpha, numbers);
            let (Some(low), Some(high)) = (evidence.low, evidence.high) else { return (verdict, reason) };
            let outside = low > by + tolerance + 1e-9 || high < by - tolerance - 1e-9;
            let claimed = format!("claimed is {} ± {}", text(by), text(tolerance));
            match verdict {
                Verdict::Contradicted | Verdict::NotTestable => (verdict, reason),
                _ if outside => {
                    (Verdict::Contradicted, format!("{reason}; {claimed}, which the interval excludes"))
                }
                Verdict::Supported if (evidence.difference - by).abs() > tolerance + 1e-9 => {
                    (Verdict::Undecided, format!("{reason}; {claimed}, which the interval does not exclude"))
                }
                _ => (verdict, format!("{reason}; {claimed}")),
            }
        }
    }
}

/// [`ordering`] for a gain, which may be claimed to be a loss.
fn ordering_of_sign(evidence: &Evidence, by: f64, alpha: f64, numbers: String) -> (Verdict, String) {
    if by >= 0.0 {
        return ordering(evidence, alpha, numbers);
    }
    let turned = Evidence { difference: -evidence.difference, ..evidence.clone() };
    ordering(&turned, alpha, numbers)
}

/// Higher beyond chance: over seeds, and over sentences where that can be tested. What no seed changes has no chance over
/// seeds in it.
fn ordering(evidence: &Evidence, alpha: f64, numbers: String) -> (Verdict, String) {
    let seeds = match evidence.p_seeds_holm {
        _ if evidence.exact => true,
        Some(p) => p < alpha,
        None => return (Verdict::Undecided, format!("{numbers}; too few {}", evidence.chance)),
    };
    let units = evidence.p_units_holm.is_none_or(|p| p < alpha);
    if seeds && units {
        let verdict = if evidence.difference > 0.0 { Verdict::Supported } else { Verdict::Contradicted };
        return (verdict, numbers);
    }
    let chance = evidence.chance;
    let why = match (seeds, units) {
        (false, true) => format!("chance over {chance} may make this difference"),
        (true, false) => "chance over sentences may make this difference".to_owned(),
        _ => format!("chance over {chance} and over sentences may make this difference"),
    };
    (Verdict::Undecided, format!("{numbers}; {why}"))
}
