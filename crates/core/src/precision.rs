//! Number type of the matrix products.
//!
//! `bf16` rounds the factors of a product to 8 significant bits and adds up in f32. A GPU has units for it, and so have the CPUs
//! with AMX or AVX-512 BF16, where a product of a layer's size is two to four times as fast as in f32. Everything else stays f32:
//! parameters, sums, normalisations, softmax, CRF, the optimiser.
//!
//! On CUDA a model casts the factors itself (its `set_precision`). On a CPU tensors stay f32 and oneDNN rounds inside the products
//! that are large enough to gain by it, which is a setting of the process, as the number of threads is: [`Precision::set`] is called
//! where a training begins.

use std::ffi::{CStr, c_char};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::{CoreError, Result};

/// Number type of the matrix products; parameters, normalisations, CRFs and losses are f32 in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// f32.
    #[default]
    F32,
    /// Factors in bf16, sums in f32, where the device has units for it.
    Bf16,
}

unsafe extern "C" {
    fn medner_products_bf16(wanted: bool, message: *mut c_char, room: usize) -> bool;
}

impl Precision {
    /// Sets what products of f32 matrices are computed in from here on, in the whole process (on a CPU), and says what they are:
    /// a processor without bf16 computes in f32, slower and more exactly, which is warned of.
    ///
    /// # Errors
    /// [`CoreError::Tch`].
    pub fn set(self, device: Device) -> Result<&'static str> {
        set_products(self == Self::Bf16 && device == Device::Cpu)?;
        match (self, device) {
            (Self::F32, _) => Ok("f32"),
            (Self::Bf16, Device::Cpu) if !rounds_to_bf16()? => {
                tracing::warn!(
                    "this processor multiplies no bf16 matrices: products are in f32, which takes longer"
                );
                Ok("f32 (the processor has no bf16)")
            }
            (Self::Bf16, _) => Ok("bf16"),
        }
    }

    /// Whether a model on this device casts the factors of its products itself.
    pub fn casts(self, device: Device) -> bool {
        self == Self::Bf16 && device != Device::Cpu
    }
}

static ROUNDS: AtomicBool = AtomicBool::new(false);

/// Whether products of f32 matrices on the CPU round their factors to bf16, as [`Precision::set`] said last.
pub fn rounds_on_cpu() -> bool {
    ROUNDS.load(Ordering::Relaxed)
}

fn set_products(bf16: bool) -> Result<()> {
    let mut message = [0; 1024];
    // SAFETY: `message` has the room that is said.
    if unsafe { medner_products_bf16(bf16, message.as_mut_ptr(), message.len()) } {
        ROUNDS.store(bf16, Ordering::Relaxed);
        return Ok(());
    }
    // SAFETY: C++ leaves a zero at the end.
    let message = unsafe { CStr::from_ptr(message.as_ptr()) }.to_string_lossy().into_owned();
    Err(CoreError::Tch(tch::TchError::Torch(message)))
}

/// Whether products of a layer's size round their factors: 1 + 2^-9 times 1 is 1 in bf16.
fn rounds_to_bf16() -> Result<bool> {
    const WIDTH: i64 = 128;
    let _guard = tch::no_grad_guard();
    let ones = |rows| Tensor::f_ones([rows, WIDTH], (Kind::Float, Device::Cpu));
    let product = ones(1024)?.f_mul_scalar(1.0 + f64::exp2(-9.0))?.f_matmul(&ones(WIDTH)?)?;
    Ok(product.f_double_value(&[0, 0])? == WIDTH as f64)
}
