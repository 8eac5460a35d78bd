//! Which tag scheme a file is written in.

use std::collections::{BTreeMap, BTreeSet};

use medner_metrics::TagScheme;
use rayon::prelude::*;

use super::layout::{Chunk, Layout, is_blank, is_document_line};
use crate::error::{DataError, Result};
use crate::formats::text;

/// The scheme whose letters the tags use.
///
/// `M` means BMES, `E` or `S` without `M` BIOES (BMES where a tag has no label), else BIO. The tags that decide between
/// BIOES and BMES are only those that differ, so either reading gives the same spans.
pub(super) fn detect_scheme(chunks: &[Chunk<'_>], layout: &Layout<'_>) -> Result<TagScheme> {
    let parts: Vec<Result<BTreeMap<String, Place>>> =
        chunks.par_iter().map(|chunk| distinct_tags(chunk, layout)).collect();
    let mut tags: BTreeMap<String, Place> = BTreeMap::new();
    for part in parts {
        for (tag, place) in part? {
            tags.entry(tag).or_insert(place);
        }
    }
    let letters: BTreeSet<char> =
        tags.keys().filter(|t| *t != "O").filter_map(|t| t.chars().next()).collect();
    let unlabelled = tags.keys().any(|t| ["B", "M", "E", "S"].contains(&t.as_str()));
    let scheme = if letters.contains(&'M') || (unlabelled && !letters.contains(&'I')) {
        TagScheme::Bmes
    } else if letters.contains(&'E') || letters.contains(&'S') {
        TagScheme::Bioes
    } else {
        TagScheme::Bio
    };
    let unknown =
        tags.iter().filter(|(tag, _)| scheme.parse(tag).is_none()).min_by_key(|(_, place)| place.line);
    match unknown {
        Some((tag, place)) => {
            let message = format!(
                "unknown tag: the other tags of the file are of the scheme {scheme} ({})",
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
