//! Which tag scheme a file is written in.

use std::collections::BTreeMap;

use medner_metrics::TagScheme;
use rayon::prelude::*;

use super::layout::{Chunk, Layout, is_blank, is_document_line};
use crate::error::{DataError, Result};
use crate::formats::text;

/// [`TagScheme::of_tags`] of the whole file, and an error for the first tag that is not of it.
pub(super) fn detect_scheme(chunks: &[Chunk<'_>], layout: &Layout<'_>) -> Result<TagScheme> {
    let parts: Vec<Result<BTreeMap<String, Place>>> =
        chunks.par_iter().map(|chunk| distinct_tags(chunk, layout)).collect();
    let mut tags: BTreeMap<String, Place> = BTreeMap::new();
    for part in parts {
        for (tag, place) in part? {
            tags.entry(tag).or_insert(place);
        }
    }
    let scheme = TagScheme::of_tags(tags.keys().map(String::as_str));
    let unknown =
        tags.iter().filter(|(tag, _)| scheme.parse(tag).is_none()).min_by_key(|(_, place)| place.line);
    match unknown {
        Some((tag, place)) => {
            let bilou = if tag.starts_with("L-") || tag.starts_with("U-") {
                "; BILOU is BIOES with other letters: write `E-` for `L-` and `S-` for `U-`"
            } else {
                ""
            };
            let message = format!(
                "unknown tag: the other tags of the file are of the scheme {scheme} ({}){bilou}",
                scheme.shape()
            );
            Err(DataError::parse(layout.path, place.line, place.column, message, tag))
        }
        None => Ok(scheme),
    }
}

struct Place {
    line: usize,
    column: usize,
}

/// The distinct tags of a piece with the first place of each.
fn distinct_tags(chunk: &Chunk<'_>, layout: &Layout<'_>) -> Result<BTreeMap<String, Place>> {
    let mut tags = BTreeMap::new();
    let mut last = "";
    for (line, content) in chunk.lines() {
        if is_blank(content) || is_document_line(content) {
            continue;
        }
        let row = layout.row(line, content)?;
        if row.tag != last && !tags.contains_key(row.tag) {
            let column = text::column(content, row.tag);
            tags.insert(row.tag.to_owned(), Place { line, column });
        }
        last = row.tag;
    }
    Ok(tags)
}
