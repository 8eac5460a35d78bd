//! Annotation projects by the program itself: rounds in every shape, kills at any moment, answers that are refused, and what the
//! model says of new text.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "exchange/desk.rs"]
#[allow(dead_code)]
mod desk;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use medner_mtaal::exchange::{Item, Mention, Shape};
use serde_json::Value;

/// Names and their concepts: what the people who label know.
const NAMES: [(&str, &str); 6] = [
    ("fever", "D005334"),
    ("anemia", "D000740"),
    ("severe anemia", "D000740"),
    ("lung cancer", "D008175"),
    ("dry cough", "D003371"),
    ("type 2 diabetes", "D003924|D009765"),
];

/// Sixty sentences, most with a name.
fn pool(folder: &Path) -> PathBuf {
    let mut text = String::new();
    for n in 0..60 {
        let (name, _) = NAMES[n % NAMES.len()];
        let line = match n % 5 {
            0 => format!("Patient {n} came with {name} in the evening."),
            1 => format!("No {name} was seen on day {n}."),
            2 => format!("After {n} days of rest the {name} was gone."),
            3 => format!("We measured the pressure {n} times."),
            _ => format!(
                "A history of {name} and of {} was noted in case {n}.",
                NAMES[(n + 2) % NAMES.len()].0
            ),
        };
        text.push_str(&line);
        text.push('\n');
    }
    let path = folder.join("pool.txt");
    fs::write(&path, text).unwrap();
    path
}

/// Small networks, so that a round takes moments.
fn configuration(folder: &Path) -> PathBuf {
    let path = folder.join("small.yaml");
    fs::write(
        &path,
        "model: {characters: 6, words: 8, hidden: 8}\ntraining: {batch_size: 4, checkpoint_every: 2, learning_rate: 0.02}\n",
    )
    .unwrap();
    path
}

fn mtaal(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtaal"));
    command.current_dir(folder).env("OMP_NUM_THREADS", "1").args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Runs a command that must be refused; the message.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = mtaal(folder, arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?} was not refused");
    String::from_utf8(output.stderr).unwrap()
}

const QUERY: [&str; 10] =
    ["query", "--model", "p", "--pool", "pool.txt", "--n", "12", "--threads", "1", "--quiet"];
const LEARN: [&str; 10] =
    ["learn", "--model", "p", "--epochs", "20", "--threads", "1", "--quiet", "--unchanged", "--labelled"];

/// The first query of a project.
fn first(folder: &Path, shape: Shape) -> Vec<String> {
    pool(folder);
    configuration(folder);
    let more = ["--types", "Disease", "--config", "small.yaml", "--shape", shape.name()];
    QUERY.iter().chain(&more).map(ToString::to_string).collect()
}

fn query(folder: &Path, arguments: &[String]) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    done(&mtaal(folder, &arguments).output().unwrap());
}

/// What was asked in a round.
fn items(folder: &Path, round: usize) -> Vec<Item> {
    let path = folder.join(format!("p/rounds/{round:04}/query.json"));
    let query: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    serde_json::from_value(query["items"].clone()).unwrap()
}

/// The right labels of a sentence: every name in it, the longest first.
fn labelled(item: &Item) -> Item {
    let tokens = item.token_texts();
    let mut mentions = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let mut names: Vec<_> =
            NAMES.iter().map(|(name, c)| (name.split(' ').collect::<Vec<_>>(), c)).collect();
        names.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
        let found = names
            .iter()
            .find(|(words, _)| tokens[at..].iter().zip(words).filter(|(a, b)| a == b).count() == words.len());
        at += found.map_or(1, |(words, concept)| {
            let concept = Some((**concept).to_owned());
            mentions.push(Mention {
                start: at,
                end: at + words.len(),
                label: "Disease".into(),
                concept,
                confidence: None,
            });
            words.len()
        });
    }
    Item { mentions, ..item.clone() }
}

/// Answers a round at the desk of a tool; where the answers are.
fn answer(folder: &Path, round: usize, shape: Shape) -> PathBuf {
    let answered: Vec<Item> = items(folder, round).iter().map(labelled).collect();
    let desk = folder.join(format!("desk-{round}"));
    if desk.exists() {
        fs::remove_dir_all(&desk).unwrap();
    }
    fs::create_dir(&desk).unwrap();
    desk::accept_all(shape, &answered, &desk)
}

fn learn(folder: &Path, answers: &Path) -> Output {
    mtaal(folder, &LEARN).arg(answers).output().unwrap()
}

#[test]
fn two_rounds_in_every_shape_and_what_the_model_then_says() {
    for (shape, written) in [
        (Shape::LabelStudio, "p/round-0002.label-studio.json"),
        (Shape::Doccano, "p/round-0002.doccano.jsonl"),
        (Shape::Jsonl, "p/round-0002.jsonl"),
        (Shape::Brat, "p/round-0002.brat"),
    ] {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        let start = first(folder, shape);
        // Nobody is killed here: fewer checkpoints.
        let small = fs::read_to_string(folder.join("small.yaml")).unwrap();
        fs::write(folder.join("small.yaml"), small.replace("checkpoint_every: 2", "checkpoint_every: 0"))
            .unwrap();
        query(folder, &start);
        done(&learn(folder, &answer(folder, 1, shape)));
        let second: Vec<String> =
            QUERY.iter().chain(&["--shape", shape.name()]).map(ToString::to_string).collect();
        query(folder, &second);
        assert!(folder.join(written).exists(), "{shape}");
        assert_eq!(folder.join("p/label-studio.xml").exists(), shape == Shape::LabelStudio);
        let (before, now) = (items(folder, 1), items(folder, 2));
        assert_eq!((before.len(), now.len()), (12, 12));
        assert!(now.iter().all(|item| !before.iter().any(|b| b.text == item.text)), "{shape}: asked twice");

        // Long enough that there is something to say of new text.
        let answers = answer(folder, 2, shape);
        let longer = LEARN.map(|a| if a == "20" { "100" } else { a });
        done(&mtaal(folder, &longer).arg(&answers).output().unwrap());
        // The same answers once more: nothing to do, nothing changed. Other answers: too late.
        let model = folder.join("p/rounds/0002/model/model.safetensors");
        let bytes = fs::read(&model).unwrap();
        done(&learn(folder, &answers));
        assert!(bytes == fs::read(&model).unwrap());
        let message = String::from_utf8(learn(folder, &answer(folder, 1, shape)).stderr).unwrap();
        let foreign =
            ["was not queried", "of no sentence of this round"].iter().any(|why| message.contains(why));
        assert!(foreign || message.contains(&before[0].id), "{shape}: {message}");

        // Concepts and confidences of a text.
        let text = "The patient had lung cancer.\nNo anemia was seen on day 80.\n";
        fs::write(folder.join("new.txt"), text).unwrap();
        let arguments =
            ["predict", "--model", "p", "--input", "new.txt", "--format", "pubtator", "--threads", "1"];
        let said = done(&mtaal(folder, &arguments).arg("--quiet").output().unwrap());
        let mentions: Vec<Vec<&str>> =
            said.lines().map(|l| l.split('\t').collect()).filter(|c: &Vec<&str>| c.len() > 1).collect();
        assert!(!mentions.is_empty(), "{shape}: nothing was found in {said}");
        for columns in mentions {
            assert_eq!((columns.len(), columns[4]), (7, "Disease"), "{said}");
            assert!(columns[5] == "-1" || columns[5].starts_with('D'), "{said}");
            assert!((0.0..=1.0).contains(&columns[6].parse::<f64>().unwrap()), "{said}");
        }
    }
}

/// Every file of a project with its content, but for the lock.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.join("p")];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "lock" {
                files.push((path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn killed_at_any_moment_and_called_again_is_the_same_to_the_byte() {
    let temporary = tempfile::tempdir().unwrap();
    let (calm, killed) = (temporary.path().join("calm"), temporary.path().join("killed"));
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let (mut kills, mut inside) = (0, 0);
    for folder in [&calm, &killed] {
        fs::create_dir(folder).unwrap();
        let start = first(folder, Shape::Jsonl);
        for step in 0..4 {
            let round = step / 2 + 1;
            let command = || -> Command {
                match step {
                    0 => mtaal(folder, &start.iter().map(String::as_str).collect::<Vec<_>>()),
                    2 => {
                        let mut command = mtaal(folder, &QUERY);
                        command.args(["--strategy", "diversity"]);
                        command
                    }
                    _ => {
                        let mut command = mtaal(folder, &LEARN);
                        command.arg(answer(folder, round, Shape::Jsonl));
                        command
                    }
                }
            };
            if folder == &calm {
                done(&command().output().unwrap());
                continue;
            }
            let checkpoint = folder.join(format!("p/rounds/{round:04}/training/latest"));
            for attempt in 0..4 {
                let mut child = command().spawn().unwrap();
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                // Anywhere, or in the middle of the training.
                let wait = Duration::from_millis(random % 300);
                let mut began = Instant::now();
                while began.elapsed() < wait && child.try_wait().unwrap().is_none() {
                    if attempt > 1 && step % 2 == 1 && !checkpoint.exists() {
                        began = Instant::now();
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
                if child.try_wait().unwrap().is_none() {
                    child.kill().unwrap();
                    kills += 1;
                }
                child.wait().unwrap();
                inside += u32::from(checkpoint.exists());
            }
            done(&command().output().unwrap());
        }
    }
    assert!(kills > 3, "only {kills} of the attempts were killed");
    assert!(inside > 0, "no kill left a checkpoint inside a round");
    let (one, two) = (content(&calm), content(&killed));
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&two));
    for ((name, a), (_, b)) in one.iter().zip(&two) {
        assert!(a == b, "{} differs", name.display());
    }
}

#[test]
fn wrong_and_missing_answers_are_refused_by_sentence_and_leave_the_project_as_it_was() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let start = first(folder, Shape::Jsonl);
    query(folder, &start);
    let before = content(folder);
    let asked = items(folder, 1);
    let answers = answer(folder, 1, Shape::Jsonl);
    let text = fs::read_to_string(&answers).unwrap();
    let lines: Vec<&str> = text.lines().collect();

    // One is missing; a mention has an unknown type.
    fs::write(&answers, lines[1..].join("\n")).unwrap();
    let with = |arguments: &[&str]| -> String {
        let all: Vec<&str> = LEARN
            .iter()
            .copied()
            .chain([answers.to_str().unwrap()])
            .chain(arguments.iter().copied())
            .collect();
        refused(folder, &all)
    };
    let message = with(&[]);
    assert!(message.contains(&asked[0].id) && message.contains("--partial"), "{message}");
    fs::write(&answers, text.replace("\"Disease\"", "\"Illness\"")).unwrap();
    let message = with(&[]);
    assert!(message.contains("Illness") && message.contains("--new-types"), "{message}");
    assert!(asked.iter().any(|item| message.contains(&item.id)), "{message}");
    assert!(content(folder) == before, "a refused answer changed the project");

    // Another question while this one waits; two programs in one project; learning before anything is asked.
    let message = refused(folder, &["query", "--model", "p", "--pool", "pool.txt", "--n", "5", "--quiet"]);
    assert!(message.contains("waits for its answers") && message.contains("--take-back"), "{message}");
    let lock = fs::File::create(folder.join("p/lock")).unwrap();
    lock.lock().unwrap();
    let message = refused(folder, &QUERY);
    assert!(message.contains("another mtaal works in this project"), "{message}");
    drop(lock);

    // Without the missing one it goes on, and that one may be asked again.
    fs::write(&answers, lines[1..].join("\n")).unwrap();
    done(&mtaal(folder, &LEARN).arg(&answers).arg("--partial").output().unwrap());
    let all: Vec<&str> =
        QUERY.iter().map(|&a| if a == "12" { "100" } else { a }).chain(["--strategy", "lc"]).collect();
    done(&mtaal(folder, &all).output().unwrap());
    let second = items(folder, 2);
    assert_eq!(second.len(), 60 - 11);
    assert!(second.iter().any(|item| item.id == asked[0].id));

    // Taken back, asked by another strategy.
    done(&mtaal(folder, &["query", "--model", "p", "--take-back", "--quiet"]).output().unwrap());
    assert!(!folder.join("p/rounds/0002").exists());
    done(&mtaal(folder, &QUERY).args(["--strategy", "mnlp"]).output().unwrap());
    assert_eq!(items(folder, 2).len(), 12);
    assert_eq!(fs::read_to_string(folder.join("p/round-0002.jsonl")).unwrap().lines().count(), 12);
}

/// What a command says that is done.
fn said(output: &Output) -> String {
    done(output);
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_question_taken_back_leaves_the_way_free_and_nobodys_work_is_lost() {
    for (shape, written, inside) in [
        (Shape::LabelStudio, "round-0001.label-studio.json", ""),
        (Shape::Doccano, "round-0001.doccano.jsonl", ""),
        (Shape::Jsonl, "round-0001.jsonl", ""),
        (Shape::Brat, "round-0001.brat", "notes.txt"),
    ] {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        let project = folder.join("p");
        let of = |n: &str, shape: Shape| -> Vec<String> {
            first(folder, shape).iter().map(|a| if a == "12" { n.to_owned() } else { a.clone() }).collect()
        };
        let take_back =
            || said(&mtaal(folder, &["query", "--model", "p", "--take-back", "--quiet"]).output().unwrap());
        let strings = |arguments: &[String], more: &[&str]| -> String {
            let all: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
            refused(folder, &all)
        };
        // Untouched: it goes, and another question comes.
        query(folder, &of("12", shape));
        assert!(project.join(written).exists(), "{shape}");
        assert_eq!(take_back(), "", "{shape}");
        assert!(!project.join(written).exists() && !project.join("rounds/0001").exists(), "{shape}");
        query(folder, &of("5", shape));
        assert_eq!(items(folder, 1).len(), 5);
        // Worked on: it is kept beside.
        let worked = |place: PathBuf| if inside.is_empty() { place } else { place.join(inside) };
        fs::write(worked(project.join(written)), "somebody's work").unwrap();
        let kept = format!("{written}.taken-back");
        assert!(take_back().contains(&kept), "{shape}");
        assert_eq!(fs::read_to_string(worked(project.join(kept))).unwrap(), "somebody's work");
        // As a kill between the files and the round leaves it: the files are gone, the round is there.
        query(folder, &of("7", shape));
        let gone = project.join(written);
        if inside.is_empty() {
            fs::remove_file(gone).unwrap();
        } else {
            fs::remove_dir_all(gone).unwrap();
        }
        take_back();
        // And a kill in the middle of the round's removal.
        query(folder, &of("8", shape));
        fs::rename(project.join("rounds/0001"), project.join("rounds/.tmp-1")).unwrap();
        fs::rename(project.join(written), folder.join("aside")).unwrap();
        query(folder, &of("9", shape));
        assert!(!project.join("rounds/.tmp-1").exists());
        take_back();
        fs::rename(folder.join("aside"), project.join(written)).unwrap();

        // What stands in the way is seen before the question is made, and the message says where else to.
        let question = of("6", shape);
        assert!(strings(&question, &[]).contains("--out"), "{shape}");
        assert!(!project.join("rounds/0001").exists(), "{shape}: the question was made");
        if shape != Shape::Brat {
            assert!(strings(&question, &["--out", "no/such/place"]).contains("no/such"), "{shape}");
            assert!(!project.join("rounds/0001").exists(), "{shape}: the question was made");
        }
        assert!(refused(folder, &["query", "--model", "p", "--take-back"]).contains("no question waits"));
    }
}

#[test]
fn a_slip_of_the_keyboard_starts_no_project_and_changes_none() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let start = first(folder, Shape::Jsonl);
    fs::write(folder.join("empty.txt"), "\n\n").unwrap();
    fs::write(folder.join("trained.yaml"), "word_vectors: {source: trained}\n").unwrap();
    fs::write(folder.join("glove.yaml"), "word_vectors: {source: glove, glove: no/such.txt}\n").unwrap();
    for (arguments, why) in [
        (&["learn", "--model", "new", "--labelled", "pool.txt"][..], "begin with `mtaal query"),
        (&["query", "--model", "new", "--take-back"], "begin with `mtaal query"),
        (&["query", "--model", "new", "--pool", "pool.txt"], "--types"),
        (&["query", "--model", "new", "--pool", "pol.txt", "--types", "A"], "pol.txt"),
        (
            &["query", "--model", "new", "--pool", "empty.txt", "--types", "A"],
            "empty.txt: holds no sentences",
        ),
        (
            &["query", "--model", "new", "--pool", "pool.txt", "--types", "A", "--config", "no.yaml"],
            "no.yaml",
        ),
        // What `train` refuses would fail here after people have labelled.
        (
            &["query", "--model", "new", "--pool", "pool.txt", "--types", "A", "--config", "trained.yaml"],
            "trained.yaml: `word_vectors.source`",
        ),
        (
            &["query", "--model", "new", "--pool", "pool.txt", "--types", "A", "--config", "glove.yaml"],
            "there is no file no/such.txt",
        ),
        (&["query", "--model", "new", "--pool", "pool.txt", "--types", "A, A"], "`A` is named twice"),
        (&["query", "--model", "new", "--pool", "pool.txt", "--types", "A", "--device", "tpu"], "tpu"),
    ] {
        let message = refused(folder, arguments);
        assert!(message.contains(why), "{message}");
        assert!(!folder.join("new").exists(), "{arguments:?} made the folder");
    }
    let lc = ["query", "--model", "new", "--pool", "pool.txt", "--types", "A", "--strategy", "lc"];
    assert!(refused(folder, &lc).contains("no model yet"));
    assert!(!folder.join("new").exists(), "the lock is left");

    query(folder, &start);
    let before = content(folder);
    fs::write(folder.join("other.yaml"), "model: {characters: 6, words: 8, hidden: 9}\n").unwrap();
    for (more, values) in [
        (["--types", "Disease,Chemical"], ["Disease,Chemical", "started with Disease "]),
        (["--seed", "2"], ["`--seed` says 2", "started with 1 "]),
        (["--config", "other.yaml"], ["\"hidden\":9", "\"hidden\":8"]),
    ] {
        let message = refused(folder, &[&QUERY[..], &more[..]].concat());
        assert!(values.iter().all(|value| message.contains(value)), "{message}");
        assert!(message.contains("p/project.json") && message.contains("leave `"), "{message}");
    }
    query(folder, &start);
    assert!(content(folder) == before, "a refused flag changed the project");
}

#[test]
fn a_pool_smaller_than_a_batch_is_asked_in_projects_of_the_released_variant_too() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let start = first(folder, Shape::Jsonl);
    let small = fs::read_to_string(folder.join("small.yaml")).unwrap();
    fs::write(folder.join("small.yaml"), format!("{small}released: {{drops_last_pool_batch: true}}\n"))
        .unwrap();
    query(folder, &start);
    let answers = answer(folder, 1, Shape::Jsonl);
    let short = LEARN.map(|a| if a == "20" { "1" } else { a });
    done(&mtaal(folder, &short).arg(&answers).output().unwrap());
    fs::write(folder.join("pool.txt"), "A cough was new.\nAnd a rash.\n").unwrap();
    done(&mtaal(folder, &QUERY).output().unwrap());
    assert_eq!(items(folder, 2).len(), 2);
}

#[test]
fn suggestions_that_nobody_looked_at_are_warned_of() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    query(folder, &first(folder, Shape::Doccano));
    // Some sentences have no name: they come back as they went out.
    let answers = answer(folder, 1, Shape::Doccano);
    let names_none = items(folder, 1).into_iter().find(|item| labelled(item).mentions.is_empty()).unwrap();
    let without = |more: &[&str]| {
        let arguments: Vec<&str> = LEARN.into_iter().filter(|&a| a != "--unchanged").collect();
        let (last, others) = arguments.split_last().unwrap();
        let path = answers.to_str().unwrap();
        mtaal(folder, &[others, more, &[*last, path]].concat()).output().unwrap()
    };
    let output = without(&[]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && message.contains("came back exactly as they were handed out"),
        "{message}"
    );
    assert!(message.contains(&names_none.id) && message.contains("--unchanged"), "{message}");
    let looked = said(&learn(folder, &answers));
    assert!(!looked.contains("what the model suggested"), "{looked}");
    // A kill after the model was put in its place leaves the checkpoints; the next command removes them.
    let training = folder.join("p/rounds/0001/training");
    assert!(!training.exists());
    fs::create_dir_all(training.join("step-00000001")).unwrap();
    done(&learn(folder, &answer(folder, 1, Shape::Doccano)));
    assert!(!training.exists(), "checkpoints of a learned round stay");

    for (shape, written, how) in [
        (Shape::Doccano, "p/round-0002.doccano.jsonl", "export approved texts only"),
        (Shape::Brat, "p/round-0002.brat", "remove the `.ann`"),
    ] {
        let asked = mtaal(folder, &QUERY).args(["--shape", shape.name()]).output().unwrap();
        assert!(said(&asked).contains(how), "{shape}");
        desk::export(shape, &folder.join(written));
    }
    let asked = mtaal(folder, &QUERY).output().unwrap();
    assert_eq!(said(&asked), "");
    for written in ["p/round-0002.doccano.jsonl", "p/round-0002.brat"] {
        let warned = said(&learn(folder, &folder.join(written)));
        assert!(warned.contains("all 12 answers are exactly what the model suggested"), "{warned}");
        assert!(warned.contains("--take-back"), "{warned}");
        // Stopped before it is learned, the round can be taken back; what came back from the desk is kept.
        fs::remove_dir_all(folder.join("p/rounds/0002/model")).unwrap();
    }
    assert!(refused(folder, &QUERY).contains("--take-back"));
    done(&mtaal(folder, &["query", "--model", "p", "--take-back", "--quiet"]).output().unwrap());
    assert!(!folder.join("p/rounds/0002").exists() && !folder.join("p/round-0002.jsonl").exists());
    assert!(folder.join("p/round-0002.doccano.jsonl.taken-back").exists());
    query(folder, &QUERY.map(str::to_owned));
}

/// Rows of the table of word vectors in a file of parameters.
fn word_rows(path: PathBuf) -> u64 {
    let bytes = fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    header["encoder.words.weight"]["shape"][0].as_u64().unwrap()
}

#[test]
fn given_vectors_go_with_every_model_and_are_read_where_sentences_are_chosen() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let start = first(folder, Shape::Jsonl);
    let small = fs::read_to_string(folder.join("small.yaml")).unwrap();
    let more = "word_vectors: {source: glove, glove: vectors.txt}\ndiversity_discriminator: {steps: 2}\n";
    fs::write(folder.join("small.yaml"), small + more).unwrap();
    // Words of the pool, of which twelve sentences show a part only.
    let words = (0..60).map(|n| n.to_string()).chain(["fever", "pressure", "thrombosis"].map(String::from));
    let vectors: Vec<String> =
        words.map(|word| format!("{word} 0.5 -0.5 0.25 1.0 0.125 -1.0 0.75 0.0\n")).collect();
    fs::write(folder.join("vectors.txt"), vectors.concat()).unwrap();
    let short = LEARN.map(|a| if a == "20" { "1" } else { a });
    query(folder, &start);
    done(&mtaal(folder, &short).arg(answer(folder, 1, Shape::Jsonl)).output().unwrap());
    let model = |round: usize, file: &str| folder.join(format!("p/rounds/{round:04}/model/{file}"));
    assert!(fs::read(model(1, "word_vectors.bin")).unwrap().starts_with(b"63 8\n"));
    done(&mtaal(folder, &QUERY).args(["--strategy", "diversity"]).output().unwrap());
    // The game read more words than the model has; what it leaves is the model's.
    assert_eq!(
        word_rows(folder.join("p/rounds/0002/networks.safetensors")),
        word_rows(model(1, "model.safetensors"))
    );
    done(&mtaal(folder, &short).arg(answer(folder, 2, Shape::Jsonl)).output().unwrap());
    let bytes = |round| fs::read(model(round, "word_vectors.bin")).unwrap();
    assert!(bytes(1) == bytes(2));
    assert!(word_rows(model(2, "model.safetensors")) > word_rows(model(1, "model.safetensors")));
    // Vectors that do not fit show that the choice asks for them.
    fs::write(folder.join("pool.txt"), "A thrombosis was new.\nAnd a rash.\n").unwrap();
    let broken = [&b"1 3\nthrombosis "[..], &[0_u8; 12], b"\n"].concat();
    fs::write(model(2, "word_vectors.bin"), broken).unwrap();
    let message = refused(folder, &[&QUERY[..], &["--strategy", "lc"]].concat());
    assert!(message.contains("has vectors of 3 dimensions"), "{message}");
}
