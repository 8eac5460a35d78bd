//! Parameters and gradients as views of flat tensors.
//!
//! Binding a group of parameters makes two tensors `[N]`, one for the values and one for the gradients, and turns every
//! parameter and its gradient into a view of them (`set_data`). From then on libtorch's backward pass adds into the flat
//! gradient: an optimiser step, a norm, a zeroing are single passes over `[N]` and no gradient is ever allocated anew.
//!
//! Every parameter starts at a multiple of 64 bytes, as libtorch's own allocations do; the gap holds zeros.
//!
//! Two optimisers may share parameters (tasks that take turns, adversaries): the first one binds, the second uses the
//! memory where it lies.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tch::{Kind, Tensor};

use crate::error::Result;
use crate::params::Parameter;

/// Values of f32 in 64 bytes.
const ALIGNMENT: usize = 16;

/// Where a parameter lies. All handles: cloning shares the memory.
#[derive(Debug)]
pub(crate) struct Binding {
    /// All values of the flat buffer, `[N]`.
    pub data: Tensor,
    /// All gradients, `[N]`.
    pub gradients: Tensor,
    /// First value of this parameter.
    pub offset: usize,
    /// Values of this parameter with the gap after it.
    pub padded: usize,
    /// The parameter's own gradient, a view of `gradients`.
    pub gradient: Tensor,
    /// The gradient's version when it was last set to zero.
    pub zeroed: Arc<AtomicI64>,
}

/// The place in a [`crate::params::Params`] where a parameter's binding is remembered.
pub(crate) type BindingCell = Arc<Mutex<Option<Binding>>>;

impl Binding {
    fn handle(&self) -> Self {
        Self {
            data: self.data.shallow_clone(),
            gradients: self.gradients.shallow_clone(),
            offset: self.offset,
            padded: self.padded,
            gradient: self.gradient.shallow_clone(),
            zeroed: Arc::clone(&self.zeroed),
        }
    }

    /// Whether a backward pass has reached this parameter since the last zeroing. libtorch counts every write in place:
    /// adding to the gradient raises its version, zeroing the flat buffer does not.
    pub fn touched(&self) -> Result<bool> {
        Ok(self.gradient.f_internal_version()? != self.zeroed.load(Ordering::Relaxed))
    }

    /// To be called when the flat gradient has been zeroed.
    pub fn mark_zeroed(&self) -> Result<()> {
        self.zeroed.store(self.gradient.f_internal_version()?, Ordering::Relaxed);
        Ok(())
    }
}

fn padded(parameter: &Parameter) -> usize {
    parameter.tensor.numel().next_multiple_of(ALIGNMENT)
}

/// Binds the parameters that are not bound yet to one new pair of flat buffers, and returns every parameter's place.
/// Gradients that an earlier backward pass left are discarded.
pub(crate) fn bind(parameters: &[Parameter]) -> Result<Vec<Binding>> {
    let lock = |p: &Parameter| -> Option<Binding> {
        p.binding.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Binding::handle)
    };
    let fresh: Vec<&Parameter> = parameters.iter().filter(|p| lock(p).is_none()).collect();
    if let Some(first) = fresh.first() {
        let total: usize = fresh.iter().map(|p| padded(p)).sum();
        let options = (Kind::Float, first.tensor.device());
        let data = Tensor::f_zeros([total as i64], options)?;
        let gradients = Tensor::f_zeros([total as i64], options)?;
        let mut offset = 0;
        for parameter in fresh {
            let gradient = bind_one(parameter, &data, &gradients, offset)?;
            let binding = Binding {
                data: data.shallow_clone(),
                gradients: gradients.shallow_clone(),
                offset,
                padded: padded(parameter),
                zeroed: Arc::default(),
                gradient,
            };
            binding.mark_zeroed()?;
            *parameter.binding.lock().unwrap_or_else(PoisonError::into_inner) = Some(binding);
            offset += padded(parameter);
        }
    }
    Ok(parameters.iter().filter_map(lock).collect())
}

/// Moves one parameter and its gradient; returns a handle of the gradient.
fn bind_one(parameter: &Parameter, data: &Tensor, gradients: &Tensor, offset: usize) -> Result<Tensor> {
    let tensor = &parameter.tensor;
    let learns = tensor.requires_grad();
    if !tensor.f_grad()?.defined() {
        // Only a backward pass can create a gradient; this one's values are thrown away.
        let _ = tensor.f_set_requires_grad(true)?;
        tch::with_grad(|| tensor.f_sum(Kind::Float).and_then(|sum| sum.f_backward()))?;
    }
    let _guard = tch::no_grad_guard();
    let (start, length) = (offset as i64, tensor.numel() as i64);
    let view = |flat: &Tensor| flat.f_narrow(0, start, length)?.f_view(tensor.size().as_slice());
    let mut values = view(data)?;
    values.f_copy_(tensor)?;
    tensor.shallow_clone().f_set_data(&values)?;
    let mut gradient = tensor.f_grad()?;
    gradient.f_set_data(&view(gradients)?)?;
    let _ = tensor.f_set_requires_grad(learns)?;
    Ok(gradient)
}
