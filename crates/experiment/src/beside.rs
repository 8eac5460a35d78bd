//! The paper's tables that a run was not asked for and that show cells of it. They are written with those that it was
//! asked for, so that a finished run stands in every table that names its cell.

use std::path::Path;

use crate::cell::Cell;
use crate::error::Result;
use crate::method::Method;
use crate::plan::{Plan, Selection, Slot, SlotState};
use crate::published::{self, Published};
use crate::schema::{self, TableSpec};
use crate::store::Store;

/// A plan and the published numbers for each table of `folder` that is none of those `asked` for, stands among the results
/// and shows one of the cells that are `running`. A table that cannot be read stays as it is, with a warning: nobody has
/// asked for it.
pub(crate) fn plans(
    method: &dyn Method,
    folder: &Path,
    asked: &[&str],
    selection: &Selection,
    store: &Store,
    running: &[&Cell],
) -> Vec<(Plan, Vec<Published>)> {
    // Values from the command line make other cells than those that stand in the other tables.
    if running.is_empty() || selection.samples || !selection.sets.is_empty() {
        return Vec::new();
    }
    let names = schema::tables(folder).unwrap_or_default();
    let names = names.iter().filter(|name| !asked.contains(&name.as_str()));
    let standing = names.filter(|name| stands(method, &store.folder().join(format!("{name}.csv"))));
    let plans = standing.filter_map(|name| match plan(method, folder, name, selection, store, running) {
        Ok(plan) => plan,
        Err(error) => {
            tracing::warn!("{name}.csv stays as it is: {error}");
            None
        }
    });
    plans.collect()
}

/// True for a CSV that is there and names no command with one of the method's own flags: those give other cells a place in
/// the same folder, and without them this run cannot know that table's.
fn stands(method: &dyn Method, csv: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(csv) else { return false };
    !method.shortcuts().iter().any(|shortcut| text.contains(&format!(" --{} ", shortcut.flag)))
}

fn plan(
    method: &dyn Method,
    folder: &Path,
    name: &str,
    selection: &Selection,
    store: &Store,
    running: &[&Cell],
) -> Result<Option<(Plan, Vec<Published>)>> {
    let spec = TableSpec::load(&schema::table_path(folder, name)?)?;
    let published = published::of(&spec)?;
    let plan = Plan::beside(method, spec, selection, store, running)?;
    let shown = |slot: &Slot| match &slot.state {
        SlotState::Cell(hash) => running.iter().any(|cell| cell.hash == *hash),
        SlotState::Waits(_) => false,
    };
    let shows = plan.tables.iter().flat_map(|table| &table.slots).any(shown);
    Ok(shows.then_some((plan, published)))
}
