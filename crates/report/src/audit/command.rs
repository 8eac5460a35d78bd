//! `medner audit [PAPER...]`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use medner_data::store::find_home;
use medner_experiment::record::write_atomically;

use super::{Finding, PaperAudit, Weight, audit_paper, corpora, papers};
use crate::console::{Outcome, emit};

/// What to audit.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Papers, for example albert-idcnn; none: all.
    papers: Vec<String>,
    /// Folder of the experiments [default: experiments/ of the repository].
    #[arg(long, value_name = "DIR")]
    experiments: Option<PathBuf>,
    /// Folder of corpora for the printed counts [default: datasets/ of the repository, then the mirror].
    #[arg(long, value_name = "DIR")]
    corpora: Option<PathBuf>,
    /// How the findings are written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Writes the findings as CSV to this file as well.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// One row a finding.
    Csv,
    /// Everything.
    Json,
}

/// Audits and prints. Findings are about the papers, so they are no failure; files that cannot be read are.
pub fn run(args: &AuditArgs) -> Result<Outcome> {
    let home = find_home();
    let experiments = match &args.experiments {
        Some(folder) => folder.clone(),
        None => home.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?.join("experiments"),
    };
    let roots = match (&args.corpora, &home) {
        (Some(folder), _) => vec![folder.clone()],
        (None, Ok(home)) => corpora(home),
        (None, Err(_)) => Vec::new(),
    };
    let known = papers(&experiments).with_context(|| format!("reading {}", experiments.display()))?;
    let name = |folder: &PathBuf| folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let names: Vec<String> = known.iter().filter_map(name).collect();
    if let Some(unknown) = args.papers.iter().find(|paper| !names.contains(paper)) {
        bail!("there is no paper `{unknown}` in {}; known: {}", experiments.display(), names.join(", "));
    }
    let chosen =
        known.iter().zip(&names).filter(|(_, name)| args.papers.is_empty() || args.papers.contains(name));
    let audits: Vec<PaperAudit> = chosen.map(|(folder, _)| audit_paper(folder, &roots)).collect();
    if let Some(path) = &args.out {
        write_atomically(path, to_csv(&audits)?.as_bytes())?;
    }
    emit(&match args.format {
        Format::Text => audits.iter().map(to_text).collect(),
        Format::Csv => to_csv(&audits)?,
        Format::Json => serde_json::to_string_pretty(&audits)? + "\n",
    })?;
    let unread = audits.iter().any(|audit| !audit.errors.is_empty());
    Ok(if unread { Outcome::Failed } else { Outcome::Ok })
}

/// `paper,weight,detector,system,dataset,task,metric,place,printed,against_place,against,text`, one row a finding.
pub fn to_csv(audits: &[PaperAudit]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "paper",
        "weight",
        "detector",
        "system",
        "dataset",
        "task",
        "metric",
        "place",
        "printed",
        "against_place",
        "against",
        "text",
    ])?;
    for audit in audits {
        for finding in &audit.findings {
            let Finding { weight, detector, printed, against, .. } = finding;
            writer.write_record([
                &audit.paper,
                weight.name(),
                detector.name(),
                &finding.system,
                &finding.dataset,
                &finding.task,
                &finding.metric,
                &finding.place,
                &printed.to_string(),
                &finding.against_place,
                &against.to_string(),
                &finding.text,
            ])?;
        }
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn to_text(audit: &PaperAudit) -> String {
    let counts: Vec<String> = [Weight::Contradiction, Weight::Corpus, Weight::Remark]
        .into_iter()
        .map(|weight| format!("{} {}", audit.count(weight), weight.name()))
        .collect();
    let mut out = format!("{}: {}\n", audit.paper, counts.join(", "));
    for finding in &audit.findings {
        let _ = writeln!(
            out,
            "  {} ({}) {}\n      {}",
            finding.weight.name(),
            finding.detector.name(),
            finding.place,
            finding.text
        );
    }
    let checked: Vec<String> = audit.checked.iter().map(|(name, n)| format!("{name} {n}")).collect();
    let _ = writeln!(out, "  compared: {}", checked.join(", "));
    for line in &audit.unchecked {
        let _ = writeln!(out, "  not checked: {line}");
    }
    for error in &audit.errors {
        let _ = writeln!(out, "  error: {error}");
    }
    out.push('\n');
    out
}
