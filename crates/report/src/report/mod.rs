//! `medner report`: the page that a reviewer opens, REPORT.md, and the results in README.md.
//!
//! From `experiments/<paper>/` (tables, `published.csv`, `paper.yaml`) and `results/<profile>/<paper>/` (one CSV a table,
//! `runs.csv`, one record a run) to `results/<profile>/report/`: `index.html`, `REPORT.md`, `figures/*.svg`. The same
//! input gives the same bytes: no clock, no machine. What is damaged is named in the report and on standard error, the
//! rest is still made, and the exit code is 1.
//!
//! | module | idea |
//! | --- | --- |
//! | [`input`] | reading, with file and line of what is wrong |
//! | [`about`] | `paper.yaml` |
//! | [`layout`], [`format`](mod@format), [`verdict`] | from one row a number to the printed table |
//! | [`chart`] | figures |
//! | [`sensitivity`], [`cost`], [`browser`] | what the run records say |
//! | [`checks`], [`sheet`] | corpora |
//! | [`judging`] | claims and audit |
//! | [`wrong`] | the errors of a whole prediction, for `medner score --errors` |
//! | [`page`] | all of it, ready to be written by [`html`], [`markdown`] and [`readme`] |

mod about;
mod browser;
mod chart;
mod checks;
mod cost;
mod format;
mod html;
mod input;
mod judging;
mod layout;
mod markdown;
mod page;
mod palette;
mod readme;
mod sensitivity;
mod sheet;
mod verdict;
mod wrong;

pub use input::{CsvFile, shown_runs};
pub use wrong::{Unit as ComparedUnit, page as errors_page};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use medner_data::manifest::Manifest;
use medner_data::store::find_home;
use medner_experiment::record::write_atomically;

use self::checks::Checks;
use self::input::{Paper, Problems};
use self::page::Page;
use crate::console::{Outcome, emit};
use crate::tables;

/// What to report on, and where to.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folder of the results [default: results/ of the repository].
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Only this profile, for example cpu.
    #[arg(long)]
    profile: Option<String>,
    /// Only this paper, for example albert-idcnn.
    #[arg(long)]
    paper: Option<String>,
    /// Writes the report there [default: results/PROFILE/report].
    #[arg(long, value_name = "DIR", requires = "profile")]
    out: Option<PathBuf>,
    /// Writes nothing and fails when what stands there is not what would be written.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    instead: Instead,
}

/// What is done instead of writing a report.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Instead {
    /// Prints the tables on the terminal.
    #[arg(long, conflicts_with_all = ["out", "check"])]
    print: bool,
    /// Writes the results between the markers of README.md.
    #[arg(long, conflicts_with_all = ["out", "profile", "paper", "results"])]
    readme: bool,
    /// Checks the corpora that are here and writes datasets/checks.json, which the data sheet shows.
    #[arg(long, conflicts_with_all = ["out", "check", "profile", "paper", "results"])]
    corpora: bool,
}

/// The folder of a report inside a profile's results; no paper is called that.
const FOLDER: &str = "report";
/// The profiles whose results README.md shows.
const README_PROFILES: [&str; 2] = ["paper", "cpu"];

/// Runs the verb.
pub fn run(args: &ReportArgs) -> Result<Outcome> {
    if args.instead.corpora {
        return corpora();
    }
    let home = find_home();
    let results = match (&args.results, &home) {
        (Some(folder), _) => folder.clone(),
        (None, Ok(home)) => home.join("results"),
        (None, Err(_)) => {
            return Err(home.err().map_or_else(|| anyhow::anyhow!("no repository"), Into::into));
        }
    };
    if args.instead.print {
        return tables::run(&results, args.profile.as_deref(), args.paper.as_deref());
    }
    let source = Source { home: home.ok(), results, paper: args.paper.clone() };
    if args.instead.readme {
        return source.readme(args.check);
    }
    let profiles = match &args.profile {
        Some(profile) => vec![profile.clone()],
        None => source.profiles()?,
    };
    if profiles.is_empty() {
        bail!("no result tables under {}; run `make reproduce-all` first", source.results.display());
    }
    let mut outcome = Outcome::Ok;
    for profile in profiles {
        let page = source.page(&profile)?;
        if page.papers.is_empty() {
            let wanted = args.paper.as_ref().map_or(String::new(), |paper| format!(" of {paper}"));
            let folder = source.results.join(&profile);
            bail!("no results{wanted} in {}; run `make reproduce-all` first", folder.display());
        }
        let out = args.out.clone().unwrap_or_else(|| source.results.join(&profile).join(FOLDER));
        let good = if args.check { check(&out, &page)? } else { write(&out, &page)? };
        for problem in &page.problems {
            tracing::error!("{problem}");
        }
        if !good || !page.problems.is_empty() {
            outcome = Outcome::Failed;
        }
    }
    Ok(outcome)
}

/// Where everything is.
struct Source {
    /// The repository; without it there are results alone.
    home: Option<PathBuf>,
    results: PathBuf,
    paper: Option<String>,
}

impl Source {
    /// The profiles that hold results of the paper that was asked for, or of any.
    fn profiles(&self) -> Result<Vec<String>> {
        let mut profiles = Vec::new();
        for profile in folders(&self.results)? {
            if !self.ran(&self.results.join(&profile))?.is_empty() {
                profiles.push(profile);
            }
        }
        Ok(profiles)
    }

    /// The papers with results in a profile's folder.
    fn ran(&self, profile: &Path) -> Result<Vec<String>> {
        let mut papers = folders(profile)?;
        papers.retain(|name| name != FOLDER && self.paper.as_ref().is_none_or(|paper| paper == name));
        Ok(papers)
    }

    /// The report of a profile.
    fn page(&self, profile: &str) -> Result<Page> {
        let folder = self.results.join(profile);
        let mut problems = Problems::default();
        let mut names: BTreeSet<String> = self.ran(&folder)?.into_iter().collect();
        if names.is_empty() {
            return Ok(Page::of(profile, &[], Vec::new(), &self.results, &mut problems));
        }
        let experiments = self.home.as_ref().map(|home| home.join("experiments")).unwrap_or_default();
        // A paper that has not run is shown with what it wants, where its tables are known.
        let known = folders(&experiments)?;
        names.extend(known.into_iter().filter(|name| self.paper.as_ref().is_none_or(|paper| paper == name)));
        let papers: Vec<Paper> = names
            .iter()
            .map(|name| Paper::read(name, &experiments.join(name), &folder.join(name), &mut problems))
            .collect();
        let corpora = self.sheets(&papers, &mut problems);
        let mut page = Page::of(profile, &papers, corpora, &self.results, &mut problems);
        page.problems = problems.0.into_iter().map(|problem| self.relative(&problem)).collect();
        Ok(page)
    }

    fn sheets(&self, papers: &[Paper], problems: &mut Problems) -> Vec<sheet::Corpus> {
        let Some(home) = &self.home else { return Vec::new() };
        let path = home.join(medner_data::manifest::MANIFEST_PATH);
        let Some(manifest) = problems.note(Manifest::load(&path)) else { return Vec::new() };
        let checks = problems.note(Checks::load(home)).unwrap_or_default();
        sheet::of(papers, &manifest, &checks)
    }

    /// A message without the path of this machine.
    fn relative(&self, message: &str) -> String {
        let Some(home) = &self.home else { return message.to_owned() };
        message.replace(&format!("{}/", home.display()), "")
    }

    /// README.md: written anew, or only compared.
    fn readme(&self, check: bool) -> Result<Outcome> {
        let Some(home) = &self.home else { bail!("no repository here, so no README.md") };
        let path = home.join("README.md");
        let mut pages = Vec::new();
        for profile in README_PROFILES {
            pages.push(self.page(profile)?);
        }
        let problems: Vec<&String> = pages.iter().flat_map(|page| &page.problems).collect();
        for problem in &problems {
            tracing::error!("{problem}");
        }
        let filled = readme::filled(&path, &pages)?;
        let stands = std::fs::read_to_string(&path).is_ok_and(|text| text == filled);
        if check && !stands {
            emit("README.md: its results are not those of results/; run `medner report --readme`\n")?;
        } else if !check && !stands {
            write_atomically(&path, filled.as_bytes())?;
        }
        let good = problems.is_empty() && (stands || !check);
        Ok(if good { Outcome::Ok } else { Outcome::Failed })
    }
}

/// The names of the folders in a folder, sorted; none where it is not there.
fn folders(parent: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for path in tables::entries(parent)? {
        if path.is_dir()
            && let Some(name) = path.file_name()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// The files of a report, by their path inside its folder.
fn files(page: &Page) -> Result<Vec<(String, String)>> {
    let mut files =
        vec![("index.html".to_owned(), html::write(page)?), ("REPORT.md".to_owned(), markdown::write(page))];
    files.extend(page.figures().map(|figure| (figure.file.clone(), figure.content.clone())));
    Ok(files)
}

/// Writes a report; figures of an earlier one that are no more are removed.
fn write(out: &Path, page: &Page) -> Result<bool> {
    let files = files(page)?;
    for (name, content) in &files {
        write_atomically(&out.join(name), content.as_bytes())?;
    }
    for path in tables::entries(&out.join("figures"))? {
        let name = path.file_name().map(|name| format!("figures/{}", name.to_string_lossy()));
        let old = path.extension().is_some_and(|extension| extension == "svg");
        if old && !files.iter().any(|file| Some(&file.0) == name.as_ref()) {
            std::fs::remove_file(&path)?;
        }
    }
    emit(&format!("{}\n{}\n", out.join("index.html").display(), out.join("REPORT.md").display()))?;
    Ok(true)
}

/// True when the report stands there as it would be written.
fn check(out: &Path, page: &Page) -> Result<bool> {
    let mut good = true;
    for (name, content) in files(page)? {
        let path = out.join(&name);
        if !std::fs::read(&path).is_ok_and(|bytes| bytes == content.as_bytes()) {
            emit(&format!("{}: not as `medner report` would write it\n", path.display()))?;
            good = false;
        }
    }
    Ok(good)
}

fn corpora() -> Result<Outcome> {
    let home = find_home()?;
    let (path, missing) = checks::renew(&home)?;
    emit(&format!("{}\n", path.display()))?;
    if !missing.is_empty() {
        emit(&format!("not here, so not checked: {}\n", missing.join(", ")))?;
    }
    Ok(Outcome::Ok)
}
