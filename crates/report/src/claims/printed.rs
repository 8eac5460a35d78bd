//! The test of a claim on the paper's own printed numbers: does the sentence say what the tables print?

use medner_metrics::Summary;
use serde::Serialize;

use super::file::Claim;
use super::series::{Resolved, label, place, resolve};
use super::vocabulary::{Scope, Side, Test};
use crate::audit::prints::{Print, Prints, decimals, near, text};

/// How a sentence stands to the printed numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Printed {
    /// They show it.
    Agrees,
    /// They show something else.
    Disagrees,
    /// The paper prints too little to say.
    Missing,
}

impl Printed {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Disagrees => "disagrees",
            Self::Missing => "not printed",
        }
    }
}

/// What the printed numbers say to a claim.
#[derive(Clone, Debug, PartialEq)]
pub struct PrintedCheck {
    /// The outcome.
    pub printed: Printed,
    /// The numbers in words.
    pub reason: String,
    /// The claimed or better number and the other, where they disagree.
    pub numbers: Option<(f64, f64)>,
}

impl PrintedCheck {
    fn agrees(reason: String) -> Self {
        Self { printed: Printed::Agrees, reason, numbers: None }
    }

    fn disagrees(reason: String, numbers: (f64, f64)) -> Self {
        Self { printed: Printed::Disagrees, reason, numbers: Some(numbers) }
    }

    fn not_printed(reason: String) -> Self {
        Self { printed: Printed::Missing, reason, numbers: None }
    }
}

/// Tests a claim on the printed numbers.
pub fn check(claim: &Claim, prints: &Prints) -> PrintedCheck {
    check_test(&claim.test, &claim.scope, prints)
}

/// The printed number of a resolved side.
pub fn value_of(resolved: &Resolved, prints: &Prints) -> Option<f64> {
    Some(lookup(resolved, prints)?.value)
}

/// A side by the name under which the paper prints it: our row that takes a printed row's place has its own.
fn name_of(side: &Side, scope: &Scope, prints: &Prints) -> String {
    let text = label(side, scope);
    let Ok(resolved) = resolve(side, scope) else { return text };
    let at = &resolved.scope;
    let copy =
        prints.copies.iter().find(|print| print.row.table == at.table && print.row.system == resolved.system);
    match copy.and_then(Print::copy_of) {
        Some(original) => text.replacen(&resolved.system, original, 1),
        None => text,
    }
}

#[derive(Clone, Copy, Debug)]
struct Number {
    value: f64,
    half: f64,
}

fn number(side: &Side, scope: &Scope, prints: &Prints) -> Result<Number, PrintedCheck> {
    match resolve(side, scope) {
        Err(value) => {
            let digits = decimals(value);
            Ok(Number { value, half: if digits == 0 { 0.0 } else { 0.5 * 0.1_f64.powi(digits as i32) } })
        }
        Ok(resolved) => lookup(&resolved, prints).ok_or_else(|| {
            PrintedCheck::not_printed(format!("{} is not printed", name_of(side, scope, prints)))
        }),
    }
}

fn lookup(resolved: &Resolved, prints: &Prints) -> Option<Number> {
    if resolved.full.curve.is_some() {
        return None;
    }
    if !resolved.full.best_of.is_empty() {
        let all: Option<Vec<Number>> =
            resolved.full.best_of.iter().map(|system| over(system, resolved, prints)).collect();
        return all?.into_iter().max_by(|a, b| a.value.total_cmp(&b.value));
    }
    over(&resolved.system, resolved, prints)
}

fn over(system: &str, resolved: &Resolved, prints: &Prints) -> Option<Number> {
    let scope = &resolved.scope;
    let one = |dataset: &str, task: &str| {
        let print = prints.find(&scope.table, system, dataset, task, &scope.metric)?;
        Some(Number { value: print.row.value, half: print.half })
    };
    if resolved.full.over.is_empty() {
        return one(&scope.dataset, &scope.task);
    }
    let mut parts = Vec::new();
    for on in &resolved.full.over {
        let (dataset, task) = place(on, scope);
        parts.push(one(&dataset, &task)?);
    }
    let n = parts.len() as f64;
    let half = parts.iter().map(|part| part.half).fold(0.0, f64::max);
    Some(Number { value: parts.iter().map(|part| part.value).sum::<f64>() / n, half })
}

fn check_test(test: &Test, scope: &Scope, prints: &Prints) -> PrintedCheck {
    match try_check(test, scope, prints) {
        Ok(check) | Err(check) => check,
    }
}

fn try_check(test: &Test, scope: &Scope, prints: &Prints) -> Result<PrintedCheck, PrintedCheck> {
    let get = |side: &Side| number(side, scope, prints);
    let name = |side: &Side| name_of(side, scope, prints);
    Ok(match test {
        Test::Near(test) => equal(&name(&test.side), get(&test.side)?, test.value),
        Test::Equals(test) => equal(&name(&test.side), get(&test.side)?, test.value),
        Test::Higher(test) => ordered(&test.side, &test.than, false, true, scope, prints),
        Test::Lower(test) => ordered(&test.side, &test.than, true, true, scope, prints),
        // The best may share its place.
        Test::Best(test) => ordered(&test.side, &test.among, test.lowest, false, scope, prints),
        Test::Order(test) => all(test
            .highest_first
            .windows(2)
            .map(|pair| ordered(&pair[0], &pair[1..], false, true, scope, prints))),
        Test::Gain(test) => {
            let (of, over) = (get(&test.of)?, get(&test.over)?);
            let difference = of.value - over.value;
            let digits = decimals(test.by);
            let half = if digits == 0 { 0.0 } else { 0.5 * 0.1_f64.powi(digits as i32) };
            let numbers = format!(
                "{} {} less {} {} is {}",
                name(&test.of),
                text(of.value),
                name(&test.over),
                text(over.value),
                text(difference)
            );
            if near(difference, of.half + over.half, test.by, half) {
                PrintedCheck::agrees(numbers)
            } else {
                let reason = format!("{numbers}, not {}", text(test.by));
                PrintedCheck::disagrees(reason, (test.by, difference))
            }
        }
        Test::Equivalent(test) => {
            let (one, two) = (get(&test.one)?, get(&test.two)?);
            let numbers =
                format!("{} {}, {} {}", name(&test.one), text(one.value), name(&test.two), text(two.value));
            if (one.value - two.value).abs() <= test.within + 1e-9 {
                PrintedCheck::agrees(numbers)
            } else {
                let reason = format!("{numbers}: further apart than {}", text(test.within));
                PrintedCheck::disagrees(reason, (one.value, two.value))
            }
        }
        Test::Wins(test) => {
            let mut lost = Vec::new();
            let mut numbers = None;
            for on in &test.on {
                let (dataset, task) = place(on, scope);
                let here = Scope { dataset: dataset.clone(), task: task.clone(), ..scope.clone() };
                let (of, over) = (number(&test.of, &here, prints)?, number(&test.over, &here, prints)?);
                if of.value <= over.value {
                    lost.push(format!("{dataset} {task} ({} against {})", text(of.value), text(over.value)));
                    numbers.get_or_insert((of.value, over.value));
                }
            }
            let won = test.on.len() - lost.len();
            let mut reason =
                format!("{} is above {} on {won} of {}", name(&test.of), name(&test.over), test.on.len());
            if !lost.is_empty() {
                reason = format!("{reason}, not on {}", lost.join(", "));
            }
            match numbers {
                Some(numbers) if won < test.at_least => PrintedCheck::disagrees(reason, numbers),
                _ => PrintedCheck::agrees(reason),
            }
        }
        Test::Across(test) => {
            let mut differences = Vec::new();
            for on in &test.on {
                let (dataset, task) = place(on, scope);
                let here = Scope { dataset, task, ..scope.clone() };
                differences
                    .push(number(&test.of, &here, prints)?.value - number(&test.over, &here, prints)?.value);
            }
            let mean = differences.iter().sum::<f64>() / differences.len() as f64;
            let reason = format!(
                "{} is above {} by {mean:.2} in the mean of {}",
                name(&test.of),
                name(&test.over),
                differences.len()
            );
            if mean > 0.0 {
                PrintedCheck::agrees(reason)
            } else {
                PrintedCheck::disagrees(reason, (mean, 0.0))
            }
        }
        Test::SteadierGains(test) => {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for on in &test.on {
                let (dataset, task) = place(on, scope);
                let here = Scope { dataset, task, ..scope.clone() };
                let ground = number(&test.over, &here, prints)?.value;
                ours.push(number(&test.of, &here, prints)?.value - ground);
                theirs.push(number(&test.than, &here, prints)?.value - ground);
            }
            let sd = |gains: &[f64]| Summary::of(gains).ok().and_then(|gains| gains.sd).unwrap_or_default();
            let (one, two) = (sd(&ours), sd(&theirs));
            let reason = format!(
                "gains on {}: sd {one:.2} of {}, {two:.2} of {}",
                name(&test.over),
                name(&test.of),
                name(&test.than)
            );
            if one < two { PrintedCheck::agrees(reason) } else { PrintedCheck::disagrees(reason, (one, two)) }
        }
        Test::All(tests) => all(tests.iter().map(|test| check_test(test, scope, prints))),
        Test::Steadier(_) => PrintedCheck::not_printed("the paper prints no spread over runs".to_owned()),
        Test::Untestable(_) => PrintedCheck::not_printed(String::new()),
    })
}

fn equal(name: &str, printed: Number, claimed: f64) -> PrintedCheck {
    let digits = decimals(claimed);
    let half = if digits == 0 { 0.0 } else { 0.5 * 0.1_f64.powi(digits as i32) };
    let numbers = format!("{name} {}", text(printed.value));
    if near(printed.value, printed.half, claimed, half) {
        PrintedCheck::agrees(numbers)
    } else {
        let reason = format!("{numbers}, not {}", text(claimed));
        PrintedCheck::disagrees(reason, (claimed, printed.value))
    }
}

/// One side above (or below) each of others; `strict` where an equal number is none.
fn ordered(
    side: &Side,
    others: &[Side],
    lowest: bool,
    strict: bool,
    scope: &Scope,
    prints: &Prints,
) -> PrintedCheck {
    let one = match number(side, scope, prints) {
        Ok(one) => one,
        Err(check) => return check,
    };
    let word = if lowest { "below" } else { "above" };
    all(others.iter().map(|other| {
        let two = match number(other, scope, prints) {
            Ok(two) => two,
            Err(check) => return check,
        };
        let (high, low) = if lowest { (two, one) } else { (one, two) };
        let numbers = format!("{}, {}", shown(side, one, scope, prints), shown(other, two, scope, prints));
        if high.value > low.value || (!strict && high.value == low.value) {
            PrintedCheck::agrees(numbers)
        } else {
            PrintedCheck::disagrees(format!("{numbers}: not {word}"), (one.value, two.value))
        }
    }))
}

/// A side and its number; a number that stands for itself is shown once.
fn shown(side: &Side, number: Number, scope: &Scope, prints: &Prints) -> String {
    match side {
        Side::Number(_) => text(number.value),
        _ => format!("{} {}", name_of(side, scope, prints), text(number.value)),
    }
}

/// Disagrees where one does; agrees where all do; else not all is printed.
fn all(checks: impl Iterator<Item = PrintedCheck>) -> PrintedCheck {
    let checks: Vec<PrintedCheck> = checks.collect();
    let of = |printed: Printed| checks.iter().filter(move |check| check.printed == printed);
    let joined = |printed: Printed| {
        let reasons: Vec<&str> =
            of(printed).map(|check| check.reason.as_str()).filter(|r| !r.is_empty()).collect();
        reasons.join("; ")
    };
    if let Some(first) = of(Printed::Disagrees).next() {
        let mut reason = joined(Printed::Disagrees);
        let agreeing = of(Printed::Agrees).count();
        // A list within a list has said it already.
        if agreeing > 0 && !reason.ends_with("agree)") {
            reason = format!("{reason} ({agreeing} of {} agree)", checks.len());
        }
        return PrintedCheck { printed: Printed::Disagrees, reason, numbers: first.numbers };
    }
    if of(Printed::Missing).next().is_some() {
        return PrintedCheck::not_printed(joined(Printed::Missing));
    }
    PrintedCheck::agrees(joined(Printed::Agrees))
}
