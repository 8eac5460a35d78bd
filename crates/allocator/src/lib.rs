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
static SETTINGS: Settings = Settings(c"dirty_decay_ms:5000,muzzy_decay_ms:5000,narenas:4".as_ptr());
