//! Which runs of two systems are set against each other.

use std::collections::BTreeMap;

/// The runs of two systems on one data set that make a pair, by seed: those of the same seed. The only run of a
/// deterministic system (`true`) is a pair with every run of the other one, since it would be the same with each of those
/// seeds. So a paired test over `n` seeds is there a test of the other system's `n` runs against a constant.
pub fn pairs<'r, T>(
    (one_is_deterministic, one): (bool, &'r BTreeMap<u64, T>),
    (two_is_deterministic, two): (bool, &'r BTreeMap<u64, T>),
) -> Vec<(u64, &'r T, &'r T)> {
    match (one_is_deterministic, two_is_deterministic) {
        (true, false) => {
            let only = one.values().next();
            two.iter().filter_map(|(&seed, other)| Some((seed, only?, other))).collect()
        }
        (false, true) => {
            let only = two.values().next();
            one.iter().filter_map(|(&seed, other)| Some((seed, other, only?))).collect()
        }
        _ => one.iter().filter_map(|(&seed, first)| Some((seed, first, two.get(&seed)?))).collect(),
    }
}
