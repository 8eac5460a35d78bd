//! What is written and accepted comes back as it was, whatever is in it.

use std::fs;

use medner_data::{Sentence, Span};
use medner_mtaal::corpus::ConceptSet;
use medner_mtaal::exchange::{AnswerOptions, Answers, Item, Mention, Shape, read_answers, write_items};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::desk::{accept_all, looked_at, spelt, target, two_items, two_sentences};

const TYPES: [&str; 3] = ["Disease", "Chemical", "Gène"];
const CONCEPTS: [&str; 6] = ["-1", "D003920", "OMIM:215600", "D1|D2", "D015862+D058499", "C535342"];

prop_compose! {
    /// A sentence of one to nine tokens with random mentions.
    fn sentence()(
        tokens in prop::collection::vec("[a-zé患😀β\"\\\\|<&%{}:,;#-]{1,4}", 1..9),
        cuts in prop::collection::vec((0..9_usize, 1..4_usize, 0..TYPES.len(), 0..CONCEPTS.len()), 0..4),
        id in "[a-z.:/ é%@\"#-]{1,6}",
    ) -> Sentence {
        let mut spans: Vec<Span> = Vec::new();
        let mut concepts = vec!["O".to_owned(); tokens.len()];
        for (start, length, label, concept) in cuts {
            let span = Span::new(start, start + length, TYPES[label]);
            if span.end <= tokens.len() && !spans.iter().any(|other| other.overlaps(&span)) {
                concepts[span.start..span.end].fill(CONCEPTS[concept].to_owned());
                spans.push(span);
            }
        }
        spans.sort();
        Sentence { id: format!("x{id}"), tokens, spans, concepts, ..Sentence::default() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_annotation_survives_every_shape(sentences in prop::collection::vec(sentence(), 1..5)) {
        let mut sentences = sentences;
        for (number, sentence) in sentences.iter_mut().enumerate() {
            sentence.id = format!("{number}{}", sentence.id);
        }
        let items: Vec<Item> = sentences.iter().map(Item::from_sentence).collect();
        for shape in Shape::ALL {
            let folder = tempfile::tempdir().unwrap();
            let path = accept_all(shape, &items, folder.path());
            let answers = read_answers(None, &path, &items, looked_at()).unwrap();
            prop_assert_eq!(&answers.sentences, &sentences, "{}", shape);
            prop_assert!(answers.missing.is_empty() && answers.remarks.is_empty());
        }
    }

    /// A damaged file is refused or read, but never brings another text, and never a panic.
    #[test]
    fn damaged_files_do_no_harm(at in 0..2_000_usize, put in "[\\[\\]{}\",:0-9a-z\\\\\t\n]{0,2}", cut in 0..3_usize) {
        let items = two_items();
        for shape in Shape::ALL {
            let folder = tempfile::tempdir().unwrap();
            let path = accept_all(shape, &items, folder.path());
            let file = if shape == Shape::Brat { path.join("train.txt%3A7.ann") } else { path.clone() };
            let mut text: Vec<char> = fs::read_to_string(&file).unwrap().chars().collect();
            let start = at % text.len();
            let end = (start + cut).min(text.len());
            text.splice(start..end, put.chars());
            fs::write(&file, text.into_iter().collect::<String>()).unwrap();
            if let Ok(answers) = read_answers(Some(shape), &path, &items, looked_at()) {
                let tokens: Vec<_> = answers.sentences.iter().map(|s| s.tokens.clone()).collect();
                prop_assert_eq!(tokens, two_sentences().into_iter().map(|s| s.tokens).collect::<Vec<_>>());
                for sentence in &answers.sentences {
                    sentence.check().unwrap();
                }
            }
        }
    }
}

#[test]
fn files_are_written_as_the_tools_import_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut items = two_items();
    items[0].mentions[0].confidence = Some(0.75);
    let written = |shape: Shape| {
        let path = target(shape, folder.path());
        write_items(shape, &items, &["Gene".to_owned()], &path).unwrap();
        path
    };
    let tasks = fs::read_to_string(written(Shape::LabelStudio)).unwrap();
    assert_eq!(tasks.lines().count(), 4, "an array with a task a line: {tasks}");
    let tasks: Vec<Value> = serde_json::from_str(&tasks).unwrap();
    assert_eq!(tasks[0]["data"], json!({"sentence_id": "train.txt:7", "text": "Severe anemia and ADH ."}));
    let prediction = &tasks[0]["predictions"][0];
    assert_eq!(prediction["score"], 0.75);
    let region = json!({
        "id": "m0", "from_name": "label", "to_name": "text", "type": "labels", "score": 0.75,
        "value": {"start": 0, "end": 13, "text": "Severe anemia", "labels": ["Disease"]},
    });
    assert_eq!(prediction["result"][0], region);
    assert_eq!(prediction["result"][1]["value"], json!({"start": 0, "end": 13, "text": ["D000740"]}));
    assert_eq!(
        prediction["result"].as_array().unwrap().len(),
        3,
        "a mention without concept has no text area"
    );
    assert_eq!(tasks[1].get("predictions"), None);

    let lines = fs::read_to_string(written(Shape::Doccano)).unwrap();
    let expected = r#"{"sentence_id":"train.txt:7","text":"Severe anemia and ADH .","label":[[0,13,"Disease|D000740"],[18,21,"Chemical"]]}"#;
    assert_eq!(lines.lines().next(), Some(expected));

    let lines = fs::read_to_string(written(Shape::Jsonl)).unwrap();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["labelled"], &first["tokens"][4]), (&json!(false), &json!([22, 23])));
    assert_eq!(first["entities"][0]["concepts"], json!(["D000740"]));

    let brat = written(Shape::Brat);
    let expected = "T1\tDisease 0 13\tSevere anemia\nT2\tChemical 18 21\tADH\nN1\tReference T1 MESH:D000740\tSevere anemia\n";
    assert_eq!(fs::read_to_string(brat.join("train.txt%3A7.ann")).unwrap(), expected);
    assert_eq!(fs::read_to_string(brat.join("train.txt%3A13.ann")).unwrap(), "");
    assert_eq!(fs::read_to_string(brat.join("train.txt%3A7.txt")).unwrap(), "Severe anemia and ADH .\n");
    let configuration = fs::read_to_string(brat.join("annotation.conf")).unwrap();
    assert!(
        configuration.starts_with("[entities]\nChemical\nDisease\nGene\n\n[relations]\n"),
        "{configuration}"
    );
}

#[test]
fn label_studio_takes_tasks_a_line_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.jsonl");
    write_items(Shape::LabelStudio, &two_items(), &[], &path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
}

/// Answers of one task that was labelled by hand.
fn labelled(result: &Value) -> Answers {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.json");
    let data = json!({"sentence_id": "train.txt:7", "text": "Severe anemia and ADH ."});
    fs::write(&path, json!([{"id": 3, "data": data, "annotations": [{"result": result}]}]).to_string())
        .unwrap();
    read_answers(None, &path, &two_items()[..1], looked_at()).unwrap()
}

#[test]
fn a_region_of_label_studio_has_its_concept_in_a_text_area_or_a_note() {
    let value = |text: &str| json!({"start": 7, "end": 13, "text": text, "labels": ["Disease"]});
    let regions = [
        json!([
            {"id": "r", "type": "labels", "value": value("anemia")},
            {"id": "r", "type": "textarea", "value": {"start": 7, "end": 13, "text": ["MESH:D000740 "]}},
        ]),
        json!([{"id": "r", "type": "labels", "value": value("anemia"), "meta": {"text": ["D000740"]}}]),
        json!([
            {"type": "relation", "from_id": "r", "to_id": "r"},
            {"id": "r", "type": "labels", "value": value("anemia"), "meta": {"text": "D000740"}},
        ]),
    ];
    for result in regions {
        let answers = labelled(&result);
        assert_eq!(answers.sentences[0].spans, [Span::new(1, 2, "Disease")]);
        assert_eq!(answers.sentences[0].concepts, ["O", "D000740", "O", "O", "O"]);
        assert_eq!(
            answers.remarks.len(),
            usize::from(result[0]["type"] == "relation"),
            "{:?}",
            answers.remarks
        );
    }
}

#[test]
fn white_space_at_a_mentions_ends_is_no_mistake() {
    let answers = labelled(&json!([
        {"id": "r", "type": "labels", "value": {"start": 6, "end": 14, "text": " anemia ", "labels": ["Disease"]}},
    ]));
    assert_eq!(answers.sentences[0].spans, [Span::new(1, 2, "Disease")]);
    assert_eq!(answers.sentences[0].concepts[1], "-1");
}

#[test]
fn offsets_in_utf_16_units_are_turned_into_characters() {
    let sentence = Sentence {
        id: "1".to_owned(),
        tokens: ["😀😀", "no", "fever"].map(str::to_owned).to_vec(),
        spans: vec![Span::new(2, 3, "Disease")],
        concepts: ["O", "O", "-1"].map(str::to_owned).to_vec(),
        ..Sentence::default()
    };
    let items = [Item::from_sentence(&sentence)];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.json");
    let value = json!({"start": 8, "end": 13, "text": "fever", "labels": ["Disease"]});
    let annotations = json!([{"result": [{"id": "r", "type": "labels", "value": value}]}]);
    let data = json!({"sentence_id": "1", "text": "😀😀 no fever"});
    fs::write(&path, json!([{"data": data, "annotations": annotations}]).to_string()).unwrap();
    let answers = read_answers(Some(Shape::LabelStudio), &path, &items, looked_at()).unwrap();
    assert_eq!(answers.sentences, [sentence]);
    assert_eq!(
        answers.remarks,
        ["1 mentions with offsets in UTF-16 units, turned into characters (first: 1)"]
    );
}

#[test]
fn doccanos_offsets_count_utf_16_units() {
    let sentence = Sentence {
        id: "1".to_owned(),
        tokens: ["😀😀", "no", "fever", "😀"].map(str::to_owned).to_vec(),
        spans: vec![Span::new(2, 4, "Disease")],
        concepts: ["O", "O", "D005334", "D005334"].map(str::to_owned).to_vec(),
        ..Sentence::default()
    };
    let items = [Item::from_sentence(&sentence)];
    let folder = tempfile::tempdir().unwrap();
    let path = accept_all(Shape::Doccano, &items, folder.path());
    let line: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(line["label"], json!([[8, 16, "Disease|D005334"]]));
    let answers = read_answers(None, &path, &items, looked_at()).unwrap();
    assert_eq!((&answers.sentences[0], answers.remarks.len()), (&sentence, 0));
    // So do those of a project with relations.
    let entity = json!({"id": 9, "label": "Disease|D005334", "start_offset": 8, "end_offset": 16});
    let line =
        json!({"id": 4, "text": items[0].text, "sentence_id": "1", "relations": [], "entities": [entity]});
    fs::write(&path, line.to_string()).unwrap();
    let answers = read_answers(None, &path, &items, looked_at()).unwrap();
    assert_eq!(answers.sentences, [sentence]);
}

#[test]
fn brats_files_may_end_lines_as_windows_does() {
    let folder = tempfile::tempdir().unwrap();
    let items = two_items();
    let path = accept_all(Shape::Brat, &items, folder.path());
    for entry in fs::read_dir(&path).unwrap() {
        let file = entry.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace('\n', "\r\n")).unwrap();
    }
    let answers = read_answers(None, &path, &items, looked_at()).unwrap();
    assert_eq!(answers.sentences, two_sentences());
}

#[test]
fn doccanos_other_exports_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.jsonl");
    let text = "Severe anemia and ADH .";
    for line in [
        json!({"id": 4, "text": text, "meta": {"sentence_id": "train.txt:7"}, "labels": [[0, 13, "Disease|D000740"], [18, 21, "Chemical"]]}),
        json!({"id": 4, "text": text, "sentence_id": "train.txt:7", "relations": [{"id": 0}], "entities": [
            {"id": 9, "label": "Chemical", "start_offset": 18, "end_offset": 21},
            {"id": 8, "label": "Disease|D000740", "start_offset": 0, "end_offset": 13},
        ]}),
    ] {
        fs::write(&path, line.to_string()).unwrap();
        let answers = read_answers(None, &path, &two_items()[..1], looked_at()).unwrap();
        assert_eq!(answers.sentences, two_sentences()[..1]);
        assert_eq!(answers.remarks.len(), usize::from(line.get("relations").is_some()));
    }
}

#[test]
fn brats_composite_mentions_have_several_references() {
    let mut items = two_items();
    items.truncate(1);
    items[0].mentions[0].concept = Some("D1|OMIM:2".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let path = accept_all(Shape::Brat, &items, folder.path());
    let file = path.join("train.txt%3A7.ann");
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("N1\tReference T1 MESH:D1\t") && text.contains("N2\tReference T1 OMIM:2\t"),
        "{text}"
    );
    fs::write(&file, text + "#1\tAnnotatorNotes T1\tsure?\n").unwrap();
    let answers = read_answers(None, &path, &items, looked_at()).unwrap();
    assert_eq!(answers.sentences[0].concepts[..2], ["D1|OMIM:2", "D1|OMIM:2"]);
    assert_eq!(answers.remarks.len(), 1);
}

#[test]
fn what_the_model_does_not_know_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let items = two_items();
    let path = accept_all(Shape::Jsonl, &items, folder.path());
    let (types, concepts) = (["Chemical".to_owned()], ConceptSet::new(["D9"]));
    let options = AnswerOptions { types: &types, new_types: true, concepts: Some(&concepts), ..looked_at() };
    let answers = read_answers(None, &path, &items, options).unwrap();
    assert_eq!(answers.new_types.into_iter().collect::<Vec<_>>(), [("Disease".to_owned(), 1)]);
    let new: Vec<_> = answers.new_concepts.into_iter().collect();
    assert_eq!(new, [("-1".to_owned(), 1), ("D000740".to_owned(), 1)]);
}

#[test]
fn sentences_without_suggestions_go_out_bare() {
    let folder = tempfile::tempdir().unwrap();
    let items: Vec<Item> = two_sentences().iter().map(Item::bare).collect();
    for shape in Shape::ALL {
        let path = accept_all(shape, &items, folder.path());
        let answers = read_answers(None, &path, &items, looked_at()).unwrap();
        assert!(answers.sentences.iter().all(|s| s.spans.is_empty()), "{shape}");
        assert!(answers.sentences.iter().all(|s| s.concepts.iter().all(|c| c == "O")), "{shape}");
    }
}

#[test]
fn confidences_are_written_and_not_read() {
    let mut items = two_items();
    let mention = Mention { confidence: Some(0.25), ..items[0].mentions[1].clone() };
    items[0].mentions[1] = mention;
    let folder = tempfile::tempdir().unwrap();
    for shape in Shape::ALL {
        let path = accept_all(shape, &items, folder.path());
        let answers = read_answers(None, &path, &items, looked_at()).unwrap();
        let expected: Vec<Sentence> = two_sentences().iter().map(spelt).collect();
        assert_eq!(answers.sentences, expected, "{shape}");
    }
}
