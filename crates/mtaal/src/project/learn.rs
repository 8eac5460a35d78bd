//! `mtaal learn`: takes answers back and goes on training.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use medner_core::{CoreError, tensors};
use medner_experiment::RunContext;
use tch::Device;

use super::grow::{encoding, transplant};
use super::query::pool_of;
use super::review::unchanged;
use super::{ANSWERS, Given, MODEL, NETWORKS, Project, Stage, TRAINING, put, write};
use crate::algorithm::Keep;
use crate::cells::{self, Start};
use crate::config::{Config, enough_passes};
use crate::exchange::{AnswerOptions, Answers, Item, Shape, read_answers};
use crate::prepare::{build, word_matrix};
use crate::scores::Strategy;
use crate::unseen::Source;
use crate::{folder, vectors};

/// What is learned, and how.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// The answers.
    pub labelled: PathBuf,
    /// Left out: told from the content.
    pub shape: Option<Shape>,
    /// Go on without the sentences that have no answer.
    pub partial: bool,
    /// Take for answers what came back as it was handed out, in a shape that does not say whether somebody looked at it.
    pub unchanged: bool,
    /// Accept entity types that the project does not have yet.
    pub new_types: bool,
    /// Passes over the labelled sentences; left out: `training.epochs`, and more while there are few.
    pub epochs: Option<u64>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// The model is new: the round, the labelled sentences in all.
    Now(usize, usize),
    /// The same answers were learned before; nothing was done.
    Before(usize),
}

/// Checks the answers, keeps them, and trains on all that is labelled.
pub fn learn(project: &Project, lesson: &Lesson, ctx: &RunContext, device: Device) -> Result<Learned> {
    let round = project.rounds()?;
    if round == 0 {
        bail!("nothing has been asked yet: begin with `mtaal query --model DIR --pool FILE --types A,B`");
    }
    let query = project.query(round)?;
    let stage = project.stage(round);
    let before = project.model(round - 1, device)?;
    let given =
        answers(project, round, lesson, &query.items, before.as_ref().map(|model| &model.encoding.nen))?;
    // Before there is a model nothing was suggested.
    if stage != Stage::Learned
        && before.is_some()
        && let Some(doubt) = unchanged(&query, &given)
    {
        tracing::warn!("{}: {doubt}", lesson.labelled.display());
    }
    if stage == Stage::Asked {
        let mut known = project.labelled(round - 1)?.into_iter();
        if known.all(|s| s.spans.is_empty()) && given.sentences.iter().all(|s| s.spans.is_empty()) {
            bail!(
                "{}: no sentence has a mention, so there is nothing to learn yet; take the question back (`mtaal query --model DIR \
                 --take-back`) and ask for more sentences",
                lesson.labelled.display()
            );
        }
        write(&project.round(round).join(ANSWERS), &given)?;
    } else if project.answers(round)?.hash != given.hash {
        if stage == Stage::Answered {
            bail!(
                "{}: round {round} was taken with other answers and is not learned yet; go on with those, or take the round back \
                 (`mtaal query --model DIR --take-back`) and ask again",
                lesson.labelled.display()
            );
        }
        bail!(
            "{}: round {round} was learned with other answers; the labels of a round are not changed afterwards. Start a project \
             anew from corrected answers, or ask the next query",
            lesson.labelled.display()
        );
    } else if stage == Stage::Learned {
        return Ok(Learned::Before(round));
    }

    let config = before.as_ref().map_or_else(|| project.start.config.clone(), |m| m.config.clone());
    let labelled = project.labelled(round)?;
    let seed = project.seed(round);
    let grown = encoding(&config, before.as_ref().map(|model| &model.encoding), &labelled)?;
    let file = vectors::file(&config.word_vectors)?;
    let given_vectors = file.as_ref().map(|path| vectors::read(path, &grown.words)).transpose()?;
    let (words, _) = word_matrix(&config, &grown.words, given_vectors.as_ref(), seed)?;
    let networks = build(&config, &grown, &words, seed, device)?;
    if let Some(before) = &before {
        let played = project.round(round).join(NETWORKS);
        let state =
            if played.is_file() { tensors::read(&played)? } else { before.networks.params.state()? };
        transplant((&state, &before.encoding), (&networks, &grown))?;
    }
    let config = of_lesson(config, labelled.len(), lesson.epochs);
    let prepared = pool_of(&config, &grown, &labelled, &[])?;
    let folder = project.round(round);
    let training = RunContext { work_dir: folder.join(TRAINING), ..ctx.clone() };
    let files = [("answers".to_owned(), given.hash.clone())].into();
    // Passes over few sentences take less time than a checkpoint.
    let start =
        Start { seed, files, keep: Keep::Last, patience: None, save_unscored: false, own_files: true };
    let (run, _) = cells::train(&config, start, prepared, networks, &training, device)
        .map_err(|error| with_the_flags_to_repeat(error, round))?;

    let (saved, kept) =
        before.map_or_else(|| (project.start.config.clone(), None), |model| (model.config, model.given));
    let given = kept.as_deref().map_or_else(|| Source::of(&saved, file.as_deref()), Source::Model);
    let stage = folder.join(format!(".tmp-{}", std::process::id()));
    folder::save(&stage, &saved, &grown, &run.networks, &given)?;
    put(&stage, &folder.join(MODEL))?;
    fs::remove_dir_all(folder.join(TRAINING)).context("checkpoints of the training")?;
    Ok(Learned::Now(round, labelled.len()))
}

/// Lines 9 to 15 of Algorithm 1 on so many sentences, all of them labelled: nothing is asked, so that there is no query either
/// before which `training.warm_up` could be made. `passes`: what the command line says.
fn of_lesson(mut config: Config, labelled: usize, passes: Option<u64>) -> Config {
    let enough = enough_passes(config.training.epochs, labelled, config.training.batch_size);
    config.query.times = passes.unwrap_or(enough);
    config.query.evaluate_every = config.query.times;
    config.training.epochs = 1;
    config.training.warm_up = 0;
    config.strategy = Strategy::Random;
    config.diversity_discriminator.on = false;
    config
}

/// A training that was interrupted goes on with the flags it was begun with only: an error that they differ names them.
fn with_the_flags_to_repeat(error: anyhow::Error, round: usize) -> anyhow::Error {
    let Some(CoreError::ResumeDiffers { path, differences }) = error.downcast_ref() else { return error };
    // The passes stand in the configuration, the threads beside it.
    let flags = [("configuration.query.times: was ", "--epochs"), ("versions.threads: was ", "--threads")];
    let mut repeat = Vec::new();
    for difference in differences {
        let flag = flags.iter().find_map(|(start, flag)| Some((difference.strip_prefix(start)?, flag)));
        if let Some((values, flag)) = flag {
            let was = values.split(", is ").next().unwrap_or_default();
            repeat.push(format!("{flag} {}", was.trim_matches('"')));
        } else if !difference.starts_with("configuration.query.evaluate_every: ") {
            return error;
        }
    }
    anyhow::anyhow!(
        "round {round} is learned in part, with `{}`: repeat that to go on, or remove {} to learn the round from its beginning",
        repeat.join(" "),
        path.display()
    )
}

/// Reads and checks the answers; nothing is taken over from a file with an error.
fn answers(
    project: &Project,
    round: usize,
    lesson: &Lesson,
    items: &[Item],
    concepts: Option<&crate::corpus::ConceptSet>,
) -> Result<Given> {
    let types = project.types(round - 1)?;
    let options = AnswerOptions {
        partial: lesson.partial,
        unchanged: lesson.unchanged,
        types: &types,
        new_types: lesson.new_types,
        concepts,
    };
    let Answers { sentences, missing, new_types, new_concepts, remarks } =
        read_answers(lesson.shape, &lesson.labelled, items, options)?;
    for remark in remarks {
        tracing::warn!("{}: {remark}", lesson.labelled.display());
    }
    if !missing.is_empty() {
        tracing::warn!(
            "{} sentences have no answer and may be asked again: {}",
            missing.len(),
            missing.join(", ")
        );
    }
    for (what, new) in [("entity types", new_types), ("concepts", new_concepts)] {
        if !new.is_empty() {
            let list: Vec<String> = new.iter().map(|(name, count)| format!("{name} ({count})")).collect();
            tracing::info!("new {what}: {}", list.join(", "));
        }
    }
    if sentences.is_empty() {
        bail!("{}: holds no answer", lesson.labelled.display());
    }
    Given::new(sentences, missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::Round;

    #[test]
    fn a_lesson_has_its_passes_and_no_warm_up() {
        let mut config = Config::default();
        (config.training.warm_up, config.training.epochs) = (3, 2);
        let lesson = of_lesson(config, 64, Some(7));
        let round = Round::new(&lesson, 0, 64, 0);
        assert_eq!((lesson.query.times, round.warm_up, round.tasks, round.epochs), (7, 0, 2, 1));
    }

    #[test]
    fn a_resume_with_other_flags_names_those_to_repeat() {
        let said = |differences: &[&str]| {
            let differences = differences.iter().map(ToString::to_string).collect();
            let error =
                CoreError::ResumeDiffers { path: PathBuf::from("p/rounds/0002/training"), differences };
            with_the_flags_to_repeat(error.into(), 2).to_string()
        };
        let message = said(&[
            "configuration.query.evaluate_every: was 600, is 3",
            "configuration.query.times: was 600, is 3",
            "versions.threads: was \"2\", is \"1\"",
        ]);
        assert!(message.contains("round 2 is learned in part, with `--epochs 600 --threads 2`"), "{message}");
        assert!(
            message.ends_with("remove p/rounds/0002/training to learn the round from its beginning"),
            "{message}"
        );
        // Anything else is not a matter of flags.
        let message =
            said(&["configuration.query.times: was 600, is 3", "data.answers: was \"a\", is \"b\""]);
        assert!(message.contains("data.answers"), "{message}");
    }
}
