//! What goes to the people who label, where it goes, and how it is taken back.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use medner_core::tensors;

use super::{Project, Query, ROUNDS, Stage};
use crate::exchange::{Outgoing, Shape, TakenBack, labelling_configuration};

/// A round's sentences on their way: to `out`, or else into the project's folder, named after the round and the shape.
pub fn outgoing(
    project: &Project,
    round: usize,
    query: &Query,
    shape: Shape,
    out: Option<&Path>,
) -> Result<Outgoing> {
    let ending = match shape {
        Shape::LabelStudio => "label-studio.json",
        Shape::Doccano => "doccano.jsonl",
        Shape::Jsonl => "jsonl",
        Shape::Brat => "brat",
    };
    let place = || project.folder.join(format!("round-{round:04}.{ending}"));
    let out = out.map_or_else(place, Path::to_owned);
    Ok(Outgoing::new(shape, &query.items, &project.types(round - 1)?, &out)?)
}

/// Writes them, and beside Label Studio's its labelling interface.
pub fn hand_out(project: &Project, round: usize, outgoing: &Outgoing, shape: Shape) -> Result<()> {
    outgoing.write()?;
    if shape == Shape::LabelStudio {
        let interface = project.folder.join("label-studio.xml");
        let types = project.types(round - 1)?;
        tensors::write_atomically(&interface, labelling_configuration(&types).as_bytes())?;
    }
    Ok(())
}

/// Takes the last question back unless it is learned; the round is as if it had not been. What was handed out in the project's
/// folder goes first, as long as the round says what was written: after a kill the call is made again.
pub fn take_back(project: &Project) -> Result<(usize, Vec<PathBuf>)> {
    let round = project.rounds()?;
    if round == 0 || project.stage(round) == Stage::Learned {
        bail!(
            "no question waits for its answers (none was asked, or the last round is learned), so none can be taken back"
        );
    }
    let query = project.query(round)?;
    let mut kept = Vec::new();
    for shape in Shape::ALL {
        // A shape that has no place for these sentences was not written.
        let Ok(outgoing) = outgoing(project, round, &query, shape, None) else { continue };
        if let TakenBack::Kept(path) = outgoing.take_back()? {
            kept.push(path);
        }
    }
    tensors::sync_folder(&project.folder)?;
    let rounds = project.folder.join(ROUNDS);
    let stage = rounds.join(format!(".tmp-{}", std::process::id()));
    fs::rename(project.round(round), &stage)
        .with_context(|| format!("{}: cannot be moved away", project.round(round).display()))?;
    tensors::sync_folder(&rounds)?;
    fs::remove_dir_all(&stage).with_context(|| format!("{}: cannot be removed", stage.display()))?;
    Ok((round, kept))
}
