//! Tag columns looked at without a reader: which scheme they are in, and everything in them that breaks it.

use std::collections::BTreeMap;
use std::path::Path;

use medner_metrics::{Tag, TagScheme};

use super::{Finding, Options, Severity, Tally};
use crate::error::{DataError, Result};

/// What a scan found out.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// The narrowest scheme that knows all tags (BIO before BIOES before BMES); `None` when none does.
    pub scheme: Option<TagScheme>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Scans the tags in column `column` (from 0; `None`: the last one) of a file of tab- or space-separated columns.
///
/// Bytes are enough: a file in another encoding, or with invalid UTF-8, is scanned as well.
///
/// # Errors
/// [`DataError::Io`] when the file cannot be read.
pub fn scan(path: &Path, column: Option<usize>, options: &Options) -> Result<Scan> {
    let bytes = std::fs::read(path).map_err(|source| DataError::Io { path: path.to_owned(), source })?;
    let name = path.display().to_string();
    Ok(scan_bytes(&bytes, &name, column, options))
}

/// [`scan`] for bytes in memory; `name` is for messages.
pub fn scan_bytes(bytes: &[u8], name: &str, column: Option<usize>, options: &Options) -> Scan {
    let rows = rows(bytes, column);
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (line, tag) in rows.iter().filter_map(|(line, tag)| tag.as_deref().map(|t| (line, t))) {
        kinds.entry(tag).or_insert((0, *line)).0 += 1;
    }
    let schemes = [TagScheme::Bio, TagScheme::Bioes, TagScheme::Bmes];
    let unknown = |scheme: TagScheme| -> usize {
        kinds.iter().filter(|(tag, _)| scheme.parse(tag).is_none()).map(|(_, (count, _))| count).sum()
    };
    // The scheme that leaves the fewest tags unknown; the earlier one where two are equal.
    let best = schemes.into_iter().min_by_key(|s| unknown(*s)).expect("three schemes");
    let scheme = (unknown(best) == 0).then_some(best);

    let mut findings = Vec::new();
    let mut bad = Tally::new(options.examples);
    for (tag, (count, line)) in kinds.iter().filter(|(tag, _)| best.parse(tag).is_none()) {
        bad.add(|| format!("{name}:{line}"), || format!("`{tag}`, {count} times"));
    }
    bad.finish(
        &mut findings,
        (Severity::Error, "unknown-tag"),
        name,
        |n| format!("{n} different tags are not of {best}, the nearest scheme (expected {})", best.shape()),
        "check the column number and the separator; name the scheme with --scheme, or convert with `medner data convert`",
    );

    let mut illegal = Tally::new(options.examples);
    let mut previous: Option<Tag<'_>> = None;
    let mut previous_text = "start";
    let mut after_outside = 0;
    let mut same_label_b = 0;
    let mut all_b = 0;
    for (line, tag) in &rows {
        let text = tag.as_deref();
        let parsed = text.map(|t| best.parse(t).unwrap_or(Tag::Outside));
        let start_of_sentence = previous.is_none() && parsed.is_none();
        if !start_of_sentence && !best.legal(previous, parsed) {
            illegal.add(
                || format!("{name}:{line}"),
                || format!("`{}` after `{previous_text}`", text.unwrap_or("end of sentence")),
            );
            if best == TagScheme::Bio && !matches!(previous, Some(Tag::Inside(..))) {
                after_outside += 1;
            }
        }
        if let Some(Tag::Inside('B', label)) = parsed {
            all_b += 1;
            same_label_b += usize::from(matches!(previous, Some(Tag::Inside(_, before)) if before == label));
        }
        previous = parsed;
        previous_text = text.unwrap_or("start");
    }
    // IOB1 writes B only where an entity touches another of its type.
    if best == TagScheme::Bio && after_outside > 0 && all_b == same_label_b {
        illegal.finish(
            &mut findings,
            (Severity::Warning, "iob1"),
            name,
            |n| format!("{n} entities begin with I and B is used between touching entities only: this is IOB1, not BIO"),
            "convert it: `medner data convert --from conll --lenient --to conll IN OUT`",
        );
    } else {
        illegal.finish(
            &mut findings,
            (Severity::Error, "illegal-transition"),
            name,
            |n| format!("{n} tags may not follow the tag before them in {best}"),
            "mend the tags at these lines, or read the file leniently with \
             `medner data convert --from conll --lenient --to conll IN OUT`",
        );
    }
    let letter = |l: &str| kinds.keys().any(|t| t.starts_with(l));
    if letter("I-") && letter("M-") {
        let mut mixed = Tally::new(options.examples);
        for (tag, (count, line)) in kinds.iter().filter(|(t, _)| t.starts_with("M-")) {
            mixed.add(|| format!("{name}:{line}"), || format!("`{tag}`, {count} times"));
        }
        mixed.finish(
            &mut findings,
            (Severity::Warning, "mixed-schemes"),
            name,
            |n| format!("{n} tags of BMES stand beside tags of BIO or BIOES"),
            "write the whole file in one scheme",
        );
    }
    Scan { scheme, findings }
}

/// Line number and tag of every line; `None` for a sentence end. Document marks are left out.
fn rows(bytes: &[u8], column: Option<usize>) -> Vec<(usize, Option<String>)> {
    let mut rows = Vec::new();
    for (i, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b"-DOCSTART-") {
            continue;
        }
        let separator = if line.contains(&b'\t') { b'\t' } else { b' ' };
        let mut cells = line.split(|b| *b == separator).filter(|c| !c.is_empty());
        let cell = match column {
            Some(column) => cells.nth(column),
            None => cells.next_back(),
        };
        rows.push((i + 1, cell.map(|c| String::from_utf8_lossy(c).into_owned())));
    }
    // The end of the file ends a sentence.
    let end = rows.last().map_or(1, |r| r.0);
    rows.push((end, None));
    rows
}
