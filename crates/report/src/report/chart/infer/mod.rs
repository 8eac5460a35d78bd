//! Which chart a table wants: what its file says (`chart`), else what its rows suggest.

mod points;
mod scores;

pub use points::of_points;
pub use scores::of_scores;

use std::fmt::Write as _;

use super::svg::Drawing;

/// A table has at most this many panels; further ones are left out, and the last one's description says so.
const PANELS: usize = 40;

/// The distinct values, in the order in which they come.
fn distinct<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

/// `A, B` of those that are not empty.
fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(", ")
}

fn drawn(drawings: impl ExactSizeIterator<Item = Drawing>) -> Vec<Drawing> {
    let left_out = drawings.len().saturating_sub(PANELS);
    let mut kept: Vec<Drawing> = drawings.take(PANELS).collect();
    if let Some(last) = kept.last_mut().filter(|_| left_out > 0) {
        // Writing to a string cannot fail.
        let _ = write!(last.description, " {left_out} further panels are left out.");
    }
    kept
}
