//! `medner data fetch [NAME...]`.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use medner_data::fetch::{FetchError, FetchOptions, Fetcher};
use medner_data::store::{DataSetStatus, Place, State, Store};

use crate::console::{Outcome, emit, size, table};

/// Which data sets, and from where.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// Names as in `--list`; none means every data set that is not on request.
    names: Vec<String>,
    /// Fetches nothing: lists the data sets and how they stand; with names, also their files and addresses.
    #[arg(long)]
    list: bool,
    /// Takes the place of scheme and host in every address, for example `http://mirror.example:8000`.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
}

/// Fetches or lists.
pub fn run(args: &FetchArgs, quiet: bool) -> Result<Outcome> {
    let store = Store::discover()?;
    for name in &args.names {
        store.manifest().get(name)?;
    }
    if args.list {
        emit(&list(&store, &args.names))?;
        return Ok(Outcome::Ok);
    }
    let fetcher = Fetcher::new(FetchOptions {
        base_url: args.base_url.clone(),
        progress: !quiet,
        ..FetchOptions::default()
    });
    let wanted: Vec<String> = if args.names.is_empty() {
        let all = store.manifest().datasets.iter();
        all.filter(|(_, set)| !set.on_request).map(|(name, _)| name.clone()).collect()
    } else {
        args.names.clone()
    };
    let mut failed = 0;
    for name in &wanted {
        match store.ensure_with(name, &fetcher) {
            Ok(located) if !quiet => {
                let bytes = located.files.values().map(|f| f.bytes).sum();
                let files = located.files.len();
                emit(&format!(
                    "{name}: {files} files, {}, verified, in {}\n",
                    size(bytes),
                    located.root.display()
                ))?;
            }
            Ok(_) => {}
            Err(error) => {
                failed += 1;
                tracing::error!("{name}: {error}");
                // Without a network every other download fails in the same way: one message is enough.
                if matches!(error, FetchError::Download { .. }) && wanted.len() > 1 {
                    failed += stop_early(&store, &wanted, name)?;
                    break;
                }
            }
        }
    }
    if failed > 0 {
        tracing::error!("{failed} of {} data sets are not here", wanted.len());
        return Ok(Outcome::Failed);
    }
    Ok(Outcome::Ok)
}

/// Says how the data sets after `failed` stand without trying to download them; returns how many are not here.
fn stop_early(store: &Store, wanted: &[String], failed: &str) -> Result<usize> {
    let rest = wanted.iter().skip_while(|name| *name != failed).skip(1);
    let mut missing = Vec::new();
    for name in rest {
        match store.locate(name) {
            Ok(located) => emit(&format!("{name}: verified, in {}\n", located.root.display()))?,
            Err(_) => missing.push(name.as_str()),
        }
    }
    if !missing.is_empty() {
        tracing::error!("not tried, as the download before failed: {}", missing.join(", "));
    }
    Ok(missing.len())
}

/// One word on how a data set stands.
pub fn standing(status: &DataSetStatus) -> &'static str {
    match &status.state {
        State::Verified { place: Place::Datasets } => "here",
        State::Verified { place: Place::Mirror } => "in the mirror",
        State::Missing { .. } if status.on_request => "on request",
        State::Missing { downloadable: true, .. } => "missing",
        State::Missing { downloadable: false, .. } => "missing, not downloadable",
        State::Wrong { .. } => "wrong",
    }
}

/// Sizes that the manifest does not know are not 0.
fn known_size(bytes: u64) -> String {
    if bytes == 0 { "unknown".to_owned() } else { size(bytes) }
}

fn list(store: &Store, names: &[String]) -> String {
    let chosen = |name: &String| names.is_empty() || names.contains(name);
    let mut rows = table(&["name", "state", "files", "size", "what"]);
    for status in store.status().into_iter().filter(|s| chosen(&s.name)) {
        let state = standing(&status);
        rows.add_row([
            status.name,
            state.into(),
            status.file_count.to_string(),
            known_size(status.bytes),
            status.title,
        ]);
    }
    let mut text = format!("{rows}\n");
    for name in names {
        let set = &store.manifest().datasets[name];
        write!(text, "\n{name}\n  licence: {}\n", set.licence).expect("writing to a String cannot fail");
        for cite in &set.cite {
            writeln!(text, "  cite: {cite}").expect("writing to a String cannot fail");
        }
        for file in &set.files {
            let from = match (&file.url, &file.member, &file.members) {
                (Some(url), Some(member), _) => format!("{url} (member {member})"),
                (Some(url), _, Some(members)) => format!("{url} (members {members}, joined)"),
                (Some(url), None, None) => url.clone(),
                (None, ..) => format!("derived: {}", file.derived.as_deref().unwrap_or("unknown")),
            };
            writeln!(text, "  {}\n    {from}", file.path).expect("writing to a String cannot fail");
        }
    }
    text
}
