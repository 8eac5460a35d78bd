//! `medner claims [PAPER...]`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use medner_data::store::find_home;
use medner_experiment::store::Store;

use super::{Judged, Options, PaperClaims, Printed, STATISTICS, Verdict, judge_paper};
use crate::audit::papers;
use crate::console::{Outcome, emit};

/// Whose claims, on which results.
#[derive(Debug, Args)]
pub struct ClaimsArgs {
    /// Papers, for example albert-idcnn; none: all.
    papers: Vec<String>,
    /// Profile of the runs: cpu or paper (quick judges nothing).
    #[arg(long, default_value = "cpu")]
    profile: String,
    /// Folder of the experiments [default: experiments/ of the repository].
    #[arg(long, value_name = "DIR")]
    experiments: Option<PathBuf>,
    /// Folder of the results [default: results/ of the repository].
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Only claims with this verdict: supported, contradicted, undecided, not-testable.
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// How the verdicts are written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Only {
    Supported,
    Contradicted,
    Undecided,
    NotTestable,
}

impl Only {
    fn verdict(self) -> Verdict {
        match self {
            Self::Supported => Verdict::Supported,
            Self::Contradicted => Verdict::Contradicted,
            Self::Undecided => Verdict::Undecided,
            Self::NotTestable => Verdict::NotTestable,
        }
    }
}

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// One row a claim.
    Csv,
    /// Everything.
    Json,
}

/// Judges and prints. A contradicted claim is no failure; a claim that cannot be read is.
pub fn run(args: &ClaimsArgs) -> Result<Outcome> {
    let below = |given: &Option<PathBuf>, name: &str| -> Result<PathBuf> {
        Ok(match given {
            Some(folder) => folder.clone(),
            None => find_home()?.join(name),
        })
    };
    let (experiments, results) = (below(&args.experiments, "experiments")?, below(&args.results, "results")?);
    let known = papers(&experiments).with_context(|| format!("reading {}", experiments.display()))?;
    let name = |folder: &PathBuf| folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let names: Vec<String> = known.iter().filter_map(name).collect();
    if let Some(unknown) = args.papers.iter().find(|paper| !names.contains(paper)) {
        bail!("there is no paper `{unknown}` in {}; known: {}", experiments.display(), names.join(", "));
    }
    let mut judged = Vec::new();
    for (folder, name) in known.iter().zip(&names) {
        if args.papers.is_empty() || args.papers.contains(name) {
            let store = Store::open(&results.join(&args.profile).join(name))?;
            for damaged in store.damaged() {
                tracing::warn!("{damaged}");
            }
            judged.push(judge_paper(folder, &store, &args.profile, &Options::default()));
        }
    }
    let failed = judged.iter().any(|paper| !paper.errors.is_empty());
    if let Some(only) = args.only {
        for paper in &mut judged {
            paper.claims.retain(|claim| claim.verdict == only.verdict());
        }
    }
    emit(&match args.format {
        Format::Text => judged.iter().map(to_text).collect::<String>() + STATISTICS + "\n",
        Format::Csv => to_csv(&judged)?,
        Format::Json => serde_json::to_string_pretty(&judged)? + "\n",
    })?;
    Ok(if failed { Outcome::Failed } else { Outcome::Ok })
}

fn to_text(paper: &PaperClaims) -> String {
    let counts: Vec<String> = Verdict::ALL
        .into_iter()
        .map(|verdict| format!("{} {}", paper.count(verdict), verdict.name()))
        .collect();
    let mut out = format!("{}: {} claims, {}\n", paper.paper, paper.claims.len(), counts.join(", "));
    for claim in &paper.claims {
        let Judged { text, at, verdict, reason, .. } = claim;
        let _ = writeln!(out, "  [{}] {} ({at}): {text}", verdict.name(), claim.id);
        for line in [&claim.test, reason].into_iter().filter(|line| !line.is_empty()) {
            let _ = writeln!(out, "      {line}");
        }
        if claim.printed != Printed::Missing {
            let _ = writeln!(
                out,
                "      the paper's own numbers: {}: {}",
                claim.printed.name(),
                claim.printed_reason
            );
        }
    }
    for error in &paper.errors {
        let _ = writeln!(out, "  error: {error}");
    }
    out.push('\n');
    out
}

fn to_csv(papers: &[PaperClaims]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "paper",
        "id",
        "at",
        "table",
        "text",
        "test",
        "verdict",
        "reason",
        "printed",
        "printed_reason",
    ])?;
    for paper in papers {
        for claim in &paper.claims {
            writer.write_record([
                &paper.paper,
                &claim.id,
                &claim.at,
                &claim.table,
                &claim.text,
                &claim.test,
                claim.verdict.name(),
                &claim.reason,
                claim.printed.name(),
                &claim.printed_reason,
            ])?;
        }
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
