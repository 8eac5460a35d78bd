//! From records to short sentences of characters, and back: Chinese text for models with a limited length.
//!
//! A record is cut after each full stop `。` and at line breaks (with `only_long` only where it is too long or has line breaks). What is still longer than `max_length` is cut after `；`, what
//! is still longer after `，`, and what is still longer is cut into windows of `max_length`. On each of these levels pieces are
//! made as long as they may be. Half-width `;` and `,` count as their full-width forms.
//!
//! Every character but a line break is a token of exactly one piece, so the token `i` of a piece is the character
//! `piece.start + i` of its record. With `protect_entities` no cut is made inside an entity (a piece may then be longer than
//! `max_length`, which is counted). Without it the entities have no say, as at prediction time; those that are cut are left out
//! of the pieces and counted, and scores over records still count them as missed.

use medner_metrics::Span;
use serde::{Deserialize, Serialize};

use crate::corpus::{Document, Entity, Sentence};
use crate::error::{DataError, Result};

/// How records are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitOptions {
    /// Longest piece, in characters; at least 1.
    pub max_length: usize,
    /// Never cut inside an entity.
    pub protect_entities: bool,
    /// Leave records of one line that are short enough whole, whatever full stops they have: for corpora whose records are
    /// sentences or messages.
    #[serde(default)]
    pub only_long: bool,
}

impl Default for SplitOptions {
    /// 126 characters (128 pieces with `[CLS]` and `[SEP]`, as in the paper on CCKS-2019), entities protected, cut at every full
    /// stop.
    fn default() -> Self {
        Self { max_length: 126, protect_entities: true, only_long: false }
    }
}

/// A part of a record as a sentence of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Index of its record.
    pub record: usize,
    /// Character of the record at which it begins.
    pub start: usize,
    /// Its characters and the entities that lie in it; the identifier is `<record>@<start>`.
    pub sentence: Sentence,
}

/// What was cut, and what that did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitReport {
    /// Records.
    pub records: usize,
    /// Pieces.
    pub pieces: usize,
    /// Characters in the longest piece.
    pub longest: usize,
    /// Cuts after `。`.
    pub full_stops: usize,
    /// Cuts at line breaks.
    pub line_breaks: usize,
    /// Cuts after `；`, in parts that were too long.
    pub semicolons: usize,
    /// Cuts after `，`, in parts that were still too long.
    pub commas: usize,
    /// Cuts at the maximum length, where no mark helped.
    pub windows: usize,
    /// Cuts that were moved or not made because an entity runs over them.
    pub moved_for_entities: usize,
    /// Pieces longer than the maximum, because an entity is.
    pub too_long: usize,
    /// Entities that a cut went through; in no piece.
    pub entities_cut: usize,
    /// Entities that overlap a longer one; in no piece.
    pub entities_overlapping: usize,
}

/// Pieces of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Record by record, from left to right.
    pub pieces: Vec<Piece>,
    /// What was cut.
    pub report: SplitReport,
}

impl Split {
    /// The sentences of the pieces, in their order.
    pub fn sentences(&self) -> Vec<Sentence> {
        self.pieces.iter().map(|piece| piece.sentence.clone()).collect()
    }
}

/// Cuts records into pieces.
///
/// # Errors
/// [`DataError::Item`] for an entity that does not lie in its text, [`DataError::Count`] for a maximum length of 0.
pub fn split_records(records: &[Document], options: SplitOptions) -> Result<Split> {
    if options.max_length == 0 {
        return Err(DataError::Count {
            what: "the maximum length of a piece must be at least 1 character",
            expected: 1,
            found: 0,
        });
    }
    let mut split = Split {
        pieces: Vec::new(),
        report: SplitReport { records: records.len(), ..SplitReport::default() },
    };
    for (index, record) in records.iter().enumerate() {
        record.check()?;
        let characters: Vec<char> = record.text.chars().collect();
        let entities = without_overlaps(&record.entities);
        split.report.entities_overlapping += record.entities.len() - entities.len();
        let mut cutter = Cutter {
            options,
            inside: inside_entities(characters.len(), &entities, options.protect_entities),
            characters: &characters,
            report: &mut split.report,
            ranges: Vec::new(),
        };
        cutter.cut_record();
        let ranges = cutter.ranges;
        let mut placed = 0;
        for (start, end) in ranges {
            let spans: Vec<Span> = entities
                .iter()
                .filter(|e| start <= e.start && e.end <= end)
                .map(|e| Span::new(e.start - start, e.end - start, e.label.clone()))
                .collect();
            placed += spans.len();
            split.report.longest = split.report.longest.max(end - start);
            split.report.too_long += usize::from(end - start > options.max_length);
            split.pieces.push(Piece {
                record: index,
                start,
                sentence: Sentence {
                    id: format!("{}@{start}", record.id),
                    tokens: characters[start..end].iter().map(ToString::to_string).collect(),
                    spans,
                    ..Sentence::default()
                },
            });
        }
        split.report.entities_cut += entities.len() - placed;
    }
    split.report.pieces = split.pieces.len();
    Ok(split)
}

/// Turns spans predicted for each piece into spans over the characters of the records: one list a record, sorted.
///
/// # Errors
/// [`DataError::Count`] when there are not as many predictions as pieces, [`DataError::Item`] for a span that does not lie in
/// its piece or a piece whose record is not there.
pub fn join_spans(pieces: &[Piece], predicted: &[Vec<Span>], records: usize) -> Result<Vec<Vec<Span>>> {
    if pieces.len() != predicted.len() {
        return Err(DataError::Count {
            what: "lists of predicted spans, one a piece",
            expected: pieces.len(),
            found: predicted.len(),
        });
    }
    let mut joined = vec![Vec::new(); records];
    for (piece, spans) in pieces.iter().zip(predicted) {
        let record = joined.get_mut(piece.record).ok_or_else(|| {
            DataError::item(
                &piece.sentence.id,
                format!("is of record {}, but there are {records} records", piece.record),
            )
        })?;
        for span in spans {
            if span.is_empty() || span.end > piece.sentence.tokens.len() {
                let message =
                    format!("span {}..{} ({}) does not lie in the piece", span.start, span.end, span.label);
                return Err(DataError::item(&piece.sentence.id, message));
            }
            record.push(Span::new(piece.start + span.start, piece.start + span.end, span.label.clone()));
        }
    }
    for spans in &mut joined {
        spans.sort();
    }
    Ok(joined)
}

/// The entities that overlap no longer one (nor an earlier one of the same length), sorted.
pub(super) fn without_overlaps(entities: &[Entity]) -> Vec<&Entity> {
    let mut by_length: Vec<&Entity> = entities.iter().collect();
    by_length.sort_by(|a, b| (b.end - b.start).cmp(&(a.end - a.start)).then_with(|| a.cmp(b)));
    let mut kept: std::collections::BTreeMap<usize, &Entity> = std::collections::BTreeMap::new();
    for entity in by_length {
        let before = kept.range(..=entity.start).next_back();
        let after = kept.range(entity.start..).next();
        if before.is_none_or(|(_, b)| b.end <= entity.start)
            && after.is_none_or(|(&start, _)| entity.end <= start)
        {
            kept.insert(entity.start, entity);
        }
    }
    kept.into_values().collect()
}

/// For each place between two characters (`i`: before character `i`), whether an entity runs over it.
fn inside_entities(length: usize, entities: &[&Entity], protect: bool) -> Vec<bool> {
    let mut inside = vec![false; length + 1];
    if protect {
        for entity in entities {
            inside[entity.start + 1..entity.end].fill(true);
        }
    }
    inside
}

struct Cutter<'a> {
    options: SplitOptions,
    characters: &'a [char],
    inside: Vec<bool>,
    report: &'a mut SplitReport,
    ranges: Vec<(usize, usize)>,
}

/// The marks of the levels after the full stop.
const LEVELS: [[char; 2]; 2] = [['；', ';'], ['，', ',']];

impl Cutter<'_> {
    fn cut_record(&mut self) {
        let length = self.characters.len();
        let is_line = || !self.characters.iter().any(|c| matches!(c, '\n' | '\r'));
        if self.options.only_long && (1..=self.options.max_length).contains(&length) && is_line() {
            self.ranges.push((0, length));
            return;
        }
        let mut start = 0;
        for i in 0..length {
            let character = self.characters[i];
            let is_break = matches!(character, '\n' | '\r');
            if !is_break && character != '。' {
                continue;
            }
            if self.inside[i + 1] || (is_break && self.inside[i]) {
                self.report.moved_for_entities += 1;
                continue;
            }
            if is_break {
                self.report.line_breaks += usize::from(start < i && i + 1 < length);
                self.cut(start, i, 0);
            } else {
                self.report.full_stops += usize::from(i + 1 < length);
                self.cut(start, i + 1, 0);
            }
            start = i + 1;
        }
        self.cut(start, length, 0);
    }

    /// Makes pieces of `start..end`, cutting at the marks of this level and the ones after it where it is too long.
    fn cut(&mut self, start: usize, end: usize, level: usize) {
        let most = self.options.max_length;
        if end - start <= most {
            if start < end {
                self.ranges.push((start, end));
            }
            return;
        }
        let Some(marks) = LEVELS.get(level) else {
            return self.windows(start, end);
        };
        let mut ends: Vec<usize> = Vec::new();
        for i in start..end {
            if marks.contains(&self.characters[i]) && i + 1 < end {
                if self.inside[i + 1] {
                    self.report.moved_for_entities += 1;
                } else {
                    ends.push(i + 1);
                }
            }
        }
        ends.push(end);
        let mut from = start;
        for i in 0..ends.len() {
            // Cut here when the next part would make the piece too long.
            if ends.get(i + 1).is_none_or(|&next| next - from > most) {
                if ends[i] < end {
                    match level {
                        0 => self.report.semicolons += 1,
                        _ => self.report.commas += 1,
                    }
                }
                self.cut(from, ends[i], level + 1);
                from = ends[i];
            }
        }
    }

    fn windows(&mut self, mut start: usize, end: usize) {
        while end - start > self.options.max_length {
            let wanted = start + self.options.max_length;
            let mut at = wanted;
            while at > start && self.inside[at] {
                at -= 1;
            }
            if at == start {
                // The entity at the beginning is longer than a window.
                at = wanted;
                while at < end && self.inside[at] {
                    at += 1;
                }
            }
            self.report.moved_for_entities += usize::from(at != wanted);
            self.report.windows += usize::from(at < end);
            self.ranges.push((start, at));
            start = at;
        }
        if start < end {
            self.ranges.push((start, end));
        }
    }
}
