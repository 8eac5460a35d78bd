//! libtorch: where it is, which version, whether it loads, and how it was built.

use std::path::{Path, PathBuf};
use std::process::Command;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY};

use super::Check;

const GROUP: &str = "libtorch";
/// tch 0.24 needs exactly this one.
const WANTED: &str = "2.11.0";
const SETUP: &str = "make setup";

/// What the other checks need to know.
pub struct Libtorch {
    /// True when the CPU half loads.
    pub loads: bool,
    /// True when the CUDA half lies beside it.
    pub has_cuda: bool,
}

/// Finds libtorch as the build does: `LIBTORCH_USE_PYTORCH`, else `LIBTORCH`, else `.libtorch` of the repository.
pub fn checks(home: Option<&Path>, checks: &mut Vec<Check>) -> Libtorch {
    let none = Libtorch { loads: false, has_cuda: false };
    let (how, folder) = match locate(home) {
        Ok(found) => found,
        Err(message) => {
            checks.push(Check::missing(GROUP, "place", message, SETUP));
            return none;
        }
    };
    let lib = folder.join("lib");
    if !lib.join("libtorch_cpu.so").exists() {
        let found = format!("{} ({how}) holds no lib/libtorch_cpu.so", folder.display());
        checks.push(Check::missing(GROUP, "place", found, SETUP));
        return none;
    }
    checks.push(Check::ok(GROUP, "place", format!("{} ({how})", folder.display())));
    match version(&folder) {
        Some(version) if version.split('+').next() == Some(WANTED) => {
            checks.push(Check::ok(GROUP, "version", version));
        }
        Some(version) => {
            let found = format!("{version}, but this program is built for {WANTED}");
            checks.push(Check::missing(GROUP, "version", found, SETUP));
        }
        None => {
            let found = format!(
                "unknown: no build-version or version.py in {}; {WANTED} is needed",
                folder.display()
            );
            checks.push(Check::note(GROUP, "version", found));
        }
    }
    let has_cuda = lib.join("libtorch_cuda.so").exists();
    match load(&lib) {
        Ok(library) => {
            checks.push(Check::ok(GROUP, "loads", "libc10.so and libtorch_cpu.so"));
            match show_config(&library) {
                Some(config) => build_checks(&config, checks),
                None => checks.push(Check::note(GROUP, "MKL, oneDNN", "unknown: this build does not say")),
            }
            Libtorch { loads: true, has_cuda }
        }
        Err(message) => {
            checks.push(Check::missing(GROUP, "loads", message, SETUP));
            Libtorch { loads: false, has_cuda }
        }
    }
}

fn locate(home: Option<&Path>) -> Result<(String, PathBuf), String> {
    if std::env::var("LIBTORCH_USE_PYTORCH").is_ok_and(|v| !v.is_empty() && v != "0") {
        let output = Command::new("python3")
            .args(["-c", "import os, torch; print(os.path.dirname(torch.__file__))"])
            .output()
            .map_err(|e| format!("LIBTORCH_USE_PYTORCH is set, but python3 does not run: {e}"))?;
        if !output.status.success() {
            return Err("LIBTORCH_USE_PYTORCH is set, but python3 cannot import torch".to_owned());
        }
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        return Ok(("LIBTORCH_USE_PYTORCH".to_owned(), PathBuf::from(folder)));
    }
    if let Some(folder) = std::env::var_os("LIBTORCH").filter(|v| !v.is_empty()) {
        return Ok(("LIBTORCH".to_owned(), PathBuf::from(folder)));
    }
    let folder = home.ok_or("neither LIBTORCH is set nor a repository found")?.join(".libtorch");
    if folder.exists() {
        Ok(("made by make setup".to_owned(), folder))
    } else {
        Err("no .libtorch here".to_owned())
    }
}

/// `build-version` of a libtorch folder, else `version.py` of a PyTorch folder.
fn version(folder: &Path) -> Option<String> {
    if let Ok(text) = std::fs::read_to_string(folder.join("build-version")) {
        return Some(text.trim().to_owned());
    }
    let text = std::fs::read_to_string(folder.join("version.py")).ok()?;
    let line = text.lines().find(|line| line.starts_with("__version__"))?;
    Some(line.split(['\'', '"']).nth(1)?.to_owned())
}

/// Loads what `libtorch_cpu.so` needs from its own folder first, then itself.
fn load(lib: &Path) -> Result<Library, String> {
    let mut loaded = None;
    for name in ["libgomp.so.1", "libcudart.so.13", "libcupti.so.13", "libc10.so", "libtorch_cpu.so"] {
        let path = lib.join(name);
        if !path.exists() {
            continue;
        }
        // SAFETY: loading runs the library's initialisers; these are libtorch's own, as in every program that uses it.
        let library = unsafe { Library::open(Some(&path), RTLD_LAZY | RTLD_GLOBAL) };
        let library = library.map_err(|e| format!("{name}: {e}"))?;
        // Never unloaded: libtorch's threads and finalisers expect to live as long as the program.
        if let Some(before) = loaded.replace(library) {
            std::mem::forget(before);
        }
    }
    loaded.ok_or_else(|| format!("no libraries in {}", lib.display()))
}

/// `at::show_config()`: how libtorch was built, in its own words.
///
/// A C++ function that returns `std::string`; how that is returned is known here for x86-64 Linux only.
fn show_config(library: &Library) -> Option<String> {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    {
        /// libstdc++'s `std::string`: pointer, length, and 16 bytes that hold short texts or the capacity.
        #[repr(C)]
        struct CxxString {
            data: *const u8,
            length: usize,
            buffer: [u64; 2],
        }
        let mut text = CxxString { data: std::ptr::null(), length: 0, buffer: [0; 2] };
        // SAFETY: the mangled name fixes the signature, `std::string at::show_config()` of the C++11 ABI. The System V ABI
        // passes the place of such a result as the first argument. The text stays allocated: it is not ours to free.
        unsafe {
            let function = library
                .get::<unsafe extern "C" fn(*mut CxxString) -> *mut CxxString>(
                    b"_ZN2at11show_configB5cxx11Ev\0",
                )
                .ok()?;
            function(&raw mut text);
            if text.data.is_null() || text.length > 1 << 20 {
                return None;
            }
            let bytes = std::slice::from_raw_parts(text.data, text.length);
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
    }
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    {
        let _ = library;
        None
    }
}

/// The lines of the build's description that a user asks about.
fn build_checks(config: &str, checks: &mut Vec<Check>) {
    let line = |word: &str| {
        config.lines().map(|l| l.trim_start_matches([' ', '-'])).find(|l| l.contains(word)).map(str::to_owned)
    };
    for (name, word, without) in [
        ("MKL", "Math Kernel Library", "not built in: matrix products are slower"),
        ("oneDNN", "MKL-DNN", "not built in: LSTM layers are slower"),
        ("OpenMP", "OpenMP", "not built in: one thread only"),
    ] {
        checks.push(match line(word) {
            Some(found) => Check::ok(GROUP, name, found),
            None => Check::note(GROUP, name, without),
        });
    }
    if let Some(found) = line("CPU capability") {
        checks.push(Check::ok(GROUP, "CPU", found.trim_start_matches("CPU capability usage: ").to_owned()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Level;
    use super::*;

    #[test]
    fn versions_are_read_from_both_kinds_of_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(version(folder.path()), None);
        std::fs::write(folder.path().join("version.py"), "from x import y\n__version__ = '2.11.0+cpu'\n")
            .unwrap();
        assert_eq!(version(folder.path()).as_deref(), Some("2.11.0+cpu"));
        std::fs::write(folder.path().join("build-version"), "2.10.0\n").unwrap();
        assert_eq!(version(folder.path()).as_deref(), Some("2.10.0"));
    }

    #[test]
    fn the_build_description_is_taken_apart() {
        let mut checks = Vec::new();
        let config = "PyTorch built with:\n  - GCC 13.3\n  - Intel(R) oneAPI Math Kernel Library Version 2024.2\n  - CPU capability usage: AVX2\n";
        build_checks(config, &mut checks);
        assert_eq!(checks[0].found, "Intel(R) oneAPI Math Kernel Library Version 2024.2");
        assert_eq!((checks[1].name.as_str(), checks[1].level), ("oneDNN", Level::Note));
        assert_eq!(checks.last().unwrap().found, "AVX2");
    }
}
