//! From what a file says to labels that can be learnt from, every check on the way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use medner_data::Sentence;
use medner_data::formats::text::CharMap;
use medner_data::formats::utf16::Utf16Units;

use super::error::{ExchangeError, Result};
use super::item::{Item, Mention, canonical_concept};
use crate::corpus::{ConceptSet, OUTSIDE};

/// What is accepted.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswerOptions<'a> {
    /// Go on without the sentences that have no answer; else they are an error.
    pub partial: bool,
    /// Take for an answer what came back exactly as it was handed out, in a shape that does not say whether somebody looked at it;
    /// else it is an error, or with `partial` no answer.
    pub unchanged: bool,
    /// The entity types that the model knows; empty: any.
    pub types: &'a [String],
    /// Accept types that are not among them, and report them; else they are an error (most are slips of the keyboard).
    pub new_types: bool,
    /// The concepts that the model knows; others are reported, never refused. None: nothing is reported.
    pub concepts: Option<&'a ConceptSet>,
}

/// The answers of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Answered sentences in the order of the query, labelled in both layers.
    pub sentences: Vec<Sentence>,
    /// Identifiers of the sentences without an answer, in the order of the query.
    pub missing: Vec<String>,
    /// Types that the model does not know, and how many mentions have each.
    pub new_types: BTreeMap<String, usize>,
    /// Concepts that the model does not know, and how many mentions have each. A mention without a concept counts as `-1`.
    pub new_concepts: BTreeMap<String, usize>,
    /// What was mended or not read: how often, what, and where first.
    pub remarks: Vec<String>,
}

/// One answer as a file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RawAnswer {
    pub path: PathBuf,
    pub line: usize,
    pub id: String,
    /// The text that came back.
    pub text: String,
    /// False for a task that nobody has labelled yet, or that was cancelled.
    pub answered: bool,
    pub mentions: Vec<RawMention>,
}

/// A mention as a file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RawMention {
    pub line: usize,
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    pub label: String,
    /// As it was typed.
    pub concept: Option<String>,
    /// The mention's own text, where the shape has it.
    pub text: Option<String>,
}

/// All that a file says.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub answers: Vec<RawAnswer>,
    /// The shape does not say of a sentence whether somebody looked at it.
    pub silent: bool,
    pub remarks: Remarks,
}

/// Things worth saying: count and first place.
#[derive(Debug, Default)]
pub(super) struct Remarks(BTreeMap<&'static str, (usize, String)>);

impl Remarks {
    pub(super) fn note(&mut self, what: &'static str, place: impl FnOnce() -> String) {
        self.0.entry(what).or_insert_with(|| (0, place())).0 += 1;
    }

    fn lines(self) -> Vec<String> {
        self.0.into_iter().map(|(what, (n, first))| format!("{n} {what} (first: {first})")).collect()
    }
}

/// Pairs answers with what was queried and checks them.
pub(super) fn check(raw: Raw, from: &Path, queried: &[Item], options: AnswerOptions<'_>) -> Result<Answers> {
    let Raw { answers: raw, silent, mut remarks } = raw;
    let items: BTreeMap<&str, &Item> = queried.iter().map(|item| (item.id.as_str(), item)).collect();
    let mut seen: BTreeMap<String, (PathBuf, usize)> = BTreeMap::new();
    let mut sentences: BTreeMap<String, Sentence> = BTreeMap::new();
    let mut answers = Answers::default();
    let mut unchanged = Vec::new();
    for answer in raw {
        let fail = |message: String| answer_error(&answer, answer.line, message);
        let Some(item) = items.get(answer.id.as_str()) else {
            return Err(fail("was not queried in this round; answer the sentences of this round only, and leave their identifiers as they are".to_owned()));
        };
        if let Some((path, line)) = seen.insert(answer.id.clone(), (answer.path.clone(), answer.line)) {
            let message = format!(
                "is answered twice (first at {}:{line}); keep the right answer and remove the other",
                path.display()
            );
            return Err(fail(message));
        }
        same_text(&answer, item)?;
        if answer.answered {
            let mentions = mentions(&answer, item, options, &mut remarks)?;
            let sentence = item.to_sentence(&mentions);
            if silent && !options.unchanged && sentence == item.as_handed_out() {
                unchanged.push(answer.id);
                continue;
            }
            count_new(&mentions, options, &mut answers);
            sentences.insert(answer.id, sentence);
        }
    }
    if !options.partial && !unchanged.is_empty() {
        return Err(ExchangeError::Unchanged { path: from.to_owned(), unchanged, queried: queried.len() });
    }
    for item in queried {
        match sentences.remove(&item.id) {
            Some(sentence) => answers.sentences.push(sentence),
            None => answers.missing.push(item.id.clone()),
        }
    }
    if !options.partial && !answers.missing.is_empty() {
        let missing = answers.missing;
        return Err(ExchangeError::Missing { path: from.to_owned(), missing, queried: queried.len() });
    }
    answers.remarks = remarks.lines();
    Ok(answers)
}

fn answer_error(answer: &RawAnswer, line: usize, message: String) -> ExchangeError {
    ExchangeError::Answer { path: answer.path.clone(), line, id: answer.id.clone(), message }
}

fn same_text(answer: &RawAnswer, item: &Item) -> Result<()> {
    if answer.text == item.text {
        return Ok(());
    }
    let same = answer.text.chars().zip(item.text.chars()).take_while(|(a, b)| a == b).count();
    let shown = |text: &str| text.chars().skip(same).take(20).collect::<String>();
    let message = format!(
        "the text has changed: from character {same} on it is `{}`, but `{}` was written; label the text, do not edit it",
        shown(&answer.text),
        shown(&item.text)
    );
    Err(answer_error(answer, answer.line, message))
}

fn count_new(mentions: &[Mention], options: AnswerOptions<'_>, answers: &mut Answers) {
    for mention in mentions {
        if !options.types.is_empty() && !options.types.contains(&mention.label) {
            *answers.new_types.entry(mention.label.clone()).or_default() += 1;
        }
        let concept = mention.concept.as_deref().unwrap_or(crate::corpus::MISSING);
        if options.concepts.is_some_and(|known| known.index(concept).is_none()) {
            *answers.new_concepts.entry(concept.to_owned()).or_default() += 1;
        }
    }
}

/// The mentions of an answer in tokens, sorted.
fn mentions(
    answer: &RawAnswer,
    item: &Item,
    options: AnswerOptions<'_>,
    remarks: &mut Remarks,
) -> Result<Vec<Mention>> {
    let map = CharMap::new(&item.text);
    let mut found: Vec<(Mention, usize)> = Vec::with_capacity(answer.mentions.len());
    for raw in &answer.mentions {
        let shown = format!("the mention {}..{} ({})", raw.start, raw.end, raw.label);
        let fail = |message: String| Err(answer_error(answer, raw.line, format!("{shown} {message}")));
        if raw.label.trim().is_empty() {
            return fail("has no type; choose one".to_owned());
        }
        if !options.types.is_empty() && !options.new_types && !options.types.contains(&raw.label) {
            return fail(format!(
                "has a type that the model does not know (it knows: {}); correct it, or say `--new-types` to accept it",
                options.types.join(", ")
            ));
        }
        let (start, end) = match characters(raw, &map, remarks, &answer.id) {
            Ok(place) => place,
            Err(message) => return fail(message),
        };
        let (start, end) = match tokens(start, end, item, &map) {
            Ok(place) => place,
            Err(message) => return fail(message),
        };
        let concept = raw.concept.as_deref().and_then(canonical_concept);
        if let Some(bad) = concept.as_deref().filter(|c| *c == OUTSIDE || c.contains(char::is_whitespace)) {
            return fail(format!(
                "has the concept `{bad}`, which is none: an identifier has no white space in it and is not `{OUTSIDE}`; join the parts of a composite mention by `|`"
            ));
        }
        found.push((Mention { start, end, label: raw.label.clone(), concept, confidence: None }, raw.line));
    }
    found.sort_by_key(|(mention, _)| (mention.start, mention.end));
    for pair in found.windows(2) {
        let (first, second) = (&pair[0].0, &pair[1].0);
        if second.start < first.end {
            let shown = |m: &Mention| {
                let (start, end) = item.characters(m);
                format!("`{}` ({})", map.slice(start, end).unwrap_or_default(), m.label)
            };
            let message = format!(
                "the mentions {} and {} overlap; keep one, or shorten them",
                shown(first),
                shown(second)
            );
            return Err(answer_error(answer, pair[1].1, message));
        }
    }
    Ok(found.into_iter().map(|(mention, _)| mention).collect())
}

/// The mention's characters; those of its own text where the offsets are in UTF-16 units.
fn characters(
    raw: &RawMention,
    map: &CharMap<'_>,
    remarks: &mut Remarks,
    id: &str,
) -> Result<(usize, usize), String> {
    let (start, end) = (raw.start, raw.end);
    let there = map.slice(start, end);
    let Some(own) = raw.text.as_deref() else {
        return there.map(|_| (start, end)).ok_or_else(|| outside(map));
    };
    // Tools put in other white space than the text has, and cut it off at the ends.
    let same =
        |found: Option<&str>| found.is_some_and(|found| found.split_whitespace().eq(own.split_whitespace()));
    if same(there) {
        return Ok((start, end));
    }
    if let Some((a, b)) = Utf16Units::of(map.text()).characters(start, end)
        && same(map.slice(a, b))
    {
        remarks.note("mentions with offsets in UTF-16 units, turned into characters", || id.to_owned());
        return Ok((a, b));
    }
    Err(there.map_or_else(
        || outside(map),
        |found| {
            format!(
                "does not match its own text: `{found}` stands there, but it says `{own}`; select it again"
            )
        },
    ))
}

fn outside(map: &CharMap<'_>) -> String {
    format!(
        "does not lie in the text's {} characters; offsets count characters from 0, ends are exclusive",
        map.len()
    )
}

/// The tokens of a place; white space at its ends does not count.
fn tokens(start: usize, end: usize, item: &Item, map: &CharMap<'_>) -> Result<(usize, usize), String> {
    let first = item.tokens.partition_point(|t| t.1 <= start);
    let last = item.tokens.partition_point(|t| t.0 < end);
    if first >= last {
        return Err("covers no token; select at least one word".to_owned());
    }
    let (whole_start, whole_end) = (item.tokens[first].0, item.tokens[last - 1].1);
    if whole_start < start || whole_end > end {
        let text = |(a, b): (usize, usize)| map.slice(a, b).unwrap_or_default().to_owned();
        let cut = if whole_start < start {
            format!("begins inside the token `{}`", text(item.tokens[first]))
        } else {
            format!("ends inside the token `{}`", text(item.tokens[last - 1]))
        };
        return Err(format!(
            "{cut}; select whole tokens: {whole_start}..{whole_end} `{}`",
            text((whole_start, whole_end))
        ));
    }
    Ok((first, last))
}
