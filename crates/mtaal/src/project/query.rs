//! `mtaal query`: which sentences of a pool to label next.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use medner_core::tensors;
use medner_core::trainer::{At, Task};
use medner_data::Sentence;
use medner_experiment::RunContext;
use tch::Device;

use super::hand_out::{hand_out, outgoing};
use super::pool::Pool;
use super::suggest::suggest;
use super::{NETWORKS, Project, QUERY, Query, ROUNDS, Stage, put, write};
use crate::algorithm::{ActiveLearning, Keep};
use crate::config::{Config, ENOUGH_STEPS};
use crate::corpus::{ActivePool, Encoding};
use crate::exchange::{Item, Shape};
use crate::folder::ModelFolder;
use crate::networks::{Networks, WORD_VECTORS};
use crate::prepare::{Missed, Prepared};
use crate::rounds::{Part, Round};
use crate::scores::{ScoreRules, Strategy, scoring_order, select_random};
use crate::words::WordForms;
use crate::{length, unseen};

/// What is asked for.
pub struct Asked {
    /// Where sentences are chosen from.
    pub pool: Pool,
    /// Sentences.
    pub n: usize,
    /// Left out: random without a model, least confidence with one.
    pub strategy: Option<Strategy>,
    /// What is written, and where.
    pub shape: Shape,
    /// A file, for brat a folder; left out: in the project's folder, named after the round and the shape.
    pub out: Option<PathBuf>,
    /// Whether the model's own labels go with the sentences.
    pub suggestions: bool,
}

/// Asks: chooses, remembers, writes. A query that waits for its answers is written again, not made anew. Where the sentences are.
pub fn query(project: &Project, asked: &Asked, ctx: &RunContext, device: Device) -> Result<(Query, PathBuf)> {
    let rounds = project.rounds()?;
    match if rounds == 0 { Stage::Learned } else { project.stage(rounds) } {
        Stage::Learned => {}
        Stage::Answered => bail!(
            "round {rounds} was answered and is not learned yet: go on with `mtaal learn --model DIR --labelled FILE`, or take it back \
             with `mtaal query --model DIR --take-back`"
        ),
        Stage::Asked => {
            let waiting = project.query(rounds)?;
            let same = waiting.pool == asked.pool.hash
                && waiting.wanted == asked.n
                && asked.strategy.is_none_or(|strategy| strategy == waiting.strategy)
                && waiting.suggestions == asked.suggestions;
            if !same {
                bail!(
                    "round {rounds} ({} sentences by {}) waits for its answers: learn them first, or take the question back with \
                     `mtaal query --model DIR --take-back`",
                    waiting.items.len(),
                    waiting.strategy
                );
            }
            tracing::info!("round {rounds} waits for its answers: the same sentences are written again");
            let outgoing = outgoing(project, rounds, &waiting, asked.shape, asked.out.as_deref())?;
            hand_out(project, rounds, &outgoing, asked.shape)?;
            return Ok((waiting, outgoing.place().to_owned()));
        }
    }
    let model = project.model(rounds, device)?;
    let strategy = match (asked.strategy, &model) {
        (None, None) => Strategy::Random,
        (None, Some(_)) => Strategy::Lc,
        (Some(strategy), None) if strategy != Strategy::Random => bail!(
            "`--strategy {strategy}`: there is no model yet that could say what it is unsure of; the first query is `random`"
        ),
        (Some(strategy), _) => strategy,
    };
    let sentences = asked.pool.unasked(project, rounds)?;
    let round = rounds + 1;
    let (chosen, networks) = match &model {
        Some(model) if strategy != Strategy::Random => {
            choose(project, rounds, model, strategy, asked.n, &sentences, ctx, device)?
        }
        _ => {
            let all: Vec<u32> = (0..sentences.len() as u32).collect();
            let order = scoring_order(&all, &ScoreRules::PAPER, 1, project.seed(round), round as u64);
            let drawn = select_random(&order, &ScoreRules::PAPER, asked.n, project.seed(round), round as u64);
            (drawn.chosen, None)
        }
    };
    if chosen.is_empty() {
        bail!("{}: no sentence of it was chosen, so there is nothing to label", asked.pool.path.display());
    }
    let mut items: Vec<Item> = chosen.iter().map(|&at| sentences[at as usize].clone()).collect();
    if let Some(model) = model.as_ref().filter(|_| asked.suggestions) {
        suggest(model, &project.types(rounds)?, &mut items, device)?;
    }
    let pool = asked.pool.hash.clone();
    let query = Query { strategy, wanted: asked.n, pool, suggestions: asked.suggestions, items };

    // The round stands once it is put in its place: what it cannot be handed out for must be seen before.
    let outgoing = outgoing(project, round, &query, asked.shape, asked.out.as_deref())?;
    outgoing.check()?;
    project.keep_start()?;
    let stage = project.folder.join(ROUNDS).join(format!(".tmp-{}", std::process::id()));
    fs::create_dir_all(&stage)?;
    if let Some(networks) = networks {
        tensors::write(&stage.join(NETWORKS), &networks)?;
    }
    write(&stage.join(QUERY), &query)?;
    put(&stage, &project.round(round))?;
    hand_out(project, round, &outgoing, asked.shape)?;
    Ok((query, outgoing.place().to_owned()))
}

/// Lines 2 to 5 of Algorithm 1: the diversity game, where the strategy needs it, and the choice. The networks that the game left.
#[allow(clippy::too_many_arguments)] // All that a choice depends on.
fn choose(
    project: &Project,
    rounds: usize,
    model: &ModelFolder,
    strategy: Strategy,
    n: usize,
    items: &[Item],
    ctx: &RunContext,
    device: Device,
) -> Result<(Vec<u32>, Option<tensors::NamedTensors>)> {
    let mut config = model.config.clone();
    config.strategy = strategy;
    config.query.sentences = n;
    config.training.warm_up = 0;
    // A sentence of a user's own pool may be asked whatever the released code loses.
    config.released.drops_last_pool_batch = false;
    let labelled = project.labelled(rounds)?;
    // The pool's words that no answer has shown yet, with their given vectors.
    let asked: Vec<Vec<String>> = items.iter().map(Item::token_texts).collect();
    let with_words = unseen::with_words_of(model, asked.iter().flatten(), device)?;
    let (own_words, model) = (model.encoding.words.len(), with_words.as_ref().unwrap_or(model));
    let game = &mut config.diversity_discriminator;
    game.on = strategy == Strategy::Diversity;
    game.steps = game_steps(game.steps, labelled.len(), config.training.batch_size);
    if labelled.is_empty() && strategy == Strategy::Diversity {
        bail!(
            "`--strategy diversity` asks for what is least like the labelled sentences, and the model's folder holds none \
             (`sentences.json`): train it again with this version, or take another strategy"
        );
    }
    let prepared = pool_of(&config, &model.encoding, &labelled, items)?;
    let networks = crate::folder::empty_networks(&config, &model.encoding, device)?;
    networks.params.load(&model.networks.params.state()?)?;
    let (before, unlabelled) = (prepared.pool.labelled.len(), prepared.pool.unlabelled.len());
    let seed = project.seed(rounds + 1);
    let nothing = Box::new(|_: u64, _: &crate::algorithm::Seconds| Ok(()));
    let mut run = ActiveLearning::new(&config, networks, prepared, seed, device, Keep::Last, nothing)?;
    let plan = Round::new(&config, 1, before, unlabelled);
    for batch in 0.. {
        medner_core::device::reseed(seed, batch);
        run.step(&At { seed, epoch: 1, batch, step: batch })?;
        ctx.stop.check()?;
        ctx.progress.set(batch + 1, plan.diversity + 1, "asking");
        if plan.at(batch).0 == Part::Query {
            break;
        }
    }
    let chosen = run.pool().labelled[before..].iter().map(|&id| id - before as u32).collect();
    let played = plan.diversity > 0;
    Ok((chosen, if played { Some(own_state(&run.networks, own_words)?) } else { None }))
}

/// The parameters with the rows of the model's own words: those of other words are given anew to whoever reads them.
fn own_state(networks: &Networks, own_words: usize) -> Result<tensors::NamedTensors> {
    let mut state = networks.params.state()?;
    let table = state.get_mut(WORD_VECTORS).context("the model has no word vectors")?;
    *table = table.f_narrow(0, 0, own_words as i64)?.f_contiguous()?;
    Ok(state)
}

/// Steps of the diversity game: as configured, else a pass over the labelled sentences, and not fewer than [`ENOUGH_STEPS`]: a pass
/// over few of them leaves the discriminator as it was drawn.
fn game_steps(configured: u64, labelled: usize, batch_size: usize) -> u64 {
    match configured {
        0 => labelled.div_ceil(batch_size).max(ENOUGH_STEPS) as u64,
        steps => steps,
    }
}

/// Labelled sentences, then those that can be asked, in numbers. What earlier versions asked may be longer than what the networks
/// read in one go, and is cut.
pub fn pool_of(
    config: &Config,
    encoding: &Encoding,
    labelled: &[Sentence],
    items: &[Item],
) -> Result<Prepared> {
    let (mut all, _) = length::labelled(labelled.to_vec()).context("labelled sentences")?;
    let n = all.len() as u32;
    all.extend(items.iter().map(|item| item.to_sentence(&[])));
    let encoded = encoding.encode(&all)?;
    let forms = WordForms::of(&encoded).as_released(&config.released);
    Ok(Prepared {
        examples: encoded.examples,
        forms,
        encoding: encoding.clone(),
        names: all.into_iter().map(|s| s.id).collect(),
        pool: ActivePool { labelled: (0..n).collect(), unlabelled: (n..n + items.len() as u32).collect() },
        test: Vec::new(),
        missed: Missed::default(),
        notes: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_labelled_sentences_do_not_make_a_short_game() {
        assert_eq!(game_steps(0, 64, 32), ENOUGH_STEPS as u64);
        assert_eq!(game_steps(0, 32 * 700 + 1, 32), 701);
        assert_eq!(game_steps(2, 64, 32), 2);
    }
}
