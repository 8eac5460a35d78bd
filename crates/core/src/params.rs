//! The parameters and buffers of a model, by name.
//!
//! ```no_run,standalone_crate
//! # fn main() -> medner_core::Result<()> {
//! use medner_core::{init::Init, params::Params};
//!
//! let params = Params::new(tch::Device::Cpu);
//! let lstm = params.root() / "encoder" / "lstm";
//! let weight = lstm.parameter("weight_ih_l0", &[400, 100], Init::Lstm { hidden: 100 })?;
//! assert!(weight.requires_grad());
//! assert_eq!(params.names(), ["encoder.lstm.weight_ih_l0"]);
//! # Ok(())
//! # }
//! ```
//!
//! Names are made of parts joined with `.`, so that a published model's weights load by name. Entries keep the order in
//! which they were registered, and their initial values are drawn in that order from libtorch's CPU generator: seed it
//! (see [`crate::device::reseed`]) before building the model, and the same seed gives the same bytes on every device.
//!
//! A layer keeps the [`Tensor`] that [`Scope::parameter`] returns. It is a handle of the stored one: what
//! [`Params::load`] or an optimiser writes is seen through both.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Div;

use tch::{Device, Tensor};

use crate::error::{CoreError, Result};
use crate::init::Init;
use crate::optim::flat::BindingCell;

/// Parameters and buffers of a model. See the [module](self).
#[derive(Debug)]
pub struct Params {
    device: Device,
    store: RefCell<Store>,
}

#[derive(Debug, Default)]
struct Store {
    entries: Vec<Entry>,
    index: BTreeMap<String, usize>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    tensor: Tensor,
    learned: bool,
    binding: BindingCell,
}

/// One parameter, as [`Params::parameters`] lists them.
#[derive(Debug)]
pub struct Parameter {
    /// Full name.
    pub name: String,
    /// A handle of the stored tensor.
    pub tensor: Tensor,
    /// Where an optimiser has put it.
    pub(crate) binding: BindingCell,
}

impl Params {
    /// An empty store whose tensors will live on `device`.
    pub fn new(device: Device) -> Self {
        Self { device, store: RefCell::default() }
    }

    /// Where the tensors live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The scope with no prefix; `params.root() / "crf"` goes one level down.
    pub fn root(&self) -> Scope<'_> {
        Scope { params: self, prefix: String::new() }
    }

    /// Names of parameters and buffers, in the order of registration.
    pub fn names(&self) -> Vec<String> {
        self.store.borrow().entries.iter().map(|e| e.name.clone()).collect()
    }

    /// A handle of the parameter or buffer of this name.
    pub fn get(&self, name: &str) -> Option<Tensor> {
        let store = self.store.borrow();
        store.index.get(name).map(|&i| store.entries[i].tensor.shallow_clone())
    }

    /// The parameters (not the buffers), frozen ones too, in the order of registration.
    pub fn parameters(&self) -> Vec<Parameter> {
        let store = self.store.borrow();
        let learned = store.entries.iter().filter(|e| e.learned);
        let handle = |e: &Entry| Parameter {
            name: e.name.clone(),
            tensor: e.tensor.shallow_clone(),
            binding: BindingCell::clone(&e.binding),
        };
        learned.map(handle).collect()
    }

    /// The parameters in groups, each with the number that `group` gives its name; groups are in the order of their
    /// numbers, parameters in the order of registration.
    pub fn groups(&self, group: &dyn Fn(&str) -> usize) -> BTreeMap<usize, Vec<Parameter>> {
        let mut groups: BTreeMap<usize, Vec<Parameter>> = BTreeMap::new();
        for parameter in self.parameters() {
            groups.entry(group(&parameter.name)).or_default().push(parameter);
        }
        groups
    }

    /// Number of values in all parameters, frozen ones too; buffers are not counted.
    pub fn count(&self) -> usize {
        self.parameters().iter().map(|p| p.tensor.numel()).sum()
    }

    /// Number of values in the parameters that learn.
    pub fn trainable_count(&self) -> usize {
        self.parameters().iter().filter(|p| p.tensor.requires_grad()).map(|p| p.tensor.numel()).sum()
    }

    /// Freezes every parameter for whose name `frozen` holds and unfreezes the others; returns how many are frozen. An
    /// optimiser passes over a frozen parameter, moments and weight decay included.
    ///
    /// # Errors
    /// [`CoreError::Tch`].
    pub fn freeze(&self, frozen: impl Fn(&str) -> bool) -> Result<usize> {
        let mut count = 0;
        for parameter in self.parameters() {
            let freeze = frozen(&parameter.name);
            count += usize::from(freeze);
            let _ = parameter.tensor.f_set_requires_grad(!freeze)?;
        }
        Ok(count)
    }

    /// Copies of all parameters and buffers, on the CPU.
    ///
    /// # Errors
    /// [`CoreError::Tch`].
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        let _guard = tch::no_grad_guard();
        let store = self.store.borrow();
        let copies = store.entries.iter().map(|e| {
            let copy = e.tensor.f_detach()?.f_to_device_(Device::Cpu, e.tensor.kind(), false, true)?;
            Ok((e.name.clone(), copy.f_contiguous()?))
        });
        copies.collect()
    }

    /// Overwrites all parameters and buffers in place. Every name must be there with the right shape and type, and no
    /// other: where anything differs nothing is written.
    ///
    /// # Errors
    /// [`CoreError::State`] with the lists of missing, unexpected and mismatched names.
    pub fn load(&self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let store = self.store.borrow();
        let missing: Vec<String> =
            store.entries.iter().filter(|e| !state.contains_key(&e.name)).map(|e| e.name.clone()).collect();
        let unexpected: Vec<String> =
            state.keys().filter(|name| !store.index.contains_key(*name)).cloned().collect();
        let mut mismatched = Vec::new();
        for entry in &store.entries {
            if let Some(found) = state.get(&entry.name) {
                let (expected, found) = (describe(&entry.tensor), describe(found));
                if expected != found {
                    mismatched.push(format!("{}: expected {expected}, found {found}", entry.name));
                }
            }
        }
        if !(missing.is_empty() && unexpected.is_empty() && mismatched.is_empty()) {
            return Err(CoreError::State { missing, unexpected, mismatched });
        }
        let _guard = tch::no_grad_guard();
        for entry in &store.entries {
            entry.tensor.shallow_clone().f_copy_(&state[&entry.name])?;
        }
        Ok(())
    }

    fn register(&self, name: String, shape: &[i64], init: &Init, learned: bool) -> Result<Tensor> {
        let mut store = self.store.borrow_mut();
        if store.index.contains_key(&name) {
            return Err(CoreError::DuplicateParameter { name });
        }
        let tensor = {
            let _guard = tch::no_grad_guard();
            init.draw(&name, shape)?.f_to_device(self.device)?
        };
        let tensor = tensor.f_set_requires_grad(learned)?;
        let handle = tensor.shallow_clone();
        let place = store.entries.len();
        store.index.insert(name.clone(), place);
        store.entries.push(Entry { name, tensor, learned, binding: BindingCell::default() });
        Ok(handle)
    }
}

/// Shape and type for messages.
pub(crate) fn describe(tensor: &Tensor) -> String {
    format!("{:?} {:?}", tensor.size(), tensor.kind())
}

/// A place in the hierarchy of names. `&scope / "name"` and `scope / "name"` go one level down.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    params: &'a Params,
    prefix: String,
}

impl<'a> Scope<'a> {
    /// The store.
    pub fn params(&self) -> &'a Params {
        self.params
    }

    /// Where the tensors live.
    pub fn device(&self) -> Device {
        self.params.device
    }

    /// The full name of `name` in this scope.
    pub fn full_name(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) }
    }

    /// One level down.
    #[must_use]
    pub fn sub(&self, name: &str) -> Self {
        Self { params: self.params, prefix: self.full_name(name) }
    }

    /// Registers a parameter (f32, learned) and returns a handle of it.
    ///
    /// # Errors
    /// [`CoreError::DuplicateParameter`] where the name is taken; what [`Init::draw`] refuses.
    #[allow(clippy::needless_pass_by_value)] // `Init::Zeros` reads better than `&Init::Zeros` in every layer.
    pub fn parameter(&self, name: &str, shape: &[i64], init: Init) -> Result<Tensor> {
        self.params.register(self.full_name(name), shape, &init, true)
    }

    /// Registers a buffer: f32, saved and loaded with the parameters, not learned.
    ///
    /// # Errors
    /// As [`Scope::parameter`].
    #[allow(clippy::needless_pass_by_value)] // `Init::Zeros` reads better than `&Init::Zeros` in every layer.
    pub fn buffer(&self, name: &str, shape: &[i64], init: Init) -> Result<Tensor> {
        self.params.register(self.full_name(name), shape, &init, false)
    }
}

impl<'a> Div<&str> for &Scope<'a> {
    type Output = Scope<'a>;

    fn div(self, name: &str) -> Scope<'a> {
        self.sub(name)
    }
}

impl<'a> Div<&str> for Scope<'a> {
    type Output = Scope<'a>;

    fn div(self, name: &str) -> Scope<'a> {
        self.sub(name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn example(seed: i64) -> Params {
        tch::manual_seed(seed);
        let params = Params::new(Device::Cpu);
        let scope = params.root() / "b";
        let _ = scope.parameter("weight", &[3, 2], Init::Linear).unwrap();
        let _ = scope.buffer("mean", &[2], Init::Ones).unwrap();
        let _ = params.root().parameter("a", &[4], Init::Normal { mean: 0.0, std: 1.0 }).unwrap();
        params
    }

    fn values(t: &Tensor) -> Vec<f32> {
        Vec::try_from(t.flatten(0, -1)).unwrap()
    }

    #[test]
    fn names_keep_their_order_and_handles_share_memory() {
        let params = example(1);
        assert_eq!(params.names(), ["b.weight", "b.mean", "a"]);
        assert_eq!((params.count(), params.trainable_count()), (10, 10));
        let listed: Vec<String> = params.parameters().into_iter().map(|p| p.name).collect();
        assert_eq!(listed, ["b.weight", "a"]);
        let handle = params.get("a").unwrap();
        let mut state = params.state().unwrap();
        state.insert("a".into(), Tensor::from_slice(&[1_f32, 2.0, 3.0, 4.0]));
        params.load(&state).unwrap();
        assert_eq!(values(&handle), [1.0, 2.0, 3.0, 4.0]);
        assert!(handle.requires_grad() && !params.get("b.mean").unwrap().requires_grad());
    }

    #[test]
    fn a_state_is_a_copy() {
        let params = example(1);
        let before = params.state().unwrap();
        let expected = values(&before["a"]);
        let _ = tch::no_grad(|| params.get("a").unwrap().fill_(7.0));
        assert_eq!(values(&before["a"]), expected);
        assert_eq!(values(&params.get("a").unwrap()), [7.0; 4]);
    }

    #[test]
    fn a_name_is_used_once() {
        let params = example(1);
        let error = (params.root() / "b").parameter("weight", &[1], Init::Zeros).unwrap_err();
        assert!(matches!(error, CoreError::DuplicateParameter { ref name } if name == "b.weight"), "{error}");
        assert_eq!(params.names().len(), 3);
    }

    #[test]
    fn loading_is_strict_and_all_or_nothing() {
        let params = example(1);
        let before = params.state().unwrap();
        let mut state = params.state().unwrap();
        let moved = state.remove("b.mean").unwrap();
        state.insert("b.variance".into(), moved);
        state.insert("a".into(), Tensor::from_slice(&[1_f64, 2.0, 3.0, 4.0]));
        state.insert("b.weight".into(), Tensor::from_slice(&[9_f32; 6]));
        match params.load(&state).unwrap_err() {
            CoreError::State { missing, unexpected, mismatched } => {
                assert_eq!((missing, unexpected), (vec!["b.mean".to_owned()], vec!["b.variance".to_owned()]));
                assert_eq!(
                    mismatched,
                    [
                        "b.weight: expected [3, 2] Float, found [6] Float",
                        "a: expected [4] Float, found [4] Double"
                    ]
                );
            }
            other => panic!("{other}"),
        }
        for (name, tensor) in params.state().unwrap() {
            assert_eq!(values(&tensor), values(&before[&name]), "{name} must not be written");
        }
    }

    #[test]
    fn freezing_and_groups_go_by_name() {
        let params = example(1);
        assert_eq!(params.freeze(|name| name.starts_with("b.")).unwrap(), 1);
        assert_eq!((params.count(), params.trainable_count()), (10, 4));
        assert_eq!(params.freeze(|_| false).unwrap(), 0);
        assert_eq!(params.trainable_count(), 10);
        let groups = params.groups(&|name| usize::from(!name.starts_with('a')));
        let listed: Vec<(usize, &str)> =
            groups.iter().flat_map(|(&g, ps)| ps.iter().map(move |p| (g, p.name.as_str()))).collect();
        assert_eq!(listed, [(0, "a"), (1, "b.weight")]);
    }
}
