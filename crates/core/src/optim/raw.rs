//! The one door from flat CPU tensors to slices.
//!
//! tch gives a tensor's address but no slice. What is done with the address here is sound because
//! - the tensor is checked to be of the asked type, contiguous and on the CPU, so `[0, numel)` is its memory;
//! - the slices live no longer than the borrow of the tensor handle that they are taken from, which keeps the memory;
//! - libtorch runs nothing in the background on the CPU: while an optimiser step or a clip runs, nobody else reads or
//!   writes these tensors, unless another thread of the program computes with the same model at that moment. A model
//!   is trained by one thread; that is the caller's duty, as it is with PyTorch.

use tch::kind::Element;
use tch::{Device, Kind, Tensor};

use crate::error::{CoreError, Result};

/// Whether the memory of a tensor can be seen as a slice of f32.
pub(crate) fn visible(tensor: &Tensor) -> bool {
    tensor.device() == Device::Cpu && tensor.kind() == Kind::Float && tensor.is_contiguous()
}

fn check(tensor: &Tensor, kind: Kind) -> Result<()> {
    if tensor.device() == Device::Cpu && tensor.kind() == kind && tensor.is_contiguous() {
        return Ok(());
    }
    Err(CoreError::Shape {
        what: format!("flat buffer ({:?} on {:?})", tensor.kind(), tensor.device()),
        expected: format!("contiguous {kind:?} on the CPU"),
        found: tensor.size(),
    })
}

/// The values of a contiguous tensor of this type on the CPU.
pub(crate) fn slice<T: Element>(tensor: &Tensor) -> Result<&[T]> {
    check(tensor, T::KIND)?;
    if tensor.numel() == 0 {
        return Ok(&[]);
    }
    // SAFETY: see the module's own words; the pointer is not null because the tensor holds something.
    Ok(unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<T>(), tensor.numel()) })
}

/// The values of a contiguous tensor of this type on the CPU, for writing. The handle must be the only one that is used
/// while the slice lives.
pub(crate) fn slice_mut<T: Element>(tensor: &mut Tensor) -> Result<&mut [T]> {
    check(tensor, T::KIND)?;
    if tensor.numel() == 0 {
        return Ok(&mut []);
    }
    // SAFETY: as above; the exclusive borrow of the handle makes this the only slice that this module gives out for it.
    Ok(unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<T>(), tensor.numel()) })
}
