//! Where tensors live, and how many threads compute.
//!
//! The programs link the CPU half of libtorch only. When a CUDA device is asked for, `libtorch_cuda.so` of the same
//! libtorch is loaded before anything else touches the device; where that fails the error says so: nothing falls back to
//! the CPU in silence.

use std::sync::OnceLock;

use tch::Device;

use crate::error::{CoreError, Result};

/// Parses `cpu`, `cuda` or `cuda:N`, loads CUDA's half of libtorch when it is wanted, and checks that the device is there.
pub fn open(name: &str) -> Result<Device> {
    let refuse = |message: String| CoreError::Device { device: name.to_owned(), message };
    let index = match name.split_once(':') {
        None if name == "cpu" => return Ok(Device::Cpu),
        None if name == "cuda" => 0,
        Some(("cuda", index)) => {
            index.parse::<usize>().map_err(|_| refuse("the index is not a number".into()))?
        }
        _ => return Err(refuse("expected `cpu`, `cuda` or `cuda:N`".into())),
    };
    load_cuda().map_err(&refuse)?;
    if !tch::Cuda::is_available() {
        return Err(refuse("libtorch sees no CUDA device; `medner doctor` says more".into()));
    }
    let count = usize::try_from(tch::Cuda::device_count()).unwrap_or(0);
    if index >= count {
        return Err(refuse(format!("this machine has {count} CUDA device(s), counted from 0")));
    }
    // libtorch's own choice for cuDNN's recurrent layers is TF32, of 11 significant bits: f32 is to be f32.
    // SAFETY: sets a switch of libtorch's, nothing else.
    unsafe { medner_f32_is_f32() };
    Ok(Device::Cuda(index))
}

unsafe extern "C" {
    fn medner_f32_is_f32();
}

/// The full name of a device: `cpu`, `cuda:0`.
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}

/// Loads `libtorch_cuda.so` once, with its symbols global, so that libtorch registers its CUDA kernels.
fn load_cuda() -> Result<(), String> {
    static LOADED: OnceLock<Result<(), String>> = OnceLock::new();
    LOADED
        .get_or_init(|| {
            use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
            // SAFETY: libtorch's own library; its initialisers register kernels and touch nothing of ours.
            let opened = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) };
            match opened {
                Ok(library) => {
                    // Kernels registered from it are used until the process ends, so it is never closed.
                    std::mem::forget(library);
                    Ok(())
                }
                Err(error) => Err(format!(
                    "libtorch_cuda.so cannot be loaded ({error}); put the lib folder of a CUDA PyTorch {LIBTORCH_VERSION} on LD_LIBRARY_PATH"
                )),
            }
        })
        .clone()
}

/// The libtorch version that tch 0.24 is made for.
pub const LIBTORCH_VERSION: &str = "2.11.0";

/// Sets the number of threads that one operation may use; also the size of rayon's pool if it does not exist yet.
pub fn set_threads(threads: usize) {
    let threads = threads.max(1);
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    // Fails only when the pool exists already; then its size stands.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
}

/// Seeds libtorch's generator from the run's seed and the step, so that dropout at step `n` is the same whether or not
/// the run was interrupted before it (libtorch's generator state cannot be saved through tch).
pub fn reseed(seed: u64, step: u64) {
    tch::manual_seed(mix(seed, step) as i64);
}

/// A well-spread 64-bit mix of two numbers (SplitMix64's finaliser).
pub fn mix(seed: u64, step: u64) -> u64 {
    let mut z =
        seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(step).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(open("cpu").expect("cpu is always there"), Device::Cpu);
        for bad in ["gpu", "cuda:x", "cpu:0", "CUDA"] {
            let message = open(bad).expect_err("not a device").to_string();
            assert!(message.contains(bad), "{message}");
        }
    }

    #[test]
    fn cuda_without_cuda_is_an_error_not_a_fallback() {
        if tch::Cuda::is_available() {
            eprintln!("skipped: this machine has CUDA");
            return;
        }
        let message = open("cuda:0").expect_err("no CUDA here").to_string();
        assert!(message.contains("cuda:0"), "{message}");
    }

    #[test]
    fn reseeding_repeats_and_differs() {
        let draw = |seed, step| {
            reseed(seed, step);
            Vec::<f32>::try_from(tch::Tensor::rand([4], (tch::Kind::Float, Device::Cpu)))
                .expect("four numbers")
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(2, 1));
        assert_ne!(draw(1, 2), draw(1, 3));
    }
}
