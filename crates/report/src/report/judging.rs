//! The parts of a page that judge: the paper's claims against our runs, and its printed numbers against each other.

use std::path::Path;

use serde::Serialize;

use super::format::{difference, p_value};
use super::input::{CsvFile, Paper, Problems};
use super::page::Word;
use super::verdict::Class;
use crate::audit::{self, Detector, Weight};
use crate::claims::wording::digits;
use crate::claims::{self, Evidence, Judged, Options, Verdict};

/// The claims of a paper.
#[derive(Debug, Default, Serialize)]
pub struct Claims {
    pub words: Vec<Word>,
    pub rows: Vec<Claim>,
    /// How verdicts come about.
    pub statistics: &'static str,
}

/// A claim with its verdict.
#[derive(Debug, Serialize)]
pub struct Claim {
    pub id: String,
    pub text: String,
    /// Where it stands.
    pub at: String,
    pub table: String,
    pub test: String,
    pub verdict: &'static str,
    pub class: Class,
    pub symbol: &'static str,
    pub reason: String,
    pub printed: &'static str,
    pub printed_reason: String,
    /// A line a comparison.
    pub evidence: Vec<String>,
}

/// The audit of a paper's printed numbers.
#[derive(Debug, Default, Serialize)]
pub struct Audit {
    pub words: Vec<Word>,
    pub findings: Vec<Finding>,
    /// `1,203 comparisons: 402 f1, ...`
    pub checked: String,
}

/// Two numbers that do not fit together.
#[derive(Debug, PartialEq, Serialize)]
pub struct Finding {
    pub weight: String,
    pub class: Class,
    pub detector: String,
    pub place: String,
    pub text: String,
}

/// Judges the claims; a paper without `claims.yaml` has none.
pub fn claims(paper: &Paper, profile: &str, problems: &mut Problems) -> Option<Claims> {
    if !paper.folder.join("claims.yaml").is_file() {
        return None;
    }
    let judged = claims::judge_paper(&paper.folder, &paper.store, profile, &Options::default());
    for error in &judged.errors {
        problems.add(error.clone());
    }
    let word = |verdict: &Verdict| {
        let class = class(*verdict);
        Word {
            name: verdict.name().to_owned(),
            count: judged.count(*verdict),
            class,
            symbol: class.symbol(),
            meaning: "",
        }
    };
    Some(Claims {
        words: Verdict::ALL.iter().map(word).filter(|word| word.count > 0).collect(),
        rows: judged.claims.iter().map(claim).collect(),
        statistics: claims::STATISTICS,
    })
}

fn class(verdict: Verdict) -> Class {
    match verdict {
        Verdict::Supported => Class::Good,
        Verdict::Contradicted => Class::Below,
        Verdict::Undecided => Class::Partial,
        Verdict::NotTestable => Class::Absent,
    }
}

fn claim(judged: &Judged) -> Claim {
    let class = class(judged.verdict);
    Claim {
        id: judged.id.clone(),
        text: judged.text.clone(),
        at: judged.at.clone(),
        table: judged.table.clone(),
        test: judged.test.clone(),
        verdict: judged.verdict.name(),
        class,
        symbol: class.symbol(),
        reason: judged.reason.clone(),
        printed: judged.printed.name(),
        printed_reason: judged.printed_reason.clone(),
        evidence: judged.evidence.iter().map(evidence).collect(),
    }
}

/// A comparison in one line.
fn evidence(evidence: &Evidence) -> String {
    let digits = digits(evidence);
    let spread = |sd: Option<f64>| sd.map_or(String::new(), |sd| format!(" ± {sd:.digits$}"));
    let mut parts = vec![format!(
        "{} {:.digits$}{}, {} {:.digits$}{}: {}",
        evidence.label,
        evidence.mean,
        spread(evidence.sd),
        evidence.against,
        evidence.against_mean,
        spread(evidence.against_sd),
        difference(evidence.difference, digits)
    )];
    if evidence.exact {
        parts.push(evidence.method.to_owned());
    } else {
        if let (Some(low), Some(high)) = (evidence.low, evidence.high) {
            parts.push(format!("95% interval {} to {}", difference(low, digits), difference(high, digits)));
        }
        parts.push(format!("n = {}", evidence.n));
    }
    for (what, p, holm) in [
        (evidence.method, evidence.p_seeds, evidence.p_seeds_holm),
        ("randomisation over sentences", evidence.p_units, evidence.p_units_holm),
    ] {
        if let Some(p) = p {
            let holm = holm.map_or(String::new(), |p| format!(" (Holm {})", p_value(p)));
            parts.push(format!("{what} p {}{holm}", p_value(p)));
        }
    }
    parts.extend(evidence.notes.iter().cloned());
    parts.join("; ")
}

/// Audits the printed numbers. Counts of corpora are not counted here, so that the same report comes of every machine:
/// what `medner audit --out results/audit.csv` found stands in that file.
pub fn audit(paper: &Paper, results: &Path, problems: &mut Problems) -> Option<Audit> {
    if !paper.folder.join("published.csv").is_file() {
        return None;
    }
    let audited = audit::audit_paper(&paper.folder, &[]);
    for error in &audited.errors {
        problems.add(error.clone());
    }
    let mut findings: Vec<Finding> = audited
        .findings
        .iter()
        .map(|f| finding(f.weight.name(), f.detector.name(), &f.place, &f.text))
        .collect();
    let stored = results.join("audit.csv");
    if stored.is_file() {
        findings.extend(problems.note(of_corpora(&stored, &paper.name)).unwrap_or_default());
    }
    if audited.checked.is_empty() && findings.is_empty() {
        return None;
    }
    let word = |weight: &Weight| {
        let name = weight.name();
        let class = class_of(name);
        let count = findings.iter().filter(|finding| finding.weight == name).count();
        Word { name: name.to_owned(), count, class, symbol: class.symbol(), meaning: "" }
    };
    let words = [Weight::Contradiction, Weight::Corpus, Weight::Remark];
    let total: usize = audited.checked.values().sum();
    let each: Vec<String> = audited.checked.iter().map(|(name, n)| format!("{name} {n}")).collect();
    Some(Audit {
        words: words.iter().map(word).filter(|word| word.count > 0).collect(),
        findings,
        checked: format!("{total} comparisons: {}", each.join(", ")),
    })
}

/// The findings of a paper that needed the corpora.
fn of_corpora(path: &Path, paper: &str) -> Result<Vec<Finding>, String> {
    let file = CsvFile::read(path)?;
    let names = ["paper", "weight", "detector", "place", "text"];
    let mut at = Vec::new();
    for name in names {
        at.push(file.column(name)?);
    }
    // By who found it: that detector has remarks as well.
    let rows =
        file.sheet.rows.iter().filter(|row| row[at[0]] == paper && row[at[2]] == Detector::Corpus.name());
    Ok(rows.map(|row| finding(&row[at[1]], &row[at[2]], &row[at[3]], &row[at[4]])).collect())
}

fn finding(weight: &str, detector: &str, place: &str, text: &str) -> Finding {
    Finding {
        weight: weight.to_owned(),
        class: class_of(weight),
        detector: detector.to_owned(),
        place: place.to_owned(),
        text: text.to_owned(),
    }
}

fn class_of(weight: &str) -> Class {
    match weight {
        "contradiction" => Class::Below,
        "corpus" => Class::Partial,
        _ => Class::Neutral,
    }
}
