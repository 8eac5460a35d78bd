//! Answers that must not be learnt from: refused with file, line, sentence and remedy.

use std::fs;
use std::path::Path;

use medner_mtaal::exchange::{AnswerOptions, ExchangeError, Item, Mention, Shape, read_answers, write_items};
use serde_json::{Value, json};

use crate::desk::{accept_all, looked_at, target, two_items, two_sentences};

const TEXT: &str = "Severe anemia and ADH .";

fn types() -> Vec<String> {
    ["Disease", "Chemical"].map(str::to_owned).to_vec()
}

/// Reads lines of our own shape as answers to the two sentences, which must fail; the message.
fn refused(lines: &[Value]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.jsonl");
    let text: String = lines.iter().map(|line| line.to_string() + "\n").collect();
    fs::write(&path, text).unwrap();
    let types = types();
    let options = AnswerOptions { types: &types, ..looked_at() };
    let error = read_answers(Some(Shape::Jsonl), &path, &two_items(), options).unwrap_err();
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

fn answer(entities: &Value) -> Value {
    json!({"id": "train.txt:7", "text": TEXT, "entities": entities})
}

fn empty() -> Value {
    json!({"id": "train.txt:13", "text": "No change .", "entities": []})
}

#[test]
fn every_kind_of_wrong_answer_names_line_sentence_and_remedy() {
    let disease = |start: usize, end: usize| json!({"start": start, "end": end, "label": "Disease"});
    let with = |key: &str, value: Value| {
        let mut entity = disease(0, 13);
        entity[key] = value;
        answer(&json!([entity]))
    };
    let cases = [
        (
            answer(&json!([disease(0, 10)])),
            "the mention 0..10 (Disease) ends inside the token `anemia`; select whole tokens: 0..13 `Severe anemia`",
        ),
        (
            answer(&json!([disease(9, 13)])),
            "begins inside the token `anemia`; select whole tokens: 7..13 `anemia`",
        ),
        (answer(&json!([disease(6, 7)])), "covers no token; select at least one word"),
        (answer(&json!([disease(13, 7)])), "does not lie in the text's 23 characters"),
        (answer(&json!([disease(18, 99)])), "does not lie in the text's 23 characters"),
        (
            answer(&json!([disease(7, 21), disease(0, 13)])),
            "the mentions `Severe anemia` (Disease) and `anemia and ADH` (Disease) overlap; keep one, or shorten them",
        ),
        (
            with("label", json!("Desease")),
            "has a type that the model does not know (it knows: Disease, Chemical); correct it, or say `--new-types`",
        ),
        (with("label", json!(" ")), "has no type; choose one"),
        (
            with("text", json!("anemia")),
            "`Severe anemia` stands there, but it says `anemia`; select it again",
        ),
        (with("concepts", json!(["D1 D2"])), "has the concept `D1 D2`, which is none"),
        (with("concepts", json!(["O"])), "has the concept `O`, which is none"),
        (
            json!({"id": "train.txt:7", "text": "Severe anaemia and ADH .", "entities": []}),
            "the text has changed: from character 9 on it is `aemia and ADH .`, but `emia and ADH .` was written",
        ),
        (
            json!({"id": "train.txt:8", "text": TEXT, "entities": []}),
            "was not queried in this round; answer the sentences of this round only",
        ),
    ];
    for (wrong, what) in cases {
        let message = refused(&[empty(), wrong.clone()]);
        let id = wrong["id"].as_str().unwrap();
        assert!(message.starts_with(&format!("answers.jsonl:2: sentence {id}: ")), "{message}");
        assert!(message.contains(what), "{message}");
    }
}

#[test]
fn a_second_answer_is_refused_with_both_lines() {
    let message = refused(&[empty(), answer(&json!([])), empty()]);
    assert!(
        message.starts_with("answers.jsonl:3: sentence train.txt:13: is answered twice (first at "),
        "{message}"
    );
    assert!(message.contains("answers.jsonl:1); keep the right answer"), "{message}");
}

#[test]
fn what_is_no_answer_is_refused_with_its_line() {
    for (wrong, what) in [
        (json!({"id": "train.txt:7", "text": TEXT}), "answers.jsonl:2: missing field `entities`"),
        (json!({"id": "train.txt:7", "text": TEXT, "entities": [], "lable": 1}), "unknown field `lable`"),
        (json!({"id": 7, "text": TEXT, "entities": []}), "answers.jsonl:2: invalid type"),
        (json!(["train.txt:7"]), "answers.jsonl:2: expected JSON objects"),
    ] {
        let message = refused(&[empty(), wrong]);
        assert!(message.contains(what), "{message}");
    }
}

/// Takes the second sentence's answer away from what came back.
fn leave_one_out(shape: Shape, path: &Path) {
    if shape == Shape::Brat {
        fs::remove_file(path.join("train.txt%3A13.ann")).unwrap();
        return;
    }
    let text = fs::read_to_string(path).unwrap();
    let changed = match shape {
        Shape::LabelStudio => {
            let mut tasks: Vec<Value> = serde_json::from_str(&text).unwrap();
            tasks[1]["annotations"] = json!([]);
            serde_json::to_string(&tasks).unwrap()
        }
        // As it was written: not labelled.
        Shape::Jsonl => {
            let mut second: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
            second["labelled"] = json!(false);
            format!("{}\n{second}\n", text.lines().next().unwrap())
        }
        _ => text.lines().next().unwrap().to_owned(),
    };
    fs::write(path, changed).unwrap();
}

#[test]
fn partial_answers_are_refused_unless_they_are_asked_for() {
    for shape in Shape::ALL {
        let folder = tempfile::tempdir().unwrap();
        let items = two_items();
        let path = accept_all(shape, &items, folder.path());
        leave_one_out(shape, &path);
        let error = read_answers(Some(shape), &path, &items, looked_at()).unwrap_err();
        assert!(
            matches!(&error, ExchangeError::Missing { missing, queried: 2, .. } if missing == &["train.txt:13"])
        );
        assert!(
            error.to_string().contains("train.txt:13; label them, or say `--partial`"),
            "{shape}: {error}"
        );
        let options = AnswerOptions { partial: true, ..looked_at() };
        let answers = read_answers(Some(shape), &path, &items, options).unwrap();
        assert_eq!(answers.missing, ["train.txt:13"], "{shape}");
        assert_eq!(answers.sentences, two_sentences()[..1], "{shape}");
    }
}

#[test]
fn an_untouched_file_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let items = two_items();
    for shape in [Shape::LabelStudio, Shape::Jsonl] {
        let path = target(shape, folder.path());
        write_items(shape, &items, &[], &path).unwrap();
        let error = read_answers(None, &path, &items, looked_at()).unwrap_err().to_string();
        let what = if shape == Shape::Jsonl { "2 of the 2 queried" } else { "export as JSON, neither" };
        assert!(error.contains(what), "{error}");
    }
}

/// Answers of Label Studio to the first sentence that must be refused.
fn task_refused(change: impl Fn(&mut Value)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = accept_all(Shape::LabelStudio, &two_items(), folder.path());
    let mut tasks: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut tasks[0]);
    fs::write(&path, format!("[\n{},\n{}\n]", tasks[0], tasks[1])).unwrap();
    let error = read_answers(Some(Shape::LabelStudio), &path, &two_items(), looked_at()).unwrap_err();
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn label_studios_own_mistakes_are_refused() {
    fn result(task: &mut Value) -> &mut Vec<Value> {
        task["annotations"][0]["result"].as_array_mut().unwrap()
    }
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 8] = [
        (
            |task| task["annotations"] = json!([task["annotations"][0], task["annotations"][0]]),
            "has 2 annotations; agree on one",
        ),
        (
            |task| result(task)[0]["value"]["labels"] = json!(["Disease", "Chemical"]),
            "a region has 2 labels; give it one",
        ),
        (|task| result(task)[0]["value"]["start"] = json!("x"), "a region cannot be read"),
        (
            |task| {
                let area = result(task)[1].clone();
                result(task).push(area);
            },
            "a region has two concepts, `D000740` and `D000740`; keep one",
        ),
        (
            |task| result(task)[0]["meta"] = json!({"text": ["D9"]}),
            "has the concept `D000740` and the note `D9`; keep one",
        ),
        (
            |task| result(task)[1]["id"] = json!("other"),
            "the concept `D000740` belongs to no labelled region",
        ),
        (|task| task["data"]["text"] = json!("Severe"), "the text has changed: from character 6 on it is ``"),
        (
            |task| drop(task.as_object_mut().unwrap().remove("annotations")),
            "has no `annotations`; export as JSON",
        ),
    ];
    for (change, what) in cases {
        let message = task_refused(change);
        assert!(message.starts_with("tasks.json:2: sentence train.txt:7: "), "{message}");
        assert!(message.contains(what), "{message}");
    }
    let message = task_refused(|task| drop(task["data"].as_object_mut().unwrap().remove("sentence_id")));
    assert!(message.starts_with("tasks.json:2: the task's data have no `sentence_id`"), "{message}");
    // A cancelled annotation is none.
    let message = task_refused(|task| task["annotations"][0]["was_cancelled"] = json!(true));
    assert!(message.contains("1 of the 2 queried sentences have no answer: train.txt:7"), "{message}");
}

#[test]
fn what_other_label_controls_mark_is_no_sentence_without_mentions() {
    for kind in ["hypertextlabels", "paragraphlabels"] {
        let message = task_refused(|task| {
            let result = &mut task["annotations"][0]["result"];
            result[0]["type"] = json!(kind);
            result.as_array_mut().unwrap().truncate(1);
        });
        let place = "tasks.json:2: sentence train.txt:7: has a region of the kind `";
        assert!(message.starts_with(&format!("{place}{kind}`")), "{message}");
        assert!(message.contains("label-studio.xml") && message.contains("export it again"), "{message}");
    }
}

#[test]
fn the_short_export_of_label_studio_is_not_taken_for_doccanos() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("min.json");
    let region = json!({"start": 0, "end": 13, "text": "Severe anemia", "labels": ["Disease"]});
    let task = json!({
        "id": 1, "sentence_id": "train.txt:7", "text": TEXT, "label": [region], "annotator": 1, "annotation_id": 4,
    });
    fs::write(&path, json!([task]).to_string()).unwrap();
    for shape in [None, Some(Shape::LabelStudio)] {
        let error = read_answers(shape, &path, &two_items(), looked_at()).unwrap_err();
        assert!(
            error.to_string().contains("min.json:1: the task has no `annotations`; export as JSON"),
            "{error}"
        );
        assert!(error.to_string().contains("neither as JSON-MIN"), "{error}");
    }
}

#[test]
fn offsets_that_doccano_cannot_have_are_refused() {
    let items = [Item {
        id: "1".to_owned(),
        text: "😀 fever".to_owned(),
        tokens: vec![(0, 1), (2, 7)],
        ..Item::default()
    }];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.jsonl");
    for (place, what) in [
        (
            [1, 8],
            "the mention 1..8 (Disease) begins or ends inside a character of two UTF-16 units; select it again",
        ),
        ([0, 1], "turn the project's option to count grapheme clusters off"),
        ([3, 9], "the mention 3..9 (Disease) does not lie in the text's 8 UTF-16 units"),
        ([8, 3], "does not lie in the text's 7 characters"),
    ] {
        let label = json!([[place[0], place[1], "Disease|D005334"]]);
        let line = json!({"id": 4, "sentence_id": "1", "text": items[0].text, "label": label});
        fs::write(&path, line.to_string()).unwrap();
        let error = read_answers(None, &path, &items, looked_at()).unwrap_err().to_string();
        assert!(error.contains("export.jsonl:1: sentence 1: ") && error.contains(what), "{error}");
    }
}

/// brat's answer to the first sentence that must be refused.
fn brat_refused(annotations: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = accept_all(Shape::Brat, &two_items(), folder.path());
    fs::write(path.join("train.txt%3A7.ann"), annotations).unwrap();
    let error = read_answers(None, &path, &two_items(), looked_at()).unwrap_err();
    error.to_string().replace(&format!("{}/", path.display()), "")
}

#[test]
fn brats_own_mistakes_are_refused() {
    for (annotations, line, what) in [
        ("T1\tDisease 0 6;18 21\tSevere ADH\n", 1, "`Severe ADH` is in several pieces (0 6;18 21)"),
        ("\nT1\tDisease 0 13\n", 2, "the mention has no text"),
        ("T1\tDisease 0\tSevere\n", 1, "expected `T1<TAB>Type start end<TAB>text`"),
        ("T1\tDisease 0 13\tSevere anemia\nT1\tDisease 18 21\tADH\n", 2, "`T1` stands twice"),
        ("N1\tReference T4 MESH:D1\tx\n", 1, "the reference is to `T4`, which is not in the file"),
        ("N1\tReference T4\tx\n", 1, "expected `Reference T1 RESOURCE:ID`"),
        ("X1\tDisease 0 13\tSevere anemia\n", 1, "expected a line that begins with T, N,"),
        ("T1\tDisease 0 13\tsevere anemia\n", 1, "does not match its own text"),
        ("T1\tDisease 0 13\tSevere anemia\nT2\tDisease 8 13\tnemia\n", 2, "begins inside the token `anemia`"),
    ] {
        let message = brat_refused(annotations);
        let place = format!("train.txt%3A7.ann:{line}: sentence train.txt:7: ");
        assert!(message.starts_with(&place) && message.contains(what), "{message}");
    }
}

#[test]
fn strange_files_in_a_brat_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = accept_all(Shape::Brat, &two_items(), folder.path());
    let read = || read_answers(None, &path, &two_items(), looked_at()).unwrap_err().to_string();
    fs::write(path.join("other.txt"), "x").unwrap();
    assert!(read().contains("other.txt:1: the file is of no sentence of this round"), "{}", read());
    fs::remove_file(path.join("other.txt")).unwrap();
    fs::write(path.join("train.txt%3A13.txt"), "\u{feff}No change .\n").unwrap();
    assert!(read().contains("sentence train.txt:13: the text has changed: from character 0"), "{}", read());
    fs::remove_file(path.join("train.txt%3A13.txt")).unwrap();
    assert!(read().contains("sentence train.txt:13: its `.txt` is missing"), "{}", read());
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let error = read_answers(None, &empty, &two_items(), looked_at()).unwrap_err().to_string();
    assert!(error.contains("there is no `.txt` in the folder"), "{error}");
}

#[test]
fn a_shape_that_does_not_fit_the_place_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = accept_all(Shape::Doccano, &two_items(), folder.path());
    let read = |shape, path: &Path| {
        read_answers(Some(shape), path, &two_items(), looked_at()).unwrap_err().to_string()
    };
    assert!(read(Shape::Brat, &path).contains("not a file"));
    assert!(read(Shape::Doccano, folder.path()).contains("are a file, not a folder"));
    assert!(read(Shape::LabelStudio, &path).contains("missing field `data`; expected a task"));
    assert!(read(Shape::Doccano, &folder.path().join("none.jsonl")).contains("none.jsonl: "));
    fs::write(&path, r#"{"id": 1, "text": "x", "label": []}"#).unwrap();
    assert!(read(Shape::Doccano, &path).contains("no `sentence_id`; import the file"));
    fs::write(&path, b"{\"text\": \"\xff\"}").unwrap();
    assert!(read(Shape::Doccano, &path).contains("doccano.jsonl:1: bytes that are not UTF-8"));
}

#[test]
fn work_that_is_there_is_never_written_over() {
    for shape in Shape::ALL {
        let folder = tempfile::tempdir().unwrap();
        let path = target(shape, folder.path());
        let items = two_items();
        write_items(shape, &items, &[], &path).unwrap();
        // The same again, as after an interruption.
        write_items(shape, &items, &[], &path).unwrap();
        let file = if shape == Shape::Brat { path.join("train.txt%3A7.ann") } else { path.clone() };
        fs::write(&file, "somebody's labels").unwrap();
        let error = write_items(shape, &items, &[], &path).unwrap_err();
        assert!(matches!(&error, ExchangeError::Exists { path } if *path == file), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "somebody's labels");
    }
}

#[test]
fn what_a_shape_has_no_place_for_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let item = |label: &str, concept: &str| {
        let mut item = Item::bare(&two_sentences()[0]);
        let concept = Some(concept.to_owned());
        item.mentions =
            vec![Mention { start: 0, end: 1, label: label.to_owned(), concept, confidence: None }];
        [item]
    };
    for (shape, items, what) in [
        (Shape::Doccano, item("Dis|ease", "D1"), "the type `Dis|ease` has a bar in it"),
        (Shape::Brat, item("Dis ease", "D1"), "the type `Dis ease` is empty or has white space"),
        (Shape::Brat, item("Disease", "D 1"), "the concept `D 1` is empty or has white space"),
        (Shape::Jsonl, item("", "D1"), "has no type"),
    ] {
        let error = write_items(shape, &items, &[], &target(shape, folder.path())).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
