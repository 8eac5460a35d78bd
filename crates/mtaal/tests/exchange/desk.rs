//! A labelling desk: what each tool exports when somebody accepts every suggestion.

use std::fs;
use std::path::{Path, PathBuf};

use medner_data::{Sentence, Span};
use medner_mtaal::exchange::{AnswerOptions, Item, Mention, Shape, canonical_concept, write_items};
use serde_json::{Value, json};

/// Somebody looked at every sentence, also where the tool does not say so.
pub fn looked_at() -> AnswerOptions<'static> {
    AnswerOptions { unchanged: true, ..AnswerOptions::default() }
}

/// Where a shape is written in a folder.
pub fn target(shape: Shape, folder: &Path) -> PathBuf {
    folder.join(match shape {
        Shape::LabelStudio => "tasks.json",
        Shape::Doccano => "doccano.jsonl",
        Shape::Jsonl => "sentences.jsonl",
        Shape::Brat => "brat",
    })
}

/// Writes items and turns the file into what comes back from the desk.
pub fn accept_all(shape: Shape, items: &[Item], folder: &Path) -> PathBuf {
    let path = target(shape, folder);
    write_items(shape, items, &[], &path).unwrap();
    if shape == Shape::Doccano {
        assert_eq!(marked(&path), items.iter().map(suggested).collect::<Vec<_>>());
    }
    export(shape, &path);
    path
}

/// The texts that doccano marks in each sentence of a file. It is written in JavaScript, so that its offsets count UTF-16 units.
fn marked(path: &Path) -> Vec<Vec<String>> {
    let marked = |line: Value| -> Vec<String> {
        let text: Vec<u16> = line["text"].as_str().unwrap().encode_utf16().collect();
        let at = |offset: &Value| offset.as_u64().unwrap() as usize;
        let labels = line["label"].as_array().unwrap().iter();
        // Half a character would be no text.
        labels.map(|label| String::from_utf16(&text[at(&label[0])..at(&label[1])]).unwrap()).collect()
    };
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| marked(serde_json::from_str(line).unwrap()))
        .collect()
}

/// The texts of an item's mentions.
fn suggested(item: &Item) -> Vec<String> {
    let text = |mention: &Mention| -> String {
        let (start, end) = (item.tokens[mention.start].0, item.tokens[mention.end - 1].1);
        item.text.chars().skip(start).take(end - start).collect()
    };
    item.mentions.iter().map(text).collect()
}

/// Turns a written file into the tool's export, every suggestion accepted.
pub fn export(shape: Shape, path: &Path) {
    let lines = |change: fn(usize, Value) -> Value| {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().enumerate();
        let changed: Vec<String> =
            lines.map(|(n, line)| change(n, serde_json::from_str(line).unwrap()).to_string()).collect();
        fs::write(path, changed.join("\n")).unwrap();
    };
    match shape {
        Shape::Brat => {}
        Shape::Jsonl => lines(|_, mut line| {
            line["labelled"] = json!(true);
            line
        }),
        Shape::Doccano => lines(|number, mut line| {
            line["id"] = json!(number + 1);
            line["Comments"] = json!([]);
            line
        }),
        Shape::LabelStudio => {
            let tasks: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            let exported: Vec<Value> = tasks.into_iter().enumerate().map(task).collect();
            fs::write(path, serde_json::to_string(&exported).unwrap()).unwrap();
        }
    }
}

fn task((number, written): (usize, Value)) -> Value {
    let result = written["predictions"].get(0).map_or_else(|| json!([]), |p| p["result"].clone());
    json!({
        "id": number + 1,
        "annotations": [{"id": number + 1, "completed_by": 1, "was_cancelled": false, "result": result}],
        "file_upload": "tasks.json",
        "drafts": [],
        "predictions": [],
        "data": written["data"],
        "meta": {},
    })
}

/// The sentence with its concepts in the one spelling.
pub fn spelt(sentence: &Sentence) -> Sentence {
    let mut spelt = sentence.clone();
    for concept in spelt.concepts.iter_mut().filter(|c| *c != "O") {
        *concept = canonical_concept(concept).unwrap_or_else(|| "-1".to_owned());
    }
    spelt
}

/// `Severe anemia and ADH .` with two mentions, and `No change .` with none.
pub fn two_sentences() -> Vec<Sentence> {
    let sentence = |id: &str, text: &str, spans: Vec<Span>, concepts: &[&str]| Sentence {
        id: id.to_owned(),
        tokens: text.split(' ').map(str::to_owned).collect(),
        spans,
        concepts: concepts.iter().map(|&c| c.to_owned()).collect(),
        ..Sentence::default()
    };
    vec![
        sentence(
            "train.txt:7",
            "Severe anemia and ADH .",
            vec![Span::new(0, 2, "Disease"), Span::new(3, 4, "Chemical")],
            &["D000740", "D000740", "O", "-1", "O"],
        ),
        sentence("train.txt:13", "No change .", vec![], &["O", "O", "O"]),
    ]
}

/// The items of [`two_sentences`].
pub fn two_items() -> Vec<Item> {
    two_sentences().iter().map(Item::from_sentence).collect()
}
