//! Which parameters each line of Algorithm 1 moves.

use medner_core::Result;
use medner_core::optim::Optimizer;
use medner_core::params::Parameter;

use crate::config::{Config, adam};
use crate::networks::{CHARACTER_VECTORS, Networks, WORD_VECTORS};

/// One optimiser for each update of Algorithm 1, each with its own moments.
pub(super) struct Optimizers {
    /// Line 14: θ_E and θ_k of the tasks trained.
    pub tasks: Optimizer,
    /// Line 3: θ_DD.
    pub diversity_discriminator: Option<Optimizer>,
    /// Line 4: θ_E.
    pub diversity_encoder: Option<Optimizer>,
    /// Line 10: θ_E.
    pub game_encoder: Option<Optimizer>,
    /// Line 11: θ_TD and both θ_k.
    pub game_private: Option<Optimizer>,
}

impl Optimizers {
    pub fn new(config: &Config, networks: &Networks) -> Result<Self> {
        let of = |parts: &[&str]| -> Vec<Parameter> {
            let all = networks.params.parameters().into_iter();
            // Word vectors that stand still need no moments.
            all.filter(|p| parts.contains(&p.name.split('.').next().unwrap_or_default()))
                .filter(|p| p.tensor.requires_grad())
                .collect()
        };
        let spared = |p: &Parameter| {
            config.released.games_spare_vectors
                && [CHARACTER_VECTORS, WORD_VECTORS].contains(&p.name.as_str())
        };
        let in_games = |parts: &[&str]| of(parts).into_iter().filter(|p| !spared(p)).collect();
        let t = &config.training;
        let mut trained = vec!["encoder"];
        trained.extend(config.tasks.ner().then_some("ner"));
        trained.extend(config.tasks.nen().then_some("nen"));
        let tasks = Optimizer::new(&adam(t.learning_rate, t.beta1, t.beta2), of(&trained))?;
        let game = |on: bool, learning_rate: f64, beta1: f64, beta2: f64, parts: &[&str]| {
            on.then(|| Optimizer::new(&adam(learning_rate, beta1, beta2), in_games(parts))).transpose()
        };
        let d = &config.diversity_discriminator;
        let diversity = |parts: &[&str]| game(d.on, d.learning_rate, d.beta1, d.beta2, parts);
        let g = &config.task_discriminator;
        let tell_apart = |parts: &[&str]| game(g.on, g.learning_rate, g.beta1, g.beta2, parts);
        Ok(Self {
            tasks,
            diversity_discriminator: diversity(&["diversity_discriminator"])?,
            diversity_encoder: diversity(&["encoder"])?,
            game_encoder: tell_apart(&["encoder"])?,
            game_private: tell_apart(&["task_discriminator", "ner", "nen"])?,
        })
    }

    /// Each by the name under which its moments are saved.
    pub fn named(&mut self) -> Vec<(&'static str, &mut Optimizer)> {
        let games = [
            ("diversity_discriminator", self.diversity_discriminator.as_mut()),
            ("diversity_encoder", self.diversity_encoder.as_mut()),
            ("game_encoder", self.game_encoder.as_mut()),
            ("game_private", self.game_private.as_mut()),
        ];
        let games = games.into_iter().filter_map(|(name, optimizer)| Some((name, optimizer?)));
        std::iter::once(("tasks", &mut self.tasks)).chain(games).collect()
    }
    /// The same to read, without those that are not there.
    pub fn by_name(&self) -> impl Iterator<Item = (&'static str, &Optimizer)> {
        let games = [
            ("diversity_discriminator", &self.diversity_discriminator),
            ("diversity_encoder", &self.diversity_encoder),
            ("game_encoder", &self.game_encoder),
            ("game_private", &self.game_private),
        ];
        let games = games.into_iter().filter_map(|(name, optimizer)| Some((name, optimizer.as_ref()?)));
        std::iter::once(("tasks", &self.tasks)).chain(games)
    }
}

/// One update with the gradients as they are. Nothing is clipped (the paper says nothing of it); a gradient that is no number ends
/// the run.
pub(super) fn update(optimizer: &mut Optimizer) -> Result<()> {
    optimizer.clip_gradients(f64::INFINITY)?;
    optimizer.step()
}
