//! The one door from flat CPU tensors to slices.
//!
//! tch gives a tensor's address but no slice. What is done with the address here is sound because
//! - the tensor is checked to be f32, contiguous and on the CPU, so `[0, numel)` is its memory;
//! - the slices live no longer than the borrow of the tensor handle that they are taken from, which keeps the memory;
//! - libtorch runs nothing in the background on the CPU: while an optimiser step or a clip runs, nobody else reads or
//!   writes these tensors, unless another thread of the program computes with the same model at that moment. A model
//!   is trained by one thread; that is the caller's duty, as it is with PyTorch.

use tch::{Device, Kind, Tensor};

use crate::error::{CoreError, Result};

/// Whether the memory of a tensor can be seen as a slice.
pub(crate) fn visible(tensor: &Tensor) -> bool {
    tensor.device() == Device::Cpu && tensor.kind() == Kind::Float && tensor.is_contiguous()
}

fn check(tensor: &Tensor) -> Result<()> {
    if visible(tensor) {
        return Ok(());
    }
    Err(CoreError::Shape {
        what: format!("flat buffer ({:?} on {:?})", tensor.kind(), tensor.device()),
        expected: "contiguous f32 on the CPU".into(),
        found: tensor.size(),
    })
}

/// The values of a contiguous f32 tensor on the CPU.
pub(crate) fn slice(tensor: &Tensor) -> Result<&[f32]> {
    check(tensor)?;
    if tensor.numel() == 0 {
        return Ok(&[]);
    }
    // SAFETY: see the module's own words; the pointer is not null because the tensor holds something.
    Ok(unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), tensor.numel()) })
}

/// The values of a contiguous f32 tensor on the CPU, for writing. The handle must be the only one that is used while
/// the slice lives.
pub(crate) fn slice_mut(tensor: &mut Tensor) -> Result<&mut [f32]> {
    check(tensor)?;
    if tensor.numel() == 0 {
        return Ok(&mut []);
    }
    // SAFETY: as above; the exclusive borrow of the handle makes this the only slice that this module gives out for it.
    Ok(unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<f32>(), tensor.numel()) })
}
