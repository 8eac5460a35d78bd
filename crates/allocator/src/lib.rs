//! The allocator of every program, libtorch's own tensors included: jemalloc, which exports `malloc` itself. A crate of its own, so
//! that what names it links nothing else: `use medner_allocator as _;`.
//!
//! A training takes and frees tensors of the same sizes again and again; glibc gives large ones back to the system each time or
//! searches its lists for them. A step of ALBERT-IDCNN-CRF went from 135 to 92 milliseconds by jemalloc.

use std::ffi::c_char;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What jemalloc reads at its start.
#[repr(transparent)]
struct Settings(*const c_char);

// SAFETY: it points to a constant.
unsafe impl Sync for Settings {}

/// Freed memory is kept for some seconds, which are many steps. (Kept for good it grew to 11 GB in a training that
/// otherwise has 1.2.)
// SAFETY: jemalloc's own name for it, which nothing else has.
#[unsafe(export_name = "malloc_conf")]
static SETTINGS: Settings =
    Settings(c"dirty_decay_ms:5000,muzzy_decay_ms:5000,narenas:4,oversize_threshold:0".as_ptr());

/// The first arena, which is the main thread's, is made before settings are read and would keep the built-in bound: extents of 8 MiB,
/// into which neighbours soon grow that are freed one after the other, go back to the system at once. A step of ALBERT-IDCNN-CRF
/// then takes a tenth of its time to get them again. So the bound is set before `main`.
#[cfg(target_os = "linux")]
extern "C" fn keep_large_extents() {
    let mut never = usize::MAX;
    // SAFETY: jemalloc reads a `size_t` of this name, and fails without effect where it does not know it.
    let _ = unsafe {
        tikv_jemalloc_sys::mallctl(
            BOUND.as_ptr(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            (&raw mut never).cast(),
            size_of::<usize>(),
        )
    };
}

/// jemalloc's name for the bound.
#[cfg(target_os = "linux")]
const BOUND: &std::ffi::CStr = c"arena.0.oversize_threshold";

// SAFETY: a function without arguments, which needs nothing that is not there before `main`.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = keep_large_extents;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn large_extents_are_kept() {
        let (mut found, mut size) = (0_usize, size_of::<usize>());
        // SAFETY: jemalloc writes a `size_t` of this name.
        let code = unsafe {
            tikv_jemalloc_sys::mallctl(
                BOUND.as_ptr(),
                (&raw mut found).cast(),
                &raw mut size,
                std::ptr::null_mut(),
                0,
            )
        };
        assert_eq!((code, found), (0, usize::MAX));
    }
}
