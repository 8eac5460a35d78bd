//! A run that is killed (`kill -9`) at any moments, in the middle of query rounds too, and resumed ends with the same bytes as
//! one that is left alone: parameters, every optimiser's moments, the labelled sentences, metrics, the saved model. And the
//! same seed gives the same bytes.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const KILLS: u32 = 6;

/// A folder like the repository's: experiments of one table, and no corpora, so that the embedded sample is used.
fn repository(folder: &Path, name: &str) -> PathBuf {
    let root = folder.join(name);
    fs::create_dir_all(root.join("experiments/mtaal")).unwrap();
    fs::create_dir_all(root.join("datasets")).unwrap();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/manifest.yaml");
    fs::copy(manifest, root.join("datasets/manifest.yaml")).unwrap();
    fs::write(root.join("Cargo.toml"), "[workspace]\n").unwrap();
    fs::write(
        root.join("experiments/mtaal/published.csv"),
        "table,system,dataset,task,metric,value,provenance\n",
    )
    .unwrap();
    fs::write(
        root.join("experiments/mtaal/small.yaml"),
        "title: small\n\
         datasets: {NCBI: {data: sample-mtaal-ncbi}}\n\
         systems: {MTAAL: {}}\n\
         seeds: [1]\n\
         config:\n  \
           limits: {labelled: 24, pool: 40, test: 12}\n  \
           query: {times: 3, sentences: 8}\n  \
           model: {characters: 6, words: 8, hidden: 8}\n  \
           training: {batch_size: 4, checkpoint_every: 2, warm_up: 1}\n\
         profiles: {quick: {}}\n",
    )
    .unwrap();
    root
}

fn mtaal(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtaal"));
    command.current_dir(root).env("MEDNER_ROOT", root).env("MEDNER_HOME", root).env("OMP_NUM_THREADS", "1");
    command.env_remove("MEDNER_MIRROR").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The table's one cell as one process, as a cluster would run it: a kill hits the training itself.
fn program(root: &Path, seed: u32) -> Command {
    let mut plan = mtaal(root);
    finish(plan.args(["reproduce", "small", "--dry-run", "--seeds", &seed.to_string()]).spawn().unwrap());
    let plan = root.join("results/quick/mtaal/checkpoints/plan.json");
    let cells: serde_json::Value = serde_json::from_slice(&fs::read(&plan).unwrap()).unwrap();
    // The plan also has the table's own seed, which is not to be run.
    let of_seed = |cell: &serde_json::Value| cell["seed"] == seed;
    let hash = cells["cells"].as_object().unwrap().iter().find(|(_, cell)| of_seed(cell)).unwrap().0.clone();
    let mut command = mtaal(root);
    command.args(["run-cell", &hash, "--quiet", "--threads", "1", "--plan"]).arg(plan);
    command
}

fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The one run's folder and record.
fn run_of(root: &Path) -> (PathBuf, serde_json::Value) {
    let results = root.join("results/quick/mtaal");
    let records: Vec<PathBuf> =
        fs::read_dir(results.join("runs")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(records.len(), 1, "{records:?}");
    let record: serde_json::Value = serde_json::from_slice(&fs::read(&records[0]).unwrap()).unwrap();
    let hash = records[0].file_stem().unwrap().to_string_lossy().into_owned();
    (results.join("checkpoints").join(hash), record)
}

/// Everything that must be equal: the saved model, metrics, and of the record what is not time.
fn assert_same(a: &Path, b: &Path) {
    let ((one, first), (two, second)) = (run_of(a), run_of(b));
    for file in ["model/model.safetensors", "model/encoding.json", "model/config.json", "metrics.jsonl"] {
        assert!(fs::read(one.join(file)).unwrap() == fs::read(two.join(file)).unwrap(), "{file} differs");
    }
    for part in ["scores", "units", "notes"] {
        assert_eq!(first["outcome"][part], second["outcome"][part], "{part}");
    }
    assert!(!one.join("latest").exists(), "a finished run keeps no checkpoints");
}

#[test]
fn killed_in_the_middle_of_rounds_and_resumed_is_the_same_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (calm, killed) = (repository(folder.path(), "calm"), repository(folder.path(), "killed"));
    let began = Instant::now();
    finish(program(&calm, 7).spawn().unwrap());
    let whole = began.elapsed().as_secs_f64();

    let (mut kills, mut random, mut inside) = (0, 0x2545_F491_4F6C_DD1D_u64, 0);
    for _ in 0..10 * KILLS {
        if kills == KILLS {
            break;
        }
        let mut child = program(&killed, 7).spawn().unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let share = 0.1 + 0.5 * (random % 1000) as f64 / 1000.0;
        std::thread::sleep(Duration::from_secs_f64(whole * share));
        if child.try_wait().unwrap().is_some() {
            fs::remove_dir_all(killed.join("results")).unwrap();
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        inside += u32::from(stands_inside_a_round(&killed));
    }
    assert_eq!(kills, KILLS, "the run is too short to be killed {KILLS} times");
    assert!(inside > 0, "no kill left a checkpoint inside a round");
    finish(program(&killed, 7).spawn().unwrap());
    assert_same(&calm, &killed);
}

/// Whether the newest checkpoint lies between the beginning and the end of a query round.
fn stands_inside_a_round(root: &Path) -> bool {
    let Ok(cells) = fs::read_dir(root.join("results/quick/mtaal/checkpoints")) else { return false };
    cells.filter_map(Result::ok).any(|cell| {
        let state = fs::read(cell.path().join("latest/state.json"));
        state.is_ok_and(|bytes| {
            let state: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            state["batch"].as_u64().unwrap() > 0 && !state["task"]["round"].is_null()
        })
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let roots = [("a", 3), ("b", 3), ("c", 4)].map(|(name, seed)| {
        let root = repository(folder.path(), name);
        finish(program(&root, seed).spawn().unwrap());
        root
    });
    assert_same(&roots[0], &roots[1]);
    let model = |root: &PathBuf| fs::read(run_of(root).0.join("model/model.safetensors")).unwrap();
    assert!(model(&roots[0]) != model(&roots[2]), "seeds 3 and 4 give the same model");
    // Three queries of 8 sentences, the curve says so.
    let record = run_of(&roots[0]).1;
    let rows = record["outcome"]["curves"]["queries"]["rows"].as_array().unwrap().clone();
    let sizes: Vec<(u64, f64, f64)> = rows
        .iter()
        .map(|r| (r[0].as_u64().unwrap(), r[1].as_f64().unwrap(), r[3].as_f64().unwrap()))
        .collect();
    assert_eq!(sizes, [(1, 32.0, 32.0), (2, 40.0, 24.0), (3, 48.0, 16.0)]);
    // And how long they are: sentences have 6 to 59 tokens.
    let tokens: Vec<f64> = rows.iter().map(|r| r[2].as_f64().unwrap()).collect();
    assert!(tokens.windows(2).all(|pair| (48.0..=472.0).contains(&(pair[1] - pair[0]))), "{tokens:?}");
}
