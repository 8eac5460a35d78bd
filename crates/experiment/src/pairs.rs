//! Which runs of two systems are set against each other.

use std::collections::BTreeMap;

use crate::schema::TableSpec;

/// The runs of two systems on one data set that make a pair, by seed: those of the same seed. The only run of a
/// deterministic system is a pair with every run of the other one, since it would be the same with each of those seeds. So
/// a paired test over `n` seeds is there a test of the other system's `n` runs against a constant.
pub(crate) fn pairs<T: Copy>(
    spec: &TableSpec,
    (one, first): (&str, &BTreeMap<u64, T>),
    (two, second): (&str, &BTreeMap<u64, T>),
) -> Vec<(u64, T, T)> {
    let only = |system: &str, runs: &BTreeMap<u64, T>| {
        runs.values().next().copied().filter(|_| spec.is_deterministic(system))
    };
    match (only(one, first), only(two, second)) {
        (Some(a), None) => second.iter().map(|(&seed, &b)| (seed, a, b)).collect(),
        (None, Some(b)) => first.iter().map(|(&seed, &a)| (seed, a, b)).collect(),
        _ => first.iter().filter_map(|(&seed, &a)| Some((seed, a, *second.get(&seed)?))).collect(),
    }
}
