//! Which values of two sides are set against each other: by the rule of the tables' comparisons and rows of differences, so that
//! a claim and a table's CSV never speak of different seeds.

use std::collections::{BTreeMap, BTreeSet};

use super::series::Measured;

/// The [`pairs`](medner_experiment::pairs::pairs) of two sides; `of` is what of a side is paired.
pub fn pairs<'m, T>(
    first: &'m Measured,
    second: &'m Measured,
    of: fn(&Measured) -> &BTreeMap<u64, T>,
) -> Vec<(u64, &'m T, &'m T)> {
    medner_experiment::pairs::pairs((first.deterministic, of(first)), (second.deterministic, of(second)))
}

/// The seeds that the profile wants pairs of.
pub fn planned(first: &Measured, second: &Measured) -> BTreeSet<u64> {
    match (first.deterministic, second.deterministic) {
        (true, false) => second.planned.clone(),
        (false, true) => first.planned.clone(),
        _ => &first.planned & &second.planned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(deterministic: bool, seeds: &[u64]) -> Measured {
        Measured {
            values: seeds.iter().map(|&seed| (seed, seed as f64)).collect(),
            planned: seeds.iter().copied().collect(),
            deterministic,
            ..Measured::default()
        }
    }

    #[test]
    fn the_only_run_of_a_deterministic_side_stands_for_every_seed() {
        let (once, drawn, fewer) = (side(true, &[1]), side(false, &[2, 3, 4]), side(false, &[3, 4, 5]));
        let of = |first: &Measured, second: &Measured| -> Vec<(u64, f64, f64)> {
            pairs(first, second, |side| &side.values).into_iter().map(|(seed, a, b)| (seed, *a, *b)).collect()
        };
        assert_eq!(of(&once, &drawn), [(2, 1.0, 2.0), (3, 1.0, 3.0), (4, 1.0, 4.0)]);
        assert_eq!(of(&drawn, &once), [(2, 2.0, 1.0), (3, 3.0, 1.0), (4, 4.0, 1.0)]);
        assert_eq!(of(&drawn, &fewer), [(3, 3.0, 3.0), (4, 4.0, 4.0)]);
        assert_eq!(of(&once, &once), [(1, 1.0, 1.0)]);
        assert_eq!(of(&side(true, &[]), &drawn), []);
        assert_eq!(planned(&once, &drawn), drawn.planned);
        assert_eq!(planned(&drawn, &once), drawn.planned);
        assert_eq!(planned(&drawn, &fewer), [3, 4].into());
        assert_eq!(planned(&once, &once), [1].into());
    }
}
