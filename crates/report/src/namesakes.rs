//! Runs of one name that are not the same run: two tables may ask for a system of that name on that data set, each with a
//! configuration of its own. They are told apart by the tables that show them.

use std::collections::{BTreeMap, BTreeSet};

/// A run by what a person knows it by.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// System.
    pub system: &'a str,
    /// Data set.
    pub dataset: &'a str,
    /// Seed.
    pub seed: u64,
    /// The tables that show it, with a space between them; empty where none does.
    pub tables: &'a str,
    /// Its cell's hash.
    pub hash: &'a str,
}

/// For each run what tells it from its namesakes: `fig8 fig8-loss`; empty where its name does, and for a run that no table
/// shows.
///
/// Runs of several seeds belong together where a table shows them all, so that a seed which only one table asks for does not
/// part from the others. Two that all the same tables show (a row has taken another's name) are told apart by their hashes.
pub fn told_apart(runs: &[Named<'_>]) -> Vec<String> {
    let mut names: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (at, run) in runs.iter().enumerate().filter(|(_, run)| !run.tables.trim().is_empty()) {
        names.entry((run.system, run.dataset)).or_default().push(at);
    }
    let mut labels = vec![String::new(); runs.len()];
    for namesakes in names.into_values().filter(|namesakes| clash(runs, namesakes)) {
        for (tables, members) in sharing_tables(runs, &namesakes) {
            let whole = !clash(runs, &members);
            for &at in &members {
                let own = tables_of(&runs[at]);
                let twin = |other: usize| {
                    other != at && runs[other].seed == runs[at].seed && tables_of(&runs[other]) == own
                };
                labels[at] = joined(if whole { &tables } else { &own });
                if !runs[at].hash.is_empty() && members.iter().any(|&other| twin(other)) {
                    labels[at] = format!("{}, run {}", labels[at], runs[at].hash);
                }
            }
        }
    }
    labels
}

/// `ASAIBC [fig8 fig8-loss]`: a system's name with what tells its run apart.
pub fn with_tables(system: &str, apart: &str) -> String {
    if apart.is_empty() { system.to_owned() } else { format!("{system} [{apart}]") }
}

/// True where two of these runs have one seed.
fn clash(runs: &[Named<'_>], members: &[usize]) -> bool {
    let mut seeds = BTreeSet::new();
    !members.iter().all(|&at| seeds.insert(runs[at].seed))
}

/// The runs that are joined by tables which show more than one of them, with all their tables.
fn sharing_tables<'a>(runs: &[Named<'a>], members: &[usize]) -> Vec<(BTreeSet<&'a str>, Vec<usize>)> {
    let mut groups: Vec<(BTreeSet<&str>, Vec<usize>)> = Vec::new();
    for &at in members {
        let mut joined = (tables_of(&runs[at]), vec![at]);
        groups.retain(|(tables, others)| {
            let apart = tables.is_disjoint(&joined.0);
            if !apart {
                joined.0.extend(tables);
                joined.1.extend(others);
            }
            apart
        });
        groups.push(joined);
    }
    groups
}

fn tables_of<'a>(run: &Named<'a>) -> BTreeSet<&'a str> {
    run.tables.split_whitespace().collect()
}

fn joined(tables: &BTreeSet<&str>) -> String {
    tables.iter().copied().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<'a>(system: &'a str, seed: u64, tables: &'a str, hash: &'a str) -> Named<'a> {
        Named { system, dataset: "D", seed, tables, hash }
    }

    #[test]
    fn only_what_shares_its_name_and_a_seed_is_told_apart() {
        let runs = [
            run("A", 1, "table7 cws", "a"),
            run("A", 2, "table7", "b"),
            run("A", 1, "fig8 fig8-loss", "c"),
            run("A", 3, "", "d"),
            run("B", 1, "table7", "e"),
            run("B", 2, "fig8", "f"),
        ];
        let labels = told_apart(&runs);
        // The second seed has one table less and belongs to the first all the same; nobody takes B for another B.
        assert_eq!(labels, ["cws table7", "cws table7", "fig8 fig8-loss", "", "", ""]);
        assert_eq!(with_tables("A", &labels[2]), "A [fig8 fig8-loss]");
        assert_eq!(with_tables("B", &labels[4]), "B");
        // Another data set is another name.
        let mut elsewhere = run("A", 1, "fig8", "g");
        elsewhere.dataset = "E";
        assert_eq!(told_apart(&[runs[0], elsewhere]), ["", ""]);
    }

    #[test]
    fn runs_that_a_table_shows_both_are_told_apart_by_the_others_or_by_their_hashes() {
        let runs = [run("A", 1, "table2 table5", "a"), run("A", 1, "table5", "b")];
        assert_eq!(told_apart(&runs), ["table2 table5", "table5"]);
        let runs = [run("A", 1, "table5", "a"), run("A", 1, "table5", "b"), run("A", 2, "table5", "c")];
        assert_eq!(told_apart(&runs), ["table5, run a", "table5, run b", "table5"]);
    }
}
