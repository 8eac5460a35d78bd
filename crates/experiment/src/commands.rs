//! The command that makes just one cell.
//!
//! A cell stands in every table that asks for it, and each may call it by a name of its own. So a command names a table
//! together with the system and the data set as that table's file names them.

use std::collections::BTreeSet;

use crate::cell::Cell;
use crate::record::RunRecord;
use crate::schema::{Profile, TableSpec};
use crate::table::{Maker, quoted};

/// What a table calls a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CellName {
    pub table: String,
    pub system: String,
    /// As the file names it, also where a sample stands in for it.
    pub dataset: String,
}

impl CellName {
    /// The name of a place, where `--system` and `--dataset` can choose it: a row of the profile, or a step towards one.
    pub fn of(spec: &TableSpec, profile: Profile, system: &str, dataset: &str) -> Option<Self> {
        let step =
            spec.system(system).is_some_and(|known| known.auxiliary) && spec.dataset(dataset).is_some();
        (step || spec.pairs(profile).contains(&(system, dataset))).then(|| Self {
            table: spec.name.clone(),
            system: system.to_owned(),
            dataset: dataset.to_owned(),
        })
    }

    /// What the records of a cell call it, for one that no command can choose by name: it is run for others alone.
    pub fn on_record(cell: &Cell) -> Self {
        Self {
            table: cell.tables.iter().next().cloned().unwrap_or_default(),
            system: cell.system.clone(),
            dataset: named_dataset(cell).to_owned(),
        }
    }

    /// `target/release/x reproduce table2 --profile cpu --system A --dataset D --seeds 1`; `flags` begin with a space.
    pub fn command(&self, program: &str, flags: &str, seed: u64) -> String {
        let [system, dataset] = [&self.system, &self.dataset].map(|name| quoted(name));
        format!(
            "{program} reproduce {}{flags} --system {system} --dataset {dataset} --seeds {seed}",
            self.table
        )
    }
}

fn named_dataset(cell: &Cell) -> &str {
    cell.dataset.strip_prefix("sample-").unwrap_or(&cell.dataset)
}

/// The program, the table and the flags in front of the name, of a command as [`CellName::command`] writes it.
fn parts(command: &str) -> Option<(&str, &str, &str)> {
    let (begin, _) = command.split_once(" --system ")?;
    let (program, rest) = begin.split_once(" reproduce ")?;
    let (table, flags) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
    Some((program, table, flags))
}

impl Maker<'_> {
    /// The command of a run that stands in `tables`, with the flags that it was made with. A record's own command may name its
    /// cell as another table did (earlier versions took any of the cell's tables for the one whose names it bore), or as its
    /// table did once: then it would not run.
    pub fn command_of_run(&self, record: &RunRecord, tables: &BTreeSet<String>) -> String {
        let Some((program, own, flags)) = parts(&record.command) else { return record.command.clone() };
        let own = tables.get(own).into_iter();
        match own.chain(tables).find_map(|table| self.name_in(table, &record.cell)) {
            Some(name) => name.command(program, flags, record.cell.seed),
            None => record.command.clone(),
        }
    }

    /// What a table calls a cell: as its plan says; of a table that this run does not write, what the record says, where the
    /// table knows such a name.
    fn name_in(&self, table: &str, cell: &Cell) -> Option<CellName> {
        let planned = self.plans.iter().filter_map(|plan| plan.names.get(&cell.hash)).flatten();
        // Two rows of a table may be one cell: the record's own name first.
        let named = planned.filter(|name| name.table == table).min_by_key(|name| name.system != cell.system);
        if let Some(name) = named {
            return Some(name.clone());
        }
        let spec = self.others.iter().find(|spec| spec.name == table)?;
        CellName::of(spec, self.profile, &cell.system, named_dataset(cell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_taken_apart_as_it_was_put_together() {
        let name = CellName { table: "fig4".into(), system: "Lookahead + Adam".into(), dataset: "D".into() };
        let command = name.command("target/release/m", " --profile cpu --device cuda:0", 3);
        assert_eq!(
            command,
            "target/release/m reproduce fig4 --profile cpu --device cuda:0 --system 'Lookahead + Adam' --dataset D --seeds 3"
        );
        assert_eq!(parts(&command), Some(("target/release/m", "fig4", " --profile cpu --device cuda:0")));
        assert_eq!(parts("m reproduce fig4 --system A"), Some(("m", "fig4", "")));
        assert_eq!(parts("m train --system A"), None);
        assert_eq!(parts(""), None);
    }
}
