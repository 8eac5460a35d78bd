//! The entity-set analysis of the Discussion (Figures 3 and 4): which mentions training has seen, the test set holds, and the
//! model predicts, as sets of strings.
//!
//! `T` training (of all that the model comes from: the category's corpora where it shares them), `L` test labels, `P`
//! predictions; `C_X` is what is not in `X`. The paper's `T` has the development sets in it: of BC2GM's 4,796 test mentions it
//! prints 31.90% as in `T`, which is 1,530 with the development sets of the ten gene data sets and 1,418 without them.

use std::collections::BTreeSet;

/// The seven regions of the three sets, by the metrics' names: only T, only L, only P, T and L, T and P, L and P, all.
pub const REGIONS: [&str; 7] = [
    "only_trained",
    "only_labelled",
    "only_predicted",
    "trained_labelled",
    "trained_predicted",
    "labelled_predicted",
    "trained_labelled_predicted",
];

/// The six ratios, by the metrics' names: five of Figure 4, and the share of the test set's mentions that is found.
pub const RATIOS: [&str; 6] = [
    "new_entity_recall (C_T∩L∩P / C_T∩L)",
    "train_coverage (T∩L / L)",
    "forgotten (C_P∩T∩L / T∩L)",
    "trained_errors (C_L∩P∩T / C_L∩P)",
    "over_prediction ((|P|-|L|)/|L|)",
    "found (L∩P / L)",
];

/// After a metric's name: `T` is the training sets alone.
pub const TRAINING_ALONE: &str = ", T without development sets";

/// Sizes of the regions, in the order of [`REGIONS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntitySets(pub [usize; 7]);

impl EntitySets {
    /// Counts the regions.
    pub fn new(
        trained: &BTreeSet<String>,
        labelled: &BTreeSet<String>,
        predicted: &BTreeSet<String>,
    ) -> Self {
        let mut regions = [0; 7];
        let all: BTreeSet<&String> = trained.iter().chain(labelled).chain(predicted).collect();
        for mention in all {
            let region =
                match (trained.contains(mention), labelled.contains(mention), predicted.contains(mention)) {
                    (true, false, false) => 0,
                    (false, true, false) => 1,
                    (true, true, false) => 3,
                    (true, false, true) => 4,
                    (false, true, true) => 5,
                    (true, true, true) => 6,
                    (false, false, _) => 2,
                };
            regions[region] += 1;
        }
        Self(regions)
    }

    /// The ratios, in the order of [`RATIOS`]; 0 where there is nothing to share.
    pub fn ratios(&self) -> [f64; 6] {
        let [_, only_l, only_p, tl, tp, lp, tlp] = self.0.map(|n| n as f64);
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let labelled = only_l + tl + lp + tlp;
        let predicted = only_p + tp + lp + tlp;
        [
            share(lp, only_l + lp),
            share(tl + tlp, labelled),
            share(tl, tl + tlp),
            share(tp, only_p + tp),
            share(predicted - labelled, labelled),
            share(lp + tlp, labelled),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(mentions: &str) -> BTreeSet<String> {
        mentions.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn regions_and_ratios_by_hand() {
        // T = {a b c d e}, L = {a b f g h}, P = {a c f i}
        let sets = EntitySets::new(&set("a b c d e"), &set("a b f g h"), &set("a c f i"));
        assert_eq!(sets.0, [2, 2, 1, 1, 1, 1, 1]);
        let expected = [1.0 / 3.0, 2.0 / 5.0, 1.0 / 2.0, 1.0 / 2.0, -1.0 / 5.0, 2.0 / 5.0];
        for (found, expected) in sets.ratios().into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn nothing_is_no_division_by_zero() {
        let sets = EntitySets::new(&set("a"), &set(""), &set(""));
        assert_eq!((sets.0, sets.ratios()), ([1, 0, 0, 0, 0, 0, 0], [0.0; 6]));
    }
}
