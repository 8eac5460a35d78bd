//! brat: one `.txt` and one `.ann` a sentence, concepts as references (`N1 Reference T1 MESH:D003920`).
//!
//! The file's name is the sentence's identifier, with whatever is not a letter, a digit, `.`, `-` or `_` written `%3A`. A concept with
//! a colon in it names its resource itself; any other is of `MESH`. A composite mention has a reference for each part.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use medner_data::formats::text::{CharMap, decode_utf8};

use super::answers::{Raw, RawAnswer, RawMention, Remarks};
use super::error::{ExchangeError, Result};
use super::item::Item;
use super::json;

const CONFIGURATION: &str = "annotation.conf";

/// The files of a folder, with their contents.
pub(super) fn files(items: &[Item], types: &[String], folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut all: BTreeSet<&str> = types.iter().map(String::as_str).collect();
    all.extend(items.iter().flat_map(|item| &item.mentions).map(|m| m.label.as_str()));
    if let Some(bad) = all.iter().find(|label| label.is_empty() || label.contains(char::is_whitespace)) {
        let message = format!("the type `{bad}` is empty or has white space in it; brat needs a single word");
        let with = items.iter().find(|item| item.mentions.iter().any(|m| m.label == **bad));
        return Err(ExchangeError::item(with.map_or("(any)", |item| &item.id), message));
    }
    let entities: Vec<&str> = all.into_iter().collect();
    let configuration =
        format!("[entities]\n{}\n\n[relations]\n\n[events]\n\n[attributes]\n", entities.join("\n"));
    let mut files = vec![(folder.join(CONFIGURATION), configuration)];
    for item in items {
        let name = stem(&item.id);
        files.push((folder.join(format!("{name}.txt")), format!("{}\n", item.text)));
        files.push((folder.join(format!("{name}.ann")), annotations(item)?));
    }
    Ok(files)
}

fn annotations(item: &Item) -> Result<String> {
    let map = CharMap::new(&item.text);
    let (mut mentions, mut references) = (String::new(), String::new());
    let mut count = 0;
    for (mention, number) in item.mentions.iter().zip(1..) {
        let (start, end) = item.characters(mention);
        let text = map.slice(start, end).unwrap_or_default();
        writeln!(mentions, "T{number}\t{} {start} {end}\t{text}", mention.label)
            .expect("a string takes any text");
        for concept in mention.concept.iter().flat_map(|c| c.split('|')) {
            if concept.is_empty() || concept.contains(char::is_whitespace) {
                let message = format!(
                    "the concept `{concept}` is empty or has white space in it; brat has no place for it"
                );
                return Err(ExchangeError::item(&item.id, message));
            }
            count += 1;
            let resource = if concept.contains(':') { "" } else { "MESH:" };
            writeln!(references, "N{count}\tReference T{number} {resource}{concept}\t{text}")
                .expect("a string takes any text");
        }
    }
    Ok(mentions + &references)
}

/// The file's name, without its ending, for an identifier. Different identifiers have different names.
fn stem(id: &str) -> String {
    let mut name = String::new();
    for (at, byte) in id.bytes().enumerate() {
        // A first dot would hide the file.
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && at > 0);
        if plain {
            name.push(char::from(byte));
        } else {
            write!(name, "%{byte:02X}").expect("a string takes any text");
        }
    }
    name
}

pub(super) fn read(folder: &Path, queried: &[Item]) -> Result<Raw> {
    let mut names: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(ExchangeError::io(folder))? {
        let path = entry.map_err(ExchangeError::io(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".txt") {
            names.entry(stem.to_owned()).or_default().0 = true;
        } else if let Some(stem) = name.strip_suffix(".ann") {
            names.entry(stem.to_owned()).or_default().1 = true;
        }
    }
    let ids: BTreeMap<String, &str> = queried.iter().map(|item| (stem(&item.id), item.id.as_str())).collect();
    let mut raw = Raw { silent: true, ..Raw::default() };
    for (name, (has_text, has_annotations)) in names {
        let [text_path, path] = [".txt", ".ann"].map(|suffix| folder.join(format!("{name}{suffix}")));
        let Some(&id) = ids.get(&name) else {
            let message = "the file is of no sentence of this round; keep the names that were written, and other files elsewhere";
            return Err(ExchangeError::parse(if has_text { &text_path } else { &path }, 1, message, ""));
        };
        if !has_text {
            let message = "its `.txt` is missing; put back the one that was written".to_owned();
            return Err(ExchangeError::Answer { path, line: 1, id: id.to_owned(), message });
        }
        let mut text = read_text(&text_path)?;
        // Some editors end lines as Windows does.
        let line = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n'));
        let length = line.map_or(text.len(), str::len);
        text.truncate(length);
        let mut answer = RawAnswer {
            path,
            line: 1,
            id: id.to_owned(),
            text,
            answered: has_annotations,
            ..RawAnswer::default()
        };
        if has_annotations {
            let content = json::read(&answer.path)?;
            answer.mentions = mentions(&content, &answer, &mut raw.remarks).map_err(|(line, message)| {
                ExchangeError::Answer { path: answer.path.clone(), line, id: id.to_owned(), message }
            })?;
        } else {
            // The text is what is compared then.
            answer.path = text_path;
        }
        raw.answers.push(answer);
    }
    if raw.answers.is_empty() {
        return Err(ExchangeError::parse(
            folder,
            1,
            "there is no `.txt` in the folder; give the folder that was written",
            "",
        ));
    }
    Ok(raw)
}

/// The text as it is: a byte order mark counts in the offsets, so it is a change of the text.
fn read_text(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(ExchangeError::io(path))?;
    let marked = bytes.starts_with("\u{feff}".as_bytes());
    let text = decode_utf8(bytes, path).map_err(|e| ExchangeError::parse(path, 1, e.to_string(), ""))?;
    Ok(if marked { format!("\u{feff}{text}") } else { text })
}

/// Line and message of what is wrong.
type Wrong = (usize, String);

fn mentions(content: &str, answer: &RawAnswer, remarks: &mut Remarks) -> Result<Vec<RawMention>, Wrong> {
    let mut mentions: BTreeMap<&str, RawMention> = BTreeMap::new();
    let mut references: Vec<(usize, &str, &str)> = Vec::new();
    for (line, text) in (1..).zip(content.lines()) {
        let mut columns = text.splitn(3, '\t');
        let (key, middle) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
        let own = columns.next();
        match key.chars().next() {
            None => {}
            Some('T') => {
                let mention = mention(line, middle, own).map_err(|message| (line, message))?;
                if mentions.insert(key, mention).is_some() {
                    return Err((
                        line,
                        format!("the identifier `{key}` stands twice; number the mentions anew"),
                    ));
                }
            }
            Some('N') => match middle.split(' ').collect::<Vec<_>>()[..] {
                ["Reference", target, concept] if !concept.is_empty() => {
                    references.push((line, target, concept));
                }
                _ => return Err((line, format!("expected `Reference T1 RESOURCE:ID`, found `{middle}`"))),
            },
            Some('R' | 'E' | 'A' | 'M' | '*' | '#') => {
                remarks.note("relations, events, attributes or notes, not read", || {
                    format!("{}: {text}", answer.id)
                });
            }
            Some(_) => {
                return Err((
                    line,
                    format!("expected a line that begins with T, N, R, E, A, M, * or #, found `{text}`"),
                ));
            }
        }
    }
    for (line, target, concept) in references {
        let Some(mention) = mentions.get_mut(target) else {
            return Err((
                line,
                format!("the reference is to `{target}`, which is not in the file; remove the reference"),
            ));
        };
        let concepts = mention.concept.get_or_insert_default();
        if !concepts.is_empty() {
            concepts.push('|');
        }
        concepts.push_str(concept);
    }
    Ok(mentions.into_values().collect())
}

fn mention(line: usize, middle: &str, own: Option<&str>) -> Result<RawMention, String> {
    let expected = || format!("expected `T1<TAB>Type start end<TAB>text`, found `{middle}`");
    let own = own.ok_or_else(|| format!("the mention has no text; {}", expected()))?;
    let (label, places) = middle.split_once(' ').ok_or_else(expected)?;
    if places.contains(';') {
        return Err(format!(
            "the mention `{own}` is in several pieces ({places}), which the model cannot learn; mark one piece, or all that lies between"
        ));
    }
    let (start, end) = places.split_once(' ').ok_or_else(expected)?;
    let number = |text: &str| text.parse::<usize>().map_err(|_| expected());
    Ok(RawMention {
        line,
        start: number(start)?,
        end: number(end)?,
        label: label.to_owned(),
        concept: None,
        text: Some(own.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_safe_and_different() {
        let names = ["train.txt:118", ".hidden", "a/b", "a%2Fb", "é", "7@12"].map(stem);
        assert_eq!(names, ["train.txt%3A118", "%2Ehidden", "a%2Fb", "a%252Fb", "%C3%A9", "7%4012"]);
    }
}
