//! Optimisers on flat buffers, equal to PyTorch's.
//!
//! ```no_run,standalone_crate
//! # fn main() -> medner_core::Result<()> {
//! use medner_core::optim::{Adam, Optimizer, OptimizerConfig, Rule};
//! use medner_core::{init::Init, params::Params};
//!
//! let params = Params::new(tch::Device::Cpu);
//! let w = params.root().parameter("w", &[3], Init::Ones)?;
//! let mut adam = Optimizer::new(&OptimizerConfig::new(Rule::Adam(Adam::default()), 1e-3), params.parameters())?;
//! for _ in 0..10 {
//!     adam.zero_gradients()?;
//!     w.f_square()?.f_sum(tch::Kind::Float)?.f_backward()?;
//!     let norm = adam.clip_gradients(5.0)?;
//!     adam.step()?;
//!     assert!(norm > 0.0);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Parameters, gradients and moments of a group each lie in one tensor `[N]`. On the CPU a step is one pass of plain
//! Rust over it, in chunks of fixed size spread over rayon's threads: the result does not depend on the number of threads. On
//! CUDA it is a handful of kernels on `[N]`.
//!
//! What a parameter that a backward pass did not reach goes through is what PyTorch does with a gradient of `None`:
//! nothing, neither decay of its moments nor of its weights, and its step count stands still. So frozen parameters and the
//! parts of a model that a batch does not use stay exactly as they are.
//!
//! Optimisers are made after the model and before its first batch; after that parameters must not be moved
//! (`set_data`), only written in place.

mod config;
pub(crate) mod flat;
mod group;
mod kernels;
mod operations;
pub(crate) mod raw;
mod state;

use std::collections::BTreeSet;

use tch::Tensor;

use crate::clip;
use crate::error::{CoreError, Result};
use crate::params::Parameter;
use group::{GroupState, Run, Slot};
use kernels::{Stretch, Update};

pub(crate) use kernels::{CHUNK, PARALLEL};

pub use config::{AdaGrad, Adam, Lookahead, OptimizerConfig, RAdam, RmsProp, Rule, Sgd};

/// Parameters with a learning rate and a weight decay of their own.
#[derive(Debug)]
pub struct Group {
    /// Which.
    pub parameters: Vec<Parameter>,
    /// Learning rate; the configuration's where `None`.
    pub learning_rate: Option<f64>,
    /// Weight decay; the configuration's where `None`.
    pub weight_decay: Option<f64>,
    /// Update only those rows of a matrix `[V, D]` whose gradient is not all 0, as `torch.optim.SparseAdam` does: a
    /// large embedding table costs what the batch uses of it. Off by default because it is another algorithm: the
    /// moments of a row rest while it is not used, and so does its weight decay. CPU only.
    pub lazy_rows: bool,
}

impl Group {
    /// A group with the configuration's learning rate and weight decay.
    pub fn new(parameters: Vec<Parameter>) -> Self {
        Self { parameters, learning_rate: None, weight_decay: None, lazy_rows: false }
    }
}

/// An optimiser and its state. See the [module](self).
pub struct Optimizer {
    config: OptimizerConfig,
    groups: Vec<GroupState>,
    /// Names of the tensors in [`GroupState::moments`].
    moment_names: Vec<&'static str>,
    /// What every learning rate is multiplied with: the schedule's part.
    factor: f64,
    /// Steps so far, for Lookahead.
    steps: u64,
    fused: bool,
}

impl Optimizer {
    /// An optimiser of all these parameters in one group.
    ///
    /// # Errors
    /// As [`Optimizer::with_groups`].
    pub fn new(config: &OptimizerConfig, parameters: Vec<Parameter>) -> Result<Self> {
        Self::with_groups(config, vec![Group::new(parameters)])
    }

    /// An optimiser of several groups; [`crate::params::Params::groups`] makes the lists from names.
    ///
    /// # Errors
    /// [`CoreError::Config`] for settings that mean nothing, [`CoreError::DuplicateParameter`] where a parameter is
    /// listed twice, [`CoreError::Tch`].
    pub fn with_groups(config: &OptimizerConfig, groups: Vec<Group>) -> Result<Self> {
        config.rule.check()?;
        let mut moment_names = config.rule.moments();
        if let Some(lookahead) = config.lookahead {
            lookahead.check()?;
            moment_names.push("slow");
        }
        let mut names = BTreeSet::new();
        for parameter in groups.iter().flat_map(|g| &g.parameters) {
            if !names.insert(parameter.name.clone()) {
                return Err(CoreError::DuplicateParameter { name: parameter.name.clone() });
            }
        }
        let groups = groups.into_iter().map(|group| GroupState::new(config, group, moment_names.len()));
        let groups = groups.collect::<Result<Vec<_>>>()?;
        let fused = groups.iter().flat_map(|g| &g.slots).all(|slot| raw::visible(&slot.binding.data));
        Ok(Self { config: config.clone(), groups, moment_names, factor: 1.0, steps: 0, fused })
    }

    /// Computes with libtorch's operations, as on CUDA, instead of the fused pass; for comparisons.
    pub fn use_operations(&mut self) {
        self.fused = false;
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The learning rate of a group as the next step will use it.
    pub fn learning_rate(&self, group: usize) -> f64 {
        self.groups[group].learning_rate * self.factor
    }

    /// Gives a group another base learning rate.
    pub fn set_learning_rate(&mut self, group: usize, learning_rate: f64) {
        self.groups[group].learning_rate = learning_rate;
    }

    /// What all learning rates are multiplied with from now on, usually [`crate::schedule::Schedule::factor`] of the step.
    pub fn set_factor(&mut self, factor: f64) {
        self.factor = factor;
    }

    /// Sets all gradients to 0, one kernel for each flat buffer.
    ///
    /// # Errors
    /// [`CoreError::Tch`].
    pub fn zero_gradients(&mut self) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for mut region in self.gradients()? {
            let _ = region.f_zero_()?;
        }
        for slot in self.groups.iter().flat_map(|g| &g.slots) {
            slot.binding.mark_zeroed()?;
        }
        Ok(())
    }

    /// The gradients as few flat views as there are: one for each group whose parameters lie together.
    ///
    /// # Errors
    /// [`CoreError::Tch`].
    pub fn gradients(&self) -> Result<Vec<Tensor>> {
        let mut regions = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            for run in group.runs(index, |_| true, |_| 0) {
                let flat = &group.slots[run.slot].binding.gradients;
                regions.push(flat.f_narrow(0, run.offset as i64, run.length as i64)?);
            }
        }
        Ok(regions)
    }

    /// Scales the gradients so that their common 2-norm is at most `max_norm`, and returns the norm that they had; see
    /// [`clip::clip`].
    ///
    /// # Errors
    /// [`CoreError::GradientNotFinite`] with the parameters concerned; the gradients are then left as they are.
    pub fn clip_gradients(&mut self, max_norm: f64) -> Result<f64> {
        let _guard = tch::no_grad_guard();
        let mut regions = self.gradients()?;
        clip::clip(&mut regions, max_norm).map_err(|error| match error {
            CoreError::GradientNotFinite { norm, .. } => {
                CoreError::GradientNotFinite { norm, parameters: self.not_finite() }
            }
            other => other,
        })
    }

    fn not_finite(&self) -> Vec<String> {
        let slots = self.groups.iter().flat_map(|g| &g.slots);
        let bad = |slot: &&Slot| -> bool {
            let finite = slot.binding.gradient.f_isfinite().and_then(|t| t.f_all());
            finite.and_then(|t| t.f_int64_value(&[])).is_ok_and(|all| all == 0)
        };
        slots.filter(bad).map(|slot| slot.name.clone()).collect()
    }

    /// One step with the gradients as they are.
    ///
    /// # Errors
    /// [`CoreError::Tch`].
    pub fn step(&mut self) -> Result<()> {
        let _guard = tch::no_grad_guard();
        if self.steps == 0 && self.config.lookahead.is_some() {
            self.start_slow_weights()?;
        }
        let mut runs = Vec::new();
        for (index, group) in self.groups.iter_mut().enumerate() {
            let mut touched = BTreeSet::new();
            for (at, slot) in group.slots.iter_mut().enumerate() {
                if slot.binding.touched()? {
                    slot.steps += 1;
                    touched.insert(at);
                }
            }
            let mut found = group.runs(index, |at| touched.contains(&at), |slot| slot.steps);
            if group.lazy_rows {
                found = group.used_rows(index, &touched)?;
            }
            runs.append(&mut found);
        }
        let rule = self.config.rule.moments().len();
        let updates = runs.iter().map(|run| {
            let group = &self.groups[run.group];
            Update::new(&self.config.rule, run.steps, group.learning_rate * self.factor, group.weight_decay)
        });
        let updates = updates.collect::<Vec<_>>();
        self.apply(&runs, &updates, 0..rule)?;
        self.steps += 1;
        match self.config.lookahead {
            Some(Lookahead { k, alpha }) if self.steps.is_multiple_of(k) => self.synchronise(alpha as f32),
            _ => Ok(()),
        }
    }

    /// Lookahead's slow weights are the parameters before the first step, whatever was loaded into them until then.
    fn start_slow_weights(&mut self) -> Result<()> {
        for group in &mut self.groups {
            for slot in &group.slots {
                let values =
                    slot.binding.data.f_narrow(0, slot.binding.offset as i64, slot.binding.padded as i64)?;
                if let Some(slow) = group.moments.last() {
                    slow.f_narrow(0, slot.place as i64, slot.binding.padded as i64)?.f_copy_(&values)?;
                }
            }
        }
        Ok(())
    }

    fn synchronise(&mut self, alpha: f32) -> Result<()> {
        let mut runs = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            runs.append(&mut group.runs(index, |_| true, |_| 0));
        }
        let updates = vec![Update::Lookahead { alpha }; runs.len()];
        let slow = self.moment_names.len() - 1;
        self.apply(&runs, &updates, slow..slow + 1)
    }

    /// Applies an update to each run, with these of the group's moments.
    fn apply(&self, runs: &[Run], updates: &[Update], which: std::ops::Range<usize>) -> Result<()> {
        let mut views = Vec::with_capacity(runs.len());
        for run in runs {
            let group = &self.groups[run.group];
            let binding = &group.slots[run.slot].binding;
            let narrow = |flat: &Tensor, start: usize| flat.f_narrow(0, start as i64, run.length as i64);
            let moments = group.moments[which.clone()].iter().map(|m| narrow(m, run.place));
            views.push(operations::Views {
                values: narrow(&binding.data, run.offset)?,
                gradients: narrow(&binding.gradients, run.offset)?,
                moments: moments.collect::<Result<_, _>>()?,
            });
        }
        if !self.fused {
            return updates
                .iter()
                .zip(views)
                .try_for_each(|(&update, views)| operations::apply(update, views));
        }
        let mut stretches = Vec::with_capacity(runs.len());
        for (&update, views) in updates.iter().zip(&mut views) {
            let mut moments: [&mut [f32]; 3] = Default::default();
            for (slice, tensor) in moments.iter_mut().zip(&mut views.moments) {
                *slice = raw::slice_mut(tensor)?;
            }
            let (values, gradients) = (raw::slice_mut(&mut views.values)?, raw::slice(&views.gradients)?);
            stretches.push(Stretch { update, values, gradients, moments });
        }
        kernels::apply(stretches);
        Ok(())
    }
}
