//! What an optimiser remembers, as named tensors: saved and taken back bit for bit.
//!
//! | name | what |
//! | --- | --- |
//! | `<parameter>.<moment>` | a moment in the parameter's shape, under PyTorch's name (`exp_avg`, `momentum_buffer`, ...), or Lookahead's `slow` weights |
//! | `steps` | i64 `[parameters + 1]`: the steps of each parameter in the order of the groups, then of the optimiser |
//! | `learning_rates` | f64 `[groups + 1]`: the base learning rate of each group, then the common factor |

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use super::{Optimizer, Slot};
use crate::error::{CoreError, Result};
use crate::params::describe;

const STEPS: &str = "steps";
const LEARNING_RATES: &str = "learning_rates";

impl Optimizer {
    /// Copies of everything that the next step depends on, on the CPU.
    ///
    /// # Errors
    /// [`CoreError::Tch`].
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        let _guard = tch::no_grad_guard();
        let mut state = BTreeMap::new();
        self.each_moment(|name, view| {
            state.insert(name, view.f_to_device_(Device::Cpu, Kind::Float, false, true)?);
            Ok(())
        })?;
        let (steps, learning_rates) = self.scalars();
        state.insert(STEPS.to_owned(), Tensor::f_from_slice(&steps)?);
        state.insert(LEARNING_RATES.to_owned(), Tensor::f_from_slice(&learning_rates)?);
        Ok(state)
    }

    /// Takes back what [`Optimizer::state`] gave. Every name must be there with the right shape and type, and no other:
    /// where anything differs nothing is changed.
    ///
    /// # Errors
    /// [`CoreError::State`] with the lists of missing, unexpected and mismatched names.
    pub fn load_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let mut expected: BTreeMap<String, String> = BTreeMap::new();
        self.each_moment(|name, view| {
            expected.insert(name, describe(view));
            Ok(())
        })?;
        let (steps, learning_rates) = self.scalars();
        expected.insert(STEPS.to_owned(), format!("[{}] Int64", steps.len()));
        expected.insert(LEARNING_RATES.to_owned(), format!("[{}] Double", learning_rates.len()));
        let missing: Vec<String> = expected.keys().filter(|n| !state.contains_key(*n)).cloned().collect();
        let unexpected: Vec<String> = state.keys().filter(|n| !expected.contains_key(*n)).cloned().collect();
        let differs = |(name, expected): (&String, &String)| {
            let found = describe(state.get(name)?);
            (found != *expected).then(|| format!("{name}: expected {expected}, found {found}"))
        };
        let mismatched: Vec<String> = expected.iter().filter_map(differs).collect();
        if !(missing.is_empty() && unexpected.is_empty() && mismatched.is_empty()) {
            return Err(CoreError::State { missing, unexpected, mismatched });
        }
        let steps = Vec::<i64>::try_from(&state[STEPS])?;
        let learning_rates = Vec::<f64>::try_from(&state[LEARNING_RATES])?;
        self.each_moment(|name, view| Ok(view.shallow_clone().f_copy_(&state[&name])?))?;
        for (slot, &count) in self.groups.iter_mut().flat_map(|g| &mut g.slots).zip(&steps) {
            slot.steps = count as u64;
        }
        for (group, &rate) in self.groups.iter_mut().zip(&learning_rates) {
            group.learning_rate = rate;
        }
        self.steps = steps.last().map_or(0, |&n| n as u64);
        self.factor = learning_rates.last().copied().unwrap_or(1.0);
        Ok(())
    }

    /// Steps and learning rates as they are saved.
    fn scalars(&self) -> (Vec<i64>, Vec<f64>) {
        let slots = self.groups.iter().flat_map(|g| &g.slots);
        let steps = slots.map(|slot| slot.steps).chain([self.steps]).map(|n| n as i64).collect();
        let rates = self.groups.iter().map(|g| g.learning_rate).chain([self.factor]).collect();
        (steps, rates)
    }

    /// Every moment of every parameter, as a view of the parameter's shape.
    fn each_moment(&self, mut visit: impl FnMut(String, &Tensor) -> Result<()>) -> Result<()> {
        for group in &self.groups {
            for slot in &group.slots {
                for (moment, flat) in self.moment_names.iter().zip(&group.moments) {
                    visit(format!("{}.{moment}", slot.name), &view(slot, flat)?)?;
                }
            }
        }
        Ok(())
    }
}

fn view(slot: &Slot, flat: &Tensor) -> Result<Tensor> {
    let length = slot.shape.iter().product();
    Ok(flat.f_narrow(0, slot.place as i64, length)?.f_view(slot.shape.as_slice())?)
}
