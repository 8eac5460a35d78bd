//! Taggers that read with an ALBERT: from a user's own text to a tagger, with odd text, wrong folders, kills and resumes.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../bad_inputs/desk.rs"]
#[allow(dead_code)]
mod desk;
mod folders;
mod kills;
mod windows;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use desk::{Desk, clinical, save};

/// A small encoder's recipe; its vocabulary is the text's.
pub(crate) const RECIPE: &str = "
vocabulary: {source: characters}
encoder: {embedding_size: 16, hidden_size: 32, layers: 2, heads: 2, intermediate_size: 64}
word_vectors: {min_count: 1}
sequences: {max_length: 48, held_out: 0.05}
training: {epochs: 2, batch_pieces: 1024, learning_rate: 0.003, curve_every: 5, checkpoint_every: 3}
";

/// The sample's training records as plain text, a record a paragraph.
pub(crate) fn text() -> String {
    let mut text = String::new();
    for document in clinical().0 {
        writeln!(text, "{}\n", document.text.replace('\n', "")).unwrap();
    }
    text
}

/// An encoder pre-trained by the program on the sample's text, once for all tests.
pub(crate) fn encoder() -> &'static Path {
    static ENCODER: OnceLock<PathBuf> = OnceLock::new();
    ENCODER.get_or_init(|| {
        let desk = Desk::new();
        let folder = fresh("albert_tagger_encoder");
        desk.write("text.txt", text());
        desk.write("recipe.yaml", RECIPE);
        let out = folder.to_str().unwrap();
        let (_, said) = desk.fine(&[
            "pretrain",
            "--text",
            "text.txt",
            "--config",
            "recipe.yaml",
            "--threads",
            "1",
            "--out",
            out,
        ]);
        assert!(said.contains("perplexity") && said.contains("the encoder is in"), "{said}");
        folder
    })
}

/// A tagger trained on that encoder and the sample's records, once for all tests.
pub(crate) fn tagger() -> &'static Path {
    static TAGGER: OnceLock<PathBuf> = OnceLock::new();
    TAGGER.get_or_init(|| {
        let desk = Desk::new();
        let folder = fresh("albert_tagger_model");
        save(&clinical().0, &desk.path("train.jsonl"));
        let mut args = vec!["train", "--quiet", "--threads", "1", "--train", "train.jsonl"];
        args.extend(["--out", folder.to_str().unwrap()]);
        let encoder = format!("encoder={}", encoder().display());
        for set in [
            encoder.as_str(),
            "model.input=albert",
            "model.idcnn.filters=32",
            "model.idcnn.iterations=2",
            "model.heads=0",
            "model.dropout=0.1",
            "training.head_learning_rate=0.01",
            "training.encoder_learning_rate=0.003",
            "training.epochs=8",
            "training.batch_size=8",
        ] {
            args.extend(["--set", set]);
        }
        desk.fine(&args);
        folder
    })
}

/// A folder that no earlier run has left anything in.
fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    folder
}

/// `predict --format jsonl` with the tagger.
pub(crate) fn lines(desk: &Desk, input: &str) -> Vec<desk::Line> {
    let model = tagger().to_str().unwrap();
    let args =
        ["predict", "--quiet", "--threads", "1", "--model", model, "--input", input, "--format", "jsonl"];
    let lines = desk.fine(&args).0;
    let lines: Vec<desk::Line> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter().for_each(desk::Line::check);
    lines
}

#[test]
fn a_tagger_on_an_encoder_of_ones_own_finds_what_it_was_shown() {
    let desk = Desk::new();
    let (_, test) = clinical();
    save(&test, &desk.path("test.jsonl"));
    let model = tagger().to_str().unwrap();
    let args = ["evaluate", "--quiet", "--json", "--threads", "1", "--model", model, "--test", "test.jsonl"];
    let scores: serde_json::Value = serde_json::from_str(&desk.fine(&args).0).unwrap();
    let f1 = scores["ner"]["f1"].as_f64().unwrap();
    assert!(f1 > 0.5, "{scores}");
    // What is evaluated is what is predicted.
    let found = lines(&desk, "test.jsonl");
    let gold: Vec<_> = test.iter().map(desk::spans).collect();
    let predicted: Vec<_> = found.iter().map(desk::Line::spans).collect();
    let report = medner_metrics::entity_report(&gold, &predicted).unwrap();
    assert!((report.micro_scores().f1 - f1).abs() < 1e-9, "{f1} {:?}", report.micro_scores());
}

#[test]
fn characters_outside_the_vocabulary_are_read_as_unknown() {
    let desk = Desk::new();
    let (_, test) = clinical();
    // What no text of the encoder has, between what it knows: other scripts, combining marks, a surrogate pair's character.
    let odd = "龘靐\u{1F600}\u{0301}Ω\u{200b}𠀀";
    let mut text = test[0].text.replace('\n', "");
    text.push_str(odd);
    desk.write("odd.jsonl", format!("{}\n", serde_json::json!({"id": "odd", "text": text})));
    desk.write("only.jsonl", format!("{}\n", serde_json::json!({"id": "only", "text": odd})));
    let found = lines(&desk, "odd.jsonl");
    assert_eq!(found[0].text, text);
    assert_eq!(found, lines(&desk, "odd.jsonl"), "the same text twice");
    assert_eq!(lines(&desk, "only.jsonl")[0].text, odd);
}

#[test]
fn a_record_of_five_thousand_characters_without_a_full_stop() {
    let desk = Desk::new();
    let (train, _) = clinical();
    // A sentence that the tagger knows, again and again, with nothing to cut at.
    let document = train.iter().find(|d| d.entities.len() >= 2).unwrap();
    let sentence: String = document.text.chars().filter(|c| !"。；;，,\n".contains(*c)).take(100).collect();
    let length = sentence.chars().count();
    let text: String = sentence.chars().cycle().take(5000).collect();
    desk.write("long.jsonl", format!("{}\n", serde_json::json!({"id": "long", "text": text})));
    let found = lines(&desk, "long.jsonl");
    assert_eq!(found[0].text.chars().count(), 5000);
    let entities = &found[0].entities;
    // Something is found from the beginning to the end, as often as the sentence stands there.
    let repeats = 5000 / length;
    assert!(entities.len() >= repeats, "{} entities in {repeats} repetitions", entities.len());
    assert!(entities[entities.len() - 1].end > 4800 && entities[0].start < 200);
}
