//! `medner claims`.

use serde_json::Value;

use crate::records::{run, toy};
use crate::support::{Repository, arg};
use crate::{medner, repository};

const CLAIMS: &str = "\
defaults: {dataset: D, task: ner, metric: f1}
claims:
- {id: above, text: A beats B., at: Section 1, table: table2, test: {higher: {side: A, than: [B]}}}
- {id: below, text: B beats A., at: Section 1, table: table2, test: {higher: {side: B, than: [A]}}}
- {id: close, text: C beats A., at: Section 1, table: table2, test: {higher: {side: C, than: [A]}}}
- {id: equal, text: A is as good as C., at: Section 1, table: table2, test: {equivalent: {one: A, two: C, within: 5}}}
- {id: number, text: A has 80., at: Section 1, table: table2, test: {near: {side: A, value: 80, tolerance: 3}}}
- {id: wrong number, text: A has 90., at: Section 1, table: table2, test: {near: {side: A, value: 90}}}
- {id: gain, text: A gains 10., at: Section 1, table: table2, test: {gain: {of: A, over: B, by: 10}}}
- {id: small gain, text: A gains 1., at: Section 1, table: table2, test: {gain: {of: A, over: B, by: 1}}}
- {id: row, text: A minus B is 10., at: Section 1, table: table2, test: {near: {side: A minus B, value: 10, tolerance: 4}}}
- {id: team, text: A beats X., at: Section 1, table: table2, test: {higher: {side: A, than: [{system: X, published: true}]}}}
- {id: best, text: A is best., at: Section 1, table: table2, test: {best: {side: A, among: [B, {system: X, published: true}]}}}
- {id: not best, text: B is best., at: Section 1, table: table2, test: {best: {side: B, among: [A, late]}}}
- {id: late, text: late beats A., at: Section 1, table: table2, test: {higher: {side: late, than: [A]}}}
- {id: wins, text: A wins., at: Section 1, table: table2, test: {wins: {of: A, over: B, on: [D], at_least: 1}}}
- {id: why, text: It is new., at: Section 1, table: table2, test: {untestable: a claim of priority}}
- {id: typo, text: A beats b., at: Section 1, table: table2, test: {higher: {side: A, than: [Bee]}}}
- {id: table, text: A beats B., at: Section 1, table: tabel2, test: {higher: {side: A, than: [B]}}}
- {id: broken, text: A beats B., at: Section 1, table: table2, test: {higher: {side: A}}}
";

fn filled() -> Repository {
    let repository = Repository::new();
    toy(&repository, CLAIMS);
    for seed in 1..=4 {
        run(&repository, "cpu", "A", 1, seed, 80);
        run(&repository, "cpu", "B", 2, seed, 70);
        // Better on one seed, worse on the next.
        run(&repository, "cpu", "C", 3, seed, if seed % 2 == 0 { 80 } else { 81 });
    }
    repository
}

pub fn judged(repository: &Repository, args: &[&str], code: i32) -> Value {
    let all: Vec<&str> = ["claims", "toy", "--format", "json"].iter().chain(args).copied().collect();
    let papers: Value = serde_json::from_str(&repository.out(&all, code)).unwrap();
    papers[0].clone()
}

pub fn of<'a>(paper: &'a Value, id: &str) -> &'a Value {
    paper["claims"].as_array().unwrap().iter().find(|claim| claim["id"] == id).unwrap()
}

#[test]
fn each_claim_has_its_verdict_and_its_numbers() {
    let repository = filled();
    let paper = judged(&repository, &[], 1);
    let verdicts = [
        ("above", "supported", "agrees"),
        ("below", "contradicted", "disagrees"),
        ("close", "undecided", "agrees"),
        ("equal", "supported", "agrees"),
        ("number", "supported", "agrees"),
        ("wrong number", "contradicted", "disagrees"),
        ("gain", "supported", "agrees"),
        ("small gain", "contradicted", "disagrees"),
        ("row", "supported", "missing"),
        ("team", "supported", "agrees"),
        ("best", "supported", "agrees"),
        // What is contradicted by one comparison needs no other.
        ("not best", "contradicted", "disagrees"),
        ("late", "not-testable", "agrees"),
        ("wins", "supported", "agrees"),
        ("why", "not-testable", "missing"),
    ];
    for (id, verdict, printed) in verdicts {
        let claim = of(&paper, id);
        assert_eq!(
            (claim["verdict"].as_str(), claim["printed"].as_str()),
            (Some(verdict), Some(printed)),
            "{claim:#}"
        );
    }
    assert_eq!(paper["claims"].as_array().unwrap().len(), verdicts.len());
    let evidence = &of(&paper, "above")["evidence"][0];
    assert_eq!((evidence["n"].as_u64(), evidence["method"].as_str()), (Some(4), Some("paired t over seeds")));
    assert_eq!(evidence["p_units_by_seed"].as_object().unwrap().len(), 4);
    // Four claims compare A with B, one of them the other way round, but it is one test of Holm's family.
    let (p, holm) = (evidence["p_units"].as_f64().unwrap(), evidence["p_units_holm"].as_f64().unwrap());
    assert!(p > 0.0 && holm >= p && holm <= 3.0 * p, "{p} {holm}");
    assert!(of(&paper, "late")["reason"].as_str().unwrap().contains("late waits for a large file"));
    assert_eq!(of(&paper, "above")["line"], 3);
}

#[test]
fn what_a_claim_names_wrongly_is_said_with_its_line_and_the_rest_is_judged() {
    let repository = filled();
    let paper = judged(&repository, &[], 1);
    let errors: Vec<&str> = paper["errors"].as_array().unwrap().iter().map(|e| e.as_str().unwrap()).collect();
    let expected = [
        ("claims.yaml:20:", "missing field `than`"),
        ("claims.yaml:18:", "claim `typo`: there is no system `Bee`"),
        ("claims.yaml:19:", "there is no table `tabel2`; did you mean `table2`?"),
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (place, message) in expected {
        assert!(
            errors.iter().any(|e| e.contains(place) && e.contains(message)),
            "{errors:#?}\n{place} {message}"
        );
    }
}

#[test]
fn damaged_files_leave_what_can_be_judged() {
    let repository = filled();
    repository.write("results/cpu/toy/runs/0123456789abcdef.json", "{\"format\": 1, \"sta");
    repository.write("experiments/toy/table9.yaml", "title: T\nsystms: {}\n");
    let paper = judged(&repository, &[], 1);
    assert_eq!(of(&paper, "above")["verdict"], "supported");
    let errors = paper["errors"].to_string();
    assert!(errors.contains("table9.yaml:2:1") && errors.contains("did you mean `systems`?"), "{errors}");
    let warned = repository.err(&["claims", "toy"], 1);
    assert!(warned.contains("0123456789abcdef.json: damaged run record"), "{warned}");
    // Without a column the printed numbers are gone, and nothing else is.
    repository.write("experiments/toy/published.csv", "table,system,dataset,task,metric,val,provenance\n");
    let paper = judged(&repository, &[], 1);
    assert!(paper["errors"].to_string().contains("published.csv:1: no column `value`"));
    assert_eq!(of(&paper, "above")["verdict"], "supported");
    assert_eq!(of(&paper, "above")["printed"], "missing");
}

#[test]
fn seeds_that_have_not_run_and_cut_down_data_decide_nothing() {
    let repository = Repository::new();
    toy(&repository, CLAIMS);
    for seed in 1..=3 {
        run(&repository, "cpu", "A", 1, seed, 80);
        run(&repository, "cpu", "B", 2, seed, 70);
    }
    let paper = judged(&repository, &[], 1);
    assert_eq!(of(&paper, "above")["verdict"], "undecided");
    let reason = of(&paper, "above")["reason"].as_str().unwrap();
    assert!(reason.contains("3 of 4 seeds of A have run"), "{reason}");
    run(&repository, "quick", "A", 1, 1, 80);
    run(&repository, "quick", "B", 2, 1, 70);
    let paper = judged(&repository, &["--profile", "quick"], 1);
    assert_eq!(of(&paper, "above")["verdict"], "not-testable");
    assert!(of(&paper, "above")["reason"].as_str().unwrap().contains("cuts the data down"));
}

/// Whichever is best by now: with the seeds that another candidate lacks that one may be.
#[test]
fn the_best_of_several_is_not_known_before_all_of_them_have_run() {
    let repository = Repository::new();
    toy(
        &repository,
        "defaults: {dataset: D, task: ner, metric: f1}\nclaims:\n\
         - {id: best, text: The best beats B., at: Section 1, table: table2, test: {higher: {side: {best_of: [A, C]}, than: [B]}}}\n",
    );
    for seed in 1..=4 {
        run(&repository, "cpu", "A", 1, seed, 80);
        run(&repository, "cpu", "B", 2, seed, 70);
    }
    for seed in 1..=3 {
        run(&repository, "cpu", "C", 3, seed, 60);
    }
    let verdict = || {
        let paper = judged(&repository, &[], 0);
        let claim = of(&paper, "best");
        ["verdict", "reason"].map(|key| claim[key].as_str().unwrap().to_owned())
    };
    let [found, reason] = verdict();
    assert_eq!(found, "undecided", "{reason}");
    assert!(
        reason.contains("3 of 4 seeds of C have run") && !reason.contains("seeds of the best"),
        "{reason}"
    );
    run(&repository, "cpu", "C", 3, 4, 60);
    assert_eq!(verdict()[0], "supported");
}

#[test]
fn text_and_csv_say_the_same() {
    let repository = filled();
    let text = repository.out(&["claims", "toy"], 1);
    assert!(
        text.contains("toy: 15 claims, 8 supported, 4 contradicted, 1 undecided, 2 not testable here"),
        "{text}"
    );
    assert!(text.contains("Holm"), "{text}");
    let csv = repository.out(&["claims", "toy", "--format", "csv", "--only", "contradicted"], 1);
    assert_eq!(csv.lines().count(), 5, "{csv}");
    let unknown = repository.err(&["claims", "toyy"], 1);
    assert!(unknown.contains("there is no paper `toyy`") && unknown.contains("known: toy"), "{unknown}");
}

/// Every claim of the four papers can be read, names what exists, and is judged on the committed results.
#[test]
fn the_four_papers_claims_are_whole() {
    let nowhere = tempfile::tempdir().unwrap();
    let json = medner(&["claims", "--format", "json"], nowhere.path(), 0);
    let papers: Vec<Value> = serde_json::from_str(&json).unwrap();
    let at_least = [("albert-idcnn", 30), ("asaibc", 45), ("mtaal", 25), ("mtl-ls", 60)];
    for (name, n) in at_least {
        let paper = papers.iter().find(|paper| paper["paper"] == name).unwrap();
        assert_eq!(paper["errors"].as_array().unwrap().len(), 0, "{:#}", paper["errors"]);
        let claims = paper["claims"].as_array().unwrap();
        assert!(claims.len() >= n, "{name}: {}", claims.len());
        for claim in claims {
            let (text, reason) = (claim["text"].as_str().unwrap(), claim["reason"].as_str().unwrap());
            assert!(text.ends_with(['.', '"', ')']) && !reason.is_empty(), "{claim:#}");
        }
    }
    let folders = repository().join("experiments");
    assert!(arg(&folders).ends_with("experiments"));
}
