//! What `predict` gives, in every format and on odd text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use medner_data::formats::brat::read_brat;
use medner_data::formats::conll::{ConllOptions, read_conll};
use medner_data::formats::jsonl::read_jsonl;
use medner_data::formats::pubtator::{PubTatorOptions, read_pubtator};
use medner_data::{Document, Span};

use crate::desk::{Desk, Line, clinical, model, save, spans};

#[test]
fn predictions_do_not_replace_what_they_are_made_of() {
    let desk = Desk::new();
    desk.write("notes.txt", "患者因胃癌入院。\n");
    let model = model().to_str().unwrap();
    let args = ["predict", "--model", model, "--input", "notes.txt", "--output", "./notes.txt"];
    desk.refused(1, &args, &["notes.txt", "is the input"]);
    assert_eq!(fs::read_to_string(desk.path("notes.txt")).unwrap(), "患者因胃癌入院。\n");
}

#[test]
fn train_evaluate_and_predict_in_every_format() {
    let desk = Desk::new();
    let (_, test) = clinical();
    save(&test, &desk.path("test.jsonl"));
    let model_folder = model().to_str().unwrap();
    let args = ["evaluate", "--quiet", "--model", model_folder, "--test", "test.jsonl", "--json"];
    let scores: BTreeMap<String, BTreeMap<String, f64>> = serde_json::from_str(&desk.fine(&args).0).unwrap();
    assert!(scores["ner"]["f1"] > 0.4, "{scores:?}");

    let lines = desk.lines("test.jsonl");
    assert_eq!(lines.len(), test.len());
    assert!(lines.iter().map(|line| line.entities.len()).sum::<usize>() > 50);
    assert!(lines.iter().flat_map(|line| &line.entities).any(|e| e.confidence > 0.9));
    // The scores of `evaluate` are those of what `predict` gives.
    let right =
        |(line, gold): (&Line, &Document)| line.spans().iter().filter(|s| spans(gold).contains(s)).count();
    let hits: usize = lines.iter().zip(&test).map(right).sum();
    let found: usize = lines.iter().map(|line| line.entities.len()).sum();
    let gold: usize = test.iter().map(|d| d.entities.len()).sum();
    let f1 = 2.0 * hits as f64 / (found + gold) as f64;
    assert!((f1 - scores["ner"]["f1"]).abs() < 1e-12, "{f1} {scores:?}");

    // Our own reader takes the predictions for annotations, offsets checked against each entity's text.
    desk.write("predicted.jsonl", desk.predict("test.jsonl", "jsonl"));
    let back = read_jsonl(&desk.path("predicted.jsonl")).unwrap().items;
    for (line, document) in lines.iter().zip(&back) {
        assert_eq!((&line.id, &line.text, line.spans()), (&document.id, &document.text, spans(document)));
    }

    desk.write("predicted.txt", desk.predict("test.jsonl", "conll"));
    let sentences = read_conll(&desk.path("predicted.txt"), &ConllOptions::default()).unwrap().items;
    assert_eq!(sentences.len(), lines.len());
    for (line, sentence) in lines.iter().zip(&sentences) {
        assert_eq!((line.text.clone(), line.spans()), (sentence.tokens.concat(), sentence.spans.clone()));
    }

    let args = [
        "predict",
        "--quiet",
        "--model",
        model_folder,
        "--input",
        "test.jsonl",
        "--format",
        "brat",
        "--output",
        "brat",
    ];
    desk.fine(&args);
    let name = |line: &Line| line.id.replace([':', ' '], "-");
    let expected: BTreeMap<String, &Line> = lines.iter().map(|line| (name(line), line)).collect();
    let read = read_brat(&desk.path("brat")).unwrap();
    assert_eq!((read.documents.len(), read.discontinuous.len()), (lines.len(), 0));
    desk.write("predicted.pubtator", desk.predict("test.jsonl", "pubtator"));
    let pubtator = read_pubtator(&desk.path("predicted.pubtator"), PubTatorOptions::default()).unwrap().items;
    assert_eq!(pubtator.len(), lines.len());
    for document in read.documents.iter().chain(&pubtator) {
        let line = expected[&document.id];
        assert_eq!((&line.text, line.spans()), (&document.text, spans(document)));
    }

    let marked = desk.predict("test.jsonl", "text");
    for (line, marked) in lines.iter().zip(marked.lines()) {
        let mut expected: Vec<String> = line.text.chars().map(String::from).collect();
        for e in &line.entities {
            expected[e.start].insert(0, '[');
            write!(expected[e.end - 1], "]({})", e.label).unwrap();
        }
        assert_eq!(expected.concat(), marked);
    }
}

/// A line of the sample in which the model finds entities.
fn telling(desk: &Desk) -> Line {
    let (_, test) = clinical();
    save(&test, &desk.path("all.jsonl"));
    desk.lines("all.jsonl").into_iter().max_by_key(|line| line.entities.len()).unwrap()
}

#[test]
fn byte_order_mark_and_carriage_returns_change_nothing() {
    let desk = Desk::new();
    let text = telling(&desk).text;
    let plain = format!("{text}\n{text}\n");
    desk.write("notes.txt", &plain);
    fs::create_dir(desk.path("windows")).unwrap();
    desk.write("windows/notes.txt", format!("\u{feff}{}", plain.replace('\n', "\r\n")));
    for format in ["jsonl", "text", "conll", "pubtator"] {
        assert_eq!(desk.predict("notes.txt", format), desk.predict("windows/notes.txt", format), "{format}");
    }
    let lines = desk.lines("windows/notes.txt");
    assert_eq!((lines[0].id.as_str(), lines[1].id.as_str()), ("notes.txt:1", "notes.txt:2"));
    assert!(lines.iter().all(|line| line.text == text && !line.entities.is_empty()));
}

#[test]
fn empty_lines_keep_their_places() {
    let desk = Desk::new();
    let line = telling(&desk);
    desk.write("notes.txt", format!("\n{}\n\n", line.text));
    let lines = desk.lines("notes.txt");
    assert_eq!(lines.len(), 3);
    assert_eq!(
        (lines[0].text.as_str(), lines[0].entities.len(), lines[2].id.as_str()),
        ("", 0, "notes.txt:3")
    );
    assert_eq!((&lines[1].text, &lines[1].entities), (&line.text, &line.entities));
    assert!(desk.predict("notes.txt", "text").starts_with('\n'));
    // Columns have no way to write a sentence without tokens.
    desk.write("out.txt", desk.predict("notes.txt", "conll"));
    let sentences = read_conll(&desk.path("out.txt"), &ConllOptions::default()).unwrap().items;
    assert_eq!(sentences.len(), 1);
    assert_eq!(sentences[0].spans, line.spans());
    desk.write("out.pubtator", desk.predict("notes.txt", "pubtator"));
    let documents = read_pubtator(&desk.path("out.pubtator"), PubTatorOptions::default()).unwrap().items;
    assert_eq!(documents.iter().map(|d| d.entities.len()).collect::<Vec<_>>(), [0, line.entities.len(), 0]);
    desk.write("nothing.txt", "");
    assert_eq!(desk.predict("nothing.txt", "jsonl"), "");
    assert_eq!(desk.predict("nothing.txt", "conll"), "");
}

#[test]
fn a_record_of_five_thousand_characters_without_a_full_stop() {
    let desk = Desk::new();
    let line = telling(&desk);
    let plain: String = line.text.chars().filter(|c| !"。；;，,\n".contains(*c)).collect();
    let text: String = plain.chars().cycle().take(5000).collect();
    desk.write("long.txt", &text);
    let found = desk.lines("long.txt");
    assert_eq!((found.len(), &found[0].text), (1, &text));
    let times = 5000 / plain.chars().count();
    assert!(found[0].entities.len() > times, "{} entities in {times} repetitions", found[0].entities.len());
    assert!(found[0].entities.iter().any(|e| e.start > 4800), "the end of the record is read too");
}

#[test]
fn characters_that_the_model_has_never_seen() {
    let desk = Desk::new();
    let line = telling(&desk);
    // A character outside the basic plane is one character, as is each of a combining pair; a tab and a wide space count too.
    let before = "😀𠮷e\u{301}Ω\t\u{3000}。";
    let text = format!("{before}{}", line.text);
    desk.write("odd.txt", &text);
    let found = desk.lines("odd.txt").remove(0);
    assert_eq!(found.text, text);
    // After the full stop the text is a piece of its own, so the model finds what it finds without all this.
    let moved = before.chars().count();
    let rest: Vec<Span> = found.spans().into_iter().filter(|s| s.start >= moved).collect();
    let expected: Vec<Span> =
        line.spans().into_iter().map(|s| Span::new(s.start + moved, s.end + moved, s.label)).collect();
    assert_eq!(rest, expected);
    // Columns have a space for the tab, so that every other character keeps its place.
    desk.write("out.txt", desk.predict("odd.txt", "conll"));
    let sentences = read_conll(&desk.path("out.txt"), &ConllOptions::default()).unwrap().items;
    assert_eq!(sentences[0].tokens.concat(), text.replace('\t', " "));
    assert_eq!(sentences[0].spans, found.spans());
}

#[test]
fn text_from_a_pipe_that_is_closed_early() {
    let desk = Desk::new();
    let model = model().to_str().unwrap();
    let mut command = desk.command(&["predict", "--quiet", "--model", model]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all("患者入院。\n".repeat(2000).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), said.as_str()),
        (Some(0), ""),
        "a reader that has seen enough is no failure"
    );
}

#[test]
fn predictions_replace_an_older_file_and_others_may_read_them() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let folder = model().to_str().unwrap();
    desk.write("old.jsonl", "predictions of yesterday\n");
    for output in ["old.jsonl", "new.jsonl"] {
        let args = ["predict", "--quiet", "--threads", "1", "--model", folder, "--input", "good.jsonl"];
        desk.fine(&[&args[..], &["--output", output]].concat());
        assert_eq!(fs::read_to_string(desk.path(output)).unwrap(), desk.predict("good.jsonl", "jsonl"));
    }
    // As any file that a program makes: what the umask leaves of 0666.
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    let usual = mode(&desk.path("good.jsonl"));
    for path in [desk.path("new.jsonl"), model().join("model.safetensors"), model().join("config.json")] {
        assert_eq!(mode(&path), usual, "{}", path.display());
    }
    // A device is written to, not replaced.
    let args = ["predict", "--quiet", "--model", folder, "--input", "good.jsonl", "--output", "/dev/null"];
    desk.fine(&args);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}
