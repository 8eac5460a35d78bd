//! What a query round is made of, known before it begins: a run that is killed in the middle of a round and resumed asks
//! for the same batches as one that was not.

use medner_core::{CoreError, Result};
use medner_data::batching::{BatchConfig, BatchOrder, BatchSize, Batches};

use crate::config::{Config, GameBatches};
use crate::corpus::Example;
use crate::scores::Strategy;

/// The parts of a round, in the order of Algorithm 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Before the first query only, and only where it is asked for: training on the initial sentences.
    WarmUp,
    /// Lines 2 to 4: the diversity discriminator against the encoder.
    Diversity,
    /// Lines 5 to 8: sentences are chosen, labelled, moved.
    Query,
    /// Lines 9 to 12: the task discriminator and the private decoders against the encoder.
    TaskGame,
    /// Lines 13 to 15: the tasks.
    Tasks,
}

/// Steps of each part of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Steps of the warm-up.
    pub warm_up: u64,
    /// Steps of the diversity game.
    pub diversity: u64,
    /// Steps of the task game in each epoch after the query.
    pub task_game: u64,
    /// Steps of the tasks in each epoch after the query.
    pub tasks: u64,
    /// Epochs after the query.
    pub epochs: u64,
}

impl Round {
    /// The round `number` (from 0) that begins with so many labelled and unlabelled sentences.
    pub fn new(config: &Config, number: u64, labelled: usize, unlabelled: usize) -> Self {
        let batches = |sentences: usize| batch_count(config, sentences);
        let labelled_after = labelled + chosen(config, unlabelled);
        let game = &config.diversity_discriminator;
        let diversity = match (game.on && unlabelled > 0, config.released.one_diversity_step, game.steps) {
            (false, ..) => 0,
            (true, true, _) => 1,
            (true, false, 0) => batches(labelled),
            (true, false, steps) => steps,
        };
        // Where only choices count, what no later choice depends on is left out.
        let only = config.query.choices_only;
        let asks = !only || config.strategy.needs_tasks() || config.strategy.needs_discriminator();
        let goes_on = !only || number + 1 < config.query.times;
        let steps = |wanted: bool, steps: u64| if wanted { steps } else { 0 };
        Self {
            warm_up: steps(asks && number == 0, config.training.warm_up * batches(labelled)),
            diversity,
            task_game: steps(asks && goes_on && config.task_discriminator.on, batches(labelled_after)),
            tasks: steps(asks && goes_on, batches(labelled_after)),
            epochs: config.training.epochs,
        }
    }

    /// Steps in all.
    pub fn steps(&self) -> u64 {
        self.warm_up + self.diversity + 1 + self.epochs * (self.task_game + self.tasks)
    }

    /// The part that a step belongs to, the step inside the part, and which epoch after the query it is.
    pub fn at(&self, step: u64) -> (Part, u64, u64) {
        let mut rest = step;
        for (part, steps) in
            [(Part::WarmUp, self.warm_up), (Part::Diversity, self.diversity), (Part::Query, 1)]
        {
            if rest < steps {
                return (part, rest, 0);
            }
            rest -= steps;
        }
        let an_epoch = (self.task_game + self.tasks).max(1);
        let (epoch, within) = (rest / an_epoch, rest % an_epoch);
        if within < self.task_game {
            (Part::TaskGame, within, epoch)
        } else {
            (Part::Tasks, within - self.task_game, epoch)
        }
    }
}

/// Batches of so many sentences.
pub fn batch_count(config: &Config, sentences: usize) -> u64 {
    let size = config.training.batch_size;
    if config.released.random_batches && sentences >= size {
        (sentences / size) as u64
    } else {
        sentences.div_ceil(size) as u64
    }
}

/// How many sentences a query moves to the labelled ones.
pub fn chosen(config: &Config, unlabelled: usize) -> usize {
    let scored = if config.released.drops_last_pool_batch {
        unlabelled / config.training.batch_size * config.training.batch_size
    } else {
        unlabelled
    };
    // Drawing with replacement never runs short.
    let again = config.released.random_with_replacement && config.strategy == Strategy::Random && scored > 0;
    if again { config.query.sentences } else { config.query.sentences.min(scored) }
}

/// Which shuffle of a round some batches are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shuffle {
    /// Labelled sentences of the warm-up.
    WarmUp = 0,
    /// Labelled sentences of the diversity game.
    DiversityLabelled = 1,
    /// Unlabelled sentences of the diversity game.
    DiversityUnlabelled = 2,
    /// Labelled sentences of the task game.
    GameLabelled = 3,
    /// Unlabelled sentences of the task game.
    GameUnlabelled = 4,
    /// Labelled sentences of the tasks.
    Tasks = 5,
}

/// Batches over sentences of the corpus, shuffled by (seed, round, shuffle, pass): those of the tasks of like length, which is
/// quick; those of the diversity game at random, as its discriminator would else learn to tell short from long.
pub fn batches(
    examples: &[Example],
    ids: &[u32],
    config: &Config,
    seed: u64,
    (round, shuffle, pass): (u64, Shuffle, u64),
) -> Result<Vec<Vec<u32>>> {
    let size = BatchSize::Sentences(config.training.batch_size);
    let diversity = matches!(shuffle, Shuffle::DiversityLabelled | Shuffle::DiversityUnlabelled);
    let like_length = !diversity || config.diversity_discriminator.batches == GameBatches::LikeLength;
    let order = if like_length && !config.released.random_batches {
        BatchOrder::Bucketed
    } else {
        BatchOrder::Random
    };
    let lengths = ids.iter().map(|&id| examples[id as usize].len()).collect();
    let batches =
        Batches::new(lengths, BatchConfig { size, order, seed, ..BatchConfig::default() }).map_err(
            |error| CoreError::Config { key: "training.batch_size".into(), message: error.to_string() },
        )?;
    // A number for each (round, shuffle, pass), as none has 256 passes.
    let key = (round * 8 + shuffle as u64) * 256 + pass;
    let name = |batch: Vec<usize>| batch.into_iter().map(|at| ids[at]).collect();
    let mut all: Vec<Vec<u32>> = batches.epoch(key).into_iter().map(name).collect();
    let kept = batch_count(config, ids.len()) as usize;
    if kept < all.len() {
        all.retain(|batch| batch.len() == config.training.batch_size);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{Released, Training};

    fn config() -> Config {
        let training = Training { batch_size: 10, ..Training::default() };
        let mut config = Config { training, ..Config::default() };
        config.query.sentences = 20;
        config
    }

    #[test]
    fn a_round_follows_algorithm_1() {
        let round = Round::new(&config(), 3, 95, 100);
        // One pass over 95 labelled; the query; a pass over 115 with the game, then one with the tasks.
        assert_eq!(round, Round { warm_up: 0, diversity: 10, task_game: 12, tasks: 12, epochs: 1 });
        assert_eq!(round.steps(), 35);
        let parts: Vec<Part> = (0..35).map(|step| round.at(step).0).collect();
        let expected: Vec<Part> =
            [(Part::Diversity, 10), (Part::Query, 1), (Part::TaskGame, 12), (Part::Tasks, 12)]
                .into_iter()
                .flat_map(|(part, n)| std::iter::repeat_n(part, n))
                .collect();
        assert_eq!(parts, expected);
        assert_eq!(round.at(11), (Part::TaskGame, 0, 0));
        assert_eq!(round.at(34), (Part::Tasks, 11, 0));
    }

    #[test]
    fn what_is_off_takes_no_step() {
        let mut config = config();
        config.task_discriminator.on = false;
        config.diversity_discriminator.on = false;
        config.training.epochs = 2;
        config.training.warm_up = 3;
        let round = Round::new(&config, 0, 10, 5);
        assert_eq!(round, Round { warm_up: 3, diversity: 0, task_game: 0, tasks: 2, epochs: 2 });
        assert_eq!((round.at(4), round.at(7)), ((Part::Tasks, 0, 0), (Part::Tasks, 1, 1)));
        assert_eq!(Round::new(&config, 1, 10, 5).warm_up, 0);
    }

    #[test]
    fn where_only_choices_count_nothing_follows_the_last_and_random_needs_no_training() {
        let mut config = config();
        config.query.times = 3;
        config.training.warm_up = 1;
        let whole = [0, 1, 2].map(|number| Round::new(&config, number, 95, 100));
        config.query.choices_only = true;
        let [first, second, last] = [0, 1, 2].map(|number| Round::new(&config, number, 95, 100));
        assert_eq!((first, second), (whole[0], whole[1]));
        assert_eq!(last, Round { task_game: 0, tasks: 0, ..whole[2] });
        assert_eq!((last.steps(), last.at(10)), (11, (Part::Query, 0, 0)));
        config.strategy = Strategy::Random;
        config.diversity_discriminator.on = false;
        let first = Round::new(&config, 0, 95, 100);
        assert_eq!((first.steps(), first.at(0).0), (1, Part::Query));
    }

    #[test]
    fn the_released_code_loses_the_last_batch() {
        let mut config = config();
        assert_eq!((chosen(&config, 15), chosen(&config, 25)), (15, 20));
        config.released = Released::all();
        assert_eq!((chosen(&config, 15), chosen(&config, 25), chosen(&config, 9)), (10, 20, 0));
        assert_eq!(Round::new(&config, 0, 95, 100).diversity, 1);
    }

    #[test]
    fn batches_hold_every_sentence_once_and_differ_by_round_and_shuffle() {
        let examples = (0..40).map(|n| vec![0; 1 + n % 7]).map(|ids: Vec<u32>| Example {
            words: ids.clone(),
            forms: ids.clone(),
            ner: ids.clone(),
            nen: ids,
        });
        let examples: Vec<Example> = examples.collect();
        let ids: Vec<u32> = (0..40).step_by(2).collect();
        let make = |key| batches(&examples, &ids, &config(), 1, key).unwrap();
        let first = make((0, Shuffle::Tasks, 0));
        let mut all: Vec<u32> = first.concat();
        all.sort_unstable();
        assert_eq!(all, ids);
        assert_eq!(first, make((0, Shuffle::Tasks, 0)));
        for other in [(1, Shuffle::Tasks, 0), (0, Shuffle::GameLabelled, 0), (0, Shuffle::Tasks, 1)] {
            assert_ne!(first, make(other));
        }
    }

    #[test]
    fn the_diversity_game_draws_sentences_of_any_length_together() {
        let example = |n: usize| {
            let ids = vec![0; 1 + n % 20];
            Example { words: ids.clone(), forms: ids.clone(), ner: ids.clone(), nen: ids }
        };
        let examples: Vec<Example> = (0..400).map(example).collect();
        let ids: Vec<u32> = (0..400).collect();
        // Of a batch of ten sentences of 1 to 20 words: from the shortest to the longest. Like lengths differ by 7 at most.
        let range = |config: &Config, shuffle| {
            let made = batches(&examples, &ids, config, 1, (0, shuffle, 0)).unwrap();
            let lengths = made.iter().map(|batch| batch.iter().map(|&id| examples[id as usize].len()));
            let ranges = lengths.map(|all| all.clone().max().unwrap() - all.min().unwrap());
            ranges.sum::<usize>() as f64 / made.len() as f64
        };
        let mut config = config();
        for shuffle in [Shuffle::DiversityLabelled, Shuffle::DiversityUnlabelled] {
            assert!(range(&config, shuffle) > 12.0);
        }
        assert!(range(&config, Shuffle::Tasks) < 9.0 && range(&config, Shuffle::GameUnlabelled) < 9.0);
        config.diversity_discriminator.batches = GameBatches::LikeLength;
        assert!(range(&config, Shuffle::DiversityLabelled) < 9.0);
        config.released.random_batches = true;
        assert!(range(&config, Shuffle::DiversityLabelled) > 12.0 && range(&config, Shuffle::Tasks) > 12.0);
    }
}
