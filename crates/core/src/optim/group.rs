//! A group's parameters, where they lie, and which stretches of memory a step goes over.

use std::collections::BTreeSet;

use tch::{Device, Kind, Tensor};

use super::config::{self, OptimizerConfig};
use super::flat::{self, Binding};
use super::{Group, raw};
use crate::error::{CoreError, Result};

/// One parameter in an optimiser.
pub(super) struct Slot {
    pub name: String,
    pub shape: Vec<i64>,
    pub binding: Binding,
    /// Its first value in the group's moments.
    pub place: usize,
    /// Steps that it took part in.
    pub steps: u64,
}

pub(super) struct GroupState {
    pub slots: Vec<Slot>,
    pub learning_rate: f64,
    pub weight_decay: f64,
    pub lazy_rows: bool,
    /// The rule's moments `[N]`, then Lookahead's slow weights if there are any.
    pub moments: Vec<Tensor>,
}

/// A stretch of values that have the same update: places in the flat buffer and in the group's moments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub group: usize,
    /// Index of a slot whose buffer it is in.
    pub slot: usize,
    pub offset: usize,
    pub place: usize,
    pub length: usize,
    pub steps: u64,
}

impl GroupState {
    pub fn new(config: &OptimizerConfig, group: Group, moments: usize) -> Result<Self> {
        let learning_rate = group.learning_rate.unwrap_or(config.learning_rate);
        let weight_decay = group.weight_decay.unwrap_or(config.weight_decay);
        for (key, value) in [("learning_rate", learning_rate), ("weight_decay", weight_decay)] {
            config::at(key, value, value >= 0.0 && value.is_finite(), "a number of at least 0")?;
        }
        let device = group.parameters.first().map_or(Device::Cpu, |p| p.tensor.device());
        if group.lazy_rows && device != Device::Cpu {
            return Err(CoreError::Config {
                key: "lazy_rows".into(),
                message: format!("works on the CPU only, the parameters are on {device:?}"),
            });
        }
        let bindings = flat::bind(&group.parameters)?;
        let mut place = 0;
        let mut slots = Vec::with_capacity(bindings.len());
        for (parameter, binding) in group.parameters.into_iter().zip(bindings) {
            let padded = binding.padded;
            slots.push(Slot {
                name: parameter.name,
                shape: parameter.tensor.size(),
                binding,
                place,
                steps: 0,
            });
            place += padded;
        }
        let initial = config.rule.initial();
        // Lookahead's slow weights, the last ones, are filled at the first step.
        let rule = config.rule.moments().len();
        let start = |moment: usize| if moment < rule { initial } else { 0.0 };
        let flat = |moment| Tensor::f_full([place as i64], start(moment), (Kind::Float, device));
        let moments = (0..moments).map(flat);
        let moments = moments.collect::<Result<_, _>>()?;
        Ok(Self { slots, learning_rate, weight_decay, lazy_rows: group.lazy_rows, moments })
    }

    /// The chosen parameters as few runs as possible: neighbours in memory that took part in as many steps are one.
    pub fn runs(
        &self,
        group: usize,
        chosen: impl Fn(usize) -> bool,
        steps: impl Fn(&Slot) -> u64,
    ) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (at, slot) in self.slots.iter().enumerate() {
            if !chosen(at) {
                continue;
            }
            let (offset, length, steps) = (slot.binding.offset, slot.binding.padded, steps(slot));
            match runs.last_mut() {
                Some(last)
                    if last.offset + last.length == offset
                        && last.place + last.length == slot.place
                        && last.steps == steps
                        && self.slots[last.slot].binding.data.data_ptr() == slot.binding.data.data_ptr() =>
                {
                    last.length += length;
                }
                _ => runs.push(Run { group, slot: at, offset, place: slot.place, length, steps }),
            }
        }
        runs
    }

    /// As [`GroupState::runs`], of matrices only the rows whose gradient is not all 0.
    pub fn used_rows(&self, group: usize, touched: &BTreeSet<usize>) -> Result<Vec<Run>> {
        let mut runs: Vec<Run> = Vec::new();
        for &at in touched {
            let slot = &self.slots[at];
            let (offset, steps) = (slot.binding.offset, slot.steps);
            let (rows, width) = match slot.shape[..] {
                [rows, width] => (rows as usize, width as usize),
                _ => (1, slot.binding.padded),
            };
            let gradients: &[f32] = raw::slice(&slot.binding.gradients)?;
            for row in 0..rows {
                let start = offset + row * width;
                if rows > 1 && gradients[start..start + width].iter().all(|&g| g == 0.0) {
                    continue;
                }
                match runs.last_mut() {
                    Some(last) if last.slot == at && last.offset + last.length == start => {
                        last.length += width;
                    }
                    _ => {
                        let place = slot.place + row * width;
                        runs.push(Run { group, slot: at, offset: start, place, length: width, steps });
                    }
                }
            }
        }
        Ok(runs)
    }
}
