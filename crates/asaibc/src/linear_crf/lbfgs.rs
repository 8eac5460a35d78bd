//! Limited-memory BFGS with a line search for the strong Wolfe conditions (Nocedal and Wright 2006, algorithms 7.4, 7.5, 3.5, 3.6).
//!
//! The direction is `-H g`, with `H` the inverse Hessian as the last `memory` steps show it. The step length satisfies
//! `f(a) <= f(0) + c1 a f'(0)` and `|f'(a)| <= c2 |f'(0)|` along the direction, which keeps `H` positive definite.
//!
//! All that the next iteration depends on is in [`State`], so that a minimisation goes on from a saved state with the same bits.

use std::collections::VecDeque;

use super::vector::{add_scaled, dot, norm, scale, sum_into};

const SUFFICIENT_DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;
/// Evaluations of one line search.
const EVALUATIONS: usize = 30;

/// When it ends, and how much it remembers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Steps remembered.
    pub memory: usize,
    /// Most iterations.
    pub iterations: u32,
    /// It ends when the value has fallen by less than this share over `period` iterations.
    pub tolerance: f64,
    pub period: usize,
    /// It ends when the gradient is this much shorter than the point (or than 1).
    pub gradient: f64,
}

/// Between two iterations.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub iteration: u32,
    /// Where it is.
    pub point: Vec<f64>,
    pub gradient: Vec<f64>,
    pub value: f64,
    /// Steps remembered, the oldest first: differences of points and of gradients.
    pub steps: VecDeque<(Vec<f64>, Vec<f64>)>,
    /// Values before, the oldest first, at most `period`.
    pub values: VecDeque<f64>,
}

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The value hardly falls any more.
    Tolerance,
    /// The gradient has vanished.
    Gradient,
    /// No step is left that makes the value smaller in the numbers' precision.
    Precision,
    /// As many iterations as allowed.
    Iterations,
    /// The caller said so.
    Stopped,
    /// The function's value was not finite at the start or after every shortened step.
    NotFinite,
}

impl State {
    /// The start at a point.
    pub(super) fn new(point: Vec<f64>, mut function: impl FnMut(&[f64], &mut [f64]) -> f64) -> Self {
        let mut gradient = vec![0.0; point.len()];
        let value = function(&point, &mut gradient);
        Self { iteration: 0, point, gradient, value, steps: VecDeque::new(), values: VecDeque::new() }
    }
}

/// Minimises from `state` on; `function` returns the value and writes the gradient; `after` is called after each iteration and
/// says whether to go on.
pub(super) fn minimise(
    state: &mut State,
    settings: &Settings,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
    mut after: impl FnMut(&State) -> bool,
) -> End {
    if !state.value.is_finite() {
        return End::NotFinite;
    }
    loop {
        if norm(&state.gradient) <= settings.gradient * norm(&state.point).max(1.0) {
            return End::Gradient;
        }
        if state.values.len() == settings.period {
            let before = state.values[0];
            if before - state.value < settings.tolerance * state.value.abs() {
                return End::Tolerance;
            }
        }
        if state.iteration >= settings.iterations {
            return End::Iterations;
        }
        if let Some(end) = iterate(state, settings, &mut function) {
            return end;
        }
        if !after(state) {
            return End::Stopped;
        }
    }
}

/// One iteration; an end where no step can be made.
fn iterate(
    state: &mut State,
    settings: &Settings,
    function: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Option<End> {
    let mut found = search(state, &direction(state), function);
    if found.is_none() && !state.steps.is_empty() {
        // What is remembered may mislead: once more, straight down.
        state.steps.clear();
        found = search(state, &direction(state), function);
    }
    let Some(Found { point, gradient, value }) = found else { return Some(End::Precision) };
    if !value.is_finite() {
        return Some(End::NotFinite);
    }
    state.values.push_back(state.value);
    if state.values.len() > settings.period {
        state.values.pop_front();
    }
    let mut step = vec![0.0; point.len()];
    let mut change = vec![0.0; point.len()];
    sum_into(&mut step, &point, -1.0, &state.point);
    sum_into(&mut change, &gradient, -1.0, &state.gradient);
    // Without curvature the inverse Hessian would lose its sign.
    if dot(&step, &change) > f64::EPSILON * dot(&change, &change) {
        state.steps.push_back((step, change));
        if state.steps.len() > settings.memory {
            state.steps.pop_front();
        }
    }
    state.point = point;
    state.gradient = gradient;
    state.value = value;
    state.iteration += 1;
    None
}

/// `-H g` by the two loops; the first direction has length 1.
fn direction(state: &State) -> Vec<f64> {
    let mut q = state.gradient.clone();
    let mut factors = Vec::with_capacity(state.steps.len());
    for (step, change) in state.steps.iter().rev() {
        let factor = dot(step, &q) / dot(step, change);
        add_scaled(&mut q, -factor, change);
        factors.push(factor);
    }
    let first = match state.steps.back() {
        Some((step, change)) => dot(step, change) / dot(change, change),
        None => 1.0 / norm(&q),
    };
    scale(&mut q, first);
    for ((step, change), factor) in state.steps.iter().zip(factors.iter().rev()) {
        let back = dot(change, &q) / dot(step, change);
        add_scaled(&mut q, factor - back, step);
    }
    scale(&mut q, -1.0);
    q
}

struct Found {
    point: Vec<f64>,
    gradient: Vec<f64>,
    value: f64,
}

/// A trial along the direction.
#[derive(Clone, Copy)]
struct Trial {
    length: f64,
    value: f64,
    slope: f64,
}

/// A step length with the strong Wolfe conditions, or, after so many trials, the best with sufficient decrease; none where there is
/// none.
fn search(
    state: &State,
    direction: &[f64],
    function: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Option<Found> {
    let start = Trial { length: 0.0, value: state.value, slope: dot(&state.gradient, direction) };
    // Not less than 0, or not a number: nothing to descend.
    if start.slope.is_nan() || start.slope >= 0.0 {
        return None;
    }
    let mut point = vec![0.0; direction.len()];
    let mut gradient = vec![0.0; direction.len()];
    let decreases = |t: &Trial| t.value <= start.value + SUFFICIENT_DECREASE * t.length * start.slope;
    let mut low = start;
    let mut high: Option<Trial> = None;
    let mut length = 1.0;
    for _ in 0..EVALUATIONS {
        sum_into(&mut point, &state.point, length, direction);
        let value = function(&point, &mut gradient);
        let trial = Trial { length, value, slope: dot(&gradient, direction) };
        if !(trial.value.is_finite() && trial.slope.is_finite()) {
            // Too far: nothing can be learnt from it but that.
            high = Some(Trial { length, value: f64::INFINITY, slope: f64::INFINITY });
            length = low.length + 0.1 * (length - low.length);
            continue;
        }
        if !decreases(&trial) || trial.value >= low.value && low.length > 0.0 {
            high = Some(trial);
        } else if trial.slope.abs() <= -CURVATURE * start.slope {
            return Some(Found { point, gradient, value });
        } else {
            if let Some(bound) = high {
                if trial.slope * (bound.length - low.length) >= 0.0 {
                    high = Some(low);
                }
            } else if trial.slope >= 0.0 {
                high = Some(low);
            }
            low = trial;
        }
        length = match high {
            Some(high) => between(&low, &high),
            None => length * 2.0,
        };
    }
    // Rounding hides the curvature near the minimum: a step that goes down is good enough.
    if low.length > 0.0 && low.value < start.value {
        sum_into(&mut point, &state.point, low.length, direction);
        let value = function(&point, &mut gradient);
        return Some(Found { point, gradient, value });
    }
    None
}

/// The minimum of the cubic through two trials, kept a tenth away from both.
fn between(low: &Trial, high: &Trial) -> f64 {
    let width = high.length - low.length;
    let middle = low.length + 0.5 * width;
    let d1 = low.slope + high.slope - 3.0 * (low.value - high.value) / (low.length - high.length);
    let square = d1 * d1 - low.slope * high.slope;
    if !square.is_finite() || square < 0.0 {
        return middle;
    }
    let d2 = square.sqrt().copysign(width);
    let length = high.length - width * (high.slope + d2 - d1) / (high.slope - low.slope + 2.0 * d2);
    let (a, b) = (low.length + 0.1 * width, high.length - 0.1 * width);
    if length.is_finite() { length.clamp(a.min(b), a.max(b)) } else { middle }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings =
        Settings { memory: 6, iterations: 500, tolerance: 0.0, period: 10, gradient: 1e-9 };

    /// Rosenbrock's valley in several dimensions: minimum 0 at (1, ..., 1).
    fn rosenbrock(x: &[f64], g: &mut [f64]) -> f64 {
        g.fill(0.0);
        let mut value = 0.0;
        for i in 0..x.len() - 1 {
            let (a, b) = (1.0 - x[i], x[i + 1] - x[i] * x[i]);
            value += a * a + 100.0 * b * b;
            g[i] -= 2.0 * a + 400.0 * x[i] * b;
            g[i + 1] += 200.0 * b;
        }
        value
    }

    #[test]
    fn finds_the_minimum_of_a_curved_valley() {
        let mut state = State::new(vec![-1.2, 1.0, -0.5, 2.0, 0.3], rosenbrock);
        let end = minimise(&mut state, &SETTINGS, rosenbrock, |_| true);
        assert!(matches!(end, End::Gradient | End::Precision | End::Tolerance), "{end:?}");
        assert!(state.point.iter().all(|x| (x - 1.0).abs() < 1e-6), "{:?}", state.point);
        assert!(state.iteration < 120, "{} iterations", state.iteration);
    }

    /// Condition number 100: steepest descent would need a thousand iterations, SciPy's L-BFGS needs 83.
    #[test]
    fn finds_the_minimum_of_a_long_bowl() {
        let quadratic = |x: &[f64], g: &mut [f64]| {
            let mut value = 0.0;
            for (i, x) in x.iter().enumerate() {
                let steepness = 10_f64.powf(i as f64 / 20.0);
                g[i] = steepness * (x - 1.0);
                value += 0.5 * steepness * (x - 1.0).powi(2);
            }
            value
        };
        let mut state = State::new(vec![0.0; 41], quadratic);
        let end = minimise(&mut state, &SETTINGS, quadratic, |_| true);
        assert!(state.point.iter().all(|x| (x - 1.0).abs() < 1e-6), "{end:?} {:?}", state.point);
        assert!(state.iteration < 120, "{} iterations", state.iteration);
    }

    #[test]
    fn it_ends_as_told() {
        let from = || State::new(vec![-1.2, 1.0], rosenbrock);
        let mut state = from();
        let end = minimise(&mut state, &Settings { iterations: 3, ..SETTINGS }, rosenbrock, |_| true);
        assert_eq!((end, state.iteration), (End::Iterations, 3));
        let mut state = from();
        let end = minimise(&mut state, &SETTINGS, rosenbrock, |s| s.iteration < 5);
        assert_eq!((end, state.iteration), (End::Stopped, 5));
        let mut state = from();
        let loose = Settings { tolerance: 0.5, period: 2, ..SETTINGS };
        assert_eq!(minimise(&mut state, &loose, rosenbrock, |_| true), End::Tolerance);
        let mut state = State::new(vec![1.0], |_, _| f64::NAN);
        assert_eq!(minimise(&mut state, &SETTINGS, |_, _| f64::NAN, |_| true), End::NotFinite);
    }

    #[test]
    fn a_step_into_infinity_is_shortened() {
        // Defined below 1 only; the first step of length 1 leaves it.
        let log = |x: &[f64], g: &mut [f64]| {
            g[0] = 1.0 / (1.0 - x[0]) - 4.0;
            -(1.0 - x[0]).ln() - 4.0 * x[0]
        };
        let mut state = State::new(vec![0.0], log);
        minimise(&mut state, &SETTINGS, log, |_| true);
        assert!((state.point[0] - 0.75).abs() < 1e-6, "{:?}", state.point);
    }

    #[test]
    fn going_on_from_a_state_gives_the_same_bits() {
        let mut whole = State::new(vec![-1.2, 1.0, 0.5], rosenbrock);
        let mut halfway = None;
        minimise(&mut whole, &Settings { iterations: 20, ..SETTINGS }, rosenbrock, |s| {
            if s.iteration == 7 {
                halfway = Some(s.clone());
            }
            true
        });
        let mut rest = halfway.expect("there is a seventh iteration");
        minimise(&mut rest, &Settings { iterations: 20, ..SETTINGS }, rosenbrock, |_| true);
        assert_eq!(rest, whole);
    }
}
